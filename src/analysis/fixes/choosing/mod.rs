//! Which layers belong into one: exact, and without a word of text. [Model](crate::model) 6.
//!
//! [`partition`] picks sets of layers, [`unavoidable`] is left out of the reasons; the steps between the members of a set
//! are asked about through [`Between`].

mod flow;
mod partition;
mod unavoidable;

use foldhash::{HashMap, HashMapExt};

use super::Input;
use crate::analysis::waste::{Cause, WasteRecord};
pub(super) use partition::Edges;
pub(super) use unavoidable::{Unavoidable, is_one};

/// Where a step between the members of a group goes, if it can stay apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    Before,
    Behind,
}

/// Decides about the steps between the members of a group.
pub(super) trait Between {
    /// Returns where `layer` goes, that `members` (ascending) lie around; nothing where it must be merged with them.
    fn placement(&mut self, layer: usize, members: &[usize]) -> Option<Placement>;
}

/// Layers that become one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Group {
    /// Ascending.
    pub members: Vec<usize>,
    /// The layers between them that stay for themselves.
    pub apart: Vec<(usize, Placement)>,
}

/// Sums records up by pairs of layers.
pub(super) fn edges<'a>(layer_count: usize, records: impl Iterator<Item = &'a WasteRecord>) -> Edges {
    let mut sums = vec![0u64; layer_count * layer_count];
    for record in records {
        sums[record.stored_in.index() * layer_count + record.hidden_by.index()] += record.bytes;
    }
    let pairs = sums.into_iter().enumerate().map(|(at, bytes)| ((at / layer_count, at % layer_count), bytes));
    pairs.filter(|((stored_in, hidden_by), bytes)| *bytes > 0 && stored_in != hidden_by).collect()
}

/// Chooses the groups and decides about the steps in between.
pub(super) fn settle(edges: &Edges, threshold: u64, between: &mut impl Between) -> Vec<Group> {
    let mut chosen = partition::groups(edges, threshold);
    let mut settled: Vec<Group> = Vec::new();
    while let Some(members) = chosen.pop() {
        let group = with_steps_between(members, between);
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
                runs_within(edges, &group.members, threshold, between).into_iter().filter(is_free).collect();
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
                done.push(Group { members, apart: Vec::new() });
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
fn with_steps_between(mut members: Vec<usize>, between: &mut impl Between) -> Group {
    loop {
        let (first, last) = (members[0], members[members.len() - 1]);
        let inner: Vec<usize> = (first..last).filter(|layer| members.binary_search(layer).is_err()).collect();
        let decided: Vec<(usize, Option<Placement>)> =
            inner.into_iter().map(|layer| (layer, between.placement(layer, &members))).collect();
        let mut joining: Vec<usize> =
            decided.iter().filter(|(_, placement)| placement.is_none()).map(|(layer, _)| *layer).collect();
        // The merged step stands above what goes before it and below what goes behind it, in the place of a member.
        let placed =
            |wanted| decided.iter().filter(move |(_, placement)| *placement == Some(wanted)).map(|(layer, _)| *layer);
        if let Some(before) = placed(Placement::Before).max() {
            let lowest = members.iter().copied().find(|member| *member > before).unwrap_or(last);
            joining.extend(placed(Placement::Behind).filter(|layer| *layer < lowest));
        }
        if joining.is_empty() {
            let apart = decided.into_iter().filter_map(|(layer, placement)| Some((layer, placement?))).collect();
            return Group { members, apart };
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
fn runs_within(edges: &Edges, members: &[usize], threshold: u64, between: &mut impl Between) -> Vec<Group> {
    let is_in = |layer: &usize| members.binary_search(layer).is_ok();
    let edges: Edges =
        edges.iter().filter(|((a, b), _)| is_in(a) && is_in(b)).map(|(pair, bytes)| (*pair, *bytes)).collect();
    partition::runs(&edges, members, threshold)
        .into_iter()
        .map(|run| {
            // Whoever has no part in the run may still stay apart.
            let has_part = |layer: &usize| {
                edges.keys().any(|(a, b)| (a == layer || b == layer) && run.contains(a) && run.contains(b))
            };
            with_steps_between(run.iter().copied().filter(has_part).collect(), between)
        })
        .collect()
}

/// Returns the layers outside of all groups that hold paths twice, where that is worth a word.
pub(super) fn doubled_layers(input: Input<'_>, groups: &[Group]) -> Vec<Group> {
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
    layers.into_iter().map(|layer| Group { members: vec![layer], apart: Vec::new() }).collect()
}
