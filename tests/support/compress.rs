//! The streams around layers and archives, with the odd shapes that real blobs have.
//!
//! Registries hold gzip blobs of several members and zstd blobs of several frames (estargz, zstd:chunked, pigz), which
//! a reader that stops after the first one silently cuts short.

use std::io::Write;

use flate2::write::GzEncoder;
use flate2::{Compression, Crc};

/// Parts that a stream of several members or frames is split into.
const PARTS: usize = 3;

pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

/// Several gzip members one after the other, the last of them empty (as estargz ends).
pub fn gzip_members(data: &[u8]) -> Vec<u8> {
    let mut stream: Vec<u8> = parts(data).flat_map(gzip).collect();
    stream.extend(gzip(&[]));
    stream
}

pub fn zstd(data: &[u8]) -> Vec<u8> {
    zstd::encode_all(data, 1).expect("writing to memory")
}

/// Several zstd frames, with skippable frames in front, between and behind (as zstd:chunked has them).
pub fn zstd_frames(data: &[u8]) -> Vec<u8> {
    let mut stream = skippable_frame(b"in front");
    for part in parts(data) {
        stream.extend(zstd(part));
        stream.extend(skippable_frame(b"behind a frame"));
    }
    stream
}

pub fn bzip2(data: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(data).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

/// An xz stream of stored chunks. The crate's decoder is all that the library needs, so its encoder is not built.
pub fn xz(data: &[u8]) -> Vec<u8> {
    const MAGIC: &[u8] = b"\xfd7zXZ\0";
    const CHECK_CRC32: &[u8] = &[0x00, 0x01];
    let (block, unpadded_bytes) = xz_block(data);
    let index = xz_index(unpadded_bytes, data.len());
    let backward_size = u32::try_from(index.len() / 4 - 1).expect("the index is small");
    let footer = [&backward_size.to_le_bytes(), CHECK_CRC32].concat();
    let mut stream = [MAGIC, CHECK_CRC32, &crc32(CHECK_CRC32)].concat();
    stream.extend(block);
    stream.extend(index);
    stream.extend([&crc32(&footer), footer.as_slice(), b"YZ"].concat());
    stream
}

/// One block, and its size without the padding, which the index wants.
fn xz_block(data: &[u8]) -> (Vec<u8>, usize) {
    /// Header of 12 bytes, one filter: LZMA2 with a dictionary of 8 MiB.
    const HEADER: &[u8] = &[0x02, 0x00, 0x21, 0x01, 0x16, 0x00, 0x00, 0x00];
    let mut block = [HEADER, &crc32(HEADER)].concat();
    block.extend(lzma2_stored(data));
    let unpadded_bytes = block.len() + 4;
    pad_to_four(&mut block);
    block.extend(crc32(data));
    (block, unpadded_bytes)
}

fn lzma2_stored(data: &[u8]) -> Vec<u8> {
    const CHUNK_BYTES: usize = 1 << 16;
    const END: u8 = 0;
    const STORED_AND_RESET: u8 = 1;
    const STORED: u8 = 2;
    let mut stream = Vec::new();
    for (number, chunk) in data.chunks(CHUNK_BYTES).enumerate() {
        let size = u16::try_from(chunk.len() - 1).expect("a chunk has at most 64 KiB");
        stream.push(if number == 0 { STORED_AND_RESET } else { STORED });
        stream.extend(size.to_be_bytes());
        stream.extend_from_slice(chunk);
    }
    stream.push(END);
    stream
}

fn xz_index(unpadded_bytes: usize, uncompressed_bytes: usize) -> Vec<u8> {
    const INDICATOR: u8 = 0;
    const RECORDS: u8 = 1;
    let mut index = vec![INDICATOR, RECORDS];
    index.extend(variable_length(unpadded_bytes));
    index.extend(variable_length(uncompressed_bytes));
    pad_to_four(&mut index);
    let check = crc32(&index);
    index.extend(check);
    index
}

/// Seven bits a byte, lowest first; the top bit says that more follow.
fn variable_length(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).expect("less than 0x80"));
    bytes
}

fn pad_to_four(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

fn crc32(bytes: &[u8]) -> [u8; 4] {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}

fn skippable_frame(content: &[u8]) -> Vec<u8> {
    const MAGIC: u32 = 0x184d_2a50;
    let length = u32::try_from(content.len()).expect("the frames written here are short");
    [&MAGIC.to_le_bytes(), &length.to_le_bytes(), content].concat()
}

fn parts(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    data.chunks(data.len().div_ceil(PARTS).max(1))
}
