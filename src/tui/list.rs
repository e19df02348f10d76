//! A cursor in a list of rows, and the window that is visible.

/// The positions of cursor and window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListState {
    /// The row of the cursor.
    pub cursor: usize,
    /// The first visible row.
    pub top: usize,
}

/// Rows that stay visible above and below the cursor.
const MARGIN: usize = 2;

impl ListState {
    /// Moves the cursor to a row and the window so that it shows the row.
    pub fn go_to(&mut self, row: usize, rows: usize, height: usize) {
        self.cursor = row.min(rows.saturating_sub(1));
        let margin = MARGIN.min(height.saturating_sub(1) / 2);
        let highest = self.cursor.saturating_sub(margin);
        let lowest = (self.cursor + margin + 1).saturating_sub(height);
        self.top = self.top.min(highest).max(lowest).min(rows.saturating_sub(height));
    }

    /// Moves the cursor by rows.
    pub fn step(&mut self, by: isize, rows: usize, height: usize) {
        self.go_to(self.cursor.saturating_add_signed(by), rows, height);
    }

    /// Moves the window by rows; the cursor stays in it.
    pub fn scroll(&mut self, by: isize, rows: usize, height: usize) {
        self.top = self.top.saturating_add_signed(by).min(rows.saturating_sub(height));
        let last = (self.top + height).min(rows).saturating_sub(1);
        self.cursor = self.cursor.clamp(self.top.min(last), last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_follows_the_cursor() {
        let mut list = ListState::default();
        list.step(1, 100, 10);
        assert_eq!(list, ListState { cursor: 1, top: 0 });
        list.go_to(50, 100, 10);
        assert_eq!(list, ListState { cursor: 50, top: 43 });
        list.step(-3, 100, 10);
        assert_eq!(list, ListState { cursor: 47, top: 43 });
        list.go_to(usize::MAX, 100, 10);
        assert_eq!(list, ListState { cursor: 99, top: 90 });
        list.scroll(-50, 100, 10);
        assert_eq!(list, ListState { cursor: 49, top: 40 });
        list.go_to(5, 0, 10);
        assert_eq!(list, ListState { cursor: 0, top: 0 });
    }
}
