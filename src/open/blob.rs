//! One blob, read once: its entries to a sink, its digests where they are needed.

use std::io::{BufReader, Read};

use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Error, Result};
use crate::layer::kept::Room;
use crate::layer::reader::{self, Footer, Sink};
use crate::source::compression::{Compression, Decoder};
use crate::source::feed::{Feed, Stream};

/// What the operating system is asked for at once.
pub(super) const STREAM_READ: usize = 256 << 10;

/// What came of reading one blob.
#[derive(Debug, Default)]
pub(super) struct LayerRead {
    pub(super) footer: Footer,
    /// The digest of the stored bytes, where it was asked for.
    pub(super) stored: Option<Digest>,
    /// The digest of the uncompressed bytes, where it was computed on the way.
    pub(super) uncompressed: Option<Digest>,
    pub(super) compression: Compression,
}

/// Reads a blob that passes by once.
pub(super) fn read_stream(
    blob: impl Read,
    compression: Compression,
    room: Option<&Room>,
    sink: &mut impl Sink,
) -> Result<LayerRead> {
    let decoder = decoder(compression, BufReader::with_capacity(STREAM_READ, blob))?;
    let (footer, _) = reader::read(Stream::new(decoder, compression), room, sink)?;
    Ok(LayerRead { footer, compression, ..LayerRead::default() })
}

/// The same, and computes the digest of its uncompressed bytes where that has to tell whether it is whole: a blob that
/// passes by does not come again.
pub(super) fn read_vouched(
    blob: impl Read,
    compression: Compression,
    room: Option<&Room>,
    sink: &mut impl Sink,
) -> Result<LayerRead> {
    let mut content = hashed(blob, compression)?;
    let (footer, _) = reader::read(Stream::new(&mut content, compression), room, sink)?;
    // Behind end blocks there may be more, which is not read: then this is the digest of nothing.
    let uncompressed = (!footer.saw_end).then(|| content.hasher.finish());
    Ok(LayerRead { footer, compression, stored: None, uncompressed })
}

fn hashed<R: Read>(blob: R, compression: Compression) -> Result<Hashed<Decoder<BufReader<R>>>> {
    let decoder = decoder(compression, BufReader::with_capacity(STREAM_READ, blob))?;
    Ok(Hashed { inner: decoder, hasher: Hasher::new(Algorithm::Sha256) })
}

pub(super) fn decoder<R: std::io::BufRead>(compression: Compression, reader: R) -> Result<Decoder<R>> {
    Decoder::new(compression, reader).map_err(|source| Error::Io { action: "decompress", source })
}

/// Reads a blob to its very end and computes the digests of its stored and of its uncompressed bytes.
pub(super) fn read_verified(
    blob: impl Read,
    compression: Compression,
    algorithm: Algorithm,
    room: Option<&Room>,
    sink: &mut impl Sink,
) -> Result<LayerRead> {
    let mut stored = Hashed { inner: blob, hasher: Hasher::new(algorithm) };
    let mut content = hashed(&mut stored, compression)?;
    let (footer, mut feed) = reader::read(Stream::new(&mut content, compression), room, sink)?;
    feed.skip(u64::MAX)?;
    drop(feed);
    let uncompressed = Some(content.hasher.finish());
    std::io::copy(&mut stored, &mut std::io::sink()).map_err(|error| Error::from_read("read", error))?;
    Ok(LayerRead { footer, compression, stored: Some(stored.hasher.finish()), uncompressed })
}

/// Reads a blob again for the digest of its uncompressed bytes.
pub(super) fn uncompressed_digest(blob: impl Read, compression: Compression) -> Result<Digest> {
    let mut content = hashed(blob, compression)?;
    Stream::new(&mut content, compression).skip(u64::MAX)?;
    Ok(content.hasher.finish())
}

/// A reader that hashes what passes.
struct Hashed<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.hasher.update(&buf[..n]);
        Ok(n)
    }
}
