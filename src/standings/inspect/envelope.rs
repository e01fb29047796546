//! What is around the fields of JSON records.

use super::json::Json;

/// What wraps a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Envelope {
    /// Nothing.
    None,
    /// Kafka Connect's schema and payload.
    Connect,
    /// A CloudEvent whose fields lie in the record.
    CloudEvent,
    /// Debezium's change; with Connect's schema around it.
    Debezium {
        schema: bool,
    },
    Maxwell,
    Canal,
    /// A line of a file of present rows: a key, its value, the record's time.
    Line,
}

impl Envelope {
    /// For a person.
    pub(super) fn name(self) -> Option<&'static str> {
        Some(match self {
            Envelope::None => return None,
            Envelope::Connect => "Kafka Connect's schema and payload",
            Envelope::CloudEvent => "a CloudEvent, structured: its data is a row in it",
            Envelope::Debezium { schema: true } => {
                "Debezium's changes, with Connect's schema around them"
            }
            Envelope::Debezium { schema: false } => "Debezium's changes",
            Envelope::Maxwell => "Maxwell's changes",
            Envelope::Canal => "Canal's changes",
            Envelope::Line => "a key and a value, as in a topic",
        })
    }

    /// `format`.
    pub(super) fn format(self) -> &'static str {
        match self {
            Envelope::Debezium { .. } => "debezium-json",
            Envelope::Maxwell => "maxwell-json",
            Envelope::Canal => "canal-json",
            _ => "json",
        }
    }

    /// Whether its records say what changed.
    pub(super) fn is_changes(self) -> bool {
        self.format() != "json"
    }
}

fn has(record: &Json, names: &[&str]) -> bool {
    names.iter().all(|name| record.get(name).is_some())
}

fn of(record: &Json) -> Envelope {
    let is_debezium =
        |r: &Json| has(r, &["op", "source"]) && (has(r, &["after"]) || has(r, &["before"]));
    let wraps =
        has(record, &["schema", "payload"]) && record.fields().is_some_and(|f| f.len() == 2);
    match record {
        r if wraps && r.get("payload").is_some_and(is_debezium) => {
            Envelope::Debezium { schema: true }
        }
        _ if wraps => Envelope::Connect,
        r if is_debezium(r) => Envelope::Debezium { schema: false },
        r if has(r, &["database", "table", "type", "data", "isDdl"]) => Envelope::Canal,
        r if has(r, &["database", "table", "type", "data", "ts"]) => Envelope::Maxwell,
        r if has(r, &["specversion", "id", "source", "type"]) => Envelope::CloudEvent,
        _ => Envelope::None,
    }
}

/// What wraps the records of a file that is named as one of keys and values.
pub(super) fn of_lines(records: &[Json]) -> Envelope {
    match records.iter().all(|r| has(r, &["key", "value"])) {
        true => Envelope::Line,
        false => Envelope::None,
    }
}

/// What wraps records: what wraps nine of ten of them.
pub(super) fn around(records: &[Json]) -> Envelope {
    let objects = records.iter().filter(|r| r.fields().is_some());
    let all: Vec<Envelope> = objects.map(of).collect();
    let Some(first) = all.iter().find(|e| **e != Envelope::None) else {
        return Envelope::None;
    };
    let alike = all.iter().filter(|e| *e == first).count();
    if alike * 10 >= all.len() * 9 {
        *first
    } else {
        Envelope::None
    }
}

/// What a change says that the row is, or was.
fn changed(record: Option<&Json>) -> Option<&Json> {
    let record = record?;
    let is_row = |row: &&Json| row.fields().is_some();
    let after = record.get("after").filter(is_row);
    after.or(record.get("before").filter(is_row))
}

/// The rows in a record.
pub(super) fn rows(envelope: Envelope, record: &Json) -> Vec<&Json> {
    let one = match envelope {
        Envelope::None | Envelope::CloudEvent => Some(record),
        Envelope::Connect => record.get("payload"),
        Envelope::Debezium { schema: false } => changed(Some(record)),
        Envelope::Debezium { schema: true } => changed(record.get("payload")),
        Envelope::Maxwell => record.get("data"),
        Envelope::Line => record.get("value").filter(|value| **value != Json::Null),
        Envelope::Canal => match record.get("data") {
            Some(Json::Array(all)) => return all.iter().collect(),
            _ => None,
        },
    };
    one.into_iter().collect()
}

/// The fields that are decimals in bytes by the schema beside a payload, and the digits behind their points.
pub(super) fn decimals(record: &Json) -> Vec<(String, u8)> {
    const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";
    let of = |field: &Json| {
        let text = |name: &str| field.get(name).and_then(Json::text);
        let scale = field.get("parameters")?.get("scale")?.text()?;
        let is_decimal = text("name") == Some(DECIMAL);
        Some((text("field")?.to_owned(), scale.parse().ok()?)).filter(|_| is_decimal)
    };
    match record.get("schema").and_then(|s| s.get("fields")) {
        Some(Json::Array(fields)) => fields.iter().filter_map(of).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes() {
        for (text, want, row) in [
            (r#"{"a":1}"#, Envelope::None, r#"{"a":1}"#),
            (
                r#"{"schema":{"type":"struct"},"payload":{"a":1}}"#,
                Envelope::Connect,
                r#"{"a":1}"#,
            ),
            (
                r#"{"before":null,"after":{"a":1},"source":{},"op":"c"}"#,
                Envelope::Debezium { schema: false },
                r#"{"a":1}"#,
            ),
            (
                r#"{"schema":{},"payload":{"before":{"a":1},"after":null,"source":{},"op":"d"}}"#,
                Envelope::Debezium { schema: true },
                r#"{"a":1}"#,
            ),
            (
                r#"{"database":"d","table":"t","type":"insert","ts":1,"data":{"a":1}}"#,
                Envelope::Maxwell,
                r#"{"a":1}"#,
            ),
            (
                r#"{"data":[{"a":1}],"database":"d","isDdl":false,"table":"t","type":"INSERT","es":1}"#,
                Envelope::Canal,
                r#"{"a":1}"#,
            ),
        ] {
            let record = Json::parse(text.as_bytes()).unwrap();
            assert_eq!(around(std::slice::from_ref(&record)), want, "{text}");
            let want = Json::parse(row.as_bytes()).unwrap();
            assert_eq!(
                rows(around(std::slice::from_ref(&record)), &record),
                [&want],
                "{text}"
            );
        }
        let event = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a":1}}"#;
        let event = Json::parse(event.as_bytes()).unwrap();
        assert_eq!(around(std::slice::from_ref(&event)), Envelope::CloudEvent);
        let other = Json::parse(b"{}").unwrap();
        assert_eq!(around(&[event, other]), Envelope::None);
    }
}
