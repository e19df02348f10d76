//! Edits in place: what a later step undoes goes into the steps that made it, and every step stays where it is.
//! [Model](crate::model) 6.
//!
//! A hiding step is taken apart by the paths that it touches: each part goes to the step that stored them, as flags of a
//! COPY or as a command at the end of a RUN. What is left of the step stays, in a form that touches nothing that is right
//! already (engines copy a file for a `chown` to the same owner, too), or goes.

mod command;
mod find;
mod lists;
mod mode;
mod part;
mod reach;
mod refusal;
mod rest;
mod script;

use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt, HashSet};

use super::choosing::Unavoidable;
use super::rewriting::{Change, Timeline};
use crate::analysis::findings::places;
use crate::analysis::waste::{Cause, WasteRecord};
use crate::layer::entry::{Entry, EntryRef, Kind, LayerNumber, NodeId, Slot};
use crate::layer::index::Index;
use command::{Command, Undo};
use part::Part;
use reach::Reach;
pub(super) use refusal::Refusals;
use rest::Rest;
pub(crate) use script::Layout;

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
    /// Those of them that run a command for it, which reaches directories of lower layers too.
    by_command: BTreeSet<usize>,
    /// Folders that a COPY makes: its flags are theirs too.
    new_folders: HashSet<NodeId>,
    commands: Vec<Command>,
    done: Done,
    /// The copies that the step then no longer hides.
    copies: HashSet<EntryRef>,
}

/// What a step does at a path where there was something before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Touch {
    /// The path.
    pub node: NodeId,
    /// What was there.
    pub before: EntryRef,
    /// What is there now; absent where the step removes it.
    pub after: Slot,
}

impl Relocation {
    /// Returns the layer that does what the hiding step did at a path, `lower` being the layer that has stored what was
    /// there before; nothing where it stays where it is.
    ///
    /// A file's bytes move where they are part of what the edit saves, and nowhere else.
    pub(crate) fn target(&self, index: &Index, touch: Touch, lower: usize) -> Option<usize> {
        let before = index.inode(touch.before)?;
        let is_gone = !touch.after.is_present();
        let after = if is_gone { None } else { Some(touch.after.get()?) };
        if after.is_some_and(|after| !is_same_thing(index, before, after)) {
            return None;
        }
        let takes_over = self.to.contains(&lower).then_some(lower);
        let entry = index.entry(before);
        if entry.kind == Kind::File && entry.size > 0 {
            return takes_over.filter(|_| self.copies.contains(&before));
        }
        // One removal is enough; what sets owner and mode must be there as a whole.
        let acting =
            self.commands.iter().enumerate().filter(|(_, command)| {
                command.changes_metadata() != is_gone && command.reaches(touch.node, &index.tree)
            });
        let acting: Vec<(usize, &Command)> = acting.collect();
        let does = |place: usize| {
            let covers = |(at, command): &(usize, &Command)| {
                let done = self.done.range((place, *at, 0)..=(place, *at, usize::MAX));
                done.into_iter().any(|(.., operand)| command.acts_on(*operand, touch.node, &index.tree))
            };
            if is_gone { acting.iter().any(covers) } else { !acting.is_empty() && acting.iter().all(covers) }
        };
        if is_gone || entry.kind != Kind::Directory {
            return takes_over.filter(|lower| does(*lower));
        }
        if self.new_folders.contains(&touch.node) {
            return takes_over;
        }
        self.by_command.range(lower..).copied().find(|place| does(*place))
    }
}

/// What other steps do of a hiding step's work: the place of the step, the command, and which of its operands.
type Done = BTreeSet<(usize, usize, usize)>;

