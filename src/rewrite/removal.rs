//! What goes with findings: the names, the copies that lose their last name with them, and folders that are empty then.
//!
//! A folder goes where a finding is about all of it and the base image does not have it. Those in `/run`, `/tmp` and
//! `/var` stay, empty: programs expect to find them.

use foldhash::{HashMap, HashSet};

use crate::analysis::Analysis;
use crate::layer::entry::{EntryRef, Kind, NodeId, Slot};
use crate::layer::index::Index;
use crate::merge::view::View;

/// Folders that stay.
const STATE: [&[u8]; 3] = [b"/run", b"/tmp", b"/var"];

/// Paths that the new image does not have.
#[derive(Debug, Default)]
pub struct Removal {
    /// Files and links.
    names: HashSet<NodeId>,
    /// What those show.
    slots: HashSet<EntryRef>,
    /// What has no name any more.
    inodes: HashSet<EntryRef>,
    /// Every path of any layer at or below a folder that goes, with the folder's place in `folders`.
    pub(super) inside: HashMap<NodeId, usize>,
    /// The folders that go.
    pub(super) folders: Vec<NodeId>,
    /// Content bytes of the copies that go.
    pub(super) bytes: u64,
}

impl Removal {
    /// Works out what goes with some paths: all that the image shows at and below them. Costs the paths.
    #[must_use]
    pub fn of(analysis: &Analysis, paths: &[NodeId]) -> Self {
        let mut removal = Removal::default();
        if paths.is_empty() {
            return removal;
        }
        let index = &analysis.index;
        let view = View::of_layers(index, index.layers.len());
        let base = View::of_layers(index, analysis.base.layer_count as usize);
        for path in paths {
            removal.add(index, &view, &base, *path);
        }
        removal.find_inodes(index, &view);
        removal
    }

    fn add(&mut self, index: &Index, view: &View, base: &View, top: NodeId) {
        let tree = &index.tree;
        // Each with whether a folder above it goes.
        let mut waiting = vec![(top, false)];
        while let Some((node, is_inside)) = waiting.pop() {
            let slot = view.slot(node);
            if slot.is_directory() {
                let goes = !is_inside && !base.slot(node).is_present() && !is_state(&tree.path(node));
                if goes {
                    self.add_folder(index, node);
                }
                waiting.extend(tree.children(node).map(|child| (child, is_inside || goes)));
            } else if slot.is_present() {
                self.names.insert(node);
                self.slots.extend(slot.get());
            }
        }
    }

    fn add_folder(&mut self, index: &Index, top: NodeId) {
        if self.inside.contains_key(&top) {
            return;
        }
        let place = self.folders.len();
        self.folders.push(top);
        let mut waiting = vec![top];
        while let Some(node) = waiting.pop() {
            self.inside.insert(node, place);
            waiting.extend(index.tree.children(node));
        }
    }

    /// A copy goes with the last of its names.
    fn find_inodes(&mut self, index: &Index, view: &View) {
        self.inodes = self.slots.iter().filter_map(|at| index.inode(*at)).collect();
        let others = (0..index.tree.len()).map(NodeId::at).filter(|node| !self.names.contains(node));
        for inode in others.filter_map(|node| view.slot(node).get()).filter_map(|at| index.inode(at)) {
            self.inodes.remove(&inode);
        }
        let files = self.inodes.iter().map(|at| index.entry(*at)).filter(|entry| entry.kind == Kind::File);
        self.bytes = files.map(|entry| entry.size).sum();
    }

    /// Says whether nothing goes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.folders.is_empty()
    }

    /// Says whether a path that the old image shows is gone in the new one.
    #[must_use]
    pub fn has(&self, node: NodeId) -> bool {
        self.names.contains(&node) || self.inside.contains_key(&node)
    }

    /// Returns every path that may be gone.
    pub(super) fn paths(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.names.iter().chain(self.inside.keys()).copied()
    }

    /// Says whether what a layer shows at a path goes: a name that does, or any name of a copy that does.
    pub(super) fn takes(&self, index: &Index, slot: Slot) -> bool {
        slot.get().is_some_and(|at| self.takes_entry(index, at))
    }

    fn takes_entry(&self, index: &Index, at: EntryRef) -> bool {
        self.slots.contains(&at) || index.inode(at).is_some_and(|inode| self.inodes.contains(&inode))
    }

    /// Returns the layers that store something that goes, or do something in folders that do.
    pub(super) fn layers(&self, index: &Index) -> Vec<usize> {
        let is_concerned = |layer: usize| {
            let entries = &index.layers[layer];
            let number = u32::try_from(layer).unwrap_or(u32::MAX);
            let of_entries = (0..).zip(&entries.entries).any(|(place, entry)| {
                self.inside.contains_key(&entry.node)
                    || self.takes_entry(index, EntryRef { layer: number, index: place })
            });
            let mut marks = entries.whiteouts.iter().chain(&entries.opaque);
            of_entries || marks.any(|node| self.inside.contains_key(node))
        };
        if self.is_empty() {
            Vec::new()
        } else {
            (0..index.layers.len()).filter(|layer| is_concerned(*layer)).collect()
        }
    }

    /// Returns for each folder the first place that leaves a file there, and the last that does something there.
    pub(super) fn span<'a>(
        &self,
        places: impl Iterator<Item = (usize, &'a NodeId, &'a Slot)>,
    ) -> Vec<(Option<usize>, Option<usize>)> {
        let mut spans = vec![(None, None); self.folders.len()];
        for (place, node, slot) in places {
            let Some(folder) = self.inside.get(node) else { continue };
            let (first, last) = &mut spans[*folder];
            *last = Some(place);
            if slot.is_present() && !slot.is_directory() {
                first.get_or_insert(place);
            }
        }
        spans
    }
}

fn is_state(path: &[u8]) -> bool {
    STATE.iter().any(|folder| path.strip_prefix(*folder).is_some_and(|rest| rest.is_empty() || rest[0] == b'/'))
}
