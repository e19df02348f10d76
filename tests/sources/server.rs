//! A small HTTP server on the loopback that does exactly what a test wants, faults included.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// What a client asked.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn is_blob(&self) -> bool {
        self.path.contains("/blobs/")
    }
}

/// What it gets.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub manner: Manner,
}

/// How the body is sent.
#[derive(Debug, Clone, Copy)]
pub enum Manner {
    Whole,
    /// Only so many bytes, then the connection is closed.
    Cut(usize),
    /// So many bytes, then silence.
    Stall(usize),
    /// In pieces of so many bytes, with pauses.
    Slow(usize, Duration),
    /// The server dies after so many bytes: it is never heard of again.
    Die(usize),
}

impl Response {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Response { status, headers: Vec::new(), body: body.into(), manner: Manner::Whole }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn sent(self, manner: Manner) -> Self {
        Response { manner, ..self }
    }
}

type Handler = dyn Fn(&Request) -> Response + Send + Sync;

/// A server that lives as long as this does.
pub struct Server {
    pub address: String,
    log: Arc<Mutex<Vec<Request>>>,
    dead: Arc<AtomicBool>,
}

/// A connection, in the clear or not.
trait Connection: Read + Write {}

impl<C: Read + Write> Connection for C {}

/// Makes of a new connection what is spoken on it.
type Opener = dyn Fn(TcpStream) -> Option<Box<dyn Connection>> + Send + Sync;

impl Server {
    pub fn start(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self::start_with(handler, |connection| Some(Box::new(connection)))
    }

    /// The same behind TLS, with this certificate.
    pub fn start_tls(certified: &Certified, handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let chain = vec![certified.certificate.der().clone()];
        let key = rustls::pki_types::PrivateKeyDer::try_from(certified.key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate");
        let config = Arc::new(config);
        Self::start_with(handler, move |connection| {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).ok()?;
            Some(Box::new(rustls::StreamOwned::new(session, connection)))
        })
    }

    fn start_with(
        handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
        open: impl Fn(TcpStream) -> Option<Box<dyn Connection>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let (log, dead) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let handler: Arc<Handler> = Arc::new(handler);
        let open: Arc<Opener> = Arc::new(open);
        let (seen, is_dead) = (Arc::clone(&log), Arc::clone(&dead));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if is_dead.load(Ordering::SeqCst) {
                    return;
                }
                let (handler, seen, is_dead) = (Arc::clone(&handler), Arc::clone(&seen), Arc::clone(&is_dead));
                let open = Arc::clone(&open);
                thread::spawn(move || {
                    let _ = connection.set_read_timeout(Some(Duration::from_secs(10)));
                    if let Some(mut connection) = open(connection) {
                        serve(&mut *connection, &*handler, &seen, &is_dead);
                    }
                });
            }
        });
        Server { address, log, dead }
    }

    /// Returns what was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        self.log.lock().expect("the log").clone()
    }

    pub fn blob_requests(&self) -> usize {
        self.requests().iter().filter(|request| request.is_blob()).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.dead.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it sees its end.
        let _ = TcpStream::connect(&self.address);
    }
}

/// Answers one request; each connection has one.
fn serve(connection: &mut dyn Connection, handler: &Handler, log: &Mutex<Vec<Request>>, dead: &AtomicBool) {
    let Some(request) = read_request(connection) else {
        return;
    };
    log.lock().expect("the log").push(request.clone());
    let response = handler(&request);
    // A client that has seen enough hangs up: that is its right.
    let _ = send(connection, &response, dead).and_then(|()| connection.flush());
}

fn read_request(connection: &mut dyn Connection) -> Option<Request> {
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body).ok()?;
    Some(Request { method, path, headers, body })
}

fn send(connection: &mut dyn Connection, response: &Response, dead: &AtomicBool) -> std::io::Result<()> {
    let body = &response.body;
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {}\r\n", response.status, body.len());
    for (name, value) in &response.headers {
        head.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
    }
    connection.write_all(format!("{head}\r\n").as_bytes())?;
    match response.manner {
        Manner::Whole => connection.write_all(body),
        Manner::Cut(after) => connection.write_all(&body[..after.min(body.len())]),
        Manner::Die(after) => {
            dead.store(true, Ordering::SeqCst);
            connection.write_all(&body[..after.min(body.len())])
        }
        Manner::Stall(after) => {
            connection.write_all(&body[..after.min(body.len())])?;
            thread::sleep(Duration::from_secs(5));
            Ok(())
        }
        Manner::Slow(piece, pause) => body.chunks(piece).try_for_each(|piece| {
            thread::sleep(pause);
            connection.write_all(piece)
        }),
    }
}

/// A certificate for 127.0.0.1 that only those trust who are told to.
pub struct Certified {
    pub certificate: rcgen::Certificate,
    pub key: rcgen::KeyPair,
}

impl Certified {
    pub fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
        Certified { certificate: made.cert, key: made.signing_key }
    }
}

/// The documents and blobs of a sample, an OCI archive, as a registry would hold them.
#[derive(Clone)]
pub struct Content {
    blobs: BTreeMap<String, Vec<u8>>,
    pub manifest_digest: String,
}

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

impl Content {
    pub fn of_sample(name: &str) -> Self {
        let file = std::fs::File::open(crate::common::sample(name)).expect("the sample is there");
        let mut members = BTreeMap::new();
        for entry in tar::Archive::new(file).entries().expect("a tar") {
            let mut entry = entry.expect("a member");
            let name = entry.path().expect("its path").to_string_lossy().into_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("its content");
            members.insert(name, bytes);
        }
        let index: Value = serde_json::from_slice(&members["index.json"]).expect("an index");
        let manifest_digest = index["manifests"][0]["digest"].as_str().expect("a digest").to_owned();
        let blob = |(name, bytes): (String, Vec<u8>)| Some((name.strip_prefix("blobs/")?.replacen('/', ":", 1), bytes));
        Content { blobs: members.into_iter().filter_map(blob).collect(), manifest_digest }
    }

    pub fn manifest(&self) -> &[u8] {
        &self.blobs[&self.manifest_digest]
    }

    pub fn layers(&self) -> Vec<String> {
        let manifest: Value = serde_json::from_slice(self.manifest()).expect("a manifest");
        let layers = manifest["layers"].as_array().expect("layers");
        layers.iter().map(|layer| layer["digest"].as_str().expect("a digest").to_owned()).collect()
    }

    /// Returns the digest of the largest layer.
    pub fn largest(&self) -> String {
        self.layers().into_iter().max_by_key(|digest| self.blobs[digest].len()).expect("a layer")
    }

    /// Answers as a registry without any login.
    pub fn answer(&self, request: &Request) -> Response {
        let (_, what) = request.path.rsplit_once('/').expect("a path");
        if request.path == "/v2/" {
            return Response::new(200, "{}");
        }
        if request.path.contains("/manifests/") {
            let bytes =
                if what.contains(':') { self.blobs.get(what).map_or(&b""[..], Vec::as_slice) } else { self.manifest() };
            return Response::new(200, bytes).header("Content-Type", MANIFEST);
        }
        match self.blobs.get(what) {
            None => Response::new(404, r#"{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown"}]}"#),
            Some(bytes) => part(request, bytes),
        }
    }
}

/// Answers a request for a whole blob, or for the rest of one.
fn part(request: &Request, bytes: &[u8]) -> Response {
    let range = request.header("range").strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
    match range.and_then(|start| start.parse::<usize>().ok()) {
        Some(start) if start < bytes.len() => Response::new(206, &bytes[start..]),
        _ => Response::new(200, bytes),
    }
}
