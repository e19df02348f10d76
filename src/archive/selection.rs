//! What was asked for: an image by name or digest, a platform.

use std::fmt;
use std::str::FromStr;

use super::spec::PlatformSpec;
use crate::error::Error;
use crate::escape::escape;

/// What an image runs on; empty where it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Platform {
    /// `linux`, `windows`, …
    pub os: String,
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// `v7`, `v8`, …
    pub variant: Option<String>,
}

impl Platform {
    pub(super) fn new(os: Option<&str>, architecture: Option<&str>, variant: Option<&str>) -> Self {
        let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
        let variant = variant.filter(|variant| !variant.is_empty()).map(str::to_owned);
        Platform { os: text(os), architecture: text(architecture), variant }
    }

    pub(super) fn of_spec(spec: &PlatformSpec) -> Self {
        Platform::new(spec.os.as_deref(), spec.architecture.as_deref(), spec.variant.as_deref())
    }

    /// Returns the platform of this machine's containers: Linux, on its processor.
    #[must_use]
    pub fn host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            "powerpc64" => "ppc64le",
            other => other,
        };
        Platform::new(Some("linux"), Some(architecture), None)
    }

    /// Says whether an image for `other` is what this asks for; a variant that is not asked for does not matter.
    #[must_use]
    pub fn accepts(&self, other: &Platform) -> bool {
        self.os == other.os
            && self.architecture == other.architecture
            && (self.variant.is_none() || self.variant == other.variant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |text: &str| if text.is_empty() { "unknown".to_owned() } else { escape(text.as_bytes()) };
        write!(out, "{}/{}", part(&self.os), part(&self.architecture))?;
        self.variant.iter().try_for_each(|variant| write!(out, "/{}", part(variant)))
    }
}

/// Text that is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a platform: write os/architecture or os/architecture/variant, like linux/arm64/v8")]
pub struct NotAPlatform;

impl FromStr for Platform {
    type Err = NotAPlatform;

    fn from_str(text: &str) -> Result<Self, NotAPlatform> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts[..] {
            _ if parts.iter().any(|part| part.is_empty()) => Err(NotAPlatform),
            [os, architecture] => Ok(Platform::new(Some(os), Some(architecture), None)),
            [os, architecture, variant] => Ok(Platform::new(Some(os), Some(architecture), Some(variant))),
            _ => Err(NotAPlatform),
        }
    }
}

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// A name with or without tag, or a digest or its beginning.
    pub image: Option<String>,
    /// A platform.
    pub platform: Option<Platform>,
}

impl Selection {
    pub(super) fn takes_name(&self, name: &str) -> bool {
        self.image.as_deref().is_none_or(|wanted| familiar(wanted) == familiar(name))
    }

    pub(super) fn takes_id(&self, hex: &str) -> bool {
        let Some(wanted) = self.image.as_deref() else {
            return true;
        };
        let wanted = wanted.rsplit_once('@').map_or(wanted, |(_, digest)| digest);
        let wanted = wanted.strip_prefix("sha256:").unwrap_or(wanted);
        wanted.len() >= 6 && hex.starts_with(wanted)
    }

    pub(super) fn no_match(&self, available: String) -> Error {
        let platform = self.platform.as_ref().map(|platform| format!("platform {platform}"));
        let image = self.image.as_ref().map(|image| format!("{:?}", escape(image.as_bytes())));
        let wanted = [image, platform].into_iter().flatten().collect::<Vec<_>>().join(" for ");
        Error::NoSuchImage { wanted, available }
    }
}

/// A name as people write it: without the default registry, with its tag.
fn familiar(name: &str) -> String {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let name = name.strip_prefix("localhost/").unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains(':') || last.contains('@') { name.to_owned() } else { format!("{name}:latest") }
}
