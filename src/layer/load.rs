//! Reads the layers of an image into an index: from a seekable archive or directory by several threads, from a stream as
//! the layers pass by.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::batch::Batch;
use super::entry::LayerNumber;
use super::index::{Builder, Index, collect_warnings};
use super::reader::{self, Footer, Sink};
use super::stream;
use super::watch::Watch;
use crate::archive::docker_root::DockerRoot;
use crate::archive::members::{Archive, Directory};
use crate::archive::registry::Pulled;
use crate::archive::{Documents, ImageSpec, LayerRef, Selection, StatedDigest, select};
use crate::digest::{Algorithm, DiffId, Digest, Hasher};
use crate::error::{AtPlace, Error, Place, Result, Warning, WarningCode, Warnings};
use crate::source::compression::{Compression, Decoder};
use crate::source::feed::{Feed, Stream, Window};
use crate::source::{Access, Bytes, Counted, Input, Progress, Region, registry};

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
    /// Its bytes as stored, where they can be read again.
    pub region: Option<Region>,
}

impl Blob {
    /// Returns the layer's tar, where it is stored plain and can be read again.
    #[must_use]
    pub fn plain(&self) -> Option<&Region> {
        self.region.as_ref().filter(|_| self.compression == Compression::None)
    }
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
    /// Who hears of what is known so far.
    pub watch: Watch,
    /// How engines and registries are reached.
    pub access: Access,
    /// Whether every layer must be there to be read again: what comes through a pipe or is compressed as a whole goes to
    /// a temporary file first.
    pub reread: bool,
}

/// Reads an image.
///
/// # Errors
/// Where the input is no image, is damaged or incomplete, or, if asked for, its digests do not match.
pub fn load(input: Input, options: &LoadOptions) -> Result<Loaded> {
    let input = if options.reread { rereadable(input, options)? } else { input };
    match input {
        Input::Directory(path) => from_store(&Directory::open(&path)?, options, &[]),
        Input::Registry(repository) => from_store(&Pulled::fetch(*repository, &options.selection)?, options, &[]),
        Input::DockerRoot(root) => from_store(&DockerRoot::open(&root, &options.selection)?, options, &[]),
        Input::Stream(reader) => {
            let reader = BufReader::with_capacity(STREAM_READ, reader);
            stream::load(Counted { inner: reader, progress: Arc::clone(&options.progress) }, options, None)
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
                stream::load(region.reader(&options.progress), options, Some(&region))
            }
        }
    }
}

/// Puts an archive whose blobs do not lie in a file into one.
fn rereadable(input: Input, options: &LoadOptions) -> Result<Input> {
    let region = match input {
        Input::Stream(reader) => {
            Region::spool_all(&mut Counted { inner: reader, progress: Arc::clone(&options.progress) })?
        }
        Input::File(region) => region,
        other => return Ok(other),
    };
    let mut start = [0; Compression::MAGIC_BYTES];
    let read = region.read_at(0, &mut start)?;
    let compression = Compression::of(&start[..read]);
    if compression == Compression::None {
        return Ok(Input::File(region));
    }
    let reader = BufReader::with_capacity(STREAM_READ, region.reader(&options.progress));
    Region::spool_all(&mut decoder(compression, reader)?).map(Input::File)
}

/// What the operating system is asked for at once.
const STREAM_READ: usize = 256 << 10;

/// Documents whose blobs can be reopened.
pub(crate) trait Store: Documents {
    fn blob(&self, name: &[u8]) -> Result<Option<Bytes>>;

    /// Returns one name for all names of a blob.
    fn canonical<'a>(&'a self, name: &'a [u8]) -> &'a [u8] {
        name
    }

    /// Returns images and platforms that the documents do not show.
    fn others(&self) -> &[String] {
        &[]
    }
}

impl Store for Archive {
    fn blob(&self, name: &[u8]) -> Result<Option<Bytes>> {
        Ok(Archive::blob(self, name)?.map(Bytes::Here))
    }

    fn canonical<'a>(&'a self, name: &'a [u8]) -> &'a [u8] {
        Archive::canonical(self, name)
    }
}

