//! A folder on its way: for what is more than one file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempDir};

use super::{PREFIX, SUFFIX, registry};

/// A new folder with a random name that only its owner can enter. Whatever is left in it goes with it.
#[derive(Debug)]
pub struct DraftFolder {
    // Removed in `drop`, before the entry leaves the register.
    folder: TempDir,
    _registered: registry::Registered,
}

impl DraftFolder {
    /// Creates a folder in `directory`.
    ///
    /// # Errors
    /// Where none can be created there.
    pub fn inside(directory: &Path) -> io::Result<Self> {
        let (folder, registered) = registry::create(|| {
            let mut builder = Builder::new();
            builder.prefix(PREFIX).suffix(SUFFIX);
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
            let folder = builder.tempdir_in(directory)?;
            let path = folder.path().to_owned();
            Ok((folder, path))
        })?;
        Ok(DraftFolder { folder, _registered: registered })
    }

    /// Returns its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for DraftFolder {
    fn drop(&mut self) {
        remove_tree(self.folder.path());
    }
}

/// Removes a folder and everything in it, even folders that their owner may not write to.
pub(super) fn remove_tree(path: &Path) {
    if fs::remove_dir_all(path).is_ok() {
        return;
    }
    let mut folders: Vec<PathBuf> = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        #[cfg(unix)]
        let _ = fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        // A link to a folder is no folder: its type is that of the link.
        let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.extend(below.map(|entry| entry.path()));
    }
    // What cannot be removed now cannot be removed by us.
    let _ = fs::remove_dir_all(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_all_that_is_in_it() {
        let top = tempfile::tempdir().expect("a folder");
        let draft = DraftFolder::inside(top.path()).expect("a draft");
        assert!(super::super::is_draft(draft.path()));
        let closed = draft.path().join("closed");
        fs::create_dir(&closed).expect("a folder");
        fs::write(closed.join("file"), "x").expect("a file");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).expect("a folder").permissions().mode() & 0o777;
            assert_eq!(mode(draft.path()), 0o700);
            fs::set_permissions(&closed, PermissionsExt::from_mode(0o500)).expect("its mode");
        }
        drop(draft);
        assert_eq!(fs::read_dir(top.path()).expect("a folder").count(), 0);
    }
}
