//! Recognises a script: whether the text is a complete list of commands that `dash`, `bash` and `busybox sh` read alike, and
//! what in it matters to whoever wraps it.
//!
//! A recogniser, not a parser: it walks the grammar of [POSIX XCU 2.10] over the text and keeps notes; it never rebuilds
//! text. It is strict: what the shells read differently is only understood where the shell is known to be `bash`, and
//! whatever is not understood is reported as that, with the reason.
//!
//! [POSIX XCU 2.10]: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_10

mod expansion;
mod heredoc;
mod word;

use std::ops::Range;

use super::{Dialect, Facts, Simple, Word};

/// Why a text is not understood.
pub(super) type Odd = &'static str;
pub(super) type Scan<T = ()> = Result<T, Odd>;

/// No script of people nests deeper; the scanner recurses.
const MOST_DEPTH: u32 = 60;

/// Reserved words that end a list.
const CLOSERS: [&str; 8] = ["then", "do", "done", "fi", "else", "elif", "esac", "}"];

/// What was recognised.
pub(super) struct Recognised {
    pub(super) facts: Facts,
    /// The commands, where the text is one list of simple commands with `&&` between them.
    pub(super) and_list: Option<Vec<Simple>>,
}

/// Recognises a whole script.
pub(super) fn recognise(text: &str, dialect: Dialect) -> Scan<Recognised> {
    let mut scanner = Scanner::new(text, dialect, 0);
    let mut commands = Some(Vec::new());
    let items = scanner.list(Some(&mut commands))?;
    if scanner.at < scanner.text.len() {
        return Err("a bracket or a keyword stands where no command can");
    }
    scanner.end_heredocs()?;
    Ok(Recognised { facts: scanner.facts, and_list: commands.filter(|_| items == 1) })
}

pub(super) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) dialect: Dialect,
    pub(super) depth: u32,
    pub(super) facts: Facts,
    pub(super) heredocs: Vec<heredoc::Pending>,
}

