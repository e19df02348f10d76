//! `--merge`, `--apply` and `--write`: what other layers would save, and the proof of it.

use std::io::{self, Write};
use std::path::Path;

use super::inputs::Inputs;
use super::plan::{Plan, Rewrite};
use super::{Failure, escape_path, output, print, unless_closed};
use crate::analysis::findings::Scope;
use crate::analysis::fixes::WhatIf;
use crate::analysis::{self, Analysis, Chosen, Finding, OpenOptions};
use crate::draft::place;
use crate::report::{self, Output};
use crate::rewrite::{self, Removal, Rewritten, Trial, proof};

/// Shows what the new image would be, and writes it where that is wanted.
pub(super) fn show(plan: &Plan, inputs: &Inputs, analysis: &Analysis, wanted: &Rewrite) -> Result<(), Failure> {
    match wanted {
        Rewrite::Merge(ranges) => {
            let make = || rewrite::merge(analysis, ranges);
            let expected = Expected { what_if: &analysis.what_if(ranges)?, removal: &Removal::default() };
            show_and_write(plan, inputs, analysis, &expected, make)
        }
        Rewrite::Apply(choice) => {
            let chosen = choice.of(analysis)?;
            note_left_out(plan, &chosen)?;
            let trial = Trial::new(analysis, &chosen.fixes, &chosen.findings);
            let expected = Expected { what_if: &trial.prediction(), removal: trial.removal() };
            show_and_write(plan, inputs, analysis, &expected, || trial.make())
        }
    }
}

/// What the new image has to be.
struct Expected<'a> {
    what_if: &'a WhatIf,
    /// What containers do not see any more.
    removal: &'a Removal,
}

/// Says which findings no trial can make.
fn note_left_out(plan: &Plan, chosen: &Chosen<'_>) -> Result<(), Failure> {
    let line = |finding: &&Finding| {
        let bytes = plan.look.units.show(finding.bytes);
        format!("{} is left out: it is about parts of files ({bytes}); run strip on them in the build\n", finding.id)
    };
    let lines: String = chosen.left_out.iter().map(line).collect();
    if lines.is_empty() { Ok(()) } else { unless_closed(print(lines.as_bytes()).map(drop)) }
}

fn show_and_write(
    plan: &Plan,
    inputs: &Inputs,
    analysis: &Analysis,
    expected: &Expected<'_>,
    make: impl FnOnce() -> crate::error::Result<Rewritten>,
) -> Result<(), Failure> {
    let style = output::style(plan, inputs, analysis, &Output::Stdout);
    let written =
        Output::Stdout.write(|mut out| report::text::write_what_if(analysis, expected.what_if, &style, &mut out));
    unless_closed(written.map_err(|source| Failure::writing(&Output::Stdout, source)))?;
    match &plan.write {
        Some(out) => write(plan, analysis, expected, &make()?, out),
        None => Ok(()),
    }
}

/// Writes the new image, reads it again, and holds it to the prediction.
fn write(
    plan: &Plan,
    analysis: &Analysis,
    expected: &Expected<'_>,
    made: &Rewritten,
    out: &Path,
) -> Result<(), Failure> {
    let target = Output::File(out.to_owned());
    target.write(|out| made.write(out)).map_err(|source| Failure::writing(&target, source))?;
    let name = escape_path(out);
    if place::is_special(out) {
        let told = print(format!("{name}: written; what goes to a pipe or device is not read again\n").as_bytes());
        return unless_closed(told.map(drop));
    }
    let options = OpenOptions { findings: Scope::Nothing, ..OpenOptions::default() };
    let found = analysis::open(out, &options)?;
    if let Some(problem) = problem(analysis, expected, &found)? {
        return Err(Failure::Prediction { target: name, problem });
    }
    let units = plan.look.units;
    let (stored, wasted) = (units.show(found.totals.stored_bytes), units.show(found.totals.wasted_bytes));
    let files = if expected.removal.is_empty() { "the same files" } else { "the same files but those of the findings" };
    let mut stdout = io::stdout().lock();
    let told = writeln!(
        stdout,
        "{name}: written and read again: {files}, {stored} in {} layers, {wasted} wasted, as predicted",
        found.layers.len()
    );
    unless_closed(told.map_err(|source| Failure::writing(&Output::Stdout, source)))
}

/// Says what is not as it should be.
fn problem(analysis: &Analysis, expected: &Expected<'_>, found: &Analysis) -> Result<Option<String>, Failure> {
    let Expected { what_if, removal } = expected;
    let figures = [
        ("stored bytes", what_if.stored_bytes, found.totals.stored_bytes),
        ("bytes in the final image", what_if.final_bytes, found.totals.final_bytes),
        ("wasted bytes", what_if.wasted_bytes, found.totals.wasted_bytes),
        ("layers", what_if.layer_count as u64, found.layers.len() as u64),
    ];
    if let Some(difference) = proof::difference(analysis, found, removal)? {
        return Ok(Some(difference));
    }
    let other = figures.iter().find(|(_, expected, found)| expected != found);
    Ok(other.map(|(what, expected, found)| format!("{found} {what}, expected {expected}")))
}
