//! The state of the screen, and nothing that touches a terminal: what is known of the image, which pane has the keyboard,
//! what is in front. Each pane keeps its own state ([`super::panes`]); [`super::update`] routes keys, the mouse and news to
//! them.

use std::path::PathBuf;
use std::sync::Arc;

use super::front::{Popup, Prompt, Writing};
use super::keys::{Focus, KeyMap};
use super::layout::{Layout, Pane, Wish};
use super::list::ListState;
use super::matching::Matching;
use super::panes::details::DetailsPane;
use super::panes::files::FilesPane;
use super::panes::fixes::FixesPane;
use super::panes::layers::LayersPane;
use super::panes::waste::{WastePane, WasteTable};
use super::places::Places;
use super::theme::Theme;
use super::tree::{FileTree, Sort};
use crate::analysis::Analysis;
use crate::analysis::waste_groups::WasteGroup;
use crate::archive::ImageSpec;
use crate::contents::ContentReader;
use crate::contents::extract::Wanted;
use crate::escape::escape;
use crate::gate::{Rules, Verdict};
use crate::size::Units;
use crate::source::{Access, Progress};

/// How the screen is set up.
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
    /// The rules of the gate.
    pub rules: Rules,
    /// The image, as the user named it.
    pub source: PathBuf,
    /// How engines and registries are reached when contents are needed again.
    pub access: Access,
    /// How far the reading has come.
    pub progress: Arc<Progress>,
}

/// A complete image, prepared for the screen.
#[derive(Debug)]
pub struct LoadedImage {
    /// Every number comes from here.
    pub analysis: Arc<Analysis>,
    /// The file tree.
    pub files: FileTree,
    /// The waste by layers and cause.
    pub waste_groups: Vec<WasteGroup>,
    /// The waste table.
    pub waste: WasteTable,
    /// The entries of each path in each layer.
    pub places: Places,
}

impl LoadedImage {
    /// Prepares an image for the screen. Costs all paths and waste records.
    #[must_use]
    pub fn new(analysis: Arc<Analysis>) -> Self {
        let files = FileTree::new(&analysis);
        let waste_groups = analysis.waste_groups();
        let waste = WasteTable::new(&analysis, &waste_groups, Sort::default(), |_| true);
        let places = Places::new(&analysis);
        LoadedImage { analysis, files, waste_groups, waste, places }
    }
}

/// The whole state.
#[derive(Debug)]
pub struct App {
    /// How the screen is set up.
    pub options: Options,
    /// Its size.
    pub size: (u16, u16),
    /// What the documents say, once known.
    pub spec: Option<Arc<ImageSpec>>,
    /// Content bytes of the layers that were read already.
    pub known: Vec<Option<u64>>,
    /// Layers read of an image whose manifest has not come yet: their number and bytes.
    pub passed: (u64, u64),
    /// The image, once complete.
    pub image: Option<LoadedImage>,
    /// The verdict of the rules that were given.
    pub verdict: Option<Verdict>,
    /// The pane with the keyboard.
    pub focus: Pane,
    /// The last focused pane but the layer list.
    pub tab: Pane,
    /// Whether the focused pane fills the screen.
    pub zoom: bool,
    /// The layer list.
    pub layers: LayersPane,
    /// The file tree's cursor.
    pub files: FilesPane,
    /// The waste table's cursor.
    pub waste: WastePane,
    /// The fixes.
    pub fixes: FixesPane,
    /// The details.
    pub details: DetailsPane,
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
    /// Ticks since the start, for what moves while the image is read.
    pub ticks: u64,
    /// Bytes read at the last ticks, the newest last.
    pub rates: Vec<u64>,
    pub(super) requests: u64,
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
            verdict: None,
            focus: Pane::Layers,
            tab: Pane::Files,
            zoom: false,
            layers: LayersPane::default(),
            files: FilesPane::default(),
            waste: WastePane::default(),
            fixes: FixesPane::default(),
            details: DetailsPane::default(),
            popup: None,
            prompt: None,
            writing: None,
            wanted: None,
            status: None,
            filter: String::new(),
            matching: Matching::default(),
            ticks: 0,
            rates: Vec::new(),
            requests: 0,
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

    /// Returns where everything is drawn; nothing where the screen is too small.
    #[must_use]
    pub fn layout(&self) -> Option<Layout> {
        let wish = Wish { focus: self.focus, tab: self.tab, zoom: self.zoom, layer_rows: self.layers.rows.len() };
        Layout::new(self.size.0, self.size.1, wish)
    }

    /// Returns how many rows of a pane are seen; of one that is hidden, what it would have.
    #[must_use]
    pub fn height(&self, pane: Pane) -> usize {
        let layout = self.layout();
        let area =
            layout.as_ref().and_then(|layout| layout.frame(pane).or(layout.frames.last())).map(|frame| frame.area);
        let heading = u16::from(pane.behavior().has_cursor());
        area.map_or(1, |area| usize::from(area.height.saturating_sub(2 + heading)).max(1))
    }

    /// Returns where the keyboard is.
    #[must_use]
    pub fn keyboard(&self) -> Focus {
        match &self.popup {
            Some(Popup::Help(_)) => Focus::Help,
            Some(Popup::Content(_)) => Focus::Content,
            Some(Popup::Patch(_)) => Focus::Patch,
            None => Focus::Pane(self.focus),
        }
    }

    /// Returns the number of rows of a pane.
    #[must_use]
    pub fn row_count(&self, pane: Pane) -> usize {
        pane.behavior().row_count(self)
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

    /// Returns how many columns a pane has inside; one that is hidden, what it would have.
    pub(super) fn width(&self, pane: Pane) -> usize {
        let layout = self.layout();
        let frame = layout.as_ref().and_then(|layout| layout.frame(pane).or(layout.frames.last()));
        frame.map_or(0, |frame| usize::from(frame.area.width.saturating_sub(2)))
    }

    /// Does what waits to be done before the next frame, once for all keys that came together.
    pub fn prepare(&mut self) {
        if std::mem::take(&mut self.files.is_stale) {
            self.show_layer();
        }
        self.list_fixes();
        if std::mem::take(&mut self.details.is_stale) {
            self.details.lines = self.details.subject.behavior().details(self);
            self.details.list = ListState::default();
        }
        let height = self.height(Pane::Files);
        if let Some(image) = &mut self.image {
            self.files.rows = image.files.rows(&image.analysis.index.tree, self.files.list.top, height);
        }
    }
}
