//! Why something is reached: from where, how, and by which words.

use crate::layer::entry::NodeId;

/// Where a reason stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    /// In the image's config.
    Config(Part),
    /// In a file, or what a reached path is part of.
    Path(NodeId),
}

/// A part of the config that starts something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Entrypoint,
    Cmd,
    Healthcheck,
    Env,
}

impl Part {
    /// Returns the part's name as a Dockerfile has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Part::Entrypoint => "ENTRYPOINT",
            Part::Cmd => "CMD",
            Part::Healthcheck => "HEALTHCHECK",
            Part::Env => "ENV",
        }
    }
}

/// How something is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum How {
    Entrypoint,
    Cmd,
    Healthcheck,
    Env,
    /// A symlink on the way.
    Link,
    /// A command or a file that a shell script names.
    Script,
    Shebang,
    ElfNeeded,
    Import,
    Require,
    /// A module or package that a reached one depends on.
    Depends,
    /// A string in a program, or a path in a configuration.
    Text,
    /// The table of what libraries and commands need.
    Table,
    Cron,
    /// The configuration of a service manager or a server.
    Service,
    /// `package.json`: scripts, or dependencies of a program that could not be read.
    Manifest,
    /// What an interpreter loads whatever it runs.
    Runtime,
}

/// How much a reason reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The path alone.
    One,
    /// A directory with everything below it.
    Tree,
    /// The same, but as data that is read: that one of its files is a package's does not make the package needed.
    Data,
}

/// Why something is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) origin: Origin,
    pub(crate) how: How,
    /// The text that names it, as it stands there; cut where it is long.
    pub(crate) word: Box<[u8]>,
    pub(crate) extent: Extent,
    /// Whether it is no more than a hint: the home of a toolchain, set by ENV.
    pub(crate) is_weak: bool,
}

/// Longer words are cut.
const MOST_WORD_BYTES: usize = 160;

impl Reason {
    pub(crate) fn new(origin: Origin, how: How, word: &[u8]) -> Self {
        let word = word[..word.len().min(MOST_WORD_BYTES)].into();
        Reason { origin, how, word, extent: Extent::One, is_weak: false }
    }

    pub(crate) fn with(self, extent: Extent) -> Self {
        Reason { extent, ..self }
    }
}

#[cfg(test)]
impl Reason {
    pub(crate) fn extent_name(&self) -> &'static str {
        match self.extent {
            Extent::One => "",
            Extent::Tree => "[tree]",
            Extent::Data => "[data]",
        }
    }
}
