//! Histories as bytes: what a record means, written as its form has it.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Before, Form, Row, What};

/// A record: its key, where the form has one, and its value; none is a tombstone.
pub struct Written {
    pub key: Option<String>,
    pub value: Option<String>,
}

/// The table `orders`, in a form.
pub fn table(form: Form, out_of_orderness: i64) -> String {
    let with = match form {
        Form::Upsert => {
            "'connector' = 'upsert-kafka', 'topic' = 'orders', 'properties.bootstrap.servers' = 'kafka:9092',
             'key.format' = 'json', 'value.format' = 'json'"
        }
        Form::DeleteField => {
            "'changelog' = 'upsert', 'format' = 'json', 'delete.field' = '__deleted'"
        }
        Form::Debezium => "'format' = 'debezium-json'",
    };
    format!(
        "CREATE TABLE orders (id BIGINT, at TIMESTAMP_LTZ(3), city STRING, who STRING, amount DECIMAL(18, 2), tip BIGINT,
           PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR at AS at - INTERVAL '{}' SECOND) WITH ({with});",
        out_of_orderness / 1000
    )
}

/// An amount in one of the ways that it may be written.
fn amount(cents: i128, style: usize) -> Value {
    let sign = if cents < 0 { "-" } else { "" };
    let (whole, rest) = (cents.abs() / 100, cents.abs() % 100);
    match style % 4 {
        0 if rest == 0 => serde_json::from_str(&format!("{sign}{whole}")).unwrap(),
        1 if rest % 10 == 0 => {
            serde_json::from_str(&format!("{sign}{whole}.{}", rest / 10)).unwrap()
        }
        2 => Value::from(format!("{sign}{whole}.{rest:02}")),
        _ => serde_json::from_str(&format!("{sign}{whole}.{rest:02}")).unwrap(),
    }
}

/// Milliseconds as a time in UTC.
pub fn time(ms: i64) -> String {
    let (days, rest) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    // Days since 1 March 0000, by eras of 400 years.
    let z = days + 719_468;
    let (era, day) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (h, m, s) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    let mut out = format!("{year:04}-{month:02}-{date:02}T{h:02}:{m:02}:{s:02}");
    if rest % 1000 != 0 {
        write!(out, ".{:03}", rest % 1000).unwrap();
    }
    out + "Z"
}

fn row(row: &Row, style: usize) -> Value {
    let mut value = json!({
        "id": row.id,
        "at": time(row.time),
        "city": row.city,
        "who": row.who,
        "amount": amount(row.cents, style),
        "tip": row.tip,
    });
    // What is null may also be left out.
    if style.is_multiple_of(3) {
        let fields = value.as_object_mut().unwrap();
        fields.retain(|_, v| !v.is_null());
    }
    value
}

/// The record at an offset. What may be written in several ways goes by the offset.
pub fn write(form: Form, what: &What, offset: usize) -> Written {
    match form {
        Form::Upsert => upsert(what, offset),
        Form::DeleteField => field(what, offset),
        Form::Debezium => debezium(what, offset),
    }
}

fn keyed(key: Value, value: Option<Value>) -> Written {
    Written {
        key: Some(key.to_string()),
        value: value.map(|v| v.to_string()),
    }
}

fn upsert(what: &What, offset: usize) -> Written {
    match what {
        What::Put { row: of, .. } => {
            let mut value = row(of, offset);
            // The key wins over the columns of the value.
            if offset.is_multiple_of(5) {
                value["id"] = json!(of.id + 1_000_000);
            }
            keyed(json!({"id": of.id}), Some(value))
        }
        What::End { id, .. } => keyed(json!({"id": id}), None),
        What::Empty | What::Skip(_) => panic!("an upsert topic has no {what:?}"),
        What::Dead(kind) => match kind % 6 {
            0 => keyed(
                json!({"id": 1}),
                Some(json!({"id": 1, "at": "yesterday", "amount": 1})),
            ),
            1 => keyed(json!({"id": null}), None),
            2 => keyed(json!({"id": "x"}), None),
            3 => keyed(
                json!(null),
                Some(json!({"id": 1, "at": "2026-01-01T00:00:00Z", "amount": 1})),
            ),
            4 => keyed(json!({"id": 1}), Some(json!({"id": 1, "amount": 1}))),
            _ => Written {
                key: Some(json!({"id": 0}).to_string()),
                value: Some("{".to_owned()),
            },
        },
    }
}

