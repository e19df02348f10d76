//! The contents of an image's files: read again from wherever the image came, opened at any offset, searched, extracted.
//!
//! [`ContentReader`] reads layers once more and hands what is wanted to a [`ContentSink`]; [`open`] makes one file's bytes
//! readable at any offset, [`search`] looks through them, [`extract`] writes files and directories to disk. Nothing here
//! knows the screen: work that takes long is watched and stopped through a [`Task`].

pub mod extract;
mod reader;
pub mod search;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use crate::error::{Error, Result};
use crate::layer::entry::{Entry, EntryRef, Kind};
use crate::source::Region;
use crate::task::Task;
pub use reader::{ContentReader, ContentSink};

/// Makes a file's bytes readable at any offset; `at` may be a hard link.
///
/// A file of an uncompressed layer is read in place. Any other is decoded up to its end once, into a temporary file without
/// a name, which vanishes with the program, however that ends.
///
/// # Errors
/// Where the layer cannot be read again, or the temporary file not be written.
pub fn open(reader: &ContentReader, at: EntryRef, task: &Task) -> Result<Region> {
    let inode = reader.analysis.index.inode(at).unwrap_or(at);
    if let Some(region) = in_place(reader, inode) {
        return Ok(region);
    }
    let file = tempfile::tempfile().map_err(|source| Error::Io { action: "make a temporary file for", source })?;
    let mut spool = Spool { layer: inode.layer().index(), place: inode.index, file, is_done: false };
    reader.read(&mut spool, task)?;
    spool.file.seek(SeekFrom::Start(0)).map_err(|source| Error::Io { action: "read", source })?;
    Region::whole(spool.file)
}

/// A file of an uncompressed layer whose content was skipped: its place is known.
fn in_place(reader: &ContentReader, inode: EntryRef) -> Option<Region> {
    let entry = reader.analysis.index.entry(inode);
    let is_placed = entry.kind == Kind::File && !entry.has(Entry::HASHED) && !entry.has(Entry::SPARSE);
    let region = reader.analysis.layers[inode.layer().index()].blob.plain().filter(|_| is_placed)?;
    Some(region.slice(entry.id, entry.size))
}

/// Keeps one file.
struct Spool {
    layer: usize,
    place: u32,
    file: File,
    is_done: bool,
}

impl ContentSink for Spool {
    fn wants_layer(&self, layer: usize) -> bool {
        layer == self.layer && !self.is_done
    }

    fn wants(&self, _: usize, place: u32) -> bool {
        place == self.place
    }

    fn write(&mut self, _: usize, _: u32, piece: &[u8]) -> std::io::Result<()> {
        self.file.write_all(piece)
    }

    fn finish(&mut self, _: usize, _: u32) -> std::io::Result<()> {
        self.is_done = true;
        Ok(())
    }
}

/// Returns an error with its hint, in one line.
#[must_use]
pub fn explain(error: &Error) -> String {
    match error.hint() {
        Some(hint) => format!("{error}: {hint}"),
        None => error.to_string(),
    }
}
