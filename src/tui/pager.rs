//! A window into a file's bytes, as text or in hexadecimal; what is read for a screen is a screen's worth.

use crate::contents::search::Hit;
use crate::error::Result;
use crate::source::Region;

/// How content is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Lines with numbers.
    Text,
    /// Sixteen bytes a row.
    Hex,
}

/// A window into a file's bytes.
#[derive(Debug)]
pub struct Pager {
    region: Region,
    /// Text or bytes.
    pub mode: Mode,
    /// Where the first row starts.
    top: u64,
    /// The first row's line number, from 1; not known after a jump in a huge file.
    line: Option<u64>,
    /// Where something was found.
    hit: Option<u64>,
}

/// A line longer than this is shown in pieces.
const LONGEST_LINE: u64 = 4096;
/// Up to this size the lines are counted on the way to the end.
const MOST_COUNTED: u64 = 256 << 20;
/// Bytes of a row in hexadecimal.
pub const HEX_ROW: u64 = 16;

/// One row of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextRow {
    /// Its line number; missing where it goes on with the line above, or where it is not known.
    pub number: Option<u64>,
    /// Its bytes, without the line's end.
    pub bytes: Vec<u8>,
    /// Whether it holds what was found.
    pub is_found: bool,
}

impl Pager {
    /// Starts at the top; binary files in hexadecimal.
    ///
    /// # Errors
    /// Where the bytes cannot be read.
    pub fn new(region: Region) -> Result<Self> {
        let mut start = vec![0; 8192];
        let read = region.read_at(0, &mut start)?;
        let is_text = !start[..read].contains(&0) && std::str::from_utf8(&start[..read]).is_ok_or_cut();
        let mode = if is_text { Mode::Text } else { Mode::Hex };
        Ok(Pager { region, mode, top: 0, line: Some(1), hit: None })
    }

    /// Returns the number of bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.region.len()
    }

    /// Says whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.region.is_empty()
    }

    /// Returns where the first row starts.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.top
    }

    /// Returns the rows of a screen as text.
    #[must_use]
    pub fn text(&self, height: usize) -> Vec<TextRow> {
        let mut rows = Vec::with_capacity(height);
        let (mut at, mut number) = (self.top, self.line);
        let mut continues = false;
        while rows.len() < height && at < self.len() {
            let (bytes, next, ends) = self.row(at);
            let is_found = self.hit.is_some_and(|hit| (at..next).contains(&hit));
            rows.push(TextRow { number: number.filter(|_| !continues), bytes, is_found });
            number = number.map(|number| number + u64::from(ends));
            continues = !ends;
            at = next;
        }
        rows
    }

    /// Returns the rows of a screen in hexadecimal: offset and bytes.
    #[must_use]
    pub fn hex(&self, height: usize) -> Vec<(u64, Vec<u8>)> {
        let start = self.top - self.top % HEX_ROW;
        let offsets = (0..height as u64).map(|row| start + row * HEX_ROW).take_while(|offset| *offset < self.len());
        offsets.map(|offset| (offset, self.read(offset, HEX_ROW))).collect()
    }

    fn read(&self, offset: u64, length: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        let read = self.region.read_at(offset, &mut bytes).unwrap_or(0);
        bytes.truncate(read);
        bytes
    }

    /// Returns the row that starts at `at`, where the next one starts, and whether the line ends.
    fn row(&self, at: u64) -> (Vec<u8>, u64, bool) {
        let mut bytes = self.read(at, LONGEST_LINE);
        if let Some(end) = memchr::memchr(b'\n', &bytes) {
            bytes.truncate(end);
            return (bytes, at + end as u64 + 1, true);
        }
        let next = at + (bytes.len() as u64).max(1);
        (bytes, next, next >= self.len())
    }

    /// Returns the content.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Returns where something was found.
    #[must_use]
    pub fn hit(&self) -> Option<u64> {
        self.hit
    }

    /// Brings what was found into sight.
    pub fn go_to(&mut self, hit: Hit, height: usize) {
        self.hit = Some(hit.offset);
        if self.mode == Mode::Hex {
            self.top = hit.offset - hit.offset % HEX_ROW;
        } else {
            let start = hit.offset.saturating_sub(16 * LONGEST_LINE);
            let bytes = self.read(start, hit.offset - start);
            let line = memchr::memrchr(b'\n', &bytes).map_or(start, |end| start + end as u64 + 1);
            self.top = hit.offset - (hit.offset - line) % LONGEST_LINE;
            self.line = hit.line_ends.map(|ends| ends + 1);
        }
        self.step(-isize::try_from(height / 3).unwrap_or(0), height);
    }

    /// Changes between text and hexadecimal.
    pub fn toggle(&mut self) {
        self.mode = if self.mode == Mode::Text { Mode::Hex } else { Mode::Text };
        (self.top, self.line) = (0, Some(1));
    }

    /// Moves by rows.
    pub fn step(&mut self, rows: isize, height: usize) {
        for _ in 0..rows.unsigned_abs() {
            let moved = match (self.mode, rows > 0) {
                (Mode::Hex, down) => self.step_hex(down, height),
                (Mode::Text, true) => self.step_down(height),
                (Mode::Text, false) => self.step_up(),
            };
            if !moved {
                break;
            }
        }
    }

    fn step_hex(&mut self, down: bool, height: usize) -> bool {
        let last = self.len().div_ceil(HEX_ROW).saturating_sub(height as u64) * HEX_ROW;
        let next = if down { (self.top + HEX_ROW).min(last) } else { self.top.saturating_sub(HEX_ROW) };
        std::mem::replace(&mut self.top, next) != next
    }

    fn step_down(&mut self, height: usize) -> bool {
        // The last line stays at the bottom of a full screen.
        if self.text(height + 1).len() <= height {
            return false;
        }
        let (_, next, ends) = self.row(self.top);
        self.line = self.line.map(|line| line + u64::from(ends));
        self.top = next;
        true
    }

    fn step_up(&mut self) -> bool {
        if self.top == 0 {
            return false;
        }
        let (previous, ends) = self.row_before(self.top);
        self.line = self.line.map(|line| line.saturating_sub(u64::from(ends)).max(1));
        self.top = previous;
        true
    }

    /// Returns where the row before `at` starts, and whether a line's end lies between.
    fn row_before(&self, at: u64) -> (u64, bool) {
        let start = at.saturating_sub(16 * LONGEST_LINE);
        let bytes = self.read(start, at - start);
        let ends = bytes.last() == Some(&b'\n');
        let body = &bytes[..bytes.len() - usize::from(ends)];
        let line = memchr::memrchr(b'\n', body).map_or(start, |end| start + end as u64 + 1);
        let length = (at - u64::from(ends)).saturating_sub(line);
        let pieces = length.saturating_sub(1) / LONGEST_LINE;
        (line + pieces * LONGEST_LINE, ends)
    }

    /// Goes to the first row.
    pub fn to_top(&mut self) {
        (self.top, self.line) = (0, Some(1));
    }

    /// Goes to the last screen.
    pub fn to_bottom(&mut self, height: usize) {
        self.top = self.len();
        self.line = (self.len() <= MOST_COUNTED).then(|| self.count_lines() + 1);
        if self.mode == Mode::Hex {
            self.top = self.len().div_ceil(HEX_ROW) * HEX_ROW;
        }
        let ends_open = self.mode == Mode::Text && self.read(self.len().saturating_sub(1), 1) != b"\n";
        for row in 0..height {
            match self.mode {
                Mode::Hex => self.top = self.top.saturating_sub(HEX_ROW),
                Mode::Text if self.top > 0 => {
                    let line = self.line;
                    self.step_up();
                    if row == 0 && ends_open {
                        self.line = line;
                    }
                }
                Mode::Text => break,
            }
        }
    }

    fn count_lines(&self) -> u64 {
        let mut lines = 0;
        let mut at = 0;
        while at < self.len() {
            let bytes = self.read(at, 1 << 20);
            if bytes.is_empty() {
                break;
            }
            lines += memchr::memchr_iter(b'\n', &bytes).count() as u64;
            at += bytes.len() as u64;
        }
        lines
    }
}

