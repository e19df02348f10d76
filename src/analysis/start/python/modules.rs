//! Imports of the user's files: modules of the user's own, of the standard library, installed ones.

use super::{APART, MOST_PARTS, is_dotted};
use crate::analysis::start::walk::{Here, Job, Walk};
use crate::analysis::start::{Language, commands::language_of, reason::How, text};
use crate::layer::entry::NodeId;
use foldhash::HashSet;

/// Imports of one text.
const MOST_IMPORTS: usize = 20_000;

impl Walk<'_, '_> {
    /// Follows the imports and the modules' names in a Python text.
    pub(in crate::analysis::start) fn python_text(&mut self, text: &[u8], here: Here) {
        let Some(python) = here.python.or_else(|| self.default_python(here)) else { return };
        let here = Here { python: Some(python), ..here };
        for module in imports(text).into_iter().take(MOST_IMPORTS) {
            self.python_import(&module, here, How::Import);
        }
        if !here.is_own {
            return;
        }
        let names: HashSet<&[u8]> =
            text::literals(text).map(|literal| literal.value).filter(|name| is_dotted(name)).collect();
        for name in names {
            let top = name.split(|byte| *byte == b'.').next().unwrap_or_default();
            let is_module = name.len() > 2 && (self.user_module(name, here).is_some() || self.site_module(top, python));
            if is_module {
                self.python_import(name, here, How::Text);
            }
        }
    }

    /// Follows the import of a module: the user's, or an installed one.
    pub(super) fn python_import(&mut self, module: &[u8], here: Here, how: How) {
        let Some(python) = here.python else { return };
        let level = module.iter().take_while(|byte| **byte == b'.').count();
        let name = &module[level..];
        if level > 0 {
            self.relative_import(level, name, here, how);
            return;
        }
        let mut parts = name.split(|byte| *byte == b'.').take(MOST_PARTS);
        let Some(top) = parts.next().filter(|top| !top.is_empty()) else { return };
        if here.is_own {
            self.module_needs(top, true, here);
            self.module_needs(name, true, here);
            if let Some(root) = self.user_module(name, here) {
                self.user_modules(root, name, here, how);
                return;
            }
        }
        if self.standard_module(top, python, here, how) {
            return;
        }
        let second = parts.next();
        self.installed_module(python, top, second, here, how);
    }

    /// Finds the folder in which a module of the user's is; its first part must be there.
    pub(super) fn user_module(&self, name: &[u8], here: Here) -> Option<NodeId> {
        let top = name.split(|byte| *byte == b'.').next()?;
        let paths = self.environment.folders(self.rootfs, b"PYTHONPATH");
        let folders = [here.root, here.cwd, here.folder].into_iter().chain(paths);
        let mut own = folders.filter(|folder| !self.is_site(*folder));
        own.find(|folder| self.module_part(*folder, top).is_some())
    }

    pub(super) fn is_site(&self, folder: NodeId) -> bool {
        let name = self.rootfs.tree().name(folder);
        [&b"site-packages"[..], b"dist-packages", b"bin", b"sbin"].contains(&name)
            || self.pythons.iter().any(|python| python.sites.contains(&folder) || python.stdlib.contains(&folder))
    }

    /// Finds one part of a module in a folder: a file, a package, a compiled one.
    pub(super) fn module_part(&self, folder: NodeId, name: &[u8]) -> Option<NodeId> {
        let source = self.rootfs.child(folder, &[name, b".py"].concat());
        let package = || self.rootfs.child(folder, name).filter(|node| self.is_package(*node));
        package().or(source).or_else(|| {
            let starts = |node: &NodeId| {
                let rest = self.rootfs.tree().name(*node).strip_prefix(name);
                rest.is_some_and(|rest| {
                    rest.starts_with(b".") && (rest.ends_with(b".so") || rest == b".pyc" || rest == b".pyx")
                })
            };
            let starts = |node: &NodeId| self.may_step(1) && starts(node);
            self.rootfs.children(folder).find(starts)
        })
    }

    /// A directory that is a package; one without `__init__.py` is one where it holds Python files.
    pub(super) fn is_package(&self, node: NodeId) -> bool {
        let is_python = |child: NodeId| {
            let name = self.rootfs.tree().name(child);
            name.ends_with(b".py") || name.ends_with(b".so") || self.rootfs.is_directory(child)
        };
        self.rootfs.is_directory(node) && self.rootfs.children(node).any(is_python)
    }

