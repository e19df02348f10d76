//! What the tests over real images share: one door to the library, image archives taken apart and put
//! together again in other formats, `docker diff` as the engines recorded it, and the binary under watch.
//!
//! Nothing here knows how layerlens works: it reads the JSON report, as a user's script does.

// Each test file compiles its own copy of this module and uses a part of it.
#![allow(dead_code)]

pub mod archive;
pub mod docker_diff;
pub mod run;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Analyses the image at `path` through the library and returns the JSON report with its changes.
///
/// The one place that calls the library. The error is its whole message, as the binary would print it.
pub fn analyse(path: &Path) -> Result<Value, String> {
    let analysis = layerlens::open(path, &layerlens::OpenOptions::default()).map_err(|error| error.to_string())?;
    let report = layerlens::report::to_json(&analysis, true);
    serde_json::from_slice(&report).map_err(|error| format!("the report is no JSON: {error}"))
}

/// Analyses an image that must be readable.
pub fn analysed(path: &Path) -> Value {
    analyse(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the path of a sample image.
pub fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-images").join(name)
}

/// Returns what must be the same for one image in every format and compression: all of the report but
/// where it was read from and what its blobs weigh.
pub fn essence(report: &Value) -> Value {
    json!({
        "totals": without(&report["totals"], &["blob_bytes", "wasted_wire_bytes"]),
        "layers": each_without(&report["layers"], &["blob_bytes", "blob_digest", "compression"]),
        "waste": each_without(&report["waste"], &["wire_bytes"]),
        "history": report["history"],
        "changes": report["changes"],
        "fixes": report["fixes"],
        "owners": report["owners"],
        "findings": report["findings"],
    })
}

/// Asserts that two reports tell the same about the image, and says where they differ if not.
pub fn assert_same_essence(found: &Value, expected: &Value, which: &str) {
    let (found, expected) = (essence(found), essence(expected));
    for (section, value) in expected.as_object().expect("essence is an object") {
        let (found, expected) = (found[section].to_string(), value.to_string());
        assert!(found == expected, "{which}: {section} differ:\n{found}\n{expected}");
    }
}

/// Turns an escaped path of a report into the bytes it stands for: `\xNN` is a byte, `\\` a backslash.
pub fn unescape(text: &str) -> Vec<u8> {
    let (mut rest, mut bytes) = (text.as_bytes(), Vec::with_capacity(text.len()));
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'\\', [b'\\', tail @ ..]) => {
                bytes.push(b'\\');
                tail
            }
            (b'\\', [b'x', high, low, tail @ ..]) => {
                bytes.push(hex_value(*high) << 4 | hex_value(*low));
                tail
            }
            (b'\\', _) => panic!("{text:?}: a lone backslash"),
            _ => {
                bytes.push(*first);
                tail
            }
        };
    }
    bytes
}

fn hex_value(digit: u8) -> u8 {
    let value = char::from(digit).to_digit(16).expect("a hexadecimal digit after \\x");
    u8::try_from(value).expect("one digit is below 16")
}

fn without(object: &Value, fields: &[&str]) -> Value {
    let mut object = object.as_object().expect("an object of the report").clone();
    object.retain(|name, _| !fields.contains(&name.as_str()));
    Value::Object(object)
}

fn each_without(list: &Value, fields: &[&str]) -> Value {
    list.as_array().expect("a list of the report").iter().map(|item| without(item, fields)).collect()
}
