//! What is masked is found nowhere behind the decoder: not in cells, not in what is computed, not in letters.

use std::sync::Arc;

use standings_model::mask::{Mask, Method};
use standings_model::table::Table;
use standings_query::parse_table;

use crate::{About, Decoder};

/// A mask that can be told from the value, and that equal values share.
struct Signs;

impl Mask for Signs {
    fn mask(&self, how: Method, value: &[u8], out: &mut Vec<u8>) {
        let sum: u64 = value
            .iter()
            .fold(7, |sum, b| sum * 31 % 1_000_003 + u64::from(*b));
        out.extend_from_slice(format!("{}-{sum}", how.word()).as_bytes());
    }
}

fn mask_of(how: Method, value: &str) -> String {
    let mut out = Vec::new();
    Signs.mask(how, value.as_bytes(), &mut out);
    String::from_utf8(out).unwrap()
}

fn table(columns: &str, options: &str) -> Table {
    let sql = format!("CREATE TABLE t (\n{columns}\n) WITH ({options})");
    let mut table = parse_table("t.sql", &sql).unwrap();
    table.masking.by = Some(Arc::new(Signs));
    table
}

const COLUMNS: &str = "id STRING, mail STRING, n BIGINT NOT NULL, who ROW<name STRING, age INT>, \
    up AS UPPER(mail), at TIMESTAMP_LTZ(3), WATERMARK FOR at AS at - INTERVAL '1' MINUTE";
const MASK: &str = "'mask' = 'mail:hash;who.name:tokenize'";
const CANARY: &str = "canary@example.com";

fn text(decoder: &mut Decoder, record: &str, column: &str) -> String {
    let sale = decoder.decode(record.as_bytes()).unwrap();
    let number = sale.columns.iter().position(|c| c.name == column).unwrap();
    sale.value(number).to_string()
}

#[test]
fn cells_and_what_is_computed_of_them_are_masked() {
    let mut decoder = Decoder::new(
        &table(COLUMNS, &format!("'format' = 'json', {MASK}")),
        None,
        1 << 20,
    );
    // Once as it lies in the record, twice by the layout that was learned, and once with escapes.
    let escaped = CANARY.replace('@', "\\u0040");
    for mail in [CANARY, CANARY, CANARY, &escaped] {
        let record = format!(
            r#"{{"id":"1","mail":"{mail}","n":1,"who":{{"name":"Ana","age":3}},"at":"2026-01-01T00:00:00Z"}}"#
        );
        let hash = mask_of(Method::Hash, CANARY);
        assert_eq!(text(&mut decoder, &record, "mail"), hash);
        assert_eq!(text(&mut decoder, &record, "up"), hash.to_uppercase());
        assert_eq!(
            text(&mut decoder, &record, "who.name"),
            mask_of(Method::Tokenize, "Ana")
        );
        assert_eq!(text(&mut decoder, &record, "id"), "1");
        let full = decoder.decode_full(record.as_bytes()).unwrap();
        assert_eq!(full.value(1).to_string(), hash);
    }
    let none = r#"{"id":"1","mail":null,"n":1,"at":"2026-01-01T00:00:00Z"}"#;
    let sale = decoder.decode(none.as_bytes()).unwrap();
    assert_eq!(sale.value(1), standings_model::value::Value::Null);
}

