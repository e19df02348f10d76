//! The state of the screen, and nothing that touches a terminal: what is known of the image, where the cursors stand,
//! what is typed. [`super::update`] changes it, [`super::panes`] draw it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::details::{self, Detail};
use super::fixes::{FixTable, Subject};
use super::keys::{KeyMap, Place};
use super::layers::{self, LayerRow};
use super::layout::{Layout, Pane, Wish};
use super::list::ListState;
use super::matching::Matching;
use super::pager::Pager;
use super::places::Places;
use super::theme::Theme;
use super::tree::{FileTree, Row, Scope, Sort};
use super::waste::{WasteRow, WasteTable};
use crate::analysis::Analysis;
use crate::analysis::waste_groups::WasteGroup;
use crate::archive::ImageSpec;
use crate::contents::ContentReader;
use crate::contents::extract::Wanted;
use crate::contents::search::TextPattern;
use crate::escape::escape;
use crate::gate::{Rules, Verdict};
use crate::layer::entry::{EntryRef, NodeId};
use crate::size::Units;
use crate::source::{Access, Progress};
use crate::task::Task;

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
    /// How engines and registries are reached, should their contents be needed again.
    pub access: Access,
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
    /// The waste by layers and cause.
    pub waste_groups: Vec<WasteGroup>,
    /// The waste table.
    pub waste: WasteTable,
    /// Where each path stands in each layer.
    pub places: Places,
}

impl Image {
    /// Prepares an image for the screen. Costs all paths and waste records.
    #[must_use]
    pub fn new(analysis: Arc<Analysis>) -> Self {
        let files = FileTree::new(&analysis);
        let waste_groups = analysis.waste_groups();
        let waste = WasteTable::new(&analysis, &waste_groups, Sort::default(), |_| true);
        let places = Places::new(&analysis);
        Image { analysis, files, waste_groups, waste, places }
    }
}

/// What is in front of the panes.
#[derive(Debug)]
pub enum Popup {
    /// The list of keys, from this row on.
    Help(usize),
    /// A file's content.
    Content(Box<ContentView>),
}

/// A file's content.
#[derive(Debug)]
pub struct ContentView {
    /// Its path, escaped, and its layer.
    pub title: String,
    /// The same, to be written elsewhere.
    pub wanted: Wanted,
    /// The bytes, once they can be read.
    pub pager: Option<Pager>,
    /// Why they cannot.
    pub problem: Option<String>,
    /// What is looked for in them.
    pub pattern: Option<TextPattern>,
    /// The work on them: to read them, or to look for something.
    pub task: Task,
    /// Whether that goes on.
    pub is_busy: bool,
    /// The number of the request.
    pub request: u64,
}

/// Something that is being written by a thread.
#[derive(Debug)]
pub struct Writing {
    /// What, in the user's words.
    pub label: String,
    /// How far it has come.
    pub task: Task,
}

/// What a typed line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// `/`.
    Find,
    /// `f`.
    Filter,
    /// `/` in a content.
    FindText,
    /// Where a file or directory goes.
    Extract,
    /// Which report goes where.
    Report,
}

/// A line that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What for.
    pub asking: Asking,
    /// What stands before it.
    pub label: String,
    /// What was typed.
    pub text: String,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// What was left out of it.
    pub note: Option<String>,
    /// Where the cursor stood before, or which filter there was.
    pub(super) before: (NodeId, String),
}

