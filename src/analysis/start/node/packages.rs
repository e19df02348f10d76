//! Node packages: the lookup through `node_modules`, and what they depend on.

use super::{MOST_DEPENDENCIES, MOST_LEVELS};
use crate::analysis::start::reason::{How, Origin, Part};
use crate::analysis::start::walk::{Here, Walk};
use crate::analysis::start::{Language, text};
use crate::layer::entry::NodeId;
use serde_json::Value;

impl Walk<'_, '_> {
    pub(super) fn json(&self, node: NodeId) -> Option<Value> {
        serde_json::from_slice(&self.rootfs.read(node)?).ok()
    }

    /// Finds a file in a folder or the nearest one above it.
    pub(super) fn nearest(&self, folder: NodeId, name: &[u8]) -> Option<NodeId> {
        let mut above = Some(folder);
        for _ in 0..MOST_LEVELS {
            let folder = above?;
            if let Some(found) = self.rootfs.child(folder, name) {
                return Some(found);
            }
            above = self.rootfs.tree().parent(folder);
        }
        None
    }

    /// Finds a package by Node's lookup: in `node_modules` of the folder and of those above it, then by `NODE_PATH`.
    pub(super) fn find_package(&self, folder: NodeId, name: &[u8]) -> Option<NodeId> {
        let mut above = Some(folder);
        for _ in 0..MOST_LEVELS {
            let Some(folder) = above else { break };
            let modules = if self.rootfs.tree().name(folder) == b"node_modules" {
                Some(folder)
            } else {
                self.rootfs.child(folder, b"node_modules").and_then(|node| self.rootfs.follow(node))
            };
            if let Some(found) = modules.and_then(|modules| self.find_below(modules, name)) {
                return Some(found);
            }
            above = self.rootfs.tree().parent(folder);
        }
        let paths = self.environment.folders(self.rootfs, b"NODE_PATH");
        paths.into_iter().find_map(|folder| self.find_below(folder, name))
    }

    /// Reaches a package as a whole, and all that it depends on.
    pub(in crate::analysis::start) fn node_package(&mut self, package: NodeId, how: How, word: &[u8], origin: Origin) {
        let mut open = vec![(package, how, word.to_vec(), origin)];
        while let Some((shown, how, word, origin)) = open.pop() {
            let here = Here { origin, is_own: false, ..self.config_here(Part::Cmd) };
            let package = if self.rootfs.link(shown).is_some() {
                let Some(package) = self.reach_links(shown, how, &word, here) else { continue };
                package
            } else {
                shown
            };
            self.reach_tree(package, how, &word, here);
            if !self.node_packages.done.insert(package) {
                continue;
            }
            let here = Here { origin: Origin::Path(package), ..here };
            self.module_needs(&[b"npm:", &word[..]].concat(), false, here);
            let manifest = self.rootfs.child(package, b"package.json").and_then(|node| self.json(node));
            for name in manifest.iter().flat_map(|manifest| dependencies(manifest, true)) {
                if let Some(next) = self.find_package(package, name.as_bytes()) {
                    open.push((next, How::Depends, name.into_bytes(), Origin::Path(package)));
                }
            }
        }
    }

    /// Reaches the dependencies of the nearest manifest: a program that cannot be read needs any of them.
    pub(in crate::analysis::start) fn node_manifest_dependencies(&mut self, near: NodeId, here: Here) {
        let Some(manifest) = self
            .nearest(near, b"package.json")
            .or_else(|| self.rootfs.tree().parent(near).and_then(|folder| self.nearest(folder, b"package.json")))
        else {
            return;
        };
        let folder = self.rootfs.tree().parent(manifest).unwrap_or(NodeId::ROOT);
        let Some(document) = self.json(manifest) else { return };
        if !self.is_own(manifest) {
            return;
        }
        self.reach(manifest, How::Manifest, b"package.json", here);
        for name in dependencies(&document, false) {
            if let Some(package) = self.find_package(folder, name.as_bytes()) {
                self.node_package(package, How::Manifest, name.as_bytes(), Origin::Path(manifest));
            }
        }
    }

    /// Reaches the types that a compiler reads when TypeScript is run in place.
    pub(super) fn type_packages(&mut self, here: Here) {
        let settings = self.nearest(here.cwd, b"tsconfig.json");
        if let Some(settings) = settings {
            self.reach(settings, How::Runtime, b"tsconfig.json", here);
        }
        let text = settings.and_then(|node| self.rootfs.read(node)).unwrap_or_default();
        let text = text::without_comments(&text, Language::Node);
        let document: Value = serde_json::from_slice(&text).unwrap_or_default();
        let types = document.get("compilerOptions").and_then(|options| options.get("types")).and_then(Value::as_array);
        if let Some(list) = types {
            for name in list.iter().filter_map(Value::as_str) {
                let scoped = [b"@types/", name.as_bytes()].concat();
                let found =
                    self.find_package(here.cwd, &scoped).or_else(|| self.find_package(here.cwd, name.as_bytes()));
                if let Some(package) = found {
                    self.node_package(package, How::Manifest, name.as_bytes(), here.origin);
                }
            }
            return;
        }
        let Some(folder) = self.find_package(here.cwd, b"@types") else { return };
        for package in self.rootfs.children(folder).collect::<Vec<_>>() {
            let word = self.rootfs.tree().name(package).to_vec();
            self.node_package(package, How::Runtime, &word, here.origin);
        }
    }
}

/// Returns the names that a manifest depends on at run time.
fn dependencies(manifest: &Value, with_peers: bool) -> Vec<String> {
    let fields = ["dependencies", "optionalDependencies", "peerDependencies"];
    let fields = &fields[..if with_peers { 3 } else { 2 }];
    let objects = fields.iter().filter_map(|field| manifest.get(*field).and_then(Value::as_object));
    objects.flat_map(|object| object.keys().cloned()).take(MOST_DEPENDENCIES).collect()
}
