//! Reads layers of an image again, wherever it came from, and hands what is wanted of them to a [`Taker`].
//!
//! A blob that lies in a file is read there. An archive that is compressed as a whole, and the export of an engine, pass
//! by once more, up to the last layer that is wanted; a registry is asked for the blobs. Only what came through a pipe is
//! gone.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;

use crate::analysis::Analysis;
use crate::archive::members::{Target, link_target};
use crate::error::{AtPlace, Error, Place, Result};
use crate::layer::entry::Kind;
use crate::layer::reader::is_entry;
use crate::path::{Normal, normalize};
use crate::source::compression::{Compression, Decoder};
use crate::source::feed::{Feed, Stream, Window};
use crate::source::registry::Repository;
use crate::source::{self, Access, Bytes, Input, Progress};
use crate::tarball::{Content, Walker};
use crate::tui::task::Task;

/// An image, and how it was reached.
#[derive(Debug, Clone)]
pub struct Again {
    /// The image.
    pub analysis: Arc<Analysis>,
    /// Its name, as the user gave it.
    pub source: PathBuf,
    /// How engines and registries are reached.
    pub access: Access,
}

/// Takes the pieces of wanted files.
pub trait Taker {
    /// Says whether something of a layer is wanted still.
    fn wants_layer(&self, layer: usize) -> bool;

    /// Says whether the entry at this place of a layer is wanted.
    fn wants(&self, layer: usize, place: u32) -> bool;

    /// Takes the next piece of it.
    ///
    /// # Errors
    /// Where the piece cannot be kept.
    fn take(&mut self, layer: usize, place: u32, piece: &[u8]) -> std::io::Result<()>;

    /// Hears that it is complete.
    ///
    /// # Errors
    /// Where it cannot be kept.
    fn end(&mut self, layer: usize, place: u32) -> std::io::Result<()>;
}

const BUFFER: usize = 256 << 10;
/// More links than this one after another are a circle.
const MOST_PASSES: usize = 32;

/// Layers that are looked for, by the name of their member.
type Names = Vec<(usize, Vec<u8>)>;

impl Again {
    /// Reads the layers of which something is wanted.
    ///
    /// # Errors
    /// Where they cannot be read again: a pipe, an image that has changed since; where the task was stopped.
    pub fn read(&self, taker: &mut impl Taker, task: &Task) -> Result<()> {
        let mut absent = BTreeSet::new();
        for layer in (0..self.analysis.layers.len()).filter(|layer| taker.wants_layer(*layer)).collect::<Vec<_>>() {
            let blob = &self.analysis.layers[layer].blob;
            let Some(region) = &blob.region else {
                absent.insert(layer);
                continue;
            };
            let result = if blob.compression == Compression::None {
                self.walk(Window::new(region.clone(), &Arc::new(Progress::default())), layer, taker, task)
            } else {
                let reader = task.watch(region.reader(&Arc::new(Progress::default())));
                self.decode(BufReader::with_capacity(BUFFER, reader), layer, taker, task)
            };
            result.at(|| at_layer(layer))?;
        }
        if absent.is_empty() { Ok(()) } else { self.fetch(&absent, taker, task) }
    }

