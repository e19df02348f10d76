//! The fuzz targets: what they do with the bytes they are given, and what must hold afterwards.
//!
//! Two drivers run them: libFuzzer, which needs a nightly toolchain (`fuzz_targets`), and `tests/fuzz.rs`, which does not.
//! Both only use the library's front door.

pub mod packages;

use std::io::Write;
use std::path::Path;

use layerlens::{Analysis, OpenOptions, Result};

const BLOCK: usize = 512;

/// Any bytes as an archive, from a file and from a pipe: where both can be read, they say the same.
pub fn archive(bytes: &[u8]) {
    let mut archive = bytes.to_vec();
    fix_checksums(&mut archive);
    let mut file = tempfile::NamedTempFile::new().expect("there is room for a file");
    file.write_all(&archive).expect("there is room for a file");
    let from_file = open(file.path());
    let from_pipe = open_pipe(&archive);
    for result in [&from_file, &from_pipe] {
        check(result);
    }
    if let (Ok(file), Ok(pipe)) = (from_file, from_pipe) {
        assert_eq!(file.totals, pipe.totals);
    }
}

/// Any bytes as the one layer of an image.
pub fn layer(bytes: &[u8]) {
    let mut layer = bytes.to_vec();
    fix_checksums(&mut layer);
    check(&open_pipe(&image_of(&layer)));
}

/// Writes the right checksum into every block that has a header's magic: a fuzzer cannot guess it.
fn fix_checksums(tar: &mut [u8]) {
    for block in tar.chunks_exact_mut(BLOCK).filter(|block| &block[257..262] == b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

/// Wraps `layer` into an image as `docker save` wrote it before version 25.
fn image_of(layer: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let config = br#"{"rootfs":{"type":"layers","diff_ids":[]},"history":[]}"#;
    let manifest = br#"[{"Config":"config.json","RepoTags":null,"Layers":["layer.tar"]}]"#;
    let members: [(&str, &[u8]); 3] = [("layer.tar", layer), ("config.json", config), ("manifest.json", manifest)];
    for (name, content) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, content).expect("memory takes everything");
    }
    tar.into_inner().expect("memory takes everything")
}

fn open(path: &Path) -> Result<Analysis> {
    layerlens::open(path, &OpenOptions::default())
}

/// Opens bytes as they come from a pipe.
#[cfg(target_os = "linux")]
fn open_pipe(bytes: &[u8]) -> Result<Analysis> {
    use std::os::fd::AsRawFd;
    let (mut reader, mut writer) = std::io::pipe().expect("a pipe");
    std::thread::scope(|scope| {
        scope.spawn(move || writer.write_all(bytes).expect("the pipe is open at its other end"));
        let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
        let result = open(path.as_ref());
        // What the library did not want to read must be taken out all the same, or the writer never ends.
        std::io::copy(&mut reader, &mut std::io::sink()).expect("a pipe can be read");
        result
    })
}

#[cfg(not(target_os = "linux"))]
fn open_pipe(bytes: &[u8]) -> Result<Analysis> {
    let mut file = tempfile::NamedTempFile::new().expect("there is room for a file");
    file.write_all(bytes).expect("there is room for a file");
    open(file.path())
}

/// Asserts what holds for every image, and for every refusal.
fn check(result: &Result<Analysis>) {
    let analysis = match result {
        Ok(analysis) => analysis,
        Err(error) => {
            let message = error.to_string();
            assert!(!message.is_empty() && !message.contains(char::is_control), "{message:?}");
            return;
        }
    };
    let totals = &analysis.totals;
    assert_eq!(totals.stored_bytes, totals.final_bytes + totals.wasted_bytes);
    let wasted: u64 = analysis.waste.iter().map(|record| record.bytes).sum();
    assert_eq!(totals.wasted_bytes, wasted);
    let stored: u64 = analysis.layers.iter().map(|layer| layer.stored_bytes).sum();
    assert_eq!(totals.stored_bytes, stored);
    assert!(!layerlens::report::to_json(analysis, true).is_empty());
}
