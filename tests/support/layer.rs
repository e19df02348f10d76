//! A layer as the ordered list of its tar members, and the tar that a builder would write for it.
//!
//! Names go into the headers as they are, byte for byte: absolute, climbing, empty and non-UTF-8 names have to reach
//! the reader under test, so the checks of the `tar` crate's path functions are stepped around.

use std::collections::BTreeMap;

use tar::{Builder, EntryType, Header};

const BLOCK: usize = 512;
/// Room for a name or a link target in the header itself.
const NAME_FIELD: usize = 100;
/// The largest time that the octal field holds; anything beyond goes into a PAX record, as Go's tar writer does it.
const OCTAL_TIME_MAX: i64 = 0o777_7777_7777;

/// The metadata of one member, as its header and PAX records state it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    pub mtime: i64,
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

impl Metadata {
    /// Metadata of root with this mode, at time 0.
    pub fn with_mode(mode: u32) -> Self {
        Self { mode, ..Self::default() }
    }
}

/// What a member is, with what belongs to that kind alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    File(Vec<u8>),
    Directory,
    Symlink(Vec<u8>),
    HardLink(Vec<u8>),
    CharDevice { major: u32, minor: u32 },
    BlockDevice { major: u32, minor: u32 },
    Fifo,
}

/// One member of a layer's tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name as it stands in the tar, not normalised.
    pub name: Vec<u8>,
    pub kind: Kind,
    pub metadata: Metadata,
}

impl Member {
    pub fn new(name: impl Into<Vec<u8>>, kind: Kind, metadata: Metadata) -> Self {
        Self { name: name.into(), kind, metadata }
    }

    /// The marker that removes `path` from the layers below. Its own fields mean nothing; builders leave junk there.
    pub fn whiteout(path: &[u8]) -> Self {
        let name_at = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        let name = [&path[..name_at], b".wh.", &path[name_at..]].concat();
        Self::new(name, Kind::File(Vec::new()), Metadata::default())
    }

    /// The marker that empties `directory` of what the layers below show in it; an empty name is the root.
    pub fn opaque(directory: &[u8]) -> Self {
        let separator: &[u8] = if directory.is_empty() { b"" } else { b"/" };
        let name = [directory, separator, b".wh..wh..opq"].concat();
        Self::new(name, Kind::File(Vec::new()), Metadata::default())
    }
}

/// One thing in the tar: a member, or bytes that are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Member(Member),
    /// Whole blocks written as they are, for headers that a builder writes and no file system shows.
    Raw(Vec<u8>),
}

/// How names that do not fit into the header are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LongNames {
    /// A member of type `L` (or `K` for link targets) before the member.
    #[default]
    Gnu,
    /// A `path` (or `linkpath`) record.
    Pax,
}

/// How the tar ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// Padding and two blocks of zeros.
    #[default]
    Blocks,
    /// Right after the last byte of content, as `umoci insert` does it.
    Cut,
}

/// A layer: its members in tar order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerSpec {
    pub items: Vec<Item>,
    pub long_names: LongNames,
    pub ending: Ending,
}

impl LayerSpec {
    pub fn of(members: Vec<Member>) -> Self {
        Self { items: members.into_iter().map(Item::Member).collect(), ..Self::default() }
    }

    /// The members in tar order, without the raw bytes between them.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.items.iter().filter_map(|item| match item {
            Item::Member(member) => Some(member),
            Item::Raw(_) => None,
        })
    }

    /// The uncompressed tar.
    pub fn to_tar(&self) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for item in &self.items {
            match item {
                Item::Member(member) => append(&mut builder, member, self.long_names),
                Item::Raw(blocks) => builder.get_mut().extend_from_slice(blocks),
            }
        }
        let padded = builder.get_ref().len();
        let mut tar = builder.into_inner().expect("writing to memory");
        if self.ending == Ending::Cut {
            tar.truncate(padded - self.last_padding());
        }
        tar
    }

    /// The zeros that fill the last block of the last member.
    fn last_padding(&self) -> usize {
        match self.items.last() {
            Some(Item::Member(Member { kind: Kind::File(content), .. })) => {
                content.len().next_multiple_of(BLOCK) - content.len()
            }
            _ => 0,
        }
    }
}

