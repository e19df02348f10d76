//! Why packages are installed, as dnf notes it: RPM itself does not know.

use foldhash::{HashMap, HashMapExt};

use super::super::Parsed;
use super::super::bounds::{Bounds, lines, text};
use super::sqlite;

/// Why a package is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Somebody named it, or its group.
    Asked,
    /// Others need or recommend it.
    PulledIn,
    /// Something else installed it.
    Unknown,
}

/// Reads `packages.toml` of dnf 5: `"NAME.ARCHITECTURE" = {reason = "Dependency"}`, one a line.
#[must_use]
pub fn dnf5_reasons(bytes: &[u8]) -> Parsed<Vec<(String, Reason)>> {
    let (mut bounds, mut found) = (Bounds::new(), Vec::new());
    for line in lines(bytes).map(<[u8]>::trim_ascii) {
        let Ok(line) = std::str::from_utf8(line) else {
            bounds.skip();
            continue;
        };
        let Some((name, rest)) = line.strip_prefix('"').and_then(|line| line.split_once('"')) else { continue };
        let reason = rest.split_once("reason").and_then(|(_, value)| value.split('"').nth(1));
        match reason {
            Some(reason) => bounds.push(&mut found, (name.to_owned(), by_name(reason)), name.len()),
            None => bounds.skip(),
        }
    }
    bounds.finish(found)
}

fn by_name(reason: &str) -> Reason {
    match reason {
        "User" | "Group" | "External User" => Reason::Asked,
        "Dependency" | "Weak Dependency" | "Clean" => Reason::PulledIn,
        _ => Reason::Unknown,
    }
}

/// Reads `history.sqlite` of dnf 4 and microdnf: the last transaction that a package of each name was part of.
///
/// Names have their architecture: `bash.x86_64`.
#[must_use]
pub fn dnf_reasons(bytes: &[u8]) -> Parsed<Vec<(String, Reason)>> {
    let mut bounds = Bounds::new();
    let mut names: HashMap<u32, String> = HashMap::new();
    // item_id, name, epoch, version, release, arch
    let has_packages = sqlite::rows_of(bytes, b"rpm", &mut bounds, &mut |row, bounds| {
        let column = |at| sqlite::column(row, at).and_then(text);
        match (sqlite::number(row, 0), column(1), column(5)) {
            (Some(item), Some(name), Some(architecture)) => {
                let name = format!("{name}.{architecture}");
                if bounds.admit::<(u32, String)>(name.len()) {
                    names.insert(item, name);
                }
            }
            _ => bounds.skip(),
        }
    });
    let mut found: HashMap<&str, Reason> = HashMap::new();
    // id, trans_id, item_id, repo_id, action, reason, state
    let has_items = sqlite::rows_of(bytes, b"trans_item", &mut bounds, &mut |row, _| {
        // Items of groups have no name.
        let name = sqlite::number(row, 2).and_then(|item| names.get(&item));
        if let (Some(name), Some(reason)) = (name, sqlite::number(row, 5)) {
            found.insert(name, by_number(reason));
        }
    });
    if has_packages.is_none() || has_items.is_none() {
        bounds.skip();
    }
    let mut reasons: Vec<(String, Reason)> = Vec::new();
    for (name, reason) in found {
        bounds.push(&mut reasons, (name.to_owned(), reason), name.len());
    }
    reasons.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    bounds.finish(reasons)
}

/// As libdnf numbers them.
fn by_number(reason: u32) -> Reason {
    match reason {
        2 | 5 => Reason::Asked,
        1 | 3 | 4 => Reason::PulledIn,
        _ => Reason::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dnf_5_notes_reasons_in_lines() {
        let parsed = dnf5_reasons(
            b"version = \"1.0\"\n\n[packages]\n\"bash.x86_64\" = {reason = \"Dependency\"}\n\
              \"vim.x86_64\" = {reason = \"User\"}\n\"x.noarch\" = {reason = \"None\"}\n\"y.noarch\" = {}\n\xff\n",
        );
        let reasons: Vec<(&str, Reason)> =
            parsed.content.iter().map(|(name, reason)| (name.as_str(), *reason)).collect();
        assert_eq!(
            reasons,
            [("bash.x86_64", Reason::PulledIn), ("vim.x86_64", Reason::Asked), ("x.noarch", Reason::Unknown),]
        );
        assert_eq!(parsed.skipped, 2);
    }

    /// Made with `SQLite` and the tables of libdnf: tests/packages/rpm/README.md.
    #[test]
    fn dnf_4_keeps_a_history() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packages/rpm/history.sqlite.zst");
        let bytes = zstd::decode_all(std::fs::File::open(path).expect("it is there")).expect("it is zstd");
        let parsed = dnf_reasons(&bytes);
        let reasons: Vec<(&str, Reason)> =
            parsed.content.iter().map(|(name, reason)| (name.as_str(), *reason)).collect();
        assert_eq!(
            reasons,
            [
                ("bash.x86_64", Reason::Asked),
                ("libx.noarch", Reason::PulledIn),
                ("vim.x86_64", Reason::Asked),
                ("weak.noarch", Reason::PulledIn),
            ]
        );
        assert_eq!(parsed.skipped, 0);
        assert_eq!(dnf_reasons(b"SQLite format 3\0").skipped, 1);
    }
}
