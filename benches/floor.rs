//! The header-only floor: the least that any program must do that finds every entry of plain layers.
//!
//! `floor --image FILE` walks the outer tar of FILE and the headers of every plain layer in it. It reads
//! windows (4 KiB after a long jump, doubling to 64 KiB while headers are dense), jumps over contents,
//! takes type and size from each header, checks nothing and keeps nothing. The goals of
//! `benches/goals.sh` are multiples of its time. Without `--image`, as cargo calls it, it says so and ends.

#![allow(clippy::print_stdout, reason = "a command: its product is what it prints")]

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::process::ExitCode;

const HEADER: usize = 512;
const BLOCK: u64 = HEADER as u64;
const LEAST: usize = 4 << 10;
const MOST: usize = 64 << 10;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--image").skip(1);
    let Some(path) = arguments.next() else {
        println!("usage: cargo bench --bench floor -- --image FILE");
        return ExitCode::SUCCESS;
    };
    match scan(&path) {
        Ok((layers, entries)) => {
            println!("{layers} layers\t{entries} entries");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("floor: {path}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Counts the plain layers of the archive at `path` and their entries.
fn scan(path: &str) -> io::Result<(usize, u64)> {
    let file = File::open(path)?;
    let end = file.metadata()?.len();
    let mut window = Window::new(file);
    let mut layers = Vec::new();
    let mut members = Walk { at: 0, end };
    while let Some(member) = members.next(&mut window)? {
        if member.is_file() && window.is_tar(&member)? {
            layers.push(member);
        }
    }
    let mut entries = 0;
    for layer in &layers {
        let mut walk = Walk { at: layer.content, end: layer.content + layer.size };
        while let Some(entry) = walk.next(&mut window)? {
            entries += u64::from(!entry.is_extension());
        }
    }
    Ok((layers.len(), entries))
}

/// What the floor takes from a header.
struct Member {
    kind: u8,
    size: u64,
    /// The offset of the content in the file.
    content: u64,
}

impl Member {
    fn parse(header: &[u8], at: u64) -> Self {
        Self { kind: header[156], size: number(&header[124..136]), content: at + BLOCK }
    }

    fn is_file(&self) -> bool {
        matches!(self.kind, b'0' | 0)
    }

    /// PAX records and GNU long names: headers about the entry that follows.
    fn is_extension(&self) -> bool {
        matches!(self.kind, b'x' | b'g' | b'L' | b'K')
    }

    /// The offset of the next header. Links and directories have no content, whatever their size says.
    fn next(&self) -> u64 {
        match self.kind {
            b'1' | b'2' | b'5' => self.content,
            _ => self.content + self.size.next_multiple_of(BLOCK),
        }
    }
}

/// Goes from header to header.
struct Walk {
    at: u64,
    end: u64,
}

impl Walk {
    fn next(&mut self, window: &mut Window) -> io::Result<Option<Member>> {
        if self.at + BLOCK > self.end {
            return Ok(None);
        }
        let header = window.block(self.at)?;
        // The checksum: a name may be empty, as in some writers' PAX headers.
        if header[148] == 0 {
            return Ok(None);
        }
        let member = Member::parse(header, self.at);
        self.at = member.next();
        Ok(Some(member))
    }
}

/// The part of the file that was read last.
struct Window {
    file: File,
    bytes: Vec<u8>,
    start: u64,
    length: usize,
    /// How much the next read asks for.
    reach: usize,
}

impl Window {
    fn new(file: File) -> Self {
        Self { file, bytes: vec![0; MOST], start: 0, length: 0, reach: LEAST }
    }

    /// Returns the block at `at`, from the window or a new one.
    fn block(&mut self, at: u64) -> io::Result<&[u8]> {
        let end = self.start + self.length as u64;
        if at < self.start || at + BLOCK > end {
            let is_near = at >= end && at - end < LEAST as u64;
            self.reach = if is_near { MOST.min(self.reach * 2) } else { LEAST };
            self.start = at;
            self.length = self.file.read_at(&mut self.bytes[..self.reach], at)?;
        }
        let offset = usize::try_from(at - self.start).unwrap_or(usize::MAX);
        if offset + HEADER > self.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(&self.bytes[offset..offset + HEADER])
    }

    /// Says whether the content of `member` begins as a tar does.
    fn is_tar(&mut self, member: &Member) -> io::Result<bool> {
        Ok(member.size >= BLOCK && self.block(member.content)?[257..262] == *b"ustar")
    }
}

/// An octal field, or a binary one where the first bit is set.
fn number(field: &[u8]) -> u64 {
    if field[0] & 0x80 != 0 {
        return field[1..].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    }
    let digits = field.iter().filter(|byte| matches!(byte, b'0'..=b'7'));
    digits.fold(0, |sum, byte| sum << 3 | u64::from(byte & 7))
}
