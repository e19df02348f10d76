//! A corpus of real, public and hostile images, where it is at hand.
//!
//! `LAYERLENS_CORPUS` names its folder, else `../shared/corpus` beside the project is looked for; without it these
//! tests say so and pass. Every part lists all its failures at the end, not the first.

// What is skipped and what was refused is for the developer who watches.
#![expect(clippy::print_stderr, reason = "a skipped test must not be silent")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::docker_diff::{self, Step};
use common::run::{Outcome, layerlens};
use common::{archive, unescape};
use serde::Deserialize;
use serde_json::Value;

const MB: u64 = 1_000_000;

/// Returns the corpus' folder, or says loudly that there is none.
fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("LAYERLENS_CORPUS").map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no corpus at {}; set LAYERLENS_CORPUS to its folder", folder.display());
    None
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

// ---- images: expected figures, and docker diff ----

/// A name as the corpus' reader wrote it: bytes that are no UTF-8 stand as lone surrogates in the JSON.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Name(Vec<u8>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = Name;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a name")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Name, E> {
                Ok(Name(without_surrogates(bytes)))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0.escape_ascii())
    }
}

/// U+DC80 … U+DCFF, which serde hands over as three bytes each, stand for the bytes 80 … FF.
fn without_surrogates(bytes: &[u8]) -> Vec<u8> {
    let (mut rest, mut plain) = (bytes, Vec::with_capacity(bytes.len()));
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (0xed, [0xb2, low, tail @ ..]) => {
                plain.push(*low);
                tail
            }
            (0xed, [0xb3, low, tail @ ..]) => {
                plain.push(*low + 0x40);
                tail
            }
            _ => {
                plain.push(*first);
                tail
            }
        };
    }
    plain
}

#[derive(Deserialize)]
struct Expected {
    totals: BTreeMap<String, Value>,
    diff_ids: Vec<String>,
    layers: Vec<ExpectedLayer>,
    waste: Vec<ExpectedWaste>,
}

