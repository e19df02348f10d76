//! COPY, then chown or chmod: the owner and mode that the files end up with go into the COPY.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashSet, HashSetExt};

use super::lines::{Draft, copy_line, push_line};
use super::plan::{Plan, Target};
use super::timeline::{self, Line, Transfer};
use crate::analysis::waste::Cause;
use crate::layer::entry::{Entry, EntryRef, Kind, LayerNumber, NodeId};

const COMMANDS: [&str; 3] = ["chmod", "chown", "chgrp"];

/// What a file ends up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Look {
    owner: (i64, i64),
    mode: u16,
    /// Whether that is another mode than the COPY gave it.
    changed_mode: bool,
}

/// Returns the COPYs with their flags; nothing where the RUNs do more than that, or one COPY cannot say it.
pub(super) fn draft(plan: &Plan<'_>) -> Option<Draft> {
    let is_metadata = |cause: Cause| matches!(cause, Cause::Metadata | Cause::Unchanged);
    if !plan.records.iter().all(|record| is_metadata(record.cause)) {
        return None;
    }
    let mut copied: HashSet<NodeId> = HashSet::new();
    let mut targets: Vec<Target> = Vec::new();
    for (part, _, transfer) in plan.transfers() {
        copied.extend(plan.copies(part.layer).map(|(_, entry)| entry.node));
        targets.extend(plan.targets(part.layer, transfer)?);
    }
    for (part, line, body) in plan.runs() {
        let does_no_more =
            body.commands().is_some_and(|all| all.iter().all(|words| changes_only(line, words, &targets)));
        if !does_no_more || plan.copies(part.layer).any(|(_, entry)| !copied.contains(&entry.node)) {
            return None;
        }
    }
    let last = plan.last_entries();
    let mut draft = Draft::default();
    for (part, line, transfer) in plan.transfers() {
        copies(plan, part.layer, line, transfer, &last, &mut draft)?;
    }
    draft.notes.push("owner and mode are those that the image ends up with".to_owned());
    Some(draft)
}

/// Says whether a command changes nothing but owner or mode of what was copied, or of folders around it.
fn changes_only(line: &Line, words: &[String], targets: &[Target]) -> bool {
    let is_known = words.first().is_some_and(|word| COMMANDS.contains(&word.as_str()));
    let paths = words.iter().skip(1).filter(|word| !word.starts_with('-')).skip(1);
    let mut paths = paths.map(|path| timeline::join(&line.context.directory, path.trim_end_matches('*')));
    is_known
        && paths.all(|path| {
            let above = format!("{}/", path.trim_end_matches('/'));
            targets.iter().any(|target| target.holds(&path) || target.path.starts_with(&above))
        })
}

/// Writes the lines of one COPY: one, or one for each look of its files.
fn copies(
    plan: &Plan<'_>,
    layer: LayerNumber,
    line: &Line,
    transfer: &Transfer,
    last: &HashMap<NodeId, EntryRef>,
    draft: &mut Draft,
) -> Option<()> {
    let looks = looks(plan, layer, last);
    if let Some(flags) = flags(&looks.iter().map(|(_, look)| *look).collect()) {
        push_line(&mut draft.lines, &copy_line(line, transfer, &flags, &mut draft.doubts, layer));
        return Some(());
    }
    // Files with different looks: one COPY for each, where each is a source of its own.
    let targets = plan.targets(layer, transfer)?;
    if !targets.iter().all(|target| target.is_file && target.source.is_some()) {
        return None;
    }
    for target in targets {
        let node = plan.index.tree.find(target.path.as_bytes())?;
        let own: BTreeSet<Look> = looks.iter().filter(|(other, _)| *other == node).map(|(_, look)| *look).collect();
        let one = Transfer { sources: target.source.into_iter().collect(), ..transfer.clone() };
        push_line(&mut draft.lines, &copy_line(line, &one, &flags(&own)?, &mut draft.doubts, layer));
    }
    draft.notes.push(format!("layer {layer}: its files differ in owner or mode, so it takes a COPY for each"));
    Some(())
}

/// Returns how the files and new folders of a COPY look in the end.
fn looks(plan: &Plan<'_>, layer: LayerNumber, last: &HashMap<NodeId, EntryRef>) -> Vec<(NodeId, Look)> {
    let entries = &plan.index.layers[layer.index()].entries;
    let is_new = |entry: &&Entry| match entry.kind {
        Kind::File => true,
        Kind::Directory => !entry.lower.is_present(),
        _ => false,
    };
    let look = |entry: &Entry| {
        let end = last.get(&entry.node).map_or(entry, |at| plan.index.entry(*at));
        Look { owner: plan.index.owner(end), mode: end.mode, changed_mode: end.mode != entry.mode }
    };
    entries.iter().filter(is_new).map(|entry| (entry.node, look(entry))).collect()
}

/// Returns the flags that give all of them their look, if a single COPY can.
fn flags(looks: &BTreeSet<Look>) -> Option<Vec<String>> {
    let owners: BTreeSet<(i64, i64)> = looks.iter().map(|look| look.owner).collect();
    let modes: BTreeSet<u16> = looks.iter().map(|look| look.mode).collect();
    let mut flags = Vec::new();
    match owners.iter().collect::<Vec<_>>()[..] {
        [(0, 0)] => {}
        [(uid, gid)] => flags.push(format!("--chown={uid}:{gid}")),
        _ => return None,
    }
    if looks.iter().any(|look| look.changed_mode) {
        // A mode in a COPY counts for folders as well. BuildKit 0.8 (Docker 20.10) drops setuid, setgid and sticky there.
        let mode = modes.first().filter(|mode| modes.len() == 1 && **mode <= 0o777)?;
        flags.push(format!("--chmod={mode:04o}"));
    }
    Some(flags)
}