/// Returns the layer that stores an entry once steps are undone.
pub(super) fn home(index: &Index, undone: &[Undone<'_>], at: EntryRef) -> usize {
    let (layer, entry) = (at.layer().index(), index.entry(at));
    let moved =
        undone.iter().filter(|one| one.hidden_by == layer).flat_map(|one| &one.change.relocations).find_map(|one| {
            let before = entry.lower.get().filter(|_| entry.has(Entry::SHOWN))?;
            let after = Slot::entry(at, entry.kind == Kind::Directory);
            one.target(index, Touch { node: entry.node, before, after }, home(index, undone, before))
        });
    moved.unwrap_or(layer)
}

/// Says whether an entry is what was there before, but for owner, mode and time.
fn is_same_thing(index: &Index, before: EntryRef, after: EntryRef) -> bool {
    let Some(inode) = index.inode(after) else { return false };
    let (old, new) = (index.entry(before), index.entry(inode));
    let (old_extra, new_extra) = (index.extra(old), index.extra(new));
    let is_same_file = new.kind != Kind::File || index.entry(after).has(Entry::SAME);
    old.kind == new.kind && is_same_file && (old_extra.link, old_extra.device) == (new_extra.link, new_extra.device)
}

/// The commands of a step that undoes something, with what stands around them, or why they cannot be told.
type Commands = Result<(Vec<Command>, Layout), Option<String>>;

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
    hidden_at: OnceCell<HashMap<EntryRef, usize>>,
    waste: &'a [WasteRecord],
    /// Entries that were looked at to see what a command reaches: there is a limit.
    visits: Cell<usize>,
    refusals: Refusals,
}

impl<'a> InPlace<'a> {
    pub(super) fn new(index: &'a Index, timeline: &'a Timeline, base_count: usize, waste: &'a [WasteRecord]) -> Self {
        InPlace {
            index,
            timeline,
            reach: Reach::new(index),
            went_to: HashMap::new(),
            looks: HashMap::new(),
            first_of: HashMap::new(),
            visits: Cell::new(0),
            refusals: Refusals::default(),
            base_count,
            hidden_at: OnceCell::new(),
            waste,
        }
    }

