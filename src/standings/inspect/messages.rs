//! Protobuf messages of a topic: the columns that their message says, and all of them as JSON.
//!
//! ```text
//! 0 id place bytes ──► registry: text ───────┐
//!                                            ├──► the message's fields ──► CREATE TABLE ──► the real decoder ──► JSON
//! bytes ──► --descriptor-file: descriptors ──┘
//! ```
//!
//! A table is of one message. Records of another are shown as far as they have its fields, as a run would read them.

mod described;

use std::fmt::Write;
use std::sync::Arc;

use super::names::literal;
use super::sample::{Body, Record};
use standings_decode::{Decoder, Sale};
use standings_model::error::{Failure, codes};
use standings_model::json;
use standings_model::schema::{FRAME, Given, Schema, unframed};
use standings_model::table::{Origin, Table, protobuf};
use standings_model::types::Type;
use standings_protobuf::{Written, declared};

pub(super) use described::{DESCRIBED, Described};

/// The format that records have that name their schema by its id.
pub(super) const MESSAGES: &str = "protobuf-confluent";

/// An option of a table, and its value.
type Word = (String, String);

/// The records of a topic whose schemas `ask` gives; `option`: where the table says that they are.
pub(super) fn of_topic(
    records: &[Record],
    ask: impl Fn(u32) -> Result<Arc<Schema>, Failure>,
    option: (&str, &str),
) -> Result<Option<Body>, Failure> {
    let with_bytes = || records.iter().filter(|r| !r.bytes.is_empty());
    let framed = || with_bytes().filter_map(|r| Some((r, unframed(&r.bytes)?)));
    let Some((_, (first, rest))) = framed().next() else {
        return Ok(None);
    };
    let columns = columns(first, &*ask(first)?, rest)?;
    let option = (option.0.to_owned(), option.1.to_owned());
    let table = table(&columns, MESSAGES, &[option])?;
    let mut decoder = Decoder::new(&table, None, usize::MAX);
    let (mut known, mut all) = (Vec::new(), Vec::new());
    for (record, (id, rest)) in framed() {
        if !known.contains(&id) {
            known.push(id);
            let given = Given {
                of_key: false,
                id: Some((Arc::from("registry"), id)),
                schema: ask(id)?,
            };
            decoder.learn(&table, &given);
        }
        // One that is not what its schema says is shown as it is.
        let json = match decoder.decode(&record.bytes) {
            Ok(sale) => object(&table, &sale),
            Err(_) => record.bytes[FRAME.min(record.bytes.len() - rest.len())..].to_vec(),
        };
        all.push(Record {
            bytes: json,
            ..record.clone()
        });
    }
    Ok(Some(Body::Typed(all, typed(&table), MESSAGES)))
}

/// The columns of a table, with their types.
fn typed(table: &Table) -> Vec<(String, Option<Type>)> {
    let all = table.declared().iter();
    let typed = all.map(|column| (column.name.clone(), Some(column.kind.clone())));
    typed.collect()
}

/// The fields of the message that a record says it is, and what to declare each.
fn columns(id: u32, schema: &Schema, rest: &[u8]) -> Result<Vec<Word>, Failure> {
    let wrong = |why: String| {
        let text = format!("the schema {id} of the registry: {why}");
        Failure::of(&codes::source::FORMAT, text)
    };
    let others = schema.references.iter();
    let others: Vec<(&str, &str)> = others.map(|r| (&*r.name, &*r.text)).collect();
    let written = Written::compile(&schema.text, &others).map_err(|e| wrong(e.to_string()))?;
    let place = place(rest).and_then(|place| written.at(&place));
    let messages = &written.schema.messages;
    let message = place.and_then(|number| messages.get(number));
    let message =
        message.ok_or_else(|| wrong("the record names a message that it has not".to_owned()))?;
    Ok(fields(&written.schema, message))
}

/// What to declare each field of a message.
fn fields(schema: &protobuf::Schema, message: &protobuf::Message) -> Vec<Word> {
    let each = message.fields.iter();
    let each = each.map(|field| (field.name.clone(), declared(schema, field)));
    each.collect()
}

/// Where in its text a record's message is.
fn place(bytes: &[u8]) -> Option<Vec<usize>> {
    let mut rest = bytes;
    let mut number = || {
        let (mut n, mut shift) = (0u64, 0);
        loop {
            let (first, behind) = rest.split_first()?;
            rest = behind;
            n |= u64::from(first & 0x7f).checked_shl(shift)?;
            shift += 7;
            if first & 0x80 == 0 {
                // Zigzag, and none is below zero.
                return (n & 1 == 0).then_some((n >> 1) as usize);
            }
        }
    };
    match number()? {
        0 => Some(vec![0]),
        count => (0..count.min(64)).map(|_| number()).collect(),
    }
}

