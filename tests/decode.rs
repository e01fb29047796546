//! The decoder from outside: a table per rule, and the promise that the fast path changes nothing but the speed.

use proptest::prelude::*;
use proptest::sample::select;
use standings::decode::{Decoder, Sale};
use standings::model::schema::{Column, ColumnType, Schema};
use standings::model::value::Value;

#[path = "decode/counting.rs"]
mod counting;

/// The six columns and one of each other kind.
fn schema() -> Schema {
    let mut schema = Schema::sales();
    for (name, kind) in [
        ("units", ColumnType::BigInt),
        ("discount", ColumnType::Decimal { precision: 5 }),
        ("shipped", ColumnType::Timestamp),
    ] {
        schema.columns.push(Column {
            name: name.to_owned(),
            kind,
        });
    }
    schema
}

/// `city` is required.
fn decoder() -> Decoder {
    Decoder::new(&schema(), &[2], 4096)
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
    let number = schema().find(name).unwrap();
    both(record.as_bytes()).map(|(_, values)| values[number].clone())
}

fn text(s: &str) -> Result<Value, &'static str> {
    Ok(Value::text(s))
}

#[test]
fn the_sale_of_the_contract() {
    let record = r#"{"sale_id":"a-1","event_time":"2026-01-23T10:15:00.123Z","city":"Lisbon","salesman_id":"S000123","salesman_name":"Ana Sousa","amount":12.34}"#;
    let mut decoder = Decoder::new(&Schema::sales(), &[], 1 << 20);
    for _ in 0..3 {
        let sale = decoder.decode(record.as_bytes()).unwrap();
        assert_eq!(sale.event_time, 1_769_163_300_123);
        assert_eq!(sale.text(2), Some(&b"Lisbon"[..]));
        assert_eq!(sale.text(1), None);
        assert_eq!(sale.text(99), None);
        assert_eq!(sale.value(99), Value::Null);
        assert_eq!(
            owned(&sale).1,
            [
                Value::text("a-1"),
                Value::Time(1_769_163_300_123),
                Value::text("Lisbon"),
                Value::text("S000123"),
                Value::text("Ana Sousa"),
                Value::Decimal(1234),
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
            want.map(Value::Time),
            "{value}"
        );
        if value != "null" {
            assert_eq!(column("shipped", value), want.map(Value::Time), "{value}");
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
    let mut schema = Schema::sales();
    schema.columns.push(Column {
        name: "timestamp".to_owned(),
        kind: ColumnType::BigInt,
    });
    let mut decoder = Decoder::new(&schema, &[], 4096);
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
        assert_eq!(column("amount", value), want.map(Value::Decimal), "{value}");
    }
    for (value, want) in [
        ("999.99", Ok(Value::Decimal(99_999))),
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
fn records() {
    let good = r#""event_time":1,"city":"a","amount":1"#;
    let deep = |n: usize| format!("{{{good},\"x\":{}{}}}", "[".repeat(n), "]".repeat(n));
    for (record, want) in [
        (format!("{{{good}}}"), None),
        (format!(" \t\r\n{{ {good} }}\r\n"), None),
        (
            format!("{{{good},\"x\":[{{\"x\":1,\"x\":2}},\"\\ud800\",1e999,null]}}"),
            None,
        ),
        (deep(1500), None),
        (String::new(), Some("empty")),
        (" ".into(), Some("malformed")),
        ("null".into(), Some("malformed")),
        ("[]".into(), Some("malformed")),
        ("{}".into(), Some("missing_field")),
        (format!("\u{feff}{{{good}}}"), Some("malformed")),
        (format!("{{{good},}}"), Some("malformed")),
        (format!("{{{good}}}}}"), Some("malformed")),
        (format!("{{{good}}} x"), Some("malformed")),
        (format!("{{{good}"), Some("malformed")),
        (format!("{{{good},\"x\":[}}"), Some("malformed")),
        (format!("{{{good},\"x\":'a'}}"), Some("malformed")),
        (format!("{{{good},\"x\":01}}"), Some("malformed")),
        (format!("{{{good},\"x\":tru}}"), Some("malformed")),
        (format!("{{{good},\"x\":\"\u{1}\"}}"), Some("malformed")),
        (format!("{{{good},x:1}}"), Some("malformed")),
        (format!("{{{good},\"city\":\"a\"}}"), Some("repeated_field")),
        (
            format!("{{{good},\"c\\u0069ty\":null}}"),
            Some("repeated_field"),
        ),
        (
            format!("{{{good},\"x\":1,\"y\":2,\"x\":1}}"),
            Some("repeated_field"),
        ),
        (
            format!("{{{good},\"x\":1,\"\\u0078\":1}}"),
            Some("repeated_field"),
        ),
        (format!("{{{good},\"\":1,\"\":1}}"), Some("repeated_field")),
        // Malformed is told before repeated, repeated before the columns.
        (format!("{{{good},\"x\":1,\"x\":1"), Some("malformed")),
        (
            "{\"amount\":[],\"amount\":1}".into(),
            Some("repeated_field"),
        ),
        (
            format!("{{{good},\"x\":\"{}\"}}", "y".repeat(4096)),
            Some("too_large"),
        ),
    ] {
        assert_eq!(both(record.as_bytes()).err(), want, "{record}");
    }
    let mut latin1 = format!("{{{good},\"x\":\"?\"}}").into_bytes();
    let place = latin1.iter().position(|b| *b == b'?').unwrap();
    latin1[place] = 0xe9;
    assert_eq!(both(&latin1).err(), Some("not_utf8"));
}

#[test]
fn every_column_may_be_missing_unless_required() {
    assert_eq!(
        both(br#"{"city":"a","amount":1}"#).err(),
        Some("missing_field")
    );
    assert_eq!(
        both(br#"{"event_time":1,"city":"a"}"#).err(),
        Some("missing_field")
    );
    assert_eq!(
        both(br#"{"event_time":1,"amount":1}"#).err(),
        Some("missing_field")
    );
    let (_, values) = both(br#"{"event_time":1,"city":"a","amount":1}"#).unwrap();
    assert_eq!(values.iter().filter(|v| v.is_null()).count(), 6);
}

#[test]
fn hostile_records_stay_cheap() {
    let mut decoder = Decoder::new(&Schema::sales(), &[], 64 << 20);
    let names: String = (0..100_000).map(|n| format!("\"x{n}\":0,")).collect();
    let many = format!("{{{names}\"event_time\":1,\"amount\":1}}");
    assert!(decoder.decode(many.as_bytes()).is_ok());
    let again = format!("{{{names}\"event_time\":1,\"amount\":1,\"x77777\":1}}");
    assert_eq!(
        decoder.decode(again.as_bytes()).unwrap_err().reason,
        "repeated_field"
    );
    let deep = format!(
        "{{\"event_time\":1,\"amount\":1,\"x\":{}",
        "[{\"y\":".repeat(1_000_000)
    );
    assert_eq!(
        decoder.decode(deep.as_bytes()).unwrap_err().reason,
        "malformed"
    );
    let (open, close) = ("[".repeat(1_000_000), "]".repeat(1_000_000));
    let deep = format!("{{\"event_time\":1,\"amount\":1,\"x\":{open}{close}}}");
    assert!(decoder.decode(deep.as_bytes()).is_ok());
}

#[test]
fn details_name_the_field_and_stay_short() {
    let mut decoder = decoder();
    let record = format!(
        r#"{{"event_time":1,"city":{},"amount":1}}"#,
        "9".repeat(3000)
    );
    let error = decoder.decode(record.as_bytes()).unwrap_err();
    assert_eq!(error.reason, "wrong_type");
    assert!(
        error.detail.contains("\"city\"") && error.detail.contains("999…"),
        "{error}"
    );
    assert!(error.detail.len() < 200, "{error}");
    let error = decoder
        .decode(br#"{"event_time":1,"city":"a","amount":12.345}"#)
        .unwrap_err();
    assert_eq!(
        error.detail,
        "field \"amount\": found 12.345, expected at most two fraction digits"
    );
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

// Invariant 1: `decode` and `decode_full` agree, over long sequences on one decoder.

const NAMES: &[&str] = &[
    "sale_id",
    "event_time",
    "timestamp",
    "city",
    "salesman_id",
    "salesman_name",
    "amount",
    "units",
    "discount",
    "shipped",
    "x",
    "",
    "São",
    "c\\u0069ty",
    "\\u0061mount",
    "\\ud800",
    "ev\\u0065nt_time",
    "x\\n",
];

const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "12.34",
    "12.345",
    "-12.3",
    "1e2",
    "1.5E+1",
    "1e-3",
    "01",
    "1.",
    "-",
    ".5",
    "+1",
    "NaN",
    "9223372036854775807",
    "9223372036854775808",
    "253402300799999",
    "253402300800000",
    "99999999999999999999999999.99",
    "100000000000000000000000000",
    "999999999999999999.99",
    "1000.00",
    "nul",
    "nullx",
    "truefalse",
    "\"\"",
    "\"a\"",
    "\"São Paulo\"",
    "\"東京\"",
    "\"a\\nb\"",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud800\"",
    "\"\\x\"",
    "\"a\tb\"",
    "\"unclosed",
    "\"12.34\"",
    "\"-1e1\"",
    "\"1.234\"",
    "\"\u{7f}\"",
    "\"2026-01-23T10:15:00Z\"",
    "\"2026-01-23T10:15:00.123Z\"",
    "\"2026-01-24T23:59:60Z\"",
    "\"2016-12-31T23:59:60Z\"",
    "\"2026-01-23T10:15:00.5+02:00\"",
    "\"1969-12-31T23:59:59Z\"",
    "\"2026-02-30T10:15:00Z\"",
    "\"2026-01-23t10:15:00z\"",
    "{}",
    "[]",
    "[1,{\"a\":[null]}]",
    "{\"a\":1,\"a\":2}",
    "[1,",
    "{\"city\":\"x\"}",
    "[[[[[[[[]]]]]]]]",
    "\"a-very-long-text-that-takes-many-words-to-scan-through\"",
];

const SPACES: &[&str] = &["", "", "", "", " ", "\t", "\r\n", "  ", "\u{a0}", ","];

/// An ordinary value of the column.
fn ordinary(name: &'static str) -> BoxedStrategy<String> {
    let time = (0u32..3, 0u32..24, 0u32..60, 0u32..1000).prop_map(|(d, h, m, ms)| match ms % 4 {
        0 => format!("\"2026-01-2{d}T{h:02}:{m:02}:07Z\""),
        1 => format!("\"2026-01-2{d}T{h:02}:{m:02}:07.{ms:03}Z\""),
        2 => format!("\"2026-01-2{d}T{h:02}:{m:02}:07.{ms:03}-03:30\""),
        _ => format!("176916{d}{ms:03}123"),
    });
    match name {
        "event_time" | "timestamp" | "shipped" => time.boxed(),
        "amount" => (-99_999i64..9_999_999)
            .prop_map(|n| {
                if n % 7 == 0 {
                    format!("\"{}.5\"", n / 100)
                } else {
                    format!("{}.{:02}", n / 100, n.abs() % 100)
                }
            })
            .boxed(),
        "discount" => (-999i64..999).prop_map(|n| format!("{n}.5")).boxed(),
        "units" => any::<i64>().prop_map(|n| n.to_string()).boxed(),
        "sale_id" => any::<u32>()
            .prop_map(|n| {
                if n % 3 == 0 {
                    n.to_string()
                } else {
                    format!("\"s-{n}\"")
                }
            })
            .boxed(),
        _ => "[a-zA-Zé東 ]{0,20}"
            .prop_map(|s| format!("\"{s}\""))
            .boxed(),
    }
}

/// One of a few layouts, mostly with ordinary values.
fn usual_record() -> impl Strategy<Value = String> {
    let layouts: &[&[&str]] = &[
        &[
            "sale_id",
            "event_time",
            "city",
            "salesman_id",
            "salesman_name",
            "amount",
        ],
        &["amount", "city", "timestamp", "x", "units"],
        &["city", "event_time", "amount", "discount", "shipped", "São"],
        &["event_time", "amount", "city"],
        &["event_time", "x", "amount", "y", "city", "z"],
        &["x", "event_time", "units", "city", "amount"],
    ];
    (select(layouts), select(&["", "", " ", "\n"][..])).prop_flat_map(|(names, space)| {
        let values: Vec<_> = names
            .iter()
            .map(|name| {
                prop_oneof![12 => ordinary(name), 1 => select(VALUES).prop_map(str::to_owned)]
                    .boxed()
            })
            .collect();
        values.prop_map(move |values| {
            let fields: Vec<_> = names
                .iter()
                .zip(values)
                .map(|(name, value)| format!("\"{name}\":{space}{value}"))
                .collect();
            format!("{{{}}}", fields.join(","))
        })
    })
}

/// Any fields in any order with any spaces.
fn odd_record() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        select(VALUES).prop_map(str::to_owned),
        any::<f64>().prop_map(|f| format!("{f:e}"))
    ];
    let field = (
        select(NAMES),
        prop_oneof![2 => select(NAMES).prop_flat_map(ordinary), 1 => value],
        select(SPACES),
    )
        .prop_map(|(name, value, space)| format!("{space}\"{name}\"{space}:{space}{value}{space}"));
    (
        prop::collection::vec(field, 0..9),
        select(SPACES),
        select(&["", "", "}", " x", "\n"][..]),
    )
        .prop_map(|(fields, space, tail)| format!("{space}{{{}}}{tail}", fields.join(",")))
}

/// A record, cut or with some bytes changed now and then.
fn record() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![6 => usual_record(), 1 => odd_record()];
    let flips = prop_oneof![
        5 => Just(Vec::new()),
        1 => prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
    ];
    let cut = prop_oneof![9 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)];
    (text, flips, cut).prop_map(|(text, flips, cut)| {
        let mut bytes = text.into_bytes();
        for (place, byte) in flips {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_paths_agree(records in prop::collection::vec(record(), 1..120)) {
        let (mut fast, mut full) = (decoder(), decoder());
        for record in &records {
            let found = fast.decode(record);
            let want = full.decode_full(record);
            let shown = String::from_utf8_lossy(record);
            prop_assert_eq!(found.as_ref().err(), want.as_ref().err(), "{}", &shown);
            if let (Ok(found), Ok(want)) = (found, want) {
                prop_assert_eq!(owned(&found), owned(&want), "{}", &shown);
            }
        }
    }
}
