//! The rows of the file tree: which of an image's paths are shown, in which order, with which figures.
//!
//! Everything is an array with a place for each path, so a frame costs its visible rows and never the image. A closed or
//! open directory changes only the counts of those above it; what costs the whole image (another layer, a filter, a
//! sort) is one pass from the last path to the first, because a directory's number is lower than those of its contents.
//! No drawing here.

use std::cmp::Reverse;

use crate::analysis::Analysis;
use crate::layer::entry::{EntryRef, Kind, LayerNumber, NodeId, Slot};
use crate::layer::index::Index;
use crate::layer::tree::Tree;
use crate::merge::changes::ChangeKind;
use crate::merge::view::View;

/// What the tree is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// What one layer changes.
    Layer,
    /// What the layers up to one show.
    UpTo,
    /// What the whole image shows.
    Final,
}

/// What happened to a path, as `docker diff` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letter {
    /// A.
    Added,
    /// C.
    Changed,
    /// D.
    Deleted,
    /// Nothing.
    Unmodified,
}

impl Letter {
    /// All of them, in the order of the keys.
    pub const ALL: [Letter; 4] = [Letter::Added, Letter::Changed, Letter::Deleted, Letter::Unmodified];

    /// Returns the letter on screen.
    #[must_use]
    pub fn char(self) -> char {
        match self {
            Letter::Added => 'A',
            Letter::Changed => 'C',
            Letter::Deleted => 'D',
            Letter::Unmodified => ' ',
        }
    }
}

/// What rows are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// Wasted bytes, stored here or hidden here.
    Waste,
    /// Size.
    Size,
    /// Name, in byte order.
    Name,
    /// The layer that stores it: in the waste table.
    Layer,
    /// A, C, D: in the file tree.
    Change,
}

impl SortKey {
    /// The keys of the file tree, in the order of `s`.
    pub const FILES: [SortKey; 4] = [SortKey::Waste, SortKey::Size, SortKey::Name, SortKey::Change];
    /// The keys of the waste table.
    pub const WASTE: [SortKey; 3] = [SortKey::Waste, SortKey::Layer, SortKey::Name];

    /// Returns the key that comes after this one.
    #[must_use]
    pub fn next(self, keys: &[SortKey]) -> Self {
        let at = keys.iter().position(|key| *key == self).map_or(0, |at| at + 1);
        keys[at % keys.len()]
    }

    /// Returns its name on screen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SortKey::Waste => "waste",
            SortKey::Size => "size",
            SortKey::Name => "name",
            SortKey::Layer => "layer",
            SortKey::Change => "change",
        }
    }
}

/// An order: figures run from large to small, names and layers from small to large, unless reversed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub key: SortKey,
    /// The other way round.
    pub reversed: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Sort { key: SortKey::Waste, reversed: false }
    }
}

impl Sort {
    /// Returns `waste↓`.
    #[must_use]
    pub fn label(self) -> String {
        let falls = matches!(self.key, SortKey::Waste | SortKey::Size) != self.reversed;
        format!("{}{}", self.key.name(), if falls { '↓' } else { '↑' })
    }
}

/// Which rows are shown at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Show {
    /// For each of [`Letter::ALL`].
    pub letters: [bool; 4],
    /// Only what has waste.
    pub only_waste: bool,
}

impl Default for Show {
    fn default() -> Self {
        Show { letters: [true; 4], only_waste: false }
    }
}

/// Low bits of a path's flags: its letter's place in [`Letter::ALL`].
const LETTER: u8 = 3;
/// The view has something to say about the path, by itself or because of what is below.
const PRESENT: u8 = 4;
/// It is a directory, or something with contents.
const DIRECTORY: u8 = 8;
/// The user opened it.
const OPEN: u8 = 16;
/// Its contents stand in the order of the sort.
const SORTED: u8 = 32;
/// A row for it exists once everything above is open.
const SHOWN: u8 = 64;
/// The pattern takes it.
const MATCH: u8 = 128;

/// One visible row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The path.
    pub node: NodeId,
    /// Directories above it, the root left out.
    pub depth: usize,
}

