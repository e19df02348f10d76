//! Equal bytes or not: by comparing hashes where both are known, by reading where not. [Model](crate::model) 4.

use std::cmp::Ordering;
use std::thread;

use xxhash_rust::xxh3::Xxh3;

use crate::error::{AtPlace, Error, Place, Result};
use crate::layer::blob::Blob;
use crate::layer::entry::{Entry, EntryRef, Kind, LayerNumber, Slot};
use crate::layer::index::Index;
use crate::source::Region;

/// What is known about an entry's content against that of the lower view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Same,
    Different,
    /// The sizes are equal, and one of the contents was not hashed.
    MustRead,
    /// One of them is no regular file.
    NoFiles,
}

/// Compares as far as sizes and hashes tell.
pub(super) fn compare_known(index: &Index, lower: Slot, upper: EntryRef) -> Verdict {
    if !lower.is_present() {
        return Verdict::NoFiles;
    }
    let file = |at: Option<EntryRef>| {
        let inode = index.inode(at?)?;
        Some((inode, index.entry(inode))).filter(|(_, entry)| entry.kind == Kind::File)
    };
    let (Some((lower_at, lower)), Some((upper_at, upper))) = (file(lower.get()), file(Some(upper))) else {
        return Verdict::NoFiles;
    };
    let same = |is_same| if is_same { Verdict::Same } else { Verdict::Different };
    if lower_at == upper_at {
        return Verdict::Same;
    }
    // A sparse file is compared as it is stored: map and data.
    if lower.size != upper.size || lower.has(Entry::SPARSE) != upper.has(Entry::SPARSE) {
        return Verdict::Different;
    }
    if lower.size == 0 {
        return Verdict::Same;
    }
    match (lower.has(Entry::HASHED), upper.has(Entry::HASHED)) {
        (true, true) => same(lower.id == upper.id),
        _ => Verdict::MustRead,
    }
}

/// Two contents of one size, at least one of which must be read.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    size: u64,
    contents: [Source; 2],
}

#[derive(Debug, Clone)]
enum Source {
    Hash(u64),
    At { region: Region, layer: LayerNumber },
}

/// Reads what must be read and completes the entries.
///
/// # Errors
/// Where a layer cannot be read again.
pub fn decide(index: &mut Index, blobs: &[Blob], undecided: &[EntryRef]) -> Result<()> {
    // In the order of the file, so that the kernel's read-ahead helps.
    let mut undecided = undecided.to_vec();
    undecided.sort_unstable();
    let known = &*index;
    let pair = |upper: EntryRef| {
        let content = |at: EntryRef| (known, &blobs[at.layer as usize], at);
        let lower = known.inode(known.entry(upper).lower.get()?)?;
        Some((upper, Pair::new(content(lower), content(known.inode(upper)?))?))
    };
    let (uppers, pairs): (Vec<EntryRef>, Vec<Pair>) = undecided.into_iter().filter_map(pair).unzip();
    for (upper, is_same) in uppers.into_iter().zip(are_same(&pairs)?) {
        index.entry_mut(upper).flags |= if is_same { Entry::SAME } else { Entry::DIFFERENT };
    }
    Ok(())
}

/// Says of each pair whether its contents are equal; they are read in the order given.
///
/// # Errors
/// Where a layer cannot be read again.
pub(crate) fn are_same(pairs: &[Pair]) -> Result<Vec<bool>> {
    let shares = shares(pairs, thread::available_parallelism().map_or(1, usize::from));
    let verdicts: Vec<Result<Vec<bool>>> = thread::scope(|scope| {
        let workers: Vec<_> = shares.iter().map(|share| scope.spawn(|| compare_all(share))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err(died()))).collect()
    });
    let mut all = Vec::with_capacity(pairs.len());
    for verdicts in verdicts {
        all.extend(verdicts?);
    }
    Ok(all)
}

fn died() -> Error {
    Error::Io { action: "compare", source: std::io::ErrorKind::Other.into() }
}

impl Pair {
    /// Takes the contents of two regular files of one size, each by its index and its layer's blob; nothing where one can no
    /// longer be read.
    pub(crate) fn new(a: (&Index, &Blob, EntryRef), b: (&Index, &Blob, EntryRef)) -> Option<Self> {
        let size = b.0.entry(b.2).size;
        Some(Pair { size, contents: [Source::new(a)?, Source::new(b)?] })
    }
}

impl Source {
    fn new((index, blob, at): (&Index, &Blob, EntryRef)) -> Option<Self> {
        let entry = index.entry(at);
        if entry.has(Entry::HASHED) {
            return Some(Source::Hash(entry.id));
        }
        let region = blob.plain()?.slice(entry.id, entry.size);
        Some(Source::At { region, layer: at.layer() })
    }
}

/// Splits the work into runs of about equal bytes.
fn shares(pairs: &[Pair], count: usize) -> Vec<&[Pair]> {
    let total: u64 = pairs.iter().map(|pair| pair.size).sum();
    let share = total / count as u64 + 1;
    let mut shares = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, pair) in pairs.iter().enumerate() {
        bytes += pair.size;
        if bytes >= share {
            shares.push(&pairs[start..=at]);
            (start, bytes) = (at + 1, 0);
        }
    }
    shares.push(&pairs[start..]);
    shares
}

/// Differences show early: the first block is small.
const FIRST_BLOCK: usize = 16 << 10;
const BLOCK: usize = 128 << 10;

fn compare_all(pairs: &[Pair]) -> Result<Vec<bool>> {
    let mut buffers = [vec![0; BLOCK], vec![0; BLOCK]];
    pairs.iter().map(|pair| compare(pair, &mut buffers)).collect()
}

fn compare(pair: &Pair, buffers: &mut [Vec<u8>; 2]) -> Result<bool> {
    match &pair.contents {
        [Source::At { region: a, layer: la }, Source::At { region: b, layer: lb }] => {
            let [left, right] = buffers;
            let (mut at, mut block) = (0, FIRST_BLOCK);
            while at < pair.size {
                let n = read(a, *la, at, &mut left[..block])?;
                read(b, *lb, at, &mut right[..block])?;
                if left[..n].cmp(&right[..n]) != Ordering::Equal {
                    return Ok(false);
                }
                at += n as u64;
                block = BLOCK;
            }
            Ok(true)
        }
        [Source::Hash(hash), Source::At { region, layer }] | [Source::At { region, layer }, Source::Hash(hash)] => {
            Ok(hash_of(region, *layer, &mut buffers[0])? == *hash)
        }
        [Source::Hash(a), Source::Hash(b)] => Ok(a == b),
    }
}

fn hash_of(region: &Region, layer: LayerNumber, buffer: &mut [u8]) -> Result<u64> {
    let mut hash = Xxh3::new();
    let mut at = 0;
    while at < region.len() {
        let n = read(region, layer, at, buffer)?;
        hash.update(&buffer[..n]);
        at += n as u64;
    }
    Ok(hash.digest())
}

/// Reads a block; the layer was long enough when it was indexed.
fn read(region: &Region, layer: LayerNumber, at: u64, buffer: &mut [u8]) -> Result<usize> {
    let n = region.read_at(at, buffer).at(|| Place::Layer(layer.get()))?;
    let wanted = buffer.len().min(usize::try_from(region.len() - at).unwrap_or(usize::MAX));
    if n < wanted {
        let truncated =
            Error::Truncated { at: at + n as u64, missing: (wanted - n) as u64, inside: "a file's content" };
        return Err(truncated.at(Place::Layer(layer.get())));
    }
    Ok(n)
}
