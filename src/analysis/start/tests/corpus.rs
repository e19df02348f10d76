//! The chain on images of the corpus: printed for people, with `LAYERLENS_START=IMAGE.tar,… cargo test --lib chains_of_images -- --ignored --nocapture`.

use std::collections::BTreeSet;
use std::path::Path;

use super::Found;

/// Paths of all packages of dpkg.
fn packaged(image: &Path) -> BTreeSet<Vec<u8>> {
    let options = crate::open::LoadOptions { evidence: true, ..Default::default() };
    let input = crate::source::open(image, &options.access).expect("a file");
    let mut loaded = crate::open::load(input, &options).unwrap_or_else(|error| panic!("{error}"));
    crate::merge::merger::merge(&mut loaded.index, &mut loaded.warnings).expect("small");
    let rootfs = crate::analysis::rootfs::Rootfs::new(&loaded.index, loaded.blobs.iter().collect(), &loaded.kept);
    let mut paths = BTreeSet::new();
    let folder = rootfs.resolve(b"/var/lib/dpkg/info").expect("dpkg");
    for list in rootfs.children(folder).filter(|node| rootfs.tree().name(*node).ends_with(b".list")) {
        let text = rootfs.read(list).expect("kept");
        for line in text.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"/")) {
            paths.extend(rootfs.find(line).map(|node| rootfs.tree().path(node)));
        }
    }
    paths
}

#[test]
#[ignore = "prints the chains of the images in LAYERLENS_START for people to read"]
#[expect(clippy::print_stdout, reason = "what people read")]
fn chains_of_images_for_people_to_read() {
    let list = std::env::var("LAYERLENS_START").expect("images, with commas between");
    for image in list.split(',').map(Path::new) {
        let owned = packaged(image);
        let begun = std::time::Instant::now();
        let found = Found::open(image, &|path| owned.contains(path));
        let tree = &found.loaded.index.tree;
        println!(
            "\n=== {} {:?} {:?}",
            image.display(),
            begun.elapsed(),
            crate::archive::RunConfig::parse(&found.loaded.spec.config).command()
        );
        let mut lines: Vec<String> = found
            .start
            .reached
            .iter()
            .map(|(node, reason)| {
                format!(
                    "{:?} {}{} | {}",
                    reason.how,
                    if owned.contains(&tree.path(*node)) { "(pkg) " } else { "" },
                    reason.extent_name(),
                    found.start.sentence(tree, *node)
                )
            })
            .collect();
        lines.sort();
        for line in &lines {
            println!("{line}");
        }
        for (node, reason) in &found.start.reached {
            println!("R\t{}\t{}", String::from_utf8_lossy(&tree.path(*node)), reason.extent_name());
        }
        println!("tool box: {:?}", found.start.tool_box);
        let mut packages: Vec<_> = found.start.packages.keys().collect();
        packages.sort();
        println!("packages: {packages:?}");
        for launcher in &found.start.launchers {
            let only: Vec<String> = launcher
                .only_through_it
                .iter()
                .map(|node| String::from_utf8_lossy(&tree.path(*node)).into_owned())
                .collect();
            println!(
                "launcher: {:?} starts {:?} words {:?} only {only:?}",
                String::from_utf8_lossy(&launcher.command.join(&b' ')),
                String::from_utf8_lossy(&launcher.starts),
                launcher.words.as_ref().map(|words| String::from_utf8_lossy(&words.join(&b' ')).into_owned())
            );
        }
        let names = |nodes: &[crate::layer::entry::NodeId]| {
            nodes.iter().map(|node| String::from_utf8_lossy(&tree.path(*node)).into_owned()).collect::<Vec<_>>()
        };
        println!(
            "unread: {:?}\ncompiled: {:?}\ncut: {}",
            names(&found.start.unread),
            names(&found.start.compiled),
            found.start.is_cut
        );
        for interpreter in &found.start.interpreters {
            println!(
                "interpreter: {:?} {:?} {:?} {:?}",
                interpreter.language,
                names(&[interpreter.program]),
                names(&interpreter.files),
                names(&interpreter.module_folders)
            );
        }
        println!(
            "missing: {:?}",
            found
                .start
                .missing_libraries
                .iter()
                .map(|(node, name)| (
                    String::from_utf8_lossy(&tree.path(*node)).into_owned(),
                    String::from_utf8_lossy(name).into_owned()
                ))
                .take(20)
                .collect::<Vec<_>>()
        );
        for path in
            ["/usr/share/doc/x", "/app/node_modules/.cache", "/var/cache/apt/archives/jq.deb", "/srv/app/.git/HEAD"]
        {
            println!("mentions {path}: {:?}", found.start.mentions_path(path.as_bytes()).map(|reason| reason.how));
        }
    }
}
