//! A registry that fails: what the user is told, and that nothing half-read is kept or counted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::common;
use crate::home::{Home, assert_refused};
use crate::server::{Content, INDEX, MANIFEST, Manner, Request, Response, Server};

const SAMPLE: &str = "seed-oci-gzip.tar";

/// A registry with the sample; `fault` may answer first. It is told how many blobs were asked for before.
fn registry(fault: impl Fn(&Request, usize, &Content) -> Option<Response> + Send + Sync + 'static) -> Server {
    let content = Content::of_sample(SAMPLE);
    let blobs = AtomicUsize::new(0);
    Server::start(move |request| {
        let before = blobs.fetch_add(usize::from(request.is_blob()), Ordering::SeqCst);
        fault(request, before, &content).unwrap_or_else(|| content.answer(request))
    })
}

fn name(server: &Server) -> String {
    format!("registry://{}/test/seed:1", server.address)
}

fn assert_like_the_archive(home: &Home, server: &Server, arguments: &[&str]) {
    let expected = common::analysed(&common::sample(SAMPLE));
    common::assert_same_essence(&home.report(&name(server), arguments), &expected, "the registry");
}

/// Whether the request is for the largest layer.
fn is_large(request: &Request, content: &Content) -> bool {
    request.path.ends_with(&content.largest())
}

#[test]
fn a_registry_says_what_the_archive_says() {
    let (home, server) = (Home::new(), registry(|_, _, _| None));
    assert_like_the_archive(&home, &server, &[]);
    assert_like_the_archive(&home, &server, &["--verify", "--no-cache"]);
    let outcome = home.outcome(&[&name(&server), "--ci", "--max-waste", "1MB"]);
    outcome.assert_code(1);
    assert_eq!(home.report(&name(&server), &[])["image"]["format"], "registry");
}

#[test]
fn blobs_are_fetched_once_and_kept() {
    let (home, server) = (Home::new(), registry(|_, _, _| None));
    assert_like_the_archive(&home, &server, &[]);
    let layers = home.cached().len();
    assert!(layers > 0 && home.cached().iter().all(|name| name.starts_with("sha256-") && !name.contains('.')));
    let first = server.blob_requests();
    assert_like_the_archive(&home, &server, &[]);
    assert_eq!(server.blob_requests(), first + 1, "only the config is fetched again");
    assert_like_the_archive(&home, &server, &["--no-cache"]);
    assert_eq!(server.blob_requests(), 2 * first + 1);
    let other = Home::new();
    assert_like_the_archive(&other, &server, &["--no-cache"]);
    assert!(other.cached().is_empty());
}

#[test]
fn a_broken_transfer_is_taken_up_where_it_ended() {
    for has_ranges in [true, false] {
        let server = registry(move |request, _, content| {
            let answer = content.answer(request);
            match (is_large(request, content), request.header("range")) {
                (true, "") => Some(answer.sent(Manner::Cut(1000))),
                (true, "bytes=1000-") if has_ranges => Some(answer.sent(Manner::Cut(500))),
                (true, _) if !has_ranges => {
                    let whole = Request { headers: [].into(), ..request.clone() };
                    Some(content.answer(&whole))
                }
                _ => None,
            }
        });
        let home = Home::new();
        assert_like_the_archive(&home, &server, &["--verify"]);
        let ranges: Vec<String> = server
            .requests()
            .iter()
            .map(|request| request.header("range").to_owned())
            .filter(|range| !range.is_empty())
            .collect();
        let expected: &[&str] = if has_ranges { &["bytes=1000-", "bytes=1500-"] } else { &["bytes=1000-"] };
        assert_eq!(ranges, expected);
    }
}

#[test]
fn a_transfer_that_breaks_again_and_again_is_an_error() {
    let server = registry(|request, _, content| {
        is_large(request, content).then(|| content.answer(request).sent(Manner::Cut(100)))
    });
    let home = Home::new();
    let outcome = home.outcome(&[&name(&server)]);
    assert_refused(&outcome, &["layer 1: ", "stopped sending after 400 bytes"]);
    let large = Content::of_sample(SAMPLE).largest().replace(':', "-");
    assert!(home.cached().iter().all(|name| !name.starts_with(&large)), "{:?}", home.cached());
}

