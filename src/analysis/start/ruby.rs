//! Ruby programs: what they require, and the gems of their Gemfile.

use std::collections::BTreeMap;

use foldhash::HashMap;

use super::Language;
use super::commands::{Line, first_operand};
use super::reason::{How, Origin};
use super::text;
use super::walk::{Here, Job, Walk};
use crate::layer::entry::NodeId;

/// Where gems are installed; `*` is a version.
const GEM_FOLDERS: [&[u8]; 9] = [
    b"/usr/local/bundle",
    b"/usr/local/bundle/ruby/*",
    b"/usr/local/lib/ruby/gems/*",
    b"/usr/lib/ruby/gems/*",
    b"/usr/lib64/ruby/gems/*",
    b"/usr/lib/*/ruby/gems/*",
    b"/var/lib/gems/*",
    b"/usr/share/rubygems-integration/*",
    b"/usr/share/gems",
];
/// Where packages of the operating system put modules; `*` is a version or an architecture.
const LIBRARIES: [&[u8]; 6] = [
    b"usr/lib/ruby/vendor_ruby",
    b"usr/lib/*/ruby/vendor_ruby/*",
    b"usr/local/lib/site_ruby",
    b"usr/local/lib/site_ruby/*",
    b"usr/share/ruby",
    b"usr/share/ruby/vendor_ruby",
];
/// Files that a Ruby server reads by itself.
const KNOWN_FILES: [&[u8]; 7] = [
    b"config.ru",
    b"config/puma.rb",
    b"config/application.rb",
    b"config/environment.rb",
    b"config/boot.rb",
    b"Rakefile",
    b"config/unicorn.rb",
];
/// Folders of a Rails program.
const RAILS: [&[u8]; 6] = [b"app", b"config", b"lib", b"public", b"db", b"bin"];

impl Walk<'_, '_> {
    /// Follows `ruby …`, `bundle exec …`, `rails …`.
    pub(super) fn ruby_call(&mut self, name: &[u8], line: &Line<'_>, here: Here, how: How) {
        if name == b"ruby" {
            self.ruby(line, here);
            return;
        }
        if let Some((shown, _)) = self.reach_command(b"ruby", how, here) {
            self.interpreter(Language::Ruby, shown, None, &[]);
            self.ruby_runtime(shown, here);
        }
        self.bundle(here);
        for file in KNOWN_FILES {
            if let Some(node) = self.find_below(here.cwd, file) {
                self.reach(node, How::Service, file, here);
                self.push(Job::Text(node, Language::Ruby, here));
            }
        }
        for folder in RAILS {
            let is_rails = self.find_below(here.cwd, b"config/application.rb").is_some();
            if let Some(node) = self.rootfs.child(here.cwd, folder).filter(|_| is_rails) {
                self.reach_tree(node, How::Service, folder, here);
                self.ruby_folder(node, here);
            }
        }
        match line.rest.split_first() {
            Some((verb, rest)) if name.starts_with(b"bundle") && verb == b"exec" => {
                let bin = self.gem_homes(here).into_iter().find_map(|home| self.rootfs.child(home, b"bin"));
                self.command(rest, Here { bin: bin.or(here.bin), ..here }, how);
            }
            _ => self.arguments(line.rest, here),
        }
    }

    fn ruby(&mut self, line: &Line<'_>, here: Here) {
        if let Some(shown) = line.shown {
            self.ruby_runtime(shown, here);
        }
        let takes_value = |word: &[u8]| [&b"-I"[..], b"-r", b"-e", b"-C"].contains(&word);
        for pair in line.rest.windows(2) {
            match &pair[0][..] {
                b"-e" => self.text_of(&pair[1], Language::Ruby, here),
                b"-r" => self.ruby_require(&pair[1], here),
                _ => {}
            }
        }
        let Some(at) = first_operand(line.rest, takes_value) else { return };
        let word = &line.rest[at];
        if let Some(node) = self.find_file(word, here)
            && let Some(file) = self.reach_links(node, How::Script, word, here)
        {
            if let Some(shown) = line.shown {
                self.interpreter(Language::Ruby, shown, Some(file), &[]);
            }
            let root = self.rootfs.tree().parent(file).unwrap_or(here.root);
            self.push(Job::Text(file, Language::Ruby, Here { root, ..here }));
        }
        self.arguments(&line.rest[at + 1..], here);
    }

