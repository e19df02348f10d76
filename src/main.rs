//! The command-line program: parse, run, print the error, return the exit code.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use layerlens::cli::Cli;
use layerlens::exit::Exit;
use layerlens::run::run;

fn main() -> ExitCode {
    let request = match Cli::try_parse().and_then(Cli::into_request) {
        Ok(request) => request,
        Err(error) => {
            // A closed pipe is no reason to complain about the help text.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Success.into() };
        }
    };
    let mut notes = std::io::stderr();
    match run(&request, &mut notes) {
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
