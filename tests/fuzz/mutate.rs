//! Random damage to archives: to bytes, blocks, numbers, names and types, and one image's parts in another.

const BLOCK: usize = 512;
/// Where a tar header has its fields.
const NAME: usize = 0;
const SIZE: usize = 124;
const KIND: usize = 156;
const LINK: usize = 157;

/// Numbers that a header's octal field may lie with.
const SIZES: [&[u8]; 8] = [
    b"00000000000\0",
    b"00000000001\0",
    b"00000000777\0",
    b"00000001000\0",
    b"77777777777\0",
    b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"not a number",
];
const NAMES: [&[u8]; 10] =
    [b"", b"a", b".", b"..", b"/", b".wh.a", b".wh..wh..opq", b"a/.wh.b", b"a/../../b", b"manifest.json"];
const KINDS: &[u8] = b"0123456gxKLSVD\0\xff";
/// What stands in documents where a number stood.
const NUMBERS: [&[u8]; 6] = [b"0", b"-1", b"1e999", b"18446744073709551616", b"null", b"[[[[[["];

/// Numbers that are the same for one seed: xorshift64*.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Returns a number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits") % end
    }

    fn choose<'a>(&mut self, from: &[&'a [u8]]) -> &'a [u8] {
        from[self.below(from.len())]
    }

    /// A part of so many bytes, half the time of whole blocks.
    fn range(&mut self, len: usize) -> std::ops::Range<usize> {
        let unit = if self.below(2) == 0 && len >= BLOCK { BLOCK } else { 1 };
        let start = self.below(len / unit) * unit;
        let most = ((len - start) / unit).min(8 * BLOCK / unit).max(1);
        start..(start + (1 + self.below(most)) * unit).min(len)
    }
}

/// Damages `input` once; a part may come from one of the `others`.
pub fn mutate(random: &mut Random, input: &mut Vec<u8>, others: &[Vec<u8>]) {
    if input.is_empty() {
        input.push(0);
    }
    let range = random.range(input.len());
    match random.below(12) {
        0 => input[range.start] ^= 1 << random.below(8),
        1 => input[range.start] = [0, b'/', b'\n', 0x7f, 0xff][random.below(5)],
        2 => drop(input.drain(range)),
        3 => drop(input.splice(range.start..range.start, input[range.clone()].to_vec())),
        4 => {
            let other = &others[random.below(others.len())];
            let part = other[random.range(other.len())].to_vec();
            drop(input.splice(range, part));
        }
        5 => input.truncate(range.end),
        6 => input[range].fill(0),
        7 => in_header(random, input, SIZE, |random| random.choose(&SIZES)),
        8 => in_header(random, input, NAME, |random| random.choose(&NAMES)),
        9 => in_header(random, input, LINK, |random| random.choose(&NAMES)),
        10 => {
            let at = random.below(KINDS.len());
            in_header(random, input, KIND, |_| &KINDS[at..=at]);
        }
        _ => in_document(random, input),
    }
}

/// Writes into a field of some header; names end with a 0.
fn in_header(random: &mut Random, input: &mut [u8], field: usize, value: impl FnOnce(&mut Random) -> &'static [u8]) {
    let headers: Vec<usize> = (0..input.len() / BLOCK)
        .map(|block| block * BLOCK)
        .filter(|start| &input[start + 257..start + 262] == b"ustar")
        .collect();
    if headers.is_empty() {
        return;
    }
    let start = headers[random.below(headers.len())] + field;
    let value = value(random);
    input[start..start + value.len()].copy_from_slice(value);
    if field == NAME || field == LINK {
        input[start + value.len()] = 0;
    }
}

/// Puts something else where digits stand, in a document or a PAX record.
fn in_document(random: &mut Random, input: &mut Vec<u8>) {
    let from = random.below(input.len());
    let Some(start) = input[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) else {
        return;
    };
    let len = input[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = random.choose(&NUMBERS);
    input.splice(start..start + len, number.iter().copied());
}
