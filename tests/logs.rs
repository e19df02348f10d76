//! What a pipeline prints into its log: no text of an image is a command to the pipeline's runner, in any format.
//!
//! GitHub obeys a line that begins with `::`, and `##[…]` anywhere; Azure obeys `##vso[…]` anywhere.

mod common;
mod support;

use std::path::{Path, PathBuf};

use common::run::{Outcome, layerlens};
use layerlens::report::Format;
use regex::Regex;
use serde_json::Value;
use support::image::{HistorySpec, ImageSpec, Packing};
use support::layer::{Kind, LayerSpec, Member, Metadata};

const TAG: &str = "::stop-commands::x";
const NAMES: [&str; 3] = [
    "##vso[task.setvariable variable=PATH]evil",
    "::error::pwn",
    "##[set-output name=passed;]true\u{3164}\u{fe0f}\n::warning::y",
];
const STEPS: [&str; 3] = [
    "::add-mask::x",
    "RUN /bin/sh -c cat <<EOF > /etc/motd\n::stop-commands::y\n   ::error::z\n##vso[task.complete result=Succeeded;]\nEOF \
     # buildkit",
    "COPY ##[group]a /b # buildkit",
];

/// The image with all of them.
fn hostile() -> (tempfile::TempDir, PathBuf) {
    with_steps(&STEPS)
}

/// Every layer stores every file, so that there is waste, and something to change.
fn with_steps(steps: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let member = |name: &&str, byte| Member::new(*name, Kind::File(vec![byte; 300_000]), Metadata::with_mode(0o644));
    let layer = |byte: u8| LayerSpec::of(NAMES.iter().map(|name| member(name, byte)).collect());
    let layers = (b'a'..).take(steps.len()).map(layer).collect();
    let history = steps.iter().map(|step| HistorySpec::step(step)).collect();
    let spec = ImageSpec { layers, history, tags: vec![TAG.to_owned(), "##vso[x]y".to_owned()] };
    let directory = tempfile::tempdir().expect("a directory");
    let path = spec.write(Packing::default(), directory.path(), "image.tar");
    (directory, path)
}

/// Fails for a line that a runner obeys; GitHub's format is made of such lines, and they are named.
fn assert_obeyed_by_nobody(text: &str, is_github: bool, which: &str) {
    let anywhere = Regex::new(r"(?i)##[a-z]*\[").expect("a pattern");
    let ours = Regex::new(r"^::(error|warning) file=").expect("a pattern");
    for line in text.split(['\n', '\r']) {
        assert!(!anywhere.is_match(line), "{which}: {line}");
        let is_command = line.trim_start().starts_with("::");
        assert!(!is_command || is_github && ours.is_match(line), "{which}: {line}");
    }
}

fn run(image: &Path, arguments: &[&str]) -> Outcome {
    let image = [image.as_os_str()];
    layerlens(image.into_iter().chain(arguments.iter().map(AsRef::as_ref))).outcome()
}

#[test]
fn no_format_commands_a_pipeline() {
    let (_directory, image) = hostile();
    // A patch holds the lines of the user's own file, and there is none here.
    for (name, format) in Format::ALL.iter().filter(|(_, format)| *format != Format::Patch) {
        for extra in [&[][..], &["--ci", "--max-waste", "1kB", "--forbid", "##vso*", "--ignore", "::error*"]] {
            let arguments = [&["--report", name], extra].concat();
            let outcome = run(&image, &arguments);
            assert!(outcome.code.is_some_and(|code| code < 2), "{outcome}");
            assert!(outcome.stdout.len() > 100, "{outcome}");
            let text = [outcome.stdout_text(), outcome.stderr_text()].concat();
            assert_obeyed_by_nobody(&text, *format == Format::Github, name);
        }
    }
}

