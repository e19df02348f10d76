//! Blobs of registries, kept by digest in `$XDG_CACHE_HOME/layerlens`, so that the next look at an image costs nothing.
//!
//! Promises: what is handed out has just been read and has the digest that was asked for, whatever else writes to
//! the folder; together the blobs take at most [`MOST_BYTES`]; only the user can read them; nothing here ever fails the
//! analysis. What was used longest ago is removed first.

use std::env;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Progress, Region};
use crate::digest::{Digest, Hasher};
use crate::draft::{self, Draft};

/// What the blobs take together; a blob that alone takes more than half of it is not kept.
const MOST_BYTES: u64 = 4 << 30;
/// A draft that has not changed for this long belongs to a process that was killed.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);
/// What is read at once to compare a digest.
const BUFFER: usize = 256 << 10;

/// The blobs that were kept.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    folder: PathBuf,
    most_bytes: u64,
}

impl Cache {
    /// Returns the user's cache; nothing where there is no place for one.
    pub(super) fn of_user() -> Option<Self> {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = variable("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        let base = base.or_else(|| Some(variable("HOME")?.join(".cache")))?;
        Some(Cache { folder: base.join("layerlens").join("blobs"), most_bytes: MOST_BYTES })
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}-{}", digest.algorithm().name(), digest.hex()))
    }

    /// Returns a blob that was kept. Costs one pass over it: a file that is not what its name says is removed.
    pub(super) fn find(&self, digest: &Digest, size: u64) -> Option<Region> {
        let file = open_regular(&self.path(digest)).ok()?;
        let region = Region::whole(file.try_clone().ok()?).ok()?;
        if region.len() != size || !has_digest(&region, digest) {
            let _ = fs::remove_file(self.path(digest));
            return None;
        }
        // The time of the last use decides who goes first; a cache that cannot be written to can still be read.
        let _ = file.set_modified(SystemTime::now());
        Some(region)
    }

    /// Starts to keep a blob; nothing where it cannot be kept.
    pub(super) fn start(&self, digest: &Digest, size: u64) -> Option<NewBlob> {
        if size > self.most_bytes / 2 {
            return None;
        }
        create_private(&self.folder).ok()?;
        self.make_room(size);
        Some(NewBlob { draft: Draft::private(&self.path(digest)).ok()? })
    }

    /// Removes what was used longest ago, until there is room for `size` bytes, and abandoned drafts.
    fn make_room(&self, size: u64) {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            if draft::is_draft(&path) {
                if modified.elapsed().is_ok_and(|age| age > ABANDONED) {
                    let _ = fs::remove_file(path);
                }
            } else if metadata.is_file() {
                kept.push((modified, metadata.len(), path));
            }
        }
        kept.sort();
        let mut total = kept.iter().fold(size, |total, (_, len, _)| total.saturating_add(*len));
        for (_, len, path) in kept {
            if total <= self.most_bytes {
                return;
            }
            if fs::remove_file(path).is_ok() {
                total -= len;
            }
        }
    }
}

fn has_digest(region: &Region, digest: &Digest) -> bool {
    let mut reader = region.reader(&Arc::new(Progress::default()));
    let mut hasher = Hasher::new(digest.algorithm());
    let mut buffer = vec![0; BUFFER];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return hasher.finish() == *digest,
            Ok(n) => hasher.update(&buffer[..n]),
            Err(_) => return false,
        }
    }
}

/// Opens a regular file that the path itself names, without waiting for anybody.
fn open_regular(path: &Path) -> io::Result<File> {
    let file = open_no_follow(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

#[cfg(unix)]
fn open_no_follow(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;

    // The second so that a pipe does not wait for its other end.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    File::options().read(true).custom_flags(i32::try_from(flags.bits()).unwrap_or(0)).open(path)
}

#[cfg(not(unix))]
fn open_no_follow(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path)?.is_file() { File::open(path) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

/// Creates a folder that only the user can enter, or makes it one.
fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        builder.mode(0o700).create(folder)?;
        if fs::metadata(folder)?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(folder, PermissionsExt::from_mode(0o700))?;
        }
        Ok(())
    }
    #[cfg(not(unix))]
    builder.create(folder)
}

