//! Archives cut short: an error or the whole truth, never a part of it and never a panic.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::archive::{self, Compression};
use serde_json::Value;

/// Small, so that every cut is tried within seconds; larger than a block, so that cuts fall inside a file.
const FILE_BYTES: usize = 5000;

#[test]
fn a_docker_archive_cut_anywhere() {
    cut_everywhere("docker archive", &archive::tar_of(&archive::miniature(FILE_BYTES).docker_archive()));
}

#[test]
fn a_legacy_docker_archive_cut_anywhere() {
    cut_everywhere("legacy docker archive", &archive::tar_of(&archive::miniature(FILE_BYTES).legacy()));
}

/// All documents are there before the first layer: only what is missing of the layers tells.
#[test]
fn archives_with_their_blobs_last_cut_anywhere() {
    let image = archive::miniature(FILE_BYTES);
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let bytes = archive::tar_blobs_last(&image.oci_layout(compression));
        cut_everywhere(&format!("OCI archive, blobs last, {compression:?} layers"), &bytes);
        let bytes = archive::tar_blobs_last(&image.docker_archive());
        cut_everywhere(
            &format!("docker archive, blobs last, {compression:?}"),
            &archive::compress(&bytes, compression),
        );
    }
}

#[test]
fn an_archive_with_gzip_layers_cut_anywhere() {
    let files = archive::miniature(FILE_BYTES).oci_layout(Compression::Gzip);
    cut_everywhere("OCI archive, gzip layers", &archive::tar_of(&files));
}

#[test]
fn an_archive_with_zstd_layers_cut_anywhere() {
    let files = archive::miniature(FILE_BYTES).oci_layout(Compression::Zstd);
    cut_everywhere("OCI archive, zstd layers", &archive::tar_of(&files));
}

#[test]
fn a_whole_gzip_archive_cut_anywhere() {
    let bytes = archive::tar_of(&archive::miniature(FILE_BYTES).legacy());
    cut_everywhere("gzip archive", &archive::compress(&bytes, Compression::Gzip));
}

#[test]
fn a_whole_zstd_archive_cut_anywhere() {
    let bytes = archive::tar_of(&archive::miniature(FILE_BYTES).legacy());
    cut_everywhere("zstd archive", &archive::compress(&bytes, Compression::Zstd));
}

/// A real one, with an attestation and an index in an index.
#[test]
fn a_containerd_archive_cut_anywhere() {
    let bytes = std::fs::read(common::sample("hello-containerd.tar")).expect("the sample is there");
    cut_everywhere("containerd archive", &bytes);
}

/// A layer blob cut short inside an archive that is whole: what the manifest promises is not there.
#[test]
fn a_layer_cut_inside_a_whole_archive() {
    let image = archive::miniature(FILE_BYTES);
    for compression in [Compression::Gzip, Compression::Zstd] {
        let files = image.oci_layout(compression);
        let blobs = image.layers.iter().map(|layer| archive::compress(layer, compression));
        for blob in blobs {
            let name = format!("blobs/sha256/{}", archive::sha256(&blob));
            let mut files = files.clone();
            files.insert(name, blob[..blob.len() / 2].to_vec());
            let file = tempfile::NamedTempFile::new().expect("a temporary file");
            std::fs::write(file.path(), archive::tar_of(&files)).expect("write the archive");
            assert!(common::analyse(file.path()).is_err(), "{compression:?}: half a layer passed for a whole one");
        }
    }
}

/// Blobs of a directory, as an interrupted copy leaves them. A plain layer cut between two files is a whole tar: only
/// the size in the manifest tells.
#[test]
fn a_blob_of_a_directory_cut_anywhere() {
    let image = archive::miniature(FILE_BYTES);
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        archive::write_files(&image.oci_layout(compression), directory.path());
        let whole = common::essence(&common::analysed(directory.path()));
        for (number, layer) in image.layers.iter().enumerate() {
            let blob = archive::compress(layer, compression);
            let path = directory.path().join("blobs/sha256").join(archive::sha256(&blob));
            for cut in cuts(blob.len()) {
                std::fs::write(&path, &blob[..cut]).expect("write the cut blob");
                let wrong = what_is_wrong(directory.path(), &whole);
                assert_eq!(wrong, None, "{compression:?}: layer {} of {} bytes cut at {cut}", number + 1, blob.len());
            }
            std::fs::write(&path, &blob).expect("write the blob");
        }
    }
}

/// Tries all cuts on all processors, and fails with the whole list of what went wrong.
fn cut_everywhere(which: &str, bytes: &[u8]) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let whole = directory.path().join("whole");
    std::fs::write(&whole, bytes).expect("write the archive");
    let whole = common::essence(&common::analysed(&whole));
    let (cuts, next, failures) = (cuts(bytes.len()), AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for worker in 0..std::thread::available_parallelism().map_or(2, std::num::NonZero::get) {
            let (cuts, next, failures, whole) = (&cuts, &next, &failures, &whole);
            let path = directory.path().join(format!("cut-{worker}"));
            scope.spawn(move || {
                while let Some(cut) = cuts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    std::fs::write(&path, &bytes[..*cut]).expect("write the cut archive");
                    let wrong = what_is_wrong(&path, whole).map(|wrong| format!("cut at byte {cut}: {wrong}"));
                    failures.lock().expect("no worker panics").extend(wrong);
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no worker panics");
    assert!(failures.is_empty(), "{which} of {} bytes:\n{}", bytes.len(), failures.join("\n"));
}

/// Every block's start, and inside the blocks here and there, ever another byte.
fn cuts(length: usize) -> Vec<usize> {
    let blocks = (0..length).step_by(512);
    let odd = (1..length).step_by(1021);
    let last = length.saturating_sub(16)..length;
    blocks.chain(odd).chain(last).collect()
}

fn what_is_wrong(path: &Path, whole: &Value) -> Option<String> {
    match catch_unwind(AssertUnwindSafe(|| common::analyse(path))) {
        Err(_) => Some("panicked".to_owned()),
        Ok(Ok(report)) if common::essence(&report) != *whole => Some(format!("told {}", report["totals"])),
        Ok(_) => None,
    }
}
