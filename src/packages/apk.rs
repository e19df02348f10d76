//! Alpine's databases: `lib/apk/db/installed` (since apk 3 also `usr/lib/apk/db`) and `etc/apk/world`.
//!
//! See [the format of APKINDEX](https://wiki.alpinelinux.org/wiki/Apk_spec), which `installed` extends by the files.

use super::Parsed;
use super::bounds::{Bounds, lines, path, split_once, text};

/// One package of `installed`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Package {
    /// `P`: its name.
    pub name: String,
    /// `V`: its version.
    pub version: String,
    /// `A`: its architecture; empty where the record does not say.
    pub architecture: String,
    /// `o`: the package whose build it comes from.
    pub origin: Option<String>,
    /// `S`: the size of the package file.
    pub package_bytes: Option<u64>,
    /// `I`: what its files take when installed.
    pub installed_bytes: Option<u64>,
    /// `D`: what it depends on, and what it conflicts with.
    pub depends: Vec<Dependency>,
    /// `p`: what it also stands for: `so:libz.so.1=1.2.13`, `cmd:sh=1.36`.
    pub provides: Vec<Dependency>,
    /// `r`: packages whose files it may take over.
    pub replaces: Vec<Dependency>,
    /// `i`: it is installed by itself when all of these are.
    pub install_if: Vec<Dependency>,
    /// `F` and `R`: its files, without directories.
    pub files: Vec<Vec<u8>>,
}

/// One word of a dependency list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// A package, or what packages provide: `so:…`, `cmd:…`, `pc:…`, a path.
    pub name: String,
    /// `!NAME`: it must not be installed.
    pub is_conflict: bool,
    /// The version it is limited to: `=`, `<`, `<=`, `>`, `>=`, `~` or `><` (a checksum), and what follows.
    pub constraint: Option<(String, String)>,
    /// `@TAG`: the repository it has to come from, in `world` only.
    pub repository: Option<String>,
}

/// Reads `installed`.
#[must_use]
pub fn installed(bytes: &[u8]) -> Parsed<Vec<Package>> {
    let (mut bounds, mut packages) = (Bounds::new(), Vec::new());
    let (mut record, mut is_open) = (Record::default(), false);
    for line in lines(bytes).chain([&b""[..]]) {
        if !line.is_empty() {
            is_open = true;
            record.set(line, &mut bounds);
        } else if is_open {
            is_open = false;
            let package = std::mem::take(&mut record).package;
            if package.name.is_empty() || package.version.is_empty() {
                bounds.skip();
            } else {
                bounds.push(&mut packages, package, 0);
            }
        }
    }
    bounds.finish(packages)
}

/// Reads `world`: what was asked for by name.
#[must_use]
pub fn world(bytes: &[u8]) -> Parsed<Vec<Dependency>> {
    let mut bounds = Bounds::new();
    let dependencies = dependencies(bytes, &mut bounds);
    bounds.finish(dependencies)
}

/// A package as its lines are read.
#[derive(Default)]
struct Record {
    package: Package,
    /// The directory of the files that follow.
    directory: Vec<u8>,
}

/// No path of a file system is longer: what a directory's name adds to each of its files is bounded by this.
const MOST_DIRECTORY_BYTES: usize = 4096;

impl Record {
    fn set(&mut self, line: &[u8], bounds: &mut Bounds) {
        let Some(([key], value)) = split_once(line, b':') else {
            bounds.skip();
            return;
        };
        let package = &mut self.package;
        let number = || text(value).and_then(|number| number.parse().ok());
        match key {
            b'P' => package.name = admitted(value, bounds).unwrap_or_default(),
            b'V' => package.version = admitted(value, bounds).unwrap_or_default(),
            b'A' => package.architecture = admitted(value, bounds).unwrap_or_default(),
            b'o' => package.origin = admitted(value, bounds),
            b'S' => package.package_bytes = number(),
            b'I' => package.installed_bytes = number(),
            b'D' => package.depends = dependencies(value, bounds),
            b'p' => package.provides = dependencies(value, bounds),
            b'r' => package.replaces = dependencies(value, bounds),
            b'i' => package.install_if = dependencies(value, bounds),
            b'F' => value.clone_into(&mut self.directory),
            b'R' => self.add_file(value, bounds),
            _ => {}
        }
    }

    fn add_file(&mut self, name: &[u8], bounds: &mut Bounds) {
        let is_name = !name.is_empty() && !name.contains(&b'/') && self.directory.len() <= MOST_DIRECTORY_BYTES;
        let joined = || path(&[&self.directory, &b"/"[..], name].concat());
        match (is_name && !bounds.is_full()).then(joined).flatten() {
            Some(path) => {
                let bytes = path.len();
                bounds.push(&mut self.package.files, path, bytes);
            }
            None => bounds.skip(),
        }
    }
}

fn admitted(value: &[u8], bounds: &mut Bounds) -> Option<String> {
    text(value).filter(|text| bounds.admit::<()>(text.len()))
}

fn dependencies(value: &[u8], bounds: &mut Bounds) -> Vec<Dependency> {
    let mut found = Vec::new();
    for word in value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        match dependency(word) {
            Some(dependency) => bounds.push(&mut found, dependency, word.len()),
            None => bounds.skip(),
        }
    }
    found
}

