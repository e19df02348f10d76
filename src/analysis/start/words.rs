//! Every word and every path that the texts of the chain name.

use std::collections::BTreeMap;
use std::ops::Bound;

use foldhash::HashMap;

use super::Reason;

/// Words and paths, each with the text that names it first.
#[derive(Debug, Default)]
pub(super) struct Words {
    tokens: HashMap<Box<[u8]>, u32>,
    paths: BTreeMap<Box<[u8]>, u32>,
    reasons: Vec<Reason>,
}

/// More words than the texts of any real start have.
const MOST_WORDS: usize = 2_000_000;
const MOST_WORD_BYTES: usize = 128;
const MOST_PATH_BYTES: usize = 4096;
/// Directories that so much lies in that naming them says nothing about what does.
const WIDE: [&[u8]; 24] = [
    b"/usr/bin",
    b"/usr/sbin",
    b"/usr/lib",
    b"/usr/lib64",
    b"/usr/libexec",
    b"/usr/share",
    b"/usr/include",
    b"/usr/local",
    b"/usr/local/bin",
    b"/usr/local/sbin",
    b"/usr/local/lib",
    b"/usr/local/share",
    b"/usr/local/include",
    b"/usr/lib/x86_64-linux-gnu",
    b"/usr/lib/aarch64-linux-gnu",
    b"/var/lib",
    b"/var/cache",
    b"/var/log",
    b"/var/run",
    b"/var/spool",
    b"/var/tmp",
    b"/var/www",
    b"/etc/default",
    b"/root/.cache",
];

impl Words {
    /// Adds a reason for the words and paths that follow; returns its number.
    pub(super) fn add_reason(&mut self, reason: Reason) -> u32 {
        self.reasons.push(reason);
        u32::try_from(self.reasons.len() - 1).unwrap_or(u32::MAX)
    }

    /// Adds all words of a text, and of each path its last component, of each dotted name its first and last.
    pub(super) fn add_text(&mut self, text: &[u8], reason: u32) {
        for token in text.split(|byte| !is_word_byte(*byte)) {
            let token = trim(token);
            self.add_word(token, reason);
            let base = token.rsplit(|byte| *byte == b'/').next().unwrap_or(token);
            if base.len() < token.len() {
                self.add_word(base, reason);
            }
            if memchr::memchr(b'.', base).is_some() {
                let mut parts = base.split(|byte| *byte == b'.');
                self.add_word(parts.next().unwrap_or_default(), reason);
                self.add_word(parts.next_back().unwrap_or_default(), reason);
            }
        }
    }

    fn add_word(&mut self, word: &[u8], reason: u32) {
        if word.len() < 2 || word.len() > MOST_WORD_BYTES || self.tokens.len() >= MOST_WORDS {
            return;
        }
        if !self.tokens.contains_key(word) {
            self.tokens.insert(word.into(), reason);
        }
    }

    /// Adds an absolute path.
    pub(super) fn add_path(&mut self, path: &[u8], reason: u32) {
        if path.len() < 2 || path.len() > MOST_PATH_BYTES || self.paths.len() >= MOST_WORDS {
            return;
        }
        if !self.paths.contains_key(path) {
            self.paths.insert(path.into(), reason);
        }
    }

    pub(super) fn word(&self, word: &[u8]) -> Option<&Reason> {
        self.reasons.get(*self.tokens.get(word)? as usize)
    }

    pub(super) fn path(&self, path: &[u8]) -> Option<&Reason> {
        let reason = |at: &u32| self.reasons.get(*at as usize);
        if let Some(at) = self.paths.get(path) {
            return reason(at);
        }
        let inside = [path, b"/"].concat();
        let from = (Bound::Included(&inside[..]), Bound::Unbounded);
        if let Some((_, at)) = self.paths.range::<[u8], _>(from).next().filter(|(below, _)| below.starts_with(&inside))
        {
            return reason(at);
        }
        let above = memchr::memrchr_iter(b'/', path).map(|end| &path[..end]);
        let named = above.filter(|above| !above.is_empty()).find_map(|above| {
            // A pattern names all that a directory has, however short its name.
            let listed = || self.paths.get(&[above, b"/"].concat()[..]);
            if is_narrow(above) { self.paths.get(above).or_else(listed) } else { listed() }
        });
        named.and_then(reason)
    }
}

/// Says whether naming a directory speaks of what lies in it.
pub(super) fn is_narrow(directory: &[u8]) -> bool {
    memchr::memchr_iter(b'/', directory).count() >= 2 && !WIDE.contains(&directory)
}

/// Says whether a pattern in a directory speaks of all that lies in it.
pub(super) fn is_listed(directory: &[u8]) -> bool {
    directory.len() > 1 && !WIDE.contains(&directory)
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.+@/-~".contains(&byte) || byte >= 0x80
}

fn trim(token: &[u8]) -> &[u8] {
    let is_edge = |byte: &u8| b"./-~".contains(byte);
    let start = token.iter().position(|byte| !is_edge(byte)).unwrap_or(token.len());
    let end = token.iter().rposition(|byte| !is_edge(byte)).map_or(start, |at| at + 1);
    // `.git`, `.cache`: the dot belongs to the name.
    let start = if start > 0 && token[start - 1] == b'.' && start < end { start - 1 } else { start };
    &token[start..end.max(start)]
}
