//! Writes a file or a directory of an image to a place the user chose: whole or not at all, never over something that is
//! there, never by a name that climbs out of it.
//!
//! Everything is made in a directory of its own beside the target, which nobody else can write to, and gets its name last;
//! so no link, neither the user's nor one of the image, is ever on the way of what is written. Permission bits are kept,
//! set-user-id, set-group-id and sticky bits are not: files belong to whoever extracts them, and a program that ran as
//! its owner in the image must not run as the user here. Devices, pipes and sparse files are left out, and told of.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use super::content::again::{Again, Taker};
use super::task::Task;
use super::text::plural;
use crate::analysis::Analysis;
use crate::draft::DraftFolder;
use crate::escape::escape;
use crate::layer::entry::{Entry, EntryRef, Kind, NodeId};
use crate::merge::view::View;
use crate::size::Units;

/// Which state of the image is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// What one layer stores; its place from the bottom.
    Layer(usize),
    /// What so many layers show together.
    UpTo(usize),
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The file or directory.
    pub node: NodeId,
    /// Where it is taken from.
    pub stand: Stand,
    /// How the user knows it: path and state.
    pub label: String,
}

/// One thing to make below the target, or the target itself.
#[derive(Debug)]
struct Item {
    /// Components below the target.
    path: PathBuf,
    what: What,
}

#[derive(Debug)]
enum What {
    Directory(u16),
    File(EntryRef, u16),
    Symlink(Vec<u8>),
    /// A further name of another item.
    Link(usize),
}

#[derive(Debug, Default)]
struct Plan {
    items: Vec<Item>,
    bytes: u64,
    files: u64,
    left_out: u64,
    dropped_bits: u64,
}

/// Bits that are kept.
const PERMISSIONS: u16 = 0o777;
/// Directories that no entry describes.
const IMPLIED_MODE: u16 = 0o755;

/// Writes what is wanted; says in a sentence what came of it.
#[must_use]
pub fn run(again: &Again, wanted: &Wanted, typed: &Path, units: Units, task: &Task) -> String {
    let name = os_name(again.analysis.index.tree.name(wanted.node));
    let (directory, name) = split_target(typed, &name);
    let shown = escape(directory.join(&name).as_os_str().as_encoded_bytes());
    let plan = match plan(&again.analysis, wanted) {
        Ok(plan) => plan,
        Err(problem) => return format!("{shown}: not written: {problem}"),
    };
    match write(again, &plan, &directory, &name, task) {
        Ok(()) => {
            let mut text = format!("written: {shown} ({}, {})", plural(plan.files, "file"), units.show(plan.bytes));
            // Writing to a String cannot fail.
            if plan.dropped_bits > 0 {
                let _ = write!(text, " without {}", plural(plan.dropped_bits, "set-id or sticky bit"));
            }
            if plan.left_out > 0 {
                let _ = write!(text, ", left out: {} (devices, pipes, sparse files)", plan.left_out);
            }
            text
        }
        Err(problem) => format!("{shown}: not written: {problem}"),
    }
}

/// Splits what the user typed: a directory that is there, and the name in it.
#[must_use]
pub fn split_target(typed: &Path, name: &Path) -> (PathBuf, PathBuf) {
    if typed.is_dir() {
        return (typed.to_owned(), name.to_owned());
    }
    let parent = typed.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    (parent.to_owned(), typed.file_name().map_or_else(|| name.to_owned(), PathBuf::from))
}

#[cfg(unix)]
fn os_name(name: &[u8]) -> PathBuf {
    PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name))
}

#[cfg(not(unix))]
fn os_name(name: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(name).into_owned())
}

