//! One layer of the new image: the tar that makes, of the view below it, the view above it.
//!
//! It holds what the view above shows there, each member with its headers and content byte by byte as it stood in the layer
//! that stored it, and whiteouts for what the view below shows and the view above does not. Hard links come last, and name a
//! path that is there by then.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Write};
use std::path::Path;
use std::sync::Arc;

use foldhash::HashSet;
use tar::{Builder, EntryType, Header};

use super::gone;
use super::stack::{Made, Stack};
use crate::analysis::Analysis;
use crate::error::{AtPlace, Error, Place, Result};
use crate::escape::escape;
use crate::layer::blob::Blob;
use crate::layer::entry::{Entry, EntryRef, Kind, NodeId, Slot};
use crate::layer::reader::is_entry;
use crate::path::WHITEOUT;
use crate::source::compression::{Compression, Decoder};
use crate::source::feed::Window;
use crate::source::{Progress, Region};
use crate::tarball::Walker;

/// What the user can do where a layer cannot say what it should.
const HINT: &str = "choose fewer layers or fixes";

/// The old layers as plain tars.
pub(super) struct Sources<'a> {
    pub analysis: &'a Analysis,
    tars: Vec<OnceCell<Region>>,
}

impl<'a> Sources<'a> {
    pub(super) fn new(analysis: &'a Analysis) -> Self {
        Sources { analysis, tars: analysis.layers.iter().map(|_| OnceCell::new()).collect() }
    }

    fn tar(&self, at: usize) -> Result<&Region> {
        if self.tars[at].get().is_none() {
            let tar = plain(&self.analysis.layers[at].blob)?;
            return Ok(self.tars[at].get_or_init(|| tar));
        }
        self.tars[at].get().ok_or_else(gone)
    }
}

/// Writes a layer to `out`.
///
/// # Errors
/// Where an old layer cannot be read again, or `out` not be written.
pub(super) fn write(sources: &Sources<'_>, stack: &Stack<'_>, made: &Made<'_>, out: &mut impl Write) -> Result<()> {
    let layer = Layer { sources, analysis: sources.analysis, stack, made };
    let mut builder = Builder::new(out);
    layer.write_whiteouts(&mut builder)?;
    layer.write_implied(&mut builder).map_err(written)?;
    let links = layer.links()?;
    for at in layer.read(&links) {
        layer.write_entries(at, &links, &mut builder).at(|| Place::Layer(layer.analysis.layers[at].number.get()))?;
    }
    for (node, target) in &links.names {
        layer.write_link(*node, *target, &mut builder).map_err(written)?;
    }
    builder.finish().map_err(written)
}

fn written(source: io::Error) -> Error {
    Error::Io { action: "write a layer", source }
}

struct Layer<'a> {
    sources: &'a Sources<'a>,
    analysis: &'a Analysis,
    stack: &'a Stack<'a>,
    made: &'a Made<'a>,
}

/// Hard links that the layer holds.
#[derive(Default)]
struct Links {
    /// Each with the path that it becomes a name of.
    names: BTreeMap<NodeId, NodeId>,
    /// Inodes whose own path is gone: the content goes to one of their other names.
    moved: BTreeMap<EntryRef, NodeId>,
}

