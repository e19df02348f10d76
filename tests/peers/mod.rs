//! Tests that need more than the project has: an engine, a browser, a corpus of images.
//!
//! The binary of such tests has `harness = false` in `Cargo.toml` and hands its tests to [`run`]. A test that meets a
//! [`Missing`] peer returns it: the runner counts the test as ignored and says why. With `TEST_PEERS=required`, which
//! `.ci/run` sets, it counts as failed, so that nothing goes unchecked unseen.

#![allow(dead_code, reason = "every test binary compiles this module and uses its own part of it")]

use std::fmt::Display;
use std::process::{Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// A test, by its name.
pub type Test = (&'static str, fn() -> Result<(), Missing>);

/// Lists functions as tests, each under its own name.
macro_rules! tests {
    ($($test:path),+ $(,)?) => { &[$((stringify!($test), $test)),+] };
}
pub(crate) use tests;

/// What a test needs and this machine lacks.
#[derive(Debug)]
pub struct Missing {
    what: String,
    /// Whether the project's own checks may do without it everywhere.
    is_optional: bool,
}

impl Missing {
    /// A program that can be installed, or one that does not run here.
    pub fn program(what: impl Display) -> Self {
        Missing { what: what.to_string(), is_optional: false }
    }

    /// Data that does not come with the project.
    pub fn data(what: impl Display) -> Self {
        Missing { what: what.to_string(), is_optional: true }
    }
}

/// Returns the program if it starts with `--version`.
pub fn program(name: &str) -> Result<&str, Missing> {
    let mut command = Command::new(name);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().map(|_| name).map_err(|error| Missing::program(format!("cannot run {name}: {error}")))
}

/// Runs the tests as `cargo test` asks for it, with its flags and filters.
pub fn run(tests: &[Test]) -> ExitCode {
    let trials = tests.iter().map(|&(name, test)| Trial::ignorable_test(name, move || completion(test())));
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn completion(result: Result<(), Missing>) -> Result<Completion, Failed> {
    let is_required = std::env::var_os("TEST_PEERS").is_some_and(|value| value == "required");
    match result {
        Ok(()) => Ok(Completion::Completed),
        Err(missing) if is_required && !missing.is_optional => Err(Failed::from(missing.what)),
        Err(missing) => Ok(Completion::ignored_with(missing.what)),
    }
}
