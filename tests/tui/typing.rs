//! Typed and pasted text, and what goes on behind the screen meanwhile.

use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use layerlens::tui::loader::BackgroundJob;
use layerlens::tui::{Ending, Host, ScreenMessage, run_loop};

use super::shop_at;
use super::support::screen::Screen;

fn key(code: KeyCode) -> ScreenMessage {
    ScreenMessage::Input(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn paste(text: &str) -> ScreenMessage {
    ScreenMessage::Input(Event::Paste(text.to_owned()))
}

#[test]
fn pasted_text_is_one_line_and_never_keys() {
    let mut screen = shop_at(80, 24);
    screen.press("f");
    assert!(screen.take(vec![paste("node_modules\rq")]).is_none(), "it does not quit");
    assert!(screen.text().contains("filter node_modules  only the first line was taken"), "{}", screen.text());
    screen.press("enter");
    assert!(screen.text().contains("filter node_modules ·"), "{}", screen.text());
    screen.press("esc");
    assert!(screen.take(vec![paste("q")]).is_none(), "not even where nothing is typed");
    assert!(screen.text().contains("press / or f before pasting"), "{}", screen.text());
}

#[test]
fn typed_text_has_a_limit() {
    let mut screen = shop_at(80, 24);
    screen.press("f");
    screen.take(vec![paste(&"é".repeat(5000))]);
    assert!(screen.text().contains("cut after 4096 bytes"), "{}", screen.text());
    assert_eq!(screen.app.prompt.as_ref().map(|prompt| prompt.text.len()), Some(4096));
    screen.press("back");
    assert!(!screen.text().contains("cut after"), "{}", screen.text());
}

/// A terminal that knows no bracketed paste sends keys: they make one search, not one for each.
#[test]
fn keys_that_come_together_make_one_search() {
    let mut screen = shop_at(80, 24);
    screen.press("f");
    let before = screen.outside.spawned;
    screen.take_together("node_modules/typescript/".chars().map(|c| key(KeyCode::Char(c))).collect());
    screen.take(Vec::new());
    assert_eq!(screen.outside.spawned, before + 1);
    assert!(screen.text().contains("tsc.js") && !screen.text().contains("package.json"), "{}", screen.text());
}

/// The work behind the screen is done when the test says so.
fn with_work_held_back(screen: &mut Screen) {
    screen.outside.holds_back = true;
}

#[test]
fn the_screen_answers_while_a_pattern_is_looked_for() {
    let mut screen = shop_at(80, 24);
    with_work_held_back(&mut screen);
    screen.press("f \"tsc\"");
    assert!(screen.row("filter tsc").contains("filter tsc"), "what is typed is seen at once");
    assert!(screen.text().contains("package.json"), "and nothing is filtered yet:\n{}", screen.text());
    screen.press("enter");
    assert!(screen.row("searching for tsc").contains("Esc stops it"), "{}", screen.text());
    screen.press("2 j");
    assert!(screen.text().contains("searching for tsc"), "keys are obeyed meanwhile");
    let term = screen.take(vec![ScreenMessage::Signal(15)]);
    assert!(matches!(term, Some(Ending::Signal(15))), "and so are signals");
    screen.outside.release();
    screen.take(Vec::new());
    assert!(screen.text().contains("filter tsc ·") && !screen.text().contains("package.json"), "{}", screen.text());
}

#[test]
fn a_search_that_is_not_wanted_any_more_changes_nothing() {
    let mut screen = shop_at(80, 24);
    let before = screen.text();
    with_work_held_back(&mut screen);
    screen.press("f \"tsc\" esc");
    screen.outside.release();
    screen.take(Vec::new());
    assert_eq!(screen.text().lines().skip(1).collect::<Vec<_>>().len(), before.lines().skip(1).count());
    assert!(screen.text().contains("package.json"), "{}", screen.text());
    with_work_held_back(&mut screen);
    screen.press("f \"re:(\" enter");
    assert!(screen.app.prompt.is_none(), "Enter closes the line before the pattern is understood");
    screen.outside.release();
    screen.take(Vec::new());
    assert!(screen.row("filter re:(").contains("unclosed"), "it opens again:\n{}", screen.text());
}

/// Who types ahead means the row that is found, even where finding it takes a moment.
#[test]
fn keys_typed_ahead_wait_for_what_is_found() {
    let mut screen = shop_at(80, 24);
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut outside = Threads { sender: sender.clone(), delay: Duration::from_millis(5) };
    let keys = "2/server\ro".chars().map(|c| key(if c == '\r' { KeyCode::Enter } else { KeyCode::Char(c) }));
    keys.for_each(|key| sender.send(key).expect("the receiver is here"));
    let quit = sender;
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        let _ = quit.send(ScreenMessage::Closed);
    });
    let ending = run_loop(&mut screen.terminal, &mut screen.app, &receiver, &mut outside);
    assert!(matches!(ending, Ok(Ending::Closed)));
    assert!(screen.text().contains("const http"), "{}", screen.text());
}

/// An outside that works in threads, and slowly.
struct Threads {
    sender: std::sync::mpsc::Sender<ScreenMessage>,
    delay: Duration,
}

impl Host for Threads {
    fn suspend(&mut self) -> std::io::Result<Option<&'static str>> {
        Ok(None)
    }

    fn mouse(&mut self, _: bool) {}

    fn copy(&mut self, _: &str) {}

    fn spawn(&mut self, job: BackgroundJob) {
        let (sender, delay) = (self.sender.clone(), self.delay);
        std::thread::spawn(move || {
            std::thread::sleep(delay);
            let _ = sender.send(ScreenMessage::News(job.run()));
        });
    }
}