/// Reads `[!]NAME[@TAG][OPERATOR VERSION]`.
fn dependency(word: &[u8]) -> Option<Dependency> {
    let word = std::str::from_utf8(word).ok()?;
    let (word, is_conflict) = word.strip_prefix('!').map_or((word, false), |rest| (rest, true));
    let is_operator = |c: char| "<>=~".contains(c);
    let (front, rest) = word.split_at(word.find(is_operator).unwrap_or(word.len()));
    let (operator, version) = rest.split_at(rest.find(|c| !is_operator(c)).unwrap_or(rest.len()));
    // The tag stands behind the version as well: `nginx=1.24@edge`.
    let (name, tag) = split_tag(front);
    let (version, late_tag) = split_tag(version);
    let is_whole = !name.is_empty() && operator.is_empty() == version.is_empty();
    is_whole.then(|| Dependency {
        name: name.to_owned(),
        is_conflict,
        constraint: (!operator.is_empty()).then(|| (operator.to_owned(), version.to_owned())),
        repository: tag.or(late_tag).map(str::to_owned),
    })
}

fn split_tag(text: &str) -> (&str, Option<&str>) {
    text.split_once('@').map_or((text, None), |(front, tag)| (front, Some(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Alpine 3.18 has them, some files left out.
    const INSTALLED: &str = "\
C:Q1v4Vq7TbgxGvXlk3o2m5k3+Bf4Ww=
P:alpine-baselayout
V:3.4.3-r1
A:x86_64
S:8911
I:331776
T:Alpine base dir structure and init scripts
U:https://git.alpinelinux.org/cgit/aports/tree/main/alpine-baselayout
L:GPL-2.0-only
o:alpine-baselayout
m:Natanael Copa <ncopa@alpinelinux.org>
t:1683642107
c:65502ca9379dd29d1ac4b0bf0dcf03a3dd1b324a
D:alpine-baselayout-data=3.4.3-r1 /bin/sh !uclibc
q:1000
F:dev
F:dev/pts
F:etc
R:motd
Z:Q1SLkS9hBidUbPwwrw+XR0Whv3ww8=
F:etc/crontabs
R:root
a:0:0:600
Z:Q1vfk1apUWI4yLJGhhNRd0kJixfvY=
M:0:0:1777
F:tmp
F:

P:zlib
V:1.2.13-r1
A:x86_64
I:110592
p:so:libz.so.1=1.2.13 cmd:x>=2
r:zlib-old<1.2
i:foo bar~1
F:lib
R:libz.so.1
";

    #[test]
    fn packages_are_read() {
        let parsed = installed(INSTALLED.as_bytes());
        assert_eq!((parsed.content.len(), parsed.skipped), (2, 0));
        let [layout, zlib] = &parsed.content[..] else { panic!("two packages") };
        assert_eq!((layout.name.as_str(), layout.version.as_str()), ("alpine-baselayout", "3.4.3-r1"));
        assert_eq!((layout.architecture.as_str(), layout.origin.as_deref()), ("x86_64", Some("alpine-baselayout")));
        assert_eq!((layout.package_bytes, layout.installed_bytes), (Some(8911), Some(331_776)));
        assert_eq!(layout.files, [&b"etc/motd"[..], b"etc/crontabs/root"]);
        let depends: Vec<(&str, bool)> =
            layout.depends.iter().map(|dependency| (dependency.name.as_str(), dependency.is_conflict)).collect();
        assert_eq!(depends, [("alpine-baselayout-data", false), ("/bin/sh", false), ("uclibc", true)]);
        assert_eq!(zlib.provides[0].name, "so:libz.so.1");
        assert_eq!(zlib.provides[0].constraint, Some(("=".to_owned(), "1.2.13".to_owned())));
        assert_eq!(zlib.replaces[0].constraint, Some(("<".to_owned(), "1.2".to_owned())));
        assert_eq!((zlib.install_if.len(), &zlib.files), (2, &vec![b"lib/libz.so.1".to_vec()]));
    }

    #[test]
    fn world_names_what_was_asked_for() {
        let parsed = world(b"alpine-base\nnginx@edge\n.build-deps=20240101.101010 postgresql>=14@pg\n!mariadb\n");
        assert_eq!(parsed.skipped, 0);
        let names: Vec<&str> = parsed.content.iter().map(|dependency| dependency.name.as_str()).collect();
        assert_eq!(names, ["alpine-base", "nginx", ".build-deps", "postgresql", "mariadb"]);
        let tags: Vec<Option<&str>> = parsed.content.iter().map(|word| word.repository.as_deref()).collect();
        assert_eq!(tags, [None, Some("edge"), None, Some("pg"), None]);
        assert!(parsed.content[4].is_conflict);
    }

    #[test]
    fn bad_parts_are_skipped_and_counted() {
        let parsed = installed(b"V:1\n\nP:a\nV:1\nR:../../x\nD:=1 b= c\nnonsense\nF:..\nR:x\n\n\n\nP:\xff\nV:1\n");
        assert_eq!((parsed.content.len(), parsed.skipped), (1, 7));
        assert_eq!(parsed.content[0].depends.len(), 1);
    }

    #[test]
    fn a_directory_cannot_be_multiplied() {
        let text = format!("P:a\nV:1\nF:{}\n{}", "d/".repeat(50_000), "R:x\n".repeat(50_000));
        let parsed = installed(text.as_bytes());
        assert_eq!((parsed.content[0].files.len(), parsed.skipped), (0, 50_000));
    }
}
