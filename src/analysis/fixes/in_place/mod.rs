//! Edits in place: what a later step undoes goes into the steps that made it, and every step stays where it is.
//! [Model](crate::model) 6.
//!
//! A hiding step is taken apart by the paths that it touches: each part goes to the step that stored them, as flags of a
//! COPY or as a command at the end of a RUN. What is left of the step stays, in a form that touches nothing that is right
//! already (engines copy a file for a `chown` to the same owner, too), or goes.

mod command;
mod lists;
mod part;
mod reach;
mod rest;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt, HashSet};

use super::choosing::Unavoidable;
use super::rewriting::{Change, Timeline};
use crate::analysis::bloat;
use crate::analysis::waste::{Cause, WasteRecord};
use crate::layer::entry::{Entry, EntryRef, Kind, LayerNumber, NodeId};
use crate::layer::index::Index;
use crate::layer::tree::Tree;
use command::Command;
use part::Part;
use reach::Reach;
use rest::Rest;

/// A hiding step whose work is done where the files are made.
#[derive(Debug)]
pub(super) struct Undone<'a> {
    /// The step, by its place among the layers.
    pub hidden_by: usize,
    /// The records that no longer arise.
    pub records: Vec<&'a WasteRecord>,
    /// What becomes of the steps.
    pub change: Change,
    /// Why the lines may not do the same.
    pub doubts: Vec<String>,
    /// What is to be known about them.
    pub notes: Vec<String>,
    /// What most of the bytes are.
    pub sort: Sort,
}

impl Undone<'_> {
    /// Returns the lowest layer that takes something over.
    pub(super) fn lowest_target(&self) -> Option<usize> {
        self.change.relocations.iter().filter_map(|relocation| relocation.to.first().copied()).min()
    }
}

/// What a hiding step undoes, mostly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    /// Owner or mode.
    Metadata,
    /// Caches, indexes, logs.
    Cache,
}

/// Where an edit sends what a hiding step does at some paths: to the layers that stored what it undoes.
#[derive(Debug)]
pub(crate) struct Relocation {
    /// The hiding step's place among the layers.
    pub from: usize,
    /// The places that take it over.
    pub to: BTreeSet<usize>,
    /// What runs there now: place, command and operand. It reaches directories of lower layers too.
    ran: Vec<Ran>,
    /// Folders that a COPY makes: its flags are theirs too.
    new_folders: HashSet<NodeId>,
    commands: Vec<Command>,
}

impl Relocation {
    /// Returns the layer that does what the hiding step did at a path, `lower` being the layer that has stored what was
    /// there before; nothing where it stays where it is.
    pub(crate) fn target(
        &self,
        tree: &Tree,
        node: NodeId,
        lower: usize,
        is_gone: bool,
        is_directory: bool,
    ) -> Option<usize> {
        let mut commands = self.commands.iter().filter(|command| {
            let fits = if is_gone { !command.changes_metadata() } else { command.changes_metadata() };
            fits && command.reaches(node, tree)
        });
        commands.next()?;
        if is_gone || !is_directory || self.new_folders.contains(&node) {
            return self.to.contains(&lower).then_some(lower);
        }
        let reaches = |ran: &&Ran| {
            let command = &self.commands[ran.command];
            ran.target >= lower && command.operands[ran.operand].holds(node, tree, command.is_recursive)
        };
        self.ran.iter().filter(reaches).map(|ran| ran.target).min()
    }
}

/// A command of the hiding step that another step runs, for one of its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ran {
    target: usize,
    command: usize,
    operand: usize,
}

/// Finds the steps that can be undone in place.
pub(super) struct InPlace<'a> {
    index: &'a Index,
    timeline: &'a Timeline,
    reach: Reach<'a>,
    /// Where entries of hiding steps went: then a later step finds them in the lower layer.
    went_to: HashMap<EntryRef, usize>,
    /// What a COPY's files look like after the steps that were undone so far.
    looks: HashMap<EntryRef, EntryRef>,
    /// The other way round: which file an entry of a step that was undone is.
    first_of: HashMap<EntryRef, EntryRef>,
    base_count: usize,
    /// The layer that hides each of the user's wasted copies.
    hidden_at: HashMap<EntryRef, usize>,
    /// Entries that were looked at to see what a command reaches: there is a limit.
    visits: Cell<usize>,
}

impl<'a> InPlace<'a> {
    pub(super) fn new(index: &'a Index, timeline: &'a Timeline, base_count: usize) -> Self {
        InPlace {
            index,
            timeline,
            reach: Reach::new(index),
            went_to: HashMap::new(),
            looks: HashMap::new(),
            first_of: HashMap::new(),
            visits: Cell::new(0),
            base_count,
            hidden_at: HashMap::new(),
        }
    }

