//! Arrays, maps, and rows inside of them.

use std::sync::Arc;

use standings_model::types::Type;
use standings_model::value::Value;

use super::super::error;
use super::super::zone::Zone;
use super::convert::{RowOf, Typed};
use super::input::Input;
use super::read::{Fault, Out, read, refused};
use super::schema::Schema;

type Read = Result<Value, Fault>;

pub(super) fn array(part: &Typed, schema: &Schema, input: &mut Input<'_>, zone: &Zone) -> Read {
    let mut all = Vec::new();
    input.deeper()?;
    while let Some((parts, _)) = input.block()? {
        for _ in 0..parts {
            input.part()?;
            let n = all.len() + 1;
            all.push(value(part, schema, input, zone).map_err(|f| below(f, || format!("[{n}]")))?);
        }
    }
    input.depth -= 1;
    Ok(Value::Array(all.into()))
}

pub(super) fn map(
    key: &Typed,
    part: &Typed,
    schema: &Schema,
    input: &mut Input<'_>,
    zone: &Zone,
) -> Read {
    let mut all: Vec<(Value, Value)> = Vec::new();
    input.deeper()?;
    while let Some((parts, _)) = input.block()? {
        for _ in 0..parts {
            input.part()?;
            let key = value(key, schema, input, zone)?;
            let of = value(part, schema, input, zone)?;
            all.push((key, of));
        }
    }
    input.depth -= 1;
    once(&all)?;
    Ok(Value::Map(all.into()))
}

/// A key that stands twice is an error, as in JSON.
fn once(all: &[(Value, Value)]) -> Result<(), Fault> {
    let mut keys: Vec<String> = all.iter().map(|(key, _)| key.to_string()).collect();
    keys.sort_unstable();
    match keys.windows(2).find(|two| two[0] == two[1]) {
        Some(two) => refused(
            error::REPEATED_FIELD,
            format!("the key {} twice", two[0]),
            "each key once",
        ),
        None => Ok(()),
    }
}

pub(super) fn row(row: &RowOf, schema: &Schema, input: &mut Input<'_>, zone: &Zone) -> Read {
    input.deeper()?;
    let mut values = vec![Value::Null; row.names.len()];
    for (id, into) in &row.fields {
        match into {
            None => input.skip(schema, *id)?,
            Some((place, of)) => {
                let name = &row.names[*place].0;
                let found = value(of, schema, input, zone);
                values[*place] = found.map_err(|f| below(f, || format!(".{name}")))?;
            }
        }
    }
    input.depth -= 1;
    let required = row.names.iter().zip(&values);
    match required
        .into_iter()
        .find(|((_, must), value)| *must && value.is_null())
    {
        Some(((name, _), _)) => Err(Fault::Missing(format!(".{name}"))),
        None => Ok(Value::Row(values.into())),
    }
}

fn value(of: &Typed, schema: &Schema, input: &mut Input<'_>, zone: &Zone) -> Read {
    let kind = &of.kind;
    Ok(match read(&of.convert, schema, input, zone)? {
        Out::Null => Value::Null,
        Out::Int(n) => super::super::cell::integer(n, kind),
        Out::Decimal(n) => Value::decimal(n, kind.scale()),
        Out::Double(n) => Value::Double(n),
        Out::Bytes(bytes) if *kind == Type::Bytes => Value::Bytes(Arc::from(bytes)),
        // Looked at when it was read: the lossy form changes nothing.
        Out::Bytes(bytes) => Value::Text(Arc::from(String::from_utf8_lossy(bytes))),
        Out::Symbol(text) => Value::text(text),
        Out::Text(text) => Value::text(text),
        Out::Value(value) => value,
    })
}

/// Where in a column it was.
#[cold]
fn below(fault: Fault, place: impl Fn() -> String) -> Fault {
    match fault {
        Fault::Missing(inner) => Fault::Missing(place() + &inner),
        Fault::Refused(mut why) => {
            why.1 = format!("{} at {}", why.1, place());
            Fault::Refused(why)
        }
        broken => broken,
    }
}
