//! Columns of a source that are masked before anything of a row is written: the record, its key, its letter.
//!
//! 1. A name that is masked is masked wherever it stands twice, under its old name and its new one, and in each element of a list.
//! 2. Without a key nothing shows: what would be a hash is redacted.
//! 3. NULL stays NULL; what is no text is masked as it is written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use standings_model::mask::{Mask, Method, REDACTED};

use super::{Fields, NO_KEY, Shape, push_text};
use crate::batch::Letter;

/// What stands in place of what was found wrong.
const HIDDEN: &str = "what was found is not shown: the source masks columns";

/// What is masked, and by what.
#[derive(Clone, Default)]
pub struct Masks {
    /// How, by the name that a column has in the topic; of a row in a row `order.mail`.
    pub columns: BTreeMap<String, Method>,
    /// What makes the masks.
    pub by: Option<Arc<dyn Mask>>,
}

/// What makes masks holds keys, and is not shown.
impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.columns.fmt(f)
    }
}

/// What makes the masks is not of the configuration.
impl PartialEq for Masks {
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns
    }
}

impl Eq for Masks {}

impl Masks {
    /// Whether nothing is masked.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Whether a key is needed.
    pub fn needs_key(&self) -> bool {
        self.columns.values().any(|how| how.needs_key())
    }

    /// A field's value as it goes on: masked, or with what is masked in it.
    pub(super) fn value<'a>(&self, path: &str, raw: &'a str) -> Cow<'a, str> {
        if let Some(how) = self.columns.get(path) {
            return match raw {
                "null" => raw.into(),
                raw => self.masked(*how, raw).into(),
            };
        }
        let is_below = |name: &String| {
            let rest = name.strip_prefix(path);
            rest.is_some_and(|rest| rest.starts_with('.'))
        };
        match self.columns.keys().any(is_below) {
            true => self.inside(path, raw),
            false => raw.into(),
        }
    }

    /// A row in a row, or a list of them.
    fn inside<'a>(&self, path: &str, raw: &'a str) -> Cow<'a, str> {
        let mut out = Vec::new();
        if let Ok(all) = serde_json::from_str::<Vec<&RawValue>>(raw) {
            for (n, element) in all.iter().enumerate() {
                out.push(if n == 0 { b'[' } else { b',' });
                out.extend_from_slice(self.inside(path, element.get()).as_bytes());
            }
            if all.is_empty() {
                return raw.into();
            }
            out.push(b']');
        } else if let Ok(Fields(fields)) = serde_json::from_str(raw) {
            out.push(b'{');
            for (n, (name, value)) in fields.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                push_text(&mut out, name);
                out.push(b':');
                let value = self.value(&format!("{path}.{name}"), value.get());
                out.extend_from_slice(value.as_bytes());
            }
            out.push(b'}');
        } else {
            return raw.into();
        }
        // All of it was text.
        String::from_utf8_lossy(&out).into_owned().into()
    }

    /// The mask of a value, as JSON.
    fn masked(&self, how: Method, raw: &str) -> String {
        let text = serde_json::from_str::<String>(raw);
        let value = text.as_deref().unwrap_or(raw);
        let mut mask = Vec::new();
        match &self.by {
            Some(by) => by.mask(how, value.as_bytes(), &mut mask),
            None => mask.extend_from_slice(REDACTED.as_bytes()),
        }
        let mut out = Vec::new();
        push_text(&mut out, &String::from_utf8_lossy(&mask));
        String::from_utf8_lossy(&out).into_owned()
    }
}

impl Shape {
    /// A letter of something that is no record: as it came, or, where columns are masked, its hash and the columns that can be told.
    pub fn letter(
        &self,
        position: String,
        (reason, detail): (&str, &str),
        record: &[u8],
        read_at: SystemTime,
    ) -> Letter {
        let is_masked = !self.masks.is_empty();
        // Which column of a key has no value says nothing of values.
        let is_shown = !is_masked || reason == NO_KEY;
        Letter {
            position,
            path: None,
            reason: reason.to_owned(),
            detail: if is_shown { detail } else { HIDDEN }.to_owned(),
            instead: is_masked.then(|| self.instead(record)),
            record: if is_masked { &[] } else { record }.to_vec(),
            read_at,
        }
    }

