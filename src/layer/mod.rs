//! What each layer stores: its entries by path, its whiteouts and opaque directories. [Model](crate::model) 1.
//!
//! All layers share one tree of paths (`tree`), so that a path is a number and the merged view an array. A layer is read
//! once, forward (`reader`), by a thread of its own where there are cores ([`mod@crate::open`]), and handed in batches to the one
//! builder of the index (`index`). What layers do to each other is left to [`crate::merge`].

pub(crate) mod batch;
pub(crate) mod blob;
mod budget;
pub(crate) mod entry;
pub(crate) mod index;
pub(crate) mod kept;
pub(crate) mod reader;
pub(crate) mod tree;
pub(crate) mod wire;

pub use blob::Blob;
pub use entry::{Content, Entry, EntryRef, Kind, LayerNumber, NodeId, Slot};
pub use index::{Extra, Index, LayerEntries};
pub use tree::Tree;