    /// Follows the user's files of a folder that is loaded as a whole.
    fn ruby_folder(&mut self, folder: NodeId, here: Here) {
        let mut open = vec![folder];
        let mut left = 20_000;
        while let Some(node) = open.pop().filter(|_| left > 0) {
            left -= 1;
            if self.rootfs.is_directory(node) {
                open.extend(self.rootfs.children(node));
            } else if self.rootfs.tree().name(node).ends_with(b".rb") {
                self.push(Job::Text(node, Language::Ruby, here));
            }
        }
    }

    /// Follows what a Ruby text requires.
    pub(super) fn ruby_text(&mut self, text: &[u8], here: Here) {
        for literal in text::literals(text) {
            let before = text[..literal.start - 1].trim_ascii_end();
            let before = before.strip_suffix(b"(").unwrap_or(before).trim_ascii_end();
            if [&b"require"[..], b"require_relative", b"load", b"gem", b"autoload"]
                .iter()
                .any(|word| before.ends_with(word))
            {
                self.ruby_require(literal.value, here);
            }
        }
        self.percent_commands(text, here);
    }

    /// `%x(git describe)`
    fn percent_commands(&mut self, text: &[u8], here: Here) {
        for at in memchr::memmem::find_iter(text, b"%x") {
            let Some(open) = text.get(at + 2).filter(|byte| b"({[".contains(byte)) else { continue };
            let close = match open {
                b'(' => b')',
                b'{' => b'}',
                _ => b']',
            };
            let rest = &text[at + 3..];
            if let Some(end) = memchr::memchr(close, rest).filter(|_| here.is_own) {
                self.shell_text(&rest[..end], here, How::Text);
            }
        }
    }

    fn ruby_require(&mut self, name: &[u8], here: Here) {
        let file = [name, b".rb"].concat();
        let folders = [here.folder, here.root, here.cwd];
        for path in [name.to_vec(), file, [b"lib/", name, b".rb"].concat()] {
            let found = folders.iter().find_map(|folder| self.find_below(*folder, &path));
            if let Some(node) = found.filter(|node| self.rootfs.copy(*node).is_some()) {
                self.reach(node, How::Require, name, here);
                self.push(Job::Text(node, Language::Ruby, here));
                return;
            }
        }
        if name == b"bundler/setup" || name == b"bundler" {
            self.bundle(here);
        }
        self.ruby_library(name, here);
        let top = name.split(|byte| *byte == b'/').next().unwrap_or_default();
        self.module_needs(&[b"gem:", top].concat(), here.is_own, here);
        // `require 'active_record'` is of the gem activerecord, `net/http/persistent` of net-http-persistent.
        let dashed: Vec<u8> = name.iter().map(|byte| if *byte == b'/' { b'-' } else { *byte }).collect();
        let plain: Vec<u8> = top.iter().copied().filter(|byte| *byte != b'_').collect();
        for gem in [dashed, top.to_vec(), plain] {
            if self.gem(&gem, How::Require, here) {
                return;
            }
        }
    }

    /// Reaches a module that a package of the operating system put where Ruby looks.
    fn ruby_library(&mut self, name: &[u8], here: Here) {
        for folder in LIBRARIES.iter().flat_map(|path| self.pattern(NodeId::ROOT, path)).collect::<Vec<_>>() {
            for ending in [&b".rb"[..], b".so"] {
                if let Some(node) = self.find_below(folder, &[name, ending].concat()) {
                    self.reach_tree(node, How::Require, name, here);
                }
            }
        }
    }

