//! A strict reader of the page: what is not written the one way that the page is written in, it does not take.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A piece of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    Open(Tag),
    Close(String),
    /// Between tags, entities resolved; of `style` and `script` as it stands.
    Text(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
}

/// Elements that have no end tag.
const VOID: [&str; 3] = ["meta", "link", "br"];

/// Takes a page apart. Panics where it is not well formed, or an element ends where another should.
pub fn tokens(page: &str) -> Vec<Token> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a doctype");
    let (mut tokens, mut open): (Vec<Token>, Vec<String>) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        if let Some(name) = open.last().filter(|name| ["style", "script"].contains(&name.as_str())) {
            let end = rest.find("</").expect("an end tag");
            assert!(rest[end + 2..].starts_with(name.as_str()), "a tag within {name}");
            tokens.push(Token::Text(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        if let Some(after) = rest.strip_prefix("</") {
            let (name, after) = after.split_once('>').expect("an end tag ends");
            assert_eq!(open.pop().as_deref(), Some(name), "before {:?}", head(after));
            tokens.push(Token::Close(name.to_owned()));
            rest = after;
        } else if let Some(after) = rest.strip_prefix('<') {
            let (tag, is_closed, after) = tag(after);
            if !is_closed && !VOID.contains(&tag.name.as_str()) {
                open.push(tag.name.clone());
            } else if is_closed {
                assert!(["rect"].contains(&tag.name.as_str()), "{} closes itself", tag.name);
            }
            tokens.push(Token::Open(tag));
            rest = after;
        } else {
            let end = rest.find('<').unwrap_or(rest.len());
            tokens.push(Token::Text(unescape(&rest[..end])));
            rest = &rest[end..];
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    tokens
}

fn head(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Reads `name attribute="value" attribute>`; says whether it ended with `/>`.
fn tag(text: &str) -> (Tag, bool, &str) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let end = text.find(|c| !is_name(c)).expect("a tag ends");
    let (name, mut rest) = text.split_at(end);
    assert!(name.starts_with(|c: char| c.is_ascii_lowercase()), "no tag: {:?}", head(text));
    let mut attributes = BTreeMap::new();
    loop {
        if let Some(after) = rest.strip_prefix('>') {
            return (Tag { name: name.to_owned(), attributes }, false, after);
        }
        if let Some(after) = rest.strip_prefix("/>") {
            return (Tag { name: name.to_owned(), attributes }, true, after);
        }
        rest = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no attribute in {name}: {:?}", head(rest)));
        let is_key = |c: char| is_name(c) || c == ':';
        let (key, after) = rest.split_at(rest.find(|c| !is_key(c)).expect("an attribute ends"));
        assert!(!key.is_empty(), "no attribute in {name}: {:?}", head(rest));
        let (value, after) = match after.strip_prefix("=\"") {
            Some(quoted) => quoted.split_once('"').expect("a value ends"),
            None => ("", after),
        };
        assert!(!value.contains(['<', '>']), "{name} {key}: {value:?}");
        attributes.insert(key.to_owned(), unescape(value));
        rest = after;
    }
}

fn unescape(text: &str) -> String {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (entity, rest) = part.split_once(';').unwrap_or_else(|| panic!("a bare ampersand: {:?}", head(part)));
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            _ => panic!("&{entity}; is none of ours"),
        });
        out.push_str(rest);
    }
    out
}

/// Elements whose text is a line of the outline.
const LINES: [&str; 13] =
    ["h1", "h2", "h3", "p", "tr", "li", "dt", "dd", "pre", "caption", "summary", "button", "title"];

/// Returns the page's text, a line for each element that starts one; cells stand between bars.
pub fn outline(tokens: &[Token]) -> String {
    let (mut out, mut line): (String, String) = (String::new(), String::new());
    let mut is_raw = false;
    let mut flush = |name: &str, line: &mut String| {
        let text = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = text.trim_end_matches([' ', '|']);
        if !text.is_empty() {
            writeln!(out, "{name}: {text}").expect("memory");
        }
        line.clear();
    };
    let mut names: Vec<String> = Vec::new();
    for token in tokens {
        match token {
            Token::Open(tag) => {
                is_raw = ["style", "script"].contains(&tag.name.as_str());
                if LINES.contains(&tag.name.as_str()) {
                    let above = names.iter().rfind(|name| LINES.contains(&name.as_str())).cloned();
                    flush(above.as_deref().unwrap_or("text"), &mut line);
                }
                if !VOID.contains(&tag.name.as_str()) && tag.name != "rect" {
                    names.push(tag.name.clone());
                }
            }
            Token::Close(name) => {
                is_raw = false;
                names.pop();
                match name.as_str() {
                    "td" | "th" => line.push_str(" | "),
                    "b" | "data" | "i" | "small" => line.push(' '),
                    name if LINES.contains(&name) => flush(name, &mut line),
                    _ => {}
                }
            }
            Token::Text(text) if !is_raw => line.push_str(text),
            Token::Text(_) => {}
        }
    }
    out
}
