//! The index of an image: every layer's entries, on one tree of paths.

use std::collections::HashMap;

use super::batch::{Batch, Parts, RawEntry, Role};
use super::budget::Budget;
use super::entry::{Entry, EntryRef, Kind, NodeId, Slot};
use super::reader::Footer;
use super::tree::{Cursor, Tree};
use crate::error::{Error, Result, Warnings};

/// What one layer stores.
#[derive(Debug, Default, Clone)]
pub struct LayerEntries {
    /// Entries in the layer's order.
    pub entries: Vec<Entry>,
    /// Paths that the layer removes from the lower view.
    pub whiteouts: Vec<NodeId>,
    /// Directories of which it hides what lower layers show in them.
    pub opaque: Vec<NodeId>,
    /// Members of its tar, whiteouts included.
    pub member_count: u64,
    /// Content bytes of all copies, uncompressed.
    pub stored_bytes: u64,
    /// Copies: regular files.
    pub file_count: u64,
    /// Sequence numbers of the entries that came sorted by path; they are the last ones.
    sequences: Vec<u32>,
}

/// Every layer's entries, and what they have in common.
#[derive(Debug, Default)]
pub struct Index {
    /// All paths of all layers.
    pub tree: Tree,
    /// The layers, bottom first.
    pub layers: Vec<LayerEntries>,
    owners: Vec<(i64, i64)>,
    extras: Vec<u8>,
}

/// What few entries have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extra<'a> {
    /// A symlink's text, or a hard link's target as a normal path.
    pub link: &'a [u8],
    /// Device major and minor number.
    pub device: (u32, u32),
    /// Extended attributes: name, NUL, value length (little endian `u32`), value; sorted by name.
    pub xattrs: &'a [u8],
}

impl Index {
    /// Returns the entry.
    #[must_use]
    pub fn entry(&self, at: EntryRef) -> &Entry {
        &self.layers[at.layer as usize].entries[at.index as usize]
    }

    pub(crate) fn entry_mut(&mut self, at: EntryRef) -> &mut Entry {
        &mut self.layers[at.layer as usize].entries[at.index as usize]
    }

    /// Returns what only few entries have.
    #[must_use]
    pub fn extra(&self, entry: &Entry) -> Extra<'_> {
        let Some(start) = entry.extra.checked_sub(1) else {
            return Extra::default();
        };
        let bytes = &self.extras[start as usize..];
        let number = |at: usize| bytes[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let (link_len, xattr_len) = (number(0) as usize, number(4) as usize);
        let device = (number(8), number(12));
        let (link, rest) = bytes[16..].split_at(link_len);
        Extra { link, device, xattrs: &rest[..xattr_len] }
    }

    /// Returns owner and group.
    #[must_use]
    pub fn owner(&self, entry: &Entry) -> (i64, i64) {
        self.owners[entry.owner as usize]
    }

    /// Returns the entry that holds content and metadata: a hard link's inode, else the entry itself.
    ///
    /// Nothing for a hard link whose target is nowhere.
    #[must_use]
    pub fn inode(&self, at: EntryRef) -> Option<EntryRef> {
        let entry = self.entry(at);
        if entry.kind != Kind::HardLink {
            return Some(at);
        }
        entry.has(Entry::RESOLVED).then(|| Slot::from_bits(entry.id).get()).flatten()
    }
}

/// Takes batches of several layers at once and builds the index.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    index: Index,
    cursors: Vec<Cursors>,
    owner_numbers: HashMap<(i64, i64), u32>,
    last_owner: Option<((i64, i64), u32)>,
    budget: Budget,
}

#[derive(Debug, Default)]
struct Cursors {
    paths: Cursor,
    /// Link targets stand elsewhere than the links: they must not disturb the walk.
    targets: Cursor,
}

/// An owner stands in a list and in a hash table.
const OWNER_COST: usize = 64;
/// The arena of link targets and attributes is addressed by 32 bits.
const MOST_EXTRA_BYTES: usize = u32::MAX as usize - 1;

impl Builder {
    /// Makes room for one more layer and returns its place.
    pub(crate) fn add_layer(&mut self) -> usize {
        self.index.layers.push(LayerEntries::default());
        self.cursors.push(Cursors::default());
        self.cursors.len() - 1
    }

    /// Takes what is read of the archive into account: a large one may take more memory.
    pub(crate) fn allow_for(&mut self, archive_bytes: u64) {
        self.budget.allow_for(archive_bytes);
    }

    /// Adds the entries of a batch to a layer.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond what 32 bits can number, or what the image may take of memory.
    pub(crate) fn push(&mut self, layer: usize, batch: &Batch) -> Result<()> {
        self.budget.add_batch(batch);
        self.budget.check(self.others_cost())?;
        batch.try_for_each(|raw, parts| {
            let (tree, cursor) = (&mut self.index.tree, &mut self.cursors[layer].paths);
            let node = match raw.shared as usize {
                0 => tree.insert(cursor, parts.path)?,
                directory => tree.insert_sibling(cursor, parts.path, directory)?,
            };
            match raw.role {
                Role::Whiteout => self.index.layers[layer].whiteouts.push(node),
                Role::Opaque => self.index.layers[layer].opaque.push(node),
                Role::Entry(kind) => {
                    let entry = self.pack(layer, node, kind, raw, parts)?;
                    let layer = &mut self.index.layers[layer];
                    layer.add(entry)?;
                    if batch.is_sorted {
                        layer.sequences.push(raw.sequence);
                    }
                }
            }
            Ok(())
        })
    }

