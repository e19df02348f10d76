//! One thing that can be set, in the words of the file, the variables and the flags alike.

use std::fmt;
use std::path::{Path, PathBuf};

use time::{Date, Month};

use super::{did_you_mean, found, name};
use crate::gate::paths::{Forbidden, Ignore, PathPattern};
use crate::gate::{Level, Rule, Threshold};
use crate::size::{self, Units};

/// One thing that was set.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// The base image, saved.
    Base(PathBuf),
    /// How many layers are the base image's.
    BaseLayers(u32),
    /// What the image is compared with.
    Baseline(PathBuf),
    /// What the image was built from.
    Dockerfile(PathBuf),
    /// What a step must save to be worth merging.
    MinSaving(u64),
    /// For how many seconds a server may send nothing.
    Timeout(u64),
    /// How sizes are shown.
    Units(Units),
    /// A limit.
    Limit(Rule, Level, Threshold),
    /// Paths that no layer may hold.
    Forbid(Forbidden),
    /// Waste that the rules overlook.
    Ignore(Ignore),
}

/// A setting and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// What was set.
    pub setting: Setting,
    /// Where.
    pub origin: Origin,
}

/// Where something was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// On a line of a file that the user named.
    File(PathBuf, usize),
    /// On a line of a file that was found.
    Found(PathBuf, usize),
    /// In a variable of this name.
    Variable(String),
    /// On the command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(path, line) | Origin::Found(path, line) => write!(out, "{}:{line}", name(path)),
            Origin::Variable(name) => out.write_str(name),
            Origin::Flag => out.write_str("a flag"),
        }
    }
}

impl Origin {
    /// Returns the place for people, where it is not the command line.
    pub(super) fn beside_flags(&self) -> Option<String> {
        (*self != Origin::Flag).then(|| self.to_string())
    }
}

/// The keys that are not rules.
pub(super) const PLAIN: [&str; 7] = ["base", "base-layers", "baseline", "dockerfile", "min-saving", "timeout", "units"];

/// A timeout of more than a day is none.
pub(crate) const LONGEST_TIMEOUT: u64 = 86_400;

const UNITS: [(&str, Units); 3] = [("si", Units::Si), ("iec", Units::Iec), ("bytes", Units::Bytes)];

/// What paths mean where they are written.
#[derive(Clone, Copy)]
pub(super) struct Paths<'a> {
    /// Where relative ones begin.
    pub(super) folder: &'a Path,
    /// Whether they stand in a file that was found.
    pub(super) is_found: bool,
}

impl Paths<'_> {
    /// Makes a path of what names an image; it may be one of an engine or a registry, unless a found file says so.
    fn image(&self, value: &str) -> Result<PathBuf, String> {
        let is_elsewhere = value == "-" || value.contains("://");
        if is_elsewhere && !self.is_found { Ok(value.into()) } else { self.file(value) }
    }

    fn file(&self, value: &str) -> Result<PathBuf, String> {
        if self.is_found { found::file(value, self.folder) } else { Ok(self.folder.join(value)) }
    }
}

/// Understands a number of seconds.
///
/// # Errors
/// What it must look like.
pub(crate) fn timeout(text: &str) -> Result<u64, String> {
    let seconds = text.trim().parse().ok().filter(|seconds| (1..=LONGEST_TIMEOUT).contains(seconds));
    seconds.ok_or_else(|| format!("{text:?} is not a timeout: write whole seconds, from 1 to {LONGEST_TIMEOUT}"))
}

impl Setting {
    /// Understands the value of a key that is not a rule.
    pub(super) fn plain(key: &str, value: &str, paths: &Paths<'_>) -> Result<Self, String> {
        Ok(match key {
            "base" => Setting::Base(paths.image(value)?),
            "baseline" => Setting::Baseline(paths.image(value)?),
            "dockerfile" => Setting::Dockerfile(paths.file(value)?),
            "timeout" => Setting::Timeout(timeout(value)?),
            "base-layers" => {
                let count = value.trim().parse();
                Setting::BaseLayers(
                    count.map_err(|_| format!("{value:?} is not a number of layers: write one like 5"))?,
                )
            }
            "min-saving" => Setting::MinSaving(size::parse_size(value).map_err(|error| error.to_string())?),
            "units" => {
                let units = UNITS.iter().find(|(name, _)| *name == value);
                let problem = || format!("{value:?} is an unknown unit: there are si, iec, bytes");
                Setting::Units(units.ok_or_else(problem)?.1)
            }
            _ => return Err(unknown_key(key)),
        })
    }

