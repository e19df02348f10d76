//! Contents again, from wherever the image came, and out of it: engines, a registry, directories on the disk.

mod common;
mod support;

#[path = "sources/server.rs"]
#[allow(dead_code, reason = "each test target uses its own part of it")]
mod server;

use std::fs;
use std::path::{Path, PathBuf};

use layerlens::digest::Digest;
use layerlens::source::Access;
use layerlens::tui::app::Options;
use server::{Response, Server};
use support::image::{ImageSpec, Packing};
use support::layer::{Kind, LayerSpec, Member, Metadata};
use support::screen::{Screen, shop};

fn archive(spec: &ImageSpec) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    fs::read(spec.write(Packing::default(), directory.path(), "image.tar")).expect("written")
}

/// An engine whose export is what `archive` returns for the n-th time.
fn engine(archive: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static) -> Server {
    let exports = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |request| match request.path.as_str() {
        "/images/shop/json" => Response::new(200, "{}"),
        "/images/shop/get" => Response::new(200, archive(exports.fetch_add(1, std::sync::atomic::Ordering::SeqCst))),
        _ => Response::new(404, "{}"),
    })
}

fn screen_of(server: &Server, source: &str) -> Screen {
    let socket = Some(format!("tcp://{}", server.address));
    let access = Access { socket, cache: false, ..Access::default() };
    Screen::with(Options { source: source.into(), access, ..Options::default() }, (100, 30))
}

fn extract(screen: &mut Screen, to: &Path) {
    screen.press("X ctrl-u");
    screen.press(&format!("\"{}\" enter", to.display()));
}

#[test]
fn contents_of_an_engine_are_exported_again() {
    let bytes = archive(&shop());
    let server = engine(move |_| bytes.clone());
    let mut screen = screen_of(&server, "docker://shop");
    screen.press("2 / \"server\" enter o");
    assert!(screen.row("1 const http").starts_with('┃'), "{}", screen.text());
    let place = tempfile::tempdir().expect("a directory");
    screen.press("esc g");
    extract(&mut screen, place.path());
    assert!(screen.text().contains("written: "), "{}", screen.text());
    assert_eq!(fs::read(place.path().join("app/node_modules/typescript/tsc.js")).expect("written").len(), 58_400);
}

#[test]
fn another_image_under_the_same_name_is_told() {
    let (first, mut other) = (archive(&shop()), shop());
    // The same names of layers, with another file in the place of the wanted one.
    other.layers[4] = LayerSpec::of(vec![Member::new("else", Kind::File(vec![1]), Metadata::default()); 8]);
    let second = archive(&other);
    let server = engine(move |export| if export == 0 { first.clone() } else { second.clone() });
    let mut screen = screen_of(&server, "docker://shop");
    screen.press("2 / \"server\" enter o");
    let text = screen.text();
    assert!(text.contains("the image changed since it was opened"), "{text}");
    drop(server);
    screen.press("esc o");
    assert!(!screen.text().contains("const http"), "{}", screen.text());
    screen.press("esc k");
    assert!(screen.app.popup.is_none(), "and the screen goes on");
}

#[test]
fn contents_of_a_registry_are_fetched_again() {
    let layers: Vec<Vec<u8>> = shop().layers.iter().map(LayerSpec::to_tar).collect();
    let digests: Vec<String> = layers.iter().map(|layer| Digest::sha256(layer).to_string()).collect();
    let config =
        serde_json::json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": digests}});
    let config = config.to_string().into_bytes();
    let blob = |bytes: &Vec<u8>| serde_json::json!({"digest": Digest::sha256(bytes).to_string(), "size": bytes.len()});
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob(&config),
        "layers": layers.iter().map(blob).collect::<Vec<_>>(),
    });
    let blobs: Vec<Vec<u8>> = layers.into_iter().chain([config]).collect();
    let server = Server::start(move |request| {
        let digest = request.path.rsplit('/').next().unwrap_or_default();
        let blob = blobs.iter().find(|blob| Digest::sha256(blob).to_string() == digest);
        match (request.path.as_str(), blob) {
            ("/v2/", _) => Response::new(200, "{}"),
            ("/v2/shop/manifests/1", _) => Response::new(200, manifest.to_string())
                .header("Content-Type", "application/vnd.oci.image.manifest.v1+json"),
            (_, Some(blob)) => Response::new(200, blob.clone()),
            _ => Response::new(404, "{}"),
        }
    });
    let mut screen = screen_of(&server, &format!("registry://{}/shop:1", server.address));
    let before = server.blob_requests();
    screen.press("2 / \"server\" enter o");
    assert!(screen.row("1 const http").starts_with('┃'), "{}", screen.text());
    assert_eq!(server.blob_requests(), before + 1, "the one blob that is needed");
}

