//! `LAYERLENS_*`: the keys and rules in capitals, as in `LAYERLENS_MAX_WASTE=10MB`.
//!
//! `LAYERLENS_WARN` holds `RULE=LIMIT` pairs, `LAYERLENS_FORBID` and `LAYERLENS_IGNORE` hold patterns: one on each line.

use std::ffi::OsString;
use std::path::Path;

use super::did_you_mean;
use super::setting::{Origin, PLAIN, Paths, Set, Setting};
use crate::gate::{Level, Rule};

const PREFIX: &str = "LAYERLENS_";

/// Understands those variables that are ours. An empty one is a mistake: a limit that got lost must not be no limit.
///
/// # Errors
/// The variable, and what is wrong with it.
pub(super) fn parse(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Vec<Set>, String> {
    let mut ours: Vec<(String, OsString)> = variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect();
    // The environment has no order.
    ours.sort();
    let mut found = Vec::new();
    for (name, value) in ours {
        let problem = |problem: String| format!("{name}: {problem}");
        let value = value.into_string().map_err(|_| problem("not valid UTF-8".to_owned()))?;
        if value.trim().is_empty() {
            return Err(problem("is empty: give it a value, or unset it".to_owned()));
        }
        let key = name[PREFIX.len()..].to_ascii_lowercase().replace('_', "-");
        for setting in settings(&key, &value).map_err(problem)? {
            found.push(Set { setting, origin: Origin::Variable(name.clone()) });
        }
    }
    Ok(found)
}

fn settings(key: &str, value: &str) -> Result<Vec<Setting>, String> {
    let lines = || value.lines().map(str::trim).filter(|line| !line.is_empty());
    match key {
        "warn" => lines().map(|line| Setting::assignment(line, Level::Warn)).collect(),
        "forbid" => lines().map(|line| Setting::rule(key, Level::Fail, line)).collect(),
        "ignore" => lines().map(Setting::ignore).collect(),
        _ if PLAIN.contains(&key) => {
            Ok(vec![Setting::plain(key, value, &Paths { folder: Path::new(""), is_found: false })?])
        }
        _ if Rule::named(key).is_some() => Ok(vec![Setting::rule(key, Level::Fail, value)?]),
        _ => {
            let known = PLAIN.into_iter().chain(["warn", "forbid", "ignore"]).chain(Rule::all().map(Rule::name));
            let known: Vec<String> = known.map(variable).collect();
            let like = did_you_mean(&variable(key), known.iter().map(String::as_str));
            Err(format!("unknown variable{like}; known are {}", known.join(", ")))
        }
    }
}

fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(pairs: &[(&str, &str)]) -> Result<Vec<Set>, String> {
        parse(pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
    }

    #[test]
    fn variables_are_keys_in_capitals() {
        let found = parsed(&[
            ("LAYERLENS_WARN", "max-waste=1MB\nforbid=*.log\n"),
            ("LAYERLENS_MAX_WASTE", "2MB"),
            ("HOME", "/root"),
        ]);
        let found = found.expect("valid");
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].origin, Origin::Variable("LAYERLENS_MAX_WASTE".to_owned()));
        let problem = parsed(&[("LAYERLENS_MAX_WAST", "1")]).expect_err("no such variable");
        assert!(problem.contains("did you mean \"LAYERLENS_MAX_WASTE\"?"), "{problem}");
        for empty in ["", " ", "\n"] {
            for name in ["LAYERLENS_UNITS", "LAYERLENS_MAX_WASTE", "LAYERLENS_IGNORE", "LAYERLENS_WARN"] {
                let problem = parsed(&[(name, empty)]).expect_err("empty");
                assert!(problem.starts_with(name) && problem.contains("is empty"), "{problem}");
            }
        }
        assert!(parsed(&[("LAYERLENS_MAX_LAYERS", "x")]).expect_err("no number").starts_with("LAYERLENS_MAX_LAYERS: "));
    }
}
