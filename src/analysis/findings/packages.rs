//! Packages of the operating system that nothing needs at run time: for builds, for people, only recommended.

use std::cmp::Reverse;

use foldhash::{HashMap, HashMapExt};

use super::account::Account;
use super::kinds::{Purpose, purpose};
use super::{Class, Confidence, Draft, Input, Needed};
use crate::analysis::owners::graph::Set;
use crate::analysis::owners::{Owner, OwnerId};
use crate::layer::entry::{LayerNumber, NodeId};

/// Asked-for packages of the user's that nothing needs, of one purpose.
fn asked_for(input: &Input<'_>, needed: &Needed<'_>, wanted: Purpose) -> Vec<OwnerId> {
    let owners = input.owners;
    let ids = owners.system_roots().into_iter().filter(|id| {
        let (owner, package) = (&owners.list[*id as usize], &owners.packages[*id as usize]);
        !package.in_base
            && !package.is_essential
            && !needed.has_package(*id)
            && purpose(&owner.name, &package.section) == wanted
    });
    ids.collect()
}

/// Returns what goes when some packages had not been asked for: they, and what only they pull in.
fn going(input: &Input<'_>, needed: &Needed<'_>, without: &[OwnerId]) -> Vec<OwnerId> {
    let owners = input.owners;
    let roots = owners.system_roots();
    let all = owners.closure(roots.iter().copied());
    let rest = owners.closure(roots.into_iter().filter(|id| !without.contains(id)));
    let is_going = |id: &OwnerId| {
        !rest.has(*id) && !needed.has_package(*id) && !owners.packages[*id as usize].in_base && is_system(owners, *id)
    };
    all.iter().filter(is_going).collect()
}

fn is_system(owners: &crate::analysis::owners::Owners, id: OwnerId) -> bool {
    owners.list[id as usize].kind.is_system()
}

/// Finds packages that only builds need.
pub(super) fn build_only(input: &Input<'_>, needed: &Needed<'_>, account: &mut Account<'_>) {
    if needed.is_tool_box() {
        return;
    }
    let asked = asked_for(input, needed, Purpose::Build);
    let going = going(input, needed, &asked);
    let advice = "build in a stage of its own and COPY --from what runs";
    let text = Words {
        class: Class::BuildOnly,
        title: "packages that only a build needs",
        why: "nothing that the image starts uses them",
        unless: "the program compiles at run time",
        advice,
    };
    for (layer, going) in by_layer(input, &asked, &going) {
        book(input, needed, account, &text, layer, &going);
    }
}

/// Finds tools for people.
pub(super) fn tools(input: &Input<'_>, needed: &Needed<'_>, account: &mut Account<'_>) {
    if needed.is_tool_box() {
        return;
    }
    let mut asked = asked_for(input, needed, Purpose::Tool);
    let tools = asked.clone();
    let builders = asked_for(input, needed, Purpose::Build);
    // What goes with the builders alone is theirs.
    let theirs = going(input, needed, &builders);
    asked.extend(builders);
    let mut going = going(input, needed, &asked);
    going.retain(|id| !theirs.contains(id));
    let text = Words {
        class: Class::Tool,
        title: "tools that nothing in the image starts",
        why: "they are for people, and nothing that the image starts names them",
        unless: "people work in the container, or the program calls them by names that are put together at run time",
        advice: "leave them out of the list of packages",
    };
    for (layer, going) in by_layer(input, &tools, &going) {
        book(input, needed, account, &text, layer, &going);
    }
}

/// Finds packages that came by recommendation alone.
pub(super) fn recommended(input: &Input<'_>, needed: &Needed<'_>, account: &mut Account<'_>) {
    let owners = input.owners;
    let wanted = owners.closure(owners.system_roots());
    let is_mine = |id: OwnerId| {
        let owner = &owners.list[id as usize];
        owner.kind.is_system()
            && owner.asked_for == Some(false)
            && !wanted.has(id)
            && !needed.has_package(id)
            && !owners.packages[id as usize].in_base
    };
    let all: Vec<OwnerId> = (0u32..).take(owners.list.len()).filter(|id| is_mine(*id)).collect();
    let used = used_by_started(input, needed, &all);
    for (confidence, is_used) in [(Confidence::Likely, false), (Confidence::Ask, true)] {
        if confidence == Confidence::Ask && input.scope != super::Scope::WithAsk {
            continue;
        }
        let mut layers: HashMap<Option<LayerNumber>, Vec<OwnerId>> = HashMap::new();
        for id in all.iter().filter(|id| used.has(**id) == is_used) {
            layers.entry(owners.list[*id as usize].layer).or_default().push(*id);
        }
        let mut layers: Vec<_> = layers.into_iter().collect();
        layers.sort_unstable_by_key(|(layer, _)| *layer);
        for (_, ids) in layers {
            let mut draft = Draft {
                class: Class::Recommended,
                confidence,
                nodes: nodes(input, &ids),
                title: format!("{} that nothing depends on", count(ids.len(), "recommended package")),
                why: "no package that was asked for depends on them: they came because others recommend them"
                    .to_owned(),
                evidence: why_recommended(input, &ids),
                unless: "a program uses one of them where it is there".to_owned(),
                advice: "apt-get install --no-install-recommends".to_owned(),
                owners: names(input, &ids),
                is_within: false,
            };
            if is_used {
                draft.why.push_str(USED);
                draft.evidence.extend(who_starts(input, needed, &ids));
            }
            account.add(&draft);
        }
    }
}

