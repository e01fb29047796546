//! Each format: what a record does, the row now, the row before, the key of a row that ends.

mod avro;
mod flat;
mod hostile;

use std::sync::Arc;

use standings_model::block::{Beside, Block, FileHome, Home, NO_TIMESTAMP};
use standings_model::table::Table;

use super::Op;
use crate::{About, Decoder, Sale};

const COLUMNS: &str = "id BIGINT, at TIMESTAMP_LTZ(3), city STRING, amount DECIMAL(10, 2)";

/// A table of these columns; `at` is its event time.
fn table(columns: &str, with: &str) -> Table {
    let sql = format!(
        "CREATE TABLE t ({columns}, WATERMARK FOR at AS at - INTERVAL '1' MINUTE) WITH ({with})"
    );
    standings_query::parse_table("t", &sql).unwrap()
}

fn keyed(with: &str) -> Table {
    table(&format!("{COLUMNS}, PRIMARY KEY (id) NOT ENFORCED"), with)
}

fn decoder(table: &Table) -> Decoder {
    Decoder::new(table, None, 1 << 20)
}

/// The cells of a row, with `|` between them, behind its time.
fn shown(sale: &Sale<'_>) -> String {
    let all = (0..sale.cells.len()).map(|n| sale.value(n).to_string());
    format!("{}: {}", sale.event_time, all.collect::<Vec<_>>().join("|"))
}

/// What a record comes to: for each row what is done, and the rows now and before, or the key.
fn all(
    decoder: &mut Decoder,
    record: &[u8],
    about: About<'_>,
) -> Result<Vec<String>, &'static str> {
    let rows = decoder.changes(record, about).map_err(|e| e.reason)?;
    let mut out = Vec::new();
    for n in 0..rows {
        let op = decoder.op(n);
        let mut parts = vec![format!("{op:?}")];
        match op {
            Op::Put | Op::Found => {
                let now = decoder.now(record, about, n).map_err(|e| e.reason)?;
                parts.push(shown(&now));
            }
            Op::End
                if decoder
                    .change
                    .as_ref()
                    .is_some_and(|c| !c.primary_key.is_empty()) =>
            {
                let key = decoder.ended(record, about, n).map_err(|e| e.reason)?;
                parts.push(shown(&key));
            }
            _ => {}
        }
        if matches!(op, Op::Put | Op::Found | Op::End) {
            let before = decoder.before(record, about, n).map_err(|e| e.reason)?;
            parts.extend(before.map(|before| format!("was {}", shown(&before))));
        }
        out.push(parts.join(" "));
    }
    Ok(out)
}

fn of(decoder: &mut Decoder, record: &str) -> Result<Vec<String>, &'static str> {
    all(decoder, record.as_bytes(), About::default())
}

/// A block of one record, with its key.
fn block(key: Option<&str>, value: &str) -> Block {
    let mut block = Block::new(0);
    block.push(value.as_bytes(), 0, NO_TIMESTAMP);
    let key = key.map(|key| block.keep(key.as_bytes()));
    block.beside.push(Beside {
        key,
        ..Beside::default()
    });
    block
}

fn of_key(
    decoder: &mut Decoder,
    key: Option<&str>,
    value: &str,
) -> Result<Vec<String>, &'static str> {
    let block = block(key, value);
    all(decoder, value.as_bytes(), About::of(&block, 0))
}

/// One row.
fn one(row: &str) -> Result<Vec<String>, &'static str> {
    Ok(vec![row.to_owned()])
}

const ROW: &str = r#"{"id":1,"at":"2026-01-23T10:15:00Z","city":"Porto","amount":"1.50"}"#;
const SHOWN: &str = "1769163300000: 1|2026-01-23T10:15:00Z|Porto|1.50";

