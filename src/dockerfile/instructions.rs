//! The instructions of a Dockerfile and their lines: comments, continued lines, heredocs, another escape character.
//!
//! Each keeps its own source, and where in it name, flags and body are: what is edited later changes there and nowhere else.

use std::ops::Range;

/// Lines of the file, from 1; both belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lines {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
}

/// An instruction: what it says, and how the user wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// In capitals.
    pub(super) name: String,
    /// What follows it: without flags, with single spaces.
    pub(super) text: String,
    pub(super) lines: Lines,
    /// Its lines as they stand in the file, with `\n` between them.
    source: String,
    head: Head,
    has_heredoc: bool,
    /// Whether it is a JSON list of words.
    pub(super) is_exec: bool,
}

/// Where the parts before the body are in an instruction's source.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    name: Range<usize>,
    flags: Vec<Range<usize>>,
    /// Where the body begins.
    body: usize,
}

/// Flags that say something more each time, instead of something else.
const REPEATED_FLAGS: [&str; 3] = ["--mount", "--exclude", "--add-host"];

impl Instruction {
    /// Returns the name in capitals: `RUN`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name as it is written: `run`.
    #[must_use]
    pub fn spelled(&self) -> &str {
        &self.source[self.head.name.clone()]
    }

    /// Returns what follows the name and the flags, with single spaces; the exec form as its words.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns its lines in the file.
    #[must_use]
    pub fn lines(&self) -> Lines {
        self.lines
    }

    /// Returns its whole lines as they stand in the file; line ends are `\n`, the last has none.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns its flags as they are written, in their order: `--mount=type=cache,target=/c`.
    pub fn flags(&self) -> impl Iterator<Item = &str> {
        self.head.flags.iter().map(|range| &self.source[range.clone()])
    }

    /// Returns the source behind the name and the flags, and the blanks after them: continued lines, indentation and
    /// comments are the user's. Begins with the mark that continues the line where the text begins on a later one.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.source[self.head.body..]
    }

    /// Says whether it holds a here-document.
    #[must_use]
    pub fn has_heredoc(&self) -> bool {
        self.has_heredoc
    }

    /// Returns its source with these flags: each takes the place of the one with the same name, or stands behind the name
    /// of the instruction. Flags that may be repeated, like `--mount`, are only added. All else stays byte for byte.
    #[must_use]
    pub fn with_flags(&self, flags: &[String]) -> String {
        let name = |flag: &str| flag.split_once('=').map_or(flag, |(name, _)| name).to_owned();
        let mut out = self.source.clone();
        let mut new: Vec<&String> = flags.iter().filter(|flag| self.flags().all(|own| own != flag.as_str())).collect();
        // From the back, so that the places before stay what they are.
        for range in self.head.flags.iter().rev() {
            let own = name(&self.source[range.clone()]);
            let place = new.iter().rposition(|flag| name(flag) == own && !REPEATED_FLAGS.contains(&own.as_str()));
            if let Some(place) = place {
                out.replace_range(range.clone(), new.remove(place));
            }
        }
        let added: String = new.into_iter().flat_map(|flag| [" ", flag]).collect();
        out.insert_str(self.head.name.end, &added);
        out
    }
}

impl Head {
    /// Finds the parts; `mark` continues lines.
    fn of(source: &str, mark: char) -> Self {
        let start = source.len() - source.trim_start().len();
        let end = source[start..].find(|c: char| c.is_whitespace() || c == mark);
        let name = start..end.map_or(source.len(), |end| start + end);
        let (mut at, mut flags) = (name.end, Vec::new());
        loop {
            let word = at + gap(&source[at..], mark);
            if !source[word..].starts_with("--") {
                break;
            }
            at = word + flag_length(&source[word..], mark);
            flags.push(word..at);
        }
        let rest = &source[at..];
        let body = at + rest.len() - rest.trim_start_matches([' ', '\t']).len();
        Head { name, flags, body }
    }
}

/// Returns how long the blanks before the next word are, with all lines that say nothing.
pub(super) fn gap(text: &str, mark: char) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let Some(next) = rest.strip_prefix(mark).and_then(after_line_end) else { break };
        rest = next;
        while let Some((_, next)) = rest.split_once('\n').filter(|(line, _)| says_nothing(line)) {
            rest = next;
        }
    }
    text.len() - rest.len()
}

/// Returns what follows the end of a line, where only blanks stand before it.
fn after_line_end(text: &str) -> Option<&str> {
    text.trim_start_matches([' ', '\t']).strip_prefix('\n')
}

