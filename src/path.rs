//! Paths inside an image: bytes, components below `/`, and what a `.wh.` name means. MODEL.md 1 and 2.
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

const WHITEOUT: &[u8] = b".wh.";
const BOOKKEEPING: &[u8] = b".wh..wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// Writes the normal form of a member's name into `out`: components joined by one `/`, none before the first.
///
/// `.`, empty components and leading slashes vanish, `..` takes the component before it away. The root is the empty
/// path. Returns `false`, with `out` unspecified, where the name climbs above the root.
pub fn normalize(raw: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let mut start = 0;
    loop {
        let end = memchr::memchr(b'/', &raw[start..]).map_or(raw.len(), |at| start + at);
        match &raw[start..end] {
            b"" | b"." => {}
            b".." => {
                if out.is_empty() {
                    return false;
                }
                out.truncate(memchr::memrchr(b'/', out).unwrap_or(0));
            }
            component => {
                if !out.is_empty() {
                    out.push(b'/');
                }
                out.extend_from_slice(component);
            }
        }
        if end == raw.len() {
            return true;
        }
        start = end + 1;
    }
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
    // One search settles nearly every path: no `.wh.` anywhere, so nothing special.
    let Some(first) = memchr::memmem::find(path, WHITEOUT) else {
        return Meaning::Entry;
    };
    let (directory, name) = split(path);
    if has_bookkeeping(&path[first..], first == 0 || path[first - 1] == b'/', name) {
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

/// Looks for a component that starts with `.wh..wh.`, the opaque marker as last component excepted.
fn has_bookkeeping(rest: &[u8], at_start: bool, last: &[u8]) -> bool {
    let mut components = rest.split(|byte| *byte == b'/');
    if !at_start {
        components.next();
    }
    let mut components = components.peekable();
    while let Some(component) = components.next() {
        let is_marker = components.peek().is_none() && last == OPAQUE;
        if component.starts_with(BOOKKEEPING) && !is_marker {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(raw: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        normalize(raw, &mut out).then_some(out)
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
