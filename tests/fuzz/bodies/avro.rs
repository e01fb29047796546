//! What both ways of fuzzing do with Avro: the first line is a schema, what is behind it records of it, whole and behind the id of
//! their schema.

use std::sync::Arc;

use standings_decode::Decoder;
use standings_decode::avro::{Schema, fit};
use standings_model::schema::{self, Given, Language};
use standings_model::table::format::{Encoding, Registry};
use standings_model::table::{Column, Origin, Table};
use standings_model::types::Type;

/// A table with a column of every type that is not made of others, and arrays and maps.
fn table() -> Table {
    let mut table = Table::sales();
    let text = Arc::new((Type::STRING, Type::Double));
    for (name, kind) in [
        ("b", Type::Boolean),
        ("i", Type::BIGINT),
        ("d", Type::Double),
        ("m", Type::decimal(38, 4)),
        ("s", Type::Char(4)),
        ("y", Type::Bytes),
        ("day", Type::Date),
        ("clock", Type::Time),
        ("local", Type::Timestamp(6)),
        ("a", Type::Array(Arc::new(Type::BIGINT))),
        ("p", Type::Map(text)),
    ] {
        table.columns.push(Column {
            name: name.to_owned(),
            kind,
            nullable: true,
            origin: Origin::Field(Arc::from([name.to_owned()])),
            comment: None,
        });
    }
    table.declared = table.columns.len();
    table.is_named = true;
    table.event_time = None;
    table.format.encoding = Encoding::Avro;
    table
}

/// Any bytes: a schema is taken or refused, and so is what follows; what is passed over ends where it is.
pub fn check(input: &[u8]) {
    let end = input
        .iter()
        .position(|b| *b == b'\n')
        .unwrap_or(input.len());
    let (text, record) = input.split_at(end);
    let record = record.get(1..).unwrap_or_default();
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let written = schema::Schema::new(Language::Avro, text);
    let mut table = table();
    let _ = fit(&table, false, &written);
    if let Ok(schema) = Schema::of(&written) {
        let end = schema.end_of(record, 0);
        assert!(end.is_none_or(|end| end <= record.len()));
        let _ = (schema.fields(), schema.names());
    }
    let mut decoder = Decoder::new(&table, None, 4096);
    let schema = Arc::new(written);
    let given = |id| Given {
        of_key: false,
        id,
        schema: Arc::clone(&schema),
    };
    decoder.learn(&table, &given(None));
    let whole = decoder.decode(record).map(|sale| sale.cells.len());
    table.format.registry = Some(Registry::default());
    let mut framed = Decoder::new(&table, None, 4096 + 5);
    framed.learn(&table, &given(Some((Arc::from(""), 258))));
    let mut bytes = vec![0, 0, 0, 1, 2];
    bytes.extend_from_slice(record);
    let behind = framed.decode(&bytes).map(|sale| sale.cells.len());
    // Without a byte it is no record; with its id it is.
    assert!(
        record.is_empty() || whole.is_ok() == behind.is_ok(),
        "{whole:?} {behind:?}"
    );
}