    /// Goes through the hiding steps from below, and says of the others why they keep what they do. `records` are the user's.
    pub(super) fn find<I: Iterator<Item = &'a WasteRecord>>(
        mut self,
        records: &impl Fn() -> I,
        unavoidable: &Unavoidable,
    ) -> (Vec<Undone<'a>>, Refusals) {
        let mut commands: Vec<Option<Commands>> = (0..self.index.layers.len()).map(|_| None).collect();
        let mut hides = vec![false; self.index.layers.len()];
        for record in records().filter(|record| record.stored_in != record.hidden_by) {
            hides[record.hidden_by.index()] = true;
        }
        for step in (0..commands.len()).filter(|step| hides[*step]) {
            commands[step] = self.commands(step);
        }
        if commands.iter().all(Option::is_none) {
            return (Vec::new(), self.refusals);
        }
        let mut by_step: BTreeMap<usize, Vec<&WasteRecord>> = BTreeMap::new();
        for record in records().filter(|record| record.stored_in != record.hidden_by) {
            // Of a step that cannot be taken apart, what it replaces has no reason to be told.
            let is_looked_at = match &commands[record.hidden_by.index()] {
                Some(Ok(_)) => true,
                Some(Err(_)) => record.cause != Cause::Overwritten,
                None => false,
            };
            // What is removed on purpose can be removed earlier, too.
            if is_looked_at && (record.cause == Cause::Deleted || !unavoidable.contains(record.node)) {
                by_step.entry(record.hidden_by.index()).or_default().push(record);
            }
        }
        let of_step = |(step, records): (usize, Vec<&'a WasteRecord>)| match commands[step].take()? {
            Ok((commands, layout)) => self.undo(step, commands, layout, &records),
            Err(why) => {
                self.refuse(step, why.as_deref(), &records);
                None
            }
        };
        let undone = by_step.into_iter().filter_map(of_step).collect();
        (undone, self.refusals)
    }

    /// Returns the commands of a RUN that can be taken apart and undoes something, or why that is not so; nothing for other
    /// steps.
    fn commands(&self, step: usize) -> Option<Commands> {
        let place = self.timeline.place(LayerNumber::from_index(step))?;
        let line = self.timeline.lines.get(place).filter(|line| line.step.instruction == "RUN")?;
        if !line.context.is_root() {
            return Some(Err(Some(format!("it runs as {}, not as root", command::shortened(&line.context.user)))));
        }
        // Looked up where a find asks for them: they cost every entry.
        let kinds = || self.reach.kinds();
        let (mut commands, layout) = match command::commands(self.timeline, place, self.index, &kinds) {
            Ok(found) => found,
            Err(why) => return Some(Err(Some(why))),
        };
        if !self.are_right(step, &commands) {
            let is_mode = |command: &&mut Command| matches!(command.undo, Undo::Mode(_));
            commands
                .iter_mut()
                .filter(is_mode)
                .for_each(|one| one.give_up("left other modes in this image than it says"));
        }
        let overruled: Vec<bool> = (0..commands.len()).map(|at| self.is_overruled(step, &commands, at)).collect();
        commands.iter_mut().zip(overruled).for_each(|(command, is_overruled)| command.is_overruled = is_overruled);
        let undoes = |command: &Command| command.undo != Undo::Other && !command.operands.is_empty();
        if commands.iter().any(undoes) {
            return Some(Ok((commands, layout)));
        }
        Some(Err(commands.into_iter().find_map(|command| command.why)))
    }

    /// Says whether the modes that a step has left are those that its commands say, where that takes more than reading them.
    fn are_right(&self, step: usize, commands: &[Command]) -> bool {
        let is_symbolic = |command: &Command| matches!(&command.undo, Undo::Mode(mode) if mode.is_symbolic());
        if !commands.iter().any(is_symbolic) {
            return true;
        }
        let at = u32::try_from(step).unwrap_or(u32::MAX);
        let is_right = |(index, entry): (u32, &Entry)| {
            let before = entry.lower.get().and_then(|lower| self.index.inode(lower));
            let Some(before) = before.filter(|_| entry.has(Entry::SHOWN) && entry.kind != Kind::Symlink) else {
                return true;
            };
            let after = EntryRef { layer: at, index };
            let Some(after) = self.index.inode(after).filter(|_| is_same_thing(self.index, before, after)) else {
                return true;
            };
            let is_directory = entry.kind == Kind::Directory;
            let (mut mode, mut is_changed) = (self.index.entry(before).mode, false);
            for command in commands.iter().filter(|command| command.reaches(entry.node, &self.index.tree)) {
                if let Undo::Mode(change) = &command.undo {
                    mode = change.apply(mode, is_directory);
                    is_changed = true;
                }
            }
            // Who changes the owner takes setuid and setgid along.
            !is_changed || mode & 0o777 == self.index.entry(after).mode & 0o777
        };
        (0..).zip(&self.index.layers[step].entries).all(is_right)
    }

    /// Says whether a later command of the step changes again what one has changed: then no condition can tell which files
    /// are right already.
    fn is_overruled(&self, step: usize, commands: &[Command], at: usize) -> bool {
        let (tree, command) = (&self.index.tree, &commands[at]);
        let others: Vec<&Command> = commands[at + 1..].iter().filter(|other| command.contradicts(other)).collect();
        let is_changed_again = |entry: &&Entry| {
            let is_right = match &command.undo {
                Undo::Mode(mode) => mode.apply(entry.mode, entry.kind == Kind::Directory) == entry.mode & 0o7777,
                _ => false,
            };
            entry.has(Entry::SHOWN) && !is_right && command.reaches(entry.node, tree)
        };
        !others.is_empty()
            && self.index.layers[step]
                .entries
                .iter()
                .filter(is_changed_again)
                .any(|entry| others.iter().any(|other| other.reaches(entry.node, tree)))
    }

    /// Returns the layer that hides a copy, if one does.
    fn hidden_at(&self, copy: EntryRef) -> Option<usize> {
        let all = || self.waste.iter().map(|record| (record.copy, record.hidden_by.index())).collect();
        self.hidden_at.get_or_init(all).get(&copy).copied()
    }

    /// Counts entries that are about to be looked at; an error where there were too many.
    fn visit(&self, layer: usize) -> Result<(), String> {
        self.visits.set(self.visits.get() + self.index.layers[layer].entries.len());
        if self.visits.get() <= MOST_VISITS {
            Ok(())
        } else {
            Err("the image has too many files to look at".to_owned())
        }
    }

    fn undo(
        &mut self,
        step: usize,
        commands: Vec<Command>,
        layout: Layout,
        records: &[&'a WasteRecord],
    ) -> Option<Undone<'a>> {
        let mut parts: BTreeMap<usize, Part<'a>> = BTreeMap::new();
        let mut unexplained = Vec::new();
        for record in records {
            let found = commands.iter().position(|command| command.explains(record, &self.index.tree));
            if found.is_none() {
                unexplained.push(*record);
                continue;
            }
            if record.cause == Cause::Deleted && !is_cache(&self.index.tree.path(record.node)) {
                continue;
            }
            if !self.reach.loses_all_names(record, step, |node| {
                commands.iter().any(|command| command.reaches(node, &self.index.tree))
            }) {
                self.refusals.add(record, "some of the files have hard links that it does not reach, or breaks");
                continue;
            }
            let target = self.went_to.get(&record.copy).copied().unwrap_or(record.stored_in.index());
            if target >= self.base_count && target < step {
                parts.entry(target).or_default().add(record);
            }
        }
        self.refuse(step, commands.iter().find_map(|command| command.why.as_deref()), &unexplained);
        let mut change = Change::default();
        let mut found = Found::default();
        self.settle_lists(step, &commands, &mut parts, &mut change, &mut found);
        for (target, part) in parts {
            self.settle(step, target, &commands, part, &mut change, &mut found);
        }
        for (record, why) in std::mem::take(&mut found.refused) {
            self.refusals.add(record, &why);
        }
        if found.records.is_empty() {
            return None;
        }
        let relocation = Relocation {
            from: step,
            to: found.targets.clone(),
            by_command: found.by_command.clone(),
            new_folders: found.new_folders.clone(),
            commands,
            done: found.done.clone(),
            copies: found.records.iter().map(|record| record.copy).collect(),
        };
        match self.rest(step, &relocation, &found) {
            Ok(Rest::Commands(kept)) => change.steps.entry(step).or_default().keep(kept, layout),
            Ok(Rest::Everything) => {}
            Err(why) => {
                found.records.iter().for_each(|record| self.refusals.add(record, &why));
                return None;
            }
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
            let touch =
                Touch { node: entry.node, before: lower, after: Slot::entry(this, entry.kind == Kind::Directory) };
            if let Some(target) = relocation.target(self.index, touch, below) {
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
    /// Those that stay, and why.
    refused: Vec<(&'a WasteRecord, Arc<str>)>,
    targets: BTreeSet<usize>,
    by_command: BTreeSet<usize>,
    new_folders: HashSet<NodeId>,
    doubts: Vec<String>,
    notes: Vec<String>,
    /// What other steps do of it.
    done: Done,
    /// Removals that the hiding step needs for itself: it makes what they remove.
    needed: BTreeSet<usize>,
}

impl<'a> Found<'a> {
    /// Notes that a COPY gives its files what the commands would.
    fn done_by_copy(&mut self, target: usize, commands: &[Command]) {
        for (at, command) in commands.iter().enumerate().filter(|(_, command)| command.changes_metadata()) {
            self.done.extend((0..command.operands.len()).map(|operand| (target, at, operand)));
        }
    }

    /// Returns the highest step that a command acts in on one of its operands.
    fn highest(&self, command: usize, operand: usize) -> Option<usize> {
        self.done.iter().filter(|(_, at, of)| (*at, *of) == (command, operand)).map(|(place, ..)| *place).max()
    }

    fn refuse(&mut self, records: &[&'a WasteRecord], why: String) {
        let why: Arc<str> = Arc::from(why);
        self.refused.extend(records.iter().map(|record| (*record, Arc::clone(&why))));
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// Caches, package lists and logs: nothing in between reads them but the program that made them.
fn is_cache(path: &[u8]) -> bool {
    places::package_cache(path).is_some() || path.starts_with(b"/var/log/")
}
