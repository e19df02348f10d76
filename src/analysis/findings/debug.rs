//! What only debuggers read: the sections of ELF files that `strip` removes.

use super::account::Account;
use super::{Class, Confidence, Draft, Input, Needed, Scope};
use crate::layer::entry::NodeId;

/// Smaller files are not looked at: their symbols are worth no line.
const LEAST_FILE_BYTES: u64 = 64 << 10;

/// Finds programs and libraries with symbols. Of what packages brought, the owner decides: it was built that way.
pub(super) fn find(input: &Input<'_>, needed: &Needed<'_>, account: &mut Account<'_>) {
    let (rootfs, tree, owners) = (input.rootfs, input.rootfs.tree(), input.owners);
    let (mut own, mut packaged) = (Vec::new(), Vec::new());
    let mut go = 0;
    for node in (1..tree.len()).map(NodeId::at) {
        let could_be = rootfs.size(node) >= LEAST_FILE_BYTES
            && !account.is_taken(node)
            && (rootfs.is_executable(node) || has_library_name(tree.name(node)));
        if !could_be || owners.first_name(rootfs.copy(node).unwrap_or_else(|| unreachable!()), node) != node {
            continue;
        }
        let is_own = owners.of(node) == owners.nobody();
        if !is_own && input.scope != Scope::WithAsk {
            continue;
        }
        let Some(elf) = rootfs.elf(node).filter(|elf| elf.debug_bytes > 0 && !elf.is_object) else { continue };
        go += u64::from(elf.is_go && is_own);
        if is_own { &mut own } else { &mut packaged }.push((node, elf.debug_bytes));
    }
    let advice = if go > 0 { "go build -ldflags='-s -w' …" } else { "strip them in the RUN that builds them" };
    let draft = |confidence, title: &str, advice: &str| Draft {
        class: Class::Debug,
        confidence,
        nodes: Vec::new(),
        title: title.to_owned(),
        why: "no process loads these sections".to_owned(),
        evidence: vec!["sections .symtab, .strtab and .debug_* of the ELF files".to_owned()],
        unless: "people debug in the container, or crash reports name functions".to_owned(),
        advice: advice.to_owned(),
        owners: Vec::new(),
        is_within: false,
    };
    let _ = needed;
    account.add_parts(&draft(Confidence::Likely, "symbols of programs that were built here", advice), &own);
    if input.scope == Scope::WithAsk {
        let advice = "strip --strip-unneeded in the RUN that installs them";
        account.add_parts(&draft(Confidence::Ask, "symbols in files of packages", advice), &packaged);
    }
}

fn has_library_name(name: &[u8]) -> bool {
    name.ends_with(b".so") || memchr::memmem::find(name, b".so.").is_some() || name.ends_with(b".node")
}
