//! Fixes: which steps belong into one, what that saves to the byte, and the lines to paste. [Model](crate::model) 6.
//!
//! The ledger: `wasted = Σ fixes + inherited + remainder`. A fix is a set of layers above the base; it takes every record
//! whose two layers are both in the set, and no layer is in two sets, so fixes never overlap and their savings add up.
//!
//! The way there: `choosing` picks the sets and decides about the steps between their members, `rewriting` finds the
//! words. What a fix saves is the sum of records that the merge of all layers found, and a merge of the set removes
//! exactly those: a copy that is stored and hidden within it is never written.

mod alternatives;
mod cache;
mod choosing;
mod in_place;
mod rewriting;
mod what_if;

use std::borrow::Cow;
use std::fmt;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::Analysis;
use super::waste::WasteRecord;
use crate::archive::history::HistoryEntry;
use crate::dockerfile::Fit;
use crate::layer::entry::{EntryRef, LayerNumber, NodeId};
use crate::layer::index::Index;
pub use alternatives::Alternative;
use alternatives::{Candidate, Workshop};
pub use cache::CacheCost;
use choosing::{Group, Unavoidable};
use in_place::{InPlace, Refusals, Undone};
pub(crate) use in_place::{Relocation, Touch};
use rewriting::Separable;
pub(crate) use rewriting::{Change, Line, Timeline, UNKNOWN_SOURCE, printable, with_commands};
pub use what_if::{NotRanges, Ranges, WhatIf};

/// A suggestion.
///
/// What it says of itself is its first alternative's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// Names the fix within its image: `merge-3-7` for the lowest and highest layer, `in-place-9` for the step that is undone.
    pub id: String,
    /// What is to be done.
    pub kind: Kind,
    /// The layers whose steps change, ascending.
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
    /// The ways to do it, best first; never empty.
    pub alternatives: Vec<Alternative>,
    /// The files that most of the bytes belong to: largest first, then by path.
    pub files: Vec<FixFile>,
    /// How many files there are in all.
    pub file_count: usize,
}

/// One step of a Dockerfile, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The layer that the step makes.
    pub layer: LayerNumber,
    /// The step, as far as the history tells or the Dockerfile says.
    pub before: String,
    /// The lines in its place; empty where it goes. Not escaped: what a Dockerfile is made of.
    pub after: String,
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
    /// What a later step undoes is done where the files are made.
    InPlace,
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
            Kind::InPlace => "in-place",
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

    /// Says whether steps become one that each did something of its own.
    fn joins_runs(self) -> bool {
        match self {
            Kind::MergeRun
            | Kind::PackageCleanup
            | Kind::DownloadDelete
            | Kind::Rename
            | Kind::CopyRun
            | Kind::Merge => true,
            Kind::InPlace | Kind::CopyChown | Kind::CopyRm | Kind::CopiedTwice | Kind::StoredTwice => false,
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
    /// The instructions of the user's Dockerfile, where it fits the image.
    pub dockerfile: Option<&'a Fit>,
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
    /// The part of it that is worth an edit, but none is known: largest first, then by layer.
    pub unfixed: Vec<Unfixed>,
}

/// Waste that no edit is known for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfixed {
    /// The layer that stores it.
    pub stored_in: LayerNumber,
    /// The layer that hides it.
    pub hidden_by: LayerNumber,
    /// Its bytes, above the threshold.
    pub bytes: u64,
    /// Why the hiding step cannot be undone where the files are made, if that was to be expected.
    pub why: Option<String>,
}

/// Returns what a step must save to be worth merging: what was asked for, else the larger of 100 kB and 0.1 % of the image.
#[must_use]
pub fn threshold(min_saving: Option<u64>, stored_bytes: u64) -> u64 {
    min_saving.unwrap_or_else(|| (stored_bytes / 1000).max(100_000))
}

/// Says whether every installation of packages writes a file again.
pub(super) fn is_written_by_every_installation(path: &[u8]) -> bool {
    choosing::is_one(path)
}

/// How many files a fix names.
const MOST_FILES: usize = 10;

/// Beyond this no fixes are looked for: engines stop at 127 layers, and the choice costs more than the square.
pub(crate) const MOST_LAYERS: usize = 1000;

