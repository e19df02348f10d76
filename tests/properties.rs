//! Random images: the library against the naive model, and against itself where the model says that nothing changes.
//!
//! The names are few, so that layers hit each other's paths, and every kind of member occurs. The seed is fixed: a run
//! that fails fails again. `PROPTEST_RNG_SEED` and `PROPTEST_CASES` look further. A failing image is printed as the
//! upper half of a scenario file.

mod naive;
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use layerlens::contents::ContentReader;
use layerlens::error::WarningCode;
use layerlens::source::Access;
use layerlens::task::Task;
use layerlens::{Analysis, OpenOptions};
use support::findings::{Findings, disagreement};
use support::image::{Format, ImageSpec, LayerStream, Packing, Wrapper};
use support::layer::{Ending, Item, Kind, LayerSpec, LongNames, Member, Metadata, pax_global_header};
use support::library::{assert_ledger, report, shown_inodes};
use support::random::config;
use support::scenario::statements;

/// Few names; one is not UTF-8, one sorts between `a` and what lies in it, one does not fit into a tar header.
fn component() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => Just(b"a".to_vec()),
        6 => Just(b"b".to_vec()),
        2 => Just(b"\xff".to_vec()),
        4 => Just(b"a-b".to_vec()),
        1 => Just(b"..hidden".to_vec()),
        1 => Just(vec![b'n'; 120]),
    ]
}

/// A path without a leading slash.
fn path() -> impl Strategy<Value = Vec<u8>> {
    let depth = prop_oneof![6 => Just(1_usize), 5 => Just(2), 3 => Just(3), 1 => Just(4)];
    depth.prop_flat_map(|depth| vec(component(), depth)).prop_map(|components| components.join(&b'/'))
}

/// A name as some tool writes it; nearly always the plain path.
fn spelled(path: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let prefix = prop_oneof![20 => Just(""), 1 => Just("./"), 1 => Just("/"), 1 => Just("x/../"), 1 => Just("../")];
    (prefix, path).prop_map(|(prefix, path)| [prefix.as_bytes(), &path].concat())
}

/// Contents that often agree in size and sometimes in all bytes; one spans several blocks.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let small = select(vec!["", "x", "y", "xy", "yx"]).prop_map(|text| text.as_bytes().to_vec());
    let large = select(vec![b'x', b'y']).prop_map(|end| [vec![b'x'; 1300], vec![end]].concat());
    prop_oneof![5 => small, 1 => large]
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let mode = prop_oneof![6 => Just(0o644), 1 => Just(0o100_644), 1 => Just(0o4755)];
    let number = || prop_oneof![8 => Just(0_u64), 1 => Just(1_u64)];
    let mtime = prop_oneof![8 => Just(0_i64), 1 => Just(1), 1 => Just(-1)];
    let xattrs = btree_map(Just("user.x".to_owned()), select(vec![b"v".to_vec(), b"\n\xff".to_vec()]), 0..2);
    let xattrs = prop_oneof![8 => Just(BTreeMap::new()), 1 => xattrs];
    (mode, number(), number(), mtime, xattrs).prop_map(|(mode, uid, gid, mtime, xattrs)| Metadata {
        mode,
        uid,
        gid,
        mtime,
        xattrs,
    })
}

fn device() -> impl Strategy<Value = Kind> {
    (any::<bool>(), 1..3_u32).prop_map(|(is_char, minor)| {
        if is_char { Kind::CharDevice { major: 1, minor } } else { Kind::BlockDevice { major: 1, minor } }
    })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        8 => content().prop_map(Kind::File),
        4 => Just(Kind::Directory),
        3 => select(vec!["a", "b"]).prop_map(|target| Kind::Symlink(target.into())),
        5 => spelled(path()).prop_map(Kind::HardLink),
        1 => device(),
        1 => Just(Kind::Fifo),
    ]
}

fn entry() -> impl Strategy<Value = Member> {
    (spelled(path()), kind(), metadata()).prop_map(|(name, kind, metadata)| Member::new(name, kind, metadata))
}

