//! A share between 0 and 1, kept exact: a rule must not break by a rounding.

use std::fmt;
use std::str::FromStr;

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

impl Share {
    /// Says whether `part / whole` reaches the share, without division; nothing of nothing does. Equality reaches it.
    #[must_use]
    pub fn is_reached_by(&self, part: u64, whole: u64) -> bool {
        u128::from(part) * u128::from(BILLION) >= u128::from(whole) * u128::from(self.billionths)
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
