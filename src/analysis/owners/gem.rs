//! Ruby gems: `specifications/NAME-VERSION.gemspec` beside `gems/NAME-VERSION`, and what Bundler checked out.

use foldhash::{HashMap, HashMapExt};

use super::claims::Claims;
use super::dates::Providers;
use super::{OwnerId, OwnerKind};
use crate::layer::entry::NodeId;
use crate::packages::gem::{self, Gem, Wanted};

const WHAT: &str = "the specifications of gems";

/// An installed gem.
struct Known {
    id: OwnerId,
    gem: Gem,
}

/// Finds the gems and their files.
pub(super) fn find(claims: &mut Claims<'_, '_>) {
    let (rootfs, tree) = (claims.rootfs, claims.rootfs.tree());
    let mut known: Vec<Known> = Vec::new();
    let is_one = |node| matches!(tree.name(node), b"specifications" | b"gems") && rootfs.is_directory(node);
    for folder in claims.all(is_one) {
        let Some(home) = tree.parent(folder) else { continue };
        match tree.name(folder) {
            b"specifications" => installed(claims, home, folder, &mut known),
            b"gems" if tree.name(home) == b"bundler" => checked_out(claims, folder),
            _ => {}
        }
    }
    relate(claims, &known);
}

/// Finds the gems of a folder that `RubyGems` installs into.
fn installed(claims: &mut Claims<'_, '_>, home: NodeId, specifications: NodeId, known: &mut Vec<Known>) {
    let (rootfs, tree) = (claims.rootfs, claims.rootfs.tree());
    let Some(gems) = rootfs.child(home, b"gems") else { return };
    let mut parts = rootfs.child(home, b"extensions").map(|folder| below_two(claims, folder)).unwrap_or_default();
    parts.push(gems);
    parts.extend([&b"doc"[..], b"build_info", b"cache"].into_iter().filter_map(|name| rootfs.child(home, name)));
    for file in rootfs.children(specifications).collect::<Vec<_>>() {
        let Some(stem) = tree.name(file).strip_suffix(b".gemspec").filter(|_| !claims.is_owned(file)) else { continue };
        let Some(content) = rootfs.read(file) else {
            claims.note_unread(WHAT, 1);
            continue;
        };
        let parsed = gem::gemspec(&content);
        claims.note_unread(WHAT, parsed.skipped);
        let gem = parsed.content;
        if gem.name.is_empty() {
            continue;
        }
        let Some(id) = claims.add(OwnerKind::Gem, &gem.name, &gem.version) else { break };
        claims.owner(id).layer = claims.layer_of(file);
        claims.package(id).top = rootfs.child(gems, stem);
        claims.own(file, id);
        for part in parts.iter().copied() {
            for name in [stem.to_vec(), [stem, b".gem"].concat(), [stem, b".info"].concat()] {
                if let Some(node) = rootfs.child(part, &name) {
                    claims.own_tree(node, id);
                }
            }
        }
        known.push(Known { id, gem });
    }
}

/// The folders `extensions/PLATFORM/RUBY`; there is one of each.
fn below_two(claims: &Claims<'_, '_>, folder: NodeId) -> Vec<NodeId> {
    const MOST: usize = 16;
    let rootfs = claims.rootfs;
    rootfs.children(folder).take(MOST).flat_map(|platform| rootfs.children(platform).take(MOST)).collect()
}

/// Gems from repositories: `bundler/gems/NAME-REVISION`.
fn checked_out(claims: &mut Claims<'_, '_>, folder: NodeId) {
    let (rootfs, tree) = (claims.rootfs, claims.rootfs.tree());
    for top in rootfs.children(folder).filter(|top| rootfs.is_directory(*top)).collect::<Vec<_>>() {
        let name = String::from_utf8_lossy(tree.name(top)).into_owned();
        let Some((name, revision)) = name.rsplit_once('-') else { continue };
        let Some(id) = claims.add(OwnerKind::Gem, name, revision) else { break };
        claims.owner(id).layer = claims.layer_of(top);
        claims.package(id).top = Some(top);
        claims.own_tree(top, id);
    }
}

/// Fills in what needs what, what was asked for, and what only development needs.
fn relate(claims: &mut Claims<'_, '_>, known: &[Known]) {
    let mut by_name = Providers::new();
    for one in known {
        by_name.add(&one.gem.name, one.id);
    }
    for one in known {
        let needs = one.gem.dependencies.iter().flat_map(|(name, _)| by_name.of(name)).copied();
        claims.package(one.id).needs = needs.filter(|need| *need != one.id).collect();
    }
    let (mut asked, mut runtime) = (Vec::new(), Vec::new());
    for wanted in gemfiles(claims) {
        let ids = by_name.of(&wanted.name);
        asked.extend(ids);
        if wanted.groups.is_empty() || !wanted.groups.iter().all(|group| is_for_development(group)) {
            runtime.extend(ids);
        }
    }
    claims.ask_by_manifest(&asked, &runtime);
}

fn is_for_development(group: &str) -> bool {
    matches!(group, "development" | "test" | "dev" | "lint" | "ci")
}

/// Reads the Gemfiles of programs; gems bring theirs along, which ask for nothing here.
fn gemfiles(claims: &mut Claims<'_, '_>) -> Vec<Wanted> {
    let (rootfs, tree) = (claims.rootfs, claims.rootfs.tree());
    let mut found: HashMap<String, Wanted> = HashMap::new();
    let is_one = |node| matches!(tree.name(node), b"Gemfile" | b"gems.rb") && rootfs.copy(node).is_some();
    for node in claims.all(|node| is_one(node) && !claims.is_owned(node)) {
        let Some(content) = rootfs.read(node) else {
            claims.note_unread("Gemfiles", 1);
            continue;
        };
        // Calls that are not understood are no damage: Gemfiles are programs.
        for wanted in gem::gemfile(&content).content {
            // Of two programs that name a gem, one may run it.
            let is_runtime = wanted.groups.iter().all(|group| !is_for_development(group));
            let known = found.entry(wanted.name.clone()).or_insert_with(|| wanted.clone());
            if is_runtime {
                known.groups.clear();
            }
        }
    }
    let mut found: Vec<Wanted> = found.into_values().collect();
    found.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    found
}
