//! Work behind the screen: reading the image, opening a file's content. Each job runs in a thread and ends in a message.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};

use super::app::Image;
use super::content::search::Hit;
use super::task::Job;
use crate::analysis::{self, OpenOptions};
use crate::archive::ImageSpec;
use crate::error::Error;
use crate::layer::watch::{Stage, Watch};
use crate::source::Region;

/// What a thread has to say.
pub enum News {
    /// The image was selected.
    Spec(Box<ImageSpec>),
    /// A layer was read: its number, if known, and its content bytes.
    Layer(Option<u32>, u64),
    /// The image is complete, or cannot be read.
    Image(Box<Result<Image, Error>>),
    /// A file's content can be paged, or not: the number of the request, and what came of it.
    Content(u64, Result<Region, String>),
    /// What was looked for in a content: the number of its request, and where it is.
    Found(u64, Result<Option<Hit>, String>),
    /// Something was written, or not: a sentence about it.
    Written(String),
    /// A job died.
    Died,
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
    let job = Job::new(move || {
        let result = analysis::open(&image, &options).map(|analysis| Image::new(Arc::new(analysis)));
        News::Image(Box::new(result))
    });
    drop(spawn(sender, job));
}

/// Returns an error with its hint, in one line.
#[must_use]
pub fn explain(error: &Error) -> String {
    match error.hint() {
        Some(hint) => format!("{error}: {hint}"),
        None => error.to_string(),
    }
}

/// Does a job in a thread of its own.
#[must_use]
pub fn spawn<M: From<News> + Send + 'static>(sender: Sender<M>, job: Job) -> JoinHandle<()> {
    thread::spawn(move || {
        let died = Obituary(Some(sender));
        let news = job.run();
        died.instead(news);
    })
}

/// Sends [`News::Died`] when the thread unwinds.
struct Obituary<M: From<News>>(Option<Sender<M>>);

impl<M: From<News>> Obituary<M> {
    fn instead(mut self, news: News) {
        if let Some(sender) = self.0.take() {
            // A screen that is gone needs no news.
            let _ = sender.send(news.into());
        }
    }
}

impl<M: From<News>> Drop for Obituary<M> {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            let _ = sender.send(News::Died.into());
        }
    }
}
