//! The bytes of one file of one layer, paged: a window of it is read for each screen, never the whole.
//!
//! A file of a plain layer is read in place. Anything else must be decoded up to its end once, into a temporary file
//! without a name: it vanishes with the program, however that ends.

use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use crate::analysis::Analysis;
use crate::archive::members::{Catalog, Target, link_target};
use crate::error::{AtPlace, Error, Place, Result};
use crate::layer::entry::{Entry, EntryRef, Kind};
use crate::layer::index::Index;
use crate::layer::reader::is_entry;
use crate::path::{Normal, normalize};
use crate::source::compression::{Compression, Decoder};
use crate::source::feed::{Feed, Stream, Window};
use crate::source::{self, Access, Input, Progress, Region};
use crate::tarball::{Content, Walker};

/// Takes the pieces of one wanted file.
pub trait Taker {
    /// Says whether the entry at this place of the layer is wanted.
    fn wants(&self, place: u32) -> bool;

    /// Takes the next piece of it.
    ///
    /// # Errors
    /// Where the piece cannot be kept.
    fn take(&mut self, place: u32, piece: &[u8]) -> std::io::Result<()>;

    /// Says whether nothing more is wanted.
    fn is_done(&self) -> bool;
}

/// Makes a file's bytes readable at any offset; `at` may be a hard link.
///
/// # Errors
/// Where the layer cannot be read again, or the temporary file not be written.
pub fn open(analysis: &Analysis, source: &Path, at: EntryRef) -> Result<Region> {
    let inode = analysis.index.inode(at).unwrap_or(at);
    if let Some(region) = in_place(&analysis.index, analysis, inode) {
        return Ok(region);
    }
    let file = tempfile::tempfile().map_err(|source| Error::Io { action: "make a temporary file for", source })?;
    let mut spool = Spool { place: inode.index, file, seen: false };
    read_layer(analysis, source, inode.layer().index(), &mut spool)?;
    spool.file.seek(SeekFrom::Start(0)).map_err(|source| Error::Io { action: "read", source })?;
    Region::whole(spool.file)
}

/// A file in a plain layer that was jumped over: its place is known.
fn in_place(index: &Index, analysis: &Analysis, inode: EntryRef) -> Option<Region> {
    let entry = index.entry(inode);
    let is_placed = entry.kind == Kind::File && !entry.has(Entry::HASHED) && !entry.has(Entry::SPARSE);
    let region = analysis.layers[inode.layer().index()].blob.plain().filter(|_| is_placed)?;
    Some(region.slice(entry.id, entry.size))
}

struct Spool {
    place: u32,
    file: std::fs::File,
    seen: bool,
}

impl Taker for Spool {
    fn wants(&self, place: u32) -> bool {
        place == self.place
    }

    fn take(&mut self, _: u32, piece: &[u8]) -> std::io::Result<()> {
        self.seen = true;
        self.file.write_all(piece)
    }

    fn is_done(&self) -> bool {
        self.seen
    }
}

/// Reads a layer again, and hands what is wanted to `taker`.
///
/// # Errors
/// Where it cannot be read again: a stream, an input that has changed since.
pub fn read_layer(analysis: &Analysis, source: &Path, layer: usize, taker: &mut impl Taker) -> Result<()> {
    let blob = &analysis.layers[layer].blob;
    let number = analysis.layers[layer].number.get();
    let result = match &blob.region {
        Some(region) if blob.compression == Compression::None => {
            walk(Window::new(region.clone(), &Arc::new(Progress::default())), taker)
        }
        Some(region) => {
            let reader = BufReader::with_capacity(BUFFER, region.reader(&Arc::new(Progress::default())));
            decode(reader, blob.compression, taker)
        }
        None => from_archive(analysis, source, layer, taker),
    };
    result.at(|| Place::Layer(number))
}

const BUFFER: usize = 256 << 10;

fn decode(reader: impl std::io::BufRead, compression: Compression, taker: &mut impl Taker) -> Result<()> {
    let decoder = Decoder::new(compression, reader).map_err(|source| Error::Io { action: "decompress", source })?;
    walk(Stream::new(decoder, compression), taker)
}

