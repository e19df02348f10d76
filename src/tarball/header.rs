//! One 512-byte header block: checksum, numbers, names, kinds.
//!
//! Formats are told apart by their magic as [`tar::UstarHeader`] and [`tar::GnuHeader`] describe them. Numbers are octal
//! text or, with the high bit of the first byte set, base-256. A member costs some hundred instructions here, so the
//! fields are decoded by hand.

use super::Member;

/// The size of a block.
pub const BLOCK: usize = 512;

/// What a member or entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Kind {
    /// A regular file, with content of its own.
    #[default]
    File,
    /// A further name of another entry.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
}

impl Kind {
    /// Returns the kind in words, as `what` writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::File => "file",
            Kind::HardLink => "hard link",
            Kind::Symlink => "symlink",
            Kind::CharDevice => "char device",
            Kind::BlockDevice => "block device",
            Kind::Directory => "directory",
            Kind::Fifo => "fifo",
        }
    }
}

/// The numeric fields of a header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Permission bits with setuid, setgid and sticky: `mode & 07777`. Docker 20.10 adds the file type; it is cut off.
    pub mode: u16,
    /// Owner.
    pub uid: i64,
    /// Group.
    pub gid: i64,
    /// Modification time, seconds since 1970, rounded down.
    pub mtime: i64,
    /// Device major and minor number.
    pub device: (u32, u32),
    /// An old GNU sparse header goes on in the next block.
    pub(crate) has_sparse_extension: bool,
}

/// Decodes a block into `member` and returns the type flag.
///
/// The content bytes that follow are left in `member.stored_bytes`.
pub(super) fn decode(block: &[u8; BLOCK], member: &mut Member) -> Result<u8, String> {
    check_sum(block)?;
    let flag = block[156];
    let size = number(&block[124..136]).ok_or_else(|| bad_field(block))?;
    member.stored_bytes = u64::try_from(size).map_err(|_| format!("its size is negative ({size})"))?;
    // Neighbours mostly have the same mode, owner and time: what was decoded once need not be decoded again.
    if block[100..124] != member.raw.owner || block[136..148] != member.raw.mtime {
        member.raw.decode(block).ok_or_else(|| bad_field(block))?;
    }
    member.numbers = member.raw.numbers;
    if matches!(flag, b'3' | b'4') {
        member.numbers.device = (device(block, 329)?, device(block, 337)?);
    }
    member.is_sparse = flag == b'S';
    member.sparse_map.clear();
    member.has_odd_type = false;
    member.kind = kind(flag, member);
    let has_content = matches!(member.kind, Kind::File) || matches!(flag, b'x' | b'X' | b'g' | b'L' | b'K');
    if !has_content {
        member.stored_bytes = 0;
    }
    member.size = member.stored_bytes;
    if member.is_sparse {
        member.size = u64::try_from(field(block, "real size", 483, 12)?).map_err(|_| "its real size is negative")?;
        member.numbers.has_sparse_extension = block[482] != 0;
        member.sparse_map.extend_from_slice(&block[386..482]);
    }
    names(block, member);
    Ok(flag)
}

/// The fields of the last header that its neighbour likely repeats, and what they say.
#[derive(Debug, Default)]
pub(super) struct Raw {
    /// Mode, uid and gid.
    owner: [u8; 24],
    mtime: [u8; 12],
    numbers: Numbers,
}

impl Raw {
    fn decode(&mut self, block: &[u8; BLOCK]) -> Option<()> {
        let mode = u16::try_from(number(&block[100..108])? & 0o7777).unwrap_or(0);
        let (uid, gid) = (number(&block[108..116])?, number(&block[116..124])?);
        self.numbers = Numbers { mode, uid, gid, mtime: number(&block[136..148])?, ..Numbers::default() };
        self.owner.copy_from_slice(&block[100..124]);
        self.mtime.copy_from_slice(&block[136..148]);
        Some(())
    }
}

/// The numbers of every header: name, offset, length.
const FIELDS: [(&str, usize, usize); 5] =
    [("mode", 100, 8), ("uid", 108, 8), ("gid", 116, 8), ("size", 124, 12), ("mtime", 136, 12)];

#[cold]
fn bad_field(block: &[u8; BLOCK]) -> String {
    let bad = FIELDS.iter().find(|(_, at, len)| number(&block[*at..*at + *len]).is_none());
    format!("its {} field is not a number", bad.map_or("size", |(name, ..)| name))
}

