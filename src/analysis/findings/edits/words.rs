//! Words that are put into a step's text, or taken out of it: the rest stays byte for byte.

use std::ops::Range;

/// A command that installs packages: where its words are.
struct Installation {
    /// Behind the word `install` or `add`.
    behind_verb: usize,
    /// The words behind it, with what they are.
    words: Vec<Range<usize>>,
    manager: &'static str,
}

const MANAGERS: [(&str, &str); 8] = [
    ("apt-get", "install"),
    ("apt", "install"),
    ("apk", "add"),
    ("dnf", "install"),
    ("microdnf", "install"),
    ("yum", "install"),
    ("zypper", "install"),
    ("zypper", "in"),
];

/// Returns the words of a text, with what ends a command as words of their own.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let mut tokens = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b' ' | b'\t' => at += 1,
            // A line that goes on, and a comment between two of them.
            b'\\' if text[at + 1..].trim_start_matches([' ', '\t']).starts_with('\n') => {
                at += text[at..].find('\n').unwrap_or(0) + 1;
            }
            b'#' if text[..at].ends_with('\n') || text[..at].trim_end_matches([' ', '\t']).ends_with('\n') => {
                at += text[at..].find('\n').map_or(text.len() - at, |end| end + 1);
            }
            b'\n' | b';' | b'&' | b'|' | b'(' | b')' => {
                let end = at + text[at..].find(|c| !"\n;&|()".contains(c)).unwrap_or(text.len() - at);
                tokens.push(at..end);
                at = end;
            }
            _ => {
                let start = at;
                let mut quote = None;
                while at < bytes.len() {
                    match (quote, bytes[at]) {
                        (None, b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')') => break,
                        (None, c @ (b'"' | b'\'')) => quote = Some(c),
                        (Some(open), c) if open == c => quote = None,
                        (_, b'\\') if bytes.get(at + 1) == Some(&b'\n') => break,
                        (_, b'\\') => at += 1,
                        _ => {}
                    }
                    at += 1;
                }
                at = at.min(bytes.len());
                tokens.push(start..at);
            }
        }
    }
    tokens
}

fn ends_command(word: &str) -> bool {
    word.starts_with(['\n', ';', '&', '|', '(', ')'])
}

/// Finds the commands that install packages.
fn installations(text: &str) -> Vec<Installation> {
    let tokens = tokens(text);
    let word = |range: &Range<usize>| &text[range.clone()];
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Some((manager, _)) = MANAGERS.iter().find(|(manager, _)| word(token) == *manager) else { continue };
        let rest = tokens[at + 1..].iter().take_while(|token| !ends_command(word(token)));
        let rest: Vec<Range<usize>> = rest.cloned().collect();
        let is_verb = |token: &Range<usize>| MANAGERS.iter().any(|known| known.0 == *manager && known.1 == word(token));
        let Some(verb) = rest.iter().position(is_verb) else { continue };
        // Only options stand between the manager and what it is to do.
        if rest[..verb]
            .iter()
            .enumerate()
            .all(|(at, token)| word(token).starts_with('-') || (at > 0 && word(&rest[at - 1]) == "-o"))
        {
            let behind_verb = rest[verb].end;
            found.push(Installation { behind_verb, words: rest[verb + 1..].to_vec(), manager });
        }
    }
    found
}

/// Puts the flag against recommended packages into each command that installs and has none.
pub(super) fn without_recommended(text: &str) -> String {
    let mut out = text.to_owned();
    for one in installations(text).iter().rev() {
        let flag = match one.manager {
            "apt" | "apt-get" => " --no-install-recommends",
            "dnf" | "microdnf" | "yum" => " --setopt=install_weak_deps=False",
            "zypper" => " --no-recommends",
            _ => continue,
        };
        let name = flag.trim();
        if !one.words.iter().any(|range| &text[range.clone()] == name) && !text.contains("Install-Recommends=") {
            out.insert_str(one.behind_verb, flag);
        }
    }
    out
}

/// Takes packages out of the commands that install them; a command that then installs nothing stays as it is.
pub(super) fn without_packages(text: &str, names: &[&str]) -> String {
    let mut out = text.to_owned();
    for one in installations(text).iter().rev() {
        let is_named = |range: &&Range<usize>| {
            let word = &text[(*range).clone()];
            names.contains(&word.split(['=', ':']).next().unwrap_or(word))
        };
        let is_package = |range: &&Range<usize>| !text[(*range).clone()].starts_with('-');
        let gone: Vec<&Range<usize>> = one.words.iter().filter(is_named).collect();
        if gone.len() == one.words.iter().filter(is_package).count() {
            continue;
        }
        for range in gone.into_iter().rev() {
            // The blanks in front of the word go with it; a line that is then empty does, too.
            let start = text[..range.start].trim_end_matches([' ', '\t']).len();
            let is_line = text[..start].ends_with("\\\n")
                && text[range.end..].trim_start_matches([' ', '\t']).starts_with("\\\n");
            let end = if is_line { range.end + text[range.end..].find('\n').unwrap_or(0) + 1 } else { range.end };
            // Nothing follows: the line before goes on no more.
            let is_last = text[range.end..].trim_start_matches([' ', '\t']).is_empty();
            let above =
                text[..start].strip_suffix("\\\n").filter(|_| is_last).map(|above| above.trim_end_matches([' ', '\t']));
            out.replace_range(above.map_or(start, str::len)..end, "");
        }
    }
    out
}

