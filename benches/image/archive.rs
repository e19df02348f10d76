//! The archive around the layers: the documents of an image and the tar that holds all of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use clap::ValueEnum;
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use super::blob::{Blob, Compression, gzip, sha256, zstd};
use super::entry::{Layer, MTIME};

const CREATED: &str = "2024-06-01T00:00:00Z";

/// One way in which the same image is stored.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Variant {
    /// `docker save` of Docker ≥ 25: OCI layout with `manifest.json`, plain layers.
    Plain,
    /// The same with gzip layers: containerd image store, skopeo, kaniko.
    Gzip,
    /// The same with zstd layers.
    Zstd,
    /// The same with one gzip member for each entry: eStargz.
    GzipMembers,
    /// `docker save` before Docker 25: `ID/layer.tar`.
    Legacy,
    /// `docker save | gzip`.
    OuterGz,
    /// `docker save | zstd`.
    OuterZst,
}

impl Variant {
    pub fn compression(self) -> Compression {
        match self {
            Self::Gzip => Compression::Gzip,
            Self::Zstd => Compression::Zstd,
            Self::GzipMembers => Compression::GzipMembers,
            Self::Plain | Self::Legacy | Self::OuterGz | Self::OuterZst => Compression::None,
        }
    }

    /// The archive's file name for an image called `name`.
    pub fn file_name(self, name: &str) -> String {
        match self {
            Self::Plain => format!("{name}-plain.tar"),
            Self::Gzip => format!("{name}-gzip.tar"),
            Self::Zstd => format!("{name}-zstd.tar"),
            Self::GzipMembers => format!("{name}-gzip-members.tar"),
            Self::Legacy => format!("{name}-legacy.tar"),
            Self::OuterGz => format!("{name}-plain.tar.gz"),
            Self::OuterZst => format!("{name}-plain.tar.zst"),
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Gzip | Self::GzipMembers => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
            _ => "application/vnd.oci.image.layer.v1.tar",
        }
    }
}

/// Writes the image `name` of `layers`, stored as `blobs`, to `file`.
pub fn write(file: &Path, variant: Variant, name: &str, layers: &[Layer], blobs: &[Blob]) -> io::Result<()> {
    let image =
        Image { variant, tag: format!("bench/{name}"), config: config(layers, blobs).to_string().into_bytes(), blobs };
    let out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    match variant {
        Variant::OuterGz => image.write(gzip(out))?.finish()?.flush(),
        Variant::OuterZst => image.write(zstd(out)?)?.finish()?.flush(),
        _ => image.write(out)?.flush(),
    }
}

fn config(layers: &[Layer], blobs: &[Blob]) -> Value {
    let diff_ids: Vec<_> = blobs.iter().map(|blob| named(&blob.diff_id)).collect();
    let step = |layer: &Layer| json!({"created": CREATED, "created_by": layer.created_by});
    json!({
        "architecture": "amd64",
        "os": "linux",
        "created": CREATED,
        "config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": layers.iter().map(step).collect::<Vec<_>>(),
    })
}

struct Image<'a> {
    variant: Variant,
    tag: String,
    config: Vec<u8>,
    blobs: &'a [Blob],
}

