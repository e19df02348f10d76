//! The text of a RUN: how far it is understood, and what that means for putting it into another one.
//!
//! A text is never printed again from what was understood of it; [`Script::text`] stays as the user wrote it. What is
//! understood says which way of wrapping keeps its meaning ([`super::join`]), and which commands of a plain list may go.

mod facts;
mod scan;
mod variables;

use std::ops::Range;

pub(crate) use facts::Facts;

/// The shell that reads a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `/bin/sh` of an image that does not tell which one that is: what is said must hold for all of them.
    #[default]
    Unknown,
    Dash,
    Busybox,
    Bash,
}

/// A text, and what is understood of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    text: String,
    understood: Result<Facts, &'static str>,
    and_list: Option<Vec<Simple>>,
}

/// A simple command of a plain list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Simple {
    pub(super) range: Range<usize>,
    pub(super) words: Vec<Word>,
}

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Where in the text it is.
    pub(super) range: Range<usize>,
    /// What it stands for, where nothing in it is expanded but file name patterns.
    pub literal: Option<String>,
}

/// Commands that act on the shell that runs them in ways that no bracket shows.
const SPECIAL: [&str; 12] =
    ["set", "eval", ".", "source", "command", "builtin", "shopt", "alias", "unalias", "trap", "exec", "return"];

/// Commands that change the shell they run in, and nothing else of it than a subshell contains.
const STATEFUL: [&str; 22] = [
    "cd",
    "export",
    "unset",
    "umask",
    "ulimit",
    "readonly",
    "declare",
    "typeset",
    "local",
    "pushd",
    "popd",
    "read",
    "hash",
    "let",
    "shift",
    "getopts",
    "wait",
    "exit",
    "mapfile",
    "readarray",
    "break",
    "continue",
];

impl Default for Script {
    fn default() -> Self {
        Script::new("", Dialect::default())
    }
}

impl Script {
    /// Reads a text as the shell would.
    pub fn new(text: &str, dialect: Dialect) -> Self {
        let text = text.trim_matches([' ', '\t', '\n']);
        let recognised = scan::recognise(text, dialect);
        let (understood, and_list) = match recognised {
            Ok(found) => {
                let facts = found.facts;
                let is_plain = !facts.has_comment && !facts.reads_shell_state && !facts.reads_process;
                let commands =
                    found.and_list.filter(|commands| is_plain && commands.iter().all(|one| one.is_plain(text)));
                (Ok(facts), commands)
            }
            Err(odd) => (Err(odd), None),
        };
        Script { text: text.to_owned(), understood, and_list }
    }

    /// Returns the text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what is known about it, or why it is not understood.
    pub fn facts(&self) -> Result<Facts, &'static str> {
        self.understood
    }

    /// Returns the commands where it is a list of simple commands that must all succeed: only `&&` between them, no word
    /// that is more than text, patterns and variables, nothing that acts on the shell's options.
    pub fn commands(&self) -> Option<&[Simple]> {
        self.and_list.as_deref()
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Says whether it spans lines.
    pub fn has_lines(&self) -> bool {
        self.text.contains('\n')
    }

    /// Says whether a plain list changes the shell that what follows would run in.
    pub fn leaves_state(&self) -> bool {
        self.commands().is_none_or(|commands| commands.iter().any(|command| command.leaves_state(&self.text)))
    }

    /// Says whether its first command is a `set -e` that every shell of this dialect obeys.
    pub fn starts_with_errexit(&self, dialect: Dialect) -> bool {
        let Some(rest) = self.text.strip_prefix("set -").filter(|_| self.understood.is_ok()) else { return false };
        let (letters, behind) = rest.split_at(rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len()));
        let is_bash = dialect == Dialect::Bash;
        let known = if is_bash { "aCefuvxEBhPo" } else { "aCefuvx" };
        let (letters, behind) = match letters.strip_suffix('o') {
            Some(letters) if is_bash => {
                (letters, behind.trim_start_matches(' ').strip_prefix("pipefail").unwrap_or("?"))
            }
            _ => (letters, behind),
        };
        let behind = behind.trim_start_matches([' ', '\t']);
        let ends = behind.starts_with('\n') || behind.starts_with("&&") || behind.starts_with(';');
        letters.contains('e') && letters.chars().all(|letter| known.contains(letter)) && ends
    }

    /// Returns the text of a command.
    pub fn text_of(&self, command: &Simple) -> &str {
        &self.text[command.range.clone()]
    }

    /// Returns the words of a command, where nothing in them is expanded but file name patterns.
    pub fn words(&self, command: &Simple) -> Option<Vec<String>> {
        // A redirection is no word, and changes what a command does.
        let text = self.text_of(command);
        if text.contains(['<', '>']) {
            return None;
        }
        command.words.iter().map(|word| word.literal.clone()).collect()
    }

    /// Returns the text of a command without some of its words; the rest stays as it was written.
    pub fn without_words(&self, command: &Simple, is_gone: impl Fn(usize) -> bool) -> String {
        let mut out = String::new();
        let mut from = command.range.start;
        for (at, word) in command.words.iter().enumerate() {
            if is_gone(at) {
                out.push_str(self.text[from..word.range.start].trim_end_matches([' ', '\t']));
                from = word.range.end;
            }
        }
        out.push_str(&self.text[from..command.range.end]);
        out
    }

    /// Makes the script of some commands of a plain list, each as text.
    pub fn of_commands(texts: &[String], dialect: Dialect) -> Self {
        Script::new(&texts.join(" && "), dialect)
    }

    /// Says whether nothing in it can run on after its shell has ended, as far as a text tells.
    pub fn leaves_nothing_running(&self) -> bool {
        match self.understood {
            Ok(facts) => !facts.has_background,
            Err(_) => !may_have_background(&self.text),
        }
    }
}

/// Looks for a `&` that may be more than `&&` or `>&`, in any reading of the text.
fn may_have_background(text: &str) -> bool {
    let mut rest = text.replace("&&", "  ").replace(">&", "  ").replace("<&", "  ");
    rest.retain(|c| matches!(c, '&') || !c.is_whitespace());
    rest.contains('&') || text.contains("coproc") || text.contains(">(") || text.contains("<(")
}

impl Simple {
    /// Returns the word that names the command: the first behind assignments, if there is one.
    fn program(&self, text: &str) -> Option<&Word> {
        self.words.iter().find(|word| !facts::is_assignment(&text[word.range.clone()]))
    }

    fn is_plain(&self, text: &str) -> bool {
        let Some(program) = self.program(text) else { return true };
        let is_pattern = |name: &str| name != "[" && name.contains(['*', '?', '[', '{', '~']);
        match program.literal.as_deref() {
            Some(name) => !name.is_empty() && !SPECIAL.contains(&name) && !is_pattern(name),
            // What holds a slash is no command of the shell itself.
            None => text[program.range.clone()].contains('/'),
        }
    }

    fn leaves_state(&self, text: &str) -> bool {
        let Some(program) = self.program(text) else { return true };
        let sets_variable = || self.words.iter().any(|word| text[word.range.clone()].starts_with("-v"));
        program.literal.as_deref().is_some_and(|name| STATEFUL.contains(&name) || (name == "printf" && sets_variable()))
    }
}

/// Says whether a text can name a variable.
pub(crate) fn is_name(text: &str) -> bool {
    let is_start = text.bytes().next().is_some_and(|c| c.is_ascii_alphabetic() || c == b'_');
    is_start && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

/// Quotes a text as one word.
pub(crate) fn quote(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    single_quote(text)
}

/// Puts a text between single quotes, whatever it holds.
pub(crate) fn single_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
