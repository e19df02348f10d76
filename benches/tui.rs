//! The screen on an image of a million entries: from a key to the drawn frame.
//!
//! `LAYERLENS_BENCH_SCALE=50 cargo bench --bench tui` measures 1.09 million entries at 200x60, drawn through the real
//! backend into a writer that counts bytes. The limits are asserted at the end of the run: the 99th percentile of a move is
//! at most 4 ms, a layer switch 40, a sort 40, a filter keystroke 15; text pasted into a filter is seen within 50 ms, has
//! its result within 300, and the screen never goes without an answer for more than 100; the tree takes at most 50 bytes per
//! entry beyond the index.

#![allow(clippy::print_stdout, reason = "a command: its product is what it prints")]

#[allow(dead_code, reason = "each bench uses its own part of it")]
mod image;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use image::{Image, Order, Recipe, Scenario, Size, Variant};
use layerlens::OpenOptions;
use layerlens::tui::app::{App, LoadedImage as Shown, Options};
use layerlens::tui::loader::News;
use layerlens::tui::panes;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

const SIZE: (u16, u16) = (200, 60);

/// Throws away what a terminal would get.
struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(std::hint::black_box(bytes).len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Bench {
    app: App,
    terminal: Terminal<CrosstermBackend<Nowhere>>,
    failures: Vec<String>,
}

fn key(c: char) -> KeyEvent {
    KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)
}

impl Bench {
    /// Presses a key; returns how long it took until the frame was flushed, with what it made behind the screen.
    fn press(&mut self, key: KeyEvent) -> Duration {
        let start = Instant::now();
        self.app.input(Event::Key(key));
        self.draw();
        self.finish_work();
        start.elapsed()
    }

    fn draw(&mut self) {
        self.app.prepare();
        self.terminal.draw(|frame| panes::draw(frame, &self.app)).expect("nowhere takes everything");
    }

    /// Does what goes on behind the screen, and draws what came of it; returns the longest time without an answer.
    fn finish_work(&mut self) -> Duration {
        let mut longest = Duration::ZERO;
        while let Some(job) = self.app.job() {
            let news = job.run();
            let start = Instant::now();
            self.app.news(news);
            self.draw();
            longest = longest.max(start.elapsed());
        }
        longest
    }

    /// Pastes text into a filter: how long until it is seen, until it has its result, and until a key would be obeyed.
    fn paste(&mut self, what: &str, text: &str) {
        self.press(key('f'));
        let start = Instant::now();
        self.app.input(Event::Paste(text.to_owned()));
        self.draw();
        let echo = start.elapsed();
        let busy = self.finish_work();
        let result = start.elapsed();
        let enter = Instant::now();
        self.app.input(Event::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)));
        self.draw();
        let busy = busy.max(enter.elapsed()).max(self.finish_work());
        println!("{what:44} echo {echo:>10.2?}  result {result:>10.2?}  longest without an answer {busy:>10.2?}");
        for (name, time, limit_ms) in [("echo", echo, 50), ("result", result, 300), ("answer", busy, 100)] {
            if time > Duration::from_millis(limit_ms) {
                self.failures.push(format!("{what}: {name}: {time:.2?} is more than {limit_ms} ms"));
            }
        }
        self.press(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
    }

    fn measure(&mut self, what: &str, limit_ms: u64, keys: impl Iterator<Item = KeyEvent>) {
        let mut times: Vec<Duration> = keys.map(|key| self.press(key)).collect();
        times.sort();
        let (median, p99) = (times[times.len() / 2], times[(times.len() * 99 / 100).min(times.len() - 1)]);
        println!("{what:44} median {median:>10.2?}  p99 {p99:>10.2?}  limit {limit_ms} ms  ({} keys)", times.len());
        if p99 > Duration::from_millis(limit_ms) {
            self.failures.push(format!("{what}: {p99:.2?} is more than {limit_ms} ms"));
        }
    }
}

fn image_file(scale: u64) -> PathBuf {
    let recipe = Recipe {
        scenario: Scenario::Tiny,
        size: Size { files: 20_000 * scale, bytes: 0 },
        order: Order::Walk,
        seed: 1,
        name: "tui".to_owned(),
    };
    let image = Image::new(&recipe);
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("images");
    let file = directory.join(format!("tui-{scale}.tar"));
    if !file.exists() {
        let made = image.write(Variant::Plain, &directory).expect("the image can be written");
        std::fs::rename(made, &file).expect("the same directory");
    }
    file
}

fn main() {
    // `cargo test --benches` only wants to know that it runs.
    let is_test = !std::env::args().any(|argument| argument == "--bench");
    let scale = std::env::var("LAYERLENS_BENCH_SCALE").ok().and_then(|scale| scale.parse().ok());
    let scale = scale.unwrap_or(if is_test { 1 } else { 50 });
    let file = std::env::var_os("LAYERLENS_BENCH_IMAGE").map_or_else(|| image_file(scale), PathBuf::from);
    let mut bench = open(&file);
    moves(&mut bench);
    whole_image(&mut bench);
    memory(&mut bench);
    let directory = tempfile::tempdir().expect("a directory");
    let mut flat = open(&flat_directory(directory.path(), if is_test { 2_000 } else { 100_000 }));
    moves(&mut flat);
    whole_image(&mut flat);
    let failures = [bench.failures, flat.failures].concat();
    for failure in &failures {
        println!("MISSED  {failure}");
    }
    assert!(failures.is_empty() || is_test, "a goal was missed");
}

