//! Which image of the input: by name, digest or platform, else the first that fits this machine.

use std::collections::HashMap;

use super::candidate::Candidate;
use super::docker::{self, Manifest};
use super::image::{Format, ImageSpec, LayerRef, StatedDigest};
use super::selection::{Platform, Selection};
use super::spec::{Config, parse};
use super::store::{Documents, Metered};
use super::{history, oci, v1};
use crate::digest::{DiffId, Digest};
use crate::error::{AtPlace, Error, Place, Result, Warning, WarningCode};
use crate::escape::escape;

/// Finds the image that the selection asks for.
///
/// # Errors
/// Where the input is no image, a document is missing or unreadable, or nothing matches.
pub fn select(documents: &dyn Documents, selection: &Selection) -> Result<ImageSpec> {
    let documents = &Metered::new(documents);
    let manifest = documents.read(docker::NAME)?;
    let index = documents.read(oci::INDEX)?;
    let (format, candidates) = match (manifest, index) {
        (Some(manifest), index) => from_docker(documents, &manifest, index.as_deref())?,
        (None, Some(index)) => {
            let format = if documents.is_directory() { Format::OciDirectory } else { Format::OciArchive };
            (format, oci::read(documents, &index)?.list)
        }
        (None, None) => {
            return match documents.read(v1::REPOSITORIES)? {
                Some(repositories) => v1::read(documents, &repositories, selection),
                None => Err(not_an_image(documents)),
            };
        }
    };
    choose(documents, documents.format().unwrap_or(format), candidates, selection)
}

fn from_docker(documents: &dyn Documents, manifest: &[u8], index: Option<&[u8]>) -> Result<(Format, Vec<Candidate>)> {
    let mut images = match docker::read(manifest)? {
        Manifest::Single(image) => return Ok((Format::ManifestDirectory, vec![*image])),
        Manifest::Images(images) => images,
    };
    // Docker ≥ 25 writes an OCI index beside it. Engines go by manifest.json; the index adds what that cannot say:
    // manifest digests, annotations, media types, and images of other platforms.
    let offered = index.and_then(|index| oci::read(documents, index).ok()).unwrap_or_default();
    let groups = images.list.len();
    // The first image of a config is the one that is completed.
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    for (at, image) in images.list.iter().enumerate() {
        places.entry(image.config.clone()).or_insert(at);
    }
    for mut offer in offered.list {
        if let Some(at) = places.get(&offer.config) {
            images.list[*at].complete(offer);
        } else {
            offer.group += groups;
            images.push(offer)?;
        }
    }
    let format = if documents.is_directory() { Format::DockerDirectory } else { Format::DockerArchive };
    Ok((format, images.list))
}

/// A candidate with what its config says about it.
struct Described {
    candidate: Candidate,
    id: Digest,
    platform: Platform,
}

impl Described {
    fn matches(&self, selection: &Selection) -> bool {
        let by_name = self.candidate.tags.iter().any(|tag| selection.takes_name(tag));
        let digests = [Some(&self.id), self.candidate.manifest_digest.as_ref()];
        let by_id = digests.into_iter().flatten().any(|digest| selection.takes_id(&digest.hex()));
        (selection.image.is_none() || by_name || by_id)
            && selection.platform.as_ref().is_none_or(|wanted| wanted.accepts(&self.platform))
    }

    fn describe(&self) -> String {
        let tag = self.candidate.tags.first().map_or_else(|| self.id.short(), |tag| escape(tag.as_bytes()));
        format!("{tag} ({})", self.platform)
    }
}