impl Store for Directory {
    fn blob(&self, name: &[u8]) -> Result<Option<Bytes>> {
        Ok(Directory::blob(self, name)?.map(Bytes::Here))
    }
}

impl Store for DockerRoot {
    fn blob(&self, name: &[u8]) -> Result<Option<Bytes>> {
        Ok(DockerRoot::blob(self, name)?.map(Bytes::Here))
    }
}

impl Store for Pulled {
    fn blob(&self, name: &[u8]) -> Result<Option<Bytes>> {
        Ok(Pulled::blob(self, name))
    }

    fn others(&self) -> &[String] {
        Pulled::others(self)
    }
}

/// A blob that is to be read, once for all layers that name it.
struct Job {
    bytes: Bytes,
    /// The lowest layer that names it, for messages.
    number: u32,
    algorithm: Algorithm,
}

fn from_store(store: &impl Store, options: &LoadOptions, odd: &[Warning]) -> Result<Loaded> {
    let mut spec = select(store, &options.selection)?;
    spec.others.extend_from_slice(store.others());
    options.watch.spec(&spec);
    check_documents(&spec, options)?;
    let (jobs, order) = jobs(store, &spec.layers)?;
    options.progress.expect(jobs.iter().map(|job| job.bytes.len()).sum());
    let mut builder = Builder::default();
    builder.allow_for(jobs.iter().map(|job| job.bytes.len()).sum());
    let reads = read_all(&jobs, &mut builder, options)?;
    let blobs: Vec<Blob> = order.iter().map(|slot| jobs[*slot].blob(reads[*slot].compression)).collect();
    let mut reading = Reading::new(order, blobs, reads);
    for at in reading.unvouched(&spec.layers) {
        let slot = reading.order[at];
        let place = || Place::Layer(LayerNumber::from_index(at).get());
        reading.uncompressed[slot] = jobs[slot].uncompressed_digest(reading.blobs[at].compression).at(place)?;
    }
    assemble(spec, builder, reading, odd)
}

/// What came of the reading, by slots of the builder (`footers` and digests) and by layers (`order`, `blobs`).
pub(super) struct Reading {
    pub(super) order: Vec<usize>,
    pub(super) blobs: Vec<Blob>,
    pub(super) footers: Vec<Footer>,
    /// The digests of the stored bytes, where they are to be compared.
    pub(super) stored: Vec<Option<Digest>>,
    /// The digests of the uncompressed bytes, where they are known.
    pub(super) uncompressed: Vec<Option<Digest>>,
}

impl Reading {
    pub(super) fn new(order: Vec<usize>, blobs: Vec<Blob>, reads: Vec<LayerRead>) -> Self {
        let mut reading = Reading { order, blobs, footers: Vec::new(), stored: Vec::new(), uncompressed: Vec::new() };
        for LayerRead { footer, stored, uncompressed, .. } in reads {
            reading.footers.push(footer);
            reading.stored.push(stored);
            reading.uncompressed.push(uncompressed);
        }
        reading
    }

    /// Returns the layers whose tar has no end blocks and whose blob's size nobody states, but whose `diff_id` is known:
    /// only that digest tells whether they are whole, and it is still to be computed.
    pub(super) fn unvouched(&self, layers: &[LayerRef]) -> Vec<usize> {
        let needs_digest = |at: &usize| {
            let slot = self.order[*at];
            !self.footers[slot].saw_end
                && layers[*at].stated_bytes.is_none()
                && layers[*at].diff_id.is_some()
                && self.uncompressed[slot].is_none()
        };
        (0..self.order.len()).filter(needs_digest).collect()
    }
}

