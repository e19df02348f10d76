//! src/model.md section 2: what the layers show together, and which copy each file of it is.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::layer::{Kind, LayerSpec, Member, Metadata};

use super::names::{Meaning, Path, is_below, meaning, parse};

/// Number of a copy in [`Copies`].
pub type CopyId = usize;

/// The bytes of one regular-file entry of one layer.
#[derive(Debug)]
pub struct StoredCopy {
    /// The path of the file's own entry.
    pub path: Path,
    pub content: Vec<u8>,
    pub stored_in: usize,
}

impl StoredCopy {
    pub fn bytes(&self) -> u64 {
        self.content.len() as u64
    }
}

/// All copies of the image, in the order in which they are stored.
#[derive(Debug, Default)]
pub struct Copies(Vec<StoredCopy>);

impl Copies {
    pub fn iter(&self) -> impl Iterator<Item = (CopyId, &StoredCopy)> {
        self.0.iter().enumerate()
    }

    pub fn stored_in(&self, layer: usize) -> impl Iterator<Item = &StoredCopy> {
        self.0.iter().filter(move |copy| copy.stored_in == layer)
    }

    pub fn content(&self, id: CopyId) -> &[u8] {
        &self.0[id].content
    }

    pub fn bytes(&self, id: CopyId) -> u64 {
        self.0[id].bytes()
    }

    fn add(&mut self, copy: StoredCopy) -> CopyId {
        self.0.push(copy);
        self.0.len() - 1
    }
}

/// The kind of thing that a name shows; for a hard link, that of the inode it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    Directory,
    File(CopyId),
    Symlink(Vec<u8>),
    CharDevice {
        major: u32,
        minor: u32,
    },
    BlockDevice {
        major: u32,
        minor: u32,
    },
    Fifo,
    /// A hard link that leads nowhere: an entry without a copy.
    DanglingLink,
}

/// What a merged view has at one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub thing: Thing,
    /// `None` for an implied directory: no layer says what it is like.
    pub metadata: Option<Metadata>,
}

impl Shown {
    pub fn is_directory(&self) -> bool {
        self.thing == Thing::Directory
    }

    fn implied_directory() -> Self {
        Self { thing: Thing::Directory, metadata: None }
    }
}

/// What the layers up to some number show together. The root is always there and not in the map.
#[derive(Clone, Debug, Default)]
pub struct MergedView {
    pub names: BTreeMap<Path, Shown>,
}

impl MergedView {
    pub fn get(&self, path: &Path) -> Option<&Shown> {
        self.names.get(path)
    }

    /// Whether the path is a directory of this view; the root always is.
    pub fn has_directory(&self, path: &Path) -> bool {
        path.is_empty() || self.get(path).is_some_and(Shown::is_directory)
    }

    pub fn shows_copy(&self, id: CopyId) -> bool {
        self.names_of(id).next().is_some()
    }

    /// All names of a copy.
    pub fn names_of(&self, id: CopyId) -> impl Iterator<Item = &Path> {
        self.names.iter().filter(move |(_, shown)| shown.thing == Thing::File(id)).map(|(path, _)| path)
    }

    /// The distinct copies at or below a path.
    pub fn copies_at_or_below(&self, path: &Path) -> BTreeSet<CopyId> {
        let inside = self.names.iter().filter(|(name, _)| name.starts_with(path));
        inside.filter_map(|(_, shown)| if let Thing::File(copy) = shown.thing { Some(copy) } else { None }).collect()
    }

    fn remove_below(&mut self, directory: &Path) {
        self.names.retain(|path, _| !is_below(path, directory));
    }

    fn remove_tree(&mut self, path: &Path) {
        self.names.remove(path);
        self.remove_below(path);
    }

    /// Puts an entry at its path. Parents that are missing, or are no directories, become implied directories.
    fn place(&mut self, path: &Path, shown: Shown) {
        for depth in 1..path.len() {
            let parent = path[..depth].to_vec();
            if !self.has_directory(&parent) {
                self.names.insert(parent, Shown::implied_directory());
            }
        }
        if !shown.is_directory() {
            self.remove_below(path);
        }
        self.names.insert(path.clone(), shown);
    }
}

/// The layers of an image with all their merged views.
#[derive(Debug, Default)]
pub struct Stack {
    pub copies: Copies,
    /// `views[n]` is what layers 1…n show together; `views[0]` is empty.
    views: Vec<MergedView>,
    /// `stored[n - 1]`: the paths at which an entry of layer n is in effect once the whole layer is applied, with the
    /// copy of that entry if it is a regular file.
    stored: Vec<BTreeMap<Path, Option<CopyId>>>,
}

impl Stack {
    pub fn new(layers: &[LayerSpec]) -> Self {
        let mut stack = Self { views: vec![MergedView::default()], ..Self::default() };
        for layer in layers {
            stack.push(layer);
        }
        stack
    }

    /// What layers 1…`number` show together.
    pub fn view(&self, number: usize) -> &MergedView {
        &self.views[number]
    }

