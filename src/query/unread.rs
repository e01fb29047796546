//! What a declaration may say and nobody reads yet: refused by name, so that no value is NULL or wrong without a word.

use sqlparser::tokenizer::Span;

use super::error::{QueryError, Text};
use super::statement::Declaration;
use standings_model::table::format::Encoding;
use standings_model::table::{Connector, Origin, Table};
use standings_model::types::Type;

/// The first thing of a table that is not read yet.
pub fn refusal(text: Text<'_>, declared: &Declaration, table: &Table) -> Option<QueryError> {
    let name = &table.name;
    let (at, found, allowed) = format(declared, table).or_else(|| key(declared, table))?;
    Some(text.error(
        at,
        format!("{found} of `{name}`, which is not read yet"),
        allowed,
    ))
}

/// Where, what, and what would do.
type Unread = (Span, String, &'static str);

/// Where the value of the first of these options stands.
fn at(declared: &Declaration, keys: &[&str]) -> Span {
    let mut options = declared.options.iter();
    let option = options.find(|o| keys.contains(&o.key.as_str()));
    option.map_or(declared.span, |o| o.value_span)
}

const FORMAT: [&str; 2] = ["format", "value.format"];

fn format(declared: &Declaration, table: &Table) -> Option<Unread> {
    let allowed = "'json', 'csv', 'protobuf', 'json-schema-confluent', 'avro-confluent', 'protobuf-confluent' or 'raw'; of files 'json', 'csv', 'parquet' and 'avro'";
    let is_kafka = matches!(table.connector, Some(Connector::Kafka { .. }));
    let is_file = matches!(table.connector, Some(Connector::Files { .. }));
    let is_framed = table.format.registry.is_some();
    let value = at(declared, &FORMAT);
    match &table.format.encoding {
        Encoding::Other(name) => Some((value, format!("'{name}'"), allowed)),
        Encoding::Csv(_) if is_kafka => of_files(declared),
        Encoding::Parquet if is_kafka => Some((value, "'parquet' in a topic".to_owned(), allowed)),
        Encoding::Avro if is_kafka && !is_framed => {
            let instead = "'avro-confluent': a record of a topic says its schema by its id";
            Some((value, "'avro' in a topic".to_owned(), instead))
        }
        _ if is_file && is_framed => {
            let found = "records behind the id of their schema, in files".to_owned();
            Some((
                value,
                found,
                "'connector' = 'kafka', or a recording of a topic",
            ))
        }
        Encoding::Raw => {
            let of_value = |of: &Origin| matches!(of, Origin::Field(_) | Origin::Parts);
            raw(table, of_value).map(|found| (value, found, ONE))
        }
        Encoding::Protobuf(_) if is_file => {
            Some((value, "'protobuf' in a file".to_owned(), allowed))
        }
        Encoding::ByName
        | Encoding::Json(_)
        | Encoding::Csv(_)
        | Encoding::Parquet
        | Encoding::Avro
        | Encoding::Protobuf(_) => None,
    }
}

/// What CSV has in files alone: a value is one row.
fn of_files(declared: &Declaration) -> Option<Unread> {
    let is = |word: &str| {
        let mut options = declared.options.iter();
        options.find(|o| {
            let key = o.key.strip_prefix("value.").unwrap_or(&o.key);
            key == word && o.value.eq_ignore_ascii_case("true")
        })
    };
    let (header, comments) = (is("csv.header"), is("csv.allow-comments"));
    let option = header.or(comments)?;
    let allowed = match header {
        Some(_) => "leave it out: a value is one row, its cells in the order of the columns",
        None => "leave it out: a value is one row",
    };
    Some((
        option.value_span,
        format!("'{}' of a topic", option.key),
        allowed,
    ))
}

fn key(declared: &Declaration, table: &Table) -> Option<Unread> {
    let in_key = |of: &Origin| matches!(of, Origin::KeyField(_));
    let key = at(declared, &["key.format"]);
    let allowed = "'json', 'protobuf', 'json-schema-confluent', 'avro-confluent', 'protobuf-confluent' or 'raw'";
    let format = table.key_format.as_ref()?;
    match &format.encoding {
        Encoding::Other(name) => Some((key, format!("'{name}' as the key"), allowed)),
        Encoding::Csv(_) => Some((key, "'csv' as the key".to_owned(), allowed)),
        Encoding::Parquet => Some((key, "'parquet' as the key".to_owned(), allowed)),
        Encoding::Avro if format.registry.is_none() => {
            Some((key, "'avro' as the key".to_owned(), allowed))
        }
        Encoding::Raw if table.columns.iter().any(|c| in_key(&c.origin)) => {
            raw(table, in_key).map(|found| (key, found, ONE))
        }
        Encoding::ByName
        | Encoding::Json(_)
        | Encoding::Protobuf(_)
        | Encoding::Avro
        | Encoding::Raw => None,
    }
}

/// What a raw value or key is.
const ONE: &str = "one column of type STRING or BYTES: the bytes as they are";

/// What a raw value or key is to fill, where that is not one column of text or bytes.
fn raw(table: &Table, of: fn(&Origin) -> bool) -> Option<String> {
    let columns = table.declared().iter().filter(|c| of(&c.origin));
    match &columns.map(|c| &c.kind).collect::<Vec<_>>()[..] {
        [Type::Text(_) | Type::Bytes] => None,
        [] => Some("'raw' without a column".to_owned()),
        [kind] => Some(format!("'raw' as {kind}")),
        more => Some(format!("'raw' as {} columns", more.len())),
    }
}
