//! Paths inside an image: bytes, components below `/`, and what a `.wh.` name means. [Model](crate::model) 1 and 2.
//!
//! Names are bytes: they need not be UTF-8, and two names that differ in one byte are two names. Text appears only at
//! the edge, through [`crate::escape`].

/// What the last component of a member's path stands for.
///
/// See [whiteouts](https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// An ordinary entry of the layer.
    Entry,
    /// `.wh.NAME`: removes the path that this holds (the whole path with `.wh.` taken away) from the lower view.
    Whiteout {
        /// Where the marked name starts in the path: `parent` bytes belong to the directory.
        parent: &'a [u8],
        /// The name without its `.wh.`.
        name: &'a [u8],
    },
    /// `.wh..wh..opq`: hides everything that lower layers show in the directory.
    Opaque {
        /// The directory, empty for the root.
        directory: &'a [u8],
    },
    /// AUFS bookkeeping (`.wh..wh.*`): no file, not shown, not counted.
    Bookkeeping,
    /// A whiteout that names nothing (`.wh.`, `.wh..`, `.wh...`): it can remove nothing.
    Nameless,
}

pub(crate) const WHITEOUT: &[u8] = b".wh.";
const BOOKKEEPING: &[u8] = b".wh..wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What came of writing a name in its normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normal {
    /// A path of ordinary components.
    Plain,
    /// A path with a component that starts with `.wh.`: [`meaning`] says what it means.
    Marked,
    /// The name climbs above the root; what was written means nothing.
    Outside,
}

/// Writes the normal form of a member's name into `out`: components joined by one `/`, none before the first.
///
/// `.`, empty components and leading slashes vanish, `..` takes the component before it away. The root is the empty
/// path.
pub fn normalize(raw: &[u8], out: &mut Vec<u8>) -> Normal {
    out.clear();
    // Nearly every name is in its normal form already, but for `./` before it and a slash behind it.
    let raw = raw.strip_prefix(b"./").unwrap_or(raw);
    if is_clean(raw) {
        out.extend_from_slice(raw.strip_suffix(b"/").unwrap_or(raw));
        return Normal::Plain;
    }
    normalize_slowly(raw, out)
}

/// Writes the normal form of a name that is another one in the directory which ends, its slash included, at `directory`
/// in the normal path `previous`; `false` where it is not.
///
/// Layers are written directory by directory, so this is what nearly every name is.
pub fn normalize_sibling(raw: &[u8], previous: &[u8], directory: usize, out: &mut Vec<u8>) -> bool {
    let Some((above, name)) = raw.split_at_checked(directory) else {
        return false;
    };
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let is_sibling = above == &previous[..directory] && !matches!(name.first(), None | Some(b'.')) && !has_slash(name);
    if is_sibling {
        out.clear();
        out.extend_from_slice(&raw[..directory + name.len()]);
    }
    is_sibling
}

/// Looks for a slash in a short name, eight bytes at a time; the last eight may be looked at twice.
fn has_slash(name: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let in_word = |bytes: &[u8; 8]| {
        // A slash becomes a zero byte, and only with one is a high bit left over.
        let word = u64::from_ne_bytes(*bytes) ^ (ONES * u64::from(b'/'));
        word.wrapping_sub(ONES) & !word & (ONES << 7) != 0
    };
    match name.last_chunk() {
        Some(tail) => in_word(tail) || name.as_chunks().0.iter().any(in_word),
        None => name.contains(&b'/'),
    }
}

/// Says that no component is empty or starts with a dot. Without a branch in the loop, so that the compiler takes many
/// bytes at a time; '.' and '/' differ in their lowest bit only.
#[expect(clippy::needless_bitwise_bool, reason = "a branch in the loop costs more than what it saves")]
fn is_clean(raw: &[u8]) -> bool {
    if matches!(raw.first(), None | Some(b'/' | b'.')) {
        return false;
    }
    let pairs = raw.iter().zip(&raw[1..]);
    !pairs.fold(false, |found, (this, next)| found | ((*this == b'/') & (*next | 1 == b'/')))
}

fn normalize_slowly(raw: &[u8], out: &mut Vec<u8>) -> Normal {
    let mut normal = Normal::Plain;
    let mut start = 0;
    loop {
        let end = memchr::memchr(b'/', &raw[start..]).map_or(raw.len(), |at| start + at);
        let component = &raw[start..end];
        if component.first() == Some(&b'.') {
            match component {
                b"." => {}
                b".." if out.is_empty() => return Normal::Outside,
                b".." => out.truncate(memchr::memrchr(b'/', out).unwrap_or(0)),
                _ => {
                    if component.starts_with(WHITEOUT) {
                        normal = Normal::Marked;
                    }
                    push(component, out);
                }
            }
        } else if !component.is_empty() {
            push(component, out);
        }
        if end == raw.len() {
            return normal;
        }
        start = end + 1;
    }
}

fn push(component: &[u8], out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b'/');
    }
    out.extend_from_slice(component);
}

/// Returns the number of leading bytes that are equal, eight at a time.
#[must_use]
pub fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let mut at = 0;
    for (left, right) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        let (left, right) = (u64::from_le_bytes(*left), u64::from_le_bytes(*right));
        if left != right {
            return at + (left ^ right).trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + a[at..].iter().zip(&b[at..]).take_while(|(left, right)| left == right).count()
}

/// Compares two normal paths in the order of a walk: a directory before what is below it, siblings by name.
#[must_use]
pub fn walk_order(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    let at = common_prefix(a, b);
    // The end of a path sorts lowest, a slash next.
    let key = |path: &[u8]| path.get(at).map(|byte| if *byte == b'/' { 0 } else { u16::from(*byte) + 1 });
    key(a).cmp(&key(b))
}

