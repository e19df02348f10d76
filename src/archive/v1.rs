//! `docker save` before 1.10 (February 2016): `repositories` names a layer, each layer's JSON names its parent.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::select::Platform;
use super::spec::HistorySpec;
use super::{Documents, Format, ImageSpec, LayerRef, Selection, history, parse};
use crate::digest::Digest;
use crate::error::{AtPlace, Error, Place, Result, Warning, WarningCode};

/// The member that names the images.
pub(super) const REPOSITORIES: &[u8] = b"repositories";

/// Docker itself allowed 127 layers.
const MOST_LAYERS: usize = 10_000;

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
    let names = list(repositories).at(|| Place::Member(REPOSITORIES.to_vec()))?;
    let matching = names.iter().position(|(name, id)| selection.takes_name(name) || selection.takes_id(id));
    let Some(chosen) = matching else {
        let available = names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(selection.no_match(if available.is_empty() { "none".to_owned() } else { available }));
    };
    let (tag, top) = &names[chosen];
    let chain = chain(documents, top)?;
    let others = names.iter().filter(|(name, _)| name != tag).map(|(name, _)| name.clone()).collect();
    assemble(&chain, tag.clone(), others)
}

/// Returns `name:tag` and layer id of each image, in the order of the names.
fn list(repositories: &[u8]) -> Result<Vec<(String, String)>> {
    let map: BTreeMap<String, BTreeMap<String, String>> = parse(repositories)?;
    let names = map.into_iter().flat_map(|(name, tags)| {
        tags.into_iter().map(move |(tag, id)| (format!("{name}:{tag}"), id)).collect::<Vec<_>>()
    });
    Ok(names.collect())
}

/// Follows the parents from the top layer down; returns them bottom first, with the document of each.
fn chain(documents: &dyn Documents, top: &str) -> Result<Vec<(String, LayerJson, Vec<u8>)>> {
    let mut chain: Vec<(String, LayerJson, Vec<u8>)> = Vec::new();
    let mut next = Some(top.to_owned());
    while let Some(id) = next {
        if chain.len() >= MOST_LAYERS || chain.iter().any(|(known, ..)| *known == id) {
            let problem = "the layers' parents lead in a circle".to_owned();
            return Err(Error::Document { problem });
        }
        let name = format!("{id}/json").into_bytes();
        let Some(bytes) = documents.read(&name)? else {
            return Err(Error::Missing { what: "layer", name });
        };
        let layer: LayerJson = parse(&bytes).at(|| Place::Member(name))?;
        next = layer.parent.clone().filter(|parent| !parent.is_empty());
        chain.push((id, layer, bytes));
    }
    chain.reverse();
    Ok(chain)
}

fn assemble(chain: &[(String, LayerJson, Vec<u8>)], tag: String, others: Vec<String>) -> Result<ImageSpec> {
    let Some((_, top, document)) = chain.last() else {
        return Err(Error::Document { problem: "the image has no layers".to_owned() });
    };
    let platform = Platform::new(top.os.as_deref(), top.architecture.as_deref(), None);
    let (id, created) = (Digest::sha256(document), top.created.clone());
    let lines = chain.iter().map(|(_, layer, _)| HistorySpec {
        created: layer.created.clone(),
        created_by: layer.container_config.as_ref().and_then(|config| config.cmd.as_ref()).map(|cmd| cmd.join(" ")),
        comment: layer.comment.clone(),
        empty_layer: None,
    });
    let (history, _) = history::match_layers(lines.collect(), u32::try_from(chain.len()).unwrap_or(u32::MAX));
    let layer = |id: &str| LayerRef {
        name: format!("{id}/layer.tar").into_bytes(),
        blob_digest: None,
        stated_bytes: None,
        media_type: None,
        diff_id: None,
    };
    let message = "the archive is older than Docker 1.10 and states no diff_ids: sizes are right, ids are missing";
    Ok(ImageSpec {
        format: Format::DockerArchiveV1,
        tags: vec![tag],
        id,
        manifest_digest: None,
        platform,
        created,
        config: Vec::new(),
        annotations: BTreeMap::new(),
        layers: chain.iter().map(|(id, ..)| layer(id)).collect(),
        history,
        others,
        warnings: vec![Warning::new(WarningCode::NoDiffIds, message)],
        stated: Vec::new(),
    })
}
