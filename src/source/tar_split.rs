//! A layer's tar as Docker's data root keeps it: everything but the files' contents in `tar-split.json.gz`, the contents
//! in the files that containers see.
//!
//! The format is that of [tar-split](https://github.com/vbatts/tar-split): one JSON object after the other, a segment
//! (headers and padding, base64) or a file (its name and size). Promises: a file is opened only when its bytes are
//! asked for, never outside the layer's folder; the rest, about a kilobyte for each file, stays in memory while it is
//! little, else in a temporary file without a name.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use super::positioned_read;
use crate::error::{Error, Result};
use crate::path::{Normal, normalize};

/// Far beyond what an engine writes: a layer with a million files has about two gigabytes of JSON.
const MOST_JSON_BYTES: u64 = 8 << 30;
const MOST_SEGMENT_BYTES: u64 = 4 << 30;
/// A line holds the headers before one file, or a mebibyte of what follows the last one.
const MOST_LINE_BYTES: u64 = 8 << 20;
/// What the list of the pieces may take of memory: some million files.
const MOST_PIECE_BYTES: usize = 192 << 20;

/// The bytes of a tar, put together from its segments and the files in a folder.
#[derive(Debug)]
pub(super) struct Assembly {
    folder: PathBuf,
    segments: Segments,
    pieces: Vec<Piece>,
    /// About what the pieces take of memory.
    piece_bytes: usize,
    len: u64,
}

/// The bytes of all segments, one after the other.
#[derive(Debug, Default)]
struct Segments {
    /// What stands in the file, if there is one.
    spooled: u64,
    file: Option<File>,
    /// What follows it.
    rest: Vec<u8>,
}

/// Beyond this segments go to a file.
const MOST_SEGMENT_MEMORY: usize = 16 << 20;

impl Segments {
    fn len(&self) -> u64 {
        self.spooled + self.rest.len() as u64
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.rest.extend_from_slice(bytes);
        if self.rest.len() < MOST_SEGMENT_MEMORY {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.write_all(&self.rest)?;
        self.spooled += self.rest.len() as u64;
        self.rest.clear();
        Ok(())
    }

    /// Reads some bytes at `offset`.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(file) = self.file.as_ref().filter(|_| offset < self.spooled) {
            let wanted = usize::try_from(self.spooled - offset).unwrap_or(usize::MAX).min(buf.len());
            return positioned_read(file, &mut buf[..wanted], offset);
        }
        let start = usize::try_from(offset - self.spooled).unwrap_or(usize::MAX).min(self.rest.len());
        let wanted = buf.len().min(self.rest.len() - start);
        buf[..wanted].copy_from_slice(&self.rest[start..start + wanted]);
        Ok(wanted)
    }
}

#[derive(Debug)]
struct Piece {
    /// Where it starts in the tar.
    start: u64,
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    /// Where it starts in the segments.
    Segment(u64),
    /// A file, by its path in the folder.
    File(Box<[u8]>),
}

/// One line of the JSON.
#[derive(Deserialize)]
struct JsonLine {
    #[serde(rename = "type")]
    kind: u8,
    name: Option<String>,
    /// The name in base64, where it is not UTF-8.
    name_raw: Option<String>,
    #[serde(default)]
    size: u64,
    payload: Option<String>,
}

const FILE: u8 = 1;
const SEGMENT: u8 = 2;

impl Assembly {
    /// Reads `tar-split.json.gz`; the files' contents lie in `folder`.
    pub(super) fn open(tar_split: &Path, folder: &Path) -> Result<Self> {
        let failed = |source| Error::Io { action: "open", source };
        let folder = folder.canonicalize().map_err(failed)?;
        let file = File::open(tar_split).map_err(failed)?;
        let mut json = BufReader::new(MultiGzDecoder::new(BufReader::new(file)).take(MOST_JSON_BYTES));
        let mut assembly =
            Assembly { folder, segments: Segments::default(), pieces: Vec::new(), piece_bytes: 0, len: 0 };
        let mut line = Vec::new();
        while read_line(&mut json, &mut line)? {
            for segment in serde_json::Deserializer::from_slice(&line).into_iter::<JsonLine>() {
                assembly.add(segment.map_err(|source| Error::Json { source })?)?;
            }
        }
        Ok(assembly)
    }

