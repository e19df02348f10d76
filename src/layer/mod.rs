//! What each layer stores: its entries by path, its whiteouts and opaque directories. MODEL.md 1.
//!
//! All layers share one tree of paths ([`tree`]), so that a path is a number and the merged view an array. A layer is read
//! once, forward ([`reader`]), by a thread of its own where there are cores ([`load`]), and handed in batches to the one
//! builder of the index ([`index`]). What layers do to each other is left to [`crate::merge`].

pub mod batch;
mod budget;
pub mod entry;
pub mod index;
pub mod load;
pub mod reader;
mod stream;
pub mod tree;
pub mod watch;
pub mod wire;
