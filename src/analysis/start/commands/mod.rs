//! Commands: what they run, and which of their words are files and commands again.

mod program;
mod script;

use crate::analysis::start::reason::How;
use crate::analysis::start::shell;
use crate::analysis::start::walk::{Here, Job, Walk};
use crate::analysis::start::{Language, strings, text};
use crate::layer::entry::NodeId;

/// Commands that run another one, which stands among their words.
const WRAPPERS: [&[u8]; 46] = [
    b"tini",
    b"tini-static",
    b"dumb-init",
    b"catatonit",
    b"gosu",
    b"su-exec",
    b"setpriv",
    b"chroot",
    b"sudo",
    b"doas",
    b"env",
    b"nice",
    b"ionice",
    b"chrt",
    b"nohup",
    b"time",
    b"timeout",
    b"stdbuf",
    b"unbuffer",
    b"xvfb-run",
    b"setsid",
    b"unshare",
    b"strace",
    b"xargs",
    b"flock",
    b"watch",
    b"su",
    b"runuser",
    b"start-stop-daemon",
    b"daemonize",
    b"parallel",
    b"busybox",
    b"s6-setuidgid",
    b"chpst",
    b"with-contenv",
    b"exec",
    b"command",
    b"builtin",
    b"linux64",
    b"numactl",
    b"taskset",
    b"prlimit",
    b"dbus-run-session",
    b"fakeroot",
    b"wait-for-it.sh",
    b"dockerize",
];
/// The shell's own commands, whose words are not commands.
const BUILTINS: [&[u8]; 40] = [
    b"[",
    b"[[",
    b"test",
    b"echo",
    b"printf",
    b"export",
    b"readonly",
    b"local",
    b"declare",
    b"typeset",
    b"set",
    b"unset",
    b"shift",
    b"return",
    b"exit",
    b"true",
    b"false",
    b":",
    b"read",
    b"wait",
    b"umask",
    b"ulimit",
    b"alias",
    b"for",
    b"select",
    b"in",
    b"break",
    b"continue",
    b"getopts",
    b"let",
    b"pwd",
    b"jobs",
    b"kill",
    b"shopt",
    b"pushd",
    b"popd",
    b"ln",
    b"mkdir",
    b"chmod",
    b"chown",
];
/// What a command costs of the walk's steps.
const COMMAND_STEPS: u64 = 200;
/// What git does over the network.
const REMOTE: [&[u8]; 6] = [b"clone", b"pull", b"push", b"fetch", b"ls-remote", b"submodule"];
const SHELLS: [&[u8]; 8] = [b"sh", b"bash", b"dash", b"ash", b"zsh", b"ksh", b"mksh", b"rbash"];

impl Walk<'_, '_> {
    /// Follows one command: its first word, and what the rest of them means to it.
    pub(super) fn command(&mut self, words: &[Vec<u8>], here: Here, how: How) {
        // Words that expand to commands with such words again would never end.
        let size: usize = words.iter().map(Vec::len).sum();
        let Some(here) = self.deeper(here).filter(|_| self.may_step(COMMAND_STEPS + size as u64)) else { return };
        let start = words.iter().take_while(|word| shell::assignment(word).is_some()).count();
        let Some((first, rest)) = words[start..].split_first() else { return };
        let name = base(first);
        if WRAPPERS.contains(&name) {
            self.reach_command(first, how, here);
            self.wrapped(name, rest, here, how);
            return;
        }
        match &first[..] {
            b"." | b"source" => {
                if let Some(file) = rest.first() {
                    self.shell_file(file, here);
                }
                return;
            }
            b"eval" | b"trap" => {
                self.shell_text(&rest.join(&b' '), here, how);
                return;
            }
            word if BUILTINS.contains(&word) => {
                self.reach_command(first, how, here);
                return;
            }
            _ => {}
        }
        if self.launch(first, rest, here, how) {
            return;
        }
        let found = self.reach_command(first, how, here);
        if name == b"git" && rest.iter().any(|word| REMOTE.contains(&&word[..])) {
            self.command_needs(b"run:git-remote", here.cwd, here);
        }
        // In the texts of packages only what is run counts.
        if !here.is_own && found.is_none() {
            return;
        }
        let line = Line { first, rest, shown: found.map(|(shown, _)| shown) };
        if !self.known_command(normal(name), &line, here, how) && here.is_own {
            self.arguments(rest, here);
        }
    }

