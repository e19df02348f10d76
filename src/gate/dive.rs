//! What a `.dive-ci` asks for, judged by the numbers that dive itself would show.
//!
//! dive adds up paths, not copies: a path that two or more layers have (a whiteout counts as having it) is inefficient
//! with the sum of all its sizes, the copy that survives among them; a deleted directory weighs what was below it. Its
//! efficiency is the smallest size of each path by the sum of all, its user waste all of that by the size of every layer
//! but the first. So its numbers differ from ours, and only these rules are judged by them: rules of our own always go by
//! our own.
//!
//! What dive does in odd archives is followed as far as its numbers depend on it: directories that only their contents
//! imply weigh nothing when they are deleted, opaque directories hide nothing, and a whiteout of a path that is not there
//! ends the reading of its layer. One thing is not: that it takes names which sort before `.wh.` before the whiteouts.

use super::verdict::{Actual, Judged};
use crate::analysis::Analysis;
use crate::layer::entry::{Kind, NodeId};
use crate::layer::index::LayerEntries;
use crate::layer::tree::Tree;

/// The rules of a `.dive-ci`; none of them is set where the file disables it.
#[derive(Debug, Clone, PartialEq)]
pub struct DiveRules {
    /// The file, for people.
    pub source: String,
    /// Smallest efficiency, 0 to 1.
    pub lowest_efficiency: Option<Set<f64>>,
    /// Most wasted bytes.
    pub highest_wasted_bytes: Option<Set<u64>>,
    /// Most waste as a share of the user's bytes, 0 to 1.
    pub highest_user_wasted_percent: Option<Set<f64>>,
}

/// A limit, and how it was typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Set<T> {
    /// What is compared.
    pub value: T,
    /// What is shown.
    pub text: String,
}

/// The numbers that dive shows of an image.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DiveNumbers {
    /// Smallest sizes by all sizes.
    pub efficiency: f64,
    /// All sizes of the paths that more than one layer has.
    pub wasted_bytes: u64,
    /// Those by the bytes of all layers but the first: infinite where these are none, and above 1 where most of the waste
    /// is in the first. Not a number where both are nothing; that breaks no rule.
    pub user_wasted_share: f64,
}

impl DiveRules {
    pub(super) fn judge(&self, analysis: &Analysis) -> Vec<Judged> {
        let numbers = DiveNumbers::of(analysis);
        let totals = &analysis.totals;
        let ours = |what: String| Some(format!("as dive counts; layerlens: {what}"));
        let judged = |rule, limit: &str, actual, passed, about| Judged {
            rule,
            limit: limit.to_owned(),
            warn: None,
            actual,
            before: None,
            layer: None,
            about,
            passed,
            warned: false,
        };
        let efficiency = self.lowest_efficiency.as_ref().map(|limit| {
            let passed = numbers.efficiency >= limit.value;
            let about = ours(format!("{:.4}", totals.efficiency()));
            judged("lowestEfficiency", &limit.text, Actual::Share(numbers.efficiency), passed, about)
        });
        let wasted = self.highest_wasted_bytes.as_ref().map(|limit| {
            let actual = numbers.wasted_bytes;
            let excess = actual.saturating_sub(limit.value);
            let about = ours(format!("{} bytes", totals.wasted_bytes));
            judged("highestWastedBytes", &limit.text, Actual::Bytes { actual, excess }, excess == 0, about)
        });
        let user = self.highest_user_wasted_percent.as_ref().map(|limit| {
            let share = numbers.user_wasted_share;
            let own = match totals.user_stored_bytes {
                0 => 0.0,
                stored => crate::analysis::ratio(totals.user_wasted_bytes(), stored),
            };
            let actual = if share.is_finite() { Actual::Share(share) } else { Actual::Unknown };
            // Not a number is not above the limit.
            let passed = share.is_nan() || share <= limit.value;
            judged("highestUserWastedPercent", &limit.text, actual, passed, ours(format!("{own:.4}")))
        });
        [efficiency, wasted, user].into_iter().flatten().collect()
    }

    /// Says why these numbers are not ours.
    pub(super) fn note(&self) -> String {
        format!(
            "{} is judged by dive's own count: it adds up every copy of a path that more than one layer has, the one \
             that survives too, and takes user waste as all of that by the size of all layers but the first; layerlens \
             counts the bytes that nobody can read",
            self.source
        )
    }
}

/// What dive knows of a path.
#[derive(Clone, Copy, Default)]
struct PathSum {
    sum: u64,
    least: u64,
    count: u32,
}

/// What stands at a path of dive's merged tree.
#[derive(Clone, Copy, Default)]
struct Stacked {
    is_there: bool,
    is_directory: bool,
    size: u64,
}

struct Reader<'a> {
    tree: &'a Tree,
    paths: Vec<PathSum>,
    stacked: Vec<Stacked>,
}

