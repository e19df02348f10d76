//! One layer's tar, read forward once: members to batches of entries.
//!
//! A file's content identifies itself as cheaply as it can: what passes by anyway is hashed, what can be jumped over is
//! remembered by its offset and read only if two copies must be compared. The hash (XXH3, 64 bits) tells equal from
//! different content of one size at one path; it decides the cause of waste, never its bytes.

use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_128};

use super::batch::{Batch, RawEntry, Role};
use super::entry::Entry;
use super::kept::{self, Kept, Passing, Room};
use crate::error::{AtPlace, Error, Place, Result, Warning, WarningCode, Warnings};
use crate::path::{Meaning, Normal, common_prefix, meaning, normalize, normalize_sibling, walk_order};
use crate::source::feed::Feed;
use crate::tarball::header::Kind;
use crate::tarball::{Member, Walker};

/// What is known at the end of a layer.
#[derive(Debug, Default, Clone)]
pub(crate) struct Footer {
    /// Members of the tar, whiteouts included.
    pub(crate) members: u64,
    pub(crate) warnings: Warnings,
    /// Whether the tar's end blocks were seen.
    pub(crate) saw_end: bool,
    /// Contents that say what the files are for, where they were asked for.
    pub(crate) kept: Kept,
}

/// Takes batches; the batch comes back to be filled again.
pub(crate) trait Sink {
    /// Takes what is in the batch and leaves an empty one.
    fn take(&mut self, batch: &mut Batch) -> Result<()>;
}

/// Trailing bytes of a compressed layer that are read to check its end; real padding has kilobytes.
const MOST_TRAILING_BYTES: u64 = 64 << 20;
/// Attributes beyond this are kept as a digest: no tool shows them, and they must not fill the memory.
const MOST_XATTR_BYTES: usize = 16 << 10;
/// Linux takes names of 4 KiB at a time; directories can be entered one by one and get deeper, but not by much. Without a
/// bound, deep trees would cost the square of their depth.
const MOST_PATH_BYTES: usize = 16 << 10;
/// What Linux takes for a symlink's text (`PATH_MAX`).
const MOST_SYMLINK_BYTES: usize = 4 << 10;
/// How many entries of a layer are looked at to find it in disorder.
const ORDER_SAMPLE: usize = 2 * Batch::MOST_ENTRIES;
/// How many entries of a shuffled layer are sorted at a time: a run costs a walk through the tree, and memory.
const RUN_ENTRIES: usize = 1 << 16;
const RUN_BYTES: usize = 8 << 20;

/// Says whether a member is an entry of its layer; `path` is room for its normal form.
pub(crate) fn is_entry(member: &Member, path: &mut Vec<u8>) -> bool {
    match normalize(&member.path, path) {
        Normal::Outside => false,
        Normal::Marked => meaning(path) == Meaning::Entry,
        Normal::Plain => !path.is_empty() || member.kind == Kind::Directory,
    }
}

/// Reads the layer in `feed` into `sink`; where there is `room`, contents that say what the files are for are kept.
///
/// # Errors
/// Where the tar is damaged or cut short, with the entry at which that was found; what the sink answers.
pub(crate) fn read<F: Feed>(feed: F, room: Option<&Room>, sink: &mut impl Sink) -> Result<(Footer, F)> {
    let mut reader = Reader {
        room,
        entry_count: 0,
        walker: Walker::new(feed),
        batch: Batch::default(),
        footer: Footer::default(),
        path: Vec::new(),
        link: Vec::new(),
        order: Order::Unknown { seen: 0, inversions: 0 },
        previous: Vec::new(),
        directory: 0,
        shared: 0,
    };
    while reader.advance()? {
        reader.entry().at(|| Place::Entry(reader.walker.count(), reader.walker.member().path.clone()))?;
        reader.pass_on(sink)?;
    }
    reader.finish(sink)
}

struct Reader<'a, F> {
    room: Option<&'a Room>,
    /// The place of the next entry in the layer's order.
    entry_count: u32,
    walker: Walker<F>,
    batch: Batch,
    footer: Footer,
    path: Vec<u8>,
    link: Vec<u8>,
    order: Order,
    /// The last path that was pushed, and where its directory ends, with the slash.
    previous: Vec<u8>,
    directory: usize,
    /// Where the directory ends that the current path has in common with the last one, if that is known.
    shared: usize,
}

