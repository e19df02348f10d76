//! Edits of the user's own file, whole lines at a time: the new text, and the patch that makes it.

use std::fmt::Write as _;
use std::path::{Component, Path};

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use super::file::Dockerfile;
use super::instructions::{Lines, says_nothing};

/// Lines of the file, and what takes their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The lines that go.
    pub lines: Lines,
    /// What comes instead, with or without a line end behind the last line; empty where nothing does.
    pub text: String,
}

/// The comments at the top that tell builders how to read the file.
const DIRECTIVES: [&str; 3] = ["syntax", "escape", "check"];

/// How many lines around a change a patch shows.
const CONTEXT_LINES: usize = 3;

impl Dockerfile {
    /// Returns the text after the edits, in any order. Lines that are not in the file, or that an edit before has taken,
    /// are left as they are. New lines end as those they replace.
    ///
    /// What is removed takes the comments right above it along, and leaves no two empty lines in a row.
    #[must_use]
    pub fn edited(&self, edits: &[Replacement]) -> String {
        let lines: Vec<&str> = self.text().split_inclusive('\n').collect();
        let mut edits: Vec<&Replacement> = edits.iter().collect();
        edits.sort_by_key(|edit| edit.lines);
        let (mut out, mut at) = (Vec::<String>::new(), 0);
        for edit in edits {
            let Some((first, end)) = range(edit.lines, &lines).filter(|(first, _)| *first >= at) else { continue };
            let start = if edit.text.is_empty() { self.with_comments(&lines, first).max(at) } else { first };
            out.extend(lines[at..start].iter().map(|line| (*line).to_owned()));
            out.extend(like(&edit.text, &lines[first..end]));
            at = if edit.text.is_empty() { close_gap(&mut out, &lines, end) } else { end };
        }
        out.extend(lines[at..].iter().map(|line| (*line).to_owned()));
        out.concat()
    }

    /// Returns the edits as a patch that `git apply` takes at the root of the repository, and `patch -p1` as well; empty
    /// where they change nothing. The file is named from there, or from the current directory, or only by its file name.
    #[must_use]
    pub fn patch(&self, edits: &[Replacement]) -> String {
        diff(&place(self.name()), Some(self.text()), &self.edited(edits))
    }

    /// Returns where the comments begin that belong to what stands at a line: those right above it, not what tells
    /// builders how to read the file.
    fn with_comments(&self, lines: &[&str], first: usize) -> usize {
        let ends = self.instructions().iter().map(|one| one.lines.last as usize);
        let top = ends.take_while(|last| *last <= first).last().unwrap_or_else(|| directives(lines));
        let is_comment = |line: &&&str| says_nothing(line) && !is_blank(line);
        first - lines[top.min(first)..first].iter().rev().take_while(is_comment).count()
    }
}

/// Returns the patch of one file, which may be new.
pub(super) fn diff(name: &str, old: Option<&str>, new: &str) -> String {
    let old_lines: Vec<&str> = old.unwrap_or_default().split_inclusive('\n').collect();
    let new_lines: Vec<&str> = new.split_inclusive('\n').collect();
    let hunks = group_diff_ops(capture_diff_slices(Algorithm::Myers, &old_lines, &new_lines), CONTEXT_LINES);
    if hunks.is_empty() {
        return String::new();
    }
    let mut patch = header(name, old.is_none());
    for hunk in &hunks {
        push_hunk(&mut patch, hunk, &old_lines, &new_lines);
    }
    patch
}

