//! Reads the layers of an image into an index: from a seekable archive or directory by several threads, from a stream as
//! the layers pass by.

use std::collections::HashMap;
use std::io::{BufReader, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::batch::Batch;
use super::index::{Builder, Index, collect_warnings};
use super::reader::{self, Footer, Sink};
use super::stream;
use crate::archive::members::{Archive, Directory};
use crate::archive::{Documents, ImageSpec, LayerRef, Selection, StatedDigest, select};
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{AtPlace, Error, Place, Result, Warning, WarningCode, Warnings};
use crate::source::compression::{Compression, Decoder};
use crate::source::feed::{Feed, Stream, Window};
use crate::source::{Access, Counted, Input, Progress, Region};

/// An image with every layer indexed.
pub struct Loaded {
    /// What the documents say.
    pub spec: ImageSpec,
    /// What the layers store.
    pub index: Index,
    /// How each layer is stored, bottom first.
    pub blobs: Vec<Blob>,
    /// What was odd.
    pub warnings: Warnings,
}

/// How a layer is stored.
#[derive(Debug, Clone)]
pub struct Blob {
    /// Its compression, by its first bytes.
    pub compression: Compression,
    /// Its size as stored and pulled.
    pub blob_bytes: u64,
    /// Its bytes, where they are plain and can be read again.
    pub plain: Option<Region>,
}

/// What is to be read, and how.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Which image.
    pub selection: Selection,
    /// Whether digests and `diff_ids` are computed and compared.
    pub verify: bool,
    /// How far it has come.
    pub progress: Arc<Progress>,
    /// How engines and registries are reached.
    pub access: Access,
}

/// Reads an image.
///
/// # Errors
/// Where the input is no image, is damaged or incomplete, or, if asked for, its digests do not match.
pub fn load(input: Input, options: &LoadOptions) -> Result<Loaded> {
    match input {
        Input::Directory(path) => from_store(&Directory::open(&path)?, options, &[]),
        Input::Stream(reader) => {
            let reader = BufReader::with_capacity(STREAM_READ, reader);
            stream::load(Counted { inner: reader, progress: Arc::clone(&options.progress) }, options)
        }
        Input::File(region) if region.is_empty() => Err(stream::empty()),
        Input::File(region) => {
            let mut start = [0; Compression::MAGIC_BYTES];
            let read = region.read_at(0, &mut start)?;
            if Compression::of(&start[..read]) == Compression::None {
                let archive = Archive::index(region.clone()).map_err(|error| stream::explain(error, &region))?;
                let warnings = archive.warnings().to_vec();
                from_store(&archive, options, &warnings)
            } else {
                options.progress.expect(region.len());
                stream::load(region.reader(&options.progress), options)
            }
        }
    }
}

/// What the operating system is asked for at once.
const STREAM_READ: usize = 256 << 10;

/// Documents whose blobs can be reopened.
pub(crate) trait Store: Documents {
    fn blob(&self, name: &[u8]) -> Result<Option<Region>>;

    /// Returns one name for all names of a blob.
    fn canonical<'a>(&'a self, name: &'a [u8]) -> &'a [u8];
}

impl Store for Archive {
    fn blob(&self, name: &[u8]) -> Result<Option<Region>> {
        Archive::blob(self, name)
    }

    fn canonical<'a>(&'a self, name: &'a [u8]) -> &'a [u8] {
        Archive::canonical(self, name)
    }
}

impl Store for Directory {
    fn blob(&self, name: &[u8]) -> Result<Option<Region>> {
        Directory::blob(self, name)
    }

    fn canonical<'a>(&'a self, name: &'a [u8]) -> &'a [u8] {
        name
    }
}

/// A blob that is to be read, once for all layers that name it.
struct Job {
    region: Region,
    compression: Compression,
    /// The lowest layer that names it, for messages.
    number: u32,
    algorithm: Algorithm,
}

fn from_store(store: &impl Store, options: &LoadOptions, odd: &[Warning]) -> Result<Loaded> {
    let spec = select(store, &options.selection)?;
    check_documents(&spec, options)?;
    let (jobs, order) = jobs(store, &spec.layers)?;
    options.progress.expect(jobs.iter().map(|job| job.region.len()).sum());
    let mut builder = Builder::default();
    let footers = read_all(&jobs, &mut builder, options)?;
    let blobs: Vec<Blob> = order.iter().map(|slot| jobs[*slot].blob()).collect();
    let digests: Vec<Option<Digests>> = footers.iter().map(|read| read.digests.clone()).collect();
    let footers: Vec<Footer> = footers.into_iter().map(|read| read.footer).collect();
    assemble(spec, builder, Reading { order, blobs, footers, digests }, odd)
}

