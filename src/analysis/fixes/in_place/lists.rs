//! Package lists that one step downloads, others use, and a last one removes: each step that installs gets its own.

use std::collections::BTreeMap;

use super::command::{Command, Undo};
use super::part::Part;
use super::{Change, Found, InPlace, Layout};
use crate::analysis::fixes::rewriting::{Role, role};
use crate::analysis::waste::WasteRecord;
use crate::dockerfile::join::Body;
use crate::layer::entry::LayerNumber;

const LISTS: &[u8] = b"/var/lib/apt/lists/";
const REMOVAL: &str = "rm -rf /var/lib/apt/lists/*";

/// What needs the lists.
const USERS: [&str; 7] = ["install", "upgrade", "dist-upgrade", "full-upgrade", "build-dep", "download", "source"];

impl<'a> InPlace<'a> {
    /// Takes the lists out of the parts, where steps in between or the removing step itself use them.
    pub(super) fn settle_lists(
        &self,
        step: usize,
        commands: &[Command],
        parts: &mut BTreeMap<usize, Part<'a>>,
        change: &mut Change,
        found: &mut Found<'a>,
    ) {
        let tree = &self.index.tree;
        let is_list = |record: &&WasteRecord| tree.path(record.node).starts_with(LISTS);
        let is_removed = |record: &&&'a WasteRecord| {
            commands.iter().any(|command| matches!(command.undo, Undo::Remove { .. }) && command.explains(record, tree))
        };
        let targets: Vec<usize> =
            parts.iter().filter(|(_, part)| part.removed.iter().any(is_list)).map(|(target, _)| *target).collect();
        for target in targets {
            // One that downloads its own is none, and those behind it use what it downloads.
            let candidates = (target + 1..=step).take_while(|layer| !self.updates(*layer));
            let users: Vec<usize> = candidates.filter(|layer| self.uses_lists(*layer)).collect();
            let Some(part) = parts.get_mut(&target).filter(|_| !users.is_empty()) else { continue };
            let (lists, others): (Vec<_>, Vec<_>) = part.removed.iter().copied().partition(|record| is_list(record));
            part.removed = others;
            if lists.iter().all(|record| is_removed(&record))
                && self.give_lists(step, target, &users, change, found).is_some()
            {
                let removes = |command: &Command| lists.iter().any(|record| command.explains(record, tree));
                for (at, command) in commands.iter().enumerate().filter(|(_, command)| removes(command)) {
                    let is_at =
                        |operand: &usize| lists.iter().any(|record| command.acts_on(*operand, record.node, tree));
                    for operand in (0..command.operands.len()).filter(is_at) {
                        let places = users.iter().chain([&target]).filter(|user| **user != step);
                        found.done.extend(places.map(|place| (*place, at, operand)));
                    }
                    if users.contains(&step) {
                        found.needed.insert(at);
                    }
                }
                found.records.extend(lists);
                found.targets.insert(target);
            } else {
                found.refuse(
                    &lists,
                    "steps in between use the package lists, and cannot all download their own".to_owned(),
                );
            }
        }
    }

    /// Changes the steps so that each downloads the lists that it uses.
    fn give_lists(
        &self,
        step: usize,
        target: usize,
        users: &[usize],
        change: &mut Change,
        found: &mut Found<'a>,
    ) -> Option<()> {
        let (update, is_all) = self.update_of(target)?;
        if users.iter().chain([&target]).any(|layer| !self.can_be_rewritten(*layer)) {
            return None;
        }
        for user in users {
            let steps = change.steps.entry(*user).or_default();
            steps.start_with(update.clone());
            if *user != step {
                steps.end_with(REMOVAL.to_owned());
            }
        }
        let first = change.steps.entry(target).or_default();
        if is_all {
            first.keep(Vec::new(), Layout::default());
        } else {
            first.end_with(REMOVAL.to_owned());
        }
        found.doubts.push("each of these steps then downloads the package lists itself".to_owned());
        Some(())
    }

    /// Returns the command that downloads the lists, and whether the step does nothing else.
    fn update_of(&self, layer: usize) -> Option<(String, bool)> {
        let line = self.timeline.line(LayerNumber::from_index(layer))?;
        let Role::Run(Body::Script(script)) = role(line, self.timeline, self.index) else { return None };
        let commands = script.commands()?;
        let is_update = |words: &Vec<String>| {
            matches!(words.first().map(String::as_str), Some("apt-get" | "apt"))
                && words.iter().any(|word| word == "update")
        };
        let is_one = |command: &&_| script.words(command).is_some_and(|words| is_update(&words));
        let update = commands.iter().find(is_one)?;
        Some((script.text_of(update).to_owned(), commands.len() == 1))
    }

    fn uses_lists(&self, layer: usize) -> bool {
        let line = self.timeline.line(LayerNumber::from_index(layer));
        let uses = |text: &str| {
            let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || ";&|()".contains(c)).collect();
            let is_apt = |word: &&str| matches!(*word, "apt-get" | "apt" | "aptitude");
            words.iter().any(is_apt) && words.iter().any(|word| USERS.contains(word))
        };
        line.is_some_and(|line| line.step.instruction == "RUN" && uses(&line.step.command))
    }

    fn updates(&self, layer: usize) -> bool {
        let line = self.timeline.line(LayerNumber::from_index(layer));
        let has_update = |text: &str| text.contains("apt-get update") || text.contains("apt update");
        line.is_some_and(|line| line.step.instruction == "RUN" && has_update(&line.step.command))
    }

    fn can_be_rewritten(&self, layer: usize) -> bool {
        let line = self.timeline.line(LayerNumber::from_index(layer));
        line.is_some_and(|line| line.context.is_root() && matches!(role(line, self.timeline, self.index), Role::Run(_)))
    }
}
