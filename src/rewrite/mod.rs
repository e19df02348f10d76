//! Writes the image that results from merging layers, or from making fixes, as an archive that engines can load: the proof
//! of what `--merge` and `--apply` print.
//!
//! `layout` says which layer of the new image does what a layer of the old one did, `stack` works out on the index what that
//! comes to at each path, `removal` what goes with findings, `layer` writes it; `start` changes the command; `proof` reads the result against the old image.
//!
//! The layout of the archive is that of `docker save` since version 25: an OCI layout with a `manifest.json` beside it.
//! Layers that nothing happens to are copied as they are, compressed or not; the config keeps everything but its `diff_ids`
//! and the `empty_layer` of its history. Same image and same choice, same bytes. The names get `-merged` or `-trial` behind
//! their tag, so that loading the result replaces nothing.

mod layer;
mod layout;
pub mod proof;
mod removal;
mod stack;
mod start;

use std::collections::BTreeSet;
use std::io::{self, BufReader, Read, Write};
use std::sync::Arc;

use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use crate::analysis::fixes::{Fix, Ranges, WhatIf};
use crate::analysis::waste::WasteRecord;
use crate::analysis::{Analysis, Finding};
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{AtPlace, Error, Place, Result};
use crate::layer::entry::NodeId;
use crate::source::compression::Compression;
use crate::source::{Progress, Region};
use layer::Sources;
use layout::Layout;
pub use removal::Removal;
use stack::{Layer, Stack};

/// An image with other layers, ready to be written.
#[derive(Debug)]
pub struct Rewritten {
    layers: Vec<Blob>,
    config: Vec<u8>,
    tags: Vec<String>,
}

/// A layer, ready to be written.
#[derive(Debug, Clone)]
struct Blob {
    bytes: Region,
    digest: Digest,
    diff_id: String,
    compression: Compression,
}

/// Merges the ranges; the new layers wait in temporary files.
///
/// # Errors
/// Where the image has no such layers, where its layers cannot be read again, or temporary files not be written.
pub fn merge(analysis: &Analysis, ranges: &Ranges) -> Result<Rewritten> {
    ranges.check(analysis.layers.len()).map_err(|problem| Error::Unsupported {
        what: problem.to_string(),
        hint: "layerlens IMAGE lists the layers",
    })?;
    let stack = Stack::new(&analysis.index, Layout::of_ranges(ranges, analysis.layers.len()), &Removal::default());
    rewrite(analysis, &stack, &[], "-merged")
}

/// The image that fixes and findings would make: the first alternative of each fix, and without the findings' paths.
#[derive(Debug)]
pub struct Trial<'a> {
    analysis: &'a Analysis,
    fixes: Vec<Fix>,
    findings: Vec<Finding>,
    removal: Removal,
    stack: Stack<'a>,
}

impl<'a> Trial<'a> {
    /// Works out what fixes and findings make of each layer; reads no layer.
    #[must_use]
    pub fn new(analysis: &'a Analysis, fixes: &[&Fix], findings: &[&Finding]) -> Self {
        let paths: Vec<NodeId> = findings.iter().flat_map(|finding| &finding.paths).map(|path| path.node).collect();
        Trial { findings: findings.iter().copied().cloned().collect(), ..Trial::without(analysis, fixes, &paths) }
    }

    /// Works out what fixes make of each layer, and what is left without some paths and all that is below them.
    #[must_use]
    pub fn without(analysis: &'a Analysis, fixes: &[&Fix], paths: &[NodeId]) -> Self {
        let removal = Removal::of(analysis, paths);
        let changes = fixes.iter().filter_map(|fix| fix.alternatives.first()).map(|first| &first.change);
        let stack = Stack::new(&analysis.index, Layout::of(changes, analysis.layers.len()), &removal);
        let fixes = fixes.iter().copied().cloned().collect();
        Trial { analysis, fixes, findings: Vec::new(), removal, stack }
    }

