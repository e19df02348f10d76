//! `--write-config`: a `.layerlens.toml` whose limits stand just above what an image has today, so that it may get better
//! and not worse. Sizes are rounded up to two digits: at most a tenth is added.

use std::fmt::Write as _;

use super::setting::quoted;
use crate::analysis::{Analysis, ratio};
use crate::escape::escape;
use crate::gate::measures::Measures;
use crate::gate::{Rule, Value};

/// A limit on waste is never below this: every installation leaves some.
const LEAST_WASTE: u64 = 100_000;

/// Returns the file's text.
#[must_use]
pub fn config_for(analysis: &Analysis) -> String {
    let now = Measures::of(analysis).with_largest_file(analysis);
    let name = escape(analysis.spec.tags.first().unwrap_or(&analysis.source).as_bytes());
    let mut text = format!("# Limits just above what {name} has today: it may get better, and not worse.\n\n[rules]\n");
    for rule in Rule::all().filter(|rule| !rule.depends_on_base() || analysis.base.layer_count > 0) {
        // A growth is compared with a baseline: there is no number of today.
        let Some((limit, today)) = rule.value(&now, None).and_then(|value| just_above(value, rule)) else { continue };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} = {limit}  # {today} today", rule.name());
    }
    text
}

/// Returns the limit, and for people what it is now.
fn just_above(value: Value, rule: Rule) -> Option<(String, String)> {
    match value {
        Value::Bytes { actual, .. } => {
            let limit = if rule.counts_waste() { actual.max(LEAST_WASTE) } else { actual };
            Some((quoted(&rounded_up(limit)), format!("{actual} bytes")))
        }
        Value::Share { part, whole } => Some((hundredths(part, whole), format!("{:.4}", ratio(part, whole)))),
        Value::Count(count) => Some((count.to_string(), count.to_string())),
        Value::Growth { .. } => None,
    }
}

/// Returns a share rounded down to hundredths.
fn hundredths(part: u64, whole: u64) -> String {
    let hundredths = (u128::from(part) * 100).checked_div(whole.into()).unwrap_or(100);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Returns a size of two digits that is no smaller.
fn rounded_up(bytes: u64) -> String {
    let digits = bytes.checked_ilog10().unwrap_or(0);
    let step = 10u128.pow(digits.saturating_sub(1));
    let rounded = u128::from(bytes).div_ceil(step) * step;
    let units = [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")];
    match units.into_iter().find(|(unit, _)| rounded >= *unit) {
        Some((unit, name)) if rounded / unit < 10 && !rounded.is_multiple_of(unit) => {
            format!("{}.{}{name}", rounded / unit, rounded % unit * 10 / unit)
        }
        Some((unit, name)) => format!("{}{name}", rounded / unit),
        None => format!("{rounded}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::parse_size;

    #[test]
    fn sizes_are_rounded_up() {
        for (bytes, text) in [
            (0, "0B"),
            (7, "7B"),
            (999, "1kB"),
            (1001, "1.1kB"),
            (4_195_328, "4.2MB"),
            (12_000_000, "12MB"),
            (12_000_001, "13MB"),
            (999_999_999, "1GB"),
            (123_456_789_012_345, "130TB"),
        ] {
            assert_eq!(rounded_up(bytes), text);
            assert!(parse_size(text).is_ok_and(|limit| limit >= bytes), "{text}");
        }
        assert_eq!(hundredths(2, 3), "0.66");
        assert_eq!(hundredths(0, 0), "1.00");
    }
}
