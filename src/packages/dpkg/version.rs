//! Debian versions, compared by dpkg's own rule.
//!
//! See [deb-version](https://manpages.debian.org/deb-version.7).

use std::cmp::Ordering;

/// Compares two versions: epochs, then upstream versions, then revisions.
///
/// A version without a revision equals one with revision `0`; `~` sorts before everything, even before the end.
#[must_use]
pub fn versions_compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Parts::of(a.as_bytes()), Parts::of(b.as_bytes()));
    compare_part(a.epoch, b.epoch)
        .then_with(|| compare_part(a.upstream, b.upstream))
        .then_with(|| compare_part(a.revision, b.revision))
}

struct Parts<'a> {
    epoch: &'a [u8],
    upstream: &'a [u8],
    revision: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(version: &'a [u8]) -> Self {
        let (epoch, rest) = super::super::bounds::split_once(version, b':').unwrap_or((b"", version));
        let dash = memchr::memrchr(b'-', rest);
        let (upstream, revision) = dash.map_or((rest, &b""[..]), |at| (&rest[..at], &rest[at + 1..]));
        Parts { epoch, upstream, revision }
    }
}

/// Runs of other characters and runs of digits take turns; digits are compared as numbers of any length.
fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        let (a_text, a_rest) = split_where(a, u8::is_ascii_digit);
        let (b_text, b_rest) = split_where(b, u8::is_ascii_digit);
        let (a_digits, a_after) = split_where(a_rest, |byte| !byte.is_ascii_digit());
        let (b_digits, b_after) = split_where(b_rest, |byte| !byte.is_ascii_digit());
        let order = compare_text(a_text, b_text).then_with(|| compare_number(a_digits, b_digits));
        if order.is_ne() || (a_after.is_empty() && b_after.is_empty()) {
            return order;
        }
        (a, b) = (a_after, b_after);
    }
}

fn split_where(bytes: &[u8], ends: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().position(ends).unwrap_or(bytes.len()))
}

/// `~`, then the end, then letters, then everything else.
fn compare_text(a: &[u8], b: &[u8]) -> Ordering {
    let weight = |byte: Option<&u8>| match byte {
        Some(b'~') => -1,
        None => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    };
    let length = a.len().max(b.len());
    let orders = (0..length).map(|at| weight(a.get(at)).cmp(&weight(b.get(at))));
    orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn compare_number(a: &[u8], b: &[u8]) -> Ordering {
    let (_, a) = split_where(a, |digit| *digit != b'0');
    let (_, b) = split_where(b, |digit| *digit != b'0');
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From deb-version's text, and what real packages have.
    const ASCENDING: [&str; 16] = [
        "0.9~rc1-1",
        "0.9-1",
        "1.0~~",
        "1.0~~a",
        "1.0~",
        "1.0",
        "1.0-0+b1",
        "1.0-1",
        "1.0-1+deb12u1",
        "1.0a",
        "1.0+dfsg-1",
        "1.2",
        "1.10",
        "1.10.99999999999999999999999",
        "1:0.1",
        "2:0",
    ];

    #[test]
    fn versions_are_ordered() {
        for (at, lower) in ASCENDING.iter().enumerate() {
            assert_eq!(versions_compare(lower, lower), Ordering::Equal);
            for upper in &ASCENDING[at + 1..] {
                assert_eq!(versions_compare(lower, upper), Ordering::Less, "{lower} < {upper}");
                assert_eq!(versions_compare(upper, lower), Ordering::Greater, "{upper} > {lower}");
            }
        }
        for (a, b) in [("1.0", "1.0-0"), ("0:1.0", "1.0"), ("1.00", "1.0"), ("1.0-", "1.0"), ("", "0")] {
            assert_eq!(versions_compare(a, b), Ordering::Equal, "{a} = {b}");
        }
    }

    /// Every pair of the table by dpkg itself, where it is installed.
    #[test]
    fn dpkg_says_the_same() {
        let dpkg = |a: &str, relation: &str, b: &str| {
            std::process::Command::new("dpkg").args(["--compare-versions", a, relation, b]).status()
        };
        if dpkg("1", "eq", "1").is_err() {
            return;
        }
        let more =
            ["1.0.0", "1.0-0", "1.0+b1", "1.0-1.1", "20230311+deb12u1", "1.0~deb12", "5.36.0-7+deb12u1", "0:1.0"];
        let versions = || ASCENDING.iter().chain(&more);
        for a in versions() {
            for b in versions() {
                let relation = match versions_compare(a, b) {
                    Ordering::Less => "lt-nl",
                    Ordering::Equal => "eq",
                    Ordering::Greater => "gt-nl",
                };
                assert!(dpkg(a, relation, b).is_ok_and(|status| status.success()), "{a} {relation} {b}");
            }
        }
    }
}
