//! RPM packages: whose files the headers name, what they need, which layer installed them.

use foldhash::{HashMap, HashSet};

use super::claims::Claims;
use super::dates::{self, Dated, Providers};
use super::{OwnerId, OwnerKind};
use crate::layer::entry::NodeId;
use crate::packages::rpm::{self, Dependency, Package, Reason};

/// Where the database is.
const FOLDERS: [&str; 3] = ["usr/lib/sysimage/rpm", "var/lib/rpm", "usr/share/rpm"];
/// Its names, the newer format first: an older one may have been left behind.
const NAMES: [&str; 3] = ["rpmdb.sqlite", "Packages.db", "Packages"];
const WHAT: &str = "the database of RPM";

/// Finds the packages and their files.
pub(super) fn find(claims: &mut Claims<'_, '_>) {
    let rootfs = claims.rootfs;
    let places = NAMES.iter().flat_map(|name| FOLDERS.iter().map(move |folder| format!("{folder}/{name}")));
    let Some(database) = places.filter_map(|place| rootfs.find(place.as_bytes())).find(|node| rootfs.size(*node) > 0)
    else {
        return;
    };
    let Some(content) = rootfs.read(database) else { return claims.note_unread(WHAT, 1) };
    let parsed = rpm::packages(&content);
    claims.note_unread(WHAT, parsed.skipped);
    note_log(claims, database);
    let mut known: Vec<(OwnerId, Package)> = parsed
        .content
        .into_iter()
        // Keys of repositories are no packages.
        .filter(|package| package.name != "gpg-pubkey")
        .map_while(|package| Some((claims.add(OwnerKind::Rpm, &package.name, &version(&package))?, package)))
        .collect();
    for (id, package) in &mut known {
        let files = std::mem::take(&mut package.files);
        let present = files.iter().filter(|file| file.is_present);
        claims.own_paths(present.map(|file| &file.path[..]), *id);
    }
    relate(claims, &known);
    // Other layers' databases come into memory now.
    for (_, package) in &mut known {
        (package.requires, package.recommends) = (Vec::new(), Vec::new());
    }
    let mut dated: Vec<Dated> =
        known.iter().map(|(id, package)| Dated::new(*id, full_name(package), version(package))).collect();
    dates::date(claims, database, &mut dated, &|content| {
        let packages = rpm::packages(content).content;
        packages.iter().map(|package| (full_name(package), version(package))).collect()
    });
    ask(claims, &known, &dated);
}

/// What `SQLite` has not written into the database yet is not read.
fn note_log(claims: &mut Claims<'_, '_>, database: NodeId) {
    let (rootfs, tree) = (claims.rootfs, claims.rootfs.tree());
    let name = [tree.name(database), b"-wal"].concat();
    let log = tree.parent(database).and_then(|folder| rootfs.child(folder, &name));
    if log.is_some_and(|log| rootfs.size(log) > 0) {
        claims.note_unread("the write-ahead log of RPM's database", 1);
    }
}

/// `[EPOCH:]VERSION-RELEASE`, as `rpm -q` shows it.
fn version(package: &Package) -> String {
    let epoch = package.epoch.filter(|epoch| *epoch > 0).map(|epoch| format!("{epoch}:")).unwrap_or_default();
    format!("{epoch}{}-{}", package.version, package.release)
}

/// `NAME.ARCHITECTURE`: those of several can be installed together.
fn full_name(package: &Package) -> String {
    format!("{}.{}", package.name, package.architecture)
}

fn relate(claims: &mut Claims<'_, '_>, known: &[(OwnerId, Package)]) {
    let mut providers = Providers::new();
    for (id, package) in known {
        let provided: HashSet<&str> = package.provides.iter().map(|provided| provided.name.as_str()).collect();
        for name in provided.into_iter().chain([package.name.as_str()]) {
            if providers.of(name).last() != Some(id) {
                providers.add(name, *id);
            }
        }
    }
    for (id, package) in known {
        let needs = all_providers(claims, &providers, &package.requires, *id);
        let recommends = all_providers(claims, &providers, &package.recommends, *id);
        let graph = claims.package(*id);
        graph.needs = needs;
        graph.recommends = recommends;
    }
}

/// Returns the packages that provide what is listed, each once, without `own`.
fn all_providers(
    claims: &Claims<'_, '_>,
    providers: &Providers<'_, OwnerId>,
    list: &[Dependency],
    own: OwnerId,
) -> Vec<OwnerId> {
    let mut found = Vec::new();
    for name in list.iter().flat_map(|one| names(&one.name)) {
        let by_name = providers.of(name);
        if !by_name.is_empty() {
            found.extend(by_name);
        } else if name.starts_with('/') {
            found.extend(owner_of_path(claims, name));
        }
    }
    // What a package provides itself needs nobody else.
    found.retain(|id| *id != own);
    found.sort_unstable();
    found.dedup();
    found
}

