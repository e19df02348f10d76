//! `docker save` before 1.10 (February 2016): `repositories` names a layer, each layer's JSON names its parent.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::history;
use super::image::{Format, ImageSpec, LayerRef};
use super::selection::{Platform, Selection};
use super::spec::{HistorySpec, MOST_LAYERS, parse};
use super::store::Documents;
use crate::digest::Digest;
use crate::error::{AtPlace, Error, Place, Result, Warning, WarningCode};

/// The member that names the images.
pub(super) const REPOSITORIES: &[u8] = b"repositories";

/// The largest document; each is small, and there is one for each layer.
const MOST_BYTES: usize = 1 << 20;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LayerJson {
    parent: Option<String>,
    created: Option<String>,
    comment: Option<String>,
    architecture: Option<String>,
    os: Option<String>,
    container_config: Option<ContainerConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ContainerConfig {
    cmd: Option<Vec<String>>,
}

/// Reads the image that the selection names, or the first.
///
/// # Errors
/// Where a document is missing or unreadable.
pub(super) fn read(documents: &dyn Documents, repositories: &[u8], selection: &Selection) -> Result<ImageSpec> {
    let names = check_size(repositories).and_then(list).at(|| Place::Member(REPOSITORIES.to_vec()))?;
    let matching = names.iter().position(|(name, id)| selection.takes_name(name) || selection.takes_id(id));
    let Some(chosen) = matching else {
        let available = names.iter().take(20).map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(selection.no_match(if available.is_empty() { "none".to_owned() } else { available }));
    };
    let (tag, top) = &names[chosen];
    let chain = chain(documents, top)?;
    let others = names.iter().filter(|(name, _)| name != tag).map(|(name, _)| name.clone()).collect();
    Ok(assemble(chain, tag.clone(), others))
}

fn check_size(document: &[u8]) -> Result<&[u8]> {
    if document.len() <= MOST_BYTES {
        return Ok(document);
    }
    Err(Error::TooLarge { what: "the document".to_owned(), limit: format!("{MOST_BYTES} bytes") })
}

/// Returns `name:tag` and layer id of each image, in the order of the names.
fn list(repositories: &[u8]) -> Result<Vec<(String, String)>> {
    let map: BTreeMap<String, BTreeMap<String, String>> = parse(repositories)?;
    let names = map.into_iter().flat_map(|(name, tags)| {
        tags.into_iter().map(move |(tag, id)| (format!("{name}:{tag}"), id)).collect::<Vec<_>>()
    });
    Ok(names.collect())
}

/// The layers of an image, bottom first, and the document of the top one.
struct Chain {
    ids: Vec<String>,
    lines: Vec<HistorySpec>,
    document: Vec<u8>,
    platform: Platform,
}

/// Follows the parents from the top layer down. What a layer's document says is kept, not the document.
fn chain(documents: &dyn Documents, top: &str) -> Result<Chain> {
    let mut chain = Chain { ids: Vec::new(), lines: Vec::new(), document: Vec::new(), platform: Platform::default() };
    let mut next = Some(top.to_owned());
    while let Some(id) = next {
        if chain.ids.len() >= MOST_LAYERS || chain.ids.contains(&id) {
            let problem = format!("the layers' parents lead in a circle, or there are more than {MOST_LAYERS} layers");
            return Err(Error::Document { problem });
        }
        let name = format!("{id}/json").into_bytes();
        let Some(bytes) = documents.read(&name)? else {
            return Err(Error::Missing { what: "layer", name });
        };
        let layer: LayerJson = check_size(&bytes).and_then(parse).at(|| Place::Member(name))?;
        if chain.ids.is_empty() {
            chain.platform = Platform::new(layer.os.as_deref(), layer.architecture.as_deref(), None);
            chain.document = bytes;
        }
        next = layer.parent.clone().filter(|parent| !parent.is_empty());
        chain.ids.push(id);
        chain.lines.push(layer.line());
    }
    chain.ids.reverse();
    chain.lines.reverse();
    Ok(chain)
}

impl LayerJson {
    fn line(self) -> HistorySpec {
        HistorySpec {
            created: self.created,
            created_by: self.container_config.and_then(|config| config.cmd).map(|cmd| cmd.join(" ")),
            comment: self.comment,
            empty_layer: None,
        }
    }
}

fn assemble(chain: Chain, tag: String, others: Vec<String>) -> ImageSpec {
    let Chain { ids, lines, document, platform } = chain;
    let created = lines.last().and_then(|line| line.created.clone());
    let (history, _) = history::match_layers(lines, u32::try_from(ids.len()).unwrap_or(u32::MAX));
    let layer = |id: &String| LayerRef {
        name: format!("{id}/layer.tar").into_bytes(),
        blob_digest: None,
        stated_bytes: None,
        media_type: None,
        diff_id: None,
    };
    let message = "the archive is older than Docker 1.10 and states no diff_ids: sizes are right, ids are missing";
    ImageSpec {
        format: Format::DockerArchiveV1,
        tags: vec![tag],
        id: Digest::sha256(&document),
        manifest_digest: None,
        platform,
        created,
        config: Vec::new(),
        annotations: BTreeMap::new(),
        layers: ids.iter().map(layer).collect(),
        history,
        others,
        warnings: vec![Warning::new(WarningCode::NoDiffIds, message)],
        stated: Vec::new(),
    }
}
