//! Does what was asked: settles a `plan`, reads the image, judges it, shows it.
//!
//! `plan` puts flags, files and surroundings together and is tested a case a line; `inputs` reads what is needed beside the
//! image; `progress`, `screen`, `rewrite` and `output` show; [`Failure`] says what went wrong and what the exit code is.

mod failure;
mod inputs;
mod output;
mod plan;
mod progress;
mod rewrite;
mod screen;
mod surroundings;

use std::io::Write;
use std::path::Path;

use inputs::Inputs;
use plan::Plan;
use progress::Bar;
use surroundings::Surroundings;

use crate::analysis::base::BaseChoice;
use crate::analysis::{self, Analysis};
use crate::cli::Request;
use crate::config::{self, Settings};
use crate::draft;
use crate::escape::{Notation, escape, log_safe};
use crate::exit::Exit;
use crate::report::Output;

pub use failure::Failure;

/// Prints a text.
///
/// # Errors
/// Where it cannot be written, or nobody reads it any more.
pub fn print(text: &[u8]) -> Result<Exit, Failure> {
    let written = Output::Stdout.write(|out| out.write_all(text));
    written.map_err(|source| Failure::writing(&Output::Stdout, source)).map(|()| Exit::Success)
}

/// Prints what is set.
///
/// # Errors
/// Where something is set wrong.
pub fn print_config(flags: Settings, choice: &config::Choice) -> Result<Exit, Failure> {
    print(log_safe(&settings(flags, choice)?.to_toml(), Notation::Json).as_bytes())
}

fn settings(flags: Settings, choice: &config::Choice) -> Result<Settings, Failure> {
    Ok(config::load(choice, std::env::vars_os()).map_err(Failure::Usage)?.under(flags))
}

/// Does what was asked; notes for people go to `notes`.
///
/// # Errors
/// Where the image cannot be read or a report not be written.
pub fn run(mut request: Request, notes: &mut dyn Write) -> Result<Exit, Failure> {
    let settings = settings(std::mem::take(&mut request.settings), &request.config)?;
    settings.check().map_err(Failure::Usage)?;
    let mut plan = Plan::settle(request, &settings, &Surroundings::now())?;
    if !plan.opens_screen {
        draft::remove_on_signals().map_err(Failure::Signals)?;
    }
    output::check(&plan)?;
    let inputs = Inputs::read(&mut plan)?;
    if plan.opens_screen {
        return screen::browse(plan);
    }
    let bar = Bar::start(plan.look.shows_progress, &plan.open.load.progress);
    let analysis = analysis::open(&plan.image, &plan.open);
    bar.stop();
    let analysis = analysis?;
    check_base(&plan, &analysis)?;
    output::note_others(&analysis, notes);
    output::note_dockerfile(&plan, &analysis, notes);
    output::check_patch(&plan, &analysis)?;
    let exit = show(&plan, &inputs, &analysis);
    // The process ends here: giving millions of entries back one by one would only take time.
    std::mem::forget(analysis);
    exit
}

/// A base that is larger than the image is a mistake, and would make all waste somebody else's.
fn check_base(plan: &Plan, analysis: &Analysis) -> Result<(), Failure> {
    let found = analysis.layers.len();
    match plan.open.base {
        BaseChoice::Layers(count) if count as usize > found => {
            let origin = &plan.base_origin;
            Err(Failure::Usage(format!("{origin}--base-layers {count}: the image has only {found} layers")))
        }
        _ => Ok(()),
    }
}

fn show(plan: &Plan, inputs: &Inputs, analysis: &Analysis) -> Result<Exit, Failure> {
    if let Some(wanted) = &plan.rewrite {
        rewrite::show(plan, inputs, analysis, wanted)?;
    }
    let verdict = plan.is_gate.then(|| plan.rules.judge(analysis));
    unless_closed(output::write(plan, inputs, analysis, verdict.as_ref()))?;
    let passed = verdict.is_none_or(|verdict| verdict.passed());
    Ok(if passed { Exit::Success } else { Exit::RuleBroken })
}

/// Goes on where nobody reads stdout any more: files are written and the verdict stands all the same.
fn unless_closed(written: Result<(), Failure>) -> Result<(), Failure> {
    match written {
        Err(Failure::ClosedPipe) => Ok(()),
        other => other,
    }
}

fn escape_path(path: &Path) -> String {
    escape(path.as_os_str().as_encoded_bytes())
}
