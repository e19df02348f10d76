//! Toolchains that were unpacked by hand, known by a marker.

use super::OwnerKind;
use super::claims::Claims;
use crate::layer::entry::NodeId;

/// A toolchain and how it is known.
struct Marker {
    name: &'static str,
    /// The file or folder that only it has.
    file: &'static [u8],
    /// Another one, which must be there too.
    and: &'static [u8],
}

const MARKERS: [Marker; 9] = [
    Marker { name: "go", file: b"VERSION", and: b"src/runtime" },
    Marker { name: "rust", file: b"settings.toml", and: b"toolchains" },
    Marker { name: "rust", file: b"bin/rustc", and: b"lib/rustlib" },
    Marker { name: "cargo", file: b"bin/rustup", and: b"bin/cargo" },
    Marker { name: "jdk", file: b"bin/javac", and: b"release" },
    Marker { name: "jre", file: b"bin/java", and: b"release" },
    Marker { name: "maven", file: b"bin/mvn", and: b"conf/settings.xml" },
    Marker { name: "gradle", file: b"bin/gradle", and: b"init.d" },
    Marker { name: "node", file: b"bin/node", and: b"include/node" },
];

/// Where toolchains are unpacked.
const PLACES: [&[u8]; 8] =
    [b"usr/local", b"opt", b"root", b"usr/lib/jvm", b"usr/local/lib", b"usr/share", b"opt/java", b"usr/local/share"];

/// Finds the toolchains and their files.
pub(super) fn find(claims: &mut Claims<'_, '_>) {
    let rootfs = claims.rootfs;
    for place in PLACES {
        let Some(folder) = rootfs.resolve(place) else { continue };
        let tops: Vec<NodeId> = rootfs.children(folder).filter(|node| rootfs.is_directory(*node)).collect();
        for top in tops {
            let has = |path: &[u8]| rootfs.resolve_from(top, path).is_some();
            let Some(marker) = MARKERS.iter().find(|marker| has(marker.file) && has(marker.and)) else { continue };
            let version = version(claims, top);
            let Some(id) = claims.add(OwnerKind::Toolchain, marker.name, &version) else { break };
            claims.owner(id).layer = rootfs.find_from(top, marker.file).and_then(|file| claims.layer_of(file));
            claims.package(id).top = Some(top);
            let is_cargo = marker.name == "cargo";
            claims.own_below(top, id, &|name| is_cargo && (name == b"registry" || name == b"git"));
        }
    }
}

/// Reads the version that Go (`VERSION`) and Java (`release`) note.
fn version(claims: &Claims<'_, '_>, top: NodeId) -> String {
    let rootfs = claims.rootfs;
    let read = |name: &[u8]| rootfs.child(top, name).and_then(|node| rootfs.read(node));
    let first_line = |content: &[u8]| {
        let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
        String::from_utf8_lossy(&line[..line.len().min(40)]).trim_start_matches("go").to_owned()
    };
    if let Some(content) = read(b"VERSION") {
        return first_line(&content);
    }
    let content = read(b"release").unwrap_or_default();
    let mut lines = content.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let java = lines.find_map(|line| line.strip_prefix("JAVA_VERSION="));
    java.map(|version| version.trim_matches('"').chars().take(40).collect()).unwrap_or_default()
}
