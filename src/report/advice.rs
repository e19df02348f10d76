//! What the outputs say of fixes in the same words: their edits, what they cost the build cache, and what they leave.

use super::words::{plural, share};
use crate::analysis::Analysis;
use crate::analysis::findings::Finding;
use crate::analysis::fixes::{Alternative, CacheCost, Edit, Kind, MOST_LAYERS, printable};
use crate::layer::entry::LayerNumber;
use crate::size::Units;

/// How many pairs of steps without a fix are named.
const MOST_UNFIXED: usize = 5;

/// Steps, and the lines that take their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// The steps, bottom first. Not escaped, with their line breaks; empty where the history does not tell.
    pub old: Vec<(LayerNumber, String)>,
    /// The new lines, printable; nothing where the steps go, or where no lines can be given.
    pub new: String,
}

/// Returns what changes: each step by itself where edits are made in place, else all steps of the merge at once.
pub(crate) fn changes(analysis: &Analysis, one: &Alternative) -> Vec<Change> {
    if one.kind == Kind::InPlace {
        let change = |edit: &Edit| Change { old: vec![(edit.layer, edit.before.clone())], new: printable(&edit.after) };
        return one.edits.iter().map(change).collect();
    }
    let old = match &one.edits[..] {
        [] => one.layers().into_iter().map(|layer| (layer, analysis.step(layer))).collect(),
        edits => edits.iter().map(|edit| (edit.layer, edit.before.clone())).collect(),
    };
    vec![Change { old, new: one.dockerfile.clone() }]
}

/// Returns what a finding changes: each step by itself.
pub(crate) fn changes_of_finding(finding: &Finding) -> Vec<Change> {
    let change = |edit: &Edit| Change {
        old: if edit.before.is_empty() { Vec::new() } else { vec![(edit.layer, edit.before.clone())] },
        new: printable(edit.after.trim_matches('\n')),
    };
    finding.edits.iter().map(change).collect()
}

/// Returns what a change of the sources builds again; nothing where no COPY brings any.
pub(crate) fn cache(cost: &CacheCost, units: Units) -> Option<String> {
    let steps = |count: u64| plural(usize::try_from(count).unwrap_or(usize::MAX), "step");
    let after = format!("{} again ({})", steps(cost.steps_after), units.show(cost.bytes_after));
    let before = if cost.changes_nothing() {
        "as today".to_owned()
    } else {
        format!("today {} ({})", cost.steps_before, units.show(cost.bytes_before))
    };
    (cost.steps_before > 0).then(|| format!("a change of the copied sources builds {after}, {before}"))
}

/// A part of the waste that no fix saves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// Its bytes.
    pub bytes: u64,
    /// Where they come from, and what can be done about them.
    pub text: String,
}

/// Returns the waste that no fix saves: the base image's, what no edit is known for, and what is too small. With the fixes
/// it is all waste there is. `step` says in a few words what made a layer.
pub(crate) fn left_over(analysis: &Analysis, units: Units, step: impl Fn(LayerNumber) -> String) -> Vec<Left> {
    let totals = &analysis.totals;
    let mut parts = Vec::new();
    let mut push = |bytes: u64, text: String| {
        if bytes > 0 {
            parts.push(Left { bytes, text });
        }
    };
    let replacing = analysis.most_replacing();
    let replaced = replacing.map_or(0, |_| totals.replaced_bytes);
    push(totals.inherited_bytes - replaced, "belongs to the base image: your steps cannot change it".to_owned());
    if let Some((layer, _)) = replacing {
        let text = format!(
            "base image files that your steps replace, most of them layer {layer} ({}): use a newer base image, or leave that out",
            step(layer)
        );
        push(replaced, text);
    }
    for one in analysis.unfixed.iter().take(MOST_UNFIXED) {
        let (stored, hidden) = (one.stored_in, one.hidden_by);
        let text = if stored == hidden {
            format!("no edit known: layer {stored} ({}) stores it twice", step(stored))
        } else {
            let steps = (step(stored), step(hidden));
            format!("no edit known: stored by layer {stored} ({}), hidden by layer {hidden} ({})", steps.0, steps.1)
        };
        let why =
            one.why.as_ref().map_or_else(String::new, |why| format!("; layer {hidden} is not split by paths: {why}"));
        push(one.bytes, text + &why);
    }
    if let others @ [_, ..] = &analysis.unfixed[analysis.unfixed.len().min(MOST_UNFIXED)..] {
        let bytes = others.iter().map(|one| one.bytes).sum();
        push(bytes, format!("no edit known: {} of steps", plural(others.len(), "smaller pair")));
    }
    let rest = totals.remainder_bytes() - unfixed_bytes(analysis);
    push(rest, format!("remains: {}", small(analysis, units)));
    parts
}

/// Says in a few words what the remainder is.
pub(crate) fn remainder(analysis: &Analysis, units: Units) -> String {
    let (rest, unfixed) = (analysis.totals.remainder_bytes(), unfixed_bytes(analysis));
    match unfixed {
        0 => small(analysis, units),
        _ if unfixed == rest => "no edit known".to_owned(),
        _ => format!("no edit known for {}; the rest is {}", units.show(unfixed), small(analysis, units)),
    }
}

fn unfixed_bytes(analysis: &Analysis) -> u64 {
    analysis.unfixed.iter().map(|one| one.bytes).sum()
}

/// Says what the part of the remainder is that no edit is wanted for.
fn small(analysis: &Analysis, units: Units) -> String {
    let unavoidable = analysis.totals.unavoidable_bytes;
    let rest = analysis.totals.remainder_bytes() - unfixed_bytes(analysis);
    match rest.saturating_sub(unavoidable) {
        _ if analysis.layers.len() > MOST_LAYERS => format!("not looked into: more than {MOST_LAYERS} layers"),
        _ if unavoidable == 0 => "too little to be worth a change".to_owned(),
        0 => "files that every package installation rewrites".to_owned(),
        _ => format!(
            "too little to be worth a change, {} of it in files that every package installation rewrites",
            units.show(unavoidable)
        ),
    }
}

/// Returns what the image would store: `1.2 GB with every fix (-29.4 %)`.
pub(crate) fn size_with(analysis: &Analysis, what: &str, saves_bytes: u64, units: Units) -> String {
    let stored = analysis.totals.stored_bytes;
    let size = units.show(stored.saturating_sub(saves_bytes));
    match saves_bytes {
        0 => format!("{size} with {what}"),
        bytes => format!("{size} with {what} (-{})", share(bytes, stored)),
    }
}
