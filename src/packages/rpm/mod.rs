//! RPM's databases: `rpmdb.sqlite`, `Packages.db` (ndb) and `Packages` (Berkeley DB), in `var/lib/rpm` or
//! `usr/lib/sysimage/rpm`.
//!
//! All three hold one header for each package; they differ in how they store it. Parsers of our own, because there is no
//! reader of any of them without C code, and what is needed of each format is little: every record of one table, once.

mod berkeley;
mod header;
mod ndb;
mod package;
mod reasons;
mod sqlite;

pub use package::{Dependency, File, Package};
pub use reasons::{Reason, dnf_reasons, dnf5_reasons};

use super::Parsed;
use super::bounds::Bounds;

/// Takes the headers that a database holds, one after the other.
type Take<'a> = &'a mut dyn FnMut(&[u8], &mut Bounds);

/// Reads a database of any of the three kinds; its first bytes say which it is.
#[must_use]
pub fn packages(bytes: &[u8]) -> Parsed<Vec<Package>> {
    let (mut bounds, mut packages) = (Bounds::new(), Vec::new());
    let mut take = |blob: &[u8], bounds: &mut Bounds| match Package::read(blob, bounds) {
        Some(package) => bounds.push(&mut packages, package, 0),
        None => bounds.skip(),
    };
    let read =
        [sqlite::headers, ndb::headers, berkeley::headers].iter().find_map(|read| read(bytes, &mut bounds, &mut take));
    if read.is_none() {
        bounds.skip();
    }
    bounds.finish(packages)
}

/// The bytes that records can still take: together they are not larger than the file that holds them.
///
/// Without it a small file whose records share their pages could keep a reader busy for hours.
struct Share(usize);

impl Share {
    fn of(file: &[u8]) -> Self {
        Share(file.len())
    }

    /// Says whether a record of `bytes` can be there too.
    fn take(&mut self, bytes: usize) -> bool {
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// Returns `N` bytes at an offset.
fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Returns a size in a file as one in memory.
fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database of tests/packages/rpm, whose README says how it was made.
    fn fixture(name: &str) -> Vec<u8> {
        let path = format!("{}/tests/packages/rpm/{name}.zst", env!("CARGO_MANIFEST_DIR"));
        let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        zstd::decode_all(file).expect("it is zstd")
    }

    fn assert_is_the_database(bytes: &[u8]) {
        let parsed = packages(bytes);
        assert_eq!(parsed.skipped, 0);
        let mut packages: Vec<&Package> = parsed.content.iter().collect();
        packages.sort_by_key(|package| &package.name);
        let [base, hello, doc] = packages[..] else { panic!("{} packages", packages.len()) };
        let version = |package: &Package| {
            (package.name.clone(), package.epoch, format!("{}-{}", package.version, package.release))
        };
        assert_eq!(version(base), ("base".to_owned(), None, "1.0-1".to_owned()));
        assert_eq!(version(hello), ("hello".to_owned(), Some(2), "1.2-3".to_owned()));
        assert_eq!(version(doc), ("hello-doc".to_owned(), Some(2), "1.2-3".to_owned()));
        assert_eq!((hello.architecture.as_str(), hello.installed_bytes), ("noarch", Some(13)));
        assert_eq!(hello.source.as_deref(), Some("hello-1.2-3.src.rpm"));
        assert_eq!(base.installed_bytes, Some(292));
        assert_base_files(base);
        assert_hello_files(hello);
        assert_dependencies(hello);
        assert!(doc.files.is_empty());
    }

    /// Files 1 to 100, which hold their numbers; the folder is left out.
    fn assert_base_files(base: &Package) {
        assert_eq!(base.files.len(), 100);
        for number in [1, 42, 100] {
            let path = format!("usr/share/base/a-rather-long-file-name-number-{number}").into_bytes();
            let file = base.files.iter().find(|file| file.path == path).expect("it is listed");
            assert_eq!(file.bytes, u64::try_from(number.to_string().len()).expect("small") + 1);
        }
    }

    /// `%doc` and `%license`; the database was made with `--excludedocs`, and a `%ghost` is not there either.
    fn assert_hello_files(hello: &Package) {
        let missing = ["usr/share/doc/hello/README", "var/log/hello.log"];
        let file = |path: &str, bytes, is_doc, is_license| File {
            path: path.as_bytes().to_vec(),
            bytes,
            is_doc,
            is_license,
            is_present: !missing.contains(&path),
        };
        let expected = [
            file("etc/hello.conf", 2, false, false),
            file("usr/bin/hello", 3, false, false),
            file("usr/share/doc/hello/LICENSE", 4, true, true),
            file("usr/share/doc/hello/README", 4, true, false),
            file("var/log/hello.log", 0, false, false),
        ];
        assert_eq!(hello.files, expected);
    }

    fn assert_dependencies(hello: &Package) {
        let words = |list: &[Dependency]| {
            let word = |one: &Dependency| format!("{} {} {}", one.name, one.operator, one.version);
            list.iter().map(word).map(|word| word.trim_end().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(words(&hello.requires), ["/bin/sh", "base >= 1.0", "config(hello) = 2:1.2-3"]);
        assert_eq!(words(&hello.provides), ["config(hello) = 2:1.2-3", "greeter = 5", "hello = 2:1.2-3"]);
        assert_eq!(words(&hello.recommends), ["nicety"]);
    }

    #[test]
    fn sqlite_databases_are_read() {
        assert_is_the_database(&fixture("rpmdb.sqlite"));
    }

    #[test]
    fn berkeley_databases_are_read() {
        assert_is_the_database(&fixture("Packages"));
    }

    #[test]
    fn ndb_databases_are_read() {
        assert_is_the_database(&fixture("Packages.db"));
    }

    /// Every byte that decides something is broken once, and every length once.
    #[test]
    fn broken_databases_end() {
        for name in ["rpmdb.sqlite", "Packages", "Packages.db"] {
            let whole = fixture(name);
            for at in (0..whole.len()).step_by(whole.len() / 60).chain(0..100) {
                for value in [0, 0x7f, 0xff, whole[at].wrapping_add(1)] {
                    let mut broken = whole.clone();
                    broken[at] = value;
                    assert!(packages(&broken).content.len() <= 4, "{name}, byte {at} is {value}");
                }
                let parsed = packages(&whole[..at]);
                assert!(
                    parsed.content.len() <= 3 && (parsed.content.len() == 3 || parsed.skipped > 0),
                    "{name}, {at} bytes"
                );
            }
        }
    }

    #[test]
    fn what_is_no_database_is_counted() {
        for bytes in [&b""[..], b"SQLite format 3\0", b"RpmP", &[0; 4096]] {
            let parsed = packages(bytes);
            assert_eq!((parsed.content.len(), parsed.skipped), (0, 1));
        }
    }
}
