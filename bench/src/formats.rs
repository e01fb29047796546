//! `bench/formats`: the same sales in files of every kind, from their bytes to ranks, beside DuckDB adding them up.
//!
//! ```text
//! bench/peers/duckdb/run make ──► sales.ndjson .csv .parquet .avro … ──┬──► standings run --until-end ──► ranks
//!                                                                      └──► DuckDB, one thread ────────► sums
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use crate::harness::measure::{self, Invocation, said};
use crate::harness::report::Report;
use crate::harness::stats::{grouped, median};
use crate::harness::table::Table;
use crate::harness::{build, place, rounds};
use crate::problem::Problem;

/// Records a second of each format, beside DuckDB reading the same file at one thread.
///
/// One ranking of a day by a thousand cities, on one worker, into a file of changes; DuckDB's sums of the same, which must come
/// to the same. What is ours is the whole process, from its start to its end; what is DuckDB's is the query alone.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bench/formats                           a million sales, five rounds
  bench/formats --lines 10000000 --rounds 3
  bench/formats --no-build                with the binary that is there")]
pub struct FormatsArgs {
    /// Sales in each file.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    lines: u64,
    /// Runs of each side.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = rounds::parse)]
    rounds: usize,
    /// The binary is there.
    #[arg(long)]
    no_build: bool,
    /// The table as Markdown.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Files, what they are called, and whether DuckDB reads them.
const FILES: [(&str, &str, bool); 9] = [
    ("sales.ndjson", "JSON", true),
    ("sales.ndjson.gz", "JSON, gzip", true),
    ("sales.ndjson.zst", "JSON, zstd", true),
    ("sales.csv", "CSV", true),
    ("sales.csv.gz", "CSV, gzip", true),
    ("sales.snappy.parquet", "Parquet, snappy", true),
    ("sales.zstd.parquet", "Parquet, zstd", true),
    ("sales.null.avro", "Avro", false),
    ("sales.deflate.avro", "Avro, deflate", false),
];

const QUERIES: &str = "\
CREATE TABLE sales (id BIGINT, `at` TIMESTAMP_LTZ(3), city STRING, seller STRING, amount DECIMAL(12, 2), WATERMARK FOR `at` AS `at`);
INSERT INTO cities
SELECT window_start, window_end, city, total, n, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, city, SUM(amount) AS total, COUNT(*) AS n
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(`at`), INTERVAL '1' DAY)) GROUP BY window_start, window_end, city))
WHERE place <= 1000;
";

