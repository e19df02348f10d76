//! The merged view, moved from layer to layer: one layer up applies its entries, one layer down takes them back, so that
//! a step costs the layer's entries and never those of all layers below it.

use crate::analysis::Analysis;
use crate::layer::entry::{Entry, NodeId, Slot};
use crate::layer::index::Index;
use crate::merge::view::View;

/// What one layer took from the view of the layers below it, with what that showed; by path.
type Before = Vec<(NodeId, Slot)>;

/// A merged view that can be moved.
#[derive(Debug)]
pub(super) struct Steps {
    view: View,
    /// How many layers the view shows together.
    layer_count: usize,
    /// For each layer the paths that it removes.
    removed: Vec<Before>,
    /// For each layer the directories that it implies, where none was.
    implied: Vec<Before>,
}

impl Steps {
    /// Goes through all layers once and ends below the bottom one. Costs all entries.
    pub(super) fn new(index: &Index) -> Self {
        let mut view = View::empty(&index.tree);
        let mut stamps = vec![0; index.tree.len()];
        let (mut removed, mut implied) = (Vec::new(), Vec::new());
        for (at, stamp) in (0..index.layers.len()).zip(1u32..) {
            let mut journal: Before = Vec::new();
            view.apply(&index.tree, &index.layers[at], at, &mut |node, before| {
                if std::mem::replace(&mut stamps[node.index()], stamp) != stamp {
                    journal.push((node, before));
                }
            });
            // What the layer's own entries replaced is recorded in the entries.
            let is_own = |node: NodeId| view.slot(node).get().is_some_and(|entry| entry.layer().index() == at);
            journal.retain(|(node, before)| *before != view.slot(*node) && !is_own(*node));
            journal.sort_unstable_by_key(|(node, _)| *node);
            let (gone, made): (Before, Before) =
                journal.into_iter().partition(|(node, _)| !view.slot(*node).is_present());
            removed.push(gone);
            implied.push(made);
        }
        Steps { view: View::empty(&index.tree), layer_count: 0, removed, implied }
    }

    /// Returns the paths that a layer removes, in the order of their numbers, with what the layers below showed there.
    pub(super) fn removed(&self, layer: usize) -> &[(NodeId, Slot)] {
        self.removed.get(layer).map_or(&[], |removed| removed)
    }

    /// Returns the view of the first `layer_count` layers. Costs the entries of the layers in between.
    pub(super) fn view(&mut self, analysis: &Analysis, layer_count: usize) -> &View {
        let index = &analysis.index;
        while self.layer_count < layer_count.min(index.layers.len()) {
            let at = self.layer_count;
            self.view.apply(&index.tree, &index.layers[at], at, &mut |_, _| {});
            self.layer_count += 1;
        }
        while self.layer_count > layer_count {
            self.layer_count -= 1;
            let at = self.layer_count;
            for entry in index.layers[at].entries.iter().filter(|entry| entry.has(Entry::SHOWN)) {
                self.view.put_back(entry.node, entry.lower);
            }
            for (node, before) in self.removed[at].iter().chain(&self.implied[at]) {
                self.view.put_back(*node, *before);
            }
        }
        &self.view
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let lists = self.removed.iter().chain(&self.implied);
        self.view.len() * size_of::<Slot>()
            + lists.map(|list| list.capacity() * size_of::<(NodeId, Slot)>()).sum::<usize>()
    }
}
