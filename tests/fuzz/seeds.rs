//! What is broken: small images with every kind of member, in every format and compression.

use crate::support::image::{Format, HistorySpec, ImageSpec, LayerStream, Packing, Wrapper};
use crate::support::layer::{Ending, Kind, LayerSpec, LongNames, Member, Metadata};

fn member(name: &str, kind: Kind) -> Member {
    Member::new(name, kind, Metadata::with_mode(0o644))
}

fn file(name: &str, content: &[u8]) -> Member {
    member(name, Kind::File(content.to_vec()))
}

/// Three layers: all kinds of member; whiteouts, links and names that are long; an opaque directory at the tar's end.
fn specs() -> Vec<LayerSpec> {
    let long = "n".repeat(120);
    let mut attributes = Metadata::with_mode(0o755);
    attributes.xattrs.insert("security.capability".to_owned(), b"\x01\0\xff".to_vec());
    attributes.mtime = -1;
    let first = vec![
        member("a/", Kind::Directory),
        file("a/b", &[b'x'; 1300]),
        file("a/c", b"content"),
        member("a/link", Kind::HardLink(b"a/b".to_vec())),
        member("a/symlink", Kind::Symlink(b"../b".to_vec())),
        member("dev/null", Kind::CharDevice { major: 1, minor: 3 }),
        member("fifo", Kind::Fifo),
    ];
    let second = vec![
        Member::whiteout(b"a/c"),
        file("a/b", &[b'y'; 1300]),
        file(&long, b"1"),
        member("to", Kind::HardLink(long.as_bytes().to_vec())),
        Member::new("capable", Kind::File(b"2".to_vec()), attributes),
    ];
    let third = vec![file("dev/null/below", b""), Member::opaque(b"a"), file("a/new", b"new")];
    let mut layers = [first, second, third].map(LayerSpec::of);
    layers[1].long_names = LongNames::Pax;
    layers[2].ending = Ending::Cut;
    layers.to_vec()
}

pub fn layers() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = specs().iter().map(LayerSpec::to_tar).collect();
    let mut gnu = specs()[1].clone();
    gnu.long_names = LongNames::Gnu;
    seeds.push(gnu.to_tar());
    seeds
}

pub fn archives() -> Vec<Vec<u8>> {
    let image = ImageSpec {
        layers: specs(),
        history: vec![
            HistorySpec::step("/bin/sh -c #(nop) COPY dir:1 in /a"),
            HistorySpec::config_step("ENV a=b"),
            HistorySpec::step("RUN /bin/sh -c rm a/c && touch b # buildkit"),
            HistorySpec::step("|1 x=y /bin/sh -c rm -rf a"),
        ],
        tags: vec!["sample:latest".to_owned()],
    };
    let folder = tempfile::tempdir().expect("a folder");
    packings().map(|packing| std::fs::read(image.write(packing, folder.path(), "seed")).expect("written")).collect()
}

fn packings() -> impl Iterator<Item = Packing> {
    let formats = [Format::DockerLegacy, Format::DockerOci, Format::OciArchive];
    let streams = [LayerStream::Plain, LayerStream::GzipMembers, LayerStream::ZstdFrames];
    let plain = formats.into_iter().flat_map(move |format| {
        streams.map(|layers| Packing {
            format,
            layers,
            manifest_first: layers == LayerStream::Plain,
            ..Packing::default()
        })
    });
    let wrapped = [Wrapper::Gzip, Wrapper::Zstd, Wrapper::Xz, Wrapper::Bzip2];
    plain.chain(wrapped.map(|wrapper| Packing { wrapper, ..Packing::default() }))
}
