//! Flags, settings and surroundings, settled into a plan: what is read, what is shown and where. Reads no file.

use std::path::PathBuf;
use std::time::Duration;

use super::Failure;
use super::surroundings::Surroundings;
use crate::analysis::base::BaseChoice;
use crate::analysis::findings::Scope;
use crate::analysis::fixes::Ranges;
use crate::analysis::{Choice, OpenOptions};
use crate::cli::{Color, Request, ScreenArgs};
use crate::config::{Origin, Set, Setting, Settings};
use crate::draft::clash::Named;
use crate::gate::Rules;
use crate::report::github::Runner;
use crate::report::{self, Format, Output};
use crate::size::Units;

/// What is going to be done.
#[derive(Debug)]
pub(super) struct Plan {
    /// The input.
    pub(super) image: PathBuf,
    /// How it is read.
    pub(super) open: OpenOptions,
    /// Whether the screen opens; then nothing is printed.
    pub(super) opens_screen: bool,
    /// Whether the verdict is printed and decides the exit code.
    pub(super) is_gate: bool,
    /// What the image is held to, without the baseline.
    pub(super) rules: Rules,
    /// What the image is compared with.
    pub(super) baseline: Option<PathBuf>,
    /// What the image was built from.
    pub(super) dockerfile: Option<PathBuf>,
    /// Whether the Dockerfile of the current folder is looked for.
    pub(super) finds_dockerfile: bool,
    /// Another image that is shown first.
    pub(super) rewrite: Option<Rewrite>,
    /// The place of `base-layers`, to begin a message with; empty for the command line.
    pub(super) base_origin: String,
    /// Where that image goes.
    pub(super) write: Option<PathBuf>,
    /// Where the limits of today are written.
    pub(super) write_config: Option<PathBuf>,
    /// Where the numbers of today are written.
    pub(super) write_baseline: Option<Output>,
    /// The files of a workflow's runner, where its annotations are wanted.
    pub(super) runner: Option<Runner>,
    /// The reports in the order in which they are written, the summary among them.
    pub(super) reports: Vec<report::Request>,
    /// How things look.
    pub(super) look: Look,
}

/// What is made of the image.
#[derive(Debug)]
pub(super) enum Rewrite {
    /// Layers become one.
    Merge(Ranges),
    /// Fixes and findings are made.
    Apply(Choice),
}

/// How things look.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) units: Units,
    /// What is coloured.
    pub(super) colors: Colors,
    /// The width of stdout.
    pub(super) columns: Option<usize>,
    /// Whether a bar shows how far the reading has come.
    pub(super) shows_progress: bool,
    pub(super) with_changes: bool,
    /// How the screen looks.
    pub(super) screen: ScreenArgs,
}

/// What is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colors {
    /// Neither text nor screen.
    Nothing,
    /// The screen, but no text.
    Screen,
    /// The screen, and what goes to stdout.
    Stdout,
    /// Files, too.
    All,
}

impl Plan {
    /// Settles what is going to be done.
    ///
    /// # Errors
    /// Where what was asked for cannot be done together.
    pub(super) fn settle(request: Request, settings: &Settings, around: &Surroundings) -> Result<Self, Failure> {
        let wants_files = !request.reports.is_empty() || request.write_config.is_some();
        let wants_files = wants_files || request.write_baseline.is_some();
        // The command line takes one of them.
        let rewrite = request.merge.map(Rewrite::Merge).or(request.apply.map(Rewrite::Apply));
        let has_other_use = request.gate || wants_files || rewrite.is_some();
        let opens_screen = !has_other_use && around.is_stdout_watched && around.has_screen;
        // A rule that was typed is judged, with or without --ci; the screen shows its verdict and leaves the exit code alone.
        let is_gate = request.gate || (has_typed_rule(settings) && !opens_screen);
        let mut open = request.open;
        open.base = base(settings);
        open.min_saving = settings.last(|setting| match setting {
            Setting::MinSaving(bytes) => Some(*bytes),
            _ => None,
        });
        let seconds = settings.last(|setting| match setting {
            Setting::Timeout(seconds) => Some(*seconds),
            _ => None,
        });
        open.load.access.timeout = seconds.map_or(open.load.access.timeout, Duration::from_secs);
        let rules = settings.rules();
        let needs_findings = rules.limits.keys().any(|rule| rule.needs_findings());
        let needs_findings = needs_findings
            || match &rewrite {
                Some(Rewrite::Apply(choice)) => choice.takes_findings(),
                _ => false,
            };
        open.findings = findings(request.ask, is_gate && !needs_findings, &request.reports);
        let baseline = path(settings, Which::Baseline);
        if let Some(rule) = rules.limits.keys().find(|rule| rule.needs_baseline() && baseline.is_none()) {
            return Err(Failure::Usage(format!("{} needs something to compare with: --baseline FILE", rule.name())));
        }
        let wants_runner = request.reports.iter().any(|wanted| wanted.format == Format::Github);
        let is_what_if = rewrite.is_some() && !is_gate && !wants_files;
        Ok(Plan {
            image: request.image,
            open,
            opens_screen,
            is_gate,
            rules,
            baseline,
            dockerfile: path(settings, Which::Dockerfile),
            finds_dockerfile: !request.no_dockerfile,
            base_origin: settings
                .origin(|setting| matches!(setting, Setting::BaseLayers(_)))
                .filter(|origin| **origin != Origin::Flag)
                .map_or_else(String::new, |origin| format!("{origin}: ")),
            rewrite,
            write: request.write,
            write_config: request.write_config,
            write_baseline: request.write_baseline,
            runner: wants_runner.then(|| around.runner.clone()),
            reports: if is_what_if { Vec::new() } else { with_summary(request.reports) },
            look: Look {
                units: units(settings),
                colors: colors(request.color, around),
                columns: around.columns,
                shows_progress: around.is_stderr_watched,
                with_changes: request.with_changes,
                screen: request.screen,
            },
        })
    }

