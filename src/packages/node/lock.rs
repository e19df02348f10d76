//! `package-lock.json`, `npm-shrinkwrap.json` and `node_modules/.package-lock.json`, versions 1 to 3.
//!
//! See [package-lock.json](https://docs.npmjs.com/cli/v10/configuring-npm/package-lock-json).

use super::super::Parsed;
use super::super::bounds::Bounds;
use super::super::json::{self, Json};
use super::Ranges;

/// One package of a lock file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the format, which combine freely")]
pub struct Installed {
    /// Where it is installed, below the folder of the lock file: `node_modules/a/node_modules/b`; a workspace's own
    /// folder. Empty for the root, which version 1 does not list.
    pub path: Vec<u8>,
    /// Its name: of an alias (`"a": "npm:b@1"`) the real one, as far as the file says it.
    pub name: String,
    /// Its version; a workspace may have none.
    pub version: Option<String>,
    /// Only development needs it.
    pub is_dev: bool,
    /// Only optional dependencies need it.
    pub is_optional: bool,
    /// Only development and optional dependencies need it: it goes when both are left out.
    pub is_dev_or_optional: bool,
    /// Only peers need it.
    pub is_peer: bool,
    /// The path is a symlink, to a workspace or another folder.
    pub is_link: bool,
    /// What it needs.
    pub dependencies: Ranges,
    /// What only its developers need; known for the root and workspaces.
    pub dev_dependencies: Ranges,
    /// What it can run without.
    pub optional_dependencies: Ranges,
    /// What has to be beside it.
    pub peer_dependencies: Ranges,
}

/// Reads a lock file of npm, in the order of the file.
#[must_use]
pub fn lock(bytes: &[u8]) -> Parsed<Vec<Installed>> {
    let (mut bounds, mut found) = (Bounds::new(), Vec::new());
    match json::read(bytes, &mut bounds) {
        None => {}
        Some(document) => match (document.get("packages"), document.get("dependencies")) {
            // Version 2 has both, of which npm reads this one.
            (Some(Json::Object(packages)), _) => by_path(packages, &mut found, &mut bounds),
            (None, Some(Json::Object(dependencies))) => by_nesting(dependencies, &mut found, &mut bounds),
            // Nothing is installed.
            (None, None) if document.get("lockfileVersion").is_some() => {}
            _ => bounds.skip(),
        },
    }
    bounds.finish(found)
}

fn by_path(packages: &[(String, Json)], found: &mut Vec<Installed>, bounds: &mut Bounds) {
    for (path, package) in packages {
        if !matches!(package, Json::Object(_)) {
            bounds.skip();
            continue;
        }
        let last = path.rsplit_once("node_modules/").map_or("", |(_, name)| name);
        let installed = Installed {
            path: path.clone().into_bytes(),
            name: package.text("name").unwrap_or_else(|| last.to_owned()),
            is_dev_or_optional: package.flag("devOptional"),
            is_link: package.flag("link"),
            dependencies: package.pairs("dependencies", bounds),
            dev_dependencies: package.pairs("devDependencies", bounds),
            optional_dependencies: package.pairs("optionalDependencies", bounds),
            peer_dependencies: package.pairs("peerDependencies", bounds),
            ..flags(package)
        };
        bounds.push(found, installed, path.len() * 2);
    }
}

/// The fields that all versions share.
fn flags(package: &Json) -> Installed {
    Installed {
        version: package.text("version"),
        is_dev: package.flag("dev"),
        is_optional: package.flag("optional"),
        is_peer: package.flag("peer"),
        ..Installed::default()
    }
}

/// Version 1: what is nested in a package is installed in its `node_modules`.
fn by_nesting(dependencies: &[(String, Json)], found: &mut Vec<Installed>, bounds: &mut Bounds) {
    let mut levels = vec![(Vec::new(), dependencies.iter())];
    while let Some((folder, rest)) = levels.last_mut() {
        let Some((name, package)) = rest.next() else {
            levels.pop();
            continue;
        };
        let length = folder.len() + name.len();
        let is_whole = matches!(package, Json::Object(_)) && !name.is_empty();
        if !is_whole || length > MOST_PATH_BYTES || bounds.is_full() {
            bounds.skip();
            continue;
        }
        let path = [folder, &b"node_modules/"[..], name.as_bytes()].concat();
        if let Some(Json::Object(nested)) = package.get("dependencies") {
            levels.push(([&path[..], b"/"].concat(), nested.iter()));
        }
        let installed = nested_one(path, name, package, bounds);
        bounds.push(found, installed, length * 2);
    }
}

/// No path of a file system is longer.
const MOST_PATH_BYTES: usize = 4096;

