//! A small HTTP client for engines and registries: `ureq`, over TCP, TLS, or a Unix socket.
//!
//! `ureq` is synchronous, streams bodies, and lets the transport be replaced, so that the engine's socket and the
//! registry share one client. Redirects are followed here, because a login must not follow them to another server. A
//! server may be silent for [`super::Access::timeout`] and must send at least [`SLOWEST`] bytes a second on average over
//! that time; how long a whole transfer takes does not matter.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ureq::config::{Config, ConfigBuilder};
use ureq::http::{Response, Uri};
use ureq::tls::{ClientCert, RootCerts, TlsConfig};
use ureq::typestate::AgentScope;
use ureq::{Agent, Body};

use super::origin::{self, Origin};
use crate::error::{Error, Result};

/// How long a connection may take to be established.
const CONNECT: Duration = Duration::from_secs(15);
/// How much is read of an answer that says why something was refused.
const MOST_MESSAGE_BYTES: u64 = 64 << 10;
/// As many redirects as browsers and curl follow, roughly.
const MOST_REDIRECTS: usize = 10;
/// The minimum rate in bytes a second, averaged over the timeout. A server below it is not slow, it is stalling.
const SLOWEST: u64 = 1000;
/// No image is larger: a server that sends more never stops.
const MOST_BODY_BYTES: u64 = 1 << 40;

/// How a server is reached.
#[derive(Debug, Clone, Default)]
pub(super) struct Route {
    /// The socket, where it is one of this machine.
    pub(super) socket: Option<PathBuf>,
    /// Whether unverified certificates and redirects to plain HTTP are accepted.
    pub(super) insecure: bool,
    /// The authority that signed the server's certificate, where it is not one of the system's.
    pub(super) authority: Option<Vec<ureq::tls::Certificate<'static>>>,
    /// The certificate that the server is shown.
    pub(super) identity: Option<ClientCert>,
}

/// A client of one server.
#[derive(Debug, Clone)]
pub(super) struct Client {
    agent: Agent,
    /// For hosts that no proxy must be asked for: this machine.
    direct: Agent,
    insecure: bool,
    timeout: Duration,
    /// The server, as messages call it.
    peer: String,
}

/// An answer, whatever its status.
pub(super) struct Answer {
    response: Response<Body>,
    /// Who sent it, after all redirects.
    origin: Option<Origin>,
    timeout: Duration,
    peer: String,
}

impl Client {
    pub(super) fn new(peer: String, route: Route, timeout: Duration) -> Self {
        let roots = route.authority.map_or(RootCerts::PlatformVerifier, |chain| RootCerts::new_with_certs(&chain));
        let tls = TlsConfig::builder()
            .root_certs(roots)
            .client_cert(route.identity)
            .disable_verification(route.insecure)
            .build();
        let config = || configured(tls.clone(), timeout);
        let direct = agent(config().proxy(None).build(), route.socket.clone());
        let agent = if route.socket.is_some() { direct.clone() } else { agent(config().build(), None) };
        Client { agent, direct, insecure: route.insecure, timeout, peer }
    }

    /// Returns the same client with another name for the server.
    pub(super) fn named(&self, peer: String) -> Self {
        Client { peer, ..self.clone() }
    }

    /// Asks for `url`, and for what it redirects to. Only the server that was asked gets the `authorization`.
    ///
    /// # Errors
    /// [`Error::Connect`] where there is no answer at all, [`Error::Unsupported`] for redirects that are not followed.
    pub(super) fn get(&self, url: &Uri, headers: &[(&str, &str)], authorization: Option<&str>) -> Result<Answer> {
        let (first, mut login) = (Origin::of(url), authorization);
        let mut url = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let origin = Origin::of(&url);
            if origin != first {
                // For good: when another server redirects back, the request is no longer ours.
                login = None;
            }
            let login = login.map(|value| ("Authorization", value));
            let request = self.agent_for(origin.as_ref()).get(&url);
            let headers = headers.iter().copied().chain(login);
            let request = headers.fold(request, |request, (name, value)| request.header(name, value));
            let answer = self.answer(request.call(), origin)?;
            match answer.location() {
                Some(location) => url = self.redirected(&url, &location)?,
                None => return Ok(answer),
            }
        }
        Err(self.bad_redirect("again and again"))
    }

    /// Sends a form to `url`. A redirect is not followed: the form is a login.
    ///
    /// # Errors
    /// [`Error::Connect`] where there is no answer at all.
    pub(super) fn post(&self, url: &Uri, form: &[(&str, &str)]) -> Result<Answer> {
        let origin = Origin::of(url);
        let request = self.agent_for(origin.as_ref()).post(url);
        self.answer(request.send_form(form.iter().copied()), origin)
    }

    fn agent_for(&self, origin: Option<&Origin>) -> &Agent {
        if origin.is_some_and(Origin::is_loopback) { &self.direct } else { &self.agent }
    }

    fn redirected(&self, from: &Uri, location: &str) -> Result<Uri> {
        let to = origin::resolve(from, location).ok_or_else(|| self.bad_redirect("to an address that is not valid"))?;
        let is_encrypted = |uri: &Uri| Origin::of(uri).is_some_and(|origin| origin.is_encrypted());
        if is_encrypted(from) && !is_encrypted(&to) && !self.insecure {
            return Err(self.bad_redirect("from HTTPS to plain HTTP"));
        }
        Ok(to)
    }

    fn bad_redirect(&self, how: &str) -> Error {
        let what = format!("{} redirects {how}", self.peer);
        Error::Unsupported { what, hint: "check the address; plain HTTP needs --insecure" }
    }

    fn answer(&self, answer: Result<Response<Body>, ureq::Error>, origin: Option<Origin>) -> Result<Answer> {
        let peer = self.peer.clone();
        match answer {
            Ok(response) => Ok(Answer { response, origin, timeout: self.timeout, peer }),
            Err(error) => Err(Error::Connect { peer, source: plain(error) }),
        }
    }
}

