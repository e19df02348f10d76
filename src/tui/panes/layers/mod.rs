//! The layer list: the base's fold, marks and what merging them would save, and the way to a layer.

mod draw;
mod rows;

use std::collections::BTreeSet;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::Behavior;
use super::details::{self, Detail};
use crate::layer::entry::LayerNumber;
use crate::tui::app::{App, LoadedImage};
use crate::tui::keys::Action;
use crate::tui::layout::Pane;
use crate::tui::list::ListState;
use crate::tui::text::plural;
pub use rows::LayerRow;

/// The state of the pane.
#[derive(Debug)]
pub struct LayersPane {
    /// Its rows.
    pub rows: Vec<LayerRow>,
    /// Its cursor.
    pub list: ListState,
    /// Whether the base image's layers are one row.
    pub is_folded: bool,
    /// Marked layers, from 1.
    pub marks: BTreeSet<u32>,
    /// The bytes that each layer hides.
    pub hidden: Vec<u64>,
    /// The user has moved in it.
    pub(in crate::tui) has_moved: bool,
}

impl Default for LayersPane {
    fn default() -> Self {
        LayersPane {
            rows: Vec::new(),
            list: ListState::default(),
            is_folded: true,
            marks: BTreeSet::new(),
            hidden: Vec::new(),
            has_moved: false,
        }
    }
}

/// The pane as the screen knows it.
pub(super) struct LayersBehavior;

impl Behavior for LayersBehavior {
    fn row_count(&self, app: &App) -> usize {
        app.layers.rows.len()
    }

    fn list<'a>(&self, app: &'a mut App) -> &'a mut ListState {
        &mut app.layers.list
    }

    fn draw(&self, frame: &mut Frame, area: Rect, app: &App) {
        draw::draw(frame, area, app);
    }

    fn state(&self, app: &App) -> String {
        draw::state(app)
    }

    fn moved(&self, app: &mut App) {
        app.layers.has_moved = true;
        app.files.is_stale = true;
        app.details.is_stale = true;
    }

    fn open_or_close(&self, app: &mut App, action: Action) {
        match (action, app.layers.rows.get(app.layers.list.cursor)) {
            (Action::Close, _) => {}
            (_, Some(LayerRow::Base { .. })) => app.fold(),
            _ => app.focus_on(Pane::Files),
        }
    }
}

impl App {
    pub(in crate::tui) fn fold(&mut self) {
        let base = self.image.as_ref().map_or(0, |image| image.analysis.base.layer_count);
        if base < 2 {
            self.status = Some(format!("the base image has {}: nothing to fold", plural(u64::from(base), "layer")));
            return;
        }
        self.layers.is_folded = !self.layers.is_folded;
        self.list_layers();
    }

    pub(in crate::tui) fn mark(&mut self) {
        let numbers: Vec<u32> = match self.layers.rows.get(self.layers.list.cursor) {
            Some(LayerRow::Layer(layer)) => vec![u32::try_from(layer + 1).unwrap_or(u32::MAX)],
            Some(LayerRow::Base { layer_count }) => (1..=u32::try_from(*layer_count).unwrap_or(u32::MAX)).collect(),
            Some(LayerRow::Step(_)) => {
                self.status = Some("this step makes no layer: there is nothing to merge".to_owned());
                return;
            }
            None => return,
        };
        let is_marked = numbers.iter().all(|number| self.layers.marks.contains(number));
        for number in numbers {
            if is_marked {
                self.layers.marks.remove(&number);
            } else {
                self.layers.marks.insert(number);
            }
        }
        self.judge_marks();
        self.move_cursor(Pane::Layers, 1);
    }

    /// Computes what merging the marked range would save, by the same code as `--merge`.
    pub(in crate::tui) fn judge_marks(&mut self) {
        let ranges = self.marked_range().and_then(|(low, high)| format!("{low}..{high}").parse().ok());
        let what_if = ranges.zip(self.image.as_ref()).and_then(|(ranges, image)| image.analysis.what_if(&ranges).ok());
        self.fixes.table.set_what_if(what_if);
        self.fixes.is_stale = true;
        self.details.is_stale = true;
        self.list_fixes();
        self.fixes.list = ListState::default();
    }

