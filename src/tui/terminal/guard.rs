//! The state of the terminal: taken once, given back once, whatever ends the program.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};

/// Whether the terminal is ours at the moment.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Holds the terminal; gives it back when dropped.
pub(super) struct Guard;

impl Guard {
    pub(super) fn take(mouse: bool) -> io::Result<Self> {
        let guard = Guard;
        take(mouse)?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Enters raw mode and the alternate screen, and asks for pasted text in one piece.
pub(super) fn take(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    IS_TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
    set_mouse(mouse);
    Ok(())
}

/// Leaves everything that [`take`] entered, once. A terminal that is gone cannot be told.
pub(super) fn give_back() {
    let mut out = io::stdout().lock();
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(out, DisableBracketedPaste, DisableMouseCapture, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// The terminal as long as it is ours: a thread that panics gives it back, and nothing may be drawn after that.
pub(super) struct TakenTerminal;

impl Write for TakenTerminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut out = io::stdout().lock();
        if IS_TAKEN.load(Ordering::SeqCst) {
            out.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

pub(super) fn set_mouse(on: bool) {
    // A terminal without a mouse ignores it.
    let _ = if on { execute!(io::stdout(), EnableMouseCapture) } else { execute!(io::stdout(), DisableMouseCapture) };
}

/// Gives the terminal back before the message of a panic is printed, whichever thread it is in.
pub(super) fn install_panic_hook() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        print(panic);
    }));
}