    /// Returns the files that are written, named as people know them.
    pub(super) fn outputs(&self) -> Vec<Named<'_>> {
        let mut outputs = Vec::new();
        let mut add = |name: &str, path| outputs.push(Named { name: name.to_owned(), path });
        for report in &self.reports {
            if let Output::File(path) = &report.target {
                add(&format!("--report {}", report.format.name()), path.as_path());
            }
        }
        if let Some(Output::File(path)) = &self.write_baseline {
            add("--write-baseline", path);
        }
        self.write.iter().for_each(|path| add("--write", path));
        self.write_config.iter().for_each(|path| add("--write-config", path));
        self.runner.iter().flat_map(Runner::files).for_each(|path| add("the runner's file", path));
        outputs
    }
}

fn has_typed_rule(settings: &Settings) -> bool {
    let is_rule = |set: &Set| matches!(set.setting, Setting::Limit(..) | Setting::Forbid(_));
    settings.list.iter().any(|set| set.origin == Origin::Flag && is_rule(set))
}

/// Reports that go to files leave stdout to the summary.
fn with_summary(mut reports: Vec<report::Request>) -> Vec<report::Request> {
    if reports.iter().all(|report| report.target != Output::Stdout) {
        reports.push(report::Request { format: Format::Text, target: Output::Stdout });
    }
    reports
}

/// A gate that only people read says nothing about what is live.
fn findings(with_ask: bool, is_gate: bool, reports: &[report::Request]) -> Scope {
    match with_ask {
        true => Scope::WithAsk,
        false if is_gate && reports.iter().all(|report| !report.format.shows_findings()) => Scope::Nothing,
        false => Scope::Usual,
    }
}

fn colors(wanted: Color, around: &Surroundings) -> Colors {
    match wanted {
        Color::Always => Colors::All,
        Color::Auto if around.no_color => Colors::Nothing,
        Color::Auto if around.is_stdout_watched => Colors::Stdout,
        Color::Auto => Colors::Screen,
        Color::Never => Colors::Nothing,
    }
}

fn base(settings: &Settings) -> BaseChoice {
    let chosen = settings.last(|setting| match setting {
        Setting::Base(path) => Some(BaseChoice::Image(path.clone())),
        Setting::BaseLayers(count) => Some(BaseChoice::Layers(*count)),
        _ => None,
    });
    chosen.unwrap_or_default()
}

fn units(settings: &Settings) -> Units {
    let units = settings.last(|setting| match setting {
        Setting::Units(units) => Some(*units),
        _ => None,
    });
    units.unwrap_or_default()
}

/// A setting that names a file.
#[derive(Clone, Copy)]
enum Which {
    Baseline,
    Dockerfile,
}

