//! The fixes, and what merging the marked layers would save.
//!
//! ```text
//!      Saves  What to change
//! *  4.2 MB  ▾ set owner and mode where the files are made (layers 3, 5)
//!       why  4.2 MB stored again because mode, owner or time changed: …
//!     edits  -   3  COPY . /app
//!            +      COPY --chown=1000:1000 . /app
//!     cache  a change of the copied sources builds 2 steps again (4.2 MB), today 3 (8.4 MB)
//!    4.2 MB  ▸ or: copy and change it in one RUN (layers 3-5)
//!    4.2 MB  saved by the fix
//!            the image stores 9.1 MB, 4.9 MB with the marked fix (-46.2 %)
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;

use super::table::{GAP, Lead, MARK};
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
    let table = &app.fixes.table;
    let mut heading = RowLine::new(app, width);
    heading.right("Saves", MARK + table.figure(), Paint::Dim);
    let room = heading.room();
    heading.left("  What to change", room, Paint::Dim);
    heading.draw(line_of(area, 0), frame.buffer_mut(), None);
    let rows = table.rows().iter().enumerate().skip(app.fixes.list.top);
    for (line, (at, row)) in rows.take(usize::from(area.height).saturating_sub(1)).enumerate() {
        let is_marked = row.lead == Lead::Head && table.is_marked(row.subject);
        let mut text = RowLine::new(app, width);
        text.left(if is_marked { "*" } else { "" }, MARK, Paint::Accent);
        text.right(&row.figure.0, table.figure(), if is_marked { Paint::Accent } else { row.figure.1 });
        text.left("", GAP, Paint::Plain);
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
    let units = app.options.units;
    match (app.fixes.table.marks().len(), totals.wasted_bytes) {
        (0, 0) => place,
        (marked @ 1.., _) => {
            format!("{marked} marked: {} · {place}", units.show(app.fixes.table.marked_bytes(&image.analysis)))
        }
        (0, wasted) => {
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
