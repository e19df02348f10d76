//! An engine's images through its API: the archive that `docker save` writes, streamed from the socket as it is made.
//!
//! Which socket: `--socket`; else what the engine's own command line would take, that is `DOCKER_HOST`,
//! `DOCKER_CONTEXT` and the current context, or `CONTAINER_HOST`; else the sockets where engines usually listen.
//! Podman answers the same requests, so one client serves both. See the
//! [engine API](https://docs.docker.com/reference/api/engine/), `ImageInspect` and `ImageGet`.

use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use ureq::tls::{Certificate, ClientCert, PrivateKey};

use super::http::{Client, Route};
use super::origin;
use super::reference::Engine;
use super::{Access, Input};
use crate::digest::Digest;
use crate::error::{Error, Result};

/// Where an engine may listen.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Endpoint {
    Socket(PathBuf),
    /// Host and port, and the folder with the certificates where it speaks TLS.
    Tcp(String, Option<Tls>),
    /// An address of a kind that is not supported: `ssh://`, `npipe://`.
    Other(String),
}

/// TLS with an engine: the folder with `ca.pem`, `cert.pem` and `key.pem`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tls {
    folder: PathBuf,
    skip_verify: bool,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Socket(path) => write!(out, "{}", path.display()),
            Endpoint::Tcp(address, _) => write!(out, "tcp://{address}"),
            Endpoint::Other(text) => out.write_str(text),
        }
    }
}

impl Endpoint {
    fn parse(text: &str, tls: Option<Tls>) -> Self {
        let tcp = ["tcp://", "http://", "https://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        match (text.strip_prefix("unix://"), tcp) {
            (Some(path), _) => Endpoint::Socket(path.into()),
            (None, Some(address)) => Endpoint::Tcp(address.trim_end_matches('/').to_owned(), tls),
            (None, None) if text.contains("://") => Endpoint::Other(text.to_owned()),
            (None, None) => Endpoint::Socket(text.into()),
        }
    }
}

/// Starts the export of an image from an engine of this kind.
///
/// # Errors
/// [`Error::NoEngine`] where none listens, [`Error::NoImage`] where the image is not there, [`Error::Connect`],
/// [`Error::Refused`].
pub(super) fn export(engine: Engine, name: &str, access: &Access) -> Result<Input> {
    let endpoints = Endpoints::of(engine, access)?;
    let mut failure = None;
    for endpoint in &endpoints.list {
        match Connection::new(engine, endpoint, access)?.export(name) {
            // A default socket that does not exist is not a failure: another one may.
            Err(error) if !endpoints.is_chosen && is_absent(&error) => {}
            Err(error @ Error::Connect { .. }) if !endpoints.is_chosen => failure = failure.or(Some(error)),
            result => return result,
        }
    }
    let tried = || endpoints.list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Err(failure.unwrap_or_else(|| Error::NoEngine { engine: engine.to_string(), tried: tried() }))
}

/// Tries all local engines for the image that a bare word may name.
///
/// # Errors
/// [`Error::NotFoundAnywhere`] with what was tried, [`Error::Transfer`] and the like from the one that has it.
pub(super) fn export_from_any(name: &str, access: &Access) -> Result<Input> {
    let mut tried = Vec::new();
    // A socket that was named is one engine, of whatever kind.
    let engines = if access.socket.is_some() { &Engine::ALL[..1] } else { &Engine::ALL[..] };
    for engine in engines {
        match export(*engine, name, access) {
            Ok(input) => return Ok(input),
            Err(error) => tried.push(match error {
                Error::NoEngine { tried, .. } => format!("{engine}: no socket at {tried}"),
                Error::Connect { peer, source } => format!("{peer}: {source}"),
                Error::NoImage { peer } => format!("{peer}: no such image"),
                error => format!("{engine}: {error}"),
            }),
        }
    }
    Err(Error::NotFoundAnywhere { tried: tried.join("; ") })
}

fn is_absent(error: &Error) -> bool {
    let absent = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
    matches!(error, Error::Connect { source, .. } if absent.contains(&source.kind()))
}

struct Connection {
    client: Client,
    base: String,
    peer: String,
}

