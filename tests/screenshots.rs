//! The pictures in `screenshots/`: real screens of a sample image, and of one made for it, as SVG, byte for byte what the program draws.
//!
//! `cargo test --test screenshots -- --ignored update` draws them anew; where a Chromium is installed (or `CHROMIUM`
//! names one) it makes the PNGs as well.

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use layerlens::tui::app::Options;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use support::screen::{Screen, notes_at};
use unicode_width::UnicodeWidthStr;

/// What is on the screen.
#[derive(Clone, Copy)]
enum Image {
    /// `sample-images/seed.tar.gz`.
    Seed,
    /// A Python service as many are, with its Dockerfile.
    Notes,
}

/// Name, image, size, and the keys that lead to the screen. The first picture of the README has letters of 12 px there.
const PICTURES: [(&str, Image, (u16, u16), &str); 7] = [
    ("fixes", Image::Notes, (108, 42), "4 enter"),
    ("patch", Image::Notes, (108, 32), "4 p"),
    ("layers", Image::Seed, (80, 24), "j k"),
    ("waste", Image::Seed, (80, 24), "3"),
    ("merge", Image::Seed, (80, 24), "g j j space j j j j space"),
    ("content", Image::Seed, (80, 24), "v v v 2 g / \"passwd\" enter o"),
    ("wide", Image::Seed, (160, 45), "2"),
];

fn path(name: &str, extension: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots").join(format!("{name}.{extension}"))
}

fn picture(image: Image, size: (u16, u16), keys: &str) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-images/seed.tar.gz");
    let mut screen = match image {
        Image::Seed => Screen::with(Options { source, ..Options::default() }, size),
        Image::Notes => notes_at(size),
    };
    screen.press(keys);
    svg(screen.buffer())
}

#[test]
fn the_pictures_are_what_the_program_draws() {
    for (name, image, size, keys) in PICTURES {
        let found = fs::read_to_string(path(name, "svg")).unwrap_or_default();
        let is_same = found == picture(image, size, keys);
        assert!(is_same, "{name}.svg is stale: cargo test --test screenshots -- --ignored update");
    }
}

#[test]
#[ignore = "writes the pictures"]
fn update() {
    for (name, image, size, keys) in PICTURES {
        let drawn = picture(image, size, keys);
        let is_new = fs::read_to_string(path(name, "svg")).ok().as_ref() != Some(&drawn);
        fs::write(path(name, "svg"), drawn).expect("screenshots can be written");
        if is_new || !path(name, "png").exists() {
            make_png(name, size);
        }
    }
}

/// Cells in pixels, and the room around them.
const CELL: (f64, f64) = (8.4, 18.0);
const MARGIN: f64 = 12.0;

fn extent(size: (u16, u16)) -> (f64, f64) {
    (f64::from(size.0) * CELL.0 + 2.0 * MARGIN, f64::from(size.1) * CELL.1 + 2.0 * MARGIN)
}

#[expect(clippy::print_stderr, reason = "whoever updates the pictures wants to know")]
fn make_png(name: &str, size: (u16, u16)) {
    let (width, height) = extent(size);
    let browsers = std::env::var("CHROMIUM").ok();
    let known = ["chromium", "chromium-browser", "google-chrome", "chrome"].map(str::to_owned);
    let made = browsers.into_iter().chain(known).any(|browser| {
        let status = Command::new(browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=2"])
            .arg(format!("--window-size={},{}", width.ceil(), height.ceil()))
            .arg(format!("--screenshot={}", path(name, "png").display()))
            .arg(format!("file://{}", path(name, "svg").display()))
            .status();
        status.is_ok_and(|status| status.success())
    });
    if !made {
        eprintln!("no Chromium: {name}.png was not made");
    }
}

const BACKGROUND: &str = "#0d1117";
const FOREGROUND: &str = "#d0d7de";

/// Writes a screen as a picture: a rectangle for each reversed run, a text for each run of one style.
fn svg(buffer: &Buffer) -> String {
    let (width, height) = extent((buffer.area.width, buffer.area.height));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n\
         <g font-family=\"'DejaVu Sans Mono','JetBrains Mono',Menlo,Consolas,monospace\" font-size=\"14\">\n"
    );
    for row in 0..buffer.area.height {
        let mut column = 0;
        while column < buffer.area.width {
            let start = column;
            let first = &buffer[(start, row)];
            let mut text = String::new();
            while column < buffer.area.width && is_same_style(first, &buffer[(column, row)]) {
                let symbol = buffer[(column, row)].symbol();
                text.push_str(symbol);
                column += u16::try_from(symbol.width().max(1)).expect("a cell is at most two wide");
            }
            run(&mut out, (start, column, row), first, &text);
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn is_same_style(a: &Cell, b: &Cell) -> bool {
    a.fg == b.fg && a.modifier == b.modifier
}

fn run(out: &mut String, (start, end, row): (u16, u16, u16), cell: &Cell, text: &str) {
    let x = MARGIN + f64::from(start) * CELL.0;
    let y = MARGIN + f64::from(row) * CELL.1;
    let width = f64::from(end - start) * CELL.0;
    let is_reversed = cell.modifier.contains(Modifier::REVERSED);
    let color = color(cell.fg);
    if is_reversed {
        let height = CELL.1;
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{color}\"/>"
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let fill = if is_reversed { BACKGROUND } else { color };
    let weight = if cell.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let opacity = if cell.modifier.contains(Modifier::DIM) { " opacity=\"0.55\"" } else { "" };
    let line = if cell.modifier.contains(Modifier::UNDERLINED) { " text-decoration=\"underline\"" } else { "" };
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace(' ', "\u{a0}");
    let baseline = y + 13.5;
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{baseline:.1}\" textLength=\"{width:.1}\" fill=\"{fill}\"{weight}{opacity}{line}>{text}</text>"
    );
}

fn color(color: Color) -> &'static str {
    match color {
        Color::Red => "#ff7b72",
        Color::Green => "#3fb950",
        Color::Yellow => "#d29922",
        Color::Blue => "#58a6ff",
        Color::Magenta => "#bc8cff",
        Color::Cyan => "#39c5cf",
        _ => FOREGROUND,
    }
}
