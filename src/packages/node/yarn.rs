//! `yarn.lock`, of Yarn 1 and of later versions (a part of YAML): both are blocks of indented lines.

use super::super::Parsed;
use super::super::bounds::{Bounds, lines};
use super::Ranges;

/// One package of `yarn.lock`. Where it is installed, and for whom, the file does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Locked {
    /// What asks for it: names with ranges, `a@^1.0.0` or `a@npm:^1.0.0`.
    pub requests: Vec<String>,
    /// Its name: that of its first request.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it needs.
    pub dependencies: Ranges,
    /// What it can run without; only Yarn 1 lists them apart.
    pub optional_dependencies: Ranges,
}

/// Reads `yarn.lock`.
#[must_use]
pub fn yarn_lock(bytes: &[u8]) -> Parsed<Vec<Locked>> {
    let (mut bounds, mut found) = (Bounds::new(), Vec::new());
    let mut block: Option<Block> = None;
    for line in lines(bytes) {
        let Ok(line) = std::str::from_utf8(line) else {
            bounds.skip();
            continue;
        };
        let content = line.trim_start_matches(' ');
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if content.len() == line.len() {
            finish(block.take(), &mut found, &mut bounds);
            block = Some(Block::new(content, &mut bounds));
        } else if let Some(block) = &mut block {
            block.set(line.len() - content.len(), content, &mut bounds);
        } else {
            bounds.skip();
        }
    }
    finish(block, &mut found, &mut bounds);
    bounds.finish(found)
}

fn finish(block: Option<Block>, found: &mut Vec<Locked>, bounds: &mut Bounds) {
    match block {
        // `__metadata` of later versions.
        None | Some(Block { is_metadata: true, .. }) => {}
        Some(Block { locked, .. }) if !locked.name.is_empty() && !locked.version.is_empty() => {
            bounds.push(found, locked, 0);
        }
        Some(_) => bounds.skip(),
    }
}

#[derive(Default)]
struct Block {
    locked: Locked,
    is_metadata: bool,
    section: Section,
}

/// What the lines with the deeper indentation belong to.
#[derive(Default)]
enum Section {
    #[default]
    Other,
    Dependencies,
    OptionalDependencies,
}

impl Block {
    /// Starts with `a@^1, "b@>=2 <3":`, or all of them between one pair of quotes.
    fn new(line: &str, bounds: &mut Bounds) -> Self {
        let mut block = Block { is_metadata: line == "__metadata:", ..Block::default() };
        let requests = line.strip_suffix(':').unwrap_or(line).split(',').map(unquote);
        for request in requests.filter(|request| !request.is_empty()) {
            bounds.push(&mut block.locked.requests, request.to_owned(), request.len());
        }
        block.locked.name =
            block.locked.requests.first().map(|request| name_of(request)).unwrap_or_default().to_owned();
        block
    }

    fn set(&mut self, indent: usize, content: &str, bounds: &mut Bounds) {
        let locked = &mut self.locked;
        let Some((key, value)) = pair(content) else {
            // Lists of later versions.
            if !content.starts_with("- ") {
                bounds.skip();
            }
            return;
        };
        if indent <= 2 {
            self.section = match key {
                "dependencies" => Section::Dependencies,
                "optionalDependencies" => Section::OptionalDependencies,
                _ => Section::Other,
            };
            if key == "version" {
                value.clone_into(&mut locked.version);
            }
            return;
        }
        let list = match self.section {
            Section::Dependencies => &mut locked.dependencies,
            Section::OptionalDependencies => &mut locked.optional_dependencies,
            Section::Other => return,
        };
        bounds.push(list, (key.to_owned(), value.to_owned()), content.len());
    }
}

/// Splits `key value`, `key: value` or `key:`; either may stand in quotes.
fn pair(content: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = content.strip_prefix('"') {
        let (key, rest) = quoted.split_once('"')?;
        return Some((key, unquote(rest.strip_prefix(':').unwrap_or(rest))));
    }
    let end = content.find([' ', ':']).filter(|end| *end > 0)?;
    let rest = &content[end..];
    Some((&content[..end], unquote(rest.strip_prefix(':').unwrap_or(rest))))
}

