//! `src/report/report.schema.json` says what the JSON report is: every sample's report is held against it,
//! and a report that breaks the contract must not pass.

mod common;

use common::run::layerlens;
use jsonschema::Validator;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../src/report/report.schema.json");

const SAMPLES: [&str; 9] = [
    "seed.tar.gz",
    "seed-merged.tar.gz",
    "seed-vfs.tar.zst",
    "seed-podman.tar.zst",
    "seed-oci-gzip.tar",
    "seed-oci-zstd.tar",
    "opaque.tar.zst",
    "hello-containerd.tar",
    "multiarch",
];

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    jsonschema::draft202012::new(&schema).expect("the schema is a schema")
}

/// Returns what breaks the contract, one line each.
fn violations(report: &Value) -> Vec<String> {
    validator().iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_schema_is_valid_draft_2020_12() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    jsonschema::meta::validate(&schema).expect("the schema is a schema");
}

#[test]
fn every_samples_report_follows_the_schema() {
    for name in SAMPLES {
        let found = violations(&common::analysed(&common::sample(name)));
        assert!(found.is_empty(), "{name}:\n{}", found.join("\n"));
    }
}

/// The gate, the base and the choice of image add their own parts to a report.
#[test]
fn reports_with_rules_follow_the_schema() {
    let image = common::sample("seed.tar.gz");
    let image = image.to_str().expect("a path of text");
    for arguments in [
        &["--ci", "--max-waste", "1%", "--max-size", "1GB", "--max-layers", "3", "--min-efficiency", "0.9"][..],
        &["--ci", "--max-waste", "10MB", "--max-user-waste", "50%"],
        &["--ci", "--forbid", "one", "--ignore", "two", "--warn", "max-size=1B", "--max-file-size", "1B"],
        &["--ci", "--max-growth", "1%", "--max-waste-growth", "0B", "--baseline", image],
        &["--base-layers", "2", "--changes"],
    ] {
        let run = layerlens([&[image, "--report", "json=report.json"], arguments].concat()).outcome();
        let report = run.contents.first().unwrap_or_else(|| panic!("no report: {run}"));
        let found = violations(&serde_json::from_slice(report).expect("JSON"));
        assert!(found.is_empty(), "{arguments:?}:\n{}", found.join("\n"));
    }
}

/// Every field that the contract names must be there: the schema requires each of them.
#[test]
fn a_report_without_a_promised_field_breaks_the_schema() {
    let report = common::analysed(&common::sample("seed.tar.gz"));
    assert!(violations(&report).is_empty());
    for section in ["image", "totals"] {
        for field in report[section].as_object().expect("an object").keys().filter(|field| is_promised(section, field))
        {
            let mut broken = report.clone();
            broken[section].as_object_mut().expect("an object").remove(field);
            assert!(!violations(&broken).is_empty(), "{section}.{field} may be missing");
        }
    }
}

/// More fields than the contract names may stand in a report.
fn is_promised(section: &str, field: &str) -> bool {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    schema["properties"][section]["properties"].get(field).is_some()
}

#[test]
fn wrong_values_break_the_schema() {
    let report = common::analysed(&common::sample("seed.tar.gz"));
    for (pointer, value) in [
        ("/schema_version", json!(2)),
        ("/totals/wasted_bytes", json!(-1)),
        ("/totals/stored_bytes", json!(1.5)),
        ("/totals/efficiency", json!(1.1)),
        ("/waste/0/cause", json!("bad luck")),
        ("/waste/0/hidden_by", json!(0)),
        ("/waste/0/path", json!("data/one")),
        ("/changes/0/kind", json!("M")),
        ("/layers/0/diff_id", json!("bce53aa9")),
    ] {
        let mut broken = report.clone();
        *broken.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is in the report")) = value;
        assert!(!violations(&broken).is_empty(), "{pointer} may be wrong");
    }
}
