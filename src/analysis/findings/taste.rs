//! What the owner decides about: compiled copies, manuals, translations, tests, what a smaller base does not have.

use super::account::Account;
use super::{Class, Confidence, Draft, Input, Needed};
use crate::layer::entry::NodeId;

/// What a class of these is about.
struct Kind {
    class: Class,
    title: &'static str,
    why: &'static str,
    unless: &'static str,
    advice: &'static str,
}

const BYTECODE: Kind = Kind {
    class: Class::Bytecode,
    title: "compiled copies of Python modules beside their sources",
    why: "Python compiles the sources again where the copies are missing",
    unless: "the program must start fast, or runs where it cannot write",
    advice: "remove __pycache__ in the RUN that installs; for pip: pip install --no-compile",
};
const DOCS: Kind = Kind {
    class: Class::Docs,
    title: "manuals and documentation, licences aside",
    why: "no program reads them",
    unless: "people work in the container",
    advice: "a slim variant of the base image leaves them out, and so does dpkg with path-exclude=/usr/share/doc/*",
};
const LOCALES: Kind = Kind {
    class: Class::Locales,
    title: "translations",
    why: "the messages of languages that the image does not set",
    unless: "people choose their language in the container",
    advice: "a slim variant of the base image leaves them out, and so does dpkg with path-exclude=/usr/share/locale/*",
};
const TESTS: Kind = Kind {
    class: Class::Tests,
    title: "test suites",
    why: "a program does not run the tests of its modules",
    unless: "the container runs them",
    advice: "remove them in the RUN that installs, and keep your own out with .dockerignore",
};

/// Finds them.
pub(super) fn find(input: &Input<'_>, needed: &Needed<'_>, account: &mut Account<'_>) {
    add(account, &BYTECODE, bytecode(input));
    if !needed.start.mentions(b"man").is_some_and(|_| needed.starts_command("man")) {
        add(
            account,
            &DOCS,
            below(
                input,
                needed,
                &[
                    "/usr/share/doc",
                    "/usr/share/man",
                    "/usr/share/info",
                    "/usr/share/gtk-doc",
                    "/usr/share/help",
                    "/usr/local/share/man",
                    "/usr/local/share/doc",
                    "/usr/share/nodejs/npm/man",
                ],
            ),
        );
    }
    add(account, &LOCALES, below(input, needed, &["/usr/share/locale", "/usr/share/i18n", "/usr/lib/locale"]));
    add(account, &TESTS, tests(input, needed));
    base(input, needed, account);
}

fn add(account: &mut Account<'_>, kind: &Kind, nodes: Vec<NodeId>) {
    if nodes.is_empty() {
        return;
    }
    account.add(&Draft {
        class: kind.class,
        confidence: Confidence::Ask,
        nodes,
        title: kind.title.to_owned(),
        why: kind.why.to_owned(),
        evidence: Vec::new(),
        unless: kind.unless.to_owned(),
        advice: kind.advice.to_owned(),
        owners: Vec::new(),
        is_within: true,
    });
}

fn bytecode(input: &Input<'_>) -> Vec<NodeId> {
    let (rootfs, tree) = (input.rootfs, input.rootfs.tree());
    let folders = (1..tree.len()).map(NodeId::at);
    folders.filter(|node| tree.name(*node) == b"__pycache__" && rootfs.is_directory(*node)).collect()
}

/// Returns what lies below some folders, licences aside, where the start does not speak of the folder.
fn below(input: &Input<'_>, needed: &Needed<'_>, tops: &[&str]) -> Vec<NodeId> {
    let (rootfs, tree) = (input.rootfs, input.rootfs.tree());
    let tops = tops.iter().filter_map(|path| rootfs.find(path.as_bytes()));
    let mut waiting: Vec<NodeId> = tops.filter(|top| !needed.is_spoken_of(*top) && !needed.has_below(*top)).collect();
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        for node in rootfs.children(folder) {
            if rootfs.is_directory(node) {
                waiting.push(node);
            } else if tree.name(node) != b"copyright" && tree.name(node) != b"locale.alias" {
                found.push(node);
            }
        }
    }
    found
}