#[test]
fn a_registry_that_dies_in_the_middle_is_an_error() {
    let server = registry(|request, _, content| {
        is_large(request, content).then(|| content.answer(request).sent(Manner::Die(5000)))
    });
    let home = Home::new();
    for arguments in [&[][..], &["--ci"], &["--report", "json"]] {
        let outcome = home.outcome(&[&[name(&server).as_str()], arguments].concat());
        assert_refused(&outcome, &[&server.address]);
        assert!(home.cached().iter().all(|name| name.starts_with("sha256-")), "{:?}", home.cached());
    }
}

#[test]
fn wrong_bytes_are_an_error_and_not_kept() {
    // A byte of the middle, and a layer that is another whole one.
    for swap in [false, true] {
        let server = registry(move |request, _, content| {
            is_large(request, content).then(|| {
                let mut answer = content.answer(request);
                let middle = answer.body.len() / 2;
                if swap {
                    answer.body.fill(0);
                } else {
                    answer.body[middle] ^= 1;
                }
                answer
            })
        });
        let home = Home::new();
        let outcome = home.outcome(&[&name(&server)]);
        assert_refused(&outcome, &["layer 1: ", "digest mismatch of the blob: expected sha256:"]);
        let large = Content::of_sample(SAMPLE).largest().replace(':', "-");
        assert!(home.cached().iter().all(|name| !name.starts_with(&large)), "{:?}", home.cached());
    }
}

#[test]
fn wrong_documents_are_an_error() {
    let digest = Content::of_sample(SAMPLE).manifest_digest;
    let server = registry(|request, _, content| {
        request.path.contains("/manifests/").then(|| Response::new(200, [content.manifest(), b" "].concat()))
    });
    let outcome = Home::new().outcome(&[&format!("registry://{}/test/seed@{digest}", server.address)]);
    assert_refused(&outcome, &["digest mismatch of the manifest"]);
    let server = registry(|request, before, content| {
        (request.is_blob() && before == 0).then(|| {
            let answer = content.answer(request);
            Response { body: [&answer.body[..], b" "].concat(), ..answer }
        })
    });
    assert_refused(&Home::new().outcome(&[&name(&server)]), &["digest mismatch of the config"]);
}

#[test]
fn a_slow_registry_is_waited_for_and_a_silent_one_is_not() {
    let server = registry(|request, _, content| {
        let slow = Manner::Slow(300_000, Duration::from_millis(100));
        is_large(request, content).then(|| content.answer(request).sent(slow))
    });
    assert_like_the_archive(&Home::new(), &server, &["--timeout", "2"]);
    let server = registry(|request, _, content| {
        is_large(request, content).then(|| content.answer(request).sent(Manner::Stall(100)))
    });
    let started = Instant::now();
    let outcome = Home::new().outcome(&[&name(&server), "--timeout", "1"]);
    assert_refused(&outcome, &["stopped sending after", "in time"]);
    assert!(started.elapsed() < Duration::from_secs(20), "{outcome}");
}

