//! The state of the screen, and nothing that touches a terminal: what is known of the image, where the cursors stand,
//! what is typed. [`super::update`] changes it, [`super::panes`] draw it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::content::Pager;
use super::details::{self, Detail};
use super::keys::{KeyMap, Place};
use super::layers::{self, LayerRow};
use super::layout::{Layout, Pane, Wish};
use super::list::ListState;
use super::theme::Theme;
use super::tree::{FileTree, Scope, Sort};
use super::waste::{self, WasteRow, WasteTable};
use crate::analysis::Analysis;
use crate::archive::ImageSpec;
use crate::escape::escape;
use crate::gate::{Rules, Verdict};
use crate::layer::entry::{EntryRef, LayerNumber, NodeId};
use crate::merge::changes::ChangeKind;
use crate::merge::view::View;
use crate::size::Units;
use crate::source::Progress;

/// How the screen is wanted.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The colours.
    pub theme: Theme,
    /// The keys.
    pub keys: KeyMap,
    /// How sizes are shown.
    pub units: Units,
    /// Whether the mouse is used.
    pub mouse: bool,
    /// What the image is held to.
    pub rules: Rules,
    /// The image, as it was named.
    pub source: PathBuf,
    /// How far the reading has come.
    pub progress: Arc<Progress>,
}

/// A complete image with what is shown of it.
#[derive(Debug)]
pub struct Image {
    /// Every number comes from here.
    pub analysis: Arc<Analysis>,
    /// The file tree.
    pub files: FileTree,
    /// The waste table.
    pub waste: WasteTable,
}

impl Image {
    /// Prepares an image for the screen. Costs all paths and waste records.
    #[must_use]
    pub fn new(analysis: Arc<Analysis>) -> Self {
        let files = FileTree::new(&analysis);
        let waste = WasteTable::new(&analysis, Sort::default(), |_| true);
        Image { analysis, files, waste }
    }
}

/// What is in front of the panes.
#[derive(Debug)]
pub enum Popup {
    /// The list of keys, from this row on.
    Help(usize),
    /// A file's content.
    Content(ContentView),
}

/// A file's content.
#[derive(Debug)]
pub struct ContentView {
    /// Its path, escaped, and its layer.
    pub title: String,
    /// Its last component.
    pub name: Vec<u8>,
    /// Its permission bits.
    pub mode: u16,
    /// The bytes, once they can be read.
    pub pager: Option<Pager>,
    /// The same bytes, to be written elsewhere.
    pub region: Option<crate::source::Region>,
    /// Why they cannot.
    pub problem: Option<String>,
    /// The number of the request.
    pub request: u64,
}

/// What a typed line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// `/`.
    Find,
    /// `f`.
    Filter,
    /// Where a file's content goes.
    Extract,
    /// Which report goes where.
    Report,
}

/// A line that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What for.
    pub asking: Asking,
    /// What was typed.
    pub text: String,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// Where the cursor stood before, or which filter there was.
    pub(super) before: (NodeId, String),
}

