//! PHP programs: document roots, the command line, extensions.

use foldhash::HashSet;
use serde_json::Value;

use super::Language;
use super::commands::{Line, first_operand};
use super::reason::How;
use super::walk::{Here, Job, Walk};
use crate::layer::entry::NodeId;

/// Where servers look for a site when nothing else is said.
const ROOTS: [&[u8]; 4] = [b"/var/www", b"/srv/www", b"/usr/share/nginx/html", b"/usr/local/apache2/htdocs"];
/// Where PHP reads its settings; `*` is a version or a way of calling it.
const SETTINGS: [&[u8]; 6] =
    [b"usr/local/etc/php", b"usr/local/etc/php-fpm.d", b"etc/php/*/*", b"etc/php*", b"etc/php.d", b"etc/php-fpm.d"];
/// Files of a program that are looked through.
const MOST_FILES: usize = 20_000;

impl Walk<'_, '_> {
    /// Follows `php …`, `php-fpm`, the Apache server.
    pub(super) fn php_call(&mut self, name: &[u8], line: &Line<'_>, here: Here) {
        if name == b"php" {
            self.php(line, here);
        } else {
            for root in ROOTS.iter().filter_map(|path| self.rootfs.resolve(path)) {
                self.php_folder(root, here);
            }
            if here.cwd != NodeId::ROOT {
                self.php_folder(here.cwd, here);
            }
            self.arguments(line.rest, here);
        }
        if let Some(shown) = line.shown {
            self.interpreter(Language::Php, shown, None, &[]);
        }
        self.php_settings(here);
    }

    fn php(&mut self, line: &Line<'_>, here: Here) {
        let takes_value = |word: &[u8]| [&b"-S"[..], b"-t", b"-d", b"-c", b"-r", b"-f"].contains(&word);
        for pair in line.rest.windows(2) {
            match &pair[0][..] {
                b"-r" => self.text_of(&pair[1], Language::Php, here),
                b"-t" => {
                    if let Some(folder) = self.find_file(&pair[1], here).filter(|node| self.rootfs.is_directory(*node))
                    {
                        self.php_folder(folder, here);
                    }
                }
                b"-S" => self.php_folder(here.cwd, here),
                _ => {}
            }
        }
        let Some(at) = first_operand(line.rest, takes_value) else { return };
        let word = &line.rest[at];
        if let Some(node) = self.find_file(word, here)
            && let Some(file) = self.reach_links(node, How::Script, word, here)
        {
            if let Some(shown) = line.shown {
                self.interpreter(Language::Php, shown, Some(file), &[]);
            }
            self.push(Job::Text(file, Language::Php, here));
            // `artisan`, `bin/console`: the project around them.
            let is_project = [&b"artisan"[..], b"console", b"yii", b"cake"].contains(&self.rootfs.tree().name(file));
            if is_project && here.cwd != NodeId::ROOT {
                self.php_folder(here.cwd, here);
            }
        }
        self.arguments(&line.rest[at + 1..], here);
    }

    /// Reaches a site as a whole, and follows its own files.
    fn php_folder(&mut self, folder: NodeId, here: Here) {
        if folder == NodeId::ROOT {
            return;
        }
        for child in self.rootfs.children(folder).collect::<Vec<_>>() {
            if self.rootfs.tree().name(child) == b"vendor" {
                self.vendor(child, here);
            } else {
                self.reach_data(child, How::Service, b"document root", here);
            }
        }
        let mut open = vec![folder];
        let mut left = MOST_FILES;
        while let Some(node) = open.pop().filter(|_| left > 0) {
            left -= 1;
            let name = self.rootfs.tree().name(node);
            if self.rootfs.is_directory(node) {
                if ![&b"vendor"[..], b"node_modules", b".git", b"tests"].contains(&name) {
                    open.extend(self.rootfs.children(node));
                }
            } else if name.ends_with(b".php") {
                self.push(Job::Text(node, Language::Php, here));
            }
        }
        if left == 0 {
            self.start.is_cut = true;
        }
    }

