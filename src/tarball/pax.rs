//! PAX extended headers: `LENGTH KEY=VALUE\n` records that take the place of header fields.
//!
//! Values are bytes and may hold newlines and NULs, so records are cut by their length, not by lines.

use super::Member;
use super::header::Kind;

const MOST_XATTRS: usize = 4096;

/// The records of the local headers before one entry.
#[derive(Debug, Default)]
pub(super) struct Records {
    seen: bool,
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<i64>,
    gid: Option<i64>,
    mtime: Option<i64>,
    sparse_name: Option<Vec<u8>>,
    sparse_size: Option<u64>,
    is_sparse: bool,
    sparse_map: Vec<u8>,
    is_odd: bool,
    xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Records {
    pub(super) fn is_empty(&self) -> bool {
        !self.seen
    }

    pub(super) fn clear(&mut self) {
        if self.seen {
            *self = Records::default();
        }
    }

    /// Takes in the records of one header.
    pub(super) fn read(&mut self, mut content: &[u8]) -> Result<(), String> {
        self.seen = true;
        // GNU tar pads with NULs at times.
        while content.first().is_some_and(|byte| *byte != 0) {
            let (key, value, rest) = split_record(content).ok_or("its PAX records are malformed")?;
            self.set(key, value)?;
            content = rest;
        }
        Ok(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        let bad = || format!("its PAX record {} is not a number", crate::escape::escape(key));
        // An empty value takes an earlier record back.
        let bytes = || (!value.is_empty()).then(|| value.to_vec());
        let size = || match value {
            b"" => Ok(None),
            _ => seconds(value).and_then(|n| u64::try_from(n).ok()).map(Some).ok_or_else(bad),
        };
        match key {
            b"path" => self.path = bytes(),
            b"linkpath" => self.link = bytes(),
            b"size" => self.size = size()?,
            b"uid" => self.uid = self.number(value, seconds),
            b"gid" => self.gid = self.number(value, seconds),
            b"mtime" => self.mtime = self.number(value, clamped_seconds),
            b"GNU.sparse.name" => self.sparse_name = bytes(),
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.sparse_size = size()?,
            _ if key.starts_with(b"GNU.sparse.") => {
                self.is_sparse = true;
                self.sparse_map.extend_from_slice(value);
                self.sparse_map.push(b',');
            }
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.set_xattr(name, value);
                }
            }
        }
        Ok(())
    }

    /// An owner or a time is never worth refusing an image for: what is not a number leaves the header's value, and a
    /// warning.
    fn number(&mut self, value: &[u8], parse: impl Fn(&[u8]) -> Option<i64>) -> Option<i64> {
        let number = parse(value);
        self.is_odd |= number.is_none() && !value.is_empty();
        number
    }

    fn set_xattr(&mut self, name: &[u8], value: &[u8]) {
        // A million attributes would make this search quadratic; no file system has more than a handful.
        match self.xattrs.iter().position(|(known, _)| known == name) {
            Some(at) => self.xattrs[at].1 = value.to_vec(),
            None if self.xattrs.len() < MOST_XATTRS => self.xattrs.push((name.to_vec(), value.to_vec())),
            None => {}
        }
    }

    /// Puts the records into `member`; returns the stored size where a record states it.
    pub(super) fn apply(&mut self, member: &mut Member) -> Option<u64> {
        if let Some(path) = self.sparse_name.take().or(self.path.take()) {
            member.path = path;
        }
        if let Some(link) = self.link.take() {
            member.link = link;
        }
        let numbers = &mut member.numbers;
        numbers.uid = self.uid.unwrap_or(numbers.uid);
        numbers.gid = self.gid.unwrap_or(numbers.gid);
        numbers.mtime = self.mtime.unwrap_or(numbers.mtime);
        if let (Some(size), Kind::File) = (self.size, member.kind) {
            member.size = size;
        }
        if self.is_sparse || self.sparse_size.is_some() {
            member.is_sparse = member.kind == Kind::File;
            member.size = self.sparse_size.unwrap_or(member.size);
            member.sparse_map.extend_from_slice(&self.sparse_map);
        }
        member.has_odd_record = self.is_odd;
        self.write_xattrs(&mut member.xattrs);
        self.size
    }

    fn write_xattrs(&mut self, out: &mut Vec<u8>) {
        out.clear();
        self.xattrs.sort();
        for (name, value) in &self.xattrs {
            out.extend_from_slice(name);
            out.push(0);
            // A header has at most a mebibyte, so its values fit.
            out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
            out.extend_from_slice(value);
        }
    }
}

/// Cuts the first record off: key, value, the records behind it.
fn split_record(content: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = content.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&content[..space]).ok()?.parse().ok()?;
    let record = content.get(..length)?;
    let body = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = memchr::memchr(b'=', body)?;
    Some((&body[..equals], &body[equals + 1..], &content[length..]))
}

/// Parses a decimal number, rounded down to whole seconds: `-1.5` is -2.
fn seconds(value: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(value).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    let is_below = whole.starts_with('-') && fraction.bytes().any(|byte| byte != b'0');
    if is_below { number.checked_sub(1) } else { Some(number) }
}

/// The same, cut to 64 bits where there are more digits.
fn clamped_seconds(value: &[u8]) -> Option<i64> {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let is_number =
        digits.first().is_some_and(u8::is_ascii_digit) && digits.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    let limit = if value.starts_with(b"-") { i64::MIN } else { i64::MAX };
    seconds(value).or_else(|| is_number.then_some(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_hold_newlines() {
        let mut records = Records::default();
        assert_eq!(records.read(b"13 path=a\nb\n\n"), Ok(()));
        assert_eq!(records.path.as_deref(), Some(&b"a\nb\n"[..]));
        assert!(Records::default().read(b"99 path=a\n").is_err());
        assert!(Records::default().read(b"10 size=x\n").is_err());
    }

    #[test]
    fn times_round_down() {
        assert_eq!(seconds(b"12.9"), Some(12));
        assert_eq!(seconds(b"-1"), Some(-1));
        assert_eq!(seconds(b"-1.5"), Some(-2));
        assert_eq!(seconds(b"-1.0"), Some(-1));
        assert_eq!(seconds(b"4611686018427387904"), Some(1 << 62));
        assert_eq!(seconds(b"99999999999999999999"), None);
        assert_eq!(seconds(b"1.x"), None);
    }
}
