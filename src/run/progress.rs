//! A progress bar on stderr, for loads that take over a second.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::source::Progress;

/// The bar, drawn by a thread of its own until it is stopped.
pub(super) struct Bar(Option<(Sender<()>, JoinHandle<()>)>);

/// A load that is done by then shows no bar.
const DELAY: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);

impl Bar {
    /// Starts the bar, where one is `wanted`.
    pub(super) fn start(wanted: bool, progress: &Arc<Progress>) -> Self {
        if !wanted {
            return Bar(None);
        }
        let (stop, stopped) = channel();
        let progress = Arc::clone(progress);
        Bar(Some((stop, thread::spawn(move || draw(&stopped, &progress)))))
    }

    /// Takes the bar off the screen.
    pub(super) fn stop(self) {
        if let Bar(Some((stop, thread))) = self {
            drop(stop);
            // A bar that died has nothing more to say.
            let _ = thread.join();
        }
    }
}

fn draw(stopped: &Receiver<()>, progress: &Progress) {
    let goes_on = |pause| stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout);
    if !goes_on(DELAY) {
        return;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let (_, total) = progress.bytes();
    let template = match total {
        0 => "{spinner} reading  {bytes}  {bytes_per_sec}",
        _ => "reading  {bar:30}  {bytes} of {total_bytes}  {bytes_per_sec}  {eta}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    while goes_on(TICK) {
        let (done, total) = progress.bytes();
        if total > 0 {
            bar.set_length(total);
        }
        bar.set_position(done);
        bar.tick();
    }
    bar.finish_and_clear();
}
