//! Words and numbers as all reports write them.

pub(super) use crate::columns::{cut, cut_path as cut_middle};

/// Returns a share with one decimal.
pub(super) fn share(part: u64, whole: u64) -> String {
    format!("{:.1} %", crate::analysis::ratio(part, whole) * 100.0)
}

/// Returns a count with its noun.
pub(super) fn plural(count: usize, noun: &str) -> String {
    match noun {
        _ if count == 1 => format!("1 {noun}"),
        _ if noun.ends_with('x') => format!("{count} {noun}es"),
        _ => match noun.strip_suffix("py") {
            Some(stem) => format!("{count} {stem}pies"),
            None => format!("{count} {noun}s"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_follow_their_count() {
        for (count, noun, text) in [
            (1, "fix", "1 fix"),
            (2, "smaller fix", "2 smaller fixes"),
            (0, "file", "0 files"),
            (1, "other copy", "1 other copy"),
            (3, "other copy", "3 other copies"),
        ] {
            assert_eq!(plural(count, noun), text);
        }
        assert_eq!(share(1, 3), "33.3 %");
    }
}
