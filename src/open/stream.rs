//! An image that passes by once: a compressed archive, a pipe.
//!
//! Which members are layers is only known when the manifest has passed, and that may come last. So every member that
//! looks like a layer is indexed as it passes, every one that looks like a document is kept, and the rest is read over.
//! Nothing is written to disk.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use super::blob::{LayerRead, decoder, read_stream, read_verified, read_vouched, uncompressed_digest};
use super::image::{Loaded, Reading, assemble, check_documents};
use super::options::Loading;
use crate::archive::members::{Catalog, CatalogEntry, link_target};
use crate::archive::{Documents, LayerRef, MOST_DOCUMENT_BYTES, explain, select};
use crate::digest::Algorithm;
use crate::error::{AtPlace, Error, Place, Result};
use crate::layer::batch::Batch;
use crate::layer::blob::Blob;
use crate::layer::index::Builder;
use crate::layer::reader::Sink;
use crate::path::{Normal, normalize};
use crate::source::compression::{Compression, Decoder};
use crate::source::feed::{Feed, Stream};
use crate::source::{Progress, Region};
use crate::tarball::header::{BLOCK, Kind};
use crate::tarball::{Walker, WholeContent};

/// A member that passed by.
enum Seen {
    Document(Vec<u8>),
    /// A document that was too large to keep.
    TooLarge(u64),
    /// A layer: its place in the builder, how it is stored.
    Layer {
        slot: usize,
        compression: Compression,
        blob_bytes: u64,
    },
    /// Neither: an error only if the manifest names it as a layer.
    NoLayer,
}

/// All documents together; a real archive has some hundred kilobytes.
const MOST_DOCUMENTS_BYTES: u64 = 8 * MOST_DOCUMENT_BYTES;
/// What looks like a layer; an archive of a thousand images has about ten thousand.
const MOST_BLOBS: usize = 20_000;
/// What follows the end of an archive is read this far, to see that a compressed stream is whole.
const MOST_TRAILING_BYTES: u64 = 64 << 20;

/// An archive that passes by, and what was seen of it.
struct Scan<'a> {
    options: &'a Loading<'a>,
    /// The archive, where it can be read a second time.
    again: Option<&'a Region>,
    catalog: Catalog<Seen>,
    builder: Builder,
    reads: Vec<Result<LayerRead>>,
    kept_bytes: u64,
}

/// Reads an image from bytes that are read once, forward; `again` is what they come from, where that is a file.
pub(super) fn load(reader: impl Read, options: &Loading<'_>, again: Option<&Region>) -> Result<Loaded> {
    let mut reader = BufReader::with_capacity(256 << 10, reader);
    let start = reader.fill_buf().map_err(|error| Error::from_read("read", error))?;
    if start.is_empty() {
        return Err(explain::empty());
    }
    let mut walker = open(reader)?;
    let mut scan = Scan {
        options,
        again,
        catalog: Catalog::default(),
        builder: Builder::default(),
        reads: Vec::new(),
        kept_bytes: 0,
    };
    scan.members(&mut walker)?;
    walker.into_feed().skip(MOST_TRAILING_BYTES)?;
    scan.finish()
}

/// Starts to walk an archive, whatever its compression.
fn open<R: BufRead>(mut reader: R) -> Result<Walker<Stream<Decoder<R>>>> {
    let compression = Compression::of(reader.fill_buf().map_err(|error| Error::from_read("read", error))?);
    Ok(Walker::new(Stream::new(decoder(compression, reader)?, compression)))
}

