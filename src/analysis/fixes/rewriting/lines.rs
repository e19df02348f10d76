//! The words of a fix: what kind it is, why the bytes are lost, and the lines of the Dockerfile that save them.
//!
//! What a step does to a COPY decides the shape, tried in this order: owner and mode go into the COPY itself; what is
//! deleted again is mounted, or not copied at all; everything else is mounted, copied and changed in one RUN, which is
//! always possible. Where only RUNs are concerned they are joined.

use std::collections::BTreeMap;

use super::between::{named_files, sentence};
use super::owner;
use super::plan::{Plan, Role, Target};
use super::timeline::{self, Line, Timeline, Transfer};
use crate::analysis::bloat;
use crate::analysis::fixes::Kind;
use crate::analysis::fixes::choosing::{Group, Placement};
use crate::analysis::waste::{Cause, WasteRecord};
use crate::dockerfile::join::{Body, Piece, join};
use crate::dockerfile::shell::{Dialect, Script, Simple, is_name, quote};
use crate::dockerfile::step::env_variables;
use crate::escape::{escape, is_dangerous};
use crate::layer::entry::LayerNumber;
use crate::layer::index::Index;
use crate::size::Units;

/// What is told about a fix.
#[derive(Debug)]
pub(in super::super) struct Sketch {
    pub kind: Kind,
    pub title: String,
    pub why: String,
    pub dockerfile: String,
    pub safe: bool,
    pub caveats: Vec<String>,
}

/// Lines with what must be said about them.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub lines: String,
    /// Reasons why the lines are not to be pasted as they are.
    pub doubts: Vec<String>,
    pub notes: Vec<String>,
}

/// Stands where the history does not say what a COPY copies.
pub(super) const SOURCE: &str = "SOURCE";

pub(in super::super) fn sketch(index: &Index, timeline: &Timeline, group: &Group, records: &[&WasteRecord]) -> Sketch {
    let plan = Plan::new(index, timeline, group, records);
    let (kind, title, mut draft) = shape(&plan);
    surroundings(&plan, kind, &mut draft);
    if kind == Kind::PackageCleanup {
        draft.notes.extend(cache_mount(&plan));
    }
    let lines = printable(&draft.lines);
    if lines != draft.lines {
        draft.doubts.push("the lines hold control characters, shown here as \\xNN".to_owned());
    }
    let safe = draft.doubts.is_empty() && !lines.is_empty();
    draft.doubts.extend(draft.notes);
    let title = format!("{title} ({})", layers(&group.members));
    Sketch { kind, title, why: why(records), dockerfile: lines, safe, caveats: draft.doubts }
}

fn shape(plan: &Plan<'_>) -> (Kind, &'static str, Draft) {
    if plan.parts.len() == 1 {
        return (Kind::StoredTwice, "store each path of the layer once", stored_twice());
    }
    if plan.parts.iter().any(|part| matches!(part.role, Role::Blind(_))) {
        return (Kind::Merge, "make one layer of these", blind(plan));
    }
    let (runs, transfers) = (plan.runs().count(), plan.transfers().count());
    if transfers == 0 {
        let (kind, title) = flavour(plan);
        return (kind, title, joined_runs(plan));
    }
    if runs == 0 {
        return (Kind::CopiedTwice, "copy it once", copied_twice(plan));
    }
    if let Some(draft) = owner::draft(plan) {
        return (Kind::CopyChown, "set owner and mode in the COPY itself", draft);
    }
    if let Some(draft) = not_copied(plan) {
        return (Kind::CopyRm, "do not copy what is deleted again", draft);
    }
    if let Some(draft) = mounted(plan) {
        return (Kind::CopyRm, "mount what is deleted again instead of copying it", draft);
    }
    match copied_within(plan) {
        Some(draft) => (Kind::CopyRun, "copy and change it in one RUN", draft),
        None => (Kind::Merge, "make one layer of these", blind(plan)),
    }
}

/// Returns the share of a group's bytes for which `holds`.
fn share(plan: &Plan<'_>, holds: impl Fn(&WasteRecord) -> bool) -> (u64, u64) {
    // Records come largest first; the words of a fix do not hang on its smallest files.
    let largest = &plan.records[..plan.records.len().min(MOST_JUDGED)];
    let sum = |records: &mut dyn Iterator<Item = &&WasteRecord>| records.map(|record| record.bytes).sum();
    (sum(&mut largest.iter().filter(|record| holds(record))), sum(&mut largest.iter()))
}

