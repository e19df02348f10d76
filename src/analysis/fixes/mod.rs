//! Fixes: which steps belong into one, what that saves to the byte, and the lines to paste. [Model](crate::model) 6.
//!
//! The ledger: `wasted = Σ fixes + inherited + remainder`. A fix is a set of layers above the base; it takes every record
//! whose two layers are both in the set, and no layer is in two sets, so fixes never overlap and their savings add up.
//!
//! The way there: `choosing` picks the sets and decides about the steps between their members, `rewriting` finds the
//! words. What a fix saves is the sum of records that the merge of all layers found, and a merge of the set removes
//! exactly those: a copy that is stored and hidden within it is never written.

mod choosing;
mod rewriting;
mod what_if;

use std::fmt;

use foldhash::{HashMap, HashMapExt};

use super::waste::WasteRecord;
use crate::archive::history::HistoryEntry;
use crate::layer::entry::{LayerNumber, NodeId};
use crate::layer::index::Index;
use choosing::{Group, Unavoidable};
use rewriting::{Separable, Timeline};
pub use what_if::{NotRanges, Ranges, WhatIf};

/// A suggestion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// Names the fix within its image: `merge-3-7` for the lowest and highest layer.
    pub id: String,
    /// What is to be done.
    pub kind: Kind,
    /// The layers that become one, ascending.
    pub layers: Vec<LayerNumber>,
    /// The wasted bytes that are then no longer stored.
    pub saves_bytes: u64,
    /// What to do, in a line.
    pub title: String,
    /// Why the bytes are lost.
    pub why: String,
    /// The steps of those layers, as the user wrote them.
    pub steps: Vec<String>,
    /// The lines that take their place; empty where none can be given.
    pub dockerfile: String,
    /// Whether the lines do the same as the old ones, as far as the image tells.
    pub safe: bool,
    /// What the user should know before pasting them.
    pub caveats: Vec<String>,
    /// The files that most of the bytes belong to: largest first, then by path.
    pub files: Vec<FixFile>,
    /// How many files there are in all.
    pub file_count: usize,
}

/// A file of a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixFile {
    /// The path.
    pub node: NodeId,
    /// What its copies waste within the fix.
    pub bytes: u64,
}

/// What a fix does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Several RUNs become one.
    MergeRun,
    /// The same, where a later one cleans up what package managers left.
    PackageCleanup,
    /// The same, where a later one deletes what an earlier one downloaded or made.
    DownloadDelete,
    /// The same, where a later one moves files.
    Rename,
    /// COPY gets the owner and mode that a later RUN sets.
    CopyChown,
    /// What is copied and deleted again is mounted instead, or not copied at all.
    CopyRm,
    /// What is copied and then changed is mounted, copied and changed in one RUN.
    CopyRun,
    /// A COPY that a later one replaces.
    CopiedTwice,
    /// One layer holds a path twice.
    StoredTwice,
    /// The steps are not known well enough to write lines.
    Merge,
}

impl Kind {
    /// Returns the name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::MergeRun => "merge-run",
            Kind::PackageCleanup => "package-cleanup",
            Kind::DownloadDelete => "download-delete",
            Kind::Rename => "rename",
            Kind::CopyChown => "copy-chown",
            Kind::CopyRm => "copy-rm",
            Kind::CopyRun => "copy-run",
            Kind::CopiedTwice => "copied-twice",
            Kind::StoredTwice => "stored-twice",
            Kind::Merge => "merge",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// What the fixes are found in.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub index: &'a Index,
    pub history: &'a [HistoryEntry],
    pub waste: &'a [WasteRecord],
    /// Layers up to this one are the base image's.
    pub base_count: u32,
    /// What a step must save to be worth merging.
    pub threshold: u64,
}

/// The user's side of the ledger.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Largest first, then by layer.
    pub fixes: Vec<Fix>,
    /// The part of the remainder that every installation writes again.
    pub unavoidable_bytes: u64,
}

/// Returns what a step must save to be worth merging: what was asked for, else the larger of 100 kB and 0.1 % of the image.
#[must_use]
pub fn threshold(min_saving: Option<u64>, stored_bytes: u64) -> u64 {
    min_saving.unwrap_or_else(|| (stored_bytes / 1000).max(100_000))
}

