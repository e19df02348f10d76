//! What to change: the fixes with their lines to copy, and what is live and probably not needed.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::layers::count;
use super::markup::{Html, Tone, bar, rows};
use super::summary::grouped;
use super::{Page, step};
use crate::analysis::bloat::{Finding, LEAST_BYTES, Twins};
use crate::analysis::fixes::Fix;
use crate::report::json::TWIN_BUDGET;
use crate::report::text::{cut, plural, share};

/// How many fixes and findings are listed one by one.
const MOST_FIXES: usize = 30;
const MOST_FINDINGS: usize = 100;
/// How many paths of one content are named.
const MOST_PATHS: usize = 5;
/// How many steps of a fix are listed.
const MOST_STEPS: usize = 60;
/// How long the lines of a fix may be, in bytes: what is longer is in the other reports.
const MOST_LINES: usize = 20_000;

impl<W: Write> Page<'_, W> {
    pub(super) fn fixes(&mut self) -> io::Result<()> {
        let (fixes, totals) = (&self.analysis.fixes, &self.analysis.totals);
        if totals.wasted_bytes == 0 {
            return Ok(());
        }
        writeln!(
            self.out,
            "<section id=\"fixes\" aria-labelledby=\"fixes-title\"><h2 id=\"fixes-title\">What to change</h2>"
        )?;
        let sentence = match fixes.len() {
            0 => "No change of the steps would save enough to pay for the build cache it costs.".to_owned(),
            count => format!(
                "{} would save {} ({} of what is stored).{}",
                plural(count, "fix").replace("fixs", "fixes"),
                self.style.units.show(totals.fixable_bytes),
                share(totals.fixable_bytes, totals.stored_bytes),
                if count > 1 { " They do not overlap, so their savings add up." } else { "" }
            ),
        };
        let (cards, count) = rows(fixes, MOST_FIXES, |fix| self.fix(fix));
        writeln!(self.out, "<p>{sentence}</p>\n{cards}")?;
        if let others @ [_, ..] = &fixes[count..] {
            let bytes = others.iter().map(|fix| fix.saves_bytes).sum();
            let others = plural(others.len(), "smaller fix").replace("fixs", "fixes");
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
            "<details><summary>{}</summary><table><thead><tr><th scope=\"col\" class=\"n\">Waste</th><th scope=\"col\">Path</th>\
             </tr></thead><tbody>",
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

    /// Live bytes that most likely nobody needs.
    pub(super) fn bloat(&mut self) -> io::Result<()> {
        let findings = &self.analysis.bloat;
        if findings.is_empty() {
            return Ok(());
        }
        let (body, count) = rows(findings, MOST_FINDINGS, |finding| self.finding(finding));
        let others = match &findings[count..] {
            [] => String::new(),
            others => format!(
                "<tfoot><tr><td class=\"n\">{}</td><td colspan=\"4\">{}</td></tr></tfoot>",
                self.size(others.iter().map(|finding| finding.bytes).sum()),
                plural(others.len(), "other place")
            ),
        };
        writeln!(
            self.out,
            "<section id=\"bloat\" aria-labelledby=\"bloat-title\"><h2 id=\"bloat-title\">Live, and probably not needed</h2>\n\
             <p>Containers can read these bytes, so they are no waste and not in the ledger.</p>\
             <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of the live bloat\"><table class=\"sortable\"><thead><tr>\
             <th scope=\"col\" class=\"n\" aria-sort=\"descending\">Size</th><th scope=\"col\">Path</th><th scope=\"col\">Kind</th>\
             <th scope=\"col\" class=\"n\">Layer</th><th scope=\"col\">What to do</th></tr></thead><tbody>{body}</tbody>{others}</table></div></section>"
        )
    }

    /// Equal contents under several paths; nobody can see that from a path.
    pub(super) fn twins(&mut self) -> io::Result<()> {
        // The layers were read before; where that fails now, the rest of the page is still right.
        let mut twins = self.analysis.twins(TWIN_BUDGET).unwrap_or_default();
        twins.retain(|twins| twins.extra_bytes() >= LEAST_BYTES);
        if twins.is_empty() {
            return Ok(());
        }
        let (body, count) = rows(&twins, MOST_FINDINGS, |twins| self.equal(twins));
        let others = match &twins[count..] {
            [] => String::new(),
            others => format!(
                "<tfoot><tr><td class=\"n\">{}</td><td colspan=\"2\">{}</td></tr></tfoot>",
                self.size(others.iter().map(Twins::extra_bytes).sum()),
                plural(others.len(), "other content")
            ),
        };
        writeln!(
            self.out,
            "<section id=\"twins\" aria-labelledby=\"twins-title\"><h2 id=\"twins-title\">The same content several times</h2>\n\
             <p>Live as well: keep one of the files and make the others links to it.</p>\
             <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of equal contents\"><table class=\"sortable\"><thead><tr>\
             <th scope=\"col\" class=\"n\" aria-sort=\"descending\">Too much</th><th scope=\"col\" class=\"n\">Files</th>\
             <th scope=\"col\">Paths</th></tr></thead><tbody>{body}</tbody>{others}</table></div></section>"
        )
    }

    fn equal(&self, twins: &Twins) -> String {
        let mut paths: Vec<String> = twins.nodes.iter().take(MOST_PATHS).map(|node| self.path(*node)).collect();
        if let more @ 1.. = twins.nodes.len().saturating_sub(MOST_PATHS) {
            paths.push(format!("<i>and {more} more</i>"));
        }
        format!(
            "<tr><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"path\">{}</td></tr>",
            self.size(twins.extra_bytes()),
            count(twins.nodes.len() as u64),
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
        return "<p class=\"unsafe\">The lines are too long for this page: the JSON report has them.</p>".to_owned();
    }
    let note = if fix.safe { "" } else { "<p class=\"unsafe\">Not to be pasted as it is:</p>" };
    format!("{note}<pre class=\"copy\" tabindex=\"0\"><code>{}</code></pre>", Html(&fix.dockerfile))
}
