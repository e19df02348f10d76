//! Which folders a Python loads from: virtual environments, its standard library, installed modules.

use super::{APART, Python};
use crate::analysis::start::Language;
use crate::analysis::start::commands::base;
use crate::analysis::start::reason::{How, Origin, Reason};
use crate::analysis::start::walk::{Here, Job, Walk};
use crate::layer::entry::NodeId;
use foldhash::{HashMap, HashSet};

impl Walk<'_, '_> {
    /// The Python of texts whose interpreter is not known: the first that runs, else the first on the search path.
    pub(in crate::analysis::start) fn default_python(&mut self, here: Here) -> Option<usize> {
        if !self.pythons.is_empty() {
            return Some(0);
        }
        let shown = [&b"python3"[..], b"python"].iter().find_map(|name| self.find_command(name, here))?;
        Some(self.python_of(shown, here))
    }

    /// Returns the Python whose program is `shown`; finds its folders and reaches its standard library the first time.
    pub(in crate::analysis::start) fn python_of(&mut self, shown: NodeId, here: Here) -> usize {
        if let Some(known) = self.pythons.iter().position(|python| python.shown == shown) {
            return known;
        }
        let (stdlib, sites) = self.python_folders(shown, here);
        let python = Python {
            shown,
            stdlib: stdlib.clone(),
            sites: sites.clone(),
            distributions: Vec::new(),
            by_name: HashMap::default(),
            by_module: HashMap::default(),
        };
        self.pythons.push(python);
        let at = self.pythons.len() - 1;
        self.interpreter(Language::Python, shown, None, &sites);
        for folder in stdlib {
            self.standard_library(folder, shown);
        }
        for site in sites {
            self.read_site(at, site);
        }
        let here = Here { python: Some(at), is_own: false, ..here };
        for site in self.pythons[at].sites.clone() {
            self.path_files(at, site, here);
        }
        at
    }

    /// Reaches the standard library, but not what stands apart.
    pub(super) fn standard_library(&mut self, folder: NodeId, shown: NodeId) {
        let word = self.rootfs.tree().name(folder).to_vec();
        self.insert(folder, Reason::new(Origin::Path(shown), How::Runtime, &word));
        for child in self.rootfs.children(folder).collect::<Vec<_>>() {
            let name = self.rootfs.tree().name(child);
            if !APART.contains(&name) && !name.starts_with(b"config-") {
                self.reach_in(child, How::Runtime, &word, Origin::Path(shown));
            }
        }
    }

