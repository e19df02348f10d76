//! The pane of the fixes, by journeys of keys on the classic sample: what it lists, opens, copies and leads to.

mod support;

use std::path::Path;

use layerlens::tui::app::Options;
use layerlens::tui::layout::Pane;
use support::image::{HistorySpec, ImageSpec, Packing};
use support::layer::{Kind, LayerSpec, Member, Metadata};
use support::screen::{NOTES_DOCKERFILE, Screen, assert_screen, notes_at};

fn seed_at(width: u16, height: u16) -> Screen {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-images/seed.tar.gz");
    Screen::with(Options { source, ..Options::default() }, (width, height))
}

/// Goes down until the row under the cursor holds all of these words.
fn go_to(screen: &mut Screen, words: &[&str]) {
    screen.press("g");
    for _ in 0..100 {
        let row = screen.row("«");
        if words.iter().all(|words| row.contains(words)) {
            return;
        }
        screen.press("j");
    }
    panic!("no row with {words:?}:\n{}", screen.text());
}

#[test]
fn whole_screens() {
    for (width, height) in [(80, 24), (160, 45), (60, 15)] {
        let mut screen = seed_at(width, height);
        screen.press("4");
        assert_screen(&screen, &format!("seed-fixes-{width}x{height}"));
        screen.press("enter");
        assert_screen(&screen, &format!("seed-fix-open-{width}x{height}"));
        screen.press("z");
        assert_screen(&screen, &format!("seed-fix-zoom-{width}x{height}"));
    }
}

/// src/model.md's worked example: one fix, four copies of 1 MiB (and 1 kB of the engine's own), nothing left.
#[test]
fn the_ledger_adds_up() {
    let mut screen = seed_at(80, 24);
    assert!(screen.text().contains("4 Fixes (1: 4.2 MB)"), "the tab says it before it is opened:\n{}", screen.text());
    screen.press("u u 4");
    let row = |words: &str| screen.row(words);
    let bytes = |line: String| -> u64 {
        let digits: String = line.chars().take_while(|c| *c != 'B').filter(char::is_ascii_digit).collect();
        digits.parse().expect("a figure")
    };
    let saved = bytes(row("saved by the fix"));
    assert_eq!(saved, bytes(row("merge into one RUN")));
    assert!(saved >= 4 << 20);
    assert_eq!(bytes(row("wasted in total")), saved, "nothing is left");
    assert!(!screen.text().contains("base image:"), "what is 0 is not listed");
}

#[test]
fn a_fix_opens_and_closes() {
    let mut screen = seed_at(80, 45);
    screen.press("4 l");
    for words in [
        "why",
        "edits  -   3  RUN dd if",
        "-   7  RUN rm /data/one",
        "+      RUN dd",
        "+       && rm /data/one",
        "note",
        "files     3.1 MB  /data/one",
    ] {
        assert!(screen.text().contains(words), "{words}:\n{}", screen.text());
    }
    screen.press("j j h");
    assert!(screen.row("merge into one RUN").contains("▸"), "{}", screen.text());
    assert!(screen.row("merge into one RUN").contains('«'), "the cursor is back on the fix");
    screen.press("enter enter");
    assert!(!screen.text().contains("-   3"), "Enter opens and closes");
}

#[test]
fn what_the_cursor_stands_on_is_copied_and_so_are_the_lines() {
    let mut screen = seed_at(80, 45);
    let lines = screen.app.image.as_ref().expect("an image").analysis.fixes[0].dockerfile.clone();
    screen.press("4 enter y Y");
    assert_eq!(screen.outside.copied, ["merge into one RUN (layers 3-7)", lines.as_str()]);
    assert!(screen.text().contains("copied 5 lines: RUN dd"), "{}", screen.text());
    go_to(&mut screen, &["files", "/data/one"]);
    screen.press("y 1 Y");
    assert_eq!(screen.outside.copied[2..], ["/data/one", lines.as_str()], "Y knows the fix in every pane");
    screen.press("4 G Y");
    assert_eq!(screen.outside.copied.len(), 4, "the ledger has no lines");
    assert!(screen.text().contains("no fix here"));
}

#[test]
fn a_fix_leads_to_its_layers_and_files() {
    let mut screen = seed_at(80, 45);
    screen.press("4 L");
    assert_eq!(
        (screen.app.focus, screen.app.layers.marks.iter().copied().collect()),
        (Pane::Layers, vec![3, 4, 5, 6, 7])
    );
    assert!(screen.row("▶").contains("3    1.0 MB"), "{}", screen.text());
    assert!(screen.text().contains("merging layers 3 to 7 saves 4.2 MB"));
    screen.press("esc 4 enter");
    go_to(&mut screen, &["-   6  RUN chmod"]);
    screen.press("enter");
    assert_eq!((screen.app.focus, screen.app.layer()), (Pane::Layers, 5), "a step leads to its layer");
    assert_eq!(screen.app.marked_range(), Some((3, 7)));
    screen.press("4");
    assert!(screen.row("if merged: ").contains("4.2 MB"), "what the marks would save stands on top");
    screen.press("esc");
    go_to(&mut screen, &["files", "/data/one"]);
    screen.press("enter");
    assert_eq!(screen.app.focus, Pane::Files);
    assert!(screen.row("«").contains("one"), "a file leads to itself:\n{}", screen.text());
}

