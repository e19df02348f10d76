//! Copies what is under the cursor to the clipboard.

use super::{Effect, NOTHING};
use crate::archive::{HistoryEntry, ImageSpec};
use crate::escape::escape;
use crate::layer::entry::NodeId;
use crate::tui::app::App;
use crate::tui::keys::Action;
use crate::tui::panes::details::one_line;
use crate::tui::panes::layers::LayerRow;
use crate::tui::text::plural;

impl App {
    pub(super) fn copy(&mut self, action: Action) -> Option<Effect> {
        if action == Action::CopyFix {
            return self.copy_fix();
        }
        let text = self.focus.behavior().clipboard(self)?;
        self.status = Some(format!("copied: {}", on_one_line(&text)));
        Some(Effect::Copy(text))
    }

    /// Copies the lines of the fix that the focused pane is about.
    fn copy_fix(&mut self) -> Option<Effect> {
        let image = self.image.as_ref()?;
        let subject = self.focus.behavior().fix(self);
        let way = subject.and_then(|subject| self.fixes.table.way(&image.analysis, subject));
        let Some(way) = way else {
            self.status = Some("no fix here: 4 lists them".to_owned());
            return NOTHING;
        };
        if way.dockerfile.is_empty() {
            self.status = Some("there are no lines for this fix".to_owned());
            return NOTHING;
        }
        let text = way.dockerfile.clone();
        let count = plural(text.lines().count() as u64, "line");
        let warning = if way.safe { "" } else { ", not to be pasted as they are" };
        self.status = Some(format!("copied {count}{warning}: {}", on_one_line(&text)));
        Some(Effect::Copy(text))
    }

    pub(in crate::tui) fn path_text(&self, node: NodeId) -> Option<String> {
        Some(escape(&self.image.as_ref()?.analysis.index.tree.path(node)))
    }

    pub(in crate::tui) fn step_text(&self) -> Option<String> {
        let spec = self.spec.as_ref()?;
        let layer = u32::try_from(self.layer() + 1).ok();
        let place = match self.layers.rows.get(self.layers.list.cursor)? {
            LayerRow::Step(place) => *place,
            _ => spec.history.iter().position(|entry| entry.layer == layer)?,
        };
        Some(one_line(&self.step_at(spec, place)))
    }

    /// Returns a step by its place in the history; until the layers are read, as the builder recorded it.
    pub(in crate::tui) fn step_at(&self, spec: &ImageSpec, place: usize) -> String {
        if let Some(image) = &self.image {
            return image.analysis.step_at(place);
        }
        let step = spec.history.get(place).map(HistoryEntry::step).unwrap_or_default();
        format!("{} {}", step.instruction, step.command)
    }
}

fn on_one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
