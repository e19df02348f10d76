//! The instructions of a Dockerfile and their lines: comments, continued lines, heredocs, another escape character.

/// Lines of the file, from 1; both belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lines {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instruction {
    /// In capitals.
    pub name: String,
    /// What follows it: without flags, with single spaces.
    pub text: String,
    pub lines: Lines,
}

/// Brings what follows an instruction into one form: no flags, single spaces, the exec form as its words.
pub(super) fn plain(text: &str) -> String {
    let words = text.split_whitespace().skip_while(|word| word.starts_with("--"));
    let text = words.collect::<Vec<_>>().join(" ");
    match serde_json::from_str::<Vec<String>>(&text) {
        Ok(words) => words.join(" ").split_whitespace().collect::<Vec<_>>().join(" "),
        Err(_) => text,
    }
}

/// Splits the text into its instructions: comments, continued lines and heredocs are understood.
pub(super) fn instructions(text: &str) -> Vec<Instruction> {
    let mark = escape_mark(text);
    let mut lines = (1u32..).zip(text.lines().map(|line| line.strip_suffix('\r').unwrap_or(line)));
    let mut found = Vec::new();
    while let Some((first, line)) = lines.next() {
        if is_comment(line) || line.trim().is_empty() {
            continue;
        }
        let (mut last, mut whole) = (first, String::new());
        let mut current = line.to_owned();
        loop {
            let trimmed = current.trim_end();
            let Some(open) = trimmed.strip_suffix(mark) else {
                whole.push_str(trimmed);
                break;
            };
            whole.push_str(open);
            whole.push(' ');
            // Comments and empty lines within an instruction are no end of it.
            let next = lines.by_ref().find(|(_, line)| !is_comment(line) && !line.trim().is_empty());
            let Some((number, line)) = next else { break };
            (last, current) = (number, line.to_owned());
        }
        let (name, rest) = whole.trim().split_once(char::is_whitespace).unwrap_or((whole.trim(), ""));
        let name = name.to_uppercase();
        let mut rest = rest.to_owned();
        for (delimiter, strips_tabs) in heredocs(&name, &rest.clone()) {
            let is_whole = plain(&rest).split(' ').count() == 1;
            let mut body = String::new();
            for (number, line) in lines.by_ref() {
                last = number;
                let line = if strips_tabs { line.trim_start_matches('\t') } else { line };
                if line == delimiter {
                    break;
                }
                body.push_str(line);
                body.push('\n');
            }
            // A heredoc that is all of a RUN is the script itself; otherwise the shell gets it as it stands.
            rest = if is_whole { body } else { format!("{rest}\n{body}{delimiter}") };
        }
        found.push(Instruction { name, text: plain(&rest), lines: Lines { first, last } });
    }
    found
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// Returns the character that continues lines: a backslash, unless a directive at the top says otherwise.
fn escape_mark(text: &str) -> char {
    let directives = text.lines().map_while(|line| line.trim().strip_prefix('#'));
    let said = directives.filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim() == "escape");
    said.and_then(|(_, value)| value.trim().chars().next()).unwrap_or('\\')
}

/// Returns the ends of the heredocs that a line begins, and whether tabs before their lines vanish.
fn heredocs(name: &str, line: &str) -> Vec<(String, bool)> {
    if !matches!(name, "RUN" | "COPY" | "ADD") {
        return Vec::new();
    }
    let starts = line.split_whitespace().filter_map(|word| {
        let at = word.find("<<")?;
        // Digits before it are a file descriptor.
        word[..at].bytes().all(|byte| byte.is_ascii_digit()).then(|| &word[at + 2..])
    });
    let ends = starts.filter_map(|word| {
        let (word, strips_tabs) = word.strip_prefix('-').map_or((word, false), |word| (word, true));
        let word = word.trim_matches(['"', '\'']);
        let is_name = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
        is_name.then(|| (word.to_owned(), strips_tabs))
    });
    ends.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(String, String, u32, u32)> {
        let all = instructions(text).into_iter();
        all.map(|one| (one.name, one.text, one.lines.first, one.lines.last)).collect()
    }

    fn line(name: &str, text: &str, first: u32, last: u32) -> (String, String, u32, u32) {
        (name.to_owned(), text.to_owned(), first, last)
    }

    #[test]
    fn instructions_and_their_lines() {
        let text = "# syntax=docker/dockerfile:1\nFROM a AS b\n\nrun --mount=type=cache,target=/c \\\n  # why\n  make \\\n\n  \
                    && x\nRUN <<EOF\n  echo a\necho b\nEOF\nCOPY --chown=1 <<x <<-y /d/\none\nx\n\ttwo\n\ty\nCMD [\"a\", \"b\"]\n";
        assert_eq!(
            lines(text),
            [
                line("FROM", "a AS b", 2, 2),
                line("RUN", "make && x", 4, 8),
                line("RUN", "echo a echo b", 9, 12),
                line("COPY", "<<x <<-y /d/ one x two y", 13, 17),
                line("CMD", "a b", 18, 18),
            ]
        );
        let windows = "# escape=`\r\nFROM a\r\nRUN x `\r\n  y\r\n";
        assert_eq!(lines(windows)[1], line("RUN", "x y", 3, 4));
        assert_eq!(lines(""), []);
        assert_eq!(lines("RUN a \\")[0], line("RUN", "a", 1, 1));
    }
}