/// Lists what is to be made, directories before their contents.
fn plan(analysis: &Analysis, wanted: &Wanted) -> Result<Plan, String> {
    let index = &analysis.index;
    let tree = &index.tree;
    let shown = shown(analysis, wanted.stand);
    let mut plan = Plan::default();
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
            None => plan.items.push(Item { path, what: What::Directory(IMPLIED_MODE) }),
        }
    }
    if plan.items.is_empty() { Err("there is nothing of it in this view: v changes it".to_owned()) } else { Ok(plan) }
}

/// What a state of the image has at a path.
enum Shown {
    Nothing,
    /// A directory that no entry describes.
    Implied,
    Entry(EntryRef),
}

fn shown(analysis: &Analysis, stand: Stand) -> Box<dyn Fn(NodeId) -> Shown + '_> {
    let index = &analysis.index;
    let layer = match stand {
        Stand::Layer(layer) => layer,
        Stand::UpTo(layer_count) => {
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

impl Plan {
    fn add(&mut self, analysis: &Analysis, path: PathBuf, at: EntryRef, first: &mut HashMap<EntryRef, usize>) {
        let index = &analysis.index;
        let Some(inode) = index.inode(at) else {
            self.left_out += 1;
            return;
        };
        let entry = index.entry(inode);
        let what = match entry.kind {
            Kind::Directory => What::Directory(entry.mode),
            Kind::Symlink => What::Symlink(index.extra(entry).link.to_vec()),
            Kind::File if !entry.has(Entry::SPARSE) => {
                if let Some(item) = first.get(&inode) {
                    What::Link(*item)
                } else {
                    first.insert(inode, self.items.len());
                    self.bytes += entry.size;
                    What::File(inode, entry.mode)
                }
            }
            _ => {
                self.left_out += 1;
                return;
            }
        };
        self.files += u64::from(!matches!(what, What::Directory(_)));
        if let What::Directory(mode) | What::File(_, mode) = what {
            self.dropped_bits += u64::from((mode & !PERMISSIONS).count_ones());
        }
        self.items.push(Item { path, what });
    }
}

/// Takes one name of the image for one name of the file system, or refuses it.
fn component(name: &[u8]) -> Result<PathBuf, String> {
    let path = os_name(name);
    let mut parts = path.components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(only)), None) if only == path.as_os_str() && !name.contains(&0) => Ok(path),
        _ => Err(format!("the name {} cannot stand in a directory", escape(name))),
    }
}

/// Makes everything under another name beside the target, and names it last.
fn write(again: &Again, plan: &Plan, directory: &Path, name: &Path, task: &Task) -> Result<(), String> {
    let mut parts = name.components();
    if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
        return Err("the name leads out of the directory".to_owned());
    }
    if !directory.is_dir() {
        return Err("there is no such directory".to_owned());
    }
    let target = directory.join(name);
    if fs::symlink_metadata(&target).is_ok() {
        return Err("there is something already".to_owned());
    }
    let draft = DraftFolder::inside(directory).map_err(|error| error.to_string())?;
    let mut maker = Maker { again, plan, root: draft.path().join("it"), files: HashMap::new(), open: None, task };
    task.expect(plan.bytes);
    let result = maker.make().and_then(|()| name_it(&maker.root, &target, plan));
    let stopped = task.check();
    result.map_err(|problem| stopped.map_or_else(|error| error.to_string(), |()| problem))
}

/// Gives the finished work its name; nothing that came there in the meantime is replaced.
fn name_it(draft: &Path, target: &Path, plan: &Plan) -> Result<(), String> {
    let is_directory = matches!(plan.items[0].what, What::Directory(_));
    let reserve = || {
        if is_directory {
            return fs::create_dir(target);
        }
        OpenOptions::new().write(true).create_new(true).open(target).map(drop)
    };
    reserve().and_then(|()| fs::rename(draft, target)).map_err(|error| error.to_string())?;
    match plan.items[0].what {
        What::Directory(mode) => set_mode(target, mode).map_err(|error| error.to_string()),
        _ => Ok(()),
    }
}

