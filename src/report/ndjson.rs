//! The waste records as flat rows, one JSON object a line: every row names its image, so that the files of a whole fleet
//! can be loaded into one table as they are. Every row has every column; what is not known is null.

use std::io::{self, Write};

use serde::Serialize;

use super::records::{self, Record};
use crate::analysis::Analysis;
use crate::escape::escape;

/// One row: the image's columns first, the same in every row of a file.
#[derive(Serialize)]
struct Row<'a> {
    schema_version: u32,
    image: &'a str,
    source: &'a str,
    image_id: &'a str,
    manifest_digest: Option<&'a str>,
    os: &'a str,
    architecture: &'a str,
    created: Option<&'a str>,
    image_stored_bytes: u64,
    image_wasted_bytes: u64,
    #[serde(flatten)]
    record: Record<'a>,
}

pub(super) fn write(analysis: &Analysis, out: &mut impl Write) -> io::Result<()> {
    let spec = &analysis.spec;
    let text = |text: &str| escape(text.as_bytes());
    let source = text(&analysis.source);
    let image = spec.tags.first().map_or_else(|| source.clone(), |tag| text(tag));
    let (id, os, architecture) = (spec.id.to_string(), text(&spec.platform.os), text(&spec.platform.architecture));
    let digest = spec.manifest_digest.as_ref().map(ToString::to_string);
    let created = spec.created.as_deref().map(text);
    records::for_each(analysis, |record| {
        let row = Row {
            schema_version: super::json::SCHEMA_VERSION,
            image: &image,
            source: &source,
            image_id: &id,
            manifest_digest: digest.as_deref(),
            os: &os,
            architecture: &architecture,
            created: created.as_deref(),
            image_stored_bytes: analysis.totals.stored_bytes,
            image_wasted_bytes: analysis.totals.wasted_bytes,
            record,
        };
        serde_json::to_writer(&mut *out, &row)?;
        out.write_all(b"\n")
    })
}
