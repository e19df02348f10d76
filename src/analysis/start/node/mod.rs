//! Node programs: the files that they require, packages by the lookup through `node_modules`, and what those depend on.

mod npm;
mod packages;

use foldhash::HashSet;
use serde_json::Value;

use crate::analysis::start::Language;
use crate::analysis::start::commands::{Line, base, first_operand, language_of};
use crate::analysis::start::reason::{How, Origin};
use crate::analysis::start::walk::{Here, Job, Walk};
use crate::layer::entry::NodeId;

/// Which packages were followed.
#[derive(Default)]
pub(super) struct Packages {
    done: HashSet<NodeId>,
}

/// What `require` tries, in its order, and what TypeScript adds.
const ENDINGS: [&[u8]; 10] = [b"", b".js", b".json", b".node", b".mjs", b".cjs", b".ts", b".tsx", b".jsx", b".mts"];
/// Folders that frameworks start from, beside the dependencies of the manifest.
const FRAMEWORKS: [(&[u8], &[&[u8]]); 9] = [
    (b"next", &[b".next", b"public", b"next.config.js", b"next.config.mjs", b"next.config.ts"]),
    (b"nuxt", &[b".nuxt", b".output", b"nuxt.config.ts", b"nuxt.config.js"]),
    (b"nest", &[b"dist", b"nest-cli.json"]),
    (b"remix-serve", &[b"build", b"public"]),
    (b"vite", &[b"dist", b"vite.config.js", b"vite.config.ts"]),
    (b"serve", &[b"build", b"dist"]),
    (b"gatsby", &[b"public", b"gatsby-config.js"]),
    (b"strapi", &[b"build", b"dist", b"config"]),
    (b"react-scripts", &[b"src", b"public"]),
];
/// Folders above a file that are looked through.
const MOST_LEVELS: usize = 64;
/// Names that one manifest depends on.
const MOST_DEPENDENCIES: usize = 10_000;

impl Walk<'_, '_> {
    /// Follows `node …`.
    pub(super) fn node_call(&mut self, line: &Line<'_>, here: Here) {
        let valued: [&[u8]; 12] = [
            b"-r",
            b"--require",
            b"--import",
            b"--loader",
            b"--experimental-loader",
            b"-e",
            b"--eval",
            b"-p",
            b"--print",
            b"-C",
            b"--conditions",
            b"--env-file",
        ];
        let takes_value = |word: &[u8]| valued.contains(&word);
        let operand = first_operand(line.rest, takes_value);
        for (at, word) in line.rest.iter().enumerate().take(operand.unwrap_or(line.rest.len())) {
            let next = line.rest.get(at + 1).cloned().unwrap_or_default();
            let cut = memchr::memchr(b'=', word).unwrap_or(word.len());
            let value = if cut < word.len() { word[cut + 1..].to_vec() } else { next };
            match &word[..cut] {
                b"-r" | b"--require" | b"--import" | b"--loader" | b"--experimental-loader" => {
                    self.node_require(&value, Here { folder: here.cwd, ..here }, How::Require);
                }
                b"-e" | b"--eval" | b"-p" | b"--print" => {
                    self.text_of(&value, Language::Node, Here { folder: here.cwd, ..here });
                }
                b"--env-file" => self.argument(&value, here),
                _ => {}
            }
        }
        self.node_options(here);
        let Some(at) = operand else { return };
        self.node_program(&line.rest[at], line.shown, here);
        self.arguments(&line.rest[at + 1..], here);
    }

    /// `NODE_OPTIONS=--require x`
    fn node_options(&mut self, here: Here) {
        let options = self.environment.variables.get(&b"NODE_OPTIONS"[..]).cloned().unwrap_or_default();
        let mut words = options.split(|byte| b" =".contains(byte));
        while let Some(word) = words.next() {
            if [&b"-r"[..], b"--require", b"--import", b"--loader"].contains(&word)
                && let Some(value) = words.next()
            {
                self.node_require(value, Here { folder: here.cwd, ..here }, How::Env);
            }
        }
    }

