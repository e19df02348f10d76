//! PHP packages, by Composer's `vendor/composer/installed.json`.

use foldhash::{HashMap, HashMapExt};

use super::claims::Claims;
use super::{OwnerId, OwnerKind};
use crate::layer::entry::NodeId;
use crate::packages::composer::{self, Package};

const WHAT: &str = "the records of Composer";

/// Finds the packages and their files.
pub(super) fn find(claims: &mut Claims<'_, '_>) {
    let (rootfs, tree) = (claims.rootfs, claims.rootfs.tree());
    let is_one = |node| tree.name(node) == b"installed.json" && rootfs.copy(node).is_some();
    for file in claims.all(|node| is_one(node) && !claims.is_owned(node)) {
        let folder = tree.parent(file).filter(|folder| tree.name(*folder) == b"composer");
        if let Some((folder, vendor)) = folder.and_then(|folder| Some((folder, tree.parent(folder)?))) {
            program(claims, file, folder, vendor);
        }
    }
}

/// Finds the packages of one program.
fn program(claims: &mut Claims<'_, '_>, file: NodeId, folder: NodeId, vendor: NodeId) {
    let (rootfs, tree) = (claims.rootfs, claims.rootfs.tree());
    let Some(content) = rootfs.read(file) else { return claims.note_unread(WHAT, 1) };
    let parsed = composer::installed(&content);
    claims.note_unread(WHAT, parsed.skipped);
    let project = tree.parent(vendor).unwrap_or(NodeId::ROOT);
    let mut known: Vec<(OwnerId, Package)> = Vec::new();
    let mut tops: Vec<(NodeId, OwnerId)> = Vec::new();
    for package in parsed.content.packages {
        let Some(id) = claims.add(OwnerKind::Composer, &package.name, &package.version) else { break };
        let path = package.install_path.clone().unwrap_or_else(|| format!("../{}", package.name));
        let top = rootfs.find_from(folder, path.as_bytes());
        if let Some(top) = top.filter(|top| is_inside(claims, *top, project) && !is_inside(claims, file, *top)) {
            tops.push((top, id));
            claims.owner(id).layer = claims.layer_of_child(top, b"composer.json");
            claims.package(id).top = Some(top);
        }
        known.push((id, package));
    }
    // One in another's folder comes first: children have the higher numbers.
    tops.sort_unstable_by_key(|(top, _)| std::cmp::Reverse(*top));
    for (top, id) in tops {
        claims.own_tree(top, id);
    }
    relate(claims, project, &known);
}

/// Says whether a path lies below a folder: no record reaches beyond its program.
fn is_inside(claims: &Claims<'_, '_>, node: NodeId, folder: NodeId) -> bool {
    let tree = claims.rootfs.tree();
    std::iter::successors(tree.parent(node), |node| tree.parent(*node)).any(|above| above == folder)
}

fn relate(claims: &mut Claims<'_, '_>, project: NodeId, known: &[(OwnerId, Package)]) {
    let rootfs = claims.rootfs;
    let mut by_name: HashMap<&str, OwnerId> = HashMap::new();
    for (id, package) in known {
        by_name.insert(&package.name, *id);
    }
    for (id, package) in known {
        for (name, _) in package.provide.iter().chain(&package.replace) {
            by_name.entry(name).or_insert(*id);
        }
    }
    for (id, package) in known {
        let needs = package.require.iter().filter_map(|(name, _)| by_name.get(name.as_str())).copied();
        claims.package(*id).needs = needs.filter(|need| need != id).collect();
        if package.is_dev {
            "development".clone_into(&mut claims.package(*id).section);
        }
    }
    let content = rootfs.child(project, b"composer.json").and_then(|file| rootfs.read(file));
    let Some(manifest) = content.map(|content| composer::manifest(&content).content) else { return };
    let find = |list: &composer::Ranges| -> Vec<OwnerId> {
        list.iter().filter_map(|(name, _)| by_name.get(name.as_str())).copied().collect()
    };
    let runtime = find(&manifest.require);
    let asked: Vec<OwnerId> = runtime.iter().copied().chain(find(&manifest.require_dev)).collect();
    claims.ask_by_manifest(&asked, &runtime);
}