    /// Finds the command that a wrapper runs: the first of its words that is one, or a shell text.
    fn wrapped(&mut self, name: &[u8], rest: &[Vec<u8>], here: Here, how: How) {
        if let Some(at) = rest.iter().position(|word| [&b"-c"[..], b"--command", b"-S"].contains(&&word[..]))
            && [&b"su"[..], b"runuser", b"flock", b"script", b"env", b"sh"].contains(&name)
        {
            self.shell_text(&rest[at + 1..].join(&b' '), here, how);
            return;
        }
        let skip = usize::from([&b"gosu"[..], b"su-exec", b"s6-setuidgid", b"chroot"].contains(&name));
        let is_option = |word: &Vec<u8>| word.starts_with(b"-") || shell::assignment(word).is_some();
        let at = (skip..rest.len()).find(|at| !is_option(&rest[*at]) && self.is_command(&rest[*at], here));
        match at {
            Some(at) => self.command(&rest[at..], here, how),
            None => self.arguments(rest, here),
        }
    }

    fn is_command(&self, word: &[u8], here: Here) -> bool {
        word == b"exec" || (!word.is_empty() && self.find_command(word, here).is_some())
    }

    /// Follows a command that is known by its name; says whether its words are dealt with.
    fn known_command(&mut self, name: &[u8], line: &Line<'_>, here: Here, how: How) -> bool {
        if SHELLS.contains(&name) {
            self.shell_call(line, here, how);
            return true;
        }
        match name {
            b"python" | b"pypy" => self.python_call(line, here),
            b"node" | b"nodejs" => self.node_call(line, here),
            b"npm" | b"yarn" | b"yarnpkg" | b"pnpm" | b"npx" | b"pnpx" | b"bunx" => {
                self.npm_call(name, line, here);
            }
            b"java" | b"mvn" | b"mvnw" | b"gradle" | b"gradlew" => self.java_call(name, line, here, how),
            b"ruby" | b"bundle" | b"bundler" | b"rails" | b"rake" | b"puma" | b"rackup" | b"unicorn" | b"sidekiq" => {
                self.ruby_call(name, line, here, how);
            }
            b"php"
            | b"php-fpm"
            | b"apache"
            | b"apache2"
            | b"apache2-foreground"
            | b"apachectl"
            | b"apache2ctl"
            | b"httpd" => {
                self.php_call(name, line, here);
            }
            b"perl" => self.perl_call(line, here),
            b"run-parts" | b"service" | b"rc-service" | b"invoke-rc.d" | b"make" | b"gmake" => {
                self.running_call(name, line, here);
            }
            b"go" | b"cargo" | b"poetry" | b"pipenv" | b"uv" | b"dotnet" => self.runner_call(name, line, here, how),
            _ => {
                self.script_call(line, here);
                return false;
            }
        }
        true
    }

    /// A program that is a script itself: its words can be modules (`gunicorn app:app`) or programs (`nodemon x.js`).
    fn script_call(&mut self, line: &Line<'_>, here: Here) {
        let Some(shown) = line.shown else { return };
        let Some(program) = self.rootfs.follow(shown) else { return };
        match self.language_of_program(program) {
            Some((Language::Python, interpreter)) => self.python_application(line, interpreter.as_deref(), here),
            Some((Language::Node, _)) => self.node_application(line, program, here),
            _ => {}
        }
    }

    fn shell_call(&mut self, line: &Line<'_>, here: Here, how: How) {
        let is_code = |word: &Vec<u8>| word.starts_with(b"-") && !word.starts_with(b"--") && word.ends_with(b"c");
        if let Some(at) = line.rest.iter().position(is_code) {
            if let Some(code) = line.rest.get(at + 1) {
                self.shell_text(code, here, how);
            }
            self.arguments(line.rest.get(at + 2..).unwrap_or_default(), here);
            return;
        }
        let takes_value = |word: &[u8]| [&b"-o"[..], b"+o", b"--rcfile", b"--init-file"].contains(&word);
        let Some(at) = first_operand(line.rest, takes_value) else { return };
        self.shell_file(&line.rest[at], here);
        self.arguments(&line.rest[at + 1..], here);
    }

