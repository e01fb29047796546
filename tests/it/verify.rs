//! `standings verify`: says yes to what the engine wrote, for queries of every form, and shows what somebody changed.

use std::path::Path;

use crate::support::kafka::{block, compacted, topic};
use crate::support::postgres::connect;
use crate::support::{self, Bed, Dice, sales, service};

/// Queries of forms that the shipped ones have not.
const QUERIES: [(&str, &str); 5] = [
    (
        "hopping",
        "SELECT window_start, window_end, city, salesman_id, total, best, worst, sellers, last_name, rownum FROM (
           SELECT *, RANK() OVER (PARTITION BY window_start, window_end, city ORDER BY total DESC, best ASC) AS rownum FROM (
             SELECT window_start, window_end, city, salesman_id, SUM(amount) AS total, MAX(amount) AS best, MIN(amount) AS worst,
                    COUNT(DISTINCT salesman_name) AS sellers, LAST_VALUE(salesman_name) AS last_name
             FROM TABLE(HOP(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' HOUR, INTERVAL '3' HOURS))
             GROUP BY window_start, window_end, city, salesman_id)) WHERE rownum <= 2",
    ),
    (
        "growing",
        "SELECT window_start, window_end, city, total, n, rownum FROM (
           SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS rownum FROM (
             SELECT window_start, window_end, city, SUM(amount) AS total, COUNT(*) AS n
             FROM TABLE(CUMULATE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '40' MINUTES, INTERVAL '2' HOURS))
             GROUP BY window_start, window_end, city)) WHERE rownum <= 2",
    ),
    (
        "dense",
        "SELECT window_start, window_end, salesman_id, n, big, avg_big, rownum FROM (
           SELECT *, DENSE_RANK() OVER (PARTITION BY window_start, window_end ORDER BY n DESC, avg_big DESC) AS rownum FROM (
             SELECT window_start, window_end, salesman_id, COUNT(*) AS n, COUNT(*) FILTER (WHERE amount > 5) AS big,
                    AVG(amount) FILTER (WHERE amount > 5) AS avg_big
             FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '30' MINUTES))
             GROUP BY window_start, window_end, salesman_id)) WHERE rownum <= 3",
    ),
    (
        "refunds",
        "SELECT window_start, window_end, city, total, first_name, latest, rownum FROM (
           SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total ASC) AS rownum FROM (
             SELECT window_start, window_end, city, SUM(amount) AS total, MIN(salesman_name) AS first_name, MAX(event_time) AS latest
             FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '2' HOURS))
             WHERE amount < 0 AND city NOT IN ('Porto') AND salesman_name LIKE 'Ana%'
             GROUP BY window_start, window_end, city)) WHERE rownum <= 5",
    ),
    (
        "country",
        "SELECT window_start, window_end, total, n, rownum FROM (
           SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS rownum FROM (
             SELECT window_start, window_end, SUM(amount) AS total, COUNT(salesman_name) AS n
             FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY))
             GROUP BY window_start, window_end)) WHERE rownum <= 1",
    ),
];

fn queries(dir: &Path) -> String {
    let folder = support::copied_queries(dir);
    for (name, text) in QUERIES {
        std::fs::write(folder.join(format!("{name}.sql")), text).unwrap();
    }
    folder.display().to_string()
}

#[test]
fn every_form_of_query_is_as_the_plain_recomputation_says() {
    let cases =
        std::env::var("STANDINGS_TEST_CASES").map_or(12, |n| n.parse::<u64>().unwrap().min(500));
    for seed in 0..cases {
        let bed = Bed::new("verify");
        let queries = queries(bed.folder());
        let mut bed = bed.queries(queries).changes_file();
        let mut dice = Dice::new(700 + seed);
        for i in 0..1 + dice.roll(3) {
            let n = dice.roll(900) as usize;
            let lines = sales(&mut dice, n, 1_769_130_000_000, 60_000);
            let name = format!("sales-{i}.ndjson");
            bed.write(&name, &lines);
            bed = bed.file(&name);
        }
        let workers = (1 + dice.roll(3)).to_string();
        let lateness = ["--allowed-lateness", "20m"];
        bed.to_end(&[&lateness[..], &["-w", &workers]].concat());
        let (code, text) = bed.say("verify", &lateness);
        assert_eq!(code, Some(0), "seed {seed}: {text}");
        assert!(text.contains("are as the source says"), "{text}");
    }
}

#[test]
fn what_somebody_changed_is_shown() {
    let mut dice = Dice::new(77);
    let parts: Vec<_> = (0..2)
        .map(|_| sales(&mut dice, 400, 1_769_130_000_000, 60_000))
        .collect();
    let bed = Bed::new("verify").topic(3).database().changes();
    bed.send(&parts);
    bed.to_end(&["-w", "2"]);
    // More sales than the sinks have seen: they are compared at their own prefix.
    bed.send(&parts);
    let of = |sink: String| Bed::new("verify").source(bed.source_url()).sink(sink);
    let (tables, log) = (of(bed.postgres().to_owned()), of(bed.changes_url()));
    for (one, what) in [(&tables, "tables"), (&log, "topic")] {
        for more in [&["--all"][..], &[]] {
            let (code, text) = one.say("verify", more);
            assert_eq!(code, Some(0), "{what} {more:?}: {text}");
        }
    }
    block(async {
        let client = connect(bed.postgres()).await;
        client
            .batch_execute("UPDATE top_salesmen SET total_sales = 1 WHERE rank = 3")
            .await
            .unwrap();
        client
            .batch_execute("DELETE FROM top_sales_per_city WHERE rank = 1")
            .await
            .unwrap();
    });
    let (code, text) = tables.say("verify", &["--all"]);
    assert_eq!(code, Some(1), "{text}");
    for part in [
        "the source says",
        "no row",
        "\"1.00\"",
        "differ from what the source says",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Looking on took nothing over.
    let generation = block(async {
        let client = connect(bed.postgres()).await;
        client
            .query_one("SELECT generation FROM standings_commit", &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
    });
    assert_eq!(generation, 1);
}

/// A table that changes, of a topic; more of its options.
fn orders(topic: &str, more: &str) -> String {
    format!(
        "CREATE TABLE orders (id BIGINT, at TIMESTAMP_LTZ(3), city STRING, amount DECIMAL(12, 2),
           PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR at AS at) WITH ('connector' = 'upsert-kafka', 'topic' = '{topic}',
           'properties.bootstrap.servers' = '{}', 'key.format' = 'json', 'value.format' = 'json'{more})",
        service("KAFKA_BROKERS")
    )
}

const BY_CITY: &str = "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place
  FROM (SELECT window_start, window_end, city, SUM(amount) AS total, MAX(amount) AS most
  FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, city)) WHERE place <= 5";