    fn add(&mut self, line: JsonLine) -> Result<()> {
        let bad = |what: &str| Error::Document { problem: format!("the layer's tar-split has {what}") };
        match line.kind {
            SEGMENT => {
                let bytes = STANDARD
                    .decode(line.payload.unwrap_or_default())
                    .map_err(|_| bad("a segment that is not base64"))?;
                self.push(Origin::Segment(self.segments.len()), bytes.len() as u64)?;
                self.segments.push(&bytes).map_err(|source| Error::Io { action: "keep the headers of", source })?;
                if self.segments.len() > MOST_SEGMENT_BYTES {
                    return Err(Error::TooLarge {
                        what: "the layer's tar-split".to_owned(),
                        limit: "4 GiB".to_owned(),
                    });
                }
                Ok(())
            }
            FILE if line.size == 0 => Ok(()),
            FILE => {
                let raw = line.name_raw.map(|name| STANDARD.decode(name));
                let name = raw.transpose().map_err(|_| bad("a name that is not base64"))?;
                let name = name.unwrap_or_else(|| line.name.unwrap_or_default().into_bytes());
                let mut path = Vec::new();
                if normalize(&name, &mut path) == Normal::Outside {
                    return Err(bad("a file outside of the layer"));
                }
                self.push(Origin::File(path.into()), line.size)
            }
            _ => Err(bad("an entry of an unknown type")),
        }
    }

    fn push(&mut self, origin: Origin, len: u64) -> Result<()> {
        let too_large = || Error::TooLarge { what: "the layer".to_owned(), limit: "2^63 bytes".to_owned() };
        let end = self.len.checked_add(len).filter(|end| *end < 1 << 63).ok_or_else(too_large)?;
        let follows_segment = matches!(
            (&origin, self.pieces.last()),
            (Origin::Segment(_), Some(Piece { origin: Origin::Segment(_), .. }))
        );
        // The bytes of segments lie one behind another: two in a row are one piece.
        if len > 0 && !follows_segment {
            let name = if let Origin::File(path) = &origin { path.len() } else { 0 };
            self.piece_bytes += size_of::<Piece>() + name;
            if self.piece_bytes > MOST_PIECE_BYTES {
                let what = "the list of the files in the layer's tar-split".to_owned();
                return Err(Error::TooLarge { what, limit: format!("{MOST_PIECE_BYTES} bytes") });
            }
            self.pieces.push(Piece { start: self.len, origin });
        }
        self.len = end;
        Ok(())
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Returns the piece at `offset` and how many of its bytes are left from there on.
    fn piece(&self, offset: u64) -> Option<(&Piece, u64)> {
        let after = self.pieces.partition_point(|piece| piece.start <= offset);
        let end = self.pieces.get(after).map_or(self.len, |next| next.start);
        let piece = self.pieces.get(after.checked_sub(1)?)?;
        end.checked_sub(offset).filter(|left| *left > 0).map(|left| (piece, left))
    }

    /// Returns how many bytes from `offset` on can be had without opening a file, at most `most`.
    pub(super) fn in_memory(&self, offset: u64, most: u64) -> u64 {
        let mut at = offset;
        while let Some((Piece { origin: Origin::Segment(_), .. }, left)) = self.piece(at) {
            at += left;
            if at - offset >= most {
                return most;
            }
        }
        at - offset
    }

    /// Reads some bytes at `offset`, as far as one piece goes.
    pub(super) fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let Some((piece, left)) = self.piece(offset) else {
            return Ok(0);
        };
        let wanted = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let within = offset - piece.start;
        match &piece.origin {
            Origin::Segment(start) => self.segments.read_at(start + within, &mut buf[..wanted]),
            Origin::File(path) => positioned_read(&self.open_content(path)?, &mut buf[..wanted], within),
        }
    }

    /// Opens a file of the folder; a symlink in the image must not lead to a file of the machine.
    fn open_content(&self, name: &[u8]) -> io::Result<File> {
        let path = self.folder.join(to_path(name)?);
        let parent = path.parent().unwrap_or(&self.folder).canonicalize()?;
        if !parent.starts_with(&self.folder) || !fs::symlink_metadata(&path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a file of the layer is gone"));
        }
        File::open(path)
    }
}

