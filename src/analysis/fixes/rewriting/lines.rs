//! The words of a fix: what kind it is, why the bytes are lost, and the lines of the Dockerfile that save them.
//!
//! What a step does to a COPY decides the shape, tried in this order: owner and mode go into the COPY itself; what is
//! deleted again is mounted, or not copied at all; everything else is mounted, copied and changed in one RUN, which is
//! always possible. Where only RUNs are concerned they are joined.

use super::flavour::{cache_mount, flavour};
use super::mounts::{copied_within, mounted, not_copied};
use super::owner;
use super::pieces::joined_runs;
use super::plan::{Plan, Role};
use super::surroundings::surroundings;
use super::timeline::{Line, Timeline, Transfer};
use crate::analysis::fixes::Kind;
use crate::analysis::fixes::choosing::Group;
use crate::analysis::waste::{Cause, WasteRecord};
use crate::escape::{escape, is_dangerous};
use crate::layer::entry::LayerNumber;
use crate::layer::index::Index;
use crate::size::Units;

/// What is told about a fix.
#[derive(Debug)]
pub(in super::super) struct Sketch {
    pub kind: Kind,
    pub title: String,
    pub dockerfile: String,
    pub safe: bool,
    pub caveats: Vec<String>,
    /// Lines for .dockerignore.
    pub ignored: Vec<String>,
}

/// Lines with what must be said about them.
#[derive(Debug, Default)]
pub(in super::super) struct Draft {
    pub lines: String,
    /// Reasons why the lines are not to be pasted as they are.
    pub doubts: Vec<String>,
    pub notes: Vec<String>,
    /// Lines for .dockerignore.
    pub ignored: Vec<String>,
}

impl Draft {
    /// Says everything once.
    pub(in super::super) fn tidy(&mut self) {
        for list in [&mut self.doubts, &mut self.notes] {
            let mut seen = std::collections::BTreeSet::new();
            list.retain(|text| seen.insert(text.clone()));
        }
    }

    /// Docker's `BuildKit` does not record the flags of a RUN.
    pub(super) fn note_flags(&mut self) {
        let note = "the history does not record flags: keep your --mount, --network, --from and the like";
        if !self.notes.iter().any(|known| known == note) {
            self.notes.push(note.to_owned());
        }
    }
}

/// Stands where the history does not say what a COPY copies.
pub(super) const SOURCE: &str = "SOURCE";

/// What is said about lines with a [`SOURCE`] in them.
pub(crate) const UNKNOWN_SOURCE: &str = "the history does not say what is copied: put your source for SOURCE";

pub(in super::super) fn sketch(index: &Index, timeline: &Timeline, group: &Group, records: &[&WasteRecord]) -> Sketch {
    let plan = Plan::new(index, timeline, group, records);
    let (kind, title, mut draft) = shape(&plan);
    surroundings(&plan, kind, &mut draft);
    if kind == Kind::PackageCleanup {
        draft.notes.extend(cache_mount(&plan));
    }
    let lines = printable(&draft.lines);
    if lines != draft.lines {
        draft.doubts.push("the lines hold control characters, shown here as \\xNN".to_owned());
    }
    let safe = draft.doubts.is_empty() && !lines.is_empty();
    draft.doubts.extend(draft.notes);
    let title = format!(
        "{title} ({})",
        layers(&group.members.iter().map(|member| LayerNumber::from_index(*member)).collect::<Vec<_>>())
    );
    Sketch { kind, title, dockerfile: lines, safe, caveats: draft.doubts, ignored: draft.ignored }
}

fn shape(plan: &Plan<'_>) -> (Kind, &'static str, Draft) {
    if plan.parts.len() == 1 {
        return (Kind::StoredTwice, "store each path of the layer once", stored_twice());
    }
    if plan.parts.iter().any(|part| matches!(part.role, Role::Blind(_))) {
        return (Kind::Merge, "make one layer of these", blind(plan));
    }
    let (runs, transfers) = (plan.runs().count(), plan.transfers().count());
    if transfers == 0 {
        let (kind, title) = flavour(plan);
        return (kind, title, joined_runs(plan));
    }
    if runs == 0 {
        return (Kind::CopiedTwice, "copy it once", copied_twice(plan));
    }
    if let Some(draft) = owner::draft(plan) {
        return (Kind::CopyChown, "set owner and mode in the COPY itself", draft);
    }
    if let Some(draft) = not_copied(plan) {
        return (Kind::CopyRm, "do not copy what is deleted again", draft);
    }
    if let Some(draft) = mounted(plan) {
        return (Kind::CopyRm, "mount what is deleted again instead of copying it", draft);
    }
    match copied_within(plan) {
        Some(draft) => (Kind::CopyRun, "copy and change it in one RUN", draft),
        None => (Kind::Merge, "make one layer of these", blind(plan)),
    }
}

fn stored_twice() -> Draft {
    let doubt = "no Dockerfile step writes a path twice into one layer: the program that wrote the layer does";
    Draft { doubts: vec![doubt.to_owned()], ..Draft::default() }
}

