//! Builds images the way an engine does: each step works on what the steps before it left, and its layer holds what it
//! touched.

use std::collections::{BTreeMap, BTreeSet};

use layerlens::Analysis;

use crate::support::image::{HistorySpec, ImageSpec};
use crate::support::layer::{Kind, LayerSpec, Member, Metadata};
use crate::support::library::shown_inodes;

/// How an engine goes about it.
#[derive(Clone, Copy, Debug)]
pub struct Engine {
    /// A file is stored again also where its owner or mode was right already (overlay2).
    pub copies_unchanged: bool,
    /// A file that is changed loses its other names (overlay2).
    pub splits_links: bool,
    /// The base has a `find`.
    pub has_find: bool,
}

/// One step of the Dockerfile.
#[derive(Clone, Debug)]
pub enum Step {
    /// Files, each with what is in it.
    Copy(Vec<(String, u8)>),
    /// The same with `--chown` and `--chmod`.
    CopyAs(Vec<(String, u8)>, Option<u64>, Option<u32>),
    Run(Vec<Command>, Shape),
}

/// How the commands of a RUN are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// With `&&` between them.
    And,
    /// With `;` between them, behind a `set -e`.
    Errexit,
    /// The same, behind a `set -eux &&`, which the last of them all is read with.
    Traced,
}

/// One command of a RUN.
#[derive(Clone, Debug)]
pub enum Command {
    Write {
        path: String,
        content: u8,
    },
    Update,
    Install {
        package: u8,
    },
    Clean,
    Chown {
        path: String,
        recursive: bool,
        owner: u64,
    },
    Chmod {
        path: String,
        recursive: bool,
        mode: String,
    },
    Remove {
        paths: Vec<String>,
    },
    HardLink {
        target: String,
        path: String,
    },
    Symlink {
        path: String,
    },
    /// Changes what the conditions hold for.
    Find {
        paths: Vec<String>,
        conditions: Vec<String>,
        /// `chown`, `chown -h` or `chmod`.
        name: String,
        word: String,
        end: String,
    },
    /// A command whose failure does not count.
    Try(Box<Command>),
}

/// An image, and what containers see in it.
pub struct Build {
    pub image: ImageSpec,
    pub shown: BTreeMap<String, String>,
    /// The steps, without commands that would have failed.
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Directory,
    Symlink,
    File(Vec<u8>),
}

#[derive(Clone, Debug)]
struct Inode {
    what: What,
    mode: u32,
    owner: u64,
    mtime: i64,
    /// A directory that the current COPY made.
    is_new_folder: bool,
}

struct Machine {
    engine: Engine,
    inodes: Vec<Inode>,
    /// Every path with its inode.
    paths: BTreeMap<String, usize>,
    touched: BTreeSet<String>,
    /// Inodes from here on are the current layer's.
    first_own: usize,
    time: i64,
}

impl Build {
    pub fn of(engine: Engine, steps: &[Step]) -> Self {
        let mut machine = Machine {
            engine,
            inodes: Vec::new(),
            paths: BTreeMap::new(),
            touched: BTreeSet::new(),
            first_own: 0,
            time: 0,
        };
        machine.write("/bin/sh", b"a shell".to_vec());
        machine.write("/etc/os-release", b"ID=debian\n".to_vec());
        machine.write("/app/base", vec![b'b'; 700]);
        machine.write("/var/lib/apt/lists/base", vec![b'b'; 700]);
        machine.write(if engine.has_find { "/usr/bin/find" } else { "/usr/bin/other" }, b"a program".to_vec());
        let mut layers = vec![machine.layer(&BTreeMap::new())];
        let mut history = vec![HistorySpec::step("/bin/sh -c #(nop) ADD file:base in /")];
        let mut done = Vec::new();
        for step in steps {
            machine.time += 1;
            machine.first_own = machine.inodes.len();
            let lower = machine.paths.clone();
            machine.inodes.iter_mut().for_each(|inode| inode.is_new_folder = false);
            let step = match step {
                Step::Run(commands, shape) => {
                    Step::Run(commands.iter().filter(|command| machine.run(command)).cloned().collect(), *shape)
                }
                Step::Copy(files) => {
                    machine.copy_as(files, None, None);
                    step.clone()
                }
                Step::CopyAs(files, owner, mode) => {
                    machine.copy_as(files, *owner, *mode);
                    step.clone()
                }
            };
            layers.push(machine.layer(&lower));
            history.push(HistorySpec::step(&text(&step)));
            done.push(step);
        }
        let shown = machine.paths.iter().filter(|(path, _)| *path != "/");
        let shown = shown.map(|(path, inode)| (path.clone(), look(&machine.inodes[*inode]))).collect();
        Build { image: ImageSpec { layers, history, tags: vec!["trial:latest".to_owned()] }, shown, steps: done }
    }