#[test]
fn nor_do_other_outputs() {
    let (directory, image) = hostile();
    let text = |outcome: Outcome| [outcome.stdout_text(), outcome.stderr_text()].concat();
    assert_obeyed_by_nobody(&text(run(&image, &[])), false, "the summary");
    assert_obeyed_by_nobody(&text(run(&image, &["--color", "always"])), false, "the summary in colour");
    let merged = directory.path().join("merged.tar");
    let merge = run(&image, &["--merge", "1..3", "--write", merged.to_str().expect("text")]);
    merge.assert_code(0);
    assert_obeyed_by_nobody(&text(merge), false, "a merge");
    // Errors name what they are about: the member that is missing, the image that is not there.
    let refused = run(&image, &["--image", "none"]);
    assert!(refused.code.is_some_and(|code| code > 1), "{refused}");
    assert!(refused.stderr_text().contains(r"stop-commands"), "the message names what there is: {refused}");
    assert_obeyed_by_nobody(&text(refused), false, "an error");
    let config = "[[ignore]]\npath = \"/x\"\nreason = \"##vso[task.complete]\"\n";
    let printed = layerlens(["--print-config"]).file(".layerlens.toml", config).outcome();
    assert_obeyed_by_nobody(&text(printed), false, "the settings");
    let wrong = "::error::x\n##vso[x] = = 1\n";
    assert_obeyed_by_nobody(
        &text(layerlens(["--print-config"]).file(".layerlens.toml", wrong).outcome()),
        false,
        "a file",
    );
}

/// In the summary nothing of the image stands at a line's start, whatever it is.
#[test]
fn lines_begin_with_words_of_ours() {
    let (_directory, image) = hostile();
    let summary = run(&image, &[]);
    assert!(summary.stdout_text().starts_with("image ::stop-commands::x  "), "{summary}");
    let dockerfile = run(&image, &["--report", "dockerfile"]);
    let lines: Vec<&str> = dockerfile.stdout_text().lines().collect();
    assert!(
        lines
            .iter()
            .all(|line| line.is_empty() || ["# ", "RUN ", "COPY ", "    "].iter().any(|start| line.starts_with(start))),
        "{dockerfile}"
    );
    assert!(lines.contains(&r"    :\x3astop-commands::y"), "{dockerfile}");
    assert!(lines.contains(&"    EOF"), "{dockerfile}");
}

/// What is broken in the text is whole again in the values.
#[test]
fn values_stay_what_they_are() {
    let (_directory, image) = hostile();
    let report = run(&image, &["--report", "json"]).json();
    assert_eq!(report["image"]["tags"][0], TAG);
    assert_eq!(report["layers"][2]["command"], "##[group]a /b");
    let paths: Vec<&str> =
        report["waste"].as_array().expect("a list").iter().filter_map(|row| row["path"].as_str()).collect();
    let last = r"/##[set-output name=passed;]true\xe3\x85\xa4\xef\xb8\x8f\x0a::warning::y";
    for name in ["/##vso[task.setvariable variable=PATH]evil", "/::error::pwn", last] {
        assert!(paths.contains(&name), "{name} is missing in {paths:?}");
    }
    let rows = run(&image, &["--report", "ndjson"]);
    let row: Value = serde_json::from_str(rows.stdout_text().lines().next().expect("a row")).expect("JSON");
    assert_eq!(row["image"], TAG);
}

/// A fence cannot spell anything out: lines that hold a command stand in tags, and mean the same.
#[test]
fn lines_to_paste_stay_what_they_are() {
    let steps = ["##vso[task.complete]", "##[error]"].map(|text| format!("RUN /bin/sh -c echo '{text}' # buildkit"));
    let (_directory, image) = with_steps(&steps.each_ref().map(String::as_str));
    let report = run(&image, &["--report", "json"]).json();
    let lines = report["fixes"][0]["dockerfile"].as_str().expect("lines").to_owned();
    assert!(lines.contains("##vso["), "{lines}");
    let markdown = run(&image, &["--report", "markdown"]);
    assert!(markdown.stdout_text().contains("<pre><code>"), "{markdown}");
    assert!(!markdown.stdout_text().contains("```"), "{markdown}");
    let summary = run(&image, &[]);
    assert!(summary.stdout_text().contains(r"##vso\x5btask.complete"), "{summary}");
    assert!(summary.stdout_text().contains("a CI runner would obey these lines"), "{summary}");
}
