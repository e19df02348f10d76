//! What the outputs say of live bytes in the same words: how much of them is needed, whose they are, and what to change
//! about them and about waste, as one list.
//!
//! Names of packages, and what evidence quotes, are the image's own: every text is escaped here, once.

use std::cmp::Reverse;

use super::words::{plural, share};
use crate::analysis::Analysis;
use crate::analysis::findings::{Class, Confidence, Finding};
use crate::analysis::owners::{Owner, OwnerKind};
use crate::escape::escape;
use crate::layer::entry::NodeId;
use crate::size::Units;

/// How many classes the equation names.
const MOST_CLASSES: usize = 4;

/// One thing to change, by its place in the analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Waste that a fix saves.
    Fix(usize),
    /// Live bytes that are most likely needless.
    Finding(usize),
}

/// Returns fixes and findings as one list, the largest first. What only another base image changes is not in it.
pub(crate) fn ranked(analysis: &Analysis) -> Vec<Advice> {
    let fixes = analysis.fixes.iter().enumerate().map(|(place, fix)| (fix.saves_bytes, Advice::Fix(place)));
    let own = analysis.findings.iter().enumerate().filter(|(_, found)| !found.in_base);
    let findings = own.map(|(place, found)| (found.bytes, Advice::Finding(place)));
    let mut list: Vec<(u64, Advice)> = fixes.chain(findings).collect();
    // Both lists are sorted in full, and the sort is stable.
    list.sort_by_key(|(bytes, _)| Reverse(*bytes));
    list.into_iter().map(|(_, one)| one).collect()
}

/// Says whether owners and findings were looked for.
pub(crate) fn is_known(analysis: &Analysis) -> bool {
    !analysis.owners.list.is_empty()
}

/// Says whether a finding counts as needless: the owner need not decide.
pub(crate) fn counts(finding: &Finding) -> bool {
    finding.confidence != Confidence::Ask
}

/// Returns the needless bytes that steps of the user's store, and the number of their findings.
pub(crate) fn own_needless(analysis: &Analysis) -> (u64, usize) {
    let own = || analysis.findings.iter().filter(|found| counts(found) && !found.in_base);
    (own().map(|found| found.bytes).sum(), own().count())
}

/// Returns the needless bytes, sure and likely.
pub(crate) fn needless(analysis: &Analysis) -> u64 {
    analysis.findings.iter().filter(|found| counts(found)).map(|found| found.bytes).sum()
}

/// Returns the two parts of the final image: what is needed, and what most likely is not, with its classes; nothing where
/// there is none of the second.
pub(crate) fn parts(analysis: &Analysis, units: Units) -> Option<[String; 2]> {
    let bytes = needless(analysis);
    let needed = format!("{} needed", units.show(analysis.totals.final_bytes.saturating_sub(bytes)));
    (bytes > 0).then(|| [needed, format!("{} needless ({})", units.show(bytes), classes(analysis, units))])
}

/// Returns the classes of what is needless, the largest first.
fn classes(analysis: &Analysis, units: Units) -> String {
    let mut sums: Vec<(Class, u64)> = Vec::new();
    for found in analysis.findings.iter().filter(|found| counts(found)) {
        match sums.iter_mut().find(|(class, _)| *class == found.class) {
            Some((_, sum)) => *sum += found.bytes,
            None => sums.push((found.class, found.bytes)),
        }
    }
    sums.sort_by_key(|(class, sum)| (Reverse(*sum), *class));
    let mut names: Vec<String> =
        sums.iter().take(MOST_CLASSES).map(|(class, sum)| format!("{} {}", class.name(), units.show(*sum))).collect();
    if sums.len() > MOST_CLASSES {
        names.push("…".to_owned());
    }
    names.join(", ")
}

/// Returns the owners, largest first, then by name; what belongs to nobody last.
pub(crate) fn owners(analysis: &Analysis) -> Vec<&Owner> {
    let mut list: Vec<&Owner> = analysis.owners.list.iter().collect();
    list.sort_by(|a, b| {
        let key = |owner: &Owner| (owner.kind == OwnerKind::None, Reverse(owner.live_bytes), owner.kind);
        let name = |owner: &'_ Owner| (owner.name.clone(), owner.version.clone(), owner.layer);
        key(a).cmp(&key(b)).then_with(|| name(a).cmp(&name(b)))
    });
    list
}

