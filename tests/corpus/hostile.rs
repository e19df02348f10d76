//! Hostile and malformed inputs: how they end, in what time and memory, and what they get printed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::common::run::{Outcome, layerlens};
use crate::outcome::{raw_characters, wrong_in_general, wrong_in_message};
use crate::peers::Missing;
use crate::{assert_none, corpus, files_in, find, unpack};

const MB: u64 = 1_000_000;

/// One path of 200 000 levels: each of its directories is a change, so that the list of them has 40 GB.
const DEEPEST: &str = "94-deep-200000.tar";

/// One line of `hostile-EXPECT.tsv`.
struct Hostile {
    name: String,
    path: PathBuf,
    expect: String,
    what: String,
}

pub fn hostile_inputs_end_as_expected() -> Result<(), Missing> {
    let corpus = corpus()?;
    let directory = tempfile::tempdir().expect("a temporary directory");
    unpack(&corpus.join("hostile.tar.zst"), directory.path());
    let folder = find(directory.path(), "00-good.tar").parent().expect("a folder").to_owned();
    let list = std::fs::read_to_string(corpus.join("hostile-EXPECT.tsv")).expect("a list");
    let inputs: Vec<Hostile> = list.lines().skip(1).map(|line| hostile(line, &folder)).collect();
    let failures: Vec<String> = inputs.iter().flat_map(check_hostile).collect();
    assert_none(&failures, inputs.len(), "hostile inputs");
    Ok(())
}

