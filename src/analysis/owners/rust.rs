//! Crates in Cargo's registry cache.

use super::OwnerKind;
use super::claims::Claims;
use crate::packages::rust;

/// Finds the crates and their files.
pub(super) fn find(claims: &mut Claims<'_, '_>) {
    for registry in claims.folders(b"registry", |parent| parent == b".cargo" || parent == b"cargo") {
        claims.own_by_path(registry, OwnerKind::Rust, &|path, is_directory| {
            let (found, length) = rust::package(path)?;
            let is_download = path.starts_with(b"cache/");
            (length == path.len() && is_directory != is_download).then_some((found.name, found.version))
        });
    }
}
