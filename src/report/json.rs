//! The JSON report: [model](crate::model) 9, `schema_version` 1. Its schema is `report.schema.json` beside this file.
//!
//! Bytes are integers, ratios 0 to 1, times as the image has them. Every string that comes from the image is escaped as
//! [`crate::escape`] says, so that a report printed raw fools no terminal. Lists are sorted completely: the same image
//! gives the same bytes.

use std::cell::RefCell;
use std::io::{self, Write};

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::analysis::findings::{Confidence, Finding};
use crate::analysis::fixes::{Alternative, Edit, Fix, printable};
use crate::analysis::owners::{Owner, OwnerKind};
use crate::analysis::waste::{Cause, WasteRecord};
use crate::analysis::{Analysis, Layer};
use crate::archive::RunConfig;
use crate::archive::history::HistoryEntry;
use crate::escape::{escape, push_escaped};
use crate::gate::{Actual, Verdict};
use crate::layer::entry::{LayerNumber, NodeId};
use crate::merge::changes::{Change, What};
use crate::size::Units;

/// The version of the contract; it grows, nothing in it is renamed or removed.
pub const SCHEMA_VERSION: u32 = 1;

/// Writes the report.
///
/// # Errors
/// Where `out` fails.
pub fn write(
    analysis: &Analysis,
    verdict: Option<&Verdict>,
    with_changes: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Report { analysis, verdict, with_changes })?;
    out.write_all(b"\n")
}

/// Writes the part of the report that a baseline is: the image, its sums and its layers.
///
/// # Errors
/// Where `out` fails.
pub fn write_baseline(analysis: &Analysis, out: &mut impl Write) -> io::Result<()> {
    let baseline = json!({
        "schema_version": SCHEMA_VERSION,
        "generator": generator(),
        "image": image(analysis),
        "totals": totals(analysis),
        "layers": analysis.layers.iter().map(|layer| self::layer(analysis, layer)).collect::<Vec<_>>(),
    });
    serde_json::to_writer_pretty(&mut *out, &baseline)?;
    out.write_all(b"\n")
}

fn generator() -> Value {
    json!({"name": "layerlens", "version": env!("CARGO_PKG_VERSION")})
}

/// Returns the report without a gate, as bytes.
#[must_use]
pub fn to_vec(analysis: &Analysis, with_changes: bool) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to memory does not fail, and every key is a string.
    let written = write(analysis, None, with_changes, &mut out);
    debug_assert!(written.is_ok());
    out
}

struct Report<'a> {
    analysis: &'a Analysis,
    verdict: Option<&'a Verdict>,
    with_changes: bool,
}

impl Serialize for Report<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let analysis = self.analysis;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema_version", &SCHEMA_VERSION)?;
        map.serialize_entry("generator", &generator())?;
        map.serialize_entry("image", &image(analysis))?;
        map.serialize_entry("totals", &totals(analysis))?;
        map.serialize_entry("layers", &each(&analysis.layers, |layer| self::layer(analysis, layer)))?;
        map.serialize_entry("history", &each(&analysis.spec.history, history))?;
        if self.with_changes {
            map.serialize_entry("changes", &Changes(analysis))?;
        }
        map.serialize_entry("waste", &each(&analysis.waste, |record| Waste { analysis, record: *record }))?;
        map.serialize_entry("fixes", &each(&analysis.fixes, |fix| self::fix(analysis, fix)))?;
        map.serialize_entry(
            "unfixed",
            &each(&analysis.unfixed, |one| {
                json!({
                    "stored_in": one.stored_in.get(),
                    "hidden_by": one.hidden_by.get(),
                    "bytes": one.bytes,
                    "why": one.why,
                })
            }),
        )?;
        map.serialize_entry("owners", &owners(analysis))?;
        map.serialize_entry("findings", &each(&analysis.findings, |one| finding(analysis, one)))?;
        map.serialize_entry("gate", &self.verdict.filter(|verdict| !verdict.rules.is_empty()).map(gate))?;
        map.serialize_entry(
            "warnings",
            &each(&analysis.warnings, |warning| {
                json!({
                    "code": warning.code.name(),
                    "layer": warning.layer,
                    "path": warning.path.as_deref().map(escape),
                    "message": warning.message,
                })
            }),
        )?;
        map.end()
    }
}

/// A list that is serialized item by item, without being built.
struct Each<'a, T, F>(&'a [T], F);

fn each<T, S: Serialize, F: Fn(&T) -> S>(items: &[T], f: F) -> Each<'_, T, F> {
    Each(items, f)
}

