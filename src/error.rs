//! What can go wrong, and what is odd but bearable.
//!
//! An [`Error`] means that the numbers would be wrong or missing; a [`Warning`] that they are right and the reader should
//! know something. Places are wrapped around an error on its way out ([`Place`]), so that a message reads like a path:
//! `image.tar: layer 4: entry 311 "var/lib/x": archive ends at byte 10240, …`.

use std::fmt;
use std::io;

use crate::digest::Digest;
use crate::escape::{Escaped, escape};

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an image could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something went wrong at a place: the image, a layer, a member, an entry.
    #[error("{place}: {source}")]
    At {
        /// Where.
        place: Place,
        /// What; it may be another place.
        source: Box<Error>,
    },
    /// The operating system refused.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was attempted: `open`, `read`.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The input is something else than a container image.
    #[error("not a container image: {found}")]
    NotAnImage {
        /// What it looks like instead.
        found: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// The archive ends inside something that must be whole.
    #[error("archive ends at byte {at}, {missing} bytes early, inside {inside}")]
    Truncated {
        /// Offset of the end, in the bytes of the tar that is being read (uncompressed).
        at: u64,
        /// How many bytes are missing at least.
        missing: u64,
        /// What is cut: a header, a content.
        inside: &'static str,
    },
    /// Bytes that are no tar header stand where one must be.
    #[error("not a tar header at byte {at}: {problem}")]
    BadHeader {
        /// Offset of the header, in the bytes of the tar that is being read.
        at: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The compressed stream is damaged or ends early.
    #[error("damaged {format} stream after {at} uncompressed bytes: {source}")]
    Decompress {
        /// `gzip`, `zstd`, …
        format: &'static str,
        /// Uncompressed bytes that came out before the damage.
        at: u64,
        /// What the decoder says.
        source: io::Error,
    },
    /// Something is larger than any honest image has it.
    #[error("{what} is larger than the limit of {limit}")]
    TooLarge {
        /// What.
        what: String,
        /// The limit, with its unit.
        limit: String,
    },
    /// A document is not the JSON that it must be.
    #[error("not valid JSON: {source}")]
    Json {
        /// What the parser says, with line and column.
        source: serde_json::Error,
    },
    /// A document is JSON, but not of the shape that the format demands.
    #[error("{problem}")]
    Document {
        /// What is wrong.
        problem: String,
    },
    /// Something that the image refers to is not there.
    #[error("{what} {quoted} is not in the image", quoted = Quoted(.name))]
    Missing {
        /// Its role: `layer`, `config`, `manifest`.
        what: &'static str,
        /// Its name in the archive.
        name: Vec<u8>,
    },
    /// A link of the archive leads outside, in a circle, or nowhere.
    #[error("{quoted} is a link that {problem}", quoted = Quoted(.name))]
    BadLink {
        /// The link's name.
        name: Vec<u8>,
        /// What is wrong with where it leads.
        problem: String,
    },
    /// Bytes do not have the digest that the image states for them.
    #[error("digest mismatch of {what}: expected {expected}, found {found}")]
    DigestMismatch {
        /// What was hashed.
        what: &'static str,
        /// What the image states.
        expected: Digest,
        /// What the bytes have.
        found: Digest,
    },
    /// A blob does not have the size that its descriptor states.
    #[error("the blob has {found} bytes, its descriptor states {stated}")]
    SizeMismatch {
        /// What the image states.
        stated: u64,
        /// What is there.
        found: u64,
    },
    /// No image in the input matches what was asked for.
    #[error("no image matches {wanted}; there is {available}")]
    NoSuchImage {
        /// The selection, as typed.
        wanted: String,
        /// What is there.
        available: String,
    },
    /// What follows a scheme is no name.
    #[error("not the name of an image: {problem}")]
    BadReference {
        /// How it is written.
        problem: &'static str,
    },
    /// No engine of a kind listens where engines do.
    #[error("no {engine} engine is running here: there is no socket at {tried}")]
    NoEngine {
        /// `docker` or `podman`.
        engine: String,
        /// The sockets that were looked for.
        tried: String,
    },
    /// An engine or a registry does not have the image.
    #[error("{peer} has no such image")]
    NoImage {
        /// Who was asked.
        peer: String,
    },
    /// A bare word is no file, and no engine knows it.
    #[error("there is no such file, and no local engine has such an image ({tried})")]
    NotFoundAnywhere {
        /// The engines, and what each of them said.
        tried: String,
    },
    /// A server could not be reached.
    #[error("cannot reach {peer}: {source}")]
    Connect {
        /// Who was called.
        peer: String,
        /// Why not.
        source: io::Error,
    },
    /// A server answered with something else than what was asked for.
    #[error("{peer} {answer}", answer = Refusal(*.status, .message))]
    Refused {
        /// Who was asked.
        peer: String,
        /// The HTTP status.
        status: u16,
        /// The server's own words, where it has some.
        message: String,
    },
    /// A server stopped in the middle of an answer.
    #[error("{peer} stopped sending after {received} bytes: {source}")]
    Transfer {
        /// Who was sending.
        peer: String,
        /// What had arrived of this answer.
        received: u64,
        /// Why it ended.
        source: io::Error,
    },
    /// An image of a kind that is known and not supported.
    #[error("{what}")]
    Unsupported {
        /// What it is, in one sentence.
        what: String,
        /// What to do about it.
        hint: &'static str,
    },
}

/// What a server said instead of an answer.
struct Refusal<'a>(u16, &'a str);

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            401 => write!(out, "asks for a login (401)")?,
            403 => write!(out, "denies access (403)")?,
            404 => write!(out, "has no such image (404)")?,
            429 => write!(out, "has had too many requests from here (429)")?,
            500.. => write!(out, "failed ({})", self.0)?,
            status => write!(out, "answers with status {status}")?,
        }
        match self.1.trim_end_matches(['.', '\n']) {
            "" => Ok(()),
            message => write!(out, ": {}", Escaped(message.as_bytes())),
        }
    }
}

