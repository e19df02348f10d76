//! One part of a hiding step, carried over to the step that stored the files.

use std::collections::BTreeSet;

use super::command::{Command, Operand, Undo, shortened};
use super::{Change, Found, InPlace};
use crate::analysis::fixes::rewriting::{Line, Role, role};
use crate::analysis::waste::{Cause, WasteRecord};
use crate::dockerfile::step::Form;
use crate::escape::escape;
use crate::layer::entry::{Entry, EntryRef, Kind, LayerNumber, NodeId};

/// Places of caches, with the programs that fill them.
const CACHES: [(&str, &[&str]); 8] = [
    ("/var/lib/apt/", &["apt-get", "apt", "aptitude"]),
    ("/var/cache/apt", &["apt-get", "apt", "aptitude"]),
    ("/var/log/", &["apt-get", "apt", "aptitude", "dpkg", "apk", "dnf", "yum"]),
    ("/var/cache/dnf", &["dnf", "yum", "microdnf"]),
    ("/var/cache/apk", &["apk"]),
    ("/.npm", &["npm", "npx"]),
    ("/yarn", &["yarn"]),
    ("/.cache/pip", &["pip", "pip3"]),
];

/// The records of one storing step.
#[derive(Debug, Default)]
pub(super) struct Part<'a> {
    /// Stored again with another owner or mode.
    pub changed: Vec<&'a WasteRecord>,
    /// Removed.
    pub removed: Vec<&'a WasteRecord>,
}

impl<'a> Part<'a> {
    pub(super) fn add(&mut self, record: &'a WasteRecord) {
        if record.cause == Cause::Deleted { self.removed.push(record) } else { self.changed.push(record) }
    }
}

/// A command of a hiding step in its new place.
pub(super) struct Limited {
    pub text: String,
    /// Whether it leaves alone what is right already.
    pub leaves_right: bool,
}

/// How a file ends up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Look {
    owner: (i64, i64),
    /// Nothing for a symlink, which has none.
    mode: Option<u16>,
    has_new_owner: bool,
    has_new_mode: bool,
}

impl<'a> InPlace<'a> {
    /// Carries a part over, as far as it can be.
    pub(super) fn settle(
        &self,
        step: usize,
        target: usize,
        commands: &[Command],
        mut part: Part<'a>,
        change: &mut Change,
        found: &mut Found<'a>,
    ) {
        let (is_copy, cannot) = match self.can_take(target) {
            Ok(is_copy) => (is_copy, is_copy.then(|| "what a COPY brings cannot be removed by it".to_owned())),
            Err(why) => (false, Some(why)),
        };
        if let Some(why) = cannot {
            if !is_copy {
                found.refuse(&part.changed, why.clone());
                part.changed.clear();
            }
            found.refuse(&part.removed, why);
            part.removed.clear();
        }
        let mut is_done = false;
        if !part.changed.is_empty() {
            let done = if is_copy {
                self.copy_flags(step, target, commands, found).map(|flags| {
                    change.steps.entry(target).or_default().flags.extend(flags);
                    found.done_by_copy(target, commands);
                })
            } else {
                self.changes_below(step, target, commands, &part.changed, change, found).map(|texts| {
                    for text in texts {
                        change.steps.entry(target).or_default().end_with(text);
                    }
                })
            };
            match done {
                Ok(()) => {
                    found.records.append(&mut part.changed);
                    is_done = true;
                }
                Err(why) => found.refuse(&part.changed, why),
            }
        }
        if !part.removed.is_empty() {
            let again = self.fills_again(step, target, &part.removed);
            let removals = removals(commands, &part.removed, self);
            let places = || again.iter().chain([&target]).copied();
            if let Err(why) = places().try_for_each(|layer| self.removes_only_caches(step, layer, commands, &removals))
            {
                found.refuse(&part.removed, why);
                part.removed.clear();
            }
            for removal in removals.iter().filter(|_| !part.removed.is_empty()) {
                for layer in again.iter().chain([&target]) {
                    change.steps.entry(*layer).or_default().end_with(removal.text.clone());
                    found.done.extend(removal.operands.iter().map(|operand| (*layer, removal.command, *operand)));
                }
            }
            is_done |= !part.removed.is_empty();
            found.records.append(&mut part.removed);
        }
        if is_done {
            found.targets.insert(target);
        }
    }

