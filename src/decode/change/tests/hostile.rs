//! Whatever comes: nothing ends the process, and the fast way says what the full one says.

use proptest::prelude::*;

use super::*;

/// A decoder of each format, with a primary key and without.
fn decoders() -> Vec<Decoder> {
    let with = [
        "'connector' = 'upsert-kafka', 'key.format' = 'json', 'value.format' = 'json'",
        "'changelog' = 'upsert', 'format' = 'json', 'delete.field' = 'op'",
        "'format' = 'debezium-json'",
        "'format' = 'debezium-json', 'debezium-json.schema-include' = 'true'",
        "'format' = 'maxwell-json'",
        "'format' = 'canal-json'",
    ];
    let free = with[2..].iter().map(|with| decoder(&table(COLUMNS, with)));
    with.iter()
        .map(|with| decoder(&keyed(with)))
        .chain(free)
        .collect()
}

/// Each record by decoders that know those before it, and by ones that know nothing.
fn agree(records: &[String]) {
    for (mut known, n) in decoders().into_iter().zip(0..) {
        for record in records.iter().chain(records) {
            let block = block(Some(r#"{"id":1}"#), record);
            let about = About::of(&block, 0);
            let found = all(&mut known, record.as_bytes(), about);
            let mut new = decoders().remove(n);
            assert_eq!(found, all(&mut new, record.as_bytes(), about), "{record}");
        }
        known.settle(
            records.len() as u64,
            records.last().map_or(b"", |r| r.as_bytes()),
        );
    }
}

fn of_parts() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("null"),
        Just("1"),
        Just("\"c\""),
        Just("\"u\""),
        Just("\"d\""),
        Just("\"op\":"),
        Just("\"after\":"),
        Just("\"before\":"),
        Just("\"id\":"),
        Just("\"type\":"),
        Just("\"data\":"),
        Just("\"old\":"),
        Just("\"UPDATE\""),
        Just("\"update\""),
        Just("\"payload\":"),
        Just(ROW),
        Just("\"\\u006fp\":"),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

/// Records as they are, with one part of them in the place of another.
fn mutated() -> impl Strategy<Value = String> {
    let other = ROW.replace("Porto", "Faro").replace("1.50", "x");
    let rows = [
        ROW.to_owned(),
        other,
        "null".to_owned(),
        "{}".to_owned(),
        "{\"id\":2}".to_owned(),
    ];
    let pick = || proptest::sample::select(rows.to_vec());
    let part = proptest::sample::select(vec![
        "\"c\"",
        "\"op\"",
        "\"u\"",
        "null",
        "{",
        "}",
        "1",
        "\"after\"",
        "\"before\"",
        "\"id\"",
        "Porto",
        "\\",
        "\"",
        ",",
    ]);
    let op = proptest::sample::select(vec!["c", "u", "d", "r", "t", "m", "x"]);
    (pick(), pick(), op, part.clone(), part, 0..6usize).prop_map(
        |(now, was, op, from, to, form)| {
            let record = match form {
                0 => envelope(op, &was, &now),
                1 => format!(
                    "{{\"schema\":null,\"payload\":{}}}",
                    envelope(op, &was, &now)
                ),
                2 => format!(r#"{{"type":"update","data":{now},"old":{was}}}"#),
                3 => format!(r#"{{"type":"UPDATE","data":[{now},{was}],"old":[{was},{now}]}}"#),
                4 => format!(r#"{{"type":"delete","data":{now}}}"#),
                _ => now,
            };
            record.replacen(from, to, 1)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes(records in proptest::collection::vec(of_parts(), 1..4)) {
        agree(&records);
    }

    #[test]
    fn mutated_envelopes(records in proptest::collection::vec(mutated(), 1..6)) {
        agree(&records);
    }
}
