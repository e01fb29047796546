//! A JSON value with its numbers as they are written: how many digits they have is what is asked.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// So deep values are looked into; what lies deeper is none.
const DEEPEST: usize = 64;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    /// In the order of the record.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Of a record's bytes; none where they are no JSON.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Json> {
        let text = std::str::from_utf8(bytes).ok()?;
        Json::of(serde_json::from_str(text).ok()?, 0)
    }

    fn of(raw: &RawValue, depth: usize) -> Option<Json> {
        if depth > DEEPEST {
            return None;
        }
        let text = raw.get();
        Some(match text.as_bytes().first()? {
            b'{' => {
                let fields: Fields<'_> = serde_json::from_str(text).ok()?;
                let fields = fields.0.into_iter();
                let fields = fields.map(|(name, raw)| Some((name, Json::of(raw, depth + 1)?)));
                Json::Object(fields.collect::<Option<_>>()?)
            }
            b'[' => {
                let all: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                let all = all.into_iter().map(|raw| Json::of(raw, depth + 1));
                Json::Array(all.collect::<Option<_>>()?)
            }
            b'"' => Json::Text(serde_json::from_str(text).ok()?),
            b't' => Json::Bool(true),
            b'f' => Json::Bool(false),
            b'n' => Json::Null,
            _ => Json::Number(text.to_owned()),
        })
    }

    /// The fields of an object.
    pub(crate) fn fields(&self) -> Option<&[(String, Json)]> {
        match self {
            Json::Object(fields) => Some(fields),
            _ => None,
        }
    }

    /// A field of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        let mut fields = self.fields()?.iter();
        fields.find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The fields of an object, one by one.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(field) = map.next_entry()? {
                    all.push(field);
                }
                Ok(Fields(all))
            }
        }
        from.deserialize_map(All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let value =
            Json::parse(br#"{"a":1.50,"b":[{"c":null}],"d\n":"x\u00e9","e":true}"#).unwrap();
        assert_eq!(value.get("a"), Some(&Json::Number("1.50".to_owned())));
        assert_eq!(value.get("d\n").and_then(Json::text), Some("xé"));
        let inner = Json::Object(vec![("c".to_owned(), Json::Null)]);
        assert_eq!(value.get("b"), Some(&Json::Array(vec![inner])));
        for wrong in [&b"{"[..], b"", b"{} {}", b"\xff"] {
            assert_eq!(Json::parse(wrong), None);
        }
        let deep = [b"[".repeat(200), b"]".repeat(200)].concat();
        assert_eq!(Json::parse(&deep), None);
    }
}
