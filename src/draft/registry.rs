//! The drafts of this process, so that a signal or the end of the program can remove them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is to be removed; nothing once the process is about to end, and then nothing can be added.
static DRAFTS: Mutex<Option<BTreeSet<PathBuf>>> = Mutex::new(Some(BTreeSet::new()));

/// The lock is held while a draft is created and while it gets its name, so that whoever removes drafts knows all of them
/// and none that is finished. A panic leaves the set as it was.
fn drafts() -> MutexGuard<'static, Option<BTreeSet<PathBuf>>> {
    DRAFTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An entry of the register; dropping it takes the entry out.
#[derive(Debug)]
pub(super) struct Registered(PathBuf);

/// Creates a draft and enters its path.
pub(super) fn create<T>(make: impl FnOnce() -> io::Result<(T, PathBuf)>) -> io::Result<(T, Registered)> {
    let mut drafts = drafts();
    let Some(known) = drafts.as_mut() else {
        return Err(io::Error::new(io::ErrorKind::Interrupted, "the program is ending"));
    };
    let (draft, path) = make()?;
    // Relative to a directory that may change while the program runs.
    let path = std::path::absolute(&path).unwrap_or(path);
    known.insert(path.clone());
    Ok((draft, Registered(path)))
}

impl Registered {
    /// Gives the draft its name; nothing can remove it in between.
    pub(super) fn finish(self, name: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut drafts = drafts();
        let Some(known) = drafts.as_mut() else {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "the program is ending"));
        };
        let named = name();
        known.remove(&self.0);
        named
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some(known) = drafts().as_mut() {
            known.remove(&self.0);
        }
    }
}

/// Removes every draft. None can be made or finished afterwards: for a process that is about to end.
pub fn abandon_all() {
    for path in drafts().take().into_iter().flatten() {
        remove(&path);
    }
}

/// The first error is the one that matters, and whoever wrote the draft has it.
fn remove(path: &Path) {
    if path.is_dir() {
        super::folder::remove_tree(path);
    } else {
        let _ = std::fs::remove_file(path);
    }
}

/// Lets the signals that end the program (`SIGTERM`, `SIGINT`, `SIGHUP`, `SIGQUIT`) remove all drafts first. Those that
/// the program was started to ignore, as by `nohup`, stay ignored.
///
/// For programs without signal handlers of their own; others call [`abandon_all`] before they end.
///
/// # Errors
/// Where no handler can be installed.
#[cfg(unix)]
pub fn remove_on_signals() -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    let ignored = ignored_signals();
    let wanted = [SIGTERM, SIGINT, SIGHUP, SIGQUIT].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = signal_hook::iterator::Signals::new(wanted)?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            abandon_all();
            // Ends the process as the signal would have: whoever started it sees why.
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    })?;
    Ok(())
}

/// Does nothing: this system ends programs without a signal.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn remove_on_signals() -> io::Result<()> {
    Ok(())
}

/// Returns the signals that are ignored, one bit each, signal 1 the lowest. Asking for one signal's disposition takes
/// unsafe code; Linux also tells in a file. Elsewhere a hangup counts as ignored: a program under `nohup` must go on.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    const HANGUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(HANGUP)
}
