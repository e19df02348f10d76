//! Live bytes that are most likely needless: what they are, how sure that is, and what avoids them. [Model](crate::model) 7.
//!
//! Each class has a file of its own that names the paths it is about ([`Draft`]); the [`account`] gives every copy to the
//! first one that asks, so that findings never overlap and final = Σ findings + rest. What the image starts is left alone
//! ([`needed`]): a finding is only as good as the search for what it would break.

mod account;
mod debug;
mod dev;
mod edits;
mod kinds;
mod languages;
mod needed;
mod output;
mod packages;
pub(crate) mod places;
mod taste;

use std::fmt;

use super::fixes::{Edit, Timeline};
use super::owners::Owners;
use super::rootfs::Rootfs;
use super::start::Start;
use crate::archive::RunConfig;
use crate::layer::entry::{LayerNumber, NodeId};
use account::Account;
pub(crate) use needed::Needed;

/// Live bytes that are most likely needless.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Names the finding within its image: class, layer, and a number where there are several.
    pub id: String,
    /// What the bytes are.
    pub class: Class,
    /// How sure it is that nothing needs them.
    pub confidence: Confidence,
    /// Content bytes of the copies that would go; of `debug` those of whole sections.
    pub bytes: u64,
    /// The layers that store them, ascending.
    pub layers: Vec<LayerNumber>,
    /// Whether the base image's layers store them: no step of the user's removes them there.
    pub in_base: bool,
    /// What could go, in a line.
    pub title: String,
    /// Why nothing needs it.
    pub why: String,
    /// What in the image says so.
    pub evidence: Vec<String>,
    /// When it is needed all the same.
    pub unless: String,
    /// What to do, in a line.
    pub advice: String,
    /// The steps that change; of those that need a second stage, its lines behind the last step.
    pub edits: Vec<Edit>,
    /// What to know before the lines are pasted.
    pub caveats: Vec<String>,
    /// The packages that would go, largest first.
    pub owners: Vec<String>,
    /// The topmost paths of which everything would go, largest first.
    pub paths: Vec<FindingPath>,
    /// What the image has to start instead, where what would go is what it starts now.
    pub start: Option<DirectStart>,
}

/// A command that starts the program without its launcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectStart {
    /// The launching command, as entry point and CMD have it.
    pub launcher: Vec<String>,
    /// The words of the CMD that takes its place.
    pub cmd: Vec<String>,
}

impl Finding {
    /// Says whether its edits are those of a second stage, which several findings share.
    #[must_use]
    pub fn needs_second_stage(&self) -> bool {
        self.edits.iter().any(|edit| edit.before.is_empty())
    }
}

/// A path of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindingPath {
    /// The file, or the folder that would go with everything in it.
    pub node: NodeId,
    /// Content bytes there.
    pub bytes: u64,
}

/// What needless bytes are; the order in which they are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Caches and indexes of package managers and builds.
    Cache,
    /// What was forgotten: version control, logs, temporary files.
    Leftover,
    /// What a build makes on the way to a program.
    BuildOutput,
    /// What only a build needs.
    BuildOnly,
    /// Tools for people.
    Tool,
    /// Dependencies for development.
    DevDependency,
    /// Packages that are only recommended.
    Recommended,
    /// What only debuggers read.
    Debug,
    /// Compiled copies beside their sources.
    Bytecode,
    /// Manuals.
    Docs,
    /// Translations.
    Locales,
    /// Test suites of packages.
    Tests,
    /// One content under several paths.
    Twin,
    /// What a smaller base image does not have.
    Base,
}

impl Class {
    /// Returns the name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Class::Cache => "cache",
            Class::Leftover => "leftover",
            Class::BuildOutput => "build-output",
            Class::BuildOnly => "build-only",
            Class::Tool => "tool",
            Class::DevDependency => "dev-dependency",
            Class::Recommended => "recommended",
            Class::Debug => "debug",
            Class::Bytecode => "bytecode",
            Class::Docs => "docs",
            Class::Locales => "locales",
            Class::Tests => "tests",
            Class::Twin => "twin",
            Class::Base => "base",
        }
    }
}

/// How sure it is that nothing needs some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Nothing that runs can miss them.
    Sure,
    /// Right in most images; what would need them was looked for and not found.
    Likely,
    /// The owner decides.
    Ask,
}

impl Confidence {
    /// Every confidence, the surest first.
    pub const ALL: [Confidence; 3] = [Confidence::Sure, Confidence::Likely, Confidence::Ask];

    /// Returns the name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Sure => "sure",
            Confidence::Likely => "likely",
            Confidence::Ask => "ask",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Which findings are looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// None: they cost every path.
    Nothing,
    /// Those of confidence `sure` and `likely`.
    #[default]
    Usual,
    /// Those of confidence `ask` too.
    WithAsk,
}

/// Smaller findings are not worth a line.
pub const LEAST_BYTES: u64 = 100_000;

/// What findings are made of.
pub(super) struct Input<'a> {
    pub(super) rootfs: &'a Rootfs<'a>,
    pub(super) owners: &'a Owners,
    pub(super) start: &'a Start,
    pub(super) config: &'a RunConfig,
    pub(super) base_count: u32,
    pub(super) scope: Scope,
    /// The Dockerfile's FROM, as far as it is known.
    pub(super) from: String,
    /// Less than this is not worth a line.
    pub(super) least_bytes: u64,
}

/// Paths that could go together, before the account is asked.
pub(super) struct Draft {
    pub(super) class: Class,
    pub(super) confidence: Confidence,
    /// Files, links and directories; a directory stands for everything in it.
    pub(super) nodes: Vec<NodeId>,
    pub(super) title: String,
    pub(super) why: String,
    pub(super) evidence: Vec<String>,
    pub(super) unless: String,
    pub(super) advice: String,
    pub(super) owners: Vec<String>,
    /// Whether it is about parts of modules that are needed as a whole, as far as anybody can tell.
    pub(super) is_within: bool,
}

/// Finds what is needless: largest first, then by class and layer.
pub(super) fn find(input: &Input<'_>, timeline: &Timeline) -> Vec<Finding> {
    if input.scope == Scope::Nothing {
        return Vec::new();
    }
    let needed = Needed::new(input);
    let mut account = Account::new(input, &needed);
    places::caches(input, &needed, &mut account);
    places::leftovers(input, &needed, &mut account);
    output::find(input, &needed, &mut account);
    packages::build_only(input, &needed, &mut account);
    languages::build_only(input, &needed, &mut account);
    packages::tools(input, &needed, &mut account);
    dev::find(input, &needed, &mut account);
    packages::recommended(input, &needed, &mut account);
    debug::find(input, &needed, &mut account);
    if input.scope == Scope::WithAsk {
        taste::find(input, &needed, &mut account);
    }
    let mut findings = account.finish();
    let kept = packages::kept(input, &needed, &findings);
    edits::fill(input, timeline, &kept, &mut findings);
    findings
}
