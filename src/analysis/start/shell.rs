//! The commands of a shell text, as words: what may be run, not what is run.
//!
//! Quotes, comments, here-documents, substitutions and the shell's own words are seen; conditions are not. Nothing is
//! expanded here. Odd input gives odd words, never an error.

/// A command with its words, quotes removed, variables as they stand.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) words: Vec<Vec<u8>>,
    /// `NAME=VALUE` before the command, or alone.
    pub(super) assignments: Vec<(Vec<u8>, Vec<u8>)>,
    /// What it is redirected to and from.
    pub(super) targets: Vec<Vec<u8>>,
    /// The here-documents that it reads.
    pub(super) documents: Vec<Vec<u8>>,
}

/// The commands of a text.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) commands: Vec<Command>,
    /// Functions that it defines: no commands of the image.
    pub(super) functions: Vec<Vec<u8>>,
    /// Whether it has more than plain commands in a row: conditions, loops, pipes, substitutions.
    pub(super) has_syntax: bool,
}

/// Deeper substitutions are not looked into.
const MOST_DEPTH: u32 = 24;
/// More commands than any script has.
const MOST_COMMANDS: usize = 50_000;
/// Words that a command can stand behind.
const LEADERS: [&[u8]; 13] =
    [b"if", b"then", b"elif", b"else", b"while", b"until", b"do", b"!", b"{", b"time", b"coproc", b"(", b"&&"];
/// Words that end something and start nothing.
const ENDS: [&[u8]; 5] = [b"fi", b"done", b"esac", b"}", b")"];

/// Takes a shell text apart.
pub(super) fn parse(text: &[u8]) -> Script {
    let mut lexer = Lexer { text, at: 0, script: Script::default(), waiting: Vec::new() };
    lexer.list(None, 0);
    lexer.script
}

struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    script: Script,
    /// Here-documents whose bodies come behind the line: delimiter, whether tabs go, the command.
    waiting: Vec<(Vec<u8>, bool, usize)>,
}

/// A command that is being read.
#[derive(Default)]
struct Draft {
    command: Command,
    word: Vec<u8>,
    has_word: bool,
    is_quoted: bool,
    /// The next word is the target of a redirection.
    takes_target: bool,
    /// The next word is the delimiter of a here-document; whether tabs go.
    takes_delimiter: Option<bool>,
    delimiters: Vec<(Vec<u8>, bool)>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Reads commands up to an unquoted `until`.
    fn list(&mut self, until: Option<u8>, depth: u32) {
        let mut draft = Draft::default();
        let mut cases: Vec<bool> = Vec::new();
        while self.at < self.text.len() && self.script.commands.len() < MOST_COMMANDS {
            let byte = self.text[self.at];
            match byte {
                b'\n' => {
                    self.end(&mut draft, &mut cases);
                    self.at += 1;
                    self.documents();
                    continue;
                }
                b'#' if !draft.has_word => {
                    self.at += memchr::memchr(b'\n', &self.text[self.at..]).unwrap_or(self.text.len() - self.at);
                    continue;
                }
                b')' if cases.last() == Some(&true) || draft.is_case() => {
                    // The pattern of a case is no command.
                    draft.start_case(&mut cases);
                    if let Some(expects) = cases.last_mut() {
                        *expects = false;
                    }
                    draft = Draft::default();
                    self.script.has_syntax = true;
                }
                byte if Some(byte) == until => break,
                b';' | b'&' | b'|' | b'(' | b')' => {
                    if byte == b'&' && (draft.takes_target || self.peek(1) == b'>') {
                        // `2>&1`, `&>file`
                        self.at += 1;
                        continue;
                    }
                    if byte == b'(' && draft.is_function_name() && self.peek(1) == b')' {
                        let name = std::mem::take(&mut draft.word);
                        self.script.functions.push(name);
                        draft = Draft::default();
                        self.at += 1;
                    } else {
                        let is_end_of_case = byte == b';' && [b';', b'&'].contains(&self.peek(1));
                        self.script.has_syntax |= byte != b';' && !(byte == b'&' && self.peek(1) == b'&');
                        self.end(&mut draft, &mut cases);
                        if is_end_of_case && let Some(expects) = cases.last_mut() {
                            *expects = true;
                            self.at += 1;
                        }
                    }
                }
                _ => {
                    self.part(&mut draft, depth);
                    continue;
                }
            }
            self.at += 1;
        }
        self.end(&mut draft, &mut cases);
    }

