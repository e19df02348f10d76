//! What edits make of the steps: each keeps its place, gets flags or commands, or goes; some become one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lines::{Draft, copy_line};
use super::plan::{Plan, Role, layout, role};
use super::timeline::Timeline;
use crate::analysis::fixes::Edit;
use crate::analysis::fixes::choosing::{Group, Placement};
use crate::analysis::fixes::in_place::{Layout, Relocation};
use crate::dockerfile::join::{Body, Piece, join};
use crate::dockerfile::shell::Script;
use crate::layer::entry::LayerNumber;
use crate::layer::index::Index;

/// Edits of a Dockerfile, by the places of their layers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    /// Steps that stay where they are.
    pub steps: BTreeMap<usize, StepChange>,
    /// RUNs that become one.
    pub(in super::super) merges: Vec<Group>,
    /// Where the steps' effects go.
    pub relocations: Vec<Arc<Relocation>>,
}

/// What becomes of one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StepChange {
    /// Flags of a COPY.
    pub flags: Vec<String>,
    /// Commands in front of its own.
    first: Vec<String>,
    /// Commands behind its own.
    last: Vec<String>,
    /// What is left of its own commands; all of them where nothing is said.
    kept: Option<Kept>,
}

/// What is left of a step's own commands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    commands: Vec<String>,
    layout: Layout,
}

impl StepChange {
    pub(in super::super) fn start_with(&mut self, command: String) {
        if !self.first.contains(&command) {
            self.first.push(command);
        }
    }

    /// Adds a command at the end; one that is there already goes behind the others.
    pub(in super::super) fn end_with(&mut self, command: String) {
        self.last.retain(|known| *known != command);
        self.last.push(command);
    }

    pub(in super::super) fn keep(&mut self, commands: Vec<String>, layout: Layout) {
        self.kept = Some(match self.kept.take() {
            Some(mut known) => {
                known.commands.retain(|command| commands.contains(command));
                known
            }
            None => Kept { commands, layout },
        });
    }

    fn absorb(&mut self, other: &StepChange) {
        for flag in &other.flags {
            let name = flag.split('=').next();
            self.flags.retain(|known| known.split('=').next() != name);
            self.flags.push(flag.clone());
        }
        other.first.iter().for_each(|command| self.start_with(command.clone()));
        other.last.iter().for_each(|command| self.end_with(command.clone()));
        if let Some(kept) = &other.kept {
            self.keep(kept.commands.clone(), kept.layout.clone());
        }
    }
}

impl Change {
    /// Returns the highest step that is undone in place.
    pub(in super::super) fn last_undone(&self) -> Option<usize> {
        self.relocations.iter().map(|relocation| relocation.from).max()
    }

    /// Returns the layers that become one, each time with the place at which that stands.
    pub(crate) fn joined(&self) -> impl Iterator<Item = (&[usize], usize)> {
        self.merges.iter().map(|group| (&group.members[..], place_of(group)))
    }

    /// Adds other edits.
    pub(crate) fn absorb(&mut self, other: &Change) {
        for (layer, change) in &other.steps {
            self.steps.entry(*layer).or_default().absorb(change);
        }
        self.merges.extend(other.merges.iter().cloned());
        self.relocations.extend(other.relocations.iter().cloned());
    }

    /// Returns the edits as lines, each with the old ones, in the order of the layers; what must be doubted goes to `draft`.
    /// Nothing where a step cannot be written again.
    pub(in super::super) fn edits(&self, index: &Index, timeline: &Timeline, draft: &mut Draft) -> Option<Vec<Edit>> {
        let mut edits: BTreeMap<usize, Edit> = BTreeMap::new();
        for group in &self.merges {
            let lines = self.merged(index, timeline, group, draft)?;
            let place = place_of(group);
            for member in &group.members {
                let after = if *member == place { lines.clone() } else { String::new() };
                edits.insert(*member, edit(timeline, *member, after)?);
            }
        }
        for (layer, change) in &self.steps {
            if !edits.contains_key(layer) && *change != StepChange::default() {
                let after = self.changed(index, timeline, *layer, draft)?;
                edits.insert(*layer, edit(timeline, *layer, after)?);
            }
        }
        Some(edits.into_values().filter(|edit| edit.before != edit.after).collect())
    }

