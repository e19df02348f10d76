//! The gate and its configuration, through the binary: rules at their limits, baselines, ignored paths, files and variables.

mod common;

use std::path::{Path, PathBuf};

use common::archive::{self, Image, Member, miniature, tar_of};
use common::run::{Outcome, Run, layerlens};
use layerlens::gate::Rule;
use serde_json::Value;
use tempfile::TempDir;

/// An archive on disk for as long as it is held.
struct OnDisk {
    path: PathBuf,
    _directory: TempDir,
}

fn on_disk(image: &Image) -> OnDisk {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("image.tar");
    std::fs::write(&path, tar_of(&image.docker_archive())).expect("write the archive");
    OnDisk { path, _directory: directory }
}

/// Two layers, one file of 1000 bytes rewritten: stored 2000, wasted 1000.
fn half_wasted() -> OnDisk {
    let layers = [b'a', b'b'].map(|byte| archive::layer(&[Member::File("f", 0o644, &[byte; 1000])]));
    on_disk(&Image::new("half:latest", &["/bin/sh -c first", "/bin/sh -c second"], layers.to_vec()))
}

fn run(image: &Path, arguments: &[&str]) -> Run {
    layerlens([image.as_os_str()].into_iter().chain(arguments.iter().map(AsRef::as_ref)))
}

fn on(image: &Path, arguments: &[&str]) -> Outcome {
    run(image, arguments).outcome()
}

/// The `gate` of the JSON report.
fn gate(image: &Path, arguments: &[&str]) -> Value {
    on(image, &[arguments, &["--ci", "--report", "json"]].concat()).json()["gate"].clone()
}

fn rule<'a>(gate: &'a Value, name: &str) -> &'a Value {
    let rules = gate["rules"].as_array().expect("a list of rules");
    rules.iter().find(|rule| rule["rule"] == name).unwrap_or_else(|| panic!("no {name}: {gate}"))
}

