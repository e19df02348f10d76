//! The fixes: what the marked range of layers would save if its steps were one, and why.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::hint;
use crate::layer::entry::LayerNumber;
use crate::tui::app::App;
use crate::tui::details::one_line;
use crate::tui::text::{count, cut};
use crate::tui::theme::Paint;

/// Returns the lines of the pane: the saving first, then the steps of the range.
#[must_use]
pub fn lines(app: &App) -> Vec<(String, Paint)> {
    let Some(image) = &app.image else {
        return vec![("known when all layers are read".to_owned(), Paint::Dim)];
    };
    let (range, saving) = (app.marked_range().filter(|(low, high)| low < high), app.marked_saving);
    let Some(((low, high), (bytes, copies))) = range.zip(saving) else {
        let words = match image.analysis.totals.wasted_bytes {
            0 => "nothing to fix: no byte is wasted",
            _ => "mark layers with Space in 1 Layers: what merging their range saves stands here",
        };
        return vec![(words.to_owned(), Paint::Dim)];
    };
    let units = app.options.units;
    let mut lines = vec![match bytes {
        0 => (format!("Merging layers {low} to {high} saves nothing: no copy lives and dies inside"), Paint::Plain),
        bytes => (
            format!("{}  merge layers {low} to {high} ({} wasted copies vanish)", units.show(bytes), count(copies)),
            Paint::Added,
        ),
    }];
    for layer in low..=high {
        let number = LayerNumber::from_index(layer as usize - 1);
        lines.push((format!("{layer:>4}  {}", one_line(&image.analysis.step(number))), Paint::Plain));
    }
    lines
}

/// Draws the pane.
pub fn draw(frame: &mut Frame, area: Rect, app: &App) {
    let lines = lines(app);
    if lines.len() == 1 {
        return hint(frame, area, app, &lines[0].0);
    }
    let width = usize::from(area.width).saturating_sub(2);
    let lines = lines.into_iter().skip(app.fixes.top).take(usize::from(area.height));
    let lines: Vec<Line> = lines
        .map(|(text, paint)| Line::styled(format!(" {}", cut(&text, width)), app.options.theme.style(paint)))
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}

/// Returns what stands in the border.
#[must_use]
pub fn state(app: &App) -> String {
    match (app.marked_range(), app.marked_saving) {
        (Some((low, high)), Some((bytes, _))) if low < high => {
            format!("{low} to {high} saves {}", app.options.units.show(bytes))
        }
        _ => String::new(),
    }
}

/// Returns what `Y` copies.
#[must_use]
pub fn copied(app: &App) -> Option<String> {
    app.marked_range().filter(|(low, high)| low < high)?;
    Some(lines(app).into_iter().map(|(text, _)| text).collect::<Vec<_>>().join("\n"))
}
