//! What Python's installers leave beside a distribution: `*.dist-info/*` and `*.egg-info`.
//!
//! See [core metadata](https://packaging.python.org/en/latest/specifications/core-metadata/) and
//! [recording installed projects](https://packaging.python.org/en/latest/specifications/recording-installed-packages/).

mod requirement;
mod rest;

pub use requirement::{Requirement, requirement};
pub use rest::{
    DirectUrl, EntryPoint, direct_url, entry_points, installed_files, installer, record, requires_txt, top_level,
};

use super::Parsed;
use super::bounds::{Bounds, text};
use super::fields::{fields, paragraphs};

/// What `METADATA` or `PKG-INFO` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// The distribution's name as it writes it; [`normalize_name`] makes it comparable. Empty where there is none.
    pub name: String,
    /// Its version; empty where there is none.
    pub version: String,
    /// `Requires-Dist`, in the order of the file.
    pub requires: Vec<Requirement>,
    /// `Provides-Extra`: the names of its extras.
    pub extras: Vec<String>,
}

/// Reads `METADATA` of a `.dist-info`, `PKG-INFO` of an `.egg-info`.
#[must_use]
pub fn metadata(bytes: &[u8]) -> Parsed<Metadata> {
    let (mut bounds, mut metadata) = (Bounds::new(), Metadata::default());
    // The long description follows the empty line.
    let header = paragraphs(bytes).next().unwrap_or_default();
    for (name, value) in fields(header).flatten() {
        set(&mut metadata, &name.to_ascii_lowercase(), value, &mut bounds);
    }
    if metadata.name.is_empty() || metadata.version.is_empty() {
        bounds.skip();
    }
    bounds.finish(metadata)
}

fn set(metadata: &mut Metadata, name: &[u8], value: &[u8], bounds: &mut Bounds) {
    match name {
        b"name" => metadata.name = text(value).unwrap_or_default(),
        b"version" => metadata.version = text(value).unwrap_or_default(),
        b"requires-dist" => match std::str::from_utf8(value).ok().and_then(requirement) {
            Some(requirement) => bounds.push(&mut metadata.requires, requirement, value.len()),
            None => bounds.skip(),
        },
        b"provides-extra" => match text(value) {
            Some(extra) => bounds.push(&mut metadata.extras, extra, value.len()),
            None => bounds.skip(),
        },
        _ => {}
    }
}

/// Returns the name by which distributions are compared: lower case, runs of `-`, `_` and `.` as one `-`.
///
/// See [name normalization](https://packaging.python.org/en/latest/specifications/name-normalization/).
#[must_use]
pub fn normalize_name(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    let mut after_separator = false;
    for c in name.chars() {
        let is_separator = matches!(c, '-' | '_' | '.');
        if !is_separator {
            normal.push(c.to_ascii_lowercase());
        } else if !after_separator {
            normal.push('-');
        }
        after_separator = is_separator;
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From requests 2.31.0, shortened.
    const METADATA: &str = "\
Metadata-Version: 2.1
Name: requests
Version: 2.31.0
Summary: Python HTTP for Humans.
License: Apache 2.0
Classifier: Development Status :: 5 - Production/Stable
Requires-Python: >=3.7
License-File: LICENSE
Requires-Dist: charset-normalizer (<4,>=2)
Requires-Dist: idna (<4,>=2.5)
Provides-Extra: security
Provides-Extra: socks
Requires-Dist: PySocks (!=1.5.7,>=1.5.6) ; extra == 'socks'

# Requests
Requires-Dist: not-a-field
";

    #[test]
    fn metadata_is_read_up_to_the_description() {
        let parsed = metadata(METADATA.as_bytes());
        assert_eq!(parsed.skipped, 0);
        let metadata = parsed.content;
        assert_eq!((metadata.name.as_str(), metadata.version.as_str()), ("requests", "2.31.0"));
        let requires: Vec<(&str, bool)> =
            metadata.requires.iter().map(|requirement| (requirement.name.as_str(), requirement.is_optional)).collect();
        assert_eq!(requires, [("charset-normalizer", false), ("idna", false), ("PySocks", true)]);
        assert_eq!(metadata.extras, ["security", "socks"]);
    }

    #[test]
    fn bad_fields_are_counted() {
        let parsed = metadata(b"Name: x\xff\nRequires-Dist: (>1)\nVersion: 1\nRequires-Dist: a\nProvides-Extra:\n");
        let Metadata { name, requires, .. } = parsed.content;
        assert_eq!((name.as_str(), requires.len(), parsed.skipped), ("", 1, 3));
        assert_eq!(super::metadata(b"").skipped, 1);
    }

    #[test]
    fn names_are_normalized() {
        for name in ["friendly-bard", "Friendly-Bard", "FRIENDLY.BARD", "friendly_bard", "FrIeNdLy-._.-bArD"] {
            assert_eq!(normalize_name(name), "friendly-bard");
        }
    }
}
