//! The summary for people: the image in one line, its layers with their waste, the largest waste by the pair of steps that
//! caused it, and the verdict last.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Paint};
use unicode_width::UnicodeWidthStr;

use super::Style;
use super::waste::describe;
use super::why;
use super::words::{cut, cut_middle, plural, share, short_digests};
use crate::analysis::fixes::WhatIf;
use crate::analysis::waste::Cause;
use crate::analysis::waste_groups::WasteGroup;
use crate::analysis::{Analysis, Layer};
use crate::escape::{LogSafe, Notation, escape};
use crate::gate::{Judged, Verdict};
use crate::layer::entry::{LayerNumber, NodeId};

/// How many groups of waste are shown.
const MOST_GROUPS: usize = 8;
/// How many layers are shown one by one; an image with more is not written by people.
const MOST_LAYERS: usize = 200;

pub(super) const BOLD: Paint = Paint::new().bold();
pub(super) const DIM: Paint = Paint::new().dimmed();
const BAD: Paint = AnsiColor::Red.on_default().bold();
pub(super) const GOOD: Paint = AnsiColor::Green.on_default().bold();
pub(super) const WASTE: Paint = AnsiColor::Yellow.on_default();

/// Writes the summary; the verdict, if there is one, comes last.
///
/// # Errors
/// Where `out` fails.
pub fn write(analysis: &Analysis, verdict: Option<&Verdict>, style: &Style, out: &mut impl Write) -> io::Result<()> {
    let mut summary = Summary { analysis, style, out };
    summary.header()?;
    summary.layers()?;
    summary.waste()?;
    summary.owners()?;
    summary.changes()?;
    summary.warnings()?;
    match verdict {
        Some(verdict) => summary.verdict(verdict),
        None => Ok(()),
    }
}

/// Writes what a merge would make of the image.
///
/// # Errors
/// Where `out` fails.
pub fn write_what_if(analysis: &Analysis, what_if: &WhatIf, style: &Style, out: &mut impl Write) -> io::Result<()> {
    let out = &mut LogSafe::new(out, Notation::Hex);
    Summary { analysis, style, out }.what_if(what_if)
}

pub(super) struct Summary<'a, W> {
    pub(super) analysis: &'a Analysis,
    pub(super) style: &'a Style,
    pub(super) out: &'a mut W,
}

