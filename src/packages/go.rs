//! Go modules, by the paths of the module cache (`pkg/mod`).
//!
//! See [the module cache](https://go.dev/ref/mod#module-cache).

/// A module by a path of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// The module's path: `github.com/Masterminds/semver/v3`.
    pub path: String,
    /// Its version: `v3.2.1`.
    pub version: String,
}

/// Returns the module that a file of the cache belongs to, and the length of the part of `path` that names it.
///
/// `path` is what follows `pkg/mod/`: `github.com/!masterminds/semver/v3@v3.2.1/version.go`, or a download of it,
/// `cache/download/github.com/!masterminds/semver/v3/@v/v3.2.1.zip`. `None` for everything else, lists of versions and
/// checksums included.
#[must_use]
pub fn module(path: &[u8]) -> Option<(Module, usize)> {
    let text = std::str::from_utf8(path).ok()?;
    if let Some(rest) = text.strip_prefix("cache/download/") {
        let (name, file) = rest.split_once("/@v/")?;
        let version = DOWNLOADS.iter().find_map(|suffix| file.strip_suffix(suffix))?;
        return Some((found(name, version)?, text.len()));
    }
    let (name, rest) = text.split_once('@')?;
    let version = rest.split('/').next()?;
    Some((found(name, version)?, name.len() + 1 + version.len()))
}

/// What the cache holds of each version.
const DOWNLOADS: [&str; 5] = [".zip", ".ziphash", ".mod", ".info", ".lock"];

fn found(name: &str, version: &str) -> Option<Module> {
    let is_whole = !name.is_empty() && !name.starts_with('/') && !version.is_empty() && !version.contains('/');
    is_whole.then_some(())?;
    Some(Module { path: unescape(name)?, version: unescape(version)? })
}

/// `!x` is `X`: some file systems do not tell capital letters from small ones.
fn unescape(text: &str) -> Option<String> {
    let (mut plain, mut chars) = (String::with_capacity(text.len()), text.chars());
    while let Some(c) = chars.next() {
        plain.push(match c {
            '!' => chars.next().filter(char::is_ascii_lowercase)?.to_ascii_uppercase(),
            other => other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str) -> Option<(String, usize)> {
        module(path.as_bytes()).map(|(module, length)| (format!("{} {}", module.path, module.version), length))
    }

    #[test]
    fn modules_are_named_by_their_paths() {
        let unpacked = "github.com/!masterminds/semver/v3@v3.2.1";
        let expected = |length| Some(("github.com/Masterminds/semver/v3 v3.2.1".to_owned(), length));
        assert_eq!(named(unpacked), expected(unpacked.len()));
        assert_eq!(named(&format!("{unpacked}/a@b.go")), expected(unpacked.len()));
        for suffix in DOWNLOADS {
            let download = format!("cache/download/github.com/!masterminds/semver/v3/@v/v3.2.1{suffix}");
            assert_eq!(named(&download), expected(download.len()));
        }
        let toolchain = "golang.org/toolchain@v0.0.1-go1.21.5.linux-amd64/bin/go";
        assert_eq!(
            named(toolchain).map(|(name, _)| name),
            Some("golang.org/toolchain v0.0.1-go1.21.5.linux-amd64".to_owned())
        );
    }

    #[test]
    fn other_files_of_the_cache_are_no_modules() {
        let others = [
            "",
            "cache/download/x/@v/list",
            "cache/download/sumdb/sum.golang.org/lookup/x@v1",
            "cache/lock",
            "github.com/x/y",
            "@v1/x",
            "x/!Y@v1",
            "x/y!@v1",
        ];
        for other in others {
            assert_eq!(named(other), None, "{other}");
        }
        assert_eq!(module(b"x\xff@v1"), None);
    }
}