/// Goes through a layer and counts its entries as the index does.
fn walk(feed: impl Feed, taker: &mut impl Taker) -> Result<()> {
    let mut walker = Walker::new(feed);
    let mut place = 0u32;
    let mut path = Vec::new();
    while !taker.is_done() && walker.advance()? {
        if !is_entry(walker.member(), &mut path) {
            continue;
        }
        if taker.wants(place) {
            // An empty file is seen as well.
            let mut result = taker.take(place, b"");
            walker.read_content(|piece| {
                if result.is_ok() {
                    result = taker.take(place, piece);
                }
            })?;
            result.map_err(|source| Error::Io { action: "write", source })?;
        }
        place += 1;
    }
    Ok(())
}

/// The whole archive is compressed: it must pass by again up to the layer.
fn from_archive(analysis: &Analysis, source: &Path, layer: usize, taker: &mut impl Taker) -> Result<()> {
    let gone = || Error::Unsupported {
        what: "what came through a pipe or from an engine is gone: its contents cannot be looked at".to_owned(),
        hint: "save the image to a file and open that",
    };
    if !source.is_file() {
        return Err(gone());
    }
    let Input::File(region) = source::open(source, &Access::default())? else {
        return Err(gone());
    };
    let name = resolve(&region, &analysis.spec.layers[layer].name)?;
    let mut walker = Walker::new(outer(&region)?);
    let mut path = Vec::new();
    while walker.advance()? {
        if normalize(&walker.member().path, &mut path) != Normal::Outside && path == name {
            let compression = analysis.layers[layer].blob.compression;
            return decode(BufReader::with_capacity(BUFFER, Content(&mut walker)), compression, taker);
        }
    }
    Err(Error::Missing { what: "layer", name })
}

fn outer(region: &Region) -> Result<Stream<Decoder<BufReader<impl Read>>>> {
    let mut start = [0; Compression::MAGIC_BYTES];
    let read = region.read_at(0, &mut start)?;
    let compression = Compression::of(&start[..read]);
    let reader = BufReader::with_capacity(BUFFER, region.reader(&Arc::new(Progress::default())));
    let decoder = Decoder::new(compression, reader).map_err(|source| Error::Io { action: "decompress", source })?;
    Ok(Stream::new(decoder, compression))
}

/// Old engines store a layer that is used twice as a link to the first one.
fn resolve(region: &Region, name: &[u8]) -> Result<Vec<u8>> {
    let mut catalog: Catalog<Vec<u8>> = Catalog::default();
    let mut walker = Walker::new(outer(region)?);
    let mut path = Vec::new();
    while walker.advance()? {
        let member = walker.member();
        if normalize(&member.path, &mut path) == Normal::Outside {
            continue;
        }
        let target = match member.kind {
            Kind::File if path == name => return Ok(path),
            Kind::File => Target::Here(path.clone()),
            Kind::HardLink | Kind::Symlink => link_target(member.kind, &path, &member.link),
            _ => continue,
        };
        catalog.insert(path.clone(), target);
    }
    catalog.find(name)?.cloned().ok_or_else(|| Error::Missing { what: "layer", name: name.to_vec() })
}

/// How content is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Lines with numbers.
    Text,
    /// Sixteen bytes a row.
    Hex,
}

/// A window into a file's bytes.
#[derive(Debug)]
pub struct Pager {
    region: Region,
    /// Text or bytes.
    pub mode: Mode,
    /// Where the first row starts.
    top: u64,
    /// The first row's line number, from 1; not known after a jump in a huge file.
    line: Option<u64>,
}

/// A line longer than this is shown in pieces.
const LONGEST_LINE: u64 = 4096;
/// Up to this size the lines are counted on the way to the end.
const MOST_COUNTED: u64 = 256 << 20;
/// Bytes of a row in hexadecimal.
pub const HEX_ROW: u64 = 16;

/// One row of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextRow {
    /// Its line number; missing where it goes on with the line above, or where it is not known.
    pub number: Option<u64>,
    /// Its bytes, without the line's end.
    pub bytes: Vec<u8>,
}

