//! What a build log must not hold. Runners of pipelines read what a step prints, and obey some of it:
//!
//! - GitHub takes a line that begins with `::`, spaces aside, for a command (`::stop-commands::x`, `::error::…`);
//! - GitHub's older commands (`##[set-output …]`), Azure's (`##vso[task.setvariable …]`) and `TeamCity`'s (`##teamcity[…]`)
//!   act wherever they stand in a line.
//!
//! None of our own text looks like that, so what does comes from the image. [`LogSafe`] breaks it by spelling out its last
//! character, in a way that readers of the format undo.

use std::io::{self, Write};

/// How a character is spelled out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// `\x5b`, as [`crate::escape`] does: text for people, CSV.
    Hex,
    /// `\u005b`: JSON and TOML.
    Json,
    /// `&#91;`: HTML and XML.
    Markup,
    /// `\x5b`, and lines may begin with `::`: output that is made of GitHub's commands.
    Commands,
}

impl Notation {
    fn spell(self, byte: u8) -> String {
        match self {
            Notation::Hex | Notation::Commands => format!("\\x{byte:02x}"),
            Notation::Json => format!("\\u{byte:04x}"),
            Notation::Markup => format!("&#{byte};"),
        }
    }
}

/// Writes everything but commands for pipelines as it is.
#[derive(Debug)]
pub struct LogSafe<W> {
    out: W,
    notation: Notation,
    state: State,
}

/// What stands before the next byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Only what a runner skips at the start of a line.
    LineStart,
    /// The same, within an escape sequence for colours.
    Color,
    /// One colon at the start of a line.
    Colon,
    /// Anything else.
    Text,
    /// One `#`.
    Hash,
    /// `##` and perhaps a word.
    Word,
}

impl State {
    /// Returns the state after `byte`; nothing where it completes a command.
    fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            // Runners skip all spaces of Unicode; that other letters are skipped as well does no harm.
            (_, b'\n' | b'\r') | (State::LineStart, b' ' | b'\t'..=b'\x0c' | 0x80..) | (State::Color, b'm') => {
                State::LineStart
            }
            (State::Color, _) | (State::LineStart, b'\x1b') => State::Color,
            (State::LineStart, b':') => State::Colon,
            (State::Colon, b':') | (State::Word, b'[') => return None,
            (State::Hash | State::Word, b'#') => State::Word,
            (State::Word, byte) if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) => State::Word,
            (_, b'#') => State::Hash,
            _ => State::Text,
        })
    }
}

impl<W: Write> LogSafe<W> {
    /// Wraps a writer, at the start of a line.
    pub fn new(out: W, notation: Notation) -> Self {
        LogSafe { out, notation, state: State::LineStart }
    }

    fn step(&mut self, byte: u8) -> bool {
        match self.state.after(byte) {
            Some(state) => {
                self.state = state;
                false
            }
            None if self.state == State::Colon && self.notation == Notation::Commands => {
                self.state = State::Text;
                false
            }
            None => {
                self.state = State::Text;
                true
            }
        }
    }
}

impl<W: Write> Write for LogSafe<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (mut written, mut at) = (0, 0);
        while at < bytes.len() {
            // Most of a report is plain text.
            if self.state == State::Text {
                at += memchr::memchr3(b'\n', b'\r', b'#', &bytes[at..]).unwrap_or(bytes.len() - at);
            }
            let Some(byte) = bytes.get(at) else { break };
            if self.step(*byte) {
                self.out.write_all(&bytes[written..at])?;
                self.out.write_all(self.notation.spell(*byte).as_bytes())?;
                written = at + 1;
            }
            at += 1;
        }
        self.out.write_all(&bytes[written..])?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Returns `text`, which starts a line, as a log may hold it.
#[must_use]
pub fn log_safe(text: &str, notation: Notation) -> String {
    let mut out = Vec::with_capacity(text.len());
    // Writing to memory does not fail, and only ASCII is replaced, by ASCII.
    let written = LogSafe::new(&mut out, notation).write_all(text.as_bytes());
    debug_assert!(written.is_ok());
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_broken() {
        for (text, safe) in [
            ("::stop-commands::x", ":\\x3astop-commands::x"),
            ("a\n  \t::error::x\n", "a\n  \t:\\x3aerror::x\n"),
            ("a\r::error::x", "a\r:\\x3aerror::x"),
            ("\u{a0}\u{3000}::x", "\u{a0}\u{3000}:\\x3ax"),
            ("\x1b[1;31m::x", "\x1b[1;31m:\\x3ax"),
            (":::x", ":\\x3a:x"),
            ("a ##[set-output name=x]y", "a ##\\x5bset-output name=x]y"),
            ("/a##vso[task.setvariable]", "/a##vso\\x5btask.setvariable]"),
            ("##VSO[x]##vso[y]", "##VSO\\x5bx]##vso\\x5by]"),
            ("###[x", "###\\x5bx"),
            ("# ##teamcity[x", "# ##teamcity\\x5bx"),
            ("::##[x", ":\\x3a##\\x5bx"),
        ] {
            assert_eq!(log_safe(text, Notation::Hex), safe, "{text:?}");
            // However the pieces come.
            let mut out = Vec::new();
            let mut pieces = LogSafe::new(&mut out, Notation::Hex);
            text.as_bytes().chunks(1).for_each(|piece| pieces.write_all(piece).expect("memory"));
            assert_eq!(String::from_utf8(out).expect("text"), safe, "{text:?}");
        }
    }

    #[test]
    fn other_text_stays() {
        for text in ["", "a::b", "- ::x", "std::path", "# a\n## b [c]", "#[cfg]", "##", ":", ": :", "#vso[", "## x[1]"]
        {
            assert_eq!(log_safe(text, Notation::Hex), text);
        }
    }

    #[test]
    fn each_format_has_its_notation() {
        let text = "##[x\n::y";
        assert_eq!(log_safe(text, Notation::Json), "##\\u005bx\n:\\u003ay");
        assert_eq!(log_safe(text, Notation::Markup), "##&#91;x\n:&#58;y");
        assert_eq!(log_safe(text, Notation::Commands), "##\\x5bx\n::y");
    }
}
