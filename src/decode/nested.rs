//! Arrays, maps, and rows inside of them.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use standings_model::table::format::Json;
use standings_model::types::{RowField, Type};
use standings_model::value::Value;

use super::columns::kind;
use super::error::{self, DecodeError};
use super::made::Made;
use super::names::Names;
use super::scalar::{Scalar, scalar};

/// Reads a whole valid JSON value as a type, by the format's words; `at` names it for a person.
pub(super) fn value(
    of: &Type,
    required: bool,
    raw: &str,
    by: (&Json, &Made),
    at: &str,
) -> Result<Value, DecodeError> {
    let wrong = |expected: &str| Err(DecodeError::field(error::WRONG_TYPE, at, raw, expected));
    if raw == "null" {
        if required {
            return Err(DecodeError::field(error::MISSING_FIELD, at, raw, "a value"));
        }
        return Ok(Value::Null);
    }
    match of {
        Type::Array(element) => {
            if !raw.starts_with('[') {
                return wrong("an array");
            }
            let parts: Vec<&RawValue> = serde_json::from_str(raw).map_err(|e| malformed(&e))?;
            let parts = parts.iter().enumerate().map(|(i, part)| {
                let at = format!("{at}[{}]", i + 1);
                value(element, false, part.get(), by, &at)
            });
            Ok(Value::Array(parts.collect::<Result<Vec<_>, _>>()?.into()))
        }
        Type::Map(kinds) => {
            if !raw.starts_with('{') {
                return wrong("an object");
            }
            let entries = entries(raw, at)?;
            let entries = entries.iter().map(|(name, part)| {
                // Names of fields are strings, whatever the keys are.
                let key = serde_json::to_string(name).map_err(|e| malformed(&e))?;
                let key = match kinds.0.is_text() {
                    true => value(&kinds.0, true, &key, by, at)?,
                    false => value(&kinds.0, true, name, by, at)?,
                };
                let at = format!("{at}[{name:?}]");
                Ok((key, value(&kinds.1, false, part.get(), by, &at)?))
            });
            Ok(Value::Map(entries.collect::<Result<Vec<_>, _>>()?.into()))
        }
        Type::Row(fields) => {
            if !raw.starts_with('{') {
                return wrong("an object");
            }
            row(fields, raw, by, at)
        }
        plain => {
            let (json, made) = by;
            let found = scalar(kind(plain, false, json), raw, &made.zone)
                .map_err(|no| DecodeError::field(no.reason, at, raw, &no.expected))?;
            Ok(owned(found, plain))
        }
    }
}

fn row(fields: &[RowField], raw: &str, by: (&Json, &Made), at: &str) -> Result<Value, DecodeError> {
    let entries = entries(raw, at)?;
    let values = fields.iter().map(|field| {
        let at = format!("{at}.{}", field.name);
        let found = entries.iter().find(|(name, _)| *name == field.name);
        match found {
            Some((_, part)) => value(&field.kind, !field.nullable, part.get(), by, &at),
            None if field.nullable => Ok(Value::Null),
            None => {
                let detail = format!("field {at:?} is missing");
                Err(DecodeError::new(error::MISSING_FIELD, detail))
            }
        }
    });
    Ok(Value::Row(values.collect::<Result<Vec<_>, _>>()?.into()))
}

fn owned(found: Scalar<'_>, of: &Type) -> Value {
    match found {
        Scalar::Null => Value::Null,
        Scalar::Decimal(n) => Value::decimal(n, of.scale()),
        Scalar::Double(n) => Value::Double(n),
        Scalar::Text(text) => Value::Text(Arc::from(&*text)),
        Scalar::Bytes(bytes) => Value::Bytes(bytes.into()),
        Scalar::Int(n) => super::cell::integer(n, of),
    }
}

fn malformed(e: &serde_json::Error) -> DecodeError {
    DecodeError::new(error::MALFORMED, super::error::shorten(&e.to_string()))
}

/// Names and values of an object, in order; a name that stands twice is an error.
pub(super) fn entries<'a>(
    raw: &'a str,
    at: &str,
) -> Result<Vec<(String, &'a RawValue)>, DecodeError> {
    #[derive(Deserialize)]
    struct Name(String);
    struct Entries;
    impl<'de> Visitor<'de> for Entries {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut all = Vec::new();
            while let Some(Name(name)) = map.next_key()? {
                all.push((name, map.next_value()?));
            }
            Ok(all)
        }
    }
    let mut json = serde_json::Deserializer::from_str(raw);
    let all = (&mut json)
        .deserialize_map(Entries)
        .map_err(|e| malformed(&e))?;
    let mut names = Names::default();
    match all.iter().find(|(name, _)| !names.insert(name)) {
        Some((name, _)) => {
            let name = format!("{at}.{name}");
            Err(DecodeError::new(
                error::REPEATED_FIELD,
                format!("field {:?} stands twice", super::error::shorten(&name)),
            ))
        }
        None => Ok(all),
    }
}
