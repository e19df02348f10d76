//! The images that the documents offer, before one of them is chosen.

use std::collections::BTreeMap;

use super::image::{LayerRef, StatedDigest};
use super::selection::Platform;
use crate::digest::Digest;
use crate::error::{Error, Result};

/// An image that the documents offer.
#[derive(Debug, Clone, Default)]
pub(super) struct Candidate {
    pub(super) tags: Vec<String>,
    pub(super) config: Vec<u8>,
    /// What the config's digest must be, where that is stated.
    pub(super) config_digest: Option<Digest>,
    pub(super) stated: Vec<StatedDigest>,
    pub(super) layers: Vec<LayerRef>,
    pub(super) manifest_digest: Option<Digest>,
    pub(super) annotations: BTreeMap<String, String>,
    /// From an index, where it says.
    pub(super) platform: Option<Platform>,
    /// Images of one group are one image for several platforms.
    pub(super) group: usize,
}

impl Candidate {
    /// Takes over what only an OCI manifest of the same image says.
    pub(super) fn complete(&mut self, offer: Candidate) {
        self.manifest_digest = offer.manifest_digest;
        self.annotations = offer.annotations;
        self.platform = offer.platform;
        self.stated = offer.stated;
        if self.layers.len() != offer.layers.len() {
            return;
        }
        for (layer, other) in self.layers.iter_mut().zip(offer.layers) {
            if layer.name == other.name {
                layer.media_type = other.media_type;
            }
        }
    }
}

/// The images that the documents offer, as many as memory is spent on.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    pub(super) list: Vec<Candidate>,
    bytes: usize,
}

impl Candidates {
    /// Some hundred thousand layers in all.
    const MOST_BYTES: usize = 64 << 20;

    pub(super) fn push(&mut self, candidate: Candidate) -> Result<()> {
        let layers: usize =
            candidate.layers.iter().map(|layer| size_of::<LayerRef>() + 2 * layer.name.len() + 64).sum();
        let tags: usize = candidate.tags.iter().map(|tag| size_of::<String>() + tag.len()).sum();
        let annotations: usize = candidate.annotations.iter().map(|(key, value)| 100 + key.len() + value.len()).sum();
        self.bytes += size_of::<Candidate>() + layers + tags + annotations;
        if self.bytes > Self::MOST_BYTES {
            let what = "the list of all images and their layers".to_owned();
            return Err(Error::TooLarge { what, limit: format!("{} bytes", Self::MOST_BYTES) });
        }
        self.list.push(candidate);
        Ok(())
    }
}
