//! The credentials that `docker login` and `podman login` keep: config files and credential helpers.
//!
//! Looked up as the engines do it: podman's `auth.json` before Docker's `config.json`, within a file a helper of the
//! host before a stored login before the helper for all. Nothing is ever written, and nothing shown.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::engine::{docker_folder, runtime_folder};
use super::reference::RemoteName;

/// What a user shows to a registry.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    /// Name and password.
    Login(String, String),
    /// A token that buys others.
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

/// Finds what was stored for a registry; nothing where nothing was.
pub(super) fn find(name: &RemoteName) -> Option<Credentials> {
    files().iter().find_map(|file| in_file(file, name))
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

fn in_file(path: &Path, name: &RemoteName) -> Option<Credentials> {
    // A file that cannot be read has no credentials; the registry will ask for them.
    let file: AuthFile = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let is_hub = is_hub(&name.host);
    let helper_key = if is_hub { HUB_KEY } else { &name.host };
    let own_helper = file.helpers.iter().find(|(key, _)| is_key_of(key, &name.host));
    if let Some(found) = own_helper.and_then(|(_, helper)| ask_helper(helper, helper_key)) {
        return Some(found);
    }
    let stored = keys(name).into_iter().find_map(|wanted| {
        file.auths.iter().find(|(key, _)| normal_key(key) == wanted).and_then(|(_, auth)| auth.credentials())
    });
    stored.or_else(|| file.store.as_deref().and_then(|helper| ask_helper(helper, helper_key)))
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

/// The keys under which a login may stand, the closest first: podman knows logins for a part of a registry.
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

/// What a helper says is short.
const MOST_HELPER_BYTES: u64 = 1 << 20;

/// Asks `docker-credential-NAME get`, as Docker does: the host to its stdin, JSON from its stdout.
fn ask_helper(helper: &str, key: &str) -> Option<Credentials> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }
    if helper.is_empty() || helper.contains(['/', '\\']) {
        return None;
    }
    let mut command = Command::new(format!("docker-credential-{helper}"));
    let mut child =
        command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not listen will not answer either.
        let _ = stdin.write_all(key.as_bytes());
    }
    let mut said = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MOST_HELPER_BYTES).read_to_end(&mut said).ok()?;
    }
    child.wait().ok()?.success().then_some(())?;
    let Answer { username, secret } = serde_json::from_slice(&said).ok()?;
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
        in_file(&path, name).map(|credentials| match credentials {
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
