//! What the tables of an ELF file say: which libraries a program loads, and how much of it only debuggers read.
//!
//! Only tables are looked at, never code: [`Pieces`] holds the parts of a file that have them, taken by position
//! ([`read`]) or from a stream that passes by once ([`Collector`]). A table that lies in no piece, or makes no sense, is
//! left out, and [`Elf::is_whole`] says so.

use std::ops::Range;

use object::Endianness;
use object::elf::{
    DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_STRSZ, DT_STRTAB, ET_REL, FileHeader32, FileHeader64, PT_DYNAMIC, PT_INTERP,
    PT_LOAD, SHF_ALLOC, SHT_NOBITS,
};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader};
use object::read::{ReadRef, StringTable};

/// What the tables of an ELF file say. All names are as the file has them: bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Elf {
    /// Libraries that the loader looks for (`DT_NEEDED`), in the file's order.
    pub needed: Vec<Vec<u8>>,
    /// Where it looks first (`DT_RUNPATH`, else `DT_RPATH`), `$ORIGIN` as it stands.
    pub search: Vec<Vec<u8>>,
    /// The loader (`PT_INTERP`).
    pub interpreter: Option<Vec<u8>>,
    /// Bytes of whole sections that `strip` removes: symbols for linkers, and what debuggers read.
    pub debug_bytes: u64,
    /// Whether it was compiled by Go.
    pub is_go: bool,
    /// Whether it is an object file, which only linkers read.
    pub is_object: bool,
    /// Whether all tables were there; else it may need more than is listed.
    pub is_whole: bool,
}

impl Elf {
    /// Says whether it needs neither loader nor library: it runs on an empty file system.
    #[must_use]
    pub fn is_static(&self) -> bool {
        self.is_whole && !self.is_object && self.needed.is_empty() && self.interpreter.is_none()
    }
}

/// The first bytes of every ELF file.
pub const MAGIC: &[u8] = b"\x7fELF";

/// How much of a file's start is kept: header, segments, the names of libraries in all but the largest files.
const HEAD_BYTES: u64 = 512 << 10;
/// How much is kept around the section table, with the names that stand before it.
const BEFORE_SECTIONS: u64 = 64 << 10;
const SECTION_BYTES: u64 = 512 << 10;
/// Larger dynamic tables are nobody's.
const MOST_DYNAMIC_BYTES: u64 = 64 << 10;
/// More libraries than any program needs.
const MOST_NAMES: usize = 1_000;

/// Parts of a file, by their offsets.
#[derive(Debug, Default)]
pub struct Pieces {
    len: u64,
    parts: Vec<(u64, Vec<u8>)>,
}

impl<'a> ReadRef<'a> for &'a Pieces {
    fn len(self) -> Result<u64, ()> {
        Ok(self.len)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        let size = usize::try_from(size).map_err(drop)?;
        let find = |(start, bytes): &'a (u64, Vec<u8>)| {
            let at = usize::try_from(offset.checked_sub(*start)?).ok()?;
            bytes.get(at..at.checked_add(size)?)
        };
        self.parts.iter().find_map(find).ok_or(())
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let find = |(start, bytes): &'a (u64, Vec<u8>)| {
            let at = usize::try_from(range.start.checked_sub(*start)?).ok()?;
            let rest = bytes.get(at..)?;
            let most = usize::try_from(range.end - range.start).ok()?.min(rest.len());
            memchr::memchr(delimiter, &rest[..most]).map(|end| &rest[..end])
        };
        if range.end < range.start {
            return Err(());
        }
        self.parts.iter().find_map(find).ok_or(())
    }
}

/// Keeps the parts of a file that have its tables while the file passes by.
#[derive(Debug)]
pub struct Collector {
    pieces: Pieces,
    wanted: Option<Vec<Range<u64>>>,
    position: u64,
}

impl Collector {
    /// Starts with a file of `len` bytes.
    #[must_use]
    pub fn new(len: u64) -> Self {
        let pieces = Pieces { len, parts: vec![(0, Vec::new())] };
        Collector { pieces, wanted: None, position: 0 }
    }