/// Reads one line of the JSON; `false` at the end.
fn read_line(json: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool> {
    line.clear();
    let read = json.take(MOST_LINE_BYTES + 1).read_until(b'\n', line);
    read.map_err(|source| Error::Io { action: "read the headers of", source })?;
    if line.len() as u64 > MOST_LINE_BYTES {
        let what = "a line of the layer's tar-split".to_owned();
        return Err(Error::TooLarge { what, limit: format!("{MOST_LINE_BYTES} bytes") });
    }
    Ok(!line.is_empty())
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere a name may be no path")]
fn to_path(name: &[u8]) -> io::Result<&Path> {
    use std::os::unix::ffi::OsStrExt;
    Ok(Path::new(std::ffi::OsStr::from_bytes(name)))
}

#[cfg(not(unix))]
fn to_path(name: &[u8]) -> io::Result<&Path> {
    std::str::from_utf8(name).map(Path::new).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `AAAA`, a file with `hello`, `BB`.
    fn assembly(folder: &Path, name: &str) -> Result<Assembly> {
        let lines = format!(
            "{{\"type\":2,\"payload\":\"QUFBQQ==\",\"position\":0}}\n\
             {{\"type\":1,\"name\":\"{name}\",\"size\":5,\"payload\":\"x\",\"position\":1}}\n\
             {{\"type\":2,\"payload\":\"QkI=\",\"position\":2}}\n"
        );
        let path = folder.join("tar-split.json.gz");
        let mut gzip = flate2::write::GzEncoder::new(File::create(&path).expect("a file"), flate2::Compression::fast());
        gzip.write_all(lines.as_bytes()).and_then(|()| gzip.finish().map(drop)).expect("it is written");
        let diff = folder.join("diff");
        fs::create_dir_all(diff.join("sub")).expect("a folder");
        fs::write(diff.join("sub/file"), "hello").expect("a file");
        Assembly::open(&path, &diff)
    }

    fn all(assembly: &Assembly) -> io::Result<Vec<u8>> {
        let (mut bytes, mut buf) = (Vec::new(), [0; 3]);
        loop {
            match assembly.read_at(bytes.len() as u64, &mut buf)? {
                0 => return Ok(bytes),
                n => bytes.extend_from_slice(&buf[..n]),
            }
        }
    }

    #[test]
    fn pieces_make_the_tar() {
        let folder = tempfile::tempdir().expect("a folder");
        let assembly = assembly(folder.path(), "./sub/file").expect("it is read");
        assert_eq!(assembly.len(), 11);
        assert_eq!(all(&assembly).ok().as_deref(), Some(&b"AAAAhelloBB"[..]));
        assert_eq!([0, 2, 4, 9].map(|offset| assembly.in_memory(offset, 100)), [4, 2, 0, 2]);
        assert_eq!(assembly.in_memory(0, 3), 3);
    }

    #[test]
    fn lines_are_bounded_and_segments_in_a_row_are_one_piece() {
        let mut line = Vec::new();
        let mut endless = BufReader::new(io::repeat(b' '));
        assert!(matches!(read_line(&mut endless, &mut line), Err(Error::TooLarge { .. })));
        let folder = tempfile::tempdir().expect("a folder");
        let mut assembly = assembly(folder.path(), "./sub/file").expect("it is read");
        assert_eq!(assembly.pieces.len(), 3);
        for _ in 0..1000 {
            let segment =
                JsonLine { kind: SEGMENT, name: None, name_raw: None, size: 0, payload: Some("QkI=".to_owned()) };
            assembly.add(segment).expect("little");
        }
        assert_eq!((assembly.pieces.len(), assembly.len()), (3, 2011));
        assert_eq!(all(&assembly).ok().as_deref().map(|bytes| &bytes[2000..]), Some(&b"BBBBBBBBBBB"[..]));
    }

    #[test]
    fn many_segments_go_to_a_file() {
        let mut segments = Segments::default();
        let piece: Vec<u8> = (0..7 << 20).map(|at: u32| u8::try_from(at % 251).unwrap_or_default()).collect();
        for _ in 0..5 {
            segments.push(&piece).expect("room on the disk");
        }
        assert!(segments.file.is_some() && segments.rest.len() < MOST_SEGMENT_MEMORY);
        assert_eq!(segments.len(), 5 * piece.len() as u64);
        // Across the ends of the pieces, of which one is where the file ends.
        for piece_end in 1..5 {
            let start = piece_end * piece.len() - 10;
            let mut found = Vec::new();
            while found.len() < 20 {
                let mut buf = [0; 20];
                let n = segments.read_at((start + found.len()) as u64, &mut buf[found.len()..]).expect("it is there");
                assert!(n > 0, "piece {piece_end}");
                found.extend_from_slice(&buf[found.len()..][..n]);
            }
            assert_eq!(found, [&piece[piece.len() - 10..], &piece[..10]].concat());
        }
        assert_eq!(segments.read_at(segments.len(), &mut [0; 4]).ok(), Some(0));
    }

    #[test]
    fn nothing_outside_is_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(assembly(folder.path(), "../../secret").is_err());
        #[cfg(unix)]
        {
            fs::create_dir_all(folder.path().join("diff")).expect("a folder");
            std::os::unix::fs::symlink("/etc", folder.path().join("diff/link")).expect("a link");
            let assembly = assembly(folder.path(), "link/passwd").expect("it is read");
            assert!(all(&assembly).is_err());
        }
    }
}
