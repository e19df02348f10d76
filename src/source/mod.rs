//! Where the bytes come from: a file, a directory, a stream, an engine's socket, a registry. The only input on the way in.
//!
//! `reference` says what a name means, `engine` asks the engines of this machine, `registry` a registry; `http` is
//! the client of both, `origin` decides whom a URL reaches, `credentials` finds logins, `cache` keeps blobs. A build
//! without the feature `remote` has none of these and refuses engines and registries by name.
//!
//! Promises: a [`Region`] can be read at any offset, by several threads, without memory for its size; a stream is read
//! once, forward. What the bytes mean is left to [`crate::archive`].

#[cfg(feature = "remote")]
mod cache;
pub(crate) mod compression;
#[cfg(feature = "remote")]
mod credentials;
#[cfg(feature = "remote")]
mod engine;
pub(crate) mod feed;
#[cfg(feature = "remote")]
mod http;
#[cfg(feature = "remote")]
mod origin;
pub(crate) mod reference;
#[cfg(feature = "remote")]
pub(crate) mod registry;
#[cfg(not(feature = "remote"))]
#[path = "offline.rs"]
pub(crate) mod registry;
mod tar_split;
#[cfg(all(unix, feature = "remote"))]
mod unix;

pub use compression::Compression;

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use std::time::Duration;

use crate::error::{Error, Result};
use reference::Reference;
#[cfg(not(feature = "remote"))]
use registry as engine;
use registry::Repository;
use tar_split::Assembly;

/// An image input, opened.
pub enum Input {
    /// A file whose every byte can be reached.
    File(Region),
    /// A directory, supposedly an OCI layout.
    Directory(PathBuf),
    /// Bytes that come once: standard input, a pipe, a device.
    Stream(Box<dyn Read + Send>),
    /// An image of a registry.
    Registry(Box<Repository>),
    /// The data root of a Docker engine.
    DockerRoot(PathBuf),
}

/// The bytes of a blob.
pub(crate) enum Bytes {
    /// They are at hand.
    Here(Region),
    /// They have to be fetched.
    #[cfg_attr(not(feature = "remote"), expect(dead_code, reason = "that build has no registries"))]
    Remote(registry::Blob),
}

impl Bytes {
    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Bytes::Here(region) => region.len(),
            Bytes::Remote(blob) => blob.len(),
        }
    }
}

/// How engines and registries are reached.
#[derive(Debug, Clone)]
pub struct Access {
    /// The engine's socket, or its address; nothing: as the engine's own command line finds it.
    pub socket: Option<String>,
    /// Whether plain HTTP and unverified certificates are accepted from a registry.
    pub insecure: bool,
    /// Whether blobs of registries are kept, and taken from what was kept.
    pub cache: bool,
    /// How long a server may be silent, and a credential helper may think.
    pub timeout: Duration,
}

impl Default for Access {
    fn default() -> Self {
        Access { socket: None, insecure: false, cache: true, timeout: Duration::from_secs(60) }
    }
}

/// Opens what `path` names; `-` is standard input, a bare word that is no file an image of the local engines.
///
/// # Errors
/// [`Error::Io`] where the system refuses, [`Error::BadReference`], what engines and registries answer.
pub fn open(path: &Path, access: &Access) -> Result<Input> {
    match reference::parse(path)? {
        Reference::Stdin => Ok(Input::Stream(Box::new(io::stdin()))),
        Reference::Engine(engine, name) => engine::export(engine, &name, access),
        Reference::Path(path) => match (open_path(&path), path.to_str()) {
            (Err(Error::Io { source, .. }), Some(word))
                if source.kind() == io::ErrorKind::NotFound && reference::is_image_name(word) =>
            {
                engine::export_from_any(word, access)
            }
            (result, _) => result,
        },
        Reference::Registry(name) => Repository::connect(name, access).map(|found| Input::Registry(Box::new(found))),
        Reference::DockerRoot(root) => Ok(Input::DockerRoot(root)),
    }
}

fn open_path(path: &Path) -> Result<Input> {
    let file = File::open(path).map_err(|source| Error::Io { action: "open", source })?;
    let metadata = file.metadata().map_err(|source| Error::Io { action: "read", source })?;
    if metadata.is_dir() {
        return Ok(Input::Directory(path.to_owned()));
    }
    if metadata.is_file() {
        return Ok(Input::File(Region { backing: Backing::File(Arc::new(file)), start: 0, len: metadata.len() }));
    }
    Ok(Input::Stream(Box::new(file)))
}

/// What holds a region's bytes.
#[derive(Debug, Clone)]
enum Backing {
    File(Arc<File>),
    /// A tar that lies in pieces.
    Assembly(Arc<Assembly>),
}

impl Backing {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Backing::File(file) => positioned_read(file, buf, offset),
            Backing::Assembly(assembly) => assembly.read_at(offset, buf),
        }
    }
}

/// A run of bytes of a file that can be read at any offset, by any number of threads.
#[derive(Debug, Clone)]
pub struct Region {
    backing: Backing,
    start: u64,
    len: u64,
}

impl Region {
    /// Opens a whole file.
    ///
    /// # Errors
    /// [`Error::Io`] where the system refuses.
    pub fn whole(file: File) -> Result<Self> {
        let len = file.metadata().map_err(|source| Error::Io { action: "read", source })?.len();
        Ok(Region { backing: Backing::File(Arc::new(file)), start: 0, len })
    }

