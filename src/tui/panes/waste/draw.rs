//! The waste table.
//!
//! ```text
//!      Bytes  Cause        Stored Hidden  Path
//!   212.3 MB  metadata          5      7  ▸ /app/**  (38 214 files)
//!    48.2 MB  deleted           5      8  /root/.npm/cache.db
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::escape::escape;
use crate::tui::app::{App, LoadedImage};
use crate::tui::layout::Pane;
use crate::tui::panes::waste::WasteRow;
use crate::tui::panes::{RowLine, cursor, hint, line_of};
use crate::tui::text::{count, cut_middle, plural};
use crate::tui::theme::Paint;
use crate::tui::tree::SortKey;

const BYTES: usize = 11;
const CAUSE: usize = 13;
const LAYER: usize = 7;

/// Which columns there are.
#[derive(Debug, Clone, Copy)]
pub struct WasteColumns {
    cause: bool,
}

impl WasteColumns {
    /// Chooses the columns that fit.
    #[must_use]
    pub fn new(width: usize) -> Self {
        WasteColumns { cause: width >= 50 }
    }

    /// Returns what the column at an offset is sorted by.
    #[must_use]
    pub fn key_at(self, at: usize) -> Option<SortKey> {
        let cause = if self.cause { CAUSE } else { 0 };
        match at {
            at if at < BYTES => Some(SortKey::Waste),
            at if at < BYTES + cause => None,
            at if at < BYTES + cause + 2 * LAYER => Some(SortKey::Layer),
            _ => Some(SortKey::Name),
        }
    }
}

/// Draws the table.
pub fn draw(frame: &mut Frame, area: Rect, app: &App) {
    let Some(image) = &app.image else {
        return hint(frame, area, app, "waste is known once all layers are read");
    };
    if image.waste.group_count() == 0 {
        let words = match app.filter.as_str() {
            "" => "no waste: every stored byte is visible in the final image",
            _ => "no waste matches the filter: Esc clears it",
        };
        return hint(frame, area, app, words);
    }
    let width = usize::from(area.width);
    let columns = WasteColumns::new(width);
    let mut heading = RowLine::new(app, width);
    heading.right("Bytes", BYTES, Paint::Dim);
    if columns.cause {
        heading.left("  Cause", CAUSE, Paint::Dim);
    }
    heading.right("Stored", LAYER, Paint::Dim);
    heading.right("Hidden", LAYER, Paint::Dim);
    let room = heading.room();
    heading.left("  Path", room, Paint::Dim);
    heading.draw(line_of(area, 0), frame.buffer_mut(), None);
    let rows = image.waste.rows(app.waste.list.top, usize::from(area.height).saturating_sub(1));
    for (line, row) in rows.into_iter().enumerate() {
        let mut text = RowLine::new(app, width);
        fill(&mut text, app, image, row, columns);
        let cursor = cursor(app, Pane::Waste, app.waste.list.top + line, app.waste.list.cursor);
        text.draw(line_of(area, line + 1), frame.buffer_mut(), cursor);
    }
}

fn fill(line: &mut RowLine, app: &App, image: &LoadedImage, row: WasteRow, columns: WasteColumns) {
    let (WasteRow::Group(group) | WasteRow::Record(group, _)) = row;
    let group = image.waste.group(group);
    let tree = &image.analysis.index.tree;
    let (bytes, path) = match row {
        WasteRow::Record(_, record) => {
            let record = &image.analysis.waste[record];
            let path = tree.path(record.node);
            // What the group's row says already is not said again.
            let above = tree.path(group.top);
            let below = path.strip_prefix(&above[..]).map(|path| path.strip_prefix(b"/").unwrap_or(path));
            (record.bytes, (format!("    {}", escape(below.unwrap_or(&path))), String::new()))
        }
        WasteRow::Group(_) => {
            let path = escape(&tree.path(group.top));
            let path = match (group.records.len(), path.as_str()) {
                (1, path) => (format!("  {path}"), String::new()),
                (files, path) => {
                    let fold = if group.is_open { '▾' } else { '▸' };
                    let path = if path == "/" { "" } else { path };
                    (format!("{fold} {path}/**"), format!("  ({})", plural(files as u64, "file")))
                }
            };
            (group.bytes, path)
        }
    };
    line.right(&app.options.units.show(bytes), BYTES, Paint::Waste);
    if columns.cause {
        let cause = if matches!(row, WasteRow::Group(_)) { group.cause.name() } else { "" };
        line.left(&format!("  {cause}"), CAUSE, Paint::Plain);
    }
    line.right(&group.stored_in.to_string(), LAYER, Paint::Plain);
    line.right(&group.hidden_by.to_string(), LAYER, Paint::Plain);
    line.left("", 2, Paint::Plain);
    let (path, files) = path;
    let room = line.room().saturating_sub(files.len());
    let path = cut_middle(&path, room);
    let width = unicode_width::UnicodeWidthStr::width(path.as_str());
    line.left(&path, width, Paint::Plain);
    let room = line.room();
    line.left(&files, room, Paint::Dim);
}

/// Returns `sort: waste↓ · 1/41 · 284.6 MB`.
#[must_use]
pub fn state(app: &App) -> String {
    let Some(image) = &app.image else {
        return String::new();
    };
    let row = (app.waste.list.cursor + 1).min(image.waste.row_count());
    let place = format!("{}/{}", count(row as u64), count(image.waste.row_count() as u64));
    let filter =
        if app.filter.is_empty() { String::new() } else { format!("filter {} · ", escape(app.filter.as_bytes())) };
    format!("{filter}sort: {} · {place} · {}", image.waste.sort.label(), app.options.units.show(image.waste.bytes()))
}
