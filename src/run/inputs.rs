//! What is read beside the image, before it.

use std::path::Path;
use std::sync::Arc;

use super::plan::Plan;
use super::{Failure, escape_path};
use crate::analysis::OpenOptions;
use crate::archive::Selection;
use crate::dockerfile::Dockerfile;
use crate::gate::baseline::Baseline;
use crate::open::LoadOptions;

/// What is read beside the image.
pub(super) struct Inputs {
    /// The Dockerfile that the image was built from.
    pub(super) dockerfile: Option<Arc<Dockerfile>>,
}

impl Inputs {
    /// Reads what the plan names; the baseline goes to the plan's rules.
    pub(super) fn read(plan: &mut Plan) -> Result<Self, Failure> {
        let dockerfile = match plan.dockerfile.as_deref() {
            Some(path) => Some(dockerfile(path)?),
            None if plan.finds_dockerfile => found(),
            None => None,
        };
        plan.open.dockerfile.clone_from(&dockerfile);
        let dockerfile = dockerfile.filter(|_| plan.dockerfile.is_some());
        plan.rules.baseline = plan.baseline.as_deref().map(|path| baseline(path, &plan.open)).transpose()?;
        Ok(Inputs { dockerfile })
    }
}

fn dockerfile(path: &Path) -> Result<Arc<Dockerfile>, Failure> {
    let problem = |error| Failure::Usage(format!("--dockerfile: {}: {error}", escape_path(path)));
    Dockerfile::read(path).map(Arc::new).map_err(problem)
}

/// Reads the Dockerfile of the current folder, if it has one. Nobody named it: one that cannot be read is none.
fn found() -> Option<Arc<Dockerfile>> {
    let path = Dockerfile::find(Path::new("."))?;
    Dockerfile::read(&path).ok().map(Arc::new)
}

fn baseline(path: &Path, open: &OpenOptions) -> Result<Baseline, Failure> {
    let selection = Selection { image: None, platform: open.load.selection.platform.clone() };
    let load = LoadOptions { selection, access: open.load.access.clone(), ..LoadOptions::default() };
    let options = OpenOptions { load, base: open.base.clone(), ..OpenOptions::default() };
    Ok(Baseline::read(path, &options)?)
}
