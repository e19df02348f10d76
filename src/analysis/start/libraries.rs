//! The libraries that ELF files need, where the loader finds them.

use foldhash::{HashMap, HashSet};

use super::environment::Environment;
use super::reason::{How, Origin};
use super::walk::Walk;
use crate::analysis::rootfs::Rootfs;
use crate::layer::entry::NodeId;

/// Where libraries are looked for, and what was found.
#[derive(Default)]
pub(super) struct Libraries {
    folders: Vec<NodeId>,
    found: HashMap<Vec<u8>, Option<NodeId>>,
    done: HashSet<NodeId>,
}

/// Where glibc and musl look without being told.
const DEFAULTS: [&[u8]; 8] =
    [b"/lib", b"/usr/lib", b"/lib64", b"/usr/lib64", b"/usr/local/lib", b"/usr/local/lib64", b"/lib32", b"/usr/lib32"];
/// More missing libraries are not listed.
const MOST_MISSING: usize = 10_000;
/// Configurations of the loader that are read.
const MOST_CONFIGURATIONS: usize = 200;

impl Libraries {
    pub(super) fn new(rootfs: &Rootfs<'_>, environment: &Environment) -> Self {
        let mut folders = environment.folders(rootfs, b"LD_LIBRARY_PATH");
        configured(rootfs, &mut folders);
        for folder in DEFAULTS.iter().filter_map(|path| rootfs.resolve(path)) {
            let is_multiarch = |node: &NodeId| {
                let name = rootfs.tree().name(*node);
                rootfs.is_directory(*node) && memchr::memmem::find(name, b"-linux-").is_some()
            };
            folders.extend(rootfs.children(folder).filter(is_multiarch).collect::<Vec<_>>());
            folders.push(folder);
        }
        let mut seen = HashSet::default();
        folders.retain(|folder| seen.insert(*folder));
        Libraries { folders, ..Libraries::default() }
    }
}

/// Adds the folders of `/etc/ld.so.conf`, what it includes, and musl's list.
fn configured(rootfs: &Rootfs<'_>, folders: &mut Vec<NodeId>) {
    let mut files: Vec<NodeId> = rootfs.resolve(b"/etc/ld.so.conf").into_iter().collect();
    let directories = rootfs.resolve(b"/etc/ld.so.conf.d");
    files.extend(directories.into_iter().flat_map(|node| rootfs.children(node)));
    let etc = rootfs.resolve(b"/etc");
    let is_musl = |node: &NodeId| rootfs.tree().name(*node).starts_with(b"ld-musl-");
    files.extend(etc.into_iter().flat_map(|node| rootfs.children(node)).filter(is_musl));
    for text in files.into_iter().take(MOST_CONFIGURATIONS).filter_map(|node| rootfs.read(node)) {
        let lines = text.split(|byte| b"\n:".contains(byte)).map(<[u8]>::trim_ascii);
        folders.extend(lines.filter(|line| line.starts_with(b"/")).filter_map(|line| rootfs.resolve(line)));
    }
    folders.retain(|node| rootfs.is_directory(*node));
}

impl Walk<'_, '_> {
    /// Reaches the loader and the libraries of an ELF file, and theirs.
    pub(super) fn elf(&mut self, node: NodeId) {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            if !self.libraries.done.insert(node) {
                continue;
            }
            let Some(elf) = self.rootfs.elf(node) else { continue };
            if !elf.is_whole && self.is_own(node) {
                self.start.unread.push(node);
            }
            if let Some(loader) = elf.interpreter.as_deref().and_then(|path| self.rootfs.find(path)) {
                open.extend(self.reach_library(node, loader, b"loader"));
            }
            let search: Vec<NodeId> = elf.search.iter().filter_map(|folder| self.search_folder(node, folder)).collect();
            for name in &elf.needed {
                match self.library(name, &search) {
                    Some(found) => open.extend(self.reach_library(node, found, name)),
                    None if self.is_packaged(node) || self.start.missing_libraries.len() >= MOST_MISSING => {}
                    None => self.start.missing_libraries.push((node, name.clone())),
                }
            }
        }
    }

    fn reach_library(&mut self, from: NodeId, library: NodeId, name: &[u8]) -> Option<NodeId> {
        let here = super::walk::Here { origin: Origin::Path(from), ..self.config_here(super::Part::Cmd) };
        self.reach_links(library, How::ElfNeeded, name, here)
    }

    /// Resolves a folder of RUNPATH.
    fn search_folder(&self, node: NodeId, folder: &[u8]) -> Option<NodeId> {
        let origin = self.rootfs.tree().path(self.rootfs.tree().parent(node)?);
        let path = [&b"${ORIGIN}"[..], b"$ORIGIN"].iter().find_map(|mark| {
            let at = memchr::memmem::find(folder, mark)?;
            Some([&folder[..at], &origin, &folder[at + mark.len()..]].concat())
        });
        self.rootfs.resolve(&path.unwrap_or_else(|| folder.to_vec())).filter(|node| self.rootfs.is_directory(*node))
    }

    pub(super) fn library(&mut self, name: &[u8], search: &[NodeId]) -> Option<NodeId> {
        if memchr::memchr(b'/', name).is_some() {
            return self.rootfs.find(name);
        }
        let is_there = |folder: &NodeId| self.rootfs.child(*folder, name);
        if let Some(found) = search.iter().find_map(is_there) {
            return Some(found);
        }
        if let Some(known) = self.libraries.found.get(name) {
            return *known;
        }
        let found = self.libraries.folders.iter().find_map(is_there);
        self.libraries.found.insert(name.to_vec(), found);
        found
    }
}
