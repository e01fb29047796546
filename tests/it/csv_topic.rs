//! CSV in a topic of a real Kafka: a value is one row, without a header.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::support::{Bed, service};

fn send(topic: &str, values: &[&[u8]]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .create()
        .unwrap();
    for value in values {
        let record = BaseRecord::to(topic).partition(0).key("k").payload(*value);
        producer.send(record).map_err(|(e, _)| e).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
}

const TABLE: &str = "CREATE TABLE sales_by_till (
  at TIMESTAMP(3), till STRING, amount DECIMAL(10, 2), k BYTES METADATA FROM 'key',
  WATERMARK FOR at AS at
) WITH ('connector' = 'kafka', 'format' = 'csv', 'csv.field-delimiter' = ';', 'csv.decimal-separator' = ',',
        'csv.charset' = 'windows-1252', 'csv.timestamp-format' = 'dd/MM/yyyy HH:mm');
SELECT window_start, window_end, till, amount, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY amount DESC) AS n
  FROM (
    SELECT window_start, window_end, till, SUM(amount) AS amount
    FROM TABLE(TUMBLE(TABLE sales_by_till, DESCRIPTOR(at), INTERVAL '1' DAY))
    GROUP BY window_start, window_end, till))
WHERE n <= 10;
";

#[test]
fn a_value_is_a_row() {
    let bed = Bed::new("csv_topic").topic(1).changes_file();
    let queries = bed.path("own");
    std::fs::create_dir(&queries).unwrap();
    std::fs::write(queries.join("tills.sql"), TABLE).unwrap();
    let bed = bed.queries(&queries).keep("--dead-letter", "dead");
    send(
        bed.topic_name(),
        &[
            b"23/01/2026 10:15;Set\xfabal;12,50",
            b"23/01/2026 10:16;\"Set\xfabal\";1,5\r\n",
            b"23/01/2026 10:17;a;1,5\n23/01/2026 10:17;a;1,5",
            b"at;till;amount",
            b"23/01/2026 10:18;a",
            b"23/01/2026 10:19;b;2",
        ],
    );
    bed.to_end(&[]);
    let mut rows: Vec<String> = bed
        .changed()
        .iter()
        .map(|line| {
            let change: serde_json::Value = serde_json::from_str(line).unwrap();
            let row = &change["row"];
            format!("{} {} {}", change["rank"], row["till"], row["amount"])
        })
        .collect();
    rows.sort();
    assert_eq!(rows, [r#"1 "Setúbal" "14.00""#, r#"2 "b" "2.00""#]);
    let dead = bed.read("dead");
    let details: Vec<String> = dead
        .lines()
        .map(|line| {
            let letter: serde_json::Value = serde_json::from_str(line).unwrap();
            format!("{} {}", letter["offset"], letter["detail"])
        })
        .collect();
    let words = [
        "2 \"more than one row in a value",
        "3 \"field \\\"at\\\": found \\\"at\\\"",
        "4 \"the row has 2 cells",
    ];
    assert_eq!(details.len(), words.len(), "{details:#?}");
    for (detail, word) in details.iter().zip(words) {
        assert!(detail.starts_with(word), "{word}: {details:#?}");
    }
    // As they came.
    assert!(dead.contains("10:17;a;1,5\\n23/01/2026"), "{dead}");
}
