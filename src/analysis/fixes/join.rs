//! Writes one RUN from several scripts.
//!
//! Each script was a RUN of its own: it started in a fresh shell, and the next one only started if it succeeded. The joined
//! RUN keeps both, in one of three ways:
//! - `a && b`, the usual one; a script that changes its shell (`cd`, `export`, …) or holds more than a list of `&&` gets
//!   brackets around it.
//! - `set -e; a; b`, where a script asks for `set -e` itself: that does nothing on the left side of an `&&`.
//! - A heredoc, where a script has comments or line breaks.

use crate::dockerfile::shell::{Command, End, Script, quote};

/// A script to be joined.
#[derive(Debug, Clone, Default)]
pub(super) struct Piece {
    pub script: Script,
    /// The directory it must start in, where that is not the one of the joined RUN.
    pub directory: Option<String>,
}

/// Returns the RUN; empty where no command is left. `mounts` are flags for it.
pub(super) fn join(pieces: &[Piece], mounts: &[String]) -> String {
    let pieces: Vec<&Piece> = pieces.iter().filter(|piece| !piece.script.commands.is_empty()).collect();
    if pieces.is_empty() {
        return String::new();
    }
    let flags = mounts.iter().flat_map(|mount| [mount, " \\\n    "]).collect::<String>();
    let is_single = pieces.len() == 1 && pieces[0].directory.is_none();
    if pieces.iter().any(|piece| piece.script.needs_lines) {
        return heredoc(&pieces, &flags);
    }
    if is_single {
        return format!("RUN {flags}{}", pieces[0].script.text());
    }
    if pieces.iter().any(|piece| piece.script.errexit().is_some()) {
        return format!("RUN {flags}{}", with_errexit(&pieces));
    }
    let last = pieces.len() - 1;
    let texts = pieces.iter().enumerate().flat_map(|(at, piece)| with_and(piece, at == last));
    format!("RUN {flags}{}", texts.collect::<Vec<_>>().join(" \\\n && "))
}

/// The commands of one piece of an `&&` list.
fn with_and(piece: &Piece, is_last: bool) -> Vec<String> {
    let script = &piece.script;
    let is_simple = script.is_plain() && piece.directory.is_none() && (is_last || !script.leaves_state());
    if is_simple {
        return script.commands.iter().map(|command| command.text.clone()).collect();
    }
    vec![bracketed(piece)]
}

fn bracketed(piece: &Piece) -> String {
    let directory = piece.directory.iter().map(|directory| format!("cd {} && ", quote(directory)));
    let text = piece.script.text();
    // What is no plain list must succeed or fail as a whole behind the `cd`.
    let inner = if piece.directory.is_some() && !piece.script.is_plain() {
        format!("{{ {}; }}", text.trim_end_matches(';'))
    } else {
        text
    };
    format!("({}{inner})", directory.collect::<String>())
}

fn with_errexit(pieces: &[&Piece]) -> String {
    let mut statements = vec![errexit_flags(pieces)];
    for piece in pieces {
        let script = &piece.script;
        let commands: Vec<&Command> =
            script.commands.iter().filter(|command| !is_errexit_alone(command, script)).collect();
        let splits = commands.iter().all(|command| matches!(command.end, End::And | End::Semicolon));
        let stays_in_shell = piece.directory.is_none() && !leaves_state(&commands);
        if splits && stays_in_shell {
            statements.extend(commands.iter().map(|command| command.text.clone()));
        } else {
            let directory = piece.directory.iter().map(|directory| format!("cd {}; ", quote(directory)));
            statements.push(format!("({}{})", directory.collect::<String>(), script.text()));
        }
    }
    statements.join("; \\\n    ")
}

/// `set -eux` where every script that sets something sets the same; else what they have in common.
fn errexit_flags(pieces: &[&Piece]) -> String {
    let mut flags = pieces.iter().filter_map(|piece| piece.script.errexit());
    let first = flags.next().unwrap_or("-e");
    if flags.all(|other| other == first) { format!("set {first}") } else { "set -e".to_owned() }
}

fn is_errexit_alone(command: &Command, script: &Script) -> bool {
    script.errexit().is_some_and(|flags| command.text.strip_prefix("set ") == Some(flags))
}

