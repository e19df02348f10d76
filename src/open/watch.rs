//! What is known of an image while it is still being read, for whoever shows it.

use std::fmt;
use std::sync::Arc;

use crate::archive::ImageSpec;

/// One thing that became known.
#[derive(Debug, Clone, Copy)]
pub enum Stage<'a> {
    /// The image was selected.
    Spec(&'a ImageSpec),
    /// A layer was read.
    Layer {
        /// Its number, 1 = the bottom; not known before the manifest has passed.
        number: Option<u32>,
        /// Its content bytes.
        stored_bytes: u64,
    },
}

type Listener = dyn Fn(Stage<'_>) + Send + Sync;

/// Hears of each [`Stage`], in the thread that reads.
#[derive(Clone, Default)]
pub struct Watch(Option<Arc<Listener>>);

impl Watch {
    /// Calls `listener` for each stage; it must not block.
    #[must_use]
    pub fn new(listener: impl Fn(Stage<'_>) + Send + Sync + 'static) -> Self {
        Watch(Some(Arc::new(listener)))
    }

    pub(crate) fn spec(&self, spec: &ImageSpec) {
        if let Some(listener) = &self.0 {
            listener(Stage::Spec(spec));
        }
    }

    pub(crate) fn layer(&self, number: Option<u32>, stored_bytes: u64) {
        if let Some(listener) = &self.0 {
            listener(Stage::Layer { number, stored_bytes });
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.0.is_some() { "Watch(listener)" } else { "Watch(nobody)" })
    }
}
