//! Tar as container tools write it: one forward pass over any `Feed`, for whole archives and for layers alike.
//!
//! Understood: v7, ustar (name prefix), star, GNU (long names and links, base-256 numbers, sparse files), PAX (local
//! records; global ones are read over, as engines do). Promises: no allocation per member once the buffers have grown,
//! no length is trusted before it is checked, every error says at which byte. The layout of the header blocks comes from
//! the [`tar`] crate; its own reader is not used, because it neither bounds what a long name may take nor reads PAX
//! values with newlines in them, and it costs several times as much per member.

pub mod header;
mod pax;

use crate::error::{Error, Result};
use crate::source::feed::{Feed, MOST_PEEKED};
use header::{BLOCK, Kind, Numbers};

/// The most that the PAX headers and GNU long names of one entry may have together, and a sparse file's map; what Go's
/// `archive/tar`, and so every engine, accepts of one.
const MOST_SPECIAL_BYTES: u64 = 1 << 20;
/// Enough for every real chain of special members before one entry.
const MOST_SPECIAL_MEMBERS: u32 = 64;

/// One member, as its headers describe it. The buffers are used again for the next one.
#[derive(Debug, Default)]
pub struct Member {
    /// The name as it stands in the archive.
    pub path: Vec<u8>,
    /// The link's target as it stands in the archive.
    pub link: Vec<u8>,
    /// Extended attributes (`SCHILY.xattr.*`): name, NUL, value length (little endian `u32`), value; sorted by name.
    pub xattrs: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Content bytes once extracted; 0 for everything but regular files.
    pub size: u64,
    /// Content bytes that stand in the archive.
    pub stored_bytes: u64,
    /// Mode, owner, time and device.
    pub numbers: Numbers,
    /// A sparse file: `stored_bytes` are its data, maybe with its map, not its content.
    pub is_sparse: bool,
    /// The sparse file's map, as far as it stands in headers.
    pub sparse_map: Vec<u8>,
    /// The type flag is none that tar readers agree about.
    pub has_odd_type: bool,
    /// A PAX record for owner or time is no number: the header's value stands.
    pub has_odd_record: bool,
    raw: header::Raw,
}

/// Walks the members of a tar.
pub struct Walker<F> {
    feed: F,
    member: Member,
    /// Content of the current member that was not read yet, and the padding behind it.
    left: u64,
    padding: u64,
    count: u64,
    special: Special,
    saw_end: bool,
}

/// What special members say about the entry that follows them.
#[derive(Debug, Default)]
struct Special {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: pax::Records,
    scratch: Vec<u8>,
    /// What they have together.
    bytes: u64,
}

impl<F: Feed> Walker<F> {
    /// Starts at the first header.
    pub fn new(feed: F) -> Self {
        Walker {
            feed,
            member: Member::default(),
            left: 0,
            padding: 0,
            count: 0,
            special: Special::default(),
            saw_end: false,
        }
    }

    /// Returns the number of members seen so far, the current one included.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Says whether the end blocks were seen: without them only the size tells a whole tar from a cut one.
    #[must_use]
    pub fn saw_end(&self) -> bool {
        self.saw_end
    }

