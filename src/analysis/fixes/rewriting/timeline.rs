//! The steps of an image in their order, each with what stood before it: user, working directory, shell.

use std::cell::OnceCell;

use super::sh;
use crate::archive::history::{self, HistoryEntry};
use crate::dockerfile::join::Runner;
use crate::dockerfile::shell::Dialect;
use crate::dockerfile::step::{Step, env_variables, shell_words};
use crate::dockerfile::{Fit, Instruction};
use crate::layer::entry::LayerNumber;
use crate::layer::index::Index;

/// One line of the history.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub step: Step,
    pub layer: Option<LayerNumber>,
    /// What it ran in.
    pub context: Context,
    /// Docker's `BuildKit` wrote it, which does not record the flags of RUN, COPY and ADD.
    pub by_buildkit: bool,
    /// The instruction of the user's Dockerfile that made it.
    pub written: Option<Instruction>,
}

/// What a RUN runs in, as far as the history tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Context {
    pub user: String,
    pub directory: String,
    /// The words of the last SHELL; empty without one.
    pub shell: Vec<String>,
    /// Whether `BASH_ENV` is set: then every `bash` reads a file first.
    pub has_bash_env: bool,
}

/// The whole history.
#[derive(Debug)]
pub(crate) struct Timeline {
    pub lines: Vec<Line>,
    places: Vec<Option<usize>>,
    /// What `/bin/sh` is, as far as the image tells; looked up when a text has to be understood.
    sh: OnceCell<Dialect>,
}

impl Timeline {
    pub(crate) fn new(history: &[HistoryEntry], layer_count: usize) -> Self {
        let mut places = vec![None; layer_count];
        let mut context = Context { directory: "/".to_owned(), ..Context::default() };
        let mut lines = Vec::with_capacity(history.len());
        for (at, (entry, step)) in history.iter().zip(history::steps(history)).enumerate() {
            let layer = entry.layer.map(|number| LayerNumber::from_index(number as usize - 1));
            if let Some(place) = layer.and_then(|layer| places.get_mut(layer.index())) {
                *place = Some(at);
            }
            let before = context.clone();
            context.apply(&step);
            let by_buildkit = entry.created_by.trim_end().ends_with("# buildkit");
            lines.push(Line { step, layer, context: before, by_buildkit, written: None });
        }
        Timeline { lines, places, sh: OnceCell::new() }
    }

    /// Takes the instructions of the Dockerfile that the image was built from: what builders do not record is there.
    pub(crate) fn with_instructions(mut self, fit: &Fit) -> Self {
        for line in &mut self.lines {
            let Some(written) = line.layer.and_then(|layer| fit.source(layer.get())) else { continue };
            line.step.flags = written.flags().map(str::to_owned).collect();
            line.written = Some(written.clone());
        }
        self
    }

    /// Returns the place of the line that made a layer.
    pub(crate) fn place(&self, layer: LayerNumber) -> Option<usize> {
        self.places.get(layer.index()).copied().flatten()
    }

    pub(crate) fn line(&self, layer: LayerNumber) -> Option<&Line> {
        self.place(layer).map(|place| &self.lines[place])
    }
}

impl Timeline {
    /// Returns the value of a variable where a line of the history stands, if ENVs above it set it to plain text.
    pub(crate) fn variable(&self, place: usize, name: &str) -> Option<String> {
        let settings = self.lines[..place].iter().rev().filter(|line| line.step.instruction == "ENV");
        for line in settings {
            let Some(variables) = env_variables(&line.step.command) else {
                // It may be set to anything here.
                if line.step.command.contains(name) {
                    return None;
                }
                continue;
            };
            if let Some((_, value)) = variables.into_iter().rev().find(|(known, _)| known == name) {
                return Some(value);
            }
        }
        None
    }
}

impl Context {
    /// Says whether what runs here is root.
    pub(crate) fn is_root(&self) -> bool {
        let user = self.user.split(':').next().unwrap_or_default();
        matches!(user, "" | "0" | "root")
    }

    fn apply(&mut self, step: &Step) {
        match step.instruction.as_str() {
            "USER" => self.user.clone_from(&step.command),
            "SHELL" => self.shell = shell_words(&step.command),
            "ENV" => self.has_bash_env |= step.command.contains("BASH_ENV"),
            "WORKDIR" => self.directory = join(&self.directory, &step.command),
            _ => {}
        }
    }
}

/// Returns `path` seen from `directory`, without `.` and empty components.
pub(in super::super) fn join(directory: &str, path: &str) -> String {
    let path = path.trim().trim_matches('"');
    let start = if path.starts_with('/') { "" } else { directory };
    let parts = start.split('/').chain(path.split('/')).filter(|part| !part.is_empty() && *part != ".");
    let mut out = String::new();
    for part in parts {
        out.push('/');
        out.push_str(part);
    }
    if out.is_empty() { "/".to_owned() } else { out }
}

