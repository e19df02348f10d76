//! Public archives, the test data of other tools: read, or refused in a sentence.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::common;
use crate::common::run::{Outcome, layerlens};
use crate::outcome::{wrong_in_general, wrong_in_message};
use crate::peers::Missing;
use crate::tree::{Exported, wrong_in_final_tree};
use crate::{assert_none, check_all, corpus, find, read_gzip_json, unpack};

/// What the public archives lack that cannot be read; every other one must be.
const REFUSED: [(&str, &str); 19] = [
    ("aboutcode-org-container-inspector__images.tar.gz", "its layers are 30 bytes of text"),
    ("aboutcode-org-container-inspector__images.tgz", "unpacked images in a folder"),
    ("aboutcode-org-container-inspector__merge.tgz", "unpacked images in a folder"),
    ("anchore-stereoscope__file.tar", "its manifest is empty"),
    ("aquasecurity-fanal__testdata_test_index_json_dir.oci.ocidir", "index.json is a folder"),
    ("aquasecurity-fanal__testdata_test_invalid_oci_image.oci.ocidir", "no manifest"),
    ("buildpacks-imgutil__layout_busybox-multi-platform.ocidir", "no blobs"),
    ("buildpacks-imgutil__layout_my-previous-sparse-image.ocidir", "no layers"),
    ("containers-image__fixtures_delete_image_multiple_images.ocidir", "its layers are 33 bytes of text"),
    ("containers-image__fixtures_delete_image_two_identical_references.ocidir", "its layers are 33 bytes of text"),
    ("docker-library-busybox__latest_glibc_amd64.ocidir", "the layer is a symlink to what is not there"),
    ("google-go-containerregistry__sparse_foreign.tar", "a foreign layer is not there"),
    ("google-go-containerregistry__testdata_test_gc_image_unknown_mediatype.ocidir", "no manifest"),
    ("snyk-snyk-docker-plugin__dockergoof.tar", "4 of its 9 layers"),
    ("snyk-snyk-docker-plugin__nginx-compressed-layers.tar", "1 of its 3 layers"),
    ("snyk-snyk-docker-plugin__nginx-os-release-link.tar", "1 of its 3 layers"),
    ("snyk-snyk-docker-plugin__oci-with-manifest.tar", "1 of its 4 layers"),
    ("snyk-snyk-docker-plugin__testjar.tar", "2 of its 5 layers"),
    ("youki-dev-oci-spec-rs__test_data.ocidir", "no blobs"),
];

/// How many trees were compared, lest all of them are passed over unseen.
static COMPARED: AtomicUsize = AtomicUsize::new(0);

/// One line of the list of public archives.
struct Public {
    name: String,
    /// How many layers the first image has, by another reader; unknown where it could not tell.
    layers: Option<u64>,
}

pub fn public_archives_are_analysed_or_refused_in_a_sentence() -> Result<(), Missing> {
    let corpus = corpus()?;
    let directory = tempfile::tempdir().expect("a temporary directory");
    unpack(&corpus.join("public.tar.zst"), directory.path());
    let list = find(directory.path(), "MANIFEST.tsv");
    let folder = list.parent().expect("a folder").to_owned();
    let list = std::fs::read_to_string(&list).expect("a list");
    let archives: Vec<Public> = list.lines().skip(1).map(public).collect();
    assert!(!archives.is_empty(), "the corpus has public archives");
    let failures = check_all(&archives, |archive| check_public(archive, &folder));
    let compared = COMPARED.load(Ordering::Relaxed);
    eprintln!("{compared} trees compared with what an engine showed");
    assert!(compared > 0, "nothing was compared with what an engine showed");
    assert_none(&failures, archives.len(), "public archives");
    Ok(())
}

fn public(line: &str) -> Public {
    let cells: Vec<&str> = line.split('\t').collect();
    let layers = cells.get(10).and_then(|layers| layers.split(',').next()?.parse().ok());
    Public { name: cells[0].to_owned(), layers: layers.filter(|layers| *layers > 0) }
}

fn check_public(archive: &Public, folder: &Path) -> Vec<String> {
    let path = folder.join(&archive.name);
    let outcome = layerlens(["--report".as_ref(), "json".as_ref(), path.as_os_str()]).outcome();
    let mut wrong = wrong_in_public(&outcome);
    let refusal = REFUSED.iter().find(|(name, _)| *name == archive.name);
    if outcome.code == Some(3) && refusal.is_none() {
        wrong.push(format!("refused, and can be read: {}", outcome.stderr_text()));
    }
    if outcome.code == Some(0) {
        let found = &outcome.json()["totals"]["layers"];
        if archive.layers.is_some_and(|layers| *found != layers) {
            wrong.push(format!("{found} layers, another reader has {:?}", archive.layers));
        }
        wrong.extend(refusal.map(|(_, why)| format!("read, although {why}")));
        for engine in ["docker20-overlay2", "docker26-containerd"] {
            let recorded = folder.join("TRUTH").join(engine).join(format!("{}.json.gz", archive.name));
            if recorded.is_file() {
                let found = wrong_in_loaded(&common::analysed(&path), &recorded);
                wrong.extend(found.into_iter().map(|wrong| format!("{engine}: {wrong}")));
            }
        }
    }
    wrong.into_iter().map(|wrong| format!("{}: {wrong}", archive.name)).collect()
}

fn wrong_in_public(outcome: &Outcome) -> Vec<String> {
    let mut wrong = wrong_in_general(outcome);
    match outcome.code {
        Some(0) if serde_json::from_slice::<Value>(&outcome.stdout).is_err() => {
            wrong.push(format!("no JSON: {outcome}"));
        }
        Some(0) => {}
        Some(3) => wrong.extend(wrong_in_message(outcome)),
        _ => wrong.push(format!("ended otherwise: {outcome}")),
    }
    wrong
}

/// Compares with what the engine showed after loading the archive, which may hold several images.
fn wrong_in_loaded(report: &Value, recorded: &Path) -> Vec<String> {
    let loaded: Vec<Exported> = read_gzip_json(recorded);
    let tags: Vec<&str> = report["image"]["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let is_ours = |name: &str| {
        report["image"]["id"] == name
            || tags.iter().any(|tag| *tag == name || name.strip_suffix(":latest") == Some(tag))
    };
    let named = loaded.iter().find(|image| image.image.as_deref().is_some_and(is_ours));
    let ours = named.or(if let [only] = loaded.as_slice() { Some(only) } else { None });
    // Where the engine names its images otherwise, or could not run one, there is nothing to compare.
    let Some(exported) = ours.filter(|ours| !ours.tree.is_empty()) else { return Vec::new() };
    COMPARED.fetch_add(1, Ordering::Relaxed);
    wrong_in_final_tree(report, exported)
}
