//! Python programs: the interpreter with its environment, imports of the user's files, distributions and what they require.

mod installed;
mod interpreter;
mod modules;

use foldhash::HashMap;

use crate::analysis::start::Language;
use crate::analysis::start::commands::{Line, base, first_operand, normal};
use crate::analysis::start::reason::How;
use crate::analysis::start::walk::{Here, Job, Walk};
use crate::layer::entry::NodeId;

/// A Python that the start runs.
pub(super) struct Python {
    /// Its program as it was found, symlinks not followed.
    shown: NodeId,
    /// Folders of the standard library.
    stdlib: Vec<NodeId>,
    /// Folders of installed modules, in the order of the search.
    sites: Vec<NodeId>,
    distributions: Vec<Distribution>,
    by_name: HashMap<Vec<u8>, usize>,
    /// Distributions by the top-level modules that they install.
    by_module: HashMap<Vec<u8>, Vec<usize>>,
}

/// An installed distribution.
struct Distribution {
    /// `NAME-VERSION.dist-info`, or `.egg-info`.
    information: NodeId,
    name: Vec<u8>,
    site: NodeId,
    modules: Vec<Vec<u8>>,
    is_reached: bool,
}

/// Parts of the standard library that are packages of their own, or for people who build.
const APART: [&[u8]; 13] = [
    b"test",
    b"tests",
    b"idlelib",
    b"turtledemo",
    b"lib2to3",
    b"distutils",
    b"ensurepip",
    b"venv",
    b"tkinter",
    b"site-packages",
    b"dist-packages",
    b"__pycache__",
    b"pydoc_data",
];
/// Folders of modules that one command names.
const MOST_ROOTS: usize = 8;
/// Parts of a dotted name.
const MOST_PARTS: usize = 32;

impl Walk<'_, '_> {
    /// Follows `python …`.
    pub(super) fn python_call(&mut self, line: &Line<'_>, here: Here) {
        let Some(shown) = line.shown else { return };
        let python = self.python_of(shown, here);
        let here = Here { python: Some(python), ..here };
        let takes_value = |word: &[u8]| [&b"-W"[..], b"-X", b"-m", b"-c", b"--check-hash-based-pycs"].contains(&word);
        // Options of one letter go together: `-um`.
        let is_mode = |word: &Vec<u8>| {
            word.len() > 1 && word[0] == b'-' && word[1] != b'-' && [b'm', b'c'].contains(&word[word.len() - 1])
        };
        let operand = first_operand(line.rest, takes_value);
        let mode = line.rest.iter().position(is_mode).filter(|at| operand.is_none_or(|operand| *at < operand));
        match (mode, operand) {
            (Some(at), _) => {
                let value = line.rest.get(at + 1).cloned().unwrap_or_default();
                if line.rest[at].ends_with(b"c") {
                    self.text_of(&value, Language::Python, here);
                } else {
                    self.python_main_module(&value, here);
                }
                self.python_arguments(line.rest.get(at + 2..).unwrap_or_default(), here);
            }
            (None, Some(at)) => {
                self.python_file(&line.rest[at], here);
                self.python_arguments(&line.rest[at + 1..], here);
            }
            (None, None) => {}
        }
    }

    /// Follows `python -m MODULE`.
    fn python_main_module(&mut self, module: &[u8], here: Here) {
        self.python_import(module, here, How::Import);
        self.python_import(&[module, b".__main__"].concat(), here, How::Import);
        self.python_known_servers(base(module), here);
    }

    fn python_file(&mut self, word: &[u8], here: Here) {
        let Some(node) = self.find_file(word, here) else { return };
        let Some(file) = self.reach_links(node, How::Script, word, here) else { return };
        let root = if self.rootfs.is_directory(file) { Some(file) } else { self.rootfs.tree().parent(file) };
        let here = Here { root: root.unwrap_or(here.root), ..here };
        if self.rootfs.is_directory(file) {
            self.python_import(b"__main__", here, How::Import);
            return;
        }
        if let Some(python) = here.python {
            let (shown, sites) = (self.pythons[python].shown, self.pythons[python].sites.clone());
            self.interpreter(Language::Python, shown, Some(file), &sites);
        }
        self.push(Job::Text(file, Language::Python, here));
    }

