//! The waste records as a table: RFC 4180, a heading, one line for each copy, in the order of the JSON report.
//!
//! A spreadsheet takes a cell that begins like a formula for one; such a cell gets an apostrophe in front, which
//! spreadsheets do not show. Paths begin with a slash and are never changed beyond the escaping of every report.

use std::borrow::Cow;
use std::io::{self, Write};

use csv::{Terminator, WriterBuilder};

use super::records::{self, Record};
use crate::analysis::Analysis;

pub(super) fn write(analysis: &Analysis, out: &mut impl Write) -> io::Result<()> {
    let mut table = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
    table.write_record([
        "image",
        "path",
        "bytes",
        "stored_in",
        "hidden_by",
        "cause",
        "what",
        "wire_bytes",
        "inherited",
        "stored_by_step",
        "hidden_by_step",
    ])?;
    let image = analysis.spec.tags.first().unwrap_or(&analysis.source);
    let image = crate::escape::escape(image.as_bytes());
    records::for_each(analysis, |record| {
        let Record { path, what, stored_by_step, hidden_by_step, .. } = &record;
        let wire = record.wire_bytes.map(|bytes| bytes.to_string()).unwrap_or_default();
        table.write_record([
            &*cell(&image),
            &*cell(path),
            &record.bytes.to_string(),
            &record.stored_in.to_string(),
            &record.hidden_by.to_string(),
            record.cause,
            &*cell(&what.join(", ")),
            &wire,
            if record.inherited { "true" } else { "false" },
            &*cell(stored_by_step),
            &*cell(hidden_by_step),
        ])
    })?;
    table.flush()
}

/// Keeps a spreadsheet from computing what is text.
fn cell(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}").into() } else { text.into() }
}
