//! What was typed: the only place that names clap. It becomes a [`Request`], which says what it means.

mod generate;
mod rules;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, ValueEnum};
use generate::What;
use rules::RuleArgs;

use crate::analysis::fixes::Ranges;
use crate::analysis::{Choice, OpenOptions};
use crate::archive::{Platform, Selection};
use crate::config::{self, Origin, Set, Setting, Settings};
use crate::open::LoadOptions;
use crate::report;
use crate::size::Units;
use crate::source::{Access, Progress};

/// Finds the wasted bytes in a container image, and the Dockerfile change that removes them.
///
/// layerlens reads a saved image, applies its layers one by one, and finds every copy of a file that a later layer
/// overwrote, chmod-copied or deleted: bytes that are stored, pulled and kept on disk, and that no container can ever
/// read. Each is attributed to the step that stored it and the step that hid it.
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[command(name = "layerlens", version, override_usage = "layerlens [OPTIONS] <IMAGE>")]
#[command(max_term_width = 100, after_help = EXAMPLES, after_long_help = LONG_EXAMPLES)]
struct Cli {
    /// The image: a saved archive (docker, podman, OCI; plain or compressed), an OCI directory, - for stdin;
    /// docker://NAME, podman://NAME, registry://HOST/NAME:TAG, docker-root:PATH; or a name that a local engine knows.
    #[expect(clippy::doc_markdown, reason = "it is shown as it stands")]
    #[arg(value_name = "IMAGE", required_unless_present_any = ["generate", "print_config"])]
    image: Option<PathBuf>,

    /// Print the verdict last, and exit 1 if a rule is broken.
    ///
    /// A rule on the command line implies it, except where the screen opens.
    /// Exit codes: 0 all rules hold (or there are none), 1 a rule is broken, 2 wrong usage, 3 the image could not be read,
    /// 4 a result could not be written.
    #[arg(long)]
    ci: bool,

    /// Write a report: text, json, dockerfile, patch, markdown, html, csv, ndjson, junit, sarif, gitlab or github, to FILE
    /// or to stdout. May be given several times.
    ///
    /// html is one page for a browser; markdown is a comment for a pull request; csv and ndjson are the waste records as tables; junit has a case for each
    /// rule; sarif, gitlab and github show findings in code, at the lines of --dockerfile;
    /// patch changes the Dockerfile as the fixes say: layerlens IMAGE --report patch | git apply.
    #[arg(long, value_name = "FORMAT[=FILE]")]
    report: Vec<report::Request>,

    /// The Dockerfile the image was built from: fixes become edits of its lines, reports name them.
    ///
    /// By default ./Dockerfile or ./Containerfile, where it fits the image's history.
    #[arg(long, value_name = "FILE")]
    dockerfile: Option<PathBuf>,

    /// Do not look for a Dockerfile.
    #[arg(long, conflicts_with = "dockerfile")]
    no_dockerfile: bool,

    /// Show the saving, the resulting image and the Dockerfile lines of merging these layers: 4..7 or 4..7,9..10.
    ///
    /// Both ends of a range belong to it. Nothing else is printed, unless --ci or --report asks for it.
    #[arg(long, value_name = "RANGES", group = "rewrite")]
    merge: Option<Ranges>,

    /// Show the image that fixes and findings would make: their IDs, as in the JSON report, "fixes" for all fixes, "sure" for
    /// all sure findings, "likely" for the likely ones too.
    ///
    /// Each fix is made as its first alternative says, and steps keep their order; of findings the files are removed. Nothing
    /// else is printed, unless --ci or --report asks for it. Example: --apply merge-3-7,recommended-5
    #[arg(long, value_name = "ID[,ID…]|fixes|sure|likely", group = "rewrite")]
    apply: Option<Choice>,

