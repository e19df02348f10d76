//! The chain on small images, one for each kind of thing that is followed; and by hand on large ones.

mod cases;
mod corpus;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use super::{Start, follow};
use crate::analysis::rootfs::Rootfs;
use crate::archive::RunConfig;
use crate::layer::entry::NodeId;
use crate::merge::merger;
use crate::open::{self, LoadOptions, Loaded};
use crate::source;

/// An image of one layer, as it is written down in a test.
struct Image {
    layer: Builder<Vec<u8>>,
    config: Value,
}

/// What was found, by paths.
struct Found {
    start: Start,
    loaded: Loaded,
}

impl Image {
    /// Starts with a root that has a shell, a loader and some tools, all of them packages'.
    fn new(config: Value) -> Self {
        let mut image = Image { layer: Builder::new(Vec::new()), config };
        for name in ["sh", "env", "sleep", "git", "gcc", "make", "curl", "ssh", "gs", "less"] {
            image = image.program(&format!("usr/bin/{name}"));
        }
        image.file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n").link("bin", "usr/bin")
    }

    fn add(mut self, path: &str, mode: u32, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        header.set_entry_type(EntryType::Regular);
        self.layer.append_data(&mut header, path, content).expect("memory");
        self
    }

    fn file(self, path: &str, content: &str) -> Self {
        self.add(path, 0o644, content.as_bytes())
    }

    fn script(self, path: &str, content: &str) -> Self {
        self.add(path, 0o755, content.as_bytes())
    }

    /// A compiled program without tables.
    fn program(self, path: &str) -> Self {
        self.add(path, 0o755, &elf(&[], ""))
    }

    fn link(mut self, path: &str, target: &str) -> Self {
        let mut header = Header::new_gnu();
        header.set_size(0);
        header.set_mode(0o777);
        header.set_entry_type(EntryType::Symlink);
        self.layer.append_link(&mut header, path, target).expect("memory");
        self
    }

    /// Follows it; files in `/usr` and `/bin` but `/usr/local` are packages'.
    fn follow(self) -> Found {
        let layer = self.layer.into_inner().expect("memory");
        let config = json!({"config": self.config, "rootfs": {"type": "layers", "diff_ids": []}, "os": "linux"});
        let manifest = json!([{"Config": "c.json", "RepoTags": null, "Layers": ["l/layer.tar"]}]);
        let mut archive = Builder::new(Vec::new());
        for (name, content) in [
            ("c.json", config.to_string().into_bytes()),
            ("l/layer.tar", layer),
            ("manifest.json", manifest.to_string().into_bytes()),
        ] {
            let mut header = Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, &content[..]).expect("memory");
        }
        let mut file = tempfile::NamedTempFile::new().expect("a temporary folder");
        file.write_all(&archive.into_inner().expect("memory")).expect("room");
        Found::open(file.path(), &|path| path.starts_with(b"/usr/") && !path.starts_with(b"/usr/local/"))
    }
}

impl Found {
    fn open(path: &Path, is_packaged: &dyn Fn(&[u8]) -> bool) -> Self {
        let options = LoadOptions { evidence: true, ..LoadOptions::default() };
        let input = source::open(path, &options.access).expect("a file");
        let mut loaded = open::load(input, &options).unwrap_or_else(|error| panic!("{error}"));
        merger::merge(&mut loaded.index, &mut loaded.warnings).expect("small");
        let rootfs = Rootfs::new(&loaded.index, loaded.blobs.iter().collect(), &loaded.kept);
        let packaged = |node: NodeId| is_packaged(&rootfs.tree().path(node));
        let start = follow(&rootfs, &RunConfig::parse(&loaded.spec.config), &packaged, 0);
        Found { start, loaded }
    }

    fn node(&self, path: &str) -> Option<NodeId> {
        self.loaded.index.tree.find(path.trim_start_matches('/').as_bytes())
    }

    fn reaches(&self, path: &str) -> bool {
        self.node(path).is_some_and(|node| self.start.reason(&self.loaded.index.tree, node).is_some())
    }

    fn paths(&self) -> BTreeSet<String> {
        let tree = &self.loaded.index.tree;
        self.start.reached.keys().map(|node| String::from_utf8_lossy(&tree.path(*node)).into_owned()).collect()
    }

    #[track_caller]
    fn check(&self, reached: &[&str], not: &[&str]) {
        for path in reached {
            assert!(self.node(path).is_some(), "{path} is not in the image");
            assert!(self.reaches(path), "{path} is not reached: {:#?}", self.paths());
        }
        for path in not {
            assert!(self.node(path).is_some(), "{path} is not in the image");
            let node = self.node(path).expect("just found");
            assert!(!self.reaches(path), "{path}: {}", self.start.sentence(&self.loaded.index.tree, node));
        }
    }
}

/// A 64-bit program with the libraries that it needs and where they are looked for first.
fn elf(needed: &[&str], search: &str) -> Vec<u8> {
    let (segments, names, table) = (64usize, 0x100usize, 0x200usize);
    let mut strings = vec![0u8];
    let mut entries: Vec<(u64, u64)> = Vec::new();
    for (tag, text) in needed.iter().map(|name| (1u64, *name)).chain((!search.is_empty()).then_some((29, search))) {
        entries.push((tag, strings.len() as u64));
        strings.extend(text.bytes().chain([0]));
    }
    entries.extend([(5, names as u64), (10, strings.len() as u64), (0, 0)]);
    let mut file = vec![0u8; table + 16 * entries.len()];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"\x7fELF\x02\x01\x01");
    put(16, &[3, 0, 62, 0, 1, 0, 0, 0]);
    put(32, &(segments as u64).to_le_bytes());
    put(52, &[64, 0, 56, 0, 2, 0]);
    put(names, &strings);
    let size = 16 * entries.len() as u64;
    for (place, (kind, offset, size)) in
        [(1u32, 0u64, table as u64 + size), (2, table as u64, size)].into_iter().enumerate()
    {
        let at = segments + 56 * place;
        put(at, &kind.to_le_bytes());
        for (field, value) in [(8, offset), (16, offset), (32, size), (40, size)] {
            put(at + field, &value.to_le_bytes());
        }
    }
    for (place, (tag, value)) in entries.iter().enumerate() {
        put(table + 16 * place, &tag.to_le_bytes());
        put(table + 16 * place + 8, &value.to_le_bytes());
    }
    file
}
