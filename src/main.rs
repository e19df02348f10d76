//! The command-line program: parse, run, print the error, return the exit code.

use std::io::Write;
use std::process::ExitCode;

use layerlens::cli::{self, Task};
use layerlens::escape::{LogSafe, Notation};
use layerlens::exit::Exit;
use layerlens::run::{print, print_config, run};

fn main() -> ExitCode {
    let task = match cli::parse(std::env::args_os()) {
        Ok(task) => task,
        Err(error) => {
            // A closed pipe is no reason to complain about the help text.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Success.into() };
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
