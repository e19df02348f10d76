//! Logins: a token server of our own, and the files and helpers in which `docker login` leaves its results.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::common;
use crate::home::{Home, assert_refused};
use crate::server::{Content, Request, Response, Server};

const SAMPLE: &str = "seed-oci-zstd.tar";

/// A registry that wants a token; the token server beside it wants what `accepts` says.
fn registry(accepts: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Server {
    let content = Content::of_sample(SAMPLE);
    Server::start(move |request| {
        if request.path.starts_with("/token") {
            return if accepts(request) {
                Response::new(200, r#"{"token": "the-token", "expires_in": 60}"#)
            } else {
                Response::new(401, r#"{"errors":[{"message":"wrong password"}]}"#)
            };
        }
        if request.header("authorization") == "Bearer the-token" {
            return content.answer(request);
        }
        let realm = format!("http://{}/token", request.header("host"));
        let challenge = format!(r#"Bearer realm="{realm}",service="our registry",scope="repository:test/seed:pull""#);
        Response::new(401, r#"{"errors":[{"message":"authentication required"}]}"#)
            .header("WWW-Authenticate", &challenge)
    })
}

fn name(server: &Server) -> String {
    format!("registry://{}/test/seed:1", server.address)
}

fn assert_read(home: &Home, server: &Server) {
    let expected = common::analysed(&common::sample(SAMPLE));
    common::assert_same_essence(&home.report(&name(server), &[]), &expected, "the registry");
}

fn is_basic(request: &Request) -> bool {
    let scope = "service=our%20registry&scope=repository:test/seed:pull";
    request.header("authorization") == format!("Basic {}", STANDARD.encode("user:secret"))
        && request.path == format!("/token?{scope}")
}

#[test]
fn a_token_is_fetched_without_a_login_where_none_is_needed() {
    let server = registry(|request| request.header("authorization").is_empty());
    assert_read(&Home::new(), &server);
}

#[test]
fn a_login_of_docker_or_podman_is_used() {
    let server = registry(is_basic);
    for file in [".docker/config.json", "settings/containers/auth.json", "run/containers/auth.json"] {
        let home = Home::new();
        let auth = STANDARD.encode("user:secret");
        home.write(file, &format!(r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#, server.address));
        assert_read(&home, &server);
    }
    let home = Home::new();
    assert_refused(&home.outcome(&[&name(&server)]), &["the token server", "asks for a login (401): wrong password"]);
}

#[test]
fn an_identity_token_buys_a_token() {
    let server = registry(|request| {
        request.method == "POST"
            && request.body.contains("grant_type=refresh_token")
            && request.body.contains("refresh_token=long-lived")
    });
    let home = Home::new();
    home.write(
        ".docker/config.json",
        &format!(r#"{{"auths": {{"{}": {{"identitytoken": "long-lived"}}}}}}"#, server.address),
    );
    assert_read(&home, &server);
}

#[cfg(unix)]
#[test]
fn a_credential_helper_is_asked() {
    use std::os::unix::fs::PermissionsExt;
    let server = registry(is_basic);
    for key in ["credHelpers", "credsStore"] {
        let home = Home::new();
        let script = format!(
            "#!/bin/sh\nread host\n[ \"$1 $host\" = \"get {}\" ] && echo '{{\"Username\": \"user\", \"Secret\": \"secret\"}}'\n",
            server.address
        );
        let helper = home.write("bin/docker-credential-test", &script);
        std::fs::set_permissions(helper, PermissionsExt::from_mode(0o755)).expect("it can be run");
        let value =
            if key == "credsStore" { r#""test""#.to_owned() } else { format!(r#"{{"{}": "test"}}"#, server.address) };
        home.write(".docker/config.json", &format!(r#"{{"{key}": {value}}}"#));
        let path = format!("{}:{}", home.path().join("bin").display(), std::env::var("PATH").unwrap_or_default());
        assert_read(&home.env("PATH", &path), &server);
    }
}

/// A registry elsewhere must not be able to have the login sent in the clear.
#[test]
fn a_login_goes_nowhere_unencrypted() {
    let server = Server::start(|request| {
        let challenge = r#"Bearer realm="http://registry.invalid/token",service="x""#;
        let answer = Response::new(if request.path == "/v2/" { 200 } else { 401 }, "");
        answer.header("WWW-Authenticate", challenge)
    });
    let outcome = Home::new().outcome(&[&name(&server)]);
    assert_refused(&outcome, &["wants the login sent unencrypted to registry.invalid"]);
}
