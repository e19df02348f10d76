//! How a layer is stored, and where its bytes are.

use crate::source::Region;
use crate::source::compression::Compression;

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
