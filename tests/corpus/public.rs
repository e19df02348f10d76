//! Public archives, the test data of other tools: read, or refused in a sentence.

use std::path::Path;

use serde_json::Value;

use crate::common;
use crate::common::run::{Outcome, layerlens};
use crate::outcome::{wrong_in_general, wrong_in_message};
use crate::tree::{Exported, wrong_in_final_tree};
use crate::{assert_none, check_all, corpus, find, read_gzip_json, unpack};

#[test]
fn public_archives_are_analysed_or_refused_in_a_sentence() {
    let Some(corpus) = corpus() else { return };
    let directory = tempfile::tempdir().expect("a temporary directory");
    unpack(&corpus.join("public.tar.zst"), directory.path());
    let manifest = find(directory.path(), "MANIFEST.tsv");
    let folder = manifest.parent().expect("a folder").to_owned();
    let listed = std::fs::read_to_string(&manifest).expect("a list");
    let names: Vec<&str> = listed.lines().skip(1).filter_map(|line| line.split('\t').next()).collect();
    assert!(!names.is_empty(), "the corpus has public archives");
    let failures = check_all(&names, |name| {
        let outcome = layerlens(["--report".as_ref(), "json".as_ref(), folder.join(name).as_os_str()]).outcome();
        if outcome.code == Some(3) {
            eprintln!("refused: {name}: {}", outcome.stderr_text().trim_end());
        }
        let mut wrong = wrong_in_public(&outcome);
        let recorded = folder.join("TRUTH/docker20-overlay2").join(format!("{name}.json.gz"));
        if outcome.code == Some(0) && recorded.is_file() {
            wrong.extend(wrong_in_loaded(&common::analysed(&folder.join(name)), &recorded));
        }
        wrong.into_iter().map(|wrong| format!("{name}: {wrong}")).collect()
    });
    assert_none(&failures, names.len(), "public archives");
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
    let ours = loaded.iter().find(|image| image.id.as_deref() == report["image"]["id"].as_str());
    ours.map_or_else(
        || vec![format!("the engine loaded no {}", report["image"]["id"])],
        |exported| wrong_in_final_tree(report, exported),
    )
}
