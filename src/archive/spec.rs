//! The documents of the OCI image spec and of Docker, as far as they are needed.
//!
//! Everything is optional and `null` is nothing: real tools leave fields out, and what is missing where it is REQUIRED is
//! reported by whoever needs it.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::{Error, Result};

/// The most layers that an image may have; overlayfs stacks 500.
pub(crate) const MOST_LAYERS: usize = 2_000;
/// The most lines of a history, images of an archive, manifests of an index, names of an image.
pub(crate) const MOST_LISTED: usize = 10_000;
/// The most annotations that a manifest may have.
const MOST_ANNOTATIONS: usize = 1_000;

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
    /// Names and more, as far as they are looked at.
    #[serde(deserialize_with = "known_annotations")]
    pub annotations: BTreeMap<String, Option<String>>,
}

/// The annotations of descriptors that mean something here: an image's name, and what an attestation is about.
const KNOWN_ANNOTATIONS: [&str; 3] =
    ["io.containerd.image.name", "org.opencontainers.image.ref.name", "vnd.docker.reference.type"];

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
    #[serde(deserialize_with = "list::<_, _, MOST_LISTED>")]
    pub manifests: Option<Vec<Descriptor>>,
    /// A manifest's config.
    pub config: Option<Descriptor>,
    /// A manifest's layers, bottom first.
    #[serde(deserialize_with = "list::<_, _, MOST_LAYERS>")]
    pub layers: Option<Vec<Descriptor>>,
    /// What an artifact is.
    pub artifact_type: Option<String>,
    /// Names and more.
    #[serde(deserialize_with = "annotations")]
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
    #[serde(deserialize_with = "list_or_empty::<_, _, MOST_LISTED>")]
    pub history: Vec<HistorySpec>,
}

/// `rootfs` of a config.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RootFs {
    /// Bottom first.
    #[serde(deserialize_with = "list_or_empty::<_, _, MOST_LAYERS>")]
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

/// A list that ends with an error beyond `MOST` elements: three bytes of JSON are an element of a hundred in memory.
pub(crate) struct AtMost<T, const MOST: usize>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for AtMost<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(AtMostVisitor(PhantomData))
    }
}

struct AtMostVisitor<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for AtMostVisitor<T, MOST> {
    type Value = AtMost<T, MOST>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a list of at most {MOST} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            if elements.len() == MOST {
                return Err(A::Error::custom(format!("a list of more than {MOST} elements")));
            }
            elements.push(element);
        }
        Ok(AtMost(elements))
    }
}

fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MOST: usize>(
    from: D,
) -> Result<Option<Vec<T>>, D::Error> {
    Ok(Option::<AtMost<T, MOST>>::deserialize(from)?.map(|list| list.0))
}

/// Takes `null` for an empty list, as Go does.
fn list_or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MOST: usize>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    list::<D, T, MOST>(from).map(Option::unwrap_or_default)
}

type Annotations = BTreeMap<String, Option<String>>;

fn annotations<'de, D: Deserializer<'de>>(from: D) -> Result<Annotations, D::Error> {
    let read = Option::<AnnotationMap<false>>::deserialize(from)?;
    Ok(read.map(|read| read.0).unwrap_or_default())
}

fn known_annotations<'de, D: Deserializer<'de>>(from: D) -> Result<Annotations, D::Error> {
    let read = Option::<AnnotationMap<true>>::deserialize(from)?;
    Ok(read.map(|read| read.0).unwrap_or_default())
}

/// Annotations, all of a bounded number or those that are known here.
struct AnnotationMap<const KNOWN_ONLY: bool>(Annotations);

impl<'de, const KNOWN_ONLY: bool> Deserialize<'de> for AnnotationMap<KNOWN_ONLY> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(AnnotationVisitor::<KNOWN_ONLY>)
    }
}

struct AnnotationVisitor<const KNOWN_ONLY: bool>;