/// Puts the image together; compares sizes and digests where they were computed.
pub(super) fn assemble(mut spec: ImageSpec, builder: Builder, reading: Reading, odd: &[Warning]) -> Result<Loaded> {
    let mut warnings = Warnings::default();
    odd.iter().cloned().for_each(|warning| warnings.push(warning));
    spec.warnings.drain(..).for_each(|warning| warnings.push(warning));
    for (at, (layer, slot)) in spec.layers.iter().zip(&reading.order).enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let odd_size = check_size(layer, &reading.blobs[at], &reading.footers[*slot]).at(|| Place::Layer(number))?;
        if let Some(warning) = odd_size {
            warnings.push(Warning { layer: Some(number), ..warning });
        }
        if let Some(warning) = check_digests(layer, &reading, *slot).at(|| Place::Layer(number))? {
            warnings.push(Warning { layer: Some(number), ..warning });
        }
        if let Some(warning) = media_type_warning(layer, reading.blobs[at].compression) {
            warnings.push(Warning { layer: Some(number), ..warning });
        }
    }
    collect_warnings(&mut warnings, &reading.footers, &reading.order);
    let index = builder.finish(&reading.order)?;
    Ok(Loaded { spec, index, blobs: reading.blobs, warnings })
}

/// A blob cut between two members reads like a whole one without end blocks: only its size tells. One that ends as it
/// should is another blob than was described, but a whole one.
fn check_size(layer: &LayerRef, blob: &Blob, footer: &Footer) -> Result<Option<Warning>> {
    let found = blob.blob_bytes;
    match layer.stated_bytes {
        Some(stated) if stated != found && footer.saw_end => {
            let message = format!("its blob has {found} bytes, its descriptor states {stated}: counted as it is");
            Ok(Some(Warning::new(WarningCode::SizeMismatch, message)))
        }
        Some(stated) if stated != found => Err(Error::SizeMismatch { stated, found }),
        _ => Ok(None),
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
        let Some(bytes) = blob else {
            return Err(Error::Missing { what: "layer", name: layer.name.clone() }.at(Place::Layer(number)));
        };
        let algorithm = layer.blob_digest.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
        slots.insert(name, jobs.len());
        order.push(jobs.len());
        jobs.push(Job { bytes, number, algorithm });
    }
    Ok((jobs, order))
}

impl Job {
    fn blob(&self, compression: Compression) -> Blob {
        let region = match &self.bytes {
            Bytes::Here(region) => Some(region.clone()),
            Bytes::Remote(blob) => blob.kept(),
        };
        Blob { compression, blob_bytes: self.bytes.len(), region }
    }

    /// Reads the blob again for the digest of its uncompressed bytes; what arrives from elsewhere has a size that vouches.
    fn uncompressed_digest(&self, compression: Compression) -> Result<Option<Digest>> {
        match &self.bytes {
            Bytes::Here(region) => {
                uncompressed_digest(region.reader(&Arc::new(Progress::default())), compression).map(Some)
            }
            Bytes::Remote(_) => Ok(None),
        }
    }

    fn read(&self, options: &LoadOptions, sink: &mut impl Sink) -> Result<LayerRead> {
        let result = match &self.bytes {
            Bytes::Here(region) => self.read_region(region, options, sink),
            Bytes::Remote(blob) => self.read_remote(blob, options, sink),
        };
        result.at(|| Place::Layer(self.number))
    }

    fn read_region(&self, region: &Region, options: &LoadOptions, sink: &mut impl Sink) -> Result<LayerRead> {
        let mut start = [0; Compression::MAGIC_BYTES];
        let read = region.read_at(0, &mut start)?;
        let compression = Compression::of(&start[..read]);
        if options.verify {
            read_verified(region.reader(&options.progress), compression, self.algorithm, sink)
        } else if compression == Compression::None {
            let window = Window::new(region.clone(), &options.progress);
            reader::read(window, sink).map(|(footer, _)| LayerRead { footer, ..LayerRead::default() })
        } else {
            read_stream(region.reader(&options.progress), compression, sink)
        }
    }

