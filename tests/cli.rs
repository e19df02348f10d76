//! The binary: stdout, stderr and exit code together, in a fresh directory each time.

mod common;

use std::path::{Path, PathBuf};

use common::archive::{self, Compression, Image, Member, miniature, tar_of};
use common::run::{Outcome, layerlens};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Runs `layerlens SAMPLE ARGUMENTS…`.
fn on_sample(name: &str, arguments: &[&str]) -> Outcome {
    on(&common::sample(name), arguments)
}

fn on(image: &std::path::Path, arguments: &[&str]) -> Outcome {
    let image = [image.as_os_str()];
    layerlens(image.into_iter().chain(arguments.iter().map(AsRef::as_ref))).outcome()
}

/// An archive on disk for as long as it is held.
struct OnDisk {
    path: PathBuf,
    _directory: TempDir,
}

fn on_disk(name: &str, bytes: &[u8]) -> OnDisk {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).expect("write the archive");
    OnDisk { path, _directory: directory }
}

/// An image whose figures are round: two layers, one file of 1000 bytes rewritten. Stored 2000, wasted 1000.
fn half_wasted(tag: &str) -> Image {
    let layers = [b'a', b'b'].map(|byte| archive::layer(&[Member::File("f", 0o644, &[byte; 1000])]));
    Image::new(tag, &["/bin/sh -c first", "/bin/sh -c second"], layers.to_vec())
}

fn half_wasted_on_disk() -> OnDisk {
    on_disk("half.tar", &tar_of(&half_wasted("half:latest").docker_archive()))
}

// ---- the text summary ----

#[test]
fn without_a_terminal_the_summary_is_text() {
    let outcome = on_sample("seed.tar.gz", &[]);
    outcome.assert_code(0);
    let text = outcome.stdout_text();
    for part in ["ll/01-seed:c20ov", "/data/one", "rm /data/one", "metadata", "unchanged", "deleted"] {
        assert!(text.contains(part), "{part:?} is missing: {outcome}");
    }
    assert!(!text.contains('\x1b'), "a pipe gets no colours: {outcome}");
    assert_eq!(outcome.stderr_text(), "");
}

#[test]
fn the_text_report_is_the_summary() {
    assert_eq!(on_sample("seed.tar.gz", &["--report", "text"]).stdout, on_sample("seed.tar.gz", &[]).stdout);
}

#[test]
fn two_runs_print_the_same_bytes() {
    for arguments in [&["--report", "text"][..], &["--report", "json", "--changes"]] {
        let [first, second] = [(); 2].map(|()| on_sample("opaque.tar.zst", arguments));
        assert!(first.stdout == second.stdout, "{arguments:?}");
    }
}

#[test]
fn units_are_si_iec_or_bytes() {
    let text = |units: &str| on_sample("seed.tar.gz", &["--units", units]).assert_code(0).stdout_text().to_owned();
    assert!(text("si").contains("MB"), "{}", text("si"));
    assert!(text("iec").contains("4 MiB") || text("iec").contains("4.0 MiB"), "{}", text("iec"));
    let digits: String =
        text("bytes").chars().filter(|character| !"_ ,.'\u{a0}\u{202f}".contains(*character)).collect();
    assert!(digits.contains("4194304"), "{}", text("bytes"));
    on_sample("seed.tar.gz", &["--units", "furlongs"]).assert_code(2);
}

#[test]
fn colours_come_when_asked_for() {
    let has_colours = |outcome: Outcome| outcome.assert_code(0).stdout.contains(&0x1b);
    assert!(has_colours(on_sample("seed.tar.gz", &["--color", "always"])));
    assert!(!has_colours(on_sample("seed.tar.gz", &["--color", "never"])));
    assert!(!has_colours(on_sample("seed.tar.gz", &["--color", "auto"])));
    let image = common::sample("seed.tar.gz");
    assert!(!has_colours(layerlens([image.as_os_str()]).env("NO_COLOR", "1").env("TERM", "xterm").outcome()));
    on_sample("seed.tar.gz", &["--color", "sometimes"]).assert_code(2);
}

