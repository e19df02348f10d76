//! What the user named: a path, an engine's image, a registry's image, an engine's data root.
//!
//! A scheme decides; without one it is a path, and a bare word that does not name a file may still be the name of an image
//! ([`is_image_name`]).

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// What was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// Standard input.
    Stdin,
    /// A file or a directory, or a bare word.
    Path(PathBuf),
    /// An image of a local engine.
    Engine(Engine, String),
    /// An image of a registry.
    Registry(RemoteName),
    /// The data root of a Docker engine, as it lies on disk.
    DockerRoot(PathBuf),
}

/// The kinds of engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Docker and what answers like it.
    Docker,
    /// Podman.
    Podman,
}

impl Engine {
    /// Every engine, in the order in which a bare word tries them.
    pub const ALL: [Engine; 2] = [Engine::Docker, Engine::Podman];
}

impl fmt::Display for Engine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Engine::Docker => "docker",
            Engine::Podman => "podman",
        })
    }
}

/// The name of an image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteName {
    /// The registry, with its port where one is given.
    pub host: String,
    /// The repository's name.
    pub repository: String,
    /// A tag, or a digest.
    pub reference: String,
}

impl fmt::Display for RemoteName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.is_by_digest() { '@' } else { ':' };
        write!(out, "{}/{}{separator}{}", self.host, self.repository, self.reference)
    }
}

impl RemoteName {
    /// Says whether a digest names the image, not a tag.
    #[must_use]
    pub fn is_by_digest(&self) -> bool {
        self.reference.contains(':')
    }
}

/// Reads what the user named.
///
/// # Errors
/// [`Error::BadReference`] where a scheme is followed by no name.
pub fn parse(path: &Path) -> Result<Reference> {
    let Some(text) = path.to_str() else {
        return Ok(Reference::Path(path.to_owned()));
    };
    if text == "-" {
        return Ok(Reference::Stdin);
    }
    for engine in Engine::ALL {
        if let Some(name) = text.strip_prefix(&format!("{engine}://")) {
            let problem = "write docker://NAME[:TAG] or podman://NAME[:TAG], as the engine lists it";
            return if is_image_name(name) { Ok(Reference::Engine(engine, name.to_owned())) } else { bad(problem) };
        }
    }
    if let Some(name) = text.strip_prefix("registry://") {
        return remote_name(name).map(Reference::Registry);
    }
    match text.strip_prefix("docker-root:") {
        Some("") => bad("write docker-root:PATH, the folder that docker info calls Docker Root Dir"),
        Some(root) => Ok(Reference::DockerRoot(root.into())),
        None => Ok(Reference::Path(path.to_owned())),
    }
}

fn bad<T>(problem: &'static str) -> Result<T> {
    Err(Error::BadReference { problem })
}

/// The longest name that is taken for one; registries stop at 255.
const MOST_NAME_BYTES: usize = 512;

/// Says whether a text can be the name of an image: it goes into a request as it is.
#[must_use]
pub fn is_image_name(text: &str) -> bool {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@+".contains(&byte);
    text.len() <= MOST_NAME_BYTES
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && text.bytes().all(is_name_byte)
        && !text.ends_with(['/', ':', '@'])
        && !text.split('/').any(|part| part.is_empty() || part == "." || part == "..")
}

fn remote_name(text: &str) -> Result<RemoteName> {
    const FORM: &str =
        "write registry://HOST[:PORT]/NAME[:TAG] or …@sha256:DIGEST, like registry://docker.io/library/alpine:3.20";
    let Some((host, rest)) = text.split_once('/').filter(|(host, _)| is_host(host)) else {
        return bad(FORM);
    };
    let (name, digest) = rest.split_once('@').map_or((rest, None), |(name, digest)| (name, Some(digest)));
    // A colon after the last slash starts a tag.
    let (name, tag) = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (name, "latest"),
    };
    let reference = digest.unwrap_or(tag);
    let is_digest = digest.is_none_or(|digest| digest.parse::<crate::digest::Digest>().is_ok());
    if !is_image_name(name) || name.contains([':', '@']) || !is_tag(tag) || !is_digest {
        return bad(FORM);
    }
    // The one registry with short names: its official images have no folder of their own.
    let is_hub = ["docker.io", "index.docker.io"].contains(&host);
    let repository = if is_hub && !name.contains('/') { format!("library/{name}") } else { name.to_owned() };
    Ok(RemoteName { host: host.to_owned(), repository, reference: reference.to_owned() })
}

fn is_tag(tag: &str) -> bool {
    !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Says whether a text is `HOST` or `HOST:PORT`, the host a name, an IPv4 address or an IPv6 address in brackets.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_name = |host: &str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    let is_address = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_name(host),
    };
    is_address && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number.to_string() == port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Reference> {
        parse(Path::new(text))
    }

    fn remote(text: &str) -> Option<String> {
        match parsed(text) {
            Ok(Reference::Registry(name)) => Some(name.to_string()),
            _ => None,
        }
    }

    #[test]
    fn schemes_decide() {
        for (text, expected) in [
            ("-", Reference::Stdin),
            ("image.tar", Reference::Path("image.tar".into())),
            ("docker://alpine:3.20", Reference::Engine(Engine::Docker, "alpine:3.20".into())),
            ("podman://localhost/a/b", Reference::Engine(Engine::Podman, "localhost/a/b".into())),
            ("docker-root:/var/lib/docker", Reference::DockerRoot("/var/lib/docker".into())),
            ("ftp://somewhere/x", Reference::Path("ftp://somewhere/x".into())),
        ] {
            assert_eq!(parsed(text).ok(), Some(expected), "{text}");
        }
        for bad in ["docker://", "podman://a b", "docker://../x", "docker://a?b", "docker-root:", "registry://alpine"] {
            assert!(matches!(parsed(bad), Err(Error::BadReference { .. })), "{bad}");
        }
    }

    #[test]
    fn names_in_registries() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for (text, expected) in [
            ("registry://docker.io/alpine", "docker.io/library/alpine:latest"),
            ("registry://localhost:5000/a/b:1.2", "localhost:5000/a/b:1.2"),
            ("registry://[::1]:5000/a", "[::1]:5000/a:latest"),
            (&format!("registry://example.org/a:tag@{digest}"), &format!("example.org/a@{digest}")),
        ] {
            assert_eq!(remote(text).as_deref(), Some(expected), "{text}");
        }
        for bad in [
            "///a",
            "//h/",
            "//h/a:",
            "//h/a@sha256:12",
            "//h/a#b",
            "//h:x/a",
            "//h:/a",
            "//h:99999/a",
            "//u@h/a",
            "//[::1/a",
            "//[h]/a",
            "//localhost:x@h/a",
        ] {
            assert_eq!(remote(&format!("registry:{bad}")), None, "{bad}");
        }
    }
}
