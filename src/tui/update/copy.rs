//! What the cursor stands on, for the clipboard.

use super::{Effect, NOTHING};
use crate::escape::escape;
use crate::layer::entry::NodeId;
use crate::tui::app::App;
use crate::tui::details::one_line;
use crate::tui::fixes::Subject;
use crate::tui::keys::Action;
use crate::tui::layers::LayerRow;
use crate::tui::layout::Pane;
use crate::tui::text::plural;
use crate::tui::waste::WasteRow;

impl App {
    pub(super) fn copy(&mut self, action: Action) -> Option<Effect> {
        if action == Action::CopyFix {
            return self.copy_fix();
        }
        let text = match self.focus {
            Pane::Files => self.path_text(self.node)?,
            Pane::Waste => {
                let image = self.image.as_ref()?;
                match self.waste_row()? {
                    WasteRow::Group(group) => self.path_text(image.waste.group(group).top)?,
                    WasteRow::Record(_, record) => self.path_text(image.analysis.waste[record].node)?,
                }
            }
            Pane::Fixes => self.fix_row().map(|row| row.full.clone()).filter(|text| !text.is_empty())?,
            Pane::Layers | Pane::Details => self.step_text()?,
        };
        self.status = Some(format!("copied: {text}"));
        Some(Effect::Copy(text))
    }

    /// The lines of the fix under the cursor; of the marked range where nobody looks at the fixes.
    fn copy_fix(&mut self) -> Option<Effect> {
        let image = self.image.as_ref()?;
        let marked = self.fix_table.what_if.as_ref().map(|_| Subject::Marked);
        let subject = match self.focus {
            Pane::Fixes => self.fix_row().map(|row| row.subject),
            _ => marked.or(Some(Subject::Fix(0))),
        };
        let fix = subject.and_then(|subject| self.fix_table.fix(&image.analysis, subject));
        let Some(fix) = fix else {
            self.status = Some("no fix here: 4 lists them".to_owned());
            return NOTHING;
        };
        if fix.dockerfile.is_empty() {
            self.status = Some("there are no lines for this fix".to_owned());
            return NOTHING;
        }
        let text = fix.dockerfile.clone();
        let count = plural(text.lines().count() as u64, "line");
        let warning = if fix.safe { "" } else { ", not to be pasted as they are" };
        let shown = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        self.status = Some(format!("copied {count}{warning}: {shown}"));
        Some(Effect::Copy(text))
    }

    pub(super) fn path_text(&self, node: NodeId) -> Option<String> {
        Some(escape(&self.image.as_ref()?.analysis.index.tree.path(node)))
    }

    pub(super) fn step_text(&self) -> Option<String> {
        let spec = self.spec.as_ref()?;
        let layer = u32::try_from(self.layer() + 1).ok();
        let entry = match self.layer_rows.get(self.layers.cursor)? {
            LayerRow::Step(place) => spec.history.get(*place),
            _ => spec.history.iter().find(|entry| entry.layer == layer),
        }?;
        let step = entry.step();
        Some(one_line(&format!("{} {}", step.instruction, step.command)))
    }
}
