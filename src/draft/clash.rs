//! Outputs that would destroy an input or each other.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file with the name it goes by in messages: `the image`, `--report json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<'a> {
    /// What it is.
    pub name: String,
    /// Where it is.
    pub path: &'a Path,
}

/// Two names for one file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{output} and {other} are the same file: {}", crate::escape::escape(.path.as_os_str().as_encoded_bytes()))]
pub struct Clash {
    /// The output.
    pub output: String,
    /// The input or the other output.
    pub other: String,
    /// The output's path.
    pub path: PathBuf,
}

/// What tells one file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Identity {
    /// Device and inode: the same through every link.
    Existing(u64, u64),
    /// Where a file would be created, or is on systems without inodes.
    Path(PathBuf),
}

/// Makes sure that no output is an input, lies in an input that is a directory, or is the same file as another output:
/// through whatever links they are named. Devices take any number of outputs.
///
/// # Errors
/// The first two that are the same.
pub fn check(outputs: &[Named<'_>], inputs: &[Named<'_>]) -> Result<(), Clash> {
    let stdout = stdout().map(|identity| (identity, "stdout"));
    for (at, output) in outputs.iter().enumerate() {
        let clash = |other: &str| {
            Err(Clash { output: output.name.clone(), other: other.to_owned(), path: output.path.to_owned() })
        };
        let Some(identity) = identity(output.path) else { continue };
        if let Some(input) = inputs.iter().find(|input| is_part_of(output.path, &identity, input.path)) {
            return clash(&input.name);
        }
        let earlier = outputs[..at].iter().find(|other| self::identity(other.path).as_ref() == Some(&identity));
        if let Some(other) = earlier {
            return clash(&other.name);
        }
        if let Some((_, name)) = stdout.as_ref().filter(|(stdout, _)| *stdout == identity) {
            return clash(name);
        }
    }
    Ok(())
}

/// Says whether an output is the input itself, or one of the files in an input that is a directory.
fn is_part_of(output: &Path, identity: &Identity, input: &Path) -> bool {
    if self::identity(input).as_ref() == Some(identity) {
        return true;
    }
    let (Ok(folder), Ok(file)) = (fs::canonicalize(input), fs::canonicalize(output)) else { return false };
    folder.is_dir() && file.starts_with(folder)
}

/// Nothing for devices, and for what cannot be looked at: opening it will say why.
fn identity(path: &Path) -> Option<Identity> {
    let path = super::place::resolve(path).ok()?;
    match fs::metadata(&path) {
        Ok(found) => of_metadata(&found, &path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = fs::canonicalize(super::place::directory(&path)).ok()?;
            Some(Identity::Path(folder.join(path.file_name()?)))
        }
        Err(_) => None,
    }
}

#[cfg(unix)]
fn of_metadata(found: &fs::Metadata, _: &Path) -> Option<Identity> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let is_pipe = found.file_type().is_fifo();
    (found.is_file() || found.is_dir() || is_pipe).then(|| Identity::Existing(found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn of_metadata(_: &fs::Metadata, path: &Path) -> Option<Identity> {
    fs::canonicalize(path).ok().map(Identity::Path)
}

/// Returns the file that stdout goes to, if it does: a report that replaced it would take the rest of stdout with it.
#[cfg(unix)]
fn stdout() -> Option<Identity> {
    use std::os::fd::AsFd;
    let stdout = fs::File::from(io::stdout().as_fd().try_clone_to_owned().ok()?);
    let found = stdout.metadata().ok().filter(fs::Metadata::is_file)?;
    of_metadata(&found, Path::new(""))
}

#[cfg(not(unix))]
fn stdout() -> Option<Identity> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn one_file_has_many_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("image.tar"), "x").expect("a file");
        fs::hard_link(at("image.tar"), at("hard")).expect("a link");
        symlink("image.tar", at("soft")).expect("a link");
        symlink("new", at("soft-to-new")).expect("a link");
        fs::create_dir(at("layout")).expect("a folder");
        fs::write(at("layout/index.json"), "x").expect("a file");
        let check = |outputs: &[&str], inputs: &[&str]| {
            let paths: Vec<PathBuf> = outputs.iter().chain(inputs).map(|name| at(name)).collect();
            let named: Vec<Named<'_>> = outputs
                .iter()
                .chain(inputs)
                .zip(&paths)
                .map(|(name, path)| Named { name: (*name).to_owned(), path })
                .collect();
            let (outputs, inputs) = named.split_at(outputs.len());
            super::check(outputs, inputs).map_err(|clash| (clash.output, clash.other))
        };
        let clash = |output: &str, other: &str| Err((output.to_owned(), other.to_owned()));
        assert_eq!(check(&["new"], &["image.tar"]), Ok(()));
        for name in ["image.tar", "hard", "soft", "layout/../image.tar"] {
            assert_eq!(check(&[name], &["image.tar"]), clash(name, "image.tar"));
            assert_eq!(check(&["other", name], &["image.tar"]), clash(name, "image.tar"));
        }
        assert_eq!(check(&["new", "layout/../new"], &[]), clash("layout/../new", "new"));
        assert_eq!(check(&["new", "soft-to-new"], &[]), clash("soft-to-new", "new"));
        assert_eq!(check(&["layout/index.json"], &["layout"]), clash("layout/index.json", "layout"));
        assert_eq!(check(&["layout/report.json"], &["layout"]), Ok(()));
        let null = Path::new("/dev/null");
        let nulls = ["one", "two"].map(|name| Named { name: name.to_owned(), path: null });
        assert_eq!(super::check(&nulls, &[]), Ok(()));
    }
}
