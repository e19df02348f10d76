//! Rows of a table, put together from left to right.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use crate::tui::app::App;
use crate::tui::layout::Pane;
use crate::tui::text::{left, right};
use crate::tui::theme::Paint;

/// One piece of a row: its text fills its columns.
pub struct Cell {
    text: String,
    style: Style,
    /// The cursor's bar does not cover it: a share bar would vanish.
    keeps_color: bool,
}

/// A row that is put together from left to right.
pub struct RowLine<'a> {
    app: &'a App,
    cells: Vec<Cell>,
    room: usize,
}

impl<'a> RowLine<'a> {
    /// Starts a row of so many columns.
    #[must_use]
    pub fn new(app: &'a App, room: usize) -> Self {
        RowLine { app, cells: Vec::new(), room }
    }

    /// Adds text of exactly so many columns, at their left end.
    pub fn left(&mut self, text: &str, columns: usize, paint: Paint) {
        self.push(left(text, columns.min(self.room)), paint);
    }

    /// The same at their right end.
    pub fn right(&mut self, text: &str, columns: usize, paint: Paint) {
        self.push(right(text, columns.min(self.room)), paint);
    }

    /// Adds a piece that keeps its colours under the cursor.
    pub fn bar(&mut self, text: &str, columns: usize, paint: Paint) {
        self.push(left(text, columns.min(self.room)), paint);
        if let Some(cell) = self.cells.last_mut() {
            cell.keeps_color = true;
        }
    }

    /// Returns the columns that are left.
    #[must_use]
    pub fn room(&self) -> usize {
        self.room
    }

    fn push(&mut self, text: String, paint: Paint) {
        self.room = self.room.saturating_sub(text.width());
        self.cells.push(Cell { text, style: self.app.options.theme.style(paint), keeps_color: false });
    }

    /// Draws the row; under the cursor it is reversed where its pane has the keyboard, else bold.
    pub fn draw(mut self, area: Rect, buffer: &mut Buffer, cursor: Option<bool>) {
        let rest = " ".repeat(self.room);
        self.push(rest, Paint::Plain);
        let spans = self.cells.into_iter().map(|cell| {
            let style = match cursor {
                // One bar of one colour: reversed colours of single columns would be patches of background.
                Some(true) if !cell.keeps_color => {
                    let plain = Style { fg: None, bg: None, ..cell.style };
                    plain.remove_modifier(Modifier::DIM).add_modifier(Modifier::REVERSED)
                }
                Some(_) => cell.style.add_modifier(Modifier::BOLD),
                None => cell.style,
            };
            Span::styled(cell.text, style)
        });
        Line::from(spans.collect::<Vec<_>>()).render(area, buffer);
    }
}

/// Returns the area of the n-th line.
#[must_use]
pub fn line_of(area: Rect, row: usize) -> Rect {
    Rect { y: area.y + u16::try_from(row).unwrap_or(u16::MAX).min(area.height), height: 1, ..area }
}

/// Says how a row is drawn: nothing away from the cursor, else whether its pane has the keyboard.
#[must_use]
pub fn cursor(app: &App, pane: Pane, row: usize, cursor: usize) -> Option<bool> {
    (row == cursor).then_some(app.focus == pane)
}
