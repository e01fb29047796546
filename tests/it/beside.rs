//! What comes beside the value of a record of a real Kafka: its key, its headers, its timestamp.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::support::{Bed, service};

/// Sales of `shop` at a timestamp; the shop is in the key, its region in a header.
fn send(topic: &str, sales: &[(&str, Option<&str>, i64, &str)]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .create()
        .unwrap();
    for (key, region, time, value) in sales {
        let mut record = BaseRecord::to(topic).partition(0).key(*key);
        record = record.payload(*value).timestamp(*time);
        if let Some(region) = region {
            let value = Some(*region);
            let header = Header {
                key: "region",
                value,
            };
            record = record.headers(OwnedHeaders::new().insert(header));
        }
        producer.send(record).map_err(|(e, _)| e).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
}

const TABLE: &str = "CREATE TABLE takings (
  shop STRING NOT NULL,
  cents INT,
  at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  clock STRING METADATA FROM 'timestamp-type',
  headers MAP<STRING, BYTES> METADATA,
  region AS COALESCE(CAST(headers['region'] AS STRING), 'nowhere'),
  WATERMARK FOR at AS at - INTERVAL '1' MINUTE
) WITH ('format' = 'json', 'key.format' = 'json', 'key.fields' = 'shop', 'value.fields-include' = 'EXCEPT_KEY',
        'connector' = 'kafka');
SELECT window_start, window_end, shop, region, clock, cents, rownum
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY cents DESC) AS rownum
  FROM (
    SELECT window_start, window_end, shop, region, clock, SUM(cents) AS cents
    FROM TABLE(TUMBLE(TABLE takings, DESCRIPTOR(at), INTERVAL '1' DAY))
    GROUP BY window_start, window_end, shop, region, clock))
WHERE rownum <= 10;
";

#[test]
fn key_headers_and_timestamp_are_columns() {
    let bed = Bed::new("beside").topic(1).changes_file();
    let queries = bed.path("own");
    std::fs::create_dir(&queries).unwrap();
    std::fs::write(queries.join("shops.sql"), TABLE).unwrap();
    let bed = bed.queries(&queries).keep("--dead-letter", "dead");
    let day = 1_769_126_400_000;
    send(
        bed.topic_name(),
        &[
            (r#"{"shop":"a"}"#, Some("north"), day + 1, r#"{"cents":5}"#),
            (
                r#"{"shop":"a"}"#,
                Some("north"),
                day + 2,
                r#"{"cents":6,"shop":"b"}"#,
            ),
            (r#"{"shop":"b"}"#, None, day + 3, r#"{"cents":9}"#),
            (r#"{"shop":"c"}"#, None, day + 86_400_000, r#"{"cents":1}"#),
            ("c", None, day + 4, r#"{"cents":2}"#),
        ],
    );
    bed.to_end(&[]);
    let rows: Vec<String> = bed
        .changed()
        .iter()
        .map(|line| {
            let change: serde_json::Value = serde_json::from_str(line).unwrap();
            let (start, row) = (&change["window_start"], &change["row"]);
            let start = start
                .as_str()
                .unwrap()
                .split('T')
                .next()
                .unwrap()
                .to_owned();
            format!("{start} {} {row}", change["rank"])
        })
        .collect();
    let want = [
        r#"2026-01-23 1 {"clock":"CreateTime","region":"north","shop":"a","cents":11}"#,
        r#"2026-01-23 2 {"clock":"CreateTime","region":"nowhere","shop":"b","cents":9}"#,
        r#"2026-01-24 1 {"clock":"CreateTime","region":"nowhere","shop":"c","cents":1}"#,
    ];
    let mut parsed: Vec<(String, serde_json::Value)> = Vec::new();
    for line in rows.iter().map(String::as_str).chain(want) {
        let (head, row) = line.split_at(line.find('{').unwrap());
        parsed.push((head.to_owned(), serde_json::from_str(row).unwrap()));
    }
    let (got, want) = parsed.split_at(rows.len());
    assert_eq!(got, want);
    let dead = bed.read("dead");
    assert_eq!(dead.lines().count(), 1, "{dead}");
    assert!(dead.contains("key: "), "{dead}");
}