    /// Reaches what Composer installed, without packages for development alone.
    fn vendor(&mut self, vendor: NodeId, here: Here) {
        let list = self.find_below(vendor, b"composer/installed.json").and_then(|node| self.rootfs.read(node));
        let document: Value = list.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let for_builders: HashSet<&str> = document
            .get("dev-package-names")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for group in self.rootfs.children(vendor).collect::<Vec<_>>() {
            let name = String::from_utf8_lossy(self.rootfs.tree().name(group)).into_owned();
            let is_group = self.rootfs.is_directory(group) && name != "composer" && name != "bin";
            if for_builders.is_empty() || !is_group {
                self.reach_data(group, How::Service, b"vendor", here);
                continue;
            }
            for package in self.rootfs.children(group).collect::<Vec<_>>() {
                let full = format!("{name}/{}", String::from_utf8_lossy(self.rootfs.tree().name(package)));
                if !for_builders.contains(full.as_str()) {
                    self.reach_data(package, How::Service, full.as_bytes(), here);
                }
            }
        }
    }

    fn php_settings(&mut self, here: Here) {
        let folders: Vec<NodeId> = SETTINGS.iter().flat_map(|path| self.pattern(NodeId::ROOT, path)).collect();
        for folder in folders {
            for node in self.files_below(folder, 500) {
                let name = self.rootfs.tree().name(node);
                if name.ends_with(b".ini") || name.ends_with(b".conf") {
                    self.reach(node, How::Service, b"php", here);
                    self.php_extensions(node, here);
                    self.push(Job::Text(node, Language::Other, here));
                }
            }
        }
    }

    /// `extension=gd` loads `gd.so` of the folder of extensions.
    fn php_extensions(&mut self, settings: NodeId, here: Here) {
        let Some(text) = self.rootfs.read(settings) else { return };
        let folders = [
            &b"usr/local/lib/php/extensions/*"[..],
            b"usr/lib/php/*",
            b"usr/lib/php*/modules",
            b"usr/lib64/php/modules",
        ];
        let folders: Vec<NodeId> = folders.iter().flat_map(|path| self.pattern(NodeId::ROOT, path)).collect();
        for line in text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
            let value = line.strip_prefix(b"zend_extension").or_else(|| line.strip_prefix(b"extension"));
            let value = value.map(<[u8]>::trim_ascii).and_then(|rest| rest.strip_prefix(b"="));
            let Some(name) = value.map(|value| value.trim_ascii().trim_ascii_end()) else { continue };
            let name: Vec<u8> = name.iter().copied().filter(|byte| *byte != b'"').collect();
            let file = if name.ends_with(b".so") { name.clone() } else { [&name[..], b".so"].concat() };
            let found = folders.iter().find_map(|folder| self.find_below(*folder, &file));
            if let Some(node) = found {
                self.reach_tree(node, How::Service, &name, Here { origin: super::Origin::Path(settings), ..here });
            }
        }
    }

    /// Returns the files below a directory, up to `most` of them.
    pub(super) fn files_below(&self, folder: NodeId, most: usize) -> Vec<NodeId> {
        let (mut open, mut files) = (vec![folder], Vec::new());
        while let Some(node) = open.pop().filter(|_| files.len() < most) {
            if self.rootfs.is_directory(node) {
                open.extend(self.rootfs.children(node));
            } else {
                files.push(node);
            }
        }
        files
    }

    /// Follows what a PHP text names: its strings are looked at as those of any program.
    pub(super) fn php_text(&mut self, text: &[u8], here: Here) {
        let imagick =
            [&b"new Imagick"[..], b"new \\Imagick"].iter().any(|word| memchr::memmem::find(text, word).is_some());
        if imagick {
            self.module_needs(b"php:imagick", here.is_own, here);
        }
    }
}
