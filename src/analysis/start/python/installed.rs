//! Installed distributions: what they install, and what they require.

use super::Distribution;
use crate::analysis::start::reason::{How, Origin, Part};
use crate::analysis::start::walk::{Here, Walk};
use crate::layer::entry::NodeId;
use std::collections::BTreeSet;

/// Extras of distributions that nobody runs.
const BUILD_EXTRAS: [&[u8]; 11] =
    [b"test", b"tests", b"testing", b"dev", b"develop", b"development", b"doc", b"docs", b"lint", b"build", b"typing"];

/// Lines of RECORD that are looked at, of one distribution.
const MOST_RECORDS: usize = 200_000;

impl Walk<'_, '_> {
    pub(super) fn site_module(&self, top: &[u8], python: usize) -> bool {
        let python = &self.pythons[python];
        python.by_module.contains_key(top) || python.sites.iter().any(|site| self.module_part(*site, top).is_some())
    }

    /// Reaches an installed module, and the distribution that it is part of.
    pub(super) fn installed_module(&mut self, python: usize, top: &[u8], second: Option<&[u8]>, here: Here, how: How) {
        let sites = self.pythons[python].sites.clone();
        let found = sites.iter().find_map(|site| self.module_part(*site, top));
        let owners = self.pythons[python].by_module.get(top).cloned().unwrap_or_default();
        if let Some(node) = found {
            // A namespace that several distributions share is not reached as a whole.
            let narrow = second.filter(|_| owners.len() > 1).and_then(|second| self.module_part(node, second));
            if owners.len() > 1 {
                self.reach(node, how, top, here);
            }
            self.reach_tree(narrow.unwrap_or(node), how, top, here);
            self.module_needs(top, here.is_own, here);
        }
        let narrowed = self.owners_of(python, &owners, top, second);
        for distribution in narrowed {
            self.distribution(python, distribution, top, here.origin, how);
        }
    }

    /// Of the distributions that share a top-level module, those that have its second part.
    pub(super) fn owners_of(
        &mut self,
        python: usize,
        owners: &[usize],
        top: &[u8],
        second: Option<&[u8]>,
    ) -> Vec<usize> {
        let Some(second) = second.filter(|_| owners.len() > 1) else { return owners.to_vec() };
        let start = [top, b"/", second].concat();
        let has = |information: NodeId| {
            let record = self.rootfs.child(information, b"RECORD").and_then(|node| self.rootfs.read(node));
            let record = record.filter(|record| self.may_step(record.len() as u64));
            record.is_some_and(|record| record.split(|byte| *byte == b'\n').any(|line| line.starts_with(&start)))
        };
        let found: Vec<usize> =
            owners.iter().copied().filter(|at| has(self.pythons[python].distributions[*at].information)).collect();
        if found.is_empty() { owners.to_vec() } else { found }
    }

    /// Reaches a distribution: what it installs, and what it requires.
    pub(super) fn distribution(&mut self, python: usize, first: usize, word: &[u8], origin: Origin, how: How) {
        let mut open = vec![(first, word.to_vec(), origin, how)];
        while let Some((at, word, origin, how)) = open.pop() {
            let distribution = &mut self.pythons[python].distributions[at];
            if std::mem::replace(&mut distribution.is_reached, true) {
                continue;
            }
            let (information, site, modules, name) =
                (distribution.information, distribution.site, distribution.modules.clone(), distribution.name.clone());
            self.reach_in(information, how, &word, origin);
            for module in &modules {
                let shares = self.pythons[python].by_module.get(module).map_or(0, Vec::len) > 1;
                if shares {
                    self.shared_module(information, site, module, &name);
                    continue;
                }
                let parts: Vec<NodeId> =
                    [module.clone(), [module, &b".py"[..]].concat(), [module, &b".libs"[..]].concat()]
                        .iter()
                        .filter_map(|part| self.rootfs.child(site, part))
                        .collect();
                let parts = if parts.is_empty() { self.module_part(site, module).into_iter().collect() } else { parts };
                for node in parts {
                    self.reach_in(node, how, &word, origin);
                }
            }
            let here = Here { origin: Origin::Path(information), ..self.config_here(Part::Cmd) };
            let here = Here { is_own: false, ..here };
            self.module_needs(&name, false, here);
            for module in &modules {
                self.module_needs(module, false, here);
            }
            for required in self.requirements(information) {
                if let Some(next) = self.pythons[python].by_name.get(&required) {
                    open.push((*next, required, Origin::Path(information), How::Depends));
                }
            }
        }
    }

    /// Reaches a distribution's own files in a namespace that it shares.
    pub(super) fn shared_module(&mut self, information: NodeId, site: NodeId, module: &[u8], name: &[u8]) {
        let Some(record) = self.rootfs.child(information, b"RECORD").and_then(|node| self.rootfs.read(node)) else {
            return;
        };
        let start = [module, b"/"].concat();
        for line in record.split(|byte| *byte == b'\n').take(MOST_RECORDS).filter(|line| line.starts_with(&start)) {
            let path = line.split(|byte| *byte == b',').next().unwrap_or_default();
            if let Some(node) = self.find_below(site, path) {
                self.reach_in(node, How::Depends, name, Origin::Path(information));
            }
        }
    }