/// A directory with everything that a file system has.
fn zoo() -> ImageSpec {
    let member = |name: &str, kind, mode| Member::new(name, kind, Metadata::with_mode(mode));
    let layer = LayerSpec::of(vec![
        member("zoo", Kind::Directory, 0o2750),
        member("zoo/closed", Kind::Directory, 0o555),
        member("zoo/closed/inside", Kind::File(b"inside".to_vec()), 0o400),
        member("zoo/empty", Kind::File(Vec::new()), 0o644),
        member("zoo/setuid", Kind::File(b"#!/bin/sh\n".to_vec()), 0o4755),
        member("zoo/name", Kind::HardLink(b"zoo/setuid".to_vec()), 0o4755),
        member("zoo/link", Kind::Symlink(b"../../outside".to_vec()), 0o777),
        member("zoo/pipe", Kind::Fifo, 0o644),
    ]);
    ImageSpec::of(vec![layer, LayerSpec::of(vec![Member::whiteout(b"zoo/empty")])])
}

fn zoo_screen() -> (tempfile::TempDir, Screen) {
    let directory = tempfile::tempdir().expect("a directory");
    let path: PathBuf = zoo().write(Packing::default(), directory.path(), "zoo.tar");
    let mut screen = Screen::of(&path, (120, 30));
    screen.press("1 g 2 g");
    (directory, screen)
}

#[cfg(unix)]
#[test]
fn a_directory_comes_out_as_it_is() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let (_directory, mut screen) = zoo_screen();
    let place = tempfile::tempdir().expect("a directory");
    extract(&mut screen, place.path());
    let words = screen.row("written: ");
    assert!(words.contains("5 files, 16 B") && words.contains("without 2 set-id or sticky bits"), "{words}");
    assert!(words.contains("left out: 1 (devices"), "{words}");
    let zoo = place.path().join("zoo");
    let mode = |name: &str| fs::symlink_metadata(zoo.join(name)).expect("there").permissions().mode() & 0o7777;
    assert_eq!((mode(""), mode("closed"), mode("closed/inside"), mode("setuid")), (0o750, 0o555, 0o400, 0o755));
    assert_eq!(fs::read_link(zoo.join("link")).expect("a link"), Path::new("../../outside"), "kept, never followed");
    let inode = |name: &str| fs::metadata(zoo.join(name)).expect("there").ino();
    assert_eq!(inode("name"), inode("setuid"), "hard links stay one file");
    assert_eq!(fs::read(zoo.join("empty")).expect("there"), b"");
    assert!(!zoo.join("pipe").exists());
    assert_eq!(fs::read_dir(place.path()).expect("readable").count(), 1, "nothing else is left behind");
    extract(&mut screen, place.path());
    assert!(screen.text().contains("it exists already"), "{}", screen.text());
}

#[test]
fn the_view_says_which_state_is_written() {
    let (_directory, mut screen) = zoo_screen();
    let place = tempfile::tempdir().expect("a directory");
    screen.press("X");
    assert!(screen.row("write ").contains("/zoo as layer 1 stores it"), "{}", screen.text());
    screen.press("esc v v X");
    assert!(screen.row("write ").contains("/zoo of the final image"), "{}", screen.text());
    screen.press("esc");
    extract(&mut screen, &place.path().join("out"));
    assert!(screen.text().contains("written: "), "{}", screen.text());
    assert!(place.path().join("out/setuid").exists() && !place.path().join("out/empty").exists());
    extract(&mut screen, Path::new("/absent/place"));
    assert!(screen.text().contains("no such directory"), "{}", screen.text());
}

/// A disk of 64 kB, where this may be made: whoever is not root, or sits in a container, is told that it was left out.
#[cfg(target_os = "linux")]
#[expect(clippy::print_stderr, reason = "a test that did not test says so")]
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let place = tempfile::tempdir().expect("a directory");
    let mount = |arguments: &[&str]| {
        let status = std::process::Command::new("mount").args(arguments).arg(place.path()).status();
        status.is_ok_and(|status| status.success())
    };
    if !mount(&["-t", "tmpfs", "-o", "size=64k", "none"]) {
        eprintln!("no small disk could be made: a full disk was not tried");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = shop().write(Packing::default(), directory.path(), "shop.tar");
    let mut screen = Screen::of(&path, (100, 30));
    screen.press("2 g");
    extract(&mut screen, place.path());
    let text = screen.text();
    let left = fs::read_dir(place.path()).expect("readable").count();
    screen.press("x ctrl-u");
    screen.press(&format!("\"json={}\" enter", place.path().join("report.json").display()));
    let _ = std::process::Command::new("umount").arg(place.path()).status();
    assert!(text.contains("not written") && text.contains("space"), "{text}");
    assert_eq!(left, 0, "no half file, no draft");
    screen.press("1 j");
    assert!(screen.row("rm -rf").contains('▶'), "and the screen goes on");
}
