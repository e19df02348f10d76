//! What was typed: the only place that names clap. It becomes a [`Request`], which says what it means.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, ValueEnum};

use crate::analysis::OpenOptions;
use crate::analysis::base::BaseChoice;
use crate::analysis::fixes::Ranges;
use crate::archive::{Platform, Selection};
use crate::gate::{Rules, Share};
use crate::layer::load::LoadOptions;
use crate::report;
use crate::size::{Limit, Units};
use crate::source::{Access, Progress};

/// Why is my container image this big, which build step did it, and what exactly do I change?
///
/// layerlens reads a saved image, applies its layers one by one, and finds every copy of a file that a later layer
/// overwrote, chmod-copied or deleted: bytes that are stored, pulled and kept on disk, and that no container can ever
/// read. Each is attributed to the step that stored it and the step that hid it.
#[derive(Debug, Parser)]
#[command(name = "layerlens", version, max_term_width = 100, after_help = EXAMPLES, after_long_help = LONG_EXAMPLES)]
pub struct Cli {
    /// The image: a saved archive (docker, podman, OCI; plain or compressed), an OCI directory, - for stdin;
    /// docker://NAME, podman://NAME, registry://HOST/NAME:TAG, docker-root:PATH; or a name that a local engine knows.
    #[expect(clippy::doc_markdown, reason = "it is shown as it stands")]
    #[arg(value_name = "IMAGE")]
    image: PathBuf,

    /// Print the verdict last and exit 1 when a rule is broken.
    ///
    /// Exit codes: 0 all rules hold (or there are none), 1 a rule is broken, 2 usage, 3 the image could not be read.
    #[arg(long)]
    ci: bool,

    /// Write a report: text, json, dockerfile or html, to FILE or to stdout. May be given several times.
    #[arg(long, value_name = "FORMAT[=FILE]")]
    report: Vec<report::Request>,

    /// Print what merging these layers would save and make of the image, and the lines: 4..7 or 4..7,9..10.
    ///
    /// Both ends of a range belong to it. Nothing else is printed, unless --ci or --report asks for it.
    #[arg(long, value_name = "RANGES")]
    merge: Option<Ranges>,

    /// Write the image that --merge makes to a new archive, which engines load: the proof of what it saves.
    ///
    /// The steps stay in its history, and its names end in -merged. The archive is read again and held to the prediction.
    #[arg(long, value_name = "OUT.tar", requires = "merge")]
    write: Option<PathBuf>,

    /// Least bytes that a step must save to be worth merging into another: 1MB, 512KiB.
    ///
    /// By default the larger of 100 kB and 0.1 % of the image: every merge costs build cache and layer sharing.
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    min_saving: Option<u64>,

    /// List every change (A, C, D) of every layer in the JSON report.
    #[arg(long)]
    changes: bool,

    /// Measure what the waste costs in transfer: reads compressed layers that hold some a second time.
    #[arg(long)]
    wire: bool,

    #[command(flatten)]
    rules: RuleArgs,

    #[command(flatten)]
    choice: ChoiceArgs,

    #[command(flatten)]
    access: AccessArgs,

    #[command(flatten)]
    look: LookArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Rules (equality passes; only those given are judged)")]
struct RuleArgs {
    /// Most bytes that may be wasted: 10MB, 10MiB, or a share of the stored bytes like 2.5%.
    #[arg(long, value_name = "SIZE")]
    max_waste: Option<Limit>,

    /// The same for the layers above the base image, as a share of theirs.
    #[arg(long, value_name = "SIZE")]
    max_user_waste: Option<Limit>,

    /// Least share of the stored bytes that containers see: 0.95 or 95%.
    #[arg(long, value_name = "SHARE")]
    min_efficiency: Option<Share>,

    /// Most bytes that the image may store (uncompressed content of all layers).
    #[arg(long, value_name = "SIZE", value_parser = absolute)]
    max_size: Option<Limit>,

    /// Most layers.
    #[arg(long, value_name = "N")]
    max_layers: Option<u32>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Which image")]
struct ChoiceArgs {
    /// Which image of an archive that holds several: NAME[:TAG], or a digest or its beginning.
    #[arg(long = "image", value_name = "NAME", id = "name")]
    name: Option<String>,

    /// Which platform of an image for several: os/architecture[/variant], like linux/arm64.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,

    /// The lowest N layers are the base image's; what they waste counts as inherited.
    #[arg(long, value_name = "N", conflicts_with = "base")]
    base_layers: Option<u32>,

    /// The base image, saved: the layers that both share are the base.
    #[arg(long, value_name = "IMAGE")]
    base: Option<PathBuf>,

    /// Compute all digests and fail (exit 3) where they differ from what the image states. Reads every byte.
    #[arg(long)]
    verify: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Engines and registries")]
struct AccessArgs {
    /// The engine's socket: a path, unix://PATH or tcp://HOST:PORT. Default: what docker or podman itself would take.
    #[expect(clippy::doc_markdown, reason = "it is shown as it stands")]
    #[arg(long, value_name = "SOCKET")]
    socket: Option<String>,

