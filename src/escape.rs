//! Lossless escaping of bytes for people and for reports: what an image holds never reaches a terminal raw.
//!
//! Names, commands, tags and labels are the image author's, so they may hold escape sequences, newlines, bidirectional
//! overrides, invisible letters or bytes that are not UTF-8. Each such byte is written `\xNN`, a backslash itself `\\`;
//! everything else stays as it is. The result can be turned back into the very same bytes.
//!
//! A build log is more dangerous than a terminal: plain text in it can be a command. Whole outputs therefore go through
//! [`LogSafe`].

mod log;

use std::fmt::{self, Write as _};

pub use log::{LogSafe, Notation, log_safe};

/// Shows bytes with every dangerous one as `\xNN`.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            escape_text(chunk.valid(), out)?;
            escape_bytes(chunk.invalid(), out)?;
        }
        Ok(())
    }
}

/// Returns the escaped form of `bytes`.
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    push_escaped(&mut out, bytes);
    out
}

/// Appends the escaped form of `bytes` to `out`.
pub fn push_escaped(out: &mut String, bytes: &[u8]) {
    // Nearly every name is plain ASCII: one pass decides, one copy does it.
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.iter().all(|byte| (0x20..0x7f).contains(byte) && *byte != b'\\') => out.push_str(text),
        _ => {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}", Escaped(bytes));
        }
    }
}

fn escape_text(text: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        if c != '\\' && !is_dangerous(c) {
            continue;
        }
        out.write_str(&text[plain..at])?;
        plain = at + c.len_utf8();
        if c == '\\' {
            out.write_str("\\\\")?;
        } else {
            escape_bytes(&text.as_bytes()[at..plain], out)?;
        }
    }
    out.write_str(&text[plain..])
}

fn escape_bytes(bytes: &[u8], out: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(out, "\\x{byte:02x}"))
}

/// Says whether a character can change what a reader sees without being seen itself.
///
/// Controls (C0, DEL, C1), line and paragraph separators, bidirectional controls, and everything that Unicode lets a
/// renderer leave out (`Default_Ignorable_Code_Point`): zero-width characters, fillers of Hangul, variation selectors, tags.
/// The blank pattern of Braille, which looks like a space, as well.
#[must_use]
pub fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_stay() {
        assert_eq!(escape(b"usr/bin/[ caf\xc3\xa9"), "usr/bin/[ café");
    }

    #[test]
    fn dangerous_bytes_are_spelled_out() {
        assert_eq!(escape(b"a\x1b[31m\n"), "a\\x1b[31m\\x0a");
        assert_eq!(escape(b"bad\xff\xfe"), "bad\\xff\\xfe");
        assert_eq!(escape("x\u{202e}gpj.exe".as_bytes()), "x\\xe2\\x80\\xaegpj.exe");
        assert_eq!(escape("c1\u{9b}31m".as_bytes()), "c1\\xc2\\x9b31m");
        assert_eq!(escape(b"back\\slash\\x41"), "back\\\\slash\\\\x41");
    }

    #[test]
    fn invisible_letters_are_spelled_out() {
        let invisible = "\u{ad}\u{34f}\u{115f}\u{1160}\u{17b4}\u{180b}\u{200b}\u{2028}\u{2060}\u{2800}\u{3164}\u{fe00}\u{fe0f}\
                         \u{feff}\u{ffa0}\u{1d173}\u{e0020}\u{e0100}\u{e01ef}";
        for c in invisible.chars() {
            let mut bytes = [0; 4];
            let bytes = c.encode_utf8(&mut bytes).as_bytes();
            let hex: Vec<String> = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
            assert_eq!(escape(format!("a{c}b").as_bytes()), format!("a{}b", hex.concat()));
        }
        assert_eq!(escape("가 é ß 日本 🐳 a\u{301}".as_bytes()), "가 é ß 日本 🐳 a\u{301}");
    }
}
