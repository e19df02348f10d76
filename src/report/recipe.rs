//! The Dockerfile that an image was built from: which of its lines made which layer.
//!
//! Its instructions are held against the history: those that say the same are anchors, in order; between two anchors the
//! instructions that make layers are matched by their kind, where there are as many as steps. A stage that is built on
//! another one brings that one's instructions along; of several stages that one counts which says most of the history.
//! Whatever does not fit has no lines: better no place than a wrong one.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::analysis::Analysis;
use crate::archive::history::{self, Step};
use crate::escape::escape;
use crate::layer::entry::LayerNumber;

/// A Dockerfile, as far as it matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipe {
    name: String,
    instructions: Vec<Instruction>,
}

/// Lines of the file, from 1; both belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lines {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Instruction {
    /// In capitals.
    name: String,
    /// What follows it: without flags, with single spaces.
    text: String,
    lines: Lines,
}

/// No Dockerfile of people is as large.
const MOST_BYTES: u64 = 4 << 20;

impl Recipe {
    /// Reads the file.
    ///
    /// # Errors
    /// Where it cannot be read, is no text, or larger than a Dockerfile can be.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut text = String::new();
        let length = File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
        if length as u64 > MOST_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too large for a Dockerfile"));
        }
        let name = in_repository(path).unwrap_or_else(|| path.to_owned());
        Ok(Recipe::parse(&name.to_string_lossy(), &text))
    }

    /// Understands the text of a Dockerfile; `name` is where it lies.
    #[must_use]
    pub fn parse(name: &str, text: &str) -> Self {
        Recipe { name: name.to_owned(), instructions: instructions(text) }
    }

    /// Returns where the file lies: from the repository's root, because that is what code is shown from; outside of a
    /// repository as the user said it. Not escaped.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the lines of the steps that made these layers, as far as they are known, in the order of the layers.
    #[must_use]
    pub fn lines_of(&self, analysis: &Analysis, layers: &[LayerNumber]) -> Vec<Lines> {
        let known = self.lines_by_layer(analysis);
        layers.iter().filter_map(|layer| known.get(&layer.get()).copied()).collect()
    }

    /// Returns the lines of every layer that they are known of.
    #[must_use]
    pub fn lines_by_layer(&self, analysis: &Analysis) -> HashMap<u32, Lines> {
        let steps = history::steps(&analysis.spec.history);
        let steps: Vec<(&Step, Option<u32>)> =
            steps.iter().zip(&analysis.spec.history).map(|(step, line)| (step, line.layer)).collect();
        let base = analysis.base.layer_count;
        let is_base = |(_, layer): &(&Step, Option<u32>)| layer.is_some_and(|layer| layer <= base);
        let own = &steps[steps.iter().rposition(is_base).map_or(0, |last| last + 1)..];
        let chains = self.chains();
        let best = chains.iter().map(|chain| (anchors(chain, own), chain)).max_by_key(|(anchors, _)| anchors.len());
        let Some((anchors, chain)) = best.filter(|(anchors, _)| !anchors.is_empty()) else {
            return HashMap::new();
        };
        let pairs = with_gaps(chain, own, &anchors);
        pairs.into_iter().filter_map(|(at, step)| Some((own[step].1?, chain[at].lines))).collect()
    }

    /// Returns the instructions of each stage, those of the stages that it is built on first.
    fn chains(&self) -> Vec<Vec<&Instruction>> {
        let mut chains: Vec<Vec<&Instruction>> = Vec::new();
        let mut names: HashMap<String, usize> = HashMap::new();
        for instruction in &self.instructions {
            if instruction.name != "FROM" {
                if let Some(chain) = chains.last_mut() {
                    chain.push(instruction);
                }
                continue;
            }
            let words: Vec<&str> = instruction.text.split(' ').collect();
            let below = words.first().and_then(|base| names.get(&base.to_lowercase()));
            let inherited = below.map_or_else(Vec::new, |stage| chains[*stage].clone());
            names.insert(chains.len().to_string(), chains.len());
            if let [_, word, name, ..] = words[..]
                && word.eq_ignore_ascii_case("as")
            {
                names.insert(name.to_lowercase(), chains.len());
            }
            chains.push(inherited);
        }
        chains
    }
}

/// Returns the file's path from the folder that holds `.git`.
fn in_repository(path: &Path) -> Option<PathBuf> {
    let whole = path.canonicalize().ok()?;
    let root = whole.ancestors().skip(1).find(|folder| folder.join(".git").exists())?;
    whole.strip_prefix(root).ok().map(Path::to_owned)
}

/// Pairs of places, in the instructions and in the steps.
type Pairs = Vec<(usize, usize)>;

/// Beyond this nothing is looked for: it would take time for no people's file.
const MOST_PAIRS: usize = 4_000_000;

