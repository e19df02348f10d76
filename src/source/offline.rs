//! Engines and registries in a build without the feature `remote`: they are refused by name. The types have no values, so
//! that the rest of the crate is the same with and without them.

use std::convert::Infallible;
use std::io::Empty;
use std::sync::Arc;

use super::reference::{Engine, RemoteName};
use super::{Access, Bytes, Input, Region};
use crate::digest::Digest;
use crate::error::{Error, Result};

fn unsupported(what: &str) -> Error {
    Error::Unsupported {
        what: format!("this build of layerlens has no network support: it cannot reach {what}"),
        hint: "build it with the feature `remote`, or pipe the image: docker save NAME | layerlens -",
    }
}

/// Refuses to ask an engine.
pub(super) fn export(engine: Engine, _: &str, _: &Access) -> Result<Input> {
    Err(unsupported(&engine.to_string()))
}

/// Refuses to ask any engine for the image that a bare word may name.
pub(super) fn export_from_any(_: &str, _: &Access) -> Result<Input> {
    Err(Error::NotFoundAnywhere { tried: "none: this build of layerlens has no network support".to_owned() })
}

/// A repository of a registry: there is none.
pub struct Repository {
    /// The image.
    pub name: RemoteName,
    none: Infallible,
}

/// A manifest or an index: there is none.
pub(crate) struct Manifest {
    /// What the registry says it is.
    pub(crate) media_type: String,
    /// The document.
    pub(crate) bytes: Vec<u8>,
    /// Its digest.
    pub(crate) digest: Digest,
}

/// A blob of a registry: there is none.
pub(crate) struct Blob {
    none: Infallible,
}

impl Repository {
    /// Refuses to ask a registry.
    #[expect(clippy::needless_pass_by_value, reason = "as in a build that can reach a registry")]
    pub(super) fn connect(name: RemoteName, _: &Access) -> Result<Self> {
        Err(unsupported(&format!("the registry {}", name.host)))
    }

    /// Never called.
    ///
    /// # Errors
    /// Never.
    pub(crate) fn manifest(&self, _: &str) -> Result<Manifest> {
        match self.none {}
    }

    /// Never called.
    ///
    /// # Errors
    /// Never.
    pub(crate) fn document(&self, _: &'static str, _: &Digest, _: u64) -> Result<Vec<u8>> {
        match self.none {}
    }

    /// Never called.
    #[must_use]
    pub(crate) fn blob(self: &Arc<Self>, _: &Digest, _: u64) -> Bytes {
        match self.none {}
    }
}

impl Blob {
    /// Never called.
    #[must_use]
    pub(crate) fn len(&self) -> u64 {
        match self.none {}
    }

    /// Never called.
    #[must_use]
    pub(crate) fn kept(&self) -> Option<Region> {
        match self.none {}
    }

    /// Never called.
    ///
    /// # Errors
    /// Never.
    pub(crate) fn open(&self) -> Result<Empty> {
        match self.none {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_needs_a_network_is_refused_by_name() {
        for (image, part) in [
            ("registry://example.org/a:1", "cannot reach the registry example.org"),
            ("docker://a", "cannot reach docker"),
            ("podman://a", "cannot reach podman"),
            ("no-such-file", "this build of layerlens has no network support"),
        ] {
            let Err(error) = super::super::open(Path::new(image), &Access::default()) else {
                panic!("{image} was opened");
            };
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
