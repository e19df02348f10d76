//! The details: everything known about what is under the cursor of another pane.

mod draw;
mod lines;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::Behavior;
use crate::tui::app::App;
use crate::tui::layout::Pane;
use crate::tui::list::ListState;
pub use lines::{Detail, base, fix, layer, one_line, path, step, waste};

/// The state of the pane.
#[derive(Debug)]
pub struct DetailsPane {
    /// Its window; it has no cursor.
    pub list: ListState,
    /// Its lines, before they are broken to fit.
    pub lines: Vec<Detail>,
    /// The pane that they are about.
    pub(in crate::tui) subject: Pane,
    /// The lines are out of date.
    pub(in crate::tui) is_stale: bool,
}

impl Default for DetailsPane {
    fn default() -> Self {
        DetailsPane { list: ListState::default(), lines: Vec::new(), subject: Pane::Layers, is_stale: true }
    }
}

/// The pane as the screen knows it.
pub(super) struct DetailsBehavior;

impl Behavior for DetailsBehavior {
    fn row_count(&self, app: &App) -> usize {
        app.details.lines.len() * 3
    }

    fn list<'a>(&self, app: &'a mut App) -> &'a mut ListState {
        &mut app.details.list
    }

    fn draw(&self, frame: &mut Frame, area: Rect, app: &App) {
        draw::draw(frame, area, app);
    }

    fn state(&self, _: &App) -> String {
        String::new()
    }

    fn has_cursor(&self) -> bool {
        false
    }

    fn moved(&self, _: &mut App) {}
}