fn leaves_state(commands: &[&Command]) -> bool {
    let commands = commands.iter().map(|command| (*command).clone()).collect();
    Script { commands, ..Script::default() }.leaves_state()
}

fn heredoc(pieces: &[&Piece], flags: &str) -> String {
    let mut body = "set -e".to_owned();
    for piece in pieces {
        body.push('\n');
        let raw = if piece.script.needs_lines { piece.script.raw.trim().to_owned() } else { piece.script.text() };
        match &piece.directory {
            Some(directory) => body.extend(["(\ncd ", &quote(directory), "\n", &raw, "\n)"]),
            None if piece.script.leaves_state() || !piece.script.is_plain() => body.extend(["(\n", &raw, "\n)"]),
            None => body.push_str(&raw),
        }
    }
    let mut end = "EOF".to_owned();
    while body.lines().any(|line| line.trim() == end) || body.contains(&format!("<<{end}")) {
        end.push('_');
    }
    format!("RUN {flags}<<{end}\n{body}\n{end}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::shell::parse;

    fn joined(texts: &[&str]) -> String {
        let pieces: Vec<Piece> = texts.iter().map(|text| Piece { script: parse(text), directory: None }).collect();
        join(&pieces, &[])
    }

    #[test]
    fn plain_lists_flow_together() {
        assert_eq!(joined(&["a &&   b", "c"]), "RUN a \\\n && b \\\n && c");
        assert_eq!(joined(&["a"]), "RUN a");
        assert_eq!(joined(&[]), "");
    }

    #[test]
    fn what_changes_its_shell_gets_brackets() {
        assert_eq!(joined(&["cd /x && make", "b"]), "RUN (cd /x && make) \\\n && b");
        assert_eq!(joined(&["a; b", "c || d", "e"]), "RUN (a; b) \\\n && (c || d) \\\n && e");
        let piece = |text: &str, directory: Option<&str>| Piece {
            script: parse(text),
            directory: directory.map(str::to_owned),
        };
        let pieces = [piece("make; x", Some("/a b")), piece("c", None)];
        assert_eq!(join(&pieces, &[]), "RUN (cd '/a b' && { make; x; }) \\\n && c");
    }

    #[test]
    fn set_e_rules_the_whole_run() {
        assert_eq!(joined(&["set -ex; a; b", "c && d"]), "RUN set -ex; \\\n    a; \\\n    b; \\\n    c; \\\n    d");
        assert_eq!(
            joined(&["set -e; a || b", "cd /x && c"]),
            "RUN set -e; \\\n    (set -e; a || b); \\\n    (cd /x && c)"
        );
    }

    #[test]
    fn comments_and_lines_make_a_heredoc() {
        assert_eq!(joined(&["a\nb", "c"]), "RUN <<EOF\nset -e\n(\na\nb\n)\nc\nEOF");
        assert!(joined(&["cat <<EOF\nx\nEOF", "c"]).ends_with("\nEOF_"));
    }

    /// The joined text does what the scripts did, in a real shell.
    #[test]
    fn a_shell_agrees() {
        let scripts = [
            (vec!["cd /tmp && x=1", "echo \"$x$(pwd)\""], true),
            (vec!["false; true", "echo 1"], true),
            (vec!["true; false", "echo 1"], false),
            (vec!["false || true", "echo 2"], true),
            (vec!["set -e; false; true", "echo 3"], false),
            (vec!["set -e; true", "false && true", "echo 4"], false),
            (vec!["echo a # b && false", "echo c"], true),
            (vec!["set -eu; cd /tmp; false; true", "echo 5"], false),
        ];
        for (texts, succeeds) in scripts {
            let text = joined(&texts);
            let text = text.strip_prefix("RUN ").unwrap_or(&text).replace("\\\n", " ");
            let text = match text.strip_prefix("<<EOF\n") {
                Some(body) => body.trim_end_matches("EOF").to_owned(),
                None => text,
            };
            let status = std::process::Command::new("/bin/sh").arg("-c").arg(&text).current_dir("/").output();
            assert_eq!(status.map(|output| output.status.success()).ok(), Some(succeeds), "{text}");
        }
    }
}
