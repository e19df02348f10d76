//! Java artifacts: coordinates by the paths of Maven's and Gradle's caches, and what a jar says of itself.

use super::Parsed;
use super::bounds::{Bounds, lines, split_once, text};

/// The coordinates of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coordinates {
    /// `org.springframework.boot`.
    pub group: String,
    /// `spring-boot`.
    pub artifact: String,
    /// `3.2.1`.
    pub version: String,
}

/// Returns the artifact that a file of Maven's cache belongs to; `path` is what follows `.m2/repository/`:
/// `org/springframework/boot/spring-boot/3.2.1/spring-boot-3.2.1.jar`.
///
/// `None` where the file's name does not begin with the artifact's, as that of every artifact's file does.
#[must_use]
pub fn maven_coordinates(path: &[u8]) -> Option<Coordinates> {
    let text = std::str::from_utf8(path).ok()?;
    let (folder, file) = text.rsplit_once('/')?;
    let (rest, version) = folder.rsplit_once('/')?;
    let (group, artifact) = rest.rsplit_once('/')?;
    let belongs = file.strip_prefix(artifact)?.strip_prefix('-').is_some();
    let is_whole =
        belongs && !artifact.is_empty() && starts_number(version) && group.split('/').all(|part| !part.is_empty());
    is_whole.then(|| Coordinates {
        group: group.replace('/', "."),
        artifact: artifact.to_owned(),
        version: version.to_owned(),
    })
}

/// Versions of releases start in many ways, but contain a number.
fn starts_number(version: &str) -> bool {
    version.bytes().any(|byte| byte.is_ascii_digit())
}

/// Returns the artifact that a file of Gradle's cache belongs to; `path` is what follows `caches/modules-2/files-2.1/`:
/// `org.slf4j/slf4j-api/2.0.9/7cf2726fdcfbc8610f9a71fb3ed639871f315340/slf4j-api-2.0.9.jar`.
#[must_use]
pub fn gradle_coordinates(path: &[u8]) -> Option<Coordinates> {
    let parts: Vec<&str> = std::str::from_utf8(path).ok()?.splitn(6, '/').collect();
    let [group, artifact, version, hash, file] = parts[..] else { return None };
    let is_whole = [group, artifact, version, file].iter().all(|part| !part.is_empty());
    // Leading zeros of the hash are left out.
    let is_hash = !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_whole && is_hash).then(|| Coordinates {
        group: group.to_owned(),
        artifact: artifact.to_owned(),
        version: version.to_owned(),
    })
}

/// Reads `META-INF/maven/GROUP/ARTIFACT/pom.properties` of a jar.
#[must_use]
pub fn pom_properties(bytes: &[u8]) -> Parsed<Coordinates> {
    let (mut bounds, mut found) = (Bounds::new(), Coordinates::default());
    for line in lines(bytes).map(<[u8]>::trim_ascii_start) {
        let Some((key, value)) = split_once(line, b'=').filter(|_| !line.starts_with(b"#")) else { continue };
        let field = match key.trim_ascii() {
            b"groupId" => &mut found.group,
            b"artifactId" => &mut found.artifact,
            b"version" => &mut found.version,
            _ => continue,
        };
        *field = text(value).unwrap_or_default();
    }
    if [&found.group, &found.artifact, &found.version].iter().any(|field| field.is_empty()) {
        bounds.skip();
    }
    bounds.finish(found)
}

/// What `META-INF/MANIFEST.MF` of a jar says.
///
/// See [the manifest](https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html#jar-manifest).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// `Main-Class`: what `java -jar` starts.
    pub main_class: Option<String>,
    /// `Start-Class`: what Spring Boot's launcher starts in turn.
    pub start_class: Option<String>,
    /// `Class-Path`: jars and folders, as seen from the jar's folder.
    pub class_path: Vec<String>,
    /// `Implementation-Title`, often the artifact.
    pub title: Option<String>,
    /// `Implementation-Version`, often its version.
    pub version: Option<String>,
}

