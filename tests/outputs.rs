//! The files that the program writes: whole or not at all, where the user said, and over nothing else.

#![cfg(unix)]

mod common;

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::archive::{self, Image, Member, miniature, tar_of};
use common::run::{Outcome, layerlens};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A folder with an image in it.
struct Folder {
    folder: TempDir,
}

impl Folder {
    fn new() -> Self {
        Folder::with(&tar_of(&miniature(1000).docker_archive()))
    }

    fn with(image: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("image.tar"), image).expect("an image");
        Folder { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs with its image; `@NAME` in an argument stands for a path in the folder.
    fn run(&self, arguments: &[&str]) -> Outcome {
        let image = self.at("image.tar").into_os_string();
        let arguments = arguments.iter().map(|argument| self.expand(argument).into());
        layerlens([image].into_iter().chain(arguments)).within(Duration::from_secs(30)).outcome()
    }

    fn expand(&self, argument: &str) -> String {
        argument.replace('@', &format!("{}/", self.folder.path().display()))
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("the folder").flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

#[test]
fn the_image_is_never_written_over() {
    let folder = Folder::new();
    let image = fs::read(folder.at("image.tar")).expect("the image");
    fs::hard_link(folder.at("image.tar"), folder.at("hard")).expect("a link");
    symlink("image.tar", folder.at("soft")).expect("a link");
    for name in ["image.tar", "hard", "soft"] {
        for arguments in [
            vec!["--report".to_owned(), format!("json=@{name}")],
            vec!["--report".to_owned(), format!("html=@{name}"), "--ci".to_owned()],
            vec!["--write-baseline".to_owned(), format!("@{name}")],
            vec!["--merge".to_owned(), "1..2".to_owned(), "--write".to_owned(), format!("@{name}")],
            vec!["--apply".to_owned(), "fixes".to_owned(), "--write".to_owned(), format!("@{name}")],
        ] {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let outcome = folder.run(&arguments);
            outcome.assert_code(2);
            assert!(outcome.stderr_text().contains("the image are the same file"), "{outcome}");
            assert_eq!(fs::read(folder.at("image.tar")).expect("the image"), image, "{arguments:?}");
        }
    }
    assert_eq!(folder.names(), ["hard", "image.tar", "soft"]);
}

#[test]
fn an_image_from_stdin_is_not_written_over() {
    let folder = Folder::new();
    let image = fs::read(folder.at("image.tar")).expect("the image");
    let report = folder.expand("json=@image.tar");
    let outcome = layerlens(["-", "--report", &report]).stdin(&folder.at("image.tar")).outcome();
    outcome.assert_code(2);
    assert_eq!(fs::read(folder.at("image.tar")).expect("the image"), image);
}

#[test]
fn other_inputs_are_not_written_over() {
    let folder = Folder::new();
    let base = fs::read(folder.at("image.tar")).expect("the image");
    fs::write(folder.at("base.tar"), &base).expect("a base");
    fs::write(folder.at("Dockerfile"), "FROM scratch\n").expect("a Dockerfile");
    folder.run(&["--base", "@base.tar", "--report", "json=@base.tar"]).assert_code(2);
    folder.run(&["--dockerfile", "@Dockerfile", "--report", "dockerfile=@Dockerfile"]).assert_code(2);
    assert_eq!(fs::read(folder.at("base.tar")).expect("the base"), base);
    assert_eq!(fs::read(folder.at("Dockerfile")).expect("the Dockerfile"), b"FROM scratch\n");
}

#[test]
fn two_outputs_never_share_a_file() {
    let folder = Folder::new();
    symlink("one", folder.at("link")).expect("a link");
    for second in ["csv=@one", "csv=@./one", "csv=@link"] {
        let outcome = folder.run(&["--report", "json=@one", "--report", second]);
        outcome.assert_code(2);
        assert!(outcome.stderr_text().contains("--report csv and --report json are the same file"), "{outcome}");
    }
    folder.run(&["--report", "json=@one", "--write-baseline", "@one"]).assert_code(2);
    assert_eq!(folder.names(), ["image.tar", "link"], "nothing was written");
    folder.run(&["--report", "json=/dev/null", "--report", "csv=/dev/null"]).assert_code(0);
    folder.run(&["--report", "json=@one", "--report", "csv=@two"]).assert_code(0);
}

#[test]
fn a_report_does_not_replace_the_file_that_stdout_goes_to() {
    let folder = Folder::new();
    let run = |target: &str| {
        let out = File::create(folder.at("out.txt")).expect("a file for stdout");
        let mut command = Command::new(env!("CARGO_BIN_EXE_layerlens"));
        command.arg(folder.at("image.tar")).args(["--report", &folder.expand(target)]);
        command.stdin(Stdio::null()).stdout(out).stderr(Stdio::piped()).output().expect("it ends").status.code()
    };
    assert_eq!(run("json=@out.txt"), Some(2));
    assert_eq!(run("json=/dev/stdout"), Some(0));
    let text = fs::read_to_string(folder.at("out.txt")).expect("a report");
    serde_json::from_str::<serde_json::Value>(&text).expect("nothing but the report went to stdout");
}

#[test]
fn a_baseline_can_be_compared_with_and_replaced() {
    let folder = Folder::new();
    folder.run(&["--write-baseline", "@baseline"]).assert_code(0);
    let before = fs::read(folder.at("baseline")).expect("a baseline");
    let both = ["--ci", "--max-growth", "0B", "--baseline", "@baseline", "--write-baseline", "@baseline"];
    folder.run(&both).assert_code(0);
    assert_eq!(fs::read(folder.at("baseline")).expect("a baseline"), before);
}

#[test]
fn a_target_keeps_its_permissions() {
    let folder = Folder::new();
    let report = folder.at("report");
    fs::write(&report, "private").expect("a report");
    fs::set_permissions(&report, PermissionsExt::from_mode(0o600)).expect("its mode");
    folder.run(&["--report", "json=@report"]).assert_code(0);
    assert_eq!(fs::metadata(&report).expect("a report").mode() & 0o7777, 0o600);
    assert!(fs::read(&report).expect("a report").starts_with(b"{"));
}

#[test]
fn a_link_stays_a_link() {
    let folder = Folder::new();
    fs::create_dir(folder.at("reports")).expect("a folder");
    symlink("reports/today.json", folder.at("latest.json")).expect("a link");
    for _ in 0..2 {
        folder.run(&["--report", "json=@latest.json"]).assert_code(0);
        assert!(fs::symlink_metadata(folder.at("latest.json")).expect("the link").is_symlink());
        let report = folder.at("reports/today.json");
        assert!(fs::symlink_metadata(&report).expect("the report").is_file());
        assert!(fs::read(&report).expect("a report").starts_with(b"{"));
    }
    assert_eq!(folder.names(), ["image.tar", "latest.json", "reports"]);
}

#[test]
fn links_where_drafts_used_to_be_are_not_followed() {
    let folder = Folder::new();
    fs::write(folder.at("victim"), "mine").expect("a file");
    let mut command = Command::new("sh");
    // The shell's process becomes the program's: the name that drafts once had is known.
    let script = r#"ln -s victim "report.$$.tmp" && exec "$0" image.tar --report json=report"#;
    command.args(["-c", script, env!("CARGO_BIN_EXE_layerlens")]).current_dir(folder.folder.path());
    let output = command.stdin(Stdio::null()).output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read(folder.at("victim")).expect("a file"), b"mine");
    assert!(fs::read(folder.at("report")).expect("a report").starts_with(b"{"));
}

fn make_pipe(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a pipe");
}

#[test]
fn a_pipe_without_a_reader_is_given_up() {
    let folder = Folder::new();
    make_pipe(&folder.at("pipe"));
    let outcome = folder.run(&["--report", "json=@pipe"]);
    assert!(!outcome.timed_out, "{outcome}");
    assert!(outcome.code.is_some_and(|code| code > 2), "{outcome}");
    assert!(outcome.stderr_text().contains("no process reads from this pipe"), "{outcome}");
    assert_eq!(folder.names(), ["image.tar", "pipe"]);
}

#[test]
fn a_pipe_with_a_reader_gets_the_report() {
    let folder = Folder::new();
    make_pipe(&folder.at("pipe"));
    let pipe = folder.at("pipe");
    // The reader comes late.
    let reader = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        let mut text = Vec::new();
        File::open(pipe).and_then(|mut file| file.read_to_end(&mut text)).expect("readable");
        text
    });
    folder.run(&["--report", "json=@pipe"]).assert_code(0);
    let report: serde_json::Value = serde_json::from_slice(&reader.join().expect("the reader")).expect("JSON");
    assert_eq!(report["schema_version"], 1);
    folder.run(&["--report", "json=@pipe", "--report", "csv=@pipe"]).assert_code(2);
    assert_eq!(folder.names(), ["image.tar", "pipe"], "the pipe is still one");
}

