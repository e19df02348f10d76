//! One image, every way to it: the engines, the registry, the data root, archives and directories tell the same.
//!
//! The engines and the registry are real ones. They run for one test, on this machine's loopback and in temporary folders;
//! a test whose engine is not installed is ignored.

mod common;
#[path = "sources/home.rs"]
mod home;
mod peers;
#[path = "sources/real.rs"]
mod real;

use std::path::Path;
use std::process::ExitCode;

use home::{Home, assert_refused};
use peers::Missing;
use real::{Peer, plain_sample, run};
use serde_json::Value;

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

fn main() -> ExitCode {
    peers::run(peers::tests![
        archives_and_layouts_agree,
        a_registry_agrees,
        docker_and_its_data_root_agree,
        podman_agrees,
        a_real_registry_wants_a_login,
    ])
}

/// A sample, in the forms that the peers take.
struct Image {
    sample: &'static str,
    /// Its name in an engine and a registry.
    name: String,
    archive: String,
    layout: String,
}

/// Lets `skopeo` write every sample as an archive and as a layout.
fn images(folder: &Path) -> Result<Vec<Image>, Missing> {
    let image = |(number, &(sample, kind)): (usize, &(&'static str, &str))| {
        let plain = plain_sample(sample, folder);
        let name = format!("test/image{number}:1");
        let path = |extension: &str| folder.join(number.to_string()).with_extension(extension);
        let [archive, layout] = ["tar", "oci"].map(|kind| path(kind).to_str().expect("text").to_owned());
        let from = format!("{kind}:{}", plain.display());
        copy(&from, &format!("docker-archive:{archive}:{name}"))?;
        copy(&from, &format!("oci:{layout}:1"))?;
        Ok(Image { sample, name, archive, layout })
    };
    SAMPLES.iter().enumerate().map(image).collect()
}

fn copy(from: &str, to: &str) -> Result<String, Missing> {
    run("skopeo", &["copy", "--insecure-policy", "--dest-tls-verify=false", from, to])
}

/// Asserts that a source says of a sample what its archive says, and that the gate judges it.
#[track_caller]
fn assert_agrees(home: &Home, sample: &str, source: &str, arguments: &[&str]) {
    let found = home.report(source, arguments);
    let expected = common::analysed(&common::sample(sample));
    common::assert_same_essence(&found, &expected, &format!("{sample} from {source}"));
    assert_gate(home, source, arguments, &found);
}

fn archives_and_layouts_agree() -> Result<(), Missing> {
    let (folder, home) = (tempfile::tempdir().expect("a folder"), Home::new());
    for image in images(folder.path())? {
        assert_agrees(&home, image.sample, &image.archive, &[]);
        assert_agrees(&home, image.sample, &image.layout, &[]);
    }
    Ok(())
}

fn a_registry_agrees() -> Result<(), Missing> {
    let registry = real::registry(None)?;
    let (folder, home) = (tempfile::tempdir().expect("a folder"), Home::new());
    for image in images(folder.path())? {
        let place = format!("{}/{}", registry.address, image.name);
        copy(&format!("docker-archive:{}", image.archive), &format!("docker://{place}"))?;
        assert_agrees(&home, image.sample, &format!("registry://{place}"), &[]);
    }
    Ok(())
}

fn docker_and_its_data_root_agree() -> Result<(), Missing> {
    let docker = real::docker()?;
    let (folder, home) = (tempfile::tempdir().expect("a folder"), Home::new());
    let (socket, root) = (docker.socket(), docker.path("d"));
    let url = format!("unix://{socket}");
    for image in images(folder.path())? {
        run("docker", &["-H", &url, "load", "-i", &image.archive])?;
        assert_agrees(&home, image.sample, &format!("docker://{}", image.name), &["--socket", &socket]);
        assert_agrees(&home, image.sample, &image.name, &["--socket", &url]);
        let arguments = ["--image", &image.name, "--verify"];
        assert_agrees(&home, image.sample, &format!("docker-root:{root}"), &arguments);
    }
    assert_copied_root(&home, &docker, folder.path())
}

fn podman_agrees() -> Result<(), Missing> {
    let podman = real::podman()?;
    let (folder, home) = (tempfile::tempdir().expect("a folder"), Home::new());
    let url = format!("unix://{}", podman.socket());
    for image in images(folder.path())? {
        run("podman", &["--remote", "--url", &url, "load", "-q", "-i", &image.archive])?;
        assert_agrees(&home, image.sample, &format!("podman://{}", image.name), &["--socket", &podman.socket()]);
    }
    Ok(())
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
fn assert_copied_root(home: &Home, docker: &Peer, folder: &Path) -> Result<(), Missing> {
    let copy = folder.join("root");
    let copy = copy.to_str().expect("text");
    run("cp", &["-a", &docker.path("d"), copy])?;
    let listing = || run("find", &[copy, "-printf", "%p %s %T@ %C@\n"]);
    let before = listing()?;
    let found = home.report(&format!("docker-root:{copy}"), &["--image", "test/image0:1"]);
    common::assert_same_essence(&found, &common::analysed(&common::sample("seed.tar.gz")), "a copied data root");
    assert_eq!(found["image"]["format"], "docker-root");
    assert_eq!(listing()?, before, "something was written");
    let outcome = home.outcome(&[&format!("docker-root:{copy}"), "--image", "absent"]);
    assert_refused(&outcome, &["no image matches \"absent\"; there is test/image0:1"]);
    assert_damage_is_told(home, copy);
    Ok(())
}

/// Without contents and without layers the sizes are still known, or an error says what is missing.
fn assert_damage_is_told(home: &Home, root: &str) {
    let image = format!("docker-root:{root}");
    let only = |name: &str| Path::new(root).join("image").join(name);
    let driver = if only("overlay2").exists() { "overlay2" } else { "vfs" };
    std::fs::remove_dir_all(only(driver).join("layerdb")).expect("it was there");
    assert_refused(&home.outcome(&[&image, "--image", "test/image0:1"]), &["layer 1: ", "is not in the image"]);
    std::fs::remove_dir_all(only(driver)).expect("it was there");
    assert_refused(&home.outcome(&[&image]), &["the directory is not a Docker data root"]);
}

fn a_real_registry_wants_a_login() -> Result<(), Missing> {
    let folder = tempfile::tempdir().expect("a folder");
    let passwords = folder.path().join("passwords");
    let line = run("htpasswd", &["-Bbn", "user", "secret"])?;
    std::fs::write(&passwords, line).expect("the passwords");
    let registry = real::registry(Some(&passwords))?;
    let plain = plain_sample("seed.tar.gz", folder.path());
    let (from, image) = (format!("docker-archive:{}", plain.display()), format!("{}/seed:1", registry.address));
    let to = format!("docker://{image}");
    let arguments = ["copy", "--insecure-policy", "--dest-tls-verify=false", "--dest-creds=user:secret", &from, &to];
    run("skopeo", &arguments)?;
    let home = Home::new();
    let image = format!("registry://{image}");
    let file = home.path().join("login.json");
    assert_refused(&home.outcome(&[&image]), &["asks for a login (401)"]);
    // As the tool itself writes it, not as we think it does.
    let file = file.to_str().expect("text");
    let login = ["login", "--tls-verify=false", "--authfile", file, "-u", "user", "-p", "secret", &registry.address];
    run("skopeo", &login)?;
    let home = home.env("REGISTRY_AUTH_FILE", file);
    let expected = common::analysed(&common::sample("seed.tar.gz"));
    common::assert_same_essence(&home.report(&image, &[]), &expected, "a registry with a login");
    Ok(())
}
