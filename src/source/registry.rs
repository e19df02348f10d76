//! A registry, as the [distribution spec](https://github.com/opencontainers/distribution-spec/blob/main/spec.md) says:
//! manifests by tag or digest, blobs by digest.
//!
//! Promises: what is named by a digest has that digest, or an error says so; a transfer that breaks off is resumed where
//! it ended, a few times; a login goes to the server that the user named and to its token server, never to where a
//! redirect leads, and over TLS only, except on this machine and with `--insecure`.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use ureq::http::Uri;

use super::cache::{Cache, NewBlob};
use super::credentials::{self, Credentials};
use super::http::{Answer, Client, Route, Transfer};
use super::origin::{self, Origin};
use super::reference::RemoteName;
use super::{Access, Bytes, Progress, Region, RegionReader};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};

/// The media types of manifests and indexes that are understood, the index first.
const MANIFEST_TYPES: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
/// Registries refuse manifests beyond 4 MiB.
const MOST_MANIFEST_BYTES: u64 = 8 << 20;
const MOST_TOKEN_BYTES: u64 = 1 << 20;
/// How often a failed request is repeated, and the pause before the first time; each pause doubles it.
const RETRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Where a server wants a longer pause than this, its refusal is reported instead.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// A repository of a registry, with the image that was named.
pub struct Repository {
    /// The image.
    pub name: RemoteName,
    client: Client,
    /// `https://HOST/v2/NAME`.
    base: String,
    peer: String,
    access: Access,
    /// Looked for when the registry asks for a login.
    credentials: OnceLock<Option<Credentials>>,
    /// The `Authorization` that was accepted last.
    authorization: Mutex<Option<String>>,
    cache: Option<Cache>,
}

/// A manifest or an index.
pub struct Manifest {
    /// What the registry says it is; empty where it says nothing.
    pub media_type: String,
    /// The document.
    pub bytes: Vec<u8>,
    /// Its digest.
    pub digest: Digest,
}

impl Repository {
    /// Finds the registry.
    ///
    /// # Errors
    /// [`Error::Connect`]
    pub(super) fn connect(name: RemoteName, access: &Access) -> Result<Self> {
        let host = if name.host == "docker.io" { "registry-1.docker.io" } else { &name.host };
        let peer = format!("the registry {}", name.host);
        let route = Route { insecure: access.insecure, ..Route::default() };
        let client = Client::new(peer.clone(), route, access.timeout);
        let root = root(&client, host, access.insecure)?;
        Ok(Repository {
            base: format!("{root}/{}", name.repository),
            credentials: OnceLock::new(),
            authorization: Mutex::default(),
            cache: if access.cache { Cache::of_user() } else { None },
            access: access.clone(),
            name,
            client,
            peer,
        })
    }

    /// Fetches a manifest or an index by tag or digest.
    ///
    /// # Errors
    /// [`Error::DigestMismatch`] where a digest named it, [`Error::Refused`], [`Error::Connect`], [`Error::Transfer`].
    pub fn manifest(&self, reference: &str) -> Result<Manifest> {
        let accept = MANIFEST_TYPES.join(", ");
        let answer = self.ask(&format!("/manifests/{reference}"), &[("Accept", &accept)])?;
        let media_type = answer.header("Content-Type").split(';').next().unwrap_or_default().trim().to_owned();
        let stated: Option<Digest> =
            reference.parse().ok().or_else(|| answer.header("Docker-Content-Digest").parse().ok());
        let bytes = answer.into_bytes("the manifest", MOST_MANIFEST_BYTES)?;
        let digest = match stated {
            Some(stated) => checked("the manifest", &stated, &bytes)?,
            None => Digest::sha256(&bytes),
        };
        Ok(Manifest { media_type, bytes, digest })
    }

    /// Fetches a small blob.
    ///
    /// # Errors
    /// As [`Repository::manifest`].
    pub fn document(&self, what: &'static str, digest: &Digest, limit: u64) -> Result<Vec<u8>> {
        let bytes = self.ask(&format!("/blobs/{digest}"), &[])?.into_bytes(what, limit)?;
        checked(what, digest, &bytes)?;
        Ok(bytes)
    }

