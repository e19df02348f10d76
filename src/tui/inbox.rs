//! What the loop takes next: whatever has come, in its order, but for keys that must wait a moment.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::app::App;
use super::{ScreenMessage, TICKS_PER_SECOND};

/// How long keys wait for the matches of a pattern that was entered before them: who types ahead means the row that is
/// found. It is too short to be felt, and longer than the search of all but huge images.
const LONGEST_HOLD: Duration = Duration::from_millis(40);

/// The messages of one loop.
pub(super) struct Inbox<'a> {
    messages: &'a Receiver<ScreenMessage>,
    /// Keys that came while matches were awaited.
    held: VecDeque<ScreenMessage>,
    /// When they have waited long enough.
    hold_until: Option<Instant>,
}

impl<'a> Inbox<'a> {
    pub(super) fn new(messages: &'a Receiver<ScreenMessage>) -> Self {
        Inbox { messages, held: VecDeque::new(), hold_until: None }
    }

    /// Waits for a message; nothing when it is time to draw again anyway.
    pub(super) fn wait(&mut self, app: &mut App) -> Option<ScreenMessage> {
        if !app.is_busy() {
            return Some(self.messages.recv().unwrap_or(ScreenMessage::Closed));
        }
        match self.messages.recv_timeout(Duration::from_millis(1000 / TICKS_PER_SECOND)) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Disconnected) => Some(ScreenMessage::Closed),
            Err(RecvTimeoutError::Timeout) => {
                app.tick();
                None
            }
        }
    }

    /// Returns the next message that has come; nothing where a frame can be drawn.
    pub(super) fn next(&mut self, app: &App) -> Option<ScreenMessage> {
        if app.awaits_matches() {
            let until = *self.hold_until.get_or_insert_with(|| Instant::now() + LONGEST_HOLD);
            while let Some(left) = until.checked_duration_since(Instant::now()) {
                match self.messages.recv_timeout(left) {
                    Ok(input @ ScreenMessage::Input(_)) => self.held.push_back(input),
                    Ok(message) => return Some(message),
                    Err(_) => break,
                }
            }
        } else {
            self.hold_until = None;
        }
        self.held.pop_front().or_else(|| self.messages.try_recv().ok())
    }
}
