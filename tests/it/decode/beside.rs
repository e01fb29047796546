//! What does not lie in the fields of a value: keys, headers, raw values, CloudEvents.

use standings_decode::{About, Decoder};
use standings_model::block::{Beside, Block, Clock, Header};
use standings_model::table::Table;
use standings_model::value::Value;
use standings_query::parse_table;

/// The table that a statement declares.
fn table_of(sql: &str) -> Table {
    parse_table("t.sql", sql).unwrap()
}

/// A block of one record with what came beside it.
fn record(value: &[u8], key: Option<&[u8]>, headers: &[(&str, Option<&[u8]>)]) -> Block {
    let mut block = Block::new(0);
    block.push(value, 7, 1_000);
    for (name, value) in headers {
        let name = block.keep(name.as_bytes());
        let value = value.map(|value| block.keep(value));
        block.headers.push(Header { name, value });
    }
    let beside = Beside {
        key: key.map(|key| block.keep(key)),
        headers: (0, headers.len() as u32),
        timestamp: 2_000,
        clock: Clock::Append,
        leader_epoch: 3,
    };
    block.beside.push(beside);
    block
}

/// All columns of the record, those of rows behind the declared ones; or why it is none.
fn decoded(table: &Table, block: &Block) -> Result<Vec<Value>, String> {
    let mut decoder = Decoder::new(table, None, 4096);
    // Twice: the second time by what was learned.
    let mut answers = (0..2).map(|_| {
        let value = block.slice((block.records[0].start, block.records[0].end));
        let sale = decoder.decode_about(value, About::of(block, 0));
        let sale = sale.map_err(|e| e.to_string())?;
        Ok((0..table.columns.len()).map(|c| sale.value(c)).collect())
    });
    let first = answers.next().unwrap();
    assert_eq!(answers.next().unwrap(), first);
    first
}

const KAFKA: &str = "'connector' = 'kafka', 'topic' = 't', 'properties.bootstrap.servers' = 'h:1'";

#[test]
fn columns_of_a_json_key() {
    let table = table_of(&format!(
        "CREATE TABLE t (k_id STRING NOT NULL, k_place ROW<city STRING> NOT NULL, k_tags ARRAY<STRING>, v INT) WITH ({KAFKA},
         'format' = 'json', 'key.format' = 'json', 'key.fields' = 'k_id;k_place;k_tags', 'key.fields-prefix' = 'k_',
         'value.fields-include' = 'EXCEPT_KEY')"
    ));
    let key = br#"{"id":"a\u00e9","place":{"city":"Porto"},"tags":["x"],"more":1}"#;
    let got = decoded(
        &table,
        &record(br#"{"v":4,"id":"not this"}"#, Some(key), &[]),
    )
    .unwrap();
    let shown: Vec<String> = got.iter().map(Value::to_string).collect();
    // The last two are an element of the array, and its number: of the record none.
    assert_eq!(shown, ["aé", "NULL", "[x]", "4", "Porto", "NULL", "NULL"]);

    let wrong = |key: Option<&[u8]>| decoded(&table, &record(br#"{"v":4}"#, key, &[])).unwrap_err();
    assert_eq!(
        wrong(None),
        r#"missing_field: column "k_id": the record has no key"#
    );
    assert_eq!(wrong(Some(b"")), "empty: key: the record has no bytes");
    assert!(wrong(Some(b"{}")).starts_with("missing_field: key: field \"id\""));
    assert!(wrong(Some(br#"{"id":1}"#)).starts_with("wrong_type: key: field \"id\""));
    assert!(wrong(Some(b"[")).starts_with("malformed: key: "));
}

#[test]
fn a_raw_key_and_a_raw_value() {
    let table = table_of(&format!(
        "CREATE TABLE t (k STRING, v VARCHAR(3)) WITH ({KAFKA}, 'format' = 'raw', 'key.format' = 'raw', 'key.fields' = 'k',
         'value.fields-include' = 'EXCEPT_KEY')"
    ));
    let row = |value: &[u8], key| decoded(&table, &record(value, key, &[]));
    let text = |s: &str| Value::text(s);
    assert_eq!(
        row("€{}".as_bytes(), Some(b"[1")),
        Ok(vec![text("[1"), text("€{}")])
    );
    assert_eq!(row(b"v", None), Ok(vec![Value::Null, text("v")]));
    let wrong = |value: &[u8]| row(value, None).unwrap_err();
    assert_eq!(wrong(b"\xff"), "not_utf8: byte 0 is not part of UTF-8 text");
    assert!(wrong(b"abcd").starts_with("text_too_long: field \"v\": found \"abcd\""));
    assert!(wrong(b"a\0").starts_with("nul_in_text: "));
    assert!(wrong(b"").starts_with("empty: "));
}

#[test]
fn what_is_known_of_a_record() {
    let table = table_of(&format!(
        "CREATE TABLE t (v INT, at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', clock STRING METADATA FROM 'timestamp-type',
         epoch INT METADATA FROM 'leader-epoch', `offset` BIGINT METADATA, headers MAP<STRING, BYTES> METADATA,
         `key` BYTES METADATA) WITH ({KAFKA}, 'format' = 'json')"
    ));
    assert!(table.asks_beside());
    let headers: [(&str, Option<&[u8]>); 3] =
        [("a", Some(b"1")), ("b", None), ("a", Some(b"\xff"))];
    let got = decoded(&table, &record(br#"{"v":4}"#, Some(b"\0k"), &headers)).unwrap();
    let bytes = |b: &[u8]| Value::Bytes(b.into());
    let map = [
        (Value::text("a"), bytes(b"\xff")),
        (Value::text("b"), Value::Null),
    ];
    let want = [
        Value::Integer(4),
        // The timestamp that it was written with, not the one that is cut to when it was read.
        Value::Instant(2_000_000),
        Value::text("LogAppendTime"),
        Value::Integer(3),
        Value::Integer(7),
        Value::Map(map.into()),
        bytes(b"\0k"),
    ];
    assert_eq!(got, want);
}

#[test]
fn cloud_events_structured_and_binary() {
    let table = table_of(
        "CREATE TABLE t (city STRING, n INT NOT NULL) WITH ('format' = 'json', 'json.envelope' = 'cloudevents')",
    );
    let row = vec![Value::text("Porto"), Value::Integer(2)];
    let structured = br#"{"specversion":"1.0","id":"a","data":{"city":"Porto","n":2}}"#;
    assert_eq!(
        decoded(&table, &record(structured, None, &[])),
        Ok(row.clone())
    );
    let binary = br#"{"city":"Porto","n":2}"#;
    let headers: [(&str, Option<&[u8]>); 2] =
        [("ce_id", Some(b"a")), ("ce_specversion", Some(b"1.0"))];
    assert_eq!(decoded(&table, &record(binary, None, &headers)), Ok(row));
    // Data without an envelope, and an envelope without data.
    let bare = decoded(&table, &record(binary, None, &[])).unwrap_err();
    assert!(bare.starts_with("missing_field: field \"data\""), "{bare}");
    let twice = decoded(&table, &record(structured, None, &headers)).unwrap_err();
    assert!(twice.starts_with("missing_field: field \"n\""), "{twice}");
}
