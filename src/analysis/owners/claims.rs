//! Owners while they are found: who is there, which paths are whose.

use std::collections::BTreeMap;

use foldhash::HashMap;

use super::graph::Package;
use super::{Owner, OwnerId, OwnerKind, Owners, first_names};
use crate::analysis::rootfs::Rootfs;
use crate::layer::entry::{EntryRef, LayerNumber, NodeId};

/// No owner yet.
const NOBODY: OwnerId = OwnerId::MAX;

/// Owners while they are found.
pub(super) struct Claims<'a, 'b> {
    pub(super) rootfs: &'a Rootfs<'b>,
    /// How many layers are the base image's.
    pub(super) base_count: u32,
    list: Vec<Owner>,
    packages: Vec<Package>,
    of: Vec<OwnerId>,
    /// What could not be read, by what it is.
    pub(super) unread: BTreeMap<&'static str, u64>,
}

impl<'a, 'b> Claims<'a, 'b> {
    pub(super) fn new(rootfs: &'a Rootfs<'b>, base_count: u32) -> Self {
        let of = vec![NOBODY; rootfs.tree().len()];
        Claims { rootfs, base_count, list: Vec::new(), packages: Vec::new(), of, unread: BTreeMap::new() }
    }

    /// Adds an owner of which nothing is known but its name.
    pub(super) fn add(&mut self, kind: OwnerKind, name: &str, version: &str) -> OwnerId {
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

    /// Gives everything below a directory to an owner, but for what others have, and for the directories that `skips` names.
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

    /// Returns the layer that stores what a path shows.
    pub(super) fn layer_of(&self, node: NodeId) -> Option<LayerNumber> {
        self.rootfs.slot(node).get().map(EntryRef::layer)
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
        let nobody = self.add(OwnerKind::None, "", "");
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