    /// Reaches the files of a module of the user's, part by part.
    pub(super) fn user_modules(&mut self, root: NodeId, name: &[u8], here: Here, how: How) {
        let mut folder = root;
        for part in name.split(|byte| *byte == b'.').take(MOST_PARTS) {
            let Some(node) = self.module_part(folder, part) else { return };
            self.user_module_file(node, name, here, how);
            folder = node;
        }
    }

    pub(super) fn user_module_file(&mut self, node: NodeId, name: &[u8], here: Here, how: How) {
        let file = if self.rootfs.is_directory(node) {
            self.reach(node, how, name, here);
            self.rootfs.child(node, b"__init__.py")
        } else {
            Some(node)
        };
        let Some(file) = file else { return };
        self.reach(file, how, name, here);
        if language_of(self.rootfs.tree().name(file)) == Some(Language::Python) {
            self.push(Job::Text(file, Language::Python, here));
        } else {
            self.push(Job::Program(file, here));
        }
    }

    pub(super) fn relative_import(&mut self, level: usize, name: &[u8], here: Here, how: How) {
        let mut folder = here.folder;
        for _ in 1..level.min(MOST_PARTS) {
            folder = self.rootfs.tree().parent(folder).unwrap_or(NodeId::ROOT);
        }
        if here.is_own {
            self.user_modules(folder, name, here, how);
        }
    }

    /// Says whether a module is the standard library's; reaches the parts of it that stand apart.
    pub(super) fn standard_module(&mut self, top: &[u8], python: usize, here: Here, how: How) -> bool {
        for folder in self.pythons[python].stdlib.clone() {
            if let Some(node) = self.module_part(folder, top).filter(|_| !is_apart_folder(top)) {
                if APART.contains(&top) {
                    self.reach_tree(node, how, top, here);
                }
                return true;
            }
        }
        false
    }
}

fn is_apart_folder(name: &[u8]) -> bool {
    [&b"site-packages"[..], b"dist-packages", b"__pycache__"].contains(&name)
}

/// Returns the modules that a text imports, wherever in it; relative ones with their dots.
fn imports(text: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut lines = text.split(|byte| b"\n;".contains(byte)).map(<[u8]>::trim_ascii).peekable();
    while let Some(line) = lines.next() {
        if let Some(list) = line.strip_prefix(b"import ") {
            let modules = list
                .split(|byte| *byte == b',')
                .filter_map(|part| part.trim_ascii().split(|byte| *byte == b' ').next());
            found.extend(modules.filter(|module| is_dotted(module)).map(<[u8]>::to_vec));
        } else if let Some(rest) = line.strip_prefix(b"from ") {
            let rest = rest.trim_ascii_start();
            let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            let (module, rest) = rest.split_at(end);
            let level = module.iter().take_while(|byte| **byte == b'.').count();
            let names = rest.trim_ascii().strip_prefix(b"import").unwrap_or_default().to_vec();
            if level < module.len() && !is_dotted(&module[level..]) {
                continue;
            }
            if level < module.len() {
                found.push(module.to_vec());
            }
            let mut list = names;
            // The list may go on over several lines.
            while memchr::memchr(b'(', &list).is_some() && memchr::memchr(b')', &list).is_none() {
                match lines.next() {
                    Some(more) if list.len() < 100_000 => list.extend_from_slice(&[b" ", more].concat()),
                    _ => break,
                }
            }
            for name in list
                .split(|byte| b",()".contains(byte))
                .filter_map(|part| part.trim_ascii().split(|byte| *byte == b' ').next())
            {
                if is_dotted(name) {
                    let dot: &[u8] = if level == module.len() { b"" } else { b"." };
                    found.push([module, dot, name].concat());
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_wherever_they_stand() {
        let text = b"import os, numpy as np\nif x:\n    from git import (\n Actor,\n Repo)\nfrom . import a\nfrom ..b import c\nx = 'import y'\n";
        let found: Vec<String> = imports(text).iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        assert_eq!(found, ["os", "numpy", "git", "git.Actor", "git.Repo", ".a", "..b", "..b.c"]);
    }
}