    /// Returns a blob, which is taken from the cache or fetched when it is read.
    #[must_use]
    pub(crate) fn blob(self: &Arc<Self>, digest: &Digest, size: u64) -> Bytes {
        let (repository, digest) = (Arc::clone(self), digest.clone());
        Bytes::Remote(Blob { repository, digest, size, kept: Arc::default() })
    }

    /// Asks until there is a final answer: again after a pause where the server is busy or failing.
    fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let mut pause = FIRST_PAUSE;
        for left in (0..=RETRIES).rev() {
            match self.ask_authorized(path, headers) {
                Ok(answer) if answer.status() / 100 == 2 => return Ok(answer),
                Ok(answer) if left > 0 && matches!(answer.status(), 429 | 500..) => {
                    let wanted = retry_after(answer.header("Retry-After"), SystemTime::now()).unwrap_or(pause);
                    if wanted > LONGEST_PAUSE {
                        return Err(answer.refusal());
                    }
                    pause = pause.max(wanted);
                }
                Ok(answer) => return Err(answer.refusal()),
                Err(Error::Connect { .. }) if left > 0 => {}
                Err(error) => return Err(error),
            }
            thread::sleep(pause);
            pause *= 2;
        }
        // The last round returns in any case.
        Err(Error::Connect { peer: self.peer.clone(), source: io::ErrorKind::TimedOut.into() })
    }

    /// Asks once; where the registry asks for a login, once more.
    fn ask_authorized(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let url = url(&format!("{}{path}", self.base))?;
        let known = self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answer = self.client.get(&url, headers, known.as_deref())?;
        // Only the registry itself may say where its users' logins go, not a server that it redirects to.
        if answer.status() != 401 || answer.origin() != Origin::of(&url).as_ref() {
            return Ok(answer);
        }
        let Some(authorization) = self.authorize(&answer)? else {
            return Ok(answer);
        };
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(authorization.clone());
        self.client.get(&url, headers, Some(&authorization))
    }

    /// Returns what the user stored for this registry. Helpers are asked once.
    fn credentials(&self) -> Result<Option<&Credentials>> {
        if let Some(found) = self.credentials.get() {
            return Ok(found.as_ref());
        }
        let found = credentials::find(&self.name, self.access.timeout)?;
        Ok(self.credentials.get_or_init(|| found).as_ref())
    }

    /// Answers the registry's challenge; nothing where the user has no login for it.
    fn authorize(&self, answer: &Answer) -> Result<Option<String>> {
        let challenges: Vec<Challenge> =
            answer.headers("WWW-Authenticate").iter().filter_map(|text| Challenge::parse(text)).collect();
        let bearer = challenges.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
        match bearer.or(challenges.first()) {
            Some(Challenge::Bearer { realm, service, scope }) => self.token(realm, service, scope.as_deref()).map(Some),
            Some(Challenge::Basic) => Ok(self.credentials()?.and_then(Credentials::basic)),
            None => Ok(None),
        }
    }

    /// Fetches a token from where the registry says, as its
    /// [token specification](https://distribution.github.io/distribution/spec/auth/token/) has it.
    fn token(&self, realm: &str, service: &str, scope: Option<&str>) -> Result<String> {
        #[derive(Deserialize)]
        struct Token {
            token: Option<String>,
            access_token: Option<String>,
        }
        let own_scope = format!("repository:{}:pull", self.name.repository);
        let scope = scope.unwrap_or(&own_scope);
        let realm = self.realm(realm)?;
        let host = Origin::of(&realm).map(|origin| origin.to_string()).unwrap_or_default();
        let client = self.client.named(format!("the token server {host} of {}", self.peer));
        let answer = match self.credentials()? {
            Some(Credentials::Identity(token)) => {
                let kind = ("grant_type", "refresh_token");
                let form = [
                    kind,
                    ("service", service),
                    ("client_id", "layerlens"),
                    ("scope", scope),
                    ("refresh_token", token),
                ];
                client.post(&realm, &form)?
            }
            login => {
                let separator = if realm.query().is_some() { '&' } else { '?' };
                let url = url(&format!("{realm}{separator}service={}&scope={}", encode(service), encode(scope)))?;
                client.get(&url, &[], login.and_then(Credentials::basic).as_deref())?
            }
        };
        if answer.status() != 200 {
            return Err(answer.refusal());
        }
        let bytes = answer.into_bytes("the token", MOST_TOKEN_BYTES)?;
        let token: Token = serde_json::from_slice(&bytes).map_err(|source| Error::Json { source })?;
        let token = token.token.filter(|token| !token.is_empty()).or(token.access_token);
        let problem = || Error::Document { problem: format!("the token server {host} sent no token") };
        Ok(format!("Bearer {}", token.ok_or_else(problem)?))
    }
}

