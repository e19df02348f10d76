//! The file system that a container of the image starts with: paths resolved through symlinks, contents read where they
//! are known. What owners and findings are decided on. [Model](crate::model) 7.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::HashMap;
use foldhash::fast::FixedState;

use crate::elf::{self, Elf};
use crate::layer::blob::Blob;
use crate::layer::entry::{Entry, EntryRef, Kind, NodeId, Slot};
use crate::layer::index::Index;
use crate::layer::kept::Kept;
use crate::layer::tree::Tree;
use crate::merge::view::View;

/// The merged view of a whole image, as a file system.
pub(crate) struct Rootfs<'a> {
    /// Every entry of every layer.
    pub(crate) index: &'a Index,
    view: View,
    names: Names,
    blobs: Vec<&'a Blob>,
    kept: &'a [Arc<Kept>],
}

/// Symlinks that are followed on the way to a file, as Linux does.
const MOST_LINKS: usize = 40;
/// Larger contents are not read by position.
const MOST_READ_BYTES: u64 = 64 << 20;

impl<'a> Rootfs<'a> {
    /// Makes the file system of a merged index. Costs its paths and entries.
    pub(crate) fn new(index: &'a Index, blobs: Vec<&'a Blob>, kept: &'a [Arc<Kept>]) -> Self {
        let view = View::of_layers(index, index.layers.len());
        Rootfs { index, names: Names::new(&index.tree), view, blobs, kept }
    }

    /// Returns all paths of all layers.
    pub(crate) fn tree(&self) -> &'a Tree {
        &self.index.tree
    }

    /// Returns what is shown at a path.
    pub(crate) fn slot(&self, node: NodeId) -> Slot {
        self.view.slot(node)
    }

    /// Says whether the path is there.
    pub(crate) fn exists(&self, node: NodeId) -> bool {
        self.slot(node).is_present()
    }

    /// Says whether the path is a directory.
    pub(crate) fn is_directory(&self, node: NodeId) -> bool {
        self.slot(node).is_directory()
    }

    /// Returns the entry at a path; nothing for directories that no entry describes. Hard links are not followed.
    pub(crate) fn entry(&self, node: NodeId) -> Option<&'a Entry> {
        self.slot(node).get().map(|at| self.index.entry(at))
    }

    /// Returns the copy that a path shows, where it is a regular file.
    pub(crate) fn copy(&self, node: NodeId) -> Option<EntryRef> {
        let inode = self.index.inode(self.slot(node).get()?)?;
        (self.index.entry(inode).kind == Kind::File).then_some(inode)
    }

    /// Returns the content bytes at a path; 0 for everything but regular files.
    pub(crate) fn size(&self, node: NodeId) -> u64 {
        self.copy(node).map_or(0, |copy| self.index.entry(copy).size)
    }

    /// Says whether the file at a path may be executed by somebody.
    pub(crate) fn is_executable(&self, node: NodeId) -> bool {
        self.copy(node).is_some_and(|copy| self.index.entry(copy).mode & 0o111 != 0)
    }

    /// Returns the child of this name that the view shows.
    pub(crate) fn child(&self, directory: NodeId, name: &[u8]) -> Option<NodeId> {
        self.names.find(self.tree(), directory, name).filter(|node| self.exists(*node))
    }

    /// Returns the path of this name in a directory that some layer has and the view does not show.
    pub(crate) fn removed(&self, directory: NodeId, name: &[u8]) -> Option<NodeId> {
        self.names.find(self.tree(), directory, name).filter(|node| !self.exists(*node))
    }

    /// Finds a directory that some layer has and the view does not show; symlinks on the way are followed where they are
    /// still there. `path` is in its normal form.
    pub(crate) fn find_removed(&self, path: &[u8]) -> Option<NodeId> {
        let mut node = NodeId::ROOT;
        let mut links = 0;
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            node = self.names.find(self.tree(), node, name)?;
            if self.link(node).is_some() {
                links += 1;
                node = self.follow(node).filter(|_| links <= MOST_LINKS)?;
            }
        }
        Some(node)
    }

    /// Returns what the view shows in a directory, in byte order.
    pub(crate) fn children(&self, directory: NodeId) -> impl Iterator<Item = NodeId> {
        self.tree().children(directory).filter(|node| self.exists(*node))
    }

    /// Finds what a path names in the end: all symlinks are followed.
    pub(crate) fn resolve(&self, path: &[u8]) -> Option<NodeId> {
        self.walk(NodeId::ROOT, path, true)
    }

    /// Finds a path: symlinks to directories are followed, one at its end is not.
    pub(crate) fn find(&self, path: &[u8]) -> Option<NodeId> {
        self.walk(NodeId::ROOT, path, false)
    }

    /// Finds what a path names, from a directory on.
    pub(crate) fn resolve_from(&self, directory: NodeId, path: &[u8]) -> Option<NodeId> {
        self.walk(directory, path, true)
    }

    /// Finds a path, from a directory on: symlinks to directories are followed, one at its end is not.
    pub(crate) fn find_from(&self, directory: NodeId, path: &[u8]) -> Option<NodeId> {
        self.walk(directory, path, false)
    }

    /// Follows a symlink to what it names in the end; anything else is itself.
    pub(crate) fn follow(&self, node: NodeId) -> Option<NodeId> {
        match self.link(node) {
            Some(_) => self.walk(self.tree().parent(node)?, self.tree().name(node), true),
            None => self.exists(node).then_some(node),
        }
    }

    /// Returns the text of a symlink.
    pub(crate) fn link(&self, node: NodeId) -> Option<&'a [u8]> {
        let entry = self.entry(node).filter(|entry| entry.kind == Kind::Symlink)?;
        Some(self.index.extra(entry).link)
    }

    fn walk(&self, start: NodeId, path: &[u8], follows_last: bool) -> Option<NodeId> {
        let mut waiting: Vec<Cow<'_, [u8]>> = vec![Cow::Borrowed(path)];
        let mut node = start;
        let mut links = 0;
        while let Some(text) = waiting.pop() {
            if text.starts_with(b"/") {
                node = NodeId::ROOT;
            }
            let (component, rest) = next_component(&text);
            let Some(component) = component else { continue };
            let is_last = rest.is_empty() && waiting.is_empty();
            let (component, rest) = (component.to_vec(), rest.to_vec());
            if !rest.is_empty() {
                waiting.push(Cow::Owned(rest));
            }
            match &component[..] {
                b"." => {}
                b".." => node = self.tree().parent(node).unwrap_or(NodeId::ROOT),
                name => {
                    let child = self.child(node, name)?;
                    match self.link(child).filter(|_| follows_last || !is_last) {
                        Some(target) => {
                            links += 1;
                            if links > MOST_LINKS {
                                return None;
                            }
                            waiting.push(Cow::Borrowed(target));
                        }
                        None => node = child,
                    }
                }
            }
        }
        self.exists(node).then_some(node)
    }

    /// Returns the content of a regular file, where it was kept or can be read by position.
    pub(crate) fn read(&self, node: NodeId) -> Option<Cow<'a, [u8]>> {
        self.read_copy(self.copy(node)?)
    }

    /// Returns the content of a copy, live or not, where it was kept or can be read by position.
    pub(crate) fn read_copy(&self, copy: EntryRef) -> Option<Cow<'a, [u8]>> {
        let kept = &self.kept.get(copy.layer().index())?.texts;
        if let Some(content) = kept.get(&copy.index) {
            return Some(Cow::Borrowed(content));
        }
        let size = self.index.entry(copy).size;
        if size == 0 {
            return Some(Cow::Borrowed(b""));
        }
        let bytes = (size <= MOST_READ_BYTES).then(|| self.read_at(copy, 0, usize::try_from(size).ok()?)).flatten();
        bytes.map(Cow::Owned)
    }

    /// Returns what the tables of the ELF file at a path say.
    pub(crate) fn elf(&self, node: NodeId) -> Option<Elf> {
        let copy = self.copy(node)?;
        if let Some(elf) = self.kept.get(copy.layer().index())?.elves.get(&copy.index) {
            return Some(elf.clone());
        }
        let size = self.index.entry(copy).size;
        elf::read(size, |offset, len| self.read_at(copy, offset, len))
    }

    /// Reads some bytes of a copy whose place in an uncompressed layer is known.
    fn read_at(&self, copy: EntryRef, offset: u64, len: usize) -> Option<Vec<u8>> {
        let entry = self.index.entry(copy);
        if entry.has(Entry::HASHED) || entry.has(Entry::SPARSE) {
            return None;
        }
        let plain = self.blobs.get(copy.layer().index())?.plain()?;
        let region = plain.slice(entry.id, entry.size);
        let mut bytes = vec![0; len];
        let mut filled = 0;
        while filled < len {
            match region.read_at(offset + filled as u64, &mut bytes[filled..]) {
                Ok(0) | Err(_) => return None,
                Ok(read) => filled += read,
            }
        }
        Some(bytes)
    }
}

