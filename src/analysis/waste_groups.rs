//! Waste records by the pair of layers and the cause they share: what the tables of waste in reports and on the screen
//! are made of. Grouped here once, so that all of them show the same groups in the same order.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::Analysis;
use super::waste::{Cause, WasteRecord};
use crate::layer::entry::{LayerNumber, NodeId};
use crate::layer::tree::Tree;

/// The records of one cause between one pair of layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WasteGroup {
    /// The layer that stores the copies.
    pub stored_in: LayerNumber,
    /// The layer that hid them.
    pub hidden_by: LayerNumber,
    /// Why they can no longer be read.
    pub cause: Cause,
    /// The sum of their content bytes, uncompressed.
    pub bytes: u64,
    /// Their places in [`Analysis::waste`], ascending: largest first.
    pub records: Vec<u32>,
}

/// What the records of a group have in common.
type GroupKey = (LayerNumber, LayerNumber, Cause);

impl WasteGroup {
    fn key(&self) -> GroupKey {
        (self.stored_in, self.hidden_by, self.cause)
    }
}

impl Analysis {
    /// Returns the waste records in groups, largest first, then by storing layer, hiding layer and cause. Costs the records.
    #[must_use]
    pub fn waste_groups(&self) -> Vec<WasteGroup> {
        groups(&self.waste)
    }
}

fn groups(waste: &[WasteRecord]) -> Vec<WasteGroup> {
    let mut groups: Vec<WasteGroup> = Vec::new();
    let mut known: HashMap<GroupKey, usize> = HashMap::new();
    // Neighbours often belong together, which saves the look-up.
    let mut at = 0;
    for (place, record) in (0u32..).zip(waste) {
        let key = (record.stored_in, record.hidden_by, record.cause);
        if groups.get(at).is_none_or(|group| group.key() != key) {
            at = *known.entry(key).or_insert_with(|| {
                let (stored_in, hidden_by, cause) = key;
                groups.push(WasteGroup { stored_in, hidden_by, cause, bytes: 0, records: Vec::new() });
                groups.len() - 1
            });
        }
        groups[at].bytes += record.bytes;
        groups[at].records.push(place);
    }
    groups.sort_by_key(|group| (Reverse(group.bytes), group.key()));
    groups
}

/// Returns the deepest path that is, or holds, all of `nodes`; the root for none.
///
/// A directory's number is lower than those of its contents.
#[must_use]
pub fn common_directory(tree: &Tree, nodes: impl IntoIterator<Item = NodeId>) -> NodeId {
    let above = |node: NodeId| tree.parent(node).unwrap_or(NodeId::ROOT);
    let common = nodes.into_iter().reduce(|mut left, mut right| {
        while left != right {
            let deeper = if left > right { &mut left } else { &mut right };
            *deeper = above(*deeper);
        }
        left
    });
    common.unwrap_or(NodeId::ROOT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::entry::{EntryRef, Slot};
    use crate::layer::tree::Cursor;

    fn record(stored_in: usize, hidden_by: usize, cause: Cause, bytes: u64) -> WasteRecord {
        WasteRecord {
            copy: EntryRef { layer: 0, index: 0 },
            node: NodeId::ROOT,
            bytes,
            wire_bytes: None,
            stored_in: LayerNumber::from_index(stored_in),
            hidden_by: LayerNumber::from_index(hidden_by),
            cause,
            shown_instead: Slot::ABSENT,
        }
    }

    #[test]
    fn records_are_grouped_by_layers_and_cause_largest_first() {
        let waste = [
            record(0, 1, Cause::Deleted, 50),
            record(0, 2, Cause::Deleted, 40),
            record(0, 1, Cause::Metadata, 30),
            record(0, 2, Cause::Deleted, 30),
            record(0, 1, Cause::Deleted, 20),
        ];
        let found: Vec<_> = groups(&waste).into_iter().map(|group| (group.cause, group.bytes, group.records)).collect();
        let expected =
            [(Cause::Deleted, 70, vec![0, 4]), (Cause::Deleted, 70, vec![1, 3]), (Cause::Metadata, 30, vec![2])];
        assert_eq!(found, expected);
        assert!(groups(&[]).is_empty());
    }

    #[test]
    fn the_common_directory_is_the_deepest_that_holds_all() {
        let (mut tree, mut cursor) = (Tree::default(), Cursor::default());
        let paths = ["app/a/x", "app/a/y", "app/b", "etc"];
        let nodes: Vec<NodeId> =
            paths.iter().map(|path| tree.insert(&mut cursor, path.as_bytes()).expect("small")).collect();
        let common = |nodes: &[NodeId]| tree.path(common_directory(&tree, nodes.iter().copied()));
        assert_eq!(common(&nodes[..2]), b"/app/a");
        assert_eq!(common(&nodes[..3]), b"/app");
        assert_eq!(common(&nodes), b"/");
        assert_eq!(common(&nodes[3..]), b"/etc");
        assert_eq!(common(&[]), b"/");
    }
}
