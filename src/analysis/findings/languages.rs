//! What languages' own tools leave of a build: toolchains, installers, headers and libraries for linkers.

use super::account::Account;
use super::packages::{names, nodes};
use super::{Class, Confidence, Draft, Input, Needed};
use crate::analysis::owners::{OwnerId, OwnerKind};
use crate::layer::entry::NodeId;
use crate::packages::python::normalize_name;

/// Finds what only builds need and no system's package brings.
pub(super) fn build_only(input: &Input<'_>, needed: &Needed<'_>, account: &mut Account<'_>) {
    if needed.is_tool_box() {
        return;
    }
    toolchains(input, needed, account);
    installers(input, needed, account);
    node_tools(input, needed, account);
    for_linkers(input, needed, account);
}

fn toolchains(input: &Input<'_>, needed: &Needed<'_>, account: &mut Account<'_>) {
    let owners = input.owners;
    for (id, (owner, package)) in (0u32..).zip(owners.list.iter().zip(&owners.packages)) {
        let Some(top) = package.top.filter(|_| owner.kind == OwnerKind::Toolchain) else { continue };
        // What runs programs is a toolchain too: then the start reaches it.
        let is_runtime = ["jre", "node"].contains(&owner.name.as_str());
        if is_runtime || needed.has_package(id) || needed.has_below(top) {
            continue;
        }
        account.add(&Draft {
            class: Class::BuildOnly,
            confidence: Confidence::Likely,
            nodes: vec![top],
            title: format!("the toolchain of {}", with_version(&owner.name, &owner.version)),
            why: "nothing that the image starts uses it".to_owned(),
            evidence: vec!["the start chain reaches no file of it".to_owned()],
            unless: "the program compiles at run time".to_owned(),
            advice: "build in a stage of its own and COPY --from the program".to_owned(),
            owners: names(input, &[id]),
            is_within: false,
        });
    }
}

fn with_version(name: &str, version: &str) -> String {
    if version.is_empty() { name.to_owned() } else { format!("{name} {version}") }
}

/// pip and what it builds with, in the environments that it filled.
fn installers(input: &Input<'_>, needed: &Needed<'_>, account: &mut Account<'_>) {
    const NAMES: [&str; 8] = ["pip", "setuptools", "wheel", "virtualenv", "poetry", "pipenv", "uv", "cython"];
    let owners = input.owners;
    let is_one = |id: &OwnerId| {
        let owner = &owners.list[*id as usize];
        owner.kind == OwnerKind::Python
            && NAMES.contains(&normalize_name(&owner.name).as_str())
            && !needed.has_package(*id)
            && !is_required(input, *id, &NAMES)
    };
    let ids: Vec<OwnerId> = (0u32..).take(owners.list.len()).filter(is_one).collect();
    let ids: Vec<OwnerId> = ids.into_iter().filter(|id| !needs_reached_files(input, needed, *id)).collect();
    if ids.is_empty() {
        return;
    }
    account.add(&Draft {
        class: Class::BuildOnly,
        confidence: Confidence::Likely,
        nodes: nodes(input, &ids),
        title: format!("installers of Python: {}", names(input, &ids).join(", ")),
        why: "they installed the others, and no program imports them".to_owned(),
        evidence: vec!["no distribution requires them, and nothing that the image starts imports them".to_owned()],
        unless: "the program installs modules, or imports pkg_resources".to_owned(),
        advice: "behind the last RUN of the build stage: RUN pip uninstall -y pip setuptools wheel".to_owned(),
        owners: names(input, &ids),
        is_within: false,
    });
}

/// Says whether a distribution requires it that is not itself an installer.
fn is_required(input: &Input<'_>, id: OwnerId, installers: &[&str]) -> bool {
    let owners = input.owners;
    owners.list.iter().zip(&owners.packages).any(|(owner, package)| {
        package.needs.contains(&id) && !installers.contains(&normalize_name(&owner.name).as_str())
    })
}

