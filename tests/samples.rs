//! The sample images: real tools' archives against hand-derived numbers, the engine's own `docker diff`, and
//! each other in every format that is read.

mod common;

use std::path::Path;

use common::archive::{self, Compression, Image};
use common::docker_diff;
use serde_json::Value;

/// One row of the table "Expected numbers" in `sample-images/README.md`.
struct Expected {
    name: String,
    layers: u64,
    stored: u64,
    finally: u64,
    wasted: u64,
}

fn table() -> Vec<Expected> {
    let readme = std::fs::read_to_string(common::sample("README.md")).expect("the samples have a README");
    let (_, section) = readme.split_once("## Expected numbers").expect("the README has the numbers");
    section.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<Expected> {
    let cells: Vec<&str> = line.strip_prefix("| `")?.split('|').map(str::trim).collect();
    let number = |cell: &str| cell.parse::<u64>().expect("a column of numbers");
    Some(Expected {
        name: cells[0].trim_end_matches('`').trim_end_matches('/').to_owned(),
        layers: number(cells[1]),
        stored: number(cells[2]),
        finally: number(cells[3]),
        wasted: number(cells[4]),
    })
}

#[test]
fn totals_are_those_of_the_readme() {
    let table = table();
    assert_eq!(table.len(), 9, "the README's table lists every sample");
    for expected in table {
        let report = common::analysed(&common::sample(&expected.name));
        let totals = &report["totals"];
        assert_eq!(totals["layers"], expected.layers, "{}: layers", expected.name);
        assert_eq!(totals["stored_bytes"], expected.stored, "{}: stored", expected.name);
        assert_eq!(totals["final_bytes"], expected.finally, "{}: final", expected.name);
        assert_eq!(totals["wasted_bytes"], expected.wasted, "{}: wasted", expected.name);
    }
}

#[test]
fn sums_hold_in_every_sample() {
    for expected in table() {
        let report = common::analysed(&common::sample(&expected.name));
        assert_sums(&report, &expected.name);
    }
}

/// What src/model.md 4 and 6 promise of every image.
fn assert_sums(report: &Value, name: &str) {
    let total = |field: &str| report["totals"][field].as_u64().unwrap_or_else(|| panic!("{name}: totals.{field}"));
    let sum = |list: &Value, field: &str| -> u64 {
        list.as_array().into_iter().flatten().filter_map(|item| item[field].as_u64()).sum()
    };
    assert_eq!(total("stored_bytes"), total("final_bytes") + total("wasted_bytes"), "{name}: stored = final + wasted");
    let parts = total("fixable_bytes") + total("inherited_bytes") + total("remainder_bytes");
    assert_eq!(total("wasted_bytes"), parts, "{name}: wasted = fixes + inherited + remainder");
    assert_eq!(total("fixable_bytes"), sum(&report["fixes"], "saves_bytes"), "{name}: the fixes");
    assert_eq!(total("wasted_bytes"), sum(&report["waste"], "bytes"), "{name}: the waste records");
    assert_eq!(total("stored_bytes"), sum(&report["layers"], "stored_bytes"), "{name}: stored in the layers");
    assert_eq!(total("wasted_bytes"), sum(&report["layers"], "wasted_bytes"), "{name}: wasted in the layers");
    assert_eq!(total("user_wasted_bytes") + total("inherited_bytes"), total("wasted_bytes"), "{name}: base and yours");
}

/// src/model.md 4, the worked example, on the archives of two storage drivers.
#[test]
fn the_seed_wastes_what_the_model_says() {
    let overlay = [
        ("/data/one", 3, 4, "metadata"),
        ("/data/one", 4, 6, "unchanged"),
        ("/data/one", 6, 7, "deleted"),
        ("/data/two", 5, 6, "metadata"),
    ];
    let vfs = [("/data/one", 3, 4, "metadata"), ("/data/one", 4, 7, "deleted"), ("/data/two", 5, 6, "metadata")];
    assert_waste("seed.tar.gz", &overlay);
    assert_waste("seed-oci-gzip.tar", &overlay);
    assert_waste("seed-oci-zstd.tar", &overlay);
    assert_waste("seed-vfs.tar.zst", &vfs);
    assert_waste("seed-podman.tar.zst", &vfs);
}

fn assert_waste(name: &str, expected: &[(&str, u64, u64, &str)]) {
    let report = common::analysed(&common::sample(name));
    let records = report["waste"].as_array().expect("waste is a list").iter();
    let found: Vec<(&str, u64, u64, &str)> = records.map(waste_record).collect();
    assert_eq!(found, expected, "{name}");
}

fn waste_record(record: &Value) -> (&str, u64, u64, &str) {
    assert_eq!(record["bytes"], 1 << 20, "each copy is 1 MiB");
    let layer = |field: &str| record[field].as_u64().expect("a layer number");
    let text = |field: &str| record[field].as_str().expect("a text");
    (text("path"), layer("stored_in"), layer("hidden_by"), text("cause"))
}

/// The waste of the seed lies between layers 3 and 7, and one RUN in their place removes all of it.
#[test]
fn the_seed_has_one_fix() {
    let report = common::analysed(&common::sample("seed.tar.gz"));
    let fixes = report["fixes"].as_array().expect("fixes is a list");
    assert_eq!(fixes.len(), 1, "{fixes:?}");
    assert_eq!(fixes[0]["layers"], serde_json::json!([3, 4, 5, 6, 7]));
    assert_eq!(fixes[0]["saves_bytes"], 4 << 20);
    let dockerfile = fixes[0]["dockerfile"].as_str().expect("lines to paste");
    assert!(dockerfile.starts_with("RUN ") && dockerfile.contains("rm /data/one"), "{dockerfile}");
}

#[test]
fn the_merged_seed_has_nothing_to_fix() {
    let report = common::analysed(&common::sample("seed-merged.tar.gz"));
    assert_eq!(report["waste"], serde_json::json!([]));
    assert_eq!(report["fixes"], serde_json::json!([]));
    assert_eq!(report["totals"]["efficiency"], 1.0);
}

#[test]
fn all_that_docker_diff_printed_is_ours_too() {
    for (name, recorded) in [
        ("seed.tar.gz", "seed"),
        ("seed-merged.tar.gz", "seed-merged"),
        ("seed-vfs.tar.zst", "seed-vfs"),
        ("opaque.tar.zst", "opaque"),
    ] {
        let text = std::fs::read_to_string(common::sample(&format!("recorded/{recorded}.docker-diff.txt")));
        let steps = docker_diff::parse_recorded(&text.expect("docker diff was recorded"));
        let path = common::sample(name);
        let found = docker_diff::contradictions(&common::analysed(&path), &steps, &archive::directories(&path));
        assert!(found.is_empty(), "{name}:\n{}", found.join("\n"));
    }
}

/// `docker history`, oldest first, names the steps of our history in the same order.
#[test]
fn steps_are_those_of_docker_history() {
    for (name, recorded) in [
        ("seed.tar.gz", "seed.docker-history.txt"),
        ("seed-merged.tar.gz", "seed-merged.docker-history.txt"),
        ("seed-vfs.tar.zst", "seed-vfs.docker-history.txt"),
        ("opaque.tar.zst", "opaque.docker-history.txt"),
        ("hello-containerd.tar", "hello-containerd.docker-history.txt"),
        ("seed-oci-gzip.tar", "seed-oci.docker-history.txt"),
        ("seed-oci-zstd.tar", "seed-oci.docker-history.txt"),
        ("seed-podman.tar.zst", "seed-podman.history.txt"),
    ] {
        let text =
            std::fs::read_to_string(common::sample(&format!("recorded/{recorded}"))).expect("history was recorded");
        let report = common::analysed(&common::sample(name));
        let history = report["history"].as_array().expect("history is a list");
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(history.len(), lines.len(), "{name}");
        for (entry, line) in history.iter().zip(lines.iter().rev()) {
            let created_by = entry["created_by"].as_str().unwrap_or_default();
            assert!(line.contains(created_by), "{name}: {created_by:?} is not in {line:?}");
        }
    }
}

#[test]
fn gzip_and_zstd_archives_of_one_image_tell_the_same() {
    let gzip = common::analysed(&common::sample("seed-oci-gzip.tar"));
    let zstd = common::analysed(&common::sample("seed-oci-zstd.tar"));
    common::assert_same_essence(&zstd, &gzip, "zstd layers");
    let compression = |report: &Value| report["layers"][0]["compression"].clone();
    assert_eq!((compression(&gzip), compression(&zstd)), ("gzip".into(), "zstd".into()));
}

#[test]
fn every_format_of_the_seed_tells_the_same() {
    every_format_tells_the_same("seed.tar.gz");
}

#[test]
fn every_format_of_the_opaque_directories_tells_the_same() {
    every_format_tells_the_same("opaque.tar.zst");
}

#[test]
fn every_format_of_the_containerd_image_tells_the_same() {
    every_format_tells_the_same("hello-containerd.tar");
}

fn every_format_tells_the_same(name: &str) {
    let expected = common::analysed(&common::sample(name));
    let image = Image::from_docker_archive(&common::sample(name));
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (format, path) in write_every_format(&image, directory.path()) {
        common::assert_same_essence(&common::analysed(&path), &expected, &format!("{name} as {format}"));
    }
}

/// Writes the image in every format and compression; returns what each is and where.
fn write_every_format(image: &Image, directory: &Path) -> Vec<(String, std::path::PathBuf)> {
    let mut written = Vec::new();
    let mut write = |format: String, bytes: &[u8]| {
        let path = directory.join(format!("{}.bin", written.len()));
        std::fs::write(&path, bytes).expect("write an archive");
        written.push((format, path));
    };
    for (format, files) in [("legacy docker archive", image.legacy()), ("docker archive", image.docker_archive())] {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            write(
                format!("{format}, {compression:?} outside"),
                &archive::compress(&archive::tar_of(&files), compression),
            );
        }
    }
    for layers in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let files = image.oci_layout(layers);
        for outside in [Compression::None, Compression::Gzip] {
            let bytes = archive::compress(&archive::tar_of(&files), outside);
            write(format!("OCI archive, {layers:?} layers, {outside:?} outside"), &bytes);
        }
    }
    for layers in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let path = directory.join(format!("{layers:?}"));
        archive::write_files(&image.oci_layout(layers), &path);
        written.push((format!("OCI directory, {layers:?} layers"), path));
    }
    written
}

