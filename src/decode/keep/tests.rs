use proptest::prelude::*;

use super::*;
use crate::Decoder;

fn table(with: &str) -> Table {
    let sql = format!(
        "CREATE TABLE t (id STRING, n BIGINT, at TIMESTAMP_LTZ(6), amount DECIMAL(38, 4), ratio DOUBLE, yes BOOLEAN, day DATE,
         bytes BYTES, address ROW<city STRING, code INT>, tags ARRAY<ROW<a STRING, b ARRAY<BIGINT>>>, more MAP<STRING, DECIMAL(10, 2)>,
         twice AS n * 2, shout AS UPPER(id), read_at BIGINT METADATA FROM 'offset', {with}
         WATERMARK FOR at AS at)"
    );
    standings_query::parse_table("t", &sql).unwrap()
}

fn number() -> impl Strategy<Value = i128> {
    prop_oneof![
        Just(0),
        Just(-1),
        any::<i8>().prop_map(i128::from),
        any::<i64>().prop_map(i128::from),
        any::<i128>(),
        (0..127u32, -2..3i128).prop_map(|(bit, by)| (1i128 << bit) + by),
    ]
}

proptest! {
    #[test]
    fn a_number_comes_back(n in number()) {
        let mut out = vec![7];
        push_number(&mut out, n);
        prop_assert!(out.len() <= 18);
        let mut at = 1;
        prop_assert_eq!(read_number(&out, &mut at), Some(n));
        prop_assert_eq!(at, out.len());
    }

    #[test]
    fn what_is_no_row_is_read_without_harm(row in prop::collection::vec(any::<u8>(), 0..64)) {
        let table = table("PRIMARY KEY (id) NOT ENFORCED,");
        let keep = Keep::new(&table);
        let (mut cells, mut made) = (vec![Cell::Null; table.columns.len()], Made::default());
        keep.unpack(&row, &mut cells, &mut made);
    }
}

fn values(sale: &Sale<'_>, table: &Table) -> Vec<String> {
    let all = 0..table.columns.len();
    all.map(|n| format!("{:?}", sale.value(n))).collect()
}

#[test]
fn a_row_is_recalled_with_what_is_computed_of_it() {
    for with in ["PRIMARY KEY (n, id) NOT ENFORCED,", ""] {
        let table = table(with);
        let keep = Keep::new(&table);
        let mut decoder = Decoder::new(&table, None, 1 << 20);
        for record in [
            r#"{"id":"a\"ü","n":-7,"at":"2026-01-23T10:15:00.123456Z","amount":"-12345678901234567890.1234","ratio":-0.5,"yes":true,
                "day":"2026-01-23","bytes":"AAEC","address":{"city":"Faro","code":3},"tags":[{"a":"x","b":[1,null,-3]},null,{"a":null,"b":null}],
                "more":{"b":"1.25","a":null}}"#,
            r#"{"id":"","n":0,"at":0,"amount":null,"address":null,"tags":[],"more":{}}"#,
            r#"{"id":"b","n":4611686018427387903,"at":1,"amount":0,"ratio":1e300,"yes":false,"address":{"city":null}}"#,
        ] {
            let (mut row, mut key) = (Vec::new(), Vec::new());
            let (before, ends) = {
                let sale = decoder.decode(record.as_bytes()).unwrap();
                keep.pack_key(&sale, &mut key);
                (
                    (sale.event_time, values(&sale, &table)),
                    keep.pack(&sale, &mut row),
                )
            };
            assert_eq!(&row[..ends.key], &key[..]);
            assert_eq!(ends.key == ends.own, with.is_empty());
            // The offset is metadata, and of one byte here: there is none.
            assert_eq!(ends.own + 2, row.len());
            decoder
                .decode(br#"{"id":"other","n":5,"at":77,"tags":[{"a":"y"}]}"#)
                .unwrap();
            let sale = decoder.recall(&keep, &row);
            // Maps come back in an order of their own.
            let order = |all: Vec<String>| {
                all.into_iter()
                    .map(|v| {
                        let mut letters: Vec<char> = v.chars().collect();
                        if v.starts_with("Map") {
                            letters.sort_unstable();
                        }
                        letters.into_iter().collect::<String>()
                    })
                    .collect::<Vec<_>>()
            };
            assert_eq!(
                (sale.event_time, order(values(&sale, &table))),
                (before.0, order(before.1))
            );
            let mut again = Vec::new();
            assert_eq!(keep.pack(&sale, &mut again), ends);
            assert_eq!(again, row);
        }
    }
}

#[test]
fn what_is_not_there_is_as_it_was() {
    let sql =
        "CREATE TABLE t (id INT, note STRING, raw BYTES, n INT, PRIMARY KEY (id) NOT ENFORCED)";
    let table = standings_query::parse_table("t", sql).unwrap();
    let keep = Keep::new(&table);
    let mut decoder = Decoder::new(&table, None, 1 << 20);
    let mut before = Vec::new();
    let whole = decoder
        .decode(br#"{"id":1,"note":"long","raw":"AAEC","n":5}"#)
        .unwrap();
    assert!(!keep.lacks(&whole));
    keep.pack(&whole, &mut before);
    let record = br#"{"id":1,"note":"__debezium_unavailable_value","raw":"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==","n":6}"#;
    let sale = decoder.decode(record).unwrap();
    assert!(keep.lacks(&sale));
    let mut now = Vec::new();
    let ends = keep.pack_over(&sale, Some(&before), &mut now).unwrap();
    assert_eq!(
        (&now[..ends.key], ends.own),
        (&before[..ends.key], now.len())
    );
    assert_eq!(keep.pack_over(&sale, None, &mut Vec::new()), Err(1));
    let mut lacking = Vec::new();
    keep.pack(&sale, &mut lacking);
    assert_eq!(
        keep.pack_over(&sale, Some(&lacking), &mut Vec::new()),
        Err(1)
    );
    let found: Vec<String> = {
        let sale = decoder.recall(&keep, &now);
        (0..4).map(|n| format!("{:?}", sale.value(n))).collect()
    };
    let want = decoder
        .decode(br#"{"id":1,"note":"long","raw":"AAEC","n":6}"#)
        .unwrap();
    assert_eq!(
        found,
        (0..4)
            .map(|n| format!("{:?}", want.value(n)))
            .collect::<Vec<_>>()
    );
}
