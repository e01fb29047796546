//! Protobuf from a real Kafka: values and keys that Google's own library wrote, by descriptors of Google's compiler.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::support::{Bed, service, standings};

/// Orders as they were written: tests/fixtures/protobuf.
fn orders() -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string("tests/fixtures/protobuf/orders.ndjson").unwrap();
    let line = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        STANDARD.decode(line["bytes"].as_str().unwrap()).unwrap()
    };
    text.lines().map(line).collect()
}

fn send(topic: &str, records: &[(Vec<u8>, Vec<u8>)]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .create()
        .unwrap();
    for (key, value) in records {
        let record = BaseRecord::to(topic).partition(0).key(key).payload(value);
        producer.send(record).map_err(|(e, _)| e).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
}

const TABLE: &str = "CREATE TABLE orders (
  k_sku STRING, k_quantity INT,
  id STRING NOT NULL, placed TIMESTAMP_LTZ(6), cents BIGINT, status STRING, address ROW<city STRING, post_code STRING>,
  lines ARRAY<ROW<sku STRING, quantity INT, price DECIMAL(10, 2)>>, counts MAP<STRING, BIGINT>, codes ARRAY<BIGINT>,
  note STRING, due DATE,
  first AS COALESCE(lines[1].sku, 'none'), code AS COALESCE(codes[2], 0), x AS COALESCE(counts['x'], 0),
  WATERMARK FOR placed AS placed - INTERVAL '1' HOUR
) WITH ('connector' = 'kafka', 'format' = 'protobuf',
        'protobuf.descriptor-file' = '../orders.desc', 'protobuf.message-name' = 'shop.Order',
        'key.format' = 'protobuf', 'key.fields' = 'k_sku;k_quantity', 'key.fields-prefix' = 'k_',
        'value.fields-include' = 'EXCEPT_KEY',
        'key.protobuf.descriptor-file' = '../orders.desc', 'key.protobuf.message-name' = 'shop.Line');
SELECT window_start, window_end, id, k_sku, city, status, first, code, x, note, due, cents, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY cents DESC) AS n
  FROM (
    SELECT window_start, window_end, id, k_sku, address.city AS city, status, first, code, x, note, due, SUM(cents) AS cents
    FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(placed), INTERVAL '1' DAY))
    GROUP BY window_start, window_end, id, k_sku, address.city, status, first, code, x, note, due))
WHERE n <= 10;
";

#[test]
fn values_and_keys_of_a_topic() {
    let bed = Bed::new("protobuf").topic(1).changes_file();
    let queries = bed.path("own");
    std::fs::create_dir(&queries).unwrap();
    std::fs::write(queries.join("largest.sql"), TABLE).unwrap();
    let descriptors = Path::new("tests/fixtures/protobuf/orders.desc");
    std::fs::copy(descriptors, bed.path("orders.desc")).unwrap();
    let bed = bed.queries(&queries).keep("--dead-letter", "dead");
    let all = orders();
    // A line as the key: its sku, then nothing else.
    let key = [&[0x0a, 1, b'k'][..], &[0x10, 3]].concat();
    let mut records: Vec<_> = all.iter().map(|o| (key.clone(), o.clone())).collect();
    // Half an order, one of another kind, and one with half a key.
    records.push((key.clone(), all[0][..9].to_vec()));
    records.push((key, vec![0x08, 1]));
    records.push((vec![0x0a, 9], all[0].clone()));
    send(bed.topic_name(), &records);
    bed.to_end(&[]);
    let mut rows: Vec<String> = bed
        .changed()
        .iter()
        .map(|line| {
            let change: serde_json::Value = serde_json::from_str(line).unwrap();
            format!("{} {}", change["rank"], change["row"])
        })
        .collect();
    rows.sort();
    let want = [
        r#"1 {"id":"a","k_sku":"k","city":"Porto","status":"PAID","first":"x","code":4294967295,"x":-2,"note":"quick","due":"2026-02-28","cents":1250}"#,
        r#"2 {"id":"c","k_sku":"k","city":"Łódź","status":"PAID","first":"none","code":0,"x":0,"note":null,"due":null,"cents":700}"#,
        r#"3 {"id":"b","k_sku":"k","city":"Porto","status":"REFUNDED","first":"none","code":0,"x":0,"note":"","due":null,"cents":-250}"#,
    ];
    let parsed = |line: &str| -> (String, serde_json::Value) {
        let (rank, row) = line.split_once(' ').unwrap();
        (rank.to_owned(), serde_json::from_str(row).unwrap())
    };
    let found: Vec<_> = rows.iter().map(|r| parsed(r)).collect();
    assert_eq!(found, want.map(parsed));
    let dead = bed.read("dead");
    let details: Vec<String> = dead
        .lines()
        .map(|line| {
            let letter: serde_json::Value = serde_json::from_str(line).unwrap();
            format!(
                "{} {}: {}",
                letter["offset"], letter["reason"], letter["detail"]
            )
        })
        .collect();
    let words = [
        "field \\\"placed\\\" is missing",
        "byte 5: a length beyond the end",
        "field \\\"id\\\": found a varint",
        "key: byte 2: a length beyond the end",
    ];
    assert_eq!(details.len(), words.len(), "{details:#?}");
    for (detail, word) in details.iter().zip(words) {
        assert!(detail.contains(word), "{word}: {details:#?}");
    }
}

