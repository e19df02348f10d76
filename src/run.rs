//! Takes a request through the stages and decides what is shown where.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::analysis::base::BaseChoice;
use crate::analysis::bloat::Scope;
use crate::analysis::fixes::{NotRanges, Ranges};
use crate::analysis::{self, Analysis, OpenOptions};
use crate::archive::Selection;
use crate::cli::{Color, Request};
use crate::config::{self, Setting, Settings};
use crate::dockerfile::Dockerfile;
use crate::draft::clash::{self, Named};
use crate::draft::{self, place};
use crate::error::Error;
use crate::escape::escape;
use crate::exit::Exit;
use crate::gate::baseline::Baseline;
use crate::gate::{Rules, Verdict};
use crate::layer::load::LoadOptions;
use crate::report::github::Runner;
use crate::report::{self, Format, Style, Target};
use crate::rewrite;
use crate::size::Units;
use crate::source::Progress;
use crate::source::reference::{self, Reference};
use crate::tui::app::Options;
use crate::tui::config::Config as ScreenConfig;
use crate::tui::theme::Theme;
use crate::tui::{Ending, terminal};

/// Why the program could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The image could not be read.
    #[error(transparent)]
    Image(#[from] Error),
    /// A report could not be written.
    #[error("{target}: cannot write the report: {source}")]
    Report {
        /// Where it should have gone.
        target: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The image has no such layers.
    #[error("--merge: {0}")]
    Ranges(#[from] NotRanges),
    /// A merged image is not what it should be.
    #[error("{target}: the merged image is not what was predicted: do not use it, and report this as a defect")]
    Prediction {
        /// The archive.
        target: String,
    },
    /// Whoever reads the output has gone; nobody is left to tell.
    #[error("the reader of the output has gone")]
    ClosedPipe,
    /// The configuration file is wrong.
    #[error("{0}")]
    Config(String),
    /// The signals that end the program cannot be caught.
    #[error("cannot catch signals: {0}")]
    Signals(io::Error),
    /// The terminal cannot be used.
    #[error("the terminal cannot be used: {0}")]
    Terminal(io::Error),
}

impl Failure {
    /// Returns what the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Failure::Image(error) => error.hint(),
            Failure::Terminal(_) => Some("for the text summary, send the output through a pipe: layerlens IMAGE | cat"),
            Failure::Report { .. }
            | Failure::Ranges(_)
            | Failure::Prediction { .. }
            | Failure::Config(_)
            | Failure::Signals(_)
            | Failure::ClosedPipe => None,
        }
    }

    /// Returns how the program ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Failure::ClosedPipe => Exit::Success,
            Failure::Ranges(_) | Failure::Config(_) => Exit::Usage,
            Failure::Image(_)
            | Failure::Report { .. }
            | Failure::Prediction { .. }
            | Failure::Signals(_)
            | Failure::Terminal(_) => Exit::Unreadable,
        }
    }

    fn report(target: &Target, source: io::Error) -> Self {
        match target {
            Target::Stdout if source.kind() == io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            Target::Stdout => Failure::Report { target: "stdout".to_owned(), source },
            Target::File(path) => Failure::Report { target: escape_path(path), source },
        }
    }
}

/// A request with all that files and variables add to it.
struct Prepared {
    request: Request,
    rules: Rules,
    units: Units,
    dockerfile: Option<Arc<Dockerfile>>,
    /// The files of a workflow's runner, where its annotations were asked for.
    runner: Option<Runner>,
}

/// Prints a text.
///
/// # Errors
/// Where nobody reads it any more.
pub fn print(text: &[u8]) -> Result<Exit, Failure> {
    let written = Target::Stdout.write(|out| out.write_all(text));
    written.map_err(|source| Failure::report(&Target::Stdout, source)).map(|()| Exit::Success)
}

/// Prints what is set.
///
/// # Errors
/// Where something is set wrong.
pub fn print_config(flags: Settings, choice: &config::Choice) -> Result<Exit, Failure> {
    let settings = config::load(choice, std::env::vars_os()).map_err(Failure::Config)?.under(flags);
    print(settings.to_toml().as_bytes())
}

