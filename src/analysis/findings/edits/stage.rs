//! The Dockerfile in two stages: what is there now builds, and a second stage takes over only what the image starts.
//!
//! The new stage installs again what is needed of the system's packages, copies what is the user's own and no finding,
//! makes the users that RUNs made, and repeats the settings. What else RUNs changed in files of packages is not carried
//! over; the caveats name those steps.

use std::fmt::Write as _;

use foldhash::{HashMap, HashMapExt, HashSet};

use super::super::{Class, Finding, Input};
use super::{Lines, words};
use crate::analysis::fixes::{Edit, Line, Timeline};
use crate::layer::entry::{LayerNumber, NodeId};
use crate::merge::view::View;

/// The second stage of an image.
pub(super) struct Stage {
    base: LayerNumber,
    top: LayerNumber,
    from: String,
    text: String,
    caveats: Vec<String>,
}

/// Folders that packages and their scripts fill: what is new there belongs to the installation, not to the program.
const SYSTEM: [&[u8]; 12] = [
    b"/bin/", b"/boot/", b"/dev/", b"/etc/", b"/lib/", b"/lib64/", b"/proc/", b"/run/", b"/sbin/", b"/sys/", b"/tmp/",
    b"/var/",
];

impl Stage {
    pub(super) fn new(input: &Input<'_>, timeline: &Timeline, kept: &[String], findings: &[Finding]) -> Self {
        let layer_count = input.rootfs.index.layers.len();
        let family = family(input);
        let mut caveats = vec![
            "try it out first: --apply likely --write OUT.tar makes the image without what these findings name"
                .to_owned(),
        ];
        let mut text = format!("\nFROM {family}\n");
        text.push_str(&install(&family, &named(input, timeline, kept)));
        let users = user_steps(input, timeline);
        for line in &users {
            let _ = writeln!(text, "{line}");
        }
        let mut copies = copies(input, findings);
        if !users.is_empty() {
            // The homes are made anew with their users.
            copies.retain(|copy| !copy.path.starts_with("/home/"));
        }
        if copies.len() > MOST_COPIES {
            caveats.push(format!("{} more paths to copy are left out", copies.len() - MOST_COPIES));
        }
        for Copied { path, owner } in copies.iter().take(MOST_COPIES) {
            let chown = match owner {
                Some((0, 0)) => String::new(),
                Some((user, group)) => format!("--chown={user}:{group} "),
                None => {
                    caveats.push(format!("the files of {path} have several owners: COPY makes them root's"));
                    String::new()
                }
            };
            let _ = writeln!(text, "COPY --from=build {chown}{path} {path}");
        }
        for line in settings(input, timeline, findings) {
            let _ = writeln!(text, "{line}");
        }
        let changing = changing_steps(input, timeline);
        if !changing.is_empty() {
            caveats.push(format!("not carried over: what {} changed in files of packages", changing.join(", ")));
        }
        Stage {
            base: LayerNumber::from_index(0),
            top: LayerNumber::from_index(layer_count.saturating_sub(1)),
            from: input.from.clone(),
            text,
            caveats,
        }
    }

    /// Returns the edits of a finding that a second stage avoids.
    pub(super) fn edits(&self, finding: &Finding) -> Lines {
        let name = Edit { layer: self.base, before: self.from.clone(), after: format!("{} AS build", self.from) };
        let stage = Edit { layer: self.top, before: String::new(), after: self.text.clone() };
        let mut caveats = self.caveats.clone();
        let clean = match finding.class {
            Class::DevDependency => Some("behind the last RUN of the build stage: RUN npm prune --omit=dev"),
            Class::BuildOutput => Some("copy only what is started out of the folder of results"),
            _ if finding.advice.starts_with("behind the last RUN") => Some(finding.advice.as_str()),
            _ => None,
        };
        caveats.extend(clean.map(str::to_owned));
        (vec![name, stage], caveats)
    }
}

/// More lines nobody reads.
const MOST_COPIES: usize = 12;

