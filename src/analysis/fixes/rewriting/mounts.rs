//! COPYs whose files a later step deletes or changes: not copied, mounted, or copied and changed in one RUN.

use super::lines::{Draft, SOURCE, UNKNOWN_SOURCE, copy_line, push_line};
use super::pieces::{directory, piece, pieces, put_run};
use super::plan::{Plan, Role, Target};
use super::removals::without_removals;
use super::timeline::{self, Line};
use crate::analysis::waste::{Cause, WasteRecord};
use crate::dockerfile::join::{Body, Piece};
use crate::dockerfile::shell::{Script, quote};
use crate::layer::entry::LayerNumber;

/// What is deleted again without being used belongs into .dockerignore.
pub(super) fn not_copied(plan: &Plan<'_>) -> Option<Draft> {
    let mut transfers = plan.transfers();
    let (part, line, transfer) = transfers.next().filter(|_| line_is_first(plan))?;
    let is_only = transfers.next().is_none() && plan.records.iter().all(|record| record.cause == Cause::Deleted);
    let targets = plan.targets(part.layer, transfer).filter(|_| is_only && line.step.flags.is_empty())?;
    let mut patterns = Vec::new();
    for (_, run, body) in plan.runs() {
        for words in body.commands()? {
            patterns.extend(ignored(run, &words, &targets)?);
        }
    }
    let is_all = plan.copies(part.layer).all(|(copy, entry)| entry.size == 0 || plan.hidden().contains(&copy));
    let mut draft = Draft::default();
    if is_all {
        draft.lines = format!("# nothing uses what {} brings: leave it and its removal out", line.step.instruction);
        return Some(draft);
    }
    draft.lines = format!("# in .dockerignore:\n#   {}", patterns.join("\n#   "));
    draft.ignored = patterns;
    let copied = copy_line(line, transfer, &[], &mut draft.doubts, part.layer);
    push_line(&mut draft.lines, &copied);
    draft
        .doubts
        .push("what .dockerignore leaves out is missing in every COPY, and for every step in between".to_owned());
    draft
        .notes
        .push("paths in .dockerignore count from the build context: check where your source lies in it".to_owned());
    Some(draft)
}

fn line_is_first(plan: &Plan<'_>) -> bool {
    matches!(plan.parts[0].role, Role::Transfer(_))
}

/// Returns what an `rm` removes, as paths of the build context; nothing for anything else.
fn ignored(line: &Line, words: &[String], targets: &[Target]) -> Option<Vec<String>> {
    (words.first()? == "rm").then_some(())?;
    let paths = words[1..].iter().filter(|word| !word.starts_with('-'));
    paths
        .map(|path| {
            let path = timeline::join(&line.context.directory, path);
            let target = targets.iter().find(|target| target.holds(&path))?;
            let source = target.source.as_deref()?.trim_start_matches("./").trim_matches('/');
            let rest = path[target.path.len()..].trim_start_matches('/');
            let parts = [source, rest].into_iter().filter(|part| !part.is_empty() && *part != ".");
            Some(parts.collect::<Vec<_>>().join("/"))
        })
        .collect()
}

/// What is copied, used and deleted is mounted while it is used.
pub(super) fn mounted(plan: &Plan<'_>) -> Option<Draft> {
    let hidden = plan.hidden();
    let from_transfer = |record: &WasteRecord| plan.transfers().any(|(part, ..)| part.layer == record.stored_in);
    let are_deleted = plan.records.iter().all(|record| !from_transfer(record) || record.cause == Cause::Deleted);
    let are_all = plan
        .transfers()
        .all(|(part, ..)| plan.copies(part.layer).all(|(copy, entry)| entry.size == 0 || hidden.contains(&copy)));
    if !are_deleted || !are_all || plan.transfers().any(|(_, line, transfer)| transfer.is_unpacked(line)) {
        return None;
    }
    let mut draft = Draft::default();
    let (mut mounts, mut targets) = (Vec::new(), Vec::new());
    for (part, line, transfer) in plan.transfers() {
        for target in plan.targets(part.layer, transfer)? {
            mounts.push(mount(line, part.layer, &target, &target.path, &mut draft.doubts));
            targets.push(target);
        }
    }
    let pieces = pieces(plan, |line, body| without_removals(plan, line, body, &targets))?;
    if pieces.iter().all(Piece::is_empty) {
        return None;
    }
    put_run(plan, &pieces, &mounts, &mut draft);
    draft.notes.push("what is mounted is read-only, and an empty mount point may stay behind".to_owned());
    Some(draft)
}

/// Writes a bind mount of what a COPY copied.
fn mount(line: &Line, layer: LayerNumber, target: &Target, at: &str, doubts: &mut Vec<String>) -> String {
    let from = line.step.flags.iter().find_map(|flag| flag.strip_prefix("--from="));
    let from = from.map(|from| format!(",from={from}")).unwrap_or_default();
    let source = match target.source.as_deref() {
        Some("." | "./" | "/") => String::new(),
        Some(source) => {
            if line.by_buildkit && line.written.is_none() && source.starts_with('/') {
                doubts.push(format!(
                    "layer {layer}: if {source} comes from another stage or image, add ,from=NAME to the mount"
                ));
            }
            format!(",source={}", source.trim_start_matches("./").trim_end_matches('/'))
        }
        None => {
            doubts.push(format!("layer {layer}: {UNKNOWN_SOURCE}"));
            format!(",source={SOURCE}")
        }
    };
    format!("--mount=type=bind{from}{source},target={at}")
}

/// What is copied and changed is mounted elsewhere, copied and changed in one RUN.
pub(super) fn copied_within(plan: &Plan<'_>) -> Option<Draft> {
    let mut draft = Draft::default();
    directory(plan)?;
    let (mut mounts, mut pieces) = (Vec::new(), Vec::new());
    for part in &plan.parts {
        let line = part.line?;
        match &part.role {
            Role::Run(body) => pieces.push(piece(plan, part.layer, line, body.clone())),
            Role::Transfer(transfer) => {
                if transfer.is_unpacked(line) {
                    return None;
                }
                for target in plan.targets(part.layer, transfer)? {
                    let at = format!("/run/copy{}", mounts.len() + 1);
                    mounts.push(mount(line, part.layer, &target, &at, &mut draft.doubts));
                    pieces.push(Piece { body: Body::Script(copying(plan, &at, &target)), ..Piece::default() });
                }
                if plan.copies(part.layer).any(|(_, entry)| plan.index.owner(entry) != (0, 0)) {
                    draft
                        .doubts
                        .push(format!("layer {}: the files belong to another user than root: add a chown", part.layer));
                }
            }
            Role::Blind(_) => return None,
        }
    }
    put_run(plan, &pieces, &mounts, &mut draft);
    Some(draft)
}

fn copying(plan: &Plan<'_>, at: &str, target: &Target) -> Script {
    let path = target.path.trim_end_matches('/');
    let (folder, from, to) = match path.rsplit_once('/') {
        Some((folder, _)) if target.is_file => (folder, at.to_owned(), path),
        _ => (path, format!("{at}/."), path),
    };
    let mut texts = Vec::new();
    if !folder.is_empty() {
        texts.push(format!("mkdir -p {}", quote(folder)));
    }
    texts.push(format!("cp -a {} {}", quote(&from), quote(if to.is_empty() { "/" } else { to })));
    Script::of_commands(&texts, plan.runner.dialect)
}
