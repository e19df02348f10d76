//! The text of a hiding step as a list of commands, each of which must succeed.
//!
//! Beside a plain list with `&&` that is what follows a `set -e`: there a `;` and a line break say the same, as long as what
//! stands before them is a single command or a pipeline. A `|| true` behind a command goes with it.

use crate::dockerfile::shell::{Dialect, Script};

/// A step's commands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listing {
    pub commands: Vec<Item>,
    pub layout: Layout,
}

/// What stands around the commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// What sets the shell's options, in front of the commands; empty without.
    options: String,
    /// Whether `;` stands between the commands, and not `&&`.
    has_semicolons: bool,
}

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// As it was written.
    pub text: String,
    /// What stands behind it where its failure does not count; else empty.
    pub tail: &'static str,
    /// The text without the tail.
    pub command: String,
}

impl Layout {
    /// Returns the text of a step with these commands.
    pub(crate) fn text(&self, commands: &[String]) -> String {
        let between = if self.has_semicolons { "; " } else { " && " };
        if commands.is_empty() {
            return String::new();
        }
        let list = commands.join(between);
        if self.options.is_empty() { list } else { format!("{}{between}{list}", self.options) }
    }
}

/// What can stand behind a command whose failure does not count.
const TAILS: [(&str, &str); 2] = [("|| true", " || true"), ("|| :", " || :")];

/// No person's step is longer.
const LONGEST: usize = 50_000;

/// How many places are tried at which a command may end.
const MOST_PLACES: usize = 2000;

/// Reads a step's text; `has_errexit` says that its shell stops at the first error.
///
/// # Errors
/// Why it is not a list of commands.
pub(super) fn listing(text: &str, dialect: Dialect, has_errexit: bool) -> Result<Listing, String> {
    let script = Script::new(text, dialect);
    if let Some(commands) = script.commands() {
        let commands = commands.iter().map(|command| Item::new(script.text_of(command), "")).collect();
        return Ok(Listing { commands, layout: Layout::default() });
    }
    let facts = script.facts().map_err(|odd| format!("its text is not understood: {odd}"))?;
    if facts.has_comment || facts.has_background || facts.heredocs > 0 || text.len() > LONGEST {
        return Err(MORE.to_owned());
    }
    let options = options(script.text(), dialect, has_errexit);
    let statements = statements(&script.text()[options.length..], dialect).ok_or_else(|| MORE.to_owned())?;
    let (last, others) = statements.split_last().ok_or_else(|| MORE.to_owned())?;
    if !options.has_errexit && !others.is_empty() {
        return Err("a command in it may fail and the next one still runs: there is no set -e in front".to_owned());
    }
    let mut commands = Vec::new();
    for statement in others {
        commands.push(Item::of(statement, dialect).ok_or_else(|| odd(statement))?);
    }
    let of_last = Script::new(last, dialect);
    match (Item::of(last, dialect), of_last.commands()) {
        (Some(item), _) => commands.push(item),
        (None, Some(all)) => commands.extend(all.iter().map(|one| Item::new(of_last.text_of(one), ""))),
        (None, None) => return Err(odd(last)),
    }
    let has_semicolons = !others.is_empty() || (options.has_errexit && options.has_semicolon);
    Ok(Listing { commands, layout: Layout { options: options.text, has_semicolons } })
}

/// Said of a text that is understood, but no list.
const MORE: &str = "it is more than a list of commands with && between them";

fn odd(statement: &str) -> String {
    format!("\"{}\" in it is more than a plain command", super::command::shortened(statement))
}

impl Item {
    fn new(command: &str, tail: &'static str) -> Self {
        Item { text: format!("{command}{tail}"), tail, command: command.to_owned() }
    }

    /// Returns a statement that is a single command or a pipeline, with or without a tail.
    fn of(statement: &str, dialect: Dialect) -> Option<Self> {
        let is_single = |text: &str| Script::new(text, dialect).commands().is_some_and(|commands| commands.len() == 1);
        if is_single(statement) {
            return Some(Item::new(statement, ""));
        }
        for (end, tail) in TAILS {
            let command = statement.strip_suffix(end).map(str::trim_end).filter(|command| is_single(command));
            if let Some(command) = command {
                return Some(Item::new(command, tail));
            }
        }
        // The parts of a pipeline run in shells of their own.
        let parts: Vec<&str> = statement.split('|').map(|part| part.trim_matches([' ', '\t', '\n'])).collect();
        (parts.len() > 1 && parts.iter().all(|part| is_single(part))).then(|| Item::new(statement, ""))
    }
}

/// What sets options at the start of a text.
#[derive(Default)]
struct Options {
    /// How much of the text that is.
    length: usize,
    text: String,
    has_errexit: bool,
    has_semicolon: bool,
}

