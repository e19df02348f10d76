//! What is to be read, and how.

use std::sync::Arc;

use super::watch::Watch;
use crate::archive::Selection;
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
}
