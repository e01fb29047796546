//! `bench/changes`: tables whose rows change beside one that only grows, from JSON in a file to ranks.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use standings_load::Dice;

use crate::harness::flink;
use crate::harness::forms::{self, Engine, FormsArgs, Side};
use crate::harness::measure::{self, Invocation, Took};
use crate::harness::place;
use crate::problem::Problem;

/// Changes a second beside rows a second: the same lines read as rows that come, as rows that are replaced, and as Debezium says it.
///
/// Half of the lines are of an id that came before, with another amount, or as many as --updates says. Two rankings of a day, of a
/// thousand cities and of twenty thousand sellers, on one worker, into a file that keeps nothing. All rows stay held: it is the
/// dearest case.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bench/changes                           a million lines, seven rounds
  bench/changes --lines 10000000 --rounds 3
  bench/changes --flink --rounds 3        beside Flink SQL
  bench/changes --beside OTHER            in turn with another binary of standings, such as the commit before")]
pub struct ChangesArgs {
    /// Lines of a file.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    lines: u64,
    /// How many of a hundred lines are updates.
    #[arg(long, value_name = "PERCENT", default_value_t = 50, value_parser = clap::value_parser!(u64).range(0..100))]
    updates: u64,
    #[command(flatten)]
    forms: FormsArgs,
}

/// How the lines are read.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Rows,
    Upsert,
    Debezium,
}

const FORMS: [(Form, &str); 3] = [
    (Form::Rows, "rows that come"),
    (Form::Upsert, "upsert"),
    (Form::Debezium, "Debezium, before and after"),
];

/// Runs `bench/changes`.
pub fn run(args: &ChangesArgs) -> Result<(), Problem> {
    args.forms.build()?;
    let (rows, envelopes) = files(args.lines, args.updates)?;
    let queries = FORMS.map(|(form, _)| queries(form));
    let queries = queries.into_iter().collect::<Result<Vec<_>, _>>()?;
    let file = |form| match form {
        Form::Rows | Form::Upsert => rows.as_path(),
        Form::Debezium => envelopes.as_path(),
    };
    if args.forms.with_flink()? {
        for (form, name) in FORMS {
            flink::compare(("changes", name), &statements(form, file(form)), |to| {
                once(&place::standings(), &queries[form as usize], file(form), to)
            })?;
        }
    }
    let once = |side: &Side<Form>| match &side.engine {
        Engine::Flink => flink::job("changes", &statements(side.form, file(side.form))),
        Engine::Standings(binary) => {
            let queries = &queries[side.form as usize];
            once(binary, queries, file(side.form), Path::new("/dev/null"))
        }
    };
    let table = |sides: &[Side<Form>]| table(sides, args.lines);
    args.forms.run(&FORMS, once, table)
}

/// A run over a file, to its end, into another.
fn once(binary: &Path, queries: &Path, file: &Path, to: &Path) -> Result<Took, Problem> {
    let sink = format!("file:{}", to.display());
    let source = format!("sales=file:{}", file.display());
    let queries = queries.display().to_string();
    let run = ["run", "--queries", &queries, "--source", &source];
    let command = Invocation::new(binary).args(run);
    let command = command.args(["--sink", &sink, "--until-end", "-w", "1"]);
    measure::run(&command)
}

/// Each side's figures, beside rows that come.
fn table(sides: &[Side<Form>], lines: u64) -> String {
    let columns = ["lines are", "a second", "of rows that come"];
    forms::table(sides, lines, &Form::Rows, columns)
}

/// The table and two rankings, in a folder of their own.
fn queries(form: Form) -> Result<PathBuf, Problem> {
    let (name, with) = match form {
        Form::Rows => ("rows", "'format' = 'json'"),
        Form::Upsert => ("upsert", "'format' = 'json', 'changelog' = 'upsert'"),
        Form::Debezium => ("debezium", "'format' = 'debezium-json'"),
    };
    let folder = place::work().join("changes").join(name);
    fs::create_dir_all(&folder).map_err(Problem::file(&folder))?;
    let table = format!(
        "CREATE TABLE sales (id BIGINT, at TIMESTAMP_LTZ(3), city STRING, seller STRING, amount DECIMAL(12, 2),
  PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR at AS at) WITH ({with});\n"
    );
    let best = |key: &str| {
        format!(
            "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place
FROM (SELECT window_start, window_end, {key}, SUM(amount) AS total, COUNT(*) AS n
FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(at), INTERVAL '1' DAY)) GROUP BY window_start, window_end, {key})) WHERE place <= 10;\n"
        )
    };
    let files = [
        ("a_table", table),
        ("cities", best("city")),
        ("sellers", best("seller")),
    ];
    for (name, text) in files {
        let path = folder.join(format!("{name}.sql"));
        fs::write(&path, text).map_err(Problem::file(&path))?;
    }
    Ok(folder)
}