/// Says whether a block is a header.
pub(crate) fn is_valid(block: &[u8]) -> bool {
    block.first_chunk::<BLOCK>().is_some_and(|block| check_sum(block).is_ok())
}

fn kind(flag: u8, member: &mut Member) -> Kind {
    match flag {
        0 | b'0' | b'7' | b'S' => Kind::File,
        b'1' => Kind::HardLink,
        b'2' => Kind::Symlink,
        b'3' => Kind::CharDevice,
        b'4' => Kind::BlockDevice,
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        // POSIX: a reader takes a type that it does not know for a regular file.
        _ => {
            member.has_odd_type = true;
            Kind::File
        }
    }
}

fn device(block: &[u8; BLOCK], at: usize) -> Result<u32, String> {
    let number = field(block, "device number", at, 8)?;
    u32::try_from(number).map_err(|_| format!("its device number is {number}"))
}

/// Name and link target; ustar and star keep the front part of a long name in a field of its own.
fn names(block: &[u8; BLOCK], member: &mut Member) {
    member.path.clear();
    let is_posix = &block[257..263] == b"ustar\0";
    if is_posix && block[345] != 0 {
        // star has times where ustar's prefix goes on.
        let prefix = if &block[508..512] == b"tar\0" { &block[345..476] } else { &block[345..500] };
        member.path.extend_from_slice(text(prefix));
        member.path.push(b'/');
    }
    member.path.extend_from_slice(text(&block[..100]));
    member.link.clear();
    if matches!(member.kind, Kind::HardLink | Kind::Symlink) {
        member.link.extend_from_slice(text(&block[157..257]));
    }
}

fn text(field: &[u8]) -> &[u8] {
    &field[..memchr::memchr(0, field).unwrap_or(field.len())]
}

impl Member {
    /// What can only be said once names and sizes are final: v7 writes directories as files whose name ends in a slash.
    pub(super) fn settle(&mut self) {
        if self.kind == Kind::File && !self.has_odd_type && self.stored_bytes == 0 && self.path.ends_with(b"/") {
            self.kind = Kind::Directory;
        }
        if self.kind != Kind::File {
            self.size = 0;
        }
    }
}

/// Compares the checksum field with the sum of the block, the field itself counted as spaces.
fn check_sum(block: &[u8; BLOCK]) -> Result<(), String> {
    let stated = number(&block[148..156]).unwrap_or(-1);
    let in_field = sum_of(&block[148..156]);
    let sum = i64::try_from(sum_of(block) - in_field).unwrap_or(0) + 8 * i64::from(b' ');
    if stated == sum {
        return Ok(());
    }
    // Some old tars summed signed bytes.
    let high = block.iter().enumerate().filter(|(at, byte)| **byte >= 0x80 && !(148..156).contains(at)).count();
    if high > 0 && stated == sum - 256 * i64::try_from(high).unwrap_or(0) {
        return Ok(());
    }
    Err("its checksum is wrong".to_owned())
}

/// Sums whole words of a block in four lanes of 16 bits for even and odd bytes each, which the compiler turns into vector
/// instructions: a lane gets at most 64 × 255.
#[inline]
fn sum_of(bytes: &[u8]) -> u64 {
    const LANES: u64 = 0x00ff_00ff_00ff_00ff;
    let (words, _) = bytes.as_chunks::<8>();
    let (mut even, mut odd) = (0, 0);
    for bytes in words {
        let word = u64::from_ne_bytes(*bytes);
        even += word & LANES;
        odd += (word >> 8) & LANES;
    }
    let sums = even + odd;
    (sums & 0xffff) + ((sums >> 16) & 0xffff) + ((sums >> 32) & 0xffff) + (sums >> 48)
}