    /// Goes through the hiding steps from below. `records` are the user's.
    pub(super) fn find(
        mut self,
        records: impl Iterator<Item = &'a WasteRecord>,
        unavoidable: &Unavoidable,
    ) -> Vec<Undone<'a>> {
        let mut by_step: BTreeMap<usize, Vec<&WasteRecord>> = BTreeMap::new();
        for record in records.filter(|record| record.stored_in != record.hidden_by) {
            self.hidden_at.insert(record.copy, record.hidden_by.index());
            // What is removed on purpose can be removed earlier, too.
            if record.cause == Cause::Deleted || !unavoidable.contains(record.node) {
                by_step.entry(record.hidden_by.index()).or_default().push(record);
            }
        }
        by_step.into_iter().filter_map(|(step, records)| self.undo(step, &records)).collect()
    }

    /// Counts entries that are about to be looked at; nothing where there were too many.
    fn visit(&self, layer: usize) -> Option<()> {
        self.visits.set(self.visits.get() + self.index.layers[layer].entries.len());
        (self.visits.get() <= MOST_VISITS).then_some(())
    }

    fn undo(&mut self, step: usize, records: &[&'a WasteRecord]) -> Option<Undone<'a>> {
        let place = self.timeline.place(LayerNumber::from_index(step))?;
        self.timeline.lines.get(place).filter(|line| line.context.is_root())?;
        let commands = command::commands(self.timeline, place, &self.index.tree)?;
        let mut parts: BTreeMap<usize, Part<'a>> = BTreeMap::new();
        for record in records {
            let found = commands.iter().position(|command| command.explains(record, &self.index.tree));
            let is_cache = || is_cache(&self.index.tree.path(record.node));
            if found.is_none() || (record.cause == Cause::Deleted && !is_cache()) {
                continue;
            }
            if !self.reach.loses_all_names(record, step, |node| {
                commands.iter().any(|command| command.reaches(node, &self.index.tree))
            }) {
                continue;
            }
            let target = self.went_to.get(&record.copy).copied().unwrap_or(record.stored_in.index());
            if target >= self.base_count && target < step {
                parts.entry(target).or_default().add(record);
            }
        }
        let mut change = Change::default();
        let mut found = Found::default();
        self.settle_lists(step, &commands, &mut parts, &mut change, &mut found);
        parts.retain(|target, part| self.settle(step, *target, &commands, part, &mut change, &mut found));
        if found.records.is_empty() {
            return None;
        }
        let relocation = Relocation {
            from: step,
            to: found.targets.clone(),
            ran: found.ran.clone(),
            new_folders: found.new_folders.clone(),
            commands,
        };
        if let Rest::Commands(kept) = self.rest(step, &relocation, &found)? {
            change.steps.entry(step).or_default().keep(kept);
        }
        self.remember(&relocation);
        change.relocations.push(Arc::new(relocation));
        let bytes = |is_gone: bool| -> u64 {
            let of_sort = found.records.iter().filter(|record| (record.cause == Cause::Deleted) == is_gone);
            of_sort.map(|record| record.bytes).sum()
        };
        let sort = if bytes(true) > bytes(false) { Sort::Cache } else { Sort::Metadata };
        let Found { records, doubts, notes, .. } = found;
        Some(Undone { hidden_by: step, records, change, doubts, notes, sort })
    }

    /// Notes where the entries of a step that was undone are now.
    fn remember(&mut self, relocation: &Relocation) {
        let at = u32::try_from(relocation.from).unwrap_or(u32::MAX);
        for (index, entry) in (0..).zip(&self.index.layers[relocation.from].entries) {
            let this = EntryRef { layer: at, index };
            let Some(lower) = entry.lower.get().filter(|_| entry.has(Entry::SHOWN)) else { continue };
            let below = self.went_to.get(&lower).copied().unwrap_or(lower.layer().index());
            let target = relocation.target(&self.index.tree, entry.node, below, false, entry.kind == Kind::Directory);
            if let Some(target) = target {
                self.went_to.insert(this, target);
                let first = self.first_of.get(&lower).copied().unwrap_or(lower);
                self.first_of.insert(this, first);
                self.looks.insert(first, this);
            }
        }
    }
}

/// How many entries are looked at for one image; steps that are still to be looked at then are not undone in place.
const MOST_VISITS: usize = 30_000_000;

/// What was found for one hiding step.
#[derive(Default)]
struct Found<'a> {
    records: Vec<&'a WasteRecord>,
    targets: BTreeSet<usize>,
    ran: Vec<Ran>,
    new_folders: HashSet<NodeId>,
    doubts: Vec<String>,
    notes: Vec<String>,
    /// Removals that other steps do as well: each command with the highest step that does it.
    carried: BTreeMap<usize, usize>,
    /// Removals that the hiding step needs for itself: it makes what they remove.
    needed: BTreeSet<usize>,
}

impl Found<'_> {
    fn carry(&mut self, command: usize, target: usize) {
        let highest = self.carried.entry(command).or_default();
        *highest = (*highest).max(target);
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// Caches, package lists and logs: nothing in between reads them but the program that made them.
fn is_cache(path: &[u8]) -> bool {
    bloat::package_cache(path).is_some() || path.starts_with(b"/var/log/")
}
