//! The screen, by journeys of keys through the real loop on a buffer: whole screens at four sizes, and what each key does.
//!
//! `LAYERLENS_UPDATE=1 cargo test --test tui` writes the screens in `tests/screens` anew: read the difference.

mod support;
#[path = "tui/typing.rs"]
mod typing;

use std::fs;
use std::path::{Path, PathBuf};

use crossterm::event::{MouseButton, MouseEventKind};
use layerlens::tui::app::Options;
use layerlens::tui::keys::KeyMap;
use layerlens::tui::layout::Pane;
use layerlens::tui::loader::News;
use layerlens::tui::theme::Theme;
use layerlens::tui::{Ending, ScreenMessage};
use ratatui::style::{Color, Modifier};
use support::image::{HistorySpec, ImageSpec, LayerStream, Packing, Wrapper};
use support::layer::{Kind, LayerSpec, Member, Metadata};
use support::screen::{Screen, assert_screen, shop};

fn written(spec: &ImageSpec, packing: Packing) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = spec.write(packing, directory.path(), "shop.tar");
    (directory, path)
}

fn shop_at(width: u16, height: u16) -> Screen {
    let (_directory, path) = written(&shop(), Packing::default());
    Screen::of(&path, (width, height))
}

#[test]
fn whole_screens_at_every_size() {
    for (width, height) in [(80, 24), (160, 45), (60, 15), (30, 8)] {
        let mut screen = shop_at(width, height);
        assert_screen(&screen, &format!("start-{width}x{height}"));
        for (pane, name) in [("2", "files"), ("3", "waste"), ("4", "fixes"), ("5", "details")] {
            screen.press(pane);
            assert_screen(&screen, &format!("{name}-{width}x{height}"));
        }
        screen.press("1 ?");
        assert_screen(&screen, &format!("help-{width}x{height}"));
    }
}

#[test]
fn the_first_screen_names_the_worst_layer_its_files_and_why() {
    let screen = shop_at(80, 24);
    assert!(screen.row("chown").contains('▶'), "the cursor is on the step that hid most:\n{}", screen.text());
    assert!(screen.row("▾ app/").contains('C'), "its changes are open");
    assert!(screen.row("waste").contains("150.7 kB"), "{}", screen.text());
}

#[test]
fn layers_are_walked_and_files_follow() {
    let mut screen = shop_at(80, 24);
    screen.press("j");
    assert!(screen.row("rm -rf").contains('▶'));
    assert!(screen.row("   .npm").starts_with("│D"), "{}", screen.text());
    screen.press("G");
    assert!(screen.row("CMD [\"node\"").contains('▶'), "a step without a layer can be looked at");
    screen.press("g enter");
    assert_eq!(screen.app.focus, Pane::Files);
    assert!(screen.row("busybox").contains('A'));
    screen.press("]");
    assert!(screen.text().contains("layer 2 only"));
    screen.press("[ v");
    assert!(screen.text().contains("up to layer 1"));
    screen.press("v");
    assert!(screen.text().contains("final image"));
    screen.press("/ \"npm\" enter");
    let row = screen.row("».npm");
    assert!(row.starts_with("┃D") && row.contains("48.2 kB"), "what is gone stays in sight with what it cost: {row}");
}

#[test]
fn directories_open_and_close() {
    let mut screen = shop_at(80, 24);
    screen.press("2 -");
    assert!(screen.row("app/").contains('▸'));
    screen.press("l l l");
    assert!(screen.row("node_modules/").contains('▾'), "{}", screen.text());
    screen.press("h h");
    assert!(screen.row("app/").contains('«'), "left goes to what holds it: {}", screen.text());
    screen.press("=");
    assert!(screen.text().contains("tsc.js"));
    screen.press("g E");
    assert!(!screen.text().contains("tsc.js"));
    screen.press("e");
    assert!(screen.text().contains("tsc.js"));
}