impl<T, S: Serialize, F: Fn(&T) -> S> Serialize for Each<'_, T, F> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serializer.collect_seq(self.0.iter().map(&self.1))
    }
}

fn text(value: &str) -> String {
    escape(value.as_bytes())
}

fn optional(value: Option<&str>) -> Option<String> {
    value.map(text)
}

fn image(analysis: &Analysis) -> Value {
    let spec = &analysis.spec;
    json!({
        "source": text(&analysis.source),
        "format": spec.format.name(),
        "tags": spec.tags.iter().map(|tag| text(tag)).collect::<Vec<_>>(),
        "id": spec.id.to_string(),
        "manifest_digest": spec.manifest_digest.as_ref().map(ToString::to_string),
        "architecture": text(&spec.platform.architecture),
        "os": text(&spec.platform.os),
        "variant": optional(spec.platform.variant.as_deref()),
        "created": optional(spec.created.as_deref()),
        "chain_id": analysis.chain_id().map(ToString::to_string),
        "base_layers": analysis.base.layer_count,
        "base_from": analysis.base.from.name(),
        "config": config(&RunConfig::parse(&spec.config)),
    })
}

/// What a container starts with; the values are the image's own words.
fn config(config: &RunConfig) -> Value {
    let list = |words: &[String]| words.iter().map(|word| text(word)).collect::<Vec<_>>();
    let labels: serde_json::Map<String, Value> =
        config.labels.iter().map(|(name, value)| (text(name), text(value).into())).collect();
    json!({
        "entrypoint": list(&config.entrypoint),
        "cmd": list(&config.cmd),
        "env": list(&config.env),
        "user": text(&config.user),
        "working_dir": text(&config.working_dir),
        "labels": labels,
        "healthcheck": list(&config.healthcheck),
        "volumes": list(&config.volumes),
        "exposed_ports": list(&config.exposed_ports),
    })
}

fn totals(analysis: &Analysis) -> Value {
    let totals = &analysis.totals;
    let by_cause: serde_json::Map<String, Value> = Cause::ALL
        .iter()
        .zip(totals.wasted_by_cause)
        .map(|(cause, bytes)| (cause.name().to_owned(), bytes.into()))
        .collect();
    json!({
        "layers": analysis.layers.len(),
        "entries": totals.entry_count,
        "files": totals.file_count,
        "stored_bytes": totals.stored_bytes,
        "final_bytes": totals.final_bytes,
        "wasted_bytes": totals.wasted_bytes,
        "efficiency": totals.efficiency(),
        "wasted_by_cause": by_cause,
        "inherited_bytes": totals.inherited_bytes,
        "replaced_bytes": totals.replaced_bytes,
        "fixable_bytes": totals.fixable_bytes,
        "remainder_bytes": totals.remainder_bytes(),
        "unavoidable_bytes": totals.unavoidable_bytes,
        "fixed_bytes": analysis.fixed_bytes(),
        "needless_bytes": needless(analysis),
        "rest_bytes": analysis.rest_bytes(),
        "blob_bytes": totals.blob_bytes,
        "wasted_wire_bytes": totals.wasted_wire_bytes,
        "user_stored_bytes": totals.user_stored_bytes,
        "user_wasted_bytes": totals.user_wasted_bytes(),
    })
}

/// The findings' bytes by confidence.
fn needless(analysis: &Analysis) -> serde_json::Map<String, Value> {
    let pair = |confidence: Confidence| (confidence.name().to_owned(), analysis.needless_bytes(confidence).into());
    Confidence::ALL.into_iter().map(pair).collect()
}

fn layer(analysis: &Analysis, layer: &Layer) -> Value {
    let history = layer.history.map(|place| &analysis.spec.history[place]);
    let step = history.map(HistoryEntry::step);
    json!({
        "number": layer.number.get(),
        "diff_id": layer.diff_id.as_ref().map(ToString::to_string),
        "chain_id": layer.chain_id.as_ref().map(ToString::to_string),
        "blob_digest": layer.blob_digest.as_ref().map(ToString::to_string),
        "compression": layer.blob.compression.name(),
        "blob_bytes": layer.blob.blob_bytes,
        "stored_bytes": layer.stored_bytes,
        "wasted_bytes": layer.wasted_bytes,
        "entries": layer.entry_count,
        "files": layer.file_count,
        "added": layer.added_count,
        "changed": layer.changed_count,
        "deleted": layer.deleted_count,
        "base": layer.is_base,
        "created": history.and_then(|entry| optional(entry.created.as_deref())),
        "created_by": history.map(|entry| text(&entry.created_by)),
        "instruction": step.as_ref().map(|step| text(&step.instruction)),
        "command": step.as_ref().map(|step| text(&step.command)),
    })
}