struct Maker<'a> {
    again: &'a Again,
    plan: &'a Plan,
    root: PathBuf,
    /// The files that are still to be filled, by layer and place.
    files: HashMap<usize, HashMap<u32, usize>>,
    open: Option<File>,
    task: &'a Task,
}

impl Maker<'_> {
    fn path(&self, item: &Item) -> PathBuf {
        if item.path.as_os_str().is_empty() { self.root.clone() } else { self.root.join(&item.path) }
    }

    fn make(&mut self) -> Result<(), String> {
        let plan = self.plan;
        let told =
            |item: &Item, error: &io::Error| format!("{}: {error}", escape(item.path.as_os_str().as_encoded_bytes()));
        for (place, item) in plan.items.iter().enumerate() {
            match &item.what {
                What::Directory(_) => fs::create_dir(self.path(item)).map_err(|error| told(item, &error))?,
                What::File(at, _) => {
                    self.files.entry(at.layer().index()).or_default().insert(at.index, place);
                }
                What::Symlink(_) | What::Link(_) => {}
            }
        }
        let (again, task) = (self.again, self.task);
        again.read(self, task).map_err(|error| super::loader::explain(&error))?;
        for item in &plan.items {
            match &item.what {
                What::Symlink(to) => symlink(to, &self.path(item)).map_err(|error| told(item, &error))?,
                What::Link(to) => {
                    let to = self.path(&plan.items[*to]);
                    fs::hard_link(to, self.path(item)).map_err(|error| told(item, &error))?;
                }
                What::Directory(_) | What::File(..) => {}
            }
        }
        // From the last to the first: a directory that is closed to its owner could not be filled. The top stays open
        // until it has its name.
        for item in plan.items.iter().skip(1).rev() {
            if let What::Directory(mode) = item.what {
                set_mode(&self.path(item), mode).map_err(|error| told(item, &error))?;
            }
        }
        Ok(())
    }

    fn item(&self, layer: usize, place: u32) -> Option<&Item> {
        Some(&self.plan.items[*self.files.get(&layer)?.get(&place)?])
    }
}

impl Taker for Maker<'_> {
    fn wants_layer(&self, layer: usize) -> bool {
        self.files.contains_key(&layer)
    }

    fn wants(&self, layer: usize, place: u32) -> bool {
        self.item(layer, place).is_some()
    }

    fn take(&mut self, layer: usize, place: u32, piece: &[u8]) -> io::Result<()> {
        if self.open.is_none() {
            let path = self.item(layer, place).map(|item| self.path(item)).unwrap_or_default();
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            self.open = Some(options.open(path)?);
        }
        self.task.add(piece.len());
        self.open.as_mut().map_or(Ok(()), |file| file.write_all(piece))
    }

    fn end(&mut self, layer: usize, place: u32) -> io::Result<()> {
        self.open = None;
        if let Some(item) = self.item(layer, place)
            && let What::File(_, mode) = item.what
        {
            set_mode(&self.path(item), mode)?;
        }
        if let Some(places) = self.files.get_mut(&layer) {
            places.remove(&place);
            if places.is_empty() {
                self.files.remove(&layer);
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u16) -> io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(u32::from(mode & PERMISSIONS)))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature everywhere")]
fn set_mode(_: &Path, _: u16) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn symlink(to: &[u8], path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(os_name(to), path)
}

#[cfg(not(unix))]
fn symlink(_: &[u8], _: &Path) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no such links"))
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

    #[test]
    fn what_is_typed_is_a_directory_or_a_new_name() {
        let place = tempfile::tempdir().expect("a directory");
        let (directory, name) = split_target(place.path(), Path::new("x"));
        assert_eq!((directory.as_path(), name.as_path()), (place.path(), Path::new("x")));
        let (directory, name) = split_target(&place.path().join("y"), Path::new("x"));
        assert_eq!((directory.as_path(), name.as_path()), (place.path(), Path::new("y")));
    }
}
