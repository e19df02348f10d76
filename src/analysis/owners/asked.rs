//! Which packages the steps of the history install by name: who asked for what, where no database records it.

use foldhash::{HashMap, HashMapExt, HashSet};

use crate::archive::history::{self, HistoryEntry};
use crate::layer::entry::LayerNumber;

/// What the steps of a history install, by the layers that they made.
#[derive(Debug, Default)]
pub(super) struct Steps(HashMap<LayerNumber, Installs>);

/// What one step installs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Installs {
    /// Packages as they are named, with and without version.
    pub(super) names: HashSet<String>,
    /// Whether these are all: no variable, no file, no update of everything.
    pub(super) is_whole: bool,
}

/// A step's text is looked at so far.
const MOST_TEXT_BYTES: usize = 1 << 20;

impl Steps {
    pub(super) fn of(history: &[HistoryEntry]) -> Self {
        let mut found = HashMap::new();
        for (entry, step) in history.iter().zip(history::steps(history)) {
            let Some(layer) =
                entry.layer.filter(|_| step.instruction == "RUN" && step.command.len() <= MOST_TEXT_BYTES)
            else {
                continue;
            };
            if let Some(installs) = installs(&step.command) {
                found.insert(LayerNumber::from_index(layer as usize - 1), installs);
            }
        }
        Steps(found)
    }

    /// Returns what the step of a layer installs; nothing where it names no package.
    pub(super) fn of_layer(&self, layer: LayerNumber) -> Option<&Installs> {
        self.0.get(&layer)
    }
}

/// Package managers of operating systems.
const MANAGERS: [&str; 9] = ["apt-get", "apt", "aptitude", "apk", "dnf", "yum", "microdnf", "tdnf", "zypper"];
/// Words that stand before a command.
const BEFORE: [&str; 10] = ["sudo", "env", "exec", "if", "then", "else", "do", "!", "time", "eatmydata"];
/// Options of managers with a value in the next word.
const VALUED: [&str; 20] = [
    "-o",
    "-t",
    "-c",
    "-x",
    "-X",
    "-p",
    "-r",
    "-R",
    "--virtual",
    "--repository",
    "--root",
    "--installroot",
    "--setopt",
    "--enablerepo",
    "--disablerepo",
    "--releasever",
    "--target-release",
    "--option",
    "--exclude",
    "--repo",
];
const INSTALL: [&str; 5] = ["install", "add", "in", "reinstall", "localinstall"];
/// What brings or changes packages that it does not name.
const VAGUE: [&str; 12] = [
    "upgrade",
    "dist-upgrade",
    "full-upgrade",
    "distro-sync",
    "groupinstall",
    "group",
    "build-dep",
    "builddep",
    "dup",
    "patch",
    "swap",
    "module",
];

fn installs(text: &str) -> Option<Installs> {
    let text = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut found = Installs { is_whole: true, ..Installs::default() };
    for command in text.split([';', '&', '|', '\n', '(', ')', '{', '}']) {
        let words: Vec<&str> = command.split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect();
        let is_before = |word: &&str| BEFORE.contains(word) || word.starts_with('-') || word.split_once('=').is_some();
        let start = words.iter().position(|word| !is_before(word)).unwrap_or(words.len());
        match words.get(start).and_then(|word| manager(word)) {
            Some(manager) => read(manager, &words[start + 1..], &mut found),
            None => found.is_whole &= !words.iter().any(|word| manager(word).is_some()),
        }
    }
    (!found.names.is_empty()).then_some(found)
}

fn manager(word: &str) -> Option<&str> {
    let name = word.rsplit('/').next()?;
    MANAGERS.contains(&name).then_some(name)
}

fn read(manager: &str, words: &[&str], found: &mut Installs) {
    let mut arguments = Vec::new();
    let mut skips = false;
    for word in words {
        if std::mem::take(&mut skips) {
            continue;
        }
        found.is_whole &= !word.starts_with("--installroot") && !word.starts_with("--root");
        skips = VALUED.contains(word);
        if !word.starts_with('-') {
            arguments.push(*word);
        }
    }
    let Some((verb, names)) = arguments.split_first() else { return };
    // `apt-get update` only fetches lists.
    let is_update = *verb == "update" && !manager.starts_with("apt") && manager != "apk";
    found.is_whole &= !VAGUE.contains(verb) && !is_update;
    if !INSTALL.contains(verb) {
        return;
    }
    // What is written to a file is no package.
    for name in names.iter().take_while(|name| !name.contains('>') || name.starts_with(|c: char| c.is_alphabetic())) {
        add(name, found);
    }
}

fn add(name: &str, found: &mut Installs) {
    let is_vague = name.contains(['$', '`', '*', '?', '[', '/'])
        || name.starts_with('@')
        || [".rpm", ".deb", ".apk"].iter().any(|end| name.ends_with(end));
    if is_vague {
        // `NAME/RELEASE` is a package, a path is one that is not known by name.
        let package = name.split('/').next().filter(|package| is_plain(package) && !name.contains('.'));
        match package {
            Some(package) => drop(found.names.insert(package.to_owned())),
            None => found.is_whole = false,
        }
        return;
    }
    found.names.insert(name.to_owned());
    let end = name.find(['=', '<', '>', '~', '@', ':']).unwrap_or(name.len());
    if end > 0 {
        found.names.insert(name[..end].to_owned());
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "+-._".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Vec<String>, bool)> {
        installs(text).map(|found| {
            let mut names: Vec<String> = found.names.into_iter().collect();
            names.sort();
            (names, found.is_whole)
        })
    }

    fn assert_reads(text: &str, names: &[&str], is_whole: bool) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(read(text), Some((names, is_whole)), "{text}");
    }

    #[test]
    fn packages_are_named_in_many_ways() {
        assert_reads(
            "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y -t stable --no-install-recommends \\\n  curl \
             git=1:2.3 && rm -rf /var/lib/apt/lists/*",
            &["curl", "git", "git=1:2.3"],
            true,
        );
        assert_reads(
            "set -ex; apk add --no-cache --virtual .build gcc 'musl-dev>1.2' ; make",
            &["gcc", "musl-dev", "musl-dev>1.2"],
            true,
        );
        assert_reads(
            "sudo dnf -y --setopt install_weak_deps=0 install gcc-c++ vim; dnf clean all",
            &["gcc-c++", "vim"],
            true,
        );
        assert_reads("zypper -n in tar > /dev/null", &["tar"], true);
        assert_reads("apt-get install -y nginx/stable", &["nginx"], true);
    }

    #[test]
    fn what_is_not_named_makes_the_list_incomplete() {
        for text in [
            "dnf install -y tar $EXTRA",
            "dnf install -y tar https://host/x.rpm",
            "dnf install -y tar && dnf update -y",
            "yum install -y tar @development",
            "yum install -y tar; cat list | xargs yum install -y",
            "dnf install --installroot /mnt/root -y tar",
        ] {
            assert_reads(text, &["tar"], false);
        }
        assert_eq!(read("apt-get update && apt-get upgrade -y"), None);
        assert_eq!(read("make install"), None);
    }
}
