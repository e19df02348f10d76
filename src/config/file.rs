//! `.layerlens.toml`:
//!
//! ```toml
//! dockerfile = "Dockerfile"        # paths begin in the folder of this file
//! baseline = "layerlens.json"
//! base-layers = 5                  # or base = "base.tar"
//! min-saving = "500kB"
//! timeout = 60                     # seconds
//! units = "iec"
//!
//! [rules]
//! max-layers = 30                  # a limit alone fails
//! max-waste = { warn = "5MB", fail = "20MB" }
//! forbid = ["*.pem", "/root/.ssh"] # or { warn = […], fail = […] }
//!
//! [[ignore]]
//! path = "/var/lib/dpkg"
//! reason = "every installation writes it again"
//! expires = 2027-03-31             # the last day
//! ```

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::setting::{Origin, PLAIN, Paths, Set, Setting, day, unknown_key};
use super::{did_you_mean, name};
use crate::gate::Level;

type Table<'a> = DeTable<'a>;
type Value<'a> = Spanned<DeValue<'a>>;

/// Understands the file's text.
///
/// # Errors
/// `FILE:LINE: ` and what is wrong there: the first mistake.
pub(super) fn parse(path: &Path, text: &str, origin: fn(PathBuf, usize) -> Origin) -> Result<Vec<Set>, String> {
    let at = |span: Range<usize>| text.get(..span.start).map_or(1, |before| 1 + before.matches('\n').count());
    let table = Table::parse(text).map_err(|error| {
        let line = error.span().map_or(1, at);
        format!("{}:{line}: {}", name(path), error.message())
    })?;
    let is_found = matches!(origin(PathBuf::new(), 0), Origin::Found(..));
    let paths = Paths { folder: path.parent().unwrap_or(Path::new("")), is_found };
    let mut reader = Reader { paths, found: Vec::new(), problems: Vec::new() };
    reader.top(table.get_ref());
    reader.problems.sort_by_key(|(span, _)| span.start);
    if let Some((span, problem)) = reader.problems.into_iter().next() {
        return Err(format!("{}:{}: {problem}", name(path), at(span)));
    }
    reader.found.sort_by_key(|(span, _)| span.start);
    let set = |(span, setting)| Set { setting, origin: origin(path.to_owned(), at(span)) };
    Ok(reader.found.into_iter().map(set).collect())
}

struct Reader<'a> {
    paths: Paths<'a>,
    found: Vec<(Range<usize>, Setting)>,
    problems: Vec<(Range<usize>, String)>,
}

impl Reader<'_> {
    fn take(&mut self, span: Range<usize>, setting: Result<Setting, String>) {
        match setting {
            Ok(setting) => self.found.push((span, setting)),
            Err(problem) => self.problems.push((span, problem)),
        }
    }

    fn top(&mut self, table: &Table<'_>) {
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("rules", DeValue::Table(rules)) => self.rules(rules),
                ("rules", _) => self.problems.push((key.span(), "rules is a table: write [rules]".to_owned())),
                ("ignore", DeValue::Array(entries)) => entries.iter().for_each(|entry| self.ignore(entry)),
                ("ignore", _) => self.problems.push((key.span(), "ignore is a list: write [[ignore]]".to_owned())),
                (name, _) if PLAIN.contains(&name) => {
                    let setting = scalar(value).and_then(|text| Setting::plain(name, &text, &self.paths));
                    self.take(value.span(), setting);
                }
                (name, _) => self.problems.push((key.span(), unknown_key(name))),
            }
        }
    }

    fn rules(&mut self, rules: &Table<'_>) {
        for (key, value) in rules {
            let rule = key.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(levels) => {
                    for (level, value) in levels {
                        match level.get_ref().as_ref() {
                            "warn" => self.limits(rule, Level::Warn, key.span(), value),
                            "fail" => self.limits(rule, Level::Fail, key.span(), value),
                            word => {
                                let like = did_you_mean(word, ["warn", "fail"]);
                                let problem = format!("there is no level {word:?}{like}: there are warn and fail");
                                self.problems.push((level.span(), problem));
                            }
                        }
                    }
                }
                _ => self.limits(rule, Level::Fail, key.span(), value),
            }
        }
    }

    /// One limit, or the list of forbidden paths.
    fn limits(&mut self, rule: &str, level: Level, key: Range<usize>, value: &Value<'_>) {
        if crate::gate::Rule::named(rule).is_none() && rule != "forbid" {
            self.problems.push((key, super::setting::unknown_rule(rule)));
            return;
        }
        match value.get_ref() {
            DeValue::Array(values) if rule == "forbid" => {
                for value in values {
                    let setting = scalar(value).and_then(|text| Setting::rule(rule, level, &text));
                    self.take(value.span(), setting);
                }
            }
            _ => {
                let setting = scalar(value).and_then(|text| Setting::rule(rule, level, &text));
                self.take(value.span(), setting);
            }
        }
    }

    fn ignore(&mut self, entry: &Value<'_>) {
        let DeValue::Table(fields) = entry.get_ref() else {
            self.problems.push((entry.span(), "an entry of ignore is a table: write [[ignore]]".to_owned()));
            return;
        };
        let (mut path, mut reason, mut expires) = (None, None, None);
        for (key, value) in fields {
            let read = match key.get_ref().as_ref() {
                "path" => scalar(value).map(|text| path = Some((value.span(), text))),
                "reason" => scalar(value).map(|text| reason = Some(text)),
                "expires" => scalar(value).and_then(|text| day(&text)).map(|day| expires = Some(day)),
                word => {
                    let like = did_you_mean(word, ["path", "reason", "expires"]);
                    let problem = format!("there is no key {word:?}{like}: there are path, reason, expires");
                    self.problems.push((key.span(), problem));
                    continue;
                }
            };
            if let Err(problem) = read {
                self.problems.push((value.span(), problem));
            }
        }
        let Some((span, path)) = path else {
            self.problems.push((entry.span(), "an entry of ignore needs a path".to_owned()));
            return;
        };
        let setting = Setting::ignore(&path).map(|setting| match setting {
            Setting::Ignore(ignore) => Setting::Ignore(crate::gate::paths::Ignore { reason, expires, ..ignore }),
            other => other,
        });
        self.take(span, setting);
    }
}

