//! What came of the rules.

use time::Date;

use super::measures::Measures;
use crate::columns::cut_middle;
use crate::layer::entry::LayerNumber;
use crate::size::Units;

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
    /// Bytes of the baseline and of the image; the rule is about the difference.
    Growth {
        /// The baseline's value.
        before: u64,
        /// The image's value.
        now: u64,
        /// What is too much; 0 where the rule holds.
        excess: u64,
    },
    /// A share between 0 and 1; `.dive-ci` knows shares above.
    Share(f64),
    /// A number of things.
    Count(u64),
    /// A number of forbidden paths.
    Paths(u64),
    /// The bytes that an entry stands for whose time is over.
    Expired(u64),
    /// The image does not tell.
    Unknown,
}

/// One rule, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The rule's name, as in the flag.
    pub rule: &'static str,
    /// The limit as it was typed: that of failing, or of warning where there is no other.
    pub limit: String,
    /// The limit of warning, where there is one.
    pub warn: Option<String>,
    /// The image's value.
    pub actual: Actual,
    /// The baseline's value, where there is one.
    pub before: Option<Actual>,
    /// What the value belongs to, where that is not the whole image: a layer, a path. Escaped.
    pub about: Option<String>,
    /// The layer that it belongs to, where it belongs to one.
    pub layer: Option<LayerNumber>,
    /// Whether the rule holds; one that only warns does.
    pub passed: bool,
    /// Whether it holds and warns.
    pub warned: bool,
}

/// Waste that the rules overlooked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The pattern, as it was typed.
    pub pattern: String,
    /// Why, where somebody said.
    pub reason: Option<String>,
    /// The last day on which it holds.
    pub expires: Option<Date>,
    /// The line of a file, or the variable, that says so; nothing for the command line. Escaped.
    pub set_in: Option<String>,
    /// Whether that day is over: it is overlooked no longer.
    pub is_expired: bool,
    /// The wasted bytes that it stands for.
    pub bytes: u64,
    /// Those of them that the base's layers store.
    pub inherited_bytes: u64,
    /// How many copies they are.
    pub count: u64,
}

/// An image beside its baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The baseline's name, escaped.
    pub source: String,
    /// The baseline's numbers.
    pub before: Measures,
    /// The image's, nothing overlooked.
    pub now: Measures,
}

/// All rules, judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// In a fixed order.
    pub rules: Vec<Judged>,
    /// What was overlooked.
    pub ignored: Vec<Ignored>,
    /// How the image differs from its baseline, where there is one.
    pub compared: Option<Compared>,
    /// What a reader should know about the numbers.
    pub notes: Vec<String>,
    /// What beside flags had a say in it, and what was only guessed: a part of the verdict's line.
    pub caveats: Vec<Caveat>,
    /// Whether the image has no layers: then every rule holds, and none of them says anything.
    pub nothing_to_judge: bool,
}

/// Something that a reader of the verdict's line has to know, because the verdict depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Caveat {
    /// Waste was ignored, and not by a flag.
    Ignored {
        /// How much.
        bytes: u64,
        /// The pattern, escaped.
        pattern: String,
        /// Where that is set.
        set_in: String,
    },
    /// More entries than are listed ignore waste.
    MoreIgnored(usize),
    /// The user's layers begin where a guess says.
    GuessedBase(u32),
    /// The user's layers begin where something else than a flag says.
    BaseSetIn(u32, String),
    /// What the image is compared with is set by something else than a flag.
    BaselineSetIn(String),
}

impl Caveat {
    fn show(&self, units: Units) -> String {
        let layers = |count: &u32| if *count == 1 { "1 layer".to_owned() } else { format!("{count} layers") };
        match self {
            Caveat::Ignored { bytes, pattern, set_in } => {
                format!("{} ignores {} ({})", cut_middle(set_in, 200), units.show(*bytes), cut_middle(pattern, 200))
            }
            Caveat::MoreIgnored(count) => format!("{count} more entries ignore waste"),
            Caveat::GuessedBase(count) => format!(
                "the base image ({}) is a guess: settle it with --base-layers {count} or --base IMAGE",
                layers(count)
            ),
            Caveat::BaseSetIn(count, set_in) => format!("{set_in} sets the base image ({})", layers(count)),
            Caveat::BaselineSetIn(set_in) => format!("{set_in} sets the baseline"),
        }
    }
}

