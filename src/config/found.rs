//! Files that are found, not named: they came with the folder, perhaps with somebody else's clone.
//!
//! So they have less to say than what the user typed. They are regular files, opened without waiting for anybody; they
//! belong to the user (as git's `safe.directory` demands it); they name files, and no engine or registry. Root's files are
//! taken, too: whoever is root needs no configuration file to do harm. Who works as root through sudo also gets the files
//! of the user who called it.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::{Origin, Set, Setting, name};

/// Looks for a file from `here` up to the root of the repository; whatever has the name counts, to be refused if need be.
pub(super) fn find(here: &Path, file: &str) -> Option<PathBuf> {
    let root = here.ancestors().position(|folder| folder.join(".git").exists()).unwrap_or(0);
    let above = here.ancestors().take(root + 1).map(|folder| folder.join(file));
    above.into_iter().find(|path| path.symlink_metadata().is_ok())
}

/// Opens a file that was found.
///
/// # Errors
/// What is wrong with it, and what to do.
pub(super) fn open(path: &Path, user: &User) -> Result<File, String> {
    let problem = |error: io::Error| format!("{}: {error}", name(path));
    let file = without_waiting(path).map_err(problem)?;
    let metadata = file.metadata().map_err(problem)?;
    if !metadata.is_file() {
        return Err(format!("{}: not a regular file; --no-config does without it", name(path)));
    }
    user.check(&metadata).map_err(|owner| {
        format!(
            "{0}: belongs to another user ({owner}): if you trust it, make it yours (chown) or say --config {0}; \
             --no-config does without it",
            name(path)
        )
    })?;
    Ok(file)
}

/// A pipe that nobody writes to must not stop the program.
#[cfg(unix)]
fn without_waiting(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits();
    OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)
}

#[cfg(not(unix))]
fn without_waiting(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

/// Whose files are taken.
#[derive(Debug, Clone, Default)]
pub(super) struct User {
    /// Nothing where the system does not know owners.
    id: Option<u32>,
    /// Who called sudo.
    caller: Option<u32>,
}

impl User {
    /// Returns who runs the program.
    #[cfg(unix)]
    pub(super) fn now() -> Self {
        let id = rustix::process::geteuid();
        let caller = std::env::var("SUDO_UID").ok().filter(|_| id.is_root());
        User { id: Some(id.as_raw()), caller: caller.and_then(|id| id.parse().ok()) }
    }

    #[cfg(not(unix))]
    pub(super) fn now() -> Self {
        User::default()
    }

    /// Makes sure that the file is the user's, or root's.
    #[cfg(unix)]
    fn check(&self, metadata: &Metadata) -> Result<(), u32> {
        let owner = std::os::unix::fs::MetadataExt::uid(metadata);
        let is_own = owner == 0 || self.id.is_none_or(|id| id == owner) || self.caller == Some(owner);
        if is_own { Ok(()) } else { Err(owner) }
    }

    #[cfg(not(unix))]
    fn check(&self, _: &Metadata) -> Result<(), u32> {
        Ok(())
    }
}

/// Returns a file that a found file names.
///
/// # Errors
/// If it is not the name of a file.
pub(super) fn file(value: &str, folder: &Path) -> Result<PathBuf, String> {
    if value == "-" || value.contains("://") {
        return Err(format!(
            "{value:?} is not a file: what else to read can only be said on the command line, or in a file that --config \
             names"
        ));
    }
    let path = folder.join(value);
    // So that nothing takes it for the name of an image or the scheme of a store.
    Ok(if path.is_absolute() { path } else { Path::new(".").join(path) })
}

/// Makes sure that a file which a found file names is a regular one.
///
/// # Errors
/// The place of the setting, and what is wrong.
pub(super) fn check(set: &Set) -> Result<(), String> {
    let (Setting::Base(path) | Setting::Baseline(path) | Setting::Dockerfile(path)) = &set.setting else {
        return Ok(());
    };
    if !matches!(set.origin, Origin::Found(..)) {
        return Ok(());
    }
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(format!("{}: {}: not a regular file", set.origin, name(path))),
        Err(error) => Err(format!("{}: {}: {error}", set.origin, name(path))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::FILE;
    use super::*;

    #[test]
    fn files_are_found_up_to_the_repository() {
        let top = tempfile::tempdir().expect("a folder");
        let deep = top.path().join("repo/a/b");
        std::fs::create_dir_all(&deep).expect("folders");
        std::fs::write(top.path().join(FILE), "").expect("a file outside");
        assert_eq!(find(&deep, FILE), None, "outside of a repository only the folder itself counts");
        std::fs::create_dir(top.path().join("repo/.git")).expect("a repository");
        assert_eq!(find(&deep, FILE), None, "what lies above the repository does not count");
        std::fs::write(top.path().join("repo").join(FILE), "").expect("a file at the root");
        assert_eq!(find(&deep, FILE), Some(top.path().join("repo").join(FILE)));
        std::fs::write(deep.join(FILE), "").expect("a nearer file");
        assert_eq!(find(&deep, FILE), Some(deep.join(FILE)));
    }

    /// The file is ours: to another user, it is a stranger's. Only root's would be taken all the same.
    #[cfg(unix)]
    #[test]
    fn a_file_of_another_owner_is_refused() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        if User::now().id == Some(0) {
            std::os::unix::fs::chown(file.path(), Some(12_345), None).expect("root may do that");
        }
        let owner = std::os::unix::fs::MetadataExt::uid(&file.as_file().metadata().expect("metadata"));
        let user = |id, caller| User { id: Some(id), caller };
        assert!(open(file.path(), &user(owner, None)).is_ok());
        assert!(open(file.path(), &user(0, Some(owner))).is_ok(), "root by sudo");
        for stranger in [user(owner + 1, None), user(0, None), user(0, Some(owner + 1))] {
            let problem = open(file.path(), &stranger).expect_err("another owner");
            assert!(problem.contains("--config") && problem.contains(&owner.to_string()), "{problem}");
        }
    }

    #[test]
    fn found_files_name_files() {
        let path = |value: &str| file(value, Path::new("")).map(|path| path.display().to_string());
        assert_eq!(path("base.tar"), Ok("./base.tar".to_owned()));
        assert_eq!(path("docker-root:/x"), Ok("./docker-root:/x".to_owned()));
        assert_eq!(path("/x/base.tar"), Ok("/x/base.tar".to_owned()));
        for other in ["-", "docker://app", "registry://h/app:1", "x://"] {
            assert!(path(other).expect_err(other).contains("not a file"), "{other}");
        }
    }
}
