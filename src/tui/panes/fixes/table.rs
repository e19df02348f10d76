//! The rows of the fixes pane: what merging the marked layers would save, the fixes, the ledger that they are part of, and
//! below it what is live and probably not needed. Each fix opens to why, its edits as a diff, notes, what it costs the build
//! cache, the other ways to do it, and files.

use std::collections::{BTreeMap, BTreeSet};

use unicode_width::UnicodeWidthStr;

use crate::analysis::Analysis;
use crate::analysis::findings::Finding;
use crate::analysis::fixes::{Alternative, Fix, WhatIf, printable};
use crate::escape::escape;
use crate::layer::entry::{LayerNumber, NodeId};
use crate::report::{advice, why};
use crate::size::Units;
use crate::tui::panes::details::one_line;
use crate::tui::text::{cut, cut_path, plural, wrap};
use crate::tui::theme::Paint;

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FixSubject {
    /// Merging the marked layers.
    Marked,
    /// A fix, by its place; done the first way.
    Fix(usize),
    /// Another way to do it: the places of both.
    Other(usize, usize),
    /// A finding of bloat, by its place.
    Finding(usize),
    /// The sums of all fixes.
    Ledger,
}

impl FixSubject {
    /// Returns the fix and the way to do it.
    #[must_use]
    pub fn choice(self) -> Option<(usize, usize)> {
        match self {
            FixSubject::Fix(place) => Some((place, 0)),
            FixSubject::Other(place, other) => Some((place, other)),
            FixSubject::Marked | FixSubject::Finding(_) | FixSubject::Ledger => None,
        }
    }
}

/// What a row leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    /// It opens and closes.
    Head,
    /// A layer.
    Layer(LayerNumber),
    /// A path, and the layer in which it is looked at.
    Path(LayerNumber, NodeId),
    /// Nothing.
    Text,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixRow {
    /// What it is about.
    pub subject: FixSubject,
    /// What it leads to.
    pub lead: Lead,
    /// A saving, or a label.
    pub figure: (String, Paint),
    /// What it says; escaped, cut to fit.
    pub text: (String, Paint),
    /// The same in full, for the clipboard.
    pub full: String,
}

/// Columns of the mark, and of the gap behind the savings.
pub const MARK: usize = 1;
pub const GAP: usize = 2;
/// The least columns of the savings.
const LEAST_FIGURE: usize = 10;
/// How many rows of a step are shown; all of it can be copied.
const MOST_STEP_ROWS: usize = 12;

/// The fixes, as rows.
#[derive(Debug, Default)]
pub struct FixTable {
    /// What merging the marked layers would save.
    pub what_if: Option<WhatIf>,
    /// The fixes that are marked, each with the way to do it.
    marks: BTreeMap<usize, usize>,
    open: BTreeSet<FixSubject>,
    rows: Vec<FixRow>,
    width: usize,
    figure: usize,
}

impl FixTable {
    /// Returns the rows.
    #[must_use]
    pub fn rows(&self) -> &[FixRow] {
        &self.rows
    }

    /// Returns the columns that the rows were made for.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns the columns of the savings.
    #[must_use]
    pub fn figure(&self) -> usize {
        self.figure
    }

    /// Opens or closes a fix or a finding.
    pub fn set_open(&mut self, subject: FixSubject, open: bool) {
        if open && subject != FixSubject::Ledger {
            self.open.insert(subject);
        } else {
            self.open.remove(&subject);
        }
    }

    /// Says whether it is open.
    #[must_use]
    pub fn is_open(&self, subject: FixSubject) -> bool {
        self.open.contains(&subject)
    }

    /// Marks a fix to be done one way, or takes that mark away; says whether it is something that can be marked.
    pub fn mark(&mut self, subject: FixSubject) -> bool {
        let Some((fix, way)) = subject.choice() else { return false };
        if self.marks.get(&fix) == Some(&way) {
            self.marks.remove(&fix);
        } else {
            self.marks.insert(fix, way);
        }
        true
    }

