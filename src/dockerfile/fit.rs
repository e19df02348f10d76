//! Whether a Dockerfile is the one that an image was built from, instruction by instruction.
//!
//! Stricter than the lines of annotations: a file is edited by what stands here, so that everything has to agree. The
//! instructions of one stage that can make layers must be the last such steps of the history, in their order. What stands
//! below them is the base image's; where it is known how many layers that has, none may be left between.

use std::collections::HashMap;
use std::fmt;

use super::file::{Chain, Dockerfile};
use super::instructions::{Instruction, plain};
use super::step::Step;
use crate::escape::escape;

/// Which instruction of a file made each layer of the image that was built from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    sources: HashMap<u32, Instruction>,
}

impl Fit {
    /// Returns the instruction that made a layer (1 = the bottom); nothing for the layers of the base image.
    #[must_use]
    pub fn source(&self, layer: u32) -> Option<&Instruction> {
        self.sources.get(&layer)
    }
}

/// Why a file is not the one that an image was built from. Says what differs first, escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit(String);

impl Misfit {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Misfit(reason.into())
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Misfit {}

/// A step of the history, and the layer it made.
type Made<'a> = (&'a Step, Option<u32>);

/// The instructions that can make layers.
const MAKERS: [&str; 4] = ["RUN", "COPY", "ADD", "WORKDIR"];

/// Beyond this nothing is looked for: people's files are not as long.
const MOST_COMPARISONS: usize = 4_000_000;

impl Dockerfile {
    /// Returns which instruction made each layer. `steps` is the whole history, each step with the layer it made (1 = the
    /// bottom); the layers up to `base_layers` are the base image's, 0 where it is not known. Where several stages fit,
    /// the one that explains most counts, and of those the last.
    ///
    /// # Errors
    /// Where the file is not the one that the image was built from, or continues lines by something else than a backslash.
    pub fn fit(&self, steps: &[(Step, Option<u32>)], base_layers: u32) -> Result<Fit, Misfit> {
        if self.escape_mark() != '\\' {
            let mark = escape(self.escape_mark().to_string().as_bytes());
            return Err(Misfit(format!("it continues lines with {mark}, which is not supported")));
        }
        let steps: Vec<Made> = steps.iter().map(|(step, layer)| (step, *layer)).filter(can_make).collect();
        let chains = self.chains();
        if chains.iter().map(|chain| chain.instructions.len() + 1).sum::<usize>() * steps.len() > MOST_COMPARISONS {
            return Err(Misfit::new("it is too long to be compared with the image's history"));
        }
        let attempts = chains.iter().flat_map(|chain| attempts(chain, &steps, base_layers));
        let best =
            attempts.max_by_key(|attempt| (attempt.difference.is_none(), attempt.pairs.len(), attempt.is_expected));
        let best = best.ok_or_else(|| Misfit::new("it has no FROM"))?;
        if let Some(difference) = best.difference {
            return Err(difference);
        }
        let sources: HashMap<u32, Instruction> =
            best.pairs.into_iter().filter_map(|(instruction, layer)| Some((layer?, instruction.clone()))).collect();
        if sources.is_empty() {
            Err(Misfit::new("none of its instructions made a layer of the image"))
        } else {
            Ok(Fit { sources })
        }
    }
}

fn can_make((step, layer): &Made) -> bool {
    layer.is_some() || MAKERS.contains(&step.instruction.as_str())
}

/// What comes out where a stage is held against the end of the history.
struct Attempt<'a> {
    pairs: Vec<(&'a Instruction, Option<u32>)>,
    /// Where they part.
    difference: Option<Misfit>,
    /// Whether it begins where the base image ends.
    is_expected: bool,
}