fn blind(plan: &Plan<'_>) -> Draft {
    let mut draft = Draft::default();
    for part in &plan.parts {
        if let Role::Blind(reason) = part.role {
            draft.doubts.push(format!("layer {}: no lines can be written, because {reason}", part.layer));
        }
    }
    if draft.doubts.is_empty() {
        draft.doubts.push("no lines can be written: which file comes from where is not clear".to_owned());
    }
    draft
}

/// Names the copies that are left once the earlier ones go.
fn copied_twice(plan: &Plan<'_>) -> Draft {
    let hidden = plan.hidden();
    let mut draft = Draft::default();
    for (part, line, transfer) in plan.transfers() {
        let (gone, kept): (Vec<_>, Vec<_>) =
            plan.copies(part.layer).filter(|(_, entry)| entry.size > 0).partition(|(copy, _)| hidden.contains(copy));
        if kept.is_empty() && !gone.is_empty() {
            continue;
        }
        push_line(&mut draft.lines, &copy_line(line, transfer, &[], &mut draft.doubts, part.layer));
        if !gone.is_empty() {
            let doubt = "layer {} also brings files that nothing replaces: leave out only those that are copied again";
            draft.doubts.push(doubt.replace("{}", &part.layer.to_string()));
        }
    }
    draft
}

pub(super) fn push_line(lines: &mut String, line: &str) {
    if !lines.is_empty() {
        lines.push('\n');
    }
    lines.push_str(line);
}

/// Writes a COPY or ADD with other flags, and doubts what the history does not tell of it.
pub(super) fn copy_line(
    line: &Line,
    transfer: &Transfer,
    flags: &[String],
    doubts: &mut Vec<String>,
    layer: LayerNumber,
) -> String {
    let kept = line.step.flags.iter().filter(|flag| {
        let name = flag.split('=').next();
        !flags.iter().any(|other| other.split('=').next() == name)
    });
    let mut words: Vec<String> = kept.chain(flags).cloned().collect();
    if let Some(written) = &line.written
        && line.transfer().as_ref() == Some(transfer)
    {
        return written.with_flags(flags);
    }
    let is_from_elsewhere =
        line.written.is_none() && line.by_buildkit && transfer.sources.iter().any(|source| source.starts_with('/'));
    if is_from_elsewhere {
        doubts.push(format!(
            "layer {layer}: the history does not say where {} comes from: keep your --from",
            transfer.sources[0]
        ));
    }
    if transfer.sources.is_empty() {
        doubts.push(format!("layer {layer}: {UNKNOWN_SOURCE}"));
        words.push(SOURCE.to_owned());
    }
    words.extend(transfer.sources.iter().cloned());
    words.push(transfer.written.clone());
    format!("{} {}", line.step.instruction, words.join(" "))
}

/// Why the bytes of a cause are lost.
const REASONS: [(Cause, &str); 5] = [
    (Cause::Deleted, "stored and later deleted: a layer hides what lies below it, and takes no bytes away"),
    (Cause::Overwritten, "stored and later replaced by other contents"),
    (Cause::Metadata, "stored again because mode, owner or time changed: an engine copies the whole file for that"),
    (Cause::Unchanged, "stored again with nothing changed"),
    (Cause::Duplicate, "twice in one layer"),
];

pub(in super::super) fn why(records: &[&WasteRecord]) -> String {
    let sum = |cause: Cause| records.iter().filter(|record| record.cause == cause).map(|record| record.bytes).sum();
    let mut sums: Vec<(u64, &str)> = REASONS.iter().map(|(cause, reason)| (sum(*cause), *reason)).collect();
    sums.retain(|(bytes, _)| *bytes > 0);
    sums.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    sums.iter().map(|(bytes, reason)| format!("{} {reason}", Units::Si.show(*bytes))).collect::<Vec<_>>().join("; ")
}

/// Names layers as ranges: `layers 3-5, 9`.
pub(in super::super) fn layers(layers: &[LayerNumber]) -> String {
    let members: Vec<usize> = layers.iter().map(|layer| layer.index()).collect();
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for member in &members {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *member => *last = *member,
            _ => ranges.push((*member, *member)),
        }
    }
    let show = |(first, last): &(usize, usize)| match last - first {
        0 => format!("{}", first + 1),
        _ => format!("{}-{}", first + 1, last + 1),
    };
    let word = if members.len() == 1 { "layer" } else { "layers" };
    format!("{word} {}", ranges.iter().map(show).collect::<Vec<_>>().join(", "))
}

/// Spells dangerous characters out and leaves what a Dockerfile is made of: line breaks, tabs and backslashes.
pub(crate) fn printable(text: &str) -> String {
    let show = |c: char| {
        if matches!(c, '\n' | '\t') || !is_dangerous(c) { c.to_string() } else { escape(c.to_string().as_bytes()) }
    };
    text.chars().map(show).collect()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn lines_keep_what_a_dockerfile_is_made_of() {
        assert_eq!(printable("RUN a \\\n\t&& b"), "RUN a \\\n\t&& b");
        assert_eq!(printable("RUN a\x1b[1m\u{202e}"), "RUN a\\x1b[1m\\xe2\\x80\\xae");
    }
}
