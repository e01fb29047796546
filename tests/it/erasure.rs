//! One person is erased: the row is deleted at the source, and what is kept of it goes, or is named (docs/erasure.md).

use std::path::{Path, PathBuf};

use arrow_array::Array;

use crate::support::Bed;
use crate::support::bed::PATIENCE;
use crate::support::kafka::block;
use crate::support::postgres::connect;
use crate::support::until;

const WHO: &str = "Benedita Erasmo";

const TABLE: &str = "CREATE TABLE orders (id BIGINT, at TIMESTAMP_LTZ(3), who STRING, amount DECIMAL(12, 2),
  PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR at AS at - INTERVAL '1' MINUTE) WITH ('changelog' = 'upsert', 'format' = 'json')";
const EVER: &str = "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY total DESC) AS place FROM (
  SELECT who, SUM(amount) AS total, MAX(amount) AS most, LAST_VALUE(who) AS label FROM orders GROUP BY who)) WHERE place <= 5";
const ROWS: &str = "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY amount DESC) AS place
  FROM (SELECT window_start, window_end, id, who, amount FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' DAY)))) WHERE place <= 5";

fn put(id: u64, who: &str, cents: u64) -> String {
    let value = format!(
        r#"{{"at":"2026-01-23T10:{:02}:00Z","who":"{who}","amount":"{}.{:02}"}}"#,
        id % 60,
        cents / 100,
        cents % 100
    );
    format!(r#"{{"key":{{"id":{id}}},"value":{value}}}"#)
}

/// Every file under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => all.extend(files(&entry.path())),
            false => all.push(entry.path()),
        }
    }
    all
}

/// Whether a file holds a text: of Parquet in any of its cells.
fn holds(path: &Path, text: &str) -> bool {
    let bytes = std::fs::read(path).unwrap_or_default();
    let is_there = |bytes: &[u8]| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    if path.extension().is_none_or(|end| end != "parquet") {
        return is_there(&bytes);
    }
    let file = std::fs::File::open(path).unwrap();
    let reader =
        parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let mut batches = reader.build().unwrap();
    // Also what lies in the arrays as bytes of something else.
    batches.any(|batch| {
        let columns = batch.unwrap().columns().to_vec();
        let mut buffers = columns.iter().flat_map(|c| c.to_data().buffers().to_vec());
        buffers.any(|buffer| is_there(buffer.as_slice()))
    })
}

/// How many rows of a table name the person.
fn rows(bed: &Bed, table: &str) -> i64 {
    block(async {
        let client = connect(bed.postgres()).await;
        let sql = format!("SELECT count(*) FROM {table} WHERE {table}::text LIKE '%{WHO}%'");
        match client.query_one(&sql, &[]).await {
            Ok(row) => row.get(0),
            Err(_) => -1,
        }
    })
}

#[test]
fn who_is_deleted_at_the_source_is_nowhere_but_where_it_is_said() {
    let bed = Bed::new("erasure");
    let queries = bed.path("queries");
    std::fs::create_dir(&queries).unwrap();
    for (name, sql) in [("a_table", TABLE), ("ever", EVER), ("biggest", ROWS)] {
        std::fs::write(queries.join(format!("{name}.sql")), sql).unwrap();
    }
    let bed = bed.queries(queries).file("orders.upsert.ndjson");
    let log = bed.url("log");
    let bed = bed.database().sink(log).state();
    let bed = bed.keep("--dead-letter", "dead").keep("--late", "late");
    let bed = bed.flags(&["--snapshot-interval", "50ms", "--allowed-lateness", "30d"]);
    let mut lines: Vec<String> = (2..40)
        .map(|id| put(id, &format!("other {id}"), id))
        .collect();
    lines.push(put(1, WHO, 99_999));
    // One that does not fit: it is a dead letter with all that it says.
    lines.push(put(1, WHO, 5).replace("0.05", "five"));
    bed.write("orders.upsert.ndjson", &lines);
    let state = bed.path("state");
    let of_person = |files: Vec<PathBuf>| -> Vec<PathBuf> {
        files.into_iter().filter(|path| holds(path, WHO)).collect()
    };

    let run = bed.start(&[]);
    until("the person is ranked, and in a snapshot", PATIENCE, || {
        rows(&bed, "ever") == 1 && rows(&bed, "biggest") == 1 && of_person(files(&state)).len() >= 2
    });
    assert_eq!(run.stop().0, Some(0));
    // A file of changes is this run's, and has what was.
    assert!(bed.read("log").contains(WHO));

    // Deleted at the source. A start writes a whole snapshot, and the last two are kept.
    lines.push(r#"{"key":{"id":1},"value":null}"#.to_owned());
    for round in 0..3 {
        lines.push(put(50 + round, "another", 700 + round));
        bed.write("orders.upsert.ndjson", &lines);
        let before = bed.newest_snapshot();
        let run = bed.start(&[]);
        bed.snapshot_after(before);
        until("the person is ranked no more", PATIENCE, || {
            rows(&bed, "ever") == 0 && rows(&bed, "biggest") == 0
        });
        assert_eq!(run.stop().0, Some(0));
    }
    assert_eq!(of_person(files(&state)), Vec::<PathBuf>::new());

    // A start empties a file of changes; letters are written once, and have what was until they are cut.
    assert!(!bed.read("log").contains(WHO));
    let dead = bed.url("dead");
    let listed = crate::support::standings(&["dead-letter", "list", &dead, "--json"]);
    let listed = { listed }.output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains(WHO), "{listed}");
    assert!(!bed.read("late").contains(WHO));
}