/// Holds a stage against the history, from each step on that may be its first.
fn attempts<'a>(chain: &Chain<'a>, steps: &[Made<'_>], base_layers: u32) -> Vec<Attempt<'a>> {
    let is_own = |(_, layer): &Made| layer.is_some_and(|layer| layer > base_layers);
    let expected = steps.iter().position(is_own).unwrap_or(steps.len());
    // An image of unknown length is below: its steps may be any.
    let is_open = base_layers == 0 && chain.base != "scratch";
    let last = if is_open { steps.len() } else { expected };
    let instructions: Vec<&Instruction> =
        chain.instructions.iter().copied().filter(|one| MAKERS.contains(&one.name.as_str())).collect();
    let attempt = |start: usize| {
        let (pairs, end) = agreement(&instructions, &steps[start..]);
        // Where a stage of an unknown base begins is not known before something agrees.
        let is_vague = is_open && pairs.is_empty();
        let difference = end.map(|(instruction, step)| misfit(&instructions, instruction, step.filter(|_| !is_vague)));
        Attempt { pairs, difference, is_expected: start == expected }
    };
    let all = (0..=last).map(attempt);
    all.filter(|attempt| is_open || attempt.is_expected || attempt.difference.is_none()).collect()
}

/// Where a stage and the history part: the instruction, and the step.
type End<'a> = (Option<&'a Instruction>, Option<Made<'a>>);

/// Returns what agrees from the beginning, and where they part, unless both end. A WORKDIR may have left no step.
fn agreement<'a, 's>(
    instructions: &[&'a Instruction],
    steps: &[Made<'s>],
) -> (Vec<(&'a Instruction, Option<u32>)>, Option<End<'s>>)
where
    'a: 's,
{
    let (mut pairs, mut steps, mut skipped) = (Vec::new(), steps.iter().peekable(), None);
    for instruction in instructions {
        if let Some((_, layer)) = steps.next_if(|(step, _)| instruction.made(step)) {
            pairs.push((*instruction, *layer));
            skipped = None;
        } else if instruction.name == "WORKDIR" {
            skipped = skipped.or(Some(*instruction));
        } else {
            let step = steps.peek().map(|made| **made);
            // Two different WORKDIRs: it is that one which differs.
            let first = skipped.filter(|_| step.is_some_and(|(step, _)| step.instruction == "WORKDIR"));
            return (pairs, Some((first.or(Some(*instruction)), step)));
        }
    }
    let rest = steps.next().map(|made| (None, Some(*made)));
    (pairs, rest)
}

fn misfit(all: &[&Instruction], instruction: Option<&Instruction>, step: Option<Made>) -> Misfit {
    let said = step.map(|(step, layer)| (shown(&step.instruction, &plain(&step.command)), layer));
    let own = instruction.map(|one| format!("line {} \"{}\"", one.lines.first, shown(&one.name, &one.text)));
    Misfit(match (own, said, all.last()) {
        (Some(own), Some((said, _)), _) => {
            format!("{own} is not in the image's history; the image has \"{said}\" there")
        }
        (Some(own), None, _) => format!("{own} is not in the image's history"),
        (None, Some((said, layer)), last) => {
            let layer = layer.map(|layer| format!(" (layer {layer})")).unwrap_or_default();
            let after = last.map(|last| format!(" after line {}", last.lines.last)).unwrap_or_default();
            format!("the image has \"{said}\"{layer}{after}, which is not in the file")
        }
        (None, None, _) => "the image has other steps".to_owned(),
    })
}

/// How many characters of an instruction a message shows.
const SHOWN_CHARS: usize = 60;

fn shown(name: &str, text: &str) -> String {
    let whole = if name.is_empty() { text.to_owned() } else { format!("{name} {text}") };
    if whole.is_empty() {
        return "(the history does not say)".to_owned();
    }
    let cut: String = whole.chars().take(SHOWN_CHARS).collect();
    let rest = if cut.len() < whole.len() { "…" } else { "" };
    format!("{}{rest}", escape(cut.as_bytes()))
}

impl Instruction {
    /// Says whether the step can only be this instruction, as far as builders record what it says.
    fn made(&self, step: &Step) -> bool {
        let said = plain(&step.command);
        match self.name.as_str() {
            _ if self.is(step) => true,
            // The classic builder records the words of an exec form alone.
            "RUN" if step.instruction.is_empty() => self.is_exec && said == self.text,
            // Nor can it be told from the shell that a text is given to.
            "RUN" => self.is_exec && self.text.strip_prefix("/bin/sh -c ") == Some(said.as_str()),
            name if name != step.instruction => false,
            "WORKDIR" => leads_to(&unquoted(&self.text), &said),
            _ => copies(&unquoted(&self.text), &said),
        }
    }
}

/// Builders record words without their quotes.
fn unquoted(text: &str) -> String {
    text.replace(['"', '\'', '\\'], "")
}

/// Says whether what a COPY or an ADD says becomes `said` once its variables are known; of the classic builder's form, the
/// target has to.
fn copies(text: &str, said: &str) -> bool {
    let target = |text: &str| text.rsplit(' ').next().unwrap_or("").trim_end_matches('/').to_owned();
    let is_hashed = ["file:", "dir:", "multi:"].iter().any(|kind| said.starts_with(kind)) && said.contains(" in ");
    becomes(text, said) || (is_hashed && becomes(&target(text), &target(said)))
}

/// Says whether a WORKDIR can be what the history calls by its whole path.
fn leads_to(text: &str, said: &str) -> bool {
    let parts = |path: &str| path.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/");
    let is_whole = text.starts_with(['/', '$']);
    let path = parts(text);
    // A path that begins anywhere is one behind a variable.
    let pattern = if is_whole { path.clone() } else { format!("$_/{path}") };
    path.split('/').any(|part| part == "..")
        || becomes(&pattern, &parts(said))
        || (!is_whole && (path.is_empty() || path == parts(said)))
}

/// Says whether a text can become `said` by giving its variables some values.
fn becomes(text: &str, said: &str) -> bool {
    let mut fixed = fixed_parts(text).into_iter();
    let Some(mut rest) = fixed.next().and_then(|first| said.strip_prefix(first)) else { return false };
    let mut fixed: Vec<&str> = fixed.collect();
    let Some(last) = fixed.pop() else { return rest.is_empty() };
    for part in fixed {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Returns what stands between the variables of a text, and before and behind them.
fn fixed_parts(text: &str) -> Vec<&str> {
    let mut parts = text.split('$');
    let first = parts.next().unwrap_or("");
    let behind = parts.map(|part| match part.strip_prefix('{') {
        Some(inner) => inner.split_once('}').map_or("", |(_, behind)| behind),
        None => part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_'),
    });
    [first].into_iter().chain(behind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A history, as builders write it; lines that begin with `-` made no layer.
    fn history(lines: &[&str]) -> Vec<(Step, Option<u32>)> {
        let mut number = 0;
        let step = |line: &&str| {
            let (line, is_empty) = line.strip_prefix('-').map_or((*line, false), |line| (line, true));
            number += u32::from(!is_empty);
            (Step::of(line, "", Step::DEFAULT_SHELL), (!is_empty).then_some(number))
        };
        lines.iter().map(step).collect()
    }

    /// Returns the lines of the layers, or what differs.
    fn fit(text: &str, lines: &[&str], base_layers: u32) -> Result<Vec<(u32, u32)>, String> {
        let steps = history(lines);
        let fit =
            Dockerfile::parse("Dockerfile", text).fit(&steps, base_layers).map_err(|misfit| misfit.to_string())?;
        let layers = steps.iter().filter_map(|(_, layer)| *layer);
        Ok(layers.filter_map(|layer| Some((layer, fit.source(layer)?.lines().first))).collect())
    }

    const BASE: &str = "/bin/sh -c #(nop) ADD file:1 in / ";

    #[test]
    fn every_builder_records_the_same_file() {
        let text =
            "FROM a\nRUN make \\\n  # why\n  && b\nCOPY --chown=1 src $DIR/lib/\nWORKDIR app\nRUN [\"x\", \"y z\"]\n";
        let expected = Ok(vec![(2, 2), (3, 5), (4, 6), (5, 7)]);
        let buildkit = [
            BASE,
            "-CMD [\"sh\"]",
            "RUN |1 V=1 /bin/sh -c make   && b # buildkit",
            "COPY src /srv/lib/ # buildkit",
            "WORKDIR /srv/app",
            "RUN |1 V=1 x y z # buildkit",
            "-CMD x",
        ];
        assert_eq!(fit(text, &buildkit, 1), expected);
        assert_eq!(fit(text, &buildkit, 0), expected, "a base that is not known");
        let classic = [
            BASE,
            "-/bin/sh -c #(nop)  WORKDIR /",
            "/bin/sh -c make   && b",
            "/bin/sh -c #(nop) COPY --chown=1 dir:0a1b in /srv/lib/ ",
            "/bin/sh -c #(nop) WORKDIR /srv/app",
            "x y z",
        ];
        assert_eq!(fit(text, &classic, 1), expected);
        assert_eq!(fit(text, &[&buildkit[..4], &buildkit[5..]].concat(), 1), Ok(vec![(2, 2), (3, 5), (4, 7)]));
        let empty = [BASE, "-RUN /bin/sh -c true # buildkit", "RUN /bin/sh -c make # buildkit", "-WORKDIR /"];
        assert_eq!(fit("FROM a\nRUN true\nRUN make\nWORKDIR /\n", &empty, 1), Ok(vec![(2, 3)]));
    }

    #[test]
    fn what_differs_first_is_said() {
        let steps = [BASE, "RUN /bin/sh -c a # buildkit", "RUN /bin/sh -c cmake # buildkit", "COPY b /c # buildkit"];
        let misfit = |text: &str| fit(text, &steps, 1).expect_err("another file");
        for (text, message) in [
            (
                "FROM x\nRUN a\n\nRUN make\nCOPY b /c\n",
                "line 4 \"RUN make\" is not in the image's history; the image has \"RUN cmake\" there",
            ),
            (
                "FROM x\nRUN a\nCOPY b /c\n",
                "line 3 \"COPY b /c\" is not in the image's history; the image has \"RUN cmake\" there",
            ),
            ("FROM x\nRUN a\nRUN cmake\nCOPY b /c\nADD d /\n", "line 5 \"ADD d /\" is not in the image's history"),
            (
                "FROM x\nRUN a\nRUN \\\n cmake\n",
                "the image has \"COPY b /c\" (layer 4) after line 4, which is not in the file",
            ),
            ("FROM x\nCMD y", "the image has \"RUN a\" (layer 2), which is not in the file"),
            (
                "FROM x\nRUN cmake\nCOPY b /c\n",
                "line 2 \"RUN cmake\" is not in the image's history; the image has \"RUN a\" there",
            ),
            (
                "FROM x\nRUN a\u{1b}\\\\ 456789012345678901234567890123456789012345678901234567890\n",
                "line 2 \"RUN a\\x1b\\\\\\\\ 456789012345678901234567890123456789012345678901234…\" is not in the image's \
                 history; the image has \"RUN a\" there",
            ),
            ("", "it has no FROM"),
            ("# escape=`\nFROM x\nRUN a", "it continues lines with `, which is not supported"),
        ] {
            assert_eq!(misfit(text), message);
        }
        assert_eq!(
            fit("FROM x\nRUN make\n", &steps, 0).expect_err("another file"),
            "line 2 \"RUN make\" is not in the image's history",
            "nobody knows where it would be"
        );
        let imported = ["", "RUN /bin/sh -c a # buildkit", ""];
        assert_eq!(
            fit("FROM x\nRUN a\n", &imported, 1).expect_err("another file"),
            "the image has \"(the history does not say)\" (layer 3) after line 2, which is not in the file"
        );
        let moved = [BASE, "WORKDIR /a", "RUN /bin/sh -c a # buildkit"];
        assert_eq!(
            fit("FROM x\nWORKDIR /b\nRUN a\n", &moved, 1).expect_err("another file"),
            "line 2 \"WORKDIR /b\" is not in the image's history; the image has \"WORKDIR /a\" there"
        );
        assert_eq!(
            fit("FROM x\n", &[BASE, "-CMD x"], 1).expect_err("another file"),
            "none of its instructions made a layer of the image"
        );
    }

    #[test]
    fn the_last_stage_that_explains_all_counts() {
        let text = "FROM x AS one\nRUN a\nFROM one\nCOPY b /c\nFROM scratch\nCOPY b /c\nFROM x\nRUN a\nCOPY b /c\n";
        let steps = [BASE, "RUN /bin/sh -c a # buildkit", "COPY b /c # buildkit"];
        assert_eq!(fit(text, &steps, 1), Ok(vec![(2, 8), (3, 9)]));
        let inherited = text.split_once("FROM scratch").expect("there").0;
        assert_eq!(fit(inherited, &steps, 1), Ok(vec![(2, 2), (3, 4)]));
        assert_eq!(fit(inherited, &steps, 2), Ok(vec![(2, 2), (3, 4)]), "a CMD in the middle looks like a base's");
        assert!(fit("FROM scratch\nCOPY b /c\n", &steps, 0).is_err(), "nothing is below");
        assert_eq!(fit("FROM x\nCOPY b /c\n", &steps, 0), Ok(vec![(3, 2)]));
    }

    #[test]
    fn here_documents_are_compared() {
        let text = "FROM x\nRUN <<EOF\nset -e\nmake\nEOF\nCOPY <<a b /c/\nd\na\n";
        let steps = [BASE, "RUN /bin/sh -c set -e\nmake\n # buildkit", "COPY b <<a /c/ # buildkit"];
        assert_eq!(fit(text, &steps, 1), Ok(vec![(2, 2), (3, 6)]));
        assert!(fit(&text.replace("make", "cmake"), &steps, 1).is_err());
    }

    #[test]
    fn variables_stand_for_anything() {
        for (text, said) in [
            ("$A/b /c", "x/b /c"),
            ("a-${V:-1}.tar $D", "a-2.tar /d"),
            ("$A$B", "x"),
            ("a b", "a b"),
            ("$A x $B y $C", "1 x 2 y 3"),
        ] {
            assert!(becomes(text, said), "{text}");
        }
        for (text, said) in
            [("a", "b"), ("$A/b", "x/c"), ("a$A", "b"), ("$A x $B", "1 y 2"), ("", "a"), ("a${A}a", "a")]
        {
            assert!(!becomes(text, said), "{text}");
        }
        for (text, said) in [
            ("/a/", "/a"),
            ("b", "/a/b"),
            ("./b", "/b"),
            ("$A", "/x/y"),
            ("../x", "/x"),
            (".", "/"),
            ("/", "/"),
            ("b", "/b"),
        ] {
            assert!(leads_to(text, said), "{text}");
        }
        for (text, said) in [("/a", "/b/a"), ("b", "/ab"), ("/$A/c", "/b/d"), ("/a", "/")] {
            assert!(!leads_to(text, said), "{text}");
        }
    }
}
