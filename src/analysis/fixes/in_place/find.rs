//! `find PATH… [-type d|f] -exec chown|chgrp|chmod … {} +`: which paths that reaches.

use std::sync::Arc;

use super::command::{Operand, Understood, Unknown, changing};
use crate::layer::entry::{Kind, NodeId};
use crate::layer::index::Index;
use crate::layer::tree::Tree;

/// What a path is in the layers that have it: a set, as it can change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    const FILE: Kinds = Kinds(1);
    const DIRECTORY: Kinds = Kinds(2);
    const OTHER: Kinds = Kinds(4);
    const SYMLINK: Kinds = Kinds(8);

    /// Returns the kinds of all paths.
    pub(super) fn of(index: &Index) -> Arc<[Kinds]> {
        let mut kinds = vec![Kinds::default(); index.tree.len()];
        for (layer, entries) in (0u32..).zip(&index.layers) {
            for (at, entry) in (0u32..).zip(&entries.entries) {
                let inode = index.inode(crate::layer::entry::EntryRef { layer, index: at });
                let kind = match inode.map_or(entry.kind, |inode| index.entry(inode).kind) {
                    Kind::File => Kinds::FILE,
                    Kind::Directory => Kinds::DIRECTORY,
                    Kind::Symlink => Kinds::SYMLINK,
                    _ => Kinds::OTHER,
                };
                kinds[entry.node.index()].0 |= kind.0;
            }
        }
        kinds.into()
    }

    fn has(self, kind: Kinds) -> bool {
        self.0 & kind.0 > 0
    }
}

/// A `find` that runs a command.
#[derive(Debug)]
pub(super) struct Find {
    kind: Option<Kinds>,
    kinds: Arc<[Kinds]>,
    /// Options of the command, each with a space behind it.
    options: String,
    /// `+` or `\\;`: with that, no failure of the command counts.
    end: &'static str,
}

impl Find {
    pub(super) fn takes(&self, node: NodeId) -> bool {
        self.kind.is_none_or(|kind| self.kinds[node.index()].has(kind))
    }

    /// Returns the whole command: what is done, to which of the paths.
    pub(super) fn text(&self, paths: &str, tests: &str, name: &str, word: &str) -> String {
        let kind = match self.kind {
            None => "",
            Some(Kinds::DIRECTORY) => " -type d",
            Some(_) => " -type f",
        };
        let tests = if tests.is_empty() { String::new() } else { format!(" {tests}") };
        format!("find {paths}{kind}{tests} -exec {name} {}{word} {{}} {}", self.options, self.end)
    }
}

/// Understands the words behind `find`.
pub(super) fn understood(
    words: &[&str],
    operands: impl Fn(&[&str]) -> Result<Vec<Operand>, Unknown>,
    tree: &Tree,
    kinds: &Arc<[Kinds]>,
) -> Result<Understood, Unknown> {
    let because = |why: String| -> Result<Understood, Unknown> { Err(Some(why)) };
    let exec = words.iter().position(|word| *word == "-exec").ok_or(None)?;
    let count = words.iter().take_while(|word| !word.starts_with(['-', '(', '!'])).count();
    let (paths, tests) = (&words[..count.min(exec)], &words[count.min(exec)..exec]);
    let kind = match tests {
        [] => None,
        ["-type", "d"] => Some(Kinds::DIRECTORY),
        ["-type", "f"] => Some(Kinds::FILE),
        others => {
            let other = others.iter().find(|word| !["-type", "d", "f"].contains(word)).unwrap_or(&others[0]);
            return because(format!(
                "has a condition that is not understood here, {}",
                super::command::shortened(other)
            ));
        }
    };
    let (command, end) = match words[exec + 1..] {
        [ref command @ .., "{}", "+"] => (command, "+"),
        [ref command @ .., "{}", ";"] => (command, "\\;"),
        _ => return because("does more than run one command".to_owned()),
    };
    let (name, rest) = command.split_first().ok_or(None)?;
    let (options, rest): (Vec<&str>, Vec<&str>) =
        rest.iter().partition(|word| ["-h", "-v", "-c", "-f"].contains(*word));
    let [word] = rest[..] else { return because("runs a command that is not understood here".to_owned()) };
    let undo = changing(name, word)?;
    let operands = operands(paths)?;
    // What the command would follow leads elsewhere.
    let follows = !options.contains(&"-h") && kind.is_none();
    let mut waiting: Vec<NodeId> = operands.iter().flat_map(|operand| operand.tops.iter().copied()).collect();
    while let Some(node) = waiting.pop() {
        let of_node = kinds[node.index()];
        if follows && of_node.has(Kinds::SYMLINK) {
            return because("follows the symlinks that it finds".to_owned());
        }
        if kind.is_some_and(|kind| of_node.has(kind) && of_node != kind) {
            return because("finds what is a file in one layer and a folder or a link in another".to_owned());
        }
        waiting.extend(tree.children(node));
    }
    let options = options.iter().flat_map(|option| [option, " "]).collect();
    let find = Find { kind, kinds: Arc::clone(kinds), options, end };
    Ok(Understood { undo, operands, is_recursive: true, find: Some(find) })
}
