//! The files beside the metadata: what was installed, by whom, from where, and which commands it brings.

use super::super::Parsed;
use super::super::bounds::{Bounds, lines, split_once, text};
use super::super::json;
use super::requirement::{Requirement, requirement};

/// Reads `RECORD`: paths below the folder that holds the `.dist-info`, as written (`../../../bin/pip` is one).
#[must_use]
pub fn record(bytes: &[u8]) -> Parsed<Vec<Vec<u8>>> {
    let (mut bounds, mut paths) = (Bounds::new(), Vec::new());
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut row = csv::ByteRecord::new();
    // Bytes in memory are always read, and rows of any length are rows.
    while reader.read_byte_record(&mut row).is_ok_and(|found| found) {
        match row.get(0).filter(|path| !path.is_empty()) {
            Some(path) => bounds.push(&mut paths, path.to_vec(), path.len()),
            None => bounds.skip(),
        }
    }
    bounds.finish(paths)
}

/// Reads `installed-files.txt` of an `.egg-info`: paths below the `.egg-info` itself, as written.
#[must_use]
pub fn installed_files(bytes: &[u8]) -> Parsed<Vec<Vec<u8>>> {
    let (mut bounds, mut paths) = (Bounds::new(), Vec::new());
    for line in lines(bytes).filter(|line| !line.is_empty()) {
        bounds.push(&mut paths, line.to_vec(), line.len());
    }
    bounds.finish(paths)
}

/// Reads `INSTALLER`: `pip`, `uv`, `conda`, `debian` …
#[must_use]
pub fn installer(bytes: &[u8]) -> Option<String> {
    lines(bytes).next().and_then(text)
}

/// Reads `top_level.txt`: the names that can be imported.
#[must_use]
pub fn top_level(bytes: &[u8]) -> Parsed<Vec<String>> {
    let (mut bounds, mut names) = (Bounds::new(), Vec::new());
    for line in lines(bytes).filter(|line| !line.trim_ascii().is_empty()) {
        match text(line) {
            Some(name) => bounds.push(&mut names, name, line.len()),
            None => bounds.skip(),
        }
    }
    bounds.finish(names)
}

/// One command that a distribution brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPoint {
    /// The command's name.
    pub name: String,
    /// The module whose function it calls.
    pub module: String,
}

/// Reads the commands of `entry_points.txt`: `console_scripts` and `gui_scripts`.
///
/// See [entry points](https://packaging.python.org/en/latest/specifications/entry-points/).
#[must_use]
pub fn entry_points(bytes: &[u8]) -> Parsed<Vec<EntryPoint>> {
    let (mut bounds, mut found) = (Bounds::new(), Vec::new());
    let mut is_script = false;
    for line in lines(bytes).map(<[u8]>::trim_ascii).filter(|line| !line.is_empty() && !line.starts_with(b"#")) {
        if line.starts_with(b"[") {
            is_script = [&b"[console_scripts]"[..], b"[gui_scripts]"].contains(&line);
        } else if is_script {
            match entry_point(line) {
                Some(point) => bounds.push(&mut found, point, line.len()),
                None => bounds.skip(),
            }
        }
    }
    bounds.finish(found)
}

/// Reads `NAME = MODULE:FUNCTION [EXTRAS]`.
fn entry_point(line: &[u8]) -> Option<EntryPoint> {
    let (name, object) = split_once(line, b'=')?;
    let module = object.split(|byte| matches!(byte, b':' | b'[')).next()?;
    Some(EntryPoint { name: text(name)?, module: text(module)? })
}

/// Where a distribution came from, if not from an index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DirectUrl {
    /// The address: `file:///app`, `https://…`.
    pub url: String,
    /// Whether only a link to its sources was installed (`pip install -e`).
    pub is_editable: bool,
    /// The version control it was taken from: `git` …
    pub version_control: Option<String>,
}

/// Reads `direct_url.json`.
#[must_use]
pub fn direct_url(bytes: &[u8]) -> Parsed<DirectUrl> {
    let mut bounds = Bounds::new();
    let mut found = DirectUrl::default();
    if let Some(document) = json::read(bytes, &mut bounds) {
        found.is_editable = document.get("dir_info").is_some_and(|info| info.flag("editable"));
        found.version_control = document.get("vcs_info").and_then(|info| info.text("vcs"));
        match document.text("url") {
            Some(url) => found.url = url,
            None => bounds.skip(),
        }
    }
    bounds.finish(found)
}