/// Says whether a line is empty or a comment.
pub(super) fn says_nothing(line: &str) -> bool {
    is_comment(line) || line.trim().is_empty()
}

/// Returns the length of the flag that the text begins with: quotes and escaped blanks are part of it.
fn flag_length(text: &str, mark: char) -> usize {
    let (mut quote, mut is_escaped) = (None, false);
    for (at, c) in text.char_indices() {
        let continues = c == mark && after_line_end(&text[at + c.len_utf8()..]).is_some();
        match quote {
            _ if c == '\n' || continues => return at,
            _ if is_escaped => is_escaped = false,
            _ if c == mark => is_escaped = true,
            Some(open) if c == open => quote = None,
            None if c.is_whitespace() => return at,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            _ => {}
        }
    }
    text.len()
}

/// Brings what follows an instruction into one form: no flags, single spaces, the exec form as its words.
pub(super) fn plain(text: &str) -> String {
    let text = without_flags(text);
    match serde_json::from_str::<Vec<String>>(&text) {
        Ok(words) => words.join(" ").split_whitespace().collect::<Vec<_>>().join(" "),
        Err(_) => text,
    }
}

/// Says whether what follows an instruction is a JSON list of words.
fn is_exec(text: &str) -> bool {
    serde_json::from_str::<Vec<String>>(&without_flags(text)).is_ok()
}

fn without_flags(text: &str) -> String {
    text.split_whitespace().skip_while(|word| word.starts_with("--")).collect::<Vec<_>>().join(" ")
}

/// Splits the text into its instructions: comments, continued lines and heredocs are understood.
pub(super) fn instructions(text: &str) -> Vec<Instruction> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mark = escape_mark(text);
    let lines: Vec<&str> = text.lines().map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < lines.len() {
        if says_nothing(lines[at]) {
            at += 1;
            continue;
        }
        let (instruction, next) = instruction(&lines, at, mark);
        found.push(instruction);
        at = next;
    }
    found
}

/// Reads the instruction that begins at a line; returns the place of the line behind it as well.
fn instruction(lines: &[&str], first: usize, mark: char) -> (Instruction, usize) {
    let (whole, mut last, mut next) = logical_line(lines, first, mark);
    let (name, rest) = whole.trim().split_once(char::is_whitespace).unwrap_or((whole.trim(), ""));
    let (name, rest) = (name.to_uppercase(), rest.trim());
    let mut documents = Vec::new();
    for mut document in heredocs(&name, rest) {
        let length = lines[next..].iter().position(|line| document.stripped(line) == document.name);
        let end = length.map_or(lines.len(), |length| next + length);
        document.body = lines[next..end].iter().flat_map(|line| [document.stripped(line), "\n"]).collect();
        next = (end + 1).min(lines.len());
        last = next - 1;
        documents.push(document);
    }
    let source = lines[first..=last].join("\n");
    let number = |at: usize| u32::try_from(at + 1).unwrap_or(u32::MAX);
    let instruction = Instruction {
        is_exec: is_exec(rest),
        text: plain(&recorded(&name, rest, &documents)),
        name,
        lines: Lines { first: number(first), last: number(last) },
        head: Head::of(&source, mark),
        source,
        has_heredoc: !documents.is_empty(),
    };
    (instruction, next)
}

/// Returns a line with all that continue it, the place of the last one, and of the line behind.
fn logical_line(lines: &[&str], first: usize, mark: char) -> (String, usize, usize) {
    let (mut whole, mut last) = (String::new(), first);
    loop {
        let Some(open) = continued(lines[last], mark) else {
            whole.push_str(lines[last]);
            return (whole, last, last + 1);
        };
        whole.push_str(open);
        // Comments and empty lines within an instruction are no end of it.
        let Some(gap) = lines[last + 1..].iter().position(|line| !says_nothing(line)) else {
            return (whole, last, lines.len());
        };
        last += 1 + gap;
    }
}

/// Returns what a line says before the mark that continues it. Two marks are none.
fn continued(line: &str, mark: char) -> Option<&str> {
    line.trim_end_matches([' ', '\t']).strip_suffix(mark).filter(|open| !open.ends_with(mark))
}

