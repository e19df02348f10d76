//! `Gemfile`: which gems a program asks for, and in which groups.
//!
//! See [the manual](https://bundler.io/man/gemfile.5.html).

use super::super::Parsed;
use super::super::bounds::{Bounds, lines};

/// One gem that a program asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The gem's name.
    pub name: String,
    /// Its groups, in the order of the file; none is the default group, which is always installed.
    pub groups: Vec<String>,
}

/// Reads a `Gemfile`; a call of `gem` that is not understood (its name is computed) is skipped.
#[must_use]
pub fn gemfile(bytes: &[u8]) -> Parsed<Vec<Wanted>> {
    let (mut bounds, mut found) = (Bounds::new(), Vec::new());
    let mut blocks: Vec<Vec<String>> = Vec::new();
    for statement in statements(bytes, &mut bounds) {
        let (word, rest) = split_word(&statement);
        match word {
            "gem" => match wanted(rest, &blocks).filter(|_| !bounds.is_full()) {
                Some(wanted) => {
                    let groups: usize = wanted.groups.iter().map(|name| size_of::<String>() + name.len()).sum();
                    bounds.push(&mut found, wanted, statement.len() + groups);
                }
                None => bounds.skip(),
            },
            "end" => drop(blocks.pop()),
            _ if opens_block(word, &statement) && blocks.len() < MOST_BLOCKS => {
                blocks.push(if word == "group" { names(rest) } else { Vec::new() });
            }
            _ => {}
        }
    }
    bounds.finish(found)
}

/// Each gem carries the groups of all blocks around it.
const MOST_BLOCKS: usize = 32;
const MOST_GROUPS: usize = 32;
const MOST_NAME_BYTES: usize = 200;
/// A statement goes on behind a comma.
const MOST_STATEMENT_BYTES: usize = 16 << 10;

/// The statements, without comments; those over several lines as one.
fn statements(bytes: &[u8], bounds: &mut Bounds) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), String::new());
    for line in lines(bytes) {
        let Ok(line) = std::str::from_utf8(line) else {
            bounds.skip();
            continue;
        };
        let line = without_comment(line).trim();
        if line.is_empty() {
            continue;
        }
        if !open.is_empty() {
            open.push(' ');
        }
        open.push_str(line);
        if !line.ends_with([',', '\\']) || open.len() > MOST_STATEMENT_BYTES {
            let bytes = open.len();
            bounds.push(&mut found, std::mem::take(&mut open), bytes);
        }
    }
    found.push(open);
    found
}

fn without_comment(line: &str) -> &str {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match quote {
            Some(open) if open == c => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '#' => return &line[..at],
            _ => {}
        }
    }
    line
}

fn split_word(statement: &str) -> (&str, &str) {
    let end = statement.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(statement.len());
    statement.split_at(end)
}

/// Says whether an `end` belongs to a statement.
fn opens_block(word: &str, statement: &str) -> bool {
    let last = statement.split_once(" do").map(|(_, rest)| rest.trim());
    let has_do = last.is_some_and(|rest| rest.is_empty() || (rest.starts_with('|') && rest.ends_with('|')));
    has_do || ["if", "unless", "case", "begin", "def", "while", "until", "for"].contains(&word)
}

fn wanted(arguments: &str, blocks: &[Vec<String>]) -> Option<Wanted> {
    // `gem(` and `gem "x"` are calls, `gem_home = …` is not and does not come here.
    let (name, options) =
        literal(arguments).filter(|_| arguments.trim_start_matches(['(', ' ']).starts_with(['"', '\'', '%']))?;
    let mut groups: Vec<String> = blocks.iter().flatten().take(MOST_GROUPS).cloned().collect();
    for key in ["group: ", "groups: ", ":group => ", ":groups => ", "group:", "groups:", ":group=>", ":groups=>"] {
        if let Some((_, value)) = options.split_once(key) {
            groups.extend(names(first_value(value)));
            break;
        }
    }
    groups.truncate(MOST_GROUPS);
    Some(Wanted { name: name.to_owned(), groups })
}

