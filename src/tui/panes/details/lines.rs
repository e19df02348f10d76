//! The lines of the details pane: everything known about a layer, a path, a group of waste.

use crate::analysis::Analysis;
use crate::analysis::fixes::{Alternative, Fix};
use crate::analysis::waste::{Cause, WasteRecord};
use crate::analysis::waste_groups::WasteGroup;
use crate::escape::escape;
use crate::layer::entry::{Entry, EntryRef, Kind, LayerNumber, NodeId};
use crate::merge::changes::differences;
use crate::report::advice;
use crate::size::Units;
use crate::tui::panes::waste::DirectoryGroup;
use crate::tui::places::Places;
use crate::tui::text::{percent, plural};
use crate::tui::theme::Paint;

/// One line: a label, and text that is broken to fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// What it is; empty where it goes on with the line above.
    pub label: &'static str,
    /// What it says; escaped.
    pub text: String,
    /// How it is drawn.
    pub paint: Paint,
}

/// Collects the lines about one thing.
struct Description<'a> {
    analysis: &'a Analysis,
    units: Units,
    lines: Vec<Detail>,
}

impl<'a> Description<'a> {
    fn new(analysis: &'a Analysis, units: Units) -> Self {
        Description { analysis, units, lines: Vec::new() }
    }

    fn add(&mut self, label: &'static str, text: impl Into<String>) {
        self.paint(label, text, Paint::Plain);
    }

    fn paint(&mut self, label: &'static str, text: impl Into<String>, paint: Paint) {
        self.lines.push(Detail { label, text: text.into(), paint });
    }

    fn size(&self, bytes: u64) -> String {
        match self.units {
            Units::Bytes => self.units.show(bytes),
            _ if bytes < 1000 => self.units.show(bytes),
            units => format!("{} ({} B)", units.show(bytes), crate::tui::text::count(bytes)),
        }
    }

    /// A step in one line: what it is, not how it was broken.
    fn step(&self, layer: LayerNumber) -> String {
        one_line(&self.analysis.step(layer))
    }
}

/// Puts a step on one line, escaped.
#[must_use]
pub fn one_line(step: &str) -> String {
    let words: Vec<&str> = step.split_whitespace().take(2000).collect();
    if words.is_empty() { "(the history does not say)".to_owned() } else { escape(words.join(" ").as_bytes()) }
}

/// Describes a layer.
#[must_use]
pub fn layer(analysis: &Analysis, waste: &[WasteGroup], at: usize, units: Units) -> Vec<Detail> {
    let mut about = Description::new(analysis, units);
    let layer = &analysis.layers[at];
    let base = if layer.is_base { "base image" } else { "yours" };
    about.paint("Layer", format!("{} of {} · {base}", layer.number, analysis.layers.len()), Paint::Bold);
    about.add("Step", about.step(layer.number));
    let share = percent(layer.stored_bytes, analysis.totals.stored_bytes);
    about.add("Size", format!("{} · {share} of the image", about.size(layer.stored_bytes)));
    let blob =
        format!("{} as stored and pulled · {}", about.size(layer.blob.blob_bytes), layer.blob.compression.name());
    about.add("Blob", blob);
    let files = plural(layer.file_count, "file");
    about.add(
        "Changes",
        format!("A {} · C {} · D {} · {files}", layer.added_count, layer.changed_count, layer.deleted_count),
    );
    waste_of_layer(&mut about, waste, layer.number, layer.wasted_bytes);
    let ids = [
        ("diff_id", layer.diff_id.as_ref().map(|id| id.0.to_string())),
        ("chain_id", layer.chain_id.as_ref().map(|id| id.0.to_string())),
        ("Digest", layer.blob_digest.as_ref().map(ToString::to_string)),
    ];
    for (label, id) in ids {
        if let Some(id) = id {
            about.add(label, id);
        }
    }
    if let Some(entry) = layer.history.map(|place| &analysis.spec.history[place]) {
        if let Some(created) = &entry.created {
            about.add("Created", escape(created.as_bytes()));
        }
        about.paint("Recorded", escape(entry.created_by.as_bytes()), Paint::Dim);
    }
    for warning in analysis.warnings.iter().filter(|warning| warning.layer == Some(layer.number.get())) {
        about.paint("Warning", warning.to_string(), Paint::Changed);
    }
    about.lines
}

/// Says what of a layer was hidden where, and what it hid: the largest groups first.
fn waste_of_layer(about: &mut Description, waste: &[WasteGroup], number: LayerNumber, wasted: u64) {
    about.add("Waste", if wasted == 0 { "none".to_owned() } else { about.size(wasted) });
    let concerned = waste.iter().filter(|group| group.stored_in == number || group.hidden_by == number);
    for WasteGroup { stored_in, hidden_by, cause, bytes, .. } in concerned.take(6) {
        let bytes = about.units.show(*bytes);
        let text = if *stored_in == number && hidden_by != stored_in {
            format!("{bytes} {} by layer {hidden_by}: {}", verb(*cause), about.step(*hidden_by))
        } else if hidden_by == stored_in {
            format!("{bytes} stored twice in this layer")
        } else {
            format!("{bytes} of layer {stored_in} {} here", verb(*cause))
        };
        about.paint("", text, Paint::Waste);
    }
}

