//! The reports for pipelines: whole reports of samples as they were, what their readers demand of them, and names that try
//! to be something else.
//!
//! `LAYERLENS_UPDATE=1 cargo test --test reports` writes the reports in `tests/reports` anew: read the difference.

mod common;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::run::layerlens;
use layerlens::config::{Origin, Set, Setting, Settings};
use layerlens::dockerfile::Dockerfile;
use layerlens::gate::{Level, Verdict};
use layerlens::report::{Format, Style};
use layerlens::{Analysis, OpenOptions};
use serde_json::Value;
use support::image::{HistorySpec, ImageSpec, Packing};
use support::layer::{Kind, LayerSpec, Member, Metadata};
use support::screen::{NOTES_DOCKERFILE, notes};

const PIPELINE: [(&str, Format); 7] = [
    ("markdown", Format::Markdown),
    ("csv", Format::Csv),
    ("ndjson", Format::Ndjson),
    ("junit", Format::Junit),
    ("sarif", Format::Sarif),
    ("gitlab", Format::Gitlab),
    ("github", Format::Github),
];

/// An analysis, what came of its rules, and its Dockerfile.
struct Subject {
    analysis: Analysis,
    verdict: Option<Verdict>,
    style: Style,
}

impl Subject {
    fn open(path: &Path, source: &str) -> Self {
        let mut analysis = layerlens::open(path, &OpenOptions::default()).expect("an image");
        // Where the sample lies is no part of what is looked at.
        source.clone_into(&mut analysis.source);
        Self { analysis, verdict: None, style: Style::default() }
    }

    fn sample(name: &str) -> Self {
        Self::open(&common::sample(name), name)
    }

    /// Holds it to `RULE=LIMIT` rules.
    fn with_rules(mut self, fail: &[&str], warn: &[&str]) -> Self {
        let parse = |level| move |text: &&str| Setting::assignment(text, level).expect("a rule");
        let settings = fail.iter().map(parse(Level::Fail)).chain(warn.iter().map(parse(Level::Warn)));
        let list = settings.map(|setting| Set { setting, origin: Origin::Flag }).collect();
        self.verdict = Some(Settings { list, dive: None }.rules().judge(&self.analysis));
        self
    }

    fn with_dockerfile(mut self, name: &str, text: &str) -> Self {
        self.style.dockerfile = Some(Arc::new(layerlens::dockerfile::Dockerfile::parse(name, text)));
        self
    }

    fn report(&self, format: Format) -> String {
        let mut out = Vec::new();
        layerlens::report::write(format, &self.analysis, self.verdict.as_ref(), &self.style, &mut out).expect("memory");
        String::from_utf8(out).expect("reports are text")
    }

    fn json(&self, format: Format) -> Value {
        serde_json::from_str(&self.report(format)).expect("JSON")
    }
}

fn seed() -> Subject {
    let dockerfile = fs::read_to_string(common::sample("dockerfiles/seed/Dockerfile")).expect("the sample's recipe");
    let rules = ["max-waste=1MB", "max-size=4KiB", "max-layers=7", "forbid=/data/one"];
    Subject::sample("seed.tar.gz")
        .with_rules(&rules, &["min-efficiency=0.9"])
        .with_dockerfile("Dockerfile", &dockerfile)
}

/// The image of a Python service, opened with its Dockerfile: fixes are edits of that.
fn with_edits(text: &str) -> Subject {
    let (_directory, path) = write(&notes());
    let file = Arc::new(Dockerfile::parse("build/Dockerfile", text));
    let options = OpenOptions { dockerfile: Some(Arc::clone(&file)), ..OpenOptions::default() };
    let analysis = layerlens::open(&path, &options).expect("an image");
    Subject { analysis, verdict: None, style: Style { dockerfile: Some(file), ..Style::default() } }
}

/// What a name can try to be, in one: a cell's end, code, a tag, a command, a line of its own, a formula, no text at all.
const NAME: &[u8] = b"=cmd()|`<script>::error::x\n::error::y\x1b[31m@all\xff,\"'&";
const ESCAPED: &str = r#"=cmd()|`<script>::error::x\x0a::error::y\x1b[31m@all\xff,"'&"#;
/// The same as a step, which is text.
const STEP: &str = "=cmd()|`<script>]]>\n::error::y\r\x1b[31m@all --> ```\n```, \"'& %0A";