    /// Finds the folders of the standard library and of installed modules.
    pub(super) fn python_folders(&mut self, shown: NodeId, here: Here) -> (Vec<NodeId>, Vec<NodeId>) {
        let file = self.rootfs.follow(shown).unwrap_or(shown);
        let (mut stdlib, mut sites) = (Vec::new(), self.environment.folders(self.rootfs, b"PYTHONPATH"));
        let mut base_program = file;
        let mut takes_system = true;
        if let Some((prefix, configuration)) = self.virtual_environment(shown) {
            self.reach(configuration, How::Runtime, b"pyvenv.cfg", Here { origin: Origin::Path(shown), ..here });
            let text = self.rootfs.read(configuration).unwrap_or_default();
            let value = |name: &[u8]| {
                let mut pairs = text.split(|byte| *byte == b'\n').filter_map(|line| {
                    let at = memchr::memchr(b'=', line)?;
                    Some((line[..at].trim_ascii(), line[at + 1..].trim_ascii()))
                });
                pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_vec())
            };
            takes_system = value(b"include-system-site-packages").is_some_and(|value| value == b"true");
            sites.extend(self.versioned(prefix, &[b"site-packages"]));
            let home = value(b"home").and_then(|home| self.rootfs.resolve(&home));
            // A program that is a copy belongs to the one in its home.
            if self.rootfs.tree().parent(file) == self.rootfs.tree().parent(shown)
                && let Some(program) = home.and_then(|home| self.rootfs.child(home, b"python3"))
            {
                base_program = self.reach_links(program, How::Runtime, b"home", here).unwrap_or(file);
                self.push(Job::Program(base_program, here));
            }
        }
        let version = base(self.rootfs.tree().name(base_program)).to_vec();
        let prefix = self.rootfs.tree().parent(base_program).and_then(|bin| self.rootfs.tree().parent(bin));
        let mut prefixes: Vec<NodeId> = prefix.into_iter().collect();
        // `/bin` where it is no symlink, `/usr/libexec/platform-python`.
        prefixes
            .extend(self.rootfs.resolve(b"/usr").filter(|usr| !prefixes.contains(usr) && prefix == Some(NodeId::ROOT)));
        for prefix in prefixes {
            stdlib.extend(self.stdlib_below(prefix, &version));
            if takes_system {
                sites.extend(self.versioned(prefix, &[b"site-packages", b"dist-packages"]));
                sites.extend(self.find_below(prefix, b"lib/python3/dist-packages"));
            }
        }
        if takes_system {
            let local = self.rootfs.resolve(b"/usr/local");
            sites.extend(
                local.into_iter().flat_map(|local| self.versioned(local, &[b"dist-packages", b"site-packages"])),
            );
            let user = self.rootfs.resolve(&[&self.environment.home[..], b"/.local"].concat());
            sites.extend(user.into_iter().flat_map(|user| self.versioned(user, &[b"site-packages"])));
        }
        (unique(stdlib), unique(sites))
    }

    pub(super) fn virtual_environment(&self, shown: NodeId) -> Option<(NodeId, NodeId)> {
        let prefix = self.rootfs.tree().parent(self.rootfs.tree().parent(shown)?)?;
        Some((prefix, self.rootfs.child(prefix, b"pyvenv.cfg")?))
    }

    /// Finds `lib/pythonX.Y/NAME` below a prefix.
    pub(super) fn versioned(&self, prefix: NodeId, names: &[&[u8]]) -> Vec<NodeId> {
        let libraries =
            [&b"lib"[..], b"lib64", b"local/lib"].into_iter().filter_map(|lib| self.find_below(prefix, lib));
        let libraries: Vec<NodeId> = libraries.filter_map(|lib| self.rootfs.follow(lib)).collect();
        let versions = libraries.iter().flat_map(|lib| self.rootfs.children(*lib).collect::<Vec<_>>());
        let versions = versions.filter(|node| is_version(self.rootfs.tree().name(*node)));
        versions.flat_map(|node| names.iter().filter_map(move |name| self.rootfs.child(node, name))).collect()
    }

    pub(super) fn stdlib_below(&self, prefix: NodeId, program: &[u8]) -> Vec<NodeId> {
        let libraries = [&b"lib"[..], b"lib64"].into_iter().filter_map(|lib| self.find_below(prefix, lib));
        let libraries: Vec<NodeId> = libraries.filter_map(|lib| self.rootfs.follow(lib)).collect();
        let mut found = Vec::new();
        for lib in unique(libraries) {
            if let Some(exact) = self.rootfs.child(lib, program).filter(|_| is_version(program)) {
                found.push(exact);
            } else {
                let has_os = |node: &NodeId| self.rootfs.child(*node, b"os.py").is_some();
                let versions = self.rootfs.children(lib).filter(|node| is_version(self.rootfs.tree().name(*node)));
                found.extend(versions.filter(has_os));
            }
        }
        found
    }

    /// Follows `.pth` files: folders that they add, modules that they import.
    pub(super) fn path_files(&mut self, python: usize, site: NodeId, here: Here) {
        for file in self.rootfs.children(site).collect::<Vec<_>>() {
            let name = self.rootfs.tree().name(file);
            if !name.ends_with(b".pth") && !name.ends_with(b".egg-link") {
                continue;
            }
            let is_everywhere = name == b"distutils-precedence.pth";
            let Some(text) = self.rootfs.read(file).filter(|_| !is_everywhere) else { continue };
            for line in text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| line.starts_with(b"/"))
            {
                let Some(folder) = self.rootfs.resolve(line).filter(|node| self.rootfs.is_directory(*node)) else {
                    continue;
                };
                self.reach(file, How::Runtime, name, here);
                if !self.pythons[python].sites.contains(&folder) {
                    self.pythons[python].sites.push(folder);
                    self.read_site(python, folder);
                }
            }
        }
    }
}

/// `python3.11`, `pypy3.10`
fn is_version(name: &[u8]) -> bool {
    let rest = name.strip_prefix(b"python").or_else(|| name.strip_prefix(b"pypy"));
    rest.is_some_and(|rest| !rest.is_empty() && rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
        && memchr::memchr(b'.', name).is_some()
}

fn unique(mut nodes: Vec<NodeId>) -> Vec<NodeId> {
    let mut seen = HashSet::default();
    nodes.retain(|node| seen.insert(*node));
    nodes
}