fn seed() -> PathBuf {
    common::sample("seed.tar.gz")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

#[test]
fn every_rule_holds_at_its_limit_and_breaks_beyond() {
    let image = half_wasted();
    for (flag, holds, breaks) in [
        ("--max-layer-size", "1000", "999"),
        ("--max-file-size", "1kB", "999B"),
        ("--forbid", "g", "f"),
        ("--forbid", "/f/x", "/f"),
    ] {
        on(&image.path, &["--ci", flag, holds]).assert_code(0);
        on(&image.path, &["--ci", flag, breaks]).assert_code(1);
    }
}

/// A row of the table is all that a rule needs to be set in every way.
#[test]
fn every_rule_is_set_by_a_flag_a_variable_or_the_file() {
    let image = half_wasted();
    let baseline = text(&image.path);
    for rule in Rule::all() {
        let limit = match rule.value_name() {
            "SIZE" => "1TB",
            "SHARE" => "0",
            _ => "999",
        };
        let name = rule.name();
        let flag = run(&image.path, &[&format!("--{name}"), limit, "--ci", "--report", "json", "--baseline", baseline]);
        let others = || run(&image.path, &["--ci", "--report", "json", "--baseline", baseline]);
        let variable = others().env(&format!("LAYERLENS_{}", name.to_uppercase().replace('-', "_")), limit);
        let file = others().file(".layerlens.toml", format!("[rules]\n{name} = \"{limit}\"\n"));
        for (way, run) in [("flag", flag), ("variable", variable), ("file", file)] {
            let outcome = run.outcome();
            outcome.assert_code(0);
            assert_eq!(judged(&outcome, name)["limit"], limit, "{way}: {outcome}");
        }
    }
}

fn judged(outcome: &Outcome, name: &str) -> Value {
    rule(&outcome.json()["gate"], name).clone()
}

#[test]
fn a_warning_passes_and_is_shown() {
    let image = half_wasted();
    let outcome = on(&image.path, &["--ci", "--warn", "max-waste=999B", "--max-waste", "1kB"]);
    outcome.assert_code(0);
    assert!(outcome.stdout_text().contains("warn  max-waste: 1.0 kB, warns above 999B: 1 B too much"), "{outcome}");
    assert!(outcome.stdout_text().ends_with("PASSED: 1 rule held, 1 with a warning\n"), "{outcome}");
    let gate = gate(&image.path, &["--warn", "max-waste=1kB", "--warn", "min-efficiency=0.6", "--warn", "forbid=f"]);
    assert_eq!(gate["passed"], true);
    for (name, warned) in [("max-waste", false), ("min-efficiency", true), ("forbid", true)] {
        assert_eq!(
            (&rule(&gate, name)["passed"], &rule(&gate, name)["warned"]),
            (&true.into(), &warned.into()),
            "{gate}"
        );
    }
}

/// `/data/one` is deleted by the last layer of the classic example.
#[test]
fn a_forbidden_path_is_found_though_it_is_deleted() {
    let image = on_disk(&miniature(1000));
    let gate = gate(&image.path, &["--forbid", "one", "--forbid", "/bin", "--forbid", "*.pem"]);
    let found: Vec<(&Value, &Value, &Value)> = gate["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .map(|rule| (&rule["limit"], &rule["actual"], &rule["about"]))
        .collect();
    let expected = [
        ("one".into(), 1.into(), "/data/one in layer 3".into()),
        ("/bin".into(), 2.into(), "/bin in layer 1 and 1 more".into()),
        ("*.pem".into(), 0.into(), Value::Null),
    ];
    assert_eq!(found, expected.each_ref().map(|(a, b, c)| (a, b, c)));
}

#[test]
fn without_rules_nothing_is_judged_and_ci_changes_nothing() {
    for arguments in [&["--ci"][..], &[], &["--ci", "--max-waste", "1B"]] {
        let plain = on(&seed(), arguments);
        let in_pipeline = run(&seed(), arguments).env("CI", "true").outcome();
        assert_eq!(
            (plain.code, &plain.stdout, &plain.stderr),
            (in_pipeline.code, &in_pipeline.stdout, &in_pipeline.stderr)
        );
    }
    let outcome = on(&seed(), &["--ci"]);
    outcome.assert_code(0);
    assert!(outcome.stdout_text().trim_end().lines().last().expect("text").starts_with("No rules given"), "{outcome}");
}

// ---- baselines ----

#[test]
fn an_image_does_not_grow_beyond_itself() {
    let reports = [seed_report(&["--report", "json=b"]), seed_report(&["--write-baseline", "b"])];
    for baseline in [seed(), reports[0].to_path_buf(), reports[1].to_path_buf()] {
        let limits = ["--max-growth", "0B", "--max-waste-growth", "0B", "--baseline", text(&baseline)];
        let gate = gate(&seed(), &limits);
        assert_eq!(gate["passed"], true, "{gate}");
        assert_eq!(
            (&rule(&gate, "max-growth")["actual"], &rule(&gate, "max-waste-growth")["actual"]),
            (&0.into(), &0.into())
        );
        assert_eq!(gate["baseline"], "ll/01-seed:c20ov");
    }
}

/// Writes a report of the seed into a file.
fn seed_report(arguments: &[&str]) -> tempfile::TempPath {
    let outcome = on(&seed(), &[arguments, &["--ci"]].concat());
    outcome.assert_code(0);
    let path = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
    std::fs::write(&path, &outcome.contents[0]).expect("written");
    path
}

/// Merging steps 3 to 7 of the seed saves 4 MiB (src/model.md 4): so much more has the image that did not merge them.
#[test]
fn growth_is_exact() {
    let merged = common::sample("seed-merged.tar.gz");
    let against = |image: &Path, baseline: &Path, limit: &str| {
        gate(image, &["--baseline", text(baseline), "--max-growth", limit, "--max-waste-growth", limit])
    };
    let grown = against(&seed(), &merged, "4MiB");
    for name in ["max-growth", "max-waste-growth"] {
        assert_eq!(rule(&grown, name)["actual"], 4 << 20, "{grown}");
        assert_eq!(rule(&grown, name)["passed"], true, "equality passes");
    }
    assert_eq!(against(&seed(), &merged, "4194303B")["passed"], false);
    let shrunk = against(&merged, &seed(), "0B");
    assert_eq!((&shrunk["passed"], &rule(&shrunk, "max-growth")["actual"]), (&true.into(), &(-(4 << 20)).into()));
    // A percentage is of the baseline's: 3 030 936 stored bytes, of which 4 MiB are 138.4 %; of no waste all is too much.
    let percent = gate(&seed(), &["--baseline", text(&merged), "--max-growth", "139%", "--max-waste-growth", "9999%"]);
    assert_eq!(rule(&percent, "max-growth")["passed"], true);
    assert_eq!(rule(&percent, "max-waste-growth")["passed"], false);
    assert_eq!(gate(&seed(), &["--baseline", text(&merged), "--max-growth", "138%"])["passed"], false);
}

#[test]
fn a_rule_shows_the_baselines_value() {
    let merged = common::sample("seed-merged.tar.gz");
    let arguments = ["--max-waste", "5MB", "--max-layers", "9", "--baseline", text(&merged)];
    let gate = gate(&seed(), &arguments);
    assert_eq!((&rule(&gate, "max-waste")["baseline"], &rule(&gate, "max-layers")["baseline"]), (&0.into(), &2.into()));
    let outcome = on(&seed(), &[&arguments[..], &["--ci"]].concat());
    assert!(outcome.stdout_text().contains("max-layers: 7, limit 9  (+5 against the baseline)"), "{outcome}");
}

#[test]
fn a_bad_baseline_is_no_pass() {
    let growth = ["--ci", "--max-growth", "1%"];
    let without = on(&seed(), &growth);
    without.assert_code(2);
    assert!(without.stderr_text().contains("--baseline"), "{without}");
    on(&seed(), &[&growth[..], &["--baseline", "missing.json"]].concat()).assert_code(3);
    for content in ["{", "{}", r#"{"schema_version": 2}"#, "no image either"] {
        let arguments = [&growth[..], &["--baseline", "b.json"]].concat();
        let outcome = run(&seed(), &arguments).file("b.json", content).outcome();
        outcome.assert_code(3);
        assert!(outcome.stderr_text().contains("b.json"), "{outcome}");
    }
}

// ---- ignored paths ----

#[test]
fn ignored_waste_is_shown_and_not_judged() {
    let gate_of = |arguments: &[&str]| gate(&seed(), arguments);
    let gate = gate_of(&["--max-waste", "3145728B", "--ignore", "two"]);
    assert_eq!((&gate["passed"], &gate["ignored_bytes"]), (&true.into(), &(1 << 20).into()), "{gate}");
    assert_eq!(rule(&gate, "max-waste")["actual"], 3 << 20);
    // Of two entries that take one copy the first has it.
    let gate = gate_of(&["--max-user-waste", "0B", "--ignore", "one", "--ignore", "/data"]);
    let bytes: Vec<&Value> = gate["ignored"].as_array().expect("a list").iter().map(|entry| &entry["bytes"]).collect();
    assert_eq!((bytes, &gate["passed"]), (vec![&(3 << 20).into(), &(1 << 20).into()], &true.into()));
    let outcome = on(&seed(), &["--ci", "--max-waste", "1B", "--ignore", "/data"]);
    outcome.assert_code(0);
    assert!(outcome.stdout_text().contains("Ignored by the rules\n    4.2 MB  /data\n"), "{outcome}");
}

/// Both images waste what is overlooked: growth is that of the whole.
#[test]
fn growth_is_not_hidden_by_what_is_ignored() {
    let arguments = ["--baseline", text(&seed()), "--max-waste-growth", "0B", "--max-waste", "1B", "--ignore", "/data"]
        .map(str::to_owned);
    let gate = gate(&seed(), &arguments.each_ref().map(String::as_str));
    assert_eq!((&gate["passed"], &rule(&gate, "max-waste-growth")["actual"]), (&true.into(), &0.into()), "{gate}");
    assert_eq!(rule(&gate, "max-waste")["baseline"], Value::Null, "not comparable: {gate}");
}

#[test]
fn an_entry_ends_with_its_day() {
    let with = |day: &str| {
        let config =
            format!("[rules]\nmax-waste = 0\n[[ignore]]\npath = \"/data\"\nreason = \"later\"\nexpires = {day}\n");
        run(&seed(), &["--ci"]).file(".layerlens.toml", config).outcome()
    };
    with("9999-12-31").assert_code(0);
    let over = with("2001-02-03");
    over.assert_code(1);
    let text = over.stdout_text();
    assert!(text.contains("expired on 2001-02-03: counted again: later"), "{over}");
    assert!(text.contains("FAIL  max-waste: 4.2 MB, limit 0") && text.contains("FAIL  ignore: "), "{over}");
}

// ---- configuration ----

#[test]
fn the_file_counts_less_than_variables_and_those_less_than_flags() {
    let config = "[rules]\nmax-waste = \"1B\"\n";
    let with = |variable: &str, arguments: &[&str]| {
        run(&seed(), &[&["--ci"], arguments].concat())
            .file(".layerlens.toml", config)
            .env("LAYERLENS_MAX_WASTE", variable)
            .outcome()
    };
    run(&seed(), &["--ci"]).file(".layerlens.toml", config).outcome().assert_code(1);
    with("5MB", &[]).assert_code(0);
    with("5MB", &["--max-waste", "1B"]).assert_code(1);
    with("1B", &["--no-config"]).assert_code(0);
    let other = run(&seed(), &["--ci", "--config", "other.toml"]).file(".layerlens.toml", config);
    other.file("other.toml", "[rules]\nmax-layers = 7\n").outcome().assert_code(0);
}

#[test]
fn mistakes_are_usage_errors_that_name_their_place() {
    for (config, expected) in [
        (
            "[rules]\n\nmax-wast = \"1B\"\n",
            ".layerlens.toml:3: there is no rule \"max-wast\", did you mean \"max-waste\"?",
        ),
        ("[rules]\nmax-waste = \"1XB\"\n", ".layerlens.toml:2: \"1XB\" is not a size"),
        ("rules = [\n", ".layerlens.toml:"),
        ("dockerfile = \"missing/Dockerfile\"\n", "missing/Dockerfile"),
    ] {
        for arguments in [&[][..], &["--ci"], &["--report", "json"]] {
            let outcome = run(&seed(), arguments).file(".layerlens.toml", config).outcome();
            outcome.assert_code(2);
            assert!(outcome.stderr_text().contains(expected), "{config:?}: {outcome}");
            assert_eq!(outcome.stdout_text(), "");
        }
    }
    let variable = run(&seed(), &[]).env("LAYERLENS_MAX_WAST", "1").outcome();
    variable.assert_code(2);
    assert!(variable.stderr_text().contains("did you mean \"LAYERLENS_MAX_WASTE\"?"), "{variable}");
    let flag = on(&seed(), &["--warn", "max-wast=1"]);
    flag.assert_code(2);
    assert!(flag.stderr_text().contains("max-waste"), "{flag}");
    run(&seed(), &["--config", "missing.toml"]).outcome().assert_code(2);
}

/// What is printed is a configuration itself, and says the same.
#[test]
fn the_printed_configuration_is_one() {
    let config = "units = \"iec\"\nbase-layers = 2\nmin-saving = \"1kB\"\n[rules]\nmax-waste = {warn = \"5%\", fail = \"20MB\"}\n\
                  forbid = [\"a\\\"b\", '*.pem']\n[[ignore]]\npath = \"/x\"\nreason = \"so\"\nexpires = 2030-01-01\n";
    let print = |config: &str, arguments: &[&str]| {
        let outcome = layerlens([&["--print-config"], arguments].concat()).file(".layerlens.toml", config).outcome();
        outcome.assert_code(0);
        outcome.stdout_text().to_owned()
    };
    let first = print(config, &["--max-waste", "30MB", "--warn", "forbid=*.log"]);
    for part in [
        "rules.max-waste.fail = \"30MB\"  # a flag",
        "rules.max-waste.warn = \"5%\"  # .layerlens.toml:5",
        "base-layers = 2  # .layerlens.toml:2",
        "expires = 2030-01-01",
    ] {
        assert!(first.contains(part), "{part}: {first}");
    }
    assert!(!first.contains("20MB"), "what does not count is not shown: {first}");
    let values = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split("  # ").next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(values(&print(&first, &[])), values(&first));
}

#[test]
fn the_limits_of_today_hold_today() {
    for name in ["seed.tar.gz", "seed-merged.tar.gz", "opaque.tar.zst", "hello-containerd.tar"] {
        let image = common::sample(name);
        let outcome = on(&image, &["--ci", "--write-config"]);
        outcome.assert_code(0);
        assert_eq!(outcome.left, [".layerlens.toml"]);
        let again = run(&image, &["--ci"]).file(".layerlens.toml", &outcome.contents[0]).outcome();
        again.assert_code(0);
        assert!(again.stdout_text().contains("PASSED: "), "{again}");
        let taken = run(&image, &["--write-config"]).file(".layerlens.toml", "").outcome();
        taken.assert_code(2);
        assert_eq!(taken.contents[0], b"", "what is there stays");
    }
    // 4 MiB are 4 194 304 bytes: the limit is the next number of two digits.
    let outcome = on(&seed(), &["--write-config=limits.toml"]);
    let limits = String::from_utf8_lossy(&outcome.contents[0]).into_owned();
    assert!(limits.contains("max-waste = \"4.2MB\"  # 4194304 bytes today"), "{limits}");
}

// ---- configuration that came with a clone ----

fn last_line(outcome: &Outcome) -> &str {
    outcome.stdout_text().trim_end().lines().last().unwrap_or_default()
}

/// A file may ignore waste and move the base, but the verdict's line says so and names the line.
#[test]
fn the_verdict_tells_what_a_file_changed() {
    let with = |config: &str, flags: &[&str]| {
        run(&seed(), &[&["--ci"], flags].concat()).file(".layerlens.toml", config).outcome()
    };
    let all = with("\n[[ignore]]\npath = \"**\"\n", &["--max-waste", "1MB"]);
    all.assert_code(0);
    assert_eq!(last_line(&all), "PASSED: 1 rule held; .layerlens.toml:3 ignores 4.2 MB (**)");
    let base = with("base-layers = 7\n", &["--max-user-waste", "1%"]);
    base.assert_code(0);
    assert_eq!(last_line(&base), "PASSED: 1 rule held; .layerlens.toml:1 sets the base image (7 layers)");
    let config = format!("baseline = {:?}\n", text(&seed()));
    let baseline = with(&config, &["--max-growth", "1%"]);
    assert_eq!(last_line(&baseline), "PASSED: 1 rule held; .layerlens.toml:1 sets the baseline");
    // What has no effect is not told, nor what was typed.
    let none = with("base-layers = 7\n[[ignore]]\npath = \"/none\"\n", &["--max-waste", "5MB"]);
    assert_eq!(last_line(&none), "PASSED: 1 rule held");
    let typed = with("", &["--max-waste", "1MB", "--ignore", "/data", "--base-layers", "7", "--max-user-waste", "1%"]);
    assert_eq!(last_line(&typed), "PASSED: 2 rules held");
    let json = with("[[ignore]]\npath = \"/data\"\n", &["--max-waste", "1MB", "--report", "json"]).json();
    assert_eq!(json["gate"]["ignored"][0]["set_in"], ".layerlens.toml:2");
    assert!(json["gate"]["notes"][0].as_str().is_some_and(|note| note.contains(".layerlens.toml:2")), "{json}");
}

/// Neither an engine nor a registry is asked, nor a pipe waited for, because a file that was found says so.
#[test]
fn a_found_file_names_files_only() {
    for value in ["registry://127.0.0.1:1/base:1", "docker://base", "podman://base", "-"] {
        for key in ["base", "baseline"] {
            let config = format!("\n{key} = \"{value}\"\n");
            let outcome = run(&seed(), &[]).file(".layerlens.toml", &config).outcome();
            outcome.assert_code(2);
            let expected = format!(".layerlens.toml:2: \"{value}\" is not a file");
            assert!(outcome.stderr_text().contains(&expected), "{outcome}");
            // The user's own word is another matter: there it is tried.
            let named = run(&seed(), &["--config", "mine.toml", "--timeout", "1"]).file("mine.toml", &config).outcome();
            assert_ne!(named.code, Some(2), "{named}");
        }
    }
    // A bare word is a file, too: no engine is asked for it.
    for value in ["alpine", "docker-root:/var/lib/docker", "."] {
        let outcome = run(&seed(), &[]).file(".layerlens.toml", format!("base = \"{value}\"\n")).outcome();
        outcome.assert_code(2);
        assert!(outcome.stderr_text().contains(".layerlens.toml:1: "), "{outcome}");
    }
    // What a flag replaces does not matter.
    let config = "base = \"missing.tar\"\n";
    run(&seed(), &["--base-layers", "1"]).file(".layerlens.toml", config).outcome().assert_code(0);
}

#[cfg(unix)]
#[test]
fn a_pipe_or_device_is_no_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo is there");
    assert!(made.success());
    let in_folder = || {
        let mut command = std::process::Command::new("timeout");
        command.args(["20", env!("CARGO_BIN_EXE_layerlens")]).arg(seed()).current_dir(folder.path());
        command.output().expect("it runs")
    };
    for name in [".layerlens.toml", ".dive-ci"] {
        let place = folder.path().join(name);
        for target in [fifo.as_path(), Path::new("/dev/zero"), Path::new("/"), Path::new("nowhere")] {
            std::os::unix::fs::symlink(target, &place).expect("a link");
            let output = in_folder();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{name} -> {}: {stderr}", target.display());
            assert!(stderr.contains(name), "{stderr}");
            std::fs::remove_file(&place).expect("the link");
        }
    }
    for key in ["base", "baseline", "dockerfile"] {
        std::fs::write(folder.path().join(".layerlens.toml"), format!("{key} = \"fifo\"\n")).expect("written");
        let output = in_folder();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(".layerlens.toml:1: ./fifo: not a regular file"), "{stderr}");
    }
}