    /// Takes the next piece of a word, a redirection or a blank.
    fn part(&mut self, draft: &mut Draft, depth: u32) {
        match self.text[self.at] {
            b' ' | b'\t' | b'\r' => {
                draft.end_word();
                self.at += 1;
            }
            b'\\' => {
                if self.peek(1) != b'\n' {
                    draft.push(&[self.peek(1)]);
                }
                self.at += 2;
            }
            b'\'' => {
                let start = self.at + 1;
                let end = memchr::memchr(b'\'', &self.text[start.min(self.text.len())..]);
                let end = end.map_or(self.text.len(), |len| start + len);
                draft.push(self.text.get(start..end).unwrap_or_default());
                draft.is_quoted = true;
                self.at = end + 1;
            }
            b'"' => {
                self.at += 1;
                self.double_quoted(draft, depth);
            }
            b'$' | b'`' => self.dollar(draft, depth),
            b'<' | b'>' => self.redirection(draft, depth),
            byte => {
                draft.push(&[byte]);
                self.at += 1;
            }
        }
    }

    fn double_quoted(&mut self, draft: &mut Draft, depth: u32) {
        draft.push(b"");
        draft.is_quoted = true;
        while self.at < self.text.len() {
            match self.text[self.at] {
                b'"' => {
                    self.at += 1;
                    return;
                }
                b'\\' if self.peek(1) == b'\n' => self.at += 2,
                b'\\' => {
                    draft.push(&[self.peek(1)]);
                    self.at += 2;
                }
                b'$' | b'`' => self.dollar(draft, depth),
                byte => {
                    draft.push(&[byte]);
                    self.at += 1;
                }
            }
        }
    }

    /// Takes `$NAME`, `${…}`, `$(…)`, `$((…))` or backticks.
    fn dollar(&mut self, draft: &mut Draft, depth: u32) {
        if self.text[self.at] == b'`' {
            let start = self.at + 1;
            let rest = self.text.get(start..).unwrap_or_default();
            let end = start + memchr::memchr(b'`', rest).unwrap_or(rest.len());
            self.inner(start, end, depth);
            draft.push(b"$()");
            self.at = end + 1;
            return;
        }
        match (self.peek(1), self.peek(2)) {
            (b'(', b'(') => {
                let rest = &self.text[self.at..];
                let end = memchr::memmem::find(rest, b"))").map_or(rest.len(), |at| at + 2);
                self.at += end;
                draft.push(b"$()");
                self.script.has_syntax = true;
            }
            (b'(', _) => {
                self.at += 2;
                self.script.has_syntax = true;
                draft.push(b"$()");
                if depth >= MOST_DEPTH {
                    self.at = self.text.len();
                    return;
                }
                let waiting = std::mem::take(&mut self.waiting);
                self.list(Some(b')'), depth + 1);
                self.waiting = waiting;
                self.at += 1;
            }
            (b'{', _) => {
                let rest = &self.text[self.at..];
                let end = memchr::memchr(b'}', rest).map_or(rest.len(), |at| at + 1);
                draft.push(&rest[..end]);
                self.at += end;
            }
            _ => {
                draft.push(b"$");
                self.at += 1;
            }
        }
    }

    /// Takes the commands between two places, as of a text of its own.
    fn inner(&mut self, start: usize, end: usize, depth: u32) {
        self.script.has_syntax = true;
        if depth >= MOST_DEPTH {
            return;
        }
        let mut inner = Lexer {
            text: self.text.get(start..end).unwrap_or_default(),
            at: 0,
            script: std::mem::take(&mut self.script),
            waiting: Vec::new(),
        };
        inner.list(None, depth + 1);
        self.script = inner.script;
    }

