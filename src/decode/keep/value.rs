//! Values that are made of others as bytes, and back.

use std::sync::Arc;

use standings_model::types::Type;
use standings_model::value::{Real, Value};

use super::{push_bytes, push_number, read_bytes, read_number};

/// Appends a value. The entries of a map have no order: their keys' bytes give them one.
pub(super) fn push_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(0),
        Value::Boolean(b) => push_number(out, i128::from(*b)),
        Value::Integer(n) => push_number(out, *n),
        Value::Decimal(d) => push_number(out, d.unscaled),
        Value::Double(n) => push_number(out, i128::from(n.to_ordered())),
        Value::Date(n) => push_number(out, i128::from(*n)),
        Value::Time(n) | Value::Timestamp(n) | Value::Instant(n) => {
            push_number(out, i128::from(*n));
        }
        Value::Text(text) => push_bytes(out, text.as_bytes()),
        Value::Bytes(bytes) => push_bytes(out, bytes),
        Value::Row(all) | Value::Array(all) => {
            let mut parts = Vec::new();
            all.iter().for_each(|part| push_value(&mut parts, part));
            push_bytes(out, &parts);
        }
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let mut entry = Vec::new();
                push_value(&mut entry, key);
                push_value(&mut entry, value);
                entry
            });
            let mut entries: Vec<Vec<u8>> = entries.collect();
            entries.sort_unstable();
            push_bytes(out, &entries.concat());
        }
    }
}

/// The next value of a type; none where the bytes are not one of it.
pub(super) fn read_value(kind: &Type, from: &mut &[u8]) -> Option<Value> {
    if from.first() == Some(&0) {
        *from = &from[1..];
        return Some(Value::Null);
    }
    let mut at = 0;
    if kind.is_bytes() || kind.is_nested() {
        let (start, end) = read_bytes(from, &mut at)?;
        let mut bytes = from.get(start..end)?;
        *from = &from[end..];
        return Some(match kind {
            Type::Bytes => Value::Bytes(Arc::from(bytes)),
            Type::Row(fields) => {
                let parts = fields.iter().map(|f| read_value(&f.kind, &mut bytes));
                Value::Row(parts.collect::<Option<Vec<_>>>()?.into())
            }
            Type::Array(of) => {
                let mut all = Vec::new();
                while !bytes.is_empty() {
                    all.push(read_value(of, &mut bytes)?);
                }
                Value::Array(all.into())
            }
            Type::Map(of) => {
                let mut all = Vec::new();
                while !bytes.is_empty() {
                    let key = read_value(&of.0, &mut bytes)?;
                    all.push((key, read_value(&of.1, &mut bytes)?));
                }
                Value::Map(all.into())
            }
            _ => Value::text(String::from_utf8_lossy(bytes)),
        });
    }
    let n = read_number(from, &mut at)?;
    *from = &from[at..];
    Some(match kind {
        Type::Float | Type::Double => Value::Double(Real::of_ordered(n as i64)),
        kind => Value::of_number(n, kind),
    })
}
