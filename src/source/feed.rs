//! Bytes for a forward pass: look ahead, consume, jump.
//!
//! Two feeds serve the one tar walker: a [`Window`] reads a file by `pread` and jumps over contents, so that a plain
//! layer costs its headers only; a [`Stream`] holds a decoder's output. Neither grows with the input.

use std::io::{self, Read};
use std::sync::Arc;

use super::compression::{Compression, decode_error};
use super::{Progress, Region};
use crate::error::Result;

/// A forward pass over bytes.
pub trait Feed {
    /// Returns the bytes at the current position: at least `n` of them unless the end is nearer, often more.
    ///
    /// `n` is at most [`MOST_PEEKED`].
    ///
    /// # Errors
    /// Where the bytes cannot be read or decoded.
    fn peek(&mut self, n: usize) -> Result<&[u8]>;

    /// Returns some bytes at the current position, at most `most`; none only at the end.
    ///
    /// # Errors
    /// Where the bytes cannot be read or decoded.
    fn piece(&mut self, most: u64) -> Result<&[u8]> {
        let bytes = self.peek(1)?;
        Ok(&bytes[..bytes.len().min(usize::try_from(most).unwrap_or(usize::MAX))])
    }

    /// Returns the bytes at the current position that are in memory already.
    fn buffered(&self) -> &[u8];

    /// Goes on by `n` bytes that were seen by [`Feed::peek`].
    fn consume(&mut self, n: usize);

    /// Goes on by `n` bytes, unseen; returns how many there were.
    ///
    /// # Errors
    /// Where the bytes cannot be read or decoded.
    fn skip(&mut self, n: u64) -> Result<u64>;

    /// Returns the offset of the current position from the start of the feed.
    fn position(&self) -> u64;

    /// Says whether bytes can be skipped without being read.
    fn can_jump(&self) -> bool;
}

/// The most bytes that [`Feed::peek`] can be asked for.
pub const MOST_PEEKED: usize = 1 << 16;

/// Smallest and largest window: small after a long jump, doubled while headers stand close together.
const SMALL_WINDOW: usize = 4 << 10;
const LARGE_WINDOW: usize = 64 << 10;
/// A jump beyond the window by less than this still counts as dense.
const NEAR: u64 = 8 << 10;

/// A feed over a file's region by positioned reads.
pub struct Window {
    region: Region,
    buf: Vec<u8>,
    /// Offset in the region of the first byte in `buf`, and how many bytes there are.
    start: u64,
    filled: usize,
    position: u64,
    want: usize,
    progress: Arc<Progress>,
    reported: u64,
}

impl Window {
    /// Starts at the first byte of `region`.
    #[must_use]
    pub fn new(region: Region, progress: &Arc<Progress>) -> Self {
        Window {
            region,
            buf: Vec::new(),
            start: 0,
            filled: 0,
            position: 0,
            want: SMALL_WINDOW,
            progress: Arc::clone(progress),
            reported: 0,
        }
    }

    fn refill(&mut self, n: usize) -> Result<()> {
        let end = self.start + self.filled as u64;
        let is_near = self.position < end.saturating_add(NEAR);
        self.want = if is_near { (self.want * 2).min(LARGE_WINDOW) } else { SMALL_WINDOW };
        // Never more than asked for where a file would have to be opened for it.
        let len = self.region.in_reach(self.position, self.want).max(n);
        if self.buf.len() < len {
            self.buf.resize(len, 0);
        }
        self.filled = self.region.read_at(self.position, &mut self.buf[..len])?;
        self.start = self.position;
        self.progress.add(self.position.saturating_sub(self.reported));
        self.reported = self.position.max(self.reported);
        Ok(())
    }
}

impl Feed for Window {
    fn peek(&mut self, n: usize) -> Result<&[u8]> {
        if self.buffered().len() < n && self.start + (self.filled as u64) < self.region.len() {
            self.refill(n)?;
        }
        Ok(self.buffered())
    }

    fn buffered(&self) -> &[u8] {
        match usize::try_from(self.position - self.start) {
            Ok(offset) if offset <= self.filled => &self.buf[offset..self.filled],
            _ => &[],
        }
    }

    fn consume(&mut self, n: usize) {
        self.position += n as u64;
    }

    fn skip(&mut self, n: u64) -> Result<u64> {
        let skipped = n.min(self.region.len().saturating_sub(self.position));
        self.position += skipped;
        Ok(skipped)
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn can_jump(&self) -> bool {
        true
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.progress.add(self.region.len().saturating_sub(self.reported));
    }
}

/// 256 KiB: below it decoders are slower, above it nothing is gained.
const STREAM_BUFFER: usize = 256 << 10;

/// A feed over any reader, such as a decoder.
pub struct Stream<R> {
    reader: R,
    compression: Compression,
    buf: Vec<u8>,
    from: usize,
    to: usize,
    position: u64,
    ended: bool,
    is_greedy: bool,
}

impl<R: Read> Stream<R> {
    /// Starts at the first byte of `reader`; `compression` is what its errors are blamed on.
    pub fn new(reader: R, compression: Compression) -> Self {
        Stream {
            reader,
            compression,
            buf: vec![0; STREAM_BUFFER],
            from: 0,
            to: 0,
            position: 0,
            ended: false,
            is_greedy: true,
        }
    }

    /// Starts at the first byte of `reader` and never takes more from it than was asked for.
    pub fn exact(reader: R, compression: Compression) -> Self {
        Stream { is_greedy: false, ..Stream::new(reader, compression) }
    }

    /// Reads on until there are `n` bytes or the end is reached.
    fn fill(&mut self, n: usize) -> Result<()> {
        if self.buf.len() - self.from < n.max(1) || self.from == self.to {
            self.buf.copy_within(self.from..self.to, 0);
            (self.from, self.to) = (0, self.to - self.from);
        }
        while self.to - self.from < n && !self.ended {
            let end = if self.is_greedy { self.buf.len() } else { self.from + n };
            match self.reader.read(&mut self.buf[self.to..end]) {
                Ok(0) => self.ended = true,
                Ok(read) => self.to += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let at = self.position + (self.to - self.from) as u64;
                    return Err(decode_error(self.compression, at, error));
                }
            }
        }
        Ok(())
    }
}

impl<R: Read> Feed for Stream<R> {
    fn peek(&mut self, n: usize) -> Result<&[u8]> {
        if self.to - self.from < n {
            self.fill(n)?;
        }
        Ok(&self.buf[self.from..self.to])
    }

    fn buffered(&self) -> &[u8] {
        &self.buf[self.from..self.to]
    }

    fn consume(&mut self, n: usize) {
        self.from += n;
        self.position += n as u64;
    }

    fn skip(&mut self, n: u64) -> Result<u64> {
        let mut left = n;
        while left > 0 {
            let step = self.piece(left)?.len();
            if step == 0 {
                break;
            }
            self.consume(step);
            left -= step as u64;
        }
        Ok(n - left)
    }

    fn piece(&mut self, most: u64) -> Result<&[u8]> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let least = if self.is_greedy { 1 } else { most.min(MOST_PEEKED) };
        let bytes = self.peek(least)?;
        Ok(&bytes[..bytes.len().min(most)])
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn can_jump(&self) -> bool {
        false
    }
}
