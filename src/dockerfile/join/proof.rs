//! The proof that a joined RUN does what its pieces did: random scripts, run one by one and joined, in real shells.
//!
//! `JOIN_PROOF_SCRIPTS` says how many and `JOIN_PROOF_FIRST` from which seed on; what differs is printed with the seed that
//! makes it again.

mod generator;
mod world;

use super::{Piece, Runner, join};
use generator::Generator;
use world::{Shell, World};

/// What has to hold in the time that a test may take; many more are run before a release.
const SCRIPTS: u64 = 10_000;

struct Case {
    pieces: Vec<Piece>,
    runner: Runner,
    joined: super::Joined,
}

fn case(seed: u64, shell: &Shell, world: &World) -> Case {
    let mut generator = Generator::new(seed, shell.is_bash, world.root());
    let runner = generator.runner(shell);
    let pieces = generator.pieces(&runner);
    let joined = join(&pieces, &runner, &[]);
    Case { pieces, runner, joined }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs the cases of one thread; returns how many were safe and which of those differ.
fn run(seeds: impl Iterator<Item = u64>, shells: &[Shell], name: &str) -> (u64, u64, Vec<String>) {
    let world = World::new(name);
    let (mut count, mut safe, mut wrong) = (0, 0, Vec::new());
    for seed in seeds {
        let shell = &shells[usize::try_from(seed).unwrap_or(0) % shells.len()];
        let case = case(seed, shell, &world);
        count += 1;
        if !case.joined.doubts.is_empty() || case.joined.lines.is_empty() {
            continue;
        }
        safe += 1;
        let apart = world.run_apart(&case.pieces, &case.runner);
        let together = world.run_joined(&case.joined.lines, &case.runner);
        if apart != together {
            let pieces: Vec<String> = case.pieces.iter().map(world::show).collect();
            wrong.push(format!(
                "seed {seed} in {}:\n{}\n--- joined\n{}\n--- apart {apart:?}\n--- together {together:?}",
                shell.name,
                pieces.join("\n"),
                case.joined.lines
            ));
            if wrong.len() == 5 {
                break;
            }
        }
    }
    (count, safe, wrong)
}

#[test]
fn joined_scripts_do_what_they_did_apart() {
    let bin = tempfile::tempdir().expect("a folder");
    let shells = Shell::all(bin.path());
    let has = |name: &str| shells.iter().any(|shell| shell.name == name);
    // Elsewhere than in CI, the shells of the machine are enough.
    let is_required = std::env::var_os("TEST_PEERS").is_some_and(|value| value == "required");
    assert!(has("bash") && (!is_required || (has("dash") && has("busybox"))), "install dash, bash and busybox");
    let first = number("JOIN_PROOF_FIRST").unwrap_or(0);
    let seeds = first..first + number("JOIN_PROOF_SCRIPTS").unwrap_or(SCRIPTS);
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let results: Vec<(u64, u64, Vec<String>)> = std::thread::scope(|scope| {
        let run_part = |part: u64| {
            let (seeds, shells) = (seeds.clone(), &shells);
            scope.spawn(move || run(seeds.filter(|seed| seed % threads == part), shells, &format!("part{part}")))
        };
        let handles: Vec<_> = (0..threads).map(run_part).collect();
        handles.into_iter().map(|handle| handle.join().expect("no panic")).collect()
    });
    let (count, safe): (u64, u64) =
        results.iter().fold((0, 0), |(count, safe), result| (count + result.0, safe + result.1));
    let wrong: Vec<&String> = results.iter().flat_map(|result| &result.2).collect();
    assert!(
        wrong.is_empty(),
        "{} of {safe} differ:\n{}",
        wrong.len(),
        wrong.iter().map(|one| one.as_str()).collect::<Vec<_>>().join("\n\n")
    );
    assert!(count == 1 || safe * 2 > count, "only {safe} of {count} were safe: the proof proves little");
    if number("JOIN_PROOF_SCRIPTS").is_some() {
        std::fs::write("/dev/stderr", format!("{count} scripts, {safe} safe, all alike\n")).ok();
    }
}