#[derive(Deserialize)]
struct ExpectedLayer {
    changes: BTreeMap<Name, char>,
    unchanged: BTreeSet<Name>,
    #[serde(flatten)]
    figures: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct ExpectedWaste {
    path: Name,
    bytes: u64,
    stored_in: u64,
    hidden_by: u64,
    cause: String,
}

#[test]
fn images_tell_what_an_independent_reader_and_docker_diff_tell() {
    let Some(corpus) = corpus() else { return };
    let directory = tempfile::tempdir().expect("a temporary directory");
    unpack(&corpus.join("expected.tar.zst"), directory.path());
    for part in files_in(&corpus.join("images")) {
        unpack(&part, directory.path());
    }
    let expected_directory = find(directory.path(), "expected");
    let expected: Vec<PathBuf> = files_in(&expected_directory).into_iter().flat_map(|label| files_in(&label)).collect();
    assert!(!expected.is_empty(), "the corpus has expectations");
    let failures = check_all(&expected, |expected| check_image(expected, directory.path(), &corpus));
    assert_none(&failures, expected.len(), "images");
}

/// Checks one image against `…/expected/LABEL/NAME.json` and, where it was recorded, `docker diff`.
fn check_image(expected: &Path, images: &Path, corpus: &Path) -> Vec<String> {
    let label = file_name(expected.parent().expect("a label"));
    let name = file_name(expected).trim_end_matches(".json").to_owned();
    let image = images.join(&label).join(&name);
    let report = match common::analyse(&image) {
        Ok(report) => report,
        Err(error) => return vec![format!("{label}/{name}: {error}")],
    };
    let text = std::fs::read(expected).expect("an expectation");
    let expected: Expected = serde_json::from_slice(&text).expect("an expectation");
    let mut wrong = wrong_figures(&report, &expected);
    wrong.extend(wrong_lists(&report, &expected));
    let case = name.trim_end_matches(".tar");
    let truth = corpus.join("truth").join(case).join(&label);
    let (steps, tree) = (truth.join("steps.json.gz"), truth.join("final.json.gz"));
    if tree.is_file() {
        wrong.extend(wrong_in_final_tree(&report, &read_gzip_json(&tree)));
    }
    if steps.is_file() {
        let directories = archive::directories(&image);
        wrong.extend(docker_diff::contradictions(&report, &read_steps(&steps), &directories));
    }
    wrong.into_iter().map(|wrong| format!("{label}/{name}: {wrong}")).collect()
}

fn wrong_figures(report: &Value, expected: &Expected) -> Vec<String> {
    let mut wrong = Vec::new();
    compare_objects(&mut wrong, "totals", &report["totals"], &expected.totals);
    let layers = report["layers"].as_array().expect("layers is a list");
    if layers.len() != expected.layers.len() {
        wrong.push(format!("{} layers, expected {}", layers.len(), expected.layers.len()));
    }
    for ((layer, expected_layer), diff_id) in layers.iter().zip(&expected.layers).zip(&expected.diff_ids) {
        let which = format!("layer {}", layer["number"]);
        compare_objects(&mut wrong, &which, layer, &expected_layer.figures);
        if layer["diff_id"] != *diff_id.as_str() {
            wrong.push(format!("{which}: diff_id {}, expected {diff_id}", layer["diff_id"]));
        }
    }
    wrong
}

/// Compares the fields that are expected; causes that are not named have no bytes.
fn compare_objects(wrong: &mut Vec<String>, which: &str, found: &Value, expected: &BTreeMap<String, Value>) {
    for (field, value) in expected {
        let same = match value {
            Value::Object(causes) => causes == &without_zeros(&found[field]),
            Value::Number(number) if number.is_f64() => same_ratio(&found[field], value),
            value => found[field] == *value,
        };
        if !same {
            wrong.push(format!("{which}: {field} {}, expected {value}", found[field]));
        }
    }
}

fn without_zeros(causes: &Value) -> serde_json::Map<String, Value> {
    let causes = causes.as_object().cloned().unwrap_or_default();
    causes.into_iter().filter(|(_, bytes)| *bytes != 0).collect()
}

fn same_ratio(found: &Value, expected: &Value) -> bool {
    found.as_f64().zip(expected.as_f64()).is_some_and(|(found, expected)| (found - expected).abs() < 1e-6)
}

fn wrong_lists(report: &Value, expected: &Expected) -> Vec<String> {
    let changes = report["changes"].as_array().expect("the report was asked for with changes");
    let mut wrong = Vec::new();
    for (number, layer) in (1_u64..).zip(&expected.layers) {
        let ours: Vec<&Value> = changes.iter().filter(|change| change["layer"] == number).collect();
        let kinds = ours.iter().map(|change| (name_of(change), change["kind"].as_str().unwrap_or_default().to_owned()));
        let expected_kinds = layer.changes.iter().map(|(path, kind)| (path.clone(), kind.to_string()));
        compare_sets(&mut wrong, &format!("layer {number}: changes"), kinds, expected_kinds);
        let unchanged = ours.iter().filter(|change| change["kind"] == "C" && change["what"] == serde_json::json!([]));
        let unchanged = unchanged.map(|change| name_of(change));
        compare_sets(&mut wrong, &format!("layer {number}: unchanged"), unchanged, layer.unchanged.iter().cloned());
    }
    let records = report["waste"].as_array().expect("waste is a list").iter();
    let number = |record: &Value, field: &str| record[field].as_u64().unwrap_or_default();
    let records = records.map(|record| {
        let cause = record["cause"].as_str().unwrap_or_default().to_owned();
        (number(record, "stored_in"), name_of(record), number(record, "bytes"), number(record, "hidden_by"), cause)
    });
    let expected = expected.waste.iter();
    let expected = expected
        .map(|record| (record.stored_in, record.path.clone(), record.bytes, record.hidden_by, record.cause.clone()));
    compare_sets(&mut wrong, "waste", records, expected);
    wrong
}

fn name_of(item: &Value) -> Name {
    Name(unescape(item["path"].as_str().unwrap_or_default()))
}

fn compare_sets<T: Ord + std::fmt::Debug>(
    wrong: &mut Vec<String>,
    which: &str,
    found: impl Iterator<Item = T>,
    expected: impl Iterator<Item = T>,
) {
    let (mut found, mut expected): (Vec<T>, Vec<T>) = (found.collect(), expected.collect());
    found.sort();
    expected.sort();
    if found != expected {
        let extra: Vec<&T> = found.iter().filter(|item| expected.binary_search(item).is_err()).take(5).collect();
        let missing: Vec<&T> = expected.iter().filter(|item| found.binary_search(item).is_err()).take(5).collect();
        wrong.push(format!(
            "{which}: {} found, {} expected; not expected {extra:?}; missing {missing:?}",
            found.len(),
            expected.len()
        ));
    }
}

fn read_steps(path: &Path) -> Vec<Step> {
    #[derive(Deserialize)]
    struct Recorded {
        instruction: String,
        docker_diff: Option<BTreeSet<(String, char)>>,
    }
    let steps: Vec<Recorded> = read_gzip_json(path);
    let turn = |diff: BTreeSet<(String, char)>| diff.into_iter().map(|(path, kind)| (kind, path)).collect();
    steps.into_iter().map(|step| Step { instruction: step.instruction, diff: step.docker_diff.map(turn) }).collect()
}

// ---- the engine's own view of the final tree ----

/// What the engine shows of an image: the exported tree of a container.
#[derive(Deserialize)]
struct Exported {
    /// The image's ID; absent where the file's place says which image it is.
    id: Option<String>,
    /// What the engine puts into every container, over what the image may have there.
    init_layer_paths: BTreeSet<Name>,
    tree: BTreeMap<Name, ExportedEntry>,
}

#[derive(Deserialize)]
struct ExportedEntry {
    #[serde(rename = "t")]
    kind: char,
    #[serde(default)]
    size: u64,
    /// All names of the inode, where it has several.
    #[serde(default)]
    names: Vec<Name>,
}

fn read_gzip_json<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let file = flate2::read::GzDecoder::new(File::open(path).expect("a recorded file"));
    serde_json::from_reader(file).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Applies our changes layer by layer and compares what is left with the engine's tree: paths and bytes.
fn wrong_in_final_tree(report: &Value, exported: &Exported) -> Vec<String> {
    let ours = final_paths(report);
    let is_image = |path: &&Name| !exported.init_layer_paths.contains(*path);
    let mut wrong = Vec::new();
    let theirs = exported.tree.keys().filter(is_image).cloned();
    compare_sets(&mut wrong, "final paths", ours.keys().filter(is_image).cloned(), theirs);
    let hidden: u64 = ours.iter().filter(|(path, _)| !is_image(path)).map(|(_, bytes)| bytes).sum();
    let first_name = |path: &Name, entry: &ExportedEntry| entry.names.first().is_none_or(|first| first == path);
    let files =
        exported.tree.iter().filter(|(path, entry)| entry.kind == 'f' && is_image(path) && first_name(path, entry));
    let theirs: u64 = files.map(|(_, entry)| entry.size).sum();
    if report["totals"]["final_bytes"] != theirs + hidden {
        wrong.push(format!("final_bytes {}, the engine shows {theirs} + {hidden}", report["totals"]["final_bytes"]));
    }
    wrong
}

/// Returns the paths that the image shows in the end, without a leading slash, and the bytes stored at each.
fn final_paths(report: &Value) -> BTreeMap<Name, u64> {
    let changes = report["changes"].as_array().expect("the report was asked for with changes");
    let mut paths: BTreeMap<Name, u64> = BTreeMap::new();
    for number in 1..=report["totals"]["layers"].as_u64().expect("a number of layers") {
        let of_layer = || changes.iter().filter(|change| change["layer"] == number);
        for change in of_layer().filter(|change| change["kind"] == "D" || changes_type(change)) {
            let Name(gone) = relative(change);
            let below = [gone.as_slice(), b"/"].concat();
            paths.retain(|Name(path), _| *path != gone && !path.starts_with(&below));
        }
        for change in of_layer().filter(|change| change["kind"] != "D") {
            let Name(path) = relative(change);
            let parents =
                path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| Name(path[..at].to_vec()));
            parents.for_each(|parent| {
                paths.entry(parent).or_default();
            });
            paths.insert(Name(path), change["bytes"].as_u64().unwrap_or_default());
        }
    }
    paths.remove(&Name(Vec::new()));
    paths
}

