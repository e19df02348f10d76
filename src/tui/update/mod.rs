//! Routes keys, the mouse and news to whatever they change. Nothing here touches the terminal, a file or a thread: what
//! must be done outside comes back as an [`Effect`].

mod copy;
mod front;
mod matches;
mod mouse;
mod moves;
mod typed;

use std::ops::ControlFlow;
use std::sync::Arc;

use crossterm::event::{Event, KeyEvent, KeyEventKind};

use super::app::{App, LoadedImage};
use super::front::Popup;
use super::keys::{Action, Focus, Key};
use super::layout::Pane;
use super::loader::{BackgroundJob, News};
use super::panes;
use super::text::plural;
use super::tree::Letter;
use crate::archive::ImageSpec;
use crate::error::Error;
use crate::layer::entry::NodeId;

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
    /// Redraw every cell.
    Redraw,
    /// Turn the mouse on or off.
    Mouse(bool),
    /// Put text on the clipboard.
    Copy(String),
    /// Work in a thread.
    Work(BackgroundJob),
}

/// No effect outside.
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
                self.paste(&text);
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
            News::Found(request, result) => self.text_found(request, result),
            News::Matches(matches) => self.matches_known(matches),
            News::Written(sentence) => {
                self.writing = None;
                self.status = Some(sentence);
            }
            News::Died => return Some(Effect::Died),
        }
        NOTHING
    }

    fn spec_known(&mut self, spec: ImageSpec) {
        self.spec = Some(Arc::new(spec));
        self.list_layers();
    }

    fn image_known(&mut self, image: LoadedImage) {
        let analysis = Arc::clone(&image.analysis);
        self.spec = Some(Arc::new(analysis.spec.clone()));
        self.known = analysis.layers.iter().map(|layer| Some(layer.stored_bytes)).collect();
        let verdict = self.options.rules.judge(&analysis);
        self.verdict = (!verdict.rules.is_empty()).then_some(verdict);
        self.layers.hidden = panes::layers::hidden_bytes(&image);
        self.image = Some(image);
        self.fixes.is_stale = true;
        self.list_layers();
        if !self.layers.has_moved {
            self.select_layer(worst_layer(&analysis, &self.layers.hidden));
        }
        self.status = first_words(&analysis);
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
        match self.options.keys.action(Key::from(key), self.keyboard()) {
            Some(action) => self.act(action),
            None => NOTHING,
        }
    }

    /// Does what a key means.
    pub fn act(&mut self, action: Action) -> Option<Effect> {
        // Steps through the layers are shown once, for all keys that came together; anything else needs the layer now.
        if self.files.is_stale && !(self.focus == Pane::Layers && self.rows_of(action).is_some()) {
            self.prepare();
        }
        if self.popup.is_some()
            && let ControlFlow::Break(effect) = self.act_in_front(action)
        {
            return effect;
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
            Action::ExtractPath => self.ask_where(),
            Action::Help => self.popup = Some(Popup::Help(0)),
            Action::Back => self.back(),
            Action::Units => self.next_units(),
            Action::Zoom => self.zoom = !self.zoom,
            Action::NextPane => self.focus_on(Pane::ALL[(self.focus.index() + 1) % Pane::ALL.len()]),
            Action::PreviousPane => {
                self.focus_on(Pane::ALL[(self.focus.index() + Pane::ALL.len() - 1) % Pane::ALL.len()]);
            }
            Action::Pane(pane) => self.focus_on(pane),
            Action::Find | Action::Filter | Action::Report => self.ask(action),
            Action::FindNext => self.find(true),
            Action::FindPrevious => self.find(false),
            Action::Mark => self.mark(),
            Action::MarkFix => self.mark_fix(),
            Action::ShowFixLayers => self.show_fix_layers(),
            Action::ShowPatch => self.show_patch(),
            Action::Fold => self.fold(),
            Action::PreviousLayer => self.focus.behavior().other_layer(self, false),
            Action::NextLayer => self.focus.behavior().other_layer(self, true),
            Action::Scope => self.next_scope(),
            Action::Sort | Action::Reverse => self.sort(action),
            Action::Enter | Action::Open | Action::Close => self.focus.behavior().open_or_close(self, action),
            // Where a patch is shown, which is in front of this.
            Action::CopyPatch | Action::WritePatch => {}
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
            Action::ExpandBelow => self.expand(self.files.node, true),
            Action::CollapseBelow => self.expand(self.files.node, false),
            Action::ExpandAll => self.expand(NodeId::ROOT, true),
            Action::CollapseAll => self.expand(NodeId::ROOT, false),
            _ => self.go(action),
        }
    }
}

/// The layer whose step hid the most bytes; without waste, the largest above the base.
fn worst_layer(analysis: &crate::analysis::Analysis, hidden: &[u64]) -> usize {
    let weight = |at: usize| {
        let layer = &analysis.layers[at];
        (hidden[at], if layer.is_base { 0 } else { layer.stored_bytes })
    };
    (0..hidden.len()).max_by_key(|at| weight(*at)).unwrap_or(0)
}

/// Returns what the user should know first about the input.
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

impl App {
    /// Says whether the screen shows something that moves by itself.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.image.is_none()
    }

    /// Says whether something behind the screen goes on.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let is_reading = matches!(&self.popup, Some(Popup::Content(view)) if view.is_busy);
        self.is_loading() || self.writing.is_some() || self.matching.is_busy() || is_reading
    }

    /// Says whether text is being typed.
    #[must_use]
    pub fn is_typing(&self) -> bool {
        self.prompt.is_some() && self.keyboard() != Focus::Help
    }
}
