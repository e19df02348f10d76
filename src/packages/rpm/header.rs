//! The header of one package, as databases hold it: a table of tags, then their values.
//!
//! See [the header's format](https://rpm-software-management.github.io/rpm/manual/format_header.html); in a database it has no
//! magic number before it.

use super::{array, size};

const ENTRY_BYTES: usize = 16;

/// The types of values.
const CHAR: u32 = 1;
const INT8: u32 = 2;
const INT16: u32 = 3;
const INT32: u32 = 4;
const INT64: u32 = 5;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

/// A header whose lengths are right; its values are looked at when they are asked for.
#[derive(Clone, Copy)]
pub(super) struct Header<'a> {
    index: &'a [u8],
    values: &'a [u8],
}

/// What the table says of one tag.
struct Entry<'a> {
    kind: u32,
    count: usize,
    /// All bytes from the first value on.
    values: &'a [u8],
}

impl<'a> Header<'a> {
    pub(super) fn read(blob: &'a [u8]) -> Option<Self> {
        let entries = size(u32::from_be_bytes(array(blob, 0)?));
        let value_bytes = size(u32::from_be_bytes(array(blob, 4)?));
        let index_bytes = entries.checked_mul(ENTRY_BYTES)?;
        let rest = &blob[8..];
        let values = rest.get(index_bytes..index_bytes.checked_add(value_bytes)?)?;
        Some(Header { index: &rest[..index_bytes], values })
    }

    fn entry(&self, tag: u32) -> Option<Entry<'a>> {
        let entry = self.index.chunks_exact(ENTRY_BYTES).find(|entry| entry[..4] == tag.to_be_bytes())?;
        let number = |at| array(entry, at).map(u32::from_be_bytes);
        let values = self.values.get(size(number(8)?)..)?;
        Some(Entry { kind: number(4)?, count: size(number(12)?), values })
    }

    /// Returns the strings of a tag, as many as are whole.
    pub(super) fn strings(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let entry = self.entry(tag).filter(|entry| [STRING, STRING_ARRAY, I18N_STRING].contains(&entry.kind));
        let (mut rest, count) = entry.map_or((&b""[..], 0), |entry| (entry.values, entry.count));
        let next = move || {
            let (string, after) = super::super::bounds::split_once(rest, 0)?;
            rest = after;
            Some(string)
        };
        std::iter::from_fn(next).take(count)
    }

    /// Returns the numbers of a tag, as many as are whole.
    pub(super) fn numbers(&self, tag: u32) -> impl Iterator<Item = u64> + use<'a> {
        let entry = self.entry(tag);
        let width = match entry.as_ref().map(|entry| entry.kind) {
            Some(CHAR | INT8) => 1,
            Some(INT16) => 2,
            Some(INT32) => 4,
            Some(INT64) => 8,
            _ => 0,
        };
        let (values, count) = entry.filter(|_| width > 0).map_or((&b""[..], 0), |entry| (entry.values, entry.count));
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        values.chunks_exact(width.max(1)).take(count).map(number)
    }

    /// Returns how many values the table promises for a tag.
    pub(super) fn count(&self, tag: u32) -> usize {
        self.entry(tag).map_or(0, |entry| entry.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tag, type, offset, count; then the values.
    fn blob(entries: &[[u32; 4]], values: &[u8]) -> Vec<u8> {
        let lengths = [u32::try_from(entries.len()), u32::try_from(values.len())];
        let mut blob: Vec<u8> = lengths.iter().flat_map(|length| length.expect("small").to_be_bytes()).collect();
        blob.extend(entries.iter().flatten().flat_map(|number| number.to_be_bytes()));
        blob.extend_from_slice(values);
        blob
    }

    #[test]
    fn values_are_found_by_their_tags() {
        let blob = blob(
            &[[1000, STRING, 0, 1], [1117, STRING_ARRAY, 2, 2], [1028, INT32, 6, 2]],
            b"n\0a\0b\0\0\0\0\x07\0\0\x01\0",
        );
        let header = Header::read(&blob).expect("a header");
        assert_eq!(header.strings(1000).collect::<Vec<_>>(), [b"n"]);
        assert_eq!(header.strings(1117).collect::<Vec<_>>(), [b"a", b"b"]);
        assert_eq!(header.numbers(1028).collect::<Vec<_>>(), [7, 256]);
        assert_eq!((header.numbers(1000).count(), header.strings(1028).count(), header.strings(1).count()), (0, 0, 0));
    }

    #[test]
    fn lengths_are_checked() {
        let whole = blob(&[[1000, STRING, 0, 9], [1028, INT32, 0, u32::MAX], [1, STRING, 99, 1]], b"ab\0cd");
        let header = Header::read(&whole).expect("a header");
        assert_eq!(header.strings(1000).collect::<Vec<_>>(), [b"ab"]);
        assert_eq!((header.numbers(1028).count(), header.strings(1).count()), (1, 0));
        assert!((0..whole.len()).all(|length| Header::read(&whole[..length]).is_none()));
        assert!(Header::read(&[0xff; 64]).is_none());
    }
}
