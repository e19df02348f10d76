//! The walk along the chain: a queue of texts and programs, what is reached so far, and the bounds.

mod config;
mod texts;

use std::cell::Cell;
use std::collections::VecDeque;

use foldhash::fast::RandomState;
use foldhash::{HashMap, HashSet};

use crate::analysis::rootfs::Rootfs;
use crate::analysis::start::environment::Environment;
use crate::analysis::start::libraries::Libraries;
use crate::analysis::start::node::Packages;
use crate::analysis::start::python::Python;
use crate::analysis::start::reason::{Extent, How, Origin, Part, Reason};
use crate::analysis::start::{Interpreter, Language, Start};
use crate::archive::RunConfig;
use crate::layer::entry::NodeId;

/// Texts that are read.
const MOST_TEXTS: usize = 20_000;
/// Bytes of texts that are read.
const MOST_BYTES: usize = 64 << 20;
/// Files of reached directories that are looked at.
const MOST_FILES: usize = 1_000_000;
/// Files of folders that are looked at one by one, bytes of lists that are searched and of words that grow by expansion.
const MOST_STEPS: u64 = 200_000_000;
/// What waits to be followed.
const MOST_JOBS: usize = 400_000;
/// Steps from the config: real chains have less than ten.
const MOST_DEPTH: u8 = 60;

/// Where something is said: the text, and from where its relative paths count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here {
    pub(super) origin: Origin,
    /// The working directory.
    pub(super) cwd: NodeId,
    /// The folder of the text.
    pub(super) folder: NodeId,
    /// The folder of the program that was started: where its modules are.
    pub(super) root: NodeId,
    /// A folder of commands before the search path: `node_modules/.bin`.
    pub(super) bin: Option<NodeId>,
    /// The Python that runs the text.
    pub(super) python: Option<usize>,
    pub(super) depth: u8,
    /// Whether the text is the user's own, no package's.
    pub(super) is_own: bool,
}

/// What is still to be followed.
#[derive(Debug)]
pub(super) enum Job {
    Text(NodeId, Language, Here),
    Program(NodeId, Here),
    Elf(NodeId),
    Tree(NodeId),
    Command(Vec<Vec<u8>>, Here, How),
    /// A command without what it starts.
    Launcher(Vec<u8>, Here, How),
}

/// The walk along the chain.
pub(super) struct Walk<'r, 'i> {
    pub(super) rootfs: &'r Rootfs<'i>,
    pub(super) environment: Environment,
    pub(super) start: Start,
    pub(super) pythons: Vec<Python>,
    pub(super) node_packages: Packages,
    pub(super) libraries: Libraries,
    /// The table's rules by what they are about.
    pub(super) rules: HashMap<&'static [u8], Vec<usize>>,
    /// Installed gems by name, for each project.
    pub(super) gems: HashMap<NodeId, HashMap<Vec<u8>, Vec<NodeId>>>,
    pub(super) perl_folders: Option<Vec<NodeId>>,
    /// Shell texts that were followed, hashed with where they stand.
    pub(super) lines: HashSet<u64>,
    pub(super) hasher: RandomState,
    /// Looks at files of a folder, one by one, that are left.
    steps: Cell<u64>,
    /// What the table was asked for already.
    pub(super) triggered: HashSet<Vec<u8>>,
    is_packaged: &'r dyn Fn(NodeId) -> bool,
    queue: VecDeque<Job>,
    /// What launchers need themselves: followed last, so that what is reached then is reached through them alone.
    later: Vec<(usize, Job)>,
    launcher: Option<usize>,
    seen: HashSet<(NodeId, Language, Option<usize>)>,
    /// Python texts of which nobody said yet which Python runs them.
    waiting: Vec<(NodeId, Here)>,
    trees: HashSet<NodeId>,
    texts_left: usize,
    bytes_left: usize,
    files_left: usize,
}

impl<'r, 'i> Walk<'r, 'i> {
    pub(super) fn new(rootfs: &'r Rootfs<'i>, config: &RunConfig, is_packaged: &'r dyn Fn(NodeId) -> bool) -> Self {
        let environment = Environment::new(rootfs, config);
        let libraries = Libraries::new(rootfs, &environment);
        Walk {
            rootfs,
            environment,
            start: Start::default(),
            pythons: Vec::new(),
            node_packages: Packages::default(),
            libraries,
            triggered: HashSet::default(),
            is_packaged,
            queue: VecDeque::new(),
            later: Vec::new(),
            launcher: None,
            seen: HashSet::default(),
            waiting: Vec::new(),
            rules: super::table::by_trigger(),
            gems: HashMap::default(),
            perl_folders: None,
            lines: HashSet::default(),
            hasher: RandomState::default(),
            steps: Cell::new(MOST_STEPS),
            trees: HashSet::default(),
            texts_left: MOST_TEXTS,
            bytes_left: MOST_BYTES,
            files_left: MOST_FILES,
        }
    }

