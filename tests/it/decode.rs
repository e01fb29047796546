//! The decoder from outside: a table per rule, and the promise that the fast path changes nothing but the speed.

use std::sync::Arc;

use standings_decode::{Decoder, Sale};
use standings_model::table::{Column, Origin, Table};
use standings_model::types::Type;
use standings_model::value::Value;

mod agree;
mod avro;
mod beside;
mod counting;
mod protobuf;
mod records;
mod tables;

/// The six columns and one of each other kind.
fn table() -> Table {
    let mut table = Table::sales();
    for (name, kind) in [
        ("units", Type::BIGINT),
        ("discount", Type::decimal(5, 2)),
        ("shipped", Type::Instant(3)),
    ] {
        add(&mut table, name, kind);
    }
    table.columns[2].nullable = false;
    table
}

/// A column that is read from the field of its name.
fn add(table: &mut Table, name: &str, kind: Type) {
    table.columns.push(Column {
        name: name.to_owned(),
        kind,
        nullable: true,
        origin: Origin::Field(Arc::from([name.to_owned()])),
        comment: None,
    });
    table.declared = table.columns.len();
}

/// `city` is required.
fn decoder() -> Decoder {
    Decoder::new(&table(), None, 4096)
}

type Answer = Result<(i64, Vec<Value>), &'static str>;

fn owned(sale: &Sale) -> (i64, Vec<Value>) {
    (
        sale.event_time,
        (0..sale.cells.len())
            .map(|column| sale.value(column))
            .collect(),
    )
}

/// What the decoder says by both paths, the fast one warmed up with the like of the record.
fn both(record: &[u8]) -> Answer {
    let mut decoder = decoder();
    let plain = br#"{"sale_id":"a","event_time":1,"city":"b","salesman_id":"c","salesman_name":"d","amount":1}"#;
    decoder.decode(plain).unwrap();
    let full = decoder
        .decode_full(record)
        .as_ref()
        .map(owned)
        .map_err(|e| e.reason);
    for _ in 0..2 {
        let fast = decoder
            .decode(record)
            .as_ref()
            .map(owned)
            .map_err(|e| e.reason);
        assert_eq!(fast, full, "{}", String::from_utf8_lossy(record));
    }
    full
}

/// One field in an otherwise ordinary sale.
fn column(name: &str, value: &str) -> Result<Value, &'static str> {
    let mut record = String::from("{");
    for (other, plain) in [
        ("event_time", "1000"),
        ("city", "\"Lisbon\""),
        ("amount", "1.5"),
    ] {
        if other != name {
            record += &format!("\"{other}\":{plain},");
        }
    }
    record += &format!("\"{name}\":{value}}}");
    let number = table().find(name).unwrap();
    both(record.as_bytes()).map(|(_, values)| values[number].clone())
}

fn text(s: &str) -> Result<Value, &'static str> {
    Ok(Value::text(s))
}

#[test]
fn the_sale_of_the_contract() {
    let record = r#"{"sale_id":"a-1","event_time":"2026-01-23T10:15:00.123Z","city":"Lisbon","salesman_id":"S000123","salesman_name":"Ana Sousa","amount":12.34}"#;
    let mut decoder = Decoder::new(&Table::sales(), None, 1 << 20);
    for _ in 0..3 {
        let sale = decoder.decode(record.as_bytes()).unwrap();
        assert_eq!(sale.event_time, 1_769_163_300_123);
        assert_eq!(sale.bytes(2), Some(&b"Lisbon"[..]));
        assert_eq!(sale.bytes(1), None);
        assert_eq!(sale.bytes(99), None);
        assert_eq!(sale.value(99), Value::Null);
        assert_eq!(
            owned(&sale).1,
            [
                Value::text("a-1"),
                Value::Instant(1_769_163_300_123_000),
                Value::text("Lisbon"),
                Value::text("S000123"),
                Value::text("Ana Sousa"),
                Value::cents(1234),
            ]
        );
    }
}

