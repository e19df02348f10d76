//! Big images of the project's own, to measure with: no download, the same bytes from the same options.
//!
//! A [`Scenario`] lists the entries of each layer, [`Order`] sorts them, `layer` writes them as a tar,
//! `blob` compresses and hashes that, and [`archive`](Variant) puts the blobs and their documents
//! into one file. The lists of entries are in memory (about 150 bytes an entry); contents never are:
//! a `Content` is a seed, and blobs wait in a temporary directory beside the archive.

mod archive;
mod blob;
mod content;
mod entry;
mod layer;
mod order;
mod random;
mod scenario;
mod tree;
mod words;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

pub use archive::Variant;
use blob::{Blob, BlobWriter, Compression};
use entry::Layer;
pub use order::Order;
pub use scenario::{Scenario, Size};

/// Everything that an image is a function of.
#[derive(Clone)]
pub struct Recipe {
    pub scenario: Scenario,
    pub size: Size,
    pub order: Order,
    pub seed: u64,
    /// The beginning of the file names, and the image's tag.
    pub name: String,
}

/// An image whose entries are listed and sorted, ready to be written in any variant.
pub struct Image {
    name: String,
    layers: Vec<Layer>,
}

impl Image {
    pub fn new(recipe: &Recipe) -> Self {
        let mut layers = recipe.scenario.layers(recipe.size, recipe.seed);
        for layer in &mut layers {
            recipe.order.sort(&mut layer.entries, recipe.seed);
        }
        Self { name: recipe.name.clone(), layers }
    }

    /// Returns how many entries all layers have together.
    pub fn entry_count(&self) -> usize {
        self.layers.iter().map(|layer| layer.entries.len()).sum()
    }

    /// Writes one variant into `directory` and returns its path.
    ///
    /// The archive appears under its name only when it is complete.
    pub fn write(&self, variant: Variant, directory: &Path) -> io::Result<PathBuf> {
        fs::create_dir_all(directory)?;
        let work = tempfile::tempdir_in(directory)?;
        let blobs = self.write_blobs(variant.compression(), work.path())?;
        let unfinished = work.path().join("archive");
        archive::write(&unfinished, variant, &self.name, &self.layers, &blobs)?;
        let file = directory.join(variant.file_name(&self.name));
        fs::rename(unfinished, &file)?;
        Ok(file)
    }

    /// All layers at once, each on a thread of its own.
    fn write_blobs(&self, compression: Compression, work: &Path) -> io::Result<Vec<Blob>> {
        let write = |number: usize, layer| {
            let file = work.join(format!("layer-{number}"));
            layer::write(layer, BlobWriter::create(&file, compression)?)
        };
        thread::scope(|scope| {
            let layers = self.layers.iter().enumerate();
            let threads: Vec<_> = layers.map(|(number, layer)| scope.spawn(move || write(number, layer))).collect();
            let blobs = threads.into_iter().map(thread::ScopedJoinHandle::join);
            blobs.map(|blob| blob.expect("a writer does not panic")).collect()
        })
    }
}
