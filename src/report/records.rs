//! The waste records as rows of a table, for the formats that are tables.

use serde::Serialize;

use crate::analysis::Analysis;
use crate::escape::escape;
use crate::layer::entry::LayerNumber;

/// One wasted copy. All texts are escaped.
#[derive(Debug, Serialize)]
pub(super) struct Record<'a> {
    pub path: String,
    pub bytes: u64,
    pub stored_in: u32,
    pub hidden_by: u32,
    pub cause: &'static str,
    /// What differs between the copy and the file that took its place, as one text in flat rows.
    #[serde(serialize_with = "joined")]
    pub what: Vec<String>,
    pub wire_bytes: Option<u64>,
    /// Whether the base image stores it.
    pub inherited: bool,
    pub stored_by_step: &'a str,
    pub hidden_by_step: &'a str,
}

#[expect(clippy::ptr_arg, reason = "serde hands over what the field is")]
fn joined<S: serde::Serializer>(what: &Vec<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&what.join(", "))
}

/// The longest step that a row repeats: a heredoc of a megabyte does not belong in each of a million rows.
const LONGEST_STEP: usize = 500;

/// Hands each record of the image to `take`, in the order of reports.
pub(super) fn for_each<E>(analysis: &Analysis, mut take: impl FnMut(Record<'_>) -> Result<(), E>) -> Result<(), E> {
    let steps: Vec<String> = analysis.layers.iter().map(|layer| step(analysis, layer.number)).collect();
    analysis.waste.iter().try_for_each(|record| {
        take(Record {
            path: escape(&analysis.index.tree.path(record.node)),
            bytes: record.bytes,
            stored_in: record.stored_in.get(),
            hidden_by: record.hidden_by.get(),
            cause: record.cause.name(),
            what: record.what(&analysis.index).iter().map(ToString::to_string).collect(),
            wire_bytes: record.wire_bytes,
            inherited: record.stored_in.get() <= analysis.base.layer_count,
            stored_by_step: &steps[record.stored_in.index()],
            hidden_by_step: &steps[record.hidden_by.index()],
        })
    })
}

/// Returns the step in one line, escaped; empty where the history does not tell.
pub(super) fn step(analysis: &Analysis, layer: LayerNumber) -> String {
    let step = analysis.step(layer);
    let words: Vec<&str> = step.split_whitespace().take(LONGEST_STEP).collect();
    let text = escape(words.join(" ").as_bytes());
    match text.char_indices().nth(LONGEST_STEP) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
