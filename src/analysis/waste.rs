//! Waste records: each wasted copy, the layer that stores it, the layer that hid it, and why. [Model](crate::model) 4.

use std::collections::BTreeMap;

use crate::error::{AtPlace, Place, Result};
use crate::layer::blob::Blob;
use crate::layer::entry::{Content, EntryRef, LayerNumber, NodeId, Slot};
use crate::layer::index::Index;
use crate::layer::wire;
use crate::merge::changes::{What, differences, has_same_metadata};
use crate::merge::merger::{After, Hidden};
use crate::source::compression::Compression;

/// Why a copy can no longer be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The hiding layer removes the path.
    Deleted,
    /// It shows other bytes or another kind of entry there, or something that is no directory above it.
    Overwritten,
    /// It shows the same bytes with other metadata: a chmod, chown or touch copied the file.
    Metadata,
    /// It shows the same bytes with the same metadata.
    Unchanged,
    /// It is the storing layer itself: the path stands twice in one tar.
    Duplicate,
}

impl Cause {
    /// All causes, in the order of reports.
    pub const ALL: [Cause; 5] =
        [Cause::Deleted, Cause::Overwritten, Cause::Metadata, Cause::Unchanged, Cause::Duplicate];

    /// Returns the name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Cause::Deleted => "deleted",
            Cause::Overwritten => "overwritten",
            Cause::Metadata => "metadata",
            Cause::Unchanged => "unchanged",
            Cause::Duplicate => "duplicate",
        }
    }
}

/// A copy that no container can read.
#[derive(Debug, Clone, Copy)]
pub struct WasteRecord {
    /// The copy.
    pub copy: EntryRef,
    /// Its path.
    pub node: NodeId,
    /// Its content bytes, uncompressed; never 0: an empty file wastes nothing.
    pub bytes: u64,
    /// The compressed bytes that it takes in its layer's blob, where that was measured.
    pub wire_bytes: Option<u64>,
    /// The layer that stores it.
    pub stored_in: LayerNumber,
    /// The layer that took its last name away.
    pub hidden_by: LayerNumber,
    /// Why.
    pub cause: Cause,
    /// The entry that the hiding layer shows where the copy was, if that is a regular file; else nothing.
    pub shown_instead: Slot,
}

impl WasteRecord {
    /// Returns what differs between the copy and the file that took its place.
    #[must_use]
    pub fn what(&self, index: &Index) -> Vec<What> {
        let Some(upper) = self.shown_instead.get() else {
            return Vec::new();
        };
        differences(index, Some(self.copy), Some(upper), index.entry(upper).content())
    }
}

/// Turns hidden copies into records, in the order of reports.
pub(super) fn records(index: &Index, hidden: Vec<Hidden>) -> Vec<WasteRecord> {
    // Made in the order of the layers' entries, which is that of the memory, and only then sorted.
    let records: Vec<WasteRecord> = hidden.iter().filter_map(|hidden| record(index, hidden)).collect();
    drop(hidden);
    let ranks = index.tree.path_ranks();
    // Sorted by one number each (size, path, place), because an image may waste a million copies.
    let key = |(at, record): (u32, &WasteRecord)| {
        u128::from(!record.bytes) << 64 | u128::from(ranks[record.node.index()]) << 32 | u128::from(at)
    };
    let mut order: Vec<u128> = (0..).zip(&records).map(key).collect();
    drop(ranks);
    order.sort_unstable();
    #[expect(clippy::cast_possible_truncation, reason = "the place was packed from 32 bits")]
    let place = |packed: &u128| *packed as u32 as usize;
    let mut sorted: Vec<WasteRecord> = order.iter().map(|packed| records[place(packed)]).collect();
    // Copies of one size at one path: the lower layer first.
    for run in sorted.chunk_by_mut(|a, b| a.bytes == b.bytes && a.node == b.node) {
        run.sort_by_key(|record| record.copy);
    }
    sorted
}

/// Measures what the records cost on the wire, where their layers are compressed and can be read again.
pub(super) fn measure_wire(records: &mut [WasteRecord], blobs: &[Blob]) -> Result<()> {
    let mut by_layer: BTreeMap<LayerNumber, Vec<usize>> = BTreeMap::new();
    for (at, record) in records.iter().enumerate() {
        by_layer.entry(record.stored_in).or_default().push(at);
    }
    for (layer, mut places) in by_layer {
        let blob = &blobs[layer.index()];
        let Some(region) = blob.region.as_ref().filter(|_| blob.compression != Compression::None) else {
            continue;
        };
        places.sort_by_key(|at| records[*at].copy);
        let wanted: Vec<u32> = places.iter().map(|at| records[*at].copy.index).collect();
        let spans = wire::measure(region, blob.compression, &wanted).at(|| Place::Layer(layer.get()))?;
        for (at, span) in places.into_iter().zip(spans) {
            records[at].wire_bytes = Some(span);
        }
    }
    Ok(())
}

/// An empty file wastes nothing.
fn record(index: &Index, hidden: &Hidden) -> Option<WasteRecord> {
    let entry = index.entry(hidden.copy);
    let (cause, shown_instead) = match hidden.after {
        After::Gone => (Cause::Deleted, Slot::ABSENT),
        After::OtherKind => (Cause::Overwritten, Slot::ABSENT),
        After::SameLayer => (Cause::Duplicate, Slot::ABSENT),
        After::File(upper) => (cause_of_file(index, hidden.copy, upper), Slot::entry(upper, false)),
    };
    (entry.size > 0).then_some(WasteRecord {
        copy: hidden.copy,
        node: entry.node,
        bytes: entry.size,
        wire_bytes: None,
        stored_in: hidden.copy.layer(),
        hidden_by: hidden.hidden_by,
        cause,
        shown_instead,
    })
}

fn cause_of_file(index: &Index, copy: EntryRef, upper: EntryRef) -> Cause {
    let content = index.entry(upper).content();
    match content {
        Content::Same if has_same_metadata(index, copy, upper) => Cause::Unchanged,
        Content::Same => Cause::Metadata,
        Content::Different | Content::Unknown => Cause::Overwritten,
    }
}
