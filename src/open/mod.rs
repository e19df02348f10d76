//! From an input to an indexed image.
//!
//! Where documents and blobs can be opened in any order, the layers are read by several threads (`store`); what passes by
//! once is indexed as it comes (`stream`). Both read a layer the same way (`blob`), and one place puts the image
//! together and compares sizes and digests (`image`). What the bytes mean is left to [`crate::archive`] and
//! [`crate::layer`].

mod blob;
pub(crate) mod image;
pub(crate) mod options;
mod store;
mod stream;
pub(crate) mod watch;

use std::io::BufReader;
use std::sync::Arc;

use crate::archive::{self, Opened};
use crate::error::Result;
use crate::source::compression::Compression;
use crate::source::{Counted, Input, Region};
use blob::{STREAM_READ, decoder};
use options::Loading;

pub use image::Loaded;
pub use options::LoadOptions;
pub use watch::{Stage, Watch};

/// Reads an image.
///
/// # Errors
/// Where the input is no image, is damaged or incomplete, or, if asked for, its digests do not match.
pub fn load(input: Input, options: &LoadOptions) -> Result<Loaded> {
    let input = if options.reread { rereadable(input, options)? } else { input };
    let options = &Loading::new(options);
    match archive::open(input, &options.selection)? {
        Opened::Store(found) => store::load(&*found, options),
        Opened::Compressed(region) => {
            options.progress.expect(region.len());
            stream::load(region.reader(&options.progress), options, Some(&region))
        }
        Opened::Stream(reader) => {
            let reader = BufReader::with_capacity(STREAM_READ, reader);
            stream::load(Counted { inner: reader, progress: Arc::clone(&options.progress) }, options, None)
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
    let compression = region.compression()?;
    if compression == Compression::None {
        return Ok(Input::File(region));
    }
    let reader = BufReader::with_capacity(STREAM_READ, region.reader(&options.progress));
    Region::spool_all(&mut decoder(compression, reader)?).map(Input::File)
}
