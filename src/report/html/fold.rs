//! A tree of paths, folded until it fits on a page: what weighs most is opened first, the rest of each folder is summed
//! up.
//!
//! Nothing is lost from the sums: what an item holds is always the sum of what stands below it. A folder that holds
//! nothing but another is shown as one item with it (`usr/lib`).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::markup::Html;
use crate::analysis::weights::{Weight, Weights};
use crate::escape::escape;
use crate::layer::entry::NodeId;
use crate::layer::tree::Tree;
use crate::report::words::cut_middle;

/// One line of the tree.
#[derive(Debug)]
pub(super) struct Item {
    /// Its name, escaped for people, not yet for HTML.
    pub name: String,
    /// What it is.
    pub kind: ItemKind,
    /// What it holds.
    pub weight: Weight,
    /// The items below it, in the same list; none where it is a file, or stays closed.
    pub children: Range<usize>,
}

/// What a line of the tree shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemKind {
    /// A path, maybe with others below it.
    Path(NodeId),
    /// The copies at a path that other paths are below of: it was a file as well.
    Itself,
    /// Lighter paths of the same folder, so many.
    Others(usize),
}

/// How many paths of one folder are shown.
const MOST_CHILDREN: usize = 48;
/// How deep folders are opened: browsers stop at 512 nested elements.
const MOST_DEPTH: u32 = 60;
/// How wide a name is at most, in columns.
const NAME_WIDTH: usize = 72;
/// How many bytes of HTML a tree may have.
const ROOM: usize = 300_000;
/// What an item costs beside its name.
const ITEM_ROOM: usize = 330;

/// Returns the items; the first is the root.
pub(super) fn fold(tree: &Tree, weights: &Weights) -> Vec<Item> {
    let root = Item {
        name: "/".to_owned(),
        kind: ItemKind::Path(NodeId::ROOT),
        weight: weights.of(NodeId::ROOT),
        children: 0..0,
    };
    let mut folder = Folder { tree, weights, items: vec![root], room: ROOM };
    let mut waiting = BinaryHeap::from([(u64::MAX, Reverse(0), 0)]);
    while let Some((_, Reverse(at), depth)) = waiting.pop() {
        if !folder.open(at) {
            break;
        }
        if depth < MOST_DEPTH {
            let children = folder.items[at].children.clone();
            waiting.extend(children.map(|child| (folder.items[child].weight.bytes, Reverse(child), depth + 1)));
        }
    }
    folder.items
}

struct Folder<'a> {
    tree: &'a Tree,
    weights: &'a Weights,
    items: Vec<Item>,
    room: usize,
}

impl Folder<'_> {
    /// Adds the items below an item; says whether there was room.
    fn open(&mut self, at: usize) -> bool {
        let ItemKind::Path(node) = self.items[at].kind else { return true };
        let children = self.children(node);
        let cost: usize = children.iter().map(|item| Html(&item.name).to_string().len() + ITEM_ROOM).sum();
        let Some(room) = self.room.checked_sub(cost) else { return false };
        self.room = room;
        let start = self.items.len();
        self.items.extend(children);
        self.items[at].children = start..self.items.len();
        true
    }

    /// Returns the items of a folder, heaviest first, then by name; what is summed up stands last.
    fn children(&self, node: NodeId) -> Vec<Item> {
        let bytes = |node: &NodeId| self.weights.of(*node).bytes;
        let mut nodes: Vec<NodeId> = self.tree.children(node).filter(|child| bytes(child) > 0).collect();
        if nodes.is_empty() {
            return Vec::new();
        }
        // Siblings come in the order of their names, and the sort is stable.
        nodes.sort_by_key(|child| Reverse(bytes(child)));
        let most = if nodes.len() > MOST_CHILDREN { MOST_CHILDREN - 1 } else { nodes.len() };
        let (shown, others) = nodes.split_at(most);
        let mut items: Vec<Item> = shown.iter().map(|child| self.path(*child)).collect();
        let itself = self.itself(node, &nodes);
        if itself.bytes > 0 {
            items.push(item("(the path itself)".to_owned(), ItemKind::Itself, itself));
        }
        if !others.is_empty() {
            let name = format!("{} others", others.len());
            items.push(item(name, ItemKind::Others(others.len()), self.sum(others)));
        }
        items
    }

    /// Returns a path as an item, with what it alone holds.
    fn path(&self, node: NodeId) -> Item {
        let weight = self.weights.of(node);
        let (mut last, mut name) = (node, escape(self.tree.name(node)));
        while let Some(only) = self.tree.children(last).find(|child| self.weights.of(*child) == weight) {
            last = only;
            name.push('/');
            name.push_str(&escape(self.tree.name(only)));
            if name.len() > 4 * NAME_WIDTH {
                break;
            }
        }
        item(cut_middle(&name, NAME_WIDTH), ItemKind::Path(last), weight)
    }

    fn itself(&self, node: NodeId, weighty: &[NodeId]) -> Weight {
        let (whole, below) = (self.weights.of(node), self.sum(weighty));
        Weight { bytes: whole.bytes - below.bytes, copies: whole.copies - below.copies }
    }

    fn sum(&self, nodes: &[NodeId]) -> Weight {
        nodes.iter().map(|node| self.weights.of(*node)).fold(Weight::default(), |sum, weight| Weight {
            bytes: sum.bytes + weight.bytes,
            copies: sum.copies + weight.copies,
        })
    }
}

fn item(name: String, kind: ItemKind, weight: Weight) -> Item {
    Item { name, kind, weight, children: 0..0 }
}
