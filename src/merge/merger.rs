//! Applies the layers one by one and notes what each did: changes, deletions, copies that lost their last name.

use super::identity::{self, Verdict};
use super::view::View;
use crate::error::{Error, Place, Result, Warning, WarningCode, Warnings};
use crate::layer::entry::{Entry, EntryRef, Kind, LayerNumber, NodeId, Slot};
use crate::layer::index::Index;
use crate::layer::tree::Tree;
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

/// What one layer does to the view of the layers below it. What it adds and changes stands in its entries.
#[derive(Debug, Default, Clone)]
pub struct LayerEffect {
    /// The topmost paths that it deletes, in no order.
    pub deleted: Vec<Deleted>,
    /// Directories that exist from here on only because something below them does.
    pub implied: Vec<NodeId>,
    /// The same, where the lower view shows something that is no directory.
    pub implied_over: Vec<(NodeId, EntryRef)>,
    /// Paths that the lower view does not show, but this one does.
    pub added_count: u64,
    /// Paths that both show and the layer stores again.
    pub changed_count: u64,
}

/// A path that a layer deletes, below a directory that stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deleted {
    /// The path.
    pub node: NodeId,
    /// What is deleted there.
    pub lower: Slot,
    /// Names at and below it that are no directories.
    pub file_count: u64,
    /// Content bytes that the lower view showed at and below it, each copy once.
    pub bytes: u64,
}

/// A copy that no container can read, and what took its last name away.
#[derive(Debug, Clone, Copy)]
pub struct Hidden {
    /// The copy.
    pub copy: EntryRef,
    /// The layer that hid it.
    pub hidden_by: LayerNumber,
    /// What that layer shows where the copy was shown before.
    pub after: After,
}

/// What stands where a copy was, in the view of the layer that hid it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Nothing, in a directory.
    Gone,
    /// Something that is no regular file, there or above.
    OtherKind,
    /// The file of this entry, a name that the hiding layer stores.
    File(EntryRef),
    /// The layer itself stores the path again.
    SameLayer,
}

/// Everything that the layers do.
#[derive(Debug)]
pub struct Merged {
    /// For each layer, bottom first.
    pub effects: Vec<LayerEffect>,
    /// The wasted copies, in no order.
    pub hidden: Vec<Hidden>,
    /// Entries whose content must be read to tell it from the lower view's.
    pub undecided: Vec<EntryRef>,
    /// Content bytes of the copies that the whole image shows.
    pub final_bytes: u64,
}

/// Merges all layers; completes their entries (what lies below, hard links, content as far as hashes tell).
///
/// # Errors
/// [`Error::TooLarge`] where layers replace directories so often that nobody could wait for it.
pub fn merge(index: &mut Index, warnings: &mut Warnings) -> Result<Merged> {
    let mut merger = Merger {
        view: View::bounded(&index.tree),
        touched: vec![0; index.tree.len()],
        journal: Vec::new(),
        names: Vec::with_capacity(index.layers.len()),
        lost: Vec::new(),
        merged: Merged { effects: Vec::new(), hidden: Vec::new(), undecided: Vec::new(), final_bytes: 0 },
    };
    for at in 0..index.layers.len() {
        merger.apply(index, at);
        if merger.view.is_exhausted() {
            let what = "the number of directories that are replaced again and again".to_owned();
            let error = Error::TooLarge { what, limit: "what any real image does".to_owned() };
            return Err(error.at(Place::Layer(LayerNumber::from_index(at).get())));
        }
        merger.resolve_links(index, at, warnings);
        let (effect, shown_count) = merger.settle(index, at);
        merger.merged.effects.push(effect);
        merger.find_hidden(index, at, shown_count);
    }
    Ok(merger.merged)
}

struct Merger {
    view: View,
    /// The number of the last layer that touched a path.
    touched: Vec<u32>,
    /// What the current layer touched, with what the lower view shows there.
    journal: Vec<(NodeId, Slot)>,
    /// How many paths show each copy, by layer and entry.
    names: Vec<Vec<u32>>,
    /// Names that copies lost in the current layer.
    lost: Vec<(EntryRef, NodeId)>,
    merged: Merged,
}