/// A table of these columns; one that cannot be declared is left out.
fn table(columns: &[Word], format: &str, options: &[Word]) -> Result<Table, Failure> {
    let of = |columns: &[&Word]| {
        let mut list = String::new();
        for (name, kind) in columns {
            let comma = if list.is_empty() { "" } else { ", " };
            let _ = write!(list, "{comma}`{}` {kind}", name.replace('`', "``"));
        }
        let mut words = String::new();
        for (option, value) in options {
            let _ = write!(words, ", '{option}' = {}", literal(value));
        }
        let sql = format!("CREATE TABLE anything ({list}) WITH ('format' = '{format}'{words})");
        standings_query::parse_table("registry", &sql)
    };
    let can_be = |column: &&Word| of(&[*column]).is_ok();
    let all: Vec<&Word> = columns.iter().filter(can_be).collect();
    of(&all).map_err(|e| Failure::of(&codes::source::FORMAT, e.to_string()))
}

/// A row as JSON.
fn object(table: &Table, sale: &Sale<'_>) -> Vec<u8> {
    let mut out = vec![b'{'];
    for (number, column) in table.declared().iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        json::push_string(&mut out, &column.name);
        out.push(b':');
        match &column.origin {
            Origin::Parts => row(
                table,
                sale,
                vec![column.name.clone()],
                &column.kind,
                &mut out,
            ),
            _ => json::push_value(&mut out, &sale.value(number)),
        }
    }
    out.push(b'}');
    out
}

/// A `ROW`, whose parts are columns of their own.
fn row(table: &Table, sale: &Sale<'_>, path: Vec<String>, kind: &Type, out: &mut Vec<u8>) {
    let Type::Row(fields) = kind else {
        return json::push_value(out, &standings_model::value::Value::Null);
    };
    out.push(b'{');
    for (n, field) in fields.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        json::push_string(out, &field.name);
        out.push(b':');
        let mut below = path.clone();
        below.push(field.name.clone());
        match table.leaf(&below) {
            Some(number) => json::push_value(out, &sale.value(number)),
            None => row(table, sale, below, &field.kind, out),
        }
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_wire() {
        assert_eq!(place(&[0, 9]), Some(vec![0]));
        assert_eq!(place(&[4, 2, 0, 9]), Some(vec![1, 0]));
        assert_eq!(place(&[2, 0x80, 0x02, 9]), Some(vec![128]));
        for wrong in [&[][..], &[4, 2], &[1], &[0x80], &[0xff; 12]] {
            assert_eq!(place(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn messages_are_rows_by_the_text_of_their_schema() {
        let text = "syntax = \"proto3\"; package shop;
            message Other { int32 a = 1; }
            message Order { string city = 1; int64 cents = 2; Address to = 3; repeated string tags = 4; Order within = 5; }
            message Address { string street = 1; }";
        let schema = Arc::new(Schema::new(
            standings_model::schema::Language::Protobuf,
            text,
        ));
        // Schema 7, its second message: city "Porto", 150 cents, to { street "Rua" }.
        let order = b"\0\0\0\0\x07\x02\x02\x0a\x05Porto\x10\x96\x01\x1a\x05\x0a\x03Rua";
        let record = Record {
            bytes: order.to_vec(),
            ..Record::default()
        };
        let torn = Record {
            bytes: order[..9].to_vec(),
            ..Record::default()
        };
        let ask = |id: u32| {
            assert_eq!(id, 7);
            Ok(Arc::clone(&schema))
        };
        let option = ("protobuf-confluent.url", "http://localhost:8081");
        let body = of_topic(&[record, torn], ask, option).unwrap().unwrap();
        let Body::Typed(records, columns, MESSAGES) = body else {
            panic!("{body:?}");
        };
        assert_eq!(
            String::from_utf8_lossy(&records[0].bytes),
            r#"{"city":"Porto","cents":150,"to":{"street":"Rua"},"tags":[]}"#
        );
        assert!(!records[1].bytes.starts_with(b"{"));
        let shown: Vec<String> = columns
            .iter()
            .map(|(name, kind)| format!("{name} {}", kind.as_ref().unwrap()))
            .collect();
        assert_eq!(
            &shown[..3],
            ["city STRING", "cents BIGINT", "to ROW<street STRING>"]
        );
    }
}
