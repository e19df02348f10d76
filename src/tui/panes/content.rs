//! A file's content: a window over the panes, with line numbers or in hexadecimal.

use std::fmt::Write as _;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{hint, window};
use crate::escape::escape;
use crate::tui::app::{App, ContentView};
use crate::tui::content::{Mode, Pager, TextRow};
use crate::tui::text::{count, cut, percent, right};
use crate::tui::theme::Paint;

const NUMBER: usize = 7;

/// Returns how many rows are seen.
#[must_use]
pub fn height(size: (u16, u16)) -> usize {
    usize::from(size.1.saturating_sub(3)).max(1)
}

/// Draws the window; the footer stays in sight.
pub fn draw(frame: &mut Frame, app: &App, view: &ContentView) {
    let area = Rect { height: app.size.1.saturating_sub(1), ..frame.area() };
    let state = view.pager.as_ref().map(|pager| state(app, pager)).unwrap_or_default();
    let inner = window(frame, area, app, &view.title, &state);
    match (&view.pager, &view.problem) {
        (Some(pager), _) if pager.is_empty() => hint(frame, inner, app, "the file is empty"),
        (Some(pager), _) => page(frame, inner, app, pager),
        (None, Some(problem)) => hint(frame, inner, app, problem),
        (None, None) => hint(frame, inner, app, "reading the layer … Esc goes back"),
    }
}

fn state(app: &App, pager: &Pager) -> String {
    let mode = if pager.mode == Mode::Text { "text" } else { "hex" };
    format!("{mode} · {} · {}", app.options.units.show(pager.len()), percent(pager.position(), pager.len()))
}

fn page(frame: &mut Frame, area: Rect, app: &App, pager: &Pager) {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let lines: Vec<Line> = match pager.mode {
        Mode::Text => pager.text(height).iter().map(|row| text(app, row, width)).collect(),
        Mode::Hex => pager.hex(height).iter().map(|(offset, bytes)| hex(app, *offset, bytes, width)).collect(),
    };
    frame.render_widget(Paragraph::new(lines), area);
}

fn text(app: &App, row: &TextRow, width: usize) -> Line<'static> {
    let number = row.number.map(count).unwrap_or_default();
    // More bytes than columns are never seen: they need not be escaped.
    let bytes = &row.bytes[..row.bytes.len().min(4 * width + 8)];
    let parts: Vec<String> =
        bytes.strip_suffix(b"\r").unwrap_or(bytes).split(|byte| *byte == b'\t').map(escape).collect();
    let text = cut(&parts.join("    "), width.saturating_sub(NUMBER + 2));
    Line::from(vec![
        Span::styled(format!("{} ", right(&number, NUMBER)), app.options.theme.style(Paint::Dim)),
        Span::raw(text),
    ])
}

fn hex(app: &App, offset: u64, bytes: &[u8], width: usize) -> Line<'static> {
    let mut digits = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        digits.push_str(if at == 8 { "  " } else { " " });
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    let printable = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
    let text: String = bytes.iter().map(printable).collect();
    Line::from(vec![
        Span::styled(format!("{offset:010x} "), app.options.theme.style(Paint::Dim)),
        Span::raw(cut(&format!("{digits:<50} {text}"), width.saturating_sub(12))),
    ])
}