impl Merger {
    fn apply(&mut self, index: &Index, at: usize) {
        self.journal.clear();
        let stamp = LayerNumber::from_index(at).get();
        let (touched, journal) = (&mut self.touched, &mut self.journal);
        self.view.apply(&index.tree, &index.layers[at], at, &mut |node, before| {
            let touched = &mut touched[node.index()];
            if *touched != stamp {
                *touched = stamp;
                journal.push((node, before));
            }
        });
        self.names.push(vec![0; index.layers[at].entries.len()]);
    }

    /// Finds the inode of each hard link: what the layer itself stored at the target before the link, else what the lower
    /// view shows there. What the layer stores there only later is not what the link names.
    fn resolve_links(&mut self, index: &mut Index, at: usize, warnings: &mut Warnings) {
        let links: Vec<u32> = (0..)
            .zip(&index.layers[at].entries)
            .filter(|(_, entry)| entry.kind == Kind::HardLink)
            .map(|(place, _)| place)
            .collect();
        if links.is_empty() {
            return;
        }
        let mut resolver = Resolver { own: own_entries(index, at), lower: HashMap::new(), view: &self.view, at };
        let targets: HashSet<u64> = links.iter().map(|link| index.layers[at].entries[*link as usize].id).collect();
        resolver.lower.extend(self.journal.iter().filter(|(node, _)| targets.contains(&u64::from(node.0))).copied());
        for link in links {
            let Err(message) = resolver.resolve(index, link) else { continue };
            let layer = Some(LayerNumber::from_index(at).get());
            let path = index.tree.path(index.layers[at].entries[link as usize].node);
            warnings.push(Warning { layer, ..Warning::about(WarningCode::DanglingLink, &path, message) });
        }
    }

    /// Goes through what the layer touched: its effect, and how many of its entries the view shows.
    fn settle(&mut self, index: &mut Index, at: usize) -> (LayerEffect, usize) {
        let (mut effect, mut shown_count) = (LayerEffect::default(), 0);
        let mut removed: Vec<(NodeId, Slot)> = Vec::new();
        self.lost.clear();
        for position in 0..self.journal.len() {
            let (node, before) = self.journal[position];
            let now = self.view.slot(node);
            self.count_names(index, node, before, now);
            match (before.is_present(), now.is_present()) {
                (true, false) => removed.push((node, before)),
                (_, true) => shown_count += usize::from(self.note(index, &mut effect, at, node, before, now)),
                (false, false) => {}
            }
        }
        effect.deleted = deletions(index, &self.view, removed);
        (effect, shown_count)
    }

    fn count_names(&mut self, index: &Index, node: NodeId, before: Slot, now: Slot) {
        let copy = |slot: Slot| {
            let inode = index.inode(slot.get()?)?;
            (index.entry(inode).kind == Kind::File).then_some(inode)
        };
        let (before, now) = (copy(before), copy(now));
        if before == now {
            return;
        }
        if let Some(copy) = before {
            let names = &mut self.names[copy.layer as usize][copy.index as usize];
            *names -= 1;
            if *names == 0 {
                self.merged.final_bytes -= index.entry(copy).size;
            }
            self.lost.push((copy, node));
        }
        if let Some(copy) = now {
            let names = &mut self.names[copy.layer as usize][copy.index as usize];
            if *names == 0 {
                self.merged.final_bytes += index.entry(copy).size;
            }
            *names += 1;
        }
    }