    /// Takes the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        let head = &mut self.pieces.parts[0].1;
        let room = usize::try_from(HEAD_BYTES.saturating_sub(self.position)).unwrap_or(0).min(bytes.len());
        head.extend_from_slice(&bytes[..room]);
        if self.wanted.is_none() && (head.len() as u64 >= HEAD_BYTES.min(self.pieces.len)) {
            self.plan();
        }
        let here = self.position..self.position + bytes.len() as u64;
        for (range, part) in self.wanted.iter().flatten().zip(self.pieces.parts.iter_mut().skip(1)) {
            let (start, end) = (range.start.max(here.start), range.end.min(here.end));
            if start < end {
                let at = |place: u64| usize::try_from(place - here.start).unwrap_or(usize::MAX);
                part.1.extend_from_slice(&bytes[at(start)..at(end)]);
            }
        }
        self.position = here.end;
    }

    fn plan(&mut self) {
        let wanted: Vec<Range<u64>> = ranges(&self.pieces).into_iter().filter(|range| range.end > HEAD_BYTES).collect();
        // What the head holds of a range is there twice, so that each range is one part.
        let head = &self.pieces.parts[0].1;
        let parts: Vec<(u64, Vec<u8>)> = wanted
            .iter()
            .map(|range| {
                let start = usize::try_from(range.start).unwrap_or(usize::MAX).min(head.len());
                (range.start, head[start..].to_vec())
            })
            .collect();
        self.pieces.parts.extend(parts);
        self.wanted = Some(
            wanted.into_iter().map(|range| range.start.max(self.pieces.parts[0].1.len() as u64)..range.end).collect(),
        );
    }

    /// Returns what the tables say; nothing where the file is no ELF file.
    #[must_use]
    pub fn finish(self) -> Option<Elf> {
        parse(&self.pieces)
    }
}

/// Reads the tables of a file of `len` bytes; `read_at` reads some bytes at an offset.
#[must_use]
pub fn read(len: u64, mut read_at: impl FnMut(u64, usize) -> Option<Vec<u8>>) -> Option<Elf> {
    let mut pieces = Pieces { len, parts: Vec::new() };
    let mut fetch = |pieces: &mut Pieces, range: Range<u64>| {
        let size = usize::try_from(range.end.min(len).saturating_sub(range.start)).ok()?;
        let bytes = read_at(range.start, size)?;
        pieces.parts.push((range.start, bytes));
        Some(())
    };
    fetch(&mut pieces, 0..4096)?;
    for range in ranges(&pieces) {
        fetch(&mut pieces, range)?;
    }
    if let Some(range) = string_range(&pieces) {
        fetch(&mut pieces, range)?;
    }
    parse(&pieces)
}

/// Returns what the tables in some bytes say: a whole file in memory.
#[must_use]
pub fn parse_whole(bytes: &[u8]) -> Option<Elf> {
    parse(&Pieces { len: bytes.len() as u64, parts: vec![(0, bytes.to_vec())] })
}

/// Calls the same code for both sizes of ELF files.
macro_rules! each_class {
    ($pieces:expr, $call:ident) => {{
        let pieces: &Pieces = $pieces;
        match pieces.read_bytes_at(4, 1) {
            Ok([1]) => FileHeader32::<Endianness>::parse(pieces).ok().map(|header| $call(header, pieces)),
            Ok([2]) => FileHeader64::<Endianness>::parse(pieces).ok().map(|header| $call(header, pieces)),
            _ => None,
        }
    }};
}

/// Returns where the dynamic table and the sections are, by the header and the segments.
fn ranges(pieces: &Pieces) -> Vec<Range<u64>> {
    each_class!(pieces, table_ranges).unwrap_or_default()
}

fn table_ranges<H: FileHeader<Endian = Endianness>>(header: &H, pieces: &Pieces) -> Vec<Range<u64>> {
    let Ok(endian) = header.endian() else { return Vec::new() };
    let mut ranges = Vec::new();
    let sections: u64 = header.e_shoff(endian).into();
    if sections > 0 && sections < pieces.len {
        let end = sections.saturating_add(SECTION_BYTES).min(pieces.len);
        ranges.push(sections.saturating_sub(BEFORE_SECTIONS)..end);
    }
    for segment in header.program_headers(endian, pieces).unwrap_or_default() {
        let (start, size) = segment.file_range(endian);
        if [PT_DYNAMIC, PT_INTERP].contains(&segment.p_type(endian)) && size <= MOST_DYNAMIC_BYTES {
            ranges.push(start..start.saturating_add(size).min(pieces.len));
        }
    }
    ranges.retain(|range| range.start < range.end);
    ranges.truncate(4);
    ranges
}