impl Pager {
    /// Starts at the top; binary files in hexadecimal.
    ///
    /// # Errors
    /// Where the bytes cannot be read.
    pub fn new(region: Region) -> Result<Self> {
        let mut start = vec![0; 8192];
        let read = region.read_at(0, &mut start)?;
        let is_text = !start[..read].contains(&0) && std::str::from_utf8(&start[..read]).is_ok_or_cut();
        let mode = if is_text { Mode::Text } else { Mode::Hex };
        Ok(Pager { region, mode, top: 0, line: Some(1) })
    }

    /// Returns the number of bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.region.len()
    }

    /// Says whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.region.is_empty()
    }

    /// Returns where the first row starts.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.top
    }

    /// Returns the rows of a screen as text.
    #[must_use]
    pub fn text(&self, height: usize) -> Vec<TextRow> {
        let mut rows = Vec::with_capacity(height);
        let (mut at, mut number) = (self.top, self.line);
        let mut continues = false;
        while rows.len() < height && at < self.len() {
            let (bytes, next, ends) = self.row(at);
            rows.push(TextRow { number: number.filter(|_| !continues), bytes });
            number = number.map(|number| number + u64::from(ends));
            continues = !ends;
            at = next;
        }
        rows
    }

    /// Returns the rows of a screen in hexadecimal: offset and bytes.
    #[must_use]
    pub fn hex(&self, height: usize) -> Vec<(u64, Vec<u8>)> {
        let start = self.top - self.top % HEX_ROW;
        let offsets = (0..height as u64).map(|row| start + row * HEX_ROW).take_while(|offset| *offset < self.len());
        offsets.map(|offset| (offset, self.read(offset, HEX_ROW))).collect()
    }

    fn read(&self, offset: u64, length: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        let read = self.region.read_at(offset, &mut bytes).unwrap_or(0);
        bytes.truncate(read);
        bytes
    }

    /// Returns the row that starts at `at`, where the next one starts, and whether the line ends.
    fn row(&self, at: u64) -> (Vec<u8>, u64, bool) {
        let mut bytes = self.read(at, LONGEST_LINE);
        if let Some(end) = memchr::memchr(b'\n', &bytes) {
            bytes.truncate(end);
            return (bytes, at + end as u64 + 1, true);
        }
        let next = at + (bytes.len() as u64).max(1);
        (bytes, next, next >= self.len())
    }

    /// Changes between text and hexadecimal.
    pub fn toggle(&mut self) {
        self.mode = if self.mode == Mode::Text { Mode::Hex } else { Mode::Text };
        (self.top, self.line) = (0, Some(1));
    }

    /// Moves by rows.
    pub fn step(&mut self, rows: isize, height: usize) {
        for _ in 0..rows.unsigned_abs() {
            let moved = match (self.mode, rows > 0) {
                (Mode::Hex, down) => self.step_hex(down, height),
                (Mode::Text, true) => self.step_down(height),
                (Mode::Text, false) => self.step_up(),
            };
            if !moved {
                break;
            }
        }
    }

    fn step_hex(&mut self, down: bool, height: usize) -> bool {
        let last = self.len().div_ceil(HEX_ROW).saturating_sub(height as u64) * HEX_ROW;
        let next = if down { (self.top + HEX_ROW).min(last) } else { self.top.saturating_sub(HEX_ROW) };
        std::mem::replace(&mut self.top, next) != next
    }

    fn step_down(&mut self, height: usize) -> bool {
        // The last line stays at the bottom of a full screen.
        if self.text(height + 1).len() <= height {
            return false;
        }
        let (_, next, ends) = self.row(self.top);
        self.line = self.line.map(|line| line + u64::from(ends));
        self.top = next;
        true
    }

    fn step_up(&mut self) -> bool {
        if self.top == 0 {
            return false;
        }
        let (previous, ends) = self.row_before(self.top);
        self.line = self.line.map(|line| line.saturating_sub(u64::from(ends)).max(1));
        self.top = previous;
        true
    }

    /// Returns where the row before `at` starts, and whether a line's end lies between.
    fn row_before(&self, at: u64) -> (u64, bool) {
        let start = at.saturating_sub(16 * LONGEST_LINE);
        let bytes = self.read(start, at - start);
        let ends = bytes.last() == Some(&b'\n');
        let body = &bytes[..bytes.len() - usize::from(ends)];
        let line = memchr::memrchr(b'\n', body).map_or(start, |end| start + end as u64 + 1);
        let length = (at - u64::from(ends)).saturating_sub(line);
        let pieces = length.saturating_sub(1) / LONGEST_LINE;
        (line + pieces * LONGEST_LINE, ends)
    }

    /// Goes to the first row.
    pub fn to_top(&mut self) {
        (self.top, self.line) = (0, Some(1));
    }

    /// Goes to the last screen.
    pub fn to_bottom(&mut self, height: usize) {
        self.top = self.len();
        self.line = (self.len() <= MOST_COUNTED).then(|| self.count_lines() + 1);
        if self.mode == Mode::Hex {
            self.top = self.len().div_ceil(HEX_ROW) * HEX_ROW;
        }
        let ends_open = self.mode == Mode::Text && self.read(self.len().saturating_sub(1), 1) != b"\n";
        for row in 0..height {
            match self.mode {
                Mode::Hex => self.top = self.top.saturating_sub(HEX_ROW),
                Mode::Text if self.top > 0 => {
                    let line = self.line;
                    self.step_up();
                    if row == 0 && ends_open {
                        self.line = line;
                    }
                }
                Mode::Text => break,
            }
        }
    }

    fn count_lines(&self) -> u64 {
        let mut lines = 0;
        let mut at = 0;
        while at < self.len() {
            let bytes = self.read(at, 1 << 20);
            if bytes.is_empty() {
                break;
            }
            lines += memchr::memchr_iter(b'\n', &bytes).count() as u64;
            at += bytes.len() as u64;
        }
        lines
    }
}

