//! What keys, the mouse and the threads change. Nothing here touches the terminal, a file or a thread: what must be done
//! outside comes back as an [`Effect`].

use std::path::PathBuf;
use std::sync::Arc;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::app::{App, Asking, ContentView, Image, Popup, Prompt};
use super::content::Pager;
use super::keys::{Action, Key, Place};
use super::layers::LayerRow;
use super::layout::{Frame, Pane};
use super::list::ListState;
use super::loader::News;
use super::panes;
use super::pattern::Pattern;
use super::text::plural;
use super::tree::{Letter, Scope, Sort, SortKey};
use super::waste::{self, WasteRow, WasteTable};
use crate::archive::ImageSpec;
use crate::error::Error;
use crate::escape::escape;
use crate::layer::entry::{EntryRef, Kind, NodeId};
use crate::report;
use crate::size::Units;
use crate::source::Region;

/// What must be done outside.
#[derive(Debug)]
pub enum Effect {
    /// End.
    Quit,
    /// End, because the image cannot be read.
    Fail(Error),
    /// End, because a thread died.
    Died,
    /// Give the terminal back until the shell continues the program.
    Suspend,
    /// Draw every cell anew.
    Redraw,
    /// Turn the mouse on or off.
    Mouse(bool),
    /// Put text on the clipboard.
    Copy(String),
    /// Open the content of an entry; the number tells the answer.
    Content(EntryRef, u64),
    /// Write content: to where, under which name, with which mode.
    Extract(Region, u16, PathBuf, PathBuf),
    /// Write a report.
    Report(report::Request),
}

/// A filter that keeps more is narrowed further before anyone reads it all.
const MOST_OPENED: usize = 100;

/// Something that is to be done at once and leaves nothing to do outside.
const NOTHING: Option<Effect> = None;