/// Whether the layer's members come in the order of a walk.
enum Order {
    Unknown {
        seen: usize,
        inversions: usize,
    },
    Walk,
    /// They do not: entries are collected and sorted in runs, which is cheaper than to search for each path.
    Shuffled,
}

impl<F: Feed> Reader<'_, F> {
    fn advance(&mut self) -> Result<bool> {
        let found = self.walker.advance();
        found.at(|| Place::Entry(self.walker.count() + 1, Vec::new()))
    }

    fn entry(&mut self) -> Result<()> {
        let member = self.walker.member();
        let normal = if normalize_sibling(&member.path, &self.previous, self.directory, &mut self.path) {
            self.shared = self.directory.saturating_sub(1);
            Normal::Plain
        } else {
            self.shared = 0;
            normalize(&member.path, &mut self.path)
        };
        if normal == Normal::Outside || (self.path.is_empty() && member.kind != Kind::Directory) {
            let message = "is outside the image's root, or the root itself and no directory: it is not counted";
            let warning = Warning::about(WarningCode::PathOutside, &member.path, message);
            self.footer.warnings.push(warning);
            return Ok(());
        }
        check_length("its path", &self.path, MOST_PATH_BYTES)?;
        if normal == Normal::Plain {
            return self.push_entry(Role::Entry(member.kind));
        }
        let role = match meaning(&self.path) {
            Meaning::Entry => Role::Entry(member.kind),
            Meaning::Bookkeeping => return Ok(()),
            Meaning::Nameless => {
                let message = "is a whiteout that names nothing: it removes nothing";
                let warning = Warning::about(WarningCode::NamelessWhiteout, &member.path, message);
                self.footer.warnings.push(warning);
                return Ok(());
            }
            Meaning::Opaque { directory } => {
                let length = directory.len();
                self.path.truncate(length);
                Role::Opaque
            }
            Meaning::Whiteout { parent, name } => {
                let start = if parent.is_empty() { 0 } else { parent.len() + 1 };
                let name_start = self.path.len() - name.len();
                self.path.drain(start..name_start);
                Role::Whiteout
            }
        };
        if let Role::Entry(_) = role {
            return self.push_entry(role);
        }
        self.push(role, 0, 0, 0);
        Ok(())
    }

    fn push_entry(&mut self, role: Role) -> Result<()> {
        self.warn_about_oddities();
        let member = self.walker.member();
        let size = member.size;
        self.link.clear();
        match member.kind {
            // A hard link's target is a path of the image, a symlink's is text.
            Kind::HardLink if normalize(&member.link, &mut self.link) == Normal::Outside => self.link.clear(),
            Kind::Symlink => {
                check_length("its target", &member.link, MOST_SYMLINK_BYTES)?;
                self.link.extend_from_slice(&member.link);
            }
            _ => {}
        }
        check_length("its target", &self.link, MOST_PATH_BYTES)?;
        let (id, flags) = if member.kind == Kind::File { self.identify()? } else { (0, 0) };
        self.push(role, size, id, flags);
        Ok(())
    }

    /// Returns what identifies the content, and how.
    fn identify(&mut self) -> Result<(u64, u8)> {
        if let Some(room) = self.room {
            return self.identify_and_keep(room);
        }
        let is_sparse = self.walker.member().is_sparse;
        if !is_sparse && let Some(content) = self.walker.content_in_memory() {
            return Ok((xxh3_64(content), Entry::HASHED));
        }
        if !is_sparse && self.walker.feed().can_jump() {
            return Ok((self.walker.position(), 0));
        }
        let mut hash = Xxh3::new();
        hash.update(&self.walker.member().sparse_map);
        self.walker.read_content(|piece| hash.update(piece))?;
        Ok((hash.digest(), Entry::HASHED | if is_sparse { Entry::SPARSE } else { 0 }))
    }

    /// The same, and keeps what is wanted of it: apart, because a gate without rules about it pays nothing for it.
    #[inline(never)]
    fn identify_and_keep(&mut self, room: &Room) -> Result<(u64, u8)> {
        let is_sparse = self.walker.member().is_sparse;
        if !is_sparse && let Some(content) = self.walker.content_in_memory() {
            kept::keep_whole(&self.path, content, self.entry_count, &mut self.footer.kept, room);
            return Ok((xxh3_64(content), Entry::HASHED));
        }
        if !is_sparse && self.walker.feed().can_jump() {
            return Ok((self.walker.position(), 0));
        }
        let mut hash = Xxh3::new();
        hash.update(&self.walker.member().sparse_map);
        if is_sparse {
            self.walker.read_content(|piece| hash.update(piece))?;
            return Ok((hash.digest(), Entry::HASHED | Entry::SPARSE));
        }
        let mut passing = Passing::new(&self.path, self.walker.member().size);
        self.walker.read_content(|piece| {
            hash.update(piece);
            passing.push(piece);
        })?;
        passing.finish(self.entry_count, &mut self.footer.kept, room);
        Ok((hash.digest(), Entry::HASHED))
    }

    fn warn_about_oddities(&mut self) {
        let member = self.walker.member();
        let (code, message) = if member.has_odd_type {
            (WarningCode::UnknownType, "has a type that tar readers do not agree about: counted as a regular file")
        } else if member.is_sparse {
            (WarningCode::Sparse, "is a sparse file: its size is that of the extracted file, compared as it is stored")
        } else if member.has_odd_record {
            (
                WarningCode::OddRecord,
                "has an owner or a time that is not a number in its PAX records: the header's is shown",
            )
        } else {
            return;
        };
        let warning = Warning::about(code, &member.path, message);
        self.footer.warnings.push(warning);
    }

    fn push(&mut self, role: Role, size: u64, id: u64, flags: u8) {
        let member = self.walker.member();
        let start = self.batch.bytes.len();
        self.batch.bytes.extend_from_slice(&self.path);
        let (mut link_len, mut xattr_len) = (0, 0);
        if let Role::Entry(_) = role {
            self.entry_count = self.entry_count.wrapping_add(1);
            self.batch.bytes.extend_from_slice(&self.link);
            link_len = length(self.link.len());
            // Few entries have any.
            if !member.xattrs.is_empty() {
                xattr_len = push_xattrs(&mut self.batch.bytes, member);
            }
        }
        self.batch.entries.push(RawEntry {
            role,
            flags,
            numbers: member.numbers,
            size,
            id,
            path_len: length(self.path.len()),
            shared: length(self.shared),
            link_len,
            xattr_len,
            sequence: u32::try_from(self.walker.count()).unwrap_or(u32::MAX),
        });
        if let Order::Unknown { seen, inversions } = &mut self.order {
            *seen += 1;
            let previous = &self.batch.bytes[..start];
            *inversions += usize::from(walk_order(&self.path, last_path(previous, &self.batch.entries)).is_lt());
        }
        std::mem::swap(&mut self.path, &mut self.previous);
        if self.shared == 0 {
            self.directory = memchr::memrchr(b'/', &self.previous).map_or(0, |at| at + 1);
        }
    }

    fn pass_on(&mut self, sink: &mut impl Sink) -> Result<()> {
        if matches!(self.order, Order::Shuffled) {
            if self.batch.entries.len() >= RUN_ENTRIES || self.batch.bytes.len() >= RUN_BYTES {
                pass_on_sorted(&mut self.batch, sink)?;
            }
            return Ok(());
        }
        if !self.batch.is_full() {
            return Ok(());
        }
        if let Order::Unknown { seen, inversions } = self.order
            && seen >= ORDER_SAMPLE
        {
            self.order = if inversions * 4 > seen { Order::Shuffled } else { Order::Walk };
        }
        sink.take(&mut self.batch)
    }

    fn finish(mut self, sink: &mut impl Sink) -> Result<(Footer, F)> {
        if matches!(self.order, Order::Shuffled) {
            pass_on_sorted(&mut self.batch, sink)?;
        } else if !self.batch.entries.is_empty() {
            sink.take(&mut self.batch)?;
        }
        self.footer.members = self.walker.count();
        self.footer.saw_end = self.walker.saw_end();
        let mut feed = self.walker.into_feed();
        // A compressed stream is only whole when its end was seen; a plain layer's size is known.
        if !feed.can_jump() && feed.skip(MOST_TRAILING_BYTES)? == MOST_TRAILING_BYTES {
            let message = "more than 64 MiB of trailing data: not read, checksum not verified";
            self.footer.warnings.push(Warning::new(WarningCode::TrailingData, message));
        }
        Ok((self.footer, feed))
    }
}

