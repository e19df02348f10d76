//! Shell texts, command by command: variables, working directory, here-documents.

use super::{base, interpreter_language, normal};
use crate::analysis::start::reason::How;
use crate::analysis::start::shell::{self, Command};
use crate::analysis::start::walk::{Here, Walk};
use crate::analysis::start::{Language, Origin};
use foldhash::HashMap;
use std::hash::BuildHasher;

type Variables = HashMap<Vec<u8>, Vec<u8>>;

impl Walk<'_, '_> {
    /// Follows the commands of a shell text.
    pub(in crate::analysis::start) fn shell_text(&mut self, text: &[u8], here: Here, how: How) {
        let Some(mut here) = self.deeper(here) else { return };
        // A line that a variable makes of itself is followed once.
        if !self.lines.insert(self.hasher.hash_one((text, here.cwd, here.folder, here.bin))) {
            return;
        }
        let script = shell::parse(text);
        let mut variables = Variables::default();
        variables.insert(b"0".to_vec(), self.script_path(here));
        for command in &script.commands {
            self.shell_command(command, &script.functions, &mut variables, &mut here, how);
        }
    }

    pub(super) fn script_path(&self, here: Here) -> Vec<u8> {
        match here.origin {
            Origin::Path(node) => self.rootfs.tree().path(node),
            Origin::Config(_) => b"sh".to_vec(),
        }
    }

    pub(super) fn shell_command(
        &mut self,
        command: &Command,
        functions: &[Vec<u8>],
        variables: &mut Variables,
        here: &mut Here,
        how: How,
    ) {
        let exported =
            matches!(command.words.first().map(Vec::as_slice), Some(b"export" | b"readonly" | b"local" | b"declare"));
        let named = command.words.iter().filter(|_| exported).filter_map(|word| shell::assignment(word));
        let own = command.assignments.iter().map(|(name, value)| (&name[..], &value[..]));
        let assignments: Vec<(Vec<u8>, Vec<u8>)> =
            own.chain(named).map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        for (name, value) in assignments {
            let values = self.environment.expand(&value, variables);
            self.arguments(&values, *here);
            if let Some(value) = values.into_iter().next() {
                variables.insert(name, value);
            }
        }
        let expanded: Vec<Vec<Vec<u8>>> =
            command.words.iter().map(|word| self.environment.expand(word, variables)).collect();
        let size: usize = expanded.iter().flatten().map(Vec::len).sum();
        if !self.may_step(size as u64) {
            return;
        }
        // Words that a variable holds: `$JAVA_OPTS`, `$CMD`.
        let mut words: Vec<Vec<u8>> = Vec::new();
        for (word, values) in command.words.iter().zip(&expanded) {
            let value = values.first().cloned().unwrap_or_default();
            if word.first() == Some(&b'$') && value != *word && value.contains(&b' ') {
                words.extend(value.split(|byte| *byte == b' ').filter(|part| !part.is_empty()).map(<[u8]>::to_vec));
            } else {
                words.push(value);
            }
        }
        for value in expanded.iter().flat_map(|values| values.iter().skip(1)) {
            self.argument(value, *here);
        }
        for target in &command.targets {
            for value in self.environment.expand(target, variables) {
                self.argument(&value, *here);
            }
        }
        if words.first().is_some_and(|word| word == b"cd") {
            self.change_directory(words.get(1), here);
        } else if words.first().is_some_and(|word| functions.contains(word)) {
            self.arguments(&words[1..], *here);
        } else {
            self.command(&words, *here, how);
        }
        self.documents(command, &words, *here);
    }

    pub(super) fn change_directory(&mut self, target: Option<&Vec<u8>>, here: &mut Here) {
        let target = match target.map(Vec::as_slice) {
            Some(word) if word.starts_with(b"$()") => Some(here.folder),
            Some(word) => self.rootfs.resolve_from(here.cwd, word),
            None => self.rootfs.resolve(&self.environment.home),
        };
        if let Some(node) = target.filter(|node| self.rootfs.is_directory(*node)) {
            here.cwd = node;
        }
    }

    /// Follows here-documents: in the language of what reads them.
    pub(super) fn documents(&mut self, command: &Command, words: &[Vec<u8>], here: Here) {
        let name = words.first().map(|word| normal(base(word))).unwrap_or_default();
        for document in &command.documents {
            let language = interpreter_language(name);
            match language {
                Some(Language::Shell) => self.shell_text(document, here, How::Script),
                Some(language) => self.text_of(document, language, here),
                None => {}
            }
        }
    }
}