    /// Takes all marks away; says whether there were some.
    pub fn clear_marks(&mut self) -> bool {
        !std::mem::take(&mut self.marks).is_empty()
    }

    /// Says whether it is marked.
    #[must_use]
    pub fn is_marked(&self, subject: FixSubject) -> bool {
        subject.choice().is_some_and(|(fix, way)| self.marks.get(&fix) == Some(&way))
    }

    /// Returns the marked fixes, each with the way to do it.
    #[must_use]
    pub fn marks(&self) -> Vec<(usize, usize)> {
        self.marks.iter().map(|(fix, way)| (*fix, *way)).collect()
    }

    /// Returns what the marked fixes save.
    #[must_use]
    pub fn marked_bytes(&self, analysis: &Analysis) -> u64 {
        self.marks.iter().map(|(fix, way)| analysis.fixes[*fix].alternatives[*way].saves_bytes).sum()
    }

    /// Returns what the image stores with the marked fixes, or with all of them where none is marked.
    #[must_use]
    pub fn outcome(&self, analysis: &Analysis, units: Units) -> String {
        let (saved, what) = match (self.marks.len(), analysis.fixes.len()) {
            (0, 1) => (analysis.totals.fixable_bytes, "the fix".to_owned()),
            (0, count) => (analysis.totals.fixable_bytes, format!("all {count} fixes")),
            (1, _) => (self.marked_bytes(analysis), "the marked fix".to_owned()),
            (count, _) => (self.marked_bytes(analysis), format!("the {count} marked fixes")),
        };
        let now = units.show(analysis.totals.stored_bytes);
        match analysis.fixes.len() {
            0 => format!("the image stores {now}"),
            _ => format!("the image stores {now}, {}", advice::size_with(analysis, &what, saved, units)),
        }
    }

    /// Takes what merging the marked layers would save, or that none are marked; the steps are seen at once.
    pub fn set_what_if(&mut self, what_if: Option<WhatIf>) {
        self.set_open(FixSubject::Marked, what_if.is_some());
        self.what_if = what_if;
    }

    /// Returns the fix of a subject.
    #[must_use]
    pub fn fix<'a>(&'a self, analysis: &'a Analysis, subject: FixSubject) -> Option<&'a Fix> {
        match subject {
            FixSubject::Marked => self.what_if.as_ref()?.merges.first(),
            FixSubject::Fix(place) | FixSubject::Other(place, _) => analysis.fixes.get(place),
            FixSubject::Finding(_) | FixSubject::Ledger => None,
        }
    }

    /// Returns the way to do the fix that a subject is about.
    #[must_use]
    pub fn way<'a>(&'a self, analysis: &'a Analysis, subject: FixSubject) -> Option<&'a Alternative> {
        let place = subject.choice().map_or(0, |(_, way)| way);
        self.fix(analysis, subject)?.alternatives.get(place)
    }

    /// Returns the row on which a subject starts.
    #[must_use]
    pub fn row_of(&self, subject: FixSubject) -> Option<usize> {
        self.rows.iter().position(|row| row.subject == subject)
    }

    /// Makes the rows for so many columns.
    pub fn build(&mut self, analysis: &Analysis, width: usize, units: Units) {
        self.width = width;
        self.figure = units.show(analysis.totals.stored_bytes).width().max(LEAST_FIGURE);
        let room = width.saturating_sub(MARK + self.figure + GAP + 1).max(16);
        let mut all = FixRows { table: self, analysis, units, room, rows: Vec::new() };
        if let Some(what_if) = &self.what_if {
            for merge in &what_if.merges {
                all.fix(FixSubject::Marked, merge);
            }
        }
        for (place, fix) in analysis.fixes.iter().enumerate() {
            all.fix(FixSubject::Fix(place), fix);
        }
        all.ledger();
        all.findings();
        self.rows = all.rows;
    }
}

