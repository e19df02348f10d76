//! Blobs of registries, kept by digest in `$XDG_CACHE_HOME/layerlens`, so that the next look at an image costs nothing.
//!
//! Promises: only whole blobs whose digest was checked are there, because a blob gets its name last; together they take
//! at most [`MOST_BYTES`]; nothing here ever fails the analysis. What was used longest ago goes first.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Region;
use crate::digest::Digest;

/// What the blobs take together; a blob that alone takes more than half of it is not kept.
const MOST_BYTES: u64 = 4 << 30;
/// A part that nobody has written to for so long belongs to a process that was killed.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);
const PART: &str = "part";

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

    /// Returns a blob that was kept.
    pub(super) fn find(&self, digest: &Digest, size: u64) -> Option<Region> {
        let file = File::open(self.path(digest)).ok()?;
        let region = Region::whole(file.try_clone().ok()?).ok()?;
        // Not what was kept: somebody else has been here.
        if region.len() != size {
            let _ = fs::remove_file(self.path(digest));
            return None;
        }
        // The time of the last use decides who goes first; a cache that cannot be written to is still one to read.
        let _ = file.set_modified(SystemTime::now());
        Some(region)
    }

    /// Starts to keep a blob; nothing where that cannot be, or where somebody else is at it.
    pub(super) fn keeper(&self, digest: &Digest, size: u64) -> Option<Keeper> {
        if size > self.most_bytes / 2 {
            return None;
        }
        fs::create_dir_all(&self.folder).ok()?;
        self.make_room(size);
        let path = self.path(digest);
        let part = path.with_extension(format!("{}.{PART}", std::process::id()));
        let file = OpenOptions::new().write(true).create_new(true).open(&part).ok()?;
        Some(Keeper { file, part, path })
    }

    /// Removes what was used longest ago, until there is room for `size` bytes, and parts that nobody finishes.
    fn make_room(&self, size: u64) {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            if is_part(&path) {
                if modified.elapsed().is_ok_and(|age| age > ABANDONED) {
                    let _ = fs::remove_file(path);
                }
            } else if metadata.is_file() {
                kept.push((modified, metadata.len(), path));
            }
        }
        kept.sort();
        let mut total: u64 = kept.iter().map(|(_, len, _)| len).sum::<u64>() + size;
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

fn is_part(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == PART)
}

/// A blob on its way into the cache; unless it is kept in the end, nothing of it stays.
pub(super) struct Keeper {
    file: File,
    part: PathBuf,
    path: PathBuf,
}

impl Keeper {
    /// Takes further bytes; says whether that worked.
    pub(super) fn write(&mut self, bytes: &[u8]) -> bool {
        self.file.write_all(bytes).is_ok()
    }

    /// Gives the blob its name: whoever sees it sees all of it.
    pub(super) fn keep(self) {
        if self.file.sync_data().is_ok() {
            // Where it cannot be named it is not kept; dropping this removes the part.
            let _ = fs::rename(&self.part, &self.path);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        let _ = fs::remove_file(&self.part);
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
        let mut keeper = cache.keeper(&digest, content.len() as u64).expect("there is room");
        assert!(keeper.write(content));
        keeper.keep();
        digest
    }

    fn names(cache: &Cache) -> usize {
        fs::read_dir(&cache.folder).expect("the folder").count()
    }

    #[test]
    fn only_what_is_kept_stays() {
        let (_folder, cache) = cache(1000);
        let digest = Digest::sha256(b"abc");
        let mut keeper = cache.keeper(&digest, 3).expect("there is room");
        assert!(keeper.write(b"ab"));
        assert!(cache.find(&digest, 3).is_none());
        drop(keeper);
        assert_eq!(names(&cache), 0);
        assert_eq!(keep(&cache, b"abc"), digest);
        assert_eq!(cache.find(&digest, 3).map(|region| region.len()), Some(3));
        assert_eq!(names(&cache), 1);
    }

    #[test]
    fn a_blob_of_another_size_is_none() {
        let (_folder, cache) = cache(1000);
        let digest = keep(&cache, b"abc");
        fs::write(cache.path(&digest), b"abcd").expect("the blob");
        assert!(cache.find(&digest, 3).is_none());
        assert_eq!(names(&cache), 0);
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
        assert!(cache.keeper(&first, 51).is_none(), "more than half of the cache");
    }
}