/// Only root can give a file away; for anybody else the unit test of `config::found` stands in.
#[cfg(unix)]
#[test]
fn a_strangers_file_is_refused_unless_it_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join(".layerlens.toml");
    std::fs::write(&place, "[rules]\nmax-layers = 1\n").expect("written");
    let is_strangers = std::os::unix::fs::chown(&place, Some(12_345), None).is_ok();
    let in_folder = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_layerlens"));
        command.arg(seed()).arg("--ci").args(arguments).current_dir(folder.path()).env_remove("SUDO_UID");
        command.output().expect("it runs")
    };
    let refused = in_folder(&[]);
    assert_eq!(refused.status.code(), Some(if is_strangers { 2 } else { 1 }));
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    let is_told = stderr.contains("belongs to another user (12345)") && stderr.contains("--config");
    assert_eq!(is_told, is_strangers, "{stderr}");
    assert_eq!(in_folder(&["--config", ".layerlens.toml"]).status.code(), Some(1));
    assert_eq!(in_folder(&["--no-config"]).status.code(), Some(0));
}

// ---- the base, where rules depend on it ----

/// A CMD in the middle of the user's own Dockerfile is taken for the end of the base image's.
#[test]
fn a_guessed_base_is_told_where_it_decides() {
    let layers = [b'a', b'b', b'c'].map(|byte| archive::layer(&[Member::File("f", 0o644, &[byte; 1000])]));
    let mut steps = Image::new("g:latest", &["ADD file:1 in / # buildkit", "RUN a", "RUN b"], layers.to_vec());
    steps.config = with_command_after(&steps.config, 1);
    let image = on_disk(&steps);
    let gate = |flags: &[&str]| on(&image.path, &[&["--ci"], flags].concat());
    let guessed = gate(&["--max-user-waste", "60%"]);
    guessed.assert_code(0);
    let expected =
        "PASSED: 1 rule held; the base image (2 layers) is a guess: settle it with --base-layers 2 or --base IMAGE";
    assert_eq!(last_line(&guessed), expected);
    let settled = gate(&["--max-user-waste", "60%", "--base-layers", "2"]);
    assert_eq!(last_line(&settled), "PASSED: 1 rule held");
    assert_eq!(last_line(&gate(&["--max-waste", "99%"])), "PASSED: 1 rule held", "it does not depend on the base");
}