impl App {
    /// Takes what the terminal says.
    pub fn input(&mut self, event: Event) -> Option<Effect> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Mouse(mouse) => self.mouse(mouse),
            Event::Resize(width, height) => {
                self.resize(width, height);
                NOTHING
            }
            Event::Paste(text) => {
                text.chars().filter(|c| !c.is_control()).for_each(|c| self.type_char(c));
                NOTHING
            }
            _ => NOTHING,
        }
    }

    /// Takes a new size; the cursors stay in sight.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.size = (width, height);
        for pane in Pane::ALL {
            let (rows, height) = (self.row_count(pane), self.height(pane));
            let list = self.list(pane);
            let row = list.cursor;
            list.go_to(row, rows, height);
        }
    }

    /// Takes what a thread says.
    pub fn news(&mut self, news: News) -> Option<Effect> {
        match news {
            News::Spec(spec) => self.spec_known(*spec),
            News::Layer(Some(number), bytes) => {
                if let Some(known) = self.known.get_mut(number as usize - 1) {
                    *known = Some(bytes);
                }
            }
            News::Layer(None, bytes) => self.passed = (self.passed.0 + 1, self.passed.1.saturating_add(bytes)),
            News::Image(result) => match *result {
                Ok(image) => self.image_known(image),
                Err(error) => return Some(Effect::Fail(error)),
            },
            News::Content(request, result) => self.content_known(request, result),
            News::Died => return Some(Effect::Died),
        }
        NOTHING
    }

    fn spec_known(&mut self, spec: ImageSpec) {
        self.spec = Some(Arc::new(spec));
        self.list_layers();
    }

    fn image_known(&mut self, image: Image) {
        let analysis = Arc::clone(&image.analysis);
        self.spec = Some(Arc::new(analysis.spec.clone()));
        self.known = analysis.layers.iter().map(|layer| Some(layer.stored_bytes)).collect();
        let verdict = self.options.rules.judge(&analysis);
        self.verdict = (!verdict.rules.is_empty()).then_some(verdict);
        self.hidden = panes::layers::hidden_bytes(&analysis);
        self.image = Some(image);
        self.list_layers();
        if !self.has_moved {
            self.select_layer(worst_layer(&analysis));
        }
        self.status = first_words(&analysis);
    }

    fn content_known(&mut self, request: u64, result: Result<Region, String>) {
        let Some(Popup::Content(view)) = &mut self.popup else { return };
        if view.request != request {
            return;
        }
        let opened = result.and_then(|region| {
            Pager::new(region.clone()).map(|pager| (region, pager)).map_err(|error| error.to_string())
        });
        match opened {
            Ok((region, pager)) => (view.region, view.pager) = (Some(region), Some(pager)),
            Err(problem) => view.problem = Some(problem),
        }
    }

    /// Counts the time while the image is read.
    pub fn tick(&mut self) {
        self.ticks += 1;
        self.rates.push(self.options.progress.bytes().0);
        if self.rates.len() > 11 {
            self.rates.remove(0);
        }
    }

    fn key(&mut self, key: KeyEvent) -> Option<Effect> {
        self.status = None;
        if self.prompt.is_some() {
            return self.prompt_key(key);
        }
        match self.options.keys.action(Key::from(key), self.place()) {
            Some(action) => self.act(action),
            None => NOTHING,
        }
    }

    /// Does what a key means.
    pub fn act(&mut self, action: Action) -> Option<Effect> {
        // Steps through the layers are shown once, for all keys that came together; anything else needs the layer now.
        if self.stale_view && !(self.focus == Pane::Layers && self.rows_of(action).is_some()) {
            self.prepare();
        }
        if self.popup.is_some() && self.act_in_front(action) {
            return NOTHING;
        }
        match action {
            Action::Quit => return Some(Effect::Quit),
            Action::Suspend => return Some(Effect::Suspend),
            Action::Redraw => return Some(Effect::Redraw),
            Action::Mouse => {
                self.options.mouse = !self.options.mouse;
                let state = if self.options.mouse { "on" } else { "off: the terminal selects text" };
                self.status = Some(format!("mouse {state}"));
                return Some(Effect::Mouse(self.options.mouse));
            }
            Action::Copy | Action::CopyFix => return self.copy(action),
            Action::Content => return self.look(),
            Action::Help => self.popup = Some(Popup::Help(0)),
            Action::Back => self.back(),
            Action::Units => self.next_units(),
            Action::Zoom => self.zoom = !self.zoom,
            Action::NextPane => self.focus_on(Pane::ALL[(self.focus.index() + 1) % Pane::ALL.len()]),
            Action::PreviousPane => {
                self.focus_on(Pane::ALL[(self.focus.index() + Pane::ALL.len() - 1) % Pane::ALL.len()]);
            }
            Action::Pane(at) => self.focus_on(Pane::ALL[at]),
            Action::Find | Action::Filter | Action::Report => self.ask(action),
            Action::FindNext => self.find(true),
            Action::FindPrevious => self.find(false),
            Action::Mark => self.mark(),
            Action::Fold => self.fold(),
            Action::PreviousLayer => self.other_layer(false),
            Action::NextLayer => self.other_layer(true),
            Action::Scope => self.next_scope(),
            Action::Sort | Action::Reverse => self.sort(action),
            Action::Enter | Action::Open | Action::Close => self.open_or_close(action),
            _ if self.image.is_some() => self.act_on_rows(action),
            _ => self.go(action),
        }
        NOTHING
    }

    fn act_on_rows(&mut self, action: Action) {
        match action {
            Action::ShowAdded => self.toggle_letter(Letter::Added),
            Action::ShowChanged => self.toggle_letter(Letter::Changed),
            Action::ShowDeleted => self.toggle_letter(Letter::Deleted),
            Action::ShowUnmodified => self.toggle_letter(Letter::Unmodified),
            Action::OnlyWaste => self.toggle_waste(),
            Action::ExpandBelow => self.expand(self.node, true),
            Action::CollapseBelow => self.expand(self.node, false),
            Action::ExpandAll => self.expand(NodeId::ROOT, true),
            Action::CollapseAll => self.expand(NodeId::ROOT, false),
            _ => self.go(action),
        }
    }

    /// Keys for what is in front of the panes; says whether that was one.
    fn act_in_front(&mut self, action: Action) -> bool {
        if let Some(rows) = self.rows_of(action) {
            self.scroll_front(rows);
            return true;
        }
        match (action, &mut self.popup) {
            (Action::Back, _) | (Action::Help, Some(Popup::Help(_))) => self.popup = None,
            (Action::TextOrHex, Some(Popup::Content(view))) => {
                if let Some(pager) = &mut view.pager {
                    pager.toggle();
                }
            }
            (Action::Extract, Some(Popup::Content(view))) if view.region.is_some() => {
                let text = format!("./{}", String::from_utf8_lossy(&view.name).escape_debug());
                let before = (self.node, String::new());
                self.prompt = Some(Prompt { asking: Asking::Extract, text, problem: None, before });
            }
            _ => return false,
        }
        true
    }

    /// Returns how far a key moves.
    fn rows_of(&self, action: Action) -> Option<isize> {
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

    fn scroll_front(&mut self, rows: isize) {
        let height = panes::content::height(self.size);
        let help_rows = panes::help::row_count(self);
        match &mut self.popup {
            Some(Popup::Help(top)) => {
                *top = top.saturating_add_signed(rows).min(help_rows.saturating_sub(panes::help::height(self.size)));
            }
            Some(Popup::Content(ContentView { pager: Some(pager), .. })) => match rows {
                isize::MIN => pager.to_top(),
                isize::MAX => pager.to_bottom(height),
                rows => pager.step(rows, height),
            },
            _ => {}
        }
    }

    /// Moves the cursor of the focused pane.
    fn go(&mut self, action: Action) {
        if let Some(rows) = self.rows_of(action) {
            self.move_cursor(self.focus, rows);
        }
    }

    fn move_cursor(&mut self, pane: Pane, by: isize) {
        let (rows, height) = (self.row_count(pane), self.height(pane));
        let list = self.list(pane);
        if matches!(pane, Pane::Fixes | Pane::Details) {
            list.top = list.top.saturating_add_signed(by).min(rows.saturating_sub(1));
            return;
        }
        list.step(by, rows, height);
        self.moved(pane);
    }

    /// Hears that a cursor stands elsewhere.
    fn moved(&mut self, pane: Pane) {
        match pane {
            Pane::Layers => {
                self.has_moved = true;
                self.stale_view = true;
                self.stale_details = true;
            }
            Pane::Files => self.read_node(),
            Pane::Waste => self.stale_details = true,
            Pane::Fixes | Pane::Details => {}
        }
    }

    fn list(&mut self, pane: Pane) -> &mut ListState {
        match pane {
            Pane::Layers => &mut self.layers,
            Pane::Files => &mut self.files,
            Pane::Waste => &mut self.waste,
            Pane::Fixes => &mut self.fixes,
            Pane::Details => &mut self.details,
        }
    }

    pub(super) fn focus_on(&mut self, pane: Pane) {
        self.focus = pane;
        if pane != Pane::Layers {
            self.tab = pane;
        }
        if pane != Pane::Details && pane != self.subject {
            self.subject = pane;
            self.stale_details = true;
        }
    }

    fn back(&mut self) {
        if !self.filter.is_empty() {
            self.set_filter(String::new());
            self.finish_filter();
        } else if self.found.take().is_none() && !self.marks.is_empty() {
            self.marks.clear();
            self.marked_saving = None;
        }
    }

    fn next_units(&mut self) {
        let (units, name) = match self.options.units {
            Units::Si => (Units::Iec, "KiB, MiB, GiB: powers of 1024"),
            Units::Iec => (Units::Bytes, "bytes"),
            Units::Bytes => (Units::Si, "kB, MB, GB: powers of 1000"),
        };
        self.options.units = units;
        self.status = Some(name.to_owned());
        self.stale_details = true;
    }

    fn next_scope(&mut self) {
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

    fn sort(&mut self, action: Action) {
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

    fn sort_by(&mut self, is_waste: bool, sort: Sort) {
        let Some(image) = &mut self.image else { return };
        if is_waste {
            image.waste.set_sort(&image.analysis, sort);
            self.waste = ListState::default();
            self.stale_details = true;
        } else {
            image.files.set_sort(&image.analysis.index.tree, sort);
            self.follow_node();
        }
    }

    fn toggle_letter(&mut self, letter: Letter) {
        let Some(image) = &mut self.image else { return };
        let mut show = image.files.show();
        let shown = &mut show.letters[letter as usize];
        *shown = !*shown;
        image.files.set_show(&image.analysis.index.tree, show);
        self.follow_node();
    }

    fn toggle_waste(&mut self) {
        let Some(image) = &mut self.image else { return };
        let mut show = image.files.show();
        show.only_waste = !show.only_waste;
        image.files.set_show(&image.analysis.index.tree, show);
        self.follow_node();
    }

    fn expand(&mut self, top: NodeId, open: bool) {
        let Some(image) = &mut self.image else { return };
        self.is_arranged = true;
        image.files.set_open_below(&image.analysis.index.tree, top, open);
        self.keep_visible();
        self.follow_node();
    }

    /// Climbs with the cursor to a directory that is still in sight.
    fn keep_visible(&mut self) {
        let Some(image) = &self.image else { return };
        let tree = &image.analysis.index.tree;
        while self.node != NodeId::ROOT && image.files.row_of(tree, self.node).is_none() {
            self.node = tree.parent(self.node).unwrap_or(NodeId::ROOT);
        }
    }

    fn fold(&mut self) {
        let base = self.image.as_ref().map_or(0, |image| image.analysis.base.layer_count);
        if base < 2 {
            self.status = Some(format!("the base image has {}: nothing to fold", plural(u64::from(base), "layer")));
            return;
        }
        self.folded = !self.folded;
        self.list_layers();
    }

    fn mark(&mut self) {
        let numbers: Vec<u32> = match self.layer_rows.get(self.layers.cursor) {
            Some(LayerRow::Layer(layer)) => vec![u32::try_from(layer + 1).unwrap_or(u32::MAX)],
            Some(LayerRow::Base { layer_count }) => (1..=u32::try_from(*layer_count).unwrap_or(u32::MAX)).collect(),
            Some(LayerRow::Step(_)) => {
                self.status = Some("this step makes no layer: there is nothing to merge".to_owned());
                return;
            }
            None => return,
        };
        let is_marked = numbers.iter().all(|number| self.marks.contains(number));
        for number in numbers {
            if is_marked {
                self.marks.remove(&number);
            } else {
                self.marks.insert(number);
            }
        }
        self.marked_saving = self.marked_range().and_then(|(low, high)| {
            self.image.as_ref().map(|image| waste::saved_by_merging(&image.analysis, low, high))
        });
        self.move_cursor(Pane::Layers, 1);
    }

    /// Returns the lowest and the highest marked layer, from 1.
    #[must_use]
    pub fn marked_range(&self) -> Option<(u32, u32)> {
        Some((*self.marks.first()?, *self.marks.last()?))
    }

    /// `[` and `]`: in the waste table the two layers of a record, else the layers around.
    fn other_layer(&mut self, next: bool) {
        if self.focus == Pane::Waste {
            self.go_to_waste(next);
            return;
        }
        let count = self.spec.as_ref().map_or(0, |spec| spec.layers.len());
        let layer = self.layer();
        let layer = if next { (layer + 1).min(count.saturating_sub(1)) } else { layer.saturating_sub(1) };
        self.has_moved = true;
        if self.folded_layers() > layer {
            self.folded = false;
            self.list_layers();
        }
        self.select_layer(layer);
    }

    fn go_to_waste(&mut self, hiding: bool) {
        let (Some(image), Some(row)) = (&self.image, self.waste_row()) else { return };
        let (group, node) = match row {
            WasteRow::Group(group) => (image.waste.group(group), image.waste.group(group).top),
            WasteRow::Record(group, record) => {
                (image.waste.group(group), waste::node(&image.analysis, &image.analysis.waste[record]))
            }
        };
        let layer = if hiding { group.hidden_by } else { group.stored_in };
        self.node = node;
        self.has_moved = true;
        self.is_arranged = true;
        if self.folded_layers() > layer.index() {
            self.folded = false;
            self.list_layers();
        }
        if self.image.as_ref().is_some_and(|image| image.files.scope() != Scope::Layer) {
            let Some(image) = &mut self.image else { return };
            image.files.set_view(&image.analysis, Scope::Layer, layer.index());
        }
        self.select_layer(layer.index());
        self.focus_on(Pane::Files);
    }

    fn open_or_close(&mut self, action: Action) {
        match self.focus {
            Pane::Layers => self.open_layer(action),
            Pane::Files => self.open_directory(action),
            Pane::Waste => self.open_group(action),
            Pane::Fixes | Pane::Details => {}
        }
    }

    fn open_layer(&mut self, action: Action) {
        match (action, self.layer_rows.get(self.layers.cursor)) {
            (Action::Close, _) => {}
            (_, Some(LayerRow::Base { .. })) => self.fold(),
            _ => self.focus_on(Pane::Files),
        }
    }

    fn open_directory(&mut self, action: Action) {
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

    fn open_group(&mut self, action: Action) {
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

    fn copy(&mut self, action: Action) -> Option<Effect> {
        let text = match (action, self.focus) {
            (Action::CopyFix, _) => panes::fixes::copied(self)?,
            (_, Pane::Files) => self.path_text(self.node)?,
            (_, Pane::Waste) => {
                let image = self.image.as_ref()?;
                match self.waste_row()? {
                    WasteRow::Group(group) => self.path_text(image.waste.group(group).top)?,
                    WasteRow::Record(_, record) => {
                        self.path_text(waste::node(&image.analysis, &image.analysis.waste[record]))?
                    }
                }
            }
            _ => self.step_text()?,
        };
        self.status = Some(format!("copied: {text}"));
        Some(Effect::Copy(text))
    }

    fn path_text(&self, node: NodeId) -> Option<String> {
        Some(escape(&self.image.as_ref()?.analysis.index.tree.path(node)))
    }

    fn step_text(&self) -> Option<String> {
        let spec = self.spec.as_ref()?;
        let layer = u32::try_from(self.layer() + 1).ok();
        let entry = match self.layer_rows.get(self.layers.cursor)? {
            LayerRow::Step(place) => spec.history.get(*place),
            _ => spec.history.iter().find(|entry| entry.layer == layer),
        }?;
        let step = entry.step();
        Some(super::details::one_line(&format!("{} {}", step.instruction, step.command)))
    }

    /// Starts to look at the content of what is under the cursor.
    fn look(&mut self) -> Option<Effect> {
        let image = self.image.as_ref()?;
        let at = match self.focus {
            Pane::Waste => match self.waste_row()? {
                WasteRow::Record(_, record) => Some(image.analysis.waste[record].copy),
                WasteRow::Group(group) => match image.waste.group(group).records[..] {
                    [record] => Some(image.analysis.waste[record as usize].copy),
                    _ => None,
                },
            },
            _ => self.entry_at(self.node),
        };
        let index = &image.analysis.index;
        let inode = at.and_then(|at| index.inode(at)).filter(|at| index.entry(*at).kind == Kind::File);
        let Some(inode) = inode else {
            self.status = Some("only a regular file has content to look at".to_owned());
            return NOTHING;
        };
        let node = at.map_or(NodeId::ROOT, |at| index.entry(at).node);
        let title = format!("{} · layer {}", escape(&index.tree.path(node)), inode.layer());
        let (name, mode) = (index.tree.name(node).to_vec(), index.entry(inode).mode);
        self.requests += 1;
        let request = self.requests;
        self.popup =
            Some(Popup::Content(ContentView { title, name, mode, pager: None, region: None, problem: None, request }));
        Some(Effect::Content(inode, request))
    }

    fn ask(&mut self, action: Action) {
        if self.image.is_none() {
            self.status = Some("the image is still being read".to_owned());
            return;
        }
        let (asking, text) = match action {
            Action::Find => (Asking::Find, String::new()),
            Action::Filter => (Asking::Filter, self.filter.clone()),
            _ => (Asking::Report, "json=report.json".to_owned()),
        };
        if self.focus != Pane::Waste && asking != Asking::Report || asking == Asking::Find {
            self.focus_on(Pane::Files);
        }
        self.prompt = Some(Prompt { asking, text, problem: None, before: (self.node, self.filter.clone()) });
    }

    fn prompt_key(&mut self, key: KeyEvent) -> Option<Effect> {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if ctrl => return Some(Effect::Quit),
            KeyCode::Char('u') if ctrl => self.edit(String::clear),
            KeyCode::Char('w') if ctrl => self.edit(|text| {
                let end = text.trim_end().rfind([' ', '/']).map_or(0, |at| at + 1);
                text.truncate(if end == text.len() { end.saturating_sub(1) } else { end });
            }),
            KeyCode::Char(c) if !ctrl => self.type_char(c),
            KeyCode::Backspace => {
                if self.prompt.as_ref().is_some_and(|prompt| prompt.text.is_empty()) {
                    self.cancel();
                } else {
                    self.edit(|text| {
                        text.pop();
                    });
                }
            }
            KeyCode::Esc => self.cancel(),
            KeyCode::Enter => return self.accept(),
            _ => {}
        }
        NOTHING
    }

    fn type_char(&mut self, c: char) {
        self.edit(|text| text.push(c));
    }

    fn edit(&mut self, change: impl FnOnce(&mut String)) {
        let Some(prompt) = &mut self.prompt else { return };
        change(&mut prompt.text);
        prompt.problem = None;
        let (asking, text, origin) = (prompt.asking, prompt.text.clone(), prompt.before.0);
        let problem = match asking {
            Asking::Find => self.find_typed(&text, origin).err(),
            Asking::Filter => self.set_filter(text),
            Asking::Extract | Asking::Report => None,
        };
        if let Some(prompt) = &mut self.prompt {
            prompt.problem = problem;
        }
    }

    fn cancel(&mut self) {
        let Some(prompt) = self.prompt.take() else { return };
        match prompt.asking {
            Asking::Find => {
                self.found = None;
                self.node = prompt.before.0;
                self.follow_node();
            }
            Asking::Filter => {
                self.set_filter(prompt.before.1);
                self.finish_filter();
            }
            Asking::Extract | Asking::Report => {}
        }
    }

    fn accept(&mut self) -> Option<Effect> {
        let prompt = self.prompt.take()?;
        if prompt.problem.is_some() {
            self.prompt = Some(prompt);
            return NOTHING;
        }
        match prompt.asking {
            Asking::Find => NOTHING,
            Asking::Filter => {
                self.finish_filter();
                NOTHING
            }
            Asking::Report => match prompt.text.parse::<report::Request>() {
                Ok(request) if request.target == report::Target::Stdout => {
                    self.prompt = Some(Prompt { problem: Some("write FORMAT=FILE".to_owned()), ..prompt });
                    NOTHING
                }
                Ok(request) => Some(Effect::Report(request)),
                Err(problem) => {
                    self.prompt = Some(Prompt { problem: Some(problem), ..prompt });
                    NOTHING
                }
            },
            Asking::Extract => match &self.popup {
                Some(Popup::Content(view)) => {
                    let name = file_name(&view.name);
                    let region = view.region.clone()?;
                    Some(Effect::Extract(region, view.mode, PathBuf::from(prompt.text), name))
                }
                _ => NOTHING,
            },
        }
    }

    /// Looks for what is typed, from where the cursor stood before.
    fn find_typed(&mut self, text: &str, origin: NodeId) -> Result<(), String> {
        let pattern = Pattern::parse(text)?;
        let Some(image) = &self.image else { return Ok(()) };
        let Some(pattern) = pattern else {
            self.found = None;
            self.node = origin;
            self.follow_node();
            return Ok(());
        };
        let matches = pattern.matches(&image.analysis.index.tree);
        let at_origin = origin != NodeId::ROOT && matches[origin.index()] && image.files.is_shown(origin);
        self.found = Some((text.to_owned(), matches));
        self.node = origin;
        if at_origin {
            self.follow_node();
            return Ok(());
        }
        if self.jump(true) { Ok(()) } else { Err("not found in this view (v changes it)".to_owned()) }
    }

    fn find(&mut self, forward: bool) {
        if self.found.is_none() {
            self.status = Some("nothing to find yet: / asks".to_owned());
        } else {
            self.focus_on(Pane::Files);
            if !self.jump(forward) {
                self.status = Some("not found in this view (v changes it)".to_owned());
            }
        }
    }

    /// Goes to the next match; names below a match are matches by it alone, and are passed over.
    fn jump(&mut self, forward: bool) -> bool {
        let (Some(image), Some((_, matches))) = (&mut self.image, &self.found) else { return false };
        let tree = &image.analysis.index.tree;
        let is_first = |node: NodeId| {
            matches[node.index()]
                && !tree.parent(node).is_some_and(|parent| parent != NodeId::ROOT && matches[parent.index()])
        };
        // Without a match there is no need to put every directory in order to find none.
        let is_anywhere = (1..tree.len()).map(NodeId::at).any(|node| image.files.is_shown(node) && is_first(node));
        if !is_anywhere {
            return false;
        }
        let Some(node) = image.files.find(tree, self.node, forward, is_first) else { return false };
        self.is_arranged = true;
        self.node = node;
        self.follow_node();
        true
    }

    /// Filters the file tree; says what is wrong with the pattern.
    fn set_filter(&mut self, text: String) -> Option<String> {
        let Some(image) = &mut self.image else { return None };
        let pattern = match Pattern::parse(&text) {
            Ok(pattern) => pattern,
            Err(problem) => return Some(problem),
        };
        let tree = &image.analysis.index.tree;
        let matches = pattern.map(|pattern| pattern.matches(tree));
        image.files.set_filter(tree, matches.as_deref());
        if matches.is_some() {
            image.files.open_matches(tree, MOST_OPENED);
        }
        self.filter = text;
        self.follow_node();
        None
    }

    /// Filters the waste table as well, once the pattern is settled.
    fn finish_filter(&mut self) {
        let Some(image) = &mut self.image else { return };
        let (files, sort) = (&image.files, image.waste.sort);
        image.waste = WasteTable::new(&image.analysis, sort, |node| files.passes_filter(node));
        self.waste = ListState::default();
        self.stale_details = true;
    }

    fn mouse(&mut self, mouse: MouseEvent) -> Option<Effect> {
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

    fn scroll(&mut self, pane: Pane, by: isize) {
        let (rows, height) = (self.row_count(pane), self.height(pane));
        if matches!(pane, Pane::Fixes | Pane::Details) {
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

    fn click(&mut self, frame: &Frame, column: u16, row: u16) {
        if row == frame.area.y {
            if let Some(pane) = panes::tab_at(self, frame, column) {
                self.focus_on(pane);
            }
            return;
        }
        let was_focused = self.focus == frame.pane;
        self.focus_on(frame.pane);
        let inside = usize::from(row - frame.area.y - 1);
        let has_heading = matches!(frame.pane, Pane::Layers | Pane::Files | Pane::Waste);
        if has_heading && inside == 0 {
            if let Some(key) = panes::column_at(self, frame, column) {
                let is_waste = frame.pane == Pane::Waste;
                let old = self.image.as_ref().map(|image| if is_waste { image.waste.sort } else { image.files.sort() });
                let reversed = old.is_some_and(|old| old.key == key && !old.reversed);
                self.sort_by(is_waste, Sort { key, reversed });
            }
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
            self.open_or_close(Action::Enter);
        }
    }
}

/// The layer whose step hid the most bytes; without waste, the largest above the base.
fn worst_layer(analysis: &crate::analysis::Analysis) -> usize {
    let mut hidden = vec![0u64; analysis.layers.len()];
    for record in &analysis.waste {
        hidden[record.hidden_by.index()] += record.bytes;
    }
    let weight = |at: usize| {
        let layer = &analysis.layers[at];
        (hidden[at], if layer.is_base { 0 } else { layer.stored_bytes })
    };
    (0..hidden.len()).max_by_key(|at| weight(*at)).unwrap_or(0)
}

/// What the user should know at once about the input.
fn first_words(analysis: &crate::analysis::Analysis) -> Option<String> {
    let others = &analysis.spec.others;
    match (others.first(), analysis.warnings.len() as u64) {
        (Some(other), _) => {
            let more = if others.len() > 1 { format!(" and {} more", others.len() - 1) } else { String::new() };
            Some(format!("the input also holds {other}{more}: choose with --image and --platform"))
        }
        (None, 0) => None,
        (None, count) => Some(format!("{}: see the details of their layers (5)", plural(count, "warning"))),
    }
}

#[cfg(unix)]
fn file_name(name: &[u8]) -> PathBuf {
    PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name))
}

#[cfg(not(unix))]
fn file_name(name: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(name).into_owned())
}

impl App {
    /// Says whether the screen shows something that moves by itself.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.image.is_none()
    }

    /// Says whether text is being typed.
    #[must_use]
    pub fn is_typing(&self) -> bool {
        self.prompt.is_some() && self.place() != Place::Help
    }
}
