//! The fixes as one patch of the user's Dockerfile. [Model](crate::model) 6.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::fixes::{self, Alternative, Edit, Fix, Kind, UNKNOWN_SOURCE};
use super::{Analysis, Fitted};
use crate::dockerfile::{Misfit, Replacement};

/// A change of the Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// A unified diff for `git apply`, of the Dockerfile and of its `.dockerignore`; empty where nothing changes.
    pub diff: String,
    /// The Dockerfile afterwards.
    pub text: String,
    /// The fixes that it makes, by their places.
    pub fixes: Vec<usize>,
    /// Those that it leaves out, each with the reason.
    pub left_out: Vec<(usize, &'static str)>,
}

/// Why there is no patch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoPatch {
    /// No Dockerfile is known.
    NoDockerfile,
    /// The Dockerfile is not the one that the image was built from.
    Misfit {
        /// Where it lies.
        name: String,
        /// What differs.
        reason: Misfit,
    },
}

impl fmt::Display for NoPatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoPatch::NoDockerfile => out.write_str(
                "a patch needs the Dockerfile that the image was built from, and there is none here: --dockerfile FILE",
            ),
            NoPatch::Misfit { name, reason } => {
                let name = crate::escape::escape(name.as_bytes());
                write!(out, "no patch: the image was not built from {name}: {reason}")
            }
        }
    }
}

impl std::error::Error for NoPatch {}

impl Analysis {
    /// Returns the patch that makes some fixes, each by its place and that of its alternative.
    ///
    /// # Errors
    /// [`NoPatch`] where no Dockerfile is known that fits the image.
    pub fn patch(&self, chosen: &[(usize, usize)]) -> Result<Patch, NoPatch> {
        let fitted = self.dockerfile.as_ref().ok_or(NoPatch::NoDockerfile)?;
        if let Err(reason) = &fitted.fit {
            return Err(NoPatch::Misfit { name: fitted.file.name().to_owned(), reason: reason.clone() });
        }
        let (mut together, mut by_itself) = (Vec::new(), Vec::new());
        let (mut made, mut left_out) = (Vec::new(), Vec::new());
        for (place, other) in chosen {
            let Some(one) = self.fixes.get(*place).and_then(|fix| fix.alternatives.get(*other)) else { continue };
            let layers = one.edits.iter().map(|edit| edit.layer).collect::<BTreeSet<_>>();
            if one.edits.is_empty() || one.caveats.iter().any(|caveat| caveat.ends_with(UNKNOWN_SOURCE)) {
                left_out.push((*place, "its lines cannot be written"));
            } else if one.kind == Kind::InPlace {
                together.push((*place, layers, &one.change));
            } else if !one.dockerignore.is_empty() {
                match self.can_ignore(fitted, one) {
                    Ok(()) => by_itself.push((*place, layers, one)),
                    Err(reason) => left_out.push((*place, reason)),
                }
            } else if one.can_stand_in_file(&self.spec.history, self.layers.len()) {
                by_itself.push((*place, layers, one));
            } else {
                left_out.push((
                    *place,
                    "settings between its steps would have to move, or a file beside the Dockerfile changes",
                ));
            }
        }
        let (mut edits, mut ignored): (BTreeMap<u32, Edit>, Vec<&str>) = (BTreeMap::new(), Vec::new());
        let changes: Vec<_> = together.iter().map(|(_, _, change)| *change).collect();
        match fixes::edits_together(self, &changes) {
            Some(all) => {
                made.extend(together.iter().map(|(place, ..)| *place));
                edits.extend(all.into_iter().map(|edit| (edit.layer.get(), edit)));
            }
            None => left_out.extend(together.iter().map(|(place, ..)| (*place, "its lines cannot be written"))),
        }
        for (place, layers, own) in by_itself {
            if layers.iter().any(|layer| edits.contains_key(&layer.get())) {
                left_out.push((place, "another fix changes the same steps: apply that first, build, and ask again"));
                continue;
            }
            made.push(place);
            edits.extend(own.own_edits().into_iter().map(|edit| (edit.layer.get(), edit)));
            ignored.extend(own.dockerignore.iter().map(String::as_str));
        }
        made.sort_unstable();
        let mut patch = self.patch_of(fitted, &edits, made, left_out);
        patch.diff.push_str(&fitted.file.ignore_patch(&ignored));
        Ok(patch)
    }

    /// Finds out whether what an alternative leaves out of the build context is read by the COPY alone that brings it.
    fn can_ignore(&self, fitted: &Fitted, one: &Alternative) -> Result<(), &'static str> {
        let unknown = "it is not known which COPY brings what it leaves out";
        let first = one.edits.first().ok_or(unknown)?;
        let lines = self.lines_of(first.layer).ok_or(unknown)?;
        let copy = fitted.file.instructions().iter().find(|instruction| instruction.lines() == lines).ok_or(unknown)?;
        fitted.file.can_ignore(&one.dockerignore, copy)
    }

    fn patch_of(
        &self,
        fitted: &Fitted,
        edits: &BTreeMap<u32, Edit>,
        fixes: Vec<usize>,
        left_out: Vec<(usize, &'static str)>,
    ) -> Patch {
        let replacement =
            |edit: &Edit| Some(Replacement { lines: self.lines_of(edit.layer)?, text: edit.after.clone() });
        let replacements: Vec<Replacement> = edits.values().filter_map(replacement).collect();
        Patch { diff: fitted.file.patch(&replacements), text: fitted.file.edited(&replacements), fixes, left_out }
    }

    /// Returns the patch of the first alternative of every fix.
    ///
    /// # Errors
    /// [`NoPatch`] where no Dockerfile is known that fits the image.
    pub fn patch_of_all(&self) -> Result<Patch, NoPatch> {
        self.patch(&(0..self.fixes.len()).map(|place| (place, 0)).collect::<Vec<_>>())
    }

    /// Returns a fix by its name.
    #[must_use]
    pub fn fix(&self, id: &str) -> Option<&Fix> {
        self.fixes.iter().find(|fix| fix.id == id)
    }
}
