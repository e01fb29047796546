//! What the JSON Schema of a registry says that numbers and texts stand for: Kafka Connect's converter for it writes days, times and
//! decimals as Connect's own does, and names them in `title`.
//!
//! ```text
//! "day":    {"oneOf": [{"type": "null"}, {"type": "integer", "title": "org.apache.kafka.connect.data.Date"}]}
//! "amount": {"type": "string", "title": "org.apache.kafka.connect.data.Decimal", "connect.parameters": {"scale": "2"}}
//!   ──► {"fields": [{"field": "after", "fields": [{"field": "day", "name": "org.apache.kafka.connect.data.Date"}, …]}]}
//! ```
//!
//! The schema becomes the one that Connect would have written beside the record, once an id; what that means is `connect`'s to say.
//! Records of a schema that says nothing of this kind are read as if there were none.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use standings_model::schema::{Language, Schema};

use super::connect::Connect;

/// How deep a schema is read, and how many parts of it: references may name each other.
const DEEPEST: usize = 64;
const PARTS: usize = 10_000;

/// The schemas that say something, by their ids.
#[derive(Debug, Default)]
pub(super) struct Described(BTreeMap<u32, String>);

impl Described {
    /// A schema has come.
    pub(super) fn learn(&mut self, id: u32, schema: &Schema) {
        if schema.language == Language::Json
            && let Some(text) = as_connect(&schema.text)
        {
            self.0.insert(id, text);
        }
    }

    /// What the schema of an id says, as Connect's envelope would.
    #[inline]
    pub(super) fn of(&self, id: u32) -> Option<&str> {
        // Most tables have none.
        match self.0.is_empty() {
            true => None,
            false => self.0.get(&id).map(String::as_str),
        }
    }
}

/// A JSON Schema as Connect's; none where it says nothing of what values stand for.
fn as_connect(text: &str) -> Option<String> {
    let root: Value = serde_json::from_str(text).ok()?;
    let mut walk = Walk {
        root: &root,
        left: PARTS,
    };
    let mut row = walk.part(&root, 0)?;
    row.insert("field".to_owned(), json!("after"));
    let text = json!({ "fields": [row] }).to_string();
    Connect::default()
        .read(&text, Some("after"))
        .then_some(text)
}

struct Walk<'s> {
    root: &'s Value,
    /// So many more parts are read.
    left: usize,
}

impl<'s> Walk<'s> {
    /// A part as Connect's schema has it; none where there are too many.
    fn part(&mut self, of: &'s Value, depth: usize) -> Option<Map<String, Value>> {
        self.left = self.left.checked_sub(1)?;
        let mut out = Map::new();
        if depth > DEEPEST {
            return Some(out);
        }
        let of = self.meant(of);
        let title = of.get("title").and_then(Value::as_str);
        out.extend(title.map(|title| ("name".to_owned(), json!(title))));
        let scale = of.get("connect.parameters").and_then(|p| p.get("scale"));
        out.extend(scale.map(|scale| ("parameters".to_owned(), json!({ "scale": scale }))));
        if let Some(all) = of.get("properties").and_then(Value::as_object) {
            let mut fields = Vec::new();
            for (name, property) in all {
                let mut field = self.part(property, depth + 1)?;
                field.insert("field".to_owned(), json!(name));
                fields.push(Value::Object(field));
            }
            out.insert("fields".to_owned(), Value::Array(fields));
        }
        for (word, part) in [("items", "items"), ("additionalProperties", "values")] {
            if let Some(inner) = of.get(word).filter(|inner| inner.is_object()) {
                let inner = self.part(inner, depth + 1)?;
                out.insert(part.to_owned(), Value::Object(inner));
            }
        }
        Some(out)
    }

