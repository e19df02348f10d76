//! The rows of the file tree: which of an image's paths are shown, in which order, with which figures.
//!
//! Everything is an array with a place for each path, so a frame costs its visible rows and never the image. A closed or
//! open directory changes only the counts of those above it; what concerns every path (another layer, a filter) is one
//! pass from the last path to the first, because a directory's number is lower than those of its contents. A directory is
//! put in order when its first row comes into sight. No drawing here.
//!
//! [`kinds`] has the words, `steps` the merged view, `rows` what is in sight, `find` the way to the next match.

mod find;
pub mod kinds;
mod rows;
mod steps;

use std::collections::HashMap;

use crate::analysis::Analysis;
use crate::layer::entry::{EntryRef, Kind, LayerNumber, NodeId, Slot};
use crate::layer::index::Index;
use crate::layer::tree::Tree;
use crate::merge::changes::ChangeKind;
pub use kinds::{Letter, Show, Sort, SortKey, TreeScope};
pub use rows::FileRow;
use steps::Steps;

/// Low bits of a path's flags: its letter's place in [`Letter::ALL`].
const LETTER: u8 = 3;
/// The view has something to say about the path, by itself or because of what is below.
const PRESENT: u8 = 4;
/// It is a directory, or something with contents.
const DIRECTORY: u8 = 8;
/// The user opened it.
const OPEN: u8 = 16;
/// Its contents are sorted.
const SORTED: u8 = 32;
/// A row for it exists once everything above is open.
const SHOWN: u8 = 64;
/// The filter accepts it.
const MATCH: u8 = 128;

/// The file tree.
#[derive(Debug)]
pub struct FileTree {
    flags: Vec<u8>,
    size: Vec<u64>,
    waste: Vec<u64>,
    hides: Vec<u64>,
    /// The layer that stores what is shown, from 1; of a directory the highest below it; 0 = none.
    stored_in: Vec<u32>,
    /// Rows below each path if it were open.
    below: Vec<u32>,
    /// Where each path's contents start in `order`.
    start: Vec<u32>,
    order: Vec<u32>,
    /// For large directories that were in sight: the rows of each block of their contents.
    blocks: HashMap<u32, Vec<u32>>,
    steps: Steps,
    dead: Vec<Dead>,
    scope: TreeScope,
    layer: usize,
    sort: Sort,
    show: Show,
}

/// A waste record, as far as the tree needs it; by storing layer, then by path.
#[derive(Debug, Clone, Copy)]
struct Dead {
    stored_in: u32,
    hidden_by: u32,
    node: u32,
    bytes: u64,
}

impl FileTree {
    /// Builds the tree of an image, on its bottom layer. Costs all entries, paths and waste records.
    #[must_use]
    pub fn new(analysis: &Analysis) -> Self {
        let tree = &analysis.index.tree;
        let (start, order) = children(tree);
        let zeros = || vec![0u64; tree.len()];
        let mut files = FileTree {
            flags: vec![MATCH; tree.len()],
            size: zeros(),
            waste: zeros(),
            hides: zeros(),
            stored_in: vec![0; tree.len()],
            below: vec![0; tree.len()],
            start,
            order,
            blocks: HashMap::new(),
            steps: Steps::new(&analysis.index),
            dead: dead(analysis),
            scope: TreeScope::Layer,
            layer: 0,
            sort: Sort::default(),
            show: Show::default(),
        };
        files.flags[0] |= OPEN;
        files.set_view(analysis, TreeScope::Layer, 0);
        files
    }

