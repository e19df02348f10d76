//! `specifications/NAME-VERSION.gemspec`, as `RubyGems` writes it beside each installed gem.

use super::super::Parsed;
use super::super::bounds::{Bounds, lines, text};
use super::gemfile::literal;

/// One installed gem.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gem {
    /// The gem's name; empty where the file does not say it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `ruby`, or what its compiled parts are for: `x86_64-linux`.
    pub platform: String,
    /// The gems that it needs to run, each with the versions that will do (`["~> 1.0", ">= 1.0.2"]`).
    pub dependencies: Vec<(String, Vec<String>)>,
    /// Its commands.
    pub executables: Vec<String>,
}

/// Reads a gemspec that `RubyGems` wrote.
#[must_use]
pub fn gemspec(bytes: &[u8]) -> Parsed<Gem> {
    let (mut bounds, mut gem) = (Bounds::new(), Gem { platform: "ruby".to_owned(), ..Gem::default() });
    let mut is_for_old_versions = false;
    for line in lines(bytes) {
        // Authors and descriptions may be in any encoding.
        let Ok(line) = std::str::from_utf8(line).map(str::trim) else { continue };
        // Behind `else` everything is said again for RubyGems of 2006, which took all dependencies for runtime ones.
        is_for_old_versions |= line == "else";
        if !is_for_old_versions {
            set(&mut gem, line, &mut bounds);
        }
    }
    if gem.name.is_empty() || gem.version.is_empty() {
        bounds.skip();
    }
    bounds.finish(gem)
}

fn set(gem: &mut Gem, line: &str, bounds: &mut Bounds) {
    if let Some(stub) = line.strip_prefix("# stub: ").filter(|_| gem.name.is_empty()) {
        // NAME VERSION PLATFORM PATHS; a second such line has the extensions.
        let mut words = stub.split(' ').map(|word| text(word.as_bytes()).unwrap_or_default());
        if let (Some(name), Some(version), Some(platform)) = (words.next(), words.next(), words.next()) {
            (gem.name, gem.version, gem.platform) = (name, version, platform);
        }
        return;
    }
    let Some((field, value)) = line.split_once(['=', '(']) else { return };
    let string = || literal(value).map(|(string, _)| string.to_owned()).unwrap_or_default();
    match field.trim() {
        "s.name" if gem.name.is_empty() => gem.name = string(),
        "s.version" if gem.version.is_empty() => gem.version = string(),
        "s.executables" => gem.executables = literals(value, bounds),
        // RubyGems before and since 3.6.
        "s.add_runtime_dependency" | "s.add_dependency" => match literal(value) {
            Some((name, rest)) => {
                let dependency = (name.to_owned(), literals(rest, bounds));
                bounds.push(&mut gem.dependencies, dependency, name.len());
            }
            None => bounds.skip(),
        },
        _ => {}
    }
}

/// Returns all strings of a line.
fn literals(mut rest: &str, bounds: &mut Bounds) -> Vec<String> {
    let mut found = Vec::new();
    while let Some((string, after)) = literal(rest) {
        bounds.push(&mut found, string.to_owned(), string.len());
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From debug 1.4.0, shortened.
    const DEBUG: &str = r#"# -*- encoding: utf-8 -*-
# stub: debug 1.4.0 ruby lib
# stub: ext/debug/extconf.rb

Gem::Specification.new do |s|
  s.name = "debug".freeze
  s.version = "1.4.0"

  s.required_rubygems_version = Gem::Requirement.new(">= 0".freeze) if s.respond_to? :required_rubygems_version=
  s.executables = ["rdbg".freeze]
  s.description = "It says s.name = \"x\"".freeze
  if s.respond_to? :add_runtime_dependency then
    s.add_runtime_dependency(%q<irb>.freeze, [">= 1.3.6"])
    s.add_runtime_dependency(%q<reline>.freeze, ["~> 0.2".freeze, ">= 0.2.7".freeze])
    s.add_development_dependency(%q<rake>.freeze, [">= 0"])
  else
    s.add_dependency(%q<irb>.freeze, [">= 1.3.6"])
    s.add_dependency(%q<reline>.freeze, ["~> 0.2".freeze, ">= 0.2.7".freeze])
    s.add_dependency(%q<rake>.freeze, [">= 0"])
  end
end
"#;

    #[test]
    fn gemspecs_are_read() {
        let parsed = gemspec(DEBUG.as_bytes());
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let expected = Gem {
            name: "debug".to_owned(),
            version: "1.4.0".to_owned(),
            platform: "ruby".to_owned(),
            dependencies: vec![
                ("irb".to_owned(), texts(&[">= 1.3.6"])),
                ("reline".to_owned(), texts(&["~> 0.2", ">= 0.2.7"])),
            ],
            executables: texts(&["rdbg"]),
        };
        assert_eq!((parsed.content, parsed.skipped), (expected, 0));
    }

    #[test]
    fn without_its_first_line_the_fields_count() {
        let parsed =
            gemspec(b"Gem::Specification.new do |s|\n s.name = 'x'\n s.version = \"1\"\n s.add_dependency(y)\nend\xff");
        assert_eq!((parsed.content.name.as_str(), parsed.content.version.as_str(), parsed.skipped), ("x", "1", 1));
        assert_eq!(gemspec(b"puts 1\n").skipped, 1);
    }

    /// Gems for one platform say so in the stub.
    #[test]
    fn platforms_are_read() {
        let parsed = gemspec(b"# stub: nokogiri 1.16.0 x86_64-linux lib\n");
        assert_eq!((parsed.content.platform.as_str(), parsed.skipped), ("x86_64-linux", 0));
    }
}
