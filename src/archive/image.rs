//! One image, as its documents describe it.

use std::collections::BTreeMap;

use super::history::HistoryEntry;
use super::selection::Platform;
use crate::digest::{DiffId, Digest, Hasher};
use crate::error::{Error, Result, Warning};

/// How the image was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `manifest.json` with a list of images: `docker save`, `podman save`, kaniko, jib, bazel, skopeo.
    DockerArchive,
    /// The same, unpacked into a directory.
    DockerDirectory,
    /// `repositories` and a JSON per layer: `docker save` before 1.10.
    DockerArchiveV1,
    /// An OCI image layout in a tar.
    OciArchive,
    /// An OCI image layout as a directory.
    OciDirectory,
    /// One manifest and its blobs beside it: skopeo's `dir:`.
    ManifestDirectory,
    /// Manifest and blobs of a registry.
    Registry,
    /// The data root of a Docker engine.
    DockerRoot,
}

impl Format {
    /// Returns the name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::DockerArchive => "docker-archive",
            Format::DockerDirectory => "docker-directory",
            Format::DockerArchiveV1 => "docker-archive-v1",
            Format::OciArchive => "oci-archive",
            Format::OciDirectory => "oci-directory",
            Format::ManifestDirectory => "manifest-directory",
            Format::Registry => "registry",
            Format::DockerRoot => "docker-root",
        }
    }
}

/// Where one layer's blob is, and what the documents say about it.
#[derive(Debug, Clone)]
pub struct LayerRef {
    /// The member that holds the blob, as a normal path.
    pub name: Vec<u8>,
    /// The digest of the blob as it is stored, where a document or its name states it.
    pub blob_digest: Option<Digest>,
    /// The size of the blob that a descriptor states.
    pub stated_bytes: Option<u64>,
    /// The media type that a descriptor states.
    pub media_type: Option<String>,
    /// The digest of the uncompressed tar, from the config.
    pub diff_id: Option<DiffId>,
}

/// One image, as its documents describe it. Layers are bottom first.
#[derive(Debug, Clone)]
pub struct ImageSpec {
    /// How it was packed.
    pub format: Format,
    /// Names that the archive gives it.
    pub tags: Vec<String>,
    /// The image id: digest of the config document.
    pub id: Digest,
    /// Digest of the manifest, where there is one.
    pub manifest_digest: Option<Digest>,
    /// What it runs on.
    pub platform: Platform,
    /// When it was made, as the config writes it.
    pub created: Option<String>,
    /// The config as it stands; empty where the input has none.
    pub config: Vec<u8>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// Layers, bottom first.
    pub layers: Vec<LayerRef>,
    /// History, oldest first, the entries without a layer included.
    pub history: Vec<HistoryEntry>,
    /// Other images and platforms in the input, described for people.
    pub others: Vec<String>,
    /// What is odd about the documents.
    pub warnings: Vec<Warning>,
    /// The documents on the way to the image whose digest is stated somewhere.
    pub stated: Vec<StatedDigest>,
}

/// A document, the digest that is stated for it, and the one that it has.
#[derive(Debug, Clone)]
pub struct StatedDigest {
    /// Which document.
    pub what: &'static str,
    /// What a descriptor or the document's name states.
    pub stated: Digest,
    /// What its bytes have.
    pub found: Digest,
}

impl StatedDigest {
    /// Computes the digest of `bytes` by the algorithm of the stated one.
    pub(crate) fn of(what: &'static str, stated: &Digest, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(stated.algorithm());
        hasher.update(bytes);
        StatedDigest { what, stated: stated.clone(), found: hasher.finish() }
    }

    /// Compares the two.
    ///
    /// # Errors
    /// [`Error::DigestMismatch`]
    pub fn check(&self) -> Result<()> {
        if self.stated == self.found {
            return Ok(());
        }
        let (expected, found) = (self.stated.clone(), self.found.clone());
        Err(Error::DigestMismatch { what: self.what, expected, found })
    }
}
