//! Whole records: strict JSON, repeated and missing fields, sizes, details.

use standings_decode::Decoder;
use standings_model::table::Table;

use super::{both, decoder};

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
    let mut decoder = Decoder::new(&Table::sales(), None, 64 << 20);
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
fn a_known_layout_excuses_nothing() {
    let known = r#"{"sale_id":"a","event_time":1,"city":"b","amount":1.5,"x":1}"#;
    for (from, to, want) in [
        ("", "", None),
        ("1}", "1} ", None),
        ("1}", "1}}", Some("malformed")),
        ("1}", "1} x", Some("malformed")),
        ("1}", "1", Some("malformed")),
        ("1}", "}", Some("malformed")),
        ("1}", "01}", Some("malformed")),
        ("1}", "1.}", Some("malformed")),
        ("1}", "\"\u{1}\"}", Some("malformed")),
        ("\"x\"", "\"city\"", Some("repeated_field")),
        ("\"x\"", "\"timestamp\"", Some("repeated_field")),
        ("\"b\"", "null", Some("missing_field")),
        ("\"b\"", "nul", Some("malformed")),
        ("\"b\"", "\"b", Some("malformed")),
        ("\"b\"", "\"\\u0000\"", Some("nul_in_text")),
        ("1.5", "\"1.5\"", None),
        ("1.5", "\"1.5", Some("malformed")),
        ("1.5", "1.555", Some("bad_amount")),
        (":1,", ":-1,", Some("time_out_of_range")),
        (
            ":1,",
            ":\"1969-12-31T23:59:59Z\",",
            Some("time_out_of_range"),
        ),
    ] {
        let mut decoder = decoder();
        for _ in 0..3 {
            decoder.decode(known.as_bytes()).unwrap();
        }
        let record = known.replacen(from, to, 1);
        assert_eq!(
            decoder.decode(record.as_bytes()).err().map(|e| e.reason),
            want,
            "{record}"
        );
    }
}
