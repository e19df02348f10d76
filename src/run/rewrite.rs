//! `--merge`, `--apply` and `--write`: what other layers would save, and the proof of it.

use std::io::{self, Write};
use std::path::Path;

use super::inputs::Inputs;
use super::plan::{Plan, Rewrite};
use super::{Failure, escape_path, output, print, unless_closed};
use crate::analysis::findings::Scope;
use crate::analysis::fixes::WhatIf;
use crate::analysis::{self, Analysis, OpenOptions};
use crate::draft::place;
use crate::report::{self, Output};
use crate::rewrite::{self, Rewritten, Trial, proof};

/// Shows what the new image would be, and writes it where that is wanted.
pub(super) fn show(plan: &Plan, inputs: &Inputs, analysis: &Analysis, wanted: &Rewrite) -> Result<(), Failure> {
    match wanted {
        Rewrite::Merge(ranges) => {
            let make = || rewrite::merge(analysis, ranges);
            show_and_write(plan, inputs, analysis, &analysis.what_if(ranges)?, make)
        }
        Rewrite::Apply(choice) => {
            let trial = Trial::new(analysis, &choice.of(analysis)?);
            show_and_write(plan, inputs, analysis, &trial.prediction(), || trial.make())
        }
    }
}

fn show_and_write(
    plan: &Plan,
    inputs: &Inputs,
    analysis: &Analysis,
    expected: &WhatIf,
    make: impl FnOnce() -> crate::error::Result<Rewritten>,
) -> Result<(), Failure> {
    let style = output::style(plan, inputs, analysis, &Output::Stdout);
    let written = Output::Stdout.write(|mut out| report::text::write_what_if(analysis, expected, &style, &mut out));
    unless_closed(written.map_err(|source| Failure::writing(&Output::Stdout, source)))?;
    match &plan.write {
        Some(out) => write(plan, analysis, expected, &make()?, out),
        None => Ok(()),
    }
}

/// Writes the new image, reads it again, and holds it to the prediction.
fn write(plan: &Plan, analysis: &Analysis, expected: &WhatIf, made: &Rewritten, out: &Path) -> Result<(), Failure> {
    let target = Output::File(out.to_owned());
    target.write(|out| made.write(out)).map_err(|source| Failure::writing(&target, source))?;
    let name = escape_path(out);
    if place::is_special(out) {
        let told = print(format!("{name}: written; what goes to a pipe or device is not read again\n").as_bytes());
        return unless_closed(told.map(drop));
    }
    let options = OpenOptions { findings: Scope::Nothing, ..OpenOptions::default() };
    let found = analysis::open(out, &options)?;
    if let Some(problem) = problem(analysis, expected, &found)? {
        return Err(Failure::Prediction { target: name, problem });
    }
    let units = plan.look.units;
    let (stored, wasted) = (units.show(found.totals.stored_bytes), units.show(found.totals.wasted_bytes));
    let mut stdout = io::stdout().lock();
    let told = writeln!(
        stdout,
        "{name}: written and read again: the same files, {stored} in {} layers, {wasted} wasted, as predicted",
        found.layers.len()
    );
    unless_closed(told.map_err(|source| Failure::writing(&Output::Stdout, source)))
}

/// Says what is not as it should be.
fn problem(analysis: &Analysis, expected: &WhatIf, found: &Analysis) -> Result<Option<String>, Failure> {
    let figures = [
        ("stored bytes", expected.stored_bytes, found.totals.stored_bytes),
        ("wasted bytes", expected.wasted_bytes, found.totals.wasted_bytes),
        ("layers", expected.layer_count as u64, found.layers.len() as u64),
    ];
    if let Some(difference) = proof::difference(analysis, found)? {
        return Ok(Some(difference));
    }
    let other = figures.iter().find(|(_, expected, found)| expected != found);
    Ok(other.map(|(what, expected, found)| format!("{found} {what}, expected {expected}")))
}
