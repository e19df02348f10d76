//! What is in front of the panes, and what is done behind them: a file's content and the search in it, writing.

use std::fmt::Write as _;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Effect, NOTHING};
use crate::contents::extract::{self, Extracted, ImageState, Wanted};
use crate::contents::search::{Hit, TextPattern};
use crate::contents::{self, explain};
use crate::draft::clash;
use crate::escape::escape;
use crate::layer::entry::Kind;
use crate::report;
use crate::size::Units;
use crate::source::Region;
use crate::task::Task;
use crate::tui::app::App;
use crate::tui::front::{Asking, ContentView, PatchView, Popup, Prompt, Writing};
use crate::tui::keys::Action;
use crate::tui::loader::{BackgroundJob, News};
use crate::tui::pager::Pager;
use crate::tui::panes;
use crate::tui::text::plural;

impl App {
    /// Keys for what is in front of the panes; goes on where that was none.
    pub(super) fn act_in_front(&mut self, action: Action) -> ControlFlow<Option<Effect>> {
        if let Some(rows) = self.rows_of(action) {
            self.scroll_front(rows);
            return ControlFlow::Break(NOTHING);
        }
        match (action, &mut self.popup) {
            (Action::Back, Some(Popup::Content(view))) => {
                view.task.stop();
                self.popup = None;
            }
            (Action::Back, _) | (Action::Help, Some(Popup::Help(_))) => self.popup = None,
            (Action::TextOrHex, Some(Popup::Content(view))) => {
                if let Some(pager) = &mut view.pager {
                    pager.toggle();
                }
            }
            (Action::Extract, Some(Popup::Content(view))) => {
                let wanted = view.wanted;
                self.ask_target(wanted);
            }
            (Action::Find, Some(Popup::Content(view))) if view.pager.is_some() => {
                self.prompt = Some(Prompt::new(Asking::FindText, "find /", ""));
            }
            (Action::FindNext | Action::FindPrevious, Some(Popup::Content(_))) => {
                return ControlFlow::Break(self.find_text(action == Action::FindNext));
            }
            (Action::CopyPatch, Some(Popup::Patch(view))) => {
                let Ok(text) = view.text.clone() else { return ControlFlow::Break(NOTHING) };
                self.status = Some(format!("copied {} of the patch", plural(text.lines().count() as u64, "line")));
                return ControlFlow::Break(Some(Effect::Copy(text)));
            }
            (Action::WritePatch, Some(Popup::Patch(_))) => {
                self.prompt = Some(Prompt::new(Asking::Report, "report ", "patch=fixes.patch"));
            }
            _ => return ControlFlow::Continue(()),
        }
        ControlFlow::Break(NOTHING)
    }

    /// Shows the chosen fixes as a patch of the Dockerfile, or why there is none.
    pub(super) fn show_patch(&mut self) {
        let Some(image) = &self.image else {
            self.status = Some("the image is still being read".to_owned());
            return;
        };
        if image.analysis.fixes.is_empty() {
            self.status = Some("no fix was found: there is nothing to patch".to_owned());
            return;
        }
        let mut out = Vec::new();
        let style = self.report_style();
        let written = report::write(report::Format::Patch, &image.analysis, None, &style, &mut out);
        let text = written.map(|()| String::from_utf8_lossy(&out).into_owned()).map_err(|error| error.to_string());
        let which = match self.fixes.table.marks().len() {
            0 => "all fixes".to_owned(),
            1 => "the marked fix".to_owned(),
            count => format!("the {count} marked fixes"),
        };
        self.popup = Some(Popup::Patch(PatchView { title: format!("Patch of {which}"), text, top: 0 }));
    }

    /// Returns how reports are written: with the fixes that are marked, at the lines of the Dockerfile that fits.
    fn report_style(&self) -> report::Style {
        let fitted = self.image.as_ref().and_then(|image| image.analysis.dockerfile.as_ref());
        report::Style {
            units: self.options.units,
            dockerfile: fitted.filter(|fitted| fitted.fit.is_ok()).map(|fitted| Arc::clone(&fitted.file)),
            fixes: Some(self.chosen_fixes()),
            ..report::Style::default()
        }
    }