impl Layer<'_> {
    fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        (0..self.analysis.index.tree.len()).map(NodeId::at)
    }

    fn path(&self, node: NodeId) -> Vec<u8> {
        self.analysis.index.tree.path(node)
    }

    fn upper(&self, node: NodeId) -> Slot {
        self.made.upper.slot(node)
    }

    /// Says whether the layer stores what is shown at a path, and where that stood.
    fn own(&self, node: NodeId) -> Option<EntryRef> {
        self.made.paths.get(&node).and_then(|(_, upper)| upper.get())
    }

    /// Returns what the layer stores.
    fn owned(&self) -> impl Iterator<Item = (NodeId, EntryRef)> + '_ {
        self.made.paths.iter().filter_map(|(node, (_, upper))| Some((*node, upper.get()?)))
    }

    /// Returns the old layers that something is copied from, bottom first.
    fn read(&self, links: &Links) -> BTreeSet<usize> {
        let owned = self.owned().map(|(_, at)| at).filter(|at| !is_link(self.analysis.index.entry(*at)));
        owned.chain(links.moved.keys().copied()).map(|at| at.layer().index()).collect()
    }

    /// The topmost paths that are gone, in directories that stay.
    fn write_whiteouts(&self, out: &mut Builder<impl Write>) -> Result<()> {
        let tree = &self.analysis.index.tree;
        for (node, _) in self.made.paths.iter().filter(|(_, (lower, upper))| lower.is_present() && !upper.is_present())
        {
            let Some(parent) = tree.parent(*node).filter(|parent| self.upper(*parent).is_directory()) else {
                continue;
            };
            let mut path = relative(&self.path(parent));
            if !path.is_empty() {
                path.push(b'/');
            }
            // The whiteout of a `.wh.` name is a name that means something else.
            if tree.name(*node).starts_with(WHITEOUT) {
                let what = format!("{} is removed, and no whiteout can name it", escape(&self.path(*node)));
                return Err(Error::Unsupported { what, hint: HINT });
            }
            path.extend_from_slice(WHITEOUT);
            path.extend_from_slice(tree.name(*node));
            append(out, &path, EntryType::Regular, &mut Header::new_gnu()).map_err(written)?;
        }
        Ok(())
    }

    /// Directories that no entry describes, where nothing below them would bring them about.
    fn write_implied(&self, out: &mut Builder<impl Write>) -> io::Result<()> {
        let tree = &self.analysis.index.tree;
        let mut holds: HashSet<NodeId> = HashSet::default();
        for (node, _) in self.owned() {
            let mut above = Some(node);
            while let Some(node) = above.filter(|node| holds.insert(*node)) {
                above = tree.parent(node);
            }
        }
        for (node, (below, now)) in self.made.paths.iter().filter(|(node, _)| **node != NodeId::ROOT) {
            let is_made = now.is_directory() && now.get().is_none() && !below.is_directory();
            if is_made && (below.is_present() || !holds.contains(node)) {
                let mut header = Header::new_gnu();
                header.set_mode(0o755);
                append(out, &relative(&self.path(*node)), EntryType::Directory, &mut header)?;
            }
        }
        Ok(())
    }

    /// Decides for each hard link of the layer which path it becomes a name of.
    fn links(&self) -> Result<Links> {
        let index = &self.analysis.index;
        let inode = |node: NodeId| index.inode(self.own(node)?);
        let links =
            self.owned().filter(|(_, at)| index.entry(*at).kind == Kind::HardLink && index.inode(*at).is_some());
        let mut names: Vec<NodeId> = links.map(|(node, _)| node).collect();
        names.sort_by_cached_key(|node| self.path(*node));
        let is_own = |inode: &EntryRef| self.stack.home(*inode) == self.made.place;
        let lower: BTreeSet<EntryRef> =
            names.iter().filter_map(|node| inode(*node)).filter(|inode| !is_own(inode)).collect();
        let mut holders = self.lower_holders(&lower);
        let mut links = Links::default();
        for node in names {
            let Some(inode) = inode(node) else { continue };
            let own_path = index.entry(inode).node;
            let holder = match holders.get(&inode) {
                Some(holder) => *holder,
                None if self.upper(own_path).get() == Some(inode) => own_path,
                None if is_own(&inode) => {
                    holders.insert(inode, node);
                    links.moved.insert(inode, node);
                    continue;
                }
                None => return Err(self.lost(node, inode)),
            };
            links.names.insert(node, holder);
        }
        Ok(links)
    }

    /// Finds names that lower layers give to inodes, and that are still there.
    fn lower_holders(&self, inodes: &BTreeSet<EntryRef>) -> BTreeMap<EntryRef, NodeId> {
        if inodes.is_empty() {
            return BTreeMap::new();
        }
        let named = |node: NodeId| {
            let at = self.upper(node).get().filter(|_| !self.made.paths.contains_key(&node))?;
            Some((self.analysis.index.inode(at).filter(|inode| inodes.contains(inode))?, node))
        };
        self.nodes().filter_map(named).collect()
    }

    fn lost(&self, link: NodeId, inode: EntryRef) -> Error {
        let message = format!(
            "{} is a hard link to a file of layer {} whose every other name is removed: one layer cannot say that",
            escape(&self.path(link)),
            inode.layer()
        );
        Error::Unsupported { what: message, hint: HINT }
    }

    /// Copies what is still shown of a layer.
    fn write_entries(&self, at: usize, links: &Links, out: &mut Builder<impl Write>) -> Result<()> {
        let tar = self.sources.tar(at)?;
        let mut walker = Walker::new(Window::new(tar.clone(), &Arc::new(Progress::default())));
        let entries = &self.analysis.index.layers[at].entries;
        let layer = u32::try_from(at).unwrap_or(u32::MAX);
        let (mut start, mut place, mut path) = (0, 0u32, Vec::new());
        while walker.advance()? {
            let counts = is_entry(walker.member(), &mut path);
            let content = tar.slice(walker.position(), walker.left());
            walker.finish_member()?;
            let end = walker.position();
            if counts {
                let this = EntryRef { layer, index: place };
                let entry = entries.get(place as usize).ok_or_else(gone)?;
                if let Some(node) = links.moved.get(&this) {
                    self.write_moved(*node, entry, &content, out)?;
                } else if self.own(entry.node) == Some(this) && !is_link(entry) {
                    copy(&tar.slice(start, end - start), out.get_mut())?;
                }
                place += 1;
            }
            start = end;
        }
        if place as usize == entries.len() { Ok(()) } else { Err(gone()) }
    }

    /// Writes a file under another of its names.
    fn write_moved(&self, node: NodeId, entry: &Entry, content: &Region, out: &mut Builder<impl Write>) -> Result<()> {
        if entry.has(Entry::SPARSE) {
            let what = format!("{} is a name of a sparse file that is gone", escape(&self.path(node)));
            return Err(Error::Unsupported { what, hint: HINT });
        }
        let mut records = pax_records(self.analysis.index.extra(entry).xattrs);
        if entry.mtime < 0 {
            push_record(format!(" mtime={}\n", entry.mtime).as_bytes(), &mut records);
        }
        if !records.is_empty() {
            let mut header = Header::new_ustar();
            header.set_size(records.len() as u64);
            header.set_entry_type(EntryType::XHeader);
            out.append_data(&mut header, "PaxHeaders/attributes", &records[..]).map_err(written)?;
        }
        let mut header = self.header(entry);
        header.set_entry_type(entry_type(entry.kind));
        let extra = self.analysis.index.extra(entry);
        let name = relative(&self.path(node));
        if entry.kind == Kind::Symlink {
            header.set_size(0);
            return out.append_link(&mut header, as_path(&name), as_path(extra.link)).map_err(written);
        }
        if matches!(entry.kind, Kind::CharDevice | Kind::BlockDevice) {
            header
                .set_device_major(extra.device.0)
                .and_then(|()| header.set_device_minor(extra.device.1))
                .map_err(written)?;
        }
        header.set_size(content.len());
        let reader = content.reader(&Arc::new(Progress::default()));
        out.append_data(&mut header, as_path(&name), reader).map_err(written)
    }

    fn write_link(&self, node: NodeId, target: NodeId, out: &mut Builder<impl Write>) -> io::Result<()> {
        let Some(at) = self.own(node) else { return Ok(()) };
        let mut header = self.header(self.analysis.index.entry(at));
        header.set_size(0);
        header.set_entry_type(EntryType::Link);
        let (name, target) = (relative(&self.path(node)), relative(&self.path(target)));
        out.append_link(&mut header, as_path(&name), as_path(&target))
    }

    fn header(&self, entry: &Entry) -> Header {
        let mut header = Header::new_gnu();
        let (uid, gid) = self.analysis.index.owner(entry);
        header.set_mode(u32::from(entry.mode));
        header.set_uid(u64::try_from(uid).unwrap_or(0));
        header.set_gid(u64::try_from(gid).unwrap_or(0));
        header.set_mtime(u64::try_from(entry.mtime).unwrap_or(0));
        header
    }
}

