//! Fixes: which steps belong into one, what that saves to the byte, and the lines to paste. MODEL.md 6.
//!
//! The ledger: `wasted = Σ fixes + inherited + remainder`. A fix is a set of layers above the base; it takes every record
//! whose two layers are both in the set, and no layer is in two sets, so fixes never overlap and their savings add up.
//!
//! The way there: `noise` is left out of the reasons, `choice` picks the sets, `order` decides about the steps between
//! their members, and `lines` finds the words. What a fix saves is the sum of records that the merge of all layers
//! found, and a merge of the set removes exactly those: a copy that is stored and hidden within it is never written.

mod choice;
mod flow;
mod join;
mod lines;
mod noise;
mod order;
mod owner;
mod plan;
mod steps;
mod what_if;

use std::fmt;

use foldhash::{HashMap, HashMapExt};

use super::waste::{Cause, WasteRecord};
use crate::archive::history::HistoryEntry;
use crate::layer::entry::{LayerNumber, NodeId};
use crate::layer::index::Index;
use choice::Edges;
use noise::Noise;
use order::{Aside, Order};
use steps::Timeline;
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

/// Layers that become one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Group {
    /// Ascending.
    pub members: Vec<usize>,
    /// The layers between them that stay for themselves.
    pub asides: Vec<(usize, Aside)>,
}

/// How many files a fix names.
const MOST_FILES: usize = 10;

/// Beyond this no fixes are looked for: engines stop at 127 layers, and the choice costs more than the square.
pub(crate) const MOST_LAYERS: usize = 1000;

pub(super) fn find(input: Input<'_>) -> Found {
    if input.index.layers.len() > MOST_LAYERS {
        return Found { fixes: Vec::new(), unavoidable_bytes: 0 };
    }
    let noise = Noise::new(&input.index.tree);
    let mine = || input.waste.iter().filter(|record| record.stored_in.get() > input.base_count);
    let edges = edges(input.index.layers.len(), mine().filter(|record| !noise.contains(record.node)));
    let timeline = Timeline::new(input.history, input.index.layers.len());
    let mut groups = settle(&edges, input.threshold, &mut Order::new(input.index, &timeline));
    groups.extend(doubled_layers(input, &groups));
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
            None if noise.contains(record.node) => unavoidable_bytes += record.bytes,
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

/// Sums records up by pairs of layers.
fn edges<'a>(layer_count: usize, records: impl Iterator<Item = &'a WasteRecord>) -> Edges {
    let mut sums = vec![0u64; layer_count * layer_count];
    for record in records {
        sums[record.stored_in.index() * layer_count + record.hidden_by.index()] += record.bytes;
    }
    let pairs = sums.into_iter().enumerate().map(|(at, bytes)| ((at / layer_count, at % layer_count), bytes));
    pairs.filter(|((stored_in, hidden_by), bytes)| *bytes > 0 && stored_in != hidden_by).collect()
}

/// Chooses the groups and decides about the steps in between.
fn settle(edges: &Edges, threshold: u64, order: &mut Order<'_>) -> Vec<Group> {
    let mut chosen = choice::groups(edges, threshold);
    let mut settled: Vec<Group> = Vec::new();
    while let Some(members) = chosen.pop() {
        let group = with_steps_between(members, order);
        // What must come along may belong to another group: then both are one.
        let meets = |other: &[usize]| other.iter().any(|member| group.members.binary_search(member).is_ok());
        let mut all = group.members.clone();
        let before = all.len();
        chosen.retain(|other| !meets(other) || !absorb(&mut all, other));
        settled.retain(|other| !meets(&other.members) || !absorb(&mut all, &other.members));
        if all.len() > before {
            all.sort_unstable();
            all.dedup();
            chosen.push(all);
        } else if is_worth_it(edges, &group.members, threshold) {
            settled.push(group);
        } else {
            let is_free = |run: &Group| {
                let meets = |other: &[usize]| other.iter().any(|member| run.members.binary_search(member).is_ok());
                !chosen.iter().any(|other| meets(other)) && !settled.iter().any(|other| meets(&other.members))
            };
            let runs: Vec<Group> =
                runs_within(edges, &group.members, threshold, order).into_iter().filter(is_free).collect();
            settled.extend(runs);
        }
    }
    settled.sort_by(|a, b| a.members.cmp(&b.members));
    without_gaps(settled, edges, threshold)
}

