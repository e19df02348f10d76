//! The outputs: each writes one [`crate::Analysis`] in its own format, with its own escaping.

pub(crate) mod advice;
mod annotations;
mod csv;
mod dockerfile;
mod fixes;
pub(crate) mod github;
mod gitlab;
pub(crate) mod html;
pub(crate) mod json;
mod junit;
mod markdown;
mod ndjson;
mod output;
mod patch;
mod records;
mod sarif;
pub(crate) mod text;
mod waste;
pub(crate) mod why;
mod words;

use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use crate::analysis::Analysis;
use crate::dockerfile::Dockerfile;
use crate::escape::{LogSafe, Notation};
use crate::gate::Verdict;
use crate::size::Units;

pub use json::to_vec as to_json;
pub use output::Output;

/// A format of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The summary for people.
    Text,
    /// JSON for scripts, as [model](crate::model) 9 has it.
    Json,
    /// The steps as a Dockerfile, with what each stores and wastes.
    Dockerfile,
    /// A comment for a pull or merge request.
    Markdown,
    /// The waste records as a table.
    Csv,
    /// The waste records, one JSON object a line, each with the image's identity.
    Ndjson,
    /// The rules as test cases.
    Junit,
    /// Findings for code scanning.
    Sarif,
    /// Findings for GitLab's code quality widget.
    Gitlab,
    /// Annotations of a GitHub workflow.
    Github,
    /// One page for a browser, with everything in it.
    Html,
    /// The fixes as a patch of the Dockerfile, for `git apply`.
    Patch,
}

impl Format {
    /// Every format with its name.
    pub const ALL: &[(&'static str, Format)] = &[
        ("text", Format::Text),
        ("json", Format::Json),
        ("dockerfile", Format::Dockerfile),
        ("markdown", Format::Markdown),
        ("html", Format::Html),
        ("csv", Format::Csv),
        ("ndjson", Format::Ndjson),
        ("junit", Format::Junit),
        ("sarif", Format::Sarif),
        ("gitlab", Format::Gitlab),
        ("github", Format::Github),
        ("patch", Format::Patch),
    ];

    /// Says whether the format shows owners and findings; looking for them costs a look at every path.
    #[must_use]
    pub fn shows_findings(self) -> bool {
        matches!(self, Format::Json | Format::Html)
    }

    /// Returns how the format spells out what a build log must not hold.
    fn notation(self) -> Notation {
        match self {
            Format::Text | Format::Dockerfile | Format::Csv => Notation::Hex,
            Format::Json | Format::Ndjson | Format::Sarif | Format::Gitlab => Notation::Json,
            Format::Markdown | Format::Junit | Format::Html => Notation::Markup,
            Format::Github | Format::Patch => Notation::Commands,
        }
    }

    /// Returns the format's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Format::ALL.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| *name)
    }

    /// Returns the names of all formats, for people.
    #[must_use]
    pub fn names() -> String {
        Format::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

/// How a report is written.
#[derive(Debug, Clone)]
pub struct Style {
    /// How sizes are shown to people.
    pub units: Units,
    /// Whether colours and bold are used.
    pub color: bool,
    /// How many columns there are; steps are cut to fit.
    pub width: usize,
    /// Whether the JSON lists every change of every layer.
    pub with_changes: bool,
    /// The Dockerfile that the image was built from, where the user named it.
    pub dockerfile: Option<Arc<Dockerfile>>,
    /// The fixes that a patch makes, each by its place and that of the way to do it; nothing for all of them, done the
    /// first way.
    pub fixes: Option<Vec<(usize, usize)>>,
}

impl Default for Style {
    fn default() -> Self {
        Style { units: Units::Si, color: false, width: 100, with_changes: false, dockerfile: None, fixes: None }
    }
}

/// A report that was asked for: `FORMAT` or `FORMAT=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is written.
    pub format: Format,
    /// Where to.
    pub target: Output,
}

impl FromStr for Request {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = text.split_once('=').map_or((text, None), |(name, file)| (name, Some(file)));
        let format = Format::ALL.iter().find(|(known, _)| *known == name).map(|(_, format)| *format);
        let format = format.ok_or_else(|| format!("unknown format {name:?}: there are {}", Format::names()))?;
        let target = match file {
            None | Some("-") => Output::Stdout,
            Some("") => return Err("no file name after '=': write FORMAT=FILE".to_owned()),
            Some(file) => Output::file(file.as_ref()),
        };
        Ok(Request { format, target })
    }
}

/// Writes the report of `format`.
///
/// # Errors
/// Where `out` fails.
pub fn write(
    format: Format,
    analysis: &Analysis,
    verdict: Option<&Verdict>,
    style: &Style,
    out: &mut impl Write,
) -> io::Result<()> {
    // Its lines are the user's own file's, and must stay what they are.
    if format == Format::Patch {
        return patch::write(analysis, style, out);
    }
    let out = &mut LogSafe::new(out, format.notation());
    match format {
        Format::Text => text::write(analysis, verdict, style, out),
        Format::Json => json::write(analysis, verdict, style.with_changes, out),
        Format::Dockerfile => dockerfile::write(analysis, style, out),
        Format::Markdown => markdown::write(analysis, verdict, style, out),
        Format::Html => html::write(analysis, verdict, style, out),
        Format::Csv => csv::write(analysis, out),
        Format::Ndjson => ndjson::write(analysis, out),
        Format::Junit => junit::write(analysis, verdict, style, out),
        Format::Sarif => sarif::write(analysis, verdict, style, out),
        Format::Gitlab => gitlab::write(analysis, verdict, style, out),
        Format::Github => github::write(analysis, verdict, style, out),
        // Written above.
        Format::Patch => Ok(()),
    }
}
