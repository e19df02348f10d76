//! All paths of all layers as one tree: a node for each path, siblings in the order of their names.
//!
//! Builders write layers in the order of a walk, so each path is looked for from where the last one stood, and a layer is
//! merged into the tree like one sorted list into another: no hashing, no search, names compared once. Disorder costs a
//! restart at the parent's first child, and directories that are large enough for that to hurt get a sparse index of
//! their children.

use std::collections::HashMap;

use super::entry::NodeId;
use crate::error::{Error, Result};
use crate::path::common_prefix;

const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Node {
    parent: u32,
    name: u32,
    first: u32,
    next: u32,
    name_len: u16,
}

/// The paths of an image.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    names: Vec<u8>,
    /// For directories with many children: some of them, in order.
    landmarks: HashMap<u32, Vec<u32>>,
}

/// A walk that took longer than this asks for landmarks.
const LONG_WALK: u32 = 256;
/// Steps before landmarks are looked at.
const SHORT_WALK: u32 = 16;
/// A node, its slots in the merged view, what merging and reporting note about it.
const NODE_COST: usize = 60;
/// Children between two landmarks.
const STRIDE: usize = 32;
/// The longest name of a file that Linux takes (`NAME_MAX`).
const MOST_NAME_BYTES: usize = 255;

/// Where the last path of a layer stood: the way down to it.
#[derive(Debug)]
pub struct Cursor {
    path: Vec<u8>,
    frames: Vec<Frame>,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    /// Where the component ends in the path.
    end: usize,
    node: u32,
    /// The child that was found last.
    last: u32,
}

impl Default for Cursor {
    fn default() -> Self {
        Cursor { path: Vec::new(), frames: vec![Frame { end: 0, node: 0, last: NONE }] }
    }
}

impl Default for Tree {
    fn default() -> Self {
        let root = Node { parent: NONE, name: 0, first: NONE, next: NONE, name_len: 0 };
        Tree { nodes: vec![root], names: Vec::new(), landmarks: HashMap::new() }
    }
}

impl Tree {
    /// Returns the number of paths, the root included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns about how many bytes of memory the paths cost, here and wherever something is held for each of them.
    pub(crate) fn cost(&self) -> usize {
        self.nodes.len() * NODE_COST + self.names.len()
    }