    /// Follows the program that Node runs: a file, or a folder with a manifest.
    fn node_program(&mut self, word: &[u8], shown: Option<NodeId>, here: Here) -> bool {
        let Some(file) = self.node_file(here.cwd, word) else { return false };
        self.reach(file, How::Script, word, here);
        if let Some(shown) = shown {
            self.interpreter(Language::Node, shown, Some(file), &[]);
        }
        let root = self.rootfs.tree().parent(file).unwrap_or(here.root);
        self.push(Job::Text(file, Language::Node, Here { root, ..here }));
        // Node reads the nearest manifest: it says what kind of modules they are.
        if let Some(manifest) = self.nearest(root, b"package.json") {
            self.reach(manifest, How::Runtime, b"package.json", Here { origin: Origin::Path(file), ..here });
        }
        true
    }

    /// Finds the file of a path as `require` does: with endings, as a folder.
    fn node_file(&self, folder: NodeId, path: &[u8]) -> Option<NodeId> {
        let trimmed = path.strip_suffix(b"/").unwrap_or(path);
        for ending in ENDINGS {
            let file = self.rootfs.resolve_from(folder, &[trimmed, ending].concat());
            if let Some(file) = file.filter(|file| self.rootfs.copy(*file).is_some()) {
                return Some(file);
            }
        }
        // TypeScript's sources name the files that will be made of them.
        if let Some(stem) = trimmed.strip_suffix(b".js") {
            let file = self.rootfs.resolve_from(folder, &[stem, b".ts"].concat());
            if let Some(file) = file.filter(|file| self.rootfs.copy(*file).is_some()) {
                return Some(file);
            }
        }
        let folder = self.rootfs.resolve_from(folder, trimmed).filter(|node| self.rootfs.is_directory(*node))?;
        let main = self.rootfs.child(folder, b"package.json").and_then(|node| self.json(node));
        let main = main.as_ref().and_then(|manifest| manifest.get("main")).and_then(Value::as_str).unwrap_or("index");
        let is_itself = main.trim_end_matches('/') == "." || main.is_empty();
        if !is_itself && let Some(file) = self.node_leaf(folder, main.as_bytes()) {
            return Some(file);
        }
        self.node_leaf(folder, b"index")
    }

    /// The same for the main file of a folder, and its index.
    fn node_leaf(&self, folder: NodeId, path: &[u8]) -> Option<NodeId> {
        let inside = [path, b"/index"].concat();
        let paths = [path, &inside].map(<[u8]>::to_vec);
        let mut tries = paths.iter().flat_map(|path| ENDINGS.iter().map(move |ending| [path, *ending].concat()));
        tries.find_map(|path| {
            let file = self.rootfs.resolve_from(folder, &path)?;
            self.rootfs.copy(file).map(|_| file)
        })
    }

    /// Follows what a text requires and imports.
    pub(super) fn node_text(&mut self, text: &[u8], here: Here) {
        if !here.is_own {
            return;
        }
        for module in required(text).into_iter().take(MOST_DEPENDENCIES) {
            self.node_require(&module, here, How::Require);
        }
    }

    /// Follows one module: a file of the user's, or a package.
    fn node_require(&mut self, module: &[u8], here: Here, how: How) {
        if module.is_empty() || module.starts_with(b"node:") || module.starts_with(b"#") {
            return;
        }
        if module.starts_with(b".") || module.starts_with(b"/") {
            let Some(file) = self.node_file(here.folder, module) else { return };
            self.reach(file, how, module, here);
            let is_text = language_of(self.rootfs.tree().name(file)).is_some()
                || self.rootfs.tree().name(file).ends_with(b".json");
            let language = language_of(self.rootfs.tree().name(file)).unwrap_or(Language::Other);
            self.push(if is_text { Job::Text(file, language, here) } else { Job::Program(file, here) });
            return;
        }
        let name = package_name(module);
        let key = [b"npm:", name].concat();
        self.module_needs(&key, true, here);
        if let Some(package) = self.find_package(here.folder, name) {
            self.node_package(package, how, name, here.origin);
        }
    }

