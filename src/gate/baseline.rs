//! What an image is compared with: an earlier JSON report, what `--write-baseline` wrote, or another image.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::Deserialize;

use super::measures::Measures;
use crate::analysis::{self, OpenOptions, Scope};
use crate::error::{AtPlace, Error, Place, Result};
use crate::escape::{escape, is_dangerous};

/// An earlier state of the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    /// Its name for people, escaped.
    pub source: String,
    /// Its numbers.
    pub measures: Measures,
}

/// What is read of a report; whatever else stands in it is of no concern here.
#[derive(Deserialize)]
struct Report {
    schema_version: u64,
    image: Image,
    totals: Totals,
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Image {
    source: String,
    tags: Vec<String>,
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the report's names")]
struct Totals {
    stored_bytes: u64,
    final_bytes: u64,
    wasted_bytes: u64,
    user_stored_bytes: u64,
    user_wasted_bytes: u64,
}

#[derive(Deserialize)]
struct Layer {
    stored_bytes: u64,
}

impl Baseline {
    /// Reads a baseline: a file that begins like JSON is a report, everything else is opened as an image is.
    ///
    /// # Errors
    /// Where it cannot be read, is neither, or is a report that lacks the numbers.
    pub fn read(path: &Path, options: &OpenOptions) -> Result<Self> {
        let name = path.to_string_lossy().into_owned();
        if let Some(text) = open_report(path) {
            return Baseline::of_report(text).at(|| Place::Image(name));
        }
        let options = OpenOptions { findings: Scope::Nothing, wire: false, ..options.clone() };
        let analysis = analysis::open(path, &options)?;
        let source = analysis.spec.tags.first().unwrap_or(&analysis.source);
        let measures = Measures::of(&analysis).with_largest_file(&analysis);
        Ok(Baseline { source: escape(source.as_bytes()), measures })
    }

    fn of_report(text: impl Read) -> Result<Self> {
        let report: Report = serde_json::from_reader(text).map_err(|source| Error::Json { source })?;
        if report.schema_version != 1 {
            let problem = format!("a report of version {}: this program knows version 1", report.schema_version);
            return Err(Error::Document { problem });
        }
        let Totals { stored_bytes, final_bytes, wasted_bytes, user_stored_bytes, user_wasted_bytes } = report.totals;
        let source = report.image.tags.into_iter().next().unwrap_or(report.image.source);
        // Names in reports are escaped already, unless somebody has edited them.
        let source = if source.contains(is_dangerous) { escape(source.as_bytes()) } else { source };
        let measures = Measures {
            stored_bytes,
            final_bytes,
            wasted_bytes,
            user_stored_bytes,
            user_wasted_bytes,
            layer_count: report.layers.len() as u64,
            largest_layer_bytes: report.layers.iter().map(|layer| layer.stored_bytes).max().unwrap_or(0),
            ..Measures::default()
        };
        Ok(Baseline { source, measures })
    }
}

/// Opens a file whose first byte that is no space is a brace: no image begins so.
fn open_report(path: &Path) -> Option<impl Read> {
    let mut file = BufReader::new(File::open(path).ok()?);
    let mut before = Vec::new();
    loop {
        let mut byte = [0];
        file.read_exact(&mut byte).ok()?;
        before.push(byte[0]);
        match byte[0] {
            b' ' | b'\t' | b'\r' | b'\n' if before.len() < 100 => {}
            b'{' => return Some(std::io::Cursor::new(before).chain(file)),
            _ => return None,
        }
    }
}
