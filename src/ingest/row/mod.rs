//! A row as it came becomes a record: its key, its names, its numbers as they were written.
//!
//! 1. No number passes through floating point: what is not changed keeps its bytes.
//! 2. A row without a value for a column of its key is no record.

pub mod mask;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use self::mask::Masks;

/// The reason of a row without a value for a column of its key.
pub(super) const NO_KEY: &str = "no_key";

/// How rows become records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The columns of the key, by their new names; of a row in a row `order.id`.
    pub key: Vec<String>,
    /// Columns that are called otherwise in the topic: by the name they have, the name they get.
    pub names: BTreeMap<String, String>,
    /// Columns whose numbers are written as text: decimals of a file that has types.
    pub texts: BTreeSet<String>,
    /// Columns that are masked.
    pub masks: Masks,
}

/// Why a row is no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRecord {
    /// One word.
    pub reason: &'static str,
    /// For a person.
    pub detail: String,
}

/// A record's key and value.
pub type Made = (Option<Vec<u8>>, Vec<u8>);

/// The fields of an object in their order, each as it is written.
pub(super) struct Fields<'a>(pub(super) Vec<(String, &'a RawValue)>);

/// A field as it goes on, by its new name.
type Field<'a> = (String, Cow<'a, str>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(Fields(all))
            }
        }
        from.deserialize_map(All)
    }
}

impl Shape {
    /// Makes a record of a row, which is the text of a JSON object.
    ///
    /// # Errors
    /// It is none, or a column of its key has no value.
    pub fn record(&self, row: &[u8]) -> Result<Made, NoRecord> {
        let wrong = |e: serde_json::Error| NoRecord {
            reason: match std::str::from_utf8(row) {
                Ok(_) => "malformed",
                Err(_) => "not_utf8",
            },
            detail: format!("no JSON object: {e}"),
        };
        let Fields(fields) = serde_json::from_slice(row).map_err(wrong)?;
        let is_as_it_came = self.names.is_empty() && self.texts.is_empty() && self.masks.is_empty();
        let fields = fields.into_iter();
        let fields: Vec<Field<'_>> = fields
            .map(|(name, value)| self.field(name, value))
            .collect();
        let key = self.key_of(&fields)?;
        let value = match is_as_it_came {
            true => row.trim_ascii().to_vec(),
            false => self.written(&fields),
        };
        Ok((key, value))
    }

    /// A field as it goes on: by its new name, and masked where it is, under either.
    pub(super) fn field<'a>(&self, name: String, value: &'a RawValue) -> Field<'a> {
        let value = match self.masks.is_empty() {
            true => Cow::Borrowed(value.get()),
            false => self.masks.value(&name, value.get()),
        };
        let Some(other) = self.names.get(&name) else {
            return (name, value);
        };
        // What is masked already is so by one name alone.
        let value = match self.masks.columns.contains_key(&name) {
            true => value,
            false => match value {
                Cow::Borrowed(raw) => self.masks.value(other, raw),
                Cow::Owned(raw) => self.masks.value(other, &raw).into_owned().into(),
            },
        };
        (other.clone(), value)
    }

    /// Where what keeps a row from being a record is in it, as a path below the row's own: the column of the key that has no value. With
    /// masks too: it says nothing of values.
    pub(super) fn leaf(&self, no: &NoRecord, row: &[u8]) -> Option<String> {
        if no.reason != NO_KEY {
            return None;
        }
        let old = |key: &str| {
            let renamed = self.names.iter().find(|(_, new)| *new == key);
            renamed.map_or_else(|| key.to_owned(), |(old, _)| old.clone())
        };
        let mut keys = self.key.iter().map(|key| old(key));
        keys.find(|key| column(row, key).is_none())
    }

    fn key_of(&self, fields: &[Field<'_>]) -> Result<Option<Vec<u8>>, NoRecord> {
        if self.key.is_empty() {
            return Ok(None);
        }
        let mut key = vec![b'{'];
        for (n, column) in self.key.iter().enumerate() {
            let none = |detail: String| NoRecord {
                reason: NO_KEY,
                detail,
            };
            let found = find(fields, column);
            let value =
                found.ok_or_else(|| none(format!("it has no `{column}`, which is of its key")))?;
            if value == "null" {
                return Err(none(format!("`{column}`, which is of its key, is null")));
            }
            if n > 0 {
                key.push(b',');
            }
            push_text(&mut key, column);
            key.push(b':');
            self.push_value(&mut key, column, &value);
        }
        key.push(b'}');
        Ok(Some(key))
    }

    fn written(&self, fields: &[Field<'_>]) -> Vec<u8> {
        let mut out = vec![b'{'];
        for (n, (name, value)) in fields.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            push_text(&mut out, name);
            out.push(b':');
            self.push_value(&mut out, name, value);
        }
        out.push(b'}');
        out
    }

    /// A value as it is written; of a decimal as a text.
    fn push_value(&self, out: &mut Vec<u8>, name: &str, value: &str) {
        let is_number = value.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        match is_number && self.texts.contains(name) {
            true => push_text(out, value),
            false => out.extend_from_slice(value.as_bytes()),
        }
    }
}