    pub fn dockerfile(&self) -> String {
        self.image.history.iter().map(|line| line.created_by.as_str()).collect::<Vec<_>>().join("\n")
    }
}

fn bytes(content: u8) -> Vec<u8> {
    vec![b'a' + content; 1000 + 10 * usize::from(content)]
}

fn text(step: &Step) -> String {
    match step {
        Step::Copy(_) | Step::CopyAs(..) => "COPY . /app # buildkit".to_owned(),
        Step::Run(commands, shape) => {
            let is_list = commands.len() < 2 || !commands.iter().any(|command| matches!(command, Command::Try(_)));
            let (start, between) = match shape {
                Shape::And if is_list => ("", " && "),
                Shape::And | Shape::Errexit => ("set -e; ", "; "),
                Shape::Traced => ("set -eux && ", "; "),
            };
            let commands: Vec<String> = commands.iter().map(command_text).collect();
            let list = if commands.is_empty() { "true".to_owned() } else { commands.join(between) };
            format!("/bin/sh -c {start}{list}")
        }
    }
}

fn command_text(command: &Command) -> String {
    let flag = |recursive: bool| if recursive { "-R " } else { "" };
    match command {
        Command::Write { path, content } => format!("generate {content} > {path}"),
        Command::Update => "apt-get update".to_owned(),
        Command::Install { package } => format!("apt-get install -y package{package}"),
        Command::Clean => "apt-get clean".to_owned(),
        Command::Chown { path, recursive, owner } => format!("chown {}{owner}:{owner} {path}", flag(*recursive)),
        Command::Chmod { path, recursive, mode } => format!("chmod {}{mode} {path}", flag(*recursive)),
        Command::Remove { paths } => format!("rm -rf {}", paths.join(" ")),
        Command::HardLink { target, path } => format!("link {target} {path}"),
        Command::Symlink { path } => format!("ln -sf somewhere {path}"),
        Command::Find { paths, conditions, name, word, end } => {
            let words = [&["find".to_owned()], &paths[..], &conditions[..]].concat().join(" ");
            format!("{words} -exec {name} {word} {{}} {end}")
        }
        Command::Try(command) => format!("{} || true", command_text(command)),
    }
}

/// Returns the step that a line says, `old` being what it was; nothing where it is more than this machine understands.
pub fn step_of(line: &str, old: &Step) -> Option<Step> {
    if let Some(rest) = line.strip_prefix("COPY ") {
        let (Step::Copy(files) | Step::CopyAs(files, ..)) = old else { return None };
        let value = |name: &str| rest.split(' ').find_map(|word| word.strip_prefix(name));
        let owner = value("--chown=").map(|owner| owner.split(':').next().expect("a user").parse()).transpose().ok()?;
        let mode = value("--chmod=").map(|mode| u32::from_str_radix(mode, 8)).transpose().ok()?;
        return Some(Step::CopyAs(files.clone(), owner, mode));
    }
    let text = line.strip_prefix("RUN ")?.replace(" \\\n", "").replace("\\;", "ENDS").replace(" && ", ";");
    let commands = text.split(';').map(without_brackets).filter(|text| !text.is_empty() && !text.starts_with("set "));
    let commands = commands.map(|text| command_of(&text.replace("ENDS", "\\;")));
    // How it is written changes nothing any more.
    commands.collect::<Option<_>>().map(|commands| Step::Run(commands, Shape::Errexit))
}

