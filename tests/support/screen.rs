//! Journeys of keys through the real loop, on a terminal that is a buffer.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc::channel;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};
use layerlens::dockerfile::Dockerfile;
use layerlens::tui::app::{App, LoadedImage, Options};
use layerlens::tui::loader::{BackgroundJob, News};
use layerlens::tui::{Ending, Host, ScreenMessage, run_loop};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Modifier;

use super::image::{HistorySpec, ImageSpec, Packing};
use super::layer::{Kind, LayerSpec, Member, Metadata};

/// The outside of a test: work is done at once or when the test says so, the rest is written down.
#[derive(Default)]
pub struct Outside {
    pub news: Vec<News>,
    pub spawned: usize,
    pub holds_back: bool,
    pub held: Vec<BackgroundJob>,
    pub copied: Vec<String>,
    pub mouse: Vec<bool>,
    pub suspended: usize,
}

impl Host for Outside {
    fn suspend(&mut self) -> std::io::Result<Option<&'static str>> {
        self.suspended += 1;
        Ok(None)
    }

    fn mouse(&mut self, on: bool) {
        self.mouse.push(on);
    }

    fn copy(&mut self, text: &str) {
        self.copied.push(text.to_owned());
    }

    fn spawn(&mut self, job: BackgroundJob) {
        self.spawned += 1;
        if self.holds_back {
            self.held.push(job);
        } else {
            self.news.push(job.run());
        }
    }
}

impl Outside {
    /// Does the work that was held back.
    pub fn release(&mut self) {
        self.holds_back = false;
        self.news.extend(self.held.drain(..).map(BackgroundJob::run));
    }
}

/// A screen with an image on it.
pub struct Screen {
    pub app: App,
    pub terminal: Terminal<TestBackend>,
    pub outside: Outside,
}

impl Screen {
    /// A screen on which nothing is known yet.
    pub fn opening(options: Options, size: (u16, u16)) -> Self {
        let terminal = Terminal::new(TestBackend::new(size.0, size.1)).expect("a buffer");
        let mut screen = Screen { app: App::new(options, size), terminal, outside: Outside::default() };
        screen.take(Vec::new());
        screen
    }

    /// A screen with a complete image.
    pub fn of(image: &Path, size: (u16, u16)) -> Self {
        Self::with(Options { source: image.to_owned(), ..Options::default() }, size)
    }

    pub fn with(options: Options, size: (u16, u16)) -> Self {
        Self::with_dockerfile(options, None, size)
    }

    /// A screen with a complete image, and the Dockerfile that it may have been built from.
    pub fn with_dockerfile(options: Options, dockerfile: Option<Dockerfile>, size: (u16, u16)) -> Self {
        let mut open = layerlens::OpenOptions { dockerfile: dockerfile.map(Arc::new), ..Default::default() };
        open.load.access = options.access.clone();
        let analysis = layerlens::open(&options.source, &open).expect("an image");
        let mut screen = Self::opening(options, size);
        let news = News::Image(Box::new(Ok(LoadedImage::new(Arc::new(analysis)))));
        screen.take(vec![ScreenMessage::News(news)]);
        screen
    }

    /// Hands messages to the loop and lets it draw what comes of them; says how it ended, if it did.
    pub fn take(&mut self, messages: Vec<ScreenMessage>) -> Option<Ending> {
        for message in messages.into_iter().map(Some).chain([None]) {
            let mut together: Vec<ScreenMessage> = message.into_iter().collect();
            // What comes of a message comes before the next one.
            loop {
                let ending = self.take_together(together).or_else(|| self.take_together(Vec::new()));
                if ending.is_some() {
                    return ending;
                }
                if self.outside.news.is_empty() {
                    break;
                }
                together = self.outside.news.drain(..).map(ScreenMessage::News).collect();
            }
        }
        None
    }