    /// Reaches the standard library of a Ruby that no package installed.
    fn ruby_runtime(&mut self, shown: NodeId, here: Here) {
        let Some(file) = self.rootfs.follow(shown).filter(|file| !self.is_packaged(*file)) else { return };
        let prefix = self.rootfs.tree().parent(file).and_then(|bin| self.rootfs.tree().parent(bin));
        for folder in prefix.into_iter().flat_map(|prefix| self.pattern(prefix, b"lib/ruby/*")).collect::<Vec<_>>() {
            let name = self.rootfs.tree().name(folder);
            if name.first().is_some_and(u8::is_ascii_digit) {
                self.reach_tree(folder, How::Runtime, b"ruby", Here { origin: Origin::Path(file), ..here });
            }
        }
    }

    /// Reaches the gems of the nearest Gemfile, without those for development alone.
    fn bundle(&mut self, here: Here) {
        let Some(lock) =
            self.rootfs.child(here.cwd, b"Gemfile.lock").or_else(|| self.rootfs.child(here.cwd, b"gems.locked"))
        else {
            return;
        };
        if !self.reach(lock, How::Manifest, b"Gemfile.lock", here) {
            return;
        }
        let here = Here { origin: Origin::Path(lock), ..here };
        let manifest = self.rootfs.child(here.cwd, b"Gemfile").or_else(|| self.rootfs.child(here.cwd, b"gems.rb"));
        if let Some(manifest) = manifest {
            self.reach(manifest, How::Manifest, b"Gemfile", here);
        }
        let text = manifest.and_then(|node| self.rootfs.read(node)).unwrap_or_default();
        let for_builders = development_gems(&text);
        let text = self.rootfs.read(lock).unwrap_or_default();
        let locked = locked_gems(&text);
        let wanted = locked.asked_for.iter().filter(|name| !for_builders.contains(name));
        let mut open: Vec<Vec<u8>> = wanted.cloned().collect();
        let mut seen: std::collections::BTreeSet<Vec<u8>> = open.iter().cloned().collect();
        while let Some(name) = open.pop() {
            self.gem(&name, How::Manifest, here);
            self.module_needs(&[b"gem:", &name[..]].concat(), false, here);
            let needs = locked.needs.get(&name).into_iter().flatten();
            open.extend(needs.filter(|name| seen.insert((*name).clone())).cloned());
        }
    }

    /// Reaches an installed gem as a whole; says whether there is one.
    fn gem(&mut self, name: &[u8], how: How, here: Here) -> bool {
        let installed = match self.gems.remove(&here.cwd) {
            Some(known) => known,
            None => self.installed_gems(here),
        };
        let found = installed.get(name).cloned().unwrap_or_default();
        self.gems.insert(here.cwd, installed);
        for node in &found {
            self.reach_tree(*node, how, name, here);
        }
        !found.is_empty()
    }

    /// Finds what is installed of every gem: `NAME-VERSION` in several folders of each home.
    fn installed_gems(&self, here: Here) -> HashMap<Vec<u8>, Vec<NodeId>> {
        let mut installed: HashMap<Vec<u8>, Vec<NodeId>> = HashMap::default();
        let parts = [&b"gems"[..], b"bundler/gems", b"specifications", b"extensions/*/*"];
        for folder in
            self.gem_homes(here).into_iter().flat_map(|home| parts.map(|part| self.pattern(home, part))).flatten()
        {
            for child in self.rootfs.children(folder) {
                let name = self.rootfs.tree().name(child);
                let versions =
                    memchr::memchr_iter(b'-', name).find(|at| name.get(at + 1).is_some_and(u8::is_ascii_digit));
                if let Some(end) = versions {
                    installed.entry(name[..end].to_vec()).or_default().push(child);
                }
            }
        }
        installed
    }

    fn gem_homes(&self, here: Here) -> Vec<NodeId> {
        let mut homes = self.environment.folders(self.rootfs, b"GEM_HOME");
        homes.extend(self.environment.folders(self.rootfs, b"GEM_PATH"));
        homes.extend(self.environment.folders(self.rootfs, b"BUNDLE_PATH"));
        let inside = homes.clone().into_iter().flat_map(|home| self.pattern(home, b"ruby/*"));
        homes.extend(inside.collect::<Vec<_>>());
        homes.extend(self.pattern(here.cwd, b"vendor/bundle/ruby/*"));
        homes.extend(GEM_FOLDERS.iter().flat_map(|path| self.pattern(NodeId::ROOT, &path[1..])));
        homes
    }