#[test]
fn find_filter_and_their_errors() {
    let mut screen = shop_at(80, 24);
    screen.press("/ \"tsc\"");
    assert!(screen.row("»tsc.js").contains('«'), "found as it is typed:\n{}", screen.text());
    screen.press("enter n");
    assert!(screen.row("»tsc.js").contains('«'), "the only match is found again");
    screen.press("esc / \"js\" enter");
    let first = screen.row("«");
    screen.press("n");
    let second = screen.row("«");
    assert!(first != second && second.contains('»'), "{first}\n{second}");
    screen.press("N");
    assert_eq!(screen.row("«"), first, "N goes back");
    screen.press("N n");
    assert_eq!(screen.row("«"), first, "around the end and back");
    screen.press("esc / \"zebra\"");
    assert!(screen.row("find /zebra").contains("not found"));
    screen.press("esc f \"re:(\"");
    assert!(screen.row("filter re:(").contains("unclosed"), "{}", screen.text());
    screen.press("ctrl-u \"*.json\"");
    assert!(screen.text().contains("package.json") && !screen.text().contains("tsc.js"), "{}", screen.text());
    screen.press("enter ]");
    assert!(screen.text().contains("filter *.json"), "it survives a change of layer");
    screen.press("[ esc");
    assert!(screen.text().contains("node_modules"), "Esc drops it");
}

#[test]
fn sorting_and_what_is_shown() {
    let mut screen = shop_at(80, 24);
    screen.press("2 s");
    assert!(screen.text().contains("sort: size↓"));
    screen.press("s S");
    assert!(screen.text().contains("sort: name↓"), "{}", screen.text());
    screen.press("C");
    assert!(screen.text().contains("without C") && screen.text().contains("is hidden"), "{}", screen.text());
    screen.press("C w");
    assert!(screen.text().contains("waste only"));
    screen.press("3 s");
    assert!(screen.text().contains("sort: layer↑"));
}

#[test]
fn files_sort_by_the_layer_that_stores_them() {
    let mut screen = shop_at(80, 24);
    screen.press("2 v - s s s");
    assert!(screen.text().contains("sort: layer↑"), "{}", screen.text());
    assert!(screen.row("Waste  Layer").contains("Name"), "{}", screen.text());
    let text = screen.text();
    let names: Vec<&str> =
        ["▸ bin/", "▸ etc/", "▸ usr/", "▸ root/", "▸ app/"].into_iter().filter(|name| text.contains(name)).collect();
    let rows: Vec<usize> = names.iter().filter_map(|name| text.find(name)).collect();
    assert!(names.len() == 5 && rows.is_sorted(), "layers 1, 1, 2, 4 and 5:\n{text}");
    screen.press("S");
    let text = screen.text();
    assert!(text.find("▸ app/") < text.find("▸ bin/"), "{text}");
    screen.press("v v");
    assert!(screen.row("app/").contains(" 5  ▸ app/"), "also in the view of one layer:\n{}", screen.text());
}

#[test]
fn the_base_folds_and_unfolds() {
    let file = |name: &str| Member::new(name, Kind::File(vec![1; 9]), Metadata::with_mode(0o644));
    let layers = ["etc/one", "etc/two", "app/three"].map(|name| LayerSpec::of(vec![file(name)]));
    let step = HistorySpec::step;
    let history =
        vec![step("ADD one in /"), step("RUN two"), HistorySpec::config_step("CMD [\"sh\"]"), step("COPY three /app")];
    let spec = ImageSpec { layers: layers.to_vec(), history, tags: vec!["based:1".to_owned()] };
    let (_directory, path) = written(&spec, Packing::default());
    let mut screen = Screen::of(&path, (80, 24));
    assert!(screen.row("base image, 2 layers").contains("1-2"), "{}", screen.text());
    screen.press("b");
    assert!(!screen.text().contains("base image") && screen.text().contains("RUN two"), "{}", screen.text());
    screen.press("b");
    assert!(screen.row("base image, 2 layers").contains("(b unfolds)"));
    screen.press("g enter");
    assert!(screen.text().contains("RUN two"), "Enter unfolds it as well");
}

