//! File contents as a function of a seed: nothing is stored, every byte can be made again.
//!
//! Real files differ most in how well they compress, and that decides how fast a decoder runs. So a
//! file is made of stretches that look like text (about 4:1), machine code (2:1), already compressed
//! data or zeros, in a mixture that gzip brings to about 3:1, as it does an ordinary distribution.

use std::io::{self, Read};

use super::random::{Random, mix};
use super::words::word;

/// Bytes made at a time.
const BLOCK: u64 = 64 << 10;

/// The content of one regular file.
#[derive(Clone, Copy)]
pub struct Content {
    pub seed: u64,
    pub bytes: u64,
    /// One byte in the middle is another: what only reading can tell from the original.
    pub patched: bool,
}

impl Content {
    pub fn new(seed: u64, bytes: u64) -> Self {
        Self { seed, bytes, patched: false }
    }

    pub fn reader(self) -> Reader {
        Reader { content: self, made: 0, block: Vec::new(), taken: 0 }
    }

    /// Makes the block that starts at `start` in `block`.
    fn make(self, start: u64, block: &mut Vec<u8>) {
        let length = BLOCK.min(self.bytes - start);
        let length = usize::try_from(length).expect("a block is small");
        block.clear();
        fill(mix(self.seed, start), length, block);
        let middle = self.bytes / 2;
        if self.patched && (start..start + BLOCK).contains(&middle) {
            let at = usize::try_from(middle - start).expect("inside a block");
            block[at] ^= 0x20;
        }
    }
}

/// Reads a [`Content`] from its start, holding one block.
pub struct Reader {
    content: Content,
    made: u64,
    block: Vec<u8>,
    taken: usize,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.block.len() {
            if self.made == self.content.bytes {
                return Ok(0);
            }
            self.content.make(self.made, &mut self.block);
            self.made += self.block.len() as u64;
            self.taken = 0;
        }
        let count = (&self.block[self.taken..]).read(buffer)?;
        self.taken += count;
        Ok(count)
    }
}

/// Fills an empty `block` with `length` bytes of one kind.
fn fill(seed: u64, length: usize, block: &mut Vec<u8>) {
    let mut random = Random::new(seed);
    match random.below(16) {
        0..=9 => text(&mut random, length, block),
        10..=12 => code(&mut random, length, block),
        13 => noise(&mut random, length, block),
        _ => block.resize(length, 0),
    }
    block.truncate(length);
}

/// Words of falling frequency between punctuation, one passage in eight a repetition of an earlier one,
/// as source code and prose have them.
fn text(random: &mut Random, length: usize, block: &mut Vec<u8>) {
    const SEPARATORS: [&str; 8] = [" ", " ", " ", ", ", "(", ") ", " = ", ";\n    "];
    while block.len() < length {
        let draw = random.draw();
        let [a, b, c, d, separator, repeat, passage, _] = draw.to_le_bytes();
        if repeat < 32 && block.len() > 64 {
            let from = usize::from(u16::from_le_bytes([a, b])) % (block.len() - 64);
            block.extend_from_within(from..from + 16 + usize::from(passage % 48));
        }
        let rank = u64::from(u16::from_le_bytes([a, b])) * u64::from(u16::from_le_bytes([c, d]));
        block.extend_from_slice(word(rank >> 21).as_bytes());
        block.extend_from_slice(SEPARATORS[usize::from(separator % 8)].as_bytes());
    }
}

/// Records of eight bytes of which few vary, as instructions and tables have them.
fn code(random: &mut Random, length: usize, block: &mut Vec<u8>) {
    while block.len() < length {
        let [a, b, c, d, ..] = random.draw().to_le_bytes();
        block.extend_from_slice(&[0x48, 0x8b, a & 0x3f, 0x24, 0xe8, b, c & 0x0f, d & 1]);
    }
}

/// What is compressed already.
fn noise(random: &mut Random, length: usize, block: &mut Vec<u8>) {
    while block.len() < length {
        block.extend_from_slice(&random.draw().to_le_bytes());
    }
}