/// Markers, and names that look like markers and are none.
fn marker() -> impl Strategy<Value = Member> {
    let odd = select(vec![
        ".wh.",
        ".wh..",
        ".wh...",
        ".wh..wh.aufs",
        ".wh..wh.plnk/a",
        "a/.wh..wh.x/.wh.b",
        ".wh.a/b",
        ".wh.b/",
    ]);
    let odd = (odd, kind()).prop_map(|(name, kind)| Member::new(name, kind, Metadata::default()));
    let root = Just(Member::opaque(b""));
    prop_oneof![
        16 => spelled(path()).prop_map(|path| Member::whiteout(&path)),
        6 => path().prop_map(|path| Member::opaque(&path)),
        1 => root,
        2 => odd,
    ]
}

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        30 => entry().prop_map(Item::Member),
        8 => marker().prop_map(Item::Member),
        1 => Just(Item::Member(Member::new("./", Kind::Directory, Metadata::with_mode(0o700)))),
        1 => Just(Item::Raw(pax_global_header())),
    ]
}

fn layer() -> impl Strategy<Value = LayerSpec> {
    let long_names = select(vec![LongNames::Gnu, LongNames::Pax]);
    let ending = prop_oneof![5 => Just(Ending::Blocks), 1 => Just(Ending::Cut)];
    (vec(item(), 0..9), long_names, ending).prop_map(|(items, long_names, ending)| LayerSpec {
        items,
        long_names,
        ending,
    })
}

/// The layers of an image; now and then one stands in it twice.
fn layers() -> impl Strategy<Value = Vec<LayerSpec>> {
    (vec(layer(), 1..6), prop::option::weighted(0.1, any::<Index>())).prop_map(|(mut layers, again)| {
        if let Some(index) = again {
            layers.push(index.get(&layers).clone());
        }
        layers
    })
}

fn packing() -> impl Strategy<Value = Packing> {
    select(packings())
}

const STREAMS: [LayerStream; 5] =
    [LayerStream::Plain, LayerStream::Gzip, LayerStream::GzipMembers, LayerStream::Zstd, LayerStream::ZstdFrames];

/// All ways to pack an image.
fn packings() -> Vec<Packing> {
    let mut packings = Vec::new();
    for format in [Format::DockerLegacy, Format::DockerOci, Format::OciArchive, Format::OciDirectory] {
        for layers in STREAMS {
            for wrapper in [Wrapper::None, Wrapper::Gzip, Wrapper::Zstd, Wrapper::Xz, Wrapper::Bzip2] {
                for (manifest_first, dot_slash) in [(false, false), (true, false), (false, true), (true, true)] {
                    packings.push(Packing { format, layers, wrapper, manifest_first, dot_slash });
                }
            }
        }
    }
    packings
}

/// What the library finds in an image of these layers; the report's own sums are checked on the way.
fn library_findings(layers: &[LayerSpec], packing: Packing) -> Findings {
    let folder = tempfile::tempdir().expect("a folder for the image");
    findings_of(&ImageSpec::of(layers.to_vec()), packing, folder.path())
}

fn findings_of(image: &ImageSpec, packing: Packing, folder: &Path) -> Findings {
    let report = report(&image.write(packing, folder, "image"));
    assert_ledger(&report);
    Findings::from_report(&report)
}

/// The same layer with its markers taken out and put back at other places, in some order.
fn with_markers_moved(layer: &LayerSpec, places: &[Index]) -> LayerSpec {
    let (markers, mut items): (Vec<_>, Vec<_>) = layer.items.iter().cloned().partition(is_marker);
    for (number, marker) in markers.into_iter().enumerate() {
        let place = places[number % places.len()].index(items.len() + 1);
        items.insert(place, marker);
    }
    LayerSpec { items, ..layer.clone() }
}

fn is_marker(item: &Item) -> bool {
    let Item::Member(member) = item else { return false };
    let last = member.name.rsplit(|&byte| byte == b'/').next();
    last.is_some_and(|last| last.starts_with(b".wh."))
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn the_library_and_the_naive_model_find_the_same(layers in layers()) {
        let found = library_findings(&layers, Packing::default());
        if let Some(lines) = disagreement(&found, &naive::analyse(&layers)) {
            return Err(TestCaseError::fail(format!("\n{}{lines}", statements(&layers))));
        }
    }
}

/// Very few paths, so that links, their targets, the directories around them and markers meet within one layer.
fn close_path() -> impl Strategy<Value = Vec<u8>> {
    select(vec!["a", "b", "d", "d/a", "d/b", "d/d", "d/d/a"]).prop_map(|path| path.as_bytes().to_vec())
}

