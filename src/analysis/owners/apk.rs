//! Alpine packages.

use foldhash::{HashMap, HashMapExt, HashSet};

use super::claims::Claims;
use super::dates::{self, Dated};
use super::{OwnerId, OwnerKind};
use crate::layer::entry::NodeId;
use crate::packages::apk::{self, Dependency, Package};

/// Where the database is: the newer place second.
const PLACES: [&[u8]; 2] = [b"lib/apk/db/installed", b"usr/lib/apk/db/installed"];
const WHAT: &str = "the database of apk";

/// Finds the packages and their files.
pub(super) fn find(claims: &mut Claims<'_, '_>) {
    let rootfs = claims.rootfs;
    let Some(node) = PLACES.iter().find_map(|place| rootfs.find(place)) else { return };
    let Some(content) = rootfs.read(node) else { return claims.note_unread(WHAT, 1) };
    let parsed = apk::installed(&content);
    claims.note_unread(WHAT, parsed.skipped);
    let mut known: Vec<(OwnerId, Package)> = parsed
        .content
        .into_iter()
        .map_while(|package| Some((claims.add(OwnerKind::Apk, &package.name, &package.version)?, package)))
        .collect();
    relate(claims, &known);
    for (id, package) in &mut known {
        claims.own_paths(package.files.iter().map(|path| &path[..]), *id);
        // Other layers' databases come into memory now.
        *package = Package {
            name: std::mem::take(&mut package.name),
            version: std::mem::take(&mut package.version),
            ..Package::default()
        };
    }
    date(claims, node, &known);
}

fn relate(claims: &mut Claims<'_, '_>, known: &[(OwnerId, Package)]) {
    let rootfs = claims.rootfs;
    let world = rootfs.find(b"etc/apk/world").and_then(|node| rootfs.read(node));
    let world: Option<HashSet<String>> = world.map(|content| {
        apk::world(&content).content.into_iter().filter(|one| !one.is_conflict).map(|one| one.name).collect()
    });
    let mut names: HashMap<&str, OwnerId> = HashMap::new();
    for (id, package) in known {
        names.entry(&package.name).or_insert(*id);
    }
    // A package's own name goes before what others provide.
    for (id, package) in known {
        for provided in &package.provides {
            names.entry(&provided.name).or_insert(*id);
        }
    }
    let find = |one: &Dependency| names.get(one.name.as_str()).copied();
    for (id, package) in known {
        let needs = package.depends.iter().filter(|one| !one.is_conflict).filter_map(find).filter(|need| need != id);
        claims.package(*id).needs = needs.collect();
        // What is installed because others are there (`install_if`) comes with the first of them, as a recommendation.
        if let Some(host) = package.install_if.iter().find_map(find) {
            claims.package(host).recommends.push(*id);
        }
        let provides = || package.provides.iter().map(|one| one.name.as_str());
        claims.owner(*id).asked_for = world.as_ref().map(|world| {
            world.contains(&package.name) || provides().any(|name| world.contains(name) && names.get(name) == Some(id))
        });
    }
}

fn date(claims: &mut Claims<'_, '_>, database: NodeId, known: &[(OwnerId, Package)]) {
    let mut dated: Vec<Dated> =
        known.iter().map(|(id, package)| Dated::new(*id, package.name.clone(), package.version.clone())).collect();
    dates::date(claims, database, &mut dated, &|content| {
        let packages = apk::installed(content).content;
        packages.into_iter().map(|package| (package.name, package.version)).collect()
    });
    for ((id, package), date) in known.iter().zip(&dated) {
        if claims.owner(*id).asked_for.is_none() {
            claims.owner(*id).asked_for = date.ask(&claims.steps, [package.name.as_str()]);
        }
    }
}
