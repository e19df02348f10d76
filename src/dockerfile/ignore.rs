//! The `.dockerignore` beside a Dockerfile: lines that are added to it, as far as that is known to leave out nothing else.
//!
//! The Dockerfile's own folder is taken for the build context where the paths that are to be left out lie in it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::file::{Dockerfile, MOST_BYTES};
use super::instructions::Instruction;
use super::patch;

/// The folder that a Dockerfile lies in, and what it says is not part of the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Context {
    folder: PathBuf,
    /// The file's name, in that folder.
    ignore: String,
    /// Its text, where it is there.
    text: Option<String>,
}

impl Context {
    /// Looks around where a Dockerfile lies; nothing where what is there cannot be read.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // BuildKit prefers the Dockerfile's own list.
        let own = format!("{name}.dockerignore");
        let ignore = if folder.join(&own).exists() { own } else { ".dockerignore".to_owned() };
        let text = match read(&folder.join(&ignore)) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) => return None,
        };
        Some(Context { folder: folder.to_owned(), ignore, text })
    }

    fn with(&self, paths: &[&str]) -> String {
        let mut text = self.text.clone().unwrap_or_default();
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push_str(end);
        }
        for path in paths {
            text.push_str(path);
            text.push_str(end);
        }
        text
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let length = File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if length as u64 > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too large for a list of paths"));
    }
    Ok(text)
}

impl Dockerfile {
    /// Returns the patch that leaves paths out of the build context, for `git apply` as [`Dockerfile::patch`]'s; empty
    /// without paths.
    #[must_use]
    pub fn ignore_patch(&self, paths: &[&str]) -> String {
        let Some(context) = self.context().filter(|_| !paths.is_empty()) else { return String::new() };
        let own = patch::place(self.name());
        let name = match own.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{}", context.ignore),
            None => context.ignore.clone(),
        };
        patch::diff(&name, context.text.as_deref(), &context.with(paths))
    }

    /// Finds out whether paths of the build context can be left out of it without another instruction than `of` missing
    /// them, as far as the Dockerfile tells.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn can_ignore(&self, paths: &[String], of: &Instruction) -> Result<(), &'static str> {
        let context = self.context().ok_or("the Dockerfile's folder is not known")?;
        // An escape or a pattern stands for other files here than for a shell.
        let is_odd = |path: &String| {
            path.is_empty()
                || path.starts_with(['#', '!', '/'])
                || path.trim() != path
                || path.contains(['*', '?', '[', ']', '\\'])
                || path.chars().any(char::is_control)
                || path.split('/').any(|part| matches!(part, "" | "." | ".."))
        };
        if paths.iter().any(is_odd) {
            return Err("its paths may stand for others in .dockerignore");
        }
        if !paths.iter().all(|path| context.folder.join(path).symlink_metadata().is_ok()) {
            return Err("the files it leaves out do not lie beside the Dockerfile, where the build context would be");
        }
        let others = self.instructions().iter().filter(|other| other.lines() != of.lines());
        if others.clone().any(|other| paths.iter().any(|path| may_read(other, path))) {
            return Err("another instruction may read from the build context what it leaves out");
        }
        Ok(())
    }
}

/// Says whether an instruction may find a path of the build context.
fn may_read(instruction: &Instruction, path: &str) -> bool {
    match instruction.name() {
        "COPY" | "ADD" => {
            let is_from_elsewhere = instruction.flags().any(|flag| flag.starts_with("--from="));
            let words: Vec<&str> = instruction.text().split_whitespace().collect();
            let sources = words.split_last().map_or(&[][..], |(_, sources)| sources);
            !is_from_elsewhere && sources.iter().any(|source| overlaps(source, path))
        }
        "RUN" => instruction.flags().any(|flag| {
            let is_bind = flag.starts_with("--mount=")
                && !["type=cache", "type=tmpfs", "type=secret", "type=ssh"].iter().any(|kind| flag.contains(kind));
            is_bind && !flag.contains("from=")
        }),
        "ONBUILD" => true,
        _ => false,
    }
}

/// Says whether what a source names may hold a path, or lie below it.
fn overlaps(source: &str, path: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if !source.chars().all(is_plain) || source.split('/').any(|part| part == "..") {
        return true;
    }
    let parts = |text: &str| -> Vec<String> {
        text.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
    };
    let (source, path) = (parts(source), parts(path));
    source.iter().zip(&path).all(|(one, other)| one == other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn lines_are_added_to_what_is_there() {
        let top = tempfile::tempdir().expect("a folder");
        let file = top.path().join("Dockerfile");
        fs::write(&file, "FROM a\nCOPY . /x\n").expect("a file");
        let patch = |text: Option<&str>| {
            if let Some(text) = text {
                fs::write(top.path().join(".dockerignore"), text).expect("a file");
            }
            Dockerfile::read(&file).expect("readable").ignore_patch(&["src/docs", ".git"])
        };
        let new = "diff --git a/.dockerignore b/.dockerignore\nnew file mode 100644\n--- /dev/null\n+++ b/.dockerignore\n\
                   @@ -0,0 +1,2 @@\n+src/docs\n+.git\n";
        assert_eq!(patch(None), new);
        let more = "diff --git a/.dockerignore b/.dockerignore\n--- a/.dockerignore\n+++ b/.dockerignore\n\
                    @@ -1,1 +1,3 @@\n-*.log\n\\ No newline at end of file\n+*.log\n+src/docs\n+.git\n";
        assert_eq!(patch(Some("*.log")), more);
    }

    #[test]
    fn what_others_read_is_not_left_out() {
        let top = tempfile::tempdir().expect("a folder");
        let file = top.path().join("Dockerfile");
        fs::create_dir_all(top.path().join("src/docs")).expect("a folder");
        let can = |more: &str, paths: &[&str]| {
            fs::write(&file, format!("FROM a\nCOPY src /src\n{more}\n")).expect("a file");
            let file = Dockerfile::read(&file).expect("readable");
            let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
            let copy = file.instructions()[1].clone();
            file.can_ignore(&paths, &copy).is_ok()
        };
        let docs = &["src/docs"];
        assert!(can("COPY other /x", docs));
        assert!(can("COPY --from=x src/docs /x", docs));
        assert!(can("RUN --mount=type=cache,target=/x make", docs));
        for more in
            ["COPY . /x", "COPY ./src/docs/one /x", "COPY s* /x", "RUN --mount=type=bind,target=/x make", "ADD $X /x"]
        {
            assert!(!can(more, docs), "{more}");
        }
        for path in ["src/none", "src/*", "!src/docs", "src/../src/docs", "/src/docs", "src\\docs", ""] {
            assert!(!can("", &[path]), "{path}");
        }
    }
}
