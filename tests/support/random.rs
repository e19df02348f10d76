//! What the tests with random images share.

use std::env;

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

/// Returns a run with a fixed seed, so that one that fails fails again; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` look
/// further.
pub fn config(cases: u32) -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig {
        cases: if env::var_os("PROPTEST_CASES").is_some() { asked.cases } else { cases },
        rng_seed: if asked.rng_seed == RngSeed::Random { RngSeed::Fixed(4) } else { asked.rng_seed },
        failure_persistence: None,
        max_global_rejects: 1 << 16,
        ..asked
    }
}