    pub fn top(&self) -> &MergedView {
        self.view(self.layer_count())
    }

    pub fn layer_count(&self) -> usize {
        self.views.len() - 1
    }

    /// Whether layer `number` stores an entry at this path that nothing later in its tar replaces.
    pub fn stores(&self, number: usize, path: &Path) -> bool {
        self.stored[number - 1].contains_key(path)
    }

    /// The copy that this entry is, if it is a regular file.
    pub fn stored_copy(&self, number: usize, path: &Path) -> Option<CopyId> {
        self.stored[number - 1].get(path).copied().flatten()
    }

    /// Applies a layer: first every marker on the lower view, wherever it stands, then the entries in tar order.
    fn push(&mut self, spec: &LayerSpec) {
        let lower = self.top().clone();
        let entries = entries_of(spec, self.layer_count() + 1, &mut self.copies);
        let mut view = lower.clone();
        for member in spec.members() {
            match meaning(&member.name) {
                Meaning::Whiteout(path) => view.remove_tree(&path),
                Meaning::Opaque(directory) => view.remove_below(&directory),
                Meaning::Entry(_) | Meaning::Nothing => {}
            }
        }
        for (index, entry) in entries.iter().enumerate() {
            view.place(&entry.path, shown_by(&entries, index, &lower));
        }
        let stored = in_effect(&entries).into_iter().map(|(path, index)| (path, entries[index].copy));
        self.stored.push(stored.collect());
        self.views.push(view);
    }
}

/// One entry of a layer that is being applied.
struct Entry {
    path: Path,
    member: Member,
    /// The entry's own copy, if it is a regular file.
    copy: Option<CopyId>,
}

impl Entry {
    fn is_directory(&self) -> bool {
        self.member.kind == Kind::Directory
    }
}

/// The entries of a layer in tar order; every regular file among them is a new copy. The root is no entry of interest.
fn entries_of(spec: &LayerSpec, number: usize, copies: &mut Copies) -> Vec<Entry> {
    let mut entries = Vec::new();
    for member in spec.members() {
        let Meaning::Entry(path) = meaning(&member.name) else { continue };
        if path.is_empty() {
            continue;
        }
        let copy = match &member.kind {
            Kind::File(content) => {
                Some(copies.add(StoredCopy { path: path.clone(), content: content.clone(), stored_in: number }))
            }
            _ => None,
        };
        entries.push(Entry { path, member: member.clone(), copy });
    }
    entries
}

/// Which of these entries, read in order, are in effect at the end: the last one of each path, unless a later entry
/// above it is no directory, or a later entry below it makes an implied directory of it.
fn in_effect(entries: &[Entry]) -> BTreeMap<Path, usize> {
    let mut own: BTreeMap<Path, usize> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        own.retain(|path, &mut holder| entries[holder].is_directory() || !is_below(&entry.path, path));
        if !entry.is_directory() {
            own.retain(|path, _| !is_below(path, &entry.path));
        }
        own.insert(entry.path.clone(), index);
    }
    own
}

/// What an entry shows at its path.
fn shown_by(entries: &[Entry], index: usize, lower: &MergedView) -> Shown {
    let entry = &entries[index];
    // A link that leads nowhere has no inode to take anything from: it is shown with its own metadata.
    inode_of(entries, index, lower)
        .unwrap_or_else(|| Shown { thing: Thing::DanglingLink, metadata: Some(entry.member.metadata.clone()) })
}

/// The inode of an entry; `None` for a hard link that leads nowhere, or to a directory.
fn inode_of(entries: &[Entry], index: usize, lower: &MergedView) -> Option<Shown> {
    let entry = &entries[index];
    let thing = match &entry.member.kind {
        Kind::HardLink(target) => return linked_inode(&entries[..index], target, lower),
        Kind::File(_) => Thing::File(entry.copy?),
        Kind::Directory => Thing::Directory,
        Kind::Symlink(target) => Thing::Symlink(target.clone()),
        &Kind::CharDevice { major, minor } => Thing::CharDevice { major, minor },
        &Kind::BlockDevice { major, minor } => Thing::BlockDevice { major, minor },
        Kind::Fifo => Thing::Fifo,
    };
    Some(Shown { thing, metadata: Some(entry.member.metadata.clone()) })
}

/// Follows a hard link: to the last of the entries `before` it in its own layer's tar that stands at the target, else to
/// what the lower view shows, before any marker of this layer. An entry of the layer counts even where the tar has
/// replaced it from above or below in the meantime; one that only comes later does not.
fn linked_inode(before: &[Entry], target: &[u8], lower: &MergedView) -> Option<Shown> {
    let target = parse(target)?;
    let inode = match before.iter().rposition(|own| own.path == target) {
        Some(own) => inode_of(before, own, lower)?,
        None => lower.get(&target)?.clone(),
    };
    // Neither a directory nor a lower link that leads nowhere is an inode to link to.
    (!matches!(inode.thing, Thing::Directory | Thing::DanglingLink)).then_some(inode)
}
