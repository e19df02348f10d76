//! Words and redirections.

use super::{Odd, Scan, Scanner};
use crate::dockerfile::shell::{Dialect, Word};

/// Adds to a literal that is still known.
fn push(literal: &mut Option<String>, text: &str) {
    if let Some(literal) = literal {
        literal.push_str(text);
    }
}

impl<'a> Scanner<'a> {
    /// Reads a word; nothing where none starts here.
    pub(super) fn word(&mut self) -> Scan<Option<Word>> {
        let start = self.at;
        let mut literal = Some(String::new());
        while let Some(c) = self.peek() {
            match c {
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b')' => break,
                b'(' => {
                    self.array(start)?;
                    break;
                }
                b'\\' => self.escaped(&mut literal)?,
                b'\'' => {
                    let text = self.single_quoted()?;
                    push(&mut literal, text);
                }
                b'"' => self.double_quoted(&mut literal)?,
                b'$' => {
                    self.dollar(false)?;
                    literal = None;
                }
                b'`' => {
                    self.backquoted(false)?;
                    literal = None;
                }
                _ => {
                    let c = self.rest().chars().next().unwrap_or_default();
                    self.at += c.len_utf8();
                    push(&mut literal, c.encode_utf8(&mut [0; 4]));
                }
            }
        }
        let range = start..self.at;
        Ok((!range.is_empty()).then_some(Word { range, literal }))
    }

    /// `name=(…)`: an array in `bash`, an error elsewhere. Any other bracket in a word is left to who called.
    fn array(&mut self, start: usize) -> Scan {
        let before = &self.text[start..self.at];
        if !before.ends_with('=') {
            return Ok(());
        }
        if self.dialect != Dialect::Bash {
            return Err("not every shell knows arrays");
        }
        self.facts.substitutions += 1;
        self.at += 1;
        loop {
            self.linebreaks()?;
            if self.eat(")") {
                return Ok(());
            }
            self.nested(Self::word)?.ok_or("an array is not closed")?;
        }
    }

    fn escaped(&mut self, literal: &mut Option<String>) -> Scan {
        let c = self.rest()[1..].chars().next().ok_or("it ends with a backslash")?;
        self.at += 1 + c.len_utf8();
        if c != '\n' {
            push(literal, c.encode_utf8(&mut [0; 4]));
        }
        Ok(())
    }

    pub(super) fn single_quoted(&mut self) -> Scan<&'a str> {
        let rest = &self.text[self.at + 1..];
        let end = rest.find('\'').ok_or("a quote is not closed")?;
        self.at += end + 2;
        Ok(&rest[..end])
    }

    fn double_quoted(&mut self, literal: &mut Option<String>) -> Scan {
        let start = self.at + 1;
        self.in_double_quotes()?;
        let inner = &self.text[start..self.at - 1];
        match literal {
            // A backslash is kept before most characters here: no need to know which.
            Some(literal) if !inner.contains(['$', '`', '\\']) => literal.push_str(inner),
            _ => *literal = None,
        }
        Ok(())
    }

    /// Reads from the opening to behind the closing double quote.
    pub(super) fn in_double_quotes(&mut self) -> Scan {
        self.at += 1;
        loop {
            match self.peek().ok_or("a quote is not closed")? {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escaped(&mut None)?,
                b'$' => self.dollar(true)?,
                b'`' => self.backquoted(true)?,
                _ => self.at += self.rest().chars().next().map_or(1, char::len_utf8),
            }
        }
    }

    /// Reads a redirection, if one starts here.
    pub(super) fn redirection(&mut self) -> Scan<bool> {
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let behind = &self.rest()[digits..];
        if behind.starts_with("&>") && digits == 0 {
            return self.both_outputs();
        }
        if !behind.starts_with(['<', '>']) {
            return Ok(false);
        }
        self.at += digits;
        if self.starts("<(") || self.starts(">(") {
            return self.process();
        }
        if self.eat("<<<") {
            self.for_bash("not every shell knows <<<")?;
            return self.target();
        }
        if self.starts("<<") {
            self.heredoc()?;
            return Ok(true);
        }
        let operators = ["<>", ">>", ">|", "<&", ">&", "<", ">"];
        let operator = operators.into_iter().find(|operator| self.eat(operator)).unwrap_or_default();
        let is_duplicate = operator.ends_with('&');
        let start = self.at;
        self.target()?;
        let to = self.text[start..self.at].trim();
        if is_duplicate && !to.starts_with('$') && !to.bytes().all(|c| c.is_ascii_digit() || c == b'-') {
            self.for_bash("not every shell knows >& with a file")?;
        }
        Ok(true)
    }

    fn for_bash(&self, odd: Odd) -> Scan {
        if self.dialect == Dialect::Bash { Ok(()) } else { Err(odd) }
    }

    fn target(&mut self) -> Scan<bool> {
        self.blanks();
        self.word()?.ok_or("a redirection leads nowhere")?;
        Ok(true)
    }

    /// `&>`: elsewhere than in `bash` that is a command in the background.
    fn both_outputs(&mut self) -> Scan<bool> {
        self.for_bash("not every shell knows &>")?;
        self.at += 2;
        self.eat(">");
        self.target()
    }

    /// `<(…)` and `>(…)`, which nobody waits for.
    fn process(&mut self) -> Scan<bool> {
        self.for_bash("not every shell knows <( )")?;
        self.at += 2;
        self.facts.has_background = true;
        self.facts.substitutions += 1;
        self.nested(|scanner| scanner.list(None))?;
        self.close(")")?;
        Ok(true)
    }
}
