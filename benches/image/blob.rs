//! Layer blobs: hashed and counted on both sides of their compression while they are written.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// How a layer is stored.
#[derive(Clone, Copy)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
    /// One gzip member for each entry, as eStargz writes them.
    GzipMembers,
}

/// A finished blob, waiting in a file for its place in the archive.
pub struct Blob {
    pub file: PathBuf,
    /// Lower-case hexadecimal sha256 of the file.
    pub digest: String,
    pub bytes: u64,
    /// Lower-case hexadecimal sha256 of the uncompressed tar.
    pub diff_id: String,
}

/// Takes the bytes of a layer's tar and writes its blob.
pub struct BlobWriter {
    file: PathBuf,
    tar: Hashed<Encoder<Hashed<BufWriter<File>>>>,
}

impl BlobWriter {
    pub fn create(file: &Path, compression: Compression) -> io::Result<Self> {
        let stored = BufWriter::with_capacity(1 << 20, File::create(file)?);
        let encoder = Encoder::new(Hashed::new(stored), compression)?;
        Ok(Self { file: file.to_owned(), tar: Hashed::new(encoder) })
    }

    /// Says that an entry ends here, which only [`Compression::GzipMembers`] cares about.
    pub fn end_entry(&mut self) -> io::Result<()> {
        self.tar.inner.end_member()
    }

    pub fn finish(self) -> io::Result<Blob> {
        let diff_id = self.tar.digest();
        let mut stored = self.tar.inner.finish()?;
        stored.flush()?;
        Ok(Blob { file: self.file, digest: stored.digest(), bytes: stored.bytes, diff_id })
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tar.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tar.flush()
    }
}

/// Returns the lower-case hexadecimal sha256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])).collect()
}

/// Hashes and counts what passes through.
struct Hashed<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Hashed<W> {
    fn new(inner: W) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    fn digest(&self) -> String {
        hex(&self.hash.clone().finalize())
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

enum Encoder<W: Write> {
    None(W),
    Gzip(GzEncoder<W>),
    /// Empty only while one member is exchanged for the next, or after that failed.
    GzipMembers(Option<GzEncoder<W>>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    fn new(inner: W, compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::None(inner),
            Compression::Gzip => Self::Gzip(gzip(inner)),
            Compression::GzipMembers => Self::GzipMembers(Some(gzip(inner))),
            Compression::Zstd => Self::Zstd(zstd(inner)?),
        })
    }

    fn end_member(&mut self) -> io::Result<()> {
        if let Self::GzipMembers(member) = self
            && let Some(encoder) = member.take()
        {
            *member = Some(gzip(encoder.finish()?));
        }
        Ok(())
    }

    fn finish(self) -> io::Result<W> {
        match self {
            Self::None(inner) => Ok(inner),
            Self::Gzip(encoder) => encoder.finish(),
            Self::GzipMembers(member) => member.ok_or_else(lost_member)?.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }

    fn inner(&mut self) -> io::Result<&mut dyn Write> {
        Ok(match self {
            Self::None(inner) => inner,
            Self::Gzip(encoder) => encoder,
            Self::GzipMembers(member) => member.as_mut().ok_or_else(lost_member)?,
            Self::Zstd(encoder) => encoder,
        })
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner()?.flush()
    }
}

/// The level that docker and Go's gzip use.
pub fn gzip<W: Write>(inner: W) -> GzEncoder<W> {
    GzEncoder::new(inner, flate2::Compression::new(6))
}

/// Level 3 with a checksum, as the `zstd` command writes it.
pub fn zstd<W: Write>(inner: W) -> io::Result<zstd::Encoder<'static, W>> {
    let mut encoder = zstd::Encoder::new(inner, 3)?;
    encoder.include_checksum(true)?;
    Ok(encoder)
}

fn lost_member() -> io::Error {
    io::Error::other("the gzip member before this one failed")
}
