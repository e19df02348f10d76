//! The shape of the crate: a module uses what stands left of it, never right (see the picture in `src/lib.rs`).
//!
//! Reads the sources and fails where a module names one that it must not know.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What everything may use; these use only each other.
const LEAVES: [&str; 12] =
    ["columns", "digest", "dockerfile", "draft", "elf", "error", "escape", "exit", "packages", "path", "size", "task"];

/// Each module with what it may use beside the leaves and itself.
const MODULES: [(&str, &[&str]); 15] = [
    ("source", &[]),
    ("tarball", &["source"]),
    ("archive", &["source", "tarball"]),
    ("layer", &["source", "tarball"]),
    ("open", &["source", "tarball", "archive", "layer"]),
    ("merge", &["source", "tarball", "layer"]),
    ("analysis", &["source", "archive", "layer", "open", "merge"]),
    ("contents", &["source", "tarball", "archive", "layer", "merge", "analysis"]),
    ("gate", &["layer", "analysis"]),
    ("config", &["analysis", "gate"]),
    ("report", &["archive", "layer", "merge", "analysis", "gate"]),
    ("rewrite", &["source", "tarball", "layer", "merge", "analysis"]),
    ("tui", &["source", "tarball", "archive", "layer", "open", "merge", "analysis", "contents", "gate", "report"]),
    ("cli", &["source", "archive", "layer", "open", "analysis", "gate", "config", "report", "tui"]),
    ("run", &["source", "archive", "layer", "open", "analysis", "gate", "config", "report", "rewrite", "tui", "cli"]),
];

fn sources(of: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(of).expect("src is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

/// The top-level module that a file belongs to.
fn module_of(file: &Path, src: &Path) -> String {
    let below = file.strip_prefix(src).expect("found below src");
    let first = below.components().next().expect("a file").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The top-level modules that a file names as `crate::MODULE`, outside comments.
fn named(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut names = Vec::new();
    for line in code {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            names.push(name);
        }
    }
    names
}

#[test]
fn modules_use_what_stands_left_of_them() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut checked = 0;
    let mut wrong = Vec::new();
    for file in &files {
        let module = module_of(file, &src);
        if module == "lib" || module == "main" {
            continue;
        }
        let is_leaf = LEAVES.contains(&module.as_str());
        let allowed = MODULES.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed);
        assert!(is_leaf || allowed.is_some(), "{module} has no place in the picture yet");
        for name in named(&fs::read_to_string(file).expect("readable")) {
            checked += 1;
            let may = name.is_empty()
                || name == module
                || LEAVES.contains(&name.as_str())
                || allowed.is_some_and(|allowed| allowed.contains(&name.as_str()));
            if !may {
                wrong.push(format!("{} uses crate::{name}", file.display()));
            }
        }
    }
    assert!(checked > 50, "only {checked} uses were found: the search is broken");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The top-level modules with a file in which a line satisfies a condition.
fn modules_with(line_holds: impl Fn(&str) -> bool) -> Vec<String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let holds = |file: &PathBuf| fs::read_to_string(file).expect("readable").lines().any(&line_holds);
    let mut names: Vec<String> = files.iter().filter(|file| holds(file)).map(|file| module_of(file, &src)).collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn only_one_place_knows_clap() {
    assert_eq!(modules_with(|line| line.starts_with("use clap")), ["cli"]);
}

#[test]
fn only_the_screen_knows_the_terminal() {
    let knows = |line: &str| {
        !line.trim_start().starts_with("//") && (line.contains("ratatui::") || line.contains("crossterm::"))
    };
    assert_eq!(modules_with(knows), ["tui"]);
}

/// Where a test binary runs its tests itself, the compiler drops functions marked `#[test]` without a word.
#[test]
fn tests_without_a_harness_are_listed() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(project.join("Cargo.toml")).expect("readable");
    // A section ends where the next one begins, of whatever kind.
    let sections = manifest.split("\n[").filter_map(|section| section.strip_prefix("[test]]"));
    let tests = sections.filter(|section| section.contains("harness = false"));
    let names: Vec<&str> = tests.filter_map(|section| section.split('"').nth(1)).collect();
    assert!(names.contains(&"corpus"), "{names:?}");
    for name in names {
        let mut files = vec![project.join("tests").join(name).with_extension("rs")];
        let folder = project.join("tests").join(name);
        if folder.is_dir() {
            sources(&folder, &mut files);
        }
        for file in files {
            let text = fs::read_to_string(&file).expect("readable");
            assert!(!text.contains("#[test]"), "{}: list the test in `main` instead", file.display());
        }
    }
}

/// Rooms whose files form no circle either; elsewhere a room's own files may.
const WITHOUT_CIRCLES: [&str; 5] = ["archive", "layer", "merge", "open", "tarball"];

