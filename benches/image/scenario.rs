//! The three images: what their layers hold, as shares of the files and bytes asked for.

use clap::ValueEnum;

use super::content::Content;
use super::entry::{Entry, Kind, Layer, LongName, MTIME};
use super::random::{Random, mix};
use super::tree;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Four layers of very many files of 0 to 600 bytes: all cost is in the headers.
    Tiny,
    /// Eight layers as a distribution, its packages and an application leave them.
    Realistic,
    /// Five layers of a few huge files: all cost is in the contents.
    Large,
}

/// How big an image shall be, over all its layers.
#[derive(Clone, Copy)]
pub struct Size {
    /// Regular files (tiny, realistic).
    pub files: u64,
    /// Uncompressed content bytes, about (realistic, large).
    pub bytes: u64,
}

impl Scenario {
    /// The name in file names and tags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Realistic => "realistic",
            Self::Large => "large",
        }
    }

    /// The layers, bottom first, their entries in no particular order.
    pub fn layers(self, size: Size, seed: u64) -> Vec<Layer> {
        match self {
            Self::Tiny => tiny(size.files, seed),
            Self::Realistic => realistic(size, seed),
            Self::Large => large(size.bytes, seed),
        }
    }
}

fn layer(created_by: &'static str, entries: Vec<Entry>) -> Layer {
    Layer { created_by, entries }
}

/// 40 % an application, 30 % a second tree, 20 % a `chmod` copy of half of the first, 10 % a build
/// that rewrites some of the second tree and adds as much.
fn tiny(files: u64, seed: u64) -> Vec<Layer> {
    let small = |random: &mut Random| random.below(601);
    let app = tree::grow("app", files * 4 / 10, mix(seed, 1), small);
    let web = tree::grow("srv/web", files * 3 / 10, mix(seed, 2), small);
    let chmod = tree::chmod(&app[..app.len() / 2], 0o755);
    let mut build = rewritten(&web, files / 20);
    build.extend(tree::grow("srv/new", files / 20, mix(seed, 3), small));
    vec![
        layer("COPY app /app # buildkit", app),
        layer("COPY web /srv/web # buildkit", web),
        layer("RUN /bin/sh -c chmod -R 755 /app/a # buildkit", chmod),
        layer("RUN /bin/sh -c make # buildkit", build),
    ]
}

/// The first `count` files again, one byte of each changed.
fn rewritten(entries: &[Entry], count: u64) -> Vec<Entry> {
    let files = entries.iter().filter_map(patched);
    files.take(usize::try_from(count).expect("a count of entries")).collect()
}

fn patched(entry: &Entry) -> Option<Entry> {
    let content = Content { patched: true, ..entry.content()? };
    let kind = Kind::File(content);
    Some(Entry { kind, mtime: MTIME + 3600, ..entry.clone() })
}

fn realistic(size: Size, seed: u64) -> Vec<Layer> {
    let part = |root: &str, percent_files: u64, percent_bytes: u64, number: u64| {
        let files = size.files * percent_files / 100;
        let seed = mix(seed, number);
        let mean = size.bytes * percent_bytes / 100 / files.max(1);
        let mut entries = tree::grow(root, files, seed, |random| file_bytes(random, mean));
        tree::add_links(&mut entries);
        entries
    };
    let mut base = part("usr/lib", 6, 8, 1);
    base.extend(part("usr/share", 10, 4, 2));
    base.extend(part("usr/bin", 2, 8, 3));
    base.extend(part("etc", 1, 0, 4));
    let mut packages = part("usr/lib/python3", 14, 12, 5);
    packages.extend(part("usr/share/doc", 6, 2, 6));
    packages.extend(part("var/lib/packages", 6, 16, 7));
    let app = part("app/node_modules", 20, 16, 8);
    let chmod = tree::chmod(&app, 0o775);
    let upgrade = upgrade(&packages, mix(seed, 9));
    let mut copies = tree::chown(&part("usr/bin", 2, 8, 3), 1000);
    copies.extend(tree::copy(&base, "usr/share", "opt/copy"));
    let deletes = deletes(&packages);
    vec![
        layer("/bin/sh -c #(nop) ADD file:base in / ", base),
        layer("RUN /bin/sh -c install packages # buildkit", packages),
        layer("COPY node_modules /app/node_modules # buildkit", app),
        layer("RUN /bin/sh -c chmod -R 0775 /app/node_modules # buildkit", chmod),
        layer("RUN /bin/sh -c upgrade packages # buildkit", upgrade),
        layer("RUN /bin/sh -c chown -R app /usr/bin; cp -r /usr/share /opt/copy # buildkit", copies),
        layer("RUN /bin/sh -c remove packages # buildkit", deletes),
        layer("COPY odd /srv/odd # buildkit", odd(mix(seed, 10))),
    ]
}