const FRAMED: &str = "CREATE TABLE orders (
  id STRING NOT NULL, placed TIMESTAMP_LTZ(6), cents BIGINT, status STRING, note STRING,
  WATERMARK FOR placed AS placed - INTERVAL '1' HOUR
) WITH ('connector' = 'kafka', 'format' = 'proto-registry', 'protobuf-confluent.schemas-folder' = '../schemas',
        'protobuf-confluent.message-name' = 'shop.Order');
SELECT window_start, window_end, id, status, note, cents, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY cents DESC) AS n
  FROM (
    SELECT window_start, window_end, id, status, note, SUM(cents) AS cents
    FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(placed), INTERVAL '1' DAY))
    GROUP BY window_start, window_end, id, status, note))
WHERE n <= 10;
";

#[test]
fn values_behind_the_id_of_their_schema() {
    let bed = Bed::new("protobuf_framed").topic(1).changes_file();
    let (queries, schemas) = (bed.path("own"), bed.path("schemas"));
    std::fs::create_dir(&queries).unwrap();
    std::fs::create_dir(&schemas).unwrap();
    std::fs::write(queries.join("largest.sql"), FRAMED).unwrap();
    let text = std::fs::read_to_string("tests/fixtures/protobuf/orders.proto").unwrap();
    std::fs::write(schemas.join("7.proto"), &text).unwrap();
    // The next version has other names and another status, and the order is its second message.
    let next = "syntax = \"proto3\"; package shop; import \"google/protobuf/timestamp.proto\";
        message Other { string id = 1; }
        message Order { string id = 3; google.protobuf.Timestamp placed = 2; sint64 cents = 1; string status = 4; }";
    std::fs::write(schemas.join("8.proto"), next).unwrap();
    let bed = bed.queries(&queries).keep("--dead-letter", "dead");
    let all = orders();
    let framed = |id: u8, place: &[u8], message: &[u8]| {
        let value = [&[0, 0, 0, 0, id][..], place, message].concat();
        (Vec::new(), value)
    };
    // Of the first version the order is the third message, and the line the first.
    let later = [
        &[0x08, 8][..],
        &[0x12, 6, 0x08, 0xb0, 0xa9, 0xcd, 0xcb, 0x06],
        &[0x1a, 1, b'z', 0x22, 2, b'o', b'k'],
    ]
    .concat();
    let records = [
        framed(7, &[2, 4], &all[0]),
        framed(7, &[2, 4], &all[1]),
        framed(8, &[2, 2], &later),
        framed(7, &[0], &all[2]),
        framed(9, &[0], &all[2]),
        (Vec::new(), all[2].clone()),
    ];
    send(bed.topic_name(), &records);
    bed.to_end(&[]);
    let mut rows: Vec<String> = bed
        .changed()
        .iter()
        .map(|line| {
            let change: serde_json::Value = serde_json::from_str(line).unwrap();
            let row = &change["row"];
            let [id, status, cents] = ["id", "status", "cents"].map(|name| row[name].to_string());
            format!("{} {id} {status} {cents}", change["rank"])
        })
        .collect();
    rows.sort();
    let want = [
        r#"1 "a" "PAID" 1250"#,
        r#"2 "z" "ok" 4"#,
        r#"3 "b" "REFUNDED" -250"#,
    ];
    assert_eq!(rows, want);
    let dead = bed.read("dead");
    let reasons: Vec<String> = dead
        .lines()
        .map(|line| {
            let letter: serde_json::Value = serde_json::from_str(line).unwrap();
            format!("{} {}", letter["offset"], letter["reason"])
        })
        .collect();
    let words = [
        r#"3 "wrong_type""#,
        r#"4 "unknown_schema""#,
        r#"5 "not_framed""#,
    ];
    assert_eq!(reasons, words, "{dead}");
}

#[test]
fn what_is_proposed_by_a_descriptor_is_taken() {
    let bed = Bed::new("described").topic(1);
    // Of five records two have no time.
    let mut all: Vec<_> = orders()
        .into_iter()
        .take(3)
        .map(|o| (Vec::new(), o))
        .collect();
    all.extend([b'y', b'z'].map(|id| (Vec::new(), vec![0x0a, 1, id])));
    send(bed.topic_name(), &all);
    let descriptors = std::fs::canonicalize("tests/fixtures/protobuf/orders.desc").unwrap();
    let source = format!("kafka://{}/{}", service("KAFKA_BROKERS"), bed.topic_name());
    let inspected = standings(&[
        "inspect",
        &source,
        "--message-name",
        "shop.Order",
        "--descriptor-file",
    ])
    .arg(&descriptors)
    .output()
    .unwrap();
    let said = String::from_utf8_lossy(&inspected.stdout);
    assert!(
        inspected.status.success(),
        "{}",
        String::from_utf8_lossy(&inspected.stderr)
    );
    for word in ["placed TIMESTAMP_LTZ", "WATERMARK FOR placed", "shop.Order"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let queries = bed.path("proposed");
    std::fs::create_dir(&queries).unwrap();
    std::fs::write(queries.join("proposal.sql"), &inspected.stdout).unwrap();
    let checked = standings(&["check", "--queries"])
        .arg(&queries)
        .output()
        .unwrap();
    assert!(
        checked.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&checked.stderr)
    );
}