/// Of one file: seconds of each run.
#[derive(Default)]
struct Side {
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

/// What DuckDB came to.
#[derive(Deserialize)]
struct Sums {
    seconds: f64,
    cents: i128,
}

/// Runs `bench/formats`.
pub fn run(args: &FormatsArgs) -> Result<(), Problem> {
    if !args.no_build {
        build::measured(&[])?;
    }
    let peer = place::root().join("bench/peers/duckdb");
    said(&Invocation::new(peer.join("setup")))?;
    let peer = peer.join("run");
    let folder = place::work().join(format!("formats-{}", args.lines));
    let (lines, into) = (args.lines.to_string(), folder.display().to_string());
    said(&Invocation::new(&peer).args(["make", "--lines", &lines, "--folder", &into]))?;
    let queries = folder.join("queries");
    fs::create_dir_all(&queries).map_err(Problem::file(&queries))?;
    let sql = queries.join("cities.sql");
    fs::write(&sql, QUERIES).map_err(Problem::file(&sql))?;
    let mut sides: Vec<Side> = FILES.iter().map(|_| Side::default()).collect();
    let mut report = Report::begin();
    for round in 0..args.rounds {
        for at in rounds::order(FILES.len(), round) {
            let (file, name, is_read) = FILES[at];
            let file = folder.join(file);
            let (seconds, cents) = ours(&queries, &file)?;
            report.keep(&format!("{name}, standings"), "s", seconds);
            sides[at].ours.push(seconds);
            if is_read {
                let sums = theirs(&peer, &file)?;
                if sums.cents != cents {
                    let text = format!("{cents} cents, and DuckDB {}", sums.cents);
                    return Err(Problem::said(name, text));
                }
                report.keep(&format!("{name}, DuckDB"), "s", sums.seconds);
                sides[at].theirs.push(sums.seconds);
            }
        }
        eprintln!("round {} of {}", round + 1, args.rounds);
    }
    report.end(&table(&sides, args.lines), args.out.as_deref())
}

/// A run over a file to its end: its seconds, and what all its final rows come to.
fn ours(queries: &Path, file: &Path) -> Result<(f64, i128), Problem> {
    let changes = place::work().join("formats-changes.ndjson");
    let _ = fs::remove_file(&changes);
    let (queries, source) = (
        queries.display().to_string(),
        format!("file:{}", file.display()),
    );
    let sink = format!("file:{}", changes.display());
    let run = ["run", "--queries", &queries, "--source", &source];
    let command = Invocation::new(place::standings()).args(run);
    let command = command.args(["--sink", &sink, "--until-end", "-w", "1"]);
    let took = measure::run(&command)?;
    let text = fs::read_to_string(&changes).map_err(Problem::file(&changes))?;
    Ok((took.seconds, final_cents(&text)))
}

/// What the final rows of changes come to.
fn final_cents(changes: &str) -> i128 {
    let rows = changes
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let last = rows.filter(|change| change["final"] == true);
    let totals = last.filter_map(|change| {
        let total = change["row"]["total"].as_str()?.replace('.', "");
        total.parse::<i128>().ok()
    });
    totals.sum()
}

fn theirs(peer: &Path, file: &Path) -> Result<Sums, Problem> {
    let file = file.display().to_string();
    let took = measure::run(&Invocation::new(peer).args(["sum", &file]))?;
    let last = took.text.trim().lines().last().unwrap_or_default();
    let wrong = |e| Problem::said("duckdb", format!("its last line is {last:?}: {e}"));
    serde_json::from_str(last).map_err(wrong)
}

fn table(sides: &[Side], lines: u64) -> String {
    let mut table = Table::new(1, &["a file of", "a second", "DuckDB", "of DuckDB"]);
    for (side, (_, name, _)) in sides.iter().zip(FILES) {
        let a_second = |seconds: &[f64]| lines as f64 / median(seconds.iter().copied());
        let ours = a_second(&side.ours);
        let (theirs, of) = match side.theirs.is_empty() {
            true => ("–".to_owned(), "–".to_owned()),
            false => {
                let theirs = a_second(&side.theirs);
                (grouped(theirs, 0), format!("{:.2}", ours / theirs))
            }
        };
        table.push([name.to_owned(), grouped(ours, 0), theirs, of]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_its_line() {
        let mut sides: Vec<Side> = FILES.iter().map(|_| Side::default()).collect();
        for side in &mut sides {
            side.ours = vec![1.0, 2.0, 4.0];
        }
        sides[0].theirs = vec![1.0, 1.0, 1.0];
        let text = table(&sides, 1_000_000);
        let line = |name: &str| {
            let found = text.lines().find(|l| l.contains(&format!(" {name} ")));
            let cells = found.unwrap().split('|').map(str::trim);
            cells.skip(2).take(3).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(line("JSON"), ["500,000", "1,000,000", "0.50"]);
        assert_eq!(line("Avro"), ["500,000", "–", "–"]);
    }

    #[test]
    fn only_final_rows_are_added_up() {
        let change = |total: &str, is_final: bool| {
            format!(r#"{{"row":{{"total":"{total}"}},"final":{is_final}}}"#)
        };
        let text = [
            change("1.50", false),
            change("2.05", true),
            change("-0.01", true),
        ]
        .join("\n");
        assert_eq!(final_cents(&text), 204);
    }
}