    /// Finds out whether removals at the end of a step take nothing else away that a RUN behind it may read.
    fn removes_only_caches(
        &self,
        step: usize,
        target: usize,
        commands: &[Command],
        removals: &[Removal],
    ) -> Result<(), String> {
        let is_run = |layer: usize| {
            let line = self.timeline.line(LayerNumber::from_index(layer));
            line.is_none_or(|line| line.step.instruction == "RUN")
        };
        if !(target + 1..step).any(is_run) {
            return Ok(());
        }
        let tree = &self.index.tree;
        let is_reached = |node: NodeId| {
            let acts = |removal: &Removal, at: &usize| commands[removal.command].acts_on(*at, node, tree);
            removals.iter().any(|removal| removal.operands.iter().any(|at| acts(removal, at)))
        };
        for layer in 0..=target {
            self.visit(layer)?;
            let at = u32::try_from(layer).unwrap_or(u32::MAX);
            let is_there = |index: u32, entry: &Entry| {
                let this = EntryRef { layer: at, index };
                // An empty file is a lock.
                let is_file = entry.kind != Kind::Directory && (entry.kind != Kind::File || entry.size > 0);
                is_file && is_reached(entry.node) && self.hidden_at(this).is_none_or(|hidden_by| hidden_by > target)
            };
            let other = (0..)
                .zip(&self.index.layers[layer].entries)
                .find(|(index, entry)| is_there(*index, entry) && !super::is_cache(&tree.path(entry.node)));
            if let Some((_, entry)) = other {
                let (path, number) = (escape(&tree.path(entry.node)), LayerNumber::from_index(target));
                return Err(format!(
                    "at the end of layer {number} it would also remove {path}, which steps in between may read"
                ));
            }
        }
        Ok(())
    }

    /// Says whether a step that is to take something over is a COPY; else it is a RUN.
    fn can_take(&self, target: usize) -> Result<bool, String> {
        let number = LayerNumber::from_index(target);
        let unknown = || format!("the history does not say what made layer {number}");
        let line = self.timeline.line(number).ok_or_else(unknown)?;
        match role(line, self.timeline, self.index) {
            Role::Transfer(_) => Ok(true),
            Role::Run(_) if line.context.is_root() => Ok(false),
            Role::Run(_) => Err(format!("layer {number} runs as {}, not as root", shortened(&line.context.user))),
            Role::Blind(reason) => Err(format!("layer {number} cannot be changed: {reason}")),
        }
    }

    /// Returns the steps in between that fill a cache again once it is removed before them.
    fn fills_again(&self, step: usize, target: usize, records: &[&WasteRecord]) -> Vec<usize> {
        let mut programs: BTreeSet<&str> = BTreeSet::new();
        for record in records {
            let path = self.index.tree.path(record.node);
            let of_path = CACHES.iter().find(|(place, _)| memchr::memmem::find(&path, place.as_bytes()).is_some());
            programs.extend(of_path.map_or(&[][..], |(_, programs)| *programs));
        }
        let runs_one = |layer: &usize| {
            let Some(line) = self.timeline.line(LayerNumber::from_index(*layer)) else { return false };
            let words =
                line.step.command.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.'));
            line.context.is_root()
                && matches!(role(line, self.timeline, self.index), Role::Run(_))
                && words.into_iter().any(|word| programs.contains(word))
        };
        (target + 1..step).filter(runs_one).collect()
    }

