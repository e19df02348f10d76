//! The merged view: what layers 1…n show together at each path.
//!
//! The rules are the OCI layer spec's ([applying changesets](https://github.com/opencontainers/image-spec/blob/main/layer.md#applying-changesets)),
//! in the words of [model](crate::model) 2. Within one layer the whiteouts act first and on the lower view alone, then the layer's
//! own entries apply in their order.

use crate::layer::entry::{EntryRef, Kind, NodeId, Slot};
use crate::layer::index::{Index, LayerEntries};
use crate::layer::tree::Tree;

/// What is shown at each path.
#[derive(Debug, Clone)]
pub struct View {
    slots: Vec<Slot>,
    /// How many paths may still be visited to remove what directories hold.
    steps_left: u64,
}

/// Removing what a directory holds visits it once for each time that it is replaced. Layers of real images replace few;
/// one that makes a file of a large directory over and over would take hours.
const MOST_STEPS: u64 = 50_000_000;
/// Visits that are allowed for each path: many layers may remove everything.
const STEPS_PER_PATH: u64 = 64;

impl View {
    /// Returns the view below the bottom layer: a root and nothing in it.
    #[must_use]
    pub fn empty(tree: &Tree) -> Self {
        let mut slots = vec![Slot::ABSENT; tree.len()];
        slots[NodeId::ROOT.index()] = Slot::IMPLIED;
        View { slots, steps_left: u64::MAX }
    }

    /// Returns the same for layers that were never merged: [`View::is_exhausted`] says when it is not to be gone on with.
    pub(crate) fn bounded(tree: &Tree) -> Self {
        View { steps_left: MOST_STEPS + STEPS_PER_PATH * tree.len() as u64, ..View::empty(tree) }
    }

    /// Says whether the layers replaced directories more often than is followed: then the view is not what they show.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.steps_left == 0
    }

    /// Returns the view of the first `layer_count` layers of an index that was merged. Costs their entries.
    #[must_use]
    pub fn of_layers(index: &Index, layer_count: usize) -> Self {
        let mut view = View::empty(&index.tree);
        for (at, layer) in index.layers.iter().take(layer_count).enumerate() {
            view.apply(&index.tree, layer, at, &mut |_, _| {});
        }
        view
    }

    /// Returns what is shown at a path.
    #[must_use]
    pub fn slot(&self, node: NodeId) -> Slot {
        self.slots[node.index()]
    }

    /// Returns the number of paths.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Shows at a path what was shown there before a layer was applied.
    pub(crate) fn put_back(&mut self, node: NodeId, before: Slot) {
        self.slots[node.index()] = before;
    }

    /// Applies the layer that has `at` layers below it; `touch` hears of each slot before it is set.
    pub(crate) fn apply(&mut self, tree: &Tree, layer: &LayerEntries, at: usize, touch: &mut impl FnMut(NodeId, Slot)) {
        for node in &layer.whiteouts {
            self.remove(tree, *node, touch);
        }
        for directory in &layer.opaque {
            if self.slot(*directory).is_directory() {
                self.clear_below(tree, *directory, touch);
            }
        }
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        for (index, entry) in (0..).zip(&layer.entries) {
            let slot = Slot::entry(EntryRef { layer: at, index }, entry.kind == Kind::Directory);
            self.place(tree, entry.node, slot, touch);
        }
    }

    /// Removes a path and everything below it, as a whiteout does.
    pub(crate) fn remove(&mut self, tree: &Tree, node: NodeId, touch: &mut impl FnMut(NodeId, Slot)) {
        if self.slot(node).is_present() {
            self.set(node, Slot::ABSENT, touch);
            self.clear_below(tree, node, touch);
        }
    }

    /// Shows something at a path, as an entry does.
    pub(crate) fn place(&mut self, tree: &Tree, node: NodeId, slot: Slot, touch: &mut impl FnMut(NodeId, Slot)) {
        let mut above = tree.parent(node);
        while let Some(directory) = above.filter(|directory| !self.slot(*directory).is_directory()) {
            self.set(directory, Slot::IMPLIED, touch);
            self.steps_left = self.steps_left.saturating_sub(1);
            above = tree.parent(directory);
        }
        if self.slot(node).is_directory() && !slot.is_directory() {
            self.clear_below(tree, node, touch);
        }
        self.set(node, slot, touch);
    }

    fn set(&mut self, node: NodeId, slot: Slot, touch: &mut impl FnMut(NodeId, Slot)) {
        let place = &mut self.slots[node.index()];
        touch(node, *place);
        *place = slot;
    }

    /// Removes everything below `top`, not `top` itself. Whatever is not there has nothing below it.
    fn clear_below(&mut self, tree: &Tree, top: NodeId, touch: &mut impl FnMut(NodeId, Slot)) {
        let mut current = tree.first_child(top);
        while let Some(node) = current.filter(|_| self.steps_left > 0) {
            self.steps_left -= 1;
            let mut down = None;
            if self.slot(node).is_present() {
                self.set(node, Slot::ABSENT, touch);
                down = tree.first_child(node);
            }
            current = down.or_else(|| next_after(tree, node, top));
        }
    }
}

/// Returns what a walk below `top` comes to after the subtree of `node`.
fn next_after(tree: &Tree, node: NodeId, top: NodeId) -> Option<NodeId> {
    let mut node = node;
    loop {
        if let Some(next) = tree.next_sibling(node) {
            return Some(next);
        }
        node = tree.parent(node).filter(|parent| *parent != top)?;
    }
}