// ---- reports ----

#[test]
fn json_goes_to_stdout_or_to_a_file_the_same() {
    let expected = on_sample("seed.tar.gz", &["--report", "json"]);
    expected.assert_code(0);
    assert_eq!(expected.json()["totals"]["wasted_bytes"], 4 << 20);
    assert_eq!(on_sample("seed.tar.gz", &["--report", "json=-"]).stdout, expected.stdout);
    let to_file = on_sample("seed.tar.gz", &["--report", "json=report.json"]);
    to_file.assert_code(0);
    assert_eq!(to_file.left, ["report.json"]);
    assert!(to_file.contents[0] == expected.stdout, "the file holds what stdout would");
    assert_eq!(to_file.stdout, on_sample("seed.tar.gz", &[]).stdout, "stdout is left to the summary");
}

#[test]
fn several_reports_come_from_one_run() {
    let outcome = on_sample("seed.tar.gz", &["--report", "json=a.json", "--report", "text=b.txt", "--report", "json"]);
    outcome.assert_code(0);
    assert_eq!(outcome.left, ["a.json", "b.txt"]);
    assert!(outcome.contents[0] == outcome.stdout);
}

#[test]
fn two_reports_cannot_share_stdout() {
    let outcome = on_sample("seed.tar.gz", &["--report", "json", "--report", "text"]);
    // Either refused, or both printed: never one of them silently gone.
    if outcome.code != Some(2) {
        outcome.assert_code(0);
        assert!(outcome.stdout_text().contains("\"totals\"") && outcome.stdout_text().contains("rm /data/one"));
    }
}

#[test]
fn an_existing_report_is_replaced() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let target = directory.path().join("report.json");
    std::fs::write(&target, "x".repeat(1 << 20)).expect("an old report");
    on_sample("seed.tar.gz", &["--report", &format!("json={}", target.display())]).assert_code(0);
    let report: Value = serde_json::from_slice(&std::fs::read(&target).expect("the report")).expect("JSON");
    assert_eq!(report["schema_version"], 1);
}

#[test]
fn changes_are_in_the_json_when_asked_for() {
    let without = on_sample("seed.tar.gz", &["--report", "json"]).json();
    assert_eq!(without.get("changes"), None);
    let with = on_sample("seed.tar.gz", &["--report", "json", "--changes"]).json();
    let changes = with["changes"].as_array().expect("changes is a list");
    let of_layer = |number: u64| -> Vec<String> {
        let ours = changes.iter().filter(|change| change["layer"] == number);
        ours.map(|change| format!("{} {} {}", change["kind"], change["path"], change["bytes"]).replace('"', ""))
            .collect()
    };
    assert_eq!(of_layer(2), ["A /data 0"]);
    assert_eq!(of_layer(3), ["C /data 0", "A /data/one 1048576"]);
    assert_eq!(of_layer(7), ["C /data 0", "D /data/one 1048576"]);
    assert_eq!(
        changes.iter().find(|change| change["layer"] == 4 && change["path"] == "/data/one").expect("the chmod")["what"],
        json!(["mode 0644 -> 0777"])
    );
}

#[test]
fn an_unknown_format_is_a_usage_error() {
    let outcome = on_sample("seed.tar.gz", &["--report", "interpretive-dance"]);
    outcome.assert_code(2);
    assert!(outcome.stderr_text().contains("interpretive-dance"), "{outcome}");
    assert_eq!(outcome.stdout_text(), "");
}

/// The image is not there either: that the target is named shows that it was looked at first.
#[test]
fn a_target_in_a_missing_folder_fails_before_the_work_starts() {
    let arguments = ["no-such-image.tar", "--report", "json=first.json", "--report", "json=missing/second.json"];
    let outcome = layerlens(arguments).outcome();
    outcome.assert_code(4);
    assert!(outcome.stderr_text().contains("missing/second.json"), "{outcome}");
    assert_eq!(outcome.left, [""; 0], "{outcome}");
}

