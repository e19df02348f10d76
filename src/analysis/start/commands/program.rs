//! Programs: their interpreters, and what they are written in.

use super::{base, interpreter_language, language_of, normal};
use crate::analysis::start::reason::How;
use crate::analysis::start::walk::{Here, Job, Walk};
use crate::analysis::start::{Language, Origin, shell};
use crate::layer::entry::NodeId;

impl Walk<'_, '_> {
    /// Follows a program: its libraries, or its interpreter and its text.
    pub(in crate::analysis::start) fn program(&mut self, node: NodeId, here: Here) {
        if self.rootfs.is_directory(node) {
            return;
        }
        if let Some(elf) = self.rootfs.elf(node) {
            if self.is_own(node) && !elf.is_object {
                self.start.compiled.push(node);
            }
            self.push(Job::Elf(node));
            return;
        }
        match self.language_of_program(node) {
            Some((language, interpreter)) => {
                let here = Here { origin: Origin::Path(node), ..here };
                let here = if let Some(line) = interpreter {
                    self.shebang(&line, node, language, here)
                } else {
                    // Its first line could not be read: the usual interpreter is taken.
                    self.usual_interpreter(language, here);
                    here
                };
                self.push(Job::Text(node, language, here));
            }
            // What is executed without a first line is a shell's.
            None => self.push(Job::Text(node, Language::Shell, here)),
        }
    }

    pub(super) fn usual_interpreter(&mut self, language: Language, here: Here) {
        let names: &[&[u8]] = match language {
            Language::Python => &[b"python3", b"python"],
            Language::Node => &[b"node", b"nodejs"],
            Language::Ruby => &[b"ruby"],
            Language::Php => &[b"php"],
            Language::Perl => &[b"perl"],
            Language::Shell | Language::Java | Language::Other => return,
        };
        if let Some(name) = names.iter().find(|name| self.find_command(name, here).is_some()) {
            self.reach_command(name, How::Shebang, here);
        }
    }

    /// Reaches the interpreter of a first line.
    pub(super) fn shebang(&mut self, line: &[u8], node: NodeId, language: Language, here: Here) -> Here {
        let mut words: Vec<&[u8]> = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
        if words.first().is_some_and(|word| base(word) == b"env") {
            self.reach_command(words[0], How::Shebang, here);
            words.remove(0);
            words.retain(|word| !word.starts_with(b"-") && shell::assignment(word).is_none());
        }
        let Some(first) = words.first().map(|word| word.to_vec()) else { return here };
        let folder = self.rootfs.tree().parent(node).unwrap_or(here.root);
        let here = Here { root: folder, ..here };
        let Some((shown, _)) = self.reach_command(&first, How::Shebang, here) else { return here };
        match language {
            Language::Python => {
                let python = self.python_of(shown, here);
                Here { python: Some(python), ..here }
            }
            Language::Shell | Language::Other => {
                if !matches!(language, Language::Shell) {
                    return here;
                }
                self.interpreter(language, shown, Some(node), &[]);
                here
            }
            _ => {
                self.interpreter(language, shown, Some(node), &[]);
                here
            }
        }
    }

    /// Returns what a program file is written in, and its first line without `#!`.
    pub(in crate::analysis::start) fn language_of_program(&self, node: NodeId) -> Option<(Language, Option<Vec<u8>>)> {
        let by_name = || language_of(self.rootfs.tree().name(node)).map(|language| (language, None));
        let Some(content) = self.rootfs.read(node) else { return by_name() };
        let Some(rest) = content.strip_prefix(b"#!") else { return by_name() };
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len().min(256));
        let line = rest[..end].trim_ascii().to_vec();
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let mut first = base(words.next()?);
        if first == b"env" {
            first = base(words.find(|word| !word.starts_with(b"-") && shell::assignment(word).is_none())?);
        }
        let language = interpreter_language(normal(first)).unwrap_or(Language::Other);
        Some((language, Some(line)))
    }
}