/// Puts a CMD into the history, behind the entry at `at`.
fn with_command_after(config: &[u8], at: usize) -> Vec<u8> {
    let mut config: Value = serde_json::from_slice(config).expect("a config");
    let history = config["history"].as_array_mut().expect("a history");
    history.insert(at + 1, serde_json::json!({"created_by": "CMD [\"x\"]", "empty_layer": true}));
    serde_json::to_vec(&config).expect("JSON")
}

#[test]
fn a_base_beyond_the_image_is_a_mistake() {
    let flag = on(&seed(), &["--base-layers", "8"]);
    flag.assert_code(2);
    assert!(flag.stderr_text().contains("--base-layers 8: the image has only 7 layers"), "{flag}");
    let file = run(&seed(), &[]).file(".layerlens.toml", "base-layers = 99\n").outcome();
    file.assert_code(2);
    assert!(file.stderr_text().contains(".layerlens.toml:1: --base-layers 99"), "{file}");
    assert_eq!(flag.stdout_text(), "");
}

#[test]
fn what_could_never_fail_is_a_mistake() {
    for arguments in [
        ["--max-waste", "101%"],
        ["--max-user-waste", "100.5%"],
        ["--warn", "max-waste=200%"],
        ["--forbid", "./secret"],
        ["--forbid", "a//b"],
        ["--forbid", "../x"],
        ["--ignore", "/etc/../var"],
        ["--warn", "forbid=.wh.x"],
        ["--timeout", "0"],
    ] {
        on(&seed(), &arguments).assert_code(2);
    }
    for name in ["LAYERLENS_MAX_WASTE", "LAYERLENS_UNITS", "LAYERLENS_IGNORE"] {
        let outcome = run(&seed(), &[]).env(name, "").outcome();
        outcome.assert_code(2);
        assert!(outcome.stderr_text().contains(&format!("{name}: is empty")), "{outcome}");
    }
}