/// What an attack left behind: each ends in time and memory. What else must hold of one is tested on its own.
pub fn inputs_of_an_attack_are_bounded() -> Result<(), Missing> {
    let inputs = files_in(&corpus()?.join("hostile2"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut failures = Vec::new();
    for (number, input) in inputs.iter().enumerate() {
        let path = directory.path().join(number.to_string());
        let bytes = zstd::decode_all(File::open(input).expect("readable")).expect("zstd");
        std::fs::write(&path, bytes).expect("written");
        let outcome = layerlens([&path]).limited_to(300 * MB).outcome();
        let mut wrong = wrong_in_general(&outcome);
        if !matches!(outcome.code, Some(0 | 3)) || outcome.peak_bytes > 300 * MB {
            wrong.push(format!("{} MB of memory, {outcome}", outcome.peak_bytes / MB));
        }
        failures.extend(wrong.into_iter().map(|wrong| format!("{}: {wrong}", input.display())));
    }
    assert_none(&failures, inputs.len(), "inputs of an attack");
    Ok(())
}

fn hostile(line: &str, folder: &Path) -> Hostile {
    let mut cells = line.split('\t');
    let mut cell = || cells.next().unwrap_or_default().to_owned();
    let (name, expect, what) = (cell(), cell(), cell());
    // `NAME:PATH` stands for a path of the system.
    let path = name.split_once(':').map_or_else(|| folder.join(&name), |(_, path)| PathBuf::from(path));
    Hostile { name, path, expect, what }
}

/// One after the other, so that time and memory are the input's own.
fn check_hostile(input: &Hostile) -> Vec<String> {
    let output = tempfile::tempdir().expect("a temporary directory");
    let json = output.path().join("report.json");
    let target = format!("json={}", json.display());
    let arguments =
        [input.path.as_os_str(), "--report".as_ref(), "text".as_ref(), "--report".as_ref(), target.as_ref()];
    // The limit is that of the released program: a debug build on a busy machine gets more.
    let leeway = if cfg!(debug_assertions) { 3 } else { 1 };
    let outcome = layerlens(arguments).within(allowed_time(&input.what) * leeway).outcome();
    if outcome.took > Duration::from_secs(1) || outcome.peak_bytes > 100 * MB {
        eprintln!("{}: {:.1} s, {} MB", input.name, outcome.took.as_secs_f64(), outcome.peak_bytes / MB);
    }
    let mut wrong = wrong_in_hostile(input, &outcome);
    if outcome.code == Some(3) && json.exists() {
        wrong.push("failed, and wrote a report all the same".to_owned());
    }
    let report = std::fs::read(&json).unwrap_or_default();
    wrong.extend(raw_characters(&report).map(|found| format!("the JSON has {found}")));
    if outcome.code == Some(0) && outcome.took < Duration::from_secs(5) && input.name != DEEPEST {
        let all =
            layerlens([input.path.as_os_str(), "--report".as_ref(), "json".as_ref(), "--changes".as_ref()]).outcome();
        wrong.extend(wrong_in_general(&all).into_iter().map(|wrong| format!("with --changes: {wrong}")));
    }
    wrong.into_iter().map(|wrong| format!("{} ({}): {wrong}", input.name, input.what)).collect()
}

fn wrong_in_hostile(input: &Hostile, outcome: &Outcome) -> Vec<String> {
    let mut wrong = wrong_in_general(outcome);
    let as_expected = match input.expect.as_str() {
        "error" => outcome.code == Some(3),
        "ok" => outcome.code == Some(0),
        _ => matches!(outcome.code, Some(0 | 3)),
    };
    if !as_expected {
        wrong.push(format!("expected {}: {outcome}", input.expect));
    }
    if outcome.code == Some(3) {
        wrong.extend(wrong_in_message(outcome));
    }
    let printed = [outcome.stdout.as_slice(), &outcome.stderr].concat();
    if String::from_utf8_lossy(&printed).contains("root:x:0:0") {
        wrong.push("printed a line of /etc/passwd".to_owned());
    }
    let allowed = allowed_bytes(&input.what);
    if outcome.peak_bytes > allowed {
        wrong.push(format!("{} MB of memory, {} allowed", outcome.peak_bytes / MB, allowed / MB));
    }
    wrong
}

/// Ten seconds, or what the line allows: "under 20 s", "300 s allowed".
fn allowed_time(what: &str) -> Duration {
    let words: Vec<&str> = what.split(|character: char| !character.is_alphanumeric() && character != '.').collect();
    let seconds = words.windows(2).filter(|pair| pair[1] == "s").filter_map(|pair| pair[0].parse().ok());
    Duration::from_secs(seconds.max().unwrap_or(10).max(10))
}

/// 300 MB, or what the line allows: "under 600 MB", "under 1.5 GB".
fn allowed_bytes(what: &str) -> u64 {
    let words: Vec<&str> = what.split([' ', ',', ';', ':']).filter(|word| !word.is_empty()).collect();
    let stated = words.windows(3).filter(|words| words[0] == "under").filter_map(|words| match words[2] {
        "MB" => words[1].parse::<u64>().ok().map(|number| number * MB),
        "GB" => gigabytes(words[1]),
        _ => None,
    });
    stated.max().unwrap_or(0).max(300 * MB)
}

/// Reads "2" or "1.5".
fn gigabytes(number: &str) -> Option<u64> {
    let (units, tenths) = number.split_once('.').unwrap_or((number, "0"));
    Some((units.parse::<u64>().ok()? * 10 + tenths.parse::<u64>().ok()?) * 100 * MB)
}

#[expect(clippy::unnecessary_wraps, reason = "tests of one list have one type")]
pub fn limits_are_read_from_the_lines() -> Result<(), Missing> {
    assert_eq!(allowed_time("1,000,000 files: under 60 s, under 1.5 GB"), Duration::from_secs(60));
    assert_eq!(allowed_time("stream it (300 s allowed) or refuse it"), Duration::from_secs(300));
    assert_eq!(allowed_time("cut inside the first header"), Duration::from_secs(10));
    assert_eq!(allowed_bytes("limit it, or stay under 600 MB"), 600 * MB);
    assert_eq!(allowed_bytes("under 60 s, under 1.5 GB"), 1500 * MB);
    assert_eq!(allowed_bytes("under 100 KB on disk: memory under 300 MB"), 300 * MB);
    Ok(())
}
