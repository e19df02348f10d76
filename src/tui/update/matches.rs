//! What was found: the way to it, and the rows that a filter keeps.

use crate::layer::entry::NodeId;
use crate::tui::app::App;
use crate::tui::front::{Asking, Prompt};
use crate::tui::layout::Pane;
use crate::tui::loader::BackgroundJob;
use crate::tui::matching::{Matches, PatternSearch, Purpose};

/// A filter that keeps more is narrowed further before anyone reads it all.
const MOST_OPENED: usize = 100;
const NOT_FOUND: &str = "not found in this view (v changes the view)";

impl App {
    /// Returns the work that waits to be started, once for all keys that came together.
    pub fn job(&mut self) -> Option<BackgroundJob> {
        self.matching.job(&self.image.as_ref()?.analysis)
    }

    /// Says whether what comes next is meant for the matches of a pattern that was entered.
    #[must_use]
    pub fn awaits_matches(&self) -> bool {
        self.matching.is_awaited()
    }

    /// Returns the pattern that is still looked for.
    #[must_use]
    pub fn searched(&self) -> Option<&str> {
        self.matching.current().map(|search| &search.text[..])
    }

    pub(super) fn matches_known(&mut self, matches: Matches) {
        let Some(search) = self.matching.finished() else { return };
        let PatternSearch { purpose, text, entered, is_settled } = search;
        let shown = matches.and_then(|matches| match purpose {
            Purpose::Find { origin } => self.show_found(text, matches, origin),
            Purpose::Filter => {
                self.show_filtered(text, matches.as_deref());
                Ok(())
            }
        });
        match (shown, purpose) {
            (Ok(()), Purpose::Filter) if is_settled => self.filter_waste(),
            (Ok(()), _) => {}
            (Err(problem), _) => self.show_problem(problem, purpose, entered),
        }
    }

    /// Shows what is wrong where it was typed; that opens again where Enter closed it.
    fn show_problem(&mut self, problem: String, purpose: Purpose, entered: Option<Prompt>) {
        let asking = if purpose == Purpose::Filter { Asking::Filter } else { Asking::Find };
        if self.prompt.is_none() && self.popup.is_none() {
            self.prompt = entered;
        }
        match &mut self.prompt {
            Some(prompt) if prompt.asking == asking => prompt.problem = Some(problem),
            _ => self.status = Some(problem),
        }
    }

    /// Goes to the first match from where the cursor was.
    fn show_found(&mut self, text: String, matches: Option<Vec<bool>>, origin: NodeId) -> Result<(), String> {
        let Some(image) = &self.image else { return Ok(()) };
        self.files.node = origin;
        let is_here = |matches: &Vec<bool>| matches[origin.index()] && image.files.is_shown(origin);
        let stays = matches.as_ref().is_none_or(|matches| origin != NodeId::ROOT && is_here(matches));
        self.files.found = matches.map(|matches| (text, matches));
        if stays {
            self.follow_node();
            return Ok(());
        }
        if self.jump(true) { Ok(()) } else { Err(NOT_FOUND.to_owned()) }
    }

    pub(super) fn find(&mut self, forward: bool) {
        if self.files.found.is_none() {
            self.status = Some("nothing to search for yet: press /".to_owned());
        } else {
            self.focus_on(Pane::Files);
            if !self.jump(forward) {
                self.status = Some(NOT_FOUND.to_owned());
            }
        }
    }

    /// Goes to the next match; names below a match are matches by it alone, and are passed over.
    fn jump(&mut self, forward: bool) -> bool {
        let (Some(image), Some((_, matches))) = (&mut self.image, &self.files.found) else { return false };
        let tree = &image.analysis.index.tree;
        let is_first = |node: NodeId| {
            matches[node.index()]
                && !tree.parent(node).is_some_and(|parent| parent != NodeId::ROOT && matches[parent.index()])
        };
        let Some(node) = image.files.find(tree, self.files.node, forward, is_first) else { return false };
        self.files.is_arranged = true;
        self.files.node = node;
        self.follow_node();
        true
    }

    /// Filters by what was the filter before, or by nothing.
    pub(super) fn filter_by(&mut self, text: String) {
        if text.is_empty() {
            self.matching.stop();
            self.show_filtered(text, None);
            self.filter_waste();
        } else {
            self.matching.start(PatternSearch { purpose: Purpose::Filter, text, entered: None, is_settled: true });
        }
    }

    fn show_filtered(&mut self, text: String, matches: Option<&[bool]>) {
        let Some(image) = &mut self.image else { return };
        let tree = &image.analysis.index.tree;
        image.files.set_filter(tree, matches);
        if matches.is_some() {
            image.files.open_matches(tree, MOST_OPENED);
        }
        self.filter = text;
        self.follow_node();
    }
}
