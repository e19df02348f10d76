//! What to change: the fixes with lines to copy, and live bytes that are probably not needed.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::layers::count;
use super::markup::{FALLING, Html, NUMBER, TEXT, Tone, bar, n, rows, section, table};
use super::summary::grouped;
use super::{Page, step};
use crate::analysis::bloat::{DuplicateContent, Finding, LEAST_BYTES};
use crate::analysis::fixes::Fix;
use crate::report::json::DUPLICATES_BUDGET;
use crate::report::words::{cut, plural, share};

/// How many fixes and findings are listed one by one.
const MOST_FIXES: usize = 30;
const MOST_FINDINGS: usize = 100;
/// How many paths of one content are named.
const MOST_PATHS: usize = 5;
/// How many steps of a fix are listed.
const MOST_STEPS: usize = 60;
/// How long the lines of a fix may be, in bytes; the other reports have longer ones.
const MOST_LINES: usize = 20_000;

impl<W: Write> Page<'_, W> {
    pub(super) fn fixes(&mut self) -> io::Result<()> {
        let (fixes, totals) = (&self.analysis.fixes, &self.analysis.totals);
        if totals.wasted_bytes == 0 {
            return Ok(());
        }
        writeln!(self.out, "{}", section("fixes", "What to change"))?;
        let sentence = match fixes.len() {
            0 => "No change would save enough to be worth the build cache it costs.".to_owned(),
            count => format!(
                "{} would save {} ({} of what is stored).{}",
                plural(count, "fix"),
                self.style.units.show(totals.fixable_bytes),
                share(totals.fixable_bytes, totals.stored_bytes),
                if count > 1 { " They do not overlap, so their savings add up." } else { "" }
            ),
        };
        let (cards, count) = rows(fixes, MOST_FIXES, |fix| self.fix(fix));
        writeln!(self.out, "<p>{sentence}</p>\n{cards}")?;
        if let others @ [_, ..] = &fixes[count..] {
            let bytes = others.iter().map(|fix| fix.saves_bytes).sum();
            let others = plural(others.len(), "smaller fix");
            writeln!(self.out, "<p>{} in {others}.</p>", self.size(bytes))?;
        }
        writeln!(self.out, "</section>")
    }

    fn fix(&self, fix: &Fix) -> String {
        let mut out = format!(
            "<article class=\"fix\" id=\"{id}\"><h3><span class=\"saves\">{}</span> {}</h3>{}<p>{}</p>",
            self.size(fix.saves_bytes),
            Html(&cut(&fix.title, 300)),
            bar(&[(Tone::Fixable, fix.saves_bytes)], self.analysis.totals.wasted_bytes, 6),
            Html(&cut(&fix.why, 1000)),
            id = Html(&fix.id),
        );
        out.push_str(&lines(fix));
        if !fix.caveats.is_empty() {
            out.push_str("<ul class=\"caveats\">");
            for caveat in fix.caveats.iter().take(MOST_STEPS) {
                // Writing to a String cannot fail.
                let _ = write!(out, "<li>{}</li>", Html(&cut(caveat, 1000)));
            }
            out.push_str("</ul>");
        }
        out.push_str(&steps(fix));
        out.push_str(&self.largest(fix));
        out.push_str("</article>\n");
        out
    }

    fn largest(&self, fix: &Fix) -> String {
        let mut out = format!(
            "<details><summary>{}</summary><table><thead><tr><th scope=\"col\" class=\"n\">Waste</th>\
             <th scope=\"col\">Path</th></tr></thead><tbody>",
            if fix.file_count == 1 { "1 file".to_owned() } else { format!("{} files", grouped(fix.file_count as u64)) }
        );
        for file in &fix.files {
            let _ = write!(
                out,
                "<tr><td class=\"n\">{}</td><td class=\"path\">{}</td></tr>",
                self.size(file.bytes),
                self.path(file.node)
            );
        }
        out.push_str("</tbody>");
        if let more @ 1.. = fix.file_count.saturating_sub(fix.files.len()) {
            let named: u64 = fix.files.iter().map(|file| file.bytes).sum();
            let (bytes, others) = (self.size(fix.saves_bytes - named), plural(more, "other"));
            let _ = write!(out, "<tfoot><tr><td class=\"n\">{bytes}</td><td>{others}</td></tr></tfoot>");
        }
        out + "</table></details>"
    }

    /// Live bytes that are probably not needed.
    pub(super) fn bloat(&mut self) -> io::Result<()> {
        let findings = &self.analysis.bloat;
        if findings.is_empty() {
            return Ok(());
        }
        let (body, count) = rows(findings, MOST_FINDINGS, |finding| self.finding(finding));
        let others = match &findings[count..] {
            [] => String::new(),
            others => format!(
                "{}<td colspan=\"4\">{}</td>",
                n(self.size(others.iter().map(|finding| finding.bytes).sum())),
                plural(others.len(), "other place")
            ),
        };
        let headings = [("Size", FALLING), ("Path", TEXT), ("Kind", TEXT), ("Layer", NUMBER), ("What to do", TEXT)];
        writeln!(
            self.out,
            "{}<p>Containers can read these bytes, so they do not count as waste.</p>{}</section>",
            section("bloat", "Live but probably not needed"),
            table("Table of the live bloat", "sortable", &headings, &body, &others)
        )
    }

    /// Equal contents under several paths, which paths alone do not show.
    pub(super) fn duplicates(&mut self) -> io::Result<()> {
        // The layers were read before; where that fails now, the rest of the page is still right.
        let mut duplicates = self.analysis.duplicate_contents(DUPLICATES_BUDGET).unwrap_or_default();
        duplicates.retain(|same| same.extra_bytes() >= LEAST_BYTES);
        if duplicates.is_empty() {
            return Ok(());
        }
        let (body, count) = rows(&duplicates, MOST_FINDINGS, |same| self.equal(same));
        let others = match &duplicates[count..] {
            [] => String::new(),
            others => format!(
                "{}<td colspan=\"2\">{}</td>",
                n(self.size(others.iter().map(DuplicateContent::extra_bytes).sum())),
                plural(others.len(), "other content")
            ),
        };
        let headings = [("Extra", FALLING), ("Files", NUMBER), ("Paths", TEXT)];
        writeln!(
            self.out,
            "{}<p>Also live: keep one of the files and make the others links to it.</p>{}</section>",
            section("duplicates", "The same content several times"),
            table("Table of equal contents", "sortable", &headings, &body, &others)
        )
    }

    fn equal(&self, same: &DuplicateContent) -> String {
        let mut paths: Vec<String> = same.nodes.iter().take(MOST_PATHS).map(|node| self.path(*node)).collect();
        if let more @ 1.. = same.nodes.len().saturating_sub(MOST_PATHS) {
            paths.push(format!("<i>and {more} more</i>"));
        }
        format!(
            "<tr><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"path\">{}</td></tr>",
            self.size(same.extra_bytes()),
            count(same.nodes.len() as u64),
            paths.join("<br>"),
        )
    }

    fn finding(&self, finding: &Finding) -> String {
        format!(
            "<tr><td class=\"n\">{}</td><td class=\"path\">{}</td><td>{} <small>{}</small></td><td class=\"n\">{}</td>\
             <td>{} <small>unless {}</small></td></tr>",
            self.size(finding.bytes),
            self.path(finding.node),
            finding.rule.kind,
            Html(finding.rule.reason),
            finding.layer,
            Html(finding.rule.advice),
            Html(finding.rule.unless),
        )
    }
}

fn steps(fix: &Fix) -> String {
    let mut out =
        format!("<details><summary>{} as they are</summary><ol class=\"steps\">", plural(fix.layers.len(), "step"));
    for (layer, line) in fix.layers.iter().zip(&fix.steps).take(MOST_STEPS) {
        let _ = write!(out, "<li value=\"{layer}\">{}</li>", step(line, super::STEP_WIDTH));
    }
    if let more @ 1.. = fix.layers.len().saturating_sub(MOST_STEPS) {
        let _ = write!(out, "<li>{more} more</li>");
    }
    out + "</ol></details>"
}

/// The lines to paste; the analysis has escaped what could fool a reader in them.
fn lines(fix: &Fix) -> String {
    if fix.dockerfile.is_empty() {
        return String::new();
    }
    if fix.dockerfile.len() > MOST_LINES {
        return "<p class=\"unsafe\">These lines are too long for this page; the JSON report has them.</p>".to_owned();
    }
    let note = if fix.safe { "" } else { "<p class=\"unsafe\">Read the notes before you paste this:</p>" };
    format!("{note}<pre class=\"copy\" tabindex=\"0\"><code>{}</code></pre>", Html(&fix.dockerfile))
}
