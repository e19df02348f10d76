//! Cursors and windows: how far a key moves, and what follows from that.

use crate::size::Units;
use crate::tui::app::App;
use crate::tui::front::Popup;
use crate::tui::keys::Action;
use crate::tui::layout::Pane;
use crate::tui::list::ListState;
use crate::tui::panes;
use crate::tui::tree::Sort;

impl App {
    /// Returns how far a key moves.
    pub(super) fn rows_of(&self, action: Action) -> Option<isize> {
        let height =
            if self.popup.is_some() { usize::from(self.size.1).saturating_sub(4) } else { self.height(self.focus) };
        let page = isize::try_from(height).unwrap_or(isize::MAX).max(1);
        Some(match action {
            Action::Up => -1,
            Action::Down => 1,
            Action::HalfPageUp => -(page / 2).max(1),
            Action::HalfPageDown => (page / 2).max(1),
            Action::PageUp => -page,
            Action::PageDown => page,
            Action::Top => isize::MIN,
            Action::Bottom => isize::MAX,
            _ => return None,
        })
    }

    pub(super) fn scroll_front(&mut self, rows: isize) {
        let height = panes::content::height(self.size);
        let help_rows = panes::help::row_count(self);
        match &mut self.popup {
            Some(Popup::Help(top)) => {
                *top = top.saturating_add_signed(rows).min(help_rows.saturating_sub(panes::help::height(self.size)));
            }
            Some(Popup::Content(view)) => match (&mut view.pager, rows) {
                (Some(pager), isize::MIN) => pager.to_top(),
                (Some(pager), isize::MAX) => pager.to_bottom(height),
                (Some(pager), rows) => pager.step(rows, height),
                (None, _) => {}
            },
            Some(Popup::Patch(view)) => {
                let lines = view.text.as_ref().map_or(0, |text| text.lines().count());
                view.top = view.top.saturating_add_signed(rows).min(lines.saturating_sub(height));
            }
            None => {}
        }
    }

    /// Moves the cursor of the focused pane.
    pub(super) fn go(&mut self, action: Action) {
        if let Some(rows) = self.rows_of(action) {
            self.move_cursor(self.focus, rows);
        }
    }

    pub(in crate::tui) fn move_cursor(&mut self, pane: Pane, by: isize) {
        let (rows, height) = (self.row_count(pane), self.height(pane));
        let list = self.list(pane);
        if !pane.behavior().has_cursor() {
            list.top = list.top.saturating_add_signed(by).min(rows.saturating_sub(1));
            return;
        }
        list.step(by, rows, height);
        self.moved(pane);
    }

    /// Lets a pane do what a new place of its cursor asks for.
    pub(super) fn moved(&mut self, pane: Pane) {
        pane.behavior().moved(self);
    }

    pub(super) fn list(&mut self, pane: Pane) -> &mut ListState {
        pane.behavior().list(self)
    }

    pub(in crate::tui) fn focus_on(&mut self, pane: Pane) {
        self.focus = pane;
        if pane != Pane::Layers {
            self.tab = pane;
        }
        if pane != Pane::Details && pane != self.details.subject {
            self.details.subject = pane;
            self.details.is_stale = true;
        }
    }

    pub(super) fn back(&mut self) {
        if let Some(writing) = &self.writing {
            writing.task.stop();
        } else if self.matching.is_busy() {
            self.matching.stop();
        } else if !self.filter.is_empty() {
            self.filter_by(String::new());
        } else if self.focus == Pane::Fixes && self.fixes.table.clear_marks() {
            self.fixes.is_stale = true;
        } else if self.files.found.take().is_none() && !self.layers.marks.is_empty() {
            self.layers.marks.clear();
            self.judge_marks();
        }
    }

    pub(super) fn next_units(&mut self) {
        let (units, name) = match self.options.units {
            Units::Si => (Units::Iec, "KiB, MiB, GiB: powers of 1024"),
            Units::Iec => (Units::Bytes, "bytes"),
            Units::Bytes => (Units::Si, "kB, MB, GB: powers of 1000"),
        };
        self.options.units = units;
        self.status = Some(name.to_owned());
        self.details.is_stale = true;
        self.fixes.is_stale = true;
    }

    pub(super) fn sort(&mut self, action: Action) {
        let pane = self.focus.behavior();
        let Some(sort) = pane.sort(self) else { return };
        pane.set_sort(
            self,
            match action {
                Action::Reverse => Sort { reversed: !sort.reversed, ..sort },
                _ => Sort { key: sort.key.next(pane.sort_keys()), reversed: false },
            },
        );
    }
}
