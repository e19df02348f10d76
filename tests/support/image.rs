//! Images written the way the tools write them: what `docker save`, `skopeo copy` and friends put around the layers.
//!
//! The same [`ImageSpec`] goes into every [`Packing`], so that tests can ask whether the packing changes the numbers.
//! All digests are right and nothing depends on the clock: the same spec gives the same bytes.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::compress;
use super::layer::{Ending, Kind, LayerSpec, LongNames, Member, Metadata};

const CREATED: &str = "2026-01-01T00:00:00Z";

/// One line of the config's history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistorySpec {
    pub created_by: String,
    pub comment: String,
    pub empty_layer: bool,
}

impl HistorySpec {
    /// A step that made a layer.
    pub fn step(created_by: &str) -> Self {
        Self { created_by: created_by.to_owned(), ..Self::default() }
    }

    /// A step that only changed the config.
    pub fn config_step(created_by: &str) -> Self {
        Self { empty_layer: true, ..Self::step(created_by) }
    }
}

/// An image: layers from the bottom up, history and tags.
#[derive(Clone, Debug, Default)]
pub struct ImageSpec {
    pub layers: Vec<LayerSpec>,
    pub history: Vec<HistorySpec>,
    /// `NAME:TAG` each; none is an image saved by its id (`RepoTags: null`).
    pub tags: Vec<String>,
}

/// The layout of the archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `docker save` before 25: `ID/layer.tar`, a repeated layer as a symlink to the first.
    #[default]
    DockerLegacy,
    /// `docker save` of 25 and later: an OCI layout with manifest.json and repositories beside it.
    DockerOci,
    OciArchive,
    OciDirectory,
}

/// The stream of each layer blob.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LayerStream {
    #[default]
    Plain,
    Gzip,
    GzipMembers,
    Zstd,
    ZstdFrames,
}

/// The stream around the whole archive; a directory has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wrapper {
    #[default]
    None,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

/// How an image is packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packing {
    pub format: Format,
    pub layers: LayerStream,
    pub wrapper: Wrapper,
    /// The documents stand before the blobs, not behind them.
    pub manifest_first: bool,
    /// Every name starts with `./`, as in archives made with `tar -c .`.
    pub dot_slash: bool,
}

impl ImageSpec {
    /// An untagged image of these layers, with a history that does not say where they are from.
    pub fn of(layers: Vec<LayerSpec>) -> Self {
        let history = (1..=layers.len()).map(|number| HistorySpec::step(&format!("RUN step {number}"))).collect();
        Self { layers, history, tags: vec!["sample:latest".to_owned()] }
    }

    /// Writes the image below `directory`, as `name` (a file, or a folder for [`Format::OciDirectory`]).
    pub fn write(&self, packing: Packing, directory: &Path, name: &str) -> PathBuf {
        let path = directory.join(name);
        let parts = self.parts(packing);
        if packing.format == Format::OciDirectory {
            write_directory(&path, &parts);
        } else {
            fs::write(&path, wrap(packing.wrapper, archive(&parts, packing.dot_slash))).expect("a writable folder");
        }
        path
    }

    /// The archive's members, in order.
    fn parts(&self, packing: Packing) -> Vec<Part> {
        let blobs = self.blobs(packing.layers);
        let (blobs, documents) = match packing.format {
            Format::DockerLegacy => self.docker_legacy(&blobs),
            Format::DockerOci => self.docker_oci(&blobs),
            Format::OciArchive | Format::OciDirectory => self.oci(&blobs),
        };
        let (first, second) = if packing.manifest_first { (documents, blobs) } else { (blobs, documents) };
        first.into_iter().chain(second).collect()
    }

    fn blobs(&self, stream: LayerStream) -> Vec<LayerBlob> {
        self.layers.iter().map(|layer| LayerBlob::new(&layer.to_tar(), stream)).collect()
    }

