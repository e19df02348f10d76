//! What an edit does to the build cache: how much is built again when the sources that a COPY brings change.
//! [Model](crate::model) 6.

use std::collections::BTreeMap;

use super::rewriting::{Line, Timeline};
use crate::layer::entry::LayerNumber;
use crate::layer::index::Index;

/// What is built again when the sources of a COPY change: the COPY itself and every step behind it.
///
/// Of several COPYs from the build context it is the last one, or the one for which an edit makes it worse. Without any,
/// all is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheCost {
    /// Steps (RUN, COPY, ADD) that are built again today.
    pub steps_before: u64,
    /// The same with the edit.
    pub steps_after: u64,
    /// Content bytes that those steps store today, uncompressed.
    pub bytes_before: u64,
    /// The same with the edit.
    pub bytes_after: u64,
}

impl CacheCost {
    /// Says whether a source edit builds the same again as today.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        (self.steps_before, self.bytes_before) == (self.steps_after, self.bytes_after)
    }

    /// Says whether the edit makes a source edit more expensive.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.steps_after > self.steps_before || self.bytes_after > self.bytes_before
    }
}

/// The cost, and what the order of alternatives asks about it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Judged {
    pub cost: CacheCost,
    /// An installation of packages is built again that was not before.
    pub reinstalls: bool,
}

/// What edits do to the steps: which become part of another one, and how many bytes each layer no longer stores.
pub(super) struct Effect<'a> {
    /// The members of merges, each with the place where they stand then; a step that goes has none.
    pub joined: &'a BTreeMap<usize, Option<usize>>,
    /// By layer; what moves to another layer counts where it was.
    pub saved: &'a [u64],
}

/// The steps of the user's, as the cache sees them.
pub(super) struct Steps<'a> {
    index: &'a Index,
    timeline: &'a Timeline,
    /// The place of the first line above the base.
    first: usize,
}

impl<'a> Steps<'a> {
    pub(super) fn new(index: &'a Index, timeline: &'a Timeline, base_count: u32) -> Self {
        let is_base = |line: &Line| line.layer.is_some_and(|layer| layer.get() <= base_count);
        let first = timeline.lines.iter().rposition(is_base).map_or(0, |last| last + 1);
        Steps { index, timeline, first }
    }

    /// Judges edits for every COPY from the build context.
    pub(super) fn judge(&self, effect: &Effect<'_>) -> Judged {
        let copies =
            (self.first..self.timeline.lines.len()).filter(|place| brings_sources(&self.timeline.lines[*place]));
        let costs: Vec<CacheCost> = copies.clone().map(|copy| self.cost(copy, effect)).collect();
        let reinstalls = copies.into_iter().any(|copy| self.reinstalls(copy, effect));
        let worst = costs.iter().filter(|cost| cost.is_raised()).max_by_key(|cost| {
            (cost.bytes_after.saturating_sub(cost.bytes_before), cost.steps_after.saturating_sub(cost.steps_before))
        });
        Judged { cost: worst.or(costs.last()).copied().unwrap_or_default(), reinstalls }
    }

    fn cost(&self, copy: usize, effect: &Effect<'_>) -> CacheCost {
        let start = self.place_after(copy, effect);
        let mut cost = CacheCost::default();
        for (place, line) in self.timeline.lines.iter().enumerate().skip(self.first).filter(|(_, line)| is_step(line)) {
            let stored = line.layer.map_or(0, |layer| self.index.layers[layer.index()].stored_bytes);
            if place >= copy {
                cost.steps_before += 1;
                cost.bytes_before += stored;
            }
            let saved = line.layer.map_or(0, |layer| effect.saved[layer.index()]);
            let (is_joined, stands_at) = (Self::is_joined(line, effect), self.place_after(place, effect));
            if stands_at >= start {
                cost.steps_after += u64::from(!is_joined);
                cost.bytes_after += stored.saturating_sub(saved);
            }
        }
        cost
    }

    /// Says whether a step has become part of another one, or goes.
    fn is_joined(line: &Line, effect: &Effect<'_>) -> bool {
        let joined = line.layer.and_then(|layer| effect.joined.get(&layer.index()));
        joined.is_some_and(|place| *place != line.layer.map(LayerNumber::index))
    }

    /// Returns where a line stands with the edits.
    fn place_after(&self, place: usize, effect: &Effect<'_>) -> usize {
        let layer = self.timeline.lines[place].layer;
        let joined = layer.and_then(|layer| effect.joined.get(&layer.index()).copied().flatten());
        joined.and_then(|at| self.timeline.place(LayerNumber::from_index(at))).unwrap_or(place)
    }

    fn reinstalls(&self, copy: usize, effect: &Effect<'_>) -> bool {
        let start = self.place_after(copy, effect);
        let before = self.timeline.lines[self.first..copy].iter().zip(self.first..);
        before.filter(|(line, _)| installs(line)).any(|(_, place)| self.place_after(place, effect) >= start)
    }
}

fn is_step(line: &Line) -> bool {
    matches!(line.step.instruction.as_str(), "RUN" | "COPY" | "ADD")
}

/// Says whether a step copies from the build context: not from another stage or image, and not from a server.
fn brings_sources(line: &Line) -> bool {
    if !matches!(line.step.instruction.as_str(), "COPY" | "ADD") {
        return false;
    }
    let is_from_elsewhere = line.step.flags.iter().any(|flag| flag.starts_with("--from="));
    // BuildKit does not record where from; a path of its own file system is none of the context's.
    let is_absolute = line.by_buildkit && line.step.command.starts_with('/');
    !is_from_elsewhere && !is_absolute && !line.step.command.contains("://")
}

/// Words that install packages, each with the program that they are said to.
const INSTALLERS: [(&[&str], &[&str]); 6] = [
    (
        &["apt-get", "apt", "aptitude", "dnf", "yum", "microdnf", "zypper"],
        &["install", "upgrade", "update", "build-dep"],
    ),
    (&["apk"], &["add", "upgrade"]),
    (&["pip", "pip3", "uv", "poetry", "conda", "mamba", "pipenv"], &["install", "sync", "create"]),
    (&["npm", "pnpm", "yarn", "bun"], &["install", "ci", "i", "add"]),
    (&["gem", "bundle", "composer", "cargo", "go"], &["install", "update", "fetch", "download", "mod"]),
    (&["mvn", "gradle"], &["dependency:go-offline", "dependency:resolve", "dependencies"]),
];

/// Says whether a step installs packages.
pub(super) fn installs(line: &Line) -> bool {
    if line.step.instruction != "RUN" {
        return false;
    }
    let words: Vec<&str> = line
        .step
        .command
        .split(|c: char| c.is_whitespace() || ";&|()\"'[],".contains(c))
        .map(|word| word.rsplit('/').next().unwrap_or(word))
        .collect();
    INSTALLERS.iter().any(|(programs, verbs)| {
        words.iter().any(|word| programs.contains(word)) && words.iter().any(|word| verbs.contains(word))
    })
}
