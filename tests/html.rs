//! The HTML report, read strictly: its structure, its sums, its size, and that nothing of an image is markup in it.
//!
//! `LAYERLENS_UPDATE=1 cargo test --test html` writes the outline in `tests/html` anew: read the difference.

mod support;

#[path = "html/page.rs"]
mod page;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use layerlens::dockerfile::Dockerfile;
use layerlens::gate::{Ignored, Limits, Rule, Rules};
use layerlens::report::{self, Format, Style};
use layerlens::{Analysis, OpenOptions};
use page::{Tag, Token, outline, tokens};
use sha2::{Digest as _, Sha256};
use support::image::{ImageSpec, Packing};
use support::layer::{Kind, LayerSpec, Member, Metadata};
use support::pages;
use support::scenario::Scenario;
use support::screen::{NOTES_DOCKERFILE, notes};

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn open(path: &Path) -> Analysis {
    layerlens::open(path, &OpenOptions::default()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sample(name: &str) -> Analysis {
    let mut analysis = open(&project("sample-images").join(name));
    // The outline must not know where the project lies.
    name.clone_into(&mut analysis.source);
    analysis
}

fn built(image: &ImageSpec) -> Analysis {
    let folder = tempfile::tempdir().expect("a temporary directory");
    open(&image.write(Packing::default(), folder.path(), "image.tar"))
}

/// The page, held to the rules that are given.
fn page_of(analysis: &Analysis, rules: &Rules) -> String {
    let verdict = rules.judge(analysis);
    let mut out = Vec::new();
    report::write(Format::Html, analysis, Some(&verdict), &Style::default(), &mut out).expect("memory");
    String::from_utf8(out).expect("the page is UTF-8")
}

fn attribute<'a>(tag: &'a Tag, name: &str) -> &'a str {
    tag.attributes.get(name).map_or("", String::as_str)
}

fn tags(tokens: &[Token]) -> impl Iterator<Item = &Tag> {
    tokens.iter().filter_map(|token| match token {
        Token::Open(tag) => Some(tag),
        _ => None,
    })
}

