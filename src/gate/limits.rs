//! The limits of one rule, and how a number is held to them.

use std::fmt;

use super::measures::Measures;
use super::verdict::{Actual, Judged};
use super::{Rule, Share};
use crate::size::Limit;

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

/// A number of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    /// Bytes, and what a percentage is taken of.
    Bytes { actual: u64, whole: u64 },
    /// A part and its whole.
    Share { part: u64, whole: u64 },
    /// A number of things.
    Count(u64),
    /// The baseline's bytes, and the image's.
    Growth { before: u64, now: u64 },
}

impl Value {
    /// Returns by how much the limit is passed; nothing where it holds.
    fn excess(self, threshold: &Threshold) -> Option<u64> {
        let bytes =
            |limit: &Limit, actual, whole| limit.is_exceeded_by(actual, whole).then(|| actual - limit.to_bytes(whole));
        match (self, threshold) {
            (Value::Bytes { actual, whole }, Threshold::Bytes(limit)) => bytes(limit, actual, whole),
            (Value::Growth { before, now }, Threshold::Bytes(limit)) => {
                bytes(limit, now.saturating_sub(before), before)
            }
            (Value::Share { part, whole }, Threshold::Share(share)) => (!share.is_reached_by(part, whole)).then_some(0),
            (Value::Count(actual), Threshold::Count(limit)) => actual.checked_sub(*limit).filter(|excess| *excess > 0),
            // A limit that is compared with another kind of number cannot be said to hold.
            _ => Some(0),
        }
    }

    fn actual(self, excess: u64) -> Actual {
        match self {
            Value::Bytes { actual, .. } => Actual::Bytes { actual, excess },
            Value::Share { part, whole } => Actual::Share(crate::analysis::ratio(part, whole)),
            Value::Count(count) => Actual::Count(count),
            Value::Growth { before, now } => Actual::Growth { before, now, excess },
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

    /// Holds the image's number to the limits. Without its number, or without the baseline that it needs, a rule is broken:
    /// it cannot be said to hold.
    pub(super) fn judge(&self, rule: Rule, image: &Measures, baseline: Option<&Measures>) -> Judged {
        let value = rule.value(image, baseline);
        let excess = |level| match (value, self.at(level)) {
            (Some(value), Some(limit)) => value.excess(limit),
            (None, Some(_)) => Some(0),
            (_, None) => None,
        };
        let (failed, warned) = (excess(Level::Fail), excess(Level::Warn));
        let text = |level| self.at(level).map(ToString::to_string);
        let before = baseline.and_then(|baseline| rule.value(baseline, None)).map(|value| value.actual(0));
        let (about, layer) = rule.subject(image).unzip();
        Judged {
            rule: rule.name(),
            limit: text(Level::Fail).or_else(|| text(Level::Warn)).unwrap_or_default(),
            warn: text(Level::Warn),
            actual: value.map_or(Actual::Unknown, |value| value.actual(failed.or(warned).unwrap_or(0))),
            before,
            about,
            layer,
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
