//! What a container of the image starts with: the `config` of the OCI image config.
//!
//! [Specification](https://github.com/opencontainers/image-spec/blob/main/config.md#properties). Everything is optional,
//! `null` is nothing, and what is of the wrong kind is nothing too: no number depends on it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What a container of the image starts with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunConfig {
    /// The program and its first arguments.
    pub entrypoint: Vec<String>,
    /// The arguments that follow, or the program where there is no entry point.
    pub cmd: Vec<String>,
    /// `NAME=VALUE`, as the config has them.
    pub env: Vec<String>,
    /// User and group, as names or numbers; empty for root.
    pub user: String,
    /// Where it starts; empty for `/`.
    pub working_dir: String,
    /// What people say about the image.
    pub labels: BTreeMap<String, String>,
    /// The health check: `CMD`, `CMD-SHELL` or `NONE`, then the command.
    pub healthcheck: Vec<String>,
    /// Folders whose contents live outside of the container.
    pub volumes: Vec<String>,
    /// Ports that it serves.
    pub exposed_ports: Vec<String>,
    /// What a build on top of the image runs first: an image with these is a builder.
    pub on_build: Vec<String>,
}

/// More values than any image has are not looked at.
const MOST_VALUES: usize = 10_000;

impl RunConfig {
    /// Reads the `config` of an image config document.
    #[must_use]
    pub fn parse(document: &[u8]) -> Self {
        let document: Value = serde_json::from_slice(document).unwrap_or_default();
        let Some(config) = document.get("config").and_then(Value::as_object) else {
            return RunConfig::default();
        };
        RunConfig {
            entrypoint: list(config.get("Entrypoint")),
            cmd: list(config.get("Cmd")),
            env: list(config.get("Env")),
            user: text(config, "User"),
            working_dir: text(config, "WorkingDir"),
            labels: labels(config),
            healthcheck: list(config.get("Healthcheck").and_then(|check| check.get("Test"))),
            volumes: keys(config.get("Volumes")),
            exposed_ports: keys(config.get("ExposedPorts")),
            on_build: list(config.get("OnBuild")),
        }
    }

    /// Returns the words that a container runs: entry point, then command.
    #[must_use]
    pub fn command(&self) -> Vec<&str> {
        self.entrypoint.iter().chain(&self.cmd).map(String::as_str).collect()
    }

    /// Returns the value of an environment variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        let mut all = self.env.iter().filter_map(|pair| pair.split_once('='));
        all.find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

fn list(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(values)) => {
            values.iter().take(MOST_VALUES).filter_map(Value::as_str).map(str::to_owned).collect()
        }
        // Old engines write a single string.
        Some(Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    }
}

fn text(config: &Map<String, Value>, name: &str) -> String {
    config.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn labels(config: &Map<String, Value>) -> BTreeMap<String, String> {
    let labels = config.get("Labels").and_then(Value::as_object);
    let pairs = labels.into_iter().flatten().take(MOST_VALUES);
    pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

fn keys(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_object).into_iter().flatten().take(MOST_VALUES).map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_odd_is_nothing() {
        let config = RunConfig::parse(
            br#"{"config": {"Entrypoint": null, "Cmd": ["a", 1, "b"], "Env": ["A=1", "B"], "Healthcheck": {"Test": ["NONE"]},
                 "Volumes": {"/data": {}}, "Labels": {"x": "y", "z": 1}, "User": 3}}"#,
        );
        assert_eq!(config.command(), ["a", "b"]);
        assert_eq!((config.variable("A"), config.variable("B")), (Some("1"), None));
        assert_eq!((config.healthcheck, config.volumes), (vec!["NONE".to_owned()], vec!["/data".to_owned()]));
        assert_eq!((config.labels.len(), config.user.as_str()), (1, ""));
        for odd in [&b""[..], b"[]", b"{\"config\": []}"] {
            assert_eq!(RunConfig::parse(odd), RunConfig::default());
        }
    }
}
