//! The ways to save what a fix is about: found, priced and put in order. [Model](crate::model) 6.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use foldhash::HashSet;

use super::cache::{CacheCost, Effect, Judged, Steps};
use super::choosing::{self, Group, Unavoidable};
use super::in_place::{self, Refusals, Sort, Undone};
use super::rewriting::{self, Change, Draft, Role, Separable, Timeline, place_of};
use super::{Edit, Kind};
use crate::analysis::waste::{Cause, WasteRecord};
use crate::archive::history::HistoryEntry;
use crate::escape::escape;
use crate::layer::entry::{EntryRef, LayerNumber};
use crate::layer::index::Index;

/// One way to save the bytes of a fix.
#[derive(Debug, Clone)]
pub struct Alternative {
    /// What is done.
    pub kind: Kind,
    /// What to do, in a line.
    pub title: String,
    /// The steps that change, in the order of their layers.
    pub edits: Vec<Edit>,
    /// The wasted bytes of the fix that are then no longer stored.
    pub saves_bytes: u64,
    /// What it does to the build cache.
    pub cache: CacheCost,
    /// The new lines; empty where none can be given.
    pub dockerfile: String,
    /// Whether the lines do the same as the old ones, as far as the image tells.
    pub safe: bool,
    /// What the user should know before pasting them.
    pub caveats: Vec<String>,
    /// Lines for .dockerignore that belong to it, from the build context; `dockerfile` begins with them as comments.
    pub dockerignore: Vec<String>,
    /// The edits, in a form that others can be added to.
    pub(crate) change: Change,
}

impl Alternative {
    /// Returns the layers whose steps change, ascending.
    #[must_use]
    pub fn layers(&self) -> Vec<LayerNumber> {
        if self.edits.is_empty() {
            let members = self.change.merges.iter().flat_map(|group| &group.members);
            return members.map(|member| LayerNumber::from_index(*member)).collect();
        }
        self.edits.iter().map(|edit| edit.layer).collect()
    }

    /// Returns the edits of the Dockerfile alone: without the lines for .dockerignore, which are comments there.
    pub(crate) fn own_edits(&self) -> Vec<Edit> {
        let own = |edit: &Edit| {
            let skipped =
                if edit.after.is_empty() || self.dockerignore.is_empty() { 0 } else { self.dockerignore.len() + 1 };
            let after = edit.after.lines().skip(skipped).collect::<Vec<_>>().join("\n");
            Edit { after, ..edit.clone() }
        };
        if self.dockerignore.is_empty() { self.edits.clone() } else { self.edits.iter().map(own).collect() }
    }

    /// Says whether putting the new lines in the place of the old ones is all there is to do: no setting between the steps
    /// has to move, and no other file changes.
    pub(crate) fn can_stand_in_file(&self, history: &[HistoryEntry], layer_count: usize) -> bool {
        let timeline = Timeline::new(history, layer_count);
        let is_whole = !self.dockerfile.lines().any(|line| line.starts_with('#'));
        is_whole
            && self.change.merges.iter().all(|group| {
                let places = group.members.iter().filter_map(|member| timeline.place(LayerNumber::from_index(*member)));
                let (Some(first), Some(last)) = (places.clone().min(), places.max()) else { return false };
                let goes_last = place_of(group) != group.members[0];
                let must_move = |line: &rewriting::Line| match line.step.instruction.as_str() {
                    "ENV" | "WORKDIR" => goes_last,
                    "ARG" | "USER" | "SHELL" | "VOLUME" => !goes_last,
                    _ => false,
                };
                !timeline.lines[first..last].iter().any(must_move)
            })
    }
}

impl PartialEq for Alternative {
    fn eq(&self, other: &Self) -> bool {
        let of = |one: &Self| (one.kind, one.title.clone(), one.edits.clone(), one.saves_bytes, one.cache, one.safe);
        of(self) == of(other)
            && self.dockerfile == other.dockerfile
            && (&self.caveats, &self.dockerignore) == (&other.caveats, &other.dockerignore)
    }
}