impl Repository {
    /// Returns the token server's address, where a login may be sent there.
    fn realm(&self, realm: &str) -> Result<Uri> {
        let unsupported = |what: String, hint| Err(Error::Unsupported { what, hint });
        let Some((url, origin)) = origin::parse(realm).and_then(|url| Some((url.clone(), Origin::of(&url)?))) else {
            let what = format!("{} asks for a login at an address that is not valid", self.peer);
            return unsupported(
                what,
                "addresses with a user name are refused; report it to the operator of the registry",
            );
        };
        if origin.is_encrypted() || origin.is_loopback() || self.access.insecure {
            return Ok(url);
        }
        let what = format!("{} wants the login sent unencrypted to {origin}", self.peer);
        unsupported(what, "--insecure allows that; use it only in a network that you trust")
    }
}

/// Reads an address of our own making. The host was checked when it was named; this is where it is read.
fn url(text: &str) -> Result<Uri> {
    origin::parse(text).ok_or(Error::BadReference { problem: "the registry is not written HOST or HOST:PORT" })
}

/// Finds out whether the registry speaks https or, where that may be, http; returns where its API starts.
fn root(client: &Client, host: &str, insecure: bool) -> Result<String> {
    let is_loopback = Origin::of(&url(&format!("http://{host}/"))?).is_some_and(|origin| origin.is_loopback());
    let schemes: &[&str] = match (is_loopback, insecure) {
        (true, _) => &["http", "https"],
        (false, true) => &["https", "http"],
        (false, false) => &["https"],
    };
    let mut failure = None;
    for scheme in schemes {
        let root = format!("{scheme}://{host}/v2");
        match client.get(&url(&format!("{root}/"))?, &[], None) {
            // What a TLS server answers to plain http.
            Ok(answer) if *scheme == "http" && answer.status() == 400 => {}
            Ok(_) => return Ok(root),
            // Where the server answered in another protocol, the other scheme's failure says more.
            Err(error) if failure.as_ref().is_none_or(is_misunderstanding) => failure = Some(error),
            Err(_) => {}
        }
    }
    let unknown = || Error::Connect { peer: format!("the registry {host}"), source: io::ErrorKind::InvalidData.into() };
    Err(failure.unwrap_or_else(unknown))
}

/// Says whether there was an answer, but not in HTTP.
fn is_misunderstanding(error: &Error) -> bool {
    matches!(error, Error::Connect { source, .. } if source.kind() == io::ErrorKind::Other)
}

/// Reads `Retry-After`: seconds, or a date.
fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = OffsetDateTime::parse(value.trim(), &Rfc2822).ok()?;
    Some(SystemTime::from(date).duration_since(now).unwrap_or_default())
}

fn checked(what: &'static str, expected: &Digest, bytes: &[u8]) -> Result<Digest> {
    let mut hasher = Hasher::new(expected.algorithm());
    hasher.update(bytes);
    let found = hasher.finish();
    if found == *expected { Ok(found) } else { Err(Error::DigestMismatch { what, expected: expected.clone(), found }) }
}

/// What a query's value may hold as it is; scopes stay readable.
const IN_QUERY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b':').remove(b',');

/// Encodes a query's value.
fn encode(text: &str) -> String {
    utf8_percent_encode(text, IN_QUERY).to_string()
}

/// How a registry asks for a login.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer { realm: String, service: String, scope: Option<String> },
}

impl Challenge {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, parameters) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service, mut scope) = (None, None, None);
        for (name, value) in parameters_of(parameters) {
            match name.as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                "scope" => scope = Some(value),
                _ => {}
            }
        }
        Some(Challenge::Bearer { realm: realm?, service: service.unwrap_or_default(), scope })
    }
}

