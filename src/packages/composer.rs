//! What Composer leaves: `vendor/composer/installed.json`, `composer.json`, `composer.lock`.
//!
//! See [the schema](https://getcomposer.org/doc/04-schema.md).

use super::Parsed;
use super::bounds::Bounds;
use super::json::{self, Json};

/// Names with the versions that will do; platform packages (`php`, `ext-json`) are among them.
pub type Ranges = Vec<(String, String)>;

/// One installed or locked package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Package {
    /// `vendor/name`.
    pub name: String,
    /// Its version, with or without a `v`.
    pub version: String,
    /// What it needs.
    pub require: Ranges,
    /// Other names that it stands for.
    pub provide: Ranges,
    /// Packages that it takes the place of.
    pub replace: Ranges,
    /// Where it lies, as seen from `vendor/composer`: `../monolog/monolog`. Composer 1 does not say: `../NAME`.
    pub install_path: Option<String>,
    /// Only development needs it. Of what Composer 1 installed it is not known.
    pub is_dev: bool,
}

/// What `installed.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Installed {
    /// The packages, in the order of the file.
    pub packages: Vec<Package>,
    /// Whether development packages were installed; `None` where Composer 1 wrote the file.
    pub has_dev: Option<bool>,
}

/// Reads `installed.json`: a list from Composer 1, an object from Composer 2.
#[must_use]
pub fn installed(bytes: &[u8]) -> Parsed<Installed> {
    let (mut bounds, mut found) = (Bounds::new(), Installed::default());
    match json::read(bytes, &mut bounds) {
        None => {}
        Some(Json::List(packages)) => add(&packages, false, &mut found.packages, &mut bounds),
        Some(document) => {
            found.has_dev = document.get("dev").map(|dev| *dev == Json::Flag(true));
            let list = document.get("packages");
            if !matches!(list, Some(Json::List(_))) {
                bounds.skip();
            }
            add(list.map_or(&[][..], Json::items), false, &mut found.packages, &mut bounds);
            let mut dev = document.texts("dev-package-names");
            dev.sort_unstable();
            for package in &mut found.packages {
                package.is_dev = dev.binary_search(&package.name).is_ok();
            }
        }
    }
    bounds.finish(found)
}

/// Reads `composer.lock`: packages, then those for development.
#[must_use]
pub fn lock(bytes: &[u8]) -> Parsed<Vec<Package>> {
    let (mut bounds, mut found) = (Bounds::new(), Vec::new());
    if let Some(document) = json::read(bytes, &mut bounds) {
        for (key, is_dev) in [("packages", false), ("packages-dev", true)] {
            match document.get(key) {
                Some(Json::List(packages)) => add(packages, is_dev, &mut found, &mut bounds),
                // Composer writes `null` where it locked no development packages.
                None | Some(Json::Other) if is_dev => {}
                _ => bounds.skip(),
            }
        }
    }
    bounds.finish(found)
}

fn add(packages: &[Json], is_dev: bool, found: &mut Vec<Package>, bounds: &mut Bounds) {
    for package in packages {
        let (Some(name), Some(version)) = (package.text("name"), package.text("version")) else {
            bounds.skip();
            continue;
        };
        let bytes = name.len() + version.len();
        let package = Package {
            name,
            version,
            require: package.pairs("require", bounds),
            provide: package.pairs("provide", bounds),
            replace: package.pairs("replace", bounds),
            install_path: package.text("install-path"),
            is_dev,
        };
        bounds.push(found, package, bytes);
    }
}

/// What `composer.json` of a program asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// Its name; a program need not have one.
    pub name: Option<String>,
    /// What it needs to run.
    pub require: Ranges,
    /// What its developers need.
    pub require_dev: Ranges,
}

/// Reads `composer.json`.
#[must_use]
pub fn manifest(bytes: &[u8]) -> Parsed<Manifest> {
    let (mut bounds, mut found) = (Bounds::new(), Manifest::default());
    match json::read(bytes, &mut bounds) {
        Some(document @ Json::Object(_)) => {
            found.name = document.text("name");
            found.require = document.pairs("require", &mut bounds);
            found.require_dev = document.pairs("require-dev", &mut bounds);
        }
        Some(_) => bounds.skip(),
        None => {}
    }
    bounds.finish(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(package: &Package) -> (&str, &str, bool) {
        (&package.name, &package.version, package.is_dev)
    }

    /// As Composer 2.6 writes it, shortened.
    #[test]
    fn composer_2_says_what_is_for_development() {
        let parsed = installed(
            br#"{"packages": [
                {"name": "monolog/monolog", "version": "3.5.0", "version_normalized": "3.5.0.0", "type": "library",
                 "require": {"php": ">=8.1", "psr/log": "^2.0 || ^3.0"}, "provide": {"psr/log-implementation": "3.0.0"},
                 "install-path": "../monolog/monolog"},
                {"name": "phpunit/phpunit", "version": "10.5.5", "require": [], "install-path": "../phpunit/phpunit"}],
                "dev": true, "dev-package-names": ["sebastian/diff", "phpunit/phpunit"]}"#,
        );
        assert_eq!((parsed.skipped, parsed.content.has_dev), (0, Some(true)));
        let [monolog, phpunit] = &parsed.content.packages[..] else { panic!("two packages") };
        assert_eq!(summary(monolog), ("monolog/monolog", "3.5.0", false));
        assert_eq!(summary(phpunit), ("phpunit/phpunit", "10.5.5", true));
        assert_eq!(monolog.require[1], ("psr/log".to_owned(), "^2.0 || ^3.0".to_owned()));
        assert_eq!(monolog.provide.len(), 1);
        assert_eq!(monolog.install_path.as_deref(), Some("../monolog/monolog"));
    }

    #[test]
    fn composer_1_wrote_a_list() {
        let parsed = installed(br#"[{"name": "psr/log", "version": "1.1.4"}, {"name": "x"}, 1]"#);
        assert_eq!((parsed.skipped, parsed.content.has_dev), (2, None));
        assert_eq!(summary(&parsed.content.packages[0]), ("psr/log", "1.1.4", false));
    }

    #[test]
    fn locks_have_two_lists() {
        let parsed = lock(
            br#"{"content-hash": "x", "packages": [{"name": "a/a", "version": "v1.0"}],
                 "packages-dev": [{"name": "b/b", "version": "2.0", "require": {"a/a": "1"}}]}"#,
        );
        assert_eq!(parsed.skipped, 0);
        assert_eq!(
            parsed.content.iter().map(summary).collect::<Vec<_>>(),
            [("a/a", "v1.0", false), ("b/b", "2.0", true)]
        );
        assert_eq!(lock(br#"{"packages": [], "packages-dev": null}"#).skipped, 0);
        assert_eq!([lock(b"[]").skipped, lock(b"").skipped], [1, 1]);
    }

    #[test]
    fn manifests_ask_for_packages() {
        let parsed = manifest(br#"{"name": "acme/app", "require": {"php": "^8.2"}, "require-dev": {"x/y": "*"}}"#);
        let Manifest { name, require, require_dev } = parsed.content;
        assert_eq!((name.as_deref(), require.len(), require_dev.len()), (Some("acme/app"), 1, 1));
        assert_eq!([manifest(b"1").skipped, manifest(b"{}").skipped], [1, 0]);
    }
}