    pub(super) fn config_here(&self, part: Part) -> Here {
        let cwd = self.environment.workdir;
        Here {
            origin: Origin::Config(part),
            cwd,
            folder: cwd,
            root: cwd,
            bin: None,
            python: None,
            depth: 0,
            is_own: true,
        }
    }

    /// Follows the launchers' own parts, when all else is reached.
    pub(super) fn finish(&mut self) {
        self.run_queue();
        while !self.later.is_empty() {
            for (launcher, job) in std::mem::take(&mut self.later) {
                self.launcher = Some(launcher);
                self.push(job);
                self.run_queue();
            }
        }
        self.launcher = None;
        self.start.is_cut |= self.steps.get() == 0;
        self.start.unread.sort_unstable();
        self.start.unread.dedup();
        self.start.compiled.sort_unstable();
        self.start.compiled.dedup();
    }

    fn run_queue(&mut self) {
        loop {
            self.run_jobs();
            let waiting = std::mem::take(&mut self.waiting);
            if waiting.is_empty() {
                return;
            }
            for (node, here) in waiting {
                let is_known =
                    (0..self.pythons.len()).any(|at| self.seen.contains(&(node, Language::Python, Some(at))));
                if let Some(python) = self.default_python(here).filter(|_| !is_known) {
                    self.push(Job::Text(node, Language::Python, Here { python: Some(python), ..here }));
                }
            }
        }
    }

    /// Counts work that is not bounded by what it reads; says whether more may be done.
    pub(super) fn may_step(&self, count: u64) -> bool {
        let left = self.steps.get().saturating_sub(count);
        self.steps.set(left);
        left > 0
    }

    fn run_jobs(&mut self) {
        while let Some(job) = self.queue.pop_front() {
            match job {
                Job::Text(node, language, here) => self.text(node, language, here),
                Job::Program(node, here) => self.program(node, here),
                Job::Elf(node) => self.elf(node),
                Job::Tree(node) => self.tree(node),
                Job::Command(words, here, how) => self.command(&words, here, how),
                Job::Launcher(word, here, how) => {
                    self.reach_command(&word, how, here);
                }
            }
        }
    }

    pub(super) fn push(&mut self, job: Job) {
        if self.queue.len() >= MOST_JOBS {
            self.start.is_cut = true;
        } else {
            self.queue.push_back(job);
        }
    }

    /// Puts off what a launcher needs itself.
    pub(super) fn push_later(&mut self, launcher: usize, job: Job) {
        if self.later.len() < MOST_JOBS {
            self.later.push((launcher, job));
        }
    }

    /// Goes one step further; nothing where that is too far.
    pub(super) fn deeper(&mut self, here: Here) -> Option<Here> {
        if here.depth >= MOST_DEPTH {
            self.start.is_cut = true;
            return None;
        }
        Some(Here { depth: here.depth + 1, ..here })
    }

    /// Says whether a file is the user's own: no package's, and no installed module's.
    pub(super) fn is_own(&self, node: NodeId) -> bool {
        !self.is_packaged(node) && !self.is_library_path(node)
    }

    /// Says whether a path is part of an installed module.
    pub(super) fn is_library_path(&self, node: NodeId) -> bool {
        const FOLDERS: [&[u8]; 6] = [b"node_modules", b"site-packages", b"dist-packages", b"gems", b"vendor", b".pnpm"];
        let mut above = self.rootfs.tree().parent(node);
        while let Some(folder) = above {
            if FOLDERS.contains(&self.rootfs.tree().name(folder)) {
                return true;
            }
            above = self.rootfs.tree().parent(folder);
        }
        false
    }

    pub(super) fn is_packaged(&self, node: NodeId) -> bool {
        (self.is_packaged)(node)
    }

    /// Reaches one path; says whether that is new.
    pub(super) fn reach(&mut self, node: NodeId, how: How, word: &[u8], here: Here) -> bool {
        self.insert(node, Reason::new(here.origin, how, word))
    }

