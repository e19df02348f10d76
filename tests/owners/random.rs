//! Random layers with random databases: the sums hold, packing means nothing, and plain databases of dpkg give what a slow
//! model says.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use layerlens::Analysis;
use layerlens::analysis::OwnerKind;

use crate::image::open;
use crate::support::image::{ImageSpec, LayerStream, Packing};
use crate::support::layer::{Kind, LayerSpec, Member, Metadata};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() }
}

/// Where files, links and directories are; databases name the same paths.
const PATHS: [&str; 22] = [
    "bin",
    "bin/a",
    "usr/bin",
    "usr/bin/a",
    "usr/bin/b",
    "lib",
    "usr/lib",
    "usr/lib/x.so",
    "opt/x.jar",
    "etc/a",
    "s",
    "s/m.py",
    "s/m",
    "s/m/__init__.py",
    "s/__pycache__/m.cpython-311.pyc",
    "app/node_modules",
    "app/node_modules/n",
    "app/node_modules/n/i.js",
    "app/node_modules/n/node_modules/o/i.js",
    "go/pkg/mod/h/m@v1.0.0/x.go",
    "usr/local/go/src/runtime",
    "var/lib/dpkg",
];

fn path() -> impl Strategy<Value = &'static str> {
    select(PATHS.to_vec())
}

/// A path as a database may spell it: climbing, absolute, not normal, with other bytes.
fn listed() -> impl Strategy<Value = String> {
    let odd =
        select(vec!["/../../etc/a", "//usr//bin/./b", "/.", "", "../../../usr/lib/x.so", "s/\u{fe}", "/bin/../bin/a"]);
    prop_oneof![8 => path().prop_map(|path| format!("/{path}")), 2 => path().prop_map(str::to_owned), 2 => odd.prop_map(str::to_owned)]
}

fn package() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "b", "c", "d"])
}

fn status() -> impl Strategy<Value = String> {
    let field = prop_oneof![
        package().prop_map(|name| format!("Depends: {name} (>= 1) | x, b\n")),
        package().prop_map(|name| format!("Recommends: {name}\n")),
        package().prop_map(|name| format!("Provides: {name} (= 2), x\n")),
        Just("Essential: yes\n".to_owned()),
        Just("Depends: ((((,,|\n".to_owned()),
        Just(" stray\n".to_owned()),
        Just("nonsense\n".to_owned()),
    ];
    let state = select(vec!["install ok installed", "deinstall ok config-files", "x"]);
    let stanza = (package(), state, select(vec!["1", "2:1-1", "~"]), vec(field, 0..4)).prop_map(
        |(name, state, version, fields)| {
            format!("Package: {name}\nStatus: {state}\nVersion: {version}\nArchitecture: amd64\n{}\n", fields.concat())
        },
    );
    vec(stanza, 0..6).prop_map(|stanzas| stanzas.concat())
}

fn installed() -> impl Strategy<Value = String> {
    let record = (package(), vec((listed(), package()), 0..4)).prop_map(|(name, files)| {
        let files: String =
            files.iter().map(|(folder, file)| format!("F:{}\nR:{file}\n", folder.trim_matches('/'))).collect();
        format!("P:{name}\nV:1\nD:b so:x !c\np:so:x=1 a\ni:a b\n{files}\n")
    });
    vec(record, 0..5).prop_map(|records| records.concat())
}

