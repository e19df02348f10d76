//! The members of a seekable image: a plain archive, indexed once, or a directory.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::store::{Documents, MOST_DOCUMENT_BYTES, Store};
use crate::error::{AtPlace, Error, Place, Result, Warning, WarningCode};
use crate::path::{Normal, normalize, split};
use crate::source::feed::Window;
use crate::source::{Bytes, Progress, Region};
use crate::tarball::Walker;
use crate::tarball::header::Kind;

/// What a name leads to in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogEntry<T> {
    /// The member itself.
    Here(T),
    /// Another member, by its normal path; nothing where the link leads outside the archive.
    Link(Option<Vec<u8>>),
}

/// Members by normal path, links resolved on demand: old engines store a layer used twice as a link to the first.
#[derive(Debug)]
pub struct Catalog<T> {
    members: BTreeMap<Vec<u8>, CatalogEntry<T>>,
    /// About what they cost in memory.
    bytes: usize,
    /// What was odd.
    pub warnings: Vec<Warning>,
}

impl<T> Default for Catalog<T> {
    fn default() -> Self {
        Catalog { members: BTreeMap::new(), bytes: 0, warnings: Vec::new() }
    }
}

impl<T> Catalog<T> {
    /// More links than this one after another are a circle.
    const MOST_HOPS: usize = 32;
    /// Some hundred thousand members; an archive of a thousand images has ten thousand.
    const MOST_BYTES: usize = 64 << 20;

    /// Adds a member; the last one of a name wins, as it does when an engine unpacks the archive.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for more members than memory is spent on.
    pub fn insert(&mut self, name: Vec<u8>, target: CatalogEntry<T>) -> Result<()> {
        // Directories are no members; a name that stands twice is worth a word.
        if self.members.contains_key(&name) && self.warnings.len() < 20 {
            let message = "stands twice in the archive: the last one is taken";
            self.warnings.push(Warning::about(WarningCode::DuplicateMember, &name, message));
        }
        let link = if let CatalogEntry::Link(Some(link)) = &target { link.len() } else { 0 };
        self.bytes += name.len() + link + 3 * size_of::<(Vec<u8>, CatalogEntry<T>)>();
        if self.bytes > Self::MOST_BYTES {
            let what = "the list of the archive's members".to_owned();
            return Err(Error::TooLarge { what, limit: format!("{} bytes", Self::MOST_BYTES) });
        }
        self.members.insert(name, target);
        Ok(())
    }

    /// Follows links from `name` to a member.
    ///
    /// # Errors
    /// [`Error::BadLink`] for links that lead outside, nowhere, or in a circle.
    pub fn find(&self, name: &[u8]) -> Result<Option<&T>> {
        let bad = |problem: &str| Error::BadLink { name: name.to_vec(), problem: problem.to_owned() };
        let mut current = name;
        for hop in 0..Self::MOST_HOPS {
            match self.members.get(current) {
                Some(CatalogEntry::Here(member)) => return Ok(Some(member)),
                Some(CatalogEntry::Link(Some(next))) => current = next,
                Some(CatalogEntry::Link(None)) => return Err(bad("leads out of the archive")),
                None if hop == 0 => return Ok(None),
                None => return Err(bad("leads to nothing in the archive")),
            }
        }
        Err(bad("leads in a circle"))
    }

    /// Returns the name behind all links, for telling whether two names are one member.
    #[must_use]
    pub fn canonical<'a>(&'a self, name: &'a [u8]) -> &'a [u8] {
        let mut current = name;
        for _ in 0..Self::MOST_HOPS {
            match self.members.get(current) {
                Some(CatalogEntry::Link(Some(next))) => current = next,
                _ => break,
            }
        }
        current
    }

    /// Returns the names in order.
    pub fn names(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.members.keys()
    }
}

/// Reads a link member of an archive: a hard link names a member, a symlink is relative to its own directory.
#[must_use]
pub fn link_target<T>(kind: Kind, name: &[u8], link: &[u8]) -> CatalogEntry<T> {
    let mut raw = Vec::new();
    if kind == Kind::Symlink && !link.starts_with(b"/") {
        raw.extend_from_slice(split(name).0);
        raw.push(b'/');
    }
    raw.extend_from_slice(link);
    let mut target = Vec::new();
    CatalogEntry::Link((normalize(&raw, &mut target) != Normal::Outside).then_some(target))
}

