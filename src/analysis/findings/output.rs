//! What a build makes on the way to a program, beside the program.

use super::account::Account;
use super::{Class, Confidence, Draft, Input, Needed};
use crate::layer::entry::NodeId;

/// Finds folders of build results of which the start needs no more than some files.
pub(super) fn find(input: &Input<'_>, needed: &Needed<'_>, account: &mut Account<'_>) {
    let (rootfs, tree) = (input.rootfs, input.rootfs.tree());
    let nodes = (1..tree.len()).map(NodeId::at).filter(|node| rootfs.exists(*node));
    let (mut folders, mut objects, mut caches) = (Vec::new(), Vec::new(), Vec::new());
    for node in nodes {
        let name = tree.name(node);
        if rootfs.is_directory(node) {
            if is_results(input, node, name) {
                folders.push(node);
            } else if is_module_cache(input, node, name) {
                caches.push(node);
            }
        } else if is_object(name) && input.owners.of(node) == input.owners.nobody() {
            objects.push(node);
        }
    }
    let free = |node: &NodeId| !needed.has_below(*node) && !needed.is_spoken_of(*node);
    caches.retain(free);
    objects.retain(|node| !needed.is_spoken_of(*node));
    // Of these, what is started lies inside: the account leaves it out.
    folders.retain(|node| !needed.has_tree(*node) && !reads_folder(input, needed, *node));
    let drafts = [
        (folders, "results of a build, beside what the image starts", "COPY --from a build stage only what is started"),
        (
            caches,
            "caches that build tools keep in node_modules",
            "end the RUN that builds with: && rm -rf node_modules/.cache",
        ),
        (objects, "object files", "remove them in the RUN that compiles, or build in a stage of its own"),
    ];
    for (nodes, title, advice) in drafts {
        if nodes.is_empty() {
            continue;
        }
        account.add(&Draft {
            class: Class::BuildOutput,
            confidence: Confidence::Likely,
            nodes,
            title: title.to_owned(),
            why: "made on the way to the program, and not read when it runs".to_owned(),
            evidence: vec!["nothing that the image starts reads or names them".to_owned()],
            unless: "the program reads them at run time".to_owned(),
            advice: advice.to_owned(),
            owners: Vec::new(),
            is_within: false,
        });
    }
}

/// Says whether a folder is where cargo, Maven or Gradle put everything that they make.
fn is_results(input: &Input<'_>, node: NodeId, name: &[u8]) -> bool {
    let rootfs = input.rootfs;
    let has = |path: &[u8]| rootfs.find_from(node, path).is_some();
    let beside = |path: &[u8]| rootfs.tree().parent(node).is_some_and(|folder| rootfs.child(folder, path).is_some());
    match name {
        b"target" => {
            has(b".rustc_info.json")
                || (has(b"CACHEDIR.TAG") && beside(b"Cargo.toml"))
                || has(b"maven-status")
                || (beside(b"pom.xml") && (has(b"classes") || has(b"maven-archiver")))
        }
        b"build" => {
            (beside(b"build.gradle") || beside(b"build.gradle.kts")) && (has(b"classes") || has(b"libs") || has(b"tmp"))
        }
        b"CMakeFiles" => has(b"CMakeOutput.log") || has(b"cmake.check_cache") || beside(b"CMakeCache.txt"),
        _ => false,
    }
}

/// Says whether the start names the folder itself, not only what lies in it.
fn reads_folder(input: &Input<'_>, needed: &Needed<'_>, node: NodeId) -> bool {
    let path = input.rootfs.tree().path(node);
    needed.names_exactly(&path) || needed.names_exactly(&[&path[..], b"/classes"].concat())
}

fn is_module_cache(input: &Input<'_>, node: NodeId, name: &[u8]) -> bool {
    let parent = input.rootfs.tree().parent(node).map(|parent| input.rootfs.tree().name(parent));
    name == b".cache" && parent == Some(b"node_modules")
}

fn is_object(name: &[u8]) -> bool {
    [&b".o"[..], b".lo", b".gch", b".tsbuildinfo"].iter().any(|end| name.len() > end.len() && name.ends_with(end))
}
