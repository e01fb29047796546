//! The same sales as NDJSON, CSV and Parquet give the same rankings; a floating-point amount is refused.

mod support;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;
use support::{Dice, HOUR, fold, reference, run, standings};

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
    let dir = tempfile::tempdir().unwrap();
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
    let mut csv = csv::Writer::from_path(dir.path().join("sales.csv")).unwrap();
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
    std::fs::write(dir.path().join("sales.ndjson"), lines.join("\n")).unwrap();
    let cents = Decimal128Array::from_iter_values(rows.iter().map(|r| r.cents * 100));
    let cents = cents.with_precision_and_scale(20, 4).unwrap();
    write_parquet(&dir.path().join("sales.parquet"), &rows, Arc::new(cents));

    let want = reference(&[lines], 60_000, HOUR).rows;
    for name in ["sales.ndjson", "sales.csv", "sales.parquet"] {
        let source = format!("file:{}", dir.path().join(name).display());
        let log = dir.path().join("changes");
        let sink = format!("file:{}", log.display());
        run(&[
            "run",
            "--queries",
            "queries",
            "--source",
            &source,
            "--sink",
            &sink,
            "--until-end",
        ]);
        let text = std::fs::read_to_string(log).unwrap();
        assert_eq!(fold(text.lines()).0, want, "{name}");
    }
}

#[test]
fn floating_point_money_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let rows = rows();
    let floats = Float64Array::from_iter_values(rows.iter().map(|r| r.cents as f64 / 100.0));
    assert!(!floats.is_empty());
    let path = dir.path().join("sales.parquet");
    write_parquet(&path, &rows, Arc::new(floats));
    let source = format!("file:{}", path.display());
    let args = [
        "run",
        "--queries",
        "queries",
        "--source",
        &source,
        "--sink",
        "stdout",
        "--until-end",
    ];
    let output = standings(&args).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("`amount` is Float64") && text.contains("money is exact"),
        "{text}"
    );
}
