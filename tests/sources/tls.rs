//! TLS: who is trusted, and what is said where nobody is.

use crate::common;
use crate::home::{Home, assert_refused};
use crate::server::{Certified, Content, Request, Response, Server};

const SAMPLE: &str = "seed-oci-gzip.tar";

fn registry(certified: &Certified) -> Server {
    let content = Content::of_sample(SAMPLE);
    Server::start_tls(certified, move |request| content.answer(request))
}

fn assert_is_sample(home: &Home, image: &str, arguments: &[&str]) {
    let expected = common::analysed(&common::sample(SAMPLE));
    common::assert_same_essence(&home.report(image, arguments), &expected, image);
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = registry(&Certified::new());
    let image = format!("registry://{}/seed:1", server.address);
    let outcome = Home::new().outcome(&[&image]);
    assert_refused(&outcome, &["certificate"]);
    assert!(outcome.stderr_text().contains("say --insecure"), "{outcome}");
    assert!(server.requests().is_empty(), "nothing was asked of a stranger");
    assert_is_sample(&Home::new(), &image, &["--insecure"]);
}

/// The system's authorities, as far as a test can have one.
#[cfg(target_os = "linux")]
#[test]
fn the_authorities_of_the_system_are_trusted() {
    let certified = Certified::new();
    let server = registry(&certified);
    let home = Home::new();
    home.write("authority.pem", &certified.certificate.pem());
    let file = home.path().join("authority.pem");
    let home = home.env("SSL_CERT_FILE", file.to_str().expect("text"));
    assert_is_sample(&home, &format!("registry://{}/seed:1", server.address), &[]);
}

/// `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`, as the engine's own command line has them.
#[test]
fn an_engine_behind_tls_is_asked_with_its_authority() {
    let certified = Certified::new();
    let archive = crate::engines::export();
    let engine = move |request: &Request| match request.path.as_str() {
        "/images/seed/json" => Response::new(200, "{}"),
        "/images/seed/get" => Response::new(200, archive.as_slice()),
        _ => Response::new(404, r#"{"message":"No such image"}"#),
    };
    let server = Server::start_tls(&certified, engine);
    let home = Home::new();
    home.write("certs/ca.pem", &certified.certificate.pem());
    let folder = home.path().join("certs");
    let home = home
        .env("DOCKER_HOST", &format!("tcp://{}", server.address))
        .env("DOCKER_TLS_VERIFY", "1")
        .env("DOCKER_CERT_PATH", folder.to_str().expect("text"));
    let expected = common::analysed(&common::sample("seed.tar.gz"));
    common::assert_same_essence(&home.report("docker://seed", &[]), &expected, "docker://seed");
}

#[cfg(target_os = "linux")]
#[test]
fn a_redirect_does_not_lead_out_of_tls() {
    let content = Content::of_sample(SAMPLE);
    let plain = Server::start(move |request| content.answer(request));
    let (content, to) = (Content::of_sample(SAMPLE), format!("http://{}", plain.address));
    let certified = Certified::new();
    let server = Server::start_tls(&certified, move |request| {
        if request.is_blob() {
            return Response::new(307, "").header("Location", &format!("{to}{}", request.path));
        }
        content.answer(request)
    });
    let home = Home::new();
    home.write("authority.pem", &certified.certificate.pem());
    let file = home.path().join("authority.pem");
    let home = home.env("SSL_CERT_FILE", file.to_str().expect("text"));
    let image = format!("registry://{}/seed:1", server.address);
    assert_refused(&home.outcome(&[&image]), &["redirects from HTTPS to plain HTTP"]);
    assert!(plain.requests().is_empty());
    assert_is_sample(&home, &image, &["--insecure"]);
}
