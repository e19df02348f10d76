//! src/model.md 3 against `docker diff` as engines recorded it: all it prints is in our list, and what we list
//! beyond it is of the three documented kinds.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::unescape;

/// One step of a build, and what `docker diff` said about its container, if there was one to ask.
pub struct Step {
    pub instruction: String,
    /// Kind (`A`, `C`, `D`) and path.
    pub diff: Option<BTreeSet<(char, String)>>,
}

/// Reads steps as `sample-images/recorded` has them: a `#` line with the step, then its lines.
pub fn parse_recorded(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text.lines() {
        if let Some(instruction) = line.strip_prefix("# ") {
            steps.push(Step { instruction: instruction.to_owned(), diff: Some(BTreeSet::new()) });
        } else {
            let step = steps.last_mut().expect("the first line is a step");
            let kind = line.chars().next().expect("no empty lines");
            step.diff.get_or_insert_default().insert((kind, line[2..].to_owned()));
        }
    }
    steps
}

/// Returns what contradicts src/model.md 3, one sentence each.
///
/// `directories` are the paths that each layer stores as directories, bottom first: the report does not tell.
pub fn contradictions(report: &Value, steps: &[Step], directories: &[HashSet<Vec<u8>>]) -> Vec<String> {
    let steps = last_stage(steps);
    let history = report["history"].as_array().expect("history is a list");
    // The history of the base comes first; each step of the last stage then made one entry.
    let Some(first) = history.len().checked_sub(steps.len()) else {
        return vec![format!("{} history entries for {} steps", history.len(), steps.len())];
    };
    let pairs = steps.iter().zip(&history[first..]);
    pairs.flat_map(|(step, entry)| step_contradictions(report, step, &entry["layer"], directories)).collect()
}

/// Returns the steps after the last FROM: only they are in the image's history.
fn last_stage(steps: &[Step]) -> &[Step] {
    let from = steps.iter().rposition(|step| step.instruction.starts_with("FROM "));
    &steps[from.map_or(0, |from| from + 1)..]
}

fn step_contradictions(report: &Value, step: &Step, layer: &Value, directories: &[HashSet<Vec<u8>>]) -> Vec<String> {
    let Some(docker) = &step.diff else { return Vec::new() };
    let ours: Vec<&Value> = changes_of(report, layer);
    let listed: BTreeSet<(char, String)> = ours.iter().map(|change| as_docker_prints(change)).collect();
    let missing =
        docker.difference(&listed).map(|(kind, path)| format!("docker diff has {kind} {path:?}, we have not"));
    let extra = ours.iter().filter(|change| !docker.contains(&as_docker_prints(change)));
    let extra = extra.filter(|change| !is_documented_extra(change, directories));
    let extra = extra.map(|change| format!("we have {change}, docker diff has not"));
    missing.chain(extra).map(|problem| format!("layer {layer}, {}: {problem}", step.instruction)).collect()
}

fn changes_of<'a>(report: &'a Value, layer: &Value) -> Vec<&'a Value> {
    let changes = report["changes"].as_array().expect("the report was asked for with changes");
    changes.iter().filter(|change| !layer.is_null() && change["layer"] == *layer).collect()
}

/// The three kinds of src/model.md 3: stored again with nothing changed, a directory of which only the mtime
/// changed, and a content change that kept size and mtime.
fn is_documented_extra(change: &Value, directories: &[HashSet<Vec<u8>>]) -> bool {
    let what: Vec<&str> = change["what"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let is_directory = || {
        let layer = change["layer"].as_u64().and_then(|number| usize::try_from(number).ok()).expect("a layer number");
        directories[layer - 1].contains(&unescape(change["path"].as_str().unwrap_or_default()))
    };
    change["kind"] == "C"
        && match what.as_slice() {
            [] | ["content"] => true,
            ["mtime"] => is_directory(),
            _ => false,
        }
}

fn as_docker_prints(change: &Value) -> (char, String) {
    let kind = change["kind"].as_str().and_then(|kind| kind.chars().next()).expect("a kind");
    let path = unescape(change["path"].as_str().expect("a path"));
    (kind, as_go_prints(&path))
}

/// The engine's JSON puts U+FFFD for each byte that is no UTF-8.
fn as_go_prints(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    text
}
