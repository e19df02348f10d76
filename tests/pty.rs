//! The real program on a real terminal: start, keys, a new size, quit, signals, Ctrl-Z, a terminal that is closed. After each
//! the terminal must be as it was: no alternate screen, no mouse reporting, no bracketed paste.
#![cfg(unix)]

mod support;

use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use portable_pty::native_pty_system;
use support::image::{ImageSpec, Packing};
use support::layer::{Kind, LayerSpec, Member, Metadata};
use support::pty::{Pty, TIME_LIMIT, cells, command, parser, size};
use support::screen::{NOTES_DOCKERFILE, notes, shop};

#[test]
fn a_session() {
    let mut pty = Pty::layerlens();
    pty.wait("the alternate screen, the mouse and bracketed paste", |screen| {
        let has_mouse = screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None;
        screen.alternate_screen() && has_mouse && screen.bracketed_paste()
    });
    pty.press("j");
    pty.wait_for("layer 6 only");
    pty.press("k2/server\r");
    pty.wait_for("»server.js");
    pty.press("o");
    pty.wait_for("const http");
    pty.press("\x1b");
    pty.wait_for("»server.js");
    pty.press("f");
    pty.wait_for("expression");
    pty.press("json\r");
    pty.wait_for("filter json");
    pty.master.resize(size(120, 40)).expect("resized");
    pty.parser.lock().expect("no panic").screen_mut().set_size(cells(40), cells(120));
    pty.wait_for("5 Details");
    pty.wait_for("3 Waste");
    pty.press("q");
    assert_eq!(pty.end(), (0, None));
    pty.assert_given_back();
}

/// The Dockerfile of the folder is found, and the fixes are a patch of it.
#[test]
fn a_patch_of_the_dockerfile_in_the_folder() {
    let mut pty = Pty::beside_dockerfile(&notes(), NOTES_DOCKERFILE);
    pty.wait_for("waste 4.1 MB");
    pty.press("4p");
    pty.wait_for("Patch of all fixes");
    pty.press("G");
    pty.wait_for("-RUN chown -R app:app /app");
    pty.press("q");
    assert_eq!(pty.end(), (0, None));
    pty.assert_given_back();
}

#[test]
fn a_paste_is_text_and_no_keys() {
    let mut pty = Pty::layerlens();
    pty.press("f");
    pty.wait_for("expression");
    pty.paste(&format!("node_modules\rq{}", "x".repeat(10_000)));
    pty.wait_for("only the first line was taken");
    pty.press("\r");
    pty.wait_for("filter node_modules ·");
    pty.paste("qqq");
    pty.wait_for("press / or f before pasting");
    pty.press("q");
    assert_eq!(pty.end(), (0, None));
    pty.assert_given_back();
}

/// An image with paths that a hostile pattern takes long to look through.
fn with_long_names() -> ImageSpec {
    let name = |number: u32| -> String {
        let bit =
            |at: u32| number.wrapping_mul(2_654_435_761).rotate_left(at % 32).wrapping_add(at * at).is_multiple_of(3);
        (0..200).map(|at| if bit(at) { 'a' } else { 'b' }).collect()
    };
    let file = |number: u32| {
        Member::new(format!("{number}/{}", name(number)), Kind::File(Vec::new()), Metadata::with_mode(0o644))
    };
    let layers = vec![LayerSpec::of((0..80_000).map(file).collect())];
    ImageSpec { layers, tags: vec!["long:1".to_owned()], ..ImageSpec::default() }
}

/// Only the thread that looks is busy for seconds; a key and a signal are obeyed at once.
#[test]
fn keys_and_signals_are_obeyed_while_a_pattern_is_looked_for() {
    let mut pty = Pty::with_image(&with_long_names());
    pty.wait_for("no waste");
    pty.press("f");
    pty.wait_for("re:expression");
    pty.paste("re:(?:a|b){0,150}a(?:a|b){150}[^ab]");
    pty.press("\r");
    // A fast machine may be done before anybody could look.
    let is_at_it = |screen: &vt100::Screen| {
        ["searching for", "nothing here matches"].iter().any(|words| screen.contents().contains(words))
    };
    pty.wait("the search", is_at_it);
    pty.press("3");
    pty.wait_for("┏ 2 Files │ 3 Waste");
    let start = Instant::now();
    pty.kill("-TERM");
    assert_eq!(pty.end().1.as_deref(), Some("Terminated"));
    // The goal is 100 ms; a loaded machine takes longer to start a process that sends a signal.
    assert!(start.elapsed() < Duration::from_secs(2), "it took {:?}", start.elapsed());
    pty.assert_given_back();
}

/// Both come to the reader of the terminal at once: neither may be lost.
#[test]
fn a_key_that_comes_with_a_change_of_the_window_counts() {
    for round in 0..24 {
        let mut pty = Pty::layerlens();
        pty.master.resize(size(100, 30 + round % 3)).expect("resized");
        std::thread::sleep(Duration::from_micros(u64::from(round % 4) * 300));
        pty.press("q");
        assert_eq!(pty.end(), (0, None));
    }
}

#[test]
fn a_signal_ends_it_with_the_terminal_given_back() {
    for (signal, name) in [("-TERM", "Terminated"), ("-HUP", "Hangup")] {
        let mut pty = Pty::layerlens();
        pty.kill(signal);
        assert_eq!(pty.end().1.as_deref(), Some(name));
        pty.assert_given_back();
    }
}