    /// Reaches a directory as a whole (a file alone), and the libraries of what is in it.
    pub(super) fn reach_tree(&mut self, node: NodeId, how: How, word: &[u8], here: Here) -> bool {
        self.reach_in(node, how, word, here.origin)
    }

    pub(super) fn reach_in(&mut self, node: NodeId, how: How, word: &[u8], origin: Origin) -> bool {
        if !self.rootfs.is_directory(node) {
            let is_new = self.insert(node, Reason::new(origin, how, word));
            self.push(Job::Elf(node));
            return is_new;
        }
        let is_new = self.insert(node, Reason::new(origin, how, word).with(Extent::Tree));
        if self.trees.insert(node) {
            self.push(Job::Tree(node));
        }
        is_new
    }

    /// Reaches a path as data.
    pub(super) fn reach_data(&mut self, node: NodeId, how: How, word: &[u8], here: Here) {
        let extent = if self.rootfs.is_directory(node) { Extent::Data } else { Extent::One };
        self.insert(node, Reason::new(here.origin, how, word).with(extent));
    }

    pub(super) fn insert(&mut self, node: NodeId, reason: Reason) -> bool {
        if !self.rootfs.exists(node) || node == NodeId::ROOT {
            return false;
        }
        if let Some(known) = self.start.reached.get_mut(&node) {
            // More of the same path: the first reason stays.
            if reason.extent == Extent::Tree || known.extent == Extent::One {
                known.extent = reason.extent.max_of(known.extent);
            }
            return false;
        }
        self.start.reached.insert(node, reason);
        if let Some(launcher) = self.launcher.and_then(|launcher| self.start.launchers.get_mut(launcher)) {
            launcher.only_through_it.push(node);
        }
        true
    }

    /// Reaches a path and every symlink on the way; returns what it names in the end.
    pub(super) fn reach_links(&mut self, node: NodeId, how: How, word: &[u8], here: Here) -> Option<NodeId> {
        let (mut node, mut how, mut here, mut links) = (node, how, here, 0);
        loop {
            self.reach(node, how, word, here);
            let Some(target) = self.rootfs.link(node) else { return Some(node) };
            links += 1;
            if links > 40 {
                return None;
            }
            let path = if target.starts_with(b"/") {
                target.to_vec()
            } else {
                let parent = self.rootfs.tree().parent(node).unwrap_or(NodeId::ROOT);
                [&self.rootfs.tree().path(parent), &b"/"[..], target].concat()
            };
            (here.origin, how) = (Origin::Path(node), How::Link);
            node = self.rootfs.find(&path)?;
        }
    }

    /// Follows the libraries of what lies in a directory.
    fn tree(&mut self, top: NodeId) {
        let mut open = vec![top];
        while let Some(node) = open.pop() {
            if self.files_left == 0 {
                self.start.is_cut = true;
                return;
            }
            self.files_left -= 1;
            if self.rootfs.is_directory(node) {
                open.extend(self.rootfs.children(node));
            } else if self.may_be_elf(node) {
                self.elf(node);
            }
        }
    }

    fn may_be_elf(&self, node: NodeId) -> bool {
        let name = self.rootfs.tree().name(node);
        let is_named = memchr::memmem::find(name, b".so").is_some() || name.ends_with(b".node");
        is_named || (self.rootfs.is_executable(node) && memchr::memchr(b'.', name).is_none())
    }

    /// Notes an interpreter that runs a file.
    pub(super) fn interpreter(
        &mut self,
        language: Language,
        program: NodeId,
        file: Option<NodeId>,
        folders: &[NodeId],
    ) {
        let known = self.start.interpreters.iter().position(|known| known.program == program);
        let at = known.unwrap_or_else(|| {
            let new = Interpreter { language, program, files: Vec::new(), module_folders: folders.to_vec() };
            self.start.interpreters.push(new);
            self.start.interpreters.len() - 1
        });
        let interpreter = &mut self.start.interpreters[at];
        interpreter.files.extend(file.filter(|file| !interpreter.files.contains(file)));
    }
}

impl Extent {
    fn max_of(self, other: Extent) -> Extent {
        match (self, other) {
            (Extent::Tree, _) | (_, Extent::Tree) => Extent::Tree,
            (Extent::Data, _) | (_, Extent::Data) => Extent::Data,
            _ => Extent::One,
        }
    }
}
