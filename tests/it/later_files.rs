//! A folder that gets more files: each keeps the number that it had first, whatever the names of those that come, and its records
//! are counted once. One that is gone or changed ends the start. A folder of a disk, and one of a bucket.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::Bed;

const TOTALS: &str = "\
CREATE TABLE sales (city STRING, amount BIGINT, file STRING METADATA FROM 'file.name', number INT METADATA FROM 'partition');
INSERT INTO by_city SELECT city, total, n, number, rn FROM (
  SELECT city, total, n, number, ROW_NUMBER() OVER (ORDER BY total DESC) AS rn FROM (
    SELECT city, SUM(amount) AS total, COUNT(*) AS n, MAX(number) AS number FROM sales GROUP BY city))
WHERE rn <= 100;
";

fn bed(name: &'static str) -> Bed {
    let bed = Bed::new(name);
    for folder in ["q", "in"] {
        std::fs::create_dir(bed.path(folder)).unwrap();
    }
    std::fs::write(bed.path("q/totals.sql"), TOTALS).unwrap();
    let (queries, source) = (bed.path("q"), format!("file:{}", bed.path("in").display()));
    bed.queries(queries).source(source).changes()
}

/// The same of a folder in a bucket.
fn bed_of_objects(name: &'static str) -> Bed {
    let bed = Bed::new(name).bucket();
    std::fs::create_dir(bed.path("q")).unwrap();
    std::fs::write(bed.path("q/totals.sql"), TOTALS).unwrap();
    let queries = bed.path("q");
    bed.queries(queries).source("s3://bucket/in/").changes()
}

/// A file of its own city, so many sales of 1.
fn write(bed: &Bed, name: &str, sales: usize) {
    let city = name.split('.').next().unwrap();
    let line = format!("{{\"city\":\"{city}\",\"amount\":1}}\n");
    let text = line.repeat(sales);
    match bed.path("in").exists() {
        true => std::fs::write(bed.path("in").join(name), text).unwrap(),
        false => bed.objects().put(&format!("in/{name}"), text),
    }
}

fn remove(bed: &Bed, name: &str) {
    match bed.path("in").exists() {
        true => std::fs::remove_file(bed.path("in").join(name)).unwrap(),
        false => drop(bed.objects().held().objects.remove(&format!("in/{name}"))),
    }
}

/// By city: its sales, and the number of its file.
fn shown(bed: &Bed) -> BTreeMap<String, (i64, i64)> {
    let mut rows = BTreeMap::new();
    for line in bed.changed() {
        let change: Value = serde_json::from_str(&line).unwrap();
        let row = &change["row"];
        let city = row["city"].as_str().unwrap().to_owned();
        match change["op"] == "delete" {
            true => drop(rows.remove(&city)),
            false => {
                assert_eq!(row["total"], row["n"], "{line}");
                let of = (row["n"].as_i64().unwrap(), row["number"].as_i64().unwrap());
                rows.insert(city, of);
            }
        }
    }
    rows
}

fn want(rows: &[(&str, i64, i64)]) -> BTreeMap<String, (i64, i64)> {
    let rows = rows.iter();
    rows.map(|(city, n, number)| ((*city).to_owned(), (*n, *number)))
        .collect()
}

fn later(bed: Bed) {
    write(&bed, "d.ndjson", 3);
    write(&bed, "b.ndjson", 2);
    bed.to_end(&["-w", "1"]);
    assert_eq!(shown(&bed), want(&[("b", 2, 0), ("d", 3, 1)]));

    // Before, between and behind them; one has grown.
    write(&bed, "e.ndjson", 6);
    write(&bed, "c.ndjson", 5);
    write(&bed, "a.ndjson", 4);
    write(&bed, "d.ndjson", 30);
    bed.to_end(&["-w", "3"]);
    let second = [
        ("b", 2, 0),
        ("d", 30, 1),
        ("a", 4, 2),
        ("c", 5, 3),
        ("e", 6, 4),
    ];
    assert_eq!(shown(&bed), want(&second));

    // And once more: these numbers are known too.
    write(&bed, "bb.ndjson", 7);
    bed.to_end(&["-w", "2"]);
    let third = [&second[..], &[("bb", 7, 5)]].concat();
    assert_eq!(shown(&bed), want(&third));

    // Changed at its beginning, and gone.
    write(&bed, "b.ndjson", 0);
    let (code, text) = bed.ends(&["-w", "1"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("b.ndjson had") && text.contains("S0310"),
        "{text}"
    );
    remove(&bed, "b.ndjson");
    let (code, text) = bed.ends(&["-w", "1"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("b.ndjson is not given any more"), "{text}");
    assert_eq!(shown(&bed), want(&third));
}

#[test]
fn files_that_come_later_get_the_next_numbers() {
    later(bed("later_files"));
}

#[test]
fn files_that_come_later_are_read_behind_a_snapshot() {
    later(bed("later_files_state").state());
}

#[test]
fn objects_that_come_later_get_the_next_numbers() {
    later(bed_of_objects("later_objects"));
}

#[test]
fn objects_that_come_later_are_read_behind_a_snapshot() {
    later(bed_of_objects("later_objects_state").state());
}
