//! Live bloat: bytes that containers can read and most likely never will. [Model](crate::model) 7.
//!
//! Apart from waste and never added to it. The rules are data ([`RULES`]): where to look, what to do, why it is bloat, and
//! when it is not. A finding is the topmost place that a rule applies to; what lies below belongs to it. Places of less
//! than [`LEAST_BYTES`] are not worth a line.

use std::io;

use foldhash::{HashMap, HashMapExt, HashSet};
use xxhash_rust::xxh3::Xxh3;

use super::Analysis;
use super::waste::WasteRecord;
use crate::layer::entry::{Entry, EntryRef, Kind, LayerNumber, NodeId};
use crate::layer::index::Index;

/// Which live bloat is looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// None: it costs every path.
    Nothing,
    /// What hardly anybody wants in an image.
    #[default]
    Usual,
    /// Documentation, manual pages and locales too, which are a matter of taste.
    WithDocs,
}

/// Something that could go, by the look of its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The file or folder.
    pub node: NodeId,
    /// Live content bytes there.
    pub bytes: u64,
    /// How many files there are.
    pub file_count: u64,
    /// The layer that stores most of them.
    pub layer: LayerNumber,
}

/// What to look for.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable name, for scripts.
    pub kind: &'static str,
    /// Where.
    pub places: &'static [Where],
    /// The line that avoids it.
    pub advice: &'static str,
    /// Why it is bloat.
    pub reason: &'static str,
    /// When it is not.
    pub unless: &'static str,
    /// Whether a package manager fills it while it installs.
    pub is_cache: bool,
    /// Whether it is only looked for on request.
    pub is_taste: bool,
}

