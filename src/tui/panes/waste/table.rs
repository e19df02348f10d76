//! The rows of the waste table: the image's waste groups, split where nothing but the root holds all of their records;
//! an open group shows its records.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::analysis::Analysis;
use crate::analysis::waste::Cause;
use crate::analysis::waste_groups::{WasteGroup, common_directory};
use crate::layer::entry::{LayerNumber, NodeId};
use crate::layer::tree::Tree;
use crate::tui::tree::{Sort, SortKey};

/// The records of one waste group below one directory.
#[derive(Debug, Clone)]
pub struct DirectoryGroup {
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
    groups: Vec<DirectoryGroup>,
    /// The order of rows.
    pub sort: Sort,
}

impl WasteTable {
    /// Splits the image's groups by directory, with only the records whose paths `wanted` accepts.
    #[must_use]
    pub fn new(analysis: &Analysis, waste: &[WasteGroup], sort: Sort, wanted: impl Fn(NodeId) -> bool) -> Self {
        let record = |place: &u32| &analysis.waste[*place as usize];
        let mut groups = Vec::new();
        for WasteGroup { stored_in, hidden_by, cause, records, .. } in waste {
            let records = records.iter().copied().filter(|place| wanted(record(place).node));
            for records in by_branch(analysis, records) {
                groups.push(DirectoryGroup {
                    stored_in: *stored_in,
                    hidden_by: *hidden_by,
                    cause: *cause,
                    top: common_directory(&analysis.index.tree, records.iter().map(|place| record(place).node)),
                    bytes: records.iter().map(|place| record(place).bytes).sum(),
                    records,
                    is_open: false,
                });
            }
        }
        let mut table = WasteTable { groups, sort };
        table.set_sort(analysis, sort);
        table
    }

    /// Returns a group.
    #[must_use]
    pub fn group(&self, place: usize) -> &DirectoryGroup {
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
        self.groups.iter().map(DirectoryGroup::row_count).sum()
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
        self.groups[..place].iter().map(DirectoryGroup::row_count).sum()
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

impl DirectoryGroup {
    fn row_count(&self) -> usize {
        1 + if self.is_open { self.records.len() } else { 0 }
    }
}

fn path(analysis: &Analysis, node: NodeId) -> Vec<u8> {
    analysis.index.tree.path(node)
}

/// Splits records that have nothing but the root in common by what is directly below it.
fn by_branch(analysis: &Analysis, records: impl Iterator<Item = u32>) -> Vec<Vec<u32>> {
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
