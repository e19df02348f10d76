//! JSON documents that people and tools write: any field can have any type, or be there twice.
//!
//! A tree of its own, because a document of typed fields is lost with the first field of another type, and because
//! `serde_json::Value` takes a hundred times the memory of what it read. Depth is bounded by `serde_json` (128), memory by
//! [`Bounds`].

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::bounds::Bounds;

/// A value, as far as package managers' documents need one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Text(String),
    Flag(bool),
    List(Vec<Json>),
    /// In the order of the document; a key may be there twice.
    Object(Vec<(String, Json)>),
    /// A number or `null`.
    Other,
}

/// Reads a document; one that cannot be read counts as skipped.
pub(super) fn read(bytes: &[u8], bounds: &mut Bounds) -> Option<Json> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let cell = RefCell::new(bounds);
    let value = Seed(&cell).deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value)).ok();
    if value.is_none() {
        cell.into_inner().skip();
    }
    value
}

impl Json {
    /// Returns the field, the last one where there are several.
    pub(super) fn get(&self, key: &str) -> Option<&Json> {
        self.fields().iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Returns the fields of an object, none of anything else.
    pub(super) fn fields(&self) -> &[(String, Json)] {
        if let Json::Object(fields) = self { fields } else { &[] }
    }

    /// Returns the items of a list, none of anything else.
    pub(super) fn items(&self) -> &[Json] {
        if let Json::List(items) = self { items } else { &[] }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    /// Returns a field's text.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.get(key).and_then(Json::as_text).map(str::to_owned)
    }

    /// Says whether a field is `true`.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.get(key) == Some(&Json::Flag(true))
    }

    /// Returns the texts of a list.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        let items = self.get(key).map_or(&[][..], Json::items);
        items.iter().filter_map(Json::as_text).map(str::to_owned).collect()
    }

    /// Returns the text fields of an object, as `dependencies` has them; others in it count as skipped. An empty list in
    /// its place is an empty object: PHP writes it so.
    pub(super) fn pairs(&self, key: &str, bounds: &mut Bounds) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        match self.get(key) {
            None | Some(Json::Other) => {}
            Some(Json::List(items)) if items.is_empty() => {}
            Some(Json::Object(fields)) => {
                for (name, value) in fields {
                    match value.as_text() {
                        Some(value) => {
                            let bytes = name.len() + value.len();
                            bounds.push(&mut pairs, (name.clone(), value.to_owned()), bytes);
                        }
                        None => bounds.skip(),
                    }
                }
            }
            Some(_) => bounds.skip(),
        }
        pairs
    }
}

/// Reads one value, as long as there is room.
#[derive(Clone, Copy)]
struct Seed<'a, 'b>(&'a RefCell<&'b mut Bounds>);

impl Seed<'_, '_> {
    /// An empty value costs as much as a value of one level above does: its place in the list.
    fn admit<E: Error>(self, bytes: usize) -> Result<(), E> {
        let has_room = self.0.borrow_mut().admit::<(String, Json)>(bytes);
        if has_room { Ok(()) } else { Err(E::custom("too large")) }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = Json;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = Json;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Flag(value))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        self.admit(value.len())?;
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            self.admit(0)?;
            items.push(item);
        }
        // Most of a hostile document could be lists and objects with one item each.
        items.shrink_to_fit();
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut fields: Vec<(String, Json)> = Vec::new();
        while let Some(key) = access.next_key::<String>()? {
            self.admit(key.len())?;
            fields.push((key, access.next_value_seed(self)?));
        }
        fields.shrink_to_fit();
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Json> {
        read(text.as_bytes(), &mut Bounds::new())
    }

    #[test]
    fn fields_of_any_type_are_read() {
        let value = parse("\u{feff}{\"a\": \"x\", \"b\": [1, \"y\", null], \"c\": true, \"a\": \"z\"}").expect("JSON");
        assert_eq!(value.text("a").as_deref(), Some("z"));
        assert_eq!(value.texts("b"), ["y"]);
        assert!(value.flag("c") && !value.flag("a") && value.get("d").is_none());
    }

    #[test]
    fn pairs_count_what_is_not_text() {
        let value = parse(r#"{"a": {"x": "1", "y": 2}, "b": [], "c": "no"}"#).expect("JSON");
        let mut bounds = Bounds::new();
        assert_eq!(value.pairs("a", &mut bounds), [("x".to_owned(), "1".to_owned())]);
        assert!(value.pairs("b", &mut bounds).is_empty() && value.pairs("c", &mut bounds).is_empty());
        assert_eq!(bounds.finish(()).skipped, 2);
    }

    #[test]
    fn what_is_not_json_is_skipped() {
        for text in ["", "{", "{} x", &"[".repeat(100_000)] {
            let mut bounds = Bounds::new();
            assert_eq!(read(text.as_bytes(), &mut bounds), None);
            assert_eq!(bounds.finish(()).skipped, 1);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let text = format!("[{}[]]", "[],".repeat(6 << 20));
        let mut bounds = Bounds::new();
        assert_eq!(read(text.as_bytes(), &mut bounds), None);
        assert!(bounds.finish(()).skipped > 0);
    }
}