/// What makes recommended packages worth a question.
const USED: &str = ". One that the image starts recommends them for commands or modules that they bring";

/// Says how the image starts the packages that recommend some.
fn who_starts(input: &Input<'_>, needed: &Needed<'_>, ids: &[OwnerId]) -> Vec<String> {
    let (owners, tree) = (input.owners, input.rootfs.tree());
    let recommends = |id: OwnerId| owners.packages[id as usize].recommends.iter().any(|other| ids.contains(other));
    let hosts: Vec<OwnerId> = needed.started.iter().filter(|id| recommends(*id)).collect();
    let mut reached: Vec<NodeId> =
        input.start.reached.keys().copied().filter(|node| hosts.contains(&owners.of(*node))).collect();
    reached.sort_unstable_by_key(|node| tree.path(*node));
    let mut told = owners.empty_set();
    reached.retain(|node| told.insert(owners.of(*node)));
    reached.into_iter().take(5).map(|node| input.start.sentence(tree, node)).collect()
}

/// Returns recommended packages that bring commands or modules for a program that is started, with what those need.
fn used_by_started(input: &Input<'_>, needed: &Needed<'_>, all: &[OwnerId]) -> Set {
    let owners = input.owners;
    let is_mine = |id: OwnerId| all.binary_search(&id).is_ok();
    let brings = brings_commands(input);
    let seeds = needed.started.iter().flat_map(|id| owners.packages[id as usize].recommends.iter().copied());
    let seeds: Vec<OwnerId> = seeds.filter(|id| is_mine(*id) && brings.has(*id)).collect();
    owners.closure(seeds)
}

/// Returns the packages that bring commands, or modules that programs load.
fn brings_commands(input: &Input<'_>) -> Set {
    let (rootfs, owners) = (input.rootfs, input.owners);
    let mut set = owners.empty_set();
    let tree = rootfs.tree();
    for at in 0..tree.len() {
        let node = NodeId::at(at);
        if rootfs.is_directory(node) || !rootfs.exists(node) || !is_system(owners, owners.of(node)) {
            continue;
        }
        let is_command = || {
            let folder = tree.parent(node).map(|folder| tree.name(folder)).unwrap_or_default();
            [&b"bin"[..], b"sbin", b"games"].contains(&folder) && !tree.name(node).starts_with(b".")
        };
        // Libraries that the loader finds lie in the library folders themselves, modules deeper.
        let is_module = || {
            let name = tree.name(node);
            let depth = std::iter::successors(tree.parent(node), |folder| tree.parent(*folder)).count();
            name.ends_with(b".so") && depth > 4
        };
        if is_command() || is_module() {
            set.insert(owners.of(node));
        }
    }
    set
}

/// The words of a finding about packages.
struct Words {
    class: Class,
    title: &'static str,
    why: &'static str,
    unless: &'static str,
    advice: &'static str,
}

/// Puts what goes to the layers of the asked-for packages that bring it.
fn by_layer(input: &Input<'_>, asked: &[OwnerId], going: &[OwnerId]) -> Vec<(Option<LayerNumber>, Vec<OwnerId>)> {
    if asked.is_empty() {
        return Vec::new();
    }
    let owners = input.owners;
    let mut layers: HashMap<Option<LayerNumber>, Vec<OwnerId>> = HashMap::new();
    for id in going {
        layers.entry(owners.list[*id as usize].layer).or_default().push(*id);
    }
    let mut layers: Vec<_> = layers.into_iter().collect();
    layers.sort_unstable_by_key(|(layer, _)| *layer);
    layers
}