impl Verdict {
    /// Says whether all rules hold; so they do where there are none.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.rules.iter().all(|rule| rule.passed)
    }

    /// Returns the verdict in one line, with its word in front.
    #[must_use]
    pub fn headline(&self, units: Units) -> String {
        match (self.rules.is_empty(), self.passed()) {
            (true, _) => self.line(units),
            (false, true) => format!("PASSED: {}", self.line(units)),
            (false, false) => format!("FAILED: {}", self.line(units)),
        }
    }

    /// Returns for people what the verdict depends on beside the image and the flags.
    pub fn caveats(&self, units: Units) -> impl Iterator<Item = String> {
        self.caveats.iter().map(move |caveat| caveat.show(units))
    }

    /// Returns in one line what came of the rules.
    #[must_use]
    pub fn line(&self, units: Units) -> String {
        std::iter::once(self.count()).chain(self.caveats(units)).collect::<Vec<_>>().join("; ")
    }

    fn count(&self) -> String {
        let rules = |count: usize| if count == 1 { "1 rule".to_owned() } else { format!("{count} rules") };
        let broken = self.rules.iter().filter(|rule| !rule.passed).count();
        let warned = match self.rules.iter().filter(|rule| rule.warned).count() {
            0 => String::new(),
            count => format!(", {count} with a warning"),
        };
        match (self.rules.len(), broken) {
            (0, _) => "no rules given: nothing was judged".to_owned(),
            (all, 0) if self.nothing_to_judge => {
                format!("{} held{warned}, but the image has no layers: there was nothing to judge", rules(all))
            }
            (all, 0) => format!("{} held{warned}", rules(all)),
            (all, broken) => format!("{broken} of {} broken{warned}", rules(all)),
        }
    }
}

impl Actual {
    /// Returns the value for people.
    #[must_use]
    pub fn show(&self, units: Units) -> String {
        match self {
            Actual::Bytes { actual, .. } => units.show(*actual),
            Actual::Growth { before, now, .. } => signed(*before, *now, units),
            Actual::Share(share) => format!("{share:.4}"),
            Actual::Count(count) => count.to_string(),
            Actual::Paths(0) => "no path".to_owned(),
            Actual::Paths(1) => "1 path".to_owned(),
            Actual::Paths(count) => format!("{count} paths"),
            Actual::Expired(bytes) => units.show(*bytes),
            Actual::Unknown => "not known".to_owned(),
        }
    }

    /// Returns the difference to an earlier value of the same rule for people; nothing where there is none to speak of.
    #[must_use]
    pub fn difference(&self, before: &Actual, units: Units) -> Option<String> {
        match (before, self) {
            (Actual::Bytes { actual: before, .. }, Actual::Bytes { actual: now, .. }) => {
                Some(signed(*before, *now, units))
            }
            (Actual::Count(before), Actual::Count(now)) if now >= before => Some(format!("+{}", now - before)),
            (Actual::Count(before), Actual::Count(now)) => Some(format!("-{}", before - now)),
            (Actual::Share(before), Actual::Share(now)) => Some(format!("{:+.4}", now - before)),
            _ => None,
        }
    }
}

impl Compared {
    /// Returns the differences for people: stored bytes, wasted bytes, layers.
    #[must_use]
    pub fn line(&self, units: Units) -> String {
        let Compared { before, now, .. } = self;
        let stored = signed(before.stored_bytes, now.stored_bytes, units);
        let wasted = signed(before.wasted_bytes, now.wasted_bytes, units);
        let sign = if now.layer_count < before.layer_count { '-' } else { '+' };
        let layers = now.layer_count.abs_diff(before.layer_count);
        format!("{stored} stored, {wasted} wasted, {sign}{layers} layers")
    }
}

/// Returns how much more there is now than before: `+1.0 MB`, `-1.0 MB`.
fn signed(before: u64, now: u64, units: Units) -> String {
    let sign = if now < before { '-' } else { '+' };
    format!("{sign}{}", units.show(now.abs_diff(before)))
}

impl Judged {
    /// Returns the rule in a sentence: the value, the limit, and by how much it is missed.
    #[must_use]
    pub fn sentence(&self, units: Units) -> String {
        let beyond = if matches!(self.actual, Actual::Share(_)) { "below" } else { "above" };
        let limit = match &self.warn {
            Some(warn) if self.warned || *warn == self.limit => format!("warns {beyond} {warn}"),
            Some(warn) => format!("limit {}, warns {beyond} {warn}", self.limit),
            None => match self.actual {
                Actual::Paths(_) => format!("pattern {}", self.limit),
                Actual::Expired(_) => format!("ended on {}", self.limit),
                _ => format!("limit {}", self.limit),
            },
        };
        let about = self.about.as_ref().map(|about| format!(" ({about})")).unwrap_or_default();
        let excess = match self.actual {
            Actual::Bytes { excess, .. } | Actual::Growth { excess, .. } if !self.passed || self.warned => {
                format!(": {} too much", units.show(excess))
            }
            Actual::Unknown => ": there is nothing to compare with".to_owned(),
            _ => String::new(),
        };
        format!("{}: {}{about}, {limit}{excess}", self.rule, self.actual.show(units))
    }

    /// Returns the word for what came of it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (self.passed, self.warned) {
            (false, _) => "FAIL",
            (true, true) => "warn",
            (true, false) => "pass",
        }
    }
}

impl Ignored {
    /// Returns the broken rule that an entry is whose time is over.
    pub(super) fn judge_expiry(&self) -> Judged {
        let expired = self.expires.map(|day| day.to_string()).unwrap_or_default();
        Judged {
            rule: "ignore",
            limit: expired,
            warn: None,
            actual: Actual::Expired(self.bytes),
            before: None,
            layer: None,
            about: Some(self.pattern.clone()),
            passed: false,
            warned: false,
        }
    }
}
