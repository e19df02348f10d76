//! The rules that compare one number with a limit.

use std::fmt;

use super::measures::Measures;
use super::verdict::{Actual, Judged};
use super::{NotAShare, Share};
use crate::layer::entry::LayerNumber;
use crate::size::{self, Limit, NotASize};

/// A rule that has a limit, in the order of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Wasted bytes of the whole image; a percentage is of its stored bytes.
    MaxWaste,
    /// Wasted bytes of the layers above the base; a percentage is of their stored bytes.
    MaxUserWaste,
    /// Stored bytes of the whole image.
    MaxSize,
    /// Stored bytes of the largest layer.
    MaxLayerSize,
    /// Bytes of the largest file that any layer stores.
    MaxFileSize,
    /// The share of stored bytes that containers see.
    MinEfficiency,
    /// The number of layers.
    MaxLayers,
    /// Stored bytes more than the baseline's; a percentage is of the baseline's stored bytes.
    MaxGrowth,
    /// Wasted bytes more than the baseline's, overlooked ones included; a percentage is of the baseline's wasted bytes.
    MaxWasteGrowth,
}

/// What a rule does when its limit is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// It says so.
    Warn,
    /// It is broken: the gate fails.
    Fail,
}

/// One limit.
#[derive(Debug, Clone, PartialEq)]
pub enum Threshold {
    /// So many bytes, or a share of others.
    Bytes(Limit),
    /// A share of all.
    Share(Share),
    /// So many things.
    Count(u64),
}

/// The limits of one rule.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// Beyond this it warns.
    pub warn: Option<Threshold>,
    /// Beyond this it fails.
    pub fail: Option<Threshold>,
}

impl Level {
    /// Returns the name that configuration files use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Level::Warn => "warn",
            Level::Fail => "fail",
        }
    }
}

impl Rule {
    /// All rules, in the order of reports.
    pub const ALL: [Rule; 9] = [
        Rule::MaxWaste,
        Rule::MaxUserWaste,
        Rule::MaxSize,
        Rule::MaxLayerSize,
        Rule::MaxFileSize,
        Rule::MinEfficiency,
        Rule::MaxLayers,
        Rule::MaxGrowth,
        Rule::MaxWasteGrowth,
    ];

    /// Returns the name: that of the flag, of the key and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Rule::MaxWaste => "max-waste",
            Rule::MaxUserWaste => "max-user-waste",
            Rule::MaxSize => "max-size",
            Rule::MaxLayerSize => "max-layer-size",
            Rule::MaxFileSize => "max-file-size",
            Rule::MinEfficiency => "min-efficiency",
            Rule::MaxLayers => "max-layers",
            Rule::MaxGrowth => "max-growth",
            Rule::MaxWasteGrowth => "max-waste-growth",
        }
    }

    /// Returns the rule of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Rule> {
        Rule::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// Says whether the rule compares the image with another one.
    #[must_use]
    pub fn needs_baseline(self) -> bool {
        matches!(self, Rule::MaxGrowth | Rule::MaxWasteGrowth)
    }

    /// Says whether the rule is about waste, some of which can be overlooked.
    #[must_use]
    pub fn counts_waste(self) -> bool {
        matches!(self, Rule::MaxWaste | Rule::MaxUserWaste | Rule::MinEfficiency | Rule::MaxWasteGrowth)
    }

    /// Understands a limit.
    ///
    /// # Errors
    /// A sentence that says what a limit of this rule looks like.
    pub fn parse(self, text: &str) -> Result<Threshold, String> {
        let bytes = |text: &str| text.parse().map(Threshold::Bytes).map_err(|error: NotASize| error.to_string());
        match self {
            Rule::MaxWaste | Rule::MaxUserWaste | Rule::MaxGrowth | Rule::MaxWasteGrowth => bytes(text),
            Rule::MaxSize | Rule::MaxLayerSize | Rule::MaxFileSize => {
                // A share of what? These are sizes and nothing else.
                size::parse_size(text).map_err(|error| error.to_string())?;
                bytes(text)
            }
            Rule::MinEfficiency => {
                text.parse().map(Threshold::Share).map_err(|error: NotAShare| format!("{text:?} is {error}"))
            }
            Rule::MaxLayers => {
                let count = text.trim().parse::<u32>().map(|count| Threshold::Count(count.into()));
                count.map_err(|_| format!("{text:?} is not a number of layers: write one like 30"))
            }
        }
    }

    /// Returns the value of the rule in an image, and what a percentage is taken of.
    fn value(self, now: &Measures, before: Option<&Measures>) -> Option<(Value, u64)> {
        let growth = |of: fn(&Measures) -> u64| before.map(|before| (Value::Growth(of(before), of(now)), of(before)));
        Some(match self {
            Rule::MaxWaste => (Value::Bytes(now.wasted_bytes), now.stored_bytes),
            Rule::MaxUserWaste => (Value::Bytes(now.user_wasted_bytes), now.user_stored_bytes),
            Rule::MaxSize => (Value::Bytes(now.stored_bytes), 0),
            Rule::MaxLayerSize => (Value::Bytes(now.largest_layer_bytes), 0),
            Rule::MaxFileSize => (Value::Bytes(now.largest_file_bytes?), 0),
            Rule::MinEfficiency => (Value::Share(now.final_bytes, now.final_bytes + now.wasted_bytes), 0),
            Rule::MaxLayers => (Value::Count(now.layer_count), 0),
            Rule::MaxGrowth => growth(|measures| measures.stored_bytes)?,
            Rule::MaxWasteGrowth => growth(|measures| measures.wasted_bytes)?,
        })
    }

    fn about(self, now: &Measures) -> Option<String> {
        match self {
            Rule::MaxLayerSize => now.largest_layer.map(|layer| format!("layer {layer}")),
            Rule::MaxFileSize => now.largest_file.as_ref().map(|(path, layer)| format!("{path}, layer {layer}")),
            _ => None,
        }
    }

    fn layer(self, now: &Measures) -> Option<LayerNumber> {
        match self {
            Rule::MaxLayerSize => now.largest_layer,
            Rule::MaxFileSize => now.largest_file.as_ref().map(|(_, layer)| *layer),
            _ => None,
        }
    }
}