    /// Lets `write` fill a temporary file without a name, which vanishes with the program, and opens that.
    ///
    /// # Errors
    /// What `write` answers, [`Error::Io`] where the system refuses.
    pub fn spool(write: impl FnOnce(&mut BufWriter<&File>) -> Result<()>) -> Result<Self> {
        let failed = |source| Error::Io { action: "write a temporary file", source };
        let file = tempfile::tempfile().map_err(failed)?;
        let mut out = BufWriter::with_capacity(1 << 20, &file);
        write(&mut out)?;
        out.flush().map_err(failed)?;
        drop(out);
        Region::whole(file)
    }

    /// Puts all that `reader` gives into such a file.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read, or the file not be written.
    pub fn spool_all(reader: &mut impl Read) -> Result<Self> {
        Region::spool(|file| {
            let mut piece = vec![0; 256 << 10];
            loop {
                let n = match reader.read(&mut piece) {
                    Ok(0) => return Ok(()),
                    Ok(n) => n,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(Error::from_read("read", error)),
                };
                file.write_all(&piece[..n]).map_err(|source| Error::Io { action: "write a temporary file", source })?;
            }
        })
    }

    /// Opens a layer's tar of which the contents lie as files in `folder`, the rest in `tar_split`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Json`] or [`Error::Document`] where they cannot be read.
    pub fn assembled(tar_split: &Path, folder: &Path) -> Result<Self> {
        let assembly = Assembly::open(tar_split, folder)?;
        let len = assembly.len();
        Ok(Region { backing: Backing::Assembly(Arc::new(assembly)), start: 0, len })
    }

    /// Returns how many of the `wanted` bytes at `offset` can be had without opening a file for them.
    pub(crate) fn in_reach(&self, offset: u64, wanted: usize) -> usize {
        match &self.backing {
            Backing::File(_) => wanted,
            Backing::Assembly(assembly) => {
                usize::try_from(assembly.in_memory(self.start + offset, wanted as u64)).unwrap_or(wanted)
            }
        }
    }

    /// Returns the number of bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Says whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the part that starts at `offset` and has at most `len` bytes.
    #[must_use]
    pub fn slice(&self, offset: u64, len: u64) -> Region {
        let offset = offset.min(self.len);
        Region { backing: self.backing.clone(), start: self.start + offset, len: len.min(self.len - offset) }
    }

    /// Reads into `buf` from `offset` on, until it is full or the region ends.
    ///
    /// # Errors
    /// [`Error::Io`] where the system refuses.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let room = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buf.len().min(room);
        let mut done = 0;
        while done < wanted {
            match self.backing.read_at(self.start + offset + done as u64, &mut buf[done..wanted]) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::Io { action: "read", source }),
            }
        }
        Ok(done)
    }

    /// Reads all of it, where it has at most `limit` bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above the limit, [`Error::Truncated`] where the file became shorter, [`Error::Io`].
    pub fn read_all(&self, what: &str, limit: u64) -> Result<Vec<u8>> {
        if self.len > limit {
            return Err(too_large(what, limit));
        }
        let mut bytes = vec![0; usize::try_from(self.len).map_err(|_| too_large(what, limit))?];
        let read = self.read_at(0, &mut bytes)?;
        if read < bytes.len() {
            let missing = (bytes.len() - read) as u64;
            return Err(Error::Truncated { at: read as u64, missing, inside: "a document" });
        }
        Ok(bytes)
    }

    /// Recognises the compression by the first bytes.
    ///
    /// # Errors
    /// [`Error::Io`] where the system refuses.
    pub fn compression(&self) -> Result<Compression> {
        let mut start = [0; Compression::MAGIC_BYTES];
        let read = self.read_at(0, &mut start)?;
        Ok(Compression::of(&start[..read]))
    }

    /// Returns a reader of the bytes from the start on that counts what it reads into `progress`.
    #[must_use]
    pub(crate) fn reader(&self, progress: &Arc<Progress>) -> RegionReader {
        RegionReader { region: self.clone(), offset: 0, progress: Arc::clone(progress) }
    }
}

fn too_large(what: &str, limit: u64) -> Error {
    Error::TooLarge { what: what.to_owned(), limit: format!("{limit} bytes") }
}

#[cfg(unix)]
fn positioned_read(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, offset)
}

#[cfg(windows)]
fn positioned_read(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buf, offset)
}

/// Reads a [`Region`] forward.
#[derive(Debug)]
pub(crate) struct RegionReader {
    region: Region,
    offset: u64,
    progress: Arc<Progress>,
}

impl Read for RegionReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.region.read_at(self.offset, buf).map_err(io::Error::other)?;
        self.offset += n as u64;
        self.progress.add(n as u64);
        Ok(n)
    }
}

/// How far the reading of an image has come; shared with whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    done_bytes: AtomicU64,
    total_bytes: AtomicU64,
}

impl Progress {
    /// Returns the bytes read or skipped, and how many there are in all (0 = not known, as of a stream).
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        (self.done_bytes.load(Ordering::Relaxed), self.total_bytes.load(Ordering::Relaxed))
    }

    pub(crate) fn add(&self, bytes: u64) {
        self.done_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn expect(&self, bytes: u64) {
        self.total_bytes.store(bytes, Ordering::Relaxed);
    }
}

/// A reader that counts what passes into a [`Progress`].
pub(crate) struct Counted<R> {
    pub(crate) inner: R,
    pub(crate) progress: Arc<Progress>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.progress.add(n as u64);
        Ok(n)
    }
}
