//! What a dollar or a backquote begins.

use super::{Scan, Scanner};
use crate::dockerfile::shell::Dialect;

/// What may follow the name in `${name…}` in every shell.
const OPERATORS: [char; 7] = [':', '-', '=', '+', '?', '#', '%'];

impl Scanner<'_> {
    /// Reads what a dollar begins.
    pub(super) fn dollar(&mut self, in_quotes: bool) -> Scan {
        self.at += 1;
        match self.peek() {
            Some(b'(') if self.starts("((") => self.arithmetic(),
            Some(b'(') => self.substitution(),
            Some(b'{') => self.parameter(in_quotes),
            Some(b'\'') if !in_quotes => self.dollar_quote(),
            Some(c) if c.is_ascii_alphanumeric() || c == b'_' => {
                let is_number = c.is_ascii_digit();
                let is_part = |c: &u8| !is_number && (c.is_ascii_alphanumeric() || *c == b'_');
                let length = self.rest().bytes().take_while(is_part).count().max(1);
                let name = &self.text[self.at..self.at + length];
                self.at += length;
                self.facts.note_variable(name);
                Ok(())
            }
            Some(c) if b"?$!#*@-".contains(&c) => {
                let name = &self.text[self.at..=self.at];
                self.at += 1;
                self.facts.note_variable(name);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn substitution(&mut self) -> Scan {
        self.facts.substitutions += 1;
        self.at += 1;
        // A here-document that spans the bracket is read differently by every shell.
        let (outer, count) = (std::mem::take(&mut self.heredocs), self.facts.heredocs);
        self.nested(|scanner| scanner.list(None))?;
        self.close(")")?;
        self.end_heredocs()?;
        self.heredocs = outer;
        // `bash` 5.2 writes such a substitution down anew before it runs it, and does not always read it again.
        self.facts.may_fail_in_expansion |= self.facts.heredocs > count;
        Ok(())
    }

    /// `$((…))`, unless it is a substitution that starts with a subshell: then it is not understood.
    fn arithmetic(&mut self) -> Scan {
        self.facts.substitutions += 1;
        self.facts.may_fail_in_expansion = true;
        self.at += 2;
        let mut depth = 0u32;
        loop {
            match self.peek().ok_or("a bracket is not closed")? {
                b'(' => depth += 1,
                b')' if depth == 0 => {
                    return if self.eat("))") { Ok(()) } else { Err("a bracket is not closed") };
                }
                b')' => depth -= 1,
                b'$' => {
                    self.nested(|scanner| scanner.dollar(true))?;
                    continue;
                }
                c if c.is_ascii_alphanumeric() || b" \t\n_+-*/%<>=!&|^~?:,".contains(&c) => {}
                _ => return Err("an arithmetic expression is not understood"),
            }
            self.at += 1;
        }
    }

    /// `${…}`: a name, maybe an operator, and then a word up to the brace.
    fn parameter(&mut self, in_quotes: bool) -> Scan {
        self.at += 1;
        let counts = self.starts("#") && !self.starts("#}");
        self.at += usize::from(counts);
        let is_part = |c: &u8| c.is_ascii_alphanumeric() || *c == b'_';
        let length = self.rest().bytes().take_while(is_part).count().max(1);
        let name = self.rest().get(..length).ok_or("a brace is not closed")?;
        self.facts.note_variable(name);
        self.at += length;
        if self.eat("}") {
            return Ok(());
        }
        self.facts.substitutions += 1;
        if !self.rest().starts_with(OPERATORS) || self.rest().trim_start_matches(':').starts_with('?') {
            // An error here, or an operator that only some shells know.
            self.facts.may_fail_in_expansion = true;
        }
        self.nested(|scanner| scanner.up_to_brace(in_quotes))
    }

    fn up_to_brace(&mut self, in_quotes: bool) -> Scan {
        loop {
            match self.peek().ok_or("a brace is not closed")? {
                b'}' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\'' if in_quotes => return Err("shells read a quote in ${ } between double quotes differently"),
                b'\'' => {
                    self.single_quoted()?;
                }
                b'"' => self.in_double_quotes()?,
                b'$' => self.dollar(in_quotes)?,
                b'`' => self.backquoted(in_quotes)?,
                b'\\' => {
                    let c = self.rest()[1..].chars().next().ok_or("it ends with a backslash")?;
                    self.at += 1 + c.len_utf8();
                }
                b'{' => return Err("a brace in a brace is not understood"),
                _ => self.at += self.rest().chars().next().map_or(1, char::len_utf8),
            }
        }
    }

    /// `$'…'`: other shells than `bash` take the dollar for itself.
    fn dollar_quote(&mut self) -> Scan {
        self.facts.substitutions += 1;
        if self.dialect != Dialect::Bash {
            let text = self.single_quoted()?;
            return if text.contains('\\') { Err("not every shell knows $' '") } else { Ok(()) };
        }
        self.at += 1;
        loop {
            match self.peek().ok_or("a quote is not closed")? {
                b'\'' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => {
                    let c = self.rest()[1..].chars().next().ok_or("it ends with a backslash")?;
                    self.at += 1 + c.len_utf8();
                }
                _ => self.at += self.rest().chars().next().map_or(1, char::len_utf8),
            }
        }
    }

    /// `` `…` ``: its content is a script of its own, once the backslashes are gone.
    pub(super) fn backquoted(&mut self, in_quotes: bool) -> Scan {
        self.facts.substitutions += 1;
        self.at += 1;
        let mut inner = String::new();
        loop {
            let c = self.rest().chars().next().ok_or("a quote is not closed")?;
            self.at += c.len_utf8();
            match c {
                '`' => break,
                '\\' => {
                    let next = self.rest().chars().next().ok_or("it ends with a backslash")?;
                    self.at += next.len_utf8();
                    let is_escaped = matches!(next, '`' | '\\' | '$') || (in_quotes && next == '"');
                    if !is_escaped {
                        inner.push('\\');
                    }
                    inner.push(next);
                }
                _ => inner.push(c),
            }
        }
        if inner.contains('#') {
            return Err("a # between backquotes is not understood");
        }
        self.nested(|scanner| {
            let mut own = Scanner::new(&inner, scanner.dialect, scanner.depth);
            own.list(None)?;
            if own.at < inner.len() {
                return Err("a bracket or a keyword stands where no command can");
            }
            own.end_heredocs()?;
            scanner.facts.absorb(&own.facts);
            Ok(())
        })
    }
}
