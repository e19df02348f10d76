//! What is written, and in which order: files first, stdout last, so that the verdict is the last line.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::Failure;
use super::inputs::Inputs;
use super::plan::{Colors, Plan};
use crate::analysis::Analysis;
use crate::analysis::base::BaseChoice;
use crate::config;
use crate::dockerfile::Dockerfile;
use crate::draft::clash::{self, Named};
use crate::escape::escape;
use crate::gate::Verdict;
use crate::report::{self, Output, Style};
use crate::source::reference::{self, Reference};

/// Finds out whether everything can be written, before the work starts.
pub(super) fn check(plan: &Plan) -> Result<(), Failure> {
    if let Some(path) = plan.write_config.as_ref().filter(|path| path.exists()) {
        return Err(Failure::Usage(format!("--write-config: {}: exists already", super::escape_path(path))));
    }
    let (image, outputs) = (reference::parse(&plan.image), plan.outputs());
    let clash = clash::check(&outputs, &inputs(plan, image.as_ref().ok()));
    clash.map_err(|clash| Failure::Usage(clash.to_string()))?;
    for output in &outputs {
        let target = Output::File(output.path.to_owned());
        target.check().map_err(|source| Failure::writing(&target, source))?;
    }
    Ok(())
}

/// Returns what is read. The baseline is not among it: it may be replaced, because it is read first.
fn inputs<'a>(plan: &'a Plan, image: Option<&'a Reference>) -> Vec<Named<'a>> {
    let image = match image {
        Some(Reference::Path(path) | Reference::DockerRoot(path)) => Some(("the image", path.as_path())),
        Some(Reference::Stdin) => Some(("the image", Path::new("/dev/stdin"))),
        _ => None,
    };
    let base = match &plan.open.base {
        BaseChoice::Image(path) => Some(("--base", path.as_path())),
        _ => None,
    };
    let dockerfile = plan.dockerfile.as_deref().map(|path| ("--dockerfile", path));
    let all = image.into_iter().chain(base).chain(dockerfile);
    all.map(|(name, path)| Named { name: name.to_owned(), path }).collect()
}

/// Writes all reports and files.
pub(super) fn write(
    plan: &Plan,
    inputs: &Inputs,
    analysis: &Analysis,
    verdict: Option<&Verdict>,
) -> Result<(), Failure> {
    if let Some(path) = &plan.write_config {
        let text = config::write::config_for(analysis);
        let written = Output::write_new(path, |out| out.write_all(text.as_bytes()));
        written.map_err(|source| Failure::writing(&Output::File(path.clone()), source))?;
    }
    if let Some(target) = &plan.write_baseline {
        let written = target.write(|mut out| report::json::write_baseline(analysis, &mut out));
        written.map_err(|source| Failure::writing(target, source))?;
    }
    if let Some(runner) = &plan.runner {
        let written = runner.write(analysis, verdict, &style(plan, inputs, analysis, &Output::Stdout));
        written.map_err(|(path, source)| Failure::writing(&Output::File(path), source))?;
    }
    for wanted in &plan.reports {
        let style = style(plan, inputs, analysis, &wanted.target);
        let written = wanted.target.write(|mut out| report::write(wanted.format, analysis, verdict, &style, &mut out));
        written.map_err(|source| Failure::writing(&wanted.target, source))?;
    }
    Ok(())
}

/// Returns how a report looks at its target.
pub(super) fn style(plan: &Plan, inputs: &Inputs, analysis: &Analysis, target: &Output) -> Style {
    let (look, is_stdout) = (&plan.look, *target == Output::Stdout);
    Style {
        units: look.units,
        color: look.colors == Colors::All || (is_stdout && look.colors == Colors::Stdout),
        width: look.columns.filter(|_| is_stdout).unwrap_or(100),
        with_changes: look.with_changes,
        dockerfile: inputs.dockerfile.clone().or_else(|| fitting(analysis)),
        fixes: None,
    }
}

/// Makes sure that there is a patch where one is wanted.
pub(super) fn check_patch(plan: &Plan, analysis: &Analysis) -> Result<(), Failure> {
    if plan.reports.iter().all(|report| report.format != report::Format::Patch) {
        return Ok(());
    }
    analysis.patch(&[]).map(drop).map_err(|problem| Failure::Usage(problem.to_string()))
}

/// Tells that the Dockerfile that was named is not the image's.
pub(super) fn note_dockerfile(plan: &Plan, analysis: &Analysis, notes: &mut dyn Write) {
    let fitted = analysis.dockerfile.as_ref().filter(|_| plan.dockerfile.is_some());
    if let Some(reason) = fitted.and_then(|fitted| fitted.fit.as_ref().err()) {
        let name = escape(fitted.map(|fitted| fitted.file.name()).unwrap_or_default().as_bytes());
        // A note that nobody can read is no reason to fail.
        let _ = writeln!(notes, "layerlens: note: the image was not built from {name}: {reason}");
    }
}

/// Returns the Dockerfile that was found, where it is the image's.
fn fitting(analysis: &Analysis) -> Option<Arc<Dockerfile>> {
    let fitted = analysis.dockerfile.as_ref().filter(|fitted| fitted.fit.is_ok())?;
    Some(Arc::clone(&fitted.file))
}

/// Tells of other images in the archive that could have been meant.
pub(super) fn note_others(analysis: &Analysis, notes: &mut dyn Write) {
    let others = &analysis.spec.others;
    if others.is_empty() {
        return;
    }
    let shown = analysis.spec.tags.first().map_or_else(|| analysis.spec.id.short(), |tag| escape(tag.as_bytes()));
    let more = others.len().saturating_sub(10);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let list = others.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
    // A note that nobody can read is no reason to fail.
    let _ = writeln!(
        notes,
        "layerlens: note: showing {shown} ({}); there is also {list}{more} (choose with --image and --platform)",
        analysis.spec.platform
    );
}