/// The whole state.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the screen")]
pub struct App {
    /// How the screen is wanted.
    pub options: Options,
    /// Its size.
    pub size: (u16, u16),
    /// What the documents say, once known.
    pub spec: Option<Arc<ImageSpec>>,
    /// Content bytes of the layers that were read already.
    pub known: Vec<Option<u64>>,
    /// Layers read of an image whose manifest has not passed yet: their number and bytes.
    pub passed: (u64, u64),
    /// The image, once complete.
    pub image: Option<Image>,
    /// The bytes that each layer hides.
    pub hidden: Vec<u64>,
    /// The verdict of the rules that were given.
    pub verdict: Option<Verdict>,
    /// The pane with the keyboard.
    pub focus: Pane,
    /// The last focused pane but the layer list.
    pub tab: Pane,
    /// Whether the focused pane fills the screen.
    pub zoom: bool,
    /// Rows of the layer list.
    pub layer_rows: Vec<LayerRow>,
    /// Its cursor.
    pub layers: ListState,
    /// Whether the base image's layers are one row.
    pub folded: bool,
    /// The file tree's cursor.
    pub files: ListState,
    /// The path under it.
    pub node: NodeId,
    /// The waste table's cursor.
    pub waste: ListState,
    /// The window of the details.
    pub details: ListState,
    /// Their lines.
    pub detail_lines: Vec<Detail>,
    /// The window of the fixes.
    pub fixes: ListState,
    /// Marked layers, from 1.
    pub marks: BTreeSet<u32>,
    /// What merging the marked range saves: bytes and copies.
    pub marked_saving: Option<(u64, u64)>,
    /// What is in front.
    pub popup: Option<Popup>,
    /// What is being typed.
    pub prompt: Option<Prompt>,
    /// A message, until the next key.
    pub status: Option<String>,
    /// The filter's text.
    pub filter: String,
    /// What `/` found.
    pub found: Option<(String, Vec<bool>)>,
    /// Ticks since the start, for what moves while the image is read.
    pub ticks: u64,
    /// Bytes read at the last ticks, the newest last.
    pub rates: Vec<u64>,
    /// The user has opened or closed directories: they stay as they are.
    pub(super) is_arranged: bool,
    /// The user has moved in the layer list.
    pub(super) has_moved: bool,
    /// The file tree shows another layer than the cursor.
    pub(super) stale_view: bool,
    pub(super) stale_details: bool,
    /// The details' costly part waits for a quiet moment.
    pub(super) owed_details: bool,
    pub(super) requests: u64,
    /// The pane that the details are about.
    pub(super) subject: Pane,
}

/// With more entries, a path's history waits until the keyboard rests.
const MANY_ENTRIES: u64 = 150_000;

impl App {
    /// Starts with nothing known.
    #[must_use]
    pub fn new(options: Options, size: (u16, u16)) -> Self {
        App {
            options,
            size,
            spec: None,
            known: Vec::new(),
            passed: (0, 0),
            image: None,
            hidden: Vec::new(),
            verdict: None,
            focus: Pane::Layers,
            tab: Pane::Files,
            zoom: false,
            layer_rows: Vec::new(),
            layers: ListState::default(),
            folded: true,
            files: ListState::default(),
            node: NodeId::ROOT,
            waste: ListState::default(),
            details: ListState::default(),
            detail_lines: Vec::new(),
            fixes: ListState::default(),
            marks: BTreeSet::new(),
            marked_saving: None,
            popup: None,
            prompt: None,
            status: None,
            filter: String::new(),
            found: None,
            ticks: 0,
            rates: Vec::new(),
            is_arranged: false,
            has_moved: false,
            stale_view: false,
            stale_details: true,
            owed_details: false,
            requests: 0,
            subject: Pane::Layers,
        }
    }

    /// Returns where everything stands; nothing where the screen is too small.
    #[must_use]
    pub fn layout(&self) -> Option<Layout> {
        let wish = Wish { focus: self.focus, tab: self.tab, zoom: self.zoom, layer_rows: self.layer_rows.len() };
        Layout::new(self.size.0, self.size.1, wish)
    }

    /// Returns how many rows of a pane are seen; of one that is hidden, what it would have.
    #[must_use]
    pub fn height(&self, pane: Pane) -> usize {
        let layout = self.layout();
        let area =
            layout.as_ref().and_then(|layout| layout.frame(pane).or(layout.frames.last())).map(|frame| frame.area);
        let heading = u16::from(matches!(pane, Pane::Layers | Pane::Files | Pane::Waste));
        area.map_or(1, |area| usize::from(area.height.saturating_sub(2 + heading)).max(1))
    }

    /// Returns where the keyboard is.
    #[must_use]
    pub fn place(&self) -> Place {
        match (&self.popup, self.focus) {
            (Some(Popup::Help(_)), _) => Place::Help,
            (Some(Popup::Content(_)), _) => Place::Content,
            (None, Pane::Layers) => Place::Layers,
            (None, Pane::Files) => Place::Files,
            (None, Pane::Waste) => Place::Waste,
            (None, Pane::Fixes) => Place::Fixes,
            (None, Pane::Details) => Place::Details,
        }
    }

