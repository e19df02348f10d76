//! Any bytes as the layer of an image: entries, merge and analysis either fail with an error or keep their sums.

#![no_main]

use layerlens_fuzz::{check, fix_checksums, image_of, open_stream};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut layer = bytes.to_vec();
    fix_checksums(&mut layer);
    if let Ok(analysis) = open_stream(image_of(&layer)) {
        check(&analysis);
    }
});
