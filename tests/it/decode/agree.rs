//! Invariant 1 of the decoder: `decode` and `decode_full` agree, over long sequences on one decoder.

use proptest::prelude::*;
use proptest::sample::select;

use super::{decoder, owned};

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
    let time = (0u32..3, 0u32..25, 0u32..61, 0u32..62, 0u32..1000).prop_map(|(d, h, m, s, ms)| {
        match ms % 4 {
            0 => format!("\"2026-01-2{d}T{h:02}:{m:02}:{s:02}Z\""),
            1 => format!("\"2026-01-2{d}T{h:02}:{m:02}:{s:02}.{ms:03}Z\""),
            2 => format!("\"2026-01-2{d}T{h:02}:{m:02}:{s:02}.{ms:03}-03:30\""),
            _ => format!("176916{d}{ms:03}123"),
        }
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
    let after =
        prop_oneof![9 => Just(""), 1 => select(&[" ", "\n", "}", " x", ",", "{}", "\0"][..])];
    (text, flips, cut, after).prop_map(|(text, flips, cut, after)| {
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(after.as_bytes());
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
