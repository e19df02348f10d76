//! One image, every way to it: the engines, the registry, the data root, archives and directories tell the same.

use std::path::Path;

use serde_json::Value;

use crate::common;
use crate::home::{Home, assert_refused};
use crate::peers::{self, Peer, plain_sample, run};

/// Each sample with the word of `skopeo` for its format. Old engines and tools do not know zstd, so the one image whose
/// layers are compressed with it is left to the registry of our own.
const SAMPLES: [(&str, &str); 8] = [
    ("seed.tar.gz", "docker-archive"),
    ("seed-merged.tar.gz", "docker-archive"),
    ("seed-vfs.tar.zst", "docker-archive"),
    ("seed-podman.tar.zst", "docker-archive"),
    ("opaque.tar.zst", "docker-archive"),
    ("hello-containerd.tar", "docker-archive"),
    ("seed-oci-gzip.tar", "oci-archive"),
    ("multiarch", "oci"),
];

/// An image in all the places where it was put.
struct Places {
    /// What layerlens is given, and how it finds the engine.
    sources: Vec<(String, Vec<String>)>,
}

/// Puts a sample into every place.
fn spread(sample: &str, kind: &str, number: usize, folder: &Path, peers: &Peers) -> Option<Places> {
    let plain = plain_sample(sample, folder);
    let name = format!("test/image{number}:1");
    let archive = folder.join(format!("{number}.tar"));
    let layout = folder.join(format!("{number}.oci"));
    let from = format!("{kind}:{}", plain.display());
    let [archive, layout] = [archive, layout].map(|path| path.to_str().expect("text").to_owned());
    let copy = |to: &str| run("skopeo", &["copy", "--insecure-policy", "--dest-tls-verify=false", &from, to]);
    copy(&format!("docker-archive:{archive}:{name}"))?;
    copy(&format!("oci:{layout}:1"))?;
    let mut sources = vec![(archive.clone(), vec![]), (layout, vec![])];
    if let Some(registry) = &peers.registry {
        copy(&format!("docker://{}/{name}", registry.address))?;
        sources.push((format!("registry://{}/{name}", registry.address), vec![]));
    }
    if let Some(docker) = &peers.docker {
        let socket = docker.socket();
        run("docker", &["-H", &format!("unix://{socket}"), "load", "-i", &archive])?;
        sources.push((format!("docker://{name}"), vec!["--socket".to_owned(), socket.clone()]));
        sources.push((name.clone(), vec!["--socket".to_owned(), format!("unix://{socket}")]));
        let root = docker.path("d");
        sources.push((format!("docker-root:{root}"), vec!["--image".to_owned(), name.clone(), "--verify".to_owned()]));
    }
    if let Some(podman) = &peers.podman {
        let url = format!("unix://{}", podman.socket());
        run("podman", &["--remote", "--url", &url, "load", "-q", "-i", &archive])?;
        sources.push((format!("podman://{name}"), vec!["--socket".to_owned(), podman.socket()]));
    }
    Some(Places { sources })
}

struct Peers {
    docker: Option<Peer>,
    podman: Option<Peer>,
    registry: Option<peers::Registry>,
}

#[test]
fn all_sources_agree() {
    let peers = Peers { docker: peers::docker(), podman: peers::podman(), registry: peers::registry(None) };
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::new();
    for (number, (sample, kind)) in SAMPLES.iter().enumerate() {
        let Some(places) = spread(sample, kind, number, folder.path(), &peers) else {
            return;
        };
        let expected = common::analysed(&common::sample(sample));
        for (source, arguments) in places.sources {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let found = home.report(&source, &arguments);
            common::assert_same_essence(&found, &expected, &format!("{sample} from {source}"));
            assert_gate(&home, &source, &arguments, &found);
        }
    }
    if let Some(docker) = &peers.docker {
        assert_copied_root(&home, docker, folder.path());
    }
}

/// The gate judges every source.
#[track_caller]
fn assert_gate(home: &Home, source: &str, arguments: &[&str], report: &Value) {
    let wasted = report["totals"]["wasted_bytes"].as_u64().expect("a number");
    for (limit, code) in [(wasted, 0), (wasted.wrapping_sub(1), 1)] {
        if wasted > 0 || code == 0 {
            let limit = format!("{limit}B");
            home.outcome(&[&[source, "--ci", "--max-waste", &limit], arguments].concat()).assert_code(code);
        }
    }
}

/// A data root needs no engine: a copy of the tree is as good, and is not written to.
fn assert_copied_root(home: &Home, docker: &Peer, folder: &Path) {
    let copy = folder.join("root");
    let copy = copy.to_str().expect("text");
    if run("cp", &["-a", &docker.path("d"), copy]).is_none() {
        return;
    }
    let listing = || run("find", &[copy, "-printf", "%p %s %T@ %C@\n"]);
    let before = listing();
    let found = home.report(&format!("docker-root:{copy}"), &["--image", "test/image0:1"]);
    common::assert_same_essence(&found, &common::analysed(&common::sample("seed.tar.gz")), "a copied data root");
    assert_eq!(found["image"]["format"], "docker-root");
    assert_eq!(listing(), before, "something was written");
    let outcome = home.outcome(&[&format!("docker-root:{copy}"), "--image", "absent"]);
    assert_refused(&outcome, &["no image matches \"absent\"; there is test/image0:1"]);
    assert_damage_is_told(home, copy);
}

/// Without contents and without layers the sizes are still known, or an error says what is missing.
fn assert_damage_is_told(home: &Home, root: &str) {
    let image = format!("docker-root:{root}");
    let only = |name: &str| Path::new(root).join("image").join(name);
    let driver = if only("overlay2").exists() { "overlay2" } else { "vfs" };
    std::fs::remove_dir_all(only(driver).join("layerdb")).expect("it was there");
    assert_refused(&home.outcome(&[&image, "--image", "test/image0:1"]), &["layer 1: ", "is not in the image"]);
    std::fs::remove_dir_all(only(driver)).expect("it was there");
    assert_refused(&home.outcome(&[&image]), &["the directory is no Docker data root"]);
}

#[test]
fn a_real_registry_wants_a_login() {
    let folder = tempfile::tempdir().expect("a folder");
    let passwords = folder.path().join("passwords");
    let Some(line) = run("htpasswd", &["-Bbn", "user", "secret"]) else {
        return;
    };
    std::fs::write(&passwords, line).expect("the passwords");
    let Some(registry) = peers::registry(Some(&passwords)) else {
        return;
    };
    let plain = plain_sample("seed.tar.gz", folder.path());
    let (from, image) = (format!("docker-archive:{}", plain.display()), format!("{}/seed:1", registry.address));
    let to = format!("docker://{image}");
    let arguments = ["copy", "--insecure-policy", "--dest-tls-verify=false", "--dest-creds=user:secret", &from, &to];
    if run("skopeo", &arguments).is_none() {
        return;
    }
    let home = Home::new();
    let image = format!("registry://{image}");
    let file = home.path().join("login.json");
    assert_refused(&home.outcome(&[&image]), &["asks for a login (401)"]);
    // As the tool itself writes it, not as we think it does.
    let file = file.to_str().expect("text");
    let login = ["login", "--tls-verify=false", "--authfile", file, "-u", "user", "-p", "secret", &registry.address];
    if run("skopeo", &login).is_none() {
        return;
    }
    let home = home.env("REGISTRY_AUTH_FILE", file);
    let expected = common::analysed(&common::sample("seed.tar.gz"));
    common::assert_same_essence(&home.report(&image, &[]), &expected, "a registry with a login");
}