/// Returns the longest sequence of instructions and steps that say the same.
fn anchors(chain: &[&Instruction], steps: &[(&Step, Option<u32>)]) -> Pairs {
    let (rows, columns) = (chain.len(), steps.len());
    if rows.saturating_mul(columns) > MOST_PAIRS {
        return Vec::new();
    }
    let same: Vec<bool> =
        chain.iter().flat_map(|instruction| steps.iter().map(|(step, _)| instruction.is(step))).collect();
    let mut best = vec![vec![0u32; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            best[row][column] = if same[row * columns + column] {
                best[row + 1][column + 1] + 1
            } else {
                best[row + 1][column].max(best[row][column + 1])
            };
        }
    }
    let (mut row, mut column, mut pairs) = (0, 0, Vec::new());
    while row < rows && column < columns {
        if same[row * columns + column] {
            pairs.push((row, column));
            (row, column) = (row + 1, column + 1);
        } else if best[row + 1][column] >= best[row][column + 1] {
            row += 1;
        } else {
            column += 1;
        }
    }
    pairs
}

/// Adds what stands between anchors, where instructions and steps are of the same kinds one by one.
fn with_gaps(chain: &[&Instruction], steps: &[(&Step, Option<u32>)], anchors: &Pairs) -> Pairs {
    let mut pairs = anchors.clone();
    let starts = std::iter::once((0, 0)).chain(anchors.iter().map(|(row, column)| (row + 1, column + 1)));
    let ends = anchors.iter().copied().chain([(chain.len(), steps.len())]);
    for ((row, column), (row_end, column_end)) in starts.zip(ends) {
        let makes_layer = |name: &str| matches!(name, "RUN" | "COPY" | "ADD");
        let rows: Vec<usize> = (row..row_end).filter(|row| makes_layer(&chain[*row].name)).collect();
        let columns: Vec<usize> =
            (column..column_end).filter(|column| makes_layer(&steps[*column].0.instruction)).collect();
        let kinds = |row: &usize, column: &usize| chain[*row].name == steps[*column].0.instruction;
        if rows.len() == columns.len() && rows.iter().zip(&columns).all(|(row, column)| kinds(row, column)) {
            pairs.extend(rows.into_iter().zip(columns));
        }
    }
    pairs
}

impl Instruction {
    /// Says whether the step is this instruction, by what both say.
    fn is(&self, step: &Step) -> bool {
        if self.name != step.instruction {
            return false;
        }
        let said = plain(&step.command);
        if said == self.text {
            return true;
        }
        // The classic builder records the hash of what is copied, and where to.
        let target = |text: &str| text.rsplit(' ').next().map(|word| word.trim_end_matches('/').to_owned());
        let is_hashed = ["file:", "dir:", "multi:"].iter().any(|kind| said.starts_with(kind)) && said.contains(" in ");
        matches!(self.name.as_str(), "COPY" | "ADD") && is_hashed && target(&said) == target(&self.text)
    }
}

/// Brings what follows an instruction into one form: no flags, single spaces, the exec form as its words.
fn plain(text: &str) -> String {
    let words = text.split_whitespace().skip_while(|word| word.starts_with("--"));
    let text = words.collect::<Vec<_>>().join(" ");
    match serde_json::from_str::<Vec<String>>(&text) {
        Ok(words) => words.join(" ").split_whitespace().collect::<Vec<_>>().join(" "),
        Err(_) => text,
    }
}

/// Splits the text into its instructions: comments, continued lines and heredocs are understood.
fn instructions(text: &str) -> Vec<Instruction> {
    let mark = escape_mark(text);
    let mut lines = (1u32..).zip(text.lines().map(|line| line.strip_suffix('\r').unwrap_or(line)));
    let mut found = Vec::new();
    while let Some((first, line)) = lines.next() {
        if is_comment(line) || line.trim().is_empty() {
            continue;
        }
        let (mut last, mut whole) = (first, String::new());
        let mut current = line.to_owned();
        loop {
            let trimmed = current.trim_end();
            let Some(open) = trimmed.strip_suffix(mark) else {
                whole.push_str(trimmed);
                break;
            };
            whole.push_str(open);
            whole.push(' ');
            // Comments and empty lines within an instruction are no end of it.
            let next = lines.by_ref().find(|(_, line)| !is_comment(line) && !line.trim().is_empty());
            let Some((number, line)) = next else { break };
            (last, current) = (number, line.to_owned());
        }
        let (name, rest) = whole.trim().split_once(char::is_whitespace).unwrap_or((whole.trim(), ""));
        let name = name.to_uppercase();
        let mut rest = rest.to_owned();
        for (delimiter, strips_tabs) in heredocs(&name, &rest.clone()) {
            let is_whole = plain(&rest).split(' ').count() == 1;
            let mut body = String::new();
            for (number, line) in lines.by_ref() {
                last = number;
                let line = if strips_tabs { line.trim_start_matches('\t') } else { line };
                if line == delimiter {
                    break;
                }
                body.push_str(line);
                body.push('\n');
            }
            // A heredoc that is all of a RUN is the script itself; otherwise the shell gets it as it stands.
            rest = if is_whole { body } else { format!("{rest}\n{body}{delimiter}") };
        }
        found.push(Instruction { name, text: plain(&rest), lines: Lines { first, last } });
    }
    found
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// Returns the character that continues lines: a backslash, unless a directive at the top says otherwise.
fn escape_mark(text: &str) -> char {
    let directives = text.lines().map_while(|line| line.trim().strip_prefix('#'));
    let said = directives.filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim() == "escape");
    said.and_then(|(_, value)| value.trim().chars().next()).unwrap_or('\\')
}