    /// Returns the same, once steps below that have files there too give them the right owner and mode: else the command would
    /// store those again.
    fn changes_below(
        &self,
        step: usize,
        target: usize,
        commands: &[Command],
        records: &[&WasteRecord],
        change: &mut Change,
        found: &mut Found<'_>,
    ) -> Result<Vec<String>, String> {
        // Its folders and links go along.
        let upper = self.reach.entries_of(step);
        let own = self.index.layers[target].entries.iter().map(|entry| entry.node);
        let mut nodes: Vec<NodeId> = own.filter(|node| upper.contains_key(node)).collect();
        nodes.extend(records.iter().map(|record| record.node));
        let texts = self.changes(step, target, commands, &nodes, found)?;
        let is_plain = texts.iter().all(|limited| !limited.leaves_right);
        let texts: Vec<String> = texts.into_iter().map(|limited| limited.text).collect();
        if is_plain {
            return Ok(texts);
        }
        for layer in self.base_count..target {
            self.visit(layer)?;
            let wrong = self.wrong_files(layer, step, target, commands);
            if found.targets.contains(&layer) || wrong.is_empty() {
                continue;
            }
            if self.can_take(layer)? {
                let flags = self.copy_flags(step, layer, commands, found)?;
                change.steps.entry(layer).or_default().flags.extend(flags);
                found.done_by_copy(layer, commands);
            } else {
                for limited in self.changes(step, layer, commands, &wrong, found)? {
                    change.steps.entry(layer).or_default().end_with(limited.text);
                }
            }
            found.targets.insert(layer);
        }
        Ok(texts)
    }

    /// Returns the files of a layer that `target` still sees and that the commands change.
    fn wrong_files(&self, layer: usize, step: usize, target: usize, commands: &[Command]) -> Vec<NodeId> {
        let at = u32::try_from(layer).unwrap_or(u32::MAX);
        let mut wrong = Vec::new();
        for command in commands.iter().filter(|command| command.changes_metadata()) {
            let owner = self.final_owner(command, step);
            for (index, entry) in (0..).zip(&self.index.layers[layer].entries) {
                let this = EntryRef { layer: at, index };
                let is_seen = self.hidden_at(this).is_none_or(|hidden_by| hidden_by > target);
                let now = self.looks.get(&this).map_or(entry, |last| self.index.entry(*last));
                let is_right = match &command.undo {
                    Undo::Owner(_) => owner.is_some_and(|owner| self.index.owner(now) == owner),
                    Undo::Mode(mode) => mode.apply(now.mode, false) == now.mode & 0o7777,
                    _ => false,
                };
                let is_file = entry.kind == Kind::File && entry.size > 0;
                if is_file && is_seen && !is_right && command.reaches(entry.node, &self.index.tree) {
                    wrong.push(entry.node);
                }
            }
        }
        wrong
    }

    /// Returns the commands that give what a RUN made its owner and mode, in a form that leaves alone what is right already,
    /// and notes what they do of the step's work.
    fn changes(
        &self,
        step: usize,
        target: usize,
        commands: &[Command],
        nodes: &[NodeId],
        found: &mut Found<'_>,
    ) -> Result<Vec<Limited>, String> {
        let mut texts = Vec::new();
        for (at, command) in commands.iter().enumerate().filter(|(_, command)| command.changes_metadata()) {
            let places = reached(command, nodes, self);
            let operands: Vec<&Operand> = places.iter().map(|at| &command.operands[*at]).collect();
            if !operands.is_empty() {
                texts.push(self.limited(command, &operands, step, target, found)?);
                found.done.extend(places.iter().map(|operand| (target, at, *operand)));
                found.by_command.insert(target);
            }
        }
        if texts.is_empty() { Err("none of its commands sets owner or mode there".to_owned()) } else { Ok(texts) }
    }

