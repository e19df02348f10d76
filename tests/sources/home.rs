//! A user of one test: home, settings and cache of its own.

#![allow(dead_code, reason = "two test binaries compile this module and use their own part of it")]

use std::path::{Path, PathBuf};

use crate::common::run::{Outcome, Run, layerlens};

/// A home folder in which nothing is set.
pub struct Home {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Home {
    pub fn new() -> Self {
        Home { folder: tempfile::tempdir().expect("a home"), environment: Vec::new() }
    }

    /// Sets a variable of everything that is run from here.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file below the home folder.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file in a folder")).expect("its folder");
        std::fs::write(&path, content).expect("the file");
        path
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        let home = self.path().to_str().expect("a temporary path is text");
        let mut run = layerlens(arguments).env("HOME", home).env("XDG_CACHE_HOME", &format!("{home}/cache"));
        run = run.env("XDG_CONFIG_HOME", &format!("{home}/settings")).env("XDG_RUNTIME_DIR", &format!("{home}/run"));
        for name in ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "CONTAINER_HOST", "REGISTRY_AUTH_FILE"] {
            run = run.env(name, "");
        }
        self.environment.iter().fold(run, |run, (name, value)| run.env(name, value))
    }

    pub fn outcome(&self, arguments: &[&str]) -> Outcome {
        self.run(arguments).outcome()
    }

    /// Analyses an image that must be readable.
    pub fn report(&self, image: &str, arguments: &[&str]) -> serde_json::Value {
        let arguments = [&[image, "--report", "json", "--changes"], arguments].concat();
        let outcome = self.outcome(&arguments);
        outcome.assert_code(0);
        outcome.json()
    }

    /// Returns the names of what the cache holds.
    pub fn cached(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path().join("cache/layerlens/blobs")).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

/// Asserts exit 3, one sentence with all of `parts`, perhaps a hint, and nothing left behind.
#[track_caller]
pub fn assert_refused(outcome: &Outcome, parts: &[&str]) {
    outcome.assert_code(3);
    assert_eq!(outcome.stdout_text(), "", "{outcome}");
    let lines: Vec<&str> = outcome.stderr_text().lines().collect();
    assert!(lines[0].starts_with("layerlens: ") && !lines[0].ends_with('.'), "{outcome}");
    assert!(lines.len() == 1 || lines.len() == 2 && lines[1].starts_with("hint: "), "{outcome}");
    for part in parts {
        assert!(lines[0].contains(part), "{part:?} is missing: {outcome}");
    }
    assert!(outcome.left.is_empty() && !outcome.left_temporary, "something was left behind: {outcome}");
}
