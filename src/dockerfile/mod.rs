//! What is known about Dockerfiles: the step behind a history entry, the text of a RUN, the user's own file: which of its
//! instructions made which layer.
//!
//! Text in, text out: nothing here knows an image.

mod file;
mod fit;
mod instructions;
pub(crate) mod join;
pub(crate) mod shell;
pub(crate) mod step;

pub use file::Dockerfile;
pub use fit::{Fit, Misfit};
pub use instructions::{Instruction, Lines};