/// Takes away what makes a subshell.
fn without_brackets(text: &str) -> &str {
    let text = text.trim().trim_start_matches('(').trim();
    match text.strip_suffix(')') {
        Some(inner) if !inner.ends_with('\\') => inner.trim_end_matches(')').trim(),
        _ => text,
    }
}

fn command_of(text: &str) -> Option<Command> {
    if let Some(inner) = text.strip_suffix(" || true") {
        return command_of(inner).map(|command| Command::Try(Box::new(command)));
    }
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let (recursive, plain): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| **word == "-R");
    let recursive = !recursive.is_empty();
    let command = match plain[..] {
        ["generate", content, ">", path] => Command::Write { path: path.to_owned(), content: content.parse().ok()? },
        ["apt-get", "update"] => Command::Update,
        ["apt-get", "install", "-y", package] => {
            Command::Install { package: package.strip_prefix("package")?.parse().ok()? }
        }
        ["apt-get", "clean"] => Command::Clean,
        ["chown", owner, path] => {
            Command::Chown { path: path.to_owned(), recursive, owner: owner.split(':').next()?.parse().ok()? }
        }
        ["chmod", mode, path] => Command::Chmod { path: path.to_owned(), recursive, mode: mode.to_owned() },
        ["rm", "-rf" | "-f" | "-r", ref paths @ ..] => Command::Remove { paths: texts(paths) },
        ["link", target, path] => Command::HardLink { target: target.to_owned(), path: path.to_owned() },
        ["ln", "-sf", "somewhere", path] => Command::Symlink { path: path.to_owned() },
        ["find", ref rest @ ..] => {
            let count = rest.iter().take_while(|word| word.starts_with('/')).count();
            let exec = rest.iter().position(|word| *word == "-exec")?;
            let (name, word, end) = match rest[exec + 1..] {
                ["chown", "-h", owner, "{}", end] => ("chown -h", owner, end),
                [name @ ("chown" | "chmod"), word, "{}", end] => (name, word, end),
                _ => return None,
            };
            let conditions = texts(&rest[count..exec]);
            let (name, word, end) = (name.to_owned(), word.to_owned(), end.to_owned());
            Command::Find { paths: texts(&rest[..count]), conditions, name, word, end }
        }
        ["true"] => Command::Remove { paths: Vec::new() },
        _ => return None,
    };
    Some(command)
}

impl Machine {
    /// Runs a command, unless it would fail.
    fn run(&mut self, command: &Command) -> bool {
        let is_there = match command {
            Command::Chown { path, .. } | Command::Chmod { path, .. } => self.paths.contains_key(path),
            Command::Find { paths, name, .. } => {
                let follows = name != "chown -h";
                let leads_on = |path: &String| {
                    self.found(path, command).iter().any(|at| self.inodes[self.paths[at]].what == What::Symlink)
                };
                // The symlinks here lead nowhere.
                self.engine.has_find
                    && paths.iter().all(|path| self.paths.contains_key(path) && !(follows && leads_on(path)))
            }
            Command::Try(command) => {
                self.run(command);
                return true;
            }
            _ => true,
        };
        if is_there {
            self.do_run(command);
        }
        is_there
    }

    /// Returns what a `find` finds below a path.
    fn found(&self, top: &str, command: &Command) -> Vec<String> {
        let Command::Find { conditions, .. } = command else { return Vec::new() };
        let prefix = format!("{top}/");
        let is_top_only = conditions.iter().any(|word| word == "-maxdepth");
        let is_in = |path: &&String| *path == top || (!is_top_only && path.starts_with(&prefix));
        let words: Vec<&str> = conditions.iter().map(String::as_str).collect();
        let holds = |path: &&String| holds(&mut &words[..], &self.inodes[self.paths[*path]]);
        self.paths.keys().filter(is_in).filter(holds).cloned().collect()
    }