/// How many records are looked at to tell what sort of waste a group is.
const MOST_JUDGED: usize = 10_000;

/// Commands that fetch something.
const FETCHERS: [&str; 5] = ["curl", "wget", "git clone", "git fetch", "aria2c"];

fn flavour(plan: &Plan<'_>) -> (Kind, &'static str) {
    let tree = &plan.index.tree;
    let mostly = |(part, whole): (u64, u64)| part > whole / 2;
    let deletes = |record: &WasteRecord| record.cause == Cause::Deleted;
    let is_cache = |record: &WasteRecord| bloat::package_cache(&tree.path(record.node)).is_some();
    let text = |layer: LayerNumber| plan.timeline.line(layer).map_or("", |line| line.step.command.as_str());
    let moves = |record: &WasteRecord| text(record.hidden_by).split_whitespace().any(|word| word == "mv");
    let fetched = |record: &WasteRecord| FETCHERS.iter().any(|fetcher| text(record.stored_in).contains(fetcher));
    if mostly(share(plan, deletes)) {
        if mostly(share(plan, |record| deletes(record) && is_cache(record))) {
            return (Kind::PackageCleanup, "clean up in the RUN that installs");
        }
        if mostly(share(plan, |record| deletes(record) && moves(record))) {
            return (Kind::Rename, "move files in the RUN that makes them");
        }
        if mostly(share(plan, |record| deletes(record) && fetched(record))) {
            return (Kind::DownloadDelete, "download, use and delete in one RUN");
        }
    }
    (Kind::MergeRun, "merge into one RUN")
}

/// Says how the clean-up is not needed at all: the cache that most of the bytes lie in becomes a mount.
fn cache_mount(plan: &Plan<'_>) -> Option<String> {
    let mut sums: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for record in plan.records.iter().take(MOST_JUDGED) {
        let path = plan.index.tree.path(record.node);
        if let Some(cache) = bloat::package_cache(&path) {
            *sums.entry(cache.to_vec()).or_default() += record.bytes;
        }
    }
    let (cache, _) = sums.into_iter().max_by_key(|(_, bytes)| *bytes)?;
    let is_apt = cache.starts_with(b"/var/cache/apt");
    let and_debian = if is_apt { " (on Debian remove /etc/apt/apt.conf.d/docker-clean first)" } else { "" };
    let cache = escape(&cache);
    Some(format!(
        "or leave it out of every layer, and keep it between builds: RUN --mount=type=cache,target={cache} …{and_debian}"
    ))
}

fn joined_runs(plan: &Plan<'_>) -> Draft {
    let mut draft = Draft::default();
    let pieces = pieces(plan, |_, body| Some(body.clone())).unwrap_or_default();
    put_run(plan, &pieces, &[], &mut draft);
    draft
}

/// Puts the RUN of some pieces into the draft, with what must be doubted about it.
fn put_run(plan: &Plan<'_>, pieces: &[Piece], flags: &[String], draft: &mut Draft) {
    let joined = join(pieces, &plan.runner, flags);
    push_line(&mut draft.lines, &joined.lines);
    draft.doubts.extend(joined.doubts);
}

/// Returns the scripts of the RUNs, as `edit` leaves them; nothing where it gives up.
fn pieces(plan: &Plan<'_>, edit: impl Fn(&Line, &Body) -> Option<Body>) -> Option<Vec<Piece>> {
    plan.runs().map(|(part, line, body)| Some(piece(plan, part.layer, line, edit(line, body)?))).collect()
}

/// Returns a script with what it must find that the merged step does not have.
fn piece(plan: &Plan<'_>, layer: LayerNumber, line: &Line, body: Body) -> Piece {
    let variables = settings_before(plan, layer).filter_map(|line| env_variables(&line.step.command)).flatten();
    let mut last: Vec<(String, String)> = Vec::new();
    for (name, value) in variables {
        last.retain(|(known, _)| *known != name);
        last.push((name, value));
    }
    Piece { body, directory: directory_of(plan, line), variables: last }
}

