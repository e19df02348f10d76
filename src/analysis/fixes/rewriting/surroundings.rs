//! What stands around the members of a group, and what the history cannot tell.

use super::between::sentence;
use super::lines::Draft;
use super::pieces::makes_directory_between;
use super::plan::Plan;
use super::timeline::{self, Line};
use crate::analysis::fixes::Kind;
use crate::analysis::fixes::choosing::Placement;
use crate::dockerfile::shell::{Dialect, is_name};
use crate::dockerfile::step::env_variables;
use crate::escape::escape;
use crate::layer::entry::LayerNumber;

/// Says what stands around the members, and what the history cannot tell.
pub(super) fn surroundings(plan: &Plan<'_>, kind: Kind, draft: &mut Draft) {
    let places: Vec<usize> = plan.parts.iter().filter_map(|part| plan.timeline.place(part.layer)).collect();
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return };
    if kind != Kind::CopiedTwice {
        settings_between(plan, &plan.timeline.lines[*first..*last], draft);
        contexts(plan, draft);
    }
    for (layer, placement) in &plan.group.apart {
        let layer = LayerNumber::from_index(*layer);
        let stored = sentence(plan.index, layer);
        draft.notes.push(match placement {
            Placement::Before => {
                format!("move layer {layer} above the merged step: it brings {stored}, which none of them names")
            }
            Placement::Behind => {
                format!("layer {layer} then follows the merged step: what they remove or change is none of its files")
            }
        });
    }
    let has_run = plan.runs().next().is_some();
    if has_run && plan.parts.iter().any(|part| part.line.is_some_and(|line| line.by_buildkit && line.written.is_none()))
    {
        draft.note_flags();
    }
    if draft.lines.contains("<<EOF") {
        draft.notes.push("needs BuildKit and Dockerfile syntax 1.4".to_owned());
    } else if draft.lines.contains("--mount") || draft.lines.contains("--chmod") {
        draft.notes.push("needs BuildKit".to_owned());
    }
    if plan.runs().count() > 1 && !draft.lines.is_empty() {
        draft.notes.push("the steps share one build cache entry: a change in one runs all of them again".to_owned());
    }
}

/// Variables that the shell itself looks at when it starts: setting them later is not the same.
fn is_read_at_start(name: &str) -> bool {
    let names = ["ENV", "IFS", "SHELLOPTS", "OPTIND", "POSIXLY_CORRECT", "PWD", "OLDPWD", "SHLVL"];
    !is_name(name)
        || names.contains(&name)
        || name.starts_with("BASH")
        || name.starts_with("LD_")
        || name.starts_with("PS")
}

fn settings_between(plan: &Plan<'_>, lines: &[Line], draft: &mut Draft) {
    for line in lines.iter().filter(|line| line.layer.is_none()) {
        let instruction = line.step.instruction.as_str();
        let text = || escape(line.text().as_bytes());
        match instruction {
            "ENV" => {
                let variables = env_variables(&line.step.command);
                if variables.is_some_and(|all| !all.iter().any(|(name, _)| is_read_at_start(name))) {
                    draft.notes.push(format!("keep below the merged step: {}", text()));
                } else {
                    draft.doubts.push(format!("the steps below it see this, the steps above it must not: {}", text()));
                }
            }
            // A value would be set for the steps above it as well; without one, nothing is.
            "ARG" if line.step.command.contains('=') => {
                draft.doubts.push(format!("put above the merged step, all of it would see: {}", text()));
            }
            "WORKDIR" if !makes_directory_between(plan) => {
                draft.notes.push(format!("keep below the merged step: {}", text()));
            }
            "ARG" | "WORKDIR" | "USER" | "SHELL" => {
                draft.notes.push(format!("keep above the merged step: {}", text()));
            }
            "VOLUME" => {
                let doubt = "a VOLUME stands between the steps: what is written to it afterwards is lost";
                draft.doubts.push(doubt.to_owned());
            }
            _ => {}
        }
    }
}

fn contexts(plan: &Plan<'_>, draft: &mut Draft) {
    let mut contexts: Vec<&timeline::Context> = plan.runs().map(|(_, line, _)| &line.context).collect();
    contexts.dedup_by_key(|context| context.user.as_str());
    if contexts.len() > 1 {
        draft.doubts.push("the steps run as different users: a USER stands between them".to_owned());
    }
    let mut contexts: Vec<&timeline::Context> = plan.runs().map(|(_, line, _)| &line.context).collect();
    contexts.dedup_by_key(|context| &context.shell);
    if contexts.len() > 1 {
        draft.doubts.push("the steps run in different shells: a SHELL stands between them".to_owned());
    }
    let is_bash = !matches!(plan.runner.dialect, Dialect::Dash | Dialect::Busybox);
    if plan.runs().count() > 1 && is_bash && plan.runs().any(|(_, line, _)| line.context.has_bash_env) {
        draft.doubts.push("BASH_ENV is set: every step reads a file first, the merged one only once".to_owned());
    }
}
