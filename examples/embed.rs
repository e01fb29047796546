//! Files in, rankings out: the engine as a library.
//!
//! ```text
//! cargo run --release --example embed -- sales-1.ndjson sales-2.csv.gz
//! ```

use std::process::ExitCode;

use standings::embed::{Error, Queries, Row};

/// The best cities of each day, a line each.
pub fn rank(files: &[String]) -> Result<Vec<String>, Error> {
    let queries = Queries::from_dir("queries")?.on_reject(|line| eprintln!("not ranked: {line}"));
    let mut rankings = queries.start()?;
    rankings.read_files(files)?.finish()?;
    let rows = rankings.rows("top_sales_per_city")?;
    Ok(rows.iter().map(line).collect())
}

fn line(row: &Row) -> String {
    let (rank, city) = (row.rank().unwrap_or_default(), row.text("city"));
    format!("{rank:>3} {city:<20} {:>14}", row.text("total_sales"))
}

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    match rank(&files) {
        Ok(lines) => lines.iter().for_each(|line| println!("{line}")),
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