    /// Returns a command that changes only what is not right yet, at the end of `target`.
    pub(super) fn limited(
        &self,
        command: &Command,
        operands: &[&Operand],
        step: usize,
        target: usize,
        found: &mut Found<'_>,
    ) -> Result<Limited, String> {
        let paths = operands.iter().map(|operand| operand.text.as_str()).collect::<Vec<_>>().join(" ");
        let recursive = if command.is_recursive { " -R" } else { "" };
        let is_plain = self.reach.is_all_new(operands.iter().copied(), target)
            || (!command.is_recursive && target != step && self.are_own(operands, target));
        let depth = if command.is_recursive { "" } else { " -maxdepth 0" };
        let (name, word, tests, kind) = match &command.undo {
            Undo::Owner(spec) => {
                let (owner, tests) = self.owner_words(spec, command, step, target, found)?;
                ("chown", owner, Some(tests), "")
            }
            Undo::Mode(mode) => ("chmod", mode.text.clone(), mode.test(), "! -type l "),
            Undo::Remove { .. } | Undo::Clean | Undo::Other => return Err("it sets no owner or mode".to_owned()),
        };
        let tail = command.tail;
        if is_plain {
            let text = match &command.find {
                Some(find) => self.with_find(target, find.text(&paths, "", name, &word))?,
                None => format!("{name}{recursive} {word} {paths}"),
            };
            return Ok(Limited { text: text + tail, leaves_right: false });
        }
        if command.is_overruled {
            return Err(format!("a later command changes what \"{}\" does", shortened(&command.text)));
        }
        let tests = tests.ok_or_else(|| format!("which files {} changes cannot be said to find", shortened(&word)))?;
        let text = match &command.find {
            Some(find) => find.text(&paths, &tests, name, &word),
            None if name == "chown" => format!("find {paths}{depth} {tests} -exec chown -h {word} {{}} +"),
            None => format!("find {paths}{depth} {kind}{tests} -exec chmod {word} {{}} +"),
        };
        Ok(Limited { text: self.with_find(target, text)? + tail, leaves_right: true })
    }

    fn with_find(&self, target: usize, text: String) -> Result<String, String> {
        if self.reach.has_find(target) {
            return Ok(text);
        }
        let number = LayerNumber::from_index(target);
        Err(format!("the image has no find in layer {number}, which could leave alone what lower layers have there"))
    }

    /// Says whether everything that the operands stand for is this layer's own.
    fn are_own(&self, operands: &[&Operand], target: usize) -> bool {
        operands.iter().all(|operand| operand.tops.iter().all(|node| self.reach.lowest_at(*node) >= target))
    }

    /// Returns the owner for the words of a command, and the test that finds what has another one. Names are used where the
    /// image knows them by then, numbers elsewhere.
    fn owner_words(
        &self,
        spec: &str,
        command: &Command,
        step: usize,
        target: usize,
        found: &mut Found<'_>,
    ) -> Result<(String, String), String> {
        let (user, group) = spec.split_once(':').map_or((spec, None), |(user, group)| (user, Some(group)));
        let names_known = !user.contains('.')
            && group.is_none_or(|group| !group.is_empty())
            && [Some(user), group].into_iter().flatten().all(|name| self.is_known(name, target, step));
        let (user, group) = if names_known {
            (user.to_owned(), group.map(str::to_owned))
        } else {
            let mixed = || format!("it gives the files owners that {} does not tell", shortened(spec));
            let (uid, gid) = self.final_owner(command, step).ok_or_else(mixed)?;
            let numbers =
                (if user.is_empty() { String::new() } else { uid.to_string() }, group.map(|_| gid.to_string()));
            found.note(format!(
                "{spec} is {uid}:{gid} in this image, but no name yet where the files are made: give the user this number \
                 where it is made, too"
            ));
            numbers
        };
        let owner = group.as_ref().map_or_else(|| user.clone(), |group| format!("{user}:{group}"));
        let tests = match (user.as_str(), &group) {
            ("", Some(group)) => format!("! -group {group}"),
            (user, None) => format!("! -user {user}"),
            (user, Some(group)) => format!("\\( ! -user {user} -o ! -group {group} \\)"),
        };
        Ok((owner, tests))
    }

