//! Small folders of tables, queries and input (`tests/cases`), each run to its end: the rows it comes to, its dead letters and
//! late records are those of its `expected.txt`, which was written by hand from the input and is held line by line.
//!
//! ```text
//! cases/NAME/queries/*.sql            cases/NAME/flags (one argument a line)
//! cases/NAME/input.TABLE.ndjson  ───► run ───► cases/NAME/expected.txt
//! ```
//!
//! Of tables that change it says of late halves which they are and of which windows, and what became of all records.
//!
//! A new case: write its input and the rows that you expect; `STANDINGS_UPDATE_CASES=1` writes what came out over it, to be
//! compared.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use standings_commit::change_log::fold_log;
use standings_model::json::push_value;
use standings_model::plan::{Field, Ranking};
use standings_model::time::format_rfc3339;
use standings_model::window::Bounds;

use crate::support::standings;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    all.sort();
    all
}

/// `input.TABLE.ndjson`, `input.TABLE.0.csv`: the table, and the file.
fn inputs(case: &Path) -> Vec<(String, PathBuf)> {
    let files = std::fs::read_dir(case).unwrap().map(|e| e.unwrap().path());
    let named = files.filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        let rest = name.strip_prefix("input.")?;
        let table = rest.split('.').next()?.to_owned();
        Some((table, path))
    });
    let mut all: Vec<_> = named.collect();
    all.sort();
    all
}

/// A window: its start, and its end where its length does not say it.
fn window(ranking: &Ranking, bounds: Bounds) -> String {
    let Some(Bounds { start, end }) = bounds.shown() else {
        return "all".to_owned();
    };
    let size = ranking.window.size();
    match end - start == size.about() && !size.is_calendar() {
        true => format_rfc3339(start),
        false => format!("{}/{}", format_rfc3339(start), format_rfc3339(end)),
    }
}

/// What a case comes to, a line each: rows in order, then dead letters, then late records.
fn comes_to(case: &Path, workers: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| format!("file:{}", folder.path().join(name).display());
    let queries = case.join("queries");
    let mut run = standings(&["run", "--until-end", "-w", workers]);
    run.arg("--queries").arg(&queries);
    run.args([
        "--sink",
        &at("changes"),
        "--dead-letter",
        &at("dead"),
        "--late",
        &at("late"),
    ]);
    let plan = standings_query::load_dir(&queries).unwrap();
    for (table, path) in inputs(case) {
        // A table that says itself where its records are.
        let of = plan.tables.iter().find(|t| t.name == table);
        let flag = match of.is_some_and(|t| t.connector.is_some()) {
            true => "--source-override",
            false => "--source",
        };
        run.args([flag, &format!("{table}=file:{}", path.display())]);
    }
    run.args([
        "--report",
        &folder.path().join("report").display().to_string(),
    ]);
    if let Ok(flags) = std::fs::read_to_string(case.join("flags")) {
        run.args(flags.lines());
    }
    let out = run.output().unwrap();
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{}: {log}", case.display());
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap_or_default();

    let mut rows = fold_log(&plan, &read("changes")).unwrap().rows;
    rows.sort_by_key(|row| (row.ranking, row.window_start, row.rank));
    let mut text = String::new();
    for row in &rows {
        let ranking = &plan.rankings[row.ranking];
        let name = &ranking.name;
        write!(
            text,
            "{name} {} {}",
            window(ranking, row.bounds()),
            row.rank
        )
        .unwrap();
        for field in &ranking.fields {
            let value = match *field {
                Field::Key(i) => &row.key[i],
                Field::Measure(i) => &row.measures[i],
            };
            let mut shown = Vec::new();
            push_value(&mut shown, value);
            let shown = String::from_utf8(shown).unwrap();
            write!(text, " {}={shown}", ranking.field_name(*field)).unwrap();
        }
        text.push('\n');
        let is_always = ranking.window.is_always();
        assert!(row.is_final != is_always, "{}", case.display());
    }
    let lines = |name: &str| -> Vec<serde_json::Value> {
        let text = String::from_utf8(read(name)).unwrap();
        let mut lines: Vec<serde_json::Value> = text
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        lines.sort_by_key(|l| {
            (
                l["partition"].as_u64(),
                l["offset"].as_u64(),
                // A change takes back before it adds.
                std::cmp::Reverse(l["change"].to_string()),
                l["detail"].to_string(),
            )
        });
        lines
    };
    for letter in lines("dead") {
        let word = |name: &str| letter[name].as_str().unwrap_or_default().to_owned();
        let (offset, table) = (&letter["offset"], word("table"));
        writeln!(
            text,
            "dead {table} {offset} {}: {}",
            word("reason"),
            word("detail")
        )
        .unwrap();
    }
    for late in lines("late") {
        write!(text, "late {} {}", late["table"], late["offset"]).unwrap();
        if let Some(half) = late["change"].as_str() {
            write!(text, " of partition {}: {half}", late["partition"]).unwrap();
            let windows = late["windows"].as_array().unwrap();
            let word = |w: &serde_json::Value, name: &str| w[name].as_str().unwrap().to_owned();
            let mut windows: Vec<String> = windows
                .iter()
                .map(|w| format!(" {} {}", word(w, "ranking"), word(w, "window_start")))
                .collect();
            windows.sort();
            text.push_str(&windows.concat());
        }
        text.push('\n');
    }
    let report: serde_json::Value = serde_json::from_slice(&read("report")).unwrap();
    for (_, table) in plan.read().filter(|(_, t)| t.changes()) {
        let counts = report["tables"][&table.name].as_object().unwrap();
        let some = counts.iter().filter(|(_, n)| **n != 0);
        let some: String = some.map(|(name, n)| format!(" {name} {n}")).collect();
        writeln!(text, "counts {}{some}", table.name).unwrap();
    }
    text
}

#[test]
fn every_case_comes_to_what_it_says() {
    let update = std::env::var_os("STANDINGS_UPDATE_CASES").is_some();
    let all = cases();
    assert!(all.len() >= 10);
    for case in all {
        let found = comes_to(&case, "1");
        let path = case.join("expected.txt");
        if update {
            std::fs::write(&path, &found).unwrap();
        }
        let want = std::fs::read_to_string(&path).unwrap();
        assert_eq!(found, want, "{}", case.display());
        // Whatever the workers.
        assert_eq!(
            comes_to(&case, "3"),
            want,
            "{} with three workers",
            case.display()
        );
    }
}

/// The README's own ranking is `examples/orders`, and comes to what it says.
#[test]
fn the_ranking_of_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("examples/orders");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    for name in ["orders", "countries"] {
        let file = folder.join(format!("queries/{name}.sql"));
        let sql = std::fs::read_to_string(file).unwrap();
        assert!(readme.contains(&format!("```sql\n{sql}```")), "{name}.sql");
    }
    let mut run = standings(&["run", "--until-end", "--sink", "stdout"]);
    run.arg("--queries").arg(folder.join("queries"));
    let orders = folder.join("orders.csv");
    run.args(["--source", &format!("file:{}", orders.display())]);
    let out = run.output().unwrap();
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{log}");
    let changes = String::from_utf8(out.stdout).unwrap();
    let first = changes.lines().next().unwrap();
    assert!(
        readme.contains(&format!("```json\n{first}\n```")),
        "{first}"
    );
    assert_eq!(changes.lines().count(), 3, "{changes}");
}