/// Returns the ENVs between the first member and a layer.
fn settings_before<'a>(plan: &'a Plan<'_>, layer: LayerNumber) -> impl Iterator<Item = &'a Line> {
    let place = |layer| plan.timeline.place(layer).unwrap_or(0);
    let first = plan.parts.first().map_or(0, |part| place(part.layer));
    let lines = plan.timeline.lines.get(first..place(layer)).unwrap_or_default();
    lines.iter().filter(|line| line.step.instruction == "ENV")
}

/// Says whether a step between the members makes the directory that later ones work in; then it goes first.
fn makes_directory_between(plan: &Plan<'_>) -> bool {
    plan.group.apart.iter().any(|(layer, placement)| {
        let line = plan.timeline.line(LayerNumber::from_index(*layer));
        *placement == Placement::Before && line.is_some_and(|line| line.step.instruction == "WORKDIR")
    })
}

/// Returns the directory of the merged step: that of the first RUN, as a WORKDIR between them must not make a folder
/// before a `mkdir` does; unless the folder is the WORKDIR's own.
fn directory(plan: &Plan<'_>) -> Option<String> {
    let mut runs = plan.runs();
    let (_, line, _) = if makes_directory_between(plan) { runs.last()? } else { runs.next()? };
    Some(line.context.directory.clone())
}

/// Returns the directory that a step must start in, where that is not the merged step's and it might matter.
fn directory_of(plan: &Plan<'_>, line: &Line) -> Option<String> {
    let is_elsewhere = directory(plan).is_some_and(|directory| line.context.directory != directory);
    (is_elsewhere && named_files(line).is_none()).then(|| line.context.directory.clone())
}

fn stored_twice() -> Draft {
    let doubt = "no Dockerfile step writes a path twice into one layer: the program that wrote the layer does";
    Draft { doubts: vec![doubt.to_owned()], ..Draft::default() }
}

fn blind(plan: &Plan<'_>) -> Draft {
    let mut draft = Draft::default();
    for part in &plan.parts {
        if let Role::Blind(reason) = part.role {
            draft.doubts.push(format!("layer {}: no lines can be written, because {reason}", part.layer));
        }
    }
    if draft.doubts.is_empty() {
        draft.doubts.push("no lines can be written: which file comes from where is not clear".to_owned());
    }
    draft
}

/// Names the copies that are left once the earlier ones go.
fn copied_twice(plan: &Plan<'_>) -> Draft {
    let hidden = plan.hidden();
    let mut draft = Draft::default();
    for (part, line, transfer) in plan.transfers() {
        let (gone, kept): (Vec<_>, Vec<_>) =
            plan.copies(part.layer).filter(|(_, entry)| entry.size > 0).partition(|(copy, _)| hidden.contains(copy));
        if kept.is_empty() && !gone.is_empty() {
            continue;
        }
        push_line(&mut draft.lines, &copy_line(line, transfer, &[], &mut draft.doubts, part.layer));
        if !gone.is_empty() {
            let doubt = "layer {} also brings files that nothing replaces: leave out only those that are copied again";
            draft.doubts.push(doubt.replace("{}", &part.layer.to_string()));
        }
    }
    draft
}

pub(super) fn push_line(lines: &mut String, line: &str) {
    if !lines.is_empty() {
        lines.push('\n');
    }
    lines.push_str(line);
}

/// Writes a COPY or ADD with other flags, and doubts what the history does not tell of it.
pub(super) fn copy_line(
    line: &Line,
    transfer: &Transfer,
    flags: &[String],
    doubts: &mut Vec<String>,
    layer: LayerNumber,
) -> String {
    let kept = line.step.flags.iter().filter(|flag| {
        let name = flag.split('=').next();
        !flags.iter().any(|other| other.split('=').next() == name)
    });
    let mut words: Vec<String> = kept.chain(flags).cloned().collect();
    let is_from_elsewhere = line.by_buildkit && transfer.sources.iter().any(|source| source.starts_with('/'));
    if is_from_elsewhere {
        doubts.push(format!(
            "layer {layer}: the history does not say where {} comes from: keep your --from",
            transfer.sources[0]
        ));
    }
    if transfer.sources.is_empty() {
        doubts.push(format!("layer {layer}: the history does not say what is copied: put your source for {SOURCE}"));
        words.push(SOURCE.to_owned());
    }
    words.extend(transfer.sources.iter().cloned());
    words.push(transfer.written.clone());
    format!("{} {}", line.step.instruction, words.join(" "))
}