    /// Says whether a user or group exists when the step of `target` runs: no later one up to `step` makes it.
    fn is_known(&self, name: &str, target: usize, step: usize) -> bool {
        if name.is_empty() || name.bytes().all(|digit| digit.is_ascii_digit()) {
            return true;
        }
        let makes = |line: &&Line| {
            let text = &line.step.command;
            let is_word = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
            ["useradd", "adduser", "groupadd", "addgroup", "usermod", "/etc/passwd"]
                .iter()
                .any(|maker| text.contains(maker))
                && text.split(is_word).any(|word| word == name)
        };
        let place = |layer| self.timeline.place(LayerNumber::from_index(layer)).unwrap_or(0);
        let from = place(target) + usize::from(self.timeline.lines[place(target)].step.instruction == "RUN");
        let between = self.timeline.lines.get(from..place(step)).unwrap_or_default();
        !between.iter().any(|line| line.step.form != Form::Unknown && makes(&line))
    }

    /// Returns the owner that a command gives, where it gives only one.
    fn final_owner(&self, command: &Command, step: usize) -> Option<(i64, i64)> {
        let entries = self.index.layers[step].entries.iter();
        let mut owners =
            entries.filter(|entry| command.reaches(entry.node, &self.index.tree)).map(|entry| self.index.owner(entry));
        let first = owners.next()?;
        owners.all(|owner| owner == first).then_some(first)
    }

    /// Returns the flags that give what a COPY brings the look that it ends up with.
    fn copy_flags(
        &self,
        step: usize,
        target: usize,
        commands: &[Command],
        found: &mut Found<'_>,
    ) -> Result<Vec<String>, String> {
        let number = LayerNumber::from_index(target);
        let is_unpacked = |line: &Line| line.transfer().is_none_or(|transfer| transfer.is_unpacked(line));
        if self.timeline.line(number).is_none_or(is_unpacked) {
            return Err(format!(
                "layer {number} may unpack an archive, whose files have owners and modes of their own"
            ));
        }
        let looks = self.copied_looks(step, target, commands);
        let folders = self.index.layers[target].entries.iter().filter(|entry| entry.kind == Kind::Directory);
        let new_folders: Vec<NodeId> =
            folders.filter(|entry| !entry.lower.is_present()).map(|entry| entry.node).collect();
        let owners: BTreeSet<(i64, i64)> = looks.iter().map(|look| look.owner).collect();
        let modes: BTreeSet<u16> = looks.iter().filter_map(|look| look.mode).collect();
        let mut flags = Vec::new();
        if looks.iter().any(|look| look.has_new_owner) {
            let [(uid, gid)] = owners.iter().collect::<Vec<_>>()[..] else {
                return Err(format!(
                    "the files of layer {number} end up with different owners, and --chown gives them one"
                ));
            };
            flags.push(format!("--chown={}", self.copy_owner((*uid, *gid), commands, target, step, found)));
        }
        if looks.iter().any(|look| look.has_new_mode) {
            // A mode in a COPY counts for folders as well. BuildKit 0.8 (Docker 20.10) drops setuid, setgid and sticky there.
            let Some(mode) = modes.first().filter(|mode| modes.len() == 1 && **mode <= 0o777) else {
                return Err(format!(
                    "files and folders of layer {number} end up with different modes, or with setuid, setgid or sticky, and \
                     --chmod gives all of them one"
                ));
            };
            flags.push(format!("--chmod={mode:04o}"));
            found.note("needs BuildKit".to_owned());
        }
        found.new_folders.extend(new_folders);
        if flags.is_empty() {
            found.note("the files have this owner and mode already: the command only stores them again".to_owned());
        }
        Ok(flags)
    }

