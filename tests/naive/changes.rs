//! src/model.md section 3: what a layer added, changed and deleted.

use std::fmt::Debug;

use crate::support::findings::{Change, ChangeKind};
use crate::support::layer::Metadata;

use super::names::{Path, joined};
use super::view::{Copies, Shown, Stack, Thing};

/// The changes of one layer against the merged view below it, in no order.
pub fn of_layer(stack: &Stack, number: usize) -> Vec<Change> {
    let (lower, view) = (stack.view(number - 1), stack.view(number));
    let shown = view.names.iter().filter_map(|(path, new)| match lower.get(path) {
        None => Some(Change { bytes: stored_bytes(stack, number, path), ..change(number, path, ChangeKind::Added) }),
        Some(old) => restored(stack, number, path, old, new),
    });
    let deleted = lower.names.keys().filter(|path| view.get(path).is_none() && view.has_directory(&parent_of(path)));
    shown.chain(deleted.map(|path| deletion(stack, number, path))).collect()
}

/// A path that was there and is still there: changed where the layer stores it again, or where an entry below it made
/// a directory of it. (An implied directory over a directory is not stored, so it is no change.)
fn restored(stack: &Stack, number: usize, path: &Path, old: &Shown, new: &Shown) -> Option<Change> {
    let is_implied_over_other = new.is_directory() && !old.is_directory();
    (stack.stores(number, path) || is_implied_over_other).then(|| Change {
        what: differences(&stack.copies, old, new),
        bytes: stored_bytes(stack, number, path),
        ..change(number, path, ChangeKind::Changed)
    })
}

fn deletion(stack: &Stack, number: usize, path: &Path) -> Change {
    let lower = stack.view(number - 1);
    let bytes = lower.copies_at_or_below(path).into_iter().map(|id| stack.copies.bytes(id)).sum();
    let names = lower.names.iter().filter(|(name, shown)| name.starts_with(path) && !shown.is_directory());
    Change { bytes, files: names.count() as u64, ..change(number, path, ChangeKind::Deleted) }
}

fn change(layer: usize, path: &Path, kind: ChangeKind) -> Change {
    Change { layer, path: joined(path), kind, what: Vec::new(), bytes: 0, files: 0 }
}

/// The bytes of the layer's own file entry at the path; a hard link there stores none.
fn stored_bytes(stack: &Stack, number: usize, path: &Path) -> u64 {
    stack.stored_copy(number, path).map_or(0, |id| stack.copies.bytes(id))
}

fn parent_of(path: &Path) -> Path {
    path[..path.len() - 1].to_vec()
}

/// What differs between two things at one path, in the words and the order of the report.
///
/// Another type says it all and stands alone. Nothing can be said about the metadata of an implied directory.
pub fn differences(copies: &Copies, old: &Shown, new: &Shown) -> Vec<String> {
    let (old_type, new_type) = (type_word(&old.thing), type_word(&new.thing));
    if old_type != new_type {
        return vec![format!("type {old_type} -> {new_type}")];
    }
    let mut what = Vec::new();
    if !has_same_bytes(copies, &old.thing, &new.thing) {
        what.push("content".to_owned());
    }
    if let (Some(before), Some(after)) = (&old.metadata, &new.metadata) {
        what.extend(metadata_differences(before, after, old_type == "symlink"));
    }
    what.extend(thing_difference(&old.thing, &new.thing));
    what
}

/// Whether both are regular files with equal contents, or neither is one.
pub fn has_same_bytes(copies: &Copies, old: &Thing, new: &Thing) -> bool {
    match (old, new) {
        (Thing::File(old), Thing::File(new)) => copies.content(*old) == copies.content(*new),
        (Thing::File(_), _) | (_, Thing::File(_)) => false,
        _ => true,
    }
}

/// The mode of a symlink means nothing and is left out; of other modes the permission bits count, not the file type
/// that Docker 20.10 writes above them.
fn metadata_differences(old: &Metadata, new: &Metadata, is_symlink: bool) -> Vec<String> {
    let mode = |metadata: &Metadata| if is_symlink { String::new() } else { format!("{:04o}", metadata.mode & 0o7777) };
    let owner = |metadata: &Metadata| format!("{}:{}", metadata.uid, metadata.gid);
    [
        from_to("mode", &mode(old), &mode(new)),
        from_to("owner", &owner(old), &owner(new)),
        named("mtime", &old.mtime, &new.mtime),
        named("xattrs", &old.xattrs, &new.xattrs),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn from_to(name: &str, old: &str, new: &str) -> Option<String> {
    (old != new).then(|| format!("{name} {old} -> {new}"))
}

fn named<T: PartialEq + Debug>(name: &str, old: &T, new: &T) -> Option<String> {
    (old != new).then(|| name.to_owned())
}

/// Where a symlink points, or which device a node is.
fn thing_difference(old: &Thing, new: &Thing) -> Option<String> {
    match old {
        Thing::Symlink(_) => named("target", old, new),
        Thing::CharDevice { .. } | Thing::BlockDevice { .. } => named("device", old, new),
        Thing::Directory | Thing::File(_) | Thing::Fifo | Thing::DanglingLink => None,
    }
}

fn type_word(thing: &Thing) -> &'static str {
    match thing {
        Thing::Directory => "directory",
        Thing::File(_) => "file",
        Thing::Symlink(_) => "symlink",
        Thing::CharDevice { .. } => "char device",
        Thing::BlockDevice { .. } => "block device",
        Thing::Fifo => "fifo",
        Thing::DanglingLink => "hard link",
    }
}