fn fix(analysis: &Analysis, fix: &Fix) -> Value {
    let files = fix.files.iter().map(|file| json!({"path": path(analysis, file.node), "bytes": file.bytes}));
    json!({
        "id": fix.id,
        "kind": fix.kind.name(),
        "layers": fix.layers.iter().map(|layer| layer.get()).collect::<Vec<_>>(),
        "saves_bytes": fix.saves_bytes,
        "title": fix.title,
        "why": fix.why,
        "steps": fix.steps.iter().map(|step| text(step)).collect::<Vec<_>>(),
        // Lines to paste keep their line breaks and backslashes.
        "dockerfile": fix.dockerfile,
        "safe": fix.safe,
        "caveats": fix.caveats,
        "alternatives": fix.alternatives.iter().map(|one| alternative(analysis, one)).collect::<Vec<_>>(),
        "files": files.collect::<Vec<_>>(),
        "file_count": fix.file_count,
    })
}

fn alternative(analysis: &Analysis, one: &Alternative) -> Value {
    let edits = one.edits.iter().map(|one| edit(analysis, one));
    json!({
        "kind": one.kind.name(),
        "title": one.title,
        "edits": edits.collect::<Vec<_>>(),
        "saves_bytes": one.saves_bytes,
        "cache": {
            "steps_before": one.cache.steps_before,
            "steps_after": one.cache.steps_after,
            "bytes_before": one.cache.bytes_before,
            "bytes_after": one.cache.bytes_after,
        },
        "dockerfile": one.dockerfile,
        "dockerignore": one.dockerignore.iter().map(|line| text(line)).collect::<Vec<_>>(),
        "safe": one.safe,
        "caveats": one.caveats,
    })
}

/// How much is read to find equal contents.
pub(super) const DUPLICATES_BUDGET: u64 = 64 << 20;

/// The owners, largest first, then by name; what belongs to nobody last.
fn owners(analysis: &Analysis) -> Vec<Value> {
    let mut list: Vec<&Owner> = analysis.owners.list.iter().collect();
    list.sort_by_cached_key(|owner| {
        let is_last = owner.kind == OwnerKind::None;
        (
            is_last,
            std::cmp::Reverse(owner.live_bytes),
            owner.kind,
            owner.name.clone(),
            owner.version.clone(),
            owner.layer,
        )
    });
    let one = |owner: &Owner| {
        json!({
            "kind": owner.kind.name(),
            "name": text(&owner.name),
            "version": text(&owner.version),
            "layer": owner.layer.map(LayerNumber::get),
            "asked_for": owner.asked_for,
            "because": owner.because.iter().map(|name| text(name)).collect::<Vec<_>>(),
            "recommended": owner.is_recommended,
            "live_bytes": owner.live_bytes,
            "wasted_bytes": owner.wasted_bytes,
            "exclusive_bytes": owner.exclusive_bytes,
        })
    };
    list.into_iter().map(one).collect()
}

/// A step, before and after.
fn edit(analysis: &Analysis, edit: &Edit) -> Value {
    json!({
        "layer": edit.layer.get(),
        "line": analysis.lines_of(edit.layer).map(|lines| lines.first),
        "before": text(&edit.before),
        // Lines to paste keep their line breaks and backslashes.
        "after": printable(&edit.after),
    })
}

fn finding(analysis: &Analysis, found: &Finding) -> Value {
    let edits = found.edits.iter().map(|one| edit(analysis, one));
    let texts = |list: &[String]| list.iter().map(|one| text(one)).collect::<Vec<_>>();
    json!({
        "id": found.id,
        "class": found.class.name(),
        "confidence": found.confidence.name(),
        "bytes": found.bytes,
        "layers": found.layers.iter().map(|layer| layer.get()).collect::<Vec<_>>(),
        "base": found.in_base,
        "title": text(&found.title),
        "why": text(&found.why),
        "evidence": texts(&found.evidence),
        "unless": text(&found.unless),
        "advice": found.advice,
        "owners": texts(&found.owners),
        "paths": found.paths.iter().map(|one| json!({"path": path(analysis, one.node), "bytes": one.bytes})).collect::<Vec<_>>(),
        "edits": edits.collect::<Vec<_>>(),
        "safe": false,
        "caveats": texts(&found.caveats),
    })
}

