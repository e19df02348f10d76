//! The documents of the OCI image spec and of Docker, as far as they are needed.
//!
//! Everything is optional and `null` is nothing: real tools leave fields out, and what is missing where it is REQUIRED is
//! reported by whoever needs it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A reference to a blob: [descriptor](https://github.com/opencontainers/image-spec/blob/main/descriptor.md).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Descriptor {
    /// What the blob is.
    pub media_type: Option<String>,
    /// The blob's digest; REQUIRED.
    pub digest: Option<String>,
    /// The blob's size; REQUIRED.
    pub size: Option<u64>,
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

/// Any JSON value, looked at and forgotten: unlike [`IgnoredAny`] it goes down into lists and objects, so that the
/// parser's limit on depth holds for fields that nobody asks for too.
pub(crate) struct WellFormed;

impl<'de> Deserialize<'de> for WellFormed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(WellFormedVisitor)
    }
}

struct WellFormedVisitor;

impl<'de> Visitor<'de> for WellFormedVisitor {
    type Value = WellFormed;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<WellFormed, E> {
        Ok(WellFormed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<WellFormed, E> {
        Ok(WellFormed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<WellFormed, E> {
        Ok(WellFormed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<WellFormed, E> {
        Ok(WellFormed)
    }

    fn visit_str<E>(self, _: &str) -> Result<WellFormed, E> {
        Ok(WellFormed)
    }

    fn visit_unit<E>(self) -> Result<WellFormed, E> {
        Ok(WellFormed)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<WellFormed, A::Error> {
        while list.next_element::<WellFormed>()?.is_some() {}
        Ok(WellFormed)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WellFormed, A::Error> {
        while map.next_entry::<IgnoredAny, WellFormed>()?.is_some() {}
        Ok(WellFormed)
    }
}

/// One image of a Docker `manifest.json`. Keys are matched without regard to case, as Go does.
#[derive(Debug, Default)]
pub struct DockerImage {
    /// The member that holds the config.
    pub config: Option<String>,
    /// Names with tags.
    pub repo_tags: Vec<String>,
    /// The members that hold the layers, bottom first.
    pub layers: Vec<String>,
}

impl<'de> Deserialize<'de> for DockerImage {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(DockerImageVisitor)
    }
}

struct DockerImageVisitor;

impl<'de> Visitor<'de> for DockerImageVisitor {
    type Value = DockerImage;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an image with \"Config\" and \"Layers\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DockerImage, A::Error> {
        let mut image = DockerImage::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.to_ascii_lowercase().as_str() {
                "config" => image.config = map.next_value()?,
                "repotags" => image.repo_tags = map.next_value::<Option<_>>()?.unwrap_or_default(),
                "layers" => image.layers = map.next_value::<Option<_>>()?.unwrap_or_default(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(image)
    }
}
