//! Here-documents: announced on one line, read after the next line break.

use super::{Scan, Scanner};

/// A here-document whose text has not come yet.
pub(crate) struct Pending {
    end: String,
    strips_tabs: bool,
    /// Whether variables and substitutions in it are expanded.
    expands: bool,
}

impl Scanner<'_> {
    pub(super) fn heredoc(&mut self) -> Scan {
        self.facts.heredocs += 1;
        self.at += 2;
        let strips_tabs = self.eat("-");
        self.blanks();
        let word = self.word()?.ok_or("a here-document has no end")?;
        let end = word.literal.ok_or("a here-document has no plain end")?;
        let expands = !self.text[word.range].contains(['\'', '"', '\\']);
        self.heredocs.push(Pending { end, strips_tabs, expands });
        Ok(())
    }

    /// Reads the texts of what was announced on the line that just ended.
    pub(super) fn heredoc_bodies(&mut self) -> Scan {
        for pending in std::mem::take(&mut self.heredocs) {
            let start = self.at;
            let end = self.heredoc_end(&pending)?;
            if pending.expands {
                self.expanded_body(start..end)?;
            }
        }
        Ok(())
    }

    /// Skips to behind the line that ends it; returns where that line starts.
    fn heredoc_end(&mut self, pending: &Pending) -> Scan<usize> {
        loop {
            let rest = self.rest();
            if rest.is_empty() {
                return Err("a here-document is not ended");
            }
            let start = self.at;
            let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
            self.at = (start + line.len() + 1).min(self.text.len());
            let line = if pending.strips_tabs { line.trim_start_matches('\t') } else { line };
            if line == pending.end {
                return Ok(start);
            }
            if pending.expands && line.ends_with('\\') {
                return Err("a here-document continues a line");
            }
        }
    }

    /// Reads the substitutions in a text that is otherwise taken as it is.
    fn expanded_body(&mut self, range: std::ops::Range<usize>) -> Scan {
        self.nested(|scanner| {
            let mut own = Scanner::new(&scanner.text[range], scanner.dialect, scanner.depth);
            while let Some(c) = own.peek() {
                match c {
                    b'\\' => own.at += 1 + own.rest()[1..].chars().next().map_or(0, char::len_utf8),
                    b'$' => own.dollar(true)?,
                    b'`' => own.backquoted(true)?,
                    _ => own.at += own.rest().chars().next().map_or(1, char::len_utf8),
                }
            }
            scanner.facts.absorb(&own.facts);
            Ok(())
        })
    }

    /// The text is over: nothing may be waiting for its body.
    pub(super) fn end_heredocs(&self) -> Scan {
        if self.heredocs.is_empty() { Ok(()) } else { Err("a here-document is not ended") }
    }
}
