//! `git apply` takes the patches of Dockerfiles, inside and outside of a repository, and makes of the file what it should.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use layerlens::dockerfile::{Dockerfile, Lines, Replacement};

fn edit(first: u32, last: u32, text: &str) -> Replacement {
    Replacement { lines: Lines { first, last }, text: text.to_owned() }
}

/// Files, and what is done to them.
fn cases() -> Vec<(String, Vec<Replacement>)> {
    let long = "RUN step\nRUN other step\nRUN third step\n".repeat(13);
    [
        ("FROM a\nRUN b\nRUN c\n", vec![edit(2, 3, "RUN b \\\n && c")]),
        ("FROM a\nRUN b", vec![edit(2, 2, "RUN c")]),
        ("FROM a\nRUN b\nRUN c", vec![edit(3, 3, "")]),
        ("FROM a\nRUN b\nRUN c", vec![edit(2, 2, "")]),
        ("FROM a\r\n# why\r\nRUN b\r\n\r\nCOPY c /d\r\n", vec![edit(3, 3, ""), edit(5, 5, "COPY --chown=1 c /d")]),
        ("\u{feff}FROM a\nRUN é\rx\nRUN c\n", vec![edit(3, 3, "RUN ü\nRUN z")]),
        ("RUN b\n", vec![edit(1, 1, "")]),
        (&long, vec![edit(1, 1, "FROM x"), edit(3, 4, ""), edit(20, 20, "RUN y\nRUN z"), edit(39, 39, "RUN end")]),
    ]
    .map(|(text, edits)| (text.to_owned(), edits))
    .to_vec()
}

/// Runs git without a configuration, and without a repository around the temporary folders.
fn git(folder: &Path, arguments: &[&str], input: &str) -> Result<(), String> {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(folder).env("GIT_CEILING_DIRECTORIES", std::env::temp_dir());
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env_remove("GIT_DIR");
    let patch = folder.join(".patch");
    fs::write(&patch, input).map_err(|error| error.to_string())?;
    command.stdin(fs::File::open(&patch).map_err(|error| error.to_string())?).stdout(Stdio::null());
    let output = command.output().map_err(|error| error.to_string())?;
    let is_done = output.status.success();
    if is_done { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn has_git() -> bool {
    let has = Command::new("git").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    let is_required = std::env::var_os("TEST_PEERS").is_some_and(|value| value == "required");
    assert!(has || !is_required, "install git");
    has
}

/// A folder that is a repository or not.
fn folder(top: &Path, is_repository: bool) -> PathBuf {
    let folder = top.join(if is_repository { "inside" } else { "outside" });
    fs::create_dir_all(folder.join("build")).expect("a folder");
    if is_repository {
        git(&folder, &["init", "-q"], "").expect("a repository");
    }
    folder
}

#[test]
fn git_applies_the_patches() {
    if !has_git() {
        return;
    }
    let top = tempfile::tempdir().expect("a folder");
    for is_repository in [true, false] {
        let folder = folder(top.path(), is_repository);
        for name in ["Dockerfile", "build/Dockerfile", "build/my own Dockerfile", "build/\"é\\\t"] {
            for (text, edits) in cases() {
                let place = folder.join(name);
                fs::write(&place, &text).expect("a file");
                let file = Dockerfile::parse(name, &text);
                let patch = file.patch(&edits);
                let case = format!("{name} (repository: {is_repository}):\n{patch}");
                git(&folder, &["apply", "--check"], &patch).unwrap_or_else(|error| panic!("{case}{error}"));
                git(&folder, &["apply"], &patch).unwrap_or_else(|error| panic!("{case}{error}"));
                // An empty file may be gone altogether.
                let new = fs::read_to_string(&place).unwrap_or_default();
                assert_eq!(new, file.edited(&edits), "{case}");
            }
        }
    }
}

/// Files in a repository are named from its root, where they are read from; git finds them from any folder of it.
#[test]
fn git_applies_the_patches_in_the_files_own_folder() {
    if !has_git() {
        return;
    }
    let top = tempfile::tempdir().expect("a folder");
    for is_repository in [true, false] {
        let folder = folder(top.path(), is_repository);
        let place = folder.join("build/Dockerfile");
        fs::write(&place, "FROM a\nRUN b\n").expect("a file");
        let file = Dockerfile::read(&place).expect("readable");
        let patch = file.patch(&[edit(2, 2, "RUN c")]);
        assert!(
            patch.contains(if is_repository { "--- a/build/Dockerfile\n" } else { "--- a/Dockerfile\n" }),
            "{patch}"
        );
        git(&folder.join("build"), &["apply"], &patch).unwrap_or_else(|error| panic!("{patch}{error}"));
        assert_eq!(fs::read_to_string(&place).expect("there"), "FROM a\nRUN c\n");
    }
}