/// Splits a normal path into its directory and its last component.
#[must_use]
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b'/', path) {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

/// Says what a normal path means in a layer.
#[must_use]
pub fn meaning(path: &[u8]) -> Meaning<'_> {
    let (directory, name) = split(path);
    // `.wh..wh..opq` is the one name of its kind that means something, and only as the last component.
    let above = directory.split(|byte| *byte == b'/');
    if above.chain((name != OPAQUE).then_some(name)).any(|component| component.starts_with(BOOKKEEPING)) {
        return Meaning::Bookkeeping;
    }
    if name == OPAQUE {
        return Meaning::Opaque { directory };
    }
    match name.strip_prefix(WHITEOUT) {
        None => Meaning::Entry,
        Some(b"" | b"." | b"..") => Meaning::Nameless,
        Some(name) => Meaning::Whiteout { parent: directory, name },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(raw: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        (normalize(raw, &mut out) != Normal::Outside).then_some(out)
    }

    #[test]
    fn dots_slashes_and_climbing() {
        assert_eq!(normal(b"./a//b/").as_deref(), Some(&b"a/b"[..]));
        assert_eq!(normal(b"/abs").as_deref(), Some(&b"abs"[..]));
        assert_eq!(normal(b"a/../c").as_deref(), Some(&b"c"[..]));
        assert_eq!(normal(b"a/b/../../c").as_deref(), Some(&b"c"[..]));
        assert_eq!(normal(b"./").as_deref(), Some(&b""[..]));
        assert_eq!(normal(b"../x"), None);
        assert_eq!(normal(b"a/../../x"), None);
        assert_eq!(normal(b".../x").as_deref(), Some(&b".../x"[..]));
        assert_eq!(normal(b"usr/share/doc/a").as_deref(), Some(&b"usr/share/doc/a"[..]));
        assert_eq!(normal(b"usr/share//doc/").as_deref(), Some(&b"usr/share/doc"[..]));
        assert_eq!(normal(b"usr/share/doc/./a").as_deref(), Some(&b"usr/share/doc/a"[..]));
        assert_eq!(normal(b"usr/share/doc../a").as_deref(), Some(&b"usr/share/doc../a"[..]));
        assert_eq!(normal(b"usr/share/do/..").as_deref(), Some(&b"usr/share"[..]));
        assert_eq!(normal(b".//").as_deref(), Some(&b""[..]));
        assert_eq!(normal(b"./../x"), None);
    }

    #[test]
    fn prefixes() {
        assert_eq!(common_prefix(b"", b"abc"), 0);
        assert_eq!(common_prefix(b"abcdefghij", b"abcdefghiX"), 9);
        assert_eq!(common_prefix(b"abcdefgh", b"abcdefgh"), 8);
        assert_eq!(common_prefix(b"abcXefgh", b"abcdefgh"), 3);
    }

    #[test]
    fn slashes_are_found_at_every_place() {
        for length in 0..20 {
            for filler in [b'a', b'.', b'0', 0x2e, 0xaf, 0x00, 0xff] {
                let mut name = vec![filler; length];
                assert!(!has_slash(&name), "{name:?}");
                for at in 0..length {
                    name[at] = b'/';
                    assert!(has_slash(&name), "{name:?}");
                    name[at] = filler;
                }
            }
        }
    }

    #[test]
    fn a_walk_comes_to_a_directory_before_its_siblings() {
        let mut paths: Vec<&[u8]> = vec![b"b", b"a/c", b"a", b"a-b", b"a/c/d", b""];
        paths.sort_by(|a, b| walk_order(a, b));
        assert_eq!(paths, [&b""[..], b"a", b"a/c", b"a/c/d", b"a-b", b"b"]);
    }

    #[test]
    fn marks_are_noticed() {
        let mut out = Vec::new();
        assert_eq!(normalize(b"a/.wh.b", &mut out), Normal::Marked);
        assert_eq!(normalize(b"./.wh..wh.plnk/x", &mut out), Normal::Marked);
        assert_eq!(normalize(b"a.wh.b/.w", &mut out), Normal::Plain);
    }

    #[test]
    fn whiteout_names() {
        assert_eq!(meaning(b"a/b"), Meaning::Entry);
        assert_eq!(meaning(b"a/x.wh.y"), Meaning::Entry);
        assert_eq!(meaning(b"a/.wh.b"), Meaning::Whiteout { parent: b"a", name: b"b" });
        assert_eq!(meaning(b".wh.b"), Meaning::Whiteout { parent: b"", name: b"b" });
        assert_eq!(meaning(b".wh..hidden"), Meaning::Whiteout { parent: b"", name: b".hidden" });
        assert_eq!(meaning(b"a/.wh..wh..opq"), Meaning::Opaque { directory: b"a" });
        assert_eq!(meaning(b".wh..wh..opq"), Meaning::Opaque { directory: b"" });
        assert_eq!(meaning(b".wh..wh.aufs"), Meaning::Bookkeeping);
        assert_eq!(meaning(b".wh..wh.plnk/12.34"), Meaning::Bookkeeping);
        assert_eq!(meaning(b"a.wh.b/.wh..wh.orph/x"), Meaning::Bookkeeping);
        assert_eq!(meaning(b".wh."), Meaning::Nameless);
        assert_eq!(meaning(b".wh..."), Meaning::Nameless);
        assert_eq!(meaning(b".wh.x/file"), Meaning::Entry);
    }
}
