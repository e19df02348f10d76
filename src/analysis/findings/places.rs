//! What is known by its place: caches of package managers, and what was left behind.
//!
//! A place proves nothing: what the start chain reaches or mentions is left alone. `~/.cache` belongs only to known
//! managers, never as a whole: programs keep models and browsers there.

use foldhash::{HashMap, HashMapExt};

use super::account::Account;
use super::{Class, Confidence, Draft, Input, Needed};
use crate::analysis::rootfs::Rootfs;
use crate::layer::entry::NodeId;

/// Where to look for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    /// This absolute path, and everything below.
    Path(&'static str),
    /// This path in every home directory.
    Home(&'static str),
    /// A file or folder of this name, anywhere.
    Name(&'static str),
    /// Files whose names end like this.
    Suffix(&'static str),
}

use Where::{Home, Name, Path, Suffix};

/// A kind of thing, by its places.
pub(crate) struct Rule {
    /// What it is, for titles.
    pub(crate) what: &'static str,
    pub(crate) places: &'static [Where],
    /// The line that avoids it.
    pub(crate) advice: &'static str,
    pub(crate) unless: &'static str,
    /// Commands that read it: where the start reaches one of them, it is needed.
    readers: &'static [&'static str],
}

const fn cache(
    what: &'static str,
    places: &'static [Where],
    readers: &'static [&'static str],
    advice: &'static str,
) -> Rule {
    Rule { what, places, advice, unless: "something is installed in the container without a network", readers }
}

/// Caches of package managers and of builds.
pub(crate) static CACHES: [Rule; 20] = [
    cache(
        "package lists of apt",
        &[Path("/var/lib/apt/lists")],
        &["apt", "apt-get", "aptitude", "apt-cache"],
        "update, install and rm -rf /var/lib/apt/lists/* in one RUN",
    ),
    cache(
        "packages that apt downloaded",
        &[Path("/var/cache/apt")],
        &["apt", "apt-get", "aptitude", "apt-cache"],
        "end the RUN that installs with: && apt-get clean",
    ),
    cache("cache of apk", &[Path("/var/cache/apk"), Path("/etc/apk/cache")], &["apk"], "apk add --no-cache …"),
    cache(
        "cache of dnf",
        &[Path("/var/cache/dnf"), Path("/var/cache/libdnf5"), Path("/var/cache/yum")],
        &["dnf", "yum", "microdnf", "dnf5"],
        "end the RUN that installs with: && dnf clean all",
    ),
    cache(
        "cache of zypper",
        &[Path("/var/cache/zypp")],
        &["zypper"],
        "end the RUN that installs with: && zypper clean -a",
    ),
    cache(
        "cache of pacman",
        &[Path("/var/cache/pacman")],
        &["pacman"],
        "end the RUN that installs with: && pacman -Scc --noconfirm",
    ),
    cache("cache of pip", &[Home(".cache/pip")], &["pip", "pip3"], "pip install --no-cache-dir …"),
    cache("cache of uv", &[Home(".cache/uv")], &["uv", "uvx"], "RUN --mount=type=cache,target=/root/.cache/uv uv …"),
    cache(
        "caches of poetry, pipenv and pdm",
        &[Home(".cache/pypoetry"), Home(".cache/pipenv"), Home(".cache/pdm")],
        &["poetry", "pipenv", "pdm"],
        "RUN --mount=type=cache,target=/root/.cache …",
    ),
    cache(
        "cache of npm",
        &[Home(".npm"), Home(".cache/node-gyp")],
        &[],
        "RUN --mount=type=cache,target=/root/.npm npm …",
    ),
    cache(
        "cache of yarn",
        &[Path("/usr/local/share/.cache/yarn"), Home(".cache/yarn"), Home(".yarn/berry/cache"), Home(".yarn-cache")],
        &[],
        "end the RUN that installs with: && yarn cache clean",
    ),
    cache(
        "store of pnpm",
        &[Home(".local/share/pnpm/store"), Home(".pnpm-store"), Home(".cache/pnpm")],
        &[],
        "RUN --mount=type=cache,target=/root/.local/share/pnpm/store pnpm …",
    ),
    cache(
        "module and build cache of Go",
        &[
            Path("/go/pkg/mod"),
            Home("go/pkg/mod"),
            Home(".cache/go-build"),
            Path("/go/pkg/sumdb"),
            Home("go/pkg/sumdb"),
        ],
        &["go"],
        "RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build go build …",
    ),
    cache(
        "registry of cargo",
        &[Path("/usr/local/cargo/registry"), Path("/usr/local/cargo/git"), Home(".cargo/registry"), Home(".cargo/git")],
        &["cargo"],
        "RUN --mount=type=cache,target=/usr/local/cargo/registry cargo build …",
    ),
    cache(
        "downloads of RubyGems and bundler",
        &[
            Path("/usr/local/bundle/cache"),
            Home(".bundle/cache"),
            Home(".gem/specs"),
            Home(".cache/gem"),
            Path("/var/lib/gems/cache"),
        ],
        &[],
        "end the RUN that installs with: && rm -rf /usr/local/bundle/cache",
    ),
    cache(
        "cache of Composer",
        &[Home(".composer/cache"), Home(".cache/composer"), Path("/tmp/cache/composer")],
        &["composer"],
        "composer install --no-cache",
    ),
    cache(
        "local repository of Maven",
        &[Home(".m2/repository"), Home(".m2/wrapper")],
        &["mvn", "mvnw"],
        "RUN --mount=type=cache,target=/root/.m2 mvn …",
    ),
    cache(
        "caches of Gradle",
        &[Home(".gradle/caches"), Home(".gradle/wrapper"), Home(".gradle/daemon"), Home(".gradle/native")],
        &["gradle", "gradlew"],
        "RUN --mount=type=cache,target=/root/.gradle gradle …",
    ),
    cache(
        "caches of sbt, Ivy and Coursier",
        &[Home(".ivy2/cache"), Home(".ivy2/local"), Home(".sbt/boot"), Home(".cache/coursier")],
        &["sbt", "cs", "amm"],
        "RUN --mount=type=cache,target=/root/.cache/coursier sbt …",
    ),
    cache(
        "caches of NuGet, ccache and Bazel",
        &[
            Home(".nuget/packages"),
            Home(".local/share/NuGet"),
            Home(".ccache"),
            Home(".cache/ccache"),
            Home(".cache/bazel"),
        ],
        &["dotnet", "ccache", "bazel"],
        "build in a stage of its own and COPY --from the program",
    ),
];

/// What was left behind.
static LEFTOVERS: [Rule; 6] = [
    Rule {
        what: "version control",
        places: &[Name(".git"), Name(".hg"), Name(".svn")],
        advice: "add it to .dockerignore, or clone with --depth 1 and remove it in the same RUN",
        unless: "the program reads its version from it",
        readers: &["git", "hg", "svn"],
    },
    Rule {
        what: "temporary files",
        places: &[Path("/tmp"), Path("/var/tmp")],
        advice: "remove them in the RUN that makes them, or use RUN --mount=type=tmpfs,target=/tmp",
        unless: "something is installed there on purpose",
        readers: &[],
    },
    Rule {
        what: "logs",
        places: &[Path("/var/log"), Home(".npm/_logs")],
        advice: "remove them in the RUN that writes them",
        unless: "a program reads them",
        readers: &[],
    },
    Rule {
        what: "older copies of databases",
        places: &[
            Path("/var/lib/dpkg/status-old"),
            Path("/var/lib/dpkg/available-old"),
            Path("/var/lib/dpkg/diversions-old"),
            Path("/var/lib/dpkg/statoverride-old"),
            Path("/var/cache/debconf/config.dat-old"),
            Path("/var/cache/debconf/templates.dat-old"),
            Path("/var/lib/systemd/catalog/database.old"),
        ],
        advice: "remove them in the RUN that installs",
        unless: "they are needed to go back",
        readers: &[],
    },
    Rule {
        what: "core dumps",
        places: &[Name("core.dump"), Path("/core"), Suffix(".core")],
        advice: "remove them in the RUN that makes them",
        unless: "a file only has the name",
        readers: &[],
    },
    Rule {
        what: "files of editors and shells",
        places: &[
            Suffix("~"),
            Suffix(".swp"),
            Suffix(".orig"),
            Suffix(".rej"),
            Name(".DS_Store"),
            Home(".bash_history"),
            Home(".ash_history"),
            Home(".viminfo"),
            Home(".wget-hsts"),
            Home(".lesshst"),
        ],
        advice: "add them to .dockerignore",
        unless: "a file is really named so",
        readers: &[],
    },
];

/// Returns the folder that a package manager fills while it installs, where the path is or lies in one.
#[must_use]
pub(crate) fn package_cache(path: &[u8]) -> Option<&[u8]> {
    let below = |path: &[u8], top: &str| {
        path.strip_prefix(top.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    CACHES.iter().flat_map(|rule| rule.places).find_map(|place| match place {
        Path(top) => below(path, top).then(|| &path[..top.len()]),
        Home(top) => {
            let inner = in_home(path)?;
            below(inner, top).then(|| &path[..path.len() - inner.len() + top.len()])
        }
        Name(_) | Suffix(_) => None,
    })
}

/// Returns what follows the home directory in a path.
fn in_home(path: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = path.strip_prefix(b"/root/") {
        return Some(rest);
    }
    let rest = path.strip_prefix(b"/home/")?;
    let end = rest.iter().position(|byte| *byte == b'/')?;
    Some(&rest[end + 1..])
}

/// Finds the caches.
pub(super) fn caches(input: &Input<'_>, needed: &Needed<'_>, account: &mut Account<'_>) {
    let why = "kept for the next installation, which never comes";
    find(input, needed, account, &CACHES, Class::Cache, why);
}

/// Finds what was left behind.
pub(super) fn leftovers(input: &Input<'_>, needed: &Needed<'_>, account: &mut Account<'_>) {
    find(input, needed, account, &LEFTOVERS, Class::Leftover, "left over from a build or a copy of the sources");
}

fn find(
    input: &Input<'_>,
    needed: &Needed<'_>,
    account: &mut Account<'_>,
    rules: &'static [Rule],
    class: Class,
    why: &str,
) {
    let places = Places::new(input.rootfs, input.config.variable("HOME"), rules);
    for (at, rule) in rules.iter().enumerate() {
        if rule.readers.iter().any(|command| needed.starts_command(command)) {
            continue;
        }
        let tops = places.of(at);
        let nodes: Vec<NodeId> =
            tops.iter().copied().filter(|top| !needed.has_below(*top) && !needed.is_spoken_of(*top)).collect();
        if nodes.is_empty() {
            continue;
        }
        account.add(&Draft {
            class,
            confidence: Confidence::Sure,
            title: rule.what.to_owned(),
            why: why.to_owned(),
            evidence: vec!["nothing that the image starts reads or names the place".to_owned()],
            unless: rule.unless.to_owned(),
            advice: rule.advice.to_owned(),
            owners: Vec::new(),
            is_within: false,
            nodes,
        });
    }
}

/// The places of rules in an image.
struct Places {
    by_rule: HashMap<usize, Vec<NodeId>>,
}

impl Places {
    fn new(rootfs: &Rootfs<'_>, home: Option<&str>, rules: &'static [Rule]) -> Self {
        let mut by_rule: HashMap<usize, Vec<NodeId>> = HashMap::new();
        let homes = homes(rootfs, home);
        let mut names: HashMap<&[u8], usize> = HashMap::new();
        let mut suffixes: Vec<(&[u8], usize)> = Vec::new();
        for (at, place) in
            rules.iter().enumerate().flat_map(|(at, rule)| rule.places.iter().map(move |place| (at, place)))
        {
            match place {
                Path(path) => by_rule.entry(at).or_default().extend(rootfs.find(path.as_bytes())),
                Home(path) => {
                    let found = homes.iter().filter_map(|home| rootfs.find_from(*home, path.as_bytes()));
                    by_rule.entry(at).or_default().extend(found);
                }
                Name(name) => drop(names.insert(name.as_bytes(), at)),
                Suffix(suffix) => suffixes.push((suffix.as_bytes(), at)),
            }
        }
        if !names.is_empty() || !suffixes.is_empty() {
            let tree = rootfs.tree();
            for node in (1..tree.len()).map(NodeId::at).filter(|node| rootfs.exists(*node)) {
                let name = tree.name(node);
                let ending = || {
                    let ends = |(suffix, _): &&(&[u8], usize)| name.len() > suffix.len() && name.ends_with(suffix);
                    suffixes.iter().find(ends).filter(|_| !rootfs.is_directory(node)).map(|(_, at)| *at)
                };
                if let Some(at) = names.get(name).copied().or_else(ending) {
                    by_rule.entry(at).or_default().push(node);
                }
            }
        }
        Places { by_rule }
    }

    fn of(&self, rule: usize) -> &[NodeId] {
        self.by_rule.get(&rule).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Returns the home directories: root's, those of `/home`, and the one that the image sets.
pub(super) fn homes(rootfs: &Rootfs<'_>, own: Option<&str>) -> Vec<NodeId> {
    let users = rootfs.resolve(b"/home").map(|home| rootfs.children(home).collect::<Vec<_>>()).unwrap_or_default();
    let own = own.and_then(|path| rootfs.resolve(path.as_bytes()));
    let mut homes: Vec<NodeId> = rootfs.resolve(b"/root").into_iter().chain(users).chain(own).collect();
    homes.retain(|home| rootfs.is_directory(*home));
    homes.sort_unstable();
    homes.dedup();
    homes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_are_known_by_their_places() {
        for path in [
            "/var/lib/apt/lists/x_Packages",
            "/root/.npm/_cacache/1",
            "/home/node/.cache/pip/http/2",
            "/var/cache/apk/3",
        ] {
            assert!(package_cache(path.as_bytes()).is_some(), "{path}");
        }
        for path in
            ["/var/lib/apt/lists2", "/home/x", "/app/.npm", "/tmp/x", "/var/lib/apt", "/root/.cache/huggingface/x"]
        {
            assert_eq!(package_cache(path.as_bytes()), None, "{path}");
        }
        assert_eq!(package_cache(b"/home/node/.cache/pip/http/2"), Some(&b"/home/node/.cache/pip"[..]));
    }

    #[test]
    fn every_rule_says_everything() {
        for rule in CACHES.iter().chain(&LEFTOVERS) {
            assert!(
                !rule.what.is_empty() && !rule.places.is_empty() && !rule.advice.is_empty() && !rule.unless.is_empty()
            );
        }
    }
}
