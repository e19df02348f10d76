//! The steps of a group, taken apart for rewriting: scripts, and what a COPY brought where.

use foldhash::{HashMap, HashMapExt, HashSet};

use super::lines::Draft;
use super::timeline::{Line, Timeline, Transfer, join};
use crate::analysis::fixes::choosing::Group;
use crate::analysis::waste::WasteRecord;
use crate::dockerfile::join::{Body, Runner};
use crate::dockerfile::shell::Script;
use crate::dockerfile::step::Form;
use crate::layer::entry::{Entry, EntryRef, Kind, LayerNumber, NodeId};
use crate::layer::index::Index;

/// A group with its steps.
pub(super) struct Plan<'a> {
    pub index: &'a Index,
    pub timeline: &'a Timeline,
    pub group: &'a Group,
    pub records: &'a [&'a WasteRecord],
    pub parts: Vec<Part<'a>>,
    /// The shell of the first RUN.
    pub runner: Runner,
}

/// One member.
pub(super) struct Part<'a> {
    pub layer: LayerNumber,
    pub line: Option<&'a Line>,
    pub role: Role,
}

/// What a member's step is, as far as it can be rewritten.
pub(in super::super) enum Role {
    Run(Body),
    Transfer(Transfer),
    /// It cannot; why.
    Blind(&'static str),
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        index: &'a Index,
        timeline: &'a Timeline,
        group: &'a Group,
        records: &'a [&'a WasteRecord],
    ) -> Self {
        let part = |member: &usize| {
            let layer = LayerNumber::from_index(*member);
            let line = timeline.line(layer);
            let unknown = Role::Blind("the history does not say what made it");
            Part { layer, line, role: line.map_or(unknown, |line| role(line, timeline, index)) }
        };
        let parts: Vec<Part<'_>> = group.members.iter().map(part).collect();
        let first = parts.iter().find(|part| matches!(part.role, Role::Run(_))).and_then(|part| part.line);
        let runner = first.and_then(|line| line.runner(timeline, index).ok()).unwrap_or_default();
        Plan { index, timeline, group, records, parts, runner }
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = (&Part<'a>, &Line, &Body)> {
        self.parts.iter().filter_map(|part| match (&part.role, part.line) {
            (Role::Run(body), Some(line)) => Some((part, line, body)),
            _ => None,
        })
    }

    pub(super) fn transfers(&self) -> impl Iterator<Item = (&Part<'a>, &Line, &Transfer)> {
        self.parts.iter().filter_map(|part| match (&part.role, part.line) {
            (Role::Transfer(transfer), Some(line)) => Some((part, line, transfer)),
            _ => None,
        })
    }

    /// Returns the flags that the joined RUN needs, where the Dockerfile tells them; different ones must be doubted.
    pub(super) fn run_flags(&self, draft: &mut Draft) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let mut is_same = true;
        for (at, (_, line, _)) in self.runs().enumerate().filter(|(_, (_, line, _))| line.written.is_some()) {
            is_same &= at == 0 || line.step.flags == all;
            for flag in &line.step.flags {
                if !all.contains(flag) {
                    all.push(flag.clone());
                }
            }
        }
        if !is_same {
            draft.doubts.push("the steps have different flags: all of them get all of these".to_owned());
        }
        all
    }

    /// Returns the copies that a layer stores.
    pub(super) fn copies(&self, layer: LayerNumber) -> impl Iterator<Item = (EntryRef, &'a Entry)> {
        let at = u32::try_from(layer.index()).unwrap_or(u32::MAX);
        let entries = (0..).zip(&self.index.layers[layer.index()].entries);
        entries
            .filter(|(_, entry)| entry.kind == Kind::File)
            .map(move |(index, entry)| (EntryRef { layer: at, index }, entry))
    }

    /// Returns what the members store last at each path.
    pub(super) fn last_entries(&self) -> HashMap<NodeId, EntryRef> {
        let mut last = HashMap::new();
        for part in &self.parts {
            let at = u32::try_from(part.layer.index()).unwrap_or(u32::MAX);
            for (index, entry) in (0..).zip(&self.index.layers[part.layer.index()].entries) {
                last.insert(entry.node, EntryRef { layer: at, index });
            }
        }
        last
    }

    /// Returns the copies that the members hide.
    pub(super) fn hidden(&self) -> HashSet<EntryRef> {
        self.records.iter().map(|record| record.copy).collect()
    }

    /// Returns which source of a COPY goes where; nothing where the layer does not look like that, as after an ADD that
    /// unpacked an archive.
    pub(super) fn targets(&self, layer: LayerNumber, transfer: &Transfer) -> Option<Vec<Target>> {
        let tree = &self.index.tree;
        let entries = &self.index.layers[layer.index()].entries;
        let kind_at = |path: &str| {
            let node = tree.find(path.as_bytes())?;
            entries.iter().rev().find(|entry| entry.node == node).map(|entry| entry.kind)
        };
        let destination = transfer.destination.as_str();
        if transfer.sources.is_empty() {
            let mut files = entries.iter().filter(|entry| entry.kind != Kind::Directory);
            // A single file, in the folder or under the name that was given.
            let single = files.next().filter(|_| files.next().is_none()).map(|file| tree.path(file.node));
            let single = single.and_then(|path| String::from_utf8(path).ok()).filter(|path| {
                path == destination || path.rsplit_once('/').is_some_and(|(folder, _)| join(folder, "") == destination)
            });
            let is_file = single.is_some();
            return Some(vec![Target {
                source: None,
                path: single.unwrap_or_else(|| destination.to_owned()),
                is_file,
            }]);
        }
        let into = |source: &String| {
            let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or("");
            let inside = format!("{}/{name}", destination.trim_end_matches('/'));
            let has_pattern = source.contains(['*', '?', '[']);
            if has_pattern {
                return None;
            }
            if transfer.sources.len() == 1 && kind_at(destination).is_some_and(|kind| kind != Kind::Directory) {
                return Some(Target { source: Some(source.clone()), path: destination.to_owned(), is_file: true });
            }
            match kind_at(&inside) {
                Some(Kind::File) if !name.is_empty() => {
                    Some(Target { source: Some(source.clone()), path: inside, is_file: true })
                }
                _ => Some(Target { source: Some(source.clone()), path: destination.to_owned(), is_file: false }),
            }
        };
        transfer.sources.iter().map(into).collect()
    }
}

