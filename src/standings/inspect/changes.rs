//! How the rows of records change, and which columns name a row.
//!
//! ```text
//! the envelope says what changed ──► Debezium, Maxwell, Canal
//! a field says that the row ends ──► present rows, unwrapped from Debezium: `delete.field`
//! records without bytes behind keys ► present rows of a compacted topic: `upsert-kafka`
//! lines of key and value ───────────► the same in a file
//!
//! the key ◄── what the records say themselves ◄── the records' keys ◄── a field that is named like one (a doubt)
//! ```

use super::decide::is_id_name;
use super::envelope::Envelope;
use super::json::Json;
use super::sample::Record;
use super::seen::Seen;

/// How rows change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Changes {
    /// They only come.
    #[default]
    None,
    /// A record says what changed.
    Told,
    /// A record is the present row of its key; this field says that it ends.
    Unwrapped(&'static str),
    /// A record is the present row of its key, one without bytes its end.
    Present,
    /// The same in lines of key and value.
    Lines,
}

/// The field by which Debezium's unwrapping says that a row ends.
const DELETED: &str = "__deleted";

/// What names a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RowKey {
    /// Fields, by name.
    pub(super) fields: Vec<String>,
    /// Why it may be another.
    pub(super) doubt: Option<String>,
}

impl Changes {
    /// Of what was seen.
    pub(super) fn of(envelope: Envelope, seen: &Seen, empties: u64, has_keys: bool) -> Self {
        let unwrapped = |(name, field): &(String, Seen)| {
            let is_flag = |text: &String| text == "true" || text == "false";
            name == DELETED && !field.distinct.is_empty() && field.distinct.iter().all(is_flag)
        };
        match envelope {
            Envelope::Line => Changes::Lines,
            envelope if envelope.is_changes() => Changes::Told,
            _ if seen.fields.iter().any(unwrapped) => Changes::Unwrapped(DELETED),
            _ if empties > 0 && has_keys => Changes::Present,
            _ => Changes::None,
        }
    }

    /// For a person.
    pub(super) fn said(self) -> Option<&'static str> {
        Some(match self {
            Changes::None | Changes::Told => return None,
            Changes::Unwrapped(_) => {
                "rows that are updated and deleted: Debezium's changes, unwrapped (`__deleted` says that a row ends)"
            }
            Changes::Present => {
                "rows that are updated and deleted: a record is the present row of its key, one without bytes its end"
            }
            Changes::Lines => {
                "rows that are updated and deleted: a line is a key and its present row, or null for its end"
            }
        })
    }
}

/// The fields of an object that names a row; Connect's schema may be around it.
fn fields(key: &Json) -> Option<Vec<String>> {
    let key = match (key.get("schema"), key.get("payload")) {
        (Some(_), Some(payload)) => payload,
        _ => key,
    };
    let fields = key.fields()?;
    Some(fields.iter().map(|(name, _)| name.clone()).collect())
}

/// The names in a list: `pkNames` of Canal, `primary_key_columns` of Maxwell.
fn named(record: &Json) -> Option<Vec<String>> {
    let list = record
        .get("pkNames")
        .or_else(|| record.get("primary_key_columns"))?;
    match list {
        Json::Array(all) if !all.is_empty() => {
            let names = all.iter().map(|name| name.text().map(str::to_owned));
            names.collect()
        }
        _ => None,
    }
}

/// What names the rows of records: all that say it say the same.
pub(super) fn row_key(records: &[Record], values: &[Json], lines: bool, seen: &Seen) -> RowKey {
    let told = values.iter().filter_map(named);
    let keys = records.iter().filter_map(|r| r.key.as_ref());
    let keys: Vec<Json> = keys.filter_map(|key| Json::parse(key)).collect();
    let by_keys = keys.iter().filter_map(fields);
    let by_lines = values.iter().filter(|_| lines);
    let by_lines = by_lines.filter_map(|line| fields(line.get("key")?));
    let is_there = |names: &Vec<String>| {
        let there = |name: &String| seen.fields.iter().any(|(field, _)| field == name);
        !names.is_empty() && names.iter().all(there)
    };
    let mut said = told.chain(by_lines).chain(by_keys).filter(is_there);
    if let Some(first) = said.next() {
        let doubt = said
            .find(|other| *other != first)
            .map(|other| format!("other records say {}", other.join(", ")));
        return RowKey {
            fields: first,
            doubt,
        };
    }
    if let Some(name) = as_text(records, values, seen) {
        return RowKey {
            fields: vec![name],
            doubt: None,
        };
    }
    let rows = seen.fields.iter().map(|(_, s)| s.there).max();
    let is_like = |(name, field): &&(String, Seen)| {
        is_id_name(name)
            && Some(field.there) == rows
            && field.nulls == 0
            && field.objects + field.arrays == 0
    };
    match seen.fields.iter().find(is_like) {
        Some((name, _)) => RowKey {
            fields: vec![name.clone()],
            doubt: Some("named like a key: is it what names a row?".to_owned()),
        },
        None => RowKey::default(),
    }
}