/// Reads `name="value", name=value`; a quoted value may hold commas.
fn parameters_of(text: &str) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    let mut rest = text;
    while let Some((name, value)) = rest.split_once('=') {
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => value.split_once(',').unwrap_or((value, "")),
        };
        parameters.push((name.trim_matches([',', ' ']).to_ascii_lowercase(), value.trim().to_owned()));
        rest = after;
    }
    parameters
}

/// A blob that is taken from the cache, or fetched, when it is read.
pub struct Blob {
    repository: Arc<Repository>,
    digest: Digest,
    size: u64,
    /// What is in the cache, once its digest was checked.
    kept: Arc<OnceLock<Region>>,
}

/// No layer is larger; a size beyond this is made up.
const MOST_BLOB_BYTES: u64 = 1 << 40;

impl Blob {
    /// Returns the size that its descriptor states.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.size
    }

    /// Returns its bytes where they are in the cache, after [`Blob::open`] has been read to the end.
    #[must_use]
    pub fn kept(&self) -> Option<Region> {
        self.kept.get().cloned()
    }

    /// Reads it: from the cache where it is there and unchanged, else from the registry. In both cases the last byte is
    /// only handed out once all of them are known to be the right ones.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Connect`], [`Error::TooLarge`]; reading fails with [`Error::Transfer`] or
    /// [`Error::DigestMismatch`].
    pub fn open(&self) -> Result<impl Read + Send + use<>> {
        if self.size > MOST_BLOB_BYTES {
            return Err(Error::TooLarge { what: "the layer".to_owned(), limit: format!("{MOST_BLOB_BYTES} bytes") });
        }
        let repository = &self.repository;
        let cache = repository.cache.as_ref();
        if let Some(region) = self.kept().or_else(|| cache?.find(&self.digest, self.size)) {
            let _ = self.kept.set(region.clone());
            return Ok(Opened::Kept(region.reader(&Arc::new(Progress::default()))));
        }
        let new = cache.and_then(|cache| cache.start(&self.digest, self.size));
        let mut download = Download {
            repository: Arc::clone(repository),
            path: format!("/blobs/{}", self.digest),
            size: self.size,
            received: 0,
            body: None,
            retries: RETRIES,
            last_success: 0,
        };
        download.start()?;
        let hasher = Some(Hasher::new(self.digest.algorithm()));
        let (expected, kept) = (self.digest.clone(), Arc::clone(&self.kept));
        Ok(Opened::Fetched(Box::new(Checked { download, hasher, expected, new, kept })))
    }
}

/// A blob that is being read.
enum Opened {
    Kept(RegionReader),
    Fetched(Box<Checked>),
}

impl Read for Opened {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Opened::Kept(reader) => reader.read(buf),
            Opened::Fetched(reader) => reader.read(buf),
        }
    }
}

/// A transfer that is resumed where it broke off.
struct Download {
    repository: Arc<Repository>,
    path: String,
    size: u64,
    received: u64,
    body: Option<Transfer>,
    retries: u32,
    /// What had arrived when the retries were last counted from the start.
    last_success: u64,
}

/// A server that sends this much between two failures is asked again, however often it fails.
const PROGRESS: u64 = 16 << 20;

impl Download {
    fn start(&mut self) -> Result<()> {
        let range = format!("bytes={}-", self.received);
        let headers = [("Range", range.as_str())];
        let headers = if self.received > 0 { &headers[..] } else { &[] };
        let answer = self.repository.ask(&self.path, headers)?;
        let is_partial = answer.status() == 206;
        let mut body = answer.into_reader();
        if self.received > 0 && !is_partial {
            // A server that cannot start in the middle sends it all again.
            io::copy(&mut (&mut body).take(self.received), &mut io::sink())
                .map_err(|error| Error::from_read("receive", error))?;
        }
        self.body = Some(body);
        Ok(())
    }

    fn early_end(&self) -> io::Error {
        let peer = self.repository.peer.clone();
        let source = io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed");
        io::Error::other(Error::Transfer { peer, received: self.received, source })
    }