/// A place to look at.
#[derive(Debug, PartialEq, Eq)]
pub enum Where {
    /// This absolute path, and everything below.
    Path(&'static str),
    /// This path in every home directory: `/root` and each of `/home`.
    Home(&'static str),
    /// A file or folder of this name, anywhere.
    Name(&'static str),
    /// Files whose names end like this; they are summed up by their folder.
    Suffix(&'static str),
}

use Where::{Home, Name, Path, Suffix};

const fn cache(kind: &'static str, places: &'static [Where], advice: &'static str, unless: &'static str) -> Rule {
    let reason = "kept for the next installation, which never comes";
    Rule { kind, places, advice, reason, unless, is_cache: true, is_taste: false }
}

const fn rule(
    kind: &'static str,
    places: &'static [Where],
    advice: &'static str,
    reason: &'static str,
    unless: &'static str,
) -> Rule {
    Rule { kind, places, advice, reason, unless, is_cache: false, is_taste: false }
}

const fn taste(kind: &'static str, places: &'static [Where], advice: &'static str, reason: &'static str) -> Rule {
    Rule { kind, places, advice, reason, unless: "people work in the container", is_cache: false, is_taste: true }
}

/// The rules; where two apply to one place, the earlier one counts.
pub static RULES: [Rule; 26] = [
    cache(
        "apt-lists",
        &[Path("/var/lib/apt/lists")],
        "end the RUN that installs with: && rm -rf /var/lib/apt/lists/*",
        "users run apt install in containers without apt update",
    ),
    cache(
        "apt-archives",
        &[Path("/var/cache/apt")],
        "end the RUN that installs with: && apt-get clean",
        "packages are installed from there later",
    ),
    cache("apk-cache", &[Path("/var/cache/apk"), Path("/etc/apk/cache")], "apk add --no-cache …", "an offline mirror"),
    cache(
        "dnf-cache",
        &[Path("/var/cache/dnf"), Path("/var/cache/libdnf5"), Path("/var/cache/yum")],
        "end the RUN that installs with: && dnf clean all",
        "an offline mirror",
    ),
    cache(
        "zypper-cache",
        &[Path("/var/cache/zypp")],
        "end the RUN that installs with: && zypper clean -a",
        "an offline mirror",
    ),
    cache(
        "pacman-cache",
        &[Path("/var/cache/pacman")],
        "end the RUN that installs with: && pacman -Scc --noconfirm",
        "an offline mirror",
    ),
    cache("pip-cache", &[Home(".cache/pip")], "pip install --no-cache-dir …", "the image is a builder for others"),
    cache("uv-cache", &[Home(".cache/uv")], "uv pip install --no-cache …", "the image is a builder for others"),
    cache(
        "npm-cache",
        &[Home(".npm"), Home(".cache/node-gyp")],
        "RUN --mount=type=cache,target=/root/.npm npm ci",
        "the image is a builder for others",
    ),
    cache(
        "yarn-cache",
        &[Path("/usr/local/share/.cache/yarn"), Home(".cache/yarn"), Home(".yarn/berry/cache")],
        "end the RUN that installs with: && yarn cache clean",
        "Yarn runs from its cache (Plug'n'Play)",
    ),
    cache(
        "pnpm-store",
        &[Home(".local/share/pnpm/store"), Home(".pnpm-store")],
        "RUN --mount=type=cache,target=/root/.local/share/pnpm/store pnpm install",
        "node_modules are hard links into the store: then they are counted there",
    ),
    cache(
        "go-cache",
        &[Home(".cache/go-build"), Path("/go/pkg/mod"), Home("go/pkg/mod")],
        "build in a stage of its own and COPY --from=build the program",
        "the image is a builder for others",
    ),
    cache(
        "cargo-cache",
        &[Path("/usr/local/cargo/registry"), Home(".cargo/registry"), Home(".cargo/git")],
        "RUN --mount=type=cache,target=/usr/local/cargo/registry cargo build …",
        "the image is a builder for others",
    ),
    cache(
        "gem-cache",
        &[Path("/usr/local/bundle/cache"), Home(".bundle/cache"), Path("/var/lib/gems/cache")],
        "end the RUN that installs with: && rm -rf /usr/local/bundle/cache",
        "gems are installed from there later",
    ),
    cache(
        "composer-cache",
        &[Home(".composer/cache"), Home(".cache/composer")],
        "composer install --no-cache",
        "the image is a builder for others",
    ),
    cache(
        "java-build-cache",
        &[Home(".m2/repository"), Home(".gradle/caches"), Home(".gradle/wrapper")],
        "build in a stage of its own and COPY --from=build the program",
        "programs load their libraries from there",
    ),
    rule(
        "vcs",
        &[Name(".git"), Name(".hg"), Name(".svn")],
        "add it to .dockerignore, or clone with --depth 1 and remove it in the same RUN",
        "the whole history of the sources, secrets of old commits included",
        "the program reads its version from it",
    ),
    rule(
        "temp",
        &[Path("/tmp"), Path("/var/tmp")],
        "remove it in the RUN that makes it, or use RUN --mount=type=tmpfs,target=/tmp",
        "left over from a build step",
        "something is installed there on purpose",
    ),
    rule(
        "core-dump",
        &[Name("core.dump"), Path("/core"), Suffix(".core")],
        "remove it in the RUN that makes it",
        "a program crashed while the image was built",
        "a file that only has the name",
    ),
    rule(
        "log",
        &[Path("/var/log"), Home(".npm/_logs")],
        "truncate or remove it in the RUN that writes it",
        "written while the image was built",
        "an empty log must exist for a daemon to start",
    ),
    rule(
        "editor-leftover",
        &[Suffix("~"), Suffix(".swp"), Suffix(".orig"), Suffix(".rej"), Name(".DS_Store")],
        "add it to .dockerignore",
        "copied along with the sources",
        "a file that is really named so",
    ),
    rule(
        "python-bytecode",
        &[Name("__pycache__")],
        "ENV PYTHONDONTWRITEBYTECODE=1 before pip runs, or pip install --no-compile",
        "a compiled copy of the sources beside it, made again when needed",
        "the program must start fast, or runs where it cannot write",
    ),
    rule(
        "static-library",
        &[Suffix(".a")],
        "build in a stage of its own and COPY --from=build what runs",
        "only linkers read it",
        "the image is a builder for others",
    ),
    rule(
        "headers",
        &[Path("/usr/include"), Path("/usr/local/include")],
        "build in a stage of its own and COPY --from=build what runs",
        "only compilers read it",
        "the image is a builder for others",
    ),
    taste(
        "docs",
        &[Path("/usr/share/doc"), Path("/usr/share/man"), Path("/usr/share/info"), Path("/usr/share/gtk-doc")],
        "before apt-get: printf 'path-exclude=/usr/share/%s/*\\n' doc man info > /etc/dpkg/dpkg.cfg.d/no-docs; dnf: \
         --setopt=tsflags=nodocs (keep copyright files where licences ask for them)",
        "no program reads it",
    ),
    taste(
        "locales",
        &[Path("/usr/share/locale"), Path("/usr/share/i18n"), Path("/usr/lib/locale")],
        "before apt-get: echo 'path-exclude=/usr/share/locale/*' > /etc/dpkg/dpkg.cfg.d/no-locales; dnf: \
         --setopt=install_weak_deps=False and glibc-minimal-langpack",
        "the messages of languages that nobody sets in a container",
    ),
];

/// Places with less are not reported.
pub const LEAST_BYTES: u64 = 100_000;

/// Returns the folder that a package manager fills while it installs, where the path is or lies in one.
#[must_use]
pub(super) fn package_cache(path: &[u8]) -> Option<&[u8]> {
    let below = |path: &[u8], top: &str| {
        path.strip_prefix(top.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    RULES.iter().filter(|rule| rule.is_cache).flat_map(|rule| rule.places).find_map(|place| match place {
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

/// Returns the findings of an image: largest first, then by path. Costs its paths and entries.
pub(super) fn find(index: &Index, waste: &[WasteRecord], scope: Scope) -> Vec<Finding> {
    if scope == Scope::Nothing {
        return Vec::new();
    }
    let marks = Marks::new(index);
    let wasted: HashSet<EntryRef> = waste.iter().map(|record| record.copy).collect();
    let mut sums: HashMap<(usize, NodeId), HashMap<u32, (u64, u64)>> = HashMap::new();
    for (at, entry) in copies(index).filter(|(_, entry)| entry.size > 0) {
        let Some(mark) = marks.mark(entry.node) else { continue };
        if wasted.contains(&at) || (scope == Scope::Usual && RULES[mark.0].is_taste) {
            continue;
        }
        let (bytes, count) = sums.entry(mark).or_default().entry(at.layer).or_default();
        *bytes += entry.size;
        *count += 1;
    }
    let mut findings: Vec<Finding> = sums.into_iter().filter_map(|(mark, layers)| finding(mark, &layers)).collect();
    findings.sort_by_cached_key(|finding| (std::cmp::Reverse(finding.bytes), index.tree.path(finding.node)));
    findings
}

fn finding((rule, node): (usize, NodeId), layers: &HashMap<u32, (u64, u64)>) -> Option<Finding> {
    let bytes = layers.values().map(|(bytes, _)| bytes).sum();
    let file_count = layers.values().map(|(_, count)| count).sum();
    let (layer, _) = layers.iter().max_by_key(|(layer, (bytes, _))| (*bytes, std::cmp::Reverse(**layer)))?;
    let layer = LayerNumber::from_index(*layer as usize);
    (bytes >= LEAST_BYTES).then_some(Finding { rule: &RULES[rule], node, bytes, file_count, layer })
}

fn copies(index: &Index) -> impl Iterator<Item = (EntryRef, &Entry)> {
    (0..).zip(&index.layers).flat_map(|(layer, entries)| {
        let copies = (0..).zip(&entries.entries).filter(|(_, entry)| entry.kind == Kind::File);
        copies.map(move |(index, entry)| (EntryRef { layer, index }, entry))
    })
}

/// For each path the rule that applies, and the topmost place it applies to.
struct Marks {
    marks: Vec<(u8, NodeId)>,
}

/// No rule.
const NOTHING: u8 = u8::MAX;

impl Marks {
    fn new(index: &Index) -> Self {
        let tree = &index.tree;
        let tops = tops(index);
        let names: HashMap<&[u8], u8> = places(|place| match place {
            Name(name) => Some(name.as_bytes()),
            _ => None,
        })
        .collect();
        let suffixes: Vec<(&[u8], u8)> = places(|place| match place {
            Suffix(suffix) => Some(suffix.as_bytes()),
            _ => None,
        })
        .collect();
        let mut marks = vec![(NOTHING, NodeId::ROOT); tree.len()];
        // A walk from the root: what is above has its mark before what is below.
        let mut waiting = vec![NodeId::ROOT];
        while let Some(folder) = waiting.pop() {
            for node in tree.children(folder) {
                marks[node.index()] = if marks[folder.index()].0 == NOTHING {
                    let name = tree.name(node);
                    let own = tops.get(&node).or_else(|| names.get(name)).map(|rule| (*rule, node));
                    // The folder stands for all its files with such names.
                    let ending =
                        || suffixes.iter().find(|(suffix, _)| name.len() > suffix.len() && name.ends_with(suffix));
                    let is_leaf = tree.first_child(node).is_none();
                    own.or_else(|| ending().filter(|_| is_leaf).map(|(_, rule)| (*rule, folder)))
                        .unwrap_or((NOTHING, node))
                } else {
                    marks[folder.index()]
                };
                if tree.first_child(node).is_some() {
                    waiting.push(node);
                }
            }
        }
        Marks { marks }
    }

    fn mark(&self, node: NodeId) -> Option<(usize, NodeId)> {
        let (rule, top) = self.marks[node.index()];
        (rule != NOTHING).then_some((usize::from(rule), top))
    }
}

fn places<'a>(of: impl Fn(&'static Where) -> Option<&'a [u8]>) -> impl Iterator<Item = (&'a [u8], u8)> {
    (0u8..)
        .zip(&RULES)
        .flat_map(move |(at, rule)| rule.places.iter().filter_map(&of).map(|name| (name, at)).collect::<Vec<_>>())
}

/// Finds the rules' absolute paths, and those of each home directory.
fn tops(index: &Index) -> HashMap<NodeId, u8> {
    let tree = &index.tree;
    let users = tree.find(b"/home").map(|home| tree.children(home).collect::<Vec<_>>()).unwrap_or_default();
    let homes: Vec<NodeId> = tree.find(b"/root").into_iter().chain(users).collect();
    let below = |top: NodeId, path: &str| {
        let mut parts = path.split('/');
        parts.try_fold(top, |node, name| tree.children(node).find(|child| tree.name(*child) == name.as_bytes()))
    };
    let mut tops = HashMap::new();
    for (at, rule) in (0u8..).zip(&RULES) {
        for place in rule.places {
            let found: Vec<NodeId> = match place {
                Path(path) => tree.find(path.as_bytes()).into_iter().collect(),
                Home(path) => homes.iter().filter_map(|home| below(*home, path)).collect(),
                Name(_) | Suffix(_) => Vec::new(),
            };
            for node in found {
                tops.entry(node).or_insert(at);
            }
        }
    }
    tops
}

/// One content under several paths; hard links are one copy and do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateContent {
    /// The content's size.
    pub size: u64,
    /// The paths, in byte order: two or more.
    pub nodes: Vec<NodeId>,
}

impl DuplicateContent {
    /// Returns the bytes that would be saved if there was one copy and links to it.
    #[must_use]
    pub fn extra_bytes(&self) -> u64 {
        self.size * (self.nodes.len() as u64 - 1)
    }
}

/// Smaller files are not compared.
const LEAST_DUPLICATE_BYTES: u64 = 64 << 10;

impl Analysis {
    /// Finds equal contents under several live paths, largest extra bytes first, then by path.
    ///
    /// Only files of at least 64 KiB are looked at, and only those that share their size with another. What has no hash
    /// yet is read: at most `budget` bytes, the largest files first; the rest counts as different.
    ///
    /// # Errors
    /// Where a layer cannot be read again.
    pub fn duplicate_contents(&self, budget: u64) -> io::Result<Vec<DuplicateContent>> {
        let wasted: HashSet<EntryRef> = self.waste.iter().map(|record| record.copy).collect();
        let mut by_size: HashMap<u64, Vec<EntryRef>> = HashMap::new();
        for (at, entry) in copies(&self.index) {
            if entry.size >= LEAST_DUPLICATE_BYTES && !entry.has(Entry::SPARSE) && !wasted.contains(&at) {
                by_size.entry(entry.size).or_default().push(at);
            }
        }
        let mut sizes: Vec<(u64, Vec<EntryRef>)> = by_size.into_iter().filter(|(_, copies)| copies.len() > 1).collect();
        sizes.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
        let mut left = budget;
        let mut found = Vec::new();
        for (size, copies) in sizes {
            let mut by_hash: HashMap<u64, Vec<NodeId>> = HashMap::new();
            for copy in copies {
                if let Some(hash) = self.content_hash(copy, &mut left)? {
                    by_hash.entry(hash).or_default().push(self.index.entry(copy).node);
                }
            }
            found.extend(
                by_hash.into_values().filter(|nodes| nodes.len() > 1).map(|nodes| DuplicateContent { size, nodes }),
            );
        }
        let tree = &self.index.tree;
        for same in &mut found {
            same.nodes.sort_by_cached_key(|node| tree.path(*node));
        }
        found.sort_by_cached_key(|same| (std::cmp::Reverse(same.extra_bytes()), tree.path(same.nodes[0])));
        Ok(found)
    }

    /// Returns the hash of a copy, as long as there is budget to read it.
    fn content_hash(&self, copy: EntryRef, budget: &mut u64) -> io::Result<Option<u64>> {
        let entry = self.index.entry(copy);
        if entry.has(Entry::HASHED) {
            return Ok(Some(entry.id));
        }
        let Some(plain) = self.layers[copy.layer().index()].blob.plain() else { return Ok(None) };
        let Some(left) = budget.checked_sub(entry.size) else { return Ok(None) };
        *budget = left;
        let region = plain.slice(entry.id, entry.size);
        let (mut hash, mut at, mut buffer) = (Xxh3::new(), 0, vec![0; 1 << 16]);
        while at < entry.size {
            let read = region.read_at(at, &mut buffer).map_err(io::Error::other)?;
            if read == 0 {
                return Ok(None);
            }
            hash.update(&buffer[..read]);
            at += read as u64;
        }
        Ok(Some(hash.digest()))
    }
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
        for path in ["/var/lib/apt/lists2", "/home/x", "/app/.npm", "/tmp/x", "/var/lib/apt"] {
            assert_eq!(package_cache(path.as_bytes()), None, "{path}");
        }
        assert_eq!(package_cache(b"/home/node/.cache/pip/http/2"), Some(&b"/home/node/.cache/pip"[..]));
    }

    #[test]
    fn every_rule_says_everything() {
        let kinds: HashSet<&str> = RULES.iter().map(|rule| rule.kind).collect();
        assert_eq!(kinds.len(), RULES.len());
        for rule in &RULES {
            assert!(
                !rule.places.is_empty()
                    && !rule.advice.is_empty()
                    && !rule.reason.is_empty()
                    && !rule.unless.is_empty()
            );
        }
    }
}
