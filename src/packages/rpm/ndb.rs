//! `Packages.db`: SUSE's own database, pages of slots that say in which blocks a header lies.
//!
//! Described in `lib/backend/ndb` of [RPM](https://github.com/rpm-software-management/rpm). All numbers are little-endian.

use super::super::bounds::Bounds;
use super::{Share, Take, array, size};

const PAGE_BYTES: usize = 4096;
const SLOT_BYTES: usize = 16;
const BLOCK_BYTES: usize = 16;
/// The file's header takes the place of two slots.
const HEADER_BYTES: usize = 32;
const BLOB_HEAD_BYTES: usize = 16;

/// Hands over the headers; `None` where the file is not such a database.
pub(super) fn headers(bytes: &[u8], bounds: &mut Bounds, take: Take<'_>) -> Option<()> {
    let header = bytes.get(..HEADER_BYTES).filter(|header| header.starts_with(b"RpmP\0\0\0\0"))?;
    let pages = size(u32::from_le_bytes(array(header, 12)?));
    let end = pages.saturating_mul(PAGE_BYTES);
    if end > bytes.len() {
        bounds.skip();
    }
    let slots = bytes.get(HEADER_BYTES..end.min(bytes.len())).unwrap_or_default();
    let mut share = Share::of(bytes);
    for slot in slots.chunks_exact(SLOT_BYTES) {
        let block = array(slot, 8).map_or(0, u32::from_le_bytes);
        let is_slot = slot.starts_with(b"Slot");
        if is_slot && block == 0 {
            continue;
        }
        match blob(bytes, slot, block, &mut share).filter(|_| is_slot) {
            Some(blob) => take(blob, bounds),
            None => bounds.skip(),
        }
    }
    Some(())
}

fn blob<'a>(bytes: &'a [u8], slot: &[u8], block: u32, share: &mut Share) -> Option<&'a [u8]> {
    let start = size(block).checked_mul(BLOCK_BYTES)?;
    let head = bytes.get(start..start.checked_add(BLOB_HEAD_BYTES)?)?;
    // The package's number stands in both.
    if !head.starts_with(b"BlbS") || head[4..8] != slot[4..8] {
        return None;
    }
    let length = size(u32::from_le_bytes(array(head, 12)?));
    let blob = bytes.get(start + BLOB_HEAD_BYTES..)?.get(..length)?;
    share.take(length).then_some(blob)
}
