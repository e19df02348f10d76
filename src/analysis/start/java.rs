//! Java programs: the runtime without what only builders use, class paths, Maven and Gradle.

use super::Language;
use super::commands::Line;
use super::launchers::Launcher;
use super::reason::How;
use super::walk::{Here, Walk};
use crate::layer::entry::NodeId;

/// What a JDK has beside its runtime.
const ONLY_JDK: [&[u8]; 7] = [b"jmods", b"include", b"demo", b"sample", b"man", b"src.zip", b"ct.sym"];

impl Walk<'_, '_> {
    /// Follows `java …`, `mvn …`, `gradle …`.
    pub(super) fn java_call(&mut self, name: &[u8], line: &Line<'_>, here: Here, how: How) {
        match name {
            b"java" => self.java(line, here),
            _ => self.java_build(name, line, here, how),
        }
    }

    fn java(&mut self, line: &Line<'_>, here: Here) {
        if let Some(shown) = line.shown {
            self.java_runtime(shown, here);
        }
        let mut at = 0;
        while let Some(word) = line.rest.get(at) {
            let is_path =
                [&b"-cp"[..], b"-classpath", b"--class-path", b"-p", b"--module-path", b"-jar"].contains(&&word[..]);
            if is_path {
                at += 1;
                let list = line.rest.get(at).cloned().unwrap_or_default();
                for part in list.split(|byte| *byte == b':') {
                    self.class_path(part, here);
                }
            } else if let Some(agent) = word.strip_prefix(b"-javaagent:") {
                self.class_path(agent.split(|byte| *byte == b'=').next().unwrap_or_default(), here);
            } else {
                self.argument(word, here);
            }
            at += 1;
        }
    }

    /// Reaches one part of a class path: an archive, a folder, all archives of a folder.
    fn class_path(&mut self, part: &[u8], here: Here) {
        let folder = part.strip_suffix(b"*").unwrap_or(part);
        let folder = folder.strip_suffix(b"/").unwrap_or(folder);
        let Some(node) = self.find_file(folder, here).and_then(|node| self.rootfs.follow(node)) else { return };
        if node != NodeId::ROOT {
            self.reach_tree(node, How::Runtime, part, here);
        }
        if self.is_own(node) {
            self.start.compiled.push(node);
        }
        // A thin archive names others beside it.
        if folder.ends_with(b".jar")
            && let Some(libraries) = self.rootfs.tree().parent(node).filter(|folder| *folder != NodeId::ROOT)
        {
            for name in [&b"lib"[..], b"libs", b"dependencies"] {
                if let Some(folder) = self.rootfs.child(libraries, name).filter(|node| self.rootfs.is_directory(*node))
                {
                    self.reach_data(folder, How::Runtime, name, here);
                }
            }
        }
    }

    /// Reaches the runtime that a `java` belongs to.
    pub(super) fn java_runtime(&mut self, shown: NodeId, here: Here) {
        self.interpreter(Language::Java, shown, None, &[]);
        let Some(file) = self.rootfs.follow(shown) else { return };
        let home = self.rootfs.tree().parent(file).and_then(|bin| self.rootfs.tree().parent(bin));
        let Some(home) = home.filter(|home| self.find_below(*home, b"lib").is_some()) else { return };
        let path = self.rootfs.tree().path(home);
        if [&b"/"[..], b"/usr", b"/usr/local"].contains(&&path[..]) {
            return;
        }
        for part in [&b"lib"[..], b"conf", b"jre"] {
            let folder = self.rootfs.child(home, part).filter(|node| self.rootfs.is_directory(*node));
            for child in folder.into_iter().flat_map(|folder| self.rootfs.children(folder)).collect::<Vec<_>>() {
                if !ONLY_JDK.contains(&self.rootfs.tree().name(child)) {
                    self.reach_tree(child, How::Runtime, b"java", Here { origin: super::Origin::Path(file), ..here });
                }
            }
        }
        if let Some(release) = self.rootfs.child(home, b"release") {
            self.reach(release, How::Runtime, b"java", here);
        }
    }

    /// Maven and Gradle: the project, what was downloaded for it, and Java.
    fn java_build(&mut self, name: &[u8], line: &Line<'_>, here: Here, how: How) {
        let command: Vec<Vec<u8>> = [&[line.first.to_vec()], line.rest].concat();
        if line
            .rest
            .iter()
            .any(|word| word.starts_with(b"exec:") || word.ends_with(b":run") || word == b"run" || word == b"bootRun")
        {
            self.launcher(Launcher::new(here.origin, &command, line.rest.join(&b' '), None));
        }
        let tool: &[u8] = if name.starts_with(b"mvn") { b"run:mvn" } else { b"run:gradle" };
        self.command_needs(tool, here.cwd, here);
        if let Some((shown, _)) = self.reach_command(b"java", how, here) {
            self.java_runtime(shown, here);
        }
        let project: [&[u8]; 12] = [
            b"pom.xml",
            b"src",
            b"target",
            b".mvn",
            b"build.gradle",
            b"build.gradle.kts",
            b"settings.gradle",
            b"settings.gradle.kts",
            b"gradle",
            b"build",
            b".gradle",
            b"gradle.properties",
        ];
        for part in project.iter().filter_map(|name| self.rootfs.child(here.cwd, name)) {
            self.reach_tree(part, How::Table, name, here);
        }
        self.arguments(line.rest, here);
    }
}