fn relative(change: &Value) -> Name {
    let Name(path) = name_of(change);
    Name(path.strip_prefix(b"/").unwrap_or(&path).to_vec())
}

fn changes_type(change: &Value) -> bool {
    let what = change["what"].as_array().into_iter().flatten().filter_map(Value::as_str);
    what.into_iter().any(|what| what.starts_with("type "))
}

// ---- public archives ----

#[test]
fn public_archives_are_analysed_or_refused_in_a_sentence() {
    let Some(corpus) = corpus() else { return };
    let directory = tempfile::tempdir().expect("a temporary directory");
    unpack(&corpus.join("public.tar.zst"), directory.path());
    let manifest = find(directory.path(), "MANIFEST.tsv");
    let folder = manifest.parent().expect("a folder").to_owned();
    let listed = std::fs::read_to_string(&manifest).expect("a list");
    let names: Vec<&str> = listed.lines().skip(1).filter_map(|line| line.split('\t').next()).collect();
    assert!(!names.is_empty(), "the corpus has public archives");
    let failures = check_all(&names, |name| {
        let outcome = layerlens(["--report".as_ref(), "json".as_ref(), folder.join(name).as_os_str()]).outcome();
        if outcome.code == Some(3) {
            eprintln!("refused: {name}: {}", outcome.stderr_text().trim_end());
        }
        let mut wrong = wrong_in_public(&outcome);
        let recorded = folder.join("TRUTH/docker20-overlay2").join(format!("{name}.json.gz"));
        if outcome.code == Some(0) && recorded.is_file() {
            wrong.extend(wrong_in_loaded(&common::analysed(&folder.join(name)), &recorded));
        }
        wrong.into_iter().map(|wrong| format!("{name}: {wrong}")).collect()
    });
    assert_none(&failures, names.len(), "public archives");
}