    fn do_run(&mut self, command: &Command) {
        match command {
            Command::Write { path, content } => self.write(path, bytes(*content)),
            Command::Update => {
                for name in ["one", "two"] {
                    self.write(&format!("/var/lib/apt/lists/{name}"), bytes(9));
                }
            }
            Command::Install { package } => {
                self.write(&format!("/usr/lib/package{package}"), bytes(*package));
                self.write(&format!("/var/cache/apt/archives/package{package}.deb"), bytes(*package + 4));
            }
            Command::Clean => self.remove("/var/cache/apt/archives/*"),
            Command::Chown { path, recursive, owner } => self.change(path, *recursive, |inode| inode.owner = *owner),
            Command::Chmod { path, recursive, mode } => {
                self.change(path, *recursive, |inode| inode.mode = changed(mode, inode));
            }
            Command::Remove { paths } => paths.iter().for_each(|path| self.remove(path)),
            Command::HardLink { target, path } => self.link(target, path),
            Command::Symlink { path } => self.put(path, What::Symlink),
            Command::Find { paths, name, word, .. } => {
                let all: Vec<String> = paths.iter().flat_map(|path| self.found(path, command)).collect();
                let owner: u64 = word.split(':').next().and_then(|user| user.parse().ok()).unwrap_or_default();
                for path in all {
                    self.change_all(&path, false, self.engine.copies_unchanged, true, |inode| match name.as_str() {
                        "chmod" => inode.mode = changed(word, inode),
                        _ => inode.owner = owner,
                    });
                }
            }
            Command::Try(_) => unreachable!("its command is run instead"),
        }
    }

    /// Folders that are new get the owner and the mode as well.
    fn copy_as(&mut self, files: &[(String, u8)], owner: Option<u64>, mode: Option<u32>) {
        for (path, content) in files {
            self.write(path, bytes(*content));
            let folders =
                std::iter::successors(Some(path.clone()), |path| Some(parent(path)).filter(|path| path != "/"));
            for made in folders.skip(1) {
                let inode = self.paths[&made];
                if self.inodes[inode].is_new_folder {
                    self.inodes[inode].owner = owner.unwrap_or(self.inodes[inode].owner);
                    self.inodes[inode].mode = mode.unwrap_or(self.inodes[inode].mode);
                }
            }
            let inode = self.paths[path];
            self.inodes[inode].owner = owner.unwrap_or_default();
            self.inodes[inode].mode = mode.unwrap_or(0o644);
        }
        self.inodes.iter_mut().for_each(|inode| inode.is_new_folder = false);
    }

    fn write(&mut self, path: &str, content: Vec<u8>) {
        self.put(path, What::File(content));
    }

    fn put(&mut self, path: &str, what: What) {
        self.make_parents(path);
        let inode = self.add(Inode { what, mode: 0o644, owner: 0, mtime: self.time, is_new_folder: false });
        self.set(path, inode);
    }

    fn add(&mut self, inode: Inode) -> usize {
        self.inodes.push(inode);
        self.inodes.len() - 1
    }

    fn set(&mut self, path: &str, inode: usize) {
        self.remove_below(path);
        self.paths.insert(path.to_owned(), inode);
        self.touched.insert(path.to_owned());
        self.touch_parent(path);
    }

    /// A directory's time is that of the last change in it.
    fn touch_parent(&mut self, path: &str) {
        let parent = parent(path);
        if let Some(inode) = self.paths.get(&parent).copied() {
            let inode = self.own(&parent, inode);
            self.inodes[inode].mtime = self.time;
        }
    }

    fn make_parents(&mut self, path: &str) {
        let parent = parent(path);
        let is_there = self.paths.get(&parent).is_some_and(|inode| self.inodes[*inode].what == What::Directory);
        if is_there {
            return;
        }
        if parent != "/" {
            self.make_parents(&parent);
        }
        let what = What::Directory;
        let inode = self.add(Inode { what, mode: 0o755, owner: 0, mtime: self.time, is_new_folder: true });
        if parent == "/" {
            self.paths.insert(parent, inode);
        } else {
            self.set(&parent, inode);
        }
    }

