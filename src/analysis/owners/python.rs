//! Python distributions: `*.dist-info` and `*.egg-info` beside the modules they describe.

use foldhash::{HashMap, HashMapExt};

use super::claims::Claims;
use super::{OwnerId, OwnerKind};
use crate::layer::entry::NodeId;
use crate::packages::python::{self, Metadata};

/// What describes a distribution, in its folder.
const METADATA: [&[u8]; 2] = [b"METADATA", b"PKG-INFO"];
const WHAT: &str = "the records of Python distributions";

/// Finds the distributions and their files.
pub(super) fn find(claims: &mut Claims<'_, '_>) {
    let tree = claims.rootfs.tree();
    let mut known: HashMap<(NodeId, String), OwnerId> = HashMap::new();
    let mut found: Vec<(OwnerId, NodeId, Metadata)> = Vec::new();
    let is_one = |name: &[u8]| name.ends_with(b".dist-info") || name.ends_with(b".egg-info");
    for folder in claims.all(|node| is_one(tree.name(node))) {
        let Some(site) = tree.parent(folder) else { continue };
        let Some(metadata) = metadata(claims, folder) else { continue };
        let Some(id) = claims.add(OwnerKind::Python, &metadata.name, &metadata.version) else { break };
        claims.owner(id).layer = METADATA.iter().find_map(|name| claims.layer_of_child(folder, name));
        claims.owner(id).asked_for = asked_for(claims, folder);
        claims.package(id).top = Some(folder);
        own_files(claims, site, folder, id);
        known.entry((site, python::normalize_name(&metadata.name))).or_insert(id);
        found.push((id, site, metadata));
    }
    for (id, site, metadata) in &found {
        let required = metadata.requires.iter().filter(|one| !one.is_optional);
        let needs = required.filter_map(|one| known.get(&(*site, python::normalize_name(&one.name))));
        claims.package(*id).needs = needs.copied().filter(|need| need != id).collect();
    }
}

fn metadata(claims: &mut Claims<'_, '_>, folder: NodeId) -> Option<Metadata> {
    let rootfs = claims.rootfs;
    let file =
        if rootfs.is_directory(folder) { METADATA.iter().find_map(|name| rootfs.child(folder, name))? } else { folder };
    let Some(content) = rootfs.read(file) else {
        claims.note_unread(WHAT, 1);
        return None;
    };
    let parsed = python::metadata(&content);
    claims.note_unread(WHAT, parsed.skipped);
    (!parsed.content.name.is_empty()).then_some(parsed.content)
}

/// pip notes what was asked for since it writes `INSTALLER`.
fn asked_for(claims: &Claims<'_, '_>, folder: NodeId) -> Option<bool> {
    let rootfs = claims.rootfs;
    let installer = rootfs.child(folder, b"INSTALLER").and_then(|node| rootfs.read(node))?;
    (installer.trim_ascii() == b"pip").then(|| rootfs.child(folder, b"REQUESTED").is_some())
}

fn own_files(claims: &mut Claims<'_, '_>, site: NodeId, folder: NodeId, id: OwnerId) {
    let rootfs = claims.rootfs;
    let list = |name: &[u8]| rootfs.child(folder, name).and_then(|node| rootfs.read(node));
    let (paths, start) = if let Some(content) = list(b"RECORD") {
        (python::record(&content), site)
    } else if let Some(content) = list(b"installed-files.txt") {
        (python::installed_files(&content), folder)
    } else {
        claims.own_tree(folder, id);
        return own_modules(claims, site, folder, id);
    };
    claims.note_unread(WHAT, paths.skipped);
    for path in &paths.content {
        if let Some(node) = rootfs.find_from(start, path).filter(|node| !rootfs.is_directory(*node)) {
            claims.own(node, id);
        }
    }
    claims.own_tree(folder, id);
}

/// Without a list of files the modules' names have to do.
fn own_modules(claims: &mut Claims<'_, '_>, site: NodeId, folder: NodeId, id: OwnerId) {
    let rootfs = claims.rootfs;
    let Some(content) = rootfs.child(folder, b"top_level.txt").and_then(|node| rootfs.read(node)) else { return };
    for module in python::top_level(&content).content {
        if let Some(top) = rootfs.child(site, module.as_bytes()).filter(|top| rootfs.is_directory(*top)) {
            claims.own_tree(top, id);
        }
        if let Some(file) = rootfs.child(site, format!("{module}.py").as_bytes()) {
            claims.own(file, id);
        }
    }
}