#[test]
fn a_timeout_is_set_in_every_way() {
    let printed = |run: Run| run.outcome().assert_code(0).stdout_text().to_owned();
    let print = |flags: &[&str]| layerlens([&["--print-config"], flags].concat());
    assert!(printed(print(&["--timeout", "5"])).contains("timeout = 5  # a flag"));
    assert!(printed(print(&[]).env("LAYERLENS_TIMEOUT", "6")).contains("timeout = 6  # LAYERLENS_TIMEOUT"));
    assert!(printed(print(&[]).file(".layerlens.toml", "timeout = 7\n")).contains("timeout = 7  # .layerlens.toml:1"));
}

// ---- .dive-ci ----

/// By hand, from src/model.md's table: `/data/one` is in layers 3, 4 and 6 and deleted in 7 (3 MiB), `/data/two` in 5 and 6
/// (2 MiB): 5 MiB in all. The layers above the first store 5 MiB, too; the least sizes of the paths are the base's own and
/// 1 MiB of `/data/two`, because the whiteout of `/data/one` weighs nothing.
#[test]
fn a_dive_ci_is_judged_by_dives_numbers() {
    let config = "rules:\n  lowestEfficiency: 0.95\n  highestWastedBytes: 20MB\n  highestUserWastedPercent: 0.20\n";
    let outcome = run(&seed(), &["--ci", "--report", "json"]).file(".dive-ci", config).outcome();
    outcome.assert_code(1);
    let report = outcome.json();
    let gate = &report["gate"];
    let found: Vec<(&str, bool)> = ["lowestEfficiency", "highestWastedBytes", "highestUserWastedPercent"]
        .map(|name| (name, rule(gate, name)["passed"] == true))
        .to_vec();
    assert_eq!(found, [("lowestEfficiency", false), ("highestWastedBytes", true), ("highestUserWastedPercent", false)]);
    assert_eq!(rule(gate, "highestWastedBytes")["actual"], 5 << 20);
    assert_eq!(rule(gate, "highestUserWastedPercent")["actual"], 1.0);
    let base = report["layers"][0]["stored_bytes"].as_f64().expect("a number");
    let mebibyte = f64::from(1 << 20);
    let efficiency = rule(gate, "lowestEfficiency")["actual"].as_f64().expect("a number");
    assert!((efficiency - (base + mebibyte) / (base + 5.0 * mebibyte)).abs() < 1e-12, "{efficiency}");
    assert!(gate["notes"][0].as_str().expect("a note").contains("the one that survives too"), "{gate}");
    // Our own rules go by our own count: 4 MiB.
    let ours = run(&seed(), &["--ci", "--max-waste", "4MiB"]).file(
        ".dive-ci",
        "rules:\n  lowestEfficiency: off\n  \
                  highestUserWastedPercent: off\n",
    );
    ours.outcome().assert_code(0);
}

