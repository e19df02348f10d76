//! The details: labels on the left, text broken to fit on the right.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::tui::app::App;
use crate::tui::panes::hint;
use crate::tui::text::{left, wrap};
use crate::tui::theme::Paint;

const LABEL: usize = 11;
/// A recorded command can have kilobytes; the start is enough.
const MOST_LINES: usize = 12;

/// Draws the pane.
pub fn draw(frame: &mut Frame, area: Rect, app: &App) {
    if app.details.lines.is_empty() {
        return hint(frame, area, app, "nothing selected");
    }
    let theme = app.options.theme;
    let room = usize::from(area.width).saturating_sub(LABEL + 2);
    let mut lines: Vec<Line> = Vec::new();
    for detail in &app.details.lines {
        let mut wrapped = wrap(&detail.text, room);
        if wrapped.len() > MOST_LINES {
            wrapped.truncate(MOST_LINES);
            wrapped.push("…".to_owned());
        }
        for (at, text) in wrapped.into_iter().enumerate() {
            let label = if at == 0 { detail.label } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!(" {}", left(label, LABEL)), theme.style(Paint::Dim)),
                Span::styled(text, theme.style(detail.paint)),
            ]));
        }
    }
    let top = app.details.list.top.min(lines.len().saturating_sub(1));
    let lines: Vec<Line> = lines.into_iter().skip(top).take(usize::from(area.height)).collect();
    frame.render_widget(Paragraph::new(lines), area);
}
