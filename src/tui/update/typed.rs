//! What is typed: patterns to find and to filter by, names of files to write.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Effect, NOTHING};
use crate::report;
use crate::tui::app::App;
use crate::tui::front::{Asking, Prompt};
use crate::tui::keys::Action;
use crate::tui::layout::Pane;
use crate::tui::matching::{PatternSearch, Purpose};

/// No path of a file system is longer.
const MOST_TYPED_BYTES: usize = 4096;

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
        let stays = asking == Asking::Report || asking == Asking::Filter && self.focus.behavior().is_filtered();
        if !stays {
            self.focus_on(Pane::Files);
        }
        let before = (self.files.node, self.filter.clone());
        self.prompt = Some(Prompt { before, ..Prompt::new(asking, label, text) });
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
            KeyCode::Char(c) if !ctrl => self.edit(|text| text.push(c)),
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

    /// Takes pasted text for typed text, as far as one line goes: it never means keys.
    pub(super) fn paste(&mut self, pasted: &str) {
        if self.prompt.is_none() {
            self.status = Some("press / or f before pasting".to_owned());
            return;
        }
        let mut lines = pasted.split(['\r', '\n']).filter(|line| !line.trim().is_empty());
        let line = lines.next().unwrap_or_default();
        self.edit(|text| text.extend(line.chars().filter(|c| !c.is_control()).take(MOST_TYPED_BYTES)));
        if let (Some(prompt), Some(_)) = (&mut self.prompt, lines.next()) {
            prompt.note = Some("only the first line was taken".to_owned());
        }
    }

    fn edit(&mut self, change: impl FnOnce(&mut String)) {
        let Some(prompt) = &mut self.prompt else { return };
        change(&mut prompt.text);
        prompt.problem = None;
        prompt.note = (prompt.text.len() > MOST_TYPED_BYTES).then(|| format!("cut after {MOST_TYPED_BYTES} bytes"));
        while prompt.text.len() > MOST_TYPED_BYTES {
            prompt.text.pop();
        }
        let purpose = match prompt.asking {
            Asking::Find => Purpose::Find { origin: prompt.before.0 },
            Asking::Filter => Purpose::Filter,
            Asking::FindText | Asking::Extract | Asking::Report => return,
        };
        let text = prompt.text.clone();
        self.matching.start(PatternSearch { purpose, text, entered: None, is_settled: false });
    }

    fn cancel(&mut self) {
        let Some(prompt) = self.prompt.take() else { return };
        match prompt.asking {
            Asking::Find => {
                self.matching.stop();
                self.files.found = None;
                self.files.node = prompt.before.0;
                self.follow_node();
            }
            Asking::Filter => self.filter_by(prompt.before.1),
            Asking::FindText | Asking::Extract | Asking::Report => {}
        }
    }

    fn accept(&mut self) -> Option<Effect> {
        let prompt = self.prompt.take()?;
        if prompt.problem.is_some() {
            self.prompt = Some(prompt);
            return NOTHING;
        }
        let done = match prompt.asking {
            Asking::Find | Asking::Filter => {
                let goes_on = self.matching.enter(&prompt);
                if !goes_on && prompt.asking == Asking::Filter {
                    self.filter_waste();
                }
                return NOTHING;
            }
            Asking::Report => match prompt.text.parse::<report::Request>() {
                Ok(request) if request.target == report::Output::Stdout => Err("write FORMAT=FILE".to_owned()),
                Ok(request) => Ok(self.report(request)),
                Err(problem) => Err(problem),
            },
            Asking::FindText => self.look_for(&prompt.text),
            Asking::Extract => Ok(self.extract(PathBuf::from(&prompt.text))),
        };
        done.unwrap_or_else(|problem| {
            self.prompt = Some(Prompt { problem: Some(problem), ..prompt });
            NOTHING
        })
    }
}
