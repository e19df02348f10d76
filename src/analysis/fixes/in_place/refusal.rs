//! Why what a hiding step does stays with it: said beside the merge that is offered instead.

use std::collections::BTreeMap;

use super::InPlace;
use super::command::has_word;
use crate::analysis::waste::{Cause, WasteRecord};
use crate::layer::entry::LayerNumber;

/// How many removed files of a step are looked at to see that they are a cache's.
const MOST_REMOVED: usize = 10_000;

/// Said where no word of a step tells what sets owner or mode.
const NO_COMMAND: &str = "no command in it is known to set owner or mode";

/// The reasons, by the layer that stores the files and the one that hides them.
#[derive(Debug, Default)]
pub(in super::super) struct Refusals(BTreeMap<(LayerNumber, LayerNumber), Refusal>);

#[derive(Debug)]
struct Refusal {
    bytes: u64,
    why: String,
}

impl Refusals {
    /// Notes a reason; the first one of two layers is told.
    pub(super) fn add(&mut self, record: &WasteRecord, why: &str) {
        let refusal = self.0.entry((record.stored_in, record.hidden_by));
        refusal.or_insert_with(|| Refusal { bytes: 0, why: why.to_owned() }).bytes += record.bytes;
    }

    /// Returns why the upper layer keeps hiding what the lower one stores, where that is worth a word.
    pub(in super::super) fn why(&self, stored_in: LayerNumber, hidden_by: LayerNumber, threshold: u64) -> Option<&str> {
        let refusal = self.0.get(&(stored_in, hidden_by))?;
        (refusal.bytes > threshold).then_some(refusal.why.as_str())
    }

    /// Returns the sentences about what some layers hide of each other.
    pub(in super::super) fn among(&self, layers: &[usize], threshold: u64) -> Vec<String> {
        let is_in = |layer: LayerNumber| layers.contains(&layer.index());
        let inside = self.0.iter().filter(|((stored_in, hidden_by), refusal)| {
            is_in(*stored_in) && is_in(*hidden_by) && refusal.bytes > threshold
        });
        let mut sentences: Vec<String> = Vec::new();
        for ((_, hidden_by), refusal) in inside {
            let sentence = format!("layer {hidden_by} is not split by paths: {}", refusal.why);
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
            }
        }
        sentences
    }
}

impl<'a> InPlace<'a> {
    /// Notes why records stay that a step's commands were not found to explain. Only of owners, modes and caches is more to
    /// be expected than a merge; `why` says what stands in the way.
    pub(super) fn refuse(&mut self, step: usize, why: Option<&str>, records: &[&'a WasteRecord]) {
        let text = self.timeline.line(LayerNumber::from_index(step)).map_or("", |line| line.step.command.as_str());
        let removes = why.is_some() && ["rm", "find", "clean", "purge"].iter().any(|name| has_word(text, name));
        let mut looked_at = 0;
        for record in records {
            let why = match record.cause {
                Cause::Metadata => Some(why.unwrap_or(NO_COMMAND)),
                Cause::Unchanged => why,
                Cause::Deleted if removes && looked_at < MOST_REMOVED => {
                    looked_at += 1;
                    why.filter(|_| super::is_cache(&self.index.tree.path(record.node)))
                }
                _ => None,
            };
            if let Some(why) = why {
                self.refusals.add(record, why);
            }
        }
    }
}