/// Says whether a step does nothing but fetch package lists.
pub(super) fn is_only_update(text: &str) -> bool {
    let words: Vec<&str> = text.split_ascii_whitespace().filter(|word| !word.starts_with('-')).collect();
    matches!(words[..], ["RUN", "apt-get" | "apt", "update"])
}

/// Says whether a step installs a package by this name.
pub(super) fn installs(text: &str, name: &str) -> bool {
    let is_it = |range: &Range<usize>| text[range.clone()].split(['=', ':']).next() == Some(name);
    installations(text).iter().any(|one| one.words.iter().any(is_it))
}

/// Says whether a step installs with apt.
pub(super) fn installs_with_apt(text: &str) -> bool {
    installations(text).iter().any(|one| one.manager.starts_with("apt"))
}

/// Says whether a step runs a command of this name: the first word of a command, wrappers aside.
pub(super) fn runs(text: &str, name: &str) -> bool {
    let tokens = tokens(text);
    tokens.iter().enumerate().any(|(at, token)| {
        let word = text[token.clone()].trim_start_matches("$(").trim_start_matches('`');
        let before = at.checked_sub(1).map(|at| &text[tokens[at].clone()]);
        let is_first = before.is_none_or(|before| {
            ends_command(before)
                || ["RUN", "sudo", "env", "then", "do", "else", "!", "time", "exec"].contains(&before)
                || before.ends_with("$(")
        });
        is_first && word == name
    })
}

/// Puts the flags that leave symbols out into `go build`.
pub(super) fn with_linker_flags(text: &str) -> String {
    if text.contains("-ldflags") {
        return text.to_owned();
    }
    ["go build", "go install"].iter().fold(text.to_owned(), |text, command| {
        text.replace(&format!("{command} "), &format!("{command} -ldflags='-s -w' "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_go_behind_the_verb_and_nothing_else_changes() {
        for (before, after) in [
            ("RUN apt-get install -y a b", "RUN apt-get install --no-install-recommends -y a b"),
            (
                "RUN apt-get update \\\n && apt-get -y install \\\n      a \\\n # why\n      b",
                "RUN apt-get update \\\n && apt-get -y install --no-install-recommends \\\n      a \\\n # why\n      b",
            ),
            (
                "RUN set -eux; apt-get -qq install a; dnf install -y b",
                "RUN set -eux; apt-get -qq install --no-install-recommends a; dnf install --setopt=install_weak_deps=False -y b",
            ),
            ("RUN apt-get install --no-install-recommends a", "RUN apt-get install --no-install-recommends a"),
            ("RUN echo apt-get; apk add a", "RUN echo apt-get; apk add a"),
            ("RUN apt-get remove install", "RUN apt-get remove install"),
        ] {
            assert_eq!(without_recommended(before), after);
        }
    }

    #[test]
    fn packages_are_taken_out_with_their_line() {
        for (before, after) in [
            ("RUN apt-get install -y vim a git && git2 x", "RUN apt-get install -y a && git2 x"),
            ("RUN apt-get install -y \\\n    a \\\n    vim \\\n    b", "RUN apt-get install -y \\\n    a \\\n    b"),
            ("RUN apt-get install -y a \\\n    vim", "RUN apt-get install -y a"),
            ("RUN apt-get install -y a \\\n    vim && x", "RUN apt-get install -y a \\\n && x"),
            ("RUN apt-get install -y vim git=1:2", "RUN apt-get install -y vim git=1:2"),
            ("RUN echo vim && apk add --no-cache vim a", "RUN echo vim && apk add --no-cache a"),
        ] {
            assert_eq!(without_packages(before, &["vim", "git"]), after);
        }
    }

    #[test]
    fn what_a_step_runs() {
        assert!(
            runs("RUN a && curl -fsSL x | sh", "curl") && runs("RUN x=$(curl y)", "curl") && runs("RUN curl x", "curl")
        );
        assert!(!runs("RUN apt-get install -y curl", "curl") && !runs("RUN echo curl", "curl"));
        assert!(is_only_update("RUN apt-get update") && is_only_update("RUN apt-get -qq update"));
        assert!(!is_only_update("RUN apt-get update && apt-get install a"));
    }
}
