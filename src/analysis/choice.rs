//! Which fixes and findings a trial makes: `fixes`, `sure`, `likely`, and IDs.

use std::str::FromStr;

use super::findings::{Class, Confidence, Finding};
use super::{Analysis, Fix};

/// Which fixes and findings are made, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Whether every fix is.
    pub all_fixes: bool,
    /// Every finding that is at least as sure.
    pub findings: Option<Confidence>,
    /// Those fixes and findings.
    pub ids: Vec<String>,
}

/// What was chosen of an image's fixes and findings, each in their order.
#[derive(Debug, Clone, Default)]
pub struct Chosen<'a> {
    /// The fixes.
    pub fixes: Vec<&'a Fix>,
    /// The findings; their paths can be removed.
    pub findings: Vec<&'a Finding>,
    /// Findings that `sure` or `likely` would take, and that no removal of files makes.
    pub left_out: Vec<&'a Finding>,
}

/// Text that chooses nothing, or a choice that the image does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotChoice {
    /// An ID is empty.
    #[error("an ID is missing: write IDs like merge-3-7,recommended-5, or \"fixes\", \"sure\" or \"likely\"")]
    Empty,
    /// There is nothing of what was asked for.
    #[error("no {what} to apply")]
    Nothing {
        /// What there is none of.
        what: &'static str,
    },
    /// The image has no such fix or finding.
    #[error("there is no fix or finding {id:?}: the image has {known}")]
    Unknown {
        /// As typed.
        id: String,
        /// The IDs that there are.
        known: String,
    },
    /// The finding is about something else than whole files.
    #[error("{id} cannot be tried out: {}", reason(*class))]
    Untriable {
        /// The finding.
        id: String,
        /// Its class.
        class: Class,
    },
}

/// Says why removing the paths of a finding of that class would be wrong.
fn reason(class: Class) -> &'static str {
    match class {
        Class::Twin => "each of the files is needed at its path; make them links of one file in the build",
        _ => "it is about parts of files; run strip on them in the build",
    }
}

impl FromStr for Choice {
    type Err = NotChoice;

    fn from_str(text: &str) -> Result<Self, NotChoice> {
        let mut choice = Choice::default();
        for word in text.split(',').map(str::trim) {
            match word {
                "" => return Err(NotChoice::Empty),
                "fixes" => choice.all_fixes = true,
                "sure" => choice.findings = choice.findings.max(Some(Confidence::Sure)),
                "likely" => choice.findings = Some(Confidence::Likely),
                id => choice.ids.push(id.to_owned()),
            }
        }
        Ok(choice)
    }
}

impl Choice {
    /// Says whether it can take findings, so that they have to be looked for.
    #[must_use]
    pub fn takes_findings(&self) -> bool {
        self.findings.is_some() || !self.ids.is_empty()
    }

    /// Returns what is chosen of an image's fixes and findings.
    ///
    /// # Errors
    /// [`NotChoice`] where there is nothing of a kind, nothing of an ID, or a finding that cannot be tried out.
    pub fn of<'a>(&self, analysis: &'a Analysis) -> Result<Chosen<'a>, NotChoice> {
        let (fixes, findings) = (&analysis.fixes, &analysis.findings);
        let is_known = |id: &String| fixes.iter().any(|fix| fix.id == *id) || findings.iter().any(|one| one.id == *id);
        if let Some(id) = self.ids.iter().find(|id| !is_known(id)) {
            let ids = fixes.iter().map(|fix| &fix.id).chain(findings.iter().map(|finding| &finding.id));
            let known: Vec<&str> = ids.map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(NotChoice::Unknown { id: id.clone(), known });
        }
        let named = findings.iter().filter(|finding| self.ids.contains(&finding.id));
        if let Some(finding) = named.into_iter().find(|finding| !is_triable(finding)) {
            return Err(NotChoice::Untriable { id: finding.id.clone(), class: finding.class });
        }
        let is_meant = |finding: &&Finding| {
            self.ids.contains(&finding.id) || self.findings.is_some_and(|most| finding.confidence <= most)
        };
        let (meant, left_out): (Vec<&Finding>, Vec<&Finding>) =
            findings.iter().filter(is_meant).partition(|finding| is_triable(finding));
        let fixes: Vec<&Fix> = fixes.iter().filter(|fix| self.all_fixes || self.ids.contains(&fix.id)).collect();
        if fixes.is_empty() && meant.is_empty() {
            let what = match (self.all_fixes, self.findings) {
                (true, None) => "fix",
                (true, Some(_)) => "fix or finding",
                _ => "finding",
            };
            return Err(NotChoice::Nothing { what });
        }
        Ok(Chosen { fixes, findings: meant, left_out })
    }
}

fn is_triable(finding: &Finding) -> bool {
    !matches!(finding.class, Class::Debug | Class::Twin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_parsed() {
        let choice = |all_fixes, findings, ids: &[&str]| {
            Ok(Choice { all_fixes, findings, ids: ids.iter().map(|id| (*id).to_owned()).collect() })
        };
        for (text, expected) in [
            ("fixes", choice(true, None, &[])),
            ("merge-3-7", choice(false, None, &["merge-3-7"])),
            ("merge-3-7, in-place-9", choice(false, None, &["merge-3-7", "in-place-9"])),
            ("merge-3-7,fixes", choice(true, None, &["merge-3-7"])),
            ("sure", choice(false, Some(Confidence::Sure), &[])),
            ("likely,sure", choice(false, Some(Confidence::Likely), &[])),
            ("fixes,sure,recommended-5", choice(true, Some(Confidence::Sure), &["recommended-5"])),
            ("", Err(NotChoice::Empty)),
            ("merge-3-7,", Err(NotChoice::Empty)),
        ] {
            assert_eq!(text.parse::<Choice>(), expected, "{text}");
        }
    }
}