/// Returns the folders of tests in packages, and the user's own.
fn tests(input: &Input<'_>, needed: &Needed<'_>) -> Vec<NodeId> {
    let (rootfs, tree) = (input.rootfs, input.rootfs.tree());
    let is_test = |node: &NodeId| {
        [&b"tests"[..], b"test", b"__tests__", b"spec"].contains(&tree.name(*node)) && rootfs.is_directory(*node)
    };
    let is_inside = |node: &NodeId| {
        let path = tree.path(*node);
        [&b"/site-packages/"[..], b"/dist-packages/", b"/node_modules/", b"/gems/", b"/app/", b"/srv/", b"/usr/src/"]
            .iter()
            .any(|inner| memchr::memmem::find(&path, inner).is_some())
    };
    let nodes = (1..tree.len()).map(NodeId::at).filter(is_test).filter(is_inside);
    nodes.filter(|node| !needed.is_spoken_of(*node)).collect()
}

/// What of the base image nothing needs: packages that are neither essential nor needed by anything that is started.
fn base(input: &Input<'_>, needed: &Needed<'_>, account: &mut Account<'_>) {
    let owners = input.owners;
    if needed.is_tool_box() {
        return;
    }
    let ids: Vec<u32> = (0u32..)
        .zip(owners.list.iter().zip(&owners.packages))
        .filter(|(id, (owner, package))| {
            owner.kind.is_system() && package.in_base && !package.is_essential && !needed.has_package(*id)
        })
        .map(|(id, _)| id)
        .collect();
    if stands_alone(input) {
        return scratch(input, account);
    }
    // What essential packages need stays with them.
    let essential =
        owners.closure((0u32..).zip(&owners.packages).filter(|(_, package)| package.is_essential).map(|(id, _)| id));
    let ids: Vec<u32> = ids.into_iter().filter(|id| !essential.has(*id)).collect();
    if ids.is_empty() {
        return;
    }
    account.add(&Draft {
        class: Class::Base,
        confidence: Confidence::Ask,
        nodes: super::packages::nodes(input, &ids),
        title: "packages of the base image that nothing here needs".to_owned(),
        why: "neither what the image starts nor an essential package needs them".to_owned(),
        evidence: Vec::new(),
        unless: "people work in the container".to_owned(),
        advice: "a smaller variant of the base image (slim, minimal, distroless) has fewer packages".to_owned(),
        owners: super::packages::names(input, &ids),
        is_within: true,
    });
}

/// Says whether everything that is started is compiled, and needs neither libraries nor a loader.
fn stands_alone(input: &Input<'_>) -> bool {
    let (start, rootfs) = (input.start, input.rootfs);
    let is_static = |node: &NodeId| rootfs.elf(*node).is_some_and(|elf| elf.is_static());
    !start.compiled.is_empty() && start.interpreters.is_empty() && start.compiled.iter().all(is_static)
}

/// A program that stands alone needs no base image.
fn scratch(input: &Input<'_>, account: &mut Account<'_>) {
    const KEPT: [&[u8]; 3] = [b"/etc/ssl/certs", b"/usr/share/zoneinfo", b"/etc/passwd"];
    let (rootfs, tree) = (input.rootfs, input.rootfs.tree());
    let is_of_base = |node: &NodeId| rootfs.slot(*node).get().is_some_and(|at| at.layer().get() <= input.base_count);
    let is_kept = |node: &NodeId| {
        let path = tree.path(*node);
        KEPT.iter().any(|kept| path.starts_with(kept))
    };
    let nodes = (1..tree.len()).map(NodeId::at);
    let nodes: Vec<NodeId> =
        nodes.filter(|node| is_of_base(node) && !rootfs.is_directory(*node) && !is_kept(node)).collect();
    let programs: Vec<String> = input.start.compiled.iter().map(|node| input.start.sentence(tree, *node)).collect();
    account.add(&Draft {
        class: Class::Base,
        confidence: Confidence::Ask,
        nodes,
        title: "a base image under a program that needs none".to_owned(),
        why: "what the image starts is linked statically".to_owned(),
        evidence: programs,
        unless: "the program starts other commands, or people work in the container".to_owned(),
        advice: "FROM scratch with the program, certificates and time zones; or a distroless base".to_owned(),
        owners: Vec::new(),
        is_within: true,
    });
}
