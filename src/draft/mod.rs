//! Every file that the program writes starts as a draft: a new file beside its target, under a random name, which takes
//! the target's place when it is complete.
//!
//! Promises: a draft is created exclusively, so a link that somebody planted is never followed; the target is either as it
//! was before or complete; the target keeps its permissions, and a symbolic link to it stays one (see [`place`]). Nothing
//! is left behind, whether writing fails, the program panics, or a signal ends it ([`remove_on_signals`]). Only `SIGKILL`
//! and a power cut can leave a draft; [`is_draft`] recognizes one by its name.
//!
//! What cannot be replaced (pipes, devices) is written to directly: see [`place::open_special`].

pub mod clash;
mod folder;
pub mod place;
mod registry;

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

pub use folder::DraftFolder;
pub use registry::{abandon_all, remove_on_signals};

/// How the names of drafts begin and end; the same for every target, so that a long name stays within the limit.
const PREFIX: &str = ".layerlens-";
const SUFFIX: &str = ".tmp";

/// A file on its way to its target. Dropping it removes it.
#[derive(Debug)]
pub struct Draft {
    // Deregistered after the file is gone: fields are dropped in this order.
    file: NamedTempFile,
    registered: registry::Registered,
    target: PathBuf,
}

impl Draft {
    /// Creates a draft beside `target`, which does not have to exist. A symbolic link is followed.
    ///
    /// An existing target passes on its permissions, and its owner and group where the system allows that; a new one gets
    /// the usual permissions (0666 without the umask).
    ///
    /// # Errors
    /// Where no file can be created there, or the link must not be followed.
    pub fn beside(target: &Path) -> io::Result<Self> {
        let target = place::resolve(target)?;
        match std::fs::metadata(&target) {
            Ok(found) => {
                let draft = Draft::create(target, 0o600)?;
                draft.inherit(&found)?;
                Ok(draft)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Draft::create(target, 0o666),
            Err(error) => Err(error),
        }
    }

    /// Creates a draft that only its owner can read, whatever the target was before. A symbolic link in the target's
    /// place will be replaced.
    ///
    /// # Errors
    /// Where no file can be created there.
    pub fn private(target: &Path) -> io::Result<Self> {
        Draft::create(target.to_owned(), 0o600)
    }

    fn create(target: PathBuf, mode: u32) -> io::Result<Self> {
        let (file, registered) = registry::create(|| {
            let mut builder = Builder::new();
            builder.prefix(PREFIX).suffix(SUFFIX);
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
            #[cfg(not(unix))]
            let _ = mode;
            let file = builder.tempfile_in(place::directory(&target))?;
            let path = file.path().to_owned();
            Ok((file, path))
        })?;
        Ok(Draft { file, registered, target })
    }

    /// Takes over owner, group and permissions. Where the group cannot be kept, the group's bits are dropped: they were
    /// meant for others.
    #[cfg(unix)]
    fn inherit(&self, from: &Metadata) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
        let own = self.file().metadata()?;
        let is_same = (own.uid(), own.gid()) == (from.uid(), from.gid());
        let is_kept = is_same || fchown(self.file(), Some(from.uid()), Some(from.gid())).is_ok();
        let mode = from.mode() & if is_kept { 0o777 } else { 0o707 };
        self.file().set_permissions(PermissionsExt::from_mode(mode))
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "the same signature everywhere")]
    fn inherit(&self, _: &Metadata) -> io::Result<()> {
        Ok(())
    }

    /// Returns the file, to read it again or to sync it.
    #[must_use]
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Puts the draft in its target's place; what was there is replaced.
    ///
    /// # Errors
    /// Where it cannot be renamed. The target is then as it was, and the draft is removed.
    pub fn keep(self) -> io::Result<()> {
        let Draft { file, registered, target } = self;
        registered.finish(|| file.persist(target).map(drop).map_err(|failed| failed.error))
    }

    /// Puts the draft in its target's place, unless something is there by now.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`], and as for [`Draft::keep`].
    pub fn keep_new(self) -> io::Result<()> {
        let Draft { file, registered, target } = self;
        registered.finish(|| file.persist_noclobber(target).map(drop).map_err(|failed| failed.error))
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file_mut().flush()
    }
}

/// Says whether a file's name is that of a draft: one that is old belongs to a process that was killed.
#[must_use]
pub fn is_draft(path: &Path) -> bool {
    let name = path.file_name().map_or(&b""[..], OsStr::as_encoded_bytes);
    name.starts_with(PREFIX.as_bytes()) && name.ends_with(SUFFIX.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn put(target: &Path, content: &[u8]) {
        let mut draft = Draft::beside(target).expect("a draft");
        assert!(is_draft(draft.file.path()));
        draft.write_all(content).expect("written");
        draft.keep().expect("kept");
    }

    #[test]
    fn a_draft_replaces_its_target_when_it_is_complete() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("report");
        fs::write(&target, "before").expect("the target");
        let mut draft = Draft::beside(&target).expect("a draft");
        draft.write_all(b"after").expect("written");
        assert_eq!(fs::read(&target).expect("readable"), b"before");
        drop(draft);
        assert_eq!(names(folder.path()), ["report"], "a draft that was dropped is gone");
        put(&target, b"after");
        assert_eq!(fs::read(&target).expect("readable"), b"after");
        assert_eq!(names(folder.path()), ["report"]);
    }

    #[test]
    fn a_new_file_replaces_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("config");
        let draft = Draft::beside(&target).expect("a draft");
        fs::write(&target, "mine").expect("the target");
        let kept = draft.keep_new().map_err(|error| error.kind());
        assert_eq!(kept, Err(io::ErrorKind::AlreadyExists));
        assert_eq!(fs::read(&target).expect("readable"), b"mine");
        assert_eq!(names(folder.path()), ["config"]);
    }

    #[test]
    fn the_longest_name_has_a_draft() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("x".repeat(255));
        put(&target, b"x");
        assert!(target.is_file());
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_kept() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("report");
        for mode in [0o600, 0o640, 0o664, 0o444] {
            fs::write(&target, "x").expect("the target");
            fs::set_permissions(&target, PermissionsExt::from_mode(mode)).expect("its mode");
            put(&target, b"y");
            let found = fs::metadata(&target).expect("the target").permissions().mode();
            assert_eq!(found & 0o7777, mode);
            fs::remove_file(&target).expect("removed");
        }
        let plain = folder.path().join("plain");
        fs::write(&plain, "x").expect("a file as the umask makes it");
        put(&target, b"y");
        let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode();
        assert_eq!(mode(&target), mode(&plain), "a new file is as open as any other");
        let private = Draft::private(&folder.path().join("cache")).expect("a draft");
        assert_eq!(private.file().metadata().expect("a file").permissions().mode() & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_written_through() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a folder");
        let other = tempfile::tempdir().expect("a folder");
        let (link, target) = (folder.path().join("link"), other.path().join("target"));
        symlink(&target, &link).expect("a link");
        put(&link, b"through a link to nothing");
        assert_eq!(fs::read(&target).expect("readable"), b"through a link to nothing");
        put(&link, b"again");
        assert_eq!(fs::read(&target).expect("readable"), b"again");
        assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
        assert_eq!((names(folder.path()), names(other.path())), (vec!["link".to_owned()], vec!["target".to_owned()]));
    }
}