    /// Returns what the image is predicted to be. Costs the entries.
    #[must_use]
    pub fn prediction(&self) -> WhatIf {
        let less = self.analysis.less(self.fixes.clone(), self.stack.layer_count());
        // A layer that is written anew holds no path twice.
        let is_twice = |record: &&WasteRecord| {
            record.stored_in == record.hidden_by && self.stack.only_reduced().contains(&record.stored_in.index())
        };
        let twice: u64 = self.analysis.waste.iter().filter(is_twice).map(|record| record.bytes).sum();
        WhatIf {
            findings: self.findings.clone(),
            saves_bytes: less.saves_bytes + self.removal.bytes + twice,
            stored_bytes: less.stored_bytes - self.removal.bytes - twice,
            final_bytes: less.final_bytes - self.removal.bytes,
            wasted_bytes: less.wasted_bytes - twice,
            ..less
        }
    }

    /// Returns the paths that the new image does not have.
    #[must_use]
    pub fn removal(&self) -> &Removal {
        &self.removal
    }

    /// Makes the layers; they wait in temporary files.
    ///
    /// # Errors
    /// Where layers cannot be read again, or temporary files not be written.
    pub fn make(&self) -> Result<Rewritten> {
        rewrite(self.analysis, &self.stack, &self.findings, "-trial")
    }
}

fn rewrite(analysis: &Analysis, stack: &Stack<'_>, findings: &[Finding], suffix: &str) -> Result<Rewritten> {
    let mut config: Value = serde_json::from_slice(&analysis.spec.config).map_err(|_| Error::Unsupported {
        what: "the image's config cannot be written again".to_owned(),
        hint: "load it into an engine and save it again",
    })?;
    start::change(findings, &mut config)?;
    let sources = Sources::new(analysis);
    let (mut layers, mut stays) = (Vec::new(), Vec::new());
    stack.for_each(|place, layer| {
        stays.push(!matches!(layer, Layer::Gone));
        match layer {
            Layer::Kept => layers.push(kept(analysis, place).at(|| Place::Layer(analysis.layers[place].number.get()))?),
            Layer::Made(made) => {
                let bytes = Region::spool(|file| layer::write(&sources, stack, &made, file))?;
                let digest = sha256(&bytes)?;
                layers.push(Blob { bytes, diff_id: digest.to_string(), digest, compression: Compression::None });
            }
            Layer::Gone => {}
        }
        Ok(())
    })?;
    let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
    config["rootfs"] = json!({"type": "layers", "diff_ids": diff_ids});
    rewrite_history(analysis, &stays, &mut config);
    let config = serde_json::to_vec(&config).map_err(|source| Error::Json { source })?;
    let tags = analysis.spec.tags.iter().map(|tag| format!("{tag}{suffix}")).collect();
    Ok(Rewritten { layers, config, tags })
}

fn kept(analysis: &Analysis, at: usize) -> Result<Blob> {
    let layer = &analysis.layers[at];
    let bytes = layer.blob.region.clone().ok_or_else(gone)?;
    let diff_id = layer.diff_id.as_ref().ok_or_else(|| Error::Unsupported {
        what: "the config states no diff_id for it".to_owned(),
        hint: "load the image into an engine and save it again",
    })?;
    let digest = sha256(&bytes)?;
    Ok(Blob { bytes, digest, diff_id: diff_id.0.to_string(), compression: layer.blob.compression })
}

/// Every step stays in the history, also one that has no layer any more.
fn rewrite_history(analysis: &Analysis, stays: &[bool], config: &mut Value) {
    let is_known = analysis.spec.history.iter().filter(|entry| entry.layer.is_some()).count() == analysis.layers.len();
    let Some(history) = config.get_mut("history").and_then(Value::as_array_mut) else { return };
    if !is_known || history.len() != analysis.spec.history.len() {
        // It did not fit the layers before either.
        history.clear();
        return;
    }
    for (line, entry) in history.iter_mut().zip(&analysis.spec.history) {
        if entry.layer.is_some_and(|layer| !stays[layer as usize - 1]) {
            line["empty_layer"] = Value::Bool(true);
        }
    }
}

