//! `.dive-ci`: three rules in YAML, with the defaults that dive has for those that are not set.
//!
//! ```yaml
//! rules:
//!   lowestEfficiency: 0.95          # default 0.9
//!   highestWastedBytes: 20MB        # default: disabled
//!   highestUserWastedPercent: 0.20  # default 0.1
//! ```
//!
//! Versions of dive spell the keys in more than one way (`lowest-efficiency-threshold`, `highest-wasted-bytes`,
//! `highest-user-wasted-percent`), with or without `rules:` above. An empty value, `disabled`, `off` and `false` take a
//! rule out.

use std::path::Path;

use saphyr_parser::{Event, Parser, ScanError};

use super::{did_you_mean, name};
use crate::gate::dive::{DiveRules, Set};
use crate::size;

/// The file's name.
pub(super) const FILE: &str = ".dive-ci";

const KEYS: [[&str; 2]; 3] = [
    ["lowestEfficiency", "lowest-efficiency-threshold"],
    ["highestWastedBytes", "highest-wasted-bytes"],
    ["highestUserWastedPercent", "highest-user-wasted-percent"],
];
const DEFAULTS: [&str; 3] = ["0.9", "disabled", "0.1"];

/// Understands the file's text.
///
/// # Errors
/// `FILE:LINE: ` and what is wrong there.
pub(super) fn parse(path: &Path, text: &str) -> Result<DiveRules, String> {
    let source = name(path);
    let at = |line: usize, problem: String| format!("{source}:{line}: {problem}");
    let pairs = pairs(text).map_err(|(line, problem)| at(line, problem))?;
    let mut values: [Option<(usize, String)>; 3] = [None, None, None];
    for (line, key, value) in pairs {
        let Some(which) = KEYS.iter().position(|names| names.iter().any(|name| name.eq_ignore_ascii_case(&key))) else {
            let known = KEYS.map(|names| names[0]);
            let like = did_you_mean(&key, known);
            return Err(at(line, format!("there is no rule {key:?}{like}: there are {}", known.join(", "))));
        };
        values[which] = Some((line, value));
    }
    let text = |which: usize| {
        let (line, value) = values[which].clone().unwrap_or((0, DEFAULTS[which].to_owned()));
        (line, value.trim().to_owned())
    };
    let is_off =
        |value: &str| matches!(value.to_lowercase().as_str(), "" | "disabled" | "off" | "false" | "~" | "null");
    let share = |which: usize| -> Result<Option<Set<f64>>, String> {
        let (line, text) = text(which);
        if is_off(&text) {
            return Ok(None);
        }
        let value = text.parse::<f64>().ok().filter(|value| (0.0..=1.0).contains(value));
        let problem = || at(line, format!("{text:?} is not a share: write a number from 0 to 1"));
        Ok(Some(Set { value: value.ok_or_else(problem)?, text: shown(line, &text) }))
    };
    let (line, wasted) = text(1);
    let bytes = if is_off(&wasted) {
        None
    } else {
        let value = size::parse_size(&wasted).map_err(|error| at(line, error.to_string()))?;
        Some(Set { value, text: shown(line, &wasted) })
    };
    Ok(DiveRules {
        lowest_efficiency: share(0)?,
        highest_wasted_bytes: bytes,
        highest_user_wasted_percent: share(2)?,
        source,
    })
}

/// Says so where a limit is dive's own and not the file's.
fn shown(line: usize, text: &str) -> String {
    if line == 0 { format!("{text} (dive's default)") } else { text.to_owned() }
}

/// Returns the rules in a line.
pub(super) fn describe(rules: &DiveRules) -> String {
    let off = || "disabled".to_owned();
    let efficiency = rules.lowest_efficiency.as_ref().map_or_else(off, |set| set.text.clone());
    let wasted = rules.highest_wasted_bytes.as_ref().map_or_else(off, |set| set.text.clone());
    let user = rules.highest_user_wasted_percent.as_ref().map_or_else(off, |set| set.text.clone());
    format!("lowestEfficiency {efficiency}, highestWastedBytes {wasted}, highestUserWastedPercent {user}")
}

type Problem = (usize, String);

/// Returns the keys and values of the top level and of `rules`, with their lines.
fn pairs(text: &str) -> Result<Vec<(usize, String, String)>, Problem> {
    let refused = |error: ScanError| (error.marker().line(), error.info().to_owned());
    let (mut depth, mut key, mut pairs) = (0, None, Vec::new());
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(refused)?;
        let line = span.start.line();
        match (event, key.take()) {
            (Event::MappingStart(..), None) if depth == 0 => depth = 1,
            (Event::MappingStart(..), Some(above)) if depth == 1 && above == "rules" => depth = 2,
            (Event::MappingEnd, _) => depth -= 1,
            (Event::Scalar(text, ..), None) if depth > 0 => key = Some(text.into_owned()),
            // Nothing but comments.
            (Event::Scalar(text, ..), None) if text.is_empty() || text == "~" => {}
            (Event::Scalar(text, ..), Some(above)) if above == "rules" && (text.is_empty() || text == "~") => {}
            (Event::Scalar(text, ..), Some(name)) => pairs.push((line, name, text.into_owned())),
            (
                Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing,
                _,
            ) => {}
            _ => return Err((line, "only rules and their limits belong in this file".to_owned())),
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<DiveRules, String> {
        parse(Path::new(".dive-ci"), text)
    }

    #[test]
    fn the_three_rules_and_their_defaults() {
        let text = "# limits\nrules:\n  lowestEfficiency: 0.95\n  highestWastedBytes: \"20MB\" # most\n  \
                    highestUserWastedPercent: 0.20\n";
        let rules = parsed(text).expect("valid");
        assert_eq!(describe(&rules), "lowestEfficiency 0.95, highestWastedBytes 20MB, highestUserWastedPercent 0.20");
        assert_eq!(rules.highest_wasted_bytes.map(|set| set.value), Some(20_000_000));
        let defaults = "lowestEfficiency 0.9 (dive's default), highestWastedBytes disabled, highestUserWastedPercent 0.1 \
                        (dive's default)";
        for empty in ["", "# nothing\n", "rules:\n", "---\nrules: {}\n"] {
            assert_eq!(describe(&parsed(empty).expect(empty)), defaults, "{empty:?}");
        }
        let off = parsed("rules:\n  lowestEfficiency: disabled\n  highestUserWastedPercent: OFF\n").expect("valid");
        assert_eq!((off.lowest_efficiency, off.highest_user_wasted_percent), (None, None));
        let other = parsed("highest-wasted-bytes: 1 KB\n").expect("valid");
        assert_eq!(other.highest_wasted_bytes.map(|set| set.value), Some(1000));
    }

    #[test]
    fn mistakes_name_their_line() {
        for (text, expected) in [
            ("rules:\n  lowestEficiency: 1\n", ".dive-ci:2: there is no rule \"lowestEficiency\", did you mean"),
            ("rules:\n  lowestEfficiency: 95\n", ".dive-ci:2: \"95\" is not a share"),
            ("rules:\n  highestWastedBytes: lots\n", ".dive-ci:2: \"lots\" is not a size"),
            ("rules:\n  lowestEfficiency: [1]\n", ".dive-ci:2: only rules"),
            ("rules: [\n", ".dive-ci:"),
            ("- a\n", ".dive-ci:1: only rules"),
        ] {
            let problem = parsed(text).expect_err(text);
            assert!(problem.starts_with(expected), "{text:?}: {problem}");
        }
    }
}
