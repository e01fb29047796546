//! Records behind the id of their schema, whose schemas lie in a folder: arrays of JSON, what JSON Schema says that numbers stand for,
//! and what `inspect` makes of them. From a real Kafka; with a registry: registry.rs.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::kafka::produce_keyed;
use crate::support::{Bed, standings};

/// Records behind an id.
fn send(bed: &Bed, all: &[(u8, Vec<u8>)]) {
    let framed = |(id, record): &(u8, Vec<u8>)| (None, [&[0, 0, 0, 0, *id][..], record].concat());
    produce_keyed(bed.topic_name(), &[all.iter().map(framed).collect()]);
}

fn bed(name: &'static str, columns: &str, options: &str) -> Bed {
    let bed = Bed::new(name).topic(1).changes_file();
    let folder = bed.path("q");
    std::fs::create_dir(&folder).unwrap();
    let sql = format!(
        "CREATE TABLE orders ({columns}) WITH ('connector' = 'kafka', {options});
         SELECT city, total, n, rn FROM (SELECT city, total, n, ROW_NUMBER() OVER (ORDER BY total DESC) AS rn FROM (
           SELECT city, SUM(amount) AS total, COUNT(*) AS n FROM orders GROUP BY city)) WHERE rn <= 9;"
    );
    std::fs::write(folder.join("cities.sql"), sql).unwrap();
    bed.queries(&folder).keep("--dead-letter", "dead")
}

/// The rows as they are at last: city, total, number.
fn rows(bed: &Bed) -> Vec<String> {
    let mut rows = std::collections::BTreeMap::new();
    for line in bed.changed() {
        let change: Value = serde_json::from_str(&line).unwrap();
        let row = &change["row"];
        let text = format!("{} {} {}", row["city"], row["total"], row["n"]);
        match change["op"] == "delete" {
            true => drop(rows.remove(&row["city"].to_string())),
            false => drop(rows.insert(row["city"].to_string(), text)),
        }
    }
    rows.into_values().collect()
}

