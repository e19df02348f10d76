//! The documents of the OCI image spec and of Docker, as far as they are needed.
//!
//! Everything is optional and `null` is nothing: real tools leave fields out, and what is missing where it is REQUIRED is
//! reported by whoever needs it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// A reference to a blob: [descriptor](https://github.com/opencontainers/image-spec/blob/main/descriptor.md).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Descriptor {
    /// What the blob is.
    pub media_type: Option<String>,
    /// The blob's digest; REQUIRED.
    pub digest: Option<String>,
    /// What an artifact is.
    pub artifact_type: Option<String>,
    /// What the image runs on, in an index.
    pub platform: Option<PlatformSpec>,
    /// Names and more.
    #[serde(deserialize_with = "null_is_empty")]
    pub annotations: BTreeMap<String, Option<String>>,
}

/// What an image runs on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PlatformSpec {
    /// `amd64`, `arm64`, …
    pub architecture: Option<String>,
    /// `linux`, `windows`, …
    pub os: Option<String>,
    /// `v7`, `v8`, …
    pub variant: Option<String>,
}

/// An [index](https://github.com/opencontainers/image-spec/blob/main/image-index.md) or a
/// [manifest](https://github.com/opencontainers/image-spec/blob/main/manifest.md): which one, its fields tell.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ManifestOrIndex {
    /// 2; Docker's first schema is 1.
    pub schema_version: Option<u64>,
    /// An index's manifests.
    pub manifests: Option<Vec<Descriptor>>,
    /// A manifest's config.
    pub config: Option<Descriptor>,
    /// A manifest's layers, bottom first.
    pub layers: Option<Vec<Descriptor>>,
    /// What an artifact is.
    pub artifact_type: Option<String>,
    /// Names and more.
    #[serde(deserialize_with = "null_is_empty")]
    pub annotations: BTreeMap<String, Option<String>>,
}

/// An image [config](https://github.com/opencontainers/image-spec/blob/main/config.md).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    /// REQUIRED.
    pub architecture: Option<String>,
    /// REQUIRED.
    pub os: Option<String>,
    /// The CPU variant.
    pub variant: Option<String>,
    /// RFC 3339.
    pub created: Option<String>,
    /// The layers' digests, uncompressed; REQUIRED.
    pub rootfs: Option<RootFs>,
    /// What was done, oldest first.
    #[serde(deserialize_with = "null_is_empty")]
    pub history: Vec<HistorySpec>,
}

/// `rootfs` of a config.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RootFs {
    /// Bottom first.
    #[serde(deserialize_with = "null_is_empty")]
    pub diff_ids: Vec<String>,
}

/// One line of a config's history.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct HistorySpec {
    /// RFC 3339.
    pub created: Option<String>,
    /// The command that made it.
    pub created_by: Option<String>,
    /// A remark, by `docker commit` and by importers.
    pub comment: Option<String>,
    /// Whether it made no layer.
    pub empty_layer: Option<bool>,
}

/// Takes `null` for an empty collection, as Go does.
fn null_is_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