/// The same for Flink SQL, which has no windows over rows that change: the day is a key. An upsert is its deduplication, the last
/// row of each key as it comes.
fn statements(form: Form, file: &Path) -> String {
    let columns = "id BIGINT, `at` BIGINT, city STRING, seller STRING, amount DECIMAL(12, 2), ts AS TO_TIMESTAMP_LTZ(`at`, 3)";
    let (more, format) = match form {
        Form::Rows => ("", "'format' = 'json'"),
        Form::Upsert => (", came AS PROCTIME()", "'format' = 'json'"),
        Form::Debezium => (
            ", PRIMARY KEY (id) NOT ENFORCED",
            "'format' = 'debezium-json'",
        ),
    };
    let live = match form {
        Form::Upsert => {
            "(SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY came DESC) AS newest FROM sales) WHERE newest = 1)"
        }
        Form::Rows | Form::Debezium => "sales",
    };
    let best = |name: &str, key: &str| {
        let rows = format!(
            "SELECT FLOOR(CAST(ts AS TIMESTAMP(3)) TO DAY) AS window_start, {key}, amount FROM {live}"
        );
        flink::best(name, key, &rows)
    };
    let table = flink::table("sales", &format!("{columns}{more}"), file, format);
    [table, best("cities", "city"), best("sellers", "seller")].concat()
}

/// The lines as rows, and as Debezium's envelopes. Made once.
fn files(lines: u64, updates: u64) -> Result<(PathBuf, PathBuf), Problem> {
    let folder = place::work();
    fs::create_dir_all(&folder).map_err(Problem::file(&folder))?;
    let path = |name| folder.join(format!("changes-{lines}-{updates}-{name}.ndjson"));
    let (rows, envelopes) = (path("rows"), path("debezium"));
    if !envelopes.exists() || !rows.exists() {
        make(&rows, &envelopes, lines, updates)?;
    }
    Ok((rows, envelopes))
}

fn make(rows: &Path, envelopes: &Path, lines: u64, updates: u64) -> Result<(), Problem> {
    let create = |path: &Path| {
        let file = File::create(path).map_err(Problem::file(path))?;
        Ok::<_, Problem>(BufWriter::with_capacity(1 << 20, file))
    };
    let part = envelopes.with_extension("part");
    let (mut flat, mut wrapped) = (create(rows)?, create(&part)?);
    let mut dice = Dice::new(lines);
    let mut cents: Vec<u64> = Vec::new();
    for line in 0..lines {
        let is_update = !cents.is_empty() && dice.below(100) < updates;
        let id = match is_update {
            true => dice.below(cents.len() as u64),
            false => cents.len() as u64,
        };
        let now = 1 + dice.below(100_000);
        let row = |cents: u64| row(id, cents);
        writeln!(flat, "{}", row(now)).map_err(Problem::file(rows))?;
        let (before, op) = match cents.get(id as usize) {
            Some(before) => (row(*before), 'u'),
            None => ("null".to_owned(), 'c'),
        };
        let ts = 1_767_225_600_000 + line / 100;
        let after = row(now);
        writeln!(
            wrapped,
            r#"{{"before":{before},"after":{after},"source":{{"ts_ms":{ts},"table":"sales"}},"op":"{op}","ts_ms":{ts}}}"#
        )
        .map_err(Problem::file(&part))?;
        match is_update {
            true => cents[id as usize] = now,
            false => cents.push(now),
        }
    }
    flat.flush().map_err(Problem::file(rows))?;
    wrapped.flush().map_err(Problem::file(&part))?;
    fs::rename(&part, envelopes).map_err(Problem::file(envelopes))
}

/// A sale. All that is not its amount is its id's; all are of one day.
fn row(id: u64, cents: u64) -> String {
    let time = 1_767_225_600_000 + id % 80_000_000;
    let city = id.wrapping_mul(2_654_435_761) % 1_000;
    let seller = id.wrapping_mul(40_503) % 20_000;
    let (whole, rest) = (cents / 100, cents % 100);
    format!(
        r#"{{"id":{id},"at":{time},"city":"city-{city:04}","seller":"seller-{seller:05}","amount":"{whole}.{rest:02}"}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_compared_with_rows_that_come() {
        let side = |form, name, seconds| Side {
            form,
            name,
            engine: Engine::Standings(PathBuf::new()),
            shown: "this".to_owned(),
            took: vec![
                Took {
                    seconds,
                    cpu: 2.0 * seconds,
                    memory: 3 << 20,
                    text: String::new(),
                };
                3
            ],
        };
        let sides = [
            side(Form::Rows, "rows that come", 1.0),
            side(Form::Upsert, "upsert", 2.0),
        ];
        let text = table(&sides, 1_000_000);
        let line = text.lines().find(|l| l.contains("upsert")).unwrap();
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        assert_eq!(cells[3..7], ["500,000", "0.50", "0.50", "3"]);
    }

    #[test]
    fn half_of_the_lines_are_updates_of_rows_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let (rows, envelopes) = (folder.path().join("rows"), folder.path().join("d.ndjson"));
        make(&rows, &envelopes, 1_000, 50).unwrap();
        let text = fs::read_to_string(&envelopes).unwrap();
        let mut held = std::collections::BTreeMap::new();
        let mut updates = 0;
        for line in text.lines() {
            let change: serde_json::Value = serde_json::from_str(line).unwrap();
            let id = change["after"]["id"].as_u64().unwrap();
            let before = held.insert(id, change["after"].clone());
            assert_eq!(before.unwrap_or_default(), change["before"]);
            updates += u64::from(change["op"] == "u");
        }
        assert_eq!(fs::read_to_string(&rows).unwrap().lines().count(), 1_000);
        assert!((430..570).contains(&updates), "{updates}");
    }
}
