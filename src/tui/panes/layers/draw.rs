//! The layer list.
//!
//! ```text
//!  #      Size  share       Waste     Hides  Step
//!  3 129.6 MB  ████▒    21.0 MB         -  RUN apt-get update && apt-get install -y bu…
//! ▶7 212.3 MB  ████████ 212.3 MB  212.3 MB  RUN chown -R node:node /app
//!  ·                                        CMD ["node","server.js"]
//! ```
//! `▒` is the wasted part of a share. Waste is what the layer stores and no container can read, Hides what it made
//! unreadable in the layers below.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::archive::ImageSpec;
use crate::tui::app::App;
use crate::tui::layout::Pane;
use crate::tui::panes::details::one_line;
use crate::tui::panes::layers::LayerRow;
use crate::tui::panes::{RowLine, cursor, hint, line_of};
use crate::tui::text::plural;
use crate::tui::theme::Paint;

/// Columns of a size.
const SIZE: usize = 9;
const BAR: usize = 8;
/// Below these widths the columns vanish.
const HIDES_FROM: usize = 88;
const BAR_FROM: usize = 50;

struct Figures {
    stored: Option<u64>,
    wasted: u64,
    is_base: bool,
}

/// Draws the list.
pub fn draw(frame: &mut Frame, area: Rect, app: &App) {
    let Some(spec) = &app.spec else {
        return hint(frame, area, app, "looking for the image …");
    };
    if app.layers.rows.is_empty() {
        return hint(frame, area, app, "the image has no layers");
    }
    let width = usize::from(area.width);
    heading(frame, area, app, width);
    let largest = app.known.iter().flatten().copied().max().unwrap_or(0);
    let rows = app.layers.rows.iter().enumerate().skip(app.layers.list.top);
    for (line, (row, kind)) in rows.take(usize::from(area.height).saturating_sub(1)).enumerate() {
        let mut text = RowLine::new(app, width);
        fill(&mut text, app, spec, row, *kind, largest);
        text.draw(line_of(area, line + 1), frame.buffer_mut(), cursor(app, Pane::Layers, row, app.layers.list.cursor));
    }
}

fn heading(frame: &mut Frame, area: Rect, app: &App, width: usize) {
    let mut line = RowLine::new(app, width);
    line.right("#", 4, Paint::Dim);
    line.right("Size", SIZE + 1, Paint::Dim);
    if width >= BAR_FROM {
        line.left("  share", BAR + 2, Paint::Dim);
    }
    line.right("Waste", SIZE + 1, Paint::Dim);
    if width >= HIDES_FROM {
        line.right("Hides", SIZE + 1, Paint::Dim);
    }
    let room = line.room();
    line.left("  Step", room, Paint::Dim);
    line.draw(line_of(area, 0), frame.buffer_mut(), None);
}

fn fill(line: &mut RowLine, app: &App, spec: &ImageSpec, row: usize, kind: LayerRow, largest: u64) {
    let width = line.room();
    let is_here = row == app.layers.list.cursor;
    let (number, step) = match kind {
        LayerRow::Base { layer_count } => {
            (format!("1-{layer_count}"), format!("base image, {} (b unfolds)", plural(layer_count as u64, "layer")))
        }
        LayerRow::Layer(layer) => ((layer + 1).to_string(), step(app, spec, layer)),
        LayerRow::Step(place) => ("·".to_owned(), history(app, spec, place)),
    };
    let is_marked = is_marked(app, kind);
    let mark = if is_here {
        "▶"
    } else if is_marked {
        "*"
    } else {
        " "
    };
    line.left(mark, 1, Paint::Accent);
    let figures = figures(app, kind);
    let paint = match &figures {
        _ if is_marked => Paint::Accent,
        Some(figures) if figures.is_base => Paint::Dim,
        Some(_) => Paint::Plain,
        None => Paint::Dim,
    };
    line.right(&number, 3, paint);
    sizes(line, app, width, figures.as_ref(), largest);
    if width >= HIDES_FROM {
        let hidden = if figures.is_some() { hidden(app, kind) } else { 0 };
        size_or_dash(line, app, figures.is_some(), hidden);
    }
    line.left("", 2, paint);
    let room = line.room();
    line.left(&step, room, paint);
}

