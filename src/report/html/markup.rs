//! What the page is written with: text that is only text, sizes, bars, and lists that end before they are too long.

use std::fmt::{self, Write as _};

use crate::analysis::ratio;
use crate::escape::escape;
use crate::size::Units;

/// Text between tags or in a quoted attribute.
///
/// It must be free of control characters already: [`crate::escape`] sees to that, this only to what HTML means.
pub(super) struct Html<'a>(pub &'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plain = 0;
        for (at, byte) in self.0.bytes().enumerate() {
            let entity = match byte {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                b'\'' => "&#39;",
                _ => continue,
            };
            out.write_str(&self.0[plain..at])?;
            out.write_str(entity)?;
            plain = at + 1;
        }
        out.write_str(&self.0[plain..])
    }
}

/// Returns what an image says, escaped for people and then for HTML.
pub(super) fn text(bytes: &[u8]) -> String {
    Html(&escape(bytes)).to_string()
}

/// Returns a size with its exact bytes, which the page sorts by and shows on a pointer's demand.
pub(super) fn size(units: Units, bytes: u64) -> String {
    format!("<data value=\"{bytes}\">{}</data>", units.show(bytes))
}

/// A colour and hatching of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Final,
    Waste,
    Fixable,
    Inherited,
    Remainder,
}

impl Tone {
    /// Returns the class that the style sheet knows.
    pub(super) fn class(self) -> &'static str {
        match self {
            Tone::Final => "final",
            Tone::Waste => "waste",
            Tone::Fixable => "fixable",
            Tone::Inherited => "inherited",
            Tone::Remainder => "remainder",
        }
    }
}

/// Returns a stacked bar whose full width stands for `whole`; the numbers are beside it, so screen readers skip it.
pub(super) fn bar(parts: &[(Tone, u64)], whole: u64, height: u32) -> String {
    let mut out = format!("<svg class=\"bar\" width=\"100%\" height=\"{height}\" aria-hidden=\"true\">");
    let mut start = 0.0;
    for (tone, bytes) in parts.iter().filter(|(_, bytes)| *bytes > 0) {
        let width = ratio(*bytes, whole) * 100.0;
        let class = tone.class();
        // Writing to a String cannot fail.
        let _ = write!(out, "<rect class=\"{class}\" x=\"{start:.3}%\" width=\"{width:.3}%\" height=\"100%\"/>");
        start += width;
    }
    out.push_str("</svg>");
    out
}

/// A heading of a table: its text, and what its cell is marked with.
pub(super) type Heading = (&'static str, &'static str);

/// A column of text; of numbers; of numbers that a phone has no room for; one that cannot be sorted by.
pub(super) const TEXT: &str = "";
pub(super) const NUMBER: &str = " class=\"n\"";
pub(super) const WIDE: &str = " class=\"n wide\"";
pub(super) const PLAIN: &str = " data-plain";
/// The column of numbers that the rows come sorted by.
pub(super) const RISING: &str = " class=\"n\" aria-sort=\"ascending\"";
pub(super) const FALLING: &str = " class=\"n\" aria-sort=\"descending\"";

/// Returns a table that can be sorted, in a box that scrolls; `foot` is a row for what is summed up, or nothing.
pub(super) fn table(label: &str, class: &str, headings: &[Heading], body: &str, foot: &str) -> String {
    let mut out = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\">\
         <table class=\"{class}\"><thead><tr>"
    );
    for (title, marks) in headings {
        let _ = write!(out, "<th scope=\"col\"{marks}>{title}</th>");
    }
    let foot = if foot.is_empty() { String::new() } else { format!("<tfoot><tr>{foot}</tr></tfoot>") };
    let _ = write!(out, "</tr></thead><tbody>{body}</tbody>{foot}</table></div>");
    out
}

/// Returns a cell with a number.
pub(super) fn n(content: impl fmt::Display) -> String {
    format!("<td class=\"n\">{content}</td>")
}

/// Returns the beginning of a section with its heading.
pub(super) fn section(id: &str, title: &str) -> String {
    format!("<section id=\"{id}\" aria-labelledby=\"{id}-title\"><h2 id=\"{id}-title\">{title}</h2>\n")
}

/// How many bytes of HTML the rows of one list may have: ten such lists and two trees stay below 2 MB, whatever an image
/// calls its files.
const ROOM: usize = 120_000;

/// Returns the rows of the first items, at most `most` and as far as there is room, and how many items that are.
pub(super) fn rows<T>(items: &[T], most: usize, row: impl Fn(&T) -> String) -> (String, usize) {
    let mut out = String::new();
    for (at, item) in items.iter().take(most).enumerate() {
        let row = row(item);
        if out.len() + row.len() > ROOM {
            return (out, at);
        }
        out.push_str(&row);
    }
    (out, items.len().min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_only_text() {
        assert_eq!(text(b"<script>\"'&"), "&lt;script&gt;&quot;&#39;&amp;");
        assert_eq!(text("a\u{2028}b\u{202e}c\x1b[1m".as_bytes()), "a\\xe2\\x80\\xa8b\\xe2\\x80\\xaec\\x1b[1m");
        assert_eq!(text(b"caf\xc3\xa9 \xff"), "caf\u{e9} \\xff");
        assert_eq!(text(b"</script><!--"), "&lt;/script&gt;&lt;!--");
    }

    #[test]
    fn bars_are_shares_of_the_whole() {
        let bar = bar(&[(Tone::Final, 1), (Tone::Inherited, 0), (Tone::Waste, 2)], 4, 10);
        assert!(bar.contains("class=\"final\" x=\"0.000%\" width=\"25.000%\""), "{bar}");
        assert!(bar.contains("class=\"waste\" x=\"25.000%\" width=\"50.000%\""), "{bar}");
        assert!(!bar.contains("inherited"), "{bar}");
    }

    #[test]
    fn lists_end_where_there_is_no_room() {
        let long = ["x".repeat(ROOM / 2), "y".repeat(ROOM / 2), "z".to_owned()];
        let (out, count) = rows(&long, 10, String::clone);
        assert_eq!((out.len(), count), (ROOM, 2));
        assert_eq!(rows(&[1, 2, 3], 2, |item: &i32| item.to_string()), ("12".to_owned(), 2));
    }
}