#[test]
fn findings_stand_apart() {
    let file = |name: &str, size| Member::new(name, Kind::File(vec![7; size]), Metadata::with_mode(0o644));
    let layer = LayerSpec::of(vec![file("var/lib/apt/lists/debian_Packages", 2_000_000)]);
    let mut spec = ImageSpec::of(vec![LayerSpec::of(vec![file("etc/passwd", 9)]), layer]);
    spec.history[1] = HistorySpec::step("RUN apt-get update");
    let directory = tempfile::tempdir().expect("a directory");
    let path = spec.write(Packing::default(), directory.path(), "findings.tar");
    let mut screen = Screen::of(&path, (100, 30));
    screen.press("4");
    assert!(screen.row("wasted in total").contains("0 B"), "findings are no waste");
    assert!(screen.row("most likely not needed (2.0 MB)").contains("Not wasted"), "{}", screen.text());
    screen.press("G enter");
    assert!(screen.row("do  ").contains("rm -rf /var/lib/apt/lists/*"), "{}", screen.text());
    screen.press("j enter");
    assert_eq!((screen.app.focus, screen.app.layer()), (Pane::Files, 1));
    assert!(screen.row("«").contains("lists/"), "{}", screen.text());
}

/// A chown at the end is undone in place; the merge stays as another way, which opens to the same things.
#[test]
fn a_fix_says_what_it_costs_and_how_else() {
    for (width, height) in [(100, 45), (160, 45)] {
        let mut screen = notes_at((width, height));
        screen.press("4 enter z");
        assert_screen(&screen, &format!("notes-fix-open-{width}x{height}"));
    }
    let mut screen = notes_at((100, 60));
    screen.press("4 z enter");
    for words in [
        "edits  read the notes before you paste this:",
        "-   3  COPY . .",
        "+      COPY --chown=1000:1000 . .",
        "-   9  RUN chown -R app:app /app",
        "cache  a change of the copied sources builds 6 steps again (",
    ] {
        assert!(screen.text().contains(words), "{words}:\n{}", screen.text());
    }
    assert!(!screen.text().contains("--mount=type=bind"), "the other way is closed");
    go_to(&mut screen, &["▸ or: "]);
    screen.press("enter");
    assert!(screen.row("--mount=type=bind").contains("+      RUN"), "{}", screen.text());
    screen.press("Y j y");
    let copied = screen.outside.copied.clone();
    assert!(copied[0].starts_with("RUN --mount=type=bind"), "the lines of the way under the cursor: {copied:?}");
    assert_eq!(copied[1], "COPY . .", "a step is copied in full");
    screen.press("h");
    assert!(screen.row("«").contains("▸ or: "), "{}", screen.text());
    screen.press("h");
    assert!(screen.row("«").contains("▸ set owner"), "{}", screen.text());
}

#[test]
fn marks_choose_what_is_summed_up_and_patched() {
    let mut screen = notes_at((120, 60));
    screen.press("4 z");
    assert!(screen.row("the image stores").contains("with the fix (-"), "{}", screen.text());
    screen.press("space");
    assert!(screen.row("«").contains("* "), "{}", screen.text());
    assert!(screen.row("the image stores").contains("with the marked fix (-"), "{}", screen.text());
    assert!(screen.text().contains("1 marked: 4.1 MB"), "the border keeps it in sight:\n{}", screen.text());
    screen.press("p");
    let (patch, text) = (screen.text(), "Patch of the marked fix");
    assert!(patch.contains(text) && patch.contains("-RUN chown -R app:app /app"), "{patch}");
    assert!(
        patch.contains("+COPY --chown=1000:1000 . .") && patch.contains(" # everything beside this file"),
        "{patch}"
    );
    screen.press("y esc");
    assert!(
        screen.outside.copied[0].contains("\n--- a/Dockerfile\n+++ b/Dockerfile\n@@ "),
        "{:?}",
        screen.outside.copied
    );
    assert!(!screen.text().contains(text), "Esc closes it");
    screen.press("esc");
    assert!(screen.row("the image stores").contains("with the fix (-"), "Esc takes the marks away");
    // Another way is marked in the place of the first.
    screen.press("enter");
    go_to(&mut screen, &["▸ or: "]);
    screen.press("space");
    assert!(screen.row("«").contains("* "), "{}", screen.text());
    assert_eq!(screen.app.fixes.table.marks(), [(0, 1)]);
    screen.press("g space");
    assert_eq!(screen.app.fixes.table.marks(), [(0, 0)]);
    screen.press("space G space");
    assert!(screen.text().contains("no fix under the cursor"), "{}", screen.text());
    assert_eq!(screen.app.fixes.table.marks(), []);
}

#[test]
fn a_patch_is_written_or_told_to_be_missing() {
    let place = tempfile::tempdir().expect("a directory");
    let target = place.path().join("fixes.patch");
    let typed = format!("x ctrl-u \"patch={}\" enter", target.display());
    let mut screen = notes_at((120, 40));
    screen.press("4 p");
    screen.press(&typed);
    assert!(screen.text().contains("written: "), "{}", screen.text());
    let patch = std::fs::read_to_string(&target).expect("written");
    assert!(patch.starts_with("# in-place-9: ") && patch.contains("-RUN chown -R app:app /app"), "{patch}");
    std::fs::remove_file(&target).expect("there");

    let mut without = seed_at(100, 24);
    without.press("4 p");
    assert!(
        without.text().contains("a patch needs the Dockerfile that the image was built from"),
        "{}",
        without.text()
    );
    without.press("y esc");
    assert!(without.outside.copied.is_empty());
    without.press(&typed);
    assert!(without.text().contains("not written: a patch needs"), "{}", without.text());
    assert!(!target.exists());

    let other = layerlens::dockerfile::Dockerfile::parse("Dockerfile", &NOTES_DOCKERFILE.replace("useradd", "adduser"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-images/seed.tar.gz");
    let mut misfit = Screen::with_dockerfile(Options { source, ..Options::default() }, Some(other), (100, 24));
    misfit.press("4 p");
    assert!(misfit.text().contains("the image was not built from Dockerfile: "), "{}", misfit.text());
}