fn wrong_in_public(outcome: &Outcome) -> Vec<String> {
    let mut wrong = wrong_in_general(outcome);
    match outcome.code {
        Some(0) if serde_json::from_slice::<Value>(&outcome.stdout).is_err() => {
            wrong.push(format!("no JSON: {outcome}"));
        }
        Some(0) => {}
        Some(3) => wrong.extend(wrong_in_message(outcome)),
        _ => wrong.push(format!("ended otherwise: {outcome}")),
    }
    wrong
}

/// Compares with what the engine showed after loading the archive, which may hold several images.
fn wrong_in_loaded(report: &Value, recorded: &Path) -> Vec<String> {
    let loaded: Vec<Exported> = read_gzip_json(recorded);
    let ours = loaded.iter().find(|image| image.id.as_deref() == report["image"]["id"].as_str());
    ours.map_or_else(
        || vec![format!("the engine loaded no {}", report["image"]["id"])],
        |exported| wrong_in_final_tree(report, exported),
    )
}

/// An error is one line `layerlens: …`, then perhaps a hint; nothing on stdout.
fn wrong_in_message(outcome: &Outcome) -> Option<String> {
    let text = String::from_utf8_lossy(&outcome.stderr);
    let lines: Vec<&str> = text.lines().collect();
    let clear = match lines.as_slice() {
        [message] => message.starts_with("layerlens: "),
        [message, hint] => message.starts_with("layerlens: ") && hint.starts_with("hint: "),
        _ => false,
    };
    (!clear || !outcome.stdout.is_empty()).then(|| format!("no clear message: {outcome}"))
}

