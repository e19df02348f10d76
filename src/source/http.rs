//! One small HTTP client for engines and registries: `ureq`, over TCP, TLS, or a Unix socket of our own.
//!
//! `ureq` is synchronous, streams bodies, and lets the transport be replaced, so that the engine's socket and the
//! registry share one client. Servers may be silent for a while, not for ever ([`super::Access::patience`]); how long
//! a whole transfer takes does not matter.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use ureq::config::{Config, RedirectAuthHeaders};
use ureq::http::Response;
use ureq::tls::{ClientCert, RootCerts, TlsConfig};
use ureq::{Agent, Body};

use crate::error::{Error, Result};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(15);
/// What is read of an answer that says why something was refused.
const MOST_MESSAGE_BYTES: u64 = 64 << 10;

/// How a server is reached.
#[derive(Debug, Clone, Default)]
pub(super) struct Route {
    /// The socket, where it is one of this machine.
    pub(super) socket: Option<PathBuf>,
    /// Whether certificates are believed unseen.
    pub(super) trust_all: bool,
    /// Whether the proxy of the environment is passed by.
    pub(super) is_direct: bool,
    /// The authority that signed the server's certificate, where it is not one of the system's.
    pub(super) authority: Option<Vec<ureq::tls::Certificate<'static>>>,
    /// What the server is shown.
    pub(super) identity: Option<ClientCert>,
}

/// A client of one server.
#[derive(Debug, Clone)]
pub(super) struct Client {
    agent: Agent,
    /// The server, as messages call it.
    peer: String,
}

/// An answer, whatever its status.
pub(super) struct Answer {
    response: Response<Body>,
    peer: String,
}

impl Client {
    pub(super) fn new(peer: String, route: Route, patience: Duration) -> Self {
        let roots = route.authority.map_or(RootCerts::PlatformVerifier, |chain| RootCerts::new_with_certs(&chain));
        let tls = TlsConfig::builder()
            .root_certs(roots)
            .client_cert(route.identity)
            .disable_verification(route.trust_all)
            .build();
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .user_agent(concat!("layerlens/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(patience))
            .timeout_per_write(Some(patience));
        if route.is_direct || route.socket.is_some() {
            config = config.proxy(None);
        }
        Client { agent: agent(config.build(), route.socket), peer }
    }

    /// Returns the same client for another server, with the same manners.
    pub(super) fn named(&self, peer: String) -> Self {
        Client { agent: self.agent.clone(), peer }
    }

    /// Asks for `url`.
    ///
    /// # Errors
    /// [`Error::Connect`] where there is no answer at all.
    pub(super) fn get(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let request = headers.iter().fold(self.agent.get(url), |request, (name, value)| request.header(*name, *value));
        self.answer(request.call())
    }

    /// Sends a form to `url`.
    pub(super) fn post(&self, url: &str, form: &[(&str, &str)]) -> Result<Answer> {
        self.answer(self.agent.post(url).send_form(form.iter().copied()))
    }

    fn answer(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Answer> {
        let peer = self.peer.clone();
        match answer {
            Ok(response) => Ok(Answer { response, peer }),
            Err(error) => Err(Error::Connect { peer, source: plain(error) }),
        }
    }
}

#[cfg(unix)]
fn agent(config: Config, socket: Option<PathBuf>) -> Agent {
    match socket {
        Some(path) => super::unix::agent(config, path),
        None => config.new_agent(),
    }
}

#[cfg(not(unix))]
fn agent(config: Config, _: Option<PathBuf>) -> Agent {
    config.new_agent()
}

/// Turns an error of the client into one of the system, for one kind of message.
fn plain(error: ureq::Error) -> io::Error {
    match error {
        ureq::Error::Io(error) => error,
        ureq::Error::Timeout(_) => io::Error::new(io::ErrorKind::TimedOut, "it does not answer in time"),
        ureq::Error::HostNotFound => io::Error::new(io::ErrorKind::NotFound, "there is no host of that name"),
        error => io::Error::other(error),
    }
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Returns a header as text; empty where there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns all headers of a name.
    pub(super) fn headers(&self, name: &str) -> Vec<String> {
        let values = self.response.headers().get_all(name);
        values.iter().filter_map(|value| value.to_str().ok().map(str::to_owned)).collect()
    }

    /// Returns the body as it comes.
    pub(super) fn into_reader(self) -> Transfer {
        let body = Box::new(self.response.into_body().into_reader());
        Transfer { body, peer: self.peer, received: 0, failure: None }
    }

    /// Reads the whole body.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond `limit`, [`Error::Transfer`].
    pub(super) fn into_bytes(self, what: &str, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.into_reader()
            .take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::from_read("receive", error))?;
        if bytes.len() as u64 > limit {
            return Err(Error::TooLarge { what: what.to_owned(), limit: format!("{limit} bytes") });
        }
        Ok(bytes)
    }

    /// Makes an error of an answer that is not the one asked for, in the server's own words where it has some.
    pub(super) fn refusal(self) -> Error {
        let (peer, status) = (self.peer.clone(), self.status());
        let mut bytes = Vec::new();
        // Words that do not arrive are none: the status says enough.
        let _ = self.into_reader().take(MOST_MESSAGE_BYTES).read_to_end(&mut bytes);
        Error::Refused { peer, status, message: message(&bytes) }
    }
}

/// Finds the words in an error document: Docker's `message`, podman's `cause`, a registry's `errors`.
fn message(bytes: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Words {
        message: Option<String>,
        #[serde(default)]
        errors: Vec<Words>,
    }
    let words = serde_json::from_slice::<Words>(bytes).ok();
    let said =
        words.and_then(|words| words.message.or_else(|| words.errors.into_iter().find_map(|error| error.message)));
    said.unwrap_or_default().chars().take(300).collect()
}

/// A body on its way; says who stopped sending, and when.
pub(super) struct Transfer {
    body: Box<dyn Read + Send>,
    peer: String,
    received: u64,
    /// Why it broke off: the client says it once, and then that the body is at its end.
    failure: Option<(io::ErrorKind, String)>,
}

impl Transfer {
    fn broken(&self, kind: io::ErrorKind, problem: &str) -> io::Error {
        let (peer, received) = (self.peer.clone(), self.received);
        io::Error::other(Error::Transfer { peer, received, source: io::Error::new(kind, problem) })
    }
}

impl Read for Transfer {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some((kind, problem)) = &self.failure {
            return Err(self.broken(*kind, problem));
        }
        match self.body.read(buf) {
            Ok(n) => {
                self.received += n as u64;
                Ok(n)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let error = plain(ureq::Error::from(error));
                let (kind, problem) = (error.kind(), error.to_string());
                let broken = self.broken(kind, &problem);
                self.failure = Some((kind, problem));
                Err(broken)
            }
        }
    }
}
