//! The fixes, the findings and the what-if of the text summary.

use std::io::{self, Write};

use super::advice::{cache, changes, left_over, size_with};
use super::text::{BOLD, DIM, GOOD, Summary, WASTE};
use super::words::{cut, cut_middle, plural};
use crate::analysis::findings::Finding;
use crate::analysis::fixes::{Fix, WhatIf};
use crate::escape::{Notation, escape, log_safe};
use crate::layer::entry::LayerNumber;

/// How many fixes are shown; the others are summed up.
const MOST_FIXES: usize = 5;
/// How many findings are shown.
const MOST_FINDINGS: usize = 5;
/// How many files of a fix are named.
const MOST_FILES: usize = 3;
/// How many steps and lines of a fix are shown.
const MOST_LINES: usize = 40;

impl<W: Write> Summary<'_, W> {
    /// What to change, and what would be left.
    pub(super) fn fixes(&mut self) -> io::Result<()> {
        let analysis = self.analysis;
        let totals = &analysis.totals;
        if totals.wasted_bytes == 0 {
            return Ok(());
        }
        let sum = self.size(totals.fixable_bytes);
        let title = match analysis.fixes.len() {
            0 => "What to change: no fix found".to_owned(),
            count => format!("What to change: {} would save {sum}", plural(count, "fix")),
        };
        writeln!(self.out, "\n{}", self.paint(BOLD, &title))?;
        for fix in analysis.fixes.iter().take(MOST_FIXES) {
            self.fix(fix)?;
        }
        let rest = &analysis.fixes[analysis.fixes.len().min(MOST_FIXES)..];
        if !rest.is_empty() {
            let bytes = rest.iter().map(|fix| fix.saves_bytes).sum();
            writeln!(self.out, "{:>10}  in {}", self.size(bytes), plural(rest.len(), "smaller fix"))?;
        }
        self.left_over()?;
        self.floor()
    }

    fn fix(&mut self, fix: &Fix) -> io::Result<()> {
        let room = self.style.width.saturating_sub(14).max(20);
        let bytes = self.paint(GOOD, &format!("{:>10}", self.size(fix.saves_bytes)));
        writeln!(self.out, "{bytes}  {}", self.paint(BOLD, &fix.title))?;
        writeln!(self.out, "{:>10}  {}", "", self.paint(DIM, &cut(&fix.why, 400)))?;
        for file in fix.files.iter().take(MOST_FILES) {
            let path = cut_middle(&escape(&self.analysis.index.tree.path(file.node)), room);
            writeln!(self.out, "{:>10}  {:>10}  {path}", "", self.size(file.bytes))?;
        }
        if fix.file_count > MOST_FILES {
            writeln!(self.out, "{:>10}  {:>10}  and {} more", "", "", plural(fix.file_count - MOST_FILES, "file"))?;
        }
        if !fix.dockerfile.is_empty() && !fix.safe {
            writeln!(self.out, "{:>10}  {}", "", self.paint(WASTE, "read the notes before you paste this:"))?;
        }
        // Without lines the steps stay.
        let mark = if fix.dockerfile.is_empty() { ' ' } else { '-' };
        for change in changes(self.analysis, &fix.alternatives[0]) {
            for (layer, step) in change.old.iter().take(MOST_LINES) {
                self.old_step(mark, *layer, step, room)?;
            }
            self.new_lines(&change.new)?;
        }
        self.notes(fix)
    }

    /// A step as it is.
    fn old_step(&mut self, mark: char, layer: LayerNumber, step: &str, room: usize) -> io::Result<()> {
        let step: Vec<&str> = step.split_whitespace().take(400).collect();
        let step =
            if step.is_empty() { "(the history does not say)".to_owned() } else { escape(step.join(" ").as_bytes()) };
        let mark = self.paint(DIM, &format!("{mark} {:>3}", layer.get()));
        writeln!(self.out, "{:>10}  {mark}  {}", "", cut(&step, room.saturating_sub(7).max(20)))
    }

    /// The lines in its place.
    fn new_lines(&mut self, lines: &str) -> io::Result<()> {
        let mut is_exact = true;
        for line in lines.lines() {
            let line = format!("+ {line}");
            is_exact &= log_safe(&line, Notation::Hex) == line;
            writeln!(self.out, "{:>10}  {}{}", "", self.paint(GOOD, "+"), &line[1..])?;
        }
        if !is_exact {
            let note = "a CI runner would obey these lines, so a character is shown as \\xNN: the JSON report has them unchanged";
            writeln!(self.out, "{:>10}  {}", "", self.paint(WASTE, note))?;
        }
        Ok(())
    }

    fn notes(&mut self, fix: &Fix) -> io::Result<()> {
        for caveat in &fix.caveats {
            writeln!(self.out, "{:>10}  {}", "", self.paint(DIM, &format!("note: {caveat}")))?;
        }
        let cost = &fix.alternatives[0].cache;
        if let Some(cache) = cache(cost, self.style.units).filter(|_| !cost.changes_nothing()) {
            writeln!(self.out, "{:>10}  {}", "", self.paint(DIM, &format!("cache: {cache}")))?;
        }
        if let [_, others @ ..] = &fix.alternatives[..]
            && !others.is_empty()
        {
            let others = plural(others.len(), "other way");
            let text = format!("{others} to do it: see --report html, or 4 on the screen");
            writeln!(self.out, "{:>10}  {}", "", self.paint(DIM, &text))?;
        }
        Ok(())
    }

    fn left_over(&mut self) -> io::Result<()> {
        for left in left_over(self.analysis, self.style.units, |layer| self.step(layer, 50)) {
            writeln!(self.out, "{:>10}  {}", self.size(left.bytes), left.text)?;
        }
        Ok(())
    }

    fn floor(&mut self) -> io::Result<()> {
        let totals = &self.analysis.totals;
        let (now, least) = (self.size(totals.stored_bytes), self.size(totals.final_bytes));
        let fixed = size_with(self.analysis, "every fix", totals.fixable_bytes, self.style.units);
        let line = format!("{now} now, {fixed}, {least} without waste");
        writeln!(self.out, "{:>10}  {}", "", self.paint(BOLD, &line))
    }

    /// Live bytes that are most likely needless.
    pub(super) fn findings(&mut self) -> io::Result<()> {
        let findings = &self.analysis.findings;
        if findings.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "\n{}", self.paint(BOLD, "In the final image but most likely not needed"))?;
        for finding in findings.iter().take(MOST_FINDINGS) {
            let bytes = self.size(finding.bytes);
            let title = cut(&finding.title, self.style.width.saturating_sub(12).max(40));
            writeln!(self.out, "{bytes:>10}  {title}")?;
            let place = self.place(finding);
            writeln!(self.out, "{:>10}  {}", "", self.paint(DIM, &place))?;
            if !finding.in_base {
                writeln!(self.out, "{:>10}  {}", "", self.paint(DIM, &format!("-> {}", finding.advice)))?;
            }
        }
        let rest = &findings[findings.len().min(MOST_FINDINGS)..];
        if !rest.is_empty() {
            let bytes = rest.iter().map(|finding| finding.bytes).sum();
            writeln!(self.out, "{:>10}  {}", self.size(bytes), plural(rest.len(), "smaller finding"))?;
        }
        Ok(())
    }

    /// Says of a finding what it is and where.
    fn place(&self, finding: &Finding) -> String {
        let layers: Vec<String> = finding.layers.iter().map(ToString::to_string).collect();
        let layers =
            if layers.len() == 1 { format!("layer {}", layers[0]) } else { format!("layers {}", layers.join(", ")) };
        let of_base = if finding.in_base { ", the base image's" } else { "" };
        let path = finding.paths.first().map(|path| escape(&self.analysis.index.tree.path(path.node)));
        let room = self.style.width.saturating_sub(60).max(20);
        let path = path.map(|path| format!(", {}", cut_middle(&path, room))).unwrap_or_default();
        let more = match finding.paths.len() {
            0 | 1 => String::new(),
            many => format!(" and {} more", many - 1),
        };
        format!("{}, {}, {layers}{of_base}{path}{more}", finding.class.name(), finding.confidence)
    }

    /// What merging layers would make of the image.
    pub(super) fn what_if(&mut self, what_if: &WhatIf) -> io::Result<()> {
        for merge in &what_if.merges {
            if merge.saves_bytes == 0 {
                writeln!(self.out, "{:>10}  {}: merging them saves nothing", self.size(0), merge.title)?;
            } else {
                self.fix(merge)?;
            }
        }
        for finding in &what_if.findings {
            let title = cut(&finding.title, self.style.width.saturating_sub(12).max(40));
            writeln!(self.out, "{:>10}  without {title}", self.size(finding.bytes))?;
            let place = self.place(finding);
            writeln!(self.out, "{:>10}  {}", "", self.paint(DIM, &place))?;
            if let Some(start) = &finding.start {
                let cmd = escape(serde_json::json!(start.cmd).to_string().as_bytes());
                writeln!(self.out, "{:>10}  and CMD {}", "", cut(&cmd, 200))?;
            }
        }
        let totals = &self.analysis.totals;
        let (before, after) = (self.size(totals.stored_bytes), self.size(what_if.stored_bytes));
        let (saved, wasted) = (self.size(what_if.saves_bytes), self.size(what_if.wasted_bytes));
        let layers = (self.analysis.layers.len(), what_if.layer_count);
        writeln!(
            self.out,
            "{before} in {} layers -> {after} in {} layers: saves {saved}, {wasted} still wasted",
            layers.0, layers.1
        )
    }
}