/// Where an error happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The input as a whole, as it was named.
    Image(String),
    /// A layer, 1 = the bottom.
    Layer(u32),
    /// A member of the archive or a file of the image directory.
    Member(Vec<u8>),
    /// The n-th entry of a layer, from 1; its path is empty where it is not known yet.
    Entry(u64, Vec<u8>),
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Image(name) => write!(out, "{}", Escaped(name.as_bytes())),
            Place::Layer(number) => write!(out, "layer {number}"),
            Place::Member(name) => write!(out, "{}", Escaped(cut(name))),
            Place::Entry(number, path) if path.is_empty() => write!(out, "entry {number}"),
            Place::Entry(number, path) => write!(out, "entry {number} {}", Quoted(path)),
        }
    }
}

/// A name between quotes, escaped, and cut where it is absurdly long.
struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{}\"", Escaped(cut(self.0)))
    }
}

impl fmt::Debug for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// A message is for people: a name of a megabyte is not.
fn cut(name: &[u8]) -> &[u8] {
    &name[..name.len().min(400)]
}

impl Error {
    /// Wraps the place around the error.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        Error::At { place, source: Box::new(self) }
    }

    /// Makes an error of what a reader answers; one of ours that passed through it comes out as it went in.
    pub(crate) fn from_read(action: &'static str, error: io::Error) -> Self {
        match error.downcast::<Error>() {
            Ok(inner) => inner,
            Err(source) => Error::Io { action, source },
        }
    }

    /// Says whether something could not be written, a temporary file for example: the image may be as it should be.
    #[must_use]
    pub fn is_of_writing(&self) -> bool {
        match self {
            Error::At { source, .. } => source.is_of_writing(),
            Error::Io { action, .. } => action.starts_with("write"),
            _ => false,
        }
    }

    /// Returns what the user can do about it, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::At { source, .. } => source.hint(),
            Error::NotAnImage { hint, .. } | Error::Unsupported { hint, .. } => Some(hint),
            Error::Truncated { .. } | Error::Decompress { .. } | Error::SizeMismatch { .. } => {
                Some("the file is cut short or damaged: save or download it again")
            }
            Error::Missing { .. } => Some("the archive is incomplete: save the image again"),
            Error::NoEngine { .. } => {
                Some("start the engine, or say where it listens: --socket PATH (or DOCKER_HOST, CONTAINER_HOST)")
            }
            Error::NoImage { .. } => Some("pull or build it first; docker images (podman images) lists what is there"),
            Error::NotFoundAnywhere { .. } => {
                Some("give the path of a saved image, start the engine, or name a registry: registry://HOST/NAME:TAG")
            }
            Error::Connect { source, .. } if source.to_string().contains("certificate") => Some(
                "if that network can be trusted, say --insecure; or put the authority into the system's store (SSL_CERT_FILE)",
            ),
            Error::Connect { source, .. } => Some(reach_hint(source.kind())),
            Error::Refused { status, .. } => refusal_hint(*status),
            Error::Transfer { .. } => Some("nothing was kept of it: try again"),
            Error::DigestMismatch { .. } => Some("the image was changed after it was built, or damaged on the way"),
            Error::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free some space, or let TMPDIR name a folder that has more")
            }
            Error::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("it belongs to another user: use sudo")
            }
            Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("give the path of a saved image: docker save NAME -o image.tar")
            }
            _ => None,
        }
    }
}

