//! Where the scripts run: a folder that is made anew for each run, and what is left in it afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::{Body, Piece, Runner};

/// A shell to run them in.
pub(super) struct Shell {
    pub name: &'static str,
    /// `…/sh`, a link to it: as `/bin/sh` of an image would be.
    pub sh: PathBuf,
    pub is_bash: bool,
}

impl Shell {
    /// Returns the shells of this machine, each under the name `sh`, and `bash` under its own.
    pub(super) fn all(bin: &Path) -> Vec<Shell> {
        let programs = ["dash", "bash", "busybox"];
        let found = programs.into_iter().filter_map(|name| {
            let program =
                ["/bin", "/usr/bin"].iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists())?;
            let folder = bin.join(name);
            fs::create_dir_all(&folder).ok()?;
            symlink(&program, folder.join("sh")).ok()?;
            Some(Shell { name, sh: folder.join("sh"), is_bash: false })
        });
        let mut shells: Vec<Shell> = found.collect();
        shells.push(Shell { name: "bash as SHELL", sh: PathBuf::from("/bin/bash"), is_bash: true });
        shells
    }
}

/// What a run did.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    status: Option<i32>,
    stdout: String,
    /// Path, mode and content of what is there afterwards.
    files: BTreeMap<String, (u32, Option<String>)>,
}

pub(super) struct World {
    folder: tempfile::TempDir,
}

impl World {
    pub(super) fn new(name: &str) -> Self {
        World { folder: tempfile::Builder::new().prefix(name).tempdir().expect("a folder") }
    }

    pub(super) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn fresh(&self) {
        let root = self.root();
        if root.exists() {
            let _ = fs::set_permissions(&root, fs::Permissions::from_mode(0o755));
            fs::remove_dir_all(&root).expect("a folder of ours");
        }
        fs::create_dir_all(root.join("work")).expect("a folder");
    }

    /// Runs each piece in a shell of its own, until one fails.
    pub(super) fn run_apart(&self, pieces: &[Piece], runner: &Runner) -> Outcome {
        self.fresh();
        let (mut stdout, mut status) = (String::new(), Some(0));
        for piece in pieces {
            let mut command = match &piece.body {
                Body::Script(script) => shell(runner, script.text()),
                Body::Words(words) => {
                    let mut command = Command::new(&words[0]);
                    command.args(&words[1..]);
                    command
                }
            };
            let directory = piece.directory.as_ref().map_or_else(|| self.root(), PathBuf::from);
            let output = Self::output(command.envs(piece.variables.clone()), &directory);
            stdout.push_str(&output.0);
            status = output.1;
            if status != Some(0) {
                break;
            }
        }
        Outcome { status, stdout, files: self.files() }
    }

    /// Runs what a RUN of a Dockerfile holds, as a builder does.
    pub(super) fn run_joined(&self, lines: &str, runner: &Runner) -> Outcome {
        self.fresh();
        let text = as_builder(lines);
        let (stdout, status) = Self::output(&mut shell(runner, &text), &self.root());
        Outcome { status, stdout, files: self.files() }
    }

    fn output(command: &mut Command, directory: &Path) -> (String, Option<i32>) {
        command.env_remove("BASH_ENV").env("PATH", "/usr/bin:/bin").current_dir(directory);
        let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
        match output {
            Ok(output) => (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code()),
            // What a container engine answers where there is no such program.
            Err(_) => (String::new(), Some(127)),
        }
    }

    fn files(&self) -> BTreeMap<String, (u32, Option<String>)> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.root()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                let Ok(metadata) = entry.metadata() else { continue };
                let content = metadata.is_file().then(|| fs::read_to_string(&path).unwrap_or_default());
                let name = path.strip_prefix(self.root()).unwrap_or(&path).to_string_lossy().into_owned();
                files.insert(name, (metadata.permissions().mode(), content));
                if metadata.is_dir() {
                    folders.push(path);
                }
            }
        }
        files
    }
}

fn shell(runner: &Runner, text: &str) -> Command {
    let mut command = Command::new(&runner.words[0]);
    command.args(&runner.words[1..]).arg(text);
    command
}

/// Reads a RUN as a builder does: a here-document as it stands, else continued lines put together, comments left out.
fn as_builder(lines: &str) -> String {
    let text = lines.strip_prefix("RUN ").expect("a RUN");
    if let Some((first, body)) = text.split_once('\n').filter(|(first, _)| first.starts_with("<<")) {
        let end = format!("\n{}", first.trim_start_matches("<<"));
        return body.strip_suffix(&end).expect("the end of the here-document").to_owned();
    }
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.map(|line| line.strip_suffix('\\').unwrap_or(line)).collect()
}

pub(super) fn show(piece: &Piece) -> String {
    let around = format!("{:?} {:?} {:?}", piece.directory, piece.variables, piece.source);
    match &piece.body {
        Body::Script(script) => format!("piece {around}: {}", script.text()),
        Body::Words(words) => format!("piece {around}: {words:?}"),
    }
}
