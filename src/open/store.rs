//! An image whose blobs can be opened in any order: its layers are read by several threads.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::blob::{LayerRead, STREAM_READ, read_stream, read_verified, uncompressed_digest};
use super::image::{Loaded, Reading, assemble, check_documents};
use super::options::Loading;
use crate::archive::{LayerRef, Store, select};
use crate::digest::{Algorithm, Digest};
use crate::error::{AtPlace, Error, Place, Result};
use crate::layer::batch::Batch;
use crate::layer::blob::Blob;
use crate::layer::entry::LayerNumber;
use crate::layer::index::Builder;
use crate::layer::reader::{self, Sink};
use crate::source::compression::Compression;
use crate::source::feed::Window;
use crate::source::{Bytes, Counted, Progress, Region, registry};

/// A blob that is to be read, once for all layers that name it.
struct Job {
    bytes: Bytes,
    /// The lowest layer that names it, for messages.
    number: u32,
    algorithm: Algorithm,
}

/// Reads the image of a store.
pub(super) fn load(store: &dyn Store, options: &Loading<'_>) -> Result<Loaded> {
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
    assemble(spec, builder, reading, store.warnings())
}

/// Finds the blobs: each once, and for each layer the place of its blob among them.
fn jobs(store: &dyn Store, layers: &[LayerRef]) -> Result<(Vec<Job>, Vec<usize>)> {
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

    fn read(&self, options: &Loading<'_>, sink: &mut impl Sink) -> Result<LayerRead> {
        let result = match &self.bytes {
            Bytes::Here(region) => self.read_region(region, options, sink),
            Bytes::Remote(blob) => self.read_remote(blob, options, sink),
        };
        result.at(|| Place::Layer(self.number))
    }

    fn read_region(&self, region: &Region, options: &Loading<'_>, sink: &mut impl Sink) -> Result<LayerRead> {
        let compression = region.compression()?;
        if options.verify {
            read_verified(region.reader(&options.progress), compression, self.algorithm, options.room(), sink)
        } else if compression == Compression::None {
            let window = Window::new(region.clone(), &options.progress);
            reader::read(window, options.room(), sink).map(|(footer, _)| LayerRead { footer, ..LayerRead::default() })
        } else {
            read_stream(region.reader(&options.progress), compression, options.room(), sink)
        }
    }

    /// Reads a blob as it arrives, to its very end, where its digest is checked.
    fn read_remote(&self, blob: &registry::Blob, options: &Loading<'_>, sink: &mut impl Sink) -> Result<LayerRead> {
        let receive = |error| Error::from_read("receive", error);
        let mut arriving = Counted { inner: blob.open()?, progress: Arc::clone(&options.progress) };
        let mut reader = BufReader::with_capacity(STREAM_READ, &mut arriving);
        let compression = Compression::of(reader.fill_buf().map_err(receive)?);
        let read = if options.verify {
            read_verified(reader, compression, self.algorithm, options.room(), sink)
        } else {
            read_stream(reader, compression, options.room(), sink)
        };
        match (read, std::io::copy(&mut arriving, &mut std::io::sink()).map_err(receive)) {
            // Wrong bytes are seldom a tar: what is wrong is that they are others.
            (_, Err(error @ Error::DigestMismatch { .. })) | (Ok(_), Err(error)) => Err(error),
            (read, _) => read,
        }
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
fn read_all(jobs: &[Job], builder: &mut Builder, options: &Loading<'_>) -> Result<Vec<LayerRead>> {
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
