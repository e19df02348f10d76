//! Names as the corpus writes them, and lists of them compared.

use serde::Deserialize;
use serde_json::Value;

use crate::common::unescape;

/// A name as the corpus' reader wrote it: bytes that are no UTF-8 stand as lone surrogates in the JSON.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
pub struct Name(pub Vec<u8>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = Name;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a name")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Name, E> {
                Ok(Name(without_surrogates(bytes)))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0.escape_ascii())
    }
}

/// U+DC80 … U+DCFF, which serde hands over as three bytes each, stand for the bytes 80 … FF.
pub fn without_surrogates(bytes: &[u8]) -> Vec<u8> {
    let (mut rest, mut plain) = (bytes, Vec::with_capacity(bytes.len()));
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (0xed, [0xb2, low, tail @ ..]) => {
                plain.push(*low);
                tail
            }
            (0xed, [0xb3, low, tail @ ..]) => {
                plain.push(*low + 0x40);
                tail
            }
            _ => {
                plain.push(*first);
                tail
            }
        };
    }
    plain
}

/// Returns the path of an item of a report.
pub fn name_of(item: &Value) -> Name {
    Name(unescape(item["path"].as_str().unwrap_or_default()))
}

/// Notes where two lists, taken without their order, differ.
pub fn compare_sets<T: Ord + std::fmt::Debug>(
    wrong: &mut Vec<String>,
    which: &str,
    found: impl Iterator<Item = T>,
    expected: impl Iterator<Item = T>,
) {
    let (mut found, mut expected): (Vec<T>, Vec<T>) = (found.collect(), expected.collect());
    found.sort();
    expected.sort();
    if found != expected {
        let extra: Vec<&T> = found.iter().filter(|item| expected.binary_search(item).is_err()).take(5).collect();
        let missing: Vec<&T> = expected.iter().filter(|item| found.binary_search(item).is_err()).take(5).collect();
        wrong.push(format!(
            "{which}: {} found, {} expected; not expected {extra:?}; missing {missing:?}",
            found.len(),
            expected.len()
        ));
    }
}
