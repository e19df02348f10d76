//! What a file is that is not a tar archive.

use crate::error::Error;
use crate::source::Region;
use crate::tarball::header::BLOCK;

/// Describes a file that is not a tar archive.
pub(super) fn file(error: Error, region: &Region) -> Error {
    match error {
        Error::BadHeader { at: 0, .. } | Error::Truncated { inside: "a header", .. } => {
            let mut bytes = [0; BLOCK];
            match region.read_at(0, &mut bytes) {
                Ok(read) => start(error, &bytes[..read]),
                Err(error) => error,
            }
        }
        error => error,
    }
}

const SAVE: &str = "docker save NAME -o image.tar (or podman save, skopeo copy) writes what layerlens reads";

/// Reports an empty input.
pub(crate) fn empty() -> Error {
    Error::NotAnImage { found: "it is empty".to_owned(), hint: SAVE }
}

pub(crate) fn start(error: Error, start: &[u8]) -> Error {
    let found = match start {
        [b'P', b'K', ..] => "it is a zip file, not a tar archive",
        [0x7f, b'E', b'L', b'F', ..] => "it is a program, not a tar archive",
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => "it is compressed twice",
        [b'{' | b'[', ..] => "it is a JSON document, not a tar archive",
        _ if start.get(257..262) == Some(b"ustar") => return error,
        _ if !start.is_empty() && start.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace()) => {
            "it is text, not a tar archive"
        }
        _ => "it is not a tar archive, nor one compressed with gzip, zstd, xz or bzip2",
    };
    Error::NotAnImage { found: found.to_owned(), hint: SAVE }
}