fn check_length(what: &str, bytes: &[u8], most: usize) -> Result<()> {
    if bytes.len() <= most {
        return Ok(());
    }
    Err(Error::TooLarge { what: what.to_owned(), limit: format!("{most} bytes") })
}

fn length(bytes: usize) -> u32 {
    // Names and attributes come out of headers of at most a mebibyte.
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn push_xattrs(out: &mut Vec<u8>, member: &Member) -> u32 {
    if member.xattrs.len() <= MOST_XATTR_BYTES {
        out.extend_from_slice(&member.xattrs);
        return length(member.xattrs.len());
    }
    let digest = xxh3_128(&member.xattrs).to_le_bytes();
    let record = [&b"(digest of large attributes)\0"[..], &16u32.to_le_bytes(), &digest].concat();
    out.extend_from_slice(&record);
    length(record.len())
}

/// Returns the path of the entry before the last one, where it is in the same batch.
fn last_path<'a>(bytes: &'a [u8], entries: &[RawEntry]) -> &'a [u8] {
    let Some(entry) = entries.len().checked_sub(2).and_then(|at| entries.get(at)) else {
        return b"";
    };
    let start = bytes.len() - entry.length();
    &bytes[start..start + entry.path_len as usize]
}

/// Hands a run of entries on in the order of their paths; equal paths stay in the layer's order.
fn pass_on_sorted(run: &mut Batch, sink: &mut impl Sink) -> Result<()> {
    let common = common_to_all(run);
    let mut offset = 0;
    let mut order: Vec<(u128, u32, usize)> = Vec::with_capacity(run.entries.len());
    for (at, entry) in (0..).zip(&run.entries) {
        let path = &run.bytes[offset..offset + entry.path_len as usize];
        order.push((sort_key(&path[common..]), at, offset));
        offset += entry.length();
    }
    let path = |at: u32, offset: usize| &run.bytes[offset..offset + run.entries[at as usize].path_len as usize];
    order.sort_unstable_by(|(key, at, offset), (other_key, other_at, other_offset)| {
        let by_path = || walk_order(path(*at, *offset), path(*other_at, *other_offset));
        key.cmp(other_key).then_with(by_path).then(at.cmp(other_at))
    });
    let mut batch = Batch::default();
    for (_, at, offset) in order {
        let entry = RawEntry { shared: 0, ..run.entries[at as usize] };
        batch.bytes.extend_from_slice(&run.bytes[offset..offset + entry.length()]);
        batch.entries.push(entry);
        if batch.is_full() {
            batch.is_sorted = true;
            sink.take(&mut batch)?;
        }
    }
    run.clear();
    if batch.entries.is_empty() {
        return Ok(());
    }
    batch.is_sorted = true;
    sink.take(&mut batch)
}

/// Returns the number of bytes with which every path of the run starts.
fn common_to_all(run: &Batch) -> usize {
    let first = run.entries.first().map_or(0, |entry| entry.path_len as usize);
    let (mut common, mut offset) = (first, 0);
    for entry in &run.entries {
        let path = &run.bytes[offset..offset + entry.path_len as usize];
        common = common_prefix(&run.bytes[..common], path);
        offset += entry.length();
    }
    common
}

/// Packs the first bytes of a path into a number that sorts like a walk, as far as it tells paths apart: the end lowest,
/// a slash next.
fn sort_key(path: &[u8]) -> u128 {
    let mut key = [0; 16];
    for (slot, byte) in key.iter_mut().zip(path) {
        *slot = if *byte == b'/' { 1 } else { (*byte).max(1).saturating_add(1) };
    }
    u128::from_be_bytes(key)
}