impl DiveNumbers {
    /// Counts as dive does. Costs all entries and paths.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "dive compares ratios of floating point")]
    pub fn of(analysis: &Analysis) -> Self {
        let tree = &analysis.index.tree;
        let (paths, stacked) = (vec![PathSum::default(); tree.len()], vec![Stacked::default(); tree.len()]);
        let mut reader = Reader { tree, paths, stacked };
        for (at, layer) in analysis.index.layers.iter().enumerate() {
            let own = reader.own_tree(layer);
            // The first layer is its own lower layer.
            if at == 0 {
                reader.stack(layer, &own);
            }
            reader.count(layer, &own);
            if at > 0 {
                reader.stack(layer, &own);
            }
        }
        let known = || reader.paths.iter().filter(|path| path.count > 0);
        let all = known().fold(0u64, |sum, path| sum.saturating_add(path.sum));
        let least = known().fold(0u64, |sum, path| sum.saturating_add(path.least));
        let wasted_bytes = known().filter(|path| path.count > 1).fold(0u64, |sum, path| sum.saturating_add(path.sum));
        let user: u64 = analysis.layers.iter().skip(1).fold(0, |sum, layer| sum.saturating_add(layer.stored_bytes));
        DiveNumbers {
            efficiency: if all == 0 { 1.0 } else { least as f64 / all as f64 },
            wasted_bytes,
            user_wasted_share: wasted_bytes as f64 / user as f64,
        }
    }
}

/// A path of one layer's tree: the entry, if there is one; otherwise a directory that something else implies.
type Own = Vec<(NodeId, Option<Stacked>)>;

impl Reader<'_> {
    /// Returns the paths of one layer, each once, parents before children; whiteouts apart.
    fn own_tree(&self, layer: &LayerEntries) -> Own {
        let mut own = std::collections::BTreeMap::new();
        for node in
            layer.whiteouts.iter().filter_map(|node| self.tree.parent(*node)).chain(layer.opaque.iter().copied())
        {
            own.entry(node).or_insert(None);
        }
        for entry in &layer.entries {
            let is_directory = entry.kind == Kind::Directory;
            own.insert(entry.node, Some(Stacked { is_there: true, is_directory, size: entry.size }));
        }
        let mut implied = Vec::new();
        for node in own.keys() {
            let mut above = self.tree.parent(*node);
            while let Some(node) = above.filter(|node| !own.contains_key(node)) {
                implied.push((node, None));
                above = self.tree.parent(node);
            }
        }
        own.extend(implied);
        own.remove(&NodeId::ROOT);
        own.into_iter().collect()
    }

    /// Adds up the leaves of a layer's tree, in the order of its walk, until a whiteout names nothing.
    fn count(&mut self, layer: &LayerEntries, own: &Own) {
        let mut has_children = vec![false; self.tree.len()];
        for node in own.iter().map(|(node, _)| node).chain(&layer.whiteouts) {
            if let Some(parent) = self.tree.parent(*node) {
                has_children[parent.index()] = true;
            }
        }
        let is_dangling = |node: &&NodeId| !self.stacked[node.index()].is_there;
        let end = layer.whiteouts.iter().filter(is_dangling).map(|node| self.walk_key(*node, true)).min();
        let is_read =
            |reader: &Self, node, is_whiteout| end.as_ref().is_none_or(|end| reader.walk_key(node, is_whiteout) < *end);
        for node in &layer.whiteouts {
            if is_read(self, *node, true) {
                self.add(*node, self.deleted_size(*node));
            }
        }
        for (node, entry) in own.iter().filter(|(node, _)| !has_children[node.index()]) {
            if is_read(self, *node, false) {
                self.add(*node, entry.map_or(0, |entry| entry.size));
            }
        }
    }

    /// Returns what sorts like the places of leaves in dive's walk: directories by the bytes of their children's names, a
    /// whiteout by the name that it has in the archive.
    fn walk_key(&self, node: NodeId, is_whiteout: bool) -> Vec<u8> {
        let mut key = self.tree.path(node);
        if is_whiteout {
            let name = key.len() - self.tree.name(node).len();
            key.splice(name..name, *b".wh.");
        }
        for byte in &mut key {
            *byte = if *byte == b'/' { 0 } else { *byte };
        }
        key
    }

    fn add(&mut self, node: NodeId, size: u64) {
        let path = &mut self.paths[node.index()];
        path.least = if path.count == 0 { size } else { path.least.min(size) };
        path.sum = path.sum.saturating_add(size);
        path.count += 1;
    }

    /// Returns what a whiteout weighs: nothing, or all that was below a directory.
    fn deleted_size(&self, node: NodeId) -> u64 {
        if !self.stacked[node.index()].is_directory {
            return 0;
        }
        self.below(node).map(|node| self.stacked[node.index()].size).fold(0, u64::saturating_add)
    }

    /// Returns the node and everything that is there below it.
    fn below(&self, top: NodeId) -> impl Iterator<Item = NodeId> {
        let mut waiting = vec![top];
        std::iter::from_fn(move || {
            let node = waiting.pop()?;
            waiting.extend(self.tree.children(node).filter(|child| self.stacked[child.index()].is_there));
            Some(node)
        })
    }

    /// Puts a layer on top of what is there: its own paths come to stand over lower ones, whose children stay.
    fn stack(&mut self, layer: &LayerEntries, own: &Own) {
        for node in &layer.whiteouts {
            let gone: Vec<NodeId> = self.below(*node).collect();
            for node in gone {
                self.stacked[node.index()] = Stacked::default();
            }
        }
        for (node, entry) in own {
            self.stacked[node.index()] = entry.unwrap_or(Stacked { is_there: true, ..Stacked::default() });
        }
    }
}
