//! What a group of wasted copies has in common, for the tables that show groups.

use std::cmp::Reverse;

use foldhash::HashMap;

use crate::analysis::Analysis;
use crate::analysis::waste::WasteRecord;
use crate::analysis::waste_groups::{WasteGroup, common_directory};
use crate::layer::entry::NodeId;

/// How many paths of a group are named.
const MOST_PATHS: usize = 3;
/// How many records are asked what changed.
const MOST_COMPARED: usize = 1000;

/// What a group's records have in common, and the paths that most of its bytes belong to.
pub(super) struct Details {
    /// What changed, where it is the same for all files.
    pub(super) what: Option<String>,
    /// The largest paths.
    pub(super) places: Vec<WastedPath>,
}

/// A file, or a directory with what is wasted below it.
#[derive(Debug, Clone, Copy)]
pub(super) struct WastedPath {
    pub(super) node: NodeId,
    pub(super) bytes: u64,
    pub(super) file_count: usize,
    pub(super) is_directory: bool,
}

/// Describes a group. Costs its records.
pub(super) fn describe(analysis: &Analysis, group: &WasteGroup) -> Details {
    let records: Vec<&WasteRecord> = group.records.iter().map(|at| &analysis.waste[*at as usize]).collect();
    Details { what: common_what(analysis, &records), places: largest_paths(analysis, &records) }
}

fn common_what(analysis: &Analysis, records: &[&WasteRecord]) -> Option<String> {
    let words = |record: &WasteRecord| record.what(&analysis.index);
    let first = words(records.first()?);
    let is_common =
        !first.is_empty() && records.iter().skip(1).take(MOST_COMPARED).all(|record| words(record) == first);
    is_common.then(|| first.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// Names files where there are few, else the directories where their paths part.
fn largest_paths(analysis: &Analysis, records: &[&WasteRecord]) -> Vec<WastedPath> {
    let tree = &analysis.index.tree;
    let mut sums = Sums::default();
    if records.len() <= MOST_PATHS {
        for record in records {
            sums.add(record.node, false, record.bytes, 1);
        }
        return sums.largest();
    }
    // Directory by directory: there are far fewer of them than files.
    let parents: Vec<NodeId> = records.iter().map(|record| tree.parent(record.node).unwrap_or(NodeId::ROOT)).collect();
    let mut directories = Sums::default();
    for (record, parent) in records.iter().zip(&parents) {
        directories.add(*parent, true, record.bytes, 1);
    }
    let top = Some(common_directory(tree, directories.0.keys().copied()));
    for (record, _) in records.iter().zip(&parents).filter(|(_, parent)| Some(**parent) == top) {
        sums.add(record.node, false, record.bytes, 1);
    }
    for directory in directories.0.into_values().filter(|directory| Some(directory.node) != top) {
        let mut at = directory.node;
        while let Some(parent) = tree.parent(at).filter(|parent| Some(*parent) != top) {
            at = parent;
        }
        sums.add(at, true, directory.bytes, directory.file_count);
    }
    sums.largest()
}

/// What is wasted, by path.
#[derive(Default)]
struct Sums(HashMap<NodeId, WastedPath>);

impl Sums {
    fn add(&mut self, node: NodeId, is_directory: bool, bytes: u64, file_count: usize) {
        let path = self.0.entry(node).or_insert(WastedPath { node, bytes: 0, file_count: 0, is_directory });
        path.bytes += bytes;
        path.file_count += file_count;
        path.is_directory |= is_directory;
    }

    fn largest(self) -> Vec<WastedPath> {
        let mut paths: Vec<WastedPath> = self.0.into_values().collect();
        paths.sort_by_key(|path| (Reverse(path.bytes), path.node));
        paths.truncate(MOST_PATHS);
        paths
    }
}