    /// What a part is where it is not null, behind references within the schema.
    fn meant(&self, mut of: &'s Value) -> &'s Value {
        for _ in 0..DEEPEST {
            let pointer = of.get("$ref").and_then(Value::as_str);
            let there = pointer.and_then(|p| self.root.pointer(p.strip_prefix('#')?));
            let others = ["oneOf", "anyOf", "allOf"]
                .iter()
                .find_map(|word| of.get(word)?.as_array());
            let mut others = others.into_iter().flatten();
            let other = others.find(|one| one.get("type").is_none_or(|t| t != "null"));
            match there.or(other) {
                Some(next) => of = next,
                None => break,
            }
        }
        of
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Decoder;
    use standings_model::schema::Given;

    const TABLE: &str = "CREATE TABLE t (id BIGINT, day DATE, `at` TIMESTAMP_LTZ(3), amount DECIMAL(10, 2), clock TIME, \
                         address ROW<since DATE>, prices ARRAY<DECIMAL(10, 2)>) WITH ('format' = 'json-schema-confluent')";
    const SCHEMA: &str = r##"{"type":"object","title":"shop.Sale","properties":{
        "id":{"type":"integer","connect.type":"int64"},
        "day":{"connect.index":1,"oneOf":[{"type":"null"},{"type":"integer","title":"org.apache.kafka.connect.data.Date","connect.type":"int32"}]},
        "at":{"type":"integer","title":"org.apache.kafka.connect.data.Timestamp","connect.type":"int64"},
        "amount":{"$ref":"#/definitions/Money"},
        "clock":{"type":"integer","title":"org.apache.kafka.connect.data.Time","connect.type":"int32"},
        "address":{"type":"object","properties":{"since":{"type":"integer","title":"org.apache.kafka.connect.data.Date"}}},
        "prices":{"type":"array","items":{"$ref":"#/definitions/Money"}}},
        "definitions":{"Money":{"type":"string","title":"org.apache.kafka.connect.data.Decimal","connect.type":"bytes","connect.parameters":{"scale":"2"}}}}"##;

    fn given(id: u32, text: &str) -> Given {
        Given {
            of_key: false,
            id: Some((Arc::from("registry"), id)),
            schema: Arc::new(Schema::new(Language::Json, text.to_owned())),
        }
    }

    fn framed(id: u8, json: &str) -> Vec<u8> {
        [&[0, 0, 0, 0, id][..], json.as_bytes()].concat()
    }

    #[test]
    fn values_are_what_the_schema_of_their_id_says() {
        let table = standings_query::parse_table("t", TABLE).unwrap();
        let mut decoder = Decoder::new(&table, None, 1 << 20);
        decoder.learn(&table, &given(7, SCHEMA));
        let plain = SCHEMA.replace("org.apache.kafka.connect.data", "other");
        decoder.learn(&table, &given(8, &plain));
        let record = r#"{"id":1,"day":20476,"at":1769155200001,"amount":"A+g=","clock":36000000,"address":{"since":20476},"prices":["A+g=",null]}"#;
        let same = r#"{"id":1,"day":"2026-01-23","at":1769155200001,"amount":10.00,"clock":"10:00:00","address":{"since":"2026-01-23"},"prices":[10,null]}"#;
        let texts =
            |decoder: &mut Decoder, record: &[u8], full: bool| -> Result<Vec<String>, String> {
                let sale = match full {
                    true => decoder.decode_full(record),
                    false => decoder.decode(record),
                };
                let sale = sale.map_err(|e| e.detail)?;
                Ok((0..table.columns.len())
                    .map(|n| format!("{:?}", sale.value(n)))
                    .collect())
            };
        let want = texts(&mut decoder, &framed(8, same), false).unwrap();
        for full in [false, true, false] {
            assert_eq!(texts(&mut decoder, &framed(7, record), full).unwrap(), want);
            // Values that are not what the schema says are judged as they are.
            assert_eq!(texts(&mut decoder, &framed(7, same), full).unwrap(), want);
            // By another schema the number is no day.
            let refused = texts(&mut decoder, &framed(8, record), full).unwrap_err();
            assert!(refused.contains("\"day\""), "{refused}");
        }
    }

    #[test]
    fn a_schema_that_says_nothing_is_none() {
        for text in [
            "{}",
            "true",
            "no json",
            r#"{"type":"object","properties":{"a":{"type":"string","format":"date-time"}}}"#,
            r##"{"$ref":"#"}"##,
            r##"{"properties":{"a":{"$ref":"#"}}}"##,
        ] {
            assert_eq!(as_connect(text), None, "{text}");
        }
        // References that name each other end.
        let wide: Vec<String> = (0..30)
            .map(|n| format!(r##""p{n}":{{"$ref":"#"}}"##))
            .collect();
        assert_eq!(
            as_connect(&format!(r#"{{"properties":{{{}}}}}"#, wide.join(","))),
            None
        );
    }
}