fn write(spec: &ImageSpec) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = spec.write(Packing::default(), directory.path(), "image.tar");
    (directory, path)
}

fn file(name: &[u8], content: Vec<u8>) -> Member {
    Member::new(name, Kind::File(content), Metadata::with_mode(0o644))
}

/// Two layers that store one file under the name, and steps that are as bad.
fn hostile() -> Subject {
    let layers = [b'a', b'b'].map(|byte| LayerSpec::of(vec![file(NAME, vec![byte; 200_000])])).to_vec();
    let history = vec![HistorySpec::step(STEP), HistorySpec::step(&format!("RUN /bin/sh -c {STEP} # buildkit"))];
    let spec = ImageSpec { layers, history, tags: vec![STEP.to_owned()] };
    let (_directory, path) = write(&spec);
    let pattern = "forbid==cmd*";
    Subject::open(&path, STEP)
        .with_rules(&["max-waste=1B", "max-file-size=1B", pattern], &[])
        .with_dockerfile(STEP, "FROM a\n")
}

fn assert_same(found: &str, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports").join(name);
    if std::env::var_os("LAYERLENS_UPDATE").is_some() {
        fs::write(&path, found).expect("the reports can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{name} is not what it was; LAYERLENS_UPDATE=1 accepts it\n{found}\nwas\n{expected}");
}

#[test]
fn whole_reports_of_samples() {
    let opaque = Subject::sample("opaque.tar.zst");
    for (name, format) in PIPELINE {
        assert_same(&seed().report(format), &format!("seed.{name}"));
        assert_same(&opaque.report(format), &format!("opaque.{name}"));
    }
    assert_same(&seed().report(Format::Text), "seed.text");
}

#[test]
fn the_help_is_as_it_was() {
    for (flag, name) in [("--help", "help.txt"), ("-h", "help-short.txt")] {
        let help = layerlens([flag]).outcome();
        help.assert_code(0);
        assert_same(help.stdout_text(), name);
    }
}

#[test]
fn manual_and_completions_know_the_flags() {
    for (what, sign) in [
        ("man", ".TH layerlens 1"),
        ("bash", "complete -F _layerlens"),
        ("zsh", "#compdef layerlens"),
        ("fish", "complete -c layerlens"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion"),
    ] {
        let outcome = layerlens(["--generate", what]).outcome();
        outcome.assert_code(0);
        let text = outcome.stdout_text().replace("\\-", "-");
        assert!(text.contains(sign), "{what}: {outcome}");
        // fish writes long flags without their dashes.
        assert!(text.contains("max-waste-growth"), "{what}: {outcome}");
    }
    layerlens(["--generate", "tcsh"]).outcome().assert_code(2);
}

/// No line of any report is raw what an image says: no control character, no byte that is no text.
#[test]
fn no_report_holds_what_could_fool_its_reader() {
    let subject = hostile();
    assert_eq!(subject.analysis.waste.len(), 1);
    for (name, format) in PIPELINE {
        let report = subject.report(format);
        let raw: Vec<char> = report.chars().filter(|c| c.is_control() && !"\n\r".contains(*c)).collect();
        assert!(raw.is_empty(), "{name}: {raw:?}\n{report}");
        // Markdown writes the punctuation as references, the others the name as it is escaped everywhere.
        let shown = match format {
            Format::Markdown => r"&#92;x0a&#58;&#58;error".to_owned(),
            Format::Junit => ESCAPED
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&apos;"),
            Format::Csv => ESCAPED.replace('"', "\"\""),
            Format::Github => ESCAPED.to_owned(),
            _ => ESCAPED.replace('\\', "\\\\").replace('"', "\\\""),
        };
        assert!(report.contains(&shown), "{name} lacks {shown}\n{report}");
    }
}

// ---- Markdown ----

#[test]
fn a_comment_can_be_found_again_and_holds_no_markup_of_the_images() {
    let report = hostile().report(Format::Markdown);
    assert!(report.starts_with("<!-- layerlens -->\n### ❌ layerlens: 3 of 3 rules broken\n"), "{report}");
    // All tags are ours.
    let tags = [
        "<!-- layerlens -->",
        "<details>",
        "</details>",
        "<summary>",
        "</summary>",
        "<code>",
        "</code>",
        "<sub>",
        "</sub>",
        "<b></b>",
    ];
    let (prose, fences) = split_fences(&report);
    let rest = tags.iter().fold(prose, |rest, tag| rest.replace(tag, ""));
    assert!(!rest.contains(['<', '>', '`', '@']), "{rest}");
    assert!(fences.iter().all(|lines| !lines.contains("\n::")), "{fences:?}");
    // Every row of a table has as many cells as its head.
    let mut cells = 0;
    for line in rest.lines() {
        if !line.starts_with('|') {
            cells = 0;
        } else if cells == 0 {
            cells = line.matches('|').count();
        }
        assert_eq!(line.matches('|').count(), cells, "{line}");
    }
}

/// Returns the text outside of fenced lines, and the fenced lines.
fn split_fences(report: &str) -> (String, Vec<String>) {
    let (mut prose, mut fences, mut open) = (String::new(), Vec::new(), None::<(String, String)>);
    for line in report.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        open = match open {
            None if ticks.len() >= 3 => Some((ticks, String::new())),
            None => {
                prose.extend([line, "\n"]);
                None
            }
            Some((fence, lines)) if ticks.len() >= fence.len() && line.trim_end() == ticks => {
                fences.push(lines);
                None
            }
            Some((fence, lines)) => Some((fence, format!("{lines}\n{line}"))),
        };
    }
    assert!(open.is_none(), "a fence is not closed\n{report}");
    (prose, fences)
}

/// Sixty pairs of steps with long names of punctuation, a hundred rules: the verdict stays, the end is left out.
#[test]
fn a_comment_is_never_too_long() {
    let long = |number: usize| format!("{}{number}", "<|>".repeat(80));
    let pair = |number: usize| {
        [b'a', b'b'].map(|byte| LayerSpec::of(vec![file(long(number).as_bytes(), vec![byte; 200_000])]))
    };
    let layers: Vec<LayerSpec> = (0..60).flat_map(pair).collect();
    let history = (0..120).map(|number| HistorySpec::step(&format!("RUN /bin/sh -c {} # buildkit", long(number))));
    let (_directory, path) = write(&ImageSpec { history: history.collect(), layers, tags: vec![long(0)] });
    let patterns: Vec<String> = (0..100).map(|number| format!("forbid=*<|>{number}")).collect();
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let report = Subject::open(&path, "image.tar").with_rules(&patterns, &[]).report(Format::Markdown);
    assert!(report.len() < 60_000, "{} bytes", report.len());
    assert!(report.contains("❌ layerlens: 60 of 100 rules broken") && report.contains("more rules"), "{report}");
    assert!(report.contains("Left out, because the comment would be too long"), "{report}");
    assert_eq!(report.matches("<details>").count(), report.matches("</details>").count());
}

// ---- tables ----

#[test]
fn rows_are_the_waste_records() {
    for subject in [seed(), hostile(), Subject::sample("opaque.tar.zst")] {
        let report = subject.json(Format::Json);
        let expected: Vec<(String, u64, u64, u64, String)> = report["waste"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|row| {
                let number = |key: &str| row[key].as_u64().expect("a number");
                let text = |key: &str| row[key].as_str().expect("a text").to_owned();
                (text("path"), number("bytes"), number("stored_in"), number("hidden_by"), text("cause"))
            })
            .collect();
        let csv = subject.report(Format::Csv);
        let mut table = csv::Reader::from_reader(csv.as_bytes());
        let heads = table.headers().expect("a heading").clone();
        let at = |name: &str| heads.iter().position(|head| head == name).expect(name);
        let rows: Vec<_> = table
            .records()
            .map(|row| {
                let row = row.expect("as many cells as heads");
                assert!(row.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "a formula: {row:?}");
                let number = |name: &str| row[at(name)].parse().expect("a number");
                let text = |name: &str| row[at(name)].to_owned();
                (text("path"), number("bytes"), number("stored_in"), number("hidden_by"), text("cause"))
            })
            .collect();
        assert_eq!(rows, expected);
        let flat: Vec<Value> =
            subject.report(Format::Ndjson).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(flat.len(), expected.len());
        for (row, expected) in flat.iter().zip(&expected) {
            assert!(
                row.as_object().expect("a row").values().all(|cell| !cell.is_array() && !cell.is_object()),
                "{row}"
            );
            assert_eq!((row["path"].as_str(), row["bytes"].as_u64()), (Some(expected.0.as_str()), Some(expected.1)));
            assert_eq!(row["image_id"], report["image"]["id"]);
        }
    }
}

// ---- formats with schemas ----

#[test]
fn sarif_follows_its_schema() {
    let schema = include_str!("schemas/sarif-2.1.0.json");
    let mut schema: Value = serde_json::from_str(schema).expect("JSON");
    // Its pattern of languages has a bracket too many: it is no regular expression.
    for place in ["/definitions/run/properties/language", "/definitions/toolComponent/properties/language"] {
        let language = schema.pointer_mut(place).and_then(Value::as_object_mut);
        assert!(language.expect("the schema's own mistake").remove("pattern").is_some());
    }
    let validator = jsonschema::draft4::new(&schema).expect("a schema");
    let with_edits = with_edits(NOTES_DOCKERFILE);
    for subject in [seed(), hostile(), Subject::sample("opaque.tar.zst"), Subject::sample("multiarch"), with_edits] {
        let report = subject.json(Format::Sarif);
        let found: Vec<String> =
            validator.iter_errors(&report).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(found.is_empty(), "{}\n{report:#}", found.join("\n"));
    }
    let mut broken = seed().json(Format::Sarif);
    broken["runs"][0]["results"][0]["level"] = "bad".into();
    assert!(!validator.is_valid(&broken), "the schema is one that can be broken");
}

#[test]
fn junit_has_a_case_for_each_rule() {
    let report = seed().report(Format::Junit);
    assert_eq!(report.matches("<testcase ").count(), 5);
    assert_eq!(report.matches("<failure ").count(), 3, "max-waste, max-size and forbid: {report}");
    assert!(report.contains("<testsuites name=\"layerlens\" tests=\"5\" failures=\"3\""), "{report}");
    let silent = Subject::sample("seed.tar.gz").report(Format::Junit);
    assert!(silent.contains("<skipped message=\"no rules given: nothing was judged\"/>"), "{silent}");
}

/// The fix of the seed merges the steps of lines 3 to 7; `/data/one` is stored by line 3.
#[test]
fn findings_stand_at_the_lines_of_the_dockerfile() {
    let results = seed().json(Format::Sarif)["runs"][0]["results"].clone();
    let results = results.as_array().expect("a list");
    let result =
        |rule: &str| results.iter().find(|result| result["ruleId"] == rule).unwrap_or_else(|| panic!("{rule}"));
    let line = |location: &Value| location["physicalLocation"]["region"]["startLine"].as_u64();
    let fix = result("merge-run");
    assert_eq!(line(&fix["locations"][0]), Some(3));
    let related = fix["relatedLocations"].as_array().expect("the other steps");
    assert_eq!(related.iter().map(line).collect::<Vec<_>>(), [Some(4), Some(5), Some(6), Some(7)]);
    assert_eq!(line(&result("forbid")["locations"][0]), Some(3));
    assert_eq!(line(&result("max-waste")["locations"][0]), None, "the whole image's");
    let gitlab = seed().json(Format::Gitlab);
    let merge = gitlab.as_array().expect("a list").iter().find(|one| one["check_name"] == "layerlens/merge-run");
    assert_eq!(merge.expect("the fix")["location"]["lines"]["begin"], 3);
    assert!(seed().report(Format::Github).contains("::warning file=Dockerfile,line=3,endLine=3,"));
    // Of another Dockerfile no line is right.
    let other =
        Subject::sample("seed.tar.gz").with_dockerfile("Dockerfile", "FROM a\nRUN b\nRUN c\nRUN d\nRUN e\nRUN f\n");
    assert_eq!(line(&other.json(Format::Sarif)["runs"][0]["results"][0]["locations"][0]), None);
}

/// Makes the replacements of a SARIF fix as its specification says: lines and columns from 1, the last column excluded.
fn applied(text: &str, replacements: &[Value]) -> String {
    let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let number = |region: &Value, key: &str| region[key].as_u64().and_then(|number| usize::try_from(number).ok());
    let mut out = text.to_owned();
    for one in replacements.iter().rev() {
        let region = &one["deletedRegion"];
        let (first, last) = (number(region, "startLine").expect("a line"), number(region, "endLine").expect("a line"));
        let line_end = text[starts[last - 1]..].find(['\r', '\n']).map_or(text.len(), |at| starts[last - 1] + at);
        let start = starts[first - 1] + number(region, "startColumn").unwrap_or(1) - 1;
        let end = number(region, "endColumn").map_or(line_end, |column| starts[last - 1] + column - 1);
        out.replace_range(start..end, one["insertedContent"]["text"].as_str().unwrap_or_default());
    }
    out
}

#[test]
fn fixes_are_edits_of_the_dockerfile() {
    for text in [NOTES_DOCKERFILE.to_owned(), NOTES_DOCKERFILE.replace('\n', "\r\n")] {
        let subject = with_edits(&text);
        let report = subject.json(Format::Sarif);
        let result = &report["runs"][0]["results"][0];
        let fixes = result["fixes"].as_array().expect("the ways to do it");
        assert_eq!(fixes.len(), subject.analysis.fixes[0].alternatives.len(), "{result:#}");
        for (way, fix) in fixes.iter().enumerate() {
            let change = &fix["artifactChanges"][0];
            assert_eq!(change["artifactLocation"]["uri"], "build/Dockerfile");
            let new = applied(&text, change["replacements"].as_array().expect("edits"));
            let patch = subject.analysis.patch(&[(0, way)]).expect("it fits");
            assert_eq!(new, patch.text, "{change:#}");
        }
    }
    let other = with_edits(&NOTES_DOCKERFILE.replace("useradd", "adduser")).json(Format::Sarif);
    assert!(other["runs"][0]["results"][0]["fixes"].is_null(), "not the image's own: {other:#}");
}

/// What is offered for review comments, put in by hand, is the file that the patch makes.
#[test]
fn annotations_name_the_lines_that_change() {
    let subject = with_edits(NOTES_DOCKERFILE);
    let report = subject.report(Format::Github);
    let first = report.lines().find(|line| line.contains("in place") || line.contains("suggestion")).expect("a fix");
    let message = first.rsplit_once("::").expect("a message").1.replace("%0A", "\n").replace("%25", "%");
    let mut lines: Vec<String> = NOTES_DOCKERFILE.lines().map(str::to_owned).collect();
    let mut blocks = Vec::new();
    for part in message.split("\n\nLine").skip(1) {
        let (head, rest) = part.split_once(":\n```suggestion\n").expect("a block");
        let numbers = head.trim_start_matches('s').trim().trim_end_matches(" (to be removed)");
        let (start, end) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let new = rest.split("```").next().expect("an end").lines().map(str::to_owned).collect::<Vec<_>>();
        blocks.push((start.parse::<usize>().expect("a line"), end.parse::<usize>().expect("a line"), new));
    }
    assert!(blocks.len() > 1, "{message}");
    for (start, end, new) in blocks.into_iter().rev() {
        lines.splice(start - 1..end, new);
    }
    let patch = subject.analysis.patch(&[(0, 0)]).expect("it fits");
    let without_gaps = |text: &str| text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(without_gaps(&lines.join("\n")), without_gaps(&patch.text), "{message}");
    for caveat in &subject.analysis.fixes[0].caveats {
        assert!(message.contains(&format!("Note: {caveat}")), "{message}");
    }
}

#[test]
fn fingerprints_are_stable_and_distinct() {
    let prints = |subject: &Subject| -> Vec<String> {
        let list = subject.json(Format::Gitlab);
        list.as_array().expect("a list").iter().map(|one| one["fingerprint"].to_string()).collect()
    };
    let mut all = prints(&seed());
    assert_eq!(all, prints(&seed()));
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

// ---- GitHub ----

#[test]
fn annotations_are_few_and_lines_of_their_own() {
    let hostile = hostile().report(Format::Github);
    assert!(
        hostile.lines().all(|line| line.starts_with("::error file=")
            || line.starts_with("::warning file=")
            || line.starts_with("layerlens: ")),
        "{hostile}"
    );
    let layers = (0..15).flat_map(|number: u8| {
        let name = format!("f{number}");
        [b'a', b'b'].map(|byte| LayerSpec::of(vec![file(name.as_bytes(), vec![byte; 150_000])]))
    });
    let (_directory, path) = write(&ImageSpec::of(layers.collect()));
    let report = Subject::open(&path, "image.tar").with_rules(&["max-waste=0"], &[]).report(Format::Github);
    assert_eq!(report.lines().filter(|line| line.starts_with("::")).count(), 10, "{report}");
    assert!(report.starts_with("::error ") && report.contains("more findings\nlayerlens: FAILED: "), "{report}");
}

#[test]
fn the_runner_gets_a_summary_and_outputs() {
    let image = common::sample("seed.tar.gz");
    let image = image.to_str().expect("a path of text");
    let run = layerlens([image, "--ci", "--max-waste", "1MB", "--report", "github"])
        .file("summary", "of another step\n")
        .file("output", "other=1\n")
        .env("GITHUB_STEP_SUMMARY", "summary")
        .env("GITHUB_OUTPUT", "output")
        .outcome();
    run.assert_code(1);
    assert_eq!(run.left, ["output", "summary"]);
    let [output, summary] = [0, 1].map(|at| String::from_utf8_lossy(&run.contents[at]).into_owned());
    assert!(summary.starts_with("of another step\n<!-- layerlens -->\n### ❌ layerlens: "), "{summary}");
    for line in ["other=1", "passed=false", "layers=7", "wasted-bytes=4194304", "fixable-bytes=4194304"] {
        assert!(output.lines().any(|found| found == line), "{line}: {output}");
    }
    assert!(run.stdout_text().ends_with("layerlens: FAILED: 1 of 1 rule broken\n"), "{run}");
    // Without the format they are left alone, and where they cannot be written the work does not start.
    let other = layerlens([image, "--ci"]).file("output", "").env("GITHUB_OUTPUT", "output").outcome();
    assert_eq!(other.contents[0], b"");
    let missing =
        layerlens(["no-such-image.tar", "--report", "github"]).env("GITHUB_OUTPUT", "missing/output").outcome();
    missing.assert_code(4);
    assert!(missing.stderr_text().contains("missing/output"), "{missing}");
}

/// What the action promises to later steps is what the program writes.
#[test]
fn the_action_hands_on_every_output() {
    let action = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml")).expect("the action");
    let image = common::sample("seed.tar.gz");
    let image = image.to_str().expect("a path of text");
    let run =
        layerlens([image, "--ci", "--report", "github"]).file("output", "").env("GITHUB_OUTPUT", "output").outcome();
    let output = String::from_utf8_lossy(&run.contents[0]).into_owned();
    let written: Vec<&str> = output.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    let promised: Vec<&str> = action
        .lines()
        .filter_map(|line| line.trim().strip_prefix("value: ${{ steps.run.outputs.")?.strip_suffix(" }}"))
        .collect();
    assert_eq!(promised, written);
}

#[test]
fn all_formats_come_from_one_run() {
    let image = common::sample("seed.tar.gz");
    let mut arguments = vec![image.to_str().expect("text").to_owned()];
    for (name, _) in PIPELINE {
        arguments.extend(["--report".to_owned(), format!("{name}={name}.out")]);
    }
    let outcome = layerlens(&arguments).outcome();
    outcome.assert_code(0);
    assert_eq!(outcome.left.len(), PIPELINE.len());
    assert!(outcome.contents.iter().all(|content| !content.is_empty()));
    let two = layerlens([&arguments[0], "--report", "csv", "--report", "junit"]).outcome();
    two.assert_code(2);
}