impl Rewritten {
    /// Writes the archive.
    ///
    /// # Errors
    /// Where `out` fails, or a layer cannot be read again.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut archive = Builder::new(out);
        let mut written = BTreeSet::new();
        for layer in self.layers.iter().filter(|layer| written.insert(layer.digest.hex())) {
            let reader = layer.bytes.reader(&Arc::new(Progress::default()));
            append(&mut archive, &blob_path(&layer.digest), layer.bytes.len(), reader)?;
        }
        let config = Digest::sha256(&self.config);
        let descriptors: Vec<Value> = self.layers.iter().map(Blob::descriptor).collect();
        let manifest = serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": config.to_string(),
                "size": self.config.len(),
            },
            "layers": descriptors,
        }))?;
        let index = serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": self.entries(&manifest),
        }))?;
        let names: Vec<String> = self.layers.iter().map(|layer| blob_path(&layer.digest)).collect();
        let docker = serde_json::to_vec(&json!([
            {"Config": blob_path(&config), "RepoTags": self.tags, "Layers": names}
        ]))?;
        let documents = [
            (blob_path(&config), &self.config[..]),
            (blob_path(&Digest::sha256(&manifest)), &manifest),
            ("index.json".to_owned(), &index),
            ("manifest.json".to_owned(), &docker),
            ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#),
        ];
        for (name, bytes) in documents {
            append(&mut archive, &name, bytes.len() as u64, bytes)?;
        }
        archive.finish()
    }

    /// The manifest in the index, once for each name.
    fn entries(&self, manifest: &[u8]) -> Vec<Value> {
        let descriptor = |name: Option<&String>| {
            let mut descriptor = json!({
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": Digest::sha256(manifest).to_string(),
                "size": manifest.len(),
            });
            if let Some(name) = name {
                let tag = name.rsplit_once(':').map_or(name.as_str(), |(_, tag)| tag);
                descriptor["annotations"] =
                    json!({"io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag});
            }
            descriptor
        };
        if self.tags.is_empty() {
            return vec![descriptor(None)];
        }
        self.tags.iter().map(|tag| descriptor(Some(tag))).collect()
    }
}

impl Blob {
    fn descriptor(&self) -> Value {
        let suffix = match self.compression {
            Compression::None => "",
            Compression::Gzip => "+gzip",
            Compression::Zstd => "+zstd",
            Compression::Bzip2 => "+bzip2",
            Compression::Xz => "+xz",
        };
        json!({
            "mediaType": format!("application/vnd.oci.image.layer.v1.tar{suffix}"),
            "digest": self.digest.to_string(),
            "size": self.bytes.len(),
        })
    }
}

fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().name(), digest.hex())
}

fn append(archive: &mut Builder<&mut dyn Write>, name: &str, size: u64, bytes: impl Read) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(size);
    header.set_entry_type(EntryType::Regular);
    archive.append_data(&mut header, name, bytes)
}

fn sha256(bytes: &Region) -> Result<Digest> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut reader = BufReader::with_capacity(256 << 10, bytes.reader(&Arc::new(Progress::default())));
    loop {
        let piece = io::BufRead::fill_buf(&mut reader).map_err(|error| Error::from_read("read", error))?;
        if piece.is_empty() {
            return Ok(hasher.finish());
        }
        hasher.update(piece);
        let n = piece.len();
        io::BufRead::consume(&mut reader, n);
    }
}

/// The layer can be read only once.
fn gone() -> Error {
    Error::Unsupported {
        what: "its bytes cannot be read again, or have changed".to_owned(),
        hint: "save the image to a plain archive (docker save NAME -o image.tar) and use that",
    }
}
