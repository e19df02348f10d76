//! The targets of package databases: any bytes as any of their files. What is asserted holds for every record.

use layerlens::packages::{apk, composer, dpkg, gem, go, java, node, python, rpm, rust};

/// Any bytes as each of the files of dpkg and apk.
pub fn system(bytes: &[u8]) {
    for package in dpkg::status(bytes).content {
        assert!(!package.name.is_empty() && (!package.is_installed || !package.version.is_empty()));
        assert!(package.depends.iter().all(|group| !group.is_empty()));
    }
    for paths in [dpkg::list_paths(bytes), dpkg::md5sums_paths(bytes)] {
        assert!(paths.content.iter().all(|path| is_normal(path)));
    }
    for diversion in dpkg::diversions(bytes).content {
        assert!(is_normal(&diversion.from) && is_normal(&diversion.to));
    }
    assert!(dpkg::auto_installed(bytes).content.iter().all(|(name, arch)| !name.is_empty() && !arch.is_empty()));
    assert!(dpkg::list_file(bytes).is_none_or(|(name, _)| name.len() < bytes.len()));
    let text = String::from_utf8_lossy(bytes);
    let (a, b) = text.split_once('\n').unwrap_or((&text, "1"));
    assert_eq!(dpkg::versions_compare(a, b), dpkg::versions_compare(b, a).reverse());
    for package in apk::installed(bytes).content {
        assert!(!package.name.is_empty() && !package.version.is_empty());
        assert!(package.files.iter().all(|path| is_normal(path)));
    }
    assert!(apk::world(bytes).content.iter().all(|word| !word.name.is_empty()));
}

/// Any bytes as a database of RPM.
pub fn rpm(bytes: &[u8]) {
    for package in rpm::packages(bytes).content {
        assert!(!package.name.is_empty() && !package.version.is_empty());
        assert!(package.files.iter().all(|file| is_normal(&file.path)));
    }
}

/// Any bytes as each of the files that languages' package managers leave.
pub fn language(bytes: &[u8]) {
    python(bytes);
    node(bytes);
    ruby_and_php(bytes);
    caches(bytes);
}

fn python(bytes: &[u8]) {
    let metadata = python::metadata(bytes).content;
    let required = metadata.requires.into_iter().chain(python::requires_txt(bytes).content);
    assert!(required.into_iter().all(|requirement| !requirement.name.is_empty()));
    let normal = python::normalize_name(&metadata.name);
    assert_eq!(python::normalize_name(&normal), normal);
    assert!(python::record(bytes).content.iter().all(|path| !path.is_empty()));
    assert!(python::installed_files(bytes).content.iter().all(|path| !path.is_empty()));
    assert!(python::top_level(bytes).content.iter().all(|name| !name.is_empty()));
    assert!(python::entry_points(bytes).content.iter().all(|point| !point.module.is_empty()));
    assert!(python::installer(bytes).is_none_or(|name| !name.is_empty()));
    assert!(python::direct_url(bytes).content.url.len() <= bytes.len());
}

fn node(bytes: &[u8]) {
    let manifest = node::manifest(bytes).content;
    for package in node::lock(bytes).content {
        let found = node::resolve(&package.path, package.name.as_bytes(), |path| path.len() < 60);
        assert!(found.is_none_or(|path| path.len() < 60));
    }
    assert!(node::yarn_lock(bytes).content.iter().all(|locked| !locked.name.is_empty() && !locked.version.is_empty()));
    assert!(manifest.commands.iter().all(|(name, file)| name.len() + file.len() <= bytes.len()));
}

fn ruby_and_php(bytes: &[u8]) {
    let gem = gem::gemspec(bytes);
    assert!(gem.skipped > 0 || !(gem.content.name.is_empty() || gem.content.version.is_empty()));
    assert!(gem::gemfile(bytes).content.iter().all(|wanted| !wanted.name.is_empty()));
    assert!(gem::lock(bytes).content.gems.iter().all(|gem| !gem.name.is_empty() && !gem.version.is_empty()));
    let installed = composer::installed(bytes).content;
    // Only Composer 2 says what is for development.
    assert!(installed.packages.iter().all(|package| !package.is_dev) || bytes.contains(&b'{'));
    assert!(composer::lock(bytes).content.len() <= bytes.len());
    assert!(composer::manifest(bytes).content.require.len() <= bytes.len());
}

fn caches(bytes: &[u8]) {
    assert!(go::module(bytes).is_none_or(|(module, length)| length <= bytes.len() && !module.path.is_empty()));
    assert!(rust::package(bytes).is_none_or(|(found, length)| length <= bytes.len() && !found.name.is_empty()));
    for found in [java::maven_coordinates(bytes), java::gradle_coordinates(bytes)].into_iter().flatten() {
        assert!(!found.group.is_empty() && !found.artifact.is_empty() && !found.version.is_empty());
    }
    let manifest = java::manifest(bytes).content;
    assert!(manifest.class_path.iter().all(|path| !path.is_empty()));
    let properties = java::pom_properties(bytes);
    assert!(properties.skipped > 0 || !properties.content.artifact.is_empty());
}

fn is_normal(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').all(|part| !part.is_empty() && part != b"." && part != b"..")
}
