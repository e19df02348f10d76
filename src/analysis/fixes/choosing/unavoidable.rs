//! Waste that nobody can avoid by changing a step: files that every installation writes again. It is counted, said to be
//! what it is, and never a reason to suggest anything; where steps are merged for other reasons, it goes with them.

use crate::layer::entry::NodeId;
use crate::layer::tree::Tree;

/// Files and folders, with everything below them, and who writes them.
const PLACES: [(&str, &str); 30] = [
    ("/etc/group", "user accounts"),
    ("/etc/group-", "user accounts"),
    ("/etc/gshadow", "user accounts"),
    ("/etc/gshadow-", "user accounts"),
    ("/etc/passwd", "user accounts"),
    ("/etc/passwd-", "user accounts"),
    ("/etc/shadow", "user accounts"),
    ("/etc/shadow-", "user accounts"),
    ("/etc/subgid", "user accounts"),
    ("/etc/subuid", "user accounts"),
    ("/etc/hostname", "mount points of the builder"),
    ("/etc/hosts", "mount points of the builder"),
    ("/etc/mtab", "mount points of the builder"),
    ("/etc/resolv.conf", "mount points of the builder"),
    ("/etc/ld.so.cache", "the linker's cache"),
    ("/var/cache/ldconfig", "the linker's cache"),
    ("/etc/apk/world", "the package database of apk"),
    ("/lib/apk/db", "the package database of apk"),
    ("/usr/lib/apk/db", "the package database of apk"),
    ("/usr/lib/sysimage/rpm", "the package database of rpm"),
    ("/var/lib/rpm", "the package database of rpm"),
    ("/var/lib/dnf", "the package database of dnf"),
    ("/var/lib/yum", "the package database of yum"),
    ("/var/lib/dpkg", "the package database of dpkg"),
    ("/var/lib/apt/extended_states", "the package database of apt"),
    ("/var/cache/debconf", "the package database of debconf"),
    ("/var/log/alternatives.log", "logs of installations"),
    ("/var/log/apt", "logs of installations"),
    ("/var/log/dpkg.log", "logs of installations"),
    ("/var/log/lastlog", "logs of installations"),
];

/// Says whether a path is one that every installation writes, or lies below one.
pub(in super::super) fn is_one(path: &[u8]) -> bool {
    PLACES.iter().any(|(place, _)| {
        let rest = path.strip_prefix(place.as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    })
}

/// The places of an image that every installation writes.
#[derive(Debug)]
pub(in super::super) struct Unavoidable {
    is_one: Vec<bool>,
}

impl Unavoidable {
    pub(in super::super) fn new(tree: &Tree) -> Self {
        let mut is_one = vec![false; tree.len()];
        for top in PLACES.iter().filter_map(|(path, _)| tree.find(path.as_bytes())) {
            is_one[top.index()] = true;
            let mut found = vec![top];
            while let Some(node) = found.pop() {
                is_one[node.index()] = true;
                found.extend(tree.children(node));
            }
        }
        Unavoidable { is_one }
    }

    pub(in super::super) fn contains(&self, node: NodeId) -> bool {
        self.is_one[node.index()]
    }
}
