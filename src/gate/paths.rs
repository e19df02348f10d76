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
            return Err(format!("{text:?} is no pattern: write a path or a glob, like /var/cache or *.pem"));
        }
        let glob = GlobBuilder::new(&glob).literal_separator(true).build();
        let glob = glob.map_err(|error| format!("{text:?} is no pattern: {}", error.kind()))?;
        Ok(PathPattern { text: text.to_owned(), matcher: glob.compile_matcher() })
    }
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

/// Paths that no layer may hold, be they deleted by a later one.
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
        for bad in ["", " ", "/", "//", "[", "{a"] {
            assert!(bad.parse::<PathPattern>().is_err(), "{bad:?}");
        }
    }
}
