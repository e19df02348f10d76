//! Paragraphs of `Name: value` fields, with continued lines: the form of dpkg's databases and of Python's metadata.
//!
//! See [deb-control](https://manpages.debian.org/deb822.5). Names are compared without regard to case.

/// Splits a file at its empty lines; empty paragraphs are left out.
pub(super) fn paragraphs(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        while let Some(blank) = blank_line(rest) {
            rest = &rest[blank..];
        }
        if rest.is_empty() {
            return None;
        }
        let mut end = 0;
        while end < rest.len() && blank_line(&rest[end..]).is_none() {
            end += memchr::memchr(b'\n', &rest[end..]).map_or(rest.len() - end, |at| at + 1);
        }
        let (paragraph, after) = rest.split_at(end);
        rest = after;
        Some(paragraph)
    })
}

/// The length of the empty line that `bytes` start with.
fn blank_line(bytes: &[u8]) -> Option<usize> {
    [&b"\n"[..], b"\r\n"].iter().find(|end| bytes.starts_with(end)).map(|end| end.len())
}

/// A field's name, and its value with all continued lines, without the white space around it.
pub(super) type Field<'a> = (&'a [u8], &'a [u8]);

/// The fields of a paragraph; `None` for a line that is not one.
pub(super) fn fields(paragraph: &[u8]) -> impl Iterator<Item = Option<Field<'_>>> {
    let mut rest = paragraph;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = line_end(rest);
        while matches!(rest.get(end), Some(b' ' | b'\t')) {
            end += line_end(&rest[end..]);
        }
        let (field, after) = rest.split_at(end);
        rest = after;
        Some(split_field(field))
    })
}

/// The length of the first line with its end.
fn line_end(bytes: &[u8]) -> usize {
    memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1)
}

fn split_field(field: &[u8]) -> Option<Field<'_>> {
    let (name, value) = super::bounds::split_once(field, b':')?;
    let is_name = |byte: &u8| byte.is_ascii_graphic();
    (!name.is_empty() && name.iter().all(is_name)).then(|| (name, value.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_end_at_empty_lines() {
        let text = b"\n\nA: 1\nB: 2\n\n\r\n\nC: 3";
        assert_eq!(paragraphs(text).collect::<Vec<_>>(), [&b"A: 1\nB: 2\n"[..], b"C: 3"]);
        assert_eq!(paragraphs(b"\n\n").count(), 0);
    }

    #[test]
    fn fields_keep_their_continued_lines() {
        let found: Vec<_> = fields(b"A: 1\nB:\n x\n .\n\ty \nnonsense\n: none\nC:z").collect();
        let expected: [Option<Field<'_>>; 5] =
            [Some((b"A", b"1")), Some((b"B", b"x\n .\n\ty")), None, None, Some((b"C", b"z"))];
        assert_eq!(found, expected);
    }
}
