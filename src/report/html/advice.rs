//! What to change: the fixes with lines to copy, and live bytes that are probably not needed.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::layers::count;
use super::markup::{FALLING, Html, NUMBER, TEXT, Tone, bar, n, rows, section, table};
use super::summary::grouped;
use super::{Page, one_line};
use crate::analysis::findings::{Finding, LEAST_BYTES};
use crate::analysis::fixes::{Alternative, CacheCost, Fix, printable};
use crate::analysis::twins::DuplicateContent;
use crate::escape::escape;
use crate::report::json::DUPLICATES_BUDGET;
use crate::report::words::{cut, plural, share};
use crate::report::{advice, why};

/// How many fixes and findings are listed one by one.
const MOST_FIXES: usize = 30;
const MOST_FINDINGS: usize = 100;
/// How many paths of one content are named.
const MOST_PATHS: usize = 5;
/// How many notes of a fix are listed.
const MOST_NOTES: usize = 60;
/// How many bytes of HTML the edits of one way to do a fix may have; the other reports have longer ones.
const MOST_EDITS: usize = 40_000;
/// The same of a whole fix: so many fit into the list.
const MOST_CARD: usize = 100_000;
/// Steps and lines of more than so many characters are folded.
const LONG: usize = 1200;

impl<W: Write> Page<'_, W> {
    pub(super) fn fixes(&mut self) -> io::Result<()> {
        let (fixes, totals) = (&self.analysis.fixes, &self.analysis.totals);
        if totals.wasted_bytes == 0 {
            return Ok(());
        }
        writeln!(self.out, "{}", section("fixes", "What to change"))?;
        let sentence = match fixes.len() {
            0 => "No fix was found.".to_owned(),
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
        let left = self.left_over();
        writeln!(self.out, "{left}</section>")
    }

    /// The waste that no fix saves.
    fn left_over(&self) -> String {
        let step = |layer| cut(&one_line(&self.analysis.step(layer)), 80);
        let left = advice::left_over(self.analysis, self.style.units, step);
        if left.is_empty() {
            return String::new();
        }
        let mut out = "<table class=\"left\"><caption>What no fix saves</caption><thead><tr>\
                       <th scope=\"col\" class=\"n\">Waste</th><th scope=\"col\">Why</th></tr></thead><tbody>"
            .to_owned();
        for one in &left {
            // Writing to a String cannot fail.
            let _ = write!(out, "<tr>{}<td>{}</td></tr>", n(self.size(one.bytes)), Html(&one.text));
        }
        out + "</tbody></table>"
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
        let largest = self.largest(fix);
        for (at, way) in fix.alternatives.iter().enumerate() {
            let edits = self.way(way);
            let is_first = at == 0;
            if !is_first && out.len() + edits.len() + largest.len() > MOST_CARD {
                let others = plural(fix.alternatives.len() - at, "other way");
                let _ = write!(out, "<p>{others} to do it: too long for this page; the JSON report has them.</p>");
                break;
            }
            if is_first {
                out.push_str(&edits);
                continue;
            }
            let (title, bytes) = (cut(&way.title, 300), self.size(way.saves_bytes));
            let _ = write!(
                out,
                "<details class=\"other\"><summary>Another way: {}, saves {bytes}</summary>{edits}</details>",
                Html(&title)
            );
        }
        out.push_str(&largest);
        out.push_str("</article>\n");
        out
    }

    /// One way to do a fix: the edits, notes, and what it does to the build cache.
    fn way(&self, way: &Alternative) -> String {
        let has_lines = !way.dockerfile.is_empty();
        let mut out = String::new();
        if has_lines && !way.safe {
            out.push_str("<p class=\"unsafe\">Read the notes before you paste this:</p>");
        }
        let edits = diff(advice::changes(self.analysis, way), has_lines);
        if edits.len() > MOST_EDITS {
            out.push_str("<p class=\"unsafe\">These lines are too long for this page; the JSON report has them.</p>");
        } else {
            out.push_str(&edits);
        }
        if !way.caveats.is_empty() {
            out.push_str("<ul class=\"caveats\">");
            for caveat in way.caveats.iter().take(MOST_NOTES) {
                let _ = write!(out, "<li>{}</li>", Html(&cut(caveat, 1000)));
            }
            out.push_str("</ul>");
        }
        out + &self.cache(&way.cache)
    }

    /// What a change of the copied sources builds again, before and after.
    fn cache(&self, cost: &CacheCost) -> String {
        if cost.steps_before == 0 {
            return String::new();
        }
        let row = |name: &str, steps: u64, bytes: u64| {
            format!("<tr><th scope=\"row\">{name}</th>{}{}</tr>", n(count(steps)), n(self.size(bytes)))
        };
        format!(
            "<table class=\"cache\"><caption>A change of the copied sources builds again</caption><thead><tr>\
             <th scope=\"col\">Dockerfile</th><th scope=\"col\" class=\"n\">Steps</th>\
             <th scope=\"col\" class=\"n\">Stored</th></tr></thead><tbody>{}{}</tbody></table>",
            row("today", cost.steps_before, cost.bytes_before),
            row("with these edits", cost.steps_after, cost.bytes_after)
        )
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

    /// Live bytes that are most likely needless.
    pub(super) fn findings(&mut self) -> io::Result<()> {
        let findings = &self.analysis.findings;
        if findings.is_empty() {
            return Ok(());
        }
        let (body, count) = rows(findings, MOST_FINDINGS, |finding| self.finding(finding));
        let others = match &findings[count..] {
            [] => String::new(),
            others => format!(
                "{}<td colspan=\"4\">{}</td>",
                n(self.size(others.iter().map(|finding| finding.bytes).sum())),
                plural(others.len(), "other finding")
            ),
        };
        let headings = [("Size", FALLING), ("What", TEXT), ("Class", TEXT), ("Layers", TEXT), ("What to do", TEXT)];
        writeln!(
            self.out,
            "{}<p>Containers can read these bytes, so they do not count as waste.</p>{}</section>",
            section("findings", "Live but most likely not needed"),
            table("Table of the findings", "sortable", &headings, &body, &others)
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
        let layers: Vec<String> = finding.layers.iter().map(ToString::to_string).collect();
        let mut evidence: Vec<String> =
            finding.evidence.iter().map(|one| Html(&escape(one.as_bytes())).to_string()).collect();
        evidence.insert(0, Html(&finding.why).to_string());
        let paths: Vec<String> = finding.paths.iter().take(MOST_PATHS).map(|path| self.path(path.node)).collect();
        let mut todo = Html(&why::advice(finding)).to_string();
        if !finding.in_base && !finding.edits.is_empty() {
            let edits = diff(advice::changes_of_finding(finding), true);
            if edits.len() <= MOST_EDITS {
                todo = format!("<details><summary>{todo}</summary>{edits}</details>");
            }
        }
        for caveat in &finding.caveats {
            let _ = write!(todo, "<br><small>{}</small>", Html(&cut(&escape(caveat.as_bytes()), 1000)));
        }
        format!(
            "<tr><td class=\"n\">{}</td><td>{}<details><summary>{}</summary><small>{}</small><br><span class=\"path\">{}</span></details></td>\
             <td>{} <small>{}</small></td><td>{}</td><td>{todo}<br><small>unless {}</small></td></tr>",
            self.size(finding.bytes),
            Html(&escape(finding.title.as_bytes())),
            plural(finding.paths.len(), "place"),
            evidence.join("<br>"),
            paths.join("<br>"),
            finding.class.name(),
            finding.confidence,
            layers.join(", "),
            Html(&finding.unless),
        )
    }
}

/// Steps and the lines in their place.
fn diff(changes: Vec<advice::Change>, has_lines: bool) -> String {
    let mut edits = String::from("<div class=\"diff\">");
    for change in changes {
        for (layer, step) in &change.old {
            let sign = if has_lines { "−" } else { "" };
            let text = if step.trim().is_empty() { one_line(step) } else { printable(step) };
            let _ = write!(edits, "<span class=\"old\">{sign} {layer}</span>{}", folded(&text, "old"));
        }
        if !change.new.is_empty() {
            let _ = write!(edits, "<span class=\"new\">+</span>{}", folded(&change.new, "new copy"));
        }
    }
    edits + "</div>"
}

/// A step or new lines, all of it; long ones behind their first line.
fn folded(text: &str, class: &str) -> String {
    let pre = format!("<pre class=\"{class}\"><code>{}</code></pre>", Html(text));
    if text.len() <= LONG {
        return pre;
    }
    let first = text.lines().next().unwrap_or_default();
    let count = plural(text.lines().count(), "line");
    format!("<details><summary><code>{}</code> ({count})</summary>{pre}</details>", Html(&cut(first, 80)))
}
