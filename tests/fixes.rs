//! Fixes: what they save once the layers really are one, and what they say in typical cases.
//!
//! The merge is done here by hand in the naive model: from what is shown below and above a fix's layers, the one layer
//! that makes the same difference. The steps that stay apart are moved as the fix says.

mod naive;
mod support;

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use layerlens::analysis::Fix;
use layerlens::analysis::Scope;
use layerlens::{Analysis, OpenOptions};
use naive::names::{Path, joined};
use naive::view::{MergedView, Shown, Stack, Thing};
use support::image::{HistorySpec, ImageSpec, Packing};
use support::layer::{Kind, LayerSpec, Member, Metadata};

fn analyse(image: &ImageSpec, min_saving: Option<u64>) -> Analysis {
    let folder = tempfile::tempdir().expect("a folder");
    let path = image.write(Packing::default(), folder.path(), "image.tar");
    layerlens::open(&path, &OpenOptions { min_saving, ..OpenOptions::default() }).expect("a whole image")
}

/// Returns the one layer that makes of `lower` what `stack` shows on top.
fn merged(stack: &Stack, lower_count: usize) -> LayerSpec {
    let (lower, upper) = (stack.view(lower_count), stack.top());
    let gone = lower.names.keys().filter(|path| upper.get(path).is_none());
    let topmost = gone.filter(|path| upper.has_directory(&path[..path.len() - 1].to_vec()));
    let mut members: Vec<Member> = topmost.map(|path| Member::whiteout(&joined(path))).collect();
    for (path, shown) in upper.names.iter().filter(|(path, shown)| lower.get(path) != Some(*shown)) {
        members.extend(member(stack, lower, path, shown));
    }
    LayerSpec::of(members)
}

fn member(stack: &Stack, lower: &MergedView, path: &Path, shown: &Shown) -> Option<Member> {
    let kind = match &shown.thing {
        Thing::Directory if shown.metadata.is_none() && lower.has_directory(path) => return None,
        Thing::Directory => Kind::Directory,
        Thing::File(copy) => Kind::File(stack.copies.content(*copy).to_vec()),
        Thing::Symlink(target) => Kind::Symlink(target.clone()),
        other => panic!("{other:?} is not among the images of this test"),
    };
    Some(Member::new(joined(path), kind, shown.metadata.clone().unwrap_or_default()))
}

/// Returns the layers as they are once a fix is made.
fn with_fix(layers: &[LayerSpec], fix: &Fix) -> Vec<LayerSpec> {
    let members: Vec<usize> = fix.layers.iter().map(|layer| layer.index()).collect();
    let (first, last) = (members[0], members[members.len() - 1]);
    let goes_before =
        |at: &usize| fix.caveats.iter().any(|note| note.starts_with(&format!("move layer {} above", at + 1)));
    let between: Vec<usize> = (first..=last).filter(|at| !members.contains(at)).collect();
    let (before, behind): (Vec<usize>, Vec<usize>) = between.into_iter().partition(goes_before);
    let pick = |places: &[usize]| places.iter().map(|at| layers[*at].clone()).collect::<Vec<_>>();
    let below = [&layers[..first], &pick(&before)].concat();
    let stack = Stack::new(&[&below[..], &pick(&members)].concat());
    let one = merged(&stack, below.len());
    [&below[..], &[one], &pick(&behind), &layers[last + 1..]].concat()
}

/// Returns what containers see, apart from directories that nothing describes.
fn seen(layers: &[LayerSpec]) -> BTreeMap<Path, (Kind, Option<Metadata>)> {
    let stack = Stack::new(layers);
    let entry = |(path, shown): (&Path, &Shown)| {
        let kind = match &shown.thing {
            Thing::File(copy) => Kind::File(stack.copies.content(*copy).to_vec()),
            Thing::Symlink(target) => Kind::Symlink(target.clone()),
            _ => Kind::Directory,
        };
        let metadata = shown.metadata.clone().filter(|_| kind != Kind::Directory);
        (path.clone(), (kind, metadata))
    };
    stack.top().names.iter().map(entry).collect()
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "a/c", "a/d", "b/c", "a/c/e", "f", "g"])
}

