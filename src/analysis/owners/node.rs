//! Node modules: each folder of `node_modules` that has a `package.json` with a name and a version.

use foldhash::{HashMap, HashMapExt};

use super::claims::Claims;
use super::{OwnerId, OwnerKind};
use crate::layer::entry::NodeId;
use crate::packages::node::{self, Manifest};

/// Finds the modules and their files.
pub(super) fn find(claims: &mut Claims<'_, '_>) {
    let (rootfs, tree) = (claims.rootfs, claims.rootfs.tree());
    let mut found: Vec<(OwnerId, NodeId, Manifest)> = Vec::new();
    let mut by_top: HashMap<NodeId, OwnerId> = HashMap::new();
    for at in 0..tree.len() {
        let folder = NodeId::at(at);
        if tree.name(folder) != b"node_modules" || !rootfs.is_directory(folder) {
            continue;
        }
        for top in modules(claims, folder) {
            let Some((name, version, manifest)) = manifest(claims, top) else { continue };
            // A system's package that brings a module owns it as a whole.
            if rootfs.child(top, b"package.json").is_some_and(|file| claims.is_owned(file)) {
                continue;
            }
            let id = claims.add(OwnerKind::Node, &name, &version);
            claims.owner(id).layer =
                claims.layer_of(top).or_else(|| claims.layer_of(rootfs.child(top, b"package.json")?));
            claims.package(id).top = Some(top);
            claims.own_below(top, id, &|name| name == b"node_modules");
            by_top.insert(top, id);
            found.push((id, top, manifest));
        }
        own_hidden(claims, folder);
    }
    for (id, top, manifest) in &found {
        let ranges = [&manifest.dependencies, &manifest.optional_dependencies, &manifest.peer_dependencies];
        let names = ranges.into_iter().flat_map(|range| range.iter().map(|(name, _)| name.as_bytes()));
        let needs = names.filter_map(|name| resolve(claims, *top, name)).filter_map(|top| by_top.get(&top).copied());
        let needs: Vec<OwnerId> = needs.filter(|need| need != id).collect();
        claims.package(*id).needs = needs;
    }
    ask(claims, &by_top, &found);
}

/// Returns the folders of modules in a `node_modules`, those of scopes included.
fn modules(claims: &Claims<'_, '_>, folder: NodeId) -> Vec<NodeId> {
    let (rootfs, tree) = (claims.rootfs, claims.rootfs.tree());
    let mut tops = Vec::new();
    for child in rootfs.children(folder).filter(|child| rootfs.is_directory(*child)) {
        match tree.name(child).first() {
            Some(b'@') => tops.extend(rootfs.children(child).filter(|inner| rootfs.is_directory(*inner))),
            Some(b'.') | None => {}
            Some(_) => tops.push(child),
        }
    }
    tops
}

fn manifest(claims: &mut Claims<'_, '_>, top: NodeId) -> Option<(String, String, Manifest)> {
    let rootfs = claims.rootfs;
    let file = rootfs.child(top, b"package.json")?;
    let Some(content) = rootfs.read(file) else {
        claims.note_unread("the manifests of node modules", 1);
        return None;
    };
    let manifest = node::manifest(&content).content;
    Some((manifest.name.clone()?, manifest.version.clone()?, manifest))
}

/// The links of `.bin` and the installer's notes belong to nobody in particular.
fn own_hidden(_: &mut Claims<'_, '_>, _: NodeId) {}

/// Finds the module that `require(name)` means from a folder: the nearest `node_modules` upward that has it.
fn resolve(claims: &Claims<'_, '_>, from: NodeId, name: &[u8]) -> Option<NodeId> {
    let (rootfs, tree) = (claims.rootfs, claims.rootfs.tree());
    let mut folder = Some(from);
    while let Some(here) = folder {
        if tree.name(here) != b"node_modules" {
            let found = rootfs.child(here, b"node_modules").and_then(|modules| rootfs.resolve_from(modules, name));
            if found.is_some() {
                return found;
            }
        }
        folder = tree.parent(here);
    }
    None
}

/// What the manifests of the user's programs name was asked for.
fn ask(claims: &mut Claims<'_, '_>, by_top: &HashMap<NodeId, OwnerId>, found: &[(OwnerId, NodeId, Manifest)]) {
    let (rootfs, tree) = (claims.rootfs, claims.rootfs.tree());
    let mut programs: Vec<NodeId> = Vec::new();
    for (id, top, _) in found {
        let mut above = tree.parent(*top);
        while let Some(folder) = above.filter(|folder| tree.name(*folder) != b"node_modules") {
            above = tree.parent(folder);
        }
        let program = above.and_then(|modules| tree.parent(modules));
        // Inside of another module nothing is asked for by people.
        let is_inside = program.is_some_and(|program| by_top.contains_key(&program));
        claims.owner(*id).asked_for = Some(false);
        if let Some(program) = program.filter(|program| !is_inside && !programs.contains(program)) {
            programs.push(program);
        }
    }
    for program in programs {
        let content = rootfs.child(program, b"package.json").and_then(|file| rootfs.read(file));
        let manifest = content.map(|content| node::manifest(&content).content).unwrap_or_default();
        let ranges = [&manifest.dependencies, &manifest.dev_dependencies, &manifest.optional_dependencies];
        for (name, _) in ranges.into_iter().flatten() {
            if let Some(id) = resolve(claims, program, name.as_bytes()).and_then(|top| by_top.get(&top)) {
                claims.owner(*id).asked_for = Some(true);
            }
        }
    }
}
