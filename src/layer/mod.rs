//! What each layer stores: its entries by path, its whiteouts and opaque directories. MODEL.md 1.
//!
//! All layers share one tree of paths ([`tree`]), so that a path is a number and the merged view an array. A layer is read
//! once, forward ([`reader`]), by a thread of its own where there are cores ([`mod@crate::open`]), and handed in batches to the one
//! builder of the index ([`index`]). What layers do to each other is left to [`crate::merge`].

pub mod batch;
pub mod blob;
mod budget;
pub mod entry;
pub mod index;
pub mod reader;
pub mod tree;
pub mod wire;
