//! The fixes: opened, closed, marked, and the way from them to their layers and files.

mod draw;
mod table;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::Behavior;
use super::details::{self, Detail};
use crate::layer::entry::{EntryRef, LayerNumber, NodeId};
use crate::tui::app::App;
use crate::tui::keys::Action;
use crate::tui::layout::Pane;
use crate::tui::list::ListState;
pub use table::{FixRow, FixSubject, FixTable, Lead};

/// The state of the pane.
#[derive(Debug)]
pub struct FixesPane {
    /// Its rows.
    pub table: FixTable,
    /// Its cursor.
    pub list: ListState,
    /// The rows are out of date.
    pub(in crate::tui) is_stale: bool,
}

impl Default for FixesPane {
    fn default() -> Self {
        FixesPane { table: FixTable::default(), list: ListState::default(), is_stale: true }
    }
}

/// The pane as the screen knows it.
pub(super) struct FixesBehavior;

impl Behavior for FixesBehavior {
    fn row_count(&self, app: &App) -> usize {
        app.fixes.table.rows().len()
    }

    fn list<'a>(&self, app: &'a mut App) -> &'a mut ListState {
        &mut app.fixes.list
    }

    fn draw(&self, frame: &mut Frame, area: Rect, app: &App) {
        draw::draw(frame, area, app);
    }

    fn state(&self, app: &App) -> String {
        draw::state(app)
    }

    fn tab(&self, app: &App) -> Option<String> {
        draw::tab(app)
    }

    fn moved(&self, app: &mut App) {
        app.details.is_stale = true;
    }

    fn open_or_close(&self, app: &mut App, action: Action) {
        app.open_fix(action);
    }

    fn clipboard(&self, app: &App) -> Option<String> {
        app.fix_row().map(|row| row.full.clone()).filter(|text| !text.is_empty())
    }

    fn fix(&self, app: &App) -> Option<FixSubject> {
        app.fix_row().map(|row| row.subject)
    }

    fn details(&self, app: &App) -> Vec<Detail> {
        let (Some(image), Some(row)) = (&app.image, app.fix_row()) else { return app.describe_layer() };
        let (analysis, units) = (&image.analysis, app.options.units);
        if let FixSubject::Finding(place) = row.subject {
            let node = analysis.findings[place].paths.first().map_or(NodeId::ROOT, |path| path.node);
            return details::path(analysis, &image.places, node, app.shown_at_last(node), units);
        }
        match (app.fixes.table.fix(analysis, row.subject), app.fixes.table.way(analysis, row.subject)) {
            (Some(fix), Some(way)) => details::fix(analysis, fix, way, units),
            _ => app.describe_layer(),
        }
    }
}

impl App {
    /// Returns the row of the fixes under the cursor.
    #[must_use]
    pub fn fix_row(&self) -> Option<&FixRow> {
        self.fixes.table.rows().get(self.fixes.list.cursor)
    }

    pub(in crate::tui) fn open_fix(&mut self, action: Action) {
        let Some((subject, lead)) = self.fix_row().map(|row| (row.subject, row.lead)) else { return };
        let is_open = self.fixes.table.is_open(subject);
        match (action, lead) {
            (Action::Close, _) => self.fold_fix(subject),
            (Action::Open, _) if is_open => self.move_cursor(Pane::Fixes, 1),
            (Action::Enter, Lead::Head) if is_open => self.fold_fix(subject),
            (_, Lead::Head) => {
                self.fixes.table.set_open(subject, true);
                self.fixes.is_stale = true;
            }
            (Action::Enter, Lead::Layer(layer)) => self.mark_layers(subject, Some(layer)),
            (Action::Enter, Lead::Path(layer, node)) => self.show_path(layer, node),
            _ => {}
        }
    }