    /// Write the image of --merge or --apply to a new archive, ready for docker load.
    ///
    /// The steps stay in its history, and its names end in -merged or -trial. The archive is read again and compared: sizes
    /// with the prediction, and every file with the old image; of findings, that their files and no others are gone.
    #[arg(long, value_name = "OUT.tar", requires = "rewrite")]
    write: Option<PathBuf>,

    /// Minimum saving for which merging a step is suggested: 1MB, 512KiB.
    ///
    /// By default the larger of 100 kB and 0.1 % of the image: every merge costs build cache and layer sharing.
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    min_saving: Option<u64>,

    /// List every change (A, C, D) of every layer in the JSON report.
    #[arg(long)]
    changes: bool,

    /// Also report waste as pulled (compressed); re-reads the layers that contain waste.
    #[arg(long)]
    wire: bool,

    /// Also list what is a matter of taste: documentation, translations, tests, compiled Python, a smaller base image.
    ///
    /// These findings have the confidence `ask`: the owner of the image decides.
    #[arg(long)]
    ask: bool,

    #[command(flatten)]
    rules: RuleArgs,

    #[command(flatten)]
    choice: ChoiceArgs,

    #[command(flatten)]
    access: AccessArgs,

    #[command(flatten)]
    config: ConfigArgs,

    #[command(flatten)]
    look: LookArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration")]
struct ConfigArgs {
    /// Read this file instead of the nearest .layerlens.toml (working directory and above, within the repository).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Read no configuration: no .layerlens.toml, no .dive-ci, no LAYERLENS_* variables.
    #[arg(long, conflicts_with = "config")]
    no_config: bool,

    /// Print every setting and where it comes from: flags, variables, files.
    #[arg(long)]
    print_config: bool,

    /// Write a configuration with limits just above the image's values of today. The file must not exist yet.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = config::FILE)]
    write_config: Option<PathBuf>,

    /// Print the manual page, or the completions of a shell.
    #[arg(long, value_enum, value_name = "WHAT", exclusive = true)]
    generate: Option<What>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Which image")]
struct ChoiceArgs {
    /// Pick an image from an archive with several: NAME[:TAG], or a digest or its beginning.
    #[arg(long = "image", value_name = "NAME", id = "name")]
    name: Option<String>,

    /// Pick a platform of a multi-platform image: os/architecture[/variant], like linux/arm64.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,

    /// Number of base image layers, from the bottom; their waste counts as inherited.
    #[arg(long, value_name = "N", conflicts_with = "base")]
    base_layers: Option<u32>,

    /// Saved base image; the layers both images share count as base.
    #[arg(long, value_name = "IMAGE")]
    base: Option<PathBuf>,

    /// Recompute all digests and fail (exit 3) on a mismatch. Reads every byte.
    #[arg(long)]
    verify: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Engines and registries")]
struct AccessArgs {
    /// The engine's address: a path, unix://PATH or tcp://HOST:PORT. Default: the one docker or podman would use.
    #[expect(clippy::doc_markdown, reason = "it is shown as it stands")]
    #[arg(long, value_name = "SOCKET")]
    socket: Option<String>,

    /// Allow plain HTTP and unverified certificates (not needed for localhost).
    #[arg(long)]
    insecure: bool,

    /// Do not cache the blobs of registries, and do not use cached ones.
    #[arg(long)]
    no_cache: bool,

    /// Give up when a server sends nothing for this long; 60 by default.
    #[arg(long, value_name = "SECONDS", value_parser = config::timeout)]
    timeout: Option<u64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Looks")]
struct LookArgs {
    /// How sizes are shown: si (kB, MB; the default), iec (KiB, MiB) or bytes.
    #[arg(long, value_enum)]
    units: Option<UnitsArg>,

    /// Whether to colour the text: auto colours on a terminal, unless `NO_COLOR` is set.
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    color: ColorArg,

