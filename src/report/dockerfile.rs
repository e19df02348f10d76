//! The steps as a Dockerfile, each with what it stores and wastes; for reading, not for building.

use std::io::{self, Write};

use super::Style;
use crate::analysis::Analysis;
use crate::analysis::dockerfile::{Entry, entries};
use crate::escape::escape;

pub(super) fn write(analysis: &Analysis, style: &Style, out: &mut impl Write) -> io::Result<()> {
    let name = analysis.spec.tags.first().map_or(analysis.source.as_str(), String::as_str);
    writeln!(out, "# {}: reconstructed from the history; for reading, not for building", escape(name.as_bytes()))?;
    for entry in entries(analysis) {
        note(analysis, style, &entry, out)?;
        let lines: Vec<String> = entry.text.lines().map(|line| escape(line.replace('\t', " ").as_bytes())).collect();
        // A backslash is plain text here: these lines are for reading as they were written.
        let lines: Vec<String> = lines.iter().map(|line| line.replace("\\\\", "\\")).collect();
        if entry.is_instruction {
            // What follows the first line is the image author's: it must not begin a line, or a CI runner could obey it.
            writeln!(out, "{}", lines.join("\n    "))?;
        } else {
            writeln!(out, "# {}", lines.join("\n# "))?;
        }
    }
    Ok(())
}

fn note(analysis: &Analysis, style: &Style, entry: &Entry<'_>, out: &mut impl Write) -> io::Result<()> {
    let Some(layer) = entry.layer else { return Ok(()) };
    let units = style.units;
    let mut notes = vec![format!("layer {}: {}", layer.number, units.show(layer.stored_bytes))];
    if layer.wasted_bytes > 0 {
        notes.push(format!("{} of it wasted", units.show(layer.wasted_bytes)));
    }
    if layer.is_base {
        notes.push("base image".to_owned());
    }
    let fixes = analysis.fixes.iter().filter(|fix| fix.layers.contains(&layer.number));
    notes.extend(fixes.map(|fix| format!("see {}", fix.id)));
    writeln!(out, "\n# {}", notes.join(", "))
}
