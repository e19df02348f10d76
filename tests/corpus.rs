//! A corpus of real, public and hostile images, where it is at hand.
//!
//! `TEST_CORPUS` names its folder, else `../shared/corpus` beside the project is looked for; without it these tests are
//! ignored. Every part lists all its failures at the end, not the first.

#![expect(clippy::print_stderr, reason = "the counts are for the developer who watches")]

mod common;
mod peers;

#[path = "corpus/hostile.rs"]
mod hostile;
#[path = "corpus/images.rs"]
mod images;
#[path = "corpus/names.rs"]
mod names;
#[path = "corpus/outcome.rs"]
mod outcome;
#[path = "corpus/public.rs"]
mod public;
#[path = "corpus/real.rs"]
mod real;
#[path = "corpus/tree.rs"]
mod tree;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use peers::Missing;

fn main() -> ExitCode {
    peers::run(peers::tests![
        hostile::hostile_inputs_end_as_expected,
        hostile::inputs_of_an_attack_are_bounded,
        hostile::limits_are_read_from_the_lines,
        images::images_tell_what_an_independent_reader_and_docker_diff_tell,
        public::public_archives_are_analysed_or_refused_in_a_sentence,
        real::realistic_images_are_told_what_a_good_engineer_would_say,
    ])
}

/// Returns the corpus' folder.
fn corpus() -> Result<PathBuf, Missing> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let named = std::env::var_os("TEST_CORPUS").map(PathBuf::from);
    let is_optional = named.is_none();
    let folder = named.unwrap_or_else(beside);
    assert!(is_optional || folder.is_dir(), "TEST_CORPUS names no folder: {}", folder.display());
    let missing = || Missing::data(format!("no corpus at {}; TEST_CORPUS names another folder", folder.display()));
    folder.is_dir().then_some(()).ok_or_else(missing)?;
    Ok(folder)
}

/// Unpacks one `.tar.zst` of the corpus below `target`.
fn unpack(archive: &Path, target: &Path) {
    let file = File::open(archive).unwrap_or_else(|error| panic!("{}: {error}", archive.display()));
    let mut decoder = zstd::Decoder::new(file).expect("a zstd decoder");
    decoder.window_log_max(27).expect("libzstd takes 27");
    let mut archive = tar::Archive::new(decoder);
    archive.set_preserve_mtime(false);
    archive.unpack(target).expect("the corpus unpacks");
}

/// Runs `check` on every item, on all processors, and returns what went wrong in the order of the items.
fn check_all<T: Sync>(items: &[T], check: impl Fn(&T) -> Vec<String> + Sync) -> Vec<String> {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, std::num::NonZero::get) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let found = check(item);
                    failures.lock().expect("no check panics").insert(index, found);
                }
            });
        }
    });
    failures.into_inner().expect("no check panics").into_values().flatten().collect()
}

/// Fails with the whole list, if it is not empty.
fn assert_none(failures: &[String], checked: usize, what: &str) {
    eprintln!("{checked} {what} checked, {} failures", failures.len());
    assert!(failures.is_empty(), "{} failures in {checked} {what}:\n{}", failures.len(), failures.join("\n"));
}

fn read_gzip_json<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let file = flate2::read::GzDecoder::new(File::open(path).expect("a recorded file"));
    serde_json::from_reader(file).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn file_name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// Archives of the corpus hold their files at the top or in one folder.
fn find(folder: &Path, name: &str) -> PathBuf {
    let mut folders = vec![folder.to_owned()];
    folders.extend(files_in(folder).into_iter().filter(|path| path.is_dir()));
    let paths = folders.into_iter().map(|folder| folder.join(name));
    paths.into_iter().find(|path| path.exists()).unwrap_or_else(|| panic!("no {name} in {}", folder.display()))
}
