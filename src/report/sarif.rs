//! Findings for code scanning: [SARIF 2.1.0](https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html), with the
//! lines of the Dockerfile where they are known, and the fixes as edits of them where it is the image's.

use std::io::{self, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::Style;
use super::annotations::{Annotation, Severity, annotations, clean, file};
use crate::analysis::Analysis;
use crate::analysis::fixes::{Alternative, Edit, printable};
use crate::dockerfile::{Dockerfile, Lines};
use crate::escape::escape;
use crate::gate::Verdict;

/// GitHub takes 25 000 results in a run; this many are enough to read.
const MOST_FINDINGS: usize = 1000;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn write(
    analysis: &Analysis,
    verdict: Option<&Verdict>,
    style: &Style,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut found = annotations(analysis, verdict, style);
    found.truncate(MOST_FINDINGS);
    let mut rules: Vec<&str> = found.iter().map(|one| one.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    let uri = uri(file(analysis, style));
    let results: Vec<Value> = found.iter().map(|one| result(analysis, one, &rules, &uri)).collect();
    let descriptors: Vec<Value> = rules
        .iter()
        .map(|rule| json!({"id": rule, "shortDescription": {"text": describe(rule)}, "help": {"text": help(rule)}}))
        .collect();
    let driver = json!({"name": "layerlens", "version": env!("CARGO_PKG_VERSION"), "rules": descriptors});
    let totals = &analysis.totals;
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": driver},
            "results": results,
            "columnKind": "unicodeCodePoints",
            "properties": {
                "image": escape(analysis.spec.tags.first().unwrap_or(&analysis.source).as_bytes()),
                "image_id": analysis.spec.id.to_string(),
                "stored_bytes": totals.stored_bytes,
                "wasted_bytes": totals.wasted_bytes,
            },
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    out.write_all(b"\n")
}

fn result(analysis: &Analysis, one: &Annotation, rules: &[&str], uri: &str) -> Value {
    let lines = if one.lines_to_paste.is_empty() {
        String::new()
    } else {
        format!("\n\nThe new lines:\n\n{}", one.lines_to_paste)
    };
    let mut result = json!({
        "ruleId": one.rule,
        "ruleIndex": rules.binary_search(&one.rule.as_str()).unwrap_or(0),
        "level": match one.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": {"text": format!("{}{lines}", one.message)},
        "locations": [location(uri, one.lines.first())],
        "partialFingerprints": {"layerlens/v1": one.fingerprint},
        "properties": {"layers": one.layers, "bytes": one.bytes},
    });
    let related: Vec<Value> = one.lines.iter().skip(1).map(|lines| location(uri, Some(lines))).collect();
    let fixes = one.fix.map(|place| fixes(analysis, place)).unwrap_or_default();
    if let Some(result) = result.as_object_mut() {
        for (name, list) in [("relatedLocations", related), ("fixes", fixes)] {
            if !list.is_empty() {
                result.insert(name.to_owned(), list.into());
            }
        }
    }
    result
}

/// Returns the ways to do a fix that are edits of the user's own Dockerfile, and of nothing else.
fn fixes(analysis: &Analysis, place: usize) -> Vec<Value> {
    let Some(fitted) = &analysis.dockerfile else { return Vec::new() };
    let uri = uri(fitted.file.name());
    let of_way = |(at, way): (usize, &Alternative)| {
        let is_whole = analysis.patch(&[(place, at)]).is_ok_and(|patch| patch.left_out.is_empty());
        let is_readable = way.edits.iter().all(|edit| printable(&edit.after) == edit.after);
        if !is_whole || !is_readable || !way.dockerignore.is_empty() {
            return None;
        }
        let edits = way.edits.iter().map(|edit| replacement(analysis, &fitted.file, edit));
        let change = json!({"artifactLocation": {"uri": uri}, "replacements": edits.collect::<Option<Vec<Value>>>()?});
        let notes: Vec<String> = way.caveats.iter().map(|note| format!("\n\nNote: {}", clean(note))).collect();
        let text = format!("{}{}", clean(&way.title), notes.concat());
        Some(json!({"description": {"text": text}, "artifactChanges": [change]}))
    };
    analysis.fixes[place].alternatives.iter().enumerate().filter_map(of_way).collect()
}

/// A region of whole lines ends before the last line's end; a step that goes takes that along, where a line follows.
fn replacement(analysis: &Analysis, file: &Dockerfile, edit: &Edit) -> Option<Value> {
    let lines = analysis.lines_of(edit.layer)?;
    if edit.after.is_empty() && (lines.last as usize) < file.text().lines().count() {
        return Some(json!({
            "deletedRegion": {"startLine": lines.first, "startColumn": 1, "endLine": lines.last + 1, "endColumn": 1},
        }));
    }
    let end = if file.text().contains("\r\n") { "\r\n" } else { "\n" };
    let text = edit.after.lines().collect::<Vec<_>>().join(end);
    Some(json!({
        "deletedRegion": {"startLine": lines.first, "endLine": lines.last},
        "insertedContent": {"text": text},
    }))
}

fn location(uri: &str, lines: Option<&Lines>) -> Value {
    let mut place = json!({"artifactLocation": {"uri": uri}});
    if let (Some(lines), Some(place)) = (lines, place.as_object_mut()) {
        place.insert("region".to_owned(), json!({"startLine": lines.first, "endLine": lines.last}));
    }
    json!({"physicalLocation": place})
}

/// Returns what a rule is about, in a line.
fn describe(rule: &str) -> &'static str {
    match rule {
        "forbid" => "A layer contains a forbidden path",
        "ignore" => "An ignore entry has expired",
        rule if crate::gate::Rule::named(rule).is_some() => "The image exceeds a limit",
        "lowestEfficiency" | "highestWastedBytes" | "highestUserWastedPercent" => "The image breaks a rule of .dive-ci",
        _ => "Bytes are stored that no container can read",
    }
}

fn help(rule: &str) -> &'static str {
    match rule {
        "forbid" => {
            "Leave the file out of the build context, or mount it: deleting it in a later step keeps it stored."
        }
        "ignore" => "Renew the entry's date, or remove the entry.",
        "max-size" | "max-layer-size" | "max-file-size" | "max-layers" | "max-growth" => {
            "Store less, or raise the limit deliberately."
        }
        _ => {
            "A later step hides what an earlier one stores. Change the steps as described, and these bytes are not stored at all."
        }
    }
}

/// What need not be spelled out in a reference: the unreserved characters of RFC 3986, and slashes.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
const PLAIN_AFTER_SCHEME: &AsciiSet = &PLAIN.remove(b':').remove(b'@');

/// Returns a file name or an image's address as a URI reference.
fn uri(name: &str) -> String {
    let has_scheme = name.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    let (prefix, name) = if name.starts_with('/') { ("file://", name) } else { ("", name) };
    let name = name.strip_prefix("./").unwrap_or(name);
    let plain = if has_scheme { PLAIN_AFTER_SCHEME } else { PLAIN };
    format!("{prefix}{}", utf8_percent_encode(name, plain))
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn names_become_references() {
        assert_eq!(uri("./build/Dockerfile"), "build/Dockerfile");
        assert_eq!(uri("/src/a b"), "file:///src/a%20b");
        assert_eq!(uri("app:1.4"), "app%3A1.4");
        assert_eq!(uri("registry://host/app:1.4"), "registry://host/app:1.4");
        assert_eq!(uri("a%é\n"), "a%25%C3%A9%0A");
    }
}
