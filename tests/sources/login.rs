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

/// Two readers of these could disagree about the host; the login must not go to either.
#[test]
fn a_login_goes_to_no_address_with_a_user_name() {
    let other = Server::start(|_| Response::new(200, r#"{"token": "the-token"}"#));
    for host in [format!("localhost:x@{}", other.address), format!("127.0.0.1:80@{}", other.address)] {
        let server = Server::start(move |request| {
            let challenge = format!(r#"Bearer realm="http://{host}/token",service="x""#);
            let answer = Response::new(if request.path == "/v2/" { 200 } else { 401 }, "");
            answer.header("WWW-Authenticate", &challenge)
        });
        let home = home_with_login(&server);
        assert_refused(&home.outcome(&[&name(&server)]), &["asks for a login at an address that is not valid"]);
    }
    assert!(other.requests().is_empty(), "nothing was asked of it");
    let outcome = Home::new().outcome(&["registry://localhost:x@192.0.2.2/a"]);
    assert_refused(&outcome, &["not the name of an image"]);
    let outcome = Home::new().outcome(&["docker://seed", "--socket", "tcp://user:secret@127.0.0.1:1"]);
    assert_refused(&outcome, &["the address of the docker engine is not valid"]);
    assert!(!outcome.stderr_text().contains("secret"), "{outcome}");
}

/// A home in which `user` with the password `secret` is logged in.
fn home_with_login(server: &Server) -> Home {
    let home = Home::new();
    let auth = STANDARD.encode("user:secret");
    home.write(".docker/config.json", &format!(r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#, server.address));
    home
}

/// A registry that wants name and password, and hands out its blobs through a redirect to `to`.
fn redirecting(to: &str) -> Server {
    let (content, to) = (Content::of_sample(SAMPLE), to.to_owned());
    Server::start(move |request| {
        if request.header("authorization").is_empty() {
            return Response::new(401, "").header("WWW-Authenticate", "Basic realm=\"test\"");
        }
        if request.is_blob() {
            return Response::new(307, "").header("Location", &format!("{to}{}", request.path));
        }
        content.answer(request)
    })
}

#[test]
fn a_login_does_not_follow_a_redirect_to_another_port() {
    let content = Content::of_sample(SAMPLE);
    let storage = Server::start(move |request| content.answer(request));
    let server = redirecting(&format!("http://{}", storage.address));
    assert_read(&home_with_login(&server), &server);
    let requests = storage.requests();
    assert!(!requests.is_empty());
    assert!(requests.iter().all(|request| request.header("authorization").is_empty()), "{requests:?}");
}

/// What the redirect leads to may ask for a login, but it does not get the registry's.
#[test]
fn only_the_registry_itself_can_ask_for_a_login() {
    let storage = Server::start(|request| match request.header("authorization") {
        "" => Response::new(401, "").header("WWW-Authenticate", "Basic realm=\"give me\""),
        _ => Response::new(200, "thank you"),
    });
    let server = redirecting(&format!("http://{}", storage.address));
    assert_refused(&home_with_login(&server).outcome(&[&name(&server)]), &["asks for a login (401)"]);
    assert!(storage.requests().iter().all(|request| request.header("authorization").is_empty()));
}

#[test]
fn redirects_come_to_an_end() {
    let server = Server::start(|request| match request.path.as_str() {
        "/v2/" => Response::new(200, ""),
        path => Response::new(302, "").header("Location", path),
    });
    assert_refused(&Home::new().outcome(&[&name(&server)]), &["redirects again and again"]);
    assert!(server.requests().len() < 20, "{}", server.requests().len());
    let server = Server::start(|request| match request.path.as_str() {
        "/v2/" => Response::new(200, ""),
        _ => Response::new(302, "").header("Location", "file:///etc/passwd"),
    });
    assert_refused(&Home::new().outcome(&[&name(&server)]), &["redirects to an address that is not valid"]);
}

/// Writes a credential helper, and the config that names it for every registry.
#[cfg(unix)]
fn home_with_helper(script: &str) -> Home {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let helper = home.write("bin/docker-credential-test", script);
    std::fs::set_permissions(helper, PermissionsExt::from_mode(0o755)).expect("it can be run");
    home.write(".docker/config.json", r#"{"credsStore": "test"}"#);
    let path = format!("{}:{}", home.path().join("bin").display(), std::env::var("PATH").unwrap_or_default());
    home.env("PATH", &path)
}

#[cfg(unix)]
#[test]
fn a_helper_is_only_run_when_a_registry_asks_for_a_login() {
    let content = Content::of_sample(SAMPLE);
    let server = Server::start(move |request| content.answer(request));
    let home = home_with_helper("#!/bin/sh\necho run > \"$HOME/helper-was-run\"\n");
    assert_read(&home, &server);
    assert!(!home.path().join("helper-was-run").exists());
}

#[cfg(unix)]
#[test]
fn a_helper_that_hangs_is_an_error() {
    let server = registry(|_| true);
    for script in ["#!/bin/sh\nexec sleep 30\n", "#!/bin/sh\nexec >&-\nexec sleep 30\n", "#!/bin/sh\nsleep 30 &\n"] {
        let started = std::time::Instant::now();
        let outcome = home_with_helper(script).outcome(&[&name(&server), "--timeout", "1"]);
        assert_refused(&outcome, &["cannot ask the credential helper of docker login: it does not answer in time"]);
        assert!(started.elapsed() < std::time::Duration::from_secs(15), "{outcome}");
    }
}
