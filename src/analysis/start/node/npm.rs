//! npm, yarn, pnpm and npx: what they launch.

use crate::analysis::start::commands::Line;
use crate::analysis::start::launchers::Launcher;
use crate::analysis::start::reason::{How, Origin, Reason};
use crate::analysis::start::walk::{Here, Walk};
use serde_json::Value;

impl Walk<'_, '_> {
    /// Follows npm, yarn, pnpm where they run a script of the manifest or a package's command; says whether they do.
    pub(in crate::analysis::start) fn npm_launch(
        &mut self,
        name: &[u8],
        first: &[u8],
        rest: &[Vec<u8>],
        here: Here,
        how: How,
    ) -> bool {
        let (here, words) = self.npm_folder(rest, here);
        let Some((verb, more)) = words.split_first() else { return false };
        let is_runner = [&b"npx"[..], b"pnpx", b"bunx"].contains(&name);
        let runs_binary = is_runner || [&b"exec"[..], b"x", b"dlx"].contains(&&verb[..]);
        let modules = self.find_package(here.cwd, b".bin").and_then(|node| self.rootfs.follow(node));
        let inside = Here { bin: modules.or(here.bin), ..here };
        let command = [&[first.to_vec()], rest].concat();
        if runs_binary {
            let words: Vec<Vec<u8>> = if is_runner { words.clone() } else { more.to_vec() };
            let words: Vec<Vec<u8>> = words.into_iter().skip_while(|word| word.starts_with(b"-")).collect();
            if words.is_empty() || self.find_command(&words[0], inside).is_none() {
                return false;
            }
            let launcher = self.launcher(Launcher::new(here.origin, &command, words.join(&b' '), None));
            self.later_commands(launcher, &[first], here, how);
            self.command(&words, inside, How::Script);
            return true;
        }
        let script: &[u8] = match &verb[..] {
            b"run" | b"run-script" | b"rum" => {
                more.iter().find(|word| !word.starts_with(b"-")).map_or(&b""[..], |word| word)
            }
            b"node" if name == b"yarn" || name == b"pnpm" => {
                let launcher =
                    self.launcher(Launcher::new(here.origin, &command, words.join(&b' '), Some(words.clone())));
                self.later_commands(launcher, &[first], here, how);
                self.command(&words, inside, How::Script);
                return true;
            }
            verb => verb,
        };
        let passed = words.iter().skip_while(|word| &word[..] != script).skip(1).cloned().collect::<Vec<_>>();
        self.npm_script(script, &passed, &command, first, inside, how)
    }

    /// Runs a script of the nearest manifest.
    pub(super) fn npm_script(
        &mut self,
        script: &[u8],
        passed: &[Vec<u8>],
        command: &[Vec<u8>],
        first: &[u8],
        here: Here,
        how: How,
    ) -> bool {
        let Some(manifest) = self.nearest(here.cwd, b"package.json") else { return false };
        let Ok(name) = std::str::from_utf8(script) else { return false };
        let document = self.json(manifest).unwrap_or_default();
        let folder = self.rootfs.tree().parent(manifest).unwrap_or(here.cwd);
        let text = |name: &str| {
            let found = document.get("scripts").and_then(|scripts| scripts.get(name)).and_then(Value::as_str);
            found.map(str::to_owned)
        };
        let default =
            (name == "start" && self.rootfs.child(folder, b"server.js").is_some()).then(|| "node server.js".to_owned());
        let Some(main) = text(name).or(default) else { return false };
        let around = [text(&format!("pre{name}")), text(&format!("post{name}"))];
        let is_alone = around.iter().all(Option::is_none) && passed.is_empty();
        let inside = Here { origin: Origin::Path(manifest), cwd: folder, folder, root: folder, ..here };
        let words = if is_alone { self.plain_words(main.as_bytes(), here, folder) } else { None };
        let launcher = self.launcher(Launcher::new(here.origin, command, main.clone().into_bytes(), words));
        let label = format!("scripts.{name}");
        self.reach(manifest, How::Manifest, label.as_bytes(), here);
        let reason = Reason::new(Origin::Path(manifest), How::Manifest, main.as_bytes());
        let number = self.start.words.add_reason(reason);
        for text in around.into_iter().flatten().chain([main]) {
            self.start.words.add_text(text.as_bytes(), number);
            self.path_words(text.as_bytes(), inside, How::Manifest, number);
            self.shell_text(text.as_bytes(), inside, How::Manifest);
        }
        self.arguments(passed, inside);
        self.later_commands(launcher, &[first, b"sh"], here, how);
        true
    }

    /// Leaves out the options of npm, and goes where they say.
    pub(super) fn npm_folder(&self, rest: &[Vec<u8>], here: Here) -> (Here, Vec<Vec<u8>>) {
        let mut here = here;
        let mut words = Vec::new();
        let mut at = 0;
        while let Some(word) = rest.get(at) {
            let cut = memchr::memchr(b'=', word).unwrap_or(word.len());
            match &word[..cut] {
                b"--prefix" | b"--cwd" | b"-C" | b"--dir" if words.len() < 2 => {
                    at += usize::from(cut == word.len());
                    let folder =
                        if cut == word.len() { rest.get(at).map_or(&b""[..], |word| word) } else { &word[cut + 1..] };
                    here.cwd = self.rootfs.resolve_from(here.cwd, folder).unwrap_or(here.cwd);
                }
                b"-w" | b"--workspace" | b"--filter" | b"-F" if words.is_empty() => {
                    at += usize::from(cut == word.len());
                }
                b"--" => {}
                option if option.starts_with(b"-") && words.is_empty() => {}
                _ => words.push(word.clone()),
            }
            at += 1;
        }
        (here, words)
    }

    /// Follows npm and its like where they are needed themselves: `npm ci`, `npx` of something that is not installed.
    pub(in crate::analysis::start) fn npm_call(&mut self, name: &[u8], line: &Line<'_>, here: Here) {
        // Called for what it does itself: `npm ci`.
        if !line.rest.is_empty() {
            self.command_needs(&[b"run:", name].concat(), here.cwd, here);
        }
        if let Some(program) = line.shown.and_then(|shown| self.rootfs.follow(shown)) {
            let alone = Line { first: line.first, rest: &[], shown: line.shown };
            self.node_application(&alone, program, here);
        }
    }
}
