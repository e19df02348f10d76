//! Contents that are kept while a layer is read: what says which package owns a file and what a container starts.
//!
//! A layer that passes by once does not come again, and of a plain one only what was jumped over can be read by position.
//! So package databases, manifests, scripts and small texts are kept as they come, ELF files as what their tables say.
//! [`wanted`] knows the files by their paths; a [`Room`] bounds what all layers together may keep.

use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::HashMap;

use crate::elf::{self, Elf};

/// What was kept of a layer's contents, by the places of their entries.
#[derive(Debug, Default, Clone)]
pub(crate) struct Kept {
    /// Whole contents.
    pub(crate) texts: HashMap<u32, Box<[u8]>>,
    /// What the tables of ELF files say.
    pub(crate) elves: HashMap<u32, Elf>,
    /// Contents that were wanted, but for which there was no room.
    pub(crate) dropped_count: u32,
}

/// What all layers together may keep. Real images need some 10 MB.
#[derive(Debug)]
pub(crate) struct Room {
    left: AtomicU64,
}

/// Bytes that all layers together may keep.
const MOST_BYTES: u64 = 128 << 20;
/// What an entry costs beside its content.
const ENTRY_BYTES: u64 = 96;

impl Default for Room {
    fn default() -> Self {
        Room { left: AtomicU64::new(MOST_BYTES) }
    }
}

impl Room {
    fn take(&self, bytes: u64) -> bool {
        let cost = bytes.saturating_add(ENTRY_BYTES);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(cost)).is_ok()
    }
}

impl Kept {
    /// Keeps a whole content, where there is room.
    pub(crate) fn keep(&mut self, place: u32, content: &[u8], room: &Room) {
        if room.take(content.len() as u64) {
            self.texts.insert(place, content.into());
        } else {
            self.dropped_count += 1;
        }
    }

    /// Keeps what the tables of an ELF file say, where it is one and there is room.
    pub(crate) fn keep_elf(&mut self, place: u32, elf: Option<Elf>, room: &Room) {
        let Some(elf) = elf else { return };
        let names = elf.needed.iter().chain(&elf.search).map(|name| name.len() as u64 + 24).sum();
        if room.take(names) {
            self.elves.insert(place, elf);
        } else {
            self.dropped_count += 1;
        }
    }
}

/// What is kept of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Nothing, unless it is an ELF file.
    Nothing,
    /// All of it: a database, a manifest.
    Whole,
    /// All of it where it is text.
    Text,
    /// All of it where it begins like a script.
    Script,
}

impl Wanted {
    /// Says whether a file that begins with `start` is kept as a whole.
    pub(crate) fn takes(self, start: &[u8]) -> bool {
        match self {
            Wanted::Nothing => false,
            Wanted::Whole => true,
            // A script with a binary tail is still a script.
            Wanted::Text => start.starts_with(b"#!") || !start[..start.len().min(512)].contains(&0),
            Wanted::Script => start.starts_with(b"#!"),
        }
    }
}

/// Databases of operating systems' packages; larger ones are nobody's.
const MOST_DATABASE_BYTES: u64 = 64 << 20;
/// Manifests and lock files.
const MOST_MANIFEST_BYTES: u64 = 8 << 20;
/// Scripts, configuration, sources of small programs.
const MOST_TEXT_BYTES: u64 = 128 << 10;

/// Says what is kept of a file; `path` has no leading slash.
pub(crate) fn wanted(path: &[u8], size: u64) -> Wanted {
    if size > MOST_DATABASE_BYTES || size == 0 {
        return Wanted::Nothing;
    }
    if is_database(path) {
        return Wanted::Whole;
    }
    if size <= MOST_MANIFEST_BYTES && is_manifest(path) {
        return Wanted::Whole;
    }
    if size > MOST_TEXT_BYTES {
        return Wanted::Nothing;
    }
    if COMMANDS.iter().any(|top| path.starts_with(top)) {
        return Wanted::Script;
    }
    let is_noise = NOISE.iter().any(|top| path.starts_with(top))
        || LIBRARIES.iter().any(|inner| memchr::memmem::find(path, inner).is_some());
    if is_noise { Wanted::Nothing } else { Wanted::Text }
}

/// Folders of commands: most are programs.
const COMMANDS: [&[u8]; 6] = [b"usr/bin/", b"usr/sbin/", b"bin/", b"sbin/", b"usr/lib/git-core/", b"usr/libexec/"];
/// Folders full of files that no start of a program goes through one by one.
const NOISE: [&[u8]; 14] = [
    b"usr/share/",
    b"usr/include/",
    b"usr/lib/",
    b"usr/lib64/",
    b"usr/libx32/",
    b"lib/",
    b"lib64/",
    b"usr/local/go/",
    b"usr/local/lib/",
    b"usr/local/share/",
    b"usr/local/include/",
    b"var/lib/dpkg/",
    b"var/cache/",
    b"var/lib/apt/",
];
/// The same, wherever they are.
const LIBRARIES: [&[u8]; 8] = [
    b"node_modules/",
    b"site-packages/",
    b"dist-packages/",
    b"/.git/",
    b"/.m2/repository/",
    b"/pkg/mod/",
    b"/gems/",
    b"/.cache/",
];

/// Databases by their paths.
const DATABASES: [&[u8]; 15] = [
    b"var/lib/apt/extended_states",
    b"lib/apk/db/installed",
    b"usr/lib/apk/db/installed",
    b"etc/apk/world",
    b"var/lib/rpm/Packages",
    b"var/lib/rpm/Packages.db",
    b"var/lib/rpm/rpmdb.sqlite",
    b"usr/lib/sysimage/rpm/Packages",
    b"usr/lib/sysimage/rpm/Packages.db",
    b"usr/lib/sysimage/rpm/rpmdb.sqlite",
    b"usr/share/rpm/rpmdb.sqlite",
    b"usr/share/rpm/Packages.db",
    b"usr/share/rpm/Packages",
    b"usr/lib/sysimage/libdnf5/packages.toml",
    b"var/lib/dnf/history.sqlite",
];