#[test]
fn nothing_is_written_but_what_was_asked_for() {
    for arguments in [&[][..], &["--ci"], &["--ci", "--max-waste", "1B"], &["--report", "json", "--changes"]] {
        let outcome = on_sample("opaque.tar.zst", arguments);
        assert!(outcome.left.is_empty() && !outcome.left_temporary, "{arguments:?} left {:?}", outcome.left);
    }
}

#[test]
fn a_pipe_that_nobody_reads_ends_quietly() {
    for arguments in [&["--report", "json", "--changes"][..], &["--report", "text"], &["--help"]] {
        let image = common::sample("opaque.tar.zst");
        let arguments = [image.as_os_str()].into_iter().chain(arguments.iter().map(AsRef::as_ref));
        let (code, stderr) = layerlens(arguments).outcome_with_closed_stdout();
        assert_eq!(String::from_utf8_lossy(&stderr), "");
        assert_eq!(code, Some(0));
    }
}

#[test]
fn stdin_is_an_image() {
    for name in ["seed.tar.gz", "seed-oci-gzip.tar", "hello-containerd.tar"] {
        let path = common::sample(name);
        let piped = layerlens(["-", "--report", "json"]).stdin(&path).outcome();
        piped.assert_code(0);
        assert_eq!(piped.json()["totals"], on(&path, &["--report", "json"]).json()["totals"], "{name}");
        assert!(piped.left.is_empty() && !piped.left_temporary, "{name}: {:?}", piped.left);
    }
}

/// A pipe that is closed early must not turn a broken rule into success.
#[test]
fn a_verdict_outlives_a_closed_pipe() {
    let image = common::sample("seed.tar.gz");
    for more in [&[][..], &["--merge", "3..7"]] {
        let arguments = [&[image.to_str().expect("text"), "--ci", "--max-waste", "1MB"], more].concat();
        let (code, stderr) = layerlens(arguments).outcome_with_closed_stdout();
        assert_eq!((code, String::from_utf8_lossy(&stderr).as_ref()), (Some(1), ""), "{more:?}");
    }
}

#[test]
fn a_directory_is_no_target() {
    let outcome = layerlens(["no-such-image.tar", "--report", "json=."]).outcome();
    outcome.assert_code(4);
    assert!(!outcome.stderr_text().contains("no-such-image.tar"), "the target is looked at first: {outcome}");
}

// ---- exit codes ----

#[test]
fn an_empty_pipe_cannot_be_read() {
    let outcome = layerlens(["-"]).outcome();
    assert_refused(&outcome);
}

#[test]
fn a_missing_file_cannot_be_read() {
    let outcome = layerlens(["no-such-image.tar"]).outcome();
    assert_refused(&outcome);
    assert!(outcome.stderr_text().contains("no-such-image.tar"), "{outcome}");
}

#[test]
fn a_truncated_file_cannot_be_read() {
    let bytes = std::fs::read(common::sample("seed-oci-zstd.tar")).expect("the sample is there");
    let cut = on_disk("cut.tar", &bytes[..bytes.len() / 2]);
    for arguments in [&[][..], &["--ci"], &["--report", "json"], &["--ci", "--max-waste", "1B"]] {
        let outcome = on(&cut.path, arguments);
        assert_refused(&outcome);
        assert!(outcome.stderr_text().contains("cut.tar"), "{outcome}");
    }
}

#[test]
fn a_file_that_is_no_image_cannot_be_read() {
    assert_refused(&on_sample("README.md", &[]));
    assert_refused(&on_sample("recorded", &[]));
}

/// Exit 3, nothing on stdout, one line that says why, and perhaps a hint.
#[track_caller]
fn assert_refused(outcome: &Outcome) {
    outcome.assert_code(3);
    assert_eq!(outcome.stdout_text(), "", "{outcome}");
    let lines: Vec<&str> = outcome.stderr_text().lines().collect();
    assert!(lines[0].starts_with("layerlens: ") && !lines[0].ends_with('.'), "{outcome}");
    assert!(lines.len() == 1 || lines.len() == 2 && lines[1].starts_with("hint: "), "{outcome}");
}

