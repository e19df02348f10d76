//! Takes what is not copied any more out of the commands that removed it.

use super::plan::{Plan, Target};
use super::timeline::{self, Line};
use crate::dockerfile::join::Body;
use crate::dockerfile::shell::{Script, Simple};
use crate::layer::index::Index;

/// Takes the targets out of what a script removes; nothing where they cannot be told from the rest.
pub(super) fn without_removals(plan: &Plan<'_>, line: &Line, body: &Body, targets: &[Target]) -> Option<Body> {
    let names_target = |text: &str| targets.iter().any(|target| text.contains(&target.path));
    let script = match body {
        Body::Script(script) => script,
        // What is mounted cannot be removed or moved away.
        Body::Words(words) => {
            let takes_away = words.first().is_some_and(|word| matches!(word.as_str(), "rm" | "mv"));
            return (!takes_away).then(|| body.clone());
        }
    };
    let Some(commands) = script.commands() else {
        let takes_away = ["rm", "mv", "unlink", "rmdir"].iter().any(|name| has_word(script.text(), name));
        return (!takes_away && !names_target(script.text())).then(|| body.clone());
    };
    let mut texts = Vec::new();
    for command in commands {
        let text = without_targets(plan.index, line, script, command, targets)?;
        texts.extend((!text.is_empty()).then_some(text));
    }
    if texts.len() == commands.len() && texts.iter().zip(commands).all(|(text, one)| text == script.text_of(one)) {
        return Some(body.clone());
    }
    Some(Body::Script(Script::of_commands(&texts, plan.runner.dialect)))
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_./".contains(c)).any(|part| part == word)
}

/// Returns what is left of a command: all of it, an `rm` of less, or no text at all; nothing where that cannot be told.
fn without_targets(
    index: &Index,
    line: &Line,
    script: &Script,
    command: &Simple,
    targets: &[Target],
) -> Option<String> {
    let text = script.text_of(command);
    let words = script.words(command);
    if words.as_ref().and_then(|words| words.first()).is_none_or(|name| name != "rm") {
        // A mount cannot be moved away, and what the words of a command stand for may be one.
        let moves = has_word(text, "mv") && targets.iter().any(|target| text.contains(&target.path));
        let hides_rm = words.is_none() && has_word(text, "rm");
        return (!moves && !hides_rm).then(|| text.to_owned());
    }
    let words = words?;
    let mut gone = vec![false; words.len()];
    for (at, word) in words.iter().enumerate().skip(1).filter(|(_, word)| !word.starts_with('-')) {
        let path = timeline::join(&line.context.directory, word);
        let is_above = targets.iter().any(|target| is_below(&target.path, path.trim_end_matches('*')));
        // A folder around the mount cannot be removed while it is mounted; if nothing else is in it, nothing is lost.
        if is_above && !holds_only(index, path.trim_end_matches(['*', '/']), targets) {
            return None;
        }
        gone[at] = is_above || targets.iter().any(|target| target.holds(&path));
    }
    let is_kept = |at: usize| at > 0 && !gone[at] && !words[at].starts_with('-');
    let names_any = (0..words.len()).any(is_kept);
    Some(if names_any { script.without_words(command, |at| gone[at]) } else { String::new() })
}

fn is_below(path: &str, folder: &str) -> bool {
    let folder = format!("{}/", folder.trim_end_matches('/'));
    path.starts_with(&folder)
}

/// Says whether nothing but the targets is below a folder, in any layer.
fn holds_only(index: &Index, folder: &str, targets: &[Target]) -> bool {
    let Some(top) = index.tree.find(folder.as_bytes()) else { return false };
    let mut waiting = vec![top];
    while let Some(node) = waiting.pop() {
        let path = String::from_utf8_lossy(&index.tree.path(node)).into_owned();
        if targets.iter().any(|target| target.holds(&path)) {
            continue;
        }
        if node != top && !targets.iter().any(|target| is_below(&target.path, &path)) {
            return false;
        }
        waiting.extend(index.tree.children(node));
    }
    true
}
