//! What a container of the image starts, and what that reaches: the start chain of [model](crate::model) 7.
//!
//! [`follow`] begins with entry point, command, health check and environment, and goes on with every text that they lead
//! to: scripts, programs of interpreters, tables of cron and of service managers, manifests, ELF tables. Texts are scanned,
//! not understood: what a program computes is not seen, and a name that stands there is taken as used. So the chain errs
//! on the safe side, by these rules of thumb:
//!
//! - Comments do not count. Words in messages do.
//! - A word in *command position* of a shell script is a command, whatever it is. As an *argument* it is one unless it is an
//!   everyday word (`test`, `install`, `time`, `make` …, see [`strings`]).
//! - In a program's text only *quoted* words count: the first element of a list or a call (`["gcc", "-c"]`,
//!   `run("git")`), or the beginning of a command line (`"git describe --tags"`). Keys (`{"make": 1}`) do not.
//! - Scripts of packages are followed in command position alone: what else they need, their packages depend on.
//! - Strings of compiled programs are not read; [`Start::compiled`] lists the user's own.
//!
//! A reached directory is reached as a whole ([`Extent::Tree`]), or as data ([`Extent::Data`]). Closing over packages is
//! left to the caller. The walk is bounded ([`walk`]); [`Start::is_cut`] says that it met a bound.

mod chain;
mod commands;
mod environment;
mod java;
mod launchers;
mod libraries;
mod node;
mod perl;
mod php;
mod python;
mod reason;
mod ruby;
mod services;
mod shell;
mod strings;
mod table;
mod text;
mod tool_box;
mod walk;
mod words;

#[cfg(test)]
mod tests;

use foldhash::HashMap;

use super::rootfs::Rootfs;
use crate::archive::RunConfig;
use crate::layer::entry::NodeId;

pub(crate) use launchers::Launcher;
pub(crate) use reason::{Extent, How, Origin, Part, Reason};
use words::Words;

/// What the start reaches.
#[derive(Debug, Default)]
pub(crate) struct Start {
    /// Each path that is reached, with the first reason. What lies below a [`Extent::Tree`] or [`Extent::Data`] is reached
    /// with it: [`Start::reason`] knows.
    pub(crate) reached: HashMap<NodeId, Reason>,
    /// Packages of the operating system that the table demands, by name; not all of them exist.
    pub(crate) packages: HashMap<&'static str, Reason>,
    /// Why the image has no program of its own, where it has none: what was asked for is the product.
    pub(crate) tool_box: Option<String>,
    /// Programs that only start another one.
    pub(crate) launchers: Vec<Launcher>,
    /// Texts of the user's own that could not be read as a whole: too large, not kept, binary.
    pub(crate) unread: Vec<NodeId>,
    /// The user's own compiled programs: what their code names is not known.
    pub(crate) compiled: Vec<NodeId>,
    /// Which interpreters run, and what.
    pub(crate) interpreters: Vec<Interpreter>,
    /// Libraries that an ELF file needs and the image does not have where the loader looks.
    pub(crate) missing_libraries: Vec<(NodeId, Vec<u8>)>,
    /// Whether a bound ended the walk: what it does not reach may still be needed.
    pub(crate) is_cut: bool,
    words: Words,
}

/// An interpreter that the start runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interpreter {
    pub(crate) language: Language,
    /// Its program, symlinks not followed: that of a virtual environment stays in it.
    pub(crate) program: NodeId,
    /// The user's files that it is started with.
    pub(crate) files: Vec<NodeId>,
    /// Folders of modules that it loads from.
    pub(crate) module_folders: Vec<NodeId>,
}

/// What a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Language {
    Shell,
    Python,
    Node,
    Java,
    Ruby,
    Php,
    Perl,
    /// A configuration, or any other text.
    Other,
}

/// Follows what a container of the image starts. `is_packaged` says whether a path is a package's of the operating system;
/// layers up to `base_layers` are the base image's.
pub(crate) fn follow(
    rootfs: &Rootfs<'_>,
    config: &RunConfig,
    is_packaged: &dyn Fn(NodeId) -> bool,
    base_layers: u32,
) -> Start {
    let mut walk = walk::Walk::new(rootfs, config, is_packaged);
    walk.start(config);
    walk.finish();
    let mut start = walk.start;
    start.tool_box = tool_box::why(rootfs, config, &start, is_packaged, base_layers);
    start
}
