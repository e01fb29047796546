//! `bench/nexmark`: queries 5, 7, 18 and 19 of Nexmark over bids in JSON, beside reading and decoding the same columns alone.
//!
//! ```text
//! bids.ndjson ──┬──► the query ──► changes ──► the rows that a plain fold has? ──► CPU seconds, memory
//!               └──► its columns, of which no row passes WHERE ──────────────────► the bound
//! ```

mod bids;
mod plainly;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;
use standings_model::time::parse_rfc3339;

use self::bids::Bid;
use self::plainly::Rows;
use crate::harness::measure::{self, Invocation, Took};
use crate::harness::report::Report;
use crate::harness::stats::{grouped, median};
use crate::harness::table::Table;
use crate::harness::{build, place, rounds};
use crate::problem::Problem;

/// Bids a second and core of Nexmark's queries 5, 7, 18 and 19, and the memory that they take, from JSON to a file of changes.
///
/// One worker over one file to its end. What is counted is the CPU time of the whole process, of all its threads. The bound is a
/// run that reads the same file, decodes the columns of the query, and ranks none of it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bench/nexmark                           a million bids, three rounds
  bench/nexmark --bids 10000000 --rounds 5
  bench/nexmark --only q18 --no-build     with the binary that is there")]
pub struct NexmarkArgs {
    /// Bids in the file.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    bids: u64,
    /// Runs of each side.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = rounds::parse)]
    rounds: usize,
    /// One query alone.
    #[arg(long, value_name = "NAME", value_parser = ["q5", "q7", "q18", "q19"])]
    only: Option<String>,
    /// The binary is there.
    #[arg(long)]
    no_build: bool,
    /// The table as Markdown.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

const TABLE: &str = "\
CREATE TABLE bids (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, `dateTime` TIMESTAMP_LTZ(3), extra STRING,
  WATERMARK FOR `dateTime` AS `dateTime` - INTERVAL '4' SECOND);
";

/// A query, and what is known of it.
struct Query {
    name: &'static str,
    what: &'static str,
    sql: &'static str,
    /// What a row must pass that none does, over the columns that it reads.
    bound: &'static str,
    rows: fn(&[Bid]) -> Rows,
    /// What names a row, and the column that is compared.
    names: fn(&Value) -> Option<String>,
    value: &'static str,
}

const QUERIES: [Query; 4] = [
    Query {
        name: "q5",
        what: "auctions with most bids, 10 s every 2 s",
        sql: "SELECT window_start, window_end, auction, num, place FROM (
  SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY num DESC) AS place FROM (
    SELECT window_start, window_end, auction, COUNT(*) AS num
    FROM TABLE(HOP(TABLE bids, DESCRIPTOR(`dateTime`), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
    GROUP BY window_start, window_end, auction))
WHERE place <= 1;",
        bound: "auction < 0",
        rows: plainly::q5,
        names: |change| Some(format!("{} {}", start(change)?, change["row"]["auction"])),
        value: "num",
    },
    Query {
        name: "q7",
        what: "highest bids of each 10 s",
        sql: "SELECT window_start, window_end, auction, bidder, price, extra, place FROM (
  SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY price DESC) AS place
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)))
WHERE place <= 1;",
        bound: "auction < 0 AND bidder < 0 AND price < 0 AND extra = 'x'",
        rows: plainly::q7,
        names: |change| Some(format!("{} {}", start(change)?, row_id(change)?)),
        value: "price",
    },
    Query {
        name: "q18",
        what: "last bid of each bidder in each auction",
        sql: "SELECT auction, bidder, price, channel, url, `dateTime`, extra, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY `dateTime` DESC) AS place FROM bids)
WHERE place <= 1;",
        bound: "auction < 0 AND bidder < 0 AND price < 0 AND channel = 'x' AND url = 'x' AND extra = 'x'",
        rows: plainly::q18,
        names: row_id,
        value: "price",
    },
    Query {
        name: "q19",
        what: "ten highest bids of each auction",
        sql: "SELECT auction, bidder, price, channel, url, `dateTime`, extra, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS place FROM bids)
WHERE place <= 10;",
        bound: "auction < 0 AND bidder < 0 AND price < 0 AND channel = 'x' AND url = 'x' AND extra = 'x'",
        rows: plainly::q19,
        names: row_id,
        value: "price",
    },
];

fn row_id(change: &Value) -> Option<String> {
    change["row"]["row_id"].as_str().map(str::to_owned)
}

fn start(change: &Value) -> Option<i64> {
    parse_rfc3339(change["window_start"].as_str()?.as_bytes())
}

/// What both sides of a query took, round by round.
#[derive(Default)]
struct Side {
    ours: Vec<Took>,
    bound: Vec<Took>,
}

