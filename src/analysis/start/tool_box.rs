//! Images without a program of their own: what was asked for is the product.

use super::commands::{base, normal};
use super::{How, Start, shell};
use crate::analysis::rootfs::Rootfs;
use crate::archive::RunConfig;
use crate::layer::entry::NodeId;

const SHELLS: [&[u8]; 9] = [b"sh", b"bash", b"dash", b"ash", b"zsh", b"fish", b"ksh", b"busybox", b"tmux"];
/// Interpreters that wait for what people type.
const PROMPTS: [&[u8]; 12] =
    [b"python", b"ipython", b"node", b"irb", b"ghci", b"R", b"julia", b"jshell", b"lua", b"perl", b"php", b"sqlite"];
/// Commands that only wait.
const IDLE: [&[u8]; 14] = [
    b"sleep", b"tail", b"true", b":", b"wait", b"cat", b"read", b"while", b"trap", b"echo", b"pause", b"date", b"exit",
    b"[",
];
/// What the start itself stands on: none of it is a program that was put into the image.
const NO_PROGRAM: [How; 10] = [
    How::Entrypoint,
    How::Cmd,
    How::Healthcheck,
    How::Env,
    How::Link,
    How::ElfNeeded,
    How::Runtime,
    How::Shebang,
    How::Table,
    How::Depends,
];

/// Says why an image is a tool box, where it is one.
pub(super) fn why(
    rootfs: &Rootfs<'_>,
    config: &RunConfig,
    start: &Start,
    is_packaged: &dyn Fn(NodeId) -> bool,
    base_layers: u32,
) -> Option<String> {
    let words: Vec<&[u8]> = config.command().into_iter().map(str::as_bytes).collect();
    let what = idle(&words)?;
    let is_above = |node: &NodeId| rootfs.copy(*node).is_some_and(|copy| copy.layer().get() > base_layers);
    let mut reached = start.reached.iter().filter(|(_, reason)| !NO_PROGRAM.contains(&reason.how));
    let has_program = reached.any(|(node, _)| is_above(node) && !is_packaged(*node));
    (!has_program).then(|| format!("{what}, and nothing that was put into the image is started"))
}

/// Says what a command does that starts nothing.
fn idle(words: &[&[u8]]) -> Option<String> {
    let waiting = [&b"tini"[..], b"dumb-init", b"docker-init", b"exec", b"env", b"--", b"-g", b"-s"];
    let start = words.iter().take_while(|word| waiting.contains(&base(word))).count();
    let Some((first, rest)) = words[start..].split_first() else {
        return Some("the image starts nothing".to_owned());
    };
    let name = normal(base(first));
    let shown = crate::escape::escape(&words.join(&b' '));
    let code = rest.iter().position(|word| *word == b"-c" || *word == b"-lc").and_then(|at| rest.get(at + 1));
    if SHELLS.contains(&name) {
        let only_waits = code.is_some_and(|code| waits(code));
        let is_prompt =
            code.is_none() && rest.iter().all(|word| word.starts_with(b"-") || SHELLS.contains(&base(word)));
        return (only_waits || is_prompt).then(|| format!("\"{shown}\" is a shell that waits"));
    }
    let is_prompt =
        PROMPTS.contains(&name) && rest.iter().all(|word| word.starts_with(b"-") && *word != b"-c" && *word != b"-m");
    let is_idle = [&b"sleep"[..], b"tail", b"true", b"pause", b"cat"].contains(&name) && !reads_file(name, rest);
    (is_prompt || is_idle).then(|| format!("\"{shown}\" only waits"))
}

/// `tail -f /var/log/x` shows something, `tail -f /dev/null` does not.
fn reads_file(name: &[u8], rest: &[&[u8]]) -> bool {
    name != b"sleep" && rest.iter().any(|word| word.starts_with(b"/") && *word != b"/dev/null")
}

/// Says whether a shell text only waits, or hands over to a shell.
fn waits(code: &[u8]) -> bool {
    let commands = shell::parse(code).commands;
    let is_idle = |command: &shell::Command| {
        let words: Vec<&[u8]> = command.words.iter().map(Vec::as_slice).filter(|word| *word != b"exec").collect();
        let Some((first, rest)) = words.split_first() else { return true };
        let name = normal(base(first));
        (IDLE.contains(&name) && !reads_file(name, rest)) || (SHELLS.contains(&name) && rest.is_empty())
    };
    !commands.is_empty() && commands.iter().all(is_idle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_waits() {
        let says =
            |line: &str| idle(&line.split(' ').filter(|word| !word.is_empty()).map(str::as_bytes).collect::<Vec<_>>());
        for line in ["", "bash", "/bin/sh -l", "sleep infinity", "tail -f /dev/null", "tini -- bash", "python3", "zsh"]
        {
            assert!(says(line).is_some(), "{line}");
        }
        for line in
            ["python3 app.py", "bash run.sh", "tail -f /var/log/x", "nginx", "python3 -m http.server", "./start"]
        {
            assert!(says(line).is_none(), "{line}");
        }
        assert!(idle(&[b"/bin/sh", b"-c", b"while :; do sleep 1000; done"]).is_some());
        assert!(idle(&[b"/bin/sh", b"-c", b"sleep 5 && ./app"]).is_none());
    }
}
