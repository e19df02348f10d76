//! Real rebuilds: what `tests/rebuilds/rebuild.py` once measured with a real engine still is what is suggested today.
//!
//! The images are those the engine built, with their base layer emptied. The measuring itself needs docker; see the script.

use std::fs;
use std::path::{Path, PathBuf};

use layerlens::dockerfile::Instruction;
use layerlens::{Analysis, OpenOptions};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rebuilds")
}

fn recorded() -> Vec<Vec<String>> {
    let text = fs::read_to_string(folder().join("results.tsv")).expect("the record is there");
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn analyse(case: &str) -> Analysis {
    let path = folder().join(case).join("image.tar.zst");
    layerlens::open(&path, &OpenOptions::default()).unwrap_or_else(|error| panic!("{case}: {error}"))
}

#[test]
fn what_was_predicted_was_measured() {
    let rows = recorded();
    assert!(rows.len() >= 8, "eight rebuilds are promised");
    for row in &rows {
        assert_eq!(row[4], row[5], "{}: predicted and measured", row[0]);
        let left = row[7].split("; ").filter(|part| *part != "-" && !part.ends_with("mount point"));
        assert_eq!(left.collect::<Vec<_>>(), Vec::<&str>::new(), "{}: the same files afterwards", row[0]);
    }
}

#[test]
fn todays_suggestions_are_those_that_were_built() {
    for row in recorded() {
        let case = &row[0];
        let text = fs::read_to_string(folder().join(case).join("fixes.json")).expect("recorded");
        let expected: Value = serde_json::from_str(&text).expect("JSON");
        let report: Value = serde_json::from_slice(&layerlens::report::to_json(&analyse(case), false)).expect("JSON");
        let fixes = report["fixes"].as_array().expect("a list");
        assert_eq!(fixes.len(), expected.as_array().map_or(0, Vec::len), "{case}");
        for (fix, expected) in fixes.iter().zip(expected.as_array().into_iter().flatten()) {
            for (key, value) in expected.as_object().expect("an object") {
                assert_eq!(&fix[key], value, "{case}: {key}");
            }
        }
        assert_eq!(
            fixes.iter().filter_map(|fix| fix["saves_bytes"].as_u64()).sum::<u64>().to_string(),
            row[5],
            "{case}"
        );
    }
}

/// The Dockerfiles that the engine built: every layer above the base has its line, and it is that of its step.
#[test]
fn layers_find_their_lines() {
    for row in recorded() {
        let case = &row[0];
        let path = folder().join(case).join("Dockerfile");
        let text = fs::read_to_string(&path).expect("the Dockerfile");
        let file = layerlens::dockerfile::Dockerfile::read(&path).expect("the Dockerfile");
        let analysis = analyse(case);
        let found = layerlens::analysis::lines_by_layer(&file, &analysis);
        let expected: Vec<u32> = (1..)
            .zip(text.lines())
            .filter(|(_, line)| ["RUN ", "COPY ", "ADD ", "WORKDIR "].iter().any(|name| line.starts_with(name)))
            .map(|(number, _)| number)
            .collect();
        let mut own: Vec<(u32, u32)> = found.into_iter().map(|(layer, lines)| (layer, lines.first)).collect();
        own.sort_unstable();
        let lines: Vec<u32> = own.iter().map(|(_, line)| *line).collect();
        assert_eq!(lines, expected, "{case}");
        let layers: Vec<u32> = own.iter().map(|(layer, _)| *layer).collect();
        let above: Vec<u32> = analysis.layers.iter().map(|layer| layer.number.get()).skip(1).collect();
        assert_eq!(layers, above, "{case}");
    }
}

/// A Dockerfile fits the image that was built from it, and no other one.
#[test]
fn files_fit_their_own_images() {
    let cases: Vec<String> = recorded().into_iter().map(|row| row[0].clone()).collect();
    let analyses: Vec<Analysis> = cases.iter().map(|case| analyse(case)).collect();
    for case in &cases {
        let path = folder().join(case).join("Dockerfile");
        let file = layerlens::dockerfile::Dockerfile::read(&path).expect("the Dockerfile");
        let lines = |analysis: &Analysis| {
            let fit = layerlens::analysis::fit(&file, analysis).map_err(|misfit| misfit.to_string())?;
            let sources = analysis.layers.iter().map(|layer| fit.source(layer.number.get()).map(Instruction::lines));
            Ok::<_, String>(sources.collect::<Vec<_>>())
        };
        for (other, analysis) in cases.iter().zip(&analyses) {
            let lenient = layerlens::analysis::lines_by_layer(&file, analysis);
            let expected: Vec<_> =
                analysis.layers.iter().map(|layer| lenient.get(&layer.number.get()).copied()).collect();
            match lines(analysis) {
                Ok(found) => assert_eq!((case, found), (other, expected), "{case}"),
                Err(misfit) => {
                    assert_ne!(case, other, "{misfit}");
                    assert!(misfit.contains(" in the image's history") || misfit.contains(" in the file"), "{misfit}");
                }
            }
        }
    }
}

#[test]
fn what_if_agrees_with_the_suggestion() {
    let analysis = analyse("01-seed");
    let what_if = analysis.what_if(&"3..7".parse().expect("ranges")).expect("the image has them");
    let (merge, fix) = (&what_if.merges[0], &analysis.fixes[0]);
    assert_eq!(
        (&merge.id, merge.saves_bytes, &merge.alternatives[0]),
        (&fix.id, fix.saves_bytes, &fix.alternatives[0])
    );
    assert_eq!((what_if.merges.len(), analysis.fixes.len()), (1, 1));
    assert_eq!(what_if.stored_bytes, analysis.fixed_bytes());
    let none = analysis.what_if(&"1..2".parse().expect("ranges")).expect("the image has them");
    assert_eq!((none.saves_bytes, none.layer_count), (0, 6));
    assert!(analysis.what_if(&"3..8".parse().expect("ranges")).is_err());
}