fn options(text: &str, dialect: Dialect, has_errexit: bool) -> Options {
    let mut found = Options { has_errexit, ..Options::default() };
    let mut all: Vec<&str> = Vec::new();
    while let Some(behind) = text[found.length..].strip_prefix("set ") {
        let Some(end) = behind.find([';', '&', '\n']) else { break };
        let words: Vec<&str> = behind[..end].split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        let separator = ["&&", ";", "\n"].into_iter().find(|one| behind[end..].starts_with(one));
        let (Some(separator), Some(is_errexit)) = (separator, errexit(&words, dialect)) else { break };
        all.push(behind[..end].trim_end());
        found.has_errexit |= is_errexit;
        found.has_semicolon |= separator != "&&";
        let start = found.length + "set ".len() + end + separator.len();
        found.length = start + text[start..].len() - text[start..].trim_start_matches([' ', '\t', '\n']).len();
    }
    let between = if found.has_semicolon { "; " } else { " && " };
    found.text = all.iter().map(|words| format!("set {words}")).collect::<Vec<_>>().join(between);
    found
}

/// Says whether the words of a `set` make the shell stop at the first error; nothing where they may do something else.
fn errexit(words: &[&str], dialect: Dialect) -> Option<bool> {
    let mut is_errexit = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let letters = word.strip_prefix('-').filter(|letters| !letters.is_empty())?;
        let plain = letters.strip_suffix('o').unwrap_or(letters);
        if plain.len() < letters.len() && (dialect != Dialect::Bash || words.next() != Some(&"pipefail")) {
            return None;
        }
        plain.chars().all(|letter| "euxv".contains(letter)).then_some(())?;
        is_errexit |= plain.contains('e');
    }
    Some(is_errexit)
}

/// Takes a text apart at each `;` and line break that ends a complete statement.
fn statements(text: &str, dialect: Dialect) -> Option<Vec<&str>> {
    let mut statements = Vec::new();
    let (mut start, mut places) = (0, 0);
    for (at, _) in text.match_indices([';', '\n']).chain([(text.len(), "")]) {
        let statement = text[start..at].trim_matches([' ', '\t', '\n']);
        let is_escaped = statement.len() - statement.trim_end_matches('\\').len() > 0;
        places += 1;
        if is_escaped || places > MOST_PLACES || at.saturating_sub(start) > LONGEST / 10 {
            // What is quoted is no end.
            if places > MOST_PLACES {
                return None;
            }
            continue;
        }
        if statement.is_empty() {
            start = at + 1;
        } else if Script::new(statement, dialect).facts().is_ok() {
            statements.push(statement);
            start = at + 1;
        }
    }
    (start > text.len()).then_some(statements)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Result<(Vec<String>, String), String> {
        let found = listing(text, Dialect::Unknown, false)?;
        let texts: Vec<String> = found.commands.into_iter().map(|item| item.text).collect();
        let again = found.layout.text(&texts);
        Ok((texts, again))
    }

    #[test]
    fn lists_are_told_apart() {
        let list = |texts: &[&str], again: &str| {
            Ok((texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(), again.to_owned()))
        };
        for (text, expected) in [
            ("a && b", list(&["a", "b"], "a && b")),
            ("set -e; a; b;", list(&["a", "b"], "set -e; a; b")),
            ("set -eux;   a; \tb", list(&["a", "b"], "set -eux; a; b")),
            ("set -eux\na 'x;y'\nb && c", list(&["a 'x;y'", "b", "c"], "set -eux; a 'x;y'; b; c")),
            ("set -ex && a && b", list(&["a", "b"], "set -ex && a && b")),
            ("set -e -x && a", list(&["a"], "set -e -x && a")),
            ("set -e; set -x; a", list(&["a"], "set -e; set -x; a")),
            ("set -x; a && b", list(&["a", "b"], "set -x && a && b")),
            ("a || true", list(&["a || true"], "a || true")),
            ("set -e; a || :; b | c; d", list(&["a || :", "b | c", "d"], "set -e; a || :; b | c; d")),
            (
                "set -e; find /x -exec chown 1 {} \\;; b",
                list(&["find /x -exec chown 1 {} \\;", "b"], "set -e; find /x -exec chown 1 {} \\;; b"),
            ),
        ] {
            assert_eq!(told(text), expected, "{text:?}");
        }
        for text in [
            "a; b",
            "set -x; a; b",
            "set -e; a && b; c",
            "set -e; if a; then b; fi; c",
            "a && b || true",
            "set -e; a & b",
            "set -e # why\na; b",
            "set -e; a\n# why; not\nb",
            "set -ef; a; b",
            "set -n; a",
            "set -eo pipefail; a; b",
            "set -e; (a; b); c",
            "set -e; a 'x; b",
            "set -e; a `b;c`; d",
        ] {
            assert!(told(text).is_err(), "{text:?}: {:?}", told(text));
        }
        assert_eq!(listing("set -eo pipefail; a; b", Dialect::Bash, false).map(|found| found.commands.len()), Ok(2));
        assert_eq!(listing("a; b", Dialect::Dash, true).map(|found| found.commands.len()), Ok(2));
    }
}