/// Returns the smallest base of the image's family.
fn family(input: &Input<'_>) -> String {
    let rootfs = input.rootfs;
    let release =
        [&b"/etc/os-release"[..], b"/usr/lib/os-release"].iter().find_map(|path| rootfs.read(rootfs.resolve(path)?));
    let release = String::from_utf8_lossy(&release.unwrap_or_default()).into_owned();
    let value = |name: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        let value = line.map(|value| value.trim_matches('"')).unwrap_or_default();
        let is_plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if is_plain { value.to_owned() } else { String::new() }
    };
    let is_static = |node: &NodeId| rootfs.elf(*node).is_some_and(|elf| elf.is_static());
    let start = input.start;
    if !start.compiled.is_empty() && start.interpreters.is_empty() && start.compiled.iter().all(is_static) {
        return "scratch".to_owned();
    }
    let (id, version, codename) = (value("ID"), value("VERSION_ID"), value("VERSION_CODENAME"));
    match id.as_str() {
        "debian" if !codename.is_empty() => format!("debian:{codename}-slim"),
        "ubuntu" | "alpine" | "fedora" if !version.is_empty() => format!("{id}:{version}"),
        _ => "the same base image".to_owned(),
    }
}

/// Returns the packages that steps install by name, or that the image starts; all of them where no step tells.
fn named(input: &Input<'_>, timeline: &Timeline, kept: &[String]) -> Vec<String> {
    let steps: Vec<String> = timeline.lines.iter().map(Line::source).collect();
    let is_told = |name: &String| steps.iter().any(|step| words::installs(step, name));
    let asked = |name: &String| {
        input
            .owners
            .list
            .iter()
            .any(|owner| owner.kind.is_system() && owner.name == *name && owner.asked_for != Some(false))
    };
    if !kept.iter().any(is_told) {
        return kept.to_vec();
    }
    kept.iter().filter(|name| is_told(name) || !asked(name)).cloned().collect()
}

/// Returns the step that installs what is needed of the system's packages.
fn install(from: &str, kept: &[String]) -> String {
    if kept.is_empty() || from == "scratch" {
        return String::new();
    }
    let names = kept.join(" ");
    if from.starts_with("alpine") {
        return format!("RUN apk add --no-cache {names}\n");
    }
    if from.starts_with("fedora") {
        return format!("RUN dnf install -y --setopt=install_weak_deps=False {names} && dnf clean all\n");
    }
    format!("RUN apt-get update && apt-get install -y --no-install-recommends {names} && rm -rf /var/lib/apt/lists/*\n")
}

/// Returns the steps that make users, where they do nothing else.
fn user_steps(input: &Input<'_>, timeline: &Timeline) -> Vec<String> {
    const MAKERS: [&str; 4] = ["useradd", "adduser", "groupadd", "addgroup"];
    let steps = timeline.lines.iter().filter(|line| line.layer.is_some_and(|layer| layer.get() > input.base_count));
    steps
        .filter(|line| line.step.instruction == "RUN")
        .filter(|line| {
            let parts = line.step.command.split("&&").map(str::trim);
            parts.into_iter().all(|part| MAKERS.iter().any(|maker| words::runs(part, maker)))
        })
        .map(Line::source)
        .collect()
}

/// A path that the second stage copies; a COPY makes root the owner unless it says another one.
struct Copied {
    path: String,
    /// User and group of its files, where it is one.
    owner: Ids,
}

/// A user and a group; nothing where there are several.
type Ids = Option<(i64, i64)>;

