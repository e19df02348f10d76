//! Which history entry made which layer: the n-th entry that is not empty belongs to layer n. MODEL.md 1.

use super::spec::HistorySpec;
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

/// The user's instruction in a history line, without the builder's wrapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The instruction in capitals: `RUN`, `COPY`, …; empty where the line does not tell.
    pub instruction: String,
    /// What follows it.
    pub command: String,
}

const INSTRUCTIONS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

impl HistoryEntry {
    /// Returns the step as the user wrote it, as far as the line tells.
    ///
    /// Understood: `/bin/sh -c #(nop) INSTRUCTION …` and `/bin/sh -c …` of the classic builder and buildah, with their
    /// `|N ARG=value …` prefix, and `INSTRUCTION … # buildkit`.
    #[must_use]
    pub fn step(&self) -> Step {
        let line = self.created_by.trim();
        let line = line.strip_suffix("# buildkit").unwrap_or(line).trim_end();
        if line.is_empty() {
            return Step { instruction: String::new(), command: self.comment.trim().to_owned() };
        }
        if let Some(nop) = line.strip_prefix("/bin/sh -c #(nop)") {
            return split_instruction(nop.trim()).unwrap_or_else(|| unknown(nop.trim()));
        }
        if let Some(step) = split_instruction(line) {
            let shell = (step.instruction == "RUN").then(|| without_shell(&step.command)).flatten();
            return Step { command: shell.unwrap_or(step.command), ..step };
        }
        match without_shell(line) {
            Some(command) => Step { instruction: "RUN".to_owned(), command },
            None => unknown(line),
        }
    }
}

fn unknown(line: &str) -> Step {
    Step { instruction: String::new(), command: line.to_owned() }
}

fn split_instruction(line: &str) -> Option<Step> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    INSTRUCTIONS.contains(&word).then(|| Step { instruction: word.to_owned(), command: rest.trim().to_owned() })
}

/// Takes `|N ARG=value … /bin/sh -c` or `/bin/sh -c` off.
fn without_shell(line: &str) -> Option<String> {
    const SHELL: &str = "/bin/sh -c";
    let at = match line.strip_prefix('|') {
        Some(_) => line.find(SHELL)?,
        None => line.starts_with(SHELL).then_some(0)?,
    };
    Some(line[at + SHELL.len()..].trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(created_by: &str) -> (String, String) {
        let step = HistoryEntry { created_by: created_by.into(), ..HistoryEntry::default() }.step();
        (step.instruction, step.command)
    }

    #[test]
    fn steps_of_every_builder() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(step("/bin/sh -c #(nop) ADD file:ab12 in / "), pair("ADD", "file:ab12 in /"));
        assert_eq!(step("/bin/sh -c #(nop)  CMD [\"sh\"]"), pair("CMD", "[\"sh\"]"));
        assert_eq!(step("/bin/sh -c apk add git"), pair("RUN", "apk add git"));
        assert_eq!(step("|1 V=2 /bin/sh -c make V=$V"), pair("RUN", "make V=$V"));
        assert_eq!(step("RUN /bin/sh -c apk add git # buildkit"), pair("RUN", "apk add git"));
        assert_eq!(step("RUN |1 V=2 /bin/sh -c make # buildkit"), pair("RUN", "make"));
        assert_eq!(step("COPY . /app # buildkit"), pair("COPY", ". /app"));
        assert_eq!(step("WORKDIR /app"), pair("WORKDIR", "/app"));
        assert_eq!(step("bazel build ..."), pair("", "bazel build ..."));
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