/// A plain archive whose blobs can be reopened by offset.
pub struct Archive {
    catalog: Catalog<Region>,
}

impl Archive {
    /// Indexes the members of the tar in `region`.
    ///
    /// # Errors
    /// Where it is no tar, or cut short.
    pub fn index(region: &Region) -> Result<Self> {
        // Only the layers count as work: the outer scan reads a few headers.
        let mut walker = Walker::new(Window::new(region.clone(), &Arc::new(Progress::default())));
        let mut catalog = Catalog::default();
        let mut name = Vec::new();
        while walker.advance()? {
            let member = walker.member();
            if normalize(&member.path, &mut name) == Normal::Outside {
                continue;
            }
            match member.kind {
                Kind::File => {
                    let blob = region.slice(walker.position(), walker.left());
                    catalog.insert(name.clone(), CatalogEntry::Here(blob))?;
                }
                Kind::HardLink | Kind::Symlink => {
                    catalog.insert(name.clone(), link_target(member.kind, &name, &member.link))?;
                }
                _ => {}
            }
        }
        Ok(Archive { catalog })
    }
}

impl Store for Archive {
    fn blob(&self, name: &[u8]) -> Result<Option<Bytes>> {
        Ok(self.catalog.find(name)?.map(|region| Bytes::Here(region.clone())))
    }

    fn canonical<'a>(&'a self, name: &'a [u8]) -> &'a [u8] {
        self.catalog.canonical(name)
    }

    fn warnings(&self) -> &[Warning] {
        &self.catalog.warnings
    }
}

impl Documents for Archive {
    fn read(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        let region = self.catalog.find(name)?;
        region.map(|region| read_document(region, name)).transpose()
    }

    fn names(&self) -> Vec<Vec<u8>> {
        self.catalog.names().take(10_000).cloned().collect()
    }

    fn is_directory(&self) -> bool {
        false
    }
}

fn read_document(region: &Region, name: &[u8]) -> Result<Vec<u8>> {
    region.read_all("the document", MOST_DOCUMENT_BYTES).at(|| Place::Member(name.to_vec()))
}

/// An image that lies unpacked in a directory.
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// Takes the directory `root`; nothing outside it will be read.
    ///
    /// # Errors
    /// [`Error::Io`] where the directory cannot be resolved.
    pub fn open(root: &Path) -> Result<Self> {
        let root = root.canonicalize().map_err(|source| Error::Io { action: "open", source })?;
        Ok(Directory { root })
    }

    /// Opens a file of the directory by its normal path.
    fn file(&self, name: &[u8]) -> Result<Option<Region>> {
        let Ok(relative) = std::str::from_utf8(name) else {
            return Ok(None);
        };
        let place = || Place::Member(name.to_vec());
        let failed = |source| Error::Io { action: "open", source };
        let path = match self.root.join(relative).canonicalize() {
            Ok(path) => path,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(failed(error)).at(place),
        };
        // A blob may be a symlink to another blob, never to a file of the machine.
        if !path.starts_with(&self.root) {
            let problem = "leads out of the image directory".to_owned();
            return Err(Error::BadLink { name: name.to_vec(), problem });
        }
        if !fs::metadata(&path).map_err(failed).at(place)?.is_file() {
            return Ok(None);
        }
        let file = File::open(&path).map_err(failed).at(place)?;
        Region::whole(file).map(Some)
    }
}

fn is_absent(error: &io::Error) -> bool {
    // "Not a directory" too: a component of the name is a file.
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

impl Documents for Directory {
    fn read(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        let region = self.file(name)?;
        region.map(|region| read_document(&region, name)).transpose()
    }

    fn names(&self) -> Vec<Vec<u8>> {
        let Ok(entries) = fs::read_dir(&self.root) else {
            return Vec::new();
        };
        entries.flatten().map(|entry| entry.file_name().into_encoded_bytes()).take(10_000).collect()
    }

    fn is_directory(&self) -> bool {
        true
    }
}

impl Store for Directory {
    fn blob(&self, name: &[u8]) -> Result<Option<Bytes>> {
        Ok(self.file(name)?.map(Bytes::Here))
    }
}
