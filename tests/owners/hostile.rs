//! Databases that are made to cost much.

use std::fmt::Write as _;
use std::time::Instant;

use layerlens::analysis::OwnerKind;

use crate::image::Image;

/// `count` packages: half of them in one chain that bites its tail, half on ladders that need its ends.
fn tangled(count: usize) -> String {
    let mut status = String::new();
    for at in 0..count {
        let half = count / 2;
        let (next, far) = if at < half { ((at + 1) % half, (at * 7919) % half) } else { (0, (at * 31) % half) };
        let last = half - 1;
        writeln!(
            status,
            "Package: p{at}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nProvides: all-of-them\n\
             Depends: p{next}, p{far}, p{last}, all-of-them\nRecommends: p{}\n",
            (at * 13) % count
        )
        .expect("memory");
    }
    status
}

fn image(count: usize, database: &str) -> Image {
    Image::default()
        .step("RUN apt-get install p0")
        .file(database, &tangled(count))
        .file("var/lib/dpkg/info/p0.list", "/x\n")
        .sized("x", 10)
}

#[test]
fn tangled_packages_are_explained() {
    let analysis = image(3000, "var/lib/dpkg/status").analyse();
    let owners = analysis.owners.list.iter().filter(|owner| owner.kind == OwnerKind::Dpkg);
    assert_eq!(owners.count(), 3000);
    assert!(analysis.owners.list.iter().all(|owner| owner.because.len() <= 16));
}

/// In a release build half a second is allowed, beyond what the same bytes take that are no database.
#[test]
#[ignore = "a measurement: cargo test --release --test owners -- --ignored --nocapture"]
#[expect(clippy::print_stdout, reason = "the figure is what it is run for")]
fn fifty_thousand_tangled_packages_take_half_a_second() {
    let timed = |database: &str| {
        let image = image(50_000, database);
        let start = Instant::now();
        let analysis = image.analyse();
        (analysis.owners.list.len(), start.elapsed())
    };
    let (_, without) = timed("var/lib/x/status");
    let (count, with) = timed("var/lib/dpkg/status");
    println!("{count} owners: {with:?}, without {without:?}");
    assert!(with.saturating_sub(without).as_millis() < 500, "{with:?}, without {without:?}");
}

/// Records that name one folder again and again do not make it be walked again and again.
#[test]
fn many_records_of_one_folder_cost_one_walk() {
    let mut image = Image::default().step("x");
    for at in 0..2000 {
        image = image
            .file(&format!("s/p{at}.egg-info/PKG-INFO"), &format!("Name: p{at}\nVersion: 1\n\n"))
            .file(&format!("s/p{at}.egg-info/top_level.txt"), "big\n")
            .sized(&format!("s/big/{at}/x"), 1);
    }
    let analysis = image.analyse();
    let owner = analysis.owners.list.iter().find(|owner| owner.live_bytes >= 2000).expect("one has the module");
    assert_eq!(owner.kind, OwnerKind::Python);
}

/// Names of 4000 bytes in a chain of 2000: the ways to them may not be told in full.
#[test]
fn long_names_do_not_multiply() {
    let name = |at: usize| format!("{}{at}", "n".repeat(4000));
    let mut status = String::new();
    for at in 0..2000 {
        let (own, next) = (name(at), name(at + 1));
        writeln!(
            status,
            "Package: {own}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nDepends: {next}\n"
        )
        .expect("memory");
    }
    let automatic: String =
        (1..2000).map(|at| format!("Package: {}\nArchitecture: all\nAuto-Installed: 1\n\n", name(at))).collect();
    let analysis = Image::default()
        .step("x")
        .file("var/lib/dpkg/status", &status)
        .file("var/lib/apt/extended_states", &automatic)
        .analyse();
    let told: usize = analysis.owners.list.iter().flat_map(|owner| &owner.because).map(String::len).sum();
    assert!(0 < told && told <= 8 << 20, "{told}");
}
