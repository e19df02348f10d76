//! Reproducible choices: the n-th number of a seed is a hash of n, the same on every machine.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Mixes `number` into `seed`: the way to derive independent seeds for parts of a whole.
pub fn mix(seed: u64, number: u64) -> u64 {
    xxh3_64_with_seed(&number.to_le_bytes(), seed)
}

/// The sequence of numbers of one seed.
pub struct Random {
    seed: u64,
    drawn: u64,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    pub fn draw(&mut self) -> u64 {
        self.drawn += 1;
        mix(self.seed, self.drawn)
    }

    /// Returns a number below `limit`, which must not be 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.draw() % limit
    }
}