#[inline]
fn word(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

fn field(block: &[u8; BLOCK], name: &str, at: usize, len: usize) -> Result<i64, String> {
    number(&block[at..at + len]).ok_or_else(|| format!("its {name} field is not a number"))
}

/// Decodes a numeric field: octal text between blanks, or base-256 in two's complement.
#[inline]
pub(super) fn number(field: &[u8]) -> Option<i64> {
    padded_octal(field).or_else(|| other_number(field))
}

#[cold]
fn other_number(field: &[u8]) -> Option<i64> {
    match field {
        [first, ..] if first & 0x80 != 0 => base256(field),
        _ => octal(field),
    }
}

/// Decodes what nearly every writer writes: all digits, one terminator (two behind a checksum).
#[inline]
fn padded_octal(field: &[u8]) -> Option<i64> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    let is_blank = |at: usize| matches!(field.get(at), Some(0 | b' '));
    let value = match field.len() {
        8 if is_blank(7) && is_blank(6) => octal_word(word(field) >> 16 | ZEROS << 48)?,
        8 if is_blank(7) => octal_word(word(field) >> 8 | ZEROS << 56)?,
        12 if is_blank(11) => {
            let high = octal_word(word(field) >> 40 | ZEROS << 24)?;
            high << 24 | octal_word(word(&field[3..]))?
        }
        _ => return None,
    };
    i64::try_from(value).ok()
}

/// Decodes eight octal digits, the first in the highest byte: neighbours are joined three times.
#[inline]
fn octal_word(digits: u64) -> Option<u64> {
    if digits & 0xf8f8_f8f8_f8f8_f8f8 != 0x3030_3030_3030_3030 {
        return None;
    }
    let pairs = (digits & 0x0007_0007_0007_0007) | (digits & 0x0700_0700_0700_0700) >> 5;
    let fours = (pairs & 0x0000_003f_0000_003f) | (pairs & 0x003f_0000_003f_0000) >> 10;
    Some((fours & 0xfff) | (fours >> 32) << 12)
}

fn octal(field: &[u8]) -> Option<i64> {
    let mut value: i64 = 0;
    let mut digits = field.iter().skip_while(|byte| **byte == b' ');
    for byte in digits.by_ref() {
        match byte {
            b'0'..=b'7' => value = (value << 3) | i64::from(byte - b'0'),
            0 | b' ' => break,
            _ => return None,
        }
    }
    // Behind the digits only blanks and NULs may follow, but some writers leave anything behind the first NUL.
    Some(value)
}

fn base256(field: &[u8]) -> Option<i64> {
    let (first, rest) = field.split_first()?;
    let is_negative = first & 0x40 != 0;
    // The first byte holds a marker bit, then the number; sign-extend what is left of it.
    let start = if is_negative { i128::from(first & 0x7f) - 0x80 } else { i128::from(first & 0x7f) };
    let value = rest.iter().try_fold(start, |value, byte| value.checked_mul(256)?.checked_add(i128::from(*byte)))?;
    i64::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_every_notation() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"   644 \0"), Some(0o644));
        assert_eq!(number(b"\0\0\0\0\0\0\0\0"), Some(0));
        assert_eq!(number(b"77777777777\0"), Some(0o77_777_777_777));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\0\0\0\x10\0"), Some(4096));
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), Some(-1));
        assert_eq!(number(b"\x80\x40\0\0\0\0\0\0\0\0\0\0"), None);
        assert_eq!(number(b"12x\0"), None);
        assert_eq!(number(b"7654321\0"), Some(0o7_654_321));
        assert_eq!(number(b"765432\0 "), Some(0o765_432));
        assert_eq!(number(b"12345670123\0"), Some(0o12_345_670_123));
        assert_eq!(number(b"12345670123 "), Some(0o12_345_670_123));
        assert_eq!(number(b"1234567012345670"), Some(0o1_234_567_012_345_670));
        assert_eq!(number(b"1238567\0"), None);
    }

    #[test]
    fn agrees_with_the_tar_crate() {
        let mut header = tar::Header::new_gnu();
        header.set_path("usr/bin/tool").expect("short enough");
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(1234);
        header.set_mode(0o104_755);
        header.set_uid(1 << 40);
        header.set_gid(7);
        header.set_mtime(1_700_000_000);
        header.set_cksum();
        let mut member = Member::default();
        assert_eq!(decode(header.as_bytes(), &mut member), Ok(b'0'));
        assert_eq!(member.path, b"usr/bin/tool");
        assert_eq!((member.size, member.stored_bytes), (1234, 1234));
        let expected = Numbers { mode: 0o4755, uid: 1 << 40, gid: 7, mtime: 1_700_000_000, ..Numbers::default() };
        assert_eq!(member.numbers, expected);
        let mut broken = *header.as_bytes();
        broken[0] ^= 1;
        assert!(decode(&broken, &mut member).is_err());
    }
}
