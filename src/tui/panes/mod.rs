//! Drawing: each pane reads the state and puts what is visible into its rectangle. Nothing is computed here that grows
//! with the image.
//!
//! ```text
//!  layerlens  shop-api:1.4  8 layers  719.4 MB  waste 284.6 MB (39.6 %)       header
//! ╭ 1 Layers ─────────────────────────────────────╮   rounded and dim without the keyboard,
//! │ heading, rows                                 │   thick with it
//! ╰ breadcrumb ────────────────── state · row/all ╯
//!  ↑↓ →← move  Tab pane  / find …                     footer, message or typed line
//! ```

pub mod bars;
pub mod content;
pub mod details;
pub mod files;
pub mod fixes;
pub mod help;
pub mod layers;
pub mod waste;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph, Widget};
use unicode_width::UnicodeWidthStr;

use super::app::{App, Popup};
use super::layout::{self, LEAST, Pane};
use super::text::{cut, left, right};
use super::theme::Paint;
use super::tree::SortKey;

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
        pane(frame, place, app);
    }
    bars::footer(frame, layout.footer, app);
    match &app.popup {
        Some(Popup::Help(top)) => help::draw(frame, app, *top),
        Some(Popup::Content(view)) => content::draw(frame, app, view),
        None => {}
    }
}

fn pane(frame: &mut Frame, place: &layout::Frame, app: &App) {
    let (breadcrumb, state) = match place.pane {
        Pane::Layers => (String::new(), layers::state(app)),
        Pane::Files => (files::breadcrumb(app), files::state(app)),
        Pane::Waste => (String::new(), waste::state(app)),
        Pane::Fixes => (String::new(), fixes::state(app)),
        Pane::Details => (String::new(), String::new()),
    };
    let block = block(app, place, &breadcrumb, &state);
    let inner = block.inner(place.area);
    frame.render_widget(block, place.area);
    match place.pane {
        Pane::Layers => layers::draw(frame, inner, app),
        Pane::Files => files::draw(frame, inner, app),
        Pane::Waste => waste::draw(frame, inner, app),
        Pane::Fixes => fixes::draw(frame, inner, app),
        Pane::Details => details::draw(frame, inner, app),
    }
}

/// The border: tabs on top, where the cursor is below.
fn block(app: &App, place: &layout::Frame, breadcrumb: &str, state: &str) -> Block<'static> {
    let is_focused = app.focus == place.pane;
    let theme = app.options.theme;
    let border = theme.style(if is_focused { Paint::Focus } else { Paint::Dim });
    let room = usize::from(place.area.width.saturating_sub(2));
    let state = cut(state, room.saturating_sub(2));
    let path_room = room.saturating_sub(state.width() + 4);
    let breadcrumb = super::text::cut_middle(breadcrumb, path_room);
    let mut block = Block::bordered()
        .border_type(if is_focused { BorderType::Thick } else { BorderType::Rounded })
        .border_style(border)
        .title(tab_line(app, place));
    if !breadcrumb.is_empty() && path_room > 3 {
        block = block.title_bottom(Line::styled(format!(" {breadcrumb} "), border));
    }
    if !state.is_empty() {
        block = block.title_bottom(Line::styled(format!(" {state} "), border).right_aligned());
    }
    block
}

fn tab_line(app: &App, place: &layout::Frame) -> Line<'static> {
    let theme = app.options.theme;
    let mut spans = Vec::new();
    for (at, (pane, text)) in tab_texts(app, place).into_iter().enumerate() {
        if at > 0 {
            spans.push(Span::styled("│", theme.style(Paint::Dim)));
        }
        let paint = match (pane == place.pane, pane == app.focus) {
            (true, true) => Paint::Focus,
            (true, false) => Paint::Plain,
            _ => Paint::Dim,
        };
        let style = theme.style(paint);
        let is_marked = pane == place.pane && place.tabs.len() > 1;
        spans.push(Span::styled(text, if is_marked { style.add_modifier(Modifier::UNDERLINED) } else { style }));
    }
    Line::from(spans)
}

fn tab_texts(app: &App, place: &layout::Frame) -> Vec<(Pane, String)> {
    let is_narrow = usize::from(place.area.width) < 20 + 11 * place.tabs.len();
    let title = |pane: Pane| {
        let count = match pane {
            Pane::Waste => app.image.as_ref().map(|image| image.waste.group_count().to_string()),
            Pane::Fixes => fixes::tab(app),
            _ => None,
        };
        let count = count.map(|count| format!(" ({count})")).unwrap_or_default();
        if is_narrow && pane != place.pane {
            format!(" {} ", pane.index() + 1)
        } else {
            format!(" {} {}{count} ", pane.index() + 1, pane.name())
        }
    };
    place.tabs.iter().map(|pane| (*pane, title(*pane))).collect()
}

/// Returns the tab whose title stands at a column of the border.
#[must_use]
pub fn tab_at(app: &App, place: &layout::Frame, column: u16) -> Option<Pane> {
    let mut start = usize::from(place.area.x) + 1;
    for (pane, text) in tab_texts(app, place) {
        let end = start + text.width();
        if (start..end).contains(&usize::from(column)) {
            return Some(pane);
        }
        start = end + 1;
    }
    None
}

/// Returns what a click on a heading sorts by.
#[must_use]
pub fn column_at(app: &App, place: &layout::Frame, column: u16) -> Option<SortKey> {
    let at = usize::from(column.checked_sub(place.area.x + 1)?);
    let width = usize::from(place.area.width.saturating_sub(2));
    match place.pane {
        Pane::Files => files::Columns::new(app, width).key_at(at),
        Pane::Waste => waste::Columns::new(width).key_at(at),
        _ => None,
    }
}

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

/// Writes one dim line in the middle of nothing.
pub fn hint(frame: &mut Frame, area: Rect, app: &App, words: &str) {
    let lines: Vec<Line> = super::text::wrap(words, usize::from(area.width).saturating_sub(2))
        .into_iter()
        .map(|line| Line::styled(format!(" {line}"), app.options.theme.style(Paint::Dim)))
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}

/// Draws an empty window over the panes and returns its inside.
pub fn window(frame: &mut Frame, area: Rect, app: &App, title: &str, state: &str) -> Rect {
    let style = app.options.theme.style(Paint::Focus);
    let room = usize::from(area.width.saturating_sub(4));
    let block = Block::bordered()
        .border_type(BorderType::Thick)
        .border_style(style)
        .title(Line::styled(format!(" {} ", super::text::cut_middle(title, room.saturating_sub(2))), style))
        .title_bottom(Line::styled(format!(" {} ", cut(state, room.saturating_sub(2))), style).right_aligned());
    let inner = block.inner(area);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    inner
}
