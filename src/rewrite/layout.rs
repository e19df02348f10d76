//! Which layer of the new image does what a layer of the old one did.
//!
//! Each layer keeps its own work, in its own place, with two exceptions: layers that become one do theirs in one place, and
//! what a hiding step does to the files of other steps goes to those.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::analysis::fixes::{Change, Ranges, Relocation};

/// Where the work of the layers is done.
#[derive(Debug)]
pub(super) struct Layout {
    /// For each layer the place of the one that does its work.
    pub places: Vec<usize>,
    /// What goes elsewhere, by the place that it goes from.
    pub relocations: BTreeMap<usize, Vec<Arc<Relocation>>>,
    /// Whether a changed layer stays where nothing is left of it.
    pub keeps_empty: bool,
}

impl Layout {
    /// Returns the layout in which each range is one layer, whatever is left of it.
    pub(super) fn of_ranges(ranges: &Ranges, layer_count: usize) -> Self {
        let mut places: Vec<usize> = (0..layer_count).collect();
        for range in ranges.places() {
            places[range.clone()].fill(*range.end());
        }
        Layout { places, relocations: BTreeMap::new(), keeps_empty: true }
    }

    /// Returns the layout that edits make; they do not merge the same layer twice.
    pub(super) fn of<'a>(changes: impl Iterator<Item = &'a Change>, layer_count: usize) -> Self {
        let mut places: Vec<usize> = (0..layer_count).collect();
        let mut relocations: BTreeMap<usize, Vec<Arc<Relocation>>> = BTreeMap::new();
        for change in changes {
            for (members, place) in change.joined() {
                for member in members {
                    places[*member] = place;
                }
            }
            for relocation in &change.relocations {
                relocations.entry(relocation.from).or_default().push(Arc::clone(relocation));
            }
        }
        Layout { places, relocations, keeps_empty: false }
    }
}
