//! Debian packages: whose files the lists of dpkg name, what they need, which layer installed them.

use std::collections::HashMap as StdMap;

use foldhash::{HashMap, HashMapExt, HashSet};

use super::claims::Claims;
use super::dates::{self, Dated, Providers};
use super::{OwnerId, OwnerKind};
use crate::layer::entry::NodeId;
use crate::packages::dpkg::{self, Diversion, Package, Relation};

const STATUS: &[u8] = b"var/lib/dpkg/status";
const INFO: &[u8] = b"var/lib/dpkg/info/";
const STATES: &[u8] = b"var/lib/apt/extended_states";
const WHAT: &str = "the database of dpkg";

/// A package of the merged view's database.
struct Known {
    id: OwnerId,
    package: Package,
    /// The name of its files in the database's folder.
    folder: &'static [u8],
}

/// Finds the packages and their files.
pub(super) fn find(claims: &mut Claims<'_, '_>) {
    let mut known = packages(claims);
    if known.is_empty() {
        return;
    }
    relate(claims, &known);
    // Other layers' databases come into memory now.
    for one in &mut known {
        let package = &mut one.package;
        (package.depends, package.pre_depends, package.recommends) = (Vec::new(), Vec::new(), Vec::new());
    }
    known.shrink_to_fit();
    date(claims, &known);
    let diversions = diversions(claims);
    for one in &known {
        own_files(claims, one, &diversions);
    }
}

fn read(claims: &mut Claims<'_, '_>, node: NodeId) -> Vec<Package> {
    let Some(content) = claims.rootfs.read(node) else {
        claims.note_unread(WHAT, 1);
        return Vec::new();
    };
    let parsed = dpkg::status(&content);
    claims.note_unread(WHAT, parsed.skipped);
    parsed.content
}

fn packages(claims: &mut Claims<'_, '_>) -> Vec<Known> {
    let rootfs = claims.rootfs;
    let mut found: Vec<(Package, &'static [u8])> = Vec::new();
    if let Some(status) = rootfs.find(STATUS) {
        found.extend(read(claims, status).into_iter().map(|package| (package, INFO)));
    }
    // Images without dpkg itself have a file for each package.
    if let Some(folder) = rootfs.find(b"var/lib/dpkg/status.d").filter(|folder| rootfs.is_directory(*folder)) {
        for node in rootfs.children(folder).collect::<Vec<_>>() {
            if !rootfs.tree().name(node).ends_with(b".md5sums") {
                found.extend(read(claims, node).into_iter().map(|package| (package, &b"var/lib/dpkg/status.d/"[..])));
            }
        }
    }
    let installed = found.into_iter().filter(|(package, _)| package.is_installed);
    installed
        .map_while(|(package, folder)| {
            let id = claims.add(OwnerKind::Dpkg, &package.name, &package.version)?;
            Some(Known { id, package, folder })
        })
        .collect()
}

/// Fills in what needs what, and what was asked for.
fn relate(claims: &mut Claims<'_, '_>, known: &[Known]) {
    let rootfs = claims.rootfs;
    let states = rootfs.find(STATES).and_then(|node| rootfs.read(node));
    let automatic = states.as_deref().map(dpkg::auto_installed);
    if let Some(parsed) = &automatic {
        claims.note_unread(WHAT, parsed.skipped);
    }
    let is_automatic: Option<StdMap<&str, &str>> = automatic
        .as_ref()
        .map(|parsed| parsed.content.iter().map(|(name, arch)| (name.as_str(), arch.as_str())).collect());
    let names = Names::new(known);
    for one in known {
        let package = &one.package;
        let of = |groups: &[Vec<Relation>]| groups.iter().flat_map(|group| names.first(group)).collect::<Vec<_>>();
        let mut needs = of(&package.depends);
        needs.extend(of(&package.pre_depends));
        let recommends = of(&package.recommends);
        claims.owner(one.id).asked_for =
            Some(!is_automatic.as_ref().is_some_and(|automatic| automatic.contains_key(package.name.as_str())));
        let graph = claims.package(one.id);
        graph.needs = needs;
        graph.recommends = recommends;
        graph.section = package.section.clone().unwrap_or_default();
        graph.is_essential = package.is_essential || package.is_protected;
    }
}

/// Packages by their names and by what they stand for.
struct Names<'a> {
    real: Providers<'a, &'a Known>,
    provided: Providers<'a, (&'a Known, &'a Relation)>,
}

impl<'a> Names<'a> {
    fn new(known: &'a [Known]) -> Self {
        let (mut real, mut provided) = (Providers::new(), Providers::new());
        for one in known {
            real.add(one.package.name.as_str(), one);
            for relation in &one.package.provides {
                provided.add(relation.name.as_str(), (one, relation));
            }
        }
        Names { real, provided }
    }

