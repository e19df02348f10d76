//! Two images, held against each other path by path: what a container sees in them must be the same.
//!
//! Compared are kind, size, mode, owner, link target, device, attributes, and which names are one file; of files also the time
//! and the content, by hash where both are hashed and by reading where not. A layer that both images have is not read.
//! Left out are the times of directories, which follow what is written into them, everything about a directory that no entry
//! describes, and links to nothing.

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::{Removal, gone};
use crate::analysis::{Analysis, Layer};
use crate::error::Result;
use crate::escape::escape;
use crate::layer::entry::{Entry, EntryRef, Kind, NodeId, Slot};
use crate::merge::identity::{self, Pair};
use crate::merge::view::View;

/// Finds the first path at which two images show something different, and says what; nothing where they show the same. What
/// is removed must be missing in the new one.
///
/// # Errors
/// Where a layer cannot be read again.
pub fn difference(old: &Analysis, new: &Analysis, removal: &Removal) -> Result<Option<String>> {
    let mut proof =
        Proof { removal, old: Side::new(old), new: Side::new(new), same: HashMap::new(), waiting: Vec::new() };
    if let Some((node, what)) = proof.walk()? {
        return Ok(Some(format!("{}: {what}", escape(&node))));
    }
    // In the order of the file that is read.
    proof.waiting.sort_by_key(|waiting| waiting.new);
    let pairs: Vec<Pair> = proof.waiting.iter().map(|waiting| waiting.pair.clone()).collect();
    let verdicts = identity::are_same(&pairs)?;
    let other = proof.waiting.iter().zip(verdicts).filter(|(_, is_same)| !is_same).map(|(waiting, _)| waiting.node);
    let first = other.map(|node| old.index.tree.path(node)).min();
    Ok(first.map(|path| format!("{}: other content", escape(&path))))
}

/// One of the images.
struct Side<'a> {
    image: &'a Analysis,
    view: View,
    /// Inodes that have several names.
    linked: HashSet<EntryRef>,
}

impl<'a> Side<'a> {
    fn new(image: &'a Analysis) -> Self {
        let index = &image.index;
        let mut linked = HashSet::new();
        for (layer, entries) in (0..).zip(&index.layers) {
            for (place, _) in (0..).zip(&entries.entries).filter(|(_, entry)| entry.kind == Kind::HardLink) {
                linked.extend(index.inode(EntryRef { layer, index: place }));
            }
        }
        Side { image, view: View::of_layers(index, index.layers.len()), linked }
    }

    fn shown_children(&self, node: NodeId) -> Vec<NodeId> {
        self.image.index.tree.children(node).filter(|child| self.view.slot(*child).is_present()).collect()
    }

    fn layer(&self, at: EntryRef) -> &Layer {
        &self.image.layers[at.layer().index()]
    }
}

/// Contents that are still to be compared.
struct Waiting {
    node: NodeId,
    new: EntryRef,
    pair: Pair,
}

struct Proof<'a> {
    removal: &'a Removal,
    old: Side<'a>,
    new: Side<'a>,
    /// For each inode with several names, which one it is in the new image.
    same: HashMap<(bool, EntryRef), EntryRef>,
    waiting: Vec<Waiting>,
}

