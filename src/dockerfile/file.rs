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

use super::ignore::Context;
use super::instructions::{Instruction, Lines, escape_mark, instructions, plain};
use super::step::Step;

/// A Dockerfile: its text, and the instructions in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dockerfile {
    name: String,
    text: String,
    instructions: Vec<Instruction>,
    /// Where it was read from; nothing for a text from elsewhere.
    context: Option<Context>,
}

/// The names that builders look for, in their order.
const NAMES: [&str; 2] = ["Dockerfile", "Containerfile"];

/// No Dockerfile of people is as large.
pub(super) const MOST_BYTES: u64 = 4 << 20;

impl Dockerfile {
    /// Returns the Dockerfile of a folder, where it has one: a regular file with one of the names that builders look for.
    #[must_use]
    pub fn find(folder: &Path) -> Option<PathBuf> {
        NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file())
    }

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
        Ok(Dockerfile { context: Context::of(path), ..Dockerfile::parse(&name.to_string_lossy(), &text) })
    }

    /// Understands the text of a Dockerfile; `name` is where it lies.
    #[must_use]
    pub fn parse(name: &str, text: &str) -> Self {
        Dockerfile { name: name.to_owned(), text: text.to_owned(), instructions: instructions(text), context: None }
    }

    pub(super) fn context(&self) -> Option<&Context> {
        self.context.as_ref()
    }

    /// Returns the text of the file.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the instructions, in the order of the file.
    #[must_use]
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// Returns where the file lies: from the repository's root, because that is what code is shown from; outside of a
    /// repository as the user said it. Not escaped.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the lines of every layer that they are known of. `steps` is the whole history, each step with the layer it
    /// made (1 = the bottom); the layers up to `base_layers` are the base image's, whose Dockerfile is another one.
    #[must_use]
    pub fn lines_by_layer(&self, steps: &[(Step, Option<u32>)], base_layers: u32) -> HashMap<u32, Lines> {
        let is_base = |(_, layer): &(Step, Option<u32>)| layer.is_some_and(|layer| layer <= base_layers);
        let own = &steps[steps.iter().rposition(is_base).map_or(0, |last| last + 1)..];
        let chains = self.chains();
        let chains = chains.iter().map(|chain| &chain.instructions[..]);
        let best = chains.map(|chain| (anchors(chain, own), chain)).max_by_key(|(anchors, _)| anchors.len());
        let Some((anchors, chain)) = best.filter(|(anchors, _)| !anchors.is_empty()) else {
            return HashMap::new();
        };
        let pairs = with_gaps(chain, own, &anchors);
        pairs.into_iter().filter_map(|(at, step)| Some((own[step].1?, chain[at].lines))).collect()
    }

    /// Returns the character that continues lines.
    pub(super) fn escape_mark(&self) -> char {
        escape_mark(&self.text)
    }

    /// Returns the stages, in the order of the file.
    pub(super) fn chains(&self) -> Vec<Chain<'_>> {
        let mut chains: Vec<Chain<'_>> = Vec::new();
        let mut names: HashMap<String, usize> = HashMap::new();
        for instruction in &self.instructions {
            if instruction.name != "FROM" {
                if let Some(chain) = chains.last_mut() {
                    chain.instructions.push(instruction);
                }
                continue;
            }
            let words: Vec<&str> = instruction.text.split(' ').collect();
            let base = words.first().copied().unwrap_or("");
            let below = names.get(&base.to_lowercase());
            let chain = below.map_or(Chain { base, instructions: Vec::new() }, |stage| chains[*stage].clone());
            names.insert(chains.len().to_string(), chains.len());
            if let [_, word, name, ..] = words[..]
                && word.eq_ignore_ascii_case("as")
            {
                names.insert(name.to_lowercase(), chains.len());
            }
            chains.push(chain);
        }
        chains
    }
}

/// The instructions of a stage, those of the stages that it is built on first.
#[derive(Debug, Clone)]
pub(super) struct Chain<'a> {
    /// The image that the lowest of these stages is built on.
    pub base: &'a str,
    pub instructions: Vec<&'a Instruction>,
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
fn anchors(chain: &[&Instruction], steps: &[(Step, Option<u32>)]) -> Pairs {
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
fn with_gaps(chain: &[&Instruction], steps: &[(Step, Option<u32>)], anchors: &Pairs) -> Pairs {
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
    pub(super) fn is(&self, step: &Step) -> bool {
        if self.name != step.instruction {
            return false;
        }
        let said = plain(&step.command);
        if said == self.text {
            return true;
        }
        // The classic builder records the hash of what is copied, and where to.
        let target = |text: &str| text.rsplit(' ').next().map(|word| word.trim_end_matches('/').to_owned());
        step.has_digest() && target(&said) == target(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_the_repositorys_root() {
        let top = tempfile::tempdir().expect("a folder");
        let folder = top.path().join("repo/build");
        std::fs::create_dir_all(&folder).expect("folders");
        let file = folder.join("../build/Dockerfile");
        std::fs::write(&file, "FROM a\n").expect("a file");
        let name = || Dockerfile::read(&file).expect("readable").name().to_owned();
        assert_eq!(name(), file.to_string_lossy(), "outside of a repository as it was said");
        std::fs::create_dir(top.path().join("repo/.git")).expect("a repository");
        assert_eq!(name(), "build/Dockerfile");
    }

    #[test]
    fn a_folder_has_one_dockerfile() {
        let folder = tempfile::tempdir().expect("a folder");
        let found = || Dockerfile::find(folder.path()).map(|path| path.file_name().map(std::ffi::OsStr::to_owned));
        assert_eq!(found(), None);
        std::fs::create_dir(folder.path().join("Dockerfile")).expect("a folder of that name");
        std::fs::write(folder.path().join("Containerfile"), "FROM a").expect("a file");
        assert_eq!(found(), Some(Some("Containerfile".into())));
        std::fs::remove_dir(folder.path().join("Dockerfile")).expect("empty");
        std::fs::write(folder.path().join("Dockerfile"), "FROM a").expect("a file");
        assert_eq!(found(), Some(Some("Dockerfile".into())));
    }

    #[test]
    fn steps_find_their_instructions() {
        let dockerfile = Dockerfile::parse(
            "Dockerfile",
            "FROM x AS one\nRUN a\nFROM one AS two\nCOPY $SRC /d\nRUN b\nFROM scratch\nRUN other\n",
        );
        let step = |instruction: &str, command: &str| Step {
            instruction: instruction.to_owned(),
            command: command.to_owned(),
            ..Step::default()
        };
        let steps = [step("RUN", "a"), step("COPY", "src /d"), step("RUN", "b")];
        let steps: Vec<(Step, Option<u32>)> = steps.into_iter().zip(1..).map(|(step, at)| (step, Some(at))).collect();
        let chains = dockerfile.chains();
        let chains: Vec<_> = chains.into_iter().map(|chain| chain.instructions).collect();
        assert_eq!(chains.iter().map(Vec::len).collect::<Vec<_>>(), [1, 3, 1]);
        let found = anchors(&chains[1], &steps);
        assert_eq!(found, [(0, 0), (2, 2)]);
        assert_eq!(with_gaps(&chains[1], &steps, &found), [(0, 0), (2, 2), (1, 1)]);
        let classic = step("COPY", "file:0a1b in /d/ ");
        assert!(chains[1][1].is(&classic));
        assert!(!chains[1][1].is(&step("COPY", "file:0a1b in /e")));
    }
}
