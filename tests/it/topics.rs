//! Several topics in one run, on real Kafka: tables of their own, and tables that others are joined with. What a join shows is
//! never without what it is joined with, and goes on from where it was after a kill, with other workers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::support::kafka::{Keyed, compacted_soon, consume, produce, produce_keyed, topic};
use crate::support::{Bed, service, until};

const SOON: Duration = Duration::from_secs(40);

const JOINED: &str = "\
CREATE TABLE sales (sale_id STRING, event_time TIMESTAMP_LTZ(3), city STRING, amount BIGINT) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE cities (name STRING, region STRING, PRIMARY KEY (name) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'key.format' = 'json', 'value.format' = 'json');
INSERT INTO by_region
SELECT window_start, window_end, region, total, n, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, c.region, SUM(s.amount) AS total, COUNT(*) AS n
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY)) AS s
    LEFT JOIN cities AS c ON s.city = c.name
    GROUP BY window_start, window_end, c.region))
WHERE place <= 10;
INSERT INTO by_city
SELECT window_start, window_end, city, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, city, SUM(amount) AS total
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY))
    GROUP BY window_start, window_end, city))
WHERE place <= 10;
";

fn sale(n: usize, city: &str, amount: i64) -> String {
    format!(
        r#"{{"sale_id":"{n}","event_time":"2026-01-23T10:00:{:02}Z","city":"{city}","amount":{amount}}}"#,
        n % 60
    )
}

