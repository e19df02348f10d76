//! The file tree: scope, what is shown, what opens and closes, the path under the cursor.

mod draw;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::Behavior;
use super::details::{self, Detail};
use crate::contents::extract::{ImageState, Wanted};
use crate::layer::entry::{EntryRef, LayerNumber, NodeId};
use crate::tui::app::App;
use crate::tui::keys::Action;
use crate::tui::layout::Pane;
use crate::tui::list::ListState;
use crate::tui::tree::{FileRow, Letter, Sort, SortKey, TreeScope};

/// The state of the pane; the tree itself is made with the image.
#[derive(Debug)]
pub struct FilesPane {
    /// Its cursor.
    pub list: ListState,
    /// The rows in sight.
    pub rows: Vec<FileRow>,
    /// The path under the cursor.
    pub node: NodeId,
    /// What `/` found: the pattern, and whether it takes each path.
    pub found: Option<(String, Vec<bool>)>,
    /// The user has opened or closed directories: they stay as they are.
    pub(in crate::tui) is_arranged: bool,
    /// It shows another layer than the one under the layer list's cursor.
    pub(in crate::tui) is_stale: bool,
}

impl Default for FilesPane {
    fn default() -> Self {
        FilesPane {
            list: ListState::default(),
            rows: Vec::new(),
            node: NodeId::ROOT,
            found: None,
            is_arranged: false,
            is_stale: false,
        }
    }
}

/// The pane as the screen knows it.
pub(super) struct FilesBehavior;

impl Behavior for FilesBehavior {
    fn row_count(&self, app: &App) -> usize {
        app.image.as_ref().map_or(0, |image| image.files.row_count())
    }

    fn list<'a>(&self, app: &'a mut App) -> &'a mut ListState {
        &mut app.files.list
    }

    fn draw(&self, frame: &mut Frame, area: Rect, app: &App) {
        draw::draw(frame, area, app);
    }

    fn state(&self, app: &App) -> String {
        draw::state(app)
    }

    fn breadcrumb(&self, app: &App) -> String {
        draw::breadcrumb(app)
    }

    fn moved(&self, app: &mut App) {
        app.read_node();
    }

    fn open_or_close(&self, app: &mut App, action: Action) {
        app.open_directory(action);
    }

    fn is_filtered(&self) -> bool {
        true
    }

    fn sort_keys(&self) -> &'static [SortKey] {
        &SortKey::FILES
    }

    fn sort(&self, app: &App) -> Option<Sort> {
        Some(app.image.as_ref()?.files.sort())
    }

    fn set_sort(&self, app: &mut App, sort: Sort) {
        if let Some(image) = &mut app.image {
            image.files.set_sort(sort);
            app.follow_node();
        }
    }

    fn sort_key_at(&self, app: &App, width: usize, column: usize) -> Option<SortKey> {
        Some(draw::FileColumns::new(app, width).key_at(column))
    }

    fn clipboard(&self, app: &App) -> Option<String> {
        app.path_text(app.files.node)
    }

    fn details(&self, app: &App) -> Vec<Detail> {
        let node = app.files.node;
        match &app.image {
            Some(image) if node != NodeId::ROOT => {
                details::path(&image.analysis, &image.places, node, app.entry_at(node), app.options.units)
            }
            _ => app.describe_layer(),
        }
    }
}

impl App {
    pub(in crate::tui) fn next_scope(&mut self) {
        let layer = self.layer();
        let Some(image) = &mut self.image else { return };
        let scope = match image.files.scope() {
            TreeScope::Layer => TreeScope::UpTo,
            TreeScope::UpTo => TreeScope::Final,
            TreeScope::Final => TreeScope::Layer,
        };
        image.files.set_view(&image.analysis, scope, layer);
        self.details.is_stale = true;
        self.follow_node();
    }

    pub(in crate::tui) fn toggle_letter(&mut self, letter: Letter) {
        let Some(image) = &mut self.image else { return };
        let mut show = image.files.show();
        let shown = &mut show.letters[letter as usize];
        *shown = !*shown;
        image.files.set_show(&image.analysis.index.tree, show);
        self.follow_node();
    }

    pub(in crate::tui) fn toggle_waste(&mut self) {
        let Some(image) = &mut self.image else { return };
        let mut show = image.files.show();
        show.only_waste = !show.only_waste;
        image.files.set_show(&image.analysis.index.tree, show);
        self.follow_node();
    }

    pub(in crate::tui) fn expand(&mut self, top: NodeId, open: bool) {
        let Some(image) = &mut self.image else { return };
        self.files.is_arranged = true;
        image.files.set_open_below(&image.analysis.index.tree, top, open);
        self.keep_visible();
        self.follow_node();
    }

    /// Climbs with the cursor to a directory that is still in sight.
    pub(in crate::tui) fn keep_visible(&mut self) {
        let Some(image) = &mut self.image else { return };
        let tree = &image.analysis.index.tree;
        while self.files.node != NodeId::ROOT && image.files.row_of(tree, self.files.node).is_none() {
            self.files.node = tree.parent(self.files.node).unwrap_or(NodeId::ROOT);
        }
    }