    /// Speak plain http to a registry, or take a certificate that nobody vouches for. Never needed on this machine.
    #[arg(long)]
    insecure: bool,

    /// Neither keep the blobs of registries nor use those that were kept (in the user's cache folder).
    #[arg(long)]
    no_cache: bool,

    /// How many seconds a server may be silent.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..))]
    patience: u64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Looks")]
struct LookArgs {
    /// How sizes are shown: si (kB, MB), iec (KiB, MiB) or bytes.
    #[arg(long, value_enum, default_value = "si")]
    units: UnitsArg,

    /// Whether to colour the text: auto colours on a terminal, unless `NO_COLOR` is set.
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    color: ColorArg,

    /// Colours of the screen: default, color-blind or mono. `NO_COLOR` means mono.
    #[arg(long, value_name = "NAME", value_parser = crate::tui::config::theme)]
    theme: Option<crate::tui::theme::Theme>,

    /// Leave the mouse to the terminal.
    #[arg(long)]
    no_mouse: bool,
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
  layerlens image.tar --report json=report.json  for scripts
  layerlens docker://app:1.4                     straight from the engine
  layerlens registry://ghcr.io/user/app:1.4 --platform linux/arm64
  layerlens docker-root:/var/lib/docker --image app:1.4
  layerlens multi.tar --platform linux/arm64     one platform of several
  layerlens image.tar --base base.tar --ci --max-user-waste 1%
  layerlens image.tar --merge 4..7               what would merging these layers save?
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

Exit codes: 0 all rules hold, 1 a rule is broken, 2 usage, 3 the image could not be read.";

fn bytes(text: &str) -> Result<u64, String> {
    crate::size::parse_size(text).map_err(|error| error.to_string())
}

fn absolute(text: &str) -> Result<Limit, String> {
    crate::size::parse_size(text).map_err(|error| error.to_string())?;
    text.parse().map_err(|error: crate::size::NotASize| error.to_string())
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
pub struct Request {
    /// The input.
    pub image: PathBuf,
    /// How it is read.
    pub open: OpenOptions,
    /// Whether the verdict decides the exit code.
    pub gate: bool,
    /// What it is held to.
    pub rules: Rules,
    /// The reports that were asked for.
    pub reports: Vec<report::Request>,
    /// Layers whose merge is to be judged.
    pub merge: Option<Ranges>,
    /// Where the merged image goes.
    pub write: Option<PathBuf>,
    /// Whether JSON lists the changes.
    pub with_changes: bool,
    /// How sizes are shown.
    pub units: Units,
    /// When to colour.
    pub color: Color,
    /// The colours of the screen, where they were asked for.
    pub theme: Option<crate::tui::theme::Theme>,
    /// Whether the screen leaves the mouse to the terminal.
    pub no_mouse: bool,
}

impl Cli {
    /// Says what the flags mean together.
    ///
    /// # Errors
    /// Where flags contradict each other.
    pub fn into_request(self) -> Result<Request, clap::Error> {
        let Cli { image, ci, report: reports, merge, write, min_saving, changes, wire, rules, choice, access, look } =
            self;
        if reports.iter().filter(|report| report.target == report::Target::Stdout).count() > 1 {
            let message = "only one report can go to stdout: give the others a file, as in --report json=FILE";
            return Err(Cli::command().error(ErrorKind::ArgumentConflict, message));
        }
        let base = match (choice.base_layers, choice.base) {
            (Some(count), _) => BaseChoice::Layers(count),
            (None, Some(path)) => BaseChoice::Image(path),
            (None, None) => BaseChoice::Detect,
        };
        // A gate that is only read by people says nothing about what is live.
        let skip_bloat = ci && reports.iter().all(|report| report.format == report::Format::Text);
        let selection = Selection { image: choice.name, platform: choice.platform };
        let access = Access {
            socket: access.socket,
            insecure: access.insecure,
            cache: !access.no_cache,
            patience: Duration::from_secs(access.patience),
        };
        let load = LoadOptions {
            selection,
            verify: choice.verify,
            progress: Arc::new(Progress::default()),
            access,
            reread: write.is_some(),
            ..LoadOptions::default()
        };
        Ok(Request {
            image,
            open: OpenOptions { load, base, min_saving, wire, skip_bloat },
            gate: ci,
            rules: Rules {
                max_waste: rules.max_waste,
                max_user_waste: rules.max_user_waste,
                min_efficiency: rules.min_efficiency,
                max_size: rules.max_size,
                max_layers: rules.max_layers,
            },
            reports,
            merge,
            write,
            with_changes: changes,
            units: match look.units {
                UnitsArg::Si => Units::Si,
                UnitsArg::Iec => Units::Iec,
                UnitsArg::Bytes => Units::Bytes,
            },
            color: match look.color {
                ColorArg::Auto => Color::Auto,
                ColorArg::Always => Color::Always,
                ColorArg::Never => Color::Never,
            },
            theme: look.theme,
            no_mouse: look.no_mouse,
        })
    }
}