/// Says whether it is a link that holds, which comes at the end; one to nothing stays what it was.
fn is_link(entry: &Entry) -> bool {
    entry.kind == Kind::HardLink && entry.has(Entry::RESOLVED)
}

fn entry_type(kind: Kind) -> EntryType {
    match kind {
        Kind::File => EntryType::Regular,
        Kind::Directory => EntryType::Directory,
        Kind::Symlink => EntryType::Symlink,
        Kind::HardLink => EntryType::Link,
        Kind::CharDevice => EntryType::Char,
        Kind::BlockDevice => EntryType::Block,
        Kind::Fifo => EntryType::Fifo,
    }
}

/// Layers name paths without the root's slash.
fn relative(path: &[u8]) -> Vec<u8> {
    path.strip_prefix(b"/").unwrap_or(path).to_vec()
}

#[cfg(unix)]
fn as_path(bytes: &[u8]) -> Cow<'_, Path> {
    use std::os::unix::ffi::OsStrExt;
    Cow::Borrowed(Path::new(std::ffi::OsStr::from_bytes(bytes)))
}

/// Elsewhere paths are text.
#[cfg(not(unix))]
fn as_path(bytes: &[u8]) -> Cow<'_, Path> {
    Cow::Owned(String::from_utf8_lossy(bytes).into_owned().into())
}

