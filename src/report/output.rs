//! Where a report goes: checked before the work starts, written whole or not at all.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::draft::{Draft, place};

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// A file, replaced when the report is complete; a pipe or device is written to directly.
    File(PathBuf),
}

impl Output {
    /// Returns the file of this name; the names that systems have for standard output mean just that.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        let names = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
        if names.iter().any(|name| path == Path::new(name)) { Output::Stdout } else { Output::File(path.to_owned()) }
    }

    /// Finds out whether the output can be written, without changing it.
    ///
    /// # Errors
    /// Where it cannot.
    pub fn check(&self) -> io::Result<()> {
        match self {
            Output::Stdout => Ok(()),
            Output::File(path) => place::check(path),
        }
    }

    /// Hands `write` a writer, and puts what it wrote in place once it is complete.
    ///
    /// # Errors
    /// Where it cannot be written; a file is then as it was before.
    pub fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        match self {
            Output::Stdout => buffered(io::stdout().lock(), write).map(drop),
            Output::File(path) if place::is_special(path) => buffered(place::open_special(path)?, write).map(drop),
            Output::File(path) => buffered(Draft::beside(path)?, write)?.keep(),
        }
    }

    /// The same for a file that must not exist yet.
    ///
    /// # Errors
    /// Where it exists or cannot be written.
    pub fn write_new(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        buffered(Draft::beside(path)?, write)?.keep_new()
    }
}

/// Returns what was written to, with everything in it.
fn buffered<W: Write>(out: W, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<W> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    write(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)
}