/// Beyond any real one; each requirement of a section carries a copy.
const MOST_MARKER_BYTES: usize = 1024;

/// Reads `requires.txt` of an `.egg-info`: requirements, then those of `[EXTRA]`, `[:MARKER]` or `[EXTRA:MARKER]`.
#[must_use]
pub fn requires_txt(bytes: &[u8]) -> Parsed<Vec<Requirement>> {
    let (mut bounds, mut found) = (Bounds::new(), Vec::new());
    let (mut is_optional, mut marker) = (false, None);
    for line in lines(bytes).map(<[u8]>::trim_ascii).filter(|line| !line.is_empty() && !line.starts_with(b"#")) {
        let line = std::str::from_utf8(line).unwrap_or_default();
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let (extra, condition) = section.split_once(':').unwrap_or((section, ""));
            is_optional = !extra.is_empty();
            marker = (1..=MOST_MARKER_BYTES).contains(&condition.len()).then(|| condition.to_owned());
        } else if let Some(mut requirement) = requirement(line) {
            requirement.is_optional |= is_optional;
            requirement.marker = requirement.marker.or_else(|| marker.clone());
            let bytes = line.len() + requirement.marker.as_ref().map_or(0, String::len);
            bounds.push(&mut found, requirement, bytes);
        } else {
            bounds.skip();
        }
    }
    bounds.finish(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_is_csv() {
        let parsed = record(
            b"../../../bin/pip,sha256=abc,213\npip/__init__.py,,\n\"a, \"\"b\"\".txt\",sha256=x,1\r\n,,\nlast\xff",
        );
        let expected = [&b"../../../bin/pip"[..], b"pip/__init__.py", b"a, \"b\".txt", b"last\xff"];
        assert_eq!((parsed.content, parsed.skipped), (expected.map(<[u8]>::to_vec).to_vec(), 1));
    }

    #[test]
    fn short_files_are_lists_of_lines() {
        assert_eq!(installer(b"pip\n").as_deref(), Some("pip"));
        assert_eq!(installer(b"\n"), None);
        assert_eq!(top_level(b"_yaml\nyaml\n\n").content, ["_yaml", "yaml"]);
        assert_eq!(installed_files(b"../yaml/__init__.py\nPKG-INFO\n").content.len(), 2);
    }

    /// From gunicorn 21 and its like.
    #[test]
    fn commands_name_their_modules() {
        let parsed = entry_points(
            b"[console_scripts]\ngunicorn = gunicorn.app.wsgiapp:run\nx=x.cli:main [dev]\nbad\n\n\
              [paste.server_runner]\nmain = gunicorn.app.pasterapp:serve\n\n[gui_scripts]\ny = y",
        );
        let found: Vec<(&str, &str)> =
            parsed.content.iter().map(|point| (point.name.as_str(), point.module.as_str())).collect();
        assert_eq!(found, [("gunicorn", "gunicorn.app.wsgiapp"), ("x", "x.cli"), ("y", "y")]);
        assert_eq!(parsed.skipped, 1);
    }

    #[test]
    fn origins_are_read() {
        let parsed = direct_url(b"{\"dir_info\": {\"editable\": true}, \"url\": \"file:///app\"}");
        let expected = DirectUrl { url: "file:///app".to_owned(), is_editable: true, version_control: None };
        assert_eq!((parsed.content, parsed.skipped), (expected, 0));
        let git = direct_url(b"{\"url\": \"https://host/x\", \"vcs_info\": {\"vcs\": \"git\", \"commit_id\": \"1\"}}");
        assert_eq!(git.content.version_control.as_deref(), Some("git"));
        assert_eq!([direct_url(b"{}").skipped, direct_url(b"[").skipped], [1, 1]);
    }

    #[test]
    fn sections_are_extras_or_markers() {
        let parsed = requires_txt(
            b"six>=1.10\n\n[:python_version < '3']\nenum34\n\n[test]\npytest\n\n[x:os_name == 'nt']\nw\n!\n",
        );
        let found: Vec<(&str, bool, Option<&str>)> = parsed
            .content
            .iter()
            .map(|requirement| (requirement.name.as_str(), requirement.is_optional, requirement.marker.as_deref()))
            .collect();
        let expected = [
            ("six", false, None),
            ("enum34", false, Some("python_version < '3'")),
            ("pytest", true, None),
            ("w", true, Some("os_name == 'nt'")),
        ];
        assert_eq!((found.as_slice(), parsed.skipped), (&expected[..], 1));
    }
}
