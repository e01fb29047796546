//! What a schema says of what lies in arrays and maps: each part is written anew, by its own type.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::value::RawValue;
use standings_model::table::format::Json;
use standings_model::types::Type;

use super::{Connect, PART};
use crate::columns::{Column, kind};
use crate::nested;

impl Connect {
    /// The value of a column that is an array or a map, as the column takes it.
    pub(super) fn within<'r>(&self, column: &Column, raw: &'r str) -> Cow<'r, str> {
        let below = format!("{}.{PART}", column.name);
        let mut behind = self.logical.range(below.clone()..);
        // Most schemas say nothing of them.
        if !behind
            .next()
            .is_some_and(|(path, _)| path.starts_with(&below))
        {
            return Cow::Borrowed(raw);
        }
        let written = self.part(&column.of, &column.json, &column.name, raw);
        written.map_or(Cow::Borrowed(raw), Cow::Owned)
    }

    /// A part anew; none where it is taken as it is, or is not what its type says: then it is judged as it is.
    fn part(&self, of: &Type, json: &Json, path: &str, raw: &str) -> Option<String> {
        if raw == "null" {
            return None;
        }
        let written = |of: &Type, path: &str, raw: &str| {
            let anew = self.part(of, json, path, raw);
            anew.unwrap_or_else(|| raw.to_owned())
        };
        match of {
            Type::Array(element) => {
                let parts: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
                let path = format!("{path}.{PART}");
                let parts = parts.iter().map(|part| written(element, &path, part.get()));
                Some(format!("[{}]", parts.collect::<Vec<_>>().join(",")))
            }
            Type::Map(kinds) => {
                let path = format!("{path}.{PART}");
                object(raw, |_, part| written(&kinds.1, &path, part))
            }
            Type::Row(fields) => object(raw, |name, part| {
                match fields.iter().find(|field| field.name == name) {
                    Some(field) => written(&field.kind, &format!("{path}.{name}"), part),
                    None => part.to_owned(),
                }
            }),
            plain => {
                let logical = self.logical.get(path)?;
                logical.written(kind(plain, false, json), raw)
            }
        }
    }
}

/// An object with its values anew; none where it is no object, or a name stands twice in it.
fn object(raw: &str, value: impl Fn(&str, &str) -> String) -> Option<String> {
    let entries = nested::entries(raw, "").ok()?;
    let mut out = String::from("{");
    for (number, (name, part)) in entries.iter().enumerate() {
        let comma = if number > 0 { "," } else { "" };
        let name_in_quotes = serde_json::to_string(name).ok()?;
        // Writing to a string cannot fail.
        let _ = write!(out, "{comma}{name_in_quotes}:{}", value(name, part.get()));
    }
    out.push('}');
    Some(out)
}

#[cfg(test)]
mod tests {
    use crate::Decoder;

    const DECIMAL: &str = r#""type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}"#;

    #[test]
    fn parts_are_what_their_schema_says() {
        let sql = "CREATE TABLE t (prices ARRAY<DECIMAL(10, 2)>, days MAP<STRING, DATE>, \
                   lines ARRAY<ROW<price DECIMAL(10, 2), `at` TIMESTAMP_LTZ(6), note STRING>>, plain ARRAY<BIGINT>) \
                   WITH ('format' = 'json', 'json.schema-include' = 'true')";
        let table = standings_query::parse_table("t", sql).unwrap();
        let mut decoder = Decoder::new(&table, None, 1 << 20);
        let schema = format!(
            r#"{{"type":"struct","fields":[
            {{"field":"prices","type":"array","items":{{{DECIMAL}}}}},
            {{"field":"days","type":"map","keys":{{"type":"string"}},"values":{{"type":"int32","name":"io.debezium.time.Date"}}}},
            {{"field":"lines","type":"array","items":{{"type":"struct","fields":[{{{DECIMAL},"field":"price"}},
                {{"field":"at","type":"int64","name":"io.debezium.time.MicroTimestamp"}},{{"field":"note","type":"string"}}]}}}},
            {{"field":"plain","type":"array","items":{{"type":"int64"}}}}]}}"#
        );
        let payload = r#"{"prices":["A+g=",null,"/w=="],"days":{"a\"b":20476,"c":null},
            "lines":[{"price":"A+g=","at":1769155200000123,"note":"A+g="},null,{"price":null}],"plain":[1,2]}"#;
        let record = format!(r#"{{"schema":{schema},"payload":{payload}}}"#);
        let sale = decoder.decode(record.as_bytes()).unwrap();
        let shown: Vec<String> = (0..4).map(|n| format!("{:?}", sale.value(n))).collect();
        let plain = "CREATE TABLE t (prices ARRAY<DECIMAL(10, 2)>, days MAP<STRING, DATE>, \
                     lines ARRAY<ROW<price DECIMAL(10, 2), `at` TIMESTAMP_LTZ(6), note STRING>>, plain ARRAY<BIGINT>)";
        let table = standings_query::parse_table("t", plain).unwrap();
        let mut decoder = Decoder::new(&table, None, 1 << 20);
        let same = r#"{"prices":[10.00,null,-0.01],"days":{"a\"b":"2026-01-23","c":null},
            "lines":[{"price":10,"at":"2026-01-23T08:00:00.000123Z","note":"A+g="},null,{}],"plain":[1,2]}"#;
        let sale = decoder.decode(same.as_bytes()).unwrap();
        let want: Vec<String> = (0..4).map(|n| format!("{:?}", sale.value(n))).collect();
        assert_eq!(shown, want);
    }

    #[test]
    fn what_is_not_so_is_judged_as_it_is() {
        let sql = "CREATE TABLE t (prices ARRAY<DECIMAL(10, 2)>) WITH ('format' = 'json', 'json.schema-include' = 'true')";
        let table = standings_query::parse_table("t", sql).unwrap();
        let mut decoder = Decoder::new(&table, None, 1 << 20);
        let schema = format!(
            r#"{{"type":"struct","fields":[{{"field":"prices","type":"array","items":{{{DECIMAL}}}}}]}}"#
        );
        for (prices, reason) in [
            (r#"["?"]"#, "bad_amount"),
            (r#"{"a":1}"#, "wrong_type"),
            (r#"["A+k="]"#, "none"),
        ] {
            let record = format!(r#"{{"schema":{schema},"payload":{{"prices":{prices}}}}}"#);
            let found = decoder.decode(record.as_bytes()).err();
            assert_eq!(found.map_or("none", |e| e.reason), reason, "{prices}");
        }
    }
}
