//! dpkg's databases: `var/lib/dpkg/status`, `status.d/*`, `info/*.list`, `diversions`; apt's `extended_states`.

mod lists;
mod relation;
mod version;

pub use lists::{Diversion, auto_installed, diversions, list_file, list_paths, md5sums_paths};
pub use relation::{Constraint, Groups, Operator, Relation};
pub use version::versions_compare;

use super::Parsed;
use super::bounds::{Bounds, text};
use super::fields::{fields, paragraphs};

/// One package of `status`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Package {
    /// The package's name.
    pub name: String,
    /// Its version; empty for some that are not installed.
    pub version: String,
    /// Its architecture, `all` for those that have none; empty where the record does not say.
    pub architecture: String,
    /// Whether its files are there, even if its configuration failed. Of a removed package only configuration files
    /// are left: it is not installed.
    pub is_installed: bool,
    /// `Essential: yes`: every package may need it without saying so.
    pub is_essential: bool,
    /// `Protected: yes`, or `Important: yes`, apt's word for the same: it is not to be removed.
    pub is_protected: bool,
    /// `required`, `important`, `standard`, `optional` or `extra`.
    pub priority: Option<String>,
    /// Its section, such as `libs` or `non-free/kernel`.
    pub section: Option<String>,
    /// The source package, where it has another name.
    pub source: Option<String>,
    /// `same`, `foreign` or `allowed`.
    pub multi_arch: Option<String>,
    /// The size that it states, in KiB: an estimate of its builder's.
    pub installed_kib: Option<u64>,
    /// `Depends`.
    pub depends: Groups,
    /// `Pre-Depends`.
    pub pre_depends: Groups,
    /// `Recommends`.
    pub recommends: Groups,
    /// `Suggests`.
    pub suggests: Groups,
    /// `Provides`: the virtual packages that it stands for.
    pub provides: Vec<Relation>,
}

/// Reads `status`, or one file of `status.d`, whose packages have no `Status` field and are installed.
#[must_use]
pub fn status(bytes: &[u8]) -> Parsed<Vec<Package>> {
    let (mut bounds, mut packages) = (Bounds::new(), Vec::new());
    for paragraph in paragraphs(bytes) {
        match package(paragraph, &mut bounds) {
            Some(package) => bounds.push(&mut packages, package, 0),
            None => bounds.skip(),
        }
    }
    bounds.finish(packages)
}

/// Reads one record; `None` where it has no name, or is installed in no version.
fn package(paragraph: &[u8], bounds: &mut Bounds) -> Option<Package> {
    let mut package = Package { is_installed: true, ..Package::default() };
    for field in fields(paragraph) {
        match field {
            Some((name, value)) => set(&mut package, name, value, bounds)?,
            None => bounds.skip(),
        }
    }
    let is_complete = !package.name.is_empty() && (!package.version.is_empty() || !package.is_installed);
    is_complete.then_some(package)
}

/// Takes in one field; `None` where the record is worth nothing with it.
fn set(package: &mut Package, name: &[u8], value: &[u8], bounds: &mut Bounds) -> Option<()> {
    let is_yes = || value.eq_ignore_ascii_case(b"yes");
    match name.to_ascii_lowercase().as_slice() {
        b"package" => package.name = admitted(value, bounds)?,
        b"version" => package.version = admitted(value, bounds)?,
        b"architecture" => package.architecture = admitted(value, bounds)?,
        b"status" => package.is_installed = has_files(value)?,
        b"essential" => package.is_essential = is_yes(),
        b"important" | b"protected" => package.is_protected |= is_yes(),
        b"priority" => package.priority = admitted(value, bounds),
        b"section" => package.section = admitted(value, bounds),
        // `Source: glibc (2.36-9)`: its version is the part in parentheses.
        b"source" => package.source = value.split(|byte| *byte == b' ').next().and_then(|name| admitted(name, bounds)),
        b"multi-arch" => package.multi_arch = admitted(value, bounds),
        b"installed-size" => package.installed_kib = text(value).and_then(|size| size.parse().ok()),
        b"depends" => package.depends = relation::groups(value, bounds),
        b"pre-depends" => package.pre_depends = relation::groups(value, bounds),
        b"recommends" => package.recommends = relation::groups(value, bounds),
        b"suggests" => package.suggests = relation::groups(value, bounds),
        b"provides" => package.provides = relation::relations(value, b',', bounds),
        _ => {}
    }
    Some(())
}