fn reach_hint(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::PermissionDenied => {
            "the socket belongs to another user: use sudo, join the docker group, or run the engine rootless"
        }
        io::ErrorKind::TimedOut => "it may be busy or behind a firewall: try again, or give it longer with --timeout",
        _ => "see that it is running; --socket, DOCKER_HOST or the image's name say where it is looked for",
    }
}

fn refusal_hint(status: u16) -> Option<&'static str> {
    match status {
        401 | 403 => Some("docker login HOST (or podman login HOST) keeps credentials that are used here, too"),
        404 => Some("see that name and tag are right, and that you may read it: registries hide what is private"),
        429 => Some("wait, or log in: registries allow more to known users"),
        500.. => Some("it is the server's fault, not the image's: try again later"),
        _ => None,
    }
}

/// Wraps places around the error of a result.
pub trait AtPlace<T> {
    /// Says where the error happened.
    ///
    /// # Errors
    /// The same error, with the place around it.
    fn at(self, place: impl FnOnce() -> Place) -> Result<T>;
}

impl<T> AtPlace<T> for Result<T> {
    fn at(self, place: impl FnOnce() -> Place) -> Result<T> {
        self.map_err(|error| error.at(place()))
    }
}

/// Something odd that leaves the numbers right.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// Stable name, for scripts.
    pub code: WarningCode,
    /// The layer, 1 = the bottom.
    pub layer: Option<u32>,
    /// The path in the image or the member of the archive.
    pub path: Option<Vec<u8>>,
    /// What it means for the numbers, in one sentence; already escaped.
    pub message: String,
}

impl Warning {
    /// Makes a warning that belongs to no layer and no path.
    #[must_use]
    pub fn new(code: WarningCode, message: impl Into<String>) -> Self {
        Warning { code, layer: None, path: None, message: message.into() }
    }

    /// Makes a warning about a path.
    #[must_use]
    pub fn about(code: WarningCode, path: &[u8], message: impl Into<String>) -> Self {
        Warning { path: Some(path.to_vec()), ..Warning::new(code, message) }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(layer) = self.layer {
            write!(out, "layer {layer}: ")?;
        }
        if let Some(path) = &self.path {
            write!(out, "{}: ", escape(cut(path)))?;
        }
        out.write_str(&self.message)
    }
}

