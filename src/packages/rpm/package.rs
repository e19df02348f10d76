//! What of a header is kept.
//!
//! See [RPM's tags](https://rpm-software-management.github.io/rpm/manual/tags.html).

use super::super::bounds::{Bounds, path, text};
use super::header::Header;

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const SIZE: u32 = 1009;
const ARCH: u32 = 1022;
const FILE_SIZES: u32 = 1028;
const FILE_STATES: u32 = 1029;
const FILE_MODES: u32 = 1030;
const FILE_FLAGS: u32 = 1037;
const SOURCE_RPM: u32 = 1044;
const DIR_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const DIR_NAMES: u32 = 1118;
const LONG_FILE_SIZES: u32 = 5008;
const LONG_SIZE: u32 = 5009;

/// The tags of a kind of dependencies: names, flags, versions.
type DependencyTags = (u32, u32, u32);
const REQUIRES: DependencyTags = (1049, 1048, 1050);
const PROVIDES: DependencyTags = (1047, 1112, 1113);
const RECOMMENDS: DependencyTags = (5046, 5048, 5047);

/// One installed package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version, without epoch and release.
    pub version: String,
    /// Its release.
    pub release: String,
    /// Its epoch, where it has one.
    pub epoch: Option<u32>,
    /// Its architecture, `noarch` for those that have none; empty for keys (`gpg-pubkey`).
    pub architecture: String,
    /// What its files take, as its builder counted.
    pub installed_bytes: Option<u64>,
    /// The file name of the source package.
    pub source: Option<String>,
    /// What it needs; not what it needs of RPM itself (`rpmlib(…)`).
    pub requires: Vec<Dependency>,
    /// What it stands for, its own name among it.
    pub provides: Vec<Dependency>,
    /// What it is installed with, but works without.
    pub recommends: Vec<Dependency>,
    /// Its files and links, without directories.
    pub files: Vec<File>,
}

/// One thing that a package needs or provides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// A package, a path, a capability (`libc.so.6(GLIBC_2.34)(64bit)`), or an expression in parentheses (`(a if b)`).
    pub name: String,
    /// `<`, `<=`, `=`, `>=`, `>`, or empty for any version.
    pub operator: &'static str,
    /// The version that the operator compares with, as `[EPOCH:]VERSION[-RELEASE]`; empty for any.
    pub version: String,
}

/// One file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path below the root.
    pub path: Vec<u8>,
    /// Its size as packaged.
    pub bytes: u64,
    /// `%doc`.
    pub is_doc: bool,
    /// `%license`; most of these are `%doc` as well.
    pub is_license: bool,
    /// Whether installing brought it: not where documentation was left out, nor for what only may arise (`%ghost`).
    pub is_present: bool,
}

impl Package {
    /// Reads a header; `None` where it is not one, or names no package.
    pub(super) fn read(blob: &[u8], bounds: &mut Bounds) -> Option<Self> {
        let header = Header::read(blob)?;
        let string = |tag| header.strings(tag).next().and_then(text).filter(|text| text.len() <= MOST_NAME_BYTES);
        let number = |tag| header.numbers(tag).next();
        Some(Package {
            name: string(NAME)?,
            version: string(VERSION)?,
            release: string(RELEASE)?,
            epoch: number(EPOCH).and_then(|epoch| u32::try_from(epoch).ok()),
            architecture: string(ARCH).unwrap_or_default(),
            installed_bytes: number(LONG_SIZE).or_else(|| number(SIZE)),
            source: string(SOURCE_RPM),
            requires: dependencies(header, REQUIRES, bounds),
            provides: dependencies(header, PROVIDES, bounds),
            recommends: dependencies(header, RECOMMENDS, bounds),
            files: files(header, bounds),
        })
    }
}

/// Beyond any real name or version.
const MOST_NAME_BYTES: usize = 4096;

const LESS: u64 = 2;
const GREATER: u64 = 4;
const EQUAL: u64 = 8;

fn operator(flags: u64) -> &'static str {
    match flags & (LESS | GREATER | EQUAL) {
        LESS => "<",
        GREATER => ">",
        EQUAL => "=",
        flags if flags == LESS | EQUAL => "<=",
        flags if flags == GREATER | EQUAL => ">=",
        _ => "",
    }
}

fn dependencies(header: Header<'_>, (names, flags, versions): DependencyTags, bounds: &mut Bounds) -> Vec<Dependency> {
    let mut found = Vec::new();
    let (mut flags, mut versions) = (header.numbers(flags), header.strings(versions));
    for name in header.strings(names) {
        let (operator, version) = (operator(flags.next().unwrap_or(0)), versions.next().unwrap_or_default());
        if name.starts_with(b"rpmlib(") {
            continue;
        }
        match (text(name), std::str::from_utf8(version)) {
            (Some(text), Ok(version)) => {
                let dependency = Dependency { name: text, operator, version: version.to_owned() };
                bounds.push(&mut found, dependency, name.len() + version.len());
            }
            _ => bounds.skip(),
        }
    }
    found
}

const DIRECTORY: u64 = 0o040_000;
const KIND: u64 = 0o170_000;
const IS_DOC: u64 = 1 << 1;
const IS_GHOST: u64 = 1 << 6;
const IS_LICENSE: u64 = 1 << 7;
/// States of files that are there: normal, and of another architecture's package that has the same one.
const NORMAL: u64 = 0;
const WRONG_COLOR: u64 = 4;

/// No path of a file system is longer: what a directory's name adds to each of its files is bounded by this.
const MOST_DIRECTORY_BYTES: usize = 4096;
const MOST_DIRECTORIES: usize = 1 << 20;

fn files(header: Header<'_>, bounds: &mut Bounds) -> Vec<File> {
    let directories: Vec<&[u8]> = header.strings(DIR_NAMES).take(MOST_DIRECTORIES).collect();
    let (mut indexes, mut modes) = (header.numbers(DIR_INDEXES), header.numbers(FILE_MODES));
    let (mut flags, mut states) = (header.numbers(FILE_FLAGS), header.numbers(FILE_STATES));
    let (mut sizes, mut long_sizes) = (header.numbers(FILE_SIZES), header.numbers(LONG_FILE_SIZES));
    let (mut found, mut count) = (Vec::new(), 0);
    for name in header.strings(BASE_NAMES) {
        count += 1;
        // Each list advances with each file; one that ends early says nothing of the rest.
        let (index, mode) = (indexes.next(), modes.next().unwrap_or(0));
        let (flags, state) = (flags.next().unwrap_or(0), states.next().unwrap_or(NORMAL));
        let bytes = long_sizes.next().or(sizes.next()).unwrap_or(0);
        if mode & KIND == DIRECTORY {
            continue;
        }
        let directory = index.and_then(|index| directories.get(usize::try_from(index).ok()?));
        let directory = directory.filter(|directory| directory.len() <= MOST_DIRECTORY_BYTES && !bounds.is_full());
        let Some(path) = directory.and_then(|directory| path(&[directory, name].concat())) else {
            bounds.skip();
            continue;
        };
        let is_present = flags & IS_GHOST == 0 && (state == NORMAL || state == WRONG_COLOR);
        let (is_doc, is_license) = (flags & IS_DOC != 0, flags & IS_LICENSE != 0);
        let path_bytes = path.len();
        bounds.push(&mut found, File { path, bytes, is_doc, is_license, is_present }, path_bytes);
    }
    if count < header.count(BASE_NAMES) {
        bounds.skip();
    }
    found
}