fn directives(lines: &[&str]) -> usize {
    let key = |line: &&str| Some(line.trim().strip_prefix('#')?.split_once('=')?.0.trim().to_lowercase());
    lines.iter().map_while(key).take_while(|key| DIRECTIVES.contains(&key.as_str())).count()
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

/// Returns the first place and the one behind the last.
fn range(lines: Lines, all: &[&str]) -> Option<(usize, usize)> {
    let (first, end) = ((lines.first as usize).checked_sub(1)?, lines.last as usize);
    (first < end && end <= all.len()).then_some((first, end))
}

/// Returns the lines of a text, with the line ends of those that they replace.
fn like(text: &str, replaced: &[&str]) -> Vec<String> {
    let end = if replaced.first().is_some_and(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
    let mut lines: Vec<String> = text.lines().map(|line| format!("{line}{end}")).collect();
    if replaced.last().is_some_and(|line| !line.ends_with('\n'))
        && let Some(last) = lines.last_mut()
    {
        last.truncate(last.len() - end.len());
    }
    lines
}

/// Returns where the text goes on behind removed lines: of the empty lines on both sides, one is enough.
fn close_gap(out: &mut Vec<String>, lines: &[&str], end: usize) -> usize {
    let is_open = out.last().is_none_or(|line| is_blank(line));
    let gap = lines[end..].iter().take_while(|line| is_open && is_blank(line)).count();
    if is_open && end + gap == lines.len() {
        out.pop();
    }
    end + gap
}

/// Returns what to call a file in a patch: relative, with `/` between its parts.
pub(super) fn place(name: &str) -> String {
    let path = Path::new(name);
    let is_below = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let whole = (!is_below).then(|| path.canonicalize().ok()).flatten();
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    let below = whole.as_deref().and_then(|whole| whole.strip_prefix(here).ok());
    let only_name = || path.file_name().map_or(Path::new("Dockerfile"), Path::new);
    let path = if is_below { path } else { below.unwrap_or_else(only_name) };
    let parts = path.components().filter(|part| matches!(part, Component::Normal(_)));
    parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Returns the lines before the hunks. The first makes the name one from the root of a repository, wherever in it `git apply`
/// is run.
fn header(name: &str, is_new: bool) -> String {
    let (old, new) = (quoted(&format!("a/{name}")), quoted(&format!("b/{name}")));
    // A tab ends a name with spaces in it.
    let end = if name.contains(' ') && !old.starts_with('"') { "\t" } else { "" };
    let (mode, from) =
        if is_new { ("new file mode 100644\n", "/dev/null".to_owned()) } else { ("", format!("{old}{end}")) };
    format!("diff --git {old} {new}\n{mode}--- {from}\n+++ {new}{end}\n")
}

/// Quotes a name as git does, where it has to be.
fn quoted(name: &str) -> String {
    if name.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        return name.to_owned();
    }
    let mut out = String::from("\"");
    for byte in name.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => write!(out, "\\{byte:03o}").unwrap_or_default(),
        }
    }
    out.push('"');
    out
}

fn push_hunk(patch: &mut String, hunk: &[DiffOp], old: &[&str], new: &[&str]) {
    let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { return };
    let old_range = shown(first.old_range().start, last.old_range().end);
    let new_range = shown(first.new_range().start, last.new_range().end);
    // Writing to a String cannot fail.
    writeln!(patch, "@@ -{old_range} +{new_range} @@").unwrap_or_default();
    for op in hunk {
        if let DiffOp::Equal { .. } = op {
            push_lines(patch, ' ', &old[op.old_range()]);
        } else {
            push_lines(patch, '-', &old[op.old_range()]);
            push_lines(patch, '+', &new[op.new_range()]);
        }
    }
}

/// Returns a range of lines as a hunk names it; an empty one by the line before it.
fn shown(start: usize, end: usize) -> String {
    let first = if start == end { start } else { start + 1 };
    format!("{first},{}", end - start)
}