/// The kinds of warnings; the names in reports are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum WarningCode {
    /// The history has fewer or more entries than there are layers.
    HistoryMismatch,
    /// The config lists fewer or more `diff_ids` than there are layers.
    DiffIdMismatch,
    /// A member's path climbs above the image's root; it was skipped.
    PathOutside,
    /// A hard link's target is nowhere; the name holds no bytes.
    DanglingLink,
    /// A member of a kind that tar readers do not agree about.
    UnknownType,
    /// An owner or time that is not a number.
    OddRecord,
    /// A sparse file: compared as it is stored.
    Sparse,
    /// A whiteout that names nothing.
    NamelessWhiteout,
    /// Two members of the archive have one name; the last one was taken.
    DuplicateMember,
    /// The layer's media type says another compression than its bytes.
    MediaType,
    /// Bytes after the end of a layer or archive were not read to the end.
    TrailingData,
    /// A document has a version or field that this program does not know.
    UnknownVersion,
    /// The image has fewer layers than the base was said to have.
    BaseLayers,
    /// More layers than fixes are looked for.
    TooManyLayers,
    /// A whole blob that does not have the size that its descriptor states.
    SizeMismatch,
    /// The format does not state `diff_ids`.
    NoDiffIds,
    /// A layer without end blocks, for which neither a size nor a digest is stated: it may be cut short.
    Unvouched,
    /// Contents that say what files are for were too large to keep, or a package database could not be read: owners and
    /// findings are not complete.
    EvidenceDropped,
    /// More warnings of one kind than are shown.
    More,
}

impl WarningCode {
    /// Returns the stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            WarningCode::HistoryMismatch => "history-mismatch",
            WarningCode::DiffIdMismatch => "diff-id-mismatch",
            WarningCode::PathOutside => "path-outside",
            WarningCode::DanglingLink => "dangling-link",
            WarningCode::UnknownType => "unknown-type",
            WarningCode::OddRecord => "odd-record",
            WarningCode::Sparse => "sparse",
            WarningCode::NamelessWhiteout => "nameless-whiteout",
            WarningCode::DuplicateMember => "duplicate-member",
            WarningCode::MediaType => "media-type",
            WarningCode::TrailingData => "trailing-data",
            WarningCode::UnknownVersion => "unknown-version",
            WarningCode::BaseLayers => "base-layers",
            WarningCode::TooManyLayers => "too-many-layers",
            WarningCode::SizeMismatch => "size-mismatch",
            WarningCode::NoDiffIds => "no-diff-ids",
            WarningCode::Unvouched => "unvouched",
            WarningCode::EvidenceDropped => "evidence-dropped",
            WarningCode::More => "more-warnings",
        }
    }
}

/// Collects warnings, a bounded number of each kind: a hostile layer can be odd a million times.
#[derive(Debug, Default, Clone)]
pub struct Warnings {
    list: Vec<Warning>,
    dropped: u64,
}

impl Warnings {
    const MOST_PER_CODE: usize = 20;

    /// Adds a warning, or counts it where there are enough of its kind.
    pub fn push(&mut self, warning: Warning) {
        let same = self.list.iter().filter(|known| known.code == warning.code).count();
        if same < Self::MOST_PER_CODE {
            self.list.push(warning);
        } else {
            self.dropped += 1;
        }
    }

    /// Adds all of `other`, as belonging to `layer`.
    pub fn extend_from_layer(&mut self, layer: u32, other: &Warnings) {
        for warning in &other.list {
            self.push(Warning { layer: Some(layer), ..warning.clone() });
        }
        self.dropped += other.dropped;
    }

    /// Returns the warnings in the order in which they were found, and how many more there were.
    #[must_use]
    pub fn into_list(mut self) -> Vec<Warning> {
        if self.dropped > 0 {
            let message = format!("{} more warnings of these kinds", self.dropped);
            self.list.push(Warning::new(WarningCode::More, message));
        }
        self.list
    }
}