/// The disk that is always full.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_exit_4() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full disk");
    let image = common::sample("seed.tar.gz");
    let image = image.to_str().expect("text");
    for arguments in [
        &[image][..],
        &[image, "--ci", "--max-waste", "1B"],
        &[image, "--report", "json"],
        &[image, "--merge", "3..7"],
        &["--print-config"],
        &["--generate", "man"],
        &["--help"],
        &["--version"],
    ] {
        let status =
            std::process::Command::new(env!("CARGO_BIN_EXE_layerlens")).args(arguments).stdout(full()).status();
        assert_eq!(status.expect("it runs").code(), Some(4), "{arguments:?}");
    }
    on_sample("seed.tar.gz", &["--report", "json=/dev/full"]).assert_code(4);
}

/// `layerlens IMAGE --max-waste 1MB` must not look like a pass.
#[test]
fn a_rule_on_the_command_line_is_judged_without_ci() {
    for (limit, code, word) in [("1MB", 1, "FAILED: "), ("5MB", 0, "PASSED: ")] {
        let [plain, gate] = [&["--max-waste", limit][..], &["--max-waste", limit, "--ci"]];
        let (plain, gate) = (on_sample("seed.tar.gz", plain), on_sample("seed.tar.gz", gate));
        plain.assert_code(code);
        assert!(plain.stdout_text().lines().last().is_some_and(|line| line.starts_with(word)), "{plain}");
        assert_eq!(plain.stdout, gate.stdout);
    }
    let report = on_sample("seed.tar.gz", &["--forbid", "one", "--report", "json"]);
    report.assert_code(1);
    assert_eq!(report.json()["gate"]["passed"], false);
}

#[test]
fn wrong_usage_is_exit_2() {
    for arguments in [
        &["--max-waste", "10XB"][..],
        &["--max-waste", "-1"],
        &["--max-user-waste", "lots"],
        &["--min-efficiency", "1.5"],
        &["--max-layers", "many"],
        &["--max-size", "5%"],
        &["--no-such-flag"],
        &["--report"],
        &["--base-layers", "1", "--base", "other.tar"],
    ] {
        let outcome = on_sample("seed.tar.gz", &[&["--ci"], arguments].concat());
        outcome.assert_code(2);
        assert_eq!(outcome.stdout_text(), "", "{arguments:?}");
        assert!(!outcome.stderr_text().is_empty(), "{arguments:?}");
    }
    let outcome = on_sample("seed.tar.gz", &["--ci", "--max-waste", "10XB"]);
    assert!(outcome.stderr_text().contains("10XB"), "{outcome}");
}

#[test]
fn no_image_is_a_usage_error() {
    layerlens([""; 0]).outcome().assert_code(2);
}

#[test]
fn help_and_version_go_to_stdout() {
    let help = layerlens(["--help"]).outcome();
    help.assert_code(0);
    for flag in ["IMAGE", "--ci", "--report", "--max-waste", "--base-layers", "--platform", "--verify"] {
        assert!(help.stdout_text().contains(flag), "{flag} is missing: {help}");
    }
    let version = layerlens(["--version"]).outcome();
    version.assert_code(0);
    assert_eq!(version.stdout_text(), format!("layerlens {}\n", env!("CARGO_PKG_VERSION")));
}

// ---- the gate ----