    /// Starts to look at the content of what is under the cursor.
    pub(super) fn look(&mut self) -> Option<Effect> {
        let reader = self.content_reader()?;
        let at = self.focus.behavior().entry(self);
        let index = &reader.analysis.index;
        let inode = at.and_then(|at| index.inode(at)).filter(|at| index.entry(*at).kind == Kind::File);
        let (Some(at), Some(inode)) = (at, inode) else {
            self.status = Some("only regular files have content".to_owned());
            return NOTHING;
        };
        let node = index.entry(at).node;
        let title = format!("{} · layer {}", escape(&index.tree.path(node)), inode.layer());
        let wanted = Wanted { node, state: ImageState::Layer(at.layer().index()) };
        self.requests += 1;
        let (request, task) = (self.requests, Task::default());
        let view = ContentView {
            title,
            wanted,
            pager: None,
            problem: None,
            pattern: None,
            task: task.clone(),
            is_busy: true,
            request,
        };
        self.popup = Some(Popup::Content(Box::new(view)));
        let open = move || {
            let result = contents::open(&reader, inode, &task);
            News::Content(request, result.map_err(|error| explain(&error)))
        };
        Some(Effect::Work(BackgroundJob::new(open)))
    }

    pub(super) fn content_known(&mut self, request: u64, result: Result<Region, String>) {
        let Some(Popup::Content(view)) = &mut self.popup else { return };
        if view.request != request {
            return;
        }
        view.is_busy = false;
        match result.and_then(|region| Pager::new(region).map_err(|error| error.to_string())) {
            Ok(pager) => view.pager = Some(pager),
            Err(problem) => view.problem = Some(problem),
        }
    }

    /// Looks for other words, from what is in sight on.
    pub(super) fn look_for(&mut self, text: &str) -> Result<Option<Effect>, String> {
        let Some(Popup::Content(view)) = &mut self.popup else { return Ok(NOTHING) };
        view.pattern = Some(TextPattern::parse(text)?).filter(|_| !text.is_empty());
        let from = view.pager.as_ref().map_or(0, Pager::position);
        Ok(self.start_search(from, true))
    }

    fn find_text(&mut self, forward: bool) -> Option<Effect> {
        let Some(Popup::Content(view)) = &self.popup else { return NOTHING };
        if view.pattern.is_none() {
            self.status = Some("nothing to search for yet: press /".to_owned());
            return NOTHING;
        }
        let pager = view.pager.as_ref()?;
        let from = pager.hit().map_or(pager.position(), |hit| hit + u64::from(forward));
        self.start_search(from, forward)
    }

    fn start_search(&mut self, from: u64, forward: bool) -> Option<Effect> {
        let Some(Popup::Content(view)) = &mut self.popup else { return NOTHING };
        let (pattern, region) = (view.pattern.clone()?, view.pager.as_ref()?.region().clone());
        self.requests += 1;
        view.task.stop();
        (view.request, view.task, view.is_busy) = (self.requests, Task::default(), true);
        let (request, task) = (self.requests, view.task.clone());
        Some(Effect::Work(BackgroundJob::new(move || {
            News::Found(request, pattern.find(&region, from, forward, &task))
        })))
    }

    pub(super) fn text_found(&mut self, request: u64, result: Result<Option<Hit>, String>) {
        let height = panes::content::height(self.size);
        let Some(Popup::Content(view)) = &mut self.popup else { return };
        if view.request != request {
            return;
        }
        view.is_busy = false;
        match (result, &mut view.pager) {
            (Ok(Some(hit)), Some(pager)) => pager.go_to(hit, height),
            (Ok(_), _) => self.status = Some("not found".to_owned()),
            (Err(problem), _) => self.status = Some(problem),
        }
    }

    /// Asks where the file or directory under the cursor is to be written to.
    pub(super) fn ask_where(&mut self) {
        if let Some(wanted) = self.focus.behavior().wanted(self) {
            self.ask_target(wanted);
        }
    }

