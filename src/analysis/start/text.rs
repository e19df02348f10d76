//! What can be read of a text, and its parts: without comments, its paths, its quoted strings.

use std::borrow::Cow;
use std::ops::Range;

use super::Language;

/// The readable part of a content, and whether that is all of it.
pub(super) struct Readable<'a> {
    pub(super) text: &'a [u8],
    pub(super) is_whole: bool,
}

/// Returns what can be read of a content. Where it turns binary, the rest is not text.
pub(super) fn readable(content: &[u8]) -> Readable<'_> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let is_control = |byte: &u8| *byte < 0x20 && !b"\t\n\x0b\x0c\r\x1b\x08".contains(byte);
    let control = content.iter().position(is_control);
    let (mut good, mut bad, mut first_bad) = (0usize, 0usize, None);
    for chunk in content.utf8_chunks() {
        good += chunk.valid().len();
        if !chunk.invalid().is_empty() {
            first_bad = first_bad.or(Some(good + bad));
            bad += chunk.invalid().len();
        }
    }
    // Some bytes of an old encoding in comments do not make it binary.
    let is_binary = control.is_some() || bad * 20 > content.len();
    let end = [control, first_bad].into_iter().flatten().min().unwrap_or(content.len());
    if is_binary {
        Readable { text: &content[..end], is_whole: false }
    } else {
        Readable { text: content, is_whole: true }
    }
}

/// Returns the text with its comments blanked; line by line, as far as quotes on the same line tell.
pub(super) fn without_comments(text: &[u8], language: Language) -> Cow<'_, [u8]> {
    let (hash, slashes) = match language {
        Language::Shell | Language::Python | Language::Ruby | Language::Perl | Language::Other => (true, false),
        Language::Node | Language::Java => (false, true),
        Language::Php => (true, true),
    };
    let mut out = text.to_vec();
    let mut in_block = false;
    let mut start = 0;
    while start < text.len() {
        let end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |at| start + at);
        in_block = blank_line(&mut out[start..end], hash, slashes, in_block);
        start = end + 1;
    }
    Cow::Owned(out)
}

/// Blanks the comments of a line; says whether a block comment goes on behind it.
fn blank_line(line: &mut [u8], hash: bool, slashes: bool, mut in_block: bool) -> bool {
    let mut quote = None;
    let mut at = 0;
    while at < line.len() {
        let (byte, next) = (line[at], line.get(at + 1).copied().unwrap_or(0));
        let before = at.checked_sub(1).map_or(b' ', |before| line[before]);
        if in_block {
            in_block = !(byte == b'*' && next == b'/');
            let end = if in_block { at + 1 } else { at + 2 };
            let end = end.min(line.len());
            line[at..end].fill(b' ');
            at = end;
            continue;
        }
        match (quote, byte) {
            (_, b'\\') => at += 1,
            (Some(open), _) if open == byte => quote = None,
            (None, b'"' | b'\'' | b'`') => quote = Some(byte),
            (None, b'#') if hash && (at == 0 || before.is_ascii_whitespace() || before == b';') => {
                line[at..].fill(b' ');
            }
            (None, b'/') if slashes && next == b'/' && before != b':' => line[at..].fill(b' '),
            (None, b'/') if slashes && next == b'*' => {
                in_block = true;
                line[at..at + 2].fill(b' ');
                at += 1;
            }
            _ => {}
        }
        at += 1;
    }
    in_block
}

/// A token that may be a path, and where it stands.
pub(super) fn path_tokens(text: &[u8]) -> impl Iterator<Item = (Range<usize>, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + text.get(at..)?.iter().position(|byte| is_path_byte(*byte))?;
            let end = text[start..].iter().position(|byte| !is_path_byte(*byte)).map_or(text.len(), |len| start + len);
            at = end;
            let token = &text[start..end];
            let before = start.checked_sub(1).map_or(b' ', |before| text[before]);
            // The part of a URL behind its scheme.
            if token.starts_with(b"//") || (before == b':' && token.starts_with(b"/") && token.get(1) == Some(&b'/')) {
                continue;
            }
            return Some((start..end, trim_end(token)));
        }
    })
}

fn trim_end(token: &[u8]) -> &[u8] {
    let end = token.iter().rposition(|byte| !b".".contains(byte)).map_or(0, |at| at + 1);
    &token[..end]
}

fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.+@/~*?${}%-".contains(&byte) || byte >= 0x80
}

/// A quoted string of a program, and where its first byte stands.
pub(super) struct Literal<'a> {
    pub(super) value: &'a [u8],
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) quote: u8,
}

/// Longer strings are texts, not names or commands.
const MOST_LITERAL_BYTES: usize = 2_000;

/// Returns the quoted strings of a program, comments being blanked. Strings with single quotes end at the end of a line.
pub(super) fn literals(text: &[u8]) -> impl Iterator<Item = Literal<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let open = at + memchr::memchr3(b'"', b'\'', b'`', text.get(at..)?)?;
            let quote = text[open];
            let start = open + 1;
            if text[start..].starts_with(&[quote, quote]) {
                // A long string: what it holds is looked at as it comes.
                at = open + 3;
                continue;
            }
            match closing(text, start, quote) {
                Some(end) => {
                    at = end + 1;
                    return Some(Literal { value: &text[start..end], start, end, quote });
                }
                None => at = start,
            }
        }
    })
}

fn closing(text: &[u8], start: usize, quote: u8) -> Option<usize> {
    let mut at = start;
    while at < text.len() && at - start <= MOST_LITERAL_BYTES {
        match text[at] {
            b'\\' => at += 1,
            b'\n' if quote != b'`' => return None,
            byte if byte == quote => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}