impl Scan<'_> {
    fn members<F: Feed>(&mut self, walker: &mut Walker<F>) -> Result<()> {
        let mut name = Vec::new();
        loop {
            let is_first = walker.count() == 0;
            match walker.advance() {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error @ Error::BadHeader { at: 0, .. }) if is_first => {
                    return Err(explain::start(error, walker.feed().buffered()));
                }
                Err(error) => return Err(error),
            }
            let member = walker.member();
            if normalize(&member.path, &mut name) == Normal::Outside {
                continue;
            }
            let target = match member.kind {
                Kind::File => CatalogEntry::Here(self.file(walker, &name)?),
                Kind::HardLink | Kind::Symlink => link_target(member.kind, &name, &member.link),
                _ => continue,
            };
            self.catalog.insert(name.clone(), target)?;
        }
    }

    /// Looks at the first bytes of a member and decides what to do with it.
    fn file<F: Feed>(&mut self, walker: &mut Walker<F>, name: &[u8]) -> Result<Seen> {
        let blob_bytes = walker.left();
        // One whole block where there is one: the piece that is in memory may be shorter.
        let start = walker.peek_content(BLOCK)?;
        let compression = Compression::of(start);
        let is_layer = compression != Compression::None || start.iter().all(|byte| *byte == 0) || is_header(start);
        if is_layer {
            if self.reads.len() >= MOST_BLOBS {
                let (what, limit) = ("the number of blobs in the archive".to_owned(), MOST_BLOBS.to_string());
                return Err(Error::TooLarge { what, limit });
            }
            return Ok(self.layer(walker, compression, blob_bytes, name));
        }
        let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
        if !is_document_name(name) && !matches!(first, Some(b'{' | b'[')) {
            return Ok(Seen::NoLayer);
        }
        if blob_bytes > MOST_DOCUMENT_BYTES || blob_bytes > MOST_DOCUMENTS_BYTES - self.kept_bytes {
            return Ok(Seen::TooLarge(MOST_DOCUMENT_BYTES));
        }
        self.kept_bytes += blob_bytes;
        let mut content = Vec::new();
        walker.read_content(|piece| content.extend_from_slice(piece))?;
        Ok(Seen::Document(content))
    }

    fn layer<F: Feed>(
        &mut self,
        walker: &mut Walker<F>,
        compression: Compression,
        blob_bytes: u64,
        name: &[u8],
    ) -> Seen {
        let slot = self.builder.add_layer();
        let mut sink = Direct { builder: &mut self.builder, slot, progress: &self.options.progress };
        let content = WholeContent(walker);
        let result = if self.options.verify {
            let is_sha512 = name.starts_with(b"blobs/sha512/");
            let algorithm = if is_sha512 { Algorithm::Sha512 } else { Algorithm::Sha256 };
            read_verified(content, compression, algorithm, self.options.room(), &mut sink)
        } else if self.again.is_none() {
            read_vouched(content, compression, self.options.room(), &mut sink)
        } else {
            read_stream(content, compression, self.options.room(), &mut sink)
        };
        if let Ok(read) = &result {
            self.builder.finish_layer(slot, &read.footer);
            self.options.watch.layer(None, self.builder.stored_bytes(slot));
        }
        self.reads.push(result);
        Seen::Layer { slot, compression, blob_bytes }
    }

    fn finish(mut self) -> Result<Loaded> {
        let spec = select(&self, &self.options.selection)?;
        self.options.watch.spec(&spec);
        check_documents(&spec, self.options)?;
        let (mut order, mut blobs) = (Vec::new(), Vec::new());
        let mut first_use: HashMap<usize, u32> = HashMap::new();
        for (at, layer) in spec.layers.iter().enumerate() {
            let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
            match self.catalog.find(&layer.name).at(|| Place::Layer(number))? {
                Some(Seen::Layer { slot, compression, blob_bytes }) => {
                    first_use.entry(*slot).or_insert(number);
                    order.push(*slot);
                    blobs.push(Blob { compression: *compression, blob_bytes: *blob_bytes, region: None });
                }
                Some(_) => {
                    let problem = "the layer is not a tar archive".to_owned();
                    return Err(Error::BadHeader { at: 0, problem }.at(Place::Layer(number)));
                }
                None => {
                    let missing = Error::Missing { what: "layer", name: layer.name.clone() };
                    return Err(missing.at(Place::Layer(number)));
                }
            }
        }
        let mut reads = Vec::new();
        for (slot, result) in self.reads.drain(..).enumerate() {
            match (result, first_use.get(&slot)) {
                (Err(error), Some(number)) => return Err(error.at(Place::Layer(*number))),
                // Something that looked like a layer, was none, and is not asked for.
                (result, _) => reads.push(result.unwrap_or_default()),
            }
        }
        let mut reading = Reading::new(order, blobs, reads);
        self.vouch(&spec.layers, &mut reading)?;
        let odd = std::mem::take(&mut self.catalog.warnings);
        assemble(spec, self.builder, reading, &odd)
    }

    /// Reads the archive again for the digests of layers that nothing else vouches for.
    fn vouch(&self, layers: &[LayerRef], reading: &mut Reading) -> Result<()> {
        let unvouched = reading.unvouched(layers);
        let Some(archive) = self.again.filter(|_| !unvouched.is_empty()) else {
            return Ok(());
        };
        let member = |at: usize| self.catalog.canonical(&layers[at].name);
        let slots: HashMap<&[u8], usize> = unvouched.iter().map(|at| (member(*at), reading.order[*at])).collect();
        let reader = BufReader::with_capacity(256 << 10, archive.reader(&Arc::new(Progress::default())));
        let mut walker = open(reader)?;
        let mut name = Vec::new();
        while walker.advance()? {
            if walker.member().kind != Kind::File || normalize(&walker.member().path, &mut name) == Normal::Outside {
                continue;
            }
            if let Some(slot) = slots.get(&name[..]) {
                let compression = Compression::of(walker.peek_content(Compression::MAGIC_BYTES)?);
                // The last member of a name is the one that counts, so all of them are looked at.
                reading.uncompressed[*slot] = Some(uncompressed_digest(WholeContent(&mut walker), compression)?);
            }
        }
        Ok(())
    }
}

impl Documents for Scan<'_> {
    fn read(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.catalog.find(name)? {
            Some(Seen::Document(content)) => Ok(Some(content.clone())),
            Some(Seen::TooLarge(limit)) => {
                let error = Error::TooLarge { what: "the document".to_owned(), limit: format!("{limit} bytes") };
                Err(error.at(Place::Member(name.to_vec())))
            }
            // A document that is all zeros or a tar is no JSON: let the parser say so.
            Some(Seen::Layer { .. } | Seen::NoLayer) => Ok(Some(Vec::new())),
            None => Ok(None),
        }
    }

    fn names(&self) -> Vec<Vec<u8>> {
        self.catalog.names().take(10_000).cloned().collect()
    }

    fn is_directory(&self) -> bool {
        false
    }
}

/// Builds the index in the thread that reads.
struct Direct<'a> {
    builder: &'a mut Builder,
    slot: usize,
    progress: &'a Progress,
}

impl Sink for Direct<'_> {
    fn take(&mut self, batch: &mut Batch) -> Result<()> {
        self.builder.allow_for(self.progress.bytes().0);
        self.builder.push(self.slot, batch)?;
        batch.clear();
        Ok(())
    }
}

fn is_header(start: &[u8]) -> bool {
    start.get(257..262) == Some(b"ustar") || crate::tarball::header::is_valid(start)
}

fn is_document_name(name: &[u8]) -> bool {
    name.ends_with(b".json") || name.ends_with(b"/json") || name == b"repositories" || name == b"oci-layout"
}