fn choose(
    documents: &dyn Documents,
    format: Format,
    candidates: Vec<Candidate>,
    selection: &Selection,
) -> Result<ImageSpec> {
    let is_only = candidates.len() == 1;
    let mut described = Vec::new();
    let mut failure = None;
    for candidate in candidates {
        // One image of several may be broken or absent without harm to the others.
        match describe(documents, candidate) {
            Ok(image) => described.push(image),
            Err(error) if is_only => return Err(error),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    let first_group = described.iter().find(|image| image.matches(selection)).map(|image| image.candidate.group);
    let host = Platform::host();
    let fits = |image: &Described| Some(image.candidate.group) == first_group && image.matches(selection);
    let chosen = described
        .iter()
        .position(|image| fits(image) && host.accepts(&image.platform))
        .or_else(|| described.iter().position(fits));
    let Some(chosen) = chosen else {
        let available = described.iter().take(20).map(Described::describe).collect::<Vec<_>>().join(", ");
        return Err(failure.unwrap_or_else(|| selection.no_match(available)));
    };
    let image = described.swap_remove(chosen);
    let others = described.iter().map(Described::describe).collect();
    // Neither it nor what it says is kept for all candidates: they may be many, and documents large.
    let document = documents.read(&image.candidate.config)?.unwrap_or_default();
    assemble(format, image, document, others)
}

fn describe(documents: &dyn Documents, mut candidate: Candidate) -> Result<Described> {
    let Some(bytes) = documents.read(&candidate.config)? else {
        return Err(Error::Missing { what: "config", name: candidate.config });
    };
    let stated = candidate.config_digest.as_ref().map(|digest| StatedDigest::of("the config", digest, &bytes));
    candidate.stated.extend(stated);
    let config: Config = parse(&bytes).at(|| Place::Member(candidate.config.clone()))?;
    let own = Platform::new(config.os.as_deref(), config.architecture.as_deref(), config.variant.as_deref());
    let platform = candidate.platform.clone().filter(|platform| !platform.os.is_empty()).unwrap_or(own);
    Ok(Described { id: Digest::sha256(&bytes), candidate, platform })
}

fn assemble(format: Format, image: Described, document: Vec<u8>, others: Vec<String>) -> Result<ImageSpec> {
    let Described { candidate, id, platform } = image;
    let config: Config = parse(&document).at(|| Place::Member(candidate.config.clone()))?;
    let mut layers = candidate.layers;
    let mut warnings = Vec::new();
    let diff_ids = config.rootfs.unwrap_or_default().diff_ids;
    warnings.extend(assign_diff_ids(&mut layers, &diff_ids).at(|| Place::Member(candidate.config))?);
    let layer_count = u32::try_from(layers.len()).unwrap_or(u32::MAX);
    // An image without any history is common (bazel) and says nothing wrong.
    let has_history = !config.history.is_empty();
    let (history, mismatch) = history::match_layers(config.history, layer_count);
    warnings.extend(mismatch.filter(|_| has_history));
    Ok(ImageSpec {
        format,
        tags: candidate.tags,
        id,
        manifest_digest: candidate.manifest_digest,
        platform,
        created: config.created,
        config: document,
        annotations: candidate.annotations,
        layers,
        history,
        others,
        warnings,
        stated: candidate.stated,
    })
}

/// Gives each layer its `diff_id`. A config that lists more of them than the manifest has layers belongs to an image of
/// which layers are missing: no engine takes it, and the sums over the rest would be too small.
fn assign_diff_ids(layers: &mut [LayerRef], diff_ids: &[String]) -> Result<Option<Warning>> {
    let count = diff_ids.len();
    if count > layers.len() {
        let problem = format!("the config lists {count} diff_ids, but the manifest lists {} layers", layers.len());
        return Err(Error::Document { problem });
    }
    let parsed: Vec<Option<DiffId>> = diff_ids.iter().map(|text| text.parse().ok().map(DiffId)).collect();
    let all_valid = parsed.iter().all(Option::is_some);
    for (layer, diff_id) in layers.iter_mut().zip(parsed) {
        layer.diff_id = diff_id;
    }
    let message = if count != layers.len() {
        format!("the config lists {count} diff_ids for {} layers: sizes are right, ids may be wrong", layers.len())
    } else if !all_valid {
        "the config lists diff_ids that are no digests: sizes are right, ids are missing".to_owned()
    } else {
        return Ok(None);
    };
    Ok(Some(Warning::new(WarningCode::DiffIdMismatch, message)))
}

/// Says what an input without manifest and index looks like.
fn not_an_image(documents: &dyn Documents) -> Error {
    const SAVE: &str = "docker save NAME -o image.tar (or podman save, skopeo copy) writes what layerlens reads";
    let names = documents.names();
    let has = |wanted: &[u8]| names.iter().any(|name| name == wanted || name.starts_with(&[wanted, b"/"].concat()));
    let file_system = [&b"bin"[..], b"etc", b"usr", b"var", b"lib"].into_iter().filter(|name| has(name)).count();
    let (found, hint) = if names.is_empty() && documents.is_directory() {
        ("the directory is empty", SAVE)
    } else if names.is_empty() {
        ("the tar has no members", SAVE)
    } else if file_system >= 2 {
        ("it is a root file system, as docker export writes it: one tree, no layers", SAVE)
    } else if has(b"oci-layout") || has(b"blobs") {
        ("it looks like an OCI image layout, but has no index.json", "the layout is incomplete: copy the image again")
    } else if documents.is_directory() {
        ("the directory has neither index.json nor manifest.json", SAVE)
    } else {
        ("the tar has neither manifest.json nor index.json; it may be cut short", SAVE)
    };
    Error::NotAnImage { found: found.to_owned(), hint }
}