/// The field whose value each record's key is.
fn as_text(records: &[Record], values: &[Json], seen: &Seen) -> Option<String> {
    let keyed: Vec<&[u8]> = records
        .iter()
        .filter(|r| !r.bytes.is_empty())
        .map(|r| r.key.as_deref())
        .collect::<Option<_>>()?;
    if keyed.is_empty() || keyed.len() != values.len() {
        return None;
    }
    let is_key = |name: &String| {
        let mut pairs = keyed.iter().zip(values);
        pairs.all(|(key, value)| {
            let text = value.get(name).and_then(Json::text);
            text.is_some_and(|text| text.as_bytes() == *key)
        })
    };
    let mut names = seen.fields.iter().map(|(name, _)| name);
    names.find(|name| is_key(name)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(key: &str, value: &str) -> Record {
        Record {
            bytes: value.as_bytes().to_vec(),
            key: Some(key.as_bytes().to_vec()),
            headers: Vec::new(),
        }
    }

    fn look(records: &[Record]) -> RowKey {
        let values = records.iter().filter(|r| !r.bytes.is_empty());
        let values: Vec<Json> = values.filter_map(|r| Json::parse(&r.bytes)).collect();
        let mut seen = Seen::default();
        values.iter().for_each(|value| seen.add(value));
        row_key(records, &values, false, &seen)
    }

    #[test]
    fn what_names_a_row() {
        let row = r#"{"n":1,"order_id":"a","amount":2}"#;
        let wrapped = r#"{"schema":{},"payload":{"order_id":"a"}}"#;
        for (key, value, want, doubts) in [
            (r#"{"order_id":"a"}"#, row, "order_id", false),
            (wrapped, row, "order_id", false),
            ("a", row, "order_id", false),
            // What the row has not got names nothing in it.
            (r#"{"other":"a"}"#, row, "order_id", true),
            ("b", row, "order_id", true),
            ("b", r#"{"n":1}"#, "", false),
            ("1", r#"{"pkNames":["n"],"n":1}"#, "n", false),
        ] {
            let found = look(&[keyed(key, value)]);
            assert_eq!(found.fields.join(","), want, "{key} {value}");
            assert_eq!(found.doubt.is_some(), doubts, "{key} {value}");
        }
        let two = [
            keyed(r#"{"n":1}"#, row),
            keyed(r#"{"order_id":"a"}"#, row),
            keyed(r#"{"n":1}"#, ""),
        ];
        let found = look(&two);
        assert_eq!(found.fields, ["n"]);
        assert_eq!(found.doubt.unwrap(), "other records say order_id");
    }

    #[test]
    fn how_rows_change() {
        let of = |text: &str, empties, has_keys| {
            let mut seen = Seen::default();
            seen.add(&Json::parse(text.as_bytes()).unwrap());
            Changes::of(Envelope::None, &seen, empties, has_keys)
        };
        let unwrapped = Changes::Unwrapped("__deleted");
        assert_eq!(of(r#"{"a":1,"__deleted":"false"}"#, 0, false), unwrapped);
        assert_eq!(of(r#"{"a":1,"__deleted":true}"#, 1, true), unwrapped);
        assert_eq!(
            of(r#"{"a":1,"__deleted":"maybe"}"#, 0, false),
            Changes::None
        );
        assert_eq!(of(r#"{"a":1}"#, 1, true), Changes::Present);
        assert_eq!(of(r#"{"a":1}"#, 1, false), Changes::None);
        assert_eq!(of(r#"{"a":1}"#, 0, true), Changes::None);
    }
}
