//! What both targets need: tars that the reader does not refuse at the first header, and the sums that always hold.

use std::io::Cursor;

use layerlens::analysis::{Analysis, analyse};
use layerlens::layer::load::load;
use layerlens::source::Input;
use layerlens::{OpenOptions, Result};

const BLOCK: usize = 512;

/// Writes the right checksum into every block that has a header's magic: a fuzzer cannot guess it.
pub fn fix_checksums(tar: &mut [u8]) {
    for block in tar.chunks_exact_mut(BLOCK).filter(|block| &block[257..262] == b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

/// Wraps `layer` into an image as `docker save` wrote it before version 25.
pub fn image_of(layer: &[u8]) -> Vec<u8> {
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

/// Opens bytes as they come from a pipe.
pub fn open_stream(bytes: Vec<u8>) -> Result<Analysis> {
    let options = OpenOptions::default();
    let loaded = load(Input::Stream(Box::new(Cursor::new(bytes))), &options.load)?;
    analyse("fuzz".to_owned(), loaded, &options.base)
}

/// What holds for every image.
pub fn check(analysis: &Analysis) {
    let totals = &analysis.totals;
    assert_eq!(totals.stored_bytes, totals.final_bytes + totals.wasted_bytes);
    let wasted: u64 = analysis.waste.iter().map(|record| record.bytes).sum();
    assert_eq!(totals.wasted_bytes, wasted);
    let stored: u64 = analysis.layers.iter().map(|layer| layer.stored_bytes).sum();
    assert_eq!(totals.stored_bytes, stored);
}