fn configured(tls: TlsConfig, timeout: Duration) -> ConfigBuilder<AgentScope> {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(concat!("layerlens/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(timeout))
        .timeout_per_read(Some(timeout))
        .timeout_per_write(Some(timeout))
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
        ureq::Error::HostNotFound => io::Error::new(io::ErrorKind::NotFound, "no such host"),
        error => io::Error::other(error),
    }
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Returns who sent it: whether it is the server that was asked.
    pub(super) fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Returns where a redirect leads.
    fn location(&self) -> Option<String> {
        let location = self.header("Location");
        (matches!(self.status(), 301 | 302 | 303 | 307 | 308) && !location.is_empty()).then(|| location.to_owned())
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
        let floor = Floor { timeout: self.timeout, waited: Duration::ZERO, bytes: 0 };
        Transfer { body, peer: self.peer, received: 0, floor, failure: None }
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

/// A body as it arrives; says who stopped sending, and when.
pub(super) struct Transfer {
    body: Box<dyn Read + Send>,
    peer: String,
    received: u64,
    floor: Floor,
    /// Why it broke off: the client says it once, and then that the body is at its end.
    failure: Option<(io::ErrorKind, String)>,
}

/// The least that must arrive while we wait for it; the time that we take ourselves does not count.
struct Floor {
    timeout: Duration,
    waited: Duration,
    bytes: u64,
}

impl Floor {
    /// Says whether what arrives is still enough.
    fn holds(&mut self, waited: Duration, bytes: usize) -> bool {
        self.waited += waited;
        self.bytes += bytes as u64;
        if self.waited < self.timeout {
            return true;
        }
        let is_enough = self.bytes >= SLOWEST.saturating_mul(self.waited.as_secs());
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        is_enough
    }
}

impl Transfer {
    fn broken(&self, kind: io::ErrorKind, problem: &str) -> io::Error {
        let (peer, received) = (self.peer.clone(), self.received);
        io::Error::other(Error::Transfer { peer, received, source: io::Error::new(kind, problem) })
    }

    fn fail(&mut self, kind: io::ErrorKind, problem: String) -> io::Error {
        let broken = self.broken(kind, &problem);
        self.failure = Some((kind, problem));
        broken
    }
}

impl Read for Transfer {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some((kind, problem)) = &self.failure {
            return Err(self.broken(*kind, problem));
        }
        let started = Instant::now();
        match self.body.read(buf) {
            Ok(n) => {
                self.received += n as u64;
                let problem = match n {
                    0 => None,
                    _ if self.received > MOST_BODY_BYTES => Some("it does not end"),
                    _ if self.floor.holds(started.elapsed(), n) => None,
                    _ => Some("it sends less than 1 kB a second"),
                };
                problem.map_or(Ok(n), |problem| Err(self.fail(io::ErrorKind::TimedOut, problem.to_owned())))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let error = plain(ureq::Error::from(error));
                Err(self.fail(error.kind(), error.to_string()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sends_too_little_is_not_waited_for() {
        let floor = || Floor { timeout: Duration::from_secs(10), waited: Duration::ZERO, bytes: 0 };
        let mut slow = floor();
        assert!((0..9).all(|_| slow.holds(Duration::from_secs(1), 1)));
        assert!(!slow.holds(Duration::from_secs(1), 1));
        let mut steady = floor();
        assert!((0..100).all(|_| steady.holds(Duration::from_secs(1), 1000)));
        // A pause is made up for by what came before it.
        let mut bursts = floor();
        assert!((0..20).all(|second| bursts.holds(Duration::from_secs(1), if second % 5 == 0 { 5000 } else { 1 })));
    }
}
