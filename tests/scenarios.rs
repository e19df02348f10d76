//! Every case of `tests/scenarios`: what the file says must be found, by the naive model and by the library.
//!
//! The expectations are written by hand from MODEL.md; neither implementation was asked for them.

mod naive;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::findings::assert_same;
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

#[test]
fn the_naive_model_finds_what_the_scenarios_say() {
    for (name, scenario) in scenarios() {
        let found = naive::analyse(&scenario.layers).without_layers();
        assert_same(&name, &found, &scenario.expected);
    }
}
