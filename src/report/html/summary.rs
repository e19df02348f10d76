//! The top of the page: which image, the verdict, the warnings, and the ledger.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::Page;
use super::layers::time;
use super::markup::{Html, Tone, bar, n, rows, text};
use crate::analysis::waste::Cause;
use crate::escape::escape;
use crate::gate::{Ignored, Judged, Verdict};
use crate::report::advice;
use crate::report::words::{cut, plural, share};

/// How many further names of the image are shown.
const MOST_TAGS: usize = 20;
/// How many rules are shown.
const MOST_RULES: usize = 200;

impl<W: Write> Page<'_, W> {
    pub(super) fn header(&mut self) -> io::Result<()> {
        let (analysis, spec) = (self.analysis, &self.analysis.spec);
        writeln!(
            self.out,
            "<header>\n<p class=\"brand\"><svg width=\"18\" height=\"16\" aria-hidden=\"true\"><rect class=\"final\" \
             width=\"18\" height=\"4\" rx=\"1\"/><rect class=\"final\" y=\"6\" width=\"11\" height=\"4\" rx=\"1\"/>\
             <rect class=\"mark\" x=\"12\" y=\"6\" width=\"6\" height=\"4\" rx=\"1\"/><rect class=\"final\" y=\"12\" \
             width=\"7\" height=\"4\" rx=\"1\"/></svg>layerlens</p>\n\
             <button id=\"theme\" type=\"button\" hidden>Dark</button>\n<h1>{}</h1>",
            Html(&self.name())
        )?;
        let base = match analysis.base.layer_count {
            0 => "unknown: every layer counts as yours".to_owned(),
            1 => format!("layer 1 (from the {})", analysis.base.from.name()),
            count => format!("layers 1–{count} (from the {})", analysis.base.from.name()),
        };
        let mut facts = vec![
            ("Platform", name(&spec.platform.to_string())),
            ("Format", spec.format.name().to_owned()),
            ("Image", format!("<code>{}</code>", text(spec.id.short().as_bytes()))),
            ("Base image", base),
        ];
        if let Some(created) = &spec.created {
            facts.push(("Created", time(created)));
        }
        if !spec.tags.is_empty() {
            facts.push(("Source", name(&analysis.source)));
        }
        if spec.tags.len() > 1 {
            let others: Vec<String> = spec.tags[1..].iter().take(MOST_TAGS).map(|tag| name(tag)).collect();
            let more = spec.tags.len().saturating_sub(MOST_TAGS + 1);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            facts.push(("Also", format!("{}{more}", others.join(", "))));
        }
        write!(self.out, "<dl class=\"facts\">")?;
        for (name, value) in facts {
            write!(self.out, "<div><dt>{name}</dt><dd>{value}</dd></div>")?;
        }
        writeln!(self.out, "</dl>\n</header>")
    }

    pub(super) fn summary(&mut self) -> io::Result<()> {
        if let Some(verdict) = self.verdict.filter(|verdict| !verdict.rules.is_empty()) {
            self.verdict(verdict)?;
        }
        self.warnings()?;
        writeln!(self.out, "<section id=\"ledger\" aria-labelledby=\"ledger-title\">")?;
        self.lead()?;
        let totals = &self.analysis.totals;
        let parts = [
            (Tone::Final, totals.final_bytes),
            (Tone::Fixable, totals.fixable_bytes),
            (Tone::Inherited, totals.inherited_bytes),
            (Tone::Remainder, totals.remainder_bytes()),
        ];
        writeln!(self.out, "{}", bar(&parts, totals.stored_bytes, 36))?;
        writeln!(self.out, "<div class=\"pair\">")?;
        self.ledger()?;
        self.causes()?;
        writeln!(self.out, "</div>")?;
        self.figures()?;
        writeln!(self.out, "</section>")
    }

    /// The gate has escaped what it names.
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        let (class, word) = if verdict.passed() { ("passed", "Passed") } else { ("failed", "Failed") };
        let mut out = format!(
            "<section id=\"verdict\" class=\"{class}\" aria-labelledby=\"verdict-title\">\
             <h2 id=\"verdict-title\">{word}: {}</h2><ul>",
            Html(&verdict.line(self.style.units))
        );
        let (rules, _) = rows(&verdict.rules, MOST_RULES, |rule| self.rule(rule));
        let (ignored, _) = rows(&verdict.ignored, MOST_RULES, |entry| self.ignored(entry));
        // Writing to a String cannot fail.
        let _ = write!(out, "{rules}{ignored}</ul>");
        if let Some(compared) = &verdict.compared {
            let (source, line) = (cut(&compared.source, 200), compared.line(self.style.units));
            let _ = write!(out, "<p>Against {}: {}</p>", Html(&source), Html(&line));
        }
        for note in &verdict.notes {
            let _ = write!(out, "<p>{}</p>", Html(&cut(note, 1000)));
        }
        writeln!(self.out, "{out}</section>")
    }

    fn rule(&self, rule: &Judged) -> String {
        let word = rule.word().to_lowercase();
        let sentence = cut(&rule.sentence(self.style.units), 600);
        let before = rule.before.as_ref().and_then(|before| rule.actual.difference(before, self.style.units));
        let before = before.map(|before| format!(" ({before} against the baseline)")).unwrap_or_default();
        format!("<li><b class=\"{word}\">{word}</b> {}{}</li>", Html(&sentence), Html(&before))
    }

    fn ignored(&self, entry: &Ignored) -> String {
        let until = match (entry.expires, entry.is_expired) {
            (Some(day), true) => format!(", expired on {day}: counted again"),
            (Some(day), false) => format!(", until {day}"),
            (None, _) => String::new(),
        };
        let reason = entry.reason.as_ref().map(|reason| format!(": {}", cut(reason, 200))).unwrap_or_default();
        format!(
            "<li><b>ignored</b> {} of waste in <code>{}</code>{until}{}</li>",
            self.size(entry.bytes),
            Html(&cut(&entry.pattern, 200)),
            Html(&reason)
        )
    }

    fn warnings(&mut self) -> io::Result<()> {
        let warnings = &self.analysis.warnings;
        if warnings.is_empty() {
            return Ok(());
        }
        write!(
            self.out,
            "<section id=\"warnings\" aria-labelledby=\"warnings-title\"><h2 id=\"warnings-title\">{}</h2><ul>",
            plural(warnings.len(), "warning")
        )?;
        let (lines, count) = rows(warnings, warnings.len(), |warning| {
            // The warning escapes what it names.
            let sentence = cut(&warning.to_string(), 600);
            format!("<li><code>{}</code> {}</li>", warning.code.name(), Html(&sentence))
        });
        let more = match warnings.len() - count {
            0 => String::new(),
            more => format!("<li>{}</li>", plural(more, "other warning")),
        };
        writeln!(self.out, "{lines}{more}</ul></section>")
    }

    /// The whole page in a sentence.
    fn lead(&mut self) -> io::Result<()> {
        let (analysis, totals) = (self.analysis, &self.analysis.totals);
        let units = self.style.units;
        let title = match totals.wasted_bytes {
            0 => "Nothing in this image is wasted".to_owned(),
            bytes => format!("{} of this image is wasted", share(bytes, totals.stored_bytes)),
        };
        let stored = units.show(totals.stored_bytes);
        let sentence = match (totals.wasted_bytes, analysis.fixes.len()) {
            (0, _) => format!("A container can read every byte of the {stored} that its layers store."),
            (bytes, 0) => format!("No container can read {} of the {stored} that its layers store.", units.show(bytes)),
            (bytes, count) => format!(
                "No container can read {} of the {stored} that its layers store. {} would bring it to {}.",
                units.show(bytes),
                if count == 1 { "One fix".to_owned() } else { format!("{count} fixes") },
                units.show(analysis.fixed_bytes())
            ),
        };
        writeln!(self.out, "<h2 id=\"ledger-title\" class=\"lead\">{title}</h2>\n<p class=\"lead\">{sentence}</p>")
    }

    /// `stored = final + wasted`, `wasted = fixes + inherited + remainder`.
    fn ledger(&mut self) -> io::Result<()> {
        let totals = &self.analysis.totals;
        let (units, count) = (self.style.units, self.analysis.layers.len());
        let remainder = advice::remainder(self.analysis, units);
        let inherited = match self.analysis.most_replacing() {
            Some(_) => format!("stored by the base image; your steps replace {}", units.show(totals.replaced_bytes)),
            None => "stored by the base image".to_owned(),
        };
        let rows = [
            ("", "Stored", plural(count, "layer"), totals.stored_bytes, None),
            ("= ", "Final", "containers can read it".to_owned(), totals.final_bytes, Some(Tone::Final)),
            ("+ ", "Wasted", "no container can read it".to_owned(), totals.wasted_bytes, None),
            ("= ", "Fixes", "see below".to_owned(), totals.fixable_bytes, Some(Tone::Fixable)),
            ("+ ", "Inherited", inherited, totals.inherited_bytes, Some(Tone::Inherited)),
            ("+ ", "Remainder", remainder, totals.remainder_bytes(), Some(Tone::Remainder)),
        ];
        write!(
            self.out,
            "<table class=\"ledger\"><caption>The ledger, to the byte</caption><thead><tr><th scope=\"col\">Part</th>\
             <th scope=\"col\" class=\"n\">Size</th><th scope=\"col\" class=\"n\">Bytes</th>\
             <th scope=\"col\" class=\"n\">Share</th></tr></thead><tbody>"
        )?;
        for (at, (sign, name, note, bytes, tone)) in rows.into_iter().enumerate() {
            let key = tone.map(key).unwrap_or_default();
            let note = if bytes == 0 { String::new() } else { format!(" <small>{note}</small>") };
            let class = ["sum", "", "sum", "sub", "sub", "sub"][at];
            write!(
                self.out,
                "<tr class=\"{class}\"><th scope=\"row\"><span class=\"sign\">{sign}</span>{key}{name}{note}</th>\
                 {}{}{}</tr>",
                n(self.size(bytes)),
                n(grouped(bytes)),
                n(share_of(bytes, totals.stored_bytes))
            )?;
        }
        writeln!(self.out, "</tbody></table>")
    }

    fn causes(&mut self) -> io::Result<()> {
        let totals = &self.analysis.totals;
        if totals.wasted_bytes == 0 {
            return Ok(());
        }
        write!(
            self.out,
            "<table class=\"causes\"><caption>Why it is wasted</caption><thead><tr>\
             <th scope=\"col\">A later layer …</th><th scope=\"col\">Part of the waste</th>\
             <th scope=\"col\" class=\"n\">Size</th></tr></thead><tbody>"
        )?;
        for (cause, bytes) in Cause::ALL.into_iter().zip(totals.wasted_by_cause).filter(|(_, bytes)| *bytes > 0) {
            write!(
                self.out,
                "<tr><th scope=\"row\">{} <small>{}</small></th><td class=\"barcell\">{}</td>{}</tr>",
                cause.name(),
                meaning(cause),
                bar(&[(Tone::Waste, bytes)], totals.wasted_bytes, 10),
                n(self.size(bytes))
            )?;
        }
        writeln!(self.out, "</tbody></table>")
    }

    fn figures(&mut self) -> io::Result<()> {
        let (analysis, totals) = (self.analysis, &self.analysis.totals);
        let mut figures = vec![
            ("With every fix", self.size(analysis.fixed_bytes())),
            ("Efficiency", format!("{:.1} %", totals.efficiency() * 100.0)),
            ("Blobs", self.size(totals.blob_bytes)),
            ("Files", grouped(totals.file_count)),
            ("Entries", grouped(totals.entry_count)),
        ];
        if analysis.base.layer_count > 0 {
            figures.insert(1, ("Waste of your layers", self.size(totals.user_wasted_bytes())));
        }
        if let Some(wire) = totals.wasted_wire_bytes {
            figures.push(("Waste on the wire", self.size(wire)));
        }
        let mut out = String::from("<dl class=\"figures\">");
        for (name, value) in figures {
            // Writing to a String cannot fail.
            let _ = write!(out, "<div><dt>{name}</dt><dd>{value}</dd></div>");
        }
        writeln!(self.out, "{out}</dl>")
    }
}