fn append(out: &mut Builder<impl Write>, path: &[u8], kind: EntryType, header: &mut Header) -> io::Result<()> {
    header.set_entry_type(kind);
    header.set_size(0);
    out.append_data(header, as_path(path), io::empty())
}

/// Writes attributes (name, NUL, length, value) as PAX records.
fn pax_records(mut xattrs: &[u8]) -> Vec<u8> {
    let mut records = Vec::new();
    while let Some(end) = memchr::memchr(0, xattrs) {
        let (name, rest) = (&xattrs[..end], &xattrs[end + 1..]);
        let Some((length, rest)) = rest.split_first_chunk() else { break };
        let (value, rest) = rest.split_at((u32::from_le_bytes(*length) as usize).min(rest.len()));
        push_record(&[b" SCHILY.xattr.", name, b"=", value, b"\n"].concat(), &mut records);
        xattrs = rest;
    }
    records
}

/// A record states its own length, the digits of that number included.
fn push_record(record: &[u8], records: &mut Vec<u8>) {
    let digits = (1..=20).find(|digits| (record.len() + digits).to_string().len() == *digits).unwrap_or(1);
    records.extend_from_slice((record.len() + digits).to_string().as_bytes());
    records.extend_from_slice(record);
}

fn copy(from: &Region, out: &mut impl Write) -> Result<()> {
    let copied = io::copy(&mut from.reader(&Arc::new(Progress::default())), out).map_err(written)?;
    // Some writers end a layer without the padding of its last member.
    let padding = usize::try_from(copied.next_multiple_of(512) - copied).unwrap_or(0);
    out.write_all(&[0; 512][..padding]).map_err(written)
}

/// Returns the layer's tar as bytes that can be read at any place; what is compressed goes to a temporary file first.
fn plain(blob: &Blob) -> Result<Region> {
    let region = blob.region.as_ref().ok_or_else(gone)?;
    if blob.compression == Compression::None {
        return Ok(region.clone());
    }
    let reader = BufReader::with_capacity(256 << 10, region.reader(&Arc::new(Progress::default())));
    let mut decoder =
        Decoder::new(blob.compression, reader).map_err(|source| Error::Io { action: "decompress", source })?;
    Region::spool_all(&mut decoder)
}