/// Collects the commands of a top-level `&&` list; nothing once it turned out to be something else.
type AndList<'b> = Option<&'b mut Option<Vec<Simple>>>;

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, dialect: Dialect, depth: u32) -> Self {
        Scanner { text, at: 0, dialect, depth, facts: Facts::default(), heredocs: Vec::new() }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn starts(&self, what: &str) -> bool {
        self.rest().starts_with(what)
    }

    pub(super) fn eat(&mut self, what: &str) -> bool {
        let is_there = self.starts(what);
        self.at += if is_there { what.len() } else { 0 };
        is_there
    }

    /// Goes one level deeper for as long as `inner` runs.
    pub(super) fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Scan<T>) -> Scan<T> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err("it is nested too deeply");
        }
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Skips blanks, continued lines, and a comment, which only starts where a word could.
    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\\') if self.starts("\\\n") => self.at += 2,
                Some(b'#') => {
                    self.facts.has_comment = true;
                    self.at += self.rest().find('\n').unwrap_or(self.rest().len());
                }
                _ => return,
            }
        }
    }

    fn linebreaks(&mut self) -> Scan {
        self.blanks();
        while self.eat("\n") {
            self.heredoc_bodies()?;
            self.blanks();
        }
        Ok(())
    }

    /// Reads a list up to what cannot be part of it; returns how many and-or lists it holds.
    pub(super) fn list(&mut self, mut top: AndList<'_>) -> Scan<usize> {
        let mut items = 0;
        loop {
            self.linebreaks()?;
            if self.is_end_of_list() {
                return Ok(items);
            }
            self.and_or(top.as_deref_mut())?;
            items += 1;
            self.blanks();
            match self.peek() {
                Some(b';') if !self.starts(";;") => self.at += 1,
                Some(b'&') => {
                    self.at += 1;
                    self.facts.has_background = true;
                    if let Some(commands) = top.as_deref_mut() {
                        *commands = None;
                    }
                }
                Some(b'\n') => {}
                _ if self.is_end_of_list() => return Ok(items),
                _ => return Err("something follows a command that cannot"),
            }
        }
    }

    /// A list that a compound command needs: `if fi` is an error in every shell.
    fn some_list(&mut self) -> Scan {
        let items = self.nested(|scanner| scanner.list(None))?;
        if items == 0 { Err("a command is missing") } else { Ok(()) }
    }

    fn is_end_of_list(&self) -> bool {
        self.at >= self.text.len()
            || self.starts(")")
            || self.starts(";;")
            || self.keyword().is_some_and(|word| CLOSERS.contains(&word))
    }

    /// Returns the plain word here, if it could be a reserved one.
    fn keyword(&self) -> Option<&'a str> {
        let rest = self.rest();
        let is_end = |c: char| matches!(c, ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')');
        let word = &rest[..rest.find(is_end).unwrap_or(rest.len())];
        let is_plain = !word.is_empty() && word.bytes().all(|c| c.is_ascii_lowercase() || b"{}![]".contains(&c));
        is_plain.then_some(word)
    }

    fn expect(&mut self, word: &'static str) -> Scan {
        self.linebreaks()?;
        if self.keyword() == Some(word) {
            self.at += word.len();
            return Ok(());
        }
        Err("a keyword that should follow is missing")
    }

    fn and_or(&mut self, mut top: AndList<'_>) -> Scan {
        loop {
            let simple = self.pipeline()?;
            if let Some(commands) = top.as_deref_mut() {
                *commands = commands.take().zip(simple).map(|(mut commands, simple)| {
                    commands.push(simple);
                    commands
                });
            }
            self.blanks();
            let is_or = self.starts("||");
            if !is_or && !self.starts("&&") {
                return Ok(());
            }
            self.at += 2;
            if let Some(commands) = top.as_deref_mut().filter(|_| is_or) {
                *commands = None;
            }
            self.linebreaks()?;
        }
    }

    /// Returns the command where the pipeline is a single simple one.
    fn pipeline(&mut self) -> Scan<Option<Simple>> {
        if self.keyword() != Some("!") {
            return self.commands_in_a_row();
        }
        self.at += 1;
        self.blanks();
        let count = self.facts.substitutions;
        self.commands_in_a_row()?;
        self.facts.negates_substitution |= self.facts.substitutions > count;
        Ok(None)
    }

    /// Returns the command where there is a single simple one.
    fn commands_in_a_row(&mut self) -> Scan<Option<Simple>> {
        let mut single = true;
        let mut simple = self.command()?;
        loop {
            self.blanks();
            if !self.starts("|") || self.starts("||") {
                return Ok(simple.filter(|_| single));
            }
            self.at += 1;
            if self.eat("&") && self.dialect != Dialect::Bash {
                return Err("not every shell knows |&");
            }
            single = false;
            self.linebreaks()?;
            simple = self.command()?;
        }
    }

    fn command(&mut self) -> Scan<Option<Simple>> {
        if self.starts("(") {
            self.subshell()?;
        } else {
            match self.keyword() {
                Some("{") => self.group()?,
                Some("if") => self.conditional()?,
                Some("while" | "until") => self.repetition()?,
                Some("for") => self.iteration()?,
                Some("case") => self.cases()?,
                Some("[[") => self.condition()?,
                Some("function" | "select" | "coproc" | "!") => {
                    return Err("it holds a keyword that shells read differently");
                }
                Some(word) if CLOSERS.contains(&word) => return Err("a keyword stands where no command can"),
                _ => return self.simple(),
            }
        }
        self.redirections()?;
        Ok(None)
    }

    fn subshell(&mut self) -> Scan {
        if self.starts("((") {
            return Err("shells read (( differently");
        }
        self.at += 1;
        self.some_list()?;
        self.close(")")
    }

    pub(super) fn close(&mut self, bracket: &'static str) -> Scan {
        self.linebreaks()?;
        if self.eat(bracket) { Ok(()) } else { Err("a bracket is not closed") }
    }

    fn group(&mut self) -> Scan {
        self.at += 1;
        self.some_list()?;
        self.expect("}")
    }

    fn conditional(&mut self) -> Scan {
        self.at += 2;
        self.some_list()?;
        self.expect("then")?;
        self.some_list()?;
        loop {
            self.linebreaks()?;
            match self.keyword() {
                Some("elif") => {
                    self.at += 4;
                    self.some_list()?;
                    self.expect("then")?;
                    self.some_list()?;
                }
                Some("else") => {
                    self.at += 4;
                    self.some_list()?;
                    return self.expect("fi");
                }
                _ => return self.expect("fi"),
            }
        }
    }

    fn repetition(&mut self) -> Scan {
        self.at += 5;
        self.some_list()?;
        self.do_group()
    }

    fn do_group(&mut self) -> Scan {
        self.expect("do")?;
        self.some_list()?;
        self.expect("done")
    }

    fn iteration(&mut self) -> Scan {
        self.at += 3;
        self.blanks();
        let name = self.word()?.ok_or("a for has no name")?;
        if !name.literal.as_deref().is_some_and(super::is_name) {
            return Err("a for has no name");
        }
        self.linebreaks()?;
        if self.keyword() == Some("in") {
            self.at += 2;
            while self.spaced_word()?.is_some() {}
        }
        self.blanks();
        if self.starts(";") && !self.starts(";;") {
            self.at += 1;
        }
        self.do_group()
    }

    fn cases(&mut self) -> Scan {
        self.at += 4;
        self.blanks();
        self.word()?.ok_or("a case has no word")?;
        self.expect("in")?;
        loop {
            self.linebreaks()?;
            if self.keyword() == Some("esac") {
                self.at += 4;
                return Ok(());
            }
            self.eat("(");
            loop {
                self.blanks();
                self.word()?.ok_or("a case has no pattern")?;
                self.blanks();
                if !self.eat("|") {
                    break;
                }
            }
            if !self.eat(")") {
                return Err("a pattern of a case is not closed");
            }
            self.nested(|scanner| scanner.list(None))?;
            if !self.eat(";;") {
                return self.expect("esac");
            }
        }
    }

    /// `[[ … ]]`: a keyword for `bash`, a command like any other for the rest.
    fn condition(&mut self) -> Scan {
        if self.dialect != Dialect::Bash {
            return Err("not every shell knows [[");
        }
        self.at += 2;
        loop {
            self.linebreaks()?;
            if self.keyword() == Some("]]") {
                self.at += 2;
                return Ok(());
            }
            match self.peek() {
                Some(b'&' | b'|' | b'<' | b'>' | b'(' | b')') => self.at += 1,
                _ => {
                    self.word()?.ok_or("a [[ is not closed")?;
                }
            }
        }
    }

    fn spaced_word(&mut self) -> Scan<Option<Word>> {
        self.blanks();
        self.word()
    }

    fn redirections(&mut self) -> Scan {
        loop {
            self.blanks();
            if !self.redirection()? {
                return Ok(());
            }
        }
    }

    /// Reads a simple command or a function; returns the command where nothing but literal words and plain variables is
    /// in it.
    fn simple(&mut self) -> Scan<Option<Simple>> {
        let start = self.at;
        let marks = (self.facts.substitutions, self.facts.heredocs);
        let mut words: Vec<Word> = Vec::new();
        let mut end = start;
        loop {
            self.blanks();
            if self.redirection()? {
                end = self.at;
                continue;
            }
            if self.starts("(") {
                match words.as_slice() {
                    [name] if end == self.at || self.text[end..self.at].trim().is_empty() => {
                        return self.function(name.literal.as_deref());
                    }
                    _ => return Err("a bracket stands where none can"),
                }
            }
            let Some(word) = self.word()? else { break };
            end = self.at;
            words.push(word);
        }
        if end == start {
            return Err("a command is missing");
        }
        self.facts.note(self.text, &words);
        let is_simple = marks == (self.facts.substitutions, self.facts.heredocs);
        Ok(is_simple.then_some(Simple { range: Range { start, end }, words }))
    }

    fn function(&mut self, name: Option<&str>) -> Scan<Option<Simple>> {
        if !name.is_some_and(super::is_name) {
            return Err("a bracket stands where none can");
        }
        self.at += 1;
        self.blanks();
        if !self.eat(")") {
            return Err("a bracket stands where none can");
        }
        self.linebreaks()?;
        let is_compound =
            self.starts("(") || matches!(self.keyword(), Some("{" | "if" | "while" | "until" | "for" | "case"));
        if !is_compound {
            return Err("a function has no body");
        }
        self.nested(Self::command)?;
        Ok(None)
    }
}
