//! Who gets which copy: each live copy belongs to at most one finding, the first one that asks for it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::{Draft, Finding, FindingPath, Input, Needed};
use crate::layer::entry::{EntryRef, Kind, LayerNumber, NodeId};

/// Keeps the books.
pub(super) struct Account<'a> {
    input: &'a Input<'a>,
    needed: &'a Needed<'a>,
    /// Paths that belong to a finding.
    taken: Vec<bool>,
    /// Copies with several names, with all names that the view shows.
    names: HashMap<EntryRef, Vec<NodeId>>,
    findings: Vec<Finding>,
}

impl<'a> Account<'a> {
    pub(super) fn new(input: &'a Input<'a>, needed: &'a Needed<'a>) -> Self {
        let (rootfs, tree) = (input.rootfs, input.rootfs.tree());
        let mut names: HashMap<EntryRef, Vec<NodeId>> = HashMap::new();
        let links = (0..tree.len())
            .map(NodeId::at)
            .filter(|node| rootfs.entry(*node).is_some_and(|entry| entry.kind == Kind::HardLink));
        for node in links {
            let Some(copy) = rootfs.copy(node) else { continue };
            let all = names.entry(copy).or_default();
            let own = rootfs.index.entry(copy).node;
            if all.is_empty() && rootfs.copy(own) == Some(copy) && own != node {
                all.push(own);
            }
            all.push(node);
        }
        Account { input, needed, taken: vec![false; tree.len()], names, findings: Vec::new() }
    }

    /// Says whether a path belongs to a finding.
    pub(super) fn is_taken(&self, node: NodeId) -> bool {
        self.taken[node.index()]
    }

    /// Makes findings of a draft: one of what the user's layers store, one of what the base image's do. What others have,
    /// and what the start needs, is left out; so is a copy that has a name elsewhere.
    pub(super) fn add(&mut self, draft: &Draft) {
        let nodes = self.free(&draft.nodes, draft.is_within);
        let base = self.input.base_count;
        let rootfs = self.input.rootfs;
        let is_base = |node: &NodeId| {
            let at = rootfs.copy(*node).or_else(|| rootfs.slot(*node).get());
            at.is_some_and(|at| at.layer().get() <= base)
        };
        let (of_base, of_user): (Vec<NodeId>, Vec<NodeId>) = nodes.into_iter().partition(is_base);
        for (nodes, in_base) in [(of_user, false), (of_base, true)] {
            let bytes = self.bytes(&nodes);
            if bytes >= self.input.least_bytes {
                self.book(draft, &nodes, bytes, in_base);
            }
        }
    }

    /// Adds a finding about a part of each file's bytes.
    pub(super) fn add_parts(&mut self, draft: &Draft, parts: &[(NodeId, u64)]) {
        let free: Vec<(NodeId, u64)> = parts.iter().filter(|(node, _)| !self.is_taken(*node)).copied().collect();
        let bytes: u64 = free.iter().map(|(_, bytes)| bytes).sum();
        if bytes < self.input.least_bytes {
            return;
        }
        let nodes: Vec<NodeId> = free.iter().map(|(node, _)| *node).collect();
        let base = self.input.base_count;
        let in_base = nodes.iter().all(|node| self.input.rootfs.copy(*node).is_some_and(|at| at.layer().get() <= base));
        let mut paths: Vec<FindingPath> =
            free.iter().map(|(node, bytes)| FindingPath { node: *node, bytes: *bytes }).collect();
        self.sort(&mut paths);
        self.push(draft, &nodes, bytes, in_base, paths);
    }

    /// Returns the files and links below some paths that nobody has yet and nothing needs.
    fn free(&self, nodes: &[NodeId], is_within: bool) -> Vec<NodeId> {
        let rootfs = self.input.rootfs;
        let (mut seen, mut found) = (HashSet::new(), Vec::new());
        let mut waiting: Vec<NodeId> = nodes.to_vec();
        while let Some(node) = waiting.pop() {
            if !rootfs.exists(node) || !seen.insert(node) {
                continue;
            }
            if rootfs.is_directory(node) {
                if is_within || !self.needed.has_tree(node) {
                    waiting.extend(rootfs.children(node));
                }
            } else if !self.is_taken(node) && !self.is_needed(node, is_within) {
                found.push(node);
            }
        }
        found.sort_unstable();
        let set: HashSet<NodeId> = found.iter().copied().collect();
        let is_whole = |node: &NodeId| {
            let names = rootfs.copy(*node).and_then(|copy| self.names.get(&copy));
            names.is_none_or(|names| names.iter().all(|name| set.contains(name) || self.is_taken(*name)))
        };
        found.retain(is_whole);
        found
    }

