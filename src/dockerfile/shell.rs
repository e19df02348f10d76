//! Just enough of the shell's grammar to put commands together and take commands out: where a command of a RUN starts and
//! ends at the top level, and what of it would not survive being joined to others.
//!
//! Nothing here runs or expands anything. What is not understood is kept as it stands; [`Script::is_whole`] says where
//! even that is not certain.

/// The text of a RUN, taken apart at the top level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Script {
    pub commands: Vec<Command>,
    /// There is a comment, a heredoc or a line break: the text must keep its lines.
    pub needs_lines: bool,
    /// All quotes and brackets are closed.
    pub is_whole: bool,
    /// As it was written.
    pub raw: String,
}

/// One command of a list: up to `&&`, `||`, `;`, `&` or the end of a line. A pipeline is one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub text: String,
    /// What stands behind it.
    pub end: End,
}

/// What ends a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    And,
    Or,
    /// `;`, the end of a line, or the end of the text.
    Semicolon,
    Background,
}

/// Words that open and close compound commands.
const OPENERS: [&str; 6] = ["if", "for", "while", "until", "case", "{"];
const CLOSERS: [&str; 4] = ["fi", "done", "esac", "}"];
/// Words after which a command starts.
const LEADERS: [&str; 7] = ["if", "then", "else", "elif", "do", "while", "until"];
/// Commands that change the shell they run in.
const STATEFUL: [&str; 16] = [
    "cd", "export", "set", "umask", "ulimit", "alias", "trap", "exec", "exit", ".", "source", "readonly", "unset",
    "shift", "eval", "pushd",
];

pub(crate) fn parse(text: &str) -> Script {
    let mut scanner = Scanner { raw: text.trim(), rest: text.trim(), ..Scanner::default() };
    while scanner.step() {}
    scanner.finish()
}

#[derive(Default)]
struct Scanner<'a> {
    raw: &'a str,
    rest: &'a str,
    script: Script,
    current: String,
    word: String,
    /// Open compound commands, brackets and subshells.
    depth: usize,
    cases: usize,
    at_command: bool,
    is_broken: bool,
}

impl<'a> Scanner<'a> {
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// Reads one token; false at the end.
    fn step(&mut self) -> bool {
        let Some(c) = self.rest.chars().next() else { return false };
        match c {
            '\'' => self.quoted("'"),
            '"' => self.double_quoted(),
            '`' => self.quoted("`"),
            '\\' => {
                let length = 1 + self.rest[1..].chars().next().map_or(0, char::len_utf8);
                let taken = self.take(length);
                self.word.push_str(taken);
                self.current.push_str(taken);
            }
            '$' if self.rest.starts_with("$(") || self.rest.starts_with("${") => self.expansion(),
            '#' if self.word.is_empty() => self.comment(),
            ' ' | '\t' => {
                self.end_word();
                self.current.push(' ');
                self.rest = self.rest.trim_start_matches([' ', '\t']);
            }
            '&' | '|' | ';' | '\n' => self.operator(),
            '(' | ')' => self.bracket(c),
            '<' if self.rest.starts_with("<<") => {
                self.script.needs_lines = true;
                self.heredoc();
            }
            _ => {
                let taken = self.take(c.len_utf8());
                self.word.push_str(taken);
                self.current.push_str(taken);
            }
        }
        true
    }

    fn quoted(&mut self, quote: &str) {
        let end = self.rest[1..].find(quote).map(|at| at + 2);
        self.is_broken |= end.is_none();
        self.push_piece(end.unwrap_or(self.rest.len()));
    }