    fn redirection(&mut self, draft: &mut Draft, depth: u32) {
        // A number before it says which stream.
        if draft.has_word && !draft.is_quoted && draft.word.iter().all(u8::is_ascii_digit) {
            draft.word.clear();
            draft.has_word = false;
        }
        draft.end_word();
        if self.text[self.at..].starts_with(b"<<<") {
            self.at += 3;
            return;
        }
        if self.text[self.at..].starts_with(b"<<") {
            let strips = self.peek(2) == b'-';
            self.at += if strips { 3 } else { 2 };
            draft.takes_delimiter = Some(strips);
            return;
        }
        if self.peek(1) == b'(' {
            self.at += 2;
            self.script.has_syntax = true;
            if depth < MOST_DEPTH {
                self.list(Some(b')'), depth + 1);
            }
            self.at += 1;
            return;
        }
        while [b'<', b'>', b'|'].contains(&self.peek(0)) {
            self.at += 1;
        }
        draft.takes_target = true;
    }

    /// Ends a command.
    fn end(&mut self, draft: &mut Draft, cases: &mut Vec<bool>) {
        draft.end_word();
        let is_end = draft.command.words.first().is_some_and(|word| word == b"esac");
        if is_end {
            cases.pop();
        }
        if is_end || cases.last() == Some(&true) || draft.is_case() {
            draft.start_case(cases);
            self.script.has_syntax = true;
            *draft = Draft::default();
            return;
        }
        let mut command = std::mem::take(&mut draft.command);
        self.script.has_syntax |= strip_leaders(&mut command.words);
        take_assignments(&mut command);
        let is_empty = command.words.is_empty() && command.assignments.is_empty() && command.targets.is_empty();
        if !is_empty || !draft.delimiters.is_empty() {
            let place = self.script.commands.len();
            self.script.commands.push(command);
            let delimiters = draft.delimiters.drain(..);
            self.waiting.extend(delimiters.map(|(delimiter, strips)| (delimiter, strips, place)));
        }
        *draft = Draft::default();
    }

    /// Reads the bodies of the here-documents that the last line began.
    fn documents(&mut self) {
        for (delimiter, strips, place) in std::mem::take(&mut self.waiting) {
            let mut body = Vec::new();
            while self.at < self.text.len() {
                let rest = &self.text[self.at..];
                let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                let mut line = &rest[..len];
                if strips {
                    line = &line[line.iter().position(|byte| *byte != b'\t').unwrap_or(line.len())..];
                }
                self.at += (len + 1).min(rest.len());
                if line == delimiter {
                    break;
                }
                body.extend_from_slice(line);
                body.push(b'\n');
            }
            if let Some(command) = self.script.commands.get_mut(place) {
                command.documents.push(body);
            }
        }
    }
}

impl Draft {
    fn push(&mut self, bytes: &[u8]) {
        self.word.extend_from_slice(bytes);
        self.has_word = true;
    }

    fn end_word(&mut self) {
        if !std::mem::take(&mut self.has_word) {
            return;
        }
        let word = std::mem::take(&mut self.word);
        self.is_quoted = false;
        if let Some(strips) = self.takes_delimiter.take() {
            self.delimiters.push((word, strips));
        } else if std::mem::take(&mut self.takes_target) {
            self.command.targets.push(word);
        } else {
            self.command.words.push(word);
        }
    }

    fn is_function_name(&self) -> bool {
        self.has_word && self.command.words.is_empty() && !self.word.is_empty()
    }

    fn is_case(&self) -> bool {
        self.command.words.first().is_some_and(|word| word == b"case")
    }

    /// Notes a `case`: patterns come next.
    fn start_case(&self, cases: &mut Vec<bool>) {
        if self.is_case() {
            cases.push(true);
        }
    }
}

