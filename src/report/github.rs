//! Annotations of a GitHub workflow: a line for each finding, at most ten, which the runner shows at the Dockerfile's lines.
//!
//! GitHub shows at most ten of each kind in a step and silently drops the rest: here the worst come first, and a plain last
//! line says how many more there are. Where the runner offers its files, the step's summary gets the Markdown
//! report, and its outputs get the numbers (see [`Runner`]).

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use super::annotations::{Annotation, Severity, annotations, clean, file};
use super::{Style, markdown};
use crate::analysis::Analysis;
use crate::escape::escape;
use crate::gate::Verdict;

/// How many annotations are written.
const MOST_ANNOTATIONS: usize = 10;

pub(super) fn write(
    analysis: &Analysis,
    verdict: Option<&Verdict>,
    style: &Style,
    out: &mut impl Write,
) -> io::Result<()> {
    let found = annotations(analysis, verdict, style);
    let file = escape(file(analysis, style).as_bytes());
    for one in found.iter().take(MOST_ANNOTATIONS) {
        annotation(analysis, one, &file, out)?;
    }
    if found.len() > MOST_ANNOTATIONS {
        writeln!(out, "and {} more findings", found.len() - MOST_ANNOTATIONS)?;
    }
    match verdict {
        Some(verdict) => writeln!(out, "layerlens: {}", verdict.headline(style.units)),
        None => Ok(()),
    }
}

fn annotation(analysis: &Analysis, one: &Annotation, file: &str, out: &mut impl Write) -> io::Result<()> {
    let kind = match one.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let lines = match one.lines.first() {
        Some(lines) => format!(",line={},endLine={}", lines.first, lines.last),
        None => String::new(),
    };
    let message = match (suggestions(analysis, one), one.lines_to_paste.as_str()) {
        (Some(suggestions), _) => format!("{}\n\n{suggestions}", one.message),
        (None, "") => one.message.clone(),
        (None, lines) => format!("{}\n\nThe new lines:\n{lines}", one.message),
    };
    let title = property(&format!("layerlens: {}", one.title));
    writeln!(out, "::{kind} file={}{lines},title={title}::{}", property(file), data(&message))
}

/// Returns what becomes of which lines of the Dockerfile, where the fix is that and no more.
///
/// An annotation offers nothing to click on: the blocks are ready for a comment of a review, at the lines that are named.
fn suggestions(analysis: &Analysis, one: &Annotation) -> Option<String> {
    let place = one.fix?;
    let way = analysis.fixes[place].alternatives.first()?;
    let patch = analysis.patch(&[(place, 0)]).ok()?;
    if !patch.left_out.is_empty() || way.edits.is_empty() {
        return None;
    }
    let mut parts = Vec::new();
    for edit in way.own_edits().iter().filter(|edit| edit.before != edit.after) {
        let lines = analysis.lines_of(edit.layer)?;
        let range = if lines.first == lines.last {
            format!("Line {}", lines.first)
        } else {
            format!("Lines {}-{}", lines.first, lines.last)
        };
        let new: Vec<String> = edit.after.lines().map(clean).collect();
        let goes = if new.is_empty() { " (to be removed)" } else { "" };
        let fence = fence(&new);
        parts.push(format!(
            "{range}{goes}:\n{fence}suggestion\n{}{fence}",
            new.iter().flat_map(|line| [line, "\n"]).collect::<String>()
        ));
    }
    if !way.dockerignore.is_empty() {
        parts.push(format!(
            "To .dockerignore:\n{}",
            way.dockerignore.iter().map(|line| clean(line)).collect::<Vec<_>>().join("\n")
        ));
    }
    parts.extend(way.caveats.iter().map(|note| format!("Note: {}", clean(note))));
    Some(parts.join("\n\n"))
}

/// Returns a fence that no line can close.
fn fence(lines: &[String]) -> String {
    let ticks = lines.iter().map(|line| line.trim_start()).map(|line| line.len() - line.trim_start_matches('`').len());
    "`".repeat(ticks.max().unwrap_or_default().max(2) + 1)
}

/// Escapes what follows the second pair of colons, as the runner's own toolkit does.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a value between the pairs of colons.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The files that a workflow's runner offers to a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runner {
    /// Markdown that is shown on the run's page.
    pub summary: Option<PathBuf>,
    /// `NAME=VALUE` lines for later steps.
    pub output: Option<PathBuf>,
}

impl Runner {
    /// Takes them from the variables `GITHUB_STEP_SUMMARY` and `GITHUB_OUTPUT`, which `get` looks up.
    pub fn from_variables(get: impl Fn(&str) -> Option<OsString>) -> Self {
        let file = |name| get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Runner { summary: file("GITHUB_STEP_SUMMARY"), output: file("GITHUB_OUTPUT") }
    }

    /// Returns the files, to find out whether they can be written.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.summary.iter().chain(&self.output)
    }

    /// Appends the summary and the outputs: other steps write to the same files.
    ///
    /// # Errors
    /// The file, and why it cannot be written.
    pub fn write(
        &self,
        analysis: &Analysis,
        verdict: Option<&Verdict>,
        style: &Style,
    ) -> Result<(), (PathBuf, io::Error)> {
        if let Some(path) = &self.summary {
            let written = append(path).and_then(|mut file| markdown::write(analysis, verdict, style, &mut file));
            written.map_err(|error| (path.clone(), error))?;
        }
        if let Some(path) = &self.output {
            let written = append(path).and_then(|mut file| outputs(analysis, verdict, &mut file));
            written.map_err(|error| (path.clone(), error))?;
        }
        Ok(())
    }
}

fn append(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Only our own numbers and words: no text of the image can become a line of its own.
fn outputs(analysis: &Analysis, verdict: Option<&Verdict>, out: &mut impl Write) -> io::Result<()> {
    let totals = &analysis.totals;
    if let Some(verdict) = verdict {
        writeln!(out, "passed={}", verdict.passed())?;
    }
    writeln!(out, "layers={}", analysis.layers.len())?;
    for (name, bytes) in [
        ("stored-bytes", totals.stored_bytes),
        ("final-bytes", totals.final_bytes),
        ("wasted-bytes", totals.wasted_bytes),
        ("user-wasted-bytes", totals.user_wasted_bytes()),
        ("fixable-bytes", totals.fixable_bytes),
    ] {
        writeln!(out, "{name}={bytes}")?;
    }
    writeln!(out, "efficiency={:.4}", totals.efficiency())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_escaped() {
        assert_eq!(data("100%\r\n::error::x"), "100%25%0D%0A::error::x");
        assert_eq!(property("a:b,c%"), "a%3Ab%2Cc%25");
    }
}
