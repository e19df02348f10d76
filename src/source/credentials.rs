//! The credentials that `docker login` and `podman login` keep: config files and credential helpers.
//!
//! Looked up as the engines do it: podman's `auth.json` before Docker's `config.json`; within a file a helper for the
//! host before a stored login before the helper for all hosts. Nothing is ever written or shown. Helpers may open a
//! window or ask a server: they are run only after a registry has asked for a login, and for a limited time.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::engine::{docker_folder, runtime_folder};
use super::reference::RemoteName;
use crate::error::{Error, Result};

/// What a registry accepts as a user's login.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    /// Name and password.
    Login(String, String),
    /// A token that is exchanged for others.
    Identity(String),
}

impl Credentials {
    /// Returns the value of the `Authorization` header, where a name and a password make one.
    pub(super) fn basic(&self) -> Option<String> {
        match self {
            Credentials::Login(user, password) => {
                Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
            }
            Credentials::Identity(_) => None,
        }
    }
}

/// What Docker calls its own registry in config files.
const HUB_KEY: &str = "https://index.docker.io/v1/";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AuthFile {
    auths: BTreeMap<String, Auth>,
    #[serde(rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    #[serde(rename = "identitytoken")]
    identity: Option<String>,
}

/// Finds what was stored for a registry; nothing where nothing was. A helper may take as long as `timeout`.
///
/// # Errors
/// [`Error::Io`] where a helper does not answer in time.
pub(super) fn find(name: &RemoteName, timeout: Duration) -> Result<Option<Credentials>> {
    for file in files() {
        let found = in_file(&file, name, timeout)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn files() -> Vec<PathBuf> {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let settings = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
    let files = [
        variable("REGISTRY_AUTH_FILE"),
        runtime_folder().map(|folder| folder.join("containers/auth.json")),
        settings.map(|folder| folder.join("containers/auth.json")),
        docker_folder().map(|folder| folder.join("config.json")),
    ];
    files.into_iter().flatten().collect()
}

fn in_file(path: &Path, name: &RemoteName, timeout: Duration) -> Result<Option<Credentials>> {
    // A file that cannot be read has no credentials; the registry will say that it wants some.
    let file = fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<AuthFile>(&bytes).ok());
    let Some(file) = file else {
        return Ok(None);
    };
    let is_hub = is_hub(&name.host);
    let helper_key = if is_hub { HUB_KEY } else { &name.host };
    if let Some((_, helper)) = file.helpers.iter().find(|(key, _)| is_key_of(key, &name.host)) {
        let found = ask_helper(helper, helper_key, timeout)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    let stored = keys(name).into_iter().find_map(|wanted| {
        file.auths.iter().find(|(key, _)| normal_key(key) == wanted).and_then(|(_, auth)| auth.credentials())
    });
    match (stored, &file.store) {
        (None, Some(helper)) => ask_helper(helper, helper_key, timeout),
        (stored, _) => Ok(stored),
    }
}

fn is_hub(host: &str) -> bool {
    ["docker.io", "index.docker.io", "registry-1.docker.io"].contains(&host)
}

fn is_key_of(key: &str, host: &str) -> bool {
    normal_key(key) == host || (is_hub(normal_key(key)) && is_hub(host))
}

/// Old files have whole addresses for keys.
fn normal_key(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key = key.trim_end_matches('/');
    key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key)
}

/// The keys under which a login may be stored, the closest first: podman knows logins for a part of a registry.
fn keys(name: &RemoteName) -> Vec<String> {
    let mut path = format!("{}/{}", name.host, name.repository);
    let mut keys = vec![path.clone()];
    while let Some((shorter, _)) = path.rsplit_once('/') {
        keys.push(shorter.to_owned());
        path.truncate(shorter.len());
    }
    if is_hub(&name.host) {
        keys.extend(["index.docker.io", "docker.io", "registry-1.docker.io"].map(str::to_owned));
    }
    keys
}

impl Auth {
    fn credentials(&self) -> Option<Credentials> {
        if let Some(token) = self.identity.as_ref().filter(|token| !token.is_empty()) {
            return Some(Credentials::Identity(token.clone()));
        }
        let decoded = STANDARD.decode(self.auth.as_ref()?.trim()).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        let (user, password) = text.trim_end_matches('\0').split_once(':')?;
        Some(Credentials::Login(user.to_owned(), password.to_owned()))
    }
}

/// A helper's answer is short.
const MOST_HELPER_BYTES: u64 = 1 << 20;

/// Asks `docker-credential-NAME get`, as Docker does: the host goes to its stdin, JSON comes from its stdout. Nothing
/// where it is not installed or knows no login.
fn ask_helper(helper: &str, key: &str, timeout: Duration) -> Result<Option<Credentials>> {
    if helper.is_empty() || helper.contains(['/', '\\']) {
        return Ok(None);
    }
    let mut command = Command::new(format!("docker-credential-{helper}"));
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else {
        return Ok(None);
    };
    let said = answer_of(&mut child, key, Instant::now() + timeout);
    if said.is_none() {
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
        let source = io::Error::new(io::ErrorKind::TimedOut, "it does not answer in time");
        return Err(Error::Io { action: "ask the credential helper of docker login", source });
    }
    Ok(said.and_then(|said| parse_answer(&said)))
}

/// Returns what a helper prints, which is nothing where it fails; or nothing at all where it is too late.
fn answer_of(child: &mut Child, key: &str, deadline: Instant) -> Option<Vec<u8>> {
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not listen will not answer either.
        let _ = stdin.write_all(key.as_bytes());
    }
    let (send, receive) = mpsc::channel();
    let stdout = child.stdout.take();
    // Left behind where some other process keeps the helper's stdout open.
    thread::spawn(move || {
        let mut said = Vec::new();
        let read = stdout.map(|stdout| stdout.take(MOST_HELPER_BYTES).read_to_end(&mut said));
        // Nobody listens any more where it was too late.
        let _ = send.send(if matches!(read, Some(Ok(_))) { said } else { Vec::new() });
    });
    let said = receive.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()?;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(if status.success() { said } else { Vec::new() }),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            _ => return None,
        }
    }
}