/// Returns what a builder records of an instruction with these here-documents.
fn recorded(name: &str, rest: &str, documents: &[Heredoc]) -> String {
    let [document, ..] = documents else { return rest.to_owned() };
    if matches!(name, "COPY" | "ADD") {
        // BuildKit names the documents of a COPY behind the other sources, and not what they hold.
        let is_document = |word: &&str| Heredoc::of(word).is_some();
        let words: Vec<&str> = rest.split_whitespace().filter(|word| !is_document(word)).collect();
        let (target, sources) = words.split_last().map_or(("", &[][..]), |(last, sources)| (*last, sources));
        let names: Vec<String> = documents.iter().map(|document| format!("<<{}", document.name)).collect();
        return format!("{} {} {target}", sources.join(" "), names.join(" "));
    }
    if plain(rest).split(' ').count() == 1 {
        // A heredoc that is all of a RUN is the script itself, or a file to be run.
        let is_program = document.body.starts_with("#!");
        return if is_program { format!("/dev/pipes/{}", document.name) } else { document.body.clone() };
    }
    // The shell gets it as it stands.
    documents.iter().fold(rest.to_owned(), |text, document| format!("{text}\n{}{}", document.body, document.name))
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// Returns the character that continues lines: a backslash, unless a directive at the top says otherwise.
pub(super) fn escape_mark(text: &str) -> char {
    let directives = text.lines().map_while(|line| line.trim().strip_prefix('#'));
    let said = directives.filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim() == "escape");
    said.and_then(|(_, value)| value.trim().chars().next()).unwrap_or('\\')
}

/// A here-document of an instruction.
struct Heredoc {
    /// The line that ends it.
    name: String,
    /// Whether tabs before its lines vanish.
    strips_tabs: bool,
    body: String,
}

impl Heredoc {
    /// Reads the word that begins one.
    fn of(word: &str) -> Option<Self> {
        let at = word.find("<<")?;
        // Digits before it are a file descriptor.
        let word = word[..at].bytes().all(|byte| byte.is_ascii_digit()).then(|| &word[at + 2..])?;
        let (word, strips_tabs) = word.strip_prefix('-').map_or((word, false), |word| (word, true));
        let word = word.trim_matches(['"', '\'']);
        let is_name = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
        is_name.then(|| Heredoc { name: word.to_owned(), strips_tabs, body: String::new() })
    }

    fn stripped<'a>(&self, line: &'a str) -> &'a str {
        if self.strips_tabs { line.trim_start_matches('\t') } else { line }
    }
}