/// What is in sight must be what stands there in the list of all rows, wherever that is.
#[test]
fn a_large_directory_is_seen_as_a_small_one() {
    let flat = (0..60_000).map(|n| format!("flat/{:05}", n * 7919 % 60_000));
    let deep = (0..40_000).map(|n| format!("deep/{:02}/{:03}", n % 40, n / 40));
    let member = |name: String| Member::new(name, Kind::File(vec![7; 3]), Metadata::with_mode(0o644));
    let spec = ImageSpec::of(vec![LayerSpec::of(flat.chain(deep).map(member).collect())]);
    let (_directory, path) = written(&spec, Packing::default());
    let mut screen = Screen::of(&path, (80, 24));
    screen.press("2 =");
    let image = screen.app.image.as_mut().expect("an image");
    let tree = &image.analysis.index.tree;
    let all = image.files.rows(tree, 0, usize::MAX >> 8);
    assert_eq!(
        (all.len(), image.files.row_count()),
        (100_042, 100_042),
        "files, 40 directories and the two above them"
    );
    for first in (0..all.len()).step_by(977).chain([all.len() - 5]) {
        let rows = image.files.rows(tree, first, 20);
        assert_eq!(rows, all[first..(first + 20).min(all.len())], "from row {first}");
        assert_eq!(image.files.row_of(tree, all[first].node), Some(first));
    }
    screen.press("G");
    assert!(screen.text().contains("100 042/100 042"), "{}", screen.text());
    screen.press("k k h");
    let text = screen.text();
    screen.press("h");
    let row = screen.row("«");
    assert!(row.contains('▸'), "a large directory closes: {row}\n{text}");
    screen.press("l");
    assert!(screen.text().contains("/100 042"), "and opens: {}", screen.text());
    screen.press("s s S / \"59999\" enter");
    assert!(screen.row("«").contains("»59999"), "{}", screen.text());
}

#[test]
fn waste_leads_to_both_layers() {
    let mut screen = shop_at(80, 24);
    screen.press("3 enter");
    assert!(screen.row("    node_modules/typescript/tsc.js").contains("58.4 kB"), "{}", screen.text());
    screen.press("j enter");
    assert!(screen.text().contains("layer 5 only"), "Enter goes to the layer that hid it");
    assert!(screen.row("tsc.js").contains('«'));
    screen.press("3 [");
    assert!(screen.text().contains("layer 3 only"), "[ goes to the layer that stored it");
    assert!(screen.row("tsc.js").contains('«'), "{}", screen.text());
}

#[test]
fn marks_say_what_merging_saves() {
    let mut screen = shop_at(80, 24);
    screen.press("g j j j space");
    assert!(screen.text().contains("mark another"));
    screen.press("j space");
    let (low, high) = screen.app.marked_range().expect("two marks");
    assert!(screen.text().contains(&format!("merging layers {low} to {high} saves")), "{}", screen.text());
    screen.press("4");
    assert_eq!((low, high), (3, 5));
    let row = screen.row("if merged: ");
    assert!(row.contains("81.5 kB"), "/app of layer 3, copied by layer 5: {row}");
    screen.press("1 k k space 4");
    let row = screen.row("if merged: ");
    assert!(row.contains("81.5 kB"), "a mark in between changes nothing: {row}");
    screen.press("esc");
    assert!(screen.app.layers.marks.is_empty() && !screen.text().contains("if merged"));
}

#[test]
fn content_is_shown_from_every_packing() {
    let layers = [LayerStream::Plain, LayerStream::Gzip, LayerStream::Zstd];
    for (layers, wrapper) in layers.into_iter().flat_map(|layers| [(layers, Wrapper::None), (layers, Wrapper::Gzip)]) {
        let (_directory, path) = written(&shop(), Packing { layers, wrapper, ..Packing::default() });
        let mut screen = Screen::of(&path, (80, 24));
        screen.press("2 / \"server\" enter o");
        assert!(screen.row("1 const http").starts_with('┃'), "{layers:?} {wrapper:?}:\n{}", screen.text());
        assert!(screen.text().contains("/app/server.js · layer 5"));
        screen.press("t");
        assert!(screen.row("63 6f 6e 73 74").contains("const http"), "{}", screen.text());
        screen.press("esc / \"tsc\" enter o");
        assert!(screen.text().contains("hex · 58.4 kB"), "{}", screen.text());
    }
}

#[test]
fn words_are_found_in_a_content() {
    let text = (1..=500).map(|n| if n % 200 == 0 { format!("needle {n}\n") } else { format!("hay {n}\n") });
    let file = Member::new("notes", Kind::File(text.collect::<String>().into_bytes()), Metadata::with_mode(0o644));
    let (_directory, path) = written(&ImageSpec::of(vec![LayerSpec::of(vec![file])]), Packing::default());
    let mut screen = Screen::of(&path, (80, 24));
    screen.press("2 o n");
    assert!(screen.text().contains("nothing to search for yet"));
    screen.press("/ \"needle\" enter");
    assert!(screen.row("200»").contains("needle 200"), "{}", screen.text());
    screen.press("n");
    assert!(screen.row("400»").contains("needle 400"), "{}", screen.text());
    screen.press("n");
    assert!(screen.row("200»").contains("needle 200"), "around the end");
    screen.press("N t");
    screen.press("/ \"Needle\" enter");
    assert!(screen.text().contains("not found"), "a capital letter makes it exact");
    screen.press("/ \"re:(\" enter");
    assert!(screen.row("find /re:(").contains("unclosed"), "{}", screen.text());
    screen.press("esc");
    assert!(screen.app.popup.is_some(), "Esc drops what is typed first");
}

