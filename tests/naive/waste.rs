//! src/model.md section 4: which copies no container can read, which layer hid them, and why.

use crate::support::findings::Waste;

use super::changes::{differences, has_same_bytes};
use super::names::{Path, joined};
use super::view::{CopyId, MergedView, Stack, StoredCopy};

/// One record for each copy that the whole image does not show, in no order. A copy of no bytes wastes nothing.
pub fn records(stack: &Stack) -> Vec<Waste> {
    let wasted = stack.copies.iter().filter(|(id, copy)| copy.bytes() > 0 && !stack.top().shows_copy(*id));
    wasted.map(|(id, copy)| record(stack, id, copy)).collect()
}

fn record(stack: &Stack, id: CopyId, copy: &StoredCopy) -> Waste {
    let hidden_by = (copy.stored_in..=stack.layer_count())
        .find(|&number| !stack.view(number).shows_copy(id))
        .expect("the topmost view does not show it");
    let (cause, what) = cause(stack, id, copy, hidden_by);
    Waste {
        path: joined(&copy.path),
        bytes: copy.bytes(),
        stored_in: copy.stored_in,
        hidden_by,
        cause: cause.to_owned(),
        what,
    }
}

/// Judged at one path, by the views below and after the hiding layer; with what changed where that is the metadata.
fn cause(stack: &Stack, id: CopyId, copy: &StoredCopy, hidden_by: usize) -> (&'static str, Vec<String>) {
    if hidden_by == copy.stored_in {
        return ("duplicate", Vec::new());
    }
    let (lower, view) = (stack.view(hidden_by - 1), stack.view(hidden_by));
    let path = judged_path(lower, id, copy);
    let Some(new) = view.get(&path) else {
        let cause = if is_below_other_thing(view, &path) { "overwritten" } else { "deleted" };
        return (cause, Vec::new());
    };
    let old = lower.get(&path).expect("a name of the copy");
    if !has_same_bytes(&stack.copies, &old.thing, &new.thing) {
        return ("overwritten", Vec::new());
    }
    let what = differences(&stack.copies, old, new);
    (if what.is_empty() { "unchanged" } else { "metadata" }, what)
}

/// The copy's own path if that is still one of its names, else its first name in byte order.
fn judged_path(lower: &MergedView, id: CopyId, copy: &StoredCopy) -> Path {
    let mut names: Vec<&Path> = lower.names_of(id).collect();
    names.sort_by_key(|path| joined(path));
    let own = names.iter().find(|path| ***path == copy.path);
    (*own.unwrap_or(&names[0])).clone()
}

/// Whether something above the path is there and is no directory.
fn is_below_other_thing(view: &MergedView, path: &Path) -> bool {
    (1..path.len())
        .map(|depth| path[..depth].to_vec())
        .any(|above| view.get(&above).is_some_and(|it| !it.is_directory()))
}
