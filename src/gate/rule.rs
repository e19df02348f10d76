//! The rules that compare one number with a limit: a table.
//!
//! A new rule is a row here, and a field of [`Measures`] where it compares a number that is not measured yet. The row gives
//! the rule its flag with its help, its key in `.layerlens.toml`, its `LAYERLENS_*` variable, what its limits look like, its
//! line in `--write-config` and in the verdict.

use std::fmt;

use super::NotAShare;
use super::limits::{Threshold, Value};
use super::measures::Measures;
use crate::layer::entry::LayerNumber;
use crate::size::{self, Limit, NotASize};

/// A rule that has a limit. Rules are ordered as reports show them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule(usize);

/// One row of the table.
struct Row {
    /// The name of the flag, of the key and in reports.
    name: &'static str,
    /// The first line of `--help`, without a full stop.
    help: &'static str,
    measure: Measure,
    counts: Counts,
    /// What the number belongs to, where that is one layer or file.
    subject: fn(&Measures) -> Option<Subject>,
}

/// The number that a rule compares. Limits of bytes and counts are maximums, limits of shares minimums.
#[derive(Clone, Copy)]
enum Measure {
    /// Bytes; nothing where they have not been measured, because that costs a look at every entry.
    Bytes(fn(&Measures) -> Option<u64>),
    /// Bytes that are a part of others: the limit can be a percentage of those.
    Part(fn(&Measures) -> u64, fn(&Measures) -> u64),
    /// The same where the part is only known if it was looked for.
    FoundPart(fn(&Measures) -> Option<u64>, fn(&Measures) -> u64),
    /// A part and its whole, as a share between 0 and 1.
    Share(fn(&Measures) -> u64, fn(&Measures) -> u64),
    /// A number of things.
    Count(fn(&Measures) -> u64),
    /// Bytes, compared with those of the baseline.
    Growth(fn(&Measures) -> u64),
}

/// What the number is made of, which decides what can change it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// Everything that is stored.
    All,
    /// Waste, some of which can be ignored.
    Waste,
    /// Waste above the base image, so it also depends on where the base ends.
    UserWaste,
}

/// Enough bytes to tell every percentage above 100 from 100.
const WHOLE: u64 = 1_000_000_000_000_000;

/// What a number belongs to, for people and escaped, and the layer.
pub(super) type Subject = (String, LayerNumber);

static TABLE: [Row; 10] = [
    row(
        "max-waste",
        "Maximum waste: 10MB, 10MiB, or a share of the stored bytes like 2.5%",
        Measure::Part(|image| image.wasted_bytes, |image| image.stored_bytes),
    )
    .counting(Counts::Waste),
    row(
        "max-user-waste",
        "Maximum waste in the layers above the base image; a share is of the bytes these layers store",
        Measure::Part(|image| image.user_wasted_bytes, |image| image.user_stored_bytes),
    )
    .counting(Counts::UserWaste),
    row(
        "max-needless",
        "Maximum size of what most likely nothing in the final image needs; a share is of the bytes that containers see",
        Measure::FoundPart(|image| image.needless_bytes, |image| image.final_bytes),
    ),
    row(
        "max-size",
        "Maximum size of the image: uncompressed, all layers together",
        Measure::Bytes(|image| Some(image.stored_bytes)),
    ),
    row("max-layer-size", "Maximum size of any layer", Measure::Bytes(|image| Some(image.largest_layer_bytes)))
        .about(|image| image.largest_layer.map(|layer| (format!("layer {layer}"), layer))),
    row(
        "max-file-size",
        "Maximum size of any file in any layer, even if deleted later",
        Measure::Bytes(|image| image.largest_file_bytes),
    )
    .about(|image| image.largest_file.as_ref().map(|(path, layer)| (format!("{path}, layer {layer}"), *layer))),
    row(
        "min-efficiency",
        "Minimum share of the stored bytes that is visible in the final image: 0.95 or 95%",
        Measure::Share(|image| image.final_bytes, |image| image.final_bytes + image.wasted_bytes),
    )
    .counting(Counts::Waste),
    row("max-layers", "Maximum number of layers", Measure::Count(|image| image.layer_count)),
    row(
        "max-growth",
        "Maximum growth of the stored bytes over --baseline: 10MB, or a share of its stored bytes like 1%",
        Measure::Growth(|image| image.stored_bytes),
    ),
    row(
        "max-waste-growth",
        "Maximum growth of the waste over --baseline: 10MB, or a share of its waste like 1%",
        Measure::Growth(|image| image.wasted_bytes),
    )
    .counting(Counts::Waste),
];

const fn row(name: &'static str, help: &'static str, measure: Measure) -> Row {
    Row { name, help, measure, counts: Counts::All, subject: |_| None }
}

impl Row {
    const fn counting(self, counts: Counts) -> Self {
        Row { counts, ..self }
    }

    const fn about(self, subject: fn(&Measures) -> Option<Subject>) -> Self {
        Row { subject, ..self }
    }
}

