//! Finds text in a file's content, block by block: a file may be larger than the memory.

use regex::bytes::{Regex, RegexBuilder};

use crate::source::Region;
use crate::task::Task;

/// What is looked for.
#[derive(Debug, Clone)]
pub struct TextPattern {
    regex: Regex,
    text: String,
}

/// Where something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Its first byte.
    pub offset: u64,
    /// The number of line ends before it, where they were counted.
    pub line_ends: Option<u64>,
}

const BLOCK: usize = 1 << 20;
/// A hit that is longer than this may be missed where two blocks meet.
const OVERLAP: usize = 4 << 10;
/// Up to this size the lines before a hit are counted.
const MOST_COUNTED: u64 = 256 << 20;
const MOST_REGEX_BYTES: usize = 4 << 20;

impl TextPattern {
    /// Understands what was typed: plain text, exact where it has a capital letter, or `re:` and an expression.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let source = text.strip_prefix("re:").map_or_else(|| regex::escape(text), str::to_owned);
        let regex = RegexBuilder::new(&source)
            .case_insensitive(!text.chars().any(char::is_uppercase))
            .multi_line(true)
            .size_limit(MOST_REGEX_BYTES)
            .build()
            .map_err(|error| last_line(&error.to_string()))?;
        Ok(TextPattern { regex, text: text.to_owned() })
    }

    /// Returns what was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Finds the first place at or behind `from`, or the last before it; wraps around.
    ///
    /// # Errors
    /// Where the content cannot be read, or the task was stopped.
    pub fn find(&self, region: &Region, from: u64, forward: bool, task: &Task) -> Result<Option<Hit>, String> {
        let (before, behind) = (0..from.min(region.len()), from.min(region.len())..region.len());
        let found = if forward {
            self.first(region, behind, task)?.map_or_else(|| self.first(region, before, task), |hit| Ok(Some(hit)))?
        } else {
            self.last(region, before, task)?.map_or_else(|| self.last(region, behind, task), |hit| Ok(Some(hit)))?
        };
        let Some(offset) = found else { return Ok(None) };
        let line_ends = if region.len() <= MOST_COUNTED { Some(line_ends(region, offset, task)?) } else { None };
        Ok(Some(Hit { offset, line_ends }))
    }

    fn first(&self, region: &Region, range: std::ops::Range<u64>, task: &Task) -> Result<Option<u64>, String> {
        let mut at = range.start;
        while at < range.end {
            let bytes = block(region, at, task)?;
            let hits = self.regex.find_iter(&bytes).map(|hit| at + hit.start() as u64);
            if let Some(hit) = hits.take_while(|hit| *hit < range.end).next() {
                return Ok(Some(hit));
            }
            at += BLOCK as u64;
        }
        Ok(None)
    }

    fn last(&self, region: &Region, range: std::ops::Range<u64>, task: &Task) -> Result<Option<u64>, String> {
        let mut end = range.end;
        while end > range.start {
            let at = end.saturating_sub(BLOCK as u64).max(range.start);
            let bytes = block(region, at, task)?;
            let hits = self.regex.find_iter(&bytes).map(|hit| at + hit.start() as u64);
            if let Some(hit) = hits.take_while(|hit| *hit < end).last() {
                return Ok(Some(hit));
            }
            end = at;
        }
        Ok(None)
    }
}

/// Returns the sentence at the end of a message that shows the expression first.
#[must_use]
pub fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(text);
    line.trim().trim_start_matches("error: ").to_owned()
}

/// Reads a block, and what a hit at its end may need of the next one.
fn block(region: &Region, at: u64, task: &Task) -> Result<Vec<u8>, String> {
    task.check().map_err(|error| error.to_string())?;
    let mut bytes = vec![0; BLOCK + OVERLAP];
    let read = region.read_at(at, &mut bytes).map_err(|error| error.to_string())?;
    bytes.truncate(read);
    Ok(bytes)
}

fn line_ends(region: &Region, offset: u64, task: &Task) -> Result<u64, String> {
    let mut count = 0;
    let mut at = 0;
    while at < offset {
        let bytes = block(region, at, task)?;
        let part = usize::try_from(offset - at).unwrap_or(BLOCK).min(BLOCK).min(bytes.len());
        count += memchr::memchr_iter(b'\n', &bytes[..part]).count() as u64;
        at += BLOCK as u64;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn region(content: &[u8]) -> Region {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(content).expect("written");
        Region::whole(file).expect("readable")
    }

    fn offset(text: &str, content: &[u8], from: u64, forward: bool) -> Option<u64> {
        let pattern = TextPattern::parse(text).expect("valid");
        pattern.find(&region(content), from, forward, &Task::default()).expect("readable").map(|hit| hit.offset)
    }

    #[test]
    fn both_ways_and_around() {
        let content = b"one two\nTwo three\ntwo";
        assert_eq!(offset("two", content, 0, true), Some(4));
        assert_eq!(offset("two", content, 5, true), Some(8));
        assert_eq!(offset("Two", content, 9, true), Some(8), "around, and exact with a capital letter");
        assert_eq!(offset("two", content, 4, false), Some(18), "around the other way");
        assert_eq!(offset("re:^t", content, 0, true), Some(8));
        assert_eq!(offset("four", content, 0, true), None);
        assert!(TextPattern::parse("re:(").is_err());
    }

    #[test]
    fn blocks_meet_without_a_gap() {
        let mut content = vec![b'\n'; 3 * BLOCK];
        for at in [BLOCK - 2, 2 * BLOCK - 2] {
            content[at..at + 4].copy_from_slice(b"over");
        }
        assert_eq!(offset("over", &content, 0, true), Some(BLOCK as u64 - 2));
        assert_eq!(offset("over", &content, BLOCK as u64, true), Some(2 * BLOCK as u64 - 2));
        assert_eq!(offset("over", &content, 3 * BLOCK as u64, false), Some(2 * BLOCK as u64 - 2));
        let hit = TextPattern::parse("over").expect("valid").find(&region(&content), 0, true, &Task::default());
        assert_eq!(hit.expect("readable").and_then(|hit| hit.line_ends), Some(BLOCK as u64 - 2));
    }
}
