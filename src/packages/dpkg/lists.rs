//! The smaller files: which paths a package has, which are diverted, which packages came along.

use super::super::Parsed;
use super::super::bounds::{Bounds, lines, path, split_once, text};
use super::super::fields::{fields, paragraphs};

/// One line of `dpkg-divert --list`: who else brings `from` finds it installed as `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diversion {
    /// The path as packages name it.
    pub from: Vec<u8>,
    /// Where it is installed instead.
    pub to: Vec<u8>,
    /// The package whose own file stays at `from`; `None` where the administrator diverts it for all.
    pub package: Option<String>,
}

/// Splits the name of a file in `info`: `libc6:amd64.list` is `libc6` of `amd64`.
///
/// `None` for what is not a list.
#[must_use]
pub fn list_file(name: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let stem = name.strip_suffix(b".list").filter(|stem| !stem.is_empty())?;
    Some(split_once(stem, b':').map_or((stem, None), |(name, arch)| (name, Some(arch))))
}

/// Reads a `.list`: files and directories, in the order of the file, without the root.
#[must_use]
pub fn list_paths(bytes: &[u8]) -> Parsed<Vec<Vec<u8>>> {
    let paths = lines(bytes).filter(|line| !matches!(*line, b"" | b"/" | b"/."));
    collect(paths.map(path))
}

/// Reads a `.md5sums` (`HASH  PATH` in each line), all that images without dpkg (distroless) say about paths.
#[must_use]
pub fn md5sums_paths(bytes: &[u8]) -> Parsed<Vec<Vec<u8>>> {
    let of_line = |line| split_once(line, b' ').and_then(|(_, rest)| path(rest.trim_ascii_start()));
    collect(lines(bytes).filter(|line| !line.is_empty()).map(of_line))
}

fn collect(paths: impl Iterator<Item = Option<Vec<u8>>>) -> Parsed<Vec<Vec<u8>>> {
    let (mut bounds, mut found) = (Bounds::new(), Vec::new());
    for path in paths {
        match path {
            Some(path) => {
                let bytes = path.len();
                bounds.push(&mut found, path, bytes);
            }
            None => bounds.skip(),
        }
    }
    bounds.finish(found)
}

/// Reads `diversions`: three lines each.
#[must_use]
pub fn diversions(bytes: &[u8]) -> Parsed<Vec<Diversion>> {
    let (mut bounds, mut found) = (Bounds::new(), Vec::new());
    let mut lines = lines(bytes);
    while let Some(from) = lines.next().filter(|line| !line.is_empty()) {
        match diversion(from, lines.next(), lines.next()) {
            Some(diversion) => bounds.push(&mut found, diversion, from.len() * 2),
            None => bounds.skip(),
        }
    }
    bounds.finish(found)
}

fn diversion(from: &[u8], to: Option<&[u8]>, package: Option<&[u8]>) -> Option<Diversion> {
    let package = match package? {
        b":" => None,
        name => Some(text(name)?),
    };
    Some(Diversion { from: path(from)?, to: path(to?)?, package })
}

/// Reads apt's `extended_states`: name and architecture of each package that nobody asked for.
#[must_use]
pub fn auto_installed(bytes: &[u8]) -> Parsed<Vec<(String, String)>> {
    let (mut bounds, mut found) = (Bounds::new(), Vec::new());
    for paragraph in paragraphs(bytes) {
        let value = |wanted: &[u8]| {
            let named = |field: &(&[u8], &[u8])| field.0.eq_ignore_ascii_case(wanted);
            fields(paragraph).flatten().find(named).map(|field| field.1)
        };
        match (value(b"package").and_then(text), value(b"architecture").and_then(text)) {
            (Some(name), Some(arch)) if value(b"auto-installed") == Some(b"1") => {
                let bytes = name.len() + arch.len();
                bounds.push(&mut found, (name, arch), bytes);
            }
            (Some(_), Some(_)) => {}
            _ => bounds.skip(),
        }
    }
    bounds.finish(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_lists_are_split() {
        assert_eq!(list_file(b"bash.list"), Some((&b"bash"[..], None)));
        assert_eq!(list_file(b"libc6:amd64.list"), Some((&b"libc6"[..], Some(&b"amd64"[..]))));
        assert_eq!([list_file(b"bash.md5sums"), list_file(b".list")], [None, None]);
    }

    #[test]
    fn lists_hold_paths() {
        let parsed = list_paths(b"/.\n/bin\n/bin/bash\n/usr/share/doc/a b\xff\n");
        assert_eq!(parsed.content, [&b"bin"[..], b"bin/bash", b"usr/share/doc/a b\xff"]);
        assert_eq!(parsed.skipped, 0);
        assert_eq!(list_paths(b"/../x\n/y").skipped, 1);
    }

    #[test]
    fn md5sums_hold_paths() {
        let parsed = md5sums_paths(b"d41d8cd98f00b204e9800998ecf8427e  usr/share/zoneinfo/UTC\nnonsense\n");
        assert_eq!((parsed.content, parsed.skipped), (vec![b"usr/share/zoneinfo/UTC".to_vec()], 1));
    }

    /// The first three lines are those of the package dash in Debian 11, the others of a `dpkg-divert --local`.
    #[test]
    fn diversions_are_three_lines_each() {
        let parsed = diversions(b"/bin/sh\n/bin/sh.distrib\ndash\n/usr/bin/x\n/usr/bin/x.real\n:\n/cut\n");
        let of = |from: &[u8], to: &[u8], package: Option<&str>| Diversion {
            from: from.to_vec(),
            to: to.to_vec(),
            package: package.map(str::to_owned),
        };
        let expected = [of(b"bin/sh", b"bin/sh.distrib", Some("dash")), of(b"usr/bin/x", b"usr/bin/x.real", None)];
        assert_eq!((&parsed.content[..], parsed.skipped), (&expected[..], 1));
    }

    #[test]
    fn automatic_packages_are_listed() {
        let parsed = auto_installed(
            b"Package: libpsl5\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: curl\nArchitecture: amd64\n\
              Auto-Installed: 0\n\nArchitecture: amd64\nAuto-Installed: 1\n",
        );
        assert_eq!(parsed.content, [("libpsl5".to_owned(), "amd64".to_owned())]);
        assert_eq!(parsed.skipped, 1);
    }
}
