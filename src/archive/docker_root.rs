//! The data root of a Docker engine, read as it lies on disk: no engine is asked, nothing is written.
//!
//! `image/DRIVER/repositories.json` has the names, `imagedb` the configs, `layerdb` for each chain id the layer's tar
//! without its contents and the folder (`cache-id`) where the storage driver keeps them. The storage drivers `overlay2`,
//! `fuse-overlayfs` and `vfs` are known.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::json;

use super::docker;
use super::image::Format;
use super::selection::Selection;
use super::spec::{Config, parse};
use super::store::{Documents, MOST_DOCUMENT_BYTES, Store};
use crate::digest::{ChainId, DiffId, Digest};
use crate::error::{AtPlace, Error, Place, Result};
use crate::source::{Bytes, Region};

/// Each storage driver, and where it keeps a layer's files: before and behind the layer's `cache-id`.
const DRIVERS: [(&str, &str, &str); 3] =
    [("overlay2", "overlay2", "diff"), ("fuse-overlayfs", "fuse-overlayfs", "diff"), ("vfs", "vfs/dir", "")];

const INFO: &str = "docker info names the Docker Root Dir; an engine with the containerd image store keeps no such folder: \
                    use docker://NAME";

/// A data root.
pub struct DockerRoot {
    root: PathBuf,
    driver: (&'static str, &'static str, &'static str),
    manifest: Vec<u8>,
}

impl DockerRoot {
    /// Reads the names of the images; an image without a name is only found by its id.
    ///
    /// # Errors
    /// [`Error::NotAnImage`] where this is no data root, [`Error::Io`] where it must not be read.
    pub fn open(root: &Path, selection: &Selection) -> Result<Self> {
        let has = |driver: &str| fs::metadata(root.join("image").join(driver).join("imagedb"));
        let mut found = None;
        for driver in DRIVERS {
            match has(driver.0) {
                Ok(_) => found = found.or(Some(driver)),
                Err(error) if is_absent(&error) => {}
                Err(source) => return Err(Error::Io { action: "open", source }),
            }
        }
        let not_a_root =
            || Error::NotAnImage { found: "the directory is not a Docker data root".to_owned(), hint: INFO };
        let mut opened =
            DockerRoot { root: root.to_owned(), driver: found.ok_or_else(not_a_root)?, manifest: Vec::new() };
        opened.manifest = opened.list(selection)?;
        Ok(opened)
    }

    fn folder(&self) -> PathBuf {
        self.root.join("image").join(self.driver.0)
    }

    /// Writes the list that `docker save` would write for these images.
    fn list(&self, selection: &Selection) -> Result<Vec<u8>> {
        let mut images = self.names()?;
        // Intermediate images of the classic builder have no names, and there are many of them.
        for id in self.ids().into_iter().filter(|id| selection.image.is_some() && selection.takes_id(id)) {
            images.entry(id).or_default();
        }
        let mut images: Vec<(String, Vec<String>)> = images.into_iter().collect();
        images.sort_by(|(id, names), (other_id, other_names)| (names, id).cmp(&(other_names, other_id)));
        let list: Vec<_> = images
            .iter()
            .map(|(id, names)| {
                json!({"Config": format!("{id}.json"), "RepoTags": names, "Layers": self.layer_names(id)})
            })
            .collect();
        if list.is_empty() {
            let found = "the Docker data root holds no image with a name".to_owned();
            return Err(Error::NotAnImage { found, hint: INFO });
        }
        Ok(json!(list).to_string().into_bytes())
    }

    /// Returns the names of the images by id.
    fn names(&self) -> Result<BTreeMap<String, Vec<String>>> {
        #[derive(Deserialize)]
        struct Repositories {
            #[serde(rename = "Repositories", default)]
            repositories: BTreeMap<String, BTreeMap<String, String>>,
        }
        const NAME: &str = "repositories.json";
        let mut images: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let Some(bytes) = read(&self.folder().join(NAME)).at(|| Place::Member(NAME.into()))? else {
            return Ok(images);
        };
        let repositories: Repositories = parse(&bytes).at(|| Place::Member(NAME.into()))?;
        for (name, id) in repositories.repositories.into_values().flatten() {
            // A name with a digest says what was pulled, not what it is called.
            let Some(id) = id.strip_prefix("sha256:").filter(|id| is_hex(id)) else {
                continue;
            };
            let names = images.entry(id.to_owned()).or_default();
            if !name.contains('@') {
                names.push(name);
            }
        }
        Ok(images)
    }

    fn ids(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder().join("imagedb/content/sha256")).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| is_hex(name)).collect()
    }

    /// Names each layer by its chain id. A config that cannot be read has none, and says so once it is chosen.
    fn layer_names(&self, id: &str) -> Vec<String> {
        let config = self.config(id).ok().flatten().and_then(|bytes| parse::<Config>(&bytes).ok());
        let diff_ids = config.and_then(|config| config.rootfs).unwrap_or_default().diff_ids;
        let mut chain: Option<ChainId> = None;
        let mut names = Vec::new();
        for diff_id in diff_ids.iter().filter_map(|text| text.parse::<Digest>().ok()) {
            let next = ChainId::on_top_of(chain.as_ref(), &DiffId(diff_id));
            names.push(format!("{}/layer.tar", next.0.hex()));
            chain = Some(next);
        }
        names
    }

    fn config(&self, id: &str) -> Result<Option<Vec<u8>>> {
        if is_hex(id) { read(&self.folder().join("imagedb/content/sha256").join(id)) } else { Ok(None) }
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::File::open(path) {
        Ok(file) => Region::whole(file)?.read_all("the document", MOST_DOCUMENT_BYTES).map(Some),
        Err(error) if is_absent(&error) => Ok(None),
        Err(source) => Err(Error::Io { action: "open", source }),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn is_hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Documents for DockerRoot {
    fn read(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        if name == docker::NAME {
            return Ok(Some(self.manifest.clone()));
        }
        let name = std::str::from_utf8(name).unwrap_or_default();
        name.strip_suffix(".json").map_or(Ok(None), |id| self.config(id))
    }

    fn names(&self) -> Vec<Vec<u8>> {
        vec![docker::NAME.to_vec()]
    }

    fn is_directory(&self) -> bool {
        true
    }

    fn format(&self) -> Option<Format> {
        Some(Format::DockerRoot)
    }
}

impl Store for DockerRoot {
    /// A layer's tar; the files' contents are opened only when they are asked for.
    fn blob(&self, name: &[u8]) -> Result<Option<Bytes>> {
        let name = std::str::from_utf8(name).unwrap_or_default();
        let Some(chain_id) = name.strip_suffix("/layer.tar").filter(|chain_id| is_hex(chain_id)) else {
            return Ok(None);
        };
        let layer = self.folder().join("layerdb/sha256").join(chain_id);
        let Some(cache_id) = read(&layer.join("cache-id"))? else {
            return Ok(None);
        };
        let cache_id = String::from_utf8(cache_id).unwrap_or_default().trim().to_owned();
        if cache_id.is_empty() || !cache_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(Error::Document { problem: "the layer's cache-id is none".to_owned() });
        }
        let (_, before, behind) = self.driver;
        let contents = self.root.join(before).join(cache_id).join(behind);
        Region::assembled(&layer.join("tar-split.json.gz"), &contents).map(|region| Some(Bytes::Here(region)))
    }
}