    /// Hands over messages that come at once, after a frame; work that they make is started by the next call.
    pub fn take_together(&mut self, messages: Vec<ScreenMessage>) -> Option<Ending> {
        let (sender, receiver) = channel();
        for message in messages.into_iter().chain([ScreenMessage::Closed]) {
            sender.send(message).expect("the receiver is here");
        }
        let ending = run_loop(&mut self.terminal, &mut self.app, &receiver, &mut self.outside);
        match ending.expect("a buffer takes everything") {
            Ending::Closed => None,
            ending => Some(ending),
        }
    }

    /// Presses keys, written with spaces between them: `j j enter / "lib" enter`.
    pub fn press(&mut self, keys: &str) -> Option<Ending> {
        let mut messages = Vec::new();
        for key in keys.split(' ') {
            match key.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                Some(text) => messages.extend(text.chars().map(|c| event(KeyCode::Char(c), KeyModifiers::NONE))),
                None => messages.push(named(key)),
            }
        }
        self.take(messages)
    }

    pub fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) {
        let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
        self.take(vec![ScreenMessage::Input(Event::Mouse(event))]);
    }

    pub fn resize(&mut self, width: u16, height: u16) {
        self.terminal.backend_mut().resize(width, height);
        self.take(vec![ScreenMessage::Input(Event::Resize(width, height))]);
    }

    pub fn buffer(&self) -> &Buffer {
        self.terminal.backend().buffer()
    }

    /// The screen as text; `«` ends a row under the cursor's bar.
    pub fn text(&self) -> String {
        text(self.buffer())
    }

    /// The row that holds `words`.
    pub fn row(&self, words: &str) -> String {
        let text = self.text();
        text.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("no {words:?} in\n{text}")).to_owned()
    }
}

pub fn text(buffer: &Buffer) -> String {
    let area = buffer.area;
    let mut out = String::new();
    for row in 0..area.height {
        let cells: Vec<_> = (0..area.width).map(|column| &buffer[(column, row)]).collect();
        let line: String = cells.iter().map(|cell| cell.symbol()).collect();
        let is_reversed = row > 0 && cells.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED));
        out.push_str(line.trim_end());
        out.push_str(if is_reversed { " «\n" } else { "\n" });
    }
    out
}

/// Compares a whole screen with the one in `tests/screens`; `LAYERLENS_UPDATE=1` writes it anew.
pub fn assert_screen(screen: &Screen, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens").join(format!("{name}.txt"));
    let found = screen.text();
    if std::env::var_os("LAYERLENS_UPDATE").is_some() {
        std::fs::write(&path, &found).expect("the screens can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{name} is not what it was; LAYERLENS_UPDATE=1 accepts it\n{found}\nwas\n{expected}");
}

fn event(code: KeyCode, modifiers: KeyModifiers) -> ScreenMessage {
    ScreenMessage::Input(Event::Key(KeyEvent::new(code, modifiers)))
}

fn named(key: &str) -> ScreenMessage {
    let (modifiers, name) =
        key.strip_prefix("ctrl-").map_or((KeyModifiers::NONE, key), |name| (KeyModifiers::CONTROL, name));
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "space" => KeyCode::Char(' '),
        "back" => KeyCode::Backspace,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "pgdn" => KeyCode::PageDown,
        "pgup" => KeyCode::PageUp,
        single => KeyCode::Char(char::from_str(single).unwrap_or_else(|_| panic!("{key:?} is no key"))),
    };
    event(code, modifiers)
}

fn file(name: &str, size: usize, mode: u32, uid: u64) -> Member {
    // Contents differ from file to file, not from layer to layer.
    let seed = name.bytes().fold(7u8, u8::wrapping_add);
    let content = (0..size).map(|at| seed.wrapping_add(u8::try_from(at % 251).expect("below 251"))).collect();
    Member::new(
        name,
        Kind::File(content),
        Metadata { mode, uid, gid: uid, mtime: 1_700_000_000, ..Metadata::default() },
    )
}

fn directory(name: &str, uid: u64) -> Member {
    Member::new(name, Kind::Directory, Metadata { mode: 0o755, uid, gid: uid, ..Metadata::default() })
}