    /// Returns the bytes that the tree takes, beyond the index.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let wide = self.size.capacity() + self.waste.capacity() + self.hides.capacity();
        let narrow = self.stored_in.capacity() + self.below.capacity() + self.start.capacity() + self.order.capacity();
        let dead = self.dead.capacity() * size_of::<Dead>();
        self.flags.capacity() + 8 * wide + 4 * narrow + dead + self.steps.heap_bytes()
    }

    /// Says what the tree is about.
    #[must_use]
    pub fn scope(&self) -> TreeScope {
        self.scope
    }

    /// Returns the order of rows.
    #[must_use]
    pub fn sort(&self) -> Sort {
        self.sort
    }

    /// Says which rows are shown.
    #[must_use]
    pub fn show(&self) -> Show {
        self.show
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.below[0] as usize
    }

    /// Returns what happened to a path.
    #[must_use]
    pub fn letter(&self, node: NodeId) -> Letter {
        Letter::ALL[usize::from(self.flags[node.index()] & LETTER)]
    }

    /// Returns the size of a path: of a directory, what is below it.
    #[must_use]
    pub fn size(&self, node: NodeId) -> u64 {
        self.size[node.index()]
    }

    /// Returns the wasted bytes stored at and below a path: by the layer, or by all layers that the view covers.
    #[must_use]
    pub fn waste(&self, node: NodeId) -> u64 {
        self.waste[node.index()]
    }

    /// Returns the bytes of lower layers that the layer hides at and below a path.
    #[must_use]
    pub fn hides(&self, node: NodeId) -> u64 {
        self.hides[node.index()]
    }

    /// Returns the layer that stores what is shown at a path; of a directory, the highest that stores something in it.
    #[must_use]
    pub fn stored_in(&self, node: NodeId) -> Option<u32> {
        Some(self.stored_in[node.index()]).filter(|number| *number > 0)
    }

    /// Returns what the layer removed at a path, in the view of one layer; of a path that is gone for longer, nothing.
    #[must_use]
    pub fn removed(&self, node: NodeId) -> Option<EntryRef> {
        let removed = self.steps.removed(self.layer);
        let place = removed.binary_search_by_key(&node, |(node, _)| *node).ok()?;
        removed[place].1.get()
    }

    /// Says whether a path has contents to show.
    #[must_use]
    pub fn is_directory(&self, node: NodeId) -> bool {
        self.has(node.index(), DIRECTORY)
    }

    /// Says whether a directory is open.
    #[must_use]
    pub fn is_open(&self, node: NodeId) -> bool {
        self.has(node.index(), OPEN)
    }

    /// Says whether a row for the path exists once everything above it is open.
    #[must_use]
    pub fn is_shown(&self, node: NodeId) -> bool {
        self.has(node.index(), SHOWN)
    }

    /// Says whether the filter accepts the path itself.
    #[must_use]
    pub fn passes_filter(&self, node: NodeId) -> bool {
        self.has(node.index(), MATCH)
    }

    fn has(&self, at: usize, flag: u8) -> bool {
        self.flags[at] & flag != 0
    }

    /// Shows another layer or scope. Costs all paths, and the entries of the layers between the two.
    pub fn set_view(&mut self, analysis: &Analysis, scope: TreeScope, layer: usize) {
        (self.scope, self.layer) = (scope, layer);
        self.flags.iter_mut().for_each(|flags| *flags &= OPEN | MATCH);
        for figures in [&mut self.size, &mut self.waste, &mut self.hides] {
            figures.fill(0);
        }
        self.stored_in.fill(0);
        match scope {
            TreeScope::Layer => self.fill_layer(analysis, layer),
            TreeScope::UpTo => self.fill_view(analysis, layer + 1),
            TreeScope::Final => self.fill_view(analysis, analysis.layers.len()),
        }
        self.fill_waste();
        self.sum_up(&analysis.index.tree);
    }

    /// A, C and D of one layer; what went with a deleted directory is a D as well.
    fn fill_layer(&mut self, analysis: &Analysis, layer: usize) {
        let index = &analysis.index;
        if layer >= index.layers.len() {
            return;
        }
        self.put_removed(index, layer);
        for change in analysis.changes_unsorted(LayerNumber::from_index(layer)) {
            let (letter, upper) = match change.kind {
                ChangeKind::Added(upper) => (Letter::Added, upper),
                ChangeKind::Changed { upper, .. } => (Letter::Changed, upper),
                ChangeKind::Deleted(_) => continue,
            };
            let kind = upper.map_or(Kind::Directory, |upper| index.entry(upper).kind);
            self.put(change.node, letter, kind == Kind::Directory, change.bytes(index));
            self.stored_in[change.node.index()] = upper.map_or(0, |upper| upper.layer().get());
        }
    }

    fn put_removed(&mut self, index: &Index, layer: usize) {
        for at in 0..self.steps.removed(layer).len() {
            let (node, before) = self.steps.removed(layer)[at];
            if before.is_present() {
                self.put(node, Letter::Deleted, before.is_directory(), bytes(index, before));
                self.stored_in[node.index()] = layer_of(before);
            }
        }
    }

    /// What the first layers show; what their last one deleted stays visible.
    fn fill_view(&mut self, analysis: &Analysis, layer_count: usize) {
        let index = &analysis.index;
        let Some(last) = layer_count.checked_sub(1) else { return };
        let is_whole = self.scope == TreeScope::Final;
        if !is_whole {
            self.put_removed(index, last);
        }
        let view = self.steps.view(analysis, layer_count);
        for at in 1..index.tree.len() {
            let slot = view.slot(NodeId::at(at));
            if slot.is_present() {
                let directory = if slot.is_directory() { DIRECTORY } else { 0 };
                self.flags[at] |= PRESENT | Letter::Unmodified as u8 | directory;
                self.size[at] = bytes(index, slot);
                self.stored_in[at] = layer_of(slot);
            }
        }
        if is_whole {
            return;
        }
        for change in analysis.changes_unsorted(LayerNumber::from_index(last)) {
            let letter = match change.kind {
                ChangeKind::Added(_) => Letter::Added,
                ChangeKind::Changed { .. } => Letter::Changed,
                ChangeKind::Deleted(_) => continue,
            };
            let flags = &mut self.flags[change.node.index()];
            *flags = *flags & !LETTER | letter as u8;
        }
    }

    fn put(&mut self, node: NodeId, letter: Letter, is_directory: bool, bytes: u64) {
        let at = node.index();
        let directory = if is_directory { DIRECTORY } else { 0 };
        self.flags[at] = self.flags[at] & (OPEN | MATCH) | PRESENT | letter as u8 | directory;
        self.size[at] = bytes;
    }

    fn fill_waste(&mut self) {
        let number = LayerNumber::from_index(self.layer).get();
        for place in 0..self.dead.len() {
            let Dead { stored_in, hidden_by, node, bytes } = self.dead[place];
            let (is_stored, is_hidden) = match self.scope {
                TreeScope::Layer => (stored_in == number, hidden_by == number),
                TreeScope::UpTo => (hidden_by <= number, false),
                TreeScope::Final => (true, false),
            };
            let at = node as usize;
            if is_stored {
                self.waste[at] += bytes;
            } else if is_hidden {
                self.hides[at] += bytes;
            } else {
                continue;
            }
            // What is gone from the view but cost bytes stays in sight, where it was stored.
            if self.flags[at] & PRESENT == 0 {
                self.put(NodeId(node), Letter::Deleted, false, 0);
                self.stored_in[at] = stored_in;
            }
        }
    }

    /// Adds everything up to the directories, from the last path to the first, and counts the rows.
    fn sum_up(&mut self, tree: &Tree) {
        self.below.fill(0);
        self.blocks.clear();
        for at in (1..self.flags.len()).rev() {
            if !self.has(at, PRESENT) {
                continue;
            }
            let Some(parent) = tree.parent(NodeId::at(at)) else { continue };
            let above = parent.index();
            if self.flags[above] & PRESENT == 0 {
                // In a view of all paths, only what is gone has a directory that is gone.
                let is_gone = self.scope != TreeScope::Layer && self.is_gone(at);
                let letter = if is_gone { Letter::Deleted } else { Letter::Unmodified };
                self.flags[above] |= PRESENT | letter as u8;
            }
            self.flags[above] |= DIRECTORY;
            // What was deleted from a directory does not count in its size; what a deleted directory held does.
            if !self.is_gone(at) || self.is_gone(above) {
                self.size[above] += self.size[at];
            }
            self.waste[above] += self.waste[at];
            self.hides[above] += self.hides[at];
            self.stored_in[above] = self.stored_in[above].max(self.stored_in[at]);
            self.count_row(at, above);
        }
        self.flags[0] = self.flags[0] & !SORTED | SHOWN;
    }

    fn is_gone(&self, at: usize) -> bool {
        self.flags[at] & LETTER == Letter::Deleted as u8
    }

    /// Decides which rows exist and counts them, where the figures stay as they are.
    fn settle(&mut self, tree: &Tree) {
        self.below.fill(0);
        self.blocks.clear();
        for at in (1..self.flags.len()).rev() {
            if self.has(at, PRESENT)
                && let Some(parent) = tree.parent(NodeId::at(at))
            {
                self.count_row(at, parent.index());
            }
        }
    }

    /// Decides whether a path has a row, once everything below it is decided.
    fn count_row(&mut self, at: usize, above: usize) {
        if self.below[at] == 0 && !self.is_wanted(at) {
            self.flags[at] &= !SHOWN;
            return;
        }
        self.flags[at] |= SHOWN;
        // A closed directory must still know that something below it is shown.
        self.below[above] += 1 + if self.has(at, OPEN) { self.below[at] } else { 0 };
    }

    fn is_wanted(&self, at: usize) -> bool {
        let flags = self.flags[at];
        let letter = self.show.letters[usize::from(flags & LETTER)];
        let waste = !self.show.only_waste || self.waste[at] + self.hides[at] > 0;
        // A directory without a letter is there for what is below it, unless the view is about everything.
        let is_frame = self.scope == TreeScope::Layer && flags & LETTER == Letter::Unmodified as u8;
        letter && waste && !is_frame && flags & MATCH != 0
    }

    /// Sorts by another key. Costs a glance at each path, and later the contents of the directories in sight.
    pub fn set_sort(&mut self, sort: Sort) {
        self.sort = sort;
        self.flags.iter_mut().for_each(|flags| *flags &= !SORTED);
        self.blocks.clear();
    }

    /// Shows or hides kinds of rows. Costs all paths.
    pub fn set_show(&mut self, tree: &Tree, show: Show) {
        self.show = show;
        self.settle(tree);
    }

    /// Keeps the paths in `matches` and the directories above them; all paths without it. Costs all paths.
    pub fn set_filter(&mut self, tree: &Tree, matches: Option<&[bool]>) {
        match matches {
            Some(matches) => {
                for (flags, found) in self.flags.iter_mut().zip(matches) {
                    *flags = *flags & !MATCH | if *found { MATCH } else { 0 };
                }
            }
            None => self.flags.iter_mut().for_each(|flags| *flags |= MATCH),
        }
        self.settle(tree);
    }
}

