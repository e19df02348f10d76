//! The order in which a layer's entries are stored.

use clap::ValueEnum;

use super::entry::{Entry, Kind};
use super::random::Random;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Order {
    /// A directory, then all below it, siblings by name: what engines and builders write.
    Walk,
    /// By the whole path as a string: `a-b` comes before `a/b`.
    String,
    /// Any order, a file even before its directory; only hard links come after their targets.
    Shuffled,
}

impl Order {
    /// Sorts `entries`; those of one path keep their order, except when shuffled.
    pub fn sort(self, entries: &mut [Entry], seed: u64) {
        match self {
            Self::Walk => entries.sort_by(|a, b| walk_key(a).cmp(walk_key(b))),
            Self::String => entries.sort_by(|a, b| a.path.cmp(&b.path)),
            Self::Shuffled => shuffle(entries, seed),
        }
    }
}

/// The path with its separators below every other byte, so that a directory's tree stays together.
fn walk_key(entry: &Entry) -> impl Iterator<Item = u8> {
    entry.path.bytes().map(|byte| if byte == b'/' { 0 } else { byte })
}

fn shuffle(entries: &mut [Entry], seed: u64) {
    let mut random = Random::new(seed);
    for last in (1..entries.len()).rev() {
        let other = usize::try_from(random.below(last as u64 + 1)).expect("at most last");
        entries.swap(last, other);
    }
    entries.sort_by_key(|entry| matches!(entry.kind, Kind::HardLink(_)));
}
