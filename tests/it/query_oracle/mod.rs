//! Queries beside the real Postgres: made up at random, run by the binary over rows made up at random, and asked of Postgres over the
//! same rows.
//!
//! ```text
//! dice ─► rows ─┬─► the binary: some thirty rankings in one run ─► its changes, folded ─┐
//!         query ┴─► Postgres, query by query ───────────────────────────────────────────┴─► the same rows?
//! ```
//!
//! `STANDINGS_FUZZ_SEED` begins elsewhere, `STANDINGS_FUZZ_QUERIES` goes on until so many were compared.

mod maker;
mod rows;

use std::path::Path;
use std::time::{Duration, Instant};

use standings_commit::change_log::fold_log;
use standings_model::plan::{Field, Plan};
use standings_model::value::Value;

pub(crate) use self::maker::Made;
use self::maker::Maker;
use crate::support::Dice;
use crate::support::kafka::block;
use crate::support::postgres::{connect, database};
use crate::support::standings;

/// Rankings of one run.
const TOGETHER: usize = 30;

/// A row: bounds in milliseconds, rank, the columns as texts.
pub(crate) type Row = (Option<i64>, Option<i64>, Option<i64>, Vec<String>);

/// Numbers without zeros at their end.
fn plain(text: &str) -> String {
    match text.contains('.') {
        true => {
            let text = text.trim_end_matches('0').trim_end_matches('.');
            if text == "-0" { "0" } else { text }.to_owned()
        }
        false => text.to_owned(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Decimal(_) => plain(&value.to_string()),
        Value::Null => "NULL".to_owned(),
        other => other.to_string(),
    }
}

/// What the binary makes of them over tables, whose lines are in `files`; by query, in an order.
pub(crate) fn run(
    folder: &Path,
    tables: &str,
    files: &[(&str, &str)],
    all: &[Made],
    about: &str,
) -> Vec<Vec<Row>> {
    let queries = folder.join("queries");
    let _ = std::fs::remove_dir_all(&queries);
    std::fs::create_dir(&queries).unwrap();
    let statements = all.iter().enumerate();
    let statements = statements.map(|(n, made)| format!("INSERT INTO q{n} {};\n", made.ours));
    let text = tables.to_owned() + &statements.collect::<String>();
    std::fs::write(queries.join("q.sql"), &text).unwrap();
    let at = |name: &str| format!("file:{}", folder.join(name).display());
    for name in ["changes", "dead"] {
        let _ = std::fs::remove_file(folder.join(name));
    }
    // One to three, by nothing in particular.
    let workers = (1 + text.len() % 3).to_string();
    let mut run = standings(&["run", "--until-end", "-w", &workers]);
    run.arg("--queries").arg(&queries);
    run.args(["--sink", &at("changes"), "--dead-letter", &at("dead")]);
    let plan = standings_query::load_dir(&queries);
    let plan: Plan = plan.unwrap_or_else(|e| panic!("{about}\n{}", e.render()));
    for (table, lines) in files {
        let file = format!("{table}.ndjson");
        std::fs::write(folder.join(&file), lines).unwrap();
        if plan.table(table).is_some() {
            run.args(["--source", &format!("{table}={}", at(&file))]);
        }
    }
    let out = run.output().unwrap();
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{about}\n{log}\n{text}");
    let dead = std::fs::read_to_string(folder.join("dead")).unwrap_or_default();
    assert!(dead.is_empty(), "{about}\n{dead}\n{text}");
    let log = std::fs::read(folder.join("changes")).unwrap();
    rows_of(&plan, &log, all)
}

/// The rows that a log of changes comes to.
fn rows_of(plan: &Plan, log: &[u8], all: &[Made]) -> Vec<Vec<Row>> {
    let folded = fold_log(plan, log).unwrap();
    let mut found: Vec<Vec<Row>> = vec![Vec::new(); all.len()];
    for row in &folded.rows {
        let ranking = &plan.rankings[row.ranking];
        let number: usize = ranking.name[1..].parse().unwrap();
        let made = &all[number];
        let value = |column: &String| {
            let mut fields = ranking.fields.iter();
            let field = fields.find(|f| ranking.field_name(**f) == column);
            match *field.unwrap_or_else(|| panic!("no {column} in {}", made.ours)) {
                Field::Key(i) => shown(&row.key[i]),
                Field::Measure(i) => shown(&row.measures[i]),
            }
        };
        let bounds = row.bounds().shown().filter(|_| made.windowed);
        let rank = made.rank.as_ref().map(|_| row.rank as i64);
        found[number].push((
            bounds.map(|b| b.start),
            bounds.map(|b| b.end),
            rank,
            made.columns.iter().map(value).collect(),
        ));
    }
    found.iter_mut().for_each(|rows| rows.sort());
    found
}

/// What Postgres is asked.
fn question(made: &Made) -> String {
    let bound = |name: &str| match made.windowed {
        true => format!("(extract(epoch FROM {name}) * 1000)::bigint"),
        false => "NULL::bigint".to_owned(),
    };
    let rank = match &made.rank {
        Some(rank) => format!("{rank}::bigint"),
        None => "NULL::bigint".to_owned(),
    };
    let columns: String = made
        .columns
        .iter()
        .map(|c| format!(", {c}::text"))
        .collect();
    format!(
        "SELECT {}, {}, {rank}{columns} FROM ({}) AS z",
        bound("window_start"),
        bound("window_end"),
        made.theirs
    )
}

/// What Postgres says, in the same order.
pub(crate) async fn asked(client: &tokio_postgres::Client, made: &Made, about: &str) -> Vec<Row> {
    let question = question(made);
    let answer = client.query(&question, &[]).await;
    let answer = answer.unwrap_or_else(|e| panic!("{about}: {e:?}\n{question}"));
    let read = |row: &tokio_postgres::Row| -> Row {
        let text = |n: usize| {
            let text: Option<String> = row.get(3 + n);
            text.map_or_else(|| "NULL".to_owned(), |t| plain(&t))
        };
        let columns = (0..made.columns.len()).map(text);
        (row.get(0), row.get(1), row.get(2), columns.collect())
    };
    let mut all: Vec<Row> = answer.iter().map(read).collect();
    all.sort();
    all
}

#[test]
fn random_queries_are_what_postgres_says() {
    let read = |name: &str| std::env::var(name).ok().map(|n| n.parse::<u64>().unwrap());
    let first = read("STANDINGS_FUZZ_SEED").unwrap_or(1);
    let wanted = read("STANDINGS_FUZZ_QUERIES").unwrap_or(150);
    let (url, folder) = (database(), tempfile::tempdir().unwrap());
    let (began, mut compared, mut rows_seen, mut empty) = (Instant::now(), 0, 0, 0);
    let mut seed = first;
    while compared < wanted || (began.elapsed() < Duration::from_secs(8) && wanted == 150) {
        let mut dice = Dice::new(seed);
        let given = rows::made(&mut dice);
        let mut maker = Maker { dice };
        let all: Vec<Made> = (0..TOGETHER).map(|_| maker.any()).collect();
        let about = format!("STANDINGS_FUZZ_SEED={seed}");
        let files = [("t", given.t.as_str()), ("u", given.u.as_str())];
        let found = run(folder.path(), rows::OURS, &files, &all, &about);
        block(async {
            let client = connect(&url).await;
            let fresh = "DROP VIEW IF EXISTS both_of_them, tagged; DROP TABLE IF EXISTS t, u;";
            let set_up = format!("{fresh}{}", given.theirs);
            client.batch_execute(&set_up).await.unwrap();
            for (made, ours) in all.iter().zip(found) {
                let theirs = asked(&client, made, &about).await;
                let columns = &made.columns;
                assert!(
                    ours == theirs,
                    "{about}\nours    {}\ntheirs  {}\n{columns:?}\nonly ours {:?}\nonly theirs {:?}",
                    made.ours,
                    made.theirs,
                    ours.iter()
                        .filter(|r| !theirs.contains(r))
                        .collect::<Vec<_>>(),
                    theirs
                        .iter()
                        .filter(|r| !ours.contains(r))
                        .collect::<Vec<_>>(),
                );
                compared += 1;
                rows_seen += ours.len();
                empty += u64::from(ours.is_empty());
            }
        });
        seed += 1;
    }
    println!(
        "{compared} queries alike, {rows_seen} rows, {empty} queries without any, seeds {first} to {}",
        seed - 1
    );
    assert!(empty * 4 < compared, "{empty} of {compared} have no row");
}
