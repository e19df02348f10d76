//! Work behind the screen: reading the image, opening a file's content. Each job runs in a thread and ends in a message.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};

use super::app::LoadedImage;
use super::matching::Matches;
use crate::analysis::{self, OpenOptions};
use crate::archive::ImageSpec;
use crate::contents::search::Hit;
use crate::error::Error;
use crate::open::watch::{Stage, Watch};
use crate::source::Region;

/// What a thread has to say.
pub enum News {
    /// The image was selected.
    Spec(Box<ImageSpec>),
    /// A layer was read: its number, if known, and its content bytes.
    Layer(Option<u32>, u64),
    /// The image is complete, or cannot be read.
    Image(Box<Result<LoadedImage, Error>>),
    /// A file's content can be paged, or not: the number of the request, and what came of it.
    Content(u64, Result<Region, String>),
    /// What was looked for in a content: the number of its request, and where it is.
    Found(u64, Result<Option<Hit>, String>),
    /// The paths that a pattern matches, or what is wrong with the pattern.
    Matches(Matches),
    /// Something was written, or not: a sentence about it.
    Written(String),
    /// A job died.
    Died,
}

/// Something to do in a thread; its news comes back as a message.
pub struct BackgroundJob(Box<dyn FnOnce() -> News + Send>);

impl BackgroundJob {
    /// Wraps what is to be done.
    pub fn new(work: impl FnOnce() -> News + Send + 'static) -> Self {
        BackgroundJob(Box::new(work))
    }

    /// Does it.
    #[must_use]
    pub fn run(self) -> News {
        (self.0)()
    }
}

impl fmt::Debug for BackgroundJob {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Job")
    }
}

/// Starts to read the image.
pub fn load<M: From<News> + Send + 'static>(image: &Path, options: &OpenOptions, sender: Sender<M>) {
    let (image, mut options) = (image.to_owned(), options.clone());
    let listener = sender.clone();
    options.load.watch = Watch::new(move |stage| {
        let news = match stage {
            Stage::Spec(spec) => News::Spec(Box::new(spec.clone())),
            Stage::Layer { number, stored_bytes } => News::Layer(number, stored_bytes),
        };
        // A screen that is gone needs no news.
        let _ = listener.send(news.into());
    });
    let job = BackgroundJob::new(move || {
        let result = analysis::open(&image, &options).map(|analysis| LoadedImage::new(Arc::new(analysis)));
        News::Image(Box::new(result))
    });
    drop(spawn(sender, job));
}

/// Does a job in a thread of its own.
#[must_use]
pub fn spawn<M: From<News> + Send + 'static>(sender: Sender<M>, job: BackgroundJob) -> JoinHandle<()> {
    thread::spawn(move || {
        let report = ReportDeath::new(sender.clone());
        let news = job.run();
        drop(report);
        // A screen that is gone needs no news.
        let _ = sender.send(news.into());
    })
}

/// Sends [`News::Died`] when the thread that holds it panics.
pub(super) struct ReportDeath<M: From<News>>(Sender<M>);

impl<M: From<News>> ReportDeath<M> {
    pub(super) fn new(sender: Sender<M>) -> Self {
        ReportDeath(sender)
    }
}

impl<M: From<News>> Drop for ReportDeath<M> {
    fn drop(&mut self) {
        if thread::panicking() {
            // A screen that is gone needs no news.
            let _ = self.0.send(News::Died.into());
        }
    }
}