#[test]
fn dives_defaults_hold_where_a_dive_ci_is_silent() {
    let outcome = run(&seed(), &["--ci"]).file(".dive-ci", "rules:\n  highestWastedBytes: 20MB\n").outcome();
    outcome.assert_code(1);
    let text = outcome.stdout_text();
    assert!(text.contains("limit 0.9 (dive's default)") && text.contains("limit 0.1 (dive's default)"), "{outcome}");
    let bad = run(&seed(), &["--ci"]).file(".dive-ci", "rules:\n  lowestEfficency: 0.9\n").outcome();
    bad.assert_code(2);
    assert!(bad.stderr_text().contains(".dive-ci:2: ") && bad.stderr_text().contains("\"lowestEfficiency\"?"), "{bad}");
}

/// A directory that is deleted weighs what was below it, and each path counts once more for it.
///
/// Layer 1: d/ with d/a (1000) and d/b (2000); layer 2 stores d/a anew (1000) and deletes d in layer 3. Paths: d/a twice
/// (2000, least 1000), d/b once (2000), d once by its whiteout (3000: what is there below it). All sizes are 7000, the least
/// 6000; only d/a is in two layers.
#[test]
fn dive_weighs_deleted_directories() {
    let (a, b) = ([b'a'; 1000], [b'b'; 2000]);
    let layers = vec![
        archive::layer(&[
            Member::Directory("d/", 0o755),
            Member::File("d/a", 0o644, &a),
            Member::File("d/b", 0o644, &b),
        ]),
        archive::layer(&[Member::Directory("d/", 0o755), Member::File("d/a", 0o600, &a)]),
        archive::layer(&[Member::Whiteout(".wh.d")]),
    ];
    let image = on_disk(&Image::new("d:latest", &["one", "two", "three"], layers));
    let analysis = layerlens::open(&image.path, &layerlens::OpenOptions::default()).expect("an image");
    let numbers = layerlens::gate::DiveNumbers::of(&analysis);
    assert_eq!(numbers.wasted_bytes, 2000);
    assert!((numbers.efficiency - 6.0 / 7.0).abs() < 1e-12, "{numbers:?}");
    assert!((numbers.user_wasted_share - 2.0).abs() < 1e-12, "above 1: {numbers:?}");
}