/// Returns the name of an image or file, not longer than names should be.
fn name(name: &str) -> String {
    Html(&cut(&escape(name.as_bytes()), 200)).to_string()
}

fn key(tone: Tone) -> String {
    let class = tone.class();
    format!(
        "<svg class=\"key\" width=\"12\" height=\"12\" aria-hidden=\"true\">\
         <rect class=\"{class}\" width=\"12\" height=\"12\" rx=\"2\"/></svg>"
    )
}

/// What the later layer does, in a word or two.
pub(super) fn meaning(cause: Cause) -> &'static str {
    match cause {
        Cause::Deleted => "removes the file",
        Cause::Overwritten => "stores other bytes there",
        Cause::Metadata => "copies it for a new mode, owner or time",
        Cause::Unchanged => "stores the same file again",
        Cause::Duplicate => "stores the path twice itself",
    }
}

/// Returns a share, and a dash where there is no whole.
pub(super) fn share_of(part: u64, whole: u64) -> String {
    if whole == 0 { "–".to_owned() } else { share(part, whole) }
}

/// Returns a number with thin spaces between its groups of three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_threes() {
        for (number, shown) in [(0, "0"), (999, "999"), (1000, "1\u{202f}000"), (4_195_328, "4\u{202f}195\u{202f}328")]
        {
            assert_eq!(grouped(number), shown);
        }
        assert_eq!(share_of(0, 0), "–");
    }
}