/// A web application's image as many are: a chown that copies everything, files removed a step too late.
pub fn shop() -> ImageSpec {
    let app = |uid| {
        vec![
            directory("app", uid),
            directory("app/node_modules", uid),
            directory("app/node_modules/esbuild", uid),
            file("app/node_modules/esbuild/main.js", 22_700, 0o644, uid),
            directory("app/node_modules/typescript", uid),
            file("app/node_modules/typescript/tsc.js", 58_400, 0o644, uid),
            file("app/package.json", 300, 0o644, uid),
            Member::new(
                "app/server.js",
                Kind::File(
                    b"const http = require('http');\n\nhttp.createServer((_, res) => res.end('hi')).listen(80);\n"
                        .to_vec(),
                ),
                Metadata { mode: 0o755, uid, gid: uid, mtime: 1_700_000_000, ..Metadata::default() },
            ),
        ]
    };
    let layers = vec![
        LayerSpec::of(vec![
            directory("bin", 0),
            file("bin/busybox", 74_800, 0o755, 0),
            Member::new("bin/sh", Kind::Symlink(b"busybox".to_vec()), Metadata::with_mode(0o777)),
            directory("etc", 0),
            file("etc/passwd", 900, 0o644, 0),
        ]),
        LayerSpec::of(vec![
            directory("var", 0),
            directory("var/lib", 0),
            directory("var/lib/apt", 0),
            file("var/lib/apt/Packages.lz4", 21_000, 0o644, 0),
            directory("usr", 0),
            file("usr/python3", 48_000, 0o755, 0),
        ]),
        LayerSpec::of(app(0)),
        LayerSpec::of(vec![directory("root", 0), file("root/.npm", 48_200, 0o600, 0)]),
        LayerSpec::of(app(1000)),
        LayerSpec::of(vec![Member::whiteout(b"var/lib/apt/Packages.lz4"), Member::whiteout(b"root/.npm")]),
    ];
    let step = HistorySpec::step;
    let history = vec![
        step("/bin/sh -c #(nop) ADD file:4b8fa1 in / "),
        HistorySpec::config_step("/bin/sh -c #(nop)  CMD [\"sh\"]"),
        step("RUN /bin/sh -c apt-get update && apt-get install -y python3 # buildkit"),
        step("COPY . /app # buildkit"),
        step("RUN /bin/sh -c npm ci # buildkit"),
        step("RUN /bin/sh -c chown -R node:node /app # buildkit"),
        step("RUN /bin/sh -c rm -rf /var/lib/apt/* /root/.npm # buildkit"),
        HistorySpec::config_step("CMD [\"node\" \"server.js\"]"),
    ];
    ImageSpec { layers, history, tags: vec!["shop-api:1.4".to_owned()] }
}