    /// Follows a script that a shell reads: whatever its first line says.
    fn shell_file(&mut self, word: &[u8], here: Here) {
        let Some(node) = self.find_file(word, here).or_else(|| self.find_command(word, here)) else { return };
        if let Some(file) = self.reach_links(node, How::Script, word, here) {
            self.push(Job::Text(file, Language::Shell, here));
        }
    }

    /// Finds a file by a path: absolute, or relative to the working directory, the folder of the text or the program's.
    pub(super) fn find_file(&self, word: &[u8], here: Here) -> Option<NodeId> {
        if word.is_empty() {
            return None;
        }
        if word.starts_with(b"/") {
            return self.rootfs.find(word);
        }
        // What a variable or a substitution stands for is not known: the folder of the script is the best guess.
        let known = match word.first() {
            Some(b'$') => memchr::memchr(b'/', word).map_or(&b""[..], |at| &word[at + 1..]),
            _ => word,
        };
        if known.is_empty() {
            return None;
        }
        let folders = [here.cwd, here.folder, here.root];
        let found = folders.into_iter().find_map(|folder| self.find_below(folder, known));
        // `$X/bin/y` can mean the root.
        found
            .or_else(|| (known.len() < word.len()).then(|| self.rootfs.find(known)).flatten())
            .filter(|node| *node != NodeId::ROOT)
    }

    /// Finds a path below a folder; a symlink at its end is not followed.
    pub(super) fn find_below(&self, folder: NodeId, path: &[u8]) -> Option<NodeId> {
        if memchr::memchr(b'/', path).is_none() && !path.starts_with(b".") {
            return self.rootfs.child(folder, path);
        }
        self.rootfs.find(&[&self.rootfs.tree().path(folder), &b"/"[..], path].concat())
    }

    /// Finds what runs when a word is a command; symlinks at its end are not followed.
    pub(super) fn find_command(&self, word: &[u8], here: Here) -> Option<NodeId> {
        if memchr::memchr(b'/', word).is_some() {
            let node = self.find_file(word, here)?;
            return self.rootfs.follow(node).filter(|file| self.rootfs.copy(*file).is_some()).map(|_| node);
        }
        let folders = here.bin.into_iter().chain(self.environment.path.iter().copied());
        let mut found = folders.filter_map(|folder| self.rootfs.child(folder, word));
        found.find(|node| self.rootfs.follow(*node).is_some_and(|file| self.rootfs.is_executable(file)))
    }

    /// Reaches what runs when a word is a command, follows it, and asks the table. Returns it as it is found, and the file.
    pub(super) fn reach_command(&mut self, word: &[u8], how: How, here: Here) -> Option<(NodeId, NodeId)> {
        let shown = self.find_command(word, here)?;
        let file = self.reach_links(shown, how, word, here)?;
        let is_own_script = self.is_own(file) && matches!(self.language_of_program(file), Some((Language::Shell, _)));
        for node in [shown, file] {
            let name = self.rootfs.tree().name(node).to_vec();
            // A script of the user's that is called `convert` is not ImageMagick's.
            if !is_own_script {
                self.command_needs(&name, node, here);
            }
            self.service(&name, node, here);
        }
        self.push(Job::Program(file, here));
        Some((shown, file))
    }

    pub(super) fn arguments(&mut self, words: &[Vec<u8>], here: Here) {
        for word in words {
            self.argument(word, here);
        }
    }

    /// Follows a word of a command that may be a file, a command line or a command.
    pub(super) fn argument(&mut self, word: &[u8], here: Here) {
        let word = match memchr::memchr(b'=', word) {
            Some(at) if word.starts_with(b"-") || shell::assignment(word).is_some() => &word[at + 1..],
            _ => word,
        };
        if word.len() < 2 || word.starts_with(b"-") {
            return;
        }
        if word.iter().any(u8::is_ascii_whitespace) {
            self.line_argument(word, here);
            return;
        }
        let node = self.find_file(word, here);
        if let Some(file) =
            node.and_then(|node| self.rootfs.follow(node)).filter(|file| self.rootfs.copy(*file).is_some())
        {
            if let Some(node) = node {
                self.reach_links(node, How::Script, word, here);
            }
            self.named_file(file, here);
        } else if !strings::is_everyday(word)
            && memchr::memchr(b'/', word).is_none()
            && self.find_command(word, here).is_some()
        {
            self.command(&[word.to_vec()], here, How::Script);
        }
    }

