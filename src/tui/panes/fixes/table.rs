//! The rows of the fixes pane: what merging the marked layers would save, the fixes, the ledger that they are part of, and
//! below it what is live and probably not needed. Each fix opens to why, steps, files, lines and caveats.

use std::collections::BTreeSet;

use crate::analysis::Analysis;
use crate::analysis::bloat::Finding;
use crate::analysis::fixes::{Fix, WhatIf};
use crate::escape::escape;
use crate::layer::entry::{LayerNumber, NodeId};
use crate::size::Units;
use crate::tui::panes::details::one_line;
use crate::tui::text::{cut_path, percent, plural, wrap};
use crate::tui::theme::Paint;

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FixSubject {
    /// Merging the marked layers.
    Marked,
    /// A fix, by its place.
    Fix(usize),
    /// A finding of bloat, by its place.
    Finding(usize),
    /// The sums of all fixes.
    Ledger,
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

/// Columns of the savings, with the gap behind them.
pub const FIGURE: usize = 12;

/// The fixes, as rows.
#[derive(Debug, Default)]
pub struct FixTable {
    /// What merging the marked layers would save.
    pub what_if: Option<WhatIf>,
    open: BTreeSet<FixSubject>,
    rows: Vec<FixRow>,
    width: usize,
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
            FixSubject::Fix(place) => analysis.fixes.get(place),
            FixSubject::Finding(_) | FixSubject::Ledger => None,
        }
    }

    /// Returns the row on which a subject starts.
    #[must_use]
    pub fn row_of(&self, subject: FixSubject) -> Option<usize> {
        self.rows.iter().position(|row| row.subject == subject)
    }

    /// Makes the rows for so many columns.
    pub fn build(&mut self, analysis: &Analysis, width: usize, units: Units) {
        self.width = width;
        let mut all = FixRows { analysis, units, room: width.saturating_sub(FIGURE + 1).max(16), rows: Vec::new() };
        if let Some(what_if) = &self.what_if {
            for merge in &what_if.merges {
                all.fix(FixSubject::Marked, merge, self.is_open(FixSubject::Marked));
            }
        }
        for (place, fix) in analysis.fixes.iter().enumerate() {
            let subject = FixSubject::Fix(place);
            all.fix(subject, fix, self.is_open(subject));
        }
        all.ledger();
        all.findings(|subject| self.is_open(subject));
        self.rows = all.rows;
    }
}

