//! What is typed after `/` and `f`: a piece of a path, a glob, or a regular expression; `!` inverts.

use std::io;
use std::ops::Range;

use globset::GlobBuilder;
use regex::bytes::{Regex, RegexBuilder};

use crate::contents::search::last_line;
use crate::layer::entry::NodeId;
use crate::layer::tree::Tree;
use crate::task::Task;

/// A pattern over paths.
#[derive(Debug, Clone)]
pub struct Pattern {
    inverted: bool,
    regex: Regex,
    /// Matches names of single components; everything below a matching directory matches too.
    by_name: bool,
}

/// The largest compiled expression; a typed one has kilobytes.
const MOST_REGEX_BYTES: usize = 4 << 20;
/// How much is searched between two looks at whether the search was stopped.
const NAMES_AT_ONCE: usize = 4096;
const PATHS_AT_ONCE: usize = 64;

impl Pattern {
    /// Parses what was typed; nothing for an empty text.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn parse(text: &str) -> Result<Option<Pattern>, String> {
        let (inverted, text) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        if text.is_empty() {
            return Ok(None);
        }
        let (source, by_name) = match text.strip_prefix("re:") {
            Some(expression) => (expression.to_owned(), false),
            None if text.contains(['*', '?', '[', '{']) => (glob(text)?, false),
            None => (regex::escape(text), !text.contains('/')),
        };
        let ignore_case = !text.chars().any(char::is_uppercase);
        let regex = RegexBuilder::new(&source)
            .case_insensitive(ignore_case)
            .size_limit(MOST_REGEX_BYTES)
            .build()
            .map_err(|error| last_line(&error.to_string()))?;
        Ok(Some(Pattern { inverted, regex, by_name }))
    }

    /// Returns for each node whether the pattern takes it. Costs all paths.
    ///
    /// # Errors
    /// That the task was stopped.
    pub fn matches(&self, tree: &Tree, task: &Task) -> io::Result<Vec<bool>> {
        let mut found = vec![false; tree.len()];
        if self.by_name {
            self.match_names(tree, &mut found, task)?;
        } else {
            self.match_paths(tree, &mut found, task)?;
        }
        if self.inverted {
            for found in &mut found {
                *found = !*found;
            }
        }
        Ok(found)
    }

    /// Searches many names at once: they are stored back to back, in the order of their nodes.
    fn match_names(&self, tree: &Tree, found: &mut [bool], task: &Task) -> io::Result<()> {
        for start in (1..tree.len()).step_by(NAMES_AT_ONCE) {
            task.check()?;
            self.match_some_names(tree, start..(start + NAMES_AT_ONCE).min(tree.len()), found);
        }
        for at in 1..tree.len() {
            found[at] |= tree.parent(NodeId::at(at)).is_some_and(|parent| found[parent.index()]);
        }
        Ok(())
    }

    fn match_some_names(&self, tree: &Tree, nodes: Range<usize>, found: &mut [bool]) {
        let mut from = tree.name_end(NodeId::at(nodes.start - 1));
        let names = &tree.names()[..tree.name_end(NodeId::at(nodes.end - 1))];
        let mut at = nodes.start;
        while let Some(hit) = self.regex.find_at(names, from) {
            while at < nodes.end && tree.name_end(NodeId::at(at)) <= hit.start() {
                at += 1;
            }
            if at == nodes.end {
                break;
            }
            let end = tree.name_end(NodeId::at(at));
            if hit.end() <= end {
                found[at] = true;
                from = end;
            } else {
                // It reaches into the next name.
                from = hit.start() + 1;
            }
        }
    }

    /// Walks the tree with one path that grows and shrinks.
    fn match_paths(&self, tree: &Tree, found: &mut [bool], task: &Task) -> io::Result<()> {
        let mut path = Vec::new();
        let mut ways = vec![(tree.first_child(NodeId::ROOT), 0)];
        let mut count = 0usize;
        while let Some((next, length)) = ways.last_mut() {
            count += 1;
            if count.is_multiple_of(PATHS_AT_ONCE) {
                task.check()?;
            }
            let Some(node) = *next else {
                ways.pop();
                continue;
            };
            *next = tree.next_sibling(node);
            path.truncate(*length);
            path.push(b'/');
            path.extend_from_slice(tree.name(node));
            found[node.index()] = self.regex.is_match(&path);
            if let Some(child) = tree.first_child(node) {
                ways.push((Some(child), path.len()));
            }
        }
        Ok(())
    }
}

