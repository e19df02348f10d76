//! Writes a file or a directory of an image to a place the user chose: whole or not at all, never over something that is
//! there, never by a name that climbs out of it.
//!
//! Everything is made in a directory of its own beside the target, which nobody else can write to, and gets its name last;
//! so no link, neither the user's nor one of the image, is ever in the path of what is written. Permission bits are kept,
//! set-user-id, set-group-id and sticky bits are not: files belong to whoever extracts them, and a program that ran as
//! its owner in the image must not run as the user here. Devices, pipes and sparse files are left out, and counted.

mod plan;
mod write;

use std::path::{Path, PathBuf};

use super::ContentReader;
use crate::layer::entry::NodeId;
use crate::task::Task;

/// Which state of the image files are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageState {
    /// What one layer stores; its place from the bottom.
    Layer(usize),
    /// What so many layers show together.
    UpTo(usize),
}

/// What is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The file or directory.
    pub node: NodeId,
    /// The state it is taken from.
    pub state: ImageState,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extracted {
    /// Files and links.
    pub files: u64,
    /// Their content bytes.
    pub bytes: u64,
    /// Devices, pipes and sparse files, which were not written.
    pub left_out: u64,
    /// Set-id and sticky bits that files and directories did not get.
    pub dropped_bits: u64,
}

/// Writes what is wanted into a directory that is there, or under a new name; returns the target, and what came of it or
/// why it was not written.
pub fn extract(
    reader: &ContentReader,
    wanted: Wanted,
    typed: &Path,
    task: &Task,
) -> (PathBuf, Result<Extracted, String>) {
    let analysis = &reader.analysis;
    let (directory, name) = split_target(typed, &os_name(analysis.index.tree.name(wanted.node)));
    let written = plan::plan(analysis, wanted).and_then(|plan| {
        write::write(reader, &plan, &directory, &name, task)?;
        let plan::ExtractionPlan { files, bytes, left_out, dropped_bits, .. } = plan;
        Ok(Extracted { files, bytes, left_out, dropped_bits })
    });
    (directory.join(name), written)
}

/// Splits what the user typed: a directory that is there, and the name in it.
#[must_use]
pub fn split_target(typed: &Path, name: &Path) -> (PathBuf, PathBuf) {
    if typed.is_dir() {
        return (typed.to_owned(), name.to_owned());
    }
    let parent = typed.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    (parent.to_owned(), typed.file_name().map_or_else(|| name.to_owned(), PathBuf::from))
}

#[cfg(unix)]
fn os_name(name: &[u8]) -> PathBuf {
    PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name))
}

#[cfg(not(unix))]
fn os_name(name: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_a_directory_or_a_new_name() {
        let place = tempfile::tempdir().expect("a directory");
        let (directory, name) = split_target(place.path(), Path::new("x"));
        assert_eq!((directory.as_path(), name.as_path()), (place.path(), Path::new("x")));
        let (directory, name) = split_target(&place.path().join("y"), Path::new("x"));
        assert_eq!((directory.as_path(), name.as_path()), (place.path(), Path::new("y")));
    }
}
