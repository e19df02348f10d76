//! An image of a registry, as a layout of its own in memory: the manifest that was chosen, its config, and blobs that
//! are fetched when they are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::image::Format;
use super::oci;
use super::selection::{Platform, Selection};
use super::spec::{Descriptor, ManifestOrIndex, parse};
use super::store::{Documents, MOST_DOCUMENT_BYTES, Store};
use crate::digest::Digest;
use crate::error::{Error, Place, Result};
use crate::source::Bytes;
use crate::source::registry::{Manifest, Repository};

/// Indexes name indexes two deep in practice.
const MOST_DEPTH: usize = 8;

/// An image of a registry.
pub struct Pulled {
    repository: Arc<Repository>,
    documents: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Digest and size of each layer by its name in the layout.
    layers: BTreeMap<Vec<u8>, (Digest, u64)>,
    others: Vec<String>,
}

impl Pulled {
    /// Fetches the documents of the image that the selection asks for.
    ///
    /// # Errors
    /// What the registry answers; [`Error::NoSuchImage`] where no platform fits, [`Error::Unsupported`] for what is no
    /// image.
    pub fn fetch(repository: Repository, selection: &Selection) -> Result<Self> {
        let mut others = Vec::new();
        let mut manifest = repository.manifest(&repository.name.reference)?;
        let mut platform = serde_json::Value::Null;
        let mut document = read(&manifest)?;
        for _ in 0..MOST_DEPTH {
            let Some(manifests) = &document.manifests else {
                break;
            };
            let chosen = choose(manifests, selection, &mut others)?;
            platform = platform_json(chosen);
            manifest = repository.manifest(&oci::digest_of(chosen)?.to_string())?;
            document = read(&manifest)?;
        }
        let index = index(&repository, &manifest, &platform);
        let mut pulled =
            Pulled { repository: Arc::new(repository), documents: BTreeMap::new(), layers: BTreeMap::new(), others };
        pulled.documents.insert(oci::INDEX.to_vec(), index);
        pulled.add(manifest, &document)?;
        Ok(pulled)
    }

    fn add(&mut self, manifest: Manifest, document: &ManifestOrIndex) -> Result<()> {
        let missing = |what: &str| Error::Document { problem: format!("the manifest has no \"{what}\"") };
        let config = oci::digest_of(document.config.as_ref().ok_or_else(|| missing("config"))?)?;
        let content = self.repository.document("the config", &config, MOST_DOCUMENT_BYTES)?;
        self.documents.insert(oci::blob_name(&config), content);
        self.documents.insert(oci::blob_name(&manifest.digest), manifest.bytes);
        for layer in document.layers.as_ref().ok_or_else(|| missing("layers"))? {
            let digest = oci::digest_of(layer)?;
            let size = layer
                .size
                .ok_or_else(|| Error::Document { problem: "a layer in the manifest has no \"size\"".to_owned() })?;
            self.layers.insert(oci::blob_name(&digest), (digest, size));
        }
        Ok(())
    }
}

/// The one entry of the layout's index: the manifest that was chosen, by the name that was asked for.
fn index(repository: &Repository, manifest: &Manifest, platform: &serde_json::Value) -> Vec<u8> {
    let name = (!repository.name.is_by_digest()).then(|| repository.name.to_string());
    let descriptor = json!({
        "digest": manifest.digest.to_string(),
        "size": manifest.bytes.len(),
        "platform": platform,
        "annotations": {"org.opencontainers.image.ref.name": name},
    });
    json!({"schemaVersion": 2, "manifests": [descriptor]}).to_string().into_bytes()
}

fn platform_json(descriptor: &Descriptor) -> serde_json::Value {
    descriptor.platform.as_ref().map_or(
        serde_json::Value::Null,
        |platform| json!({"os": platform.os, "architecture": platform.architecture, "variant": platform.variant}),
    )
}

/// Reads a manifest or an index; anything else that a registry can hold is named.
fn read(manifest: &Manifest) -> Result<ManifestOrIndex> {
    let unsupported = |what: String, hint| Err(Error::Unsupported { what, hint });
    let document: ManifestOrIndex = match parse(&manifest.bytes) {
        Ok(document) => document,
        Err(Error::Json { .. }) if !manifest.media_type.ends_with("json") => ManifestOrIndex::default(),
        Err(error) => return Err(error.at(Place::Member(b"the manifest".to_vec()))),
    };
    if document.schema_version == Some(1) {
        let what =
            "the registry stores it as a Docker schema 1 manifest, which engines stopped writing in 2016".to_owned();
        return unsupported(what, "push the image again with a current engine");
    }
    if oci::is_artifact(&document) {
        let what = "this name is an artifact (a chart, a signature, an SBOM), not an image".to_owned();
        return unsupported(what, "give the name of the image itself");
    }
    if document.manifests.is_none() && (document.config.is_none() || document.layers.is_none()) {
        let stated = crate::escape::escape(manifest.media_type.as_bytes());
        let what = format!("the registry sent a manifest of an unknown type: {stated}");
        return unsupported(what, "OCI and Docker image manifests and indexes are supported");
    }
    Ok(document)
}

/// Picks from an index: what was asked for, else this machine's platform, else the first.
fn choose<'a>(manifests: &'a [Descriptor], selection: &Selection, others: &mut Vec<String>) -> Result<&'a Descriptor> {
    let images: Vec<(&Descriptor, Platform)> = manifests
        .iter()
        .filter(|descriptor| !oci::is_no_image(descriptor))
        .map(|descriptor| (descriptor, descriptor.platform.as_ref().map(Platform::of_spec).unwrap_or_default()))
        .collect();
    let host = Platform::host();
    let wanted = selection.platform.as_ref();
    // An index that says nothing about platforms may still hold the right one.
    let fits = |platform: &Platform| wanted.is_none_or(|wanted| wanted.accepts(platform) || platform.os.is_empty());
    let fitting = || images.iter().enumerate().filter(|(_, (_, platform))| fits(platform));
    let mut candidates = fitting().filter(|(_, (_, platform))| host.accepts(platform)).chain(fitting());
    let Some((chosen, (descriptor, _))) = candidates.next() else {
        let available = images.iter().take(20).map(|(_, platform)| platform.to_string()).collect::<Vec<_>>().join(", ");
        let available = if available.is_empty() { "no image in this index".to_owned() } else { available };
        let asked = Selection { image: None, platform: selection.platform.clone() };
        return Err(asked.no_match(available));
    };
    if wanted.is_none() {
        let rest = images.iter().enumerate().filter(|(at, _)| *at != chosen);
        others.extend(rest.map(|(_, (_, platform))| platform.to_string()));
    }
    Ok(descriptor)
}

impl Documents for Pulled {
    fn read(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.documents.get(name).cloned())
    }

    fn names(&self) -> Vec<Vec<u8>> {
        self.documents.keys().cloned().collect()
    }

    fn is_directory(&self) -> bool {
        false
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Registry)
    }
}

impl Store for Pulled {
    fn blob(&self, name: &[u8]) -> Result<Option<Bytes>> {
        Ok(self.layers.get(name).map(|(digest, size)| self.repository.blob(digest, *size)))
    }

    fn others(&self) -> &[String] {
        &self.others
    }
}