#[test]
fn a_letter_has_what_decodes_masked_and_no_byte_of_the_rest() {
    let mut decoder = Decoder::new(
        &table(COLUMNS, &format!("'format' = 'json', {MASK}")),
        None,
        1 << 20,
    );
    let letter = |decoder: &mut Decoder, record: &str| {
        let out = decoder.letter(record.as_bytes(), record.as_bytes(), About::default());
        let json = format!("{{{}}}", String::from_utf8(out).unwrap());
        assert!(!json.contains("canary"), "{json}");
        serde_json::from_str::<serde_json::Value>(&json).unwrap()
    };
    let at = r#""at":"2026-01-01T00:00:00Z""#;
    // A number that is none, and the canary in a field that no column has.
    let wrong = format!(r#"{{"id":"7","mail":"{CANARY}","n":"{CANARY}","other":"{CANARY}",{at}}}"#);
    let found = letter(&mut decoder, &wrong);
    assert_eq!(found["columns"]["id"], "7");
    assert_eq!(found["columns"]["mail"], mask_of(Method::Hash, CANARY));
    assert_eq!(found["columns"]["at"], "2026-01-01T00:00:00Z");
    assert!(found["columns"].get("n").is_none(), "{found}");
    assert_eq!(found["record_bytes"], wrong.len());
    let hash = ring::digest::digest(&ring::digest::SHA256, wrong.as_bytes());
    let hash: String = hash.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(found["record_sha256"], hash.as_str());
    // What decodes: a late row's.
    let fine = format!(r#"{{"id":"8","mail":"{CANARY}","n":5,{at}}}"#);
    let found = letter(&mut decoder, &fine);
    assert_eq!(found["columns"]["n"], 5);
    assert_eq!(found["columns"]["mail"], mask_of(Method::Hash, CANARY));
    // What is no JSON.
    let found = letter(&mut decoder, &format!("{{\"mail\":\"{CANARY}"));
    assert_eq!(found["columns"], serde_json::json!({}));
}

#[test]
fn keys_of_rows_that_end_are_masked_as_those_that_come() {
    let columns = "id STRING, mail STRING, PRIMARY KEY (id) NOT ENFORCED";
    let masks = "'mask' = 'id:hash;mail:hash'";
    let debezium = table(columns, &format!("'format' = 'debezium-json', {masks}"));
    let mut decoder = Decoder::new(&debezium, None, 1 << 20);
    let hash = mask_of(Method::Hash, CANARY);
    let about = About::default();
    let come = format!(r#"{{"op":"c","before":null,"after":{{"id":"{CANARY}","mail":"m"}}}}"#);
    assert_eq!(decoder.changes(come.as_bytes(), about).unwrap(), 1);
    assert_eq!(
        decoder
            .now(come.as_bytes(), about, 0)
            .unwrap()
            .value(0)
            .to_string(),
        hash
    );
    let end = format!(r#"{{"op":"d","before":{{"id":"{CANARY}","mail":"m"}},"after":null}}"#);
    decoder.changes(end.as_bytes(), about).unwrap();
    assert_eq!(
        decoder
            .ended(end.as_bytes(), about, 0)
            .unwrap()
            .value(0)
            .to_string(),
        hash
    );
    // An update with a value that was left out: what stands for it stays, the others are masked.
    let update = format!(
        r#"{{"op":"u","before":null,"after":{{"id":"{CANARY}","mail":"__debezium_unavailable_value"}}}}"#
    );
    decoder.changes(update.as_bytes(), about).unwrap();
    let now = decoder.now(update.as_bytes(), about, 0).unwrap();
    assert_eq!(now.value(0).to_string(), hash);
    assert_eq!(now.value(1).to_string(), "__debezium_unavailable_value");
    // An update that gives the row another key is still told, by masks alone.
    let moved = r#"{"op":"u","before":{"id":"a","mail":"m"},"after":{"id":"b","mail":"m"}}"#;
    decoder.changes(moved.as_bytes(), about).unwrap();
    let refused = decoder.before(moved.as_bytes(), about, 0).unwrap_err();
    assert_eq!(refused.reason, "key_changed");
    let out = decoder.letter(end.as_bytes(), end.as_bytes(), about);
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains(&hash) && !out.contains("canary"), "{out}");
}

#[test]
fn without_a_key_nothing_shows() {
    let mut bare = table(COLUMNS, &format!("'format' = 'json', {MASK}"));
    bare.masking.by = None;
    let mut decoder = Decoder::new(&bare, None, 1 << 20);
    let record = format!(r#"{{"id":"1","mail":"{CANARY}","n":1,"at":"2026-01-01T00:00:00Z"}}"#);
    assert_eq!(
        text(&mut decoder, &record, "mail"),
        standings_model::mask::REDACTED
    );
}
