//! What annotations are about: the rules that are broken or warn, and the fixes, each with its place in the Dockerfile.
//!
//! Formats that show them in code (SARIF, GitLab, GitHub) draw from this list and only spell it out.

use xxhash_rust::xxh3::xxh3_128;

use super::Style;
use crate::analysis::{Analysis, dockerfile};
use crate::dockerfile::Lines;
use crate::escape::{escape, is_dangerous};
use crate::gate::Verdict;
use crate::layer::entry::LayerNumber;

/// One annotation. All texts are escaped and hold no control characters but line breaks in `lines_to_paste`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Annotation {
    /// The rule's name, or the kind of fix.
    pub rule: String,
    pub severity: Severity,
    /// A line.
    pub title: String,
    /// What there is to say, in sentences.
    pub message: String,
    /// The Dockerfile lines that take the place of the old ones; empty where there are none.
    pub lines_to_paste: String,
    /// The lines of the steps in the Dockerfile, as far as they are known.
    pub lines: Vec<Lines>,
    /// Stays the same for the same annotation in a later build.
    pub fingerprint: String,
    pub bytes: Option<u64>,
    pub layers: Vec<u32>,
    /// The place of the fix that it is about.
    pub fix: Option<usize>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// A rule is broken.
    Error,
    /// A rule warns, or bytes can be saved.
    Warning,
}

/// Returns the annotations: rules in their order, then fixes, the largest first.
pub(super) fn annotations(analysis: &Analysis, verdict: Option<&Verdict>, style: &Style) -> Vec<Annotation> {
    let known = style.dockerfile.as_ref().map(|file| dockerfile::lines_by_layer(file, analysis)).unwrap_or_default();
    let lines = |layers: &[LayerNumber]| -> Vec<Lines> {
        layers.iter().filter_map(|layer| known.get(&layer.get()).copied()).collect()
    };
    let rules = verdict.map_or(&[][..], |verdict| &verdict.rules);
    let mut found: Vec<Annotation> = Vec::new();
    for rule in rules.iter().filter(|rule| !rule.passed || rule.warned) {
        let layers: Vec<LayerNumber> = rule.layer.into_iter().collect();
        found.push(Annotation {
            rule: rule.rule.to_owned(),
            severity: if rule.passed { Severity::Warning } else { Severity::Error },
            title: format!("{} {}", rule.rule, if rule.passed { "warns" } else { "is broken" }),
            message: rule.sentence(style.units),
            lines_to_paste: String::new(),
            lines: lines(&layers),
            fingerprint: format!("{} {}", rule.rule, if rule.rule == "forbid" { rule.limit.as_str() } else { "" }),
            bytes: None,
            layers: layers.iter().map(|layer| layer.get()).collect(),
            fix: None,
        });
    }
    for (place, fix) in analysis.fixes.iter().enumerate() {
        let steps: Vec<String> = fix.steps.iter().map(|step| escape(step.as_bytes())).collect();
        found.push(Annotation {
            rule: fix.kind.name().to_owned(),
            severity: Severity::Warning,
            title: clean(&fix.title),
            message: format!("{}: saves {}. {}", clean(&fix.title), style.units.show(fix.saves_bytes), clean(&fix.why)),
            lines_to_paste: fix.dockerfile.lines().map(clean).collect::<Vec<_>>().join("\n"),
            lines: lines(&fix.layers),
            fingerprint: format!("{} {}", fix.kind.name(), steps.join("\n")),
            bytes: Some(fix.saves_bytes),
            layers: fix.layers.iter().map(|layer| layer.get()).collect(),
            fix: Some(place),
        });
    }
    number(&mut found, style);
    found
}

/// Makes fingerprints of what identifies them; of several that are alike each has its own.
fn number(found: &mut [Annotation], style: &Style) {
    let file = style.dockerfile.as_ref().map(|file| escape(file.name().as_bytes())).unwrap_or_default();
    let mut seen: Vec<String> = Vec::new();
    for one in found {
        let alike = seen.iter().filter(|other| **other == one.fingerprint).count();
        let hash = xxh3_128(format!("{file}\n{}\n{alike}", one.fingerprint).as_bytes());
        seen.push(std::mem::replace(&mut one.fingerprint, format!("{hash:032x}")));
    }
}

/// Replaces characters that could change how a text is read. Our own sentences have none, and what they quote is escaped.
pub(super) fn clean(text: &str) -> String {
    if text.contains(is_dangerous) { text.replace(is_dangerous, " ") } else { text.to_owned() }
}

/// Returns where annotations without lines are: the Dockerfile, else what was read. Not escaped.
pub(super) fn file<'a>(analysis: &'a Analysis, style: &'a Style) -> &'a str {
    style.dockerfile.as_ref().map_or(analysis.source.as_str(), |file| file.name())
}
