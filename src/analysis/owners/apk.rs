//! Alpine packages.

use foldhash::{HashMap, HashMapExt, HashSet};

use super::claims::Claims;
use super::{OwnerId, OwnerKind, versions_of};
use crate::layer::entry::LayerNumber;
use crate::packages::apk::{self, Dependency, Package};

/// Where the database is: the newer place second.
const PLACES: [&[u8]; 2] = [b"lib/apk/db/installed", b"usr/lib/apk/db/installed"];
const WHAT: &str = "the database of apk";

/// Finds the packages and their files.
pub(super) fn find(claims: &mut Claims<'_, '_>) {
    let rootfs = claims.rootfs;
    let Some((place, node)) = PLACES.iter().find_map(|place| Some((*place, rootfs.find(place)?))) else { return };
    let Some(content) = rootfs.read(node) else { return claims.note_unread(WHAT, 1) };
    let parsed = apk::installed(&content);
    claims.note_unread(WHAT, parsed.skipped);
    let known: Vec<(OwnerId, Package)> = parsed
        .content
        .into_iter()
        .map(|package| (claims.add(OwnerKind::Apk, &package.name, &package.version), package))
        .collect();
    relate(claims, &known);
    date(claims, place, &known);
    for (id, package) in &known {
        for path in &package.files {
            if let Some(node) = rootfs.find(path).filter(|node| !rootfs.is_directory(*node)) {
                claims.own(node, *id);
            }
        }
    }
}

fn relate(claims: &mut Claims<'_, '_>, known: &[(OwnerId, Package)]) {
    let rootfs = claims.rootfs;
    let world = rootfs.find(b"etc/apk/world").and_then(|node| rootfs.read(node));
    let world: Option<HashSet<String>> = world.map(|content| {
        apk::world(&content).content.into_iter().filter(|one| !one.is_conflict).map(|one| one.name).collect()
    });
    let mut names: HashMap<&str, Vec<OwnerId>> = HashMap::new();
    for (id, package) in known {
        names.entry(&package.name).or_default().push(*id);
    }
    // A package's own name goes before what others provide.
    for (id, package) in known {
        for provided in &package.provides {
            let providers = names.entry(&provided.name).or_default();
            if !providers.contains(id) {
                providers.push(*id);
            }
        }
    }
    let find = |one: &Dependency| names.get(one.name.as_str()).and_then(|ids| ids.first()).copied();
    for (id, package) in known {
        let needs = package.depends.iter().filter(|one| !one.is_conflict).filter_map(find).filter(|need| need != id);
        claims.package(*id).needs = needs.collect();
        // What is installed because others are there (`install_if`) comes with the first of them, as a recommendation.
        if let Some(host) = package.install_if.iter().find_map(find) {
            claims.package(host).recommends.push(*id);
        }
        let provides = || package.provides.iter().map(|one| one.name.as_str());
        claims.owner(*id).asked_for = world.as_ref().map(|world| {
            world.contains(&package.name) || provides().any(|name| world.contains(name) && find_is(&names, name, *id))
        });
    }
}

fn find_is(names: &HashMap<&str, Vec<OwnerId>>, name: &str, id: OwnerId) -> bool {
    names.get(name).and_then(|ids| ids.first()) == Some(&id)
}

fn date(claims: &mut Claims<'_, '_>, place: &[u8], known: &[(OwnerId, Package)]) {
    let states: Vec<(LayerNumber, HashMap<String, String>)> = versions_of(claims.rootfs, place)
        .into_iter()
        .map(|(layer, content)| {
            let packages = apk::installed(&content).content;
            (layer, packages.into_iter().map(|package| (package.name, package.version)).collect())
        })
        .collect();
    let base = claims.base_count;
    for (id, package) in known {
        let has = |state: &HashMap<String, String>| state.get(&package.name) == Some(&package.version);
        let layer = states.iter().rev().take_while(|(_, state)| has(state)).last().map(|(layer, _)| *layer);
        let in_base = states.iter().rev().find(|(layer, _)| layer.get() <= base);
        claims.owner(*id).layer = layer;
        claims.package(*id).in_base = in_base.is_some_and(|(_, state)| state.contains_key(&package.name));
    }
}
