//! Every case of `tests/scenarios`: what the file says must be found, by the naive model and by the library.
//!
//! The expectations are written by hand from src/model.md; neither implementation was asked for them.

mod naive;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::findings::{Findings, disagreement};
use support::image::{ImageSpec, Packing};
use support::library::{assert_ledger, report};
use support::scenario::Scenario;

/// Returns the scenario files with their names, sorted.
fn scenarios() -> Vec<(String, Scenario)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let entries = fs::read_dir(folder).expect("the folder of the scenarios");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> (String, Scenario) {
    let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
    let text = fs::read_to_string(path).expect("a readable scenario");
    (name, Scenario::parse(&text))
}

/// Runs every scenario through `reader` and fails with all the disagreements at once.
fn assert_all(reader: impl Fn(&Scenario) -> Findings) {
    let failures: Vec<String> = scenarios()
        .iter()
        .filter_map(|(name, scenario)| {
            let found = reader(scenario).without_details();
            disagreement(&found, &scenario.expected).map(|lines| format!("{name}\n{lines}"))
        })
        .collect();
    assert!(failures.is_empty(), "{} scenarios disagree:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_naive_model_finds_what_the_scenarios_say() {
    assert_all(|scenario| naive::analyse(&scenario.layers));
}

#[test]
fn the_library_finds_what_the_scenarios_say() {
    let folder = tempfile::tempdir().expect("a folder for the images");
    assert_all(|scenario| {
        let image = ImageSpec::of(scenario.layers.clone());
        let report = report(&image.write(Packing::default(), folder.path(), "image.tar"));
        assert_ledger(&report);
        Findings::from_report(&report)
    });
}