/// A number of an image.
#[derive(Clone, Copy)]
enum Value {
    Bytes(u64),
    /// Part and whole.
    Share(u64, u64),
    Count(u64),
    /// Before and now.
    Growth(u64, u64),
}

impl Value {
    /// Returns by how much the limit is passed; nothing where it holds.
    fn excess(self, threshold: &Threshold, whole: u64) -> Option<u64> {
        let bytes = |limit: &Limit, actual| limit.is_exceeded_by(actual, whole).then(|| actual - limit.to_bytes(whole));
        match (self, threshold) {
            (Value::Bytes(actual), Threshold::Bytes(limit)) => bytes(limit, actual),
            (Value::Growth(before, now), Threshold::Bytes(limit)) => bytes(limit, now.saturating_sub(before)),
            (Value::Share(part, whole), Threshold::Share(share)) => (!share.is_reached_by(part, whole)).then_some(0),
            (Value::Count(actual), Threshold::Count(limit)) => actual.checked_sub(*limit).filter(|excess| *excess > 0),
            // Thresholds are parsed by their own rule: no other pairs come up.
            _ => None,
        }
    }

    fn actual(self, excess: u64) -> Actual {
        match self {
            Value::Bytes(actual) => Actual::Bytes { actual, excess },
            Value::Share(part, whole) => Actual::Share(crate::analysis::ratio(part, whole)),
            Value::Count(count) => Actual::Count(count),
            Value::Growth(before, now) => Actual::Growth { before, now, excess },
        }
    }
}

impl Limits {
    /// Returns the limit of a level.
    #[must_use]
    pub fn at(&self, level: Level) -> Option<&Threshold> {
        match level {
            Level::Warn => self.warn.as_ref(),
            Level::Fail => self.fail.as_ref(),
        }
    }

    /// Sets the limit of a level.
    pub fn set(&mut self, level: Level, threshold: Threshold) {
        match level {
            Level::Warn => self.warn = Some(threshold),
            Level::Fail => self.fail = Some(threshold),
        }
    }

    /// Holds the image's numbers to the limits. A rule that needs a baseline is broken without one: it cannot be said to
    /// hold.
    pub(super) fn judge(&self, rule: Rule, now: &Measures, before: Option<&Measures>) -> Judged {
        let value = rule.value(now, before);
        let excess = |level| match (value, self.at(level)) {
            (Some((value, whole)), Some(limit)) => value.excess(limit, whole),
            (None, Some(_)) => Some(0),
            (_, None) => None,
        };
        let (failed, warned) = (excess(Level::Fail), excess(Level::Warn));
        let text = |level| self.at(level).map(ToString::to_string);
        let earlier = before.and_then(|before| rule.value(before, None)).map(|(value, _)| value.actual(0));
        Judged {
            rule: rule.name(),
            limit: text(Level::Fail).or_else(|| text(Level::Warn)).unwrap_or_default(),
            warn: text(Level::Warn),
            actual: value.map_or(Actual::Unknown, |(value, _)| value.actual(failed.or(warned).unwrap_or(0))),
            before: earlier,
            about: rule.about(now),
            layer: rule.layer(now),
            passed: failed.is_none(),
            warned: failed.is_none() && warned.is_some(),
        }
    }
}

impl fmt::Display for Threshold {
    /// Writes the limit as it was typed.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Threshold::Bytes(limit) => limit.fmt(out),
            Threshold::Share(share) => share.fmt(out),
            Threshold::Count(count) => count.fmt(out),
        }
    }
}