/// Returns the ends of the heredocs that a line begins, and whether tabs before their lines vanish.
fn heredocs(name: &str, line: &str) -> Vec<(String, bool)> {
    if !matches!(name, "RUN" | "COPY" | "ADD") {
        return Vec::new();
    }
    let starts = line.split_whitespace().filter_map(|word| {
        let at = word.find("<<")?;
        // Digits before it are a file descriptor.
        word[..at].bytes().all(|byte| byte.is_ascii_digit()).then(|| &word[at + 2..])
    });
    let ends = starts.filter_map(|word| {
        let (word, strips_tabs) = word.strip_prefix('-').map_or((word, false), |word| (word, true));
        let word = word.trim_matches(['"', '\'']);
        let is_name = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
        is_name.then(|| (word.to_owned(), strips_tabs))
    });
    ends.collect()
}

/// Returns the place that a report names: the file, escaped.
pub(super) fn place(recipe: &Recipe) -> String {
    escape(recipe.name().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(recipe: &Recipe) -> Vec<(&str, &str, u32, u32)> {
        let each = |one: &'_ Instruction| (one.lines.first, one.lines.last);
        let all = recipe.instructions.iter();
        all.map(|one| (one.name.as_str(), one.text.as_str(), each(one).0, each(one).1)).collect()
    }

    #[test]
    fn instructions_and_their_lines() {
        let text = "# syntax=docker/dockerfile:1\nFROM a AS b\n\nrun --mount=type=cache,target=/c \\\n  # why\n  make \\\n\n  \
                    && x\nRUN <<EOF\n  echo a\necho b\nEOF\nCOPY --chown=1 <<x <<-y /d/\none\nx\n\ttwo\n\ty\nCMD [\"a\", \"b\"]\n";
        assert_eq!(
            lines(&Recipe::parse("Dockerfile", text)),
            [
                ("FROM", "a AS b", 2, 2),
                ("RUN", "make && x", 4, 8),
                ("RUN", "echo a echo b", 9, 12),
                ("COPY", "<<x <<-y /d/ one x two y", 13, 17),
                ("CMD", "a b", 18, 18),
            ]
        );
        let windows = "# escape=`\r\nFROM a\r\nRUN x `\r\n  y\r\n";
        assert_eq!(lines(&Recipe::parse("Dockerfile", windows))[1], ("RUN", "x y", 3, 4));
        assert_eq!(lines(&Recipe::parse("Dockerfile", "")), []);
        assert_eq!(lines(&Recipe::parse("Dockerfile", "RUN a \\"))[0], ("RUN", "a", 1, 1));
    }

    #[test]
    fn files_are_named_from_the_repositorys_root() {
        let top = tempfile::tempdir().expect("a folder");
        let folder = top.path().join("repo/build");
        std::fs::create_dir_all(&folder).expect("folders");
        let file = folder.join("../build/Dockerfile");
        std::fs::write(&file, "FROM a\n").expect("a file");
        let name = || Recipe::read(&file).expect("readable").name().to_owned();
        assert_eq!(name(), file.to_string_lossy(), "outside of a repository as it was said");
        std::fs::create_dir(top.path().join("repo/.git")).expect("a repository");
        assert_eq!(name(), "build/Dockerfile");
    }

    #[test]
    fn steps_find_their_instructions() {
        let recipe = Recipe::parse(
            "Dockerfile",
            "FROM x AS one\nRUN a\nFROM one AS two\nCOPY $SRC /d\nRUN b\nFROM scratch\nRUN other\n",
        );
        let step = |instruction: &str, command: &str| Step {
            instruction: instruction.to_owned(),
            command: command.to_owned(),
            ..Step::default()
        };
        let steps = [step("RUN", "a"), step("COPY", "src /d"), step("RUN", "b")];
        let steps: Vec<(&Step, Option<u32>)> = steps.iter().zip(1..).map(|(step, at)| (step, Some(at))).collect();
        let chains = recipe.chains();
        assert_eq!(chains.iter().map(Vec::len).collect::<Vec<_>>(), [1, 3, 1]);
        let found = anchors(&chains[1], &steps);
        assert_eq!(found, [(0, 0), (2, 2)]);
        assert_eq!(with_gaps(&chains[1], &steps, &found), [(0, 0), (2, 2), (1, 1)]);
        let classic = step("COPY", "file:0a1b in /d/ ");
        assert!(chains[1][1].is(&classic));
        assert!(!chains[1][1].is(&step("COPY", "file:0a1b in /e")));
    }
}
