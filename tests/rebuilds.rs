//! Real rebuilds: what `tests/rebuilds/rebuild.py` once measured with a real engine still is what is suggested today.
//!
//! The images are those the engine built, with their base layer emptied. The measuring itself needs docker; see the script.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use layerlens::dockerfile::{Dockerfile, Instruction};
use layerlens::{Analysis, OpenOptions};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rebuilds")
}

/// The rows of the record, each with the names of its columns.
fn recorded() -> Vec<HashMap<String, String>> {
    let text = fs::read_to_string(folder().join("results.tsv")).expect("the record is there");
    let mut lines = text.lines().map(|line| line.split('\t').map(str::to_owned));
    let head: Vec<String> = lines.next().expect("a head").collect();
    lines.map(|row| head.iter().cloned().zip(row).collect()).collect()
}

fn analyse(case: &str) -> Analysis {
    analyse_with(case, &folder().join(case).join("Dockerfile"))
}

fn analyse_with(case: &str, dockerfile: &Path) -> Analysis {
    let file = Dockerfile::read(dockerfile).expect("the Dockerfile");
    let options = OpenOptions { dockerfile: Some(Arc::new(file)), ..OpenOptions::default() };
    let image = folder().join(case).join("image.tar.zst");
    layerlens::open(&image, &options).unwrap_or_else(|error| panic!("{case}: {error}"))
}

/// Makes the build context that the engine had, as the script does.
fn make_context(case: &str, context: &Path) {
    let folder = folder().join(case);
    let script = folder.join("context.sh");
    if script.exists() {
        let made = Command::new("sh").arg(&script).current_dir(context).status();
        assert!(made.is_ok_and(|status| status.success()), "{case}: no context");
    }
    fs::copy(folder.join("Dockerfile"), context.join("Dockerfile")).expect("a copy");
}

/// What may differ after a patch: see the script.
const INNOCENT: [&str; 4] = [": mount point", ": hard link kept", ": times in a log", ": differs from build to build"];

#[test]
fn what_was_predicted_was_measured() {
    let rows = recorded();
    assert!(rows.len() >= 40, "only {} are left", rows.len());
    for row in &rows {
        let case = &row["case"];
        // No patch was offered, so nothing was built with one.
        if row["measured_saving"] == "-" {
            continue;
        }
        let bytes = |column: &str| row[column].parse::<u64>().expect("bytes");
        let (predicted, measured) = (bytes("predicted_saving"), bytes("measured_saving"));
        // An engine breaks hard links when it changes them: an edit that keeps one saves more than was wasted. And the log of
        // apt's solver has another length each time.
        let by_chance = row["differences"].contains("hard link kept") || row["differences"].contains("eipp.log.xz");
        assert!(predicted == measured || (by_chance && measured > predicted), "{case}: {predicted}, but {measured}");
        let left = row["differences"]
            .split("; ")
            .filter(|part| *part != "-" && !INNOCENT.iter().any(|end| part.ends_with(end)));
        assert_eq!(left.collect::<Vec<_>>(), Vec::<&str>::new(), "{case}: the same files afterwards");
        let steps = |column: &str| row.get(column).and_then(|steps| steps.parse::<u32>().ok());
        if let (Some(before), Some(after)) = (steps("steps_rerun_before"), steps("steps_rerun_after")) {
            assert!(after <= before, "{case}: an edit of the sources runs {after} steps, not {before}");
        }
    }
}

#[test]
fn todays_suggestions_are_those_that_were_built() {
    for row in recorded() {
        let case = &row["case"];
        let text = fs::read_to_string(folder().join(case).join("fixes.json")).expect("recorded");
        let expected: Value = serde_json::from_str(&text).expect("JSON");
        let report: Value = serde_json::from_slice(&layerlens::report::to_json(&analyse(case), false)).expect("JSON");
        let fixes = report["fixes"].as_array().expect("a list");
        assert_eq!(fixes.len(), expected.as_array().map_or(0, Vec::len), "{case}");
        for (fix, expected) in fixes.iter().zip(expected.as_array().into_iter().flatten()) {
            for (key, value) in expected.as_object().expect("an object") {
                let today = if key == "edits" { &fix["alternatives"][0]["edits"] } else { &fix[key] };
                assert_eq!(today, value, "{case}: {key}");
            }
        }
        assert_eq!(
            fixes.iter().filter_map(|fix| fix["saves_bytes"].as_u64()).sum::<u64>().to_string(),
            row["predicted_saving"],
            "{case}"
        );
    }
}

