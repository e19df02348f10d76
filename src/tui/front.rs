//! What is in front of the panes: help, a file's content, a patch, a line that is typed; and what is written behind them.

use crate::contents::extract::Wanted;
use crate::contents::search::TextPattern;
use crate::layer::entry::NodeId;
use crate::task::Task;
use crate::tui::pager::Pager;

/// What is in front of the panes.
#[derive(Debug)]
pub enum Popup {
    /// The list of keys, from this row on.
    Help(usize),
    /// A file's content.
    Content(Box<ContentView>),
    /// The patch of the fixes.
    Patch(PatchView),
}

/// The patch of some fixes.
#[derive(Debug)]
pub struct PatchView {
    /// What it is called.
    pub title: String,
    /// The patch, or why there is none.
    pub text: Result<String, String>,
    /// The first line that is seen.
    pub top: usize,
}

/// A file's content.
#[derive(Debug)]
pub struct ContentView {
    /// Its path, escaped, and its layer.
    pub title: String,
    /// The same, to be written elsewhere.
    pub wanted: Wanted,
    /// The bytes, once they can be read.
    pub pager: Option<Pager>,
    /// Why they cannot be read.
    pub problem: Option<String>,
    /// What is looked for in them.
    pub pattern: Option<TextPattern>,
    /// The work on them: to read them, or to look for something.
    pub task: Task,
    /// Whether that goes on.
    pub is_busy: bool,
    /// The number of the request.
    pub request: u64,
}

/// Something that is being written by a thread.
#[derive(Debug)]
pub struct Writing {
    /// What, in the user's words.
    pub label: String,
    /// How far it has come.
    pub task: Task,
}

/// What a typed line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// `/`.
    Find,
    /// `f`.
    Filter,
    /// `/` in a content.
    FindText,
    /// Where a file or directory goes.
    Extract,
    /// Which report goes where.
    Report,
}

/// A line that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What for.
    pub asking: Asking,
    /// The words in front of it.
    pub label: String,
    /// What was typed.
    pub text: String,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// What was left out of it.
    pub note: Option<String>,
    /// The cursor's path and the filter before it was opened.
    pub(super) before: (NodeId, String),
}

impl Prompt {
    /// Asks for a line.
    #[must_use]
    pub fn new(asking: Asking, label: impl Into<String>, text: impl Into<String>) -> Self {
        let before = (NodeId::ROOT, String::new());
        Prompt { asking, label: label.into(), text: text.into(), problem: None, note: None, before }
    }
}
