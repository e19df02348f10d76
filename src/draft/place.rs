//! Where a file really is that somebody named: links followed, special files told apart.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// As many links as Linux follows.
const MOST_LINKS: usize = 40;

/// Returns the directory of a path: where its draft goes.
#[must_use]
pub fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Follows the symbolic links in the last component of `path`, down to a file or to a name that nothing has yet.
///
/// # Errors
/// Where the links form a circle, or where one lies in a directory that everybody can write to (like `/tmp`) and belongs
/// neither to this user nor to the directory's owner: that is how others' files get overwritten, and Linux refuses such
/// links as well (`fs.protected_symlinks`).
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => {
                check_link(&found, directory(&path))?;
                path = directory(&path).join(fs::read_link(&path)?);
            }
            _ => return Ok(path),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "too many symbolic links"))
}

#[cfg(unix)]
fn check_link(link: &fs::Metadata, directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    const STICKY_AND_OPEN: u32 = 0o1002;
    let around = fs::metadata(directory)?;
    let is_public = around.mode() & STICKY_AND_OPEN == STICKY_AND_OPEN;
    let is_trusted = link.uid() == rustix::process::geteuid().as_raw() || link.uid() == around.uid();
    if is_public && !is_trusted {
        let message = "is a symbolic link of another user in a directory that everybody can write to";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature everywhere")]
fn check_link(_: &fs::Metadata, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Says whether a path names something that cannot be replaced by a draft: a pipe, a device, a socket, or one of the
/// process's own files (`/dev/stderr`, `/dev/fd/3`), which may be regular files.
#[must_use]
pub fn is_special(path: &Path) -> bool {
    let is_own_file = path.starts_with("/dev") || path.starts_with("/proc");
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir() || found.is_file() && is_own_file)
}

/// Opens a special file for writing. Waits at most five seconds for a pipe's reader.
///
/// # Errors
/// Where it cannot be opened, or no reader appears in time.
#[cfg(unix)]
pub fn open_special(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    use std::time::{Duration, Instant};

    use rustix::fs::OFlags;

    const WAIT: Duration = Duration::from_secs(5);
    let start = Instant::now();
    // Without a reader, opening would wait; like this it fails.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = loop {
        match OpenOptions::new().append(true).custom_flags(flags).open(path) {
            Ok(file) => break file,
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
                if start.elapsed() > WAIT {
                    return Err(io::Error::new(error.kind(), "no process reads from this pipe"));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => return Err(error),
        }
    };
    let flags = rustix::fs::fcntl_getfl(&file)?;
    rustix::fs::fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file)
}

/// Opens a special file for writing.
///
/// # Errors
/// Where it cannot be opened.
#[cfg(not(unix))]
pub fn open_special(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

/// Finds out whether a file can be written, without changing it: whether it may be opened for writing where it exists, and
/// whether a draft can be made beside it. A pipe is not opened: that could end its reader.
///
/// # Errors
/// Where it cannot.
pub fn check(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory")),
        Ok(_) if is_special(path) => check_special(path),
        Ok(_) => {
            OpenOptions::new().append(true).open(path)?;
            super::Draft::beside(path).map(drop)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => super::Draft::beside(path).map(drop),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn check_special(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(path, rustix::fs::Access::WRITE_OK)?)
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature everywhere")]
fn check_special(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_to_their_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "x").expect("a file");
        symlink("file", at("one")).expect("a link");
        symlink(at("one"), at("two")).expect("a link");
        symlink("nothing", at("dangling")).expect("a link");
        symlink("circle", at("circle")).expect("a link");
        assert_eq!(resolve(&at("two")).expect("resolved"), at("file"));
        assert_eq!(resolve(&at("dangling")).expect("resolved"), at("nothing"));
        assert_eq!(resolve(&at("none")).expect("resolved"), at("none"));
        assert!(resolve(&at("circle")).is_err());
    }

    #[test]
    fn a_planted_link_is_refused() {
        use std::os::unix::fs::{PermissionsExt, lchown};
        let folder = tempfile::tempdir().expect("a folder");
        let link = folder.path().join("report.json");
        symlink("victim", &link).expect("a link");
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o1777)).expect("its mode");
        assert!(resolve(&link).is_ok(), "one's own link");
        // Only root can make a link of somebody else.
        if lchown(&link, Some(65534), None).is_ok() {
            let refused = resolve(&link).map_err(|error| error.kind());
            assert_eq!(refused, Err(io::ErrorKind::PermissionDenied));
            fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("its mode");
            assert!(resolve(&link).is_ok(), "nobody else can write here");
        }
    }

    #[test]
    fn devices_are_special() {
        assert!(is_special(Path::new("/dev/null")));
        assert!(!is_special(Path::new("/")));
        assert!(check(Path::new("/dev/null")).is_ok());
        assert!(open_special(Path::new("/dev/null")).is_ok());
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!is_special(&folder.path().join("nothing")));
        let file = folder.path().join("file");
        fs::write(&file, "x").expect("a file");
        assert!(!is_special(&file));
        assert!(check(&file).is_ok());
        assert_eq!(fs::read(&file).expect("readable"), b"x");
    }
}
