//! What must stay: what the image starts, the packages that this belongs to, and all that those need.

use foldhash::{HashMap, HashMapExt, HashSet};

use super::{DirectStart, Input};
use crate::analysis::owners::OwnerId;
use crate::analysis::owners::graph::Set;
use crate::analysis::rootfs::Rootfs;
use crate::analysis::start::{Extent, Origin, Reason, Start};
use crate::layer::entry::NodeId;

/// What must stay.
pub(crate) struct Needed<'a> {
    pub(super) start: &'a Start,
    rootfs: &'a Rootfs<'a>,
    /// Owners of what is started itself.
    pub(super) started: Set,
    /// These, and what they need.
    pub(super) packages: Set,
    /// Directories that are reached with everything in them.
    trees: HashSet<NodeId>,
    /// What is reached through a launcher alone, which the program can do without.
    launched: HashSet<NodeId>,
    /// Owners of launchers, with what starts instead of each.
    pub(super) launchers: HashMap<OwnerId, String>,
}

impl<'a> Needed<'a> {
    pub(super) fn new(input: &Input<'a>) -> Self {
        let (owners, start) = (input.owners, input.start);
        let mut launched = HashSet::default();
        let mut launchers = HashMap::new();
        for launcher in &start.launchers {
            let Some(direct) = launcher.words.as_ref().filter(|_| matches!(launcher.origin, Origin::Config(_))) else {
                continue;
            };
            launched.extend(launcher.only_through_it.iter().copied());
            for node in &launcher.only_through_it {
                launchers.entry(owners.of(*node)).or_insert_with(|| words(direct));
            }
        }
        let trees: HashSet<NodeId> = start
            .reached
            .iter()
            .filter(|(node, reason)| reason.extent != Extent::One && !reason.is_weak && !launched.contains(*node))
            .map(|(node, _)| *node)
            .collect();
        let mut started = owners.empty_set();
        for (node, reason) in &start.reached {
            if reason.extent == Extent::Data || reason.is_weak || launched.contains(node) {
                continue;
            }
            if owners.of(*node) != owners.nobody() {
                started.insert(owners.of(*node));
            }
        }
        // What the table demands for a launcher goes with it.
        let is_launched = |reason: &Reason| match reason.origin {
            Origin::Path(node) => launched.contains(&node),
            Origin::Config(_) => start.launchers.iter().any(|launcher| {
                let name = launcher.command.first().map(|word| word.rsplit(|byte| *byte == b'/').next());
                launcher.words.is_some() && launcher.origin == reason.origin && name.flatten() == Some(&reason.word[..])
            }),
        };
        for (id, owner) in (0u32..).zip(&owners.list) {
            let reason = start.packages.get(owner.name.as_str()).filter(|_| owner.kind.is_system());
            if reason.is_some_and(|reason| !is_launched(reason)) {
                started.insert(id);
            }
        }
        launchers.retain(|id, _| *id != owners.nobody() && !started.has(*id));
        let mut roots: Vec<OwnerId> = started.iter().collect();
        if start.tool_box.is_some() {
            roots.extend(owners.system_roots());
        }
        let packages = owners.closure(roots);
        Needed { start, rootfs: input.rootfs, started, packages, trees, launched, launchers }
    }

    /// Says whether a file or link is needed: it is reached, or lies below a directory that is.
    pub(super) fn has(&self, node: NodeId) -> bool {
        if self.is_reached(node) {
            return true;
        }
        let tree = self.rootfs.tree();
        std::iter::successors(tree.parent(node), |folder| tree.parent(*folder))
            .any(|folder| self.trees.contains(&folder))
    }

    /// Says whether a path itself is reached.
    pub(super) fn is_reached(&self, node: NodeId) -> bool {
        self.start.reached.contains_key(&node) && !self.launched.contains(&node)
    }

    /// Returns what has to start the image where a path goes that it is started with.
    pub(super) fn direct_start(&self, node: NodeId) -> Option<DirectStart> {
        if !self.launched.contains(&node) {
            return None;
        }
        let launcher =
            self.start.launchers.iter().find(|one| one.words.is_some() && one.only_through_it.contains(&node))?;
        let texts = |words: &[Vec<u8>]| words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        Some(DirectStart { launcher: texts(&launcher.command), cmd: texts(launcher.words.as_ref()?) })
    }

    /// Says whether a directory is needed with everything in it.
    pub(super) fn has_tree(&self, node: NodeId) -> bool {
        self.trees.contains(&node)
    }

    /// Says whether something at or below a path is reached.
    pub(super) fn has_below(&self, top: NodeId) -> bool {
        let tree = self.rootfs.tree();
        self.has(top)
            || self.start.reached.iter().any(|(node, reason)| {
                !reason.is_weak
                    && !self.launched.contains(node)
                    && std::iter::successors(tree.parent(*node), |folder| tree.parent(*folder))
                        .any(|folder| folder == top)
            })
    }

    /// Says whether the texts of the start chain speak of a path.
    pub(super) fn is_spoken_of(&self, node: NodeId) -> bool {
        self.start.mentions_path(&self.rootfs.tree().path(node)).is_some()
    }

    /// Says whether a package is needed.
    pub(super) fn has_package(&self, id: OwnerId) -> bool {
        self.packages.has(id)
    }

    /// Says whether there is nothing but a tool box: what was asked for is the product.
    pub(super) fn is_tool_box(&self) -> bool {
        self.start.tool_box.is_some()
    }
}

/// Returns words as an exec form.
fn words(words: &[Vec<u8>]) -> String {
    let words: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
    serde_json::json!(words).to_string()
}

impl Needed<'_> {
    /// Says whether the start reaches a command of this name.
    pub(super) fn starts_command(&self, name: &str) -> bool {
        const FOLDERS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
        let is_reached = |node: NodeId| self.is_reached(node);
        let places = FOLDERS.iter().filter_map(|folder| self.rootfs.find(format!("{folder}/{name}").as_bytes()));
        let by_path = places.into_iter().any(is_reached);
        by_path
            || self.start.reached.keys().any(|node| {
                self.rootfs.tree().name(*node) == name.as_bytes()
                    && is_reached(*node)
                    && self.rootfs.is_executable(*node)
            })
    }

    /// Says whether the start reaches a compiler.
    pub(super) fn starts_compiler(&self) -> bool {
        ["cc", "gcc", "g++", "c++", "clang", "ld", "rustc", "go", "make"].iter().any(|name| self.starts_command(name))
    }

    /// Says whether the texts of the start chain have these words.
    pub(super) fn names_exactly(&self, word: &[u8]) -> bool {
        self.start.mentions(word).is_some()
    }
}