/// Does what was asked; notes for people go to `notes`.
///
/// # Errors
/// Where the image cannot be read or a report not be written.
pub fn run(request: Request, notes: &mut dyn Write) -> Result<Exit, Failure> {
    let is_summary = !request.gate && !request.writes_files() && request.merge.is_none();
    let opens_screen = is_summary && is_terminal();
    if !opens_screen {
        draft::remove_on_signals().map_err(Failure::Signals)?;
    }
    let prepared = &prepare(request)?;
    let Prepared { request, rules, .. } = prepared;
    if opens_screen {
        return browse(prepared);
    }
    let bar = Bar::start(&request.open.load.progress);
    let analysis = analysis::open(&request.image, &request.open);
    bar.stop();
    let analysis = analysis?;
    note_others(&analysis, notes);
    if let Some(ranges) = &request.merge {
        write_what_if(prepared, &analysis, ranges)?;
        if let Some(out) = &request.write {
            write_merged(prepared, &analysis, ranges, out)?;
        }
        if !request.gate && !request.writes_files() {
            return Ok(Exit::Success);
        }
    }
    let verdict = request.gate.then(|| rules.judge(&analysis));
    match write_reports(prepared, &analysis, verdict.as_ref()) {
        // Nobody reads the rest; the verdict stands all the same.
        Ok(()) | Err(Failure::ClosedPipe) => {}
        Err(failure) => return Err(failure),
    }
    // The process ends here: giving millions of entries back one by one would only take time.
    let passed = verdict.is_none_or(|verdict| verdict.passed());
    std::mem::forget(analysis);
    Ok(if passed { Exit::Success } else { Exit::RuleBroken })
}

/// Finds out what can be known before the image is read: whether targets can be written, what is set where, what the image
/// is to be compared with.
fn prepare(mut request: Request) -> Result<Prepared, Failure> {
    for target in request.reports.iter().map(|wanted| &wanted.target).chain(&request.write_baseline) {
        target.check().map_err(|source| Failure::report(target, source))?;
    }
    if let Some(path) = &request.write_config {
        let target = Target::File(path.clone());
        if path.exists() {
            return Err(Failure::Config(format!("--write-config: {}: exists already", escape_path(path))));
        }
        target.check().map_err(|source| Failure::report(&target, source))?;
    }
    if let Some(out) = &request.write {
        let target = Target::File(out.clone());
        target.check().map_err(|source| Failure::report(&target, source))?;
    }
    let wants_runner = request.reports.iter().any(|wanted| wanted.format == Format::Github);
    let runner = wants_runner.then(|| Runner::from_variables(|name| std::env::var_os(name)));
    for target in runner.iter().flat_map(Runner::files).map(|path| Target::File(path.clone())) {
        target.check().map_err(|source| Failure::report(&target, source))?;
    }
    let flags = std::mem::take(&mut request.settings);
    let settings = config::load(&request.config, std::env::vars_os()).map_err(Failure::Config)?.under(flags);
    request.open.base = base(&settings);
    request.open.min_saving = settings.last(|setting| match setting {
        Setting::MinSaving(bytes) => Some(*bytes),
        _ => None,
    });
    check_outputs(&request, &settings, runner.as_ref())?;
    let units = settings.last(|setting| match setting {
        Setting::Units(units) => Some(*units),
        _ => None,
    });
    let dockerfile = dockerfile(&settings)?;
    let mut rules = settings.rules();
    rules.baseline = baseline(&settings, &request)?;
    if let Some(rule) = rules.limits.keys().find(|rule| rule.needs_baseline() && rules.baseline.is_none()) {
        return Err(Failure::Config(format!("{} needs something to compare with: --baseline FILE", rule.name())));
    }
    Ok(Prepared { request, rules, units: units.unwrap_or_default(), dockerfile, runner })
}

/// Makes sure that nothing that is read gets overwritten, and that no two outputs go to one file. The baseline may be both
/// read and replaced: it is read first.
fn check_outputs(request: &Request, settings: &Settings, runner: Option<&Runner>) -> Result<(), Failure> {
    let named = |name: &str, path| Named { name: name.to_owned(), path };
    let mut outputs = Vec::new();
    for report in &request.reports {
        if let Target::File(path) = &report.target {
            outputs.push(named(&format!("--report {}", report.format.name()), path.as_path()));
        }
    }
    if let Some(Target::File(path)) = &request.write_baseline {
        outputs.push(named("--write-baseline", path));
    }
    outputs.extend(request.write.iter().map(|path| named("--write", path)));
    outputs.extend(request.write_config.iter().map(|path| named("--write-config", path)));
    outputs.extend(runner.into_iter().flat_map(Runner::files).map(|path| named("the runner's file", path)));
    let image = reference::parse(&request.image);
    let mut inputs = match &image {
        Ok(Reference::Path(path) | Reference::DockerRoot(path)) => vec![named("the image", path.as_path())],
        Ok(Reference::Stdin) => vec![named("the image", Path::new("/dev/stdin"))],
        _ => Vec::new(),
    };
    inputs.extend(settings.list.iter().filter_map(|set| match &set.setting {
        Setting::Base(path) => Some(named("--base", path)),
        Setting::Dockerfile(path) => Some(named("--dockerfile", path)),
        _ => None,
    }));
    clash::check(&outputs, &inputs).map_err(|clash| Failure::Config(clash.to_string()))
}

