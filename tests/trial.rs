//! Fixes that are really made: the image that `--apply` writes is what was predicted, and shows what the old one showed.
//!
//! The images are built here as an engine builds them, step by step, from commands that undo what earlier steps did. What
//! containers see in the end is known from the build itself.

mod support;
mod trial {
    pub mod build;
}

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;

use layerlens::analysis::{Alternative, BaseChoice, Fix, FixKind};
use layerlens::rewrite::{Trial, proof};
use layerlens::{Analysis, OpenOptions};
use support::image::{LayerStream, Packing};
use support::random::config;
use trial::build::{Build, Command, Engine, Shape, Step, shown, step_of};

/// Files that steps make; those in folders of package managers are what steps clean up.
const FILES: [&str; 9] = [
    "/app/a",
    "/app/b",
    "/app/d/a",
    "/app/d/b",
    "/var/lib/apt/lists/one",
    "/var/lib/apt/lists/two",
    "/var/cache/apt/archives/one.deb",
    "/tmp/one",
    "/root/.npm/one",
];

fn command() -> impl Strategy<Value = Command> {
    let file = || select(FILES.to_vec()).prop_map(str::to_owned);
    let folder = || select(vec!["/app", "/app", "/app/d", "/app/a", "/var/lib/apt/lists"]).prop_map(str::to_owned);
    let removed = select(vec![
        "/var/lib/apt/lists/*",
        "/var/lib/apt/lists/*",
        "/var/cache/apt",
        "/var/cache/apt/archives/*",
        "/tmp/*",
        "/app/d",
        "/app/a",
        "/root/.npm",
    ]);
    let kind = select(vec!["", "-type d", "-type f"]);
    let owner = (select(vec!["chown", "chown -h"]), 1..3_u64);
    let change = prop_oneof![
        owner.prop_map(|(name, owner)| (name.to_owned(), format!("{owner}:{owner}"))),
        mode().prop_map(|mode| ("chmod".to_owned(), mode)),
    ];
    prop_oneof![
        6 => (file(), 0..4_u8).prop_map(|(path, content)| Command::Write { path, content }),
        2 => Just(Command::Update),
        3 => (0..3_u8).prop_map(|package| Command::Install { package }),
        1 => Just(Command::Clean),
        5 => (folder(), any::<bool>(), 1..3_u64)
            .prop_map(|(path, recursive, owner)| Command::Chown { path, recursive, owner }),
        4 => (folder(), any::<bool>(), mode())
            .prop_map(|(path, recursive, mode)| Command::Chmod { path, recursive, mode }),
        4 => (folder(), kind, change, select(vec!["+", "\\;"])).prop_map(|(path, kind, (name, word), end)| {
            let conditions = kind.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
            Command::Find { paths: vec![path], conditions, name, word, end: end.to_owned() }
        }),
        1 => (folder(), 1..3_u64).prop_map(|(path, owner)| {
            Command::Try(Box::new(Command::Chown { path, recursive: true, owner }))
        }),
        1 => (folder(), mode()).prop_map(|(path, mode)| {
            Command::Try(Box::new(Command::Chmod { path, recursive: true, mode }))
        }),
        4 => vec(removed, 1..3).prop_map(|paths| Command::Remove {
            paths: paths.into_iter().map(str::to_owned).collect(),
        }),
        1 => (file(), file()).prop_map(|(target, path)| Command::HardLink { target, path }),
        1 => file().prop_map(|path| Command::Symlink { path }),
    ]
}

fn mode() -> impl Strategy<Value = String> {
    select(vec!["755", "700", "u+x", "+x", "go-w", "g=u", "a+rX", "u=rwX,go="]).prop_map(str::to_owned)
}

fn step() -> impl Strategy<Value = Step> {
    let copied = vec((select(FILES[..4].to_vec()).prop_map(str::to_owned), 0..4_u8), 1..4);
    prop_oneof![
        3 => copied.prop_map(Step::Copy),
        9 => (vec(command(), 1..3), select(vec![Shape::And, Shape::And, Shape::Errexit, Shape::Traced]))
            .prop_map(|(commands, shape)| Step::Run(commands, shape)),
    ]
}

fn engine() -> impl Strategy<Value = Engine> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(copies_unchanged, splits_links, has_find)| Engine {
        copies_unchanged,
        splits_links,
        has_find,
    })
}

fn open(path: &Path) -> Analysis {
    let mut options = OpenOptions { base: BaseChoice::Layers(1), min_saving: Some(300), ..OpenOptions::default() };
    options.load.verify = true;
    layerlens::open(path, &options).unwrap_or_else(|error| panic!("{error}"))
}