    /// Returns the lowest and the highest marked layer, from 1.
    #[must_use]
    pub fn marked_range(&self) -> Option<(u32, u32)> {
        Some((*self.layers.marks.first()?, *self.layers.marks.last()?))
    }

    /// Goes to the layer above or below.
    pub(in crate::tui) fn step_layer(&mut self, next: bool) {
        let count = self.spec.as_ref().map_or(0, |spec| spec.layers.len());
        let layer = self.layer();
        let layer = if next { (layer + 1).min(count.saturating_sub(1)) } else { layer.saturating_sub(1) };
        self.show_layer_row(LayerNumber::from_index(layer));
    }

    /// Puts the cursor of the layer list on a layer, even where that was folded into the base.
    pub(in crate::tui) fn show_layer_row(&mut self, layer: LayerNumber) {
        self.layers.has_moved = true;
        if self.folded_layers() > layer.index() {
            self.layers.is_folded = false;
            self.list_layers();
        }
        self.select_layer(layer.index());
    }

    /// Returns the layer under the cursor; of a row without one, the layer below it.
    #[must_use]
    pub fn layer(&self) -> usize {
        let rows = &self.layers.rows[..self.layers.rows.len().min(self.layers.list.cursor + 1)];
        let of = |row: &LayerRow| match row {
            LayerRow::Base { layer_count } => Some(layer_count - 1),
            LayerRow::Layer(layer) => Some(*layer),
            LayerRow::Step(_) => None,
        };
        rows.iter().rev().find_map(of).unwrap_or(0)
    }

    /// Says how many of the lowest layers make one row.
    pub(in crate::tui) fn folded_layers(&self) -> usize {
        let count = self.image.as_ref().map_or(0, |image| image.analysis.base.layer_count as usize);
        if self.layers.is_folded && count > 1 { count } else { 0 }
    }

    /// Rebuilds the list; the cursor stays on its layer.
    pub(in crate::tui) fn list_layers(&mut self) {
        let Some(spec) = self.spec.clone() else { return };
        let layer = self.layer();
        self.layers.rows = rows::rows(&spec, self.folded_layers());
        self.known.resize(spec.layers.len(), None);
        self.select_layer(layer);
    }

    /// Puts the cursor on a layer, or on the row it is folded into.
    pub(in crate::tui) fn select_layer(&mut self, layer: usize) {
        let holds = |row: &LayerRow| match row {
            LayerRow::Base { layer_count } => layer < *layer_count,
            LayerRow::Layer(at) => *at == layer,
            LayerRow::Step(_) => false,
        };
        let row = self.layers.rows.iter().position(holds).unwrap_or(0);
        let (rows, height) = (self.layers.rows.len(), self.height(Pane::Layers));
        self.layers.list.go_to(row, rows, height);
        self.files.is_stale = true;
        self.details.is_stale = true;
    }

    /// Describes the layer or step under the cursor.
    pub(in crate::tui) fn describe_layer(&self) -> Vec<Detail> {
        let Some(image) = &self.image else { return Vec::new() };
        let (analysis, units) = (&image.analysis, self.options.units);
        match self.layers.rows.get(self.layers.list.cursor) {
            Some(LayerRow::Layer(layer)) => details::layer(analysis, &image.waste_groups, *layer, units),
            Some(LayerRow::Base { .. }) => details::base(analysis, units),
            Some(LayerRow::Step(place)) => details::step(analysis, *place),
            None => Vec::new(),
        }
    }
}

/// Returns the bytes that each layer hides.
#[must_use]
pub(in crate::tui) fn hidden_bytes(image: &LoadedImage) -> Vec<u64> {
    let mut hidden = vec![0; image.analysis.layers.len()];
    for group in &image.waste_groups {
        hidden[group.hidden_by.index()] += group.bytes;
    }
    hidden
}
