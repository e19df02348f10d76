//! Work in another thread: how far it has come, and whether it is still wanted.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A piece of work that can be watched and stopped from another thread.
#[derive(Debug, Clone, Default)]
pub struct Task {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    done_bytes: AtomicU64,
    total_bytes: AtomicU64,
    is_stopped: AtomicBool,
}

impl Task {
    /// Returns the bytes that are done, and how many there are in all (0 = not known).
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        (self.shared.done_bytes.load(Ordering::Relaxed), self.shared.total_bytes.load(Ordering::Relaxed))
    }

    /// Says how many bytes there are in all; those that were read so far do not count.
    pub fn expect(&self, bytes: u64) {
        self.shared.total_bytes.store(bytes, Ordering::Relaxed);
        self.shared.done_bytes.store(0, Ordering::Relaxed);
    }

    /// Says that so many more bytes are done.
    pub fn add(&self, bytes: usize) {
        self.shared.done_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Says that the work is no longer wanted.
    pub fn stop(&self) {
        self.shared.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Fails once the work is no longer wanted.
    ///
    /// # Errors
    /// That it was stopped.
    pub fn check(&self) -> io::Result<()> {
        if self.shared.is_stopped.load(Ordering::Relaxed) { Err(io::Error::other("stopped")) } else { Ok(()) }
    }

    /// Returns a reader that ends in an error when the work is stopped. What is read counts as done while no total is known.
    pub fn watch<R: Read>(&self, inner: R) -> Watched<R> {
        Watched { inner, task: self.clone() }
    }

    /// Returns a writer that ends in an error when the work is stopped. What is written counts as done.
    pub fn watch_writer<W: Write>(&self, inner: W) -> WatchedWriter<W> {
        WatchedWriter { inner, task: self.clone() }
    }
}

/// A writer that reports to a task.
#[derive(Debug)]
pub struct WatchedWriter<W> {
    inner: W,
    task: Task,
}

impl<W: Write> Write for WatchedWriter<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.task.check()?;
        let n = self.inner.write(buf)?;
        self.task.add(n);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A reader that reports to a task.
#[derive(Debug)]
pub struct Watched<R> {
    inner: R,
    task: Task,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.task.check()?;
        let n = self.inner.read(buf)?;
        if self.task.bytes().1 == 0 {
            self.task.add(n);
        }
        Ok(n)
    }
}
