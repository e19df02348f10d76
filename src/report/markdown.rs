//! A comment for a pull or merge request: the verdict, the rules, what to change; everything else is folded.
//!
//! The first line is a comment that never changes ([`MARKER`]): whoever posts the report can find the last one by it and
//! replace it. The report stays below [`MOST_BYTES`], because the sites refuse longer comments: sections that do not fit
//! are left out, and a line says so.
//!
//! Text of the image is in `<code>` with all its punctuation as character references, so that it can neither end a table's
//! cell nor become a link, a mention or a tag; lines to paste are in a fence longer than any in them.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::annotations::clean;
use super::records::step;
use super::waste::describe;
use super::words::{cut, cut_middle, plural, share};
use super::{Style, advice};
use crate::analysis::Analysis;
use crate::analysis::fixes::{Alternative, Fix, printable};
use crate::analysis::waste_groups::WasteGroup;
use crate::escape::{Notation, escape, log_safe};
use crate::gate::{Judged, Verdict};
use crate::layer::entry::LayerNumber;

/// What the report begins with, in every version and for every image.
pub const MARKER: &str = "<!-- layerlens -->";

/// GitHub takes 65 536 characters, some others count bytes.
const MOST_BYTES: usize = 60_000;
/// Room for the line that says what is left out, and the last one.
const RESERVE: usize = 500;

const MOST_FIXES: usize = 10;
const MOST_GROUPS: usize = 20;
const MOST_WARNINGS: usize = 20;
const MOST_LAYERS: usize = 130;
const MOST_FILES: usize = 5;
const MOST_RULES: usize = 60;
const LONGEST_STEP: usize = 120;
/// How many lines of a step stand in a diff.
const MOST_STEP_LINES: usize = 20;
const LONGEST_PATH: usize = 160;
/// How much of the comment the rules may fill; the broken ones stand first.
const MOST_RULE_BYTES: usize = 30_000;
const LONGEST_TEXT: usize = 600;

pub(super) fn write(
    analysis: &Analysis,
    verdict: Option<&Verdict>,
    style: &Style,
    out: &mut impl Write,
) -> io::Result<()> {
    let comment = Comment { analysis, verdict, style };
    let mut text = format!("{MARKER}\n{}", comment.head());
    let mut left_out = Vec::new();
    for (name, section) in comment.sections() {
        if text.len() + section.len() + RESERVE <= MOST_BYTES {
            text.push_str(&section);
        } else {
            left_out.push(name);
        }
    }
    if !left_out.is_empty() {
        let _ = write!(text, "\nLeft out, because the comment would be too long: {}.\n", left_out.join(", "));
    }
    let _ = write!(text, "\n<sub>layerlens {}</sub>\n", env!("CARGO_PKG_VERSION"));
    out.write_all(text.as_bytes())
}

struct Comment<'a> {
    analysis: &'a Analysis,
    verdict: Option<&'a Verdict>,
    style: &'a Style,
}