    /// What is said of a record in its place.
    fn instead(&self, record: &[u8]) -> Value {
        let hash = ring::digest::digest(&ring::digest::SHA256, record);
        let hash: String = hash.as_ref().iter().map(|b| format!("{b:02x}")).collect();
        let mut columns = serde_json::Map::new();
        if let Ok(Fields(fields)) = serde_json::from_slice(record) {
            for (name, value) in fields {
                let (name, value) = self.field(name, value);
                // A number beyond what fits is told as it is written.
                let value = serde_json::from_str(&value).unwrap_or_else(|_| json!(value));
                columns.insert(name, value);
            }
        }
        json!({ "record": null, "record_sha256": hash, "record_bytes": record.len(), "columns": columns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Upper;

    impl Mask for Upper {
        fn mask(&self, how: Method, value: &[u8], out: &mut Vec<u8>) {
            out.extend_from_slice(how.word().as_bytes());
            out.extend_from_slice(value.len().to_string().as_bytes());
        }
    }

    fn shape(masks: &[(&str, Method)]) -> Shape {
        let columns = masks.iter().map(|(name, how)| ((*name).to_owned(), *how));
        Shape {
            key: vec!["id".to_owned()],
            names: [("e-mail".to_owned(), "mail".to_owned())].into(),
            masks: Masks {
                columns: columns.collect(),
                by: Some(Arc::new(Upper)),
            },
            ..Shape::default()
        }
    }

    const ROW: &str = r#"{"id":"canary1","e-mail":"canary2","mail":null,"n":12345678901234567890.10,
        "who":{"name":"canary3","tags":[1,{"x":2}]},"all":[{"name":"canary4"},{"name":5},6],"mail":"c\u0061nary5"}"#;

    #[test]
    fn masked_wherever_it_stands() {
        let shape = shape(&[
            ("id", Method::Hash),
            ("mail", Method::Redact),
            ("n", Method::Tokenize),
            ("who.name", Method::Hash),
            ("all.name", Method::Hash),
        ]);
        let (key, value) = shape.record(ROW.as_bytes()).unwrap();
        assert_eq!(key.unwrap(), br#"{"id":"hash7"}"#);
        let value = String::from_utf8(value).unwrap();
        assert_eq!(
            value,
            r#"{"id":"hash7","mail":"redact7","mail":null,"n":"tokenize23","who":{"name":"hash7","tags":[1,{"x":2}]},"all":[{"name":"hash7"},{"name":"hash1"},6],"mail":"redact7"}"#
        );
    }

    #[test]
    fn the_old_name_is_as_good_as_the_new_one() {
        let (_, value) = shape(&[("e-mail", Method::Hash)])
            .record(ROW.as_bytes())
            .unwrap();
        assert!(!String::from_utf8(value).unwrap().contains("canary2"));
    }

    #[test]
    fn a_letter_has_no_value_that_is_masked() {
        let mut shape = shape(&[("mail", Method::Hash)]);
        shape.key = vec!["none".to_owned()];
        let no = shape.record(ROW.as_bytes()).unwrap_err();
        let at = SystemTime::UNIX_EPOCH;
        let letter = shape.letter("p".to_owned(), (no.reason, &no.detail), ROW.as_bytes(), at);
        let json = String::from_utf8(letter.json("shop")).unwrap();
        assert!(
            json.contains("`none`") && json.contains("canary1"),
            "{json}"
        );
        assert!(
            !json.contains("canary2") && !json.contains("canary5"),
            "{json}"
        );
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["record"], Value::Null);
        assert_eq!(json["record_bytes"], ROW.len());
        assert_eq!(json["columns"]["mail"], "hash7");
        // What is no JSON, and an error that repeats it.
        let torn = &ROW[..60];
        let no = shape.record(torn.as_bytes()).unwrap_err();
        for (reason, detail) in [(no.reason, no.detail.as_str()), ("csv", "found canary2")] {
            let letter = shape.letter("p".to_owned(), (reason, detail), torn.as_bytes(), at);
            let json = String::from_utf8(letter.json("shop")).unwrap();
            assert!(!json.contains("canary"), "{json}");
        }
    }

    #[test]
    fn without_a_key_nothing_shows() {
        let mut shape = shape(&[("mail", Method::Hash)]);
        shape.masks.by = None;
        let (_, value) = shape.record(ROW.as_bytes()).unwrap();
        let value = String::from_utf8(value).unwrap();
        assert!(
            value.contains(r#""mail":"***""#) && !value.contains("canary2"),
            "{value}"
        );
    }
}
