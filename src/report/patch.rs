//! The fixes as a patch of the user's Dockerfile: what `git apply` reads, with a line for each fix above the diff, which it
//! overlooks.

use std::io::{self, Write};

use crate::analysis::Analysis;
use crate::escape::escape;
use crate::size::Units;

pub(super) fn write(analysis: &Analysis, out: &mut impl Write) -> io::Result<()> {
    let patch = analysis.patch_of_all().map_err(io::Error::other)?;
    for place in &patch.fixes {
        let fix = &analysis.fixes[*place];
        let title = escape(fix.title.as_bytes());
        writeln!(out, "# {}: {title}: saves {}", fix.id, Units::Si.show(fix.saves_bytes))?;
        for caveat in &fix.caveats {
            writeln!(out, "#   note: {}", escape(caveat.as_bytes()))?;
        }
    }
    for (place, reason) in &patch.left_out {
        writeln!(out, "# {}: not in this patch: {reason}", analysis.fixes[*place].id)?;
    }
    out.write_all(patch.diff.as_bytes())
}