/// The Dockerfile of [`notes`].
pub const NOTES_DOCKERFILE: &str = "\
FROM debian:bookworm
WORKDIR /app
# everything beside this file
COPY . .
RUN apt-get update
RUN apt-get install -y python3 python3-venv build-essential
RUN python3 -m venv /app/venv
RUN /app/venv/bin/pip install -r requirements.txt
RUN useradd -m app
RUN chown -R app:app /app
USER app
CMD [\"/app/venv/bin/gunicorn\", \"app:app\"]
";

/// A Python service as people build them: all is copied, installed into a virtual environment, and given to a user at the
/// end, which stores it a second time.
pub fn notes() -> ImageSpec {
    let site = "app/venv/lib/python3.11/site-packages";
    let copied = |uid| {
        vec![
            directory("app", uid),
            directory("app/.git", uid),
            file("app/.git/pack", 61_300, 0o444, uid),
            file("app/app.py", 700, 0o644, uid),
            directory("app/models", uid),
            file("app/models/words.bin", 200_000, 0o644, uid),
            file("app/requirements.txt", 60, 0o644, uid),
        ]
    };
    let environment = |uid| {
        vec![
            directory("app/venv", uid),
            directory("app/venv/bin", uid),
            file("app/venv/bin/python3", 14_100, 0o755, uid),
            directory("app/venv/lib", uid),
            directory("app/venv/lib/python3.11", uid),
            directory(site, uid),
            file(&format!("{site}/pip.pyc"), 216_000, 0o644, uid),
        ]
    };
    let packages = |uid| {
        vec![
            file("app/venv/bin/gunicorn", 300, 0o755, uid),
            file(&format!("{site}/libopenblas.so"), 2_540_000, 0o755, uid),
            file(&format!("{site}/numpy.so"), 1_055_000, 0o755, uid),
        ]
    };
    let text = |name: &str, content: &str| {
        let metadata = Metadata { mode: 0o644, mtime: 1_700_000_000, ..Metadata::default() };
        Member::new(name, Kind::File(content.as_bytes().to_vec()), metadata)
    };
    let accounts = |passwd: &str, group: &str| {
        let (root, groups) = ("root:x:0:0:root:/root:/bin/bash\n", "root:x:0:\n");
        [text("etc/passwd", &format!("{root}{passwd}")), text("etc/group", &format!("{groups}{group}"))]
    };
    let first_accounts = accounts("", "");
    let layers = vec![
        LayerSpec::of(vec![
            directory("bin", 0),
            file("bin/bash", 1_733_000, 0o755, 0),
            file("bin/find", 224_000, 0o755, 0),
            Member::new("bin/sh", Kind::Symlink(b"bash".to_vec()), Metadata::with_mode(0o777)),
            directory("etc", 0),
            first_accounts[0].clone(),
            first_accounts[1].clone(),
        ]),
        LayerSpec::of(vec![directory("app", 0)]),
        LayerSpec::of(copied(0)),
        LayerSpec::of(vec![
            directory("var", 0),
            directory("var/lib", 0),
            directory("var/lib/apt", 0),
            directory("var/lib/apt/lists", 0),
            file("var/lib/apt/lists/Packages.lz4", 199_000, 0o644, 0),
        ]),
        LayerSpec::of(vec![
            directory("usr", 0),
            directory("usr/bin", 0),
            file("usr/bin/python3.11", 4_993_000, 0o755, 0),
        ]),
        LayerSpec::of(environment(0)),
        LayerSpec::of(packages(0)),
        LayerSpec::of(accounts("app:x:1000:1000::/home/app:/bin/sh\n", "app:x:1000:\n").to_vec()),
        LayerSpec::of(copied(1000).into_iter().chain(environment(1000)).chain(packages(1000)).collect()),
    ];
    let run = |command: &str| HistorySpec::step(&format!("RUN /bin/sh -c {command} # buildkit"));
    let history = vec![
        HistorySpec::step("/bin/sh -c #(nop) ADD file:4b8fa1 in / "),
        HistorySpec::config_step("/bin/sh -c #(nop)  CMD [\"bash\"]"),
        HistorySpec::step("WORKDIR /app"),
        HistorySpec::step("COPY . . # buildkit"),
        run("apt-get update"),
        run("apt-get install -y python3 python3-venv build-essential"),
        run("python3 -m venv /app/venv"),
        run("/app/venv/bin/pip install -r requirements.txt"),
        run("useradd -m app"),
        run("chown -R app:app /app"),
        HistorySpec::config_step("USER app"),
        HistorySpec::config_step("CMD [\"/app/venv/bin/gunicorn\" \"app:app\"]"),
    ];
    ImageSpec { layers, history, tags: vec!["notes:2.3".to_owned()] }
}

/// The screen of [`notes`], with its Dockerfile.
pub fn notes_at(size: (u16, u16)) -> Screen {
    let directory = tempfile::tempdir().expect("a directory");
    let path = notes().write(Packing::default(), directory.path(), "notes.tar");
    let dockerfile = Dockerfile::parse("Dockerfile", NOTES_DOCKERFILE);
    Screen::with_dockerfile(Options { source: path, ..Options::default() }, Some(dockerfile), size)
}
