//! What is typed: patterns to find and to filter by, names of files to write.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Effect, MOST_OPENED, NOTHING};
use crate::layer::entry::NodeId;
use crate::report;
use crate::tui::app::{App, Asking, Prompt};
use crate::tui::keys::Action;
use crate::tui::layout::Pane;
use crate::tui::list::ListState;
use crate::tui::pattern::Pattern;
use crate::tui::waste::WasteTable;

impl App {
    pub(super) fn ask(&mut self, action: Action) {
        if self.image.is_none() {
            self.status = Some("the image is still being read".to_owned());
            return;
        }
        let (asking, label, text) = match action {
            Action::Find => (Asking::Find, "find /", String::new()),
            Action::Filter => (Asking::Filter, "filter ", self.filter.clone()),
            _ => (Asking::Report, "report ", "json=report.json".to_owned()),
        };
        let label = label.to_owned();
        if self.focus != Pane::Waste && asking != Asking::Report || asking == Asking::Find {
            self.focus_on(Pane::Files);
        }
        self.prompt = Some(Prompt { asking, label, text, problem: None, before: (self.node, self.filter.clone()) });
    }

    pub(super) fn prompt_key(&mut self, key: KeyEvent) -> Option<Effect> {
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

    pub(super) fn type_char(&mut self, c: char) {
        self.edit(|text| text.push(c));
    }

    pub(super) fn edit(&mut self, change: impl FnOnce(&mut String)) {
        let Some(prompt) = &mut self.prompt else { return };
        change(&mut prompt.text);
        prompt.problem = None;
        let (asking, text, origin) = (prompt.asking, prompt.text.clone(), prompt.before.0);
        let problem = match asking {
            Asking::Find => self.find_typed(&text, origin).err(),
            Asking::Filter => self.set_filter(text),
            Asking::FindWords | Asking::Extract | Asking::Report => None,
        };
        if let Some(prompt) = &mut self.prompt {
            prompt.problem = problem;
        }
    }

    pub(super) fn cancel(&mut self) {
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
            Asking::FindWords | Asking::Extract | Asking::Report => {}
        }
    }

    pub(super) fn accept(&mut self) -> Option<Effect> {
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
                Ok(request) => self.report(request),
                Err(problem) => {
                    self.prompt = Some(Prompt { problem: Some(problem), ..prompt });
                    NOTHING
                }
            },
            Asking::FindWords => match self.look_for(&prompt.text) {
                Ok(effect) => effect,
                Err(problem) => {
                    self.prompt = Some(Prompt { problem: Some(problem), ..prompt });
                    NOTHING
                }
            },
            Asking::Extract => self.extract(PathBuf::from(prompt.text)),
        }
    }

    /// Looks for what is typed, from where the cursor stood before.
    pub(super) fn find_typed(&mut self, text: &str, origin: NodeId) -> Result<(), String> {
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

    pub(super) fn find(&mut self, forward: bool) {
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
    pub(super) fn jump(&mut self, forward: bool) -> bool {
        let (Some(image), Some((_, matches))) = (&mut self.image, &self.found) else { return false };
        let tree = &image.analysis.index.tree;
        let is_first = |node: NodeId| {
            matches[node.index()]
                && !tree.parent(node).is_some_and(|parent| parent != NodeId::ROOT && matches[parent.index()])
        };
        let Some(node) = image.files.find(tree, self.node, forward, is_first) else { return false };
        self.is_arranged = true;
        self.node = node;
        self.follow_node();
        true
    }

    /// Filters the file tree; says what is wrong with the pattern.
    pub(super) fn set_filter(&mut self, text: String) -> Option<String> {
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
    pub(super) fn finish_filter(&mut self) {
        let Some(image) = &mut self.image else { return };
        let (files, sort) = (&image.files, image.waste.sort);
        image.waste = WasteTable::new(&image.analysis, &image.waste_groups, sort, |node| files.passes_filter(node));
        self.waste = ListState::default();
        self.stale_details = true;
    }
}
