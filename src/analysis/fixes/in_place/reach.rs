//! What stands where in the layers: asked when a command is to be carried over to another step.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use super::command::Operand;
use super::find::Kinds;
use crate::analysis::waste::WasteRecord;
use crate::layer::entry::{Entry, EntryRef, Kind, NodeId};
use crate::layer::index::Index;
use crate::merge::view::View;

/// The layers, seen by path.
pub(super) struct Reach<'a> {
    pub index: &'a Index,
    /// For each path, the lowest layer that stores bytes there.
    lowest: OnceCell<Vec<u32>>,
    /// The lowest layer that brings a `find`.
    find: OnceCell<Option<usize>>,
    /// The hard links of each copy that has some.
    links: OnceCell<HashMap<EntryRef, Vec<EntryRef>>>,
    /// What each path is.
    kinds: OnceCell<Arc<[Kinds]>>,
    /// The view of the layers below a step, and how many those are.
    view: RefCell<Option<(usize, View)>>,
}

impl<'a> Reach<'a> {
    pub(super) fn new(index: &'a Index) -> Self {
        Reach {
            index,
            lowest: OnceCell::new(),
            find: OnceCell::new(),
            links: OnceCell::new(),
            kinds: OnceCell::new(),
            view: RefCell::new(None),
        }
    }

    fn lowest(&self) -> &[u32] {
        self.lowest.get_or_init(|| {
            let mut lowest = vec![u32::MAX; self.index.tree.len()];
            for (at, layer) in (0u32..).zip(&self.index.layers) {
                for entry in layer.entries.iter().filter(|entry| entry.kind == Kind::File && entry.size > 0) {
                    let place = &mut lowest[entry.node.index()];
                    *place = (*place).min(at);
                }
            }
            lowest
        })
    }

    /// Returns what each path is in the layers that have it.
    pub(super) fn kinds(&self) -> &Arc<[Kinds]> {
        self.kinds.get_or_init(|| Kinds::of(self.index))
    }

    /// Returns the lowest layer that stores bytes at a path.
    pub(super) fn lowest_at(&self, node: NodeId) -> usize {
        self.lowest()[node.index()] as usize
    }

    /// Returns what a layer shows at the paths that it stores.
    pub(super) fn entries_of(&self, layer: usize) -> HashMap<NodeId, EntryRef> {
        let at = u32::try_from(layer).unwrap_or(u32::MAX);
        let own = (0..).zip(&self.index.layers[layer].entries).filter(|(_, entry)| entry.has(Entry::SHOWN));
        own.map(|(index, entry)| (entry.node, EntryRef { layer: at, index })).collect()
    }

    fn links(&self) -> &HashMap<EntryRef, Vec<EntryRef>> {
        self.links.get_or_init(|| {
            let mut links: HashMap<EntryRef, Vec<EntryRef>> = HashMap::new();
            for (layer, entries) in (0u32..).zip(&self.index.layers) {
                for (index, entry) in (0u32..).zip(&entries.entries).filter(|(_, entry)| entry.kind == Kind::HardLink) {
                    let this = EntryRef { layer, index };
                    if let Some(inode) = self.index.inode(this).filter(|_| entry.has(Entry::RESOLVED)) {
                        links.entry(inode).or_default().push(this);
                    }
                }
            }
            links
        })
    }

    /// Says whether the step takes all names of a copy away, in the layer that stores it, and gives what takes its place no
    /// new ones: if one went before, the copy stays for its sake, whatever becomes of this one, and a new one makes another
    /// copy.
    pub(super) fn loses_all_names(&self, record: &WasteRecord, step: usize, reaches: impl Fn(NodeId) -> bool) -> bool {
        let upper = record.shown_instead.get().and_then(|shown| self.index.inode(shown));
        let (names, new_names) = (self.links().get(&record.copy), upper.and_then(|upper| self.links().get(&upper)));
        if names.is_none() && new_names.is_none() {
            return true;
        }
        let mut view = self.view.borrow_mut();
        if view.as_ref().is_none_or(|(layers, _)| *layers != step) {
            *view = Some((step, View::of_layers(self.index, step)));
        }
        let Some((_, view)) = view.as_ref() else { return false };
        let node = |name: &EntryRef| self.index.entry(*name).node;
        let mut names = names.into_iter().flatten().chain([&record.copy]);
        let mut new_names = new_names.into_iter().flatten().chain(upper.as_ref());
        names.all(|name| {
            name.layer() == record.copy.layer() && view.slot(node(name)).get() == Some(*name) && reaches(node(name))
        }) && new_names.all(|name| {
            let before = view.slot(node(name)).get().and_then(|before| self.index.inode(before));
            name.layer().index() == step && before == Some(record.copy)
        })
    }

    /// Says whether no layer below `layer` stores bytes at or below the operands: then a command that reaches everything
    /// there changes nothing but what this layer itself stores.
    pub(super) fn is_all_new<'b>(&self, operands: impl Iterator<Item = &'b Operand>, layer: usize) -> bool {
        let (tree, lowest) = (&self.index.tree, self.lowest());
        let mut waiting: Vec<NodeId> = operands.flat_map(|operand| operand.tops.iter().copied()).collect();
        while let Some(node) = waiting.pop() {
            if (lowest[node.index()] as usize) < layer {
                return false;
            }
            waiting.extend(tree.children(node));
        }
        true
    }

    /// Says whether the image has a `find` once a layer is there.
    pub(super) fn has_find(&self, layer: usize) -> bool {
        let lowest = *self.find.get_or_init(|| {
            let tree = &self.index.tree;
            let nodes: Vec<NodeId> =
                ["/usr/bin/find", "/bin/find"].iter().filter_map(|path| tree.find(path.as_bytes())).collect();
            let has = |at: &usize| self.index.layers[*at].entries.iter().any(|entry| nodes.contains(&entry.node));
            (!nodes.is_empty()).then(|| (0..self.index.layers.len()).find(has)).flatten()
        });
        lowest.is_some_and(|lowest| lowest <= layer)
    }
}