fn unquote(text: &str) -> &str {
    text.trim().trim_matches('"')
}

/// The name in `@scope/name@range`.
fn name_of(request: &str) -> &str {
    let from = usize::from(request.starts_with('@'));
    request[from..].find('@').map_or(request, |at| &request[..from + at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(list: &[(&str, &str)]) -> Ranges {
        list.iter().map(|(name, range)| ((*name).to_owned(), (*range).to_owned())).collect()
    }

    #[test]
    fn yarn_1_is_read() {
        let parsed = yarn_lock(
            br#"# THIS IS AN AUTOGENERATED FILE. DO NOT EDIT THIS FILE DIRECTLY.
# yarn lockfile v1


"@babel/code-frame@^7.0.0", "@babel/code-frame@^7.12.13":
  version "7.12.13"
  resolved "https://registry.yarnpkg.com/@babel/code-frame/-/code-frame-7.12.13.tgz#dcfc"
  integrity sha512-HV1Cm0Q3ZrpCR93tkWOYiuYIgLxZXZFVG2VgK+MBWjUqZTundupbfx2aXarXuw5Ko5aMcjtJgbSs4vUGBS5v6g==
  dependencies:
    "@babel/highlight" "^7.12.13"

chokidar@^3.4.2:
  version "3.5.1"
  dependencies:
    anymatch "~3.1.1"
    glob-parent "~5.1.0 || 6"
  optionalDependencies:
    fsevents "~2.3.1"
"#,
        );
        assert_eq!((parsed.content.len(), parsed.skipped), (2, 0));
        let [babel, chokidar] = &parsed.content[..] else { panic!("two packages") };
        assert_eq!((babel.name.as_str(), babel.version.as_str()), ("@babel/code-frame", "7.12.13"));
        assert_eq!(babel.requests, ["@babel/code-frame@^7.0.0", "@babel/code-frame@^7.12.13"]);
        assert_eq!(babel.dependencies, ranges(&[("@babel/highlight", "^7.12.13")]));
        assert_eq!(chokidar.dependencies, ranges(&[("anymatch", "~3.1.1"), ("glob-parent", "~5.1.0 || 6")]));
        assert_eq!(chokidar.optional_dependencies, ranges(&[("fsevents", "~2.3.1")]));
    }

    #[test]
    fn later_versions_are_read() {
        let parsed = yarn_lock(
            br#"__metadata:
  version: 8
  cacheKey: 10c0

"@isaacs/cliui@npm:^8.0.2, @isaacs/cliui@npm:^8":
  version: 8.0.2
  resolution: "@isaacs/cliui@npm:8.0.2"
  dependencies:
    string-width: "npm:^5.1.2"
    "string-width-cjs": "npm:string-width@^4.2.0"
  conditions: (os=darwin | os=linux) & cpu=x64
  checksum: 10c0/b1bf42
  languageName: node
  linkType: hard

"app@workspace:.":
  version: 0.0.0-use.local
"#,
        );
        assert_eq!((parsed.content.len(), parsed.skipped), (2, 0));
        let [cliui, app] = &parsed.content[..] else { panic!("two packages") };
        assert_eq!((cliui.name.as_str(), cliui.version.as_str()), ("@isaacs/cliui", "8.0.2"));
        assert_eq!(cliui.requests, ["@isaacs/cliui@npm:^8.0.2", "@isaacs/cliui@npm:^8"]);
        let expected = ranges(&[("string-width", "npm:^5.1.2"), ("string-width-cjs", "npm:string-width@^4.2.0")]);
        assert_eq!(cliui.dependencies, expected);
        assert_eq!((app.name.as_str(), app.version.as_str()), ("app", "0.0.0-use.local"));
    }

    #[test]
    fn bad_blocks_are_counted() {
        let parsed = yarn_lock(b"  version \"1\"\n\na@1:\n\nb@1:\n  version \"1\"\n  :\n\xff\n");
        assert_eq!((parsed.content.len(), parsed.skipped), (1, 4));
    }
}
