//! What a hiding step does, as far as it only undoes what other steps did: its commands and the paths that they reach.

use foldhash::{HashSet, HashSetExt};
use globset::{GlobBuilder, GlobMatcher};

use crate::analysis::fixes::rewriting::{Timeline, absolute};
use crate::analysis::waste::{Cause, WasteRecord};
use crate::dockerfile::shell::{Dialect, Script, quote};
use crate::dockerfile::step::Form;
use crate::escape::escape;
use crate::layer::entry::NodeId;
use crate::layer::tree::Tree;

/// One command of a hiding step.
#[derive(Debug)]
pub(super) struct Command {
    pub undo: Undo,
    /// Why it is not understood, where its name says that it undoes something.
    pub why: Option<String>,
    /// As it was written.
    pub text: String,
    pub operands: Vec<Operand>,
    /// Whether it reaches what lies below its operands.
    pub is_recursive: bool,
}

/// What a command undoes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Undo {
    /// Another owner or group: the word that says which, `user:group`, `user` or `:group`.
    Owner(String),
    /// Another mode: the word that says which.
    Mode(String),
    /// The files go. Without `-f`, one that is not there is an error.
    Remove { is_forced: bool },
    /// A package manager cleans its own cache.
    Clean,
    /// Something else, which stays where it is.
    Other,
}

/// A path that a command names.
#[derive(Debug)]
pub(super) struct Operand {
    /// Absolute, ready for a shell: quoted but for its patterns.
    pub text: String,
    /// What it stands for in any layer.
    pub tops: HashSet<NodeId>,
}

/// Commands of package managers that empty their caches, and where those lie.
const CLEANERS: [(&[&str], &[&str]); 11] = [
    (&["apt-get", "clean"], &["/var/cache/apt"]),
    (&["apt", "clean"], &["/var/cache/apt"]),
    (&["dnf", "clean", "all"], &["/var/cache/dnf", "/var/cache/libdnf5"]),
    (&["microdnf", "clean", "all"], &["/var/cache/dnf", "/var/cache/yum"]),
    (&["yum", "clean", "all"], &["/var/cache/yum", "/var/cache/dnf"]),
    (&["zypper", "clean"], &["/var/cache/zypp"]),
    (&["apk", "cache", "clean"], &["/var/cache/apk", "/etc/apk/cache"]),
    (&["npm", "cache", "clean"], &["/root/.npm"]),
    (&["pip", "cache", "purge"], &["/root/.cache/pip"]),
    (&["pip3", "cache", "purge"], &["/root/.cache/pip"]),
    (&["yarn", "cache", "clean"], &["/usr/local/share/.cache/yarn", "/root/.cache/yarn"]),
];

impl Command {
    /// Says whether it is what hid a copy.
    pub(super) fn explains(&self, record: &WasteRecord, tree: &Tree) -> bool {
        let fits = match self.undo {
            Undo::Owner(_) | Undo::Mode(_) => matches!(record.cause, Cause::Metadata | Cause::Unchanged),
            Undo::Remove { .. } | Undo::Clean => record.cause == Cause::Deleted,
            Undo::Other => false,
        };
        fits && self.reaches(record.node, tree)
    }

    /// Says whether it acts on a path.
    pub(super) fn reaches(&self, node: NodeId, tree: &Tree) -> bool {
        self.operands.iter().any(|operand| operand.holds(node, tree, self.is_recursive))
    }

    pub(super) fn changes_metadata(&self) -> bool {
        matches!(self.undo, Undo::Owner(_) | Undo::Mode(_))
    }

    /// Says whether it acts on a path through one of its operands.
    pub(super) fn acts_on(&self, operand: usize, node: NodeId, tree: &Tree) -> bool {
        self.operands[operand].holds(node, tree, self.is_recursive)
    }

    /// Returns the removal of some of its operands.
    pub(super) fn removing(&self, operands: &[usize], is_forced: bool) -> String {
        let paths: Vec<&str> = operands.iter().map(|at| self.operands[*at].text.as_str()).collect();
        let flags = match (self.is_recursive, is_forced) {
            (true, true) => " -rf",
            (true, false) => " -r",
            (false, true) => " -f",
            (false, false) => "",
        };
        format!("rm{flags} {}", paths.join(" "))
    }
}

impl Operand {
    pub(super) fn holds(&self, node: NodeId, tree: &Tree, is_recursive: bool) -> bool {
        if !is_recursive {
            return self.tops.contains(&node);
        }
        std::iter::successors(Some(node), |node| tree.parent(*node)).any(|node| self.tops.contains(&node))
    }

    fn new(path: &str, tree: &Tree) -> Self {
        let parts: Vec<String> = path.split('/').map(quote_pattern).collect();
        Operand { text: parts.join("/"), tops: matches(path, tree) }
    }
}

/// Returns the commands of a step.
///
/// # Errors
/// Why they cannot be told apart.
pub(super) fn commands(timeline: &Timeline, place: usize, tree: &Tree) -> Result<Vec<Command>, String> {
    let line = &timeline.lines[place];
    if line.step.form != Form::Shell {
        return Err("it is in exec form".to_owned());
    }
    let script = Script::new(&line.step.command, Dialect::Unknown);
    let variable = |name: &str| timeline.variable(place, name);
    let parse = |command| {
        let words = script.words_with(command, &variable);
        let text = script.text_of(command).to_owned();
        let understood = match words.as_deref() {
            Some(words) => understood(words, &line.context.directory, tree),
            None => Err(UNDOERS.iter().any(|name| has_word(&text, name)).then_some(UNKNOWN_WORDS)),
        };
        let (found, why) = match understood {
            Ok(found) => (Some(found), None),
            Err(why) => (None, why.map(|why| format!("\"{}\" {why}", shortened(&text)))),
        };
        let (undo, operands, is_recursive) = found.unwrap_or((Undo::Other, Vec::new(), false));
        Command { undo, why, text, operands, is_recursive }
    };
    let Some(commands) = script.commands() else {
        return Err(match script.facts() {
            Err(odd) => format!("its text is not understood: {odd}"),
            Ok(_) => "it is more than a list of commands with && between them".to_owned(),
        });
    };
    Ok(commands.iter().map(parse).collect())
}