/// Returns a value as it would be typed in a flag.
fn scalar(value: &Value<'_>) -> Result<String, String> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Datetime(time) => Ok(time.to_string()),
        _ => Err("a text or a number must stand here".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        parse(Path::new("f.toml"), text, Origin::Found).expect_err(text)
    }

    #[test]
    fn every_key_is_understood() {
        let text = "dockerfile = \"Dockerfile\"\nbaseline = \"b.json\"\nbase-layers = 5\nmin-saving = \"500kB\"\n\
                    units = \"iec\"\n[rules]\nmax-layers = 30\nmin-efficiency = 0.95\n\
                    max-waste = { warn = \"5MB\", fail = \"20MB\" }\nforbid = [\"*.pem\"]\n\
                    [[ignore]]\npath = \"/var\"\nreason = \"why\"\nexpires = 2027-03-31\n";
        let found = parse(Path::new("dir/f.toml"), text, Origin::File).expect("valid");
        let lines: Vec<usize> = found
            .iter()
            .map(|set| match set.origin {
                Origin::File(_, line) => line,
                _ => 0,
            })
            .collect();
        assert_eq!(lines, [1, 2, 3, 4, 5, 7, 8, 9, 9, 10, 12]);
        assert_eq!(found[0].setting, Setting::Dockerfile("dir/Dockerfile".into()));
        let Some(Setting::Ignore(ignore)) = found.last().map(|set| &set.setting) else { panic!("the entry") };
        assert_eq!(ignore.expires.map(|day| day.to_string()).as_deref(), Some("2027-03-31"));
    }

    #[test]
    fn mistakes_name_their_line() {
        for (text, expected) in [
            ("[rules]\nmax-wast = 1\n", "f.toml:2: there is no rule \"max-wast\", did you mean \"max-waste\"?"),
            ("\n\nrulse = 1\n", "f.toml:3: there is no key \"rulse\", did you mean \"rules\"?"),
            ("max-waste = 1\n", "f.toml:1: \"max-waste\" is a rule: it belongs under [rules]"),
            ("[rules]\nmax-waste = \"10XB\"\n", "f.toml:2: \"10XB\" is not a size"),
            ("[rules]\nmax-waste = [1]\n", "f.toml:2: a text or a number"),
            ("[rules.max-waste]\nfial = 1\n", "f.toml:2: there is no level \"fial\", did you mean \"fail\"?"),
            ("[[ignore]]\nreason = \"x\"\n", "f.toml:1: an entry of ignore needs a path"),
            ("[[ignore]]\npath = \"x\"\nexpires = \"soon\"\n", "f.toml:3: \"soon\" is not a day"),
            ("[[ignore]]\npath = \"x\"\nuntil = 1\n", "f.toml:3: there is no key \"until\""),
            ("[ui]\ntheme = \"mono\"\n", "f.toml:1: how the screen looks"),
            ("a = \n", "f.toml:1: "),
            ("\nbase = \"registry://h/base:1\"\n", "f.toml:2: \"registry://h/base:1\" is not a file"),
            ("baseline = \"-\"\n", "f.toml:1: \"-\" is not a file"),
            ("base-layers = -1\n", "f.toml:1: \"-1\" is not a number of layers"),
        ] {
            assert!(problem(text).starts_with(expected), "{text:?}: {}", problem(text));
        }
    }
}