/// What came of the reading, by slots of the builder (`footers`, `digests`) and by layers (`order`, `blobs`).
pub(super) struct Reading {
    pub(super) order: Vec<usize>,
    pub(super) blobs: Vec<Blob>,
    pub(super) footers: Vec<Footer>,
    pub(super) digests: Vec<Option<Digests>>,
}

/// Puts the image together; compares digests where they were computed.
pub(super) fn assemble(mut spec: ImageSpec, builder: Builder, reading: Reading, odd: &[Warning]) -> Result<Loaded> {
    let mut warnings = Warnings::default();
    odd.iter().cloned().for_each(|warning| warnings.push(warning));
    spec.warnings.drain(..).for_each(|warning| warnings.push(warning));
    for (at, (layer, slot)) in spec.layers.iter().zip(&reading.order).enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        check_size(layer, &reading.blobs[at]).at(|| Place::Layer(number))?;
        if let Some(digests) = &reading.digests[*slot] {
            digests.check(layer).at(|| Place::Layer(number))?;
        }
        if let Some(warning) = media_type_warning(layer, reading.blobs[at].compression) {
            warnings.push(Warning { layer: Some(number), ..warning });
        }
    }
    collect_warnings(&mut warnings, &reading.footers, &reading.order);
    let index = builder.finish(&reading.order)?;
    Ok(Loaded { spec, index, blobs: reading.blobs, warnings })
}

/// A plain blob cut between two members reads like a whole one: only its size tells.
fn check_size(layer: &LayerRef, blob: &Blob) -> Result<()> {
    match layer.stated_bytes {
        Some(stated) if stated != blob.blob_bytes => Err(Error::SizeMismatch { stated, found: blob.blob_bytes }),
        _ => Ok(()),
    }
}

fn media_type_warning(layer: &LayerRef, actual: Compression) -> Option<Warning> {
    let stated = layer.media_type.as_deref()?;
    let stated = match stated {
        _ if stated.ends_with("gzip") => Compression::Gzip,
        _ if stated.ends_with("zstd") => Compression::Zstd,
        _ if stated.rsplit('.').next() == Some("tar") => Compression::None,
        _ => return None,
    };
    let message = format!("its media type says {}, its bytes are {}: read as they are", stated.name(), actual.name());
    (stated != actual).then(|| Warning::new(WarningCode::MediaType, message))
}

/// Compares the documents' digests with what is stated for them, where that was asked for.
pub(super) fn check_documents(spec: &ImageSpec, options: &LoadOptions) -> Result<()> {
    if options.verify { spec.stated.iter().try_for_each(StatedDigest::check) } else { Ok(()) }
}

/// Finds the blobs: each once, and for each layer the place of its blob among them.
fn jobs(store: &impl Store, layers: &[LayerRef]) -> Result<(Vec<Job>, Vec<usize>)> {
    let mut jobs: Vec<Job> = Vec::new();
    let mut slots: HashMap<&[u8], usize> = HashMap::new();
    let mut order = Vec::with_capacity(layers.len());
    for (at, layer) in layers.iter().enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let name = store.canonical(&layer.name);
        if let Some(slot) = slots.get(name) {
            order.push(*slot);
            continue;
        }
        let blob = store.blob(&layer.name).at(|| Place::Layer(number))?;
        let Some(region) = blob else {
            return Err(Error::Missing { what: "layer", name: layer.name.clone() }.at(Place::Layer(number)));
        };
        let mut start = [0; Compression::MAGIC_BYTES];
        let read = region.read_at(0, &mut start)?;
        let compression = Compression::of(&start[..read]);
        let algorithm = layer.blob_digest.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
        slots.insert(name, jobs.len());
        order.push(jobs.len());
        jobs.push(Job { region, compression, number, algorithm });
    }
    Ok((jobs, order))
}

impl Job {
    fn blob(&self) -> Blob {
        let plain = (self.compression == Compression::None).then(|| self.region.clone());
        Blob { compression: self.compression, blob_bytes: self.region.len(), plain }
    }

    fn read(&self, options: &LoadOptions, sink: &mut impl Sink) -> Result<LayerRead> {
        let result = if options.verify {
            read_verified(self.region.reader(&options.progress), self.compression, self.algorithm, sink)
        } else if self.compression == Compression::None {
            let window = Window::new(self.region.clone(), &options.progress);
            reader::read(window, sink).map(|(footer, _)| LayerRead { footer, digests: None })
        } else {
            read_stream(self.region.reader(&options.progress), self.compression, sink)
        };
        result.at(|| Place::Layer(self.number))
    }
}

/// What came of reading one blob.
#[derive(Debug, Default)]
pub(super) struct LayerRead {
    pub(super) footer: Footer,
    pub(super) digests: Option<Digests>,
}

