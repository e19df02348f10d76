//! The OCI image layout: `index.json` → (nested index →) manifest → config and layers.
//!
//! See [image layout](https://github.com/opencontainers/image-spec/blob/main/image-layout.md). Attestations and other
//! manifests that are no image are passed over, and so are manifests that an index names but the layout does not hold:
//! an export of one platform keeps the index of all.

use std::collections::BTreeMap;

use super::candidate::{Candidate, Candidates};
use super::image::{LayerRef, StatedDigest};
use super::selection::Platform;
use super::spec::{Descriptor, ManifestOrIndex, parse};
use super::store::Documents;
use crate::digest::Digest;
use crate::error::{AtPlace, Error, Place, Result};

/// The index's name.
pub(super) const INDEX: &[u8] = b"index.json";

/// Indexes nest two deep in practice; a circle of digests cannot be made, but depth and number are bounded.
const MOST_DEPTH: usize = 8;
const MOST_MANIFESTS: usize = 10_000;

const CONFIG_TYPES: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

/// Returns the images of a layout, in the order of its indexes.
///
/// # Errors
/// Where a document is unreadable, or the layout holds no image at all.
pub(super) fn read(documents: &dyn Documents, index: &[u8]) -> Result<Candidates> {
    let root: ManifestOrIndex = parse(index).at(|| Place::Member(INDEX.to_vec()))?;
    let Some(manifests) = root.manifests else {
        let problem = "expected an index with \"manifests\"".to_owned();
        return Err(Error::Document { problem }).at(|| Place::Member(INDEX.to_vec()));
    };
    let mut search = Search { documents, found: Candidates::default(), seen: 0, absent: None, passed_over: 0 };
    let mut groups: BTreeMap<String, usize> = BTreeMap::new();
    for descriptor in &manifests {
        // Platforms of one image stand side by side under one name, or under none.
        let next = groups.len();
        let group = *groups.entry(name_of(descriptor).unwrap_or_default()).or_insert(next);
        search.visit(descriptor, &Inherited { tag: name_of(descriptor), group }, 0)?;
    }
    match (search.found.list.is_empty(), search.absent) {
        (false, _) => Ok(search.found),
        (true, Some(name)) => Err(Error::Missing { what: "manifest", name }),
        (true, None) if search.passed_over > 0 => {
            let problem = "the layout holds artifacts or attestations, but no image".to_owned();
            Err(Error::Document { problem }).at(|| Place::Member(INDEX.to_vec()))
        }
        (true, None) => {
            let problem = "the index names no image".to_owned();
            Err(Error::Document { problem }).at(|| Place::Member(INDEX.to_vec()))
        }
    }
}

/// What a descriptor of the outermost index says about all images below it.
struct Inherited {
    tag: Option<String>,
    group: usize,
}

struct Search<'a> {
    documents: &'a dyn Documents,
    found: Candidates,
    seen: usize,
    absent: Option<Vec<u8>>,
    passed_over: usize,
}

impl Search<'_> {
    fn visit(&mut self, descriptor: &Descriptor, inherited: &Inherited, depth: usize) -> Result<()> {
        self.seen += 1;
        if depth > MOST_DEPTH || self.seen > MOST_MANIFESTS {
            let limit = format!("{MOST_MANIFESTS} manifests, {MOST_DEPTH} levels");
            return Err(Error::TooLarge { what: "the tree of indexes".to_owned(), limit });
        }
        if is_no_image(descriptor) {
            self.passed_over += 1;
            return Ok(());
        }
        let digest = digest_of(descriptor)?;
        let name = blob_name(&digest);
        let Some(bytes) = self.documents.read(&name)? else {
            self.absent.get_or_insert(name);
            return Ok(());
        };
        let document: ManifestOrIndex = parse(&bytes).at(|| Place::Member(name.clone()))?;
        match &document.manifests {
            Some(manifests) if document.config.is_none() => {
                manifests.iter().try_for_each(|inner| self.visit(inner, inherited, depth + 1))
            }
            _ => self.add(&document, &bytes, descriptor, digest, inherited).at(|| Place::Member(name)),
        }
    }

    fn add(
        &mut self,
        manifest: &ManifestOrIndex,
        bytes: &[u8],
        descriptor: &Descriptor,
        digest: Digest,
        inherited: &Inherited,
    ) -> Result<()> {
        if is_artifact(manifest) {
            self.passed_over += 1;
            return Ok(());
        }
        let stated = StatedDigest::of("the manifest", &digest, bytes);
        let mut candidate = candidate(manifest, Some(digest), blob_name)?;
        candidate.stated.push(stated);
        candidate.group = inherited.group;
        candidate.tags.extend(inherited.tag.clone().or_else(|| name_of(descriptor)));
        candidate.platform = descriptor.platform.as_ref().map(Platform::of_spec);
        self.found.push(candidate)
    }
}

