//! The mouse: the wheel scrolls what it is over, a click focuses, selects and sorts.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::{Effect, NOTHING};
use crate::tui::app::App;
use crate::tui::keys::Action;
use crate::tui::layout::{Pane, PaneArea};
use crate::tui::panes;
use crate::tui::tree::Sort;

impl App {
    pub(super) fn mouse(&mut self, mouse: MouseEvent) -> Option<Effect> {
        let wheel = match mouse.kind {
            MouseEventKind::ScrollUp => Some(-3),
            MouseEventKind::ScrollDown => Some(3),
            _ => None,
        };
        if self.popup.is_some() {
            if let Some(rows) = wheel {
                self.scroll_front(rows);
            }
            return NOTHING;
        }
        let frame = self.layout()?.at(mouse.column, mouse.row)?.clone();
        match (wheel, mouse.kind) {
            (Some(rows), _) => self.scroll(frame.pane, rows),
            (None, MouseEventKind::Down(MouseButton::Left)) => {
                self.status = None;
                self.click(&frame, mouse.column, mouse.row);
            }
            _ => {}
        }
        NOTHING
    }

    pub(super) fn scroll(&mut self, pane: Pane, by: isize) {
        let (rows, height) = (self.row_count(pane), self.height(pane));
        if !pane.behavior().has_cursor() {
            self.move_cursor(pane, by);
            return;
        }
        // The layer list's cursor chooses what is shown: the wheel moves it only as far as it must.
        let list = self.list(pane);
        let before = list.cursor;
        list.scroll(by, rows, height);
        if self.list(pane).cursor != before {
            self.moved(pane);
        }
    }

    pub(super) fn click(&mut self, frame: &PaneArea, column: u16, row: u16) {
        if row == frame.area.y {
            if let Some(pane) = panes::tab_at(self, frame, column) {
                self.focus_on(pane);
            }
            return;
        }
        let was_focused = self.focus == frame.pane;
        self.focus_on(frame.pane);
        let inside = usize::from(row - frame.area.y - 1);
        let pane = frame.pane.behavior();
        let has_heading = pane.has_cursor();
        if has_heading && inside == 0 {
            self.sort_by_column(frame, column);
            return;
        }
        let target = self.list(frame.pane).top + inside.saturating_sub(usize::from(has_heading));
        if !has_heading || target >= self.row_count(frame.pane) || inside + 2 >= usize::from(frame.area.height) {
            return;
        }
        let is_again = was_focused && self.list(frame.pane).cursor == target;
        let (rows, height) = (self.row_count(frame.pane), self.height(frame.pane));
        self.list(frame.pane).go_to(target, rows, height);
        self.moved(frame.pane);
        if is_again {
            pane.open_or_close(self, Action::Enter);
        }
    }

    fn sort_by_column(&mut self, frame: &PaneArea, column: u16) {
        let pane = frame.pane.behavior();
        let (Some(at), Some(old)) = (column.checked_sub(frame.area.x + 1), pane.sort(self)) else { return };
        let width = usize::from(frame.area.width.saturating_sub(2));
        if let Some(key) = pane.sort_key_at(self, width, usize::from(at)) {
            pane.set_sort(self, Sort { key, reversed: old.key == key && !old.reversed });
        }
    }
}
