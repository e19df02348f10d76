//! What is in sight: rows from any place on, the row of a path, directories that open and close.

use std::cmp::Reverse;
use std::ops::Range;

use super::{DIRECTORY, FileTree, MATCH, OPEN, SHOWN, SORTED, SortKey};
use crate::layer::entry::NodeId;
use crate::layer::tree::Tree;

/// One visible row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRow {
    /// The path.
    pub node: NodeId,
    /// Directories above it, the root left out.
    pub depth: usize,
}

/// The contents of a directory with more than this are counted by blocks of as many, so that a row far down in it is
/// found without looking at all those before it.
const BLOCK: usize = 256;

/// How far a walk has come in one directory.
struct Way {
    directory: usize,
    first: usize,
    next: usize,
    end: usize,
}

impl FileTree {
    /// Returns at most `height` rows from `first` on. Costs the rows, the directories above them and a glance at each
    /// block of siblings; directories that come into sight are put in order.
    #[must_use]
    pub fn rows(&mut self, tree: &Tree, first: usize, height: usize) -> Vec<FileRow> {
        let mut rows = Vec::with_capacity(height.min(self.row_count()));
        let mut skip = first;
        let mut ways = vec![self.enter(tree, 0)];
        while let Some(way) = ways.last_mut() {
            if rows.len() == height {
                break;
            }
            let Some(at) = self.next_of(way, &mut skip) else {
                ways.pop();
                continue;
            };
            let count = self.count(at);
            if skip >= count {
                skip -= count;
                continue;
            }
            if skip > 0 {
                skip -= 1;
            } else {
                rows.push(FileRow { node: NodeId::at(at), depth: ways.len() - 1 });
            }
            if count > 1 {
                ways.push(self.enter(tree, at));
            }
        }
        rows
    }

    /// Starts a walk through a directory, put in order.
    fn enter(&mut self, tree: &Tree, directory: usize) -> Way {
        self.sort_directory(tree, directory);
        self.count_blocks(directory);
        let Range { start, end } = self.range(directory);
        Way { directory, first: start, next: start, end }
    }

    /// Returns the next of a directory's contents; blocks that are skipped as a whole, or have no rows, are jumped over.
    fn next_of(&self, way: &mut Way, skip: &mut usize) -> Option<usize> {
        let is_large = way.end - way.first > BLOCK;
        while is_large && way.next < way.end && (way.next - way.first).is_multiple_of(BLOCK) {
            let block = (way.next - way.first) / BLOCK;
            let rows = self.blocks.get(&place(way.directory)).and_then(|blocks| blocks.get(block));
            match rows.map(|rows| *rows as usize).filter(|rows| *rows <= *skip) {
                Some(rows) => {
                    *skip -= rows;
                    way.next = (way.next + BLOCK).min(way.end);
                }
                None => break,
            }
        }
        (way.next < way.end).then(|| {
            way.next += 1;
            self.order[way.next - 1] as usize
        })
    }

    fn count_blocks(&mut self, directory: usize) {
        let range = self.range(directory);
        if range.len() <= BLOCK || self.blocks.contains_key(&place(directory)) {
            return;
        }
        let rows = |block: &[u32]| block.iter().map(|at| place(self.count(*at as usize))).sum();
        let blocks = self.order[range].chunks(BLOCK).map(rows).collect();
        self.blocks.insert(place(directory), blocks);
    }

    pub(super) fn range(&self, at: usize) -> Range<usize> {
        let end = self.start.get(at + 1).map_or(self.order.len(), |end| *end as usize);
        self.start[at] as usize..end
    }

    /// Returns the rows that a path takes: itself and, if open, what is below.
    fn count(&self, at: usize) -> usize {
        if !self.has(at, SHOWN) {
            return 0;
        }
        1 + if self.has(at, OPEN) { self.below[at] as usize } else { 0 }
    }

    /// Puts the contents of one directory in order, once.
    pub(super) fn sort_directory(&mut self, tree: &Tree, at: usize) {
        if self.has(at, SORTED) {
            return;
        }
        self.flags[at] |= SORTED;
        let range = self.range(at);
        if range.len() < 2 {
            return;
        }
        self.blocks.remove(&place(at));
        let mut keyed: Vec<(u64, u32)> =
            tree.children(NodeId::at(at)).map(|child| (self.key(child.index()), child.0)).collect();
        if self.sort.key == SortKey::Name {
            if self.sort.reversed {
                keyed.reverse();
            }
        } else if self.sort.falls() {
            keyed.sort_by_key(|(key, _)| Reverse(*key));
        } else {
            keyed.sort_by_key(|(key, _)| *key);
        }
        for (place, (_, child)) in range.zip(keyed) {
            self.order[place] = child;
        }
    }