/// Returns the text of a RUN in the user's own layout.
pub(super) fn layout(line: &Line) -> Option<String> {
    let written = line.written.as_ref().filter(|written| !written.has_heredoc())?;
    Some(written.raw().to_owned())
}

/// Where a source of a COPY goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// As the user wrote it, where the history says.
    pub source: Option<String>,
    /// The file, or the folder that the contents of the source go to.
    pub path: String,
    pub is_file: bool,
}

impl Target {
    /// Says whether `path` is the target, or lies below it.
    pub(super) fn holds(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        path == self.path || path.strip_prefix(self.path.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// Returns what a step is, as far as it can be rewritten.
pub(in super::super) fn role(line: &Line, timeline: &Timeline, index: &Index) -> Role {
    if let Some(transfer) = line.transfer() {
        return Role::Transfer(transfer);
    }
    if line.step.instruction != "RUN" {
        return Role::Blind("only RUN, COPY and ADD can be rewritten");
    }
    let runner = match line.runner(timeline, index) {
        Ok(runner) => runner,
        Err(reason) => return Role::Blind(reason),
    };
    match line.step.form {
        Form::Shell if line.step.command.starts_with("#!") => Role::Blind("its text names an interpreter of its own"),
        Form::Shell => Role::Run(Body::Script(Script::new(&line.step.command, runner.dialect))),
        Form::Exec => Role::Run(Body::Words(serde_json::from_str(&line.step.command).unwrap_or_default())),
        Form::Words | Form::Unknown => Role::Blind("it is in exec form, and the history lost where its words end"),
    }
}