/// A database, whole or cut off in its middle.
fn database() -> impl Strategy<Value = (String, Vec<u8>)> {
    let lines = |list: Vec<String>| list.iter().map(|line| format!("{line}\n")).collect::<String>();
    let whole = prop_oneof![
        4 => status().prop_map(|text| ("var/lib/dpkg/status".to_owned(), text)),
        6 => (package(), vec(listed(), 0..6)).prop_map(move |(name, list)| (format!("var/lib/dpkg/info/{name}.list"), lines(list))),
        2 => (listed(), listed(), package()).prop_map(|(from, to, package)| {
            ("var/lib/dpkg/diversions".to_owned(), format!("{from}\n{to}\n{package}\n"))
        }),
        1 => package().prop_map(|name| ("var/lib/apt/extended_states".to_owned(), format!("Package: {name}\nArchitecture: amd64\nAuto-Installed: 1\n\n"))),
        3 => installed().prop_map(|text| ("lib/apk/db/installed".to_owned(), text)),
        1 => package().prop_map(|name| ("etc/apk/world".to_owned(), format!("{name}\n"))),
        3 => (package(), vec(listed(), 0..6)).prop_map(|(name, list)| {
            let lines: String = list.iter().map(|path| format!("{path},,\n")).collect();
            (format!("s/{name}.dist-info/RECORD"), lines)
        }),
        3 => (package(), package()).prop_map(|(name, need)| {
            (format!("s/{name}.dist-info/METADATA"), format!("Name: {name}\nVersion: 1\nRequires-Dist: {need}\n\n"))
        }),
        3 => (select(vec!["n", "n/node_modules/o", "@x/n"]), package()).prop_map(|(place, need)| {
            let text = format!(r#"{{"name": "{place}", "version": "1", "dependencies": {{"n": "1", "{need}": "*"}}}}"#);
            (format!("app/node_modules/{place}/package.json"), text)
        }),
        1 => listed().prop_map(|path| {
            let text = format!(r#"{{"packages": [{{"name": "p", "version": "1", "install-path": "..{path}"}}]}}"#);
            ("usr/composer/installed.json".to_owned(), text)
        }),
        1 => package().prop_map(|name| (format!("usr/specifications/{name}-1.gemspec"), format!("# stub: {name} 1 ruby lib\n"))),
        1 => Just(("usr/local/go/VERSION".to_owned(), "go1.21".to_owned())),
    ];
    (whole, prop::option::weighted(0.15, 0..60_usize)).prop_map(|((path, text), cut)| {
        let bytes = text.into_bytes();
        let end = cut.map_or(bytes.len(), |cut| cut.min(bytes.len()));
        (path, bytes[..end].to_vec())
    })
}

fn member() -> impl Strategy<Value = Member> {
    let new = |path: &str, kind| Member::new(path, kind, Metadata::with_mode(0o755));
    let target = prop_oneof![
        path().prop_map(|path| format!("/{path}")),
        select(vec!["usr/bin", "usr/lib", "a", "../s"]).prop_map(str::to_owned)
    ];
    prop_oneof![
        12 => (path(), 0..3000_usize).prop_map(move |(path, size)| new(path, Kind::File(vec![b'x'; size]))),
        2 => path().prop_map(move |path| new(path, Kind::Directory)),
        4 => (path(), target).prop_map(move |(path, target)| new(path, Kind::Symlink(target.into()))),
        4 => (path(), path()).prop_map(move |(path, target)| new(path, Kind::HardLink(target.into()))),
        3 => path().prop_map(|path| Member::whiteout(path.as_bytes())),
        1 => path().prop_map(|path| Member::opaque(path.as_bytes())),
        20 => database().prop_map(move |(path, bytes)| new(&path, Kind::File(bytes))),
    ]
}

fn layers() -> impl Strategy<Value = Vec<LayerSpec>> {
    vec(vec(member(), 0..16).prop_map(LayerSpec::of), 1..5)
}

/// All that is said of owners.
fn owners(analysis: &Analysis) -> Vec<String> {
    analysis.owners.list.iter().map(|owner| format!("{owner:?}")).collect()
}

proptest! {
    #![proptest_config(config(1200))]

    /// The sums are checked whenever an image is opened.
    #[test]
    fn all_bytes_have_one_owner(layers in layers(), stream in select(vec![LayerStream::Gzip, LayerStream::Zstd])) {
        let image = ImageSpec::of(layers);
        let plain = open(&image, Packing::default());
        let packed = open(&image, Packing { layers: stream, ..Packing::default() });
        prop_assert_eq!(owners(&plain), owners(&packed));
    }
}

/// A plain image of dpkg: what each layer writes and removes, and its database.
#[derive(Debug, Clone)]
struct Plain {
    /// Paths with their new sizes; none removes the path.
    files: Vec<(&'static str, Option<usize>)>,
    /// Packages in the order of the database, with their files.
    packages: Vec<(&'static str, Vec<&'static str>)>,
}

const FILES: [&str; 6] = ["usr/bin/a", "usr/bin/b", "usr/lib/c", "usr/lib/d", "etc/e", "etc/f"];

fn plain() -> impl Strategy<Value = Plain> {
    let file = (select(FILES.to_vec()), prop::option::weighted(0.8, 1..100_usize));
    let list = || vec(select(FILES.to_vec()), 0..5);
    let packages = (list(), list(), list()).prop_map(|(a, b, c)| vec![("a", a), ("b", b), ("c", c)]);
    (vec(file, 0..8), packages.prop_shuffle()).prop_map(|(mut files, packages)| {
        // Of a path a layer says one thing.
        files.sort_by_key(|(path, _)| *path);
        files.dedup_by_key(|(path, _)| *path);
        Plain { files, packages }
    })
}

impl Plain {
    fn layer(&self) -> LayerSpec {
        let file = |path: &str, bytes: Vec<u8>| Member::new(path, Kind::File(bytes), Metadata::with_mode(0o644));
        let files = self.files.iter().map(|(path, size)| match size {
            Some(size) => file(path, vec![b'x'; *size]),
            None => Member::whiteout(path.as_bytes()),
        });
        let stanza =
            |name: &str| format!("Package: {name}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n");
        let status: String = self.packages.iter().map(|(name, _)| stanza(name)).collect();
        let lists = self.packages.iter().map(|(name, paths)| {
            // The package knows the paths from before /usr was merged.
            let lines: String = paths.iter().map(|path| format!("/{}\n", path.trim_start_matches("usr/"))).collect();
            file(&format!("var/lib/dpkg/info/{name}.list"), lines.into_bytes())
        });
        let links = ["bin", "lib"].map(|name| {
            Member::new(name, Kind::Symlink(format!("usr/{name}").into_bytes()), Metadata::with_mode(0o777))
        });
        let database = file("var/lib/dpkg/status", status.into_bytes());
        LayerSpec::of(links.into_iter().chain(files).chain(lists).chain([database]).collect())
    }
}

/// Live bytes and wasted bytes of each package, by walking over everything.
fn model(layers: &[Plain]) -> BTreeMap<&'static str, (u64, u64)> {
    let packages = &layers.last().expect("a layer").packages;
    let owner = |path: &str| packages.iter().find(|(_, paths)| paths.contains(&path)).map(|(name, _)| *name);
    let mut sums: BTreeMap<&str, (u64, u64)> = packages.iter().map(|(name, _)| (*name, (0, 0))).collect();
    for path in FILES {
        let Some(owner) = owner(path) else { continue };
        let said = layers.iter().filter_map(|layer| layer.files.iter().find(|(other, _)| *other == path));
        let states: Vec<Option<usize>> = said.map(|(_, size)| *size).collect();
        let sum = sums.get_mut(owner).expect("all are there");
        for (at, size) in states.iter().enumerate() {
            let bytes = size.unwrap_or(0) as u64;
            if at + 1 == states.len() { sum.0 += bytes } else { sum.1 += bytes }
        }
    }
    sums
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn dpkg_gives_what_a_slow_model_says(layers in vec(plain(), 1..5)) {
        let analysis = open(&ImageSpec::of(layers.iter().map(Plain::layer).collect()), Packing::default());
        let dpkg = analysis.owners.list.iter().filter(|owner| owner.kind == OwnerKind::Dpkg);
        let found: BTreeMap<&str, (u64, u64)> =
            dpkg.map(|owner| (owner.name.as_str(), (owner.live_bytes, owner.wasted_bytes))).collect();
        prop_assert_eq!(found, model(&layers));
    }
}
