//! Reads layers of an image again, wherever it came from, and hands what is wanted of them to a [`ContentSink`].
//!
//! A blob in a file is read there. An archive that is compressed as a whole, and the export of an engine, are streamed once
//! more, up to the last layer that is wanted; a registry is asked for the blobs. Only what came through a pipe is gone.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;

use crate::analysis::Analysis;
use crate::archive::members::{CatalogEntry, link_target};
use crate::error::{AtPlace, Error, Place, Result};
use crate::layer::entry::Kind;
use crate::layer::reader::is_entry;
use crate::path::{Normal, normalize};
use crate::source::compression::{Compression, Decoder};
use crate::source::feed::{Feed, Stream, Window};
use crate::source::registry::Repository;
use crate::source::{self, Access, Bytes, Input, Progress};
use crate::tarball::{Walker, WholeContent};
use crate::task::Task;

/// Reads an image's layers again: the image, and how it was reached.
#[derive(Debug, Clone)]
pub struct ContentReader {
    /// The image.
    pub analysis: Arc<Analysis>,
    /// Its name, as the user gave it.
    pub source: PathBuf,
    /// How engines and registries are reached.
    pub access: Access,
}

/// Receives the contents of wanted files, piece by piece.
pub trait ContentSink {
    /// Says whether anything of a layer is still wanted.
    fn wants_layer(&self, layer: usize) -> bool;

    /// Says whether the entry at this place of a layer is wanted.
    fn wants(&self, layer: usize, place: u32) -> bool;

    /// Receives the next piece of it.
    ///
    /// # Errors
    /// Where the piece cannot be kept.
    fn write(&mut self, layer: usize, place: u32, piece: &[u8]) -> std::io::Result<()>;

    /// Learns that it is complete.
    ///
    /// # Errors
    /// Where it cannot be kept.
    fn finish(&mut self, layer: usize, place: u32) -> std::io::Result<()>;
}

const BUFFER: usize = 256 << 10;
/// More links than this in a row are a cycle.
const MOST_PASSES: usize = 32;

/// Layers that are looked for, with the names of their members.
type Names = Vec<(usize, Vec<u8>)>;

impl ContentReader {
    /// Reads the layers of which something is wanted.
    ///
    /// # Errors
    /// Where they cannot be read again: a pipe, an image that has changed since; where the task was stopped.
    pub fn read(&self, sink: &mut impl ContentSink, task: &Task) -> Result<()> {
        let mut absent = BTreeSet::new();
        for layer in (0..self.analysis.layers.len()).filter(|layer| sink.wants_layer(*layer)).collect::<Vec<_>>() {
            let blob = &self.analysis.layers[layer].blob;
            let Some(region) = &blob.region else {
                absent.insert(layer);
                continue;
            };
            let result = if blob.compression == Compression::None {
                self.walk(Window::new(region.clone(), &Arc::new(Progress::default())), layer, sink, task)
            } else {
                let reader = task.watch(region.reader(&Arc::new(Progress::default())));
                self.decode(BufReader::with_capacity(BUFFER, reader), layer, sink, task)
            };
            result.at(|| at_layer(layer))?;
        }
        if absent.is_empty() { Ok(()) } else { self.fetch(&absent, sink, task) }
    }

    /// Goes back to where the image came from.
    fn fetch(&self, layers: &BTreeSet<usize>, sink: &mut impl ContentSink, task: &Task) -> Result<()> {
        let mut names: Names =
            layers.iter().map(|layer| (*layer, self.analysis.spec.layers[*layer].name.clone())).collect();
        for _ in 0..MOST_PASSES {
            let before = names.clone();
            match self.open()? {
                Input::Registry(repository) => return self.pull(*repository, layers, sink, task),
                Input::File(region) => {
                    self.pass(task.watch(region.reader(&Arc::new(Progress::default()))), &mut names, sink, task)?;
                }
                Input::Stream(reader) => self.pass(task.watch(reader), &mut names, sink, task)?,
                Input::Directory(_) | Input::DockerRoot(_) => return Err(changed()),
            }
            if names.is_empty() {
                return Ok(());
            }
            if names == before {
                break;
            }
        }
        // All layers were there when the image was opened.
        Err(changed())
    }