    /// Returns the normalized names of the distributions that a distribution requires, extras for builders aside.
    pub(super) fn requirements(&mut self, information: NodeId) -> Vec<Vec<u8>> {
        let Some(metadata) = self.metadata(information) else { return Vec::new() };
        let mut names = Vec::new();
        let lines = metadata.split(|byte| *byte == b'\n').take_while(|line| !line.trim_ascii().is_empty());
        for requirement in lines.filter_map(|line| line.strip_prefix(b"Requires-Dist:")) {
            let requirement = requirement.trim_ascii();
            let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
            let end = requirement.iter().position(|byte| !is_name(byte)).unwrap_or(requirement.len());
            let marker = memchr::memchr(b';', requirement).map_or(&b""[..], |at| &requirement[at + 1..]);
            if !is_for_builders(marker) {
                names.push(normalized(&requirement[..end]));
            }
        }
        let needs = self.rootfs.child(information, b"requires.txt").and_then(|node| self.rootfs.read(node));
        for line in
            needs.iter().flat_map(|text| text.split(|byte| *byte == b'\n')).take_while(|line| !line.starts_with(b"["))
        {
            let end = line.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"._-".contains(byte)));
            names.push(normalized(&line[..end.unwrap_or(line.len())]));
        }
        names
    }

    pub(super) fn metadata(&self, information: NodeId) -> Option<std::borrow::Cow<'_, [u8]>> {
        if !self.rootfs.is_directory(information) {
            return self.rootfs.read(information);
        }
        let file = [&b"METADATA"[..], b"PKG-INFO"].iter().find_map(|name| self.rootfs.child(information, name))?;
        self.rootfs.read(file)
    }

    /// Reads which distributions a folder of installed modules has.
    pub(super) fn read_site(&mut self, python: usize, site: NodeId) {
        for information in self.rootfs.children(site).collect::<Vec<_>>() {
            let name = self.rootfs.tree().name(information);
            let stem = name.strip_suffix(b".dist-info").or_else(|| name.strip_suffix(b".egg-info"));
            let Some(stem) = stem else { continue };
            let end = memchr::memchr(b'-', stem).unwrap_or(stem.len());
            let name = normalized(&stem[..end]);
            let modules = self.modules_of(information);
            let at = self.pythons[python].distributions.len();
            for module in &modules {
                self.pythons[python].by_module.entry(module.clone()).or_default().push(at);
            }
            self.pythons[python].by_name.entry(name.clone()).or_insert(at);
            let new = Distribution { information, name, site, modules, is_reached: false };
            self.pythons[python].distributions.push(new);
        }
    }

    /// Returns the top-level modules of a distribution: by RECORD, else by `top_level.txt`.
    pub(super) fn modules_of(&self, information: NodeId) -> Vec<Vec<u8>> {
        let text = |name: &[u8]| self.rootfs.child(information, name).and_then(|node| self.rootfs.read(node));
        let mut tops: BTreeSet<Vec<u8>> = BTreeSet::new();
        if let Some(record) = text(b"RECORD") {
            for line in record.split(|byte| *byte == b'\n').take(MOST_RECORDS) {
                let path = line.split(|byte| *byte == b',').next().unwrap_or_default();
                let mut parts = path.split(|byte| *byte == b'/');
                let top = parts.next().unwrap_or_default();
                let is_folder = parts.next().is_some();
                let is_information = top.ends_with(b".dist-info") || top.ends_with(b".egg-info");
                if top.is_empty() || is_information || [&b".."[..], b".", b"__pycache__"].contains(&top) {
                    continue;
                }
                let end = if is_folder { top.len() } else { memchr::memchr(b'.', top).unwrap_or(top.len()) };
                tops.insert(top[..end].to_vec());
            }
        }
        if tops.is_empty()
            && let Some(list) = text(b"top_level.txt")
        {
            let lines = list.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
            tops.extend(lines.map(<[u8]>::to_vec));
        }
        tops.into_iter().collect()
    }
}

/// A name as the package index compares it.
fn normalized(name: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(name.len());
    for byte in name {
        match byte {
            b'-' | b'_' | b'.' if out.last() == Some(&b'-') => {}
            b'-' | b'_' | b'.' => out.push(b'-'),
            _ => out.push(byte.to_ascii_lowercase()),
        }
    }
    out
}

fn is_for_builders(marker: &[u8]) -> bool {
    let Some(at) = memchr::memmem::find(marker, b"extra") else { return false };
    let mut quoted = marker[at..].split(|byte| b"'\"".contains(byte));
    quoted.nth(1).is_some_and(|extra| BUILD_EXTRAS.contains(&extra))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_markers_of_distributions() {
        assert_eq!(normalized(b"Typing_.Extensions"), b"typing-extensions");
        assert!(is_for_builders(b" extra == 'test'"));
        assert!(!is_for_builders(b" extra == \"redis\"") && !is_for_builders(b""));
    }
}