impl Proof<'_> {
    /// Goes through both images; returns the first path, in the order of a walk, that differs without its content being read.
    fn walk(&mut self) -> Result<Option<(Vec<u8>, String)>> {
        let mut waiting: Vec<(NodeId, NodeId)> = vec![(NodeId::ROOT, NodeId::ROOT)];
        while let Some((old, new)) = waiting.pop() {
            if let Some(what) = self.compare(old, new)? {
                return Ok(Some((self.old.image.index.tree.path(old), what)));
            }
            let (mut olds, news) = (self.old.shown_children(old), self.new.shown_children(new));
            olds.retain(|node| !self.removal.has(*node));
            let (old_tree, new_tree) = (&self.old.image.index.tree, &self.new.image.index.tree);
            let differs = olds.iter().zip(&news).find(|(a, b)| old_tree.name(**a) != new_tree.name(**b));
            let unpaired = match differs {
                Some((a, b)) if old_tree.name(*a) < new_tree.name(*b) => Some((old_tree.path(*a), "is missing")),
                Some((_, b)) => Some((new_tree.path(*b), "is there, and was not")),
                None if olds.len() > news.len() => Some((old_tree.path(olds[news.len()]), "is missing")),
                None => news.get(olds.len()).map(|b| (new_tree.path(*b), "is there, and was not")),
            };
            if let Some((path, what)) = unpaired {
                return Ok(Some((path, what.to_owned())));
            }
            waiting.extend(olds.into_iter().zip(news).rev());
        }
        Ok(None)
    }

    /// Says what differs at a path, the content of files aside.
    fn compare(&mut self, old: NodeId, new: NodeId) -> Result<Option<String>> {
        let slots = (self.old.view.slot(old), self.new.view.slot(new));
        if slots.0.is_directory() != slots.1.is_directory() {
            return Ok(Some("another kind".to_owned()));
        }
        let (Some(old_at), Some(new_at)) = (self.inode(slots.0, true), self.inode(slots.1, false)) else {
            return Ok(None);
        };
        if let Some(what) = self.differing(old_at, new_at) {
            return Ok(Some(what.to_owned()));
        }
        let (is_old, is_new) = (self.old.linked.contains(&old_at), self.new.linked.contains(&new_at));
        if (is_old || is_new)
            && (*self.same.entry((true, old_at)).or_insert(new_at) != new_at
                || *self.same.entry((false, new_at)).or_insert(old_at) != old_at)
        {
            return Ok(Some("another file's name".to_owned()));
        }
        self.compare_content(old, old_at, new_at)
    }

    fn inode(&self, slot: Slot, is_old: bool) -> Option<EntryRef> {
        let side = if is_old { &self.old } else { &self.new };
        side.image.index.inode(slot.get()?)
    }

    fn differing(&self, old_at: EntryRef, new_at: EntryRef) -> Option<&'static str> {
        let (old_index, new_index) = (&self.old.image.index, &self.new.image.index);
        let (old, new) = (old_index.entry(old_at), new_index.entry(new_at));
        let (old_extra, new_extra) = (old_index.extra(old), new_index.extra(new));
        // The mode of a symlink means nothing.
        let has_mode = old.kind != Kind::Symlink;
        let checks = [
            (old.kind == new.kind, "another kind"),
            (old.size == new.size, "another size"),
            (!has_mode || old.mode == new.mode, "another mode"),
            (old_index.owner(old) == new_index.owner(new), "another owner"),
            (old.kind != Kind::File || old.mtime == new.mtime, "another time"),
            (old.kind != Kind::Symlink || old_extra.link == new_extra.link, "another target"),
            (old_extra.device == new_extra.device, "another device"),
            (old_extra.xattrs == new_extra.xattrs, "other attributes"),
        ];
        checks.into_iter().find(|(is_same, _)| !is_same).map(|(_, what)| what)
    }

    fn compare_content(&mut self, node: NodeId, old_at: EntryRef, new_at: EntryRef) -> Result<Option<String>> {
        let (old, new) = (self.old.image.index.entry(old_at), self.new.image.index.entry(new_at));
        if old.kind != Kind::File || old.size == 0 || self.is_of_one_layer(old_at, new_at) {
            return Ok(None);
        }
        if old.has(Entry::HASHED) && new.has(Entry::HASHED) {
            return Ok((old.id != new.id).then(|| "other content".to_owned()));
        }
        let (old_side, new_side) = (&self.old, &self.new);
        let pair = Pair::new(
            (&old_side.image.index, &old_side.layer(old_at).blob, old_at),
            (&new_side.image.index, &new_side.layer(new_at).blob, new_at),
        );
        let pair = pair.ok_or_else(gone)?;
        self.waiting.push(Waiting { node, new: new_at, pair });
        Ok(None)
    }

    /// Says whether it is the same member of the same layer.
    fn is_of_one_layer(&self, old_at: EntryRef, new_at: EntryRef) -> bool {
        let (old, new) = (self.old.layer(old_at), self.new.layer(new_at));
        old_at.index == new_at.index && old.diff_id.is_some() && old.diff_id == new.diff_id
    }
}
