//! Any bytes as an archive, from a file and from a pipe: where both can be read, they say the same.

#![no_main]

use std::io::Write;

use layerlens::OpenOptions;
use layerlens_fuzz::{check, fix_checksums, open_stream};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut archive = bytes.to_vec();
    fix_checksums(&mut archive);
    let mut file = tempfile::NamedTempFile::new().expect("there is room for a file");
    file.write_all(&archive).expect("there is room for a file");
    let from_file = layerlens::open(file.path(), &OpenOptions::default());
    let from_pipe = open_stream(archive);
    for analysis in from_file.iter().chain(&from_pipe) {
        check(analysis);
    }
    if let (Ok(file), Ok(pipe)) = (from_file, from_pipe) {
        assert_eq!(file.totals, pipe.totals);
    }
});