    fn copy_owner(
        &self,
        (uid, gid): (i64, i64),
        commands: &[Command],
        target: usize,
        step: usize,
        found: &mut Found<'_>,
    ) -> String {
        // All files end up with one owner: the last command that reaches one of them gave it.
        let is_file = |entry: &&Entry| matches!(entry.kind, Kind::File | Kind::Symlink);
        let file = self.index.layers[target].entries.iter().find(is_file).map(|entry| entry.node);
        let reaches = |command: &Command| file.is_some_and(|file| command.reaches(file, &self.index.tree));
        let spec = commands.iter().rev().find_map(|command| match &command.undo {
            Undo::Owner(spec) if reaches(command) => Some(spec.as_str()),
            _ => None,
        });
        let (user, group) = spec.map_or(("", ""), |spec| spec.split_once(':').unwrap_or((spec, "")));
        let is_name = |name: &str| !name.is_empty() && self.is_known(name, target, step);
        if [user, group].iter().any(|name| !name.is_empty() && !is_name(name)) {
            found.note(format!(
                "{} is {uid}:{gid} in this image, but no name yet where the files are made: give the user this number where \
                 it is made, too",
                spec.unwrap_or_default()
            ));
        }
        // A COPY takes the number of the user for the group where it names none.
        let word = |name: &str, number: i64| if is_name(name) { name.to_owned() } else { number.to_string() };
        format!("{}:{}", word(user, uid), word(group, gid))
    }

    /// Returns how the files, symlinks and new folders of a COPY look once the step is undone.
    fn copied_looks(&self, step: usize, target: usize, commands: &[Command]) -> BTreeSet<Look> {
        let at = u32::try_from(target).unwrap_or(u32::MAX);
        let upper = self.reach.entries_of(step);
        let mut looks = BTreeSet::new();
        for (index, entry) in (0..).zip(&self.index.layers[target].entries) {
            let is_new_folder = entry.kind == Kind::Directory && !entry.lower.is_present();
            if !matches!(entry.kind, Kind::File | Kind::Symlink) && !is_new_folder {
                continue;
            }
            let this = EntryRef { layer: at, index };
            let before = self.looks.get(&this).map_or(entry, |last| self.index.entry(*last));
            let is_touched =
                |command: &Command| command.changes_metadata() && command.reaches(entry.node, &self.index.tree);
            let after =
                upper.get(&entry.node).filter(|_| commands.iter().any(is_touched)).map(|at| self.index.entry(*at));
            // The step may have stored it for other reasons: then it is not this file any more.
            let after = after.filter(|after| is_same_file(after)).unwrap_or(before);
            let has_mode = entry.kind != Kind::Symlink;
            looks.insert(Look {
                owner: self.index.owner(after),
                mode: has_mode.then_some(after.mode),
                has_new_owner: after.owner != entry.owner,
                has_new_mode: has_mode && after.mode != entry.mode,
            });
        }
        looks
    }
}

fn is_same_file(after: &Entry) -> bool {
    after.kind != Kind::File || after.size == 0 || after.has(Entry::SAME)
}

/// Returns the operands of a command that some of the paths lie at, by their places.
fn reached(command: &Command, nodes: &[NodeId], places: &InPlace<'_>) -> Vec<usize> {
    let is_at = |at: &usize| nodes.iter().any(|node| command.acts_on(*at, *node, &places.index.tree));
    (0..command.operands.len()).filter(is_at).collect()
}

/// A command that removes what a step leaves.
struct Removal {
    /// What it is part of, by its place.
    command: usize,
    /// Which of its operands, by their places.
    operands: Vec<usize>,
    text: String,
}

/// Returns the commands that remove what a step leaves.
fn removals(commands: &[Command], records: &[&WasteRecord], places: &InPlace<'_>) -> Vec<Removal> {
    let nodes: Vec<NodeId> = records.iter().map(|record| record.node).collect();
    let of_command = |(at, command): (usize, &Command)| {
        let operands = reached(command, &nodes, places);
        let text = match command.undo {
            _ if operands.is_empty() => return None,
            Undo::Remove { .. } => command.removing(&operands, true),
            Undo::Clean => command.text.clone(),
            Undo::Owner(_) | Undo::Mode(_) | Undo::Other => return None,
        };
        Some(Removal { command: at, operands, text })
    };
    commands.iter().enumerate().filter_map(of_command).collect()
}
