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
    use standings_model::table::{Origin, Table};

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

    /// A schema of Connect's as Confluent's converter writes it: its names in `title`, what may be null behind `oneOf`.
    fn converted(of: &Value) -> Value {
        let kind = of["type"].as_str().unwrap();
        let word = match kind {
            "struct" => "object",
            "bytes" | "string" => "string",
            "float" | "double" => "number",
            "boolean" | "array" => kind,
            _ => "integer",
        };
        let mut out = json!({ "type": word, "connect.type": kind });
        for (from, to) in [("name", "title"), ("parameters", "connect.parameters")] {
            if let Some(said) = of.get(from) {
                out[to] = said.clone();
            }
        }
        for (n, field) in of["fields"].as_array().into_iter().flatten().enumerate() {
            let name = field["field"].as_str().unwrap();
            out["properties"][name] = converted(field);
            out["properties"][name]["connect.index"] = json!(n);
        }
        if let Some(items) = of.get("items") {
            out["items"] = converted(items);
        }
        match of["optional"] == true {
            true => json!({ "oneOf": [{ "type": "null" }, out] }),
            false => out,
        }
    }

    /// What Debezium writes of a row of every type, as its own schema says it and as the schema of a registry does: alone, and within
    /// the change that it is.
    #[test]
    fn debeziums_types_are_those_of_its_own_schema() {
        const COLUMNS: &str = "id INT, yes BOOLEAN, i8 BIGINT, f8 DOUBLE, n DECIMAL(38, 9), n52 DECIMAL(5, 2), price DECIMAL(12, 2), \
            `day` DATE, t3 TIME(3), t6 TIME, ts0 TIMESTAMP(3), ts3 TIMESTAMP(3), ts6 TIMESTAMP(6), tstz TIMESTAMP_LTZ(6), span BIGINT, \
            b BYTES, u STRING, j STRING, m STRING, ns ARRAY<DECIMAL(5, 2)>";
        let text = include_str!("../../tests/fixtures/debezium/types-with-schemas.ndjson");
        let table = |columns: &str, options: &str| {
            let iso = "timestamp-format.standard' = 'ISO-8601'";
            let format = options.split('\'').next().unwrap();
            let sql = format!(
                "CREATE TABLE t ({columns}) WITH ('format' = '{options}', '{format}.{iso})"
            );
            standings_query::parse_table("t", &sql).unwrap()
        };
        let shown = |decoder: &mut Decoder, table: &Table, record: &[u8]| {
            let sale = decoder.decode(record).map_err(|e| e.reason)?;
            let all = (0..table.columns.len()).map(|n| sale.value(n).to_string());
            // What is a row for itself has no value of its own.
            let parts = |n: &usize| table.columns[*n].origin == Origin::Parts;
            let all = all.enumerate().filter(|(n, _)| !parts(n));
            Ok::<Vec<String>, &'static str>(all.map(|(_, text)| text).collect())
        };
        let own = table(COLUMNS, "json', 'json.schema-include' = 'true");
        let alone = table(COLUMNS, "json-schema-confluent");
        let within = table(&format!("after ROW<{COLUMNS}>"), "json-schema-confluent");
        let mut seen = Vec::new();
        for line in text.lines() {
            let mut record: Value = serde_json::from_str(line).unwrap();
            // The one of the fixture has more digits than any DECIMAL.
            if let Some(n) = record["payload"]["after"]["n"].as_object_mut() {
                n.insert("value".to_owned(), json!("A+g="));
            }
            let (schema, change) = (&record["schema"], &record["payload"]);
            let mut fields = schema["fields"].as_array().unwrap().iter();
            let row = fields.find(|f| f["field"] == "after").unwrap();
            let read = |table: &Table, schema: &Value, payload: &Value| {
                let mut decoder = Decoder::new(table, None, 1 << 20);
                decoder.learn(table, &given(3, &converted(schema).to_string()));
                shown(&mut decoder, table, &framed(3, &payload.to_string()))
            };
            let envelope = json!({ "schema": row, "payload": change["after"] }).to_string();
            let mut decoder = Decoder::new(&own, None, 1 << 20);
            let want = shown(&mut decoder, &own, envelope.as_bytes());
            assert_eq!(read(&alone, row, &change["after"]), want, "{line}");
            assert_eq!(read(&within, schema, change), want, "{line}");
            seen.push(want);
        }
        let first = seen[0].as_ref().unwrap().join(" ");
        let days = "2026-02-03 10:05:06.123 10:05:06.123456 2026-02-03T10:05:06 2026-02-03T10:05:06.123 2026-02-03T10:05:06.123456";
        assert!(first.contains(days), "{first}");
        assert!(first.contains(" 0.000001000 -999.99 12.34 "), "{first}");
        // The last is of no day and no number.
        assert!(seen[1].is_ok() && seen[2].is_err(), "{seen:?}");
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
