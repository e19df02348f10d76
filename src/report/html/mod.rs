//! One page for a browser: a single file that loads nothing and never treats text of the image as markup.
//!
//! All numbers and tables are in the HTML and can be read without scripts; those only sort, copy, draw the treemaps from
//! the lists that are there, and switch the colours. The Content-Security-Policy allows the page's own style sheet and
//! scripts by their hashes and nothing else, so it holds no style attributes either. Names are escaped twice: for people
//! ([`crate::escape`]), then for HTML. What does not fit is summed up; no sum leaves it out.

mod advice;
mod files;
mod flow;
mod fold;
mod layers;
mod markup;
mod summary;

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::Style;
use super::words::{cut, cut_middle};
use crate::analysis::Analysis;
use crate::escape::escape;
use crate::gate::Verdict;
use crate::layer::entry::{LayerNumber, NodeId};
use markup::Html;

const STYLE: &str = include_str!("style.css");
/// Colours, sorting, copying; then the treemaps.
const SCRIPTS: [&str; 2] = [include_str!("page.js"), include_str!("treemap.js")];
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
    %3Crect width='16' height='4' fill='%232f6fd0'/%3E%3Crect y='6' width='11' height='4' fill='%232f6fd0'/%3E\
    %3Crect x='11' y='6' width='5' height='4' fill='%23e08a1e'/%3E%3Crect y='12' width='6' height='4' fill='%232f6fd0'/%3E\
    %3C/svg%3E";

/// The greatest width of steps and paths in tables, in columns.
const STEP_WIDTH: usize = 240;
const PATH_WIDTH: usize = 160;

/// Writes the page.
///
/// # Errors
/// Where `out` fails.
pub fn write(analysis: &Analysis, verdict: Option<&Verdict>, style: &Style, out: &mut impl Write) -> io::Result<()> {
    let mut page = Page { analysis, verdict, style, out };
    page.head()?;
    page.header()?;
    page.navigation()?;
    writeln!(page.out, "<main>")?;
    page.summary()?;
    page.fixes()?;
    page.findings()?;
    page.layers()?;
    page.files()?;
    page.flow()?;
    page.copies()?;
    page.duplicates()?;
    page.history()?;
    writeln!(page.out, "</main>")?;
    page.footer()
}

struct Page<'a, W> {
    analysis: &'a Analysis,
    verdict: Option<&'a Verdict>,
    style: &'a Style,
    out: &'a mut W,
}

/// Returns the policy: what is not named by its hash does not run, and nothing is loaded from anywhere.
fn policy() -> String {
    let scripts = SCRIPTS.map(source).join(" ");
    format!(
        "default-src 'none'; style-src {}; script-src {scripts}; img-src data:; base-uri 'none'; form-action 'none'",
        source(STYLE)
    )
}

/// Returns the name of a style sheet or script in a policy.
fn source(content: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(content)))
}

impl<W: Write> Page<'_, W> {
    fn head(&mut self) -> io::Result<()> {
        write!(
            self.out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n<title>{} – layerlens</title>\n\
             <link rel=\"icon\" href=\"{ICON}\">\n<style>{STYLE}</style>\n",
            policy(),
            Html(&self.name()),
        )?;
        for script in SCRIPTS {
            writeln!(self.out, "<script>{script}</script>")?;
        }
        writeln!(self.out, "</head>\n<body>\n{PATTERNS}")
    }

    /// The sections that the page has, in their order.
    fn navigation(&mut self) -> io::Result<()> {
        let analysis = self.analysis;
        let has_waste = !analysis.waste.is_empty();
        let sections = [
            ("fixes", "Fixes", has_waste),
            ("findings", "Findings", !analysis.findings.is_empty()),
            ("layers", "Layers", true),
            ("files", "Files", analysis.totals.stored_bytes > 0),
            ("flow", "Flow", has_waste),
            ("waste", "Waste", has_waste),
            ("history", "History", !analysis.spec.history.is_empty()),
        ];
        write!(self.out, "<nav aria-label=\"Sections\"><ul>")?;
        for (id, title, _) in sections.iter().filter(|(.., is_there)| *is_there) {
            write!(self.out, "<li><a href=\"#{id}\">{title}</a></li>")?;
        }
        writeln!(self.out, "</ul></nav>")
    }

    fn footer(&mut self) -> io::Result<()> {
        writeln!(
            self.out,
            "<footer><p>Sizes are content bytes of regular files, uncompressed, as <code>docker history</code> shows \
             them. Waste is what a layer stores but no container can read; the surviving copy never counts. Layers are numbered \
             from the bottom, starting at 1. Characters that could mislead are shown as <code>\\xNN</code>.</p>\
             <p>Made by layerlens {}.</p></footer>\n</body>\n</html>",
            env!("CARGO_PKG_VERSION")
        )
    }

    /// Returns what the image is called, escaped for people.
    fn name(&self) -> String {
        let name = self.analysis.spec.tags.first().unwrap_or(&self.analysis.source);
        cut(&escape(name.as_bytes()), 200)
    }

    fn size(&self, bytes: u64) -> String {
        markup::size(self.style.units, bytes)
    }

    /// Returns a path as HTML.
    fn path(&self, node: NodeId) -> String {
        Html(&cut_middle(&escape(&self.analysis.index.tree.path(node)), PATH_WIDTH)).to_string()
    }

    /// Returns the step of a layer as HTML.
    fn step(&self, layer: LayerNumber) -> String {
        step(&self.analysis.step(layer), STEP_WIDTH)
    }
}

/// Returns a step on one line, as HTML.
fn step(step: &str, width: usize) -> String {
    if step.trim().is_empty() {
        return "<i>the history does not say</i>".to_owned();
    }
    format!("<code>{}</code>", Html(&cut(&one_line(step), width)))
}

/// Returns a step on one line, escaped for people.
fn one_line(step: &str) -> String {
    let words: Vec<&str> = step.split_whitespace().take(400).collect();
    if words.is_empty() { "the history does not say".to_owned() } else { escape(words.join(" ").as_bytes()) }
}

/// Waste is hatched as well as coloured, each part of it in its own direction.
const PATTERNS: &str = "<svg class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\
    <pattern id=\"hatch-waste\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
    <rect class=\"a\" width=\"6\" height=\"6\"/><rect class=\"b\" width=\"2\" height=\"6\"/></pattern>\
    <pattern id=\"hatch-inherited\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
    patternTransform=\"rotate(-45)\">\
    <rect class=\"a\" width=\"6\" height=\"6\"/><rect class=\"b\" width=\"2\" height=\"6\"/></pattern>\
    <pattern id=\"hatch-remainder\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">\
    <rect class=\"a\" width=\"5\" height=\"5\"/><rect class=\"b\" width=\"5\" height=\"2\"/></pattern></defs></svg>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_content() {
        // printf '' | openssl dgst -sha256 -binary | base64
        assert_eq!(source(""), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
        let policy = policy();
        assert!(!policy.contains("unsafe") && !policy.contains('"'), "{policy}");
        for content in [STYLE, SCRIPTS[0], SCRIPTS[1]] {
            assert!(policy.contains(&source(content)));
        }
    }

    /// A browser hashes what stands between the tags: an end tag in there, or a line break that it changes, breaks it.
    #[test]
    fn what_is_hashed_stands_as_it_is() {
        for content in [STYLE, SCRIPTS[0], SCRIPTS[1]] {
            assert!(!content.contains("</") && !content.contains("<!--") && !content.contains('\r'));
        }
    }
}
