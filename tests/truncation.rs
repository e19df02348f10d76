//! Archives cut short: an error or the whole truth, never a part of it and never a panic.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::archive::{self, Compression};
use common::run::layerlens;
use serde_json::{Value, json};

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

/// The same of an unpacked `docker save`, where nothing states the size of a layer: its `diff_id` has to tell.
#[test]
fn a_layer_of_an_unpacked_docker_save_cut_anywhere() {
    let image = archive::miniature(FILE_BYTES);
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        archive::write_files(&image.legacy(), directory.path());
        let whole = common::essence(&common::analysed(directory.path()));
        for (number, layer) in image.layers.iter().enumerate() {
            let path = directory.path().join(archive::sha256(layer)).join("layer.tar");
            for cut in cuts(layer.len()) {
                std::fs::write(&path, archive::compress(&layer[..cut], compression)).expect("write the cut layer");
                let wrong = what_is_wrong(directory.path(), &whole);
                assert_eq!(wrong, None, "{compression:?}: layer {} of {} bytes cut at {cut}", number + 1, layer.len());
            }
            std::fs::write(&path, layer).expect("write the layer");
        }
    }
}

/// The third layer of [`archive::miniature`] without its file: a whole tar but for the end blocks.
fn cut_at_a_member(image: &archive::Image) -> (String, Vec<u8>) {
    let layer = &image.layers[2];
    (format!("{}/layer.tar", archive::sha256(layer)), layer[..512].to_vec())
}

#[test]
fn a_layer_cut_at_a_member_is_seen_in_every_way_in() {
    let image = archive::miniature(FILE_BYTES);
    let (name, cut) = cut_at_a_member(&image);
    for layer in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let mut files = image.legacy();
        files.insert(name.clone(), archive::compress(&cut, layer));
        for whole in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let file = tempfile::NamedTempFile::new().expect("a temporary file");
            std::fs::write(file.path(), archive::compress(&archive::tar_of(&files), whole)).expect("write the archive");
            for outcome in [layerlens([file.path()]).outcome(), layerlens(["-"]).stdin(file.path()).outcome()] {
                outcome.assert_code(3);
                let message = outcome.stderr_text();
                assert!(message.contains("layer 3") && message.contains("end blocks"), "{message}");
            }
        }
    }
}

/// Tools that write no end blocks are right to do so: what the digest vouches for is whole.
#[test]
fn a_layer_without_end_blocks_is_whole_where_its_digest_says_so() {
    let with_end = archive::miniature(FILE_BYTES);
    let layers: Vec<_> = with_end.layers.iter().map(|layer| layer[..layer.len() - 1024].to_vec()).collect();
    let [with_end, image] = [with_end.layers, layers]
        .map(|layers| archive::Image::new("mini:latest", &["a", "b", "c", "d", "e", "f", "g"], layers));
    let totals = &analysed_legacy(&with_end, Compression::None)["totals"];
    for whole in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let report = analysed_legacy(&image, whole);
        assert_eq!(report["totals"]["wasted_bytes"], totals["wasted_bytes"]);
        assert_eq!(report["totals"]["stored_bytes"], totals["stored_bytes"]);
        assert_eq!(report["warnings"].as_array().map(Vec::len), Some(0), "{}", report["warnings"]);
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), archive::compress(&archive::tar_of(&image.legacy()), whole)).expect("written");
        layerlens(["-"]).stdin(file.path()).outcome().assert_code(0);
    }
}

fn analysed_legacy(image: &archive::Image, whole: Compression) -> Value {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), archive::compress(&archive::tar_of(&image.legacy()), whole)).expect("written");
    common::analysed(file.path())
}

/// Replaces the layers that `manifest.json` lists.
fn with_layers(image: &archive::Image, layers: &Value) -> archive::Files {
    let mut files = image.legacy();
    let mut manifest: Value = serde_json::from_slice(&files["manifest.json"]).expect("JSON");
    manifest[0]["Layers"] = layers.clone();
    files.insert("manifest.json".to_owned(), manifest.to_string().into_bytes());
    files
}

#[test]
fn layers_that_are_not_there_are_an_error() {
    let image = archive::miniature(FILE_BYTES);
    let first = format!("{}/layer.tar", archive::sha256(&image.layers[0]));
    for layers in [json!(null), json!([]), json!([first])] {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), archive::tar_of(&with_layers(&image, &layers))).expect("written");
        let outcome =
            layerlens(["--ci".as_ref(), "--max-waste".as_ref(), "100%".as_ref(), file.path().as_os_str()]).outcome();
        outcome.assert_code(3);
        assert!(outcome.stderr_text().contains("lists 7 diff_ids"), "{outcome}");
    }
}

#[test]
fn an_image_without_layers_leaves_nothing_to_judge() {
    let image = archive::Image::new("empty:latest", &[], Vec::new());
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), archive::tar_of(&image.legacy())).expect("written");
    let outcome = layerlens(["--ci".as_ref(), "--max-waste".as_ref(), "0".as_ref(), file.path().as_os_str()]).outcome();
    outcome.assert_code(0);
    assert!(outcome.stdout_text().contains("there was nothing to judge"), "{outcome}");
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
