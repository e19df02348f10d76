//! The waste table: groups that open to their records, and the way to the two layers of each.

mod draw;
mod table;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::Behavior;
use super::details::{self, Detail};
use crate::contents::extract::{ImageState, Wanted};
use crate::layer::entry::EntryRef;
use crate::tui::app::App;
use crate::tui::keys::Action;
use crate::tui::layout::Pane;
use crate::tui::list::ListState;
use crate::tui::tree::{Sort, SortKey};
pub use table::{DirectoryGroup, WasteRow, WasteTable};

/// The state of the pane; the table itself is made with the image.
#[derive(Debug, Default)]
pub struct WastePane {
    /// Its cursor.
    pub list: ListState,
}

/// The pane as the screen knows it.
pub(super) struct WasteBehavior;

impl Behavior for WasteBehavior {
    fn row_count(&self, app: &App) -> usize {
        app.image.as_ref().map_or(0, |image| image.waste.row_count())
    }

    fn list<'a>(&self, app: &'a mut App) -> &'a mut ListState {
        &mut app.waste.list
    }

    fn draw(&self, frame: &mut Frame, area: Rect, app: &App) {
        draw::draw(frame, area, app);
    }

    fn state(&self, app: &App) -> String {
        draw::state(app)
    }

    fn tab(&self, app: &App) -> Option<String> {
        app.image.as_ref().map(|image| image.waste.group_count().to_string())
    }

    fn moved(&self, app: &mut App) {
        app.details.is_stale = true;
    }

    fn open_or_close(&self, app: &mut App, action: Action) {
        app.open_group(action);
    }

    fn is_filtered(&self) -> bool {
        true
    }

    fn sort_keys(&self) -> &'static [SortKey] {
        &SortKey::WASTE
    }

    fn sort(&self, app: &App) -> Option<Sort> {
        Some(app.image.as_ref()?.waste.sort)
    }

    fn set_sort(&self, app: &mut App, sort: Sort) {
        if let Some(image) = &mut app.image {
            image.waste.set_sort(&image.analysis, sort);
            app.waste.list = ListState::default();
            app.details.is_stale = true;
        }
    }

    fn sort_key_at(&self, _: &App, width: usize, column: usize) -> Option<SortKey> {
        draw::WasteColumns::new(width).key_at(column)
    }

    /// The layer that stores a record, and the one that hid it.
    fn other_layer(&self, app: &mut App, next: bool) {
        app.go_to_waste(next);
    }

    fn clipboard(&self, app: &App) -> Option<String> {
        let image = app.image.as_ref()?;
        match app.waste_row()? {
            WasteRow::Group(group) => app.path_text(image.waste.group(group).top),
            WasteRow::Record(_, record) => app.path_text(image.analysis.waste[record].node),
        }
    }

    fn entry(&self, app: &App) -> Option<EntryRef> {
        let image = app.image.as_ref()?;
        let record = match app.waste_row()? {
            WasteRow::Record(_, record) => record,
            WasteRow::Group(group) => match image.waste.group(group).records[..] {
                [record] => record as usize,
                _ => return None,
            },
        };
        Some(image.analysis.waste[record].copy)
    }

    fn wanted(&self, app: &App) -> Option<Wanted> {
        let image = app.image.as_ref()?;
        let (node, layer) = match app.waste_row() {
            Some(WasteRow::Record(_, record)) => {
                let record = &image.analysis.waste[record];
                (record.node, record.stored_in.index())
            }
            Some(WasteRow::Group(group)) => {
                let group = image.waste.group(group);
                (group.top, group.stored_in.index())
            }
            None => (app.files.node, app.layer()),
        };
        Some(Wanted { node, state: ImageState::Layer(layer) })
    }

    fn details(&self, app: &App) -> Vec<Detail> {
        let (Some(image), Some(row)) = (&app.image, app.waste_row()) else { return Vec::new() };
        let (analysis, units) = (&image.analysis, app.options.units);
        match row {
            WasteRow::Group(group) => details::waste(analysis, image.waste.group(group), None, units),
            WasteRow::Record(group, record) => {
                let mut lines = details::waste(analysis, image.waste.group(group), Some(record), units);
                let record = &analysis.waste[record];
                let path = details::path(analysis, &image.places, record.node, Some(record.copy), units);
                lines.extend(path.into_iter().skip(1));
                lines
            }
        }
    }
}

impl App {
    /// Returns the row of the waste table under the cursor.
    #[must_use]
    pub fn waste_row(&self) -> Option<WasteRow> {
        self.image.as_ref()?.waste.rows(self.waste.list.cursor, 1).first().copied()
    }

    fn go_to_waste(&mut self, hiding: bool) {
        let (Some(image), Some(row)) = (&self.image, self.waste_row()) else { return };
        let (group, node) = match row {
            WasteRow::Group(group) => (image.waste.group(group), image.waste.group(group).top),
            WasteRow::Record(group, record) => (image.waste.group(group), image.analysis.waste[record].node),
        };
        let layer = if hiding { group.hidden_by } else { group.stored_in };
        self.show_path(layer, node);
    }

    fn open_group(&mut self, action: Action) {
        let Some(image) = &mut self.image else { return };
        let Some(found) = image.waste.rows(self.waste.list.cursor, 1).first().copied() else { return };
        let (group, record) = match found {
            WasteRow::Group(group) => (group, None),
            WasteRow::Record(group, record) => (group, Some(record)),
        };
        let is_single = image.waste.group(group).records.len() == 1;
        match (action, record) {
            (Action::Enter, Some(_)) => return self.go_to_waste(true),
            (Action::Enter, None) if is_single => return self.go_to_waste(true),
            (Action::Close, Some(_)) => self.waste.list.cursor = image.waste.row_of_group(group),
            (Action::Close, None) => image.waste.set_open(group, false),
            (Action::Open, _) => image.waste.set_open(group, true),
            (_, None) => {
                let is_open = image.waste.group(group).is_open;
                image.waste.set_open(group, !is_open);
            }
            _ => {}
        }
        self.move_cursor(Pane::Waste, 0);
    }

    /// Rebuilds the table with the records that the filter keeps.
    pub(in crate::tui) fn filter_waste(&mut self) {
        let Some(image) = &mut self.image else { return };
        let (files, sort) = (&image.files, image.waste.sort);
        image.waste = WasteTable::new(&image.analysis, &image.waste_groups, sort, |node| files.passes_filter(node));
        self.waste.list = ListState::default();
        self.details.is_stale = true;
    }
}
