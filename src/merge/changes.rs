//! A, C and D of a layer, as `docker diff` prints them, and what a C changed. [Model](crate::model) 3.

use std::fmt;

use super::merger::{Deleted, LayerEffect};
use crate::layer::entry::{Content, Entry, EntryRef, Kind, LayerNumber, NodeId};
use crate::layer::index::Index;

/// One line of a layer's changes.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    /// The path.
    pub node: NodeId,
    /// What happened to it.
    pub kind: ChangeKind,
}

/// What happened to a path.
#[derive(Debug, Clone, Copy)]
pub enum ChangeKind {
    /// A: the lower view does not show it. The entry is missing for implied directories.
    Added(Option<EntryRef>),
    /// C: both show it, and the layer stores it again (or implies a directory in its place).
    Changed {
        /// What the layer stores; missing for implied directories.
        upper: Option<EntryRef>,
        /// What the lower view shows; missing for implied directories.
        lower: Option<EntryRef>,
    },
    /// D: only the lower view shows it.
    Deleted(Deleted),
}

impl ChangeKind {
    /// Returns the letter that `docker diff` prints.
    #[must_use]
    pub fn letter(&self) -> char {
        match self {
            ChangeKind::Added(_) => 'A',
            ChangeKind::Changed { .. } => 'C',
            ChangeKind::Deleted(_) => 'D',
        }
    }
}

/// Returns the changes of a layer, in no order; the root is never one.
pub fn of_layer<'a>(
    index: &'a Index,
    effect: &'a LayerEffect,
    layer: LayerNumber,
) -> impl Iterator<Item = Change> + 'a {
    let at = u32::try_from(layer.index()).unwrap_or(u32::MAX);
    let own = (0..).zip(&index.layers[layer.index()].entries).filter_map(move |(place, entry)| {
        let shown = entry.has(Entry::SHOWN) && entry.node != NodeId::ROOT;
        shown.then(|| own_change(entry, EntryRef { layer: at, index: place }))
    });
    let implied = effect.implied.iter().map(|node| Change { node: *node, kind: ChangeKind::Added(None) });
    let over = effect
        .implied_over
        .iter()
        .map(|(node, lower)| Change { node: *node, kind: ChangeKind::Changed { upper: None, lower: Some(*lower) } });
    let deleted =
        effect.deleted.iter().map(|deleted| Change { node: deleted.node, kind: ChangeKind::Deleted(*deleted) });
    own.chain(implied).chain(over).chain(deleted)
}

fn own_change(entry: &Entry, at: EntryRef) -> Change {
    let kind = if entry.lower.is_present() {
        ChangeKind::Changed { upper: Some(at), lower: entry.lower.get() }
    } else {
        ChangeKind::Added(Some(at))
    };
    Change { node: entry.node, kind }
}

impl Change {
    /// Returns the content bytes that the layer stores at the path; of a D, what went with it.
    #[must_use]
    pub fn bytes(&self, index: &Index) -> u64 {
        match self.kind {
            ChangeKind::Added(Some(upper)) | ChangeKind::Changed { upper: Some(upper), .. } => index.entry(upper).size,
            ChangeKind::Added(None) | ChangeKind::Changed { upper: None, .. } => 0,
            ChangeKind::Deleted(deleted) => deleted.bytes,
        }
    }

    /// Returns what changed; empty for everything but a C, and for a C that stores the same again.
    #[must_use]
    pub fn what(&self, index: &Index) -> Vec<What> {
        let ChangeKind::Changed { upper, lower } = self.kind else {
            return Vec::new();
        };
        let content = upper.map_or(Content::Unknown, |upper| index.entry(upper).content());
        differences(index, lower, upper, content)
    }
}

/// One thing that differs between what the lower view shows and what the layer stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Other bytes.
    Content,
    /// Other permission bits.
    Mode(u16, u16),
    /// Another owner or group.
    Owner((i64, i64), (i64, i64)),
    /// Another time, by whole seconds.
    Mtime,
    /// Other extended attributes.
    Xattrs,
    /// Another kind of entry.
    Type(Kind, Kind),
    /// A symlink to somewhere else.
    Target,
    /// Another device number.
    Device,
}

impl fmt::Display for What {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Content => out.write_str("content"),
            What::Mode(from, to) => write!(out, "mode {from:04o} -> {to:04o}"),
            What::Owner((user, group), (to_user, to_group)) => {
                write!(out, "owner {user}:{group} -> {to_user}:{to_group}")
            }
            What::Mtime => out.write_str("mtime"),
            What::Xattrs => out.write_str("xattrs"),
            What::Type(from, to) => write!(out, "type {} -> {}", from.name(), to.name()),
            What::Target => out.write_str("target"),
            What::Device => out.write_str("device"),
        }
    }
}

/// Compares two entries by their inodes; what has no entry is a directory of which nothing is known.
pub(crate) fn differences(
    index: &Index,
    lower: Option<EntryRef>,
    upper: Option<EntryRef>,
    content: Content,
) -> Vec<What> {
    let (lower, upper) = (inode(index, lower), inode(index, upper));
    let kind = |entry: Option<&Entry>| entry.map_or(Kind::Directory, |entry| entry.kind);
    if kind(lower) != kind(upper) {
        return vec![What::Type(kind(lower), kind(upper))];
    }
    let (Some(lower), Some(upper)) = (lower, upper) else {
        return Vec::new();
    };
    let (old, new) = (index.extra(lower), index.extra(upper));
    let (old_owner, new_owner) = (index.owner(lower), index.owner(upper));
    // The mode of a symlink means nothing.
    let has_mode = upper.kind != Kind::Symlink;
    let mut what = Vec::new();
    let mut add = |differs: bool, difference: What| {
        if differs {
            what.push(difference);
        }
    };
    add(content == Content::Different, What::Content);
    add(has_mode && lower.mode != upper.mode, What::Mode(lower.mode, upper.mode));
    add(old_owner != new_owner, What::Owner(old_owner, new_owner));
    add(lower.mtime != upper.mtime, What::Mtime);
    add(old.xattrs != new.xattrs, What::Xattrs);
    add(upper.kind == Kind::Symlink && old.link != new.link, What::Target);
    add(old.device != new.device, What::Device);
    what
}

/// Says whether two regular files have the same metadata: what [`differences`] would find, without the list.
pub(crate) fn has_same_metadata(index: &Index, lower: EntryRef, upper: EntryRef) -> bool {
    let (Some(lower), Some(upper)) = (inode(index, Some(lower)), inode(index, Some(upper))) else {
        return false;
    };
    lower.mode == upper.mode
        && lower.owner == upper.owner
        && lower.mtime == upper.mtime
        && index.extra(lower).xattrs == index.extra(upper).xattrs
}

fn inode(index: &Index, at: Option<EntryRef>) -> Option<&Entry> {
    at.map(|at| index.entry(index.inode(at).unwrap_or(at)))
}
