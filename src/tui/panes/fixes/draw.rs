//! The fixes, and what merging the marked layers would save.
//!
//! ```text
//!      Saves  What to change
//!     4.2 MB  ▾ merge into one RUN (layers 3-7)
//!        why  2.1 MB stored again because mode, owner or time changed: …
//!      steps    3  RUN dd if=/dev/zero bs=1024 count=1024 of=/data/one
//!      lines  RUN dd if=/dev/zero bs=1024 count=1024 of=/data/one \
//!     4.2 MB  saved by the fix
//!        0 B  inherited from the base image: your steps cannot change it
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;

use super::table::FIGURE;
use crate::tui::app::App;
use crate::tui::layout::Pane;
use crate::tui::panes::{RowLine, cursor, hint, line_of};
use crate::tui::text::count;
use crate::tui::theme::Paint;

/// Draws the pane.
pub fn draw(frame: &mut Frame, area: Rect, app: &App) {
    if app.image.is_none() {
        return hint(frame, area, app, "fixes are known once all layers are read");
    }
    let width = usize::from(area.width);
    let mut heading = RowLine::new(app, width);
    heading.right("Saves", FIGURE - 2, Paint::Dim);
    let room = heading.room();
    heading.left("  What to change", room, Paint::Dim);
    heading.draw(line_of(area, 0), frame.buffer_mut(), None);
    let rows = app.fixes.table.rows().iter().enumerate().skip(app.fixes.list.top);
    for (line, (at, row)) in rows.take(usize::from(area.height).saturating_sub(1)).enumerate() {
        let mut text = RowLine::new(app, width);
        text.right(&row.figure.0, FIGURE - 2, row.figure.1);
        text.left("", 2, Paint::Plain);
        let room = text.room();
        text.left(&row.text.0, room, row.text.1);
        text.draw(line_of(area, line + 1), frame.buffer_mut(), cursor(app, Pane::Fixes, at, app.fixes.list.cursor));
    }
}

/// Returns what the border shows.
#[must_use]
pub fn state(app: &App) -> String {
    let Some(image) = &app.image else { return String::new() };
    let totals = &image.analysis.totals;
    let rows = app.fixes.table.rows().len();
    let place = format!("{}/{}", count((app.fixes.list.cursor + 1).min(rows) as u64), count(rows as u64));
    match totals.wasted_bytes {
        0 => place,
        wasted => {
            let units = app.options.units;
            format!("{} of {} can be saved · {place}", units.show(totals.fixable_bytes), units.show(wasted))
        }
    }
}

/// Returns what the tab shows after its name: how many fixes there are, and what they save.
#[must_use]
pub fn tab(app: &App) -> Option<String> {
    let analysis = &app.image.as_ref()?.analysis;
    let saved = app.options.units.show(analysis.totals.fixable_bytes);
    (!analysis.fixes.is_empty()).then(|| format!("{}: {saved}", analysis.fixes.len()))
}
