//! The rows of the waste table: records of one cause between one pair of layers, by the directory they have in common;
//! an open group shows its records.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::tree::{Sort, SortKey};
use crate::analysis::Analysis;
use crate::analysis::waste::Cause;
use crate::layer::entry::{LayerNumber, NodeId};
use crate::layer::tree::Tree;

/// Records that have cause, layers and directory in common.
#[derive(Debug, Clone)]
pub struct Group {
    /// The layer that stores them.
    pub stored_in: LayerNumber,
    /// The layer that hid them.
    pub hidden_by: LayerNumber,
    /// Why.
    pub cause: Cause,
    /// The deepest directory that holds all of them; the file itself where there is one record.
    pub top: NodeId,
    /// Their bytes.
    pub bytes: u64,
    /// Their places among the image's waste records.
    pub records: Vec<u32>,
    /// Whether the records are rows.
    pub is_open: bool,
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WasteRow {
    /// A group, by its place.
    Group(usize),
    /// A record of a group: the group's place, the record's among the image's.
    Record(usize, usize),
}

/// The waste table.
#[derive(Debug, Default)]
pub struct WasteTable {
    groups: Vec<Group>,
    /// The order of rows.
    pub sort: Sort,
}

impl WasteTable {
    /// Groups the records that `wanted` takes.
    #[must_use]
    pub fn new(analysis: &Analysis, sort: Sort, wanted: impl Fn(NodeId) -> bool) -> Self {
        let tree = &analysis.index.tree;
        let mut pairs: HashMap<(LayerNumber, LayerNumber, Cause), Vec<u32>> = HashMap::new();
        for (place, record) in (0u32..).zip(&analysis.waste) {
            if wanted(record.node) {
                pairs.entry((record.stored_in, record.hidden_by, record.cause)).or_default().push(place);
            }
        }
        let mut groups = Vec::new();
        for ((stored_in, hidden_by, cause), records) in pairs {
            for records in by_branch(analysis, records) {
                let top = common(tree, records.iter().map(|place| analysis.waste[*place as usize].node));
                let bytes = records.iter().map(|place| analysis.waste[*place as usize].bytes).sum();
                groups.push(Group { stored_in, hidden_by, cause, top, bytes, records, is_open: false });
            }
        }
        let mut table = WasteTable { groups, sort };
        table.set_sort(analysis, sort);
        table
    }

    /// Returns a group.
    #[must_use]
    pub fn group(&self, place: usize) -> &Group {
        &self.groups[place]
    }

    /// Returns the number of groups.
    #[must_use]
    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// Returns the bytes of all groups.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.groups.iter().map(|group| group.bytes).sum()
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.groups.iter().map(Group::row_count).sum()
    }

    /// Returns at most `height` rows from `first` on. Costs the rows and the groups.
    #[must_use]
    pub fn rows(&self, first: usize, height: usize) -> Vec<WasteRow> {
        let mut rows = Vec::with_capacity(height);
        let mut start = 0;
        for (place, group) in self.groups.iter().enumerate() {
            let count = group.row_count();
            for row in first.max(start)..(start + count).min(first + height) {
                rows.push(match (row - start).checked_sub(1) {
                    None => WasteRow::Group(place),
                    Some(record) => WasteRow::Record(place, group.records[record] as usize),
                });
            }
            start += count;
        }
        rows
    }

    /// Returns the row of a group.
    #[must_use]
    pub fn row_of_group(&self, place: usize) -> usize {
        self.groups[..place].iter().map(Group::row_count).sum()
    }

    /// Opens or closes a group. One record needs no rows of its own.
    pub fn set_open(&mut self, place: usize, open: bool) {
        if self.groups[place].records.len() > 1 {
            self.groups[place].is_open = open;
        }
    }

    /// Sorts groups, and the records in them.
    pub fn set_sort(&mut self, analysis: &Analysis, sort: Sort) {
        self.sort = sort;
        // Records come from the analysis by size, then by path: a stable sort keeps that as the tie-break.
        self.groups.sort_by(|a, b| {
            let order = match sort.key {
                SortKey::Name => path(analysis, a.top).cmp(&path(analysis, b.top)),
                SortKey::Layer => (a.hidden_by, a.stored_in).cmp(&(b.hidden_by, b.stored_in)),
                _ => b.bytes.cmp(&a.bytes),
            };
            let order = if sort.reversed { order.reverse() } else { order };
            order.then_with(|| {
                (Reverse(a.bytes), a.top, a.stored_in, a.hidden_by, a.cause).cmp(&(
                    Reverse(b.bytes),
                    b.top,
                    b.stored_in,
                    b.hidden_by,
                    b.cause,
                ))
            })
        });
        for group in &mut self.groups {
            group.records.sort_unstable();
            if sort.key == SortKey::Name {
                group.records.sort_by_cached_key(|place| path(analysis, analysis.waste[*place as usize].node));
            }
            if sort.reversed {
                group.records.reverse();
            }
        }
    }
}

impl Group {
    fn row_count(&self) -> usize {
        1 + if self.is_open { self.records.len() } else { 0 }
    }
}

fn path(analysis: &Analysis, node: NodeId) -> Vec<u8> {
    analysis.index.tree.path(node)
}

/// Splits records that have nothing but the root in common by what is directly below it.
fn by_branch(analysis: &Analysis, records: Vec<u32>) -> Vec<Vec<u32>> {
    let tree = &analysis.index.tree;
    let mut branches: Vec<(NodeId, Vec<u32>)> = Vec::new();
    let mut places: HashMap<NodeId, usize> = HashMap::new();
    for place in records {
        let branch = branch(tree, analysis.waste[place as usize].node);
        let at = *places.entry(branch).or_insert_with(|| {
            branches.push((branch, Vec::new()));
            branches.len() - 1
        });
        branches[at].1.push(place);
    }
    branches.into_iter().map(|(_, records)| records).collect()
}

fn branch(tree: &Tree, node: NodeId) -> NodeId {
    let mut node = node;
    while let Some(parent) = tree.parent(node).filter(|parent| *parent != NodeId::ROOT) {
        node = parent;
    }
    node
}

/// Returns the deepest path that is, or holds, all of `nodes`. A parent's number is lower than its contents'.
fn common(tree: &Tree, nodes: impl Iterator<Item = NodeId>) -> NodeId {
    let above = |node: NodeId| tree.parent(node).unwrap_or(NodeId::ROOT);
    nodes
        .reduce(|a, b| {
            let (mut a, mut b) = (a, b);
            while a != b {
                if a > b {
                    a = above(a);
                } else {
                    b = above(b);
                }
            }
            a
        })
        .unwrap_or(NodeId::ROOT)
}