    /// Returns the first alternative that is there: the package of that name, else all that stand for it.
    fn first(&self, group: &[Relation]) -> Vec<OwnerId> {
        group.iter().map(|relation| self.satisfying(relation)).find(|found| !found.is_empty()).unwrap_or_default()
    }

    fn satisfying(&self, relation: &Relation) -> Vec<OwnerId> {
        let allows = |version: &str| relation.constraint.as_ref().is_none_or(|constraint| constraint.allows(version));
        let real = self.real.of(&relation.name).iter();
        let real: Vec<OwnerId> = real.filter(|one| allows(&one.package.version)).map(|one| one.id).collect();
        if !real.is_empty() {
            return real;
        }
        // A version is only satisfied by one that is provided with a version.
        let provided = self.provided.of(&relation.name).iter();
        let fits = provided.filter(|(_, provided)| {
            relation.constraint.is_none()
                || provided.constraint.as_ref().is_some_and(|provided| allows(&provided.version))
        });
        fits.map(|(one, _)| one.id).collect()
    }
}

/// Finds for each package the layer from which on it is there in its version, and whether the base has one of its name.
fn date(claims: &mut Claims<'_, '_>, known: &[Known]) {
    let name = |package: &Package| format!("{}:{}", package.name, package.architecture);
    let mut dated: Vec<Dated> =
        known.iter().map(|one| Dated::new(one.id, name(&one.package), one.package.version.clone())).collect();
    if let Some(status) = claims.rootfs.find(STATUS) {
        // Those with a file of their own come behind these.
        let count = known.iter().filter(|one| one.folder == INFO).count();
        dates::date(claims, status, &mut dated[..count], &|content| {
            let packages = dpkg::status(content).content.into_iter().filter(|package| package.is_installed);
            packages.map(|package| (name(&package), package.version)).collect()
        });
    }
    for one in known.iter().zip(&dated).filter(|(_, date)| date.layer.is_none()).map(|(one, _)| one) {
        let list = claims.rootfs.find(&[one.folder, one.package.name.as_bytes()].concat());
        let layer = list.and_then(|list| claims.layer_of(list));
        claims.owner(one.id).layer = layer;
        claims.package(one.id).in_base |= layer.is_some_and(|layer| layer.get() <= claims.base_count);
    }
    if claims.rootfs.find(STATES).is_none() {
        ask(claims, known, &dated);
    }
    // A priority is a word for installers of whole systems: what only came along with something can go with it.
    for one in known.iter().filter(|one| one.package.priority.as_deref() == Some("required")) {
        let came_along = claims.owner(one.id).asked_for == Some(false) && !claims.package(one.id).in_base;
        claims.package(one.id).is_essential |= !came_along;
    }
}

/// Where apt does not record it: what the step of a package's layer does not name came along with what it names.
fn ask(claims: &mut Claims<'_, '_>, known: &[Known], dated: &[Dated]) {
    let real: HashSet<&str> = known.iter().map(|one| one.package.name.as_str()).collect();
    for (one, date) in known.iter().zip(dated) {
        let provided = one.package.provides.iter().map(|provided| provided.name.as_str());
        let names = provided.filter(|name| !real.contains(name)).chain([one.package.name.as_str()]);
        if date.ask(&claims.steps, names) == Some(false) {
            claims.owner(one.id).asked_for = Some(false);
        }
    }
}

fn diversions(claims: &mut Claims<'_, '_>) -> HashMap<Vec<u8>, Diversion> {
    let rootfs = claims.rootfs;
    let Some(content) = rootfs.find(b"var/lib/dpkg/diversions").and_then(|node| rootfs.read(node)) else {
        return HashMap::new();
    };
    let parsed = dpkg::diversions(&content);
    claims.note_unread(WHAT, parsed.skipped);
    parsed.content.into_iter().map(|one| (one.from.clone(), one)).collect()
}

fn own_files(claims: &mut Claims<'_, '_>, one: &Known, diversions: &HashMap<Vec<u8>, Diversion>) {
    let rootfs = claims.rootfs;
    let name = one.package.name.as_bytes();
    let arch = one.package.architecture.as_bytes();
    let lists = [[one.folder, name, b":", arch, b".list"].concat(), [one.folder, name, b".list"].concat()];
    let list = lists.iter().find_map(|path| rootfs.find(path)).and_then(|node| rootfs.read(node));
    let parsed = match list {
        Some(content) => dpkg::list_paths(&content),
        None => match rootfs.find(&[one.folder, name, b".md5sums"].concat()).and_then(|node| rootfs.read(node)) {
            Some(content) => dpkg::md5sums_paths(&content),
            None => return claims.note_unread("the lists of files of dpkg", 1),
        },
    };
    claims.note_unread(WHAT, parsed.skipped);
    let paths = parsed.content.iter().map(|path| {
        let diverted = diversions.get(path).filter(|to| to.package.as_deref() != Some(one.package.name.as_str()));
        diverted.map_or(&path[..], |to| &to.to[..])
    });
    claims.own_paths(paths, one.id);
}
