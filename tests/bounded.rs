//! Small files that say much: each must end with exit 0 or 3, in little time and little memory.
//!
//! The real program runs under a hard limit of memory, beyond which it would be aborted.
#![cfg(unix)]

mod common;

use std::io::Write;
use std::time::Duration;

use common::archive::sha256;
use common::run::{Outcome, layerlens};
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tar::{EntryType, Header};

/// What the program may take of memory, and a generous time: machines that test are busy.
const MEMORY: u64 = 300_000_000;
const TIME: Duration = Duration::from_secs(60);

/// A member with names of up to 100 bytes.
fn member(name: &str, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_path(name).expect("a short name");
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

/// The blocks of a member with its content; a long name or target goes before it.
fn blocks(name: &[u8], kind: EntryType, target: &[u8], content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut add = |header: &Header, content: &[u8]| {
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    };
    for (long, kind) in [(name, EntryType::GNULongName), (target, EntryType::GNULongLink)] {
        if long.len() > 100 {
            add(&member("././@LongLink", kind, long.len() as u64 + 1), &[long, b"\0"].concat());
        }
    }
    let mut header = member("x", kind, content.len() as u64);
    header.as_old_mut().name[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
    header.as_old_mut().linkname[..target.len().min(100)].copy_from_slice(&target[..target.len().min(100)]);
    header.set_cksum();
    add(&header, content);
    out
}

fn file(name: &[u8]) -> Vec<u8> {
    blocks(name, EntryType::Regular, b"", b"")
}

/// Gzip of all pieces, and what it would be without.
fn gzip(pieces: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    pieces.for_each(|piece| encoder.write_all(&piece).expect("a Vec takes every write"));
    encoder.finish().expect("a Vec takes every write")
}

/// An image of one layer, as a compressed archive. Its `diff_id` is not right: nobody asks.
fn image(layer: &[u8], config: &[u8], layers: &Value, others: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let name = format!("{}.json", sha256(config));
    let manifest = json!([{"Config": name, "RepoTags": ["x:1"], "Layers": layers}]).to_string();
    let documents = [
        blocks(b"l/layer.tar", EntryType::Regular, b"", layer),
        blocks(name.as_bytes(), EntryType::Regular, b"", config),
        blocks(b"manifest.json", EntryType::Regular, b"", manifest.as_bytes()),
    ];
    gzip(documents.into_iter().chain(others).chain([vec![0; 1024]]))
}

fn config() -> Vec<u8> {
    let diff_id = format!("sha256:{}", "0".repeat(64));
    json!({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [diff_id]}}).to_string().into_bytes()
}

fn of_layer(members: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let layer = gzip(members.chain([vec![0; 1024]]));
    image(&layer, &config(), &json!(["l/layer.tar"]), std::iter::empty())
}

fn run(bytes: &[u8]) -> Outcome {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), bytes).expect("written");
    let arguments = [file.path().as_os_str(), "--report".as_ref(), "text".as_ref()];
    layerlens(arguments).limited_to(MEMORY).within(TIME).outcome()
}

/// Runs it, and expects a refusal in one line that says why.
#[track_caller]
fn assert_refused(bytes: &[u8], why: &str) {
    assert!(bytes.len() < 20_000_000, "{} bytes are not a small file", bytes.len());
    let outcome = run(bytes);
    outcome.assert_code(3);
    assert!(outcome.peak_bytes < MEMORY, "{} bytes of memory", outcome.peak_bytes);
    assert!(outcome.stderr_text().contains(why), "{outcome}");
}

#[test]
fn the_limit_of_memory_is_one() {
    let small = of_layer(std::iter::once(file(b"f")));
    run(&small).assert_code(0);
    let image = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(image.path(), &small).expect("written");
    let outcome = layerlens([image.path()]).limited_to(1_000_000).outcome();
    assert_ne!(outcome.code, Some(0), "{outcome}");
}

#[test]
fn many_entries() {
    let files = (0..2_000_000).map(|number| file(format!("f{number:07}").as_bytes()));
    assert_refused(&of_layer(files), "the memory for all paths and entries");
    let same = std::iter::repeat_with(|| blocks(b"same", EntryType::Regular, b"", b"x")).take(2_500_000);
    assert_refused(&of_layer(same), "the memory for all paths and entries");
}

#[test]
fn many_whiteouts_of_one_name_are_one() {
    let whiteouts = of_layer(std::iter::repeat_with(|| file(b".wh.x")).take(500_000));
    run(&whiteouts).assert_code(0);
}

#[test]
fn deep_paths() {
    let deep = |number: usize| [format!("x{number}/").into_bytes(), b"d/".repeat(8000), b"f".to_vec()].concat();
    assert_refused(&of_layer((0..1500).map(|number| file(&deep(number)))), "the memory for all paths and entries");
    let deeper = [b"d/".repeat(31_000), b"f".to_vec()].concat();
    assert_refused(&of_layer(std::iter::once(file(&deeper))), "its path is larger than the limit of 16384 bytes");
    // What directories allow step by step stays readable.
    let outcome = run(&of_layer(std::iter::once(file(&[b"d/".repeat(5000), b"f".to_vec()].concat()))));
    outcome.assert_code(0);
}

#[test]
fn long_names_and_targets() {
    assert_refused(
        &of_layer(std::iter::once(file(&[b'n'; 256]))),
        "the name of a file is larger than the limit of 255",
    );
    run(&of_layer(std::iter::once(file(&[b'n'; 255])))).assert_code(0);
    let link = |length| of_layer(std::iter::once(blocks(b"l", EntryType::Symlink, &vec![b't'; length], b"")));
    assert_refused(&link(4097), "its target is larger than the limit of 4096 bytes");
    run(&link(4096)).assert_code(0);
    let links = (0..100_000).map(|at| blocks(format!("{at}").as_bytes(), EntryType::Symlink, &[b't'; 4000], b""));
    assert_refused(&of_layer(links), "the memory for all paths and entries");
}