fn string_range(pieces: &Pieces) -> Option<Range<u64>> {
    each_class!(pieces, strings)?.map(|(start, size)| start..start.saturating_add(size.min(HEAD_BYTES)).min(pieces.len))
}

/// Returns offset and size of the names of the dynamic table.
fn strings<H: FileHeader<Endian = Endianness>>(header: &H, pieces: &Pieces) -> Option<(u64, u64)> {
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, pieces).ok()?;
    let table = segments.iter().find_map(|segment| segment.dynamic(endian, pieces).ok().flatten())?;
    let value = |tag| table.iter().find(|entry| entry.tag(endian) == tag).map(|entry| entry.val(endian));
    let (address, size) = (value(DT_STRTAB)?, value(DT_STRSZ)?);
    segments.iter().filter(|segment| segment.p_type(endian) == PT_LOAD).find_map(|segment| {
        let (offset, in_file) = segment.file_range(endian);
        let inside = address.checked_sub(segment.p_vaddr(endian).into())?;
        (inside < in_file).then(|| (offset.saturating_add(inside), size))
    })
}

fn parse(pieces: &Pieces) -> Option<Elf> {
    each_class!(pieces, tables)
}

fn tables<H: FileHeader<Endian = Endianness>>(header: &H, pieces: &Pieces) -> Elf {
    let mut elf = Elf { is_whole: true, ..Elf::default() };
    let Ok(endian) = header.endian() else { return Elf::default() };
    elf.is_object = header.e_type(endian) == ET_REL;
    match header.program_headers(endian, pieces) {
        Ok(segments) => {
            for segment in segments {
                if let Ok(Some(name)) = segment.interpreter(endian, pieces) {
                    elf.interpreter = Some(name.to_vec());
                }
                match segment.dynamic(endian, pieces) {
                    Ok(Some(table)) => elf.is_whole &= names(header, pieces, endian, table, &mut elf).is_some(),
                    Ok(None) => {}
                    Err(_) => elf.is_whole = false,
                }
            }
        }
        Err(_) => elf.is_whole = false,
    }
    sections(header, pieces, endian, &mut elf);
    elf
}

fn names<H: FileHeader<Endian = Endianness>, D: Dyn<Endian = Endianness>>(
    header: &H,
    pieces: &Pieces,
    endian: Endianness,
    table: &[D],
    elf: &mut Elf,
) -> Option<()> {
    let wanted = |entry: &&D| [DT_NEEDED, DT_RUNPATH, DT_RPATH].contains(&entry.tag(endian));
    let mut wanted = table.iter().take_while(|entry| entry.tag(endian).0 != 0).filter(wanted).peekable();
    if wanted.peek().is_none() {
        return Some(());
    }
    let (start, size) = strings(header, pieces)?;
    let strings = StringTable::new(pieces, start, start.checked_add(size)?);
    let (mut run, mut old) = (Vec::new(), Vec::new());
    for entry in wanted.take(MOST_NAMES) {
        let name = entry.string(endian, strings).ok()?.to_vec();
        match entry.tag(endian) {
            DT_NEEDED => elf.needed.push(name),
            DT_RUNPATH => run.push(name),
            _ => old.push(name),
        }
    }
    let list = if run.is_empty() { old } else { run };
    elf.search = list.iter().flat_map(|list| list.split(|byte| *byte == b':').map(<[u8]>::to_vec)).collect();
    Some(())
}

fn sections<H: FileHeader<Endian = Endianness>>(header: &H, pieces: &Pieces, endian: Endianness, elf: &mut Elf) {
    let Ok(table) = header.sections(endian, pieces) else {
        return;
    };
    let mut sum = 0u64;
    for section in table.iter() {
        let Ok(name) = table.section_name(endian, section) else { continue };
        elf.is_go |= name == b".go.buildinfo" || name == b".note.go.buildid";
        let is_loaded = section.sh_flags(endian).0 & SHF_ALLOC.0 != 0 || section.sh_type(endian) == SHT_NOBITS;
        if !is_loaded && is_stripped(name) {
            sum = sum.saturating_add(section.sh_size(endian).into());
        }
    }
    elf.debug_bytes = sum.min(pieces.len);
}