    /// Follows a Python program that is a command: `gunicorn app:app`.
    pub(super) fn python_application(&mut self, line: &Line<'_>, shebang: Option<&[u8]>, here: Here) {
        let interpreter = shebang.and_then(|line| {
            let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let first = words.next()?;
            if base(first) == b"env" { words.find(|word| !word.starts_with(b"-")) } else { Some(first) }
        });
        let Some(shown) = interpreter.and_then(|word| self.find_command(word, here)) else { return };
        let python = self.python_of(shown, here);
        let here = Here { python: Some(python), ..here };
        self.python_known_servers(normal(base(line.first)), here);
        self.python_arguments(line.rest, here);
    }

    /// Follows words that may be modules (`app.main:app`), folders that they are in (`--chdir src`), files.
    fn python_arguments(&mut self, words: &[Vec<u8>], here: Here) {
        let mut roots = vec![here];
        for word in words {
            let value = match memchr::memchr(b'=', word) {
                Some(at) if word.starts_with(b"-") => &word[at + 1..],
                _ => word,
            };
            let folder = self.find_file(value, here).filter(|node| self.rootfs.is_directory(*node));
            roots.extend(folder.filter(|_| roots.len() < MOST_ROOTS).map(|root| Here { root, cwd: root, ..here }));
        }
        for word in words {
            let value = match memchr::memchr(b'=', word) {
                Some(at) if word.starts_with(b"-") => &word[at + 1..],
                _ => word,
            };
            let module = value.split(|byte| *byte == b':').next().unwrap_or_default();
            for here in roots.clone() {
                if is_dotted(module) && self.user_module(module, here).is_some() {
                    self.python_import(module, here, How::Import);
                }
            }
            // `-k uvicorn.workers.UvicornWorker`
            let top = module.split(|byte| *byte == b'.').next().unwrap_or_default();
            if is_dotted(module) && here.python.is_some_and(|python| self.site_module(top, python)) {
                self.python_import(module, here, How::Import);
            }
            self.argument(word, here);
        }
    }

    /// What servers load without being told.
    fn python_known_servers(&mut self, name: &[u8], here: Here) {
        let modules: &[&[u8]] = match name {
            b"flask" => &[b"app", b"wsgi"],
            b"gunicorn" => &[b"gunicorn.conf"],
            b"celery" => &[b"celeryconfig"],
            b"uwsgi" => &[b"wsgi"],
            b"fastapi" => &[b"main", b"app"],
            _ => return,
        };
        for module in modules {
            if self.user_module(module, here).is_some() {
                self.python_import(module, here, How::Import);
            }
        }
        if let Some(node) = self.rootfs.child(here.cwd, b"gunicorn.conf.py").filter(|_| name == b"gunicorn") {
            self.reach(node, How::Service, b"gunicorn.conf.py", here);
            self.push(Job::Text(node, Language::Python, here));
        }
        for variable in
            [&b"FLASK_APP"[..], b"DJANGO_SETTINGS_MODULE", b"CELERY_APP", b"APP_MODULE", b"GUNICORN_CMD_ARGS"]
        {
            let value = self.environment.variables.get(variable).cloned().unwrap_or_default();
            for part in value.split(|byte| b" =".contains(byte)) {
                let module = part.split(|byte| *byte == b':').next().unwrap_or_default();
                let module = module.strip_suffix(b".py").unwrap_or(module);
                if is_dotted(module) && self.user_module(module, here).is_some() {
                    self.python_import(module, here, How::Env);
                }
            }
        }
    }
}

/// Says whether a text is a module's name: `a.b.c`.
fn is_dotted(name: &[u8]) -> bool {
    let is_part = |part: &[u8]| {
        part.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
            && part.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    !name.is_empty() && name.len() < 200 && name.split(|byte| *byte == b'.').all(is_part)
}