fn field(what: &What, offset: usize) -> Written {
    let value = match what {
        What::Put { row: of, .. } => {
            let mut value = row(of, offset);
            match offset % 3 {
                0 => {}
                1 => value["__deleted"] = json!("false"),
                _ => value["__deleted"] = json!(false),
            }
            value.to_string()
        }
        What::End { id, .. } => {
            let deleted = [json!(true), json!("true")][offset % 2].clone();
            json!({"id": id, "at": null, "__deleted": deleted}).to_string()
        }
        What::Empty | What::Skip(_) => panic!("an upsert file has no {what:?}"),
        What::Dead(kind) => match kind % 4 {
            0 => "{".to_owned(),
            1 => json!({"id": null, "__deleted": true}).to_string(),
            2 => json!({"id": 0, "at": null, "amount": 1, "__deleted": false}).to_string(),
            _ => json!({"at": "2026-01-01T00:00:00Z", "amount": 1}).to_string(),
        },
    };
    Written {
        key: None,
        value: Some(value),
    }
}

fn debezium(what: &What, offset: usize) -> Written {
    let envelope = |before: Value, after: Value, op: &str| {
        let source = json!({"connector": "postgresql", "table": "orders", "ts_ms": 1});
        Some(json!({"before": before, "after": after, "source": source, "op": op, "ts_ms": 1}))
    };
    let before = |before: &Before, id: i64| match before {
        Before::Missing => Value::Null,
        Before::Key => {
            json!({"id": id, "at": null, "city": null, "who": null, "amount": null, "tip": null})
        }
        Before::Full(of) => row(of, offset + 1),
    };
    let value = match what {
        What::Put {
            row: of,
            before: was,
            found,
        } => {
            let op = match (found, was) {
                (true, _) => "r",
                (false, Before::Missing) if offset.is_multiple_of(2) => "c",
                _ => "u",
            };
            envelope(before(was, of.id), row(of, offset), op)
        }
        What::End { id, before: was } => envelope(before(was, *id), Value::Null, "d"),
        What::Empty => envelope(Value::Null, Value::Null, "t"),
        What::Skip(kind) => match kind % 6 {
            0 => None,
            1 => Some(json!({"ts_ms": 1_767_225_600_000_u64})),
            2 => Some(
                json!({"source": {"ts_ms": 1}, "databaseName": "shop", "ddl": "ALTER TABLE orders ADD x int", "tableChanges": []}),
            ),
            3 => Some(
                json!({"status": "BEGIN", "id": "571:1", "event_count": null, "data_collections": null, "ts_ms": 1}),
            ),
            4 => Some(
                json!({"status": "END", "id": "571:1", "event_count": 1, "data_collections": [], "ts_ms": 1}),
            ),
            _ => Some(
                json!({"op": "m", "ts_ms": 1, "source": {}, "message": {"prefix": "p", "content": "eA=="}}),
            ),
        },
        What::Dead(kind) => {
            let good = json!({"id": 0, "at": "2026-01-01T23:00:00Z", "city": "Faro", "who": null, "amount": 1, "tip": null});
            let mut other = good.clone();
            match kind % 8 {
                0 => envelope(Value::Null, good, "x"),
                1 => Some(json!({"id": 4, "city": "Faro"})),
                2 => envelope(Value::Null, Value::Null, "c"),
                3 => {
                    other["id"] = json!(77);
                    envelope(other, good, "u")
                }
                4 => {
                    other["amount"] = json!("much");
                    envelope(Value::Null, other, "u")
                }
                5 => {
                    other["at"] = Value::Null;
                    envelope(Value::Null, other, "c")
                }
                6 => envelope(Value::Null, Value::Null, "d"),
                _ => {
                    other["id"] = Value::Null;
                    envelope(Value::Null, other, "r")
                }
            }
        }
    };
    Written {
        key: None,
        value: value.map(|v| v.to_string()),
    }
}

/// A line of a file. One without a value is a tombstone; of upsert the line has the key too.
pub fn line(form: Form, written: &Written) -> String {
    let value = written.value.as_deref().unwrap_or("null");
    match (form, &written.key) {
        (Form::Upsert, key) => {
            let key = key.as_deref().unwrap_or("null");
            format!("{{\"key\":{key},\"value\":{value}}}")
        }
        _ => value.to_owned(),
    }
}