impl<'de, const KNOWN_ONLY: bool> Visitor<'de> for AnnotationVisitor<KNOWN_ONLY> {
    type Value = AnnotationMap<KNOWN_ONLY>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object of annotations")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut annotations = Annotations::new();
        while let Some(key) = map.next_key::<String>()? {
            if KNOWN_ONLY && !KNOWN_ANNOTATIONS.contains(&key.as_str()) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            annotations.insert(key, map.next_value()?);
            if annotations.len() > MOST_ANNOTATIONS {
                return Err(A::Error::custom(format!("more than {MOST_ANNOTATIONS} annotations")));
            }
        }
        Ok(AnnotationMap(annotations))
    }
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
                "repotags" => image.repo_tags = names::<A, MOST_LISTED>(&mut map)?,
                "layers" => image.layers = names::<A, MOST_LAYERS>(&mut map)?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(image)
    }
}

fn names<'de, A: MapAccess<'de>, const MOST: usize>(map: &mut A) -> Result<Vec<String>, A::Error> {
    Ok(map.next_value::<Option<AtMost<String, MOST>>>()?.map(|names| names.0).unwrap_or_default())
}

/// Parses a JSON document. The whole of it must be well formed and of bounded depth, unknown fields included.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice::<WellFormed>(bytes)
        .and_then(|_| serde_json::from_slice(bytes))
        .map_err(|source| Error::Json { source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(element: &str, count: usize) -> String {
        vec![element; count].join(",")
    }

    #[test]
    fn lists_end_at_their_limits() {
        let config = |count| format!(r#"{{"history":[{}]}}"#, many("{}", count));
        assert_eq!(
            serde_json::from_str::<Config>(&config(MOST_LISTED)).expect("few enough").history.len(),
            MOST_LISTED
        );
        assert!(serde_json::from_str::<Config>(&config(MOST_LISTED + 1)).is_err());
        assert!(serde_json::from_str::<Config>(r#"{"history":null,"rootfs":{"diff_ids":null}}"#).is_ok());
        let rootfs = format!(r#"{{"rootfs":{{"diff_ids":[{}]}}}}"#, many("\"\"", MOST_LAYERS + 1));
        assert!(serde_json::from_str::<Config>(&rootfs).is_err());
        for (field, most) in [("manifests", MOST_LISTED), ("layers", MOST_LAYERS)] {
            let index = |count| format!(r#"{{"{field}":[{}]}}"#, many("{}", count));
            assert!(serde_json::from_str::<ManifestOrIndex>(&index(most)).is_ok());
            assert!(serde_json::from_str::<ManifestOrIndex>(&index(most + 1)).is_err(), "{field}");
        }
        for (field, most) in [("RepoTags", MOST_LISTED), ("Layers", MOST_LAYERS)] {
            let image = |count| format!(r#"{{"{field}":[{}]}}"#, many("\"a\"", count));
            assert!(serde_json::from_str::<DockerImage>(&image(most)).is_ok());
            assert!(serde_json::from_str::<DockerImage>(&image(most + 1)).is_err(), "{field}");
        }
    }

    #[test]
    fn descriptors_keep_the_annotations_that_mean_something() {
        let known = r#"{"annotations":{"x":"y","org.opencontainers.image.ref.name":"latest","z":null}}"#;
        let descriptor: Descriptor = serde_json::from_str(known).expect("a descriptor");
        assert_eq!(descriptor.annotations.len(), 1);
        let manifest: ManifestOrIndex = serde_json::from_str(known).expect("a manifest");
        assert_eq!(manifest.annotations.len(), 3);
        let many: Vec<String> = (0..=MOST_ANNOTATIONS).map(|at| format!("\"{at}\":\"\"")).collect();
        let many = format!(r#"{{"annotations":{{{}}}}}"#, many.join(","));
        assert!(serde_json::from_str::<ManifestOrIndex>(&many).is_err());
        assert!(serde_json::from_str::<Descriptor>(&many).is_ok());
    }
}
