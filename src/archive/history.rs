//! Which history entry made which layer: the n-th entry that is not empty belongs to layer n. [Model](crate::model) 1.

use super::spec::HistorySpec;
use crate::dockerfile::step::{Step, shell_words};
use crate::error::{Warning, WarningCode};

/// One line of the history, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The command as the builder recorded it.
    pub created_by: String,
    /// RFC 3339, as the config writes it.
    pub created: Option<String>,
    /// A remark, by `docker commit` and by importers.
    pub comment: String,
    /// Whether it made no layer.
    pub empty_layer: bool,
    /// The layer it made, 1 = the bottom.
    pub layer: Option<u32>,
}

/// Matches history lines to `layer_count` layers; says so where they do not fit.
#[must_use]
pub fn match_layers(lines: Vec<HistorySpec>, layer_count: u32) -> (Vec<HistoryEntry>, Option<Warning>) {
    let mut number = 0;
    let history: Vec<HistoryEntry> = lines
        .into_iter()
        .map(|line| {
            let empty_layer = line.empty_layer.unwrap_or(false);
            number += u32::from(!empty_layer);
            HistoryEntry {
                created_by: line.created_by.unwrap_or_default(),
                created: line.created,
                comment: line.comment.unwrap_or_default(),
                empty_layer,
                layer: (!empty_layer && number <= layer_count).then_some(number),
            }
        })
        .collect();
    let warning = (number != layer_count).then(|| {
        let message = format!(
            "the history describes {number} layers, the image has {layer_count}: sizes are right, the steps of some \
             layers are not known"
        );
        Warning::new(WarningCode::HistoryMismatch, message)
    });
    (history, warning)
}

impl HistoryEntry {
    /// Returns the step as the user wrote it, as far as the line alone tells.
    #[must_use]
    pub fn step(&self) -> Step {
        self.step_in(Step::DEFAULT_SHELL)
    }

    fn step_in(&self, shell: &str) -> Step {
        Step::of(&self.created_by, &self.comment, shell)
    }
}

/// Returns the steps of a whole history: SHELL changes how the later ones are read.
#[must_use]
pub fn steps(history: &[HistoryEntry]) -> Vec<Step> {
    let mut shell = Step::DEFAULT_SHELL.to_owned();
    history
        .iter()
        .map(|entry| {
            let step = entry.step_in(&shell);
            if step.instruction == "SHELL" {
                shell = shell_words(&step.command).join(" ");
            }
            step
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::step::Form;

    #[test]
    fn a_shell_instruction_counts_for_what_follows() {
        let line = |created_by: &str| HistoryEntry { created_by: created_by.into(), ..HistoryEntry::default() };
        let history = [
            line("SHELL [/bin/bash -o pipefail -c]"),
            line("RUN /bin/bash -o pipefail -c make | tee log # buildkit"),
            line("/bin/bash -o pipefail -c #(nop) WORKDIR /app"),
        ];
        let steps = steps(&history);
        assert_eq!((steps[1].command.as_str(), steps[1].form), ("make | tee log", Form::Shell));
        assert_eq!((steps[2].instruction.as_str(), steps[2].command.as_str()), ("WORKDIR", "/app"));
    }

    #[test]
    fn lines_and_layers_are_counted_apart() {
        let line = |empty| HistorySpec { empty_layer: Some(empty), ..HistorySpec::default() };
        let (history, warning) = match_layers(vec![line(false), line(true), line(false)], 2);
        assert_eq!(history.iter().map(|entry| entry.layer).collect::<Vec<_>>(), [Some(1), None, Some(2)]);
        assert_eq!(warning, None);
        assert!(match_layers(vec![line(true)], 1).1.is_some());
        let (history, warning) = match_layers(vec![line(false), line(false)], 1);
        assert_eq!(history[1].layer, None);
        assert!(warning.is_some());
    }
}