/// Each rule at its limit and just beyond it, on the image of round figures.
#[test]
fn a_limit_that_is_met_exactly_holds() {
    let image = half_wasted_on_disk();
    for (rule, holds, breaks) in [
        ("--max-waste", "1000B", "999B"),
        ("--max-waste", "1kB", "0.9kB"),
        ("--max-waste", "1KiB", "0B"),
        ("--max-waste", "50%", "49.9%"),
        ("--max-user-waste", "1000B", "999B"),
        ("--max-user-waste", "50%", "49.9%"),
        ("--min-efficiency", "0.5", "0.501"),
        ("--min-efficiency", "50%", "50.1%"),
        ("--max-size", "2kB", "1999B"),
        ("--max-layers", "2", "1"),
    ] {
        let verdict = |limit: &str| on(&image.path, &["--ci", "--base-layers", "0", rule, limit]);
        verdict(holds).assert_code(0);
        verdict(breaks).assert_code(1);
    }
}

/// 4 MiB are more than 4 MB.
#[test]
fn si_and_iec_limits_differ() {
    on_sample("seed.tar.gz", &["--ci", "--max-waste", "4MiB"]).assert_code(0);
    on_sample("seed.tar.gz", &["--ci", "--max-waste", "4MB"]).assert_code(1);
}

#[test]
fn waste_of_the_base_is_not_the_users() {
    let image = half_wasted_on_disk();
    on(&image.path, &["--ci", "--base-layers", "1", "--max-user-waste", "0B"]).assert_code(0);
    on(&image.path, &["--ci", "--base-layers", "1", "--max-waste", "0B"]).assert_code(1);
}

#[test]
fn without_rules_the_gate_holds() {
    let outcome = on_sample("seed.tar.gz", &["--ci"]);
    outcome.assert_code(0);
    assert!(!outcome.stdout_text().is_empty());
}

#[test]
fn the_verdict_names_each_rule() {
    let outcome = on_sample("seed.tar.gz", &["--ci", "--max-waste", "1MB", "--max-layers", "127"]);
    outcome.assert_code(1);
    assert!(outcome.stdout_text().contains("max-waste"), "{outcome}");
    assert!(outcome.stdout_text().contains("max-layers"), "{outcome}");
}

/// With a report on stdout, stdout is that report and nothing else.
#[test]
fn the_verdict_does_not_spoil_the_json() {
    let outcome = on_sample("seed.tar.gz", &["--ci", "--max-waste", "1MB", "--report", "json"]);
    outcome.assert_code(1);
    assert_eq!(outcome.json()["gate"]["passed"], false);
}

#[test]
fn the_verdict_is_in_the_json() {
    let arguments = ["--ci", "--max-waste", "1MB", "--max-layers", "127", "--report", "json=gate.json"];
    let outcome = on_sample("seed.tar.gz", &arguments);
    outcome.assert_code(1);
    let report: Value = serde_json::from_slice(&outcome.contents[0]).expect("JSON");
    assert_eq!(report["gate"]["passed"], false);
    let rules = report["gate"]["rules"].as_array().expect("rules is a list");
    let rule =
        |name: &str| rules.iter().find(|rule| rule["rule"] == name).unwrap_or_else(|| panic!("no {name}: {rules:?}"));
    assert_eq!(rule("max-waste")["actual"], 4 << 20);
    assert_eq!(rule("max-waste")["limit"], "1MB");
    assert_eq!(rule("max-waste")["passed"], false);
    assert_eq!(rule("max-layers")["passed"], true);
    let without_rules = on_sample("seed.tar.gz", &["--report", "json"]).json();
    assert_eq!(without_rules.get("gate"), Some(&Value::Null));
}

// ---- which image ----

fn two_images() -> OnDisk {
    on_disk("two.tar", &tar_of(&archive::docker_archive_of(&[half_wasted("half:latest"), miniature(1000)])))
}

#[test]
fn of_several_images_the_first_is_taken_and_the_others_are_named() {
    let outcome = on(&two_images().path, &["--report", "json"]);
    outcome.assert_code(0);
    assert_eq!(outcome.json()["image"]["tags"], json!(["half:latest"]));
    assert!(outcome.stderr_text().contains("mini:latest"), "{outcome}");
}

