//! The binary, run in a fresh directory and watched: time, memory, what it prints and what it leaves behind.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// One run of the binary to be made.
pub struct Run {
    arguments: Vec<OsString>,
    environment: Vec<(String, String)>,
    stdin: Option<PathBuf>,
    files: Vec<(String, Vec<u8>)>,
    limit: Duration,
    memory: Option<u64>,
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// None when a signal ended it, also ours when it ran out of time.
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub took: Duration,
    pub timed_out: bool,
    /// The peak resident memory as seen while it ran; 0 where the system does not tell.
    pub peak_bytes: u64,
    /// The names left in its working directory, sorted.
    pub left: Vec<String>,
    /// What each of them holds.
    pub contents: Vec<Vec<u8>>,
    /// Whether it left anything in its directory for temporary files.
    pub left_temporary: bool,
}

/// Returns a run of `layerlens` with these arguments, to end within a minute.
pub fn layerlens<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Run {
    Run {
        arguments: arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect(),
        environment: Vec::new(),
        stdin: None,
        files: Vec::new(),
        limit: Duration::from_secs(60),
        memory: None,
    }
}

impl Run {
    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Feeds it a file.
    pub fn stdin(mut self, path: &Path) -> Self {
        self.stdin = Some(path.to_owned());
        self
    }

    /// Puts a file into its working directory; folders above it are made.
    pub fn file(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.push((name.to_owned(), content.as_ref().to_vec()));
        self
    }

    /// Gives it this long; then it is killed.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Lets it have this much memory of its own; beyond that the system refuses it, and it aborts.
    pub fn limited_to(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Runs it to its end.
    pub fn outcome(&self) -> Outcome {
        let [work, output, temporary] = [(); 3].map(|()| tempfile::tempdir().expect("a temporary directory"));
        let [out, err] = ["stdout", "stderr"].map(|name| output.path().join(name));
        let mut command = self.command(work.path(), temporary.path());
        command.stdout(File::create(&out).expect("a file for stdout"));
        command.stderr(File::create(&err).expect("a file for stderr"));
        let started = Instant::now();
        let mut child = command.spawn().expect("the binary starts");
        let (status, peak_bytes, timed_out) = watch(&mut child, started + self.limit);
        let took = started.elapsed();
        let left = names_in(work.path());
        Outcome {
            code: status.code(),
            stdout: std::fs::read(out).expect("its stdout"),
            stderr: std::fs::read(err).expect("its stderr"),
            took,
            timed_out,
            peak_bytes,
            contents: left.iter().map(|name| std::fs::read(work.path().join(name)).unwrap_or_default()).collect(),
            left,
            left_temporary: !names_in(temporary.path()).is_empty(),
        }
    }

    /// Runs it with a stdout that nobody reads any more.
    pub fn outcome_with_closed_stdout(&self) -> (Option<i32>, Vec<u8>) {
        let [work, temporary] = [(); 2].map(|()| tempfile::tempdir().expect("a temporary directory"));
        let mut command = self.command(work.path(), temporary.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        (output.status.code(), output.stderr)
    }

    fn command(&self, work: &Path, temporary: &Path) -> Command {
        for (name, content) in &self.files {
            let path = work.join(name);
            std::fs::create_dir_all(path.parent().expect("below the directory")).expect("a folder for the file");
            std::fs::write(path, content).expect("a file to find");
        }
        let mut command = match self.memory {
            Some(bytes) => limited(bytes),
            None => Command::new(env!("CARGO_BIN_EXE_layerlens")),
        };
        command.args(&self.arguments).current_dir(work).env("TMPDIR", temporary);
        // What a developer has set must not change what the tests see.
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "TERM", "COLUMNS"] {
            command.env_remove(name);
        }
        for (name, _) in std::env::vars_os() {
            if ["LAYERLENS_", "GITHUB_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(match &self.stdin {
            Some(path) => Stdio::from(File::open(path).expect("what it is fed")),
            None => Stdio::null(),
        });
        command
    }
}

/// The binary under a limit of its data, of which stacks and what it allocates are part, and files that it maps are not.
fn limited(bytes: u64) -> Command {
    let mut command = Command::new("sh");
    let script = format!("ulimit -d {} && exec \"$@\"", bytes / 1024);
    command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_layerlens")]);
    command
}

impl Outcome {
    /// Returns its stdout as text, which it always must be.
    pub fn stdout_text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("stdout is UTF-8")
    }

    /// Returns its stderr as text, which it always must be.
    pub fn stderr_text(&self) -> &str {
        std::str::from_utf8(&self.stderr).expect("stderr is UTF-8")
    }

    /// Returns its stdout as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// Asserts the exit code, and shows the run if it is another.
    #[track_caller]
    pub fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned();
        write!(
            formatter,
            "exit {:?} after {:?}\nstdout: {}\nstderr: {}",
            self.code,
            self.took,
            text(&self.stdout),
            text(&self.stderr)
        )
    }
}

/// Waits until the child ends or its time is over; returns its status, its peak memory, and whether it was killed.
fn watch(child: &mut Child, deadline: Instant) -> (ExitStatus, u64, bool) {
    let mut peak = 0;
    loop {
        peak = peak.max(peak_memory(child.id()));
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            return (status, peak, false);
        }
        if Instant::now() > deadline {
            child.kill().expect("the child can be killed");
            return (child.wait().expect("the child ends"), peak, true);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The kernel's own high-water mark, so that a peak between two looks is not missed while the process lives.
fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix("kB")).and_then(|number| number.trim().parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("the directory is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
