//! Looks for what is typed after `/` and `f` behind the screen: one search at a time, and only the newest counts.
//!
//! A search of a million paths takes longer than a key may; keys that come together make one search, and one that is no
//! longer wanted is stopped.

use std::sync::Arc;

use super::front::Prompt;
use super::loader::{BackgroundJob, News};
use super::pattern::Pattern;
use crate::analysis::Analysis;
use crate::layer::entry::NodeId;
use crate::task::Task;

/// For each path whether it was found; nothing where there is no pattern; else what is wrong with the pattern.
pub type Matches = Result<Option<Vec<bool>>, String>;

/// What matches are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To go to the first from where the cursor was.
    Find {
        /// Where the cursor was.
        origin: NodeId,
    },
    /// To keep only them.
    Filter,
}

/// A pattern to look for.
#[derive(Debug)]
pub struct PatternSearch {
    /// What it is for.
    pub purpose: Purpose,
    /// What was typed.
    pub text: String,
    /// The line it was typed in, once Enter closed it.
    pub entered: Option<Prompt>,
    /// Whether the matches are what the user settled for.
    pub is_settled: bool,
}

/// The search that goes on, and the one that waits for its end.
#[derive(Debug, Default)]
pub struct Matching {
    waiting: Option<PatternSearch>,
    running: Option<(PatternSearch, Task)>,
}

impl Matching {
    /// Looks for a pattern, in place of whatever was looked for.
    pub fn start(&mut self, search: PatternSearch) {
        self.stop();
        self.waiting = Some(search);
    }

    /// Looks for nothing any more.
    pub fn stop(&mut self) {
        self.waiting = None;
        if let Some((_, task)) = &self.running {
            task.stop();
        }
    }

    /// Says whether something is looked for.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.current().is_some()
    }

    /// Says whether the user waits for what is looked for: Enter was pressed.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.current().is_some_and(|search| search.is_settled)
    }

    /// Notes that the user settled for the pattern that is looked for; says whether there is one.
    pub fn enter(&mut self, prompt: &Prompt) -> bool {
        let running = self.running.as_mut().filter(|(_, task)| task.check().is_ok()).map(|(search, _)| search);
        let Some(search) = self.waiting.as_mut().or(running) else { return false };
        search.is_settled = true;
        search.entered = Some(prompt.clone());
        true
    }

    /// Returns what is looked for.
    #[must_use]
    pub fn current(&self) -> Option<&PatternSearch> {
        let running = self.running.as_ref().filter(|(_, task)| task.check().is_ok()).map(|(search, _)| search);
        self.waiting.as_ref().or(running)
    }

    /// Returns the search that can start now, as a job.
    pub fn job(&mut self, analysis: &Arc<Analysis>) -> Option<BackgroundJob> {
        if self.running.is_some() {
            return None;
        }
        let search = self.waiting.take()?;
        let (text, task, analysis) = (search.text.clone(), Task::default(), Arc::clone(analysis));
        self.running = Some((search, task.clone()));
        Some(BackgroundJob::new(move || News::Matches(find(&text, &analysis, &task))))
    }

    /// Takes the end of the search that went on; returns it where its matches are wanted.
    pub fn finished(&mut self) -> Option<PatternSearch> {
        let (search, task) = self.running.take()?;
        task.check().ok().map(|()| search)
    }
}

fn find(text: &str, analysis: &Analysis, task: &Task) -> Matches {
    let Some(pattern) = Pattern::parse(text)? else { return Ok(None) };
    pattern.matches(&analysis.index.tree, task).map(Some).map_err(|error| error.to_string())
}
