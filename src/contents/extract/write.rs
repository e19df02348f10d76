//! Makes what was planned: under another name beside the target, which it gets last.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use super::super::{ContentReader, ContentSink, explain};
use super::os_name;
use super::plan::{ExtractionPlan, ItemKind, PERMISSIONS, PlannedItem};
use crate::draft::DraftFolder;
use crate::escape::escape;
use crate::task::Task;

/// Makes everything under another name beside the target, and names it last.
pub(super) fn write(
    reader: &ContentReader,
    plan: &ExtractionPlan,
    directory: &Path,
    name: &Path,
    task: &Task,
) -> Result<(), String> {
    let mut parts = name.components();
    if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
        return Err("the name leads out of the directory".to_owned());
    }
    if !directory.is_dir() {
        return Err("no such directory".to_owned());
    }
    let target = directory.join(name);
    if fs::symlink_metadata(&target).is_ok() {
        return Err("it exists already".to_owned());
    }
    let draft = DraftFolder::inside(directory).map_err(|error| error.to_string())?;
    let mut maker = Maker { reader, plan, root: draft.path().join("it"), files: HashMap::new(), open: None, task };
    task.expect(plan.bytes);
    let result = maker.make().and_then(|()| name_it(&maker.root, &target, plan));
    let stopped = task.check();
    result.map_err(|problem| stopped.map_or_else(|error| error.to_string(), |()| problem))
}

/// Gives the finished work its name; never replaces what appeared there since.
fn name_it(draft: &Path, target: &Path, plan: &ExtractionPlan) -> Result<(), String> {
    let is_directory = matches!(plan.items[0].what, ItemKind::Directory(_));
    let reserve = || {
        if is_directory {
            return fs::create_dir(target);
        }
        OpenOptions::new().write(true).create_new(true).open(target).map(drop)
    };
    reserve().and_then(|()| fs::rename(draft, target)).map_err(|error| error.to_string())?;
    match plan.items[0].what {
        ItemKind::Directory(mode) => set_mode(target, mode).map_err(|error| error.to_string()),
        _ => Ok(()),
    }
}

struct Maker<'a> {
    reader: &'a ContentReader,
    plan: &'a ExtractionPlan,
    root: PathBuf,
    /// The files that are still to be filled, by layer and place.
    files: HashMap<usize, HashMap<u32, usize>>,
    open: Option<File>,
    task: &'a Task,
}

impl Maker<'_> {
    fn path(&self, item: &PlannedItem) -> PathBuf {
        if item.path.as_os_str().is_empty() { self.root.clone() } else { self.root.join(&item.path) }
    }

    fn make(&mut self) -> Result<(), String> {
        let plan = self.plan;
        let told = |item: &PlannedItem, error: &io::Error| {
            format!("{}: {error}", escape(item.path.as_os_str().as_encoded_bytes()))
        };
        for (place, item) in plan.items.iter().enumerate() {
            match &item.what {
                ItemKind::Directory(_) => fs::create_dir(self.path(item)).map_err(|error| told(item, &error))?,
                ItemKind::File(at, _) => {
                    self.files.entry(at.layer().index()).or_default().insert(at.index, place);
                }
                ItemKind::Symlink(_) | ItemKind::Link(_) => {}
            }
        }
        let (reader, task) = (self.reader, self.task);
        reader.read(self, task).map_err(|error| explain(&error))?;
        for item in &plan.items {
            match &item.what {
                ItemKind::Symlink(to) => symlink(to, &self.path(item)).map_err(|error| told(item, &error))?,
                ItemKind::Link(to) => {
                    let to = self.path(&plan.items[*to]);
                    fs::hard_link(to, self.path(item)).map_err(|error| told(item, &error))?;
                }
                ItemKind::Directory(_) | ItemKind::File(..) => {}
            }
        }
        // From the last to the first: a directory that is closed to its owner could not be filled. The top stays open
        // until it has its name.
        for item in plan.items.iter().skip(1).rev() {
            if let ItemKind::Directory(mode) = item.what {
                set_mode(&self.path(item), mode).map_err(|error| told(item, &error))?;
            }
        }
        Ok(())
    }

    fn item(&self, layer: usize, place: u32) -> Option<&PlannedItem> {
        Some(&self.plan.items[*self.files.get(&layer)?.get(&place)?])
    }
}

impl ContentSink for Maker<'_> {
    fn wants_layer(&self, layer: usize) -> bool {
        self.files.contains_key(&layer)
    }

    fn wants(&self, layer: usize, place: u32) -> bool {
        self.item(layer, place).is_some()
    }

    fn write(&mut self, layer: usize, place: u32, piece: &[u8]) -> io::Result<()> {
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

    fn finish(&mut self, layer: usize, place: u32) -> io::Result<()> {
        self.open = None;
        if let Some(item) = self.item(layer, place)
            && let ItemKind::File(_, mode) = item.what
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
