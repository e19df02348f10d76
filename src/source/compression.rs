//! Compression as the first bytes tell it; media types and file names are hints that lie.
//!
//! Every stream is read across its members and frames: eStargz is a gzip member per file, zstd:chunked has several
//! frames and skippable ones.

use std::io::{self, BufRead, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;

use crate::error::Error;

/// How a blob or a whole archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip, one member or many.
    Gzip,
    /// Zstandard, one frame or many.
    Zstd,
    /// bzip2; engines no longer write it, old archives have it.
    Bzip2,
    /// xz.
    Xz,
}

/// The largest zstd window that is accepted: 2^27 = 128 MiB, what `zstd -d` takes without being asked.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// The largest xz dictionary that is accepted, in KiB; `xz -9` needs 64 MiB.
const XZ_MEMORY_MAX_KIB: u32 = 128 << 10;

impl Compression {
    /// How many bytes [`Compression::of`] looks at.
    pub const MAGIC_BYTES: usize = 6;

    /// Recognises the compression by the first bytes.
    #[must_use]
    pub fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            // A zstd blob may start with a skippable frame (0x184D2A5?).
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Compression::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
            _ => Compression::None,
        }
    }

    /// Returns the name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Bzip2 => "bzip2",
            Compression::Xz => "xz",
        }
    }
}

/// Reads the uncompressed bytes of a stream, whatever its compression.
pub enum Decoder<R: BufRead> {
    /// Passes bytes on.
    Plain(R),
    /// Inflates every member.
    Gzip(Box<MultiGzDecoder<R>>),
    /// Decodes every frame.
    Zstd(Box<zstd::stream::read::Decoder<'static, R>>),
    /// Decodes every stream.
    Bzip2(Box<MultiBzDecoder<R>>),
    /// Decodes every stream.
    Xz(Box<XzReader<R>>),
}

impl<R: BufRead> Decoder<R> {
    /// Starts to decode `reader`.
    ///
    /// # Errors
    /// Where the decoder cannot be set up, for want of memory.
    pub fn new(compression: Compression, reader: R) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Decoder::Plain(reader),
            Compression::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(reader))),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(reader)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Decoder::Zstd(Box::new(decoder))
            }
            Compression::Bzip2 => Decoder::Bzip2(Box::new(MultiBzDecoder::new(reader))),
            Compression::Xz => Decoder::Xz(Box::new(XzReader::new_mem_limit(reader, true, XZ_MEMORY_MAX_KIB))),
        })
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Decoder::Plain(reader) => reader.read(buf),
            Decoder::Gzip(reader) => reader.read(buf),
            Decoder::Zstd(reader) => reader.read(buf),
            Decoder::Bzip2(reader) => reader.read(buf),
            Decoder::Xz(reader) => reader.read(buf),
        }
    }
}

/// What to do about a stream that needs more memory than is spent on it.
const WINDOW_HINT: &str = "compress it again with a smaller window: zstd --long=27 or less, xz -9 or less";

/// Says that a stream needs a larger window or dictionary than the limit, if that is why the decoder gave up.
fn window_error(compression: Compression, error: &io::Error) -> Option<Error> {
    let (needs, limit) = match compression {
        Compression::Zstd if error.to_string().contains("too much memory") => ("window", ZSTD_WINDOW_LOG_MAX - 20),
        Compression::Xz if error.kind() == io::ErrorKind::OutOfMemory => ("dictionary", XZ_MEMORY_MAX_KIB.ilog2() - 10),
        _ => return None,
    };
    let what = format!("the {} stream needs a {needs} beyond the limit of {} MiB", compression.name(), 1 << limit);
    Some(Error::Unsupported { what, hint: WINDOW_HINT })
}

/// Turns what a decoder answers into an error of ours; one of ours that passed through it comes out as it went in.
pub(crate) fn decode_error(compression: Compression, at: u64, error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(own) => own,
        Err(source) if compression == Compression::None => Error::Io { action: "read", source },
        Err(source) => {
            window_error(compression, &source).unwrap_or(Error::Decompress { format: compression.name(), at, source })
        }
    }
}