    /// Says whether there is no path but the root.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.len() == 1
    }

    /// Returns the node of a normal path, made where there was none.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for more than 2^32 paths, 4 GiB of names, or a component above 255 bytes.
    pub fn insert(&mut self, cursor: &mut Cursor, path: &[u8]) -> Result<NodeId> {
        let common = common_prefix(&cursor.path, path);
        cursor.pop_to(common, path);
        let mut start = cursor.top().end;
        start += usize::from(start > 0);
        while start < path.len() {
            let end = memchr::memchr(b'/', &path[start..]).map_or(path.len(), |at| start + at);
            self.descend(cursor, &path[start..end], end)?;
            start = end + 1;
        }
        cursor.remember(path, common);
        Ok(NodeId(cursor.top().node))
    }

    /// The same for another name in the directory of the last path at this cursor, which ends at `directory`.
    pub(crate) fn insert_sibling(&mut self, cursor: &mut Cursor, path: &[u8], directory: usize) -> Result<NodeId> {
        cursor.pop_to(directory, path);
        self.descend(cursor, &path[directory + 1..], path.len())?;
        cursor.remember(path, directory);
        Ok(NodeId(cursor.top().node))
    }

    /// Goes down to the child `name`, whose path ends at `end`.
    fn descend(&mut self, cursor: &mut Cursor, name: &[u8], end: usize) -> Result<()> {
        let parent = cursor.top();
        let node = self.child(parent.node, parent.last, name)?;
        if let Some(frame) = cursor.frames.last_mut() {
            frame.last = node;
        }
        cursor.frames.push(Frame { end, node, last: NONE });
        Ok(())
    }

    /// Finds or makes the child `name`; `hint` is a child that likely stands before it.
    fn child(&mut self, parent: u32, hint: u32, name: &[u8]) -> Result<u32> {
        let mut previous = NONE;
        let mut current = self.nodes[parent as usize].first;
        if hint != NONE {
            match self.name_of(hint).cmp(name) {
                std::cmp::Ordering::Less => (previous, current) = (hint, self.nodes[hint as usize].next),
                std::cmp::Ordering::Equal => return Ok(hint),
                std::cmp::Ordering::Greater => {}
            }
        }
        let mut steps = 0;
        while current != NONE {
            match self.name_of(current).cmp(name) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Ok(current),
                std::cmp::Ordering::Greater => break,
            }
            (previous, current) = (current, self.nodes[current as usize].next);
            steps += 1;
            if steps == SHORT_WALK
                && let Some(landmark) = self.landmark_before(parent, name)
                && self.name_of(previous) < self.name_of(landmark)
            {
                (previous, current) = (landmark, self.nodes[landmark as usize].next);
            }
        }
        if steps > LONG_WALK {
            self.set_landmarks(parent, previous);
        }
        self.add(parent, previous, current, name)
    }

    fn add(&mut self, parent: u32, previous: u32, next: u32, name: &[u8]) -> Result<u32> {
        let too_large = |what: &str, limit: &str| Error::TooLarge { what: what.to_owned(), limit: limit.to_owned() };
        let id = u32::try_from(self.nodes.len()).ok().filter(|id| *id < NONE);
        let id = id.ok_or_else(|| too_large("the number of paths", "4 294 967 294"))?;
        if name.len() > MOST_NAME_BYTES {
            return Err(too_large("the name of a file", "255 bytes"));
        }
        let name_len = u16::try_from(name.len()).map_err(|_| too_large("the name of a file", "255 bytes"))?;
        let offset = u32::try_from(self.names.len()).map_err(|_| too_large("the sum of all names", "4 GiB"))?;
        self.names.extend_from_slice(name);
        self.nodes.push(Node { parent, name: offset, first: NONE, next, name_len });
        match previous {
            NONE => self.nodes[parent as usize].first = id,
            _ => self.nodes[previous as usize].next = id,
        }
        Ok(id)
    }

    /// Returns the last landmark whose name is below `name`.
    fn landmark_before(&self, parent: u32, name: &[u8]) -> Option<u32> {
        let landmarks = self.landmarks.get(&parent)?;
        let after = landmarks.partition_point(|landmark| self.name_of(*landmark) < name);
        landmarks.get(after.checked_sub(1)?).copied()
    }

    /// Sets landmarks once; where there are some, the walk ended too far behind one, and its end becomes another.
    fn set_landmarks(&mut self, parent: u32, end: u32) {
        if self.landmarks.contains_key(&parent) {
            let name = self.name_of(end);
            let at = self.landmarks[&parent].partition_point(|landmark| self.name_of(*landmark) < name);
            if let Some(landmarks) = self.landmarks.get_mut(&parent).filter(|known| known.get(at) != Some(&end)) {
                landmarks.insert(at, end);
            }
            return;
        }
        let children = self.children(NodeId(parent)).step_by(STRIDE).map(|node| node.0).collect();
        self.landmarks.insert(parent, children);
    }

    fn name_of(&self, node: u32) -> &[u8] {
        let Node { name, name_len, .. } = self.nodes[node as usize];
        &self.names[name as usize..][..name_len as usize]
    }

    /// Forgets what only insertion needs.
    pub(crate) fn seal(&mut self) {
        self.landmarks = HashMap::new();
    }

    /// Returns the last component; empty for the root.
    #[must_use]
    pub fn name(&self, node: NodeId) -> &[u8] {
        self.name_of(node.0)
    }

    /// Returns the last components of all paths, one behind another in the order of their nodes.
    pub(crate) fn names(&self) -> &[u8] {
        &self.names
    }

    /// Returns where a path's last component ends in [`Tree::names`].
    pub(crate) fn name_end(&self, node: NodeId) -> usize {
        let Node { name, name_len, .. } = self.nodes[node.index()];
        name as usize + name_len as usize
    }

    /// Returns the directory that holds the path; nothing for the root. A parent's number is lower than its children's.
    #[must_use]
    pub fn parent(&self, node: NodeId) -> Option<NodeId> {
        let parent = self.nodes[node.index()].parent;
        (parent != NONE).then_some(NodeId(parent))
    }

    /// Returns the first child in byte order.
    #[must_use]
    pub fn first_child(&self, node: NodeId) -> Option<NodeId> {
        let first = self.nodes[node.index()].first;
        (first != NONE).then_some(NodeId(first))
    }

    /// Returns the next sibling in byte order.
    #[must_use]
    pub fn next_sibling(&self, node: NodeId) -> Option<NodeId> {
        let next = self.nodes[node.index()].next;
        (next != NONE).then_some(NodeId(next))
    }

    /// Returns the children in byte order.
    pub fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(self.first_child(node), |child| self.next_sibling(*child))
    }

    /// Appends the absolute path, `/` for the root, to `out`. Costs its length.
    pub fn push_path(&self, node: NodeId, out: &mut Vec<u8>) {
        let start = out.len();
        let mut current = node;
        let mut length = 0;
        while let Some(parent) = self.parent(current) {
            length += 1 + self.name(current).len();
            current = parent;
        }
        out.resize(start + length.max(1), b'/');
        let mut end = out.len();
        current = node;
        while let Some(parent) = self.parent(current) {
            let name = self.name(current);
            out[end - name.len()..end].copy_from_slice(name);
            end -= name.len() + 1;
            current = parent;
        }
    }

    /// Returns the absolute path, `/` for the root. Costs its length.
    #[must_use]
    pub fn path(&self, node: NodeId) -> Vec<u8> {
        let mut path = Vec::new();
        self.push_path(node, &mut path);
        path
    }

    /// Finds the node of an absolute or relative normal path. Costs its length and the siblings before it.
    #[must_use]
    pub fn find(&self, path: &[u8]) -> Option<NodeId> {
        let mut components = path.split(|byte| *byte == b'/').filter(|component| !component.is_empty());
        components.try_fold(NodeId::ROOT, |node, name| self.children(node).find(|child| self.name(*child) == name))
    }

    /// Returns for each node its place in the byte order of all absolute paths. Linear.
    ///
    /// That order is not a walk's: `/a-b` stands between `/a` and `/a/c`, because `-` is below `/`.
    #[must_use]
    pub fn path_ranks(&self) -> Vec<u32> {
        let mut ranks = vec![0; self.nodes.len()];
        let mut rank = 0;
        // The work still to do, the nearest on top.
        let mut stack = vec![Work::Below(NodeId::ROOT)];
        while let Some(work) = stack.pop() {
            match work {
                Work::Below(node) => {
                    if let Some(child) = self.first_child(node) {
                        stack.push(Work::From(child));
                    }
                }
                Work::From(node) => {
                    rank += 1;
                    ranks[node.index()] = rank;
                    self.schedule(node, &mut stack);
                }
            }
        }
        ranks
    }

    /// Decides what follows a path: what is below it, or siblings whose names go on with a byte below `/`.
    fn schedule(&self, node: NodeId, stack: &mut Vec<Work>) {
        if self.nodes[node.index()].first != NONE {
            stack.push(Work::Below(node));
        }
        let Some(next) = self.next_sibling(node) else {
            return;
        };
        // Subtrees that wait on top of the stack and sort before the next sibling come first.
        let mut at = stack.len();
        while at > 0 && matches!(stack[at - 1], Work::Below(waiting) if self.waits_behind(waiting, next)) {
            at -= 1;
        }
        stack.insert(at, Work::From(next));
    }

    /// Says whether what is below `waiting` sorts before its sibling `next`.
    fn waits_behind(&self, waiting: NodeId, next: NodeId) -> bool {
        if self.parent(waiting) != self.parent(next) {
            return false;
        }
        let (name, next) = (self.name(waiting), self.name(next));
        match next.strip_prefix(name) {
            Some(rest) => rest.first().is_none_or(|byte| *byte > b'/'),
            None => true,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Work {
    /// Everything below a node.
    Below(NodeId),
    /// A node and its later siblings.
    From(NodeId),
}

impl Cursor {
    fn top(&self) -> Frame {
        // The root's frame is never popped.
        self.frames[self.frames.len() - 1]
    }

    /// Takes `path` for the last one, of which `common` bytes are there already.
    fn remember(&mut self, path: &[u8], common: usize) {
        let kept = common.min(self.path.len());
        self.path.truncate(kept);
        self.path.extend_from_slice(&path[kept..]);
    }

    /// Goes up until the frame is a directory above `path` (or `path` itself), `common` bytes being shared.
    fn pop_to(&mut self, common: usize, path: &[u8]) {
        while self.frames.len() > 1 {
            let end = self.top().end;
            if end <= common && (end == path.len() || path[end] == b'/') {
                return;
            }
            self.frames.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(paths: &[&str]) -> (Tree, Vec<NodeId>) {
        let (mut tree, mut cursor) = (Tree::default(), Cursor::default());
        let ids = paths.iter().map(|path| tree.insert(&mut cursor, path.as_bytes()).expect("small")).collect();
        (tree, ids)
    }

    #[test]
    fn a_path_has_one_node_in_any_order() {
        let paths = ["b/c", "a", "b", "b/a/x", "", "b/c", "a-b", "a/z", "b/cc"];
        let (tree, ids) = build(&paths);
        assert_eq!(ids[0], ids[5]);
        assert_eq!(ids[4], NodeId::ROOT);
        for (path, id) in paths.iter().zip(&ids) {
            assert_eq!(tree.path(*id), format!("/{path}").as_bytes());
            assert_eq!(tree.find(path.as_bytes()), Some(*id));
        }
        assert_eq!(tree.find(b"nothing"), None);
        let names: Vec<&[u8]> = tree.children(NodeId::ROOT).map(|node| tree.name(node)).collect();
        assert_eq!(names, [&b"a"[..], b"a-b", b"b"]);
    }

    #[test]
    fn large_directories_in_bad_order() {
        let count = 20_000u32;
        let paths: Vec<String> = (0..count).map(|i| format!("d/{:08}", i.wrapping_mul(2_654_435_761))).collect();
        let (tree, ids) = build(&paths.iter().map(String::as_str).collect::<Vec<_>>());
        let unique: std::collections::HashSet<_> = ids.iter().collect();
        let distinct: std::collections::HashSet<_> = paths.iter().collect();
        assert_eq!(unique.len(), distinct.len());
        let names: Vec<&[u8]> = tree.children(ids[0]).map(|node| tree.name(node)).collect();
        assert!(names.is_empty());
        let parent = tree.parent(ids[0]).expect("below d");
        let names: Vec<&[u8]> = tree.children(parent).map(|node| tree.name(node)).collect();
        assert!(names.is_sorted() && names.len() == distinct.len());
    }

    /// Two directories written in turns: each name is looked for from the start, behind all landmarks.
    #[test]
    fn growth_behind_the_last_landmark_stays_cheap() {
        let (mut tree, mut cursor) = (Tree::default(), Cursor::default());
        for number in 0..200_000u32 {
            let path = format!("{}/{number:08}", if number % 2 == 0 { "a" } else { "b" });
            tree.insert(&mut cursor, path.as_bytes()).expect("small");
        }
        let first = tree.children(NodeId::ROOT).next().expect("a directory");
        let names: Vec<&[u8]> = tree.children(first).map(|node| tree.name(node)).collect();
        assert!(names.is_sorted() && names.len() == 100_000);
        let landmarks = &tree.landmarks[&first.0];
        assert!(landmarks.len() > 100 && landmarks.is_sorted_by_key(|node| tree.name_of(*node)));
    }

    #[test]
    fn names_are_as_long_as_linux_takes_them() {
        let (mut tree, mut cursor) = (Tree::default(), Cursor::default());
        assert!(tree.insert(&mut cursor, &[b'n'; 255]).is_ok());
        assert!(matches!(tree.insert(&mut cursor, &[b'n'; 256]), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn ranks_follow_the_bytes_of_whole_paths() {
        let (tree, ids) =
            build(&["a", "a/c", "a/c/d", "a-", "a-/x", "a--", "a--/y", "a.", "a0", "b", "a/c-/z", "a!", "a!/q"]);
        let ranks = tree.path_ranks();
        let mut by_rank = ids.clone();
        by_rank.sort_by_key(|id| ranks[id.index()]);
        let mut by_path = ids;
        by_path.sort_by_key(|id| tree.path(*id));
        assert_eq!(by_rank, by_path);
    }
}