/// Reads the main section of a manifest.
#[must_use]
pub fn manifest(bytes: &[u8]) -> Parsed<Manifest> {
    let (mut bounds, mut found) = (Bounds::new(), Manifest::default());
    let mut attribute: Vec<u8> = Vec::new();
    for line in lines(bytes).chain([&b""[..]]) {
        // A line has 72 bytes at most; what does not fit follows behind a space, even in the middle of a letter.
        if let Some(rest) = line.strip_prefix(b" ") {
            attribute.extend_from_slice(rest);
            continue;
        }
        if !attribute.is_empty() {
            set(&mut found, &attribute, &mut bounds);
        }
        line.clone_into(&mut attribute);
        if line.is_empty() {
            break;
        }
    }
    bounds.finish(found)
}

fn set(manifest: &mut Manifest, attribute: &[u8], bounds: &mut Bounds) {
    let Some((name, value)) = split_once(attribute, b':') else {
        bounds.skip();
        return;
    };
    match name.to_ascii_lowercase().as_slice() {
        b"main-class" => manifest.main_class = text(value),
        b"start-class" => manifest.start_class = text(value),
        b"implementation-title" => manifest.title = text(value),
        b"implementation-version" => manifest.version = text(value),
        b"class-path" => {
            for path in value.split(|byte| *byte == b' ').filter(|path| !path.is_empty()) {
                match text(path) {
                    Some(path) => {
                        let bytes = path.len();
                        bounds.push(&mut manifest.class_path, path, bytes);
                    }
                    None => bounds.skip(),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(group: &str, artifact: &str, version: &str) -> Coordinates {
        Coordinates { group: group.to_owned(), artifact: artifact.to_owned(), version: version.to_owned() }
    }

    #[test]
    fn maven_paths_name_artifacts() {
        let boot = of("org.springframework.boot", "spring-boot", "3.2.1");
        for file in ["spring-boot-3.2.1.jar", "spring-boot-3.2.1.pom", "spring-boot-3.2.1.jar.sha1"] {
            let path = format!("org/springframework/boot/spring-boot/3.2.1/{file}");
            assert_eq!(maven_coordinates(path.as_bytes()), Some(boot.clone()));
        }
        let single = maven_coordinates(b"junit/junit/4.13.2/junit-4.13.2.jar");
        assert_eq!(single, Some(of("junit", "junit", "4.13.2")));
        let others = [
            "junit/junit/maven-metadata-central.xml",
            "a/b/1/_remote.repositories",
            "b/1/b-1.jar",
            "/b/1/b-1.jar",
            "x",
            "",
        ];
        for other in others {
            assert_eq!(maven_coordinates(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn gradle_paths_name_artifacts() {
        let path = b"org.slf4j/slf4j-api/2.0.9/7cf2726fdcfbc8610f9a71fb3ed639871f315340/slf4j-api-2.0.9.jar";
        assert_eq!(gradle_coordinates(path), Some(of("org.slf4j", "slf4j-api", "2.0.9")));
        for other in ["a/b/1/x/b.jar", "a/b/1/0f", "a/b/1/0f/b.jar/c", ""] {
            assert_eq!(gradle_coordinates(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn jars_say_what_they_are() {
        let parsed = pom_properties(
            b"#Generated by Maven\r\n#Mon\r\nversion=2.0.9\r\ngroupId=org.slf4j\r\nartifactId = slf4j-api\r\n",
        );
        assert_eq!((parsed.content, parsed.skipped), (of("org.slf4j", "slf4j-api", "2.0.9"), 0));
        assert_eq!(pom_properties(b"version=1\n").skipped, 1);
    }

    #[test]
    fn manifests_go_on_over_lines() {
        let parsed = manifest(
            b"Manifest-Version: 1.0\r\nMain-Class: org.springframework.boot.loader.launch.JarLaun\r\n cher\r\n\
              Start-Class: com.acme.App\r\nClass-Path: lib/a.jar lib/b\r\n .jar\r\n  conf/\r\nImplementation-Title: api\r\n\
              Implementation-Version: 1.2\r\n\r\nName: x\r\nMain-Class: no\r\n",
        );
        let expected = Manifest {
            main_class: Some("org.springframework.boot.loader.launch.JarLauncher".to_owned()),
            start_class: Some("com.acme.App".to_owned()),
            class_path: ["lib/a.jar", "lib/b.jar", "conf/"].map(str::to_owned).to_vec(),
            title: Some("api".to_owned()),
            version: Some("1.2".to_owned()),
        };
        assert_eq!((parsed.content, parsed.skipped), (expected, 0));
        assert_eq!(manifest(b"nonsense\nClass-Path: a \xff b\n").skipped, 2);
    }
}