fn base(settings: &Settings) -> BaseChoice {
    let chosen = settings.last(|setting| match setting {
        Setting::Base(path) => Some(BaseChoice::Image(path.clone())),
        Setting::BaseLayers(count) => Some(BaseChoice::Layers(*count)),
        _ => None,
    });
    chosen.unwrap_or_default()
}

fn dockerfile(settings: &Settings) -> Result<Option<Arc<Dockerfile>>, Failure> {
    let path = settings.last(|setting| match setting {
        Setting::Dockerfile(path) => Some(path),
        _ => None,
    });
    let Some(path) = path else { return Ok(None) };
    let file = Dockerfile::read(path);
    file.map(|file| Some(Arc::new(file)))
        .map_err(|error| Failure::Config(format!("--dockerfile: {}: {error}", escape_path(path))))
}

fn baseline(settings: &Settings, request: &Request) -> Result<Option<Baseline>, Failure> {
    let path = settings.last(|setting| match setting {
        Setting::Baseline(path) => Some(path),
        _ => None,
    });
    let load = &request.open.load;
    let selection = Selection { image: None, platform: load.selection.platform.clone() };
    let load = LoadOptions { selection, access: load.access.clone(), ..LoadOptions::default() };
    let options = OpenOptions { load, base: request.open.base.clone(), ..OpenOptions::default() };
    Ok(path.map(|path| Baseline::read(path, &options)).transpose()?)
}

/// Says whether a person looks at stdout: some pipelines have terminals, but nobody who presses keys.
fn is_terminal() -> bool {
    io::stdout().is_terminal() && !is_pipeline()
}

/// Says whether this is a pipeline, as all of them do. Only looks depend on it.
fn is_pipeline() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

fn escape_path(path: &Path) -> String {
    escape(path.as_os_str().as_encoded_bytes())
}

/// Opens the screen.
fn browse(prepared: &Prepared) -> Result<Exit, Failure> {
    let Prepared { request, rules, units, .. } = prepared;
    let config = ScreenConfig::load().map_err(Failure::Config)?;
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_mono = request.color == Color::Never || (request.color == Color::Auto && no_color);
    let theme = if is_mono { Some(Theme::Mono) } else { request.theme.or(config.theme) };
    let options = Options {
        theme: theme.unwrap_or_default(),
        keys: config.keys,
        units: *units,
        mouse: !request.no_mouse && config.mouse.unwrap_or(true),
        rules: rules.clone(),
        source: request.image.clone(),
        access: request.open.load.access.clone(),
        progress: Arc::clone(&request.open.load.progress),
    };
    match terminal::run(options, &request.open).map_err(Failure::Terminal)? {
        Ending::Quit | Ending::Closed => Ok(Exit::Success),
        Ending::Failed(error) => Err(Failure::Image(error)),
        Ending::Signal(signal) => {
            terminal::die_of(signal);
            Ok(Exit::Success)
        }
        Ending::Died => Ok(Exit::Unreadable),
    }
}

fn note_others(analysis: &Analysis, notes: &mut dyn Write) {
    let others = &analysis.spec.others;
    if others.is_empty() {
        return;
    }
    let shown = analysis.spec.tags.first().map_or_else(|| analysis.spec.id.short(), |tag| escape(tag.as_bytes()));
    let more = others.len().saturating_sub(10);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let list = others.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
    // A note that nobody can read is no reason to fail.
    let _ = writeln!(
        notes,
        "layerlens: note: showing {shown} ({}); there is also {list}{more} (choose with --image and --platform)",
        analysis.spec.platform
    );
}

fn write_what_if(prepared: &Prepared, analysis: &Analysis, ranges: &Ranges) -> Result<(), Failure> {
    let what_if = analysis.what_if(ranges)?;
    let style = prepared.style(&Target::Stdout);
    let written = Target::Stdout.write(|mut out| report::text::write_what_if(analysis, &what_if, &style, &mut out));
    written.map_err(|source| Failure::report(&Target::Stdout, source))
}

