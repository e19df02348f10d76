//! Rust crates, by the paths of Cargo's cache (`registry`).
//!
//! See [Cargo home](https://doc.rust-lang.org/cargo/guide/cargo-home.html).

/// A crate by a path of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crate {
    /// The crate's name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Returns the crate that a file of the cache belongs to, and the length of the part of `path` that names it.
///
/// `path` is what follows `registry/`: `src/INDEX/NAME-VERSION/…`, or the download of it, `cache/INDEX/NAME-VERSION.crate`.
#[must_use]
pub fn package(path: &[u8]) -> Option<(Crate, usize)> {
    let text = std::str::from_utf8(path).ok()?;
    let mut parts = text.splitn(4, '/');
    let (kind, index, folder) = (parts.next()?, parts.next()?, parts.next()?);
    let name = match kind {
        "src" => folder,
        "cache" if parts.next().is_none() => folder.strip_suffix(".crate")?,
        _ => return None,
    };
    let found = Some(name).filter(|name| name.len() <= MOST_NAME_BYTES).and_then(split_version)?;
    Some((found, kind.len() + index.len() + folder.len() + 2))
}

/// No file's name is longer. Looking for the version takes quadratic time.
const MOST_NAME_BYTES: usize = 255;

/// Splits `NAME-VERSION` before the first part that is a version: names may have dashes, and so may versions.
fn split_version(name: &str) -> Option<Crate> {
    let starts_version = |at: &usize| {
        let mut numbers = name[at + 1..].splitn(3, '.');
        let is_number =
            |part: Option<&str>| part.is_some_and(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        *at > 0
            && is_number(numbers.next())
            && is_number(numbers.next())
            && numbers.next().is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let dash = name.match_indices('-').map(|(at, _)| at).find(starts_version)?;
    Some(Crate { name: name[..dash].to_owned(), version: name[dash + 1..].to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str) -> Option<(String, usize)> {
        package(path.as_bytes()).map(|(found, length)| (format!("{} {}", found.name, found.version), length))
    }

    #[test]
    fn crates_are_named_by_their_paths() {
        let index = "index.crates.io-6f17d22bba15001f";
        let cases = [
            ("serde-1.0.229", "serde 1.0.229"),
            ("toml_datetime-1.1.3+spec-1.1.0", "toml_datetime 1.1.3+spec-1.1.0"),
            ("zstd-sys-2.0.9+zstd.1.5.5", "zstd-sys 2.0.9+zstd.1.5.5"),
            ("utf-8-0.7.6", "utf-8 0.7.6"),
            ("ring-0.17.0-alpha.10", "ring 0.17.0-alpha.10"),
        ];
        for (folder, expected) in cases {
            let unpacked = format!("src/{index}/{folder}");
            assert_eq!(named(&unpacked), Some((expected.to_owned(), unpacked.len())));
            assert_eq!(named(&format!("{unpacked}/src/lib.rs")), Some((expected.to_owned(), unpacked.len())));
            let download = format!("cache/{index}/{folder}.crate");
            assert_eq!(named(&download), Some((expected.to_owned(), download.len())));
        }
    }

    #[test]
    fn other_files_of_the_cache_are_no_crates() {
        for other in
            ["", "src", "src/x", "src/x/name", "src/x/-1.0.0", "index/x/a-1.0.0", "cache/x/a-1.0.0/b", "src/x/a-1.0"]
        {
            assert_eq!(named(other), None, "{other}");
        }
        // Looked through, this would take hours.
        assert_eq!(named(&format!("src/x/{}", "-".repeat(4 << 20))), None);
    }
}