/// Orders that come, change and end, by their keys, from minute to minute: of five hours in their order, or (`back`) in none.
fn send_orders(topic: &str, from: u64, back: bool) {
    use rdkafka::config::ClientConfig;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .create()
        .unwrap();
    let mut dice = Dice::new(41);
    for n in 0..300u64 {
        let id = dice.roll(40);
        let key = format!(r#"{{"id":{id}}}"#);
        let minute = from + if back { dice.roll(300) } else { n };
        let at = format!("2026-01-23T{:02}:{:02}:00Z", minute / 60, minute % 60);
        let city = ["Porto", "Faro", "Braga"][dice.roll(3) as usize];
        let value = format!(
            r#"{{"at":"{at}","city":"{city}","amount":"{}.00"}}"#,
            dice.roll(500)
        );
        let record = BaseRecord::to(topic).key(&key).partition(0);
        let record = match dice.roll(9) {
            0 => record,
            _ => record.payload(&value),
        };
        producer.send(record).map_err(|(e, _)| e).unwrap();
    }
    producer.flush(std::time::Duration::from_secs(30)).unwrap();
}

/// Rows that change are recomputed, in a topic that keeps all and in one that is compacted, which is said; and what somebody spoilt is
/// set right.
#[test]
fn rows_that_change_are_verified_and_repaired() {
    for is_compacted in [false, true] {
        let name = match is_compacted {
            true => compacted("verify_orders"),
            false => topic("verify_orders", 1),
        };
        send_orders(&name, 600, false);
        let bed = Bed::new("verify_changes");
        let queries = bed.path("queries");
        std::fs::create_dir(&queries).unwrap();
        std::fs::write(queries.join("a_table.sql"), orders(&name, "")).unwrap();
        std::fs::write(queries.join("by_city.sql"), BY_CITY).unwrap();
        let bed = bed.queries(queries).database();
        let lateness = ["--allowed-lateness", "1m"];
        bed.to_end(&lateness);
        let (code, text) = bed.say("verify", &lateness);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("are as the source says"), "{text}");
        assert_eq!(
            text.contains("is compacted (cleanup.policy)"),
            is_compacted,
            "{text}"
        );
        let spoil = |sql: &'static str| {
            block(async {
                let client = connect(bed.postgres()).await;
                client.execute(sql, &[]).await.unwrap()
            })
        };
        assert!(spoil("UPDATE by_city SET total = total + 1 WHERE rank = 1 AND final") > 0);
        assert!(spoil("DELETE FROM by_city WHERE rank = 2 AND final") > 0);
        let (code, text) = bed.say("verify", &lateness);
        assert_eq!(code, Some(1), "{text}");
        let (code, text) = bed.say("repair", &lateness);
        assert_eq!(code, Some(0), "{text}");
        let (code, text) = bed.say("verify", &lateness);
        assert_eq!(code, Some(0), "{text}");
    }
}

/// What the first start found in no order of time is so for `verify` too, which asks the run's snapshots where that ends.
#[test]
fn a_bootstrap_is_verified_with_the_snapshots_of_its_run() {
    let name = topic("verify_bootstrap", 1);
    send_orders(&name, 0, true);
    let bed = Bed::new("verify_bootstrap");
    let queries = bed.path("queries");
    std::fs::create_dir(&queries).unwrap();
    let table = orders(&name, ", 'scan.bootstrap' = 'unordered'");
    std::fs::write(queries.join("a_table.sql"), table).unwrap();
    std::fs::write(queries.join("by_city.sql"), BY_CITY).unwrap();
    let bed = bed.queries(queries).database().state();
    let lateness = ["--allowed-lateness", "1m"];
    // A run that ends by itself leaves no snapshot.
    let run = bed.start(&[&lateness[..], &["--snapshot-interval", "50ms"]].concat());
    bed.snapshot_after(0);
    assert_eq!(run.stop().0, Some(0));
    send_orders(&name, 400, false);
    bed.to_end(&lateness);
    let state = bed.url("state");
    let with = [&lateness[..], &["--state", &state]].concat();
    let (code, text) = bed.say("verify", &with);
    assert_eq!(code, Some(0), "{text}");
    let windows = text
        .split(" windows are as")
        .next()
        .and_then(|t| t.rsplit(' ').next());
    let windows = windows.and_then(|n| n.parse::<u32>().ok());
    assert!(windows.is_some_and(|n| n >= 8), "{text}");
    let (code, text) = bed.say("verify", &lateness);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("give --state"), "{text}");
}
