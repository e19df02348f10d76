//! How Node finds a package: in `node_modules` of the folder that asks, then of each folder above it.
//!
//! See [loading from node_modules folders](https://nodejs.org/api/modules.html#loading-from-node_modules-folders).

const FOLDER: &[u8] = b"node_modules";
/// No path of a file system is longer.
const MOST_PATH_BYTES: usize = 4096;

/// Returns the path that `require(name)` reaches from a file in `folder`, or `None`.
///
/// `name` is a package's, with its scope; `exists` is asked for the candidates, nearest first.
#[must_use]
pub fn resolve(folder: &[u8], name: &[u8], exists: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let mut folder = Some(folder).filter(|folder| folder.len() + name.len() <= MOST_PATH_BYTES);
    while let Some(at) = folder {
        // A folder that holds packages is not searched for one of its own.
        if at.rsplit(|byte| *byte == b'/').next() != Some(FOLDER) {
            let parts: [&[u8]; 3] = [at, FOLDER, name];
            let candidate = parts[usize::from(at.is_empty())..].join(&b'/');
            if exists(&candidate) {
                return Some(candidate);
            }
        }
        folder = match memchr::memrchr(b'/', at) {
            Some(slash) => Some(&at[..slash]),
            None if at.is_empty() => None,
            None => Some(&[]),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(folder: &str, name: &str) -> Option<String> {
        let installed = [
            "app/node_modules/a",
            "app/node_modules/a/node_modules/b",
            "app/node_modules/b",
            "app/node_modules/@s/c",
            "node_modules/top",
        ];
        let exists = |path: &[u8]| installed.iter().any(|known| known.as_bytes() == path);
        resolve(folder.as_bytes(), name.as_bytes(), exists).map(|path| String::from_utf8(path).expect("text"))
    }

    #[test]
    fn the_nearest_one_is_found() {
        let cases = [
            ("app", "b", Some("app/node_modules/b")),
            ("app/node_modules/a", "b", Some("app/node_modules/a/node_modules/b")),
            ("app/node_modules/a/node_modules/b", "b", Some("app/node_modules/a/node_modules/b")),
            ("app/node_modules/a/node_modules/b", "@s/c", Some("app/node_modules/@s/c")),
            ("app/node_modules/@s/c", "a", Some("app/node_modules/a")),
            ("app/node_modules/@s/c/lib", "top", Some("node_modules/top")),
            ("", "top", Some("node_modules/top")),
            ("app", "missing", None),
        ];
        for (folder, name, expected) in cases {
            assert_eq!(reached(folder, name).as_deref(), expected, "{name} from {folder}");
        }
    }

    #[test]
    fn folders_of_packages_hold_no_others() {
        let mut asked = Vec::new();
        let list = std::cell::RefCell::new(&mut asked);
        let none = resolve(b"x/node_modules/a", b"b", |path| {
            list.borrow_mut().push(String::from_utf8_lossy(path).into_owned());
            false
        });
        assert_eq!(none, None);
        assert_eq!(asked, ["x/node_modules/a/node_modules/b", "x/node_modules/b", "node_modules/b"]);
    }
}
