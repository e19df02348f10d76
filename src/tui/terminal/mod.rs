//! The terminal: taken and given back. Whatever ends the program (a key, an error, a signal, a panic), the alternate
//! screen, raw mode, bracketed paste and the mouse are left before anything else is written.

mod guard;
mod host;
mod listen;

use std::io::{self, BufWriter, Write};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::app::{App, Options};
use super::{Ending, ScreenMessage, loader, run_loop};
use crate::analysis::OpenOptions;
use crate::draft;
use guard::{Guard, TakenTerminal};
use host::Outside;

/// The signal that asks the program to stop until it is continued.
#[cfg(unix)]
pub const STOP: i32 = signal_hook::consts::SIGTSTP;
/// There is none.
#[cfg(not(unix))]
pub const STOP: i32 = -1;

/// More than the largest frame has.
const FRAME_BYTES: usize = 1 << 20;

/// Shows the image; returns how it ended, with the terminal given back.
///
/// # Errors
/// Where the terminal cannot be used.
pub fn run(options: Options, open: &OpenOptions) -> io::Result<Ending> {
    let image = options.source.clone();
    run_with(options, |sender| loader::load(&image, open, sender))
}

/// Shows what `start` has to say about an image: it gets the way to the screen.
///
/// A panic, in this thread or in one that reports to the screen, ends in [`Ending::Died`], after its message was printed
/// on the usual screen.
///
/// # Errors
/// Where the terminal cannot be used.
pub fn run_with(options: Options, start: impl FnOnce(Sender<ScreenMessage>)) -> io::Result<Ending> {
    guard::install_panic_hook();
    let (sender, messages) = channel();
    let (width, height) = crossterm::terminal::size()?;
    let mut host = Outside::new(options.mouse, sender.clone());
    let guard = Guard::take(options.mouse)?;
    listen::to_signals(&sender)?;
    // A frame is written in one piece.
    let backend = CrosstermBackend::new(BufWriter::with_capacity(FRAME_BYTES, TakenTerminal));
    // Dropping it writes to the terminal and panics where that is gone; the guard does all there is to do.
    let mut terminal = ManuallyDrop::new(Terminal::new(backend)?);
    // The process ends after this: giving millions of entries back one by one would only take time.
    let mut app = ManuallyDrop::new(App::new(options, (width, height)));
    let ending = catch_unwind(AssertUnwindSafe(|| {
        start(sender.clone());
        listen::to_keys(sender);
        run_loop(&mut terminal, &mut app, &messages, &mut host)
    }));
    drop(guard);
    if app.stop_work() {
        host.finish();
    }
    match ending {
        Ok(Ok(ending)) => Ok(ending),
        // A terminal that went away is not an error.
        Ok(Err(error)) if error.raw_os_error() == Some(5) || error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(Ending::Closed)
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(Ending::Died),
    }
}

/// Ends the process as the signal would have: whoever started it sees why.
pub fn die_of(signal: i32) {
    let _ = io::stdout().flush();
    draft::abandon_all();
    #[cfg(unix)]
    let _ = signal_hook::low_level::emulate_default_handler(signal);
    #[cfg(not(unix))]
    let _ = signal;
}
