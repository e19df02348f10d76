//! What sort of waste a merge of RUNs removes, and where it comes from.

use std::collections::BTreeMap;

use super::plan::Plan;
use crate::analysis::findings::places;
use crate::analysis::fixes::Kind;
use crate::analysis::waste::{Cause, WasteRecord};
use crate::escape::escape;
use crate::layer::entry::LayerNumber;

/// Returns the share of a group's bytes for which `holds`.
fn share(plan: &Plan<'_>, holds: impl Fn(&WasteRecord) -> bool) -> (u64, u64) {
    // Records come largest first; the words of a fix do not hang on its smallest files.
    let largest = &plan.records[..plan.records.len().min(MOST_JUDGED)];
    let sum = |records: &mut dyn Iterator<Item = &&WasteRecord>| records.map(|record| record.bytes).sum();
    (sum(&mut largest.iter().filter(|record| holds(record))), sum(&mut largest.iter()))
}

/// How many records are looked at to tell what sort of waste a group is.
const MOST_JUDGED: usize = 10_000;

/// Commands that fetch something.
const FETCHERS: [&str; 5] = ["curl", "wget", "git clone", "git fetch", "aria2c"];

pub(super) fn flavour(plan: &Plan<'_>) -> (Kind, &'static str) {
    let tree = &plan.index.tree;
    let mostly = |(part, whole): (u64, u64)| part > whole / 2;
    let deletes = |record: &WasteRecord| record.cause == Cause::Deleted;
    let is_cache = |record: &WasteRecord| places::package_cache(&tree.path(record.node)).is_some();
    let text = |layer: LayerNumber| plan.timeline.line(layer).map_or("", |line| line.step.command.as_str());
    let moves = |record: &WasteRecord| text(record.hidden_by).split_whitespace().any(|word| word == "mv");
    let fetched = |record: &WasteRecord| FETCHERS.iter().any(|fetcher| text(record.stored_in).contains(fetcher));
    if mostly(share(plan, deletes)) {
        if mostly(share(plan, |record| deletes(record) && is_cache(record))) {
            return (Kind::PackageCleanup, "clean up in the RUN that installs");
        }
        if mostly(share(plan, |record| deletes(record) && moves(record))) {
            return (Kind::Rename, "move files in the RUN that makes them");
        }
        if mostly(share(plan, |record| deletes(record) && fetched(record))) {
            return (Kind::DownloadDelete, "download, use and delete in one RUN");
        }
    }
    (Kind::MergeRun, "merge into one RUN")
}

/// Says how the clean-up is not needed at all: the cache that most of the bytes lie in becomes a mount.
pub(super) fn cache_mount(plan: &Plan<'_>) -> Option<String> {
    let mut sums: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for record in plan.records.iter().take(MOST_JUDGED) {
        let path = plan.index.tree.path(record.node);
        if let Some(cache) = places::package_cache(&path) {
            *sums.entry(cache.to_vec()).or_default() += record.bytes;
        }
    }
    let (cache, _) = sums.into_iter().max_by_key(|(_, bytes)| *bytes)?;
    let is_apt = cache.starts_with(b"/var/cache/apt");
    let and_debian = if is_apt { " (on Debian remove /etc/apt/apt.conf.d/docker-clean first)" } else { "" };
    let cache = escape(&cache);
    Some(format!(
        "or leave it out of every layer, and keep it between builds: RUN --mount=type=cache,target={cache} …{and_debian}"
    ))
}