#[test]
fn a_pipe_tells_what_the_file_tells() {
    for name in ["seed.tar.gz", "seed-oci-zstd.tar", "opaque.tar.zst"] {
        let path = common::sample(name);
        let run = common::run::layerlens(["-", "--report", "json", "--changes"]).stdin(&path).outcome();
        run.assert_code(0);
        common::assert_same_essence(&run.json(), &common::analysed(&path), &format!("{name} from a pipe"));
    }
}

/// Blob figures are the sizes of the files in the layout, each under its own digest.
#[test]
fn blobs_are_weighed_as_they_lie_in_the_layout() {
    let image = Image::from_docker_archive(&common::sample("hello-containerd.tar"));
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let files = image.oci_layout(compression);
        archive::write_files(&files, directory.path());
        let report = common::analysed(directory.path());
        for layer in report["layers"].as_array().expect("layers is a list") {
            let digest = layer["blob_digest"].as_str().expect("an OCI layout names its blobs");
            let blob = &files[&format!("blobs/{}", digest.replace(':', "/"))];
            assert_eq!(layer["blob_bytes"], blob.len(), "{compression:?}: layer {}", layer["number"]);
            assert_eq!(layer["compression"], format!("{compression:?}").to_lowercase());
        }
    }
}

/// The two platforms of one index are two images.
#[test]
fn the_first_platform_is_the_one_shown() {
    let report = common::analysed(&common::sample("multiarch"));
    assert_eq!(report["image"]["architecture"], "amd64");
    assert_eq!(report["changes"][0]["path"], "/arch");
    assert_eq!(report["changes"][0]["kind"], "A");
}

/// The whole summary, as a pipe gets it. `LAYERLENS_UPDATE=1 cargo test --test samples` writes the texts in `tests/golden`
/// anew: read the difference.
#[test]
fn the_summaries_are_what_they_were() {
    for name in ["seed.tar.gz", "seed-podman.tar.zst", "opaque.tar.zst", "hello-containerd.tar"] {
        let analysis =
            layerlens::open(&common::sample(name), &layerlens::OpenOptions::default()).expect("a whole image");
        let (mut found, style) = (Vec::new(), layerlens::report::Style::default());
        layerlens::report::write(layerlens::report::Format::Text, &analysis, None, &style, &mut found).expect("memory");
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.txt"));
        if std::env::var_os("LAYERLENS_UPDATE").is_some() {
            std::fs::write(&golden, &found).expect("written");
        }
        let expected = std::fs::read_to_string(&golden).expect("a text");
        assert_eq!(String::from_utf8(found).expect("text"), expected, "{name}");
    }
}