/// A size of the given mean (but for empty files): most files are far smaller, few are far bigger.
fn file_bytes(random: &mut Random, mean: u64) -> u64 {
    let unit = match random.below(100) {
        0..=2 => 0,
        3..=59 => mean / 16,
        60..=89 => mean / 2,
        90..=98 => mean * 4,
        _ => mean * 44,
    };
    unit / 2 + random.below(unit + 1)
}

/// Every third file: one half keeps its size and changes its bytes, the other half changes both.
fn upgrade(packages: &[Entry], seed: u64) -> Vec<Entry> {
    let mut random = Random::new(seed);
    let files = packages.iter().filter_map(patched);
    let mut upgraded: Vec<_> = files.step_by(3).collect();
    for entry in upgraded.iter_mut().step_by(2) {
        if let Kind::File(content) = &mut entry.kind {
            *content = Content::new(random.draw(), content.bytes + content.bytes / 8 + 1);
        }
    }
    upgraded
}

/// Whiteouts of single files and of whole directories, and one opaque directory.
fn deletes(packages: &[Entry]) -> Vec<Entry> {
    let below = |root: &'static str| {
        let all = packages.iter().filter(move |entry| entry.path.starts_with(root));
        all.filter(|entry| entry.path.contains('.') || matches!(entry.kind, Kind::Directory))
    };
    let mut entries = vec![
        Entry::directory("usr"),
        Entry::directory("usr/share"),
        Entry::directory("usr/share/doc"),
        Entry::empty("usr/share/doc/.wh..wh..opq"),
        Entry::file("usr/share/doc/README", Content::new(1, 5000)),
    ];
    let gone = below("var/lib/packages/").step_by(40);
    entries.extend(gone.map(|entry| Entry::whiteout(&entry.path)));
    entries
}

/// What readers get wrong: long names in both notations, attributes, links, a path stored twice.
fn odd(seed: u64) -> Vec<Entry> {
    let mut entries = vec![Entry::directory("srv"), Entry::directory("srv/odd")];
    let mut random = Random::new(seed);
    for number in 0..100 {
        let content = Content::new(random.draw(), random.below(20_000));
        let plain = format!("srv/odd/plain-{number:03}");
        let long = format!("srv/odd/{}-{number:03}", "long-name-".repeat(30));
        entries.push(Entry {
            xattr: Some(("security.capability", b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0")),
            ..Entry::file(plain.clone(), content)
        });
        entries.push(Entry::file(format!("{long}.pax"), content));
        let gnu = Entry::file(format!("{long}.gnu"), content);
        entries.push(Entry { long_name: LongName::Gnu, ..gnu });
        entries.push(Entry::new(format!("{plain}.hard"), Kind::HardLink(plain)));
        entries.push(Entry::new(format!("{long}.soft"), Kind::Symlink(format!("{long}.pax"))));
    }
    let twice = Content::new(seed, 30_000);
    entries.push(Entry::file("srv/odd/twice", twice));
    entries.push(Entry::file("srv/odd/twice", Content { patched: true, ..twice }));
    entries.push(Entry::file("srv/odd/na\u{ef}ve \u{2603}", twice));
    entries
}

/// 25 % a base of four files, 37 % one huge file, 13 % a `chmod` copy of two files, 20 % a rewrite
/// of the other two (one byte of each) with a new one, 5 % new files beside two deletions.
fn large(bytes: u64, seed: u64) -> Vec<Layer> {
    let file = |path: &str, percent| Entry::file(path, Content::new(mix(seed, percent), bytes / 100 * percent));
    let base = vec![
        Entry::directory("data"),
        file("data/eight", 8),
        file("data/seven", 7),
        file("data/six", 6),
        file("data/four", 4),
    ];
    let chmod = tree::chmod(&[base[0].clone(), base[2].clone(), base[3].clone()], 0o755);
    let mut train = vec![file("data/new", 9)];
    train.extend(base.iter().skip(1).step_by(3).filter_map(patched));
    let end = vec![
        Entry::directory("logs"),
        file("logs/one", 3),
        file("logs/two", 2),
        Entry::whiteout("data/new"),
        Entry::whiteout("data/six"),
    ];
    vec![
        layer("ADD data /data # buildkit", base),
        layer("COPY model /models # buildkit", vec![Entry::directory("models"), file("models/model", 37)]),
        layer("RUN /bin/sh -c chmod 755 /data/seven /data/six # buildkit", chmod),
        layer("RUN /bin/sh -c train # buildkit", train),
        layer("RUN /bin/sh -c rm /data/new /data/six # buildkit", end),
    ]
}
