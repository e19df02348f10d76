//! Rules over an analysis. [Model](crate::model) 8: a rule is broken when the value is beyond the limit; equality passes.
//!
//! Each rule has up to two limits: beyond the one it warns, beyond the other it fails. What is not set is no rule, and no
//! rule is ever made up: without any the verdict is empty, and whoever shows it says so.
//!
//! [`Rules`] is what an image is held to, [`Verdict`] what came of it; `measures` are the numbers, of the image and of
//! its `baseline`. `dive` judges what a `.dive-ci` asks for by the numbers that it was written for.

pub(crate) mod baseline;
mod caveats;
pub(crate) mod dive;
mod limits;
pub(crate) mod measures;
pub(crate) mod paths;
mod rule;
mod share;
mod verdict;

use std::collections::BTreeMap;

use crate::analysis::Analysis;

pub use baseline::Baseline;
pub use dive::{DiveNumbers, DiveRules};
#[cfg(feature = "tui")]
pub(crate) use limits::Value;
pub use limits::{Level, Limits, Threshold};
pub use measures::Measures;
pub use paths::{Forbidden, Ignore, PathPattern};
pub use rule::Rule;
pub use share::{NotAShare, Share};
pub use verdict::{Actual, Caveat, Compared, Ignored, Judged, Verdict};

/// What an image is held to; what is not set is no rule.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The limits of the rules that are set.
    pub limits: BTreeMap<Rule, Limits>,
    /// Paths that no layer may hold.
    pub forbid: Vec<Forbidden>,
    /// Waste that the rules overlook.
    pub ignore: Vec<Ignore>,
    /// What the image is compared with.
    pub baseline: Option<Baseline>,
    /// What a `.dive-ci` asks for.
    pub dive: Option<DiveRules>,
    /// Where the base image is set, if not on the command line: the line of a file, a variable. Escaped.
    pub base_set_in: Option<String>,
    /// Where the baseline is set, if not on the command line.
    pub baseline_set_in: Option<String>,
}

impl Rules {
    /// Holds the image to the rules.
    ///
    /// Costs all paths where paths are forbidden or ignored or a `.dive-ci` is judged, else next to nothing.
    #[must_use]
    pub fn judge(&self, analysis: &Analysis) -> Verdict {
        let ignored = paths::overlook(&self.ignore, analysis);
        let mut whole = Measures::of(analysis);
        // A number that is still missing costs a look at every entry.
        if self.limits.keys().any(|rule| !rule.needs_baseline() && rule.value(&whole, None).is_none()) {
            whole = whole.with_largest_file(analysis);
        }
        let now = whole.clone().without(&ignored);
        let before = self.baseline.as_ref().map(|baseline| &baseline.measures);
        let mut rules: Vec<Judged> = Vec::new();
        for (rule, limits) in &self.limits {
            // What the baseline overlooked is not known: the whole is compared with the whole.
            rules.push(match (rule.needs_baseline(), now == whole) {
                (true, _) => limits.judge(*rule, &whole, before),
                (false, true) => limits.judge(*rule, &now, before),
                (false, false) => limits.judge(*rule, &now, before.filter(|_| !rule.counts_waste())),
            });
        }
        rules.extend(self.forbid.iter().map(|forbidden| forbidden.judge(analysis)));
        rules.extend(ignored.iter().filter(|ignored| ignored.is_expired).map(Ignored::judge_expiry));
        let mut notes = Vec::new();
        if let Some(dive) = &self.dive {
            rules.extend(dive.judge(analysis));
            notes.push(dive.note());
        }
        let compared = self.baseline.as_ref().map(|baseline| Compared {
            source: baseline.source.clone(),
            before: baseline.measures.clone(),
            now: whole,
        });
        let caveats = caveats::of(self, analysis, &ignored);
        Verdict { rules, ignored, compared, notes, caveats, nothing_to_judge: analysis.layers.is_empty() }
    }
}
