//! Writes one file of an image to a place the user chose: with its permission bits, never over something that is there,
//! never through a link inside the chosen directory, never by a name that climbs out of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use crate::source::Region;

/// What is read and written at once.
const BLOCK: usize = 256 << 10;

/// Writes `content` below `directory` as `name`, which may hold slashes; returns where it went.
///
/// Directories of the name that are missing are made. A set-user-id bit is not kept: the file has another owner now.
///
/// # Errors
/// Where the name climbs out or leads through a link, where something is there already, and what the system answers;
/// nothing is left behind then.
pub fn extract(content: &Region, mode: u16, directory: &Path, name: &Path) -> io::Result<PathBuf> {
    let target = safe_target(directory, name)?;
    let result = create(&target, mode).and_then(|file| copy(content, file));
    match result {
        Ok(()) => Ok(target),
        Err(error) => {
            if error.kind() != io::ErrorKind::AlreadyExists {
                // The first error is the one that matters.
                let _ = fs::remove_file(&target);
            }
            Err(error)
        }
    }
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

fn safe_target(directory: &Path, name: &Path) -> io::Result<PathBuf> {
    let refuse = |problem: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, problem.to_owned()));
    let components: Vec<Component> = name.components().collect();
    if components.is_empty() || !components.iter().all(|part| matches!(part, Component::Normal(_))) {
        return refuse("the name leads out of the directory");
    }
    if !directory.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "there is no such directory"));
    }
    let mut target = directory.to_owned();
    for part in &components[..components.len() - 1] {
        target.push(part);
        match fs::symlink_metadata(&target) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return refuse("the name leads through something that is no directory"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(&target)?,
            Err(error) => return Err(error),
        }
    }
    target.push(components[components.len() - 1]);
    Ok(target)
}

/// Makes a file where there is nothing: not even a link that leads nowhere.
fn create(target: &Path, mode: u16) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(target)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(u32::from(mode & 0o777)))?;
    #[cfg(not(unix))]
    let _ = mode;
    Ok(file)
}

fn copy(content: &Region, mut file: File) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    let mut at = 0;
    while at < content.len() {
        let read = content.read_at(at, &mut block).map_err(io::Error::other)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.write_all(&block[..read])?;
        at += read as u64;
    }
    file.flush()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn region(content: &[u8]) -> Region {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(content).expect("written");
        Region::whole(file).expect("readable")
    }

    #[test]
    fn a_file_keeps_its_mode() {
        let place = tempfile::tempdir().expect("a directory");
        let target = extract(&region(b"#!/bin/sh\n"), 0o4755, place.path(), Path::new("bin/run")).expect("written");
        assert_eq!(fs::read(&target).expect("readable"), b"#!/bin/sh\n");
        assert_eq!(fs::metadata(&target).expect("there").permissions().mode() & 0o7777, 0o755);
    }

    #[test]
    fn nothing_leaves_the_directory() {
        let place = tempfile::tempdir().expect("a directory");
        let outside = tempfile::tempdir().expect("a directory");
        symlink(outside.path(), place.path().join("link")).expect("a link");
        symlink(outside.path().join("new"), place.path().join("dangling")).expect("a link");
        for name in ["../x", "a/../../x", "/etc/x", "", "..", "link/x", "dangling"] {
            assert!(extract(&region(b"x"), 0o644, place.path(), Path::new(name)).is_err(), "{name:?} is refused");
        }
        assert_eq!(fs::read_dir(outside.path()).expect("readable").count(), 0);
    }

    #[test]
    fn what_is_there_stays() {
        let place = tempfile::tempdir().expect("a directory");
        fs::write(place.path().join("x"), "old").expect("written");
        let error = extract(&region(b"new"), 0o644, place.path(), Path::new("x")).expect_err("it is there");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(place.path().join("x")).expect("readable"), b"old");
    }
}