/// Members in any order: a link before and behind its target, a directory replaced and made again around it.
fn linked_layer() -> impl Strategy<Value = LayerSpec> {
    let content = select(vec!["x", "y", "xy"]).prop_map(|text| Kind::File(text.into()));
    let kind = prop_oneof![
        6 => content,
        3 => Just(Kind::Directory),
        1 => Just(Kind::Symlink(b"a".to_vec())),
        8 => close_path().prop_map(Kind::HardLink),
    ];
    let entry = (close_path(), kind).prop_map(|(path, kind)| Member::new(path, kind, Metadata::with_mode(0o644)));
    let marker = prop_oneof![
        3 => close_path().prop_map(|path| Member::whiteout(&path)),
        1 => select(vec!["d", "d/d"]).prop_map(|path| Member::opaque(path.as_bytes())),
    ];
    let member = prop_oneof![7 => entry, 2 => marker];
    vec(member, 0..12).prop_map(LayerSpec::of)
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn links_within_one_layer_follow_its_order(layers in vec(linked_layer(), 1..4)) {
        let found = library_findings(&layers, Packing::default());
        if let Some(lines) = disagreement(&found, &naive::analyse(&layers)) {
            return Err(TestCaseError::fail(format!("\n{}{lines}", statements(&layers))));
        }
    }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn the_place_of_markers_in_a_tar_means_nothing(layers in layers(), places in vec(any::<Index>(), 1..6)) {
        let moved: Vec<_> = layers.iter().map(|layer| with_markers_moved(layer, &places)).collect();
        let (found, expected) = (library_findings(&moved, Packing::default()), library_findings(&layers, Packing::default()));
        if let Some(lines) = disagreement(&found, &expected) {
            return Err(TestCaseError::fail(format!("\n{}{lines}", statements(&moved))));
        }
    }

    #[test]
    fn the_packing_of_an_image_means_nothing(layers in layers(), packing in packing()) {
        let (found, expected) = (library_findings(&layers, packing), library_findings(&layers, Packing::default()));
        if let Some(lines) = disagreement(&found, &expected) {
            return Err(TestCaseError::fail(format!("\n{}{lines}", statements(&layers))));
        }
    }
}

/// What a container sees at a path: kind, mode, owner, time, link or device, attributes, content, and which inode.
type Seen = (String, Option<(u16, (i64, i64), i64, Vec<u8>, Vec<u8>)>, Vec<u8>, Option<usize>);

/// What the first layers of an image show together.
fn seen(reader: &ContentReader, layer_count: usize) -> BTreeMap<Vec<u8>, Seen> {
    let index = &reader.analysis.index;
    let mut inodes = BTreeMap::new();
    let mut shown = BTreeMap::new();
    for (path, inode) in shown_inodes(index, layer_count) {
        let Some(inode) = inode else {
            shown.insert(path, ("directory".to_owned(), None, Vec::new(), None));
            continue;
        };
        let entry = index.entry(inode);
        let extra = index.extra(entry);
        let link = [extra.link, format!(" {:?}", extra.device).as_bytes()].concat();
        let look = (entry.mode, index.owner(entry), entry.mtime, link, extra.xattrs.to_vec());
        let content = match entry.kind.name() {
            "file" => {
                let region = layerlens::contents::open(reader, inode, &Task::default()).expect("it is there");
                region.read_all("content", 1 << 20).expect("it can be read")
            }
            _ => Vec::new(),
        };
        let number = inodes.len();
        let name = (entry.kind.name() != "directory").then(|| *inodes.entry(inode).or_insert(number));
        shown.insert(path, (entry.kind.name().to_owned(), Some(look), content, name));
    }
    // Which names are one inode counts, not their numbers.
    let mut first = BTreeMap::new();
    for (at, (.., inode)) in shown.values_mut().enumerate() {
        *inode = inode.map(|inode| *first.entry(inode).or_insert(at));
    }
    shown
}

fn is_dangling(analysis: &Analysis) -> bool {
    analysis.warnings.iter().any(|warning| warning.code == WarningCode::DanglingLink)
}

