//! The threads that listen: one for keys, the mouse and the window, one for signals.

use std::io;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use crossterm::event;

use crate::tui::ScreenMessage;
use crate::tui::loader::ReportDeath;

/// How often the terminal is asked whether it is still there when nothing comes from it.
const CHECK_EVERY: Duration = Duration::from_secs(1);

pub(super) fn to_keys(sender: Sender<ScreenMessage>) {
    thread::spawn(move || {
        let _report = ReportDeath::new(sender.clone());
        loop {
            let message = next();
            let is_last = matches!(message, ScreenMessage::Closed);
            if sender.send(message).is_err() || is_last {
                return;
            }
        }
    });
}

/// Waits for the next event. The reader never ends on a terminal that was closed, so it is asked now and then.
fn next() -> ScreenMessage {
    loop {
        match event::poll(CHECK_EVERY) {
            Ok(true) => return event::read().map_or(ScreenMessage::Closed, ScreenMessage::Input),
            Ok(false) if crossterm::terminal::window_size().is_ok() => {}
            Ok(false) | Err(_) => return ScreenMessage::Closed,
        }
    }
}

#[cfg(unix)]
pub(super) fn to_signals(sender: &Sender<ScreenMessage>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP])?;
    let sender = sender.clone();
    thread::spawn(move || {
        for signal in &mut signals {
            if sender.send(ScreenMessage::Signal(signal)).is_err() {
                return;
            }
        }
    });
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature everywhere")]
pub(super) fn to_signals(_: &Sender<ScreenMessage>) -> io::Result<()> {
    Ok(())
}
