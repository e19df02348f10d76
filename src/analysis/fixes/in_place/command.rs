//! What a hiding step does, as far as it only undoes what other steps did: its commands and the paths that they reach.

use std::sync::Arc;

use foldhash::{HashSet, HashSetExt};
use globset::{GlobBuilder, GlobMatcher};

use super::find::{self, Find, Kinds};
use super::mode::Mode;
use super::script::{Item, Layout, listing};
use crate::analysis::fixes::rewriting::{Timeline, absolute};
use crate::analysis::waste::{Cause, WasteRecord};
use crate::dockerfile::shell::{Script, quote};
use crate::dockerfile::step::Form;
use crate::escape::escape;
use crate::layer::entry::NodeId;
use crate::layer::index::Index;
use crate::layer::tree::Tree;

/// Tells what each path is in the layers that have it.
pub(super) type AllKinds<'a> = dyn Fn() -> &'a Arc<[Kinds]> + 'a;

/// One command of a hiding step.
#[derive(Debug)]
pub(super) struct Command {
    pub undo: Undo,
    /// Why it is not understood, where its name says that it undoes something.
    pub why: Option<String>,
    /// As it was written.
    pub text: String,
    /// What stands behind it where its failure does not count; else empty.
    pub tail: &'static str,
    pub operands: Vec<Operand>,
    /// Whether it reaches what lies below its operands.
    pub is_recursive: bool,
    /// How it is run by a `find`, where it is.
    pub find: Option<Find>,
    /// A later command of the step changes some of the files again.
    pub is_overruled: bool,
}