/// Makes a candidate of a manifest whose blobs are named by `name`.
pub(super) fn candidate(
    manifest: &ManifestOrIndex,
    manifest_digest: Option<Digest>,
    name: impl Fn(&Digest) -> Vec<u8>,
) -> Result<Candidate> {
    let (Some(config), Some(layers)) = (&manifest.config, &manifest.layers) else {
        let problem = "expected a manifest with \"config\" and \"layers\"".to_owned();
        return Err(Error::Document { problem });
    };
    let layer = |descriptor: &Descriptor| -> Result<LayerRef> {
        let digest = digest_of(descriptor)?;
        Ok(LayerRef {
            name: name(&digest),
            blob_digest: Some(digest),
            stated_bytes: descriptor.size,
            media_type: descriptor.media_type.clone(),
            diff_id: None,
        })
    };
    let annotations = manifest.annotations.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
    Ok(Candidate {
        config: name(&digest_of(config)?),
        config_digest: Some(digest_of(config)?),
        layers: layers.iter().map(layer).collect::<Result<_>>()?,
        manifest_digest,
        annotations: annotations.collect(),
        ..Candidate::default()
    })
}

pub(super) fn digest_of(descriptor: &Descriptor) -> Result<Digest> {
    let text = descriptor.digest.as_deref().unwrap_or_default();
    text.parse().map_err(|error| Error::Document { problem: format!("a descriptor's digest is {error}") })
}

pub(super) fn blob_name(digest: &Digest) -> Vec<u8> {
    format!("blobs/{}/{}", digest.algorithm().name(), digest.hex()).into_bytes()
}

/// The whole name, where containerd noted it, else the reference, which may be a tag only.
fn name_of(descriptor: &Descriptor) -> Option<String> {
    let annotation = |key| descriptor.annotations.get(key).cloned().flatten().filter(|name| !name.is_empty());
    annotation("io.containerd.image.name").or_else(|| annotation("org.opencontainers.image.ref.name"))
}

/// Attestations stand in an index beside the image that they are about, with a platform of `unknown/unknown`.
pub(super) fn is_no_image(descriptor: &Descriptor) -> bool {
    let is_unknown = descriptor.platform.as_ref().is_some_and(|platform| {
        platform.os.as_deref() == Some("unknown") && platform.architecture.as_deref() == Some("unknown")
    });
    is_unknown
        || is_other_artifact(descriptor.artifact_type.as_deref())
        || descriptor.annotations.contains_key("vnd.docker.reference.type")
}

pub(super) fn is_artifact(manifest: &ManifestOrIndex) -> bool {
    let config_type = manifest.config.as_ref().and_then(|config| config.media_type.as_deref());
    is_other_artifact(manifest.artifact_type.as_deref()) || is_other_artifact(config_type)
}

/// An image's artifact type is its config's media type (apko writes it); none at all is an image's too.
fn is_other_artifact(media_type: Option<&str>) -> bool {
    media_type.is_some_and(|known| !known.is_empty() && !CONFIG_TYPES.contains(&known))
}