/// What is deleted again without being used belongs into .dockerignore.
fn not_copied(plan: &Plan<'_>) -> Option<Draft> {
    let mut transfers = plan.transfers();
    let (part, line, transfer) = transfers.next().filter(|_| line_is_first(plan))?;
    let is_only = transfers.next().is_none() && plan.records.iter().all(|record| record.cause == Cause::Deleted);
    let targets = plan.targets(part.layer, transfer).filter(|_| is_only && line.step.flags.is_empty())?;
    let mut patterns = Vec::new();
    for (_, run, body) in plan.runs() {
        for words in body.commands()? {
            patterns.extend(ignored(run, &words, &targets)?);
        }
    }
    let is_all = plan.copies(part.layer).all(|(copy, entry)| entry.size == 0 || plan.hidden().contains(&copy));
    let mut draft = Draft::default();
    if is_all {
        draft.lines = format!("# nothing uses what {} brings: leave it and its removal out", line.step.instruction);
        return Some(draft);
    }
    draft.lines = format!("# in .dockerignore:\n#   {}", patterns.join("\n#   "));
    let copied = copy_line(line, transfer, &[], &mut draft.doubts, part.layer);
    push_line(&mut draft.lines, &copied);
    draft
        .notes
        .push("paths in .dockerignore count from the build context: check where your source lies in it".to_owned());
    Some(draft)
}

fn line_is_first(plan: &Plan<'_>) -> bool {
    matches!(plan.parts[0].role, Role::Transfer(_))
}

/// Returns what an `rm` removes, as paths of the build context; nothing for anything else.
fn ignored(line: &Line, words: &[String], targets: &[Target]) -> Option<Vec<String>> {
    (words.first()? == "rm").then_some(())?;
    let paths = words[1..].iter().filter(|word| !word.starts_with('-'));
    paths
        .map(|path| {
            let path = timeline::join(&line.context.directory, path);
            let target = targets.iter().find(|target| target.holds(&path))?;
            let source = target.source.as_deref()?.trim_start_matches("./").trim_matches('/');
            let rest = path[target.path.len()..].trim_start_matches('/');
            let parts = [source, rest].into_iter().filter(|part| !part.is_empty() && *part != ".");
            Some(parts.collect::<Vec<_>>().join("/"))
        })
        .collect()
}

/// What is copied, used and deleted is mounted while it is used.
fn mounted(plan: &Plan<'_>) -> Option<Draft> {
    let hidden = plan.hidden();
    let from_transfer = |record: &WasteRecord| plan.transfers().any(|(part, ..)| part.layer == record.stored_in);
    let are_deleted = plan.records.iter().all(|record| !from_transfer(record) || record.cause == Cause::Deleted);
    let are_all = plan
        .transfers()
        .all(|(part, ..)| plan.copies(part.layer).all(|(copy, entry)| entry.size == 0 || hidden.contains(&copy)));
    if !are_deleted || !are_all {
        return None;
    }
    let mut draft = Draft::default();
    let (mut mounts, mut targets) = (Vec::new(), Vec::new());
    for (part, line, transfer) in plan.transfers() {
        for target in plan.targets(part.layer, transfer)? {
            mounts.push(mount(line, part.layer, &target, &target.path, &mut draft.doubts));
            targets.push(target);
        }
    }
    let pieces = pieces(plan, |line, body| without_removals(plan, line, body, &targets))?;
    if pieces.iter().all(Piece::is_empty) {
        return None;
    }
    put_run(plan, &pieces, &mounts, &mut draft);
    draft.notes.push("what is mounted is read-only, and an empty mount point may stay behind".to_owned());
    Some(draft)
}

