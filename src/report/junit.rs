//! The rules as test cases, as CI servers read them: a case for each rule, a failure where it is broken, a message where it
//! warns. Without rules there is one case, skipped: nothing was judged, and servers take an empty list for an error.
//!
//! XML 1.0 cannot hold control characters at all; escaped texts have none, and the two noncharacters
//! become question marks.

use std::io::{self, Write};

use super::Style;
use crate::analysis::Analysis;
use crate::escape::escape;
use crate::gate::{Judged, Verdict};

pub(super) fn write(
    analysis: &Analysis,
    verdict: Option<&Verdict>,
    style: &Style,
    out: &mut impl Write,
) -> io::Result<()> {
    let name = analysis.spec.tags.first().unwrap_or(&analysis.source);
    let name = xml(&escape(name.as_bytes()));
    let rules = verdict.map_or(&[][..], |verdict| &verdict.rules);
    let failures = rules.iter().filter(|rule| !rule.passed).count();
    let (tests, skipped) = if rules.is_empty() { (1, 1) } else { (rules.len(), 0) };
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"layerlens\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" time=\"0\">")?;
    writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" \
         time=\"0\">"
    )?;
    if rules.is_empty() {
        writeln!(out, "    <testcase name=\"rules\" classname=\"layerlens\" time=\"0\">")?;
        writeln!(out, "      <skipped message=\"no rules given: nothing was judged\"/>")?;
        writeln!(out, "    </testcase>")?;
    }
    for rule in rules {
        case(rule, style, out)?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

fn case(rule: &Judged, style: &Style, out: &mut impl Write) -> io::Result<()> {
    // Several rules of one name are told apart by what they forbid.
    let name = match rule.rule {
        "forbid" | "ignore" => format!("{} {}", rule.rule, rule.limit),
        name => name.to_owned(),
    };
    let (name, sentence) = (xml(&name), xml(&rule.sentence(style.units)));
    writeln!(out, "    <testcase name=\"{name}\" classname=\"layerlens\" time=\"0\">")?;
    if rule.passed {
        let warning = if rule.warned { "warning: " } else { "" };
        writeln!(out, "      <system-out>{warning}{sentence}</system-out>")?;
    } else {
        writeln!(out, "      <failure message=\"{sentence}\" type=\"{}\">{sentence}</failure>", xml(rule.rule))?;
    }
    writeln!(out, "    </testcase>")
}

/// Escapes text for an attribute or an element.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => out.push('?'),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_becomes_xml() {
        assert_eq!(super::xml("a<b>&\"'\u{ffff}\n\u{1b}é"), "a&lt;b&gt;&amp;&quot;&apos;???é");
    }
}
