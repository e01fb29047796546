//! The same sales as NDJSON, CSV and Parquet give the same rankings; what is no amount is refused.

use std::path::Path;
use std::sync::Arc;

use crate::support::{Bed, Dice, HOUR, reference};
use arrow_array::{
    ArrayRef, Decimal128Array, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;

struct Row {
    time: i64,
    city: String,
    salesman: String,
    cents: i128,
}

fn rows() -> Vec<Row> {
    let mut dice = Dice::new(3);
    let cities = ["Lisbon", "São \"Paulo\"", "a,b", "東京"];
    (0..500)
        .map(|i| Row {
            time: 1_769_126_400_000 + i * HOUR / 20,
            city: cities[dice.roll(4) as usize].to_owned(),
            salesman: format!("S{}", dice.roll(9)),
            cents: dice.roll(900) as i128 - 100,
        })
        .collect()
}

fn amount(cents: i128) -> String {
    format!(
        "{}{}.{:02}",
        if cents < 0 { "-" } else { "" },
        cents.abs() / 100,
        cents.abs() % 100
    )
}

fn write_parquet(path: &Path, rows: &[Row], amounts: ArrayRef) {
    let text = |f: fn(&Row) -> String| {
        Arc::new(StringArray::from_iter_values(rows.iter().map(f))) as ArrayRef
    };
    let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| r.time * 1000))
        .with_timezone("UTC");
    let batch = RecordBatch::try_from_iter([
        ("event_time", Arc::new(times) as ArrayRef),
        ("city", text(|r| r.city.clone())),
        ("salesman_id", text(|r| r.salesman.clone())),
        ("amount", amounts),
    ])
    .unwrap();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn every_kind_of_file_gives_the_same_rankings() {
    let bed = Bed::new("tables");
    let rows = rows();
    let lines: Vec<String> = rows
        .iter()
        .map(|r| {
            let (city, amount) = (serde_json::to_string(&r.city).unwrap(), amount(r.cents));
            format!(
                r#"{{"event_time":{},"city":{city},"salesman_id":"{}","amount":{amount}}}"#,
                r.time, r.salesman
            )
        })
        .collect();
    let mut csv = csv::Writer::from_path(bed.path("sales.csv")).unwrap();
    csv.write_record([
        "sale_id",
        "timestamp",
        "city",
        "salesman_id",
        "salesman_name",
        "amount",
    ])
    .unwrap();
    for r in &rows {
        csv.write_record([
            "",
            &r.time.to_string(),
            &r.city,
            &r.salesman,
            "",
            &amount(r.cents),
        ])
        .unwrap();
    }
    csv.flush().unwrap();
    bed.write("sales.ndjson", &lines);
    let cents = Decimal128Array::from_iter_values(rows.iter().map(|r| r.cents * 100));
    let cents = cents.with_precision_and_scale(20, 4).unwrap();
    write_parquet(&bed.path("sales.parquet"), &rows, Arc::new(cents));
    // A double is what its shortest text says.
    let floats = Float64Array::from_iter_values(rows.iter().map(|r| r.cents as f64 / 100.0));
    write_parquet(&bed.path("floats.parquet"), &rows, Arc::new(floats));

    let want = reference(&[lines], 60_000, HOUR).rows;
    for name in [
        "sales.ndjson",
        "sales.csv",
        "sales.parquet",
        "floats.parquet",
    ] {
        let run = Bed::new("tables").source(bed.url(name)).changes_file();
        run.to_end(&[]);
        assert_eq!(run.folded(), want, "{name}");
    }
}

#[test]
fn what_is_no_amount_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let rows = rows();
    let path = dir.path().join("sales.parquet");
    // A third digit is not rounded away.
    let floats = Float64Array::from_iter_values(rows.iter().map(|r| r.cents as f64 + 0.125));
    write_parquet(&path, &rows, Arc::new(floats));
    dead(&path, "bad_amount 500");
    let truths = arrow_array::BooleanArray::from(vec![true; rows.len()]);
    write_parquet(&path, &rows, Arc::new(truths));
    dead(&path, "wrong_type 500");
    std::fs::write(&path, "no parquet").unwrap();
    refused(&path, &["sales.parquet", "Parquet"]);
}

/// Every record is a dead letter, and nothing is ranked.
fn dead(path: &Path, words: &str) {
    let bed = Bed::new("tables").source(format!("file:{}", path.display()));
    let (code, text) = bed.sink("stdout").ends(&[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(words), "{text}");
}

/// Wrong configuration, found before anything is read.
fn refused(path: &Path, parts: &[&str]) {
    let bed = Bed::new("tables").source(format!("file:{}", path.display()));
    let (code, text) = bed.sink("stdout").ends(&[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
}

#[test]
fn broken_csv_rows_are_dead_letters_with_their_own_bytes() {
    let bed = Bed::new("tables").file("sales.csv").changes_file();
    let bed = bed.keep("--dead-letter", "dead");
    let row = |i: i64| format!("{},Lisbon,\"S{}\",1.5", 1_769_126_400_000 + i, i % 3);
    let mut text = "event_time,city,salesman_id,amount\r\n".to_owned();
    for i in 0..500 {
        text += &match i {
            7 => "1769126400000,Lisbon,S1".to_owned(),
            9 => "1769126400000,\"Lisbon,S1,4".to_owned(),
            11 => "1769126400000,\"Li\nsbon\",S1,\"4.123\"".to_owned(),
            i => row(i),
        };
        text += "\r\n";
    }
    std::fs::write(bed.path("sales.csv"), text).unwrap();
    bed.to_end(&["--max-record-bytes", "2000"]);
    let letters = bed.read("dead");
    let letters: Vec<serde_json::Value> = letters
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let of = |n: usize| {
        (
            letters[n]["offset"].as_i64().unwrap(),
            letters[n]["record"].as_str().unwrap(),
        )
    };
    assert_eq!(letters.len(), 3, "{letters:?}");
    assert_eq!(of(0), (7, "1769126400000,Lisbon,S1"));
    assert_eq!(of(1), (9, "1769126400000,\"Lisbon,S1,4"));
    assert_eq!(of(2), (11, "1769126400000,\"Li\nsbon\",S1,\"4.123\""));
    let rows = bed.folded();
    let lisbon = rows
        .iter()
        .find(|(k, _)| k.0 == "top_sales_per_city")
        .unwrap();
    assert_eq!(lisbon.1.1[1], 497);
}