    /// Returns the layer under the cursor; of a row without one, the layer below it.
    #[must_use]
    pub fn layer(&self) -> usize {
        let rows = &self.layer_rows[..self.layer_rows.len().min(self.layers.cursor + 1)];
        let of = |row: &LayerRow| match row {
            LayerRow::Base { layer_count } => Some(layer_count - 1),
            LayerRow::Layer(layer) => Some(*layer),
            LayerRow::Step(_) => None,
        };
        rows.iter().rev().find_map(of).unwrap_or(0)
    }

    /// Returns the number of rows of a pane.
    #[must_use]
    pub fn row_count(&self, pane: Pane) -> usize {
        match pane {
            Pane::Layers => self.layer_rows.len(),
            Pane::Files => self.image.as_ref().map_or(0, |image| image.files.row_count()),
            Pane::Waste => self.image.as_ref().map_or(0, |image| image.waste.row_count()),
            Pane::Fixes => super::panes::fixes::lines(self).len(),
            Pane::Details => self.detail_lines.len() * 3,
        }
    }

    /// Returns the row of the waste table under the cursor.
    #[must_use]
    pub fn waste_row(&self) -> Option<WasteRow> {
        self.image.as_ref()?.waste.rows(self.waste.cursor, 1).first().copied()
    }

    /// Returns the image's name on the screen.
    #[must_use]
    pub fn name(&self) -> String {
        let tag = self.spec.as_ref().and_then(|spec| spec.tags.first());
        match tag {
            Some(tag) => escape(tag.as_bytes()),
            None if self.options.source.as_os_str() == "-" => "stdin".to_owned(),
            None => {
                let path = &self.options.source;
                escape(path.file_name().unwrap_or(path.as_os_str()).as_encoded_bytes())
            }
        }
    }

    /// Says how many of the lowest layers make one row.
    pub(super) fn folded_layers(&self) -> usize {
        let count = self.image.as_ref().map_or(0, |image| image.analysis.base.layer_count as usize);
        if self.folded && count > 1 { count } else { 0 }
    }

    /// Lists the layers anew; the cursor stays on its layer.
    pub(super) fn list_layers(&mut self) {
        let Some(spec) = self.spec.clone() else { return };
        let layer = self.layer();
        self.layer_rows = layers::rows(&spec, self.folded_layers());
        self.known.resize(spec.layers.len(), None);
        self.select_layer(layer);
    }

    /// Puts the cursor on a layer, or on the row it is folded into.
    pub(super) fn select_layer(&mut self, layer: usize) {
        let holds = |row: &LayerRow| match row {
            LayerRow::Base { layer_count } => layer < *layer_count,
            LayerRow::Layer(at) => *at == layer,
            LayerRow::Step(_) => false,
        };
        let row = self.layer_rows.iter().position(holds).unwrap_or(0);
        let (rows, height) = (self.layer_rows.len(), self.height(Pane::Layers));
        self.layers.go_to(row, rows, height);
        self.stale_view = true;
        self.stale_details = true;
    }

    /// Does what waits to be done before the next frame, once for all keys that came together.
    pub fn prepare(&mut self) {
        if std::mem::take(&mut self.stale_view) {
            self.show_layer();
        }
        if std::mem::take(&mut self.stale_details) {
            let is_costly = self.is_large() && self.subject == Pane::Files;
            self.owed_details = is_costly;
            self.detail_lines = if is_costly { self.short_details() } else { self.full_details() };
            self.details = ListState::default();
        }
    }

    /// Does what can wait until the keyboard rests; says whether there was something.
    pub fn settle(&mut self) -> bool {
        let owed = std::mem::take(&mut self.owed_details);
        if owed {
            self.detail_lines = self.full_details();
        }
        owed
    }

    /// Says whether something waits for the keyboard to rest.
    #[must_use]
    pub fn owes(&self) -> bool {
        self.owed_details
    }

    fn is_large(&self) -> bool {
        self.image.as_ref().is_some_and(|image| image.analysis.totals.entry_count > MANY_ENTRIES)
    }