#[test]
fn an_image_is_chosen_by_name_or_digest() {
    let archive = two_images();
    for name in ["mini:latest", "mini"] {
        let outcome = on(&archive.path, &["--image", name, "--report", "json"]);
        outcome.assert_code(0);
        assert_eq!(outcome.json()["image"]["tags"], json!(["mini:latest"]), "{name}");
    }
    let id = format!("sha256:{}", archive::sha256(&miniature(1000).config));
    let outcome = on(&archive.path, &["--image", &id, "--report", "json"]);
    outcome.assert_code(0);
    assert_eq!(outcome.json()["image"]["id"], id);
}

#[test]
fn an_image_that_is_not_in_the_archive_is_refused_with_those_that_are() {
    let outcome = on(&two_images().path, &["--image", "other:latest"]);
    assert_refused(&outcome);
    assert!(
        outcome.stderr_text().contains("half:latest") && outcome.stderr_text().contains("mini:latest"),
        "{outcome}"
    );
}

#[test]
fn a_platform_is_chosen_from_an_index() {
    for (platform, architecture) in [("linux/arm64", "arm64"), ("linux/amd64", "amd64")] {
        let outcome = on_sample("multiarch", &["--platform", platform, "--report", "json"]);
        outcome.assert_code(0);
        assert_eq!(outcome.json()["image"]["architecture"], architecture);
        assert_eq!(outcome.json()["totals"]["stored_bytes"], 6);
    }
    let outcome = on_sample("multiarch", &["--platform", "linux/s390x"]);
    assert_refused(&outcome);
    assert!(outcome.stderr_text().contains("linux/arm64"), "{outcome}");
    on_sample("multiarch", &["--platform", "nonsense"]).assert_code(2);
}

#[test]
fn the_platform_that_was_not_asked_for_is_named() {
    let outcome = on_sample("multiarch", &["--report", "json"]);
    assert_eq!(outcome.json()["image"]["architecture"], "amd64");
    assert!(outcome.stderr_text().contains("linux/arm64"), "{outcome}");
}

/// The attestation beside the image is no second image to be named.
#[test]
fn an_attestation_is_no_image() {
    let outcome = on_sample("hello-containerd.tar", &["--report", "json"]);
    outcome.assert_code(0);
    assert_eq!(outcome.stderr_text(), "");
    assert_eq!(outcome.json()["image"]["architecture"], "amd64");
}

// ---- the base ----

#[test]
fn base_layers_are_as_told() {
    let report = on_sample("seed.tar.gz", &["--base-layers", "3", "--report", "json"]).json();
    assert_eq!(report["image"]["base_layers"], 3);
    assert_eq!(report["totals"]["inherited_bytes"], 1 << 20);
    assert_eq!(report["totals"]["user_wasted_bytes"], 3 << 20);
    assert_eq!(report["totals"]["user_stored_bytes"], 4 << 20);
    let base: Vec<bool> =
        report["layers"].as_array().expect("a list").iter().map(|layer| layer["base"] == true).collect();
    assert_eq!(base, [true, true, true, false, false, false, false]);
    on_sample("seed.tar.gz", &["--base-layers", "0"]).assert_code(0);
    on_sample("seed.tar.gz", &["--base-layers", "7"]).assert_code(0);
}

#[test]
fn the_base_is_what_two_images_share() {
    let base = common::sample("seed-merged.tar.gz");
    let base = base.to_str().expect("a path of text");
    let report = on_sample("seed.tar.gz", &["--base", base, "--report", "json"]).json();
    assert_eq!(report["image"]["base_layers"], 1);
    let whole = on(
        &common::sample("seed.tar.gz"),
        &["--base", common::sample("seed.tar.gz").to_str().expect("text"), "--report", "json"],
    );
    assert_eq!(whole.json()["image"]["base_layers"], 7);
    assert_refused(&on_sample("seed.tar.gz", &["--base", "no-such-base.tar"]));
}

// ---- --verify ----

#[test]
fn honest_archives_verify() {
    for name in
        ["seed.tar.gz", "seed-oci-gzip.tar", "seed-oci-zstd.tar", "opaque.tar.zst", "hello-containerd.tar", "multiarch"]
    {
        let outcome = on_sample(name, &["--verify", "--report", "json"]);
        outcome.assert_code(0);
        assert_eq!(outcome.json()["totals"], on_sample(name, &["--report", "json"]).json()["totals"], "{name}");
    }
}

