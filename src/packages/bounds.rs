//! What one file may make of memory, and the count of what was left out.

use super::Parsed;

/// What the records of one file take of memory at most, about; beyond it, parts are skipped.
///
/// The largest real databases (an RPM system of 2000 packages and 300 000 files) take half of it.
pub const MOST_RECORD_BYTES: usize = 64 << 20;

/// Keeps count while one file is read.
#[derive(Debug)]
pub(super) struct Bounds {
    left: usize,
    skipped: u32,
}

impl Bounds {
    pub(super) fn new() -> Self {
        Bounds { left: MOST_RECORD_BYTES, skipped: 0 }
    }

    /// Says whether there is room for one more `T` with `bytes` of its own; where there is none, it counts as skipped,
    /// and there is no room for anything else either.
    pub(super) fn admit<T>(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(size_of::<T>().saturating_add(bytes));
        self.left = left.unwrap_or(0);
        if left.is_none() {
            self.skip();
        }
        left.is_some()
    }

    /// Says whether nothing more is admitted: what costs time to make is not worth making then.
    pub(super) fn is_full(&self) -> bool {
        self.left == 0
    }

    /// Adds to `list` where there is room; `bytes` is what the item owns beside itself.
    pub(super) fn push<T>(&mut self, list: &mut Vec<T>, item: T, bytes: usize) {
        if self.admit::<T>(bytes) {
            list.push(item);
        }
    }

    pub(super) fn skip(&mut self) {
        self.skipped = self.skipped.saturating_add(1);
    }

    pub(super) fn finish<T>(self, content: T) -> Parsed<T> {
        Parsed { content, skipped: self.skipped }
    }
}

/// Returns bytes as text without the white space around it; `None` where it is empty or not UTF-8.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The lines of a text file, without their ends (`\n` or `\r\n`).
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Splits at the first `byte`.
pub(super) fn split_once(bytes: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    memchr::memchr(byte, bytes).map(|at| (&bytes[..at], &bytes[at + 1..]))
}

/// Returns a path of a database in its normal form; `None` for the root itself, and where it climbs above it.
pub(super) fn path(raw: &[u8]) -> Option<Vec<u8>> {
    let mut path = Vec::with_capacity(raw.len());
    let is_inside = crate::path::normalize(raw, &mut path) != crate::path::Normal::Outside;
    (is_inside && !path.is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted() {
        let (mut bounds, mut list) = (Bounds::new(), Vec::new());
        bounds.push(&mut list, 1u8, MOST_RECORD_BYTES / 2);
        assert!(!bounds.is_full());
        bounds.push(&mut list, 2u8, MOST_RECORD_BYTES / 2);
        assert!(bounds.is_full());
        bounds.push(&mut list, 3u8, 0);
        assert_eq!(bounds.finish(list), Parsed { content: vec![1], skipped: 2 });
    }

    #[test]
    fn lines_end_with_or_without_a_carriage_return() {
        assert_eq!(lines(b"a\r\nb\n\nc").collect::<Vec<_>>(), [&b"a"[..], b"b", b"", b"c"]);
        assert_eq!(lines(b"a\n").count(), 1);
    }

    #[test]
    fn paths_are_brought_into_their_normal_form() {
        assert_eq!(path(b"/usr//bin/./sh").as_deref(), Some(&b"usr/bin/sh"[..]));
        assert_eq!([path(b"/."), path(b"../etc"), path(b"")], [None, None, None]);
    }
}