    fn open(&self) -> Result<Input> {
        let is_pipe = self.source.as_os_str() == "-"
            || self.source.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir());
        if is_pipe {
            return Err(Error::Unsupported {
                what: "the image came through a pipe and cannot be read again".to_owned(),
                hint: "save the image to a file and open that",
            });
        }
        source::open(&self.source, &self.access)
    }

    /// Streams an archive, up to the last layer that is wanted. A link is followed to its target's name, in the next pass
    /// where that came earlier: old engines store a layer that is used twice as a link.
    fn pass(&self, reader: impl Read, names: &mut Names, sink: &mut impl ContentSink, task: &Task) -> Result<()> {
        let mut reader = BufReader::with_capacity(BUFFER, reader);
        let compression = Compression::of(reader.fill_buf().map_err(|error| Error::from_read("read", error))?);
        let mut walker = Walker::new(Stream::new(decoder(compression, reader)?, compression));
        let mut path = Vec::new();
        while !names.is_empty() && walker.advance()? {
            let member = walker.member();
            if normalize(&member.path, &mut path) == Normal::Outside {
                continue;
            }
            let Some(at) = names.iter().position(|(_, name)| *name == path) else { continue };
            match member.kind {
                Kind::File => {
                    let (layer, _) = names.swap_remove(at);
                    self.decode(WholeContent(&mut walker), layer, sink, task).at(|| at_layer(layer))?;
                }
                Kind::HardLink | Kind::Symlink => {
                    if let CatalogEntry::<()>::Link(Some(target)) = link_target(member.kind, &path, &member.link) {
                        for (_, name) in names.iter_mut().filter(|(_, name)| *name == path) {
                            name.clone_from(&target);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Asks a registry for the blobs. Each is read to its end, where its digest is checked, so that it can be cached.
    fn pull(
        &self,
        repository: Repository,
        layers: &BTreeSet<usize>,
        sink: &mut impl ContentSink,
        task: &Task,
    ) -> Result<()> {
        let repository = Arc::new(repository);
        for layer in layers {
            let known = &self.analysis.layers[*layer];
            let digest = known.blob_digest.as_ref().ok_or_else(changed)?;
            let result = match repository.blob(digest, known.blob.blob_bytes) {
                Bytes::Here(region) => {
                    let reader = task.watch(region.reader(&Arc::new(Progress::default())));
                    self.decode(BufReader::with_capacity(BUFFER, reader), *layer, sink, task)
                }
                Bytes::Remote(blob) => {
                    let mut arriving = task.watch(blob.open()?);
                    let read = self.decode(BufReader::with_capacity(BUFFER, &mut arriving), *layer, sink, task);
                    let rest = std::io::copy(&mut arriving, &mut std::io::sink());
                    read.and(rest.map(drop).map_err(|error| Error::from_read("receive", error)))
                }
            };
            result.at(|| at_layer(*layer))?;
        }
        Ok(())
    }

    fn decode(&self, reader: impl BufRead, layer: usize, sink: &mut impl ContentSink, task: &Task) -> Result<()> {
        let compression = self.analysis.layers[layer].blob.compression;
        self.walk(Stream::new(decoder(compression, reader)?, compression), layer, sink, task)
    }

    /// Walks a layer and numbers its entries as the index does.
    fn walk(&self, feed: impl Feed, layer: usize, sink: &mut impl ContentSink, task: &Task) -> Result<()> {
        let index = &self.analysis.index;
        let failed = |source| Error::Io { action: "write", source };
        let mut walker = Walker::new(feed);
        let mut place = 0u32;
        let mut path = Vec::new();
        while sink.wants_layer(layer) && walker.advance()? {
            task.check().map_err(|source| Error::Io { action: "read", source })?;
            if !is_entry(walker.member(), &mut path) {
                continue;
            }
            if sink.wants(layer, place) {
                let known = index.layers[layer].entries.get(place as usize).map(|entry| index.tree.path(entry.node));
                if known.as_deref().and_then(|known| known.strip_prefix(b"/")) != Some(&path[..]) {
                    return Err(changed());
                }
                // An empty file has a piece as well.
                let mut result = sink.write(layer, place, b"");
                walker.read_content(|piece| {
                    if result.is_ok() {
                        result = task.check().and_then(|()| sink.write(layer, place, piece));
                    }
                })?;
                result.and_then(|()| sink.finish(layer, place)).map_err(failed)?;
            }
            place += 1;
        }
        if sink.wants_layer(layer) { Err(changed()) } else { Ok(()) }
    }
}

fn decoder<R: BufRead>(compression: Compression, reader: R) -> Result<Decoder<R>> {
    Decoder::new(compression, reader).map_err(|source| Error::Io { action: "decompress", source })
}

fn at_layer(layer: usize) -> Place {
    Place::Layer(u32::try_from(layer + 1).unwrap_or(u32::MAX))
}

fn changed() -> Error {
    Error::Unsupported { what: "the image changed since it was opened".to_owned(), hint: "open it again" }
}