impl Prompt {
    /// Asks for a line.
    #[must_use]
    pub fn new(asking: Asking, label: impl Into<String>, text: impl Into<String>) -> Self {
        let before = (NodeId::ROOT, String::new());
        Prompt { asking, label: label.into(), text: text.into(), problem: None, note: None, before }
    }
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
    /// Its rows in sight.
    pub file_rows: Vec<Row>,
    /// The path under it.
    pub node: NodeId,
    /// The waste table's cursor.
    pub waste: ListState,
    /// The window of the details.
    pub details: ListState,
    /// Their lines.
    pub detail_lines: Vec<Detail>,
    /// The cursor of the fixes.
    pub fixes: ListState,
    /// Their rows.
    pub fix_table: FixTable,
    /// Marked layers, from 1.
    pub marks: BTreeSet<u32>,
    /// What is in front.
    pub popup: Option<Popup>,
    /// What is being typed.
    pub prompt: Option<Prompt>,
    /// What is being written.
    pub writing: Option<Writing>,
    /// What was asked to be written.
    pub(super) wanted: Option<Wanted>,
    /// A message, until the next key.
    pub status: Option<String>,
    /// The filter's text.
    pub filter: String,
    /// What is being looked for.
    pub(super) matching: Matching,
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
    pub(super) stale_fixes: bool,
    pub(super) requests: u64,
    /// The pane that the details are about.
    pub(super) subject: Pane,
}

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
            file_rows: Vec::new(),
            node: NodeId::ROOT,
            waste: ListState::default(),
            details: ListState::default(),
            detail_lines: Vec::new(),
            fixes: ListState::default(),
            fix_table: FixTable::default(),
            marks: BTreeSet::new(),
            popup: None,
            prompt: None,
            writing: None,
            wanted: None,
            status: None,
            filter: String::new(),
            matching: Matching::default(),
            found: None,
            ticks: 0,
            rates: Vec::new(),
            is_arranged: false,
            has_moved: false,
            stale_view: false,
            stale_details: true,
            stale_fixes: true,
            requests: 0,
            subject: Pane::Layers,
        }
    }

    /// Returns what reads the image's contents again.
    #[must_use]
    pub fn content_reader(&self) -> Option<ContentReader> {
        let analysis = Arc::clone(&self.image.as_ref()?.analysis);
        Some(ContentReader { analysis, source: self.options.source.clone(), access: self.options.access.clone() })
    }

    /// Stops all work behind the screen; says whether there was some.
    pub fn stop_work(&mut self) -> bool {
        self.matching.stop();
        if let Some(Popup::Content(view)) = &self.popup {
            view.task.stop();
        }
        self.writing.as_ref().map(|writing| writing.task.stop()).is_some()
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
        let heading = u16::from(pane != Pane::Details);
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
            Pane::Fixes => self.fix_table.rows().len(),
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
        self.list_fixes();
        if std::mem::take(&mut self.stale_details) {
            self.detail_lines = self.describe();
            self.details = ListState::default();
        }
        let height = self.height(Pane::Files);
        if let Some(image) = &mut self.image {
            self.file_rows = image.files.rows(&image.analysis.index.tree, self.files.top, height);
        }
    }

    /// Makes the rows of the fixes anew where they changed or have other columns; the cursor stays on its fix.
    pub(super) fn list_fixes(&mut self) {
        let width = self.width(Pane::Fixes);
        let Some(image) = &self.image else { return };
        if !std::mem::take(&mut self.stale_fixes) && self.fix_table.width() == width {
            return;
        }
        let cursor = self.fixes.cursor;
        let subject = self.fix_table.rows().get(cursor).map(|row| row.subject);
        let place = subject.and_then(|subject| Some(cursor - self.fix_table.row_of(subject)?));
        self.fix_table.build(&image.analysis, width, self.options.units);
        let start = subject.and_then(|subject| self.fix_table.row_of(subject));
        let row = start.map_or(cursor, |start| start + place.unwrap_or(0));
        let (rows, height) = (self.row_count(Pane::Fixes), self.height(Pane::Fixes));
        self.fixes.go_to(row, rows, height);
    }

    /// Returns how many columns a pane has inside; one that is hidden, what it would have.
    fn width(&self, pane: Pane) -> usize {
        let layout = self.layout();
        let frame = layout.as_ref().and_then(|layout| layout.frame(pane).or(layout.frames.last()));
        frame.map_or(0, |frame| usize::from(frame.area.width.saturating_sub(2)))
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
        let Some(image) = &mut self.image else { return };
        let tree = &image.analysis.index.tree;
        self.node = image.files.rows(tree, self.files.cursor, 1).first().map_or(NodeId::ROOT, |row| row.node);
        self.stale_details |= self.subject == Pane::Files;
    }

    /// Returns the entry that the file tree shows at a path; of what is gone, the one that was there.
    #[must_use]
    pub fn entry_at(&self, node: NodeId) -> Option<EntryRef> {
        let image = self.image.as_ref()?;
        let (index, places, layer) = (&image.analysis.index, &image.places, self.layer());
        let shown = |layer_count| places.shown(index, layer_count, node);
        let found = match image.files.scope() {
            Scope::Layer => shown(layer + 1).or_else(|| image.files.removed(node)),
            Scope::UpTo => shown(layer + 1),
            Scope::Final => shown(index.layers.len()),
        };
        found.or_else(|| places.waste(&image.analysis, node).last().map(|record| record.copy))
    }

    fn describe(&self) -> Vec<Detail> {
        let Some(image) = &self.image else { return Vec::new() };
        let (analysis, places, units) = (&image.analysis, &image.places, self.options.units);
        match (self.subject, self.layer_rows.get(self.layers.cursor)) {
            (Pane::Waste, _) => match self.waste_row() {
                Some(WasteRow::Group(group)) => details::waste(analysis, image.waste.group(group), None, units),
                Some(WasteRow::Record(group, record)) => {
                    let mut lines = details::waste(analysis, image.waste.group(group), Some(record), units);
                    let record = &analysis.waste[record];
                    let path = details::path(analysis, places, record.node, Some(record.copy), units);
                    lines.extend(path.into_iter().skip(1));
                    lines
                }
                None => Vec::new(),
            },
            (Pane::Files, _) if self.node != NodeId::ROOT => {
                details::path(analysis, places, self.node, self.entry_at(self.node), units)
            }
            (Pane::Fixes, row) => match self.fix_row().map(|row| row.subject) {
                Some(Subject::Finding(place)) => {
                    let finding = &analysis.bloat[place];
                    details::path(analysis, places, finding.node, self.shown_at_last(finding.node), units)
                }
                Some(subject) => match self.fix_table.fix(analysis, subject) {
                    Some(fix) => details::fix(analysis, fix, units),
                    None => self.describe_layer(image, row),
                },
                None => self.describe_layer(image, row),
            },
            (_, row) => self.describe_layer(image, row),
        }
    }

    fn shown_at_last(&self, node: NodeId) -> Option<EntryRef> {
        let image = self.image.as_ref()?;
        image.places.shown(&image.analysis.index, image.analysis.layers.len(), node)
    }

    fn describe_layer(&self, image: &Image, row: Option<&LayerRow>) -> Vec<Detail> {
        let (analysis, units) = (&image.analysis, self.options.units);
        match row {
            Some(LayerRow::Layer(layer)) => details::layer(analysis, &image.waste_groups, *layer, units),
            Some(LayerRow::Base { .. }) => details::base(analysis, units),
            Some(LayerRow::Step(place)) => details::step(analysis, *place),
            None => Vec::new(),
        }
    }
}