/// The files that a file imports, as far as `use` and paths in the code name them: `crate::a::b`, `super::b`.
fn imports(file: &Path, src: &Path) -> Vec<PathBuf> {
    let module = module_path(file, src);
    let text = fs::read_to_string(file).expect("readable");
    let code: Vec<&str> = text.split("#[cfg(test)]").next().unwrap_or_default().lines().map(str::trim_start).collect();
    let mut found = Vec::new();
    for line in code.iter().filter(|line| !line.starts_with("//") && !line.starts_with("pub use")) {
        for (prefix, base) in [("crate::", &module[..0]), ("super::", &module[..module.len().saturating_sub(1)])] {
            for (at, _) in line.match_indices(prefix).filter(|(at, _)| !line[..*at].ends_with("::")) {
                found.extend(named_files(&line[at + prefix.len()..]).into_iter().map(|rest| [base, &rest].concat()));
            }
        }
    }
    let file_of = |path: Vec<String>| resolve(&path, src);
    let mut files: Vec<PathBuf> = found.into_iter().filter_map(file_of).filter(|target| target != file).collect();
    files.sort();
    files.dedup();
    files
}

/// `src/a/b.rs` is `["a", "b"]`, `src/a/mod.rs` is `["a"]`.
fn module_path(file: &Path, src: &Path) -> Vec<String> {
    let below = file.strip_prefix(src).expect("found below src").with_extension("");
    let parts = below.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    parts.filter(|part| part != "mod" && part != "lib").collect()
}

/// What a path names, and each name of a list in braces behind it: `a::{b, c::D}` is `a::b` and `a::c::D`.
fn named_files(path: &str) -> Vec<Vec<String>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let end = path.find(|c| !is_part(c)).unwrap_or(path.len());
    let parts = |text: &str| text.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let front = parts(&path[..end]);
    let Some(list) = path[end..].strip_prefix('{') else { return vec![front] };
    let names = list.split(['}', ',', '{']).map(str::trim).filter(|name| !name.is_empty() && *name != ";");
    names.map(|name| [&front[..], &parts(name.split(' ').next().unwrap_or(name))].concat()).collect()
}

/// The file that holds a path's longest beginning that is a module.
fn resolve(path: &[String], src: &Path) -> Option<PathBuf> {
    (1..=path.len()).rev().find_map(|length| {
        let below = path[..length].iter().collect::<PathBuf>();
        let candidates = [src.join(&below).with_extension("rs"), src.join(&below).join("mod.rs")];
        candidates.into_iter().find(|candidate| candidate.is_file())
    })
}

/// Takes away what imports nothing that is left, again and again: what stays is part of a circle, or leads to one.
fn circles(mut graph: BTreeMap<PathBuf, Vec<PathBuf>>) -> Vec<PathBuf> {
    loop {
        let left: BTreeSet<PathBuf> = graph.keys().cloned().collect();
        graph.retain(|_, targets| targets.iter().any(|target| left.contains(target)));
        if graph.len() == left.len() {
            return left.into_iter().collect();
        }
    }
}

#[test]
fn files_do_not_import_each_other() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let graph: BTreeMap<PathBuf, Vec<PathBuf>> = files.iter().map(|file| (file.clone(), imports(file, &src))).collect();
    let edges: usize = graph.values().map(Vec::len).sum();
    assert!(edges > 300, "only {edges} imports were found: the search is broken");
    let room = |file: &PathBuf| module_of(file, &src);
    let mut wrong = Vec::new();
    for (file, targets) in &graph {
        let back = |target: &&PathBuf| graph.get(*target).is_some_and(|targets| targets.contains(file));
        let others = targets.iter().filter(|target| room(target) != room(file)).filter(back);
        wrong.extend(others.map(|target| format!("{} and {} import each other", file.display(), target.display())));
    }
    for name in WITHOUT_CIRCLES {
        let inside: BTreeMap<PathBuf, Vec<PathBuf>> =
            graph.iter().filter(|(file, _)| room(file) == name).map(|(file, to)| (file.clone(), to.clone())).collect();
        wrong.extend(circles(inside).iter().map(|file| format!("{} is part of a circle", file.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn circles_are_found() {
    let graph = |edges: &[(&str, &str)]| {
        let mut graph: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        for (from, to) in edges {
            graph.entry(from.into()).or_default().push(to.into());
        }
        graph
    };
    assert!(circles(graph(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    assert_eq!(circles(graph(&[("a", "b"), ("b", "c"), ("c", "b"), ("d", "e")])).len(), 3);
    let list = named_files("layer::{entry::Kind, index}; more");
    assert_eq!(list[..2], [vec!["layer", "entry", "Kind"], vec!["layer", "index"]]);
}