    fn key(&self, at: usize) -> u64 {
        match self.sort.key {
            SortKey::Waste => self.waste[at] + self.hides[at],
            SortKey::Size => self.size[at],
            SortKey::Name => 0,
            SortKey::Layer => u64::from(self.stored_in[at]),
            SortKey::Change => u64::from(self.flags[at] & super::LETTER),
        }
    }

    /// Returns the position of a path among the contents of its directory.
    pub(super) fn place_in(&self, directory: usize, node: NodeId) -> Option<usize> {
        let range = self.range(directory);
        self.order[range].iter().position(|child| *child == node.0)
    }

    /// Returns the row of a path, where everything above it is open.
    #[must_use]
    pub fn row_of(&mut self, tree: &Tree, node: NodeId) -> Option<usize> {
        let mut row = 0;
        let mut node = node;
        while let Some(parent) = tree.parent(node) {
            let above = parent.index();
            if !self.has(node.index(), SHOWN) || !self.has(above, OPEN) {
                return None;
            }
            self.sort_directory(tree, above);
            self.count_blocks(above);
            let position = self.place_in(above, node)?;
            let whole = position / BLOCK;
            let mut start = self.range(above).start;
            if let Some(blocks) = self.blocks.get(&place(above)) {
                row += blocks[..whole].iter().map(|rows| *rows as usize).sum::<usize>();
                start += whole * BLOCK;
            }
            let end = self.range(above).start + position;
            row += self.order[start..end].iter().map(|at| self.count(*at as usize)).sum::<usize>();
            row += usize::from(parent != NodeId::ROOT);
            node = parent;
        }
        Some(row)
    }

    /// Opens or closes a directory. Costs a glance at its siblings and at those of the directories above.
    pub fn set_open(&mut self, tree: &Tree, node: NodeId, open: bool) {
        let at = node.index();
        if !self.has(at, DIRECTORY) || self.has(at, OPEN) == open || node == NodeId::ROOT {
            return;
        }
        let before = self.count(at);
        self.flags[at] = if open { self.flags[at] | OPEN } else { self.flags[at] & !OPEN };
        let change = place(self.count(at).abs_diff(before));
        let adjust = |rows: &mut u32| *rows = if open { *rows + change } else { *rows - change };
        let mut current = node;
        while let Some(parent) = tree.parent(current) {
            let above = parent.index();
            adjust(&mut self.below[above]);
            if let Some(position) = self.blocks.get(&place(above)).and_then(|_| self.place_in(above, current))
                && let Some(blocks) = self.blocks.get_mut(&place(above))
            {
                adjust(&mut blocks[position / BLOCK]);
            }
            if !self.has(above, OPEN) {
                break;
            }
            current = parent;
        }
    }

    /// Opens or closes a directory and all directories below it. Costs all paths.
    pub fn set_open_below(&mut self, tree: &Tree, top: NodeId, open: bool) {
        let mut stack = vec![top];
        while let Some(node) = stack.pop() {
            if node != NodeId::ROOT {
                self.flags[node.index()] &= !OPEN;
                self.flags[node.index()] |= if open { OPEN } else { 0 };
            }
            stack.extend(tree.children(node).filter(|child| tree.first_child(*child).is_some()));
        }
        self.settle(tree);
    }

    /// Opens everything above a path.
    pub fn reveal(&mut self, tree: &Tree, node: NodeId) {
        let mut above = tree.parent(node);
        while let Some(directory) = above {
            self.set_open(tree, directory, true);
            above = tree.parent(directory);
        }
    }

    /// Opens the way to what the filter takes, where that is at most `most` paths.
    pub fn open_matches(&mut self, tree: &Tree, most: usize) {
        let is_top = |at: usize| {
            self.flags[at] & (MATCH | SHOWN) == MATCH | SHOWN
                && !tree.parent(NodeId::at(at)).is_some_and(|above| self.has(above.index(), MATCH))
        };
        let found: Vec<usize> = (1..self.flags.len()).filter(|at| is_top(*at)).take(most + 1).collect();
        if found.len() <= most {
            for at in found {
                self.reveal(tree, NodeId::at(at));
            }
        }
    }
}

/// Numbers of paths and counts of rows fit 32 bits, because the tree's nodes do.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
