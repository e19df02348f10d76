//! The RUNs of a group as pieces of one: each with the directory and the variables that it must find.

use super::between::named_files;
use super::lines::{Draft, push_line};
use super::plan::{Plan, layout};
use super::timeline::Line;
use crate::analysis::fixes::choosing::Placement;
use crate::dockerfile::join::{Body, Piece, join};
use crate::dockerfile::step::env_variables;
use crate::layer::entry::LayerNumber;

pub(super) fn joined_runs(plan: &Plan<'_>) -> Draft {
    let mut draft = Draft::default();
    let pieces = pieces(plan, |_, body| Some(body.clone())).unwrap_or_default();
    put_run(plan, &pieces, &[], &mut draft);
    draft
}

/// Puts the RUN of some pieces into the draft, with what must be doubted about it.
pub(super) fn put_run(plan: &Plan<'_>, pieces: &[Piece], flags: &[String], draft: &mut Draft) {
    let all: Vec<String> = plan.run_flags(draft).into_iter().chain(flags.iter().cloned()).collect();
    let joined = join(pieces, &plan.runner, &all);
    push_line(&mut draft.lines, &joined.lines);
    draft.doubts.extend(joined.doubts);
}

/// Returns the scripts of the RUNs, as `edit` leaves them; nothing where it gives up.
pub(super) fn pieces(plan: &Plan<'_>, edit: impl Fn(&Line, &Body) -> Option<Body>) -> Option<Vec<Piece>> {
    plan.runs()
        .map(|(part, line, body)| {
            let edited = edit(line, body)?;
            // What was taken out is still in the user's own layout.
            let source = layout(line).filter(|_| is_same(&edited, body));
            Some(Piece { source, ..piece(plan, part.layer, line, edited) })
        })
        .collect()
}

/// Returns a script with what it must find that the merged step does not have.
pub(super) fn piece(plan: &Plan<'_>, layer: LayerNumber, line: &Line, body: Body) -> Piece {
    let variables = settings_before(plan, layer).filter_map(|line| env_variables(&line.step.command)).flatten();
    let mut last: Vec<(String, String)> = Vec::new();
    for (name, value) in variables {
        last.retain(|(known, _)| *known != name);
        last.push((name, value));
    }
    Piece { body, source: layout(line), directory: directory_of(plan, line), variables: last }
}

/// Returns the ENVs between the first member and a layer.
fn settings_before<'a>(plan: &'a Plan<'_>, layer: LayerNumber) -> impl Iterator<Item = &'a Line> {
    let place = |layer| plan.timeline.place(layer).unwrap_or(0);
    let first = plan.parts.first().map_or(0, |part| place(part.layer));
    let lines = plan.timeline.lines.get(first..place(layer)).unwrap_or_default();
    lines.iter().filter(|line| line.step.instruction == "ENV")
}

/// Says whether a step between the members makes the directory that later ones work in; then it goes first.
pub(super) fn makes_directory_between(plan: &Plan<'_>) -> bool {
    plan.group.apart.iter().any(|(layer, placement)| {
        let line = plan.timeline.line(LayerNumber::from_index(*layer));
        *placement == Placement::Before && line.is_some_and(|line| line.step.instruction == "WORKDIR")
    })
}

/// Returns the directory of the merged step: that of the first RUN, as a WORKDIR between them must not make a folder
/// before a `mkdir` does; unless the folder is the WORKDIR's own.
pub(super) fn directory(plan: &Plan<'_>) -> Option<String> {
    let mut runs = plan.runs();
    let (_, line, _) = if makes_directory_between(plan) { runs.last()? } else { runs.next()? };
    Some(line.context.directory.clone())
}

/// Returns the directory that a step must start in, where that is not the merged step's and it might matter.
fn directory_of(plan: &Plan<'_>, line: &Line) -> Option<String> {
    let is_elsewhere = directory(plan).is_some_and(|directory| line.context.directory != directory);
    (is_elsewhere && named_files(line).is_none()).then(|| line.context.directory.clone())
}

fn is_same(a: &Body, b: &Body) -> bool {
    match (a, b) {
        (Body::Script(a), Body::Script(b)) => a == b,
        (Body::Words(a), Body::Words(b)) => a == b,
        _ => false,
    }
}
