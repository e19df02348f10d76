//! The exit codes, which scripts rely on. MODEL.md 8.

use std::process::ExitCode;

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All rules hold, or there are none.
    Success,
    /// A rule is broken.
    RuleBroken,
    /// A flag or the configuration is wrong.
    Usage,
    /// The image could not be read, or a report could not be written.
    Unreadable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Success => 0,
            Exit::RuleBroken => 1,
            Exit::Usage => 2,
            Exit::Unreadable => 3,
        })
    }
}
