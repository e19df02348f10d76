//! The shape of the crate: a module uses what stands left of it, never right (see the picture in `src/lib.rs`).
//!
//! Reads the sources and fails where a module names one that it must not know.

use std::fs;
use std::path::{Path, PathBuf};

/// What everything may use; these use only each other.
const LEAVES: [&str; 10] =
    ["columns", "digest", "dockerfile", "draft", "error", "escape", "exit", "path", "size", "task"];

/// Each module with what it may use beside the leaves and itself.
const MODULES: [(&str, &[&str]); 14] = [
    ("source", &[]),
    ("tarball", &["source"]),
    ("archive", &["source", "tarball"]),
    ("layer", &["source", "tarball", "archive"]),
    ("merge", &["source", "tarball", "layer"]),
    ("analysis", &["source", "archive", "layer", "merge"]),
    ("contents", &["source", "tarball", "archive", "layer", "merge", "analysis"]),
    ("gate", &["layer", "analysis"]),
    ("config", &["analysis", "gate"]),
    ("report", &["archive", "layer", "merge", "analysis", "gate"]),
    ("rewrite", &["source", "tarball", "layer", "merge", "analysis"]),
    ("tui", &["source", "tarball", "archive", "layer", "merge", "analysis", "contents", "gate", "report"]),
    ("cli", &["source", "archive", "layer", "analysis", "gate", "config", "report", "tui"]),
    ("run", &["source", "archive", "layer", "analysis", "gate", "config", "report", "rewrite", "tui", "cli"]),
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
    let tests = manifest.split("[[test]]").skip(1).filter(|section| section.contains("harness = false"));
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