    fn double_quoted(&mut self) {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, c)| {
            let is_end = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            is_end
        });
        self.is_broken |= end.is_none();
        self.push_piece(end.map_or(self.rest.len(), |(at, _)| at + 1));
    }

    /// A `$(…)` or `${…}` with brackets inside; quotes in it are taken for text.
    fn expansion(&mut self) {
        let mut depth = 0i32;
        let end = self.rest.char_indices().find(|(_, c)| {
            depth += i32::from(matches!(c, '(' | '{')) - i32::from(matches!(c, ')' | '}'));
            depth == 0 && matches!(c, ')' | '}')
        });
        self.is_broken |= end.is_none();
        self.push_piece(end.map_or(self.rest.len(), |(at, _)| at + 1));
    }

    fn push_piece(&mut self, length: usize) {
        let piece = self.take(length);
        self.script.needs_lines |= piece.contains('\n');
        self.word.push_str(piece);
        self.current.push_str(piece);
    }

    fn comment(&mut self) {
        self.script.needs_lines = true;
        let length = self.rest.find('\n').unwrap_or(self.rest.len());
        self.push_piece(length);
    }

    /// A heredoc runs over lines that no rule here applies to: the rest stays as it is.
    fn heredoc(&mut self) {
        let length = self.rest.len();
        self.push_piece(length);
    }

    fn operator(&mut self) {
        self.end_word();
        let two = self.rest.get(..2).unwrap_or("");
        let (length, end) = match (two, self.rest.as_bytes()[0]) {
            ("&&", _) => (2, Some(End::And)),
            ("||", _) => (2, Some(End::Or)),
            (";;", _) => (2, None),
            (_, b'|') => (1, None),
            // `>&2`, `2>&1` and `&>file` are redirections.
            (_, b'&') if self.current.ends_with(['>', '<']) || two == "&>" => (1, None),
            (_, b'&') => (1, Some(End::Background)),
            _ => (1, Some(End::Semicolon)),
        };
        let is_line = self.rest.starts_with('\n');
        self.script.needs_lines |= is_line;
        let taken = self.take(length);
        self.at_command = true;
        match end.filter(|_| self.depth == 0) {
            Some(end) => self.end_command(end),
            None => self.current.push_str(taken),
        }
    }

    fn bracket(&mut self, bracket: char) {
        self.end_word();
        if bracket == '(' {
            self.depth += 1;
        } else if self.cases == 0 {
            self.is_broken |= self.depth == 0;
            self.depth = self.depth.saturating_sub(1);
        }
        self.at_command = true;
        let taken = self.take(1);
        self.current.push_str(taken);
    }

    fn end_word(&mut self) {
        let word = std::mem::take(&mut self.word);
        if word.is_empty() {
            return;
        }
        if self.at_command || self.script_is_at_start(&word) {
            if OPENERS.contains(&word.as_str()) {
                self.depth += 1;
                self.cases += usize::from(word == "case");
            } else if CLOSERS.contains(&word.as_str()) {
                self.is_broken |= self.depth == 0;
                self.depth = self.depth.saturating_sub(1);
                self.cases = self.cases.saturating_sub(usize::from(word == "esac"));
            }
        }
        self.at_command = LEADERS.contains(&word.as_str()) || (word == "{" && self.depth > 0) || word == "!";
    }

    fn script_is_at_start(&self, word: &str) -> bool {
        self.current.trim() == word
    }

    fn end_command(&mut self, end: End) {
        let text = std::mem::take(&mut self.current).trim().to_owned();
        if !text.is_empty() {
            self.script.commands.push(Command { text, end });
        }
    }

    fn finish(mut self) -> Script {
        self.end_word();
        self.end_command(End::Semicolon);
        self.script.raw = self.raw.to_owned();
        self.script.is_whole = !self.is_broken && self.depth == 0;
        if let Some(last) = self.script.commands.last_mut()
            && last.end == End::And
        {
            self.script.is_whole = false;
        }
        self.script
    }
}

impl Script {
    /// Says whether it is a list of commands that must all succeed: only `&&` between them.
    pub fn is_plain(&self) -> bool {
        let inner = &self.commands[..self.commands.len().saturating_sub(1)];
        self.is_whole
            && inner.iter().all(|command| command.end == End::And)
            && self.commands.last().is_none_or(|last| last.end == End::Semicolon)
    }

    /// Says whether it changes the shell that what follows would run in.
    pub fn leaves_state(&self) -> bool {
        self.commands.iter().any(|command| {
            let first = command.text.split_whitespace().next().unwrap_or("");
            STATEFUL.contains(&first) || (first.contains('=') && command.words().is_none_or(|words| words.len() == 1))
        })
    }

