//! Questions about what the start reaches, answered with the reason.

use super::walk::Here;
use super::{Extent, How, Origin, Reason, Start};
use crate::escape::push_escaped;
use crate::layer::entry::NodeId;
use crate::layer::tree::Tree;

/// Longer chains are cut in the middle.
const MOST_STEPS: usize = 64;

impl Start {
    /// Returns why a path is reached: itself, or as part of a directory that is reached as a whole.
    #[cfg(test)]
    pub(crate) fn reason(&self, tree: &Tree, node: NodeId) -> Option<&Reason> {
        self.reached_part(tree, node).map(|(_, reason)| reason)
    }

    /// Returns the path by which a path is reached, itself or a directory above it, and why.
    pub(crate) fn reached_part(&self, tree: &Tree, node: NodeId) -> Option<(NodeId, &Reason)> {
        if let Some(reason) = self.reached.get(&node) {
            return Some((node, reason));
        }
        let mut above = tree.parent(node);
        while let Some(directory) = above {
            if let Some(reason) = self.reached.get(&directory).filter(|reason| reason.extent != Extent::One) {
                return Some((directory, reason));
            }
            above = tree.parent(directory);
        }
        None
    }

    /// Returns the reasons that lead to a path, the config's first; empty where it is not reached.
    pub(crate) fn chain(&self, tree: &Tree, node: NodeId) -> Vec<(NodeId, &Reason)> {
        let mut steps = Vec::new();
        let mut next = Some(node);
        while let Some((at, reason)) = next.and_then(|node| self.reached_part(tree, node)) {
            steps.push((at, reason));
            next = match reason.origin {
                Origin::Path(from) if from != at && steps.len() < MOST_STEPS => Some(from),
                _ => None,
            };
        }
        steps.reverse();
        steps
    }

    /// Returns the chain as one line: `CMD npm start → /app/package.json "nodemon src" → /app/node_modules/nodemon`.
    pub(crate) fn sentence(&self, tree: &Tree, node: NodeId) -> String {
        let mut out = String::new();
        for (at, reason) in self.chain(tree, node) {
            if let (Origin::Config(part), true) = (reason.origin, out.is_empty()) {
                out.push_str(part.name());
            }
            if !reason.word.is_empty() && reason.how != How::Link {
                out.push_str(" \"");
                push_escaped(&mut out, &reason.word);
                out.push('"');
            }
            out.push_str(" → ");
            push_escaped(&mut out, &tree.path(at));
        }
        out
    }

    /// Says where a text of the chain speaks of a word: a command, the name of a file, a package, a module.
    pub(crate) fn mentions(&self, word: &[u8]) -> Option<&Reason> {
        self.words.word(word)
    }

    /// Says where a text of the chain speaks of a path, of one below it, or of a directory above it.
    pub(crate) fn mentions_path(&self, path: &[u8]) -> Option<&Reason> {
        self.words.path(path)
    }

    /// Adds a directory that a text or a service names.
    pub(super) fn words_path(&mut self, path: &[u8], here: Here, how: How) {
        let number = self.words.add_reason(Reason::new(here.origin, how, path));
        self.words.add_path(path, number);
        self.words.add_path(&[path, b"/"].concat(), number);
    }

    /// Says why the table demands a package of the operating system.
    #[cfg(test)]
    pub(crate) fn needs_package(&self, name: &[u8]) -> Option<&Reason> {
        self.packages.get(std::str::from_utf8(name).ok()?)
    }
}