/// Returns the heredocs that a line begins, still without what they hold.
fn heredocs(name: &str, line: &str) -> Vec<Heredoc> {
    let name =
        if name == "ONBUILD" { line.split_whitespace().next().unwrap_or("").to_uppercase() } else { name.to_owned() };
    if !matches!(name.as_str(), "RUN" | "COPY" | "ADD") {
        return Vec::new();
    }
    line.split_whitespace().filter_map(Heredoc::of).collect()
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
                line("COPY", "<<x <<y /d/", 13, 17),
                line("CMD", "a b", 18, 18),
            ]
        );
        let windows = "# escape=`\r\nFROM a\r\nRUN x `\r\n  y\r\n";
        assert_eq!(lines(windows)[1], line("RUN", "x y", 3, 4));
        assert_eq!(lines(""), []);
        assert_eq!(lines("RUN a \\")[0], line("RUN", "a", 1, 1));
    }

    /// What is behind the instruction that a text begins with: spelling, flags, body.
    fn parts(text: &str) -> (String, Vec<String>, String) {
        let one = instructions(text).remove(0);
        (one.spelled().to_owned(), one.flags().map(str::to_owned).collect(), one.raw().to_owned())
    }

    #[test]
    fn the_users_own_text_is_kept() {
        for (text, name, flags, raw) in [
            ("RUN make", "RUN", &[][..], "make"),
            ("  run   make  \n\nRUN x", "run", &[], "make  "),
            ("RUN a \\\n  # why\n\n\t&& b \\ \n  && c\n", "RUN", &[], "a \\\n  # why\n\n\t&& b \\ \n  && c"),
            ("RUN \\\n    # why\n    a\n", "RUN", &[], "\\\n    # why\n    a"),
            ("RUN\\\n a", "RUN", &[], "\\\n a"),
            (
                "RUN --mount=type=cache,target=/c \\\n  # why\n  --network=none  make",
                "RUN",
                &["--mount=type=cache,target=/c", "--network=none"],
                "make",
            ),
            ("RUN --mount=x \\\n  # why\n  make", "RUN", &["--mount=x"], "\\\n  # why\n  make"),
            ("COPY --chown=\"a b\":c\\ d --from=x a /b", "COPY", &["--chown=\"a b\":c\\ d", "--from=x"], "a /b"),
            ("Copy --from=build /a \\\r\n  /b\r\n", "Copy", &["--from=build"], "/a \\\n  /b"),
            (
                "RUN --mount=x <<EOF cat\n# no comment\nEOF\nRUN y",
                "RUN",
                &["--mount=x"],
                "<<EOF cat\n# no comment\nEOF",
            ),
            ("# escape=`\nRUN --x`\n y", "RUN", &["--x"], "`\n y"),
            ("\u{feff}FROM a", "FROM", &[], "a"),
            ("FROM", "FROM", &[], ""),
        ] {
            let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
            assert_eq!(parts(text), (name.to_owned(), flags, raw.to_owned()), "{text}");
        }
        assert!(instructions("RUN <<EOF\na\nEOF")[0].has_heredoc());
        assert!(!instructions("RUN a < b")[0].has_heredoc());
    }

    /// `apt\`, `-get` came out as two words, and `\\` at the end of a line as a continued one.
    #[test]
    fn lines_are_continued_as_builders_do() {
        assert_eq!(lines("RUN apt\\\n-get \\\n  update")[0], line("RUN", "apt-get update", 1, 3));
        assert_eq!(lines("RUN a \\\\\nRUN b").len(), 2);
        assert_eq!(lines("RUN a \\\n# c\n").len(), 1);
    }

    #[test]
    fn heredocs_are_what_builders_record() {
        for (text, recorded) in [
            ("RUN <<EOF\n#!/bin/python3\nEOF", "/dev/pipes/EOF"),
            ("RUN cat <<-'EOF' > /x\n\ta\n\tEOF", "cat <<-'EOF' > /x a EOF"),
            ("COPY --chown=1 <<\"a\" file /d/\nx\na", "file <<a /d/"),
            ("ONBUILD RUN <<EOF\nRUN x\nEOF", "RUN <<EOF RUN x EOF"),
            ("RUN <<EOF\nnever ends", "never ends"),
        ] {
            let all = instructions(text);
            assert_eq!((all.len(), all[0].text.as_str()), (1, recorded), "{text}");
        }
    }

    #[test]
    fn flags_change_and_nothing_else_does() {
        let with = |text: &str, flags: &[&str]| {
            let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
            instructions(text)[0].with_flags(&flags)
        };
        assert_eq!(with("copy  a \\\n  # why\n  /b", &["--chown=1:2"]), "copy --chown=1:2  a \\\n  # why\n  /b");
        assert_eq!(
            with("COPY --from=x \\\n  --chown=a:b a /b", &["--chown=1:2", "--chmod=755"]),
            "COPY --chmod=755 --from=x \\\n  --chown=1:2 a /b"
        );
        assert_eq!(with("RUN --mount=a make", &["--mount=b", "--mount=a"]), "RUN --mount=b --mount=a make");
        assert_eq!(with("COPY --link a /b", &["--link"]), "COPY --link a /b");
        assert_eq!(with("COPY \\\n  a /b", &[]), "COPY \\\n  a /b");
    }

    /// What a Dockerfile is made of, and what goes wrong in one.
    const FRAGMENTS: [&str; 23] = [
        "RUN ",
        "run",
        "COPY ",
        "FROM a",
        "\n",
        "\n",
        "\r\n",
        " ",
        "\t",
        "\\\n",
        "\\ \n",
        "\\",
        "# why\n",
        "--x ",
        "--y=\"",
        "<<EOF",
        "<<-'b' ",
        "EOF\n",
        "\tb\n",
        "é",
        "\"",
        "# escape=`\n",
        "`\n",
    ];

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig {
            cases: 2000,
            failure_persistence: None,
            ..proptest::prelude::ProptestConfig::default()
        })]

        /// An instruction is found again in its own source, and where it is in the file.
        #[test]
        fn sources_say_what_their_instructions_do(picks in proptest::collection::vec(0..FRAGMENTS.len(), 0..24)) {
            let text: String = picks.iter().map(|pick| FRAGMENTS[*pick]).collect();
            let lines: Vec<&str> = text.lines().map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
            let directive = if escape_mark(&text) == '`' { "# escape=`\n" } else { "" };
            for one in instructions(&text) {
                let own = &lines[one.lines.first as usize - 1..one.lines.last as usize];
                assert_eq!(one.source(), own.join("\n"));
                let again = instructions(&format!("{directive}{}\n", one.source()));
                assert_eq!(again.len(), 1, "{text:?}");
                assert_eq!((&again[0].text, again[0].raw()), (&one.text, one.raw()), "{text:?}");
                assert!(one.source().ends_with(one.raw()) && one.with_flags(&[]) == one.source());
            }
        }
    }
}
