//! Programs that only start another one: `npm start`, `go run`, a script that is nothing but `exec`.

use super::commands::{Line, base, first_operand, normal};
use super::reason::{How, Origin};
use super::shell;
use super::walk::{Here, Job, Walk};
use crate::layer::entry::NodeId;

/// A program that only starts another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Launcher {
    /// Where it is called: the config's own command can be edited, another text hardly.
    pub(crate) origin: Origin,
    /// The launching command, as it stands.
    pub(crate) command: Vec<Vec<u8>>,
    /// What it starts in the end, as text.
    pub(crate) starts: Vec<u8>,
    /// The same as the words of an exec-form CMD, where they do the very same: no shell syntax, no variables, nothing
    /// before or after, and what runs is found without the launcher.
    pub(crate) words: Option<Vec<Vec<u8>>>,
    /// What is reached through the launcher alone.
    pub(crate) only_through_it: Vec<NodeId>,
}

/// More launchers than any start has.
const MOST_LAUNCHERS: usize = 1_000;

impl Launcher {
    pub(super) fn new(origin: Origin, command: &[Vec<u8>], starts: Vec<u8>, words: Option<Vec<Vec<u8>>>) -> Self {
        Launcher { origin, command: command.to_vec(), starts, words, only_through_it: Vec::new() }
    }
}

impl Walk<'_, '_> {
    /// Follows a command that only launches another; says whether it does.
    pub(super) fn launch(&mut self, first: &[u8], rest: &[Vec<u8>], here: Here, how: How) -> bool {
        let name = normal(base(first));
        if self.start.launchers.len() >= MOST_LAUNCHERS || self.find_command(first, here).is_none() {
            return false;
        }
        match name {
            b"npm" | b"yarn" | b"yarnpkg" | b"pnpm" | b"npx" | b"pnpx" | b"bunx" => {
                self.npm_launch(name, first, rest, here, how)
            }
            b"poetry" | b"pipenv" | b"uv" | b"pdm" | b"hatch" if rest.first().is_some_and(|word| word == b"run") => {
                self.environment_launch(first, rest, here, how)
            }
            b"bundle" | b"bundler" if rest.first().is_some_and(|word| word == b"exec") => false,
            _ => self.exec_script(first, rest, here, how),
        }
    }

    /// `poetry run X`, `pipenv run X`: X of the virtual environment.
    fn environment_launch(&mut self, first: &[u8], rest: &[Vec<u8>], here: Here, how: How) -> bool {
        let Some(at) =
            first_operand(&rest[1..], |word| [&b"--with"[..], b"--extra", b"-p", b"--project"].contains(&word))
        else {
            return false;
        };
        let words = rest[1 + at..].to_vec();
        let local = self.find_below(here.cwd, b".venv/bin");
        let inside = Here { bin: local.or(here.bin), ..here };
        if self.find_command(&words[0], inside).is_none() {
            return false;
        }
        let command = [&[first.to_vec()], rest].concat();
        let is_everywhere = self.find_command(&words[0], here).is_some();
        let exact = is_everywhere.then(|| words.clone());
        let launcher = self.launcher(Launcher::new(here.origin, &command, words.join(&b' '), exact));
        self.later_commands(launcher, &[first], here, how);
        self.command(&words, inside, How::Script);
        true
    }