impl Eq for Alternative {}

/// An alternative with what its place in the order depends on.
pub(super) struct Candidate {
    pub alternative: Alternative,
    judged: Judged,
    /// How many steps become part of another one.
    joined_count: usize,
    /// The layers of its steps, ascending.
    pub layers: Vec<LayerNumber>,
    /// The copies that are no longer stored; `None` where that is every copy of the group.
    pub saved: Option<Vec<EntryRef>>,
}

/// What alternatives are made from.
pub(super) struct Workshop<'a> {
    pub index: &'a Index,
    pub timeline: &'a Timeline,
    pub base_count: u32,
    pub threshold: u64,
    pub unavoidable: &'a Unavoidable,
    /// Why hiding steps were not undone in place.
    pub refusals: &'a Refusals,
}

impl Workshop<'_> {
    /// Returns the merge of a group's steps.
    pub(super) fn merge(&self, group: &Group, records: &[&WasteRecord]) -> Candidate {
        let mut sketch = rewriting::sketch(self.index, self.timeline, group, records);
        if sketch.kind.joins_runs() {
            sketch.caveats.extend(self.refusals.among(&group.members, self.threshold));
        }
        let place = place_of(group);
        let mut saved = vec![0; self.index.layers.len()];
        for record in records {
            saved[record.stored_in.index()] += record.bytes;
        }
        let is_gone = sketch.dockerfile.lines().all(|line| line.starts_with('#'));
        let joined: BTreeMap<usize, Option<usize>> =
            group.members.iter().map(|member| (*member, Some(place).filter(|_| !is_gone))).collect();
        let judged = self.judge(&joined, &saved);
        let edit = |member: &usize| {
            let layer = LayerNumber::from_index(*member);
            let before = self.timeline.line(layer)?.source();
            Some(Edit {
                layer,
                before,
                after: if *member == place { sketch.dockerfile.clone() } else { String::new() },
            })
        };
        let edits =
            if sketch.dockerfile.is_empty() { Vec::new() } else { group.members.iter().filter_map(edit).collect() };
        Candidate {
            alternative: Alternative {
                kind: sketch.kind,
                title: sketch.title,
                edits,
                saves_bytes: records.iter().map(|record| record.bytes).sum(),
                cache: judged.cost,
                dockerfile: sketch.dockerfile,
                safe: sketch.safe,
                caveats: sketch.caveats,
                dockerignore: sketch.ignored,
                change: Change { merges: vec![group.clone()], ..Change::default() },
            },
            judged,
            joined_count: group.members.len() - 1,
            layers: group.members.iter().map(|member| LayerNumber::from_index(*member)).collect(),
            saved: None,
        }
    }

    /// Returns the edits in place of some hiding steps, together with the merges of RUNs that save more of `share`.
    pub(super) fn in_place(&self, undone: &[Undone<'_>], share: &[&WasteRecord]) -> Option<Candidate> {
        let with_merges = self.with_merges(undone, &self.merges(undone, share));
        match with_merges {
            Some(candidate) if !candidate.judged.cost.is_raised() => Some(candidate),
            _ => self.with_merges(undone, &[]),
        }
    }

    /// Chooses RUNs to merge for what is not undone in place.
    fn merges<'r>(&self, undone: &[Undone<'_>], share: &[&'r WasteRecord]) -> Vec<(Group, Vec<&'r WasteRecord>)> {
        let done: HashSet<EntryRef> = undone.iter().flat_map(|one| &one.records).map(|record| record.copy).collect();
        // Where steps are merged for other reasons, what cannot be avoided goes with them.
        let remaining: Vec<(&'r WasteRecord, usize)> = share
            .iter()
            .filter(|record| !done.contains(&record.copy))
            .map(|record| (*record, in_place::home(self.index, undone, record.copy)))
            .collect();
        // What a hiding step stored again may be somewhere else by then.
        let is_left = |(record, home): &&(&'r WasteRecord, usize)| {
            *home == record.stored_in.index() && !self.unavoidable.contains(record.node)
        };
        let left: Vec<&WasteRecord> = remaining.iter().filter(is_left).map(|(record, _)| *record).collect();
        let edges = choosing::edges(self.index.layers.len(), left.iter().copied());
        let mut separable = Separable::new(self.index, self.timeline);
        let groups = choosing::settle(&edges, self.threshold, &mut separable);
        let is_run = |member: &usize| {
            let line = self.timeline.line(LayerNumber::from_index(*member));
            line.is_some_and(|line| matches!(rewriting::role(line, self.timeline, self.index), Role::Run(_)))
        };
        let of_group = |group: Group| {
            let is_in = |layer: usize| group.members.contains(&layer);
            let inside = remaining.iter().filter(|(record, home)| is_in(*home) && is_in(record.hidden_by.index()));
            let records: Vec<&WasteRecord> = inside.map(|(record, _)| *record).collect();
            (group, records)
        };
        groups.into_iter().filter(|group| group.members.iter().all(is_run)).map(of_group).collect()
    }

    fn with_merges(&self, undone: &[Undone<'_>], merges: &[(Group, Vec<&WasteRecord>)]) -> Option<Candidate> {
        let mut change = Change::default();
        let mut draft = Draft::default();
        for one in undone {
            change.absorb(&one.change);
            draft.doubts.extend(one.doubts.iter().cloned());
            draft.notes.extend(one.notes.iter().cloned());
        }
        change.merges = merges.iter().map(|(group, _)| group.clone()).collect();
        draft.notes.extend(merges.iter().flat_map(|(group, _)| self.refusals.among(&group.members, self.threshold)));
        let edits = change.edits(self.index, self.timeline, &mut draft)?;
        draft.doubts.extend(self.readers(undone, &edits));
        let mut saved = vec![0; self.index.layers.len()];
        let mut sum = 0;
        for record in undone.iter().flat_map(|one| &one.records) {
            let layer = if record.cause == Cause::Deleted { record.stored_in } else { record.hidden_by };
            saved[layer.index()] += record.bytes;
            sum += record.bytes;
        }
        for record in merges.iter().flat_map(|(_, records)| records) {
            saved[record.stored_in.index()] += record.bytes;
            sum += record.bytes;
        }
        let mut joined: BTreeMap<usize, Option<usize>> =
            edits.iter().filter(|edit| edit.after.is_empty()).map(|edit| (edit.layer.index(), None)).collect();
        for (group, _) in merges {
            joined.extend(group.members.iter().map(|member| (*member, Some(place_of(group)))));
        }
        let judged = self.judge(&joined, &saved);
        let layers: Vec<LayerNumber> = edits.iter().map(|edit| edit.layer).collect();
        let joined_count = merges.iter().map(|(group, _)| group.members.len() - 1).sum();
        let dockerfile = rewriting::printable(&lines_of(&edits));
        let is_readable = edits.iter().all(|edit| rewriting::printable(&edit.after) == edit.after);
        if !is_readable {
            draft.doubts.push("the lines hold control characters, shown here as \\xNN".to_owned());
        }
        draft.tidy();
        let safe = draft.doubts.is_empty() && sum > 0;
        draft.doubts.append(&mut draft.notes);
        let title = format!("{} ({})", title(undone, merges), rewriting::layers(&layers));
        let alternative = Alternative {
            kind: Kind::InPlace,
            title,
            edits,
            saves_bytes: sum,
            cache: judged.cost,
            dockerfile,
            safe,
            caveats: draft.doubts,
            dockerignore: Vec::new(),
            change,
        };
        let by_merges = merges.iter().flat_map(|(_, records)| records);
        let saved = undone.iter().flat_map(|one| &one.records).chain(by_merges).map(|record| record.copy).collect();
        Some(Candidate { alternative, judged, joined_count, layers, saved: Some(saved) })
    }

    /// Steps in between find the files as the hiding steps leave them, unless they go themselves.
    fn readers(&self, undone: &[Undone<'_>], edits: &[Edit]) -> Vec<String> {
        let is_gone = |layer: usize| edits.iter().any(|edit| edit.layer.index() == layer && edit.after.is_empty());
        let is_run = |layer: usize| {
            let line = self.timeline.line(LayerNumber::from_index(layer));
            line.is_some_and(|line| line.step.instruction == "RUN")
        };
        let of_one = |one: &Undone<'_>| {
            let between = one.lowest_target()? + 1..one.hidden_by;
            let readers: Vec<LayerNumber> =
                between.filter(|layer| is_run(*layer) && !is_gone(*layer)).map(LayerNumber::from_index).collect();
            let line = self.timeline.line(LayerNumber::from_index(one.hidden_by))?;
            let command = escape(line.step.command.chars().take(60).collect::<String>().as_bytes());
            let verbs = if readers.len() == 1 { ("runs", "finds") } else { ("run", "find") };
            (!readers.is_empty()).then(|| {
                let layers = rewriting::layers(&readers);
                format!("{layers} {} in between, and then {} the files as \"{command}\" leaves them", verbs.0, verbs.1)
            })
        };
        undone.iter().filter_map(of_one).collect()
    }

    fn judge(&self, joined: &BTreeMap<usize, Option<usize>>, saved: &[u64]) -> Judged {
        Steps::new(self.index, self.timeline, self.base_count).judge(&Effect { joined, saved })
    }
}

fn title(undone: &[Undone<'_>], merges: &[(Group, Vec<&WasteRecord>)]) -> &'static str {
    let bytes = |sort: Sort| -> u64 {
        let of_sort = undone.iter().filter(|one| one.sort == sort);
        of_sort.flat_map(|one| &one.records).map(|record| record.bytes).sum()
    };
    let by_merges: u64 = merges.iter().flat_map(|(_, records)| records).map(|record| record.bytes).sum();
    let (metadata, cache) = (bytes(Sort::Metadata), bytes(Sort::Cache));
    if metadata >= cache && metadata >= by_merges {
        "set owner and mode where the files are made"
    } else if cache >= by_merges {
        "clean up in the step that leaves it"
    } else {
        "merge what replaces files, and clean up where they are made"
    }
}

/// Returns the new lines of all edits, each below the layer that it is about.
fn lines_of(edits: &[Edit]) -> String {
    let text = |edit: &Edit| match edit.after.as_str() {
        "" => format!("# layer {}: goes", edit.layer),
        after => format!("# layer {}:\n{after}", edit.layer),
    };
    edits.iter().map(text).collect::<Vec<_>>().join("\n")
}

/// Puts alternatives in order, the best first: what leaves the cache alone, then what saves most (within 2 % counts as
/// equal), then what keeps steps apart, then the fewest lines.
///
/// The first one must not install packages again on an edit that does not install them today. Where no other is left, there
/// is no fix.
pub(super) fn order(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    let is_raised = |candidate: &Candidate| candidate.judged.cost.is_raised();
    let best = |raised: bool, all: &[Candidate]| {
        let bytes = all.iter().filter(|one| is_raised(one) == raised).map(|one| one.alternative.saves_bytes);
        bytes.max().unwrap_or_default()
    };
    let best = [best(false, &candidates), best(true, &candidates)];
    candidates.sort_by_key(|candidate| {
        let one = &candidate.alternative;
        let raised = is_raised(candidate);
        let most = best[usize::from(raised)];
        let is_near = u128::from(one.saves_bytes) * 100 >= u128::from(most) * 98;
        let bytes = if is_near { Reverse(u64::MAX) } else { Reverse(one.saves_bytes) };
        (raised, bytes, candidate.joined_count, one.edits.len(), one.dockerfile.lines().count())
    });
    if candidates.first().is_some_and(|first| first.judged.reinstalls) {
        candidates.clear();
    }
    candidates
}