fn any_member() -> impl Strategy<Value = Member> {
    let content = prop::sample::select(vec!["x", "y", "xy", "a longer text"]);
    let mode = prop::sample::select(vec![0o644, 0o755]);
    let kind = prop_oneof![
        8 => content.prop_map(|text| Kind::File(text.as_bytes().to_vec())),
        2 => Just(Kind::Directory),
        1 => Just(Kind::Symlink(b"/f".to_vec())),
    ];
    prop_oneof![
        5 => (name(), kind, mode).prop_map(|(name, kind, mode)| Member::new(name, kind, Metadata::with_mode(mode))),
        3 => name().prop_map(|name| Member::whiteout(name.as_bytes())),
        1 => name().prop_map(|name| Member::opaque(name.as_bytes())),
    ]
}

/// Steps that only remove files can stand apart; nobody names what the others touch.
fn any_step() -> impl Strategy<Value = HistorySpec> {
    prop_oneof![
        2 => Just(HistorySpec::step("RUN /bin/sh -c rm -f /zzz # buildkit")),
        1 => Just(HistorySpec::step("RUN /bin/sh -c make # buildkit")),
        1 => Just(HistorySpec::step("COPY x /yyy # buildkit")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 600,
        rng_seed: RngSeed::Fixed(6),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_fix_saves_what_it_says_once_it_is_made(
        layers in vec((vec(any_member(), 0..5), any_step()), 2..8),
        min_saving in 0u64..8,
    ) {
        let (members, history): (Vec<_>, Vec<_>) = layers.into_iter().unzip();
        let layers: Vec<LayerSpec> = members.into_iter().map(LayerSpec::of).collect();
        let analysis = analyse(&ImageSpec { layers: layers.clone(), history, tags: Vec::new() }, Some(min_saving));
        let before = naive::analyse(&layers).totals;
        let mut taken = std::collections::BTreeSet::new();
        for fix in &analysis.fixes {
            prop_assert!(fix.layers.iter().all(|layer| taken.insert(*layer)), "no layer is in two fixes");
            prop_assert!(fix.saves_bytes > min_saving * (fix.layers.len() as u64 - 1), "a fix pays");
            let fixed = with_fix(&layers, fix);
            let after = naive::analyse(&fixed).totals;
            prop_assert_eq!(after.wasted_bytes, before.wasted_bytes - fix.saves_bytes, "{}", fix.id);
            prop_assert_eq!(after.stored_bytes, before.stored_bytes - fix.saves_bytes, "{}", fix.id);
            prop_assert_eq!(seen(&fixed), seen(&layers), "{} changes nothing that is seen", fix.id);
        }
        let totals = &analysis.totals;
        let saved: u64 = analysis.fixes.iter().map(|fix| fix.saves_bytes).sum();
        prop_assert_eq!(totals.wasted_bytes, saved + totals.inherited_bytes + totals.remainder_bytes());
    }
}

/// A file of so many thousand bytes that belongs to root.
fn file(name: &str, kilobytes: usize) -> Member {
    look(name, kilobytes, 0, 0o644)
}

fn look(name: &str, kilobytes: usize, uid: u64, mode: u32) -> Member {
    let content = name.rsplit('/').next().unwrap_or(name).bytes().cycle().take(kilobytes * 1000).collect();
    Member::new(name, Kind::File(content), Metadata { uid, gid: uid, mode, ..Metadata::default() })
}

fn gone(name: &str) -> Member {
    Member::whiteout(name.as_bytes())
}

/// A step, and what its layer holds; a step without a layer has `None`.
type Step = (&'static str, Option<Vec<Member>>);

/// The kind, layers, saved kilobytes and lines of a fix.
type Told = (&'static str, Vec<u32>, u64, &'static str);

/// Typical cases: the steps above a base, and the fixes that a good engineer would name.
fn cases() -> Vec<(&'static str, Vec<Step>, Vec<Told>)> {
    let layer = Some::<Vec<Member>>;
    vec![
        (
            "the clean-up of a package manager goes back to the installation, over a step that has no part in it",
            vec![
                (
                    "RUN /bin/sh -c apt-get update && apt-get install -y x # buildkit",
                    layer(vec![file("var/lib/apt/lists/main", 900), file("usr/bin/x", 50)]),
                ),
                ("RUN /bin/sh -c useradd me # buildkit", layer(vec![file("etc/me", 1)])),
                ("RUN /bin/sh -c rm -rf /var/lib/apt/lists/* # buildkit", layer(vec![gone("var/lib/apt/lists/main")])),
            ],
            vec![(
                "package-cleanup",
                vec![2, 4],
                900,
                "RUN apt-get update \\\n && apt-get install -y x \\\n && rm -rf /var/lib/apt/lists/*",
            )],
        ),
        (
            "a step in between that may use the file comes along",
            vec![
                ("RUN /bin/sh -c curl -o /tmp/x.tar http://x # buildkit", layer(vec![file("tmp/x.tar", 900)])),
                ("RUN /bin/sh -c tar -xf /tmp/x.tar -C /opt # buildkit", layer(vec![file("opt/x", 300)])),
                ("RUN /bin/sh -c rm /tmp/x.tar # buildkit", layer(vec![gone("tmp/x.tar")])),
            ],
            vec![(
                "download-delete",
                vec![2, 3, 4],
                900,
                "RUN curl -o /tmp/x.tar http://x \\\n && tar -xf /tmp/x.tar -C /opt \\\n && rm /tmp/x.tar",
            )],
        ),
        (
            "owner and mode go into the COPY",
            vec![
                ("COPY app /app # buildkit", layer(vec![file("app/one", 400), file("app/two", 100)])),
                (
                    "RUN /bin/sh -c chown -R 7:7 /app && chmod 0755 /app/* # buildkit",
                    layer(vec![look("app/one", 400, 7, 0o755), look("app/two", 100, 7, 0o755)]),
                ),
            ],
            vec![("copy-chown", vec![2, 3], 500, "COPY --chown=7:7 --chmod=0755 app /app")],
        ),
        (
            "files that end up different get a COPY each",
            vec![
                ("COPY one two /bin/ # buildkit", layer(vec![file("bin/one", 400), file("bin/two", 100)])),
                ("RUN /bin/sh -c chmod 0755 /bin/one # buildkit", layer(vec![look("bin/one", 400, 0, 0o755)])),
            ],
            vec![("copy-chown", vec![2, 3], 400, "COPY --chmod=0755 one /bin/\nCOPY two /bin/")],
        ),
        (
            "what is unpacked and removed is mounted",
            vec![
                ("COPY x.tar /tmp/ # buildkit", layer(vec![file("tmp/x.tar", 900)])),
                ("RUN /bin/sh -c tar -xf /tmp/x.tar # buildkit", layer(vec![file("opt/x", 900)])),
                ("RUN /bin/sh -c rm -f /tmp/x.tar # buildkit", layer(vec![gone("tmp/x.tar")])),
            ],
            vec![(
                "copy-rm",
                vec![2, 3, 4],
                900,
                "RUN --mount=type=bind,source=x.tar,target=/tmp/x.tar \\\n    tar -xf /tmp/x.tar",
            )],
        ),
        (
            "what is removed unused is not copied",
            vec![
                ("WORKDIR /app", None),
                ("COPY . . # buildkit", layer(vec![file("app/.git/pack", 900), file("app/main", 5)])),
                ("RUN /bin/sh -c rm -rf .git # buildkit", layer(vec![gone("app/.git")])),
            ],
            vec![("copy-rm", vec![2, 3], 900, "# in .dockerignore:\n#   .git\nCOPY . .")],
        ),
        (
            "the earlier of two copies goes",
            vec![
                ("COPY a /x # buildkit", layer(vec![file("x", 900)])),
                ("COPY b /x # buildkit", layer(vec![look("x", 200, 0, 0o600)])),
            ],
            vec![("copied-twice", vec![2, 3], 900, "COPY b /x")],
        ),
        (
            "an edited copy is copied and edited in one RUN",
            vec![
                ("COPY a.conf /etc/a.conf # buildkit", layer(vec![file("etc/a.conf", 900)])),
                ("RUN /bin/sh -c sed -i s/a/b/ /etc/a.conf # buildkit", layer(vec![file("etc/a.conf", 901)])),
            ],
            vec![(
                "copy-run",
                vec![2, 3],
                900,
                "RUN --mount=type=bind,source=a.conf,target=/run/copy1 \\\n    \
                mkdir -p /etc \\\n && cp -a /run/copy1 /etc/a.conf \\\n && sed -i s/a/b/ /etc/a.conf",
            )],
        ),
        (
            "two pairs that have nothing to do with each other are two fixes",
            vec![
                ("RUN /bin/sh -c one # buildkit", layer(vec![file("one", 500)])),
                ("RUN /bin/sh -c rm /one # buildkit", layer(vec![gone("one")])),
                ("RUN /bin/sh -c two # buildkit", layer(vec![file("two", 400)])),
                ("RUN /bin/sh -c rm /two # buildkit", layer(vec![gone("two")])),
            ],
            vec![
                ("merge-run", vec![2, 3], 500, "RUN one \\\n && rm /one"),
                ("merge-run", vec![4, 5], 400, "RUN two \\\n && rm /two"),
            ],
        ),
        (
            "what lies within each other without a gap is one fix, and nothing moves",
            vec![
                ("RUN /bin/sh -c one # buildkit", layer(vec![file("one", 500)])),
                ("RUN /bin/sh -c two # buildkit", layer(vec![file("two", 400)])),
                ("RUN /bin/sh -c rm /two # buildkit", layer(vec![gone("two")])),
                ("RUN /bin/sh -c rm /one # buildkit", layer(vec![gone("one")])),
            ],
            vec![("merge-run", vec![2, 3, 4, 5], 900, "RUN one \\\n && two \\\n && rm /two \\\n && rm /one")],
        ),
        (
            "package databases are no reason to merge",
            vec![
                ("RUN /bin/sh -c apt-get install -y x # buildkit", layer(vec![file("var/lib/dpkg/status", 900)])),
                ("RUN /bin/sh -c apt-get install -y y # buildkit", layer(vec![file("var/lib/dpkg/status", 901)])),
            ],
            vec![],
        ),
        (
            "a history that does not tell gives no lines",
            vec![("bazel build ...", layer(vec![file("x", 900)])), ("bazel build ...", layer(vec![gone("x")]))],
            vec![("merge", vec![2, 3], 900, "")],
        ),
    ]
}

#[test]
fn typical_cases_are_told_as_an_engineer_would() {
    for (what, steps, expected) in cases() {
        let base = (LayerSpec::of(vec![file("bin/sh", 1)]), HistorySpec::step("ADD rootfs.tar / # buildkit"));
        let (mut layers, mut history) = (vec![base.0], vec![base.1]);
        for (step, members) in steps {
            match members {
                Some(members) => {
                    layers.push(LayerSpec::of(members));
                    history.push(HistorySpec::step(step));
                }
                None => history.push(HistorySpec::config_step(step)),
            }
        }
        let analysis = analyse(&ImageSpec { layers, history, tags: Vec::new() }, None);
        let told = analysis.fixes.iter().map(|fix| {
            let layers: Vec<u32> = fix.layers.iter().map(|layer| layer.get()).collect();
            (fix.kind.name(), layers, fix.saves_bytes / 1000, fix.dockerfile.as_str())
        });
        assert_eq!(told.collect::<Vec<_>>(), expected, "{what}");
        // What .dockerignore leaves out may be missed elsewhere.
        let is_safe = |fix: &Fix| !fix.dockerfile.is_empty() && fix.alternatives[0].dockerignore.is_empty();
        assert!(analysis.fixes.iter().all(|fix| fix.safe == is_safe(fix)), "{what}: {:?}", analysis.fixes);
    }
}

/// What stands between two steps and would reach the first of them if it went above the merged step.
#[test]
fn settings_between_the_steps_are_contained_or_doubted() {
    let cases = [
        (&["ENV NAME=some value"][..], true, "(export NAME='some value' && rm $NAME)"),
        (&["ENV A=1 NAME=x"], true, "(export A=1 && export NAME=x && rm $NAME)"),
        (&["ENV NAME=x", "ENV NAME=y"], true, "(export NAME=y && rm $NAME)"),
        (&["ENV A=1 and B=2 too"], false, "rm $NAME"),
        (&["ENV LD_PRELOAD=/x.so"], false, "(export LD_PRELOAD=/x.so && rm $NAME)"),
        (&["ARG NAME=x"], false, "rm $NAME"),
        (&["USER 1000"], false, "rm $NAME"),
        (&["VOLUME /var/lib/x"], false, "rm $NAME"),
        (&["LABEL a=b", "EXPOSE 80"], true, "\n && rm $NAME"),
        (&["WORKDIR /srv"], true, "(cd /srv && rm $NAME)"),
    ];
    for (between, safe, line) in cases {
        let layers = [vec![file("bin/sh", 1)], vec![file("srv/x", 900)], vec![gone("srv/x")]].map(LayerSpec::of);
        let mut history = vec![
            HistorySpec::step("ADD rootfs.tar / # buildkit"),
            HistorySpec::step("RUN /bin/sh -c make-it # buildkit"),
        ];
        history.extend(between.iter().map(|step| HistorySpec::config_step(step)));
        history.push(HistorySpec::step("RUN /bin/sh -c rm $NAME # buildkit"));
        let analysis = analyse(&ImageSpec { layers: layers.to_vec(), history, tags: Vec::new() }, None);
        let [fix] = &analysis.fixes[..] else { panic!("{between:?}: {:?}", analysis.fixes) };
        assert_eq!(fix.safe, safe, "{between:?}: {fix:?}");
        assert!(fix.dockerfile.ends_with(line), "{between:?}: {}", fix.dockerfile);
    }
}

/// Another shell between the steps, and shells that read files of their own.
#[test]
fn steps_of_different_shells_are_not_safe_together() {
    let made = |shell: &'static str, first: &'static str, second: &'static str| {
        let layers = [vec![file("bin/sh", 1)], vec![file("x", 900)], vec![gone("x")]].map(LayerSpec::of);
        let mut history = vec![HistorySpec::step("ADD rootfs.tar / # buildkit")];
        let runs = [HistorySpec::step(first), HistorySpec::step(second)];
        let at = usize::from(first.contains("/bin/sh"));
        history.extend(runs);
        history.insert(1 + at, HistorySpec::config_step(shell));
        analyse(&ImageSpec { layers: layers.to_vec(), history, tags: Vec::new() }, None).fixes.remove(0)
    };
    let both = "RUN /bin/bash -eo pipefail -c x | y; z # buildkit";
    let fix = made("SHELL [/bin/bash -eo pipefail -c]", both, "RUN /bin/bash -eo pipefail -c rm /x # buildkit");
    assert_eq!((fix.safe, fix.dockerfile.as_str()), (true, "RUN (x | y; z); \\\n    rm /x"), "{fix:?}");
    let fix = made("SHELL [/bin/bash -c]", "RUN /bin/sh -c make-it # buildkit", "RUN /bin/bash -c rm /x # buildkit");
    assert!(!fix.safe && fix.caveats[0].contains("SHELL"), "{fix:?}");
    let fix =
        made("SHELL [/bin/bash -lc]", "RUN /bin/bash -lc make-it # buildkit", "RUN /bin/bash -lc rm /x # buildkit");
    assert!(!fix.safe && fix.dockerfile.is_empty(), "{fix:?}");
}

/// A removal that found nothing does not go behind steps that make something, however it is written.
#[test]
fn a_removal_that_found_nothing_stays_in_its_place() {
    for removal in ["rm -rf /other", "set -e; rm -rf /other", "rm -rf /other || true", "find /other -delete"] {
        let layers = vec![
            LayerSpec::of(vec![file("bin/sh", 1)]),
            LayerSpec::of(vec![file("one", 900)]),
            LayerSpec::of(Vec::new()),
            LayerSpec::of(vec![file("one", 901), file("other", 10)]),
        ];
        let steps = [
            "ADD rootfs.tar / # buildkit".to_owned(),
            "RUN /bin/sh -c first # buildkit".to_owned(),
            format!("RUN /bin/sh -c {removal} # buildkit"),
            "RUN /bin/sh -c second # buildkit".to_owned(),
        ];
        let history = steps.iter().map(|step| HistorySpec::step(step)).collect();
        let analysis = analyse(&ImageSpec { layers, history, tags: Vec::new() }, None);
        let [fix] = &analysis.fixes[..] else { panic!("{removal}: {:?}", analysis.fixes) };
        assert_eq!(fix.layers.iter().map(|layer| layer.get()).collect::<Vec<_>>(), [2, 3, 4], "{removal}: {fix:?}");
    }
}

/// A step that changes owners and is not taken apart says why, beside the merge that is offered instead.
#[test]
fn a_step_that_is_not_taken_apart_says_why() {
    let told = |maker: &'static str, hiding: &str, is_made_elsewhere: bool| {
        let steps = [
            "ADD rootfs.tar / # buildkit".to_owned(),
            maker.to_owned(),
            "RUN /bin/sh -c make-something-else # buildkit".to_owned(),
            format!("RUN /bin/sh -c {hiding} # buildkit"),
        ];
        let found = if is_made_elsewhere { look("srv/b", 400, 5, 0o644) } else { file("srv/b", 400) };
        let layers = vec![
            LayerSpec::of(vec![file("bin/sh", 1), file("srv/base", 2)]),
            LayerSpec::of(vec![file("srv/a", 900), found]),
            LayerSpec::of(vec![file("etc/x", 1)]),
            LayerSpec::of(vec![look("srv/a", 900, 7, 0o644)]),
        ];
        let history = steps.iter().map(|step| HistorySpec::step(step)).collect();
        let analysis = analyse(&ImageSpec { layers, history, tags: Vec::new() }, None);
        let [fix] = &analysis.fixes[..] else { panic!("{hiding}: {:?}", analysis.fixes) };
        assert_ne!(fix.kind.name(), "in-place", "{hiding}: {fix:?}");
        fix.caveats.iter().filter_map(|note| Some(note.split_once(" is not split by paths: ")?.1.to_owned())).collect()
    };
    let run = "RUN /bin/sh -c make-it # buildkit";
    for (hiding, why) in [
        (
            "chown -R 7:7 /srv/a; true",
            "a command in it may fail and the next one still runs: there is no set -e in front",
        ),
        ("chown -R 7:7 \"$(pwd)/srv\"", "\"chown -R 7:7 \"$(pwd)/srv\"\" in it is more than a plain command"),
        ("set -e; if x; then y; fi; chown 7:7 /srv/a", "\"if x; then y; fi\" in it is more than a plain command"),
        (
            "find /srv -name x -exec chown 7:7 {} +",
            "\"find /srv -name x -exec chown 7:7 {} +\" has a condition that is not understood here, -name",
        ),
        (
            "chown 7:7 $DIR",
            "\"chown 7:7 $DIR\" is more than words: a pipeline, a redirection, a substitution, or a variable that no ENV sets",
        ),
        ("chown --reference=/x /srv/a", "\"chown --reference=/x /srv/a\" has an option that is not understood here"),
        (
            "chown 7:7 /srv/{a,b}",
            "\"chown 7:7 /srv/{a,b}\" names paths with a brace, a tilde, a backslash or .. in them",
        ),
        ("set-owners", "no command in it is known to set owner or mode"),
        ("chown -R 7:7 /srv", "the image has no find in layer 2, which could leave alone what lower layers have there"),
    ] {
        let reasons: Vec<String> = told(run, hiding, false);
        assert_eq!(reasons, [why], "{hiding}");
    }
    let reasons: Vec<String> = told("COPY . /srv/ # buildkit", "chown 7:7 /srv/a", true);
    assert_eq!(reasons, ["the files of layer 2 end up with different owners, and --chown gives them one"]);
}

/// A removal of caches that takes more along is carried over only where nothing in between can miss it.
#[test]
fn what_is_no_cache_stays_for_the_steps_in_between() {
    let fix = |between: &str, more: &'static str| {
        let layers = vec![
            LayerSpec::of(vec![file("bin/sh", 1)]),
            LayerSpec::of(vec![file("root/.cache/pip/http/one", 700), file(more, 10)]),
            LayerSpec::of(vec![file("etc/x", 1)]),
            LayerSpec::of(vec![gone("root/.cache"), file("etc/y", 1)]),
        ];
        let steps = [
            "ADD rootfs.tar / # buildkit",
            "RUN /bin/sh -c make-it # buildkit",
            between,
            "RUN /bin/sh -c rm -rf /root/.cache && add-user # buildkit",
        ];
        let history = steps.map(HistorySpec::step).to_vec();
        let mut analysis = analyse(&ImageSpec { layers, history, tags: Vec::new() }, None);
        analysis.fixes.remove(0)
    };
    let (run, copy) = ("RUN /bin/sh -c use-it # buildkit", "COPY x /etc/ # buildkit");
    let is_in_place = |fix: &Fix| fix.alternatives.iter().any(|one| one.kind.name() == "in-place");
    let only_cache = fix(run, "root/.cache/pip/http/two");
    assert!(is_in_place(&only_cache), "{only_cache:?}");
    // The file that is no cache's goes with the merge alone.
    let same = fix(copy, "root/.cache/other");
    assert!(is_in_place(&same), "a COPY reads nothing: {same:?}");
    let merge = fix(run, "root/.cache/other");
    assert!(!is_in_place(&merge), "{merge:?}");
    let why = "at the end of layer 2 it would also remove /root/.cache/other, which steps in between may read";
    assert!(merge.caveats.iter().any(|note| note.ends_with(why)), "{merge:?}");
}

