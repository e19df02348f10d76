//! What npm and its like leave: `package.json` of a package, lock files, and Node's way to find a package.

mod lock;
mod resolve;
mod yarn;

pub use lock::{Installed, lock};
pub use resolve::resolve;
pub use yarn::{Locked, yarn_lock};

use super::Parsed;
use super::bounds::Bounds;
use super::json::{self, Json};

/// Names with the versions that will do, in the order of the file.
pub type Ranges = Vec<(String, String)>;

/// What `package.json` says.
///
/// See [package.json](https://docs.npmjs.com/cli/v10/configuring-npm/package-json).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// The package's name; a program need not have one.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What it needs to run.
    pub dependencies: Ranges,
    /// What its developers need.
    pub dev_dependencies: Ranges,
    /// What it can run without.
    pub optional_dependencies: Ranges,
    /// What has to be beside it.
    pub peer_dependencies: Ranges,
    /// Those of its peers that can be missing.
    pub optional_peers: Vec<String>,
    /// Its commands, each with the file it runs. One without a name of its own has the package's.
    pub commands: Vec<(String, String)>,
    /// The file that `require` loads; `index.js` where there is none.
    pub main: Option<String>,
    /// What `npm run NAME` runs, `start` among it.
    pub scripts: Vec<(String, String)>,
    /// Whether it is the root of several packages.
    pub has_workspaces: bool,
}

/// Reads `package.json`.
#[must_use]
pub fn manifest(bytes: &[u8]) -> Parsed<Manifest> {
    let mut bounds = Bounds::new();
    let document = json::read(bytes, &mut bounds);
    let manifest = document.map(|document| of_document(&document, &mut bounds));
    bounds.finish(manifest.unwrap_or_default())
}

fn of_document(document: &Json, bounds: &mut Bounds) -> Manifest {
    if !matches!(document, Json::Object(_)) {
        bounds.skip();
    }
    let peers = document.get("peerDependenciesMeta").map_or(&[][..], Json::fields);
    let optional_peers = peers.iter().filter(|(_, meta)| meta.flag("optional")).map(|(name, _)| name.clone());
    Manifest {
        name: document.text("name"),
        version: document.text("version"),
        dependencies: document.pairs("dependencies", bounds),
        dev_dependencies: document.pairs("devDependencies", bounds),
        optional_dependencies: document.pairs("optionalDependencies", bounds),
        peer_dependencies: document.pairs("peerDependencies", bounds),
        optional_peers: optional_peers.collect(),
        commands: commands(document, bounds),
        main: document.text("main"),
        scripts: document.pairs("scripts", bounds),
        has_workspaces: matches!(document.get("workspaces"), Some(Json::List(_) | Json::Object(_))),
    }
}

fn commands(document: &Json, bounds: &mut Bounds) -> Vec<(String, String)> {
    let Some(file) = document.get("bin").and_then(Json::as_text) else {
        return document.pairs("bin", bounds);
    };
    let name = document.text("name").unwrap_or_default();
    // `@scope/name` brings the command `name`.
    let name = name.rsplit('/').next().unwrap_or_default();
    vec![(name.to_owned(), file.to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, range)| ((*name).to_owned(), (*range).to_owned())).collect()
    }

    #[test]
    fn manifests_are_read() {
        let parsed = manifest(
            br#"{"name": "@acme/api", "version": "1.2.3", "main": "dist/server.js", "bin": "cli.js",
                 "scripts": {"start": "node dist/server.js"}, "workspaces": ["packages/*"],
                 "dependencies": {"express": "^4.18.2"}, "devDependencies": {"typescript": "~5.3"},
                 "optionalDependencies": {"fsevents": "*"}, "peerDependencies": {"react": ">=17", "vue": "3"},
                 "peerDependenciesMeta": {"vue": {"optional": true}, "react": {"optional": false}}}"#,
        );
        assert_eq!(parsed.skipped, 0);
        let expected = Manifest {
            name: Some("@acme/api".to_owned()),
            version: Some("1.2.3".to_owned()),
            dependencies: pairs(&[("express", "^4.18.2")]),
            dev_dependencies: pairs(&[("typescript", "~5.3")]),
            optional_dependencies: pairs(&[("fsevents", "*")]),
            peer_dependencies: pairs(&[("react", ">=17"), ("vue", "3")]),
            optional_peers: vec!["vue".to_owned()],
            commands: pairs(&[("api", "cli.js")]),
            main: Some("dist/server.js".to_owned()),
            scripts: pairs(&[("start", "node dist/server.js")]),
            has_workspaces: true,
        };
        assert_eq!(parsed.content, expected);
    }

    #[test]
    fn odd_fields_do_not_hide_the_others() {
        let parsed = manifest(
            br#"{"name": 1, "version": "1", "dependencies": {"a": "1", "b": {}}, "devDependencies": [], "bin": {"x": "y"},
                 "scripts": "no"}"#,
        );
        assert_eq!(parsed.skipped, 2);
        let Manifest { name, version, dependencies, commands, .. } = parsed.content;
        assert_eq!((name, version.as_deref()), (None, Some("1")));
        assert_eq!((dependencies, commands), (pairs(&[("a", "1")]), pairs(&[("x", "y")])));
        assert_eq!([manifest(b"[]").skipped, manifest(b"{").skipped], [1, 1]);
    }
}