    #[command(flatten)]
    screen: ScreenArgs,
}

/// How the screen looks.
#[derive(Debug, Args)]
pub struct ScreenArgs {
    /// Colours of the screen: default, color-blind or mono. `NO_COLOR` means mono.
    #[arg(long, value_name = "NAME", value_parser = crate::tui::config::theme)]
    pub theme: Option<crate::tui::theme::Theme>,

    /// Leave the mouse to the terminal.
    #[arg(long)]
    pub no_mouse: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum UnitsArg {
    Si,
    Iec,
    Bytes,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ColorArg {
    Auto,
    Always,
    Never,
}

const EXAMPLES: &str = "\
Examples:
  layerlens image.tar                            browse it; piped or with --ci: the summary
  layerlens image.tar --ci --max-waste 10MB      a gate: exit 1 when more is wasted
  layerlens image.tar --report json=report.json  for scripts
  layerlens docker://app:1.4                     straight from the engine";

const LONG_EXAMPLES: &str = "\
Examples:
  layerlens image.tar                            browse it; piped or with --ci: the summary
  layerlens image.tar --ci --max-waste 10MB      a gate: exit 1 when more is wasted
  layerlens image.tar --ci --min-efficiency 95% --max-layers 20
  layerlens image.tar --ci --max-waste 20MB --warn max-waste=5MB --forbid '*.pem'
  layerlens image.tar --ci --baseline main.json --max-growth 1%
  layerlens image.tar --ci --report markdown=comment.md --dockerfile Dockerfile
  layerlens image.tar --report json=report.json  for scripts
  layerlens docker://app:1.4                     straight from the engine
  layerlens registry://ghcr.io/user/app:1.4 --platform linux/arm64
  layerlens docker-root:/var/lib/docker --image app:1.4
  layerlens multi.tar --platform linux/arm64     one platform of several
  layerlens image.tar --base base.tar --ci --max-user-waste 1%
  layerlens image.tar --merge 4..7               what would merging these layers save?
  layerlens image.tar --apply fixes --write trial.tar  the image with every fix made, to test it
  layerlens image.tar --apply likely --write trial.tar the image without what nothing seems to need
  layerlens image.tar --report dockerfile        the steps with their sizes and waste

How to read it:
  Size     content bytes that a layer stores, uncompressed (what docker history shows)
  Waste    bytes of it that a later layer hid: no container can read them
  stored = final + wasted, always and to the byte; the copy that survives is never waste

  deleted      a later step removed the file
  overwritten  a later step wrote other bytes
  metadata     a later chmod, chown or touch made a second copy
  unchanged    a later step stored the same file again
  duplicate    one layer holds the path twice

Exit codes: 0 all rules hold, 1 a rule is broken, 2 wrong usage, 3 the image could not be read,
4 a result could not be written.";

fn bytes(text: &str) -> Result<u64, String> {
    crate::size::parse_size(text).map_err(|error| error.to_string())
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What the user wants done.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct Request {
    /// The input.
    pub image: PathBuf,
    /// How it is read.
    pub open: OpenOptions,
    /// Whether the verdict decides the exit code.
    pub gate: bool,
    /// What the flags set; files and variables may set more.
    pub settings: Settings,
    /// Where more is set.
    pub config: config::Choice,
    /// Where the limits of today are written.
    pub write_config: Option<PathBuf>,
    /// Where the numbers of today are written.
    pub write_baseline: Option<report::Output>,
    /// The reports that were asked for.
    pub reports: Vec<report::Request>,
    /// Whether no Dockerfile is looked for.
    pub no_dockerfile: bool,
    /// Layers whose merge is to be judged.
    pub merge: Option<Ranges>,
    /// Fixes and findings that are to be made.
    pub apply: Option<Choice>,
    /// Where the new image goes.
    pub write: Option<PathBuf>,
    /// Whether JSON lists the changes.
    pub with_changes: bool,
    /// Whether documentation counts as live bloat, too.
    pub ask: bool,
    /// When to colour.
    pub color: Color,
    /// How the screen looks.
    pub screen: ScreenArgs,
}

/// What is to be done.
#[derive(Debug)]
pub enum Task {
    /// Something with an image.
    Run(Box<Request>),
    /// Print this text.
    Print(Vec<u8>),
    /// Print what is set: by these flags, and there.
    PrintConfig(Settings, config::Choice),
}

/// Says what a command line means; its first word is the program's name.
///
/// # Errors
/// Where it is wrong, or asks for the help or the version.
pub fn parse<A: Into<OsString> + Clone>(arguments: impl IntoIterator<Item = A>) -> Result<Task, clap::Error> {
    Cli::try_parse_from(arguments).and_then(Cli::into_task)
}

impl Cli {
    /// Says what the flags mean together.
    fn into_task(self) -> Result<Task, clap::Error> {
        if let Some(what) = self.config.generate {
            return Ok(Task::Print(what.generate(Cli::command())));
        }
        let settings = self.settings();
        let config = match (self.config.no_config, &self.config.config) {
            (true, _) => config::Choice::Nothing,
            (false, Some(path)) => config::Choice::File(path.clone()),
            (false, None) => config::Choice::Search,
        };
        if self.config.print_config {
            return Ok(Task::PrintConfig(settings, config));
        }
        self.into_request(settings, config).map(|request| Task::Run(Box::new(request)))
    }

    /// Returns those flags that files and variables can set, too.
    fn settings(&self) -> Settings {
        let units = |units: UnitsArg| match units {
            UnitsArg::Si => Units::Si,
            UnitsArg::Iec => Units::Iec,
            UnitsArg::Bytes => Units::Bytes,
        };
        let plain = [
            self.dockerfile.clone().map(Setting::Dockerfile),
            self.min_saving.map(Setting::MinSaving),
            self.choice.base_layers.map(Setting::BaseLayers),
            self.choice.base.clone().map(Setting::Base),
            self.access.timeout.map(Setting::Timeout),
            self.look.units.map(|arg| Setting::Units(units(arg))),
        ];
        let all = plain.into_iter().flatten().chain(self.rules.settings());
        let list = all.map(|setting| Set { setting, origin: Origin::Flag }).collect();
        Settings { list, dive: None }
    }

    fn into_request(self, settings: Settings, config: config::Choice) -> Result<Request, clap::Error> {
        let Cli {
            image,
            ci,
            report: reports,
            merge,
            apply,
            write,
            no_dockerfile,
            changes,
            wire,
            ask,
            choice,
            access,
            look,
            config: files,
            rules,
            ..
        } = self;
        if reports.iter().filter(|report| report.target == report::Output::Stdout).count() > 1 {
            let message = "only one report can go to stdout: give the others a file, as in --report json=FILE";
            return Err(Cli::command().error(ErrorKind::ArgumentConflict, message));
        }
        let selection = Selection { image: choice.name, platform: choice.platform };
        let access =
            Access { socket: access.socket, insecure: access.insecure, cache: !access.no_cache, ..Access::default() };
        let load = LoadOptions {
            selection,
            verify: choice.verify,
            progress: Arc::new(Progress::default()),
            access,
            reread: write.is_some(),
            ..LoadOptions::default()
        };
        Ok(Request {
            // Clap has seen to it that there is one.
            image: image.unwrap_or_default(),
            open: OpenOptions { load, wire, ..OpenOptions::default() },
            gate: ci,
            settings,
            config,
            write_config: files.write_config,
            write_baseline: rules.write_baseline.map(report::Output::File),
            reports,
            merge,
            apply,
            write,
            no_dockerfile,
            with_changes: changes,
            ask,
            color: match look.color {
                ColorArg::Auto => Color::Auto,
                ColorArg::Always => Color::Always,
                ColorArg::Never => Color::Never,
            },
            screen: look.screen,
        })
    }
}