    /// Goes back to where the image came from.
    fn fetch(&self, layers: &BTreeSet<usize>, taker: &mut impl Taker, task: &Task) -> Result<()> {
        let mut names: Names =
            layers.iter().map(|layer| (*layer, self.analysis.spec.layers[*layer].name.clone())).collect();
        for _ in 0..MOST_PASSES {
            let before = names.clone();
            match self.open()? {
                Input::Registry(repository) => return self.pull(*repository, layers, taker, task),
                Input::File(region) => {
                    self.pass(task.watch(region.reader(&Arc::new(Progress::default()))), &mut names, taker, task)?;
                }
                Input::Stream(reader) => self.pass(task.watch(reader), &mut names, taker, task)?,
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
                what: "what came through a pipe is gone: its contents cannot be looked at".to_owned(),
                hint: "save the image to a file and open that",
            });
        }
        source::open(&self.source, &self.access)
    }

    /// Lets an archive pass by, up to the last layer that is wanted. What is a link is looked for under its target's
    /// name, in the next pass where that has gone by: old engines store a layer that is used twice as a link.
    fn pass(&self, reader: impl Read, names: &mut Names, taker: &mut impl Taker, task: &Task) -> Result<()> {
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
                    self.decode(Content(&mut walker), layer, taker, task).at(|| at_layer(layer))?;
                }
                Kind::HardLink | Kind::Symlink => {
                    if let Target::<()>::Link(Some(target)) = link_target(member.kind, &path, &member.link) {
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

    /// Asks a registry for the blobs. Each is read to its end: there its digest is checked, and then it may be kept.
    fn pull(
        &self,
        repository: Repository,
        layers: &BTreeSet<usize>,
        taker: &mut impl Taker,
        task: &Task,
    ) -> Result<()> {
        let repository = Arc::new(repository);
        for layer in layers {
            let known = &self.analysis.layers[*layer];
            let digest = known.blob_digest.as_ref().ok_or_else(changed)?;
            let result = match repository.blob(digest, known.blob.blob_bytes) {
                Bytes::Here(region) => {
                    let reader = task.watch(region.reader(&Arc::new(Progress::default())));
                    self.decode(BufReader::with_capacity(BUFFER, reader), *layer, taker, task)
                }
                Bytes::Remote(blob) => {
                    let mut arriving = task.watch(blob.open()?);
                    let read = self.decode(BufReader::with_capacity(BUFFER, &mut arriving), *layer, taker, task);
                    let rest = std::io::copy(&mut arriving, &mut std::io::sink());
                    read.and(rest.map(drop).map_err(|error| Error::from_read("receive", error)))
                }
            };
            result.at(|| at_layer(*layer))?;
        }
        Ok(())
    }

    fn decode(&self, reader: impl BufRead, layer: usize, taker: &mut impl Taker, task: &Task) -> Result<()> {
        let compression = self.analysis.layers[layer].blob.compression;
        self.walk(Stream::new(decoder(compression, reader)?, compression), layer, taker, task)
    }

    /// Goes through a layer and counts its entries as the index does.
    fn walk(&self, feed: impl Feed, layer: usize, taker: &mut impl Taker, task: &Task) -> Result<()> {
        let index = &self.analysis.index;
        let failed = |source| Error::Io { action: "write", source };
        let mut walker = Walker::new(feed);
        let mut place = 0u32;
        let mut path = Vec::new();
        while taker.wants_layer(layer) && walker.advance()? {
            task.check().map_err(|source| Error::Io { action: "read", source })?;
            if !is_entry(walker.member(), &mut path) {
                continue;
            }
            if taker.wants(layer, place) {
                let known = index.layers[layer].entries.get(place as usize).map(|entry| index.tree.path(entry.node));
                if known.as_deref().and_then(|known| known.strip_prefix(b"/")) != Some(&path[..]) {
                    return Err(changed());
                }
                // An empty file has a piece as well.
                let mut result = taker.take(layer, place, b"");
                walker.read_content(|piece| {
                    if result.is_ok() {
                        result = task.check().and_then(|()| taker.take(layer, place, piece));
                    }
                })?;
                result.and_then(|()| taker.end(layer, place)).map_err(failed)?;
            }
            place += 1;
        }
        if taker.wants_layer(layer) { Err(changed()) } else { Ok(()) }
    }
}

fn decoder<R: BufRead>(compression: Compression, reader: R) -> Result<Decoder<R>> {
    Decoder::new(compression, reader).map_err(|source| Error::Io { action: "decompress", source })
}

fn at_layer(layer: usize) -> Place {
    Place::Layer(u32::try_from(layer + 1).unwrap_or(u32::MAX))
}

fn changed() -> Error {
    Error::Unsupported {
        what: "the image is another one than was opened".to_owned(),
        hint: "open it again: it has changed in the meantime",
    }
}