    /// Notes a path that the view shows after the layer; says whether it is an entry of the layer.
    fn note(
        &mut self,
        index: &mut Index,
        effect: &mut LayerEffect,
        at: usize,
        node: NodeId,
        before: Slot,
        now: Slot,
    ) -> bool {
        let own = now.get().filter(|entry| entry.layer as usize == at);
        let Some(own) = own else {
            // An implied directory; over a directory it changes nothing.
            match before.get().filter(|_| !before.is_directory()) {
                Some(lower) => effect.implied_over.push((node, lower)),
                None if !before.is_present() => effect.implied.push(node),
                None => return false,
            }
            effect.added_count += u64::from(!before.is_present());
            effect.changed_count += u64::from(before.is_present());
            return false;
        };
        let verdict = identity::compare_known(index, before, own);
        let entry = index.entry_mut(own);
        entry.lower = before;
        entry.flags |= Entry::SHOWN;
        match verdict {
            Verdict::Same => entry.flags |= Entry::SAME,
            Verdict::Different => entry.flags |= Entry::DIFFERENT,
            Verdict::MustRead => self.merged.undecided.push(own),
            Verdict::NoFiles => {}
        }
        if node != NodeId::ROOT {
            effect.added_count += u64::from(!before.is_present());
            effect.changed_count += u64::from(before.is_present());
        }
        true
    }

    /// Finds the copies that have no name any more.
    fn find_hidden(&mut self, index: &Index, at: usize, shown_count: usize) {
        let hidden_by = LayerNumber::from_index(at);
        let names = &self.names;
        self.lost.retain(|(copy, _)| names[copy.layer as usize][copy.index as usize] == 0);
        self.lost.sort_unstable();
        let mut rest = &self.lost[..];
        while let Some((copy, _)) = rest.first() {
            let count = rest.partition_point(|(other, _)| other == copy);
            let (same, others) = rest.split_at(count);
            let judged = judged_name(index, *copy, same);
            let after = after(&index.tree, index, &self.view, judged);
            self.merged.hidden.push(Hidden { copy: *copy, hidden_by, after });
            rest = others;
        }
        // Only where a path stands twice in the layer can a copy of its own be without a name.
        if shown_count == index.layers[at].entries.len() {
            return;
        }
        let layer = u32::try_from(at).unwrap_or(u32::MAX);
        for ((index, entry), names) in (0..).zip(&index.layers[at].entries).zip(&self.names[at]) {
            if entry.kind == Kind::File && *names == 0 {
                let copy = EntryRef { layer, index };
                self.merged.hidden.push(Hidden { copy, hidden_by, after: After::SameLayer });
            }
        }
    }
}

/// Returns the name by which the cause is judged: the copy's own, if it was still one, else the first in byte order.
fn judged_name(index: &Index, copy: EntryRef, lost: &[(EntryRef, NodeId)]) -> NodeId {
    let own = index.entry(copy).node;
    if lost.len() == 1 || lost.iter().any(|(_, node)| *node == own) {
        return if lost.len() == 1 { lost[0].1 } else { own };
    }
    lost.iter().map(|(_, node)| *node).min_by_key(|node| index.tree.path(*node)).unwrap_or(own)
}

fn after(tree: &Tree, index: &Index, view: &View, node: NodeId) -> After {
    let slot = view.slot(node);
    if !slot.is_present() {
        let mut above = tree.parent(node);
        while let Some(directory) = above.filter(|directory| !view.slot(*directory).is_present()) {
            above = tree.parent(directory);
        }
        let in_directory = above.is_none_or(|directory| view.slot(directory).is_directory());
        return if in_directory { After::Gone } else { After::OtherKind };
    }
    let inode = slot.get().and_then(|entry| index.inode(entry));
    match (slot.get(), inode.map(|inode| index.entry(inode).kind)) {
        (Some(entry), Some(Kind::File)) => After::File(entry),
        _ => After::OtherKind,
    }
}

