//! A file's content: a window over the panes, with line numbers or in hexadecimal.

use std::fmt::Write as _;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{hint, window};
use crate::escape::escape;
use crate::tui::app::App;
use crate::tui::front::ContentView;
use crate::tui::pager::{HEX_ROW, Mode, Pager, TextRow};
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
    let state = view.pager.as_ref().map(|pager| state(app, view, pager)).unwrap_or_default();
    let inner = window(frame, area, app, &view.title, &state);
    match (&view.pager, &view.problem) {
        (Some(pager), _) if pager.is_empty() => hint(frame, inner, app, "the file is empty"),
        (Some(pager), _) => page(frame, inner, app, pager),
        (None, Some(problem)) => hint(frame, inner, app, problem),
        (None, None) => {
            let words = format!("reading the layer … {} · Esc goes back", super::bars::so_far(app, &view.task));
            hint(frame, inner, app, &words);
        }
    }
}

fn state(app: &App, view: &ContentView, pager: &Pager) -> String {
    let mode = if pager.mode == Mode::Text { "text" } else { "hex" };
    let found = match &view.pattern {
        Some(pattern) if view.is_busy => format!("searching for {} · ", escape(pattern.text().as_bytes())),
        Some(pattern) => format!("find {} · ", escape(pattern.text().as_bytes())),
        None => String::new(),
    };
    format!("{found}{mode} · {} · {}", app.options.units.show(pager.len()), percent(pager.position(), pager.len()))
}

fn page(frame: &mut Frame, area: Rect, app: &App, pager: &Pager) {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let lines: Vec<Line> = match pager.mode {
        Mode::Text => pager.text(height).iter().map(|row| text(app, row, width)).collect(),
        Mode::Hex => {
            let row = |(offset, bytes): &(u64, Vec<u8>)| {
                let is_found = pager.hit().is_some_and(|hit| (*offset..*offset + HEX_ROW).contains(&hit));
                hex(app, *offset, bytes, width, is_found)
            };
            pager.hex(height).iter().map(row).collect()
        }
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
    let (mark, paint) = found(row.is_found);
    Line::from(vec![
        Span::styled(format!("{}{mark}", right(&number, NUMBER)), app.options.theme.style(Paint::Dim)),
        Span::styled(text, app.options.theme.style(paint)),
    ])
}

fn hex(app: &App, offset: u64, bytes: &[u8], width: usize, is_found: bool) -> Line<'static> {
    let mut digits = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        digits.push_str(if at == 8 { "  " } else { " " });
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    let printable = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
    let text: String = bytes.iter().map(printable).collect();
    let (mark, paint) = found(is_found);
    Line::from(vec![
        Span::styled(format!("{offset:010x}{mark}"), app.options.theme.style(Paint::Dim)),
        Span::styled(cut(&format!("{digits:<50} {text}"), width.saturating_sub(12)), app.options.theme.style(paint)),
    ])
}

/// How the row is marked that holds what was looked for.
fn found(is_found: bool) -> (char, Paint) {
    if is_found { ('»', Paint::Accent) } else { (' ', Paint::Plain) }
}