    /// Returns the flags of `set` where the script asks the shell to stop at the first error.
    pub fn errexit(&self) -> Option<&str> {
        let mut sets = self.commands.iter().filter_map(|command| command.text.strip_prefix("set "));
        sets.find(|flags| flags.split_whitespace().any(|word| word.starts_with('-') && word[1..].contains('e')))
    }

    /// Returns the script with its lines as they were.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (at, command) in self.commands.iter().enumerate() {
            out.push_str(&command.text);
            let is_last = at + 1 == self.commands.len();
            out.push_str(match command.end {
                End::And => " && ",
                End::Or => " || ",
                End::Background => " & ",
                End::Semicolon if is_last => "",
                End::Semicolon => "; ",
            });
        }
        out.trim_end().to_owned()
    }
}

impl Command {
    /// Returns the words of a simple command; nothing where it has expansions, redirections, pipes or brackets. File name
    /// patterns stay as they are.
    pub fn words(&self) -> Option<Vec<String>> {
        let mut words: Vec<String> = Vec::new();
        let mut word: Option<String> = None;
        let mut chars = self.text.chars();
        while let Some(c) = chars.next() {
            match c {
                ' ' | '\t' | '\n' => words.extend(word.take()),
                '\'' => {
                    let word = word.get_or_insert_default();
                    word.extend(chars.by_ref().take_while(|c| *c != '\''));
                }
                '"' => {
                    let word = word.get_or_insert_default();
                    for c in chars.by_ref().take_while(|c| *c != '"') {
                        if matches!(c, '$' | '`' | '\\') {
                            return None;
                        }
                        word.push(c);
                    }
                }
                '$' | '`' | '<' | '>' | '|' | '(' | ')' | '\\' | '#' | '&' | ';' => return None,
                _ => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        Some(words)
    }
}

/// Quotes a text as one word.
pub(crate) fn quote(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        parse(text).commands.into_iter().map(|command| command.text).collect()
    }

    #[test]
    fn lists_are_taken_apart_at_the_top_level() {
        assert_eq!(texts("a &&     b 'c && d' && e"), ["a", "b 'c && d'", "e"]);
        assert_eq!(texts("for i in 1 2; do echo $i; done && x"), ["for i in 1 2; do echo $i; done", "x"]);
        assert_eq!(texts("(cd /a && b) && c"), ["(cd /a && b)", "c"]);
        assert_eq!(texts("x=\"$(a && b)\" && c | d"), ["x=\"$(a && b)\"", "c | d"]);
        assert_eq!(texts("case $a in x) b;; *) c;; esac && d"), ["case $a in x) b;; *) c;; esac", "d"]);
        assert_eq!(texts("if a; then b; else c; fi; d"), ["if a; then b; else c; fi", "d"]);
        assert_eq!(texts("a 2>&1 && b"), ["a 2>&1", "b"]);
        for whole in ["a && b", "{ a; b; } && c", "case $a in x) b;; esac", "if a; then b; fi"] {
            assert!(parse(whole).is_whole, "{whole}");
        }
        for broken in ["a 'b", "a && (b", "fi; b", "a &&", "echo $(a"] {
            assert!(!parse(broken).is_whole, "{broken}");
        }
    }

    #[test]
    fn what_does_not_survive_joining_is_known() {
        assert!(parse("cd /a && b").leaves_state());
        assert!(parse("A=b").leaves_state());
        assert!(!parse("A=b make").leaves_state());
        assert!(parse("a # b").needs_lines && parse("a\nb").needs_lines && parse("cat <<E\nx\nE").needs_lines);
        assert_eq!(parse("set -eux; a").errexit(), Some("-eux"));
        assert_eq!(parse("set -x; a").errexit(), None);
        assert!(parse("a && b").is_plain() && !parse("a; b").is_plain() && !parse("a & b").is_plain());
        assert_eq!(parse("a; b || c &").text(), "a; b || c &");
    }

    #[test]
    fn words_of_simple_commands() {
        let words = |text: &str| parse(text).commands[0].words();
        assert_eq!(
            words("rm -rf '/a b' \"/c\" /d/*"),
            Some(["rm", "-rf", "/a b", "/c", "/d/*"].map(String::from).into())
        );
        assert_eq!(words("rm $x"), None);
        assert_eq!(quote("it's"), "'it'\\''s'");
    }
}