/// Writes a bind mount of what a COPY copied.
fn mount(line: &Line, layer: LayerNumber, target: &Target, at: &str, doubts: &mut Vec<String>) -> String {
    let from = line.step.flags.iter().find_map(|flag| flag.strip_prefix("--from="));
    let from = from.map(|from| format!(",from={from}")).unwrap_or_default();
    let source = match target.source.as_deref() {
        Some("." | "./" | "/") => String::new(),
        Some(source) => {
            if line.by_buildkit && source.starts_with('/') {
                doubts.push(format!(
                    "layer {layer}: if {source} comes from another stage or image, add ,from=NAME to the mount"
                ));
            }
            format!(",source={}", source.trim_start_matches("./").trim_end_matches('/'))
        }
        None => {
            doubts
                .push(format!("layer {layer}: the history does not say what is copied: put your source for {SOURCE}"));
            format!(",source={SOURCE}")
        }
    };
    format!("--mount=type=bind{from}{source},target={at}")
}

/// Takes the targets out of what a script removes; nothing where they cannot be told from the rest.
fn without_removals(plan: &Plan<'_>, line: &Line, body: &Body, targets: &[Target]) -> Option<Body> {
    let names_target = |text: &str| targets.iter().any(|target| text.contains(&target.path));
    let script = match body {
        Body::Script(script) => script,
        // What is mounted cannot be removed or moved away.
        Body::Words(words) => {
            let takes_away = words.first().is_some_and(|word| matches!(word.as_str(), "rm" | "mv"));
            return (!takes_away).then(|| body.clone());
        }
    };
    let Some(commands) = script.commands() else {
        let takes_away = ["rm", "mv", "unlink", "rmdir"].iter().any(|name| has_word(script.text(), name));
        return (!takes_away && !names_target(script.text())).then(|| body.clone());
    };
    let mut texts = Vec::new();
    for command in commands {
        let text = without_targets(plan.index, line, script, command, targets)?;
        texts.extend((!text.is_empty()).then_some(text));
    }
    if texts.len() == commands.len() && texts.iter().zip(commands).all(|(text, one)| text == script.text_of(one)) {
        return Some(body.clone());
    }
    Some(Body::Script(Script::of_commands(&texts, plan.runner.dialect)))
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_./".contains(c)).any(|part| part == word)
}

/// Returns what is left of a command: all of it, an `rm` of less, or no text at all; nothing where that cannot be told.
fn without_targets(
    index: &Index,
    line: &Line,
    script: &Script,
    command: &Simple,
    targets: &[Target],
) -> Option<String> {
    let text = script.text_of(command);
    let words = script.words(command);
    if words.as_ref().and_then(|words| words.first()).is_none_or(|name| name != "rm") {
        // A mount cannot be moved away, and what the words of a command stand for may be one.
        let moves = has_word(text, "mv") && targets.iter().any(|target| text.contains(&target.path));
        let hides_rm = words.is_none() && has_word(text, "rm");
        return (!moves && !hides_rm).then(|| text.to_owned());
    }
    let words = words?;
    let mut gone = vec![false; words.len()];
    for (at, word) in words.iter().enumerate().skip(1).filter(|(_, word)| !word.starts_with('-')) {
        let path = timeline::join(&line.context.directory, word);
        let is_above = targets.iter().any(|target| is_below(&target.path, path.trim_end_matches('*')));
        // A folder around the mount cannot be removed while it is mounted; if nothing else is in it, nothing is lost.
        if is_above && !holds_only(index, path.trim_end_matches(['*', '/']), targets) {
            return None;
        }
        gone[at] = is_above || targets.iter().any(|target| target.holds(&path));
    }
    let is_kept = |at: usize| at > 0 && !gone[at] && !words[at].starts_with('-');
    let names_any = (0..words.len()).any(is_kept);
    Some(if names_any { script.without_words(command, |at| gone[at]) } else { String::new() })
}

fn is_below(path: &str, folder: &str) -> bool {
    let folder = format!("{}/", folder.trim_end_matches('/'));
    path.starts_with(&folder)
}

/// Says whether nothing but the targets is below a folder, in any layer.
fn holds_only(index: &Index, folder: &str, targets: &[Target]) -> bool {
    let Some(top) = index.tree.find(folder.as_bytes()) else { return false };
    let mut waiting = vec![top];
    while let Some(node) = waiting.pop() {
        let path = String::from_utf8_lossy(&index.tree.path(node)).into_owned();
        if targets.iter().any(|target| target.holds(&path)) {
            continue;
        }
        if node != top && !targets.iter().any(|target| is_below(&target.path, &path)) {
            return false;
        }
        waiting.extend(index.tree.children(node));
    }
    true
}

