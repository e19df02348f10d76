//! Image archives taken apart and written again in every format that layerlens reads.
//!
//! Only for honest archives: whatever is odd panics.

use std::collections::{BTreeMap, HashSet};
use std::io::{Read, Write};
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Files by name, as they lie in an archive or a directory.
pub type Files = BTreeMap<String, Vec<u8>>;

/// How a blob or a whole archive is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

/// One image: its config as stored, and its layers as plain tars, bottom first.
#[derive(Clone)]
pub struct Image {
    pub tag: String,
    pub config: Vec<u8>,
    pub layers: Vec<Vec<u8>>,
}

impl Image {
    /// Takes the first image of a `docker save` or `podman save` archive, compressed or not.
    pub fn from_docker_archive(path: &Path) -> Self {
        let files = read_archive(path);
        let manifest: Value = serde_json::from_slice(&files["manifest.json"]).expect("manifest.json is JSON");
        let image = &manifest[0];
        let member = |name: &Value| files[name.as_str().expect("names are strings")].clone();
        let layers = image["Layers"].as_array().expect("Layers is a list");
        Self {
            tag: image["RepoTags"][0].as_str().unwrap_or("untagged:latest").to_owned(),
            config: member(&image["Config"]),
            layers: layers.iter().map(|name| decompress(&member(name))).collect(),
        }
    }

    /// Makes an image of plain layer tars; `steps` are the history entries, one for each layer.
    pub fn new(tag: &str, steps: &[&str], layers: Vec<Vec<u8>>) -> Self {
        let created = "2026-01-01T00:00:00Z";
        let history: Vec<Value> = steps.iter().map(|step| json!({"created": created, "created_by": step})).collect();
        let diff_ids: Vec<String> = layers.iter().map(|layer| format!("sha256:{}", sha256(layer))).collect();
        let config = json!({"architecture": "amd64", "os": "linux", "created": created, "config": {},
            "rootfs": {"type": "layers", "diff_ids": diff_ids}, "history": history});
        Self { tag: tag.to_owned(), config: config.to_string().into_bytes(), layers }
    }

    /// Returns the files of a `docker save` archive as Docker before 25 writes it: a folder for each layer.
    pub fn legacy(&self) -> Files {
        let config = format!("{}.json", sha256(&self.config));
        let names: Vec<String> = self.layers.iter().map(|layer| format!("{}/layer.tar", sha256(layer))).collect();
        let manifest = json!([{"Config": config, "RepoTags": [self.tag], "Layers": names}]);
        let mut files = Files::from([(config, self.config.clone())]);
        files.extend(names.into_iter().zip(self.layers.iter().cloned()));
        files.insert("manifest.json".to_owned(), manifest.to_string().into_bytes());
        files
    }

    /// Returns the files of a `docker save` archive as Docker from 25 on writes it: an OCI layout with a
    /// `manifest.json` beside it.
    pub fn docker_archive(&self) -> Files {
        docker_archive_of(std::slice::from_ref(self))
    }

    /// Returns the files of an OCI image layout with its layers compressed as asked.
    pub fn oci_layout(&self, compression: Compression) -> Files {
        let mut files = Files::new();
        let blobs: Vec<Vec<u8>> = self.layers.iter().map(|layer| compress(layer, compression)).collect();
        let kind = match compression {
            Compression::None => "application/vnd.oci.image.layer.v1.tar",
            Compression::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Compression::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        };
        let layers: Vec<Value> = blobs.iter().map(|blob| add_blob(&mut files, kind, blob)).collect();
        let config = add_blob(&mut files, "application/vnd.oci.image.config.v1+json", &self.config);
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers});
        let manifest = add_blob(&mut files, media_type, manifest.to_string().as_bytes());
        let index = json!({"schemaVersion": 2, "manifests": [manifest]});
        files.insert("index.json".to_owned(), index.to_string().into_bytes());
        files.insert("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
        files
    }
}

/// Returns the files of one `docker save` archive with several images in it, as Docker from 25 on writes it.
pub fn docker_archive_of(images: &[Image]) -> Files {
    let mut files = Files::new();
    let mut manifest = Vec::new();
    for image in images {
        files.extend(image.oci_layout(Compression::None));
        let layers: Vec<String> = image.layers.iter().map(|layer| blob_name(layer)).collect();
        manifest.push(json!({"Config": blob_name(&image.config), "RepoTags": [image.tag], "Layers": layers}));
    }
    files.insert("manifest.json".to_owned(), Value::from(manifest).to_string().into_bytes());
    files
}