impl Connection {
    fn new(engine: Engine, endpoint: &Endpoint, access: &Access) -> Result<Self> {
        let peer = format!("{engine} at {endpoint}");
        let mut route = Route::default();
        let base = match endpoint {
            Endpoint::Socket(path) => {
                route.socket = Some(path.clone());
                format!("http://{engine}")
            }
            Endpoint::Tcp(address, None) => format!("http://{address}"),
            Endpoint::Tcp(address, Some(tls)) => {
                tls.add_to(&mut route)?;
                format!("https://{address}")
            }
            Endpoint::Other(_) => {
                return Err(Error::Unsupported {
                    what: format!("cannot reach {peer}: only unix and tcp sockets are supported"),
                    hint: "pipe the image: docker save NAME | layerlens -",
                });
            }
        };
        // The name is left out: it may hold a password.
        origin::parse(&base).ok_or_else(|| Error::Unsupported {
            what: format!("the address of the {engine} engine is not valid"),
            hint: "write tcp://HOST:PORT, without a user name",
        })?;
        Ok(Connection { client: Client::new(peer.clone(), route, access.timeout), base, peer })
    }

    fn export(&self, name: &str) -> Result<Input> {
        // Asked first: an engine that misses the image in the middle of an export can only break off.
        self.ask(&format!("/images/{name}/json"))?;
        let answer = self.ask(&format!("/images/{name}/get"))?;
        Ok(Input::Stream(Box::new(answer.into_reader())))
    }

    fn ask(&self, path: &str) -> Result<super::http::Answer> {
        let url = origin::parse(&format!("{}{path}", self.base))
            .ok_or(Error::BadReference { problem: "it has characters that no engine accepts" })?;
        let answer = self.client.get(&url, &[], None)?;
        match answer.status() {
            200 => Ok(answer),
            404 => Err(Error::NoImage { peer: self.peer.clone() }),
            _ => Err(answer.refusal()),
        }
    }
}

impl Tls {
    fn add_to(&self, route: &mut Route) -> Result<()> {
        let read = |name: &str| match fs::read(self.folder.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Io { action: "read the engine's certificates", source }),
        };
        let bad = |error: ureq::Error| Error::Io {
            action: "read the engine's certificates",
            source: io::Error::new(io::ErrorKind::InvalidData, error),
        };
        route.insecure = self.skip_verify;
        if let Some(pem) = read("ca.pem")? {
            route.authority = Some(vec![Certificate::from_pem(&pem).map_err(bad)?]);
        }
        if let (Some(certificate), Some(key)) = (read("cert.pem")?, read("key.pem")?) {
            let chain = [Certificate::from_pem(&certificate).map_err(bad)?];
            route.identity = Some(ClientCert::new_with_certs(&chain, PrivateKey::from_pem(&key).map_err(bad)?));
        }
        Ok(())
    }
}

/// Where to look for an engine.
struct Endpoints {
    list: Vec<Endpoint>,
    /// Whether the user chose it: then it is the only one, and an error if it does not answer.
    is_chosen: bool,
}

impl Endpoints {
    fn of(engine: Engine, access: &Access) -> Result<Self> {
        let chosen = match (&access.socket, engine) {
            (Some(socket), _) => Some(Endpoint::parse(socket, None)),
            (None, Engine::Docker) => docker_choice()?,
            (None, Engine::Podman) => variable("CONTAINER_HOST").map(|host| Endpoint::parse(&host, None)),
        };
        Ok(match chosen {
            Some(endpoint) => Endpoints { list: vec![endpoint], is_chosen: true },
            None => Endpoints { list: defaults(engine), is_chosen: false },
        })
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn home() -> Option<PathBuf> {
    variable("HOME").map(PathBuf::from)
}

/// Returns the folder of Docker's own settings.
pub(super) fn docker_folder() -> Option<PathBuf> {
    variable("DOCKER_CONFIG").map(PathBuf::from).or_else(|| Some(home()?.join(".docker")))
}

/// Returns the folder for sockets and secrets of the user's sessions.
pub(super) fn runtime_folder() -> Option<PathBuf> {
    variable("XDG_RUNTIME_DIR").map(PathBuf::from)
}

/// What `docker` itself would take: `DOCKER_HOST` before `DOCKER_CONTEXT` before the current context.
fn docker_choice() -> Result<Option<Endpoint>> {
    let folder = docker_folder();
    if let Some(host) = variable("DOCKER_HOST") {
        let certificates = variable("DOCKER_CERT_PATH").map(PathBuf::from).or(folder);
        let wants_tls = variable("DOCKER_TLS_VERIFY").is_some() || host.starts_with("https://");
        let tls = certificates.filter(|_| wants_tls).map(|folder| Tls { folder, skip_verify: false });
        return Ok(Some(Endpoint::parse(&host, tls)));
    }
    let Some(folder) = folder else {
        return Ok(None);
    };
    let name = variable("DOCKER_CONTEXT").or_else(|| current_context(&folder));
    match name.filter(|name| name != "default") {
        Some(name) => context(&folder, &name).map(Some),
        None => Ok(None),
    }
}

fn current_context(folder: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(rename = "currentContext")]
        current_context: Option<String>,
    }
    // A config that cannot be read chooses nothing; docker itself will complain about it.
    let config = fs::read(folder.join("config.json")).ok()?;
    serde_json::from_slice::<Config>(&config).ok()?.current_context.filter(|name| !name.is_empty())
}

