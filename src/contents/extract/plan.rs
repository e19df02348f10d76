//! What is to be made for an extraction: found out before anything is written.

use std::collections::{HashMap, HashSet};
use std::path::{Component, PathBuf};

use super::{ImageState, Wanted, os_name};
use crate::analysis::Analysis;
use crate::escape::escape;
use crate::layer::entry::{Entry, EntryRef, Kind, NodeId};
use crate::merge::view::View;

/// One thing to make below the target, or the target itself.
#[derive(Debug)]
pub(super) struct PlannedItem {
    /// Components below the target.
    pub path: PathBuf,
    pub what: ItemKind,
}

#[derive(Debug)]
pub(super) enum ItemKind {
    Directory(u16),
    File(EntryRef, u16),
    Symlink(Vec<u8>),
    /// A further name of another item.
    Link(usize),
}

#[derive(Debug, Default)]
pub(super) struct ExtractionPlan {
    pub items: Vec<PlannedItem>,
    pub bytes: u64,
    pub files: u64,
    pub left_out: u64,
    pub dropped_bits: u64,
}

/// Bits that are kept.
pub(super) const PERMISSIONS: u16 = 0o777;
/// Directories that no entry describes.
const IMPLIED_MODE: u16 = 0o755;

/// Lists what is to be made, directories before their contents.
pub(super) fn plan(analysis: &Analysis, wanted: Wanted) -> Result<ExtractionPlan, String> {
    let index = &analysis.index;
    let tree = &index.tree;
    let shown = shown(analysis, wanted.state);
    let mut plan = ExtractionPlan::default();
    let mut first: HashMap<EntryRef, usize> = HashMap::new();
    let mut stack = vec![(wanted.node, PathBuf::new())];
    while let Some((node, path)) = stack.pop() {
        let (is_directory, entry) = match shown(node) {
            Shown::Nothing => continue,
            Shown::Implied => (true, None),
            Shown::Entry(entry) => (index.entry(entry).kind == Kind::Directory, Some(entry)),
        };
        for child in tree.children(node).filter(|_| is_directory) {
            stack.push((child, path.join(component(tree.name(child))?)));
        }
        match entry {
            Some(entry) => plan.add(analysis, path, entry, &mut first),
            None => plan.items.push(PlannedItem { path, what: ItemKind::Directory(IMPLIED_MODE) }),
        }
    }
    if plan.items.is_empty() { Err("nothing of it is there in this state of the image".to_owned()) } else { Ok(plan) }
}

/// What a state of the image has at a path.
enum Shown {
    Nothing,
    /// A directory that no entry describes.
    Implied,
    Entry(EntryRef),
}

fn shown(analysis: &Analysis, state: ImageState) -> Box<dyn Fn(NodeId) -> Shown + '_> {
    let index = &analysis.index;
    let layer = match state {
        ImageState::Layer(layer) => layer,
        ImageState::UpTo(layer_count) => {
            let view = View::of_layers(index, layer_count);
            return Box::new(move |node| match (view.slot(node).is_present(), view.slot(node).get()) {
                (false, _) => Shown::Nothing,
                (true, None) => Shown::Implied,
                (true, Some(entry)) => Shown::Entry(entry),
            });
        }
    };
    let at = |place| EntryRef { layer: u32::try_from(layer).unwrap_or(u32::MAX), index: place };
    let entries = (0u32..).zip(&index.layers[layer].entries).filter(|(_, entry)| entry.has(Entry::SHOWN));
    let own: HashMap<NodeId, EntryRef> = entries.map(|(place, entry)| (entry.node, at(place))).collect();
    let mut above: HashSet<NodeId> = HashSet::new();
    for node in own.keys() {
        let mut directory = index.tree.parent(*node);
        while let Some(next) = directory.filter(|next| above.insert(*next)) {
            directory = index.tree.parent(next);
        }
    }
    Box::new(move |node| match own.get(&node) {
        Some(entry) => Shown::Entry(*entry),
        None if above.contains(&node) => Shown::Implied,
        None => Shown::Nothing,
    })
}

impl ExtractionPlan {
    fn add(&mut self, analysis: &Analysis, path: PathBuf, at: EntryRef, first: &mut HashMap<EntryRef, usize>) {
        let index = &analysis.index;
        let Some(inode) = index.inode(at) else {
            self.left_out += 1;
            return;
        };
        let entry = index.entry(inode);
        let what = match entry.kind {
            Kind::Directory => ItemKind::Directory(entry.mode),
            Kind::Symlink => ItemKind::Symlink(index.extra(entry).link.to_vec()),
            Kind::File if !entry.has(Entry::SPARSE) => {
                if let Some(item) = first.get(&inode) {
                    ItemKind::Link(*item)
                } else {
                    first.insert(inode, self.items.len());
                    self.bytes += entry.size;
                    ItemKind::File(inode, entry.mode)
                }
            }
            _ => {
                self.left_out += 1;
                return;
            }
        };
        self.files += u64::from(!matches!(what, ItemKind::Directory(_)));
        if let ItemKind::Directory(mode) | ItemKind::File(_, mode) = what {
            self.dropped_bits += u64::from((mode & !PERMISSIONS).count_ones());
        }
        self.items.push(PlannedItem { path, what });
    }
}

/// Takes one name of the image for one name of the file system, or refuses it.
fn component(name: &[u8]) -> Result<PathBuf, String> {
    let path = os_name(name);
    let mut parts = path.components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(only)), None) if only == path.as_os_str() && !name.contains(&0) => Ok(path),
        _ => Err(format!("a directory cannot hold the name {}", escape(name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_directory() {
        for name in [&b".."[..], b".", b"", b"a/b", b"/etc", b"nul\0"] {
            assert!(component(name).is_err(), "{}", escape(name));
        }
        assert_eq!(component(b"..a"), Ok(PathBuf::from("..a")));
    }
}
