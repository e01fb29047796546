//! Formats whose records are not one envelope of a row: Maxwell, and Canal, which has several rows a record.

use super::*;

#[test]
fn maxwell() {
    let columns = format!(
        "{COLUMNS}, tb STRING METADATA FROM 'value.table', ts TIMESTAMP_LTZ(3) METADATA FROM 'value.ingestion-timestamp', \
         PRIMARY KEY (id) NOT ENFORCED"
    );
    let with = "'format' = 'maxwell-json', 'maxwell-json.database.include' = 'sh.p', 'maxwell-json.table.include' = 'sales|orders'";
    let mut decoder = decoder(&table(&columns, with));
    let record = |kind: &str, data: &str, old: &str| {
        format!(
            r#"{{"database":"shop","table":"sales","type":"{kind}","ts":1769155200,"xid":1,"commit":true,"data":{data}{old}}}"#
        )
    };
    let told = "|sales|2026-01-23T08:00:00Z";
    let old = r#","old":{"city":"Faro","amount":null}"#;
    let was = format!("was {}{told}", SHOWN.replace("Porto|1.50", "Faro|NULL"));
    for (record, want) in [
        (record("insert", ROW, ""), format!("Put {SHOWN}{told}")),
        (
            record("bootstrap-insert", ROW, ""),
            format!("Found {SHOWN}{told}"),
        ),
        (
            record("update", ROW, old),
            format!("Put {SHOWN}{told} {was}"),
        ),
        (record("update", ROW, ""), format!("Put {SHOWN}{told}")),
        (
            record("delete", ROW, ""),
            format!("End 0: 1|NULL|NULL|NULL|NULL|NULL was {SHOWN}{told}"),
        ),
        (record("bootstrap-start", "{}", ""), "Skip".to_owned()),
        (record("table-alter", "null", ""), "Skip".to_owned()),
        (
            record("insert", ROW, "").replace("\"shop\"", "\"shops\""),
            "Skip".to_owned(),
        ),
        (
            record("update", ROW, "").replace("sales", "sale"),
            "Skip".to_owned(),
        ),
        ("null".to_owned(), "Skip".to_owned()),
    ] {
        assert_eq!(of(&mut decoder, &record), one(&want), "{record}");
    }
    for (record, want) in [
        (record("update", ROW, r#","old":{"id":2}"#), "key_changed"),
        (
            record("update", ROW, r#","old":{"id":2,"at":"x"}"#),
            "key_changed",
        ),
        (record("insert", "null", ""), "after_missing"),
        (record("delete", "[]", ""), "wrong_type"),
        (record("merge", ROW, ""), "unknown_op"),
        (ROW.to_owned(), "unknown_op"),
        ("{".to_owned(), "malformed"),
    ] {
        assert_eq!(of(&mut decoder, &record), Err(want), "{record}");
    }
    let mut whole = Decoder::new(&table(COLUMNS, "'format' = 'maxwell-json'"), None, 1 << 20);
    assert_eq!(
        of(&mut whole, &record("update", ROW, "")),
        Err("before_missing")
    );
    assert_eq!(
        of(&mut whole, &record("delete", ROW, "")),
        one(&format!("End was {SHOWN}"))
    );
}

#[test]
fn canal() {
    let columns = "id BIGINT, at TIMESTAMP_LTZ(3), city STRING, amount DECIMAL(10, 2), paid BOOLEAN, rate DOUBLE, \
                   PRIMARY KEY (id) NOT ENFORCED";
    let with = "'format' = 'canal-json', 'canal-json.timestamp-format.standard' = 'SQL'";
    let mut decoder = decoder(&table(columns, with));
    let row = |id: &str, city: &str| {
        format!(
            r#"{{"id":"{id}","at":"2026-01-23 10:15:00","city":"{city}","amount":"1.50","paid":"1","rate":" 0.5"}}"#
        )
    };
    let shown = |id: &str, city: &str| {
        format!("1769163300000: {id}|2026-01-23T10:15:00Z|{city}|1.50|true|0.5")
    };
    let record = |kind: &str, data: &str, old: &str| {
        format!(
            r#"{{"database":"shop","table":"sales","type":"{kind}","isDdl":false,"ts":1,"es":1,"data":{data},"old":{old}}}"#
        )
    };
    let two = format!("[{},{}]", row("1", "Porto"), row("2", "Faro"));
    let put = |id: &str, city: &str| format!("Put {}", shown(id, city));
    let insert = of(&mut decoder, &record("INSERT", &two, "null"));
    assert_eq!(insert, Ok(vec![put("1", "Porto"), put("2", "Faro")]));
    let update = of(
        &mut decoder,
        &record("UPDATE", &two, r#"[{"city":"Lagos"},{"amount":null}]"#),
    );
    assert_eq!(
        update,
        Ok(vec![
            format!("{} was {}", put("1", "Porto"), shown("1", "Lagos")),
            format!(
                "{} was {}",
                put("2", "Faro"),
                shown("2", "Faro").replace("1.50", "NULL")
            ),
        ])
    );
    let delete = of(&mut decoder, &record("DELETE", &two, "null")).unwrap();
    assert_eq!(
        delete[1],
        format!(
            "End 0: 2|NULL|NULL|NULL|NULL|NULL was {}",
            shown("2", "Faro")
        )
    );
    let ddl = record("ALTER", "null", "null").replace("false", "true");
    assert_eq!(of(&mut decoder, &ddl), one("Skip"));
    assert_eq!(
        of(&mut decoder, &ddl.replace("ALTER", "TRUNCATE")),
        one("Empty")
    );
    for (record, want) in [
        (
            record("UPDATE", &two, r#"[{"id":"7"},null]"#),
            "key_changed",
        ),
        (record("INSERT", "null", "null"), "after_missing"),
        (record("INSERT", "[]", "null"), "after_missing"),
        (record("INSERT", "[null]", "null"), "after_missing"),
        (record("INSERT", "{}", "null"), "wrong_type"),
        (record("INSERT", "[1]", "null"), "wrong_type"),
        (
            record("INSERT", &format!("[{}]", row("x", "Porto")), "null"),
            "wrong_type",
        ),
        (
            record("INSERT", &format!("[{}]", row("", "Porto")), "null"),
            "wrong_type",
        ),
        (record("MERGE", &two, "null"), "unknown_op"),
    ] {
        assert_eq!(of(&mut decoder, &record), Err(want), "{record}");
    }
}
