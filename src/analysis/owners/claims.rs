//! Owners while they are found: who is there, which paths are whose.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::asked::Steps;
use super::graph::Package;
use super::{Owner, OwnerId, OwnerKind, Owners, first_names};
use crate::analysis::rootfs::Rootfs;
use crate::layer::entry::{Content, EntryRef, LayerNumber, NodeId};

/// No owner yet.
const NOBODY: OwnerId = OwnerId::MAX;

/// No path of a file system is longer.
const MOST_PATH_BYTES: usize = 4096;

/// Ten times what the largest images have.
const MOST_OWNERS: usize = 1 << 16;

/// A name and a version.
pub(super) type Named = (String, String);

/// Owners while they are found.
pub(super) struct Claims<'a, 'b> {
    pub(super) rootfs: &'a Rootfs<'b>,
    /// How many layers are the base image's.
    pub(super) base_count: u32,
    /// What the steps of the history install.
    pub(super) steps: Steps,
    list: Vec<Owner>,
    packages: Vec<Package>,
    of: Vec<OwnerId>,
    /// Folders below which everything has an owner.
    full: HashSet<NodeId>,
    /// What could not be read, by what it is.
    pub(super) unread: BTreeMap<&'static str, u64>,
}

impl<'a, 'b> Claims<'a, 'b> {
    pub(super) fn new(rootfs: &'a Rootfs<'b>, base_count: u32, steps: Steps) -> Self {
        let of = vec![NOBODY; rootfs.tree().len()];
        let (list, packages) = (Vec::new(), Vec::new());
        Claims { rootfs, base_count, steps, list, packages, of, full: HashSet::new(), unread: BTreeMap::new() }
    }

    /// Adds an owner of which nothing is known but its name; none where there are too many, which is noted.
    pub(super) fn add(&mut self, kind: OwnerKind, name: &str, version: &str) -> Option<OwnerId> {
        if self.list.len() >= MOST_OWNERS {
            self.note_unread("the databases of more packages than any image has", 1);
            return None;
        }
        Some(self.push(kind, name, version))
    }

    fn push(&mut self, kind: OwnerKind, name: &str, version: &str) -> OwnerId {
        let id = u32::try_from(self.list.len()).unwrap_or(NOBODY);
        self.list.push(Owner::new(kind, name, version));
        self.packages.push(Package::default());
        id
    }

    pub(super) fn owner(&mut self, id: OwnerId) -> &mut Owner {
        &mut self.list[id as usize]
    }

    pub(super) fn package(&mut self, id: OwnerId) -> &mut Package {
        &mut self.packages[id as usize]
    }

    pub(super) fn is_owned(&self, node: NodeId) -> bool {
        self.of[node.index()] != NOBODY
    }

    /// Notes parts of files that could not be read.
    pub(super) fn note_unread(&mut self, what: &'static str, count: u32) {
        if count > 0 {
            *self.unread.entry(what).or_default() += u64::from(count);
        }
    }

    /// Gives a path to an owner, unless another one has it.
    pub(super) fn own(&mut self, node: NodeId, id: OwnerId) {
        let owner = &mut self.of[node.index()];
        if *owner == NOBODY {
            *owner = id;
        }
    }

    /// Returns the owner that a path has so far.
    pub(super) fn owner_of(&self, node: NodeId) -> Option<OwnerId> {
        Some(self.of[node.index()]).filter(|id| *id != NOBODY)
    }