    /// Returns the inode of a path as one that this layer may change: a copy, if it is a lower layer's.
    fn own(&mut self, path: &str, inode: usize) -> usize {
        self.touched.insert(path.to_owned());
        if inode >= self.first_own {
            return inode;
        }
        let copy = self.add(self.inodes[inode].clone());
        let is_directory = self.inodes[inode].what == What::Directory;
        for (other, at) in &mut self.paths {
            let is_name = *at == inode && (other == path || (!self.engine.splits_links && !is_directory));
            if is_name {
                *at = copy;
                self.touched.insert(other.clone());
            }
        }
        copy
    }

    fn change(&mut self, top: &str, recursive: bool, change: impl Fn(&mut Inode)) {
        self.change_all(top, recursive, self.engine.copies_unchanged, recursive, change);
    }

    fn change_all(
        &mut self,
        top: &str,
        recursive: bool,
        copies_unchanged: bool,
        has_symlinks: bool,
        change: impl Fn(&mut Inode),
    ) {
        let prefix = format!("{top}/");
        let is_in = |path: &&String| *path == top || (recursive && path.starts_with(&prefix));
        let paths: Vec<String> = self.paths.keys().filter(is_in).cloned().collect();
        for path in paths {
            let inode = self.paths[&path];
            let mut changed = self.inodes[inode].clone();
            change(&mut changed);
            let is_symlink = changed.what == What::Symlink;
            if is_symlink {
                // `chmod` leaves symlinks alone, `chown -R` changes them, and so does `chown -h`.
                changed.mode = self.inodes[inode].mode;
                if !has_symlinks {
                    changed.owner = self.inodes[inode].owner;
                }
            }
            let is_right = (changed.mode, changed.owner) == (self.inodes[inode].mode, self.inodes[inode].owner);
            if is_right && (is_symlink || !copies_unchanged) {
                continue;
            }
            let own = self.own(&path, inode);
            self.inodes[own] = changed;
        }
    }

    fn remove(&mut self, pattern: &str) {
        let names: Vec<String> = match pattern.strip_suffix('*') {
            Some(directory) => {
                let is_in = |path: &&String| path.strip_prefix(directory).is_some_and(|rest| !rest.contains('/'));
                self.paths.keys().filter(is_in).cloned().collect()
            }
            None => self.paths.keys().filter(|path| *path == pattern).cloned().collect(),
        };
        for name in names {
            self.remove_below(&name);
            self.paths.remove(&name);
            self.touched.remove(&name);
            self.touch_parent(&name);
        }
    }

    fn remove_below(&mut self, path: &str) {
        let prefix = format!("{path}/");
        self.paths.retain(|path, _| !path.starts_with(&prefix));
        self.touched.retain(|path| !path.starts_with(&prefix));
    }

    fn link(&mut self, target: &str, path: &str) {
        let Some(inode) = self.paths.get(target).copied() else { return };
        if target == path || matches!(self.inodes[inode].what, What::Directory) || self.paths.contains_key(path) {
            return;
        }
        let own = self.own(target, inode);
        self.make_parents(path);
        self.set(path, own);
    }

    /// Takes what was touched as a layer.
    fn layer(&mut self, lower: &BTreeMap<String, usize>) -> LayerSpec {
        let mut stored = std::mem::take(&mut self.touched);
        for path in stored.clone() {
            let mut above = parent(&path);
            while above != "/" {
                stored.insert(above.clone());
                above = parent(&above);
            }
        }
        let gone = |path: &&String| !self.paths.contains_key(*path);
        let is_directory = |path: &String| {
            path == "/" || self.paths.get(path).is_some_and(|inode| self.inodes[*inode].what == What::Directory)
        };
        let tops = lower.keys().filter(gone).filter(|path| is_directory(&parent(path)));
        let mut members: Vec<Member> = tops.map(|path| Member::whiteout(&path.as_bytes()[1..])).collect();
        let mut first: BTreeMap<usize, String> = BTreeMap::new();
        for path in stored {
            let inode = self.paths[&path];
            let Inode { what, mode, owner, mtime, .. } = self.inodes[inode].clone();
            let kind = match what {
                What::Directory => Kind::Directory,
                What::Symlink => Kind::Symlink(b"somewhere".to_vec()),
                What::File(content) => match first.get(&inode) {
                    Some(name) => Kind::HardLink(name.as_bytes()[1..].to_vec()),
                    None => Kind::File(content),
                },
            };
            first.entry(inode).or_insert_with(|| path.clone());
            let metadata = Metadata { mode, uid: owner, gid: owner, mtime, xattrs: BTreeMap::new() };
            members.push(Member::new(&path.as_bytes()[1..], kind, metadata));
        }
        LayerSpec::of(members)
    }
}