/// Text whose last character was cut is text.
trait IsText {
    fn is_ok_or_cut(&self) -> bool;
}

impl IsText for std::result::Result<&str, std::str::Utf8Error> {
    fn is_ok_or_cut(&self) -> bool {
        self.is_ok() || self.as_ref().is_err_and(|error| error.error_len().is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pager(content: &[u8]) -> Pager {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(content).expect("written");
        Pager::new(Region::whole(file).expect("readable")).expect("readable")
    }

    fn numbers(pager: &Pager, height: usize) -> Vec<Option<u64>> {
        pager.text(height).iter().map(|row| row.number).collect()
    }

    #[test]
    fn text_is_paged_by_lines() {
        let content = (1..=100).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n") + "\n";
        let mut pager = pager(content.as_bytes());
        assert_eq!(pager.mode, Mode::Text);
        assert_eq!(numbers(&pager, 3), [Some(1), Some(2), Some(3)]);
        pager.step(10, 3);
        assert_eq!(pager.text(1)[0], TextRow { number: Some(11), bytes: b"line 11".to_vec() });
        pager.step(-4, 3);
        assert_eq!(numbers(&pager, 1), [Some(7)]);
        pager.to_bottom(3);
        assert_eq!(pager.text(3)[2], TextRow { number: Some(100), bytes: b"line 100".to_vec() });
        pager.step(5, 3);
        assert_eq!(numbers(&pager, 3), [Some(98), Some(99), Some(100)]);
        pager.to_top();
        assert_eq!(numbers(&pager, 1), [Some(1)]);
    }

    #[test]
    fn a_last_line_without_an_end_and_long_lines() {
        let mut open = pager(b"one\ntwo\nthree");
        open.to_bottom(2);
        assert_eq!(numbers(&open, 2), [Some(2), Some(3)]);
        let mut long = pager(&[vec![b'a'; 10_000], b"\nend".to_vec()].concat());
        assert_eq!(numbers(&long, 5), [Some(1), None, None, Some(2)]);
        long.to_bottom(2);
        assert_eq!(long.text(2)[1].bytes, b"end");
        long.step(-1, 2);
        long.step(-1, 2);
        assert_eq!(long.position(), 0);
    }

    #[test]
    fn binary_is_shown_in_hexadecimal() {
        let mut pager = pager(&[0; 100]);
        assert_eq!(pager.mode, Mode::Hex);
        assert_eq!(pager.hex(10).len(), 7);
        pager.to_bottom(2);
        assert_eq!(pager.hex(2), [(80, vec![0; 16]), (96, vec![0; 4])]);
        pager.step(-1, 2);
        assert_eq!(pager.position(), 64);
    }
}
