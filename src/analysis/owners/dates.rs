//! Which layer installed a package: the databases of all layers that store one, compared.

use foldhash::{HashMap, HashMapExt, HashSet};

use super::claims::Claims;
use super::{OwnerId, asked};
use crate::analysis::rootfs::Rootfs;
use crate::layer::entry::{EntryRef, Kind, LayerNumber, NodeId};

/// A package of the merged view's database.
pub(super) struct Dated {
    pub(super) id: OwnerId,
    /// Its name, with the architecture where packages of several can be there.
    pub(super) name: String,
    pub(super) version: String,
    /// The layer from which on it is there in its version, without a break.
    pub(super) layer: Option<LayerNumber>,
    /// Whether it was there before, in another version.
    pub(super) is_update: bool,
    /// Whether the base image's database has one of its name.
    pub(super) in_base: bool,
}

impl Dated {
    pub(super) fn new(id: OwnerId, name: String, version: String) -> Self {
        Dated { id, name, version, layer: None, is_update: false, in_base: false }
    }

    /// Says how the step of the package's layer asks for it, if it does.
    pub(super) fn ask<'n>(&self, steps: &asked::Steps, names: impl IntoIterator<Item = &'n str>) -> Option<bool> {
        let step = steps.of_layer(self.layer?)?;
        if names.into_iter().any(|name| step.names.contains(name)) {
            return Some(true);
        }
        (step.is_whole && !self.is_update && !self.in_base).then_some(false)
    }
}

/// Returns the names and versions of a database's packages.
type Parse<'p> = &'p dyn Fn(&[u8]) -> Vec<(String, String)>;

/// Fills in the dates of the packages that a database of the view lists.
///
/// One layer's database is in memory at a time: layers may store as many as there are, and large ones.
pub(super) fn date(claims: &mut Claims<'_, '_>, database: NodeId, known: &mut [Dated], parse: Parse<'_>) {
    let base = claims.base_count;
    // Packages whose first layer lies further down, as far as is known.
    let mut open: Vec<usize> = (0..known.len()).collect();
    let mut has_base = base == 0;
    for copy in copies(claims.rootfs, database).into_iter().rev() {
        if open.is_empty() && has_base {
            break;
        }
        // What the view shows was read already: it has all of them.
        let packages = if Some(copy) == claims.rootfs.copy(database) {
            known.iter().map(|one| (one.name.clone(), one.version.clone())).collect()
        } else {
            let Some(content) = claims.rootfs.read_copy(copy) else { continue };
            parse(&content)
        };
        let state: HashSet<(&str, &str)> = pairs(&packages).collect();
        let names: HashSet<&str> = packages.iter().map(|(name, _)| name.as_str()).collect();
        open.retain(|at| {
            let one = &mut known[*at];
            let is_there = state.contains(&(one.name.as_str(), one.version.as_str()));
            if is_there {
                one.layer = Some(copy.layer());
            } else {
                one.is_update = names.contains(one.name.as_str());
            }
            is_there
        });
        if !has_base && copy.layer().get() <= base {
            has_base = true;
            for one in &mut *known {
                one.in_base = names.contains(one.name.as_str());
            }
        }
    }
    for one in &*known {
        claims.owner(one.id).layer = one.layer;
        claims.package(one.id).in_base = one.in_base || one.layer.is_some_and(|layer| layer.get() <= base);
    }
}

fn pairs(packages: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    packages.iter().map(|(name, version)| (name.as_str(), version.as_str()))
}

/// Returns the copies that the layers store at a path, bottom first.
fn copies(rootfs: &Rootfs<'_>, node: NodeId) -> Vec<EntryRef> {
    let mut found = Vec::new();
    for (layer, entries) in (0u32..).zip(&rootfs.index.layers) {
        let here = |entry: &crate::layer::entry::Entry| entry.node == node && entry.kind == Kind::File;
        let last = (0u32..).zip(&entries.entries).filter(|(_, entry)| here(entry)).last();
        found.extend(last.map(|(index, _)| EntryRef { layer, index }));
    }
    found
}

/// What each name stands for; at most [`MOST_PROVIDERS`], so that no database makes this take quadratic time.
pub(super) struct Providers<'k, T>(HashMap<&'k str, Vec<T>>);

/// More packages that stand for one name are not installed together.
const MOST_PROVIDERS: usize = 16;

impl<'k, T> Providers<'k, T> {
    pub(super) fn new() -> Self {
        Providers(HashMap::new())
    }

    pub(super) fn add(&mut self, name: &'k str, provider: T) {
        let list = self.0.entry(name).or_default();
        if list.len() < MOST_PROVIDERS {
            list.push(provider);
        }
    }

    pub(super) fn of(&self, name: &str) -> &[T] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}