/// A COPY or ADD, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Transfer {
    /// Where from, as the user wrote it; empty where the builder recorded a digest instead.
    pub sources: Vec<String>,
    /// Where to, absolute.
    pub destination: String,
    /// The destination as it was written.
    pub written: String,
}

/// How the names of archives go on.
const ARCHIVES: [&str; 9] = [".tar", ".tgz", ".tbz", ".txz", ".tzst", ".gz", ".bz2", ".xz", ".zst"];

impl Transfer {
    /// Says whether an ADD may do more than copy: unpack an archive, or fetch something.
    pub(in super::super) fn is_unpacked(&self, line: &Line) -> bool {
        let is_archive = |source: &String| {
            let name = source.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
            source.contains("://") || source.starts_with("git@") || ARCHIVES.iter().any(|end| name.contains(end))
        };
        line.step.instruction == "ADD" && (self.sources.is_empty() || self.sources.iter().any(is_archive))
    }
}

impl Line {
    /// Returns the shell that the step is given to.
    ///
    /// # Errors
    /// Why texts for it cannot be joined.
    pub(in super::super) fn runner(&self, timeline: &Timeline, index: &Index) -> Result<Runner, &'static str> {
        let sh = *timeline.sh.get_or_init(|| sh::dialect(index));
        Runner::new(&self.context.shell, sh)
    }

    /// Returns what a COPY or ADD copies; nothing for other steps.
    pub(in super::super) fn transfer(&self) -> Option<Transfer> {
        if !matches!(self.step.instruction.as_str(), "COPY" | "ADD") {
            return None;
        }
        let command = self.words().trim();
        let absolute = |path: &str| join(&self.context.directory, path);
        // The classic builder and buildah: `file:DIGEST in /destination`.
        let is_digest = ["file:", "dir:", "multi:"].iter().any(|kind| command.starts_with(kind));
        if let Some((_, written)) = command.split_once(" in ").filter(|_| is_digest) {
            let written = written.trim().to_owned();
            return Some(Transfer { sources: Vec::new(), destination: absolute(&written), written });
        }
        let mut words: Vec<String> = match serde_json::from_str(command) {
            Ok(words) => words,
            Err(_) => command.split_whitespace().map(str::to_owned).collect(),
        };
        let written = words.pop()?;
        (!words.is_empty()).then(|| Transfer { sources: words, destination: absolute(&written), written })
    }

    /// Returns what follows the instruction and its flags: of what is copied, builders may record only a digest.
    fn words(&self) -> &str {
        let written = self.written.as_ref().filter(|_| self.step.instruction != "RUN");
        written.map_or(self.step.command.as_str(), Instruction::text)
    }

    /// Returns the step as one line of a Dockerfile, as far as history and Dockerfile tell.
    pub(crate) fn text(&self) -> String {
        let step = &self.step;
        let flags = step.flags.iter().map(String::as_str);
        let words = [step.instruction.as_str()].into_iter().chain(flags).chain([self.words()]);
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// Returns the step as it is written in the Dockerfile; without one, what the history tells of it.
    pub(crate) fn source(&self) -> String {
        self.written.as_ref().map_or_else(|| self.text(), |written| written.source().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(lines: &[&str]) -> Timeline {
        let history: Vec<HistoryEntry> = lines
            .iter()
            .map(|line| HistoryEntry { created_by: (*line).to_owned(), empty_layer: true, ..HistoryEntry::default() })
            .collect();
        Timeline::new(&history, 0)
    }

    #[test]
    fn a_step_knows_what_stood_before_it() {
        let timeline = timeline(&["WORKDIR /app", "USER 1000", "WORKDIR src/.", "RUN make"]);
        let context = &timeline.lines[3].context;
        assert_eq!((context.user.as_str(), context.directory.as_str()), ("1000", "/app/src"));
    }

    #[test]
    fn transfers_of_every_builder() {
        let timeline = timeline(&[
            "WORKDIR /app",
            "COPY a b lib/ # buildkit",
            "/bin/sh -c #(nop) COPY file:0123 in /tmp/x ",
            "COPY --from=build /out /opt",
            "COPY [\"a b\", \"c\"]",
        ]);
        let transfer = |at: usize| timeline.lines[at].transfer().map(|found| (found.sources, found.destination));
        let some = |sources: &[&str], destination: &str| {
            Some((sources.iter().map(|source| (*source).to_owned()).collect(), destination.to_owned()))
        };
        assert_eq!(transfer(0), None);
        assert_eq!(transfer(1), some(&["a", "b"], "/app/lib"));
        assert_eq!(transfer(2), some(&[], "/tmp/x"));
        assert_eq!(transfer(3), some(&["/out"], "/opt"));
        assert_eq!(transfer(4), some(&["a b"], "/app/c"));
        assert_eq!(timeline.lines[3].text(), "COPY --from=build /out /opt");
    }
}
