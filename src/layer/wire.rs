//! What entries cost on the wire: the position of the compressed stream at each entry's start and end. [Model](crate::model) 4.
//!
//! Decoders run ahead of what was asked for, so the first pass over a layer does not know these positions. A second one,
//! which takes from the decoder exactly what each member needs, does; it is made only where someone asks.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;
use std::sync::Arc;

use super::reader::is_entry;
use crate::error::{Error, Result};
use crate::source::compression::{Compression, Decoder};
use crate::source::feed::Stream;
use crate::source::{Progress, Region};
use crate::tarball::Walker;

/// Returns for each of the `wanted` entries (places in the layer, ascending) the compressed bytes that it takes: its
/// headers, its content and its padding, as far as the decoder reads ahead of them.
///
/// # Errors
/// Where the layer cannot be read again.
pub fn measure(blob: &Region, compression: Compression, wanted: &[u32]) -> Result<Vec<u64>> {
    let consumed = Rc::new(Cell::new(0));
    let reader = BufReader::with_capacity(256 << 10, blob.reader(&Arc::new(Progress::default())));
    let counted = Consumed { inner: reader, consumed: Rc::clone(&consumed) };
    let decoder = Decoder::new(compression, counted).map_err(|source| Error::Io { action: "decompress", source })?;
    let mut walker = Walker::new(Stream::exact(decoder, compression));
    let (mut spans, mut path) = (Vec::with_capacity(wanted.len()), Vec::new());
    let mut wanted = wanted.iter().copied().peekable();
    // Decoders read a stream's header before they are asked for anything, and a gzip member's trailer (8 bytes) only
    // when they are asked for more.
    let (mut place, mut start) = (0, 0);
    while wanted.peek().is_some() {
        if !walker.advance()? {
            break;
        }
        let counts = is_entry(walker.member(), &mut path);
        walker.finish_member()?;
        if counts && wanted.next_if_eq(&place).is_some() {
            spans.push(consumed.get() - start);
        }
        place += u32::from(counts);
        start = consumed.get();
    }
    Ok(spans)
}

/// Counts what a decoder takes.
struct Consumed<R> {
    inner: R,
    consumed: Rc<Cell<u64>>,
}

impl<R: BufRead> Read for Consumed<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.consumed.set(self.consumed.get() + n as u64);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Consumed<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.consumed.set(self.consumed.get() + n as u64);
        self.inner.consume(n);
    }
}