    /// Returns the current member.
    #[must_use]
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// Returns the offset of the next unread byte.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.feed.position()
    }

    /// Returns the content bytes of the current member that were not read yet.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Gives the feed back, at the end of the tar.
    pub fn into_feed(self) -> F {
        self.feed
    }

    /// Returns the feed.
    #[must_use]
    pub fn feed(&self) -> &F {
        &self.feed
    }

    /// Goes on to the next member, over what is left of the current one; `false` at the end.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::BadHeader`], [`Error::TooLarge`], and what the feed answers.
    pub fn advance(&mut self) -> Result<bool> {
        self.finish_member()?;
        self.special.clear();
        for _ in 0..MOST_SPECIAL_MEMBERS {
            let at = self.feed.position();
            let Some(flag) = self.read_header()? else {
                return Ok(false);
            };
            match flag {
                b'L' => self.special.path = Some(self.read_long_name(at)?),
                b'K' => self.special.link = Some(self.read_long_name(at)?),
                b'x' | b'X' => self.read_pax(at)?,
                // Global records are for the archive, not for files: engines pass over them too.
                b'g' => {
                    self.check_special_size(at)?;
                    self.finish_member()?;
                }
                _ => {
                    self.apply_special(at)?;
                    self.count += 1;
                    return Ok(true);
                }
            }
        }
        Err(self.bad(self.feed.position(), "too many special headers in a row"))
    }

    /// Returns the content of the current member that is in memory, if all of it is.
    #[must_use]
    pub fn content_in_memory(&self) -> Option<&[u8]> {
        let left = usize::try_from(self.left).ok()?;
        self.feed.buffered().get(..left)
    }

    /// Hands the rest of the current member's content to `take`, piece by piece.
    ///
    /// # Errors
    /// [`Error::Truncated`] where the tar ends first, and what the feed answers.
    pub fn read_content(&mut self, mut take: impl FnMut(&[u8])) -> Result<()> {
        while self.left > 0 {
            let piece = self.next_piece()?;
            take(piece);
            let read = piece.len();
            self.consume_content(read);
        }
        Ok(())
    }

    /// Returns some of the content that is left, not consumed; empty at its end.
    pub(crate) fn next_piece(&mut self) -> Result<&[u8]> {
        if self.left == 0 {
            return Ok(&[]);
        }
        let (at, missing) = (self.feed.position(), self.left);
        let bytes = self.feed.piece(self.left)?;
        if bytes.is_empty() {
            return Err(Error::Truncated { at, missing, inside: "a file's content" });
        }
        Ok(bytes)
    }

    /// Returns the start of the content that is left, not consumed: `n` bytes unless there are fewer.
    pub(crate) fn peek_content(&mut self, n: usize) -> Result<&[u8]> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let bytes = self.feed.peek(n.min(most))?;
        Ok(&bytes[..bytes.len().min(n).min(most)])
    }

    pub(crate) fn consume_content(&mut self, n: usize) {
        self.feed.consume(n);
        self.left -= n as u64;
    }

    /// Goes over the content that was not read, and the padding.
    pub(crate) fn finish_member(&mut self) -> Result<()> {
        if self.left > 0 {
            let skipped = self.feed.skip(self.left)?;
            if skipped < self.left {
                let missing = self.left - skipped;
                return Err(Error::Truncated { at: self.feed.position(), missing, inside: "a file's content" });
            }
        }
        // Some writers (umoci insert) end a layer right after the last byte: no padding, no end blocks.
        self.feed.skip(self.padding)?;
        (self.left, self.padding) = (0, 0);
        Ok(())
    }

    /// Decodes the next header block into the member; returns its type flag, or nothing at the end.
    fn read_header(&mut self) -> Result<Option<u8>> {
        let at = self.feed.position();
        let bytes = self.feed.peek(BLOCK)?;
        if bytes.first().is_none_or(|first| *first == 0) && is_end(bytes) {
            return self.check_end(at).map(|()| None);
        }
        let Some(block) = bytes.first_chunk::<BLOCK>() else {
            let missing = (BLOCK - bytes.len()) as u64;
            return Err(Error::Truncated { at: at + bytes.len() as u64, missing, inside: "a header" });
        };
        let flag = header::decode(block, &mut self.member).map_err(|problem| Error::BadHeader { at, problem })?;
        self.feed.consume(BLOCK);
        self.set_content(self.member.stored_bytes, at)?;
        Ok(Some(flag))
    }

    fn set_content(&mut self, stored: u64, at: u64) -> Result<()> {
        self.left = stored;
        self.padding = stored.wrapping_neg() % BLOCK as u64;
        let end = self.feed.position().checked_add(stored).and_then(|end| end.checked_add(self.padding));
        match end {
            Some(end) if i64::try_from(end).is_ok() => Ok(()),
            _ => Err(self.bad(at, &format!("it says that {stored} bytes follow"))),
        }
    }

    /// A zero block ends the tar, if another one or the end of the bytes follows it.
    fn check_end(&mut self, at: u64) -> Result<()> {
        let bytes = self.feed.peek(2 * BLOCK)?;
        match bytes.get(BLOCK..(2 * BLOCK).min(bytes.len())) {
            Some(second) if second.iter().any(|byte| *byte != 0) => {
                Err(self.bad(at, "a block of zeros stands where a header must be"))
            }
            _ => {
                let end = bytes.len().min(2 * BLOCK);
                self.saw_end = end >= BLOCK;
                self.feed.consume(end);
                Ok(())
            }
        }
    }

    #[allow(clippy::unused_self)]
    fn bad(&self, at: u64, problem: &str) -> Error {
        Error::BadHeader { at, problem: problem.to_owned() }
    }

    fn check_special_size(&mut self, at: u64) -> Result<()> {
        self.special.bytes = self.special.bytes.saturating_add(self.left);
        if self.special.bytes <= MOST_SPECIAL_BYTES {
            return Ok(());
        }
        let what = format!("the extended header at byte {at} ({} bytes)", self.special.bytes);
        Err(Error::TooLarge { what, limit: format!("{MOST_SPECIAL_BYTES} bytes") })
    }

    /// Reads the content of a special member into the scratch buffer.
    fn read_special(&mut self, at: u64) -> Result<Vec<u8>> {
        self.check_special_size(at)?;
        let mut content = std::mem::take(&mut self.special.scratch);
        content.clear();
        self.read_content(|piece| content.extend_from_slice(piece))?;
        self.finish_member()?;
        Ok(content)
    }

    fn read_long_name(&mut self, at: u64) -> Result<Vec<u8>> {
        let mut name = self.read_special(at)?;
        name.truncate(memchr::memchr(0, &name).unwrap_or(name.len()));
        Ok(name)
    }

    fn read_pax(&mut self, at: u64) -> Result<()> {
        let content = self.read_special(at)?;
        let result = self.special.pax.read(&content);
        self.special.scratch = content;
        result.map_err(|problem| Error::BadHeader { at, problem })
    }

    /// Lets PAX records and GNU long names take the place of what the header says.
    fn apply_special(&mut self, at: u64) -> Result<()> {
        if let Some(path) = self.special.path.take() {
            self.member.path = path;
        }
        if let Some(link) = self.special.link.take() {
            self.member.link = link;
        }
        if self.special.pax.is_empty() {
            self.member.xattrs.clear();
            self.member.has_odd_record = false;
        } else {
            let stored = self.special.pax.apply(&mut self.member);
            if let Some(stored) = stored.filter(|_| self.member.kind == Kind::File) {
                self.member.stored_bytes = stored;
                self.set_content(stored, at)?;
            }
        }
        self.member.settle();
        if self.member.is_sparse {
            self.read_sparse_extension()?;
        }
        Ok(())
    }

    /// Old GNU sparse headers go on in blocks of their own, before the data.
    fn read_sparse_extension(&mut self) -> Result<()> {
        while self.member.numbers.has_sparse_extension {
            let at = self.feed.position();
            let Some(block) = self.feed.peek(BLOCK)?.first_chunk::<BLOCK>() else {
                return Err(Error::Truncated { at, missing: BLOCK as u64, inside: "a sparse header" });
            };
            self.member.numbers.has_sparse_extension = block[504] != 0;
            self.member.sparse_map.extend_from_slice(&block[..504]);
            self.feed.consume(BLOCK);
            if self.member.sparse_map.len() as u64 > MOST_SPECIAL_BYTES {
                let what = "the map of a sparse file".to_owned();
                return Err(Error::TooLarge { what, limit: format!("{MOST_SPECIAL_BYTES} bytes") });
            }
        }
        Ok(())
    }
}

fn is_end(bytes: &[u8]) -> bool {
    bytes.iter().take(BLOCK).all(|byte| *byte == 0)
}

impl Special {
    fn clear(&mut self) {
        self.path = None;
        self.link = None;
        self.bytes = 0;
        self.pax.clear();
    }
}

/// The content of a walker's current member, as a reader.
pub struct WholeContent<'a, F>(pub &'a mut Walker<F>);

impl<F: Feed> std::io::Read for WholeContent<'_, F> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let piece = self.0.next_piece().map_err(std::io::Error::other)?;
        let n = piece.len().min(buf.len());
        buf[..n].copy_from_slice(&piece[..n]);
        self.0.consume_content(n);
        Ok(n)
    }
}

impl<F: Feed> std::io::BufRead for WholeContent<'_, F> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.0.next_piece().map_err(std::io::Error::other)
    }

    fn consume(&mut self, n: usize) {
        self.0.consume_content(n);
    }
}

const _: () = assert!(2 * BLOCK <= MOST_PEEKED);
