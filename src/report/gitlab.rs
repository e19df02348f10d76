//! Findings for GitLab's code quality widget: a list of what its documentation calls issues.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::Style;
use super::annotations::{Annotation, Severity, annotations, file};
use crate::analysis::Analysis;
use crate::escape::escape;
use crate::gate::Verdict;

pub(super) fn write(
    analysis: &Analysis,
    verdict: Option<&Verdict>,
    style: &Style,
    out: &mut impl Write,
) -> io::Result<()> {
    let file = file(analysis, style);
    let file = escape(file.strip_prefix("./").unwrap_or(file).as_bytes());
    let issue = |one: &Annotation| -> Value {
        // Without a known line the widget wants one all the same.
        let lines = one.lines.first().map_or((1, 1), |lines| (lines.first, lines.last));
        json!({
            "description": one.message,
            "check_name": format!("layerlens/{}", one.rule),
            "fingerprint": one.fingerprint,
            "severity": match one.severity {
                Severity::Error => "major",
                Severity::Warning => "minor",
            },
            "location": {"path": file, "lines": {"begin": lines.0, "end": lines.1}},
        })
    };
    let issues: Vec<Value> = annotations(analysis, verdict, style).iter().map(issue).collect();
    serde_json::to_writer_pretty(&mut *out, &issues)?;
    out.write_all(b"\n")
}