/// Runs `bench/nexmark`.
pub fn run(args: &NexmarkArgs) -> Result<(), Problem> {
    if !args.no_build {
        build::measured(&[])?;
    }
    let (file, all) = bids::file(args.bids, 1)?;
    let is_asked = |q: &&Query| args.only.as_ref().is_none_or(|only| only == q.name);
    let queries: Vec<&Query> = QUERIES.iter().filter(is_asked).collect();
    let mut sides: Vec<Side> = queries.iter().map(|_| Side::default()).collect();
    let mut report = Report::begin();
    for round in 0..args.rounds {
        for at in rounds::order(2 * queries.len(), round) {
            let (query, side) = (queries[at / 2], &mut sides[at / 2]);
            let (of, name) = match at % 2 {
                0 => (&mut side.ours, query.name.to_owned()),
                _ => (&mut side.bound, format!("{}, the bound", query.name)),
            };
            let (took, changes) = one(query, at % 2 == 1, &file)?;
            if at % 2 == 0 {
                agrees(query, &changes, &all)?;
            }
            report.keep(&name, "CPU s", took.cpu);
            report.keep(&name, "memory bytes", took.memory as f64);
            of.push(took);
        }
        eprintln!("round {} of {}", round + 1, args.rounds);
    }
    report.end(&table(&queries, &sides, args.bids), args.out.as_deref())
}

/// A run over the bids to their end: what it took, and its changes.
fn one(query: &Query, is_bound: bool, file: &Path) -> Result<(Took, PathBuf), Problem> {
    let folder = place::work().join("nexmark");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(Problem::file(&folder))?;
    let sql = match is_bound {
        true => format!("SELECT COUNT(*) AS n FROM bids WHERE {};", query.bound),
        false => query.sql.to_owned(),
    };
    let text = format!("{TABLE}INSERT INTO {} {sql}", query.name);
    let at = folder.join("q.sql");
    fs::write(&at, text).map_err(Problem::file(&at))?;
    let changes = place::work().join("nexmark-changes.ndjson");
    let _ = fs::remove_file(&changes);
    let (queries, source, sink) = (
        folder.display().to_string(),
        format!("file:{}", file.display()),
        format!("file:{}", changes.display()),
    );
    let command = Invocation::new(place::standings());
    let command = command.args(["run", "--queries", &queries, "--source", &source]);
    let command = command.args(["--sink", &sink, "--until-end", "-w", "1"]);
    Ok((measure::run(&command)?, changes))
}

/// Whether the rows are those of the plain fold.
fn agrees(query: &Query, changes: &Path, bids: &[Bid]) -> Result<(), Problem> {
    let text = fs::read_to_string(changes).map_err(Problem::file(changes))?;
    let found = plainly::folded(&text, query.names, query.value);
    let found = found.map_err(|what| Problem::said(query.name, what))?;
    let want = (query.rows)(bids);
    let other = |a: &Rows, b: &Rows| {
        a.iter()
            .find(|(k, v)| b.get(*k) != Some(v))
            .map(|r| format!("{r:?}"))
    };
    match (other(&found, &want), other(&want, &found)) {
        (None, None) => Ok(()),
        (more, less) => Err(Problem::Differs(format!(
            "{}: {} rows, {} by the plain fold; not there: {more:?}; missing: {less:?}",
            query.name,
            found.len(),
            want.len()
        ))),
    }
}

fn table(queries: &[&Query], sides: &[Side], bids: u64) -> String {
    let columns = [
        "query",
        "ranks",
        "bids/s and core",
        "CPU s of 1 M",
        "peak MB",
        "bound/s and core",
        "of the bound",
    ];
    let mut table = Table::new(2, &columns);
    for (query, side) in queries.iter().zip(sides) {
        let cpu = |all: &[Took]| median(all.iter().map(|took| took.cpu));
        let (ours, bound) = (cpu(&side.ours), cpu(&side.bound));
        let memory = median(side.ours.iter().map(|took| took.memory as f64));
        let rate = |cpu: f64| grouped(bids as f64 / cpu, 0);
        table.push([
            query.name.to_owned(),
            query.what.to_owned(),
            rate(ours),
            format!("{:.2}", ours * 1e6 / bids as f64),
            grouped(memory / 1e6, 0),
            rate(bound),
            format!("{:.2}", bound / ours),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_query_has_its_line() {
        let queries: Vec<&Query> = QUERIES.iter().collect();
        let took = |cpu| Took {
            cpu,
            memory: 50_000_000,
            ..Took::default()
        };
        let mut sides: Vec<Side> = queries.iter().map(|_| Side::default()).collect();
        for side in &mut sides {
            side.ours = vec![took(2.0), took(3.0), took(2.5)];
            side.bound = vec![took(1.0)];
        }
        let text = table(&queries, &sides, 1_000_000);
        let line = text.lines().find(|l| l.contains("| q18 ")).unwrap();
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        assert_eq!(cells[3..8], ["400,000", "2.50", "50", "1,000,000", "0.40"]);
    }
}