#[test]
fn refusals_are_sentences() {
    for (status, part) in [
        (401, "asks for a login (401): go away"),
        (403, "denies access (403): go away"),
        (404, "has no such image (404): go away"),
        (429, "too many requests from here (429): go away"),
        (500, "failed (500): go away"),
        (503, "failed (503): go away"),
        (418, "answers with status 418: go away"),
    ] {
        let refuse = move || Response::new(status, r#"{"errors":[{"code":"X","message":"go away"}]}"#);
        let server = registry(move |request, _, _| request.path.contains("/manifests/").then(refuse));
        assert_refused(&Home::new().outcome(&[&name(&server)]), &["the registry 127.0.0.1", part]);
        let server = registry(move |request, before, _| (request.is_blob() && before > 0).then(refuse));
        let home = Home::new();
        assert_refused(&home.outcome(&[&name(&server)]), &["layer ", part]);
        assert!(home.cached().iter().all(|name| name.starts_with("sha256-")), "{:?}", home.cached());
    }
}

#[test]
fn a_busy_registry_is_asked_again() {
    for status in [429, 500, 502] {
        let refused = AtomicUsize::new(0);
        let server = registry(move |request, _, content| {
            let is_first = is_large(request, content) && refused.fetch_add(1, Ordering::SeqCst) < 2;
            is_first.then(|| Response::new(status, "").header("Retry-After", "1"))
        });
        assert_like_the_archive(&Home::new(), &server, &[]);
    }
    let server = registry(|request, _, _| {
        request.path.contains("/manifests/").then(|| Response::new(429, "").header("Retry-After", "86400"))
    });
    let started = Instant::now();
    assert_refused(&Home::new().outcome(&[&name(&server)]), &["(429)"]);
    assert!(started.elapsed() < Duration::from_secs(10), "nobody waits for a day");
}

#[test]
fn a_busy_registry_may_name_a_date() {
    // A date that is too late to wait for, and the one of RFC 9110's example.
    let server = registry(|request, _, _| {
        let later = "Fri, 01 Jan 2100 00:00:00 GMT";
        request.path.contains("/manifests/").then(|| Response::new(429, "").header("Retry-After", later))
    });
    assert_refused(&Home::new().outcome(&[&name(&server)]), &["(429)"]);
    let asked = server.requests().iter().filter(|request| request.path.contains("/manifests/")).count();
    assert_eq!(asked, 1, "it is not asked before that date");
    let refused = AtomicUsize::new(0);
    let server = registry(move |request, _, content| {
        let is_first = is_large(request, content) && refused.fetch_add(1, Ordering::SeqCst) == 0;
        is_first.then(|| Response::new(503, "").header("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"))
    });
    assert_like_the_archive(&Home::new(), &server, &[]);
}

/// Each piece comes in time, and the whole would take a day.
#[test]
fn a_registry_that_drips_is_not_waited_for() {
    let drip = Manner::Slow(20, Duration::from_millis(100));
    let server =
        registry(move |request, _, content| is_large(request, content).then(|| content.answer(request).sent(drip)));
    let started = Instant::now();
    let outcome = Home::new().outcome(&[&name(&server), "--timeout", "1"]);
    assert_refused(&outcome, &["stopped sending after", "less than 1 kB a second"]);
    assert!(started.elapsed() < Duration::from_secs(30), "{outcome}");
}

/// Somebody else's bytes under a blob's name, as many of them: fetched again, and put right.
#[cfg(unix)]
#[test]
fn a_blob_that_was_changed_in_the_cache_is_not_believed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (home, server) = (Home::new(), registry(|_, _, _| None));
    assert_like_the_archive(&home, &server, &[]);
    let folder = home.path().join("cache/layerlens/blobs");
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let paths: Vec<_> = home.cached().iter().map(|name| folder.join(name)).collect();
    assert!(paths.iter().all(|path| mode(path) == 0o600));
    for path in &paths {
        let len = std::fs::metadata(path).expect("there").len();
        std::fs::write(path, vec![0; usize::try_from(len).expect("small")]).expect("changed");
    }
    let before = server.blob_requests();
    assert_like_the_archive(&home, &server, &[]);
    assert_eq!(server.blob_requests(), before + 1 + paths.len(), "the config and every layer are fetched again");
    // The right bytes, but not in a file of the cache.
    let elsewhere = home.path().join("elsewhere");
    std::fs::rename(&paths[0], &elsewhere).expect("moved");
    symlink(&elsewhere, &paths[0]).expect("a link");
    assert_like_the_archive(&home, &server, &[]);
    assert!(std::fs::symlink_metadata(&paths[0]).expect("there").is_file());
    assert!(elsewhere.is_file());
}

