//! Flink SQL over the files that ours reads: `bench/peers/flink/job`.
//!
//! ```text
//! statements ──► a file of SQL ──► job, a mini cluster in one JVM ──► seconds of the job alone, CPU and memory of the process
//!                                                                └──► the last row of each place
//! ```
//!
//! What is compared is the same ranks: before anything is timed, both sides run once, and the rows of each place must be equal.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::measure::{self, Invocation, Took, said};
use super::peer::Said;
use super::place;
use crate::problem::Problem;

/// What it is called in a table.
pub const NAME: &str = "Flink SQL";

/// Of each ranking, window and place its total and count.
type Places = BTreeMap<String, String>;

fn folder() -> PathBuf {
    place::root().join("bench/peers/flink")
}

/// Fetches and compiles what is not there yet.
pub fn setup() -> Result<(), Problem> {
    said(&Invocation::new(folder().join("setup")))?;
    Ok(())
}

/// A table of a file of this checkout's benches, in Flink's words.
pub fn table(name: &str, columns: &str, file: &Path, format: &str) -> String {
    let path = file.display().to_string().replace('\'', "''");
    format!(
        "CREATE TABLE {name} ({columns}) WITH ('connector' = 'filesystem', 'path' = 'file://{path}', {format});\n"
    )
}

/// The first ten of each window by their total, ranks as rows arrive, into a table of that name. `rows`: what has the columns
/// `window_start`, `amount` and the key.
pub fn best(name: &str, key: &str, rows: &str) -> String {
    format!(
        "CREATE TABLE {name} (window_start TIMESTAMP(3), {key} STRING, total DECIMAL(38, 2), n BIGINT, place BIGINT,
  PRIMARY KEY (window_start, place) NOT ENFORCED) WITH ('connector' = 'keeping', 'keep' = 'true');
INSERT INTO {name} SELECT window_start, {key}, total, n, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start ORDER BY total DESC) AS place FROM (
    SELECT window_start, {key}, SUM(amount) AS total, COUNT(*) AS n FROM ({rows}) GROUP BY window_start, {key}))
WHERE place <= 10;\n"
    )
}

/// Runs statements to their end on one worker. Its seconds are those of the job, without the start of the JVM and of the cluster.
pub fn job(name: &str, sql: &str) -> Result<Took, Problem> {
    let took = measure::run(&invocation(name, sql)?.args(["--out", &out(name)]))?;
    let said = Said::of(NAME, &took.text)?;
    Ok(Took {
        seconds: said.seconds,
        ..took
    })
}

fn out(name: &str) -> String {
    let out = place::work().join("flink").join(format!("{name}.rows"));
    out.display().to_string()
}

fn invocation(name: &str, sql: &str) -> Result<Invocation, Problem> {
    let into = place::work().join("flink");
    fs::create_dir_all(&into).map_err(Problem::file(&into))?;
    let file = into.join(format!("{name}.sql"));
    fs::write(&file, sql).map_err(Problem::file(&file))?;
    let job = Invocation::new(folder().join("job"));
    // Its log, of a mini cluster's beginnings and ends, is not ours to show.
    let job = job.errors_to(&into.join(format!("{name}.log")));
    Ok(job.args([file.display().to_string()]))
}

/// What the last [`job`] of this name came to.
fn places(name: &str) -> Result<Places, Problem> {
    let out = PathBuf::from(out(name));
    let text = fs::read_to_string(&out).map_err(Problem::file(&out))?;
    let rows = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let place = |row: &Value| {
        let cell = |at: usize| row["row"][at].as_str();
        let at = format!("{} {} {}", row["table"].as_str()?, cell(0)?, cell(4)?);
        Some((at, format!("{} {}", cell(2)?, cell(3)?)))
    };
    Ok(rows.filter_map(|row| place(&row)).collect())
}

/// The same of our changes. Rankings of ten never become shorter: what leaves a place makes way for another.
fn places_of_changes(changes: &str) -> Places {
    let changes = changes
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let place = |change: &Value| {
        let start = change["window_start"].as_str()?.trim_end_matches('Z');
        let at = format!(
            "{} {start} {}",
            change["ranking"].as_str()?,
            change["rank"].as_u64()?
        );
        let row = &change["row"];
        Some((at, format!("{} {}", row["total"].as_str()?, row["n"])))
    };
    changes.filter_map(|change| place(&change)).collect()
}

/// Runs a job of Flink SQL, and ours, which writes its changes into the file that it is given: both must come to the same.
pub fn compare(
    (job_name, what): (&str, &str),
    sql: &str,
    ours: impl FnOnce(&Path) -> Result<Took, Problem>,
) -> Result<(), Problem> {
    job(job_name, sql)?;
    let changes = place::work().join(format!("{job_name}.ndjson"));
    ours(&changes)?;
    let text = fs::read_to_string(&changes).map_err(Problem::file(&changes))?;
    agree(what, &places_of_changes(&text), &places(job_name)?)
}

/// Whether both came to the same.
fn agree(what: &str, ours: &Places, theirs: &Places) -> Result<(), Problem> {
    let other = ours.iter().find(|(at, row)| theirs.get(*at) != Some(row));
    match other {
        None if ours.len() == theirs.len() && !ours.is_empty() => Ok(()),
        other => Err(Problem::Differs(format!(
            "{what}: {} places, {} by {NAME}; the first that differs: {other:?}",
            ours.len(),
            theirs.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_row_of_a_place_counts_and_another_is_told() {
        let change = |rank: u32, total: &str| {
            format!(
                r#"{{"ranking":"best","window_start":"2026-01-01T00:00:00Z","rank":{rank},"row":{{"total":"{total}","n":3}}}}"#
            )
        };
        let text = [change(1, "5.00"), change(2, "4.00"), change(1, "6.00")].join("\n");
        let ours = places_of_changes(&text);
        let want = [("1", "6.00 3"), ("2", "4.00 3")];
        let mut theirs: Places = want
            .map(|(rank, row)| (format!("best 2026-01-01T00:00:00 {rank}"), row.to_owned()))
            .into();
        agree("it", &ours, &theirs).unwrap();
        theirs.insert("best 2026-01-01T00:00:00 2".to_owned(), "4.01 3".to_owned());
        assert!(agree("it", &ours, &theirs).is_err());
        assert!(agree("nothing", &Places::new(), &Places::new()).is_err());
    }
}