#[test]
fn the_text_of_the_seed() {
    let rules = pages::rules(&[("max-waste", "1MB"), ("max-layers", "7")]);
    let found = outline(&tokens(&page_of(&sample("seed.tar.gz"), &rules)));
    let path = project("tests/html/seed.txt");
    if std::env::var_os("LAYERLENS_UPDATE").is_some() {
        fs::write(&path, &found).expect("the outline can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "the page is not what it was; LAYERLENS_UPDATE=1 accepts it\n{found}");
}

/// The figures of `sample-images/README.md`, and what the model's ledger makes of them: one fix takes all the waste.
#[test]
fn the_ledger_of_the_seed() {
    let text = outline(&tokens(&page_of(&sample("seed.tar.gz"), &Rules::default())));
    for row in [
        "Stored 7 layers | 7.2 MB | 7 225 240 | 100.0 %",
        "Final containers can read it | 3.0 MB | 3 030 936 | 41.9 %",
        "Wasted no container can read it | 4.2 MB | 4 194 304 | 58.1 %",
        "Fixes see below | 4.2 MB | 4 194 304 | 58.1 %",
        "Inherited | 0 B | 0 | 0.0 %",
        "Remainder | 0 B | 0 | 0.0 %",
    ] {
        assert!(text.contains(row), "{row}\n{text}");
    }
    assert!(!text.contains("Passed") && !text.contains("Failed"), "no rules, no verdict\n{text}");
}

#[test]
fn every_sample_has_a_page() {
    let folder = fs::read_dir(project("sample-images")).expect("samples").flatten();
    let names = folder.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let images: Vec<String> = names.filter(|name| name.contains(".tar") || name == "multiarch").collect();
    assert!(images.len() >= 9, "{images:?}");
    for name in images {
        let analysis = sample(&name);
        let tokens = tokens(&page_of(&analysis, &Rules::default()));
        assert_inert(&tokens);
        assert_sums(&analysis, &tokens);
        assert_ids(&tokens);
    }
}

/// Hard links, opaque directories, changes of type and what else the scenarios have: a page loses none of their bytes.
#[test]
fn every_scenario_has_a_page() {
    let folder = fs::read_dir(project("tests/scenarios")).expect("scenarios").flatten();
    let mut count = 0;
    for path in folder.map(|entry| entry.path()) {
        let scenario = Scenario::parse(&fs::read_to_string(&path).expect("a readable scenario"));
        let analysis = built(&ImageSpec::of(scenario.layers));
        let tokens = tokens(&page_of(&analysis, &Rules::default()));
        assert_inert(&tokens);
        assert_sums(&analysis, &tokens);
        count += 1;
    }
    assert!(count > 50, "only {count} scenarios");
}

/// A live copy of two names counts once: at its own path, else where it can still be read.
#[test]
fn a_copy_of_several_names_weighs_once() {
    let file = |name: &str| Member::new(name, Kind::File(vec![b'x'; 1000]), Metadata::with_mode(0o644));
    let link = |name: &str| Member::new(name, Kind::HardLink(b"own/a".to_vec()), Metadata::with_mode(0o644));
    let first = LayerSpec::of(vec![file("own/a"), link("other/z"), link("other/b")]);
    let whole = built(&ImageSpec::of(vec![first.clone()]));
    let weight = |analysis: &Analysis, path: &str| {
        analysis.final_weights().of(analysis.index.tree.find(path.as_bytes()).expect("a path")).bytes
    };
    assert_eq!([weight(&whole, "own"), weight(&whole, "other"), weight(&whole, "")], [1000, 0, 1000]);
    let left = built(&ImageSpec::of(vec![first, LayerSpec::of(vec![Member::whiteout(b"own/a")])]));
    assert_eq!([weight(&left, "own"), weight(&left, "other/b"), weight(&left, "other/z")], [0, 1000, 0]);
    assert_eq!(weight(&left, ""), left.totals.final_bytes);
}

#[test]
fn equal_contents_are_listed() {
    let file = |name: &str, size| Member::new(name, Kind::File(vec![b'x'; size]), Metadata::with_mode(0o644));
    let members = vec![file("a/one", 150_000), file("b/<two>", 150_000), file("c/three", 150_000), file("d", 150_001)];
    let tokens = tokens(&page_of(&built(&ImageSpec::of(vec![LayerSpec::of(members)])), &Rules::default()));
    assert_eq!(table_sum(&tokens, "Table of equal contents", 1), 300_000, "two of the three are too much");
    assert!(outline(&tokens).contains("300.0 kB | 3 | /a/one/b/<two>/c/three"), "{}", outline(&tokens));
}

/// A fix is a diff of each step, and nothing of it is cut; other ways and the build cache are behind it.
#[test]
fn a_fix_is_a_diff_with_its_other_ways() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let image = notes().write(Packing::default(), folder.path(), "image.tar");
    let dockerfile = Some(Arc::new(Dockerfile::parse("Dockerfile", NOTES_DOCKERFILE)));
    let analysis = layerlens::open(&image, &OpenOptions { dockerfile, ..OpenOptions::default() }).expect("an image");
    let tokens = tokens(&page_of(&analysis, &Rules::default()));
    assert_inert(&tokens);
    assert_ids(&tokens);
    let text = outline(&tokens);
    for line in [
        "text: − 3\npre: COPY . .\ntext: +\npre: COPY --chown=1000:1000 . .\n",
        "text: − 9\npre: RUN chown -R app:app /app\n",
        "tr: today | 7 | 13.4 MB\ntr: with these edits | 6 | 9.3 MB\n",
        "summary: Another way: copy and change it in one RUN (layers 3-9), saves 4.1 MB",
        "tr: 42 B | belongs to the base image: your steps cannot change it",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let copied = tokens.windows(3).filter_map(|three| match three {
        [Token::Open(pre), Token::Open(_), Token::Text(lines)] if attribute(pre, "class") == "new copy" => Some(lines),
        _ => None,
    });
    let edits = analysis.fixes[0].alternatives[0].edits.iter().filter(|edit| !edit.after.is_empty());
    let of_findings = analysis.findings.iter().flat_map(|finding| &finding.edits).map(|edit| &edit.after);
    let of_fix = edits.map(|edit| &edit.after).chain([&analysis.fixes[0].alternatives[1].dockerfile]);
    let wanted: Vec<&String> = of_fix.chain(of_findings.filter(|after| !after.is_empty())).collect();
    assert_eq!(copied.collect::<Vec<_>>(), wanted);
}

/// Whoever holds an image to rules sees all that came of them: failures, warnings, what is overlooked, the baseline.
#[test]
fn the_verdict_is_told_as_the_gate_tells_it() {
    let analysis = sample("seed.tar.gz");
    let mut rules = pages::rules(&[("max-waste", "1MB"), ("max-layers", "7")]);
    let size = Rule::named("max-size").expect("a rule");
    let warn = Some(size.parse("7MB").expect("a size"));
    rules.limits.insert(size, Limits { warn, fail: None });
    let mut verdict = rules.judge(&analysis);
    verdict.notes.push("a note of <i>some</i> length".to_owned());
    verdict.ignored.push(Ignored {
        set_in: None,
        pattern: "/data/<one>".to_owned(),
        reason: Some("\"because\"".to_owned()),
        expires: None,
        is_expired: false,
        bytes: 1000,
        inherited_bytes: 0,
        count: 1,
    });
    let mut out = Vec::new();
    report::write(Format::Html, &analysis, Some(&verdict), &Style::default(), &mut out).expect("memory");
    let tokens = tokens(&String::from_utf8(out).expect("the page is UTF-8"));
    assert_inert(&tokens);
    let text = outline(&tokens);
    for line in [
        "h2: Failed: 1 of 3 rules broken, 1 with a warning",
        "li: fail max-waste: 4.2 MB, limit 1MB: 3.2 MB too much",
        "li: warn max-size: 7.2 MB, warns above 7MB: 225.2 kB too much",
        "li: pass max-layers: 7, limit 7",
        "li: ignored 1.0 kB of waste in /data/<one>: \"because\"",
        "p: a note of <i>some</i> length",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn hostile_names_are_text() {
    let analysis = built(&pages::hostile());
    let page = page_of(&analysis, &Rules::default());
    let tokens = tokens(&page);
    assert_inert(&tokens);
    assert_sums(&analysis, &tokens);
    let is_dangerous = |c: char| layerlens::escape::is_dangerous(c) && c != '\n';
    assert_eq!(page.chars().find(|c| is_dangerous(*c)), None);
    let text = outline(&tokens);
    for name in pages::HOSTILE_NAMES {
        let shown = layerlens::escape::escape(name);
        assert!(text.contains(&shown), "{shown} is nowhere");
    }
    assert!(text.contains("</script><script>pwned=1</script>"), "the step can be read");
    assert!(
        !analysis.fixes.is_empty() && !analysis.findings.is_empty(),
        "the hostile names are in fixes and findings, too"
    );
}

/// The page says what may run by hashes: they must be those of what stands in it, and nothing may need more.
#[test]
fn the_policy_fits_the_page() {
    let tokens = tokens(&page_of(&sample("seed.tar.gz"), &Rules::default()));
    let policy = tags(&tokens).find(|tag| attribute(tag, "http-equiv") == "Content-Security-Policy").expect("a policy");
    let policy = attribute(policy, "content");
    let mut count = 0;
    for pair in tokens.windows(2) {
        let [Token::Open(tag), Token::Text(content)] = pair else { continue };
        let directive = match tag.name.as_str() {
            "style" => "style-src",
            "script" => "script-src",
            _ => continue,
        };
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(content));
        let allowed = policy.split("; ").find(|part| part.starts_with(directive)).expect(directive);
        assert!(allowed.contains(&format!("'sha256-{hash}'")), "{directive} lacks {hash}: {allowed}");
        count += 1;
    }
    assert_eq!(count, 3, "one style sheet, two scripts");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
}

#[test]
fn a_large_image_is_folded() {
    let analysis = built(&pages::large());
    let files = pages::LARGE_FOLDERS * pages::LARGE_FOLDERS * 3;
    assert_eq!(analysis.waste.len(), files, "the second layer replaces every file");
    let page = page_of(&analysis, &Rules::default());
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    let tokens = tokens(&page);
    assert_inert(&tokens);
    assert_sums(&analysis, &tokens);
    let text = outline(&tokens);
    assert!(text.contains("other copies") && text.contains(" others") && text.contains("other steps"), "folded");
}

/// Elements and attributes that run nothing and fetch nothing.
const ELEMENTS: &[&str] = &[
    "a", "article", "b", "body", "br", "button", "caption", "code", "data", "dd", "defs", "details", "div", "dl", "dt",
    "footer", "h1", "h2", "h3", "head", "header", "html", "i", "li", "link", "main", "meta", "nav", "ol", "p",
    "pattern", "pre", "rect", "script", "section", "small", "span", "style", "summary", "svg", "table", "tbody", "td",
    "tfoot", "th", "thead", "title", "tr", "ul",
];

fn assert_inert(tokens: &[Token]) {
    let mut scripts = 0;
    for tag in tags(tokens) {
        assert!(ELEMENTS.contains(&tag.name.as_str()), "{tag:?}");
        scripts += usize::from(tag.name == "script");
        for (name, value) in &tag.attributes {
            let runs = name.starts_with("on") || ["style", "src", "srcset", "action", "ping"].contains(&name.as_str());
            let leaves = name == "href" && !value.starts_with('#') && !value.starts_with("data:image/svg+xml,");
            assert!(!runs && !leaves, "{tag:?}");
        }
    }
    assert_eq!(scripts, 2);
}

fn assert_ids(tokens: &[Token]) {
    let ids: Vec<&str> = tags(tokens).map(|tag| attribute(tag, "id")).filter(|id| !id.is_empty()).collect();
    let unique: std::collections::HashSet<&&str> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
    for tag in tags(tokens) {
        let target =
            attribute(tag, "href").strip_prefix('#').or(tag.attributes.get("aria-labelledby").map(String::as_str));
        assert!(target.is_none_or(|target| ids.contains(&target)), "{tag:?} leads nowhere");
    }
}

/// Nothing is lost in what is summed up: lists add up to what they are opened from, tables to the image's own sums.
fn assert_sums(analysis: &Analysis, tokens: &[Token]) {
    let totals = &analysis.totals;
    assert_eq!(tree_sum(tokens, "final-list"), Some(totals.final_bytes).filter(|bytes| *bytes > 0));
    assert_eq!(tree_sum(tokens, "wasted-list"), Some(totals.wasted_bytes).filter(|bytes| *bytes > 0));
    assert_eq!(table_sum(tokens, "Table of the layers", 2), totals.stored_bytes);
    assert_eq!(table_sum(tokens, "Table of the layers", 3), totals.wasted_bytes);
    assert_eq!(table_sum(tokens, "Table of the pairs", 1), totals.wasted_bytes);
    assert_eq!(table_sum(tokens, "Table of the wasted copies", 1), totals.wasted_bytes);
    let needless: u64 = analysis.findings.iter().map(|found| found.bytes).sum();
    assert_eq!(table_sum(tokens, "Table of the findings", 1), needless);
}

fn value(tag: &Tag) -> u64 {
    attribute(tag, "value").parse().expect("a size")
}

/// Sums up a list, and checks each list within it against the line that opens it.
fn tree_sum(tokens: &[Token], id: &str) -> Option<u64> {
    let start = tokens.iter().position(|token| matches!(token, Token::Open(tag) if attribute(tag, "id") == id))?;
    // Of each open list: its sum so far, and what its last line holds.
    let mut open: Vec<(u64, u64)> = Vec::new();
    for token in &tokens[start..] {
        match token {
            Token::Open(tag) if tag.name == "ul" => open.push((0, 0)),
            Token::Open(tag) if tag.name == "data" => {
                let list = open.last_mut().expect("a size stands in a list");
                *list = (list.0 + value(tag), value(tag));
            }
            Token::Close(name) if name == "ul" => {
                let (sum, _) = open.pop().expect("open");
                match open.last() {
                    Some((_, line)) => assert_eq!(sum, *line, "a list within {id}"),
                    None => return Some(sum),
                }
            }
            _ => {}
        }
    }
    None
}

/// Sums up a column, from 1, of a table without its head; 0 where there is no such table.
fn table_sum(tokens: &[Token], label: &str, column: usize) -> u64 {
    let is_table = |token: &Token| matches!(token, Token::Open(tag) if attribute(tag, "aria-label") == label);
    let Some(start) = tokens.iter().position(is_table) else { return 0 };
    let (mut sum, mut at, mut is_body) = (0, 0, false);
    for token in &tokens[start..] {
        match token {
            Token::Open(tag) if tag.name == "tbody" => is_body = true,
            Token::Open(tag) if tag.name == "tr" => at = 0,
            Token::Open(tag) if tag.name == "td" => at += 1,
            Token::Open(tag) if tag.name == "data" && is_body && at == column => sum += value(tag),
            Token::Close(name) if name == "table" => break,
            _ => {}
        }
    }
    sum
}