fn parse_answer(said: &[u8]) -> Option<Credentials> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }
    let Answer { username, secret } = serde_json::from_slice(said).ok()?;
    Some(if username == "<token>" { Credentials::Identity(secret) } else { Credentials::Login(username, secret) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(host: &str, repository: &str) -> RemoteName {
        RemoteName { host: host.to_owned(), repository: repository.to_owned(), reference: "latest".to_owned() }
    }

    /// The login of `user` with the password `secret`, where the file has it.
    fn login_in(text: &str, name: &RemoteName) -> Option<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        fs::write(&path, text).expect("the file");
        let found = in_file(&path, name, Duration::from_secs(60)).expect("no helper hangs");
        found.map(|credentials| match credentials {
            Credentials::Login(user, password) => format!("{user}:{password}"),
            Credentials::Identity(token) => token,
        })
    }

    #[test]
    fn logins_as_engines_store_them() {
        // "dXNlcjpzZWNyZXQ=" is user:secret.
        for (key, host) in [
            ("localhost:5000", "localhost:5000"),
            ("https://localhost:5000/v2/", "localhost:5000"),
            ("localhost:5000/team", "localhost:5000"),
            (HUB_KEY, "docker.io"),
        ] {
            let text = format!(r#"{{"auths": {{"{key}": {{"auth": "dXNlcjpzZWNyZXQ="}}}}}}"#);
            assert_eq!(login_in(&text, &name(host, "team/app")).as_deref(), Some("user:secret"), "{key}");
            assert_eq!(login_in(&text, &name("example.org", "team/app")), None, "{key}");
        }
    }

    #[test]
    fn an_identity_token_goes_before_a_login() {
        let text = r#"{"auths": {"h": {"auth": "dXNlcjpzZWNyZXQ=", "identitytoken": "t"}}}"#;
        assert_eq!(login_in(text, &name("h", "a")).as_deref(), Some("t"));
    }

    #[test]
    fn a_helper_is_no_path() {
        let text = r#"{"credsStore": "../../bin/sh", "credHelpers": {"h": "absent-helper"}}"#;
        assert_eq!(login_in(text, &name("h", "a")), None);
    }
}
