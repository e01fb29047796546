//! How a ranking's row lies in its table: names, types, order, and the text of a value on its way there and back.

use standings_model::digits;
use standings_model::plan::{Field, Ranking};
use standings_model::types::{Type, Width};
use standings_model::value::Value;

/// Quotes a name.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A field's column type.
pub fn sql_type(ranking: &Ranking, field: Field) -> String {
    type_of(&ranking.field_type(field).0)
}

fn type_of(kind: &Type) -> String {
    match kind {
        Type::Boolean => "boolean",
        Type::Integer(Width::Sum) => "numeric(38,0)",
        Type::Integer(_) => "bigint",
        Type::Decimal { scale, .. } => return format!("numeric(38,{scale})"),
        Type::Float | Type::Double => "double precision",
        Type::Bytes => "bytea",
        Type::Date => "date",
        Type::Time => "time",
        Type::Timestamp(_) => "timestamp",
        Type::Instant(_) => "timestamptz",
        // What is made of others is no key and no measure.
        Type::Text(_)
        | Type::Char(_)
        | Type::Null
        | Type::Row(_)
        | Type::Array(_)
        | Type::Map(_)
        | Type::Months
        | Type::Span => "text",
    }
    .to_owned()
}

/// Keys, then the measures that are shown.
pub fn fields(ranking: &Ranking) -> Vec<Field> {
    let keys = (0..ranking.keys.len()).map(Field::Key);
    let measures = (0..ranking.measures.len()).filter(|m| ranking.shows(*m));
    keys.chain(measures.map(Field::Measure)).collect()
}

/// Keys and measures of a row, from the values of its [`fields`]: NULL for a measure that is not shown.
pub fn parts(ranking: &Ranking, values: Vec<Value>) -> (Vec<Value>, Vec<Value>) {
    let mut values = values.into_iter();
    let keys = values.by_ref().take(ranking.keys.len()).collect();
    let measures = (0..ranking.measures.len()).map(|m| match ranking.shows(m) {
        true => values.next().unwrap_or(Value::Null),
        false => Value::Null,
    });
    (keys, measures.collect())
}

/// A rank as its column has it: NULL where the ranking does not say it.
pub fn rank(rank: Option<u64>) -> Option<String> {
    rank.filter(|rank| *rank > 0).map(|rank| rank.to_string())
}

/// A value as the server reads it for its column.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Text(text) => Some(text.to_string()),
        Value::Bytes(bytes) => {
            let hex = bytes.iter().map(|b| format!("{b:02x}"));
            Some(format!("\\x{}", hex.collect::<String>()))
        }
        plain => Some(digits::text(|out| plain.push_plain(out))),
    }
}

/// How a column (quoted) is selected as text that [`value`] reads, whatever the session's formats are.
pub fn selected(kind: &Type, name: &str) -> String {
    match kind {
        Type::Instant(_) | Type::Timestamp(_) | Type::Time => {
            format!("((extract(epoch FROM {name}) * 1000000)::bigint)::text")
        }
        Type::Date => format!("({name} - date '1970-01-01')::text"),
        Type::Bytes => format!("encode({name}, 'base64')"),
        _ => format!("{name}::text"),
    }
}

/// The value of a column that was [`selected`].
pub fn value(kind: &Type, text: &str) -> Option<Value> {
    match kind {
        Type::Instant(_) | Type::Timestamp(_) | Type::Time | Type::Date => {
            Some(Value::of_number(text.parse().ok()?, kind))
        }
        // Lines of 76 characters.
        Type::Bytes => Value::parse(&text.replace('\n', ""), kind),
        _ => Value::parse(text, kind),
    }
}