/// A list in brackets, or what stands before the next comma.
fn first_value(text: &str) -> &str {
    let text = text.trim_start();
    let end = if text.starts_with(['[', '%']) { text.find([']', ')']) } else { text.find(',') };
    &text[..end.unwrap_or(text.len())]
}

/// The symbols and strings in `:development, "test" do`, `[:a, :b]`, `%i[a b]`.
fn names(text: &str) -> Vec<String> {
    let text = text.trim().trim_end_matches(" do");
    let is_list = text.starts_with('%');
    let words = text.split(|c: char| !c.is_alphanumeric() && !"_:\"'-".contains(c));
    let words = words.filter(|word| is_list || word.starts_with([':', '"', '\'']));
    let words = words.map(|word| word.trim_matches([':', '"', '\''])).filter(|word| !word.is_empty());
    // `%i[`: the letter is no name.
    let names = words.skip(usize::from(is_list)).filter(|name| name.len() <= MOST_NAME_BYTES);
    names.take(MOST_GROUPS).map(str::to_owned).collect()
}

/// Returns the first string of a line, `"…"`, `'…'` or `%q<…>`, and what follows it.
pub(super) fn literal(text: &str) -> Option<(&str, &str)> {
    let start = text.find(['"', '\'', '%'])?;
    let rest = &text[start..];
    let (open, close) = match &rest[..1] {
        "\"" => (1, '"'),
        "'" => (1, '\''),
        _ if rest.starts_with("%q<") => (3, '>'),
        _ => return None,
    };
    let (string, after) = rest[open..].split_once(close)?;
    // An escape or an interpolation is a string that is not known.
    let is_known = !string.is_empty() && !string.contains(['\\', '#']);
    is_known.then_some((string, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (Vec<String>, u32) {
        let parsed = gemfile(text.as_bytes());
        let word = |wanted: &Wanted| format!("{} {}", wanted.name, wanted.groups.join(",")).trim().to_owned();
        (parsed.content.iter().map(word).collect(), parsed.skipped)
    }

    /// As Rails 7 makes it, with the other spellings added.
    #[test]
    fn groups_of_gems_are_found() {
        let text = r##"source "https://rubygems.org"
ruby "3.2.2"
gemspec
# gem "commented"
gem "rails", "~> 7.1.2" # "quoted" comment
gem 'pg', '>= 1.1',
  require: false
gem("puma")
gem "tzinfo-data", platforms: %i[ windows jruby ]

group :development, "test" do
  # gems
  gem "debug", platforms: %i[ mri windows ]
  if ENV["X"]
    gem "inner"
  end
  platforms :ruby do
    gem "byebug"
  end
end

gem "web-console", group: :development
gem "a", :groups => [:test, :ci], require: false
gem "b", groups: %i[x y]
gem "c" if RUBY_VERSION < "3"
git "https://host/x.git" do
  gem "from-git"
end
path("engines") { gem "ignored" }
gem name
gem "#{prefix}-x"
gem_group = 1
gem "last"
"##;
        let expected = [
            "rails",
            "pg",
            "puma",
            "tzinfo-data",
            "debug development,test",
            "inner development,test",
            "byebug development,test",
            "web-console development",
            "a test,ci",
            "b x,y",
            "c",
            "from-git",
            "last",
        ];
        assert_eq!(found(text), (expected.map(str::to_owned).to_vec(), 2));
    }

    #[test]
    fn unbalanced_blocks_end() {
        assert_eq!(found("end\nend\ngem 'x'\ngroup :a do\ngem 'y'\n"), (vec!["x".to_owned(), "y a".to_owned()], 0));
        let text = "group :a do\n".repeat(10_000) + "gem 'x'\n";
        assert_eq!(gemfile(text.as_bytes()).content[0].groups.len(), MOST_BLOCKS);
    }

    /// Each gem carries the names of its groups: a long one would be there a hundred thousand times.
    #[test]
    fn groups_cannot_be_multiplied() {
        let text = format!("group :{} do\n{}", "x".repeat(1 << 20), "gem 'x'\n".repeat(100_000));
        let parsed = gemfile(text.as_bytes());
        assert_eq!((parsed.content.len(), parsed.content[0].groups.len()), (100_000, 0));
    }
}