/// How many files a fix names.
const MOST_FILES: usize = 10;

/// Beyond this no fixes are looked for: engines stop at 127 layers, and the choice costs more than the square.
pub(crate) const MOST_LAYERS: usize = 1000;

pub(super) fn find(input: Input<'_>) -> Found {
    if input.index.layers.len() > MOST_LAYERS {
        return Found { fixes: Vec::new(), unavoidable_bytes: 0 };
    }
    let unavoidable = Unavoidable::new(&input.index.tree);
    let mine = || input.waste.iter().filter(|record| record.stored_in.get() > input.base_count);
    let edges = choosing::edges(input.index.layers.len(), mine().filter(|record| !unavoidable.contains(record.node)));
    let timeline = Timeline::new(input.history, input.index.layers.len());
    let mut groups = choosing::settle(&edges, input.threshold, &mut Separable::new(input.index, &timeline));
    groups.extend(choosing::doubled_layers(input, &groups));
    let mut group_of: Vec<Option<usize>> = vec![None; input.index.layers.len()];
    for (at, group) in groups.iter().enumerate() {
        group.members.iter().for_each(|member| group_of[*member] = Some(at));
    }
    let mut shares: Vec<Vec<&WasteRecord>> = vec![Vec::new(); groups.len()];
    let mut unavoidable_bytes = 0;
    for record in mine() {
        let (stored_in, hidden_by) = (group_of[record.stored_in.index()], group_of[record.hidden_by.index()]);
        match stored_in.filter(|_| stored_in == hidden_by) {
            Some(group) => shares[group].push(record),
            None if unavoidable.contains(record.node) => unavoidable_bytes += record.bytes,
            None => {}
        }
    }
    let mut fixes: Vec<Fix> = groups
        .iter()
        .zip(&shares)
        .map(|(group, records)| fix(input.index, &timeline, group, records))
        .filter(|fix| fix.saves_bytes > 0)
        .collect();
    fixes.sort_by_key(|fix| (std::cmp::Reverse(fix.saves_bytes), fix.layers.clone()));
    Found { fixes, unavoidable_bytes }
}

fn fix(index: &Index, timeline: &Timeline, group: &Group, records: &[&WasteRecord]) -> Fix {
    let layers: Vec<LayerNumber> = group.members.iter().map(|member| LayerNumber::from_index(*member)).collect();
    let saves_bytes = records.iter().map(|record| record.bytes).sum();
    let (first, last) = (group.members[0] + 1, group.members[group.members.len() - 1] + 1);
    let (files, file_count) = largest_files(index, records);
    let sketch = rewriting::sketch(index, timeline, group, records);
    Fix {
        id: if first == last { format!("layer-{first}") } else { format!("merge-{first}-{last}") },
        kind: sketch.kind,
        saves_bytes,
        title: sketch.title,
        why: sketch.why,
        steps: layers
            .iter()
            .map(|layer| timeline.line(*layer).map(rewriting::Line::text).unwrap_or_default())
            .collect(),
        layers,
        dockerfile: sketch.dockerfile,
        safe: sketch.safe,
        caveats: sketch.caveats,
        files,
        file_count,
    }
}

fn largest_files(index: &Index, records: &[&WasteRecord]) -> (Vec<FixFile>, usize) {
    let mut sums: HashMap<NodeId, u64> = HashMap::with_capacity(records.len());
    for record in records {
        *sums.entry(record.node).or_default() += record.bytes;
    }
    let count = sums.len();
    let mut files: Vec<FixFile> = sums.into_iter().map(|(node, bytes)| FixFile { node, bytes }).collect();
    if count > MOST_FILES {
        // The order of equal sizes is decided below, among those that can be named at all.
        files.select_nth_unstable_by_key(MOST_FILES - 1, |file| std::cmp::Reverse(file.bytes));
        let least = files[MOST_FILES - 1].bytes;
        files.retain(|file| file.bytes >= least);
    }
    files.sort_by_cached_key(|file| (std::cmp::Reverse(file.bytes), index.tree.path(file.node)));
    files.truncate(MOST_FILES);
    (files, count)
}