/// Groups the paths by the directory that holds them, in byte order.
fn children(tree: &Tree) -> (Vec<u32>, Vec<u32>) {
    let mut start = vec![0u32; tree.len() + 1];
    for at in 1..tree.len() {
        if let Some(parent) = tree.parent(NodeId::at(at)) {
            start[parent.index() + 1] += 1;
        }
    }
    for at in 1..start.len() {
        start[at] += start[at - 1];
    }
    let mut order = vec![0u32; tree.len() - 1];
    for at in 0..tree.len() {
        let places = start[at] as usize..start[at + 1] as usize;
        if !places.is_empty() {
            for (place, child) in places.zip(tree.children(NodeId::at(at))) {
                order[place] = child.0;
            }
        }
    }
    (start, order)
}

fn dead(analysis: &Analysis) -> Vec<Dead> {
    let of = |record: &crate::analysis::waste::WasteRecord| Dead {
        stored_in: record.stored_in.get(),
        hidden_by: record.hidden_by.get(),
        node: record.node.0,
        bytes: record.bytes,
    };
    let mut dead: Vec<Dead> = analysis.waste.iter().map(of).collect();
    dead.sort_unstable_by_key(|dead| (dead.stored_in, dead.node));
    dead
}

/// Returns the content bytes of what a view shows; 0 for everything but regular files.
fn bytes(index: &Index, slot: Slot) -> u64 {
    slot.get().map_or(0, |entry| index.entry(entry).size)
}

fn layer_of(slot: Slot) -> u32 {
    slot.get().map_or(0, |entry| entry.layer().get())
}