/// What no run may ever do, whatever it is given.
fn wrong_in_general(outcome: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    let stderr = String::from_utf8_lossy(&outcome.stderr);
    if stderr.contains("panicked at") || outcome.code.is_none() || outcome.code == Some(101) {
        wrong.push(format!("panicked, was killed or ran out of time: {outcome}"));
    }
    if !outcome.left.is_empty() || outcome.left_temporary {
        wrong.push(format!("left something behind: {:?}", outcome.left));
    }
    for (stream, bytes) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        wrong.extend(raw_characters(bytes).map(|found| format!("{stream} has {found}")));
    }
    wrong
}

/// Returns the first character that could fool a terminal, with what stands around it.
fn raw_characters(bytes: &[u8]) -> Option<String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Some("bytes that are no UTF-8".to_owned()) };
    let (at, character) = text.char_indices().find(|(_, character)| is_dangerous(*character))?;
    let around: String = text[at..].chars().take(20).collect();
    Some(format!("a raw {character:?} at byte {at}: {around:?}"))
}

fn is_dangerous(character: char) -> bool {
    let bidi_or_invisible =
        matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    bidi_or_invisible || character.is_control() && character != '\n' && character != '\t'
}

// ---- hostile inputs ----

/// One line of `hostile-EXPECT.tsv`.
struct Hostile {
    name: String,
    path: PathBuf,
    expect: String,
    what: String,
}

#[test]
fn hostile_inputs_end_as_expected() {
    let Some(corpus) = corpus() else { return };
    let directory = tempfile::tempdir().expect("a temporary directory");
    unpack(&corpus.join("hostile.tar.zst"), directory.path());
    let folder = find(directory.path(), "00-good.tar").parent().expect("a folder").to_owned();
    let list = std::fs::read_to_string(corpus.join("hostile-EXPECT.tsv")).expect("a list");
    let inputs: Vec<Hostile> = list.lines().skip(1).map(|line| hostile(line, &folder)).collect();
    let failures: Vec<String> = inputs.iter().flat_map(check_hostile).collect();
    assert_none(&failures, inputs.len(), "hostile inputs");
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
    let outcome = layerlens(arguments).within(allowed_time(&input.what)).outcome();
    let mut wrong = wrong_in_hostile(input, &outcome);
    if outcome.code == Some(3) && json.exists() {
        wrong.push("failed, and wrote a report all the same".to_owned());
    }
    let report = std::fs::read(&json).unwrap_or_default();
    wrong.extend(raw_characters(&report).map(|found| format!("the JSON has {found}")));
    if outcome.code == Some(0) && outcome.took < Duration::from_secs(5) {
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

// ---- the corpus' folders ----

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

#[test]
fn limits_are_read_from_the_lines() {
    assert_eq!(allowed_time("1,000,000 files: under 60 s, under 1.5 GB"), Duration::from_secs(60));
    assert_eq!(allowed_time("stream it (300 s allowed) or refuse it"), Duration::from_secs(300));
    assert_eq!(allowed_time("cut inside the first header"), Duration::from_secs(10));
    assert_eq!(allowed_bytes("limit it, or stay under 600 MB"), 600 * MB);
    assert_eq!(allowed_bytes("under 60 s, under 1.5 GB"), 1500 * MB);
    assert_eq!(allowed_bytes("under 100 KB on disk: memory under 300 MB"), 300 * MB);
}
