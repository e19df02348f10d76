//! The fixes as a patch of the user's Dockerfile: what `git apply` reads, with a line for each fix above the diff, which it
//! overlooks.

use std::io::{self, Write};

use super::Style;
use crate::analysis::Analysis;
use crate::escape::{Notation, escape, log_safe};

pub(super) fn write(analysis: &Analysis, style: &Style, out: &mut impl Write) -> io::Result<()> {
    let patch = match &style.fixes {
        Some(chosen) => analysis.patch(chosen),
        None => analysis.patch_of_all(),
    };
    let patch = patch.map_err(io::Error::other)?;
    for place in &patch.fixes {
        let fix = &analysis.fixes[*place];
        let chosen = style.fixes.iter().flatten().find(|(fix, _)| fix == place);
        let way = &fix.alternatives[chosen.map_or(0, |(_, way)| *way)];
        let title = escape(way.title.as_bytes());
        writeln!(out, "# {}: {title}: saves {}", fix.id, style.units.show(way.saves_bytes))?;
        for caveat in &way.caveats {
            // What a note quotes is the image's: no CI runner must obey it.
            let note = format!("#   note: {}", escape(caveat.as_bytes()));
            writeln!(out, "{}", log_safe(&note, Notation::Hex))?;
        }
    }
    for (place, reason) in &patch.left_out {
        writeln!(out, "# {}: not in this patch: {reason}", analysis.fixes[*place].id)?;
    }
    out.write_all(patch.diff.as_bytes())
}
