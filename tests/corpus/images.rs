//! The images of ten builders and formats: expected figures, `docker diff`, and the exported tree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::common::docker_diff::{self, Step};
use crate::common::{self, archive};
use crate::names::{Name, compare_sets, name_of};
use crate::peers::Missing;
use crate::tree::wrong_in_final_tree;
use crate::{assert_none, check_all, corpus, file_name, files_in, find, read_gzip_json, unpack};

#[derive(Deserialize)]
struct Expected {
    totals: BTreeMap<String, Value>,
    diff_ids: Vec<String>,
    layers: Vec<ExpectedLayer>,
    waste: Vec<ExpectedWaste>,
}

#[derive(Deserialize)]
struct ExpectedLayer {
    changes: BTreeMap<Name, char>,
    unchanged: BTreeSet<Name>,
    #[serde(flatten)]
    figures: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct ExpectedWaste {
    path: Name,
    bytes: u64,
    stored_in: u64,
    hidden_by: u64,
    cause: String,
}

pub fn images_tell_what_an_independent_reader_and_docker_diff_tell() -> Result<(), Missing> {
    let corpus = corpus()?;
    let directory = tempfile::tempdir().expect("a temporary directory");
    unpack(&corpus.join("expected.tar.zst"), directory.path());
    for part in files_in(&corpus.join("images")) {
        unpack(&part, directory.path());
    }
    let expected_directory = find(directory.path(), "expected");
    let expected: Vec<PathBuf> = files_in(&expected_directory).into_iter().flat_map(|label| files_in(&label)).collect();
    assert!(!expected.is_empty(), "the corpus has expectations");
    let failures = check_all(&expected, |expected| check_image(expected, directory.path(), &corpus));
    assert_none(&failures, expected.len(), "images");
    Ok(())
}

/// Checks one image against `…/expected/LABEL/NAME.json` and, where it was recorded, `docker diff`.
fn check_image(expected: &Path, images: &Path, corpus: &Path) -> Vec<String> {
    let label = file_name(expected.parent().expect("a label"));
    let name = file_name(expected).trim_end_matches(".json").to_owned();
    let image = images.join(&label).join(&name);
    let report = match common::analyse(&image) {
        Ok(report) => report,
        Err(error) => return vec![format!("{label}/{name}: {error}")],
    };
    let text = std::fs::read(expected).expect("an expectation");
    let expected: Expected = serde_json::from_slice(&text).expect("an expectation");
    let mut wrong = wrong_figures(&report, &expected);
    wrong.extend(wrong_lists(&report, &expected));
    let case = name.trim_end_matches(".tar");
    let truth = corpus.join("truth").join(case).join(&label);
    let (steps, tree) = (truth.join("steps.json.gz"), truth.join("final.json.gz"));
    if tree.is_file() {
        wrong.extend(wrong_in_final_tree(&report, &read_gzip_json(&tree)));
    }
    if steps.is_file() {
        let directories = archive::directories(&image);
        wrong.extend(docker_diff::contradictions(&report, &read_steps(&steps), &directories));
    }
    wrong.into_iter().map(|wrong| format!("{label}/{name}: {wrong}")).collect()
}

fn wrong_figures(report: &Value, expected: &Expected) -> Vec<String> {
    let mut wrong = Vec::new();
    compare_objects(&mut wrong, "totals", &report["totals"], &expected.totals);
    let layers = report["layers"].as_array().expect("layers is a list");
    if layers.len() != expected.layers.len() {
        wrong.push(format!("{} layers, expected {}", layers.len(), expected.layers.len()));
    }
    for ((layer, expected_layer), diff_id) in layers.iter().zip(&expected.layers).zip(&expected.diff_ids) {
        let which = format!("layer {}", layer["number"]);
        compare_objects(&mut wrong, &which, layer, &expected_layer.figures);
        if layer["diff_id"] != *diff_id.as_str() {
            wrong.push(format!("{which}: diff_id {}, expected {diff_id}", layer["diff_id"]));
        }
    }
    wrong
}

/// Compares the fields that are expected; causes that are not named have no bytes.
fn compare_objects(wrong: &mut Vec<String>, which: &str, found: &Value, expected: &BTreeMap<String, Value>) {
    for (field, value) in expected {
        let same = match value {
            Value::Object(causes) => causes == &without_zeros(&found[field]),
            Value::Number(number) if number.is_f64() => same_ratio(&found[field], value),
            value => found[field] == *value,
        };
        if !same {
            wrong.push(format!("{which}: {field} {}, expected {value}", found[field]));
        }
    }
}

fn without_zeros(causes: &Value) -> serde_json::Map<String, Value> {
    let causes = causes.as_object().cloned().unwrap_or_default();
    causes.into_iter().filter(|(_, bytes)| *bytes != 0).collect()
}

fn same_ratio(found: &Value, expected: &Value) -> bool {
    found.as_f64().zip(expected.as_f64()).is_some_and(|(found, expected)| (found - expected).abs() < 1e-6)
}

fn wrong_lists(report: &Value, expected: &Expected) -> Vec<String> {
    let changes = report["changes"].as_array().expect("the report was asked for with changes");
    let mut wrong = Vec::new();
    for (number, layer) in (1_u64..).zip(&expected.layers) {
        let ours: Vec<&Value> = changes.iter().filter(|change| change["layer"] == number).collect();
        let kinds = ours.iter().map(|change| (name_of(change), change["kind"].as_str().unwrap_or_default().to_owned()));
        let expected_kinds = layer.changes.iter().map(|(path, kind)| (path.clone(), kind.to_string()));
        compare_sets(&mut wrong, &format!("layer {number}: changes"), kinds, expected_kinds);
        let unchanged = ours.iter().filter(|change| change["kind"] == "C" && change["what"] == serde_json::json!([]));
        let unchanged = unchanged.map(|change| name_of(change));
        compare_sets(&mut wrong, &format!("layer {number}: unchanged"), unchanged, layer.unchanged.iter().cloned());
    }
    let records = report["waste"].as_array().expect("waste is a list").iter();
    let number = |record: &Value, field: &str| record[field].as_u64().unwrap_or_default();
    let records = records.map(|record| {
        let cause = record["cause"].as_str().unwrap_or_default().to_owned();
        (number(record, "stored_in"), name_of(record), number(record, "bytes"), number(record, "hidden_by"), cause)
    });
    let expected = expected.waste.iter();
    let expected = expected
        .map(|record| (record.stored_in, record.path.clone(), record.bytes, record.hidden_by, record.cause.clone()));
    compare_sets(&mut wrong, "waste", records, expected);
    wrong
}

fn read_steps(path: &Path) -> Vec<Step> {
    #[derive(Deserialize)]
    struct Recorded {
        instruction: String,
        docker_diff: Option<BTreeSet<(String, char)>>,
    }
    let steps: Vec<Recorded> = read_gzip_json(path);
    let turn = |diff: BTreeSet<(String, char)>| diff.into_iter().map(|(path, kind)| (kind, path)).collect();
    steps.into_iter().map(|step| Step { instruction: step.instruction, diff: step.docker_diff.map(turn) }).collect()
}