/// Collects rows.
struct FixRows<'a> {
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

    fn fix(&mut self, subject: FixSubject, fix: &Fix, is_open: bool) {
        let fold = if is_open { '▾' } else { '▸' };
        let title = match (subject, fix.saves_bytes) {
            (FixSubject::Marked, 0) => format!("if merged: {} would save nothing", layers(fix)),
            (FixSubject::Marked, _) => format!("if merged: {}", fix.title),
            _ => fix.title.clone(),
        };
        let figure = match fix.saves_bytes {
            0 => self.size(0, Paint::Dim),
            bytes => self.size(bytes, Paint::Added),
        };
        self.push(subject, Lead::Head, figure, (format!("{fold} {title}"), Paint::Bold));
        if let Some(row) = self.rows.last_mut() {
            row.full = title;
        }
        if is_open {
            self.inside(subject, fix);
        }
    }

    fn inside(&mut self, subject: FixSubject, fix: &Fix) {
        self.wrapped(subject, "why", &fix.why, Paint::Plain);
        for (at, (layer, step)) in fix.layers.iter().zip(&fix.steps).enumerate() {
            let step = one_line(step);
            let label = if at == 0 { "steps" } else { "" };
            self.label(subject, Lead::Layer(*layer), label, format!("{:>3}  {step}", layer.get()), Paint::Plain);
            if let Some(row) = self.rows.last_mut() {
                row.full = step;
            }
        }
        self.files(subject, fix);
        let state = if fix.safe { "lines" } else { "sketch" };
        for (at, line) in fix.dockerfile.lines().enumerate() {
            self.label(subject, Lead::Text, if at == 0 { state } else { "" }, line.to_owned(), Paint::Added);
        }
        for caveat in &fix.caveats {
            self.wrapped(subject, "note", caveat, Paint::Changed);
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
            0 => "no fix is worth making".to_owned(),
            1 => "saved by the fix".to_owned(),
            count => format!("saved by all {count} fixes"),
        };
        let unavoidable = match totals.unavoidable_bytes {
            0 => String::new(),
            bytes => format!("; {} of it are files that every installation rewrites", self.units.show(bytes)),
        };
        let lines = [
            (totals.fixable_bytes, fixes, Paint::Added),
            (
                totals.inherited_bytes,
                "inherited from the base image: your steps cannot change it".to_owned(),
                Paint::Plain,
            ),
            (totals.remainder_bytes(), format!("remainder: not worth a change{unavoidable}"), Paint::Plain),
            (totals.wasted_bytes, "wasted in total: the sum of these three".to_owned(), Paint::Waste),
        ];
        for (bytes, text, paint) in lines {
            let paint = if bytes == 0 { Paint::Dim } else { paint };
            let figure = self.size(bytes, paint);
            self.push(FixSubject::Ledger, Lead::Text, figure, (text, Paint::Dim));
        }
        let (now, then) = (self.units.show(totals.stored_bytes), self.units.show(self.analysis.fixed_bytes()));
        let saved = percent(totals.fixable_bytes, totals.stored_bytes);
        let text = match totals.fixable_bytes {
            0 => format!("the image stores {now}"),
            _ => format!("image size: {now} now, {then} with all fixes (-{saved})"),
        };
        self.label(FixSubject::Ledger, Lead::Text, "", text, Paint::Bold);
    }

    fn findings(&mut self, is_open: impl Fn(FixSubject) -> bool) {
        let findings = &self.analysis.bloat;
        if findings.is_empty() {
            return;
        }
        let sum = findings.iter().map(|finding| finding.bytes).sum();
        let text = format!("Not wasted, but probably not needed ({}):", self.units.show(sum));
        self.label(FixSubject::Ledger, Lead::Text, "", String::new(), Paint::Plain);
        self.label(FixSubject::Ledger, Lead::Text, "", text, Paint::Bold);
        for (place, finding) in findings.iter().enumerate() {
            let subject = FixSubject::Finding(place);
            self.finding(subject, finding, is_open(subject));
        }
    }

    fn finding(&mut self, subject: FixSubject, finding: &Finding, is_open: bool) {
        let path = escape(&self.analysis.index.tree.path(finding.node));
        let kind = format!("  {}, layer {}", finding.rule.kind, finding.layer);
        let room = self.room.saturating_sub(kind.len() + 2).max(8);
        let fold = if is_open { '▾' } else { '▸' };
        let figure = self.size(finding.bytes, Paint::Plain);
        self.push(subject, Lead::Head, figure, (format!("{fold} {}{kind}", cut_path(&path, room)), Paint::Plain));
        if let Some(row) = self.rows.last_mut() {
            row.full.clone_from(&path);
        }
        if is_open {
            let files = plural(finding.file_count, "file");
            let text = format!("{files}, most of it stored by layer {}", finding.layer);
            self.label(subject, Lead::Path(finding.layer, finding.node), "where", text, Paint::Plain);
            self.wrapped(subject, "do", finding.rule.advice, Paint::Added);
            self.wrapped(subject, "why", finding.rule.reason, Paint::Plain);
            self.wrapped(subject, "unless", finding.rule.unless, Paint::Changed);
        }
    }
}

fn layers(fix: &Fix) -> String {
    match (fix.layers.first(), fix.layers.last()) {
        (Some(first), Some(last)) if first < last => format!("layers {first} to {last}"),
        (Some(only), _) => format!("layer {only}"),
        _ => String::new(),
    }
}
