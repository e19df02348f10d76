//! The layer list: the base's fold, marks and what merging them would save, and the way to a layer or a path in it.

use crate::layer::entry::{LayerNumber, NodeId};
use crate::tui::app::App;
use crate::tui::keys::Action;
use crate::tui::layers::LayerRow;
use crate::tui::layout::Pane;
use crate::tui::list::ListState;
use crate::tui::text::plural;
use crate::tui::tree::Scope;
use crate::tui::waste::WasteRow;

impl App {
    pub(super) fn fold(&mut self) {
        let base = self.image.as_ref().map_or(0, |image| image.analysis.base.layer_count);
        if base < 2 {
            self.status = Some(format!("the base image has {}: nothing to fold", plural(u64::from(base), "layer")));
            return;
        }
        self.folded = !self.folded;
        self.list_layers();
    }

    pub(super) fn mark(&mut self) {
        let numbers: Vec<u32> = match self.layer_rows.get(self.layers.cursor) {
            Some(LayerRow::Layer(layer)) => vec![u32::try_from(layer + 1).unwrap_or(u32::MAX)],
            Some(LayerRow::Base { layer_count }) => (1..=u32::try_from(*layer_count).unwrap_or(u32::MAX)).collect(),
            Some(LayerRow::Step(_)) => {
                self.status = Some("this step makes no layer: there is nothing to merge".to_owned());
                return;
            }
            None => return,
        };
        let is_marked = numbers.iter().all(|number| self.marks.contains(number));
        for number in numbers {
            if is_marked {
                self.marks.remove(&number);
            } else {
                self.marks.insert(number);
            }
        }
        self.judge_marks();
        self.move_cursor(Pane::Layers, 1);
    }

    /// Finds out what merging the marked range would save, by the same code as `--merge`.
    pub(super) fn judge_marks(&mut self) {
        let ranges = self.marked_range().and_then(|(low, high)| format!("{low}..{high}").parse().ok());
        let what_if = ranges.zip(self.image.as_ref()).and_then(|(ranges, image)| image.analysis.what_if(&ranges).ok());
        self.fix_table.set_what_if(what_if);
        self.stale_fixes = true;
        self.stale_details = true;
        self.list_fixes();
        self.fixes = ListState::default();
    }

    /// Returns the lowest and the highest marked layer, from 1.
    #[must_use]
    pub fn marked_range(&self) -> Option<(u32, u32)> {
        Some((*self.marks.first()?, *self.marks.last()?))
    }

    /// `[` and `]`: in the waste table the two layers of a record, else the layers around.
    pub(super) fn other_layer(&mut self, next: bool) {
        if self.focus == Pane::Waste {
            self.go_to_waste(next);
            return;
        }
        let count = self.spec.as_ref().map_or(0, |spec| spec.layers.len());
        let layer = self.layer();
        let layer = if next { (layer + 1).min(count.saturating_sub(1)) } else { layer.saturating_sub(1) };
        self.show_layer_row(LayerNumber::from_index(layer));
    }

    pub(super) fn go_to_waste(&mut self, hiding: bool) {
        let (Some(image), Some(row)) = (&self.image, self.waste_row()) else { return };
        let (group, node) = match row {
            WasteRow::Group(group) => (image.waste.group(group), image.waste.group(group).top),
            WasteRow::Record(group, record) => (image.waste.group(group), image.analysis.waste[record].node),
        };
        let layer = if hiding { group.hidden_by } else { group.stored_in };
        self.show_path(layer, node);
    }

    /// Goes to a path in the changes of a layer.
    pub(super) fn show_path(&mut self, layer: LayerNumber, node: NodeId) {
        self.node = node;
        self.is_arranged = true;
        self.show_layer_row(layer);
        if let Some(image) = &mut self.image
            && image.files.scope() != Scope::Layer
        {
            image.files.set_view(&image.analysis, Scope::Layer, layer.index());
        }
        self.focus_on(Pane::Files);
    }

    /// Puts the cursor of the layer list on a layer, even where that was folded into the base.
    pub(super) fn show_layer_row(&mut self, layer: LayerNumber) {
        self.has_moved = true;
        if self.folded_layers() > layer.index() {
            self.folded = false;
            self.list_layers();
        }
        self.select_layer(layer.index());
    }

    pub(super) fn open_layer(&mut self, action: Action) {
        match (action, self.layer_rows.get(self.layers.cursor)) {
            (Action::Close, _) => {}
            (_, Some(LayerRow::Base { .. })) => self.fold(),
            _ => self.focus_on(Pane::Files),
        }
    }
}