    /// Follows a Node program that is a command: its package, and the files that it is given.
    pub(super) fn node_application(&mut self, line: &Line<'_>, program: NodeId, here: Here) {
        let folder = self.rootfs.tree().parent(program).unwrap_or(NodeId::ROOT);
        let manifest = self.nearest(folder, b"package.json").filter(|_| !self.is_packaged(program));
        let package = manifest.and_then(|manifest| self.rootfs.tree().parent(manifest));
        let package = package.filter(|package| self.is_library_path(*package));
        if let Some(package) = package {
            let word = self.rootfs.tree().name(package).to_vec();
            self.node_package(package, How::Script, &word, Origin::Path(program));
        }
        let name = base(line.first);
        if [&b"ts-node"[..], b"ts-node-dev", b"tsnd", b"ts-node-esm", b"tsx", b"ts-node-script"].contains(&name) {
            self.type_packages(here);
        }
        let mut runs_file = false;
        for word in line.rest.iter().filter(|word| !word.starts_with(b"-")) {
            let names_code = language_of(word) == Some(Language::Node) || memchr::memchr(b'.', word).is_none();
            runs_file |= names_code && package.is_some() && self.node_program(word, None, here);
        }
        if let Some((_, folders)) = FRAMEWORKS.iter().find(|(known, _)| *known == name) {
            for node in folders.iter().filter_map(|folder| self.rootfs.child(here.cwd, folder)) {
                self.reach_tree(node, How::Table, name, here);
            }
            self.node_manifest_dependencies(here.cwd, here);
        } else if package.is_some() && !runs_file && Self::launches_manifest(name) {
            self.node_program(b".", None, here);
        }
    }

    fn launches_manifest(name: &[u8]) -> bool {
        [&b"nodemon"[..], b"ts-node-dev", b"pm2", b"pm2-runtime", b"forever", b"electron"].contains(&name)
    }
}

/// Returns the name of the package that a module is in: `@scope/name/file` is `@scope/name`.
fn package_name(module: &[u8]) -> &[u8] {
    let parts = if module.starts_with(b"@") { 2 } else { 1 };
    let end = memchr::memchr_iter(b'/', module).nth(parts - 1).unwrap_or(module.len());
    &module[..end]
}

/// Returns the modules that a text requires or imports.
fn required(text: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for word in [&b"require"[..], b"import", b"from", b"resolve"] {
        for at in memchr::memmem::find_iter(text, word) {
            let before = at.checked_sub(1).map_or(b' ', |before| text[before]);
            if before.is_ascii_alphanumeric() || b"_$".contains(&before) {
                continue;
            }
            let mut rest = text[at + word.len()..].trim_ascii_start();
            rest = rest.strip_prefix(b"(").unwrap_or(rest).trim_ascii_start();
            let Some(quote) = rest.first().copied().filter(|byte| b"\"'`".contains(byte)) else { continue };
            let Some(len) = memchr::memchr2(quote, b'\n', &rest[1..]) else { continue };
            let module = &rest[1..=len];
            if !module.is_empty() && module.len() < 1_000 && rest[len + 1] == quote {
                found.push(module.to_vec());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_found_in_every_form() {
        let text = b"const a = require('a/b'); import b from \"@s/c/d\"; import './e'; await import(`f`);\nexport * from 'g';\nlet x = required('h'); require.resolve('i'); import { j }\nfrom 'k';";
        let mut found: Vec<String> =
            required(text).iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        found.sort();
        assert_eq!(found, ["./e", "@s/c/d", "a/b", "f", "g", "i", "k"]);
        assert_eq!((package_name(b"@s/c/d"), package_name(b"a/b")), (&b"@s/c"[..], &b"a"[..]));
    }
}