    /// Returns the new lines of a step that stays where it is.
    fn changed(&self, index: &Index, timeline: &Timeline, layer: usize, draft: &mut Draft) -> Option<String> {
        let number = LayerNumber::from_index(layer);
        let (line, change) = (timeline.line(number)?, self.steps.get(&layer)?);
        match role(line, timeline, index) {
            Role::Transfer(transfer) => Some(copy_line(line, &transfer, &change.flags, &mut draft.doubts, number)),
            Role::Run(body) => {
                let runner = line.runner(timeline, index).ok()?;
                let piece = Piece { body, source: layout(line), ..Piece::default() };
                let pieces = pieces(change, piece, runner.dialect);
                let joined = join(&pieces, &runner, &line.step.flags);
                draft.doubts.extend(joined.doubts);
                if line.by_buildkit && line.written.is_none() && !joined.lines.is_empty() {
                    draft.note_flags();
                }
                Some(joined.lines)
            }
            Role::Blind(_) => None,
        }
    }

    fn merged(&self, index: &Index, timeline: &Timeline, group: &Group, draft: &mut Draft) -> Option<String> {
        let plan = Plan::new(index, timeline, group, &[]);
        let dialect = plan.runner.dialect;
        let (mut all, mut last): (Vec<Piece>, Vec<String>) = (Vec::new(), Vec::new());
        // What is done at the end is done once, unless a member stands above the step that did it: it keeps what it makes.
        let highest = group.members.last().copied().unwrap_or_default();
        let is_above = |relocation: &Arc<Relocation>| {
            relocation.from > highest || !relocation.to.iter().any(|place| group.members.contains(place))
        };
        let goes_last = self.relocations.iter().all(is_above);
        for (part, line, body) in plan.runs() {
            let piece = super::pieces::piece(&plan, part.layer, line, body.clone());
            match self.steps.get(&part.layer.index()) {
                Some(change) if !goes_last => all.extend(pieces(change, piece, dialect)),
                Some(change) => {
                    let without_last = StepChange { last: Vec::new(), ..change.clone() };
                    all.extend(pieces(&without_last, piece, dialect));
                    for command in &change.last {
                        last.retain(|known| known != command);
                        last.push(command.clone());
                    }
                }
                None => all.push(piece),
            }
        }
        (plan.runs().count() == group.members.len()).then_some(())?;
        all.extend(last.iter().map(|text| of_text(text, dialect)));
        let joined = join(&all, &plan.runner, &plan.run_flags(draft));
        draft.doubts.extend(joined.doubts);
        Some(joined.lines)
    }
}

/// Returns the edit that puts commands in front of and behind those of a step; nothing where it cannot be written again.
pub(crate) fn with_commands(
    index: &Index,
    timeline: &Timeline,
    layer: LayerNumber,
    first: &[&str],
    last: &[&str],
) -> Option<Edit> {
    let mut change = StepChange::default();
    for command in first {
        change.start_with((*command).to_owned());
    }
    for command in last {
        change.end_with((*command).to_owned());
    }
    let steps = BTreeMap::from([(layer.index(), change)]);
    let edits = Change { steps, ..Change::default() }.edits(index, timeline, &mut Draft::default())?;
    edits.into_iter().next()
}

/// Returns the place at which the step stands that several become: the first one's, unless a step in between goes before it;
/// then the last one's below what goes behind it.
pub(in super::super) fn place_of(group: &Group) -> usize {
    let placed =
        |wanted| group.apart.iter().filter(move |(_, placement)| *placement == wanted).map(|(layer, _)| *layer);
    let (first, last) = (group.members[0], group.members[group.members.len() - 1]);
    if placed(Placement::Before).next().is_none() {
        return first;
    }
    let top = placed(Placement::Behind).min().unwrap_or(last + 1);
    group.members.iter().copied().rfind(|member| *member < top).unwrap_or(first)
}

fn of_text(text: &str, dialect: crate::dockerfile::shell::Dialect) -> Piece {
    Piece { body: Body::Script(Script::new(text, dialect)), ..Piece::default() }
}

/// Returns a step's pieces, in their order.
fn pieces(change: &StepChange, own: Piece, dialect: crate::dockerfile::shell::Dialect) -> Vec<Piece> {
    let own = match &change.kept {
        Some(kept) => {
            let text = kept.layout.text(&kept.commands);
            Piece { body: Body::Script(Script::new(&text, dialect)), source: None, ..own }
        }
        None => own,
    };
    let first = change.first.iter().map(|text| of_text(text, dialect));
    let last = change.last.iter().map(|text| of_text(text, dialect));
    first.chain([own]).chain(last).collect()
}

fn edit(timeline: &Timeline, layer: usize, after: String) -> Option<Edit> {
    let layer = LayerNumber::from_index(layer);
    let before = timeline.line(layer)?.source();
    Some(Edit { layer, before, after })
}