/// Returns what the hiding layer did to a copy.
#[must_use]
pub fn verb(cause: Cause) -> &'static str {
    match cause {
        Cause::Deleted => "deleted",
        Cause::Overwritten => "overwritten",
        Cause::Metadata => "copied for its metadata",
        Cause::Unchanged => "stored again unchanged",
        Cause::Duplicate => "stored twice",
    }
}

/// Describes a history entry that made no layer.
#[must_use]
pub fn step(analysis: &Analysis, place: usize) -> Vec<Detail> {
    let entry = &analysis.spec.history[place];
    let mut about = Description::new(analysis, Units::Si);
    let step = entry.step();
    about.paint("Step", one_line(&format!("{} {}", step.instruction, step.command)), Paint::Bold);
    about.add("", "sets the configuration; it stores nothing");
    if let Some(created) = &entry.created {
        about.add("Created", escape(created.as_bytes()));
    }
    about.paint("Recorded", escape(entry.created_by.as_bytes()), Paint::Dim);
    about.lines
}

/// Describes the base image, for the row its folded layers make.
#[must_use]
pub fn base(analysis: &Analysis, units: Units) -> Vec<Detail> {
    let mut about = Description::new(analysis, units);
    let base: Vec<_> = analysis.layers.iter().filter(|layer| layer.is_base).collect();
    about.paint(
        "Base",
        format!("{} (from the {})", plural(base.len() as u64, "layer"), analysis.base.from.name()),
        Paint::Bold,
    );
    about.add("Size", about.size(base.iter().map(|layer| layer.stored_bytes).sum()));
    about.add(
        "Inherited",
        format!("{} wasted: your steps cannot remove it", about.size(analysis.totals.inherited_bytes)),
    );
    about.add("", "b shows its layers one by one");
    for warning in analysis.warnings.iter().filter(|warning| warning.layer.is_none()) {
        about.paint("Warning", warning.to_string(), Paint::Changed);
    }
    about.lines
}

/// Describes a path: what `at` stores there, and its history over all layers.
#[must_use]
pub fn path(analysis: &Analysis, places: &Places, node: NodeId, at: Option<EntryRef>, units: Units) -> Vec<Detail> {
    let mut about = Description::new(analysis, units);
    about.paint("Path", escape(&analysis.index.tree.path(node)), Paint::Bold);
    if let Some(at) = at {
        entry(&mut about, at);
    }
    history(&mut about, places, node);
    about.lines
}

fn entry(about: &mut Description, at: EntryRef) {
    let index = &about.analysis.index;
    let own = index.entry(at);
    let inode = index.inode(at).unwrap_or(at);
    let entry = index.entry(inode);
    let kind = if own.kind == Kind::HardLink {
        format!("hard link to a {}", entry.kind.name())
    } else {
        own.kind.name().to_owned()
    };
    let size = if entry.kind == Kind::File { format!(" · {}", about.size(entry.size)) } else { String::new() };
    about.add("Kind", format!("{kind}{size} · stored in layer {}", at.layer()));
    let (uid, gid) = index.owner(entry);
    about.add("Mode", format!("{:04o} {} · owner {uid}:{gid}", entry.mode, permissions(entry)));
    about.add("Modified", time(entry.mtime));
    let (link, extra) = (index.extra(own).link, index.extra(entry));
    if !link.is_empty() {
        let slash = if own.kind == Kind::HardLink { "/" } else { "" };
        about.add("Target", format!("{slash}{}", escape(link)));
    }
    if extra.device != (0, 0) {
        about.add("Device", format!("{}:{}", extra.device.0, extra.device.1));
    }
    for (name, value) in xattrs(extra.xattrs) {
        about.add("xattr", format!("{} = {}", escape(name), crate::tui::text::cut(&escape(value), 120)));
    }
}

/// `rwxr-xr-x` as `ls` writes it.
fn permissions(entry: &Entry) -> String {
    let bit = |at: u16, letter| if entry.mode >> at & 1 == 1 { letter } else { '-' };
    (0..9).rev().map(|at| bit(at, ['x', 'w', 'r'][usize::from(at % 3)])).collect()
}

fn xattrs(bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some(end) = memchr::memchr(0, rest) {
        let (name, tail) = (&rest[..end], &rest[end + 1..]);
        let Some(length) = tail.first_chunk().map(|bytes| u32::from_le_bytes(*bytes) as usize) else { break };
        let Some(value) = tail.get(4..4 + length) else { break };
        found.push((name, value));
        rest = &tail[4 + length..];
    }
    found
}

/// Seconds since 1970 as UTC; days by the civil calendar.
fn time(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", rest / 3600, rest / 60 % 60, rest % 60)
}