#[test]
fn a_layer_without_a_size_is_named() {
    let server = registry(|request, _, content| {
        let mut manifest: serde_json::Value = serde_json::from_slice(content.manifest()).expect("a manifest");
        manifest["layers"][0].as_object_mut().expect("a layer").remove("size");
        let answer = || Response::new(200, manifest.to_string()).header("Content-Type", MANIFEST);
        request.path.contains("/manifests/").then(answer)
    });
    assert_refused(&Home::new().outcome(&[&name(&server)]), &["a layer in the manifest has no \"size\""]);
}

#[test]
fn a_layer_of_an_absurd_size_is_refused() {
    let server = registry(|request, _, content| {
        let mut manifest: serde_json::Value = serde_json::from_slice(content.manifest()).expect("a manifest");
        manifest["layers"][0]["size"] = json!(1_u64 << 50);
        let answer = || Response::new(200, manifest.to_string()).header("Content-Type", MANIFEST);
        request.path.contains("/manifests/").then(answer)
    });
    assert_refused(&Home::new().outcome(&[&name(&server)]), &["layer 1: the layer is larger than the limit"]);
}

#[test]
fn what_is_no_image_is_named() {
    for (media_type, body, part) in [
        ("application/x-unknown", "hello".to_owned(), "of an unknown type: application/x-unknown"),
        (MANIFEST, json!({"schemaVersion": 2, "mediaType": "x/y"}).to_string(), "of an unknown type"),
        ("text/html", "<html>".to_owned(), "of an unknown type: text/html"),
        (
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            json!({"schemaVersion": 1, "fsLayers": []}).to_string(),
            "schema 1",
        ),
        (
            MANIFEST,
            json!({"schemaVersion": 2, "artifactType": "application/x-chart", "config": {}, "layers": []}).to_string(),
            "an artifact",
        ),
        (INDEX, json!({"schemaVersion": 2, "manifests": []}).to_string(), "no image in this index"),
        (MANIFEST, "{".to_owned(), "not valid JSON"),
    ] {
        let server = registry(move |request, _, _| {
            let answer = || Response::new(200, body.as_bytes()).header("Content-Type", media_type);
            request.path.contains("/manifests/").then(answer)
        });
        assert_refused(&Home::new().outcome(&[&name(&server)]), &[part]);
    }
}

#[test]
fn an_index_is_chosen_from_by_platform() {
    let platform = |content: &Content, os: &str, architecture: &str| {
        json!({"digest": content.manifest_digest, "size": content.manifest().len(), "mediaType": MANIFEST,
               "platform": {"os": os, "architecture": architecture}})
    };
    let server = registry(move |request, _, content| {
        let manifests = [
            platform(content, "plan9", "mips"),
            platform(content, "linux", "riscv64"),
            platform(content, "unknown", "unknown"),
        ];
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).to_string();
        request.path.ends_with("/manifests/1").then(|| Response::new(200, index).header("Content-Type", INDEX))
    });
    let home = Home::new();
    let outcome = home.outcome(&[&name(&server), "--platform", "linux/arm64"]);
    assert_refused(&outcome, &["no image matches platform linux/arm64; there is plan9/mips, linux/riscv64"]);
    assert_like_the_archive(&home, &server, &["--platform", "linux/riscv64"]);
    let outcome = home.outcome(&[&name(&server)]);
    outcome.assert_code(0);
    assert!(outcome.stderr_text().contains("there is also linux/riscv64"), "{outcome}");
}

#[test]
fn nobody_there_is_a_sentence() {
    let address = { Server::start(|_| Response::new(200, "")).address.clone() };
    std::thread::sleep(Duration::from_millis(100));
    let outcome = Home::new().outcome(&[&format!("registry://{address}/a:1")]);
    assert_refused(&outcome, &["cannot reach the registry 127.0.0.1"]);
    for bad in ["registry://alpine", "registry://h/", "docker://", "docker-root:", "podman://a b"] {
        assert_refused(&Home::new().outcome(&[bad]), &["not the name of an image"]);
    }
}
