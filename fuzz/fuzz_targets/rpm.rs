//! [`layerlens_fuzz::packages::rpm`], driven by libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| layerlens_fuzz::packages::rpm(bytes));
