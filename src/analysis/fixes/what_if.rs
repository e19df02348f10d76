//! What would merging these layers save, or making these fixes? Any ranges, whether it pays or not; the same code as for the
//! suggestions.

use std::fmt;
use std::str::FromStr;

use super::alternatives::Workshop;
use super::choosing::{Group, Unavoidable};
use super::in_place::Refusals;
use super::{Fix, merge_of};
use crate::analysis::Analysis;
use crate::analysis::findings::Finding;
use crate::analysis::waste::WasteRecord;
use crate::layer::entry::LayerNumber;

/// Ranges of layers, as typed: `4..7` or `4..7,9..10`. Both ends belong to a range; ranges ascend and do not meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranges(Vec<(u32, u32)>);

/// Text that is no list of ranges, or ranges that the image does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}: write ranges of layers from the bottom up, like 4..7 or 4..7,9..10")]
pub struct NotRanges {
    problem: String,
}

impl FromStr for Ranges {
    type Err = NotRanges;

    fn from_str(text: &str) -> Result<Self, NotRanges> {
        let failure = |problem: String| NotRanges { problem };
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once("..").ok_or_else(|| failure(format!("{part:?} is not a range")))?;
            let number = |text: &str| text.trim().parse::<u32>().ok().filter(|number| *number > 0);
            let (Some(first), Some(last)) = (number(first), number(last.trim_start_matches('='))) else {
                return Err(failure(format!("{part:?} is not a range")));
            };
            if first >= last {
                return Err(failure(format!("{part:?} holds less than two layers")));
            }
            if ranges.last().is_some_and(|(_, before)| *before >= first) {
                return Err(failure(format!("{part:?} begins before the range in front of it ends")));
            }
            ranges.push((first, last));
        }
        Ok(Ranges(ranges))
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.0.iter().enumerate() {
            write!(out, "{}{first}..{last}", if at > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

impl Ranges {
    /// Returns the ranges as places of layers, both ends included.
    pub(crate) fn places(&self) -> impl Iterator<Item = std::ops::RangeInclusive<usize>> + '_ {
        self.0.iter().map(|(first, last)| *first as usize - 1..=*last as usize - 1)
    }

    /// Finds out whether an image has these layers.
    ///
    /// # Errors
    /// [`NotRanges`] where a range ends above its top.
    pub fn check(&self, layer_count: usize) -> Result<(), NotRanges> {
        match self.0.iter().find(|(_, last)| *last as usize > layer_count) {
            Some((_, last)) => {
                Err(NotRanges { problem: format!("there is no layer {last}: the image has {layer_count}") })
            }
            None => Ok(()),
        }
    }
}

/// The image that a merge or some fixes would make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhatIf {
    /// What becomes of each range, bottom first, one that saves nothing among them; or the fixes.
    pub merges: Vec<Fix>,
    /// The findings whose paths go, largest first.
    pub findings: Vec<Finding>,
    /// All of them together.
    pub saves_bytes: u64,
    /// The image's stored bytes afterwards.
    pub stored_bytes: u64,
    /// The bytes that containers see then.
    pub final_bytes: u64,
    /// What is still wasted.
    pub wasted_bytes: u64,
    /// How many layers are left.
    pub layer_count: usize,
}

impl Analysis {
    /// Returns what merging each of the ranges into one layer would make of the image. Costs the waste records.
    ///
    /// # Errors
    /// [`NotRanges`] where the image has not so many layers.
    pub fn what_if(&self, ranges: &Ranges) -> Result<WhatIf, NotRanges> {
        ranges.check(self.layers.len())?;
        let fit = self.dockerfile.as_ref().and_then(|fitted| fitted.fit.as_ref().ok());
        let timeline = super::timeline(&self.spec.history, self.layers.len(), fit);
        let base_count = self.base.layer_count;
        let unavoidable = Unavoidable::new(&self.index.tree);
        let workshop = Workshop {
            index: &self.index,
            timeline: &timeline,
            base_count,
            threshold: 0,
            unavoidable: &unavoidable,
            refusals: &Refusals::default(),
        };
        let merges: Vec<Fix> = ranges
            .places()
            .map(|range| {
                let is_inside = |layer: LayerNumber| range.contains(&layer.index());
                let records: Vec<&WasteRecord> = self
                    .waste
                    .iter()
                    .filter(|record| is_inside(record.stored_in) && is_inside(record.hidden_by))
                    .collect();
                let group = Group { members: range.clone().collect(), apart: Vec::new() };
                merge_of(&workshop, &group, &records)
            })
            .collect();
        let gone: usize = merges.iter().map(|merge| merge.layers.len() - 1).sum();
        Ok(self.less(merges, self.layers.len() - gone))
    }

    /// Returns the image without what some fixes save.
    pub(crate) fn less(&self, merges: Vec<Fix>, layer_count: usize) -> WhatIf {
        let saves_bytes = merges.iter().map(|merge| merge.saves_bytes).sum();
        WhatIf {
            merges,
            findings: Vec::new(),
            saves_bytes,
            stored_bytes: self.totals.stored_bytes - saves_bytes,
            final_bytes: self.totals.final_bytes,
            wasted_bytes: self.totals.wasted_bytes - saves_bytes,
            layer_count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_parsed() {
        for (text, shown) in [("4..7", "4..7"), ("4..7,9..10", "4..7,9..10"), (" 1 ..=2", "1..2")] {
            assert_eq!(text.parse::<Ranges>().map(|ranges| ranges.to_string()), Ok(shown.to_owned()), "{text}");
        }
        for bad in ["", "4", "7..4", "4..4", "0..3", "4..7,7..9", "4..7,2..3", "a..b", "4..7,"] {
            assert!(bad.parse::<Ranges>().is_err(), "{bad}");
        }
        assert!("4..7".parse::<Ranges>().is_ok_and(|ranges| ranges.check(6).is_err() && ranges.check(7).is_ok()));
    }
}