    /// Understands `RULE=LIMIT`, where forbidden paths are a rule, too.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn assignment(text: &str, level: Level) -> Result<Self, String> {
        let (rule, value) = text.split_once('=').ok_or_else(|| format!("{text:?} has no '=': write RULE=LIMIT"))?;
        Setting::rule(rule.trim(), level, value)
    }

    /// Understands the limit of a rule, or a forbidden path.
    pub(super) fn rule(rule: &str, level: Level, value: &str) -> Result<Self, String> {
        if rule == "forbid" {
            return Ok(Setting::Forbid(Forbidden { pattern: value.parse()?, level }));
        }
        let rule = Rule::named(rule).ok_or_else(|| unknown_rule(rule))?;
        Ok(Setting::Limit(rule, level, rule.parse(value)?))
    }

    /// Understands a path whose waste is overlooked.
    pub(super) fn ignore(pattern: &str) -> Result<Self, String> {
        let pattern: PathPattern = pattern.parse()?;
        Ok(Setting::Ignore(Ignore { pattern, reason: None, expires: None, set_in: None }))
    }

    /// Says whether this, set later, takes the place of `other`.
    pub(super) fn replaces(&self, other: &Setting) -> bool {
        match (self, other) {
            (Setting::Limit(rule, level, _), Setting::Limit(earlier, other, _)) => rule == earlier && level == other,
            (Setting::Base(_) | Setting::BaseLayers(_), Setting::Base(_) | Setting::BaseLayers(_)) => true,
            (Setting::Forbid(_) | Setting::Ignore(_) | Setting::Limit(..), _) => false,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// Returns key and value as a file has them; nothing for patterns, which stand in lists.
    pub(super) fn to_toml(&self) -> Option<(String, String)> {
        let path = |key: &str, path: &Path| (key.to_owned(), quoted(&path.to_string_lossy()));
        Some(match self {
            Setting::Base(base) => path("base", base),
            Setting::Baseline(baseline) => path("baseline", baseline),
            Setting::Dockerfile(dockerfile) => path("dockerfile", dockerfile),
            Setting::BaseLayers(count) => ("base-layers".to_owned(), count.to_string()),
            Setting::Timeout(seconds) => ("timeout".to_owned(), seconds.to_string()),
            Setting::MinSaving(bytes) => ("min-saving".to_owned(), quoted(&format!("{bytes}B"))),
            Setting::Units(units) => {
                let name = UNITS.iter().find(|(_, known)| known == units).map_or("si", |(name, _)| name);
                ("units".to_owned(), quoted(name))
            }
            Setting::Limit(rule, level, limit) => {
                (format!("rules.{}.{}", rule.name(), level.name()), quoted(&limit.to_string()))
            }
            Setting::Forbid(_) | Setting::Ignore(_) => return None,
        })
    }
}

impl Set {
    /// Returns a forbidden path of that level as a line of a list.
    pub(super) fn forbidden_to_toml(&self, wanted: Level) -> Option<String> {
        match &self.setting {
            Setting::Forbid(Forbidden { pattern, level }) if *level == wanted => {
                Some(format!("    {},  # {}\n", quoted(&pattern.to_string()), self.origin))
            }
            _ => None,
        }
    }
}

/// Returns the lines of an entry.
pub(super) fn ignore_to_toml(ignore: &Ignore) -> String {
    let reason = ignore.reason.as_ref().map(|reason| format!("reason = {}\n", quoted(reason))).unwrap_or_default();
    let expires = ignore.expires.map(|day| format!("expires = {day}\n")).unwrap_or_default();
    format!("path = {}\n{reason}{expires}", quoted(&ignore.pattern.to_string()))
}

/// Returns a TOML string.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Understands a day such as `2027-03-31`.
pub(super) fn day(text: &str) -> Result<Date, String> {
    let problem = || format!("{text:?} is not a day: write it like 2027-03-31");
    let mut parts = text.trim().splitn(3, '-').map(str::parse::<u16>);
    let mut next = || parts.next().and_then(Result::ok).ok_or_else(problem);
    let (year, month, day) = (next()?, next()?, next()?);
    let month = u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok()).ok_or_else(problem)?;
    let day = u8::try_from(day).map_err(|_| problem())?;
    Date::from_calendar_date(year.into(), month, day).map_err(|_| problem())
}

pub(super) fn unknown_rule(rule: &str) -> String {
    let known = || Rule::all().map(Rule::name).chain(["forbid"]);
    let list = known().collect::<Vec<_>>().join(", ");
    format!("there is no rule {rule:?}{}: there are {list}", did_you_mean(rule, known()))
}

pub(super) fn unknown_key(key: &str) -> String {
    if key == "ui" {
        return "how the screen looks is set per user: [ui] belongs in ~/.config/layerlens/config.toml".to_owned();
    }
    if Rule::named(key).is_some() || key == "forbid" {
        return format!("{key:?} is a rule: it belongs under [rules]");
    }
    let known = || PLAIN.into_iter().chain(["rules", "ignore"]);
    let list = known().collect::<Vec<_>>().join(", ");
    format!("there is no key {key:?}{}: there are {list}", did_you_mean(key, known()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_days() {
        assert_eq!(day("2027-03-31").map(|day| day.to_string()), Ok("2027-03-31".to_owned()));
        for bad in ["2027-02-29", "2027-13-01", "tomorrow", "2027-1", "", "2027-01-01T00:00:00Z", "-1-1-1"] {
            assert!(day(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn timeouts_are_bounded() {
        assert_eq!(timeout("60"), Ok(60));
        for bad in ["0", "-1", "", "1m", "86401", "99999999999999999999"] {
            assert!(timeout(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn mistakes_are_explained() {
        let paths = Paths { folder: Path::new(""), is_found: false };
        let problem = |text: &str| Setting::assignment(text, Level::Warn).expect_err(text);
        assert!(problem("max-wast=1MB").contains("did you mean \"max-waste\"?"));
        assert!(problem("max-waste").contains("RULE=LIMIT"));
        assert!(problem("max-waste=much").contains("much"));
        assert!(problem("max-layers=5MB").contains("whole number"));
        assert!(Setting::plain("basline", "x", &paths).expect_err("a key").contains("\"baseline\"?"));
        assert!(Setting::plain("max-waste", "1", &paths).expect_err("a key").contains("under [rules]"));
    }
}