    /// Follows a word with blanks in it: `--exec "ts-node x"`, `sh -c`-like.
    fn line_argument(&mut self, word: &[u8], here: Here) {
        let first = word.split(u8::is_ascii_whitespace).find(|part| !part.is_empty()).unwrap_or_default();
        if !strings::is_everyday(first) && self.find_command(first, here).is_some() {
            self.shell_text(word, here, How::Script);
        }
    }

    /// Follows the strings of a program that name commands or files.
    pub(super) fn strings(&mut self, text: &[u8], here: Here) {
        let mut names = Vec::new();
        for literal in text::literals(text) {
            let value = literal.value;
            if let Some(line) = strings::command_line(text, &literal) {
                let first = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
                if self.find_command(first, here).is_some() {
                    self.shell_text(line, here, How::Text);
                }
            }
            if value.len() > 1 && value.len() <= 255 && !value.iter().any(|byte| b" \t\n/".contains(byte)) {
                names.push(value);
            }
        }
        for name in names {
            let folders = [here.folder, here.cwd].into_iter().filter(|folder| *folder != NodeId::ROOT);
            let found = folders.into_iter().find_map(|folder| self.rootfs.child(folder, name));
            let Some(node) = found else { continue };
            if self.rootfs.is_directory(node) {
                // `os.path.join(BASE, "data")`
                self.reach_data(node, How::Text, name, here);
            } else if self.reach(node, How::Text, name, here) {
                self.named_file(node, here);
            }
        }
    }
}

/// A command that was found, with its words.
pub(super) struct Line<'a> {
    pub(super) first: &'a [u8],
    pub(super) rest: &'a [Vec<u8>],
    /// Where it is, symlinks at its end not followed.
    pub(super) shown: Option<NodeId>,
}

/// Returns where the first word stands that is no option. `takes_value` knows options with a value of their own.
pub(super) fn first_operand(words: &[Vec<u8>], takes_value: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if word == b"--" {
            return (at + 1 < words.len()).then_some(at + 1);
        }
        if !word.starts_with(b"-") || word == b"-" {
            return Some(at);
        }
        at += if takes_value(word) { 2 } else { 1 };
    }
    None
}

/// Returns the last component of a path.
pub(super) fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// Returns the name of a command without its version: `python3.11` is `python`, `php-fpm8.2` is `php-fpm`.
pub(super) fn normal(name: &[u8]) -> &[u8] {
    let keeps: [&[u8]; 7] = [b"apache2", b"s6", b"m4", b"apache2ctl", b"gpg2", b"7z", b"bzip2"];
    if keeps.contains(&name) {
        return name;
    }
    let end = name.iter().rposition(|byte| !(byte.is_ascii_digit() || *byte == b'.')).map_or(name.len(), |at| at + 1);
    let short = &name[..end];
    short.strip_suffix(b"-").filter(|_| end < name.len()).unwrap_or(short)
}

fn interpreter_language(name: &[u8]) -> Option<Language> {
    Some(match name {
        name if SHELLS.contains(&name) || name == b"busybox" || name == b"with-contenv" || name == b"execlineb" => {
            Language::Shell
        }
        b"python" | b"pypy" => Language::Python,
        b"node" | b"nodejs" | b"tsx" | b"ts-node" | b"bun" | b"deno" => Language::Node,
        b"ruby" => Language::Ruby,
        b"php" => Language::Php,
        b"perl" => Language::Perl,
        b"java" => Language::Java,
        _ => return None,
    })
}

/// Returns what a file is written in, by its name.
pub(super) fn language_of(name: &[u8]) -> Option<Language> {
    let extension = name.rsplit(|byte| *byte == b'.').next().filter(|extension| extension.len() < name.len())?;
    Some(match extension {
        b"sh" | b"bash" => Language::Shell,
        b"py" | b"pyw" | b"pyx" => Language::Python,
        b"js" | b"mjs" | b"cjs" | b"ts" | b"mts" | b"cts" | b"tsx" | b"jsx" => Language::Node,
        b"rb" | b"ru" | b"rake" => Language::Ruby,
        b"php" | b"phtml" => Language::Php,
        b"pl" | b"pm" | b"cgi" | b"psgi" => Language::Perl,
        b"java" | b"kt" | b"groovy" => Language::Java,
        _ => return None,
    })
}
