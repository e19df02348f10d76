//! The engine's own view of what an image shows in the end.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::names::{Name, compare_sets, name_of};

/// What the engine shows of an image: the exported tree of a container.
#[derive(Deserialize)]
pub struct Exported {
    /// The ID or name that the engine shows, where an archive may hold several images; IDs differ between image stores.
    pub image: Option<String>,
    /// What the engine puts into every container, over what the image may have there.
    #[serde(default)]
    init_layer_paths: BTreeSet<Name>,
    /// Empty where the engine made no container of the image.
    #[serde(default)]
    pub tree: BTreeMap<Name, ExportedEntry>,
}

#[derive(Deserialize)]
pub struct ExportedEntry {
    #[serde(rename = "t")]
    kind: char,
    #[serde(default)]
    size: u64,
    /// All names of the inode, where it has several.
    #[serde(default)]
    names: Vec<Name>,
}

impl Exported {
    /// Whether the engine puts the path, or something below it, into every container.
    fn is_from_engine(&self, Name(path): &Name) -> bool {
        let below = [path.as_slice(), b"/"].concat();
        self.init_layer_paths.iter().any(|Name(init)| init == path || init.starts_with(&below))
    }
}

/// Applies our changes layer by layer and compares what is left with the engine's tree: paths and bytes.
pub fn wrong_in_final_tree(report: &Value, exported: &Exported) -> Vec<String> {
    let ours = final_paths(report);
    let is_image = |path: &&Name| !exported.is_from_engine(path);
    let mut wrong = Vec::new();
    let theirs = exported.tree.keys().filter(is_image).cloned();
    compare_sets(&mut wrong, "final paths", ours.keys().filter(is_image).cloned(), theirs);
    let hidden: u64 = ours.iter().filter(|(path, _)| !is_image(path)).map(|(_, bytes)| bytes).sum();
    let first_name = |path: &Name, entry: &ExportedEntry| entry.names.first().is_none_or(|first| first == path);
    let files =
        exported.tree.iter().filter(|(path, entry)| entry.kind == 'f' && is_image(path) && first_name(path, entry));
    let theirs: u64 = files.map(|(_, entry)| entry.size).sum();
    if report["totals"]["final_bytes"] != theirs + hidden {
        wrong.push(format!("final_bytes {}, the engine shows {theirs} + {hidden}", report["totals"]["final_bytes"]));
    }
    wrong
}

/// Returns the paths that the image shows in the end, without a leading slash, and the bytes stored at each.
fn final_paths(report: &Value) -> BTreeMap<Name, u64> {
    let changes = report["changes"].as_array().expect("the report was asked for with changes");
    let mut paths: BTreeMap<Name, u64> = BTreeMap::new();
    for number in 1..=report["totals"]["layers"].as_u64().expect("a number of layers") {
        let of_layer = || changes.iter().filter(|change| change["layer"] == number);
        for change in of_layer().filter(|change| change["kind"] == "D" || changes_type(change)) {
            let Name(gone) = relative(change);
            let below = [gone.as_slice(), b"/"].concat();
            paths.retain(|Name(path), _| *path != gone && !path.starts_with(&below));
        }
        for change in of_layer().filter(|change| change["kind"] != "D") {
            let Name(path) = relative(change);
            let parents =
                path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| Name(path[..at].to_vec()));
            parents.for_each(|parent| {
                paths.entry(parent).or_default();
            });
            paths.insert(Name(path), change["bytes"].as_u64().unwrap_or_default());
        }
    }
    paths.remove(&Name(Vec::new()));
    paths
}

fn relative(change: &Value) -> Name {
    let Name(path) = name_of(change);
    Name(path.strip_prefix(b"/").unwrap_or(&path).to_vec())
}

fn changes_type(change: &Value) -> bool {
    let what = change["what"].as_array().into_iter().flatten().filter_map(Value::as_str);
    what.into_iter().any(|what| what.starts_with("type "))
}
