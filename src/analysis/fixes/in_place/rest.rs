//! What is left of a hiding step once its parts are done elsewhere.

use foldhash::{HashSet, HashSetExt};

use super::command::{Command, Operand, Undo, shortened};
use super::{Found, InPlace, Relocation, Touch};
use crate::layer::entry::{Entry, EntryRef, Kind, NodeId, Slot};

/// How many entries are looked at to see that nothing else is removed; beyond that the removal stays.
const MOST_VISITS: usize = 20_000_000;

/// What is left of a hiding step.
pub(super) enum Rest {
    /// All of it.
    Everything,
    /// These commands; without any, it goes.
    Commands(Vec<String>),
}

/// What is left of one command.
enum Left {
    Stays(String),
    Goes,
}

impl InPlace<'_> {
    /// Returns what stays.
    ///
    /// # Errors
    /// Why the step cannot be limited to what is left for it: then nothing would be saved.
    pub(super) fn rest(&self, step: usize, relocation: &Relocation, found: &Found<'_>) -> Result<Rest, String> {
        let (mut kept, mut idle) = (Vec::new(), 0);
        for (at, command) in relocation.commands.iter().enumerate() {
            let left = match command.undo {
                Undo::Other => Left::Stays(command.text.clone()),
                Undo::Owner(_) | Undo::Mode(_) => self.left_to_change(step, command, relocation, found)?,
                Undo::Remove { .. } | Undo::Clean => {
                    let (left, has_effect) = self.left_to_remove(step, at, &relocation.commands, found)?;
                    idle += usize::from(matches!(left, Left::Stays(_)) && !has_effect);
                    left
                }
            };
            if let Left::Stays(text) = left {
                kept.push(text);
            }
        }
        // A step that would remove nothing goes, and so does one that only changes the directory.
        let moves = kept.iter().filter(|text| text.split(' ').next() == Some("cd")).count();
        if kept.len() == idle + moves {
            kept.clear();
        }
        let is_changed = !kept.iter().eq(relocation.commands.iter().map(|command| &command.text));
        Ok(if is_changed { Rest::Commands(kept) } else { Rest::Everything })
    }

    /// Returns what stays of a chown or chmod, if anything.
    fn left_to_change(
        &self,
        step: usize,
        command: &Command,
        relocation: &Relocation,
        found: &Found<'_>,
    ) -> Result<Left, String> {
        let tree = &self.index.tree;
        let mut left: HashSet<NodeId> = HashSet::new();
        let mut has_files = false;
        let mut is_concerned = false;
        let at = u32::try_from(step).unwrap_or(u32::MAX);
        for (index, entry) in (0..).zip(&self.index.layers[step].entries).filter(|(_, entry)| entry.has(Entry::SHOWN)) {
            if !command.reaches(entry.node, tree) {
                continue;
            }
            let is_directory = entry.kind == Kind::Directory;
            let target = entry.lower.get().and_then(|lower| {
                let below = self.went_to.get(&lower).copied().unwrap_or(lower.layer().index());
                let after = Slot::entry(EntryRef { layer: at, index }, is_directory);
                relocation.target(self.index, Touch { node: entry.node, before: lower, after }, below)
            });
            if target.is_some() {
                is_concerned = true;
            } else {
                has_files |= !is_directory && entry.size > 0;
                left.insert(entry.node);
            }
        }
        if !is_concerned {
            return Ok(Left::Stays(command.text.clone()));
        }
        if left.is_empty() {
            return Ok(Left::Goes);
        }
        // The folders that it names, and nothing below them.
        let named: Vec<&Operand> =
            command.operands.iter().filter(|operand| operand.tops.iter().any(|top| left.contains(top))).collect();
        let is_named = left.iter().all(|node| named.iter().any(|operand| operand.tops.contains(node)));
        let is_plain = is_named && !has_files && command.find.is_none() && !command.is_overruled;
        if is_plain && named.iter().all(|operand| operand.tops.len() == 1) {
            let word = match &command.undo {
                Undo::Owner(owner) => format!("chown {owner}"),
                Undo::Mode(mode) => format!("chmod {}", mode.text),
                Undo::Remove { .. } | Undo::Clean | Undo::Other => return Err("it sets no owner or mode".to_owned()),
            };
            let paths = named.iter().map(|operand| operand.text.as_str()).collect::<Vec<_>>().join(" ");
            return Ok(Left::Stays(format!("{word} {paths}{}", command.tail)));
        }
        let operands: Vec<&Operand> = command.operands.iter().collect();
        let mut unused = Found::default();
        let limited = self.limited(command, &operands, step, step, &mut unused)?;
        // In the plain form it would reach everything again.
        if found.targets.is_empty() || limited.leaves_right {
            return Ok(Left::Stays(limited.text));
        }
        Err(format!("\"{}\" would reach everything again", shortened(&command.text)))
    }

    /// Returns what stays of a removal, if anything, and whether that does anything in the step's layer.
    fn left_to_remove(
        &self,
        step: usize,
        at: usize,
        commands: &[Command],
        found: &Found<'_>,
    ) -> Result<(Left, bool), String> {
        let command = &commands[at];
        let is_needed = found.needed.contains(&at);
        // What else the step does may make what is removed: its layer does not show it.
        let makes_more = commands[..at].iter().any(|command| command.undo == Undo::Other);
        let highest = |operand: &usize| found.highest(at, *operand).filter(|_| !is_needed);
        let stays = |operand: &usize| {
            let is_left = |highest| self.removes_since(step, command, &command.operands[*operand], highest);
            makes_more || highest(operand).is_none_or(is_left)
        };
        let left: Vec<usize> = (0..command.operands.len()).filter(stays).collect();
        if left.is_empty() && !command.operands.is_empty() {
            return Ok((Left::Goes, false));
        }
        let has_effect =
            makes_more || left.iter().any(|operand| self.has_effect(step, command, &command.operands[*operand]));
        match command.undo {
            // What it names may be gone by then.
            Undo::Remove { is_forced: false } if left.iter().any(|operand| highest(operand).is_some()) => Err(format!(
                "\"{}\" would fail where the files are gone already: it needs -f",
                shortened(&command.text)
            )),
            Undo::Remove { is_forced } if left.len() < command.operands.len() => {
                Ok((Left::Stays(command.removing(&left, is_forced)), has_effect))
            }
            _ => Ok((Left::Stays(command.text.clone()), has_effect)),
        }
    }

    /// Says whether the removal of an operand does anything in the step's layer.
    fn has_effect(&self, step: usize, command: &Command, operand: &Operand) -> bool {
        let layer = &self.index.layers[step];
        let touched = layer.whiteouts.iter().chain(&layer.opaque).copied();
        // An empty file is a lock.
        let is_more = |entry: &&Entry| entry.size > 0 || !matches!(entry.kind, Kind::Directory | Kind::File);
        let files = layer.entries.iter().filter(is_more).map(|entry| entry.node);
        touched.chain(files).any(|node| operand.holds(node, &self.index.tree, command.is_recursive))
    }

    /// Says whether a removal reaches what steps above `highest` have stored, which does it as well.
    fn removes_since(&self, step: usize, command: &Command, operand: &Operand, highest: usize) -> bool {
        let tree = &self.index.tree;
        let layer = &self.index.layers[step];
        let gone = layer.whiteouts.iter().chain(&layer.opaque).copied();
        let is_at = |node: &NodeId| operand.holds(*node, tree, command.is_recursive);
        let mut waiting: Vec<NodeId> = gone.filter(is_at).collect();
        let mut below: HashSet<NodeId> = HashSet::new();
        while let Some(node) = waiting.pop() {
            if below.insert(node) {
                waiting.extend(tree.children(node));
            }
        }
        let between = &self.index.layers[highest + 1..step];
        let visits: usize = between.iter().map(|layer| layer.entries.len()).sum();
        visits > MOST_VISITS || between.iter().flat_map(|layer| &layer.entries).any(|entry| below.contains(&entry.node))
    }
}