impl Comment<'_> {
    fn size(&self, bytes: u64) -> String {
        self.style.units.show(bytes)
    }

    /// What is never left out: the verdict, the image in a sentence, the rules.
    fn head(&self) -> String {
        let (analysis, totals) = (self.analysis, &self.analysis.totals);
        let name = analysis.spec.tags.first().unwrap_or(&analysis.source);
        let wasted = match totals.wasted_bytes {
            0 => "nothing wasted".to_owned(),
            bytes => format!("**{} wasted** ({})", self.size(bytes), share(bytes, totals.stored_bytes)),
        };
        let verdict = match self.verdict {
            None => "layerlens".to_owned(),
            Some(verdict) => {
                let line = entities(&verdict.line(self.style.units));
                match (verdict.rules.is_empty(), verdict.passed()) {
                    (true, _) => format!("layerlens: {line}"),
                    (false, true) => format!("✅ layerlens: {line}"),
                    (false, false) => format!("❌ layerlens: {line}"),
                }
            }
        };
        let mut text = format!("### {verdict}\n\n");
        let _ = writeln!(
            text,
            "{} ({}): {}, {} stored = {} in the final image + {wasted}",
            code(name.as_bytes(), LONGEST_PATH),
            entities(&analysis.spec.platform.to_string()),
            plural(analysis.layers.len(), "layer"),
            self.size(totals.stored_bytes),
            self.size(totals.final_bytes),
        );
        let Some(verdict) = self.verdict else { return text };
        if let Some(compared) = &verdict.compared {
            let source = entities(&cut_middle(&compared.source, LONGEST_PATH));
            let _ = writeln!(text, "\nAgainst <code>{source}</code>: {}", compared.line(self.style.units));
        }
        if !verdict.rules.is_empty() {
            self.rules(verdict, &mut text);
        }
        for note in &verdict.notes {
            let _ = writeln!(text, "\n{}", entities(&cut(note, LONGEST_TEXT)));
        }
        text
    }

    fn rules(&self, verdict: &Verdict, text: &mut String) {
        let has_baseline = verdict.compared.is_some();
        let (title, bar) = if has_baseline { (" Baseline |", "---:|") } else { ("", "") };
        let _ = write!(text, "\n| Rule | Value | Limit |{title} Outcome |\n|---|---:|---:|{bar}---|\n");
        // The broken ones first: a hundred forbidden paths may be asked for.
        let mut rules: Vec<&Judged> = verdict.rules.iter().collect();
        rules.sort_by_key(|rule| (rule.passed, !rule.warned));
        for (at, rule) in rules.iter().enumerate() {
            if at == MOST_RULES || text.len() > MOST_RULE_BYTES {
                let _ = writeln!(text, "\n… and {} more rules", rules.len() - at);
                break;
            }
            let units = self.style.units;
            let outcome = match (rule.passed, rule.warned) {
                (false, _) => "**broken**",
                (true, true) => "warning",
                (true, false) => "holds",
            };
            let limit = match &rule.warn {
                Some(warn) if *warn != rule.limit => format!("{} (warns at {warn})", rule.limit),
                _ => rule.limit.clone(),
            };
            let about = rule.about.as_ref().map(|about| format!(": {}", entities(&cut_middle(about, LONGEST_PATH))));
            let before = match &rule.before {
                Some(before) => rule.actual.difference(before, units).unwrap_or_default(),
                None => String::new(),
            };
            let before = if has_baseline { format!(" {before} |") } else { String::new() };
            let _ = writeln!(
                text,
                "| {} | {} | {} |{before} {outcome}{} |",
                rule.rule,
                rule.actual.show(units),
                entities(&cut_middle(&limit, LONGEST_PATH)),
                about.unwrap_or_default()
            );
        }
    }

    /// Returns what may be left out, most important first, each with its name.
    fn sections(&self) -> Vec<(&'static str, String)> {
        let mut sections = Vec::new();
        let fixes = &self.analysis.fixes;
        if !fixes.is_empty() {
            let sum = self.size(self.analysis.totals.fixable_bytes);
            let all = plural(fixes.len(), "change");
            sections.push(("what to change", format!("\n#### What to change: {all} would save {sum}\n")));
        }
        sections.extend(fixes.iter().take(MOST_FIXES).map(|fix| ("a change", self.fix(fix))));
        if fixes.len() > MOST_FIXES {
            let bytes = fixes[MOST_FIXES..].iter().map(|fix| fix.saves_bytes).sum();
            let rest = format!("\n… and {} more, {}\n", plural(fixes.len() - MOST_FIXES, "change"), self.size(bytes));
            sections.push(("more changes", rest));
        }
        sections.push(("what no fix saves", self.left_over()));
        sections.push(("what was ignored", self.ignored()));
        sections.push(("the causes", self.causes()));
        sections.push(("the layers", self.layers()));
        sections.push(("the warnings", self.warnings()));
        sections.retain(|(_, text)| !text.is_empty());
        sections
    }

    fn fix(&self, fix: &Fix) -> String {
        let title = entities(&cut(&clean(&fix.title), LONGEST_TEXT));
        let mut text = format!("\n<details><summary>{title}: saves {}</summary>\n\n", self.size(fix.saves_bytes));
        let _ = writeln!(text, "{}\n", entities(&cut(&clean(&fix.why), LONGEST_TEXT)));
        let first = &fix.alternatives[0];
        if first.dockerfile.is_empty() {
            for layer in first.layers() {
                let _ = writeln!(text, "- layer {layer}: {}", self.step(layer));
            }
        } else {
            let head = if first.safe { "The edits:" } else { "The edits (read the notes before you paste them):" };
            let _ = write!(text, "{head}\n\n{}", fence("diff", &self.diff(first)));
        }
        for caveat in &first.caveats {
            let _ = writeln!(text, "\nNote: {}", entities(&cut(&clean(caveat), LONGEST_TEXT)));
        }
        if let Some(cache) = advice::cache(&first.cache, self.style.units) {
            let _ = writeln!(text, "\nCache: {cache}");
        }
        if let others @ 1.. = fix.alternatives.len() - 1 {
            let _ = writeln!(text, "\n{} to do it: see the HTML report", plural(others, "other way"));
        }
        if !fix.files.is_empty() {
            text.push_str("\nThe largest files:\n\n");
        }
        for file in fix.files.iter().take(MOST_FILES) {
            let path = self.analysis.index.tree.path(file.node);
            let _ = writeln!(text, "- {} in {}", self.size(file.bytes), code(&path, LONGEST_PATH));
        }
        if fix.file_count > MOST_FILES {
            let _ = writeln!(text, "- and {} more", plural(fix.file_count - MOST_FILES, "file"));
        }
        text.push_str("\n</details>\n");
        text
    }

    /// The edits, each step with the lines that take its place. Steps may be cut, new lines never are.
    fn diff(&self, way: &Alternative) -> String {
        let mut lines = Vec::new();
        for change in advice::changes(self.analysis, way) {
            for (_, step) in &change.old {
                let step =
                    if step.trim().is_empty() { "(the history does not say)".to_owned() } else { printable(step) };
                lines.extend(step.lines().take(MOST_STEP_LINES).map(|line| format!("- {}", cut(line, LONGEST_TEXT))));
            }
            lines.extend(change.new.lines().map(|line| format!("+ {line}")));
        }
        lines.join("\n")
    }

    /// The waste that no fix saves.
    fn left_over(&self) -> String {
        let step = |layer| cut(&step(self.analysis, layer), LONGEST_STEP);
        let left = advice::left_over(self.analysis, self.style.units, step);
        if left.is_empty() {
            return String::new();
        }
        let mut text = "\n<details><summary>What no fix saves</summary>\n\n".to_owned();
        for one in &left {
            let _ = writeln!(text, "- {}: {}", self.size(one.bytes), entities(&clean(&one.text)));
        }
        text + "\n</details>\n"
    }

    fn step(&self, layer: LayerNumber) -> String {
        match step(self.analysis, layer) {
            step if step.is_empty() => "(the history does not say)".to_owned(),
            step => format!("<code>{}</code>", entities(&cut(&step, LONGEST_STEP))),
        }
    }

    fn ignored(&self) -> String {
        let ignored = self.verdict.map_or(&[][..], |verdict| &verdict.ignored);
        if ignored.is_empty() {
            return String::new();
        }
        let mut text =
            "\n<details><summary>Ignored</summary>\n\n| Path | Bytes | Until | Why |\n|---|---:|---|---|\n".to_owned();
        for entry in ignored.iter().take(MOST_RULES) {
            let until = entry.expires.map(|day| day.to_string()).unwrap_or_default();
            let over = if entry.is_expired { " (expired: counted again)" } else { "" };
            let reason = entities(&cut(entry.reason.as_deref().unwrap_or_default(), LONGEST_STEP));
            let pattern = entities(&cut_middle(&entry.pattern, LONGEST_PATH));
            let _ =
                writeln!(text, "| <code>{pattern}</code> | {} | {until}{over} | {reason} |", self.size(entry.bytes));
        }
        text + "\n</details>\n"
    }

    fn causes(&self) -> String {
        if self.analysis.waste.is_empty() {
            return String::new();
        }
        let groups = self.analysis.waste_groups();
        let mut text = "\n<details><summary>Where bytes are wasted</summary>\n\n".to_owned();
        text.push_str("| Waste | Cause | Stored by | Hidden by | Mostly |\n|---:|---|---|---|---|\n");
        for group in groups.iter().take(MOST_GROUPS) {
            let (stored, hidden) = (self.numbered(group.stored_in), self.numbered(group.hidden_by));
            let (bytes, cause) = (self.size(group.bytes), group.cause.name());
            let _ = writeln!(text, "| {bytes} | {cause} | {stored} | {hidden} | {} |", self.place(group));
        }
        if groups.len() > MOST_GROUPS {
            let bytes = groups[MOST_GROUPS..].iter().map(|group| group.bytes).sum();
            let rest = plural(groups.len() - MOST_GROUPS, "smaller group");
            let _ = writeln!(text, "\n… and {} in {rest}", self.size(bytes));
        }
        text + "\n</details>\n"
    }

    fn numbered(&self, layer: LayerNumber) -> String {
        format!("{layer}: {}", self.step(layer))
    }

    fn place(&self, group: &WasteGroup) -> String {
        let Some(place) = describe(self.analysis, group).places.into_iter().next() else {
            return plural(group.records.len(), "file");
        };
        let path = code(&self.analysis.index.tree.path(place.node), LONGEST_PATH);
        match group.records.len() {
            1 => path,
            count => format!("{path} ({})", plural(count, "file")),
        }
    }

    fn layers(&self) -> String {
        let layers = &self.analysis.layers;
        let mut text =
            "\n<details><summary>The layers</summary>\n\n| # | Size | Waste | Step |\n|---:|---:|---:|---|\n"
                .to_owned();
        for layer in layers.iter().take(MOST_LAYERS) {
            let wasted = if layer.wasted_bytes == 0 { "-".to_owned() } else { self.size(layer.wasted_bytes) };
            let base = if layer.is_base { " (base)" } else { "" };
            let (stored, step) = (self.size(layer.stored_bytes), self.step(layer.number));
            let _ = writeln!(text, "| {}{base} | {stored} | {wasted} | {step} |", layer.number);
        }
        if layers.len() > MOST_LAYERS {
            let _ = writeln!(text, "\n… and {} more layers", layers.len() - MOST_LAYERS);
        }
        text + "\n</details>\n"
    }

    fn warnings(&self) -> String {
        let warnings = &self.analysis.warnings;
        if warnings.is_empty() {
            return String::new();
        }
        let mut text = "\n<details><summary>Warnings</summary>\n\n".to_owned();
        for warning in warnings.iter().take(MOST_WARNINGS) {
            let message = clean(&warning.to_string());
            let _ = writeln!(text, "- {}: {}", warning.code.name(), entities(&cut(&message, LONGEST_TEXT)));
        }
        text + "\n</details>\n"
    }
}

