//! Directory trees of a given number of files, and the things that build steps do to them.

use super::content::Content;
use super::entry::{Entry, Kind};
use super::random::{Random, mix};
use super::words::word;

/// Files in one directory, and directories in one directory: `node_modules` and `/usr` average this.
const FILES_PER_DIRECTORY: u64 = 14;
const FAN_OUT: u64 = 12;

/// Makes `files` files below `root`, with their directories and those above `root`.
///
/// `bytes_of` chooses the size of each; names, shape and contents are functions of `seed`.
pub fn grow(root: &str, files: u64, seed: u64, mut bytes_of: impl FnMut(&mut Random) -> u64) -> Vec<Entry> {
    let mut random = Random::new(seed);
    let mut entries = ancestors(root);
    let mut directories = vec![root.to_owned()];
    for number in 0..files {
        let directory = number / FILES_PER_DIRECTORY;
        if directory >= directories.len() as u64 {
            let parent = &directories[index((directory - 1) / FAN_OUT)];
            let path = format!("{parent}/{}", directory_name(mix(seed, directory), directory));
            entries.push(Entry::directory(&path));
            directories.push(path);
        }
        let name = file_name(random.draw(), number);
        let content = Content::new(mix(seed, !number), bytes_of(&mut random));
        let path = format!("{}/{name}", directories[index(directory)]);
        entries.push(Entry::file(path, content));
    }
    entries
}

/// Adds a symbolic link beside every 20th file and a hard link beside every 100th.
///
/// The links sort behind what they name, so a walk meets the file first, as an engine's does.
pub fn add_links(entries: &mut Vec<Entry>) {
    let mut links = Vec::new();
    for (number, entry) in entries.iter().filter(|e| e.content().is_some()).enumerate() {
        let path = &entry.path;
        if number % 20 == 0 {
            let name = path.rsplit('/').next().unwrap_or(path);
            links.push(Entry::new(format!("{path}.1"), Kind::Symlink(name.to_owned())));
        }
        if number % 100 == 0 {
            links.push(Entry::new(format!("{path}.2"), Kind::HardLink(path.clone())));
        }
    }
    entries.append(&mut links);
}

/// The entries as `chmod -R` stores them again: all but symbolic links.
pub fn chmod(entries: &[Entry], mode: u32) -> Vec<Entry> {
    let kept = entries.iter().filter(|e| !matches!(e.kind, Kind::Symlink(_)));
    kept.cloned().map(|e| Entry { mode, ..e }).collect()
}

/// The entries as `chown -R` stores them again.
pub fn chown(entries: &[Entry], owner: u64) -> Vec<Entry> {
    entries.iter().cloned().map(|e| Entry { owner, ..e }).collect()
}

/// The regular files and directories below `from` as `cp -r` leaves them below `to`.
pub fn copy(entries: &[Entry], from: &str, to: &str) -> Vec<Entry> {
    let mut copies = ancestors(to);
    for entry in entries {
        let below = entry.path.strip_prefix(from).filter(|rest| rest.starts_with('/'));
        if let (Some(rest), Kind::File(_) | Kind::Directory) = (below, &entry.kind) {
            copies.push(Entry { path: format!("{to}{rest}"), ..entry.clone() });
        }
    }
    copies
}

/// `root` and the directories above it.
fn ancestors(root: &str) -> Vec<Entry> {
    let slashes = root.match_indices('/').map(|(at, _)| at);
    slashes.chain([root.len()]).map(|end| Entry::directory(&root[..end])).collect()
}

fn directory_name(draw: u64, number: u64) -> String {
    format!("{}{number:x}", word(draw))
}

fn file_name(draw: u64, number: u64) -> String {
    const EXTENSIONS: [&str; 8] = ["", ".js", ".py", ".so", ".d.ts", ".json", ".md", ".h"];
    let extension = EXTENSIONS[index(draw >> 61)];
    format!("{}-{number:x}{extension}", word(draw))
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("counts of directories fit any usize")
}
