//! The HTML report in a real browser: what it does, what it must not do, how it looks. `tests/browser/check.test.mjs` has
//! the checks; this makes the pages and runs them.
//!
//! Needs node, a Chromium (`CHROMIUM` names another than the system's) and `npm ci` in `tests/browser`; without them it is
//! ignored. The pictures are left in `target/pages` for whoever wants to look at them;
//! `LAYERLENS_UPDATE=1 cargo test --test browser` puts those of the README in their place.

mod peers;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use layerlens::OpenOptions;
use layerlens::gate::Rules;
use layerlens::report::{self, Format, Style};
use peers::Missing;
use support::image::{ImageSpec, Packing};
use support::layer::{Kind, LayerSpec, Member, Metadata};
use support::pages;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn main() -> ExitCode {
    peers::run(peers::tests![the_page_holds_in_a_browser])
}

fn browser() -> Result<String, Missing> {
    let named = std::env::var("CHROMIUM").ok();
    let known = ["chromium", "chromium-browser", "google-chrome", "chrome"].map(str::to_owned);
    let found = named.into_iter().chain(known).find(|name| peers::program(name).is_ok());
    let found = found.ok_or_else(|| Missing::program("no Chromium is installed"))?;
    // The driver wants a path.
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::env::split_paths(&folders).map(|folder| folder.join(&found));
    Ok(paths.into_iter().find(|path| path.is_file()).map_or(found, |path| path.to_string_lossy().into_owned()))
}

fn write_page(image: &Path, rules: &Rules, to: &Path) {
    let mut analysis = layerlens::open(image, &OpenOptions::default()).expect("an image");
    // The pictures must not show where the project lies.
    analysis.source = image.strip_prefix(project("")).unwrap_or(image).to_string_lossy().into_owned();
    let mut out = Vec::new();
    report::write(Format::Html, &analysis, Some(&rules.judge(&analysis)), &Style::default(), &mut out).expect("memory");
    fs::write(to, out).expect("the page can be written");
}

/// Folders of a known shape: `/usr` has seven files in two folders and most of the bytes.
fn folders() -> ImageSpec {
    let file = |name: String, size| Member::new(name, Kind::File(vec![b'x'; size]), Metadata::with_mode(0o644));
    let libraries = (0..4).map(|at| file(format!("usr/lib/lib{at}.so"), 200_000 + at));
    let manuals = (0..3).map(|at| file(format!("usr/share/man{at}"), 50_000 + at));
    let mut members: Vec<Member> = libraries.chain(manuals).collect();
    members.push(file("etc/passwd".to_owned(), 40_000));
    members.push(file("var/a".to_owned(), 60_000));
    members.push(file("var/b".to_owned(), 70_000));
    ImageSpec::of(vec![LayerSpec::of(members)])
}

fn the_page_holds_in_a_browser() -> Result<(), Missing> {
    let tests = project("tests/browser");
    let chromium = browser()?;
    peers::program("node")?;
    if !tests.join("node_modules/playwright-core").is_dir() {
        return Err(Missing::program("playwright-core: run `npm ci` in tests/browser"));
    }
    let pictures = project("target/pages");
    fs::create_dir_all(&pictures).expect("target can be written");
    let held = tempfile::tempdir().expect("a temporary directory");
    let folder = held.path();
    let page = |name: &str| folder.join(format!("{name}.html"));
    let strict = pages::rules(&[("max-waste", "1MB"), ("max-layers", "10")]);
    write_page(&project("sample-images/seed.tar.gz"), &strict, &page("seed"));
    write_page(&project("sample-images/seed-merged.tar.gz"), &strict, &page("clean"));
    for (name, image) in [("hostile", pages::hostile()), ("large", pages::large()), ("folders", folders())] {
        let image = image.write(Packing::default(), folder, &format!("{name}.tar"));
        write_page(&image, &Rules::default(), &page(name));
    }
    let run = Command::new("node")
        .args(["--test", "check.test.mjs"])
        .current_dir(&tests)
        .env("PAGES", folder)
        .env("PICTURES", &pictures)
        .env("CHROMIUM", chromium)
        .output()
        .expect("node runs");
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}\n{err}");
    if std::env::var_os("LAYERLENS_UPDATE").is_some() {
        for name in ["report-light.png", "report-dark.png"] {
            fs::copy(pictures.join(name), project("screenshots").join(name)).expect("the picture was made");
        }
    }
    assert!(out.contains("pass ") && !out.contains("# pass 0"), "no check was run: {out}");
    Ok(())
}