/// Returns the topmost paths of the user's own files that no finding is about, as far as a line can hold them.
fn copies(input: &Input<'_>, findings: &[Finding]) -> Vec<Copied> {
    let (rootfs, tree) = (input.rootfs, input.rootfs.tree());
    let gone: HashSet<NodeId> = findings
        .iter()
        .filter(|finding| finding.class != Class::Debug && finding.confidence != super::super::Confidence::Ask)
        .flat_map(|finding| finding.paths.iter().map(|path| path.node))
        .collect();
    let above = |node: NodeId| std::iter::successors(Some(node), |node| tree.parent(*node));
    let base = View::of_layers(rootfs.index, input.base_count as usize);
    let is_of_base = |node: NodeId| rootfs.slot(node).get().is_some_and(|at| at.layer().get() <= input.base_count);
    let mut tops: HashMap<NodeId, Ids> = HashMap::new();
    for node in (1..tree.len()).map(NodeId::at) {
        let is_mine = rootfs.exists(node)
            && !rootfs.is_directory(node)
            && !is_of_base(node)
            && !input.owners.owner(node).kind.is_system()
            && !above(node).any(|node| gone.contains(&node));
        if !is_mine {
            continue;
        }
        // As high as folders are new: what is new in a folder of the base is named by itself.
        let top = above(node)
            .take_while(|node| *node != NodeId::ROOT && !base.slot(*node).is_present())
            .last()
            .unwrap_or(node);
        let owner = rootfs.entry(node).map(|entry| rootfs.index.owner(entry));
        let of_top = tops.entry(top).or_insert(owner);
        if *of_top != owner {
            *of_top = None;
        }
    }
    let mut paths: Vec<(Vec<u8>, Ids)> = tops.into_iter().map(|(node, owner)| (tree.path(node), owner)).collect();
    let is_system = |path: &[u8]| {
        SYSTEM.iter().any(|folder| path.starts_with(folder))
            || (path.starts_with(b"/usr/") && !path.starts_with(b"/usr/local/") && !path.starts_with(b"/usr/src/"))
            || path.starts_with(b"/root/.")
    };
    paths.retain(|(path, _)| !is_system(path));
    paths.sort_unstable();
    let is_plain = |path: &String| path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@".contains(&byte));
    let copied = paths.into_iter().filter_map(|(path, owner)| Some((String::from_utf8(path).ok()?, owner)));
    copied.filter(|(path, _)| is_plain(path)).map(|(path, owner)| Copied { path, owner }).collect()
}

/// Returns the settings above the base image, and what starts.
fn settings(input: &Input<'_>, timeline: &Timeline, findings: &[Finding]) -> Vec<String> {
    const REPEATED: [&str; 8] = ["ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"];
    let first = timeline.lines.iter().position(|line| line.layer.is_some_and(|layer| layer.get() > input.base_count));
    let lines = timeline.lines.iter().skip(first.unwrap_or(0));
    let mut out: Vec<String> = lines
        .filter(|line| REPEATED.contains(&line.step.instruction.as_str()))
        .map(Line::source)
        .filter(|line| !line.contains('\n'))
        .collect();
    // The history of some builders has lost the commas of these: the config has the words.
    if !input.config.entrypoint.is_empty() {
        out.push(format!("ENTRYPOINT {}", serde_json::json!(input.config.entrypoint)));
    }
    let direct = findings.iter().flat_map(|finding| &finding.evidence).find_map(|one| {
        one.split_once(": CMD ").and_then(|(_, rest)| rest.strip_suffix(" starts it directly")).map(str::to_owned)
    });
    if let Some(direct) = direct {
        out.push(format!("CMD {direct}"));
    } else if !input.config.cmd.is_empty() {
        out.push(format!("CMD {}", serde_json::json!(input.config.cmd)));
    }
    out
}

/// Returns the RUNs that change live files of packages which another step installed.
fn changing_steps(input: &Input<'_>, timeline: &Timeline) -> Vec<String> {
    let index = input.rootfs.index;
    let mut found = Vec::new();
    for (at, entries) in index.layers.iter().enumerate().skip(input.base_count as usize) {
        let layer = LayerNumber::from_index(at);
        let is_run = timeline.line(layer).is_some_and(|line| line.step.instruction == "RUN");
        let changes = entries.entries.iter().any(|entry| {
            let owner = input.owners.owner(entry.node);
            let is_live = input.rootfs.copy(entry.node).is_some_and(|copy| copy.layer() == layer);
            is_live && owner.kind.is_system() && owner.layer.is_some_and(|installed| installed < layer)
        });
        if is_run && changes {
            found.push(format!("layer {layer}"));
        }
    }
    found
}