    /// Closes what is open; from another way to do a fix that is closed already, goes to the fix.
    fn fold_fix(&mut self, subject: FixSubject) {
        let subject = match subject {
            FixSubject::Other(place, _) if !self.fixes.table.is_open(subject) => FixSubject::Fix(place),
            _ => subject,
        };
        self.fixes.table.set_open(subject, false);
        self.fixes.is_stale = true;
        if subject != FixSubject::Ledger
            && let Some(row) = self.fixes.table.row_of(subject)
        {
            let (rows, height) = (self.row_count(Pane::Fixes), self.height(Pane::Fixes));
            self.fixes.list.go_to(row, rows, height);
        }
    }

    /// Marks the fix under the cursor, or takes its mark away.
    pub(in crate::tui) fn mark_fix(&mut self) {
        let Some(image) = &self.image else { return };
        let subject = self.fixes.table.rows().get(self.fixes.list.cursor).map(|row| row.subject);
        if !subject.is_some_and(|subject| self.fixes.table.mark(subject)) {
            self.status = Some("no fix under the cursor: there is nothing to mark".to_owned());
            return;
        }
        self.status = Some(self.fixes.table.outcome(&image.analysis, self.options.units));
        self.fixes.is_stale = true;
    }

    /// Returns the marked fixes, each with the way to do it; all of them where none is marked.
    #[must_use]
    pub fn chosen_fixes(&self) -> Vec<(usize, usize)> {
        let all = || {
            let count = self.image.as_ref().map_or(0, |image| image.analysis.fixes.len());
            (0..count).map(|place| (place, 0)).collect()
        };
        Some(self.fixes.table.marks()).filter(|marks| !marks.is_empty()).unwrap_or_else(all)
    }

    /// Goes to the layers of the fix under the cursor, with all of them marked.
    pub(in crate::tui) fn show_fix_layers(&mut self) {
        match self.fix_row().map(|row| (row.subject, row.lead)) {
            Some((subject @ (FixSubject::Fix(_) | FixSubject::Other(..) | FixSubject::Marked), lead)) => {
                let layer = if let Lead::Layer(layer) = lead { Some(layer) } else { None };
                self.mark_layers(subject, layer);
            }
            Some((FixSubject::Finding(place), _)) => {
                let layer =
                    self.image.as_ref().and_then(|image| image.analysis.findings[place].layers.first().copied());
                if let Some(layer) = layer {
                    self.show_layer_row(layer);
                    self.focus_on(Pane::Layers);
                }
            }
            _ => self.status = Some("no fix under the cursor".to_owned()),
        }
    }

    fn mark_layers(&mut self, subject: FixSubject, layer: Option<LayerNumber>) {
        let Some(image) = &self.image else { return };
        let Some(way) = self.fixes.table.way(&image.analysis, subject) else { return };
        let layers = way.layers();
        let Some(first) = layer.or(layers.first().copied()) else { return };
        self.layers.marks = layers.iter().map(|layer| layer.get()).collect();
        self.judge_marks();
        self.show_layer_row(first);
        self.focus_on(Pane::Layers);
    }

    /// Rebuilds the rows where the fixes or the width changed; the cursor stays on its fix.
    pub(in crate::tui) fn list_fixes(&mut self) {
        let width = self.width(Pane::Fixes);
        let Some(image) = &self.image else { return };
        if !std::mem::take(&mut self.fixes.is_stale) && self.fixes.table.width() == width {
            return;
        }
        let cursor = self.fixes.list.cursor;
        let subject = self.fixes.table.rows().get(cursor).map(|row| row.subject);
        let place = subject.and_then(|subject| Some(cursor - self.fixes.table.row_of(subject)?));
        self.fixes.table.build(&image.analysis, width, self.options.units);
        let start = subject.and_then(|subject| self.fixes.table.row_of(subject));
        let row = start.map_or(cursor, |start| start + place.unwrap_or(0));
        let (rows, height) = (self.row_count(Pane::Fixes), self.height(Pane::Fixes));
        self.fixes.list.go_to(row, rows, height);
    }

    fn shown_at_last(&self, node: NodeId) -> Option<EntryRef> {
        let image = self.image.as_ref()?;
        image.places.shown(&image.analysis.index, image.analysis.layers.len(), node)
    }
}
