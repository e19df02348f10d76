//! The user's own layout of a script: its continued lines, its indentation, its comments.
//!
//! Only for printing: what may be done with a script is decided on its text.

use crate::dockerfile::instructions::{Instruction, gap, instructions, plain, says_nothing};
use crate::dockerfile::shell::Script;

/// A script as it stands in the Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout<'a> {
    /// What is between `RUN` and the text, where that begins on a later line: the end of the line, and comments.
    pub gap: &'a str,
    /// From the first word to the last.
    pub text: &'a str,
}

impl<'a> Layout<'a> {
    /// Returns the layout that a source gives to a script; nothing where it says something else, or where nothing can
    /// stand behind it.
    pub fn of(source: &'a str, script: &Script) -> Option<Self> {
        let is_closed = !script.has_lines() && script.facts().is_ok_and(|facts| !facts.has_comment);
        let says = |one: &Instruction| !one.is_exec && !one.has_heredoc() && one.text == plain(script.text());
        (is_closed && instruction(source).is_some_and(|one| says(&one))).then(|| Layout::split(source))
    }

    fn split(source: &'a str) -> Self {
        let (gap, text) = source.split_at(gap(source, '\\'));
        let text = text.trim_end_matches([' ', '\t']);
        if gap.contains('\n') { Layout { gap, text } } else { Layout { gap: "", text } }
    }

    /// Returns the lines of the comments before the text, as they are.
    pub fn comments(&self) -> Vec<String> {
        self.gap.lines().skip(1).filter(|line| line.trim_start().starts_with('#')).map(str::to_owned).collect()
    }

    /// Says whether a shell reads the text as a builder does: a builder drops comments, empty lines and blanks behind the
    /// mark that continues a line, and does so between quotes as well.
    pub fn fits_shell(&self) -> bool {
        let mut lines = self.text.lines().rev();
        let is_plain = |line: &str| !says_nothing(line) && !line.contains('\'');
        lines.next().is_some_and(is_plain) && lines.all(|line| line.ends_with('\\') && is_plain(line))
    }
}

/// Returns the RUN that a source makes, where it makes one and is whole.
fn instruction(source: &str) -> Option<Instruction> {
    let found = instructions(&format!("RUN {source}"));
    let is_whole = |one: &Instruction| one.flags().next().is_none() && !source.trim_end().ends_with('\\');
    <[Instruction; 1]>::try_from(found).ok().map(|[one]| one).filter(is_whole)
}

/// Returns the source of a RUN that stands alone in two parts, as [`Layout`] has them, where it says `text`.
pub(super) fn alone<'a>(source: &'a str, text: &str, is_exec: bool) -> Option<(&'a str, &'a str)> {
    let says = |one: &Instruction| one.is_exec == is_exec && one.text == plain(text);
    let layout = Layout::split(source);
    instruction(source).is_some_and(|one| says(&one)).then(|| (layout.gap, &source[layout.gap.len()..]))
}

/// How the commands of a list that spans lines are put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Glue {
    /// Lines begin with `&&`, behind this indentation.
    Leading(String),
    /// Lines end in `&&`, and the next one begins with this indentation.
    Trailing(String),
}

impl Default for Glue {
    fn default() -> Self {
        Glue::Leading(" ".to_owned())
    }
}

impl Glue {
    /// Returns the one that a text uses, where it spans lines and has one.
    pub fn of(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().filter(|line| !says_nothing(line)).collect();
        let indentation = |line: &str| line[..line.len() - line.trim_start().len()].to_owned();
        let ends = |line: &str| line.trim_end().trim_end_matches('\\').trim_end().ends_with("&&");
        lines.windows(2).find_map(|pair| match pair {
            [_, next] if next.trim_start().starts_with("&&") => Some(Glue::Leading(indentation(next))),
            [line, next] if ends(line) => Some(Glue::Trailing(indentation(next))),
            _ => None,
        })
    }

    /// Returns what goes before a line's text, and what ends the line before it.
    pub fn parts(&self) -> (&str, String) {
        match self {
            Glue::Leading(indentation) => ("", format!("{indentation}&& ")),
            Glue::Trailing(indentation) => (" &&", indentation.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::shell::Dialect;

    fn layout<'a>(source: &'a str, text: &str) -> Option<Layout<'a>> {
        Layout::of(source, &Script::new(text, Dialect::Dash))
    }

    #[test]
    fn a_layout_belongs_to_its_script() {
        assert_eq!(layout("a \\\n  && b  ", "a && b"), Some(Layout { gap: "", text: "a \\\n  && b" }));
        let commented = layout("\\\n  # why\n  a", "a").expect("the same");
        assert_eq!((commented.gap, commented.text), ("\\\n  # why\n  ", "a"));
        assert_eq!(commented.comments(), ["  # why"]);
        for (source, text) in [
            ("a", "b"),
            ("a \\", "a"),
            ("a # b", "a # b"),
            ("a\nRUN b", "a"),
            ("--mount=x a", "a"),
            ("<<EOF\na\nEOF", "a"),
            ("[\"a\", \"b\"]", "a b"),
            ("# a", "a"),
        ] {
            assert_eq!(layout(source, text), None, "{source}");
        }
    }

    #[test]
    fn what_only_a_builder_reads_is_known() {
        let fits = |text: &'static str| Layout { gap: "", text }.fits_shell();
        assert!(fits("a") && fits("a \\\n  \"b\""));
        for text in ["a \\\n  # why\n b", "a \\\n\n b", "a \\ \n b", "echo 'a' \\\n b"] {
            assert!(!fits(text), "{text}");
        }
    }

    #[test]
    fn lists_show_how_they_are_put_together() {
        for (text, glue) in [
            ("a && b", None),
            ("a \\\n b", None),
            ("a \\\n\t&& b", Some(Glue::Leading("\t".into()))),
            ("a --x \\\n  --y \\\n # && z\n    && b", Some(Glue::Leading("    ".into()))),
            ("a && \\\n    # b\n  c", Some(Glue::Trailing("  ".into()))),
            ("a \\\n  --x && \\\n  b \\\n && c", Some(Glue::Trailing("  ".into()))),
        ] {
            assert_eq!(Glue::of(text), glue, "{text}");
        }
    }
}