    /// The image config. A config without a history is legal, and then it has no such key.
    fn config(&self, blobs: &[LayerBlob]) -> Vec<u8> {
        let diff_ids: Vec<_> = blobs.iter().map(|blob| blob.diff_id.as_str()).collect();
        let mut config = json!({
            "architecture": "amd64",
            "config": {},
            "created": CREATED,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        if !self.history.is_empty() {
            config["history"] = self.history.iter().map(history_entry).collect();
        }
        to_bytes(&config)
    }

    fn docker_legacy(&self, blobs: &[LayerBlob]) -> (Vec<Part>, Vec<Part>) {
        let config = self.config(blobs);
        let config_name = format!("{}.json", hex_of(&config));
        let mut parts = Vec::new();
        let mut names = Vec::new();
        for (index, blob) in blobs.iter().enumerate() {
            let id = hex_of(format!("{index} {}", blob.diff_id).as_bytes());
            parts.extend(legacy_layer(&id, blobs, &names, index));
            names.push(format!("{id}/layer.tar"));
        }
        let manifest = self.docker_manifest(&config_name, &names);
        let mut documents = vec![Part::file(&config_name, config), Part::file("manifest.json", manifest)];
        documents.extend(self.repositories(blobs));
        (parts, documents)
    }

    fn docker_oci(&self, blobs: &[LayerBlob]) -> (Vec<Part>, Vec<Part>) {
        let (mut parts, mut documents) = self.oci(blobs);
        let config_name = blob_name(&digest_of(&self.config(blobs)));
        let names: Vec<_> = blobs.iter().map(|blob| blob_name(&blob.digest)).collect();
        documents.push(Part::file("manifest.json", self.docker_manifest(&config_name, &names)));
        documents.extend(self.repositories(blobs));
        parts.insert(0, Part::directory("blobs"));
        parts.insert(1, Part::directory("blobs/sha256"));
        (parts, documents)
    }

    fn oci(&self, blobs: &[LayerBlob]) -> (Vec<Part>, Vec<Part>) {
        let config = self.config(blobs);
        let manifest = oci_manifest(&config, blobs);
        let index = self.oci_index(&manifest);
        let mut parts: Vec<Part> = Vec::new();
        for data in blobs.iter().map(|blob| blob.data.clone()).chain([config, manifest]) {
            let part = Part::file(&blob_name(&digest_of(&data)), data);
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        let layout = to_bytes(&json!({"imageLayoutVersion": "1.0.0"}));
        (parts, vec![Part::file("index.json", index), Part::file("oci-layout", layout)])
    }

    fn docker_manifest(&self, config_name: &str, layer_names: &[String]) -> Vec<u8> {
        let tags = if self.tags.is_empty() { Value::Null } else { json!(self.tags) };
        to_bytes(&json!([{"Config": config_name, "RepoTags": tags, "Layers": layer_names}]))
    }

    fn repositories(&self, blobs: &[LayerBlob]) -> Option<Part> {
        let top = blobs.last()?.diff_id.clone();
        let mut repositories = json!({});
        for (name, tag) in self.tags.iter().filter_map(|tag| tag.rsplit_once(':')) {
            repositories[name][tag] = json!(top.trim_start_matches("sha256:"));
        }
        (!self.tags.is_empty()).then(|| Part::file("repositories", to_bytes(&repositories)))
    }

    fn oci_index(&self, manifest: &[u8]) -> Vec<u8> {
        let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", manifest);
        if let Some(tag) = self.tags.first() {
            let short = tag.rsplit_once(':').map_or(tag.as_str(), |(_, short)| short);
            entry["annotations"] = json!({"io.containerd.image.name": tag, "org.opencontainers.image.ref.name": short});
        }
        to_bytes(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [entry],
        }))
    }
}

/// One layer as stored: its stream, and the digests of both its forms.
struct LayerBlob {
    data: Vec<u8>,
    digest: String,
    diff_id: String,
    media_type: &'static str,
}

impl LayerBlob {
    fn new(tar: &[u8], stream: LayerStream) -> Self {
        let data = match stream {
            LayerStream::Plain => tar.to_vec(),
            LayerStream::Gzip => compress::gzip(tar),
            LayerStream::GzipMembers => compress::gzip_members(tar),
            LayerStream::Zstd => compress::zstd(tar),
            LayerStream::ZstdFrames => compress::zstd_frames(tar),
        };
        let media_type = match stream {
            LayerStream::Plain => "application/vnd.oci.image.layer.v1.tar",
            LayerStream::Gzip | LayerStream::GzipMembers => "application/vnd.oci.image.layer.v1.tar+gzip",
            LayerStream::Zstd | LayerStream::ZstdFrames => "application/vnd.oci.image.layer.v1.tar+zstd",
        };
        Self { digest: digest_of(&data), diff_id: digest_of(tar), data, media_type }
    }
}

/// One member of the archive, or one file of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    name: String,
    kind: Kind,
}