/// A city's region now, or its end.
fn city(name: &str, region: Option<&str>) -> Keyed {
    let key = format!(r#"{{"name":"{name}"}}"#).into_bytes();
    let value = region.map(|region| format!(r#"{{"name":"{name}","region":"{region}"}}"#));
    (Some(key), value.unwrap_or_default().into_bytes())
}

/// What changes of one ranking come to: totals by key, `NULL` for none.
fn shown(changes: &[String], ranking: &str, key: &str) -> BTreeMap<String, i64> {
    let mut rows = BTreeMap::new();
    for line in changes {
        let change: Value = serde_json::from_str(line).unwrap();
        if change["ranking"] != ranking {
            continue;
        }
        let name = change["row"][key].as_str().unwrap_or("NULL").to_owned();
        match change["op"] == "delete" {
            true => rows.remove(&name),
            false => rows.insert(name, change["row"]["total"].as_i64().unwrap()),
        };
    }
    rows
}

fn want(rows: &[(&str, i64)]) -> BTreeMap<String, i64> {
    let rows = rows.iter();
    rows.map(|(name, total)| ((*name).to_owned(), *total))
        .collect()
}

/// A bed with these queries over topics of its own: of sales and of cities.
fn bed(name: &'static str, partitions: (i32, i32)) -> (Bed, String, String) {
    let brokers = service("KAFKA_BROKERS");
    let sales = topic(&format!("{name}_sales"), partitions.0);
    let cities = topic(&format!("{name}_cities"), partitions.1);
    let bed = Bed::new(name);
    std::fs::create_dir(bed.path("q")).unwrap();
    std::fs::write(bed.path("q/joined.sql"), JOINED).unwrap();
    let queries = bed.path("q");
    let bed = bed
        .queries(queries)
        .source(format!("sales=kafka://{brokers}/{sales}"))
        .source(format!("cities=kafka://{brokers}/{cities}"));
    (bed, sales, cities)
}

#[test]
fn what_is_joined_with_is_a_topic_too() {
    let (bed, sales, cities) = bed("topics_joined", (2, 2));
    let bed = bed
        .changes()
        .state()
        .flags(&["--snapshot-interval", "300ms"]);
    produce_keyed(
        &cities,
        &[
            vec![city("Lisbon", Some("South"))],
            vec![city("Porto", Some("Nowhere")), city("Porto", Some("North"))],
        ],
    );
    produce(
        &sales,
        &[
            vec![sale(1, "Lisbon", 10), sale(2, "Faro", 1)],
            vec![sale(3, "Porto", 5)],
        ],
    );
    let regions = || shown(&bed.changed(), "by_region", "region");
    let run = bed.start(&["-w", "2"]);
    let first = want(&[("South", 10), ("North", 5), ("NULL", 1)]);
    until("the first totals", SOON, || regions() == first);
    // Nobody saw a total without what it is joined with, or with what that was.
    for line in bed.changed() {
        let change: Value = serde_json::from_str(&line).unwrap();
        let row = &change["row"];
        let is_null = change["ranking"] == "by_region" && row["region"].is_null();
        assert!(!is_null || row["total"] == 1, "{line}");
        assert_ne!(row["region"], "Nowhere", "{line}");
    }

    // A change of it moves what was counted.
    produce_keyed(&cities, &[vec![], vec![city("Porto", Some("South"))]]);
    let moved = want(&[("South", 15), ("NULL", 1)]);
    until("Porto has moved", SOON, || regions() == moved);
    bed.snapshot_with(&[]);

    // Killed; both go on meanwhile; another number of workers.
    run.kill();
    produce_keyed(&cities, &[vec![city("Faro", Some("South"))], vec![]]);
    produce(&sales, &[vec![], vec![sale(4, "Porto", 7)]]);
    let run = bed.start(&["-w", "3"]);
    until("all of it", SOON, || regions() == want(&[("South", 23)]));
    produce_keyed(&cities, &[vec![city("Lisbon", None)], vec![]]);
    let left = want(&[("South", 13), ("NULL", 10)]);
    until("Lisbon has left", SOON, || regions() == left);
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");

    // Without a snapshot it goes on from the sink's offsets, and writes nothing anew.
    let before = bed.changed();
    std::fs::remove_dir_all(bed.path("state")).unwrap();
    let run = bed.start(&["-w", "1"]);
    produce(&sales, &[vec![sale(5, "Lisbon", 1)], vec![]]);
    let more = want(&[("South", 13), ("NULL", 11)]);
    until("one more", SOON, || regions() == more);
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");
    let after = bed.changed();
    assert_eq!(after[..before.len()], before[..]);
    // At each commit the regions hold what the cities hold.
    assert_sums(&after);
}

/// The sum over regions is the sum over cities, after each commit.
fn assert_sums(changes: &[String]) {
    let commit = |line: &String| {
        let change: Value = serde_json::from_str(line).unwrap();
        change["commit"].as_u64()
    };
    for (n, line) in changes.iter().enumerate() {
        let next = changes.get(n + 1);
        if next.is_some_and(|next| commit(next) == commit(line)) {
            continue;
        }
        let so_far = &changes[..=n];
        let regions: i64 = shown(so_far, "by_region", "region").values().sum();
        let cities: i64 = shown(so_far, "by_city", "city").values().sum();
        assert_eq!(regions, cities, "after commit {:?}", commit(line));
    }
}

#[test]
fn offsets_are_of_their_tables() {
    let (bed, sales, cities) = bed("topics_offsets", (2, 1));
    produce_keyed(&cities, &[vec![city("Porto", Some("North"))]]);
    produce(
        &sales,
        &[
            vec![sale(1, "Porto", 1), sale(2, "Porto", 2)],
            vec![sale(3, "Porto", 4)],
        ],
    );
    let sink = format!("file:{}?offsets=true", bed.path("changes").display());
    let report = bed.path("report.json");
    let bed = bed.sink(sink);
    bed.to_end(&["-w", "2", "--report", report.to_str().unwrap()]);
    let changes = bed.read("changes");
    let offsets = changes
        .lines()
        .rfind(|l| l.contains("\"offsets\""))
        .unwrap();
    let offsets: Value = serde_json::from_str(offsets).unwrap();
    let want = serde_json::json!({"sales": [2, 1], "cities": [1]});
    assert_eq!(offsets["offsets"], want, "{changes}");
    let report: Value = serde_json::from_str(&bed.read("report.json")).unwrap();
    assert_eq!(report["tables"]["sales"]["read"], 3, "{report}");
    assert_eq!(report["tables"]["cities"]["read"], 1, "{report}");
}

#[test]
fn offsets_of_one_are_not_applied_to_another() {
    let (first, sales, cities) = bed("topics_swapped", (1, 1));
    let first = first.database();
    produce_keyed(&cities, &[vec![city("Porto", Some("North"))]]);
    produce(&sales, &[vec![sale(1, "Porto", 1)]]);
    first.to_end(&[]);
    let brokers = service("KAFKA_BROKERS");
    let other = topic("topics_swapped_other", 1);
    produce_keyed(&other, &[vec![city("Porto", Some("South"))]]);
    let again = |of_sales: &str, of_cities: &str| {
        let bed = Bed::new("topics_again")
            .queries(first.path("q"))
            .source(format!("cities=kafka://{brokers}/{of_cities}"))
            .source(format!("sales=kafka://{brokers}/{of_sales}"))
            .sink(first.postgres());
        bed.ends(&[])
    };
    // The order of flags says nothing.
    let (code, text) = again(&sales, &cities);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = again(&sales, &other);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("another topic"), "{text}");
}

/// Of a compacted topic only the last record of each key is left: what was joined cannot be told any more. The start says of which
/// table, and goes on where it is told to.
#[test]
fn a_compacted_dimension_that_lost_what_it_held_is_named_and_may_be_forgotten() {
    let brokers = service("KAFKA_BROKERS");
    let sales = topic("topics_lost_sales", 1);
    let cities = compacted_soon("topics_lost_cities");
    let bed = Bed::new("topics_lost");
    std::fs::create_dir(bed.path("q")).unwrap();
    std::fs::write(bed.path("q/joined.sql"), JOINED).unwrap();
    let queries = bed.path("q");
    let bed = bed
        .queries(queries)
        .source(format!("sales=kafka://{brokers}/{sales}"))
        .source(format!("cities=kafka://{brokers}/{cities}"))
        .changes();
    let all: Vec<Keyed> = (0..20)
        .map(|n| city(["Porto", "Faro"][n % 2], Some(["South", "North"][n / 10])))
        .collect();
    produce_keyed(&cities, &[all]);
    produce(&sales, &[vec![sale(1, "Porto", 5), sale(2, "Faro", 2)]]);
    let (code, text) = bed.ends(&[]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(
        shown(&bed.changed(), "by_region", "region"),
        want(&[("North", 7)])
    );
    // The cleaner is at work now and then, and leaves the segment that is written to.
    until("the topic is compacted", Duration::from_secs(120), || {
        produce_keyed(&cities, &[vec![city("Braga", Some("East"))]]);
        let left = consume(&cities);
        std::thread::sleep(Duration::from_secs(1));
        left.len() < 15
    });
    produce_keyed(&cities, &[vec![city("Faro", Some("East"))]]);
    let before = bed.changed();
    let (code, text) = bed.ends(&[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("the table cities, which others are joined with"),
        "{text}"
    );
    assert!(text.contains("--forget dimension cities"), "{text}");
    assert_eq!(bed.changed(), before);
    let (code, text) = bed.ends(&["--forget", "dimension", "sales"]);
    assert_eq!(code, Some(2), "{text}");
    let (code, text) = bed.ends(&["--forget", "dimension", "cities"]);
    assert_eq!(code, Some(0), "{text}");
    let now = want(&[("North", 5), ("East", 2)]);
    assert_eq!(shown(&bed.changed(), "by_region", "region"), now);
}

#[test]
fn one_table_is_of_files_or_of_topics() {
    let brokers = service("KAFKA_BROKERS");
    let bed = Bed::new("topics_and_files").file("sales.ndjson");
    bed.write("sales.ndjson", &[sale(1, "x", 1)]);
    let bed = bed.source(format!("kafka://{brokers}/b")).changes_file();
    let (code, text) = bed.ends(&[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("the table sales is read from files and from a topic"),
        "{text}"
    );
}

#[test]
fn one_table_is_several_topics() {
    let brokers = service("KAFKA_BROKERS");
    let (a, b) = (topic("topics_of_one_a", 2), topic("topics_of_one_b", 1));
    let bed = Bed::new("topics_of_one");
    std::fs::create_dir(bed.path("q")).unwrap();
    let sql = format!(
        "CREATE TABLE sales (event_time TIMESTAMP_LTZ(3), city STRING, amount BIGINT, t STRING METADATA FROM 'topic', \
           p INT METADATA FROM 'partition')
         WITH ('connector' = 'kafka', 'topic' = '{a};{b}', 'properties.bootstrap.servers' = '{brokers}', 'format' = 'json');
         INSERT INTO by_place SELECT place, total, rn FROM (
           SELECT place, total, ROW_NUMBER() OVER (ORDER BY total DESC) AS rn FROM (
             SELECT t || '/' || CAST(p AS STRING) AS place, SUM(amount) AS total FROM sales GROUP BY t || '/' || CAST(p AS STRING)))
         WHERE rn <= 10;"
    );
    std::fs::write(bed.path("q/sales.sql"), sql).unwrap();
    let queries = bed.path("q");
    let bed = bed.queries(queries).changes().state().http();
    produce(&a, &[vec![sale(1, "x", 1)], vec![sale(2, "x", 2)]]);
    produce(&b, &[vec![sale(3, "x", 4)]]);
    let place = |topic: &str, p: u32| format!("{topic}/{p}");
    let (a0, a1, b0) = (place(&a, 0), place(&a, 1), place(&b, 0));
    let shown = || shown(&bed.changed(), "by_place", "place");
    let run = bed.start(&["-w", "2"]);
    let first = want(&[(&a0, 1), (&a1, 2), (&b0, 4)]);
    until("all three partitions", SOON, || shown() == first);

    // A partition is told by its topic, and by its number there.
    let metrics = bed.metrics();
    let series = format!("standings_records_read_total{{partition=\"0\",topic=\"{b}\"}} 1");
    assert!(metrics.contains(&series), "{metrics}");
    let answer = crate::support::http::json(bed.address(), "/api/v1/watermarks");
    let of = |p: &Value| {
        (
            p["topic"].as_str().unwrap().to_owned(),
            p["topic_partition"].as_u64(),
        )
    };
    let mut places: Vec<_> = answer["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(of)
        .collect();
    places.sort();
    let names = [
        (a.clone(), Some(0)),
        (a.clone(), Some(1)),
        (b.clone(), Some(0)),
    ];
    assert_eq!(places, names, "{answer}");

    run.kill();
    produce(&b, &[vec![sale(4, "x", 8)]]);
    let run = bed.start(&["-w", "1"]);
    let second = want(&[(&a0, 1), (&a1, 2), (&b0, 12)]);
    until("what came meanwhile", SOON, || shown() == second);
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");

    // A flag that names one of them alone would leave the other out.
    let one = format!("sales=kafka://{brokers}/{a}");
    let (code, text) = bed.ends(&["--source", &one]);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains(&b) && text.contains("name all of them"),
        "{text}"
    );
}
