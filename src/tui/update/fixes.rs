//! The fixes: opened, closed, and the way from them to their layers and files.

use crate::layer::entry::LayerNumber;
use crate::tui::app::App;
use crate::tui::fixes::{FixRow, Lead, Subject};
use crate::tui::keys::Action;
use crate::tui::layout::Pane;

impl App {
    /// Returns the row of the fixes under the cursor.
    #[must_use]
    pub fn fix_row(&self) -> Option<&FixRow> {
        self.fix_table.rows().get(self.fixes.cursor)
    }

    pub(super) fn open_fix(&mut self, action: Action) {
        let Some((subject, lead)) = self.fix_row().map(|row| (row.subject, row.lead)) else { return };
        let is_open = self.fix_table.is_open(subject);
        match (action, lead) {
            (Action::Close, _) => self.fold_fix(subject),
            (Action::Open, _) if is_open => self.move_cursor(Pane::Fixes, 1),
            (Action::Enter, Lead::Head) if is_open => self.fold_fix(subject),
            (_, Lead::Head) => {
                self.fix_table.set_open(subject, true);
                self.stale_fixes = true;
            }
            (Action::Enter, Lead::Layer(layer)) => self.mark_fix(subject, Some(layer)),
            (Action::Enter, Lead::Path(layer, node)) => self.show_path(layer, node),
            _ => {}
        }
    }

    fn fold_fix(&mut self, subject: Subject) {
        self.fix_table.set_open(subject, false);
        self.stale_fixes = true;
        if subject != Subject::Ledger
            && let Some(row) = self.fix_table.row_of(subject)
        {
            let (rows, height) = (self.row_count(Pane::Fixes), self.height(Pane::Fixes));
            self.fixes.go_to(row, rows, height);
        }
    }

    /// Goes to the layers of the fix under the cursor, with all of them marked.
    pub(super) fn show_fix_layers(&mut self) {
        match self.fix_row().map(|row| (row.subject, row.lead)) {
            Some((subject @ (Subject::Fix(_) | Subject::Marked), lead)) => {
                let layer = if let Lead::Layer(layer) = lead { Some(layer) } else { None };
                self.mark_fix(subject, layer);
            }
            Some((Subject::Finding(place), _)) => {
                let layer = self.image.as_ref().map(|image| image.analysis.bloat[place].layer);
                if let Some(layer) = layer {
                    self.show_layer_row(layer);
                    self.focus_on(Pane::Layers);
                }
            }
            _ => self.status = Some("no fix under the cursor".to_owned()),
        }
    }

    fn mark_fix(&mut self, subject: Subject, layer: Option<LayerNumber>) {
        let Some(image) = &self.image else { return };
        let Some(fix) = self.fix_table.fix(&image.analysis, subject) else { return };
        let layers = fix.layers.clone();
        let Some(first) = layer.or(layers.first().copied()) else { return };
        self.marks = layers.iter().map(|layer| layer.get()).collect();
        self.judge_marks();
        self.show_layer_row(first);
        self.focus_on(Pane::Layers);
    }
}
