//! What is set outside of the command line, for everybody who builds an image: `.layerlens.toml` and `LAYERLENS_*`.
//!
//! The file is looked for from the working directory up to the repository's root (the folder that holds `.git`); outside of
//! a repository only the working directory counts, so that nobody else's file is ever taken. Variables are named like the
//! keys, in capitals. A flag counts more than a variable, a variable more than the file; patterns add up. Whatever is not
//! understood is an error that names the place: a limit with a typing error must not be no limit.
//!
//! How the screen looks is each user's own affair and stands in another file (`tui::config`); neither knows the other's
//! keys. A `.dive-ci` beside is understood, too (`dive_ci`).

mod dive_ci;
mod file;
mod found;
mod setting;
mod variables;
pub mod write;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::escape::escape;
use crate::gate::dive::DiveRules;
use crate::gate::paths::Ignore;
use crate::gate::{Level, Rules};
use found::User;

pub(crate) use setting::timeout;
pub use setting::{Origin, Set, Setting};

/// The file's name.
pub const FILE: &str = ".layerlens.toml";

/// What was set, in the order of growing weight: of two that set the same the later one counts.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Each with its place.
    pub list: Vec<Set>,
    /// The rules of a `.dive-ci`.
    pub dive: Option<DiveRules>,
}

/// Where settings are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Choice {
    /// In the file that is found, in a `.dive-ci`, and in the variables.
    #[default]
    Search,
    /// In this file, and in the variables.
    File(PathBuf),
    /// Nowhere.
    Nothing,
}

/// Reads what is set.
///
/// # Errors
/// The place, what is wrong there, and what was perhaps meant.
pub fn load(choice: &Choice, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Settings, String> {
    let mut settings = Settings::default();
    match choice {
        Choice::Nothing => return Ok(settings),
        Choice::File(path) => {
            let file = File::open(path).map_err(|error| format!("{}: {error}", name(path)))?;
            settings.list = file::parse(path, &read(path, file)?, Origin::File)?;
        }
        Choice::Search => {
            let here = std::env::current_dir().map_err(|error| format!("the working directory: {error}"))?;
            // What lies here needs no long name.
            let short = |path: PathBuf| path.strip_prefix(&here).map(Path::to_owned).unwrap_or(path);
            let user = User::now();
            if let Some(path) = found::find(&here, FILE).map(short) {
                let text = read(&path, found::open(&path, &user)?)?;
                settings.list = file::parse(&path, &text, Origin::Found)?;
            }
            if let Some(path) = found::find(&here, dive_ci::FILE).map(short) {
                settings.dive = Some(dive_ci::parse(&path, &read(&path, found::open(&path, &user)?)?)?);
            }
        }
    }
    settings.list.extend(variables::parse(variables)?);
    Ok(settings)
}

/// No file of people is larger.
const MOST_BYTES: u64 = 1 << 20;

fn read(path: &Path, file: File) -> Result<String, String> {
    let problem = |error: io::Error| format!("{}: {error}", name(path));
    let mut text = String::new();
    let length = file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(problem)?;
    if length as u64 > MOST_BYTES {
        // What would be cut off could be a rule.
        return Err(format!("{}: too large for a configuration", name(path)));
    }
    Ok(text)
}

/// Returns a file's name for people.
fn name(path: &Path) -> String {
    escape(path.as_os_str().as_encoded_bytes())
}

/// Returns the known word that is most like a wrong one, as a question.
fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let like = |known: &'a str| (strsim::jaro_winkler(word, known), known);
    let best = known.into_iter().map(like).max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(likeness, _)| *likeness > 0.75)
        .map(|(_, word)| format!(", did you mean {word:?}?"))
        .unwrap_or_default()
}

impl Settings {
    /// Puts settings of more weight on top.
    #[must_use]
    pub fn under(mut self, other: Settings) -> Self {
        self.list.extend(other.list);
        self.dive = other.dive.or(self.dive);
        self
    }

    /// Makes sure that what a found file names is a file, as far as it counts.
    ///
    /// # Errors
    /// The place, and what is wrong there.
    pub fn check(&self) -> Result<(), String> {
        (0..self.list.len()).filter(|at| self.counts(*at)).try_for_each(|at| found::check(&self.list[at]))
    }

    /// Returns the place of the last setting that `pick` takes.
    pub fn origin(&self, pick: impl Fn(&Setting) -> bool) -> Option<&Origin> {
        self.list.iter().rev().find(|set| pick(&set.setting)).map(|set| &set.origin)
    }

    /// Returns what the last setting is for which `pick` returns something.
    pub fn last<'a, T>(&'a self, pick: impl Fn(&'a Setting) -> Option<T>) -> Option<T> {
        self.list.iter().rev().find_map(|set| pick(&set.setting))
    }

    /// Returns the rules, without a baseline.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let origin = |pick: fn(&Setting) -> bool| self.origin(pick).and_then(Origin::beside_flags);
        let mut rules = Rules {
            dive: self.dive.clone(),
            base_set_in: origin(|setting| matches!(setting, Setting::Base(_) | Setting::BaseLayers(_))),
            baseline_set_in: origin(|setting| matches!(setting, Setting::Baseline(_))),
            ..Rules::default()
        };
        for set in &self.list {
            match &set.setting {
                Setting::Limit(rule, level, threshold) => {
                    rules.limits.entry(*rule).or_default().set(*level, threshold.clone());
                }
                Setting::Forbid(forbidden) => rules.forbid.push(forbidden.clone()),
                Setting::Ignore(ignore) => {
                    rules.ignore.push(Ignore { set_in: set.origin.beside_flags(), ..ignore.clone() });
                }
                _ => {}
            }
        }
        rules
    }

    /// Returns what holds in the form of a `.layerlens.toml`, each value with the place that set it.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = format!("# What holds here, as a {FILE}; behind each value stands where it was set.\n");
        let effective: Vec<&Set> =
            (0..self.list.len()).filter(|at| self.counts(*at)).map(|at| &self.list[at]).collect();
        // Writing to a String cannot fail.
        for set in &effective {
            if let Some((key, value)) = set.setting.to_toml() {
                let _ = writeln!(text, "{key} = {value}  # {}", set.origin);
            }
        }
        for level in [Level::Warn, Level::Fail] {
            let patterns: Vec<String> = effective.iter().filter_map(|set| set.forbidden_to_toml(level)).collect();
            if !patterns.is_empty() {
                let _ = writeln!(text, "rules.forbid.{} = [\n{}]", level.name(), patterns.concat());
            }
        }
        for set in &effective {
            if let Setting::Ignore(ignore) = &set.setting {
                let _ = write!(text, "\n[[ignore]]  # {}\n{}", set.origin, setting::ignore_to_toml(ignore));
            }
        }
        if let Some(dive) = &self.dive {
            let _ = writeln!(text, "\n# {}: {}", dive.source, dive_ci::describe(dive));
        }
        text
    }

    /// Says whether no later setting takes the place of the one at `at`.
    fn counts(&self, at: usize) -> bool {
        let setting = &self.list[at].setting;
        !self.list[at + 1..].iter().any(|later| later.setting.replaces(setting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rule_is_cut_off() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let long = "#".repeat(1 << 20);
        std::io::Write::write_all(&mut file, long.as_bytes()).expect("written");
        let read = |file: &tempfile::NamedTempFile| read(file.path(), File::open(file.path()).expect("it is there"));
        assert!(read(&file).is_ok());
        std::io::Write::write_all(&mut file, b"\n").expect("written");
        assert!(read(&file).expect_err("too large").ends_with("too large for a configuration"));
    }
}
