//! A panic, in whichever thread, gives the terminal back, prints its message there and ends in the exit code of a failure.
//!
//! The program under test is this one, started anew on a terminal: it runs the library's own code around a screen, built
//! with the profile of the test, and panics where it is told to. The shipped program has no way to be told.

#[cfg(unix)]
mod support;

/// Names the place of the panic, to the program that is started anew.
#[cfg(unix)]
const PLACE: &str = "PANIC_IN";
#[cfg(unix)]
const PLACES: [&str; 2] = ["the thread of the screen", "the thread of a job"];

#[cfg(unix)]
fn main() {
    use libtest_mimic::{Arguments, Trial};

    if let Ok(place) = std::env::var(PLACE) {
        return program(&place);
    }
    let panics = PLACES.map(|place| {
        Trial::test(format!("a panic in {place}"), move || {
            panics_and_gives_the_terminal_back(place);
            Ok(())
        })
    });
    let unwinds = Trial::test("release builds unwind", || {
        release_builds_unwind();
        Ok(())
    });
    let tests = panics.into_iter().chain([unwinds]).collect();
    libtest_mimic::run(&Arguments::from_args(), tests).exit();
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
fn panics_and_gives_the_terminal_back(place: &str) {
    let program = std::env::current_exe().expect("this program has a path");
    let mut pty = support::pty::Pty::start(program.to_str().expect("text"), &[], &[(PLACE, place)]);
    assert_eq!(pty.end(), (3, None), "{}", pty.contents());
    pty.assert_given_back();
    pty.wait_for(&format!("a panic in {place}"));
}

/// What is proved here holds for the released program only if that does not abort.
#[cfg(unix)]
fn release_builds_unwind() {
    let manifest = include_str!("../Cargo.toml");
    let sets_panic = manifest.lines().any(|line| line.trim_start().starts_with("panic"));
    assert!(!sets_panic, "Cargo.toml sets what a panic does");
}

#[cfg(unix)]
fn program(place: &str) {
    use layerlens::tui::app::Options;
    use layerlens::tui::loader::{BackgroundJob, spawn};
    use layerlens::tui::{Ending, terminal};

    let message = format!("a panic in {place}");
    let ending = terminal::run_with(Options::default(), |sender| {
        assert!(place == PLACES[1], "{message}");
        drop(spawn(sender, BackgroundJob::new(move || panic!("{message}"))));
    });
    assert!(matches!(ending, Ok(Ending::Died)), "{ending:?}");
    std::process::exit(3);
}
