//! `--merge` and `--write`: what merging layers would save, and the proof of it.

use std::io::{self, Write};
use std::path::Path;

use super::inputs::Inputs;
use super::plan::Plan;
use super::{Failure, escape_path, output, print, unless_closed};
use crate::analysis::bloat::Scope;
use crate::analysis::fixes::Ranges;
use crate::analysis::{self, Analysis, OpenOptions};
use crate::draft::place;
use crate::report::{self, Output};
use crate::rewrite;

/// Shows what the merge would save, and writes the merged image where that is wanted.
pub(super) fn show(plan: &Plan, inputs: &Inputs, analysis: &Analysis, ranges: &Ranges) -> Result<(), Failure> {
    let what_if = analysis.what_if(ranges)?;
    let style = output::style(plan, inputs, analysis, &Output::Stdout);
    let written = Output::Stdout.write(|mut out| report::text::write_what_if(analysis, &what_if, &style, &mut out));
    unless_closed(written.map_err(|source| Failure::writing(&Output::Stdout, source)))?;
    plan.write.as_deref().map_or(Ok(()), |out| write(plan, analysis, ranges, out))
}

/// Writes the merged image, reads it again, and compares it with the prediction.
fn write(plan: &Plan, analysis: &Analysis, ranges: &Ranges, out: &Path) -> Result<(), Failure> {
    let target = Output::File(out.to_owned());
    let expected = analysis.what_if(ranges)?;
    let merged = rewrite::merge(analysis, ranges)?;
    target.write(|out| merged.write(out)).map_err(|source| Failure::writing(&target, source))?;
    let name = escape_path(out);
    if place::is_special(out) {
        let told = print(format!("{name}: written; what goes to a pipe or device is not read again\n").as_bytes());
        return unless_closed(told.map(drop));
    }
    let options = OpenOptions { bloat: Scope::Nothing, ..OpenOptions::default() };
    let found = analysis::open(out, &options)?;
    let figures = |stored, wasted, layers| (stored, wasted, layers);
    let (expected, found) = (
        figures(expected.stored_bytes, expected.wasted_bytes, expected.layer_count),
        figures(found.totals.stored_bytes, found.totals.wasted_bytes, found.layers.len()),
    );
    if expected != found {
        return Err(Failure::Prediction { target: name });
    }
    let units = plan.look.units;
    let (stored, wasted) = (units.show(found.0), units.show(found.1));
    let mut stdout = io::stdout().lock();
    let told = writeln!(
        stdout,
        "{name}: written and read again: {stored} in {} layers, {wasted} wasted, as predicted",
        found.2
    );
    unless_closed(told.map_err(|source| Failure::writing(&Output::Stdout, source)))
}