/// Commands that undo something.
const UNDOERS: [&str; 5] = ["chown", "chgrp", "chmod", "rm", "find"];

/// Said of a command that holds more than the words known here.
const UNKNOWN_WORDS: &str = "holds a redirection, a substitution, or a variable that no ENV sets";

pub(super) fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).any(|part| part == word)
}

/// Returns the beginning of a text, in one line and without control characters.
pub(super) fn shortened(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = line.join(" ");
    let is_long = line.chars().count() > LONGEST;
    let start: String = line.chars().take(if is_long { LONGEST - 1 } else { LONGEST }).collect();
    escape(start.as_bytes()) + if is_long { "…" } else { "" }
}

/// How much of a command is quoted.
const LONGEST: usize = 60;

/// What a command undoes, at which paths, and whether below them, too.
type Understood = (Undo, Vec<Operand>, bool);

/// Understands a command by its words.
///
/// # Errors
/// Why it is not understood; nothing where it is another command.
fn understood(words: &[String], directory: &str, tree: &Tree) -> Result<Understood, Option<&'static str>> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let Some((_, places)) = CLEANERS.iter().find(|(start, _)| words.starts_with(start)) {
        let operands = places.iter().filter(|place| tree.find(place.as_bytes()).is_some());
        return Ok((Undo::Clean, operands.map(|place| Operand::new(place, tree)).collect(), true));
    }
    let (name, rest) = words.split_first().ok_or(None)?;
    let options: Vec<&str> = rest.iter().copied().filter(|word| is_option(word)).collect();
    let known = match *name {
        "rm" => "rRfvd",
        "chown" | "chgrp" | "chmod" => "Rvfch",
        "find" => return Err(Some("is a find")),
        _ => return Err(None),
    };
    // `chmod -x` looks like an option; no option of these commands is unknown here otherwise.
    let long = ["--recursive", "--force", "--verbose", "--changes", "--no-dereference", "--silent", "--quiet"];
    let is_known = |word: &&str| long.contains(word) || word[1..].chars().all(|letter| known.contains(letter));
    if !options.iter().all(is_known) {
        return Err(Some("has an option that is not understood here"));
    }
    let has = |letter: char, name: &str| {
        options.iter().any(|word| *word == name || (!word.starts_with("--") && word[1..].contains(letter)))
    };
    let is_recursive = has('R', "--recursive") || (*name == "rm" && has('r', "--recursive"));
    let mut operands = rest.iter().copied().filter(|word| !is_option(word));
    let undo = match *name {
        "rm" => Undo::Remove { is_forced: has('f', "--force") },
        "chown" => Undo::Owner(operands.next().ok_or(None)?.to_owned()),
        "chgrp" => Undo::Owner(format!(":{}", operands.next().ok_or(None)?)),
        _ => Undo::Mode(operands.next().ok_or(None)?.to_owned()),
    };
    let paths: Vec<&str> = operands.collect();
    // Braces and tildes are the shell's own.
    let is_odd = |path: &&str| path.contains(['{', '}', '~', '\\']) || path.split('/').any(|part| part == "..");
    if paths.is_empty() || paths.iter().any(is_odd) {
        return Err(Some("names paths with a brace, a tilde, a backslash or .. in them"));
    }
    let operands = paths.iter().map(|path| Operand::new(&absolute(directory, path), tree)).collect();
    Ok((undo, operands, is_recursive))
}

fn is_option(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-')
}

/// Quotes a component of a path, and leaves its patterns to the shell.
fn quote_pattern(part: &str) -> String {
    if part.is_empty() {
        return String::new();
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+:,@%*?[]".contains(c);
    if part.chars().all(is_plain) { part.to_owned() } else { quote(part) }
}

/// Returns the paths that a shell's pattern stands for, in any layer.
fn matches(path: &str, tree: &Tree) -> HashSet<NodeId> {
    let mut found = vec![NodeId::ROOT];
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let Some(pattern) = pattern(part) else {
            let child = |node: &NodeId| tree.children(*node).find(|child| tree.name(*child) == part.as_bytes());
            found = found.iter().filter_map(child).collect();
            continue;
        };
        let fits = |node: &NodeId| {
            let name = String::from_utf8_lossy(tree.name(*node));
            // A pattern does not stand for hidden files unless it says so.
            (part.starts_with('.') || !name.starts_with('.')) && pattern.is_match(name.as_ref())
        };
        found = found.iter().flat_map(|node| tree.children(*node)).filter(fits).collect();
    }
    let mut tops = HashSet::with_capacity(found.len());
    tops.extend(found);
    tops
}

fn pattern(part: &str) -> Option<GlobMatcher> {
    if !part.contains(['*', '?', '[']) {
        return None;
    }
    GlobBuilder::new(part).literal_separator(true).build().ok().map(|glob| glob.compile_matcher())
}
