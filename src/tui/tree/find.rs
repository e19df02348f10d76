//! Finds the next match in the order of rows, inside closed directories too.

use super::{FileTree, SHOWN};
use crate::layer::entry::NodeId;
use crate::layer::tree::Tree;

/// The path matches.
const WANTED: u8 = 1;
/// Something below it matches.
const HOLDS: u8 = 2;

impl FileTree {
    /// Finds the next shown path that `wanted` accepts; wraps around. Costs all paths once: directories without a match are
    /// skipped.
    pub fn find(
        &mut self,
        tree: &Tree,
        from: NodeId,
        forward: bool,
        wanted: impl Fn(NodeId) -> bool,
    ) -> Option<NodeId> {
        let marks = self.marks(tree, wanted);
        if marks[0] & HOLDS == 0 {
            return None;
        }
        let found = if forward { self.after(tree, from, &marks) } else { self.before(tree, from, &marks) };
        found.or_else(|| self.end_of(tree, NodeId::ROOT, forward, &marks))
    }

    fn marks(&self, tree: &Tree, wanted: impl Fn(NodeId) -> bool) -> Vec<u8> {
        let mut marks = vec![0; self.flags.len()];
        for at in (1..marks.len()).rev() {
            let node = NodeId::at(at);
            if self.has(at, SHOWN) && wanted(node) {
                marks[at] |= WANTED;
            }
            if marks[at] != 0
                && let Some(parent) = tree.parent(node)
            {
                marks[parent.index()] |= HOLDS;
            }
        }
        marks
    }

    fn after(&mut self, tree: &Tree, from: NodeId, marks: &[u8]) -> Option<NodeId> {
        if let Some(found) = self.end_of(tree, from, true, marks) {
            return Some(found);
        }
        let mut node = from;
        while let Some(parent) = tree.parent(node) {
            self.sort_directory(tree, parent.index());
            let next = self.range(parent.index()).start + self.place_in(parent.index(), node)? + 1;
            let mut siblings = next..self.range(parent.index()).end;
            if let Some(sibling) = siblings.find(|place| marks[self.order[*place] as usize] != 0) {
                return self.first_of(tree, NodeId(self.order[sibling]), marks);
            }
            node = parent;
        }
        None
    }

    fn before(&mut self, tree: &Tree, from: NodeId, marks: &[u8]) -> Option<NodeId> {
        let mut node = from;
        while let Some(parent) = tree.parent(node) {
            self.sort_directory(tree, parent.index());
            let start = self.range(parent.index()).start;
            let mut siblings = (start..start + self.place_in(parent.index(), node)?).rev();
            if let Some(sibling) = siblings.find(|place| marks[self.order[*place] as usize] != 0) {
                let sibling = NodeId(self.order[sibling]);
                return self.end_of(tree, sibling, false, marks).or(Some(sibling));
            }
            if marks[parent.index()] & WANTED != 0 {
                return Some(parent);
            }
            node = parent;
        }
        None
    }

    fn first_of(&mut self, tree: &Tree, node: NodeId, marks: &[u8]) -> Option<NodeId> {
        if marks[node.index()] & WANTED != 0 { Some(node) } else { self.end_of(tree, node, true, marks) }
    }

    /// Returns the first match below a directory, or the last.
    fn end_of(&mut self, tree: &Tree, directory: NodeId, first: bool, marks: &[u8]) -> Option<NodeId> {
        let mut directory = directory;
        let mut found = None;
        while marks[directory.index()] & HOLDS != 0 {
            self.sort_directory(tree, directory.index());
            let mut children = self.range(directory.index()).map(|place| self.order[place]);
            let is_marked = |child: &u32| marks[*child as usize] != 0;
            let child = NodeId(if first { children.find(is_marked) } else { children.rfind(is_marked) }?);
            found = Some(child);
            if first && marks[child.index()] & WANTED != 0 {
                break;
            }
            directory = child;
        }
        found
    }
}