/// What a command undoes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Undo {
    /// Another owner or group: the word that says which, `user:group`, `user` or `:group`.
    Owner(String),
    /// Another mode.
    Mode(Mode),
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
    fn other(item: &Item, why: Unknown) -> Self {
        Command {
            undo: Undo::Other,
            why: why.map(|why| format!("\"{}\" {why}", shortened(&item.text))),
            text: item.text.clone(),
            tail: item.tail,
            operands: Vec::new(),
            is_recursive: false,
            find: None,
            is_overruled: false,
        }
    }

    /// Takes it for a command that is not understood.
    pub(super) fn give_up(&mut self, why: &str) {
        self.why = Some(format!("\"{}\" {why}", shortened(&self.text)));
        self.undo = Undo::Other;
        self.operands.clear();
        self.find = None;
    }

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
        self.takes(node) && self.operands.iter().any(|operand| operand.holds(node, tree, self.is_recursive))
    }

    pub(super) fn changes_metadata(&self) -> bool {
        matches!(self.undo, Undo::Owner(_) | Undo::Mode(_))
    }

    /// Says whether another command may give the same files another owner or mode.
    pub(super) fn contradicts(&self, other: &Command) -> bool {
        match (&self.undo, &other.undo) {
            (Undo::Owner(one), Undo::Owner(other)) => one != other,
            (Undo::Mode(one), Undo::Mode(other)) => one != other,
            _ => false,
        }
    }

    /// Says whether it acts on a path through one of its operands.
    pub(super) fn acts_on(&self, operand: usize, node: NodeId, tree: &Tree) -> bool {
        self.takes(node) && self.operands[operand].holds(node, tree, self.is_recursive)
    }

    /// Says whether a path is of the kind that a `find` looks for.
    fn takes(&self, node: NodeId) -> bool {
        self.find.as_ref().is_none_or(|find| find.takes(node))
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
        format!("rm{flags} {}{}", paths.join(" "), self.tail)
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

/// Returns the commands of a step, and what stands around them.
///
/// # Errors
/// Why they cannot be told apart.
pub(super) fn commands(
    timeline: &Timeline,
    place: usize,
    index: &Index,
    kinds: &AllKinds<'_>,
) -> Result<(Vec<Command>, Layout), String> {
    let line = &timeline.lines[place];
    if line.step.form != Form::Shell {
        return Err("it is in exec form".to_owned());
    }
    let runner = line.runner(timeline, index).unwrap_or_default();
    let listing = listing(&line.step.command, runner.dialect, runner.errexit)?;
    let mut shell = Shell { directory: Some(line.context.directory.clone()), has_own_variables: false };
    let mut commands = Vec::with_capacity(listing.commands.len());
    for item in listing.commands {
        let script = Script::new(&item.command, runner.dialect);
        let variable = |name: &str| timeline.variable(place, name).filter(|_| !shell.has_own_variables);
        let words = script.commands().and_then(|commands| match commands {
            [command] => script.words_with(command, &variable),
            _ => None,
        });
        let found = match words.as_deref() {
            Some(words) => understood(words, shell.directory.as_deref(), &index.tree, kinds),
            None => Err(UNDOERS.iter().any(|name| has_word(&item.command, name)).then(|| {
                "is more than words: a pipeline, a redirection, a substitution, or a variable that no ENV sets"
                    .to_owned()
            })),
        };
        shell.after(&item.command, words.as_deref());
        commands.push(match found {
            Ok(found) => Command {
                undo: found.undo,
                why: None,
                text: item.text,
                tail: item.tail,
                operands: found.operands,
                is_recursive: found.is_recursive,
                find: found.find,
                is_overruled: false,
            },
            Err(why) => Command::other(&item, why),
        });
    }
    Ok((commands, listing.layout))
}

/// What the commands of a step find, as those before them leave it.
struct Shell {
    /// The current directory, where it is known.
    directory: Option<String>,
    /// A variable may be another one than the image's.
    has_own_variables: bool,
}

/// Commands that set variables, or may.
const SETTERS: [&str; 12] = [
    "export",
    "unset",
    "read",
    "readonly",
    "declare",
    "typeset",
    "local",
    "printf",
    "getopts",
    "mapfile",
    "readarray",
    "let",
];

impl Shell {
    fn after(&mut self, text: &str, words: Option<&[String]>) {
        let first = text.split([' ', '\t', '\n', '|']).next().unwrap_or_default();
        self.has_own_variables |= SETTERS.contains(&first) || first.contains('=');
        match first {
            "cd" => {
                let target = words.filter(|words| words.len() == 2).map(|words| words[1].as_str());
                let is_plain = |target: &&str| {
                    !target.starts_with(['-', '~'])
                        && !target.contains(['*', '?', '[', '{', '\\'])
                        && target.split('/').all(|part| part != "..")
                };
                self.directory = target.filter(is_plain).and_then(|target| match &self.directory {
                    Some(directory) => Some(absolute(directory, target)),
                    None => target.starts_with('/').then(|| absolute("/", target)),
                });
            }
            "pushd" | "popd" => self.directory = None,
            _ => {}
        }
    }
}

/// Commands that undo something.
const UNDOERS: [&str; 5] = ["chown", "chgrp", "chmod", "rm", "find"];

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

/// What the words of a command say.
pub(super) struct Understood {
    pub undo: Undo,
    pub operands: Vec<Operand>,
    pub is_recursive: bool,
    pub find: Option<Find>,
}

/// Why a command is not understood; nothing where it is another one.
pub(super) type Unknown = Option<String>;

fn because<T>(why: &str) -> Result<T, Unknown> {
    Err(Some(why.to_owned()))
}

/// Understands a command by its words, in a directory that may not be known.
fn understood(
    words: &[String],
    directory: Option<&str>,
    tree: &Tree,
    kinds: &AllKinds<'_>,
) -> Result<Understood, Unknown> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let Some((_, places)) = CLEANERS.iter().find(|(start, _)| words.starts_with(start)) {
        let operands = places.iter().filter(|place| tree.find(place.as_bytes()).is_some());
        let operands = operands.map(|place| Operand::new(place, tree)).collect();
        return Ok(Understood { undo: Undo::Clean, operands, is_recursive: true, find: None });
    }
    let (name, rest) = words.split_first().ok_or(None)?;
    if *name == "find" {
        return find::understood(rest, |paths| operands(paths, directory, tree), tree, kinds());
    }
    let options: Vec<&str> = rest.iter().copied().filter(|word| is_option(word)).collect();
    let known = match *name {
        "rm" => "rRfvd",
        "chown" | "chgrp" | "chmod" => "Rvfch",
        _ => return Err(None),
    };
    // `chmod -x` looks like an option; no option of these commands is unknown here otherwise.
    let long = ["--recursive", "--force", "--verbose", "--changes", "--no-dereference", "--silent", "--quiet"];
    let is_known = |word: &&str| long.contains(word) || word[1..].chars().all(|letter| known.contains(letter));
    if !options.iter().all(is_known) {
        return because("has an option that is not understood here");
    }
    let has = |letter: char, name: &str| {
        options.iter().any(|word| *word == name || (!word.starts_with("--") && word[1..].contains(letter)))
    };
    let is_recursive = has('R', "--recursive") || (*name == "rm" && has('r', "--recursive"));
    let mut plain = rest.iter().copied().filter(|word| !is_option(word));
    let undo = match *name {
        "rm" => Undo::Remove { is_forced: has('f', "--force") },
        name => changing(name, plain.next().ok_or(None)?)?,
    };
    let paths: Vec<&str> = plain.collect();
    Ok(Understood { undo, operands: operands(&paths, directory, tree)?, is_recursive, find: None })
}

/// Understands the first word of a chown, chgrp or chmod.
pub(super) fn changing(name: &str, word: &str) -> Result<Undo, Unknown> {
    match name {
        "chown" => Ok(Undo::Owner(word.to_owned())),
        "chgrp" => Ok(Undo::Owner(format!(":{word}"))),
        "chmod" => match Mode::parse(word) {
            Some(mode) => Ok(Undo::Mode(mode)),
            None => because("sets a mode that is not understood here"),
        },
        _ => Err(None),
    }
}

fn operands(paths: &[&str], directory: Option<&str>, tree: &Tree) -> Result<Vec<Operand>, Unknown> {
    // Braces and tildes are the shell's own.
    let is_odd = |path: &&str| path.contains(['{', '}', '~', '\\']) || path.split('/').any(|part| part == "..");
    if paths.is_empty() || paths.iter().any(is_odd) {
        return because("names paths with a brace, a tilde, a backslash or .. in them");
    }
    let operand = |path: &&str| match directory {
        Some(directory) => Ok(Operand::new(&absolute(directory, path), tree)),
        None if path.starts_with('/') => Ok(Operand::new(&absolute("/", path), tree)),
        None => because("names paths from a directory that is not known here"),
    };
    paths.iter().map(operand).collect()
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