/// A PAX global header with a comment, as `git archive` puts it in front: it is no entry.
pub fn pax_global_header() -> Vec<u8> {
    let record = b"20 comment=abcdefgh\n";
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::XGlobalHeader);
    header.set_size(record.len() as u64);
    set_field(&mut header, 0, b"pax_global_header");
    header.set_cksum();
    let mut blocks = header.as_bytes().to_vec();
    blocks.extend_from_slice(record);
    blocks.resize(2 * BLOCK, 0);
    blocks
}

fn append(builder: &mut Builder<Vec<u8>>, member: &Member, long_names: LongNames) {
    let target = link_target(&member.kind);
    let records = pax_records(member, target, long_names);
    if !records.is_empty() {
        let borrowed = records.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        builder.append_pax_extensions(borrowed).expect("writing to memory");
    }
    if long_names == LongNames::Gnu {
        append_gnu_long(builder, EntryType::GNULongLink, target);
        append_gnu_long(builder, EntryType::GNULongName, &member.name);
    }
    let content: &[u8] = if let Kind::File(content) = &member.kind { content } else { &[] };
    builder.append(&header(member, target), content).expect("writing to memory");
}

fn link_target(kind: &Kind) -> &[u8] {
    match kind {
        Kind::Symlink(target) | Kind::HardLink(target) => target,
        _ => &[],
    }
}

fn pax_records(member: &Member, target: &[u8], long_names: LongNames) -> Vec<(String, Vec<u8>)> {
    let mut records = Vec::new();
    if long_names == LongNames::Pax && member.name.len() > NAME_FIELD {
        records.push(("path".to_owned(), member.name.clone()));
    }
    if long_names == LongNames::Pax && target.len() > NAME_FIELD {
        records.push(("linkpath".to_owned(), target.to_vec()));
    }
    if octal_time(member.metadata.mtime).is_none() {
        records.push(("mtime".to_owned(), member.metadata.mtime.to_string().into_bytes()));
    }
    for (name, value) in &member.metadata.xattrs {
        records.push((format!("SCHILY.xattr.{name}"), value.clone()));
    }
    records
}

/// Returns the time if the header's own field holds it.
fn octal_time(mtime: i64) -> Option<u64> {
    u64::try_from(mtime).ok().filter(|_| mtime <= OCTAL_TIME_MAX)
}

fn append_gnu_long(builder: &mut Builder<Vec<u8>>, entry_type: EntryType, name: &[u8]) {
    if name.len() <= NAME_FIELD {
        return;
    }
    let content = [name, b"\0"].concat();
    let mut header = Header::new_gnu();
    set_field(&mut header, 0, b"././@LongLink");
    header.set_entry_type(entry_type);
    header.set_size(content.len() as u64);
    header.set_cksum();
    builder.append(&header, content.as_slice()).expect("writing to memory");
}

fn header(member: &Member, target: &[u8]) -> Header {
    const LINK_FIELD_AT: usize = 157;
    let mut header = Header::new_gnu();
    set_field(&mut header, 0, &member.name);
    set_field(&mut header, LINK_FIELD_AT, target);
    header.set_mode(member.metadata.mode);
    header.set_uid(member.metadata.uid);
    header.set_gid(member.metadata.gid);
    header.set_mtime(octal_time(member.metadata.mtime).unwrap_or(0));
    header.set_size(0);
    set_kind(&mut header, &member.kind);
    header.set_cksum();
    header
}

fn set_kind(header: &mut Header, kind: &Kind) {
    header.set_entry_type(match kind {
        Kind::File(_) => EntryType::Regular,
        Kind::Directory => EntryType::Directory,
        Kind::Symlink(_) => EntryType::Symlink,
        Kind::HardLink(_) => EntryType::Link,
        Kind::CharDevice { .. } => EntryType::Char,
        Kind::BlockDevice { .. } => EntryType::Block,
        Kind::Fifo => EntryType::Fifo,
    });
    match kind {
        Kind::File(content) => header.set_size(content.len() as u64),
        Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => {
            header.set_device_major(*major).expect("a GNU header has device fields");
            header.set_device_minor(*minor).expect("a GNU header has device fields");
        }
        _ => {}
    }
}

/// Writes as much of `text` as fits into the 100-byte field that starts at `offset`.
fn set_field(header: &mut Header, offset: usize, text: &[u8]) {
    let length = text.len().min(NAME_FIELD);
    header.as_mut_bytes()[offset..offset + length].copy_from_slice(&text[..length]);
}
