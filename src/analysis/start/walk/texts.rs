//! Texts of the chain: read within the bounds, and followed by what they are written in.

use super::{Here, Job, Walk};
use crate::analysis::start::reason::{How, Origin, Reason};
use crate::analysis::start::text::{self, Readable};
use crate::analysis::start::{Language, commands, words};
use crate::layer::entry::NodeId;
use foldhash::HashMap;
use std::borrow::Cow;

/// Names in one text that are looked up as relative paths.
const MOST_TOKENS: usize = 100_000;

impl<'i> Walk<'_, 'i> {
    /// Returns what can be read of a file; notes where that is not all.
    pub(super) fn read(&mut self, node: NodeId, language: Language) -> Option<Cow<'i, [u8]>> {
        let content = self.rootfs.read(node);
        let is_own = self.is_own(node) && (language != Language::Other || self.is_configuration(node));
        let Some(content) = content else {
            if is_own && self.rootfs.size(node) > 0 {
                self.start.unread.push(node);
            }
            return None;
        };
        if self.texts_left == 0 || self.bytes_left < content.len() {
            self.start.is_cut = true;
            return None;
        }
        self.texts_left -= 1;
        self.bytes_left -= content.len();
        let Readable { text, is_whole } = text::readable(&content);
        if is_whole {
            return Some(content);
        }
        if is_own {
            self.start.unread.push(node);
        }
        let readable = text.to_vec();
        Some(Cow::Owned(readable))
    }

    /// Says whether a file that is no program may still say what runs; certificates, images and tables of data do not.
    pub(super) fn is_configuration(&self, node: NodeId) -> bool {
        const ENDINGS: [&[u8]; 12] = [
            b".conf",
            b".cfg",
            b".ini",
            b".yml",
            b".yaml",
            b".toml",
            b".json",
            b".xml",
            b".properties",
            b".env",
            b".service",
            b".cron",
        ];
        const FOLDERS: [&[u8]; 5] =
            [b"/etc/cron", b"/var/spool/cron", b"/etc/s6", b"/etc/services.d/", b"/etc/systemd/"];
        let path = self.rootfs.tree().path(node);
        ENDINGS.iter().any(|ending| path.ends_with(ending)) || FOLDERS.iter().any(|folder| path.starts_with(folder))
    }

    pub(super) fn text(&mut self, node: NodeId, language: Language, here: Here) {
        if language == Language::Python && here.python.is_none() {
            self.waiting.push((node, here));
            return;
        }
        let python = here.python.filter(|_| language == Language::Python);
        if !self.seen.insert((node, language, python)) {
            return;
        }
        let Some(here) = self.deeper(here) else { return };
        let is_own = self.is_own(node);
        let folder = self.rootfs.tree().parent(node).unwrap_or(NodeId::ROOT);
        let here = Here { origin: Origin::Path(node), folder, is_own, ..here };
        let Some(content) = self.read(node, language) else {
            self.unreadable(node, language, here);
            return;
        };
        if self.start.unread.last() == Some(&node) {
            self.unreadable(node, language, here);
        }
        self.text_of(&content, language, here);
    }

    /// What is taken for needed by a program that cannot be read.
    pub(super) fn unreadable(&mut self, node: NodeId, language: Language, here: Here) {
        if language == Language::Node {
            self.node_manifest_dependencies(node, here);
        }
    }

    /// Follows what a text says.
    pub(in crate::analysis::start) fn text_of(&mut self, content: &[u8], language: Language, here: Here) {
        let clean = text::without_comments(content, language);
        let is_library = matches!(here.origin, Origin::Path(node) if self.is_library_path(node));
        let speaks = here.is_own || (language == Language::Other && !is_library);
        if speaks {
            let how = if language == Language::Shell { How::Script } else { How::Text };
            let number = self.start.words.add_reason(Reason::new(here.origin, how, b""));
            self.start.words.add_text(&clean, number);
            self.path_words(&clean, here, how, number);
        }
        // Texts of modules say what the module can do, not what is done.
        if is_library && language != Language::Python {
            return;
        }
        match language {
            Language::Shell => self.shell_text(content, here, How::Script),
            Language::Python => self.python_text(&clean, here),
            Language::Node => self.node_text(&clean, here),
            Language::Ruby => self.ruby_text(&clean, here),
            Language::Php => self.php_text(&clean, here),
            Language::Perl => self.perl_text(&clean, here),
            Language::Other => self.configuration(&clean, here),
            Language::Java => {}
        }
        if here.is_own && language != Language::Shell {
            self.strings(&clean, here);
        }
    }

    /// Follows the paths that a text names: files are reached, directories are mentioned.
    pub(in crate::analysis::start) fn path_words(&mut self, text: &[u8], here: Here, how: How, reason: u32) {
        let none = HashMap::default();
        for (_, token) in text::path_tokens(text).take(MOST_TOKENS) {
            let is_absolute = matches!(token.first(), Some(b'/' | b'~' | b'$'));
            let is_path = is_absolute || token.iter().any(|byte| b"/.".contains(byte));
            if !is_path || token.len() < 3 || token.starts_with(b"-") {
                continue;
            }
            for path in self.environment.expand(token, &none) {
                if !self.may_step(path.len() as u64) {
                    return;
                }
                self.path_word(&path, here, how, reason);
            }
        }
    }

    pub(super) fn path_word(&mut self, path: &[u8], here: Here, how: How, reason: u32) {
        let open = path.iter().position(|byte| b"*?${}%".contains(byte));
        let path = match open {
            // What stands behind a pattern is not known: all of the directory before it is named.
            Some(at) => &path[..path[..at].iter().rposition(|byte| *byte == b'/').unwrap_or(0)],
            None => path,
        };
        let path = path.strip_suffix(b"/").unwrap_or(path);
        if path.len() < 2 {
            return;
        }
        let is_pattern = open.is_some();
        let mut found = Vec::new();
        if path.starts_with(b"/") {
            self.start.words.add_path(path, reason);
            found.extend(self.rootfs.resolve(path));
        } else {
            for from in [here.cwd, here.folder, here.root] {
                found.extend(self.rootfs.resolve_from(from, path).filter(|node| !found.contains(node)));
            }
        }
        let is_kernel = |node: NodeId| {
            let path = self.rootfs.tree().path(node);
            [&b"/dev/"[..], b"/proc/", b"/sys/"].iter().any(|top| path.starts_with(top))
        };
        found.retain(|node| !is_kernel(*node));
        for node in found {
            self.named_path(node, path, here, how, reason, is_pattern);
        }
    }

    pub(super) fn named_path(
        &mut self,
        node: NodeId,
        word: &[u8],
        here: Here,
        how: How,
        reason: u32,
        is_pattern: bool,
    ) {
        let shown = self.rootfs.tree().path(node);
        if is_pattern && words::is_listed(&shown) {
            self.start.words.add_path(&[&shown[..], b"/"].concat(), reason);
        }
        if self.rootfs.is_directory(node) {
            if node != here.cwd || word.starts_with(b"/") {
                self.start.words.add_path(&shown, reason);
            }
            return;
        }
        self.start.words.add_path(&shown, reason);
        if self.reach(node, how, word, here) {
            self.named_file(node, here);
        }
    }

    /// Follows a file that a text names: as a program where it is one, else as a configuration.
    pub(in crate::analysis::start) fn named_file(&mut self, node: NodeId, here: Here) {
        let is_program = self.rootfs.is_executable(node) || self.is_library(node);
        if is_program {
            self.push(Job::Program(node, here));
        } else if !self.is_packaged(node) {
            let language = commands::language_of(self.rootfs.tree().name(node));
            self.push(Job::Text(node, language.unwrap_or(Language::Other), here));
        }
    }

    pub(super) fn is_library(&self, node: NodeId) -> bool {
        memchr::memmem::find(self.rootfs.tree().name(node), b".so").is_some()
    }
}
