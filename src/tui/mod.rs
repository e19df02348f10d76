//! The screen: browse an image layer by layer and see where bytes are wasted.
//!
//! `key → Action → App::update → draw`: keys come from one table ([`keys`]), the state ([`app`]) is changed by
//! [`update`], which touches neither terminal nor file, and [`panes`] draw it and compute nothing that grows with the
//! image. The loop is generic over the backend, so that tests run it on a buffer; what it needs from outside (the shell,
//! the clipboard, threads) is a [`Host`].

pub mod app;
pub mod config;
pub mod front;
mod inbox;
pub mod keys;
pub mod layout;
pub mod list;
pub mod loader;
pub mod matching;
pub mod pager;
pub mod panes;
pub mod pattern;
pub mod places;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod tree;
pub mod update;

use std::sync::mpsc::Receiver;

use crossterm::event::Event;
use ratatui::Terminal;
use ratatui::backend::Backend;

use crate::error::Error;
use app::App;
use inbox::Inbox;
use loader::{BackgroundJob, News};
use update::Effect;

/// How often the screen moves by itself while an image is read.
pub const TICKS_PER_SECOND: u64 = 10;

/// What wakes the loop.
pub enum ScreenMessage {
    /// A key, the mouse, a new size.
    Input(Event),
    /// A thread reports.
    News(News),
    /// A signal: end, or stop.
    Signal(i32),
    /// The terminal is gone.
    Closed,
}

impl From<News> for ScreenMessage {
    fn from(news: News) -> Self {
        ScreenMessage::News(news)
    }
}

/// How the loop ended.
#[derive(Debug)]
pub enum Ending {
    /// The user quit.
    Quit,
    /// A signal ended it.
    Signal(i32),
    /// The terminal is gone.
    Closed,
    /// The image cannot be read.
    Failed(Error),
    /// A thread panicked; its message is on the screen.
    Died,
}

/// What the loop needs from outside.
pub trait Host {
    /// Stops until the shell continues the program; a sentence where that cannot be.
    ///
    /// # Errors
    /// Where the terminal cannot be given back or taken again.
    fn suspend(&mut self) -> std::io::Result<Option<&'static str>>;

    /// Turns the mouse on or off.
    fn mouse(&mut self, on: bool);

    /// Puts text on the clipboard.
    fn copy(&mut self, text: &str);

    /// Does work in a thread; its news comes back as a message.
    fn spawn(&mut self, job: BackgroundJob);
}

/// Runs until something ends it. All messages that have arrived are handled before the next frame.
///
/// # Errors
/// What the backend answers.
pub fn run_loop<B: Backend>(
    terminal: &mut Terminal<B>,
    app: &mut App,
    messages: &Receiver<ScreenMessage>,
    host: &mut impl Host,
) -> Result<Ending, B::Error> {
    let mut inbox = Inbox::new(messages);
    loop {
        start_work(app, host);
        app.prepare();
        terminal.draw(|frame| panes::draw(frame, app))?;
        let mut next = inbox.wait(app);
        while let Some(message) = next {
            if let Some(ending) = take(terminal, app, host, message)? {
                return Ok(ending);
            }
            if app.awaits_matches() {
                start_work(app, host);
            }
            next = inbox.next(app);
        }
    }
}

fn start_work(app: &mut App, host: &mut impl Host) {
    if let Some(job) = app.job() {
        host.spawn(job);
    }
}

fn take<B: Backend>(
    terminal: &mut Terminal<B>,
    app: &mut App,
    host: &mut impl Host,
    message: ScreenMessage,
) -> Result<Option<Ending>, B::Error> {
    let effect = match message {
        ScreenMessage::Input(event) => {
            if let Event::Resize(..) = event {
                terminal.autoresize()?;
            }
            app.input(event)
        }
        ScreenMessage::News(news) => app.news(news),
        ScreenMessage::Signal(signal) if signal == terminal::STOP => Some(Effect::Suspend),
        ScreenMessage::Signal(signal) => return Ok(Some(Ending::Signal(signal))),
        ScreenMessage::Closed => return Ok(Some(Ending::Closed)),
    };
    match effect {
        Some(effect) => perform(terminal, app, host, effect),
        None => Ok(None),
    }
}

fn perform<B: Backend>(
    terminal: &mut Terminal<B>,
    app: &mut App,
    host: &mut impl Host,
    effect: Effect,
) -> Result<Option<Ending>, B::Error> {
    match effect {
        Effect::Quit => return Ok(Some(Ending::Quit)),
        Effect::Fail(error) => return Ok(Some(Ending::Failed(error))),
        Effect::Died => return Ok(Some(Ending::Died)),
        Effect::Suspend => match host.suspend() {
            Ok(refused) => {
                app.status = refused.map(str::to_owned);
                redraw(terminal, app)?;
            }
            Err(_) => return Ok(Some(Ending::Closed)),
        },
        Effect::Redraw => redraw(terminal, app)?,
        Effect::Mouse(on) => host.mouse(on),
        Effect::Copy(text) => host.copy(&text),
        Effect::Work(job) => host.spawn(job),
    }
    Ok(None)
}

/// Forgets what the terminal shows: the next frame draws every cell. The size may have changed as well.
fn redraw<B: Backend>(terminal: &mut Terminal<B>, app: &mut App) -> Result<(), B::Error> {
    let size = terminal.size()?;
    app.resize(size.width, size.height);
    terminal.resize(ratatui::layout::Rect::new(0, 0, size.width, size.height))
}