/// Makes one group of two that lie within each other where they leave no gap together: then no step has to move, which is
/// worth more than one step less in the merge. Groups ascend.
fn without_gaps(groups: Vec<Group>, edges: &Edges, threshold: u64) -> Vec<Group> {
    let mut done: Vec<Group> = Vec::new();
    for group in groups {
        let members = done.last().map(|last| {
            let mut members = [&last.members[..], &group.members].concat();
            members.sort_unstable();
            members
        });
        let is_nested = done.last().is_some_and(|last| last.members[last.members.len() - 1] > group.members[0]);
        let is_run = |members: &Vec<usize>| members[members.len() - 1] - members[0] + 1 == members.len();
        match members.filter(|members| is_nested && is_run(members) && is_worth_it(edges, members, threshold)) {
            Some(members) => {
                done.pop();
                done.push(Group { members, asides: Vec::new() });
            }
            None => done.push(group),
        }
    }
    done
}

fn absorb(all: &mut Vec<usize>, other: &[usize]) -> bool {
    all.extend_from_slice(other);
    true
}

/// Adds the steps between the members that cannot stay apart.
fn with_steps_between(mut members: Vec<usize>, order: &mut Order<'_>) -> Group {
    loop {
        let (first, last) = (members[0], members[members.len() - 1]);
        let between: Vec<usize> = (first..last).filter(|layer| members.binary_search(layer).is_err()).collect();
        let decided: Vec<(usize, Option<Aside>)> =
            between.into_iter().map(|layer| (layer, order.aside(layer, &members))).collect();
        let joining: Vec<usize> =
            decided.iter().filter(|(_, aside)| aside.is_none()).map(|(layer, _)| *layer).collect();
        if joining.is_empty() {
            let asides = decided.into_iter().filter_map(|(layer, aside)| Some((layer, aside?))).collect();
            return Group { members, asides };
        }
        members.extend(joining);
        members.sort_unstable();
    }
}

fn is_worth_it(edges: &Edges, members: &[usize], threshold: u64) -> bool {
    let is_in = |layer: &usize| members.binary_search(layer).is_ok();
    let saved: u128 =
        edges.iter().filter(|((a, b), _)| is_in(a) && is_in(b)).map(|(_, bytes)| u128::from(*bytes)).sum();
    saved > u128::from(threshold) * (members.len() as u128 - 1)
}

/// Takes the best runs out of a group that is not worth it as a whole, once the steps in between must come along.
fn runs_within(edges: &Edges, members: &[usize], threshold: u64, order: &mut Order<'_>) -> Vec<Group> {
    let is_in = |layer: &usize| members.binary_search(layer).is_ok();
    let edges: Edges =
        edges.iter().filter(|((a, b), _)| is_in(a) && is_in(b)).map(|(pair, bytes)| (*pair, *bytes)).collect();
    choice::runs(&edges, members, threshold)
        .into_iter()
        .map(|run| {
            // Whoever has no part in the run may still stay apart.
            let has_part = |layer: &usize| {
                edges.keys().any(|(a, b)| (a == layer || b == layer) && run.contains(a) && run.contains(b))
            };
            with_steps_between(run.iter().copied().filter(has_part).collect(), order)
        })
        .collect()
}

/// Returns the layers outside of all groups that hold paths twice, where that is worth a word.
fn doubled_layers(input: Input<'_>, groups: &[Group]) -> Vec<Group> {
    let mut doubled: HashMap<usize, u64> = HashMap::new();
    for record in input.waste.iter().filter(|record| record.cause == Cause::Duplicate) {
        *doubled.entry(record.stored_in.index()).or_default() += record.bytes;
    }
    let is_grouped = |layer: &usize| groups.iter().any(|group| group.members.contains(layer));
    let mut layers: Vec<usize> = doubled
        .into_iter()
        .filter(|(layer, bytes)| *bytes > input.threshold && *layer >= input.base_count as usize)
        .map(|(layer, _)| layer)
        .filter(|layer| !is_grouped(layer))
        .collect();
    layers.sort_unstable();
    layers.into_iter().map(|layer| Group { members: vec![layer], asides: Vec::new() }).collect()
}

fn fix(index: &Index, timeline: &Timeline, group: &Group, records: &[&WasteRecord]) -> Fix {
    let layers: Vec<LayerNumber> = group.members.iter().map(|member| LayerNumber::from_index(*member)).collect();
    let saves_bytes = records.iter().map(|record| record.bytes).sum();
    let (first, last) = (group.members[0] + 1, group.members[group.members.len() - 1] + 1);
    let (files, file_count) = largest_files(index, records);
    let sketch = lines::sketch(index, timeline, group, records);
    Fix {
        id: if first == last { format!("layer-{first}") } else { format!("merge-{first}-{last}") },
        kind: sketch.kind,
        saves_bytes,
        title: sketch.title,
        why: sketch.why,
        steps: layers.iter().map(|layer| timeline.line(*layer).map(steps::Line::text).unwrap_or_default()).collect(),
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