/// Says whether `strip` removes a section that no process loads.
fn is_stripped(name: &[u8]) -> bool {
    [&b".symtab"[..], b".strtab", b".symtab_shndx", b".gdb_index", b".line"].contains(&name)
        || [&b".debug"[..], b".zdebug", b".stab"].iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit program with a loader, two libraries, a run path, and sections of which two are for debuggers.
    fn program() -> Vec<u8> {
        let mut file = vec![0; 0x400];
        let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"\x7fELF\x02\x01\x01");
        put(16, &[3, 0, 62, 0, 1, 0, 0, 0]);
        put(32, &64u64.to_le_bytes());
        put(40, &0x300u64.to_le_bytes());
        put(52, &[64, 0, 56, 0, 3, 0, 64, 0, 4, 0, 3, 0]);
        let mut segment = |at: usize, kind: u32, offset: u64, address: u64, size: u64| {
            put(at, &kind.to_le_bytes());
            for (place, value) in [(8, offset), (16, address), (32, size), (40, size)] {
                put(at + place, &value.to_le_bytes());
            }
        };
        segment(64, 1, 0, 0x1000, 0x280);
        segment(120, 2, 0x200, 0x1200, 0x60);
        segment(176, 3, 0x180, 0x1180, 13);
        put(0x180, b"/lib/ld.so.1\0");
        put(0x190, b"\0libz.so.1\0libc.so.6\0$ORIGIN/lib:/opt\0");
        let entries = [(1u64, 1u64), (1, 11), (29, 21), (5, 0x1190), (10, 40), (0, 0)];
        for (at, (tag, value)) in entries.iter().enumerate() {
            put(0x200 + 16 * at, &tag.to_le_bytes());
            put(0x208 + 16 * at, &value.to_le_bytes());
        }
        put(0x280, b"\0.symtab\0.debug_info\0.shstrtab\0");
        let mut section = |at: usize, name: u32, offset: u64, size: u64| {
            put(0x300 + 64 * at, &name.to_le_bytes());
            put(0x304 + 64 * at, &1u32.to_le_bytes());
            put(0x318 + 64 * at, &offset.to_le_bytes());
            put(0x320 + 64 * at, &size.to_le_bytes());
        };
        section(1, 1, 0x2a0, 16);
        section(2, 9, 0x2b0, 8);
        section(3, 21, 0x280, 31);
        file
    }

    fn expected() -> Elf {
        Elf {
            needed: vec![b"libz.so.1".to_vec(), b"libc.so.6".to_vec()],
            search: vec![b"$ORIGIN/lib".to_vec(), b"/opt".to_vec()],
            interpreter: Some(b"/lib/ld.so.1".to_vec()),
            debug_bytes: 24,
            is_whole: true,
            ..Elf::default()
        }
    }

    #[test]
    fn tables_are_the_same_however_they_are_read() {
        let file = program();
        assert_eq!(parse_whole(&file), Some(expected()));
        for step in [1, 7, 64, 1000] {
            let mut collector = Collector::new(file.len() as u64);
            file.chunks(step).for_each(|piece| collector.push(piece));
            assert_eq!(collector.finish(), Some(expected()), "pieces of {step}");
        }
        let by_position = read(file.len() as u64, |at, len| {
            let at = usize::try_from(at).ok()?;
            file.get(at..at + len).map(<[u8]>::to_vec)
        });
        assert_eq!(by_position, Some(expected()));
    }

    /// The tables of a large file lie behind its head.
    #[test]
    fn tables_far_behind_are_found() {
        let mut file = program();
        let sections = file.split_off(0x300);
        file.resize(3 << 20, 0xaa);
        let at = file.len() as u64;
        file.extend_from_slice(&sections);
        file[40..48].copy_from_slice(&at.to_le_bytes());
        let mut collector = Collector::new(file.len() as u64);
        file.chunks(10_000).for_each(|piece| collector.push(piece));
        assert_eq!(collector.finish(), Some(expected()));
    }

    #[test]
    fn damage_is_no_panic_and_is_said() {
        let file = program();
        assert_eq!(parse_whole(b"\x7fELF"), None);
        assert_eq!(parse_whole(b"#!/bin/sh\n"), None);
        for at in 0..file.len() {
            for value in [0, 0x7f, 0xff] {
                let mut damaged = file.clone();
                damaged[at] = value;
                let elf = parse_whole(&damaged).unwrap_or_default();
                assert!(elf.debug_bytes <= file.len() as u64);
            }
        }
        let cut = parse_whole(&file[..0x1f0]).expect("a header");
        assert!(!cut.is_whole && cut.needed.is_empty());
    }
}
