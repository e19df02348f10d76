//! Words and numbers as all reports write them.

pub(super) use crate::columns::{cut, cut_path as cut_middle};

/// Returns a share with one decimal.
pub(super) fn share(part: u64, whole: u64) -> String {
    format!("{:.1} %", crate::analysis::ratio(part, whole) * 100.0)
}

/// Shortens digests in a step to twelve digits, which is enough to tell them apart.
pub(super) fn short_digests(step: &str) -> String {
    let is_digit = |c: char| c.is_ascii_hexdigit();
    let mut out = String::with_capacity(step.len());
    let mut rest = step;
    while !rest.is_empty() {
        let digits = rest.find(|c| !is_digit(c)).unwrap_or(rest.len());
        if digits >= 64 {
            out.push_str(&rest[..12]);
            out.push('…');
        } else {
            out.push_str(&rest[..digits]);
        }
        rest = &rest[digits..];
        let others = rest.find(is_digit).unwrap_or(rest.len());
        out.push_str(&rest[..others]);
        rest = &rest[others..];
    }
    out
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

    #[test]
    fn digests_are_shortened() {
        let digest = "61ae4ddbc59394ad2e9300d7923ad2ee752fd17633920bcdd4115fe3a98393c1";
        assert_eq!(short_digests(&format!("COPY dir:{digest} in /é")), "COPY dir:61ae4ddbc593… in /é");
        assert_eq!(short_digests("RUN echo deadbeef 0123"), "RUN echo deadbeef 0123");
        assert_eq!(short_digests(""), "");
    }
}