/// One changed byte inside a file: the tar is whole, only the digest tells.
#[test]
fn a_changed_byte_does_not_verify() {
    for compression in [Compression::None, Compression::Gzip] {
        let image = half_wasted("half:latest");
        let mut files = image.oci_layout(compression);
        let mut layer = image.layers[1].clone();
        layer[512] ^= 1;
        let name = format!("blobs/sha256/{}", archive::sha256(&archive::compress(&image.layers[1], compression)));
        assert!(files.insert(name, archive::compress(&layer, compression)).is_some(), "the blob is replaced");
        let changed = on_disk("changed.tar", &tar_of(&files));
        let outcome = on(&changed.path, &["--verify"]);
        assert_refused(&outcome);
        assert!(outcome.stderr_text().contains("layer 2"), "{outcome}");
    }
}

/// The `diff_id` of the config is checked too: the blob may be what it is called and still not what was built.
#[test]
fn a_wrong_diff_id_does_not_verify() {
    let (mut image, other) = (half_wasted("half:latest"), miniature(1000));
    image.layers[1].clone_from(&other.layers[0]);
    let wrong = on_disk("wrong.tar", &tar_of(&image.docker_archive()));
    let outcome = on(&wrong.path, &["--verify"]);
    assert_refused(&outcome);
    assert!(outcome.stderr_text().contains("layer 2"), "{outcome}");
}

// ---- --merge and --write ----