    pub(in crate::tui) fn open_directory(&mut self, action: Action) {
        let node = self.files.node;
        let Some(image) = &mut self.image else { return };
        let tree = &image.analysis.index.tree;
        self.files.is_arranged = true;
        let is_open = image.files.is_open(node);
        let is_directory = image.files.is_directory(node);
        match action {
            Action::Close if !is_directory || !is_open => {
                self.files.node = tree.parent(node).filter(|parent| *parent != NodeId::ROOT).unwrap_or(node);
                self.follow_node();
            }
            Action::Close => image.files.set_open(tree, node, false),
            Action::Open if is_open => self.move_cursor(Pane::Files, 1),
            Action::Open => image.files.set_open(tree, node, true),
            _ if is_directory => image.files.set_open(tree, node, !is_open),
            _ => {}
        }
        let (rows, height) = (self.row_count(Pane::Files), self.height(Pane::Files));
        let row = self.files.list.cursor;
        self.files.list.go_to(row, rows, height);
    }

    pub(in crate::tui) fn show_layer(&mut self) {
        let layer = self.layer();
        let Some(image) = &mut self.image else { return };
        let scope = image.files.scope();
        image.files.set_view(&image.analysis, scope, layer);
        if !self.files.is_arranged {
            self.open_heaviest();
        }
        self.follow_node();
    }

    /// Opens the way to what weighs most, so that the first look shows it.
    fn open_heaviest(&mut self) {
        let height = self.height(Pane::Files);
        let Some(image) = &mut self.image else { return };
        let tree = &image.analysis.index.tree;
        image.files.set_open_below(tree, NodeId::ROOT, false);
        let mut row = 0;
        while let Some(top) = image.files.rows(tree, row, 1).first().copied() {
            if !image.files.is_directory(top.node) {
                break;
            }
            image.files.set_open(tree, top.node, true);
            if image.files.row_count() > height.max(8) && row > 0 {
                image.files.set_open(tree, top.node, false);
                break;
            }
            row += 1;
        }
        self.files.node = NodeId::ROOT;
    }

    /// Puts the cursor on its path, or on what is left of it.
    pub(in crate::tui) fn follow_node(&mut self) {
        let height = self.height(Pane::Files);
        let Some(image) = &mut self.image else { return };
        let tree = &image.analysis.index.tree;
        let mut node = self.files.node;
        while !image.files.is_shown(node) {
            node = tree.parent(node).unwrap_or(NodeId::ROOT);
        }
        let row = if node == NodeId::ROOT {
            0
        } else {
            image.files.reveal(tree, node);
            image.files.row_of(tree, node).unwrap_or(0)
        };
        self.files.list.go_to(row, image.files.row_count(), height);
        self.read_node();
    }

    /// Takes the path from the row under the cursor.
    pub(in crate::tui) fn read_node(&mut self) {
        let Some(image) = &mut self.image else { return };
        let tree = &image.analysis.index.tree;
        self.files.node =
            image.files.rows(tree, self.files.list.cursor, 1).first().map_or(NodeId::ROOT, |row| row.node);
        self.details.is_stale |= self.details.subject == Pane::Files;
    }

    /// Returns the entry that the file tree shows at a path; of what is gone, the one that was there.
    #[must_use]
    pub fn entry_at(&self, node: NodeId) -> Option<EntryRef> {
        let image = self.image.as_ref()?;
        let (index, places, layer) = (&image.analysis.index, &image.places, self.layer());
        let shown = |layer_count| places.shown(index, layer_count, node);
        let found = match image.files.scope() {
            TreeScope::Layer => shown(layer + 1).or_else(|| image.files.removed(node)),
            TreeScope::UpTo => shown(layer + 1),
            TreeScope::Final => shown(index.layers.len()),
        };
        found.or_else(|| places.waste(&image.analysis, node).last().map(|record| record.copy))
    }

    /// Goes to a path in the changes of a layer.
    pub(in crate::tui) fn show_path(&mut self, layer: LayerNumber, node: NodeId) {
        self.files.node = node;
        self.files.is_arranged = true;
        self.show_layer_row(layer);
        if let Some(image) = &mut self.image
            && image.files.scope() != TreeScope::Layer
        {
            image.files.set_view(&image.analysis, TreeScope::Layer, layer.index());
        }
        self.focus_on(Pane::Files);
    }

    /// Returns what is under the cursor, in the state of the image that is shown.
    pub(in crate::tui) fn wanted_path(&self) -> Option<Wanted> {
        let image = self.image.as_ref()?;
        let layer = self.layer();
        let state = match image.files.scope() {
            TreeScope::Layer => ImageState::Layer(layer),
            TreeScope::UpTo => ImageState::UpTo(layer + 1),
            TreeScope::Final => ImageState::UpTo(image.analysis.layers.len()),
        };
        Some(Wanted { node: self.files.node, state })
    }
}