/// Splits the first component off a path, without the slashes around it.
fn next_component(path: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let start = path.iter().position(|byte| *byte != b'/').unwrap_or(path.len());
    let path = &path[start..];
    if path.is_empty() {
        return (None, path);
    }
    let end = memchr::memchr(b'/', path).unwrap_or(path.len());
    let rest = &path[end..];
    let rest_start = rest.iter().position(|byte| *byte != b'/').unwrap_or(rest.len());
    (Some(&path[..end]), &rest[rest_start..])
}

/// Finds children by name without a walk over their siblings.
struct Names {
    nodes: HashMap<u64, NodeId>,
    hasher: FixedState,
}

impl Names {
    fn new(tree: &Tree) -> Self {
        let hasher = FixedState::default();
        let mut nodes = HashMap::with_capacity_and_hasher(tree.len(), foldhash::fast::RandomState::default());
        for at in 1..tree.len() {
            let node = NodeId::at(at);
            let parent = tree.parent(node).unwrap_or(NodeId::ROOT);
            let mut key = hasher.hash_one((parent, tree.name(node)));
            // Two names of one hash stand in a row.
            while nodes.contains_key(&key) {
                key = key.wrapping_add(1);
            }
            nodes.insert(key, node);
        }
        Names { nodes, hasher }
    }

    fn find(&self, tree: &Tree, parent: NodeId, name: &[u8]) -> Option<NodeId> {
        let mut key = self.hasher.hash_one((parent, name));
        loop {
            let node = *self.nodes.get(&key)?;
            if tree.parent(node) == Some(parent) && tree.name(node) == name {
                return Some(node);
            }
            key = key.wrapping_add(1);
        }
    }
}