#[test]
fn a_file_is_extracted_with_its_mode() {
    let mut screen = shop_at(80, 24);
    let place = tempfile::tempdir().expect("a directory");
    let typed = place.path().join("copy.js");
    // The layer was read before its file went away: only what is open can still be read.
    let (_directory, path) = written(&shop(), Packing::default());
    screen.app.options.source.clone_from(&path);
    screen.press("2 / \"server\" enter o");
    screen.press("x ctrl-u");
    screen.press(&format!("\"{}\" enter", typed.display()));
    assert!(screen.text().contains("written: "), "{}", screen.text());
    assert!(fs::read_to_string(&typed).expect("written").starts_with("const http"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&typed).expect("there").permissions().mode() & 0o777, 0o755);
    }
    screen.press("x ctrl-u");
    screen.press(&format!("\"{}\" enter", typed.display()));
    assert!(screen.text().contains("not written"), "what is there stays:\n{}", screen.text());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_harms_nothing() {
    let mut screen = shop_at(80, 24);
    screen.press("x ctrl-u \"json=/dev/full\" enter");
    assert!(screen.row("/dev/full: not written").contains("space"), "{}", screen.text());
    screen.press("j");
    assert!(screen.row("rm -rf").contains('▶'), "and the screen goes on");
}

#[test]
fn a_report_is_written() {
    let mut screen = shop_at(80, 24);
    let place = tempfile::tempdir().expect("a directory");
    let typed = place.path().join("report.json");
    screen.press("x ctrl-u \"yaml=x\" enter");
    assert!(screen.text().contains("unknown format"), "{}", screen.text());
    screen.press("ctrl-u");
    screen.press(&format!("\"json={}\" enter", typed.display()));
    assert!(screen.text().contains("written: "), "{}", screen.text());
    assert!(fs::read_to_string(&typed).expect("written").starts_with('{'));
}

#[test]
fn esc_closes_what_is_in_front_and_never_quits() {
    let mut screen = shop_at(80, 24);
    screen.press("? esc esc esc");
    assert!(screen.app.popup.is_none());
    assert!(matches!(screen.press("q"), Some(Ending::Quit)));
    let mut screen = shop_at(80, 24);
    assert!(matches!(screen.press("/ ctrl-c"), Some(Ending::Quit)), "also while text is typed");
}

#[test]
fn copy_units_zoom_mouse_and_suspend() {
    let mut screen = shop_at(80, 24);
    screen.press("y 2 y");
    assert_eq!(screen.outside.copied, ["RUN chown -R node:node /app", "/app"]);
    screen.press("u");
    assert!(screen.row("ADD file").contains("KiB"));
    screen.press("z");
    assert!(!screen.text().contains("ADD file"), "the files fill the screen");
    screen.press("z m m ctrl-z ctrl-l");
    assert_eq!(screen.outside.mouse, [true, false]);
    assert_eq!(screen.outside.suspended, 1);
}

#[test]
fn the_mouse_selects_sorts_and_scrolls() {
    let mut screen = shop_at(80, 24);
    let click = MouseEventKind::Down(MouseButton::Left);
    screen.mouse(click, 10, 4);
    assert_eq!((screen.app.focus, screen.app.layers.list.cursor), (Pane::Layers, 1));
    let files = screen.app.layout().expect("large enough").frame(Pane::Files).expect("seen").area;
    screen.mouse(click, files.x + 8, files.y + 1);
    assert!(screen.text().contains("sort: size↓"), "{}", screen.text());
    screen.mouse(click, files.x + 12, files.y);
    assert_eq!(screen.app.focus, Pane::Waste, "a click on a tab");
    screen.mouse(MouseEventKind::ScrollDown, 10, 4);
    assert_eq!(screen.app.focus, Pane::Waste, "the wheel moves no focus");
}

