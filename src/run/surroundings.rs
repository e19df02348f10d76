//! What the program runs in: terminals, a pipeline, what the environment says about colours.

use std::io::{self, IsTerminal};

use crate::report::github::Runner;

/// What decides how things look, beside flags and files.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Surroundings {
    /// Whether a person looks at stdout.
    pub(super) is_stdout_watched: bool,
    /// Whether a person looks at stderr.
    pub(super) is_stderr_watched: bool,
    /// Whether this build has a screen to open.
    pub(super) has_screen: bool,
    /// The width of the terminal, where there is one.
    pub(super) columns: Option<usize>,
    /// Whether `NO_COLOR` is set.
    pub(super) no_color: bool,
    /// The files of a workflow's runner.
    pub(super) runner: Runner,
}

impl Surroundings {
    /// Looks around.
    pub(super) fn now() -> Self {
        // Some pipelines have terminals, but nobody who presses keys.
        let is_watched = |is_terminal: bool| is_terminal && !is_pipeline();
        let is_stdout_watched = is_watched(io::stdout().is_terminal());
        let size = is_stdout_watched.then(terminal_size::terminal_size).flatten();
        Surroundings {
            is_stdout_watched,
            is_stderr_watched: is_watched(io::stderr().is_terminal()),
            has_screen: true,
            columns: size.map(|(width, _)| usize::from(width.0)),
            no_color: std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            runner: Runner::from_variables(|name| std::env::var_os(name)),
        }
    }
}

/// Says whether this is a pipeline, as all of them do. Only looks depend on it.
fn is_pipeline() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}
