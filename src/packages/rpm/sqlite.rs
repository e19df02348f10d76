//! `rpmdb.sqlite`: the table `Packages` of an `SQLite` database, in which each row is a header.
//!
//! See [the file format](https://www.sqlite.org/fileformat2.html). RPM leaves its write-ahead log empty, so that is not
//! looked at.

use std::borrow::Cow;

use super::super::bounds::Bounds;
use super::{Share, Take, array, size};

/// Hands over the headers; `None` where the file is not an `SQLite` database with that table.
pub(super) fn headers(bytes: &[u8], bounds: &mut Bounds, take: Take<'_>) -> Option<()> {
    // hnum, blob; the first is the row's number and not stored
    rows_of(bytes, b"Packages", bounds, &mut |row, bounds| match column(row, 1) {
        Some(blob) => take(blob, bounds),
        None => bounds.skip(),
    })
}

/// Hands over the rows of a table in the order of their numbers; `None` where there is no such table.
pub(super) fn rows_of(bytes: &[u8], table: &[u8], bounds: &mut Bounds, take: Take<'_>) -> Option<()> {
    let database = Database::open(bytes)?;
    let mut root = None;
    // type, name, tbl_name, rootpage, sql
    database.rows(1, bounds, &mut |row, _| {
        if column(row, 0) == Some(b"table") && column(row, 1) == Some(table) {
            root = root.or(column(row, 3).and_then(integer));
        }
    });
    database.rows(root?, bounds, take);
    Some(())
}

struct Database<'a> {
    bytes: &'a [u8],
    page_bytes: usize,
    /// Without what is reserved at each page's end.
    usable: usize,
}

const INTERIOR: u8 = 5;
const LEAF: u8 = 13;
/// The file's header stands before the first page's.
const FILE_HEADER_BYTES: usize = 100;

impl<'a> Database<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.get(..FILE_HEADER_BYTES).filter(|header| header.starts_with(b"SQLite format 3\0"))?;
        let page_bytes = match u16::from_be_bytes(array(header, 16)?) {
            // 65536 has no place in two bytes.
            1 => 65536,
            other => usize::from(other),
        };
        let usable = page_bytes.checked_sub(usize::from(header[20]))?;
        (page_bytes.is_power_of_two() && page_bytes >= 512 && usable >= 480).then_some(Database {
            bytes,
            page_bytes,
            usable,
        })
    }

    /// Returns a page; they are numbered from 1.
    fn page(&self, number: u32) -> Option<&'a [u8]> {
        let start = size(number.checked_sub(1)?).checked_mul(self.page_bytes)?;
        self.bytes.get(start..start.checked_add(self.usable)?)
    }

    /// Hands over the rows of the table whose root is page `root`.
    fn rows(&self, root: u32, bounds: &mut Bounds, each: Take<'_>) {
        let (mut left, mut share) = (self.bytes.len() / self.page_bytes, Share::of(self.bytes));
        let mut pages = vec![root];
        while let Some(number) = pages.pop() {
            // A page belongs to a tree once: whoever comes to more pages than there are goes round in circles.
            let Some(page) = self.page(number).filter(|_| left > 0) else {
                bounds.skip();
                if left == 0 {
                    return;
                }
                continue;
            };
            left -= 1;
            let header = if number == 1 { FILE_HEADER_BYTES } else { 0 };
            match page.get(header) {
                Some(&INTERIOR) => self.push_children(page, header, &mut pages, bounds),
                Some(&LEAF) => self.leaf(page, header, &mut share, bounds, each),
                _ => bounds.skip(),
            }
        }
    }

    /// Puts the children of a page on the stack, the first one on top.
    fn push_children(&self, page: &[u8], header: usize, pages: &mut Vec<u32>, bounds: &mut Bounds) {
        let child = |at| array(page, at).map(u32::from_be_bytes);
        let cells = cells(page, header, header + 12).map(|at| at.and_then(child));
        let first = pages.len();
        for child in cells.chain([child(header + 8)]) {
            match child {
                // The stack is bounded too: there are no more children than pages.
                Some(child) if pages.len() <= self.bytes.len() / self.page_bytes => pages.push(child),
                _ => bounds.skip(),
            }
        }
        pages[first..].reverse();
    }

    fn leaf(&self, page: &[u8], header: usize, share: &mut Share, bounds: &mut Bounds, each: Take<'_>) {
        for at in cells(page, header, header + 8) {
            match at.and_then(|at| self.payload(page.get(at..)?, share)) {
                Some(row) => each(&row, bounds),
                None => bounds.skip(),
            }
        }
    }

    /// Puts the payload of a cell together, part of which may lie in other pages.
    fn payload<'p>(&self, cell: &'p [u8], share: &mut Share) -> Option<Cow<'p, [u8]>> {
        let (length, cell) = varint(cell)?;
        let (_, cell) = varint(cell)?;
        let length = usize::try_from(length).ok().filter(|length| share.take(*length))?;
        let most = self.usable - 35;
        if length <= most {
            return cell.get(..length).map(Cow::Borrowed);
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let rest = least + (length - least) % (self.usable - 4);
        let local = if rest <= most { rest } else { least };
        let mut payload = cell.get(..local)?.to_vec();
        let mut next = u32::from_be_bytes(array(cell, local)?);
        while payload.len() < length {
            let page = self.page(next)?;
            next = u32::from_be_bytes(array(page, 0)?);
            let wanted = (length - payload.len()).min(page.len() - 4);
            payload.extend_from_slice(&page[4..4 + wanted]);
        }
        Some(Cow::Owned(payload))
    }
}

