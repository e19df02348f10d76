//! The exit codes, which scripts rely on.

use std::process::ExitCode;

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// All rules hold, or there are none.
    Success,
    /// A rule is broken.
    RuleBroken,
    /// A flag, a variable or a configuration file is wrong.
    Usage,
    /// The image, or something else that is read, could not be read.
    Unreadable,
    /// A report or another file could not be written, or the terminal not be used.
    Unwritable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Success => 0,
            Exit::RuleBroken => 1,
            Exit::Usage => 2,
            Exit::Unreadable => 3,
            Exit::Unwritable => 4,
        })
    }
}