/// Text whose last character was cut is text.
trait IsText {
    fn is_ok_or_cut(&self) -> bool;
}

impl IsText for std::result::Result<&str, std::str::Utf8Error> {
    fn is_ok_or_cut(&self) -> bool {
        self.is_ok() || self.as_ref().is_err_and(|error| error.error_len().is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn pager(content: &[u8]) -> Pager {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(content).expect("written");
        Pager::new(Region::whole(file).expect("readable")).expect("readable")
    }

    fn numbers(pager: &Pager, height: usize) -> Vec<Option<u64>> {
        pager.text(height).iter().map(|row| row.number).collect()
    }

    #[test]
    fn text_is_paged_by_lines() {
        let content = (1..=100).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n") + "\n";
        let mut pager = pager(content.as_bytes());
        assert_eq!(pager.mode, Mode::Text);
        assert_eq!(numbers(&pager, 3), [Some(1), Some(2), Some(3)]);
        pager.step(10, 3);
        assert_eq!(pager.text(1)[0], TextRow { number: Some(11), bytes: b"line 11".to_vec(), is_found: false });
        pager.step(-4, 3);
        assert_eq!(numbers(&pager, 1), [Some(7)]);
        pager.to_bottom(3);
        assert_eq!(pager.text(3)[2], TextRow { number: Some(100), bytes: b"line 100".to_vec(), is_found: false });
        pager.step(5, 3);
        assert_eq!(numbers(&pager, 3), [Some(98), Some(99), Some(100)]);
        pager.to_top();
        assert_eq!(numbers(&pager, 1), [Some(1)]);
    }

    #[test]
    fn what_was_found_is_brought_into_sight() {
        let content = (1..=100).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n") + "\n";
        let offset = content.find("line 50").expect("it is there") as u64 + 3;
        let mut pager = pager(content.as_bytes());
        pager.go_to(Hit { offset, line_ends: Some(49) }, 9);
        let rows = pager.text(9);
        assert_eq!(rows[3], TextRow { number: Some(50), bytes: b"line 50".to_vec(), is_found: true });
        assert_eq!(rows.iter().filter(|row| row.is_found).count(), 1);
    }

    #[test]
    fn a_last_line_without_an_end_and_long_lines() {
        let mut open = pager(b"one\ntwo\nthree");
        open.to_bottom(2);
        assert_eq!(numbers(&open, 2), [Some(2), Some(3)]);
        let mut long = pager(&[vec![b'a'; 10_000], b"\nend".to_vec()].concat());
        assert_eq!(numbers(&long, 5), [Some(1), None, None, Some(2)]);
        long.to_bottom(2);
        assert_eq!(long.text(2)[1].bytes, b"end");
        long.step(-1, 2);
        long.step(-1, 2);
        assert_eq!(long.position(), 0);
    }

    #[test]
    fn binary_is_shown_in_hexadecimal() {
        let mut pager = pager(&[0; 100]);
        assert_eq!(pager.mode, Mode::Hex);
        assert_eq!(pager.hex(10).len(), 7);
        pager.to_bottom(2);
        assert_eq!(pager.hex(2), [(80, vec![0; 16]), (96, vec![0; 4])]);
        pager.step(-1, 2);
        assert_eq!(pager.position(), 64);
    }
}
