//! The outputs: each writes one [`crate::Analysis`] in its own format, and escapes for itself.

mod dockerfile;
mod fixes;
pub mod html;
pub mod json;
mod target;
pub mod text;

use std::io::{self, Write};
use std::str::FromStr;

use crate::analysis::Analysis;
use crate::gate::Verdict;
use crate::size::Units;

pub use target::Target;

/// A format of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The summary for people.
    Text,
    /// REPORT.md's JSON, for scripts.
    Json,
    /// The steps as a Dockerfile, with what each stores and wastes.
    Dockerfile,
    /// One page for a browser, with everything in it.
    Html,
}

impl Format {
    /// Every format with its name.
    pub const ALL: [(&'static str, Format); 4] =
        [("text", Format::Text), ("json", Format::Json), ("dockerfile", Format::Dockerfile), ("html", Format::Html)];
}

/// What a report shows beside the analysis.
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
}

impl Default for Style {
    fn default() -> Self {
        Style { units: Units::Si, color: false, width: 100, with_changes: false }
    }
}

/// A report that was asked for: `FORMAT` or `FORMAT=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is written.
    pub format: Format,
    /// Where to.
    pub target: Target,
}

impl FromStr for Request {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = text.split_once('=').map_or((text, None), |(name, file)| (name, Some(file)));
        let format = Format::ALL.iter().find(|(known, _)| *known == name).map(|(_, format)| *format);
        let known = || Format::ALL.map(|(name, _)| name).join(", ");
        let format = format.ok_or_else(|| format!("unknown format {name:?}: there are {}", known()))?;
        let target = match file {
            None | Some("-") => Target::Stdout,
            Some("") => return Err("no file name after '=': write FORMAT=FILE".to_owned()),
            Some(file) => Target::File(file.into()),
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
    match format {
        Format::Text => text::write(analysis, verdict, style, out),
        Format::Json => json::write(analysis, verdict, style.with_changes, out),
        Format::Dockerfile => dockerfile::write(analysis, style, out),
        Format::Html => html::write(analysis, verdict, style, out),
    }
}
