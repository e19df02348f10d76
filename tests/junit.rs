//! `JUnit` reports follow the schema that servers of continuous integration read them by. Needs `xmllint`.

mod common;
mod peers;
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use common::run::layerlens;
use peers::Missing;
use support::image::{HistorySpec, ImageSpec, Packing};
use support::layer::{Kind, LayerSpec, Member, Metadata};

fn main() -> ExitCode {
    peers::run(peers::tests![junit_follows_its_schema])
}

/// A file stored twice, with a name, a tag and steps that no XML may hold as they are.
fn hostile(folder: &Path) -> PathBuf {
    let name = b"=cmd()|`<script>::error::x\n\x1b[31m@all\xff,\"'&]]>";
    let step = "<script>]]>\n::error::y\r\x1b[31m@all --> ```\n```, \"'& %0A";
    let member = |byte| Member::new(name, Kind::File(vec![byte; 200_000]), Metadata::with_mode(0o644));
    let layers = [b'a', b'b'].map(|byte| LayerSpec::of(vec![member(byte)])).to_vec();
    let history = vec![HistorySpec::step(step), HistorySpec::step(step)];
    let image = ImageSpec { layers, history, tags: vec![step.to_owned()] };
    image.write(Packing::default(), folder, "hostile.tar")
}

fn report(image: &Path) -> String {
    let rules =
        ["--max-waste=1B", "--max-file-size=1B", "--max-layers=7", "--warn=min-efficiency=0.9", "--forbid==cmd*"];
    let rules = rules.iter().map(AsRef::as_ref);
    let arguments = [image.as_os_str(), "--report".as_ref(), "junit".as_ref(), "--ci".as_ref()];
    layerlens(arguments.into_iter().chain(rules)).outcome().assert_code(1).stdout_text().to_owned()
}

fn junit_follows_its_schema() -> Result<(), Missing> {
    peers::program("xmllint")?;
    let directory = tempfile::tempdir().expect("a directory");
    for image in [common::sample("seed.tar.gz"), common::sample("opaque.tar.zst"), hostile(directory.path())] {
        let report = report(&image);
        assert_eq!(problems(&report, directory.path()), None, "{report}");
    }
    let broken = report(&common::sample("seed.tar.gz")).replace("name=", "nam=");
    assert!(problems(&broken, directory.path()).is_some(), "the schema is one that can be broken");
    Ok(())
}

/// What `xmllint` has to say against a report.
fn problems(report: &str, folder: &Path) -> Option<String> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/junit-10.xsd");
    let path = folder.join("junit.xml");
    std::fs::write(&path, report).expect("written");
    let output = Command::new("xmllint").args(["--noout", "--schema"]).arg(&schema).arg(&path).output();
    let output = output.expect("it ran before");
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}
