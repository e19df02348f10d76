//! What becomes of the steps that stand between those of a group: kept apart where that changes nothing, merged as well
//! where it might.
//!
//! Two layers can change places where no path concerns both: neither stores, removes or replaces what the other does, and a
//! folder that both mention looks the same in both. That says nothing about what a command reads, so more is asked for:
//! - A step goes **behind** the merged one only if all later members do nothing but remove or change named files (`rm`,
//!   `chmod`, …) and its own command names none of them: then it ran with these files there and does not miss them.
//! - A step goes **before** the merged one only if it is a COPY, ADD or WORKDIR, which read nothing of the image, and no
//!   earlier member's command names what it brings.
//!
//! Whatever else stands in between is merged too: in the order of the steps, which is always right.

use foldhash::{HashMap, HashSet};

use super::timeline::{Line, Timeline, join};
use crate::analysis::fixes::choosing::{Between, Placement};
use crate::dockerfile::shell::{Dialect, Script};
use crate::dockerfile::step::Form;
use crate::escape::escape;
use crate::layer::entry::{Entry, EntryRef, Kind, LayerNumber, NodeId};
use crate::layer::index::Index;

/// How many entries are looked at for one image; steps between groups that are still undecided then are merged.
const MOST_VISITS: usize = 40_000_000;

/// Decides about steps in between by what the layers hold and the commands name.
pub(in super::super) struct Separable<'a> {
    pub index: &'a Index,
    pub timeline: &'a Timeline,
    visits: usize,
}

impl Between for Separable<'_> {
    fn placement(&mut self, layer: usize, members: &[usize]) -> Option<Placement> {
        let own = &self.index.layers[layer];
        let line = self.timeline.line(LayerNumber::from_index(layer));
        let is_empty = own.entries.is_empty() && own.whiteouts.is_empty() && own.opaque.is_empty();
        // A removal that found nothing would find something behind the merged step.
        if is_empty && !line.is_some_and(|line| named_files(line).is_some() || may_remove(line)) {
            return Some(Placement::Behind);
        }
        let line = line?;
        let at = members.partition_point(|member| *member < layer);
        let (below, above) = members.split_at(at);
        if self.above_can_go_first(layer, line, above) {
            return Some(Placement::Behind);
        }
        self.can_go_first(layer, line, below).then_some(Placement::Before)
    }
}

impl<'a> Separable<'a> {
    pub(in super::super) fn new(index: &'a Index, timeline: &'a Timeline) -> Self {
        Separable { index, timeline, visits: 0 }
    }

    fn above_can_go_first(&mut self, layer: usize, line: &Line, above: &[usize]) -> bool {
        above.iter().all(|member| {
            let Some(paths) = self.timeline.line(LayerNumber::from_index(*member)).and_then(named_files) else {
                return false;
            };
            !paths.iter().any(|path| mentions(line, path)) && self.are_apart(layer, *member)
        })
    }

    fn can_go_first(&mut self, layer: usize, line: &Line, below: &[usize]) -> bool {
        let destination = match line.step.instruction.as_str() {
            "WORKDIR" => join(&line.context.directory, &line.step.command),
            _ => match line.transfer() {
                Some(transfer) => transfer.destination,
                None => return false,
            },
        };
        below.iter().all(|member| {
            let names = |line: &Line| line.step.instruction == "RUN" && mentions(line, &destination);
            let line = self.timeline.line(LayerNumber::from_index(*member));
            line.is_some_and(|line| !names(line)) && self.are_apart(layer, *member)
        })
    }

    /// Says whether two layers concern different paths.
    fn are_apart(&mut self, a: usize, b: usize) -> bool {
        self.visits += self.index.layers[a].entries.len() + self.index.layers[b].entries.len();
        self.visits <= MOST_VISITS && {
            let (tops_a, tops_b) = (self.tops(a), self.tops(b));
            self.keeps_off(a, &tops_b) && self.keeps_off(b, &tops_a) && self.agree_on_folders(a, b)
        }
    }

    /// Returns the paths that a layer removes or that it makes anything but folders of: nothing that others do at or below
    /// them may change places with it.
    fn tops(&self, layer: usize) -> HashSet<NodeId> {
        let own = &self.index.layers[layer];
        let files = own.entries.iter().filter(|entry| entry.kind != Kind::Directory).map(|entry| entry.node);
        files.chain(own.whiteouts.iter().chain(&own.opaque).copied()).collect()
    }

