//! `manifest.json`: the list of images that `docker save` and its relatives write.
//!
//! Config and layers are members named by path; a path of the form `blobs/ALGORITHM/HEX` also states the blob's digest.
//! Keys are matched without regard to case, as Go does: an old jib wrote them in lower case.

use super::candidate::{Candidate, Candidates};
use super::image::LayerRef;
use super::oci;
use super::spec::{AtMost, DockerImage, MOST_LISTED, ManifestOrIndex, WellFormed, parse};
use crate::digest::Digest;
use crate::error::{AtPlace, Error, Place, Result};
use crate::path::{Normal, normalize};

/// The member's name.
pub(super) const NAME: &[u8] = b"manifest.json";

/// What `manifest.json` turned out to be.
pub(super) enum Manifest {
    /// A list of images.
    Images(Candidates),
    /// One OCI or Docker manifest: skopeo's `dir:`.
    Single(Box<Candidate>),
}

/// Reads the images of a `manifest.json`.
pub(super) fn read(bytes: &[u8]) -> Result<Manifest> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let read = match first {
        Some(b'{') => single(bytes).map(|image| Manifest::Single(Box::new(image))),
        Some(b'[') => images(bytes).map(Manifest::Images),
        _ => parse::<WellFormed>(bytes).and_then(|_| Err(document("expected a list of images"))),
    };
    read.at(|| Place::Member(NAME.to_vec()))
}

fn document(problem: &str) -> Error {
    Error::Document { problem: problem.to_owned() }
}

fn images(bytes: &[u8]) -> Result<Candidates> {
    let AtMost(images) = parse::<AtMost<DockerImage, MOST_LISTED>>(bytes)?;
    if images.is_empty() {
        return Err(document("lists no image"));
    }
    let mut candidates = Candidates::default();
    for (group, image) in images.into_iter().enumerate() {
        candidates.push(candidate(image, group)?)?;
    }
    Ok(candidates)
}

fn candidate(image: DockerImage, group: usize) -> Result<Candidate> {
    let config = image.config.ok_or_else(|| document("expected images with a \"Config\", the name of a member"))?;
    Ok(Candidate {
        tags: image.repo_tags,
        config_digest: config_digest(&config),
        config: member("config", &config)?,
        layers: image.layers.iter().map(|name| layer(name)).collect::<Result<_>>()?,
        group,
        ..Candidate::default()
    })
}

fn layer(name: &str) -> Result<LayerRef> {
    let name = member("layer", name)?;
    Ok(LayerRef { blob_digest: digest_of_name(&name), name, stated_bytes: None, media_type: None, diff_id: None })
}

fn member(what: &'static str, name: &str) -> Result<Vec<u8>> {
    let mut normal = Vec::new();
    if normalize(name.as_bytes(), &mut normal) != Normal::Outside && !normal.is_empty() {
        return Ok(normal);
    }
    Err(Error::Missing { what, name: name.as_bytes().to_vec() })
}

/// A config is named by its digest: `HEX.json`, `sha256:HEX` (kaniko), or a blob's path.
fn config_digest(name: &str) -> Option<Digest> {
    let hex = name.strip_suffix(".json").unwrap_or(name);
    hex.parse().ok().or_else(|| format!("sha256:{hex}").parse().ok()).or_else(|| digest_of_name(name.as_bytes()))
}

/// Reads the digest that a blob's path states.
pub(super) fn digest_of_name(name: &[u8]) -> Option<Digest> {
    let name = std::str::from_utf8(name).ok()?.strip_prefix("blobs/")?;
    name.replacen('/', ":", 1).parse().ok()
}

/// Skopeo's `dir:` keeps each blob in a file named by the hex of its digest.
fn single(bytes: &[u8]) -> Result<Candidate> {
    let manifest: ManifestOrIndex = parse(bytes)?;
    if manifest.schema_version == Some(1) {
        let what = "it is a Docker manifest of schema 1, which engines stopped writing in 2016".to_owned();
        return Err(Error::Unsupported { what, hint: "pull the image with a current engine and save it again" });
    }
    if manifest.config.is_none() || manifest.layers.is_none() {
        return Err(document("expected a list of images, found an object that is not a manifest either"));
    }
    let blob = |digest: &Digest| digest.hex().into_bytes();
    oci::candidate(&manifest, Some(Digest::sha256(bytes)), blob)
}