fn book(
    input: &Input<'_>,
    needed: &Needed<'_>,
    account: &mut Account<'_>,
    text: &Words,
    _: Option<LayerNumber>,
    going: &[OwnerId],
) {
    let owners = input.owners;
    let asked: Vec<&Owner> =
        going.iter().map(|id| &owners.list[*id as usize]).filter(|owner| owner.asked_for != Some(false)).collect();
    let mut evidence = Vec::new();
    if !asked.is_empty() {
        let names: Vec<&str> = asked.iter().map(|owner| owner.name.as_str()).take(12).collect();
        evidence.push(format!("asked for: {}", names.join(" ")));
    }
    for id in going {
        if let Some(direct) = needed.launchers.get(id) {
            let name = &owners.list[*id as usize].name;
            evidence.push(format!("{name} only launches the program: CMD {direct} starts it directly"));
        }
    }
    account.add(&Draft {
        class: text.class,
        confidence: Confidence::Likely,
        nodes: nodes(input, going),
        title: format!("{}: {}", text.title, first_names(input, going)),
        why: text.why.to_owned(),
        evidence,
        unless: text.unless.to_owned(),
        advice: text.advice.to_owned(),
        owners: names(input, going),
        is_within: false,
    });
}

/// Returns the paths of some owners.
pub(super) fn nodes(input: &Input<'_>, ids: &[OwnerId]) -> Vec<NodeId> {
    let mut is_in = input.owners.empty_set();
    for id in ids {
        is_in.insert(*id);
    }
    let all = (0..input.rootfs.tree().len()).map(NodeId::at);
    all.filter(|node| {
        input.rootfs.exists(*node) && !input.rootfs.is_directory(*node) && is_in.has(input.owners.of(*node))
    })
    .collect()
}

/// Returns the names of some owners, the largest first.
pub(super) fn names(input: &Input<'_>, ids: &[OwnerId]) -> Vec<String> {
    let mut list: Vec<&Owner> = ids.iter().map(|id| &input.owners.list[*id as usize]).collect();
    list.sort_by(|one, other| (Reverse(one.live_bytes), &one.name).cmp(&(Reverse(other.live_bytes), &other.name)));
    // One name can be in several places: it is told once.
    let mut told = std::collections::BTreeSet::new();
    list.into_iter().map(|owner| owner.name.clone()).filter(|name| told.insert(name.clone())).collect()
}

/// Returns the first names of what was asked for, else of what is largest.
fn first_names(input: &Input<'_>, ids: &[OwnerId]) -> String {
    let asked: Vec<OwnerId> =
        ids.iter().copied().filter(|id| input.owners.list[*id as usize].asked_for != Some(false)).collect();
    let names = names(input, if asked.is_empty() { ids } else { &asked });
    let more = names.len().saturating_sub(4);
    let shown = names[..names.len() - more].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

fn why_recommended(input: &Input<'_>, ids: &[OwnerId]) -> Vec<String> {
    let owners = input.owners;
    let mut list: Vec<&Owner> = ids.iter().map(|id| &owners.list[*id as usize]).collect();
    list.sort_by_key(|owner| Reverse(owner.live_bytes));
    let told = list.into_iter().filter(|owner| owner.is_recommended).take(5);
    told.filter_map(|owner| Some(format!("{} is recommended by {}", owner.name, owner.because.last()?))).collect()
}

/// Returns the packages that an image without the findings has to install by name: what was asked for and stays, and what
/// the image starts of what went.
pub(super) fn kept(input: &Input<'_>, needed: &Needed<'_>, findings: &[super::Finding]) -> Vec<String> {
    let owners = input.owners;
    let is_gone = |name: &String| {
        findings
            .iter()
            .any(|finding| finding.confidence != Confidence::Ask && !finding.in_base && finding.owners.contains(name))
    };
    let is_mine = |id: OwnerId| {
        let owner = &owners.list[id as usize];
        owner.kind.is_system() && !owners.packages[id as usize].in_base && !is_gone(&owner.name)
    };
    let asked: Vec<OwnerId> = owners.system_roots().into_iter().filter(|id| is_mine(*id)).collect();
    let installed = owners.closure(asked.iter().copied());
    let missing: Vec<OwnerId> = needed.started.iter().filter(|id| is_mine(*id) && !installed.has(*id)).collect();
    // Of those that others of them need anyway, the others are enough.
    let is_needed_by_other = |id: OwnerId| {
        missing
            .iter()
            .any(|other| *other != id && owners.closure([*other]).has(id) && !owners.closure([id]).has(*other))
    };
    let extra = missing.iter().copied().filter(|id| !is_needed_by_other(*id));
    let mut names: Vec<String> =
        asked.iter().copied().chain(extra).map(|id| owners.list[id as usize].name.clone()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