fn push_lines(patch: &mut String, sign: char, lines: &[&str]) {
    for line in lines {
        patch.push(sign);
        patch.push_str(line);
        if !line.ends_with('\n') {
            patch.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(first: u32, last: u32, text: &str) -> Replacement {
        Replacement { lines: Lines { first, last }, text: text.to_owned() }
    }

    fn edited(text: &str, edits: &[Replacement]) -> String {
        Dockerfile::parse("Dockerfile", text).edited(edits)
    }

    #[test]
    fn lines_are_replaced_whole() {
        let text = "FROM a\nRUN b \\\n  c\nRUN d\n";
        assert_eq!(edited(text, &[edit(4, 4, "RUN e\nRUN f"), edit(2, 3, "RUN x\n")]), "FROM a\nRUN x\nRUN e\nRUN f\n");
        assert_eq!(edited(text, &[]), text);
        for wrong in [edit(0, 1, "x"), edit(3, 2, "x"), edit(4, 5, "x")] {
            assert_eq!(edited(text, &[wrong]), text);
        }
        assert_eq!(edited(text, &[edit(2, 3, "RUN x"), edit(3, 4, "RUN y")]), "FROM a\nRUN x\nRUN d\n");
        assert_eq!(edited("FROM a\r\nRUN b\r\n", &[edit(2, 2, "RUN c\nRUN d\r\n")]), "FROM a\r\nRUN c\r\nRUN d\r\n");
        assert_eq!(edited("FROM a\nRUN b", &[edit(2, 2, "RUN c\n")]), "FROM a\nRUN c");
        assert_eq!(edited("FROM a\nRUN b", &[edit(1, 1, "FROM c")]), "FROM c\nRUN b");
    }

    #[test]
    fn what_is_removed_takes_its_comments_along() {
        let text =
            "# syntax=docker/dockerfile:1\nARG A\n# top\n\n# one\n  # two\nRUN a\n\nRUN <<EOF\n# text\nEOF\nRUN b\n";
        assert_eq!(
            edited(text, &[edit(7, 7, "")]),
            "# syntax=docker/dockerfile:1\nARG A\n# top\n\nRUN <<EOF\n# text\nEOF\nRUN b\n"
        );
        assert!(edited(text, &[edit(2, 2, "")]).starts_with("# syntax=docker/dockerfile:1\n# top\n"));
        assert!(edited(text, &[edit(12, 12, "")]).ends_with("# text\nEOF\n"));
        assert!(edited(text, &[edit(9, 11, "")]).ends_with("RUN a\n\nRUN b\n"));
        assert_eq!(
            edited("FROM a\n\nRUN b\n\nRUN c\n\nRUN d\n", &[edit(3, 3, ""), edit(5, 5, "")]),
            "FROM a\n\nRUN d\n"
        );
        assert_eq!(edited("FROM a\n\n# why\nRUN b", &[edit(4, 4, "")]), "FROM a\n");
        assert_eq!(edited("FROM a\nRUN b\n# end\n", &[edit(2, 2, "")]), "FROM a\n# end\n");
        assert_eq!(edited("\n# x\nARG a\n\nFROM b\n", &[edit(3, 3, "")]), "\nFROM b\n");
        assert_eq!(edited("ARG a\n\nFROM b\n", &[edit(1, 1, "")]), "FROM b\n");
    }

    #[test]
    fn patches_are_unified_diffs() {
        let text = "FROM a\nRUN b\nRUN c\nRUN d\nRUN e\nRUN f\nRUN g\nRUN h\nRUN i\nRUN j";
        let patch = Dockerfile::parse("build/Dockerfile", text).patch(&[edit(2, 2, ""), edit(10, 10, "RUN x\nRUN y")]);
        assert_eq!(
            patch,
            "diff --git a/build/Dockerfile b/build/Dockerfile\n--- a/build/Dockerfile\n+++ b/build/Dockerfile\n\
             @@ -1,5 +1,4 @@\n FROM a\n-RUN b\n RUN c\n RUN d\n RUN e\n\
             @@ -7,4 +6,5 @@\n RUN g\n RUN h\n RUN i\n-RUN j\n\\ No newline at end of file\n+RUN x\n+RUN y\n\
             \\ No newline at end of file\n"
        );
        assert_eq!(Dockerfile::parse("x", text).patch(&[edit(2, 2, "RUN b")]), "");
    }

    #[test]
    fn names_are_those_of_a_repository() {
        let here = std::env::current_dir().expect("a folder").canonicalize().expect("there");
        let below = here.join("src/dockerfile/mod.rs");
        for (name, expected) in [
            ("./build/Dockerfile", "build/Dockerfile"),
            (below.to_str().expect("text"), "src/dockerfile/mod.rs"),
            ("src/../Cargo.toml", "Cargo.toml"),
            ("/nowhere/Dockerfile.x", "Dockerfile.x"),
            ("../nowhere/Dockerfile", "Dockerfile"),
        ] {
            assert_eq!(place(name), expected, "{name}");
        }
        assert_eq!(header("a b", false), "diff --git a/a b b/a b\n--- a/a b\t\n+++ b/a b\t\n");
        assert_eq!(quoted("é \"\n"), "\"\\303\\251 \\\"\\012\"");
    }
}
