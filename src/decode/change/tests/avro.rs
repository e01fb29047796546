//! Debezium's envelope in Avro.

use standings_model::schema::{Given, Language, Schema};

use super::*;

const ENVELOPE: &str = r#"{"type":"record","name":"Envelope","fields":[
    {"name":"before","type":["null",{"type":"record","name":"Value","fields":[
        {"name":"id","type":"long"},
        {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"city","type":["null","string"]},
        {"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}}]}],"default":null},
    {"name":"after","type":["null","Value"]},
    {"name":"source","type":{"type":"record","name":"Source","fields":[{"name":"db","type":"string"}]}},
    {"name":"op","type":"string"},
    {"name":"ts_ms","type":["null","long"]}]}"#;
const HEARTBEAT: &str =
    r#"{"type":"record","name":"Heartbeat","fields":[{"name":"ts_ms","type":"long"}]}"#;
const OTHER: &str = r#"{"type":"record","name":"Row","fields":[{"name":"id","type":"long"}]}"#;

fn long(n: i64, out: &mut Vec<u8>) {
    let mut rest = (n << 1 ^ n >> 63) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn bytes(bytes: &[u8], out: &mut Vec<u8>) {
    long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

/// A row of this id and city, or null.
fn row(of: Option<(i64, &str)>, out: &mut Vec<u8>) {
    let Some((id, city)) = of else {
        return long(0, out);
    };
    long(1, out);
    long(id, out);
    long(1_769_163_300_000, out);
    long(1, out);
    bytes(city.as_bytes(), out);
    // 1.50
    bytes(&[0, 150], out);
}

fn record(op: &str, before: Option<(i64, &str)>, after: Option<(i64, &str)>) -> Vec<u8> {
    let mut out = vec![0, 0, 0, 0, 7];
    row(before, &mut out);
    row(after, &mut out);
    bytes(b"shop", &mut out);
    bytes(op.as_bytes(), &mut out);
    long(0, &mut out);
    out
}

fn decoder_of(table: &Table) -> Decoder {
    let mut decoder = decoder(table);
    for (id, text) in [(7, ENVELOPE), (8, HEARTBEAT), (9, OTHER)] {
        let given = Given {
            of_key: false,
            id: Some(("registry".into(), id)),
            schema: Schema::new(Language::Avro, text).into(),
        };
        decoder.learn(table, &given);
    }
    decoder
}

const WITH: &str = "'connector' = 'kafka', 'format' = 'debezium-avro-confluent', 'debezium-avro-confluent.url' = 'http://localhost:1'";

#[test]
fn rows_lie_in_the_envelope() {
    let table = keyed(WITH);
    let mut decoder = decoder_of(&table);
    let old = Some((1, "Faro"));
    let new = Some((1, "Porto"));
    let was = format!("was {}", SHOWN.replace("Porto", "Faro"));
    for (record, want) in [
        (record("c", None, new), format!("Put {SHOWN}")),
        (record("r", None, new), format!("Found {SHOWN}")),
        (record("u", old, new), format!("Put {SHOWN} {was}")),
        (record("u", None, new), format!("Put {SHOWN}")),
        (
            record("d", old, None),
            format!("End 0: 1|NULL|NULL|NULL {was}"),
        ),
        (record("t", None, None), "Empty".to_owned()),
        (vec![], "Skip".to_owned()),
        (vec![0, 0, 0, 0, 8, 2], "Skip".to_owned()),
    ] {
        let found = all(&mut decoder, &record, About::default());
        assert_eq!(found, one(&want), "{record:?}");
    }
    let mut longer = record("c", None, new);
    longer.push(0);
    let mut shorter = record("c", None, new);
    shorter.pop();
    for (record, want) in [
        (record("u", Some((2, "Faro")), new), "key_changed"),
        (record("c", None, None), "after_missing"),
        (record("d", None, None), "before_missing"),
        (record("x", None, new), "unknown_op"),
        (vec![0, 0, 0, 0, 9, 2], "bad_schema"),
        (vec![0, 0, 0, 0, 1, 2], "unknown_schema"),
        (b"{}".to_vec(), "not_framed"),
        (longer, "malformed"),
        (shorter, "malformed"),
    ] {
        let found = all(&mut decoder, &record, About::default());
        assert_eq!(found, Err(want), "{record:?}");
    }
}

#[test]
fn damage_is_no_end_of_the_process() {
    let mut decoder = decoder_of(&table(COLUMNS, WITH));
    let whole = record("u", Some((1, "Faro")), Some((1, "Porto")));
    for at in 0..whole.len() {
        for by in [1u8, 0x80, 0xff, 0x10] {
            let mut damaged = whole.clone();
            damaged[at] ^= by;
            let _ = all(&mut decoder, &damaged, About::default());
            let _ = all(&mut decoder, &damaged[..at], About::default());
        }
    }
}

#[test]
fn a_schema_fits_by_its_rows() {
    let table = table(&format!("{COLUMNS}, more STRING"), WITH);
    let fit = |text| crate::avro::fit(&table, false, &Schema::new(Language::Avro, text));
    assert_eq!(fit(ENVELOPE).unwrap().lacking, ["more"]);
    assert_eq!(fit(HEARTBEAT).unwrap(), Default::default());
    assert!(fit(OTHER).is_err());
}

/// A record whose source says more: the table, or none, and when it was taken.
fn told(
    op: &str,
    [before, after]: [Option<(i64, &str)>; 2],
    table: Option<&str>,
    taken: Option<i64>,
) -> Vec<u8> {
    let mut out = vec![0, 0, 0, 0, 7];
    row(before, &mut out);
    row(after, &mut out);
    bytes(b"3.6", &mut out);
    long(1_769_163_300_123, &mut out);
    bytes(b"sh\"op", &mut out);
    long(0, &mut out);
    long(table.is_some().into(), &mut out);
    table.iter().for_each(|t| bytes(t.as_bytes(), &mut out));
    // The third of its symbols; a list of two.
    for n in [2, 1, 2, 7, 8, 0] {
        long(n, &mut out);
    }
    bytes(op.as_bytes(), &mut out);
    long(taken.is_some().into(), &mut out);
    taken.iter().for_each(|n| long(*n, &mut out));
    out
}

#[test]
fn an_envelope_says_where_a_change_is_from() {
    let envelope = ENVELOPE.replace(
        r#"{"name":"db","type":"string"}]}"#,
        r#"{"name":"version","type":"string"},{"name":"ts_ms","type":"long"},{"name":"db","type":"string"},
           {"name":"schema","type":["null","string"]},{"name":"table","type":["null","string"]},
           {"name":"snapshot","type":{"type":"enum","name":"Snapshot","symbols":["true","last","false"]}},
           {"name":"more","type":["null",{"type":"array","items":"long"}]}]}"#,
    );
    let columns = format!(
        "{COLUMNS}, made TIMESTAMP_LTZ(3) METADATA FROM 'value.source.timestamp', \
         taken TIMESTAMP_LTZ(3) METADATA FROM 'value.ingestion-timestamp', db STRING METADATA FROM 'value.source.database', \
         ns STRING METADATA FROM 'value.source.schema', tb STRING METADATA FROM 'value.source.table', \
         all_of MAP<STRING, STRING> METADATA FROM 'value.source.properties', PRIMARY KEY (id) NOT ENFORCED"
    );
    let table = table(&columns, WITH);
    let mut decoder = decoder(&table);
    decoder.learn(
        &table,
        &Given {
            of_key: false,
            id: Some(("registry".into(), 7)),
            schema: Schema::new(Language::Avro, &envelope).into(),
        },
    );
    let (new, gone) = (Some((1, "Porto")), None);
    let of = |decoder: &mut Decoder, record: &[u8]| all(decoder, record, About::default());
    let found = of(
        &mut decoder,
        &told("c", [gone, new], Some("t1"), Some(1_769_163_300_200)),
    );
    let properties = r#"{"version":"3.6","ts_ms":"1769163300123","db":"sh\"op","schema":null,"table":"t1","snapshot":"false","more":null}"#;
    let want = format!(
        r#"Put {SHOWN}|2026-01-23T10:15:00.123Z|2026-01-23T10:15:00.200Z|sh"op|NULL|t1|{properties}"#
    );
    assert_eq!(found, one(&want));
    let found = of(&mut decoder, &told("c", [gone, new], None, None)).unwrap();
    assert!(
        found[0].contains(r#".123Z|NULL|sh"op|NULL|NULL|"#),
        "{found:?}"
    );
    // When it was made, where a row ends; also without a column of it.
    let keyed = keyed(WITH);
    let mut plain = Decoder::new(&keyed, None, 1 << 20);
    plain.learn(
        &keyed,
        &Given {
            of_key: false,
            id: Some(("registry".into(), 7)),
            schema: Schema::new(Language::Avro, &envelope).into(),
        },
    );
    let end = told("d", [new, gone], None, Some(1_769_163_300_200));
    of(&mut plain, &end).unwrap();
    assert_eq!(plain.changed_at(&end), Some(1_769_163_300_123));
    of(&mut plain, &told("c", [gone, new], None, None)).unwrap();
    assert_eq!(plain.changed_at(&end), None, "nobody asks when a row came");
}