/// How often which kinds of fixes were made.
#[derive(Default, Debug)]
struct Made(BTreeMap<&'static str, usize>);

/// Makes some fixes and compares the image with what was said of it.
fn check(image: &Analysis, build: &Build, fixes: &[&Fix], folder: &Path) -> Result<(), String> {
    let trial = Trial::new(image, fixes, &[]);
    let expected = trial.prediction();
    let made = trial.make().map_err(|error| error.to_string())?;
    let target = folder.join("trial.tar");
    made.write(&mut File::create(&target).expect("a file")).map_err(|error| error.to_string())?;
    let found = open(&target);
    let of = |image: &Analysis| (image.totals.stored_bytes, image.totals.wasted_bytes, image.layers.len());
    let said = (expected.stored_bytes, expected.wasted_bytes, expected.layer_count);
    let seen = shown(&found);
    if seen != build.shown {
        let differs = |(path, what): &(&String, &String)| build.shown.get(*path) != Some(*what);
        let more = seen.iter().find(differs);
        let less = build.shown.iter().find(|(path, what)| seen.get(*path) != Some(*what));
        return Err(format!("containers see {more:?} instead of {less:?}"));
    }
    if let Some(difference) = proof::difference(image, &found, trial.removal()).map_err(|error| error.to_string())? {
        return Err(format!("the proof fails: {difference}"));
    }
    if of(&found) != said {
        return Err(format!("stored, wasted, layers: {:?}, expected {said:?}, before {:?}", of(&found), of(image)));
    }
    let bottom = |image: &Analysis| image.layers[0].diff_id.clone();
    if bottom(&found) != bottom(image) {
        return Err("the base was changed".to_owned());
    }
    Ok(())
}

/// Builds the image again from the lines of a safe edit in place: containers must see the same, times aside.
fn rebuild(build: &Build, engine: Engine, alternative: &Alternative, count: &mut Made) -> Result<(), String> {
    if alternative.kind != FixKind::InPlace || !alternative.safe {
        return Ok(());
    }
    let mut new = Vec::new();
    for (layer, step) in (2..).zip(&build.steps) {
        match alternative.edits.iter().find(|edit| edit.layer.get() == layer) {
            None => new.push(step.clone()),
            Some(edit) if edit.after.is_empty() => {}
            Some(edit) => match step_of(&edit.after, step) {
                Some(step) => new.push(step),
                None => return Ok(()),
            },
        }
    }
    let rebuilt = Build::of(engine, &new);
    if format!("{:?}", rebuilt.steps) != format!("{new:?}") {
        return Err("a command of the new lines fails".to_owned());
    }
    let timeless = |(path, look): (&String, &String)| {
        let words: Vec<&str> = look.split(' ').collect();
        match words[..] {
            ["file", mode, owner, _, size] => (path.clone(), format!("file {mode} {owner} {size}")),
            _ => (path.clone(), look.clone()),
        }
    };
    let (seen, known): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (rebuilt.shown.iter().map(timeless).collect(), build.shown.iter().map(timeless).collect());
    *count.0.entry("rebuilt").or_default() += 1;
    if seen != known {
        let more = seen.iter().find(|(path, look)| known.get(*path) != Some(*look));
        let less = known.iter().find(|(path, look)| seen.get(*path) != Some(*look));
        return Err(format!("the lines make {more:?} instead of {less:?}"));
    }
    Ok(())
}

/// Makes all fixes together, each alone, and each in every other way that it can be made.
fn check_all(build: &Build, engine: Engine, stream: LayerStream, count: &mut Made) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = build.image.write(Packing { layers: stream, ..Packing::default() }, folder.path(), "image.tar");
    let image = open(&path);
    let all: Vec<&Fix> = image.fixes.iter().collect();
    let most = match image.layers.len() {
        0..=2 => u64::MAX,
        count => image.what_if(&format!("2..{count}").parse().expect("a range")).expect("layers").saves_bytes,
    };
    let sum: u64 = all.iter().map(|fix| fix.saves_bytes).sum();
    if sum > most {
        return Err(format!("the fixes save {sum}, and one layer of all steps only {most}"));
    }
    check(&image, build, &all, folder.path()).map_err(|problem| format!("all fixes: {problem}"))?;
    for fix in all {
        for (at, alternative) in fix.alternatives.iter().enumerate() {
            *count.0.entry(alternative.kind.name()).or_default() += 1;
            let alternatives = vec![alternative.clone()];
            let one = Fix { saves_bytes: alternative.saves_bytes, alternatives, ..fix.clone() };
            let name = format!("alternative {at} of {}:\n{}\n", fix.id, alternative.dockerfile);
            check(&image, build, &[&one], folder.path())
                .and_then(|()| rebuild(build, engine, alternative, count))
                .map_err(|problem| format!("{name}{problem}"))?;
        }
    }
    Ok(())
}

/// Folders of the base, which stay whatever goes out of them.
const BASE_FOLDERS: [&str; 9] =
    ["/app", "/bin", "/etc", "/usr", "/usr/bin", "/var", "/var/lib", "/var/lib/apt", "/var/lib/apt/lists"];

