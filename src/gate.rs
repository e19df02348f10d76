//! Rules over an analysis. MODEL.md 8: a rule is broken when the value is beyond the limit; equality passes.

use std::fmt;
use std::str::FromStr;

use crate::analysis::Analysis;
use crate::size::{Limit, Units};

/// The limits that an image is held to; what is not set is no rule.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Wasted bytes of the whole image; a percentage is of its stored bytes.
    pub max_waste: Option<Limit>,
    /// Wasted bytes of the layers above the base; a percentage is of their stored bytes.
    pub max_user_waste: Option<Limit>,
    /// The share of stored bytes that containers see.
    pub min_efficiency: Option<Share>,
    /// Stored bytes of the whole image.
    pub max_size: Option<Limit>,
    /// The number of layers.
    pub max_layers: Option<u32>,
}

/// A share between 0 and 1, kept exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    text: String,
    /// Billionths.
    billionths: u64,
}

const BILLION: u64 = 1_000_000_000;

/// Text that is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a share: write a number from 0 to 1 like 0.95, or a percentage like 95%")]
pub struct NotAShare;

impl FromStr for Share {
    type Err = NotAShare;

    fn from_str(text: &str) -> Result<Self, NotAShare> {
        let text = text.trim();
        let (number, shift) = text.strip_suffix('%').map_or((text, 9), |number| (number.trim(), 7));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || fraction.len() > shift || !all_digits(whole) || !all_digits(fraction) {
            return Err(NotAShare);
        }
        let billionths = format!("{whole}{fraction:0<shift$}").parse().map_err(|_| NotAShare)?;
        (billionths <= BILLION).then_some(Share { text: text.to_owned(), billionths }).ok_or(NotAShare)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// What a rule looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Actual {
    /// Bytes, and how many are beyond the limit.
    Bytes {
        /// The image's value.
        actual: u64,
        /// What is too much; 0 where the rule holds.
        excess: u64,
    },
    /// A share between 0 and 1.
    Share(f64),
    /// A number of things.
    Count(u64),
}

/// One rule, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The rule's name, as in the flag.
    pub rule: &'static str,
    /// The limit as it was typed.
    pub limit: String,
    /// The image's value.
    pub actual: Actual,
    /// Whether the rule holds.
    pub passed: bool,
}

/// All rules, judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// In a fixed order.
    pub rules: Vec<Judged>,
}

impl Verdict {
    /// Says whether all rules hold; so they do where there are none.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.rules.iter().all(|rule| rule.passed)
    }
}

impl Rules {
    /// Holds the image to the rules.
    #[must_use]
    pub fn judge(&self, analysis: &Analysis) -> Verdict {
        let totals = &analysis.totals;
        let mut rules = Vec::new();
        let mut bytes = |rule, limit: &Option<Limit>, actual: u64, whole: u64| {
            if let Some(limit) = limit {
                let passed = !limit.is_exceeded_by(actual, whole);
                let excess = if passed { 0 } else { actual - limit.to_bytes(whole) };
                rules.push(Judged { rule, limit: limit.to_string(), actual: Actual::Bytes { actual, excess }, passed });
            }
        };
        bytes("max-waste", &self.max_waste, totals.wasted_bytes, totals.stored_bytes);
        bytes("max-user-waste", &self.max_user_waste, totals.user_wasted_bytes(), totals.user_stored_bytes);
        bytes("max-size", &self.max_size, totals.stored_bytes, totals.stored_bytes);
        if let Some(share) = &self.min_efficiency {
            // final / stored >= share, without division.
            let reached = u128::from(totals.final_bytes) * u128::from(BILLION);
            let passed = reached >= u128::from(totals.stored_bytes) * u128::from(share.billionths);
            let actual = Actual::Share(totals.efficiency());
            rules.push(Judged { rule: "min-efficiency", limit: share.to_string(), actual, passed });
        }
        if let Some(most) = self.max_layers {
            let actual = analysis.layers.len() as u64;
            let passed = actual <= u64::from(most);
            rules.push(Judged { rule: "max-layers", limit: most.to_string(), actual: Actual::Count(actual), passed });
        }
        Verdict { rules }
    }
}

impl Judged {
    /// Returns the rule in a sentence: the value, the limit, and by how much it is missed.
    #[must_use]
    pub fn sentence(&self, units: Units) -> String {
        let Judged { rule, limit, actual, passed } = self;
        match actual {
            Actual::Bytes { actual, excess } if !passed => {
                format!("{rule}: {}, limit {limit}: {} too much", units.show(*actual), units.show(*excess))
            }
            Actual::Bytes { actual, .. } => format!("{rule}: {}, limit {limit}", units.show(*actual)),
            Actual::Share(share) => format!("{rule}: {share:.4}, limit {limit}"),
            Actual::Count(count) => format!("{rule}: {count}, limit {limit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares() {
        for (text, billionths) in
            [("0.95", 950_000_000), ("95%", 950_000_000), ("1", BILLION), ("0", 0), ("99.5%", 995_000_000)]
        {
            assert_eq!(text.parse::<Share>().map(|share| share.billionths), Ok(billionths), "{text}");
        }
        for bad in ["", "1.1", "101%", "-0.5", "x", ".5", "0.95x", "0.0000000001"] {
            assert_eq!(bad.parse::<Share>(), Err(NotAShare), "{bad}");
        }
    }
}
