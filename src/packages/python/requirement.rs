//! Requirements: `name[extra] (>=1) ; marker`. Of the marker only what decides whether it is an extra's is understood.
//!
//! See [dependency specifiers](https://packaging.python.org/en/latest/specifications/dependency-specifiers/).

/// One requirement of a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The name as written; [`normalize_name`](super::normalize_name) makes it comparable.
    pub name: String,
    /// The extras of that distribution that are wanted with it.
    pub extras: Vec<String>,
    /// The versions that will do (`<4,>=2`), or `@ URL`; empty for any.
    pub versions: String,
    /// The condition under which it is required.
    pub marker: Option<String>,
    /// Whether it is required only for an extra: its marker compares `extra`.
    pub is_optional: bool,
}

/// Reads a requirement; `None` where it has no name.
#[must_use]
pub fn requirement(text: &str) -> Option<Requirement> {
    let (front, rest) = split_name(text.trim());
    let (extras, rest) = split_extras(rest.trim_start());
    let (versions, marker) = split_marker(rest.trim());
    let versions = versions.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(versions);
    let marker = Some(marker.trim()).filter(|marker| !marker.is_empty());
    (!front.is_empty()).then(|| Requirement {
        name: front.to_owned(),
        extras,
        versions: versions.trim().to_owned(),
        marker: marker.map(str::to_owned),
        is_optional: marker.is_some_and(names_extra),
    })
}

fn split_name(text: &str) -> (&str, &str) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.split_at(text.find(|c| !is_name(c)).unwrap_or(text.len()))
}

/// Beyond any real requirement.
const MOST_EXTRAS: usize = 64;

fn split_extras(text: &str) -> (Vec<String>, &str) {
    let Some((inside, rest)) = text.strip_prefix('[').and_then(|inner| inner.split_once(']')) else {
        return (Vec::new(), text);
    };
    let names = inside.split(',').map(str::trim).filter(|name| !name.is_empty());
    (names.take(MOST_EXTRAS).map(str::to_owned).collect(), rest)
}

/// A URL may hold a semicolon: behind one, the marker's has a space before it.
fn split_marker(text: &str) -> (&str, &str) {
    let split = if text.starts_with('@') { text.split_once(" ;") } else { text.split_once(';') };
    split.map_or((text, ""), |(versions, marker)| (versions.trim_end(), marker))
}

/// Says whether a marker has the variable `extra`, outside of strings.
fn names_extra(marker: &str) -> bool {
    let mut quote = None;
    let outside = |c: char| match quote {
        Some(open) => {
            quote = Some(open).filter(|open| *open != c);
            ' '
        }
        None if c == '"' || c == '\'' => {
            quote = Some(c);
            ' '
        }
        None => c,
    };
    let code: String = marker.chars().map(outside).collect();
    code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == "extra" || word == "extras")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, Vec<String>, String, Option<String>, bool) {
        let found = requirement(text).expect("a requirement");
        (found.name, found.extras, found.versions, found.marker, found.is_optional)
    }

    #[test]
    fn every_part_is_found() {
        let of = |name: &str, extras: &[&str], versions: &str, marker: Option<&str>, is_optional| {
            let extras = extras.iter().map(|extra| (*extra).to_owned()).collect::<Vec<_>>();
            (name.to_owned(), extras, versions.to_owned(), marker.map(str::to_owned), is_optional)
        };
        assert_eq!(parts("idna"), of("idna", &[], "", None, false));
        assert_eq!(parts("idna (<4,>=2.5)"), of("idna", &[], "<4,>=2.5", None, false));
        assert_eq!(parts("zope.interface>=5"), of("zope.interface", &[], ">=5", None, false));
        assert_eq!(
            parts("uvicorn[standard, x] >=0.12 ; python_version<'3.9' and extra == \"all\""),
            of("uvicorn", &["standard", "x"], ">=0.12", Some("python_version<'3.9' and extra == \"all\""), true)
        );
        assert_eq!(
            parts("pip @ https://host/a;b.zip ; os_name == 'extra'"),
            of("pip", &[], "@ https://host/a;b.zip", Some("os_name == 'extra'"), false)
        );
    }

    #[test]
    fn what_has_no_name_is_none() {
        assert_eq!([requirement(""), requirement("(>=1)"), requirement(" ; extra == 'x'")], [None, None, None]);
    }
}
