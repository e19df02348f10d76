//! Where everything is drawn, from the size of the screen alone. The mouse uses the same rectangles.
//!
//! ```text
//! width ≥ 110                      60 to 109                below 60x15      below 40x10
//! header                           header                   header           one line
//! Layers   │ Files                 Layers (≤ 12 rows)       one pane,
//! Fixes    │                       Files │ Waste │ …        the others
//! Details  │ Waste                 as tabs                  as tabs
//! footer                           footer                   footer
//! ```

use ratatui::layout::{Position, Rect};

/// A pane, in the order of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they are the panes' names")]
pub enum Pane {
    Layers,
    Files,
    Waste,
    Fixes,
    Details,
}

impl Pane {
    /// All panes.
    pub const ALL: [Pane; 5] = [Pane::Layers, Pane::Files, Pane::Waste, Pane::Fixes, Pane::Details];

    /// Returns its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Pane::Layers => "Layers",
            Pane::Files => "Files",
            Pane::Waste => "Waste",
            Pane::Fixes => "Fixes",
            Pane::Details => "Details",
        }
    }

    /// Returns its place in [`Pane::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// A pane on the screen, with the panes that share its place as tabs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaneArea {
    /// The visible pane.
    pub pane: Pane,
    /// Border included.
    pub area: Rect,
    /// All panes of this place; one = no tabs.
    pub tabs: Vec<Pane>,
}

/// The whole screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The line about the image.
    pub header: Rect,
    /// The line of keys, messages and typed text.
    pub footer: Rect,
    /// The panes.
    pub frames: Vec<PaneArea>,
}

/// The smallest size that anything can be drawn in.
pub const LEAST: (u16, u16) = (40, 10);
const ONE_PANE: (u16, u16) = (60, 15);
const TWO_COLUMNS: u16 = 110;
const ALL_PANES: u16 = 38;
/// The layer list's most rows above the tabs, border and heading included.
const MOST_LAYER_ROWS: u16 = 12;

/// What should be visible.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// The pane with the keyboard.
    pub focus: Pane,
    /// The last focused pane but the layer list.
    pub tab: Pane,
    /// Whether the focused pane fills the screen.
    pub zoom: bool,
    /// Rows of the layer list.
    pub layer_rows: usize,
}

impl Layout {
    /// Places everything; nothing where the screen is too small.
    #[must_use]
    pub fn new(width: u16, height: u16, wish: Wish) -> Option<Layout> {
        if width < LEAST.0 || height < LEAST.1 {
            return None;
        }
        let body = Rect::new(0, 1, width, height - 2);
        let frames = if wish.zoom || width < ONE_PANE.0 || height < ONE_PANE.1 {
            vec![frame(wish.focus, body, &Pane::ALL)]
        } else if width < TWO_COLUMNS {
            stacked(body, wish)
        } else {
            columns(body, wish)
        };
        Some(Layout { header: Rect::new(0, 0, width, 1), footer: Rect::new(0, height - 1, width, 1), frames })
    }

    /// Returns the place of a pane, if it is visible.
    #[must_use]
    pub fn frame(&self, pane: Pane) -> Option<&PaneArea> {
        self.frames.iter().find(|frame| frame.pane == pane)
    }

    /// Returns what is at a position.
    #[must_use]
    pub fn at(&self, column: u16, row: u16) -> Option<&PaneArea> {
        self.frames.iter().find(|frame| frame.area.contains(Position::new(column, row)))
    }
}

fn frame(pane: Pane, area: Rect, tabs: &[Pane]) -> PaneArea {
    PaneArea { pane, area, tabs: tabs.to_vec() }
}

fn stacked(body: Rect, wish: Wish) -> Vec<PaneArea> {
    let wanted = u16::try_from(wish.layer_rows).unwrap_or(u16::MAX).saturating_add(3);
    let rows = wanted.min(MOST_LAYER_ROWS).min(body.height / 2).max(4);
    let (top, bottom) = split_rows(body, rows);
    vec![frame(Pane::Layers, top, &[Pane::Layers]), frame(wish.tab, bottom, &Pane::ALL[1..])]
}

fn columns(body: Rect, wish: Wish) -> Vec<PaneArea> {
    let (left, right) = split_columns(body, body.width * 46 / 100);
    if body.height + 2 >= ALL_PANES {
        let wanted = u16::try_from(wish.layer_rows).unwrap_or(u16::MAX).saturating_add(3);
        let (layers, rest) = split_rows(left, wanted.clamp(8, left.height * 2 / 5));
        let (fixes, details) = split_rows(rest, rest.height / 3);
        let (tree, waste) = split_rows(right, right.height * 2 / 3);
        return [Pane::Layers, Pane::Fixes, Pane::Details, Pane::Files, Pane::Waste]
            .into_iter()
            .zip([layers, fixes, details, tree, waste])
            .map(|(pane, area)| frame(pane, area, &[pane]))
            .collect();
    }
    let (layers, details) = split_rows(left, left.height * 3 / 5);
    let tab = if wish.tab == Pane::Details { Pane::Files } else { wish.tab };
    vec![
        frame(Pane::Layers, layers, &[Pane::Layers]),
        frame(Pane::Details, details, &[Pane::Details]),
        frame(tab, right, &Pane::ALL[1..4]),
    ]
}

fn split_rows(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    (Rect { height: rows, ..area }, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

fn split_columns(area: Rect, columns: u16) -> (Rect, Rect) {
    (Rect { width: columns, ..area }, Rect { x: area.x + columns, width: area.width - columns, ..area })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panes(width: u16, height: u16, focus: Pane) -> Option<Vec<Pane>> {
        let wish = Wish { focus, tab: Pane::Files, zoom: false, layer_rows: 9 };
        Layout::new(width, height, wish).map(|layout| layout.frames.iter().map(|frame| frame.pane).collect())
    }

    #[test]
    fn panes_by_size() {
        assert_eq!(panes(39, 30, Pane::Files), None);
        assert_eq!(panes(50, 12, Pane::Waste), Some(vec![Pane::Waste]));
        assert_eq!(panes(80, 24, Pane::Layers), Some(vec![Pane::Layers, Pane::Files]));
        assert_eq!(panes(120, 30, Pane::Layers), Some(vec![Pane::Layers, Pane::Details, Pane::Files]));
        assert_eq!(panes(160, 45, Pane::Layers).map(|panes| panes.len()), Some(5));
    }

    #[test]
    fn nothing_overlaps_and_nothing_is_left_over() {
        for (width, height) in [(40, 10), (60, 15), (80, 24), (109, 50), (110, 20), (160, 45), (300, 100)] {
            let wish = Wish { focus: Pane::Layers, tab: Pane::Waste, zoom: false, layer_rows: 40 };
            let layout = Layout::new(width, height, wish).expect("large enough");
            let cells: u32 = layout.frames.iter().map(|frame| frame.area.area()).sum();
            assert_eq!(cells, u32::from(width) * u32::from(height - 2), "{width}x{height}");
        }
    }
}