fn admitted(value: &[u8], bounds: &mut Bounds) -> Option<String> {
    text(value).filter(|text| bounds.admit::<()>(text.len()))
}

/// Reads `WANT FLAG STATE`.
fn has_files(status: &[u8]) -> Option<bool> {
    let state = status.split(u8::is_ascii_whitespace).next_back()?;
    match state {
        b"installed" | b"unpacked" | b"half-installed" | b"half-configured" | b"triggers-awaited"
        | b"triggers-pending" => Some(true),
        b"not-installed" | b"config-files" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Debian 12 has them, without the long descriptions.
    const STATUS: &str = "\
Package: bash
Essential: yes
Status: install ok installed
Priority: required
Section: shells
Installed-Size: 7164
Maintainer: Matthias Klose <doko@debian.org>
Architecture: amd64
Multi-Arch: foreign
Version: 5.2.15-2+b7
Replaces: bash-completion (<< 20060301-0), bash-doc (<= 2.05-1)
Depends: base-files (>= 2.1.12), debianutils (>= 5.6-0.1)
Pre-Depends: libc6 (>= 2.36), libtinfo6 (>= 6)
Recommends: bash-completion (>= 20060301-0)
Suggests: bash-doc
Conffiles:
 /etc/bash.bashrc 89269e1298235f1b12b4c16e4065ad0d
 /etc/skel/.bashrc 1f98b8f3f3c8f8927eca945d59dcc1c6
Description: GNU Bourne Again SHell
 Bash is an sh-compatible command language interpreter that executes
 .
 Bash is ultimately intended to be a conformant implementation of the

Package: libc6
Protected: yes
Status: install ok half-configured
Priority: optional
Section: libs
Source: glibc (2.36-9)
Architecture: amd64
Multi-Arch: same
Version: 2.36-9+deb12u10
Provides: libc6-x32, libc6.1 (= 2.36)

Package: wget
Status: deinstall ok config-files
Architecture: amd64
Version: 1.21.3-1+deb12u1
";

    #[test]
    fn packages_are_read() {
        let parsed = status(STATUS.as_bytes());
        assert_eq!((parsed.content.len(), parsed.skipped), (3, 0));
        let [bash, libc, wget] = &parsed.content[..] else { panic!("three packages") };
        assert_eq!((bash.name.as_str(), bash.version.as_str()), ("bash", "5.2.15-2+b7"));
        assert!(bash.is_installed && bash.is_essential && !bash.is_protected);
        assert_eq!(bash.architecture, "amd64");
        assert_eq!((bash.priority.as_deref(), bash.section.as_deref()), (Some("required"), Some("shells")));
        assert_eq!((bash.source.as_deref(), bash.multi_arch.as_deref()), (None, Some("foreign")));
        assert_eq!(bash.installed_kib, Some(7164));
        assert_eq!(
            [bash.depends.len(), bash.pre_depends.len(), bash.recommends.len(), bash.suggests.len()],
            [2, 2, 1, 1]
        );
        assert_eq!((libc.source.as_deref(), libc.multi_arch.as_deref()), (Some("glibc"), Some("same")));
        assert!(libc.is_installed && libc.is_protected && !libc.is_essential);
        let provided: Vec<&str> = libc.provides.iter().map(|relation| relation.name.as_str()).collect();
        assert_eq!(provided, ["libc6-x32", "libc6.1"]);
        assert!(!wget.is_installed);
    }

    /// As `var/lib/dpkg/status.d/tzdata` of distroless images.
    #[test]
    fn records_without_a_status_are_installed() {
        let parsed = status(b"Package: tzdata\nVersion: 2024a-0+deb12u1\nArchitecture: all\n");
        assert_eq!(parsed.skipped, 0);
        assert!(parsed.content[0].is_installed && parsed.content[0].architecture == "all");
    }

    #[test]
    fn bad_records_are_skipped_and_counted() {
        let parsed = status(
            b"Version: 1\n\nPackage: a\xff\nVersion: 1\n\nPackage: b\nStatus: install ok gone\nVersion: 1\n\n\
              Package: c\n\nnonsense\nPACKAGE: d\nversion: 1\n\nPackage: e\nStatus: unknown ok not-installed\n",
        );
        let names: Vec<&str> = parsed.content.iter().map(|package| package.name.as_str()).collect();
        assert_eq!((names, parsed.skipped), (vec!["d", "e"], 5));
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(
            name in "[a-z0-9][a-z0-9+.-]{1,20}",
            version in "([1-9]:)?[0-9][a-z0-9.+~]{0,10}(-[a-z0-9.+~]{1,5})?",
            needs in proptest::collection::vec(("[a-z][a-z0-9]{1,9}", "<<|<=|=|>=|>>", "[0-9][0-9.]{0,5}"), 0..6),
        ) {
            let word = |(name, operator, version): &(String, String, String)| format!("{name} ({operator} {version})");
            let depends = needs.iter().map(word).collect::<Vec<_>>().join(", ");
            let parsed = status(format!("Package: {name}\nVersion: {version}\nDepends: {depends}\n").as_bytes());
            let [package] = &parsed.content[..] else { panic!("one package") };
            proptest::prop_assert_eq!((&package.name, &package.version, parsed.skipped), (&name, &version, 0));
            let found: Vec<(&str, &str)> = package.depends.iter().map(|group| {
                let constraint = group[0].constraint.as_ref().expect("each has one");
                (group[0].name.as_str(), constraint.version.as_str())
            }).collect();
            let written: Vec<(&str, &str)> = needs.iter().map(|(name, _, version)| (name.as_str(), version.as_str())).collect();
            proptest::prop_assert_eq!(found, written);
        }

        #[test]
        fn any_versions_have_an_order(a in "[0-9a-z.+~:-]{0,8}", b in "[0-9a-z.+~:-]{0,8}") {
            proptest::prop_assert_eq!(versions_compare(&a, &b), versions_compare(&b, &a).reverse());
        }
    }

    /// The machine's own database, where there is one, agrees with `dpkg-query`.
    #[test]
    fn dpkg_query_says_the_same() {
        let Ok(bytes) = std::fs::read("/var/lib/dpkg/status") else { return };
        let format = "${Package} ${Version} ${Architecture} ${db:Status-Status}\n";
        let Ok(output) = std::process::Command::new("dpkg-query").args(["-W", "-f", format]).output() else { return };
        // Packages are being installed at this moment: the two saw different databases.
        if std::fs::read("/var/lib/dpkg/status").ok().as_ref() != Some(&bytes) {
            return;
        }
        let parsed = status(&bytes);
        assert_eq!(parsed.skipped, 0);
        let line = |package: &Package| {
            format!("{} {} {} {}", package.name, package.version, package.architecture, package.is_installed)
        };
        let mut ours: Vec<String> = parsed.content.iter().map(line).collect();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let has_files = |state: &str| has_files(state.as_bytes()).expect("a state of dpkg's");
        let states = text.lines().filter_map(|line| line.rsplit_once(' '));
        let mut theirs: Vec<String> = states.map(|(front, state)| format!("{front} {}", has_files(state))).collect();
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs);
    }
}