#[test]
fn every_size_can_be_drawn() {
    let mut screen = shop_at(80, 24);
    for keys in ["1", "2", "3", "4", "5", "?", "esc 2 o", "esc / \"a\""] {
        screen.press(keys);
        for (width, height) in [(1, 1), (39, 9), (40, 10), (59, 14), (61, 16), (109, 40), (110, 20), (250, 80)] {
            screen.resize(width, height);
        }
        screen.press("esc esc");
    }
    screen.resize(30, 8);
    assert!(screen.text().contains("needs 40x10"));
    assert!(matches!(screen.press("q"), Some(Ending::Quit)));
}

#[test]
fn hostile_names_reach_no_terminal() {
    let names: [&[u8]; 5] = [
        b"esc\x1b[31m",
        b"new\nline",
        "bidi\u{202e}txt".as_bytes(),
        b"not\xffutf8",
        "日本語のとても長い名前".as_bytes(),
    ];
    let members = names.iter().map(|name| Member::new(*name, Kind::File(vec![1; 9]), Metadata::with_mode(0o644)));
    let mut spec =
        ImageSpec::of(vec![LayerSpec::of(members.collect()), LayerSpec::of(vec![Member::whiteout(names[0])])]);
    spec.history[0] = HistorySpec::step("RUN \u{1b}]0;title\u{7} \u{202e}evil");
    spec.tags = vec!["evil\u{1b}[2J:1".to_owned()];
    let (_directory, path) = written(&spec, Packing::default());
    let mut screen = Screen::of(&path, (80, 24));
    for keys in ["1", "g", "2", "G", "3", "5", "2 v", "v", "o"] {
        screen.press(keys);
        let text = screen.text();
        assert!(!text.chars().any(|c| c != '\n' && layerlens::escape::is_dangerous(c)), "{keys}:\n{text}");
    }
}

#[test]
fn while_the_image_is_read() {
    let spec = shop();
    let (_directory, path) = written(&spec, Packing::default());
    let analysis = layerlens::open(&path, &layerlens::OpenOptions::default()).expect("an image");
    let mut screen = Screen::opening(Options { source: path, ..Options::default() }, (80, 24));
    assert!(screen.row("layerlens").contains("opening"), "{}", screen.text());
    screen.take(vec![ScreenMessage::News(News::Spec(Box::new(analysis.spec.clone())))]);
    assert!(screen.row("chown").contains('…'), "steps come before sizes");
    screen.take(vec![ScreenMessage::News(News::Layer(Some(5), 81_490))]);
    assert!(screen.row("chown").contains("81.5 kB"), "layers fill in as they come: {}", screen.text());
    screen.press("j j 2 s v / f o 3 enter 1 space");
    assert!(matches!(screen.press("q"), Some(Ending::Quit)), "q aborts at any time");
}

#[test]
fn signals_and_failures_end_the_loop() {
    let mut screen = shop_at(80, 24);
    assert!(matches!(screen.take(vec![ScreenMessage::Signal(15)]), Some(Ending::Signal(15))));
    assert!(matches!(screen.take(vec![ScreenMessage::News(News::Died)]), Some(Ending::Died)));
}

#[test]
fn without_colours_nothing_is_lost() {
    let (_directory, path) = written(&shop(), Packing::default());
    let options = Options { source: path, theme: Theme::Mono, ..Options::default() };
    let mono = Screen::with(options, (80, 24));
    assert_eq!(mono.text(), shop_at(80, 24).text(), "letters and marks carry the meaning");
    assert!(mono.buffer().content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
}

#[test]
fn backgrounds_stay_and_bars_survive_the_cursor() {
    let screen = shop_at(80, 24);
    for cell in &screen.buffer().content {
        assert_eq!(cell.bg, Color::Reset, "no background is painted");
        let is_bar = "█▉▊▋▌▍▎▏▒".contains(cell.symbol());
        assert!(!is_bar || !cell.modifier.contains(Modifier::REVERSED), "a share bar keeps its colours");
    }
}

#[test]
fn the_readme_has_the_table_of_keys() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("a README");
    let table = KeyMap::default().markdown();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let (start, end) = ("<!-- keys -->\n", "<!-- /keys -->\n");
    let (before, rest) = readme.split_once(start).expect("the README has a place for the keys");
    let (found, after) = rest.split_once(end).expect("and an end of it");
    if std::env::var_os("LAYERLENS_UPDATE").is_some() {
        fs::write(path, [before, start, &table, end, after].concat()).expect("the README can be written");
    } else {
        assert_eq!(found, table, "LAYERLENS_UPDATE=1 writes it anew");
    }
}
