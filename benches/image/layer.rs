//! Writes a layer's entries as the tar that Go's `archive/tar` would: ustar, PAX where that has no room.

use std::io;

use tar::{Builder, EntryType, Header};

use super::blob::{Blob, BlobWriter};
use super::entry::{Entry, Kind, Layer, LongName};

/// Writes all entries of `layer` and finishes its blob.
pub fn write(layer: &Layer, blob: BlobWriter) -> io::Result<Blob> {
    let mut tar = Builder::new(blob);
    for entry in &layer.entries {
        append(&mut tar, entry)?;
        tar.get_mut().end_entry()?;
    }
    tar.into_inner()?.finish()
}

fn append(tar: &mut Builder<BlobWriter>, entry: &Entry) -> io::Result<()> {
    match entry.long_name {
        LongName::Pax => append_pax(tar, entry),
        LongName::Gnu => append_gnu(tar, entry),
    }
}

/// A ustar header, behind the PAX records of what it cannot hold.
fn append_pax(tar: &mut Builder<BlobWriter>, entry: &Entry) -> io::Result<()> {
    let mut header = Header::new_ustar();
    let mut records: Vec<(String, &[u8])> = Vec::new();
    let path = stored_path(entry);
    if header.set_path(&path).is_err() {
        records.push(("path".to_owned(), path.as_bytes()));
        header.set_path(stand_in(&path))?;
    }
    if let Kind::Symlink(target) | Kind::HardLink(target) = &entry.kind
        && header.set_link_name(target).is_err()
    {
        records.push(("linkpath".to_owned(), target.as_bytes()));
        header.set_link_name(stand_in(target))?;
    }
    if let Some((name, value)) = entry.xattr {
        records.push((format!("SCHILY.xattr.{name}"), value));
    }
    if !records.is_empty() {
        tar.append_pax_extensions(records.iter().map(|(key, value)| (key.as_str(), *value)))?;
    }
    set_metadata(&mut header, entry);
    append_content(tar, &header, entry)
}

/// A GNU header; the builder puts an `L` entry before it where the name is long.
fn append_gnu(tar: &mut Builder<BlobWriter>, entry: &Entry) -> io::Result<()> {
    let mut header = Header::new_gnu();
    set_metadata(&mut header, entry);
    let path = stored_path(entry);
    match &entry.kind {
        Kind::File(content) => tar.append_data(&mut header, path, content.reader()),
        Kind::Directory => tar.append_data(&mut header, path, io::empty()),
        Kind::Symlink(target) | Kind::HardLink(target) => tar.append_link(&mut header, path, target),
    }
}

fn append_content(tar: &mut Builder<BlobWriter>, header: &Header, entry: &Entry) -> io::Result<()> {
    match entry.content() {
        Some(content) => tar.append(header, content.reader()),
        None => tar.append(header, io::empty()),
    }
}

/// Everything but the names, and the checksum over all of it.
fn set_metadata(header: &mut Header, entry: &Entry) {
    header.set_entry_type(match entry.kind {
        Kind::File(_) => EntryType::Regular,
        Kind::Directory => EntryType::Directory,
        Kind::Symlink(_) => EntryType::Symlink,
        Kind::HardLink(_) => EntryType::Link,
    });
    header.set_size(entry.content().map_or(0, |content| content.bytes));
    header.set_mode(entry.mode);
    header.set_uid(entry.owner);
    header.set_gid(entry.owner);
    header.set_mtime(entry.mtime);
    header.set_cksum();
}

fn stored_path(entry: &Entry) -> String {
    match entry.kind {
        Kind::Directory => format!("{}/", entry.path),
        _ => entry.path.clone(),
    }
}

/// The last 80 bytes or less: what a reader without PAX would see.
fn stand_in(path: &str) -> &str {
    let mut from = path.len().saturating_sub(80);
    while !path.is_char_boundary(from) {
        from += 1;
    }
    path[from..].trim_start_matches('/')
}
