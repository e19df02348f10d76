//! Java libraries: artifacts in the caches of Maven and Gradle by their coordinates, other jars by their names.

use super::OwnerKind;
use super::claims::{Claims, Named};
use crate::layer::entry::NodeId;
use crate::packages::java::{self, Coordinates};

/// Finds the artifacts in caches.
pub(super) fn repositories(claims: &mut Claims<'_, '_>) {
    // Maven's own images seed the repository from `ref`.
    for repository in claims.folders(b"repository", |parent| parent == b".m2" || parent == b"ref") {
        by_coordinates(claims, repository, &java::maven_coordinates);
    }
    for cache in claims.folders(b"files-2.1", |parent| parent == b"modules-2") {
        by_coordinates(claims, cache, &java::gradle_coordinates);
    }
}

fn by_coordinates(claims: &mut Claims<'_, '_>, top: NodeId, read: &dyn Fn(&[u8]) -> Option<Coordinates>) {
    claims.own_by_path(top, OwnerKind::Java, &|path, is_directory| {
        let found = Some(path).filter(|_| !is_directory).and_then(read)?;
        Some((format!("{}:{}", found.group, found.artifact), found.version))
    });
}

/// Makes an owner of each jar that has none yet.
pub(super) fn jars(claims: &mut Claims<'_, '_>) {
    let (rootfs, tree) = (claims.rootfs, claims.rootfs.tree());
    let is_file = |node| rootfs.copy(node).is_some();
    for node in claims.all(|node| stem(tree.name(node)).is_some() && is_file(node) && !claims.is_owned(node)) {
        let Some(stem) = stem(tree.name(node)) else { continue };
        let (name, version) = split(&String::from_utf8_lossy(stem));
        let Some(id) = claims.add(OwnerKind::Java, &name, &version) else { break };
        claims.owner(id).layer = claims.layer_of(node);
        claims.own(node, id);
    }
}

/// Returns an archive's name without its ending.
fn stem(name: &[u8]) -> Option<&[u8]> {
    [&b".jar"[..], b".war", b".ear"].iter().find_map(|end| name.strip_suffix(*end))
}

/// Splits `NAME-VERSION` before the last part that is a number with a dot (or any number), and numbers before that one.
fn split(stem: &str) -> Named {
    let parts: Vec<(usize, &str)> = stem.match_indices('-').map(|(at, _)| (at, &stem[at + 1..])).collect();
    let part = |(_, rest): &(usize, &str)| rest.split('-').next().unwrap_or_default().to_owned();
    let is_number = |one: &(usize, &str)| one.0 > 0 && one.1.starts_with(|c: char| c.is_ascii_digit());
    let with_dot = parts.iter().rposition(|one| is_number(one) && part(one).contains('.'));
    let Some(mut at) = with_dot.or_else(|| parts.iter().position(is_number)) else {
        return (stem.to_owned(), String::new());
    };
    while at > 0 && is_number(&parts[at - 1]) {
        at -= 1;
    }
    (stem[..parts[at].0].to_owned(), parts[at].1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_jars_have_versions() {
        let cases = [
            ("spring-boot-3.2.1", "spring-boot", "3.2.1"),
            ("log4j-1.2-api-2.17.1", "log4j-1.2-api", "2.17.1"),
            ("guava-31.1-jre", "guava", "31.1-jre"),
            ("x-1.0-20230101.120000-3", "x", "1.0-20230101.120000-3"),
            ("bcprov-jdk18on-171", "bcprov-jdk18on", "171"),
            ("app", "app", ""),
            ("-1", "-1", ""),
        ];
        for (stem, name, version) in cases {
            assert_eq!(split(stem), (name.to_owned(), version.to_owned()), "{stem}");
        }
    }
}