    fn is_needed(&self, node: NodeId, is_within: bool) -> bool {
        if is_within { self.needed.is_reached(node) } else { self.needed.has(node) }
    }

    /// Sums up what goes with some paths: each copy once, that of several names with the last one to go.
    fn bytes(&self, nodes: &[NodeId]) -> u64 {
        let rootfs = self.input.rootfs;
        let mut counted = HashSet::new();
        let copies = nodes.iter().filter_map(|node| rootfs.copy(*node)).filter(|copy| counted.insert(*copy));
        copies.map(|copy| rootfs.index.entry(copy).size).sum()
    }

    fn book(&mut self, draft: &Draft, nodes: &[NodeId], bytes: u64, in_base: bool) {
        let paths = self.topmost(nodes, &draft.nodes);
        self.push(draft, nodes, bytes, in_base, paths);
    }

    fn push(&mut self, draft: &Draft, nodes: &[NodeId], bytes: u64, in_base: bool, paths: Vec<FindingPath>) {
        let mut layers: BTreeMap<LayerNumber, u64> = BTreeMap::new();
        for node in nodes {
            self.taken[node.index()] = true;
            if let Some(copy) = self.input.rootfs.copy(*node) {
                *layers.entry(copy.layer()).or_default() += self.input.rootfs.index.entry(copy).size;
            }
        }
        layers.retain(|_, bytes| *bytes > 0);
        let most =
            layers.iter().max_by_key(|(layer, bytes)| (**bytes, Reverse(**layer))).map_or(0, |(layer, _)| layer.get());
        let id = format!("{}-{most}", draft.class.name());
        let alike =
            self.findings.iter().filter(|other| other.id == id || other.id.starts_with(&format!("{id}-"))).count();
        self.findings.push(Finding {
            id: if alike == 0 { id } else { format!("{id}-{}", alike + 1) },
            class: draft.class,
            confidence: draft.confidence,
            bytes,
            layers: layers.into_keys().collect(),
            in_base,
            title: draft.title.clone(),
            why: draft.why.clone(),
            evidence: draft.evidence.clone(),
            unless: draft.unless.clone(),
            advice: draft.advice.clone(),
            edits: Vec::new(),
            caveats: Vec::new(),
            owners: draft.owners.clone(),
            paths,
            start: nodes.iter().find_map(|node| self.needed.direct_start(*node)),
        });
    }

    /// Returns the topmost paths of which everything is in the set, none above the directories that the draft names.
    fn topmost(&self, nodes: &[NodeId], named: &[NodeId]) -> Vec<FindingPath> {
        let (rootfs, tree) = (self.input.rootfs, self.input.rootfs.tree());
        let named: HashSet<NodeId> = named.iter().copied().filter(|node| rootfs.is_directory(*node)).collect();
        let set: HashSet<NodeId> = nodes.iter().copied().collect();
        let mut whole: HashMap<NodeId, bool> = HashMap::new();
        let mut paths: BTreeMap<NodeId, u64> = BTreeMap::new();
        let mut counted = HashSet::new();
        for node in nodes {
            let mut top = *node;
            while let Some(parent) = tree.parent(top).filter(|parent| *parent != NodeId::ROOT && !named.contains(&top))
            {
                let is_whole = *whole.entry(parent).or_insert_with(|| self.is_whole(parent, &set));
                if !is_whole {
                    break;
                }
                top = parent;
            }
            let copy = rootfs.copy(*node).filter(|copy| counted.insert(*copy));
            *paths.entry(top).or_default() += copy.map_or(0, |copy| rootfs.index.entry(copy).size);
        }
        let mut paths: Vec<FindingPath> = paths.into_iter().map(|(node, bytes)| FindingPath { node, bytes }).collect();
        self.sort(&mut paths);
        paths
    }

    fn sort(&self, paths: &mut [FindingPath]) {
        paths.sort_by_cached_key(|path| (Reverse(path.bytes), self.input.rootfs.tree().path(path.node)));
    }

    /// Says whether everything below a directory is in the set. A directory of directories alone has nothing that could go.
    fn is_whole(&self, directory: NodeId, set: &HashSet<NodeId>) -> bool {
        let rootfs = self.input.rootfs;
        let mut waiting = vec![directory];
        while let Some(folder) = waiting.pop() {
            for node in rootfs.children(folder) {
                if rootfs.is_directory(node) {
                    waiting.push(node);
                } else if !set.contains(&node) {
                    return false;
                }
            }
        }
        true
    }

    /// Ends: the findings, the largest first.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        self.findings.sort_by(|one, other| {
            let key = |finding: &Finding| (Reverse(finding.bytes), finding.class, finding.id.clone());
            key(one).cmp(&key(other))
        });
        self.findings
    }
}