/// The merged image is what was said, from every kind of input, and its steps stay in the history.
#[test]
fn a_merge_is_written_and_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["seed.tar.gz", "seed-oci-zstd.tar", "seed-podman.tar.zst", "seed-vfs.tar.zst"] {
        let target = folder.path().join("merged.tar");
        let outcome = on_sample(name, &["--merge", "3..7", "--write", target.to_str().expect("text")]);
        outcome.assert_code(0);
        assert!(outcome.stdout_text().ends_with("3.0 MB in 3 layers, 0 B wasted, as predicted\n"), "{outcome}");
        let (before, after) = (on_sample(name, &["--report", "json"]), on(&target, &["--verify", "--report", "json"]));
        after.assert_code(0);
        let (before, after) = (before.json(), after.json());
        assert_eq!(after["totals"]["stored_bytes"], before["totals"]["final_bytes"], "{name}");
        assert_eq!(after["totals"]["final_bytes"], before["totals"]["final_bytes"], "{name}");
        let steps = |report: &serde_json::Value| {
            let history = report["history"].as_array().expect("a list").clone();
            history.into_iter().map(|line| line["created_by"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(steps(&after), steps(&before), "{name}");
        let tag = after["image"]["tags"][0].as_str().unwrap_or("-merged").to_owned();
        assert!(tag.ends_with("-merged"), "{tag}");
    }
}

#[test]
fn a_merge_that_cannot_be_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("merged.tar");
    let target = target.to_str().expect("text");
    on_sample("seed.tar.gz", &["--write", target]).assert_code(2);
    on_sample("seed.tar.gz", &["--merge", "3..9", "--write", target]).assert_code(2);
    on_sample("seed.tar.gz", &["--merge", "3..7", "--write", "/no-such-folder/merged.tar"]).assert_code(4);
    assert!(!Path::new(target).exists(), "nothing was written");
}

// ---- --apply and --write ----

/// The trial is what was said; the base and the layers that no fix concerns are in it byte for byte, and its steps stay in the
/// history.
#[test]
fn a_trial_is_written_and_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["seed.tar.gz", "seed-oci-gzip.tar", "seed-podman.tar.zst", "seed-vfs.tar.zst"] {
        let target = folder.path().join("trial.tar");
        let before = on_sample(name, &["--report", "json"]).json();
        let id = before["fixes"][0]["id"].as_str().expect("a fix").to_owned();
        let outcome = on_sample(name, &["--apply", &id, "--write", target.to_str().expect("text")]);
        outcome.assert_code(0);
        let end = "read again: the same files, 3.0 MB in 3 layers, 0 B wasted, as predicted\n";
        assert!(outcome.stdout_text().ends_with(end), "{outcome}");
        let after = on(&target, &["--verify", "--report", "json"]);
        after.assert_code(0);
        let after = after.json();
        assert_eq!(after["totals"]["stored_bytes"], before["totals"]["fixed_bytes"], "{name}");
        for layer in [0, 1] {
            assert_eq!(after["layers"][layer]["diff_id"], before["layers"][layer]["diff_id"], "{name}");
            assert_eq!(after["layers"][layer]["blob_bytes"], before["layers"][layer]["blob_bytes"], "{name}");
        }
        let steps = |report: &serde_json::Value| {
            let history = report["history"].as_array().expect("a list").clone();
            history.into_iter().map(|line| line["created_by"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(steps(&after), steps(&before), "{name}");
        let tag = after["image"]["tags"][0].as_str().unwrap_or("-trial").to_owned();
        assert!(tag.ends_with("-trial"), "{tag}");
    }
}

#[test]
fn a_trial_without_a_file_is_a_prediction() {
    let outcome = on_sample("seed.tar.gz", &["--apply", "fixes"]);
    outcome.assert_code(0);
    let end = "7.2 MB in 7 layers -> 3.0 MB in 3 layers: saves 4.2 MB, 0 B still wasted\n";
    assert!(outcome.stdout_text().ends_with(end), "{outcome}");
}

#[test]
fn a_trial_that_cannot_be_is_refused() {
    let refused = |image: &str, arguments: &[&str], message: &str| {
        let outcome = on_sample(image, arguments);
        outcome.assert_code(2);
        assert!(outcome.stderr_text().contains(message), "{outcome}");
    };
    refused(
        "seed.tar.gz",
        &["--apply", "in-place-9"],
        "there is no fix or finding \"in-place-9\": the image has merge-3-7",
    );
    refused("seed-merged.tar.gz", &["--apply", "fixes"], "no fix to apply");
    refused("seed.tar.gz", &["--apply", "sure"], "no finding to apply");
    refused("seed-merged.tar.gz", &["--apply", "fixes,likely"], "no fix or finding to apply");
    refused("seed.tar.gz", &["--apply", "merge-3-7,"], "an ID is missing");
    refused("seed.tar.gz", &["--apply", "fixes", "--merge", "3..7"], "cannot be used with");
}

// ---- names that could fool a terminal ----

#[test]
fn no_output_is_fooled_by_a_name() {
    let name = "a\x1b[31m|`<b>\n\u{202e}\u{200b}\\x";
    let layers = ["1", "2"].map(|text| archive::layer(&[Member::File(name, 0o644, text.as_bytes())])).to_vec();
    let image = Image::new("odd:latest", &["/bin/sh -c \x1b]52;c;eA==\x07", "/bin/sh -c b"], layers);
    let odd = on_disk("odd.tar", &tar_of(&image.docker_archive()));
    let escaped = r"/a\x1b[31m|`<b>\x0a\xe2\x80\xae\xe2\x80\x8b\\x";
    for arguments in [&["--report", "text"][..], &["--report", "json", "--changes"], &["--ci", "--max-waste", "0B"]] {
        let outcome = on(&odd.path, arguments);
        let text = [outcome.stdout_text(), outcome.stderr_text()].concat();
        let raw =
            |character: char| character.is_control() && character != '\n' || "\u{202e}\u{200b}".contains(character);
        assert!(!text.contains(raw), "{arguments:?}: {text:?}");
    }
    let report = on(&odd.path, &["--report", "json"]).json();
    assert_eq!(report["waste"][0]["path"], escaped);
    assert!(on(&odd.path, &["--report", "text"]).stdout_text().contains(escaped));
}
