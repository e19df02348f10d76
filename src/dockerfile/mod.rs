//! What is known about Dockerfiles: the step behind a history entry, the lines of the user's own file, the text of a RUN.
//!
//! Text in, text out: nothing here knows an image.

mod file;
mod instructions;
pub(crate) mod join;
pub(crate) mod shell;
pub(crate) mod step;

pub use file::Dockerfile;
pub use instructions::{Instruction, Lines};
