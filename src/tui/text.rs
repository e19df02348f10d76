//! Text as the screen writes it: in columns, over several lines, numbers with their words.

use unicode_width::UnicodeWidthStr;

use crate::columns::take;
pub use crate::columns::{cut, cut_middle, cut_path};

/// Puts text at the right end of `room` columns.
#[must_use]
pub fn right(text: &str, room: usize) -> String {
    let text = cut(text, room);
    format!("{}{text}", " ".repeat(room - text.width()))
}

/// Puts text at the left end of `room` columns.
#[must_use]
pub fn left(text: &str, room: usize) -> String {
    let text = cut(text, room);
    format!("{text}{}", " ".repeat(room - text.width()))
}

/// Breaks text into lines of at most `room` columns, between words where that can be.
#[must_use]
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let room = room.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word = word;
        if !line.is_empty() && line.width() + 1 + word.width() > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        while line.width() + word.width() > room {
            let part = take(word.chars(), room - line.width());
            if part.is_empty() {
                break;
            }
            word = &word[part.len()..];
            line.push_str(&part);
            lines.push(std::mem::take(&mut line));
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// Groups a number's digits by thousands, with thin gaps: `38 214`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// Returns `1 file`, `2 files`.
#[must_use]
pub fn plural(number: u64, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{} {word}s", count(number)) }
}

/// Returns a share as a percentage with one decimal, rounded as in every other output.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0.0 %".to_owned();
    }
    format!("{:.1} %", crate::analysis::ratio(part, whole) * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_fits_its_columns() {
        assert_eq!(right("7", 3), "  7");
        assert_eq!(left("日", 3), "日 ");
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("sha256:0123456789", 8), ["sha256:0", "12345678", "9"]);
        assert_eq!((count(7), count(38_214), count(1_090_000)), ("7".into(), "38 214".into(), "1 090 000".into()));
        assert_eq!((plural(1, "file"), plural(1000, "file")), ("1 file".into(), "1 000 files".into()));
        assert_eq!((percent(2, 3), percent(0, 0)), ("66.7 %".into(), "0.0 %".into()));
    }
}
