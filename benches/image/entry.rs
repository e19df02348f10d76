//! What a layer is made of, before it becomes a tar.

use super::content::Content;

/// A day in 2024, in seconds: when everything happened unless a step says otherwise.
pub const MTIME: u64 = 1_717_200_000;

/// One layer: the step that made it and its entries.
pub struct Layer {
    pub created_by: &'static str,
    pub entries: Vec<Entry>,
}

/// One member of a layer's tar.
#[derive(Clone)]
pub struct Entry {
    /// Relative to the root, without a slash at the end.
    pub path: String,
    pub kind: Kind,
    pub mode: u32,
    pub owner: u64,
    pub mtime: u64,
    pub xattr: Option<(&'static str, &'static [u8])>,
    pub long_name: LongName,
}

#[derive(Clone)]
pub enum Kind {
    File(Content),
    Directory,
    Symlink(String),
    HardLink(String),
}

/// How a name that the header has no room for is written.
#[derive(Clone, Copy)]
pub enum LongName {
    Pax,
    Gnu,
}

impl Entry {
    pub fn new(path: impl Into<String>, kind: Kind) -> Self {
        let mode = match kind {
            Kind::Directory => 0o755,
            Kind::Symlink(_) => 0o777,
            Kind::File(_) | Kind::HardLink(_) => 0o644,
        };
        Self { path: path.into(), kind, mode, owner: 0, mtime: MTIME, xattr: None, long_name: LongName::Pax }
    }

    pub fn file(path: impl Into<String>, content: Content) -> Self {
        Self::new(path, Kind::File(content))
    }

    pub fn directory(path: impl Into<String>) -> Self {
        Self::new(path, Kind::Directory)
    }

    /// An empty file: whiteouts are nothing more.
    pub fn empty(path: impl Into<String>) -> Self {
        Self::file(path, Content::new(0, 0))
    }

    /// The whiteout of `path`.
    pub fn whiteout(path: &str) -> Self {
        match path.rsplit_once('/') {
            Some((parent, name)) => Self::empty(format!("{parent}/.wh.{name}")),
            None => Self::empty(format!(".wh.{path}")),
        }
    }

    pub fn content(&self) -> Option<Content> {
        match self.kind {
            Kind::File(content) => Some(content),
            _ => None,
        }
    }
}