/// The databases of dpkg, apt, apk, rpm and dnf.
pub(crate) fn is_database(path: &[u8]) -> bool {
    if let Some(rest) = path.strip_prefix(b"var/lib/dpkg/") {
        return [&b"status"[..], b"diversions"].contains(&rest)
            || rest.starts_with(b"status.d/")
            || (rest.starts_with(b"info/") && rest.ends_with(b".list"));
    }
    DATABASES.contains(&path)
}

/// Manifests by their names.
const MANIFESTS: [&[u8]; 24] = [
    b"package.json",
    b"package-lock.json",
    b".package-lock.json",
    b"npm-shrinkwrap.json",
    b"yarn.lock",
    b"composer.json",
    b"composer.lock",
    b"installed.json",
    b"Gemfile",
    b"Gemfile.lock",
    b"gems.rb",
    b"gems.locked",
    b"pom.properties",
    b"pom.xml",
    b"go.mod",
    b"Cargo.toml",
    b"Cargo.lock",
    b"pyvenv.cfg",
    b"os-release",
    b"pyproject.toml",
    b"requirements.txt",
    b"ld.so.conf",
    b"VERSION",
    b"release",
];

/// Manifests and lock files of languages, and what else is looked for by its name.
fn is_manifest(path: &[u8]) -> bool {
    let start = memchr::memrchr(b'/', path).map_or(0, |at| at + 1);
    let (folder, name) = (&path[..start.saturating_sub(1)], &path[start..]);
    if MANIFESTS.contains(&name) {
        return true;
    }
    let in_metadata = folder.ends_with(b".dist-info") || folder.ends_with(b".egg-info");
    in_metadata
        || name.ends_with(b".gemspec")
        || name.ends_with(b".egg-info")
        || name.ends_with(b".egg-link")
        || name.ends_with(b".pth")
}

/// Takes a content that passes by in pieces.
pub(crate) struct Passing {
    wanted: Wanted,
    text: Vec<u8>,
    tables: Option<elf::Collector>,
    size: u64,
    has_begun: bool,
}

impl Passing {
    pub(crate) fn new(path: &[u8], size: u64) -> Self {
        Passing { wanted: wanted(path, size), text: Vec::new(), tables: None, size, has_begun: false }
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        if !self.has_begun && !piece.is_empty() {
            self.has_begun = true;
            if piece.starts_with(elf::MAGIC) {
                self.tables = Some(elf::Collector::new(self.size));
            }
            if !self.wanted.takes(piece) {
                self.wanted = Wanted::Nothing;
            }
        }
        if let Some(tables) = &mut self.tables {
            tables.push(piece);
        } else if self.wanted != Wanted::Nothing {
            self.text.extend_from_slice(piece);
        }
    }

    pub(crate) fn finish(self, place: u32, kept: &mut Kept, room: &Room) {
        match self.tables {
            Some(tables) => kept.keep_elf(place, tables.finish(), room),
            None if self.wanted != Wanted::Nothing => kept.keep(place, &self.text, room),
            None => {}
        }
    }
}

/// Keeps what is wanted of a content that is in memory as a whole.
pub(crate) fn keep_whole(path: &[u8], content: &[u8], place: u32, kept: &mut Kept, room: &Room) {
    if content.starts_with(elf::MAGIC) {
        kept.keep_elf(place, elf::parse_whole(content), room);
    } else if wanted(path, content.len() as u64).takes(content) {
        kept.keep(place, content, room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted() {
        for (path, size, expected) in [
            ("var/lib/dpkg/status", 1 << 20, Wanted::Whole),
            ("var/lib/dpkg/info/libc6:amd64.list", 100, Wanted::Whole),
            ("var/lib/dpkg/info/libc6:amd64.md5sums", 100, Wanted::Nothing),
            ("usr/lib/sysimage/rpm/rpmdb.sqlite", 60 << 20, Wanted::Whole),
            ("usr/lib/sysimage/libdnf5/packages.toml", 1000, Wanted::Whole),
            ("usr/local/bundle/specifications/rack-3.0.gemspec", 1000, Wanted::Whole),
            ("app/vendor/composer/installed.json", 1 << 20, Wanted::Whole),
            ("app/node_modules/x/package.json", 1000, Wanted::Whole),
            ("app/node_modules/x/index.js", 1000, Wanted::Nothing),
            ("venv/lib/python3.11/site-packages/flask-3.0.dist-info/RECORD", 1000, Wanted::Whole),
            ("usr/bin/mvn", 1000, Wanted::Script),
            ("usr/bin/mvn", 1 << 20, Wanted::Nothing),
            ("app/start.sh", 1000, Wanted::Text),
            ("app/start.sh", 0, Wanted::Nothing),
            ("usr/share/doc/x/README", 1000, Wanted::Nothing),
        ] {
            assert_eq!(wanted(path.as_bytes(), size), expected, "{path}");
        }
        assert!(!Wanted::Text.takes(b"a\0b") && Wanted::Text.takes(b"ab") && Wanted::Script.takes(b"#!/bin/sh"));
    }

    #[test]
    fn no_more_is_kept_than_there_is_room() {
        let room = Room { left: AtomicU64::new(300) };
        let mut kept = Kept::default();
        for place in 0..3 {
            kept.keep(place, &[b'x'; 50], &room);
        }
        assert_eq!((kept.texts.len(), kept.dropped_count), (2, 1));
    }
}
