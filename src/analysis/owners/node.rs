//! Node modules: each folder of `node_modules` that has a `package.json` with a name and a version.

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::claims::Claims;
use super::{OwnerId, OwnerKind};
use crate::layer::entry::NodeId;
use crate::packages::node::{self, Manifest};

/// Finds the modules and their files.
pub(super) fn find(claims: &mut Claims<'_, '_>) {
    let (rootfs, tree) = (claims.rootfs, claims.rootfs.tree());
    let mut found: Vec<(OwnerId, NodeId, Manifest)> = Vec::new();
    let mut by_top: HashMap<NodeId, OwnerId> = HashMap::new();
    for folder in claims.all(|node| tree.name(node) == b"node_modules" && rootfs.is_directory(node)) {
        for top in modules(claims, folder) {
            let Some((name, version, manifest)) = manifest(claims, top) else { continue };
            // A system's package that brings a module owns it as a whole.
            if rootfs.child(top, b"package.json").is_some_and(|file| claims.is_owned(file)) {
                continue;
            }
            let Some(id) = claims.add(OwnerKind::Node, &name, &version) else { break };
            claims.owner(id).layer = claims.layer_of_child(top, b"package.json");
            claims.package(id).top = Some(top);
            claims.own_below(top, id, &|name| name == b"node_modules");
            by_top.insert(top, id);
            found.push((id, top, manifest));
        }
    }
    for (id, top, manifest) in &found {
        let ranges = [&manifest.dependencies, &manifest.optional_dependencies, &manifest.peer_dependencies];
        let names = ranges.into_iter().flat_map(|range| range.iter().map(|(name, _)| name.as_bytes()));
        let needs = names.filter_map(|name| resolve(claims, *top, name)).filter_map(|top| by_top.get(&top).copied());
        let needs: Vec<OwnerId> = needs.filter(|need| need != id).collect();
        claims.package(*id).needs = needs;
    }
    ask(claims, &by_top, &found);
    archives(claims);
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
    let rootfs = claims.rootfs;
    let mut programs: HashSet<NodeId> = HashSet::new();
    for (id, top, _) in found {
        claims.owner(*id).asked_for = Some(false);
        // Inside of another module nothing is asked for by people.
        programs.extend(program(claims, *top).filter(|program| !by_top.contains_key(program)));
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

/// Returns the folder whose `node_modules` a module is in. pnpm keeps it in `node_modules/.pnpm/NAME@VERSION/node_modules`.
fn program(claims: &Claims<'_, '_>, top: NodeId) -> Option<NodeId> {
    let tree = claims.rootfs.tree();
    let mut above = std::iter::successors(tree.parent(top), |folder| tree.parent(*folder));
    let modules = above.find(|folder| tree.name(*folder) == b"node_modules")?;
    let program = tree.parent(modules)?;
    let store = tree.parent(program).filter(|store| tree.name(*store) == b".pnpm");
    match store.and_then(|store| tree.parent(store)).filter(|modules| tree.name(*modules) == b"node_modules") {
        Some(modules) => tree.parent(modules),
        None => Some(program),
    }
}

/// Packages that Yarn left in their archives: `.yarn/cache/NAME-npm-VERSION-HASH.zip`.
fn archives(claims: &mut Claims<'_, '_>) {
    let (rootfs, tree) = (claims.rootfs, claims.rootfs.tree());
    for cache in claims.folders(b"cache", |parent| parent == b".yarn") {
        for node in rootfs.children(cache).filter(|node| rootfs.copy(*node).is_some()).collect::<Vec<_>>() {
            let named = std::str::from_utf8(tree.name(node)).ok().and_then(archive);
            let Some((name, version)) = named.filter(|_| !claims.is_owned(node)) else { continue };
            let Some(id) = claims.add(OwnerKind::Node, &name, &version) else { break };
            claims.owner(id).layer = claims.layer_of(node);
            claims.own(node, id);
        }
    }
}

/// Reads the name of an archive; `@scope/name` is written `@scope-name`.
fn archive(file: &str) -> Option<(String, String)> {
    let (name, rest) = file.strip_suffix(".zip")?.split_once("-npm-")?;
    let version = rest.split('-').next().filter(|version| !version.is_empty())?;
    let hash = rest.rfind('-')?;
    // A prerelease has dashes of its own, and the hash is the last part or the last two.
    let end = rest[..hash].rfind('-').filter(|at| *at >= version.len() && rest[at + 1..hash].len() == 10);
    let version = &rest[..end.unwrap_or(hash)];
    let name = if name.starts_with('@') { name.replacen('-', "/", 1) } else { name.to_owned() };
    Some((name, version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_of_yarn_name_packages() {
        let cases = [
            ("lodash-npm-4.17.21-6382451519-eb835a2e51.zip", "lodash", "4.17.21"),
            ("@babel-core-npm-7.23.6-2b5b5a9a8d-4bddd1b80394.zip", "@babel/core", "7.23.6"),
            ("x-npm-1.0.0-beta.2-6382451519-8.zip", "x", "1.0.0-beta.2"),
            ("x-npm-1.0.0-6382451519.zip", "x", "1.0.0"),
        ];
        for (file, name, version) in cases {
            assert_eq!(archive(file), Some((name.to_owned(), version.to_owned())), "{file}");
        }
        assert_eq!([archive("x.zip"), archive("x-npm-.zip"), archive("x-npm-1.0.0.tgz")], [None, None, None]);
    }
}
