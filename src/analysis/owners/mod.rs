//! Whose the live bytes are: each copy gets one owner, the package that brought it. [Model](crate::model) 7.
//!
//! Package databases are read from the merged view ([`Rootfs`]). Operating systems' packages come first, then languages',
//! then what nobody vouches for but a marker tells (toolchains, caches of modules); what is left is unowned. Each kind has
//! a file of its own, which adds owners and says which paths are theirs ([`Claims`]); what needs what stands in the
//! [`graph`]. final = Σ owners, always: the sums are made of the copies, not of what databases say.

mod apk;
mod asked;
mod claims;
mod composer;
mod dates;
mod dominators;
mod dpkg;
mod gem;
mod go;
pub(crate) mod graph;
mod java;
mod node;
mod python;
mod rpm;
mod rust;
mod toolchain;

use foldhash::{HashMap, HashMapExt};

use super::rootfs::Rootfs;
use super::waste::WasteRecord;
use crate::archive::history::HistoryEntry;
use crate::error::{Warning, WarningCode, Warnings};
use crate::layer::entry::{EntryRef, Kind, LayerNumber, NodeId};
use asked::Steps;
use claims::Claims;
use graph::Package;

/// What an owner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OwnerKind {
    /// A Debian package.
    Dpkg,
    /// An Alpine package.
    Apk,
    /// An RPM package.
    Rpm,
    /// A Python distribution.
    Python,
    /// A node module.
    Node,
    /// A Ruby gem.
    Gem,
    /// A PHP package.
    Composer,
    /// A Java library in a repository or cache.
    Java,
    /// A Go module in the module cache.
    Go,
    /// A crate in cargo's registry.
    Rust,
    /// A toolchain that was unpacked by hand.
    Toolchain,
    /// Nobody.
    None,
}

impl OwnerKind {
    /// Returns the name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            OwnerKind::Dpkg => "dpkg",
            OwnerKind::Apk => "apk",
            OwnerKind::Rpm => "rpm",
            OwnerKind::Python => "python",
            OwnerKind::Node => "node",
            OwnerKind::Gem => "gem",
            OwnerKind::Composer => "composer",
            OwnerKind::Java => "java",
            OwnerKind::Go => "go",
            OwnerKind::Rust => "rust",
            OwnerKind::Toolchain => "toolchain",
            OwnerKind::None => "none",
        }
    }

    /// Says whether it is an operating system's package.
    pub(crate) fn is_system(self) -> bool {
        matches!(self, OwnerKind::Dpkg | OwnerKind::Apk | OwnerKind::Rpm)
    }
}

/// A package and the live bytes that are its.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Owner {
    /// What it is.
    pub kind: OwnerKind,
    /// Its name; empty for nobody.
    pub name: String,
    /// Its version; empty where it has none.
    pub version: String,
    /// The layer that installed it.
    pub layer: Option<LayerNumber>,
    /// Whether it was asked for, or pulled in by others; nothing where that is not recorded.
    pub asked_for: Option<bool>,
    /// The packages through which it was pulled in, from one that was asked for.
    pub because: Vec<String>,
    /// Whether the last of these only recommends it.
    pub is_recommended: bool,
    /// Content bytes of its live copies.
    pub live_bytes: u64,
    /// Content bytes of wasted copies at its paths.
    pub wasted_bytes: u64,
    /// Live bytes of all packages that would go if it had not been asked for.
    pub exclusive_bytes: Option<u64>,
}

/// An owner, as a place in the list.
pub(crate) type OwnerId = u32;

/// Every live byte's owner.
#[derive(Debug, Default)]
pub struct Owners {
    /// The owners; the last one is nobody.
    pub list: Vec<Owner>,
    /// For each path its owner.
    of: Vec<OwnerId>,
    /// What is known of each owner beside its sums, in the list's order.
    pub(crate) packages: Vec<Package>,
    /// Copies with several names: the first one, which decides.
    first_names: HashMap<EntryRef, NodeId>,
}

impl Owners {
    /// Returns the owner of a path's content; nobody is the last of the list.
    pub(crate) fn of(&self, node: NodeId) -> OwnerId {
        self.of[node.index()]
    }

    /// Returns the name by whose path a copy's owner is decided: the first of its names that the view shows.
    pub(crate) fn first_name(&self, copy: EntryRef, node: NodeId) -> NodeId {
        self.first_names.get(&copy).copied().unwrap_or(node)
    }

    /// Returns the number that stands for nobody.
    pub(crate) fn nobody(&self) -> OwnerId {
        u32::try_from(self.list.len() - 1).unwrap_or(u32::MAX)
    }

    /// Returns the owner of a path.
    #[must_use]
    pub fn owner(&self, node: NodeId) -> &Owner {
        &self.list[self.of(node) as usize]
    }
}

/// Finds every live byte's owner.
pub(crate) fn find(
    rootfs: &Rootfs<'_>,
    waste: &[WasteRecord],
    history: &[HistoryEntry],
    base_count: u32,
    warnings: &mut Warnings,
) -> Owners {
    let mut claims = Claims::new(rootfs, base_count, Steps::of(history));
    dpkg::find(&mut claims);
    apk::find(&mut claims);
    rpm::find(&mut claims);
    python::find(&mut claims);
    node::find(&mut claims);
    gem::find(&mut claims);
    composer::find(&mut claims);
    go::find(&mut claims);
    rust::find(&mut claims);
    java::repositories(&mut claims);
    toolchain::find(&mut claims);
    // The jars of a toolchain are its own.
    java::jars(&mut claims);
    claims.follow_bytecode();
    for (what, count) in &claims.unread {
        let message = format!("{count} parts of {what} could not be read: owners and findings are not complete");
        warnings.push(Warning::new(WarningCode::EvidenceDropped, message));
    }
    let (mut owners, names) = claims.finish();
    owners.first_names = names;
    sum(rootfs, &mut owners, waste);
    graph::explain(&mut owners);
    owners
}

/// Sums up the copies of each owner.
fn sum(rootfs: &Rootfs<'_>, owners: &mut Owners, waste: &[WasteRecord]) {
    for at in 0..rootfs.tree().len() {
        let node = NodeId::at(at);
        let Some(copy) = rootfs.copy(node).filter(|copy| owners.first_name(*copy, node) == node) else { continue };
        let owner = owners.of(node) as usize;
        owners.list[owner].live_bytes += rootfs.index.entry(copy).size;
    }
    for record in waste {
        let owner = owners.of(record.node) as usize;
        owners.list[owner].wasted_bytes += record.bytes;
    }
}

/// Finds the copies that several paths show, and the first of their names in byte order.
fn first_names(rootfs: &Rootfs<'_>) -> HashMap<EntryRef, NodeId> {
    let tree = rootfs.tree();
    let mut firsts: HashMap<EntryRef, NodeId> = HashMap::new();
    let mut offer = |copy: EntryRef, node: NodeId| {
        let first = firsts.entry(copy).or_insert(node);
        if *first != node && tree.path(node) < tree.path(*first) {
            *first = node;
        }
    };
    let is_link = |node: NodeId| rootfs.entry(node).is_some_and(|entry| entry.kind == Kind::HardLink);
    let nodes = || (0..tree.len()).map(NodeId::at);
    for node in nodes().filter(|node| is_link(*node)) {
        if let Some(copy) = rootfs.copy(node) {
            offer(copy, node);
            let own = rootfs.index.entry(copy).node;
            if rootfs.copy(own) == Some(copy) {
                offer(copy, own);
            }
        }
    }
    firsts
}