proptest! {
    #![proptest_config(config(800))]

    /// What `--merge RANGE --write` makes is what was said, and shows what the image showed.
    #[test]
    fn a_merged_image_is_what_was_predicted(
        layers in layers(),
        stream in select(STREAMS.to_vec()),
        ends in (any::<Index>(), any::<Index>()),
    ) {
        prop_assume!(layers.len() > 1);
        let first = ends.0.index(layers.len() - 1) + 1;
        let last = first + 1 + ends.1.index(layers.len() - first);
        let folder = tempfile::tempdir().expect("a folder");
        let source = ImageSpec::of(layers.clone()).write(
            Packing { layers: stream, ..Packing::default() },
            folder.path(),
            "image.tar",
        );
        let open = |path: &Path, options: &OpenOptions| ContentReader {
            analysis: Arc::new(layerlens::open(path, options).expect("a whole image")),
            source: path.to_owned(),
            access: Access::default(),
        };
        let reader = open(&source, &OpenOptions::default());
        let image = &reader.analysis;
        // What a link to nothing becomes of, once its target comes with the same layer, no tool agrees about.
        prop_assume!(!is_dangling(image));
        let ranges = format!("{first}..{last}").parse().expect("a range");
        let expected = image.what_if(&ranges).expect("layers that are there");
        let merged = match layerlens::rewrite::merge(image, &ranges) {
            Ok(merged) => merged,
            // What a layer cannot say.
            Err(error) => {
                let message = error.to_string();
                let is_known = ["every other name is removed", "no whiteout can name it"];
                prop_assert!(is_known.iter().any(|known| message.contains(known)), "{}", error);
                return Ok(());
            }
        };
        let target = folder.path().join("merged.tar");
        merged.write(&mut std::fs::File::create(&target).expect("a file")).expect("written");
        let mut options = OpenOptions::default();
        options.load.verify = true;
        let merged = open(&target, &options);
        let found = &merged.analysis;
        let problem = statements(&layers);
        prop_assert_eq!(found.totals.stored_bytes, expected.stored_bytes, "stored\n{}", &problem);
        prop_assert_eq!(found.totals.wasted_bytes, expected.wasted_bytes, "wasted\n{}", &problem);
        prop_assert_eq!(found.layers.len(), expected.layer_count);
        for count in last..=layers.len() {
            let (mut before, after) = (seen(&reader, count), seen(&merged, count + first - last));
            for (path, seen) in &mut before {
                // A directory that nothing describes may be described now.
                if seen.0 == "directory" && seen.1.is_none() && after.get(path).is_some_and(|after| after.0 == seen.0) {
                    seen.clone_from(&after[path]);
                }
            }
            prop_assert_eq!(before, after, "{}..{} at {}\n{}", first, last, count, &problem);
        }
    }
}

/// One image that has a record of each cause, with a repeated layer on top.
fn sample_layers() -> Vec<LayerSpec> {
    let text = include_str!("scenarios/cause-metadata.txt");
    let mut layers = support::scenario::Scenario::parse(text).layers;
    layers.push(LayerSpec::of(vec![Member::whiteout(b"all"), Member::whiteout(b"missing")]));
    layers.push(layers[0].clone());
    layers
}

#[test]
fn every_packing_shows_the_same() {
    let image = ImageSpec::of(sample_layers());
    let expected = naive::analyse(&image.layers);
    for packing in packings() {
        let folder = tempfile::tempdir().expect("a folder for the image");
        let found = findings_of(&image, packing, folder.path());
        assert_eq!(disagreement(&found, &expected), None, "{packing:?}");
    }
}

/// Files that no reader holds in one buffer, with the difference in one byte at the end, at the start, or nowhere.
fn large_layers() -> Vec<LayerSpec> {
    const LARGE: usize = 3 * 1024 * 1024 + 1;
    let file = |content: &[u8]| {
        let kind = Kind::File(content.to_vec());
        LayerSpec::of(vec![Member::new("large", kind, Metadata::with_mode(0o644))])
    };
    let mut content: Vec<u8> = (0..LARGE).map(|at| u8::try_from(at * 7 % 251).expect("below 251")).collect();
    let mut layers = vec![file(&content)];
    for changed in [LARGE - 1, 0] {
        content[changed] ^= 1;
        layers.push(file(&content));
    }
    layers.push(file(&content));
    layers
}

#[test]
fn one_byte_of_a_large_file_makes_the_difference() {
    let layers = large_layers();
    let expected = naive::analyse(&layers);
    let causes: Vec<_> = expected.waste.iter().map(|record| record.cause.as_str()).collect();
    assert_eq!(causes, ["overwritten", "overwritten", "unchanged"]);
    for stream in STREAMS {
        let found = library_findings(&layers, Packing { layers: stream, ..Packing::default() });
        assert_eq!(disagreement(&found, &expected), None, "{stream:?}");
    }
}

#[test]
fn an_image_without_tags_or_history_shows_the_same() {
    let layers = sample_layers();
    let image = ImageSpec { layers: layers.clone(), ..ImageSpec::default() };
    let folder = tempfile::tempdir().expect("a folder for the image");
    let found = findings_of(&image, Packing::default(), folder.path());
    assert_eq!(disagreement(&found, &naive::analyse(&layers)), None);
}