    /// A script of the user's that is nothing but `exec`.
    fn exec_script(&mut self, first: &[u8], rest: &[Vec<u8>], here: Here, how: How) -> bool {
        if !rest.is_empty() || !matches!(here.origin, Origin::Config(_)) {
            return false;
        }
        let Some(file) = self.find_command(first, here).and_then(|node| self.rootfs.follow(node)) else { return false };
        let Some((super::Language::Shell, _)) = self.language_of_program(file) else { return false };
        let text = self.rootfs.read(file).filter(|_| self.is_own(file)).unwrap_or_default();
        let script = shell::parse(&text);
        let is_setting = |command: &&shell::Command| command.words.first().is_some_and(|word| word == b"set");
        let mut commands = script.commands.iter().skip_while(is_setting);
        let (Some(last), None) = (commands.next(), commands.next()) else { return false };
        let is_exec = last.words.first().is_some_and(|word| word == b"exec") && last.words.len() > 1;
        if !is_exec || script.has_syntax || last.words[1].starts_with(b"-") {
            return false;
        }
        let line =
            text[..].rsplit(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
        let line = line.trim_ascii().strip_prefix(b"exec ").unwrap_or_default().to_vec();
        let words = self.plain_words(&line, here, here.cwd);
        let launcher = self.launcher(Launcher::new(here.origin, &[first.to_vec()], line, words));
        let folder = self.rootfs.tree().parent(file).unwrap_or(here.folder);
        let expanded: Vec<Vec<u8>> = last.words[1..]
            .iter()
            .map(|word| self.environment.expand(word, &foldhash::HashMap::default()).swap_remove(0))
            .collect();
        self.command(&expanded, Here { folder, ..here }, How::Script);
        self.push_later(launcher, Job::Launcher(first.to_vec(), here, how));
        true
    }

    pub(super) fn launcher(&mut self, launcher: Launcher) -> usize {
        self.start.launchers.push(launcher);
        self.start.launchers.len() - 1
    }

    /// Puts off following the launchers themselves.
    pub(super) fn later_commands(&mut self, launcher: usize, names: &[&[u8]], here: Here, how: How) {
        for name in names {
            self.push_later(launcher, Job::Command(vec![name.to_vec()], here, how));
        }
    }

    /// Returns the words of a shell line that is one plain command: nothing that a shell would expand, and a command that
    /// is found without a shell. `folder` is where the launcher runs it.
    pub(super) fn plain_words(&self, line: &[u8], here: Here, folder: NodeId) -> Option<Vec<Vec<u8>>> {
        let is_special = |byte: &u8| b"$`*?[]{}()<>|&;~#!\\\n".contains(byte);
        if line.iter().any(is_special) {
            return None;
        }
        let script = shell::parse(line);
        let [command] = &script.commands[..] else { return None };
        let is_plain = command.assignments.is_empty() && command.targets.is_empty() && !script.has_syntax;
        let first = command.words.first().filter(|_| is_plain && folder == self.environment.workdir)?;
        let outside = Here { bin: None, ..here };
        let is_builtin =
            [&b"exec"[..], b"cd", b".", b"source", b"eval", b"export", b"set", b"test"].contains(&&first[..]);
        (!is_builtin && self.find_command(first, outside).is_some()).then(|| command.words.clone())
    }

    /// Follows `go run`, `cargo run`, `dotnet`, and the like.
    pub(super) fn runner_call(&mut self, name: &[u8], line: &Line<'_>, here: Here, how: How) {
        let runs = line.rest.first().is_some_and(|word| word == b"run");
        if runs && [&b"go"[..], b"cargo", b"dotnet"].contains(&name) {
            let command = [&[line.first.to_vec()], line.rest].concat();
            self.launcher(Launcher::new(here.origin, &command, line.rest.join(&b' '), None));
            self.command_needs(&[b"run:", name].concat(), here.cwd, here);
        }
        if name == b"dotnet" {
            self.dotnet(line, here);
        }
        let _ = how;
        self.arguments(line.rest, here);
    }

    /// `dotnet X.dll` loads what lies beside it, and the framework.
    fn dotnet(&mut self, line: &Line<'_>, here: Here) {
        for word in line.rest.iter().filter(|word| word.ends_with(b".dll")) {
            let folder = self.find_file(word, here).and_then(|file| self.rootfs.tree().parent(file));
            if let Some(folder) = folder.filter(|folder| *folder != NodeId::ROOT) {
                self.reach_tree(folder, How::Runtime, word, here);
            }
        }
        for path in [
            &b"/usr/share/dotnet/shared"[..],
            b"/usr/lib/dotnet/shared",
            b"/usr/share/dotnet/host",
            b"/usr/lib/dotnet/host",
        ] {
            if let Some(node) = self.rootfs.resolve(path) {
                self.reach_tree(node, How::Runtime, line.first, here);
            }
        }
    }
}