pub(super) fn find(input: Input<'_>) -> Found {
    if input.index.layers.len() > MOST_LAYERS {
        return Found::default();
    }
    let unavoidable = Unavoidable::new(&input.index.tree);
    let mine = || input.waste.iter().filter(|record| record.stored_in.get() > input.base_count);
    let edges = choosing::edges(input.index.layers.len(), mine().filter(|record| !unavoidable.contains(record.node)));
    let timeline = timeline(input.history, input.index.layers.len(), input.dockerfile);
    let mut groups = choosing::settle(&edges, input.threshold, &mut Separable::new(input.index, &timeline));
    groups.extend(choosing::doubled_layers(input, &groups));
    let mut group_of: Vec<Option<usize>> = vec![None; input.index.layers.len()];
    for (at, group) in groups.iter().enumerate() {
        group.members.iter().for_each(|member| group_of[*member] = Some(at));
    }
    let mut shares: Vec<Vec<&WasteRecord>> = vec![Vec::new(); groups.len()];
    for record in mine() {
        let (stored_in, hidden_by) = (group_of[record.stored_in.index()], group_of[record.hidden_by.index()]);
        if let Some(group) = stored_in.filter(|_| stored_in == hidden_by) {
            shares[group].push(record);
        }
    }
    let in_place = InPlace::new(input.index, &timeline, input.base_count as usize, input.waste);
    let mut undone: Vec<Vec<Undone<'_>>> = groups.iter().map(|_| Vec::new()).collect();
    let mut alone: Vec<Undone<'_>> = Vec::new();
    let (all_undone, refusals) = in_place.find(&mine, &unavoidable);
    for one in all_undone {
        match group_of[one.hidden_by] {
            Some(group) => undone[group].push(one),
            None => alone.push(one),
        }
    }
    let workshop = Workshop {
        index: input.index,
        timeline: &timeline,
        base_count: input.base_count,
        threshold: input.threshold,
        unavoidable: &unavoidable,
        refusals: &refusals,
    };
    let of_group = |((group, share), undone): ((&Group, &Vec<&WasteRecord>), &Vec<Undone<'_>>)| {
        let merge = workshop.merge(group, share);
        let in_place = if undone.is_empty() { None } else { workshop.in_place(undone, share) };
        // Where both come to the same lines, it is the merge.
        let in_place = in_place.filter(|candidate| candidate.alternative.edits != merge.alternative.edits);
        let records = if undone.is_empty() { Cow::Borrowed(share) } else { Cow::Owned(with_own(share, undone)) };
        fix(&workshop, in_place.into_iter().chain([merge]).collect(), &records)
    };
    let mut fixes: Vec<Fix> = Vec::new();
    // Groups of which every record is saved, and the copies of the others: sets of millions would take their time.
    let mut is_whole = vec![false; groups.len()];
    let mut others: HashSet<EntryRef> = HashSet::new();
    for (at, made) in groups.iter().zip(&shares).zip(&undone).map(of_group).enumerate() {
        let Some((fix, copies)) = made else { continue };
        fixes.push(fix);
        is_whole[at] = copies.is_none();
        others.extend(copies.into_iter().flatten());
    }
    for one in &alone {
        let candidate = workshop.in_place(std::slice::from_ref(one), &[]);
        let candidate = candidate.filter(|candidate| candidate.alternative.saves_bytes > input.threshold);
        if let Some((fix, copies)) = candidate.and_then(|candidate| fix(&workshop, vec![candidate], &one.records)) {
            fixes.push(fix);
            others.extend(copies.into_iter().flatten());
        }
    }
    fixes.sort_by_key(|fix| (std::cmp::Reverse(fix.saves_bytes), fix.layers.clone()));
    let is_saved = |record: &WasteRecord| {
        let (stored_in, hidden_by) = (group_of[record.stored_in.index()], group_of[record.hidden_by.index()]);
        let is_in_whole = stored_in.is_some_and(|group| stored_in == hidden_by && is_whole[group]);
        is_in_whole || (!others.is_empty() && others.contains(&record.copy))
    };
    let (again, left): (Vec<&WasteRecord>, Vec<&WasteRecord>) =
        mine().filter(|record| !is_saved(record)).partition(|record| unavoidable.contains(record.node));
    Found {
        fixes,
        unavoidable_bytes: again.iter().map(|record| record.bytes).sum(),
        unfixed: unfixed(&left, input.threshold, &refusals),
    }
}

/// Returns the steps, with what the Dockerfile says of them.
pub(super) fn timeline(history: &[HistoryEntry], layer_count: usize, dockerfile: Option<&Fit>) -> Timeline {
    let timeline = Timeline::new(history, layer_count);
    match dockerfile {
        Some(fit) => timeline.with_instructions(fit),
        None => timeline,
    }
}