/// Returns the mode that a `chmod` leaves, said once more for the few modes that occur here.
fn changed(word: &str, inode: &Inode) -> u32 {
    let mode = inode.mode;
    let is_executable = inode.what == What::Directory || mode & 0o111 > 0;
    match word {
        "u+x" => mode | 0o100,
        "+x" => mode | 0o111,
        "go-w" => mode & !0o022,
        "g=u" => (mode & !0o070) | ((mode >> 3) & 0o070),
        "a+rX" => mode | 0o444 | if is_executable { 0o111 } else { 0 },
        "u=rwX,go=" => (mode & !0o777) | 0o600 | if is_executable { 0o100 } else { 0 },
        octal => u32::from_str_radix(octal, 8).expect("a number"),
    }
}

/// Evaluates the conditions of a `find` as far as they are read here: up to a closing bracket or the end.
fn holds(words: &mut &[&str], inode: &Inode) -> bool {
    let (mut any, mut all) = (false, true);
    while let Some(word) = take(words) {
        match word {
            "-o" => {
                any |= all;
                all = true;
            }
            "\\)" => break,
            _ => all &= primary(word, words, inode),
        }
    }
    any | all
}

fn primary(word: &str, words: &mut &[&str], inode: &Inode) -> bool {
    let mut value = || take(words).expect("a value");
    let number = |text: &str| u32::from_str_radix(text, 8).expect("a number");
    match word {
        "!" => {
            let word = value();
            !primary(word, words, inode)
        }
        "\\(" => holds(words, inode),
        "-maxdepth" => value() == "0",
        "-type" => match value() {
            "d" => inode.what == What::Directory,
            "f" => matches!(inode.what, What::File(_)),
            "l" => inode.what == What::Symlink,
            other => panic!("type {other}"),
        },
        "-perm" => {
            let wanted = value();
            match wanted.strip_prefix('-') {
                Some(bits) => inode.mode & number(bits) == number(bits),
                None => inode.mode == number(wanted),
            }
        }
        "-user" | "-group" => value() == inode.owner.to_string(),
        other => panic!("condition {other}"),
    }
}

fn take<'a>(words: &mut &[&'a str]) -> Option<&'a str> {
    let (first, rest) = words.split_first()?;
    *words = rest;
    Some(first)
}

fn parent(path: &str) -> String {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/".to_owned(),
        Some((parent, _)) => parent.to_owned(),
    }
}

/// What a container sees of an inode. A directory's time is not part of it.
fn look(inode: &Inode) -> String {
    let Inode { what, mode, owner, mtime, .. } = inode;
    match what {
        What::Directory => format!("directory {mode:o} {owner}"),
        What::Symlink => format!("symlink {owner}"),
        What::File(content) => format!("file {mode:o} {owner} {mtime} {}", content.len()),
    }
}

/// What containers see in an image.
pub fn shown(image: &Analysis) -> BTreeMap<String, String> {
    let index = &image.index;
    let mut shown = BTreeMap::new();
    for (path, inode) in shown_inodes(index, index.layers.len()) {
        let path = String::from_utf8(path).expect("the names are text");
        let Some(inode) = inode else {
            shown.insert(path, "a directory that nothing describes".to_owned());
            continue;
        };
        let entry = index.entry(inode);
        let (owner, _) = index.owner(entry);
        let look = match entry.kind.name() {
            "file" => format!("file {:o} {owner} {} {}", entry.mode, entry.mtime, entry.size),
            "symlink" => format!("symlink {owner}"),
            kind => format!("{kind} {:o} {owner}", entry.mode),
        };
        shown.insert(path, look);
    }
    shown
}
