//! Where a report goes: checked before the work starts, written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A file, replaced when the report is complete.
    File(PathBuf),
}

impl Target {
    /// Finds out whether the target can be written, without changing it.
    ///
    /// # Errors
    /// Where it cannot.
    pub fn check(&self) -> io::Result<()> {
        let Target::File(path) = self else {
            return Ok(());
        };
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory")),
            Ok(_) => OpenOptions::new().append(true).open(path).map(drop),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let draft = draft(path);
                File::create_new(&draft).and_then(|_| fs::remove_file(&draft))
            }
            Err(error) => Err(error),
        }
    }

    /// Hands `write` a writer, and puts what it wrote in place once it is complete.
    ///
    /// # Errors
    /// Where it cannot be written; the file is then as it was before.
    pub fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let Target::File(path) = self else {
            let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
            write(&mut out)?;
            return out.flush();
        };
        // A device or pipe is written to as it is: replacing /dev/null would be rude.
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return write_file(OpenOptions::new().write(true).open(path)?, write);
        }
        let draft = draft(path);
        let result =
            File::create(&draft).and_then(|file| write_file(file, write)).and_then(|()| fs::rename(&draft, path));
        if result.is_err() {
            // The first error is the one that matters.
            let _ = fs::remove_file(&draft);
        }
        result
    }
}

fn write_file(file: File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, file);
    write(&mut out)?;
    out.flush()
}

/// Returns a name beside `path` that nobody else uses.
fn draft(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}
