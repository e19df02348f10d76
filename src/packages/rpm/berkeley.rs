//! `Packages`: a hash of Berkeley DB, from a package's number to its header.
//!
//! Of the hash only its pages matter: every header is wanted, not a certain one. The layout of pages is that of
//! `dbinc/db_page.h` in Berkeley DB.

use std::borrow::Cow;

use super::super::bounds::Bounds;
use super::{Share, Take, array, size};

const HASH_MAGIC: u32 = 0x0006_1561;
const PAGE_HEADER_BYTES: usize = 26;

/// Types of pages.
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;

/// Types of items.
const KEY_OR_DATA: u8 = 1;
const OFF_PAGE: u8 = 3;

/// Hands over the headers; `None` where the file is not such a hash.
pub(super) fn headers(bytes: &[u8], bounds: &mut Bounds, take: Take<'_>) -> Option<()> {
    let database = Database::open(bytes)?;
    let mut share = Share::of(bytes);
    if bytes.len() < size(database.last_page).saturating_add(1).saturating_mul(database.page_bytes) {
        bounds.skip();
    }
    for page in bytes.chunks_exact(database.page_bytes) {
        if [HASH, HASH_UNSORTED].contains(&page[25]) {
            database.pairs(page, &mut share, bounds, take);
        }
    }
    Some(())
}

struct Database<'a> {
    bytes: &'a [u8],
    page_bytes: usize,
    last_page: u32,
    /// Numbers are those of the machine that wrote the file.
    is_big_endian: bool,
}

impl<'a> Database<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let magic = array(bytes, 12)?;
        let is_big_endian = u32::from_be_bytes(magic) == HASH_MAGIC;
        if !is_big_endian && u32::from_le_bytes(magic) != HASH_MAGIC {
            return None;
        }
        let mut database = Database { bytes, page_bytes: 0, last_page: 0, is_big_endian };
        database.page_bytes = size(database.number(bytes, 20)?);
        database.last_page = database.number(bytes, 32)?;
        let is_sane = database.page_bytes.is_power_of_two() && (512..=65536).contains(&database.page_bytes);
        // Byte 24: encrypted pages.
        (is_sane && bytes[24] == 0).then_some(database)
    }

    fn number(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let number = array(bytes, at)?;
        Some(if self.is_big_endian { u32::from_be_bytes(number) } else { u32::from_le_bytes(number) })
    }

    fn short(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let number = array(bytes, at)?;
        Some(usize::from(if self.is_big_endian { u16::from_be_bytes(number) } else { u16::from_le_bytes(number) }))
    }

    /// Hands over the data of a page: its items are key, data, key, data …
    fn pairs(&self, page: &[u8], share: &mut Share, bounds: &mut Bounds, take: Take<'_>) {
        // Each takes two bytes of the page.
        let count = self.short(page, 20).unwrap_or(0).min(page.len() / 2);
        for at in (0..count).step_by(2) {
            // The record of number 0 is not a package: it holds the highest number.
            match self.item(page, at) {
                Some([KEY_OR_DATA, 0, 0, 0, 0]) => continue,
                Some(_) => {}
                None => {
                    bounds.skip();
                    continue;
                }
            }
            match self.item(page, at + 1).and_then(|item| self.data(item, share)) {
                Some(blob) => take(&blob, bounds),
                None => bounds.skip(),
            }
        }
    }

    /// Returns an item of a page, with its type before it. The first one lies at the page's end, each further one before
    /// the last.
    fn item<'p>(&self, page: &'p [u8], number: usize) -> Option<&'p [u8]> {
        let offset = |number: usize| self.short(page, PAGE_HEADER_BYTES + 2 * number);
        let end = number.checked_sub(1).map_or(Some(page.len()), offset)?;
        page.get(offset(number)?..end).filter(|item| !item.is_empty())
    }

    fn data<'p>(&self, item: &'p [u8], share: &mut Share) -> Option<Cow<'p, [u8]>> {
        match item[0] {
            KEY_OR_DATA => Some(&item[1..]).filter(|data| share.take(data.len())).map(Cow::Borrowed),
            OFF_PAGE => self.overflow(self.number(item, 4)?, size(self.number(item, 8)?), share).map(Cow::Owned),
            _ => None,
        }
    }

    /// Puts together what lies in a chain of pages.
    fn overflow(&self, first: u32, length: usize, share: &mut Share) -> Option<Vec<u8>> {
        if !share.take(length) {
            return None;
        }
        let (mut data, mut next) = (Vec::with_capacity(length), first);
        while data.len() < length {
            let start = size(next).checked_mul(self.page_bytes)?;
            let page = self.bytes.get(start..start.checked_add(self.page_bytes)?)?;
            let here = self.short(page, 22)?;
            let content = page.get(PAGE_HEADER_BYTES..PAGE_HEADER_BYTES + here)?;
            if page[25] != OVERFLOW || content.is_empty() {
                return None;
            }
            data.extend_from_slice(&content[..here.min(length - data.len())]);
            next = self.number(page, 16)?;
        }
        Some(data)
    }
}