/// What is copied and changed is mounted elsewhere, copied and changed in one RUN.
fn copied_within(plan: &Plan<'_>) -> Option<Draft> {
    let mut draft = Draft::default();
    directory(plan)?;
    let (mut mounts, mut pieces) = (Vec::new(), Vec::new());
    for part in &plan.parts {
        let line = part.line?;
        match &part.role {
            Role::Run(body) => pieces.push(piece(plan, part.layer, line, body.clone())),
            Role::Transfer(transfer) => {
                for target in plan.targets(part.layer, transfer)? {
                    let at = format!("/run/copy{}", mounts.len() + 1);
                    mounts.push(mount(line, part.layer, &target, &at, &mut draft.doubts));
                    pieces.push(Piece { body: Body::Script(copying(plan, &at, &target)), ..Piece::default() });
                }
                if plan.copies(part.layer).any(|(_, entry)| plan.index.owner(entry) != (0, 0)) {
                    draft
                        .doubts
                        .push(format!("layer {}: the files belong to another user than root: add a chown", part.layer));
                }
            }
            Role::Blind(_) => return None,
        }
    }
    put_run(plan, &pieces, &mounts, &mut draft);
    Some(draft)
}

fn copying(plan: &Plan<'_>, at: &str, target: &Target) -> Script {
    let path = target.path.trim_end_matches('/');
    let (folder, from, to) = match path.rsplit_once('/') {
        Some((folder, _)) if target.is_file => (folder, at.to_owned(), path),
        _ => (path, format!("{at}/."), path),
    };
    let mut texts = Vec::new();
    if !folder.is_empty() {
        texts.push(format!("mkdir -p {}", quote(folder)));
    }
    texts.push(format!("cp -a {} {}", quote(&from), quote(if to.is_empty() { "/" } else { to })));
    Script::of_commands(&texts, plan.runner.dialect)
}

/// Says what stands around the members, and what the history cannot tell.
fn surroundings(plan: &Plan<'_>, kind: Kind, draft: &mut Draft) {
    let places: Vec<usize> = plan.parts.iter().filter_map(|part| plan.timeline.place(part.layer)).collect();
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return };
    if kind != Kind::CopiedTwice {
        settings_between(plan, &plan.timeline.lines[*first..*last], draft);
        contexts(plan, draft);
    }
    for (layer, placement) in &plan.group.apart {
        let layer = LayerNumber::from_index(*layer);
        let stored = sentence(plan.index, layer);
        draft.notes.push(match placement {
            Placement::Before => {
                format!("move layer {layer} above the merged step: it brings {stored}, which none of them names")
            }
            Placement::Behind => {
                format!("layer {layer} then follows the merged step: what they remove or change is none of its files")
            }
        });
    }
    let has_run = plan.runs().next().is_some();
    if has_run && plan.parts.iter().any(|part| part.line.is_some_and(|line| line.by_buildkit)) {
        draft
            .notes
            .push("the history does not record flags: keep your --mount, --network, --from and the like".to_owned());
    }
    if draft.lines.contains("<<EOF") {
        draft.notes.push("needs BuildKit and Dockerfile syntax 1.4".to_owned());
    } else if draft.lines.contains("--mount") || draft.lines.contains("--chmod") {
        draft.notes.push("needs BuildKit".to_owned());
    }
    if plan.runs().count() > 1 && !draft.lines.is_empty() {
        draft.notes.push("the steps share one build cache entry: a change in one runs all of them again".to_owned());
    }
}

/// Variables that the shell itself looks at when it starts: setting them later is not the same.
fn is_read_at_start(name: &str) -> bool {
    let names = ["ENV", "IFS", "SHELLOPTS", "OPTIND", "POSIXLY_CORRECT", "PWD", "OLDPWD", "SHLVL"];
    !is_name(name)
        || names.contains(&name)
        || name.starts_with("BASH")
        || name.starts_with("LD_")
        || name.starts_with("PS")
}

