//! What the config itself starts: its words, the health check, values of the environment.

use super::{Here, Job, Walk};
use crate::analysis::start::reason::{Extent, How, Part, Reason};
use crate::analysis::start::{strings, text, words};
use crate::archive::RunConfig;
use foldhash::HashMap;

impl Walk<'_, '_> {
    /// Queues what the config starts.
    pub(in crate::analysis::start) fn start(&mut self, config: &RunConfig) {
        self.config_words(config);
        let entrypoint: Vec<Vec<u8>> = config.entrypoint.iter().map(|word| word.as_bytes().to_vec()).collect();
        let cmd: Vec<Vec<u8>> = config.cmd.iter().map(|word| word.as_bytes().to_vec()).collect();
        // An entry point that ends in `exec "$@"` runs the command: it is followed first, so that it is the first reason.
        if !cmd.is_empty() {
            self.push(Job::Command(cmd.clone(), self.config_here(Part::Cmd), How::Cmd));
        }
        if !entrypoint.is_empty() {
            let all = [&entrypoint[..], &cmd].concat();
            self.push(Job::Command(all, self.config_here(Part::Entrypoint), How::Entrypoint));
        }
        self.healthcheck(config);
        self.environment_values();
        self.run_queue();
    }

    pub(super) fn healthcheck(&mut self, config: &RunConfig) {
        let here = self.config_here(Part::Healthcheck);
        match config.healthcheck.split_first() {
            Some((kind, rest)) if kind == "CMD" => {
                let words = rest.iter().map(|word| word.as_bytes().to_vec()).collect();
                self.push(Job::Command(words, here, How::Healthcheck));
            }
            Some((kind, rest)) if kind == "CMD-SHELL" => {
                let words = vec![b"/bin/sh".to_vec(), b"-c".to_vec(), rest.join(" ").into_bytes()];
                self.push(Job::Command(words, here, How::Healthcheck));
            }
            _ => {}
        }
    }

    /// Adds the words of the config itself: they are mentioned.
    pub(super) fn config_words(&mut self, config: &RunConfig) {
        let parts = [
            (Part::Entrypoint, How::Entrypoint, &config.entrypoint),
            (Part::Cmd, How::Cmd, &config.cmd),
            (Part::Healthcheck, How::Healthcheck, &config.healthcheck),
        ];
        for (part, how, words) in parts {
            let here = self.config_here(part);
            let reason = self.start.words.add_reason(Reason::new(here.origin, how, words.join(" ").as_bytes()));
            for word in words {
                self.start.words.add_text(word.as_bytes(), reason);
                self.mention_paths(word.as_bytes(), reason);
            }
        }
    }

    /// Adds the absolute paths of a text: they are mentioned.
    pub(super) fn mention_paths(&mut self, text: &[u8], reason: u32) {
        let none = HashMap::default();
        for (_, token) in text::path_tokens(text).filter(|(_, token)| matches!(token.first(), Some(b'/' | b'~' | b'$')))
        {
            for path in self.environment.expand(token, &none).iter().filter(|path| path.starts_with(b"/")) {
                self.start.words.add_path(path, reason);
                if let Some(node) = self.rootfs.resolve(path) {
                    self.start.words.add_path(&self.rootfs.tree().path(node), reason);
                }
            }
        }
    }

    /// Follows values of the environment that are paths, or lists of paths.
    pub(super) fn environment_values(&mut self) {
        let mut variables: Vec<(Vec<u8>, Vec<u8>)> =
            self.environment.variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        variables.sort_unstable();
        for (name, value) in variables.iter().filter(|(name, _)| !is_search_path(name)) {
            let word = [&name[..], b"=", value].concat();
            let here = self.config_here(Part::Env);
            let reason = Reason { is_weak: is_home(name), ..Reason::new(here.origin, How::Env, &word) };
            let number = self.start.words.add_reason(reason.clone());
            self.start.words.add_text(value, number);
            self.environment_command(name, value, here);
            for part in value.split(|byte| b":;, ".contains(byte)).filter(|part| part.starts_with(b"/")) {
                self.environment_path(part, here, &reason, number);
            }
        }
        self.locale();
    }

    /// `EDITOR=vim`, `GIT_SSH_COMMAND=ssh -i x`, `LD_PRELOAD=libx.so`
    pub(super) fn environment_command(&mut self, name: &[u8], value: &[u8], here: Here) {
        if name == b"LD_PRELOAD" {
            for part in value.split(|byte| b": ".contains(byte)).filter(|part| !part.is_empty()) {
                if let Some(node) =
                    self.library(part, &[]).and_then(|node| self.reach_links(node, How::Env, part, here))
                {
                    self.push(Job::Elf(node));
                }
            }
            return;
        }
        let first = value.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        let is_choice =
            [&b"EDITOR"[..], b"VISUAL", b"PAGER", b"BROWSER"].contains(&name) || name.ends_with(b"_COMMAND");
        let is_word = memchr::memchr(b'/', first).is_none() && (is_choice || !strings::is_everyday(first));
        if is_word && self.find_command(first, here).is_some() {
            self.shell_text(value, here, How::Env);
        }
    }

    pub(super) fn environment_path(&mut self, path: &[u8], here: Here, reason: &Reason, number: u32) {
        let path = path.strip_suffix(b"/").unwrap_or(path);
        self.start.words.add_path(path, number);
        let Some(node) = self.rootfs.resolve(path) else { return };
        let shown = self.rootfs.tree().path(node);
        self.start.words.add_path(&shown, number);
        if !self.rootfs.is_directory(node) {
            if self.reach(node, How::Env, &reason.word, here) && !reason.is_weak {
                self.named_file(node, here);
            }
        } else if words::is_narrow(&shown) && !reason.is_weak {
            self.insert(node, reason.clone().with(Extent::Data));
        }
    }
}

/// Variables that list where something is looked for, or that only describe.
fn is_search_path(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 13] = [
        b"PATH",
        b"PWD",
        b"OLDPWD",
        b"HOME",
        b"SHELL",
        b"TMPDIR",
        b"TMP",
        b"TEMP",
        b"LD_LIBRARY_PATH",
        b"MANPATH",
        b"PKG_CONFIG_PATH",
        b"CPATH",
        b"LIBRARY_PATH",
    ];
    NAMES.contains(&name)
}

/// Variables that name the home or the cache of a toolchain: that one is set does not mean that the program runs it.
fn is_home(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 17] = [
        b"GOROOT",
        b"GOPATH",
        b"GOMODCACHE",
        b"GOCACHE",
        b"VIRTUAL_ENV",
        b"NVM_DIR",
        b"M2",
        b"PIP_CACHE_DIR",
        b"UV_CACHE_DIR",
        b"YARN_CACHE_FOLDER",
        b"npm_config_cache",
        b"NPM_CONFIG_CACHE",
        b"NODE_PATH",
        b"PYTHONPATH",
        b"GEM_PATH",
        b"BUNDLE_PATH",
        b"BUNDLE_APP_CONFIG",
    ];
    const HOMES: [&[u8]; 18] = [
        b"JAVA",
        b"CARGO",
        b"RUSTUP",
        b"MAVEN",
        b"M2",
        b"GRADLE",
        b"ANDROID",
        b"POETRY",
        b"COMPOSER",
        b"GEM",
        b"JDK",
        b"NODE",
        b"CONDA",
        b"SCALA",
        b"SBT",
        b"ANT",
        b"DOTNET",
        b"PYTHON",
    ];
    let is_toolchain = |home: &[u8]| HOMES.contains(&home);
    NAMES.contains(&name) || name.strip_suffix(b"_HOME").is_some_and(is_toolchain)
}
