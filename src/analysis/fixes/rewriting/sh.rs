//! Which shell the `/bin/sh` of an image is: Debian links it to `dash`, Fedora to `bash`, Alpine to `busybox`, and an image of
//! `busybox` alone has it as one of a hundred names of one file.

use crate::dockerfile::shell::Dialect;
use crate::layer::entry::{EntryRef, Kind, NodeId};
use crate::layer::index::Index;

const FOLDERS: [&str; 2] = ["/bin", "/usr/bin"];

const SHELLS: [(&str, Dialect); 3] = [("dash", Dialect::Dash), ("bash", Dialect::Bash), ("busybox", Dialect::Busybox)];

/// Returns the shell that every layer with a `/bin/sh` names; unknown where there is none, or where they differ.
pub(super) fn dialect(index: &Index) -> Dialect {
    let shells = nodes(index, "sh");
    let mut found = (0..index.layers.len())
        .flat_map(|layer| entries(index, layer, &shells).map(move |at| (layer, at)))
        .map(|(layer, at)| of_entry(index, layer, at));
    let first = found.next().unwrap_or_default();
    if found.all(|other| other == first) { first } else { Dialect::Unknown }
}

fn nodes(index: &Index, name: &str) -> Vec<NodeId> {
    FOLDERS.iter().filter_map(|folder| index.tree.find(format!("{folder}/{name}").as_bytes())).collect()
}

/// Returns what a layer stores at some paths.
fn entries<'a>(index: &'a Index, layer: usize, nodes: &'a [NodeId]) -> impl Iterator<Item = EntryRef> + use<'a> {
    let at = u32::try_from(layer).unwrap_or(u32::MAX);
    let all = (0..).zip(&index.layers[layer].entries);
    all.filter(|(_, entry)| nodes.contains(&entry.node)).map(move |(index, _)| EntryRef { layer: at, index })
}

fn of_entry(index: &Index, layer: usize, at: EntryRef) -> Dialect {
    let entry = index.entry(at);
    let is_same = |name: &str| {
        if entry.kind == Kind::Symlink {
            return index.extra(entry).link.rsplit(|c| *c == b'/').next() == Some(name.as_bytes());
        }
        let inode = index.inode(at);
        inode.is_some() && entries(index, layer, &nodes(index, name)).any(|other| index.inode(other) == inode)
    };
    SHELLS.into_iter().find(|(name, _)| is_same(name)).map_or(Dialect::Unknown, |(_, dialect)| dialect)
}