/// Writes the merged image, reads it again, and holds it to what was said about it.
fn write_merged(prepared: &Prepared, analysis: &Analysis, ranges: &Ranges, out: &Path) -> Result<(), Failure> {
    let target = Target::File(out.to_owned());
    let expected = analysis.what_if(ranges)?;
    let merged = rewrite::merge(analysis, ranges)?;
    target.write(|out| merged.write(out)).map_err(|source| Failure::report(&target, source))?;
    let name = escape_path(out);
    if place::is_special(out) {
        return print(format!("{name}: written; what goes to a pipe or device is not read again\n").as_bytes())
            .map(drop);
    }
    let options = OpenOptions { bloat: Scope::Nothing, ..OpenOptions::default() };
    let found = analysis::open(out, &options)?;
    let figures = |stored, wasted, layers| (stored, wasted, layers);
    let (expected, found) = (
        figures(expected.stored_bytes, expected.wasted_bytes, expected.layer_count),
        figures(found.totals.stored_bytes, found.totals.wasted_bytes, found.layers.len()),
    );
    if expected != found {
        return Err(Failure::Prediction { target: name });
    }
    let (stored, wasted) = (prepared.units.show(found.0), prepared.units.show(found.1));
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{name}: written and read again: {stored} in {} layers, {wasted} wasted, as predicted", found.2)
        .map_err(|source| Failure::report(&Target::Stdout, source))
}

fn write_reports(prepared: &Prepared, analysis: &Analysis, verdict: Option<&Verdict>) -> Result<(), Failure> {
    let request = &prepared.request;
    if let Some(path) = &request.write_config {
        let text = config::write::config_for(analysis);
        let written = Target::write_new(path, |out| out.write_all(text.as_bytes()));
        written.map_err(|source| Failure::report(&Target::File(path.clone()), source))?;
    }
    if let Some(target) = &request.write_baseline {
        let written = target.write(|mut out| report::json::write_baseline(analysis, &mut out));
        written.map_err(|source| Failure::report(target, source))?;
    }
    if let Some(runner) = &prepared.runner {
        let written = runner.write(analysis, verdict, &prepared.style(&Target::Stdout));
        written.map_err(|(path, source)| Failure::report(&Target::File(path), source))?;
    }
    let to_stdout = request.reports.iter().any(|report| report.target == Target::Stdout);
    let summary = report::Request { format: Format::Text, target: Target::Stdout };
    // Reports that go to files leave stdout to the summary.
    let summary = (!to_stdout).then_some(&summary);
    for wanted in request.reports.iter().chain(summary) {
        let style = prepared.style(&wanted.target);
        let written = wanted.target.write(|mut out| report::write(wanted.format, analysis, verdict, &style, &mut out));
        written.map_err(|source| Failure::report(&wanted.target, source))?;
    }
    Ok(())
}

impl Request {
    /// Says whether files are wanted: then stdout is for the summary, not for the screen.
    fn writes_files(&self) -> bool {
        !self.reports.is_empty() || self.write_config.is_some() || self.write_baseline.is_some()
    }
}

impl Prepared {
    fn style(&self, target: &Target) -> Style {
        let request = &self.request;
        let is_terminal = *target == Target::Stdout && is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = match request.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && !no_color,
        };
        let columns = is_terminal.then(terminal_size::terminal_size).flatten().map(|(width, _)| usize::from(width.0));
        Style {
            units: self.units,
            color,
            width: columns.unwrap_or(100),
            with_changes: request.with_changes,
            dockerfile: self.dockerfile.clone(),
        }
    }
}

/// A progress bar on stderr, for loads that take over a second, on a terminal only.
struct Bar(Option<(Sender<()>, JoinHandle<()>)>);

const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);

impl Bar {
    fn start(progress: &Arc<Progress>) -> Self {
        if !io::stderr().is_terminal() || is_pipeline() {
            return Bar(None);
        }
        let (stop, stopped) = channel();
        let progress = Arc::clone(progress);
        let thread = thread::spawn(move || {
            if stopped.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let (_, total) = progress.bytes();
            let template = match total {
                0 => "{spinner} reading  {bytes}  {bytes_per_sec}",
                _ => "reading  {bar:30}  {bytes} of {total_bytes}  {bytes_per_sec}  {eta}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let (done, total) = progress.bytes();
                if total > 0 {
                    bar.set_length(total);
                }
                bar.set_position(done);
                bar.tick();
            }
            bar.finish_and_clear();
        });
        Bar(Some((stop, thread)))
    }

    fn stop(self) {
        if let Bar(Some((stop, thread))) = self {
            drop(stop);
            // A bar that died has nothing more to say.
            let _ = thread.join();
        }
    }
}