    /// Reads a blob as it arrives, to its very end, where its digest is checked.
    fn read_remote(&self, blob: &registry::Blob, options: &LoadOptions, sink: &mut impl Sink) -> Result<LayerRead> {
        let receive = |error| Error::from_read("receive", error);
        let mut arriving = Counted { inner: blob.open()?, progress: Arc::clone(&options.progress) };
        let mut reader = BufReader::with_capacity(STREAM_READ, &mut arriving);
        let compression = Compression::of(reader.fill_buf().map_err(receive)?);
        let read = if options.verify {
            read_verified(reader, compression, self.algorithm, sink)
        } else {
            read_stream(reader, compression, sink)
        };
        match (read, std::io::copy(&mut arriving, &mut std::io::sink()).map_err(receive)) {
            // Wrong bytes are seldom a tar: what is wrong is that they are others.
            (_, Err(error @ Error::DigestMismatch { .. })) | (Ok(_), Err(error)) => Err(error),
            (read, _) => read,
        }
    }
}

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
pub(super) fn read_stream(blob: impl Read, compression: Compression, sink: &mut impl Sink) -> Result<LayerRead> {
    let decoder = decoder(compression, BufReader::with_capacity(STREAM_READ, blob))?;
    let (footer, _) = reader::read(Stream::new(decoder, compression), sink)?;
    Ok(LayerRead { footer, compression, ..LayerRead::default() })
}

/// The same, and computes the digest of its uncompressed bytes where that has to tell whether it is whole: a blob that
/// passes by does not come again.
pub(super) fn read_vouched(blob: impl Read, compression: Compression, sink: &mut impl Sink) -> Result<LayerRead> {
    let mut content = hashed(blob, compression)?;
    let (footer, _) = reader::read(Stream::new(&mut content, compression), sink)?;
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
    sink: &mut impl Sink,
) -> Result<LayerRead> {
    let mut stored = Hashed { inner: blob, hasher: Hasher::new(algorithm) };
    let mut content = hashed(&mut stored, compression)?;
    let (footer, mut feed) = reader::read(Stream::new(&mut content, compression), sink)?;
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

/// Compares the digests that were asked for, and the one that has to vouch for a tar without end blocks: cut between two
/// members, it reads like a whole one.
fn check_digests(layer: &LayerRef, reading: &Reading, slot: usize) -> Result<Option<Warning>> {
    let same = |what, stated: &Digest, found: &Digest| {
        let differ = || Error::DigestMismatch { what, expected: stated.clone(), found: found.clone() };
        (stated == found).then_some(()).ok_or_else(differ)
    };
    if let (Some(stated), Some(found)) = (&layer.blob_digest, &reading.stored[slot]) {
        same("the blob", stated, found)?;
    }
    let is_vouched = reading.footers[slot].saw_end || layer.stated_bytes.is_some();
    match (&layer.diff_id, &reading.uncompressed[slot]) {
        _ if is_vouched && reading.stored[slot].is_none() => Ok(None),
        (Some(DiffId(stated)), Some(found)) if is_vouched => {
            same("the uncompressed layer (diff_id)", stated, found).map(|()| None)
        }
        (Some(DiffId(stated)), Some(found)) => {
            same("the layer, which ends without end blocks and may be cut short (diff_id)", stated, found)
                .map(|()| None)
        }
        _ if is_vouched => Ok(None),
        _ => {
            let message = "its tar has no end blocks, and neither a size nor a digest is stated for it: counted as it is, \
                           but it may be cut short";
            Ok(Some(Warning::new(WarningCode::Unvouched, message)))
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

/// As many downloads at once as engines make.
const DOWNLOADS: usize = 4;

fn threads(jobs: &[Job]) -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let remote = jobs.iter().filter(|job| matches!(job.bytes, Bytes::Remote(_))).count();
    cores.max(remote.min(DOWNLOADS)).min(jobs.len())
}

/// Reads all blobs, the largest first, with a thread for each core; the calling thread builds the index.
fn read_all(jobs: &[Job], builder: &mut Builder, options: &LoadOptions) -> Result<Vec<LayerRead>> {
    for _ in jobs {
        builder.add_layer();
    }
    let mut by_size: Vec<usize> = (0..jobs.len()).collect();
    by_size.sort_by_key(|slot| std::cmp::Reverse(jobs[*slot].bytes.len()));
    let threads = threads(jobs);
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
                        options.watch.layer(Some(jobs[slot].number), builder.stored_bytes(slot));
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