/// Says whether a path goes with others: with files all, of folders those that are not the base's and hold no state.
fn goes(path: &str, look: &str, removed: &[&str]) -> bool {
    let is_in = |top: &str| path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let stays = look.starts_with("directory") && (BASE_FOLDERS.contains(&path) || is_in("/var") || is_in("/tmp"));
    removed.iter().any(|top| is_in(top)) && !stays
}

/// Removes paths, with fixes or without, and compares the image with what was said of it. Says whether it could be made.
fn check_without(
    image: &Analysis,
    build: &Build,
    fixes: &[&Fix],
    removed: &[&str],
    folder: &Path,
) -> Result<bool, String> {
    let nodes: Vec<_> = removed.iter().filter_map(|path| image.index.tree.find(path.as_bytes())).collect();
    let trial = Trial::without(image, fixes, &nodes);
    let expected = trial.prediction();
    let made = match trial.make() {
        Ok(made) => made,
        // A name that stays can be a link to one that goes: no finding is like that.
        Err(error) if error.to_string().contains("every other name is removed") => return Ok(false),
        Err(error) => return Err(error.to_string()),
    };
    let target = folder.join("trial.tar");
    made.write(&mut File::create(&target).expect("a file")).map_err(|error| error.to_string())?;
    let found = open(&target);
    let rest = build.shown.iter().filter(|(path, look)| !goes(path, look, removed));
    let rest: BTreeMap<String, String> = rest.map(|(path, look)| (path.clone(), look.clone())).collect();
    let seen = shown(&found);
    if seen != rest {
        let more = seen.iter().find(|(path, look)| rest.get(*path) != Some(*look));
        let less = rest.iter().find(|(path, look)| seen.get(*path) != Some(*look));
        return Err(format!("containers see {more:?} instead of {less:?}"));
    }
    if let Some(difference) = proof::difference(image, &found, trial.removal()).map_err(|error| error.to_string())? {
        return Err(format!("the proof fails: {difference}"));
    }
    let totals = &found.totals;
    let of = (totals.stored_bytes, totals.final_bytes, totals.wasted_bytes, found.layers.len());
    let said = (expected.stored_bytes, expected.final_bytes, expected.wasted_bytes, expected.layer_count);
    if of != said {
        return Err(format!("stored, final, wasted, layers: {of:?}, expected {said:?}"));
    }
    let is_base = |path: &&str| ["/app", "/var/lib/apt/lists", "/usr"].contains(path);
    if !removed.iter().any(is_base) && found.layers[0].diff_id != image.layers[0].diff_id {
        return Err("the base was changed".to_owned());
    }
    Ok(true)
}

#[test]
fn what_is_removed_is_gone_and_nothing_else() {
    let tops = select(vec![
        "/app",
        "/app/a",
        "/app/d",
        "/app/d/b",
        "/var/lib/apt/lists",
        "/var/lib/apt/lists/one",
        "/var/cache",
        "/tmp",
        "/root",
        "/usr",
        "/usr/lib",
    ]);
    let strategy = (engine(), vec(step(), 1..9), vec(tops, 1..4), select(vec![LayerStream::Plain, LayerStream::Gzip]));
    let made = std::cell::RefCell::new((0, 0, 0));
    let result = TestRunner::new(config(400)).run(&strategy, |(engine, steps, removed, stream)| {
        let build = Build::of(engine, &steps);
        let folder = tempfile::tempdir().expect("a folder");
        let path = build.image.write(Packing { layers: stream, ..Packing::default() }, folder.path(), "image.tar");
        let image = open(&path);
        let all: Vec<&Fix> = image.fixes.iter().collect();
        for fixes in [&[][..], &all[..]] {
            let is_made = check_without(&image, &build, fixes, &removed, folder.path()).map_err(|problem| {
                let count = fixes.len();
                TestCaseError::fail(format!("\n{}\nwithout {removed:?}, {count} fixes: {problem}", build.dockerfile()))
            })?;
            let mut made = made.borrow_mut();
            made.0 += usize::from(is_made);
            made.1 += usize::from(is_made && !fixes.is_empty());
            made.2 += usize::from(!is_made);
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let (made, with_fixes, refused) = made.into_inner();
    assert!(made > 20 * refused && with_fixes > 20, "{made} made, {with_fixes} of them with fixes, {refused} refused");
}

#[test]
fn a_trial_is_what_was_predicted() {
    let strategy = (engine(), vec(step(), 1..9), select(vec![LayerStream::Plain, LayerStream::Gzip]));
    let made = std::cell::RefCell::new(Made::default());
    let result = TestRunner::new(config(400)).run(&strategy, |(engine, steps, stream)| {
        let build = Build::of(engine, &steps);
        check_all(&build, engine, stream, &mut made.borrow_mut())
            .map_err(|problem| TestCaseError::fail(format!("\n{}\n{problem}", build.dockerfile())))
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let made = made.into_inner();
    let count = |kind| made.0.get(kind).copied().unwrap_or_default();
    assert!(["in-place", "merge-run", "rebuilt"].iter().all(|kind| count(kind) > 20), "{made:?}");
}
