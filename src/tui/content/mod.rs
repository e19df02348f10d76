//! The bytes of one file of one layer: read again from wherever the image came, paged, searched.
//!
//! A file of a plain layer is read in place. Anything else must be decoded up to its end once, into a temporary file
//! without a name: it vanishes with the program, however that ends.

pub mod again;
mod pager;
pub mod search;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use crate::error::{Error, Result};
use crate::layer::entry::{Entry, EntryRef, Kind};
use crate::source::Region;
use crate::tui::task::Task;
use again::{Again, Taker};
pub use pager::{HEX_ROW, Mode, Pager, TextRow};

/// Makes a file's bytes readable at any offset; `at` may be a hard link.
///
/// # Errors
/// Where the layer cannot be read again, or the temporary file not be written.
pub fn open(again: &Again, at: EntryRef, task: &Task) -> Result<Region> {
    let inode = again.analysis.index.inode(at).unwrap_or(at);
    if let Some(region) = in_place(again, inode) {
        return Ok(region);
    }
    let file = tempfile::tempfile().map_err(|source| Error::Io { action: "make a temporary file for", source })?;
    let mut spool = Spool { layer: inode.layer().index(), place: inode.index, file, is_done: false };
    again.read(&mut spool, task)?;
    spool.file.seek(SeekFrom::Start(0)).map_err(|source| Error::Io { action: "read", source })?;
    Region::whole(spool.file)
}

/// A file in a plain layer that was jumped over: its place is known.
fn in_place(again: &Again, inode: EntryRef) -> Option<Region> {
    let entry = again.analysis.index.entry(inode);
    let is_placed = entry.kind == Kind::File && !entry.has(Entry::HASHED) && !entry.has(Entry::SPARSE);
    let region = again.analysis.layers[inode.layer().index()].blob.plain().filter(|_| is_placed)?;
    Some(region.slice(entry.id, entry.size))
}

struct Spool {
    layer: usize,
    place: u32,
    file: File,
    is_done: bool,
}

impl Taker for Spool {
    fn wants_layer(&self, layer: usize) -> bool {
        layer == self.layer && !self.is_done
    }

    fn wants(&self, _: usize, place: u32) -> bool {
        place == self.place
    }

    fn take(&mut self, _: usize, _: u32, piece: &[u8]) -> std::io::Result<()> {
        self.file.write_all(piece)
    }

    fn end(&mut self, _: usize, _: u32) -> std::io::Result<()> {
        self.is_done = true;
        Ok(())
    }
}
