//! `manifest.json`: the list of images that `docker save` and its relatives write.
//!
//! Config and layers are members named by path; a path of the form `blobs/ALGORITHM/HEX` also states the blob's digest.
//! Keys are matched without regard to case, as Go does: an old jib wrote them in lower case.

use serde_json::Value;

use super::select::Candidate;
use super::spec::ManifestOrIndex;
use super::{LayerRef, oci, parse};
use crate::digest::Digest;
use crate::error::{AtPlace, Error, Place, Result};
use crate::path::normalize;

/// The member's name.
pub(super) const NAME: &[u8] = b"manifest.json";

/// What `manifest.json` turned out to be.
pub(super) enum Manifest {
    /// A list of images.
    Images(Vec<Candidate>),
    /// One OCI or Docker manifest: skopeo's `dir:`.
    Single(Box<Candidate>),
}

/// Reads the images of a `manifest.json`.
pub(super) fn read(bytes: &[u8]) -> Result<Manifest> {
    let place = || Place::Member(NAME.to_vec());
    match parse::<Value>(bytes).at(place)? {
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(group, image)| candidate(image, group))
            .collect::<Result<Vec<_>>>()
            .and_then(|images| if images.is_empty() { Err(document("lists no image")) } else { Ok(images) })
            .map(Manifest::Images)
            .at(place),
        Value::Object(_) => single(bytes).map(|image| Manifest::Single(Box::new(image))).at(place),
        _ => Err(document("expected a list of images")).at(place),
    }
}

fn document(problem: &str) -> Error {
    Error::Document { problem: problem.to_owned() }
}

fn candidate(image: &Value, group: usize) -> Result<Candidate> {
    let field = |name: &str| {
        let fields = image.as_object()?;
        fields.get(name).or_else(|| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v))
    };
    let config = field("Config").and_then(Value::as_str);
    let config = config.ok_or_else(|| document("expected images with a \"Config\", the name of a member"))?;
    let layers = match field("Layers") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list.iter().map(layer).collect::<Result<_>>()?,
        Some(_) => return Err(document("expected \"Layers\" to be a list of members")),
    };
    let tags = match field("RepoTags") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    Ok(Candidate { tags, config: member("config", config)?, layers, group, ..Candidate::default() })
}

fn layer(name: &Value) -> Result<LayerRef> {
    let name = name.as_str().ok_or_else(|| document("expected \"Layers\" to be a list of members"))?;
    let name = member("layer", name)?;
    Ok(LayerRef { blob_digest: digest_of_name(&name), name, media_type: None, diff_id: None })
}

fn member(what: &'static str, name: &str) -> Result<Vec<u8>> {
    let mut normal = Vec::new();
    if normalize(name.as_bytes(), &mut normal) && !normal.is_empty() {
        return Ok(normal);
    }
    Err(Error::Missing { what, name: name.as_bytes().to_vec() })
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
        return Err(document("expected a list of images, found an object that is no manifest either"));
    }
    let blob = |digest: &Digest| digest.hex().into_bytes();
    oci::candidate(&manifest, Some(Digest::sha256(bytes)), blob)
}
