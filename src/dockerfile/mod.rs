//! What is known about Dockerfiles: the step behind a history entry, the text of a RUN, the user's own file: which of its
//! instructions made which layer, and what it is after an edit.
//!
//! Text in, text out: nothing here knows an image.

mod file;
mod fit;
mod ignore;
mod instructions;
pub(crate) mod join;
mod patch;
pub(crate) mod shell;
pub(crate) mod step;

pub use file::Dockerfile;
pub use fit::{Fit, Misfit};
pub use instructions::{Instruction, Lines};
pub use patch::Replacement;