/// Returns bytes of the image as text that Markdown takes for nothing else.
fn code(bytes: &[u8], longest: usize) -> String {
    format!("<code>{}</code>", entities(&cut_middle(&escape(bytes), longest)))
}

/// Writes everything that means something to Markdown or HTML as a character reference.
fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let is_plain = match c {
            '/' | ',' | '-' | '(' | ')' | '=' | '+' | '%' | ';' => true,
            // What looks like an address becomes a link.
            '.' => !out.ends_with("www"),
            ':' => chars.peek() == Some(&' '),
            c => !c.is_ascii_punctuation(),
        };
        if is_plain {
            out.push(c);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "&#{};", u32::from(c));
            // Names and numbers behind these become links after the references are read: nothing may follow in one text.
            if matches!(c, '@' | '#') {
                out.push_str("<b></b>");
            }
        }
    }
    out
}

/// Puts lines into a fence that nothing in them can end. Lines that a CI runner could obey go into tags instead: a fence
/// cannot spell anything out.
fn fence(language: &str, lines: &str) -> String {
    if log_safe(lines, Notation::Hex) != lines {
        let lines: Vec<String> = lines.lines().map(|line| entities(&clean(line))).collect();
        return format!("<pre><code>{}</code></pre>\n", lines.join("\n"));
    }
    let longest = lines.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let lines: Vec<String> = lines.lines().map(|line| clean(&line.replace('\t', "    "))).collect();
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_image_is_markup() {
        assert_eq!(code(b"/a|`<b>@x", 80), "<code>/a&#124;&#96;&#60;b&#62;&#64;<b></b>x</code>");
        assert_eq!(code(b"http://a www.b c: d", 80), "<code>http&#58;//a www&#46;b c: d</code>");
        assert_eq!(code(b"/a\n\xff\\", 80), "<code>/a&#92;x0a&#92;xff&#92;&#92;</code>");
        assert_eq!(fence("diff", "a\n```\nb"), "````diff\na\n```\nb\n````\n");
        assert_eq!(fence("diff", "a"), "```diff\na\n```\n");
        assert_eq!(fence("diff", "a\n::x"), "<pre><code>a\n&#58;&#58;x</code></pre>\n");
    }
}