fn nested_one(path: Vec<u8>, name: &str, package: &Json, bounds: &mut Bounds) -> Installed {
    // `"version": "npm:b@1.0.0"` is another package under this name.
    let mut installed = Installed { path, name: name.to_owned(), ..flags(package) };
    let alias = installed.version.as_deref().and_then(|version| version.strip_prefix("npm:"));
    if let Some((real, version)) = alias.and_then(|alias| alias.rsplit_once('@')).filter(|(real, _)| !real.is_empty()) {
        (installed.name, installed.version) = (real.to_owned(), Some(version.to_owned()));
    }
    // npm 5 wrote `"requires": true` where there was nothing to say.
    if matches!(package.get("requires"), Some(Json::Object(_))) {
        installed.dependencies = package.pairs("requires", bounds);
    }
    installed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(installed: &Installed) -> String {
        let flags = [
            (installed.is_dev, " dev"),
            (installed.is_optional, " optional"),
            (installed.is_dev_or_optional, " devOptional"),
            (installed.is_peer, " peer"),
            (installed.is_link, " link"),
        ];
        let flags: String = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| *name).collect();
        let path = String::from_utf8_lossy(&installed.path);
        format!("{path} {}@{}{flags}", installed.name, installed.version.as_deref().unwrap_or("-"))
    }

    #[test]
    fn versions_2_and_3_list_paths() {
        let parsed = lock(
            br#"{"name": "app", "lockfileVersion": 3, "requires": true, "packages": {
                "": {"name": "app", "version": "1.0.0", "dependencies": {"a": "^1"}, "devDependencies": {"t": "5"}},
                "node_modules/a": {"version": "1.0.1", "resolved": "https://r/a.tgz", "integrity": "sha512-x",
                                   "dependencies": {"b": "^2"}, "peerDependencies": {"p": "*"}},
                "node_modules/a/node_modules/@s/b": {"version": "2.0.0", "optional": true},
                "node_modules/alias": {"name": "real", "version": "3.0.0", "devOptional": true},
                "node_modules/t": {"version": "5.0.0", "dev": true, "peer": true, "bin": {"t": "bin/t"}},
                "node_modules/w": {"resolved": "packages/w", "link": true}, "packages/w": {"version": "0.1.0"},
                "node_modules/bad": 1}, "dependencies": {"ignored": {"version": "1"}}}"#,
        );
        let expected = [
            " app@1.0.0",
            "node_modules/a a@1.0.1",
            "node_modules/a/node_modules/@s/b @s/b@2.0.0 optional",
            "node_modules/alias real@3.0.0 devOptional",
            "node_modules/t t@5.0.0 dev peer",
            "node_modules/w w@- link",
            "packages/w @0.1.0",
        ];
        assert_eq!(
            (parsed.content.iter().map(summary).collect::<Vec<_>>(), parsed.skipped),
            (expected.map(str::to_owned).to_vec(), 1)
        );
        let [root, a, ..] = &parsed.content[..] else { panic!("two packages") };
        assert_eq!(root.dev_dependencies, [("t".to_owned(), "5".to_owned())]);
        assert_eq!(a.dependencies, [("b".to_owned(), "^2".to_owned())]);
        assert_eq!(a.peer_dependencies, [("p".to_owned(), "*".to_owned())]);
    }

    #[test]
    fn version_1_nests() {
        let parsed = lock(
            br#"{"name": "app", "lockfileVersion": 1, "requires": true, "dependencies": {
                "a": {"version": "1.0.0", "requires": {"b": "^2.0.0"}, "dependencies": {
                    "b": {"version": "2.0.0", "dev": true, "dependencies": {"c": {"version": "3.0.0"}}}}},
                "alias": {"version": "npm:@s/real@1.5.0", "optional": true}, "bad": "1"}}"#,
        );
        let expected = [
            "node_modules/a a@1.0.0",
            "node_modules/a/node_modules/b b@2.0.0 dev",
            "node_modules/a/node_modules/b/node_modules/c c@3.0.0",
            "node_modules/alias @s/real@1.5.0 optional",
        ];
        assert_eq!(
            (parsed.content.iter().map(summary).collect::<Vec<_>>(), parsed.skipped),
            (expected.map(str::to_owned).to_vec(), 1)
        );
        assert_eq!(parsed.content[0].dependencies, [("b".to_owned(), "^2.0.0".to_owned())]);
    }

    #[test]
    fn what_is_not_a_lock_is_counted() {
        assert_eq!(lock(br#"{"lockfileVersion": 3}"#).skipped, 0);
        for text in ["{}", "[]", "{", r#"{"packages": []}"#, r#"{"dependencies": 1}"#] {
            let parsed = lock(text.as_bytes());
            assert_eq!((parsed.content.len(), parsed.skipped), (0, 1), "{text}");
        }
    }
}
