//! A real program on a real terminal, and what is on its screen.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::image::{ImageSpec, Packing};
use super::screen::shop;

pub const TIME_LIMIT: Duration = Duration::from_secs(30);

/// A program on a terminal of a person: nothing that tests or a CI set is there.
pub fn command(program: &str, home: &std::path::Path) -> CommandBuilder {
    let mut command = CommandBuilder::new(program);
    command.env("TERM", "xterm-256color");
    command.env("XDG_CONFIG_HOME", home);
    command.env_remove("NO_COLOR");
    // The program takes whatever is named like its settings for one.
    command.env_remove("LAYERLENS_UPDATE");
    command.env_remove("CI");
    command.env_remove("RUST_BACKTRACE");
    command
}

pub struct Pty {
    pub master: Box<dyn MasterPty + Send>,
    pub child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    pub parser: Arc<Mutex<vt100::Parser>>,
    _directory: tempfile::TempDir,
}

pub fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

pub fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("not 0")
}

pub fn parser() -> vt100::Parser {
    vt100::Parser::new(cells(24), cells(80), 0)
}

impl Pty {
    /// Runs `program` (the binary, or a shell) with the path of an image as its last argument.
    pub fn start(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_on(&shop(), program, arguments, environment)
    }

    fn start_on(image: &ImageSpec, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_in(image, program, arguments, environment, None)
    }

    fn start_in(
        image: &ImageSpec,
        program: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
        dockerfile: Option<&str>,
    ) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let image = image.write(Packing::default(), directory.path(), "shop.tar");
        if let Some(text) = dockerfile {
            std::fs::write(directory.path().join("Dockerfile"), text).expect("a writable folder");
        }
        let pair = native_pty_system().openpty(size(80, 24)).expect("a terminal");
        let mut command = command(program, directory.path());
        command.args(arguments);
        if program != "bash" {
            command.arg(&image);
        }
        command.cwd(directory.path());
        command.env("PS1", "shell$ ");
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("it starts");
        drop(pair.slave);
        let parser = Arc::new(Mutex::new(parser()));
        let mut reader = pair.master.try_clone_reader().expect("readable");
        let sink = Arc::clone(&parser);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read) = reader.read(&mut bytes) {
                if read == 0 {
                    return;
                }
                sink.lock().expect("no panic").process(&bytes[..read]);
            }
        });
        let writer = pair.master.take_writer().expect("writable");
        Pty { master: pair.master, child, writer, parser, _directory: directory }
    }

    /// Shows an image in a folder that has this Dockerfile.
    pub fn beside_dockerfile(image: &ImageSpec, dockerfile: &str) -> Self {
        let binary = env!("CARGO_BIN_EXE_layerlens");
        Self::start_in(image, binary, &[], &[], Some(dockerfile))
    }

    pub fn with_image(image: &ImageSpec) -> Self {
        Self::start_on(image, env!("CARGO_BIN_EXE_layerlens"), &[], &[])
    }

    pub fn layerlens() -> Self {
        let pty = Self::start(env!("CARGO_BIN_EXE_layerlens"), &[], &[]);
        pty.wait_for("waste 150.7 kB");
        pty
    }

    pub fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).expect("the terminal is there");
        self.writer.flush().expect("the terminal is there");
    }

    /// Pastes as terminals do: in one piece where the program asks for that, else as keys.
    pub fn paste(&mut self, text: &str) {
        let is_bracketed = self.parser.lock().expect("no panic").screen().bracketed_paste();
        let text = if is_bracketed { format!("\x1b[200~{text}\x1b[201~") } else { text.to_owned() };
        self.press(&text);
    }

    pub fn contents(&self) -> String {
        self.parser.lock().expect("no panic").screen().contents()
    }

    pub fn wait(&self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let start = Instant::now();
        while !holds(self.parser.lock().expect("no panic").screen()) {
            assert!(start.elapsed() < TIME_LIMIT, "waited in vain for {what}:\n{}", self.contents());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn wait_for(&self, words: &str) {
        self.wait(words, |screen| screen.contents().contains(words));
    }

    pub fn kill(&self, signal: &str) {
        let id = self.child.process_id().expect("it runs").to_string();
        let status = std::process::Command::new("kill").args([signal, &id]).status().expect("kill");
        assert!(status.success());
    }

    /// Waits for the end; returns the exit code and the signal's name.
    pub fn end(&mut self) -> (u32, Option<String>) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("waited for") {
                return (status.exit_code(), status.signal().map(str::to_owned));
            }
            assert!(start.elapsed() < TIME_LIMIT, "it does not end:\n{}", self.contents());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn assert_given_back(&self) {
        self.wait("the usual screen", |screen| !screen.alternate_screen());
        self.wait("no mouse", |screen| screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None);
        self.wait("no bracketed paste", |screen| !screen.bracketed_paste());
        self.wait("a cursor", |screen| !screen.hide_cursor());
    }
}