fn json(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

#[test]
fn elements_of_an_array_behind_an_id_are_records() {
    let columns = "city STRING, amount DECIMAL(10, 2)";
    let bed = bed(
        "framed_arrays",
        columns,
        "'format' = 'json-schema-confluent'",
    )
    .state();
    send(
        &bed,
        &[
            (
                1,
                json(
                    r#"[{"city":"Porto","amount":1},{"city":"Faro","amount":"x"},{"city":"Porto","amount":2}]"#,
                ),
            ),
            (2, json(r#"{"city":"Faro","amount":5}"#)),
            (1, json("[]")),
        ],
    );
    bed.to_end(&[]);
    let want = [r#""Faro" "5.00" 1"#, r#""Porto" "3.00" 2"#];
    assert_eq!(rows(&bed), want);
    let letters: Vec<Value> = bed
        .read("dead")
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let offsets: Vec<u64> = letters
        .iter()
        .filter_map(|l| l["offset"].as_u64())
        .collect();
    assert_eq!(
        offsets,
        [0, 2],
        "the element alone, and the array of none: {letters:#?}"
    );
    // Behind a snapshot nothing of them is counted again.
    send(&bed, &[(1, json(r#"[{"city":"Porto","amount":4}]"#))]);
    bed.to_end(&["-w", "2"]);
    assert_eq!(rows(&bed), [r#""Faro" "5.00" 1"#, r#""Porto" "7.00" 3"#]);
}

const SCHEMA: &str = r#"{"type":"object","properties":{"city":{"type":"string"},
    "amount":{"oneOf":[{"type":"null"},{"type":"string","title":"org.apache.kafka.connect.data.Decimal","connect.parameters":{"scale":"2"}}]},
    "day":{"type":"integer","title":"org.apache.kafka.connect.data.Date"}}}"#;

#[test]
fn values_are_what_their_json_schema_says() {
    let columns = "city STRING, amount DECIMAL(10, 2), day DATE NOT NULL";
    let options =
        "'format' = 'json-schema-confluent', 'json-schema-confluent.schemas-folder' = 'schemas'";
    let bed = bed("framed_logical", columns, options);
    std::fs::create_dir(bed.path("q/schemas")).unwrap();
    std::fs::write(bed.path("q/schemas/7.json"), SCHEMA).unwrap();
    std::fs::write(bed.path("q/schemas/8.json"), "{}").unwrap();
    send(
        &bed,
        &[
            (7, json(r#"{"city":"Porto","amount":"A+g=","day":20476}"#)),
            (
                7,
                json(
                    r#"[{"city":"Porto","amount":"/w==","day":20476},{"city":"Faro","amount":"A+g=","day":20476}]"#,
                ),
            ),
            (8, json(r#"{"city":"Faro","amount":1,"day":"2026-01-23"}"#)),
            (8, json(r#"{"city":"Faro","amount":1,"day":20476}"#)),
        ],
    );
    bed.to_end(&[]);
    assert_eq!(rows(&bed), [r#""Faro" "11.00" 2"#, r#""Porto" "9.99" 2"#]);
    let dead = bed.read("dead");
    assert_eq!(dead.lines().count(), 1, "{dead}");
    assert!(dead.contains("\\\"day\\\""), "{dead}");
}

fn inspected(args: &[&str], queries: &Path) -> (String, PathBuf) {
    let output = standings(&[&["inspect"], args].concat()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    std::fs::create_dir_all(queries).unwrap();
    std::fs::write(queries.join("proposed.sql"), &text).unwrap();
    (text, queries.to_owned())
}

#[test]
fn avro_behind_an_id_is_proposed_by_its_schema() {
    let bed = Bed::new("framed_inspect").topic(1);
    std::fs::create_dir_all(bed.path("schemas")).unwrap();
    let schema = r#"{"type":"record","name":"Sale","fields":[{"name":"city","type":"string"},
        {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}}]}"#;
    std::fs::write(bed.path("schemas/7.avsc"), schema).unwrap();
    let record = |city: &str, cents: i16| {
        let mut out = vec![city.len() as u8 * 2];
        out.extend_from_slice(city.as_bytes());
        // 1,769,126,400,000 as a zigzag varint.
        let mut at = 1_769_126_400_000_u64 << 1;
        while at >= 0x80 {
            out.push(at as u8 | 0x80);
            at >>= 7;
        }
        out.extend_from_slice(&[at as u8, 4]);
        out.extend_from_slice(&cents.to_be_bytes());
        (7, out)
    };
    send(
        &bed,
        &[
            record("Porto", 150),
            record("Faro", 225),
            record("Porto", 25),
        ],
    );
    let (source, folder) = (bed.source_url(), bed.path("schemas").display().to_string());
    // Without its schema it is told what is lacking.
    let (bare, _) = inspected(&[&source], &bed.path("bare"));
    assert!(bare.contains("--registry URL"), "{bare}");
    let (text, queries) = inspected(
        &[&source, "--schemas-folder", &folder],
        &bed.path("proposed"),
    );
    for part in [
        "amount DECIMAL(38, 2)",
        "city STRING",
        "'format' = 'avro-confluent'",
        "avro-confluent.schemas-folder",
        "of 3 records 3 fit",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let bed = bed.queries(&queries).changes_file();
    bed.to_end(&[]);
    assert!(
        bed.read("changes").contains("2.25"),
        "{}",
        bed.read("changes")
    );
}

#[test]
fn an_avro_file_is_proposed_and_runs() {
    let bed = Bed::new("avro_inspect").changes_file();
    let file = format!(
        "file:{}",
        Path::new("tests/fixtures/avro/sales.deflate.avro")
            .canonicalize()
            .unwrap()
            .display()
    );
    let (text, queries) = inspected(&[&file], &bed.path("proposed"));
    for part in ["Avro", "'format' = 'avro'", "CREATE TABLE sales"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let bed = bed.queries(&queries);
    bed.to_end(&[]);
    assert!(!bed.changed().is_empty(), "{text}");
}