/// The file tree.
#[derive(Debug)]
pub struct FileTree {
    flags: Vec<u8>,
    size: Vec<u64>,
    waste: Vec<u64>,
    hides: Vec<u64>,
    /// Rows below each path if it were open.
    below: Vec<u32>,
    /// Where each path's contents start in `order`.
    start: Vec<u32>,
    order: Vec<u32>,
    scope: Scope,
    layer: usize,
    sort: Sort,
    show: Show,
}

impl FileTree {
    /// Builds the tree of an image, on its top layer.
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
            below: vec![0; tree.len()],
            start,
            order,
            scope: Scope::Layer,
            layer: 0,
            sort: Sort::default(),
            show: Show::default(),
        };
        files.flags[0] |= OPEN;
        files.set_view(analysis, Scope::Layer, 0);
        files
    }

    /// Returns the bytes that the tree takes, beyond the index.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let wide = self.size.capacity() + self.waste.capacity() + self.hides.capacity();
        let narrow = self.below.capacity() + self.start.capacity() + self.order.capacity();
        self.flags.capacity() + 8 * wide + 4 * narrow
    }

    /// Says what the tree is about.
    #[must_use]
    pub fn scope(&self) -> Scope {
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

    fn has(&self, at: usize, flag: u8) -> bool {
        self.flags[at] & flag != 0
    }

    /// Shows another layer or scope. Costs the entries of the layers up to it and all paths.
    pub fn set_view(&mut self, analysis: &Analysis, scope: Scope, layer: usize) {
        (self.scope, self.layer) = (scope, layer);
        self.flags.iter_mut().for_each(|flags| *flags &= OPEN | MATCH);
        for figures in [&mut self.size, &mut self.waste, &mut self.hides] {
            figures.fill(0);
        }
        match scope {
            Scope::Layer => self.fill_layer(analysis, layer),
            Scope::UpTo => self.fill_view(analysis, layer + 1),
            Scope::Final => self.fill_view(analysis, analysis.layers.len()),
        }
        self.fill_waste(analysis);
        self.sum_up(&analysis.index.tree);
        self.settle(&analysis.index.tree);
    }

    /// A, C and D of one layer; what went with a deleted directory is a D as well.
    fn fill_layer(&mut self, analysis: &Analysis, layer: usize) {
        let index = &analysis.index;
        if layer >= index.layers.len() {
            return;
        }
        let mut removed: Vec<(NodeId, Slot)> = Vec::new();
        let mut view = View::of_layers(index, layer);
        view.apply(&index.tree, &index.layers[layer], layer, &mut |node, before| {
            if before.is_present() {
                removed.push((node, before));
            }
        });
        for (node, before) in removed {
            if !view.slot(node).is_present() {
                self.put(node, Letter::Deleted, before.is_directory(), bytes(index, before));
            }
        }
        self.put_changes(analysis, layer);
    }

    fn put_changes(&mut self, analysis: &Analysis, layer: usize) {
        let index = &analysis.index;
        for change in analysis.changes_unsorted(LayerNumber::from_index(layer)) {
            let (letter, upper) = match change.kind {
                ChangeKind::Added(upper) => (Letter::Added, upper),
                ChangeKind::Changed { upper, .. } => (Letter::Changed, upper),
                ChangeKind::Deleted(_) => continue,
            };
            let kind = upper.map_or(Kind::Directory, |upper| index.entry(upper).kind);
            self.put(change.node, letter, kind == Kind::Directory, change.bytes(index));
        }
    }

    /// What the first layers show; what their last one deleted stays visible.
    fn fill_view(&mut self, analysis: &Analysis, layer_count: usize) {
        let index = &analysis.index;
        let Some(last) = layer_count.checked_sub(1) else { return };
        let is_whole = self.scope == Scope::Final;
        let mut removed: Vec<(NodeId, Slot)> = Vec::new();
        let mut view = View::of_layers(index, last);
        view.apply(&index.tree, &index.layers[last], last, &mut |node, before| {
            if before.is_present() {
                removed.push((node, before));
            }
        });
        for (node, before) in removed {
            if !is_whole && !view.slot(node).is_present() {
                self.put(node, Letter::Deleted, before.is_directory(), bytes(index, before));
            }
        }
        for at in 1..index.tree.len() {
            let node = NodeId::at(at);
            let slot = view.slot(node);
            if slot.is_present() {
                self.put(node, Letter::Unmodified, slot.is_directory(), bytes(index, slot));
            }
        }
        if !is_whole {
            self.put_letters(analysis, last, &view);
        }
    }

    /// The letters of the last layer, over sizes that the view has set.
    fn put_letters(&mut self, analysis: &Analysis, layer: usize, view: &View) {
        for change in analysis.changes_unsorted(LayerNumber::from_index(layer)) {
            let letter = match change.kind {
                ChangeKind::Added(_) => Letter::Added,
                ChangeKind::Changed { .. } => Letter::Changed,
                ChangeKind::Deleted(_) => continue,
            };
            let slot = view.slot(change.node);
            self.put(change.node, letter, slot.is_directory(), bytes(&analysis.index, slot));
        }
    }

    fn put(&mut self, node: NodeId, letter: Letter, is_directory: bool, bytes: u64) {
        let at = node.index();
        let directory = if is_directory { DIRECTORY } else { 0 };
        self.flags[at] = self.flags[at] & (OPEN | MATCH) | PRESENT | letter as u8 | directory;
        self.size[at] = bytes;
    }

    fn fill_waste(&mut self, analysis: &Analysis) {
        let number = LayerNumber::from_index(self.layer);
        for record in &analysis.waste {
            let node = analysis.index.entry(record.copy).node;
            let at = node.index();
            let (stored, hidden) = match self.scope {
                Scope::Layer => (record.stored_in == number, record.hidden_by == number),
                Scope::UpTo => (record.hidden_by <= number, false),
                Scope::Final => (true, false),
            };
            if stored {
                self.waste[at] += record.bytes;
            } else if hidden {
                self.hides[at] += record.bytes;
            }
            // What is gone from the view but cost bytes stays in sight, where it was stored.
            if (stored || hidden) && self.flags[at] & PRESENT == 0 {
                self.put(node, Letter::Deleted, false, 0);
            }
        }
    }

    /// Adds everything up to the directories, from the last path to the first.
    fn sum_up(&mut self, tree: &Tree) {
        for at in (1..self.flags.len()).rev() {
            if !self.has(at, PRESENT) {
                continue;
            }
            let Some(parent) = tree.parent(NodeId::at(at)) else { continue };
            let above = parent.index();
            if self.flags[above] & PRESENT == 0 {
                // In a view of all paths, only what is gone has a directory that is gone.
                let is_gone = self.scope != Scope::Layer && self.is_gone(at);
                let letter = if is_gone { Letter::Deleted } else { Letter::Unmodified };
                self.flags[above] |= PRESENT | letter as u8;
            }
            self.flags[above] |= DIRECTORY;
            // What a directory lost is no part of its size; what a lost directory held is.
            if !self.is_gone(at) || self.is_gone(above) {
                self.size[above] += self.size[at];
            }
            self.waste[above] += self.waste[at];
            self.hides[above] += self.hides[at];
        }
    }

    fn is_gone(&self, at: usize) -> bool {
        self.flags[at] & LETTER == Letter::Deleted as u8
    }

    /// Decides which rows exist, counts them, and puts open directories in order.
    fn settle(&mut self, tree: &Tree) {
        self.below.fill(0);
        for at in (1..self.flags.len()).rev() {
            let flags = self.flags[at];
            self.flags[at] &= !(SHOWN | SORTED);
            let is_shown = flags & PRESENT != 0 && (self.below[at] > 0 || self.is_wanted(at));
            if !is_shown {
                continue;
            }
            self.flags[at] |= SHOWN;
            let rows = 1 + if flags & OPEN != 0 { self.below[at] } else { 0 };
            // A closed directory must still know that something below it is shown.
            if let Some(parent) = tree.parent(NodeId::at(at)) {
                self.below[parent.index()] += rows;
            }
        }
        self.flags[0] = self.flags[0] & !SORTED | SHOWN;
        self.sort_open(tree);
    }

    fn is_wanted(&self, at: usize) -> bool {
        let flags = self.flags[at];
        let letter = self.show.letters[usize::from(flags & LETTER)];
        let waste = !self.show.only_waste || self.waste[at] + self.hides[at] > 0;
        // A directory without a letter is there for what is below it, unless the view is about everything.
        let is_frame = self.scope == Scope::Layer && flags & LETTER == Letter::Unmodified as u8;
        letter && waste && !is_frame && flags & MATCH != 0
    }

    fn sort_open(&mut self, tree: &Tree) {
        let mut stack = vec![0usize];
        while let Some(at) = stack.pop() {
            self.sort_directory(tree, at);
            for place in self.range(at) {
                let child = self.order[place] as usize;
                if self.flags[child] & (OPEN | SHOWN) == OPEN | SHOWN && self.below[child] > 0 {
                    stack.push(child);
                }
            }
        }
    }

    /// Puts the contents of one directory in order, once.
    fn sort_directory(&mut self, tree: &Tree, at: usize) {
        if self.has(at, SORTED) {
            return;
        }
        self.flags[at] |= SORTED;
        let range = self.range(at);
        if range.len() < 2 {
            return;
        }
        let mut keyed: Vec<(u64, u32)> =
            tree.children(NodeId::at(at)).map(|child| (self.key(child.index()), child.0)).collect();
        let falls = matches!(self.sort.key, SortKey::Waste | SortKey::Size);
        if self.sort.key == SortKey::Name {
            if self.sort.reversed {
                keyed.reverse();
            }
        } else if falls == self.sort.reversed {
            keyed.sort_by_key(|(key, _)| *key);
        } else {
            keyed.sort_by_key(|(key, _)| Reverse(*key));
        }
        for (place, (_, child)) in range.zip(keyed) {
            self.order[place] = child;
        }
    }

    fn key(&self, at: usize) -> u64 {
        match self.sort.key {
            SortKey::Waste => self.waste[at] + self.hides[at],
            SortKey::Size => self.size[at],
            SortKey::Name | SortKey::Layer => 0,
            SortKey::Change => u64::from(self.flags[at] & LETTER),
        }
    }

    fn range(&self, at: usize) -> std::ops::Range<usize> {
        let end = self.start.get(at + 1).map_or(self.order.len(), |end| *end as usize);
        self.start[at] as usize..end
    }

    /// Returns at most `height` rows from `first` on. Costs the rows, and the siblings before the first one.
    #[must_use]
    pub fn rows(&self, first: usize, height: usize) -> Vec<Row> {
        let mut rows = Vec::with_capacity(height);
        let mut skip = first;
        let mut stack = vec![self.range(0)];
        while let Some(range) = stack.last_mut() {
            if rows.len() == height {
                break;
            }
            let Some(place) = range.next() else {
                stack.pop();
                continue;
            };
            let at = self.order[place] as usize;
            let count = self.count(at);
            if skip >= count {
                skip -= count;
                continue;
            }
            if skip > 0 {
                skip -= 1;
            } else {
                rows.push(Row { node: NodeId::at(at), depth: stack.len() - 1 });
            }
            if count > 1 {
                stack.push(self.range(at));
            }
        }
        rows
    }

    /// Returns the rows that a path takes: itself and, if open, what is below.
    fn count(&self, at: usize) -> usize {
        if !self.has(at, SHOWN) {
            return 0;
        }
        1 + if self.has(at, OPEN) { self.below[at] as usize } else { 0 }
    }

    /// Returns the row of a path, where everything above it is open.
    #[must_use]
    pub fn row_of(&self, tree: &Tree, node: NodeId) -> Option<usize> {
        let mut row = 0;
        let mut node = node;
        while let Some(parent) = tree.parent(node) {
            if !self.has(node.index(), SHOWN) || !self.has(parent.index(), OPEN) {
                return None;
            }
            for place in self.range(parent.index()) {
                if self.order[place] == node.0 {
                    break;
                }
                row += self.count(self.order[place] as usize);
            }
            row += usize::from(parent != NodeId::ROOT);
            node = parent;
        }
        Some(row)
    }

    /// Opens or closes a directory. Costs its contents and the directories above.
    pub fn set_open(&mut self, tree: &Tree, node: NodeId, open: bool) {
        let at = node.index();
        if !self.has(at, DIRECTORY) || self.has(at, OPEN) == open || node == NodeId::ROOT {
            return;
        }
        let before = self.count(at);
        self.flags[at] = if open { self.flags[at] | OPEN } else { self.flags[at] & !OPEN };
        if open {
            self.sort_directory(tree, at);
        }
        let change = self.count(at).abs_diff(before);
        let change = u32::try_from(change).unwrap_or(u32::MAX);
        let mut current = node;
        while let Some(parent) = tree.parent(current) {
            let below = &mut self.below[parent.index()];
            *below = if open { *below + change } else { *below - change };
            if !self.has(parent.index(), OPEN) {
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

    /// Sorts by another key. Costs the contents of open directories.
    pub fn set_sort(&mut self, tree: &Tree, sort: Sort) {
        self.sort = sort;
        self.flags.iter_mut().for_each(|flags| *flags &= !SORTED);
        self.sort_open(tree);
    }

    /// Shows or hides kinds of rows. Costs all paths.
    pub fn set_show(&mut self, tree: &Tree, show: Show) {
        self.show = show;
        self.settle(tree);
    }

    /// Keeps what `matches` says, and what stands above it; everything without. Costs all paths.
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

    /// Opens the way to what the filter takes, where that is at most `most` paths.
    pub fn open_matches(&mut self, tree: &Tree, most: usize) {
        let is_top = |at: usize| {
            let above = tree.parent(NodeId::at(at)).is_some_and(|above| self.has(above.index(), MATCH));
            self.flags[at] & (MATCH | SHOWN) == MATCH | SHOWN && !above
        };
        let found: Vec<usize> = (1..self.flags.len()).filter(|at| is_top(*at)).take(most + 1).collect();
        if found.len() <= most {
            for at in found {
                self.reveal(tree, NodeId::at(at));
            }
        }
    }

    /// Says whether the filter takes a path, itself.
    #[must_use]
    pub fn passes_filter(&self, node: NodeId) -> bool {
        self.has(node.index(), MATCH)
    }

    /// Finds the next shown path that `wanted` takes, in the order of rows, closed directories included; wraps around.
    pub fn find(
        &mut self,
        tree: &Tree,
        from: NodeId,
        forward: bool,
        wanted: impl Fn(NodeId) -> bool,
    ) -> Option<NodeId> {
        let mut current = from;
        for _ in 0..self.flags.len() {
            current = if forward { self.after(tree, current) } else { self.before(tree, current) };
            if current != NodeId::ROOT && wanted(current) {
                return Some(current);
            }
        }
        None
    }

    fn shown_in(&mut self, tree: &Tree, directory: NodeId) -> impl DoubleEndedIterator<Item = (usize, NodeId)> {
        self.sort_directory(tree, directory.index());
        let range = self.range(directory.index());
        range.map(|place| (place, NodeId(self.order[place]))).filter(|(_, node)| self.has(node.index(), SHOWN))
    }

    fn place_of(&mut self, tree: &Tree, node: NodeId) -> Option<(NodeId, usize)> {
        let parent = tree.parent(node)?;
        self.sort_directory(tree, parent.index());
        let place = self.range(parent.index()).find(|place| self.order[*place] == node.0)?;
        Some((parent, place))
    }

    /// The path after `node` if every directory were open; the root after the last.
    fn after(&mut self, tree: &Tree, node: NodeId) -> NodeId {
        if let Some((_, first)) = self.shown_in(tree, node).next() {
            return first;
        }
        let mut node = node;
        while let Some((parent, place)) = self.place_of(tree, node) {
            let next = (place + 1..self.range(parent.index()).end)
                .map(|place| NodeId(self.order[place]))
                .find(|node| self.has(node.index(), SHOWN));
            if let Some(next) = next {
                return next;
            }
            node = parent;
        }
        NodeId::ROOT
    }

    /// The path before `node` if every directory were open; the last one before the root.
    fn before(&mut self, tree: &Tree, node: NodeId) -> NodeId {
        let mut node = match self.place_of(tree, node) {
            None => node,
            Some((parent, place)) => {
                let range = self.range(parent.index()).start..place;
                let previous =
                    range.rev().map(|place| NodeId(self.order[place])).find(|node| self.has(node.index(), SHOWN));
                match previous {
                    Some(previous) => previous,
                    None => return parent,
                }
            }
        };
        while let Some((_, last)) = self.shown_in(tree, node).next_back() {
            node = last;
        }
        node
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

/// Returns the content bytes of what a view shows; 0 for everything but regular files.
fn bytes(index: &Index, slot: Slot) -> u64 {
    let entry: Option<EntryRef> = slot.get();
    entry.map_or(0, |entry| index.entry(entry).size)
}
