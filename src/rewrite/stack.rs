//! The layers of the new image, worked out on the index: what each does at which path.
//!
//! The old layers are applied one by one, and what each does at a path is given to the layer that does it in the new image.
//! The new layers are then applied one by one to a view of their own. A layer that takes nothing over and gives nothing
//! away is not looked at: it stays as it is, byte for byte. One that has nothing left goes: nothing but directories that look
//! as they did, or that are gone in the end.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};

use super::layout::Layout;
use super::removal::Removal;
use crate::analysis::fixes::Touch;
use crate::error::Result;
use crate::layer::entry::{EntryRef, Kind, NodeId, Slot};
use crate::layer::index::Index;
use crate::merge::view::View;

/// What the layers of the new image do.
#[derive(Debug)]
pub(super) struct Stack<'a> {
    index: &'a Index,
    layout: Layout,
    /// Where entries went that an edit took away from their layer.
    moved: HashMap<EntryRef, usize>,
    /// For each place, what its layer shows at paths that it takes over; nothing for a layer that stays.
    work: Vec<Option<Work>>,
    /// What the new image shows in the end.
    last: View,
    /// Layers that only a removal changes.
    only_reduced: Vec<usize>,
}

/// What a changed layer does.
#[derive(Debug, Default)]
struct Work {
    /// What is shown at a path when all is done.
    shown: BTreeMap<NodeId, Slot>,
    /// Paths of which an edit took the work away, with what the layer showed there: whatever happens in between, from here
    /// on that must be right.
    given: BTreeMap<NodeId, Slot>,
}

/// One layer of the new image.
pub(super) enum Layer<'a> {
    /// As it was.
    Kept,
    /// Another one.
    Made(Made<'a>),
    /// There is none.
    Gone,
}

/// A layer that is to be written.
pub(super) struct Made<'a> {
    /// Its place among the old layers.
    pub place: usize,
    /// What it changes: what the layers below show at a path, and what is shown from here on.
    pub paths: BTreeMap<NodeId, (Slot, Slot)>,
    /// What is shown from here on.
    pub upper: &'a View,
}

impl<'a> Stack<'a> {
    pub(super) fn new(index: &'a Index, layout: Layout, removal: &Removal) -> Self {
        let count = index.layers.len();
        let mut is_changed = vec![false; count];
        for (layer, place) in layout.places.iter().enumerate().filter(|(layer, place)| layer != *place) {
            is_changed[layer] = true;
            is_changed[*place] = true;
        }
        let last = View::empty(&index.tree);
        let mut stack =
            Stack { index, layout, moved: HashMap::new(), work: Vec::new(), last, only_reduced: Vec::new() };
        let takes_part = stack.taking_part(removal);
        stack.work = takes_part.iter().map(|takes_part| takes_part.then(Work::default)).collect();
        let mut view = View::empty(&index.tree);
        let mut touched: BTreeMap<NodeId, Slot> = BTreeMap::new();
        for layer in 0..count {
            let is_watched = takes_part[stack.layout.places[layer]];
            view.apply(&index.tree, &index.layers[layer], layer, &mut |node, before| {
                if is_watched {
                    touched.entry(node).or_insert(before);
                }
            });
            let mut removed = HashMap::new();
            for (node, before) in std::mem::take(&mut touched) {
                let after = view.slot(node);
                if before != after {
                    stack.give(layer, node, (before, after), &mut removed, &mut is_changed);
                }
            }
        }
        stack.last = view;
        stack.reduce(removal, &mut is_changed);
        for (work, _) in stack.work.iter_mut().zip(is_changed).filter(|(_, is_changed)| !is_changed) {
            *work = None;
        }
        stack
    }

    /// Says of each place whether its layer may change.
    fn taking_part(&self, removal: &Removal) -> Vec<bool> {
        let places = &self.layout.places;
        let mut takes_part = vec![false; places.len()];
        for (layer, place) in places.iter().enumerate().filter(|(layer, place)| layer != *place) {
            takes_part[layer] = true;
            takes_part[*place] = true;
        }
        for relocation in self.layout.relocations.values().flatten() {
            takes_part[places[relocation.from]] = true;
            for layer in &relocation.to {
                takes_part[places[*layer]] = true;
            }
        }
        for layer in removal.layers(self.index) {
            takes_part[places[layer]] = true;
        }
        takes_part
    }

