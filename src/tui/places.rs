//! Which entries a path has in each layer, and which waste it made: looked up, never searched for in all entries.

use std::cmp::Reverse;
use std::ops::Range;

use crate::analysis::Analysis;
use crate::analysis::waste::WasteRecord;
use crate::layer::entry::{Entry, EntryRef, Kind, NodeId};
use crate::layer::index::{Index, LayerEntries};

/// The paths of each layer, in order.
#[derive(Debug)]
pub struct Places {
    layers: Vec<LayerPaths>,
}

#[derive(Debug)]
struct LayerPaths {
    /// Places of entries in the order of their paths' numbers; nothing where the entries are already in that order.
    order: Option<Vec<u32>>,
    whiteouts: Vec<NodeId>,
    opaque: Vec<NodeId>,
}

impl Places {
    /// Puts the paths of all layers in order. Costs all entries.
    #[must_use]
    pub fn new(analysis: &Analysis) -> Self {
        Places { layers: analysis.index.layers.iter().map(LayerPaths::new).collect() }
    }

    /// Returns the bytes that it takes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let of = |layer: &LayerPaths| {
            layer.order.as_ref().map_or(0, Vec::capacity) + layer.whiteouts.capacity() + layer.opaque.capacity()
        };
        4 * self.layers.iter().map(of).sum::<usize>()
    }

    /// Returns what a layer stores at a path: the last entry, where there are several.
    #[must_use]
    pub fn entry(&self, index: &Index, layer: usize, node: NodeId) -> Option<EntryRef> {
        let places = self.range(index, layer, node);
        let place = places.end.checked_sub(1).filter(|last| places.contains(last))?;
        Some(EntryRef { layer: u32::try_from(layer).ok()?, index: self.layers[layer].place(place) })
    }

    /// Returns what the first `layer_count` layers show at a path; nothing for a directory that no entry describes.
    #[must_use]
    pub fn shown(&self, index: &Index, layer_count: usize, node: NodeId) -> Option<EntryRef> {
        for layer in (0..layer_count.min(self.layers.len())).rev() {
            if let Some(own) = self.entry(index, layer, node).filter(|own| index.entry(*own).has(Entry::SHOWN)) {
                return Some(own);
            }
            if self.removes(index, layer, node) {
                return None;
            }
        }
        None
    }

    /// Says whether a layer takes away what lower layers show at a path, whatever it shows there itself.
    #[must_use]
    pub fn removes(&self, index: &Index, layer: usize, node: NodeId) -> bool {
        let has = |list: &[NodeId], node: NodeId| list.binary_search(&node).is_ok();
        let own = &self.layers[layer];
        let hides = |above: NodeId| {
            let is_other = |entry: EntryRef| index.entry(entry).kind != Kind::Directory;
            has(&own.whiteouts, above)
                || has(&own.opaque, above)
                || self.entry(index, layer, above).is_some_and(is_other)
        };
        has(&own.whiteouts, node)
            || std::iter::successors(index.tree.parent(node), |node| index.tree.parent(*node)).any(hides)
    }

    /// Returns the waste records of a path's copies, bottom layer first.
    #[must_use]
    pub fn waste(&self, analysis: &Analysis, node: NodeId) -> Vec<WasteRecord> {
        let index = &analysis.index;
        let mut found = Vec::new();
        for layer in 0..self.layers.len() {
            for place in self.range(index, layer, node) {
                let Ok(layer) = u32::try_from(layer) else { continue };
                let copy = EntryRef { layer, index: self.layers[layer as usize].place(place) };
                found.extend(record(analysis, copy));
            }
        }
        found
    }

    /// Returns the entries of a path as a range of the layer's order of paths.
    fn range(&self, index: &Index, layer: usize, node: NodeId) -> Range<usize> {
        let entries = &index.layers[layer].entries;
        let own = &self.layers[layer];
        let node_at = |place: usize| entries[own.place(place) as usize].node;
        let first = partition_point(entries.len(), |place| node_at(place) < node);
        first..partition_point(entries.len(), |place| node_at(place) <= node)
    }
}

impl LayerPaths {
    fn new(layer: &LayerEntries) -> Self {
        let sorted = |nodes: &[NodeId]| {
            let mut nodes = nodes.to_vec();
            nodes.sort_unstable();
            nodes
        };
        let is_ordered = layer.entries.is_sorted_by_key(|entry| entry.node);
        let order = (!is_ordered).then(|| {
            let mut order: Vec<u32> = (0u32..).zip(&layer.entries).map(|(place, _)| place).collect();
            order.sort_by_key(|place| layer.entries[*place as usize].node);
            order
        });
        LayerPaths { order, whiteouts: sorted(&layer.whiteouts), opaque: sorted(&layer.opaque) }
    }

    fn place(&self, at: usize) -> u32 {
        match &self.order {
            Some(order) => order[at],
            None => u32::try_from(at).unwrap_or(u32::MAX),
        }
    }
}

/// Returns how many of the first numbers satisfy a condition that, once false, stays so.
fn partition_point(count: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Finds the record of a copy: records are sorted by size, then path, then layer.
fn record(analysis: &Analysis, copy: EntryRef) -> Option<WasteRecord> {
    let index = &analysis.index;
    let key = |at: EntryRef| {
        let entry = index.entry(at);
        (Reverse(entry.size), index.tree.path(entry.node), at)
    };
    let wanted = key(copy);
    let size = |record: &WasteRecord| Reverse(record.bytes);
    let first = analysis.waste.partition_point(|record| size(record) < wanted.0);
    let same = &analysis.waste[first..];
    let same = &same[..same.partition_point(|record| size(record) <= wanted.0)];
    same.binary_search_by(|record| key(record.copy).cmp(&wanted)).ok().map(|place| same[place])
}
