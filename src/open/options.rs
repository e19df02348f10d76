//! What is to be read, and how.

use std::ops::Deref;
use std::sync::Arc;

use super::watch::Watch;
use crate::archive::Selection;
use crate::layer::kept::Room;
use crate::source::{Access, Progress};

/// What is to be read, and how.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Which image.
    pub selection: Selection,
    /// Whether digests and `diff_ids` are computed and compared.
    pub verify: bool,
    /// How far it has come.
    pub progress: Arc<Progress>,
    /// Who hears of what is known so far.
    pub watch: Watch,
    /// How engines and registries are reached.
    pub access: Access,
    /// Whether every layer must be there to be read again: what comes through a pipe or is compressed as a whole goes to
    /// a temporary file first.
    pub reread: bool,
    /// Whether contents that say what the files are for are kept: package databases, manifests, scripts.
    pub evidence: bool,
}

/// A load's options, and the room for what it keeps.
#[derive(Debug)]
pub(super) struct Loading<'a> {
    options: &'a LoadOptions,
    room: Option<Room>,
}

impl<'a> Loading<'a> {
    pub(super) fn new(options: &'a LoadOptions) -> Self {
        Loading { options, room: options.evidence.then(Room::default) }
    }

    /// Returns the room for contents that are kept, where any are.
    pub(super) fn room(&self) -> Option<&Room> {
        self.room.as_ref()
    }
}

impl Deref for Loading<'_> {
    type Target = LoadOptions;

    fn deref(&self) -> &LoadOptions {
        self.options
    }
}