/// Sums up what was removed at and below each topmost path.
fn deletions(index: &Index, view: &View, mut removed: Vec<(NodeId, Slot)>) -> Vec<Deleted> {
    // Parents have lower numbers than their children, so each finds its parent's verdict.
    removed.sort_unstable_by_key(|(node, _)| *node);
    let place = |node: NodeId| removed.binary_search_by_key(&node, |(node, _)| *node).ok();
    let mut deleted: Vec<Deleted> = Vec::new();
    let mut tops: Vec<Option<usize>> = Vec::with_capacity(removed.len());
    for (node, lower) in &removed {
        let parent = index.tree.parent(*node);
        let top = match parent.and_then(place) {
            Some(above) => tops[above],
            // Below something that is no directory any more, the change of type says it.
            None if parent.is_some_and(|parent| view.slot(parent).is_directory()) => {
                deleted.push(Deleted { node: *node, lower: *lower, file_count: 0, bytes: 0 });
                Some(deleted.len() - 1)
            }
            None => None,
        };
        tops.push(top);
    }
    let mut linked: HashSet<(usize, EntryRef)> = HashSet::new();
    for ((_, lower), top) in removed.iter().zip(&tops) {
        let Some(top) = *top else { continue };
        deleted[top].file_count += u64::from(!lower.is_directory());
        let Some(entry) = lower.get() else { continue };
        let Some(inode) = index.inode(entry) else { continue };
        let size = index.entry(inode).size;
        // A copy with several names counts once.
        let is_first = match place(index.entry(inode).node).filter(|_| entry != inode) {
            Some(own) if tops[own] == Some(top) && removed[own].1.get() == Some(inode) => false,
            _ => entry == inode || linked.insert((top, inode)),
        };
        deleted[top].bytes += if is_first { size } else { 0 };
    }
    deleted
}

/// The entries of a layer that hard links point to.
fn own_entries(index: &Index, at: usize) -> HashMap<u32, Vec<u32>> {
    let entries = &index.layers[at].entries;
    let mut own: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in entries.iter().filter(|entry| entry.kind == Kind::HardLink) {
        if let Ok(target) = u32::try_from(entry.id) {
            own.insert(target, Vec::new());
        }
    }
    for (place, entry) in (0..).zip(entries) {
        if let Some(places) = own.get_mut(&entry.node.0) {
            places.push(place);
        }
    }
    own
}

struct Resolver<'a> {
    /// For each target, the places of the layer's own entries there, in order.
    own: HashMap<u32, Vec<u32>>,
    /// What the lower view shows at targets that the layer touched.
    lower: HashMap<NodeId, Slot>,
    view: &'a View,
    at: usize,
}

impl Resolver<'_> {
    /// Gives a link its inode, or says why it has none. The links before it in the layer have theirs already.
    fn resolve(&self, index: &mut Index, link: u32) -> Result<(), &'static str> {
        const NOWHERE: &str = "is a hard link to nothing: it holds no bytes";
        const LATER: &str = "is a hard link to a path that only comes later in its layer: it holds no bytes";
        let target = u32::try_from(index.layers[self.at].entries[link as usize].id).map_err(|_| NOWHERE)?;
        let own = self.own.get(&target).map_or(&[][..], Vec::as_slice);
        let (before, behind) = own.split_at(own.partition_point(|place| *place < link));
        let inode = match before.last() {
            Some(place) => self.own_inode(index, *place),
            None => self.lower_target(index, NodeId(target)),
        };
        let comes_later = before.is_empty() && behind.iter().any(|place| *place != link);
        let inode = inode.ok_or(if comes_later { LATER } else { NOWHERE })?;
        let entry = &mut index.layers[self.at].entries[link as usize];
        entry.id = Slot::entry(inode, false).bits();
        entry.flags |= Entry::RESOLVED;
        Ok(())
    }

    /// The inode of an entry of this layer; a directory is none to link to.
    fn own_inode(&self, index: &Index, place: u32) -> Option<EntryRef> {
        let inode = index.inode(self.own_ref(place)?)?;
        (index.entry(inode).kind != Kind::Directory).then_some(inode)
    }

    fn own_ref(&self, place: u32) -> Option<EntryRef> {
        Some(EntryRef { layer: u32::try_from(self.at).ok()?, index: place })
    }

    fn lower_target(&self, index: &Index, target: NodeId) -> Option<EntryRef> {
        let slot = self.lower.get(&target).copied().unwrap_or_else(|| self.view.slot(target));
        let entry = slot.get().filter(|_| !slot.is_directory())?;
        index.inode(entry)
    }
}