    /// Takes away what goes, from every layer that shows it.
    fn reduce(&mut self, removal: &Removal, is_changed: &mut [bool]) {
        if removal.is_empty() {
            return;
        }
        let before = is_changed.to_vec();
        for (place, work) in self.work.iter_mut().enumerate() {
            let slots = work.iter_mut().flat_map(Work::slots);
            for (_, slot) in slots.filter(|(_, slot)| removal.takes(self.index, **slot)) {
                *slot = Slot::ABSENT;
                is_changed[place] = true;
            }
        }
        self.reduce_folders(removal, is_changed);
        for node in removal.paths() {
            self.last.put_back(node, Slot::ABSENT);
        }
        self.only_reduced = (0..before.len()).filter(|place| is_changed[*place] && !before[*place]).collect();
    }

    /// A folder goes with the last layer that does something in it. Below the first that leaves a file there, which a later
    /// layer hides, nothing brings it about.
    fn reduce_folders(&mut self, removal: &Removal, is_changed: &mut [bool]) {
        let all = (0..).zip(&self.work).filter_map(|(place, work)| Some((place, work.as_ref()?)));
        let spans = removal.span(all.flat_map(|(place, work)| {
            work.shown.iter().chain(&work.given).map(move |(node, slot)| (place, node, slot))
        }));
        for (place, work) in self.work.iter_mut().enumerate() {
            let Some(work) = work else { continue };
            for (node, slot) in work.slots().filter(|(_, slot)| slot.is_directory()) {
                let Some((first, last)) = removal.inside.get(node).map(|folder| spans[*folder]) else { continue };
                if last == Some(place) || first.is_none_or(|first| place < first) {
                    *slot = Slot::ABSENT;
                    is_changed[place] = true;
                }
            }
            for (top, (first, last)) in removal.folders.iter().zip(&spans) {
                if first.is_some() && *last == Some(place) {
                    work.shown.insert(*top, Slot::ABSENT);
                    is_changed[place] = true;
                }
            }
        }
    }

    /// Returns the layers that change because of a removal alone.
    pub(super) fn only_reduced(&self) -> &[usize] {
        &self.only_reduced
    }

    /// Gives what a layer does at a path to the layer that does it in the new image. `removed` says where directories are
    /// removed: what was in them by then goes along.
    fn give(
        &mut self,
        layer: usize,
        node: NodeId,
        (before, after): (Slot, Slot),
        removed: &mut HashMap<NodeId, usize>,
        is_changed: &mut [bool],
    ) {
        let home = self.layout.places[layer];
        let is_gone = !after.is_present();
        let above = self.index.tree.parent(node).and_then(|parent| removed.get(&parent).copied()).filter(|_| is_gone);
        let target = before.get().and_then(|before| {
            let lower = self.moved.get(&before).copied().unwrap_or(before.layer().index());
            let relocations = self.layout.relocations.get(&layer)?;
            let target =
                relocations.iter().find_map(|one| one.target(self.index, Touch { node, before, after }, lower));
            target.or(above.filter(|above| lower <= *above))
        });
        if let Some(target) = target.filter(|_| is_gone) {
            removed.insert(node, target);
        }
        let place = target.map_or(home, |target| self.layout.places[target]);
        if let Some(target) = target {
            self.moved.extend(after.get().map(|entry| (entry, target)));
            is_changed[home] = true;
            is_changed[place] = true;
        }
        // What is done there has overtaken what was said before about the layers from there on.
        for work in self.work[place.min(home)..=home].iter_mut().flatten() {
            work.given.remove(&node);
        }
        if place < home
            && let Some(work) = &mut self.work[home]
        {
            work.given.insert(node, after);
        }
        if let Some(work) = &mut self.work[place] {
            work.shown.insert(node, after);
        }
    }