fn needs_reached_files(input: &Input<'_>, needed: &Needed<'_>, id: OwnerId) -> bool {
    nodes(input, &[id]).into_iter().any(|node| needed.has(node))
}

/// npm and its kind beside a node that came in an archive.
fn node_tools(input: &Input<'_>, needed: &Needed<'_>, account: &mut Account<'_>) {
    const NAMES: [&str; 6] = ["npm", "corepack", "yarn", "pnpm", "node-gyp", "npx"];
    let (owners, rootfs, tree) = (input.owners, input.rootfs, input.rootfs.tree());
    let mut tops: Vec<(OwnerId, NodeId)> = Vec::new();
    for (id, (owner, package)) in (0u32..).zip(owners.list.iter().zip(&owners.packages)) {
        let Some(top) = package.top.filter(|_| owner.kind == OwnerKind::Node) else { continue };
        let folder = tree.parent(top).map(|folder| tree.path(folder)).unwrap_or_default();
        let is_global = [&b"/usr/local/lib/node_modules"[..], b"/usr/lib/node_modules"].contains(&&folder[..]);
        if is_global && NAMES.contains(&owner.name.as_str()) && !needed.has_package(id) && !needed.has_below(top) {
            tops.push((id, top));
        }
    }
    if tops.is_empty() {
        return;
    }
    let headers = rootfs.find(b"/usr/local/include/node").filter(|top| !needed.has_below(*top));
    let mut evidence = vec!["nothing that the image starts needs them to run".to_owned()];
    for (id, _) in &tops {
        if let Some(direct) = needed.launchers.get(id) {
            evidence.push(format!(
                "{} only launches the program: CMD {direct} starts it directly",
                owners.list[*id as usize].name
            ));
        }
    }
    let ids: Vec<OwnerId> = tops.iter().map(|(id, _)| *id).collect();
    account.add(&Draft {
        class: Class::BuildOnly,
        confidence: Confidence::Likely,
        nodes: tops.into_iter().map(|(_, top)| top).chain(headers).collect(),
        title: format!("package managers of node: {}", names(input, &ids).join(", ")),
        why: "they install and build; node alone runs the program".to_owned(),
        evidence,
        unless: "the program installs modules at run time".to_owned(),
        advice: "COPY --from a build stage what the program needs, and start it with node".to_owned(),
        owners: names(input, &ids),
        is_within: false,
    });
}

/// Headers and libraries for linkers that nobody's package brought.
fn for_linkers(input: &Input<'_>, needed: &Needed<'_>, account: &mut Account<'_>) {
    let (owners, rootfs, tree) = (input.owners, input.rootfs, input.rootfs.tree());
    let mut found: Vec<NodeId> =
        [&b"/usr/local/include"[..], b"/opt/include"].iter().filter_map(|path| rootfs.find(path)).collect();
    let libraries = (1..tree.len()).map(NodeId::at).filter(|node| {
        let name = tree.name(*node);
        name.len() > 2
            && name.ends_with(b".a")
            && name.starts_with(b"lib")
            && owners.of(*node) == owners.nobody()
            && rootfs.copy(*node).is_some()
    });
    found.extend(libraries);
    found.retain(|node| !needed.has_below(*node) && !needed.is_spoken_of(*node));
    if found.is_empty() || needed.starts_compiler() {
        return;
    }
    account.add(&Draft {
        class: Class::BuildOnly,
        confidence: Confidence::Likely,
        nodes: found,
        title: "headers and libraries for linkers".to_owned(),
        why: "only compilers and linkers read them".to_owned(),
        evidence: vec!["nothing that the image starts compiles".to_owned()],
        unless: "the program compiles at run time".to_owned(),
        advice: "build in a stage of its own and COPY --from what runs".to_owned(),
        owners: Vec::new(),
        is_within: false,
    });
}
