//! `Gemfile.lock`: the versions that Bundler chose, and what each gem needs.

use super::super::Parsed;
use super::super::bounds::{Bounds, lines};

/// What `Gemfile.lock` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock {
    /// All gems, in the order of the file; one for several platforms is there several times.
    pub gems: Vec<Locked>,
    /// `DEPENDENCIES`: the gems that the `Gemfile` asks for.
    pub wanted: Vec<String>,
}

/// One gem of `Gemfile.lock`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Locked {
    /// The gem's name.
    pub name: String,
    /// Its version; with the platform where it is made for one: `1.16.0-x86_64-linux`.
    pub version: String,
    /// The names of the gems that it needs.
    pub dependencies: Vec<String>,
}

/// Which part of the file a line belongs to.
#[derive(Clone, Copy, PartialEq)]
enum Section {
    /// `GEM`, `GIT`, `PATH`, `PLUGIN SOURCE`: with `specs:`.
    Source,
    Dependencies,
    Other,
}

/// Reads `Gemfile.lock`.
#[must_use]
pub fn lock(bytes: &[u8]) -> Parsed<Lock> {
    let (mut bounds, mut found) = (Bounds::new(), Lock::default());
    let mut section = Section::Other;
    for line in lines(bytes) {
        let Ok(line) = std::str::from_utf8(line) else {
            bounds.skip();
            continue;
        };
        let content = line.trim_start_matches(' ');
        match (section, line.len() - content.len()) {
            (_, 0) => {
                section = match content {
                    "GEM" | "GIT" | "PATH" | "PLUGIN SOURCE" => Section::Source,
                    "DEPENDENCIES" => Section::Dependencies,
                    _ => Section::Other,
                };
            }
            (Section::Dependencies, 2) => add_name(&mut found.wanted, content, &mut bounds),
            (Section::Source, 4) => add_gem(&mut found.gems, content, &mut bounds),
            (Section::Source, 6) => match found.gems.last_mut() {
                Some(gem) => add_name(&mut gem.dependencies, content, &mut bounds),
                None => bounds.skip(),
            },
            // `remote:`, `revision:`, `specs:`; other sections.
            (Section::Source, 2) | (Section::Other, _) => {}
            _ => bounds.skip(),
        }
    }
    bounds.finish(found)
}

/// Adds the name of `name (constraint)`, `name!` or `name`.
fn add_name(list: &mut Vec<String>, content: &str, bounds: &mut Bounds) {
    let name = content.split(' ').next().unwrap_or_default().trim_end_matches('!');
    if name.is_empty() {
        bounds.skip();
    } else {
        bounds.push(list, name.to_owned(), name.len());
    }
}

/// Adds `name (version)`.
fn add_gem(list: &mut Vec<Locked>, content: &str, bounds: &mut Bounds) {
    let parts = content.split_once(" (").and_then(|(name, rest)| Some((name, rest.strip_suffix(')')?)));
    match parts.filter(|(name, version)| !name.is_empty() && !version.is_empty()) {
        Some((name, version)) => {
            let gem = Locked { name: name.to_owned(), version: version.to_owned(), dependencies: Vec::new() };
            bounds.push(list, gem, content.len());
        }
        None => bounds.skip(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_read() {
        let text = "GIT\n  remote: https://host/x.git\n  revision: 0123\n  specs:\n    from-git (0.1.0)\n\n\
                    GEM\n  remote: https://rubygems.org/\n  specs:\n    nokogiri (1.16.0-x86_64-linux)\n      racc (~> 1.4)\n\
                    \x20   racc (1.7.3)\n    rack-test (2.1.0)\n      rack (>= 1.3)\n\nPLATFORMS\n  x86_64-linux\n\n\
                    DEPENDENCIES\n  from-git!\n  nokogiri (~> 1.16)\n  rack-test\n\nRUBY VERSION\n   ruby 3.2.2p53\n\n\
                    BUNDLED WITH\n   2.4.10\n";
        let parsed = lock(text.as_bytes());
        assert_eq!(parsed.skipped, 0);
        let word =
            |gem: &Locked| format!("{} {} {}", gem.name, gem.version, gem.dependencies.join(",")).trim().to_owned();
        let gems: Vec<String> = parsed.content.gems.iter().map(word).collect();
        assert_eq!(gems, ["from-git 0.1.0", "nokogiri 1.16.0-x86_64-linux racc", "racc 1.7.3", "rack-test 2.1.0 rack"]);
        assert_eq!(parsed.content.wanted, ["from-git", "nokogiri", "rack-test"]);
    }

    #[test]
    fn bad_lines_are_counted() {
        let parsed = lock(b"GEM\n      a\n    b\n    c (1)\n     d\n\xff\nDEPENDENCIES\n  !\n   x\n");
        assert_eq!((parsed.content.gems.len(), parsed.content.wanted.len(), parsed.skipped), (1, 0, 6));
    }
}
