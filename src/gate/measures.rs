//! The numbers that rules compare: of an image, and as far as it has them of a baseline.

use crate::analysis::{Analysis, Confidence};
use crate::escape::escape;
use crate::gate::Ignored;
use crate::layer::entry::{EntryRef, Kind, LayerNumber};

/// The numbers of one image. All bytes are uncompressed content bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measures {
    /// All copies.
    pub stored_bytes: u64,
    /// The copies that the whole image shows.
    pub final_bytes: u64,
    /// The copies that no container can read.
    pub wasted_bytes: u64,
    /// Copies in the layers above the base.
    pub user_stored_bytes: u64,
    /// Wasted copies in the layers above the base.
    pub user_wasted_bytes: u64,
    /// Live bytes of sure and likely findings; nothing where they were not looked for.
    pub needless_bytes: Option<u64>,
    /// How many layers there are.
    pub layer_count: u64,
    /// What the largest layer stores.
    pub largest_layer_bytes: u64,
    /// Which one that is, the lowest of several.
    pub largest_layer: Option<LayerNumber>,
    /// The largest copy in any layer, where it was looked for: that costs every entry.
    pub largest_file_bytes: Option<u64>,
    /// Its path, escaped, and its layer.
    pub largest_file: Option<(String, LayerNumber)>,
}

impl Measures {
    /// Takes the numbers of an analysed image.
    #[must_use]
    pub fn of(analysis: &Analysis) -> Self {
        let totals = &analysis.totals;
        let largest_layer = analysis.layers.iter().rev().max_by_key(|layer| layer.stored_bytes);
        Measures {
            stored_bytes: totals.stored_bytes,
            final_bytes: totals.final_bytes,
            wasted_bytes: totals.wasted_bytes,
            user_stored_bytes: totals.user_stored_bytes,
            user_wasted_bytes: totals.user_wasted_bytes(),
            needless_bytes: needless_bytes(analysis),
            layer_count: analysis.layers.len() as u64,
            largest_layer_bytes: largest_layer.map_or(0, |layer| layer.stored_bytes),
            largest_layer: largest_layer.map(|layer| layer.number),
            ..Measures::default()
        }
    }

    /// Looks for the largest file. Costs every entry.
    #[must_use]
    pub fn with_largest_file(mut self, analysis: &Analysis) -> Self {
        let largest = largest_file(analysis);
        self.largest_file_bytes = Some(largest.map_or(0, |(bytes, _)| bytes));
        self.largest_file = largest.filter(|(bytes, _)| *bytes > 0).map(|(_, at)| {
            let path = analysis.index.tree.path(analysis.index.entry(at).node);
            (escape(&path), at.layer())
        });
        self
    }

    /// Leaves out the waste that is overlooked.
    #[must_use]
    pub(super) fn without(mut self, ignored: &[Ignored]) -> Self {
        for ignored in ignored.iter().filter(|ignored| !ignored.is_expired) {
            self.wasted_bytes -= ignored.bytes;
            self.user_wasted_bytes -= ignored.bytes - ignored.inherited_bytes;
        }
        self
    }
}

/// Sums up what most likely nothing needs. Whoever looks for findings finds owners first: there is always one, nobody.
fn needless_bytes(analysis: &Analysis) -> Option<u64> {
    let bytes = |confidence| analysis.needless_bytes(confidence);
    (!analysis.owners.list.is_empty()).then(|| bytes(Confidence::Sure) + bytes(Confidence::Likely))
}

/// Finds the largest copy: of several the lowest, there the first.
fn largest_file(analysis: &Analysis) -> Option<(u64, EntryRef)> {
    let mut largest: Option<(u64, EntryRef)> = None;
    for (layer, entries) in (0u32..).zip(&analysis.index.layers) {
        for (index, entry) in (0u32..).zip(&entries.entries) {
            if entry.kind == Kind::File && largest.is_none_or(|(bytes, _)| entry.size > bytes) {
                largest = Some((entry.size, EntryRef { layer, index }));
            }
        }
    }
    largest
}