fn settings_between(plan: &Plan<'_>, lines: &[Line], draft: &mut Draft) {
    for line in lines.iter().filter(|line| line.layer.is_none()) {
        let instruction = line.step.instruction.as_str();
        let text = || escape(line.text().as_bytes());
        match instruction {
            "ENV" => {
                let variables = env_variables(&line.step.command);
                if variables.is_some_and(|all| !all.iter().any(|(name, _)| is_read_at_start(name))) {
                    draft.notes.push(format!("keep below the merged step: {}", text()));
                } else {
                    draft.doubts.push(format!("the steps below it see this, the steps above it must not: {}", text()));
                }
            }
            // A value would be set for the steps above it as well; without one, nothing is.
            "ARG" if line.step.command.contains('=') => {
                draft.doubts.push(format!("put above the merged step, all of it would see: {}", text()));
            }
            "WORKDIR" if !makes_directory_between(plan) => {
                draft.notes.push(format!("keep below the merged step: {}", text()));
            }
            "ARG" | "WORKDIR" | "USER" | "SHELL" => {
                draft.notes.push(format!("keep above the merged step: {}", text()));
            }
            "VOLUME" => {
                let doubt = "a VOLUME stands between the steps: what is written to it afterwards is lost";
                draft.doubts.push(doubt.to_owned());
            }
            _ => {}
        }
    }
}

fn contexts(plan: &Plan<'_>, draft: &mut Draft) {
    let mut contexts: Vec<&timeline::Context> = plan.runs().map(|(_, line, _)| &line.context).collect();
    contexts.dedup_by_key(|context| context.user.as_str());
    if contexts.len() > 1 {
        draft.doubts.push("the steps run as different users: a USER stands between them".to_owned());
    }
    let mut contexts: Vec<&timeline::Context> = plan.runs().map(|(_, line, _)| &line.context).collect();
    contexts.dedup_by_key(|context| &context.shell);
    if contexts.len() > 1 {
        draft.doubts.push("the steps run in different shells: a SHELL stands between them".to_owned());
    }
    let is_bash = !matches!(plan.runner.dialect, Dialect::Dash | Dialect::Busybox);
    if plan.runs().count() > 1 && is_bash && plan.runs().any(|(_, line, _)| line.context.has_bash_env) {
        draft.doubts.push("BASH_ENV is set: every step reads a file first, the merged one only once".to_owned());
    }
}

/// Why the bytes of a cause are lost.
const REASONS: [(Cause, &str); 5] = [
    (Cause::Deleted, "stored and later deleted: a layer hides what lies below it, and takes no bytes away"),
    (Cause::Overwritten, "stored and later replaced by other contents"),
    (Cause::Metadata, "stored again because mode, owner or time changed: an engine copies the whole file for that"),
    (Cause::Unchanged, "stored again with nothing changed"),
    (Cause::Duplicate, "twice in one layer"),
];

fn why(records: &[&WasteRecord]) -> String {
    let sum = |cause: Cause| records.iter().filter(|record| record.cause == cause).map(|record| record.bytes).sum();
    let mut sums: Vec<(u64, &str)> = REASONS.iter().map(|(cause, reason)| (sum(*cause), *reason)).collect();
    sums.retain(|(bytes, _)| *bytes > 0);
    sums.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    sums.iter().map(|(bytes, reason)| format!("{} {reason}", Units::Si.show(*bytes))).collect::<Vec<_>>().join("; ")
}

/// Names layers as ranges: `layers 3-5, 9`.
fn layers(members: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for member in members {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *member => *last = *member,
            _ => ranges.push((*member, *member)),
        }
    }
    let show = |(first, last): &(usize, usize)| match last - first {
        0 => format!("{}", first + 1),
        _ => format!("{}-{}", first + 1, last + 1),
    };
    let word = if members.len() == 1 { "layer" } else { "layers" };
    format!("{word} {}", ranges.iter().map(show).collect::<Vec<_>>().join(", "))
}

/// Spells dangerous characters out and leaves what a Dockerfile is made of: line breaks and backslashes.
fn printable(text: &str) -> String {
    let show = |c: char| {
        if c == '\n' || !is_dangerous(c) { c.to_string() } else { escape(c.to_string().as_bytes()) }
    };
    text.chars().map(show).collect()
}