/// A blob on its way into the cache; unless it is kept in the end, nothing of it remains.
pub(super) struct NewBlob {
    draft: Draft,
}

impl NewBlob {
    /// Takes further bytes; says whether that worked.
    pub(super) fn write(&mut self, bytes: &[u8]) -> bool {
        self.draft.write_all(bytes).is_ok()
    }

    /// Gives the blob its name, and returns what was written; nothing where it cannot be kept.
    pub(super) fn keep(self) -> Option<Region> {
        let file = self.draft.file().try_clone().ok()?;
        file.sync_data().ok()?;
        self.draft.keep().ok()?;
        Region::whole(file).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(most_bytes: u64) -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache { folder: folder.path().join("blobs"), most_bytes };
        (folder, cache)
    }

    fn keep(cache: &Cache, content: &[u8]) -> Digest {
        let digest = Digest::sha256(content);
        let mut blob = cache.start(&digest, content.len() as u64).expect("there is room");
        assert!(blob.write(content));
        assert_eq!(blob.keep().map(|region| region.len()), Some(content.len() as u64));
        digest
    }

    fn names(cache: &Cache) -> usize {
        fs::read_dir(&cache.folder).expect("the folder").count()
    }

    #[test]
    fn only_what_is_kept_stays() {
        let (_folder, cache) = cache(1000);
        let digest = Digest::sha256(b"abc");
        let mut blob = cache.start(&digest, 3).expect("there is room");
        assert!(blob.write(b"ab"));
        assert!(cache.find(&digest, 3).is_none());
        drop(blob);
        assert_eq!(names(&cache), 0);
        assert_eq!(keep(&cache, b"abc"), digest);
        assert_eq!(cache.find(&digest, 3).map(|region| region.len()), Some(3));
        assert_eq!(names(&cache), 1);
    }

    #[test]
    fn what_was_changed_is_removed() {
        let (_folder, cache) = cache(1000);
        for changed in ["abcd", "abd", ""] {
            let digest = keep(&cache, b"abc");
            fs::write(cache.path(&digest), changed).expect("the blob");
            assert!(cache.find(&digest, 3).is_none(), "{changed}");
            assert_eq!(names(&cache), 0);
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_regular_files_are_read() {
        let (folder, cache) = cache(1000);
        let digest = keep(&cache, b"abc");
        let path = cache.path(&digest);
        let elsewhere = folder.path().join("elsewhere");
        fs::rename(&path, &elsewhere).expect("moved");
        std::os::unix::fs::symlink(&elsewhere, &path).expect("a link");
        assert!(cache.find(&digest, 3).is_none(), "a link, even to the right content");
        fs::remove_file(&path).expect("the link");
        let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo runs");
        assert!(made.success());
        assert!(cache.find(&digest, 3).is_none(), "a pipe that nobody writes to");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_user_can_read() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, cache) = cache(1000);
        fs::create_dir_all(&cache.folder).expect("the folder");
        fs::set_permissions(&cache.folder, PermissionsExt::from_mode(0o755)).expect("its mode");
        let digest = keep(&cache, b"abc");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&cache.folder), mode(&cache.path(&digest))), (0o700, 0o600));
    }

    #[test]
    fn the_oldest_makes_room() {
        let (_folder, cache) = cache(100);
        let [first, second, third] = [1, 2, 3].map(|byte| {
            let digest = keep(&cache, &[byte; 40]);
            let file = File::options().write(true).open(cache.path(&digest)).expect("the blob");
            let age = Duration::from_secs(100 - u64::from(byte));
            file.set_modified(SystemTime::now() - age).expect("its time");
            digest
        });
        assert!(cache.find(&first, 40).is_none());
        assert!(cache.find(&second, 40).is_some() && cache.find(&third, 40).is_some());
        assert!(cache.start(&first, 51).is_none(), "more than half of the cache");
    }
}