/// Takes away the shell's own words before a command; says whether there were any.
fn strip_leaders(words: &mut Vec<Vec<u8>>) -> bool {
    let is_own = |word: &Vec<u8>| LEADERS.contains(&&word[..]) || ENDS.contains(&&word[..]);
    let count = words.iter().take_while(|word| is_own(word)).count();
    words.drain(..count);
    let is_function = words.first().is_some_and(|word| word == b"function");
    if is_function {
        words.clear();
    }
    let is_loop = words.first().is_some_and(|word| [&b"for"[..], b"case", b"select"].contains(&&word[..]));
    count > 0 || is_function || is_loop
}

fn take_assignments(command: &mut Command) {
    let count = command.words.iter().take_while(|word| assignment(word).is_some()).count();
    for word in command.words.drain(..count) {
        if let Some((name, value)) = assignment(&word) {
            command.assignments.push((name.to_vec(), value.to_vec()));
        }
    }
}

/// Splits `NAME=VALUE`.
pub(super) fn assignment(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b'=', word)?;
    let name = &word[..at];
    let is_name = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    is_name.then(|| (name, &word[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let commands = parse(text.as_bytes()).commands;
        commands.iter().map(|command| String::from_utf8_lossy(&command.words.join(&b' ')).into_owned()).collect()
    }

    #[test]
    fn commands_stand_where_the_shell_runs_them() {
        assert_eq!(words("a b; c && d || e | f &\ng"), ["a b", "c", "d", "e", "f", "g"]);
        assert_eq!(words("if [ -e x ]; then a; elif ! b; then c; fi"), ["[ -e x ]", "a", "b", "c"]);
        assert_eq!(words("V=$(git describe --tags \"$(x y)\") w"), ["x y", "git describe --tags $()", "w"]);
        assert_eq!(words("echo `date` \"`id -u`\""), ["date", "id -u", "echo $() $()"]);
        assert_eq!(words("for f in /a/*.c; do gcc \"$f\" 2> /e; done"), ["for f in /a/*.c", "gcc $f"]);
        assert_eq!(words("# git\na # git\nb#c"), ["a", "b#c"]);
        assert_eq!(words("case $1 in\n start|git) run x;;\n *) stop\n;;\nesac\nz"), ["run x", "stop", "z"]);
        assert_eq!(words("case $1 in a) b;; c) d;; esac; e"), ["b", "d", "e"]);
        assert_eq!(words("f() { a; }\nf"), ["a", "f"]);
        assert_eq!(words("( a; b )"), ["a", "b"]);
        assert_eq!(words("a \\\n  b 'c d' \"e\\\"f\""), ["a b c d e\"f"]);
        assert_eq!(words("X=1 Y=2 make >/dev/null 2>&1 </in"), ["make"]);
    }

    #[test]
    fn parts_of_a_command_are_kept() {
        let script = parse(b"X=1 python3 - <<'EOF' >/out\nimport git\nEOF\ncat <<-A\n\tb\n\tA\nend");
        assert_eq!(script.commands[0].assignments, [(b"X".to_vec(), b"1".to_vec())]);
        assert_eq!(script.commands[0].documents, [b"import git\n".to_vec()]);
        assert_eq!(script.commands[0].targets, [b"/out".to_vec()]);
        assert_eq!(script.commands[1].documents, [b"b\n".to_vec()]);
        assert_eq!(script.commands[2].words, [b"end".to_vec()]);
        assert_eq!(parse(b"git() { x; }").functions, [b"git".to_vec()]);
        assert!(
            !parse(b"set -e\nexec a b").has_syntax
                && parse(b"a | b").has_syntax
                && parse(b"if a; then b; fi").has_syntax
        );
    }

    #[test]
    fn odd_input_ends() {
        let nested = "$(".repeat(10_000);
        for text in
            ["'", "\"", "`", "$(", "${", "$((", "<<", "<<A", "\\", "case", "a()", ")", ";;", ">", &nested, "\"$(\"`"]
        {
            let _ = parse(text.as_bytes());
        }
    }
}
