//! The border of a pane: tabs, breadcrumb, state; and the window in front of all panes.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph};
use unicode_width::UnicodeWidthStr;

use crate::tui::app::App;
use crate::tui::layout::{self, Pane};
use crate::tui::text::{cut, cut_middle, wrap};
use crate::tui::theme::Paint;

/// The border: tabs on top, where the cursor is below.
pub(super) fn block(app: &App, place: &layout::PaneArea) -> Block<'static> {
    let (breadcrumb, state) = (place.pane.behavior().breadcrumb(app), place.pane.behavior().state(app));
    let is_focused = app.focus == place.pane;
    let theme = app.options.theme;
    let border = theme.style(if is_focused { Paint::Focus } else { Paint::Dim });
    let room = usize::from(place.area.width.saturating_sub(2));
    let state = cut(&state, room.saturating_sub(2));
    let path_room = room.saturating_sub(state.width() + 4);
    let breadcrumb = cut_middle(&breadcrumb, path_room);
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

fn tab_line(app: &App, place: &layout::PaneArea) -> Line<'static> {
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

fn tab_texts(app: &App, place: &layout::PaneArea) -> Vec<(Pane, String)> {
    let is_narrow = usize::from(place.area.width) < 20 + 11 * place.tabs.len();
    let title = |pane: Pane| {
        let count = pane.behavior().tab(app).map(|count| format!(" ({count})")).unwrap_or_default();
        if is_narrow && pane != place.pane {
            format!(" {} ", pane.index() + 1)
        } else {
            format!(" {} {}{count} ", pane.index() + 1, pane.name())
        }
    };
    place.tabs.iter().map(|pane| (*pane, title(*pane))).collect()
}

/// Returns the tab whose title is at a column of the border.
#[must_use]
pub fn tab_at(app: &App, place: &layout::PaneArea, column: u16) -> Option<Pane> {
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

/// Writes one dim line in the middle of nothing.
pub fn hint(frame: &mut Frame, area: Rect, app: &App, words: &str) {
    let lines: Vec<Line> = wrap(words, usize::from(area.width).saturating_sub(2))
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
        .title(Line::styled(format!(" {} ", cut_middle(title, room.saturating_sub(2))), style))
        .title_bottom(Line::styled(format!(" {} ", cut(state, room.saturating_sub(2))), style).right_aligned());
    let inner = block.inner(area);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    inner
}
