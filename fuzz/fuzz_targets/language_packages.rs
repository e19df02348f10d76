//! [`layerlens_fuzz::packages::language`], driven by libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| layerlens_fuzz::packages::language(bytes));
