//! The terminal: taken and given back. Whatever ends the program (a key, an error, a signal, a panic), the alternate
//! screen, raw mode and the mouse are left before anything else is written.

use std::io::{self, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::Show;
use crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::app::{App, Options};
use super::task::Job;
use super::{Ending, Host, Message, loader, run_loop};
use crate::analysis::OpenOptions;
use crate::draft;

/// The signal that asks the program to stop until it is continued.
#[cfg(unix)]
pub const STOP: i32 = signal_hook::consts::SIGTSTP;
/// There is none.
#[cfg(not(unix))]
pub const STOP: i32 = -1;

/// Whether the terminal is ours at the moment.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Takes the terminal; gives it back when dropped.
struct Guard;

impl Guard {
    fn take(mouse: bool) -> io::Result<Self> {
        enable_raw_mode()?;
        IS_TAKEN.store(true, Ordering::SeqCst);
        let guard = Guard;
        execute!(io::stdout(), EnterAlternateScreen)?;
        set_mouse(mouse);
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Leaves the mouse, the alternate screen and raw mode, once. A terminal that is gone cannot be told.
fn give_back() {
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), DisableMouseCapture, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

fn set_mouse(on: bool) {
    // A terminal without a mouse ignores it.
    let _ = if on { execute!(io::stdout(), EnableMouseCapture) } else { execute!(io::stdout(), DisableMouseCapture) };
}

/// Lets a panic of any thread give the terminal back before it is told.
fn install_panic_hook() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        tell(panic);
    }));
}

/// The real outside.
struct Outside {
    mouse: bool,
    sender: Sender<Message>,
    jobs: Vec<JoinHandle<()>>,
}

impl Host for Outside {
    fn suspend(&mut self) -> io::Result<Option<&'static str>> {
        if !can_stop() {
            return Ok(Some("there is no shell to return to: not suspended"));
        }
        give_back();
        stop();
        enable_raw_mode()?;
        IS_TAKEN.store(true, Ordering::SeqCst);
        execute!(io::stdout(), EnterAlternateScreen)?;
        set_mouse(self.mouse);
        Ok(None)
    }

    fn mouse(&mut self, on: bool) {
        self.mouse = on;
        set_mouse(on);
    }

    fn copy(&mut self, text: &str) {
        // Terminals without OSC 52 ignore it; the status line shows the text.
        let _ = execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text));
    }

    fn spawn(&mut self, job: Job) {
        self.jobs.retain(|job| !job.is_finished());
        self.jobs.push(loader::spawn(self.sender.clone(), job));
    }
}

/// How long the end waits for work that was stopped, so that it leaves nothing half-written behind.
const LAST_PATIENCE: Duration = Duration::from_secs(3);

impl Outside {
    fn finish(&self) {
        let start = Instant::now();
        while self.jobs.iter().any(|job| !job.is_finished()) && start.elapsed() < LAST_PATIENCE {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Says whether a shell waits that can continue the program: its parent belongs to the same session, not to its group.
#[cfg(unix)]
fn can_stop() -> bool {
    use rustix::process::{getpgid, getpgrp, getppid, getsid};
    let parent = getppid();
    parent.is_some_and(|parent| {
        getsid(Some(parent)).ok() == getsid(None).ok() && getpgid(Some(parent)).is_ok_and(|group| group != getpgrp())
    })
}

/// Stops the process group, so that the rest of a pipeline stops as well; returns when it is continued.
#[cfg(unix)]
fn stop() {
    let _ = rustix::process::kill_process_group(rustix::process::getpgrp(), rustix::process::Signal::STOP);
}

#[cfg(not(unix))]
fn can_stop() -> bool {
    false
}

#[cfg(not(unix))]
fn stop() {}

/// Shows the image; returns how it ended, with the terminal given back.
///
/// # Errors
/// Where the terminal cannot be used.
pub fn run(options: Options, open: &OpenOptions) -> io::Result<Ending> {
    install_panic_hook();
    let (sender, messages) = channel();
    let image = options.source.clone();
    let (width, height) = crossterm::terminal::size()?;
    let mut host = Outside { mouse: options.mouse, sender: sender.clone(), jobs: Vec::new() };
    let guard = Guard::take(options.mouse)?;
    listen_to_signals(&sender)?;
    loader::load(&image, open, sender.clone());
    listen_to_keys(sender);
    let mut terminal: Terminal<CrosstermBackend<Stdout>> = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    let mut app = App::new(options, (width, height));
    let ending = run_loop(&mut terminal, &mut app, &messages, &mut host);
    drop(guard);
    if app.stop_work() {
        host.finish();
    }
    // The process ends here: giving millions of entries back one by one would only take time.
    std::mem::forget(app);
    match ending {
        Ok(ending) => Ok(ending),
        // A terminal that went away is no failure of the program.
        Err(error) if error.raw_os_error() == Some(5) || error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(Ending::Closed)
        }
        Err(error) => Err(error),
    }
}

/// A panic of another thread, to be tried in tests: the variable holds a key. It is no setting, so it is named unlike them.
const PANIC_KEY: &str = "PANIC_KEY_OF_LAYERLENS";

fn listen_to_keys(sender: Sender<Message>) {
    let panic_key = std::env::var(PANIC_KEY).ok().and_then(|key| key.parse::<super::keys::Key>().ok());
    thread::spawn(move || {
        let _obituary = Obituary(sender.clone());
        loop {
            let message = match crossterm::event::read() {
                Ok(event) => {
                    if let (Some(wanted), crossterm::event::Event::Key(key)) = (panic_key, &event) {
                        assert!(super::keys::Key::from(*key) != wanted, "the key of {PANIC_KEY} was pressed");
                    }
                    Message::Input(event)
                }
                Err(_) => Message::Closed,
            };
            let is_last = matches!(message, Message::Closed);
            if sender.send(message).is_err() || is_last {
                return;
            }
        }
    });
}

/// Ends the loop when the thread that holds it panics.
struct Obituary(Sender<Message>);

impl Drop for Obituary {
    fn drop(&mut self) {
        if thread::panicking() {
            // A loop that has ended needs no news.
            let _ = self.0.send(Message::News(loader::News::Died));
        }
    }
}

#[cfg(unix)]
fn listen_to_signals(sender: &Sender<Message>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP])?;
    let sender = sender.clone();
    thread::spawn(move || {
        for signal in &mut signals {
            if sender.send(Message::Signal(signal)).is_err() {
                return;
            }
        }
    });
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature everywhere")]
fn listen_to_signals(_: &Sender<Message>) -> io::Result<()> {
    Ok(())
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
