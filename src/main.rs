//! The command-line program: parse, run, print the error, return the exit code.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use layerlens::cli::{self, Task};
use layerlens::escape::{LogSafe, Notation};
use layerlens::exit::Exit;
use layerlens::run::{print, print_config, run};

fn main() -> ExitCode {
    let task = match cli::parse(std::env::args_os()) {
        Ok(task) => task,
        Err(error) => {
            // A closed pipe is no reason to complain about the help text, a full disk is.
            let is_lost = error.print().is_err_and(|error| error.kind() != ErrorKind::BrokenPipe);
            return match error.use_stderr() {
                true => Exit::Usage.into(),
                false if is_lost => Exit::Unwritable.into(),
                false => Exit::Success.into(),
            };
        }
    };
    let mut notes = LogSafe::new(std::io::stderr(), Notation::Hex);
    let done = match task {
        Task::Run(request) => run(*request, &mut notes),
        Task::Print(text) => print(&text),
        Task::PrintConfig(settings, choice) => print_config(settings, &choice),
    };
    // A thread that still fetches or writes does not get to finish.
    layerlens::draft::abandon_all();
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let _ = writeln!(notes, "layerlens: {failure}");
            if let Some(hint) = failure.hint() {
                let _ = writeln!(notes, "hint: {hint}");
            }
            failure.exit().into()
        }
    }
}