fn sizes(line: &mut RowLine, app: &App, width: usize, figures: Option<&Figures>, largest: u64) {
    let stored = figures.and_then(|figures| figures.stored);
    let size = match (figures, stored) {
        (Some(_), Some(bytes)) => app.options.units.show(bytes),
        (Some(_), None) => "…".to_owned(),
        (None, _) => String::new(),
    };
    let paint = if figures.is_some_and(|figures| figures.is_base) { Paint::Dim } else { Paint::Plain };
    line.right(&size, SIZE + 1, paint);
    let wasted = figures.map_or(0, |figures| figures.wasted);
    if width >= BAR_FROM {
        let (kept, gone) = share(stored.unwrap_or(0), wasted, largest);
        line.left("", 2, Paint::Plain);
        let room = BAR - unicode_width::UnicodeWidthStr::width(kept.as_str());
        let kept_width = BAR - room;
        line.bar(&kept, kept_width, Paint::Bar);
        line.bar(&gone, room, Paint::Waste);
    }
    size_or_dash(line, app, stored.is_some(), wasted);
}

fn size_or_dash(line: &mut RowLine, app: &App, is_known: bool, bytes: u64) {
    match (is_known, bytes) {
        (false, _) => line.right("", SIZE + 1, Paint::Plain),
        (true, 0) => line.right("-", SIZE + 1, Paint::Dim),
        (true, bytes) => line.right(&app.options.units.show(bytes), SIZE + 1, Paint::Waste),
    }
}

/// A bar of eighths of a cell for what is live, `▒` for what is wasted; whatever there is gets a cell.
fn share(stored: u64, wasted: u64, largest: u64) -> (String, String) {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = |bytes: u64| {
        let parts = u128::from(bytes) * (BAR as u128 * 8) / u128::from(largest.max(1));
        usize::try_from(parts).unwrap_or(0).min(BAR * 8)
    };
    let all = eighths(stored);
    let dead = match wasted {
        0 => 0,
        bytes => eighths(bytes).div_ceil(8).max(1).min(all.div_ceil(8).max(1)),
    };
    let live = all.saturating_sub(dead * 8);
    let bar = format!("{}{}", "█".repeat(live / 8), PARTS[live % 8]);
    (bar, "▒".repeat(dead))
}

fn figures(app: &App, kind: LayerRow) -> Option<Figures> {
    let analysis = app.image.as_ref().map(|image| &*image.analysis);
    match kind {
        LayerRow::Layer(layer) => Some(Figures {
            stored: app.known.get(layer).copied().flatten(),
            wasted: analysis.map_or(0, |analysis| analysis.layers[layer].wasted_bytes),
            is_base: analysis.is_some_and(|analysis| analysis.layers[layer].is_base),
        }),
        LayerRow::Base { layer_count } => {
            let layers = &analysis?.layers[..layer_count];
            Some(Figures {
                stored: Some(layers.iter().map(|layer| layer.stored_bytes).sum()),
                wasted: layers.iter().map(|layer| layer.wasted_bytes).sum(),
                is_base: true,
            })
        }
        LayerRow::Step(_) => None,
    }
}

fn hidden(app: &App, kind: LayerRow) -> u64 {
    let of = |layers: std::ops::Range<usize>| app.layers.hidden.get(layers).map_or(0, |hidden| hidden.iter().sum());
    match kind {
        LayerRow::Layer(layer) => of(layer..layer + 1),
        LayerRow::Base { layer_count } => of(0..layer_count),
        LayerRow::Step(_) => 0,
    }
}

fn is_marked(app: &App, kind: LayerRow) -> bool {
    let has = |layer: usize| u32::try_from(layer + 1).is_ok_and(|number| app.layers.marks.contains(&number));
    match kind {
        LayerRow::Layer(layer) => has(layer),
        LayerRow::Base { layer_count } => (0..layer_count).any(has),
        LayerRow::Step(_) => false,
    }
}

fn step(app: &App, spec: &ImageSpec, layer: usize) -> String {
    let number = u32::try_from(layer + 1).ok();
    let entry = spec.history.iter().position(|entry| entry.layer == number);
    entry.map_or_else(|| one_line(""), |place| history(app, spec, place))
}

fn history(app: &App, spec: &ImageSpec, place: usize) -> String {
    // What does not fit the widest screen need not be escaped.
    let text: String = app.step_at(spec, place).chars().take(400).collect();
    one_line(&text)
}

/// Returns `7/8`.
#[must_use]
pub fn state(app: &App) -> String {
    let count = app.spec.as_ref().map_or(0, |spec| spec.layers.len());
    if count == 0 { String::new() } else { format!("{}/{count}", app.layer() + 1) }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_in_eighths() {
        assert_eq!(share(100, 0, 100), ("████████".to_owned(), String::new()));
        assert_eq!(share(100, 100, 100), (String::new(), "▒▒▒▒▒▒▒▒".to_owned()));
        assert_eq!(share(50, 1, 100), ("███".to_owned(), "▒".to_owned()));
        assert_eq!(share(3, 0, 100), ("▏".to_owned(), String::new()));
        assert_eq!(share(0, 0, 0), (String::new(), String::new()));
    }
}