/// A member of a layer tar.
pub enum Member<'a> {
    Directory(&'a str, u32),
    File(&'a str, u32, &'a [u8]),
    Whiteout(&'a str),
}

/// Returns a layer tar of `members`, in their order.
pub fn layer(members: &[Member]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for member in members {
        let (name, kind, mode, content) = match *member {
            Member::Directory(name, mode) => (name, tar::EntryType::Directory, mode, &[][..]),
            Member::File(name, mode, content) => (name, tar::EntryType::Regular, mode, content),
            Member::Whiteout(name) => (name, tar::EntryType::Regular, 0, &[][..]),
        };
        append(&mut builder, name, kind, mode, content);
    }
    builder.into_inner().expect("a Vec takes every write")
}

/// Returns the classic example of README and src/model.md 4 with files of `file_bytes` bytes, as overlay2 stores
/// it: a base and six steps, five times `file_bytes` stored above the base, four of them wasted.
pub fn miniature(file_bytes: usize) -> Image {
    let (base, one, two) = (noise(1, file_bytes), noise(2, file_bytes), noise(3, file_bytes));
    let data = Member::Directory("data/", 0o777);
    let layers = vec![
        layer(&[Member::Directory("bin/", 0o755), Member::File("bin/tool", 0o755, &base)]),
        layer(&[Member::Directory("data/", 0o755)]),
        layer(&[Member::Directory("data/", 0o755), Member::File("data/one", 0o644, &one)]),
        layer(&[Member::Directory("data/", 0o777), Member::File("data/one", 0o777, &one)]),
        layer(&[Member::Directory("data/", 0o777), Member::File("data/two", 0o644, &two)]),
        layer(&[data, Member::File("data/one", 0o777, &one), Member::File("data/two", 0o777, &two)]),
        layer(&[Member::Directory("data/", 0o777), Member::Whiteout("data/.wh.one")]),
    ];
    let steps = [
        "ADD file:0 in / ",
        "mkdir /data",
        "make one",
        "chmod -R 0777 /data",
        "make two",
        "chmod -R 0777 /data",
        "rm /data/one",
    ];
    let steps: Vec<String> = steps.iter().map(|step| format!("/bin/sh -c {step}")).collect();
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    Image::new("mini:latest", &steps, layers)
}

/// Returns `count` bytes that do not compress away, the same for one `seed` every time.
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..count).map(step).collect()
}

/// Returns the files as one tar, in the order of their names, as the engines write it.
pub fn tar_of(files: &Files) -> Vec<u8> {
    tar_in_order(files.iter())
}

/// Returns the files as one tar with the documents first and the blobs last: allowed, and unlike the engines.
pub fn tar_blobs_last(files: &Files) -> Vec<u8> {
    tar_in_order(files.iter().rev())
}

fn tar_in_order<'a>(files: impl Iterator<Item = (&'a String, &'a Vec<u8>)>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        append(&mut builder, name, tar::EntryType::Regular, 0o644, content);
    }
    builder.into_inner().expect("a Vec takes every write")
}

/// Writes the files below `directory`.
pub fn write_files(files: &Files, directory: &Path) {
    for (name, content) in files {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a parent")).expect("make the parent");
        std::fs::write(path, content).expect("write a file");
    }
}

/// Returns `bytes` compressed.
pub fn compress(bytes: &[u8], compression: Compression) -> Vec<u8> {
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).expect("a Vec takes every write");
            encoder.finish().expect("a Vec takes every write")
        }
        Compression::Zstd => zstd::encode_all(bytes, 1).expect("memory is enough"),
    }
}

/// Returns `bytes` decompressed as their first bytes say, or as they are.
pub fn decompress(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain).expect("whole gzip");
    } else if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        plain = zstd::decode_all(bytes).expect("whole zstd");
    } else {
        plain = bytes.to_vec();
    }
    plain
}

/// Returns for each layer of a `docker save` archive, bottom first, the paths it stores as directories: bytes
/// below `/`, with a leading slash, as the report writes them.
pub fn directories(path: &Path) -> Vec<HashSet<Vec<u8>>> {
    Image::from_docker_archive(path).layers.iter().map(|layer| layer_directories(layer)).collect()
}

fn layer_directories(layer: &[u8]) -> HashSet<Vec<u8>> {
    let mut archive = tar::Archive::new(layer);
    let entries = archive.entries().expect("a layer is a tar").map(|entry| entry.expect("a whole layer"));
    entries.filter(|entry| entry.header().entry_type().is_dir()).map(|entry| rooted(&entry.path_bytes())).collect()
}

/// Returns a tar member's name as a path from the root, without `.` and empty components.
fn rooted(name: &[u8]) -> Vec<u8> {
    let parts = name.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    parts.flat_map(|part| [b"/", part].concat()).collect()
}

/// Reads an archive into memory, links resolved: Docker 20.10 saves a layer used twice as a symlink.
fn read_archive(path: &Path) -> Files {
    let bytes = decompress(&std::fs::read(path).expect("the archive is there"));
    let (mut files, mut links) = (Files::new(), Vec::new());
    for entry in tar::Archive::new(bytes.as_slice()).entries().expect("the archive is a tar") {
        let mut entry = entry.expect("the archive is whole");
        let name = String::from_utf8(entry.path_bytes().into_owned()).expect("outer names are text");
        if let Some(target) = entry.link_name_bytes() {
            links.push((name, String::from_utf8(target.into_owned()).expect("outer names are text")));
        } else if entry.header().entry_type().is_file() {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("the archive is whole");
            files.insert(name, content);
        }
    }
    for (name, target) in links {
        let target = files[target.trim_start_matches("../")].clone();
        files.insert(name, target);
    }
    files
}

fn append(builder: &mut tar::Builder<Vec<u8>>, name: &str, kind: tar::EntryType, mode: u32, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(1_700_000_000);
    header.set_size(content.len() as u64);
    builder.append_data(&mut header, name, content).expect("a Vec takes every write");
}

fn add_blob(files: &mut Files, media_type: &str, blob: &[u8]) -> Value {
    files.insert(blob_name(blob), blob.to_vec());
    json!({"mediaType": media_type, "digest": format!("sha256:{}", sha256(blob)), "size": blob.len()})
}

fn blob_name(blob: &[u8]) -> String {
    format!("blobs/sha256/{}", sha256(blob))
}

/// Returns the SHA-256 of `bytes` in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]));
    Sha256::digest(bytes).iter().flat_map(digits).collect()
}