/// Returns where the cells of a page start; `None` for one outside of the page.
fn cells(page: &[u8], header: usize, pointers: usize) -> impl Iterator<Item = Option<usize>> + '_ {
    let count = array(page, header + 3).map_or(0, u16::from_be_bytes);
    // Each takes two bytes of the page.
    (0..usize::from(count).min(page.len() / 2))
        .map(move |cell| array(page, pointers + 2 * cell).map(u16::from_be_bytes).map(usize::from))
}

/// Reads a number of one to nine bytes; returns what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for at in 0..8 {
        let byte = *bytes.get(at)?;
        number = number << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((number, &bytes[at + 1..]));
        }
    }
    Some((number << 8 | u64::from(*bytes.get(8)?), &bytes[9..]))
}

/// Returns the bytes of a row's column.
pub(super) fn column(row: &[u8], wanted: usize) -> Option<&[u8]> {
    typed_column(row, wanted).map(|(_, bytes)| bytes)
}

/// Returns a column that holds a small number.
pub(super) fn number(row: &[u8], wanted: usize) -> Option<u32> {
    match typed_column(row, wanted)? {
        // These two are stored as types without bytes.
        (8, _) => Some(0),
        (9, _) => Some(1),
        (1..=6, bytes) => integer(bytes),
        _ => None,
    }
}

fn typed_column(row: &[u8], wanted: usize) -> Option<(u64, &[u8])> {
    let (header_bytes, _) = varint(row)?;
    let header_bytes = usize::try_from(header_bytes).ok()?;
    let (_, mut types) = varint(row.get(..header_bytes)?)?;
    let mut start = header_bytes;
    for at in 0..=wanted {
        let (kind, rest) = varint(types)?;
        types = rest;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => usize::try_from((kind - 12) / 2).ok()?,
        };
        let end = start.checked_add(length)?;
        if at == wanted {
            return row.get(start..end).map(|bytes| (kind, bytes));
        }
        start = end;
    }
    None
}

/// Reads a page's number.
fn integer(bytes: &[u8]) -> Option<u32> {
    let number = bytes.iter().try_fold(0_u64, |number, byte| Some(number.checked_mul(256)? | u64::from(*byte)))?;
    u32::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_one_to_nine_bytes() {
        assert_eq!(varint(&[0x05, 9]), Some((5, &[9][..])));
        assert_eq!(varint(&[0x81, 0x00]), Some((128, &[][..])));
        assert_eq!(varint(&[0xff; 9]), Some((u64::MAX, &[][..])));
        assert_eq!(varint(&[0xff; 8]), None);
    }

    #[test]
    fn columns_are_found() {
        // Header of 4 bytes: null, a text of two bytes, a number of one byte.
        let row = [4, 0, 17, 1, b'a', b'b', 7];
        assert_eq!([column(&row, 0), column(&row, 1)], [Some(&b""[..]), Some(b"ab")]);
        assert_eq!((column(&row, 2).and_then(integer), column(&row, 3)), (Some(7), None));
        assert_eq!(column(&row[..6], 2), None);
    }

    /// A database with one page, whose table's root is its own child.
    #[test]
    fn circles_end() {
        let mut bytes = vec![0; 1024];
        bytes[..16].copy_from_slice(b"SQLite format 3\0");
        bytes[16..18].copy_from_slice(&512_u16.to_be_bytes());
        bytes[FILE_HEADER_BYTES] = INTERIOR;
        bytes[FILE_HEADER_BYTES + 11] = 1;
        let database = Database::open(&bytes).expect("a database");
        let mut bounds = Bounds::new();
        database.rows(1, &mut bounds, &mut |_, _| panic!("there is no row"));
        assert!(bounds.finish(()).skipped > 0);
    }
}