impl<W: Write> Summary<'_, W> {
    pub(super) fn paint(&self, paint: Paint, text: &str) -> String {
        if self.style.color { format!("{paint}{text}{paint:#}") } else { text.to_owned() }
    }

    pub(super) fn size(&self, bytes: u64) -> String {
        self.style.units.show(bytes)
    }

    fn header(&mut self) -> io::Result<()> {
        let analysis = self.analysis;
        let (spec, totals) = (&analysis.spec, &analysis.totals);
        let name = spec.tags.first().map_or_else(|| escape(analysis.source.as_bytes()), |tag| escape(tag.as_bytes()));
        let name = self.paint(BOLD, &cut(&name, 200));
        // No line begins with what the image says.
        writeln!(self.out, "image {name}  {}  {}  {}", spec.platform, spec.format.name(), spec.id.short())?;
        if spec.tags.len() > 1 {
            let others: Vec<String> = spec.tags[1..].iter().take(5).map(|tag| escape(tag.as_bytes())).collect();
            let more = spec.tags.len().saturating_sub(6);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            writeln!(self.out, "also {}{more}", cut(&others.join(", "), 300))?;
        }
        let wasted = match totals.wasted_bytes {
            0 => self.paint(GOOD, "nothing wasted"),
            bytes => {
                let wire = totals.wasted_wire_bytes.map(|wire| format!(", {} on the wire", self.size(wire)));
                let share = share(bytes, totals.stored_bytes);
                self.paint(WASTE, &format!("{} wasted ({share}{})", self.size(bytes), wire.unwrap_or_default()))
            }
        };
        self.equation(&wasted)?;
        let base = match analysis.base.layer_count {
            0 => "base image: unknown, so every layer counts as yours".to_owned(),
            1 => format!("base image: layer 1 (from the {})", analysis.base.from.name()),
            count => format!("base image: layers 1-{count} (from the {})", analysis.base.from.name()),
        };
        let yours = match (analysis.base.layer_count, totals.wasted_bytes) {
            (0, _) | (_, 0) => String::new(),
            _ => format!("; {} of the waste is yours", self.size(totals.user_wasted_bytes())),
        };
        writeln!(self.out, "{}", self.paint(DIM, &format!("{base}{yours}")))
    }

    /// The answer to why it is so large, on one line where there is room.
    fn equation(&mut self, wasted: &str) -> io::Result<()> {
        let (analysis, totals) = (self.analysis, &self.analysis.totals);
        let stored = format!("{}: {} stored", plural(analysis.layers.len(), "layer"), self.size(totals.stored_bytes));
        let Some([needed, needless]) = why::parts(analysis, self.style.units) else {
            let shown = self.size(totals.final_bytes);
            return writeln!(self.out, "{stored} = {shown} in the final image + {wasted}");
        };
        let is_short = stored.width() + needed.width() + needless.width() + wasted.width() + 9 <= self.style.width;
        let needless = self.paint(WASTE, &needless);
        let gap = if is_short { " " } else { "\n  " };
        writeln!(self.out, "{stored}{gap}= {needed}{gap}+ {needless}{gap}+ {wasted}")
    }

    fn layers(&mut self) -> io::Result<()> {
        let layers = &self.analysis.layers;
        if layers.is_empty() {
            return writeln!(self.out, "\nThe image has no layers.");
        }
        let number_width = layers.len().to_string().len().max(2);
        let width = |of: &dyn Fn(&Layer) -> u64| layers.iter().map(|layer| self.size(of(layer)).width()).max();
        let size_width = width(&|layer| layer.stored_bytes).unwrap_or(0).max(4);
        let waste_width = width(&|layer| layer.wasted_bytes).unwrap_or(0).max(5);
        let head = format!("{:>number_width$}  {:>size_width$}  {:>waste_width$}  Step", "#", "Size", "Waste");
        writeln!(self.out, "\n{}", self.paint(BOLD, &head))?;
        let room = self.style.width.saturating_sub(number_width + size_width + waste_width + 6).max(20);
        for layer in layers.iter().take(MOST_LAYERS) {
            let size = self.size(layer.stored_bytes);
            let wasted = if layer.wasted_bytes == 0 { "-".to_owned() } else { self.size(layer.wasted_bytes) };
            let wasted = format!("{wasted:>waste_width$}");
            let wasted = if layer.wasted_bytes == 0 { wasted } else { self.paint(WASTE, &wasted) };
            let step = self.step(layer.number, room);
            let step = if layer.is_base { self.paint(DIM, &step) } else { step };
            writeln!(self.out, "{:>number_width$}  {size:>size_width$}  {wasted}  {step}", layer.number.get())?;
        }
        match layers.len().saturating_sub(MOST_LAYERS) {
            0 => Ok(()),
            more => writeln!(self.out, "… and {more} more layers"),
        }
    }

    pub(super) fn step(&self, layer: LayerNumber, room: usize) -> String {
        let step = self.analysis.step(layer);
        let line: Vec<&str> = step.split_whitespace().take(400).collect();
        if line.is_empty() {
            return "(the history does not say)".to_owned();
        }
        cut(&short_digests(&escape(line.join(" ").as_bytes())), room)
    }

    fn waste(&mut self) -> io::Result<()> {
        if self.analysis.waste.is_empty() {
            return Ok(());
        }
        let groups = self.analysis.waste_groups();
        writeln!(self.out, "\n{}", self.paint(BOLD, "Waste by the pair of steps that caused it"))?;
        for group in groups.iter().take(MOST_GROUPS) {
            self.group(group)?;
        }
        let rest = &groups[groups.len().min(MOST_GROUPS)..];
        if !rest.is_empty() {
            let bytes = rest.iter().map(|group| group.bytes).sum();
            writeln!(self.out, "{:>10}  in {}", self.size(bytes), plural(rest.len(), "smaller group"))?;
        }
        Ok(())
    }

    fn group(&mut self, group: &WasteGroup) -> io::Result<()> {
        let room = self.style.width.saturating_sub(24).max(20);
        let bytes = self.paint(WASTE, &format!("{:>10}", self.size(group.bytes)));
        let layers = if group.cause == Cause::Duplicate {
            format!("in layer {}", group.stored_in)
        } else {
            format!("layer {} → {}", group.stored_in, group.hidden_by)
        };
        let (files, details) = (plural(group.records.len(), "file"), describe(self.analysis, group));
        writeln!(self.out, "{bytes}  {}, {layers}, {files}", self.paint(BOLD, group.cause.name()))?;
        let stored = self.step(group.stored_in, room);
        writeln!(self.out, "{:>10}  {} {stored}", "", self.paint(DIM, "stored by"))?;
        let verb = match group.cause {
            Cause::Deleted => "deleted by",
            Cause::Overwritten => "replaced by",
            Cause::Metadata => "copied by",
            Cause::Unchanged => "stored again by",
            Cause::Duplicate => "stored twice in",
        };
        if group.cause != Cause::Duplicate {
            let hidden = self.step(group.hidden_by, room.saturating_sub(5).max(20));
            let what = details.what.as_ref().map(|what| format!("  ({what})")).unwrap_or_default();
            writeln!(self.out, "{:>10}  {} {hidden}{what}", "", self.paint(DIM, verb))?;
        }
        for place in &details.places {
            let path = escape(&self.analysis.index.tree.path(place.node));
            let slash = if place.is_directory && place.node != NodeId::ROOT { "/" } else { "" };
            let count =
                if place.is_directory { format!("  {}", plural(place.file_count, "file")) } else { String::new() };
            let path = cut_middle(&path, room);
            writeln!(self.out, "{:>10}  {:>10}  {path}{slash}{count}", "", self.size(place.bytes))?;
        }
        Ok(())
    }

    fn warnings(&mut self) -> io::Result<()> {
        if self.analysis.warnings.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "\n{}", self.paint(BOLD, "Warnings"))?;
        for warning in &self.analysis.warnings {
            writeln!(self.out, "  {}: {warning}", warning.code.name())?;
        }
        Ok(())
    }

    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        self.ignored(verdict)?;
        if let Some(compared) = &verdict.compared {
            let line = compared.line(self.style.units);
            writeln!(self.out, "\nAgainst {}: {line}", cut_middle(&compared.source, 200))?;
        }
        if verdict.rules.is_empty() {
            return writeln!(self.out, "\nNo rules given: nothing was judged (see --max-waste and the other limits).");
        }
        writeln!(self.out)?;
        for rule in &verdict.rules {
            self.rule(rule)?;
        }
        for note in &verdict.notes {
            writeln!(self.out, "{}", self.paint(DIM, &format!("note: {note}")))?;
        }
        let word = if verdict.passed() { self.paint(GOOD, "PASSED") } else { self.paint(BAD, "FAILED") };
        writeln!(self.out, "{word}: {}", verdict.line(self.style.units))
    }

    fn ignored(&mut self, verdict: &Verdict) -> io::Result<()> {
        if verdict.ignored.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "\n{}", self.paint(BOLD, "Ignored by the rules"))?;
        for entry in &verdict.ignored {
            let bytes = self.size(entry.bytes);
            let until = match (entry.expires, entry.is_expired) {
                (Some(day), true) => format!(", expired on {day}: counted again"),
                (Some(day), false) => format!(", until {day}"),
                (None, _) => String::new(),
            };
            let reason = entry.reason.as_ref().map(|reason| format!(": {}", cut(reason, 200))).unwrap_or_default();
            writeln!(self.out, "{bytes:>10}  {}{until}{reason}", cut_middle(&entry.pattern, 200))?;
        }
        Ok(())
    }

    fn rule(&mut self, rule: &Judged) -> io::Result<()> {
        let mark = match (rule.passed, rule.warned) {
            (false, _) => self.paint(BAD, rule.word()),
            (true, true) => self.paint(WASTE, rule.word()),
            (true, false) => self.paint(GOOD, rule.word()),
        };
        let before = rule.before.as_ref().and_then(|before| rule.actual.difference(before, self.style.units));
        let before = before.map(|before| format!("  ({before} against the baseline)")).unwrap_or_default();
        writeln!(self.out, "{mark}  {}{before}", rule.sentence(self.style.units))
    }
}