/// Turns a glob into an expression: without a slash it is about names, with one about paths from the root.
fn glob(text: &str) -> Result<String, String> {
    let from_root = text.starts_with('/');
    let pattern = if from_root { text.to_owned() } else { format!("**/{text}") };
    let glob = GlobBuilder::new(&pattern).literal_separator(true).build().map_err(|error| error.kind().to_string())?;
    Ok(glob.regex().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::tree::Cursor;

    fn found(pattern: &str) -> Vec<String> {
        let (mut tree, mut cursor) = (Tree::default(), Cursor::default());
        for path in ["app/Main.rs", "app/lib.rs", "app/node_modules/a.JS", "etc/a.js", "usr/lib/b.so.1"] {
            tree.insert(&mut cursor, path.as_bytes()).expect("small");
        }
        let pattern = Pattern::parse(pattern).expect("valid").expect("not empty");
        let found = pattern.matches(&tree, &Task::default()).expect("not stopped");
        let nodes = (1..tree.len()).filter(|at| found[*at]).map(NodeId::at);
        nodes.map(|node| String::from_utf8(tree.path(node)).expect("text")).collect()
    }

    #[test]
    fn a_name_ends_where_the_next_one_begins() {
        // "lib.rs" is followed by "node_modules" in the list of all names.
        assert_eq!(found("rsn"), [""; 0]);
        assert_eq!(found(".rs"), ["/app/Main.rs", "/app/lib.rs"]);
    }

    #[test]
    fn plain_text_is_a_smart_case_piece_of_the_path() {
        assert_eq!(found("main"), ["/app/Main.rs"]);
        assert_eq!(found("MAIN"), [""; 0]);
        assert_eq!(found("lib"), ["/app/lib.rs", "/usr/lib", "/usr/lib/b.so.1"]);
        assert_eq!(found("p/n"), ["/app/node_modules", "/app/node_modules/a.JS"]);
        assert_eq!(found("node_modules"), ["/app/node_modules", "/app/node_modules/a.JS"]);
    }

    #[test]
    fn globs_expressions_and_inversion() {
        assert_eq!(found("*.js"), ["/app/node_modules/a.JS", "/etc/a.js"]);
        assert_eq!(found("/etc/*"), ["/etc/a.js"]);
        assert_eq!(found("**/b.so*"), ["/usr/lib/b.so.1"]);
        assert_eq!(found("re:so\\.[0-9]$"), ["/usr/lib/b.so.1"]);
        assert_eq!(found("!re:a|lib|usr"), ["/etc"]);
    }

    #[test]
    fn every_block_of_names_is_looked_through() {
        let (mut tree, mut cursor) = (Tree::default(), Cursor::default());
        for number in 0..3 * NAMES_AT_ONCE {
            tree.insert(&mut cursor, format!("n{number:06}").as_bytes()).expect("small");
        }
        let found = |text: &str| {
            let pattern = Pattern::parse(text).expect("valid").expect("not empty");
            pattern.matches(&tree, &Task::default()).expect("not stopped").iter().filter(|found| **found).count()
        };
        assert_eq!((found("n0"), found("9"), found("004095"), found("004096")), (3 * NAMES_AT_ONCE, 4027, 1, 1));
    }

    #[test]
    fn a_search_that_is_stopped_ends() {
        let (mut tree, mut cursor) = (Tree::default(), Cursor::default());
        for number in 0..100 {
            tree.insert(&mut cursor, format!("a/{number}").as_bytes()).expect("small");
        }
        let task = Task::default();
        task.stop();
        for text in ["7", "a/7"] {
            let pattern = Pattern::parse(text).expect("valid").expect("not empty");
            assert!(pattern.matches(&tree, &task).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(Pattern::parse("").expect("valid").is_none());
        assert!(Pattern::parse("!").expect("valid").is_none());
        assert!(Pattern::parse("re:(").expect_err("open group").contains("unclosed"));
        assert!(Pattern::parse("a[").is_err());
    }
}
