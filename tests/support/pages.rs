//! Images that a page has to stand: names that want to be markup, and more paths than a page can show.

use layerlens::gate::{Limits, Rule, Rules};

use super::image::{HistorySpec, ImageSpec};
use super::layer::{Kind, LayerSpec, Member, Metadata};

/// Names of one component each that mean something to a browser, a terminal or a reader, and bytes that are no text.
pub const HOSTILE_NAMES: [&[u8]; 12] = [
    b"<script>pwned=1",
    b"<img src=x onerror=pwned=1>",
    b"\"><svg onload=pwned=1>",
    b"' onmouseover='pwned=1",
    b"--><script>pwned=1",
    b"]]>&lt;&#60;",
    "line\u{2028}separator".as_bytes(),
    b"esc\x1b[31mred",
    "bidi\u{202e}gpj.exe".as_bytes(),
    b"no text \xff\xfe",
    b"`${pwned=1}`",
    b"javascript:pwned=1\n",
];

/// A step that would end the element it stands in.
pub const HOSTILE_STEP: &str =
    "/bin/sh -c echo '</code></td></script><script>pwned=1</script><img src=x onerror=pwned=1>' \"&amp;\"";

/// An image whose names, steps and tags are hostile; each file is large enough for fixes, and one is left over.
pub fn hostile() -> ImageSpec {
    let files = |mode| {
        let file = |(at, name): (usize, &&[u8])| {
            let content = vec![b'x'; 120_000 + at];
            Member::new([b"data/", *name].concat(), Kind::File(content), Metadata::with_mode(mode))
        };
        HOSTILE_NAMES.iter().enumerate().map(file).collect::<Vec<_>>()
    };
    let mut first = files(0o644);
    let left_over = [b"tmp/".as_slice(), HOSTILE_NAMES[1]].concat();
    first.push(Member::new(left_over, Kind::File(vec![b'y'; 300_000]), Metadata::with_mode(0o644)));
    let deleted = HOSTILE_NAMES[..4].iter().map(|name| Member::whiteout(&[b"data/", *name].concat())).collect();
    let layers = vec![LayerSpec::of(first), LayerSpec::of(files(0o755)), LayerSpec::of(deleted)];
    let history = (0..3).map(|_| HistorySpec::step(HOSTILE_STEP)).collect();
    ImageSpec { layers, history, tags: vec!["<b onclick=pwned=1>\"'&:latest".to_owned()] }
}

/// How many folders [`large`] has below the top, each with as many folders of three files.
pub const LARGE_FOLDERS: usize = 120;

/// An image of many folders, whose files a second layer stores again with other bytes; their names grow when escaped.
pub fn large() -> ImageSpec {
    let layer = |content: &[u8]| {
        let mut members = Vec::new();
        for top in 0..LARGE_FOLDERS {
            for middle in 0..LARGE_FOLDERS {
                for file in 0..3 {
                    let name = format!("{top}\"\"\"\"\"\"\"\"\"\"\"\"/folder-{middle}''''''''''/file <{file}>&&&&");
                    let size = content.len() + file + middle % 7;
                    let content = content.iter().copied().cycle().take(size).collect();
                    members.push(Member::new(name, Kind::File(content), Metadata::with_mode(0o644)));
                }
            }
        }
        LayerSpec::of(members)
    };
    let mut image = ImageSpec::of(vec![layer(b"0123456789"), layer(b"abcdefghij")]);
    // Many steps without a layer, each of them long.
    image.history.extend((0..2000).map(|_| HistorySpec::config_step(&format!("LABEL {}", "<>\"'&".repeat(500)))));
    image
}

/// Rules that fail beyond these limits.
pub fn rules(limits: &[(&str, &str)]) -> Rules {
    let limits = limits.iter().map(|(name, limit)| {
        let rule = Rule::named(name).unwrap_or_else(|| panic!("no rule {name}"));
        let fail = rule.parse(limit).unwrap_or_else(|error| panic!("{limit}: {error}"));
        (rule, Limits { warn: None, fail: Some(fail) })
    });
    Rules { limits: limits.collect(), ..Rules::default() }
}
