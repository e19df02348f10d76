//! The lines that avoid findings: a flag, a clean-up in the step that leaves something, a shorter list of packages, a
//! second stage. [Model](crate::model) 7.
//!
//! An edit is made of the step's own text: words are put in or taken out, everything else stays byte for byte. None of
//! them is called safe: what the image starts was followed, what else people do with it was not.

mod stage;
mod words;

use std::collections::BTreeMap;

use super::places;
use super::{Class, Finding, Input};
use crate::analysis::fixes::{Edit, Timeline, with_commands};
use crate::layer::entry::LayerNumber;
use stage::Stage;

/// Fills in the edits of findings.
pub(super) fn fill(input: &Input<'_>, timeline: &Timeline, kept: &[String], findings: &mut [Finding]) {
    let editor = Editor { input, timeline };
    let stage = Stage::new(input, timeline, kept, findings);
    for finding in findings.iter_mut().filter(|finding| !finding.in_base) {
        let (edits, caveats) = editor.edits(finding).unwrap_or_else(|| stage.edits(finding));
        finding.edits = edits;
        finding.caveats.extend(caveats);
    }
}

/// Edits, and what is to be known about them.
type Lines = (Vec<Edit>, Vec<String>);

struct Editor<'a> {
    input: &'a Input<'a>,
    timeline: &'a Timeline,
}