impl Rule {
    /// Returns all rules, in the order of reports.
    pub fn all() -> impl Iterator<Item = Rule> + Clone {
        (0..TABLE.len()).map(Rule)
    }

    /// Returns the rule of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Rule> {
        Rule::all().find(|rule| rule.name() == name)
    }

    fn row(self) -> &'static Row {
        &TABLE[self.0]
    }

    /// Returns the name of the flag, of the key and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns one sentence for `--help`.
    #[must_use]
    pub fn help(self) -> &'static str {
        self.row().help
    }

    /// Returns what `--help` calls the limit: `SIZE`, `SHARE`, `N`.
    #[must_use]
    pub fn value_name(self) -> &'static str {
        match self.row().measure {
            Measure::Bytes(_) | Measure::Part(..) | Measure::FoundPart(..) | Measure::Growth(_) => "SIZE",
            Measure::Share(..) => "SHARE",
            Measure::Count(_) => "N",
        }
    }

    /// Says whether the rule compares the image with another one.
    #[must_use]
    pub fn needs_baseline(self) -> bool {
        matches!(self.row().measure, Measure::Growth(_))
    }

    /// Says whether the rule is about waste, some of which can be ignored.
    #[must_use]
    pub fn counts_waste(self) -> bool {
        self.row().counts != Counts::All
    }

    /// Says whether the number depends on where the base image ends.
    #[must_use]
    pub fn depends_on_base(self) -> bool {
        self.row().counts == Counts::UserWaste
    }

    /// Says whether findings have to be looked for.
    #[must_use]
    pub fn needs_findings(self) -> bool {
        matches!(self.row().measure, Measure::FoundPart(..))
    }

    /// Understands a limit.
    ///
    /// # Errors
    /// A sentence that says what a limit of this rule looks like.
    pub fn parse(self, text: &str) -> Result<Threshold, String> {
        let bytes = |text: &str| text.parse().map(Threshold::Bytes).map_err(|error: NotASize| error.to_string());
        match self.row().measure {
            Measure::Growth(_) => bytes(text),
            Measure::Part(..) | Measure::FoundPart(..) => {
                let limit: Limit = text.parse().map_err(|error: NotASize| error.to_string())?;
                // A part is never larger than its whole: such a limit would always hold.
                if text.trim().ends_with('%') && !limit.is_exceeded_by(WHOLE + 1, WHOLE) {
                    return Err(format!("{text:?} is more than all of it: write at most 100%"));
                }
                Ok(Threshold::Bytes(limit))
            }
            Measure::Bytes(_) => {
                // There is nothing that a percentage could be taken of.
                size::parse_size(text).map_err(|error| error.to_string())?;
                bytes(text)
            }
            Measure::Share(..) => {
                text.parse().map(Threshold::Share).map_err(|error: NotAShare| format!("{text:?} is {error}"))
            }
            Measure::Count(_) => {
                let count = text.trim().parse::<u32>().map(|count| Threshold::Count(count.into()));
                count.map_err(|_| format!("{text:?} is not a whole number: write one like 30"))
            }
        }
    }

    /// Returns the number that is compared with the limit; nothing where it is not known.
    pub(crate) fn value(self, image: &Measures, baseline: Option<&Measures>) -> Option<Value> {
        Some(match self.row().measure {
            Measure::Bytes(of) => Value::Bytes { actual: of(image)?, whole: 0 },
            Measure::Part(part, whole) => Value::Bytes { actual: part(image), whole: whole(image) },
            Measure::FoundPart(part, whole) => Value::Bytes { actual: part(image)?, whole: whole(image) },
            Measure::Share(part, whole) => Value::Share { part: part(image), whole: whole(image) },
            Measure::Count(of) => Value::Count(of(image)),
            Measure::Growth(of) => Value::Growth { before: of(baseline?), now: of(image) },
        })
    }

    /// Returns what the number belongs to, where that is one layer or file.
    pub(super) fn subject(self, image: &Measures) -> Option<Subject> {
        (self.row().subject)(image)
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_find_their_rule() {
        for rule in Rule::all() {
            assert_eq!(Rule::named(rule.name()), Some(rule));
        }
        assert_eq!(Rule::named("max-wast"), None);
    }

    #[test]
    fn limits_are_those_of_the_number() {
        for (rule, good, bad) in [
            ("max-waste", "2.5%", "1XB"),
            ("max-waste", "100%", "101%"),
            ("max-user-waste", "1%", "100.000001%"),
            ("max-needless", "10%", "101%"),
            ("max-size", "2.5GB", "5%"),
            ("min-efficiency", "95%", "10MB"),
            ("max-layers", "30", "-1"),
            ("max-growth", "150%", "more"),
        ] {
            let rule = Rule::named(rule).expect(rule);
            assert_eq!(rule.parse(good).map(|limit| limit.to_string()), Ok(good.to_owned()));
            assert!(rule.parse(bad).expect_err(bad).contains(bad));
        }
    }
}