fn path(settings: &Settings, which: Which) -> Option<PathBuf> {
    settings.last(|setting| match (setting, which) {
        (Setting::Baseline(path), Which::Baseline) | (Setting::Dockerfile(path), Which::Dockerfile) => {
            Some(path.clone())
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Task, parse};

    fn terminal() -> Surroundings {
        Surroundings { is_stdout_watched: true, is_stderr_watched: true, has_screen: true, ..Surroundings::default() }
    }

    fn pipe() -> Surroundings {
        Surroundings { has_screen: true, ..Surroundings::default() }
    }

    fn settled(flags: &str, around: &Surroundings) -> Result<Plan, Failure> {
        let arguments = ["layerlens", "image.tar"].into_iter().chain(flags.split_whitespace());
        let Task::Run(mut request) = parse(arguments).unwrap_or_else(|error| panic!("{flags}: {error}")) else {
            panic!("{flags} runs nothing");
        };
        let settings = std::mem::take(&mut request.settings);
        Plan::settle(*request, &settings, around)
    }

    fn plan(flags: &str, around: &Surroundings) -> Plan {
        settled(flags, around).unwrap_or_else(|error| panic!("{flags}: {error}"))
    }

    /// What is shown, in words.
    fn shown(flags: &str, around: &Surroundings) -> String {
        let plan = plan(flags, around);
        let name = |format| Format::ALL.iter().find(|(_, known)| *known == format).map_or("?", |(name, _)| *name);
        let report = |wanted: &report::Request| match &wanted.target {
            Output::Stdout => name(wanted.format).to_owned(),
            Output::File(path) => format!("{}={}", name(wanted.format), path.display()),
        };
        let screen = plan.opens_screen.then(|| "screen".to_owned());
        let rewrite = plan.rewrite.as_ref().map(|rewrite| match rewrite {
            Rewrite::Merge(_) => "merge".to_owned(),
            Rewrite::Apply(_) => "apply".to_owned(),
        });
        let reports: Vec<String> = if plan.opens_screen { vec![] } else { plan.reports.iter().map(report).collect() };
        let gate = plan.is_gate.then(|| "gate".to_owned());
        screen.into_iter().chain(rewrite).chain(reports).chain(gate).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_shown_where() {
        for (flags, on_terminal, in_pipe) in [
            ("", "screen", "text"),
            ("--base-layers 1", "screen", "text"),
            ("--ci", "text gate", "text gate"),
            ("--ci --max-waste 1MB", "text gate", "text gate"),
            ("--max-waste 1MB", "screen", "text gate"),
            ("--warn max-layers=9", "screen", "text gate"),
            ("--forbid *.pem", "screen", "text gate"),
            ("--ignore *.pem", "screen", "text"),
            ("--max-waste 1MB --report json", "json gate", "json gate"),
            ("--max-waste 1MB --merge 1..2", "merge text gate", "merge text gate"),
            ("--report json", "json", "json"),
            ("--report text", "text", "text"),
            ("--report json=a", "json=a text", "json=a text"),
            ("--report json=a --report csv", "json=a csv", "json=a csv"),
            ("--report json=a --ci", "json=a text gate", "json=a text gate"),
            ("--write-baseline b", "text", "text"),
            ("--write-config", "text", "text"),
            ("--merge 1..2", "merge", "merge"),
            ("--merge 1..2 --ci", "merge text gate", "merge text gate"),
            ("--apply fixes", "apply", "apply"),
            ("--apply merge-1-2 --ci", "apply text gate", "apply text gate"),
            ("--merge 1..2 --report json", "merge json", "merge json"),
        ] {
            assert_eq!(shown(flags, &terminal()), on_terminal, "{flags:?} on a terminal");
            assert_eq!(shown(flags, &pipe()), in_pipe, "{flags:?} in a pipe");
        }
        assert_eq!(shown("", &Surroundings { has_screen: false, ..terminal() }), "text", "a build without a screen");
    }

    #[test]
    fn when_there_are_colours() {
        let no_color = Surroundings { no_color: true, ..terminal() };
        for (flags, around, colors) in [
            ("", terminal(), Colors::Stdout),
            ("", pipe(), Colors::Screen),
            ("", no_color.clone(), Colors::Nothing),
            ("--color always", pipe(), Colors::All),
            ("--color always", no_color, Colors::All),
            ("--color never", terminal(), Colors::Nothing),
        ] {
            assert_eq!(plan(flags, &around).look.colors, colors, "{flags:?} {around:?}");
        }
    }

    #[test]
    fn when_findings_are_looked_for() {
        for (flags, scope) in [
            ("", Scope::Usual),
            ("--ci", Scope::Nothing),
            ("--ci --report markdown", Scope::Nothing),
            ("--ci --report json", Scope::Usual),
            ("--ci --ask", Scope::WithAsk),
            ("--ci --max-needless 10%", Scope::Usual),
            ("--ci --warn max-needless=1MB", Scope::Usual),
            ("--ci --apply fixes", Scope::Nothing),
            ("--ci --apply likely", Scope::Usual),
        ] {
            assert_eq!(plan(flags, &pipe()).open.findings, scope, "{flags:?}");
        }
    }

    #[test]
    fn what_is_written_is_checked() {
        let runner = Runner { summary: None, output: Some("r".into()) };
        let workflow = Surroundings { runner, ..pipe() };
        for (flags, expected) in [
            ("", ""),
            ("--report json=a --report csv", "--report json: a"),
            ("--write-baseline b --write-config=c", "--write-baseline: b, --write-config: c"),
            ("--merge 1..2 --write d", "--write: d"),
            ("--report github", "the runner's file: r"),
        ] {
            let plan = plan(flags, &workflow);
            let name = |output: &Named<'_>| format!("{}: {}", output.name, output.path.display());
            assert_eq!(plan.outputs().iter().map(name).collect::<Vec<_>>().join(", "), expected, "{flags:?}");
        }
    }

    #[test]
    fn growth_needs_something_to_compare_with() {
        assert!(settled("--max-growth 1% --baseline b", &pipe()).is_ok());
        let problem = settled("--max-growth 1%", &pipe()).expect_err("no baseline");
        assert!(problem.to_string().contains("--baseline"), "{problem}");
    }
}
