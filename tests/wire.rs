//! Waste on the wire, against blobs whose compressed sizes are known from outside: a gzip member for each entry.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use layerlens::digest::Digest;
use layerlens::{OpenOptions, open};
use serde_json::json;

/// One entry of a tar: header, content, padding.
fn entry(path: &str, content: &[u8], mode: u32) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    header.set_mtime(1_700_000_000);
    builder.append_data(&mut header, path, content).expect("memory");
    let mut bytes = builder.into_inner().expect("memory");
    // The two end blocks are not the entry's.
    bytes.truncate(bytes.len() - 1024);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Bytes that do not compress away.
fn noise(length: usize, seed: u32) -> Vec<u8> {
    let step = |state: u32| state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    std::iter::successors(Some(seed), |state| Some(step(*state)))
        .map(|state| (state >> 24) as u8)
        .take(length)
        .collect()
}

struct Layer {
    tar: Vec<u8>,
    blob: Vec<u8>,
}

/// Compresses each entry as a member of its own; returns the sizes of the members too.
fn layer(entries: &[Vec<u8>]) -> (Layer, Vec<u64>) {
    let members: Vec<Vec<u8>> = entries.iter().map(|entry| gzip(entry)).collect();
    let sizes = members.iter().map(|member| member.len() as u64).collect();
    let end = vec![0; 1024];
    let tar = [entries.concat(), end.clone()].concat();
    let blob = [members.concat(), gzip(&end)].concat();
    (Layer { tar, blob }, sizes)
}

fn write_layout(directory: &Path, layers: &[Layer]) {
    let blobs = directory.join("blobs/sha256");
    fs::create_dir_all(&blobs).expect("temporary");
    let put = |bytes: &[u8]| {
        let digest = Digest::sha256(bytes);
        fs::write(blobs.join(digest.hex()), bytes).expect("temporary");
        json!({"digest": digest.to_string(), "size": bytes.len()})
    };
    let descriptors: Vec<_> = layers.iter().map(|layer| put(&layer.blob)).collect();
    let diff_ids: Vec<_> = layers.iter().map(|layer| Digest::sha256(&layer.tar).to_string()).collect();
    let config = json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let manifest = json!({"schemaVersion": 2, "config": put(config.to_string().as_bytes()), "layers": descriptors});
    let index = json!({"schemaVersion": 2, "manifests": [put(manifest.to_string().as_bytes())]});
    fs::write(directory.join("index.json"), index.to_string()).expect("temporary");
}

/// A gzip member ends in a checksum and a length.
const TRAILER: u64 = 8;

#[test]
fn each_entry_costs_its_own_gzip_member() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (one, two, three) = (noise(50_000, 1), noise(700_000, 2), noise(3, 3));
    let (lower, sizes) = layer(&[entry("one", &one, 0o644), entry("two", &two, 0o644), entry("three", &three, 0o644)]);
    let (upper, _) = layer(&[entry("one", &one, 0o755), entry("two", &noise(700_000, 9), 0o644)]);
    write_layout(directory.path(), &[lower, upper]);
    let options = OpenOptions { wire: true, ..OpenOptions::default() };
    let image = open(directory.path(), &options).expect("an image");
    let measured: Vec<(u64, Option<u64>)> =
        image.waste.iter().map(|record| (record.bytes, record.wire_bytes)).collect();
    // The trailer of the first member is read with the second.
    assert_eq!(measured, [(700_000, Some(sizes[1])), (50_000, Some(sizes[0] - TRAILER))]);
    assert_eq!(image.totals.wasted_wire_bytes, Some(sizes[0] + sizes[1] - TRAILER));
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-images").join(name)
}

#[test]
fn what_is_stored_plain_or_not_asked_for_is_left_out() {
    let wire = OpenOptions { wire: true, ..OpenOptions::default() };
    let plain = open(&sample("seed.tar.gz"), &wire).expect("a sample");
    assert_eq!(plain.totals.wasted_wire_bytes, None);
    assert!(!plain.waste.is_empty() && plain.waste.iter().all(|record| record.wire_bytes.is_none()));
    let unasked = open(&sample("seed-oci-gzip.tar"), &OpenOptions::default()).expect("a sample");
    assert_eq!(unasked.totals.wasted_wire_bytes, None);
}

#[test]
fn real_blobs_hold_what_their_entries_cost() {
    for name in ["seed-oci-gzip.tar", "seed-oci-zstd.tar"] {
        let image = open(&sample(name), &OpenOptions { wire: true, ..OpenOptions::default() }).expect("a sample");
        for layer in &image.layers {
            let of_layer = image.waste.iter().filter(|record| record.stored_in == layer.number);
            let wire: u64 = of_layer.map(|record| record.wire_bytes.expect("measured")).sum();
            assert!(wire <= layer.blob.blob_bytes, "{name}: layer {}: {wire}", layer.number);
        }
        assert!(image.totals.wasted_wire_bytes.is_some_and(|bytes| bytes > 0), "{name}");
    }
}
