//! Rules about paths: what no layer may hold, and whose waste is overlooked.
//!
//! A pattern is a glob as `.gitignore` reads them: `*` and `?` stop at a slash, `**` does not; one that begins with a slash
//! stands for paths from the root, any other for paths at every depth; what matches a directory matches what lies below.

use std::fmt;
use std::str::FromStr;

use globset::{Candidate, GlobBuilder, GlobMatcher};
use time::{Date, OffsetDateTime};

use super::verdict::{Actual, Ignored, Judged};
use super::{Level, Verdict};
use crate::analysis::Analysis;
use crate::escape::escape;
use crate::layer::entry::{EntryRef, LayerNumber, NodeId};
use crate::layer::tree::Tree;

/// A pattern over the paths of an image.
#[derive(Debug, Clone)]
pub struct PathPattern {
    text: String,
    matcher: GlobMatcher,
}

impl FromStr for PathPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let trimmed = text.trim_end_matches('/');
        let glob = match trimmed.strip_prefix('/') {
            Some(rooted) => rooted.to_owned(),
            None => format!("**/{trimmed}"),
        };
        if trimmed.trim_start_matches('/').is_empty() {
            return Err(format!("{text:?} is not a pattern: write a path or a glob, like /var/cache or *.pem"));
        }
        if let Some(reason) = never_matches(trimmed.strip_prefix('/').unwrap_or(trimmed)) {
            return Err(format!("{text:?} can never match: {reason}"));
        }
        let glob = GlobBuilder::new(&glob).literal_separator(true).build();
        let glob = glob.map_err(|error| format!("{text:?} is not a pattern: {}", error.kind()))?;
        Ok(PathPattern { text: text.to_owned(), matcher: glob.compile_matcher() })
    }
}

/// Says why no path of an image can match, where that is plain to see: then the pattern is a mistake.
fn never_matches(pattern: &str) -> Option<&'static str> {
    let (mut depth, mut is_escaped) = (0u32, false);
    let is_separator = |character: char| {
        let is_plain = !std::mem::take(&mut is_escaped);
        match character {
            '\\' if is_plain => is_escaped = true,
            '[' | '{' if is_plain => depth += 1,
            ']' | '}' if is_plain => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == '/' && depth == 0
    };
    pattern.split(is_separator).find_map(|name| match name {
        "" => Some("it has two slashes in a row"),
        "." | ".." => Some("paths begin at the image's root and have no \".\" or \"..\" in them"),
        _ if name.contains('\0') => Some("no name has a zero byte"),
        _ if name.starts_with(".wh.") => Some("a whiteout deletes a path and is not one itself"),
        _ if name.len() > 255 && !name.contains(['*', '[', '{', '\\']) => Some("no name is longer than 255 bytes"),
        _ => None,
    })
}

impl PartialEq for PathPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for PathPattern {
    /// Writes the pattern as it was typed.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl PathPattern {
    /// Returns for each node whether the pattern takes it. Costs all paths.
    #[must_use]
    pub fn matches(&self, tree: &Tree) -> Vec<bool> {
        let mut found = vec![false; tree.len()];
        let mut path = Vec::new();
        // A node's number is above that of its parent.
        for at in 1..tree.len() {
            let node = NodeId::at(at);
            let is_below = tree.parent(node).is_some_and(|parent| found[parent.index()]);
            found[at] = is_below || {
                path.clear();
                tree.push_path(node, &mut path);
                self.matcher.is_match_candidate(&Candidate::from_bytes(&path[1..]))
            };
        }
        found
    }
}

/// Paths that no layer may hold, even if a later one deletes them.
#[derive(Debug, Clone, PartialEq)]
pub struct Forbidden {
    /// Which.
    pub pattern: PathPattern,
    /// What finding one does.
    pub level: Level,
}

impl Forbidden {
    /// Looks for such paths in every layer. Whiteouts name paths that their layer does not hold: they do not count.
    pub(super) fn judge(&self, analysis: &Analysis) -> Judged {
        let (count, first) = self.find(analysis);
        let holds = count == 0;
        let describe = |(node, layer): (NodeId, LayerNumber)| {
            let path = escape(&analysis.index.tree.path(node));
            let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
            format!("{path} in layer {layer}{more}")
        };
        Judged {
            rule: "forbid",
            limit: escape(self.pattern.text.as_bytes()),
            warn: None,
            actual: Actual::Paths(count),
            before: None,
            layer: first.map(|(_, layer)| layer),
            about: first.map(describe),
            passed: holds || self.level == Level::Warn,
            warned: !holds && self.level == Level::Warn,
        }
    }