    /// Finds the directories that a path means; `*` stands for any component, or for any end of one.
    pub(super) fn pattern(&self, from: NodeId, path: &[u8]) -> Vec<NodeId> {
        let mut found = vec![from];
        for part in path.split(|byte| *byte == b'/') {
            let next = found.iter().flat_map(|node| {
                let start = part.strip_suffix(b"*");
                let is_meant =
                    move |child: &NodeId| start.is_some_and(|start| self.rootfs.tree().name(*child).starts_with(start));
                let all = self.rootfs.children(*node).filter(is_meant);
                let one = self.rootfs.child(*node, part).and_then(|node| self.rootfs.follow(node));
                all.chain(one).collect::<Vec<_>>()
            });
            found = next.filter(|node| self.rootfs.is_directory(*node)).take(1_000).collect();
        }
        found
    }
}

/// What a lock file says.
#[derive(Default)]
struct Locked {
    asked_for: Vec<Vec<u8>>,
    needs: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
}

fn locked_gems(text: &[u8]) -> Locked {
    let mut locked = Locked::default();
    let (mut section, mut gem): (&[u8], Vec<u8>) = (b"", Vec::new());
    for line in text.split(|byte| *byte == b'\n') {
        let indent = line.iter().take_while(|byte| **byte == b' ').count();
        let name = line[indent..].split(|byte| b" (!".contains(byte)).next().unwrap_or_default().to_vec();
        match (indent, section) {
            _ if name.is_empty() => {}
            (0, _) => section = line,
            (2, section) if section.starts_with(b"DEPENDENCIES") => locked.asked_for.push(name),
            (4, _) => gem = name,
            (6, _) => locked.needs.entry(gem.clone()).or_default().push(name),
            _ => {}
        }
    }
    locked
}

/// Returns the gems that a Gemfile has in groups for development or tests alone.
fn development_gems(text: &[u8]) -> Vec<Vec<u8>> {
    let is_for_builders = |line: &[u8]| {
        let has = |word: &[u8]| memchr::memmem::find(line, word).is_some();
        (has(b":development") || has(b":test")) && !has(b":production") && !has(b":default")
    };
    let (mut found, mut blocks) = (Vec::new(), Vec::new());
    for line in text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        if line.ends_with(b" do") || memchr::memmem::find(line, b" do |").is_some() {
            blocks.push(line.starts_with(b"group") && is_for_builders(line));
        } else if line == b"end" {
            blocks.pop();
        } else if let Some(rest) = line.strip_prefix(b"gem ") {
            let name = rest.split(|byte| b"\"'".contains(byte)).nth(1).unwrap_or_default();
            let is_alone = memchr::memmem::find(rest, b"group").is_some() && is_for_builders(rest);
            if is_alone || blocks.contains(&true) {
                found.push(name.to_vec());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gems_of_a_lock_file() {
        let text = b"GEM\n  remote: https://rubygems.org/\n  specs:\n    puma (6.4.0)\n      nio4r (~> 2.0)\n    nio4r (2.7.0)\n\nDEPENDENCIES\n  puma (~> 6)\n  rspec\n";
        let locked = locked_gems(text);
        assert_eq!(locked.asked_for, [b"puma".to_vec(), b"rspec".to_vec()]);
        assert_eq!(locked.needs[&b"puma"[..]], [b"nio4r".to_vec()]);
        let manifest = b"gem 'puma'\ngroup :development, :test do\n  gem 'rspec'\nend\ngem \"x\", group: :test\ngroup :production do\n gem 'y'\nend\n";
        assert_eq!(development_gems(manifest), [b"rspec".to_vec(), b"x".to_vec()]);
    }
}
