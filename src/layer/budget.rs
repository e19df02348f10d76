//! What the index of an image may take of memory.
//!
//! Some kilobytes of a compressed archive can say millions of entries. What is counted is about what they cost once they
//! are indexed, merged and reported. An honest archive has more bytes than its index, so a large one may take more; one
//! that is small must do with a sum that covers a million files.

use super::batch::Batch;
use crate::error::{Error, Result};

/// An entry, its names' counts, what merging and reporting note about it.
const ENTRY_COST: usize = 130;
/// What every image may take.
const LEAST_LIMIT: u64 = 256 << 20;
/// What it may take for each byte of its archive, as stored: a file that is stored at all has some dozens.
const PER_STORED_BYTE: u64 = 8;

/// The memory that was spent on entries, and the limit.
#[derive(Debug)]
pub(crate) struct Budget {
    spent: usize,
    limit: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { spent: 0, limit: LEAST_LIMIT }
    }
}

impl Budget {
    /// Raises the limit to what an archive of this many bytes may take.
    pub(crate) fn allow_for(&mut self, archive_bytes: u64) {
        self.limit = self.limit.max(archive_bytes.saturating_mul(PER_STORED_BYTE));
    }

    pub(crate) fn add_entries(&mut self, count: usize) {
        self.spent = self.spent.saturating_add(count.saturating_mul(ENTRY_COST));
    }

    /// Adds the entries of a batch. Half of their paths' bytes count: reports write whole paths.
    pub(crate) fn add_batch(&mut self, batch: &Batch) {
        self.add_entries(batch.entries.len());
        self.spent = self.spent.saturating_add(batch.bytes.len() / 2);
    }

    /// Fails where the entries and what `others` cost are beyond the limit.
    pub(crate) fn check(&self, others: usize) -> Result<()> {
        let cost = self.spent.saturating_add(others) as u64;
        if cost <= self.limit {
            return Ok(());
        }
        let what = "the memory for all paths and entries of the image".to_owned();
        Err(Error::TooLarge { what, limit: format!("{} MiB, for an archive of this size", self.limit >> 20) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_archive_may_take_more() {
        let mut budget = Budget::default();
        budget.add_entries(1_000_000);
        assert!(budget.check(100 << 20).is_ok());
        budget.add_entries(2_000_000);
        assert!(budget.check(0).is_err());
        budget.allow_for(10 << 20);
        assert!(budget.check(0).is_err());
        budget.allow_for(100 << 20);
        assert!(budget.check(100 << 20).is_ok());
        budget.allow_for(1);
        assert!(budget.check(100 << 20).is_ok());
        assert!(budget.check(usize::MAX).is_err());
    }
}
