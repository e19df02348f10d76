//! Equal contents under several live paths: paths alone do not show them, so contents are compared. [Model](crate::model) 7.

use std::io;

use foldhash::{HashMap, HashMapExt, HashSet};
use xxhash_rust::xxh3::Xxh3;

use super::Analysis;
use crate::layer::entry::{Entry, EntryRef, Kind, NodeId};
use crate::layer::index::Index;

/// One content under several paths; hard links are one copy and do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateContent {
    /// The content's size.
    pub size: u64,
    /// The paths, in byte order: two or more.
    pub nodes: Vec<NodeId>,
}

impl DuplicateContent {
    /// Returns the bytes that would be saved if there was one copy and links to it.
    #[must_use]
    pub fn extra_bytes(&self) -> u64 {
        self.size * (self.nodes.len() as u64 - 1)
    }
}

/// Smaller files are not compared.
const LEAST_DUPLICATE_BYTES: u64 = 64 << 10;

impl Analysis {
    /// Finds equal contents under several live paths, largest extra bytes first, then by path.
    ///
    /// Only files of at least 64 KiB are looked at, and only those that share their size with another. What has no hash
    /// yet is read: at most `budget` bytes, the largest files first; the rest counts as different.
    ///
    /// # Errors
    /// Where a layer cannot be read again.
    pub fn duplicate_contents(&self, budget: u64) -> io::Result<Vec<DuplicateContent>> {
        let wasted: HashSet<EntryRef> = self.waste.iter().map(|record| record.copy).collect();
        let mut by_size: HashMap<u64, Vec<EntryRef>> = HashMap::new();
        for (at, entry) in copies(&self.index) {
            if entry.size >= LEAST_DUPLICATE_BYTES && !entry.has(Entry::SPARSE) && !wasted.contains(&at) {
                by_size.entry(entry.size).or_default().push(at);
            }
        }
        let mut sizes: Vec<(u64, Vec<EntryRef>)> = by_size.into_iter().filter(|(_, copies)| copies.len() > 1).collect();
        sizes.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
        let mut left = budget;
        let mut found = Vec::new();
        for (size, copies) in sizes {
            let mut by_hash: HashMap<u64, Vec<NodeId>> = HashMap::new();
            for copy in copies {
                if let Some(hash) = self.content_hash(copy, &mut left)? {
                    by_hash.entry(hash).or_default().push(self.index.entry(copy).node);
                }
            }
            found.extend(
                by_hash.into_values().filter(|nodes| nodes.len() > 1).map(|nodes| DuplicateContent { size, nodes }),
            );
        }
        let tree = &self.index.tree;
        for same in &mut found {
            same.nodes.sort_by_cached_key(|node| tree.path(*node));
        }
        found.sort_by_cached_key(|same| (std::cmp::Reverse(same.extra_bytes()), tree.path(same.nodes[0])));
        Ok(found)
    }

    /// Returns the hash of a copy, as long as there is budget to read it.
    fn content_hash(&self, copy: EntryRef, budget: &mut u64) -> io::Result<Option<u64>> {
        let entry = self.index.entry(copy);
        if entry.has(Entry::HASHED) {
            return Ok(Some(entry.id));
        }
        let Some(plain) = self.layers[copy.layer().index()].blob.plain() else { return Ok(None) };
        let Some(left) = budget.checked_sub(entry.size) else { return Ok(None) };
        *budget = left;
        let region = plain.slice(entry.id, entry.size);
        let (mut hash, mut at, mut buffer) = (Xxh3::new(), 0, vec![0; 1 << 16]);
        while at < entry.size {
            let read = region.read_at(at, &mut buffer).map_err(io::Error::other)?;
            if read == 0 {
                return Ok(None);
            }
            hash.update(&buffer[..read]);
            at += read as u64;
        }
        Ok(Some(hash.digest()))
    }
}

fn copies(index: &Index) -> impl Iterator<Item = (EntryRef, &Entry)> {
    (0..).zip(&index.layers).flat_map(|(layer, entries)| {
        let copies = (0..).zip(&entries.entries).filter(|(_, entry)| entry.kind == Kind::File);
        copies.map(move |(index, entry)| (EntryRef { layer, index }, entry))
    })
}