/// What a later step cleans up need not be in a layer at all.
#[test]
fn a_clean_up_names_the_mount_that_makes_it_needless() {
    let layers = vec![
        LayerSpec::of(vec![file("bin/sh", 1)]),
        LayerSpec::of(vec![file("root/.cache/pip/http/one", 700), file("root/.cache/other", 10)]),
        LayerSpec::of(vec![gone("root/.cache")]),
    ];
    let steps = [
        "ADD rootfs.tar / # buildkit",
        "RUN /bin/sh -c pip install x # buildkit",
        "RUN /bin/sh -c rm -rf /root/.cache # buildkit",
    ];
    let history = steps.map(HistorySpec::step).to_vec();
    let analysis = analyse(&ImageSpec { layers, history, tags: Vec::new() }, None);
    let [fix] = &analysis.fixes[..] else { panic!("{:?}", analysis.fixes) };
    assert_eq!(fix.kind.name(), "package-cleanup");
    assert!(fix.caveats.iter().any(|note| note.contains("--mount=type=cache,target=/root/.cache/pip")), "{fix:?}");
}

/// Documentation is a matter of taste: it is a finding for those who ask.
#[test]
fn documentation_counts_on_request() {
    let layers = vec![LayerSpec::of(vec![file("usr/share/doc/x/manual", 300), file("usr/share/locale/de/x.mo", 200)])];
    let image = ImageSpec { layers, history: vec![HistorySpec::step("ADD rootfs.tar / # buildkit")], tags: Vec::new() };
    let folder = tempfile::tempdir().expect("a folder");
    let path = image.write(Packing::default(), folder.path(), "image.tar");
    let kinds = |findings| {
        let analysis =
            layerlens::open(&path, &OpenOptions { findings, ..OpenOptions::default() }).expect("a whole image");
        analysis.findings.iter().map(|found| (found.class.name(), found.bytes)).collect::<Vec<_>>()
    };
    assert_eq!(kinds(Scope::Usual), []);
    assert_eq!(kinds(Scope::WithAsk), [("docs", 300_000), ("locales", 200_000)]);
}