/// What git applied before the second build still is what is offered.
#[test]
fn todays_patches_are_those_that_were_applied() {
    let hunks = |diff: &str| diff.find("\n@@").map(|at| diff[at..].to_owned());
    let mut compared = 0;
    for row in recorded().iter().filter(|row| row["measured_saving"] != "-") {
        let case = &row["case"];
        let applied = fs::read_to_string(folder().join(case).join("patch")).expect("recorded");
        let context = tempfile::tempdir().expect("a folder");
        make_context(case, context.path());
        let analysis = analyse_with(case, &context.path().join("Dockerfile"));
        let patch = analysis.patch_of_all().unwrap_or_else(|problem| panic!("{case}: {problem}"));
        assert_eq!(hunks(&patch.diff), hunks(&applied), "{case}");
        assert!(patch.left_out.is_empty(), "{case}: {:?}", patch.left_out);
        compared += 1;
    }
    assert!(compared >= 35, "only {compared} patches were compared");
}

/// The classic builder records a digest of what it copies: what is shown is the user's own line.
#[test]
fn copies_are_named_by_the_dockerfiles_lines() {
    let analysis = analyse("15-chown-all-last");
    let recorded = |text: &str| analysis.spec.history.iter().any(|entry| entry.created_by.contains(text));
    assert!(recorded("COPY dir:") || recorded("COPY multi:"), "the classic builder's history");
    let steps: Vec<String> = analysis.layers.iter().map(|layer| analysis.step(layer.number)).collect();
    assert!(steps.iter().any(|step| step == "COPY . ."), "{steps:?}");
    assert!(steps[1..].iter().all(|step| !step.contains("dir:") && !step.contains("multi:")), "{steps:?}");
}

/// The Dockerfiles that the engine built: every layer above the base has its line, and it is that of its step. A WORKDIR that
/// was there before makes no layer with the classic builder.
#[test]
fn layers_find_their_lines() {
    for row in recorded() {
        let case = &row["case"];
        let path = folder().join(case).join("Dockerfile");
        let text = fs::read_to_string(&path).expect("the Dockerfile");
        let file = Dockerfile::read(&path).expect("the Dockerfile");
        let analysis = analyse(case);
        let found = layerlens::analysis::lines_by_layer(&file, &analysis);
        let last_stage =
            text.lines().enumerate().filter(|(_, line)| line.starts_with("FROM ")).last().map_or(0, |(at, _)| at);
        let starting_with = |names: &[&str]| -> Vec<u32> {
            let starts = |line: &str| names.iter().any(|name| line.to_uppercase().starts_with(name));
            (1..)
                .zip(text.lines())
                .skip(last_stage)
                .filter(|(_, line)| starts(line))
                .map(|(number, _)| number)
                .collect()
        };
        let mut own: Vec<(u32, u32)> = found.into_iter().map(|(layer, lines)| (layer, lines.first)).collect();
        own.sort_unstable();
        let lines: Vec<u32> = own.iter().map(|(_, line)| *line).collect();
        let always = starting_with(&["RUN ", "COPY ", "ADD "]);
        let makes_layer = starting_with(&["RUN ", "COPY ", "ADD ", "WORKDIR "]);
        assert!(always.iter().all(|line| lines.contains(line)), "{case}: {always:?} in {lines:?}");
        assert!(lines.iter().all(|line| makes_layer.contains(line)), "{case}: {lines:?} in {makes_layer:?}");
        assert!(lines.is_sorted(), "{case}: {lines:?}");
        let layers: Vec<u32> = own.iter().map(|(layer, _)| *layer).collect();
        let above: Vec<u32> = analysis.layers.iter().map(|layer| layer.number.get()).skip(1).collect();
        assert_eq!(layers, above, "{case}");
    }
}

/// A Dockerfile fits the image that was built from it, and no other one.
#[test]
fn files_fit_their_own_images() {
    let cases: Vec<String> = recorded().into_iter().map(|row| row["case"].clone()).collect();
    let analyses: Vec<Analysis> = cases.iter().map(|case| analyse(case)).collect();
    for case in &cases {
        let path = folder().join(case).join("Dockerfile");
        let file = Dockerfile::read(&path).expect("the Dockerfile");
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
                Ok(found) => {
                    assert!(found.iter().skip(1).all(Option::is_some), "{case}: {found:?}");
                    assert_eq!((case, found), (other, expected), "{case}");
                }
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