/// Returns the edits of several changes at once; nothing where a step cannot be written.
pub(super) fn edits_together(analysis: &Analysis, changes: &[&Change]) -> Option<Vec<Edit>> {
    let fit = analysis.dockerfile.as_ref().and_then(|fitted| fitted.fit.as_ref().ok());
    let timeline = timeline(&analysis.spec.history, analysis.layers.len(), fit);
    let mut all = Change::default();
    for change in changes {
        all.absorb(change);
    }
    all.edits(&analysis.index, &timeline, &mut rewriting::Draft::default())
}

/// Sums up what no fix saves by the pairs of steps, where it is worth a word.
fn unfixed(records: &[&WasteRecord], threshold: u64, refusals: &Refusals) -> Vec<Unfixed> {
    let mut sums: HashMap<(LayerNumber, LayerNumber), u64> = HashMap::new();
    for record in records {
        *sums.entry((record.stored_in, record.hidden_by)).or_default() += record.bytes;
    }
    let all = sums.into_iter().filter(|(_, bytes)| *bytes > threshold).map(|((stored_in, hidden_by), bytes)| {
        let why = refusals.why(stored_in, hidden_by, threshold).map(str::to_owned);
        Unfixed { stored_in, hidden_by, bytes, why }
    });
    let mut large: Vec<Unfixed> = all.collect();
    large.sort_by_key(|one| (std::cmp::Reverse(one.bytes), one.stored_in, one.hidden_by));
    large
}

/// Returns the records of a group, and those that edits in place of its steps save beyond it.
fn with_own<'a>(share: &[&'a WasteRecord], undone: &[Undone<'a>]) -> Vec<&'a WasteRecord> {
    let known: HashSet<EntryRef> = share.iter().map(|record| record.copy).collect();
    let others = undone.iter().flat_map(|one| &one.records).filter(|record| !known.contains(&record.copy));
    share.iter().chain(others).copied().collect()
}

/// Returns the merge of some steps, whether it saves anything or not.
fn merge_of(workshop: &Workshop<'_>, group: &Group, records: &[&WasteRecord]) -> Fix {
    described(workshop, vec![workshop.merge(group, records)], records)
}

/// Makes a fix of its alternatives, and says which copies the first one saves, where that is not all of a group's; nothing
/// where there is none, or where it saves nothing.
fn fix(
    workshop: &Workshop<'_>,
    candidates: Vec<Candidate>,
    records: &[&WasteRecord],
) -> Option<(Fix, Option<Vec<EntryRef>>)> {
    let mut candidates = alternatives::order(candidates);
    let first = candidates.first_mut().filter(|first| first.alternative.saves_bytes > 0 && !first.layers.is_empty())?;
    let Some(copies) = first.saved.take() else { return Some((described(workshop, candidates, records), None)) };
    let gone: HashSet<EntryRef> = copies.iter().copied().collect();
    let records: Vec<&WasteRecord> = records.iter().filter(|record| gone.contains(&record.copy)).copied().collect();
    Some((described(workshop, candidates, &records), Some(copies)))
}

/// Puts the fix together; there is at least one candidate.
fn described(workshop: &Workshop<'_>, candidates: Vec<Candidate>, records: &[&WasteRecord]) -> Fix {
    let layers = candidates[0].layers.clone();
    let alternatives: Vec<Alternative> = candidates.into_iter().map(|candidate| candidate.alternative).collect();
    let first = &alternatives[0];
    let (lowest, highest) = (layers[0], layers[layers.len() - 1]);
    let id = match first.kind {
        Kind::InPlace => format!("in-place-{}", first.change.last_undone().map_or(highest, LayerNumber::from_index)),
        _ if lowest == highest => format!("layer-{lowest}"),
        _ => format!("merge-{lowest}-{highest}"),
    };
    let (files, file_count) = largest_files(workshop.index, records);
    let step = |layer: &LayerNumber| workshop.timeline.line(*layer).map(rewriting::Line::text).unwrap_or_default();
    Fix {
        id,
        kind: first.kind,
        saves_bytes: first.saves_bytes,
        title: first.title.clone(),
        why: rewriting::why(records),
        steps: layers.iter().map(step).collect(),
        layers,
        dockerfile: first.dockerfile.clone(),
        safe: first.safe,
        caveats: first.caveats.clone(),
        files,
        file_count,
        alternatives,
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