#[test]
fn event_time() {
    for (value, want) in [
        ("\"2026-01-23T10:15:00.123Z\"", Ok(1_769_163_300_123)),
        ("\"2026-01-23T10:15:00Z\"", Ok(1_769_163_300_000)),
        ("\"2026-01-23T12:15:00.123+02:00\"", Ok(1_769_163_300_123)),
        ("\"2026-01-23T10:15:00.123999Z\"", Ok(1_769_163_300_123)),
        (r#""2026-01-23T10:15:00\u005a""#, Ok(1_769_163_300_000)),
        ("1769163300123", Ok(1_769_163_300_123)),
        ("0", Ok(0)),
        ("-0", Ok(0)),
        ("253402300799999", Ok(253_402_300_799_999)),
        ("253402300800000", Err("time_out_of_range")),
        ("-1", Err("time_out_of_range")),
        ("99999999999999999999999", Err("time_out_of_range")),
        ("\"1969-12-31T23:59:59Z\"", Err("time_out_of_range")),
        ("\"1969-12-31T23:59:59-01:00\"", Ok(3_599_000)),
        ("\"1970-01-01T00:00:00+01:00\"", Err("time_out_of_range")),
        (
            "\"9999-12-31T23:59:59.999-00:01\"",
            Err("time_out_of_range"),
        ),
        ("1.0", Err("bad_time")),
        ("1e3", Err("bad_time")),
        ("\"1000\"", Err("bad_time")),
        ("\"\"", Err("bad_time")),
        ("\"2026-02-30T10:15:00Z\"", Err("bad_time")),
        ("\"2026-01-23T10:15:00\"", Err("bad_time")),
        ("\"2026-01-23 10:15:00Z\"", Err("bad_time")),
        ("null", Err("missing_field")),
        ("true", Err("wrong_type")),
        ("{}", Err("wrong_type")),
        ("[1]", Err("wrong_type")),
    ] {
        assert_eq!(
            column("event_time", value),
            want.map(|ms| Value::Instant(ms * 1000)),
            "{value}"
        );
        if value != "null" {
            assert_eq!(
                column("shipped", value),
                want.map(|ms| Value::Instant(ms * 1000)),
                "{value}"
            );
        }
    }
    assert_eq!(column("shipped", "null"), Ok(Value::Null));
}

#[test]
fn the_name_timestamp_is_accepted_for_event_time() {
    let time = |record: &str| both(record.as_bytes()).map(|(event_time, _)| event_time);
    assert_eq!(time(r#"{"timestamp":5,"city":"a","amount":1}"#), Ok(5));
    assert_eq!(
        time(r#"{"timestamp":5,"event_time":5,"city":"a","amount":1}"#),
        Err("repeated_field")
    );
    assert_eq!(
        time(r#"{"timestamp":null,"event_time":5,"city":"a","amount":1}"#),
        Err("repeated_field")
    );

    // A declared column of that name is itself.
    let mut table = Table::sales();
    add(&mut table, "timestamp", Type::BIGINT);
    let mut decoder = Decoder::new(&table, None, 4096);
    let sale = decoder
        .decode(br#"{"timestamp":5,"event_time":6,"amount":1}"#)
        .unwrap();
    assert_eq!((sale.event_time, sale.value(6)), (6, Value::Integer(5)));
}

#[test]
fn amounts() {
    for (value, want) in [
        ("12.34", Ok(1234)),
        ("\"12.34\"", Ok(1234)),
        (r#""12\u002e34""#, Ok(1234)),
        ("-12.3", Ok(-1230)),
        ("0", Ok(0)),
        ("-0.0", Ok(0)),
        ("1e2", Ok(10_000)),
        ("1.234E1", Ok(1234)),
        ("\"5e-2\"", Ok(5)),
        ("9999999999999999.99", Ok(999_999_999_999_999_999)),
        (
            "99999999999999999999999999.99",
            Ok(9_999_999_999_999_999_999_999_999_999),
        ),
        ("100000000000000000000000000", Err("amount_out_of_range")),
        ("1e400", Err("amount_out_of_range")),
        ("12.345", Err("bad_amount")),
        ("12.340", Err("bad_amount")),
        ("1e-3", Err("bad_amount")),
        ("\"\"", Err("bad_amount")),
        ("\" 1\"", Err("bad_amount")),
        ("\"1,5\"", Err("bad_amount")),
        ("\"NaN\"", Err("bad_amount")),
        ("null", Err("missing_field")),
        ("false", Err("wrong_type")),
        ("[]", Err("wrong_type")),
        ("NaN", Err("malformed")),
        ("01", Err("malformed")),
        ("+1", Err("malformed")),
        ("1.", Err("malformed")),
    ] {
        assert_eq!(column("amount", value), want.map(Value::cents), "{value}");
    }
    for (value, want) in [
        ("999.99", Ok(Value::cents(99_999))),
        ("1000", Err("amount_out_of_range")),
        ("\"-1000.00\"", Err("amount_out_of_range")),
        ("null", Ok(Value::Null)),
    ] {
        assert_eq!(column("discount", value), want, "{value}");
    }
}

#[test]
fn whole_numbers() {
    for (value, want) in [
        ("0", Ok(0)),
        ("-7", Ok(-7)),
        ("9223372036854775807", Ok(i64::MAX)),
        ("-9223372036854775808", Ok(i64::MIN)),
        ("9223372036854775808", Err("wrong_type")),
        ("-9223372036854775809", Err("wrong_type")),
        ("1.0", Err("wrong_type")),
        ("1e2", Err("wrong_type")),
        ("\"1\"", Err("wrong_type")),
        ("true", Err("wrong_type")),
    ] {
        assert_eq!(
            column("units", value),
            want.map(|n| Value::Integer(n.into())),
            "{value}"
        );
    }
    assert_eq!(column("units", "null"), Ok(Value::Null));
}

#[test]
fn texts() {
    for (value, want) in [
        ("\"Lisbon\"", text("Lisbon")),
        ("\"\"", text("")),
        ("\"São Paulo\"", text("São Paulo")),
        (r#""\u00e9\ud83d\ude00\n\"""#, text("é😀\n\"")),
        (r#""a\u0000b""#, Err("nul_in_text")),
        (r#""\ud800""#, Err("malformed")),
        (r#""\udc00\ud800""#, Err("malformed")),
        (r#""\x""#, Err("malformed")),
        ("\"a\tb\"", Err("malformed")),
        ("\"a\0b\"", Err("malformed")),
        ("null", Err("missing_field")),
        ("1", Err("wrong_type")),
        ("[\"a\"]", Err("wrong_type")),
    ] {
        assert_eq!(column("city", value), want, "{value}");
    }
    assert_eq!(column("salesman_name", "null"), Ok(Value::Null));
    assert_eq!(column("salesman_name", "17"), Err("wrong_type"));
}

#[test]
fn a_sale_id_is_a_string_or_an_integer() {
    for (value, want) in [
        ("\"a-1\"", text("a-1")),
        ("17", text("17")),
        ("-0", text("-0")),
        (
            "123456789012345678901234567890",
            text("123456789012345678901234567890"),
        ),
        ("null", Ok(Value::Null)),
        ("1.0", Err("wrong_type")),
        ("1e3", Err("wrong_type")),
        ("true", Err("wrong_type")),
    ] {
        assert_eq!(column("sale_id", value), want, "{value}");
    }
}

#[test]
fn the_fast_path_does_not_allocate() {
    let mut decoder = decoder();
    let record = |n: u32| {
        format!(
            r#"{{"sale_id":"a-{n}","event_time":"2026-01-23T10:15:0{}.123Z","city":"São Paulo","salesman_id":"S000123","salesman_name":"Ana Sousa","amount":{n}.34}}"#,
            n % 10
        )
    };
    let records: Vec<String> = (0..1000).map(record).collect();
    decoder.decode(records[0].as_bytes()).unwrap();
    let before = counting::allocations();
    for record in &records {
        assert!(decoder.decode(record.as_bytes()).is_ok());
    }
    assert_eq!(counting::allocations() - before, 0);
}
