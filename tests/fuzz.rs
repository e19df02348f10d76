//! The fuzz targets of `fuzz/`, on any toolchain: images of our own, broken at random, from files and from pipes; files of
//! package managers, broken the same way.
//!
//! A run is short and the same each time. `FUZZ_SECONDS=60 cargo test --test fuzz` looks for as long at each target, with
//! a seed of its own that it prints; `FUZZ_SEED` repeats one. `FUZZ_CORPUS` names a folder that is given the images that
//! everything starts from, for other fuzzers. An input that fails is left in `target/fuzz`.

#![expect(clippy::print_stderr, reason = "what was tried, and with which seed, is for the developer who watches")]

mod support;
#[path = "../fuzz/src/lib.rs"]
mod targets;

#[path = "fuzz/mutate.rs"]
mod mutate;
#[path = "fuzz/package_seeds.rs"]
mod package_seeds;
#[path = "fuzz/seeds.rs"]
mod seeds;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime};

use mutate::{Random, mutate};

/// How many inputs are tried where nobody says how long to look.
const RUNS: u64 = 200;
/// How long one input may take, on a busy machine and in a debug build.
const LONGEST: Duration = Duration::from_secs(30);

#[test]
fn broken_archives_are_refused_or_add_up() {
    drive("archive", targets::archive, &seeds::archives());
}

#[test]
fn broken_layers_are_refused_or_add_up() {
    drive("layer", targets::layer, &seeds::layers());
}

#[test]
fn broken_files_of_dpkg_and_apk_end() {
    drive("system_packages", targets::packages::system, &package_seeds::system());
}

#[test]
fn broken_databases_of_rpm_end() {
    drive("rpm", targets::packages::rpm, &package_seeds::rpm());
}

#[test]
fn broken_files_of_languages_end() {
    drive("language_packages", targets::packages::language, &package_seeds::language());
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// Runs the target on every seed, then on broken ones until the time or the number of runs is over.
fn drive(name: &str, target: fn(&[u8]), seeds: &[Vec<u8>]) {
    if let Some(folder) = std::env::var_os("FUZZ_CORPUS") {
        write_corpus(&Path::new(&folder).join(name), seeds);
    }
    let end = number("FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let seed = number("FUZZ_SEED").unwrap_or_else(|| end.map_or(1, |_| clock()));
    let mut random = Random::new(seed);
    let mut count = 0;
    watched(name, |try_input| {
        for input in seeds {
            try_input(input, target);
        }
        while end.map_or(count < RUNS, |end| Instant::now() < end) {
            let mut input = seeds[random.below(seeds.len())].clone();
            for _ in 0..=random.below(4) {
                mutate(&mut random, &mut input, seeds);
            }
            try_input(&input, target);
            count += 1;
        }
    });
    eprintln!("{name}: {} seeds, {count} broken inputs, FUZZ_SEED={seed}", seeds.len());
}

fn write_corpus(folder: &Path, seeds: &[Vec<u8>]) {
    fs::create_dir_all(folder).expect("a folder for the corpus");
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("{number:03}")), seed).expect("a seed");
    }
}

/// Hands `work` a function that tries an input: one that panics or takes too long is kept, and ends the test.
fn watched(name: &str, work: impl FnOnce(&dyn Fn(&[u8], fn(&[u8])))) {
    let current = Mutex::new(Vec::new());
    let (tick, ticks) = channel();
    std::thread::scope(|scope| {
        let watched = &current;
        scope.spawn(move || {
            loop {
                match ticks.recv_timeout(LONGEST) {
                    Ok(()) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => hang(name, &watched.lock().expect("nobody panics with it")),
                }
            }
        });
        // Dropped before the scope waits for the watcher, however `work` ends.
        let tick = tick;
        work(&|input, target| {
            input.clone_into(&mut *current.lock().expect("nobody panics with it"));
            // The watcher only leaves after this.
            let _ = tick.send(());
            let ended = catch_unwind(AssertUnwindSafe(|| target(input)));
            assert!(ended.is_ok(), "{name} breaks on {}", keep(name, input).display());
        });
    });
}

/// A thread that hangs cannot be ended: the process is.
fn hang(name: &str, input: &[u8]) -> ! {
    eprintln!("{name} does not end within {LONGEST:?} on {}", keep(name, input).display());
    std::process::abort();
}

fn keep(name: &str, input: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fuzz");
    fs::create_dir_all(&folder).expect("a folder for what failed");
    let path = folder.join(format!("{name}-{}", layerlens::digest::Digest::sha256(input).hex()));
    fs::write(&path, input).expect("a file for what failed");
    path
}