    fn show_layer(&mut self) {
        let layer = self.layer();
        let Some(image) = &mut self.image else { return };
        let scope = image.files.scope();
        image.files.set_view(&image.analysis, scope, layer);
        if !self.is_arranged {
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
        while let Some(top) = image.files.rows(row, 1).first().copied() {
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
        self.node = NodeId::ROOT;
    }

    /// Puts the cursor on its path, or on what is left of it.
    pub(super) fn follow_node(&mut self) {
        let height = self.height(Pane::Files);
        let Some(image) = &mut self.image else { return };
        let tree = &image.analysis.index.tree;
        let mut node = self.node;
        while !image.files.is_shown(node) {
            node = tree.parent(node).unwrap_or(NodeId::ROOT);
        }
        let row = if node == NodeId::ROOT {
            0
        } else {
            image.files.reveal(tree, node);
            image.files.row_of(tree, node).unwrap_or(0)
        };
        self.files.go_to(row, image.files.row_count(), height);
        self.read_node();
    }

    /// Takes the path from the row under the cursor.
    pub(super) fn read_node(&mut self) {
        let Some(image) = &self.image else { return };
        self.node = image.files.rows(self.files.cursor, 1).first().map_or(NodeId::ROOT, |row| row.node);
        self.stale_details |= self.subject == Pane::Files;
    }

    /// Returns the entry that the file tree shows at a path.
    #[must_use]
    pub fn entry_at(&self, node: NodeId) -> Option<EntryRef> {
        let image = self.image.as_ref()?;
        let (analysis, layer) = (&image.analysis, self.layer());
        match image.files.scope() {
            Scope::Layer => {
                let change =
                    analysis.changes_unsorted(LayerNumber::from_index(layer)).find(|change| change.node == node);
                match change.map(|change| change.kind) {
                    Some(ChangeKind::Added(upper) | ChangeKind::Changed { upper, .. }) => upper,
                    Some(ChangeKind::Deleted(deleted)) => deleted.lower.get(),
                    None => View::of_layers(&analysis.index, layer).slot(node).get(),
                }
            }
            Scope::UpTo | Scope::Final => {
                let count = if image.files.scope() == Scope::Final { analysis.layers.len() } else { layer + 1 };
                let shown = View::of_layers(&analysis.index, count).slot(node).get();
                let copy = || {
                    analysis
                        .waste
                        .iter()
                        .map(|record| record.copy)
                        .filter(|copy| analysis.index.entry(*copy).node == node)
                        .max()
                };
                shown.or_else(copy)
            }
        }
    }

    fn short_details(&self) -> Vec<Detail> {
        let Some(image) = &self.image else { return Vec::new() };
        let text = escape(&image.analysis.index.tree.path(self.node));
        vec![Detail { label: "Path", text, paint: super::theme::Paint::Bold }]
    }

    fn full_details(&self) -> Vec<Detail> {
        let Some(image) = &self.image else { return Vec::new() };
        let (analysis, units) = (&image.analysis, self.options.units);
        match (self.subject, self.layer_rows.get(self.layers.cursor)) {
            (Pane::Waste, _) => match self.waste_row() {
                Some(WasteRow::Group(group)) => details::waste(analysis, image.waste.group(group), None, units),
                Some(WasteRow::Record(group, record)) => {
                    let mut lines = details::waste(analysis, image.waste.group(group), Some(record), units);
                    let record = &analysis.waste[record];
                    let path = details::path(analysis, waste::node(analysis, record), Some(record.copy), units);
                    lines.extend(path.into_iter().skip(1));
                    lines
                }
                None => Vec::new(),
            },
            (Pane::Files, _) if self.node != NodeId::ROOT => {
                details::path(analysis, self.node, self.entry_at(self.node), units)
            }
            (_, Some(LayerRow::Layer(layer))) => details::layer(analysis, *layer, units),
            (_, Some(LayerRow::Base { .. })) => details::base(analysis, units),
            (_, Some(LayerRow::Step(place))) => details::step(analysis, *place),
            (_, None) => Vec::new(),
        }
    }
}
