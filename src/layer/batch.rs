//! Entries on their way from a layer's reader to the builder of the index: a few thousand at a time, without a single
//! allocation per entry.

use crate::tarball::header::{Kind, Numbers};

/// What a member does in its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is an entry.
    Entry(Kind),
    /// It removes its path (the name without `.wh.`) from the lower view.
    Whiteout,
    /// It makes its path an opaque directory.
    Opaque,
}

/// One member; its path, link target and xattrs stand one after the other in the batch's bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawEntry {
    pub(crate) role: Role,
    pub(crate) flags: u8,
    pub(crate) numbers: Numbers,
    pub(crate) size: u64,
    pub(crate) id: u64,
    pub(crate) path_len: u32,
    /// Where the directory ends that the path has in common with the one before it; 0 = not known.
    pub(crate) shared: u32,
    pub(crate) link_len: u32,
    pub(crate) xattr_len: u32,
    /// Place among the layer's members, for layers that were sorted on the way.
    pub(crate) sequence: u32,
}

/// Entries of one layer, in the layer's order or, where `is_sorted`, in the order of their paths.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<RawEntry>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_sorted: bool,
}

/// The variable parts of one entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) path: &'a [u8],
    pub(crate) link: &'a [u8],
    pub(crate) xattrs: &'a [u8],
}

impl Batch {
    pub(crate) const MOST_ENTRIES: usize = 2048;
    const MOST_BYTES: usize = 256 << 10;

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= Self::MOST_ENTRIES || self.bytes.len() >= Self::MOST_BYTES
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.bytes.clear();
        self.is_sorted = false;
    }

    /// Calls `f` for each entry, until it fails.
    pub(crate) fn try_for_each<E>(&self, mut f: impl FnMut(&RawEntry, Parts<'_>) -> Result<(), E>) -> Result<(), E> {
        let mut bytes = &self.bytes[..];
        for entry in &self.entries {
            let (parts, rest) = entry.parts(bytes);
            f(entry, parts)?;
            bytes = rest;
        }
        Ok(())
    }
}

impl RawEntry {
    /// Returns the number of bytes that the entry's parts take.
    pub(crate) fn length(&self) -> usize {
        self.path_len as usize + self.link_len as usize + self.xattr_len as usize
    }

    /// Cuts the entry's parts off the front of `bytes`.
    pub(crate) fn parts<'a>(&self, bytes: &'a [u8]) -> (Parts<'a>, &'a [u8]) {
        let (path, bytes) = bytes.split_at(self.path_len as usize);
        let (link, bytes) = bytes.split_at(self.link_len as usize);
        let (xattrs, bytes) = bytes.split_at(self.xattr_len as usize);
        (Parts { path, link, xattrs }, bytes)
    }
}
