//! Finds the wasted and needless bytes in container images, and the Dockerfile change that removes them.
//!
//! [`open()`] reads an image and returns its [`Analysis`]; [`model`] defines every number in it. [`gate`] judges an analysis
//! by rules, [`report`] writes it in any format.
//!
//! Cargo features, both on by default: `tui` is the program, with its command line and its screen; `remote` reads images from
//! engines and registries. With `default-features = false` there is the library alone.
//!
//! ```text
//!              leaves: path · digest · size · escape · columns · dockerfile · draft · elf · packages · task · error  (used by all, use no other module)
//!  file, dir,   ┌────────┐   ┌─────────┐   ┌─────────┐   ┌───────┐   ┌──────┐   ┌───────┐   ┌──────────┐
//!  stdin    ──► │ source │──►│ tarball │──►│ archive │──►│ layer │──►│ open │──►│ merge │──►│ analysis │──► gate, report, tui, rewrite
//!               └────────┘   └─────────┘   └─────────┘   └───────┘   └──────┘   └───────┘   └──────────┘
//!                bytes        members       documents,    entries     from       merged      waste, base,
//!                                           blobs         by path     both, an   view, A/C/D sums
//!                                                                     index
//! ```
//!
//! A module uses what stands left of it, never right; the outputs do not know each other, except that a report can show a
//! [`gate::Verdict`]. [`contents`] reads files of an image again, for the outputs that show or write them. [`run`] takes a
//! request through all of them, [`cli`] is the only place that knows the flags, [`config`] the only one that knows the files
//! and variables that set the same.
//!
//! ```
//! # fn main() -> Result<(), layerlens::Error> {
//! let image = layerlens::open("sample-images/seed.tar.gz".as_ref(), &layerlens::OpenOptions::default())?;
//! let totals = &image.totals;
//! assert_eq!(totals.stored_bytes, totals.final_bytes + totals.wasted_bytes);
//! for record in &image.waste {
//!     let path = image.index.tree.path(record.node);
//!     println!("{} bytes of {} died in layer {}", record.bytes, layerlens::escape::escape(&path), record.hidden_by);
//! }
//! # Ok(())
//! # }
//! ```

#![cfg_attr(
    not(feature = "tui"),
    allow(dead_code, reason = "the program uses more of the rooms than the library shows")
)]

pub mod analysis;
pub mod archive;
pub mod digest;
pub mod dockerfile;
pub(crate) mod elf;
pub mod error;
pub mod escape;
pub mod gate;
pub mod layer;
pub mod open;
pub mod report;
pub mod size;
pub mod source;

pub(crate) mod path;

// What the program is made of beside the library: its own tests and benchmarks use it, nobody else should.
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod columns;
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod config;
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod contents;
#[doc(hidden)]
pub mod draft;
#[doc(hidden)]
pub mod exit;
#[doc(hidden)]
pub mod merge;
#[doc(hidden)]
pub mod packages;
#[doc(hidden)]
pub mod rewrite;
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod run;
#[doc(hidden)]
pub mod tarball;
#[doc(hidden)]
pub mod task;
#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod tui;

/// The model: what is counted, and how.
#[doc = include_str!("model.md")]
pub mod model {}

pub use analysis::{Analysis, OpenOptions, open};
pub use error::{Error, Result, Warning};
