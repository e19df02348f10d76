//! Which image of the input: by name, digest or platform, else the first that fits this machine.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;

use super::docker::{self, Manifest};
use super::spec::{Config, PlatformSpec};
use super::{Documents, Format, ImageSpec, LayerRef, Metered, StatedDigest, history, oci, parse, v1};
use crate::digest::{DiffId, Digest};
use crate::error::{AtPlace, Error, Place, Result, Warning, WarningCode};
use crate::escape::escape;

/// What an image runs on; empty where it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Platform {
    /// `linux`, `windows`, …
    pub os: String,
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// `v7`, `v8`, …
    pub variant: Option<String>,
}

impl Platform {
    pub(super) fn new(os: Option<&str>, architecture: Option<&str>, variant: Option<&str>) -> Self {
        let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
        let variant = variant.filter(|variant| !variant.is_empty()).map(str::to_owned);
        Platform { os: text(os), architecture: text(architecture), variant }
    }

    pub(super) fn of_spec(spec: &PlatformSpec) -> Self {
        Platform::new(spec.os.as_deref(), spec.architecture.as_deref(), spec.variant.as_deref())
    }

    /// Returns the platform of this machine's containers: Linux, on its processor.
    #[must_use]
    pub fn host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            "powerpc64" => "ppc64le",
            other => other,
        };
        Platform::new(Some("linux"), Some(architecture), None)
    }

    /// Says whether an image for `other` is what this asks for; a variant that is not asked for does not matter.
    #[must_use]
    pub fn accepts(&self, other: &Platform) -> bool {
        self.os == other.os
            && self.architecture == other.architecture
            && (self.variant.is_none() || self.variant == other.variant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |text: &str| if text.is_empty() { "unknown".to_owned() } else { escape(text.as_bytes()) };
        write!(out, "{}/{}", part(&self.os), part(&self.architecture))?;
        self.variant.iter().try_for_each(|variant| write!(out, "/{}", part(variant)))
    }
}

/// Text that is no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a platform: write os/architecture or os/architecture/variant, like linux/arm64/v8")]
pub struct NotAPlatform;

impl FromStr for Platform {
    type Err = NotAPlatform;

    fn from_str(text: &str) -> Result<Self, NotAPlatform> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts[..] {
            _ if parts.iter().any(|part| part.is_empty()) => Err(NotAPlatform),
            [os, architecture] => Ok(Platform::new(Some(os), Some(architecture), None)),
            [os, architecture, variant] => Ok(Platform::new(Some(os), Some(architecture), Some(variant))),
            _ => Err(NotAPlatform),
        }
    }
}

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// A name with or without tag, or a digest or its beginning.
    pub image: Option<String>,
    /// A platform.
    pub platform: Option<Platform>,
}

impl Selection {
    pub(super) fn takes_name(&self, name: &str) -> bool {
        self.image.as_deref().is_none_or(|wanted| familiar(wanted) == familiar(name))
    }

    pub(super) fn takes_id(&self, hex: &str) -> bool {
        let Some(wanted) = self.image.as_deref() else {
            return true;
        };
        let wanted = wanted.rsplit_once('@').map_or(wanted, |(_, digest)| digest);
        let wanted = wanted.strip_prefix("sha256:").unwrap_or(wanted);
        wanted.len() >= 6 && hex.starts_with(wanted)
    }

    pub(super) fn no_match(&self, available: String) -> Error {
        let platform = self.platform.as_ref().map(|platform| format!("platform {platform}"));
        let image = self.image.as_ref().map(|image| format!("{:?}", escape(image.as_bytes())));
        let wanted = [image, platform].into_iter().flatten().collect::<Vec<_>>().join(" for ");
        Error::NoSuchImage { wanted, available }
    }
}

/// A name as people write it: without the default registry, with its tag.
fn familiar(name: &str) -> String {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let name = name.strip_prefix("localhost/").unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains(':') || last.contains('@') { name.to_owned() } else { format!("{name}:latest") }
}

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
    fn complete(&mut self, offer: Candidate) {
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