    /// Returns what everything but the entries costs.
    fn others_cost(&self) -> usize {
        self.index.tree.cost() + self.index.extras.len() + self.index.owners.len() * OWNER_COST
    }

    /// Ends a layer.
    pub(crate) fn finish_layer(&mut self, layer: usize, footer: &Footer) {
        let layer = &mut self.index.layers[layer];
        layer.member_count = footer.members;
        layer.restore_order();
        // A marker that stands in a layer twice means what it means once.
        for markers in [&mut layer.whiteouts, &mut layer.opaque] {
            markers.sort_unstable();
            markers.dedup();
        }
    }

    /// Returns the content bytes of what a layer has so far; absurd sums end at the top.
    pub(crate) fn stored_bytes(&self, layer: usize) -> u64 {
        self.index.layers[layer].entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.size))
    }

    fn pack(&mut self, layer: usize, node: NodeId, kind: Kind, raw: &RawEntry, parts: Parts<'_>) -> Result<Entry> {
        let id = match kind {
            Kind::HardLink if parts.link.is_empty() => u64::MAX,
            Kind::HardLink => u64::from(self.index.tree.insert(&mut self.cursors[layer].targets, parts.link)?.0),
            _ => raw.id,
        };
        Ok(Entry {
            node,
            extra: self.push_extra(raw, parts)?,
            size: raw.size,
            mtime: raw.numbers.mtime,
            id,
            lower: Slot::ABSENT,
            owner: self.owner_number((raw.numbers.uid, raw.numbers.gid)),
            mode: raw.numbers.mode,
            kind,
            flags: raw.flags,
        })
    }

    fn push_extra(&mut self, raw: &RawEntry, parts: Parts<'_>) -> Result<u32> {
        if parts.link.is_empty() && parts.xattrs.is_empty() && raw.numbers.device == (0, 0) {
            return Ok(0);
        }
        let extras = &mut self.index.extras;
        let start = extras.len();
        let (major, minor) = raw.numbers.device;
        for number in [raw.link_len, raw.xattr_len, major, minor] {
            extras.extend_from_slice(&number.to_le_bytes());
        }
        extras.extend_from_slice(parts.link);
        extras.extend_from_slice(parts.xattrs);
        match u32::try_from(start + 1) {
            Ok(offset) if extras.len() <= MOST_EXTRA_BYTES => Ok(offset),
            _ => {
                let what = "the sum of all link targets and extended attributes".to_owned();
                Err(Error::TooLarge { what, limit: "4 GiB".to_owned() })
            }
        }
    }

    fn owner_number(&mut self, owner: (i64, i64)) -> u32 {
        if let Some((last, number)) = self.last_owner
            && last == owner
        {
            return number;
        }
        let owners = &mut self.index.owners;
        let number = *self.owner_numbers.entry(owner).or_insert_with(|| {
            owners.push(owner);
            u32::try_from(owners.len() - 1).unwrap_or(u32::MAX)
        });
        self.last_owner = Some((owner, number));
        number
    }

    /// Ends the building: `order` says which of the layers that were read makes which layer of the image.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where one blob with many entries is named as very many layers.
    pub(crate) fn finish(mut self, order: &[usize]) -> Result<Index> {
        let mut read: Vec<Option<LayerEntries>> = self.index.layers.drain(..).map(Some).collect();
        let others = self.others_cost();
        let mut last_use = vec![usize::MAX; read.len()];
        for (at, slot) in order.iter().enumerate() {
            last_use[*slot] = at;
        }
        for (at, slot) in order.iter().enumerate() {
            let entries = if last_use[*slot] == at { read[*slot].take() } else { read[*slot].clone() };
            let entries = entries.unwrap_or_default();
            if last_use[*slot] != at {
                // A layer named again costs memory that the archive does not have: real ones that repeat are empty.
                self.budget.add_entries(entries.entries.len());
                self.budget.check(others)?;
            }
            self.index.layers.push(entries);
        }
        self.index.tree.seal();
        Ok(self.index)
    }
}

impl LayerEntries {
    /// Puts entries that came sorted by path back into the layer's order.
    fn restore_order(&mut self) {
        let sequences = std::mem::take(&mut self.sequences);
        if sequences.is_empty() {
            return;
        }
        let start = self.entries.len() - sequences.len();
        let tail = self.entries.split_off(start);
        let mut order: Vec<u32> = (0..u32::try_from(tail.len()).unwrap_or(u32::MAX)).collect();
        order.sort_unstable_by_key(|at| sequences[*at as usize]);
        self.entries.extend(order.iter().map(|at| tail[*at as usize]));
    }

    fn add(&mut self, entry: Entry) -> Result<()> {
        self.file_count += u64::from(entry.kind == Kind::File);
        let sum = self.stored_bytes.checked_add(entry.size);
        self.stored_bytes = sum.ok_or_else(|| Error::TooLarge {
            what: "the sum of all sizes".to_owned(),
            limit: "2^64 bytes".to_owned(),
        })?;
        self.entries.push(entry);
        Ok(())
    }
}

/// Returns where the warnings of a layer go.
pub(crate) fn collect_warnings(all: &mut Warnings, footers: &[Footer], order: &[usize]) {
    for (at, slot) in order.iter().enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        all.extend_from_layer(number, &footers[*slot].warnings);
    }
}
