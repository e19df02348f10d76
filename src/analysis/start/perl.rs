//! Perl programs: the modules that they use.

use super::Language;
use super::commands::{Line, first_operand};
use super::reason::How;
use super::walk::{Here, Job, Walk};
use crate::layer::entry::NodeId;

/// Where Perl looks for modules; `*` is a version or an architecture.
const FOLDERS: [&[u8]; 16] = [
    b"etc/perl",
    b"usr/local/lib/*/perl/*",
    b"usr/local/share/perl/*",
    b"usr/local/lib/perl5",
    b"usr/local/lib/perl5/*",
    b"usr/local/lib/perl5/*/*",
    b"usr/local/share/perl5",
    b"usr/local/share/perl5/*",
    b"usr/lib/*/perl5/*",
    b"usr/share/perl5",
    b"usr/share/perl5/*",
    b"usr/lib/perl5/*",
    b"usr/lib64/perl5/*",
    b"usr/lib/*/perl-base",
    b"usr/lib/*/perl/*",
    b"usr/share/perl/*",
];

impl Walk<'_, '_> {
    /// Follows `perl …`.
    pub(super) fn perl_call(&mut self, line: &Line<'_>, here: Here) {
        let takes_value = |word: &[u8]| [&b"-e"[..], b"-E", b"-I"].contains(&word);
        let is_code = |word: &[u8]| word.starts_with(b"-") && !word.starts_with(b"-M") && word.ends_with(b"e");
        for pair in line.rest.windows(2).filter(|pair| is_code(&pair[0])) {
            self.text_of(&pair[1], Language::Perl, here);
        }
        for module in line.rest.iter().filter_map(|word| word.strip_prefix(b"-M")) {
            self.perl_module(module.split(|byte| *byte == b'=').next().unwrap_or_default(), here);
        }
        let Some(at) = first_operand(line.rest, takes_value) else { return };
        let word = &line.rest[at];
        if let Some(node) = self.find_file(word, here)
            && let Some(file) = self.reach_links(node, How::Script, word, here)
        {
            if let Some(shown) = line.shown {
                self.interpreter(Language::Perl, shown, Some(file), &[]);
            }
            let root = self.rootfs.tree().parent(file).unwrap_or(here.root);
            self.push(Job::Text(file, Language::Perl, Here { root, ..here }));
        }
        self.arguments(&line.rest[at + 1..], here);
    }

    /// Follows `use`, `require` and `use parent` of a Perl text.
    pub(super) fn perl_text(&mut self, text: &[u8], here: Here) {
        for statement in text.split(|byte| b";\n{".contains(byte)).map(<[u8]>::trim_ascii) {
            let rest = statement.strip_prefix(b"use ").or_else(|| statement.strip_prefix(b"require "));
            let Some(rest) = rest else { continue };
            let parents = [&b"parent"[..], b"base"].iter().any(|word| rest.starts_with(word));
            let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_:".contains(byte);
            let mut names = rest.split(|byte| !is_name(byte)).filter(|name| !name.is_empty());
            let count = if parents { 16 } else { 1 };
            for name in names.by_ref().take(count) {
                self.perl_module(name, here);
            }
        }
    }

    fn perl_module(&mut self, name: &[u8], here: Here) {
        if !name.first().is_some_and(u8::is_ascii_alphabetic) {
            return;
        }
        let mut path: Vec<u8> =
            name.split(|byte| *byte == b':').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(&b'/');
        self.module_needs(&[b"perl:", name].concat(), here.is_own, here);
        path.extend_from_slice(b".pm");
        for folder in self.perl_folders(here) {
            let Some(node) = self.find_below(folder, &path) else { continue };
            if self.reach(node, How::Import, name, here) {
                self.push(Job::Text(node, Language::Perl, here));
            }
            // What is compiled of it: `auto/DBD/Pg/Pg.so`.
            let compiled = [&b"auto/"[..], &path[..path.len() - 3]].concat();
            if let Some(folder) = self.find_below(folder, &compiled) {
                self.reach_tree(folder, How::Import, name, here);
            }
            return;
        }
    }

    fn perl_folders(&mut self, here: Here) -> Vec<NodeId> {
        let installed = match self.perl_folders.take() {
            Some(known) => known,
            None => FOLDERS.iter().flat_map(|path| self.pattern(NodeId::ROOT, path)).collect(),
        };
        self.perl_folders = Some(installed.clone());
        let own = [here.root, here.cwd, here.folder];
        let mut folders: Vec<NodeId> = own.iter().filter_map(|folder| self.rootfs.child(*folder, b"lib")).collect();
        folders.extend(own);
        folders.extend(self.environment.folders(self.rootfs, b"PERL5LIB"));
        folders.extend(self.find_below(here.cwd, b"local/lib/perl5"));
        folders.extend(installed);
        folders
    }
}
