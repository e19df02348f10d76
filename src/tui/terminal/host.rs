//! What the loop needs from outside, on a real terminal: the shell, the mouse, the clipboard, threads.

use std::io;
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossterm::clipboard::CopyToClipboard;
use crossterm::execute;

use super::guard::{give_back, set_mouse, take};
use crate::tui::loader::{self, BackgroundJob};
use crate::tui::{Host, ScreenMessage};

/// How long the end waits for work that was stopped, so that it leaves nothing half-written behind.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// The real outside.
pub(super) struct Outside {
    mouse: bool,
    sender: Sender<ScreenMessage>,
    jobs: Vec<JoinHandle<()>>,
}

impl Outside {
    pub(super) fn new(mouse: bool, sender: Sender<ScreenMessage>) -> Self {
        Outside { mouse, sender, jobs: Vec::new() }
    }

    /// Waits for work that was stopped.
    pub(super) fn finish(&self) {
        let start = Instant::now();
        while self.jobs.iter().any(|job| !job.is_finished()) && start.elapsed() < LONGEST_WAIT {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Host for Outside {
    fn suspend(&mut self) -> io::Result<Option<&'static str>> {
        if !can_stop() {
            return Ok(Some("not suspended: there is no shell to return to"));
        }
        give_back();
        stop();
        take(self.mouse)?;
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

    fn spawn(&mut self, job: BackgroundJob) {
        self.jobs.retain(|job| !job.is_finished());
        self.jobs.push(loader::spawn(self.sender.clone(), job));
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
