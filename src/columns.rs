//! Text cut to a number of columns, by display width: at the end, or in the middle.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Cuts text at the end to `room` columns; the beginning of a step says most.
#[must_use]
pub fn cut(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut out = take(text.chars(), room.saturating_sub(1));
    if room > 0 {
        out.push('…');
    }
    out
}

/// Cuts text in the middle to `room` columns; both ends of a name matter.
#[must_use]
pub fn cut_middle(text: &str, room: usize) -> String {
    cut_behind(text, room, room.saturating_sub(1) / 2)
}

/// The same with more room for the end, which says most about a path.
#[must_use]
pub fn cut_path(text: &str, room: usize) -> String {
    cut_behind(text, room, room.saturating_sub(1) / 3)
}

fn cut_behind(text: &str, room: usize, front: usize) -> String {
    if text.width() <= room || room < 4 {
        return cut(text, room);
    }
    let front = take(text.chars(), front);
    let back: String = take(text.chars().rev(), room - 1 - front.width()).chars().rev().collect();
    format!("{front}…{back}")
}

/// Returns the characters that fit into `room` columns.
pub fn take(chars: impl Iterator<Item = char>, room: usize) -> String {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= room
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_columns() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(cut_middle("deb.debian.org_Packages.lz4", 13), "deb.de…es.lz4");
        assert_eq!(cut_middle("abcdef", 3), "ab…");
        assert_eq!(cut_path("/usr/share/doc/readme", 10), "/us…readme");
    }
}