/// An image with one directory of so many files; a second layer stores every tenth again.
fn flat_directory(directory: &Path, count: usize) -> PathBuf {
    let layer = |step: usize| {
        let mut layer = tar::Builder::new(Vec::new());
        for number in (0..count).step_by(step) {
            let mut header = tar::Header::new_ustar();
            header.set_size(8);
            header.set_mode(0o644);
            let content = (number * step).to_le_bytes();
            layer.append_data(&mut header, format!("flat/file-{number:06}"), &content[..]).expect("memory");
        }
        layer.into_inner().expect("memory")
    };
    let config = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let manifest = br#"[{"Config":"config.json","RepoTags":["flat:1"],"Layers":["1.tar","2.tar"]}]"#;
    let (lower, upper) = (layer(1), layer(10));
    let members =
        [("1.tar", &lower[..]), ("2.tar", &upper), ("config.json", &config[..]), ("manifest.json", &manifest[..])];
    let path = directory.join("flat.tar");
    let mut archive = tar::Builder::new(std::fs::File::create(&path).expect("a file"));
    for (name, bytes) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes).expect("written");
    }
    archive.finish().expect("written");
    path
}

fn open(file: &Path) -> Bench {
    let analysis = layerlens::open(file, &OpenOptions::default()).expect("the image can be read");
    println!("{} entries in {} paths", analysis.totals.entry_count, analysis.index.tree.len());
    let options = Options { source: file.to_owned(), ..Options::default() };
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let viewport = TerminalOptions { viewport: Viewport::Fixed(area) };
    let terminal = Terminal::with_options(CrosstermBackend::new(Nowhere), viewport).expect("nowhere takes everything");
    let mut bench = Bench { app: App::new(options, SIZE), terminal, failures: Vec::new() };
    bench.measure("first frame, nothing known", 50, std::iter::once(key('u')));
    let start = Instant::now();
    let shown = Shown::new(Arc::new(analysis));
    println!("{:44} {:>10.2?}", "tree and waste table, behind the screen", start.elapsed());
    bench.app.news(News::Image(Box::new(Ok(shown))));
    bench.press(key('u'));
    bench
}

/// Moves and folds: at the top, in the middle and at the end of the fully open tree.
fn moves(bench: &mut Bench) {
    bench.press(key('2'));
    bench.press(key('v'));
    bench.measure("open the whole tree", 80, std::iter::once(key('=')));
    bench.measure("top: move", 4, std::iter::repeat_n(key('j'), 200));
    let page = KeyEvent::new(KeyCode::PageDown, KeyModifiers::NONE);
    bench.measure("middle: pages", 4, std::iter::repeat_n(page, 200));
    bench.measure("middle: move", 4, std::iter::repeat_n(key('j'), 200));
    bench.measure("middle: close and open", 4, "hlhl".chars().cycle().take(200).map(key));
    bench.press(key('G'));
    bench.measure("end: move", 4, std::iter::repeat_n(key('k'), 200));
    bench.measure("end: close and open", 4, "hlhl".chars().cycle().take(200).map(key));
    bench.measure("ends of the tree", 4, "gGgG".chars().cycle().take(100).map(key));
}

/// What looks at every path.
fn whole_image(bench: &mut Bench) {
    bench.measure("sort, all open", 40, std::iter::repeat_n(key('s'), 20));
    bench.measure("collapse all", 40, std::iter::once(key('-')));
    bench.measure("layer switch, up to it", 40, "[[]]".chars().cycle().take(40).map(key));
    bench.press(key('v'));
    bench.press(key('v'));
    bench.measure("layer switch, this layer", 40, "[[]]".chars().cycle().take(40).map(key));
    bench.press(key('f'));
    bench.measure("filter keystroke", 15, "lib".chars().map(key));
    bench.press(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
    bench.press(key('/'));
    bench.measure("find keystroke", 40, "zz".chars().map(key));
    bench.press(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
    bench.paste("paste of 10 kB, a name", &"node_modules".repeat(840));
    bench.paste("paste of 10 kB, a path", &"node_modules/".repeat(770));
    bench.paste("paste of 10 kB, a glob", &"node_*modules/".repeat(715));
    bench.paste("paste of a short name", "a");
}

fn memory(bench: &mut Bench) {
    let Some(image) = &bench.app.image else { return };
    let entries = usize::try_from(image.analysis.totals.entry_count).unwrap_or(1).max(1);
    let per_entry = (image.files.heap_bytes() + image.places.heap_bytes()) / entries;
    println!("{:44} {per_entry} bytes per entry", "memory of tree and places beyond the index");
    if per_entry >= 50 {
        bench.failures.push(format!("{per_entry} bytes per entry are not under 50"));
    }
}