/// Collects rows.
struct FixRows<'a> {
    table: &'a FixTable,
    analysis: &'a Analysis,
    units: Units,
    room: usize,
    rows: Vec<FixRow>,
}

impl FixRows<'_> {
    fn push(&mut self, subject: FixSubject, lead: Lead, figure: (String, Paint), text: (String, Paint)) {
        let full = text.0.clone();
        self.rows.push(FixRow { subject, lead, figure, text, full });
    }

    fn label(&mut self, subject: FixSubject, lead: Lead, label: &str, text: String, paint: Paint) {
        self.push(subject, lead, (label.to_owned(), Paint::Dim), (text, paint));
    }

    fn size(&self, bytes: u64, paint: Paint) -> (String, Paint) {
        (self.units.show(bytes), paint)
    }

    fn fix(&mut self, subject: FixSubject, fix: &Fix) {
        let title = match (subject, fix.saves_bytes) {
            (FixSubject::Marked, 0) => format!("if merged: {} would save nothing", layers(fix)),
            (FixSubject::Marked, _) => format!("if merged: {}", fix.title),
            _ => fix.title.clone(),
        };
        self.head(subject, fix.saves_bytes, &title);
        let Some(first) = fix.alternatives.first().filter(|_| self.table.is_open(subject)) else { return };
        self.wrapped(subject, "why", &fix.why, Paint::Plain);
        self.way(subject, first);
        if let FixSubject::Fix(place) = subject {
            for (other, way) in fix.alternatives.iter().enumerate().skip(1) {
                let subject = FixSubject::Other(place, other);
                self.head(subject, way.saves_bytes, &format!("or: {}", way.title));
                if self.table.is_open(subject) {
                    self.way(subject, way);
                }
            }
        }
        self.files(subject, fix);
    }

    fn head(&mut self, subject: FixSubject, saves_bytes: u64, title: &str) {
        let fold = if self.table.is_open(subject) { '▾' } else { '▸' };
        let figure = self.size(saves_bytes, if saves_bytes == 0 { Paint::Dim } else { Paint::Added });
        let paint = if matches!(subject, FixSubject::Other(..)) { Paint::Plain } else { Paint::Bold };
        self.push(subject, Lead::Head, figure, (format!("{fold} {title}"), paint));
        self.copies_as(title);
    }

    /// Lets what is under the cursor be copied in full.
    fn copies_as(&mut self, full: &str) {
        if let Some(row) = self.rows.last_mut() {
            full.clone_into(&mut row.full);
        }
    }

    /// One way to do a fix: its edits, notes, and what it costs.
    fn way(&mut self, subject: FixSubject, way: &Alternative) {
        let has_lines = !way.dockerfile.is_empty();
        let start = self.rows.len();
        if has_lines && !way.safe {
            let warning = "read the notes before you paste this:".to_owned();
            self.label(subject, Lead::Text, "", warning, Paint::Waste);
        }
        for change in advice::changes(self.analysis, way) {
            for (layer, step) in &change.old {
                self.old_step(subject, *layer, step, has_lines);
            }
            self.new_lines(subject, &change.new);
        }
        if let Some(row) = self.rows.get_mut(start) {
            (if has_lines { "edits" } else { "steps" }).clone_into(&mut row.figure.0);
        }
        for caveat in &way.caveats {
            self.wrapped(subject, "note", caveat, Paint::Changed);
        }
        if let Some(cache) = advice::cache(&way.cache, self.units) {
            let paint = if way.cache.is_raised() { Paint::Changed } else { Paint::Plain };
            self.wrapped(subject, "cache", &cache, paint);
        }
    }

    /// A step as it is: `-  3  COPY . .`; without the mark where it stays.
    fn old_step(&mut self, subject: FixSubject, layer: LayerNumber, step: &str, goes: bool) {
        let full = if step.trim().is_empty() { one_line(step) } else { printable(step) };
        let (mark, paint) = if goes { ('-', Paint::Removed) } else { (' ', Paint::Plain) };
        let lines: Vec<String> = full.lines().flat_map(|line| broken(line, self.room.saturating_sub(LAYER))).collect();
        for (at, line) in lines.iter().take(MOST_STEP_ROWS).enumerate() {
            let number = if at == 0 { format!("{:>4}", layer.get()) } else { " ".repeat(4) };
            let more = if at + 1 == MOST_STEP_ROWS && lines.len() > MOST_STEP_ROWS { " …" } else { "" };
            self.label(subject, Lead::Layer(layer), "", format!("{mark}{number}  {line}{more}"), paint);
            self.copies_as(&full);
        }
    }

    /// The lines in its place.
    fn new_lines(&mut self, subject: FixSubject, lines: &str) {
        for line in lines.lines() {
            for (at, part) in broken(line, self.room.saturating_sub(LAYER)).into_iter().enumerate() {
                let mark = if at == 0 { '+' } else { ' ' };
                self.label(subject, Lead::Text, "", format!("{mark}      {part}"), Paint::Added);
                self.copies_as(lines);
            }
        }
    }

    fn files(&mut self, subject: FixSubject, fix: &Fix) {
        let Some(last) = fix.layers.last() else { return };
        for (at, file) in fix.files.iter().enumerate() {
            let path = escape(&self.analysis.index.tree.path(file.node));
            let figure = self.units.show(file.bytes);
            let room = self.room.saturating_sub(figure.len().max(9) + 2);
            let label = if at == 0 { "files" } else { "" };
            let layer = self.hiding_layer(fix, file.node).unwrap_or(*last);
            let text = format!("{figure:>9}  {}", cut_path(&path, room));
            self.label(subject, Lead::Path(layer, file.node), label, text, Paint::Plain);
            if let Some(row) = self.rows.last_mut() {
                row.full = path;
            }
        }
        if fix.file_count > fix.files.len() {
            let more = plural((fix.file_count - fix.files.len()) as u64, "file");
            self.label(subject, Lead::Text, "", format!("{:>9}  and {more} more", ""), Paint::Dim);
        }
    }

    /// The layer of the fix that hid the largest copy at a path.
    fn hiding_layer(&self, fix: &Fix, node: NodeId) -> Option<LayerNumber> {
        let is_inside = |layer: &LayerNumber| fix.layers.contains(layer);
        let mut records = self.analysis.waste.iter();
        let record = records
            .find(|record| record.node == node && is_inside(&record.stored_in) && is_inside(&record.hidden_by))?;
        Some(record.hidden_by)
    }

    fn wrapped(&mut self, subject: FixSubject, label: &str, text: &str, paint: Paint) {
        for (at, line) in wrap(text, self.room).into_iter().enumerate() {
            self.label(subject, Lead::Text, if at == 0 { label } else { "" }, line, paint);
            if let Some(row) = self.rows.last_mut() {
                text.clone_into(&mut row.full);
            }
        }
    }

    /// `wasted = fixes + inherited + remainder`, and what the image would be.
    fn ledger(&mut self) {
        let totals = &self.analysis.totals;
        let fixes = match self.analysis.fixes.len() {
            0 => "no fix was found".to_owned(),
            1 => "saved by the fix".to_owned(),
            count => format!("saved by all {count} fixes"),
        };
        self.sum(totals.fixable_bytes, &fixes, Paint::Added);
        for left in advice::left_over(self.analysis, self.units, |layer| short_step(self.analysis, layer)) {
            self.sum(left.bytes, &left.text, Paint::Plain);
        }
        self.sum(totals.wasted_bytes, "wasted in total: the sum of these", Paint::Waste);
        let outcome = self.table.outcome(self.analysis, self.units);
        self.wrapped(FixSubject::Ledger, "", &outcome, Paint::Bold);
    }

    fn sum(&mut self, bytes: u64, text: &str, paint: Paint) {
        let start = self.rows.len();
        self.wrapped(FixSubject::Ledger, "", text, Paint::Dim);
        let figure = self.size(bytes, if bytes == 0 { Paint::Dim } else { paint });
        if let Some(row) = self.rows.get_mut(start) {
            row.figure = figure;
        }
    }

    fn findings(&mut self) {
        let findings = &self.analysis.findings;
        if findings.is_empty() {
            return;
        }
        let sum = findings.iter().map(|finding| finding.bytes).sum();
        let text = format!("Not wasted, but most likely not needed ({}):", self.units.show(sum));
        self.label(FixSubject::Ledger, Lead::Text, "", String::new(), Paint::Plain);
        self.label(FixSubject::Ledger, Lead::Text, "", text, Paint::Bold);
        for (place, finding) in findings.iter().enumerate() {
            let subject = FixSubject::Finding(place);
            self.finding(subject, finding, self.table.is_open(subject));
        }
    }

    fn finding(&mut self, subject: FixSubject, finding: &Finding, is_open: bool) {
        let title = escape(finding.title.as_bytes());
        let kind = format!("  {}, {}", finding.class.name(), finding.confidence);
        let room = self.room.saturating_sub(kind.len() + 2).max(8);
        let fold = if is_open { '▾' } else { '▸' };
        let figure = self.size(finding.bytes, Paint::Plain);
        self.push(subject, Lead::Head, figure, (format!("{fold} {}{kind}", cut(&title, room)), Paint::Plain));
        if let Some(row) = self.rows.last_mut() {
            row.full.clone_from(&title);
        }
        if !is_open {
            return;
        }
        for path in finding.paths.iter().take(MOST_PATHS) {
            let layer = finding.layers.first().copied().unwrap_or(LayerNumber::from_index(0));
            let name = escape(&self.analysis.index.tree.path(path.node));
            let text =
                format!("{} {}", self.units.show(path.bytes), cut_path(&name, self.room.saturating_sub(20).max(8)));
            self.label(subject, Lead::Path(layer, path.node), "where", text, Paint::Plain);
        }
        if finding.in_base || finding.edits.is_empty() {
            self.wrapped(subject, "do", &why::advice(finding), Paint::Added);
        } else {
            let start = self.rows.len();
            for change in advice::changes_of_finding(finding) {
                for (layer, step) in &change.old {
                    self.old_step(subject, *layer, step, true);
                }
                self.new_lines(subject, &change.new);
            }
            if let Some(row) = self.rows.get_mut(start) {
                "edits".clone_into(&mut row.figure.0);
            }
        }
        for caveat in &finding.caveats {
            self.wrapped(subject, "note", &escape(caveat.as_bytes()), Paint::Changed);
        }
        self.wrapped(subject, "why", &finding.why, Paint::Plain);
        for one in &finding.evidence {
            self.wrapped(subject, "", &escape(one.as_bytes()), Paint::Plain);
        }
        self.wrapped(subject, "unless", &finding.unless, Paint::Changed);
    }
}

/// How many paths of a finding are shown.
const MOST_PATHS: usize = 4;

/// Columns of a mark and a layer's number in front of a line.
const LAYER: usize = 7;

/// Breaks a line of a Dockerfile; what follows is indented like it, and a little more.
fn broken(line: &str, room: usize) -> Vec<String> {
    let line = line.replace('\t', "    ");
    let text = line.trim_start_matches(' ');
    let indent = (line.len() - text.len()).min(room / 2);
    let parts = wrap(text, room.saturating_sub(indent + 2)).into_iter().enumerate();
    parts.map(|(at, part)| format!("{}{part}", " ".repeat(if at == 0 { indent } else { indent + 2 }))).collect()
}

/// Names the step of a layer in a few words.
fn short_step(analysis: &Analysis, layer: LayerNumber) -> String {
    cut(&one_line(&analysis.step(layer)), 50)
}

fn layers(fix: &Fix) -> String {
    match (fix.layers.first(), fix.layers.last()) {
        (Some(first), Some(last)) if first < last => format!("layers {first} to {last}"),
        (Some(only), _) => format!("layer {only}"),
        _ => String::new(),
    }
}