#[test]
fn nothing_is_left_after_a_signal() {
    // Enough paths that writing them takes a while.
    let names: Vec<String> = (0..150_000).map(|number| format!("folder/file-{number}")).collect();
    let members: Vec<Member> = names.iter().map(|name| Member::File(name, 0o644, b"")).collect();
    let layers = vec![archive::layer(&members)];
    let folder = Folder::with(&tar_of(&Image::new("big:latest", &["/bin/sh -c x"], layers).docker_archive()));
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut child = stopped_while_writing(&folder);
        let pid = Pid::from_child(&child);
        kill_process(pid, signal).expect("it is there");
        kill_process(pid, Signal::CONT).expect("it is there");
        let status = child.wait().expect("it ends");
        assert_eq!(status.signal(), Some(signal.as_raw()), "{status}");
        assert_eq!(folder.names(), ["image.tar"], "after {signal:?}");
    }
}

/// Starts a long report and stops the process while there is a draft.
fn stopped_while_writing(folder: &Folder) -> Child {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        let mut command = Command::new(env!("CARGO_BIN_EXE_layerlens"));
        command.arg(folder.at("image.tar")).args(["--changes", "--report", &folder.expand("json=@report")]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts");
        let is_draft = |name: &String| name.starts_with(".layerlens-");
        // The check before the work starts makes a draft as well, an empty one.
        let has_draft = || {
            let size = |name: &String| fs::metadata(folder.at(name)).map_or(0, |found| found.len());
            // Near the end, the process could be done before its handler of signals wakes up.
            folder.names().iter().any(|name| is_draft(name) && (1..1 << 20).contains(&size(name)))
        };
        while child.try_wait().expect("the child").is_none() {
            if has_draft() {
                kill_process(Pid::from_child(&child), Signal::STOP).expect("it is there");
                if has_draft() {
                    return child;
                }
                kill_process(Pid::from_child(&child), Signal::CONT).expect("it is there");
            }
        }
        assert!(!folder.names().iter().any(is_draft), "it ended and left a draft");
        // It was too quick.
        let _ = fs::remove_file(folder.at("report"));
    }
    panic!("no draft was seen");
}
