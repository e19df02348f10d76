//! What a member's name means: src/model.md section 1 for paths, section 2 for `.wh.` names.

/// Components below the root; the root itself has none.
pub type Path = Vec<Vec<u8>>;

/// What a name says about its layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The member stands for itself at this path.
    Entry(Path),
    /// The path is removed from the lower view.
    Whiteout(Path),
    /// Everything below the path is removed from the lower view.
    Opaque(Path),
    /// Bookkeeping of AUFS, a whiteout of no name, or a path that climbs above the root.
    Nothing,
}

/// Splits a name into components: `.`, empty components and a leading `/` vanish, `..` takes the component before it
/// away. Returns `None` for a name that climbs above the root.
pub fn parse(name: &[u8]) -> Option<Path> {
    let mut path = Path::new();
    for component in name.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                path.pop()?;
            }
            _ => path.push(component.to_vec()),
        }
    }
    Some(path)
}

/// Reads a member's name. The kind and the fields of the member play no part: builders leave junk in those of a marker.
pub fn meaning(name: &[u8]) -> Meaning {
    let Some(path) = parse(name) else { return Meaning::Nothing };
    let Some((last, parent)) = path.split_last() else { return Meaning::Entry(path) };
    let is_bookkeeping = |component: &Vec<u8>| component.starts_with(b".wh..wh.");
    if parent.iter().any(is_bookkeeping) {
        return Meaning::Nothing;
    }
    match last.strip_prefix(b".wh.") {
        None => Meaning::Entry(path),
        Some(b".wh..opq") => Meaning::Opaque(parent.to_vec()),
        // `.wh.` alone, `.wh..` and `.wh...` would remove nothing, `.` and `..`.
        Some(b"" | b"." | b"..") => Meaning::Nothing,
        Some(_) if is_bookkeeping(last) => Meaning::Nothing,
        Some(hidden) => Meaning::Whiteout([parent, &[hidden.to_vec()]].concat()),
    }
}

/// Whether `path` lies strictly below `directory`.
pub fn is_below(path: &Path, directory: &Path) -> bool {
    path.len() > directory.len() && path.starts_with(directory)
}

/// The path as text of the report: from the root, with a leading `/`.
pub fn joined(path: &Path) -> Vec<u8> {
    path.iter().flat_map(|component| [b"/", component.as_slice()].concat()).collect()
}