/// Standard error is that terminal as well: what is written there on the way out must not end in a panic.
#[test]
fn a_closed_terminal_ends_it_quietly() {
    for round in 0..15 {
        let (code, signal) = after_closing_the_terminal(true);
        let is_quiet = signal.as_deref().map_or(code == 0, |signal| signal == "Hangup");
        assert!(is_quiet, "round {round}: it ended with code {code}, signal {signal:?}");
    }
}

#[test]
fn a_closed_terminal_ends_it_even_where_no_signal_comes() {
    assert_eq!(after_closing_the_terminal(false), (0, None));
}

/// Only the processes that a terminal controls get a signal when it is closed.
fn after_closing_the_terminal(is_controlling: bool) -> (u32, Option<String>) {
    let directory = tempfile::tempdir().expect("a directory");
    let image = shop().write(Packing::default(), directory.path(), "shop.tar");
    let pair = native_pty_system().openpty(size(80, 24)).expect("a terminal");
    let mut command = command(env!("CARGO_BIN_EXE_layerlens"), directory.path());
    command.arg(&image);
    command.set_controlling_tty(is_controlling);
    let mut child = pair.slave.spawn_command(command).expect("it starts");
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().expect("readable");
    let mut parser = parser();
    let mut bytes = [0; 4096];
    while !parser.screen().contents().contains("waste 150.7 kB") {
        let read = reader.read(&mut bytes).expect("it is drawn");
        assert!(read > 0, "it ended: {}", parser.screen().contents());
        parser.process(&bytes[..read]);
    }
    // Nobody holds the other end any more.
    drop((reader, pair.master));
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("waited for") {
            return (status.exit_code(), status.signal().map(str::to_owned));
        }
        if start.elapsed() > TIME_LIMIT {
            child.kill().expect("killed");
            panic!("it runs on without a terminal");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn ctrl_z_and_fg() {
    let mut pty = Pty::start("bash", &["--norc", "--noprofile", "--noediting", "-i"], &[]);
    pty.wait_for("shell$");
    pty.press(&format!("'{}' shop.tar; echo ended $?\r", env!("CARGO_BIN_EXE_layerlens")));
    pty.wait_for("waste 150.7 kB");
    pty.press("j");
    pty.wait_for("layer 6 only");
    pty.press("\x1a");
    pty.assert_given_back();
    pty.wait_for("Stopped");
    pty.press("fg\r");
    pty.wait("the screen again", |screen| screen.alternate_screen() && screen.contents().contains("layer 6 only"));
    pty.press("k");
    pty.wait_for("layer 5 only");
    pty.press("q");
    pty.assert_given_back();
    pty.press("exit\r");
}

#[test]
fn a_pipe_on_stdin_is_no_obstacle() {
    let mut pty = Pty::start("bash", &["--norc", "--noprofile", "--noediting", "-i"], &[]);
    pty.wait_for("shell$");
    pty.press(&format!("cat shop.tar | '{}' - && echo 'all'' well'\r", env!("CARGO_BIN_EXE_layerlens")));
    pty.wait_for("waste 150.7 kB");
    pty.press("2o");
    pty.press("/server\ro");
    pty.wait_for("came through a pipe");
    pty.press("\x1b");
    pty.wait_for("»server.js");
    pty.press("q");
    pty.wait_for("all well");
    pty.assert_given_back();
    pty.press("exit\r");
}

#[test]
fn failures_are_told_on_the_usual_screen() {
    let directory = tempfile::tempdir().expect("a directory");
    let missing: PathBuf = directory.path().join("nothing.tar");
    let pair = native_pty_system().openpty(size(80, 24)).expect("a terminal");
    let mut command = command(env!("CARGO_BIN_EXE_layerlens"), directory.path());
    command.arg(&missing);
    let mut child = pair.slave.spawn_command(command).expect("it starts");
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().expect("readable");
    let text = std::thread::spawn(move || {
        let mut parser = parser();
        let mut bytes = [0; 4096];
        while let Ok(read) = reader.read(&mut bytes) {
            if read == 0 {
                break;
            }
            parser.process(&bytes[..read]);
        }
        (parser.screen().contents(), parser.screen().alternate_screen())
    });
    assert_eq!(child.wait().expect("waited for").exit_code(), 3);
    drop(pair.master);
    let (text, alternate) = text.join().expect("no panic");
    assert!(!alternate && text.contains("layerlens: ") && text.contains("hint: "), "{text}");
}

#[test]
fn a_wrong_configuration_is_a_usage_error() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join("layerlens")).expect("made");
    let file = directory.path().join("layerlens/config.toml");
    std::fs::write(&file, "[ui.keys]\nqit = \"Q\"\n").expect("written");
    let config = directory.path().to_str().expect("text");
    let mut pty = Pty::start(env!("CARGO_BIN_EXE_layerlens"), &[], &[("XDG_CONFIG_HOME", config)]);
    assert_eq!(pty.end().0, 2);
    pty.wait_for("did you mean \"quit\"?");
}

/// Some pipelines have terminals, but nobody who presses keys: the screen stays closed there, and the summary plain.
#[test]
fn a_pipeline_gets_the_summary() {
    let mut pty = Pty::start(env!("CARGO_BIN_EXE_layerlens"), &[], &[("CI", "true")]);
    assert_eq!(pty.end(), (0, None));
    pty.wait_for("without waste");
    let parser = pty.parser.lock().expect("no panic");
    let (rows, columns) = (0..24, 0..80);
    let is_plain = |(row, column)| {
        parser.screen().cell(row, column).is_none_or(|cell| cell.fgcolor() == vt100::Color::Default && !cell.bold())
    };
    assert!(rows.flat_map(|row| columns.clone().map(move |column| (row, column))).all(is_plain));
}
