//! One member of a layer, packed: an image has millions.

use std::fmt;

pub use crate::tarball::header::Kind;

/// The number of a layer: 1 is the bottom one, in every output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerNumber(u32);

impl LayerNumber {
    /// Returns the number of the layer that has `index` layers below it.
    #[must_use]
    pub fn from_index(index: usize) -> Self {
        LayerNumber(u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// Returns how many layers lie below.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize - 1
    }

    /// Returns the number, from 1.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for LayerNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// A path, as a node of the tree of all paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The image's root.
    pub const ROOT: NodeId = NodeId(0);

    /// Returns the node at a place in arrays that hold something for each node.
    pub(crate) fn at(index: usize) -> Self {
        NodeId(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// Returns the node's place in arrays that hold something for each node.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An entry of an image: its layer and its place in the layer's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryRef {
    pub(crate) layer: u32,
    pub(crate) index: u32,
}

impl EntryRef {
    /// Returns the layer that stores the entry.
    #[must_use]
    pub fn layer(self) -> LayerNumber {
        LayerNumber(self.layer + 1)
    }
}

/// How an entry's content was found to compare with what the lower view shows at its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Not compared, because it need not be.
    Unknown,
    /// Equal bytes.
    Same,
    /// Other bytes.
    Different,
}

/// One entry of a layer. 48 bytes; what few entries have lies in the index's arenas.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The path.
    pub node: NodeId,
    /// Offset + 1 of link target, device and xattrs in the index's arena; 0 = none.
    pub(crate) extra: u32,
    /// Content bytes once extracted; 0 for everything but regular files.
    pub size: u64,
    /// Modification time, seconds since 1970.
    pub mtime: i64,
    /// What identifies the content: a hash, the content's offset in the layer, or a hard link's target.
    pub(crate) id: u64,
    /// What the lower view shows at the path, once the layers are merged.
    pub(crate) lower: Slot,
    /// Number of the owner in the index.
    pub(crate) owner: u32,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u16,
    /// What it is; a hard link's inode may be in a lower layer.
    pub kind: Kind,
    pub(crate) flags: u8,
}

impl Entry {
    /// `id` is the hash of the content.
    pub(crate) const HASHED: u8 = 1;
    /// The content is a sparse file's map and data.
    pub(crate) const SPARSE: u8 = 2;
    /// The content was compared with the lower view's, and is the same.
    pub(crate) const SAME: u8 = 4;
    /// The content was compared with the lower view's, and is another.
    pub(crate) const DIFFERENT: u8 = 8;
    /// A hard link whose inode was found: `id` is the inode's slot.
    pub(crate) const RESOLVED: u8 = 16;
    /// The entry is what the view on top of its layer shows at its path.
    pub(crate) const SHOWN: u8 = 32;

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Says how the content compares with the lower view's.
    #[must_use]
    pub fn content(&self) -> Content {
        match (self.has(Entry::SAME), self.has(Entry::DIFFERENT)) {
            (true, _) => Content::Same,
            (_, true) => Content::Different,
            _ => Content::Unknown,
        }
    }
}

/// What a view shows at a path: nothing, a directory that no entry describes, or an entry.
///
/// Packed into eight bytes, because there is one for each path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slot(u64);

impl Slot {
    /// The path is not there.
    pub const ABSENT: Slot = Slot(0);
    /// A directory that exists because something below it does.
    pub const IMPLIED: Slot = Slot(1 << 63);

    pub(crate) fn entry(at: EntryRef, is_directory: bool) -> Self {
        Slot(u64::from(is_directory) << 63 | u64::from(at.layer + 1) << 32 | u64::from(at.index))
    }

    /// Says whether the path is there.
    #[must_use]
    pub fn is_present(self) -> bool {
        self.0 != 0
    }

    /// Says whether it is a directory.
    #[must_use]
    pub fn is_directory(self) -> bool {
        self.0 >> 63 != 0
    }

    /// Returns the entry that is shown.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the parts were packed from 32 bits each")]
    pub fn get(self) -> Option<EntryRef> {
        let layer = (self.0 >> 32) as u32 & (u32::MAX >> 1);
        (layer > 0).then(|| EntryRef { layer: layer - 1, index: self.0 as u32 })
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Slot(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_keep_their_parts() {
        let at = EntryRef { layer: 7, index: u32::MAX };
        for is_directory in [false, true] {
            let slot = Slot::entry(at, is_directory);
            assert_eq!((slot.get(), slot.is_directory(), slot.is_present()), (Some(at), is_directory, true));
        }
        assert_eq!((Slot::IMPLIED.get(), Slot::IMPLIED.is_directory()), (None, true));
        assert!(!Slot::ABSENT.is_present());
        assert_eq!(size_of::<Entry>(), 48);
    }
}
