//! The documents of an image by name, and its blobs: what every way in offers.

use std::cell::Cell;

use super::image::Format;
use crate::error::{Error, Result, Warning};
use crate::source::Bytes;

/// The largest JSON document that is read; a config with a thousand layers has about a megabyte.
pub const MOST_DOCUMENT_BYTES: u64 = 8 << 20;
/// All documents that are read on the way to one image; an archive of a thousand images has some megabytes.
const MOST_DOCUMENTS_BYTES: u64 = 64 << 20;

/// The files of an image by name, as far as they are documents.
pub trait Documents {
    /// Returns the content of the document `name`, if the input has it.
    ///
    /// # Errors
    /// Where it is there and cannot be read.
    fn read(&self, name: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Returns some names of what is there, to say what the input looks like.
    fn names(&self) -> Vec<Vec<u8>>;

    /// Says whether this is a directory, not an archive.
    fn is_directory(&self) -> bool;

    /// Returns how the image is packed, where the documents themselves do not show it.
    fn format(&self) -> Option<Format> {
        None
    }
}

/// Documents whose blobs can be opened, at any time and in any order.
pub trait Store: Documents {
    /// Returns the bytes of a blob, if the input has it.
    ///
    /// # Errors
    /// Where it is there and cannot be opened.
    fn blob(&self, name: &[u8]) -> Result<Option<Bytes>>;

    /// Returns one name for all names of a blob.
    fn canonical<'a>(&'a self, name: &'a [u8]) -> &'a [u8] {
        name
    }

    /// Returns images and platforms that the documents do not show.
    fn others(&self) -> &[String] {
        &[]
    }

    /// Returns what is odd about the members.
    fn warnings(&self) -> &[Warning] {
        &[]
    }
}

/// Documents that are read up to a sum: the same large one can be named ten thousand times.
pub(super) struct Metered<'a> {
    documents: &'a dyn Documents,
    left: Cell<u64>,
}

impl<'a> Metered<'a> {
    pub(super) fn new(documents: &'a dyn Documents) -> Self {
        Metered { documents, left: Cell::new(MOST_DOCUMENTS_BYTES) }
    }
}

impl Documents for Metered<'_> {
    fn read(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some(content) = self.documents.read(name)? else { return Ok(None) };
        let left = self.left.get().checked_sub(content.len() as u64).ok_or_else(|| Error::TooLarge {
            what: "the sum of all documents".to_owned(),
            limit: format!("{MOST_DOCUMENTS_BYTES} bytes"),
        });
        self.left.set(left?);
        Ok(Some(content))
    }

    fn names(&self) -> Vec<Vec<u8>> {
        self.documents.names()
    }

    fn is_directory(&self) -> bool {
        self.documents.is_directory()
    }

    fn format(&self) -> Option<Format> {
        self.documents.format()
    }
}
