//! The kept records in Avro, behind the ids of their schemas, from a topic of the real Kafka.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;

use crate::support::{Bed, service};

fn bytes(hex: &Value) -> Option<Vec<u8>> {
    let hex = hex.as_str()?;
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    Some((0..hex.len()).step_by(2).map(byte).collect())
}

/// A key and a value, where there are such.
type Record = (Option<Vec<u8>>, Option<Vec<u8>>);

/// Sends records, tombstones as such.
fn send(topic: &str, records: &[Record]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .create()
        .unwrap();
    for (key, value) in records {
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(0);
        if let Some(key) = key {
            record = record.key(key);
        }
        if let Some(value) = value {
            record = record.payload(value);
        }
        producer.send(record).map_err(|(e, _)| e).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
}

#[test]
fn rows_in_avro_behind_the_ids_of_two_schemas() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/debezium/avro");
    let text = std::fs::read_to_string(kept.join("records.ndjson")).unwrap();
    let records = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        (bytes(&line["key"]), bytes(&line["value"]))
    });
    let records: Vec<Record> = records.collect();
    let bed = Bed::new("dbz_avro")
        .topic(1)
        .changes_file()
        .keep("--dead-letter", "dead");
    let queries = bed.path("queries");
    std::fs::create_dir_all(queries.join("schemas")).unwrap();
    for schema in ["1.avsc", "2.avsc", "3.avsc"] {
        std::fs::copy(kept.join(schema), queries.join("schemas").join(schema)).unwrap();
    }
    let sql = "CREATE TABLE orders (id BIGINT, at TIMESTAMP_LTZ(6), city STRING NOT NULL, amount DECIMAL(12, 2) NOT NULL,
           noted TIMESTAMP_LTZ(6), note STRING, PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR at AS at)
         WITH ('connector' = 'kafka', 'format' = 'debezium-avro-confluent', 'debezium-avro-confluent.schemas-folder' = 'schemas');
         SELECT * FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY city) AS place FROM (
           SELECT city, SUM(amount) AS total, MAX(noted) AS noted, SUM(CHAR_LENGTH(note)) AS written FROM orders GROUP BY city))
         WHERE place <= 9;";
    std::fs::write(queries.join("cities.sql"), sql).unwrap();
    let bed = bed.queries(&queries).flags(&["--allowed-lateness", "30d"]);
    let mut sent = 0;
    for (upto, want) in [
        // After the snapshot and an update.
        (
            5,
            vec![
                "Faro 7.00 2026-01-01T00:00:00.123456Z null",
                "Lisbon 13.00 2026-02-03T11:00:00.500Z 12",
                "Porto -0.05 2026-01-01T00:00:00.123456Z null",
            ],
        ),
        // After keys have changed; the last ones by the schema with a column more.
        (
            17,
            vec![
                "Beja 8.00 2026-01-01T00:00:00.123456Z null",
                "Lisbon 14.00 2026-02-03T11:00:00.500Z 5",
                "Porto -0.05 2026-01-01T00:00:00.123456Z null",
            ],
        ),
        // After TRUNCATE and a row.
        (19, vec!["Faro 9.00 2026-01-01T00:00:00.123456Z null"]),
    ] {
        send(bed.topic_name(), &records[sent..upto]);
        sent = upto;
        let said = bed.to_end(&[]);
        let mut rows = BTreeMap::new();
        for line in bed.changed() {
            let change: Value = serde_json::from_str(&line).unwrap();
            let row = &change["row"];
            let cell = |name: &str| {
                row[name]
                    .as_str()
                    .map_or(row[name].to_string(), str::to_owned)
            };
            let cells = ["city", "total", "noted", "written"].map(cell).join(" ");
            rows.insert(change["rank"].as_u64(), cells);
        }
        assert_eq!(rows.into_values().collect::<Vec<_>>(), want, "{said}");
        assert_eq!(bed.read("dead"), "");
    }
}