    /// Returns how many paths there are, and the first of the lowest layer that holds one.
    fn find(&self, analysis: &Analysis) -> (u64, Option<(NodeId, LayerNumber)>) {
        let index = &analysis.index;
        let mut wanted = self.pattern.matches(&index.tree);
        let (mut count, mut first) = (0, None);
        for (at, layer) in index.layers.iter().enumerate() {
            for entry in &layer.entries {
                // Each path counts once, in the lowest layer that holds it.
                if std::mem::take(&mut wanted[entry.node.index()]) {
                    count += 1;
                    first = first.or(Some((entry.node, LayerNumber::from_index(at))));
                }
            }
        }
        (count, first)
    }
}

/// Paths whose waste the rules overlook.
#[derive(Debug, Clone, PartialEq)]
pub struct Ignore {
    /// Which.
    pub pattern: PathPattern,
    /// Why.
    pub reason: Option<String>,
    /// The last day on which that holds, in UTC; later the entry ignores nothing and is a broken rule itself.
    pub expires: Option<Date>,
    /// The line of a file, or the variable, that says so; nothing for the command line. Escaped.
    pub set_in: Option<String>,
}

/// Finds what each entry stands for; a copy belongs to the first one that takes it.
pub(super) fn overlook(entries: &[Ignore], analysis: &Analysis) -> Vec<Ignored> {
    let today = OffsetDateTime::now_utc().date();
    let is_inherited = |copy: EntryRef| copy.layer().get() <= analysis.base.layer_count;
    let mut taken = vec![false; if entries.is_empty() { 0 } else { analysis.waste.len() }];
    let sum_up = |entry: &Ignore| {
        let wanted = entry.pattern.matches(&analysis.index.tree);
        let mut ignored = Ignored {
            pattern: escape(entry.pattern.text.as_bytes()),
            reason: entry.reason.as_ref().map(|reason| escape(reason.as_bytes())),
            expires: entry.expires,
            set_in: entry.set_in.clone(),
            is_expired: entry.expires.is_some_and(|day| day < today),
            bytes: 0,
            inherited_bytes: 0,
            count: 0,
        };
        for (record, taken) in analysis.waste.iter().zip(&mut taken) {
            if !*taken && wanted[record.node.index()] {
                // What nobody overlooks any more is left to a later entry.
                *taken = !ignored.is_expired;
                ignored.bytes += record.bytes;
                ignored.inherited_bytes += if is_inherited(record.copy) { record.bytes } else { 0 };
                ignored.count += 1;
            }
        }
        ignored
    };
    entries.iter().map(sum_up).collect()
}

impl Verdict {
    /// Returns the wasted bytes that the rules overlooked.
    #[must_use]
    pub fn ignored_bytes(&self) -> u64 {
        self.ignored.iter().filter(|ignored| !ignored.is_expired).map(|ignored| ignored.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::tree::Cursor;

    #[test]
    fn patterns_are_read_as_gitignore_reads_them() {
        let paths = ["a/key.pem", "etc/passwd", "etc/ssl/x.pem/y", "home/etc/z", "a.b", "\u{ff}"];
        let (mut tree, mut cursor) = (Tree::default(), Cursor::default());
        let nodes = paths.map(|path| tree.insert(&mut cursor, path.as_bytes()).expect("small"));
        for (pattern, expected) in [
            ("*.pem", &["a/key.pem", "etc/ssl/x.pem/y"][..]),
            ("/etc", &["etc/passwd", "etc/ssl/x.pem/y"]),
            ("etc/", &["etc/passwd", "etc/ssl/x.pem/y", "home/etc/z"]),
            ("/etc/*", &["etc/passwd", "etc/ssl/x.pem/y"]),
            ("/*/key.pem", &["a/key.pem"]),
            ("/*.pem", &[]),
            ("/**/y", &["etc/ssl/x.pem/y"]),
            ("a?b", &["a.b"]),
            ("{z,passwd}", &["etc/passwd", "home/etc/z"]),
        ] {
            let found = pattern.parse::<PathPattern>().expect(pattern).matches(&tree);
            let taken: Vec<&str> =
                paths.iter().zip(nodes).filter(|(_, node)| found[node.index()]).map(|(path, _)| *path).collect();
            assert_eq!(taken, expected, "{pattern}");
        }
        let long = "x".repeat(256);
        for bad in [
            "",
            " ",
            "/",
            "//",
            "[",
            "{a",
            "./a",
            "a/./b",
            "../a",
            "a//b",
            "//a",
            "a/..",
            ".wh.a",
            "d/.wh..wh..opq",
            "a\0",
            &long,
        ] {
            assert!(bad.parse::<PathPattern>().is_err(), "{bad:?}");
        }
        for good in ["a/**/b", "[/a]b", "{a/b,c}", ".why", "..a", "a./b", "*"] {
            assert!(good.parse::<PathPattern>().is_ok(), "{good:?}");
        }
    }
}