    /// Says whether a layer does nothing at or below these paths, and links to none of them.
    fn keeps_off(&self, layer: usize, tops: &HashSet<NodeId>) -> bool {
        let (own, tree) = (&self.index.layers[layer], &self.index.tree);
        let is_in = |node: NodeId| {
            std::iter::successors(Some(node), |node| tree.parent(*node)).any(|node| tops.contains(&node))
        };
        let links =
            (0..).zip(&own.entries).filter(|(_, entry)| entry.kind == Kind::HardLink).filter_map(|(index, _)| {
                let at = EntryRef { layer: u32::try_from(layer).ok()?, index };
                Some(self.index.entry(self.index.inode(at)?).node)
            });
        let touched = own.entries.iter().map(|entry| entry.node);
        let mut all = touched.chain(own.whiteouts.iter().chain(&own.opaque).copied()).chain(links);
        tops.is_empty() || !all.any(is_in)
    }

    fn agree_on_folders(&self, a: usize, b: usize) -> bool {
        let folders =
            |layer: usize| self.index.layers[layer].entries.iter().filter(|entry| entry.kind == Kind::Directory);
        let look = |entry: &Entry| (entry.mode, entry.owner);
        let known: HashMap<NodeId, _> = folders(a).map(|entry| (entry.node, look(entry))).collect();
        folders(b).all(|entry| known.get(&entry.node).is_none_or(|other| *other == look(entry)))
    }
}

/// Commands that do nothing but remove files or change what is known about them.
const FILE_COMMANDS: [&str; 8] = ["rm", "rmdir", "chmod", "chown", "chgrp", "touch", "strip", "unlink"];

/// Other words of commands that remove or change files.
const REMOVERS: [&str; 9] = ["find", "mv", "sed", "truncate", "clean", "purge", "autoremove", "shred", "xargs"];

/// Says whether a RUN, read only by its words, may remove or change files that are not there yet.
fn may_remove(line: &Line) -> bool {
    let mut words = line.step.command.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    line.step.instruction == "RUN" && words.any(|word| FILE_COMMANDS.contains(&word) || REMOVERS.contains(&word))
}

/// Returns the absolute paths of a RUN that only removes or changes files that it names; nothing for any other step.
pub(super) fn named_files(line: &Line) -> Option<Vec<String>> {
    if line.step.instruction != "RUN" || line.step.form != Form::Shell {
        return None;
    }
    let script = Script::new(&line.step.command, Dialect::Unknown);
    let mut paths = Vec::new();
    for command in script.commands()? {
        let words = script.words(command)?;
        let name = words.first()?;
        if !FILE_COMMANDS.contains(&name.as_str()) {
            return None;
        }
        paths.extend(words[1..].iter().filter(|word| word.starts_with('/')).cloned());
        // A relative path depends on where the command stands.
        let has_relative =
            words[1..].iter().any(|word| word.contains('/') && !word.starts_with('/') && !word.starts_with('-'));
        if has_relative {
            return None;
        }
    }
    (!paths.is_empty()).then_some(paths)
}

/// Says whether a RUN names a path, a folder above it that is not one of the system's, or the file's name.
fn mentions(line: &Line, path: &str) -> bool {
    if line.step.instruction != "RUN" {
        return false;
    }
    let text = &line.step.command;
    let path = path.trim_end_matches(['*', '/']);
    let name = path.rsplit('/').next().unwrap_or("");
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    // `/usr/local` is named by half of all commands, and says nothing.
    let is_own_folder =
        folder.matches('/').count() >= 2 && !folder.starts_with("/usr") && !folder.starts_with("/var/lib");
    let below = line.context.directory == path
        || path.starts_with(&format!("{}/", line.context.directory.trim_end_matches('/')));
    let is_at_home = line.context.directory != "/" && below;
    text.contains(path)
        || (name.len() >= 3 && text.contains(name))
        || (is_own_folder && text.contains(folder))
        || is_at_home
}

/// Returns what a layer stores, for a sentence: the only file, or how many and where.
pub(super) fn sentence(index: &Index, layer: LayerNumber) -> String {
    let entries = &index.layers[layer.index()].entries;
    let mut files = entries.iter().filter(|entry| entry.kind != Kind::Directory);
    match (files.next(), files.count()) {
        (Some(file), 0) => escape(&index.tree.path(file.node)),
        (Some(file), more) => format!("{} and {more} more", escape(&index.tree.path(file.node))),
        (None, _) => "nothing but folders".to_owned(),
    }
}