#[test]
fn upsert_by_key_and_value() {
    let table =
        keyed("'connector' = 'upsert-kafka', 'key.format' = 'json', 'value.format' = 'json'");
    let mut decoder = decoder(&table);
    assert!(decoder.has_changes());
    for _ in 0..3 {
        let put = of_key(&mut decoder, Some(r#"{"id":1}"#), ROW);
        assert_eq!(put, one(&format!("Put {SHOWN}")));
        let end = of_key(&mut decoder, Some(r#"{"id":7}"#), "");
        assert_eq!(end, one("End 0: 7|NULL|NULL|NULL"));
    }
    // The key wins.
    let other = of_key(&mut decoder, Some(r#"{"id":9}"#), ROW);
    assert_eq!(
        other,
        one(&format!("Put {}", SHOWN.replace(": 1|", ": 9|")))
    );
    let wrong = ROW.replace("\"id\":1", "\"id\":\"x\"");
    assert!(of_key(&mut decoder, Some(r#"{"id":9}"#), &wrong).is_ok());
    for (key, value, want) in [
        (None, ROW, "missing_field"),
        (None, "", "missing_field"),
        (Some(r#"{"id":null}"#), ROW, "missing_field"),
        (Some(r#"{"id":null}"#), "", "missing_field"),
        (Some(r#"{}"#), "", "missing_field"),
        (Some(r#"{"id":"x"}"#), "", "wrong_type"),
        (Some("7"), "", "malformed"),
        (Some(r#"{"id":1}"#), "null", "malformed"),
        (Some(r#"{"id":1}"#), "{}", "missing_field"),
    ] {
        assert_eq!(
            of_key(&mut decoder, key, value),
            Err(want),
            "{key:?} {value}"
        );
    }
}

#[test]
fn upsert_without_a_key_of_the_record() {
    let table = keyed("'changelog' = 'upsert', 'format' = 'json', 'delete.field' = '__deleted'");
    let mut decoder = decoder(&table);
    for flag in ["\"false\"", "false", "null", "0", "\"TRUE\""] {
        let record = ROW.replace('}', &format!(",\"__deleted\":{flag}}}"));
        assert_eq!(
            of(&mut decoder, &record),
            one(&format!("Put {SHOWN}")),
            "{flag}"
        );
    }
    assert_eq!(of(&mut decoder, ROW), one(&format!("Put {SHOWN}")));
    for flag in ["\"true\"", "true", "\"tr\\u0075e\""] {
        // Such a record needs only its key.
        let record = format!(r#"{{"id":1,"at":null,"city":5,"__deleted":{flag}}}"#);
        let end = of(&mut decoder, &record);
        assert_eq!(end, one("End 0: 1|NULL|NULL|NULL"), "{flag}");
    }
    assert_eq!(
        of(&mut decoder, r#"{"id":null,"__deleted":"true"}"#),
        Err("missing_field")
    );
    // Nothing says whose end it is.
    assert_eq!(of(&mut decoder, ""), Err("empty"));
    let word = keyed("'changelog' = 'upsert', 'delete.field' = 'op', 'delete.value' = 'D'");
    let mut word = Decoder::new(&word, None, 1 << 20);
    let end = of(&mut word, r#"{"op":"D","id":1}"#);
    assert_eq!(end, one("End 0: 1|NULL|NULL|NULL"));
    assert!(of(&mut word, &ROW.replace('}', ",\"op\":\"d\"}")).is_ok());
    let declared = format!("{COLUMNS}, gone BOOLEAN NOT NULL, PRIMARY KEY (id) NOT ENFORCED");
    let declared = self::table(&declared, "'changelog' = 'upsert', 'delete.field' = 'gone'");
    let mut declared = Decoder::new(&declared, None, 1 << 20);
    let end = of(&mut declared, r#"{"gone":true,"id":1}"#);
    assert_eq!(end, one("End 0: 1|NULL|NULL|NULL|NULL"));
    let put = of(&mut declared, &ROW.replace('}', ",\"gone\":false}"));
    assert_eq!(put, one(&format!("Put {SHOWN}|false")));
}

#[test]
fn files_have_keys_by_their_name() {
    let at = |name: &str| Home {
        file: Some(Arc::new(FileHome {
            name: name.to_owned(),
            ..FileHome::default()
        })),
        ..Home::default()
    };
    let kafka =
        keyed("'connector' = 'upsert-kafka', 'key.format' = 'json', 'value.format' = 'json'");
    let ours = keyed("'changelog' = 'upsert', 'format' = 'json'");
    for table in [&kafka, &ours] {
        for name in ["a.upsert.ndjson", "a.UPSERT.ndjson.gz"] {
            let mut decoder = Decoder::new(table, None, 1 << 20).at(table, &at(name));
            let end = of_key(&mut decoder, Some(r#"{"id":7}"#), "");
            assert_eq!(end, one("End 0: 7|NULL|NULL|NULL"), "{name}");
            assert_eq!(of_key(&mut decoder, None, ROW), Err("missing_field"));
        }
        for name in [
            "a.ndjson",
            "upsert.ndjson",
            "a.upsert.csv",
            "a.upsert.ndjson.gz.gz",
        ] {
            let mut decoder = Decoder::new(table, None, 1 << 20).at(table, &at(name));
            assert_eq!(
                of(&mut decoder, ROW),
                one(&format!("Put {SHOWN}")),
                "{name}"
            );
            assert_eq!(of(&mut decoder, ""), Err("empty"), "{name}");
        }
    }
}

/// An envelope of Debezium.
fn envelope(op: &str, before: &str, after: &str) -> String {
    format!(
        r#"{{"before":{before},"after":{after},"source":{{"ts_ms":1769155200000,"db":"shop","schema":"public","table":"sales","lsn":null}},"op":"{op}","ts_ms":1769155200009}}"#
    )
}

#[test]
fn debezium() {
    let table = keyed("'format' = 'debezium-json'");
    let mut decoder = decoder(&table);
    let old = ROW.replace("Porto", "Faro");
    let was = format!("was {}", SHOWN.replace("Porto", "Faro"));
    let nulls = r#"{"id":1,"at":null,"city":null,"amount":null}"#;
    for _ in 0..3 {
        for (record, want) in [
            (envelope("c", "null", ROW), format!("Put {SHOWN}")),
            (envelope("r", "null", ROW), format!("Found {SHOWN}")),
            (envelope("u", "null", ROW), format!("Put {SHOWN}")),
            (envelope("u", &old, ROW), format!("Put {SHOWN} {was}")),
            // Its key alone is the same.
            (envelope("u", nulls, ROW), format!("Put {SHOWN}")),
            (envelope("u", "{\"id\":\"x\"}", ROW), format!("Put {SHOWN}")),
            (
                envelope("d", &old, "null"),
                format!("End 0: 1|NULL|NULL|NULL {was}"),
            ),
            (
                envelope("d", nulls, "null"),
                "End 0: 1|NULL|NULL|NULL".to_owned(),
            ),
            (envelope("t", "null", "null"), "Empty".to_owned()),
            (envelope("m", "null", "null"), "Skip".to_owned()),
            ("null".to_owned(), "Skip".to_owned()),
            (String::new(), "Skip".to_owned()),
            (r#"{"ts_ms":1}"#.to_owned(), "Skip".to_owned()),
            (
                r#"{"databaseName":"","ddl":"SET x"}"#.to_owned(),
                "Skip".to_owned(),
            ),
            (
                r#"{"status":"END","id":"5","ts_ms":1}"#.to_owned(),
                "Skip".to_owned(),
            ),
        ] {
            assert_eq!(of(&mut decoder, &record), one(&want), "{record}");
        }
    }
    let other = ROW.replace("\"id\":1", "\"id\":2");
    for (record, want) in [
        (envelope("u", &other, ROW), "key_changed"),
        (envelope("u", &nulls.replace('1', "2"), ROW), "key_changed"),
        (envelope("c", "null", "null"), "after_missing"),
        (envelope("c", "null", "\"{}\""), "wrong_type"),
        (envelope("u", "[]", ROW), "wrong_type"),
        (envelope("d", "null", "null"), "before_missing"),
        (envelope("d", "{\"id\":null}", "null"), "missing_field"),
        (envelope("x", "null", ROW), "unknown_op"),
        (
            envelope("c", "null", ROW).replace("\"c\"", "1"),
            "unknown_op",
        ),
        (
            envelope("c", "null", ROW).replace("\"c\"", "\"c\",\"op\":\"c\""),
            "repeated_field",
        ),
        (
            envelope("c", "null", ROW).replace("null}", "nul}"),
            "malformed",
        ),
        (envelope("c", "null", "{}"), "missing_field"),
        (
            format!(
                "{{\"schema\":null,\"payload\":{}}}",
                envelope("c", "null", ROW)
            ),
            "unknown_op",
        ),
        (ROW.to_owned(), "unknown_op"),
        ("{\"ts_ms\":1,\"x\":1}".to_owned(), "unknown_op"),
        ("[]".to_owned(), "malformed"),
    ] {
        assert_eq!(of(&mut decoder, &record), Err(want), "{record}");
    }
    assert_eq!(decoder.odd(), None);
}

#[test]
fn debezium_without_a_primary_key() {
    let table = table(COLUMNS, "'format' = 'debezium-json'");
    let mut decoder = decoder(&table);
    let update = of(&mut decoder, &envelope("u", ROW, ROW));
    assert_eq!(update, one(&format!("Put {SHOWN} was {SHOWN}")));
    let delete = of(&mut decoder, &envelope("d", ROW, "null"));
    assert_eq!(delete, one(&format!("End was {SHOWN}")));
    assert_eq!(
        of(&mut decoder, &envelope("c", "null", ROW)),
        one(&format!("Put {SHOWN}"))
    );
    for record in [
        envelope("u", "null", ROW),
        envelope("u", "{\"id\":1}", ROW),
        envelope("d", "null", "null"),
        envelope("d", &ROW.replace("1.50", "1.505"), "null"),
    ] {
        assert_eq!(of(&mut decoder, &record), Err("before_missing"), "{record}");
    }
}

#[test]
fn debezium_beside_its_schema() {
    let columns = format!("{COLUMNS}, day DATE, PRIMARY KEY (id) NOT ENFORCED");
    let with = "'format' = 'debezium-json', 'debezium-json.schema-include' = 'true'";
    let mut decoder = decoder(&table(&columns, with));
    let fields = r#"[{"type":"int64","field":"id"},{"type":"int64","name":"io.debezium.time.MicroTimestamp","field":"at"},
        {"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"},"field":"amount"},
        {"type":"int32","name":"io.debezium.time.Date","field":"day"}]"#;
    let schema = format!(
        r#"{{"type":"struct","fields":[{{"type":"struct","fields":{fields},"field":"before"}},{{"type":"struct","fields":{fields},"field":"after"}}]}}"#
    );
    let row = r#"{"id":1,"at":1769163300000000,"city":"Porto","amount":"1234","day":20476}"#;
    let want = "1769163300000: 1|2026-01-23T10:15:00Z|Porto|-26588.24|2026-01-23";
    let with = |envelope: &str| format!("{{\"schema\":{schema},\"payload\":{envelope}}}");
    for _ in 0..3 {
        let update = of(&mut decoder, &with(&envelope("u", row, row)));
        assert_eq!(update, one(&format!("Put {want} was {want}")));
        let end = of(&mut decoder, &with(&envelope("d", row, "null")));
        assert_eq!(
            end,
            one(&format!("End 0: 1|NULL|NULL|NULL|NULL was {want}"))
        );
    }
    // A schema that says nothing of how values are written.
    let plain = format!(
        "{{\"schema\":null,\"payload\":{}}}",
        envelope("c", "null", ROW)
    );
    assert_eq!(of(&mut decoder, &plain), one(&format!("Put {SHOWN}|NULL")));
    // What the schema of another record said is not of this one.
    let bare = format!("{{\"payload\":{}}}", envelope("c", "null", row));
    assert_eq!(of(&mut decoder, &bare), Err("time_out_of_range"));
    assert_eq!(of(&mut decoder, &with("null")), one("Skip"));
    assert_eq!(of(&mut decoder, &with("{\"ts_ms\":1}")), one("Skip"));
    assert_eq!(
        of(&mut decoder, &envelope("c", "null", ROW)),
        Err("missing_field")
    );
}

#[test]
fn what_an_envelope_tells() {
    let columns = format!(
        "{COLUMNS}, made TIMESTAMP_LTZ(3) METADATA FROM 'value.source.timestamp', \
         taken TIMESTAMP_LTZ(3) METADATA FROM 'value.ingestion-timestamp', db STRING METADATA FROM 'value.source.database', \
         ns STRING METADATA FROM 'value.source.schema', tb STRING METADATA FROM 'value.source.table', \
         all_of MAP<STRING, STRING> METADATA FROM 'value.source.properties', sc STRING METADATA FROM 'value.schema', \
         later AS at < made"
    );
    let mut decoder = decoder(&table(&columns, "'format' = 'debezium-json'"));
    let record = envelope("c", "null", ROW);
    let found = of(&mut decoder, &record).unwrap().remove(0);
    let want = "Put 1769163300000: 1|2026-01-23T10:15:00Z|Porto|1.50|2026-01-23T08:00:00Z|2026-01-23T08:00:00.009Z|shop|public|sales|";
    assert!(found.starts_with(want), "{found}");
    assert!(
        found.contains("lsn") && found.ends_with("|NULL|false"),
        "{found}"
    );
    assert_eq!(
        decoder.changed_at(record.as_bytes()),
        Some(1_769_155_200_000)
    );
    let bare = record.replace("\"source\"", "\"sauce\"");
    let found = of(&mut decoder, &bare).unwrap().remove(0);
    assert!(
        found.contains("1.50|NULL|2026-01-23T08:00:00.009Z|NULL|NULL|NULL|NULL|NULL|NULL"),
        "{found}"
    );
    assert_eq!(decoder.changed_at(bare.as_bytes()), Some(1_769_155_200_009));
    let odd = record.replace("1769155200009", "\"x\"");
    assert_eq!(of(&mut decoder, &odd), Err("bad_time"));
}
