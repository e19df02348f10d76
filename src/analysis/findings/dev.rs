//! Dependencies that manifests mark for development only.

use foldhash::{HashMap, HashMapExt};

use super::account::Account;
use super::packages::{count, names, nodes};
use super::{Class, Confidence, Draft, Input, Needed};
use crate::analysis::owners::{OwnerId, OwnerKind};
use crate::layer::entry::NodeId;
use crate::packages::node;

/// Finds them.
pub(super) fn find(input: &Input<'_>, needed: &Needed<'_>, account: &mut Account<'_>) {
    if needed.is_tool_box() {
        return;
    }
    for (program, modules) in programs(input) {
        node_modules(input, needed, account, program, &modules);
    }
    for (kind, what, advice) in [
        (OwnerKind::Composer, "Composer package", "composer install --no-dev"),
        (OwnerKind::Gem, "gem", "bundle config set without 'development test' before bundle install"),
    ] {
        groups(input, needed, account, kind, what, advice);
    }
}

/// Packages whose manifest puts them into groups for development alone.
fn groups(
    input: &Input<'_>,
    needed: &Needed<'_>,
    account: &mut Account<'_>,
    kind: OwnerKind,
    what: &str,
    advice: &str,
) {
    let owners = input.owners;
    let is_reached = |id: OwnerId| nodes(input, &[id]).into_iter().any(|node| needed.has(node));
    let mut ids: Vec<OwnerId> = (0u32..)
        .zip(owners.list.iter().zip(&owners.packages))
        .filter(|(id, (owner, package))| {
            owner.kind == kind && package.section == "development" && !needed.has_package(*id)
        })
        .map(|(id, _)| id)
        .collect();
    ids.retain(|id| !is_reached(*id));
    if ids.is_empty() {
        return;
    }
    account.add(&Draft {
        class: Class::DevDependency,
        confidence: Confidence::Likely,
        nodes: nodes(input, &ids),
        title: format!("{} for development only", count(ids.len(), what)),
        why: "the manifest asks for them for development or tests alone".to_owned(),
        evidence: vec!["nothing that the image starts loads them".to_owned()],
        unless: "the program loads them at run time".to_owned(),
        advice: advice.to_owned(),
        owners: names(input, &ids),
        is_within: false,
    });
}

/// Returns the node programs, each with the modules below it.
fn programs(input: &Input<'_>) -> Vec<(NodeId, Vec<OwnerId>)> {
    let (owners, tree) = (input.owners, input.rootfs.tree());
    let mut programs: HashMap<NodeId, Vec<OwnerId>> = HashMap::new();
    for (id, (owner, package)) in (0u32..).zip(owners.list.iter().zip(&owners.packages)) {
        let Some(top) = package.top.filter(|_| owner.kind == OwnerKind::Node) else { continue };
        // The outermost `node_modules` is the program's.
        let above = std::iter::successors(tree.parent(top), |folder| tree.parent(*folder));
        let outermost = above.filter(|folder| tree.name(*folder) == b"node_modules").last();
        if let Some(program) = outermost.and_then(|folder| tree.parent(folder)) {
            programs.entry(program).or_default().push(id);
        }
    }
    let mut programs: Vec<_> = programs.into_iter().collect();
    programs.sort_unstable_by_key(|(program, _)| *program);
    programs
}

fn node_modules(
    input: &Input<'_>,
    needed: &Needed<'_>,
    account: &mut Account<'_>,
    program: NodeId,
    modules: &[OwnerId],
) {
    let owners = input.owners;
    let Some(dev) = marked(input, program, modules).or_else(|| unreached(input, program, modules)) else { return };
    let ids: Vec<OwnerId> = dev
        .into_iter()
        .filter(|id| !needed.has_package(*id) && !needed.has_tree(owners.packages[*id as usize].top.unwrap_or(program)))
        .collect();
    if ids.is_empty() {
        return;
    }
    let path = String::from_utf8_lossy(&input.rootfs.tree().path(program)).into_owned();
    account.add(&Draft {
        class: Class::DevDependency,
        confidence: Confidence::Likely,
        nodes: nodes(input, &ids),
        title: format!("{} for development only", count(ids.len(), "node module")),
        why: "the manifest asks for them under devDependencies, or only those need them".to_owned(),
        evidence: vec![format!(
            "package.json of {path}: nothing under dependencies needs them, and nothing that is started requires them"
        )],
        unless: "the program loads them at run time".to_owned(),
        advice: "npm ci --omit=dev, or after the build: npm prune --omit=dev".to_owned(),
        owners: names(input, &ids),
        is_within: false,
    });
}

/// Returns the modules that the lock file marks.
fn marked(input: &Input<'_>, program: NodeId, modules: &[OwnerId]) -> Option<Vec<OwnerId>> {
    let rootfs = input.rootfs;
    let places: [&[u8]; 3] = [b"node_modules/.package-lock.json", b"package-lock.json", b"npm-shrinkwrap.json"];
    let file = places.iter().find_map(|path| rootfs.find_from(program, path))?;
    let installed = node::lock(&rootfs.read(file)?).content;
    if installed.is_empty() {
        return None;
    }
    let by_top: HashMap<NodeId, bool> =
        installed.iter().filter_map(|one| Some((rootfs.find_from(program, &one.path)?, one.is_dev))).collect();
    let tops = &input.owners.packages;
    let is_dev = |id: &OwnerId| tops[*id as usize].top.and_then(|top| by_top.get(&top)).copied() == Some(true);
    Some(modules.iter().copied().filter(is_dev).collect())
}

/// Without marks: what `dependencies` of the manifest do not lead to.
fn unreached(input: &Input<'_>, program: NodeId, modules: &[OwnerId]) -> Option<Vec<OwnerId>> {
    let (rootfs, owners) = (input.rootfs, input.owners);
    let file = rootfs.child(program, b"package.json")?;
    let manifest = node::manifest(&rootfs.read(file)?).content;
    if manifest.dev_dependencies.is_empty() || manifest.has_workspaces {
        return None;
    }
    let by_top: HashMap<NodeId, OwnerId> =
        modules.iter().filter_map(|id| Some((owners.packages[*id as usize].top?, *id))).collect();
    let folder = rootfs.child(program, b"node_modules")?;
    let find = |name: &str| rootfs.resolve_from(folder, name.as_bytes()).and_then(|top| by_top.get(&top)).copied();
    let ranges = [&manifest.dependencies, &manifest.optional_dependencies, &manifest.peer_dependencies];
    let kept = owners.closure(ranges.into_iter().flatten().filter_map(|(name, _)| find(name)));
    let dev = owners.closure(manifest.dev_dependencies.iter().filter_map(|(name, _)| find(name)));
    Some(modules.iter().copied().filter(|id| dev.has(*id) && !kept.has(*id)).collect())
}
