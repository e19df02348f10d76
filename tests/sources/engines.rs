//! Engines: how they are found, what is said where they are not, and what happens when they die. The engine is one of
//! our own here, so that it can; real ones are asked in `tests/agree.rs`.

use std::io::Read;

use crate::common;
use crate::home::{Home, assert_refused};
use crate::server::{Manner, Request, Response, Server};

/// What `docker save` would send.
pub fn export() -> Vec<u8> {
    let mut bytes = Vec::new();
    let sample = std::fs::File::open(common::sample("seed.tar.gz")).expect("the sample is there");
    flate2::read::GzDecoder::new(sample).read_to_end(&mut bytes).expect("it is whole");
    bytes
}

/// An engine that has the image `seed`; `fault` may answer first.
fn engine(fault: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static) -> Server {
    let archive = export();
    Server::start(move |request| {
        let answer = || match request.path.as_str() {
            "/images/seed/json" => Response::new(200, "{}"),
            "/images/seed/get" => Response::new(200, archive.as_slice()),
            _ => Response::new(404, r#"{"message":"No such image"}"#),
        };
        fault(request).unwrap_or_else(answer)
    })
}

fn assert_is_seed(home: &Home, image: &str, arguments: &[&str]) {
    let expected = common::analysed(&common::sample("seed.tar.gz"));
    common::assert_same_essence(&home.report(image, arguments), &expected, image);
}

#[test]
fn an_engine_is_found_as_its_own_command_line_finds_it() {
    let server = engine(|_| None);
    let tcp = format!("tcp://{}", server.address);
    assert_is_seed(&Home::new(), "docker://seed", &["--socket", &tcp]);
    assert_is_seed(&Home::new(), "podman://seed", &["--socket", &tcp]);
    assert_is_seed(&Home::new().env("DOCKER_HOST", &tcp), "docker://seed", &[]);
    assert_is_seed(&Home::new().env("DOCKER_HOST", &tcp), "seed", &[]);
    assert_is_seed(&Home::new().env("CONTAINER_HOST", &tcp), "podman://seed", &[]);
    assert_is_seed(&Home::new().env("CONTAINER_HOST", &tcp), "seed", &[]);
}

#[test]
fn the_current_context_is_used() {
    let server = engine(|_| None);
    let home = Home::new();
    // The folder's name is the sha256 of the context's.
    let id = layerlens::digest::Digest::sha256(b"far").hex();
    let meta =
        format!(r#"{{"Name":"far","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"tcp://{}"}}}}}}"#, server.address);
    home.write(&format!(".docker/contexts/meta/{id}/meta.json"), &meta);
    home.write(".docker/config.json", r#"{"currentContext": "far"}"#);
    assert_is_seed(&home, "docker://seed", &[]);
    let home = home.env("DOCKER_CONTEXT", "absent");
    assert_refused(&home.outcome(&["docker://seed"]), &["cannot read the current docker context"]);
}

#[test]
fn what_is_missing_is_named() {
    let server = engine(|_| None);
    let tcp = format!("tcp://{}", server.address);
    let home = Home::new();
    assert_refused(
        &home.outcome(&["docker://absent", "--socket", &tcp]),
        &["docker at tcp://127.0.0.1", "no such image"],
    );
    assert_refused(
        &home.outcome(&["absent", "--socket", &tcp]),
        &["absent: there is no such file", &tcp, "no such image"],
    );
    let outcome = home.outcome(&["docker://seed", "--socket", "/absent/s"]);
    assert_refused(&outcome, &["cannot reach docker at /absent/s: No such file"]);
    assert_refused(
        &home.outcome(&["podman://seed", "--socket", "ssh://far"]),
        &["only unix and tcp sockets are supported"],
    );
    let outcome = home.outcome(&["no/such:image"]);
    assert_refused(
        &outcome,
        &["no/such:image: there is no such file, and no local engine has such an image", "docker", "podman"],
    );
    // What can only be a path is one.
    for path in ["./absent", "/absent/image.tar", "../absent"] {
        let outcome = home.outcome(&[path]);
        assert_refused(&outcome, &["cannot open"]);
        assert!(!outcome.stderr_text().contains("engine"), "{outcome}");
    }
}

#[cfg(unix)]
#[test]
fn a_socket_that_must_not_be_used_is_a_sentence() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;
    let home = Home::new();
    let socket = home.path().join("s");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o000)).expect("its mode");
    let outcome = home.run(&["docker://seed", "--timeout", "1", "--socket", socket.to_str().expect("text")]).outcome();
    // For root there is no such thing: it gets through, and waits for an answer.
    assert_refused(&outcome, &["cannot reach docker at "]);
    let is_denied =
        outcome.stderr_text().contains("Permission denied") && outcome.stderr_text().contains("hint: the socket");
    assert!(is_denied || outcome.stderr_text().contains("in time"), "{outcome}");
}

#[test]
fn an_engine_that_dies_in_the_middle_is_an_error() {
    for manner in [Manner::Cut(100_000), Manner::Die(1_000_000), Manner::Stall(100_000)] {
        let archive = export();
        let server = engine(move |request| {
            request.path.ends_with("/get").then(|| Response::new(200, archive.as_slice()).sent(manner))
        });
        let socket = format!("tcp://{}", server.address);
        let outcome = Home::new().outcome(&["docker://seed", "--ci", "--timeout", "1", "--socket", &socket]);
        assert_refused(&outcome, &["docker at tcp://127.0.0.1", "stopped sending after 1"]);
    }
}

#[test]
fn an_engine_that_fails_is_quoted() {
    let server = engine(|_| Some(Response::new(500, r#"{"message":"the disk is full"}"#)));
    let outcome = Home::new().outcome(&["docker://seed", "--socket", &format!("tcp://{}", server.address)]);
    assert_refused(&outcome, &["failed (500): the disk is full"]);
}