/// What each layer did to the path, bottom first.
fn history(about: &mut Description, places: &Places, node: NodeId) {
    let analysis = about.analysis;
    let index = &analysis.index;
    let mut label = "History";
    let mut is_there = false;
    for at in 0..index.layers.len() {
        let number = LayerNumber::from_index(at);
        let text = match places.entry(index, at, node) {
            Some(own) => stored(about, own),
            None if is_there && places.removes(index, at, node) => "deleted".to_owned(),
            None => continue,
        };
        is_there = text != "deleted";
        about.add(label, format!("{number}  {text} · {}", about.step(number)));
        label = "";
    }
    let mut label = "Waste";
    for record in places.waste(analysis, node) {
        about.paint(label, sentence(analysis, &record, about.units), Paint::Waste);
        label = "";
    }
}

fn stored(about: &Description, at: EntryRef) -> String {
    let index = &about.analysis.index;
    let entry = index.entry(at);
    let size = if entry.kind == Kind::File { format!("{} ", about.units.show(entry.size)) } else { String::new() };
    if !entry.lower.is_present() {
        return format!("{size}added");
    }
    let what = differences(index, entry.lower.get(), Some(at), entry.content());
    if what.is_empty() {
        return format!("{size}stored again, nothing changed");
    }
    let what: Vec<String> = what.iter().map(ToString::to_string).collect();
    format!("{size}stored again: {}", what.join(", "))
}

/// Says in one sentence why a record's bytes are lost.
#[must_use]
pub fn sentence(analysis: &Analysis, record: &WasteRecord, units: Units) -> String {
    let bytes = units.show(record.bytes);
    let what: Vec<String> = record.what(&analysis.index).iter().map(ToString::to_string).collect();
    let what = if what.is_empty() { String::new() } else { format!(" ({})", what.join(", ")) };
    match record.cause {
        Cause::Duplicate => format!("{bytes} stored twice in layer {}", record.stored_in),
        cause => {
            format!("{bytes} stored in layer {}, {} by layer {}{what}", record.stored_in, verb(cause), record.hidden_by)
        }
    }
}

/// Describes a group of waste, or one of its records.
#[must_use]
pub fn waste(analysis: &Analysis, group: &DirectoryGroup, record: Option<usize>, units: Units) -> Vec<Detail> {
    let mut about = Description::new(analysis, units);
    let slash = if record.is_none() && group.records.len() > 1 { "/**" } else { "" };
    let node = record.map_or(group.top, |place| analysis.waste[place].node);
    let path = escape(&analysis.index.tree.path(node));
    about.paint("Path", format!("{}{slash}", if path == "/" && !slash.is_empty() { "" } else { &path }), Paint::Bold);
    if let Some(place) = record {
        about.paint("Waste", sentence(analysis, &analysis.waste[place], units), Paint::Waste);
    } else {
        let files = plural(group.records.len() as u64, "file");
        about.paint("Waste", format!("{} in {files}, {}", about.size(group.bytes), why(group.cause)), Paint::Waste);
    }
    about.add("Stored in", format!("{}  {}", group.stored_in, about.step(group.stored_in)));
    if group.cause != Cause::Duplicate {
        about.add("Hidden by", format!("{}  {}", group.hidden_by, about.step(group.hidden_by)));
    }
    let first = &analysis.waste[record.unwrap_or(group.records[0] as usize)];
    let what: Vec<String> = first.what(&analysis.index).iter().map(ToString::to_string).collect();
    if !what.is_empty() {
        let which = if record.is_none() && group.records.len() > 1 { " (the first file's)" } else { "" };
        about.add("Changed", format!("{}{which}", what.join(", ")));
    }
    about.lines
}

/// Describes a way to do a fix in short; the pane of the fixes has all of it.
#[must_use]
pub fn fix(analysis: &Analysis, fix: &Fix, way: &Alternative, units: Units) -> Vec<Detail> {
    let mut about = Description::new(analysis, units);
    about.paint("Fix", way.title.clone(), Paint::Bold);
    about.paint("Saves", about.size(way.saves_bytes), Paint::Added);
    about.add("Why", fix.why.clone());
    for (label, layer) in std::iter::once("Steps").chain(std::iter::repeat("")).zip(way.layers()) {
        about.add(label, format!("{layer}  {}", about.step(layer)));
    }
    for (label, caveat) in std::iter::once("Note").chain(std::iter::repeat("")).zip(&way.caveats) {
        about.paint(label, caveat.clone(), Paint::Changed);
    }
    if let Some(cache) = advice::cache(&way.cache, units) {
        about.add("Cache", cache);
    }
    about.add("", "Enter or → opens it in 4 Fixes, with its edits");
    about.lines
}

/// Says what a cause means.
#[must_use]
pub fn why(cause: Cause) -> &'static str {
    match cause {
        Cause::Deleted => "deleted later: no longer visible, but still in the image",
        Cause::Overwritten => "overwritten later: both versions are stored",
        Cause::Metadata => "same bytes stored again for another mode, owner or time",
        Cause::Unchanged => "the same file stored again, nothing changed",
        Cause::Duplicate => "twice in one layer's archive",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc() {
        assert_eq!(time(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(time(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(time(1_763_712_001), "2025-11-21 08:00:01 UTC");
        assert_eq!(time(-1), "1969-12-31 23:59:59 UTC");
    }
}