impl Editor<'_> {
    /// Returns the edits of a finding; nothing where only a second stage avoids it.
    fn edits(&self, finding: &Finding) -> Option<Lines> {
        match finding.class {
            Class::Recommended => self.flag(finding),
            Class::Cache if self.is_of_apt(finding) => self.package_lists(finding),
            Class::Cache if is_for_builds(finding) => None,
            Class::Cache | Class::Leftover => self.clean_up(finding),
            Class::Tool => self.shorter_list(finding),
            Class::Debug => self.strip(finding),
            Class::BuildOutput | Class::BuildOnly | Class::DevDependency => None,
            // A matter of taste: the advice says how.
            Class::Bytecode | Class::Docs | Class::Locales | Class::Tests | Class::Twin | Class::Base => {
                Some((Vec::new(), Vec::new()))
            }
        }
    }

    fn source(&self, layer: LayerNumber) -> Option<String> {
        Some(self.timeline.line(layer)?.source())
    }

    fn is_run(&self, layer: LayerNumber) -> bool {
        self.timeline.line(layer).is_some_and(|line| line.step.instruction == "RUN")
    }

    /// The manager's flag in each step that installs.
    fn flag(&self, finding: &Finding) -> Option<Lines> {
        let mut edits = Vec::new();
        for layer in finding.layers.iter().filter(|layer| self.is_run(**layer)) {
            let before = self.source(*layer)?;
            let after = words::without_recommended(&before);
            if after != before {
                edits.push(Edit { layer: *layer, before, after });
            }
        }
        let note = "install by name what you use of them".to_owned();
        (!edits.is_empty()).then_some((edits, vec![note]))
    }

    fn is_of_apt(&self, finding: &Finding) -> bool {
        let tree = self.input.rootfs.tree();
        finding.paths.iter().all(|path| tree.path(path.node).starts_with(b"/var/lib/apt/lists"))
    }

    /// `apt-get update`, the installation and the removal of the lists belong into one step.
    fn package_lists(&self, finding: &Finding) -> Option<Lines> {
        const CLEAN: &str = "rm -rf /var/lib/apt/lists/*";
        let layers = || finding.layers.iter().copied();
        let mut changes: BTreeMap<LayerNumber, Edit> = BTreeMap::new();
        for layer in layers() {
            let before = self.source(layer)?;
            if !words::is_only_update(&before) {
                changes.insert(layer, with_commands(self.input.rootfs.index, self.timeline, layer, &[], &[CLEAN])?);
                continue;
            }
            // The lists go to each later step that installs, and this one goes. Without such a step nobody knows who reads them.
            let count = changes.len();
            let later = self.timeline.lines.iter().filter_map(|line| line.layer).filter(|other| *other > layer);
            for other in later.filter(|other| self.is_run(*other)) {
                if words::installs_with_apt(&self.source(other)?) {
                    let (first, last) = (["apt-get update"], [CLEAN]);
                    changes.insert(other, with_commands(self.input.rootfs.index, self.timeline, other, &first, &last)?);
                }
            }
            if changes.len() == count {
                return Some((Vec::new(), Vec::new()));
            }
            changes.insert(layer, Edit { layer, before, after: String::new() });
        }
        Some((changes.into_values().collect(), Vec::new()))
    }

    /// The removal at the end of each RUN that leaves something; what a COPY brings is not copied.
    fn clean_up(&self, finding: &Finding) -> Option<Lines> {
        let tree = self.input.rootfs.tree();
        let mut edits = Vec::new();
        let mut caveats = Vec::new();
        let paths: Vec<String> = finding
            .paths
            .iter()
            .filter_map(|path| String::from_utf8(tree.path(path.node)).ok())
            .filter(|path| path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@~".contains(&byte)))
            .take(MOST_REMOVED)
            .collect();
        if paths.len() < finding.paths.len().min(MOST_REMOVED) || paths.is_empty() {
            return Some((Vec::new(), caveats));
        }
        for layer in self.stored_in(finding) {
            if self.is_run(layer) {
                let remove = format!("rm -rf {}", paths.join(" "));
                edits.push(with_commands(self.input.rootfs.index, self.timeline, layer, &[], &[&remove])?);
            } else {
                caveats.push(format!("layer {layer} copies it: add it to .dockerignore ({})", paths.join(" ")));
            }
        }
        Some((edits, caveats))
    }

    /// Returns the steps that store something of a finding first: a chown or chmod behind them goes with a fix.
    fn stored_in(&self, finding: &Finding) -> Vec<LayerNumber> {
        let index = self.input.rootfs.index;
        let below =
            |node, top| std::iter::successors(Some(node), |node| index.tree.parent(*node)).any(|node| node == top);
        let mut layers: Vec<LayerNumber> = Vec::new();
        for (at, entries) in index.layers.iter().enumerate() {
            let stores = entries.entries.iter().any(|entry| {
                entry.size > 0 && finding.paths.iter().take(MOST_REMOVED).any(|path| below(entry.node, path.node))
            });
            let layer = LayerNumber::from_index(at);
            if stores && layer.get() > self.input.base_count {
                layers.push(layer);
            }
        }
        // What only changes metadata of what is below stores nothing of its own.
        let is_first = layers.first().copied();
        layers.retain(|layer| Some(*layer) == is_first || !self.changes_metadata_only(*layer));
        layers
    }

    fn changes_metadata_only(&self, layer: LayerNumber) -> bool {
        let source = self.source(layer).unwrap_or_default();
        ["RUN chown ", "RUN chmod ", "RUN chgrp "].iter().any(|start| source.starts_with(start))
    }

    /// The list of packages without the tools, unless another step uses them.
    fn shorter_list(&self, finding: &Finding) -> Option<Lines> {
        let owners = &self.input.owners.list;
        let asked: Vec<&str> = owners
            .iter()
            .filter(|owner| {
                owner.kind.is_system() && owner.asked_for != Some(false) && finding.owners.contains(&owner.name)
            })
            .map(|owner| owner.name.as_str())
            .collect();
        let mut edits = Vec::new();
        for line in self.timeline.lines.iter().filter(|line| line.step.instruction == "RUN") {
            let Some(layer) = line.layer.filter(|layer| layer.get() > self.input.base_count) else { continue };
            let before = line.source();
            let after = words::without_packages(&before, &asked);
            // A tool that a step runs is needed to build: only a second stage leaves it out.
            if asked.iter().any(|name| words::runs(&after, name)) {
                return None;
            }
            if after != before {
                edits.push(Edit { layer, before, after });
            }
        }
        (!edits.is_empty()).then_some((edits, Vec::new()))
    }

    /// The flags of Go, else `strip` at the end of the step that made the files.
    fn strip(&self, finding: &Finding) -> Option<Lines> {
        let tree = self.input.rootfs.tree();
        let mut edits = Vec::new();
        for layer in finding.layers.iter().filter(|layer| self.is_run(**layer)) {
            let before = self.source(*layer)?;
            let after = words::with_linker_flags(&before);
            if after != before {
                edits.push(Edit { layer: *layer, before, after });
                continue;
            }
            let here = finding
                .paths
                .iter()
                .filter(|path| self.input.rootfs.copy(path.node).is_some_and(|copy| copy.layer() == *layer));
            let files: Vec<String> =
                here.take(MOST_REMOVED).filter_map(|path| String::from_utf8(tree.path(path.node)).ok()).collect();
            if !files.is_empty() {
                let strip = format!("strip {}", files.join(" "));
                edits.push(with_commands(self.input.rootfs.index, self.timeline, *layer, &[], &[&strip])?);
            }
        }
        Some((edits, vec!["stack traces then have no names of functions".to_owned()]))
    }
}

/// Nobody pastes a line with more paths.
const MOST_REMOVED: usize = 8;

/// Says whether a cache is one that later steps of a build read: a clean-up would make them download again, or fail.
fn is_for_builds(finding: &Finding) -> bool {
    ["Go", "cargo", "Maven", "Gradle", "sbt", "NuGet"].iter().any(|word| finding.title.contains(word))
        && places::CACHES.iter().any(|rule| rule.what == finding.title)
}
