//! Rules over an analysis. MODEL.md 8: a rule is broken when the value is beyond the limit; equality passes.
//!
//! Each rule has up to two limits: beyond the one it warns, beyond the other it fails. What is not set is no rule, and no
//! rule is ever made up: without any the verdict is empty, and whoever shows it says so.
//!
//! [`Rules`] is what an image is held to, [`Verdict`] what came of it; [`measures`] are the numbers, of the image and of
//! its [`baseline`]. [`dive`] judges what a `.dive-ci` asks for by the numbers that it was written for.

pub mod baseline;
pub mod dive;
pub mod measures;
pub mod paths;
mod rule;
mod share;
mod verdict;

use std::collections::BTreeMap;

use crate::analysis::Analysis;
use baseline::Baseline;
use dive::DiveRules;
use measures::Measures;
use paths::{Forbidden, Ignore};

pub use rule::{Level, Limits, Rule, Threshold};
pub use share::{NotAShare, Share};
pub use verdict::{Actual, Compared, Ignored, Judged, Verdict};

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
}

impl Rules {
    /// Says whether nothing is asked of an image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let expires = self.ignore.iter().any(|ignore| ignore.expires.is_some());
        self.limits.is_empty() && self.forbid.is_empty() && self.dive.is_none() && !expires
    }

    /// Holds the image to the rules.
    ///
    /// Costs all paths where paths are forbidden or ignored or a `.dive-ci` is judged, else next to nothing.
    #[must_use]
    pub fn judge(&self, analysis: &Analysis) -> Verdict {
        let ignored = paths::overlook(&self.ignore, analysis);
        let whole = Measures::of(analysis);
        let mut now = whole.clone().without(&ignored);
        if self.limits.contains_key(&Rule::MaxFileSize) {
            now = now.with_largest_file(analysis);
        }
        let before = self.baseline.as_ref().map(|baseline| &baseline.measures);
        let mut rules: Vec<Judged> = Vec::new();
        for (rule, limits) in &self.limits {
            rules.push(limits.judge(*rule, &now, before));
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
        Verdict { rules, ignored, compared, notes }
    }
}