impl Part {
    fn file(name: &str, data: Vec<u8>) -> Self {
        Self { name: name.to_owned(), kind: Kind::File(data) }
    }

    fn directory(name: &str) -> Self {
        Self { name: format!("{name}/"), kind: Kind::Directory }
    }
}

/// The folder of one layer in the legacy format. A layer that was there before is a symlink to it (Docker 20.10).
fn legacy_layer(id: &str, blobs: &[LayerBlob], names: &[String], index: usize) -> Vec<Part> {
    let layer = &blobs[index];
    let earlier = blobs[..index].iter().position(|blob| blob.diff_id == layer.diff_id);
    let kind = match earlier {
        Some(first) => Kind::Symlink(format!("../{}", names[first]).into_bytes()),
        None => Kind::File(layer.data.clone()),
    };
    vec![
        Part::directory(id),
        Part::file(&format!("{id}/VERSION"), b"1.0".to_vec()),
        Part::file(&format!("{id}/json"), to_bytes(&json!({"id": id, "created": CREATED}))),
        Part { name: format!("{id}/layer.tar"), kind },
    ]
}

fn history_entry(entry: &HistorySpec) -> Value {
    let mut value = json!({"created": CREATED, "created_by": entry.created_by});
    if !entry.comment.is_empty() {
        value["comment"] = json!(entry.comment);
    }
    if entry.empty_layer {
        value["empty_layer"] = json!(true);
    }
    value
}

fn oci_manifest(config: &[u8], blobs: &[LayerBlob]) -> Vec<u8> {
    let layers: Vec<_> = blobs.iter().map(|blob| descriptor(blob.media_type, &blob.data)).collect();
    to_bytes(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": layers,
    }))
}

fn descriptor(media_type: &str, data: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest_of(data), "size": data.len()})
}

fn blob_name(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

fn digest_of(data: &[u8]) -> String {
    format!("sha256:{}", hex_of(data))
}

/// The sha256 of `data` in hexadecimal.
fn hex_of(data: &[u8]) -> String {
    Sha256::digest(data).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to memory");
        hex
    })
}

fn to_bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain JSON")
}

/// The outer archive is a tar like any other, so the layer builder writes it.
fn archive(parts: &[Part], dot_slash: bool) -> Vec<u8> {
    let prefix = if dot_slash { "./" } else { "" };
    let members = parts.iter().map(|part| {
        let mode = if part.kind == Kind::Directory { 0o755 } else { 0o644 };
        Member::new(format!("{prefix}{}", part.name), part.kind.clone(), Metadata::with_mode(mode))
    });
    let spec = LayerSpec { long_names: LongNames::Pax, ending: Ending::Blocks, ..LayerSpec::of(members.collect()) };
    spec.to_tar()
}

fn wrap(wrapper: Wrapper, archive: Vec<u8>) -> Vec<u8> {
    match wrapper {
        Wrapper::None => archive,
        Wrapper::Gzip => compress::gzip(&archive),
        Wrapper::Zstd => compress::zstd(&archive),
        Wrapper::Xz => compress::xz(&archive),
        Wrapper::Bzip2 => compress::bzip2(&archive),
    }
}

fn write_directory(root: &Path, parts: &[Part]) {
    for part in parts {
        let Kind::File(data) = &part.kind else { continue };
        let path = root.join(&part.name);
        fs::create_dir_all(path.parent().expect("a name below the root")).expect("a writable folder");
        fs::write(path, data).expect("a writable folder");
    }
}
