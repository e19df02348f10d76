//! From bytes to one image: its documents, its layers in order, the history entry that made each.
//!
//! `open()` makes a `Store` of an input: a plain file or a directory is indexed once and its blobs are reopened by
//! offset (`members`). What passes by once, a compressed archive or a pipe, is left to [`mod@crate::open`]. Either way
//! `select()` finds the image in the documents.

mod candidate;
mod docker;
mod docker_root;
pub(crate) mod explain;
pub(crate) mod history;
mod image;
pub(crate) mod members;
mod oci;
mod registry;
mod run_config;
mod select;
mod selection;
pub(crate) mod spec;
mod store;
mod v1;

use std::io::Read;

use crate::error::Result;
use crate::source::compression::Compression;
use crate::source::{Input, Region};

pub use history::HistoryEntry;
pub use image::{Format, ImageSpec, LayerRef, StatedDigest};
pub use run_config::RunConfig;
pub(crate) use select::select;
pub use selection::{NotAPlatform, Platform, Selection};
pub(crate) use store::{Documents, MOST_DOCUMENT_BYTES, Store};

/// An input, as it can be read.
pub(crate) enum Opened {
    /// Documents and blobs can be opened in any order.
    Store(Box<dyn Store>),
    /// A file that is compressed as a whole.
    Compressed(Region),
    /// Bytes that come once.
    Stream(Box<dyn Read + Send>),
}

/// Opens what an input holds.
///
/// # Errors
/// Where it cannot be read, is damaged, or a registry refuses.
pub(crate) fn open(input: Input, selection: &Selection) -> Result<Opened> {
    let store: Box<dyn Store> = match input {
        Input::Directory(path) => Box::new(members::Directory::open(&path)?),
        Input::Registry(repository) => Box::new(registry::Pulled::fetch(*repository, selection)?),
        Input::DockerRoot(root) => Box::new(docker_root::DockerRoot::open(&root, selection)?),
        Input::Stream(reader) => return Ok(Opened::Stream(reader)),
        Input::File(region) if region.is_empty() => return Err(explain::empty()),
        Input::File(region) if region.compression()? != Compression::None => return Ok(Opened::Compressed(region)),
        Input::File(region) => {
            Box::new(members::Archive::index(&region).map_err(|error| explain::file(error, &region))?)
        }
    };
    Ok(Opened::Store(store))
}
