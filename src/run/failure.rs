//! Why the program could not do what was asked, what to do about it, and the exit code.

use std::io;

use super::escape_path;
use crate::analysis::NotChoice;
use crate::analysis::fixes::NotRanges;
use crate::error::Error;
use crate::exit::Exit;
use crate::report::Output;

/// Why the program could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The image could not be read.
    #[error(transparent)]
    Image(#[from] Error),
    /// A report could not be written.
    #[error("{target}: cannot write the report: {source}")]
    Report {
        /// Where it should have gone.
        target: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The image has no such layers.
    #[error("--merge: {0}")]
    Ranges(#[from] NotRanges),
    /// The image has no such fixes or findings.
    #[error("--apply: {0}")]
    Choice(#[from] NotChoice),
    /// A new image is not what it should be.
    #[error(
        "{target}: the new image is not what was predicted ({problem}): do not use it, and report this as a defect"
    )]
    Prediction {
        /// The archive.
        target: String,
        /// What is not as it should be.
        problem: String,
    },
    /// Whoever reads the output has gone; nobody is left to tell.
    #[error("the reader of the output has gone")]
    ClosedPipe,
    /// A flag, a variable or a configuration file is wrong.
    #[error("{0}")]
    Usage(String),
    /// The signals that end the program cannot be caught.
    #[error("cannot catch signals: {0}")]
    Signals(io::Error),
    /// The terminal cannot be used.
    #[error("the terminal cannot be used: {0}")]
    Terminal(io::Error),
}

impl Failure {
    /// Returns what the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Failure::Image(error) => error.hint(),
            Failure::Terminal(_) => Some("for the text summary, send the output through a pipe: layerlens IMAGE | cat"),
            Failure::Report { .. }
            | Failure::Ranges(_)
            | Failure::Choice(_)
            | Failure::Prediction { .. }
            | Failure::Usage(_)
            | Failure::Signals(_)
            | Failure::ClosedPipe => None,
        }
    }

    /// Returns the exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Failure::ClosedPipe => Exit::Success,
            Failure::Ranges(_) | Failure::Choice(_) | Failure::Usage(_) => Exit::Usage,
            Failure::Image(error) if error.is_of_writing() => Exit::Unwritable,
            Failure::Image(_) => Exit::Unreadable,
            Failure::Report { .. } | Failure::Prediction { .. } | Failure::Signals(_) | Failure::Terminal(_) => {
                Exit::Unwritable
            }
        }
    }

    pub(super) fn writing(target: &Output, source: io::Error) -> Self {
        match target {
            Output::Stdout if source.kind() == io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            Output::Stdout => Failure::Report { target: "stdout".to_owned(), source },
            Output::File(path) => Failure::Report { target: escape_path(path), source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Place;

    #[test]
    fn a_full_disk_is_no_fault_of_the_image() {
        let failure = |action| {
            let source = io::Error::from(io::ErrorKind::StorageFull);
            Failure::Image(Error::Io { action, source }.at(Place::Image("-".to_owned())))
        };
        assert_eq!(failure("write a temporary file").exit(), Exit::Unwritable);
        assert_eq!(failure("read").exit(), Exit::Unreadable);
    }
}