#[test]
fn endless_headers() {
    let mut sparse = member("sparse", EntryType::GNUSparse, 0);
    sparse.as_gnu_mut().expect("a GNU header").isextended[0] = 1;
    sparse.set_cksum();
    let mut more = vec![0; 512];
    more[504] = 1;
    let maps = std::iter::repeat_with(|| more.clone()).take(100_000);
    let layer = std::iter::once(sparse.as_bytes().to_vec()).chain(maps);
    assert_refused(&of_layer(layer), "the map of a sparse file");
    let value = [b" SCHILY.xattr.user.x=".to_vec(), vec![b'v'; 1_000_000], b"\n".to_vec()].concat();
    let record = [(value.len() + 7).to_string().into_bytes(), value].concat();
    let pax = (0..60).map(|_| blocks(b"pax", EntryType::XHeader, b"", &record));
    assert_refused(&of_layer(pax.chain([file(b"f")])), "the extended header");
}

#[test]
fn directories_replaced_again_and_again() {
    let lower = (0..100_000).map(|number| file(format!("d/{number}").as_bytes()));
    let again = [blocks(b"d/", EntryType::Directory, b"", b""), file(b"d/z"), file(b"d")].concat();
    let upper = std::iter::repeat_with(|| again.clone()).take(100_000);
    assert_refused(&of_layer(lower.chain(upper)), "directories that are replaced again and again");
}

#[test]
fn documents_of_many_parts() {
    let layer = gzip([file(b"f"), vec![0; 1024]].into_iter());
    let parts = |element: &str, count| vec![element; count].join(",");
    let with = |field: &str| format!(r#"{{"os":"linux",{field}}}"#).into_bytes();
    for field in [
        format!(r#""history":[{}]"#, parts("{}", 2_000_000)),
        format!(r#""rootfs":{{"diff_ids":[{}]}}"#, parts("\"\"", 2_000_000)),
    ] {
        assert_refused(
            &image(&layer, &with(&field), &json!(["l/layer.tar"]), std::iter::empty()),
            "a list of more than",
        );
    }
    let large = with(&format!(r#""history":[{}]"#, parts("{}", 10_000_000)));
    assert_refused(&image(&layer, &large, &json!(["l/layer.tar"]), std::iter::empty()), "the document is larger");
    let many = Value::from(vec!["l/layer.tar"; 500_000]);
    assert_refused(&image(&layer, &config(), &many, std::iter::empty()), "a list of more than");
}

/// Package databases as large as they may be: more packages than any image has, and packages that need many others.
#[test]
fn databases_of_packages() {
    const LARGEST: usize = 60 << 20;
    let database = |name: &str, record: &dyn Fn(usize) -> String| {
        let mut text = String::new();
        for at in 0.. {
            text += &record(at);
            if text.len() > LARGEST {
                break;
            }
        }
        of_layer(std::iter::once(blocks(name.as_bytes(), EntryType::Regular, b"", text.as_bytes())))
    };
    let status = "Status: install ok installed\nVersion: 1\n";
    let many = database("var/lib/dpkg/status", &|at| format!("Package: p{at}\n{status}\n"));
    let tangled = database("var/lib/dpkg/status", &|at| {
        let needs: Vec<String> = (0..100).map(|need| format!("p{}", (at * 7 + need) % 50_000)).collect();
        format!("Package: p{at}\n{status}Depends: {}\n\n", needs.join(", "))
    });
    let alpine = database("lib/apk/db/installed", &|at| format!("P:p{at}\nV:1\n\n"));
    for image in [many, tangled, alpine] {
        let outcome = run(&image);
        outcome.assert_code(0);
        assert!(outcome.peak_bytes < MEMORY, "{} bytes of memory", outcome.peak_bytes);
        assert!(outcome.stdout_text().contains("could not be read"), "{outcome}");
    }
}

#[test]
fn archives_of_many_members() {
    let layer = gzip([file(b"f"), vec![0; 1024]].into_iter());
    let with = |others: &mut dyn Iterator<Item = Vec<u8>>| image(&layer, &config(), &json!(["l/layer.tar"]), others);
    let other = |number| blocks(format!("m{number:06}").as_bytes(), EntryType::Regular, b"", b"x");
    let mut members = (0..400_000).map(other);
    assert_refused(&with(&mut members), "the list of the archive's members");
    let tar = [file(b"f"), vec![0; 1024]].concat();
    let mut layers = (0..30_000).map(|number| blocks(format!("m{number}").as_bytes(), EntryType::Regular, b"", &tar));
    assert_refused(&with(&mut layers), "the number of blobs");
}

/// A frame whose header asks for a window of 2^31 bytes, with an empty block; a stream with a dictionary of 1 GiB.
#[test]
fn windows_and_dictionaries_beyond_the_limit_come_with_a_hint() {
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00];
    let crc = |bytes: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        [bytes, &crc.sum().to_le_bytes()].concat()
    };
    let magic = [0xfd, b'7', b'z', b'X', b'Z', 0];
    let xz = [&magic[..], &crc(&[0, 0]), &crc(&[2, 0, 0x21, 1, 36, 0, 0, 0])].concat();
    for (bytes, needs) in [(&zstd[..], "window"), (&xz[..], "dictionary")] {
        let outcome = run(bytes);
        outcome.assert_code(3);
        let message = outcome.stderr_text();
        assert!(message.contains(needs) && message.contains("128 MiB") && message.contains("hint: "), "{message}");
    }
}
