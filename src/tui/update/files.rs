//! The rows of files and waste: scope, order, what is shown, what opens and closes.

use crate::layer::entry::NodeId;
use crate::tui::app::App;
use crate::tui::keys::Action;
use crate::tui::layout::Pane;
use crate::tui::list::ListState;
use crate::tui::tree::{Letter, Scope, Sort, SortKey};
use crate::tui::waste::WasteRow;

impl App {
    pub(super) fn next_scope(&mut self) {
        let layer = self.layer();
        let Some(image) = &mut self.image else { return };
        let scope = match image.files.scope() {
            Scope::Layer => Scope::UpTo,
            Scope::UpTo => Scope::Final,
            Scope::Final => Scope::Layer,
        };
        image.files.set_view(&image.analysis, scope, layer);
        self.stale_details = true;
        self.follow_node();
    }

    pub(super) fn sort(&mut self, action: Action) {
        let is_waste = self.focus == Pane::Waste;
        let Some(image) = &mut self.image else { return };
        let (sort, keys) =
            if is_waste { (image.waste.sort, &SortKey::WASTE[..]) } else { (image.files.sort(), &SortKey::FILES[..]) };
        let sort = match action {
            Action::Reverse => Sort { reversed: !sort.reversed, ..sort },
            _ => Sort { key: sort.key.next(keys), reversed: false },
        };
        self.sort_by(is_waste, sort);
    }

    pub(super) fn sort_by(&mut self, is_waste: bool, sort: Sort) {
        let Some(image) = &mut self.image else { return };
        if is_waste {
            image.waste.set_sort(&image.analysis, sort);
            self.waste = ListState::default();
            self.stale_details = true;
        } else {
            image.files.set_sort(sort);
            self.follow_node();
        }
    }

    pub(super) fn toggle_letter(&mut self, letter: Letter) {
        let Some(image) = &mut self.image else { return };
        let mut show = image.files.show();
        let shown = &mut show.letters[letter as usize];
        *shown = !*shown;
        image.files.set_show(&image.analysis.index.tree, show);
        self.follow_node();
    }

    pub(super) fn toggle_waste(&mut self) {
        let Some(image) = &mut self.image else { return };
        let mut show = image.files.show();
        show.only_waste = !show.only_waste;
        image.files.set_show(&image.analysis.index.tree, show);
        self.follow_node();
    }

    pub(super) fn expand(&mut self, top: NodeId, open: bool) {
        let Some(image) = &mut self.image else { return };
        self.is_arranged = true;
        image.files.set_open_below(&image.analysis.index.tree, top, open);
        self.keep_visible();
        self.follow_node();
    }

    /// Climbs with the cursor to a directory that is still in sight.
    pub(super) fn keep_visible(&mut self) {
        let Some(image) = &mut self.image else { return };
        let tree = &image.analysis.index.tree;
        while self.node != NodeId::ROOT && image.files.row_of(tree, self.node).is_none() {
            self.node = tree.parent(self.node).unwrap_or(NodeId::ROOT);
        }
    }

    pub(super) fn open_or_close(&mut self, action: Action) {
        match self.focus {
            Pane::Layers => self.open_layer(action),
            Pane::Files => self.open_directory(action),
            Pane::Waste => self.open_group(action),
            Pane::Fixes => self.open_fix(action),
            Pane::Details => {}
        }
    }

    pub(super) fn open_directory(&mut self, action: Action) {
        let node = self.node;
        let Some(image) = &mut self.image else { return };
        let tree = &image.analysis.index.tree;
        self.is_arranged = true;
        let is_open = image.files.is_open(node);
        let is_directory = image.files.is_directory(node);
        match action {
            Action::Close if !is_directory || !is_open => {
                self.node = tree.parent(node).filter(|parent| *parent != NodeId::ROOT).unwrap_or(node);
                self.follow_node();
            }
            Action::Close => image.files.set_open(tree, node, false),
            Action::Open if is_open => self.move_cursor(Pane::Files, 1),
            Action::Open => image.files.set_open(tree, node, true),
            _ if is_directory => image.files.set_open(tree, node, !is_open),
            _ => {}
        }
        let (rows, height) = (self.row_count(Pane::Files), self.height(Pane::Files));
        let row = self.files.cursor;
        self.files.go_to(row, rows, height);
    }

    pub(super) fn open_group(&mut self, action: Action) {
        let Some(image) = &mut self.image else { return };
        let Some(found) = image.waste.rows(self.waste.cursor, 1).first().copied() else { return };
        let (group, record) = match found {
            WasteRow::Group(group) => (group, None),
            WasteRow::Record(group, record) => (group, Some(record)),
        };
        let is_single = image.waste.group(group).records.len() == 1;
        match (action, record) {
            (Action::Enter, Some(_)) => return self.go_to_waste(true),
            (Action::Enter, None) if is_single => return self.go_to_waste(true),
            (Action::Close, Some(_)) => self.waste.cursor = image.waste.row_of_group(group),
            (Action::Close, None) => image.waste.set_open(group, false),
            (Action::Open, _) => image.waste.set_open(group, true),
            (_, None) => {
                let is_open = image.waste.group(group).is_open;
                image.waste.set_open(group, !is_open);
            }
            _ => {}
        }
        self.move_cursor(Pane::Waste, 0);
    }
}