    /// Names what is to be written: path and state.
    fn label(&self, wanted: Wanted) -> String {
        let image = self.image.as_ref();
        let path = image.map(|image| escape(&image.analysis.index.tree.path(wanted.node))).unwrap_or_default();
        let all = image.map_or(0, |image| image.analysis.layers.len());
        match wanted.state {
            ImageState::Layer(layer) => format!("{path} as layer {} stores it", layer + 1),
            ImageState::UpTo(count) if count == all => format!("{path} of the final image"),
            ImageState::UpTo(count) => format!("{path} of the image up to layer {count}"),
        }
    }

    fn ask_target(&mut self, wanted: Wanted) {
        let Some(image) = &self.image else { return };
        let name = image.analysis.index.tree.name(wanted.node);
        let name = if name.is_empty() { "rootfs".into() } else { String::from_utf8_lossy(name) };
        let text = format!("./{}", name.escape_debug());
        let label = format!("write {} to ", self.label(wanted));
        self.wanted = Some(wanted);
        self.prompt = Some(Prompt::new(Asking::Extract, label, text));
    }

    /// Starts to write what was asked for.
    pub(super) fn extract(&mut self, typed: PathBuf) -> Option<Effect> {
        let (wanted, reader) = (self.wanted.take()?, self.content_reader()?);
        let task = self.start_writing(self.label(wanted))?;
        let units = self.options.units;
        Some(Effect::Work(BackgroundJob::new(move || {
            let (target, extracted) = extract::extract(&reader, wanted, &typed, &task);
            let target = escape(target.as_os_str().as_encoded_bytes());
            News::Written(match extracted {
                Ok(extracted) => sentence(&target, &extracted, units),
                Err(problem) => format!("{target}: not written: {problem}"),
            })
        })))
    }

    /// Starts to write a report.
    pub(super) fn report(&mut self, request: report::Request) -> Option<Effect> {
        let (reader, verdict, style) = (self.content_reader()?, self.verdict.clone(), self.report_style());
        let task = self.start_writing("the report".to_owned())?;
        let image = self.options.source.clone();
        Some(Effect::Work(BackgroundJob::new(move || {
            let analysis = &reader.analysis;
            let name = match &request.target {
                report::Output::File(path) => escape(path.as_os_str().as_encoded_bytes()),
                report::Output::Stdout => "stdout".to_owned(),
            };
            let result = apart_from_image(&request.target, &image).and_then(|()| {
                request.target.write(|out| {
                    let mut out = task.watch_writer(out);
                    report::write(request.format, analysis, verdict.as_ref(), &style, &mut out)
                })
            });
            News::Written(match result {
                Ok(()) => format!("written: {name}"),
                Err(error) => format!("{name}: not written: {error}"),
            })
        })))
    }

    /// One thing is written at a time: there is one line to say so.
    fn start_writing(&mut self, label: String) -> Option<Task> {
        if let Some(writing) = &self.writing {
            self.status = Some(format!("still writing {}: Esc stops it", writing.label));
            return None;
        }
        let task = Task::default();
        self.writing = Some(Writing { label, task: task.clone() });
        Some(task)
    }
}

/// Makes sure that a report does not replace the image it is about.
fn apart_from_image(report: &report::Output, image: &Path) -> io::Result<()> {
    let report::Output::File(path) = report else { return Ok(()) };
    let named = |name: &str, path| clash::Named { name: name.to_owned(), path };
    clash::check(&[named("the report", path)], &[named("the image", image)]).map_err(io::Error::other)
}

/// Says what was written.
fn sentence(target: &str, extracted: &Extracted, units: Units) -> String {
    let Extracted { files, bytes, left_out, dropped_bits } = *extracted;
    let mut text = format!("written: {target} ({}, {})", plural(files, "file"), units.show(bytes));
    // Writing to a String cannot fail.
    if dropped_bits > 0 {
        let _ = write!(text, " without {}", plural(dropped_bits, "set-id or sticky bit"));
    }
    if left_out > 0 {
        let _ = write!(text, ", left out: {left_out} (devices, pipes, sparse files)");
    }
    text
}
