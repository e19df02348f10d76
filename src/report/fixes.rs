//! The owners, the fixes and findings, and the what-if of the text summary.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::advice::{cache, changes, changes_of_finding, left_over, size_with};
use super::text::{BOLD, DIM, GOOD, Summary, WASTE};
use super::why::{self, Advice};
use super::words::{cut, cut_middle, plural, short_digests};
use crate::analysis::findings::Finding;
use crate::analysis::fixes::{Fix, WhatIf};
use crate::analysis::owners::Owner;
use crate::escape::{Notation, escape, log_safe};
use crate::layer::entry::{LayerNumber, NodeId};

/// How many fixes and findings are shown; the others are summed up.
const MOST_CHANGES: usize = 8;
/// How many owners are shown, and folders that have none.
const MOST_OWNERS: usize = 8;
const MOST_FOLDERS: usize = 3;
/// The least columns that are worth a step.
const LEAST_STEP: usize = 12;
/// How many files of a fix are named.
const MOST_FILES: usize = 3;
/// How many steps and lines of a fix are shown.
const MOST_LINES: usize = 40;

impl<W: Write> Summary<'_, W> {
    /// The owners of the final image's bytes, the largest first.
    pub(super) fn owners(&mut self) -> io::Result<()> {
        let owners = why::owners(self.analysis);
        let Some((nobody, packages)) = owners.split_last().filter(|(_, packages)| !packages.is_empty()) else {
            return Ok(());
        };
        writeln!(self.out, "\n{}", self.paint(BOLD, "What the final image is made of"))?;
        let shown: Vec<&Owner> =
            packages.iter().copied().take(MOST_OWNERS).filter(|owner| owner.live_bytes > 0).collect();
        for owner in &shown {
            let line = self.owner(owner);
            writeln!(self.out, "{:>10}  {line}", self.size(owner.live_bytes))?;
        }
        let rest: u64 = packages.iter().skip(shown.len()).map(|owner| owner.live_bytes).sum();
        if packages.len() > shown.len() {
            writeln!(
                self.out,
                "{:>10}  in {}",
                self.size(rest),
                plural(packages.len() - shown.len(), "other package")
            )?;
        }
        if nobody.live_bytes == 0 {
            return Ok(());
        }
        let room = self.style.width.saturating_sub(24).max(30) / MOST_FOLDERS;
        let folder = |(node, bytes): (NodeId, u64)| {
            let path = cut_middle(&escape(&self.analysis.index.tree.path(node)), room.saturating_sub(11).max(12));
            format!("{path} {}", self.size(bytes))
        };
        let folders: Vec<String> = why::unowned_folders(self.analysis, MOST_FOLDERS).into_iter().map(folder).collect();
        writeln!(self.out, "{:>10}  of no package: {}", self.size(nobody.live_bytes), folders.join(", "))
    }

    /// An owner in a line: what it is, how it came in, and the step that brought it, as far as there is room.
    fn owner(&self, owner: &Owner) -> String {
        let room = self.style.width.saturating_sub(12).max(40);
        let layer = owner.layer.map(|layer| format!(", layer {layer}")).unwrap_or_default();
        let (name, chain) = (why::name(owner), why::chain(owner));
        let left = room.saturating_sub(name.width() + layer.width() + 2).max(room * 2 / 5);
        let chain = if chain.is_empty() { chain } else { format!(", {}", cut_middle(&chain, left)) };
        let name = cut_middle(&name, room.saturating_sub(chain.width() + layer.width()).max(16));
        let line = format!("{name}{chain}{layer}");
        match (owner.layer, room.saturating_sub(line.width() + 3)) {
            (Some(layer), left @ LEAST_STEP..) => {
                format!("{line} {}", self.paint(DIM, &format!("({})", self.step(layer, left))))
            }
            _ => line,
        }
    }

    /// What to change, fixes and findings as one list, and what would be left.
    pub(super) fn changes(&mut self) -> io::Result<()> {
        let analysis = self.analysis;
        let (has_waste, is_known) = (analysis.totals.wasted_bytes > 0, why::is_known(analysis));
        if !has_waste && !is_known {
            return Ok(());
        }
        let ranked = why::ranked(analysis);
        let title = match why::headline(analysis, self.style.units) {
            Some(headline) => format!("What to change: {headline}"),
            None if is_known && !has_waste => "Nothing that would pay to change".to_owned(),
            None if is_known => "What to change: nothing that would pay".to_owned(),
            None => "What to change: no fix found".to_owned(),
        };
        writeln!(self.out, "\n{}", self.paint(BOLD, &title))?;
        // Several findings share one second stage: the largest one shows it.
        let mut stage = None;
        for one in ranked.iter().take(MOST_CHANGES) {
            match *one {
                Advice::Fix(place) => self.fix(&analysis.fixes[place])?,
                Advice::Finding(place) => {
                    let finding = &analysis.findings[place];
                    self.finding(finding, stage.filter(|_| finding.needs_second_stage()))?;
                    stage = stage.or(finding.needs_second_stage().then_some(finding.id.as_str()));
                }
            }
        }
        self.smaller(&ranked[ranked.len().min(MOST_CHANGES)..])?;
        if let Some((bytes, text)) = why::of_base(analysis) {
            writeln!(self.out, "{:>10}  {text}", self.size(bytes))?;
        }
        if !has_waste && ranked.is_empty() {
            return Ok(());
        }
        self.left_over()?;
        self.floor()
    }

    /// Sums up what is not shown.
    fn smaller(&mut self, rest: &[Advice]) -> io::Result<()> {
        let analysis = self.analysis;
        let (mut fixes, mut findings) = ((0, 0), (0, 0));
        for one in rest {
            let (sum, bytes) = match *one {
                Advice::Fix(place) => (&mut fixes, analysis.fixes[place].saves_bytes),
                Advice::Finding(place) => (&mut findings, analysis.findings[place].bytes),
            };
            *sum = (sum.0 + 1, sum.1 + bytes);
        }
        for ((count, bytes), noun) in [(fixes, "smaller fix"), (findings, "smaller finding")] {
            if count > 0 {
                writeln!(self.out, "{:>10}  in {}", self.size(bytes), plural(count, noun))?;
            }
        }
        Ok(())
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
        let step = if step.is_empty() {
            "(the history does not say)".to_owned()
        } else {
            short_digests(&escape(step.join(" ").as_bytes()))
        };
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
        let (analysis, totals) = (self.analysis, &self.analysis.totals);
        let (now, least) = (self.size(totals.stored_bytes), self.size(totals.final_bytes));
        let fixed = size_with(analysis, "every fix", totals.fixable_bytes, self.style.units);
        let line = match (why::own_needless(analysis), totals.wasted_bytes) {
            ((0, _), _) => format!("{now} now, {fixed}, {least} without waste"),
            ((bytes, _), 0) => {
                format!("{now} now, {}", size_with(analysis, "the findings made", bytes, self.style.units))
            }
            ((bytes, _), _) => {
                let both = totals.fixable_bytes + bytes;
                format!("{now} now, {fixed}, {} with the findings too", why::smaller(analysis, both, self.style.units))
            }
        };
        writeln!(self.out, "{:>10}  {}", "", self.paint(BOLD, &line))
    }

    /// Live bytes that are most likely needless: what, how sure, where, and what to change. `shown` is the finding whose
    /// second stage avoids this one, too.
    fn finding(&mut self, finding: &Finding, shown: Option<&str>) -> io::Result<()> {
        let room = self.style.width.saturating_sub(12).max(40);
        let bytes = self.paint(GOOD, &format!("{:>10}", self.size(finding.bytes)));
        let title = cut(&escape(finding.title.as_bytes()), room);
        writeln!(self.out, "{bytes}  {}", self.paint(BOLD, &title))?;
        let place = self.place(finding);
        writeln!(self.out, "{:>10}  {}", "", self.paint(DIM, &place))?;
        if finding.in_base || finding.edits.is_empty() {
            writeln!(self.out, "{:>10}  {} {}", "", self.paint(GOOD, "→"), why::advice(finding))?;
        } else if let Some(other) = shown {
            writeln!(self.out, "{:>10}  {} the second stage of {other}", "", self.paint(GOOD, "→"))?;
        } else {
            for change in changes_of_finding(finding) {
                for (layer, step) in &change.old {
                    self.old_step('-', *layer, step, room)?;
                }
                self.new_lines(&change.new)?;
            }
        }
        for caveat in finding.caveats.iter().skip(usize::from(shown.is_some())) {
            let note = format!("note: {}", escape(caveat.as_bytes()));
            writeln!(self.out, "{:>10}  {}", "", self.paint(DIM, &note))?;
        }
        Ok(())
    }

    /// Says of a finding how sure it is, what it is and where.
    fn place(&self, finding: &Finding) -> String {
        let head = format!("{}, {}, {}", finding.confidence, finding.class.name(), why::layers(finding));
        let more = match finding.paths.len() {
            0 | 1 => String::new(),
            many => format!(" and {} more", many - 1),
        };
        let room = self.style.width.saturating_sub(14 + head.width() + more.width()).max(20);
        let path = finding.paths.first().map(|path| escape(&self.analysis.index.tree.path(path.node)));
        let path = path.map(|path| format!(", {}", cut_middle(&path, room))).unwrap_or_default();
        format!("{head}{path}{more}")
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
