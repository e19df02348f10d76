//! Package databases as plain records. [Model](crate::model) 7.
//!
//! A leaf: each parser takes the bytes of one file and returns what it says, knowing nothing of images. Promises: no
//! input makes a parser panic, recurse without bound, take more than about linear time, or keep more than
//! [`MOST_RECORD_BYTES`] of records; a part that cannot be read is skipped and counted in [`Parsed::skipped`]. How large
//! a file may be is the caller's to say.
//!
//! Names and versions are text in all of these formats: a record with one that is not UTF-8 is skipped. Paths are bytes,
//! and those below the root are in their normal form (no leading slash).

pub mod apk;
mod bounds;
pub mod composer;
pub mod dpkg;
mod fields;
pub mod gem;
pub mod go;
pub mod java;
mod json;
pub mod node;
pub mod python;
pub mod rpm;
pub mod rust;

pub use bounds::MOST_RECORD_BYTES;

/// What was read from one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed<T> {
    /// What could be read; empty where the whole file is unreadable.
    pub content: T,
    /// How many parts of the file could not be read, or were too many to be kept. 0: `content` is all there is.
    pub skipped: u32,
}