    /// Returns the place of the layer that stores an entry in the new image.
    pub(super) fn home(&self, at: EntryRef) -> usize {
        self.layout.places[self.moved.get(&at).copied().unwrap_or(at.layer().index())]
    }

    /// Goes through the places of the old layers, bottom first, and says what the new image has there.
    pub(super) fn for_each(&self, mut each: impl FnMut(usize, Layer<'_>) -> Result<()>) -> Result<()> {
        let (index, tree) = (self.index, &self.index.tree);
        let mut view = View::empty(tree);
        for (place, work) in self.work.iter().enumerate() {
            let Some(work) = work else {
                view.apply(tree, &index.layers[place], place, &mut |_, _| {});
                each(place, Layer::Kept)?;
                continue;
            };
            let paths = work.apply(index, &mut view);
            let is_idle = |(node, (lower, upper)): (&NodeId, &(Slot, Slot))| {
                is_idle(index, *lower, *upper) || (upper.is_directory() && !self.last.slot(*node).is_directory())
            };
            let is_member = self.layout.places[place] != place;
            if is_member || (!self.layout.keeps_empty && paths.iter().all(is_idle)) {
                for (node, (lower, _)) in paths {
                    view.put_back(node, lower);
                }
                each(place, Layer::Gone)?;
            } else {
                each(place, Layer::Made(Made { place, paths, upper: &view }))?;
            }
        }
        Ok(())
    }

    /// Returns how many layers the new image has.
    pub(super) fn layer_count(&self) -> usize {
        let mut count = 0;
        let counted = self.for_each(|_, layer| {
            count += usize::from(!matches!(layer, Layer::Gone));
            Ok(())
        });
        debug_assert!(counted.is_ok());
        count
    }
}

impl Work {
    /// Returns everything that it says about paths.
    fn slots(&mut self) -> impl Iterator<Item = (&NodeId, &mut Slot)> {
        self.shown.iter_mut().chain(&mut self.given)
    }

    /// Changes the view and returns what was changed.
    fn apply(&self, index: &Index, view: &mut View) -> BTreeMap<NodeId, (Slot, Slot)> {
        let tree = &index.tree;
        let mut touched: BTreeMap<NodeId, Slot> = BTreeMap::new();
        let mut touch = |node, before| {
            touched.entry(node).or_insert(before);
        };
        for (node, _) in self.shown.iter().filter(|(_, slot)| !slot.is_present()) {
            view.remove(tree, *node, &mut touch);
        }
        // Parents have lower numbers than their children.
        for (node, slot) in self.shown.iter().filter(|(_, slot)| slot.is_present()) {
            show(index, view, *node, *slot, &mut touch);
        }
        for (node, slot) in &self.given {
            match (view.slot(*node) == *slot, slot.is_present()) {
                (true, _) => {}
                (false, true) => show(index, view, *node, *slot, &mut touch),
                (false, false) => view.remove(tree, *node, &mut touch),
            }
        }
        let changed = touched.into_iter().map(|(node, before)| (node, (before, view.slot(node))));
        changed.filter(|(_, (before, after))| before != after).collect()
    }
}

/// A directory that no entry describes is there already, where any directory is.
fn show(index: &Index, view: &mut View, node: NodeId, slot: Slot, touch: &mut impl FnMut(NodeId, Slot)) {
    if slot != Slot::IMPLIED || !view.slot(node).is_directory() {
        view.place(&index.tree, node, slot, touch);
    }
}

/// Says whether a path looks as it did below: a directory of which at most the time changed.
fn is_idle(index: &Index, lower: Slot, upper: Slot) -> bool {
    let directory = |slot: Slot| Some(index.entry(slot.get()?)).filter(|entry| entry.kind == Kind::Directory);
    let (Some(lower), Some(upper)) = (directory(lower), directory(upper)) else { return false };
    (lower.mode, lower.owner) == (upper.mode, upper.owner) && index.extra(lower).xattrs == index.extra(upper).xattrs
}