/// The package of a file that is required: of the link itself, where it is one.
fn owner_of_path(claims: &Claims<'_, '_>, path: &str) -> Option<OwnerId> {
    claims.rootfs.find(path.as_bytes()).and_then(|node| claims.owner_of(node))
}

/// The names in a requirement: one, or those of an expression in parentheses, without conditions (`(a if b)`).
///
/// Of alternatives all that are there count as needed: what is kept too long does no harm.
fn names(requirement: &str) -> Vec<&str> {
    if !requirement.starts_with('(') {
        return vec![requirement];
    }
    let mut found = Vec::new();
    let mut words = requirement.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "if" | "unless" => break,
            "and" | "or" | "with" | "without" | "else" => {}
            "<" | "<=" | "=" | ">=" | ">" => drop(words.next()),
            word => {
                let name = word.trim_start_matches('(');
                // `perl(X)` has parentheses of its own.
                let surplus = name.matches(')').count().saturating_sub(name.matches('(').count());
                found.push(&name[..name.len() - surplus]);
            }
        }
    }
    found
}

/// What was asked for: by the records of dnf and zypper, else by the steps. The base image's is not the user's to ask.
fn ask(claims: &mut Claims<'_, '_>, known: &[(OwnerId, Package)], dated: &[Dated]) {
    let reasons = reasons(claims);
    let real: HashSet<&str> = known.iter().map(|(_, package)| package.name.as_str()).collect();
    for ((id, package), date) in known.iter().zip(dated) {
        if claims.package(*id).in_base {
            continue;
        }
        let recorded = reasons.as_ref().and_then(|reasons| reasons.of(package));
        let named = || date.ask(&claims.steps, spellings(package, &real).iter().map(String::as_str));
        claims.owner(*id).asked_for = recorded.or_else(named);
    }
}

/// How a package can be named to be installed.
fn spellings(package: &Package, real: &HashSet<&str>) -> Vec<String> {
    let Package { name, architecture, version, release, .. } = package;
    let mut found = vec![
        name.clone(),
        format!("{name}.{architecture}"),
        format!("{name}-{version}"),
        format!("{name}-{version}-{release}"),
        format!("{name}-{version}-{release}.{architecture}"),
    ];
    let provided = package.provides.iter().map(|provided| provided.name.as_str());
    found.extend(provided.filter(|name| !real.contains(name)).map(str::to_owned));
    found
}

/// Why packages are installed, as an installer noted it.
enum Reasons {
    /// By `NAME.ARCHITECTURE`.
    Dnf(HashMap<String, Reason>),
    /// Names that came along; all others were asked for.
    Zypper(HashSet<String>),
}

impl Reasons {
    fn of(&self, package: &Package) -> Option<bool> {
        match self {
            Reasons::Dnf(reasons) => match reasons.get(&full_name(package))? {
                Reason::Asked => Some(true),
                Reason::PulledIn => Some(false),
                Reason::Unknown => None,
            },
            Reasons::Zypper(automatic) => Some(!automatic.contains(&package.name)),
        }
    }
}

fn reasons(claims: &mut Claims<'_, '_>) -> Option<Reasons> {
    let rootfs = claims.rootfs;
    let mut read = |path: &str| {
        let node = rootfs.find(path.as_bytes()).filter(|node| rootfs.size(*node) > 0)?;
        let content = rootfs.read(node);
        claims.note_unread("the records of dnf", u32::from(content.is_none()));
        content
    };
    if let Some(content) = read("usr/lib/sysimage/libdnf5/packages.toml") {
        return Some(Reasons::Dnf(rpm::dnf5_reasons(&content).content.into_iter().collect()));
    }
    if let Some(content) = read("var/lib/dnf/history.sqlite") {
        let parsed = rpm::dnf_reasons(&content);
        claims.note_unread("the records of dnf", parsed.skipped);
        return Some(Reasons::Dnf(parsed.content.into_iter().collect()));
    }
    let content = read("var/lib/zypp/AutoInstalled")?;
    let lines = content.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line.trim_ascii()).ok());
    let names = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Some(Reasons::Zypper(names.map(str::to_owned).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_name_packages() {
        assert_eq!(names("libc.so.6(GLIBC_2.34)(64bit)"), ["libc.so.6(GLIBC_2.34)(64bit)"]);
        assert_eq!(names("(glibc-gconv-extra(x86-64) = 2.34 if redhat-rpm-config)"), ["glibc-gconv-extra(x86-64)"]);
        assert_eq!(names("((a >= 1 and perl(X)) or c)"), ["a", "perl(X)", "c"]);
        assert_eq!(names("("), [""]);
    }
}
