//! What each path weighs, the paths below it included: in the final image, and in waste. [Model](crate::model) 4, by path.

use std::collections::HashMap;

use super::Analysis;
use crate::layer::entry::{EntryRef, Kind, NodeId};
use crate::layer::index::Index;
use crate::layer::tree::Tree;
use crate::merge::view::View;

/// What copies weigh at and below each path.
#[derive(Debug)]
pub struct Weights {
    sums: Vec<Weight>,
}

/// Content bytes, uncompressed, and the copies that they are of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// Their bytes.
    pub bytes: u64,
    /// Their number, without the empty ones: those weigh nothing.
    pub copies: u64,
}

impl Weights {
    /// Returns the weight of a path and of everything below it.
    #[must_use]
    pub fn of(&self, node: NodeId) -> Weight {
        self.sums[node.index()]
    }

    /// Carries what each path weighs by itself up to the root.
    fn sum_up(tree: &Tree, mut sums: Vec<Weight>) -> Self {
        // Parents have lower numbers than their children.
        for at in (1..sums.len()).rev() {
            let Weight { bytes, copies } = sums[at];
            if let Some(parent) = tree.parent(NodeId::at(at)) {
                let above = &mut sums[parent.index()];
                above.bytes += bytes;
                above.copies += copies;
            }
        }
        Weights { sums }
    }
}

impl Analysis {
    /// Returns what the final image shows at each path; the root weighs `final_bytes`. Costs the image's entries.
    ///
    /// A copy with several names counts at its own path, where that shows it, else at the first of the others in byte
    /// order.
    #[must_use]
    pub fn final_weights(&self) -> Weights {
        self.live_weights(|_, _| true)
    }

    /// Returns what of the final image no package owns; nothing where owners were not looked for.
    #[must_use]
    pub fn unowned_weights(&self) -> Weights {
        let owners = &self.owners;
        self.live_weights(|copy, node| {
            !owners.list.is_empty() && owners.of(owners.first_name(copy, node)) == owners.nobody()
        })
    }

    /// The same of the copies that are wanted.
    fn live_weights(&self, is_wanted: impl Fn(EntryRef, NodeId) -> bool) -> Weights {
        let index = &self.index;
        let view = View::of_layers(index, index.layers.len());
        let mut sums = vec![Weight::default(); index.tree.len()];
        let mut elsewhere: HashMap<EntryRef, NodeId> = HashMap::new();
        for node in (0..sums.len()).map(NodeId::at) {
            let Some(shown) = view.slot(node).get() else { continue };
            let Some(copy) = index.inode(shown).filter(|inode| has_weight(index, *inode)) else { continue };
            if !is_wanted(copy, node) {
                continue;
            }
            if copy == shown {
                add(&mut sums, node, index.entry(copy).size);
            } else if view.slot(index.entry(copy).node).get() != Some(copy) {
                let first = elsewhere.entry(copy).or_insert(node);
                if index.tree.path(node) < index.tree.path(*first) {
                    *first = node;
                }
            }
        }
        for (copy, node) in elsewhere {
            add(&mut sums, node, index.entry(copy).size);
        }
        Weights::sum_up(&index.tree, sums)
    }

    /// Returns what is wasted at each path; the root weighs `wasted_bytes`. Costs the image's paths and the waste.
    #[must_use]
    pub fn wasted_weights(&self) -> Weights {
        let mut sums = vec![Weight::default(); self.index.tree.len()];
        for record in &self.waste {
            add(&mut sums, record.node, record.bytes);
        }
        Weights::sum_up(&self.index.tree, sums)
    }
}

fn has_weight(index: &Index, inode: EntryRef) -> bool {
    let entry = index.entry(inode);
    entry.kind == Kind::File && entry.size > 0
}

fn add(sums: &mut [Weight], node: NodeId, bytes: u64) {
    let own = &mut sums[node.index()];
    own.bytes += bytes;
    own.copies += 1;
}