impl Image<'_> {
    fn write<W: Write>(&self, out: W) -> io::Result<W> {
        let mut tar = Builder::new(out);
        match self.variant {
            Variant::Legacy => self.write_legacy(&mut tar)?,
            _ => self.write_oci(&mut tar)?,
        }
        tar.into_inner()
    }

    /// Blobs lie in the order of their digests, so a reader has to follow the manifest.
    fn write_oci<W: Write>(&self, tar: &mut Builder<W>) -> io::Result<()> {
        let manifest = self.oci_manifest().to_string().into_bytes();
        let mut blobs = BTreeMap::new();
        for blob in self.blobs {
            blobs.insert(blob.digest.clone(), Source::File(blob));
        }
        blobs.insert(sha256(&self.config), Source::Bytes(&self.config));
        blobs.insert(sha256(&manifest), Source::Bytes(&manifest));

        directory(tar, "blobs/")?;
        directory(tar, "blobs/sha256/")?;
        for (digest, source) in blobs {
            source.append(tar, &format!("blobs/sha256/{digest}"))?;
        }
        document(tar, "index.json", &self.oci_index(&manifest))?;
        let stored = |blob: &Blob| format!("blobs/sha256/{}", blob.digest);
        let config = format!("blobs/sha256/{}", sha256(&self.config));
        document(tar, "manifest.json", &self.docker_manifest(&config, stored))?;
        document(tar, "oci-layout", &json!({"imageLayoutVersion": "1.0.0"}))
    }

    fn write_legacy<W: Write>(&self, tar: &mut Builder<W>) -> io::Result<()> {
        let id = |blob: &Blob| sha256(format!("legacy {}", blob.digest).as_bytes());
        for blob in self.blobs {
            let id = id(blob);
            directory(tar, &format!("{id}/"))?;
            Source::Bytes(b"1.0").append(tar, &format!("{id}/VERSION"))?;
            document(tar, &format!("{id}/json"), &json!({"id": id}))?;
            Source::File(blob).append(tar, &format!("{id}/layer.tar"))?;
        }
        let config = format!("{}.json", sha256(&self.config));
        Source::Bytes(&self.config).append(tar, &config)?;
        let stored = |blob: &Blob| format!("{}/layer.tar", id(blob));
        document(tar, "manifest.json", &self.docker_manifest(&config, stored))?;
        let top = self.blobs.last().map(id);
        document(tar, "repositories", &json!({&self.tag: {"latest": top}}))
    }

    fn docker_manifest(&self, config: &str, stored: impl Fn(&Blob) -> String) -> Value {
        let layers: Vec<_> = self.blobs.iter().map(stored).collect();
        let tag = format!("{}:latest", self.tag);
        json!([{"Config": config, "RepoTags": [tag], "Layers": layers}])
    }

    fn oci_manifest(&self) -> Value {
        let media_type = self.variant.media_type();
        let layer = |blob: &Blob| descriptor(media_type, &blob.digest, blob.bytes);
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": describe("application/vnd.oci.image.config.v1+json", &self.config),
            "layers": self.blobs.iter().map(layer).collect::<Vec<_>>(),
        })
    }

    fn oci_index(&self, manifest: &[u8]) -> Value {
        let mut entry = describe("application/vnd.oci.image.manifest.v1+json", manifest);
        entry["annotations"] = json!({
            "io.containerd.image.name": format!("docker.io/{}:latest", self.tag),
            "org.opencontainers.image.ref.name": "latest",
        });
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [entry],
        })
    }
}

fn describe(media_type: &str, document: &[u8]) -> Value {
    descriptor(media_type, &sha256(document), document.len() as u64)
}

fn descriptor(media_type: &str, digest: &str, bytes: u64) -> Value {
    json!({"mediaType": media_type, "digest": named(digest), "size": bytes})
}

fn named(digest: &str) -> String {
    format!("sha256:{digest}")
}

/// Where a member's bytes come from.
enum Source<'a> {
    Bytes(&'a [u8]),
    File(&'a Blob),
}

impl Source<'_> {
    fn append<W: Write>(&self, tar: &mut Builder<W>, path: &str) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => member(tar, path, bytes.len() as u64, *bytes),
            Self::File(blob) => member(tar, path, blob.bytes, File::open(&blob.file)?),
        }
    }
}

fn document<W: Write>(tar: &mut Builder<W>, path: &str, document: &Value) -> io::Result<()> {
    Source::Bytes(document.to_string().as_bytes()).append(tar, path)
}

fn member<W: Write>(tar: &mut Builder<W>, path: &str, bytes: u64, data: impl Read) -> io::Result<()> {
    let mut header = header(EntryType::Regular, 0o644);
    header.set_size(bytes);
    tar.append_data(&mut header, path, data)
}

fn directory<W: Write>(tar: &mut Builder<W>, path: &str) -> io::Result<()> {
    tar.append_data(&mut header(EntryType::Directory, 0o755), path, io::empty())
}

fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(MTIME);
    header.set_size(0);
    header
}
