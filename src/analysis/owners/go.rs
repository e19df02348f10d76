//! Go modules in the module cache (`pkg/mod`).

use super::OwnerKind;
use super::claims::Claims;
use crate::packages::go;

/// Finds the modules and their files.
pub(super) fn find(claims: &mut Claims<'_, '_>) {
    for cache in claims.folders(b"mod", |parent| parent == b"pkg") {
        claims.own_by_path(cache, OwnerKind::Go, &|path, is_directory| {
            let (module, length) = go::module(path)?;
            // Of a module's folder the whole; of downloads the files, one by one.
            let is_download = path.starts_with(b"cache/download/");
            (length == path.len() && is_directory != is_download).then_some((module.path, module.version))
        });
    }
}