    /// Gives paths of files to an owner. The paths of a folder stand together: it is looked for once.
    pub(super) fn own_paths<'p>(&mut self, paths: impl IntoIterator<Item = &'p [u8]>, id: OwnerId) {
        let rootfs = self.rootfs;
        let mut folder: (&[u8], Option<NodeId>) = (b"", Some(NodeId::ROOT));
        for path in paths {
            let end = memchr::memrchr(b'/', path);
            let (parent, leaf) = (&path[..end.unwrap_or(0)], &path[end.map_or(0, |end| end + 1)..]);
            if folder.0 != parent {
                folder = (parent, rootfs.resolve(parent).or_else(|| rootfs.find_removed(parent)));
            }
            // What a later layer removed counts too: that waste is the package's.
            let node = folder.1.and_then(|parent| rootfs.child(parent, leaf).or_else(|| rootfs.removed(parent, leaf)));
            if let Some(node) = node.filter(|node| !rootfs.is_directory(*node)) {
                self.own(node, id);
            }
        }
    }

    /// Gives a file, or everything below a directory, to an owner, but for what others have.
    ///
    /// No folder is walked twice, however many records name it.
    pub(super) fn own_tree(&mut self, top: NodeId, id: OwnerId) {
        let rootfs = self.rootfs;
        let mut waiting = vec![top];
        while let Some(node) = waiting.pop() {
            if !rootfs.is_directory(node) {
                self.own(node, id);
            } else if self.full.insert(node) {
                waiting.extend(rootfs.children(node));
            }
        }
    }

    /// Does as [`own_tree`](Self::own_tree), without the directories that `skips` names.
    pub(super) fn own_below(&mut self, top: NodeId, id: OwnerId, skips: &dyn Fn(&[u8]) -> bool) {
        let rootfs = self.rootfs;
        let mut waiting = vec![top];
        while let Some(folder) = waiting.pop() {
            for node in rootfs.children(folder) {
                if !rootfs.is_directory(node) {
                    self.own(node, id);
                } else if !skips(rootfs.tree().name(node)) {
                    waiting.push(node);
                }
            }
        }
    }

    /// Adds an owner for each package that paths below a folder name, and gives it those files and folders.
    ///
    /// `name` gets each path as seen from the folder, and whether it is a directory; it returns a name and a version.
    pub(super) fn own_by_path(&mut self, top: NodeId, kind: OwnerKind, name: &dyn Fn(&[u8], bool) -> Option<Named>) {
        let (rootfs, tree) = (self.rootfs, self.rootfs.tree());
        let mut known: HashMap<Named, OwnerId> = HashMap::new();
        let mut waiting = vec![(top, Vec::new())];
        while let Some((folder, path)) = waiting.pop() {
            for node in rootfs.children(folder) {
                let mut path: Vec<u8> = path.clone();
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(tree.name(node));
                let is_directory = rootfs.is_directory(node);
                let Some(named) = name(&path, is_directory) else {
                    if is_directory && path.len() <= MOST_PATH_BYTES {
                        waiting.push((node, path));
                    }
                    continue;
                };
                let Some(id) = self.known_or_new(&mut known, kind, named) else { return };
                if is_directory {
                    self.package(id).top = Some(node);
                    self.own_tree(node, id);
                } else {
                    self.own(node, id);
                }
                // Not every layer describes its directories: then a file tells.
                let layer = self.layer_of(node).or_else(|| rootfs.children(node).find_map(|one| self.layer_of(one)));
                let owner = self.owner(id);
                owner.layer = owner.layer.or(layer);
            }
        }
    }

    fn known_or_new(&mut self, known: &mut HashMap<Named, OwnerId>, kind: OwnerKind, named: Named) -> Option<OwnerId> {
        if let Some(id) = known.get(&named) {
            return Some(*id);
        }
        let id = self.add(kind, &named.0, &named.1)?;
        known.insert(named, id);
        Some(id)
    }

    /// Returns the folders of a name whose parents have a name that will do.
    pub(super) fn folders(&self, name: &[u8], is_parent: impl Fn(&[u8]) -> bool) -> Vec<NodeId> {
        let tree = self.rootfs.tree();
        self.all(|node| {
            tree.name(node) == name
                && tree.parent(node).is_some_and(|parent| is_parent(tree.name(parent)))
                && self.rootfs.is_directory(node)
        })
    }

    /// Returns all paths of the view that will do, in byte order.
    ///
    /// Their numbers say nothing: layers may be read at the same time, and the first package that names a file has it.
    pub(super) fn all(&self, fits: impl Fn(NodeId) -> bool) -> Vec<NodeId> {
        let tree = self.rootfs.tree();
        let nodes = (0..tree.len()).map(NodeId::at);
        let mut found: Vec<NodeId> = nodes.filter(|node| self.rootfs.exists(*node) && fits(*node)).collect();
        found.sort_by_cached_key(|node| tree.path(*node));
        found
    }

    /// Returns the layer of a file in a folder: folders are described again by every layer that touches them, or by none.
    pub(super) fn layer_of_child(&self, folder: NodeId, name: &[u8]) -> Option<LayerNumber> {
        self.rootfs.child(folder, name).and_then(|file| self.layer_of(file)).or_else(|| self.layer_of(folder))
    }

    /// Notes what a program's manifest asks for, what that pulls in, and what of it nothing but development needs.
    pub(super) fn ask_by_manifest(&mut self, asked: &[OwnerId], runtime: &[OwnerId]) {
        let (reached, kept) = (self.closure(asked), self.closure(runtime));
        for id in &reached {
            let asked_for = &mut self.list[*id as usize].asked_for;
            *asked_for = asked_for.or(Some(false));
            if !kept.contains(id) {
                "development".clone_into(&mut self.packages[*id as usize].section);
            }
        }
        for id in asked {
            self.list[*id as usize].asked_for = Some(true);
        }
    }

    fn closure(&self, roots: &[OwnerId]) -> HashSet<OwnerId> {
        let mut found = HashSet::new();
        let mut waiting = roots.to_vec();
        while let Some(id) = waiting.pop() {
            if found.insert(id) {
                waiting.extend(&self.packages[id as usize].needs);
            }
        }
        found
    }

    /// Returns the layer that installed what a path shows: a chown or a chmod that only stored it again does not count.
    pub(super) fn layer_of(&self, node: NodeId) -> Option<LayerNumber> {
        let index = self.rootfs.index;
        let mut at = self.rootfs.slot(node).get()?;
        while let Some(lower) = index.entry(at).lower.get().filter(|_| index.entry(at).content() == Content::Same) {
            at = lower;
        }
        Some(at.layer())
    }

    /// Gives compiled copies (`__pycache__`) to the owner of their sources.
    pub(super) fn follow_bytecode(&mut self) {
        let tree = self.rootfs.tree();
        for at in 0..tree.len() {
            let folder = NodeId::at(at);
            if tree.name(folder) != b"__pycache__" || !self.rootfs.is_directory(folder) {
                continue;
            }
            let Some(parent) = tree.parent(folder) else { continue };
            for node in self.rootfs.children(folder) {
                let name = tree.name(node);
                let stem = memchr::memchr(b'.', name).map_or(name, |end| &name[..end]);
                let source = self.rootfs.child(parent, &[stem, b".py"].concat());
                if let Some(owner) = source.map(|source| self.of[source.index()]).filter(|owner| *owner != NOBODY) {
                    self.own(node, owner);
                }
            }
        }
    }

    /// Ends: what is left belongs to nobody.
    pub(super) fn finish(mut self) -> (Owners, HashMap<EntryRef, NodeId>) {
        let nobody = self.push(OwnerKind::None, "", "");
        for owner in &mut self.of {
            if *owner == NOBODY {
                *owner = nobody;
            }
        }
        let names = first_names(self.rootfs);
        (Owners { list: self.list, of: self.of, packages: self.packages, ..Owners::default() }, names)
    }
}

impl Owner {
    pub(super) fn new(kind: OwnerKind, name: &str, version: &str) -> Self {
        Owner {
            kind,
            name: name.to_owned(),
            version: version.to_owned(),
            layer: None,
            asked_for: None,
            because: Vec::new(),
            is_recommended: false,
            live_bytes: 0,
            wasted_bytes: 0,
            exclusive_bytes: None,
        }
    }
}