    /// Waits and starts again; returns the failure after too many attempts.
    fn resume(&mut self, failure: io::Error) -> io::Result<()> {
        self.body = None;
        if self.received - self.last_success >= PROGRESS {
            (self.retries, self.last_success) = (RETRIES, self.received);
        }
        if self.retries == 0 {
            return Err(failure);
        }
        thread::sleep(FIRST_PAUSE * 2u32.pow(RETRIES - self.retries));
        self.retries -= 1;
        // What broke the transfer says more than that the server is still gone.
        self.start().map_err(|_| failure)
    }
}

impl Read for Download {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.received < self.size && !buf.is_empty() {
            let room = usize::try_from(self.size - self.received).unwrap_or(usize::MAX).min(buf.len());
            let read = match &mut self.body {
                Some(body) => body.read(&mut buf[..room]),
                None => Ok(0),
            };
            match read {
                Ok(0) => self.resume(self.early_end())?,
                Ok(n) => {
                    self.received += n as u64;
                    return Ok(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => self.resume(self.counted(error))?,
            }
        }
        Ok(0)
    }
}

impl Download {
    /// Makes the message count the bytes of all answers together.
    fn counted(&self, error: io::Error) -> io::Error {
        match error.downcast::<Error>() {
            Ok(Error::Transfer { peer, source, .. }) => {
                io::Error::other(Error::Transfer { peer, received: self.received, source })
            }
            Ok(error) => io::Error::other(error),
            Err(error) => error,
        }
    }
}

/// Hashes what passes, puts it into the cache, and fails at the end where it is not what was asked for.
struct Checked {
    download: Download,
    /// Gone once the end was checked.
    hasher: Option<Hasher>,
    expected: Digest,
    /// What goes into the cache.
    new: Option<NewBlob>,
    kept: Arc<OnceLock<Region>>,
}

impl Checked {
    fn check(&mut self) -> io::Result<()> {
        let Some(hasher) = self.hasher.take() else {
            return Ok(());
        };
        let (expected, found, new) = (self.expected.clone(), hasher.finish(), self.new.take());
        if expected != found {
            return Err(io::Error::other(Error::DigestMismatch { what: "the blob", expected, found }));
        }
        if let Some(region) = new.and_then(NewBlob::keep) {
            // Set already where another reader was faster.
            let _ = self.kept.set(region);
        }
        Ok(())
    }
}

impl Read for Checked {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.download.read(buf)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buf[..n]);
        }
        if self.new.as_mut().is_some_and(|new| !new.write(&buf[..n])) {
            // A full disk is no reason to fail: the blob is not kept then.
            self.new = None;
        }
        if self.download.received >= self.download.size {
            self.check()?;
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_as_registries_write_them() {
        let text =
            r#"Bearer realm="https://auth.example.org/token",service="example.org",scope="repository:a/b:pull,push""#;
        let bearer = Challenge::Bearer {
            realm: "https://auth.example.org/token".to_owned(),
            service: "example.org".to_owned(),
            scope: Some("repository:a/b:pull,push".to_owned()),
        };
        assert_eq!(Challenge::parse(text), Some(bearer));
        let plain = Challenge::Bearer { realm: "r".to_owned(), service: String::new(), scope: Some("s".to_owned()) };
        assert_eq!(Challenge::parse("bearer realm=r, scope=\"s\""), Some(plain));
        assert_eq!(Challenge::parse("Basic realm=\"Registry\""), Some(Challenge::Basic));
        for other in ["", "Digest realm=\"x\"", "Bearer", "Bearer service=\"x\""] {
            assert_eq!(Challenge::parse(other), None, "{other}");
        }
    }

    #[test]
    fn retry_after_is_a_number_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_480);
        for (text, seconds) in [
            ("120", Some(120)),
            ("Wed, 21 Oct 2015 07:28:30 GMT", Some(30)),
            ("Wed, 21 Oct 2015 07:00:00 GMT", Some(0)),
            ("soon", None),
            ("", None),
            ("-1", None),
        ] {
            assert_eq!(retry_after(text, now).map(|pause| pause.as_secs()), seconds, "{text}");
        }
    }

    #[test]
    fn queries_are_encoded() {
        assert_eq!(encode("repository:a/b:pull"), "repository:a/b:pull");
        assert_eq!(encode("a b&c=\u{e9}"), "a%20b%26c%3D%C3%A9");
    }
}