/// A context lies in a folder named by the digest of its name.
fn context(folder: &Path, name: &str) -> Result<Endpoint> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Meta {
        endpoints: Endpoints,
    }
    #[derive(Deserialize)]
    struct Endpoints {
        docker: Docker,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Docker {
        host: String,
        #[serde(default, rename = "SkipTLSVerify")]
        skip_verify: bool,
    }
    let id = Digest::sha256(name.as_bytes()).hex();
    let contexts = folder.join("contexts");
    let read = fs::read(contexts.join("meta").join(&id).join("meta.json"));
    let action = "read the current docker context";
    let meta = read.map_err(|source| Error::Io { action, source })?;
    let docker = serde_json::from_slice::<Meta>(&meta).map_err(|source| Error::Json { source })?.endpoints.docker;
    let certificates = contexts.join("tls").join(id).join("docker");
    let tls = certificates.is_dir().then_some(Tls { folder: certificates, skip_verify: docker.skip_verify });
    Ok(Endpoint::parse(&docker.host, tls))
}

/// The sockets where engines usually listen, the system's first.
fn defaults(engine: Engine) -> Vec<Endpoint> {
    let runtime = runtime_folder();
    let in_runtime = |name: &str| runtime.as_ref().map(|folder| folder.join(name));
    let in_home = |name: &str| home().map(|home| home.join(name));
    let sockets = match engine {
        Engine::Docker => vec![
            Some("/var/run/docker.sock".into()),
            in_runtime("docker.sock"),
            in_home(".docker/run/docker.sock"),
            in_home(".docker/desktop/docker.sock"),
        ],
        Engine::Podman => vec![in_runtime("podman/podman.sock"), Some("/run/podman/podman.sock".into())],
    };
    sockets.into_iter().flatten().map(Endpoint::Socket).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_as_they_are_written() {
        let tls = Tls { folder: "/certs".into(), skip_verify: false };
        for (text, expected) in [
            ("/run/docker.sock", Endpoint::Socket("/run/docker.sock".into())),
            ("unix:///run/docker.sock", Endpoint::Socket("/run/docker.sock".into())),
            ("tcp://127.0.0.1:2376", Endpoint::Tcp("127.0.0.1:2376".into(), Some(tls.clone()))),
            ("http://127.0.0.1:2375/", Endpoint::Tcp("127.0.0.1:2375".into(), Some(tls.clone()))),
            ("ssh://host", Endpoint::Other("ssh://host".into())),
        ] {
            assert_eq!(Endpoint::parse(text, Some(tls.clone())), expected, "{text}");
        }
    }

    /// As `docker context create` lays it out.
    #[test]
    fn a_context_names_its_host() {
        let folder = tempfile::tempdir().expect("a folder");
        let meta = folder.path().join("contexts/meta").join(Digest::sha256(b"remote").hex());
        fs::create_dir_all(&meta).expect("the context's folder");
        let text =
            r#"{"Name":"remote","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///x.sock","SkipTLSVerify":false}}}"#;
        fs::write(meta.join("meta.json"), text).expect("the context");
        fs::write(folder.path().join("config.json"), r#"{"currentContext":"remote"}"#).expect("the config");
        let name = current_context(folder.path());
        assert_eq!(name.as_deref(), Some("remote"));
        assert_eq!(context(folder.path(), "remote").ok(), Some(Endpoint::Socket("/x.sock".into())));
        assert!(context(folder.path(), "absent").is_err());
    }
}
