//! Sizes as people write and read them: parse `10MB`, `10MiB`, `2.5%`; show bytes in SI, IEC or exact units.

use std::fmt;
use std::str::FromStr;

use humansize::{BINARY, DECIMAL, FormatSizeOptions, format_size};

/// How sizes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Units {
    /// Powers of 1000: kB, MB, GB; what `docker history` shows.
    #[default]
    Si,
    /// Powers of 1024: KiB, MiB, GiB.
    Iec,
    /// Exact bytes.
    Bytes,
}

impl Units {
    /// Returns `bytes` as text, with one decimal above the first unit.
    #[must_use]
    pub fn show(self, bytes: u64) -> String {
        let options = |base: FormatSizeOptions| base.decimal_places(1).decimal_zeroes(1);
        match self {
            Units::Si if bytes >= 1000 => format_size(bytes, options(DECIMAL)),
            Units::Iec if bytes >= 1024 => format_size(bytes, options(BINARY)),
            _ => format!("{bytes} B"),
        }
    }
}

/// A limit on bytes: absolute, or a share of the image's stored bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    text: String,
    amount: Amount,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Amount {
    Bytes(u64),
    Percent(Decimal),
}

/// A decimal number, kept exact: `digits / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Decimal {
    digits: u128,
    scale: u32,
}

/// Text that is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a size: write a number with a unit, like 10MB (10 000 000 bytes), 10MiB (10 485 760 bytes){percent}"
)]
pub struct NotASize {
    text: String,
    percent: &'static str,
}

impl Limit {
    /// Says whether `actual` bytes are more than the limit allows; a percentage is taken of `whole`. Equality passes.
    #[must_use]
    pub fn is_exceeded_by(&self, actual: u64, whole: u64) -> bool {
        match self.amount {
            Amount::Bytes(limit) => actual > limit,
            // actual / whole > digits / 10^scale / 100, without division: exact for every u64.
            Amount::Percent(Decimal { digits, scale }) => {
                let left = u128::from(actual).saturating_mul(100 * 10u128.pow(scale));
                left > u128::from(whole).saturating_mul(digits)
            }
        }
    }

    /// Returns the limit in bytes; a percentage is taken of `whole`, rounded down.
    #[must_use]
    pub fn to_bytes(&self, whole: u64) -> u64 {
        match self.amount {
            Amount::Bytes(limit) => limit,
            Amount::Percent(Decimal { digits, scale }) => {
                let share = u128::from(whole).saturating_mul(digits) / (100 * 10u128.pow(scale));
                u64::try_from(share).unwrap_or(u64::MAX)
            }
        }
    }
}

impl fmt::Display for Limit {
    /// Writes the limit as it was typed.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl FromStr for Limit {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let failure = || NotASize { text: text.to_owned(), percent: ", or a share of the image like 2.5%" };
        let amount = match text.trim().strip_suffix('%') {
            Some(number) => Amount::Percent(Decimal::parse(number.trim()).ok_or_else(failure)?),
            None => Amount::Bytes(parse_bytes(text).ok_or_else(failure)?),
        };
        Ok(Limit { text: text.trim().to_owned(), amount })
    }
}

/// Parses an absolute size such as `10MB` or `1.5 GiB` into bytes.
///
/// # Errors
/// [`NotASize`] for anything else, percentages included.
pub fn parse_size(text: &str) -> Result<u64, NotASize> {
    parse_bytes(text).ok_or_else(|| NotASize { text: text.to_owned(), percent: "" })
}

/// Units ignore case; an `i` makes them binary; a bare number means bytes.
fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number = Decimal::parse(&text[..at])?;
    let factor: u128 = match text[at..].trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "m" | "mb" => 1000u128.pow(2),
        "g" | "gb" => 1000u128.pow(3),
        "t" | "tb" => 1000u128.pow(4),
        "ki" | "kib" => 1 << 10,
        "mi" | "mib" => 1 << 20,
        "gi" | "gib" => 1 << 30,
        "ti" | "tib" => 1 << 40,
        _ => return None,
    };
    u64::try_from(number.digits.checked_mul(factor)? / 10u128.pow(number.scale)).ok()
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = format!("{whole}{fraction}");
        let valid = !whole.is_empty() && digits.len() <= 24 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let scale = u32::try_from(fraction.len()).ok()?;
        let digits = valid.then(|| digits.parse().ok()).flatten()?;
        (fraction.len() <= 9).then_some(Decimal { digits, scale })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_parsed() {
        for (text, bytes) in [
            ("10MB", 10_000_000),
            ("10MiB", 10_485_760),
            ("1.5 GiB", 1_610_612_736),
            ("0", 0),
            ("512", 512),
            ("3kb", 3000),
            ("2TiB", 2 << 40),
        ] {
            assert_eq!(parse_size(text).ok(), Some(bytes), "{text}");
        }
        for bad in ["", "10XB", "-1", "MB", "1e3", "1.2.3MB", "10 M B", ".5MB", "99999999TB"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn percentages_are_exact_and_equality_passes() {
        let limit: Limit = "2.5%".parse().expect("a percentage");
        assert!(!limit.is_exceeded_by(25, 1000));
        assert!(limit.is_exceeded_by(26, 1000));
        assert!(!limit.is_exceeded_by(0, 0));
        assert_eq!(limit.to_bytes(1000), 25);
        let bytes: Limit = "10MB".parse().expect("a size");
        assert!(!bytes.is_exceeded_by(10_000_000, 1));
        assert!(bytes.is_exceeded_by(10_000_001, 1));
        assert_eq!(bytes.to_string(), "10MB");
        assert!("%".parse::<Limit>().is_err());
    }

    #[test]
    fn shown_with_one_decimal() {
        assert_eq!(Units::Si.show(0), "0 B");
        assert_eq!(Units::Si.show(999), "999 B");
        assert_eq!(Units::Si.show(100_000), "100.0 kB");
        assert_eq!(Units::Si.show(212_300_000), "212.3 MB");
        assert_eq!(Units::Iec.show(4 << 20), "4.0 MiB");
        assert_eq!(Units::Bytes.show(4_195_328), "4195328 B");
    }
}
