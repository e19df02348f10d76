//! The patch of the fixes: a window over the panes with the lines of the diff in their colours, or why there is none.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::{content, hint, window};
use crate::analysis::fixes::printable;
use crate::tui::app::App;
use crate::tui::front::PatchView;
use crate::tui::text::{count, cut};
use crate::tui::theme::Paint;

/// Draws the window; the footer stays in sight.
pub fn draw(frame: &mut Frame, app: &App, view: &PatchView) {
    let area = Rect { height: app.size.1.saturating_sub(1), ..frame.area() };
    let text = match &view.text {
        Ok(text) => text,
        Err(problem) => {
            let inner = window(frame, area, app, &view.title, "Esc closes");
            return hint(frame, inner, app, problem);
        }
    };
    let (lines, height) = (text.lines().count(), content::height(app.size));
    let last = (view.top + height).min(lines);
    let state = format!("{}-{} of {}", count((view.top + 1).min(last) as u64), count(last as u64), count(lines as u64));
    let inner = window(frame, area, app, &view.title, &state);
    let room = usize::from(inner.width);
    let row = |line: &str| {
        let text = cut(&printable(&line.replace('\t', "    ")), room);
        Line::styled(text, app.options.theme.style(paint(line)))
    };
    let rows: Vec<Line> = text.lines().skip(view.top).take(height).map(row).collect();
    frame.render_widget(Paragraph::new(rows), inner);
}

fn paint(line: &str) -> Paint {
    match line.as_bytes().first() {
        _ if ["--- ", "+++ ", "diff "].iter().any(|start| line.starts_with(start)) => Paint::Bold,
        Some(b'#') => Paint::Dim,
        Some(b'@') => Paint::Accent,
        Some(b'+') => Paint::Added,
        Some(b'-') => Paint::Deleted,
        _ => Paint::Plain,
    }
}
