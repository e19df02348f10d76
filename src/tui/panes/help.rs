//! The list of keys, made from the table that dispatches them.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::window;
use crate::tui::app::App;
use crate::tui::text::{cut, left};
use crate::tui::theme::Paint;

const KEYS: usize = 14;
const WIDEST: u16 = 84;

/// What is said below the keys.
const WORDS: [&str; 9] = [
    "Size   content bytes that a layer stores, uncompressed",
    "Waste  those of them that a later layer hid: no container can read them",
    "Hides  bytes of lower layers that this layer made unreadable",
    "A C D  added, changed, deleted by this layer, as docker diff says it",
    "/ f    part of a path (exact if it has a capital letter), a glob like *.so,",
    "       or re: and a regular expression; ! in front inverts",
    "cause  deleted, overwritten, metadata (chmod, chown, touch), unchanged,",
    "       duplicate (twice in one layer)",
    "share  ▒ is the wasted part",
];

fn area(size: (u16, u16)) -> Rect {
    let width = size.0.min(WIDEST);
    Rect::new((size.0 - width) / 2, 0, width, size.1)
}

/// Returns how many rows are seen.
#[must_use]
pub fn height(size: (u16, u16)) -> usize {
    usize::from(size.1.saturating_sub(2)).max(1)
}

/// Returns how many rows there are.
#[must_use]
pub fn row_count(app: &App) -> usize {
    lines(app, 0).len()
}

fn lines(app: &App, room: usize) -> Vec<Line<'static>> {
    let theme = app.options.theme;
    let mut lines = Vec::new();
    for (heading, keys) in app.options.keys.help() {
        lines.push(Line::styled(format!(" {heading}"), theme.style(Paint::Accent)));
        for (key, words) in keys {
            lines.push(Line::from(vec![
                Span::styled(format!("   {}", left(&key, KEYS)), theme.style(Paint::Bold)),
                Span::raw(cut(words, room.saturating_sub(KEYS + 4))),
            ]));
        }
    }
    lines.push(Line::styled(" Words", theme.style(Paint::Accent)));
    lines.extend(WORDS.map(|words| Line::raw(format!("   {}", cut(words, room.saturating_sub(4))))));
    lines
}

/// Draws the list from row `top` on.
pub fn draw(frame: &mut Frame, app: &App, top: usize) {
    let state = "j k scroll · Esc closes";
    let area = area(app.size);
    let inner = window(frame, area.intersection(frame.area()), app, "Keys", state);
    let lines = lines(app, usize::from(inner.width)).into_iter().skip(top).take(usize::from(inner.height));
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), inner);
}