/// The value of a column of a row by its name, or by its path, as it is written; none where it has none, or is null.
pub(super) fn column(row: &[u8], name: &str) -> Option<String> {
    let Fields(fields) = serde_json::from_slice(row).ok()?;
    let fields = fields.into_iter();
    let fields: Vec<Field<'_>> = fields
        .map(|(name, value)| (name, value.get().into()))
        .collect();
    find(&fields, name).filter(|value| value != "null")
}

/// A field by its name, or by its path; the last of several, as most readers take it.
fn find(fields: &[Field<'_>], column: &str) -> Option<String> {
    let mut known = fields.iter().rev();
    if let Some((_, value)) = known.find(|(name, _)| name == column) {
        return Some(value.clone().into_owned());
    }
    let (first, rest) = column.split_once('.')?;
    let mut known = fields.iter().rev();
    let (_, outer) = known.find(|(name, _)| name == first)?;
    let Fields(inner) = serde_json::from_str(outer).ok()?;
    let inner = inner.into_iter();
    let inner: Vec<Field<'_>> = inner
        .map(|(name, value)| (name, value.get().into()))
        .collect();
    find(&inner, rest)
}

/// Appends a JSON string.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    // A text always has a JSON form.
    out.extend_from_slice(&serde_json::to_vec(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(key: &[&str]) -> Shape {
        Shape {
            key: key.iter().map(|k| (*k).to_owned()).collect(),
            ..Shape::default()
        }
    }

    fn made(shape: &Shape, row: &str) -> (String, String) {
        let (key, value) = shape.record(row.as_bytes()).unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (key.map_or_else(String::new, text), text(value))
    }

    #[test]
    fn what_is_not_changed_keeps_its_bytes() {
        let row = r#" {"id": 9007199254740993, "amount":12345678901234567890.120, "x":1e400,"o":{"b":"é"}} "#;
        let (key, value) = made(&shape(&["id", "o.b"]), row);
        assert_eq!(key, r#"{"id":9007199254740993,"o.b":"é"}"#);
        assert_eq!(value, row.trim());
        assert_eq!(made(&shape(&[]), "{}"), (String::new(), "{}".to_owned()));
    }

    #[test]
    fn names_and_decimals() {
        let mut of = shape(&["sale"]);
        of.names.insert("id".to_owned(), "sale".to_owned());
        of.texts.insert("amount".to_owned());
        let (key, value) = made(&of, r#"{"id":"a\"b","amount":-0.10,"n":1.0}"#);
        assert_eq!(key, r#"{"sale":"a\"b"}"#);
        assert_eq!(value, r#"{"sale":"a\"b","amount":"-0.10","n":1.0}"#);
    }

    #[test]
    fn what_is_no_record() {
        for (row, reason) in [
            (&b"[1]"[..], "malformed"),
            (b"{\"id\":1", "malformed"),
            (b"{\"id\":1} x", "malformed"),
            (b"", "malformed"),
            (b"{\"id\":\"\xff\"}", "not_utf8"),
            (b"{\"ID\":1}", "no_key"),
            (b"{\"id\":null}", "no_key"),
        ] {
            let refused = shape(&["id"]).record(row).unwrap_err();
            assert_eq!(refused.reason, reason, "{refused:?}");
        }
    }
}