fn history(entry: &HistoryEntry) -> Value {
    json!({
        "created_by": text(&entry.created_by),
        "created": optional(entry.created.as_deref()),
        "comment": text(&entry.comment),
        "empty_layer": entry.empty_layer,
        "layer": entry.layer,
    })
}

fn gate(verdict: &Verdict) -> Value {
    let rules: Vec<Value> = verdict
        .rules
        .iter()
        .map(|rule| {
            json!({
                "rule": rule.rule,
                "limit": rule.limit,
                "warn": rule.warn,
                "actual": actual(&rule.actual),
                "baseline": rule.before.as_ref().map(actual),
                "about": rule.about,
                "layer": rule.layer.map(LayerNumber::get),
                "passed": rule.passed,
                "warned": rule.warned,
            })
        })
        .collect();
    let ignored = verdict.ignored.iter().map(|ignored| {
        json!({
            "path": ignored.pattern,
            "reason": ignored.reason,
            "expires": ignored.expires.map(|day| day.to_string()),
            "expired": ignored.is_expired,
            "set_in": ignored.set_in,
            "bytes": ignored.bytes,
            "files": ignored.count,
        })
    });
    json!({
        "passed": verdict.passed(),
        "rules": rules,
        "ignored": ignored.collect::<Vec<_>>(),
        "ignored_bytes": verdict.ignored_bytes(),
        "baseline": verdict.compared.as_ref().map(|compared| &compared.source),
        "notes": verdict.notes.iter().cloned().chain(verdict.caveats(Units::Bytes)).collect::<Vec<_>>(),
    })
}

/// Bytes and counts are integers, growth one that may be negative, shares ratios; null is what the image does not tell.
fn actual(actual: &Actual) -> Value {
    match *actual {
        Actual::Bytes { actual, .. } => actual.into(),
        Actual::Growth { before, now, .. } => {
            let size = i64::try_from(now.abs_diff(before)).unwrap_or(i64::MAX);
            if now < before { -size } else { size }.into()
        }
        Actual::Share(share) => share.into(),
        Actual::Count(number) | Actual::Paths(number) | Actual::Expired(number) => number.into(),
        Actual::Unknown => Value::Null,
    }
}

thread_local! {
    /// A million paths are written: their buffer is made once.
    static PATH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Returns the escaped absolute path of a node.
fn path(analysis: &Analysis, node: NodeId) -> String {
    PATH.with_borrow_mut(|bytes| {
        bytes.clear();
        analysis.index.tree.push_path(node, bytes);
        let mut out = String::with_capacity(bytes.len());
        push_escaped(&mut out, bytes);
        out
    })
}

fn words(what: &[What]) -> Vec<String> {
    what.iter().map(ToString::to_string).collect()
}

struct Waste<'a> {
    analysis: &'a Analysis,
    record: WasteRecord,
}

impl Serialize for Waste<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Waste { analysis, record } = self;
        let mut map = serializer.serialize_map(Some(7))?;
        map.serialize_entry("path", &path(analysis, record.node))?;
        map.serialize_entry("bytes", &record.bytes)?;
        map.serialize_entry("stored_in", &record.stored_in.get())?;
        map.serialize_entry("hidden_by", &record.hidden_by.get())?;
        map.serialize_entry("cause", record.cause.name())?;
        map.serialize_entry("what", &words(&record.what(&analysis.index)))?;
        map.serialize_entry("wire_bytes", &record.wire_bytes)?;
        map.end()
    }
}

struct Changes<'a>(&'a Analysis);

impl Serialize for Changes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let analysis = self.0;
        let ranks = analysis.index.tree.path_ranks();
        let mut list = serializer.serialize_seq(None)?;
        for layer in &analysis.layers {
            let mut changes: Vec<Change> = analysis.changes_unsorted(layer.number).collect();
            changes.sort_by_key(|change| ranks[change.node.index()]);
            for change in changes {
                list.serialize_element(&OneChange { analysis, layer, change })?;
            }
        }
        list.end()
    }
}

struct OneChange<'a> {
    analysis: &'a Analysis,
    layer: &'a Layer,
    change: Change,
}

impl Serialize for OneChange<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let OneChange { analysis, layer, change } = self;
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("layer", &layer.number.get())?;
        map.serialize_entry("path", &path(analysis, change.node))?;
        map.serialize_entry("kind", &change.kind.letter())?;
        map.serialize_entry("what", &words(&change.what(&analysis.index)))?;
        map.serialize_entry("bytes", &change.bytes(&analysis.index))?;
        if let crate::merge::changes::ChangeKind::Deleted(deleted) = change.kind {
            map.serialize_entry("files", &deleted.file_count)?;
        }
        map.end()
    }
}