/// Names an owner: `dpkg gcc-12 12.2.0-14`. Escaped.
pub(crate) fn name(owner: &Owner) -> String {
    let words = [owner.kind.name(), &owner.name, &owner.version];
    let words: Vec<String> = words.iter().filter(|word| !word.is_empty()).map(|word| escape(word.as_bytes())).collect();
    words.join(" ")
}

/// Says how an owner came in; empty where that is not recorded. Escaped.
pub(crate) fn chain(owner: &Owner) -> String {
    let names: Vec<String> = owner.because.iter().map(|name| escape(name.as_bytes())).collect();
    match (owner.asked_for, owner.is_recommended) {
        (Some(true), _) => "asked for".to_owned(),
        _ if names.is_empty() => String::new(),
        (_, true) => format!("recommended by {}", names.join(" → ")),
        (_, false) => format!("pulled in by {}", names.join(" → ")),
    }
}

/// Returns the folders with most of the bytes that belong to nobody, two names deep, and those bytes.
pub(crate) fn unowned_folders(analysis: &Analysis, most: usize) -> Vec<(NodeId, u64)> {
    let (tree, weights) = (&analysis.index.tree, analysis.unowned_weights());
    let bytes = |node: &NodeId| weights.of(*node).bytes;
    let mut folders: Vec<NodeId> = Vec::new();
    for top in tree.children(NodeId::ROOT).filter(|top| bytes(top) > 0) {
        let below: Vec<NodeId> = tree.children(top).filter(|node| bytes(node) > 0).collect();
        if below.is_empty() {
            folders.push(top);
        }
        folders.extend(below);
    }
    folders.sort_by_key(|node| (Reverse(bytes(node)), *node));
    folders.iter().take(most).map(|node| (*node, bytes(node))).collect()
}

/// Names the layers of a finding.
pub(crate) fn layers(finding: &Finding) -> String {
    let numbers: Vec<String> = finding.layers.iter().map(ToString::to_string).collect();
    if let [only] = &numbers[..] { format!("layer {only}") } else { format!("layers {}", numbers.join(", ")) }
}

/// Says what to change, in a line. Escaped.
pub(crate) fn advice(finding: &Finding) -> String {
    if finding.in_base {
        return "the base image's: another one does without".to_owned();
    }
    escape(finding.advice.as_bytes())
}

/// Sums up what is to be done: `1 fix and 8 findings would save 1.0 GB`; nothing where nothing is.
pub(crate) fn headline(analysis: &Analysis, units: Units) -> Option<String> {
    let (bytes, count) = own_needless(analysis);
    let fixes = plural(analysis.fixes.len(), "fix");
    let what = match (analysis.fixes.len(), count) {
        (0, 0) => return None,
        (_, 0) => fixes,
        (0, _) => plural(count, "finding"),
        _ => format!("{fixes} and {}", plural(count, "finding")),
    };
    Some(format!("{what} would save {}", units.show(analysis.totals.fixable_bytes + bytes)))
}

/// Sums up what is needless in the base image; nothing where there is nothing.
pub(crate) fn of_base(analysis: &Analysis) -> Option<(u64, String)> {
    let of_base = || analysis.findings.iter().filter(|found| found.in_base);
    let bytes: u64 = of_base().map(|found| found.bytes).sum();
    let mut classes: Vec<&str> = of_base().map(|found| found.class.name()).collect();
    classes.dedup();
    classes.sort_unstable();
    classes.dedup();
    let text = format!("the base image's, in {} ({})", plural(of_base().count(), "finding"), classes.join(", "));
    (bytes > 0).then(|| (bytes, format!("{text}: a smaller base does without")))
}

/// Returns what the image would store with some bytes less, and by how much that is smaller.
pub(crate) fn smaller(analysis: &Analysis, saves_bytes: u64, units: Units) -> String {
    let stored = analysis.totals.stored_bytes;
    let size = units.show(stored.saturating_sub(saves_bytes));
    format!("{size} (-{})", share(saves_bytes, stored))
}
