//! The panes. Each has a room with its state, what keys do to that, and how it is drawn; the rest of the screen knows it
//! by its [`Behavior`] alone. Drawing reads the state and computes nothing that grows with the image.
//!
//! ```text
//!  layerlens  shop-api:1.4  8 layers  719.4 MB  waste 284.6 MB (39.6 %)       header
//! ╭ 1 Layers ─────────────────────────────────────╮   rounded and dim without the keyboard,
//! │ heading, rows                                 │   thick with it
//! ╰ breadcrumb ────────────────── state · row/all ╯
//!  ↑↓ →← move  Tab pane  / find …                     footer, message or typed line
//! ```
//!
//! A new pane is a room here, a line in [`Pane::behavior`], a name and a place in [`super::layout`], and its key in
//! [`super::keys`]; its state is a field of [`App`].

pub mod bars;
mod border;
pub mod content;
pub mod details;
pub mod files;
pub mod fixes;
pub mod help;
pub mod layers;
pub mod patch;
mod row;
pub mod waste;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::Paragraph;

use super::app::App;
use super::front::Popup;
use super::keys::Action;
use super::layout::{LEAST, Pane};
use super::list::ListState;
use super::text::cut;
use super::tree::{Sort, SortKey};
use crate::contents::extract::Wanted;
use crate::layer::entry::EntryRef;
pub use border::tab_at;
use border::{hint, window};
use details::Detail;
use fixes::FixSubject;
use row::{RowLine, cursor, line_of};

/// What the screen asks of a pane, and what a pane does about keys that mean something else in each.
pub trait Behavior {
    /// Returns the number of rows.
    fn row_count(&self, app: &App) -> usize;

    /// Returns its cursor and window.
    fn list<'a>(&self, app: &'a mut App) -> &'a mut ListState;

    /// Draws what is inside the border.
    fn draw(&self, frame: &mut Frame, area: Rect, app: &App);

    /// Returns what its border says about cursor and rows.
    fn state(&self, app: &App) -> String;

    /// Does what a new place of its cursor asks for.
    fn moved(&self, app: &mut App);

    /// Returns where the cursor is, for the border.
    fn breadcrumb(&self, _: &App) -> String {
        String::new()
    }

    /// Returns what its title counts.
    fn tab(&self, _: &App) -> Option<String> {
        None
    }

    /// Says whether it has a cursor, and a heading above its rows; else keys move its window.
    fn has_cursor(&self) -> bool {
        true
    }

    /// Opens, closes or enters what is under the cursor.
    fn open_or_close(&self, _: &mut App, _: Action) {}

    /// Goes to the layer above or below.
    fn other_layer(&self, app: &mut App, next: bool) {
        app.step_layer(next);
    }

    /// Says whether a filter keeps rows of it.
    fn is_filtered(&self) -> bool {
        false
    }

    /// Returns what it can be sorted by.
    fn sort_keys(&self) -> &'static [SortKey] {
        &[]
    }

    /// Returns the order of its rows, where it can be chosen.
    fn sort(&self, _: &App) -> Option<Sort> {
        None
    }

    /// Orders its rows.
    fn set_sort(&self, _: &mut App, _: Sort) {}

    /// Returns what a click on the heading sorts by; `column` is counted from the inside of the border.
    fn sort_key_at(&self, _app: &App, _width: usize, _column: usize) -> Option<SortKey> {
        None
    }

    /// Returns what is under the cursor, for the clipboard.
    fn clipboard(&self, app: &App) -> Option<String> {
        app.step_text()
    }

    /// Returns the entry whose content is looked at.
    fn entry(&self, app: &App) -> Option<EntryRef> {
        app.entry_at(app.files.node)
    }

    /// Returns what is extracted.
    fn wanted(&self, app: &App) -> Option<Wanted> {
        app.wanted_path()
    }

    /// Returns the fix whose lines are copied; elsewhere that of the marked layers, or the first.
    fn fix(&self, app: &App) -> Option<FixSubject> {
        Some(if app.fixes.table.what_if.is_some() { FixSubject::Marked } else { FixSubject::Fix(0) })
    }

    /// Describes what is under the cursor.
    fn details(&self, app: &App) -> Vec<Detail> {
        app.describe_layer()
    }
}

impl Pane {
    /// Returns what the pane does.
    #[must_use]
    pub fn behavior(self) -> &'static dyn Behavior {
        match self {
            Pane::Layers => &layers::LayersBehavior,
            Pane::Files => &files::FilesBehavior,
            Pane::Waste => &waste::WasteBehavior,
            Pane::Fixes => &fixes::FixesBehavior,
            Pane::Details => &details::DetailsBehavior,
        }
    }
}

/// Draws the whole screen.
pub fn draw(frame: &mut Frame, app: &App) {
    let area = frame.area();
    let Some(layout) = app.layout() else {
        let words = format!("layerlens needs {}x{} cells, q quits", LEAST.0, LEAST.1);
        frame.render_widget(Paragraph::new(cut(&words, usize::from(area.width))), area);
        return;
    };
    bars::header(frame, layout.header, app);
    for place in &layout.frames {
        let block = border::block(app, place);
        let inner = block.inner(place.area);
        frame.render_widget(block, place.area);
        place.pane.behavior().draw(frame, inner, app);
    }
    bars::footer(frame, layout.footer, app);
    match &app.popup {
        Some(Popup::Help(top)) => help::draw(frame, app, *top),
        Some(Popup::Content(view)) => content::draw(frame, app, view),
        Some(Popup::Patch(view)) => patch::draw(frame, app, view),
        None => {}
    }
}
