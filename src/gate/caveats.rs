//! What a verdict depends on beside the image and the flags: entries of files that ignore waste, a base that a file sets or
//! that is a guess, a baseline that a file names. A file that came with a clone may say all that, but not in silence.

use super::{Caveat, Ignored, Rule, Rules};
use crate::analysis::Analysis;
use crate::analysis::base::BaseFrom;

/// The verdict's line names at most so many entries.
const MOST_ENTRIES: usize = 3;

/// Finds what the verdict depends on.
pub(super) fn of(rules: &Rules, analysis: &Analysis, ignored: &[Ignored]) -> Vec<Caveat> {
    let has = |pick: fn(Rule) -> bool| rules.limits.keys().copied().any(pick);
    let mut caveats = Vec::new();
    if has(|rule| rule.counts_waste() && !rule.needs_baseline()) {
        entries(ignored, &mut caveats);
    }
    if has(Rule::depends_on_base) {
        let count = analysis.base.layer_count;
        match (&rules.base_set_in, analysis.base.from) {
            (Some(set_in), _) => caveats.push(Caveat::BaseSetIn(count, set_in.clone())),
            (None, BaseFrom::History) => caveats.push(Caveat::GuessedBase(count)),
            (None, _) => {}
        }
    }
    if let Some(set_in) = rules.baseline_set_in.as_ref().filter(|_| has(Rule::needs_baseline)) {
        caveats.push(Caveat::BaselineSetIn(set_in.clone()));
    }
    caveats
}

fn entries(ignored: &[Ignored], caveats: &mut Vec<Caveat>) {
    let effective = ignored.iter().filter(|entry| entry.bytes > 0 && !entry.is_expired);
    let named = effective.filter_map(|entry| entry.set_in.as_ref().map(|set_in| (entry, set_in)));
    let listed = named.clone().take(MOST_ENTRIES).map(|(entry, set_in)| Caveat::Ignored {
        bytes: entry.bytes,
        pattern: entry.pattern.clone(),
        set_in: set_in.clone(),
    });
    caveats.extend(listed);
    let more = named.count().saturating_sub(MOST_ENTRIES);
    caveats.extend((more > 0).then_some(Caveat::MoreIgnored(more)));
}