/// Reads a blob that passes by once.
pub(super) fn read_stream(blob: impl Read, compression: Compression, sink: &mut impl Sink) -> Result<LayerRead> {
    let decoder = decoder(compression, BufReader::with_capacity(STREAM_READ, blob))?;
    let (footer, _) = reader::read(Stream::new(decoder, compression), sink)?;
    Ok(LayerRead { footer, digests: None })
}

fn decoder<R: std::io::BufRead>(compression: Compression, reader: R) -> Result<Decoder<R>> {
    Decoder::new(compression, reader).map_err(|source| Error::Io { action: "decompress", source })
}

/// Reads a blob to its very end and computes the digests of its stored and of its uncompressed bytes.
pub(super) fn read_verified(
    blob: impl Read,
    compression: Compression,
    algorithm: Algorithm,
    sink: &mut impl Sink,
) -> Result<LayerRead> {
    let mut stored = Hashed { inner: blob, hasher: Hasher::new(algorithm) };
    let mut content = Hashed {
        inner: decoder(compression, BufReader::with_capacity(STREAM_READ, &mut stored))?,
        hasher: Hasher::new(Algorithm::Sha256),
    };
    let (footer, mut feed) = reader::read(Stream::new(&mut content, compression), sink)?;
    feed.skip(u64::MAX)?;
    drop(feed);
    let uncompressed = content.hasher.finish();
    std::io::copy(&mut stored, &mut std::io::sink()).map_err(|source| Error::Io { action: "read", source })?;
    Ok(LayerRead { footer, digests: Some(Digests { blob: stored.hasher.finish(), uncompressed }) })
}

/// The digests that a layer's bytes really have.
#[derive(Debug, Clone)]
pub(super) struct Digests {
    blob: Digest,
    uncompressed: Digest,
}

impl Digests {
    fn check(&self, layer: &LayerRef) -> Result<()> {
        let differ = |what, expected: &Digest, found: &Digest| Error::DigestMismatch {
            what,
            expected: expected.clone(),
            found: found.clone(),
        };
        match (&layer.blob_digest, &layer.diff_id) {
            (Some(stated), _) if *stated != self.blob => Err(differ("the blob", stated, &self.blob)),
            (_, Some(stated)) if stated.0 != self.uncompressed => {
                Err(differ("the uncompressed layer (diff_id)", &stated.0, &self.uncompressed))
            }
            _ => Ok(()),
        }
    }
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

/// Empty batches, to be filled again.
type Pool = Mutex<Vec<Batch>>;

/// What a worker tells the builder.
enum Message {
    Batch(usize, Batch),
    Done(usize, Result<LayerRead>),
}

struct Sender<'a> {
    slot: usize,
    channel: &'a SyncSender<Message>,
    pool: &'a Pool,
}

impl Sink for Sender<'_> {
    fn take(&mut self, batch: &mut Batch) -> Result<()> {
        let empty = self.pool.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let full = std::mem::replace(batch, empty);
        // The builder is gone only when it failed, and then nobody asks for this result.
        let gone = || Error::Io { action: "index", source: std::io::ErrorKind::BrokenPipe.into() };
        self.channel.send(Message::Batch(self.slot, full)).map_err(|_| gone())
    }
}

/// Reads all blobs, the largest first, with a thread for each core; the calling thread builds the index.
fn read_all(jobs: &[Job], builder: &mut Builder, options: &LoadOptions) -> Result<Vec<LayerRead>> {
    for _ in jobs {
        builder.add_layer();
    }
    let mut by_size: Vec<usize> = (0..jobs.len()).collect();
    by_size.sort_by_key(|slot| std::cmp::Reverse(jobs[*slot].region.len()));
    let threads = thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    let (next, pool) = (AtomicUsize::new(0), Pool::default());
    let (sender, receiver) = sync_channel(2 * threads + 2);
    let mut results: Vec<Option<Result<LayerRead>>> = jobs.iter().map(|_| None).collect();
    thread::scope(|scope| {
        for _ in 0..threads {
            let channel = sender.clone();
            let (next, pool, by_size) = (&next, &pool, &by_size);
            scope.spawn(move || {
                while let Some(slot) = by_size.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut sink = Sender { slot: *slot, channel: &channel, pool };
                    let result = jobs[*slot].read(options, &mut sink);
                    if channel.send(Message::Done(*slot, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for message in receiver {
            match message {
                Message::Batch(slot, mut batch) => {
                    builder.push(slot, &batch).at(|| Place::Layer(jobs[slot].number))?;
                    batch.clear();
                    pool.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
                }
                Message::Done(slot, result) => {
                    if let Ok(read) = &result {
                        builder.finish_layer(slot, &read.footer);
                    }
                    results[slot] = Some(result);
                }
            }
        }
        Ok(())
    })?;
    // The lowest layer's error is the one that is told: the same in every run.
    results.into_iter().map(|result| result.unwrap_or_else(|| Ok(LayerRead::default()))).collect()
}
